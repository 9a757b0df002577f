//! The list of models, and what comes in.

use super::Screen;
use crate::jobs::ModelEntry;
use crate::models::Kind;

/// The list of models.
#[derive(Debug, Clone, PartialEq, Default)]
pub(in crate::tui) struct ModelsView {
    /// Those here and in the catalogue; `None` until they are listed.
    pub list: Option<Vec<ModelEntry>>,
    /// Which of them.
    pub selected: usize,
    /// A license that waits for a yes: the model, the license and where it can be read.
    pub consent: Option<(String, String, String)>,
}

/// How far a model is that comes in.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(in crate::tui) struct Pulling {
    pub done: u64,
    pub total: Option<u64>,
    pub bytes_per_second: f64,
    pub seconds_left: Option<u64>,
}

/// What a model is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::tui) enum Role {
    Answers,
    Finds,
}

impl Role {
    pub(in crate::tui) fn of(kind: Kind) -> Self {
        match kind {
            Kind::Generator => Self::Answers,
            Kind::Embedder => Self::Finds,
        }
    }

    /// The key of the setting that names the model of this role.
    pub(in crate::tui) fn key(self) -> &'static str {
        match self {
            Self::Answers => "model",
            Self::Finds => "embedder",
        }
    }
}

impl ModelsView {
    /// The selected model.
    pub(in crate::tui) fn current(&self) -> Option<&ModelEntry> {
        self.list.as_deref().unwrap_or_default().get(self.selected)
    }

    /// Moves the selection, within the list.
    pub(in crate::tui) fn select(&mut self, delta: isize) {
        let last = self.list.as_ref().map_or(0, Vec::len).saturating_sub(1);
        self.selected = self.selected.saturating_add_signed(delta).min(last);
    }

    /// Takes a new list over; what was selected stays so where it is still there.
    pub(in crate::tui) fn set(&mut self, list: Vec<ModelEntry>) {
        let name = self.current().map(|entry| entry.name.clone());
        let found = name.and_then(|name| list.iter().position(|entry| entry.name == name));
        self.list = Some(list);
        self.selected = found.unwrap_or(self.selected);
        self.select(0);
    }
}

/// Whether a license waits for a yes in the list of models, where that is shown.
pub(super) fn models_mode(screen: &Screen) -> Option<bool> {
    match screen {
        Screen::Models(view) => Some(view.consent.is_some()),
        _ => None,
    }
}
