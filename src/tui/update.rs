//! What a message changes, and what is to be done for it. Pure: no clock, no terminal, no thread.

mod branch;
mod commands;
mod compare;
mod evidence;
mod field;
mod files;
mod hints;
mod insight;
mod jobs;
mod keys;
mod models;
mod palette;
mod scroll;
mod sessions;
mod settings;

use std::time::Duration;

use super::backend::{AskRequest, Grounds};
use super::effect::Effect;
use super::msg::Msg;
use super::state::{Phase, Screen, State, TurnState};
use crate::chat::{Conversation, Turn};

/// Applies `msg`, which came `at` this time after the start.
pub(super) fn update(state: &mut State, at: Duration, msg: Msg) -> Vec<Effect> {
    state.clock = state.clock.max(at);
    state.expire();
    let mut effects = apply(state, msg);
    effects.extend(hints::follow(state));
    effects
}

fn apply(state: &mut State, msg: Msg) -> Vec<Effect> {
    match msg {
        Msg::Key(key) => keys::key(state, key),
        Msg::Paste(text) => {
            if let Some(list) = &mut state.palette {
                palette::pasted(list, &text);
                return Vec::new();
            }
            if let Screen::Files(_) = state.screen {
                files::pasted(state, &text);
                return Vec::new();
            }
            if let Screen::Settings(_) = state.screen {
                settings::pasted(state, &text);
                return Vec::new();
            }
            if state.screen != Screen::Chat {
                return sessions::pasted(state, &text);
            }
            state.focus = super::state::Focus::Composer;
            state.composer.paste(&text);
            Vec::new()
        }
        Msg::Wheel(notches) => {
            scroll::wheel(state, notches);
            Vec::new()
        }
        Msg::Click { column, row } => {
            keys::click(state, (column, row));
            Vec::new()
        }
        Msg::Resize { width, height } => {
            state.size = (width, height);
            Vec::new()
        }
        Msg::Job(event) => jobs::event(state, event),
        Msg::Tick => Vec::new(),
        Msg::Terminate => quit(state),
    }
}

/// Ends the program; an unfinished answer is kept as far as it is.
fn quit(state: &mut State) -> Vec<Effect> {
    let mut effects = stop(state);
    effects.push(Effect::Quit);
    effects
}

/// Adds a question to the transcript. It is asked now, or when the answer above is complete.
fn ask(state: &mut State, question: String, grounds: Grounds) -> Vec<Effect> {
    let turn = TurnState::new(question, grounds, state.clock, state.unix_now());
    ask_turn(state, turn)
}

fn ask_turn(state: &mut State, turn: TurnState) -> Vec<Effect> {
    state.turns.push(turn);
    state.deselect();
    state.scroll_to_end();
    ask_next(state)
}

/// Asks the oldest queued question when nothing is being answered.
fn ask_next(state: &mut State) -> Vec<Effect> {
    if state.running.is_some() {
        return Vec::new();
    }
    let Some(index) = state.turns.iter().position(|turn| turn.phase == Phase::Queued) else { return Vec::new() };
    state.job = state.job.next();
    state.running = Some((state.job, index));
    let inspect = state.insight.is_armed;
    let sampling = state.settings.sampling.clone();
    // A question that is asked again does not follow its own answer.
    let before = state.turns[index].follows.unwrap_or(state.conversation.turns.len());
    let turn = &mut state.turns[index];
    turn.job = Some(state.job);
    turn.asked = state.clock;
    turn.phase = Phase::Searching;
    turn.insight.sampling = Some(sampling);
    turn.touch();
    let request = AskRequest {
        question: turn.question.clone(),
        history: state.conversation.turns.iter().take(before).cloned().collect(),
        settings: state.settings.clone(),
        grounds: turn.grounds,
        held: state.insight.held.clone(),
        inspect,
    };
    vec![Effect::Ask(state.job, Box::new(request))]
}

/// Stops the answer being made, at once: from here on its events are stale. Questions that waited for it go back to the
/// composer, so that nothing typed is lost.
fn stop(state: &mut State) -> Vec<Effect> {
    let Some((job, index)) = state.running.take() else { return Vec::new() };
    let mut effects = vec![Effect::Cancel(job)];
    let model = state.model_name().to_owned();
    state.turns[index].stop(state.clock, &model);
    effects.extend(keep(state, index));
    let waiting: Vec<String> = state.turns.drain(index + 1..).map(TurnState::into_typed).collect();
    if !waiting.is_empty() {
        let typed = state.composer.text();
        let all: Vec<String> = waiting.into_iter().chain((!typed.is_empty()).then_some(typed)).collect();
        state.composer.set(&all.join("\n"));
    }
    effects
}

/// Puts a finished turn into the conversation.
fn keep(state: &mut State, index: usize) -> Vec<Effect> {
    let turn = &state.turns[index];
    let Some(answer) = turn.answer.clone() else { return Vec::new() };
    state.conversation.push(Turn::new(turn.question.clone(), answer, turn.asked_at));
    vec![Effect::SaveConversation(Box::new(state.conversation.clone()))]
}

/// Starts an empty conversation about the same folder.
fn new_session(state: &mut State) -> Vec<Effect> {
    let effects = stop(state);
    let now = state.started + state.clock;
    state.resume(Conversation::new(&state.folder_path, now));
    effects
}

#[cfg(test)]
mod tests;
