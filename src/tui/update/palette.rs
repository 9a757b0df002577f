//! The list of all commands: opening it, typing in it, running one.

use ratatui::crossterm::event::KeyEvent;

use super::{commands, field, keys};
use crate::tui::effect::Effect;
use crate::tui::state::{Act, Focus, Palette, Screen, State};

/// Opens the list over whatever is shown.
pub(super) fn open(state: &mut State) {
    state.palette = Some(Palette::default());
}

/// A key without a command is typed.
pub(super) fn typed(palette: &mut Palette, key: KeyEvent) {
    if field::edit(&mut palette.typed, key) {
        palette.selected = None;
    }
}

/// Text that came in one piece.
pub(super) fn pasted(palette: &mut Palette, text: &str) {
    field::add(&mut palette.typed, text);
    palette.selected = None;
}

/// Moves the selection, within what is shown.
pub(super) fn select(state: &mut State, delta: isize) {
    let Some(palette) = &state.palette else { return };
    let offered = state.offered(palette);
    let place = palette.place(&offered).saturating_add_signed(delta).min(offered.len().saturating_sub(1));
    if let Some(palette) = &mut state.palette {
        palette.selected = offered.get(place).map(|entry| entry.id);
    }
}

/// Runs the selected command and closes the list; one that cannot be run here leaves it open.
pub(super) fn run(state: &mut State) -> Vec<Effect> {
    let Some(palette) = &state.palette else { return Vec::new() };
    let offered = state.offered(palette);
    let Some(entry) = offered.get(palette.place(&offered)) else { return Vec::new() };
    if matches!(entry.act, Act::Nothing) {
        state.say(format!("not here: {}", entry.title));
        return Vec::new();
    }
    state.palette = None;
    match entry.act {
        Act::Here(command) => return keys::run(state, command),
        Act::InChat(command) => {
            state.screen = Screen::Chat;
            return keys::run(state, command);
        }
        Act::Slash(slash) if slash.needs_arguments() => {
            state.screen = Screen::Chat;
            state.focus = Focus::Composer;
            // What is typed already is what it is meant for.
            let text = format!("/{} {}", slash.name, state.composer.text());
            state.composer.set(&text);
        }
        Act::Slash(slash) => {
            state.screen = Screen::Chat;
            return commands::bare(state, slash.name);
        }
        Act::Nothing => {}
    }
    Vec::new()
}
