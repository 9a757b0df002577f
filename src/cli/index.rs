//! `tanya index`: the library of a folder, up to date, embeddings included.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context as _, Result, anyhow};
use serde::Serialize;
use tanya_engine::Cancel;

use super::library::Freshness;
use super::progress::Progress;
use super::{App, output};
use crate::report::Hinting as _;

/// Arguments of `tanya index`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The folder to index
    #[arg(default_value = ".", value_hint = clap::ValueHint::DirPath)]
    dir: PathBuf,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Indexed {
    #[serde(flatten)]
    status: tanya_index::Status,
    ms_words: f64,
    ms_total: f64,
}

pub(super) fn run(app: &App, args: &Args) -> Result<ExitCode> {
    let started = Instant::now();
    let mut progress = Progress::new();
    let mut opened = app.library(&args.dir, Freshness::Update, &mut progress)?;
    let ms_words = started.elapsed().as_secs_f64() * 1000.0;
    let Some(mut writer) = opened.writer.take() else {
        return Err(anyhow!("another tanya is indexing this folder"))
            .hint("wait until it is done, or close it, and run the same command again");
    };
    let name = &app.settings.embedder;
    let found = app.supply.obtain(name, &Cancel::default(), &mut |event| progress.pull(name, event))?;
    let embedder = app.supply.embedder(&found)?;
    opened.embed_with(&mut writer, &embedder, None, &progress)?;
    writer.finish().context("cannot finish the library")?;
    progress.clear();
    let status = opened.library.status().context("cannot read the library")?;
    let indexed = Indexed { status, ms_words, ms_total: started.elapsed().as_secs_f64() * 1000.0 };
    if args.json {
        output::json(&indexed)?;
    } else {
        let status = &indexed.status;
        let mut line = format!(
            "{} files, {} passages, {} embedded; words after {:.1} s, all after {:.1} s",
            status.files,
            status.chunks,
            status.embedded,
            indexed.ms_words / 1000.0,
            indexed.ms_total / 1000.0
        );
        if let Some(summary) = &opened.summary {
            line = format!(
                "{line}\n{} new, {} changed, {} renamed, {} removed, {} unchanged",
                summary.added, summary.changed, summary.renamed, summary.removed, summary.unchanged
            );
        }
        output::line(&line)?;
        let unread = status.skipped + status.failed;
        if unread > 0 {
            output::line(&format!("{unread} files were not read: tanya status --failed says why"))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
