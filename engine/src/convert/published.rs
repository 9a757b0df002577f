//! Writes tiny models as Hugging Face publishes them, for tests: the way back from the GGUF files of [`tiny`].

use std::fs;
use std::path::Path;

use half::{bf16, f16};
use serde_json::{Map, Value, json};

use crate::gguf::Header;
use crate::gguf::build::tiny;

/// A folder to be.
#[derive(Clone, Debug)]
pub(super) struct Published {
    pub(super) config: Value,
    pub(super) tokenizer: Value,
    pub(super) settings: Value,
    /// Name, dimensions (outermost first), values.
    pub(super) tensors: Vec<(String, Vec<usize>, Vec<f32>)>,
    /// What the values are written in.
    pub(super) dtype: &'static str,
}

impl Published {
    /// The model of [`tiny`].
    pub(super) fn of(architecture: &str) -> Self {
        let build = tiny(architecture);
        let bytes = build.bytes();
        let header = Header::parse(Path::new("tiny.gguf"), bytes.as_slice(), bytes.len() as u64).unwrap();
        let mut tensors = Vec::new();
        for tensor in &build.tensors {
            let dimensions: Vec<usize> = tensor.dimensions.iter().rev().map(|length| *length as usize).collect();
            let values = tensor.data.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
            let values = published_values(architecture, &tensor.name, dimensions[0], values);
            tensors.push((published_name(architecture, &tensor.name), dimensions, values));
        }
        let settings = json!({"bos_token": "<|endoftext|>", "eos_token": {"content": "<|im_end|>", "lstrip": false},
            "unk_token": null, "add_bos_token": false});
        Self { config: config(architecture, &header), tokenizer: tokenizer(&header), settings, tensors, dtype: "F32" }
    }

    /// Writes the weights in so many files, with an index if there are several.
    pub(super) fn write(&self, parts: usize) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let put = |name: &str, value: &Value| fs::write(folder.path().join(name), value.to_string()).unwrap();
        put("config.json", &self.config);
        put("tokenizer.json", &self.tokenizer);
        put("tokenizer_config.json", &self.settings);
        if parts == 1 {
            fs::write(folder.path().join("model.safetensors"), self.safetensors(0..self.tensors.len())).unwrap();
            return folder;
        }
        let each = self.tensors.len().div_ceil(parts);
        let mut map = Map::new();
        for part in 0..parts {
            let range = part * each..((part + 1) * each).min(self.tensors.len());
            let name = format!("model-{:05}-of-{parts:05}.safetensors", part + 1);
            map.extend(self.tensors[range.clone()].iter().map(|(tensor, ..)| (tensor.clone(), json!(name))));
            fs::write(folder.path().join(&name), self.safetensors(range)).unwrap();
        }
        put("model.safetensors.index.json", &json!({"metadata": {"total_size": 1}, "weight_map": map}));
        folder
    }

    /// The bytes of a tensor as they are published.
    pub(super) fn bytes(&self, values: &[f32]) -> Vec<u8> {
        match self.dtype {
            "F16" => values.iter().flat_map(|value| f16::from_f32(*value).to_le_bytes()).collect(),
            "BF16" => values.iter().flat_map(|value| bf16::from_f32(*value).to_le_bytes()).collect(),
            _ => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
        }
    }

    fn safetensors(&self, range: std::ops::Range<usize>) -> Vec<u8> {
        let (mut header, mut data) = (Map::new(), Vec::new());
        for (name, dimensions, values) in &self.tensors[range] {
            let start = data.len();
            data.extend(self.bytes(values));
            let about = json!({"dtype": self.dtype, "shape": dimensions, "data_offsets": [start, data.len()]});
            header.insert(name.clone(), about);
        }
        header.insert("__metadata__".to_owned(), json!({"format": "pt"}));
        safetensors(&Value::Object(header).to_string(), &data)
    }
}

/// A file with this header.
pub(super) fn safetensors(header: &str, data: &[u8]) -> Vec<u8> {
    [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), data].concat()
}

fn config(architecture: &str, header: &Header) -> Value {
    let number = |key: &str| header.metadata.unsigned(&format!("{architecture}.{key}")).unwrap();
    let class = match architecture {
        "llama" => "LlamaForCausalLM",
        "qwen2" => "Qwen2ForCausalLM",
        "qwen3" => "Qwen3ForCausalLM",
        "gemma3" => "Gemma3ForCausalLM",
        _ => "SmolLM3ForCausalLM",
    };
    let layers = number("block_count").unwrap();
    let mut config = json!({
        "architectures": [class],
        "model_type": architecture,
        "hidden_act": "silu",
        "num_hidden_layers": layers,
        "hidden_size": number("embedding_length"),
        "intermediate_size": number("feed_forward_length"),
        "num_attention_heads": number("attention.head_count"),
        "num_key_value_heads": number("attention.head_count_kv"),
        "head_dim": number("attention.key_length"),
        "max_position_embeddings": number("context_length"),
        "vocab_size": header.tensors["token_embd.weight"].dimensions[0],
        "rms_norm_eps": 1e-5,
        "rope_theta": 10_000.0,
        "rope_scaling": null,
        "tie_word_embeddings": true,
        "attention_bias": false,
        "sliding_window": number("attention.sliding_window"),
        "torch_dtype": "float32",
    });
    match architecture {
        "gemma3" => {
            config["hidden_activation"] = json!("gelu_pytorch_tanh");
            config["final_logit_softcapping"] = json!(30.0);
            config["query_pre_attn_scalar"] = json!(number("attention.key_length"));
            config["rope_local_base_freq"] = json!(10_000.0);
            config["sliding_window_pattern"] = json!(6);
        }
        "smollm3" => {
            config["no_rope_layers"] = (0..layers).map(|layer| u64::from(layer % 4 != 3)).collect();
            config["no_rope_layer_interval"] = json!(4);
        }
        _ => {}
    }
    config
}

fn tokenizer(header: &Header) -> Value {
    let metadata = &header.metadata;
    let tokens = metadata.strings("tokenizer.ggml.tokens").unwrap().unwrap();
    let types = metadata.integers("tokenizer.ggml.token_type").unwrap().unwrap();
    let (mut vocab, mut added) = (Map::new(), Vec::new());
    for (id, (token, kind)) in tokens.iter().zip(types).enumerate() {
        if *kind == 1 {
            vocab.insert(token.to_owned(), json!(id));
        } else {
            added.push(json!({"id": id, "content": token, "special": *kind == 3, "normalized": false}));
        }
    }
    let expression = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
    let merges = metadata.strings("tokenizer.ggml.merges").unwrap().map(|merges| merges.iter().collect::<Vec<_>>());
    json!({
        "version": "1.0",
        "truncation": null,
        "added_tokens": added,
        "normalizer": {"type": "NFC"},
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
            {"type": "Split", "pattern": {"Regex": expression}, "behavior": "Isolated", "invert": false},
            {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": false, "use_regex": false},
        ]},
        "post_processor": null,
        "decoder": {"type": "ByteLevel"},
        "model": {"type": "BPE", "dropout": null, "unk_token": null, "fuse_unk": false, "byte_fallback": false,
            "ignore_merges": false, "vocab": vocab, "merges": merges},
    })
}

fn published_name(architecture: &str, name: &str) -> String {
    let Some((layer, part)) = name.strip_prefix("blk.").and_then(|rest| rest.split_once('.')) else {
        return match name {
            "token_embd.weight" => "model.embed_tokens.weight",
            "output_norm.weight" => "model.norm.weight",
            other => panic!("{other} has no published name"),
        }
        .to_owned();
    };
    let (part, ending) = part.split_once('.').unwrap();
    let published = match part {
        "attn_norm" => "input_layernorm",
        "attn_q" => "self_attn.q_proj",
        "attn_k" => "self_attn.k_proj",
        "attn_v" => "self_attn.v_proj",
        "attn_output" => "self_attn.o_proj",
        "attn_q_norm" => "self_attn.q_norm",
        "attn_k_norm" => "self_attn.k_norm",
        "ffn_norm" if architecture == "gemma3" => "pre_feedforward_layernorm",
        "post_attention_norm" | "ffn_norm" => "post_attention_layernorm",
        "post_ffw_norm" => "post_feedforward_layernorm",
        "ffn_gate" => "mlp.gate_proj",
        "ffn_up" => "mlp.up_proj",
        "ffn_down" => "mlp.down_proj",
        other => panic!("{other} has no published name"),
    };
    format!("model.layers.{layer}.{published}.{ending}")
}

/// Queries and keys with the halves of a head one after the other, norms around zero.
fn published_values(architecture: &str, name: &str, rows: usize, values: Vec<f32>) -> Vec<f32> {
    if architecture == "gemma3" && name.ends_with("norm.weight") {
        return values.iter().map(|value| value - 1.0).collect();
    }
    let heads = match name.rsplit('.').nth(1) {
        Some("attn_q") => 4,
        Some("attn_k") => 2,
        _ => return values,
    };
    if !matches!(architecture, "llama" | "smollm3") {
        return values;
    }
    let (columns, length) = (values.len() / rows, rows / heads);
    let mut published = values.clone();
    for head in 0..heads {
        for (pair, half) in (0..length / 2).flat_map(|pair| [(pair, 0), (pair, 1)]) {
            let from = (head * length + 2 * pair + half) * columns;
            let to = (head * length + half * length / 2 + pair) * columns;
            published[to..to + columns].copy_from_slice(&values[from..from + columns]);
        }
    }
    published
}
