//! Text → the terms that are indexed and searched. The same code on both sides, so that they always meet.
//!
//! Flow: [`mod@segment`] finds words, identifiers and unspaced scripts and normalizes them (NFKC, lower case);
//! [`stem`] maps words to stems; [`stop`] knows the words that say nothing in a question. Each word is searchable
//! by its stem and, at a lower weight, as it is written, so that a stemmer's mistake never loses the exact word.
//!
//! A document is stemmed by its own language ([`language`]). A query is too short to tell, so each of its words has a stem in
//! every language of the folder: alternatives of one word, of which a passage holds one.
//!
//! Changing anything here changes what stands in existing word indexes: raise `words::VERSION`.

mod class;
mod language;
mod segment;
mod stem;
mod stop;

use std::collections::HashSet;

pub(crate) use language::{Language, Languages, SAMPLE, add_to_sample, detect, is_english_rather};
pub(crate) use segment::{Kind, Token, segment};
pub(crate) use stem::Stems;

/// Fewest characters of a word that may be a misspelled other one: most short words are one edit from several.
pub(crate) const CORRECTABLE: usize = 4;

/// A word of a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct QueryTerm {
    /// Its stem in each language of the folder, in their order, repeats included; a piece of unspaced script as it is, once.
    pub(crate) stems: Vec<String>,
    /// As it is written, for the field of exact words; `None` for a piece of unspaced script.
    pub(crate) exact: Option<String>,
    /// Its place in the text, counted as in the index; `None` for a compound that stands beside its parts.
    pub(crate) position: Option<usize>,
    /// Whether it may be a misspelled other word: names in capitals and identifiers with digits are what they are.
    pub(crate) correctable: bool,
}

/// The terms of a query in reading order, repeats included. Stop words are left out unless nothing else is left.
pub(crate) fn query_terms(text: &str, languages: Languages) -> Vec<QueryTerm> {
    let mut stems = Stems::new();
    let (mut telling, mut stops) = (Vec::new(), Vec::new());
    let tokens = segment(text);
    let words: Vec<&str> = tokens.iter().filter(|token| token.kind == Kind::Word).map(|token| &*token.text).collect();
    let spoken = stop::spoken(&words, languages);
    let shouted = !text.contains(char::is_lowercase);
    for token in tokens {
        let is_stop = token.kind == Kind::Word && stop::is_stop_word(&token.text, spoken);
        let terms = if is_stop { &mut stops } else { &mut telling };
        let position = (token.kind != Kind::Compound).then_some(token.position);
        let written = &text[token.start..token.end];
        let capitals = !shouted && written.contains(char::is_uppercase) && !written.contains(char::is_lowercase);
        let correctable = token.kind == Kind::Word
            && token.text.chars().nth(CORRECTABLE - 1).is_some()
            && !token.text.contains(char::is_numeric)
            && !capitals;
        let (stems, exact) = match token.kind {
            Kind::Gram => (vec![token.text.into_owned()], None),
            Kind::Word | Kind::Compound => {
                (stems.in_each(languages.spoken(), &token.text), Some(token.text.into_owned()))
            }
        };
        terms.push(QueryTerm { stems, exact, position, correctable });
    }
    if telling.is_empty() { stops } else { telling }
}

/// Whether a lower-case word says nothing about what is asked, in one of the languages.
pub(crate) fn is_stop_word(word: &str, languages: Languages) -> bool {
    stop::is_stop_word(word, languages.spoken())
}

/// The stems of every word of a text, stop words included: a passage that holds the words holds one of each.
pub(crate) fn all_terms(text: &str, languages: Languages) -> Vec<Vec<String>> {
    let mut stems = Stems::new();
    let tokens = segment(text).into_iter().filter(|token| token.kind != Kind::Compound);
    let alternatives = |token: Token<'_>| match token.kind {
        Kind::Gram => vec![token.text.into_owned()],
        Kind::Word | Kind::Compound => distinct(stems.in_each(languages.spoken(), &token.text)),
    };
    tokens.map(alternatives).collect()
}

/// Stems without repeats, in their order.
pub(crate) fn distinct(stems: Vec<String>) -> Vec<String> {
    let mut distinct: Vec<String> = Vec::with_capacity(stems.len());
    for stem in stems {
        if !distinct.contains(&stem) {
            distinct.push(stem);
        }
    }
    distinct
}

/// The stemmed terms of an English `text` in reading order, repeats included, without stop words (unless nothing else is left).
/// Of a text in the languages of a folder: [`crate::Snapshot::analyze`].
pub fn analyze(text: &str) -> Vec<String> {
    query_terms(text, Languages::ENGLISH).into_iter().flat_map(|term| term.stems).collect()
}

/// Calls `each` for every term of a text, by each of the languages, as it stands in the stemmed fields.
pub(crate) fn each_stem(text: &str, languages: Languages, stems: &mut Stems, mut each: impl FnMut(&str)) {
    for token in segment(text) {
        match token.kind {
            Kind::Gram => each(&token.text),
            Kind::Word | Kind::Compound => {
                languages.spoken().iter().for_each(|language| each(stems.of(language, &token.text)));
            }
        }
    }
}

/// Byte ranges of an English `text` that share a term with `question`: sorted, disjoint, on character borders. Of a text in
/// the languages of a folder: [`crate::Snapshot::highlights`].
pub fn highlights(question: &str, text: &str) -> Vec<(usize, usize)> {
    places_of(&analyze(question).into_iter().collect(), text, Languages::ENGLISH)
}

/// Byte ranges of `text` where one of the `wanted` stems stands: sorted, disjoint, on character borders.
pub(crate) fn places_of(wanted: &HashSet<String>, text: &str, languages: Languages) -> Vec<(usize, usize)> {
    let mut stems = Stems::new();
    let mut ranges: Vec<(usize, usize)> = Vec::new();
    for token in segment(text) {
        let found = match token.kind {
            Kind::Gram => wanted.contains(&*token.text),
            Kind::Word | Kind::Compound => {
                languages.spoken().iter().any(|language| wanted.contains(stems.of(language, &token.text)))
            }
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
    fn a_word_has_a_stem_in_every_language_of_the_folder() {
        let both = Languages::from(vec![Language::English, Language::German]);
        let stems = |text: &str, languages| query_terms(text, languages).remove(0).stems;
        assert_eq!(stems("Häuser", both), ["häuser", "haus"]);
        assert_eq!(stems("basalt", both), ["basalt", "basalt"]);
        assert_eq!(stems("Häuser", Languages::default()), ["häuser"], "of no language: as English");
        assert_eq!(stems("東", both), ["東"]);
        assert_eq!(all_terms("Häuser basalt", both), [vec!["häuser", "haus"], vec!["basalt"]]);
    }

    #[test]
    fn names_numbers_and_short_words_are_never_taken_for_mistakes() {
        let correctable = |text: &str| -> Vec<bool> {
            query_terms(text, Languages::ENGLISH).iter().map(|term| term.correctable).collect()
        };
        assert_eq!(correctable("libary NASA cat x86_64 Berlni"), [true, false, false, false, false, false, true]);
        assert_eq!(correctable("LIBARY"), [true], "where everything is in capitals they say nothing");
        assert_eq!(correctable("東京"), [false, false, false]);
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
            let all = Languages::from(Language::ALL.to_vec());
            for term in query_terms(&text, all) {
                prop_assert!(!term.stems.is_empty() && term.stems.iter().all(|stem| !stem.is_empty()));
            }
            detect(&text);
            let wanted = query_terms(&question, all).into_iter().flat_map(|term| term.stems).collect();
            for ranges in [highlights(&question, &text), places_of(&wanted, &text, all)] {
                prop_assert!(ranges.iter().all(|&(a, b)| a < b && text.get(a..b).is_some()));
                prop_assert!(ranges.windows(2).all(|pair| pair[0].1 < pair[1].0));
            }
        }
    }
}
