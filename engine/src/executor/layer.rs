//! The weights of one layer.

use super::load::Source;
use crate::error::Error;
use crate::hyperparameters::Hyperparameters;
use crate::kernels::{Linear, Packed};

#[derive(Debug)]
pub(super) struct Layer {
    pub(super) attention_norm: Vec<f32>,
    pub(super) query: Weights,
    pub(super) key: Weights,
    pub(super) value: Weights,
    /// Norms of query and key heads.
    pub(super) head_norms: Option<(Vec<f32>, Vec<f32>)>,
    pub(super) attention_output: Weights,
    /// Norms behind attention and feed-forward.
    pub(super) post_norms: Option<(Vec<f32>, Vec<f32>)>,
    pub(super) feed_forward_norm: Vec<f32>,
    pub(super) gate: Packed,
    pub(super) up: Packed,
    pub(super) down: Weights,
}

#[derive(Debug)]
pub(super) struct Weights {
    pub(super) matrix: Packed,
    pub(super) bias: Option<Vec<f32>>,
}

impl Weights {
    pub(super) fn load(source: &Source<'_>, name: &str, rows: usize, columns: usize) -> Result<Self, Error> {
        let matrix = source.matrix(&format!("{name}.weight"), rows, columns)?;
        let bias = format!("{name}.bias");
        let bias = source.has(&bias).then(|| source.vector(&bias, rows)).transpose()?;
        Ok(Self { matrix, bias })
    }

    pub(super) fn times<'a>(&'a self, out: &'a mut [f32], add: bool) -> Linear<'a> {
        Linear { weights: &self.matrix, bias: self.bias.as_deref(), out, add }
    }
}

impl Layer {
    pub(super) fn load(source: &Source<'_>, index: usize, shape: &Hyperparameters) -> Result<Self, Error> {
        let name = |part: &str| format!("blk.{index}.{part}");
        let (hidden, wide, length) = (shape.hidden, shape.feed_forward, shape.head_dim);
        let (queries, keys) = (shape.heads * length, shape.kv_heads * length);
        let pair = |wanted: bool, names: [&str; 2], length: usize| {
            let vector = |part: &str| source.vector(&name(part), length);
            wanted.then(|| Ok::<_, Error>((vector(names[0])?, vector(names[1])?))).transpose()
        };
        let architecture = shape.architecture;
        let head_norms = pair(architecture.has_head_norms(), ["attn_q_norm.weight", "attn_k_norm.weight"], length)?;
        let post_norms =
            pair(architecture.has_post_norms(), ["post_attention_norm.weight", "post_ffw_norm.weight"], hidden)?;
        // Gated states have no channels that are always the largest ones. To round them twice halves the divergence from f32 (0.00066
        // to 0.00030, `SmolLM2`-135M `Q4_1`), takes a seventh of the speed of reading and nothing of that of writing.
        let mut down = Weights::load(source, &name("ffn_down"), hidden, wide)?;
        down.matrix.take_twice_rounded();
        Ok(Self {
            attention_norm: source.vector(&name("attn_norm.weight"), hidden)?,
            query: Weights::load(source, &name("attn_q"), queries, hidden)?,
            key: Weights::load(source, &name("attn_k"), keys, hidden)?,
            value: Weights::load(source, &name("attn_v"), keys, hidden)?,
            head_norms,
            post_norms,
            attention_output: Weights::load(source, &name("attn_output"), hidden, queries)?,
            feed_forward_norm: source.vector(&name("ffn_norm.weight"), hidden)?,
            gate: source.matrix(&name("ffn_gate.weight"), wide, hidden)?,
            up: source.matrix(&name("ffn_up.weight"), wide, hidden)?,
            down,
        })
    }

    pub(super) fn matrices(&mut self) -> [&mut Packed; 7] {
        let Self { query, key, value, attention_output, gate, up, down, .. } = self;
        let [query, key, value] = [query, key, value].map(|weights| &mut weights.matrix);
        [query, key, value, &mut attention_output.matrix, gate, up, &mut down.matrix]
    }
}
