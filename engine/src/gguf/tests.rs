use super::build::{Build, BuildTensor, tiny, write};
use super::*;
use crate::hyperparameters::Hyperparameters;
use crate::test_models;
use crate::tokenizer::Tokenizer;

fn read(build: &Build) -> Result<Header, Error> {
    let (_folder, path) = build.write();
    Header::read(&path)
}

/// Changes one thing in a sound file.
type Mutation = (&'static str, fn(&mut Build));

fn block(build: &mut Build, kind: u32, dimensions: &[u64], size: usize) {
    build.tensors.push(BuildTensor {
        name: "x".into(),
        dimensions: dimensions.to_vec(),
        kind,
        offset: None,
        data: vec![0; size],
    });
}

/// Each with a part of the message that it must give.
const HEADER_MUTATIONS: &[Mutation] = &[
    ("magic", |b| b.magic = *b"GGML"),
    ("version", |b| b.version = 0),
    ("version", |b| b.version = 1),
    ("version", |b| b.version = 4),
    ("big-endian", |b| b.version = 3u32.swap_bytes()),
    ("metadata count", |b| b.pair_count = Some(u64::MAX)),
    ("metadata count", |b| b.pair_count = Some(1 << 40)),
    ("tensor count", |b| b.tensor_count = Some(u64::MAX)),
    ("general.alignment", |b| {
        b.u32("general.alignment", 0);
    }),
    ("general.alignment", |b| {
        b.u32("general.alignment", 3);
    }),
    ("general.alignment", |b| {
        b.u32("general.alignment", 1 << 31);
    }),
    ("general.alignment", |b| {
        b.raw("general.alignment", 5, (-32i32).to_le_bytes().to_vec());
    }),
    ("general.alignment", |b| {
        b.string("general.alignment", "32");
    }),
    ("the key is there twice", |b| {
        let pair = b.pairs[0].clone();
        b.pairs.push(pair);
    }),
    ("is empty", |b| b.pairs.push((vec![], 4, vec![0; 4]))),
    ("not UTF-8", |b| b.pairs.push((vec![0xFF], 4, vec![0; 4]))),
    ("value type 13", |b| {
        b.raw("k", 13, vec![0; 8]);
    }),
    ("not a boolean", |b| {
        b.raw("k", 7, vec![2]);
    }),
    ("k", |b| {
        b.raw("k", 8, u64::MAX.to_le_bytes().to_vec());
    }),
    ("k", |b| {
        b.raw("k", 8, (1u64 << 21).to_le_bytes().to_vec());
    }),
    ("arrays of arrays", |b| {
        b.raw("k", 9, vec![9, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]);
    }),
    ("element type 99", |b| {
        b.raw("k", 9, vec![99, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]);
    }),
    ("are announced", |b| {
        let mut value = 4u32.to_le_bytes().to_vec();
        value.extend((1u64 << 62).to_le_bytes());
        b.raw("k", 9, value);
    }),
    ("out of range", |b| {
        let mut value = 10u32.to_le_bytes().to_vec();
        value.extend(1u64.to_le_bytes());
        value.extend(u64::MAX.to_le_bytes());
        b.raw("k", 9, value);
    }),
    ("is there twice", |b| {
        let tensor = b.tensors[0].clone();
        b.tensors.push(tensor);
    }),
    ("is empty", |b| b.tensors[0].name.clear()),
    ("is 300 bytes long", |b| b.tensors[0].name = "n".repeat(300)),
    ("0 dimensions", |b| b.tensors[0].dimensions.clear()),
    ("5 dimensions", |b| b.tensors[0].dimensions = vec![1; 5]),
    ("a dimension is 0", |b| b.tensors[0].dimensions[1] = 0),
    ("overflows", |b| b.tensors[0].dimensions = vec![1 << 32, 1 << 32]),
    // The product wraps to 32 where it is not checked.
    ("overflows", |b| b.tensors[0].dimensions = vec![8, (1 << 61) + 4]),
    ("overflows", |b| b.tensors[0].dimensions = vec![32, u64::MAX]),
    ("element type 4", |b| b.tensors[0].kind = 4),
    ("element type 4294967295", |b| b.tensors[0].kind = u32::MAX),
    ("blocks of 256", |b| block(b, 12, &[32, 8], 144)),
    ("blocks of 32", |b| block(b, 3, &[33], 40)),
    ("leave the file", |b| b.tensors[0].dimensions[1] += 1 << 20),
    ("leave the file", |b| b.tensors[0].offset = Some(1 << 40)),
    ("leave the file", |b| b.tensors[0].offset = Some(u64::MAX - 31)),
    ("multiple of 32", |b| b.tensors[0].offset = Some(u64::MAX)),
    ("multiple of 32", |b| b.tensors[0].offset = Some(1)),
    ("overlaps", |b| b.tensors[1].offset = Some(0)),
];

#[test]
fn every_malformed_header_is_an_error_that_names_the_file_and_the_reason() {
    for (index, (reason, mutate)) in HEADER_MUTATIONS.iter().enumerate() {
        let mut build = tiny("llama");
        mutate(&mut build);
        let error = read(&build).expect_err(&format!("mutation {index} ({reason})")).to_string();
        assert!(error.contains(reason) && error.contains("model.gguf"), "mutation {index} ({reason}): {error}");
    }
}

const MODEL_MUTATIONS: &[Mutation] = &[
    ("general.architecture", |b| {
        b.remove("general.architecture");
    }),
    ("architecture mamba", |b| {
        b.string("general.architecture", "mamba");
    }),
    ("\\u{1b}[31m", |b| {
        b.string("general.architecture", "\u{1b}[31m");
    }),
    ("llama.block_count", |b| {
        b.remove("llama.block_count");
    }),
    ("llama.block_count", |b| {
        b.u32("llama.block_count", 0);
    }),
    ("llama.block_count", |b| {
        b.u32("llama.block_count", 4_000_000_000);
    }),
    ("llama.embedding_length", |b| {
        b.string("llama.embedding_length", "32");
    }),
    ("embedding_length is 64", |b| {
        b.u32("llama.embedding_length", 64).remove("llama.rope.dimension_count");
    }),
    ("llama.attention.head_count", |b| {
        b.u32("llama.attention.head_count", 0);
    }),
    ("does not divide", |b| {
        b.u32("llama.attention.head_count", 3).remove("llama.attention.head_count_kv");
    }),
    ("does not divide", |b| {
        b.u32("llama.attention.head_count_kv", 3);
    }),
    ("llama.attention.head_count_kv", |b| {
        b.u32("llama.attention.head_count_kv", 0);
    }),
    ("llama.attention.head_count_kv", |b| {
        b.i32s("llama.attention.head_count_kv", &[2, 2]);
    }),
    ("llama.rope.dimension_count", |b| {
        b.u32("llama.rope.dimension_count", 4);
    }),
    ("llama.attention.key_length", |b| {
        b.u32("llama.attention.key_length", 7);
    }),
    ("llama.context_length", |b| {
        b.u32("llama.context_length", 0);
    }),
    ("llama.rope.freq_base", |b| {
        b.f32("llama.rope.freq_base", f32::NAN);
    }),
    ("llama.rope.scaling.type", |b| {
        b.string("llama.rope.scaling.type", "yarn");
    }),
    ("layer_norm_rms_epsilon", |b| {
        b.f32("llama.attention.layer_norm_rms_epsilon", -1.0);
    }),
    ("expert_count", |b| {
        b.u32("llama.expert_count", 8);
    }),
    ("token_embd.weight", |b| b.tensors[0].name = "other".into()),
    ("tokenizer.ggml.tokens", |b| {
        b.remove("tokenizer.ggml.tokens");
    }),
    ("tokenizer model bert", |b| {
        b.string("tokenizer.ggml.model", "bert");
    }),
    ("tokenizer.ggml.pre", |b| {
        b.remove("tokenizer.ggml.pre");
    }),
    ("pre-tokenizer viking", |b| {
        b.string("tokenizer.ggml.pre", "viking");
    }),
    ("tokenizer.ggml.token_type", |b| {
        b.i32s("tokenizer.ggml.token_type", &[1]);
    }),
    ("tokenizer.ggml.token_type", |b| {
        b.i32s("tokenizer.ggml.token_type", &[9; 263]);
    }),
    ("tokenizer.ggml.merges", |b| {
        b.remove("tokenizer.ggml.merges");
    }),
    ("is not two parts", |b| {
        b.strings("tokenizer.ggml.merges", &["th".into()]);
    }),
    ("is not two parts", |b| {
        b.strings("tokenizer.ggml.merges", &["a b c".into()]);
    }),
    ("eos_token_id", |b| {
        b.u32("tokenizer.ggml.eos_token_id", 999_999);
    }),
    ("bos_token_id", |b| {
        b.bool("tokenizer.ggml.add_bos_token", true).remove("tokenizer.ggml.bos_token_id");
    }),
    ("chat template", |b| {
        b.string("tokenizer.chat_template", "{% for %}");
    }),
    ("dimensions", |b| b.tensors[3].dimensions.swap(0, 1)),
    ("is missing", |b| {
        b.tensors.pop();
    }),
    ("is not supported", |b| {
        // A sound tensor of a type that candle cannot compute with.
        block(b, 23, &[256], 136);
    }),
];

#[test]
fn every_contradiction_in_a_model_is_an_error_that_names_it() {
    for (index, (reason, mutate)) in MODEL_MUTATIONS.iter().enumerate() {
        let mut build = tiny("llama");
        mutate(&mut build);
        let (_folder, path) = build.write();
        let error = crate::Decoder::open(&path, &crate::Options::default())
            .expect_err(&format!("mutation {index} ({reason})"))
            .to_string();
        assert!(error.contains(reason), "mutation {index} ({reason}): {error}");
        assert!(!error.chars().any(char::is_control), "{error:?}");
    }
}

#[test]
fn a_sound_file_reads_with_absolute_offsets() {
    let build = tiny("llama");
    let header = read(&build).unwrap();
    let bytes = build.bytes();
    let tensor = header.tensor("output_norm.weight").unwrap();
    assert_eq!((tensor.dimensions.as_slice(), tensor.kind.name(), tensor.size), (&[32][..], "F32", 128));
    let at = tensor.offset as usize;
    let wanted = &build.tensors.iter().find(|tensor| tensor.name == "output_norm.weight").unwrap().data;
    assert_eq!(&bytes[at..at + 128], wanted.as_slice());
    assert_eq!(header.metadata.unsigned("llama.block_count").unwrap(), Some(2));
    assert_eq!(header.data_offset % 32, 0);
}

#[test]
fn another_alignment_is_honored() {
    let mut build = tiny("llama");
    build.alignment = 4096;
    build.u32("general.alignment", 4096);
    assert_eq!(read(&build).unwrap().data_offset % 4096, 0);
}

#[test]
fn every_truncation_of_a_small_model_is_an_error() {
    let bytes = tiny("qwen3").bytes();
    // Whatever is cut, the last tensor's data (and its padding) no longer fit.
    for length in (0..bytes.len() - 32).step_by(101) {
        let (_folder, path) = write(&bytes[..length]);
        assert!(Header::read(&path).is_err(), "{length} of {}", bytes.len());
    }
}

#[test]
fn a_folder_or_a_missing_file_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    assert!(Header::read(folder.path()).is_err());
    assert!(matches!(Header::read(&folder.path().join("none.gguf")), Err(Error::Io { .. })));
}

/// Everything that is done with a header short of reading weights.
fn use_header(bytes: &[u8], file_size: u64) -> Result<(), Error> {
    let header = Header::parse(Path::new("real.gguf"), bytes, file_size)?;
    let shape = Hyperparameters::read(&header)?;
    let tokenizer = Tokenizer::from_gguf(&header.metadata)?;
    crate::template::ChatTemplate::from_gguf(&header.metadata, &tokenizer)?;
    crate::reference::Model::estimate(&header, &shape, crate::reference::Precision::Widened, 256);
    Ok(())
}

fn real_header() -> (Vec<u8>, u64) {
    let path = test_models::smollm2_path();
    let header = Header::read(&path).unwrap();
    let mut bytes = vec![0; header.data_offset as usize];
    std::io::Read::read_exact(&mut File::open(&path).unwrap(), &mut bytes).unwrap();
    (bytes, header.file_size)
}

#[test]
fn truncations_of_the_real_header_at_200_points_are_errors() {
    let (bytes, _) = real_header();
    for point in 0..200 {
        let length = bytes.len() * point / 200;
        assert!(use_header(&bytes[..length], length as u64).is_err(), "{length}");
    }
}

#[test]
fn bit_flips_in_the_real_header_are_errors_or_harmless() {
    let (mut bytes, size) = real_header();
    use_header(&bytes, size).unwrap();
    let mut errors = 0;
    // Half of them in the first 2 kB (counts, keys, shapes), the rest anywhere.
    for flip in 0..200usize {
        let range = if flip % 2 == 0 { 2048 } else { bytes.len() };
        let bit = flip.wrapping_mul(0x9E37_79B9) % (range * 8);
        bytes[bit / 8] ^= 1 << (bit % 8);
        errors += usize::from(use_header(&bytes, size).is_err());
        bytes[bit / 8] ^= 1 << (bit % 8);
    }
    assert!(errors > 20, "only {errors} of 200 flips were noticed");
}
