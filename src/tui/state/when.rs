//! Which places of the key table the state makes true.

use super::files::{FilesMode, files_mode};
use super::models::models_mode;
use super::sessions::{Mode, sessions_mode};
use super::settings::setting_mode;
use super::{Focus, Screen, State};
use crate::tui::keymap::When;

impl State {
    /// Does the state make this place of the key table true?
    pub(in crate::tui) fn holds(&self, when: When) -> bool {
        match self.palette {
            Some(_) => matches!(when, When::Palette | When::Away | When::Anywhere),
            None => self.holds_on(&self.screen, when),
        }
    }

    /// Would it be true on this screen, without the list of commands?
    pub(in crate::tui) fn holds_on(&self, screen: &Screen, when: When) -> bool {
        let chat = *screen == Screen::Chat;
        let empty = self.composer.is_empty();
        let typing = chat && self.focus == Focus::Composer;
        let citable = chat && self.focus != Focus::Sources && (empty || self.focus == Focus::Transcript);
        match when {
            When::Anywhere => true,
            When::Chat => chat,
            When::Empty => chat && empty,
            When::Typing => typing,
            When::Typed => typing && !empty,
            When::Slash => typing && self.slash().is_some(),
            When::Mentioning => typing && !self.hints.names().is_empty(),
            When::NameChosen => typing && !self.hints.names().is_empty() && self.hints.chosen.is_some(),
            When::FirstLine => typing && self.composer.on_first_line(),
            When::LastLine => typing && self.composer.on_last_line(),
            When::Answering => chat && self.running.is_some(),
            When::Refused => typing && empty && self.cited.is_none() && self.refused().is_some(),
            When::Cited => {
                citable
                    && self.turns.iter().any(|turn| turn.laid.as_ref().is_some_and(|laid| !laid.citations.is_empty()))
            }
            When::CitationSelected => citable && self.cited.is_some(),
            When::Transcript => chat && self.focus == Focus::Transcript,
            When::Sources => chat && self.focus == Focus::Sources,
            When::ScrolledUp => match screen {
                Screen::Chat => !self.scroll.follow && (empty || self.focus != Focus::Composer),
                Screen::Help(_) | Screen::Passage(_) | Screen::Metrics(_) | Screen::Compare(_) => true,
                Screen::Settings(_)
                | Screen::Models(_)
                | Screen::Sessions(_)
                | Screen::Files(_)
                | Screen::Inspect(_)
                | Screen::Prompt(_) => false,
            },
            When::List => sessions_mode(screen) == Some(&Mode::Browse),
            When::Filtering => sessions_mode(screen) == Some(&Mode::Filter),
            When::Naming => matches!(sessions_mode(screen), Some(Mode::Rename(_))),
            When::Deleting => sessions_mode(screen) == Some(&Mode::Delete),
            When::Files => files_mode(screen) == Some(FilesMode::Browse),
            When::FilesFiltering => files_mode(screen) == Some(FilesMode::Filter),
            When::FileDetails => matches!(files_mode(screen), Some(FilesMode::Details(_))),
            When::Settings => setting_mode(screen) == Some(false),
            When::SettingEdited => setting_mode(screen) == Some(true),
            When::Models => models_mode(screen) == Some(false),
            When::Licensing => models_mode(screen) == Some(true),
            When::Suggested => typing && empty && self.turns.is_empty() && !self.suggestions.is_empty(),
            When::Page => {
                matches!(screen, Screen::Help(_) | Screen::Passage(_) | Screen::Metrics(_) | Screen::Compare(_))
            }
            When::Inspecting => matches!(screen, Screen::Inspect(_)),
            When::Prompted => matches!(screen, Screen::Prompt(_)),
            When::Comparing => matches!(screen, Screen::Compare(_)),
            When::Passage => matches!(screen, Screen::Passage(_)),
            When::Palette => false,
            When::Away => !chat || self.focus != Focus::Composer || (self.cited.is_some() && empty),
        }
    }
}
