//! The two small products of attention: queries with keys, and shares with values.

use super::cache::{KEYS, PAGE};
use super::simd::Simd;

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
pub(super) unsafe fn scores_of<S: Simd, const R: usize>(
    queries: Matrix,
    keys: *const u16,
    vectors: usize,
    scores: *mut f32,
) {
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

/// Sums of `count` values weighted by the shares of `R` rows, for `V` registers of dimensions; rows of `out` are `dim` apart.
///
/// # Safety
/// The processor has the instructions of `S`; there are `count` shares and values and `V` registers of each.
#[inline(always)]
pub(super) unsafe fn mix<S: Simd, const R: usize, const V: usize>(
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
