//! The page that explains the keys, by the one table.

use ratatui::text::{Line, Span};

use super::{MARGIN, indent};
use crate::tui::keymap::{BINDINGS, Command, Group, SLASHES};
use crate::tui::state::State;
use crate::tui::text::{width, wrap_plain};

/// Columns of the keys.
const KEYS: usize = 22;

/// From here on the chapters stand in two columns.
const TWO_COLUMNS: u16 = 130;

/// All keys and commands.
pub(super) fn lines(state: &State, columns: u16) -> Vec<Line<'static>> {
    let mut chapters: Vec<Vec<Line<'static>>> = Vec::new();
    let room = if columns >= TWO_COLUMNS { columns / 2 } else { columns };
    for group in Group::ALL {
        let rows = BINDINGS
            .iter()
            .filter(|binding| binding.group == group && !binding.title.is_empty())
            .map(|binding| (state.keymap.names(binding).join("  "), binding.title));
        chapters.push(chapter(state, room, group.title(), rows.collect()));
    }
    let slashes = SLASHES.iter().map(|slash| (format!("/{} {}", slash.name, slash.arguments), slash.title)).collect();
    chapters.push(chapter(state, room, "Commands", slashes));
    let mut out = vec![Line::default()];
    if columns < TWO_COLUMNS {
        out.extend(chapters.into_iter().flatten());
        out.extend(own_keys(state, columns));
        return out;
    }
    let right: Vec<Line<'static>> = chapters.split_off(2).into_iter().flatten().collect();
    let left: Vec<Line<'static>> = chapters.into_iter().flatten().collect();
    let rows = left.len().max(right.len());
    let (mut left, mut right) = (left.into_iter(), right.into_iter());
    out.extend((0..rows).map(|_| {
        let mut spans = left.next().unwrap_or_default().spans;
        let pad = usize::from(room).saturating_sub(super::columns(&spans));
        spans.push(Span::raw(" ".repeat(pad)));
        spans.extend(right.next().unwrap_or_default().spans);
        Line::from(spans)
    }));
    out.extend(own_keys(state, columns));
    out
}

/// How keys are changed.
fn own_keys(state: &State, columns: u16) -> Vec<Line<'static>> {
    let list = state.keymap.first(Command::Palette).map(|key| format!(" ({key})")).unwrap_or_default();
    let text = format!(
        "Other keys: lines such as new = \"ctrl-t\" under [keys] in the configuration file, by the names that the list of commands{list} shows."
    );
    let room = usize::from(columns).saturating_sub(2 * usize::from(MARGIN)).max(10);
    let line = |text| Line::from(vec![indent(), Span::styled(text, state.look.theme.muted)]);
    wrap_plain(&text, room).into_iter().map(line).collect()
}

fn chapter(state: &State, columns: u16, title: &'static str, rows: Vec<(String, &'static str)>) -> Vec<Line<'static>> {
    let theme = &state.look.theme;
    let room = usize::from(columns).saturating_sub(usize::from(MARGIN) + KEYS + 1).max(10);
    let mut out = vec![Line::from(vec![indent(), Span::styled(title, theme.strong)])];
    for (keys, title) in rows {
        let pad = " ".repeat(KEYS.saturating_sub(width(&keys)).max(2));
        for (index, text) in wrap_plain(title, room).into_iter().enumerate() {
            let mut spans = vec![indent()];
            if index == 0 {
                spans.extend([Span::styled(keys.clone(), theme.accent), Span::raw(pad.clone())]);
            } else {
                spans.push(Span::raw(" ".repeat(KEYS)));
            }
            spans.push(Span::styled(text, theme.text));
            out.push(Line::from(spans));
        }
    }
    out.push(Line::default());
    out
}
