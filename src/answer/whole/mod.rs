//! Questions that only the whole folder answers: "list all", "how many", "compare", "summarize".
//!
//! ```text
//! question ─task→ task ─plan→ sections ─find→ findings (kept in memory) ─reduce→ items ─compose→ Answer with its proof
//! ```
//!
//! A search shows the best few passages, and an answer from them is wrong where all are asked for. Here every section is read, by rules
//! and not by a model; what is counted is counted by the program; and the answer says how many of how many sections were read, and which
//! files could not be. Only a summary is phrased by a model, where the person wants that (`answer_style = write`).
//!
//! Invariants: every item is a stretch of a document and cites it; nothing is listed twice; the figures of the proof are those of
//! the loop that read.

mod compose;
mod find;
mod lexicon;
mod memory;
mod near;
mod piece;
mod plan;
mod reduce;
mod section;
mod sheet;
mod subject;
mod summary;
mod task;

use std::time::Instant;

use anyhow::Result;
use tanya_engine::Cancel;
use tanya_index::{ChunkId, Snapshot};

use super::event::{AnswerEvent, Gate, Whole};
use super::models::Finders;
use super::retrieve::{FolderTerms, Found};
use super::{Measures, Prepared, Request, SearchQuery, Trace, milliseconds};
use find::Finding;
use plan::Plan;
use task::Inquiry;

pub(super) use compose::Composed;
pub(super) use lexicon::is_glue;
pub use memory::Memory;
pub use task::{Scope, Task, Unit};

/// Whether a question is taken to be about the whole folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Reading {
    /// Where its words say so ([`Task::of`]).
    #[default]
    AsAsked,
    /// Whatever its words say.
    Everything,
    /// Never: the best passages answer.
    BestPassages,
}

/// Reports of progress in one run, about.
const REPORTS: usize = 100;

/// What was read.
struct Read {
    findings: Vec<(usize, Finding)>,
    /// Sections read, those of earlier runs included.
    sections: usize,
    /// Of these, how many were read in earlier runs.
    remembered: usize,
    /// Sections in which something was found.
    matched: usize,
    stopped: bool,
}

/// Answers `request` by reading all that it is about; `None` where it is a question for a search. Emits `Query`, `Reading`, `Sources` and
/// `Gate`. A `cancel` while it reads ends with what was found so far; `memory` lets the next run go on from there.
pub(super) fn prepare(
    request: &Request,
    snapshot: &Snapshot,
    finders: Finders<'_>,
    memory: &mut Memory,
    cancel: &Cancel,
    sink: &mut dyn FnMut(AnswerEvent),
) -> Result<Option<Prepared>> {
    let started = Instant::now();
    let inquiry = match request.reading {
        Reading::BestPassages => None,
        Reading::AsAsked => Inquiry::of(&request.question, &request.conditions),
        Reading::Everything => Some(Inquiry::forced(&request.question, &request.conditions)),
    };
    let terms = FolderTerms::new(snapshot);
    let Some(inquiry) = inquiry else { return Ok(None) };
    let Some(plan) = Plan::new(inquiry, snapshot, &terms)? else { return Ok(None) };
    sink(AnswerEvent::Query { text: plan.shown() });
    let read = read(&plan, snapshot, &terms, memory, cancel, sink)?;
    let matched: Vec<ChunkId> =
        read.findings.iter().filter_map(|(at, one)| plan.sections[*at].chunks.get(one.part).copied()).collect();
    let mut reduced = reduce::reduce(&plan.search, &plan.sections, read.findings, snapshot)?;
    // A person who stops wants what there is, not what could be made of it.
    let finders = if read.stopped { Finders::default() } else { finders };
    reduce::join_alike(&mut reduced, &terms, finders.embedder, cancel)?;
    let near = near::near(&plan, &matched, snapshot, finders, &terms, cancel)?;
    let whole = Whole {
        task: plan.task.name().to_owned(),
        sections: plan.sections.len(),
        read: read.sections,
        matched: read.matched,
        remembered: read.remembered,
        files: plan.files,
        found: reduced.found,
        unread_files: plan.unread.skipped + plan.unread.failed,
    };
    let tools = compose::Tools { terms: &terms, filter: &request.filter, embedder: finders.embedder, cancel };
    let composed = compose::compose(&plan, reduced, &near, whole, read.stopped, request.style, &tools)?;
    let gate = match &composed.refusal {
        Some(reason) => Gate::Refuse { reason: reason.clone() },
        None => Gate::Go,
    };
    let sources = if composed.phrased { composed.extracts() } else { composed.sources.clone() };
    sink(AnswerEvent::Sources(sources.clone()));
    sink(AnswerEvent::Gate(gate.clone()));
    let mut request = request.clone();
    request.history.clear();
    if composed.phrased {
        // The sentences that were chosen are all that the model reads, as far as its window goes.
        (request.evidence_tokens, request.evidence_sentences) = (usize::MAX, 0);
    }
    let trace = Trace::begun(&request, &SearchQuery::new(&request.question, &[]));
    let file_hashes = crate::answer::file_hashes(snapshot, &sources)?;
    let found = Found { hits: Vec::new(), sources, dropped: Vec::new() };
    Ok(Some(Prepared {
        request,
        started,
        found,
        measures: Measures::default(),
        gate,
        quote: None,
        disagreement: None,
        whole: Some(Box::new(composed)),
        ms_search: milliseconds(started),
        trace,
        file_hashes,
    }))
}

/// Reads the sections of `plan` that `memory` does not know, until all are read or `cancel` is set.
fn read(
    plan: &Plan,
    snapshot: &Snapshot,
    terms: &FolderTerms<'_>,
    memory: &mut Memory,
    cancel: &Cancel,
    sink: &mut dyn FnMut(AnswerEvent),
) -> Result<Read> {
    let started = Instant::now();
    let pace = memory.pace();
    let readings = memory.of(&plan.key());
    let total = plan.sections.len();
    let step = (total / REPORTS).max(1);
    let mut left = plan.passages();
    let mut passages = 0;
    let mut result = Read { findings: Vec::new(), sections: 0, remembered: 0, matched: 0, stopped: false };
    for (number, section) in plan.sections.iter().enumerate() {
        if number % step == 0 {
            sink(AnswerEvent::Reading { done: number, total, seconds_left: pace.seconds(left) });
        }
        if cancel.is_cancelled() {
            result.stopped = true;
            break;
        }
        let key = section.key();
        let found = if let Some(known) = readings.get(&key) {
            result.remembered += 1;
            known.clone()
        } else {
            let found = find::find(&plan.search, section, &section.read(snapshot)?, terms);
            passages += section.chunks.len();
            readings.insert(key, found.clone());
            found
        };
        left -= section.chunks.len();
        result.sections += 1;
        result.matched += usize::from(!found.is_empty());
        result.findings.extend(found.into_iter().map(|finding| (number, finding)));
    }
    memory.learn(passages, started.elapsed());
    Ok(result)
}

#[cfg(test)]
mod tests;
