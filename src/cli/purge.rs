//! `tanya purge`: removes all that is remembered of a folder.

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, anyhow};
use tanya_index::Library;

use super::{App, output};
use crate::chat::{Belonging, SessionStore};
use crate::log;
use crate::places::Folder;
use crate::report::Hinting as _;

/// Arguments of `tanya purge`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The folder, which need not be there any more; its documents stay as they are
    #[arg(long, default_value = ".", value_hint = clap::ValueHint::DirPath)]
    pub(super) folder: PathBuf,
    /// Also remove every conversation that is too damaged to tell which folder it is about
    #[arg(long)]
    pub(super) all_unreadable: bool,
    /// Do not ask
    #[arg(long, short)]
    pub(super) yes: bool,
}

pub(super) fn run(app: &App, args: &Args) -> Result<ExitCode> {
    let folder = app.remembered(&args.folder)?;
    let (library, store) = (app.places.library(&folder), SessionStore::at(app.places.sessions()));
    let Belonging { own: mut sessions, unreadable } = app.conversations(&folder)?;
    let damaged = if args.all_unreadable { unreadable.len() } else { 0 };
    let unclear = unreadable.len() - damaged;
    let mut what = format!("the library of {} and {} about it", folder.display(), conversations(sessions.len()));
    if damaged > 0 {
        what = format!("{what}, and {} that cannot be read", conversations(damaged));
        sessions.extend(unreadable);
    }
    let there = library.symlink_metadata().is_ok() || !sessions.is_empty();
    if there && !args.yes && !confirmed("purge", &what)? {
        return Ok(ExitCode::FAILURE);
    }
    app.clear_traces()?;
    Library::destroy(&library).context("cannot remove the library")?;
    for session in &sessions {
        store.remove(session)?;
    }
    if there {
        output::line(&output::shown(&format!("removed {what}")))?;
    } else {
        output::line(&output::shown(&format!("nothing is remembered of {}", folder.display())))?;
    }
    if unclear > 0 {
        output::note(&format!(
            "{} cannot be read and may be about it too: tanya purge --all-unreadable removes them",
            conversations(unclear)
        ));
    }
    Ok(ExitCode::SUCCESS)
}

impl App {
    /// A folder that is there, or one that is gone and of which something is remembered.
    pub(super) fn remembered(&self, path: &Path) -> Result<Folder> {
        let error = match Folder::open(path) {
            Ok(folder) => return Ok(folder),
            Err(error) => error,
        };
        let Some(folder) = Folder::gone(path) else { return Err(error) };
        let known =
            self.places.library(&folder).symlink_metadata().is_ok() || !self.conversations(&folder)?.own.is_empty();
        if known { Ok(folder) } else { Err(error) }
    }

    /// The conversations about a folder.
    pub(super) fn conversations(&self, folder: &Folder) -> Result<Belonging> {
        SessionStore::at(self.places.sessions()).of_folder(&folder.path().display().to_string())
    }

    /// Removes what does not tell which folder it came from: the log, and what models have read.
    pub(super) fn clear_traces(&self) -> Result<()> {
        let contexts = self.places.contexts();
        match std::fs::remove_dir_all(&contexts) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            result => result.with_context(|| format!("{}: cannot remove what models have read", contexts.display()))?,
        }
        log::clear(&self.places)
    }
}

/// So many conversations, in words.
pub(super) fn conversations(count: usize) -> String {
    format!("{count} conversation{}", if count == 1 { "" } else { "s" })
}

/// Whether the person who types wants it.
pub(super) fn confirmed(command: &str, what: &str) -> Result<bool> {
    if !std::io::stdin().is_terminal() {
        return Err(anyhow!("{command} would remove {what}, and nobody is there to confirm it")).hint("add --yes");
    }
    output::line(&output::shown(&format!("This removes {what}. The documents stay. Type yes to go on:")))?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer).context("cannot read the answer")?;
    Ok(answer.trim().eq_ignore_ascii_case("yes"))
}
