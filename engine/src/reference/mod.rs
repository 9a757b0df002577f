//! The decoder's forward pass on candle tensors: the only module of the decoder that knows candle.
//!
//! Place in the flow: `Context` → [`Model::embed`] → [`Model::forward`] → [`Model::logits`]. It runs on the
//! CPU and on candle's GPU back ends and is the numerical reference for faster paths.
//!
//! One pass covers Llama, Qwen2 and Qwen3, which differ in the layout of rotation, biases and head norms. candle's own
//! model files are not used, because (candle-transformers 0.11.1): `quantized_llama` ignores the
//! frequency factors of Llama 3 and stops at 4096 positions, `quantized_qwen3` rotates in f16 and loses
//! decoded tokens when a cache is kept, `quantized_qwen2` cannot be shared between contexts, and all
//! hold the cache inside the model. They are the oracle of the tests instead.

mod cache;
mod device;
mod rope;
#[cfg(test)]
mod tests;
mod weights;
mod widen;

use std::path::PathBuf;
use std::sync::Arc;

pub(crate) use cache::KvCache;
use candle_core::quantized::{QMatMul, QTensor};
use candle_core::{Device, Module, Tensor};
pub use device::DeviceKind;
pub(crate) use device::open as open_device;
use rope::Rope;
pub(crate) use weights::Precision;
use weights::Weights;

use crate::error::Error;
use crate::gguf::Header;
use crate::hyperparameters::{Hyperparameters, Reach};
use crate::memory::Estimate;

/// From so many tokens on, a product on the CPU expands its weights to f32 for the moment and uses the dense
/// product: `gemm` runs on AVX-512, candle's quantized product computes one dot product at a time in AVX2 or
/// not vectorized at all, and expanding costs the same however many tokens share it. SmolLM2-135M on two Zen 5
/// cores, 512 tokens: 370–420 tokens a second, instead of 35 (`Q4_1`) and 153 (`Q8_0`). It is also exact, as
/// activations are not rounded to 8 bits.
const DENSE_ROWS: usize = 32;

type Result<T> = std::result::Result<T, Error>;

/// Weights on a device. Shared by all contexts; never changes after loading.
#[derive(Debug)]
pub(crate) struct Model {
    path: PathBuf,
    shape: Hyperparameters,
    window: usize,
    device: Device,
    weight_bytes: u64,
    embedding: Arc<QTensor>,
    layers: Vec<Layer>,
    norm: Tensor,
    head: QMatMul,
    rope: Rope,
    /// For layers with a window.
    local_rope: Option<Rope>,
}

#[derive(Debug)]
struct Layer {
    attention_norm: Tensor,
    query: Linear,
    key: Linear,
    value: Linear,
    /// Norms of query and key heads (Qwen3, Gemma 3).
    head_norms: Option<(Tensor, Tensor)>,
    attention_output: Linear,
    /// Norms behind attention and feed-forward (Gemma 3).
    post_norms: Option<(Tensor, Tensor)>,
    feed_forward_norm: Tensor,
    gate: Linear,
    up: Linear,
    down: Linear,
}

#[derive(Debug)]
struct Linear {
    weight: QMatMul,
    bias: Option<Tensor>,
}

impl Linear {
    fn load(weights: &mut Weights<'_>, name: &str, rows: usize, columns: usize) -> Result<Self> {
        let tensor = weights.take(&format!("{name}.weight"), &[rows, columns])?;
        let weight = QMatMul::from_qtensor(tensor).map_err(|error| weights.failed(&error))?;
        let bias = format!("{name}.bias");
        let bias = weights.has(&bias).then(|| weights.vector(&bias, rows)).transpose()?;
        Ok(Self { weight, bias })
    }

    fn forward(&self, input: &Tensor) -> candle_core::Result<Tensor> {
        let output = match &self.weight {
            QMatMul::QTensor(weight) if weight.device().is_cpu() && input.dim(0)? >= DENSE_ROWS => {
                input.matmul(&weight.dequantize(&Device::Cpu)?.t()?)?
            }
            weight => weight.forward(input)?,
        };
        match &self.bias {
            Some(bias) => output.broadcast_add(bias),
            None => Ok(output),
        }
    }
}

impl Layer {
    fn load(weights: &mut Weights<'_>, index: usize, shape: &Hyperparameters) -> Result<Self> {
        let name = |part: &str| format!("blk.{index}.{part}");
        let (hidden, wide, length) = (shape.hidden, shape.feed_forward, shape.head_dim);
        let (queries, keys) = (shape.heads * length, shape.kv_heads * length);
        let mut pair = |wanted: bool, names: [&str; 2], length: usize| {
            let mut vector = |part: &str| weights.vector(&name(part), length);
            wanted.then(|| Ok::<_, Error>((vector(names[0])?, vector(names[1])?))).transpose()
        };
        let architecture = shape.architecture;
        let head_norms = pair(architecture.has_head_norms(), ["attn_q_norm.weight", "attn_k_norm.weight"], length)?;
        let post_norms =
            pair(architecture.has_post_norms(), ["post_attention_norm.weight", "post_ffw_norm.weight"], hidden)?;
        Ok(Self {
            attention_norm: weights.vector(&name("attn_norm.weight"), hidden)?,
            query: Linear::load(weights, &name("attn_q"), queries, hidden)?,
            key: Linear::load(weights, &name("attn_k"), keys, hidden)?,
            value: Linear::load(weights, &name("attn_v"), keys, hidden)?,
            head_norms,
            post_norms,
            attention_output: Linear::load(weights, &name("attn_output"), hidden, queries)?,
            feed_forward_norm: weights.vector(&name("ffn_norm.weight"), hidden)?,
            gate: Linear::load(weights, &name("ffn_gate"), wide, hidden)?,
            up: Linear::load(weights, &name("ffn_up"), wide, hidden)?,
            down: Linear::load(weights, &name("ffn_down"), hidden, wide)?,
        })
    }
}

/// What the weights of a file take in memory.
fn resident(header: &Header, precision: Precision) -> u64 {
    header.tensors.values().map(|tensor| weights::resident(tensor, precision)).sum()
}

impl Model {
    /// Loads the weights that `header` describes.
    pub(crate) fn load(
        header: &Header,
        shape: &Hyperparameters,
        window: usize,
        device: &Device,
        precision: Precision,
    ) -> Result<Self> {
        let mut weights = Weights::load(header, device, precision)?;
        let rope = Rope::load(&mut weights, shape, window)?;
        let local_rope = shape.sliding_window.map(|_| Rope::local(&weights, shape, window)).transpose()?;
        let embedding = Arc::new(weights.take("token_embd.weight", &[shape.vocabulary, shape.hidden])?);
        let norm = weights.vector("output_norm.weight", shape.hidden)?;
        let head = if weights.has("output.weight") {
            QMatMul::from_qtensor(weights.take("output.weight", &[shape.vocabulary, shape.hidden])?)
        } else {
            // Tied: the head is the embedding.
            QMatMul::from_arc(Arc::clone(&embedding))
        };
        let head = head.map_err(|error| weights.failed(&error))?;
        let layers = (0..shape.layers).map(|index| Layer::load(&mut weights, index, shape)).collect::<Result<_>>()?;
        Ok(Self {
            path: header.path.clone(),
            shape: shape.clone(),
            window,
            device: device.clone(),
            weight_bytes: resident(header, precision),
            embedding,
            layers,
            norm,
            head,
            rope,
            local_rope,
        })
    }

    /// What [`Model::load`] and a full window would take.
    pub(crate) fn estimate(header: &Header, shape: &Hyperparameters, precision: Precision, block: usize) -> Estimate {
        let weights = resident(header, precision);
        let largest = header.tensors.values().map(|tensor| tensor.size).max().unwrap_or(0);
        // One block of activations: residual, norm, projections and their contiguous copies, gate and up.
        let activations =
            4 * block as u64 * (8 * shape.hidden + 4 * shape.heads * shape.head_dim + 3 * shape.feed_forward) as u64;
        let logits = 4 * 4 * shape.vocabulary as u64;
        // One matrix of a layer, expanded for a block.
        let dense = 4 * (shape.hidden * shape.feed_forward.max(shape.heads * shape.head_dim)) as u64;
        // Scores of one block against one token of the window: raw, masked, normalized.
        let scores = 3 * 4 * (block * shape.heads) as u64;
        let rope = 4 * shape.head_dim as u64;
        Estimate {
            fixed: weights + 3 * largest + activations + dense + logits,
            per_token: shape.kv_bytes_per_token() + scores + rope,
        }
    }

    pub(crate) fn window(&self) -> usize {
        self.window
    }

    /// What the weights take in memory.
    pub(crate) fn weight_bytes(&self) -> u64 {
        self.weight_bytes
    }

    /// What keys and values of a token take in memory.
    pub(crate) fn cache_bytes(&self) -> u64 {
        self.shape.kv_bytes_per_token()
    }

    pub(crate) fn vocabulary(&self) -> usize {
        self.shape.vocabulary
    }

    /// An empty cache for this model.
    pub(crate) fn cache(&self) -> KvCache {
        KvCache::new(self.shape.layers, self.window, self.shape.kv_heads, self.shape.head_dim, &self.device)
    }

    /// The embeddings of `tokens`, one row each. Rows are taken from the quantized matrix; nothing is
    /// expanded to f32 but them.
    pub(crate) fn embed(&self, tokens: &[u32]) -> Result<Tensor> {
        Tensor::new(tokens, &self.device)
            .and_then(|ids| self.embedding.embedding(&ids)? * f64::from(self.shape.embedding_scale))
            .map_err(|error| self.failed("embedding tokens", &error))
    }

    /// Runs the layers over `embedded` tokens that follow those in `cache`, and adds theirs to it. Returns
    /// the hidden state of the last one. On failure the cache is as before.
    pub(crate) fn forward(&self, cache: &mut KvCache, embedded: Tensor) -> Result<Tensor> {
        self.layers_forward(cache, embedded)
            .and_then(|states| {
                let last = states.narrow(0, states.dim(0)? - 1, 1)?.contiguous()?;
                self.normalize(&last, &self.norm)
            })
            .map_err(|error| self.failed("computing", &error))
    }

    /// The scores after each of many tokens, all of it computed in f32 from dequantized weights.
    #[cfg(test)]
    pub(crate) fn exact_scores(&self, cache: &mut KvCache, tokens: &[u32]) -> Vec<Vec<f32>> {
        assert!(tokens.len() >= DENSE_ROWS, "fewer are multiplied with rounded states");
        let states = self.layers_forward(cache, self.embed(tokens).unwrap()).unwrap();
        let states = self.normalize(&states, &self.norm).unwrap();
        let head = match &self.head {
            QMatMul::QTensor(head) => head.dequantize(&self.device).unwrap(),
            QMatMul::Tensor(head) | QMatMul::TensorF16(head) => head.clone(),
        };
        self.capped(states.matmul(&head.t().unwrap()).unwrap()).unwrap().to_vec2().unwrap()
    }

    /// The score of every token of the vocabulary, given a hidden state.
    pub(crate) fn logits(&self, hidden: &Tensor) -> Result<Vec<f32>> {
        self.head
            .forward(hidden)
            .and_then(|logits| self.capped(logits)?.flatten_all()?.to_vec1())
            .map_err(|error| self.failed("computing scores", &error))
    }

    fn layers_forward(&self, cache: &mut KvCache, embedded: Tensor) -> candle_core::Result<Tensor> {
        let tokens = embedded.dim(0)?;
        let past = cache.length();
        let mask = if tokens == 1 { None } else { Some(causal_mask(tokens, past, None, &self.device)?) };
        let window = self.shape.sliding_window;
        let local = window.map(|window| causal_mask(tokens, past, Some(window), &self.device)).transpose()?;
        let mut state = embedded;
        for (index, layer) in self.layers.iter().enumerate() {
            let input = self.normalize(&state, &layer.attention_norm)?;
            let (mask, rope) = match self.shape.reach(index) {
                Reach::Global => (mask.as_ref(), Some(&self.rope)),
                Reach::Window(_) => (local.as_ref(), self.local_rope.as_ref()),
                Reach::Unrotated => (mask.as_ref(), None),
            };
            let mut attended = self.attention(index, &input, cache, mask, rope)?;
            if let Some((norm, _)) = &layer.post_norms {
                attended = self.normalize(&attended, norm)?;
            }
            state = (state + attended)?;
            let input = self.normalize(&state, &layer.feed_forward_norm)?;
            let gate = layer.gate.forward(&input)?;
            let gate =
                if self.shape.architecture.gates_with_gelu() { gate.gelu()? } else { candle_nn::ops::silu(&gate)? };
            let up = layer.up.forward(&input)?;
            let mut fed = layer.down.forward(&(gate * up)?)?;
            if let Some((_, norm)) = &layer.post_norms {
                fed = self.normalize(&fed, norm)?;
            }
            state = (state + fed)?;
        }
        cache.commit(tokens);
        Ok(state)
    }

    /// Causal attention of one layer over `[tokens, hidden]`.
    fn attention(
        &self,
        index: usize,
        input: &Tensor,
        cache: &mut KvCache,
        mask: Option<&Tensor>,
        rope: Option<&Rope>,
    ) -> candle_core::Result<Tensor> {
        let (layer, shape) = (&self.layers[index], &self.shape);
        let tokens = input.dim(0)?;
        let past = cache.length();
        let heads = |projected: Tensor, count: usize| -> candle_core::Result<Tensor> {
            projected.reshape((tokens, count, shape.head_dim))?.transpose(0, 1)?.contiguous()
        };
        let mut query = heads(layer.query.forward(input)?, shape.heads)?;
        let mut key = heads(layer.key.forward(input)?, shape.kv_heads)?;
        let value = heads(layer.value.forward(input)?, shape.kv_heads)?;
        if let Some((query_norm, key_norm)) = &layer.head_norms {
            query = self.normalize(&query, query_norm)?;
            key = self.normalize(&key, key_norm)?;
        }
        if let Some(rope) = rope {
            query = rope.rotate(&query, past)?;
            key = rope.rotate(&key, past)?;
        }
        let (keys, values) = cache.extend(index, &key, &value)?;
        let total = past + tokens;
        // The query heads that share a key head lie one after the other: they become rows of one product,
        // and keys are not repeated.
        let group = shape.heads / shape.kv_heads;
        let query = query.reshape((shape.kv_heads, group * tokens, shape.head_dim))?;
        let scale = f64::from(shape.attention_scale);
        let scores = (query * scale)?.matmul(&keys.transpose(1, 2)?)?;
        let scores = scores.reshape((shape.heads, tokens, total))?;
        let scores = match mask {
            Some(mask) => scores.broadcast_add(mask)?,
            None => scores,
        };
        let shares = candle_nn::ops::softmax_last_dim(&scores)?;
        let mixed = shares
            .reshape((shape.kv_heads, group * tokens, total))?
            .matmul(&values)?
            .reshape((shape.heads, tokens, shape.head_dim))?
            .transpose(0, 1)?
            .contiguous()?
            .reshape((tokens, shape.heads * shape.head_dim))?;
        layer.attention_output.forward(&mixed)
    }

    fn normalize(&self, input: &Tensor, weight: &Tensor) -> candle_core::Result<Tensor> {
        candle_nn::ops::rms_norm(input, weight, self.shape.rms_epsilon)
    }

    fn capped(&self, logits: Tensor) -> candle_core::Result<Tensor> {
        match self.shape.softcap.map(f64::from) {
            Some(cap) => (logits / cap)?.tanh()? * cap,
            None => Ok(logits),
        }
    }

    fn failed(&self, doing: &'static str, error: &candle_core::Error) -> Error {
        Error::Backend { path: self.path.clone(), doing, reason: error.to_string() }
    }
}

/// Whether [`Precision::Widened`] changes weights of the type with this name.
pub(crate) fn is_widened(kind: &str) -> bool {
    widen::Narrow::named(kind).is_some()
}

/// 0 where a token may look, −∞ where it may not: `[tokens, past + tokens]`.
fn causal_mask(tokens: usize, past: usize, window: Option<usize>, device: &Device) -> candle_core::Result<Tensor> {
    let total = past + tokens;
    let mut mask = vec![0f32; tokens * total];
    for (row, line) in mask.chunks_exact_mut(total).enumerate() {
        line[past + row + 1..].fill(f32::NEG_INFINITY);
        if let Some(window) = window {
            line[..(past + row + 1).saturating_sub(window)].fill(f32::NEG_INFINITY);
        }
    }
    Tensor::from_vec(mask, (tokens, total), device)
}
