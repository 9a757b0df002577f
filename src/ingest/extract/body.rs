//! Collects the blocks of a document that has no lines of its own: of a page, or of the whole, they count from 1.

use tanya_index::FileState;

use super::{Block, BlockKind, Extracted, Hidden, LineRange, MAX_UNPACKED_TEXT, one_line, sanitize};

/// Rows of a table that are read; more are counted and left out.
pub(super) const MAX_ROWS: usize = 100_000;

/// The blocks so far.
#[derive(Default)]
pub(super) struct Body {
    blocks: Vec<Block>,
    page: Option<u32>,
    /// Lines given out on this page, or in the document where there are no pages.
    lines: u32,
    bytes: usize,
    hidden: Hidden,
    notes: Vec<String>,
    full: bool,
    partly: bool,
}

impl Body {
    /// Goes on on another page; its lines count from 1.
    pub(super) fn page(&mut self, number: u32) {
        self.page = Some(number);
        self.lines = 0;
    }

    /// A heading of this level, from 1.
    pub(super) fn heading(&mut self, level: u8, text: &str) {
        let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
        self.push(BlockKind::Heading(level.clamp(1, 6)), &line);
    }

    /// Running text.
    pub(super) fn paragraph(&mut self, text: &str) {
        self.push(BlockKind::Paragraph, text);
    }

    /// A list item at this depth, from 0, with its marker.
    pub(super) fn item(&mut self, depth: usize, marker: &str, text: &str) {
        let indent = "  ".repeat(depth.min(8));
        self.push(BlockKind::ListItem, &format!("{indent}{marker} {}", text.trim()));
    }

    /// Text whose lines are kept.
    pub(super) fn code(&mut self, text: &str) {
        self.push(BlockKind::Code, text);
    }

    /// Rows of cells; the first is a header where `header` says so. A table of one cell is its text.
    pub(super) fn table(&mut self, rows: &[Vec<String>], header: bool) {
        let flat = |cell: &String| cell.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "¦");
        let lines: Vec<String> = rows
            .iter()
            .map(|row| row.iter().map(flat).collect::<Vec<_>>())
            .filter(|row| row.iter().any(|cell| !cell.is_empty()))
            .map(|row| row.join(" | ").trim_end_matches([' ', '|']).to_owned())
            .collect();
        let is_table = rows.iter().any(|row| row.len() > 1) && lines.len() > 1;
        let header_lines = usize::from(header && lines.len() > 1);
        let kind = if is_table { BlockKind::Table { header_lines } } else { BlockKind::Paragraph };
        self.push(kind, &lines.join("\n"));
    }

    fn push(&mut self, kind: BlockKind, text: &str) {
        if self.full {
            return;
        }
        let clean = sanitize::sanitize(text);
        self.hidden.characters += clean.hidden;
        self.bytes += clean.text.len();
        let Some(block) = Block::consecutive(kind, &clean.text, 1) else { return };
        let first = self.lines + 1;
        let lines: Vec<LineRange> = (first..).zip(&block.lines).map(|(n, _)| LineRange { start: n, end: n }).collect();
        self.lines += lines.len() as u32;
        self.blocks.push(Block { lines, page: self.page, ..block });
        if self.bytes >= MAX_UNPACKED_TEXT {
            self.full = true;
            self.partly("only the first 32 MiB of text were read");
        }
    }

    /// Takes blocks over that were made elsewhere; their lines count within the page.
    pub(super) fn take(&mut self, blocks: Vec<Block>) {
        for block in blocks {
            self.push(block.kind, &block.text);
        }
    }

    /// Whether nothing more is taken.
    pub(super) fn is_full(&self) -> bool {
        self.full
    }

    /// Whether there is no text yet.
    pub(super) fn is_empty(&self) -> bool {
        self.blocks.is_empty()
    }

    /// The first heading.
    fn first_heading(&self) -> Option<&str> {
        let heading = self.blocks.iter().find(|block| matches!(block.kind, BlockKind::Heading(_)))?;
        Some(&heading.text)
    }

    /// Text that the document hides from whoever reads it on a screen, and that is therefore left out.
    pub(super) fn hides(&mut self, text: &str) {
        self.hides_words(text.split_whitespace().count());
    }

    /// As many words as this were hidden and left out elsewhere.
    pub(super) fn hides_words(&mut self, words: usize) {
        self.hidden.words += words;
    }

    /// Something was left out that a reader would see.
    pub(super) fn partly(&mut self, why: impl Into<String>) {
        self.partly = true;
        self.note(why);
    }

    /// Something worth knowing.
    pub(super) fn note(&mut self, what: impl Into<String>) {
        let what = what.into();
        if !self.notes.contains(&what) {
            self.notes.push(what);
        }
    }

    /// The document; without a title of its own it has that of its first heading.
    pub(super) fn finish(self, title: Option<String>, tags: Vec<String>) -> Extracted {
        let title = title.filter(|title| !title.trim().is_empty()).or_else(|| self.first_heading().map(str::to_owned));
        self.titled(title, tags)
    }

    /// The document under this title, or that of its file.
    pub(super) fn titled(mut self, title: Option<String>, tags: Vec<String>) -> Extracted {
        if self.blocks.is_empty() && self.hidden.words == 0 {
            let reason = self.notes.pop().unwrap_or_else(|| "it holds no text".to_owned());
            return Extracted::without_text(FileState::Skipped, reason);
        }
        self.notes.extend(self.hidden.notes());
        let title = title.map(|title| one_line(&sanitize::sanitize(&title).text));
        Extracted {
            title: title.filter(|title| !title.is_empty()),
            blocks: self.blocks,
            tags,
            state: if self.partly { FileState::Partly } else { FileState::Indexed },
            reason: (!self.notes.is_empty()).then(|| self.notes.join("; ")),
            encoding: None,
            hidden: self.hidden,
        }
    }
}
