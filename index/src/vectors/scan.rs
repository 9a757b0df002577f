//! The scan in eight bits: every row's product with every query vector, and the best rows by it.
//!
//! The queries are rounded as the rows are: then one instruction multiplies both, and the error of a cosine grows by a factor
//! of √2 only, to some 0.0006 at 384 components. What is found here is compared as it is afterwards.

use super::exact::FEW;
use super::kernels::Tier;
use super::rows::{Block, ROWS, Rows, round};
use super::{Living, VectorId};
use crate::beside::both;
use crate::top::{Scored, Top};

/// More rows than these are scanned by two threads: starting one costs as much as some thousand rows.
const ALONE: usize = 64 * ROWS;

/// A rounded query vector.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) codes: Vec<i8>,
    pub(super) scale: f32,
}

impl Asked {
    pub(super) fn of(query: &[f32]) -> Self {
        let mut codes = vec![0; query.len()];
        let scale = round(query, |place, code| codes[place] = code);
        Self { codes, scale }
    }
}

/// What is looked for.
#[derive(Clone, Copy)]
pub(super) struct Search<'a> {
    pub(super) tier: Tier,
    /// That there are for it; it uses two at most.
    pub(super) threads: usize,
    pub(super) asked: &'a [Asked],
    pub(super) limit: usize,
    pub(super) living: Living<'a>,
    /// Only vectors newer than this.
    pub(super) after: Option<VectorId>,
}

impl Search<'_> {
    /// The best rows by their rounded cosines, in no order. The same whatever the number of threads.
    pub(super) fn run(self, rows: &Rows) -> Vec<Scored<VectorId>> {
        self.on(rows, if rows.len() > ALONE { self.threads.min(2) } else { 1 })
    }

    fn on(self, rows: &Rows, threads: usize) -> Vec<Scored<VectorId>> {
        if self.asked.is_empty() || self.asked.iter().any(|asked| asked.codes.len() != rows.dimension()) {
            return Vec::new();
        }
        if self.after.is_none() && self.living.len() < rows.len() / FEW {
            return self.look_up(rows);
        }
        let done = rows.blocks().partition_point(|block| block.last() <= self.after);
        let blocks = &rows.blocks()[done..];
        if threads < 2 {
            return self.scan(rows.dimension(), blocks).into_sorted();
        }
        let (first, second) = blocks.split_at(blocks.len() / 2);
        let scan = |blocks| self.scan(rows.dimension(), blocks);
        let (mut best, others) = both(true, || scan(first), || scan(second).into_sorted());
        for scored in others {
            best.push(scored);
        }
        best.into_sorted()
    }

    fn scan(self, dimension: usize, blocks: &[std::sync::Arc<Block>]) -> Top<VectorId> {
        let mut top = Top::new(self.limit);
        let (mut products, mut scores) = ([0i32; ROWS], [0.0f32; ROWS]);
        for block in blocks {
            let (products, scores) = (&mut products[..block.len()], &mut scores[..block.len()]);
            scores.fill(f32::NEG_INFINITY);
            for asked in self.asked {
                self.tier.products(block.codes(dimension), &asked.codes, products);
                for (score, product) in scores.iter_mut().zip(&*products) {
                    // Sums of up to a thousand products are below 2²⁴, hence exact.
                    *score = score.max(*product as f32 * asked.scale);
                }
            }
            for (row, score) in scores.iter().enumerate() {
                // The scale is not negative: it may come after the maximum.
                let score = score * block.scale(row);
                // Most rows end here, without a look at their ids.
                if !top.admits(Scored { score, id: VectorId(i64::MIN) }) {
                    continue;
                }
                let candidate = Scored { score, id: block.id(row) };
                let newer = self.after.is_none_or(|after| candidate.id > after);
                if newer && top.admits(candidate) && self.living.contains(candidate.id) {
                    top.push(candidate);
                }
            }
        }
        top
    }

    /// The living one by one, where they are few.
    fn look_up(self, rows: &Rows) -> Vec<Scored<VectorId>> {
        let mut top = Top::new(self.limit);
        let dimension = rows.dimension();
        for id in self.living.ids() {
            let Some((block, row)) = rows.find(id) else { continue };
            let codes = &block.codes(dimension)[row * dimension..(row + 1) * dimension];
            let best = self.asked.iter().map(|asked| self.tier.product(codes, &asked.codes) as f32 * asked.scale);
            top.push(Scored { score: best.fold(f32::NEG_INFINITY, f32::max) * block.scale(row), id });
        }
        top.into_sorted()
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::{Kept, pairs};
    use super::*;

    #[test]
    fn threads_tiers_and_lookups_find_the_same() {
        let kept = Kept::clustered(5_000, 40, 30);
        let rows = kept.rows();
        let asked = [Asked::of(&kept.query(1)), Asked::of(&kept.query(2))];
        let all = kept.pairs();
        let some: Vec<i64> = (1..=5_000).filter(|id| id % 21 == 0).collect();
        let some = pairs(&some);
        for living in [Living::whole(&all, 1), Living::some(&some)] {
            let search = |tier| Search { tier, threads: 2, asked: &asked, limit: 50, living, after: None };
            let expected = search(Tier::fastest()).on(&rows, 1);
            assert_eq!(expected.len(), 50);
            assert!(expected.iter().all(|found| living.contains(found.id)));
            for tier in Tier::all() {
                for threads in [1, 2] {
                    assert_eq!(search(tier).on(&rows, threads), expected, "{tier:?} {threads}");
                }
            }
            // Not by lookup, but with the living asked for each row.
            let scanned = search(Tier::fastest()).scan(40, rows.blocks()).into_sorted();
            assert_eq!(scanned, expected);
        }
    }

    #[test]
    fn only_what_is_newer_is_found_after_an_id() {
        let kept = Kept::clustered(3_000, 16, 9);
        let rows = kept.rows();
        let all = kept.pairs();
        for after in [0, 500, 1_023, 1_024, 1_025, 2_999, 3_000] {
            let search = Search {
                tier: Tier::fastest(),
                threads: 2,
                asked: &[Asked::of(&kept.query(4))],
                limit: 4_000,
                living: Living::whole(&all, 1),
                after: Some(VectorId(after)),
            };
            let mut found: Vec<i64> = search.run(&rows).iter().map(|found| found.id.0).collect();
            found.sort_unstable();
            assert_eq!(found, (after + 1..=3_000).collect::<Vec<_>>(), "{after}");
        }
    }

    #[test]
    fn a_query_of_another_length_finds_nothing() {
        let kept = Kept::clustered(10, 8, 2);
        let all = kept.pairs();
        let search = Search {
            tier: Tier::fastest(),
            threads: 2,
            asked: &[Asked::of(&[1.0])],
            limit: 5,
            living: Living::whole(&all, 1),
            after: None,
        };
        assert!(search.run(&kept.rows()).is_empty());
    }
}
