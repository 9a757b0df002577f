//! The list of settings: which are shown, which one keys act on, and what is typed.

use super::Screen;
use crate::config::{SETTINGS, Setting, Settings, Taken};
use crate::fuzzy;
use crate::tui::text::one_line;

/// The list of settings.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(in crate::tui) struct SettingsView {
    /// Words that the shown ones hold in their names or meanings.
    pub typed: String,
    /// The key of the selected one; the first one before any was.
    selected: Option<&'static str>,
    /// A value that is being typed for it.
    pub edit: Option<Edit>,
}

/// A value that is being typed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(in crate::tui) struct Edit {
    pub text: String,
    /// Why it cannot be taken.
    pub refused: Option<String>,
}

impl SettingsView {
    /// The settings that fit what is typed: those first whose names do, in the order of their table.
    pub(in crate::tui) fn shown(&self) -> Vec<&'static Setting> {
        let typed = self.typed.to_lowercase();
        let words: Vec<&str> = typed.split_whitespace().collect();
        let named = |setting: &&Setting| words.iter().all(|word| fuzzy::score(word, setting.key).is_some());
        let meant = |setting: &&Setting| {
            let help = setting.help.to_lowercase();
            words.iter().all(|word| setting.key.contains(word) || help.contains(word))
        };
        let others = SETTINGS.iter().filter(|setting| !named(setting) && meant(setting));
        SETTINGS.iter().filter(named).chain(others).collect()
    }

    /// Where the selected one stands among the shown ones.
    pub(in crate::tui) fn place(&self, shown: &[&'static Setting]) -> usize {
        let selected = self.selected.and_then(|key| shown.iter().position(|setting| setting.key == key));
        selected.unwrap_or(0)
    }

    /// The selected setting.
    pub(in crate::tui) fn current(&self) -> Option<&'static Setting> {
        let shown = self.shown();
        shown.get(self.place(&shown)).copied()
    }

    /// Moves the selection, within what is shown.
    pub(in crate::tui) fn select(&mut self, delta: isize) {
        let shown = self.shown();
        let place = self.place(&shown).saturating_add_signed(delta).min(shown.len().saturating_sub(1));
        self.selected = shown.get(place).map(|setting| setting.key);
    }

    /// Changes the words that are shown, by `edit`, which tells whether it did.
    pub(in crate::tui) fn narrow(&mut self, edit: impl FnOnce(&mut String) -> bool) {
        if edit(&mut self.typed) {
            self.selected = None;
        }
    }
}

/// Does this value wait for the next start? `settled` is what this run began with.
pub(in crate::tui) fn waits_for_start(setting: &Setting, now: &Settings, settled: &Settings) -> bool {
    setting.taken == Taken::NextStart && setting.show(now) != setting.show(settled)
}

/// A value in words, also where it is empty.
pub(in crate::tui) fn shown_value(setting: &Setting, settings: &Settings) -> String {
    let value = one_line(&setting.show(settings));
    if value.is_empty() { "(none)".into() } else { value }
}

/// Whether a value is being typed in the list of settings, where that is shown.
pub(super) fn setting_mode(screen: &Screen) -> Option<bool> {
    match screen {
        Screen::Settings(view) => Some(view.edit.is_some()),
        _ => None,
    }
}
