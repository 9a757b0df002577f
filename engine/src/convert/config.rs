//! `config.json` of a model folder, checked, and as GGUF metadata.
//!
//! Place in the flow: [`Config`] → the tensors that there must be (`tensors`), and the keys of the header.
//! Keys of the file: the configuration classes of transformers, whose defaults hold where a key may be absent. Keys of the
//! header: `set_gguf_parameters` of llama.cpp's `conversion/base.py`, `llama.py` and `gemma.py`.
//!
//! Invariant: every number lies in the bounds of [`crate::hyperparameters`], so that products of two of them fit.

use std::path::Path;

use serde_json::Value;

use super::assumptions;
use super::json::{Document, Object};
use super::rope::Rope;
use crate::error::{Error, shown};
use crate::gguf::Pairs;
use crate::hyperparameters::Architecture;

/// `architectures` of the file.
const CLASSES: [(&str, Architecture); 5] = [
    ("LlamaForCausalLM", Architecture::Llama),
    ("Qwen2ForCausalLM", Architecture::Qwen2),
    ("Qwen3ForCausalLM", Architecture::Qwen3),
    ("Gemma3ForCausalLM", Architecture::Gemma3),
    ("SmolLM3ForCausalLM", Architecture::SmolLm3),
];
/// `GGML_QUANT_VERSION`.
const QUANTIZATION_VERSION: u32 = 2;
/// No vocabulary has so many entries; each of them takes memory before its embedding is looked at.
const MOST_TOKENS: u64 = 1 << 22;

/// The numbers of a model.
#[derive(Debug)]
pub(super) struct Config {
    document: Document,
    pub(super) architecture: Architecture,
    /// `architectures` of the file.
    pub(super) class: &'static str,
    pub(super) layers: usize,
    pub(super) hidden: usize,
    pub(super) feed_forward: usize,
    pub(super) heads: usize,
    pub(super) kv_heads: usize,
    pub(super) head_dim: usize,
    /// Rows of the embedding.
    pub(super) vocabulary: usize,
    /// Whether the head is the embedding.
    pub(super) tied: bool,
    /// Whether queries, keys, values and the output of attention have biases.
    pub(super) biased: bool,
    pub(super) rope: Rope,
    states_head_dim: bool,
    context_length: usize,
    rms_epsilon: f64,
    window: Option<usize>,
    softcap: Option<f64>,
}

impl Config {
    pub(super) fn read(path: &Path) -> Result<Self, Error> {
        let document = Document::required(path)?;
        let config = document.root();
        let (class, architecture) = class(&config)?;
        assumptions::check(&config, architecture)?;
        let count = |key, most| config.required(key, config.count(key, 1..=most)?);
        let layers = count("num_hidden_layers", 4096)?;
        let hidden = count("hidden_size", 1 << 20)?;
        let heads = count("num_attention_heads", 1 << 12)?;
        // The first Llama's files have none.
        let kv_heads = match config.count("num_key_value_heads", 1..=1 << 12)? {
            None if architecture == Architecture::Llama => heads,
            kv_heads => config.required("num_key_value_heads", kv_heads)?,
        };
        let head_dim = head_dim(&config, architecture)?;
        let states_head_dim = head_dim.is_some();
        let head_dim = head_dim.unwrap_or(hidden / heads);
        if head_dim < 2 || !head_dim.is_multiple_of(2) || !states_head_dim && !hidden.is_multiple_of(heads) {
            let reason = format!("{heads} heads do not divide hidden_size {hidden} into even parts");
            return Err(config.invalid("num_attention_heads", reason));
        }
        if architecture == Architecture::Gemma3 {
            let inferred = if layers == 62 { hidden / heads } else { head_dim };
            assumptions::check_scale(&config, layers, inferred)?;
        }
        let window = match architecture {
            Architecture::Gemma3 if assumptions::pattern(&config)? != 1 => Some(count("sliding_window", 1 << 24)?),
            _ => None,
        };
        let softcap = match architecture {
            Architecture::Gemma3 => config.number("final_logit_softcapping")?,
            _ => None,
        };
        // Where the key is absent the class decides: that of transformers' common class is true, those of Llama and Qwen are false.
        let usually_tied = matches!(architecture, Architecture::Gemma3 | Architecture::SmolLm3);
        Ok(Self {
            feed_forward: count("intermediate_size", 1 << 22)?,
            vocabulary: count("vocab_size", MOST_TOKENS)?,
            context_length: count("max_position_embeddings", 1 << 24)?,
            rms_epsilon: config.required("rms_norm_eps", config.number("rms_norm_eps")?)?,
            tied: config.bool("tie_word_embeddings")?.unwrap_or(usually_tied),
            biased: config.bool("attention_bias")?.unwrap_or(false),
            rope: Rope::read(&config, architecture)?,
            architecture,
            class,
            layers,
            hidden,
            heads,
            kv_heads,
            head_dim,
            states_head_dim,
            window,
            softcap,
            document,
        })
    }

    /// The file.
    pub(super) fn root(&self) -> Object<'_> {
        self.document.root()
    }

    /// Adds what a header says of the model called `name`, its vocabulary apart.
    pub(super) fn describe(&self, name: &str, pairs: &mut Pairs) {
        pairs
            .string("general.architecture", self.architecture.name())
            .string("general.type", "model")
            .string("general.name", name)
            .u32("general.quantization_version", QUANTIZATION_VERSION);
        let key = |name: &str| format!("{}.{name}", self.architecture.name());
        let stated = self.states_head_dim.then_some(self.head_dim);
        let llama = self.architecture.turns_neighbors();
        for (name, value) in [
            ("block_count", Some(self.layers)),
            ("context_length", Some(self.context_length)),
            ("embedding_length", Some(self.hidden)),
            ("feed_forward_length", Some(self.feed_forward)),
            ("attention.head_count", Some(self.heads)),
            ("attention.head_count_kv", Some(self.kv_heads)),
            ("attention.key_length", stated),
            ("attention.value_length", stated),
            ("attention.sliding_window", self.window),
            ("rope.dimension_count", llama.then_some(self.head_dim)),
            ("vocab_size", llama.then_some(self.vocabulary)),
        ] {
            if let Some(value) = value {
                pairs.u32(&key(name), value as u32);
            }
        }
        pairs.f32(&key("attention.layer_norm_rms_epsilon"), self.rms_epsilon as f32);
        if let Some(softcap) = self.softcap {
            pairs.f32(&key("final_logit_softcapping"), softcap as f32);
        }
        self.rope.describe(self.architecture, pairs);
    }
}

fn class(config: &Object<'_>) -> Result<(&'static str, Architecture), Error> {
    let key = "architectures";
    let classes = config.required(key, config.list(key)?)?;
    let name = classes.first().and_then(Value::as_str).ok_or_else(|| config.invalid(key, "names no class"))?;
    CLASSES.into_iter().find(|(known, _)| *known == name).ok_or_else(|| Error::UnsupportedArchitecture {
        path: config.path().to_owned(),
        architecture: shown(name),
        supported: CLASSES.map(|(name, _)| name).join(", "),
    })
}

/// The length of a head, where it is not what the states divided by the heads give.
fn head_dim(config: &Object<'_>, architecture: Architecture) -> Result<Option<usize>, Error> {
    let usual = match architecture {
        Architecture::Qwen3 => Some(128),
        Architecture::Gemma3 => Some(256),
        Architecture::Llama | Architecture::Qwen2 | Architecture::SmolLm3 => None,
    };
    Ok(config.count("head_dim", 2..=1 << 12)?.or(usual))
}
