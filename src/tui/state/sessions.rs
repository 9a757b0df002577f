//! The list of conversations, and what is being done with it.

use super::Screen;
use crate::chat::{Found, SessionSummary};

/// The list of conversations.
#[derive(Debug, Clone, PartialEq, Default)]
pub(in crate::tui) struct Sessions {
    /// Those about this folder, newest first; `None` until they are listed.
    pub list: Option<Vec<SessionSummary>>,
    /// How many there are about other folders.
    pub elsewhere: usize,
    /// Words that the shown ones hold; empty where all are shown.
    pub filter: String,
    /// Those that hold `filter`, as far as that is known.
    pub found: Vec<Found>,
    /// Which of the shown ones.
    pub selected: usize,
    pub mode: Mode,
}

/// What keys do in the list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(in crate::tui) enum Mode {
    /// Select and act.
    #[default]
    Browse,
    /// Type words to look for.
    Filter,
    /// Type a name for the selected one.
    Rename(String),
    /// Say whether the selected one is deleted.
    Delete,
}

impl Sessions {
    fn is_filtered(&self) -> bool {
        !self.filter.trim().is_empty()
    }

    /// How many are shown.
    pub(in crate::tui) fn count(&self) -> usize {
        if self.is_filtered() { self.found.len() } else { self.list.as_ref().map_or(0, Vec::len) }
    }

    /// The conversations that are shown, each with the stretch that was found in it.
    pub(in crate::tui) fn shown(&self) -> impl Iterator<Item = (&SessionSummary, Option<&str>)> {
        let (found, list) = if self.is_filtered() {
            (&self.found[..], &[][..])
        } else {
            (&[][..], self.list.as_deref().unwrap_or(&[]))
        };
        let found = found.iter().map(|found| (&found.session, found.excerpts.first().map(|first| first.text.as_str())));
        found.chain(list.iter().map(|session| (session, None)))
    }

    /// The selected conversation.
    pub(in crate::tui) fn current(&self) -> Option<&SessionSummary> {
        self.shown().nth(self.selected).map(|(session, _)| session)
    }

    /// Moves the selection, within what is shown.
    pub(in crate::tui) fn select(&mut self, delta: isize) {
        self.selected = self.selected.saturating_add_signed(delta).min(self.count().saturating_sub(1));
    }
}

/// What the list of conversations is used for, where it is shown.
pub(super) fn sessions_mode(screen: &Screen) -> Option<&Mode> {
    match screen {
        Screen::Sessions(sessions) => Some(&sessions.mode),
        _ => None,
    }
}
