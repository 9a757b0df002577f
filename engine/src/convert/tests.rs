use std::fs;
use std::path::{Path, PathBuf};

use half::bf16;
use serde_json::{Value, json};

use super::published::{Published, safetensors};
use super::*;
use crate::cancel::Cancel;
use crate::gguf::build::tiny;
use crate::quantize::{Scheme, quantize};
use crate::template::Segment;
use crate::tokenizer::prompt_ids;
use crate::{Decoder, Options};

const ALL: [&str; 5] = ["llama", "qwen2", "qwen3", "gemma3", "smollm3"];

/// Converts what lies at `from` and says where the new file is.
fn convert(from: &Path, scheme: Scheme) -> Result<(tempfile::TempDir, PathBuf), Error> {
    let folder = tempfile::tempdir().unwrap();
    let to = folder.path().join("out.gguf");
    let result = quantize(from, &to, scheme, &Cancel::new(), &mut |_, _| ());
    let written = fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(written, usize::from(result.is_ok()), "a file appears if it is complete, and nothing else does");
    result.map(|_| (folder, to))
}

fn data<'a>(file: &'a [u8], tensor: &Tensor) -> &'a [u8] {
    &file[tensor.offset as usize..(tensor.offset + tensor.size) as usize]
}

fn error(published: &Published) -> String {
    convert(published.write(1).path(), Scheme::F32).expect_err("an error").to_string()
}

#[test]
fn a_published_folder_becomes_the_same_model_bit_for_bit() {
    for (architecture, parts) in ALL.into_iter().zip([1, 2, 3, 1, 4]) {
        let (_expected, before_path) = tiny(architecture).write();
        let folder = Published::of(architecture).write(parts);
        let (_made, after_path) = convert(folder.path(), Scheme::F32).unwrap();
        let (before, after) = (Header::read(&before_path).unwrap(), Header::read(&after_path).unwrap());
        assert_eq!(Hyperparameters::read(&after).unwrap(), Hyperparameters::read(&before).unwrap());
        for (key, _) in before.metadata.ranges().filter(|(key, _)| key.starts_with("tokenizer.")) {
            assert_eq!(after.metadata.get(key), before.metadata.get(key), "{architecture} {key}");
        }
        assert_eq!(after.tensors.len(), before.tensors.len());
        let (before_bytes, after_bytes) = (fs::read(&before_path).unwrap(), fs::read(&after_path).unwrap());
        for (name, expected) in &before.tensors {
            let found = after.tensor(name).unwrap();
            assert_eq!((&found.dimensions, found.kind), (&expected.dimensions, expected.kind), "{architecture} {name}");
            assert!(data(&after_bytes, found) == data(&before_bytes, expected), "{architecture} {name}");
        }
        let scores = |path: &Path| {
            let decoder = Decoder::open(path, &Options::default()).unwrap();
            let mut context = decoder.context();
            context.append(&(0..40).map(|at| at * 7919 % 263).collect::<Vec<u32>>(), &Cancel::new()).unwrap();
            context.next_token_scores().unwrap().into_iter().map(f32::to_bits).collect::<Vec<_>>()
        };
        assert_eq!(scores(&after_path), scores(&before_path), "{architecture}");
    }
}

#[test]
fn the_vocabulary_cuts_text_as_the_file_does_that_it_came_from() {
    let (_expected, before) = tiny("qwen2").write();
    let folder = Published::of("qwen2").write(1);
    let (_made, after) = convert(folder.path(), Scheme::Q8_0).unwrap();
    let tokenizer = |path: &Path| Tokenizer::from_gguf(&Header::read(path).unwrap().metadata).unwrap();
    let (before, after) = (tokenizer(&before), tokenizer(&after));
    for text in ["the other theme", "I'LL <|im_end|> be", "  a\n\n\tb 1234", "東京 🙂 <think>"] {
        assert_eq!(after.encode_text(text), before.encode_text(text), "{text}");
        let segments = [Segment::Control("<|im_start|>the".into()), Segment::Text(text.into())];
        assert_eq!(prompt_ids(&after, &segments), prompt_ids(&before, &segments), "{text}");
    }
    assert_eq!((after.bos(), after.end_tokens()), (before.bos(), before.end_tokens()));
}

#[test]
fn a_folder_and_the_file_made_of_it_are_rounded_alike() {
    let folder = Published::of("llama").write(2);
    let (_whole, whole) = convert(folder.path(), Scheme::F32).unwrap();
    for scheme in [Scheme::F16, Scheme::Q8_0, Scheme::Q4_0, Scheme::Q4KM] {
        let (_direct, direct) = convert(folder.path(), scheme).unwrap();
        let (_again, again) = convert(&whole, scheme).unwrap();
        assert!(fs::read(direct).unwrap() == fs::read(again).unwrap(), "{}", scheme.name());
    }
}

#[test]
fn weights_of_sixteen_bits_keep_their_values() {
    for dtype in ["BF16", "F16"] {
        let published = Published { dtype, ..Published::of("qwen3") };
        let folder = published.write(1);
        let same = if dtype == "BF16" { Scheme::Bf16 } else { Scheme::F16 };
        for scheme in [same, Scheme::F32] {
            let (_made, path) = convert(folder.path(), scheme).unwrap();
            let (header, bytes) = (Header::read(&path).unwrap(), fs::read(&path).unwrap());
            let kind = |name: &str| header.tensor(name).unwrap().kind.name();
            assert_eq!(
                (kind("blk.0.attn_norm.weight"), kind("blk.1.ffn_up.weight")),
                ("F32", if scheme == same { dtype } else { "F32" })
            );
            let (_, _, values) =
                published.tensors.iter().find(|(name, ..)| name == "model.layers.1.mlp.up_proj.weight").unwrap();
            let stored = published.bytes(values);
            let found = data(&bytes, header.tensor("blk.1.ffn_up.weight").unwrap());
            if scheme == same {
                assert!(found == stored, "{dtype}");
            } else if dtype == "BF16" {
                let widened: Vec<u8> =
                    values.iter().flat_map(|value| bf16::from_f32(*value).to_f32().to_le_bytes()).collect();
                assert!(found == widened, "{dtype}");
            }
            Decoder::open(&path, &Options::default()).unwrap();
        }
    }
}

#[test]
fn a_head_that_is_not_the_embedding_is_kept_and_a_copy_of_it_is_not() {
    let mut published = Published::of("qwen2");
    let (_, dimensions, values) = published.tensors[0].clone();
    published.tensors.push(("lm_head.weight".into(), dimensions, values));
    published.tensors.push(("model.layers.0.self_attn.rotary_emb.inv_freq".into(), vec![2], vec![1.0, 0.5]));
    let has_head = |published: &Published| {
        let (_made, path) = convert(published.write(1).path(), Scheme::F32).unwrap();
        Header::read(&path).unwrap().tensors.contains_key("output.weight")
    };
    assert!(!has_head(&published));
    published.config["tie_word_embeddings"] = json!(false);
    assert!(has_head(&published));
    published.tensors.retain(|(name, ..)| name != "lm_head.weight");
    assert!(error(&published).contains("tensor lm_head.weight: is missing"));
}

#[test]
fn a_file_of_the_folder_names_the_folder() {
    let folder = Published::of("llama").write(2);
    let part = folder.path().join("model-00002-of-00002.safetensors");
    let (_made, path) = convert(&part, Scheme::F16).unwrap();
    let name = Header::read(&path).unwrap().metadata.string("general.name").unwrap().map(str::to_owned);
    assert_eq!(name, folder.path().file_name().map(|name| name.to_string_lossy().into_owned()));
    // What is read is not written over.
    let error = quantize(folder.path(), &part, Scheme::F16, &Cancel::new(), &mut |_, _| ()).unwrap_err();
    assert!(error.to_string().contains("is the file that is read"), "{error}");
}

#[test]
fn frequency_factors_and_the_chat_template_come_along() {
    let mut published = Published::of("llama");
    published.config["rope_scaling"] = json!({"rope_type": "llama3", "factor": 8.0});
    published.settings["chat_template"] =
        json!([{"name": "tools", "template": "no"}, {"name": "default", "template": "{{ messages[0].content }}"}]);
    let (_made, path) = convert(published.write(1).path(), Scheme::Q4_0).unwrap();
    let header = Header::read(&path).unwrap();
    assert_eq!(header.tensor("rope_freqs.weight").unwrap().dimensions, [4]);
    assert_eq!(header.metadata.string("tokenizer.chat_template").unwrap(), Some("{{ messages[0].content }}"));
    Decoder::open(&path, &Options::default()).unwrap();
}

#[test]
fn tokens_with_a_meaning_are_found_wherever_files_keep_them() {
    let mut published = Published::of("qwen2");
    published.settings = json!({"bos_token": "<|endoftext|>"});
    let begin = json!({"SpecialToken": {"id": "<|endoftext|>", "type_id": 0}});
    published.tokenizer["post_processor"] = json!({"type": "Sequence", "processors": [
        {"type": "ByteLevel"},
        {"type": "TemplateProcessing", "single": [begin, {"Sequence": {"id": "A", "type_id": 0}}]},
    ]});
    published.config["pad_token_id"] = json!(9999);
    let folder = published.write(1);
    fs::write(folder.path().join("generation_config.json"), r#"{"eos_token_id": [261, 259]}"#).unwrap();
    let (_made, path) = convert(folder.path(), Scheme::Q8_0).unwrap();
    let metadata = Header::read(&path).unwrap().metadata;
    assert_eq!(metadata.unsigned("tokenizer.ggml.eos_token_id").unwrap(), Some(261));
    assert_eq!(metadata.unsigned("tokenizer.ggml.padding_token_id").unwrap(), None, "there is no such token");
    assert_eq!(Tokenizer::from_gguf(&metadata).unwrap().bos(), Some(259));
}

/// Changes one thing in a sound folder.
type Mutation = (&'static str, fn(&mut Published));

#[test]
fn what_contradicts_itself_is_named() {
    fn config(published: &mut Published, key: &str, value: Value) {
        published.config[key] = value;
    }
    let mutations: [Mutation; 21] = [
        ("the key num_hidden_layers is missing", |p| config(p, "num_hidden_layers", Value::Null)),
        ("the key vocab_size is missing", |p| drop(p.config.as_object_mut().unwrap().remove("vocab_size"))),
        ("vocab_size: 1000000000000 is not between", |p| config(p, "vocab_size", json!(1_000_000_000_000u64))),
        ("hidden_size: should be a whole number", |p| config(p, "hidden_size", json!(-32))),
        ("num_hidden_layers: 0 is not between", |p| config(p, "num_hidden_layers", json!(0))),
        ("architecture MambaForCausalLM is not supported", |p| config(p, "architectures", json!(["MambaForCausalLM"]))),
        ("asks for [263, 64]", |p| config(p, "hidden_size", json!(64))),
        ("num_attention_heads: 5 heads do not divide", |p| config(p, "num_attention_heads", json!(5))),
        ("model.layers.2.input_layernorm.weight: is missing", |p| config(p, "num_hidden_layers", json!(3))),
        ("does not belong to a Qwen2ForCausalLM of 1 layers", |p| config(p, "num_hidden_layers", json!(1))),
        ("use_sliding_window: is not supported", |p| config(p, "use_sliding_window", json!(true))),
        ("hidden_act: gelu is not supported", |p| config(p, "hidden_act", json!("gelu"))),
        ("weights of gptq are not supported", |p| config(p, "quantization_config", json!({"quant_method": "gptq"}))),
        ("up_proj.weight: is missing", |p| p.tensors.retain(|(name, ..)| !name.ends_with("1.mlp.up_proj.weight"))),
        ("the type I32 is not supported", |p| p.dtype = "I32"),
        ("no finite number", |p| p.tensors[3].2[5] = f32::INFINITY),
        ("model.type: Unigram is not supported", |p| {
            p.tokenizer["model"] = json!({"type": "Unigram", "vocab": [["a", 0.0]]});
        }),
        ("pre-tokenizer", |p| p.tokenizer["pre_tokenizer"] = json!({"type": "Whitespace"})),
        ("token 9999 (the) has no embedding", |p| p.tokenizer["model"]["vocab"]["the"] = json!(9999)),
        ("model.merges: entry 1 is not of tokens", |p| p.tokenizer["model"]["merges"] = json!(["t h", "the the"])),
        ("token 65 is both", |p| p.tokenizer["model"]["vocab"]["the"] = json!(65)),
    ];
    for (part, change) in mutations {
        let mut published = Published::of("qwen2");
        change(&mut published);
        let error = error(&published);
        assert!(error.contains(part), "{part}: {error}");
    }
}

#[test]
fn files_that_are_damaged_or_lie_elsewhere_are_errors() {
    let index = "model.safetensors.index.json";
    let part = "model-00001-of-00002.safetensors";
    let map = |file: Value| Some(json!({"weight_map": {"w": file}}).to_string().into_bytes());
    let text = |text: &str| Some(text.as_bytes().to_vec());
    let longer = safetensors(r#"{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#, b"1234");
    let elsewhere = "is not the name of a safetensors file";
    // What is said, of a file with other contents, or of one that is gone.
    for (said, file, contents) in [
        ("config.json: cannot be read", "config.json", None),
        ("config.json: JSON", "config.json", text("[]")),
        ("tokenizer.json: cannot be read", "tokenizer.json", None),
        ("tokenizer.json: JSON", "tokenizer.json", text("{")),
        ("tokenizer_config.json: JSON", "tokenizer_config.json", text(&"[".repeat(1000))),
        ("00001-of-00002.safetensors: cannot be read", part, None),
        ("model.safetensors: cannot be read", index, None),
        ("the key weight_map is missing", index, text("{}")),
        (elsewhere, index, map(json!("../x.safetensors"))),
        (elsewhere, index, map(json!("/x.safetensors"))),
        (elsewhere, index, map(json!("a/x.safetensors"))),
        (elsewhere, index, map(json!("config.json"))),
        (elsewhere, index, map(json!(7))),
        ("the index says otherwise", index, map(json!(part))),
        ("header: describes 8 bytes of data", part, Some(longer)),
        ("18446744073709551615 bytes are announced", part, Some(vec![0xFF; 40])),
    ] {
        let folder = Published::of("llama").write(2);
        let path = folder.path().join(file);
        match contents {
            Some(contents) => fs::write(&path, contents).unwrap(),
            None => fs::remove_file(&path).unwrap(),
        }
        let error = convert(folder.path(), Scheme::F32).expect_err("an error").to_string();
        assert!(error.contains(said), "{said}: {error}");
    }
    let folder = Published::of("llama").write(1);
    fs::remove_file(folder.path().join("tokenizer.json")).unwrap();
    fs::create_dir(folder.path().join("tokenizer.json")).unwrap();
    let error = convert(folder.path(), Scheme::F32).expect_err("an error").to_string();
    assert!(error.contains("is not a regular file"), "{error}");
}

#[test]
fn every_truncation_of_a_part_is_an_error() {
    let folder = Published::of("llama").write(2);
    let path = folder.path().join("model-00002-of-00002.safetensors");
    let whole = fs::read(&path).unwrap();
    for length in (0..whole.len()).step_by(whole.len() / 40).chain([1, 7, 8, 9, whole.len() - 1]) {
        fs::write(&path, &whole[..length]).unwrap();
        assert!(convert(folder.path(), Scheme::F32).is_err(), "{length} bytes");
    }
}

/// What a definition becomes, with ids 1 and 2 for the beginning and the end.
fn described(definition: &Value, rows: usize) -> Result<Tokenizer, Error> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tokenizer.json");
    fs::write(&path, definition.to_string()).unwrap();
    let definition = Definition::read(&path)?;
    let mut pairs = Pairs::default();
    definition.describe(rows, &mut pairs)?;
    pairs.u32("tokenizer.ggml.bos_token_id", 1).u32("tokenizer.ggml.eos_token_id", 2);
    let (bytes, _) = header(&pairs, &[], DEFAULT_ALIGNMENT);
    let header = Header::parse(&path, bytes.as_slice(), bytes.len() as u64)?;
    let tokenizer = Tokenizer::from_gguf(&header.metadata)?;
    probe::check(&definition, &tokenizer)?;
    Ok(tokenizer)
}

/// First id of a piece in [`sentences`]: three control tokens and the bytes come before.
const FIRST: u32 = 3 + 256;

/// A definition as transformers makes it of a SentencePiece vocabulary: pieces of one character, then others from the best score on,
/// with a merge for each way to put one together.
fn sentences(normalizer: &Value, more: &[&str]) -> (Value, usize) {
    let mut pieces: Vec<String> = ["<unk>", "<s>", "</s>"].map(str::to_owned).into();
    pieces.extend((0..=255u8).map(|byte| format!("<0x{byte:02X}>")));
    pieces.extend("▁theainx\n".chars().map(String::from));
    pieces.extend(more.iter().map(|piece| (*piece).to_owned()));
    let known = |piece: &str| pieces[FIRST as usize..].iter().any(|known| known == piece);
    let mut merges = Vec::new();
    for piece in more {
        let halves = piece.char_indices().skip(1).map(|(at, _)| piece.split_at(at));
        merges.extend(
            halves.filter(|(left, right)| known(left) && known(right)).map(|(left, right)| json!([left, right])),
        );
    }
    let vocab: Value = pieces
        .iter()
        .enumerate()
        .map(|(id, piece)| (piece.clone(), json!(id)))
        .collect::<serde_json::Map<_, _>>()
        .into();
    let special = |id: usize| json!({"id": id, "content": pieces[id], "special": true, "normalized": false});
    let definition = json!({
        "added_tokens": [special(0), special(1), special(2)],
        "normalizer": normalizer,
        "pre_tokenizer": null,
        "post_processor": null,
        "model": {"type": "BPE", "unk_token": "<unk>", "fuse_unk": true, "byte_fallback": true, "vocab": vocab, "merges": merges},
    });
    (definition, pieces.len())
}

fn llama() -> Value {
    json!({"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": "▁"}, replace()]})
}

fn replace() -> Value {
    json!({"type": "Replace", "pattern": {"String": " "}, "content": "▁"})
}

#[test]
fn a_sentence_vocabulary_is_cut_by_the_order_of_its_merges() {
    let (definition, rows) = sentences(&llama(), &["he", "▁t", "▁the", "in", "▁in", "an"]);
    let tokenizer = described(&definition, rows).unwrap();
    let piece = |at: u32| FIRST + 9 + at;
    let byte = |byte: u8| 3 + u32::from(byte);
    let cut = |text: &str| prompt_ids(&tokenizer, &[Segment::Text(text.to_owned())]);
    assert_eq!(cut("the"), [1, piece(2)]);
    assert_eq!(cut("in the"), [1, piece(4), piece(2)]);
    assert_eq!(tokenizer.encode_text("an in"), [piece(5), piece(4)]);
    assert_eq!(tokenizer.encode_text("é"), [byte(0xC3), byte(0xA9)]);
    assert_eq!(tokenizer.decode(&tokenizer.encode_text("thin 東 <s>")), "thin 東 <s>");
    assert_eq!((tokenizer.bos(), tokenizer.end_tokens()), (Some(1), &[2][..]));
}

#[test]
fn runs_of_white_space_with_tokens_of_their_own_are_found_in_text() {
    let (mut definition, rows) = sentences(&replace(), &["▁▁", "\n\n", "▁t", "▁the", "he"]);
    let added = definition["added_tokens"].as_array_mut().unwrap();
    for (at, content) in [(0, "▁▁"), (1, "\n\n")] {
        added.push(json!({"id": FIRST + 9 + at, "content": content, "special": false, "normalized": false}));
    }
    let tokenizer = described(&definition, rows).unwrap();
    assert_eq!(tokenizer.encode_text("the\n\n  the")[2..4], [FIRST + 9 + 1, FIRST + 9]);
    let segments = [Segment::Text("the".to_owned())];
    let letters = [FIRST + 1, FIRST + 9 + 4];
    assert_eq!(prompt_ids(&tokenizer, &segments), [&[1][..], &letters].concat(), "no space ahead of a text");
}

#[test]
fn runs_of_spaces_may_have_their_merges_mixed() {
    let (mut definition, rows) = sentences(&llama(), &["▁t", "▁▁▁▁", "▁▁▁", "▁▁"]);
    // By length of the left part, as transformers sorts what has one score.
    definition["model"]["merges"] =
        json!([["▁", "t"], ["▁▁▁", "▁"], ["▁▁", "▁▁"], ["▁▁", "▁"], ["▁", "▁▁▁"], ["▁", "▁▁"], ["▁", "▁"]]);
    described(&definition, rows).unwrap();
}

#[test]
fn a_tab_in_the_place_of_its_byte_becomes_the_byte() {
    let (mut definition, rows) = sentences(&llama(), &["he"]);
    let vocab = definition["model"]["vocab"].as_object_mut().unwrap();
    let id = vocab.remove("<0x09>").unwrap();
    vocab.insert("\t".to_owned(), id.clone());
    assert_eq!(described(&definition, rows).unwrap().encode_text("\t"), [3 + 9]);
    definition["model"]["vocab"]["<0x09>"] = id;
    assert_eq!(described(&definition, rows).unwrap().encode_text("\t"), [3 + 9], "or both of them");
}

#[test]
fn merges_that_are_no_order_of_pieces_and_cuts_that_differ_are_errors() {
    let (mut definition, rows) = sentences(&llama(), &["he", "in"]);
    definition["model"]["merges"] = json!(["h e"]);
    let error = described(&definition, rows).unwrap_err().to_string();
    assert!(error.contains("i and n make a piece without a merge"), "{error}");
    let (definition, rows) = sentences(&json!({"type": "NFKC"}), &["he"]);
    assert!(described(&definition, rows).unwrap_err().to_string().contains("normalizer"));
    // The engine has the merge, the definition that it is compared with does not.
    let (definition, rows) = sentences(&llama(), &["he"]);
    let tokenizer = described(&definition, rows).unwrap();
    let (mut other, _) = sentences(&llama(), &["he"]);
    other["model"]["merges"] = json!([]);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tokenizer.json");
    fs::write(&path, other.to_string()).unwrap();
    let error = probe::check(&Definition::read(&path).unwrap(), &tokenizer).unwrap_err().to_string();
    assert!(error.contains("would be cut into other tokens"), "{error}");
}
