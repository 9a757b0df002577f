//! `tanya purge`: removes all that is remembered of a folder.

use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result, anyhow};
use tanya_index::Library;

use super::{App, output};
use crate::chat::SessionStore;
use crate::places::Folder;
use crate::report::Hinting as _;

/// Arguments of `tanya purge`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The folder; its documents stay as they are
    #[arg(long, default_value = ".", value_hint = clap::ValueHint::DirPath)]
    folder: PathBuf,
    /// Do not ask
    #[arg(long, short)]
    yes: bool,
}

pub(super) fn run(app: &App, args: &Args) -> Result<ExitCode> {
    let folder = Folder::open(&args.folder)?;
    let (library, store) = (app.places.library(&folder), SessionStore::at(app.places.sessions()));
    let own = folder.path().display().to_string();
    let sessions: Vec<_> = store.list()?.into_iter().filter(|session| session.folder == own).collect();
    if !library.exists() && sessions.is_empty() {
        output::line(&output::shown(&format!("nothing is remembered of {}", folder.display())))?;
        return Ok(ExitCode::SUCCESS);
    }
    let what = format!(
        "the library of {} and {} conversation{} about it",
        folder.display(),
        sessions.len(),
        if sessions.len() == 1 { "" } else { "s" }
    );
    if !args.yes && !confirmed(&what)? {
        return Ok(ExitCode::FAILURE);
    }
    Library::destroy(&library).context("cannot remove the library")?;
    for session in &sessions {
        store.remove(&session.id)?;
    }
    output::line(&output::shown(&format!("removed {what}")))?;
    Ok(ExitCode::SUCCESS)
}

/// Whether the person who types wants it.
fn confirmed(what: &str) -> Result<bool> {
    if !std::io::stdin().is_terminal() {
        return Err(anyhow!("purge would remove {what}, and nobody is there to confirm it")).hint("add --yes");
    }
    output::line(&output::shown(&format!("This removes {what}. The documents stay. Type yes to go on:")))?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer).context("cannot read the answer")?;
    Ok(answer.trim().eq_ignore_ascii_case("yes"))
}
