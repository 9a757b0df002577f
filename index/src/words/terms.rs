//! The words of a query as the folder knows them: which of a word's stems stands for it, and how rare it is.
//!
//! A word has a stem in every language of the folder. They are one word still: the most common of them stands for it, with its
//! rarity, so that forms meet by one name whatever the language of the text they stand in, and a stem that only another
//! language would make of it does not pass for a rare word.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};

use tantivy::{TantivyError, Term};

use super::Fields;
use super::query::{Asker, MOST_TERMS, head};
use crate::analysis::{QueryTerm, distinct, query_terms};

/// Counts kept for a view; what lies beyond is counted again.
const MOST_COUNTS: usize = 50_000;

/// How many passages hold a stem, as far as that was asked: a view never changes.
#[derive(Default)]
pub(crate) struct Counts(Mutex<HashMap<String, u64>>);

/// A word of a query, as the folder knows it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct FolderTerm {
    /// Stands for the word: the most common of its stems, the first where none is held.
    pub(crate) stem: String,
    pub(crate) idf: f32,
    /// Whether no passage holds it in any form.
    pub(crate) absent: bool,
    pub(crate) word: QueryTerm,
}

/// A term of a question with its rarity.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RareTerm {
    pub(crate) stem: String,
    pub(crate) idf: f32,
    /// The stems of which a passage that holds the word holds one: those of the folder's nearest words where it has not the word
    /// itself.
    pub(crate) forms: Vec<String>,
    /// What holding one of them counts: 1 for the word itself, less for a nearest.
    pub(crate) credit: f32,
}

impl Asker<'_> {
    /// The words of a text in its order, repeats included, without stop words.
    pub(crate) fn terms(self, text: &str) -> Result<Vec<FolderTerm>, TantivyError> {
        query_terms(head(text), self.languages).into_iter().map(|word| self.known(word)).collect()
    }

    fn known(self, word: QueryTerm) -> Result<FolderTerm, TantivyError> {
        let (place, held) = self.most_common(&word.stems)?;
        Ok(FolderTerm { stem: word.stems[place].clone(), idf: self.idf(held), absent: held == 0, word })
    }

    /// The stems of a text in its order, each word's by the one that stands for it.
    pub(crate) fn stems(self, text: &str) -> Result<Vec<String>, TantivyError> {
        let name = |mut word: QueryTerm| -> Result<String, TantivyError> {
            // Mostly one stem, and always in a folder of one language: nothing to look up.
            let same = word.stems.windows(2).all(|pair| pair[0] == pair[1]);
            let place = if same { 0 } else { self.most_common(&word.stems)?.0 };
            Ok(word.stems.swap_remove(place))
        };
        query_terms(text, self.languages).into_iter().map(name).collect()
    }

    /// The place of the most common of some stems, the first of equals, and how many passages hold it.
    fn most_common(self, stems: &[String]) -> Result<(usize, u64), TantivyError> {
        let mut most = (0, 0);
        for (place, stem) in stems.iter().enumerate() {
            let held = self.holding(stem)?;
            if held > most.1 {
                most = (place, held);
            }
        }
        Ok(most)
    }

    /// How many passages hold a stem, in the field where it is most common.
    fn holding(self, stem: &str) -> Result<u64, TantivyError> {
        if let Some(&held) = self.counts.0.lock().unwrap_or_else(PoisonError::into_inner).get(stem) {
            return Ok(held);
        }
        let Fields { title, heading, path, body, .. } = self.fields;
        let mut holding = 0;
        for field in [body, title, heading, path] {
            holding = self.searcher.doc_freq(&Term::from_field_text(field, stem))?.max(holding);
        }
        let mut counts = self.counts.0.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.len() >= MOST_COUNTS {
            counts.clear();
        }
        counts.insert(stem.to_owned(), holding);
        Ok(holding)
    }

    /// ln(1 + (N − n + ½) / (n + ½)) for n of N passages, as BM25 has it.
    pub(super) fn idf(self, holding: u64) -> f32 {
        let total: u64 = self.searcher.segment_readers().iter().map(|segment| u64::from(segment.max_doc())).sum();
        let (total, holding) = (total as f32, holding.min(total) as f32);
        ((total - holding + 0.5) / (holding + 0.5)).ln_1p()
    }
}

/// The distinct words of a text, in their order.
pub(crate) fn rarities(terms: &[FolderTerm]) -> Vec<RareTerm> {
    let mut seen = HashSet::new();
    let distinct_terms = terms.iter().filter(|term| seen.insert(term.stem.as_str())).take(MOST_TERMS);
    let rare = |term: &FolderTerm| {
        let forms = distinct(term.word.stems.clone());
        RareTerm { stem: term.stem.clone(), idf: term.idf, forms, credit: 1.0 }
    };
    distinct_terms.map(rare).collect()
}
