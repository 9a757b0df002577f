//! The best few of many scored things, with ties broken by the smaller id, so that a ranking never depends on
//! the order in which candidates were met.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

/// Something with a score. Ordered by merit: the greater is the better, of equals the one with the smaller id.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Scored<Id> {
    pub(crate) score: f32,
    pub(crate) id: Id,
}

impl<Id: Ord> Eq for Scored<Id> {}

impl<Id: Ord> Ord for Scored<Id> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.score.total_cmp(&other.score).then_with(|| other.id.cmp(&self.id))
    }
}

impl<Id: Ord> PartialOrd for Scored<Id> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Keeps the best `limit` of what is pushed.
#[derive(Debug)]
pub(crate) struct Top<Id> {
    limit: usize,
    worst_first: BinaryHeap<Reverse<Scored<Id>>>,
}

impl<Id: Ord + Copy> Top<Id> {
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit, worst_first: BinaryHeap::new() }
    }

    /// Whether `candidate` is among the best so far. Scores that are not finite never are.
    pub(crate) fn admits(&self, candidate: Scored<Id>) -> bool {
        candidate.score.is_finite()
            && self.limit > 0
            && (self.worst_first.len() < self.limit || self.worst_first.peek().is_some_and(|worst| candidate > worst.0))
    }

    /// Takes `candidate` in if it is among the best so far.
    pub(crate) fn push(&mut self, candidate: Scored<Id>) {
        if self.admits(candidate) {
            if self.worst_first.len() == self.limit {
                self.worst_first.pop();
            }
            self.worst_first.push(Reverse(candidate));
        }
    }

    /// The best, best first.
    pub(crate) fn into_sorted(self) -> Vec<Scored<Id>> {
        self.worst_first.into_sorted_vec().into_iter().map(|reversed| reversed.0).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_best_and_breaks_ties_by_id() {
        let mut top = Top::new(2);
        for (id, score) in [(3, 1.0), (9, f32::NAN), (1, 1.0), (2, 0.5), (4, f32::INFINITY)] {
            top.push(Scored { score, id });
        }
        let ids: Vec<i64> = top.into_sorted().iter().map(|scored| scored.id).collect();
        assert_eq!(ids, [1, 3]);
    }
}
