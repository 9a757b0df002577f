//! Texts → a BM25 query, built from analyzed terms. User text never meets a query parser: any string is a valid query.
//!
//! Each term is looked for in every field; the best field counts fully and the others a little (a disjunction maximum
//! with a tie breaker), so that a term repeated in title, heading and text is not counted four times. Terms are
//! summed, each with the summed weights of the texts that hold it. Neighbors in the first text earn more where they
//! stand together in a passage.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use tantivy::query::{AllQuery, BooleanQuery, BoostQuery, DisjunctionMaxQuery, Occur, PhraseQuery, Query, TermQuery};
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::{Searcher, TantivyError, Term};

use super::Fields;
use super::collect::{All, BestAndWanted, Matches};
use crate::analysis::{QueryTerm, all_terms, query_terms};
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
const MOST_TERMS: usize = 192;
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

/// A term of a question with its rarity.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RareTerm {
    pub(crate) stem: String,
    pub(crate) idf: f32,
}

struct PlannedTerm {
    stem: String,
    exact: Vec<String>,
    weight: f32,
    idf: f32,
}

/// A query ready to run.
#[derive(Default)]
pub(crate) struct Plan {
    query: Option<Box<dyn Query>>,
    /// Σ weight · idf over all terms, those that stand nowhere included: the scale of a BM25 score.
    pub(crate) scale: f32,
    /// The distinct terms of the main text (the one of the greatest weight, the first of equals).
    pub(crate) main: Vec<RareTerm>,
}

/// Reads a word index for one search.
#[derive(Clone, Copy)]
pub(crate) struct Asker<'a> {
    pub(crate) searcher: &'a Searcher,
    pub(crate) fields: Fields,
}

impl Asker<'_> {
    pub(crate) fn plan(self, texts: &[WeightedText]) -> Result<Plan, TantivyError> {
        let mut plan = Plan::default();
        let texts: Vec<(f32, Vec<QueryTerm>)> = texts
            .iter()
            .filter(|text| text.weight.is_finite() && text.weight > 0.0)
            .map(|text| (text.weight.min(MOST_WEIGHT), query_terms(head(&text.text))))
            .collect();
        let mut main: Option<&(f32, Vec<QueryTerm>)> = None;
        for text in &texts {
            if main.is_none_or(|best| text.0 > best.0) {
                main = Some(text);
            }
        }
        let Some((main_weight, main)) = main else { return Ok(plan) };
        plan.main = self.rarities(main)?;

        let mut terms = self.merge(&texts)?;
        terms.sort_by(|a, b| (b.weight * b.idf).total_cmp(&(a.weight * a.idf)).then_with(|| a.stem.cmp(&b.stem)));
        terms.truncate(MOST_TERMS);
        plan.scale = terms.iter().map(|term| term.weight * term.idf).sum();
        let kept: HashSet<&str> = terms.iter().map(|term| term.stem.as_str()).collect();
        let mut clauses: Vec<Box<dyn Query>> = self.phrases(main, &kept, *main_weight);
        clauses.extend(terms.iter().map(|term| self.term(term)));
        plan.query = (!clauses.is_empty()).then(|| {
            Box::new(BooleanQuery::new(clauses.into_iter().map(|c| (Occur::Should, c)).collect())) as Box<dyn Query>
        });
        Ok(plan)
    }

    /// The best `limit` chunks, and the scores of `wanted`; of the `admitted` only, where some are.
    pub(crate) fn run(
        self,
        plan: &Plan,
        limit: usize,
        wanted: HashSet<ChunkId>,
        admitted: Option<Arc<HashSet<ChunkId>>>,
    ) -> Result<Matches, TantivyError> {
        match &plan.query {
            Some(query) => {
                self.searcher.search(query.as_ref(), &BestAndWanted { limit, wanted: Arc::new(wanted), admitted })
            }
            None => Ok(Matches::default()),
        }
    }

    /// The chunks that hold every word of the phrases and none of the excluded words, in any form; `None` where neither is asked
    /// for. Whether words stand together is for [`Conditions::admits_text`] to say.
    pub(crate) fn admitted(self, conditions: &Conditions) -> Result<Option<HashSet<ChunkId>>, TantivyError> {
        let mut clauses: Vec<(Occur, Box<dyn Query>)> = Vec::new();
        for term in conditions.phrases.iter().flat_map(|phrase| all_terms(head(phrase))).take(MOST_TERMS) {
            clauses.push((Occur::Must, self.anywhere(&term)));
        }
        let must = clauses.len();
        for words in conditions.without.iter().map(|text| all_terms(head(text))) {
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

    /// A term in the text, the title or the heading.
    fn anywhere(self, stem: &str) -> Box<dyn Query> {
        let Fields { title, heading, body, .. } = self.fields;
        let fields = [body, title, heading].map(|field| (Occur::Should, one(field, stem, 1.0)));
        Box::new(BooleanQuery::new(fields.into()))
    }

    /// The distinct stems of terms, in their order, with their rarity.
    pub(crate) fn rarities(self, terms: &[QueryTerm]) -> Result<Vec<RareTerm>, TantivyError> {
        let mut seen = HashSet::new();
        let distinct = terms.iter().filter(|term| seen.insert(term.stem.as_str())).take(MOST_TERMS);
        distinct.map(|term| Ok(RareTerm { stem: term.stem.clone(), idf: self.idf(&term.stem)? })).collect()
    }

    /// ln(1 + (N − n + ½) / (n + ½)), as BM25 has it, with n from the field where the term is most common.
    fn idf(self, stem: &str) -> Result<f32, TantivyError> {
        let total: u64 = self.searcher.segment_readers().iter().map(|segment| u64::from(segment.max_doc())).sum();
        let Fields { title, heading, path, body, .. } = self.fields;
        let mut holding = 0;
        for field in [body, title, heading, path] {
            holding = self.searcher.doc_freq(&Term::from_field_text(field, stem))?.max(holding);
        }
        let (total, holding) = (total as f32, holding.min(total) as f32);
        Ok(((total - holding + 0.5) / (holding + 0.5)).ln_1p())
    }

    /// The terms of all texts, each once, with the sum of the weights of the texts that hold it.
    fn merge(self, texts: &[(f32, Vec<QueryTerm>)]) -> Result<Vec<PlannedTerm>, TantivyError> {
        let mut merged: Vec<PlannedTerm> = Vec::new();
        let mut places: HashMap<&str, usize> = HashMap::new();
        for (weight, terms) in texts {
            let mut counted = HashSet::new();
            for term in terms {
                let place = *places.entry(&term.stem).or_insert(merged.len());
                if place == merged.len() {
                    let idf = self.idf(&term.stem)?;
                    merged.push(PlannedTerm { stem: term.stem.clone(), exact: Vec::new(), weight: 0.0, idf });
                }
                let planned = &mut merged[place];
                if counted.insert(place) {
                    planned.weight += weight;
                }
                if let Some(exact) = &term.exact
                    && !planned.exact.contains(exact)
                {
                    planned.exact.push(exact.clone());
                }
            }
        }
        Ok(merged)
    }

    fn term(self, term: &PlannedTerm) -> Box<dyn Query> {
        let Fields { title, heading, path, body, exact, .. } = self.fields;
        let mut fields = vec![
            one(body, &term.stem, 1.0),
            one(title, &term.stem, TITLE),
            one(heading, &term.stem, HEADING),
            one(path, &term.stem, PATH),
        ];
        fields.extend(term.exact.iter().map(|word| one(exact, word, EXACT)));
        let best = DisjunctionMaxQuery::with_tie_breaker(fields, TIE_BREAKER);
        Box::new(BoostQuery::new(Box::new(best), term.weight))
    }

    fn phrases(self, terms: &[QueryTerm], kept: &HashSet<&str>, weight: f32) -> Vec<Box<dyn Query>> {
        let placed: Vec<(usize, &str)> = terms
            .iter()
            .filter(|term| term.exact.is_some() && kept.contains(term.stem.as_str()))
            .filter_map(|term| term.position.map(|position| (position, term.stem.as_str())))
            .collect();
        let pairs = placed.windows(2).filter_map(|pair| {
            let [(first, a), (second, b)] = [pair[0], pair[1]];
            let apart = second.checked_sub(first).filter(|apart| (1..=FARTHEST).contains(apart))?;
            let term = |stem| Term::from_field_text(self.fields.body, stem);
            let phrase = PhraseQuery::new_with_offset_and_slop(vec![(0, term(a)), (apart, term(b))], SLOP);
            (a != b).then(|| Box::new(BoostQuery::new(Box::new(phrase), PHRASE * weight)) as Box<dyn Query>)
        });
        pairs.take(MOST_TERMS).collect()
    }
}

fn one(field: Field, text: &str, boost: f32) -> Box<dyn Query> {
    let query = TermQuery::new(Term::from_field_text(field, text), IndexRecordOption::WithFreqs);
    Box::new(BoostQuery::new(Box::new(query), boost))
}

/// The first [`LONGEST_TEXT`] bytes, on a character border.
fn head(text: &str) -> &str {
    &text[..text.floor_char_boundary(LONGEST_TEXT)]
}
