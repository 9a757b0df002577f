//! Tables that fit the width: columns shrink, cells wrap; where even that is too narrow, each row becomes a list of
//! `Header: value`.

use pulldown_cmark::Alignment;
use ratatui::text::Span;

use super::inline::Tag;
use super::{Ink, Mark};
use crate::tui::text::{Placed, Room, Run, width, wrap};

/// Between two columns.
const GAP: usize = 2;
/// A column narrower than this cannot be read.
const NARROWEST: usize = 5;

type Cell = Vec<Run<Tag>>;
type Row = (Vec<Span<'static>>, Vec<Mark>);

pub(super) struct Table {
    alignments: Vec<Alignment>,
    rows: Vec<Vec<Cell>>,
    key: usize,
}

impl Table {
    pub(super) fn new(alignments: Vec<Alignment>, key: usize) -> Self {
        Self { alignments, rows: Vec::new(), key }
    }

    pub(super) fn key(&self) -> usize {
        self.key
    }

    pub(super) fn open_row(&mut self) {
        self.rows.push(Vec::new());
    }

    pub(super) fn push(&mut self, cell: Cell) {
        if let Some(row) = self.rows.last_mut() {
            row.push(cell);
        }
    }

    /// The lines, header first.
    pub(super) fn lines(&self, columns: usize, ink: &Ink<'_>) -> Vec<Row> {
        let widths = self.widths();
        match shrink(widths, columns) {
            Some(widths) => self.grid(&widths, ink),
            None => self.list(columns, ink),
        }
    }

    fn widths(&self) -> Vec<usize> {
        let count = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        (0..count)
            .map(|column| self.rows.iter().filter_map(|row| row.get(column)).map(cell_width).max().unwrap_or(0).max(1))
            .collect()
    }

    fn grid(&self, widths: &[usize], ink: &Ink<'_>) -> Vec<Row> {
        let mut out = Vec::new();
        for (index, row) in self.rows.iter().enumerate() {
            let cells: Vec<Vec<Vec<Placed<Tag>>>> = widths
                .iter()
                .enumerate()
                .map(|(column, width)| row.get(column).map_or_else(Vec::new, |cell| wrap(cell, Room::even(*width))))
                .collect();
            let height = cells.iter().map(Vec::len).max().unwrap_or(0);
            for line in 0..height {
                out.push(self.grid_line(&cells, widths, line, index == 0, ink));
            }
            if index == 0 {
                let rule = widths
                    .iter()
                    .map(|width| ink.glyphs.rule.repeat(*width))
                    .collect::<Vec<_>>()
                    .join(&" ".repeat(GAP));
                out.push((vec![Span::styled(rule, ink.theme.rule)], Vec::new()));
            }
        }
        out
    }

    fn grid_line(
        &self,
        cells: &[Vec<Vec<Placed<Tag>>>],
        widths: &[usize],
        line: usize,
        header: bool,
        ink: &Ink<'_>,
    ) -> Row {
        let mut spans = Vec::new();
        let mut marks = Vec::new();
        let mut column = 0;
        for (index, (cell, room)) in cells.iter().zip(widths).enumerate() {
            let pieces = cell.get(line).map_or(&[][..], Vec::as_slice);
            let used: usize = pieces.iter().map(|piece| width(&piece.text)).sum();
            let free = room.saturating_sub(used);
            let before = match self.alignments.get(index) {
                Some(Alignment::Right) => free,
                Some(Alignment::Center) => free / 2,
                _ => 0,
            };
            let mut at = column + before;
            spans.push(Span::raw(" ".repeat(before)));
            for piece in pieces {
                let columns = width(&piece.text);
                if let Some(n) = piece.tag.citation {
                    marks.push(Mark { n, column: at as u16, width: columns as u16 });
                }
                at += columns;
                let style = if header { piece.tag.style.patch(ink.theme.strong) } else { piece.tag.style };
                spans.push(Span::styled(piece.text.replace('\u{a0}', " "), style));
            }
            if index + 1 < cells.len() {
                spans.push(Span::raw(" ".repeat(free - before + GAP)));
            }
            column += room + GAP;
        }
        spans.retain(|span| !span.content.is_empty());
        (spans, marks)
    }

    fn list(&self, columns: usize, ink: &Ink<'_>) -> Vec<Row> {
        let mut out = Vec::new();
        let Some((header, rows)) = self.rows.split_first() else { return out };
        for row in rows {
            if !out.is_empty() {
                out.push((Vec::new(), Vec::new()));
            }
            for (index, cell) in row.iter().enumerate() {
                let mut runs: Cell = header.get(index).cloned().unwrap_or_default();
                for run in &mut runs {
                    run.tag.style = run.tag.style.patch(ink.theme.muted);
                }
                if let Some(last) = runs.last().cloned() {
                    runs.push(Run::new(": ", last.tag));
                }
                runs.extend(cell.iter().cloned());
                for line in wrap(&runs, Room::even(columns)) {
                    let mut at = 0;
                    let mut marks = Vec::new();
                    let mut spans = Vec::new();
                    for piece in line {
                        let columns = width(&piece.text);
                        if let Some(n) = piece.tag.citation {
                            marks.push(Mark { n, column: at as u16, width: columns as u16 });
                        }
                        at += columns;
                        spans.push(Span::styled(piece.text.replace('\u{a0}', " "), piece.tag.style));
                    }
                    out.push((spans, marks));
                }
            }
        }
        out
    }
}

fn cell_width(cell: &Cell) -> usize {
    cell.iter().map(|run| width(&run.text)).sum()
}

/// Takes columns from the widest until all fit; `None` when they cannot.
fn shrink(mut widths: Vec<usize>, columns: usize) -> Option<Vec<usize>> {
    let gaps = GAP * widths.len().saturating_sub(1);
    loop {
        let sum = widths.iter().sum::<usize>() + gaps;
        if sum <= columns {
            return Some(widths);
        }
        let widest = widths.iter_mut().max()?;
        if *widest <= NARROWEST {
            return None;
        }
        // In one step where the excess is large: a cell can hold a whole document.
        *widest = if *widest > columns { columns.max(NARROWEST) } else { *widest - 1 };
    }
}
