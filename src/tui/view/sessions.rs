//! Earlier conversations about this folder.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::{MARGIN, spread, transcript};
use crate::tui::state::{Sessions, State};
use crate::tui::text::count;

pub(super) fn draw(state: &State, sessions: &Sessions, frame: &mut Frame<'_>, area: Rect) {
    let theme = &state.look.theme;
    let left = usize::from(MARGIN);
    let room = usize::from(area.width).saturating_sub(2 * left);
    let margin = || Span::raw(" ".repeat(left));
    let mut title = vec![margin(), Span::styled("Conversations", theme.strong)];
    title.push(Span::styled(format!("  {}", crate::tui::text::one_line(&state.folder)), theme.muted));
    let mut head = vec![Line::default(), Line::from(title), Line::default()];
    let note = match &sessions.list {
        None => Some("loading".to_owned()),
        Some(list) if list.is_empty() => Some("None yet. A conversation is kept from its first answer on.".to_owned()),
        Some(_) => None,
    };
    if let Some(note) = note {
        head.push(Line::from(vec![margin(), Span::styled(note, theme.muted)]));
    }
    let top = head.len() as u16;
    super::lines(frame, area, &head, 0);
    let rows: Vec<Line<'static>> = sessions
        .list
        .iter()
        .flatten()
        .enumerate()
        .map(|(index, session)| {
            let chosen = index == sessions.selected;
            let right = format!(
                "{}   {:>12}",
                count(session.turns as u64, "question", "questions"),
                age(state.unix_now(), session.updated_at)
            );
            let name = transcript::short(&session.title, room.saturating_sub(right.len() + 5), &state.look);
            let sign = if chosen { state.look.glyphs.pointer } else { " " };
            let mut row = spread(
                vec![Span::styled(format!("{sign} "), theme.accent), Span::styled(name, theme.text)],
                vec![Span::styled(format!("{right} "), theme.muted)],
                room,
            );
            if chosen {
                row = row.patch_style(theme.selection);
            }
            row
        })
        .collect();
    let list =
        Rect { x: area.x + MARGIN, y: area.y + top, width: room as u16, height: area.height.saturating_sub(top + 2) };
    let first = (sessions.selected + 1).saturating_sub(usize::from(list.height));
    super::lines(frame, list, &rows, first);
    if sessions.elsewhere > 0 {
        let text = format!("{} about other folders: open tanya there", sessions.elsewhere);
        let row = Rect { y: area.bottom().saturating_sub(1), height: 1, ..area };
        super::line(frame, row, &Line::from(vec![margin(), Span::styled(text, theme.muted)]));
    }
}

fn age(now: u64, then: u64) -> String {
    match now.saturating_sub(then) {
        0..60 => "just now".into(),
        seconds @ 60..3600 => format!("{} ago", count(seconds / 60, "minute", "minutes")),
        seconds @ 3600..86400 => format!("{} ago", count(seconds / 3600, "hour", "hours")),
        seconds => format!("{} ago", count(seconds / 86400, "day", "days")),
    }
}
