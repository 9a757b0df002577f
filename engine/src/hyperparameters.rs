//! The numbers of a decoder, taken from GGUF metadata and checked against each other.
//!
//! Place in the flow: `gguf::Header` → [`Hyperparameters`] → memory estimate, weights, forward pass.
//! Key names: <https://github.com/ggml-org/ggml/blob/master/docs/gguf.md#llm>.
//! Invariant: no later division by, or allocation from, one of these numbers can fail or explode.

use crate::error::{Error, shown};
use crate::gguf::{Header, Metadata};

/// The architectures that this engine runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Architecture {
    /// Llama 2 and 3, `SmolLM2`, Mistral: interleaved rotary embedding.
    Llama,
    /// Qwen2, Qwen2.5: biases on Q, K and V, rotation over halves.
    Qwen2,
    /// Qwen3: normalized Q and K heads, rotation over halves.
    Qwen3,
    /// Gemma 3: as Qwen3, with norms behind attention and feed-forward too, GELU, scaled embeddings, and five of six layers that
    /// look at a sliding window.
    Gemma3,
    /// `SmolLM3`: as Llama, but every fourth layer leaves heads unrotated.
    SmolLm3,
}

/// What attention of a layer does with positions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Rotates by the model's own frequencies and sees everything before.
    Global,
    /// Rotates by [`LOCAL_ROPE_BASE`] and sees so many tokens, itself included.
    Window(usize),
    /// Does not rotate and sees everything before.
    Unrotated,
}

/// Base of the rotation in layers with a window; files do not state it (llama.cpp, `models/gemma3.cpp`).
const LOCAL_ROPE_BASE: f64 = 10_000.0;

impl Architecture {
    const ALL: [Self; 5] = [Self::Llama, Self::Qwen2, Self::Qwen3, Self::Gemma3, Self::SmolLm3];

    /// `general.architecture`, which is also the prefix of the other keys.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Llama => "llama",
            Self::Qwen2 => "qwen2",
            Self::Qwen3 => "qwen3",
            Self::Gemma3 => "gemma3",
            Self::SmolLm3 => "smollm3",
        }
    }

    /// Whether dimensions 2i and 2i+1 of a head turn together (Llama as GGUF converters permute it), or i and i + half.
    pub(crate) fn turns_neighbors(self) -> bool {
        matches!(self, Self::Llama | Self::SmolLm3)
    }

    /// Whether query and key heads are normalized.
    pub(crate) fn has_head_norms(self) -> bool {
        matches!(self, Self::Qwen3 | Self::Gemma3)
    }

    /// Whether what attention and feed-forward give is normalized before it is added.
    pub(crate) fn has_post_norms(self) -> bool {
        self == Self::Gemma3
    }

    /// Whether the gate is GELU by the tanh formula; `SiLU` otherwise.
    pub(crate) fn gates_with_gelu(self) -> bool {
        self == Self::Gemma3
    }
}

/// Shape and constants of one decoder.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Hyperparameters {
    pub(crate) architecture: Architecture,
    pub(crate) layers: usize,
    pub(crate) hidden: usize,
    pub(crate) feed_forward: usize,
    pub(crate) heads: usize,
    pub(crate) kv_heads: usize,
    pub(crate) head_dim: usize,
    pub(crate) vocabulary: usize,
    /// Positions that the model was trained for.
    pub(crate) context_length: usize,
    pub(crate) rms_epsilon: f32,
    pub(crate) rope_base: f32,
    /// What positions are multiplied with before rotation (linear scaling); 1 when there is none.
    pub(crate) rope_scale: f32,
    /// What products of queries and keys are multiplied with.
    pub(crate) attention_scale: f32,
    /// What embeddings are multiplied with.
    pub(crate) embedding_scale: f32,
    /// Tokens that layers with a window see.
    pub(crate) sliding_window: Option<usize>,
    /// Bound of the scores: c·tanh(x / c).
    pub(crate) softcap: Option<f32>,
}

impl Hyperparameters {
    pub(crate) fn read(header: &Header) -> Result<Self, Error> {
        let metadata = &header.metadata;
        let architecture = architecture(metadata)?;
        let keys = Keys { metadata, prefix: architecture.name() };
        // Upper bounds: far above any model, far below what overflows in products of two of them.
        let layers = keys.count("block_count", 1..=4096)?;
        let hidden = keys.count("embedding_length", 1..=1 << 20)?;
        let feed_forward = keys.count("feed_forward_length", 1..=1 << 22)?;
        let heads = keys.count("attention.head_count", 1..=1 << 12)?;
        let kv_heads = keys.optional("attention.head_count_kv", 1..=1 << 12)?.unwrap_or(heads);
        if heads % kv_heads != 0 {
            return Err(
                keys.invalid("attention.head_count_kv", format!("{kv_heads} does not divide head_count {heads}"))
            );
        }
        let head_dim = match keys.optional("attention.key_length", 2..=1 << 12)? {
            Some(length) => length,
            None if hidden % heads == 0 => hidden / heads,
            None => {
                return Err(
                    keys.invalid("attention.head_count", format!("{heads} does not divide embedding_length {hidden}"))
                );
            }
        };
        if head_dim < 2 || head_dim % 2 != 0 {
            return Err(keys.invalid("attention.key_length", format!("{head_dim} is not an even number above 0")));
        }
        keys.same("attention.value_length", head_dim)?;
        keys.same("rope.dimension_count", head_dim)?;
        if keys.optional("expert_count", 0..=1 << 16)?.unwrap_or(0) > 0 {
            return Err(keys.invalid("expert_count", "mixtures of experts are not supported"));
        }
        let rms_epsilon = keys.number("attention.layer_norm_rms_epsilon")?;
        let rms_epsilon = metadata.required(&keys.key("attention.layer_norm_rms_epsilon"), rms_epsilon)?;
        if !(0.0..=0.1).contains(&rms_epsilon) {
            return Err(keys.invalid("attention.layer_norm_rms_epsilon", format!("{rms_epsilon} is out of range")));
        }
        let rope_base = keys.number("rope.freq_base")?.unwrap_or(10_000.0);
        if !(1.0..=1e12).contains(&rope_base) {
            return Err(keys.invalid("rope.freq_base", format!("{rope_base} is out of range")));
        }
        let sliding_window = match architecture {
            Architecture::Gemma3 => {
                keys.optional("attention.sliding_window", 0..=1 << 24)?.filter(|window| *window > 0)
            }
            _ => None,
        };
        let softcap = keys.number("final_logit_softcapping")?.filter(|cap| *cap != 0.0);
        if softcap.is_some_and(|cap| !(1.0..=1e6).contains(&cap)) {
            return Err(keys.invalid("final_logit_softcapping", "is out of range"));
        }
        // Only the 27B, known by its layers, has another scale (`query_pre_attn_scalar`, which files do not state).
        let scaled = if architecture == Architecture::Gemma3 && layers == 62 { hidden / heads } else { head_dim };
        Ok(Self {
            architecture,
            attention_scale: 1.0 / (scaled as f32).sqrt(),
            embedding_scale: if architecture == Architecture::Gemma3 { (hidden as f32).sqrt() } else { 1.0 },
            sliding_window,
            softcap: softcap.map(|cap| cap as f32),
            layers,
            hidden,
            feed_forward,
            heads,
            kv_heads,
            head_dim,
            vocabulary: vocabulary(header, hidden)?,
            context_length: keys.count("context_length", 1..=1 << 24)?,
            rms_epsilon: rms_epsilon as f32,
            rope_base: rope_base as f32,
            rope_scale: rope_scale(&keys)?,
        })
    }

    /// Radians that dimension pair `pair` of a head turns from one position to the next, before the model's own factors.
    pub(crate) fn frequency(&self, pair: usize) -> f64 {
        f64::from(self.rope_scale) / f64::from(self.rope_base).powf(self.exponent(pair))
    }

    /// The same for layers with a window, whose positions are not scaled.
    pub(crate) fn local_frequency(&self, pair: usize) -> f64 {
        LOCAL_ROPE_BASE.powf(-self.exponent(pair))
    }

    fn exponent(&self, pair: usize) -> f64 {
        2.0 * pair as f64 / self.head_dim as f64
    }

    /// What layer `index` does with positions.
    pub(crate) fn reach(&self, index: usize) -> Reach {
        match (self.architecture, self.sliding_window) {
            (Architecture::Gemma3, Some(window)) if index % 6 < 5 => Reach::Window(window),
            (Architecture::SmolLm3, _) if index % 4 == 3 => Reach::Unrotated,
            _ => Reach::Global,
        }
    }

    /// Bytes of keys and values for one token in all layers, in f32.
    pub(crate) fn kv_bytes_per_token(&self) -> u64 {
        2 * 4 * (self.layers * self.kv_heads * self.head_dim) as u64
    }
}

struct Keys<'a> {
    metadata: &'a Metadata,
    prefix: &'static str,
}

impl Keys<'_> {
    fn key(&self, name: &str) -> String {
        format!("{}.{name}", self.prefix)
    }

    fn invalid(&self, name: &str, reason: impl Into<String>) -> Error {
        self.metadata.invalid(&self.key(name), reason)
    }

    fn optional(&self, name: &str, range: std::ops::RangeInclusive<u64>) -> Result<Option<usize>, Error> {
        let Some(value) = self.metadata.unsigned(&self.key(name))? else {
            return Ok(None);
        };
        if !range.contains(&value) {
            let (least, most) = (range.start(), range.end());
            return Err(self.invalid(name, format!("{value} is not between {least} and {most}")));
        }
        Ok(Some(usize::try_from(value).expect("bounded by the range")))
    }

    fn count(&self, name: &str, range: std::ops::RangeInclusive<u64>) -> Result<usize, Error> {
        let value = self.optional(name, range)?;
        self.metadata.required(&self.key(name), value)
    }

    fn number(&self, name: &str) -> Result<Option<f64>, Error> {
        self.metadata.float(&self.key(name))
    }

    /// Fails when the key is there with another value than the one that the forward pass assumes.
    fn same(&self, name: &str, expected: usize) -> Result<(), Error> {
        match self.optional(name, 0..=1 << 20)? {
            Some(value) if value != expected => {
                Err(self
                    .invalid(name, format!("{value} differs from the head length {expected}, which is not supported")))
            }
            _ => Ok(()),
        }
    }
}

fn architecture(metadata: &Metadata) -> Result<Architecture, Error> {
    let key = "general.architecture";
    let name = metadata.required(key, metadata.string(key)?)?;
    Architecture::ALL.into_iter().find(|known| known.name() == name).ok_or_else(|| Error::UnsupportedArchitecture {
        path: metadata.path().to_owned(),
        architecture: shown(name),
        supported: Architecture::ALL.map(Architecture::name).join(", "),
    })
}

/// The rows of the embedding decide; the vocabulary of the tokenizer has to agree.
fn vocabulary(header: &Header, hidden: usize) -> Result<usize, Error> {
    let embedding = header.tensor("token_embd.weight")?;
    let &[rows, columns] = embedding.dimensions.as_slice() else {
        return Err(Error::invalid(&header.path, "tensor token_embd.weight", "is not a matrix"));
    };
    if columns != hidden {
        return Err(Error::invalid(
            &header.path,
            "tensor token_embd.weight",
            format!("has rows of {columns}, embedding_length is {hidden}"),
        ));
    }
    let key = "tokenizer.ggml.tokens";
    let tokens = header.metadata.required(key, header.metadata.strings(key)?)?.len();
    // Some files pad the matrix beyond the vocabulary; ids without a text would be the opposite.
    if tokens > rows || u32::try_from(rows).is_err() {
        return Err(header.metadata.invalid(key, format!("{tokens} tokens, but {rows} embeddings")));
    }
    Ok(rows)
}

fn rope_scale(keys: &Keys<'_>) -> Result<f32, Error> {
    let name = "rope.scaling.type";
    match keys.metadata.string(&keys.key(name))? {
        None | Some("none") => Ok(1.0),
        Some("linear") => {
            let factor = keys.number("rope.scaling.factor")?;
            let factor = keys.metadata.required(&keys.key("rope.scaling.factor"), factor)?;
            if !(1.0..=1e6).contains(&factor) {
                return Err(keys.invalid("rope.scaling.factor", format!("{factor} is out of range")));
            }
            Ok((1.0 / factor) as f32)
        }
        Some(other) => Err(keys.invalid(name, format!("{} scaling is not supported", shown(other)))),
    }
}
