//! Softmax over scores that come page by page, and the merging of pages.

use super::math;
use super::simd::Simd;

/// Below every score, and finite: differences of two of them are numbers.
const LOWEST: f32 = -1e30;

/// Softmax of some rows so far: the largest score of each, the sum of exponentials, the weighted sum of values.
pub(super) struct State<'a> {
    pub(super) largest: &'a mut [f32],
    pub(super) sum: &'a mut [f32],
    pub(super) out: &'a mut [f32],
}

impl<'a> State<'a> {
    pub(super) fn length(rows: usize, dim: usize) -> usize {
        rows * (dim + 2)
    }

    /// The state in the first [`State::length`] numbers of `memory`.
    pub(super) fn over(memory: &'a mut [f32], rows: usize, dim: usize) -> Self {
        let (largest, rest) = memory.split_at_mut(rows);
        let (sum, rest) = rest.split_at_mut(rows);
        Self { largest, sum, out: &mut rest[..rows * dim] }
    }

    pub(super) fn clear(&mut self) {
        self.largest.fill(LOWEST);
        self.sum.fill(0.0);
        self.out.fill(0.0);
    }

    /// Adds the state of further pages.
    ///
    /// # Safety
    /// The processor has the instructions of `S`; rows of `out` are whole registers.
    #[inline(always)]
    pub(super) unsafe fn merge<S: Simd>(&mut self, other: &State<'_>) {
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
}

/// Replaces scores by eˢ⁻ᵐ, m being the largest; gives m and the sum.
///
/// # Safety
/// The processor has the instructions of `S`; scores are whole registers.
#[inline(always)]
pub(super) unsafe fn exponentials<S: Simd>(scores: &mut [f32]) -> (f32, f32) {
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
