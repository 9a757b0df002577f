//! `tanya status`: what is indexed, what is not, and why.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use serde::Serialize;

use super::library::Freshness;
use super::progress::Progress;
use super::{App, output};

/// Arguments of `tanya status`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The folder
    #[arg(long, default_value = ".", value_hint = clap::ValueHint::DirPath)]
    folder: PathBuf,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// List each file that was not read, or only partly, with its reason
    #[arg(long)]
    failed: bool,
}

#[derive(Serialize)]
struct Shown {
    folder: String,
    library: PathBuf,
    #[serde(flatten)]
    status: tanya_index::Status,
    problems: Vec<tanya_index::Problem>,
}

pub(super) fn run(app: &App, args: &Args) -> Result<ExitCode> {
    let folder = crate::places::Folder::open(&args.folder)?;
    let opened = app.library(&args.folder, Freshness::AsIs, &mut Progress::new())?;
    let shown = Shown {
        folder: folder.path().display().to_string(),
        library: app.places.library(&folder),
        status: opened.library.status().context("cannot read the library")?,
        problems: opened
            .library
            .problems()
            .context("cannot read the library")?
            .into_iter()
            .map(crate::ingest::with_hint)
            .collect(),
    };
    if args.json {
        output::json(&shown)?;
        return Ok(ExitCode::SUCCESS);
    }
    let status = &shown.status;
    output::line(&output::shown(&format!(
        "{}\n  {} files: {} whole, {} partly, {} skipped, {} failed\n  {} passages, {} embedded{}\n  library {}",
        folder.display(),
        status.files,
        status.indexed,
        status.partly,
        status.skipped,
        status.failed,
        status.chunks,
        status.embedded,
        status.embedder.as_ref().map(|name| format!(" by {name}")).unwrap_or_default(),
        shown.library.display(),
    )))?;
    if args.failed {
        for problem in &shown.problems {
            let state = format!("{:?}", problem.state).to_lowercase();
            let hint = problem.hint.as_ref().map(|hint| format!(" → {hint}")).unwrap_or_default();
            output::line(&output::shown(&format!("  {state:<8} {}  {}{hint}", problem.path, problem.reason)))?;
        }
    } else if !shown.problems.is_empty() {
        output::line("  tanya status --failed lists what was not read")?;
    }
    Ok(ExitCode::SUCCESS)
}
