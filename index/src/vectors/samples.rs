//! Vectors for the unit tests: clusters on a sphere, as embeddings of a folder's passages are.

use std::collections::BTreeMap;

use super::exact::Exact;
use super::rows::Rows;
use super::{Neighbor, Originals, VectorId};
use crate::error::Error;
use crate::types::ChunkId;

/// What a database would keep.
#[derive(Debug, Clone, Default)]
pub(super) struct Kept {
    pub(super) vectors: BTreeMap<VectorId, Vec<f32>>,
    clusters: Vec<Vec<f32>>,
}

/// splitmix64, as numbers in -1..1.
struct Noise(u64);

impl Noise {
    fn draw(&mut self) -> f32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    }

    /// A unit vector near `center`.
    fn near(&mut self, center: &[f32]) -> Vec<f32> {
        let spread = 0.8 / (center.len() as f32).sqrt();
        let raw: Vec<f32> = center.iter().map(|x| x + spread * self.draw()).collect();
        let length = raw.iter().map(|x| x * x).sum::<f32>().sqrt();
        raw.iter().map(|x| x / length).collect()
    }
}

impl Kept {
    /// `count` vectors with the ids from 1 on.
    pub(super) fn clustered(count: usize, dimension: usize, clusters: usize) -> Self {
        let mut noise = Noise(7);
        let clusters: Vec<Vec<f32>> = (0..clusters).map(|_| noise.near(&vec![0.0; dimension])).collect();
        let vectors = (0..count).map(|n| (VectorId(n as i64 + 1), noise.near(&clusters[(n * 7919) % clusters.len()])));
        let vectors = vectors.collect();
        Self { vectors, clusters }
    }

    /// A vector near some cluster that is none of these.
    pub(super) fn query(&self, n: usize) -> Vec<f32> {
        Noise(1_000_003 * (n as u64 + 1)).near(&self.clusters[n % self.clusters.len()])
    }

    pub(super) fn dimension(&self) -> usize {
        self.vectors.values().next().map_or(0, Vec::len)
    }

    pub(super) fn exact(&self) -> Exact {
        let mut exact = Exact::new(self.dimension());
        assert!(self.vectors.iter().all(|(id, vector)| exact.push(*id, vector)));
        exact
    }

    pub(super) fn rows(&self) -> Rows {
        let mut rows = Rows::new(self.dimension());
        assert!(self.vectors.iter().all(|(id, vector)| rows.push(*id, vector)));
        rows
    }

    /// All of them, each with a chunk of its own.
    pub(super) fn pairs(&self) -> Vec<(VectorId, ChunkId)> {
        self.vectors.keys().map(|id| (*id, ChunkId(id.0))).collect()
    }
}

impl Originals for Kept {
    fn each(&self, ids: &[VectorId], take: &mut dyn FnMut(VectorId, &[f32])) -> Result<(), Error> {
        for id in ids {
            if let Some(vector) = self.vectors.get(id) {
                take(*id, vector);
            }
        }
        Ok(())
    }
}

/// Each with a chunk of its own.
pub(super) fn pairs(ids: &[i64]) -> Vec<(VectorId, ChunkId)> {
    ids.iter().map(|id| (VectorId(*id), ChunkId(*id))).collect()
}

/// The share of `right` that `found` has.
pub(super) fn recall(found: &[Neighbor], right: &[Neighbor]) -> f32 {
    let hit = right.iter().filter(|r| found.iter().any(|f| f.id == r.id)).count();
    hit as f32 / right.len() as f32
}
