//! What background work says.

use super::{ask_next, files, hints, keep, models, sessions, settings};
use crate::answer::{AnswerEvent, Gate};
use crate::jobs::{JobEvent, JobId};
use crate::tui::effect::Effect;
use crate::tui::state::{Phase, State};

pub(super) fn event(state: &mut State, event: JobEvent) -> Vec<Effect> {
    if is_stale(state, &event) {
        return Vec::new();
    }
    match event {
        JobEvent::Answer(_, event) => return answer(state, event),
        JobEvent::Metered(_, metered) => {
            if let Some((_, index)) = state.running {
                state.turns[index].insight.metered = metered;
            }
        }
        JobEvent::AnswerFailed(_, report) => {
            if let Some((_, index)) = state.running.take() {
                state.turns[index].phase = Phase::Failed(report);
                state.turns[index].touch();
            }
            return ask_next(state);
        }
        JobEvent::Ingest(event) => {
            state.library.apply(event);
            return files::follow(state);
        }
        JobEvent::LibraryListed(Ok(list)) => return files::listed(state, list),
        JobEvent::LibraryListed(Err(report)) => files::not_listed(state, &report),
        JobEvent::NamesFound { word, names } => state.hints.set_names(&word, names),
        JobEvent::Previewed { question, sources } => hints::previewed(state, &question, sources),
        JobEvent::Model(event) => state.models.apply(event, &state.settings.embedder),
        JobEvent::SessionSaved(_) => {}
        JobEvent::SessionsListed(all) => sessions::listed(state, all),
        JobEvent::SessionsFound { text, found } => sessions::found(state, &text, found),
        JobEvent::SessionLoaded(conversation) => {
            // A question that was asked meanwhile belongs to the conversation on the screen.
            if state.running.is_none() {
                state.resume(*conversation);
            }
        }
        JobEvent::SourcesCompared(id, found) => {
            if state.conversation.id == id {
                for (turn, standings) in state.turns.iter_mut().zip(found) {
                    turn.standings = standings;
                    turn.touch();
                }
            }
        }
        JobEvent::SettingSaved { key, value, outcome } => settings::saved(state, key, value.as_deref(), outcome),
        JobEvent::ModelsListed(list) => models::listed(state, list),
        JobEvent::Pull(name, step) => return models::step(state, name, step),
        JobEvent::Failed(report) => state.complain(&report),
        JobEvent::Notice(text) => state.say(text),
    }
    Vec::new()
}

/// The one place where events of answers that nobody waits for any more are dropped.
fn is_stale(state: &State, event: &JobEvent) -> bool {
    let id: JobId = match event {
        JobEvent::Answer(id, _) | JobEvent::AnswerFailed(id, _) | JobEvent::Metered(id, _) => *id,
        _ => return false,
    };
    state.running.is_none_or(|(running, _)| running != id)
}

fn answer(state: &mut State, event: AnswerEvent) -> Vec<Effect> {
    let Some((_, index)) = state.running else { return Vec::new() };
    let clock = state.clock;
    let turn = &mut state.turns[index];
    match event {
        // What disagrees is told below the answer, once that is whole.
        AnswerEvent::Query { .. } | AnswerEvent::Gate(Gate::Go) => {}
        AnswerEvent::Reading { done, total, seconds_left } => {
            turn.phase = Phase::ReadingAll { done, total, seconds_left };
        }
        AnswerEvent::Sources(sources) => {
            turn.sources = sources;
            turn.phase = Phase::Found;
            turn.touch();
            state.source = 0;
        }
        AnswerEvent::Gate(Gate::Refuse { reason }) => {
            turn.reason = Some(reason);
            turn.touch();
        }
        AnswerEvent::Fitted { used, prompt_tokens, window, .. } => {
            turn.used = Some(used);
            (turn.prompt_tokens, turn.window) = (prompt_tokens, window);
            turn.touch();
        }
        AnswerEvent::Ledger(ledger) => turn.insight.ledger = Some(ledger),
        AnswerEvent::Timed(timings) => turn.insight.timings = Some(timings),
        AnswerEvent::Step(step) => {
            // An answer without steps, a quotation or a refusal, leaves the wish for the next one.
            state.insight.is_armed = false;
            if turn.insight.steps.is_empty() {
                // One answer's steps are enough to keep in memory.
                for other in &mut state.turns {
                    other.insight.steps = Vec::new();
                }
            }
            state.turns[index].insight.steps.push(*step);
        }
        AnswerEvent::Prefill { done, total } => turn.phase = Phase::Reading { done, total },
        AnswerEvent::Text(piece) => turn.write(&piece, clock),
        AnswerEvent::Checked(sentences) => {
            turn.sentences = sentences;
            turn.touch();
        }
        AnswerEvent::Finished(answer) => {
            turn.finish(*answer);
            state.running = None;
            let mut effects = keep(state, index);
            effects.extend(ask_next(state));
            return effects;
        }
    }
    Vec::new()
}
