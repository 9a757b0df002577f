//! What a key does, by the one table of commands.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use super::files::{self, Extent};
use super::scroll::{Move, scroll};
use super::{
    ask, branch, commands, compare, evidence, hints, insight, models, new_session, palette, quit, sessions, settings,
    stop,
};
use crate::tui::backend::Grounds;
use crate::tui::effect::Effect;
use crate::tui::keymap::{Command, When};
use crate::tui::state::{Cited, FilesMode, Focus, Mode, Page, Passage, Screen, State, Which};
use crate::tui::view;

pub(super) fn key(state: &mut State, key: KeyEvent) -> Vec<Effect> {
    if key.kind == KeyEventKind::Release {
        return Vec::new();
    }
    state.notice = None;
    let command = state.keymap.lookup(&key, |when| state.holds(when));
    if command != Some(Command::Interrupt) {
        state.interrupted = None;
    }
    if let (Some(Command::AskSuggestion), KeyCode::Char(digit @ '1'..='9')) = (command, key.code) {
        return suggestion(state, digit as usize - '1' as usize);
    }
    if let (Some(Command::TurnKnob), KeyCode::Char(c)) = (command, key.code) {
        insight::turn(state, c);
        return Vec::new();
    }
    if let Some(command) = command {
        return run(state, command);
    }
    if let Some(list) = &mut state.palette {
        palette::typed(list, key);
        return Vec::new();
    }
    match state.screen {
        Screen::Chat => {}
        Screen::Files(_) => {
            files::typed(state, key);
            return Vec::new();
        }
        Screen::Models(ref mut view) => {
            // Any other key means no.
            view.consent = None;
            return Vec::new();
        }
        Screen::Settings(_) => {
            settings::typed(state, key);
            return Vec::new();
        }
        _ => return sessions::typed(state, key),
    }
    other(state, key);
    Vec::new()
}

/// A key without a command edits the question; a letter typed while reading brings the keys back to it.
fn other(state: &mut State, key: KeyEvent) {
    let letter =
        matches!(key.code, KeyCode::Char(_)) && !key.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT);
    if letter {
        state.focus = Focus::Composer;
    }
    if state.focus == Focus::Composer {
        state.composer.key(key);
    }
}

pub(super) fn run(state: &mut State, command: Command) -> Vec<Effect> {
    match command {
        Command::Send => return send(state),
        Command::AskAnyway => {
            if let Some(index) = state.refused() {
                let question = state.turns[index].question.clone();
                return ask(state, question, Grounds::ModelAlone);
            }
        }
        Command::Complete if state.holds(When::Mentioning) => hints::take(state),
        Command::Complete => commands::complete(state),
        Command::NewLine => state.composer.new_line(),
        Command::Stop => return stop(state),
        Command::Clear => state.composer.clear(),
        Command::Leave => leave(state),
        Command::Interrupt => return interrupt(state),
        Command::QuitWhenEmpty => return quit(state),
        Command::NextPane => focus(state, 1),
        Command::PreviousPane => focus(state, 2),
        Command::PageUp => scroll(state, Move::Page(-1)),
        Command::PageDown => scroll(state, Move::Page(1)),
        Command::LineUp => scroll(state, Move::Line(-1)),
        Command::LineDown => scroll(state, Move::Line(1)),
        Command::Top => scroll(state, Move::Top),
        Command::Bottom => scroll(state, Move::Bottom),
        Command::Older => {
            state.composer.older();
            hints::quiet(state);
        }
        Command::Newer => {
            state.composer.newer();
            hints::quiet(state);
        }
        Command::PreviousCitation => cite(state, Step::Back),
        Command::NextCitation => cite(state, Step::Forward),
        Command::OpenCitation => open_citation(state),
        Command::PreviousItem => select(state, Step::Back),
        Command::NextItem => select(state, Step::Forward),
        Command::OpenItem => return open_item(state),
        Command::OpenFile => return evidence::open(state),
        Command::CopyQuote => return evidence::copy(state),
        Command::PreviousTurn => branch::select(state, -1),
        Command::NextTurn => branch::select(state, 1),
        Command::Branch => return branch::after(state),
        Command::EditQuestion => return branch::edit(state),
        Command::FilterSessions => sessions::enter(state, Mode::Filter),
        Command::RenameSession => sessions::enter(state, Mode::Rename(String::new())),
        Command::DeleteSession => sessions::enter(state, Mode::Delete),
        Command::ExportSession => return sessions::export(state),
        Command::Confirm if matches!(state.screen, Screen::Settings(_)) => return settings::confirm(state),
        Command::Confirm if matches!(state.screen, Screen::Models(_)) => return models::accept(state),
        Command::Confirm => return sessions::confirm(state),
        Command::AskSuggestion => return suggestion(state, 0),
        Command::Inspect => return insight::inspect(state),
        Command::InspectNext => insight::arm(state),
        Command::ShowPrompt => insight::prompt(state),
        Command::Metrics => insight::metrics(state),
        Command::StepBack => insight::step(state, -1),
        Command::StepForward => insight::step(state, 1),
        Command::FirstStep => insight::step(state, isize::MIN / 2),
        Command::LastStep => insight::step(state, isize::MAX / 2),
        Command::TurnKnob => {}
        Command::InputTokens => insight::input(state),
        Command::Pin => insight::pin(state),
        Command::LeaveOut => insight::bar(state),
        Command::AskAgain if state.screen == Screen::Chat => {
            let Some(turn) = state.selected_turn() else { return Vec::new() };
            return compare::again(state, turn);
        }
        Command::AskAgain => return insight::again(state),
        Command::Compare => compare::open(state),
        Command::Help => help(state),
        Command::Palette => palette::open(state),
        Command::NewSession => return new_session(state),
        Command::Sessions => return sessions::open(state),
        Command::Settings => settings::open(state),
        Command::Models => return models::open(state),
        Command::PullModel => return models::pull(state),
        Command::CancelPull => return models::cancel(state),
        Command::KeepModel => return models::take(state, models::Extent::Saved),
        Command::KeepSetting => return settings::keep(state),
        Command::ResetSetting => return settings::reset(state),
        Command::NextValue => return settings::step(state, 1),
        Command::PreviousValue => return settings::step(state, -1),
        Command::Library => return files::open(state),
        Command::FilterFiles => files::enter(state, FilesMode::Filter),
        Command::NextFiles => files::turn(state, 1),
        Command::PreviousFiles => files::turn(state, Which::ALL.len() - 1),
        Command::ReadAgain => return files::again(state, Extent::Selected),
        Command::ReadAllAgain => return files::again(state, Extent::Folder),
        Command::Suspend => return vec![Effect::Suspend],
        Command::Repaint => return vec![Effect::Repaint],
    }
    Vec::new()
}

fn help(state: &mut State) {
    state.palette = None;
    state.screen = Screen::Help(Page::default());
}

fn send(state: &mut State) -> Vec<Effect> {
    if let Some(effects) = commands::run(state) {
        return effects;
    }
    let question = state.composer.take();
    if question.is_empty() { Vec::new() } else { ask(state, question, Grounds::Documents) }
}

/// Asks a suggested question; a number without one is typed.
fn suggestion(state: &mut State, index: usize) -> Vec<Effect> {
    let Some(question) = state.suggestions.get(index).cloned() else {
        state.composer.paste(&(index + 1).to_string());
        return Vec::new();
    };
    state.composer.remember(&question);
    ask(state, question, Grounds::Documents)
}

/// Closes what covers the chat, then lets go of what is selected.
fn leave(state: &mut State) {
    if state.palette.take().is_some() {
        return;
    }
    if state.holds(When::Mentioning) {
        return hints::dismiss(state);
    }
    let stays = match &mut state.screen {
        Screen::Chat => {
            state.focus = Focus::Composer;
            (state.cited, state.chosen) = (None, None);
            true
        }
        Screen::Sessions(list) => sessions::back(list),
        Screen::Files(list) => files::back(list),
        Screen::Settings(view) => settings::back(view),
        Screen::Models(view) => view.consent.take().is_some(),
        Screen::Inspect(view) => view.input.take().is_some(),
        Screen::Help(_) | Screen::Passage(_) | Screen::Prompt(_) | Screen::Metrics(_) | Screen::Compare(_) => false,
    };
    if !stays {
        state.screen = Screen::Chat;
    }
}

/// Ctrl-C in three steps: stop the answer, clear the question, quit when pressed twice.
fn interrupt(state: &mut State) -> Vec<Effect> {
    if state.running.is_some() {
        return stop(state);
    }
    if !state.composer.is_empty() {
        state.composer.clear();
    } else if state.about_to_quit() {
        return quit(state);
    } else {
        state.interrupted = Some(state.clock);
    }
    Vec::new()
}

fn focus(state: &mut State, steps: usize) {
    const ORDER: [Focus; 3] = [Focus::Composer, Focus::Transcript, Focus::Sources];
    let at = ORDER.iter().position(|focus| *focus == state.focus).unwrap_or(0);
    let mut next = ORDER[(at + steps) % ORDER.len()];
    if next == Focus::Sources && state.shown_turn().is_none() {
        next = ORDER[(at + 2 * steps) % ORDER.len()];
    }
    if next == Focus::Transcript && state.turns.is_empty() {
        next = Focus::Composer;
    }
    state.focus = next;
}

/// A click selects the citation under it; anywhere else it means nothing.
pub(super) fn click(state: &mut State, cell: (u16, u16)) {
    if state.shows_chat()
        && let Some(cited) = view::citation_at(state, cell)
    {
        select_citation(state, cited);
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Step {
    Back,
    Forward,
}

/// Selects the citation before or after; the first press takes the last answer's first or last one.
fn cite(state: &mut State, step: Step) {
    let count = |state: &mut State, turn: usize| {
        state.height(turn);
        state.turns[turn].laid.as_ref().map_or(0, |laid| laid.citations.len())
    };
    let selected = state.cited;
    let next = match selected {
        Some(Cited { turn, index }) if step == Step::Forward && index + 1 < count(state, turn) => {
            Some(Cited { turn, index: index + 1 })
        }
        Some(Cited { turn, index }) if step == Step::Back && index > 0 => Some(Cited { turn, index: index - 1 }),
        Some(Cited { turn, .. }) if step == Step::Forward => {
            (turn + 1..state.turns.len()).find(|turn| count(state, *turn) > 0).map(|turn| Cited { turn, index: 0 })
        }
        Some(Cited { turn, .. }) => last_before(state, turn, count),
        None if step == Step::Forward => {
            let found = (0..state.turns.len()).rev().find(|turn| count(state, *turn) > 0);
            found.map(|turn| Cited { turn, index: 0 })
        }
        None => last_before(state, state.turns.len(), count),
    };
    if let Some(cited) = next {
        select_citation(state, cited);
    }
}

fn select_citation(state: &mut State, cited: Cited) {
    (state.cited, state.chosen) = (Some(cited), None);
    let Some((line, mark)) =
        state.turns[cited.turn].laid.as_ref().and_then(|laid| laid.citations.get(cited.index)).copied()
    else {
        return;
    };
    state.source = state.turns[cited.turn].shown_sources().position(|source| source.n == mark.n).unwrap_or(0);
    state.reveal(cited.turn, line);
}

fn last_before(state: &mut State, turn: usize, count: impl Fn(&mut State, usize) -> usize) -> Option<Cited> {
    let turn = (0..turn).rev().find(|turn| count(state, *turn) > 0)?;
    Some(Cited { turn, index: count(state, turn) - 1 })
}

fn open_citation(state: &mut State) {
    if let Some(Cited { turn, .. }) = state.cited {
        let source = state.source;
        state.screen = Screen::Passage(Passage { turn, source, top: None });
    }
}

fn select(state: &mut State, step: Step) {
    let delta = if step == Step::Back { -1 } else { 1 };
    let count = |state: &State, turn: usize| state.turns[turn].shown_sources().count();
    if state.palette.is_some() {
        return palette::select(state, delta);
    }
    if state.holds(When::Mentioning) {
        return hints::select(state, delta);
    }
    match &mut state.screen {
        Screen::Sessions(_) | Screen::Settings(_) | Screen::Models(_) => scroll(state, Move::Line(delta)),
        Screen::Files(list) => files::select(list, delta),
        Screen::Compare(_) => compare::select(state, delta),
        Screen::Prompt(_) => insight::select(state, delta),
        Screen::Passage(passage) => {
            let Passage { turn, source, .. } = *passage;
            let source = source.saturating_add_signed(delta).min(count(state, turn).saturating_sub(1));
            state.source = source;
            state.screen = Screen::Passage(Passage { turn, source, top: None });
        }
        _ => {
            if let Some(turn) = state.shown_turn() {
                state.source = state.source.saturating_add_signed(delta).min(count(state, turn).saturating_sub(1));
            }
        }
    }
}

fn open_item(state: &mut State) -> Vec<Effect> {
    if state.palette.is_some() {
        return palette::run(state);
    }
    if let Screen::Sessions(sessions) = &state.screen {
        let Some(id) = sessions.current().map(|session| session.id.clone()) else { return Vec::new() };
        let mut effects = stop(state);
        effects.push(Effect::LoadSession(id));
        return effects;
    }
    if let Screen::Models(_) = state.screen {
        return models::take(state, models::Extent::UntilTheEnd);
    }
    if let Screen::Settings(_) = state.screen {
        settings::begin(state);
    } else if let Screen::Files(_) = state.screen {
        files::enter(state, FilesMode::Details(0));
    } else if let Some(turn) = state.shown_turn() {
        state.screen = Screen::Passage(Passage { turn, source: state.source, top: None });
    }
    Vec::new()
}
