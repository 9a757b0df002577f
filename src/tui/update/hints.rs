//! Follows what is typed: asks for names and passages, takes them over, puts a name in the place of the word.

use std::time::Duration;

use crate::answer::Source;
use crate::tui::effect::Effect;
use crate::tui::state::State;

/// Typing has paused: what stands there is worth looking for.
const PAUSE: Duration = Duration::from_millis(120);
/// Letters that say something.
const LEAST: usize = 3;
/// Bytes of a question; what is longer was pasted.
const MOST: usize = 2_000;

/// Looks at what is typed after anything happened.
pub(super) fn follow(state: &mut State) -> Vec<Effect> {
    let mut effects = Vec::new();
    let word = if state.is_asking() { state.composer.word() } else { None };
    if word != state.hints.word {
        state.hints.follow(word.clone());
        effects.extend(word.map(Effect::FindNames));
    }
    let question = question(state).unwrap_or_default();
    if question != state.hints.question {
        if question.is_empty() {
            state.hints.found.clear();
        }
        state.hints.due = (!question.is_empty()).then(|| state.clock + PAUSE);
        state.hints.question = question;
    }
    if state.hints.due.take_if(|due| *due <= state.clock).is_some() {
        effects.push(Effect::Preview(state.hints.question.clone()));
    }
    effects
}

/// What is typed, where it is a question.
fn question(state: &State) -> Option<String> {
    // Where a name is typed the rest of the question waits for it.
    if !state.settings.preview || !state.is_asking() {
        return None;
    }
    let text = state.composer.typed()?;
    let text = text.trim();
    let is_question = !text.starts_with('/') && text.len() <= MOST && text.chars().count() >= LEAST;
    is_question.then(|| text.to_owned())
}

/// Takes over what a question finds, unless another one is typed by now.
pub(super) fn previewed(state: &mut State, question: &str, sources: Vec<Source>) {
    if state.hints.question == question {
        state.hints.found = sources;
    }
}

/// Puts the chosen name, or else the best, in the place of the word.
pub(super) fn take(state: &mut State) {
    if let (Some(word), Some(name)) = (&state.hints.word, state.hints.current()) {
        state.composer.replace_word(word, &name.written);
    }
}

/// Chooses another name.
pub(super) fn select(state: &mut State, delta: isize) {
    let count = state.hints.names().len() as isize;
    // From nothing, down is the first and up the last.
    let from = state.hints.chosen.map_or(if delta > 0 { -1 } else { 0 }, |at| at as isize);
    state.hints.chosen = (count > 0).then(|| (from + delta).rem_euclid(count) as usize);
}

/// What stands there was not typed just now: nobody wants names for it.
pub(super) fn quiet(state: &mut State) {
    state.hints.follow(state.composer.word());
    state.hints.dismissed = true;
}

/// No more names for this word.
pub(super) fn dismiss(state: &mut State) {
    state.hints.dismissed = true;
}
