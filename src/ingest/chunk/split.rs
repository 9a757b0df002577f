//! One block → pieces that fit: at sentences, blank lines or rows first, at lines, words and characters only when one of
//! those is too large by itself. Pieces of one block have about equal sizes, so that no stub is left at the end.

use std::ops::Range;

use tanya_index::Span;
use unicode_segmentation::UnicodeSegmentation;

use super::size::{Size, joint, measure};
use crate::ingest::extract::{Block, BlockKind};
use crate::ingest::sentence::sentence_starts;

/// A part of a block that fits into a chunk.
#[derive(Debug)]
pub(super) struct Piece {
    pub(super) text: String,
    pub(super) span: Span,
    pub(super) size: Size,
}

/// Where a text may be cut, from the best place to the last resort.
#[derive(Debug, Clone, Copy)]
enum Border {
    Sentence,
    BlankLine,
    Line,
    Word,
    Character,
}

const PROSE: &[Border] = &[Border::Sentence, Border::Line, Border::Word, Border::Character];
const CODE: &[Border] = &[Border::BlankLine, Border::Line, Border::Word, Border::Character];
const ROWS: &[Border] = &[Border::Line, Border::Word, Border::Character];

/// The pieces of a block, at least one, in order.
pub(super) fn pieces(block: &Block, room: Size) -> Vec<Piece> {
    let whole = measure(&block.text);
    if whole.fits(room) {
        return vec![Piece { text: block.text.clone(), span: block.span(), size: whole }];
    }
    let places = Places::of(block);
    match block.kind {
        BlockKind::Paragraph | BlockKind::ListItem | BlockKind::Heading(_) => places.cut(0, PROSE, room, None),
        BlockKind::Code => places.cut(0, CODE, room, None),
        BlockKind::Table { header_lines } => {
            let body = places.starts.get(header_lines).copied().unwrap_or(block.text.len());
            let header = block.text[..body].trim_end();
            let header_size = measure(header);
            // A header that would fill half of every chunk is not worth repeating.
            if header_size.tokens * 2 > room.tokens
                || header_size.quarter_words * 2 > room.quarter_words
                || header.is_empty()
            {
                return places.cut(0, ROWS, room, None);
            }
            let rest = Size {
                quarter_words: room.quarter_words - header_size.quarter_words,
                tokens: room.tokens - header_size.tokens,
            };
            let mut rows = places.cut(body, ROWS, rest, Some((header, header_size)));
            if let Some(first) = rows.first_mut() {
                first.span.start_line = places.whole.start_line;
            }
            rows
        }
    }
}

/// A block with the byte offset of each of its lines.
struct Places<'a> {
    block: &'a Block,
    starts: Vec<usize>,
    /// Kept, because finding it takes a look at every line.
    whole: Span,
}

impl<'a> Places<'a> {
    fn of(block: &'a Block) -> Self {
        let starts = std::iter::once(0).chain(block.text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self { block, starts, whole: block.span() }
    }

    /// Cuts the text from byte `from` on; `header` is put before every piece.
    fn cut(&self, from: usize, borders: &[Border], room: Size, header: Option<(&str, Size)>) -> Vec<Piece> {
        let mut units = Vec::new();
        divide(&self.block.text, from..self.block.text.len(), borders, room, &mut units);
        pack(&self.block.text, &units, room)
            .into_iter()
            .filter_map(|range| {
                let text = self.block.text[range.clone()].trim_end().trim_start_matches('\n');
                let text = if matches!(self.block.kind, BlockKind::Code) { text } else { text.trim_start() };
                if text.trim().is_empty() {
                    return None;
                }
                let body = measure(text);
                Some(match header {
                    None => Piece { text: text.to_owned(), span: self.span(&range), size: body },
                    Some((header, size)) => {
                        Piece { text: format!("{header}\n{text}"), span: self.span(&range), size: size + body }
                    }
                })
            })
            .collect()
    }

    /// The source lines of a byte range, white space at its ends apart.
    fn span(&self, range: &Range<usize>) -> Span {
        let text = &self.block.text[range.clone()];
        let start = range.start + (text.len() - text.trim_start().len());
        let end = range.start + text.trim_end().len();
        let line_at = |at: usize| self.starts.partition_point(|start| *start <= at).saturating_sub(1);
        let lines = &self.block.lines
            [line_at(start)..=line_at(end.saturating_sub(1).max(start)).min(self.block.lines.len() - 1)];
        Span {
            start_line: lines.iter().map(|line| line.start).min().unwrap_or(self.whole.start_line),
            end_line: lines.iter().map(|line| line.end).max().unwrap_or(self.whole.end_line),
            page: self.whole.page,
        }
    }
}

/// Divides a range into units that fit, each cut at the best border that makes it fit.
fn divide(text: &str, range: Range<usize>, borders: &[Border], room: Size, units: &mut Vec<(Range<usize>, Size)>) {
    let Some((border, rest)) = borders.split_first() else {
        let size = measure(&text[range.clone()]);
        units.push((range, size));
        return;
    };
    for unit in border.units(&text[range.clone()]) {
        let unit = range.start + unit.start..range.start + unit.end;
        let size = measure(&text[unit.clone()]);
        if size.fits(room) {
            units.push((unit, size));
        } else {
            divide(text, unit, rest, room, units);
        }
    }
}

/// Joins neighboring units while they fit, closing a piece early when all would then be of about the same size.
fn pack(text: &str, units: &[(Range<usize>, Size)], room: Size) -> Vec<Range<usize>> {
    let total = units.iter().fold(Size::default(), |sum, (_, size)| sum + *size);
    let count =
        total.quarter_words.div_ceil(room.quarter_words.max(1)).max(total.tokens.div_ceil(room.tokens.max(1))).max(1);
    let target = Size { quarter_words: total.quarter_words.div_ceil(count), tokens: total.tokens.div_ceil(count) };
    let mut packed: Vec<Range<usize>> = Vec::new();
    let mut open = Size::default();
    for (range, size) in units {
        let full = open.quarter_words >= target.quarter_words && open.tokens >= target.tokens;
        let with = |last: &Range<usize>| open + *size + joint(&text[last.clone()], "", &text[range.clone()]);
        match packed.last_mut() {
            Some(last) if !full && with(last).fits(room) => {
                open = with(last);
                last.end = range.end;
            }
            _ => {
                packed.push(range.clone());
                open = *size;
            }
        }
    }
    packed
}

/// Longest text that is given to the sentence rules at once: they look ahead, and a hostile text must stay linear.
const SENTENCE_WINDOW: usize = 16 << 10;

impl Border {
    /// The units of a text, in order and without gaps.
    fn units(self, text: &str) -> Vec<Range<usize>> {
        let mut cuts = vec![0];
        match self {
            Border::Sentence => add_sentence_starts(text, &mut cuts),
            Border::BlankLine => {
                let mut blank = false;
                let mut at = 0;
                for line in text.split_inclusive('\n') {
                    if blank && !line.trim().is_empty() {
                        cuts.push(at);
                    }
                    blank = line.trim().is_empty();
                    at += line.len();
                }
            }
            Border::Line => cuts.extend(text.match_indices('\n').map(|(at, _)| at + 1)),
            Border::Word => {
                let mut before_space = false;
                for (at, c) in text.char_indices() {
                    if before_space && !c.is_whitespace() {
                        cuts.push(at);
                    }
                    before_space = c.is_whitespace();
                }
            }
            Border::Character => cuts.extend(text.grapheme_indices(true).map(|(at, _)| at)),
        }
        cuts.push(text.len());
        cuts.dedup();
        cuts.windows(2).map(|pair| pair[0]..pair[1]).collect()
    }
}

/// Where sentences start. Line breaks inside a paragraph are no borders: the rules see them as spaces.
fn add_sentence_starts(text: &str, cuts: &mut Vec<usize>) {
    let flowing = text.replace('\n', " ");
    let mut from = 0;
    while from < flowing.len() {
        let window = window_end(&flowing, from);
        cuts.extend(sentence_starts(&flowing[from..window]).into_iter().map(|at| from + at));
        from = window;
    }
    cuts.sort_unstable();
}

fn window_end(text: &str, from: usize) -> usize {
    if text.len() - from <= SENTENCE_WINDOW {
        return text.len();
    }
    let limit = (from..=from + SENTENCE_WINDOW).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(text.len());
    match text[from..limit].rfind(' ') {
        Some(space) if space > 0 => from + space + 1,
        _ => limit,
    }
}
