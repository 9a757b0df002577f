//! Vectors fill in: passages without one are embedded in small batches, each stored as soon as it is there.
//!
//! A batch is the unit that a waiting question has to wait for and that a crash can cost, hence its size.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use tanya_engine::Cancel;
use tanya_index::{Library, Writer};

/// Passages embedded together: about half a second of the reference embedder at 128 tokens each.
const BATCH: usize = 16;
/// Passages fetched at once, so that each batch can be cut from texts of similar length: padding is computed in full.
const FETCH: usize = 512;

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Filled {
    /// Passages with a vector.
    pub done: u64,
    /// Passages altogether.
    pub total: u64,
    /// At the speed so far.
    pub seconds_left: Option<u64>,
}

/// What one batch came to.
pub enum Batch {
    /// Unit vectors, in order.
    Vectors(Vec<Vec<f32>>),
    /// A question came first; the same batch is tried again.
    Interrupted,
    /// Another embedder has taken its place; what is left is for that one.
    Superseded,
    /// Something else comes first; what is left is for another call.
    Postponed,
}

/// When to stop early.
#[derive(Debug, Clone, Copy)]
pub struct Until {
    /// Not after this moment; `None` goes on to the end.
    pub deadline: Option<Instant>,
}

/// Embeds what has no vector yet, until all is done, `until` passes or `cancel` is set.
///
/// `embed` turns texts into vectors of the model `embedder`; `progress` hears of every batch.
pub fn fill(
    library: &Library,
    writer: &mut Writer,
    embedder: &str,
    until: Until,
    cancel: &Cancel,
    embed: &mut dyn FnMut(&[&str]) -> Result<Batch>,
    progress: &mut dyn FnMut(Filled),
) -> Result<Filled> {
    let started = Instant::now();
    let status = library.status().context("cannot read the library")?;
    let before = status.embedded;
    let mut filled = Filled { done: before, total: status.chunks, seconds_left: None };
    let stop = || cancel.is_cancelled() || until.deadline.is_some_and(|deadline| Instant::now() >= deadline);
    while !stop() {
        let mut waiting = writer.unembedded(FETCH).context("cannot read the library")?;
        if waiting.is_empty() {
            break;
        }
        waiting.sort_by_key(|row| row.text.len());
        for batch in waiting.chunks(BATCH) {
            if stop() {
                break;
            }
            let texts: Vec<&str> = batch.iter().map(|row| row.text.as_str()).collect();
            let vectors = loop {
                match embed(&texts)? {
                    Batch::Vectors(vectors) => break vectors,
                    Batch::Superseded | Batch::Postponed => return Ok(filled),
                    Batch::Interrupted if stop() => return Ok(filled),
                    Batch::Interrupted => {}
                }
            };
            let rows: Vec<_> = batch.iter().map(|row| row.hash).zip(vectors).collect();
            writer.put_embeddings(embedder, &rows).context("cannot store vectors")?;
            filled.done = library.status().context("cannot read the library")?.embedded;
            filled.seconds_left = seconds_left(
                filled.done - before.min(filled.done),
                filled.total - filled.done.min(filled.total),
                started.elapsed(),
            );
            progress(filled);
        }
    }
    Ok(filled)
}

/// An estimate from the speed so far; none before there is one worth showing.
fn seconds_left(done: u64, left: u64, elapsed: Duration) -> Option<u64> {
    (done > 0 && elapsed > Duration::from_secs(1))
        .then(|| (elapsed.as_secs_f64() * left as f64 / done as f64).ceil() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_left_needs_a_second_of_evidence() {
        assert_eq!(seconds_left(10, 90, Duration::from_millis(500)), None);
        assert_eq!(seconds_left(0, 90, Duration::from_secs(5)), None);
        assert_eq!(seconds_left(10, 95, Duration::from_secs(2)), Some(19));
    }
}
