//! `tanya doctor`: whether a folder's library is whole, and repairing it.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result, anyhow};
use serde::Serialize;
use tanya_index::{Finding, Part};

use super::library::Freshness;
use super::progress::Progress;
use super::{App, output};
use crate::report::Hinting as _;

/// Arguments of `tanya doctor`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The folder
    #[arg(long, default_value = ".", value_hint = clap::ValueHint::DirPath)]
    folder: PathBuf,
    /// Read every byte of the word index and every vector
    #[arg(long)]
    deep: bool,
    /// Make again what is damaged
    #[arg(long)]
    repair: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Shown {
    library: PathBuf,
    /// What opening the library has repaired already.
    on_opening: Vec<String>,
    findings: Vec<Finding>,
    repaired: Vec<String>,
    /// What is still wrong.
    left: Vec<Finding>,
    /// Limits and denials that this system cannot put on the process which reads documents.
    unconfined: Vec<String>,
}

pub(super) fn run(app: &App, args: &Args) -> Result<ExitCode> {
    let folder = crate::places::Folder::open(&args.folder)?;
    let opened = app.library(&args.folder, Freshness::AsIs, &mut Progress::new())?;
    let library = &opened.library;
    let findings = library.verify(args.deep).context("cannot check the library")?;
    let (mut repaired, mut left) = (Vec::new(), findings.clone());
    if args.repair && !findings.is_empty() {
        let mut writer = library.writer().context("cannot write the library")?;
        repaired = writer.repair(&findings).context("cannot repair the library")?;
        writer.finish().context("cannot repair the library")?;
        left = library.verify(args.deep).context("cannot check the library")?;
    }
    let shown = Shown {
        library: app.places.library(&folder),
        on_opening: library.notices().to_vec(),
        findings,
        repaired,
        left,
        unconfined: crate::ingest::confinement(&crate::ingest::WorkerOptions::default())?,
    };
    if args.json {
        output::json(&shown)?;
    } else {
        print(&shown, args.deep)?;
    }
    let Some(worst) = shown.left.iter().find(|finding| finding.part == Part::Store).or(shown.left.first()) else {
        return Ok(ExitCode::SUCCESS);
    };
    let hint = match worst.part {
        Part::Store => "the database itself is damaged: tanya purge removes it, and the folder is indexed anew",
        Part::Words | Part::Vectors => "tanya doctor --repair makes it again",
    };
    Err(anyhow!("{}: its library is not whole", folder.display())).hint(hint)
}

fn print(shown: &Shown, deep: bool) -> Result<()> {
    let lines = |what: &str, texts: &[String]| -> Result<()> {
        texts.iter().try_for_each(|text| output::line(&output::shown(&format!("{what}{text}"))))
    };
    let named: Vec<String> = shown.findings.iter().map(|finding| finding.what.clone()).collect();
    lines("repaired on opening: ", &shown.on_opening)?;
    lines("wrong: ", &named)?;
    lines("repaired: ", &shown.repaired)?;
    if shown.findings.is_empty() {
        let how = if deep { "every byte was read" } else { "--deep reads every byte" };
        output::line(&format!("Database, word index and vectors agree ({how})."))?;
    }
    output::line(&if shown.unconfined.is_empty() {
        "Documents are read by a process that can reach no file, no network and no other program.".to_owned()
    } else {
        format!("The process that reads documents is not denied: {}.", shown.unconfined.join(", "))
    })?;
    Ok(())
}
