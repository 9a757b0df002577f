//! From projections to attention: head norms, rotary position embedding, and keys and values into the cache.

use std::ops::Range;

use super::Compute;
use super::cache::{Cache, CacheWriter, KEYS};
use super::isa::Kernel;
use super::math::Norm;
use super::pool::Shares;
use super::simd::Simd;

/// Which two dimensions of a head turn together (Su et al. 2021, <https://arxiv.org/abs/2104.09864>).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pairing {
    /// 2i and 2i+1: Llama as GGUF converters permute it.
    Adjacent,
    /// i and i + half.
    Halves,
}

/// Cosines and sines of every position of the window.
#[derive(Debug)]
pub(crate) struct Rotation {
    pairing: Pairing,
    half: usize,
    /// `[position][pair]` of (cosine, sine)
    table: Vec<[f32; 2]>,
}

impl Rotation {
    /// Pair i turns by `frequencies[i]` a position.
    pub(crate) fn new(compute: &Compute, pairing: Pairing, frequencies: &[f64], positions: usize) -> Self {
        let half = frequencies.len();
        let mut table = vec![[0.0; 2]; positions * half];
        let shares = Shares::new(&mut table);
        compute.pool().run(positions.div_ceil(64), &|unit, _| {
            for position in unit * 64..((unit + 1) * 64).min(positions) {
                // SAFETY: each unit has positions of its own.
                let row = unsafe { shares.part(position * half, half) };
                for (entry, frequency) in row.iter_mut().zip(frequencies) {
                    let (sine, cosine) = (position as f64 * frequency).sin_cos();
                    *entry = [cosine as f32, sine as f32];
                }
            }
        });
        Self { pairing, half, table }
    }

    /// Positions that it covers.
    pub(crate) fn positions(&self) -> usize {
        self.table.len() / self.half
    }

    fn turn(&self, head: &mut [f32], position: usize) {
        let row = &self.table[position * self.half..][..self.half];
        match self.pairing {
            Pairing::Adjacent => {
                for (pair, [cosine, sine]) in head.chunks_exact_mut(2).zip(row) {
                    let (x, y) = (pair[0], pair[1]);
                    pair[0] = x * cosine - y * sine;
                    pair[1] = x * sine + y * cosine;
                }
            }
            Pairing::Halves => {
                let (first, second) = head.split_at_mut(self.half);
                for ((x, y), [cosine, sine]) in first.iter_mut().zip(second).zip(row) {
                    (*x, *y) = (*x * cosine - *y * sine, *x * sine + *y * cosine);
                }
            }
        }
    }
}

/// Projections of new tokens, `[token][head][dimension]`.
pub(crate) struct Projections<'a> {
    pub(crate) queries: &'a mut [f32],
    pub(crate) keys: &'a mut [f32],
    pub(crate) values: &'a [f32],
}

/// What is done to heads before attention.
#[derive(Clone, Copy)]
#[expect(clippy::struct_field_names, reason = "the number of query heads is called heads everywhere")]
pub(crate) struct Heads<'a> {
    /// Layer of the cache.
    pub(crate) layer: usize,
    /// Heads of queries.
    pub(crate) heads: usize,
    /// Norms of query and key heads.
    pub(crate) norms: Option<(Norm<'a>, Norm<'a>)>,
    /// How heads turn; some layers of some models leave them.
    pub(crate) rotation: Option<&'a Rotation>,
}

/// New tokens of one sequence, as indices into the projections, and the cache that they enter.
pub(crate) struct Entry<'a> {
    /// Disjoint from those of other entries.
    pub(crate) tokens: Range<usize>,
    /// Has room for them behind its counted positions.
    pub(crate) cache: &'a mut Cache,
}

/// The part of an entry that belongs to one tile of keys: two threads never write the same cache line.
struct Part {
    writer: usize,
    /// First token, and its position.
    token: usize,
    positions: Range<usize>,
}

impl Compute {
    /// Normalizes and turns queries and keys, and writes keys and values behind the counted positions of the entries' caches,
    /// which have the same shape.
    pub(crate) fn enter(&self, heads: &Heads<'_>, projections: &mut Projections<'_>, entries: &mut [Entry<'_>]) {
        let Some(shape) = entries.first().map(|entry| entry.cache.shape()) else { return };
        let mut parts = Vec::new();
        let mut writers = Vec::with_capacity(entries.len());
        for (writer, Entry { tokens, cache }) in entries.iter_mut().enumerate() {
            assert!(cache.shape() == shape, "one shape");
            let (start, end) = (cache.length(), cache.length() + tokens.len());
            assert!(heads.rotation.is_none_or(|rotation| end <= rotation.positions()), "inside the window");
            for tile in start / KEYS..end.div_ceil(KEYS) {
                let positions = (tile * KEYS).max(start)..((tile + 1) * KEYS).min(end);
                parts.push(Part { writer, token: tokens.start + positions.start - start, positions });
            }
            writers.push(cache.writer());
        }
        let (queries, keys) = (Shares::new(projections.queries), Shares::new(projections.keys));
        let values = projections.values;
        let row = heads.heads * shape.head_dim;
        let key_row = shape.heads * shape.head_dim;
        self.pool().run(parts.len(), &|unit, _| {
            let Part { writer, token: first, positions } = &parts[unit];
            let writer = &writers[*writer];
            for position in positions.clone() {
                let token = first + position - positions.start;
                // SAFETY: each unit has tokens of its own.
                let (queries, keys) = unsafe { (queries.part(token * row, row), keys.part(token * key_row, key_row)) };
                if let Some((query_norm, key_norm)) = heads.norms {
                    self.normalize_each(queries, query_norm);
                    self.normalize_each(keys, key_norm);
                }
                if let Some(rotation) = heads.rotation {
                    queries.chunks_exact_mut(shape.head_dim).for_each(|head| rotation.turn(head, position));
                    keys.chunks_exact_mut(shape.head_dim).for_each(|head| rotation.turn(head, position));
                }
                let values = &values[token * key_row..][..key_row];
                for head in 0..shape.heads {
                    let part = head * shape.head_dim..(head + 1) * shape.head_dim;
                    let (key, value) = (&keys[part.clone()], &values[part]);
                    self.isa().run(Write { key, value, writer, layer: heads.layer, head, position });
                }
            }
        });
    }
}

struct Write<'a> {
    key: &'a [f32],
    value: &'a [f32],
    writer: &'a CacheWriter,
    layer: usize,
    head: usize,
    position: usize,
}

impl Kernel for Write<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let mut halves = [0u16; 16];
        // SAFETY: the caller vouches for the instructions, `enter` for the position; a value has whole registers of room.
        unsafe {
            let (key, value) = self.writer.place(self.layer, self.head, self.position);
            for (index, part) in self.key.chunks(16).enumerate() {
                to_halves::<S>(part, &mut halves);
                for (dimension, half) in halves[..part.len()].iter().enumerate() {
                    key.add((index * 16 + dimension) * KEYS).write(*half);
                }
            }
            for (index, part) in self.value.chunks(16).enumerate() {
                to_halves::<S>(part, &mut halves);
                value.add(index * 16).copy_from_nonoverlapping(halves.as_ptr(), 16);
            }
        }
    }
}

/// Up to sixteen f32 as f16; what is too large for one becomes the largest, because an infinity would spoil every sum.
///
/// # Safety
/// The processor has the instructions of `S`.
#[inline(always)]
unsafe fn to_halves<S: Simd>(values: &[f32], halves: &mut [u16; 16]) {
    let mut lanes = [0f32; 16];
    let from = if let Ok(whole) = <&[f32; 16]>::try_from(values) {
        whole
    } else {
        lanes[..values.len()].copy_from_slice(values);
        &lanes
    };
    // SAFETY: as this function.
    unsafe {
        let most = S::splat(65_504.0);
        let inside = S::min(S::max(S::load(from.as_ptr()), S::sub(S::splat(0.0), most)), most);
        S::store_f16(inside, halves.as_mut_ptr());
    }
}
