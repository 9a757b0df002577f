//! An event of the operating system → what it says about the folder. Pure.

use std::path::{Path, PathBuf};
use std::time::Instant;

use notify::event::{AccessKind, AccessMode, EventKind, ModifyKind, RenameMode};
use notify::{Event, Result};

use super::debounce::Debounce;
use crate::ingest::scan;

/// What a path means.
enum Concern {
    /// It is never listed.
    None,
    /// It may be listed.
    Path(PathBuf),
    /// What is listed elsewhere depends on it.
    Everything,
}

/// Notes what an event, or an error in its place, says.
pub(super) fn note(debounce: &mut Debounce, root: &Path, event: &Result<Event>, now: Instant) {
    let event = match event {
        Ok(event) if event.need_rescan() => return debounce.everything(now),
        Ok(event) => event,
        Err(error) => {
            tracing::warn!(%error, "the watch on the folder missed something");
            return debounce.everything(now);
        }
    };
    // Reading is no change: the scan and the reader of this program make such events themselves. The end of writing is one:
    // what is written through a memory map makes no other.
    if matches!(event.kind, EventKind::Access(kind) if kind != AccessKind::Close(AccessMode::Write)) {
        return;
    }
    let concerns: Vec<Concern> = event.paths.iter().map(|path| concern(root, path)).collect();
    if let (EventKind::Modify(ModifyKind::Name(RenameMode::Both)), [Concern::Path(from), Concern::Path(to)]) =
        (event.kind, concerns.as_slice())
    {
        return debounce.renamed(from.clone(), to.clone(), now);
    }
    for concern in concerns {
        match concern {
            Concern::None => {}
            Concern::Path(path) => debounce.path(path, now),
            Concern::Everything => debounce.everything(now),
        }
    }
}

fn concern(root: &Path, path: &Path) -> Concern {
    match path.strip_prefix(root) {
        // The folder itself: it may be gone.
        Ok(path) if path.as_os_str().is_empty() || scan::is_rule(path) => Concern::Everything,
        Ok(path) if scan::is_passing(path) => Concern::None,
        Ok(path) => Concern::Path(path.to_owned()),
        Err(_) => Concern::None,
    }
}

#[cfg(test)]
mod tests;
