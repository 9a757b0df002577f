//! One question, two answers: asking it again, and putting the two side by side.

use super::ask_turn;
use crate::tui::effect::Effect;
use crate::tui::keymap::Command;
use crate::tui::state::{Compare, Screen, State, TurnState};

/// Asks the question of turn `of` again, as if it came then: under the settings of now, after what was said before it.
pub(super) fn again(state: &mut State, of: usize) -> Vec<Effect> {
    let Some(turn) = state.turns.get(of) else { return Vec::new() };
    // What stands right above with the same words was an asking of it too: after a reload nothing else tells.
    let askings = state.turns[..=of].iter().rev().take_while(|above| above.question == turn.question).count();
    let before = state.turns[..=of - (askings - 1)].split_last().map_or(&[][..], |(_, before)| before);
    let follows = turn.follows.unwrap_or_else(|| before.iter().filter(|turn| turn.answer.is_some()).count());
    let mut again = TurnState::new(turn.question.clone(), turn.grounds, state.clock, state.unix_now());
    again.follows = Some(follows);
    state.screen = Screen::Chat;
    ask_turn(state, again)
}

/// Puts the selected answer beside another one.
pub(super) fn open(state: &mut State) {
    let Some(selected) = state.selected_turn() else { return };
    let again = state.keymap.first(Command::AskAgain).unwrap_or_else(|| "/prompt".into());
    // What is being written is no answer yet.
    let Some(this) = state.answered().filter(|turn| *turn <= selected).last().or_else(|| state.answered().next())
    else {
        return state.say("there is no answer yet");
    };
    match state.rival(this) {
        Some(other) => {
            state.screen = Screen::Compare(Compare { selected: this, rival: other, top: 0 });
        }
        None => state.say(format!("there is one answer only: {again} in the answers asks its question again")),
    }
}

/// Another one beside the selected one.
pub(super) fn select(state: &mut State, delta: isize) {
    let Screen::Compare(Compare { selected, rival, .. }) = state.screen else { return };
    let others: Vec<usize> = state.answered().filter(|turn| *turn != selected).collect();
    let at = others.iter().position(|turn| *turn == rival).unwrap_or(0);
    let next = at.saturating_add_signed(delta).min(others.len().saturating_sub(1));
    if let Some(rival) = others.get(next).copied() {
        state.screen = Screen::Compare(Compare { selected, rival, top: 0 });
    }
}
