//! The line where questions are typed.

use ratatui::Frame;
use ratatui::layout::{Position, Rect};
use ratatui::text::{Line, Span};
use unicode_segmentation::UnicodeSegmentation as _;

use crate::tui::state::{Focus, Phase, State};
use crate::tui::text::{clean, width};

/// `> ` with the margin before it.
const PROMPT: u16 = 3;

/// Rows that the text takes at this width, at least one.
pub(super) fn rows(state: &State, columns: u16) -> u16 {
    let (lines, _) = lay_out(state, columns);
    lines.len().clamp(1, usize::from(u16::MAX)) as u16
}

pub(super) fn draw(state: &State, frame: &mut Frame<'_>, area: Rect) {
    let theme = &state.look.theme;
    let focused = state.focus == Focus::Composer;
    let (lines, (row, column)) = lay_out(state, area.width);
    let top = (row + 1).saturating_sub(usize::from(area.height));
    for (offset, text) in lines.iter().skip(top).take(usize::from(area.height)).enumerate() {
        let prompt = if top + offset == 0 { " > " } else { "   " };
        let style = if focused { theme.accent } else { theme.muted };
        let spans = vec![Span::styled(prompt, style), Span::styled(text.clone(), theme.text)];
        super::line(frame, Rect { y: area.y + offset as u16, height: 1, ..area }, &Line::from(spans));
    }
    if state.composer.is_empty() && area.width > PROMPT {
        let rest = Rect { x: area.x + PROMPT, width: area.width - PROMPT, ..area };
        super::line(frame, rest, &Line::styled(placeholder(state), theme.muted));
    }
    if focused {
        let x = (area.x + PROMPT + column as u16).min(area.right().saturating_sub(1));
        let y = (area.y + (row - top) as u16).min(area.bottom().saturating_sub(1));
        frame.set_cursor_position(Position { x, y });
    }
}

fn placeholder(state: &State) -> &'static str {
    if state.turns.is_empty() {
        "ask your documents"
    } else if state.turns.iter().any(|turn| turn.phase == Phase::Queued) {
        "the next question is waiting"
    } else {
        ""
    }
}

/// The text cut to the width, and the cursor's row and column in it. A cell is kept free for the cursor at a line's end.
fn lay_out(state: &State, columns: u16) -> (Vec<String>, (usize, usize)) {
    let room = usize::from(columns.saturating_sub(PROMPT + 1)).max(1);
    let (cursor_line, cursor_character) = state.composer.cursor();
    let mut lines = Vec::new();
    let mut cursor = (0, 0);
    for (index, text) in state.composer.lines().iter().enumerate() {
        let mut current = String::new();
        let mut used = 0;
        let mut characters = 0;
        for grapheme in text.graphemes(true) {
            let columns = width(&clean(grapheme));
            if used + columns > room {
                lines.push(std::mem::take(&mut current));
                used = 0;
            }
            if index == cursor_line && characters <= cursor_character {
                cursor = (lines.len(), used);
            }
            // Typed one by one, marks can pile up that a paste would have lost.
            current.push_str(&clean(grapheme));
            used += columns;
            characters += grapheme.chars().count();
        }
        if index == cursor_line && characters <= cursor_character {
            cursor = (lines.len(), used);
        }
        lines.push(current);
    }
    (lines, cursor)
}
