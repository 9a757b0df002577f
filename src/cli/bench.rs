//! `tanya bench`: how fast the models read, write and embed here, beside what the processor could do.
//!
//! The tests of the language model are those of llama.cpp's `llama-bench`, so that figures can be set side by side: `ppN` reads N
//! random tokens into an empty context, `tgN@D` writes N tokens one at a time behind D that are there. Each has one warm-up run.

mod runs;

use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context as _, Result, anyhow};
use serde::Serialize;
use tanya_engine::{Cancel, Decoder, Options};

use super::progress::Progress;
use super::{App, output};
use crate::report::Hinting as _;
use runs::{Bench, Task, Test};

/// Arguments of `tanya bench`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Lengths of prompts to read
    #[arg(long, value_delimiter = ',', default_value = "128,512,2048", value_name = "N,N")]
    prompts: Vec<usize>,
    /// Lengths of contexts to write behind
    #[arg(long, value_delimiter = ',', default_value = "0,512,2048", value_name = "N,N")]
    depths: Vec<usize>,
    /// Tokens to write
    #[arg(long, default_value_t = 128, value_name = "N")]
    generate: usize,
    /// Lengths of texts to embed, in tokens
    #[arg(long, value_delimiter = ',', default_value = "16,64,128,256", value_name = "N,N")]
    texts: Vec<usize>,
    /// Timed runs of each test
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    repetitions: u32,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Outcome {
    model: String,
    file: String,
    bytes: u64,
    quantization: String,
    backend: String,
    instructions: &'static str,
    threads: usize,
    load_ms: f64,
    embedder: String,
    embedder_load_ms: f64,
    /// Until the first token of an answer; none where the window is too small.
    first_token: Option<FirstToken>,
    /// What the weights of the language model take in memory.
    weight_bytes: u64,
    /// What is kept of each token that it has read.
    cache_bytes_per_token: u64,
    /// The most memory that the program has had.
    peak_bytes: Option<u64>,
    /// Measured, not looked up.
    roofline: Roofline,
    tests: Vec<Test>,
}

/// Milliseconds from a prompt to the scores of the first token.
#[derive(Serialize)]
struct FirstToken {
    /// A prompt of [`SOURCES`] tokens, nothing of which is known.
    cold_ms: f64,
    /// [`QUESTION`] more behind it: another question on the same sources.
    same_sources_ms: f64,
}

/// Tokens of a long prompt.
const SOURCES: usize = 2000;
/// Tokens of a question.
const QUESTION: usize = 32;

#[derive(Serialize)]
struct Roofline {
    read_bytes_per_second: f64,
    int8_products_per_second: f64,
    /// The most tokens a second that could be written behind an empty context, and which share of it is reached.
    decode_bound: f64,
    decode_share: Option<f64>,
    /// The most tokens a second that could be read, attention apart, and which share of it is reached at the best length.
    prefill_bound: f64,
    prefill_share: Option<f64>,
}

pub(super) fn run(app: &App, args: &Args) -> Result<ExitCode> {
    let mut progress = Progress::new();
    let mut find = |name: &str| app.supply.obtain(name, &Cancel::default(), &mut |event| progress.pull(name, event));
    let (model, encoder) = (find(&app.settings.model)?, find(&app.settings.embedder)?);
    progress.clear();
    let processor = app.supply.options.processor.clone().context("the command line always names a processor")?;
    let table = Table { quiet: args.json };

    let asked = args.prompts.iter().copied().chain(args.depths.iter().map(|depth| depth + args.generate)).max();
    let asked = asked.unwrap_or(1);
    let longest = asked.max(SOURCES + QUESTION);
    let options = Options { context: Some(longest), ..app.supply.options.clone() };
    let decoder =
        Decoder::open(&model.path, &options).with_context(|| format!("cannot use the model {}", model.name))?;
    let info = decoder.info();
    ensure_fits(asked, info.window)?;
    let load_ms = info.load_time.as_secs_f64() * 1e3;
    table.line(&format!("{} ({}), {}", model.path.display(), info.quantization, info.backend))?;
    let (weights, cache) = (info.weight_bytes as f64 / 1e6, info.cache_bytes as f64 / 1e3);
    table.line(&format!("loaded in {load_ms:.0} ms; {weights:.1} MB of weights, {cache:.1} kB for each token read"))?;
    table.line(&format!("{:14} {:>9} {:>9} {:>9}", "test", "tokens/s", "min", "max"))?;
    let mut tests = Vec::new();
    let mut bench = Bench { decoder: &decoder, random: 1, repetitions: args.repetitions };
    let prompts = args.prompts.iter().map(|&length| Task { length, depth: 0, at_once: true });
    let depths = args.depths.iter().map(|&depth| Task { length: args.generate, depth, at_once: false });
    let (mut read, mut written): (Option<f64>, Option<f64>) = (None, None);
    for task in prompts.chain(depths).filter(|task| task.length > 0) {
        let test = bench.test(&task)?;
        table.line(&test.row())?;
        if task.at_once {
            read = Some(read.map_or(test.median, |best| best.max(test.median)));
        } else if task.depth == 0 {
            written = Some(test.median);
        }
        tests.push(test);
    }

    let first_token = (SOURCES + QUESTION <= info.window)
        .then(|| {
            let cold_ms = bench.first_token(SOURCES, 0)?;
            anyhow::Ok(FirstToken { cold_ms, same_sources_ms: bench.first_token(QUESTION, SOURCES)? })
        })
        .transpose()?;
    if let Some(FirstToken { cold_ms, same_sources_ms }) = &first_token {
        table.line(&format!(
            "first token after {cold_ms:.0} ms for a prompt of {SOURCES} tokens, {same_sources_ms:.0} ms for {QUESTION} more behind them"
        ))?;
    }

    let started = Instant::now();
    let embedder = app.supply.embedder(&encoder)?;
    let embedder_load_ms = started.elapsed().as_secs_f64() * 1e3;
    table.line(&format!("\n{}\nloaded in {embedder_load_ms:.0} ms", encoder.path.display()))?;
    table.line(&format!("{:14} {:>9} {:>9} {:>9}", "test", "texts/s", "min", "max"))?;
    for (texts, length) in runs::embeddings(&args.texts) {
        let test = runs::embedding(&embedder, texts, length, args.repetitions)?;
        table.line(&test.row())?;
        tests.push(test);
    }

    let peak_bytes = tanya_engine::peak_memory();
    let most = processor.roofline()?;
    let decode_bound = most.bytes_per_second / info.token_bytes as f64;
    let prefill_bound = most.products_per_second / info.token_products as f64;
    let roofline = Roofline {
        read_bytes_per_second: most.bytes_per_second,
        int8_products_per_second: most.products_per_second,
        decode_bound,
        decode_share: written.map(|rate| rate / decode_bound),
        prefill_bound,
        prefill_share: read.map(|rate| rate / prefill_bound),
    };
    if let Some(peak) = peak_bytes {
        table.line(&format!("\npeak memory {} MB", peak / 1_000_000))?;
    }
    table.line(&roofline.shown(&processor.to_string()))?;
    if args.json {
        output::json(&Outcome {
            model: info.name.clone(),
            file: model.path.display().to_string(),
            bytes: info.file_bytes,
            quantization: info.quantization.clone(),
            backend: info.backend.clone(),
            instructions: processor.instructions(),
            threads: processor.threads(),
            load_ms,
            embedder: embedder.id().to_owned(),
            embedder_load_ms,
            first_token,
            weight_bytes: info.weight_bytes,
            cache_bytes_per_token: info.cache_bytes,
            peak_bytes,
            roofline,
            tests,
        })?;
    }
    Ok(ExitCode::SUCCESS)
}

/// How many tokens a second a model reads (256 at once) and writes (32, one by one).
pub(super) fn speed(decoder: &Decoder) -> Result<(f64, f64)> {
    let mut bench = Bench { decoder, random: 1, repetitions: 3 };
    let read = bench.test(&Task { length: 256.min(decoder.info().window), depth: 0, at_once: true })?;
    let written = bench.test(&Task { length: 32.min(decoder.info().window), depth: 0, at_once: false })?;
    Ok((read.median, written.median))
}

impl Roofline {
    fn shown(&self, processor: &str) -> String {
        let share =
            |share: Option<f64>| share.map_or_else(String::new, |share| format!(", {:.0} % reached", share * 100.0));
        format!(
            "{processor}: reads {:.1} GB/s, so at most {:.0} tokens/s are written{}; {:.0} G int8 products/s, so at most {:.0} tokens/s are read{}",
            self.read_bytes_per_second / 1e9,
            self.decode_bound,
            share(self.decode_share),
            self.int8_products_per_second / 1e9,
            self.prefill_bound,
            share(self.prefill_share),
        )
    }
}

/// Lines for a person; none where a program reads.
struct Table {
    quiet: bool,
}

impl Table {
    fn line(&self, text: &str) -> Result<()> {
        if self.quiet { Ok(()) } else { output::line(text) }
    }
}

fn ensure_fits(longest: usize, window: usize) -> Result<()> {
    if longest <= window {
        return Ok(());
    }
    Err(anyhow!("a test needs {longest} tokens, the window of this model has {window}"))
        .hint("ask for shorter prompts or depths")
}
