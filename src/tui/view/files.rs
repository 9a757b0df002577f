//! The library: how many files are in which state, the files with what was read of each, and all that is known of one.
//!
//! Only the rows that are seen are made: a list of a hundred thousand files is drawn as fast as one of ten.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use tanya_index::FileState;

use super::{MARGIN, bar, indent, sessions, spread};
use crate::ingest::{Entry, state_word};
use crate::tui::state::{Files, FilesMode, Indexing, State};
use crate::tui::text::{Room, Run, bytes, count, fit, fit_end, one_line, thousands, width, wrap, wrap_plain};

/// Columns of the sign and the state of a row.
const STATE: usize = 10;
/// Columns of a size, with the space before it.
const SIZE: usize = 9;
/// Columns of the names in the details.
const NAME: usize = 10;

pub(super) fn draw(state: &State, files: &Files, frame: &mut Frame<'_>, area: Rect) {
    if let FilesMode::Details(top) = files.mode {
        super::lines(frame, area, &details(state, files, area.width), top);
        return;
    }
    let room = room(area.width);
    let head = head(state, files, area.width);
    super::lines(frame, area, &head, 0);
    let (x, y) = (area.x + MARGIN, area.y + head.len() as u16);
    let rows = rows(files, head.len(), area.height);
    let first = first(files, rows);
    for (row, (at, entry)) in (first..).zip(files.shown(first)).take(rows).enumerate() {
        let place = Rect { x, y: y + row as u16, width: room as u16, height: 1 };
        super::line(frame, place, &line(state, entry, at == files.selected, room));
    }
    let bottom = Rect { y: area.bottom().saturating_sub(1), height: 1, ..area };
    super::line(frame, bottom, &foot(state, files, room));
}

fn room(columns: u16) -> usize {
    usize::from(columns).saturating_sub(2 * usize::from(MARGIN))
}

/// Rows of the list: what the head and the foot leave.
fn rows(files: &Files, head: usize, height: u16) -> usize {
    usize::from(height).saturating_sub(head + 2).min(files.count())
}

/// Rows of the list in all of the space that a page has.
pub(super) fn page_rows(state: &State, files: &Files, columns: u16, height: usize) -> usize {
    match files.mode {
        FilesMode::Details(_) => height,
        FilesMode::Browse | FilesMode::Filter => height.saturating_sub(head(state, files, columns).len() + 2),
    }
}

/// The first file in view: the selected one is in the middle, where there is more on both sides.
fn first(files: &Files, rows: usize) -> usize {
    files.selected.saturating_sub(rows / 2).min(files.count() - rows)
}

/// What stands above the list.
fn head(state: &State, files: &Files, columns: u16) -> Vec<Line<'static>> {
    let theme = &state.look.theme;
    let room = room(columns);
    let folder = fit_end(&one_line(&state.folder), room.saturating_sub(9), state.look.glyphs.ellipsis);
    let title = vec![indent(), Span::styled("Library", theme.strong), Span::styled(format!("  {folder}"), theme.muted)];
    let mut out = vec![Line::default(), Line::from(title)];
    out.extend(flow(&[(sums(state), theme.muted)], room));
    out.extend(progress(state, room));
    out.extend(files.list().map(|_| kinds(state, files, room)).into_iter().flatten());
    if files.mode == FilesMode::Filter || !files.filter().is_empty() {
        out.push(sessions::field(state, "path: ", files.filter(), files.mode == FilesMode::Filter, room));
    }
    out.push(Line::default());
    let note = match files.list() {
        None => Some("loading"),
        Some([]) => Some("No file is known yet."),
        Some(_) if files.count() == 0 && !files.filter().is_empty() => Some("No path holds these words."),
        Some(_) if files.count() == 0 => Some("None."),
        Some(_) => None,
    };
    out.extend(note.map(|note| Line::from(vec![indent(), Span::styled(note, theme.muted)])));
    out
}

/// Counts over everything, as they were told last.
fn sums(state: &State) -> String {
    let Some(status) = &state.library.status else { return String::new() };
    let dot = state.look.glyphs.dot;
    let files = count(status.files, "file", "files");
    let passages = count(status.chunks, "passage", "passages");
    let embedded = match status.embedded.saturating_mul(100).checked_div(status.chunks) {
        Some(percent) if status.embedder.is_some() => format!(", {percent} % embedded"),
        _ => String::new(),
    };
    format!("{files}, {} whole {dot} {} {dot} {passages}{embedded}", thousands(status.indexed), bytes(status.bytes))
}

/// What is read or embedded just now.
fn progress(state: &State, room: usize) -> Option<Line<'static>> {
    let look = &state.look;
    let (done, total, text) = match &state.library.indexing {
        Indexing::Reading { path, done, total } => {
            (*done, *total, format!("{} of {}  {}", thousands(*done), thousands(*total), one_line(path)))
        }
        Indexing::Embedding { done, total, .. } => {
            (*done, *total, format!("{} of {} embedded", thousands(*done), count(*total, "passage", "passages")))
        }
        Indexing::Opening | Indexing::ReadOnly { .. } | Indexing::Idle => return None,
    };
    let mut spans = vec![indent()];
    spans.extend(bar(look, done, total, 9));
    let text = fit(&text, room.saturating_sub(10), look.glyphs.ellipsis);
    spans.push(Span::styled(format!(" {text}"), look.theme.muted));
    Some(Line::from(spans))
}

/// Every kind with its number, the shown one marked.
fn kinds(state: &State, files: &Files, room: usize) -> Vec<Line<'static>> {
    let theme = &state.look.theme;
    let mut runs: Vec<(String, Style)> = Vec::new();
    for (which, number) in files.counts() {
        let style = if which == files.which() { theme.accent } else { theme.muted };
        let gap = if runs.is_empty() { "" } else { "   " };
        // One word for the line's ends: a number never stands without its kind.
        runs.push((gap.to_owned(), theme.muted));
        runs.push((format!("{}\u{a0}{}", which.title(), thousands(number as u64)), style));
    }
    flow(&runs, room)
}

/// Runs of text over as many lines as they need.
fn flow(runs: &[(String, Style)], room: usize) -> Vec<Line<'static>> {
    let runs: Vec<Run<Style>> =
        runs.iter().filter(|(text, _)| !text.is_empty()).map(|(text, style)| Run::new(text.as_str(), *style)).collect();
    if runs.is_empty() {
        return Vec::new();
    }
    let lines = wrap(&runs, Room::even(room)).into_iter().map(|line| {
        let pieces = line.into_iter().map(|piece| Span::styled(piece.text.replace('\u{a0}', " "), piece.tag));
        Line::from(std::iter::once(indent()).chain(pieces).collect::<Vec<_>>())
    });
    lines.collect()
}

/// One file: its state, its path, why or how much was read of it, and its size, as far as there is room.
fn line(state: &State, entry: &Entry, is_chosen: bool, room: usize) -> Line<'static> {
    let look = &state.look;
    let theme = &look.theme;
    let ellipsis = look.glyphs.ellipsis;
    let sign = if is_chosen { look.glyphs.pointer } else { " " };
    let mut left = vec![
        Span::styled(format!("{sign} "), theme.accent),
        Span::styled(format!("{:<1$}", state_word(entry.state), STATE - 2), style(state, entry.state)),
    ];
    let rest = room.saturating_sub(STATE);
    let path = one_line(&entry.path);
    if rest < 40 {
        left.push(Span::styled(fit_end(&path, rest, ellipsis), theme.text));
        return chosen(state, spread(left, Vec::new(), room + 1), is_chosen);
    }
    let right = vec![Span::styled(format!("{:>SIZE$}", bytes(entry.bytes)), theme.muted)];
    let rest = rest - SIZE - 1;
    let path_room = if rest < 50 { rest } else { rest * 48 / 100 };
    let path = fit_end(&path, path_room, ellipsis);
    let pad = " ".repeat(path_room.saturating_sub(width(&path)) + 2);
    left.push(Span::styled(path, theme.text));
    if path_room < rest {
        let what = entry.reason.as_deref().map_or_else(|| amount(entry), one_line);
        left.push(Span::raw(pad));
        left.push(Span::styled(fit(&what, rest - path_room - 2, ellipsis), theme.muted));
    }
    chosen(state, spread(left, right, room), is_chosen)
}

fn chosen(state: &State, line: Line<'static>, is_chosen: bool) -> Line<'static> {
    if is_chosen { line.patch_style(state.look.theme.selection) } else { line }
}

fn amount(entry: &Entry) -> String {
    let pages =
        if entry.pages > 0 { format!(", {}", count(entry.pages.into(), "page", "pages")) } else { String::new() };
    format!("{}{pages}", count(entry.passages.into(), "passage", "passages"))
}

fn style(state: &State, of: FileState) -> Style {
    let theme = &state.look.theme;
    match of {
        FileState::Indexed => theme.ok,
        FileState::Partly => theme.warn,
        FileState::Failed => theme.bad,
        FileState::Skipped => theme.muted,
    }
}

/// What can be done about the selected file.
fn foot(state: &State, files: &Files, room: usize) -> Line<'static> {
    let Some(hint) = files.current().and_then(|entry| entry.hint.as_deref()) else { return Line::default() };
    let look = &state.look;
    Line::from(vec![indent(), Span::styled(fit(&one_line(hint), room, look.glyphs.ellipsis), look.theme.text)])
}

/// All that is known of the selected file.
pub(super) fn details(state: &State, files: &Files, columns: u16) -> Vec<Line<'static>> {
    let theme = &state.look.theme;
    let room = room(columns);
    let Some(entry) = files.current() else { return Vec::new() };
    let place = format!("{} of {}", thousands(files.selected as u64 + 1), thousands(files.count() as u64));
    let title = vec![indent(), Span::styled("File", theme.strong), Span::styled(format!("  {place}"), theme.muted)];
    let mut out = vec![Line::default(), Line::from(title), Line::default()];
    out.extend(flow(&[(one_line(&entry.path), theme.strong)], room));
    out.push(Line::default());
    for (name, value) in entry.facts() {
        let value_style = if name == "state" { style(state, entry.state) } else { theme.text };
        for (row, text) in wrap_plain(&one_line(&value), room.saturating_sub(NAME)).into_iter().enumerate() {
            let name = if row == 0 { name } else { "" };
            let name = Span::styled(format!("{name:<NAME$}"), theme.muted);
            out.push(Line::from(vec![indent(), name, Span::styled(text, value_style)]));
        }
    }
    out
}
