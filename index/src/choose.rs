//! Which of the ranked passages become hits: no text twice, no file alone, and on demand not all of one kind. Pure.
//!
//! Each hit is the best passage left that
//! * does not say the same as a better hit: equal text always, nearly equal text where [`Diversity::without_repeats`] asks for it,
//! * is not one too many of its file ([`Diversity::per_file`]).
//!
//! With [`Diversity::varied`] the slots after the third go by maximal marginal relevance (Carbonell and Goldstein, SIGIR 1998):
//! λ · score − (1 − λ) · likeness to the nearest hit. Where nothing else is left, what was one too many of its file fills up at the
//! end.
//!
//! Invariants: hits are distinct and at most as many as wanted; every passage that ranked above the last hit is a hit or was
//! dropped for a reason; no file exceeds its share unless it is named or nothing else is left.

use std::collections::{BTreeSet, HashMap, VecDeque};

use crate::analysis::highlights;
use crate::likeness::Shingles;
use crate::types::{Chunk, TextHash};

/// Words in a run, and the Jaccard index of runs above which two passages say nearly the same: of a hundred words, two changed
/// ones far apart leave 0.81.
const RUN: usize = 5;
const NEARLY_THE_SAME: f32 = 0.8;
/// λ: the score's share against the likeness to what is there already.
const RELEVANCE: f32 = 0.8;
/// Slots that go by the score alone. Marginal relevance for all of them cost a fifth of `nDCG@10` on TREC-COVID.
const PLAIN_SLOTS: usize = 3;
/// Passages of one file that a person or a model is shown by default: five planted ones are enough to steer an answer.
const USUAL_PER_FILE: usize = 3;

/// How unlike each other hits are to be. By default only equal texts are one hit: the ranking itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Diversity {
    /// Most passages of one file. It does not hold for a file that the question names, and what it left out fills up at the end
    /// where there is not enough else.
    pub per_file: Option<usize>,
    /// Leaves out what nearly repeats a better hit, unless a word of the question tells the two apart.
    pub without_repeats: bool,
    /// Chooses the hits after the third also by how unlike the better ones they are. Hits then stand in the order of choice.
    pub varied: bool,
}

impl Diversity {
    /// What a person wants to see: three passages of a file, nothing twice.
    pub fn usual() -> Self {
        Self { per_file: Some(USUAL_PER_FILE), without_repeats: true, varied: false }
    }

    /// Whether the words of passages have to be known.
    pub(crate) fn needs_words(&self) -> bool {
        self.without_repeats || self.varied
    }
}

/// A passage that may become a hit.
pub(crate) struct Item<'a> {
    pub(crate) chunk: &'a Chunk,
    pub(crate) hash: TextHash,
    pub(crate) score: f32,
    /// The words of its text; may be empty unless [`Diversity::needs_words`].
    pub(crate) words: &'a [String],
    /// The question names its file.
    pub(crate) named: bool,
}

/// Why a passage is not a hit; others are told by their place among the items.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reason {
    SameText(usize),
    NearlySame(usize),
    OneTooMany,
}

/// What was chosen, by place among the items.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Choice {
    /// In the order of the hits.
    pub(crate) kept: Vec<usize>,
    /// In the order of the items.
    pub(crate) dropped: Vec<(usize, Reason)>,
    /// Whether the limit was reached before anything had to fill up: more items would change nothing then.
    pub(crate) enough: bool,
}

/// Chooses at most `limit` of `items`, which stand best first.
pub(crate) fn choose(items: &[Item<'_>], question: &str, limit: usize, diversity: Diversity) -> Choice {
    let sets = |width| items.iter().map(|item| Shingles::of(item.words, width)).collect::<Vec<_>>();
    let runs = if diversity.without_repeats { sets(RUN) } else { Vec::new() };
    let bags = if diversity.varied { sets(1) } else { Vec::new() };
    let mut hits = Hits { items, question, runs, kept: Vec::new(), texts: HashMap::new() };

    let mut dropped = Vec::new();
    let mut open: VecDeque<usize> = (0..items.len()).collect();
    let mut held: Vec<usize> = Vec::new();
    let mut of_file: HashMap<&str, usize> = HashMap::new();
    // The greatest likeness of each item to a hit.
    let mut near: Vec<f32> = vec![0.0; bags.len()];
    while hits.kept.len() < limit {
        let by_worth = diversity.varied && hits.kept.len() >= PLAIN_SLOTS;
        let next = if by_worth { most_telling(items, &open, &near) } else { 0 };
        let Some(at) = open.remove(next) else { break };
        if let Some(reason) = hits.repeated_by(at) {
            dropped.push((at, reason));
            continue;
        }
        if let Some(most) = diversity.per_file
            && !items[at].named
        {
            let count = of_file.entry(items[at].chunk.path.as_str()).or_default();
            if *count >= most {
                held.push(at);
                continue;
            }
            *count += 1;
        }
        hits.keep(at);
        for (near, bag) in near.iter_mut().zip(&bags) {
            *near = near.max(bag.likeness(&bags[at]));
        }
    }
    let enough = hits.kept.len() >= limit;
    held.sort_unstable();
    for at in held {
        match hits.repeated_by(at) {
            Some(reason) => dropped.push((at, reason)),
            None if hits.kept.len() < limit => hits.keep(at),
            None => dropped.push((at, Reason::OneTooMany)),
        }
    }
    dropped.sort_unstable_by_key(|(at, _)| *at);
    Choice { kept: hits.kept, dropped, enough }
}

/// The hits so far.
struct Hits<'a> {
    items: &'a [Item<'a>],
    question: &'a str,
    /// Of every item; empty where near copies may stay.
    runs: Vec<Shingles>,
    kept: Vec<usize>,
    /// The hit that has a text.
    texts: HashMap<TextHash, usize>,
}

impl Hits<'_> {
    fn keep(&mut self, at: usize) {
        self.kept.push(at);
        self.texts.insert(self.items[at].hash, at);
    }

    /// The hit that says the same as an item.
    fn repeated_by(&self, at: usize) -> Option<Reason> {
        if let Some(hit) = self.texts.get(&self.items[at].hash) {
            return Some(Reason::SameText(*hit));
        }
        let runs = self.runs.get(at)?;
        let asked = |at: usize| asked_words(self.question, self.items[at].chunk);
        let nearly = |hit: &usize| self.runs[*hit].likeness(runs) > NEARLY_THE_SAME && asked(*hit) == asked(at);
        self.kept.iter().copied().find(nearly).map(Reason::NearlySame)
    }
}

/// The place in `open` of the item of the greatest marginal relevance; the best ranked of equals.
fn most_telling(items: &[Item<'_>], open: &VecDeque<usize>, near: &[f32]) -> usize {
    let worth = |at: usize| RELEVANCE * items[at].score - (1.0 - RELEVANCE) * near[at];
    let mut best = 0;
    for place in 1..open.len() {
        if worth(open[place]) > worth(open[best]) {
            best = place;
        }
    }
    best
}

/// The words of a passage, its heading, title and path that the question asks for. Where they differ, two near copies answer
/// differently: last year's invoice is not this year's.
fn asked_words(question: &str, chunk: &Chunk) -> BTreeSet<String> {
    [&chunk.text, &chunk.heading, &chunk.title, &chunk.path]
        .into_iter()
        .flat_map(|text| {
            highlights(question, text)
                .into_iter()
                .map(|(start, end)| text[start..end].to_lowercase())
                .collect::<Vec<_>>()
        })
        .collect()
}

#[cfg(test)]
mod tests;
