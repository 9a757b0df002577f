//! What helps while a question is typed: names behind `@` and `#`, and the passages that its words find so far.

use std::time::Duration;

use super::{Focus, Screen, State};
use crate::answer::Source;
use crate::fuzzy;
use crate::jobs::Name;

/// What is shown of it.
#[derive(Debug, Clone, PartialEq, Default)]
pub(in crate::tui) struct Hints {
    /// The word behind the cursor, its `@` or `#` included.
    pub word: Option<String>,
    /// Names that fit it, best first.
    names: Vec<Name>,
    /// Which of them was chosen by a key.
    pub chosen: Option<usize>,
    /// The person wants none for this word.
    pub dismissed: bool,
    /// What was last looked for, or will be.
    pub question: String,
    /// When it will be.
    pub due: Option<Duration>,
    /// What it finds.
    pub found: Vec<Source>,
}

impl Hints {
    /// The names that are offered.
    pub(in crate::tui) fn names(&self) -> &[Name] {
        let is_whole = |word: &String| self.names.iter().any(|name| name.written == *word);
        match &self.word {
            Some(word) if !self.dismissed && !is_whole(word) => &self.names,
            _ => &[],
        }
    }

    /// Takes over that another word is typed. Names that still fit stay until others come.
    pub(in crate::tui) fn follow(&mut self, word: Option<String>) {
        if word.is_none() || self.word.is_none() {
            self.names.clear();
            self.dismissed = false;
        }
        self.chosen = None;
        if let Some(word) = &word {
            self.names.retain(|name| fuzzy::score(word, &name.written.replace('"', "")).is_some());
        }
        self.word = word;
    }

    /// Takes names over that were looked for.
    pub(in crate::tui) fn set_names(&mut self, word: &str, names: Vec<Name>) {
        if self.word.as_deref() == Some(word) {
            // What was chosen stays so, wherever it stands now.
            let chosen = self.chosen.and_then(|at| self.names.get(at)).cloned();
            self.chosen = chosen.and_then(|chosen| names.iter().position(|name| *name == chosen));
            self.names = names;
        }
    }

    /// The name that a key takes.
    pub(in crate::tui) fn current(&self) -> Option<&Name> {
        self.names().get(self.chosen.unwrap_or(0))
    }
}

impl State {
    /// Is a question being typed?
    pub(in crate::tui) fn is_asking(&self) -> bool {
        self.screen == Screen::Chat && self.palette.is_none() && self.focus == Focus::Composer
    }

    /// What the question finds so far, while it is typed.
    pub(in crate::tui) fn preview(&self) -> &[Source] {
        if self.is_asking() && !self.composer.is_empty() { &self.hints.found } else { &[] }
    }
}
