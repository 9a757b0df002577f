//! Nearest neighbors among a library's vectors.
//!
//! The vectors' truth is the database; an index here is a projection in memory, loaded when a question first needs it
//! and topped up as embedding proceeds. [`VectorIndex`] is what a search needs of it; the exact scan of [`exact`] is
//! right up to tens of thousands of chunks (0.2 ms at 10,000, recall 1).
//!
//! Invariant: every vector in an index is finite, of the embedder's dimension and of unit length ([`check`] stands at the
//! door), so a dot product is a cosine.

mod dot;
mod exact;

pub(crate) use exact::Exact;

use crate::error::Error;

/// A vector's number in the database. Never reused, and growing: what is newer is greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct VectorId(pub(crate) i64);

/// A vector with its cosine to the nearest query vector.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Neighbor {
    pub(crate) id: VectorId,
    pub(crate) cosine: f32,
}

/// Finds the vectors nearest to a query.
pub(crate) trait VectorIndex {
    /// The best `limit` among the vectors that `is_live` admits, by the greatest cosine to any of `queries`; best first,
    /// ties by id. Queries have the index's dimension.
    fn nearest(&self, queries: &[Vec<f32>], limit: usize, is_live: &dyn Fn(VectorId) -> bool) -> Vec<Neighbor>;

    /// The greatest cosine of one vector to any of `queries`; `None` if it is not in the index.
    fn cosine(&self, id: VectorId, queries: &[Vec<f32>]) -> Option<f32>;
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
}
