//! Going back: selecting a question above, and going on from there in a conversation of its own.

use super::stop;
use crate::tui::effect::Effect;
use crate::tui::keymap::Command;
use crate::tui::state::{Focus, Scroll, State};

/// Selects the question before (-1) or after (1). The first press takes the one being read.
pub(super) fn select(state: &mut State, delta: isize) {
    let Some(last) = state.turns.len().checked_sub(1) else { return };
    let from = match state.chosen {
        Some(turn) => turn.saturating_add_signed(delta).min(last),
        None if state.scroll.follow => state.selected_turn().unwrap_or(last).saturating_add_signed(delta).min(last),
        None => state.scroll.top.0.min(last),
    };
    state.cited = None;
    state.chosen = Some(from);
    state.reveal(from, 0);
}

/// Goes on behind the selected turn. The conversation that was there stays as it is.
pub(super) fn after(state: &mut State) -> Vec<Effect> {
    let Some(turn) = state.selected_turn() else { return Vec::new() };
    let effects = branch(state, turn + 1);
    say_kept(state, "a new conversation from here");
    effects
}

/// Goes on before the selected turn, with its question to be edited.
pub(super) fn edit(state: &mut State) -> Vec<Effect> {
    let Some(turn) = state.selected_turn() else { return Vec::new() };
    let question = state.turns[turn].question.clone();
    let effects = branch(state, turn);
    // A draft is one key away, in the history.
    state.composer.take();
    state.composer.set(&question);
    say_kept(state, "edit and send: a new conversation from here");
    effects
}

fn say_kept(state: &mut State, what: &str) {
    let key = state.keymap.first(Command::Sessions).unwrap_or_else(|| "/sessions".into());
    state.say(format!("{what}; the other one is kept ({key})"));
}

/// A conversation of its own with the first `turns` of this one. It reaches the disk with its next answer: until then the other
/// one has all of it.
fn branch(state: &mut State, turns: usize) -> Vec<Effect> {
    let effects = stop(state);
    state.turns.truncate(turns);
    // What failed was never part of a conversation.
    state.turns.retain(|turn| turn.answer.is_some());
    state.conversation = state.conversation.branch(state.turns.len(), state.started + state.clock);
    state.scroll = Scroll::default();
    state.focus = Focus::Composer;
    state.deselect();
    effects
}
