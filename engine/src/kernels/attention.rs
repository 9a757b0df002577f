//! Grouped-query attention over a cache, for one token or many, without a mask tensor.
//!
//! The query heads that share a head of keys are rows of one small product, so that keys and values are converted once for all
//! of them. Softmax is computed page by page of the cache, each page for itself, and merged in order of the pages
//! (Milakov & Gimelshein 2018, <https://arxiv.org/abs/1805.02867>; Dao et al. 2022, <https://arxiv.org/abs/2205.14135>). Where
//! a page begins depends on positions only: a prompt, whose units are tiles of queries, and a single token, whose units are
//! pages, add up the same numbers in the same order.

use std::ops::Range;

use super::Compute;
use super::cache::{Cache, KEYS, PAGE};
use super::isa::Kernel;
use super::math;
use super::pool::Shares;
use super::simd::Simd;

/// Rows of queries of a unit at most.
const ROWS: usize = 32;
/// Below every score, and finite: differences of two of them are numbers.
const LOWEST: f32 = -1e30;

/// Some consecutive new tokens of one sequence.
pub(crate) struct Segment<'a> {
    /// Keys and values, those of the new tokens included.
    pub(crate) cache: &'a Cache,
    /// The new tokens, as indices into the queries.
    pub(crate) tokens: Range<usize>,
    /// Position of the first new token.
    pub(crate) position: usize,
}

/// What every unit needs to know.
#[derive(Clone, Copy)]
pub(crate) struct Attention {
    /// Layer of the caches.
    pub(crate) layer: usize,
    /// Heads of queries.
    pub(crate) heads: usize,
    /// Factor of scores.
    pub(crate) scale: f32,
    /// How many of the last positions a token sees, itself included.
    pub(crate) window: Option<usize>,
    /// Whether a token sees only those before it and itself; otherwise all of its segment's cache.
    pub(crate) causal: bool,
}

/// Some tokens of a segment and the query heads that share one head of keys: the rows of a small product.
struct Tile<'a> {
    segment: &'a Segment<'a>,
    /// Head of keys.
    head: usize,
    /// Tokens, as indices into the queries.
    tokens: Range<usize>,
    /// Pages that one of them sees.
    pages: Range<usize>,
    /// Query heads that share the head of keys.
    group: usize,
}

/// A part of the work.
struct Unit {
    tile: usize,
    pages: Range<usize>,
    /// Where the result goes when other units have the tile's other pages.
    partial: Option<usize>,
}

impl Compute {
    /// Attention of `[token][head][dimension]` queries into `out` of the same shape.
    pub(crate) fn attention(&self, attention: &Attention, segments: &[Segment<'_>], queries: &[f32], out: &mut [f32]) {
        let Some(shape) = segments.first().map(|segment| segment.cache.shape()) else { return };
        let group = attention.heads / shape.heads;
        assert!(group * shape.heads == attention.heads && queries.len() == out.len(), "whole groups of heads");
        let end = segments.iter().map(|segment| segment.tokens.end).max().unwrap_or(0);
        assert!(end * attention.heads * shape.head_dim <= queries.len(), "a query for every token");
        let tiles = tiles(attention, segments, group, shape.heads);
        let (units, partials) = units(&tiles);
        let state_length = tiles.iter().map(|tile| State::length(tile.rows(), shape.value_dim())).max().unwrap_or(0);
        let mut states = vec![0f32; partials * state_length];
        let (out, shares) = (Shares::new(out), Shares::new(&mut states));
        self.pool().run(units.len(), &|index, _| {
            let unit = &units[index];
            // SAFETY: every unit has a partial result of its own.
            let partial = unit.partial.map(|at| unsafe { shares.part(at * state_length, state_length) });
            self.isa().run(Attend {
                attention,
                tile: &tiles[unit.tile],
                pages: unit.pages.clone(),
                queries,
                partial,
                out: &out,
            });
        });
        // The partial results of a tile lie side by side, in order of its pages.
        for unit in units.iter().filter(|unit| unit.pages.start == tiles[unit.tile].pages.start) {
            if let Some(at) = unit.partial {
                let tile = &tiles[unit.tile];
                let parts = &mut states[at * state_length..][..tile.pages.len() * state_length];
                self.isa().run(Merge { attention, tile, parts, state_length, out: &out });
            }
        }
    }
}

fn tiles<'a>(attention: &Attention, segments: &'a [Segment<'a>], group: usize, heads: usize) -> Vec<Tile<'a>> {
    let tokens = (ROWS / group).max(1);
    let mut tiles = Vec::new();
    for segment in segments {
        for first in segment.tokens.clone().step_by(tokens) {
            let tokens = first..(first + tokens).min(segment.tokens.end);
            let seen = |token| attention.seen(segment, token);
            let pages = seen(tokens.start).start / PAGE..seen(tokens.end - 1).end.div_ceil(PAGE);
            tiles.extend((0..heads).map(|head| Tile {
                segment,
                head,
                tokens: tokens.clone(),
                pages: pages.clone(),
                group,
            }));
        }
    }
    tiles
}

/// One unit a tile; where a segment is a single tile, as when a token is written, one a page.
fn units(tiles: &[Tile<'_>]) -> (Vec<Unit>, usize) {
    let mut units = Vec::new();
    let mut partials = 0;
    for (index, tile) in tiles.iter().enumerate() {
        if tile.tokens == tile.segment.tokens && tile.pages.len() > 1 {
            for page in tile.pages.clone() {
                units.push(Unit { tile: index, pages: page..page + 1, partial: Some(partials) });
                partials += 1;
            }
        } else {
            units.push(Unit { tile: index, pages: tile.pages.clone(), partial: None });
        }
    }
    (units, partials)
}

impl Attention {
    /// Positions that a token sees.
    fn seen(&self, segment: &Segment<'_>, token: usize) -> Range<usize> {
        let own = segment.position + (token - segment.tokens.start);
        let end = if self.causal { own + 1 } else { segment.position + segment.tokens.len() };
        let start = self.window.map_or(0, |window| end.saturating_sub(window));
        start..end
    }
}

impl Tile<'_> {
    fn rows(&self) -> usize {
        self.tokens.len() * self.group
    }

    /// Where a row's query and output begin.
    fn place(&self, attention: &Attention, row: usize) -> usize {
        let dim = self.segment.cache.shape().head_dim;
        ((self.tokens.start + row / self.group) * attention.heads + self.head * self.group + row % self.group) * dim
    }
}

/// Softmax of some rows so far: the largest score of each, the sum of exponentials, the weighted sum of values.
struct State<'a> {
    largest: &'a mut [f32],
    sum: &'a mut [f32],
    out: &'a mut [f32],
}

impl<'a> State<'a> {
    fn length(rows: usize, dim: usize) -> usize {
        rows * (dim + 2)
    }

    /// The state in the first [`State::length`] numbers of `memory`.
    fn over(memory: &'a mut [f32], rows: usize, dim: usize) -> Self {
        let (largest, rest) = memory.split_at_mut(rows);
        let (sum, rest) = rest.split_at_mut(rows);
        Self { largest, sum, out: &mut rest[..rows * dim] }
    }

    fn clear(&mut self) {
        self.largest.fill(LOWEST);
        self.sum.fill(0.0);
        self.out.fill(0.0);
    }

    /// Adds the state of further pages.
    ///
    /// # Safety
    /// The processor has the instructions of `S`; rows of `out` are whole registers.
    #[inline(always)]
    unsafe fn merge<S: Simd>(&mut self, other: &State<'_>) {
        let dim = self.out.len() / self.sum.len();
        for row in 0..self.sum.len() {
            let largest = self.largest[row].max(other.largest[row]);
            let [own, others] = [self.largest[row], other.largest[row]].map(|score| score - largest);
            // SAFETY: as this function; each step has sixteen lanes of both.
            unsafe {
                let (own, others) = (math::exp::<S>(S::splat(own)), math::exp::<S>(S::splat(others)));
                for at in (row * dim..(row + 1) * dim).step_by(16) {
                    let out = self.out[at..at + 16].as_mut_ptr();
                    let more = S::mul(S::load(other.out[at..at + 16].as_ptr()), others);
                    S::store(S::fma(S::load(out), own, more), out);
                }
                let sum = S::fma(S::splat(self.sum[row]), own, S::mul(S::splat(other.sum[row]), others));
                self.sum[row] = S::largest(sum);
            }
            self.largest[row] = largest;
        }
    }

    fn finish(&self, attention: &Attention, tile: &Tile<'_>, out: &Shares<f32>) {
        let dim = tile.segment.cache.shape().head_dim;
        for (row, values) in self.out.chunks_exact(self.out.len() / self.sum.len()).enumerate() {
            // SAFETY: every row of every tile has a place of its own.
            let out = unsafe { out.part(tile.place(attention, row), dim) };
            let inverse = 1.0 / self.sum[row];
            for (out, value) in out.iter_mut().zip(values) {
                *out = value * inverse;
            }
        }
    }
}

struct Attend<'a> {
    attention: &'a Attention,
    tile: &'a Tile<'a>,
    pages: Range<usize>,
    queries: &'a [f32],
    /// Where the result goes; otherwise it is finished.
    partial: Option<&'a mut [f32]>,
    out: &'a Shares<f32>,
}

impl Kernel for Attend<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let Self { attention, tile, pages, queries, partial, out } = self;
        let shape = tile.segment.cache.shape();
        let (rows, dim, value_dim) = (tile.rows(), shape.head_dim, shape.value_dim());
        let state_length = State::length(rows, value_dim);
        let mut memory = vec![0f32; rows * (dim + PAGE) + 2 * state_length];
        let (scaled, rest) = memory.split_at_mut(rows * dim);
        let (scores, rest) = rest.split_at_mut(rows * PAGE);
        let (own, rest) = rest.split_at_mut(state_length);
        for (row, scaled) in scaled.chunks_exact_mut(dim).enumerate() {
            let query = &queries[tile.place(attention, row)..][..dim];
            for (scaled, query) in scaled.iter_mut().zip(query) {
                *scaled = query * attention.scale;
            }
        }
        if let Some(partial) = partial {
            let mut state = State::over(partial, rows, value_dim);
            // SAFETY: the caller vouches for the instructions.
            return unsafe { page::<S>(attention, tile, pages.start, scaled, scores, &mut state) };
        }
        let mut state = State::over(own, rows, value_dim);
        let mut next = State::over(rest, rows, value_dim);
        state.clear();
        for index in pages {
            // SAFETY: the caller vouches for the instructions.
            unsafe {
                page::<S>(attention, tile, index, scaled, scores, &mut next);
                state.merge::<S>(&next);
            }
        }
        state.finish(attention, tile, out);
    }
}

struct Merge<'a> {
    attention: &'a Attention,
    tile: &'a Tile<'a>,
    parts: &'a mut [f32],
    state_length: usize,
    out: &'a Shares<f32>,
}

impl Kernel for Merge<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let Self { attention, tile, parts, state_length, out } = self;
        let (rows, dim) = (tile.rows(), tile.segment.cache.shape().value_dim());
        let mut memory = vec![0f32; State::length(rows, dim)];
        let mut state = State::over(&mut memory, rows, dim);
        state.clear();
        for part in parts.chunks_exact_mut(state_length) {
            // SAFETY: the caller vouches for the instructions.
            unsafe { state.merge::<S>(&State::over(part, rows, dim)) };
        }
        state.finish(attention, tile, out);
    }
}

/// Calls `$body` for consecutive runs of rows with `$count` a constant and `$row` the first.
macro_rules! in_rows {
    ($S:ident, $rows:expr, $row:ident, $count:ident => $body:expr) => {{
        let mut $row = 0;
        while $row < $rows {
            if const { $S::ROWS >= 6 } && $rows - $row >= 6 {
                const $count: usize = 6;
                $body;
                $row += $count;
            } else if const { $S::ROWS >= 3 } && $rows - $row >= 3 {
                const $count: usize = 3;
                $body;
                $row += $count;
            } else if const { $S::ROWS == 2 } && $rows - $row >= 2 {
                const $count: usize = 2;
                $body;
                $row += $count;
            } else {
                const $count: usize = 1;
                $body;
                $row += $count;
            }
        }
    }};
}

/// Softmax of all rows of a tile over one page, from nothing.
///
/// # Safety
/// The processor has the instructions of `S`.
#[inline(always)]
unsafe fn page<S: Simd>(
    attention: &Attention,
    tile: &Tile<'_>,
    index: usize,
    queries: &[f32],
    scores: &mut [f32],
    state: &mut State<'_>,
) {
    let shape = tile.segment.cache.shape();
    let (keys, values) = tile.segment.cache.head(attention.layer, tile.head, index);
    let seen = |token| {
        let seen = attention.seen(tile.segment, token);
        let inside = |position: usize| position.saturating_sub(index * PAGE).min(PAGE);
        inside(seen.start)..inside(seen.end)
    };
    // The last token sees the most.
    let count = seen(tile.tokens.end - 1).end;
    let vectors = count.div_ceil(KEYS);
    let rows = tile.rows();
    // SAFETY: as this function; a page has PAGE keys and values, scores have PAGE numbers a row.
    unsafe {
        let queries = Matrix { start: queries.as_ptr(), stride: shape.head_dim };
        in_rows!(S, rows, row, COUNT => {
            scores_of::<S, COUNT>(queries.row(row), keys.as_ptr(), vectors, scores[row * PAGE..].as_mut_ptr());
        });
        for row in 0..rows {
            let scores = &mut scores[row * PAGE..][..vectors * KEYS];
            let seen = seen(tile.tokens.start + row / tile.group);
            scores[..seen.start.min(count)].fill(f32::NEG_INFINITY);
            scores[seen.end..].fill(f32::NEG_INFINITY);
            (state.largest[row], state.sum[row]) = exponentials::<S>(scores);
        }
        let shares = Matrix { start: scores.as_ptr(), stride: PAGE };
        let value_dim = shape.value_dim();
        in_rows!(S, rows, row, COUNT => {
            let out = state.out[row * value_dim..].as_mut_ptr();
            let mut column = 0;
            while column < value_dim {
                let values = values.as_ptr().add(column);
                let out = out.add(column);
                let shares = shares.row(row);
                match (value_dim - column) / 16 {
                    1 => mix::<S, COUNT, 1>(shares, values, value_dim, count, out),
                    2 | 3 => mix::<S, COUNT, 2>(shares, values, value_dim, count, out),
                    _ => mix::<S, COUNT, 4>(shares, values, value_dim, count, out),
                }
                column += match (value_dim - column) / 16 { 1 => 16, 2 | 3 => 32, _ => 64 };
            }
        });
    }
}

/// Rows of f32.
#[derive(Clone, Copy)]
struct Matrix {
    start: *const f32,
    stride: usize,
}

impl Matrix {
    /// # Safety
    /// The matrix has that row.
    unsafe fn row(self, row: usize) -> Self {
        // SAFETY: as this function.
        Self { start: unsafe { self.start.add(row * self.stride) }, ..self }
    }

    /// # Safety
    /// The matrix has that number.
    #[inline(always)]
    unsafe fn at(self, row: usize, column: usize) -> f32 {
        // SAFETY: as this function.
        unsafe { self.start.add(row * self.stride + column).read() }
    }
}

/// Scores of `R` queries with the first `vectors` tiles of keys, rows [`PAGE`] apart.
///
/// # Safety
/// The processor has the instructions of `S`; queries have `stride` dimensions, keys and scores `vectors` tiles.
#[inline(always)]
unsafe fn scores_of<S: Simd, const R: usize>(queries: Matrix, keys: *const u16, vectors: usize, scores: *mut f32) {
    // SAFETY: as this function.
    unsafe {
        let mut at = 0;
        while at < vectors {
            let (keys, scores) = (keys.add(at * KEYS * queries.stride), scores.add(at * KEYS));
            if vectors - at >= 4 {
                scores_tile::<S, R, 4>(queries, keys, scores);
                at += 4;
            } else {
                scores_tile::<S, R, 1>(queries, keys, scores);
                at += 1;
            }
        }
    }
}

/// # Safety
/// As [`scores_of`], for `V` tiles.
#[inline(always)]
unsafe fn scores_tile<S: Simd, const R: usize, const V: usize>(queries: Matrix, keys: *const u16, scores: *mut f32) {
    let dim = queries.stride;
    // SAFETY: as this function.
    unsafe {
        let mut sums = [[S::splat(0.0); V]; R];
        for dimension in 0..dim {
            let mut key = [S::splat(0.0); V];
            for vector in 0..V {
                key[vector] = S::load_f16(keys.add((vector * dim + dimension) * KEYS));
            }
            for row in 0..R {
                let query = S::splat(queries.at(row, dimension));
                for vector in 0..V {
                    sums[row][vector] = S::fma(query, key[vector], sums[row][vector]);
                }
            }
        }
        for row in 0..R {
            for vector in 0..V {
                S::store(sums[row][vector], scores.add(row * PAGE + vector * KEYS));
            }
        }
    }
}

/// Replaces scores by eˢ⁻ᵐ, m being the largest; gives m and the sum.
///
/// # Safety
/// The processor has the instructions of `S`; scores are whole registers.
#[inline(always)]
unsafe fn exponentials<S: Simd>(scores: &mut [f32]) -> (f32, f32) {
    // SAFETY: as this function.
    unsafe {
        let mut largest = S::splat(LOWEST);
        for part in scores.chunks_exact(16) {
            largest = S::max(largest, S::load(part.as_ptr()));
        }
        let largest = S::largest(largest);
        let (shift, mut sum) = (S::splat(largest), S::splat(0.0));
        for part in scores.chunks_exact_mut(16) {
            let share = math::exp::<S>(S::sub(S::load(part.as_ptr()), shift));
            S::store(share, part.as_mut_ptr());
            sum = S::add(sum, share);
        }
        (largest, S::sum(sum))
    }
}

/// Sums of `count` values weighted by the shares of `R` rows, for `V` registers of dimensions; rows of `out` are `dim` apart.
///
/// # Safety
/// The processor has the instructions of `S`; there are `count` shares and values and `V` registers of each.
#[inline(always)]
unsafe fn mix<S: Simd, const R: usize, const V: usize>(
    shares: Matrix,
    values: *const u16,
    dim: usize,
    count: usize,
    out: *mut f32,
) {
    // SAFETY: as this function.
    unsafe {
        let mut sums = [[S::splat(0.0); V]; R];
        for key in 0..count {
            let mut value = [S::splat(0.0); V];
            for vector in 0..V {
                value[vector] = S::load_f16(values.add(key * dim + vector * 16));
            }
            for row in 0..R {
                let share = S::splat(shares.at(row, key));
                for vector in 0..V {
                    sums[row][vector] = S::fma(share, value[vector], sums[row][vector]);
                }
            }
        }
        for row in 0..R {
            for vector in 0..V {
                S::store(sums[row][vector], out.add(row * dim + vector * 16));
            }
        }
    }
}
