//! Texts → a BM25 query, built from analyzed terms. User text never meets a query parser: any string is a valid query.
//!
//! Each term is looked for in every field; the best field counts fully and the others a little (a disjunction maximum
//! with a tie breaker), so that a term repeated in title, heading and text is not counted four times. Terms are
//! summed, each with the summed weights of the texts that hold it. Neighbors in the first text earn more where they
//! stand together in a passage.
//!
//! A term's stems in several languages ([`super::terms`]), and the nearest words of one that the folder does not hold
//! ([`super::nearest`]), are its forms: in each field the best of them counts, each as rare as the most common one.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use tantivy::query::{AllQuery, BooleanQuery, BoostQuery, DisjunctionMaxQuery, Occur, PhraseQuery, Query, TermQuery};
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::{Searcher, TantivyError, Term};

use super::Fields;
use super::collect::{All, BestAndAll, Matches};
use super::nearest::MOST_CORRECTED;
use super::terms::{Counts, FolderTerm, RareTerm, rarities};
use crate::analysis::{Languages, all_terms};
use crate::conditions::Conditions;
use crate::types::ChunkId;

/// Weight of a term's match in each field. Below 1 although a title says more than a text: these fields have no lengths,
/// which lets a single match score about as high as a word can in a text. On `SciFact`'s training claims (pieces of at
/// most 120 words) titles at 0.5 give `nDCG@10` 0.689, at 1.5 0.640.
const TITLE: f32 = 0.5;
const HEADING: f32 = 0.8;
const PATH: f32 = 0.5;
const EXACT: f32 = 0.3;
/// Share of the weaker fields' scores.
const TIE_BREAKER: f32 = 0.5;
/// Weight of two neighbors standing together.
const PHRASE: f32 = 0.15;
/// Words that may stand between neighbors, or the cost of their standing the other way round.
const SLOP: u32 = 2;
/// Neighbors farther apart than this in the question (stop words between them count) are none.
const FARTHEST: usize = 3;
/// Terms kept, the weightiest: a pasted page is a valid question too, and must not take seconds.
pub(super) const MOST_TERMS: usize = 192;
/// Bytes of a text that are looked at, for the same reason.
const LONGEST_TEXT: usize = 64 << 10;

/// Above it sums of weights could leave what f32 holds, and nobody means more.
const MOST_WEIGHT: f32 = 1e6;

/// A text to search for, with its weight: the question 1, earlier questions and answers less.
#[derive(Debug, Clone, PartialEq)]
pub struct WeightedText {
    /// What to search for; any string.
    pub text: String,
    /// Its share; zero, negative or not finite counts as absent.
    pub weight: f32,
}

struct PlannedTerm {
    stem: String,
    /// What passages hold of it.
    forms: Vec<String>,
    exact: Vec<String>,
    weight: f32,
    idf: f32,
    misspelled: bool,
    /// What a form counts: 1, or less for a nearest word.
    credit: f32,
}

/// A query ready to run.
#[derive(Default)]
pub(crate) struct Plan {
    query: Option<Box<dyn Query>>,
    /// Σ weight · idf over all terms, those that stand nowhere included (a nearest word changes nothing here): the scale of a
    /// BM25 score.
    pub(crate) scale: f32,
    /// The distinct terms of the main text (the one of the greatest weight, the first of equals).
    pub(crate) main: Vec<RareTerm>,
}

/// Reads a word index for one search.
#[derive(Clone, Copy)]
pub(crate) struct Asker<'a> {
    pub(crate) searcher: &'a Searcher,
    pub(crate) fields: Fields,
    pub(crate) languages: Languages,
    pub(crate) counts: &'a Counts,
}

impl Asker<'_> {
    pub(crate) fn plan(self, texts: &[WeightedText]) -> Result<Plan, TantivyError> {
        let mut plan = Plan::default();
        let texts: Vec<(f32, Vec<FolderTerm>)> = texts
            .iter()
            .filter(|text| text.weight.is_finite() && text.weight > 0.0)
            .map(|text| Ok((text.weight.min(MOST_WEIGHT), self.terms(&text.text)?)))
            .collect::<Result<_, TantivyError>>()?;
        let mut main: Option<&(f32, Vec<FolderTerm>)> = None;
        for text in &texts {
            if main.is_none_or(|best| text.0 > best.0) {
                main = Some(text);
            }
        }
        let Some((main_weight, main)) = main else { return Ok(plan) };
        plan.main = rarities(main);

        let mut terms = merge(&texts);
        terms.sort_by(|a, b| (b.weight * b.idf).total_cmp(&(a.weight * a.idf)).then_with(|| a.stem.cmp(&b.stem)));
        terms.truncate(MOST_TERMS);
        plan.scale = terms.iter().map(|term| term.weight * term.idf).sum();
        for term in terms.iter_mut().filter(|term| term.misspelled).take(MOST_CORRECTED) {
            self.correct(term, &mut plan.main)?;
        }
        let kept: HashSet<&str> = terms.iter().map(|term| term.stem.as_str()).collect();
        let mut clauses: Vec<Box<dyn Query>> = self.phrases(main, &kept, *main_weight);
        for term in &terms {
            clauses.push(self.term(term)?);
        }
        plan.query = (!clauses.is_empty()).then(|| {
            Box::new(BooleanQuery::new(clauses.into_iter().map(|c| (Occur::Should, c)).collect())) as Box<dyn Query>
        });
        Ok(plan)
    }

    /// Lets a term that the folder does not hold be found by the nearest words that it does.
    fn correct(self, term: &mut PlannedTerm, main: &mut [RareTerm]) -> Result<(), TantivyError> {
        let Some(nearest) = term.exact.first().map(|typed| self.nearest(typed, &term.forms)).transpose()?.flatten()
        else {
            return Ok(());
        };
        // As it is written it stands nowhere.
        term.exact.clear();
        term.forms = nearest.forms;
        term.credit = nearest.credit;
        if let Some(rare) = main.iter_mut().find(|rare| rare.stem == term.stem) {
            rare.forms.clone_from(&term.forms);
            rare.credit = term.credit;
        }
        Ok(())
    }

    /// The best `limit` chunks, and the scores of all where `keep_all`; of the `admitted` only, where some are.
    pub(crate) fn run(
        self,
        plan: &Plan,
        limit: usize,
        keep_all: bool,
        admitted: Option<Arc<HashSet<ChunkId>>>,
    ) -> Result<Matches, TantivyError> {
        match &plan.query {
            Some(query) => self.searcher.search(query.as_ref(), &BestAndAll { limit, keep_all, admitted }),
            None => Ok(Matches::default()),
        }
    }

    /// The chunks that hold every word of the phrases and none of the excluded words, in any form; `None` where neither is asked
    /// for. Whether words stand together is for [`Conditions::admits_text`] to say.
    pub(crate) fn admitted(self, conditions: &Conditions) -> Result<Option<HashSet<ChunkId>>, TantivyError> {
        let mut clauses: Vec<(Occur, Box<dyn Query>)> = Vec::new();
        let phrases = conditions.phrases.iter();
        for word in phrases.flat_map(|phrase| all_terms(head(phrase), self.languages)).take(MOST_TERMS) {
            clauses.push((Occur::Must, self.anywhere(&word)));
        }
        let must = clauses.len();
        for words in conditions.without.iter().map(|text| all_terms(head(text), self.languages)) {
            // The parts of a compound and a phrase are excluded together only.
            let (Some(word), false) = (words.first(), words.len() > 1) else { continue };
            clauses.push((Occur::MustNot, self.anywhere(word)));
        }
        if clauses.is_empty() {
            return Ok(None);
        }
        if must == 0 {
            clauses.push((Occur::Must, Box::new(AllQuery)));
        }
        self.searcher.search(&BooleanQuery::new(clauses), &All).map(Some)
    }

    /// The numbers of all chunks.
    pub(crate) fn every_chunk(self) -> Result<HashSet<ChunkId>, TantivyError> {
        self.searcher.search(&AllQuery, &All)
    }

    /// A word, in one of its stems, in the text, the title or the heading.
    fn anywhere(self, stems: &[String]) -> Box<dyn Query> {
        let Fields { title, heading, body, .. } = self.fields;
        let fields = [body, title, heading];
        let places = stems.iter().flat_map(|stem| fields.map(|field| (Occur::Should, one(field, stem, 1.0))));
        Box::new(BooleanQuery::new(places.collect()))
    }

    fn term(self, term: &PlannedTerm) -> Result<Box<dyn Query>, TantivyError> {
        let Fields { title, heading, path, body, exact, .. } = self.fields;
        let mut fields = vec![
            self.best_form(body, &term.forms, 1.0)?,
            self.best_form(title, &term.forms, TITLE)?,
            self.best_form(heading, &term.forms, HEADING)?,
            self.best_form(path, &term.forms, PATH)?,
        ];
        fields.extend(term.exact.iter().map(|word| one(exact, word, EXACT)));
        let best = DisjunctionMaxQuery::with_tie_breaker(fields, TIE_BREAKER);
        Ok(Box::new(BoostQuery::new(Box::new(best), term.weight * term.credit)))
    }

    /// The best of a term's forms in a field, each as rare as the most common one there: a rare form of a common word is not a
    /// rare word.
    fn best_form(self, field: Field, forms: &[String], boost: f32) -> Result<Box<dyn Query>, TantivyError> {
        let mut held: Vec<(&String, u64)> = Vec::new();
        if forms.len() > 1 {
            for form in forms {
                let holding = self.searcher.doc_freq(&Term::from_field_text(field, form))?;
                held.extend((holding > 0).then_some((form, holding)));
            }
        }
        let most = held.iter().map(|&(_, holding)| holding).max().unwrap_or(0);
        let rarity = self.idf(most);
        Ok(match held[..] {
            [] => one(field, &forms[0], boost),
            [(form, _)] => one(field, form, boost),
            _ => {
                let forms = held.iter().map(|&(form, holding)| one(field, form, boost * (rarity / self.idf(holding))));
                Box::new(DisjunctionMaxQuery::new(forms.collect()))
            }
        })
    }

    fn phrases(self, terms: &[FolderTerm], kept: &HashSet<&str>, weight: f32) -> Vec<Box<dyn Query>> {
        let placed: Vec<(usize, &FolderTerm)> = terms
            .iter()
            .filter(|term| term.word.exact.is_some() && kept.contains(term.stem.as_str()))
            .filter_map(|term| term.word.position.map(|position| (position, term)))
            .collect();
        let pairs = placed.windows(2).filter_map(|pair| {
            let [(first, a), (second, b)] = [pair[0], pair[1]];
            let apart = second.checked_sub(first).filter(|apart| (1..=FARTHEST).contains(apart))?;
            let together = (a.stem != b.stem).then(|| self.together(&a.word.stems, &b.word.stems, apart))?;
            Some(Box::new(BoostQuery::new(together, PHRASE * weight)) as Box<dyn Query>)
        });
        pairs.take(MOST_TERMS).collect()
    }

    /// Two different words near each other, both by their stems in one language: a passage is in one.
    fn together(self, a: &[String], b: &[String], apart: usize) -> Box<dyn Query> {
        let mut stems: Vec<(&String, &String)> = Vec::new();
        for pair in a.iter().zip(b) {
            if pair.0 != pair.1 && !stems.contains(&pair) {
                stems.push(pair);
            }
        }
        let term = |stem: &str| Term::from_field_text(self.fields.body, stem);
        let mut phrases: Vec<Box<dyn Query>> = stems
            .into_iter()
            .map(|(a, b)| {
                let placed = vec![(0, term(a)), (apart, term(b))];
                Box::new(PhraseQuery::new_with_offset_and_slop(placed, SLOP)) as Box<dyn Query>
            })
            .collect();
        if phrases.len() == 1 { phrases.remove(0) } else { Box::new(DisjunctionMaxQuery::new(phrases)) }
    }
}

/// The terms of all texts, each once, with the sum of the weights of the texts that hold it.
fn merge(texts: &[(f32, Vec<FolderTerm>)]) -> Vec<PlannedTerm> {
    let mut merged: Vec<PlannedTerm> = Vec::new();
    let mut places: HashMap<&str, usize> = HashMap::new();
    for (weight, terms) in texts {
        let mut counted = HashSet::new();
        for term in terms {
            let place = *places.entry(&term.stem).or_insert(merged.len());
            if place == merged.len() {
                merged.push(PlannedTerm {
                    stem: term.stem.clone(),
                    forms: Vec::new(),
                    exact: Vec::new(),
                    weight: 0.0,
                    idf: term.idf,
                    misspelled: term.may_be_misspelled(),
                    credit: 1.0,
                });
            }
            let planned = &mut merged[place];
            if counted.insert(place) {
                planned.weight += weight;
            }
            add_new(&mut planned.forms, &term.word.stems);
            add_new(&mut planned.exact, term.word.exact.as_slice());
        }
    }
    merged
}

fn add_new(known: &mut Vec<String>, some: &[String]) {
    for one in some {
        if !known.contains(one) {
            known.push(one.clone());
        }
    }
}

fn one(field: Field, text: &str, boost: f32) -> Box<dyn Query> {
    let query = TermQuery::new(Term::from_field_text(field, text), IndexRecordOption::WithFreqs);
    Box::new(BoostQuery::new(Box::new(query), boost))
}

/// The first [`LONGEST_TEXT`] bytes, on a character border.
pub(super) fn head(text: &str) -> &str {
    &text[..text.floor_char_boundary(LONGEST_TEXT)]
}
