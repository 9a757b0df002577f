//! Text → the terms that are indexed and searched. The same code on both sides, so that they always meet.
//!
//! Flow: [`mod@segment`] finds words, identifiers and unspaced scripts and normalizes them (NFKC, lower case);
//! [`stem`] maps words to stems; [`stop`] knows the words that say nothing in a question. Each word is searchable
//! by its stem and, at a lower weight, as it is written, so that a stemmer's mistake never loses the exact word.
//!
//! Changing anything here changes what stands in existing word indexes: raise `words::VERSION`.

mod segment;
mod stem;
mod stop;

use std::collections::HashSet;

pub(crate) use segment::{Kind, Token, segment};
pub(crate) use stem::Stems;

/// A word of a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct QueryTerm {
    /// As it stands in the stemmed fields.
    pub(crate) stem: String,
    /// As it is written, for the field of exact words; `None` for a piece of unspaced script.
    pub(crate) exact: Option<String>,
    /// Its place in the text, counted as in the index; `None` for a compound that stands beside its parts.
    pub(crate) position: Option<usize>,
}

/// The terms of a query in reading order, repeats included. Stop words are left out unless nothing else is left.
pub(crate) fn query_terms(text: &str) -> Vec<QueryTerm> {
    let mut stems = Stems::new();
    let (mut telling, mut stops) = (Vec::new(), Vec::new());
    for token in segment(text) {
        let is_stop = token.kind == Kind::Word && stop::is_stop_word(&token.text);
        let terms = if is_stop { &mut stops } else { &mut telling };
        let position = (token.kind != Kind::Compound).then_some(token.position);
        match token.kind {
            Kind::Gram => terms.push(QueryTerm { stem: token.text, exact: None, position }),
            Kind::Word | Kind::Compound => {
                for stem in stems.of(&token.text) {
                    let stem = stem.clone();
                    terms.push(QueryTerm { stem, exact: Some(token.text.clone()), position });
                }
            }
        }
    }
    if telling.is_empty() { stops } else { telling }
}

/// One stem of every word of a text, stop words included: what a passage that holds the words holds.
pub(crate) fn all_terms(text: &str) -> Vec<String> {
    let mut stems = Stems::new();
    let tokens = segment(text).into_iter().filter(|token| token.kind != Kind::Compound);
    let term = |token: Token| match token.kind {
        Kind::Gram => Some(token.text),
        Kind::Word | Kind::Compound => stems.of(&token.text).first().cloned(),
    };
    tokens.filter_map(term).collect()
}

/// The stemmed terms of `text` in reading order, repeats included, without stop words (unless nothing else is left).
pub fn analyze(text: &str) -> Vec<String> {
    query_terms(text).into_iter().map(|term| term.stem).collect()
}

/// Calls `each` for every term of a text as it stands in the stemmed fields.
pub(crate) fn each_stem(text: &str, stems: &mut Stems, mut each: impl FnMut(&str)) {
    for token in segment(text) {
        match token.kind {
            Kind::Gram => each(&token.text),
            Kind::Word | Kind::Compound => stems.of(&token.text).iter().for_each(|stem| each(stem)),
        }
    }
}

/// Byte ranges of `text` that share a term with `question`: sorted, disjoint, on character borders.
pub fn highlights(question: &str, text: &str) -> Vec<(usize, usize)> {
    let wanted: HashSet<String> = analyze(question).into_iter().collect();
    let mut stems = Stems::new();
    let mut ranges: Vec<(usize, usize)> = Vec::new();
    for token in segment(text) {
        let found = match token.kind {
            Kind::Gram => wanted.contains(&token.text),
            Kind::Word | Kind::Compound => stems.of(&token.text).iter().any(|stem| wanted.contains(stem)),
        };
        if found {
            match ranges.last_mut() {
                // A compound stands before its parts, a bigram over two characters: they overlap.
                Some(last) if token.start <= last.1 => last.1 = last.1.max(token.end),
                _ => ranges.push((token.start, token.end)),
            }
        }
    }
    ranges
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn forms_of_a_word_meet_in_its_stem() {
        assert_eq!(analyze("Connections"), analyze("connected"));
        assert_eq!(analyze("the files"), ["file"]);
    }

    #[test]
    fn stop_words_stay_when_nothing_else_is_left() {
        assert_eq!(analyze("What is it?"), ["what", "is", "it"]);
        assert_eq!(analyze("What is ownership?"), analyze("ownership"));
    }

    #[test]
    fn highlights_cover_the_words_of_the_question_only() {
        let text = "Borrowing borrows: a borrow_checker checks.";
        let shown: Vec<&str> =
            highlights("who borrowed the borrow-checker?", text).iter().map(|&(a, b)| &text[a..b]).collect();
        assert_eq!(shown, ["Borrowing", "borrows", "borrow_checker"]);
    }

    proptest! {
        #[test]
        fn any_text_can_be_analyzed(text in any::<String>(), question in any::<String>()) {
            for term in query_terms(&text) {
                prop_assert!(!term.stem.is_empty());
            }
            let ranges = highlights(&question, &text);
            prop_assert!(ranges.iter().all(|&(a, b)| a < b && text.get(a..b).is_some()));
            prop_assert!(ranges.windows(2).all(|pair| pair[0].1 < pair[1].0));
        }
    }
}
