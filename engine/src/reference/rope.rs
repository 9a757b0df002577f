//! Rotation of heads by their positions, on candle's tensors.

use candle_core::{D, Tensor};

use super::Result;
use super::weights::Weights;
use crate::hyperparameters::Hyperparameters;

/// Rotary position embedding: cosines and sines for the whole window.
#[derive(Debug)]
pub(super) struct Rope {
    cos: Tensor,
    sin: Tensor,
    layout: RopeLayout,
}

/// Which two elements of a head turn together.
#[derive(Clone, Copy, Debug)]
enum RopeLayout {
    /// 2i and 2i+1: Llama as GGUF converters permute it.
    Interleaved,
    /// i and i + half.
    Halves,
}

impl Rope {
    pub(super) fn load(weights: &mut Weights<'_>, shape: &Hyperparameters, window: usize) -> Result<Self> {
        let half = shape.head_dim / 2;
        // Llama 3.1 and later stretch low frequencies; converters store the divisors.
        let factors = if weights.has("rope_freqs.weight") {
            let factors = weights.vector("rope_freqs.weight", half)?;
            factors.to_vec1::<f32>().map_err(|error| weights.failed(&error))?
        } else {
            vec![1.0; half]
        };
        let frequencies: Vec<f64> =
            factors.iter().enumerate().map(|(pair, factor)| shape.frequency(pair) / f64::from(*factor)).collect();
        Self::of(&frequencies, weights, shape, window)
    }

    /// For layers with a window.
    pub(super) fn local(weights: &Weights<'_>, shape: &Hyperparameters, window: usize) -> Result<Self> {
        let frequencies: Vec<f64> = (0..shape.head_dim / 2).map(|pair| shape.local_frequency(pair)).collect();
        Self::of(&frequencies, weights, shape, window)
    }

    fn of(frequencies: &[f64], weights: &Weights<'_>, shape: &Hyperparameters, window: usize) -> Result<Self> {
        let half = frequencies.len();
        let (mut cos, mut sin) = (Vec::with_capacity(window * half), Vec::with_capacity(window * half));
        for position in 0..window {
            for frequency in frequencies {
                let (s, c) = (position as f64 * frequency).sin_cos();
                cos.push(c as f32);
                sin.push(s as f32);
            }
        }
        let interleaved = shape.architecture.turns_neighbors();
        let layout = if interleaved { RopeLayout::Interleaved } else { RopeLayout::Halves };
        let table = |values| Tensor::from_vec(values, (window, half), weights.device());
        Ok(Self {
            cos: table(cos).map_err(|error| weights.failed(&error))?,
            sin: table(sin).map_err(|error| weights.failed(&error))?,
            layout,
        })
    }

    /// Rotates `[heads, tokens, head_dim]` whose first token stands at `position`.
    pub(super) fn rotate(&self, input: &Tensor, position: usize) -> candle_core::Result<Tensor> {
        let tokens = input.dim(D::Minus2)?;
        let cos = self.cos.narrow(0, position, tokens)?;
        let sin = self.sin.narrow(0, position, tokens)?;
        let input = input.unsqueeze(0)?;
        match self.layout {
            RopeLayout::Interleaved => candle_nn::rotary_emb::rope_i(&input, &cos, &sin),
            RopeLayout::Halves => candle_nn::rotary_emb::rope(&input, &cos, &sin),
        }?
        .squeeze(0)
    }
}
