use std::path::Path;

use candle_core::Device;

use super::*;
use crate::gguf::build::tiny;
use crate::kernels::Isa;
use crate::reference::{self, Precision};
use crate::test_models;

fn load(path: &Path, isa: Isa, threads: usize) -> Model {
    load_with(path, isa, threads, CacheType::F16)
}

fn load_with(path: &Path, isa: Isa, threads: usize, cache: CacheType) -> Model {
    let header = Header::read(path).unwrap();
    let shape = Hyperparameters::read(&header).unwrap();
    Model::load(
        &header,
        &shape,
        shape.context_length.min(8192),
        Processor::new(Some(threads), Some(isa.name())).unwrap(),
        cache,
    )
    .unwrap()
}

fn fastest() -> Isa {
    Isa::choose(None).unwrap()
}

fn tokens(count: usize, vocabulary: u32) -> Vec<u32> {
    (0..count as u32).map(|index| (index * 7919 + 13) % vocabulary).collect()
}

/// Scores after every token, read in blocks of the given sizes (the last one is repeated).
fn all_scores(model: &Model, tokens: &[u32], sizes: &[usize]) -> Vec<Vec<f32>> {
    let (mut cache, mut work) = (model.cache(), Workspace::default());
    let mut sizes = sizes.iter().copied();
    let (mut size, mut rest, mut all) = (1, tokens, Vec::new());
    while !rest.is_empty() {
        size = sizes.next().unwrap_or(size);
        let (block, after) = rest.split_at(size.min(rest.len()));
        let turn = Turn { cache: &mut cache, tokens: block, wanted: block.len() };
        let states = model.forward(&mut work, &mut [turn], &Cancel::new()).unwrap().unwrap();
        all.extend(model.scores(&mut work, &states).chunks_exact(model.vocabulary()).map(<[f32]>::to_vec));
        rest = after;
    }
    all
}

/// The reference's scores after every token, from exact weights in f32.
fn expected(path: &Path, tokens: &[u32]) -> Vec<Vec<f32>> {
    let header = Header::read(path).unwrap();
    let shape = Hyperparameters::read(&header).unwrap();
    let window = shape.context_length.min(8192);
    let model = reference::Model::load(&header, &shape, window, &Device::Cpu, Precision::Exact).unwrap();
    let mut cache = model.cache();
    let step =
        |token: &u32| model.logits(&model.forward(&mut cache, model.embed(&[*token]).unwrap()).unwrap()).unwrap();
    tokens.iter().map(step).collect()
}

#[test]
fn every_architecture_agrees_with_the_reference() {
    for architecture in ["llama", "qwen2", "qwen3", "gemma3", "smollm3"] {
        let (_folder, path) = tiny(architecture).write();
        let all = tokens(43, 263);
        let expected = expected(&path, &all);
        for isa in Isa::all() {
            let ours = all_scores(&load(&path, isa, 2), &all, &[40, 1]);
            for (index, (ours, expected)) in ours.iter().zip(&expected).enumerate() {
                let difference = ours.iter().zip(expected).fold(0f32, |most, (a, b)| most.max((a - b).abs()));
                // Keys and values are kept in f16.
                assert!(difference < 5e-3, "{architecture} {isa:?} after {index}: {difference}");
            }
        }
    }
}

#[test]
fn a_cache_in_eight_bits_takes_little_more_than_half_and_changes_little() {
    let path = test_models::smollm2_path();
    let [halves, rounded] = [CacheType::F16, CacheType::Q8_0].map(|kind| load_with(&path, fastest(), 2, kind));
    assert_eq!(rounded.cache_bytes(), halves.cache_bytes() * 9 / 16);
    let ids = test_models::smollm2().tokenizer().encode_text(include_str!("prose.txt"));
    let whole = all_scores(&rounded, &ids[..300], &[300]);
    assert_eq!(whole, all_scores(&rounded, &ids[..300], &[1, 7, 64, 100]));
    assert_ne!(whole, all_scores(&halves, &ids[..300], &[300]));
    let found = agreement(&path, &ids[..512], CacheType::Q8_0);
    assert!(found.divergence <= 1.2e-3 && found.same_best >= 0.97, "{found}");
}

#[test]
fn the_real_model_gives_the_same_bits_however_its_tokens_are_read() {
    let all = tokens(300, 49_152);
    let path = test_models::smollm2_path();
    let whole = all_scores(&load(&path, fastest(), 2), &all, &[300]);
    let other = load(&path, fastest(), 1);
    for sizes in [&[256, 44][..], &[1, 7, 64, 100], &[13]] {
        assert_eq!(whole, all_scores(&other, &all, sizes), "{sizes:?}");
    }
}

#[test]
fn weights_that_are_no_numbers_are_errors_and_never_panics() {
    let with = |name: &str, value: f32, kind: Option<crate::Scheme>| {
        let mut build = tiny("llama");
        let tensor = build.tensors.iter_mut().find(|tensor| tensor.name == name).unwrap();
        tensor.data[4..8].copy_from_slice(&value.to_le_bytes());
        let (folder, mut path) = build.write();
        if let Some(scheme) = kind {
            let to = folder.path().join("small.gguf");
            crate::quantize(&path, &to, scheme, &Cancel::new(), &mut |_, _| ()).unwrap();
            path = to;
        }
        crate::Decoder::open(&path, &crate::Options::default()).and_then(|decoder| {
            let mut context = decoder.context();
            let sampling = crate::Sampling { max_tokens: 3, ..crate::Sampling::default() };
            crate::generate(&mut context, &[1, 2, 3], &sampling, &Cancel::new(), &mut |_| ())
        })
    };
    for value in [f32::NAN, f32::INFINITY, 3e38] {
        for scheme in [None, Some(crate::Scheme::Q8_0), Some(crate::Scheme::Q4_1), Some(crate::Scheme::Q6K)] {
            let vector = with("blk.0.attn_norm.weight", value, scheme);
            assert!(vector.is_err() || value.is_finite(), "{value} {scheme:?}");
            // An answer or an error; what must not happen is a panic.
            drop(with("blk.1.ffn_up.weight", value, scheme));
            drop(with("token_embd.weight", value, scheme));
        }
    }
}

#[test]
fn positions_beyond_four_thousand_are_read_as_the_reference_reads_them() {
    for architecture in ["llama", "gemma3"] {
        let mut build = tiny(architecture);
        build.u32(&format!("{architecture}.context_length"), 8192);
        let (_folder, path) = build.write();
        let all = tokens(4608, 263);
        let header = Header::read(&path).unwrap();
        let shape = Hyperparameters::read(&header).unwrap();
        let model = reference::Model::load(&header, &shape, 8192, &Device::Cpu, Precision::Exact).unwrap();
        let mut cache = model.cache();
        let mut expected = Vec::new();
        for block in all.chunks_exact(256) {
            expected = model.exact_scores(&mut cache, block);
        }
        let ours = all_scores(&load(&path, fastest(), 2), &all, &[256]);
        for (ours, expected) in ours[4352..].iter().zip(&expected) {
            let difference = ours.iter().zip(expected).fold(0f32, |most, (a, b)| most.max((a - b).abs()));
            // Keys and values are kept in f16; Gemma's seven layers add up.
            assert!(difference < 2e-2, "{architecture}: {difference}");
        }
    }
}

/// How far the next-token distributions lie from those of candle in f32, after every token of a text read in blocks of 256.
struct Agreement {
    /// Mean of the divergence from the reference (Kullback & Leibler), in nats.
    divergence: f64,
    /// Share of tokens after which both find the same token the best.
    same_best: f64,
    /// Ours divided by the reference's.
    perplexity: f64,
    /// Where both find another token the best: the widest gap between the logarithms of the reference's probabilities of the two.
    widest_gap: f64,
}

fn agreement(path: &Path, ids: &[u32], cache: CacheType) -> Agreement {
    let header = Header::read(path).unwrap();
    let shape = Hyperparameters::read(&header).unwrap();
    let reference = reference::Model::load(&header, &shape, 8192, &Device::Cpu, Precision::Exact).unwrap();
    let ours = load_with(path, fastest(), 2, cache);
    let (mut cache, mut own, mut work) = (reference.cache(), ours.cache(), Workspace::default());
    let (mut divergence, mut same, mut surprise, mut tokens, mut widest_gap) = (0.0, 0usize, 0.0, 0usize, 0f64);
    for (index, block) in ids.chunks_exact(256).enumerate() {
        let expected = reference.exact_scores(&mut cache, block);
        let turn = Turn { cache: &mut own, tokens: block, wanted: block.len() };
        let states = ours.forward(&mut work, &mut [turn], &Cancel::new()).unwrap().unwrap();
        let scores = ours.scores(&mut work, &states);
        for (at, (ours, expected)) in scores.chunks_exact(shape.vocabulary).zip(&expected).enumerate() {
            let (ours, expected) = (logarithms(ours), logarithms(expected));
            divergence += expected.iter().zip(&ours).map(|(p, q)| p.exp() * (p - q)).sum::<f64>();
            let (own, theirs) = (best(&ours), best(&expected));
            same += usize::from(own == theirs);
            widest_gap = widest_gap.max(expected[theirs] - expected[own]);
            if let Some(next) = ids.get(index * 256 + at + 1) {
                surprise += expected[*next as usize] - ours[*next as usize];
            }
            tokens += 1;
        }
    }
    let count = tokens as f64;
    Agreement {
        divergence: divergence / count,
        same_best: same as f64 / count,
        perplexity: (surprise / count).exp(),
        widest_gap,
    }
}

impl std::fmt::Display for Agreement {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { divergence, same_best, perplexity, widest_gap } = self;
        write!(
            f,
            "divergence {divergence:.6}, same best {same_best:.4}, perplexity × {perplexity:.5}, widest gap {widest_gap:.3}"
        )
    }
}

/// Scores → logarithms of probabilities.
fn logarithms(scores: &[f32]) -> Vec<f64> {
    let most = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let sum: f64 = scores.iter().map(|score| f64::from(score - most).exp()).sum();
    scores.iter().map(|score| f64::from(score - most) - sum.ln()).collect()
}

fn best(values: &[f64]) -> usize {
    (0..values.len()).fold(0, |best, at| if values[at] > values[best] { at } else { best })
}

#[test]
fn the_real_model_agrees_with_the_reference_over_two_thousand_tokens() {
    let text = include_str!("prose.txt");
    let ids = test_models::smollm2().tokenizer().encode_text(text);
    assert!(ids.len() >= 2048, "{}", ids.len());
    let path = test_models::smollm2_path();
    let found = agreement(&path, &ids[..2048], CacheType::F16);
    // States are rounded to eight bits, as llama.cpp does: where two tokens are as good as equal their order can change.
    assert!(found.divergence <= 3e-4 && found.same_best >= 0.98 && found.widest_gap <= 0.15, "{found}");
    assert!((found.perplexity - 1.0).abs() <= 1.5e-3, "{found}");
}

/// The same over any model, text and kind of cache:
/// `MODEL=….gguf TEXT=….txt CACHE=q8_0 cargo test -p tanya-engine -- --ignored --nocapture agreement`.
#[test]
#[ignore = "measures what the variables MODEL, TEXT and CACHE name"]
fn agreement_over_a_text() {
    let path = std::env::var_os("MODEL").map_or_else(test_models::smollm2_path, Into::into);
    let text = std::fs::read_to_string(std::env::var_os("TEXT").expect("TEXT names a file")).unwrap();
    let cache = std::env::var("CACHE").map_or(CacheType::F16, |name| name.parse().unwrap());
    let header = Header::read(&path).unwrap();
    let ids = crate::Tokenizer::from_gguf(&header.metadata).unwrap().encode_text(&text);
    println!("{}", agreement(&path, &ids[..ids.len().min(4096)], cache));
}

/// Writes tiny models and our scores into the folder that `TINY` names, to be compared with another program's.
#[test]
#[ignore = "writes into the folder that TINY names"]
fn tiny_models_and_their_scores() {
    let folder = std::path::PathBuf::from(std::env::var_os("TINY").expect("TINY names a folder"));
    for architecture in ["llama", "qwen2", "qwen3", "gemma3", "smollm3"] {
        let path = folder.join(format!("{architecture}.gguf"));
        std::fs::write(&path, tiny(architecture).bytes()).unwrap();
        let all = tokens(43, 263);
        let scores = all_scores(&load(&path, fastest(), 2), &all, &[43]);
        let text = serde_json::to_string(&(all, scores)).unwrap();
        std::fs::write(folder.join(format!("{architecture}.json")), text).unwrap();
    }
}

/// Fifty prompts of a text and 64 greedy tokens after each, with the gap between the best two scores, to be compared with another
/// program's: `MODEL`, `TEXT` and `OUT` name files.
#[test]
#[ignore = "writes the file that OUT names"]
fn greedy_tokens() {
    let path = |name: &str| std::path::PathBuf::from(std::env::var_os(name).expect("MODEL, TEXT and OUT name files"));
    let decoder = crate::Decoder::open(&path("MODEL"), &crate::Options::default()).unwrap();
    let ids = decoder.tokenizer().encode_text(&std::fs::read_to_string(path("TEXT")).unwrap());
    let runs: Vec<_> = ids
        .chunks_exact(ids.len() / 50)
        .take(50)
        .map(|part| {
            let prompt = part[..64].to_vec();
            let mut context = decoder.context();
            context.append(&prompt, &Cancel::new()).unwrap();
            let (mut tokens, mut gaps) = (Vec::new(), Vec::new());
            for _ in 0..64 {
                let scores: Vec<f64> = context.next_token_scores().unwrap().into_iter().map(f64::from).collect();
                let first = best(&scores);
                let second = scores.iter().enumerate().filter(|(id, _)| *id != first).map(|(_, score)| *score);
                gaps.push(scores[first] - second.fold(f64::NEG_INFINITY, f64::max));
                tokens.push(first as u32);
                context.append(&[first as u32], &Cancel::new()).unwrap();
            }
            (prompt, tokens, gaps)
        })
        .collect();
    std::fs::write(path("OUT"), serde_json::to_string(&runs).unwrap()).unwrap();
}
