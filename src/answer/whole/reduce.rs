//! What was found in all sections → items: nothing twice, counted here and never by a model, in the order of the documents.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use anyhow::{Context as _, Result};
use tanya_engine::{Cancel, EmbedKind};
use tanya_index::{Chunk, ChunkId, Snapshot};
use unicode_segmentation::UnicodeSegmentation as _;

use super::find::{Finding, Search};
use super::piece::{Kind, shown};
use super::section::Section;
use super::summary;
use super::task::Unit;
use crate::answer::cite::{Terms, exact_words};
use crate::answer::models::TextEmbedder;

/// Items that are held with their text; more are counted.
pub(super) const MOST_HELD: usize = 500;
/// Places of one item that are cited.
const MOST_PLACES: usize = 3;
/// Items that are compared by meaning, at most.
const MOST_COMPARED: usize = 200;
/// Cosine from which two items may say the same.
const SAME: f32 = 0.92;
/// Findings from which a summary or a side of a comparison chooses: of one file, and of all.
const OF_A_FILE: usize = 8;
const OF_ALL: usize = 200;

/// Something found, once.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Item {
    /// On one line, as it stands in the answer.
    pub(super) text: String,
    pub(super) kind: Kind,
    /// As in [`Finding`].
    pub(super) sides: u8,
    pub(super) weight: f32,
    /// Where it stands, the first ones.
    pub(super) places: Vec<Place>,
}

/// Where an item stands.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Place {
    pub(super) chunk: Arc<Chunk>,
    pub(super) start: usize,
    pub(super) end: usize,
}

impl Item {
    /// The file in which it stands first.
    pub(super) fn path(&self) -> &str {
        self.places.first().map_or("", |place| place.chunk.path.as_str())
    }
}

/// All that was found.
#[derive(Debug, Default)]
pub(super) struct Reduced {
    /// The first [`MOST_HELD`], in the order of the documents.
    pub(super) items: Vec<Item>,
    /// How many there are.
    pub(super) found: usize,
    /// How many places they have together.
    pub(super) places: usize,
    /// Files in which they stand.
    pub(super) files: usize,
}

/// Puts what was found together. `findings` has the sections' numbers, in order.
pub(super) fn reduce(
    search: &Search,
    sections: &[Section],
    findings: Vec<(usize, Finding)>,
    snapshot: &Snapshot,
) -> Result<Reduced> {
    let findings = match search {
        Search::Matching { .. } => findings,
        Search::Telling(_) | Search::Sides(_) => weightiest(sections, findings),
    };
    let unit = match search {
        Search::Matching { unit, .. } => *unit,
        Search::Telling(_) | Search::Sides(_) => Unit::Items,
    };
    let mut reduced = Reduced::default();
    let mut known: HashMap<[u8; 32], usize> = HashMap::new();
    let mut files = BTreeSet::new();
    let mut last: Option<(ChunkId, Arc<Chunk>)> = None;
    for (number, finding) in findings {
        let section = &sections[number];
        let Some(id) = section.chunks.get(finding.part) else { continue };
        let chunk = match &last {
            Some((known, chunk)) if known == id => Arc::clone(chunk),
            _ => match snapshot.chunk(*id).context("cannot read the library")? {
                Some(chunk) => Arc::new(chunk),
                None => continue,
            },
        };
        last = Some((*id, Arc::clone(&chunk)));
        let text = shown(&chunk.text[finding.start..finding.end], finding.kind);
        let key = match (unit, finding.kind) {
            (Unit::Files, _) => section.path.to_string(),
            // The section itself is the entry.
            (Unit::Entries, Kind::Sentence) => format!("section {number}"),
            _ => normal(&text),
        };
        reduced.places += 1;
        files.insert(Arc::clone(&section.path));
        let place = Place { chunk, start: finding.start, end: finding.end };
        let new = reduced.found;
        let at = *known.entry(blake3::hash(key.as_bytes()).into()).or_insert(new);
        reduced.found += usize::from(at == new);
        match reduced.items.get_mut(at) {
            Some(item) if unit == Unit::Files && finding.weight <= item.weight => {}
            Some(item) if unit == Unit::Files => {
                *item = Item { text, kind: finding.kind, sides: 1, weight: finding.weight, places: vec![place] };
            }
            Some(item) => item.also(place, finding.sides, finding.weight),
            None if at == new && new < MOST_HELD => {
                let Finding { kind, sides, weight, .. } = finding;
                reduced.items.push(Item { text, kind, sides, weight, places: vec![place] });
            }
            None => {}
        }
    }
    reduced.files = files.len();
    Ok(reduced)
}

impl Item {
    fn also(&mut self, place: Place, sides: u8, weight: f32) {
        self.sides |= sides;
        self.weight = self.weight.max(weight);
        if self.places.len() < MOST_PLACES {
            self.places.push(place);
        }
    }
}

/// The findings to choose from, in their order: the best of each file, then of all, for each side.
fn weightiest(sections: &[Section], findings: Vec<(usize, Finding)>) -> Vec<(usize, Finding)> {
    let mut by_file: BTreeMap<(&str, u8), Vec<(usize, Finding)>> = BTreeMap::new();
    for (number, finding) in findings {
        by_file.entry((&sections[number].path, finding.sides)).or_default().push((number, finding));
    }
    let heaviest = |some: &mut Vec<(usize, Finding)>, keep: usize| {
        some.sort_by(|(_, a), (_, b)| b.weight.total_cmp(&a.weight));
        some.truncate(keep);
    };
    let mut by_side: BTreeMap<u8, Vec<(usize, Finding)>> = BTreeMap::new();
    for ((_, sides), mut some) in by_file {
        heaviest(&mut some, OF_A_FILE);
        by_side.entry(sides).or_default().extend(some);
    }
    let mut all = Vec::new();
    for mut some in by_side.into_values() {
        heaviest(&mut some, OF_ALL);
        all.extend(some);
    }
    all.sort_by_key(|(number, finding)| (*number, finding.part, finding.start));
    all
}

/// A text as it is compared: its words alone.
fn normal(text: &str) -> String {
    let words = text.unicode_words().map(str::to_lowercase).collect::<Vec<_>>().join(" ");
    if words.is_empty() { text.to_owned() } else { words }
}

/// Joins items that say the same in nearly the same words: near by meaning where there is an embedder, with the same telling words, and
/// alike in every number, name and negation, for which vectors are blind.
pub(super) fn join_alike(
    reduced: &mut Reduced,
    terms: &dyn Terms,
    embedder: Option<&dyn TextEmbedder>,
    cancel: &Cancel,
) -> Result<()> {
    if reduced.found > MOST_COMPARED || reduced.items.len() < 2 {
        return Ok(());
    }
    let telling = |item: &Item| (terms.terms(&item.text).into_iter().collect::<BTreeSet<_>>(), exact_words(&item.text));
    let said: Vec<_> = reduced.items.iter().map(telling).collect();
    let vectors = embedder.map(|embedder| embedded(embedder, &reduced.items, cancel)).transpose()?;
    let alike = |a: usize, b: usize| {
        said[a] == said[b] && vectors.as_ref().is_none_or(|vectors| dot(&vectors[a], &vectors[b]) >= SAME)
    };
    let mut kept: Vec<(usize, Item)> = Vec::new();
    for (at, item) in std::mem::take(&mut reduced.items).into_iter().enumerate() {
        match kept.iter_mut().find(|(other, _)| alike(*other, at)) {
            Some((_, same)) => {
                reduced.found -= 1;
                for place in item.places {
                    same.also(place, item.sides, item.weight);
                }
            }
            None => kept.push((at, item)),
        }
    }
    reduced.items = kept.into_iter().map(|(_, item)| item).collect();
    Ok(())
}

fn embedded(embedder: &dyn TextEmbedder, items: &[Item], cancel: &Cancel) -> Result<Vec<Vec<f32>>> {
    let texts: Vec<&str> = items.iter().map(|item| item.text.as_str()).collect();
    embedder.embed(EmbedKind::Passage, &texts, cancel)
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// At most `keep` of `items` that say most and are unlike each other, in the order that they had; at most `of_a_file` of one file.
pub(super) fn most_telling(
    items: Vec<Item>,
    keep: usize,
    of_a_file: usize,
    terms: &dyn Terms,
    embedder: Option<&dyn TextEmbedder>,
    cancel: &Cancel,
) -> Result<Vec<Item>> {
    if items.len() <= 1 {
        return Ok(items);
    }
    let vectors: Vec<summary::Vector> = items.iter().map(|item| summary::vector(&item.text, terms)).collect();
    let meanings = match embedder.filter(|_| items.len() <= MOST_COMPARED) {
        Some(embedder) => Some(embedded(embedder, &items, cancel)?),
        None => None,
    };
    let central = summary::centrality(&vectors);
    let most = central.iter().copied().fold(f32::MIN_POSITIVE, f32::max);
    let weights: Vec<f32> =
        items.iter().zip(&central).map(|(item, central)| f32::midpoint(item.weight.min(1.0), central / most)).collect();
    let alike = |a: usize, b: usize| {
        let words = summary::cosine(&vectors[a], &vectors[b]);
        meanings.as_ref().map_or(words, |all| f32::midpoint(words, dot(&all[a], &all[b])))
    };
    let may = |at: usize, chosen: &[usize]| {
        chosen.iter().filter(|other| items[**other].path() == items[at].path()).count() < of_a_file
    };
    let chosen: BTreeSet<usize> = summary::choose(&weights, keep, &alike, &may).into_iter().collect();
    Ok(items.into_iter().enumerate().filter(|(at, _)| chosen.contains(at)).map(|(_, item)| item).collect())
}
