//! Scrolling whatever is shown: by lines, by screens, to an end.

use super::{insight, palette};
use crate::tui::state::{FilesMode, Passage, Screen, State};
use crate::tui::view;

/// How far.
#[derive(Clone, Copy)]
pub(super) enum Move {
    Line(isize),
    Page(isize),
    Top,
    Bottom,
}

/// Moves whatever scrolls now, or the selection of a list.
pub(super) fn scroll(state: &mut State, how: Move) {
    let rows = view::page_rows(state).max(2);
    let lines = match how {
        Move::Line(lines) => lines,
        // One line of overlap keeps the eye's place.
        Move::Page(pages) => pages * (rows as isize - 1),
        Move::Top => isize::MIN / 2,
        Move::Bottom => isize::MAX / 2,
    };
    if state.palette.is_some() {
        return palette::select(state, lines);
    }
    let last = view::last_top(state);
    match &mut state.screen {
        Screen::Chat => match how {
            Move::Top => state.scroll_to_start(),
            Move::Bottom => state.scroll_to_end(),
            Move::Line(_) | Move::Page(_) => state.scroll_by(lines),
        },
        Screen::Help(page) | Screen::Metrics(page) => {
            page.top = page.top.saturating_add_signed(lines).min(last);
        }
        Screen::Compare(view) => view.top = view.top.saturating_add_signed(lines).min(last),
        Screen::Passage(passage) => {
            let passage = *passage;
            let top = view::passage_top(state, passage).saturating_add_signed(lines).min(last);
            state.screen = Screen::Passage(Passage { top: Some(top), ..passage });
        }
        Screen::Sessions(sessions) => sessions.select(lines),
        Screen::Settings(view) => view.select(lines),
        Screen::Models(view) => view.select(lines),
        Screen::Files(files) => match &mut files.mode {
            FilesMode::Details(top) => *top = top.saturating_add_signed(lines).min(last),
            FilesMode::Browse | FilesMode::Filter => files.select(lines),
        },
        Screen::Inspect(view) => {
            if let Some(top) = &mut view.input {
                *top = top.saturating_add_signed(lines).min(last);
            }
        }
        Screen::Prompt(_) => insight::select(state, lines.signum()),
    }
}

/// Lines that one notch of the wheel moves.
const NOTCH: isize = 3;

/// The wheel scrolls whatever is shown.
pub(super) fn wheel(state: &mut State, notches: isize) {
    scroll(state, Move::Line(notches * NOTCH));
}
