//! A graph of near vectors (HNSW, Malkov and Yashunin 2016): a search follows its edges and compares some thousand rows
//! instead of all.
//!
//! It is never written to a disk: its library's loader panics on a damaged file or ends the process, and the vectors are
//! there to build it again. It cannot forget: what was removed since is passed over, until a new graph takes its place.
//! A build takes about a minute for 50,000 vectors, so it happens on a thread of its own ([`Background`]).
//!
//! Of `hnsw_rs` only `new`, `insert` and `search` are called: other functions print to the screen. Its `new` ends the
//! process above 256 edges a vector; its own dot and cosine distances panic or rank what is no vector first, hence [`Turned`].

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use hnsw_rs::anndists::dist::distances::Distance;
use hnsw_rs::hnsw::Hnsw;

use super::kernels::{Tier, signed};
use super::rows::Rows;
use super::scan::Asked;
use super::{Living, VectorId};
use crate::top::{Scored, Top};

/// Edges of a vector in a layer (twice as many in the lowest), and candidates for them: the values of the paper and of
/// hnswlib; at 50,000 clustered vectors they gave recall@10 of 1.00.
const EDGES: usize = 16;
const WIDTH_OF_BUILD: usize = 200;
const LAYERS: usize = 16;

/// Rows newer than the graph, and rows of the graph that were removed, up to which it stays: the former are scanned (0.2 ms
/// for 5,000), the latter take places among the candidates. Beyond, a tenth and a fifth of the graph.
const TOLERATED: usize = 5_000;

/// Cosine distance of rounded vectors. A vector is its codes and, behind them, the four bytes of its scale: near 0 for equal
/// directions, near 2 for opposite ones.
#[derive(Debug, Clone, Copy)]
struct Turned(Tier);

/// Behind the codes.
const SCALE: usize = size_of::<f32>();

/// Farther than any two vectors are: for what is none.
const FAR: f32 = 4.0;

impl Distance<i8> for Turned {
    /// Never negative and never `NaN`: `hnsw_rs` panics on both. Of slices that do not fit together it is [`FAR`].
    fn eval(&self, a: &[i8], b: &[i8]) -> f32 {
        let (Some((a, a_scale)), Some((b, b_scale))) = (a.split_last_chunk::<SCALE>(), b.split_last_chunk::<SCALE>())
        else {
            return FAR;
        };
        if a.len() != b.len() {
            return FAR;
        }
        let scale = |bytes: &[i8; SCALE]| f32::from_le_bytes(bytes.map(i8::cast_unsigned));
        let distance = 1.0 - self.0.product(a, b) as f32 * scale(a_scale) * scale(b_scale);
        // A comparison that NaN fails too.
        if distance < FAR { distance.max(0.0) } else { FAR }
    }
}

/// A row as the graph keeps it.
fn turned(codes: &[i8], scale: f32) -> Vec<i8> {
    let mut row = Vec::with_capacity(codes.len() + SCALE);
    row.extend_from_slice(codes);
    row.extend_from_slice(signed(&scale.to_le_bytes()));
    row
}

/// A graph of the vectors that lived in one generation.
pub(super) struct Graph {
    edges: Hnsw<'static, i8, Turned>,
    /// By the number that the graph knows them by.
    ids: Vec<VectorId>,
    /// Of which generation. Later ones have no older vectors than these; earlier ones may.
    generation: u64,
    /// The newest of these. Rows may hold newer ones already, which that generation did not have.
    last: Option<VectorId>,
}

impl fmt::Debug for Graph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Graph")
            .field("vectors", &self.ids.len())
            .field("generation", &self.generation)
            .finish_non_exhaustive()
    }
}

impl Graph {
    /// Builds the graph of the rows in `living`, one after the other: the same rows give the same graph. `None` if `cancel`
    /// is set meanwhile, which is looked at for every row.
    pub(super) fn build(rows: &Rows, living: &[VectorId], generation: u64, cancel: &AtomicBool) -> Option<Self> {
        let dimension = rows.dimension();
        let distance = Turned(Tier::fastest());
        let graph: Hnsw<'static, i8, Turned> = Hnsw::new(EDGES, living.len().max(1), LAYERS, WIDTH_OF_BUILD, distance);
        let mut ids = Vec::with_capacity(living.len());
        let mut wanted = living.iter().copied().peekable();
        for block in rows.blocks() {
            for (row, codes) in block.codes(dimension).chunks_exact(dimension.max(1)).enumerate() {
                if cancel.load(Ordering::Relaxed) {
                    return None;
                }
                let id = block.id(row);
                while wanted.next_if(|wanted| *wanted < id).is_some() {}
                if wanted.next_if_eq(&id).is_some() {
                    graph.insert((turned(codes, block.scale(row)).as_slice(), ids.len()));
                    ids.push(id);
                }
            }
        }
        let last = ids.last().copied();
        Some(Self { edges: graph, ids, generation, last })
    }

    /// Whether it knows every vector of `living` that is not newer than it.
    pub(super) fn knows(&self, living: Living<'_>) -> bool {
        living.whole.is_some_and(|generation| generation >= self.generation)
    }

    /// The newest vector that it knows: what lives and is not newer, it knows.
    pub(super) fn last(&self) -> Option<VectorId> {
        self.last
    }

    /// The best `limit` that it finds of `living`, by their rounded cosines, in no order.
    pub(super) fn nearest(&self, asked: &[Asked], limit: usize, living: Living<'_>) -> Vec<Scored<VectorId>> {
        // Removed ones may stand before those that are wanted: as many more as there are in the graph, up to its tolerance.
        let removed = self.removed(living).min(limit);
        let wanted = limit + removed;
        let mut distances: HashMap<VectorId, f32> = HashMap::new();
        for asked in asked {
            let query = turned(&asked.codes, asked.scale);
            for neighbor in self.edges.search(&query, wanted, wanted.max(WIDTH_OF_BUILD)) {
                if let Some(id) = self.ids.get(neighbor.d_id).filter(|id| living.contains(**id)) {
                    let distance = distances.entry(*id).or_insert(FAR);
                    *distance = distance.min(neighbor.distance);
                }
            }
        }
        let mut top = Top::new(limit);
        for (id, distance) in distances {
            top.push(Scored { score: 1.0 - distance, id });
        }
        top.into_sorted()
    }

    fn removed(&self, living: Living<'_>) -> usize {
        let known = self.last.map_or(0, |last| living.count_to(last));
        self.ids.len().saturating_sub(known)
    }

    /// Whether too much has come or gone since it was built.
    fn is_old(&self, living: Living<'_>) -> bool {
        let known = self.last.map_or(0, |last| living.count_to(last));
        let (newer, removed) = (living.len() - known, self.removed(living));
        newer > TOLERATED.max(self.ids.len() / 10) || removed > TOLERATED.max(self.ids.len() / 5)
    }
}

/// The latest graph, and the thread that builds the next. Dropping it ends the thread within one insertion.
#[derive(Debug, Default)]
pub(super) struct Background {
    shared: Arc<Slot>,
}

#[derive(Debug, Default)]
struct Slot {
    graph: Mutex<Option<Arc<Graph>>>,
    is_building: AtomicBool,
    cancel: AtomicBool,
}

impl Background {
    /// The latest graph; `None` until there is one.
    pub(super) fn graph(&self) -> Option<Arc<Graph>> {
        self.shared.graph.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Starts to build a graph of the living if there is none, or none that is still good, and none is under way.
    pub(super) fn follow(&self, rows: &Rows, living: Living<'_>) {
        let Some(generation) = living.whole.filter(|_| living.len() > 0) else { return };
        if self.graph().is_some_and(|graph| !graph.is_old(living)) {
            return;
        }
        if self.shared.is_building.swap(true, Ordering::AcqRel) {
            return;
        }
        let (rows, living, shared) = (rows.clone(), living.ids().collect::<Vec<_>>(), Arc::clone(&self.shared));
        let thread = std::thread::Builder::new().name("graph".to_owned()).spawn(move || {
            if let Some(graph) = Graph::build(&rows, &living, generation, &shared.cancel) {
                *shared.graph.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(graph));
            }
            // Not reached if the build panics: then none is tried again, and everything is scanned.
            shared.is_building.store(false, Ordering::Release);
        });
        if let Err(error) = thread {
            tracing::warn!("cannot start a thread for the graph of vectors: {error}");
            self.shared.is_building.store(false, Ordering::Release);
        }
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        self.shared.cancel.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::super::samples::Kept;
    use super::*;

    fn build(kept: &Kept, generation: u64) -> Graph {
        let ids: Vec<VectorId> = kept.vectors.keys().copied().collect();
        Graph::build(&kept.rows(), &ids, generation, &AtomicBool::new(false)).unwrap()
    }

    #[test]
    fn no_distance_is_negative_or_no_number() {
        let rows = [
            turned(&[127, 0, -127], 0.01),
            turned(&[127, 0, -127], f32::NAN),
            turned(&[127, 127, 127], f32::INFINITY),
            turned(&[127, 127, 127], -f32::MAX),
            turned(&[0, 0, 0], 0.0),
            turned(&[-128, -128, -128], 1.0),
            turned(&[1], 1.0),
            vec![1, 2],
            Vec::new(),
        ];
        for tier in Tier::all() {
            for a in &rows {
                for b in &rows {
                    let distance = Turned(tier).eval(a, b);
                    assert!((0.0..=FAR).contains(&distance), "{a:?} {b:?}: {distance}");
                }
            }
        }
        let unit = turned(&[127, 0, 0], 1.0 / 127.0);
        assert!(Turned(Tier::fastest()).eval(&unit, &unit) < 1e-6);
        assert!((Turned(Tier::fastest()).eval(&unit, &turned(&[-127, 0, 0], 1.0 / 127.0)) - 2.0).abs() < 1e-6);
    }

    #[test]
    fn zeros_repetitions_and_one_vector_alone_are_no_trouble() {
        let mut kept = Kept::clustered(40, 8, 1);
        let same = kept.vectors[&VectorId(1)].clone();
        for vector in kept.vectors.values_mut().take(30) {
            vector.clone_from(&same);
        }
        kept.vectors.insert(VectorId(50), vec![0.0; 8]);
        let all = kept.pairs();
        let found = build(&kept, 1).nearest(&[Asked::of(&same)], 5, Living::whole(&all, 1));
        assert_eq!(found.len(), 5);
        assert!(found.iter().all(|found| found.score > 0.99 && found.id <= VectorId(30)), "{found:?}");
        kept.vectors.retain(|id, _| *id == VectorId(3));
        let all = kept.pairs();
        let found = build(&kept, 1).nearest(&[Asked::of(&same)], 5, Living::whole(&all, 1));
        assert_eq!(found.iter().map(|found| found.id).collect::<Vec<_>>(), [VectorId(3)]);
    }

    #[test]
    fn the_same_rows_give_the_same_graph() {
        let kept = Kept::clustered(700, 12, 9);
        let all = kept.pairs();
        let (one, other) = (build(&kept, 1), build(&kept, 1));
        for n in 0..20 {
            let asked = [Asked::of(&kept.query(n))];
            assert_eq!(
                one.nearest(&asked, 30, Living::whole(&all, 1)),
                other.nearest(&asked, 30, Living::whole(&all, 1))
            );
        }
    }

    #[test]
    fn a_graph_serves_its_own_generation_and_later_ones() {
        let graph = build(&Kept::clustered(20, 4, 1), 7);
        assert!(!graph.knows(Living::whole(&[], 6)) && !graph.knows(Living::some(&[])));
        assert!(graph.knows(Living::whole(&[], 7)) && graph.knows(Living::whole(&[], 8)));
    }

    #[test]
    fn a_build_ends_when_it_is_cancelled() {
        let kept = Kept::clustered(50, 4, 1);
        assert!(Graph::build(&kept.rows(), &[VectorId(1)], 1, &AtomicBool::new(true)).is_none());
        // And when nobody is left to use it: the thread lets go of what it shares.
        let many = Kept::clustered(20_000, 8, 10);
        let background = Background::default();
        background.follow(&many.rows(), Living::whole(&many.pairs(), 1));
        let shared = Arc::clone(&background.shared);
        drop(background);
        let start = Instant::now();
        while Arc::strong_count(&shared) > 1 {
            assert!(start.elapsed() < Duration::from_mins(1), "the thread goes on");
            std::thread::yield_now();
        }
        assert!(shared.graph.lock().unwrap().is_none());
    }

    #[test]
    fn a_graph_is_built_anew_when_much_has_come_or_gone() {
        let kept = Kept::clustered(6_000, 4, 10);
        let (rows, all) = (kept.rows(), kept.pairs());
        let few: Vec<VectorId> = (1..=400).map(VectorId).collect();
        let old = Graph::build(&rows, &few, 1, &AtomicBool::new(false)).unwrap();
        assert!(!old.is_old(Living::whole(&all[..5_400], 1)), "5,000 newer ones");
        assert!(old.is_old(Living::whole(&all[..5_401], 1)), "5,001 newer ones");
        let mut gone = Graph::build(&rows, &[VectorId(1)], 1, &AtomicBool::new(false)).unwrap();
        gone.ids = (1..=6_000).map(VectorId).collect();
        gone.last = gone.ids.last().copied();
        assert!(!gone.is_old(Living::whole(&all[..1_000], 1)), "5,000 removed ones");
        assert!(gone.is_old(Living::whole(&all[..999], 1)), "5,001 removed ones");
    }
}
