use super::*;
use crate::context::PREFILL_BLOCK;
use crate::gguf::build::{Build, tiny};
use crate::test_models;
use candle_core::quantized::gguf_file::Content;
use candle_transformers::models::{quantized_llama, quantized_qwen2, quantized_qwen3};
use std::fs::File;
use std::path::Path;

fn load(path: &Path, precision: Precision) -> Model {
    let header = Header::read(path).unwrap();
    let shape = Hyperparameters::read(&header).unwrap();
    let window = shape.context_length.min(8192);
    Model::load(&header, &shape, window, &Device::Cpu, precision).unwrap()
}

fn built(build: &Build) -> Model {
    let (_folder, path) = build.write();
    load(&path, Precision::Exact)
}

/// Scores after the last of `tokens`, read in blocks of the given sizes (the last one is repeated).
fn scores(model: &Model, tokens: &[u32], blocks: &[usize]) -> Vec<f32> {
    let mut cache = model.cache();
    let mut rest = tokens;
    let mut blocks = blocks.iter().copied();
    let mut size = 1;
    let mut hidden = None;
    while !rest.is_empty() {
        size = blocks.next().unwrap_or(size);
        let (block, after) = rest.split_at(size.min(rest.len()));
        hidden = Some(model.forward(&mut cache, model.embed(block).unwrap()).unwrap());
        rest = after;
    }
    assert_eq!(cache.length(), tokens.len());
    model.logits(&hidden.unwrap()).unwrap()
}

fn largest_difference(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).fold(0.0, |most, (a, b)| most.max((a - b).abs()))
}

fn tokens(count: usize, vocabulary: u32) -> Vec<u32> {
    (0..count as u32).map(|index| (index * 7919 + 13) % vocabulary).collect()
}

type Forward = dyn FnMut(&Tensor, usize) -> candle_core::Result<Tensor>;

/// candle's own model over the same file: one pass over the prompt, then token by token.
fn oracle(path: &Path, architecture: &str, prompt: &[u32], more: &[u32]) -> Vec<Vec<f32>> {
    let mut file = File::open(path).unwrap();
    let content = Content::read(&mut file).unwrap();
    let device = Device::Cpu;
    let mut forward: Box<Forward> = match architecture {
        "llama" => {
            let mut model = quantized_llama::ModelWeights::from_gguf(content, &mut file, &device).unwrap();
            Box::new(move |ids, position| model.forward(ids, position))
        }
        "qwen2" => {
            let mut model = quantized_qwen2::ModelWeights::from_gguf(content, &mut file, &device).unwrap();
            Box::new(move |ids, position| model.forward(ids, position))
        }
        _ => {
            let mut model = quantized_qwen3::ModelWeights::from_gguf(content, &mut file, &device).unwrap();
            Box::new(move |ids, position| model.forward(ids, position))
        }
    };
    let mut position = 0;
    std::iter::once(prompt)
        .chain(more.chunks(1))
        .map(|block| {
            let ids = Tensor::new(block, &device).unwrap().unsqueeze(0).unwrap();
            let logits = forward(&ids, position).unwrap();
            position += block.len();
            logits.flatten_all().unwrap().to_vec1().unwrap()
        })
        .collect()
}

/// How far `a` is from `b`, as a share of how far the scores of `b` are from their mean.
fn relative_error(a: &[f32], b: &[f32]) -> f32 {
    let mean = b.iter().sum::<f32>() / b.len() as f32;
    let spread: f32 = b.iter().map(|b| (b - mean).powi(2)).sum();
    let error: f32 = a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum();
    (error / spread).sqrt()
}

#[test]
fn every_architecture_agrees_with_candles_own_model() {
    for architecture in ["llama", "qwen2", "qwen3"] {
        let (_folder, path) = tiny(architecture).write();
        let model = load(&path, Precision::Exact);
        let all = tokens(43, 263);
        let expected = oracle(&path, architecture, &all[..40], &all[40..]);
        for (index, expected) in expected.iter().enumerate() {
            let ours = scores(&model, &all[..40 + index], &[40, 1]);
            let difference = largest_difference(&ours, expected);
            assert!(difference < 2e-4, "{architecture} after {index} more: {difference}");
        }
    }
}

#[test]
fn the_real_model_agrees_with_candles_own_model() {
    let path = test_models::smollm2_path();
    // "The capital" and " of" follow the question.
    let all = [&PROMPT[..], &[504, 3575, 282]].concat();
    let expected = oracle(&path, "llama", &PROMPT, &all[PROMPT.len()..]);
    let model = load(&path, Precision::Exact);
    for (index, expected) in expected.iter().enumerate() {
        // Both round activations to 8 bits, and 30 layers amplify where they round differently.
        let error = relative_error(&scores(&model, &all[..PROMPT.len() + index], &[16, 1]), expected);
        assert!(error < 0.15, "after {index} more: {error}");
    }
}

/// Top five after the question "What is the capital of France?" in `ChatML` without a system message, from a
/// separate implementation: `NumPy` in float64 over the dequantized weights of the same file.
const PROMPT: [u32; 16] = [1, 4093, 198, 1780, 314, 260, 3575, 282, 4649, 47, 2, 198, 1, 520, 9531, 198];
/// The same implementation's top five after `tokens(40, 49_152)`.
const DENSE_GOLDEN: [(u32, f32); 5] = [(629, 24.6654), (216, 24.2418), (277, 24.0651), (274, 23.8798), (327, 23.3006)];
const GOLDEN: [(u32, f32); 5] = [(504, 27.8588), (60, 26.1295), (38634, 26.1015), (15319, 25.9623), (7026, 25.1814)];

#[test]
fn the_real_model_gives_the_reference_scores() {
    let model = load(&test_models::smollm2_path(), Precision::Exact);
    let mut cache = model.cache();
    // More tokens than DENSE_ROWS: expanded weights, f32 activations, only rounding of f32 is left.
    let hidden = model.forward(&mut cache, model.embed(&tokens(40, 49_152)).unwrap()).unwrap();
    let hidden: Vec<f32> = hidden.flatten_all().unwrap().to_vec1().unwrap();
    for (id, expected) in DENSE_GOLDEN {
        // The head's own product rounds the state to 8 bits, so it is done here.
        let row: Vec<f32> = model.embed(&[id]).unwrap().flatten_all().unwrap().to_vec1().unwrap();
        let score: f32 = row.iter().zip(&hidden).map(|(a, b)| a * b).sum();
        assert!((score - expected).abs() < 2e-3, "token {id}: {score}, {expected}");
    }
}

#[test]
fn rounding_and_widening_change_the_reference_scores_little() {
    for precision in [Precision::Exact, Precision::Widened] {
        // Fewer tokens than DENSE_ROWS: activations are rounded to 8 bits in every product.
        let ours = scores(&load(&test_models::smollm2_path(), precision), &PROMPT, &[16]);
        for (id, expected) in GOLDEN {
            let difference = (ours[id as usize] - expected).abs();
            assert!(difference < 1.0, "{precision:?}: token {id} differs by {difference}");
        }
        let best = (0u32..).zip(&ours).max_by(|a, b| a.1.total_cmp(b.1)).unwrap();
        assert_eq!(best.0, 504);
    }
}

#[test]
fn blocks_of_any_size_give_the_scores_of_one_pass() {
    for architecture in ["llama", "qwen2", "qwen3"] {
        let model = built(&tiny(architecture));
        let all = tokens(600, 263);
        let whole = scores(&model, &all, &[600]);
        for blocks in [&[256, 256, 88][..], &[1], &[1, 599], &[17], &[599, 1]] {
            let difference = largest_difference(&whole, &scores(&model, &all, blocks));
            assert!(difference < 1e-3, "{architecture} {blocks:?}: {difference}");
        }
    }
}

#[test]
fn blocks_give_the_scores_of_one_pass_on_the_real_model() {
    let model = load(&test_models::smollm2_path(), Precision::Widened);
    let all = tokens(300, 49_152);
    let whole = scores(&model, &all, &[300]);
    let difference = largest_difference(&whole, &scores(&model, &all, &[PREFILL_BLOCK]));
    assert!(difference < 0.05, "{difference}");
}

#[test]
fn a_truncated_cache_continues_like_a_fresh_one() {
    let model = built(&tiny("qwen3"));
    let all = tokens(50, 263);
    let mut cache = model.cache();
    model.forward(&mut cache, model.embed(&tokens(300, 200)).unwrap()).unwrap();
    cache.truncate(0);
    model.forward(&mut cache, model.embed(&all[..20]).unwrap()).unwrap();
    model.forward(&mut cache, model.embed(&[1, 2, 3]).unwrap()).unwrap();
    cache.truncate(20);
    let hidden = model.forward(&mut cache, model.embed(&all[20..]).unwrap()).unwrap();
    let difference = largest_difference(&model.logits(&hidden).unwrap(), &scores(&model, &all, &[50]));
    assert!(difference < 1e-4, "{difference}");
}

#[test]
fn frequency_factors_of_llama_3_are_applied() {
    // Dividing every frequency by 2 is what linear scaling by 2 does to positions.
    let mut factors = tiny("llama");
    factors.tensor("rope_freqs.weight", &[4], &[2.0; 4]);
    let mut linear = tiny("llama");
    linear.string("llama.rope.scaling.type", "linear").f32("llama.rope.scaling.factor", 2.0);
    let all = tokens(60, 263);
    let [plain, factors, linear] = [tiny("llama"), factors, linear].map(|build| scores(&built(&build), &all, &[60]));
    assert!(largest_difference(&factors, &linear) < 1e-5);
    assert!(largest_difference(&plain, &factors) > 1e-3, "the factors change nothing");
}

#[test]
fn positions_beyond_4096_work() {
    let mut build = tiny("llama");
    build.u32("llama.context_length", 6000);
    let model = built(&build);
    let ours = scores(&model, &tokens(4500, 263), &[500]);
    assert!(ours.iter().all(|score| score.is_finite()));
}

#[test]
fn the_window_is_a_limit() {
    let mut build = tiny("llama");
    build.u32("llama.context_length", 8);
    let model = built(&build);
    let mut cache = model.cache();
    model.forward(&mut cache, model.embed(&[1; 8]).unwrap()).unwrap();
    assert!(model.forward(&mut cache, model.embed(&[1]).unwrap()).is_err());
    assert_eq!(cache.length(), 8);
}

#[test]
fn a_separate_head_is_used_where_there_is_one() {
    let mut build = tiny("llama");
    let zeros = vec![0.0; 263 * 32];
    build.tensor("output.weight", &[263, 32], &zeros);
    assert!(scores(&built(&build), &[1, 2], &[2]).iter().all(|score| *score == 0.0));
}

#[test]
fn the_estimate_covers_widened_weights() {
    let header = Header::read(&test_models::smollm2_path()).unwrap();
    let shape = Hyperparameters::read(&header).unwrap();
    let exact = Model::estimate(&header, &shape, Precision::Exact, 256);
    let widened = Model::estimate(&header, &shape, Precision::Widened, 256);
    // 106.2 million Q4_1 weights go from 5 to 8.5 bits.
    let growth = (widened.fixed - exact.fixed) as f64;
    assert!((growth - 106.2e6 * 3.5 / 8.0).abs() < 0.01 * growth, "{growth}");
    assert!(exact.total(8192) > exact.total(4096));
}
