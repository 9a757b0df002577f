//! What is timed, and how often.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use serde::Serialize;
use tanya_engine::{Cancel, Context, Decoder, EmbedKind, Embedder, PREFILL_BLOCK};

/// Texts of an embedding test.
const TEXTS: usize = 32;

/// What a test measured, in units of work a second.
#[derive(Debug, Serialize)]
pub(super) struct Test {
    name: String,
    pub(super) median: f64,
    min: f64,
    max: f64,
    runs: Vec<f64>,
}

impl Test {
    /// Times `run`, which does `amount` units of work, once to warm up and then as often as asked.
    fn of(name: String, amount: usize, repetitions: u32, mut run: impl FnMut() -> Result<Duration>) -> Result<Self> {
        run()?;
        let mut runs = Vec::new();
        for _ in 0..repetitions {
            runs.push(amount as f64 / run()?.as_secs_f64());
        }
        let mut sorted = runs.clone();
        sorted.sort_by(f64::total_cmp);
        let middle = sorted.len() / 2;
        let median = if sorted.len().is_multiple_of(2) {
            f64::midpoint(sorted[middle - 1], sorted[middle])
        } else {
            sorted[middle]
        };
        Ok(Self { name, median, min: sorted[0], max: sorted[sorted.len() - 1], runs })
    }

    /// A row of the table.
    pub(super) fn row(&self) -> String {
        format!("{:14} {:9.1} {:9.1} {:9.1}", self.name, self.median, self.min, self.max)
    }
}

/// One test of a language model.
pub(super) struct Task {
    /// Tokens that are timed.
    pub(super) length: usize,
    /// Tokens that are there before.
    pub(super) depth: usize,
    /// As a prompt; otherwise one by one.
    pub(super) at_once: bool,
}

impl Task {
    /// `ppN` or `tgN@D`, as `llama-bench` calls them.
    fn name(&self) -> String {
        let Self { length, depth, at_once } = self;
        if *at_once { format!("pp{length}") } else { format!("tg{length}@{depth}") }
    }
}

/// Tests of one language model. Tokens are random, nothing is sampled.
pub(super) struct Bench<'a> {
    pub(super) decoder: &'a Decoder,
    pub(super) random: u64,
    pub(super) repetitions: u32,
}

impl Bench<'_> {
    pub(super) fn test(&mut self, task: &Task) -> Result<Test> {
        let mut context = self.decoder.context();
        read(&mut context, &self.tokens(task.depth))?;
        let repetitions = self.repetitions;
        Test::of(task.name(), task.length, repetitions, || {
            context.truncate(task.depth);
            self.once(&mut context, task)
        })
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

    /// Milliseconds from a prompt to the scores of its first token, the median: `length` tokens behind `depth` that are known.
    pub(super) fn first_token(&mut self, length: usize, depth: usize) -> Result<f64> {
        let test = self.test(&Task { length, depth, at_once: true })?;
        Ok(1e3 * length as f64 / test.median)
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
    for block in tokens.chunks(PREFILL_BLOCK) {
        context.append(block, &Cancel::default())?;
    }
    Ok(())
}

/// How many texts of `length` tokens are embedded in a second, tokenizing included.
pub(super) fn embedding(embedder: &Embedder, texts: usize, length: usize, repetitions: u32) -> Result<Test> {
    // Words of one token each; two more frame a text.
    let words = ["river", "stone", "house", "music", "paper", "night", "horse", "green"];
    let text = |seed: usize| {
        let word = |index: usize| words[(seed * 7 + index * index + index) % words.len()];
        (0..length.saturating_sub(2)).map(word).collect::<Vec<_>>().join(" ")
    };
    let all: Vec<String> = (0..texts).map(text).collect();
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    Test::of(format!("embed {texts}x{length}"), texts, repetitions, || {
        let started = Instant::now();
        embedder.embed(EmbedKind::Passage, &all, &Cancel::default()).context("cannot embed")?;
        Ok(started.elapsed())
    })
}

/// The embedding tests: one short question, then batches of these lengths.
pub(super) fn embeddings(lengths: &[usize]) -> impl Iterator<Item = (usize, usize)> + '_ {
    std::iter::once((1, 16)).filter(|_| !lengths.is_empty()).chain(lengths.iter().map(|length| (TEXTS, *length)))
}
