//! Nearest neighbors among a library's vectors.
//!
//! The vectors' truth is the database; an index here is a projection, loaded when a question first needs it and topped up as
//! embedding proceeds. [`VectorIndex`] is what a search needs of it. [`exact`] compares every vector as it is; [`rounded`]
//! compares every vector in eight bits and the best of them as they are, or asks a [`graph`] which to compare;
//! [`VectorKind::Auto`] chooses by their number.
//!
//! ```text
//! database ─┬→ exact      f32 in memory
//!           └→ rows ──────┬→ scan in eight bits ─┐
//!              ↑ file     └→ graph + scan of what is newer ─┴→ the best few hundred, compared as the database has them
//!              keep (whoever holds the writer lock)
//! ```
//!
//! Invariant: every vector in an index is finite, of the embedder's dimension and of unit length ([`check`] stands at the
//! door), so a dot product is a cosine.

mod dot;
mod exact;
mod file;
mod graph;
mod held;
mod keep;
mod kernels;
mod kind;
mod mmap;
mod rounded;
mod rows;
#[cfg(test)]
mod samples;
mod scan;

pub(crate) use held::{Index, from_file};
pub(crate) use keep::{Keeper, look};
pub use kind::{Options, VectorKind};

use crate::error::Error;
use crate::types::ChunkId;

/// A vector's number in the database. Never reused, and growing: what is newer is greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct VectorId(pub(crate) i64);

/// A vector with its cosine to the nearest query vector.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Neighbor {
    pub(crate) id: VectorId,
    pub(crate) cosine: f32,
}

/// Which vectors may be found, ascending and each once, with the chunk that each stands for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Living<'a> {
    pairs: &'a [(VectorId, ChunkId)],
    /// Of which generation these are all.
    whole: Option<u64>,
}

impl<'a> Living<'a> {
    /// Every vector that a chunk of this generation has.
    pub(crate) fn whole(pairs: &'a [(VectorId, ChunkId)], generation: u64) -> Self {
        Self { pairs, whole: Some(generation) }
    }

    /// Some of them.
    pub(crate) fn some(pairs: &'a [(VectorId, ChunkId)]) -> Self {
        Self { pairs, whole: None }
    }

    pub(crate) fn len(self) -> usize {
        self.pairs.len()
    }

    pub(crate) fn ids(self) -> impl Iterator<Item = VectorId> + 'a {
        self.pairs.iter().map(|(id, _)| *id)
    }

    /// The id at a place in their order.
    fn nth(self, place: usize) -> Option<VectorId> {
        self.pairs.get(place).map(|(id, _)| *id)
    }

    pub(crate) fn contains(self, id: VectorId) -> bool {
        self.chunk(id).is_some()
    }

    /// The chunk that a vector stands for.
    pub(crate) fn chunk(self, id: VectorId) -> Option<ChunkId> {
        let place = self.pairs.binary_search_by_key(&id, |(vector, _)| *vector).ok()?;
        Some(self.pairs[place].1)
    }

    /// How many are not newer than `id`.
    fn count_to(self, id: VectorId) -> usize {
        self.pairs.partition_point(|(vector, _)| *vector <= id)
    }
}

/// Where vectors are as the embedder made them.
pub(crate) trait Originals {
    /// Hands `take` each of the vectors that is there, in any order.
    fn each(&self, ids: &[VectorId], take: &mut dyn FnMut(VectorId, &[f32])) -> Result<(), Error>;
}

/// Finds the vectors nearest to a query. Queries have the index's dimension.
pub(crate) trait VectorIndex {
    /// The best `limit` of `living`, by the greatest cosine to any of `queries`; best first, ties by id. Which vectors these
    /// are may be approximate; that they are of `living`, and their cosines, never are.
    fn nearest(
        &self,
        queries: &[Vec<f32>],
        limit: usize,
        living: Living<'_>,
        originals: &dyn Originals,
    ) -> Result<Vec<Neighbor>, Error>;

    /// The greatest cosine of each of these vectors to any of `queries`, in no order; without those that are not in the index.
    fn cosines(
        &self,
        ids: &[VectorId],
        queries: &[Vec<f32>],
        originals: &dyn Originals,
    ) -> Result<Vec<Neighbor>, Error>;
}

/// The greatest cosine of a vector to any of `queries`.
fn best(row: &[f32], queries: &[Vec<f32>]) -> f32 {
    queries.iter().map(|query| dot::dot(row, query)).fold(f32::NEG_INFINITY, f32::max)
}

/// How far from 1 a length may be: f32 arithmetic over a thousand components stays well within.
const UNIT_TOLERANCE: f32 = 1e-3;

/// Whether a vector may enter an index or a query.
pub(crate) fn check(vector: &[f32], dimension: usize) -> Result<(), Error> {
    if vector.len() != dimension {
        return Err(Error::Dimension { expected: dimension, received: vector.len() });
    }
    if !vector.iter().all(|value| value.is_finite()) {
        return Err(Error::NotFinite);
    }
    let length = dot::dot(vector, vector).sqrt();
    if (length - 1.0).abs() > UNIT_TOLERANCE {
        return Err(Error::NotUnit { length });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_finite_unit_vectors_of_the_right_dimension_pass() {
        assert!(check(&[0.6, 0.8], 2).is_ok());
        assert!(matches!(check(&[1.0], 2), Err(Error::Dimension { expected: 2, received: 1 })));
        assert!(matches!(check(&[f32::NAN, 1.0], 2), Err(Error::NotFinite)));
        assert!(matches!(check(&[f32::INFINITY, 1.0], 2), Err(Error::NotFinite)));
        assert!(matches!(check(&[0.0, 0.0], 2), Err(Error::NotUnit { .. })));
        assert!(matches!(check(&[f32::MAX, f32::MAX], 2), Err(Error::NotUnit { .. })));
    }

    #[test]
    fn the_living_know_their_chunks_and_their_age() {
        let pairs = [(VectorId(2), ChunkId(9)), (VectorId(5), ChunkId(1))];
        let living = Living::some(&pairs);
        assert_eq!((living.chunk(VectorId(5)), living.chunk(VectorId(3))), (Some(ChunkId(1)), None));
        assert_eq!([1, 2, 4, 9].map(|id| living.count_to(VectorId(id))), [0, 1, 1, 2]);
    }
}
