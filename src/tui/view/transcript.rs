//! Questions and answers on the screen.
//!
//! A turn is laid out once per width, colors and revision ([`layout`]); what changes by the clock or by its neighbors (its
//! status, the offer under a refusal) is filled in at the draw.

mod layout;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

pub(in crate::tui) use layout::{Context, LaidTurn, lay_out};

use super::{MARGIN, status};
use crate::answer::FinishKind;
use crate::tui::markdown::Mark;
use crate::tui::state::{Cited, Focus, Look, State, TurnState};
use crate::tui::text::{fit, one_line};
use layout::Kind;

/// Draws the visible turns.
pub(super) fn draw(state: &State, frame: &mut Frame<'_>, area: Rect) {
    let (mut turn, mut from) = state.scroll.top;
    let mut y = area.y;
    while y < area.bottom() {
        let Some(laid) = state.turns.get(turn).and_then(|turn| turn.laid.as_ref()) else { break };
        for (index, turn_line) in laid.lines.iter().enumerate().skip(from) {
            if y >= area.bottom() {
                break;
            }
            let row = Rect { y, height: 1, ..area };
            match turn_line.kind {
                Kind::Text => super::line(frame, row, &turn_line.line),
                Kind::Status => super::line(frame, row, &margin(status::of_turn(state, turn))),
                Kind::Offer if state.refused() == Some(turn) => {
                    super::line(frame, row, &margin(offer(&state.look, area.width)));
                }
                Kind::Offer => {}
            }
            if state.focus == Focus::Transcript && turn_line.is_question() && state.selected_turn() == Some(turn) {
                let sign = Line::styled(state.look.glyphs.pointer, state.look.theme.accent);
                super::line(frame, Rect { x: row.x + 1, width: 1, ..row }, &sign);
            }
            select(state, frame, row, turn, index);
            y += 1;
        }
        (turn, from) = (turn + 1, 0);
    }
}

/// The citation that [`draw`] puts on this cell of the screen.
pub(super) fn citation_at(state: &State, area: Rect, (column, row): (u16, u16)) -> Option<Cited> {
    if !area.contains((column, row).into()) {
        return None;
    }
    let mut below = usize::from(row - area.y);
    let (mut turn, mut from) = state.scroll.top;
    loop {
        let laid = state.turns.get(turn)?.laid.as_ref()?;
        let shown = laid.lines.len().saturating_sub(from);
        if below < shown {
            let line = from + below;
            let under = |mark: &Mark| (mark.column..mark.column + mark.width).contains(&(column - area.x));
            let index = laid.citations.iter().position(|(at, mark)| *at == line && under(mark))?;
            return Some(Cited { turn, index });
        }
        below -= shown;
        (turn, from) = (turn + 1, 0);
    }
}

fn margin(mut spans: Vec<Span<'static>>) -> Line<'static> {
    spans.insert(0, Span::raw(" ".repeat(usize::from(MARGIN))));
    Line::from(spans)
}

fn offer(look: &Look, columns: u16) -> Vec<Span<'static>> {
    let rest = if columns < 60 { "" } else { ", without the documents" };
    vec![
        Span::styled("enter", look.theme.accent),
        Span::styled(format!(" asks the model anyway{rest}"), look.theme.muted),
    ]
}

/// Puts the selection's style over the selected citation.
fn select(state: &State, frame: &mut Frame<'_>, row: Rect, turn: usize, line: usize) {
    let Some(cited) = state.cited.filter(|cited| cited.turn == turn) else { return };
    let laid = state.turns[turn].laid.as_ref();
    if let Some((at, mark)) = laid.and_then(|laid| laid.citations.get(cited.index))
        && *at == line
    {
        let cell = Rect { x: row.x + mark.column, y: row.y, width: mark.width, height: 1 };
        frame.buffer_mut().set_style(cell.intersection(row), state.look.theme.selection);
    }
}

/// How an answer ended, when that is worth a word.
pub(super) fn ending(turn: &TurnState) -> Option<&'static str> {
    match turn.answer.as_ref()?.finish {
        FinishKind::Length => Some("cut at the longest allowed answer (/set max_tokens)"),
        FinishKind::Window => Some("cut: the model's window is full"),
        FinishKind::Cancelled => Some("stopped"),
        FinishKind::Stop | FinishKind::Refused => None,
    }
}

/// A title for narrow places.
pub(super) fn short(text: &str, columns: usize, look: &Look) -> String {
    fit(&one_line(text), columns, look.glyphs.ellipsis)
}
