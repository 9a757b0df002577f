//! The two small products of attention: queries with keys, and shares with values.

use super::cache::{KEYS, PAGE};
use super::formats::BLOCK;
use super::simd::Simd;
use super::stored::{Numbers, Stored};

/// Rows of f32.
#[derive(Clone, Copy)]
pub(super) struct Matrix {
    pub(super) start: *const f32,
    pub(super) stride: usize,
}

impl Matrix {
    /// # Safety
    /// The matrix has that row.
    pub(super) unsafe fn row(self, row: usize) -> Self {
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
pub(super) unsafe fn scores_of<S: Simd, C: Stored, const R: usize>(
    queries: Matrix,
    keys: Numbers<'_>,
    vectors: usize,
    scores: *mut f32,
) {
    // SAFETY: as this function.
    unsafe {
        let mut at = 0;
        while at < vectors {
            let blocks = queries.stride.div_ceil(BLOCK);
            let keys = keys.skip::<C>(at * KEYS * queries.stride, at * KEYS * blocks);
            let scores = scores.add(at * KEYS);
            if vectors - at >= 4 {
                scores_tile::<S, C, R, 4>(queries, keys, scores);
                at += 4;
            } else {
                scores_tile::<S, C, R, 1>(queries, keys, scores);
                at += 1;
            }
        }
    }
}

/// # Safety
/// As [`scores_of`], for `V` tiles.
#[inline(always)]
unsafe fn scores_tile<S: Simd, C: Stored, const R: usize, const V: usize>(
    queries: Matrix,
    keys: Numbers<'_>,
    scores: *mut f32,
) {
    let dim = queries.stride;
    // SAFETY: as this function.
    unsafe {
        let mut sums = [[S::splat(0.0); V]; R];
        // Dimensions that share a scale.
        let share = if C::SCALED { BLOCK } else { dim };
        let blocks = dim.div_ceil(share);
        for block in 0..blocks {
            let mut scale = [S::splat(1.0); V];
            if C::SCALED {
                for vector in 0..V {
                    scale[vector] = S::load(keys.scales.add((vector * blocks + block) * KEYS));
                }
            }
            for dimension in block * share..((block + 1) * share).min(dim) {
                let mut key = [S::splat(0.0); V];
                for vector in 0..V {
                    key[vector] = C::load::<S>(keys.start, (vector * dim + dimension) * KEYS);
                    if C::SCALED {
                        key[vector] = S::mul(key[vector], scale[vector]);
                    }
                }
                for row in 0..R {
                    let query = S::splat(queries.at(row, dimension));
                    for vector in 0..V {
                        sums[row][vector] = S::fma(query, key[vector], sums[row][vector]);
                    }
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

/// Sums of `count` values weighted by the shares of `R` rows, for `V` registers of dimensions from `column` on; rows of `out` are
/// `dim` apart and begin there.
///
/// # Safety
/// The processor has the instructions of `S`; there are `count` shares and values and `V` registers of each.
#[inline(always)]
pub(super) unsafe fn mix<S: Simd, C: Stored, const R: usize, const V: usize>(
    shares: Matrix,
    values: Numbers<'_>,
    column: usize,
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
                let column = column + vector * 16;
                value[vector] = C::load::<S>(values.start, key * dim + column);
                if C::SCALED {
                    let scale = values.scales.add(key * dim.div_ceil(BLOCK) + column / BLOCK);
                    value[vector] = S::mul(value[vector], S::splat(scale.read()));
                }
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
