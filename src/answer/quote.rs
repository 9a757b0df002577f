//! A short answer in the document's own words: the sentence in which the reader found it.
//!
//! Nothing in it can be invented: it is a stretch of a passage. The person sees the sentence with its citation, and the bare span
//! as the short answer.

use super::condense::units;
use super::event::Source;
use crate::config::AnswerStyle;

/// Words of a quotation at most: what is longer is cut around the answer.
const LONGEST: usize = 60;
/// A sentence of fewer words says little without the one before it.
const SHORT: usize = 7;

/// From which strength of a reading a quotation is enough.
const SURE: f32 = 0.0;

/// How much of an answer stands in a source's own words.
pub(super) enum Quoted {
    /// All of it.
    Whole(Quote),
    /// The model adds to it.
    Lead(Quote),
}

impl Quoted {
    /// What the best source says: all that is needed where the reader is sure of it or nothing else is wanted, else a lead. Of 60 `SQuAD` 2
    /// questions of which it was not sure the lead held the answer to 52 %, what the default model wrote alone to 28 %.
    pub(super) fn of(sources: &[Source], style: AnswerStyle) -> Option<Self> {
        let best = sources.first()?;
        let (reading, span) = best.reading.and_then(|reading| Some((reading, reading.span?)))?;
        match style {
            AnswerStyle::Auto if reading.strength() < SURE => Some(Self::Lead(Quote::new(best, span))),
            AnswerStyle::Auto | AnswerStyle::Quote => Some(Self::Whole(Quote::new(best, span))),
            AnswerStyle::Write => None,
        }
    }
}

/// An answer in the words of a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Quote {
    /// The source's number.
    pub(super) n: u32,
    /// What a person reads, without a citation.
    pub(super) text: String,
    /// The bare answer.
    pub(super) span: String,
}

impl Quote {
    /// The sentence around `span` (bytes of the source's text).
    pub(super) fn new(source: &Source, span: (usize, usize)) -> Self {
        let text = &source.text;
        let units = units(text);
        let holds = |(start, unit): &(usize, &str)| *start < span.1 && span.0 < start + unit.len();
        let first = units.iter().position(&holds).unwrap_or(0);
        let last = units.iter().rposition(holds).unwrap_or(first);
        let (mut start, end) =
            units.get(first).zip(units.get(last)).map_or((0, text.len()), |(a, b)| (a.0, b.0 + b.1.len()));
        let words = |from: usize| text[from..end].split_whitespace().count();
        if first > 0 && (words(start) < SHORT || points_back(&text[start..end])) {
            let before = units[first - 1].0;
            if words(before) <= LONGEST {
                start = before;
            }
        }
        Self { n: source.n, text: around(text, start, end, span), span: trimmed(&text[span.0..span.1]) }
    }
}

/// Whether a sentence begins with a word that stands for something before it. English, as what the default models read best.
fn points_back(sentence: &str) -> bool {
    const POINTERS: [&str; 12] =
        ["it", "its", "he", "she", "they", "his", "her", "their", "this", "these", "that", "those"];
    let first = sentence.trim_start().split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
    POINTERS.contains(&first.to_lowercase().as_str())
}

/// `start..end` of `text` on one line, cut to [`LONGEST`] words around `span` with an ellipsis where something is missing.
fn around(text: &str, start: usize, end: usize, span: (usize, usize)) -> String {
    let before: Vec<&str> = text[start..span.0.clamp(start, end)].split_whitespace().collect();
    let rest: Vec<&str> = text[span.0.clamp(start, end)..end].split_whitespace().collect();
    let room = LONGEST.saturating_sub(rest.len().min(LONGEST / 2));
    let skip = before.len().saturating_sub(room);
    let keep = rest.len().min(LONGEST - (before.len() - skip).min(LONGEST));
    // Words touch where the span begins inside one.
    let glued = span.0 > start
        && !text[..span.0].ends_with(char::is_whitespace)
        && !text[span.0..].starts_with(char::is_whitespace);
    let mut shown = String::new();
    if skip > 0 {
        shown.push_str("… ");
    }
    shown.push_str(&before[skip..].join(" "));
    if !before.is_empty() && !rest.is_empty() && !glued {
        shown.push(' ');
    }
    shown.push_str(&rest[..keep].join(" "));
    if keep < rest.len() {
        shown.push_str(" …");
    }
    shown
}

/// A span without the punctuation at its ends, on one line.
fn trimmed(span: &str) -> String {
    let line = span.split_whitespace().collect::<Vec<_>>().join(" ");
    let bare = line.trim_matches(|c: char| matches!(c, ',' | ';' | ':' | '"' | '“' | '”' | '\'' | '*' | '`' | '_'));
    let bare = bare.strip_suffix('.').filter(|rest| !rest.contains('.')).unwrap_or(bare);
    bare.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn quote(text: &str, answer: &str) -> Quote {
        let start = text.find(answer).unwrap();
        Quote::new(&Source::of_text(2, text), (start, start + answer.len()))
    }

    #[test]
    fn the_sentence_of_the_answer_is_quoted_on_one_line_and_the_span_is_bare() {
        let quoted = quote("It rains. The old bridge was built\nin 1886, by Anna Lindqvist. It was green.", "1886,");
        assert_eq!(quoted.text, "The old bridge was built in 1886, by Anna Lindqvist.");
        assert_eq!((quoted.span.as_str(), quoted.n), ("1886", 2));
        assert_eq!(quote("The firm is Acme Inc. in Oslo.", "Acme Inc.").span, "Acme Inc");
        assert_eq!(quote("It began at 9 a.m. as agreed by all of us.", "9 a.m.").span, "9 a.m.");
    }

    #[test]
    fn a_sentence_that_points_back_brings_the_one_before_it() {
        let text = "The old bridge crosses the river. It was built in 1886 by a woman from the valley. The end.";
        assert_eq!(
            quote(text, "1886").text,
            "The old bridge crosses the river. It was built in 1886 by a woman from the valley."
        );
        assert_eq!(quote("Who came? Anna came. All left.", "Anna").text, "Who came? Anna came.");
    }

    #[test]
    fn a_long_sentence_is_cut_around_the_answer() {
        let long = format!("{}the answer is forty-two {}end.", "left ".repeat(80), "right ".repeat(80));
        let quoted = quote(&long, "forty-two");
        assert!(quoted.text.starts_with("… left") && quoted.text.ends_with("right …"), "{}", quoted.text);
        assert!(quoted.text.contains("answer is forty-two right"));
        assert!(quoted.text.split_whitespace().count() <= LONGEST + 2);
    }

    proptest! {
        #[test]
        fn every_word_of_a_quotation_stands_in_the_source_in_this_order(
            text in "([A-Za-zäß東]{1,6}[ .,\n:]{1,2}){1,120}", at in 0.0f64..1.0, len in 0usize..40,
        ) {
            let start = text.floor_char_boundary((text.len() as f64 * at) as usize);
            let end = text.ceil_char_boundary((start + len).min(text.len()));
            let quoted = Quote::new(&Source::of_text(2, &text), (start, end));
            let words: Vec<&str> = quoted.text.split_whitespace().filter(|word| *word != "…").collect();
            let whole: Vec<&str> = text.split_whitespace().collect();
            prop_assert!(words.len() <= 2 * LONGEST);
            let joined = whole.join(" ");
            prop_assert!(joined.contains(&words.join(" ")), "{:?} in {:?}", words, joined);
        }
    }
}
