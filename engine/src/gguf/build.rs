//! Writes GGUF files for tests, sound and malformed alike: every number in the header can be overridden.

use std::path::PathBuf;

use super::encode::{self, text};

/// A file to be.
#[derive(Clone, Debug)]
pub(crate) struct Build {
    pub(crate) magic: [u8; 4],
    pub(crate) version: u32,
    pub(crate) tensor_count: Option<u64>,
    pub(crate) pair_count: Option<u64>,
    pub(crate) alignment: u64,
    pub(crate) pairs: Vec<(Vec<u8>, u32, Vec<u8>)>,
    pub(crate) tensors: Vec<BuildTensor>,
}

#[derive(Clone, Debug)]
pub(crate) struct BuildTensor {
    pub(crate) name: String,
    /// As in the file: innermost first.
    pub(crate) dimensions: Vec<u64>,
    pub(crate) kind: u32,
    pub(crate) offset: Option<u64>,
    pub(crate) data: Vec<u8>,
}

impl Default for Build {
    fn default() -> Self {
        Self {
            magic: *b"GGUF",
            version: 3,
            tensor_count: None,
            pair_count: None,
            alignment: 32,
            pairs: Vec::new(),
            tensors: Vec::new(),
        }
    }
}

impl Build {
    pub(crate) fn raw(&mut self, key: &str, kind: u32, value: Vec<u8>) -> &mut Self {
        self.pairs.retain(|(other, ..)| other != key.as_bytes());
        self.pairs.push((key.as_bytes().to_vec(), kind, value));
        self
    }

    pub(crate) fn u32(&mut self, key: &str, value: u32) -> &mut Self {
        self.raw(key, 4, value.to_le_bytes().to_vec())
    }

    pub(crate) fn f32(&mut self, key: &str, value: f32) -> &mut Self {
        self.raw(key, 6, value.to_le_bytes().to_vec())
    }

    pub(crate) fn bool(&mut self, key: &str, value: bool) -> &mut Self {
        self.raw(key, 7, vec![u8::from(value)])
    }

    pub(crate) fn string(&mut self, key: &str, value: &str) -> &mut Self {
        self.raw(key, 8, text(value.as_bytes()))
    }

    pub(crate) fn strings(&mut self, key: &str, values: &[String]) -> &mut Self {
        self.raw(key, 9, encode::strings(values))
    }

    pub(crate) fn i32s(&mut self, key: &str, values: &[i32]) -> &mut Self {
        self.raw(key, 9, encode::i32s(values))
    }

    pub(crate) fn f32s(&mut self, key: &str, values: &[f32]) -> &mut Self {
        self.raw(key, 9, encode::f32s(values))
    }

    pub(crate) fn remove(&mut self, key: &str) -> &mut Self {
        self.pairs.retain(|(other, ..)| other != key.as_bytes());
        self
    }

    /// An F32 tensor; `dimensions` outermost first.
    pub(crate) fn tensor(&mut self, name: &str, dimensions: &[usize], values: &[f32]) -> &mut Self {
        assert_eq!(dimensions.iter().product::<usize>(), values.len());
        self.tensors.push(BuildTensor {
            name: name.to_owned(),
            dimensions: dimensions.iter().rev().map(|&length| length as u64).collect(),
            kind: 0,
            offset: None,
            data: values.iter().flat_map(|value| value.to_le_bytes()).collect(),
        });
        self
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut out = self.magic.to_vec();
        out.extend(self.version.to_le_bytes());
        out.extend(self.tensor_count.unwrap_or(self.tensors.len() as u64).to_le_bytes());
        out.extend(self.pair_count.unwrap_or(self.pairs.len() as u64).to_le_bytes());
        for (key, kind, value) in &self.pairs {
            out.extend(text(key));
            out.extend(kind.to_le_bytes());
            out.extend(value);
        }
        let mut end = 0u64;
        let mut data = Vec::new();
        for tensor in &self.tensors {
            out.extend(text(tensor.name.as_bytes()));
            out.extend((tensor.dimensions.len() as u32).to_le_bytes());
            out.extend(tensor.dimensions.iter().flat_map(|length| length.to_le_bytes()));
            out.extend(tensor.kind.to_le_bytes());
            out.extend(tensor.offset.unwrap_or(end).to_le_bytes());
            data.extend(&tensor.data);
            end = (data.len() as u64).next_multiple_of(self.alignment);
            data.resize(end as usize, 0);
        }
        if !self.tensors.is_empty() {
            out.resize(out.len().next_multiple_of(self.alignment as usize), 0);
        }
        out.extend(data);
        out
    }

    /// Writes the file into a folder that lives as long as the returned guard.
    pub(crate) fn write(&self) -> (tempfile::TempDir, PathBuf) {
        write(&self.bytes())
    }
}

pub(crate) fn write(bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.gguf");
    std::fs::write(&path, bytes).unwrap();
    (folder, path)
}

/// The vocabulary of [`tiny`]: every byte, two merged words, and the tokens of `ChatML`.
pub(crate) fn vocabulary(build: &mut Build) -> usize {
    let printable = |byte: u8| matches!(byte, b'!'..=b'~' | 0xA1..=0xAC | 0xAE..=0xFF);
    let mut next = 0x100;
    let mut tokens: Vec<String> = (0..=u8::MAX)
        .map(|byte| {
            let code = if printable(byte) {
                u32::from(byte)
            } else {
                next += 1;
                next - 1
            };
            char::from_u32(code).unwrap().to_string()
        })
        .collect();
    tokens.extend(["th", "the", "Ġthe"].map(str::to_owned));
    let ordinary = tokens.len();
    tokens.extend(["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<think>"].map(str::to_owned));
    let mut types = vec![1; ordinary];
    types.extend([3, 3, 3, 4]);
    build
        .string("tokenizer.ggml.model", "gpt2")
        .string("tokenizer.ggml.pre", "qwen2")
        .strings("tokenizer.ggml.tokens", &tokens)
        .i32s("tokenizer.ggml.token_type", &types)
        .strings("tokenizer.ggml.merges", &["t h", "th e", "Ġ the"].map(str::to_owned))
        .u32("tokenizer.ggml.bos_token_id", ordinary as u32)
        .u32("tokenizer.ggml.eos_token_id", ordinary as u32 + 2);
    tokens.len()
}

/// A whole model of `architecture` with random weights: two layers or a few more, four query and two key heads.
pub(crate) fn tiny(architecture: &str) -> Build {
    let (hidden, wide, heads, kv_heads) = (32, 48, 4, 2);
    // Of Gemma 3 the sixth layer sees everything, of SmolLM3 the fourth is not rotated.
    let layers = match architecture {
        "gemma3" => 7,
        "smollm3" => 5,
        _ => 2,
    };
    let head_norms = matches!(architecture, "qwen3" | "gemma3");
    // Qwen3 and Gemma 3 state their head length, which need not be hidden / heads.
    let length = if head_norms { 16 } else { 8 };
    let mut build = Build::default();
    let vocabulary = vocabulary(&mut build);
    let key = |name: &str| format!("{architecture}.{name}");
    build
        .string("general.architecture", architecture)
        // candle's Qwen3 computes RoPE in f16 unless this says f32.
        .u32("general.dtype", 0)
        .u32(&key("block_count"), layers)
        .u32(&key("context_length"), 1024)
        .u32(&key("embedding_length"), hidden as u32)
        .u32(&key("feed_forward_length"), wide as u32)
        .u32(&key("attention.head_count"), heads as u32)
        .u32(&key("attention.head_count_kv"), kv_heads as u32)
        .u32(&key("rope.dimension_count"), length as u32)
        .f32(&key("rope.freq_base"), 10_000.0)
        .f32(&key("attention.layer_norm_rms_epsilon"), 1e-5);
    if head_norms {
        build.u32(&key("attention.key_length"), length as u32);
        build.u32(&key("attention.value_length"), length as u32);
    }
    if architecture == "gemma3" {
        build.u32(&key("attention.sliding_window"), 16).f32(&key("final_logit_softcapping"), 30.0);
    }
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    let mut tensor = |build: &mut Build, name: &str, dimensions: &[usize], center: f32| {
        let count = dimensions.iter().product();
        let values: Vec<f32> = (0..count).map(|_| center + 0.25 * random.next()).collect();
        build.tensor(name, dimensions, &values);
    };
    tensor(&mut build, "token_embd.weight", &[vocabulary, hidden], 0.0);
    tensor(&mut build, "output_norm.weight", &[hidden], 1.0);
    for layer in 0..layers {
        let name = |part: &str| format!("blk.{layer}.{part}");
        for (part, rows, columns) in [
            ("attn_q", heads * length, hidden),
            ("attn_k", kv_heads * length, hidden),
            ("attn_v", kv_heads * length, hidden),
            ("attn_output", hidden, heads * length),
            ("ffn_gate", wide, hidden),
            ("ffn_up", wide, hidden),
            ("ffn_down", hidden, wide),
        ] {
            tensor(&mut build, &name(&format!("{part}.weight")), &[rows, columns], 0.0);
            if architecture == "qwen2" && matches!(part, "attn_q" | "attn_k" | "attn_v") {
                tensor(&mut build, &name(&format!("{part}.bias")), &[rows], 0.0);
            }
        }
        tensor(&mut build, &name("attn_norm.weight"), &[hidden], 1.0);
        tensor(&mut build, &name("ffn_norm.weight"), &[hidden], 1.0);
        if head_norms {
            tensor(&mut build, &name("attn_q_norm.weight"), &[length], 1.0);
            tensor(&mut build, &name("attn_k_norm.weight"), &[length], 1.0);
        }
        if architecture == "gemma3" {
            tensor(&mut build, &name("post_attention_norm.weight"), &[hidden], 1.0);
            tensor(&mut build, &name("post_ffw_norm.weight"), &[hidden], 1.0);
        }
    }
    build
}

/// xorshift64*, mapped to [-1, 1).
struct Random(u64);

impl Random {
    fn next(&mut self) -> f32 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 40) as f32 / (1 << 23) as f32 - 1.0
    }
}
