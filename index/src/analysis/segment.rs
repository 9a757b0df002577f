//! Text → tokens: words, identifiers and their parts, and pieces of scripts that are written without spaces.
//!
//! * Words: runs of letters, digits and marks, in NFKC and lower case.
//! * Identifiers and compounds (`snake_case`, `camelCase`, `a.b.c`, `path::name`, `e-mail`): the parts, and beside the
//!   first of them the whole without its connectors, so that `borrow_checker`, `borrow-checker`, `borrowChecker` and
//!   `borrowchecker` meet. Numbers keep their connectors: `3.14` is not `314`.
//! * Han, Kana and Hangul: every character and every pair of neighbors (0.94 of the first hits right on Chinese
//!   questions, against 0.10 for runs taken as words). Thai, Lao, Khmer and Burmese: runs of three characters.
//!
//! Invariant: tokens stand in the order of their positions; positions grow by one per word, character or piece.

use std::borrow::Cow;

use unicode_normalization::UnicodeNormalization;

use super::class::{Class, class, class_of_ascii, continues};

/// Characters of a word that are kept: beyond that lie keys, checksums and encoded data, which their first part names
/// well enough.
const LONGEST_WORD: usize = 64;
/// Parts of a compound whose whole is kept: longer chains are listings, not names.
const MOST_PARTS: usize = 8;

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A word, or a part of an identifier.
    Word,
    /// A whole identifier or compound, beside its parts.
    Compound,
    /// A piece of unspaced script: never stemmed.
    Gram,
}

/// A term of a text with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Token<'a> {
    pub(crate) kind: Kind,
    /// Normalized, not stemmed; of the text itself where it stands there like this, as most words do.
    pub(crate) text: Cow<'a, str>,
    pub(crate) position: usize,
    /// First byte in the text.
    pub(crate) start: usize,
    /// One past the last byte in the text.
    pub(crate) end: usize,
}

/// The tokens of a text.
pub(crate) fn segment(text: &str) -> Vec<Token<'_>> {
    let mut out = Segmenter { text, tokens: Vec::with_capacity(text.len() / 5), position: 0 };
    let mut start = 0;
    while let Some(c) = text[start..].chars().next() {
        let kind = class(c);
        let end = match kind {
            Class::Word => {
                let plain = plain_end(text, start);
                let end = plain.unwrap_or_else(|| compound_end(text, start));
                if plain.is_some() {
                    out.plain(start, end);
                } else {
                    out.compound(start, end);
                }
                end
            }
            Class::Ideograph | Class::Unspaced => {
                let end = run_end(text, start, kind);
                if kind == Class::Ideograph {
                    out.ideographs(start, end);
                } else {
                    out.unspaced(start, end);
                }
                end
            }
            Class::Mark | Class::Ignorable | Class::Connector | Class::Other => start + c.len_utf8(),
        };
        start = end;
    }
    out.tokens
}

/// Where a word ends that is ASCII letters and digits without a capital inside, with nothing behind it that could belong to it;
/// `None` where there is no such word. Most words of most texts are, and need no closer look.
fn plain_end(text: &str, start: usize) -> Option<usize> {
    let bytes = &text.as_bytes()[start..];
    let length = bytes.iter().position(|byte| !byte.is_ascii_alphanumeric()).unwrap_or(bytes.len());
    let other = |place: usize| bytes.get(place).is_none_or(|&byte| class_of_ascii(byte) == Some(Class::Other));
    let connector = bytes.get(length).is_some_and(|&byte| class_of_ascii(byte) == Some(Class::Connector));
    let alone = other(length) || (connector && other(length + 1));
    let capital_inside = bytes.get(1..length)?.iter().any(u8::is_ascii_uppercase);
    (alone && !capital_inside).then_some(start + length)
}

/// Where the compound that starts at `start` ends: words joined by one connector each (`::` counts as one).
fn compound_end(text: &str, start: usize) -> usize {
    let mut end = word_end(text, start);
    loop {
        let after = &text[end..];
        let connector = match after.chars().next() {
            Some(':') if after.starts_with("::") => 2,
            Some(c) if c != ':' && class(c) == Class::Connector => c.len_utf8(),
            _ => return end,
        };
        let next = end + connector;
        if !text[next..].chars().next().is_some_and(|c| class(c) == Class::Word) {
            return end;
        }
        end = word_end(text, next);
    }
}

fn word_end(text: &str, start: usize) -> usize {
    run_end(text, start, Class::Word)
}

/// Where the run of a class that starts at `start` ends.
fn run_end(text: &str, start: usize, run: Class) -> usize {
    let after = text[start..].char_indices().find(|&(_, c)| !continues(run, class(c)));
    after.map_or(text.len(), |(at, _)| start + at)
}

struct Segmenter<'a> {
    text: &'a str,
    tokens: Vec<Token<'a>>,
    position: usize,
}

impl<'a> Segmenter<'a> {
    /// Emits a word that [`plain_end`] found.
    fn plain(&mut self, start: usize, end: usize) {
        let written = &self.text[start..end];
        // No capital stands inside.
        let capital = written.starts_with(|c: char| c.is_ascii_uppercase());
        let lower = if capital { Cow::Owned(written.to_ascii_lowercase()) } else { Cow::Borrowed(written) };
        self.push(Kind::Word, cut(lower), start, end);
        self.position += 1;
    }

    /// Emits a word, or the whole and the parts of a compound.
    fn compound(&mut self, start: usize, end: usize) {
        let mut parts: Vec<(usize, usize)> = Vec::new();
        let mut at = start;
        while at < end {
            let stop = word_end(self.text, at).min(end);
            split_camel_case(self.text, at, stop, &mut parts);
            at = stop
                + self.text[stop..end]
                    .chars()
                    .take_while(|&c| class(c) == Class::Connector)
                    .map(char::len_utf8)
                    .sum::<usize>();
        }
        let words: Vec<String> = parts.iter().map(|&(a, b)| normalize(&self.text[a..b])).collect();
        if parts.len() > 1 && parts.len() <= MOST_PARTS {
            let number = words.iter().all(|word| word.bytes().all(|b| b.is_ascii_digit()));
            let whole = if number { normalize(&self.text[start..end]) } else { words.concat() };
            if whole.chars().count() <= LONGEST_WORD {
                self.push(Kind::Compound, whole.into(), start, end);
            }
        }
        for (word, (a, b)) in words.into_iter().zip(parts) {
            self.push(Kind::Word, cut(word.into()), a, b);
            self.position += 1;
        }
    }

    /// Emits every character and every pair of neighbors.
    fn ideographs(&mut self, start: usize, end: usize) {
        let characters = self.characters(start, end);
        for (i, (character, a, b)) in characters.iter().enumerate() {
            self.push(Kind::Gram, character.clone().into(), *a, *b);
            if let Some((next, _, next_end)) = characters.get(i + 1) {
                self.push(Kind::Gram, format!("{character}{next}").into(), *a, *next_end);
            }
            self.position += 1;
        }
    }

    /// Emits runs of three characters; a shorter run as it is.
    fn unspaced(&mut self, start: usize, end: usize) {
        let characters = self.characters(start, end);
        let width = characters.len().min(3);
        for window in characters.windows(width.max(1)) {
            let text: String = window.iter().map(|(character, ..)| character.as_str()).collect();
            self.push(Kind::Gram, text.into(), window[0].1, window[width - 1].2);
            self.position += 1;
        }
    }

    /// The normalized characters of a run with their places; a character that normalizes to nothing is left out.
    fn characters(&self, start: usize, end: usize) -> Vec<(String, usize, usize)> {
        let run = &self.text[start..end];
        let mut characters: Vec<(String, usize, usize)> = Vec::new();
        for (at, c) in run.char_indices() {
            let (from, to) = (start + at, start + at + c.len_utf8());
            // A voicing mark belongs to the Kana before it: together they are one character.
            let joins = matches!(c, '\u{FF9E}' | '\u{FF9F}' | '\u{3099}' | '\u{309A}') || class(c) == Class::Mark;
            match characters.last_mut() {
                Some((text, _, end)) if joins => {
                    text.push(c);
                    *text = normalize(text);
                    *end = to;
                }
                _ => characters.push((normalize(c.encode_utf8(&mut [0; 4])), from, to)),
            }
        }
        characters.retain(|(text, ..)| !text.is_empty());
        characters
    }

    fn push(&mut self, kind: Kind, text: Cow<'a, str>, start: usize, end: usize) {
        if !text.is_empty() {
            self.tokens.push(Token { kind, text, position: self.position, start, end });
        }
    }
}

/// Splits `camelCase` and `HTTPServer` at their inner borders, unless a part would be a single letter: `mRNA`, `IgG` and
/// `iPhone` are words.
fn split_camel_case(text: &str, start: usize, end: usize, parts: &mut Vec<(usize, usize)>) {
    let word = &text[start..end];
    let mut borders = vec![start];
    let characters: Vec<(usize, char)> = word.char_indices().collect();
    for (i, &(at, c)) in characters.iter().enumerate().skip(1) {
        let before = characters[i - 1].1;
        let lower_after = characters.get(i + 1).is_some_and(|&(_, next)| next.is_lowercase());
        if c.is_uppercase() && (before.is_lowercase() || (before.is_uppercase() && lower_after)) {
            borders.push(start + at);
        }
    }
    borders.push(end);
    let all_long = borders.windows(2).all(|pair| text[pair[0]..pair[1]].chars().nth(1).is_some());
    if borders.len() > 2 && all_long {
        parts.extend(borders.windows(2).map(|pair| (pair[0], pair[1])));
    } else {
        parts.push((start, end));
    }
}

/// NFKC in lower case, without what is invisible inside words.
fn normalize(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let visible = text.chars().filter(|&c| class(c) != Class::Ignorable);
    let mut lower = visible.nfkc().collect::<String>().to_lowercase();
    // `İ` becomes an `i` with a second dot, which nobody types.
    if lower.contains("i\u{307}") {
        lower = lower.replace("i\u{307}", "i");
    }
    // Lower-casing can leave the normal form.
    lower.nfkc().collect()
}

fn cut(word: Cow<'_, str>) -> Cow<'_, str> {
    if word.len() <= LONGEST_WORD {
        return word;
    }
    let Some((at, _)) = word.char_indices().nth(LONGEST_WORD) else { return word };
    match word {
        Cow::Borrowed(word) => Cow::Borrowed(&word[..at]),
        Cow::Owned(mut word) => {
            word.truncate(at);
            Cow::Owned(word)
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn words(text: &str) -> Vec<String> {
        segment(text).into_iter().map(|token| token.text.into_owned()).collect()
    }

    #[test]
    fn identifiers_give_their_parts_and_their_whole() {
        assert_eq!(words("borrow_checker"), ["borrowchecker", "borrow", "checker"]);
        assert_eq!(words("borrowChecker"), ["borrowchecker", "borrow", "checker"]);
        assert_eq!(words("HTTPServer"), ["httpserver", "http", "server"]);
        assert_eq!(words("std::fs"), ["stdfs", "std", "fs"]);
        assert_eq!(words("v1.2"), ["v12", "v1", "2"]);
        assert_eq!(words("3.14, 2024-05-12"), ["3.14", "3", "14", "2024-05-12", "2024", "05", "12"]);
        assert_eq!(words("mRNA iPhone"), ["mrna", "iphone"]);
        assert_eq!(words("End. note: x"), ["end", "note", "x"]);
    }

    #[test]
    fn forms_of_a_character_are_one() {
        assert_eq!(words("Ｆｕｌｌ ﬁle cafe\u{301}"), ["full", "file", "café"]);
        assert_eq!(words("soft\u{AD}ware"), ["software"]);
        assert_eq!(words("ｶﾞ"), words("ガ"));
        assert_eq!(words("İstanbul"), ["istanbul"]);
    }

    #[test]
    fn vowel_signs_and_lengthened_letters_do_not_split_words() {
        assert_eq!(words("كِتَابٌ كـتـاب"), ["كِتَابٌ", "كـتـاب"]);
        assert_eq!(words("हिन्दी में"), ["हिन्दी", "में"]);
    }

    proptest! {
        #[test]
        fn plain_words_are_what_a_closer_look_makes_of_them(text in "[a-cA-C0-2é :._\u{301}\u{AD}北,-]{0,16}") {
            for (start, _) in text.char_indices().filter(|&(_, c)| class(c) == Class::Word) {
                // From the first character of a word on, as the tokens are found.
                if text[..start].chars().next_back().is_some_and(|before| class(before) == Class::Word) {
                    continue;
                }
                let segmenter = || Segmenter { text: &text, tokens: Vec::new(), position: 0 };
                let Some(end) = plain_end(&text, start) else { continue };
                prop_assert_eq!(end, compound_end(&text, start));
                let (mut quick, mut close) = (segmenter(), segmenter());
                quick.plain(start, end);
                close.compound(start, end);
                prop_assert_eq!(quick.tokens, close.tokens);
                prop_assert_eq!(quick.position, close.position);
            }
        }
    }

    #[test]
    fn unspaced_scripts_become_pieces() {
        assert_eq!(words("東京都"), ["東", "東京", "京", "京都", "都"]);
        assert_eq!(words("GPU東京"), ["gpu", "東", "東京", "京"]);
        assert_eq!(words("ภาษาไทย"), ["ภาษ", "าษา", "ษาไ", "าไท", "ไทย"]);
        assert_eq!(words("ไป"), ["ไป"]);
    }

    #[test]
    fn positions_never_fall_and_parts_follow_each_other() {
        let tokens = segment("a snake_case_name of 東京 and ภาษาไทย");
        assert!(tokens.windows(2).all(|pair| pair[0].position <= pair[1].position));
        let snake = tokens.iter().find(|token| token.text == "snakecasename").unwrap();
        let name = tokens.iter().find(|token| token.text == "name").unwrap();
        assert_eq!((snake.kind, name.position - snake.position), (Kind::Compound, 2));
    }

    #[test]
    fn an_endless_word_is_cut() {
        assert_eq!(words(&"é".repeat(1000))[0].chars().count(), LONGEST_WORD);
    }
}
