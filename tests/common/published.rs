//! A model folder as Hugging Face publishes it: one layer of Qwen2 with made-up weights, and a vocabulary of bytes.

use std::fs;
use std::path::Path;

use serde_json::{Map, Value, json};

const HIDDEN: usize = 32;
const WIDE: usize = 64;
/// Two key heads of eight.
const KEYS: usize = 16;

/// Writes the folder.
pub fn write(folder: &Path) {
    fs::create_dir(folder).unwrap();
    let put = |name: &str, value: &Value| fs::write(folder.join(name), value.to_string()).unwrap();
    let (tokenizer, vocabulary) = tokenizer();
    put("tokenizer.json", &tokenizer);
    put("tokenizer_config.json", &json!({"eos_token": "<|im_end|>", "bos_token": null, "add_bos_token": false}));
    put(
        "config.json",
        &json!({"architectures": ["Qwen2ForCausalLM"], "num_hidden_layers": 1, "hidden_size": HIDDEN,
            "intermediate_size": WIDE, "num_attention_heads": 4, "num_key_value_heads": 2, "vocab_size": vocabulary,
            "max_position_embeddings": 8192, "rms_norm_eps": 1e-6, "rope_theta": 1e6, "hidden_act": "silu",
            "tie_word_embeddings": true}),
    );
    fs::write(folder.join("model.safetensors"), weights(vocabulary)).unwrap();
}

fn tokenizer() -> (Value, usize) {
    let printable = |byte: u8| matches!(byte, b'!'..=b'~' | 0xA1..=0xAC | 0xAE..=0xFF);
    let mut others = 0x100..;
    let mut vocab = Map::new();
    for byte in 0..=u8::MAX {
        let code = if printable(byte) { u32::from(byte) } else { others.next().unwrap() };
        vocab.insert(char::from_u32(code).unwrap().to_string(), json!(byte));
    }
    let added: Vec<Value> = ["<|im_start|>", "<|im_end|>"]
        .iter()
        .enumerate()
        .map(|(at, text)| json!({"id": 256 + at, "content": text, "special": true, "normalized": false}))
        .collect();
    let expression = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
    let definition = json!({
        "added_tokens": added,
        "normalizer": {"type": "NFC"},
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
            {"type": "Split", "pattern": {"Regex": expression}, "behavior": "Isolated", "invert": false},
            {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": false, "use_regex": false},
        ]},
        "model": {"type": "BPE", "vocab": vocab, "merges": []},
    });
    (definition, 258)
}

fn weights(vocabulary: usize) -> Vec<u8> {
    let layer = |part: &str| format!("model.layers.0.{part}");
    let tensors = [
        ("model.embed_tokens.weight".to_owned(), vec![vocabulary, HIDDEN]),
        ("model.norm.weight".to_owned(), vec![HIDDEN]),
        (layer("input_layernorm.weight"), vec![HIDDEN]),
        (layer("post_attention_layernorm.weight"), vec![HIDDEN]),
        (layer("self_attn.q_proj.weight"), vec![HIDDEN, HIDDEN]),
        (layer("self_attn.q_proj.bias"), vec![HIDDEN]),
        (layer("self_attn.k_proj.weight"), vec![KEYS, HIDDEN]),
        (layer("self_attn.k_proj.bias"), vec![KEYS]),
        (layer("self_attn.v_proj.weight"), vec![KEYS, HIDDEN]),
        (layer("self_attn.v_proj.bias"), vec![KEYS]),
        (layer("self_attn.o_proj.weight"), vec![HIDDEN, HIDDEN]),
        (layer("mlp.gate_proj.weight"), vec![WIDE, HIDDEN]),
        (layer("mlp.up_proj.weight"), vec![WIDE, HIDDEN]),
        (layer("mlp.down_proj.weight"), vec![HIDDEN, WIDE]),
    ];
    let (mut header, mut data, mut random) = (Map::new(), Vec::new(), 1u32);
    for (name, shape) in tensors {
        let start = data.len();
        for _ in 0..shape.iter().product::<usize>() {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            // The upper half of an f32 is the same number in BF16, between -0.25 and 0.25.
            let value = (f64::from(random) / f64::from(u32::MAX) - 0.5) as f32 / 2.0;
            data.extend(&value.to_le_bytes()[2..]);
        }
        header.insert(name, json!({"dtype": "BF16", "shape": shape, "data_offsets": [start, data.len()]}));
    }
    let header = Value::Object(header).to_string();
    [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &data].concat()
}
