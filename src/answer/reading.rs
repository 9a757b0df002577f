//! What the reader says of the sources: which of them answer the question, and where.
//!
//! The search compares a question with passages from afar; the reader reads each of the few that were found together with the
//! question. What it says decides their order, is half of the gate, and points at the words of a short answer.

use anyhow::Result;
use serde::{Deserialize, Serialize};
use tanya_engine::{Cancel, Reading};

use super::event::Source;
use super::models::PairReader;

/// What the reader says of one source.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct SourceReading {
    /// Log-odds that the passage is about the question.
    pub relevance: f32,
    /// Log-odds that it answers the question.
    pub answerable: f32,
    /// Bytes of [`Source::text`] that may be the answer.
    pub span: Option<(usize, usize)>,
    /// By how much the span's score is above that of "there is no answer".
    pub span_score: f32,
}

impl SourceReading {
    /// How sure the reader is that the answer stands here.
    pub(super) fn strength(&self) -> f32 {
        self.answerable + SPAN_WEIGHT * self.span_score
    }
}

/// How much a span's score counts beside the log-odds of an answer.
const SPAN_WEIGHT: f32 = 0.25;
/// What a place in the search's ranking is worth, in the units of [`SourceReading::strength`].
const PLACE: f32 = 0.4;

/// Reads `sources` and puts them in the order of what was read, numbered anew.
pub(super) fn read(reader: &dyn PairReader, question: &str, sources: &mut Vec<Source>, cancel: &Cancel) -> Result<()> {
    let texts: Vec<String> = sources.iter().map(|source| format!("{}{}", lead(source), source.text)).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    for (source, reading) in sources.iter_mut().zip(reader.read(question, &texts, cancel)?) {
        source.reading = Some(of_source(source, &reading));
    }
    let mut ranked: Vec<(f32, Source)> = std::mem::take(sources)
        .into_iter()
        .zip(0u16..)
        .map(|(source, place)| {
            let strength = source.reading.map_or(0.0, |reading| reading.strength());
            (strength - PLACE * f32::from(place), source)
        })
        .collect();
    ranked.sort_by(|a, b| b.0.total_cmp(&a.0));
    *sources = ranked.into_iter().zip(1..).map(|((_, source), n)| Source { n, ..source }).collect();
    Ok(())
}

/// What stands in front of a passage's text, as in the reader's training.
fn lead(source: &Source) -> String {
    if source.heading.is_empty() { String::new() } else { format!("{}\n", source.heading) }
}

/// A reading in the places of the source's own text: an answer in the heading is none that can be cited.
fn of_source(source: &Source, reading: &Reading) -> SourceReading {
    let lead = lead(source).len();
    let span = reading.spans.iter().find(|span| span.start >= lead);
    SourceReading {
        relevance: reading.relevance,
        answerable: reading.answerable.unwrap_or(reading.relevance),
        span: span.map(|span| (span.start - lead, span.end - lead)),
        span_score: span.map_or(f32::MIN, |span| span.score).max(-40.0),
    }
}
