//! The bare span of an answer: what it says beyond the question's own words.
//!
//! A sentence that answers "Who designed the bridge?" repeats the question ("The bridge was designed by …") and adds the
//! span. The span is the stretch of words that the question does not have; where there are several, the kind of thing that
//! is asked for decides. English only: other languages have no cue words here, and questions without a cue no span.

use std::collections::BTreeSet;

use unicode_segmentation::UnicodeSegmentation as _;

use super::cite::Terms;
use super::sentences::sentences;

/// More words than this are an explanation.
const LONGEST: usize = 10;

/// What a question asks for, by its cue words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    /// A date, a quantity.
    Number,
    /// A person, a place.
    Name,
    /// Anything short.
    Thing,
}

/// The span of the first sentence of `answer`, markers already removed; `None` where the question does not ask for one or
/// the sentence adds nothing short to it.
pub(super) fn short_answer(question: &str, answer: &str, terms: &dyn Terms) -> Option<String> {
    let asked = asked(question)?;
    let known: BTreeSet<String> = terms.terms(question).into_iter().collect();
    let all = sentences(answer);
    let sentence = all.iter().map(|(_, sentence)| sentence.trim()).find(|sentence| !sentence.is_empty())?;
    let best = stretches(sentence, &known, terms)
        .into_iter()
        .filter(|stretch| stretch.unicode_words().count() <= LONGEST)
        // The last of those that fit: English puts what is new at the end.
        .max_by_key(|stretch| fits(stretch, asked))?;
    Some(best.to_owned())
}

/// What a question asks for; `None` where nothing short would answer it.
pub(super) fn asked(question: &str) -> Option<Asked> {
    let words: Vec<String> = question.unicode_words().map(str::to_lowercase).collect();
    words.iter().enumerate().find_map(|(at, word)| {
        let next = words.get(at + 1).map(String::as_str);
        match word.as_str() {
            "when" => Some(Asked::Number),
            "how" => {
                matches!(next, Some("many" | "much" | "long" | "old" | "far" | "tall" | "often" | "large" | "big"))
                    .then_some(Asked::Number)
            }
            "what" | "which" if matches!(next, Some("year" | "date" | "percentage" | "day" | "century" | "number")) => {
                Some(Asked::Number)
            }
            "who" | "whom" | "whose" | "where" => Some(Asked::Name),
            "what" | "which" => Some(Asked::Thing),
            _ => None,
        }
    })
}

fn fits(stretch: &str, asked: Asked) -> bool {
    match asked {
        Asked::Number => stretch.chars().any(|c| c.is_ascii_digit()),
        Asked::Name => stretch.unicode_words().any(|word| word.chars().next().is_some_and(char::is_uppercase)),
        Asked::Thing => true,
    }
}

/// The stretches of words that are new, function words at their ends cut off.
fn stretches<'a>(sentence: &'a str, known: &BTreeSet<String>, terms: &dyn Terms) -> Vec<&'a str> {
    // A word by itself is never a function word to the analyzer; inside its sentence it may be.
    let content: BTreeSet<String> = terms.terms(sentence).into_iter().collect();
    let mut found = Vec::new();
    let mut open: Option<(usize, usize)> = None;
    for (start, word) in sentence.unicode_word_indices() {
        let of_word = terms.terms(word);
        if of_word.iter().any(|term| known.contains(term)) {
            found.extend(open.take());
        } else if of_word.iter().any(|term| content.contains(term)) {
            let end = start + word.len();
            open = Some((open.map_or(start, |(first, _)| first), end));
        }
    }
    found.extend(open);
    found.into_iter().map(|(start, end)| &sentence[start..end]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Words;

    impl Terms for Words {
        fn terms(&self, text: &str) -> Vec<String> {
            const STOP: [&str; 12] = ["the", "a", "of", "was", "by", "is", "in", "did", "who", "when", "what", "and"];
            text.unicode_words()
                .map(|word| word.to_lowercase().trim_end_matches("ed").to_owned())
                .filter(|word| !STOP.contains(&word.as_str()))
                .collect()
        }
        fn idf(&self, _: &str) -> f32 {
            1.0
        }
    }

    #[test]
    fn the_span_is_what_the_question_does_not_say() {
        for (question, answer, span) in [
            ("Who designed the Amber Bridge?", "The Amber Bridge was designed by Ida Holm.", Some("Ida Holm")),
            ("When did the leader publish it?", "The leader, William Farel, published it in 1530.", Some("1530")),
            ("What is the capital of France?", "Paris is the capital of France.", Some("Paris")),
            ("Who came?", "Who came came.", None),
            ("Why did it break?", "Because it was old.", None),
            ("How does it work?", "It works by steam.", None),
            ("What is it?", "", None),
        ] {
            assert_eq!(short_answer(question, answer, &Words).as_deref(), span, "{question}");
        }
    }

    #[test]
    fn an_explanation_has_no_span() {
        let long = "Because one two three four five six seven eight nine ten eleven twelve words are many.";
        assert_eq!(short_answer("What happened?", long, &Words), None);
    }
}
