//! `tanya models quantize`: a model file in smaller numbers, and what that costs.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde::Serialize;
use tanya_engine::{Cancel, Decoder, Options, Scheme, perplexity, quantize};

use super::progress::Progress;
use super::{App, bench, output};
use crate::report::Hinting as _;

/// Arguments of `tanya models quantize`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A GGUF file, best with weights of 16 or 32 bits
    #[arg(value_hint = clap::ValueHint::FilePath)]
    input: PathBuf,
    /// The file to write
    #[arg(value_hint = clap::ValueHint::FilePath)]
    output: PathBuf,
    /// How matrices are rounded
    #[arg(long = "type", value_name = "TYPE", help = format!("How matrices are rounded: {}", Scheme::names()))]
    scheme: Scheme,
    /// Measure both models' perplexity on this text
    #[arg(long, value_name = "TEXT", value_hint = clap::ValueHint::FilePath)]
    check: Option<PathBuf>,
}

/// What a model takes and gives.
#[derive(Serialize)]
struct Measured {
    bytes: u64,
    /// Weights and a full window.
    memory_bytes: u64,
    read_tokens_per_second: f64,
    written_tokens_per_second: f64,
    perplexity: Option<f64>,
}

#[derive(Serialize)]
struct Outcome {
    path: String,
    r#type: &'static str,
    before: Measured,
    after: Measured,
}

pub(super) fn run(app: &App, args: &Args, json: bool) -> Result<()> {
    let mut progress = Progress::new();
    let text = args
        .check
        .as_deref()
        .map(|path| std::fs::read_to_string(path).with_context(|| format!("{}: cannot read the text", path.display())));
    let text = text.transpose()?;
    quantize(&args.input, &args.output, args.scheme, &Cancel::default(), &mut |done, total| {
        progress.bytes("rounding", done, total);
    })
    .context("cannot quantize the model")?;
    let mut of = |path: &Path| measure(app, path, text.as_deref(), &mut progress);
    let outcome = Outcome {
        path: args.output.display().to_string(),
        r#type: args.scheme.name(),
        before: of(&args.input)?,
        after: of(&args.output)?,
    };
    progress.clear();
    if json {
        return output::json(&outcome);
    }
    let Outcome { before, after, .. } = &outcome;
    let megabytes = |bytes: u64| format!("{} MB", bytes / 1_000_000);
    let row = |name: &str, before: String, after: String| output::line(&format!("{name:22} {before:>12} {after:>12}"));
    row(args.scheme.name(), "before".into(), "after".into())?;
    row("file", megabytes(before.bytes), megabytes(after.bytes))?;
    row("memory, full window", megabytes(before.memory_bytes), megabytes(after.memory_bytes))?;
    let rate = |rate: f64| format!("{rate:.0}");
    row("read, tokens/s", rate(before.read_tokens_per_second), rate(after.read_tokens_per_second))?;
    row("written, tokens/s", rate(before.written_tokens_per_second), rate(after.written_tokens_per_second))?;
    if let (Some(before), Some(after)) = (before.perplexity, after.perplexity) {
        row("perplexity", format!("{before:.3}"), format!("{after:.3}"))?;
        output::line(&format!("{:+.2} % perplexity", (after / before - 1.0) * 100.0))?;
    } else if args.check.is_some() {
        output::note("the text is too short to measure: 512 tokens are the least");
    }
    Ok(())
}

fn measure(app: &App, path: &Path, text: Option<&str>, progress: &mut Progress) -> Result<Measured> {
    let options = Options { context: None, ..app.supply.options.clone() };
    let decoder = Decoder::open(path, &options).hint("tanya models list shows models that can be run")?;
    let (read, written) = bench::speed(&decoder)?;
    let perplexity = match text {
        Some(text) => {
            let ids = decoder.tokenizer().encode_text(text);
            let mut tell = |done, total| progress.bytes("measuring", done as u64, total as u64);
            perplexity(&decoder, &ids, &Cancel::default(), &mut tell)?
        }
        None => None,
    };
    Ok(Measured {
        bytes: decoder.info().file_bytes,
        memory_bytes: decoder.info().memory_bytes,
        read_tokens_per_second: read,
        written_tokens_per_second: written,
        perplexity,
    })
}
