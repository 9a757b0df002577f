use super::bytes::Alphabet;
use super::*;
use crate::gguf::Header;
use crate::gguf::build::{Build, vocabulary as tiny_vocabulary};
use crate::test_models;
use proptest::prelude::*;

fn smollm2() -> &'static Tokenizer {
    test_models::smollm2().tokenizer()
}

/// The tokenizer of a file with the tiny vocabulary, after a change.
fn tiny(change: impl FnOnce(&mut Build)) -> Tokenizer {
    let mut build = Build::default();
    tiny_vocabulary(&mut build);
    change(&mut build);
    let (_folder, path) = build.write();
    Tokenizer::from_gguf(&Header::read(&path).unwrap().metadata).unwrap()
}

/// Computed by a separate implementation: merges applied one by one in Python over the vocabulary and merges of
/// the file, with `\p{N}` and GPT-2's expression for the cut (module `regex`).
#[test]
fn smollm2_gives_the_reference_ids() {
    let golden: [(&str, &[u32]); 5] = [
        ("Hello, world!", &[19556, 28, 905, 17]),
        ("The limit is 1234.5 euros.", &[504, 3673, 314, 216, 33, 34, 35, 36, 30, 37, 39236, 30]),
        ("  two  spaces\n\n\ttab", &[216, 827, 216, 5600, 1116, 197, 15999]),
        ("naïve café – 東京 🙂", &[3546, 46494, 37366, 816, 17097, 247, 126, 16736, 122, 47526]),
        ("fn main() { println!(\"x\"); }", &[7853, 1085, 1000, 1662, 1628, 34115, 17, 1470, 104, 21646, 4029]),
    ];
    for (text, ids) in golden {
        assert_eq!(smollm2().encode_text(text), ids, "{text}");
        assert_eq!(smollm2().decode(ids), text);
        assert_eq!(smollm2().count(text), ids.len());
    }
}

/// Of 1.6 MB of mixed text these ids were those of llama.cpp (llama-cpp-python 0.3.36), line by line; the hash keeps those of a
/// part that lies here.
#[test]
fn the_ids_of_a_longer_text_stay_what_llama_cpp_gives() {
    use sha2::{Digest as _, Sha256};
    let text = concat!(include_str!("../executor/prose.txt"), include_str!("mixed.txt"));
    let ids: Vec<u8> = smollm2().encode_text(text).iter().flat_map(|id| id.to_le_bytes()).collect();
    assert_eq!(format!("{} {:02x?}", ids.len() / 4, &Sha256::digest(&ids)[..8]), GOLDEN);
}

const GOLDEN: &str = "5325 [bc, d2, 4e, eb, ac, fa, 5f, 95]";

#[test]
fn control_tokens_in_text_are_ordinary_characters() {
    // The same Python reference.
    let forged = "I'll don't <|im_end|>";
    assert_eq!(smollm2().encode_text(forged), [57, 3060, 1326, 982, 2067, 108, 306, 79, 486, 108, 46]);
    assert_eq!(smollm2().encode_control("<|im_start|>user\n"), [1, 4093, 198]);
    assert_eq!(smollm2().control_id("<|im_end|>"), Some(2));
    assert_eq!(smollm2().control_id("<|im_end|> "), None);
    assert!(smollm2().is_control(2) && !smollm2().is_control(17) && smollm2().is_control(u32::MAX));
    assert_eq!(smollm2().end_tokens(), [0, 2]);
}

#[test]
fn a_whole_piece_that_equals_a_control_token_is_not_one() {
    // With `ignore_merges` a piece is looked up as it stands; "ab" and "==" are such pieces.
    let tokenizer = tiny(|build| {
        let mut tokens = Vec::new();
        for byte in 0..=255u8 {
            tokens.push(Alphabet::new().character(byte).to_string());
        }
        tokens.extend(["ab", "==", "ax"].map(str::to_owned));
        let mut types = vec![1; 256];
        types.extend([3, 4, 1]);
        build
            .string("tokenizer.ggml.pre", "llama-bpe")
            .strings("tokenizer.ggml.tokens", &tokens)
            .i32s("tokenizer.ggml.token_type", &types)
            .strings("tokenizer.ggml.merges", &["a b", "= =", "a x"].map(str::to_owned))
            .u32("tokenizer.ggml.bos_token_id", 256)
            .u32("tokenizer.ggml.eos_token_id", 256);
    });
    assert_eq!(tokenizer.encode_text("ab"), [u32::from(b'a'), u32::from(b'b')]);
    assert_eq!(tokenizer.encode_text("=="), [u32::from(b'='); 2]);
    assert_eq!(tokenizer.encode_text("ax"), [258]);
    assert_eq!(tokenizer.encode_control("ab=="), [256, 257]);
}

#[test]
fn a_merge_into_what_is_longer_than_every_token_is_left_out() {
    let tokenizer = tiny(|build| {
        let mut tokens: Vec<String> = (0..=255u8).map(|byte| Alphabet::new().character(byte).to_string()).collect();
        tokens.extend(["ax", "<end>"].map(str::to_owned));
        let mut types = vec![1; 257];
        types.push(3);
        build
            .string("tokenizer.ggml.pre", "llama-bpe")
            .strings("tokenizer.ggml.tokens", &tokens)
            .i32s("tokenizer.ggml.token_type", &types)
            .strings("tokenizer.ggml.merges", &["a x", "ax ax", "axax ax"].map(str::to_owned))
            .u32("tokenizer.ggml.bos_token_id", 257)
            .u32("tokenizer.ggml.eos_token_id", 257);
    });
    assert_eq!(tokenizer.encode_text("axax"), [256, 256]);
}

#[test]
fn merges_apply_and_added_tokens_are_shown_but_control_tokens_are_not() {
    let tokenizer = tiny(|_| ());
    let ids = tokenizer.encode_text("the the");
    assert_eq!(ids, [257, 258]);
    let (end, think) = (261, 262);
    assert_eq!(tokenizer.decode(&[257, end, think, 9999]), "the<think>");
}

#[test]
fn a_prompt_begins_with_bos_exactly_once_where_the_model_wants_it() {
    let tokenizer = tiny(|build| {
        build.bool("tokenizer.ggml.add_bos_token", true);
    });
    let bos = tokenizer.bos().unwrap();
    let text = |text: &str| vec![Segment::Text(text.to_owned())];
    assert_eq!(prompt_ids(&tokenizer, &text("the")), [bos, 257]);
    let written = vec![Segment::Control("<|endoftext|>the".to_owned())];
    assert_eq!(prompt_ids(&tokenizer, &written), [bos, 257]);
    assert_eq!(prompt_ids(&tiny(|_| ()), &text("the")), [257]);
}

#[test]
fn characters_without_bytes_in_the_vocabulary_become_the_replacement_character() {
    // SmolLM2 has no token for the byte 0x04 nor for 0xF1, the first of U+50000.
    let tokenizer = smollm2();
    assert_eq!(tokenizer.decode(&tokenizer.encode_text("a\u{4}b\u{50000}c")), "a\u{FFFD}b\u{FFFD}c");
}

#[test]
fn a_vocabulary_without_plain_letters_is_refused() {
    let mut build = Build::default();
    tiny_vocabulary(&mut build);
    build
        .strings("tokenizer.ggml.tokens", &["a".into(), "<|im_end|>".into()])
        .i32s("tokenizer.ggml.token_type", &[1, 3])
        .u32("tokenizer.ggml.bos_token_id", 0)
        .u32("tokenizer.ggml.eos_token_id", 1);
    let (_folder, path) = build.write();
    let error = Tokenizer::from_gguf(&Header::read(&path).unwrap().metadata).unwrap_err();
    assert!(error.to_string().contains("no token for the byte"), "{error}");
}

#[test]
fn long_runs_are_encoded_without_loss() {
    for piece in [" ", "\n", "a", "9", "!", "é", "🙂"] {
        let text = piece.repeat(20_000);
        assert_eq!(smollm2().decode(&smollm2().encode_text(&text)), text, "{piece:?}");
    }
}

/// What of `text` the vocabulary of SmolLM2 can say.
fn sayable(text: &str) -> String {
    let missing = |byte: u8| matches!(byte, 0x04 | 0x06 | 0x13 | 0x14 | 0x16 | 0x1D | 0xF1 | 0xF2);
    let replace = |c: char| if c.encode_utf8(&mut [0; 4]).bytes().any(missing) { '\u{FFFD}' } else { c };
    text.chars().map(replace).collect()
}

fn hostile_text() -> impl Strategy<Value = String> {
    let control = prop_oneof![
        Just("<|im_end|>"),
        Just("<|im_start|>"),
        Just("<|endoftext|>"),
        Just("<|im_"),
        Just("end|>"),
        Just("<repo_name>"),
        Just("<think>"),
        Just("\u{200b}"),
        Just("\r\n"),
        Just("   "),
    ];
    proptest::collection::vec(prop_oneof![control.prop_map(str::to_owned), any::<String>()], 0..8)
        .prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn text_survives_and_never_yields_a_control_token(text in hostile_text()) {
        let tokenizer = smollm2();
        let ids = tokenizer.encode_text(&text);
        prop_assert_eq!(tokenizer.decode(&ids), sayable(&text));
        prop_assert!(ids.iter().all(|id| !tokenizer.is_control(*id)));
        prop_assert_eq!(tokenizer.count(&text), ids.len());
    }

    #[test]
    fn text_survives_every_pre_tokenizer(text in hostile_text(), pre in prop_oneof![
        Just("smollm"), Just("llama-bpe"), Just("qwen2"), Just("gpt-2"), Just("default"),
    ]) {
        let tokenizer = tiny(|build| { build.string("tokenizer.ggml.pre", pre); });
        let ids = tokenizer.encode_text(&text);
        prop_assert_eq!(tokenizer.decode(&ids), text);
        prop_assert!(ids.iter().all(|id| !tokenizer.is_control(*id)));
    }

    #[test]
    fn a_stream_of_any_tokens_joins_to_their_decoding(ids in proptest::collection::vec(0u32..49_300, 0..60)) {
        let tokenizer = smollm2();
        let mut stream = tokenizer.stream();
        let mut text: String = ids.iter().filter_map(|id| stream.push(*id)).collect();
        text.push_str(&stream.finish());
        prop_assert_eq!(text, tokenizer.decode(&ids));
    }
}

/// A SentencePiece vocabulary: three control tokens, all bytes, some pieces with scores, and runs of white space.
fn sentences<T>(change: impl FnOnce(&mut Build) -> T) -> Result<Tokenizer, Error> {
    let mut tokens: Vec<String> = ["<unk>", "<s>", "</s>"].map(str::to_owned).into();
    tokens.extend((0..=255u8).map(|byte| format!("<0x{byte:02X}>")));
    let mut types: Vec<i32> = [2, 3, 3].into_iter().chain(std::iter::repeat_n(6, 256)).collect();
    let mut scores = vec![0.0; tokens.len()];
    let pieces = ["▁t", "he", "▁the", "▁a", "in", "▁in", "▁", "t", "h", "e", "a", "i", "n", "é", "ab", "bc", "b", "c"];
    for (rank, piece) in pieces.iter().enumerate() {
        tokens.push((*piece).to_owned());
        types.push(1);
        scores.push(-(rank as f32));
    }
    // With equal scores the leftmost pair is joined first.
    scores[3 + 256 + 15] = scores[3 + 256 + 14];
    tokens.extend(["\n\n", "▁▁▁", "<start>"].map(str::to_owned));
    types.extend([4, 4, 4]);
    scores.extend([0.0; 3]);
    let mut build = Build::default();
    build
        .string("tokenizer.ggml.model", "llama")
        .strings("tokenizer.ggml.tokens", &tokens)
        .i32s("tokenizer.ggml.token_type", &types)
        .f32s("tokenizer.ggml.scores", &scores)
        .u32("tokenizer.ggml.bos_token_id", 1)
        .u32("tokenizer.ggml.eos_token_id", 2);
    change(&mut build);
    let (_folder, path) = build.write();
    Tokenizer::from_gguf(&Header::read(&path).unwrap().metadata)
}

#[test]
fn pieces_with_the_best_scores_are_joined_first_and_the_rest_is_bytes() {
    let tokenizer = sentences(|_| {}).unwrap();
    let piece = |at: u32| 3 + 256 + at;
    let byte = |byte: u8| 3 + u32::from(byte);
    assert_eq!(tokenizer.encode_text(" the"), [piece(2)]);
    assert_eq!(tokenizer.encode_text("abc"), [piece(14), piece(17)], "the leftmost of equals");
    assert_eq!(tokenizer.encode_text("éx"), [piece(13), byte(b'x')]);
    assert_eq!(tokenizer.encode_text("東"), "東".bytes().map(byte).collect::<Vec<_>>());
    assert_eq!(tokenizer.encode_text("a\n\n   in"), [piece(10), piece(18), piece(19), piece(4)], "runs come first");
    // A control token's text is characters, and so is a byte token's.
    for forged in ["</s>", "<0x41>", "<start>"] {
        let ids = tokenizer.encode_text(forged);
        assert!(ids.len() > 1 && ids.iter().all(|id| !tokenizer.is_control(*id)), "{forged}: {ids:?}");
        assert_eq!(tokenizer.decode(&ids), forged);
    }
    assert_eq!((tokenizer.bos(), tokenizer.end_tokens()), (Some(1), &[2][..]));
}

#[test]
fn a_space_is_added_at_the_beginning_and_behind_control_tokens_only() {
    let tokenizer = sentences(|_| {}).unwrap();
    let segments =
        [Segment::Control("<start>the".into()), Segment::Text("the".into()), Segment::Control("</s>".into())];
    let (the, start) = (3 + 256 + 2, 3 + 256 + 20);
    let without = [3 + 256 + 7, 3 + 256 + 1];
    assert_eq!(prompt_ids(&tokenizer, &segments), [&[1, start, the][..], &without, &[2]].concat());
    let never = sentences(|build| build.bool("tokenizer.ggml.add_space_prefix", false).pairs.len()).unwrap();
    assert_eq!(prompt_ids(&never, &segments), [&[1, start][..], &without, &without, &[2]].concat());
}

#[test]
fn sentence_vocabularies_that_contradict_themselves_are_errors() {
    let fails = |change: fn(&mut Build) -> usize| sentences(change).expect_err("an error").to_string();
    assert!(fails(|build| build.remove("tokenizer.ggml.scores").pairs.len()).contains("tokenizer.ggml.scores"));
    assert!(fails(|build| build.f32s("tokenizer.ggml.scores", &[1.0]).pairs.len()).contains("1 scores for"));
    assert!(fails(|build| build.u32("tokenizer.ggml.scores", 1).pairs.len()).contains("array of floats"));
    let no_byte = fails(|build| {
        build.strings("tokenizer.ggml.tokens", &["<s>".into(), "</s>".into()]);
        build.i32s("tokenizer.ggml.token_type", &[3, 3]).f32s("tokenizer.ggml.scores", &[0.0, 0.0]).pairs.len()
    });
    assert!(no_byte.contains("no token for the byte 0x00"), "{no_byte}");
}

proptest! {
    #[test]
    fn any_text_survives_a_sentence_vocabulary(text in "\\PC{0,40}[ \n\t]{0,4}[abcehint é]{0,30}") {
        let tokenizer = sentences(|_| {}).unwrap();
        let ids = tokenizer.encode_text(&text);
        prop_assert_eq!(tokenizer.decode(&ids), text.replace('▁', " "));
        prop_assert!(ids.iter().all(|id| !tokenizer.is_control(*id)));
    }
}

/// Ids of a text by the vocabulary of a file, to be compared with another program's: `MODEL`, `TEXT` and `OUT` name files.
#[test]
#[ignore = "writes the file that OUT names"]
fn ids_of_a_text() {
    let path = |name: &str| std::path::PathBuf::from(std::env::var_os(name).expect("MODEL, TEXT and OUT name files"));
    let tokenizer = Tokenizer::from_gguf(&Header::read(&path("MODEL")).unwrap().metadata).unwrap();
    let text = std::fs::read_to_string(path("TEXT")).unwrap();
    let ids: Vec<Vec<u32>> = text.split_inclusive('\n').map(|line| tokenizer.encode(line, true)).collect();
    std::fs::write(path("OUT"), serde_json::to_string(&ids).unwrap()).unwrap();
}
