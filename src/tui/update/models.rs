//! The list of models: taking one, fetching one, stopping that.

use super::settings;
use crate::jobs::{ModelEntry, PullStep};
use crate::report::Report;
use crate::tui::effect::Effect;
use crate::tui::state::{ModelsView, Pulling, Role, Screen, State};
use crate::tui::text::one_line;

/// Opens the list.
pub(super) fn open(state: &mut State) -> Vec<Effect> {
    state.screen = Screen::Models(ModelsView::default());
    vec![list(state)]
}

fn list(state: &State) -> Effect {
    Effect::ListModels(Box::new(state.settings.clone()))
}

fn selected(state: &State) -> Option<ModelEntry> {
    match &state.screen {
        Screen::Models(view) => view.current().cloned(),
        _ => None,
    }
}

/// The models, as they are on this machine now.
pub(super) fn listed(state: &mut State, list: Result<Vec<ModelEntry>, Report>) {
    match (&mut state.screen, list) {
        (Screen::Models(view), Ok(list)) => view.set(list),
        (_, Ok(_)) => {}
        (screen, Err(report)) => {
            if matches!(screen, Screen::Models(_)) {
                *screen = Screen::Chat;
            }
            state.complain(&report);
        }
    }
}

/// How long a model is taken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extent {
    UntilTheEnd,
    Saved,
}

/// The selected model answers, or finds passages, from now on.
pub(super) fn take(state: &mut State, extent: Extent) -> Vec<Effect> {
    let Some(entry) = selected(state) else { return Vec::new() };
    let name = one_line(&entry.name);
    if let Some(why) = &entry.not_runnable {
        state.say(format!("{name} cannot be used: {why}"));
        return Vec::new();
    }
    if !entry.is_here {
        state.say(format!("{name} is not on this machine: p fetches it"));
        return Vec::new();
    }
    let role = Role::of(entry.kind);
    let taken = match extent {
        Extent::Saved => settings::save(state, role.key(), &entry.name),
        Extent::UntilTheEnd => settings::apply(state, role.key(), &entry.name).map(|(_, effects)| effects),
    };
    match taken {
        Ok(effects) => {
            let does = match role {
                Role::Answers => "answers from now on",
                Role::Finds => "finds passages from now on: they are embedded anew",
            };
            state.say(format!("{name} {does}"));
            effects
        }
        Err(report) => {
            state.complain(&report);
            Vec::new()
        }
    }
}

/// Fetches the selected model, or checks it where it is here.
pub(super) fn pull(state: &mut State) -> Vec<Effect> {
    let Some(entry) = selected(state) else { return Vec::new() };
    let name = one_line(&entry.name);
    if let Some(why) = &entry.not_runnable {
        state.say(format!("{name} cannot be used: {why}"));
        return Vec::new();
    }
    if state.pulls.contains_key(&entry.name) {
        state.say(format!("{name} is on its way"));
        return Vec::new();
    }
    begin(state, entry.name, false)
}

fn begin(state: &mut State, name: String, accepted: bool) -> Vec<Effect> {
    state.pulls.insert(name.clone(), Pulling::default());
    vec![Effect::PullModel(name, accepted)]
}

/// Stops fetching the selected model.
pub(super) fn cancel(state: &mut State) -> Vec<Effect> {
    let Some(entry) = selected(state) else { return Vec::new() };
    if state.pulls.contains_key(&entry.name) {
        return vec![Effect::CancelPull(entry.name)];
    }
    state.say(format!("{} is not being fetched", one_line(&entry.name)));
    Vec::new()
}

/// The license that was shown is accepted.
pub(super) fn accept(state: &mut State) -> Vec<Effect> {
    let Screen::Models(view) = &mut state.screen else { return Vec::new() };
    let Some((name, ..)) = view.consent.take() else { return Vec::new() };
    begin(state, name, true)
}

/// A pull goes on or ends.
pub(super) fn step(state: &mut State, name: String, step: PullStep) -> Vec<Effect> {
    let shown = one_line(&name);
    match step {
        PullStep::Progress { done, total, bytes_per_second, seconds_left } => {
            state.pulls.insert(name, Pulling { done, total, bytes_per_second, seconds_left });
            return Vec::new();
        }
        PullStep::Note(line) => {
            state.say(line);
            return Vec::new();
        }
        PullStep::Done => state.say(format!("{shown} is here and checked")),
        PullStep::Cancelled => state.say(format!("{shown}: stopped; what has arrived is kept")),
        PullStep::License { license, url } => match &mut state.screen {
            Screen::Models(view) => view.consent = Some((name.clone(), license, url)),
            _ => state.say(format!("{shown} waits for its license to be accepted: /models")),
        },
        PullStep::Failed(report) => state.complain(&report),
    }
    state.pulls.remove(&name);
    if matches!(state.screen, Screen::Models(_)) { vec![list(state)] } else { Vec::new() }
}
