//! What may be written at all: an automaton over token ids, as a mask over the scores.
//!
//! Every token that is chosen follows an edge from one of the states in which what was written may be; tokens without an edge have no
//! probability. The mask depends on the history alone, so that a draft that comes true is what would have been chosen without it. Nothing
//! here knows what the tokens say: whoever builds an automaton gives it the sequences that are allowed.

use std::collections::BTreeSet;

/// A place of an automaton.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct State(u32);

/// The sequences of tokens that may be written. What ends an answer is an edge like another one: where there is none, the answer goes on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Constraint {
    /// Of each state, the tokens that may follow and where they lead.
    edges: Vec<Vec<(u32, State)>>,
    start: BTreeSet<State>,
}

impl Constraint {
    /// One that allows nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// A new state, from which nothing leads.
    pub fn state(&mut self) -> State {
        self.edges.push(Vec::new());
        State(self.edges.len() as u32 - 1)
    }

    /// Lets the writing begin at `state`.
    pub fn begin_at(&mut self, state: State) {
        self.start.insert(state);
    }

    /// Allows `token` at `from`.
    pub fn edge(&mut self, from: State, token: u32, to: State) {
        let edges = &mut self.edges[from.0 as usize];
        if !edges.contains(&(token, to)) {
            edges.push((token, to));
        }
    }

    /// Allows the tokens, one after the other, from `from` to `to`, over new states; nothing where there is none.
    pub fn path(&mut self, from: State, tokens: &[u32], to: State) {
        let Some((last, before)) = tokens.split_last() else { return };
        let mut at = from;
        for token in before {
            let next = self.state();
            self.edge(at, *token, next);
            at = next;
        }
        self.edge(at, *last, to);
    }

    /// Whether it allows any answer to begin.
    pub fn is_empty(&self) -> bool {
        self.start.iter().all(|state| self.edges[state.0 as usize].is_empty())
    }

    fn next(&self, states: &BTreeSet<State>, token: u32) -> BTreeSet<State> {
        let edges = states.iter().flat_map(|state| &self.edges[state.0 as usize]);
        edges.filter(|(known, _)| *known == token).map(|(_, to)| *to).collect()
    }

    fn allowed(&self, states: &BTreeSet<State>) -> Vec<u32> {
        let edges = states.iter().flat_map(|state| &self.edges[state.0 as usize]);
        let mut tokens: Vec<u32> = edges.map(|(token, _)| *token).collect();
        tokens.sort_unstable();
        tokens.dedup();
        tokens
    }
}

/// Where what was written may be in a [`Constraint`].
#[derive(Clone, Debug, Default)]
pub(super) struct Walk {
    states: BTreeSet<State>,
    /// What led there.
    written: Vec<u32>,
}

impl Walk {
    /// At the beginning.
    pub(super) fn new(constraint: &Constraint) -> Self {
        Self { states: constraint.start.clone(), written: Vec::new() }
    }

    /// Goes to where `history` leads; from the beginning where it does not go on from what was written.
    pub(super) fn follow(&mut self, constraint: &Constraint, history: &[u32]) {
        if !history.starts_with(&self.written) {
            *self = Self::new(constraint);
        }
        for token in &history[self.written.len()..] {
            self.states = constraint.next(&self.states, *token);
            self.written.push(*token);
        }
    }

    /// Takes all probability from what may not follow.
    pub(super) fn mask(&self, constraint: &Constraint, logits: &mut [f32]) {
        let allowed = constraint.allowed(&self.states);
        let kept: Vec<(usize, f32)> =
            allowed.iter().filter_map(|id| Some((*id as usize, *logits.get(*id as usize)?))).collect();
        logits.fill(f32::NEG_INFINITY);
        for (id, logit) in kept {
            logits[id] = logit;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{Sampler, Sampling};
    use super::*;

    /// Any run of `text`, then `end`.
    fn runs(text: &[u32], end: u32) -> Constraint {
        let mut constraint = Constraint::new();
        let states: Vec<State> = (0..=text.len()).map(|_| constraint.state()).collect();
        let (start, done) = (constraint.state(), constraint.state());
        constraint.begin_at(start);
        for (at, token) in text.iter().enumerate() {
            constraint.edge(start, *token, states[at + 1]);
            constraint.edge(states[at], *token, states[at + 1]);
            constraint.edge(states[at + 1], end, done);
        }
        constraint
    }

    #[test]
    fn what_is_written_follows_its_edges_however_the_history_is_given() {
        let constraint = runs(&[1, 2, 1, 3], 9);
        let after = |history: &[u32]| {
            let mut walk = Walk::new(&constraint);
            walk.follow(&constraint, history);
            constraint.allowed(&walk.states)
        };
        assert_eq!(after(&[]), [1, 2, 3]);
        assert_eq!(after(&[1]), [2, 3, 9]);
        assert_eq!(after(&[1, 2]), [1, 9]);
        assert_eq!(after(&[3]), [9]);
        assert!(after(&[3, 9]).is_empty() && after(&[2, 2]).is_empty());
        let mut walk = Walk::new(&constraint);
        walk.follow(&constraint, &[1, 3]);
        walk.follow(&constraint, &[1, 2]);
        assert_eq!(constraint.allowed(&walk.states), after(&[1, 2]));
    }

    #[test]
    fn a_path_leads_over_states_of_its_own() {
        let mut constraint = Constraint::new();
        assert!(constraint.is_empty());
        let (start, end) = (constraint.state(), constraint.state());
        constraint.begin_at(start);
        constraint.path(start, &[4, 5, 6], end);
        constraint.path(start, &[], end);
        let mut walk = Walk::new(&constraint);
        walk.follow(&constraint, &[4, 5]);
        assert_eq!(constraint.allowed(&walk.states), [6]);
        assert!(!constraint.is_empty());
    }

    proptest! {
        #[test]
        fn whatever_the_scores_only_runs_are_written(
            text in proptest::collection::vec(0u32..6, 1..30), scores in proptest::collection::vec(-9f32..9.0, 8..200),
            temperature in 0f32..3.0, seed in 0u64..1000,
        ) {
            let constraint = std::sync::Arc::new(runs(&text, 7));
            let sampling = Sampling { temperature, seed, constraint: Some(constraint), ..Sampling::default() };
            let mut sampler = Sampler::new(&sampling).unwrap();
            let mut written: Vec<u32> = Vec::new();
            for logits in scores.chunks_exact(8) {
                let token = sampler.next(&mut logits.to_vec(), &written).unwrap();
                if token == 7 {
                    break;
                }
                written.push(token);
                prop_assert!(text.windows(written.len()).any(|run| run == written), "{:?} of {:?}", written, text);
            }
        }
    }
}
