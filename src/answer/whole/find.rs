//! One section → what in it answers: rules alone, no model. Pure.
//!
//! A piece matches by its own words together with what says what it is about: the sentence or header that leads it in, the headings
//! above it, the title and the name of its file. An item of a list need not repeat the subject that stands above the list; a sentence
//! must name some of it.

use std::collections::{BTreeMap, BTreeSet};

use tanya_index::Chunk;

use super::piece::{Kind, Piece, pieces};
use super::section::Section;
use super::subject::Subject;
use super::summary;
use super::task::Unit;
use crate::answer::cite::Terms;

/// Share of a subject that a piece and its context must hold: as much as supports a sentence of an answer.
const MATCH: f32 = 0.6;
/// Share that a sentence must hold by itself.
const OWN: f32 = 0.3;
/// Share that a section must hold where its words stand apart.
const SCATTERED: f32 = 0.75;
/// Sentences of a section that a summary may choose from.
const TELLING: usize = 3;

/// What is looked for.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Search {
    /// What matches the subject; everything without one.
    Matching { unit: Unit, subject: Option<Subject> },
    /// What matches the first subject, the second, or both.
    Sides([Side; 2]),
    /// The sentences that say most, about a subject where there is one.
    Telling(Option<Subject>),
}

/// One of two things that are compared.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Side {
    /// What is said of it anywhere.
    About(Subject),
    /// What stands in these files.
    Files(BTreeSet<String>),
}

/// A piece that was found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Finding {
    /// Which chunk of the section.
    pub(super) part: usize,
    /// First byte in the chunk's text.
    pub(super) start: usize,
    /// One past the last byte.
    pub(super) end: usize,
    pub(super) kind: Kind,
    /// Bit n: it belongs to side n.
    pub(super) sides: u8,
    /// How much of the subject it holds, or how telling it is: 0 to about 1.
    pub(super) weight: f32,
}

/// What a piece and its surroundings say, as terms.
struct Said<'a> {
    part: usize,
    piece: Piece<'a>,
    own: BTreeSet<String>,
    lead: BTreeSet<String>,
}

impl Said<'_> {
    fn found(&self, sides: u8, weight: f32) -> Finding {
        let Piece { start, text, kind, .. } = self.piece;
        Finding { part: self.part, start, end: start + text.len(), kind, sides, weight }
    }
}

/// What stands above a section, as terms.
struct Above {
    /// Title, headings and name of the file.
    all: BTreeSet<String>,
    /// The innermost of them.
    nearest: BTreeSet<String>,
}

/// Looks through a section, whose chunks `texts` are.
pub(super) fn find(search: &Search, section: &Section, texts: &[Chunk], terms: &dyn Terms) -> Vec<Finding> {
    let set = |text: &str| terms.terms(text).into_iter().collect::<BTreeSet<String>>();
    let pieces = texts
        .iter()
        .enumerate()
        .flat_map(|(part, chunk)| pieces(&chunk.text).into_iter().map(move |piece| (part, piece)));
    let all: Vec<Said<'_>> = pieces
        .map(|(part, piece)| Said { part, piece, own: set(piece.text), lead: piece.lead.map(set).unwrap_or_default() })
        .collect();
    let above = above(section, &set);
    match search {
        Search::Matching { unit, subject: None } => everything(*unit, &all),
        Search::Matching { unit: Unit::Items, subject: Some(subject) } => matching(subject, &all, &above, 1),
        Search::Matching { unit, subject: Some(subject) } => as_entries(*unit, subject, &all, &above),
        Search::Sides(sides) => {
            let mut found: BTreeMap<(usize, usize), Finding> = BTreeMap::new();
            for (side, bit) in sides.iter().zip([1, 2]) {
                let some = match side {
                    Side::About(subject) => matching(subject, &all, &above, bit),
                    Side::Files(paths) if paths.contains(&*section.path) => telling(None, &all, &above, terms, bit),
                    Side::Files(_) => Vec::new(),
                };
                for one in some {
                    found.entry((one.part, one.start)).or_insert(one).sides |= bit;
                }
            }
            found.into_values().collect()
        }
        Search::Telling(subject) => telling(subject.as_ref(), &all, &above, terms, 1),
    }
}

fn above(section: &Section, set: &dyn Fn(&str) -> BTreeSet<String>) -> Above {
    let name = section.path.rsplit('/').next().unwrap_or_default();
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    let all = set(&format!("{} {} {}", section.title, section.heading, stem.replace(['-', '_', '.'], " ")));
    let inner = section.heading.rsplit(" › ").next().filter(|inner| !inner.is_empty() && **inner != *section.title);
    let nearest = inner.map_or_else(|| all.clone(), set);
    Above { all, nearest }
}

/// How much of the subject a piece holds where it matches, a little more where it says so itself.
fn weight(subject: &Subject, said: &Said<'_>, above: &Above) -> Option<f32> {
    let own = subject.share(&[&said.own]);
    let near = subject.share(&[&said.own, &said.lead, &above.nearest]);
    let all = subject.share(&[&said.own, &said.lead, &above.nearest, &above.all]);
    let says_enough = match said.piece.kind {
        Kind::Item | Kind::Row => near > 0.0,
        // What announces a list is none of its items.
        Kind::Sentence => own >= OWN && !said.piece.text.ends_with(':'),
    };
    (says_enough && all >= MATCH).then_some(f32::midpoint(own, all))
}

fn matching(subject: &Subject, all: &[Said<'_>], above: &Above, sides: u8) -> Vec<Finding> {
    all.iter().filter_map(|said| Some(said.found(sides, weight(subject, said, above)?))).collect()
}

/// Items and rows that match; where none does, the section itself by its best piece, if it matches as a whole.
fn as_entries(unit: Unit, subject: &Subject, all: &[Said<'_>], above: &Above) -> Vec<Finding> {
    let found = matching(subject, all, above, 1);
    let listed: Vec<Finding> = found.iter().filter(|one| one.kind != Kind::Sentence).copied().collect();
    if unit == Unit::Entries && !listed.is_empty() {
        return listed;
    }
    if let Some(best) = best(found.into_iter()) {
        return vec![best];
    }
    let mut places: Vec<&BTreeSet<String>> = all.iter().map(|said| &said.own).collect();
    places.push(&above.nearest);
    places.push(&above.all);
    if subject.share(&places) < SCATTERED {
        return Vec::new();
    }
    best(all.iter().map(|said| said.found(1, subject.share(&[&said.own])))).into_iter().collect()
}

/// The first of the weightiest.
fn best(found: impl Iterator<Item = Finding>) -> Option<Finding> {
    found.reduce(|best, one| if one.weight > best.weight { one } else { best })
}

fn everything(unit: Unit, all: &[Said<'_>]) -> Vec<Finding> {
    let listed = all.iter().filter(|said| unit != Unit::Files && said.piece.kind != Kind::Sentence);
    let listed: Vec<Finding> = listed.map(|said| said.found(1, 1.0)).collect();
    if listed.is_empty() { all.first().map(|said| said.found(1, 1.0)).into_iter().collect() } else { listed }
}

fn telling(subject: Option<&Subject>, all: &[Said<'_>], above: &Above, terms: &dyn Terms, sides: u8) -> Vec<Finding> {
    let fit: Vec<&Said<'_>> = all
        .iter()
        .filter(|said| summary::is_telling(&said.piece))
        .filter(|said| subject.is_none_or(|subject| weight(subject, said, above).is_some()))
        .collect();
    let counted: Vec<summary::Vector> = fit.iter().map(|said| summary::vector(said.piece.text, terms)).collect();
    let mut found: Vec<Finding> = fit
        .iter()
        .zip(summary::centrality(&counted))
        .enumerate()
        .map(|(at, (said, central))| said.found(sides, summary::weight(central, at, said.piece.kind)))
        .collect();
    found.sort_by(|a, b| b.weight.total_cmp(&a.weight));
    found.truncate(TELLING);
    found.sort_by_key(|one| (one.part, one.start));
    found
}
