//! `tanya bench`: how fast the language model reads and writes here.
//!
//! The tests are those of llama.cpp's `llama-bench`, so that figures can be set side by side: `ppN` reads N random tokens into
//! an empty context, `tgN@D` writes N tokens one at a time behind D that are there. Each has one warm-up run.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow};
use serde::Serialize;
use tanya_engine::{Cancel, Context, Decoder, Options};

use super::progress::Progress;
use super::{App, output};
use crate::report::Hinting as _;

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
    load_ms: f64,
    tests: Vec<Test>,
}

/// Tokens a second.
#[derive(Serialize)]
struct Test {
    name: String,
    median: f64,
    min: f64,
    max: f64,
    runs: Vec<f64>,
}

pub(super) fn run(app: &App, args: &Args) -> Result<ExitCode> {
    let name = &app.settings.model;
    let mut progress = Progress::new();
    let found = app.supply.obtain(name, &Cancel::default(), &mut |event| progress.pull(name, event))?;
    progress.clear();
    let longest = args.prompts.iter().copied().chain(args.depths.iter().map(|depth| depth + args.generate)).max();
    let options = Options { context: Some(longest.unwrap_or(1)), ..app.supply.options.clone() };
    let started = Instant::now();
    let decoder =
        Decoder::open(&found.path, &options).with_context(|| format!("cannot use the model {}", found.name))?;
    let load = started.elapsed();
    let window = decoder.info().window;
    ensure_fits(longest.unwrap_or(1), window)?;
    let info = decoder.info();
    let mut outcome = Outcome {
        model: info.name.clone(),
        file: found.path.display().to_string(),
        bytes: info.file_bytes,
        quantization: info.quantization.clone(),
        backend: info.backend.clone(),
        load_ms: load.as_secs_f64() * 1e3,
        tests: Vec::new(),
    };
    if !args.json {
        output::line(&format!("{} ({}), {}", outcome.file, outcome.quantization, outcome.backend))?;
        output::line(&format!("loaded in {:.0} ms", outcome.load_ms))?;
        output::line(&format!("{:12} {:>9} {:>9} {:>9}", "test", "tokens/s", "min", "max"))?;
    }
    let mut bench = Bench { decoder: &decoder, random: 1, repetitions: args.repetitions };
    let tests = args
        .prompts
        .iter()
        .map(|&length| Task { length, depth: 0, at_once: true })
        .chain(args.depths.iter().map(|&depth| Task { length: args.generate, depth, at_once: false }));
    for task in tests.filter(|task| task.length > 0) {
        let test = bench.test(&task)?;
        if !args.json {
            output::line(&format!("{:12} {:9.2} {:9.2} {:9.2}", test.name, test.median, test.min, test.max))?;
        }
        outcome.tests.push(test);
    }
    if args.json {
        output::json(&outcome)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn ensure_fits(longest: usize, window: usize) -> Result<()> {
    if longest <= window {
        return Ok(());
    }
    Err(anyhow!("a test needs {longest} tokens, the window of this model has {window}"))
        .hint("ask for shorter prompts or depths")
}

/// One test.
struct Task {
    /// Tokens that are timed.
    length: usize,
    /// Tokens that are there before.
    depth: usize,
    /// As a prompt; otherwise one by one.
    at_once: bool,
}

struct Bench<'a> {
    decoder: &'a Decoder,
    random: u64,
    repetitions: u32,
}

impl Bench<'_> {
    fn test(&mut self, task: &Task) -> Result<Test> {
        let mut context = self.decoder.context();
        let before = self.tokens(task.depth);
        read(&mut context, &before)?;
        self.once(&mut context, task)?;
        let mut runs = Vec::new();
        for _ in 0..self.repetitions {
            context.truncate(task.depth);
            let taken = self.once(&mut context, task)?;
            runs.push(task.length as f64 / taken.as_secs_f64());
        }
        let mut sorted = runs.clone();
        sorted.sort_by(f64::total_cmp);
        let (middle, length) = (sorted.len() / 2, task.length);
        let median = if sorted.len().is_multiple_of(2) {
            f64::midpoint(sorted[middle - 1], sorted[middle])
        } else {
            sorted[middle]
        };
        let name = if task.at_once { format!("pp{length}") } else { format!("tg{length}@{}", task.depth) };
        Ok(Test { name, median, min: sorted[0], max: sorted[sorted.len() - 1], runs })
    }

    fn once(&mut self, context: &mut Context, task: &Task) -> Result<Duration> {
        let tokens = self.tokens(task.length);
        let started = Instant::now();
        if task.at_once {
            read(context, &tokens)?;
            context.next_token_scores()?;
        } else {
            for token in &tokens {
                context.append(std::slice::from_ref(token), &Cancel::default())?;
                context.next_token_scores()?;
            }
        }
        Ok(started.elapsed())
    }

    /// Tokens whose order no cache can profit from.
    fn tokens(&mut self, count: usize) -> Vec<u32> {
        let vocabulary = self.decoder.info().vocab_size as u64;
        let mut next = || {
            // splitmix64
            self.random = self.random.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let mixed = (self.random ^ self.random >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            ((mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB) >> 33) % vocabulary
        };
        (0..count).map(|_| next() as u32).collect()
    }
}

fn read(context: &mut Context, tokens: &[u32]) -> Result<()> {
    for block in tokens.chunks(tanya_engine::PREFILL_BLOCK) {
        context.append(block, &Cancel::default())?;
    }
    Ok(())
}
