//! One source in full: line numbers, the cited lines marked, the matched words highlighted.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::{MARGIN, place, sources, spread};
use crate::answer::Source;
use crate::tui::state::{Passage, State, TurnState};
use crate::tui::text::{Room, Run, clean, fit, one_line, wrap};

/// Rows above the text.
pub(super) const HEAD: usize = 4;

fn open(state: &State, passage: Passage) -> Option<(&TurnState, &Source)> {
    let turn = state.turns.get(passage.turn)?;
    turn.shown_sources().nth(passage.source).map(|source| (turn, source))
}

/// Number of lines, and the first cited one.
fn text(state: &State, passage: Passage) -> (Vec<Line<'static>>, usize) {
    let Some((turn, source)) = open(state, passage) else { return (Vec::new(), 0) };
    let look = &state.look;
    let cited = turn.cited_lines(source);
    let room = usize::from(super::transcript_columns(state)).saturating_sub(usize::from(MARGIN) + 10).max(8);
    let marks = sources::ranges(source);
    let mut out = Vec::new();
    let mut first_cited = 0;
    let mut at = 0;
    for (index, raw) in source.text.split('\n').enumerate() {
        let number = source.start_line.saturating_add(index as u32);
        let is_cited = cited.is_some_and(|(first, last)| (first..=last).contains(&number));
        if is_cited && first_cited == 0 {
            first_cited = out.len();
        }
        let style = if cited.is_none() || is_cited { look.theme.text } else { look.theme.muted };
        let mut runs = Vec::new();
        let mut done = at;
        let end = at + raw.len();
        for mark in marks.iter().filter(|mark| mark.end > at && mark.start < end) {
            let (from, to) = (mark.start.max(done), mark.end.min(end));
            runs.push(Run::new(clean(&source.text[done..from]), style));
            runs.push(Run::new(clean(&source.text[from..to]), look.theme.highlight));
            done = to;
        }
        runs.push(Run::new(clean(&source.text[done..end]), style));
        for (row, line) in wrap(&runs, Room::even(room)).into_iter().enumerate() {
            let number = if row == 0 { format!("{number:>6} ") } else { " ".repeat(7) };
            let bar = if is_cited { look.glyphs.mark } else { " " };
            let mut spans =
                vec![Span::styled(number, look.theme.muted), Span::styled(format!("{bar} "), look.theme.accent)];
            spans.extend(line.into_iter().map(|piece| Span::styled(piece.text, piece.tag)));
            out.push(Line::from(spans));
        }
        at = end + 1;
    }
    (out, first_cited)
}

/// How many lines the passage has at this width.
pub(super) fn length(state: &State, passage: Passage) -> usize {
    text(state, passage).0.len()
}

/// The first line shown: the one scrolled to, else so that the cited lines are a third of the way down.
pub(in crate::tui) fn top(state: &State, passage: Passage) -> usize {
    let rows = super::page_rows(state);
    let (lines, first_cited) = text(state, passage);
    let top = passage.top.unwrap_or_else(|| first_cited.saturating_sub(rows / 3));
    top.min(lines.len().saturating_sub(rows))
}

pub(super) fn draw(state: &State, passage: Passage, frame: &mut Frame<'_>, area: Rect) {
    let Some((turn, source)) = open(state, passage) else { return };
    let look = &state.look;
    let room = usize::from(area.width.saturating_sub(2));
    let margin = || Span::raw(" ".repeat(usize::from(MARGIN)));
    let total = turn.shown_sources().count();
    let name = fit(&place(source, look.glyphs.dash), room.saturating_sub(20), look.glyphs.ellipsis);
    let head = [
        Line::default(),
        spread(
            vec![
                margin(),
                Span::styled(format!("{}  ", source.n), look.theme.accent),
                Span::styled(name, look.theme.strong),
            ],
            vec![Span::styled(format!("{} of {total}", passage.source + 1), look.theme.muted)],
            room,
        ),
        Line::from(vec![
            margin(),
            Span::raw("   "),
            Span::styled(
                fit(&one_line(&source.heading), room.saturating_sub(8), look.glyphs.ellipsis),
                look.theme.muted,
            ),
        ]),
    ];
    super::lines(frame, area, &head, 0);
    let body = Rect { y: area.y + HEAD as u16, height: area.height.saturating_sub(HEAD as u16), ..area };
    super::lines(frame, body, &text(state, passage).0, top(state, passage));
}
