//! The library's files as a list, and what is being done with it.
//!
//! A folder may have a hundred thousand of them: which are shown is worked out when the list, the kind or the words change, never
//! for a frame.

use std::time::Duration;

use tanya_index::FileState;

use super::Screen;
use crate::ingest::Entry;

/// Between the arrival of a list and the next request for one, at least: while files are read every commit makes the list stale.
const PAUSE: Duration = Duration::from_secs(1);
/// A list that took long is asked for again after so many times as long.
const REST: u32 = 4;

/// Which files are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::tui) enum Which {
    /// Every one.
    #[default]
    All,
    /// Those that are not wholly searchable.
    Problems,
    /// Those that could not be read.
    Failed,
    /// Those of which something is missing.
    Partly,
    /// Those that are left out on purpose.
    Skipped,
}

impl Which {
    pub(in crate::tui) const ALL: [Self; 5] = [Self::All, Self::Problems, Self::Failed, Self::Partly, Self::Skipped];

    pub(in crate::tui) fn title(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Problems => "problems",
            Self::Failed => "failed",
            Self::Partly => "partly",
            Self::Skipped => "skipped",
        }
    }

    fn admits(self, entry: &Entry) -> bool {
        match self {
            Self::All => true,
            Self::Problems => entry.is_problem(),
            Self::Failed => entry.state == FileState::Failed,
            Self::Partly => entry.state == FileState::Partly,
            Self::Skipped => entry.state == FileState::Skipped,
        }
    }

    /// The kind so many places further, around the end.
    pub(in crate::tui) fn turn(self, places: usize) -> Self {
        let at = Self::ALL.iter().position(|which| *which == self).unwrap_or(0);
        Self::ALL[(at + places) % Self::ALL.len()]
    }
}

/// What keys do in the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::tui) enum FilesMode {
    /// Select and act.
    #[default]
    Browse,
    /// Type words of a path.
    Filter,
    /// Read what is known of the selected one, from this line on.
    Details(usize),
}

/// The list of files.
#[derive(Debug, Clone, PartialEq, Default)]
pub(in crate::tui) struct Files {
    /// By path; `None` until it was listed.
    list: Option<Vec<Entry>>,
    /// Places in the list of those that are shown.
    shown: Vec<usize>,
    which: Which,
    /// How many there are of each kind, in the order of [`Which::ALL`].
    counts: [usize; Which::ALL.len()],
    /// Words that the paths of the shown ones hold, whatever their case; empty where that does not matter.
    filter: String,
    /// Which of the shown ones.
    pub selected: usize,
    pub mode: FilesMode,
    request: Request,
}

/// When the list was asked for, and when it may be again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Request {
    /// The moment of the request that is not answered yet.
    asked: Option<Duration>,
    /// The library's generation then, as far as it was known.
    generation: Option<u64>,
    not_before: Duration,
}

impl Files {
    /// Takes a new list over; what was selected stays so where it is still there.
    pub(in crate::tui) fn set(&mut self, list: Vec<Entry>) {
        let path = self.current().map(|entry| entry.path.clone());
        self.counts = Which::ALL.map(|which| list.iter().filter(|entry| which.admits(entry)).count());
        self.list = Some(list);
        self.refine(path.as_deref());
    }

    /// Shows another kind.
    pub(in crate::tui) fn show(&mut self, which: Which) {
        let path = self.current().map(|entry| entry.path.clone());
        self.which = which;
        self.refine(path.as_deref());
    }

    /// Changes the words that paths have to hold, by `edit`, which tells whether it did.
    pub(in crate::tui) fn narrow(&mut self, edit: impl FnOnce(&mut String) -> bool) {
        let path = self.current().map(|entry| entry.path.clone());
        if edit(&mut self.filter) {
            self.refine(path.as_deref());
        }
    }

    /// Works out which are shown, and selects the one at `path`, else the one in the same place.
    fn refine(&mut self, path: Option<&str>) {
        let words: Vec<String> = self.filter.split_whitespace().map(str::to_lowercase).collect();
        let list = self.list.as_deref().unwrap_or(&[]);
        let holds = |entry: &Entry| {
            words.is_empty() || {
                let path = entry.path.to_lowercase();
                words.iter().all(|word| path.contains(word.as_str()))
            }
        };
        let admitted = list.iter().enumerate().filter(|(_, entry)| self.which.admits(entry) && holds(entry));
        self.shown = admitted.map(|(at, _)| at).collect();
        let found = path.and_then(|path| self.shown.iter().position(|at| list[*at].path == path));
        self.selected = found.unwrap_or(self.selected).min(self.shown.len().saturating_sub(1));
        // The details of one file do not become those of another.
        let is_gone = self.shown.is_empty() || (path.is_some() && found.is_none());
        if is_gone && matches!(self.mode, FilesMode::Details(_)) {
            self.mode = FilesMode::Browse;
        }
    }

    /// All files, once they are listed.
    pub(in crate::tui) fn list(&self) -> Option<&[Entry]> {
        self.list.as_deref()
    }

    pub(in crate::tui) fn which(&self) -> Which {
        self.which
    }

    pub(in crate::tui) fn filter(&self) -> &str {
        &self.filter
    }

    /// Every kind with how many files it has.
    pub(in crate::tui) fn counts(&self) -> impl Iterator<Item = (Which, usize)> {
        Which::ALL.into_iter().zip(self.counts)
    }

    /// How many are shown.
    pub(in crate::tui) fn count(&self) -> usize {
        self.shown.len()
    }

    /// Those that are shown, from one on.
    pub(in crate::tui) fn shown(&self, from: usize) -> impl Iterator<Item = &Entry> {
        let list = self.list.as_deref().unwrap_or(&[]);
        self.shown.iter().skip(from).map(|at| &list[*at])
    }

    /// The selected file.
    pub(in crate::tui) fn current(&self) -> Option<&Entry> {
        self.shown(self.selected).next()
    }

    /// Moves the selection, within what is shown.
    pub(in crate::tui) fn select(&mut self, delta: isize) {
        self.selected = self.selected.saturating_add_signed(delta).min(self.count().saturating_sub(1));
    }

    /// Notes that a list was asked for.
    pub(in crate::tui) fn ask(&mut self, clock: Duration, generation: Option<u64>) {
        self.request = Request { asked: Some(clock), generation, ..self.request };
    }

    /// Notes that it came.
    pub(in crate::tui) fn answered(&mut self, clock: Duration) {
        let took = self.request.asked.take().map_or(Duration::ZERO, |asked| clock.saturating_sub(asked));
        self.request.not_before = clock + PAUSE.max(took * REST);
    }

    /// Whether the list is to be asked for again: the library moved on, none is on its way, and the last one was paid for, or
    /// nothing more will come.
    pub(in crate::tui) fn is_due(&self, clock: Duration, generation: Option<u64>, is_idle: bool) -> bool {
        let Request { asked, generation: listed, not_before } = self.request;
        asked.is_none() && generation != listed && (is_idle || clock >= not_before)
    }
}

/// What the list of files is used for, where it is shown.
pub(super) fn files_mode(screen: &Screen) -> Option<FilesMode> {
    match screen {
        Screen::Files(files) => Some(files.mode),
        _ => None,
    }
}
