//! A word that the folder does not hold → the nearest ones that it does, for words that are misspelled.
//!
//! Distance counts letters added, left out, replaced, or swapped with their neighbor (Damerau). A nearest word begins with the
//! same letter: most mistakes leave the first one alone, and most short words that differ in it alone are other words. tantivy's
//! dictionaries are automata, walked together with that of the distance: a small part of a large one is visited.

use std::collections::HashMap;

use tantivy::query::FuzzyTermQuery;
use tantivy::schema::Field;
use tantivy::{TantivyError, Term};

use super::Fields;
use super::query::Asker;
use super::terms::FolderTerm;
use crate::analysis::{CORRECTABLE, Stems, distinct, is_stop_word};

/// Characters from which on a word may be two edits away.
const TWO_EDITS: usize = 8;
/// Words beyond this length are no words that somebody mistyped.
const LONGEST: usize = 32;
/// Nearest words that are searched for.
const MOST_NEAREST: usize = 3;
/// Terms of one dictionary that are looked at: hundreds of neighbors mean that none is meant.
const MOST_NEIGHBORS: usize = 1_000;
/// Words of a query that are looked for in this way. A pasted page in a language that the folder does not hold has hundreds.
pub(super) const MOST_CORRECTED: usize = 8;
/// What a word counts that is one edit, or two, from what was asked for: the evidence that it is meant, not measured.
const CREDIT: [f32; 2] = [0.5, 0.3];

/// The folder's words nearest to one that it does not hold.
pub(super) struct Nearest {
    /// The most common first; never empty.
    pub(super) words: Vec<String>,
    /// Their stems.
    pub(super) forms: Vec<String>,
    /// What one of them counts.
    pub(super) credit: f32,
}

impl Asker<'_> {
    /// For each word of the text that no passage holds in any form, the nearest one that is held, if one is near.
    pub(crate) fn corrections(self, text: &str) -> Result<Vec<(String, Nearby)>, TantivyError> {
        let mut corrections: Vec<(String, Nearby)> = Vec::new();
        for term in self.terms(text)?.iter().filter(|term| term.may_be_misspelled()) {
            let Some(typed) = &term.word.exact else { continue };
            if corrections.iter().any(|(known, _)| known == typed) {
                continue;
            }
            if corrections.len() == MOST_CORRECTED {
                break;
            }
            if let Some(nearest) = self.nearest(typed, &distinct(term.word.stems.clone()))? {
                let word = nearest.words[0].clone();
                corrections.push((typed.clone(), Nearby { word, forms: nearest.forms }));
            }
        }
        Ok(corrections)
    }

    /// The held words nearest to `word`, whose `stems` no passage holds.
    pub(super) fn nearest(self, word: &str, stems: &[String]) -> Result<Option<Nearest>, TantivyError> {
        if word.chars().count() > LONGEST {
            return Ok(None);
        }
        let Fields { exact, title, heading, path, .. } = self.fields;
        for (edits, credit) in (1..=most_edits(word)).zip(CREDIT) {
            let mut near = HashMap::new();
            self.collect(exact, word, edits, &mut near)?;
            if !near.is_empty() {
                let words = self.most_meant(near);
                if words.is_empty() {
                    return Ok(None);
                }
                let mut known = Stems::new();
                let of_words = words.iter().flat_map(|word| known.in_each(self.languages.spoken(), word));
                let forms = distinct(of_words.collect());
                return Ok(Some(Nearest { words, forms, credit }));
            }
            // What stands in titles and names of files only is known by its stem.
            for field in [title, heading, path] {
                for stem in stems.iter().filter(|stem| most_edits(stem) >= edits) {
                    self.collect(field, stem, edits, &mut near)?;
                }
            }
            if !near.is_empty() {
                let words = most_common(near);
                return Ok(Some(Nearest { forms: words.clone(), words, credit }));
            }
        }
        Ok(None)
    }

    /// The most common of some words. None if that is a stop word: what was typed is one too, misspelled, or a word of another
    /// kind that is near to it by chance.
    fn most_meant(self, near: HashMap<String, u64>) -> Vec<String> {
        let mut words = most_common(near);
        let stops = |word: &String| is_stop_word(word, self.languages);
        if words.first().is_some_and(stops) {
            words.clear();
        }
        words.retain(|word| !stops(word));
        words
    }

    /// Adds the terms of a field within `edits` of `word`, each with how many passages hold it.
    fn collect(self, field: Field, word: &str, edits: u8, near: &mut HashMap<String, u64>) -> Result<(), TantivyError> {
        let first = word.chars().next();
        let automaton = FuzzyTermQuery::new(Term::from_field_text(field, word), edits, true).automaton()?;
        for segment in self.searcher.segment_readers() {
            let index = segment.inverted_index(field)?;
            let mut terms = index.terms().search(&automaton).into_stream()?;
            let mut looked_at = 0;
            while let Some((term, info)) = terms.next() {
                let Ok(term) = std::str::from_utf8(term) else { continue };
                if term != word && term.chars().next() == first && !term.contains(char::is_numeric) {
                    *near.entry(term.to_owned()).or_default() += u64::from(info.doc_freq);
                }
                looked_at += 1;
                if looked_at == MOST_NEIGHBORS {
                    break;
                }
            }
        }
        Ok(())
    }
}

impl FolderTerm {
    /// Whether the folder's nearest words may be meant.
    pub(super) fn may_be_misspelled(&self) -> bool {
        self.absent && self.word.correctable
    }
}

/// What is searched for in place of a word.
pub(crate) struct Nearby {
    /// The most common of the nearest words.
    pub(crate) word: String,
    /// The stems of all of them.
    pub(crate) forms: Vec<String>,
}

/// How far a word may be from what is meant; a stem is shorter than its word, and `trim` (of `trimming`) is two edits from `tree`.
fn most_edits(word: &str) -> u8 {
    match word.chars().count() {
        TWO_EDITS.. => 2,
        CORRECTABLE.. => 1,
        _ => 0,
    }
}

fn most_common(near: HashMap<String, u64>) -> Vec<String> {
    let mut words: Vec<(String, u64)> = near.into_iter().collect();
    words.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    words.truncate(MOST_NEAREST);
    words.into_iter().map(|(word, _)| word).collect()
}
