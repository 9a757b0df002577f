//! From projections to attention: head norms, rotary position embedding, and keys and values into the cache.

use std::ops::Range;

use super::Compute;
use super::activations::{FACTORS, round};
use super::cache::{Cache, CacheWriter, KEYS, Place};
use super::formats::BLOCK;
use super::isa::Kernel;
use super::math::Norm;
use super::pool::Shares;
use super::simd::Simd;
use super::stored::CacheType;

/// Which two dimensions of a head turn together (Su et al. 2021, <https://arxiv.org/abs/2104.09864>).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pairing {
    /// 2i and 2i+1: Llama as GGUF converters permute it.
    Adjacent,
    /// i and i + half.
    Halves,
}

/// How the heads of a model turn with their position.
#[derive(Debug)]
pub(crate) struct Rotation {
    pairing: Pairing,
    /// Pair i turns by so much a position, in radians.
    frequencies: Vec<f64>,
}

impl Rotation {
    pub(crate) fn new(pairing: Pairing, frequencies: Vec<f64>) -> Self {
        Self { pairing, frequencies }
    }

    /// Cosine and sine of every pair at each of these positions, `[position][pair]`. Made for each pass, not once for the whole
    /// window: it takes a thousandth of a pass, and the table of a window of 8,192 tokens would take 2 MiB.
    pub(crate) fn angles(&self, positions: impl Iterator<Item = usize>, table: &mut Vec<[f32; 2]>) {
        table.clear();
        for position in positions {
            table.extend(self.frequencies.iter().map(|frequency| {
                let (sine, cosine) = (position as f64 * frequency).sin_cos();
                [cosine as f32, sine as f32]
            }));
        }
    }
}

/// How the heads of a pass's tokens turn.
#[derive(Clone, Copy)]
pub(crate) struct Angles<'a> {
    pub(crate) rotation: &'a Rotation,
    /// [`Rotation::angles`] of the position of every token.
    pub(crate) table: &'a [[f32; 2]],
}

impl Angles<'_> {
    fn turn(self, head: &mut [f32], token: usize) {
        let half = self.rotation.frequencies.len();
        let row = &self.table[token * half..][..half];
        match self.rotation.pairing {
            Pairing::Adjacent => {
                for (pair, [cosine, sine]) in head.chunks_exact_mut(2).zip(row) {
                    let (x, y) = (pair[0], pair[1]);
                    pair[0] = x * cosine - y * sine;
                    pair[1] = x * sine + y * cosine;
                }
            }
            Pairing::Halves => {
                let (first, second) = head.split_at_mut(half);
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
    pub(crate) angles: Option<Angles<'a>>,
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
                if let Some(angles) = heads.angles {
                    queries.chunks_exact_mut(shape.head_dim).for_each(|head| angles.turn(head, token));
                    keys.chunks_exact_mut(shape.head_dim).for_each(|head| angles.turn(head, token));
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
        // SAFETY: the caller vouches for the instructions, `enter` for the position.
        unsafe {
            let place = self.writer.place(self.layer, self.head, self.position);
            match self.writer.shape().kind {
                CacheType::F16 => self.halves::<S>(&place),
                CacheType::Q8_0 => self.rounded::<S>(&place),
            }
        }
    }
}

impl Write<'_> {
    /// # Safety
    /// The processor has the instructions of `S`; the place is this position's in a cache of f16.
    #[inline(always)]
    unsafe fn halves<S: Simd>(self, place: &Place) {
        let mut halves = [0u16; 16];
        let (key, value) = (place.key.cast::<u16>(), place.value.cast::<u16>());
        // SAFETY: as this function; a value has whole registers of room.
        unsafe {
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

    /// # Safety
    /// The processor has the instructions of `S`; the place is this position's in a cache of eight bits.
    #[inline(always)]
    unsafe fn rounded<S: Simd>(self, place: &Place) {
        let (mut q, mut factors) = ([0i8; BLOCK], [0f32; FACTORS]);
        let (key, value) = (place.key.cast::<i8>(), place.value.cast::<i8>());
        // SAFETY: as this function; a value has whole registers of room.
        unsafe {
            for (block, part) in self.key.chunks(BLOCK).enumerate() {
                round_part::<S>(part, &mut q, &mut factors);
                for (dimension, q) in q[..part.len()].iter().enumerate() {
                    key.add((block * BLOCK + dimension) * KEYS).write(*q);
                }
                place.key_scales.add(block * KEYS).write(factors[0]);
            }
            for (block, part) in self.value.chunks(BLOCK).enumerate() {
                round_part::<S>(part, &mut q, &mut factors);
                value.add(block * BLOCK).copy_from_nonoverlapping(q.as_ptr(), part.len().next_multiple_of(16));
                place.value_scales.add(block).write(factors[0]);
            }
        }
    }
}

/// Up to 32 numbers as eight bits and, first of the factors, their scale.
///
/// # Safety
/// The processor has the instructions of `S`.
#[inline(always)]
unsafe fn round_part<S: Simd>(values: &[f32], q: &mut [i8; BLOCK], factors: &mut [f32; FACTORS]) {
    let mut block = [0f32; BLOCK];
    let (low, high) = values.split_at(values.len().min(16));
    // SAFETY: as this function; a block has two registers.
    unsafe {
        S::store(bounded::<S>(low), block.as_mut_ptr());
        S::store(bounded::<S>(high), block[16..].as_mut_ptr());
        round::<S>(block.as_ptr(), q.as_mut_ptr(), factors.as_mut_ptr());
    }
}

/// Up to sixteen f32 as f16.
///
/// # Safety
/// The processor has the instructions of `S`.
#[inline(always)]
unsafe fn to_halves<S: Simd>(values: &[f32], halves: &mut [u16; 16]) {
    // SAFETY: as this function.
    unsafe { S::store_f16(bounded::<S>(values), halves.as_mut_ptr()) }
}

/// Up to sixteen f32. What is too large for f16 becomes its largest, and what is no number too: one of these would spoil every sum that
/// it is in, those of other tokens too.
///
/// # Safety
/// The processor has the instructions of `S`.
#[inline(always)]
unsafe fn bounded<S: Simd>(values: &[f32]) -> S::F {
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
        S::min(S::max(S::load(from.as_ptr()), S::sub(S::splat(0.0), most)), most)
    }
}
