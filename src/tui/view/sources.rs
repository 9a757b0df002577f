//! Passages: beside the transcript, under an answer, and their snippets with the matched words.

use std::ops::Range;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::{columns, location, spread};
use crate::answer::Source;
use crate::tui::state::{Focus, Look, Phase, State};
use crate::tui::text::{Room, Run, clean, fit_end, one_line, width, wrap};

/// Rows of text of one passage, at most.
const MOST_ROWS: usize = 8;

/// Draws the pane.
pub(super) fn draw(state: &State, frame: &mut Frame<'_>, area: Rect) {
    let look = &state.look;
    for y in area.y..area.bottom() {
        super::line(frame, Rect { y, height: 1, ..area }, &Line::styled(look.glyphs.column, look.theme.rule));
    }
    let inner = Rect {
        x: area.x + 2,
        y: area.y + 1,
        width: area.width.saturating_sub(4),
        height: area.height.saturating_sub(1),
    };
    let room = usize::from(inner.width);
    let turn = state.shown_turn().map(|index| &state.turns[index]);
    let preview = state.preview();
    let shown: Vec<&Source> = match turn {
        _ if !preview.is_empty() => preview.iter().collect(),
        Some(turn) => turn.shown_sources().collect(),
        None => Vec::new(),
    };
    if shown.is_empty() {
        return;
    }
    // What the next question finds is cited by no answer yet.
    let turn = turn.filter(|_| preview.is_empty());
    let rows = (usize::from(inner.height) / shown.len()).saturating_sub(2).clamp(1, MOST_ROWS);
    let mut lines: Vec<Line<'static>> = Vec::new();
    let mut selected = 0..0;
    for (at, source) in shown.into_iter().enumerate() {
        let first = lines.len();
        let uncited = turn.is_some_and(|turn| turn.phase == Phase::Done && !turn.cites(source.n));
        let mut head = head(source, uncited, room, look);
        let chosen = at == state.source && turn.is_some() && (state.focus == Focus::Sources || state.cited.is_some());
        if chosen {
            head = head.patch_style(look.theme.selection);
        }
        lines.push(head);
        for line in snippet(source, room.saturating_sub(3), rows, look) {
            let mut spans = vec![Span::raw("   ")];
            spans.extend(line);
            lines.push(Line::from(spans));
        }
        if chosen {
            selected = first..lines.len();
        }
        lines.push(Line::default());
    }
    let height = usize::from(inner.height);
    super::lines(frame, inner, &lines, selected.end.saturating_sub(height).min(selected.start));
}

/// `1  garden/2024-spring.md:41–44      (not cited)`
pub(super) fn head(source: &Source, uncited: bool, room: usize, look: &Look) -> Line<'static> {
    let theme = &look.theme;
    let right = match source.marks.last() {
        // Whoever reads an answer should know what tried to steer it.
        Some(mark) => vec![Span::styled(format!("! {}", mark.words()), theme.bad)],
        None if uncited => vec![Span::styled("(not cited)", theme.muted)],
        None => Vec::new(),
    };
    let number = format!("{:<3}", source.n);
    let location = location(source, look.glyphs.dash);
    let taken = number.len() + width(&location) + columns(&right) + 1;
    let path = fit_end(&one_line(&source.path), room.saturating_sub(taken).max(8), look.glyphs.ellipsis);
    let left = vec![
        Span::styled(number, theme.accent),
        Span::styled(path, if uncited { theme.muted } else { theme.text }),
        Span::styled(location, theme.muted),
    ];
    spread(left, right, room)
}

/// The part of a passage around its first matched word, in at most `rows` lines.
pub(super) fn snippet(source: &Source, room: usize, rows: usize, look: &Look) -> Vec<Vec<Span<'static>>> {
    let marks = ranges(source);
    let text = &source.text;
    let start = marks.first().map_or(0, |first| window_start(text, first.start, room * rows / 3));
    // Four bytes a cell is the most that UTF-8 has; what is further away cannot be visible.
    let mut end = (start + room * rows * 4 + 64).min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let mut runs: Vec<Run<bool>> = Vec::new();
    if start > 0 {
        runs.push(Run::new(format!("{} ", look.glyphs.ellipsis), false));
    }
    let mut at = start;
    for mark in marks.into_iter().filter(|mark| mark.end > start && mark.start < end) {
        let (from, to) = (mark.start.max(at), mark.end.min(end));
        flow(&text[at..from], false, &mut runs);
        flow(&text[from..to], true, &mut runs);
        at = to;
    }
    flow(&text[at..end.max(at)], false, &mut runs);
    let mut lines: Vec<Vec<Span<'static>>> = Vec::new();
    let mut wrapped = wrap(&runs, Room::even(room.saturating_sub(width(look.glyphs.ellipsis)).max(1))).into_iter();
    for line in wrapped.by_ref().take(rows) {
        let style = |marked| if marked { look.theme.highlight } else { look.theme.muted };
        lines.push(line.into_iter().map(|piece| Span::styled(piece.text, style(piece.tag))).collect());
    }
    if (wrapped.next().is_some() || end < text.len())
        && let Some(last) = lines.last_mut()
    {
        last.push(Span::styled(look.glyphs.ellipsis, look.theme.muted));
    }
    lines
}

/// Adds text as one line with single spaces.
fn flow(text: &str, marked: bool, runs: &mut Vec<Run<bool>>) {
    let mut out = String::new();
    let mut space = runs.last().is_none_or(|run| run.text.ends_with(' '));
    for c in clean(text).chars() {
        if !c.is_whitespace() {
            out.push(c);
            space = false;
        } else if !space {
            out.push(' ');
            space = true;
        }
    }
    if !out.is_empty() {
        runs.push(Run::new(out, marked));
    }
}

/// The start of a word about `before` bytes ahead of `at`.
fn window_start(text: &str, at: usize, before: usize) -> usize {
    if at <= before {
        return 0;
    }
    let mut start = at - before;
    while !text.is_char_boundary(start) {
        start -= 1;
    }
    match text[start..at].find(char::is_whitespace) {
        Some(space) => at - text[start + space..at].trim_start().len(),
        None => start,
    }
}

/// The highlights that can be drawn: inside the text, on character borders, in order, without overlap.
pub(super) fn ranges(source: &Source) -> Vec<Range<usize>> {
    let mut ranges: Vec<Range<usize>> = source
        .highlights
        .iter()
        .filter(|(start, end)| {
            start < end && source.text.is_char_boundary(*start) && source.text.is_char_boundary(*end)
        })
        .map(|(start, end)| *start..*end)
        .collect();
    ranges.sort_by_key(|range| (range.start, range.end));
    let mut end = 0;
    ranges.retain_mut(|range| {
        range.start = range.start.max(end);
        end = end.max(range.end);
        range.start < range.end
    });
    ranges
}
