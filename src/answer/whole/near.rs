//! Passages that are close in meaning and hold none of the words: a list by words may miss them, so they are shown and not counted.

use std::collections::HashSet;

use anyhow::Result;
use tanya_engine::Cancel;
use tanya_index::{Chunk, ChunkId, Mode, Query, Snapshot};

use super::find::Search;
use super::piece::{Kind, pieces, shown};
use super::plan::Plan;
use super::reduce::{Item, Place};
use super::subject::Subject;
use crate::answer::cite::Terms;
use crate::answer::models::Finders;
use crate::answer::query::SearchQuery;
use crate::answer::retrieve::search;

/// Cosine from which a passage is close.
const CLOSE: f32 = 0.45;
/// Passages that are looked at, and shown.
const LOOKED_AT: usize = 64;
const SHOWN: usize = 5;

/// What is close to the subject of a list or count in the passages other than `matched`, nearest first. A reader, where there is one,
/// has the last word on whether a passage is about it.
pub(super) fn near(
    plan: &Plan,
    matched: &[ChunkId],
    snapshot: &Snapshot,
    finders: Finders<'_>,
    terms: &dyn Terms,
    cancel: &Cancel,
) -> Result<Vec<Item>> {
    let (Some(embedder), Search::Matching { subject: Some(subject), .. }) = (finders.embedder, &plan.search) else {
        return Ok(Vec::new());
    };
    let read: HashSet<ChunkId> = plan.sections.iter().flat_map(|section| section.chunks.iter().copied()).collect();
    let matched: HashSet<ChunkId> = matched.iter().copied().collect();
    let query = SearchQuery { conditions: plan.conditions.clone(), ..SearchQuery::new(&subject.text, &[]) };
    let how = Query { mode: Mode::Hybrid, limit: LOOKED_AT, ..Query::default() };
    let hits = search(snapshot, &query, Some(embedder), &how, cancel)?.hits;
    let mut close: Vec<(f32, Chunk)> = hits
        .into_iter()
        .filter(|hit| read.contains(&hit.chunk.id) && !matched.contains(&hit.chunk.id))
        .filter_map(|hit| Some((hit.cosine.filter(|cosine| *cosine >= CLOSE)?, hit.chunk)))
        .collect();
    close.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    close.truncate(2 * SHOWN);
    if let Some(reader) = finders.reader {
        let texts: Vec<&str> = close.iter().map(|(_, chunk)| chunk.text.as_str()).collect();
        let mut about = reader.read(&subject.text, &texts, cancel)?.into_iter().map(|reading| reading.relevance > 0.0);
        close.retain(|_| about.next().unwrap_or(true));
    }
    Ok(close.into_iter().take(SHOWN).filter_map(|(cosine, chunk)| item(cosine, chunk, subject, terms)).collect())
}

/// The piece of a passage that shares most with the subject, the first of equals.
fn item(cosine: f32, chunk: Chunk, subject: &Subject, terms: &dyn Terms) -> Option<Item> {
    let share = |text: &str| subject.share(&[&terms.terms(text).into_iter().collect()]);
    let best = pieces(&chunk.text).into_iter().map(|piece| (share(piece.text), piece));
    let (_, piece) = best.reduce(|best, one| if one.0 > best.0 { one } else { best })?;
    let (start, end, kind): (usize, usize, Kind) = (piece.start, piece.start + piece.text.len(), piece.kind);
    let text = shown(piece.text, kind);
    Some(Item { text, kind, sides: 1, weight: cosine, places: vec![Place { chunk: chunk.into(), start, end }] })
}
