//! Approximate search: candidates by rounded vectors, the best of them compared as the database has them.
//!
//! Every candidate comes from the scan, or from the graph and a scan of what is newer. Cosines and order of what is returned
//! are those of the originals; rounding or the graph can only cost a neighbor its place among the candidates.

use std::sync::Arc;

use super::graph::{Background, Graph};
use super::kernels::Tier;
use super::rows::Rows;
use super::scan::{Asked, Search};
use super::{Living, Neighbor, Originals, VectorId, VectorIndex, best};
use crate::error::Error;
use crate::top::{Scored, Top};

/// Candidates at least. Rounded cosines alone keep 0.985 of the best ten (measured on clustered vectors of 384 components): what they
/// misplace they misplace by a few ranks.
const CANDIDATES: usize = 200;

/// More neighbors than these are scanned for: a walk as wide as that visits a large part of a graph.
const WALK_UP_TO: usize = 1_000;

/// Rounded vectors, with a graph where one is wanted. Clones share what they have in common.
#[derive(Debug, Clone)]
pub(crate) struct Rounded {
    rows: Rows,
    tier: Tier,
    threads: usize,
    graph: Option<Arc<Background>>,
}

impl Rounded {
    pub(super) fn new(rows: Rows, with_graph: bool) -> Self {
        // Asked once: the answer is read from files.
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        Self { rows, tier: Tier::fastest(), threads, graph: with_graph.then(Arc::default) }
    }

    pub(super) fn rows(&self) -> &Rows {
        &self.rows
    }

    /// To append to.
    pub(super) fn rows_mut(&mut self) -> &mut Rows {
        &mut self.rows
    }

    /// Whether a graph is wanted.
    pub(super) fn wants_graph(&self) -> bool {
        self.graph.is_some()
    }

    /// The graph that a search among `living` would ask.
    pub(super) fn graph(&self, living: Living<'_>) -> Option<Arc<Graph>> {
        self.graph.as_ref()?.graph().filter(|graph| graph.knows(living))
    }

    /// Has a graph built in the background, where one is wanted and missing or old.
    pub(super) fn follow(&self, living: Living<'_>) {
        if let Some(graph) = &self.graph {
            graph.follow(&self.rows, living);
        }
    }

    /// The ids of the best `wanted` by rounded cosines; at least as many as there are, up to `limit`.
    fn candidates(&self, asked: &[Asked], limit: usize, living: Living<'_>) -> Vec<Scored<VectorId>> {
        let wanted = limit.saturating_mul(2).max(CANDIDATES);
        let search = Search { tier: self.tier, threads: self.threads, asked, limit: wanted, living, after: None };
        if limit <= WALK_UP_TO
            && let Some(graph) = self.graph(living)
        {
            let mut found = graph.nearest(asked, wanted, living);
            found.extend(Search { after: graph.last(), ..search }.run(&self.rows));
            // A walk may end too early, among what was removed or at a part without edges.
            if found.len() >= limit.min(living.len()) {
                return found;
            }
        }
        search.run(&self.rows)
    }
}

impl VectorIndex for Rounded {
    fn nearest(
        &self,
        queries: &[Vec<f32>],
        limit: usize,
        living: Living<'_>,
        originals: &dyn Originals,
    ) -> Result<Vec<Neighbor>, Error> {
        if queries.is_empty() || limit == 0 {
            return Ok(Vec::new());
        }
        let asked: Vec<Asked> = queries.iter().map(|query| Asked::of(query)).collect();
        let mut ids: Vec<VectorId> =
            self.candidates(&asked, limit, living).into_iter().map(|candidate| candidate.id).collect();
        // In the order in which they lie in the database.
        ids.sort_unstable();
        let mut top = Top::new(limit);
        originals.each(&ids, &mut |id, original| {
            if original.len() == self.rows.dimension() {
                top.push(Scored { score: best(original, queries), id });
            }
        })?;
        Ok(top.into_sorted().into_iter().map(|s| Neighbor { id: s.id, cosine: s.score }).collect())
    }

    fn cosines(
        &self,
        ids: &[VectorId],
        queries: &[Vec<f32>],
        originals: &dyn Originals,
    ) -> Result<Vec<Neighbor>, Error> {
        let mut known: Vec<VectorId> = ids.iter().copied().filter(|id| self.rows.contains(*id)).collect();
        known.sort_unstable();
        let mut cosines = Vec::with_capacity(known.len());
        if !queries.is_empty() {
            originals.each(&known, &mut |id, original| {
                if original.len() == self.rows.dimension() {
                    cosines.push(Neighbor { id, cosine: best(original, queries) });
                }
            })?;
        }
        Ok(cosines)
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::{Kept, recall};
    use super::*;

    /// Waits for the graph of `living`.
    fn with_graph(kept: &Kept, living: Living<'_>) -> Rounded {
        let index = Rounded::new(kept.rows(), true);
        index.follow(living);
        while index.graph(living).is_none() {
            std::thread::yield_now();
        }
        index
    }

    /// Mean recall@10 over many queries.
    fn recall_at_10(kept: &Kept, index: &dyn VectorIndex, living: Living<'_>) -> f32 {
        let exact = kept.exact();
        let total: f32 = (0..50)
            .map(|n| {
                let query = [kept.query(n)];
                let found = index.nearest(&query, 10, living, kept).unwrap();
                let right = exact.nearest(&query, 10, living, kept).unwrap();
                assert_eq!((found.len(), right.len()), (10, 10));
                recall(&found, &right)
            })
            .sum();
        total / 50.0
    }

    #[test]
    fn rounding_loses_no_near_neighbor() {
        let kept = Kept::clustered(6_000, 96, 6);
        let all = kept.pairs();
        let index = Rounded::new(kept.rows(), false);
        let recall = recall_at_10(&kept, &index, Living::whole(&all, 1));
        assert!(recall >= 0.99, "recall@10 {recall}");
    }

    #[test]
    fn the_graph_finds_nearly_all_near_neighbors() {
        let kept = Kept::clustered(4_000, 48, 40);
        let all = kept.pairs();
        let living = Living::whole(&all, 1);
        let recall = recall_at_10(&kept, &with_graph(&kept, living), living);
        assert!(recall >= 0.95, "recall@10 {recall}");
    }

    #[test]
    fn cosines_and_order_are_those_of_the_originals() {
        let kept = Kept::clustered(3_000, 32, 20);
        let all = kept.pairs();
        let living = Living::whole(&all, 1);
        for index in [Rounded::new(kept.rows(), false), with_graph(&kept, living)] {
            let queries = [kept.query(1), kept.query(2)];
            let found = index.nearest(&queries, 20, living, &kept).unwrap();
            for pair in found.windows(2) {
                let [better, worse] = pair else { unreachable!("windows of two") };
                assert!(better.cosine.total_cmp(&worse.cosine).then(worse.id.cmp(&better.id)).is_gt());
            }
            for neighbor in &found {
                let cosine = best(&kept.vectors[&neighbor.id], &queries);
                assert_eq!(neighbor.cosine.to_bits(), cosine.to_bits());
                let same = Neighbor { id: neighbor.id, cosine };
                assert_eq!(index.cosines(&[VectorId(9_999), neighbor.id], &queries, &kept).unwrap(), [same]);
            }
        }
    }

    #[test]
    fn removed_and_newer_vectors_are_known_to_a_graph_that_is_older() {
        let mut kept = Kept::clustered(2_000, 24, 10);
        let all = kept.pairs();
        let mut index = with_graph(&kept, Living::whole(&all, 1));
        // The next generation: half of a cluster is gone, and a vector has come that is the query itself.
        let query = kept.query(3);
        let first = index.nearest(std::slice::from_ref(&query), 150, Living::whole(&all, 1), &kept).unwrap();
        for neighbor in &first {
            kept.vectors.remove(&neighbor.id);
        }
        kept.vectors.insert(VectorId(5_000), query.clone());
        assert!(index.rows_mut().push(VectorId(5_000), &query));
        let now = kept.pairs();
        let living = Living::whole(&now, 2);
        assert!(index.graph(living).is_some(), "the graph serves later generations");
        let found = index.nearest(std::slice::from_ref(&query), 50, living, &kept).unwrap();
        assert_eq!((found.len(), found[0].id), (50, VectorId(5_000)));
        assert!(found.iter().all(|found| living.contains(found.id)));
        let right = kept.exact().nearest(&[query], 50, living, &kept).unwrap();
        let recall = recall(&found, &right);
        assert!(recall >= 0.95, "recall@50 {recall}");
    }

    #[test]
    fn what_an_older_generation_did_not_have_is_found_beside_its_graph() {
        let kept = Kept::clustered(2_000, 24, 10);
        let all = kept.pairs();
        // Rows that a younger view has topped up, and a graph for the older one.
        let index = with_graph(&kept, Living::whole(&all[..1_500], 1));
        let living = Living::whole(&all, 2);
        assert!(index.graph(living).is_some());
        let recall = recall_at_10(&kept, &index, living);
        assert!(recall >= 0.95, "recall@10 {recall}");
        for (id, vector) in kept.vectors.iter().skip(1_500) {
            let found = index.nearest(std::slice::from_ref(vector), 1, living, &kept).unwrap();
            assert_eq!(found[0].id, *id);
        }
    }

    #[test]
    fn conditions_are_met_exactly_though_there_is_a_graph() {
        let kept = Kept::clustered(3_000, 24, 10);
        let all = kept.pairs();
        let index = with_graph(&kept, Living::whole(&all, 1));
        for step in [2, 10, 100, 1_000] {
            let some: Vec<_> = all.iter().copied().step_by(step).collect();
            let living = Living::some(&some);
            let query = [kept.query(step)];
            let found = index.nearest(&query, 10, living, &kept).unwrap();
            assert_eq!(found, kept.exact().nearest(&query, 10, living, &kept).unwrap(), "one of {step}");
        }
    }

    #[test]
    fn more_may_be_asked_for_than_there_is() {
        let kept = Kept::clustered(30, 8, 2);
        let all = kept.pairs();
        let living = Living::whole(&all, 1);
        for index in [Rounded::new(kept.rows(), false), with_graph(&kept, living)] {
            assert_eq!(index.nearest(&[kept.query(0)], usize::MAX, living, &kept).unwrap().len(), 30);
            assert_eq!(index.nearest(&[kept.query(0)], 30, living, &kept).unwrap().len(), 30);
            assert!(index.nearest(&[], 5, living, &kept).unwrap().is_empty());
        }
    }
}
