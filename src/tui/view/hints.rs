//! Names that fit the word behind `@` or `#`, over the last rows above the question; what the question finds so far, in the rule.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::{columns, location, rule, spread};
use crate::tui::state::State;
use crate::tui::text::{fit, fit_end, one_line, width};

/// Columns of a path in the rule, at most.
const PATH: usize = 32;
/// Columns of the rule that stay to the left.
const LEFT: u16 = 3;
/// Rows that stay of what is covered.
const LEAST: u16 = 3;

/// Draws the names over the end of `area`.
pub(super) fn names(state: &State, frame: &mut Frame<'_>, area: Rect) {
    let look = &state.look;
    let names = state.hints.names();
    let rows = (names.len() as u16).min(area.height.saturating_sub(LEAST));
    if rows == 0 {
        return;
    }
    let top = area.bottom() - rows;
    rule(state, frame, Rect { y: top - 1, height: 1, ..area });
    let room = usize::from(area.width);
    let first = state.hints.chosen.map_or(0, |chosen| (chosen + 1).saturating_sub(usize::from(rows)));
    for (row, (at, name)) in names.iter().enumerate().skip(first).take(usize::from(rows)).enumerate() {
        let chosen = state.hints.chosen == Some(at);
        let sign = if chosen || (at == 0 && state.hints.chosen.is_none()) { look.glyphs.pointer } else { " " };
        let right = vec![Span::styled(format!("{}  ", name.note), look.theme.muted)];
        let most = room.saturating_sub(columns(&right) + 5);
        let left = vec![
            Span::styled(format!(" {sign} "), look.theme.accent),
            Span::styled(fit(&one_line(&name.written), most, look.glyphs.ellipsis), look.theme.text),
        ];
        let mut line = spread(left, right, room);
        // The rest of the row is not what is below it.
        let free = room.saturating_sub(columns(&line.spans));
        line.spans.push(Span::raw(" ".repeat(free)));
        let line = if chosen { line.patch_style(look.theme.selection) } else { line };
        super::line(frame, Rect { y: top + row as u16, height: 1, ..area }, &line);
    }
}

/// Writes into the rule what the question finds so far: as many places as fit into `room` columns.
pub(super) fn preview(state: &State, frame: &mut Frame<'_>, area: Rect, room: u16) {
    let look = &state.look;
    let places = state.preview().iter().map(|source| {
        let location = location(source, look.glyphs.dash);
        fit_end(&one_line(&source.path), PATH, look.glyphs.ellipsis) + &location
    });
    let mut text = String::new();
    for place in places {
        let more =
            if text.is_empty() { format!(" finds {place} ") } else { format!("{text}{} {place} ", look.glyphs.dot) };
        if width(&more) + usize::from(LEFT) > usize::from(room) {
            break;
        }
        text = more;
    }
    let x = area.x + LEFT;
    super::line(frame, Rect { x, width: width(&text) as u16, ..area }, &Line::styled(text, look.theme.muted));
}
