//! Which tensors a model has, what they are called, and how they change on the way into a GGUF file.
//!
//! Place in the flow: `Config` and `Shards` → [`plan`] → descriptions in the header, and [`Planned::data`] when its turn comes.
//! Names: llama.cpp's `gguf-py/gguf/tensor_mapping.py` and `constants.py`. Changes: `modify_tensors` of its
//! `conversion/llama.py` (the order of rows in queries and keys) and `gemma.py` (norms that lie around zero).
//!
//! Invariant: the plan holds every tensor of the architecture, in the dimensions that `config.json` asks for, and no other.

use std::collections::HashSet;

use super::config::Config;
use super::shards::{Shards, Stored};
use crate::error::Error;
use crate::gguf::{Description, TensorType};
use crate::hyperparameters::Architecture;

/// A tensor of the file to be.
#[derive(Debug)]
pub(super) struct Planned {
    pub(super) name: String,
    /// Outermost first.
    dimensions: Vec<usize>,
    /// Matrices keep the type that they are published in, vectors are f32.
    kind: TensorType,
    origin: Origin,
}

#[derive(Debug)]
enum Origin {
    Stored(Stored, Change),
    Computed(Vec<f32>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change {
    Nothing,
    /// Rows i and i + half of each of so many heads, which turn together, come to lie side by side.
    Interleave(usize),
    /// Gemma's norms multiply with one more than they say.
    AddOne,
}

impl Planned {
    /// What the header says of it.
    pub(super) fn describe(&self) -> Description<'_> {
        Description { name: &self.name, dimensions: &self.dimensions, kind: self.kind }
    }

    /// The data, read and changed.
    pub(super) fn data(&self, shards: &Shards) -> Result<Vec<u8>, Error> {
        let (stored, change) = match &self.origin {
            Origin::Stored(stored, change) => (stored, *change),
            Origin::Computed(values) => return Ok(bytes(values)),
        };
        let data = if self.dimensions.len() == 1 {
            let mut values = shards.values(stored)?;
            if change == Change::AddOne {
                for value in &mut values {
                    *value += 1.0;
                }
            }
            bytes(&values)
        } else {
            shards.read(stored)?
        };
        Ok(match change {
            Change::Interleave(heads) => interleave(&data, self.dimensions[0], heads),
            Change::Nothing | Change::AddOne => data,
        })
    }
}

fn bytes(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

/// See [`Change::Interleave`]; `rows` are the same even number for each head.
fn interleave(data: &[u8], rows: usize, heads: usize) -> Vec<u8> {
    let row = data.len() / rows;
    let half = row * (rows / heads / 2);
    let mut out = Vec::with_capacity(data.len());
    for head in data.chunks_exact(2 * half) {
        let (first, second) = head.split_at(half);
        for (left, right) in first.chunks_exact(row).zip(second.chunks_exact(row)) {
            out.extend_from_slice(left);
            out.extend_from_slice(right);
        }
    }
    out
}

/// A tensor that there must be.
struct Wanted {
    published: String,
    name: String,
    dimensions: Vec<usize>,
    change: Change,
}

/// Finds every tensor of the model; fails on one that is missing, of other dimensions or type, or left over.
pub(super) fn plan(config: &Config, shards: &Shards) -> Result<Vec<Planned>, Error> {
    let float = TensorType::named("F32").expect("ggml has the type");
    let (mut planned, mut used) = (Vec::new(), HashSet::new());
    for Wanted { published, name, dimensions, change } in wanted(config) {
        let stored = shards.find(&published)?;
        if stored.dimensions != dimensions {
            let found = &stored.dimensions;
            let reason = format!("has the dimensions {found:?}, config.json asks for {dimensions:?}");
            return Err(shards.invalid(stored, reason));
        }
        let kind = shards.kind(stored)?;
        let kind = if dimensions.len() == 1 { float } else { kind };
        planned.push(Planned { name, dimensions, kind, origin: Origin::Stored(stored.clone(), change) });
        used.insert(published);
    }
    if let Some(name) = shards.names().filter(|name| !used.contains(*name) && !is_idle(name, config)).min() {
        let reason = format!("does not belong to a {} of {} layers", config.class, config.layers);
        return Err(shards.invalid(shards.find(name)?, reason));
    }
    if let Some(factors) = config.rope.factors(config.head_dim) {
        let dimensions = vec![factors.len()];
        let origin = Origin::Computed(factors);
        planned.push(Planned { name: "rope_freqs.weight".to_owned(), dimensions, kind: float, origin });
    }
    Ok(planned)
}

/// Whether nothing is lost without this tensor: tables that older exports saved, and a copy of the embedding.
fn is_idle(name: &str, config: &Config) -> bool {
    let tables = [".rotary_emb.inv_freq", ".attention.bias", ".attention.masked_bias"];
    tables.iter().any(|table| name.ends_with(table)) || config.tied && name == "lm_head.weight"
}

fn wanted(config: &Config) -> Vec<Wanted> {
    let architecture = config.architecture;
    let hidden = config.hidden;
    let norm = if architecture == Architecture::Gemma3 { Change::AddOne } else { Change::Nothing };
    let mut all = Vec::new();
    let mut add = |published: String, name: String, dimensions: &[usize], change| {
        all.push(Wanted { published, name, dimensions: dimensions.to_vec(), change });
    };
    let whole = [config.vocabulary, hidden];
    add("model.embed_tokens.weight".into(), "token_embd.weight".into(), &whole, Change::Nothing);
    if !config.tied {
        add("lm_head.weight".into(), "output.weight".into(), &whole, Change::Nothing);
    }
    add("model.norm.weight".into(), "output_norm.weight".into(), &[hidden], norm);
    for layer in 0..config.layers {
        let published = |part: &str| format!("model.layers.{layer}.{part}");
        let name = |part: &str| format!("blk.{layer}.{part}");
        for (from, to, length) in norms(config) {
            add(published(&format!("{from}.weight")), name(&format!("{to}.weight")), &[length], norm);
        }
        for Projection { from, to, rows, columns, change, biased } in projections(config) {
            add(published(&format!("{from}.weight")), name(&format!("{to}.weight")), &[rows, columns], change);
            if biased {
                add(published(&format!("{from}.bias")), name(&format!("{to}.bias")), &[rows], change);
            }
        }
    }
    all
}

/// The norms of a layer: published name, name, length.
fn norms(config: &Config) -> Vec<(&'static str, &'static str, usize)> {
    let (architecture, hidden) = (config.architecture, config.hidden);
    let mut norms = vec![("input_layernorm", "attn_norm", hidden)];
    // The same name stands for the norm ahead of the feed-forward, or behind attention.
    if architecture.has_post_norms() {
        norms.extend([
            ("post_attention_layernorm", "post_attention_norm", hidden),
            ("pre_feedforward_layernorm", "ffn_norm", hidden),
            ("post_feedforward_layernorm", "post_ffw_norm", hidden),
        ]);
    } else {
        norms.push(("post_attention_layernorm", "ffn_norm", hidden));
    }
    if architecture.has_head_norms() {
        let length = config.head_dim;
        norms.extend([("self_attn.q_norm", "attn_q_norm", length), ("self_attn.k_norm", "attn_k_norm", length)]);
    }
    norms
}

/// A matrix of a layer.
struct Projection {
    from: &'static str,
    to: &'static str,
    rows: usize,
    columns: usize,
    change: Change,
    biased: bool,
}

fn projections(config: &Config) -> [Projection; 7] {
    let (hidden, wide) = (config.hidden, config.feed_forward);
    let (queries, keys) = (config.heads * config.head_dim, config.kv_heads * config.head_dim);
    let turned = |heads| {
        if config.architecture.turns_neighbors() { Change::Interleave(heads) } else { Change::Nothing }
    };
    // Qwen2 has biases without saying so, and none on the output.
    let qwen2 = config.architecture == Architecture::Qwen2;
    let (inner, outer) = (config.biased || qwen2, config.biased && !qwen2);
    let of = |from, to, rows, columns, change, biased| Projection { from, to, rows, columns, change, biased };
    [
        of("self_attn.q_proj", "attn_q", queries, hidden, turned(config.heads), inner),
        of("self_attn.k_proj", "attn_k", keys, hidden, turned(config.kv_heads), inner),
        of("self_attn.v_proj", "attn_v", keys, hidden, Change::Nothing, inner),
        of("self_attn.o_proj", "attn_output", hidden, queries, Change::Nothing, outer),
        of("mlp.gate_proj", "ffn_gate", wide, hidden, Change::Nothing, false),
        of("mlp.up_proj", "ffn_up", wide, hidden, Change::Nothing, false),
        of("mlp.down_proj", "ffn_down", hidden, wide, Change::Nothing, false),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_of_a_head_come_to_lie_side_by_side() {
        // Two heads of four rows of one byte.
        assert_eq!(interleave(&[0, 1, 2, 3, 4, 5, 6, 7], 8, 2), [0, 2, 1, 3, 4, 6, 5, 7]);
        // One head of four rows of two bytes.
        assert_eq!(interleave(&[0, 0, 1, 1, 2, 2, 3, 3], 4, 1), [0, 0, 2, 2, 1, 1, 3, 3]);
    }
}
