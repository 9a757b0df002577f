//! Functions of sixteen numbers at a time, and the normalizations that use them.

use super::Compute;
use super::activations::{Activations, Writer};
use super::isa::Kernel;
use super::simd::Simd;

/// What a gated feed-forward layer does with its gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gate {
    /// x·σ(x)
    Silu,
    /// GELU with the tanh formula, as Gemma computes it.
    GeluTanh,
    /// GELU with the error function, as BERT computes it.
    GeluErf,
}

/// eˣ with a relative error below 2⁻²²; 0 below −87.
///
/// Cephes' `expf`: x = n·ln 2 + r, a polynomial of r, times 2ⁿ.
///
/// # Safety
/// The processor has the instructions of `S`.
#[inline(always)]
pub(super) unsafe fn exp<S: Simd>(x: S::F) -> S::F {
    // SAFETY: as this function.
    unsafe {
        let lowest = S::splat(-87.0);
        let inside = S::min(S::max(x, lowest), S::splat(88.0));
        let n = S::round(S::mul(inside, S::splat(std::f32::consts::LOG2_E)));
        let r = S::fma(n, S::splat(-0.693_359_4), inside);
        let r = S::fma(n, S::splat(2.121_944_4e-4), r);
        let mut p = S::splat(1.987_569_1e-4);
        for c in [1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 0.166_666_65, 0.5] {
            p = S::fma(p, r, S::splat(c));
        }
        let p = S::add(S::fma(p, S::mul(r, r), r), S::splat(1.0));
        S::zero_below(S::scale(p, n), x, lowest)
    }
}

/// # Safety
/// The processor has the instructions of `S`.
#[inline(always)]
unsafe fn sigmoid<S: Simd>(x: S::F) -> S::F {
    // SAFETY: as this function.
    unsafe {
        let e = exp::<S>(S::sub(S::splat(0.0), x));
        S::div(S::splat(1.0), S::add(S::splat(1.0), e))
    }
}

/// The error function, within 5·10⁻⁷ (Abramowitz & Stegun 1964, formula 7.1.26, which is within 1.5·10⁻⁷ itself).
///
/// # Safety
/// The processor has the instructions of `S`.
#[inline(always)]
unsafe fn erf<S: Simd>(x: S::F) -> S::F {
    // SAFETY: as this function.
    unsafe {
        let one = S::splat(1.0);
        let t = S::div(one, S::fma(S::abs(x), S::splat(0.327_591_1), one));
        let mut p = S::splat(1.061_405_4);
        for c in [-1.453_152, 1.421_413_7, -0.284_496_74, 0.254_829_6] {
            p = S::fma(p, t, S::splat(c));
        }
        let tail = S::mul(S::mul(p, t), exp::<S>(S::sub(S::splat(0.0), S::mul(x, x))));
        S::with_sign_of(S::sub(one, tail), x)
    }
}

/// # Safety
/// The processor has the instructions of `S`.
#[inline(always)]
pub(super) unsafe fn gate<S: Simd>(kind: Gate, x: S::F) -> S::F {
    // SAFETY: as this function.
    unsafe {
        match kind {
            Gate::Silu => S::mul(x, sigmoid::<S>(x)),
            // ½x(1 + tanh(√(2/π)(x + 0.044715x³))) = x·σ(2√(2/π)(x + 0.044715x³))
            Gate::GeluTanh => {
                let cubic = S::mul(S::mul(x, x), S::mul(x, S::splat(0.044_715)));
                let inner = S::mul(S::add(x, cubic), S::splat(1.595_769));
                S::mul(x, sigmoid::<S>(inner))
            }
            Gate::GeluErf => {
                let half = S::mul(x, S::splat(0.5));
                let erf = erf::<S>(S::mul(x, S::splat(std::f32::consts::FRAC_1_SQRT_2)));
                S::fma(half, erf, half)
            }
        }
    }
}

impl Compute {
    /// Root-mean-square normalization of `[token][column]` states, times `weight`, into `out`. Without a weight the
    /// states are taken as they are.
    pub(crate) fn normalize(&self, states: &[f32], norm: Option<Norm<'_>>, out: &mut Activations) {
        let (tokens, columns) = (out.tokens(), out.columns());
        assert_eq!(states.len(), tokens * columns, "a state for every token");
        assert!(norm.is_none_or(|norm| norm.weight.len() == columns), "a weight for every column");
        let writer = out.writer();
        // One token is done sooner than it is handed out.
        let span = tokens.div_ceil(4 * self.pool().threads()).max(4);
        self.pool().run(tokens.div_ceil(span), &|unit, _| {
            for token in unit * span..((unit + 1) * span).min(tokens) {
                let state = &states[token * columns..][..columns];
                self.isa().run(Normalize { state, norm, token, writer });
            }
        });
    }

    /// Root-mean-square normalization of each of the `length`-long vectors in `vectors`, in place.
    pub(crate) fn normalize_each(&self, vectors: &mut [f32], norm: Norm<'_>) {
        for vector in vectors.chunks_exact_mut(norm.weight.len()) {
            let inverse = self.isa().run(InverseRms { vector, epsilon: norm.epsilon });
            for (value, weight) in vector.iter_mut().zip(norm.weight) {
                *value *= inverse * weight;
            }
        }
    }
}

/// x / √(mean x² + ε) · weight
#[derive(Clone, Copy)]
pub(crate) struct Norm<'a> {
    /// One number a column.
    pub(crate) weight: &'a [f32],
    /// ε
    pub(crate) epsilon: f32,
}

/// # Safety
/// The processor has the instructions of `S`.
#[inline(always)]
pub(super) unsafe fn sum<S: Simd>(values: &[f32]) -> f32 {
    let lanes = values.chunks_exact(16);
    let rest: f32 = lanes.remainder().iter().sum();
    // SAFETY: as this function; each chunk has sixteen lanes.
    unsafe {
        let mut sum = S::splat(0.0);
        for lanes in lanes {
            sum = S::add(sum, S::load(lanes.as_ptr()));
        }
        S::sum(sum) + rest
    }
}

/// The sum of (x − center)².
///
/// # Safety
/// The processor has the instructions of `S`.
#[inline(always)]
pub(super) unsafe fn squares<S: Simd>(values: &[f32], center: f32) -> f32 {
    let lanes = values.chunks_exact(16);
    let rest: f32 = lanes.remainder().iter().map(|value| (value - center) * (value - center)).sum();
    // SAFETY: as this function; each chunk has sixteen lanes.
    unsafe {
        let (mut sum, center) = (S::splat(0.0), S::splat(center));
        for lanes in lanes {
            let lanes = S::sub(S::load(lanes.as_ptr()), center);
            sum = S::fma(lanes, lanes, sum);
        }
        S::sum(sum) + rest
    }
}

struct Normalize<'a> {
    state: &'a [f32],
    norm: Option<Norm<'a>>,
    token: usize,
    writer: Writer<'a>,
}

impl Kernel for Normalize<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        /// Columns at a time: whole blocks, on the stack.
        const PART: usize = 256;
        let Self { state, norm, token, writer } = self;
        let Some(Norm { weight, epsilon }) = norm else {
            // SAFETY: the caller vouches for the instructions; each unit has tokens of its own.
            return unsafe { writer.put::<S>(token, 0, state) };
        };
        // SAFETY: the caller vouches for the instructions.
        let inverse = unsafe { InverseRms { vector: state, epsilon }.run::<S>() };
        let mut part = [0f32; PART];
        for (index, values) in state.chunks(PART).enumerate() {
            let weights = &weight[index * PART..][..values.len()];
            for ((to, value), weight) in part.iter_mut().zip(values).zip(weights) {
                *to = value * inverse * weight;
            }
            // SAFETY: as above.
            unsafe { writer.put::<S>(token, index * PART, &part[..values.len()]) };
        }
    }
}

struct InverseRms<'a> {
    vector: &'a [f32],
    epsilon: f32,
}

impl Kernel for InverseRms<'_> {
    type Output = f32;

    #[inline(always)]
    unsafe fn run<S: Simd>(self) -> f32 {
        // SAFETY: the caller vouches for the instructions.
        let squares = unsafe { squares::<S>(self.vector, 0.0) };
        1.0 / (squares / self.vector.len() as f32 + self.epsilon).sqrt()
    }
}
