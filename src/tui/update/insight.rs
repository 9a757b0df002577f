//! The views into the machinery: one step of the model, the prompt by its parts, what answers cost.

use super::compare;
use crate::answer::PassageName;
use crate::config::FilterMode;
use crate::tui::effect::Effect;
use crate::tui::state::{Inspect, Knob, Page, PromptView, Screen, State};

/// Shows the steps that are kept; where there are none, those of the next answer are to be.
pub(super) fn inspect(state: &mut State) -> Vec<Effect> {
    if state.settings.output_filter == FilterMode::Redact {
        state.turns.iter_mut().for_each(|turn| turn.insight.steps.clear());
        state.say("steps are not shown while output_filter is redact: they would spell what it hides");
        return Vec::new();
    }
    if let Some(turn) = state.inspected_turn() {
        let tried = state.turns[turn].insight.sampling.clone().unwrap_or_else(|| state.settings.sampling.clone());
        state.screen = Screen::Inspect(Inspect { turn, step: 0, tried, input: None });
        return Vec::new();
    }
    state.insight.is_armed = true;
    state.say("the steps of the next answer are kept · ask, then /inspect shows them");
    Vec::new()
}

/// Keeps the steps of the next answer too, instead of those that are kept now.
pub(super) fn arm(state: &mut State) {
    state.insight.is_armed = true;
    state.screen = Screen::Chat;
    state.say("the steps of the next answer are kept instead · ask, then /inspect shows them");
}

pub(super) fn prompt(state: &mut State) {
    match state.prompted_turn() {
        Some(turn) => state.screen = Screen::Prompt(PromptView { turn, source: 0 }),
        None => state.say("no prompt was made in this session yet · a refusal or a quotation needs none"),
    }
}

pub(super) fn metrics(state: &mut State) {
    state.screen = Screen::Metrics(Page::default());
}

/// Moves by some steps.
pub(super) fn step(state: &mut State, by: isize) {
    let Screen::Inspect(view) = &mut state.screen else { return };
    let steps = state.turns.get(view.turn).map_or(0, |turn| turn.insight.steps.len());
    view.step = view.step.saturating_add_signed(by).min(steps.saturating_sub(1));
}

/// Turns the knob of a key: up, or down where it is a capital. `0` sets all back.
pub(super) fn turn(state: &mut State, key: char) {
    let Screen::Inspect(view) = &mut state.screen else { return };
    if key == '0' {
        let own = state.turns.get(view.turn).and_then(|turn| turn.insight.sampling.clone());
        view.tried = own.unwrap_or_else(|| state.settings.sampling.clone());
    }
    if let Some(knob) = Knob::ALL.into_iter().find(|knob| knob.key() == key.to_ascii_lowercase()) {
        knob.turn(key.is_ascii_lowercase(), &mut view.tried);
    }
}

/// Shows the tokens of the prompt, or the step again.
pub(super) fn input(state: &mut State) {
    if let Screen::Inspect(view) = &mut state.screen {
        view.input = if view.input.is_some() { None } else { Some(0) };
    }
}

/// Selects the passage above or below.
pub(super) fn select(state: &mut State, by: isize) {
    let Screen::Prompt(view) = &state.screen else { return };
    let count = state.listed_passages(view.turn).len();
    let Screen::Prompt(view) = &mut state.screen else { return };
    view.source = view.source.saturating_add_signed(by).min(count.saturating_sub(1));
}

fn selected(state: &State) -> Option<PassageName> {
    let Screen::Prompt(view) = &state.screen else { return None };
    state.listed_passages(view.turn).into_iter().nth(view.source)
}

pub(super) fn pin(state: &mut State) {
    let Some(name) = selected(state) else { return };
    let path = name.path.clone();
    let is_pinned = state.insight.held.pin(name);
    let what = if is_pinned { "pinned: it comes first in the prompts of this session" } else { "no longer pinned" };
    state.say(format!("{path} · {what}"));
}

pub(super) fn bar(state: &mut State) {
    let Some(name) = selected(state) else { return };
    let path = name.path.clone();
    let is_barred = state.insight.held.bar(name);
    let what = if is_barred { "left out: it is in no prompt of this session" } else { "admitted again" };
    state.say(format!("{path} · {what}"));
}

/// Asks the question of the prompt again, with what is pinned and left out now.
pub(super) fn again(state: &mut State) -> Vec<Effect> {
    let Screen::Prompt(view) = &state.screen else { return Vec::new() };
    compare::again(state, view.turn)
}
