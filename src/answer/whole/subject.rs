//! What a piece must be about: the telling words of a question, weighed by their rarity in the folder.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result};
use tanya_index::{Mode, Query, Snapshot, WeightedText};
use unicode_segmentation::UnicodeSegmentation as _;

use crate::answer::cite::Terms;

/// Words of a subject that are looked up, at most: nobody asks about more.
const MOST_WORDS: usize = 32;

/// What is looked for.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Subject {
    /// As a person reads it, misspelled words as the folder has them.
    pub(super) text: String,
    /// Stemmed, distinct, each with its weight.
    terms: Vec<(String, f32)>,
    /// What was changed to find anything: a line each.
    pub(super) remarks: Vec<String>,
}

impl Subject {
    /// The subject of `text`; `None` where that says nothing. A word that no document holds is read as the nearest one that some do,
    /// and left out where there is none, unless nothing would be left.
    pub(super) fn new(text: &str, snapshot: &Snapshot, terms: &dyn Terms) -> Result<Option<Self>> {
        let text = text.unicode_words().take(MOST_WORDS).collect::<Vec<_>>().join(" ");
        let mut remarks = Vec::new();
        let mut text = text;
        for (typed, nearest) in snapshot.corrections(&text).context("cannot search the library")? {
            remarks.push(format!("No document holds “{typed}”: read as “{nearest}”."));
            text = text
                .unicode_words()
                .map(|word| if word.to_lowercase() == typed.to_lowercase() { &nearest } else { word })
                .collect::<Vec<_>>()
                .join(" ");
        }
        // By itself a function word says something to the analyzer, among others it does not.
        let telling: BTreeSet<String> = terms.terms(&text).into_iter().collect();
        let (mut held, mut missing) = (Vec::new(), Vec::new());
        for word in text.unicode_words() {
            let of_word: Vec<String> = terms.terms(word).into_iter().filter(|term| telling.contains(term)).collect();
            if of_word.is_empty() {
                continue;
            }
            if is_held(word, snapshot)? { &mut held } else { &mut missing }.push((word.to_owned(), of_word));
        }
        if held.is_empty() {
            held = std::mem::take(&mut missing);
        }
        remarks.extend(missing.iter().map(|(word, _)| format!("No document holds “{word}”: searched without it.")));
        let distinct: BTreeSet<String> = held.into_iter().flat_map(|(_, terms)| terms).collect();
        let terms: Vec<(String, f32)> = distinct.into_iter().map(|term| (term.clone(), terms.idf(&term))).collect();
        Ok((!terms.is_empty()).then_some(Self { text, terms, remarks }))
    }

    /// The words themselves.
    pub(super) fn words(&self) -> BTreeSet<String> {
        self.terms.iter().map(|(term, _)| term.clone()).collect()
    }

    /// Share of the subject's weight that stands in any of `places`, 0 to 1.
    pub(super) fn share(&self, places: &[&BTreeSet<String>]) -> f32 {
        let total: f32 = self.terms.iter().map(|(_, weight)| weight).sum();
        let held = self.terms.iter().filter(|(term, _)| places.iter().any(|place| place.contains(term)));
        if total > 0.0 { held.map(|(_, weight)| weight).sum::<f32>() / total } else { 0.0 }
    }
}

/// Whether any passage holds a word in one of its forms.
fn is_held(word: &str, snapshot: &Snapshot) -> Result<bool> {
    if !snapshot.has_words() {
        return Ok(true);
    }
    let texts = vec![WeightedText { text: word.to_owned(), weight: 1.0 }];
    let query = Query { texts, mode: Mode::Lexical, limit: 1, ..Query::default() };
    Ok(!snapshot.search(&query).context("cannot search the library")?.is_empty())
}
