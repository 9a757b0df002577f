//! Earlier conversations about this folder: the list, what is searched for in it, and what is asked about one.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::{MARGIN, spread, transcript};
use crate::chat::SessionSummary;
use crate::tui::state::{Mode, Sessions, State};
use crate::tui::text::{clean, count, fit_end, one_line};

pub(super) fn draw(state: &State, sessions: &Sessions, frame: &mut Frame<'_>, area: Rect) {
    let theme = &state.look.theme;
    let left = usize::from(MARGIN);
    let room = usize::from(area.width).saturating_sub(2 * left);
    let margin = || Span::raw(" ".repeat(left));
    let mut title = vec![margin(), Span::styled("Conversations", theme.strong)];
    title.push(Span::styled(format!("  {}", one_line(&state.folder)), theme.muted));
    let mut head = vec![Line::default(), Line::from(title)];
    if sessions.mode == Mode::Filter || !sessions.filter.is_empty() {
        head.push(field(state, "search: ", &sessions.filter, sessions.mode == Mode::Filter, room));
    }
    head.push(Line::default());
    let note = match &sessions.list {
        None => Some("loading".to_owned()),
        Some(list) if list.is_empty() => Some("None yet. A conversation is kept from its first answer on.".to_owned()),
        Some(_) if sessions.count() == 0 => Some("No conversation holds these words.".to_owned()),
        Some(_) => None,
    };
    if let Some(note) = note {
        head.push(Line::from(vec![margin(), Span::styled(note, theme.muted)]));
    }
    let top = head.len() as u16;
    super::lines(frame, area, &head, 0);
    let list =
        Rect { x: area.x + MARGIN, y: area.y + top, width: room as u16, height: area.height.saturating_sub(top + 2) };
    let mut rows: Vec<Line<'static>> = Vec::new();
    let mut selected = 0..0;
    for (index, (session, excerpt)) in sessions.shown().enumerate() {
        let chosen = index == sessions.selected;
        let first = rows.len();
        rows.push(row(state, session, chosen, room));
        if let Some(excerpt) = excerpt {
            let text = transcript::short(excerpt, room.saturating_sub(4), &state.look);
            rows.push(Line::from(vec![Span::raw("    "), Span::styled(text, theme.muted)]));
        }
        if chosen {
            selected = first..rows.len();
        }
    }
    let first = selected.end.saturating_sub(usize::from(list.height)).min(selected.start);
    super::lines(frame, list, &rows, first);
    let bottom = Rect { y: area.bottom().saturating_sub(1), height: 1, ..area };
    super::line(frame, bottom, &foot(state, sessions, room));
}

fn row(state: &State, session: &SessionSummary, chosen: bool, room: usize) -> Line<'static> {
    let theme = &state.look.theme;
    let right = format!(
        "{}   {:>12}",
        count(session.turns as u64, "question", "questions"),
        age(state.unix_now(), session.updated_at)
    );
    let name = transcript::short(&session.title, room.saturating_sub(right.len() + 5), &state.look);
    let sign = if chosen { state.look.glyphs.pointer } else { " " };
    let row = spread(
        vec![Span::styled(format!("{sign} "), theme.accent), Span::styled(name, theme.text)],
        vec![Span::styled(format!("{right} "), theme.muted)],
        room,
    );
    if chosen { row.patch_style(theme.selection) } else { row }
}

/// What is asked about the selected conversation, else what is not in the list.
fn foot(state: &State, sessions: &Sessions, room: usize) -> Line<'static> {
    let theme = &state.look.theme;
    let margin = Span::raw(" ".repeat(usize::from(MARGIN)));
    match &sessions.mode {
        Mode::Rename(name) => field(state, "name: ", name, true, room),
        Mode::Delete => {
            let look = &state.look;
            let title = sessions.current().map(|session| session.title.as_str()).unwrap_or_default();
            let title = transcript::short(title, room.saturating_sub(28), look);
            let question =
                format!("delete {}{title}{} for good? y / n", look.glyphs.open_quote, look.glyphs.close_quote);
            Line::from(vec![margin, Span::styled(question, theme.warn)])
        }
        Mode::Browse | Mode::Filter if sessions.elsewhere > 0 => {
            let text = format!("{} about other folders: open tanya there", sessions.elsewhere);
            Line::from(vec![margin, Span::styled(text, theme.muted)])
        }
        Mode::Browse | Mode::Filter => Line::default(),
    }
}

/// A line that is being typed, or was. The cursor is a cell of its own: the terminal's is hidden on this screen.
pub(super) fn field(state: &State, label: &'static str, text: &str, active: bool, room: usize) -> Line<'static> {
    let theme = &state.look.theme;
    let text = fit_end(&clean(text), room.saturating_sub(label.len() + 1), state.look.glyphs.ellipsis);
    let mut spans = vec![
        Span::raw(" ".repeat(usize::from(MARGIN))),
        Span::styled(label, theme.accent),
        Span::styled(text, theme.text),
    ];
    if active {
        spans.push(Span::styled("_", theme.accent));
    }
    Line::from(spans)
}

fn age(now: u64, then: u64) -> String {
    match now.saturating_sub(then) {
        0..60 => "just now".into(),
        seconds @ 60..3600 => format!("{} ago", count(seconds / 60, "minute", "minutes")),
        seconds @ 3600..86400 => format!("{} ago", count(seconds / 3600, "hour", "hours")),
        seconds => format!("{} ago", count(seconds / 86400, "day", "days")),
    }
}
