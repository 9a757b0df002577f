//! Blocks of a document → chunks: the passages that are searched, embedded and cited. Pure.
//!
//! Laws (proved by the tests): a chunk never crosses a heading or a page; it has at most [`MAX_WORDS`] words and, with
//! its heading path, at most [`MAX_TOKENS`] estimated tokens; chunks together hold all text of the blocks, in order; the
//! lines of a chunk are the lines its text came from.
//!
//! Sizes: small passages win when little fits into a prompt, and sentence borders make overlap needless (on `SQuAD` 2 with
//! 600 words of context, sentence-aligned passages of up to 150 words keep 94 % of the answers, blocks of 350 words 80 %);
//! the default embedder reads 256 word pieces. Paragraphs are not filled up across their borders, except small ones.

mod size;
mod split;

use tanya_index::{NewChunk, Span};

use super::extract::{Block, BlockKind};
use size::{Size, joint, measure};
use split::{Piece, pieces};

/// Most words in a chunk's text.
pub(crate) const MAX_WORDS: usize = 150;
/// Most estimated tokens in a chunk's text and heading path together.
pub(crate) const MAX_TOKENS: usize = 240;
/// A chunk below this many words takes in the next block of its section.
const SMALL_WORDS: usize = 60;
/// A block below this many words joins the chunk before it.
const TINY_WORDS: usize = 25;

/// Between the headings of a path.
const SEPARATOR: &str = " › ";
/// Longest heading in a path, and its share in a path that would be too long, in estimated tokens.
const MAX_HEADING: usize = 40;
const SHORT_HEADING: usize = 16;
/// Longest path, in estimated tokens: six short headings and their separators fit.
const MAX_PATH: usize = 110;

/// Longest title, in estimated tokens: it stands before every passage that is embedded.
const MAX_TITLE: usize = 40;

/// A title of at most [`MAX_TITLE`] tokens.
pub(crate) fn short_title(title: &str) -> String {
    shortened(title, MAX_TITLE)
}

/// Cuts a document into chunks, in reading order. `title` (see [`short_title`]) counts against the tokens of every chunk
/// whose heading path does not start with it, as the library puts it before the text that is embedded.
pub(crate) fn chunk(title: &str, blocks: &[Block]) -> Vec<NewChunk> {
    let mut cutter = Cutter { title: title.to_owned(), ..Cutter::default() };
    for block in blocks {
        match block.kind {
            BlockKind::Heading(level) => cutter.heading(level, block),
            _ => cutter.section.push(block.clone()),
        }
    }
    cutter.finish()
}

#[derive(Default)]
struct Cutter {
    title: String,
    chunks: Vec<NewChunk>,
    /// The headings above the current place: level and text.
    stack: Vec<(u8, String)>,
    path: String,
    /// The blocks since the last heading.
    section: Vec<Block>,
    /// The last heading, while nothing stands under it.
    bare: Option<Block>,
}

impl Cutter {
    fn heading(&mut self, level: u8, block: &Block) {
        self.flush();
        if let Some(bare) = self.bare.take() {
            // A heading right above a deeper one lives on in that one's path, where short headings are never cut.
            let deeper = self.stack.last().is_some_and(|(above, _)| level > *above);
            if !deeper || measure(&bare.text).tokens > SHORT_HEADING {
                self.section.push(as_paragraph(&bare));
                self.flush();
            }
        }
        while self.stack.last().is_some_and(|(above, _)| *above >= level) {
            self.stack.pop();
        }
        self.stack.push((level, block.text.clone()));
        self.path = path(&self.stack);
        if self.path.contains(block.text.as_str()) {
            self.bare = Some(block.clone());
        } else {
            self.section.push(as_paragraph(block));
        }
    }

    /// Turns the open section into chunks.
    fn flush(&mut self) {
        if self.section.is_empty() {
            return;
        }
        self.bare = None;
        let title = if self.path.starts_with(&self.title) { 0 } else { measure(&self.title).tokens };
        let room = Size { quarter_words: MAX_WORDS * 4, tokens: MAX_TOKENS - title - measure(&self.path).tokens };
        let section = std::mem::take(&mut self.section);
        emit(&section, &self.path, room, &mut self.chunks);
    }

    fn finish(mut self) -> Vec<NewChunk> {
        self.flush();
        if let Some(bare) = self.bare.take() {
            self.section.push(as_paragraph(&bare));
            self.flush();
        }
        self.chunks
    }
}

fn as_paragraph(block: &Block) -> Block {
    Block { kind: BlockKind::Paragraph, ..block.clone() }
}

/// `H1 › H2 › H3`, shortened to at most [`MAX_PATH`] tokens.
fn path(stack: &[(u8, String)]) -> String {
    let join = |limit: usize| stack.iter().map(|(_, text)| shortened(text, limit)).collect::<Vec<_>>().join(SEPARATOR);
    let path = join(MAX_HEADING);
    if measure(&path).tokens <= MAX_PATH { path } else { join(SHORT_HEADING) }
}

/// The beginning of a heading that has at most `limit` tokens with its ellipsis.
fn shortened(text: &str, limit: usize) -> String {
    if measure(text).tokens <= limit {
        return text.to_owned();
    }
    let mut end = 0;
    for (at, c) in text.char_indices() {
        // Measured from the start each time: headings are short, and the search stops at the limit.
        if measure(&text[..at + c.len_utf8()]).tokens >= limit {
            break;
        }
        end = at + c.len_utf8();
    }
    format!("{}…", text[..end].trim_end())
}

/// A chunk that still takes pieces in.
struct Growing {
    text: String,
    span: Span,
    size: Size,
}

impl Growing {
    fn new(piece: Piece) -> Self {
        Self { text: piece.text, span: piece.span, size: piece.size }
    }

    /// What stands between the text so far and a piece that is added.
    fn separator(&self, piece: &Piece) -> &'static str {
        if piece.span.start_line <= self.span.end_line + 1 { "\n" } else { "\n\n" }
    }

    /// The size with a piece added.
    fn with(&self, piece: &Piece) -> Size {
        self.size + piece.size + joint(&self.text, self.separator(piece), &piece.text)
    }

    fn add(&mut self, piece: &Piece) {
        self.size = self.with(piece);
        self.text.push_str(self.separator(piece));
        self.text.push_str(&piece.text);
        self.span.end_line = self.span.end_line.max(piece.span.end_line);
    }

    fn finish(self, heading: &str) -> NewChunk {
        NewChunk { span: self.span, heading: heading.to_owned(), text: self.text }
    }
}

fn emit(section: &[Block], heading: &str, room: Size, chunks: &mut Vec<NewChunk>) {
    let mut growing: Option<Growing> = None;
    let mut blocks = section.iter().map(|block| pieces(block, room)).peekable();
    let mut kinds = section.iter().map(|block| block.kind);
    while let Some(pieces) = blocks.next() {
        let kind = kinds.next().unwrap_or(BlockKind::Paragraph);
        let next_kind = kinds.clone().next();
        // A list must not lose the line that leads it in to the chunk before.
        let glued = match (kind, next_kind, &pieces[..], blocks.peek().map(Vec::as_slice)) {
            (BlockKind::Paragraph, Some(BlockKind::ListItem), [lead], Some([item, ..]))
                if (lead.size + item.size).fits(room) =>
            {
                Some(item.size)
            }
            _ => None,
        };
        for piece in pieces {
            let takes = growing.as_ref().is_some_and(|growing| takes_in(growing, &piece, kind, glued, room));
            match &mut growing {
                Some(open) if takes => open.add(&piece),
                _ => chunks.extend(growing.replace(Growing::new(piece)).map(|open| open.finish(heading))),
            }
        }
    }
    chunks.extend(growing.map(|open| open.finish(heading)));
}

fn takes_in(open: &Growing, piece: &Piece, kind: BlockKind, glued: Option<Size>, room: Size) -> bool {
    let with_what_follows = open.with(piece) + glued.unwrap_or_default();
    let belongs = match kind {
        BlockKind::ListItem | BlockKind::Code | BlockKind::Table { .. } => true,
        BlockKind::Paragraph | BlockKind::Heading(_) => {
            open.size.words() < SMALL_WORDS || piece.size.words() < TINY_WORDS
        }
    };
    open.span.page == piece.span.page && with_what_follows.fits(room) && belongs
}

#[cfg(test)]
mod tests;
