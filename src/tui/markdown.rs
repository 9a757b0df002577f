//! Streaming Markdown, laid out for a width.
//!
//! Place in the flow: the model's pieces are pushed into a [`Document`]; the transcript asks for its lines before a draw.
//! A top-level block is laid out once as soon as another block follows it on a complete line; only the growing tail is
//! laid out again. Invariant: the lines depend on the text alone, not on how it was cut into pieces. Blocks are laid out in
//! isolation, so a link definition far below changes nothing above: links are inert on this screen anyway.

mod inline;
mod paint;
mod table;

use std::ops::Range;

use pulldown_cmark::{Event, Options, Parser};
use ratatui::text::Line;

use super::glyphs::Glyphs;
use super::theme::Theme;
use crate::answer::Sentence;

/// What text is laid out with.
#[derive(Clone, Copy)]
pub(super) struct Ink<'a> {
    pub theme: &'a Theme,
    pub glyphs: &'a Glyphs,
    /// Citations up to this number are raised; a larger number stays the text it is.
    pub sources: u32,
    /// Checks of the text, by byte range.
    pub sentences: &'a [Sentence],
    pub labels: Labels,
}

/// Whether unsupported sentences say so one by one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Labels {
    EachSentence,
    /// The whole text is labeled elsewhere.
    None,
}

/// One line of the screen.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Laid {
    pub line: Line<'static>,
    /// Byte of the source that the line begins with: finds the line again at another width.
    pub key: usize,
    pub citations: Vec<Mark>,
}

/// Where a citation stands on a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark {
    pub n: u32,
    pub column: u16,
    pub width: u16,
}

/// A text that grows at its end.
#[derive(Debug, Default)]
pub(super) struct Document {
    source: String,
    stable: usize,
    settled: Vec<Vec<Laid>>,
    tail: Vec<Vec<Laid>>,
    /// Stamp and length of what `settled` and `tail` show.
    shown: Option<(u64, usize)>,
}

fn options() -> Options {
    Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS
}

impl Document {
    /// Adds a piece; nothing is laid out yet.
    pub(super) fn push(&mut self, piece: &str) {
        self.source.push_str(piece);
    }

    /// Puts another text in place of this one.
    pub(super) fn replace(&mut self, text: &str) {
        if self.source != text {
            *self = Self { source: text.to_owned(), ..Self::default() };
        }
    }

    /// The text as it came.
    pub(super) fn source(&self) -> &str {
        &self.source
    }

    /// The laid-out blocks, none empty; an empty line belongs between two. `stamp` stands for everything that changes them
    /// except the text (width, colors, checks): another stamp lays out everything again.
    pub(super) fn blocks(&mut self, width: usize, ink: &Ink<'_>, stamp: u64) -> impl Iterator<Item = &[Laid]> {
        if self.shown.is_none_or(|(shown, _)| shown != stamp) {
            self.stable = 0;
            self.settled.clear();
        }
        if self.shown != Some((stamp, self.source.len())) {
            self.settle(width, ink);
            self.tail = lay_out(&self.source, self.stable..self.source.len(), width, ink);
            self.shown = Some((stamp, self.source.len()));
        }
        self.settled.iter().chain(&self.tail).map(Vec::as_slice)
    }

    /// Moves the blocks that can change no more from the tail to the settled part. Only complete lines decide: `***` may
    /// still become `***bold***`.
    fn settle(&mut self, width: usize, ink: &Ink<'_>) {
        let tail = &self.source[self.stable..];
        let Some(end) = tail.rfind('\n') else { return };
        let starts = block_starts(&tail[..=end]);
        if let [_, .., last] = starts[..] {
            let settled = lay_out(&self.source, self.stable..self.stable + last, width, ink);
            self.settled.extend(settled);
            self.stable += last;
        }
    }
}

/// The first bytes of the top-level blocks, each at the start of a line.
fn block_starts(text: &str) -> Vec<usize> {
    let mut starts: Vec<usize> = Vec::new();
    let mut depth = 0_usize;
    for (event, range) in Parser::new_ext(text, options()).into_offset_iter() {
        let top = depth == 0;
        match event {
            Event::Start(_) => depth += 1,
            Event::End(_) => {
                depth = depth.saturating_sub(1);
                continue;
            }
            _ => {}
        }
        if top {
            let start = text[..range.start].rfind(['\n', '\r']).map_or(0, |newline| newline + 1);
            if starts.last().is_none_or(|last| *last < start) {
                starts.push(start);
            }
        }
    }
    starts
}

fn lay_out(source: &str, range: Range<usize>, width: usize, ink: &Ink<'_>) -> Vec<Vec<Laid>> {
    let starts = block_starts(&source[range.clone()]);
    let ends = starts.iter().skip(1).copied().chain([range.len()]);
    starts
        .iter()
        .zip(ends)
        .map(|(start, end)| paint::block(source, range.start + start..range.start + end, width, ink))
        .filter(|lines| !lines.is_empty())
        .collect()
}

#[cfg(test)]
mod tests;
