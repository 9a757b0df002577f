//! A short answer in the document's own words: the sentence in which the reader found it, and its neighbors as far as there is room.
//!
//! Nothing in it can be invented: it is a stretch of a passage. The person sees the stretch with its citation, and the bare span
//! as the short answer.

use super::cite::{self, Checked};
use super::condense::units;
use super::event::{Citation, Sentence, Source, Verdict};
use super::filter::OutputFilter;
use crate::config::AnswerStyle;

/// Words of a quotation at most: what is longer is cut around the answer.
const LONGEST: usize = 60;
/// Words up to which the neighbors of the answer's sentence are quoted with it. The reader misses by a sentence more often than by a
/// passage: of 786 `SQuAD` 2 questions the sentence alone held the answer to 77 %, 40 words on average to 80 %; of 40 about the Rust
/// book to 18 and 24.
const ROOM: usize = 50;

/// From which strength of a reading a quotation is enough.
const SURE: f32 = 0.0;

/// How much of an answer stands in a source's own words.
pub(super) enum Quoted {
    /// All of it.
    Whole(Quote),
    /// The model adds to it.
    Lead(Quote),
    /// It answers nothing for certain, but is what comes nearest.
    Closest(Quote),
}

impl Quoted {
    /// What the best source says: all that is needed where the reader is sure of it or nothing else is wanted, else a lead. Of 60 `SQuAD` 2
    /// questions of which it was not sure the lead held the answer to 52 %, what the default model wrote alone to 28 %.
    pub(super) fn of(best: &Source, style: AnswerStyle) -> Option<Self> {
        let (reading, span) = best.reading.and_then(|reading| Some((reading, reading.span?)))?;
        match style {
            AnswerStyle::Auto if reading.strength() < SURE => Some(Self::Lead(Quote::new(best, span))),
            AnswerStyle::Auto | AnswerStyle::Quote => Some(Self::Whole(Quote::new(best, span))),
            AnswerStyle::Copy | AnswerStyle::Write => None,
        }
    }

    /// What comes nearest to an answer where there is none for certain.
    pub(super) fn closest(best: &Source) -> Option<Self> {
        let span = best.reading.and_then(|reading| reading.span)?;
        Some(Self::Closest(Quote::new(best, span)))
    }
}

/// An answer in the words of a source.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Quote {
    /// What a person reads, without a citation.
    pub(super) text: String,
    /// The bare answer.
    pub(super) span: String,
    /// Where all of it stands.
    pub(super) citation: Citation,
}

impl Quote {
    /// The sentence around `span` (bytes of the source's text) with its neighbors, the shorter first, while there is room.
    pub(super) fn new(source: &Source, span: (usize, usize)) -> Self {
        let text = &source.text;
        let units = units(text);
        let holds = |(start, unit): &(usize, &str)| *start < span.1 && span.0 < start + unit.len();
        let mut first = units.iter().position(&holds).unwrap_or(0);
        let mut last = units.iter().rposition(holds).unwrap_or(first);
        let bytes = |first: usize, last: usize| {
            units.get(first).zip(units.get(last)).map_or((0, text.len()), |(a, b)| (a.0, b.0 + b.1.len()))
        };
        let words = |first: usize, last: usize| {
            let (start, end) = bytes(first, last);
            text[start..end].split_whitespace().count()
        };
        loop {
            let before = first.checked_sub(1).map(|before| (before, last));
            let after = (last + 1 < units.len()).then_some((first, last + 1));
            let wider = [before, after].into_iter().flatten().min_by_key(|(first, last)| words(*first, *last));
            match wider.filter(|(first, last)| words(*first, *last) <= ROOM) {
                Some(wider) => (first, last) = wider,
                None => break,
            }
        }
        let (start, end) = bytes(first, last);
        Self {
            text: around(text, start, end, span),
            span: trimmed(&text[span.0..span.1]),
            citation: cite::citation(source, start..start + text[start..end].trim_end().len(), Verdict::Supported),
        }
    }

    /// The quotation as the output filter lets it be shown.
    pub(super) fn shown(&self, filter: &OutputFilter) -> Self {
        Self { text: filter.shown(&self.text), ..self.clone() }
    }

    /// The quotation with its citation as an answer whose check is done: it is the source's text.
    pub(super) fn checked(&self) -> Checked {
        let text = format!("{} [{}]", self.text, self.citation.n);
        let n = self.citation.n;
        let sentence = Sentence { start: 0, end: text.len(), citations: vec![n], verdict: Verdict::Supported };
        Checked { text, sentences: vec![sentence], citations: vec![self.citation.clone()] }
    }
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
    fn the_answer_is_quoted_with_its_neighbors_on_one_line_and_the_span_is_bare() {
        let quoted = quote("It rains. The old bridge was built\nin 1886, by Anna Lindqvist. It was green.", "1886,");
        assert_eq!(quoted.text, "It rains. The old bridge was built in 1886, by Anna Lindqvist. It was green.");
        assert_eq!((quoted.span.as_str(), quoted.citation.n), ("1886", 2));
        assert_eq!(quote("The firm is Acme Inc. in Oslo.", "Acme Inc.").span, "Acme Inc");
        assert_eq!(quote("It began at 9 a.m. as agreed by all of us.", "9 a.m.").span, "9 a.m.");
    }

    #[test]
    fn neighbors_come_while_there_is_room_the_shorter_first() {
        let long = format!("{}end.", "Word ".repeat(45));
        let text = format!("Far away. {long} The bridge was built in 1886. It was green then.");
        assert_eq!(quote(&text, "1886").text, "The bridge was built in 1886. It was green then.");
        let text = format!("{long} It stands. The bridge was built in 1886. {long}");
        assert_eq!(quote(&text, "1886").text, "It stands. The bridge was built in 1886.");
    }

    #[test]
    fn the_citation_names_the_lines_and_the_words_of_the_whole_quotation() {
        let mut source = Source::of_text(2, "# Bridges\n\nIt stands.\n\nIt was built in 1886.\n");
        (source.start_line, source.end_line) = (10, 15);
        let start = source.text.find("1886").unwrap();
        let quoted = Quote::new(&source, (start, start + 4));
        let citation = &quoted.citation;
        assert_eq!((citation.start_line, citation.end_line, citation.n), (10, 14, 2));
        assert!(citation.text.starts_with("# Bridges") && citation.text.ends_with("in 1886."), "{citation:?}");
        let checked = quoted.checked();
        assert!(checked.text.ends_with("It was built in 1886. [2]"), "{}", checked.text);
        assert_eq!((checked.sentences[0].verdict, checked.sentences[0].end), (Verdict::Supported, checked.text.len()));
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
