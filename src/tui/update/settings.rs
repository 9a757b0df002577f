//! Settings: changed for this run, or saved too. The table that reads the configuration file reads every value here.

use ratatui::crossterm::event::KeyEvent;

use super::field;
use crate::config::{Origin, Setting, Shape};
use crate::report::Report;
use crate::tui::effect::Effect;
use crate::tui::state::{Edit, Model, Screen, SettingsView, State, shown_value, waits_for_start};

/// Opens the list.
pub(super) fn open(state: &mut State) {
    state.screen = Screen::Settings(SettingsView::default());
}

fn view(state: &mut State) -> Option<&mut SettingsView> {
    match &mut state.screen {
        Screen::Settings(view) => Some(view),
        _ => None,
    }
}

/// Gives a setting a value, for this run.
pub(super) fn apply(state: &mut State, key: &str, value: &str) -> Result<(&'static Setting, Vec<Effect>), Report> {
    let mut settings = state.settings.clone();
    let setting =
        settings.set_from(key, value, Origin::Session, &mut state.origins).map_err(|error| Report::new(&error))?;
    if settings.model != state.settings.model {
        state.models.generator = Model::Loading { name: settings.model.clone() };
    }
    state.settings = settings;
    state.restyle();
    Ok((setting, vec![Effect::Configure(Box::new(state.settings.clone()))]))
}

/// Gives a setting a value and saves it.
pub(super) fn save(state: &mut State, key: &str, value: &str) -> Result<Vec<Effect>, Report> {
    let (setting, mut effects) = apply(state, key, value)?;
    // As it was typed: `~` means another folder on another machine.
    effects.push(Effect::SaveSetting(setting.key, Some(value.trim().to_owned())));
    Ok(effects)
}

/// What became of a setting that was to be saved.
pub(super) fn saved(state: &mut State, key: &'static str, value: Option<&str>, outcome: Result<(), Report>) {
    let Some(setting) = Setting::find(key) else { return };
    if let Err(report) = outcome {
        state.complain(&report);
        return;
    }
    let is_kept = value.is_some();
    state.settings.saved(setting, value, &mut state.origins);
    let done = if is_kept { "saved" } else { "the default again; its line is gone from the file" };
    let waits = waits_for_start(setting, &state.settings, &state.settled);
    let later = if waits { " · taken at the next start" } else { "" };
    state.say(format!("{key} = {} · {done}{later}", shown_value(setting, &state.settings)));
}

/// Begins to type a value for the selected setting; it starts as it is.
pub(super) fn begin(state: &mut State) {
    let settings = state.settings.clone();
    let Some(view) = view(state) else { return };
    if let Some(setting) = view.current() {
        view.edit = Some(Edit { text: setting.show(&settings), refused: None });
    }
}

/// Takes the value that is typed and saves it; one that cannot be taken stays there with the reason.
pub(super) fn confirm(state: &mut State) -> Vec<Effect> {
    let Some(view) = view(state) else { return Vec::new() };
    let (Some(setting), Some(edit)) = (view.current(), view.edit.take()) else { return Vec::new() };
    match save(state, setting.key, &edit.text) {
        Ok(effects) => effects,
        Err(report) => {
            if let Screen::Settings(view) = &mut state.screen {
                view.edit = Some(Edit { refused: Some(report.cause), ..edit });
            }
            Vec::new()
        }
    }
}

/// Takes the word so many places further and saves it.
pub(super) fn step(state: &mut State, places: isize) -> Vec<Effect> {
    let Some(setting) = view(state).and_then(|view| view.current()) else { return Vec::new() };
    let words = match setting.shape {
        Shape::OneOf(words) => words(),
        Shape::Switch => vec!["false", "true"],
        Shape::Number | Shape::Text => {
            state.say(format!("{} has no row of words: enter changes it", setting.key));
            return Vec::new();
        }
    };
    let now = setting.show(&state.settings);
    let at = words.iter().position(|word| *word == now).unwrap_or(0) as isize;
    let next = words[(at + places).rem_euclid(words.len() as isize) as usize];
    save(state, setting.key, next).unwrap_or_default()
}

/// Saves the selected setting as it is.
pub(super) fn keep(state: &mut State) -> Vec<Effect> {
    let Some(setting) = view(state).and_then(|view| view.current()) else { return Vec::new() };
    vec![Effect::SaveSetting(setting.key, Some(setting.show(&state.settings)))]
}

/// Gives the selected setting its default and removes it from the file.
pub(super) fn reset(state: &mut State) -> Vec<Effect> {
    let Some(setting) = view(state).and_then(|view| view.current()) else { return Vec::new() };
    let default = setting.show(&state.settings.defaults());
    let Ok((setting, mut effects)) = apply(state, setting.key, &default) else { return Vec::new() };
    effects.push(Effect::SaveSetting(setting.key, None));
    effects
}

/// One step back: from a value to the list, from some settings to all, from the list to the chat. True when the list stays.
pub(super) fn back(view: &mut SettingsView) -> bool {
    let was_edited = view.edit.take().is_some();
    if was_edited {
        return true;
    }
    let is_narrowed = !view.typed.is_empty();
    view.narrow(|typed| !std::mem::take(typed).is_empty());
    is_narrowed
}

/// A key without a command is typed.
pub(super) fn typed(state: &mut State, key: KeyEvent) {
    type_with(state, |text| field::edit(text, key));
}

/// Text that came in one piece.
pub(super) fn pasted(state: &mut State, text: &str) {
    type_with(state, |typed| field::add(typed, text));
}

fn type_with(state: &mut State, edit: impl FnOnce(&mut String) -> bool) {
    let Some(view) = view(state) else { return };
    match &mut view.edit {
        Some(value) => {
            if edit(&mut value.text) {
                value.refused = None;
            }
        }
        None => view.narrow(edit),
    }
}
