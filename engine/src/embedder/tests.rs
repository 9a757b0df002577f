use std::sync::OnceLock;

use super::*;
use crate::processor::Processor;
use crate::test_models::{minilm, minilm_folder};

/// The same model in f32, loaded once for all tests.
fn candle() -> &'static Embedder {
    static EMBEDDER: OnceLock<Embedder> = OnceLock::new();
    let options = Options { backend: Backend::Candle, ..Options::default() };
    EMBEDDER.get_or_init(|| Embedder::open(&minilm_folder(), &options).unwrap())
}

fn embed(texts: &[&str]) -> Vec<Vec<f32>> {
    minilm().embed(EmbedKind::Passage, texts, &Cancel::new()).unwrap()
}

fn cosine(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn largest_difference(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).fold(0.0, |most, (a, b)| most.max((a - b).abs()))
}

/// From a separate implementation: `NumPy` in float64 over the same `model.safetensors`, words looked up greedily
/// in `vocab.txt`.
#[test]
fn vectors_equal_those_of_the_reference() {
    let golden = [
        (
            "The cat sits on the mat.",
            [0.134_177, -0.0329, -0.024_804, 0.041_439, -0.036_348, 0.041_814, 0.031_217, 0.037_202],
        ),
        (
            "Photosynthesis turns light into chemical energy.",
            [-0.008_496, 0.045_149, -0.050_681, 0.10215, 0.011_066, -0.007_399, 0.017_569, 0.028_718],
        ),
    ];
    for (text, expected) in golden {
        let vector = &candle().embed(EmbedKind::Passage, &[text], &Cancel::new()).unwrap()[0];
        assert!(largest_difference(&vector[..8], &expected) < 1e-5, "{text}: {:?}", &vector[..8]);
    }
}

/// Sentences of many lengths, kinds and scripts.
fn assorted() -> Vec<String> {
    let seeds = [
        "Photosynthesis turns light into chemical energy.",
        "The invoice 2023-0417 over 1,299.00 EUR is due on March 31st; please pay within 30 days.",
        "fn main() { println!(\"{}\", x.iter().map(|v| v * 2).sum::<u32>()); }",
        "Der Zug nach München fährt um 07:45 Uhr von Gleis 9.",
        "今天天气很好，我们去公园散步。",
        "α-synuclein aggregation in dopaminergic neurons (p < 0.05, n = 24)",
        "ok",
        "🙂 🙂 !!! ??? …",
    ];
    (0..120)
        .map(|index| {
            let part = |step: usize| seeds[(index * step + step) % seeds.len()];
            (0..=index % 7).map(|step| part(step + 1)).collect::<Vec<_>>().join(" ")
        })
        .collect()
}

/// Least and mean cosine of this embedder's vectors with those of the reference.
fn agreement(embedder: &Embedder) -> (f32, f32) {
    let texts = assorted();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let [expected, ours] =
        [candle(), embedder].map(|embedder| embedder.embed(EmbedKind::Passage, &texts, &Cancel::new()).unwrap());
    let cosines: Vec<f32> = ours.iter().zip(&expected).map(|(a, b)| cosine(a, b)).collect();
    let (least, mean) =
        (cosines.iter().copied().fold(1.0, f32::min), cosines.iter().sum::<f32>() / cosines.len() as f32);
    println!("least {least}, mean {mean}");
    (least, mean)
}

#[test]
fn eight_bits_give_nearly_the_vectors_of_the_reference() {
    let (least, mean) = agreement(minilm());
    assert!(least >= 0.99 && mean >= 0.998, "least {least}, mean {mean}");
}

#[test]
fn bfloat16_gives_the_vectors_of_the_reference() {
    let options = Options { exact: true, ..Options::default() };
    let (least, mean) = agreement(&Embedder::open(&minilm_folder(), &options).unwrap());
    assert!(least >= 0.9995 && mean >= 0.9999, "least {least}, mean {mean}");
}

#[test]
fn every_set_of_instructions_and_number_of_threads_gives_nearly_the_same_vectors() {
    let texts = ["short", "Photosynthesis turns light into chemical energy."];
    let expected = embed(&texts);
    for instructions in ["avx512", "avxvnni", "avx2", "neon", "portable"] {
        let Ok(processor) = Processor::new(Some(1), Some(instructions)) else { continue };
        let options = Options { processor: Some(processor), ..Options::default() };
        let embedder = Embedder::open(&minilm_folder(), &options).unwrap();
        for (vector, expected) in
            embedder.embed(EmbedKind::Passage, &texts, &Cancel::new()).unwrap().iter().zip(&expected)
        {
            assert!(cosine(vector, expected) > 0.999, "{instructions}");
        }
    }
}

#[test]
fn a_paraphrase_is_nearer_than_an_unrelated_sentence() {
    let vectors = embed(&["A man is playing a guitar.", "Someone plays guitar music.", "The invoice is due in March."]);
    // Cosines of the NumPy reference.
    assert!((cosine(&vectors[0], &vectors[1]) - 0.829_796).abs() < 5e-3);
    assert!((cosine(&vectors[0], &vectors[2]) - -0.032_133).abs() < 5e-3);
}

#[test]
fn a_vector_depends_neither_on_neighbors_nor_on_their_order() {
    let long = "river ".repeat(120);
    let texts = ["short", "a somewhat longer sentence about rivers", &long, "", "another one", "x y z"];
    let together = embed(&texts);
    let backwards: Vec<&str> = texts.iter().rev().copied().collect();
    let reversed = embed(&backwards);
    for (index, text) in texts.iter().enumerate() {
        let alone = &embed(&[text])[0];
        assert_eq!(alone, &together[index], "{text}");
        assert_eq!(alone, &reversed[texts.len() - 1 - index], "{text}");
    }
}

#[test]
fn vectors_have_unit_length_even_of_an_empty_text() {
    let hostile = "\u{0}\u{202e}\u{FFFD}".repeat(9);
    for vector in embed(&["", " \n", "word", "🙂🙂", &hostile]) {
        assert_eq!(vector.len(), minilm().dimension());
        assert!((cosine(&vector, &vector) - 1.0).abs() < 1e-5);
    }
}

#[test]
fn special_tokens_in_a_text_are_plain_text() {
    let tokens = minilm().words.encode("end [SEP] [CLS] [MASK] here").unwrap();
    assert!(tokens.iter().all(|id| ![0, 101, 102, 103].contains(id)), "{tokens:?}");
    let plain = minilm().words.encode("sep").unwrap();
    assert!(tokens.windows(plain.len()).any(|part| part == plain));
}

#[test]
fn nothing_of_a_long_text_is_lost() {
    let filler = "the weather was mild and the streets were quiet that day . ".repeat(40);
    let with_end = format!("{filler} The treasure is buried under the old oak tree.");
    assert!(minilm().count(&filler) > minilm().max_tokens());
    let vectors = embed(&[&filler, &with_end, "treasure buried under an oak tree"]);
    let (without, with) = (cosine(&vectors[0], &vectors[2]), cosine(&vectors[1], &vectors[2]));
    assert!(with > without + 0.02, "{with} {without}");
}

#[test]
fn windows_of_a_long_text_are_weighted_by_their_tokens() {
    let embedder = minilm();
    let room = embedder.max_tokens() - 2;
    let text = "river ".repeat(room + 10);
    let windows = embedder.windows(EmbedKind::Passage, &[&text]).unwrap();
    let lengths: Vec<usize> = windows.iter().map(|window| window.tokens.len()).collect();
    assert_eq!(lengths, [room + 2, 12]);
    let mut sum = Sum::new(embedder.dimension());
    for window in &windows {
        let Encoder::Native(bert) = &embedder.encoder else { panic!("the default") };
        sum.add(&embedder.pool_native(bert, &[window], &Cancel::new()).unwrap()[0], window.tokens.len());
    }
    assert!(largest_difference(&sum.unit().unwrap(), &embed(&[&text])[0]) < 1e-5);
}

/// A folder of a tiny multilingual e5: a BERT of random weights with a Unigram vocabulary.
fn tiny_e5() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    write(
        "config.json",
        r#"{"vocab_size": 14, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64,
            "hidden_act": "gelu", "hidden_dropout_prob": 0.1, "max_position_embeddings": 64, "type_vocab_size": 2,
            "initializer_range": 0.02, "layer_norm_eps": 1e-12, "pad_token_id": 1, "model_type": "bert"}"#,
    );
    write("config_sentence_transformers.json", r#"{"prompts": {"query": "query: ", "passage": "passage: "}}"#);
    write(
        "tokenizer.json",
        r#"{"version": "1.0", "truncation": null, "padding": null, "added_tokens": [{"id": 2, "content": "</s>", "special": true,
            "single_word": false, "lstrip": false, "rstrip": false, "normalized": false}], "normalizer": null,
            "pre_tokenizer": {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": true},
            "post_processor": null, "decoder": null, "model": {"type": "Unigram", "unk_id": 3, "vocab": [["<s>", 0.0], ["<pad>", 0.0],
            ["</s>", 0.0], ["<unk>", 0.0], ["▁", -2.0], ["▁query", -3.0], ["▁passage", -3.0], [":", -3.0], ["▁Haus", -4.0],
            ["▁casa", -4.0], ["s", -5.0], ["/", -5.0], ["<", -5.0], [">", -5.0]]}}"#,
    );
    let mut seed = 1u32;
    let mut random = |count: usize, center: f32| -> Vec<u8> {
        let mut next = || {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            center + 0.3 * ((seed >> 8) as f32 / (1 << 23) as f32 - 1.0)
        };
        (0..count).flat_map(|_| next().to_le_bytes()).collect()
    };
    let mut tensors: Vec<(String, Vec<usize>, Vec<u8>)> = Vec::new();
    let mut add = |name: String, shape: &[usize], center: f32| {
        let data = random(shape.iter().product(), center);
        tensors.push((name, shape.to_vec(), data));
    };
    add("embeddings.word_embeddings.weight".into(), &[14, 32], 0.0);
    add("embeddings.position_embeddings.weight".into(), &[64, 32], 0.0);
    add("embeddings.token_type_embeddings.weight".into(), &[2, 32], 0.0);
    let mut norms = vec!["embeddings.LayerNorm".to_owned()];
    for layer in 0..2 {
        let name = |part: &str| format!("encoder.layer.{layer}.{part}");
        for (part, rows, columns) in [
            ("attention.self.query", 32, 32),
            ("attention.self.key", 32, 32),
            ("attention.self.value", 32, 32),
            ("attention.output.dense", 32, 32),
            ("intermediate.dense", 64, 32),
            ("output.dense", 32, 64),
        ] {
            add(name(&format!("{part}.weight")), &[rows, columns], 0.0);
            add(name(&format!("{part}.bias")), &[rows], 0.0);
        }
        norms.extend([name("attention.output.LayerNorm"), name("output.LayerNorm")]);
    }
    for norm in norms {
        add(format!("{norm}.weight"), &[32], 1.0);
        add(format!("{norm}.bias"), &[32], 0.0);
    }
    let views = tensors.iter().map(|(name, shape, data)| {
        (name.clone(), safetensors::tensor::TensorView::new(safetensors::Dtype::F32, shape.clone(), data).unwrap())
    });
    let bytes = safetensors::serialize(views, None).unwrap();
    fs::write(folder.path().join("model.safetensors"), bytes).unwrap();
    folder
}

#[test]
fn other_models_of_the_family_load_with_their_vocabulary_and_prefixes() {
    let folder = tiny_e5();
    let open = |backend| Embedder::open(folder.path(), &Options { backend, ..Options::default() }).unwrap();
    let (ours, theirs) = (open(Backend::Native), open(Backend::Candle));
    assert_eq!(ours.words.encode("Haus casa").unwrap(), [8, 9]);
    let forged = ours.words.encode("</s>").unwrap();
    assert!(!forged.contains(&2), "{forged:?}");
    for kind in [EmbedKind::Query, EmbedKind::Passage] {
        let texts = ["Haus", "casa casa", ""];
        let vectors = |embedder: &Embedder| embedder.embed(kind, &texts, &Cancel::new()).unwrap();
        for (ours, theirs) in vectors(&ours).iter().zip(vectors(&theirs)) {
            assert!(cosine(ours, &theirs) > 0.999, "{kind:?}: {}", cosine(ours, &theirs));
        }
    }
    let of = |kind| ours.embed(kind, &["Haus"], &Cancel::new()).unwrap();
    assert!(cosine(&of(EmbedKind::Query)[0], &of(EmbedKind::Passage)[0]) < 0.9999, "the prefixes differ");
}

#[test]
fn a_prefix_that_leaves_no_room_for_text_is_an_error() {
    let folder = tiny_e5();
    let prompts = format!(r#"{{"prompts": {{"query": "{}"}}}}"#, "s ".repeat(62));
    fs::write(folder.path().join("config_sentence_transformers.json"), prompts).unwrap();
    let error = Embedder::open(folder.path(), &Options::default()).unwrap_err().to_string();
    assert!(error.contains("leave no room for text"), "{error}");
}

#[test]
fn counting_includes_the_frame() {
    assert_eq!(minilm().count(""), 2);
    assert_eq!(minilm().count("The cat sits on the mat."), 9);
    assert_eq!((minilm().max_tokens(), minilm().dimension()), (256, 384));
}

#[test]
fn cancelling_stops_before_the_next_batch() {
    let cancel = Cancel::new();
    cancel.cancel();
    assert!(matches!(minilm().embed(EmbedKind::Query, &["x"], &cancel), Err(Error::Cancelled)));
    assert!(minilm().embed(EmbedKind::Query, &[], &cancel).unwrap().is_empty());
}

/// A copy of the real model's folder in which one file is replaced.
fn changed(name: &str, bytes: Option<&[u8]>) -> Result<Embedder, Error> {
    let folder = tempfile::tempdir().unwrap();
    for file in ["config.json", "tokenizer.json", "model.safetensors", "sentence_bert_config.json"] {
        let target = folder.path().join(file);
        match bytes {
            Some(bytes) if file == name => fs::write(target, bytes).unwrap(),
            None if file == name => {}
            _ => drop(fs::copy(minilm_folder().join(file), target).unwrap()),
        }
    }
    Embedder::open(folder.path(), &Options::default())
}

#[test]
fn the_id_follows_the_content() {
    let id = |name: &str, bytes: &[u8]| {
        let id = changed(name, Some(bytes)).unwrap().id().to_owned();
        id.rsplit_once('-').unwrap().1.to_owned()
    };
    let sentence = fs::read(minilm_folder().join("sentence_bert_config.json")).unwrap();
    let same = id("sentence_bert_config.json", &sentence);
    assert_eq!(same, id("sentence_bert_config.json", &sentence));
    assert_ne!(same, id("sentence_bert_config.json", b"{\"max_seq_length\": 128}"));
    assert!(minilm().id().starts_with("all-minilm-l6-v2-"));
}

#[test]
fn a_damaged_or_missing_file_is_an_error_that_names_it() {
    let weights = fs::read(minilm_folder().join("model.safetensors")).unwrap();
    let mut not_a_number = weights.clone();
    let end = not_a_number.len();
    not_a_number[end - 4..].copy_from_slice(&f32::NAN.to_le_bytes());
    let config = fs::read_to_string(minilm_folder().join("config.json")).unwrap();
    let other_shape = config.replace("\"intermediate_size\": 1536", "\"intermediate_size\": 1024");
    let more_layers = config.replace("\"num_hidden_layers\": 6", "\"num_hidden_layers\": 7");
    let small_vocabulary = config.replace("\"vocab_size\": 30522", "\"vocab_size\": 100");
    let cases: [(&str, Option<&[u8]>, &str); 10] = [
        ("model.safetensors", None, "model.safetensors"),
        ("model.safetensors", Some(&weights[..weights.len() / 2]), "model.safetensors"),
        ("model.safetensors", Some(&[]), "model.safetensors"),
        ("model.safetensors", Some(&not_a_number), "no finite number"),
        ("config.json", Some(b"{"), "config.json"),
        ("config.json", Some(other_shape.as_bytes()), "model.safetensors"),
        ("config.json", Some(more_layers.as_bytes()), "model.safetensors"),
        ("config.json", Some(small_vocabulary.as_bytes()), "tokenizer.json"),
        ("tokenizer.json", Some(br#"{"model": {"type": "BPE"}}"#), "WordPiece"),
        ("tokenizer.json", Some(br#"{"model": {"type": "WordPiece", "vocab": {}}}"#), "tokenizer.json"),
    ];
    for (name, bytes, expected) in cases {
        let error = changed(name, bytes).expect_err(name).to_string();
        assert!(error.contains(expected), "{name}: {error}");
    }
}

#[test]
fn single_bit_flips_in_the_header_are_errors_or_harmless() {
    let weights = fs::read(minilm_folder().join("model.safetensors")).unwrap();
    let header = 8 + u64::from_le_bytes(weights[..8].try_into().unwrap()) as usize;
    let mut bytes = weights;
    for flip in 0..40usize {
        let bit = flip.wrapping_mul(0x9E37_79B9) % (header * 8);
        bytes[bit / 8] ^= 1 << (bit % 8);
        // Err or an embedder; what must not happen is a panic. Only what passes the check is opened: it costs.
        if weights::check(Path::new("flipped"), &bytes).is_ok() {
            drop(changed("model.safetensors", Some(&bytes)));
        }
        bytes[bit / 8] ^= 1 << (bit % 8);
    }
}
