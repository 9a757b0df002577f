//! Normalization by mean and variance, and states as they are, into words.

use super::super::Compute;
use super::super::isa::Kernel;
use super::super::math::{squares, sum};
use super::super::pool::Shares;
use super::super::simd::Simd;
use super::states::Writer;
use super::{BLOCK, WordStates};

/// (x − mean) / √(variance + ε) · weight + bias (Ba et al. 2016, <https://arxiv.org/abs/1607.06450>)
#[derive(Clone, Copy)]
pub(crate) struct LayerNorm<'a> {
    /// One number a column.
    pub(crate) weight: &'a [f32],
    /// One number a column.
    pub(crate) bias: &'a [f32],
    /// ε
    pub(crate) epsilon: f32,
}

impl Compute {
    /// Normalizes `[token][column]` states in place and writes them into `out`; without a norm they are only written.
    pub(crate) fn to_words(&self, states: &mut [f32], norm: Option<LayerNorm<'_>>, out: &mut WordStates) {
        let (tokens, columns) = (out.tokens(), out.columns());
        assert_eq!(states.len(), tokens * columns, "a state for every token");
        assert!(norm.is_none_or(|norm| norm.weight.len() == columns && norm.bias.len() == columns));
        let writer = out.writer();
        // One token is done sooner than it is handed out.
        let span = tokens.div_ceil(4 * self.pool().threads()).max(4);
        let states = Shares::new(states);
        self.pool().run(tokens.div_ceil(span), &|unit, _| {
            for token in unit * span..((unit + 1) * span).min(tokens) {
                // SAFETY: each unit has tokens of its own.
                let state = unsafe { states.part(token * columns, columns) };
                self.isa().run(Write { state, norm, token, writer });
            }
        });
    }
}

struct Write<'a> {
    state: &'a mut [f32],
    norm: Option<LayerNorm<'a>>,
    token: usize,
    writer: Writer<'a>,
}

impl Kernel for Write<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let Self { state, norm, token, writer } = self;
        if let Some(LayerNorm { weight, bias, epsilon }) = norm {
            let count = state.len() as f32;
            // SAFETY: the caller vouches for the instructions.
            let (mean, inverse) = unsafe {
                let mean = sum::<S>(state) / count;
                (mean, 1.0 / (squares::<S>(state, mean) / count + epsilon).sqrt())
            };
            for ((value, weight), bias) in state.iter_mut().zip(weight).zip(bias) {
                *value = (*value - mean) * inverse * weight + bias;
            }
        }
        for (block, values) in state.chunks(BLOCK).enumerate() {
            // SAFETY: the caller vouches for the instructions; each unit has tokens of its own.
            unsafe { writer.put::<S>(token, block, values) };
        }
    }
}
