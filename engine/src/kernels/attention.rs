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
use super::pool::Shares;
use super::simd::Simd;
use super::small::{Matrix, mix, scores_of};
use super::softmax::{State, exponentials};
use super::stored::{CacheType, Halves, Rounded, Stored};

/// Rows of queries of a unit at most.
const ROWS: usize = 32;
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

    /// The result of a state, once all pages are in it.
    fn finish(&self, attention: &Attention, state: &State<'_>, out: &Shares<f32>) {
        let dim = self.segment.cache.shape().head_dim;
        for (row, values) in state.out.chunks_exact(state.out.len() / state.sum.len()).enumerate() {
            // SAFETY: every row of every tile has a place of its own.
            let out = unsafe { out.part(self.place(attention, row), dim) };
            let inverse = 1.0 / state.sum[row];
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
        // SAFETY: the caller vouches for the instructions; each kind is read as what it is.
        unsafe {
            match self.tile.segment.cache.shape().kind {
                CacheType::F16 => self.over::<S, Halves>(),
                CacheType::Q8_0 => self.over::<S, Rounded>(),
            }
        }
    }
}

impl Attend<'_> {
    /// # Safety
    /// The processor has the instructions of `S`; the cache is kept as `C` says.
    #[inline(always)]
    unsafe fn over<S: Simd, C: Stored>(self) {
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
            return unsafe { page::<S, C>(attention, tile, pages.start, scaled, scores, &mut state) };
        }
        let mut state = State::over(own, rows, value_dim);
        let mut next = State::over(rest, rows, value_dim);
        state.clear();
        for index in pages {
            // SAFETY: the caller vouches for the instructions.
            unsafe {
                page::<S, C>(attention, tile, index, scaled, scores, &mut next);
                state.merge::<S>(&next);
            }
        }
        tile.finish(attention, &state, out);
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
        tile.finish(attention, &state, out);
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
/// The processor has the instructions of `S`; the cache is kept as `C` says.
#[inline(always)]
unsafe fn page<S: Simd, C: Stored>(
    attention: &Attention,
    tile: &Tile<'_>,
    index: usize,
    queries: &[f32],
    scores: &mut [f32],
    state: &mut State<'_>,
) {
    let shape = tile.segment.cache.shape();
    let [keys, values] = tile.segment.cache.head(attention.layer, tile.head, index);
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
            scores_of::<S, C, COUNT>(queries.row(row), keys, vectors, scores[row * PAGE..].as_mut_ptr());
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
                let out = out.add(column);
                let shares = shares.row(row);
                match (value_dim - column) / 16 {
                    1 => mix::<S, C, COUNT, 1>(shares, values, column, value_dim, count, out),
                    2 | 3 => mix::<S, C, COUNT, 2>(shares, values, column, value_dim, count, out),
                    _ => mix::<S, C, COUNT, 4>(shares, values, column, value_dim, count, out),
                }
                column += match (value_dim - column) / 16 { 1 => 16, 2 | 3 => 32, _ => 64 };
            }
        });
    }
}
