//! `tanya status`: what is indexed, what is not, and why.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde::Serialize;
use tanya_index::{FileState, Problem};

use super::library::Freshness;
use super::progress::Progress;
use super::{App, output};
use crate::ingest::{Entry, in_words, state_word};
use crate::report::Hinting as _;

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
    /// List every file with what was read of it
    #[arg(long, conflicts_with = "failed")]
    files: bool,
    /// Say everything that is known of one file, by its path in the folder
    #[arg(long, value_name = "PATH", conflicts_with_all = ["failed", "files"])]
    file: Option<String>,
}

#[derive(Serialize)]
struct Shown {
    folder: String,
    library: PathBuf,
    #[serde(flatten)]
    status: tanya_index::Status,
    /// Time that reading the files took, all together, as far as it is known.
    ms_read: f64,
    /// Files in which something is hidden or addressed to a model.
    marked: u64,
    /// Files by their extensions, the most frequent first.
    formats: Vec<Format>,
    problems: Vec<Problem>,
    #[serde(skip_serializing_if = "Option::is_none")]
    files: Option<Vec<Entry>>,
}

#[derive(Serialize)]
struct Format {
    extension: String,
    files: u64,
    /// Of these, wholly or partly read.
    read: u64,
}

/// One line: state, path, and what was read.
fn row(entry: &Entry) -> String {
    let reason = entry.reason.as_ref().map(|reason| format!(" · {reason}")).unwrap_or_default();
    format!("  {:<8} {}  {}{reason}", state_word(entry.state), entry.path, entry.amount())
}

fn formats(ledger: &[Entry]) -> Vec<Format> {
    let mut by: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    for entry in ledger {
        let name = entry.path.rsplit('/').next().unwrap_or_default();
        let extension =
            name.rsplit_once('.').filter(|(stem, _)| !stem.is_empty()).map_or("", |(_, extension)| extension);
        let (files, read) = by.entry(extension.to_lowercase()).or_default();
        *files += 1;
        *read += u64::from(matches!(entry.state, FileState::Indexed | FileState::Partly));
    }
    let mut formats: Vec<Format> =
        by.into_iter().map(|(extension, (files, read))| Format { extension, files, read }).collect();
    formats.sort_by_key(|format| std::cmp::Reverse(format.files));
    formats
}

pub(super) fn run(app: &App, args: &Args) -> Result<ExitCode> {
    let folder = crate::places::Folder::open(&args.folder)?;
    let opened = app.library(&args.folder, Freshness::AsIs, &mut Progress::new())?;
    let library = &opened.library;
    let ledger = crate::ingest::ledger(library)?;
    if let Some(path) = &args.file {
        let found = ledger.into_iter().find(|entry| entry.path == *path);
        let entry = found
            .with_context(|| format!("{path}: the library of {} knows no such file", folder.display()))
            .hint("tanya status --files lists all that it knows")?;
        return one(&entry, args.json);
    }
    let problems = library.problems().context("cannot read the library")?;
    let took: Duration = ledger.iter().filter_map(|entry| entry.took).sum();
    let slowest = ledger.iter().filter_map(|entry| Some((entry.took?, entry.path.clone()))).max();
    let shown = Shown {
        folder: folder.path().display().to_string(),
        library: app.places.library(&folder),
        status: library.status().context("cannot read the library")?,
        ms_read: took.as_secs_f64() * 1e3,
        marked: ledger.iter().filter(|entry| entry.is_marked()).count() as u64,
        formats: formats(&ledger),
        problems: problems.into_iter().map(crate::ingest::with_hint).collect(),
        files: args.files.then_some(ledger),
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
    let formats: Vec<String> = shown
        .formats
        .iter()
        .take(12)
        .map(|format| {
            let name = if format.extension.is_empty() { "no extension" } else { &format.extension };
            if format.read == format.files {
                format!("{name} {}", format.files)
            } else {
                format!("{name} {} of {}", format.read, format.files)
            }
        })
        .collect();
    if !formats.is_empty() {
        output::line(&output::shown(&format!("  read: {}", formats.join(", "))))?;
    }
    if let Some((longest, path)) = slowest {
        output::line(&output::shown(&format!(
            "  reading took {}, the longest {} for {path}",
            in_words(took),
            in_words(longest)
        )))?;
    }
    if shown.marked > 0 {
        output::line(&format!(
            "  {} with hidden text or text that is addressed to a model (tanya status --file PATH tells what)",
            match shown.marked {
                1 => "1 file".to_owned(),
                files => format!("{files} files"),
            }
        ))?;
    }
    if let Some(files) = &shown.files {
        files.iter().try_for_each(|entry| output::line(&output::shown(&row(entry))))?;
    } else if args.failed {
        for problem in &shown.problems {
            let state = state_word(problem.state);
            let hint = problem.hint.as_ref().map(|hint| format!(" → {hint}")).unwrap_or_default();
            output::line(&output::shown(&format!("  {state:<8} {}  {}{hint}", problem.path, problem.reason)))?;
        }
    } else if !shown.problems.is_empty() {
        output::line("  tanya status --failed lists what was not read")?;
    }
    Ok(ExitCode::SUCCESS)
}

/// All that is known of one file.
fn one(entry: &Entry, json: bool) -> Result<ExitCode> {
    if json {
        output::json(entry)?;
        return Ok(ExitCode::SUCCESS);
    }
    let facts: Vec<String> = entry.facts().into_iter().map(|(name, value)| format!("\n  {name:<9} {value}")).collect();
    output::line(&output::shown(&format!("{}{}", entry.path, facts.concat())))?;
    Ok(ExitCode::SUCCESS)
}
