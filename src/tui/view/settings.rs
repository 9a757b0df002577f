//! Every setting with its value and where that comes from, and all that is known of the selected one.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::{MARGIN, indent, sessions, spread};
use crate::config::{Origin, SETTINGS, Setting, Shape};
use crate::tui::keymap::Command;
use crate::tui::state::{SettingsView, State, shown_value, waits_for_start};
use crate::tui::text::{fit, one_line, width, wrap_plain};

/// From here on the meaning stands in the row.
const WITH_MEANING: usize = 110;
/// From here on the origin does.
const WITH_ORIGIN: usize = 60;
/// Columns of a value beside its meaning.
const VALUE: usize = 26;
/// Columns of an origin, and of what waits for the next start.
const ORIGIN: usize = 14;
/// Rows of the list that are left at least.
const LEAST_ROWS: u16 = 3;
/// Below this height empty rows give way.
const WITH_GAPS: u16 = 14;

const WAITS: &str = "at next start";

pub(super) fn draw(state: &State, view: &SettingsView, frame: &mut Frame<'_>, area: Rect) {
    let theme = &state.look.theme;
    let room = usize::from(area.width).saturating_sub(2 * usize::from(MARGIN));
    let shown = view.shown();
    let title = vec![indent(), Span::styled("Settings", theme.strong)];
    let file = fit(&one_line(&state.config_file), room.saturating_sub(12), state.look.glyphs.ellipsis);
    let mut head = vec![
        Line::from([title, vec![Span::styled(format!("  {file}"), theme.muted)]].concat()),
        sessions::field(state, "find: ", &view.typed, view.edit.is_none(), room),
    ];
    if area.height >= WITH_GAPS {
        head.insert(0, Line::default());
        head.push(Line::default());
    }
    if shown.is_empty() {
        head.push(Line::from(vec![indent(), Span::styled("No setting is called or does that.", theme.muted)]));
    }
    super::lines(frame, area, &head, 0);
    let top = head.len() as u16;
    let below = area.height.saturating_sub(top);
    let mut details = view.current().map(|setting| details(state, view, setting, room)).unwrap_or_default();
    if area.height >= WITH_GAPS {
        details.insert(0, Line::default());
    }
    let rows_below = (details.len() as u16).min(below.saturating_sub(LEAST_ROWS));
    let (x, y, height) = (area.x + MARGIN, area.y + top, below.saturating_sub(rows_below));
    let list = Rect { x, y, width: room as u16, height };
    let selected = view.place(&shown);
    let mut rows: Vec<Line<'static>> = Vec::new();
    let mut end = 0;
    for (index, setting) in shown.iter().enumerate() {
        rows.extend(row(state, setting, index == selected, room));
        if index == selected {
            end = rows.len();
        }
    }
    super::lines(frame, list, &rows, end.saturating_sub(usize::from(list.height)));
    // What is typed, and why it cannot be taken, stands last: where there is little room the meaning gives way.
    let foot = Rect { y: list.bottom(), height: rows_below, ..area };
    let first = if view.edit.is_some() { details.len().saturating_sub(usize::from(rows_below)) } else { 0 };
    super::lines(frame, foot, &details[first..], 0);
}

fn row(state: &State, setting: &Setting, chosen: bool, room: usize) -> Vec<Line<'static>> {
    let look = &state.look;
    let names = SETTINGS.iter().map(|setting| setting.key.len()).max().unwrap_or(0) + 2;
    let waits = waits_for_start(setting, &state.settings, &state.settled);
    let origin = state.origins.of(setting.key);
    let note = if waits { WAITS } else { origin.name() };
    let note_style = match origin {
        _ if waits => look.theme.warn,
        Origin::Session => look.theme.accent,
        Origin::Default | Origin::File | Origin::Flag => look.theme.muted,
    };
    let with_origin = room >= WITH_ORIGIN;
    let free = room.saturating_sub(names + 2 + if with_origin { ORIGIN + 1 } else { 0 });
    let columns = if room >= WITH_MEANING { VALUE } else { free };
    let value = fit(&shown_value(setting, &state.settings), columns.saturating_sub(1), look.glyphs.ellipsis);
    let pad = " ".repeat(columns.saturating_sub(width(&value)));
    let sign = if chosen { look.glyphs.pointer } else { " " };
    let value_style = if origin == Origin::Default { look.theme.muted } else { look.theme.text };
    let mut left = vec![
        Span::styled(format!("{sign} "), look.theme.accent),
        Span::styled(format!("{:<names$}", setting.key), look.theme.text),
        Span::styled(value, value_style),
        Span::raw(pad),
    ];
    if with_origin {
        left.push(Span::styled(format!("{note:<ORIGIN$}"), note_style));
    }
    if room >= WITH_MEANING {
        left.push(Span::styled(fit(setting.help, free - VALUE, look.glyphs.ellipsis), look.theme.muted));
    }
    let line = spread(left, Vec::new(), room);
    let mut out = vec![if chosen { line.patch_style(look.theme.selection) } else { line }];
    // Where there is no column for it, it still has to be seen.
    if !with_origin && (waits || origin == Origin::Session) {
        out.push(Line::from(vec![Span::raw("    "), Span::styled(note, note_style)]));
    }
    out
}

/// All that is known of one setting, and the value that is being typed for it.
fn details(state: &State, view: &SettingsView, setting: &Setting, room: usize) -> Vec<Line<'static>> {
    let look = &state.look;
    let line = |text: String, style| Line::from(vec![indent(), Span::styled(text, style)]);
    let mut out = Vec::new();
    let dot = look.glyphs.dot;
    let waits = waits_for_start(setting, &state.settings, &state.settled);
    let origin = state.origins.of(setting.key);
    let value = fit(&shown_value(setting, &state.settings), room / 2, look.glyphs.ellipsis);
    let mut first = format!("{} = {value} {dot} {}", setting.key, origin.phrase());
    if origin != Origin::Default {
        first.push_str(&[" ", dot, " default ", &shown_value(setting, &state.settings.defaults())].concat());
    }
    if waits {
        first.push_str(&[" ", dot, " ", "taken at the next start"].concat());
    }
    if let (Shape::OneOf(_) | Shape::Switch, Some(key)) = (setting.shape, state.keymap.first(Command::NextValue)) {
        first.push_str(&[" ", dot, " ", &key, ": the next"].concat());
    }
    out.extend(wrap_plain(&first, room).into_iter().map(|text| line(text, look.theme.text)));
    out.extend(wrap_plain(setting.help, room).into_iter().map(|text| line(text, look.theme.muted)));
    if let Some(edit) = &view.edit {
        out.push(sessions::field(state, "value: ", &edit.text, true, room));
        let refused = edit.refused.iter().flat_map(|why| wrap_plain(&one_line(why), room));
        out.extend(refused.map(|text| line(text, look.theme.bad)));
    }
    out
}
