//! A passage's best stretch: what a small model reads of it.
//!
//! On `SQuAD` 2 the gold answer stands in the best sentence of its paragraph for 0.85 of the questions, and in it or its two
//! neighbors for 0.94, at half the words; the 135M default model answers better from few sentences than from whole paragraphs.
//! The person still sees the whole passage, and answers are checked against all of it.

use std::collections::BTreeSet;

use super::cite::Terms;
use super::sentences::sentences;

/// A stretch of a passage, and how much of the question it shares.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Stretch {
    /// Consecutive sentences, as they stand in the passage.
    pub(super) text: String,
    /// Sum over the sentences of the idf of the question's terms in each.
    pub(super) worth: f32,
}

/// The `keep` sentences of `text` around `span`, or all of them where there are no more.
pub(super) fn stretch_around(text: &str, span: (usize, usize), keep: usize) -> &str {
    let parts = units(text);
    if parts.len() <= keep {
        return text;
    }
    let at = parts.iter().position(|(start, part)| span.0 < start + part.len()).unwrap_or(0);
    // What comes before explains more than what comes after.
    let first = at.saturating_sub(keep / 2).min(parts.len() - keep);
    let (first, last) = (parts[first], parts[first + keep - 1]);
    text[first.0..last.0 + last.1.len()].trim()
}

/// The `keep` consecutive sentences of `text` that share most with the question, the earliest among equals; the whole text when
/// it has no more.
pub(super) fn best_stretch(text: &str, question: &BTreeSet<String>, keep: usize, terms: &dyn Terms) -> Stretch {
    let parts = units(text);
    let worths: Vec<f32> = parts.iter().map(|(_, part)| worth(part, question, terms)).collect();
    if parts.len() <= keep {
        return Stretch { text: text.to_owned(), worth: worths.iter().sum() };
    }
    let mut best = (0, f32::MIN);
    for (at, window) in worths.windows(keep).enumerate() {
        let sum: f32 = window.iter().sum();
        if sum > best.1 {
            best = (at, sum);
        }
    }
    let (first, last) = (parts[best.0], parts[best.0 + keep - 1]);
    Stretch { text: text[first.0..last.0 + last.1.len()].trim().to_owned(), worth: best.1 }
}

/// The unit that holds the first byte of a range, or nothing where none does.
pub(super) fn unit_at(text: &str, at: usize) -> &str {
    units(text).into_iter().rev().find(|(start, _)| *start <= at).map_or("", |(_, unit)| unit)
}

/// Sentences, each with what it announces: "run the following:" is nothing without the command below it.
pub(super) fn units(text: &str) -> Vec<(usize, &str)> {
    let mut found: Vec<(usize, &str)> = Vec::new();
    for (start, part) in sentences(text) {
        match found.last_mut() {
            Some((first, last)) if last.trim_end().ends_with(':') || last.trim().is_empty() => {
                *last = &text[*first..start + part.len()];
            }
            _ => found.push((start, part)),
        }
    }
    found.retain(|(_, part)| !part.trim().is_empty());
    found
}

/// The sum of the rarities of the question's terms that a sentence holds, each once.
pub(super) fn worth(sentence: &str, question: &BTreeSet<String>, terms: &dyn Terms) -> f32 {
    let shared: BTreeSet<String> = terms.terms(sentence).into_iter().filter(|term| question.contains(term)).collect();
    shared.iter().map(|term| terms.idf(term)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Words;

    impl Terms for Words {
        fn terms(&self, text: &str) -> Vec<String> {
            text.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty()).map(str::to_lowercase).collect()
        }
        fn idf(&self, term: &str) -> f32 {
            if term == "the" { 0.1 } else { 1.0 }
        }
    }

    fn kept(text: &str, keep: usize) -> String {
        let question = ["pear", "pruned", "the"].map(str::to_owned).into();
        best_stretch(text, &question, keep, &Words).text
    }

    #[test]
    fn the_sentences_that_share_most_are_kept_with_their_neighbors() {
        let text = "The pear is old. It rains. On March 9 I pruned the pear. It was cold. The end.";
        assert_eq!(kept(text, 1), "On March 9 I pruned the pear.");
        assert_eq!(kept(text, 3), "The pear is old. It rains. On March 9 I pruned the pear.");
    }

    #[test]
    fn what_a_sentence_announces_stays_with_it() {
        let text = "It rains. I pruned the pear like this:\n\n$ saw branch\n\nThe end. Nothing more.";
        assert_eq!(kept(text, 1), "I pruned the pear like this:\n\n$ saw branch");
    }

    #[test]
    fn the_sentences_around_a_span_are_kept() {
        let text = "One is here. Two is here. Three is here. Four is here.";
        let around = |word: &str, keep| {
            let start = text.find(word).unwrap();
            stretch_around(text, (start, start + word.len()), keep)
        };
        assert_eq!(around("Three", 1), "Three is here.");
        assert_eq!(around("Three", 3), "Two is here. Three is here. Four is here.");
        assert_eq!(around("One", 2), "One is here. Two is here.");
        assert_eq!(around("Four", 3), "Two is here. Three is here. Four is here.");
        assert_eq!(around("Four", 9), text);
    }

    #[test]
    fn a_short_passage_stays_as_it_is() {
        assert_eq!(kept("The pear.\nIt rains.", 4), "The pear.\nIt rains.");
        assert_eq!(kept("", 2), "");
    }
}
