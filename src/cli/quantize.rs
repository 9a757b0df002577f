//! `tanya models quantize`: a model in smaller numbers, and what that costs.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde::Serialize;
use tanya_engine::{Cancel, Decoder, Error, Options, Scheme, is_model_folder, perplexity, quantize};

use super::progress::Progress;
use super::{App, bench, output};
use crate::report::Hinting as _;

/// Arguments of `tanya models quantize`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A GGUF file, best with weights of 16 or 32 bits, or a model folder as Hugging Face publishes it: config.json,
    /// tokenizer.json and safetensors files
    #[arg(value_hint = clap::ValueHint::AnyPath)]
    input: PathBuf,
    /// The GGUF file to write
    #[arg(value_hint = clap::ValueHint::FilePath)]
    output: PathBuf,
    /// How matrices are rounded
    #[arg(long = "type", value_name = "TYPE", help = format!("How matrices are rounded: {}", Scheme::names()))]
    scheme: Scheme,
    /// Measure perplexity on this text, of both models where the input is a GGUF file
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
    /// None where the input is a folder, which is not run as it is.
    before: Option<Measured>,
    after: Measured,
}

/// For whatever is wrong in a folder: what belongs there, and what else may help.
const FOLDER_HINT: &str = "a model folder holds config.json, tokenizer.json and model.safetensors or its parts with their index; \
                           what is not supported here, convert_hf_to_gguf.py of llama.cpp may convert";

pub(super) fn run(app: &App, args: &Args, json: bool) -> Result<()> {
    let mut progress = Progress::new();
    let text = args
        .check
        .as_deref()
        .map(|path| std::fs::read_to_string(path).with_context(|| format!("{}: cannot read the text", path.display())));
    let text = text.transpose()?;
    let is_folder = is_model_folder(&args.input);
    let made = quantize(&args.input, &args.output, args.scheme, &Cancel::default(), &mut |done, total| {
        progress.bytes("rounding", done, total);
    });
    let made = match made {
        Err(error) if is_folder && !matches!(error, Error::Write { .. }) => Err::<u64, _>(error).hint(FOLDER_HINT),
        made => made.map_err(anyhow::Error::from),
    };
    made.context("cannot quantize the model")?;
    let mut of = |path: &Path| measure(app, path, text.as_deref(), &mut progress);
    let outcome = Outcome {
        path: args.output.display().to_string(),
        r#type: args.scheme.name(),
        before: if is_folder { None } else { Some(of(&args.input)?) },
        after: of(&args.output)?,
    };
    progress.clear();
    if json {
        return output::json(&outcome);
    }
    show(&outcome, args)
}

fn show(outcome: &Outcome, args: &Args) -> Result<()> {
    let Outcome { before, after, .. } = outcome;
    let row = |name: &str, of: &dyn Fn(&Measured) -> String| {
        let before = before.as_ref().map_or_else(|| "-".to_owned(), of);
        output::line(&format!("{name:22} {before:>12} {:>12}", of(after)))
    };
    let megabytes = |bytes: u64| format!("{} MB", bytes / 1_000_000);
    let rate = |rate: f64| format!("{rate:.0}");
    output::line(&format!("{:22} {:>12} {:>12}", args.scheme.name(), "before", "after"))?;
    row("file", &|of| megabytes(of.bytes))?;
    row("memory, full window", &|of| megabytes(of.memory_bytes))?;
    row("read, tokens/s", &|of| rate(of.read_tokens_per_second))?;
    row("written, tokens/s", &|of| rate(of.written_tokens_per_second))?;
    if after.perplexity.is_some() {
        let shown = |perplexity: f64| format!("{perplexity:.3}");
        row("perplexity", &|of| of.perplexity.map_or_else(|| "-".to_owned(), shown))?;
    } else if args.check.is_some() {
        output::note("the text is too short to measure: 512 tokens are the least");
    }
    if let (Some(before), Some(after)) = (before.as_ref().and_then(|of| of.perplexity), after.perplexity) {
        output::line(&format!("{:+.2} % perplexity", (after / before - 1.0) * 100.0))?;
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
