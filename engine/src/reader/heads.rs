//! What the last states say: two verdicts by the first token's, and for every token whether an answer begins or ends there.

use std::path::Path;

use safetensors::SafeTensors;

use super::{AnswerSpan, Reading, spans};
use crate::embedder::adapter::Adapter;
use crate::embedder::weights;
use crate::error::{Error, shown};

/// A row of weights for each output, and its bias.
struct Linear {
    weight: Vec<f32>,
    bias: Vec<f32>,
}

impl Linear {
    fn of(&self, state: &[f32]) -> Vec<f32> {
        self.weight.chunks_exact(state.len()).zip(&self.bias).map(|(row, bias)| dot(row, state) + bias).collect()
    }
}

/// Sums in eight lanes: fast enough for a few hundred tokens, and the same whatever stands beside them.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let (a_blocks, a_rest) = a.as_chunks::<8>();
    let (b_blocks, b_rest) = b.as_chunks::<8>();
    let mut lanes = [0f32; 8];
    for (a, b) in a_blocks.iter().zip(b_blocks) {
        lanes.iter_mut().zip(a.iter().zip(b)).for_each(|(lane, (a, b))| *lane += a * b);
    }
    lanes.iter().sum::<f32>() + a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum::<f32>()
}

pub(super) struct Heads {
    /// First state → tanh → the verdicts.
    pool: Linear,
    /// Relevance, and whether the passage answers; a published reranker has the first only.
    verdict: Linear,
    /// Start and end of the answer.
    span: Option<Linear>,
}

impl Heads {
    /// The heads that an adapter carries.
    pub(super) fn of_adapter(adapter: &Adapter<'_>, hidden: usize) -> Result<Self, Error> {
        let linear = |name: &str, rows: usize| {
            Ok(Linear {
                weight: adapter.numbers(&format!("head.{name}.weight"), &[rows, hidden])?,
                bias: adapter.numbers(&format!("head.{name}.bias"), &[rows])?,
            })
        };
        Ok(Self { pool: linear("pool", hidden)?, verdict: linear("verdict", 2)?, span: Some(linear("span", 2)?) })
    }

    /// The pooler and the classifier of a published reranker.
    pub(super) fn of_classifier(path: &Path, bytes: &[u8], hidden: usize) -> Result<Self, Error> {
        let file = SafeTensors::deserialize(bytes)
            .map_err(|error| Error::invalid(path, "header", shown(&error.to_string())))?;
        let prefix = if file.tensor("bert.pooler.dense.weight").is_ok() { "bert." } else { "" };
        let linear = |name: &str, rows: usize| {
            Ok(Linear {
                weight: weights::numbers(path, &file, &format!("{name}.weight"), &[rows, hidden])?,
                bias: weights::numbers(path, &file, &format!("{name}.bias"), &[rows])?,
            })
        };
        Ok(Self {
            pool: linear(&format!("{prefix}pooler.dense"), hidden)?,
            verdict: linear("classifier", 1)?,
            span: None,
        })
    }

    /// The reading of one window: its states, how many tokens stand before the passage's, and which bytes of `text` those stand for.
    pub(super) fn read(&self, states: &[f32], first: usize, places: &[(usize, usize)], text: &str) -> Reading {
        let hidden = self.pool.bias.len();
        let pooled: Vec<f32> = self.pool.of(&states[..hidden]).into_iter().map(f32::tanh).collect();
        let verdict = self.verdict.of(&pooled);
        let spans = self.span.as_ref().map_or_else(Vec::new, |span| {
            let logits: Vec<[f32; 2]> = states
                .chunks_exact(hidden)
                .map(|state| {
                    let logits = span.of(state);
                    [logits[0], logits[1]]
                })
                .collect();
            let null = logits[0][0] + logits[0][1];
            spans::of_tokens(&logits[first..first + places.len()])
                .into_iter()
                .filter_map(|(tokens, score)| {
                    let (start, end) = within(text, places[*tokens.start()].0, places[*tokens.end()].1);
                    (start < end).then_some(AnswerSpan { start, end, score: score - null })
                })
                .collect()
        });
        Reading { relevance: verdict[0], answerable: verdict.get(1).copied(), spans }
    }
}

/// The bytes of `text`, moved outwards to borders of characters.
fn within(text: &str, start: usize, end: usize) -> (usize, usize) {
    (text.floor_char_boundary(start.min(text.len())), text.ceil_char_boundary(end.min(text.len())))
}
