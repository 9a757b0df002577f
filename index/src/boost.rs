//! What lifts a passage above its fused score: the question's own words standing in it just so. Pure.
//!
//! Additive and small, so that a boost decides among passages that words and meaning rank about equally. The sum of all is at most
//! 0.35; where a score would exceed 1, all scores of the search are divided by the greatest ([`scale`]), which keeps
//! their order and their ratios.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::analysis::{Kind, Languages, query_terms, segment};
use crate::likeness;
use crate::types::Chunk;

/// For the whole question standing in the passage; a part of it earns the square of its share, for two of ten words in a row are
/// no evidence (BM25 counts neighbors already).
const PHRASE: f32 = 0.1;
/// For all identifiers of the question.
const IDENTIFIER: f32 = 0.1;
/// For a file that the question names beyond doubt, and for one whose name is a single word of it.
const FILE_NAME: f32 = 0.15;
const FILE_STEM: f32 = 0.05;
/// What a passage can earn at most.
#[cfg(test)]
const MOST: f32 = PHRASE + IDENTIFIER + FILE_NAME;

/// Weights of a word and of a piece of unspaced script in a run, and what a run must weigh: two words, or about four characters.
const WORD: u32 = 3;
const GRAM: u32 = 1;
const SHORTEST_RUN: u32 = 2 * WORD;
/// Words of a question that are looked at: nobody quotes more.
const MOST_WORDS: usize = 64;
/// Bytes of a question that are looked at.
const LONGEST: usize = 4096;
/// Characters of a file's name below which it names nothing.
const SHORTEST_NAME: usize = 3;
/// Digits that make a number a mark of its own: a year, an order number.
const MARKING_DIGITS: usize = 4;

/// A reason why a passage stands higher.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Boost {
    /// Of which kind.
    pub kind: BoostKind,
    /// What the question and the passage share.
    pub text: String,
    /// What it adds to the score, before [`crate::Parts::scale`].
    pub by: f32,
}

/// The kinds of reasons.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BoostKind {
    /// Words of the question stand in the passage in their order, at least two that say something.
    Phrase,
    /// Identifiers of the question stand whole in the passage or its heading.
    Identifier,
    /// The question names the file: with its ending, or by a name of several words.
    FileName,
    /// A word of the question is the file's whole name but for the ending.
    FileStem,
}

/// A question as boosts see it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Asked {
    text: String,
    words: Vec<Word>,
    /// Where each of them stands.
    places: HashMap<String, Vec<usize>>,
    /// Weight of all words that say something.
    weight: u32,
    /// As they stand in texts' tokens, and as they are written.
    identifiers: Vec<(String, String)>,
}

#[derive(Debug, Clone)]
struct Word {
    text: String,
    at: Range<usize>,
    /// 0 for a stop word.
    weight: u32,
}

impl Asked {
    pub(crate) fn of(question: &str, languages: Languages) -> Self {
        let text = question[..question.floor_char_boundary(LONGEST)].to_owned();
        let telling: HashSet<usize> =
            query_terms(&text, languages).into_iter().filter_map(|term| term.position).collect();
        let mut asked = Self::default();
        for token in segment(&text) {
            let written = &text[token.start..token.end];
            if is_identifier(token.kind, written) && !asked.identifiers.iter().any(|(known, _)| *known == token.text) {
                asked.identifiers.push((token.text.clone().into_owned(), written.to_owned()));
            }
            let weight = match token.kind {
                Kind::Compound => continue,
                _ if !telling.contains(&token.position) => 0,
                Kind::Word => WORD,
                Kind::Gram => GRAM,
            };
            if asked.words.len() < MOST_WORDS {
                asked.weight += weight;
                asked.places.entry(token.text.clone().into_owned()).or_default().push(asked.words.len());
                asked.words.push(Word { text: token.text.into_owned(), at: token.start..token.end, weight });
            }
        }
        asked.text = text;
        asked
    }

    /// Whether it asks for identifiers.
    pub(crate) fn has_identifiers(&self) -> bool {
        !self.identifiers.is_empty()
    }

    /// How many of its words say something; of an unspaced script, the third of its pieces.
    pub(crate) fn telling_words(&self) -> usize {
        (self.weight / WORD) as usize
    }

    /// Everything that lifts a passage; `words` are those of its text.
    pub(crate) fn boosts(&self, chunk: &Chunk, words: &[String]) -> Vec<Boost> {
        let file = self.named(&chunk.path).map(|kind| {
            let by = if kind == BoostKind::FileName { FILE_NAME } else { FILE_STEM };
            Boost { kind, text: file_name(&chunk.path).to_owned(), by }
        });
        self.phrase(words).into_iter().chain(self.standing_identifiers(chunk)).chain(file).collect()
    }

    /// Whether and how the question names a file.
    pub(crate) fn named(&self, path: &str) -> Option<BoostKind> {
        let name = file_name(path);
        let stem = name.rsplit_once('.').map_or(name, |(stem, _)| if stem.is_empty() { name } else { stem });
        let (whole, stem) = (likeness::words(name), likeness::words(stem));
        let characters: usize = stem.iter().map(|word| word.chars().count()).sum();
        if whole.len() > stem.len() && self.place_of(&whole).is_some() {
            return Some(BoostKind::FileName);
        }
        let place = self.place_of(&stem).filter(|_| characters >= SHORTEST_NAME)?;
        let says_something = self.words[place].iter().any(|word| word.weight > 0);
        let has_letter = stem.iter().any(|word| word.chars().any(char::is_alphabetic));
        match stem.len() {
            _ if !says_something => None,
            // A date, a version: numbers that stand in this order are no chance.
            2.. => Some(BoostKind::FileName),
            _ => has_letter.then_some(BoostKind::FileStem),
        }
    }

    /// Where these words stand in the question, one behind the other.
    fn place_of(&self, name: &[String]) -> Option<Range<usize>> {
        if name.is_empty() {
            return None;
        }
        let stands = |window: &[Word]| window.iter().zip(name).all(|(word, part)| word.text == *part);
        self.words.windows(name.len()).position(stands).map(|at| at..at + name.len())
    }

    fn phrase(&self, words: &[String]) -> Option<Boost> {
        let run = self.weightiest_run(words);
        let weight: u32 = self.words[run.clone()].iter().map(|word| word.weight).sum();
        if weight < SHORTEST_RUN {
            return None;
        }
        let telling = |word: &&Word| word.weight > 0;
        let (first, last) = (self.words[run.clone()].iter().find(telling)?, self.words[run].iter().rfind(telling)?);
        let share = weight as f32 / self.weight as f32;
        let text = self.text[first.at.start..last.at.end].to_owned();
        Some(Boost { kind: BoostKind::Phrase, text, by: PHRASE * share * share })
    }

    /// The run of the question's words that stands among `words` and says most; the first of equals.
    fn weightiest_run(&self, words: &[String]) -> Range<usize> {
        let (mut best, mut most) = (0..0, 0);
        // The runs that end at the word before this one: the question's last word of each, and how many words it has.
        let mut before: Vec<(usize, usize)> = Vec::new();
        let mut here = Vec::new();
        for word in words {
            here.clear();
            for &at in self.places.get(word).into_iter().flatten() {
                let longer = before.iter().find(|(last, _)| last + 1 == at);
                let length = longer.map_or(1, |(_, length)| length + 1);
                here.push((at, length));
                let run = at + 1 - length..at + 1;
                let weight: u32 = self.words[run.clone()].iter().map(|word| word.weight).sum();
                if weight > most || (weight == most && weight > 0 && run.end < best.end) {
                    (best, most) = (run, weight);
                }
            }
            std::mem::swap(&mut before, &mut here);
        }
        best
    }

    fn standing_identifiers(&self, chunk: &Chunk) -> Option<Boost> {
        if self.identifiers.is_empty() {
            return None;
        }
        let tokens: HashSet<Cow<'_, str>> =
            [&chunk.text, &chunk.heading].into_iter().flat_map(|text| segment(text)).map(|token| token.text).collect();
        let standing: Vec<&str> = self
            .identifiers
            .iter()
            .filter(|(token, _)| tokens.contains(token.as_str()))
            .map(|(_, written)| written.as_str())
            .collect();
        let share = standing.len() as f32 / self.identifiers.len() as f32;
        (!standing.is_empty()).then(|| Boost {
            kind: BoostKind::Identifier,
            text: standing.join(", "),
            by: IDENTIFIER * share,
        })
    }
}

/// What all scores of a search are divided by so that none exceeds 1.
pub(crate) fn scale(scores: impl Iterator<Item = f32>) -> f32 {
    scores.fold(1.0, f32::max)
}

fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// `snake_case`, `camelCase`, `a.b.c`, `path::name`, `IL-6`, `p53`, `2024`; not `long-term`, `U.S.` or `5`.
fn is_identifier(kind: Kind, written: &str) -> bool {
    let digits = written.chars().filter(char::is_ascii_digit).count();
    let has_letter = written.chars().any(char::is_alphabetic);
    match kind {
        Kind::Gram => false,
        Kind::Word => digits > 0 && (has_letter || digits >= MARKING_DIGITS),
        Kind::Compound => {
            let mut parts = written.split(|c: char| !c.is_alphanumeric());
            let only_hyphens =
                written.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '\u{2010}' | '\u{2011}'));
            let hyphenated = only_hyphens && written.chars().any(|c| !c.is_alphanumeric());
            digits > 0 || (!hyphenated && parts.any(|part| part.chars().nth(1).is_some()))
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::types::{ChunkId, Span};

    fn chunk(path: &str, heading: &str, text: &str) -> Chunk {
        Chunk {
            id: ChunkId(1),
            path: path.into(),
            span: Span { start_line: 1, end_line: 1, page: None },
            title: String::new(),
            heading: heading.into(),
            text: text.into(),
            ordinal: 0,
        }
    }

    fn boosts(question: &str, chunk: &Chunk) -> Vec<Boost> {
        Asked::of(question, Languages::ENGLISH).boosts(chunk, &likeness::words(&chunk.text))
    }

    fn phrase(question: &str, text: &str) -> Option<(String, f32)> {
        boosts(question, &chunk("x", "", text)).pop().map(|boost| (boost.text, boost.by))
    }

    #[test]
    fn the_longest_run_of_the_question_counts_by_its_telling_words() {
        let (text, whole) = phrase("when was the pear tree pruned", "Here the Pear tree pruned itself.").unwrap();
        assert_eq!(text, "pear tree pruned");
        assert!((whole - PHRASE).abs() < 1e-6);
        let (text, part) = phrase("pear tree cut by saw", "A saw. The pear-tree is old.").unwrap();
        assert_eq!(text, "pear tree");
        assert!((part - PHRASE * 0.25).abs() < 1e-6, "two of four: {part}");
        // In another order, with a word between, in another form, or one word alone.
        for text in ["tree pear", "pear and tree", "pear trees", "the pear", ""] {
            assert_eq!(phrase("the pear tree", text), None, "{text}");
        }
        // Stop words say nothing; the longest run may hold them.
        assert_eq!(phrase("what is in the garden", "It is in the house, what is in the shed."), None);
        assert_eq!(phrase("state of the art", "The state of the art is old.").unwrap().0, "state of the art");
    }

    #[test]
    fn unspaced_scripts_have_phrases_too() {
        assert!(phrase("北京大学在哪里", "他在北京大学学习。").is_some());
        assert_eq!(phrase("北京大学在哪里", "他在北京学习。"), None, "two characters are one word");
    }

    #[test]
    fn identifiers_count_whole_wherever_they_stand() {
        let by = |question: &str, chunk: &Chunk| {
            let boosts = boosts(question, chunk);
            boosts.iter().find(|boost| boost.kind == BoostKind::Identifier).map(|boost| (boost.text.clone(), boost.by))
        };
        let code = chunk("x.md", "Vec::with_capacity", "Call parseHttpHeader, p53 or IL-6.");
        for question in
            ["use with_capacity", "vec.with.capacity", "parse_http_header", "what is p53", "the role of IL-6"]
        {
            let standing = by(question, &code);
            assert_eq!(standing.is_some(), question != "use with_capacity", "{question}: {standing:?}");
        }
        let (text, half) = by("p53 and p21", &code).unwrap();
        assert!(text == "p53" && (half - IDENTIFIER / 2.0).abs() < 1e-6, "{text} {half}");
        for question in ["long-term", "call the U.S. office", "5 or 10", "header"] {
            assert!(!Asked::of(question, Languages::ENGLISH).has_identifiers(), "{question}");
        }
        assert!(Asked::of("report of 2024", Languages::ENGLISH).has_identifiers());
    }

    #[test]
    fn a_file_is_named_by_its_whole_name_or_its_stem() {
        let named = |question: &str, path: &str| Asked::of(question, Languages::ENGLISH).named(path);
        for (question, path, kind) in [
            ("what does garden.md say", "notes/garden.md", Some(BoostKind::FileName)),
            ("budget 2024: how much for rent?", "budget-2024.xlsx", Some(BoostKind::FileName)),
            ("what happened on 2024-05-12?", "log/2024-05-12.md", Some(BoostKind::FileName)),
            ("open the QuarterlyReport", "quarterly_report.pdf", Some(BoostKind::FileName)),
            ("会议记录里说了什么", "会议记录.md", Some(BoostKind::FileName)),
            ("when was the garden dug", "notes/garden.md", Some(BoostKind::FileStem)),
            ("readme", "README", Some(BoostKind::FileStem)),
            ("when was the garden dug", "notes/gardens.md", None),
            ("when was the house built", "notes/garden.md", None),
            ("notes of the year", "notes/garden.md", None),
            ("how to prune", "how-to.md", None),
            ("what is it", "it.md", None),
            ("chapter 4", "4.md", None),
            ("a or b", "a.txt", None),
            ("anything", "", None),
        ] {
            assert_eq!(named(question, path), kind, "{question} / {path}");
        }
    }

    #[test]
    fn scores_above_one_bring_all_down_together() {
        assert!((scale([0.3, 1.25, 0.9].into_iter()) - 1.25).abs() < 1e-6);
        assert!((scale([0.3, 0.9].into_iter()) - 1.0).abs() < 1e-6 && (scale(std::iter::empty()) - 1.0).abs() < 1e-6);
    }

    proptest! {
        #[test]
        fn boosts_are_bounded_for_any_question_and_passage(
            question in prop_oneof![any::<String>(), "[a-c ._1-9]{0,40}"],
            text in prop_oneof![any::<String>(), "[a-c ._1-9]{0,80}"],
            path in prop_oneof![any::<String>(), "[a-c/._1-9]{0,9}"],
        ) {
            let boosts = boosts(&question, &chunk(&path, &text, &text));
            prop_assert!(boosts.iter().all(|boost| boost.by > 0.0 && boost.by.is_finite()));
            prop_assert!(boosts.iter().map(|boost| boost.by).sum::<f32>() <= MOST + 1e-6);
        }

        #[test]
        fn the_weightiest_run_is_the_first_of_all_that_weigh_most(question in "[a-d]( [a-d]| the){0,7}", text in "[a-d]( [a-d]| the){0,12}") {
            let (asked, words) = (Asked::of(&question, Languages::ENGLISH), likeness::words(&text));
            let (mut best, mut most) = (0..0, 0);
            for end in 1..=asked.words.len() {
                for place in 0..words.len() {
                    let same = (0..end.min(place + 1)).take_while(|back| asked.words[end - 1 - back].text == words[place - back]);
                    let run = end - same.count()..end;
                    let weight: u32 = asked.words[run.clone()].iter().map(|word| word.weight).sum();
                    if weight > most {
                        (best, most) = (run, weight);
                    }
                }
            }
            prop_assert_eq!(asked.weightiest_run(&words), best);
        }

        #[test]
        fn a_question_that_stands_in_a_passage_is_its_own_phrase(
            words in proptest::collection::vec("[b-h]{4}", 2..9), before in "[k-p ]{0,20}", after in "[k-p ]{0,20}",
        ) {
            let question = words.join(" ");
            let boost = phrase(&question, &format!("{before} {question} {after}"));
            prop_assert!(boost.is_some_and(|(text, by)| text == question && (by - PHRASE).abs() < 1e-6));
        }
    }
}
