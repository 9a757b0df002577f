//! Exact search: every vector is compared as it is. Recall 1, true deletes, nothing on disk that could be damaged.

use super::{Living, Neighbor, Originals, VectorId, VectorIndex, best};
use crate::error::Error;
use crate::top::{Scored, Top};

/// Fewer living vectors than this share are looked up one by one: a lookup costs some twenty steps of a scan.
pub(super) const FEW: usize = 16;

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

    /// Whether it has all of these, which ascend.
    pub(super) fn holds(&self, mut ids: impl Iterator<Item = VectorId>) -> bool {
        let mut held = self.ids.iter();
        ids.all(|wanted| held.find(|id| **id >= wanted) == Some(&wanted))
    }

    /// Appends a vector. False, and nothing changes, if it does not fit the dimension or the id does not exceed the last.
    pub(crate) fn push(&mut self, id: VectorId, values: &[f32]) -> bool {
        if values.len() != self.dimension || self.last().is_some_and(|last| id <= last) {
            return false;
        }
        self.ids.push(id);
        self.values.extend_from_slice(values);
        true
    }

    fn row(&self, id: VectorId) -> Option<&[f32]> {
        let row = self.ids.binary_search(&id).ok()?;
        self.values.get(row * self.dimension..(row + 1) * self.dimension)
    }
}

impl VectorIndex for Exact {
    fn nearest(
        &self,
        queries: &[Vec<f32>],
        limit: usize,
        living: Living<'_>,
        _: &dyn Originals,
    ) -> Result<Vec<Neighbor>, Error> {
        let mut top = Top::new(limit);
        if self.dimension == 0 || queries.is_empty() {
            return Ok(Vec::new());
        }
        if living.len() < self.len() / FEW {
            for id in living.ids() {
                if let Some(row) = self.row(id) {
                    top.push(Scored { score: best(row, queries), id });
                }
            }
        } else {
            for (id, row) in self.ids.iter().zip(self.values.chunks_exact(self.dimension)) {
                let candidate = Scored { score: best(row, queries), id: *id };
                if top.admits(candidate) && living.contains(*id) {
                    top.push(candidate);
                }
            }
        }
        Ok(top.into_sorted().into_iter().map(|s| Neighbor { id: s.id, cosine: s.score }).collect())
    }

    fn cosines(&self, ids: &[VectorId], queries: &[Vec<f32>], _: &dyn Originals) -> Result<Vec<Neighbor>, Error> {
        if queries.is_empty() {
            return Ok(Vec::new());
        }
        let known = ids.iter().filter_map(|id| Some(Neighbor { id: *id, cosine: best(self.row(*id)?, queries) }));
        Ok(known.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::super::dot::dot;
    use super::super::samples::{Kept, pairs};
    use super::*;

    fn axes() -> Exact {
        let mut index = Exact::new(2);
        for (id, row) in [(2, [1.0, 0.0]), (5, [0.0, 1.0]), (7, [0.6, 0.8]), (9, [1.0, 0.0])] {
            assert!(index.push(VectorId(id), &row));
        }
        index
    }

    #[test]
    fn finds_the_nearest_of_the_living_to_any_query() {
        let found = |queries: &[Vec<f32>], living: &[i64]| -> Vec<i64> {
            let pairs = pairs(living);
            let near = axes().nearest(queries, 4, Living::some(&pairs), &Kept::default()).unwrap();
            near.iter().map(|n| n.id.0).collect()
        };
        assert_eq!(found(&[vec![1.0, 0.0]], &[5, 7, 9]), [9, 7, 5]);
        assert_eq!(found(&[vec![1.0, 0.0], vec![0.0, 1.0]], &[2, 5, 7, 9]), [2, 5, 9, 7]);
        let cosine = axes().cosines(&[VectorId(7)], &[vec![1.0, 0.0]], &Kept::default()).unwrap();
        assert!((cosine[0].cosine - 0.6).abs() < 1e-6);
    }

    #[test]
    fn a_few_living_are_found_as_many_are() {
        let kept = Kept::clustered(2_000, 16, 40);
        let index = kept.exact();
        let query = kept.query(3);
        let ids: Vec<i64> = (1..=2_000).step_by(31).collect();
        let few = pairs(&ids);
        assert!(few.len() < index.len() / FEW);
        let near = index.nearest(std::slice::from_ref(&query), 9, Living::some(&few), &kept).unwrap();
        let mut all: Vec<(f32, i64)> = ids.iter().map(|id| (dot(&kept.vectors[&VectorId(*id)], &query), *id)).collect();
        all.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        let expected: Vec<i64> = all[..9].iter().map(|(_, id)| *id).collect();
        assert_eq!(near.iter().map(|n| n.id.0).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn refuses_what_does_not_fit() {
        let mut index = axes();
        assert!(!index.push(VectorId(10), &[1.0]));
        assert!(!index.push(VectorId(9), &[1.0, 0.0]));
        assert!(!index.push(VectorId(10), &[0.0; 3]));
        assert_eq!(index.len(), 4);
        assert!(index.cosines(&[VectorId(10)], &[vec![1.0, 0.0]], &Kept::default()).unwrap().is_empty());
    }
}
