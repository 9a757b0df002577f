//! Commands typed after `/`.

use super::{ask, compare, files, insight, models, new_session, quit, sessions, settings};
use crate::config::{Setting, key_and_value};
use crate::report::Report;
use crate::tui::backend::Grounds;
use crate::tui::effect::Effect;
use crate::tui::keymap::SLASHES;
use crate::tui::state::{Model, Page, Screen, State, shown_value};
use crate::tui::text::thousands;

/// Runs what is typed when it is a command; `None` when it is a question. A path such as `/etc/hosts` is no command.
pub(super) fn run(state: &mut State) -> Option<Vec<Effect>> {
    let text = state.composer.text();
    let rest = text.trim().strip_prefix('/')?;
    let (name, arguments) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    if !name.chars().all(|c| c.is_ascii_alphabetic()) {
        return None;
    }
    let arguments = arguments.trim();
    if !SLASHES.iter().any(|slash| slash.name == name) {
        let known: Vec<String> = SLASHES.iter().map(|slash| format!("/{}", slash.name)).collect();
        state.say(format!("no command is called /{name} · {}", known.join(" ")));
        return Some(Vec::new());
    }
    if name == "set" && !arguments.is_empty() {
        return Some(set(state, arguments));
    }
    if name == "settings" && !arguments.is_empty() {
        return Some(save(state, arguments));
    }
    if name == "model" && !arguments.is_empty() {
        return Some(change(state, "model", arguments));
    }
    if name == "whole" && arguments.is_empty() {
        state.say(
            "/whole QUESTION reads the whole folder for it · list all …, how many …, compare … and …, summarize …",
        );
        return Some(Vec::new());
    }
    let arguments = arguments.to_owned();
    state.composer.take();
    Some(if name == "whole" { ask(state, arguments, Grounds::WholeFolder) } else { bare(state, name) })
}

/// Runs a command without arguments; what is being typed stays.
pub(super) fn bare(state: &mut State, name: &str) -> Vec<Effect> {
    match name {
        "new" => new_session(state),
        "sessions" => sessions::open(state),
        "library" => files::open(state),
        "models" => models::open(state),
        "set" | "settings" => {
            settings::open(state);
            Vec::new()
        }
        "inspect" => insight::inspect(state),
        "compare" => {
            compare::open(state);
            Vec::new()
        }
        "prompt" => {
            insight::prompt(state);
            Vec::new()
        }
        "metrics" => {
            insight::metrics(state);
            Vec::new()
        }
        "quit" => quit(state),
        "model" => {
            show_model(state);
            Vec::new()
        }
        _ => {
            state.screen = Screen::Help(Page::default());
            Vec::new()
        }
    }
}

/// Completes the command being typed as far as it is certain.
pub(super) fn complete(state: &mut State) {
    let Some(word) = state.slash() else { return };
    let mut matches = SLASHES.iter().filter(|slash| slash.name.starts_with(word));
    if let (Some(only), None) = (matches.next(), matches.next()) {
        let space = if only.arguments.is_empty() { "" } else { " " };
        let text = format!("/{}{space}", only.name);
        state.composer.set(&text);
    }
}

fn set(state: &mut State, arguments: &str) -> Vec<Effect> {
    let (key, value) = key_and_value(arguments);
    if !value.is_empty() {
        return change(state, key, value);
    }
    match Setting::find(key) {
        Some(setting) => {
            let shown = shown_value(setting, &state.settings);
            let origin = state.origins.of(setting.key).phrase();
            state.composer.take();
            state.say(format!("{key} = {shown} · {origin} · {}", setting.help));
        }
        None => state.say(format!("no setting is called {key} · /settings lists them all")),
    }
    Vec::new()
}

/// Changes a setting until the end.
fn change(state: &mut State, key: &str, value: &str) -> Vec<Effect> {
    match settings::apply(state, key, value) {
        Ok((setting, effects)) => {
            state.composer.take();
            let shown = shown_value(setting, &state.settings);
            state.say(format!("{key} = {shown} until the end · /settings {key} {value} saves it"));
            effects
        }
        Err(report) => refuse(state, report),
    }
}

/// Changes a setting and saves it.
fn save(state: &mut State, arguments: &str) -> Vec<Effect> {
    let (key, value) = key_and_value(arguments);
    if value.is_empty() {
        state.say(format!("/settings {key} VALUE saves one · /settings lists them all"));
        return Vec::new();
    }
    match settings::save(state, key, value) {
        Ok(effects) => {
            state.composer.take();
            effects
        }
        Err(report) => refuse(state, report),
    }
}

fn refuse(state: &mut State, report: Report) -> Vec<Effect> {
    state.complain(&Report { hint: Some("/settings lists them all".into()), ..report });
    Vec::new()
}

fn show_model(state: &mut State) {
    let text = match &state.models.generator {
        Model::Ready { name, window, backend } => {
            format!("{name} · window of {} tokens · {backend} · /model NAME takes another", thousands(*window as u64))
        }
        _ => format!("{} is not ready yet · /model NAME takes another", state.settings.model),
    };
    state.say(text);
}
