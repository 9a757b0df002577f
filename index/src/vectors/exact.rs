//! Exact search: every vector is compared. Recall 1, true deletes, nothing on disk that could be damaged.

use super::dot::dot;
use super::{Neighbor, VectorId, VectorIndex};
use crate::top::{Scored, Top};

/// Vectors side by side in memory, in the order of their ids.
#[derive(Debug, Clone)]
pub(crate) struct Exact {
    dimension: usize,
    ids: Vec<VectorId>,
    values: Vec<f32>,
}

impl Exact {
    pub(crate) fn new(dimension: usize) -> Self {
        Self { dimension, ids: Vec::new(), values: Vec::new() }
    }

    pub(crate) fn dimension(&self) -> usize {
        self.dimension
    }

    pub(crate) fn len(&self) -> usize {
        self.ids.len()
    }

    /// The newest vector's id.
    pub(crate) fn last(&self) -> Option<VectorId> {
        self.ids.last().copied()
    }

    pub(crate) fn contains(&self, id: VectorId) -> bool {
        self.ids.binary_search(&id).is_ok()
    }

    /// Appends a vector stored as little-endian f32. False, and nothing changes, if the bytes do not fit the dimension
    /// or the id does not exceed the last.
    pub(crate) fn push_bytes(&mut self, id: VectorId, bytes: &[u8]) -> bool {
        let (values, rest) = bytes.as_chunks::<4>();
        if values.len() != self.dimension || !rest.is_empty() || self.last().is_some_and(|last| id <= last) {
            return false;
        }
        self.ids.push(id);
        self.values.extend(values.iter().map(|value| f32::from_le_bytes(*value)));
        true
    }
}

impl VectorIndex for Exact {
    fn nearest(&self, queries: &[Vec<f32>], limit: usize, is_live: &dyn Fn(VectorId) -> bool) -> Vec<Neighbor> {
        let mut top = Top::new(limit);
        if self.dimension == 0 || queries.is_empty() {
            return Vec::new();
        }
        for (id, row) in self.ids.iter().zip(self.values.chunks_exact(self.dimension)) {
            let candidate = Scored { score: best(row, queries), id: *id };
            if top.admits(candidate) && is_live(*id) {
                top.push(candidate);
            }
        }
        top.into_sorted().into_iter().map(|s| Neighbor { id: s.id, cosine: s.score }).collect()
    }

    fn cosine(&self, id: VectorId, queries: &[Vec<f32>]) -> Option<f32> {
        let row = self.ids.binary_search(&id).ok()?;
        let values = self.values.get(row * self.dimension..(row + 1) * self.dimension)?;
        (!queries.is_empty()).then(|| best(values, queries))
    }
}

fn best(row: &[f32], queries: &[Vec<f32>]) -> f32 {
    queries.iter().map(|query| dot(row, query)).fold(f32::NEG_INFINITY, f32::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(values: &[f32]) -> Vec<u8> {
        values.iter().flat_map(|value| value.to_le_bytes()).collect()
    }

    fn axes() -> Exact {
        let mut index = Exact::new(2);
        for (id, row) in [(2, [1.0, 0.0]), (5, [0.0, 1.0]), (7, [0.6, 0.8]), (9, [1.0, 0.0])] {
            assert!(index.push_bytes(VectorId(id), &bytes(&row)));
        }
        index
    }

    #[test]
    fn finds_the_nearest_of_the_living_to_any_query() {
        let near = axes().nearest(&[vec![1.0, 0.0]], 3, &|id| id != VectorId(2));
        assert_eq!(near.iter().map(|n| n.id.0).collect::<Vec<_>>(), [9, 7, 5]);
        let either = axes().nearest(&[vec![1.0, 0.0], vec![0.0, 1.0]], 4, &|_| true);
        assert_eq!(either.iter().map(|n| n.id.0).collect::<Vec<_>>(), [2, 5, 9, 7]);
        assert!((axes().cosine(VectorId(7), &[vec![1.0, 0.0]]).unwrap() - 0.6).abs() < 1e-6);
    }

    #[test]
    fn refuses_what_does_not_fit() {
        let mut index = axes();
        assert!(!index.push_bytes(VectorId(10), &bytes(&[1.0])));
        assert!(!index.push_bytes(VectorId(9), &bytes(&[1.0, 0.0])));
        assert!(!index.push_bytes(VectorId(10), &[0; 9]));
        assert_eq!((index.len(), index.cosine(VectorId(10), &[vec![1.0, 0.0]])), (4, None));
    }
}
