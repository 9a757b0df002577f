//! Vectors in eight bits, in blocks that are the same in memory and in a file.
//!
//! A vector is rounded to 127 steps either way of its largest component; the size of a step is its scale. A block holds
//! [`ROWS`] vectors: their ids, their scales, their codes. A full block never changes again, so clones
//! share it, whether it lies in memory or in a mapped file; what is appended goes into the last, which a clone
//! copies when it appends. Older views keep what they have.

use std::ops::Range;
use std::sync::Arc;

use super::VectorId;
use super::kernels::signed;
use super::mmap::Map;

/// Vectors of a block: 400 KB at 384 components, which is what a top-up copies at most.
pub(super) const ROWS: usize = 1024;

/// Bytes of an id and of a scale.
const ID: usize = size_of::<i64>();
const SCALE: usize = size_of::<f32>();

/// Bytes of a block of vectors with `dimension` components.
pub(super) const fn block_bytes(dimension: usize) -> usize {
    ROWS * (ID + SCALE + dimension)
}

/// Up to [`ROWS`] vectors. As bytes: all ids, all scales, all codes, numbers little-endian.
#[derive(Debug, Clone)]
pub(super) struct Block {
    bytes: Bytes,
    rows: usize,
}

#[derive(Debug, Clone)]
enum Bytes {
    Own(Vec<u8>),
    Mapped(Arc<Map>, Range<usize>),
}

impl Block {
    fn empty(dimension: usize) -> Self {
        Self { bytes: Bytes::Own(vec![0; block_bytes(dimension)]), rows: 0 }
    }

    /// A full block in a mapped file. `place` is within the map and of a block's length.
    pub(super) fn mapped(map: &Arc<Map>, place: Range<usize>) -> Self {
        Self { bytes: Bytes::Mapped(Arc::clone(map), place), rows: ROWS }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        match &self.bytes {
            Bytes::Own(bytes) => bytes,
            Bytes::Mapped(map, place) => &map.bytes()[place.clone()],
        }
    }

    pub(super) fn len(&self) -> usize {
        self.rows
    }

    pub(super) fn id(&self, row: usize) -> VectorId {
        VectorId(i64::from_le_bytes(self.bytes().as_chunks::<ID>().0[row]))
    }

    pub(super) fn scale(&self, row: usize) -> f32 {
        f32::from_le_bytes(self.bytes()[ROWS * ID..].as_chunks::<SCALE>().0[row])
    }

    /// The codes of all rows, side by side.
    pub(super) fn codes(&self, dimension: usize) -> &[i8] {
        let from = ROWS * (ID + SCALE);
        signed(&self.bytes()[from..from + self.rows * dimension])
    }

    /// The newest vector's id.
    pub(super) fn last(&self) -> Option<VectorId> {
        self.rows.checked_sub(1).map(|row| self.id(row))
    }

    fn find(&self, id: VectorId) -> Option<usize> {
        let (mut from, mut to) = (0, self.rows);
        while from < to {
            let middle = from.midpoint(to);
            if self.id(middle) < id {
                from = middle + 1;
            } else {
                to = middle;
            }
        }
        (from < self.rows && self.id(from) == id).then_some(from)
    }

    /// Whether ids ascend and scales are numbers, as in every block that this program wrote.
    pub(super) fn is_ordered(&self, after: Option<VectorId>) -> bool {
        let ids = self.bytes()[..self.rows * ID].as_chunks::<ID>().0.iter().map(|id| VectorId(i64::from_le_bytes(*id)));
        ids.clone().zip(ids.skip(1)).all(|(a, b)| a < b)
            && after.is_none_or(|after| self.rows == 0 || after < self.id(0))
            && (0..self.rows).all(|row| self.scale(row).is_finite() && self.scale(row) >= 0.0)
    }

    /// Appends a row; there is room and `values` has the dimension.
    fn push(&mut self, id: VectorId, values: &[f32]) {
        let (row, dimension) = (self.rows, values.len());
        // A mapped block is full: nothing is ever appended to one.
        let Bytes::Own(bytes) = &mut self.bytes else { return };
        let (ids, rest) = bytes.split_at_mut(ROWS * ID);
        let (scales, codes) = rest.split_at_mut(ROWS * SCALE);
        let codes = &mut codes[row * dimension..(row + 1) * dimension];
        let scale = round(values, |place, code| codes[place] = code.cast_unsigned());
        scales[row * SCALE..(row + 1) * SCALE].copy_from_slice(&scale.to_le_bytes());
        ids[row * ID..(row + 1) * ID].copy_from_slice(&id.0.to_le_bytes());
        self.rows += 1;
    }
}

/// Hands each component's code to `take`; returns the scale, so that code · scale is the component within half a scale. What
/// is not finite becomes 0.
pub(super) fn round(values: &[f32], mut take: impl FnMut(usize, i8)) -> f32 {
    let largest = values.iter().fold(0.0f32, |largest, value| largest.max(value.abs()));
    let scale = if largest.is_finite() { largest / 127.0 } else { 0.0 };
    // Below, a reciprocal would overflow; no unit vector is so short.
    let inverse = if scale >= f32::MIN_POSITIVE { 1.0 / scale } else { 0.0 };
    for (place, value) in values.iter().enumerate() {
        take(place, (value * inverse).round().clamp(-127.0, 127.0) as i8);
    }
    scale
}

/// Rounded vectors in the order of their ids.
#[derive(Debug, Clone)]
pub(crate) struct Rows {
    dimension: usize,
    /// All full but the last.
    blocks: Vec<Arc<Block>>,
}

impl Rows {
    pub(super) fn new(dimension: usize) -> Self {
        Self { dimension, blocks: Vec::new() }
    }

    /// Of full blocks whose ids ascend throughout.
    pub(super) fn of(dimension: usize, blocks: Vec<Arc<Block>>) -> Self {
        Self { dimension, blocks }
    }

    pub(super) fn dimension(&self) -> usize {
        self.dimension
    }

    pub(super) fn blocks(&self) -> &[Arc<Block>] {
        &self.blocks
    }

    pub(super) fn len(&self) -> usize {
        self.blocks.last().map_or(0, |last| (self.blocks.len() - 1) * ROWS + last.len())
    }

    /// The newest vector's id.
    pub(super) fn last(&self) -> Option<VectorId> {
        self.blocks.last().and_then(|block| block.last())
    }

    /// Where a vector lies: its block, and its row there.
    pub(super) fn find(&self, id: VectorId) -> Option<(&Block, usize)> {
        let block = self.blocks.partition_point(|block| block.last().is_some_and(|last| last < id));
        let block: &Block = self.blocks.get(block)?;
        Some((block, block.find(id)?))
    }

    pub(super) fn contains(&self, id: VectorId) -> bool {
        self.find(id).is_some()
    }

    /// Whether it has all of these, which ascend.
    pub(super) fn holds(&self, mut ids: impl Iterator<Item = VectorId>) -> bool {
        let mut held = self.blocks.iter().flat_map(|block| (0..block.len()).map(move |row| block.id(row)));
        ids.all(|wanted| held.by_ref().find(|id| *id >= wanted) == Some(wanted))
    }

    /// Whether a vector's row is what `values` round to; `None` if it has none.
    pub(super) fn agrees(&self, id: VectorId, values: &[f32]) -> Option<bool> {
        let (block, row) = self.find(id)?;
        let codes = &block.codes(self.dimension)[row * self.dimension..(row + 1) * self.dimension];
        if values.len() != self.dimension {
            return Some(false);
        }
        let mut same = true;
        let scale = round(values, |place, code| same &= codes[place] == code);
        Some(same && scale.to_bits() == block.scale(row).to_bits())
    }

    /// Appends a vector. False, and nothing changes, if it does not fit the dimension or the id does not exceed the last.
    pub(super) fn push(&mut self, id: VectorId, values: &[f32]) -> bool {
        if values.len() != self.dimension || self.last().is_some_and(|last| id <= last) {
            return false;
        }
        if self.blocks.last().is_none_or(|block| block.len() == ROWS) {
            self.blocks.push(Arc::new(Block::empty(self.dimension)));
        }
        if let Some(block) = self.blocks.last_mut() {
            // Copies the block if an older view still uses it.
            Arc::make_mut(block).push(id, values);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn rounding_errs_by_half_a_step_at_most(values in proptest::collection::vec(-1.0..1.0f32, 1..80)) {
            let mut codes = vec![0i8; values.len()];
            let scale = round(&values, |place, code| codes[place] = code);
            for (value, code) in values.iter().zip(&codes) {
                prop_assert!((value - f32::from(*code) * scale).abs() <= scale * 0.501 + 1e-30);
            }
        }
    }

    #[test]
    fn what_is_no_vector_rounds_to_nothing() {
        for values in [[0.0, 0.0], [f32::NAN, f32::NAN], [f32::INFINITY, 1.0], [1e-42, 1e-42]] {
            let mut codes = [1i8; 2];
            let scale = round(&values, |place, code| codes[place] = code);
            assert!(scale.is_finite() && scale >= 0.0, "{values:?}");
            assert_eq!(codes, [0; 2], "{values:?}");
        }
    }

    #[test]
    fn rows_are_found_by_their_ids_and_clones_do_not_change() {
        let mut rows = Rows::new(3);
        let values = |n: i64| [n as f32 / 5000.0, 1.0, -0.5];
        for n in 0..1500 {
            assert!(rows.push(VectorId(2 * n), &values(n)));
        }
        let before = rows.clone();
        for n in 1500..2100 {
            assert!(rows.push(VectorId(2 * n), &values(n)));
        }
        assert!(!rows.push(VectorId(7), &values(7)) && !rows.push(VectorId(9000), &[1.0]));
        assert_eq!((before.len(), before.last(), rows.len()), (1500, Some(VectorId(2998)), 2100));
        assert!(Arc::ptr_eq(&before.blocks()[0], &rows.blocks()[0]), "full blocks are shared");
        for n in 0..2100 {
            assert_eq!(rows.agrees(VectorId(2 * n), &values(n)), Some(true), "{n}");
            assert_eq!(before.agrees(VectorId(2 * n), &values(n)), (n < 1500).then_some(true), "{n}");
            assert!(!rows.contains(VectorId(2 * n + 1)), "{n}");
        }
        assert!(rows.holds((0..2100).step_by(3).map(|n| VectorId(2 * n))));
        assert!(!rows.holds([0, 2, 5].into_iter().map(VectorId)) && !before.holds([VectorId(3000)].into_iter()));
        assert_eq!(rows.agrees(VectorId(4), &values(900)), Some(false));
        assert!(rows.blocks().iter().all(|block| block.is_ordered(None)));
        assert!(!rows.blocks()[1].is_ordered(Some(VectorId(1_000_000))));
    }
}
