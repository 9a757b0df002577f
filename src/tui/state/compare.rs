//! Two answers of a conversation, side by side.

use super::{State, TurnState};

/// Which two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::tui) struct Compare {
    /// The one that was selected.
    pub selected: usize,
    /// The other one.
    pub rival: usize,
    /// The first line that is shown.
    pub top: usize,
}

impl State {
    /// The turns whose answers are complete.
    pub(in crate::tui) fn answered(&self) -> impl Iterator<Item = usize> {
        let is_there = |turn: &TurnState| turn.phase.is_over() && turn.answer.is_some();
        self.turns.iter().enumerate().filter(move |(_, turn)| is_there(turn)).map(|(index, _)| index)
    }

    /// What an answer is best compared with: the last other one to the same question, else the last other one.
    pub(in crate::tui) fn rival(&self, of: usize) -> Option<usize> {
        let question = |turn: usize| self.turns[turn].question.trim().to_lowercase();
        let others = || self.answered().filter(|turn| *turn != of);
        others().filter(|turn| question(*turn) == question(of)).last().or_else(|| others().last())
    }
}
