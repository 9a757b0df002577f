//! The list of all commands: what is typed in it, and which commands fit.

use super::{Screen, State};
use crate::fuzzy;
use crate::tui::keymap::{BINDINGS, Binding, Command, SLASHES, Slash};

/// The list of commands over whatever is shown.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(in crate::tui) struct Palette {
    /// Letters that the shown ones hold.
    pub typed: String,
    /// The id of the selected one, the first one before any was: where they stand changes with what can be run.
    pub selected: Option<&'static str>,
}

impl Palette {
    /// Where the selected one stands among those that are `offered`.
    pub(in crate::tui) fn place(&self, offered: &[Entry]) -> usize {
        let selected = self.selected.and_then(|id| offered.iter().position(|entry| entry.id == id));
        selected.unwrap_or(0)
    }
}

/// One command of the list.
#[derive(Debug, Clone)]
pub(in crate::tui) struct Entry {
    pub id: &'static str,
    pub title: &'static str,
    /// Names of its keys; with `/` where it can also be typed.
    pub keys: Vec<String>,
    pub act: Act,
}

/// What running it means.
#[derive(Debug, Clone, Copy)]
pub(in crate::tui) enum Act {
    /// As its key, on what is shown below the list.
    Here(Command),
    /// As its key, on the chat, which everything else is left for.
    InChat(Command),
    /// As if it was typed behind `/`.
    Slash(&'static Slash),
    /// There is nothing here that it could act on.
    Nothing,
}

impl State {
    /// The commands that fit what is typed, best first; where nothing is typed all of them, those that can be run first.
    pub(in crate::tui) fn offered(&self, palette: &Palette) -> Vec<Entry> {
        let slashes = SLASHES.iter().map(|slash| self.slash_entry(slash));
        // What can be typed stands there already, and can be run from everywhere.
        let others = |binding: &&Binding| {
            let is_typed = SLASHES.iter().any(|slash| slash.name == binding.id);
            !binding.title.is_empty() && !is_typed && binding.command != Command::Palette
        };
        let rows = BINDINGS.iter().filter(others).map(|binding| self.row_entry(binding));
        let fits = |entry: Entry| {
            let keys = entry.keys.join(" ");
            let texts = [entry.id, entry.title, &keys];
            // Every word may fit another text.
            let word = |word: &str| texts.iter().filter_map(|text| fuzzy::score(word, text)).max();
            let score: Option<i32> = palette.typed.split_whitespace().map(word).sum();
            Some((score?, entry))
        };
        let mut found: Vec<(i32, Entry)> = slashes.chain(rows).filter_map(fits).collect();
        found.sort_by_key(|(score, entry)| (std::cmp::Reverse(*score), matches!(entry.act, Act::Nothing)));
        found.into_iter().map(|(_, entry)| entry).collect()
    }

    fn slash_entry(&self, slash: &'static Slash) -> Entry {
        let same = BINDINGS.iter().find(|binding| binding.id == slash.name);
        let mut keys = same.map(|binding| self.keymap.names(binding)).unwrap_or_default();
        keys.push(format!("/{}", slash.name));
        Entry { id: slash.name, title: slash.title, keys, act: Act::Slash(slash) }
    }

    fn row_entry(&self, binding: &'static Binding) -> Entry {
        // A row without a title does the same in another place.
        let places = || binding.rows().map(|row| row.when);
        let act = if binding.command == Command::TurnKnob {
            // Which of its keys it is says what is turned.
            Act::Nothing
        } else if places().any(|place| self.holds_on(&self.screen, place)) {
            Act::Here(binding.command)
        } else if places().any(|place| self.holds_on(&Screen::Chat, place)) {
            Act::InChat(binding.command)
        } else {
            Act::Nothing
        };
        Entry { id: binding.id, title: binding.title, keys: self.keymap.names(binding), act }
    }
}
