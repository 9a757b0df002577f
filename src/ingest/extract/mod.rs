//! Bytes of one file → [`Extracted`]: blocks of clean text, each with the lines (and page) that it came from.
//!
//! Runs only inside the extraction child (`worker/child.rs`): its input is hostile. One module per format; all end in the
//! same blocks, so that one chunker serves every format. Invariants of every block: text without control and hidden
//! characters (`sanitize.rs`), lines separated by `\n`, and one [`LineRange`] for each of them.

mod asciidoc;
mod body;
mod code;
mod decode;
mod ebcdic;
mod frontmatter;
mod html;
mod kind;
mod latex;
mod lines;
mod mail;
mod markdown;
mod markup;
mod notebook;
mod office;
mod outline;
mod pdf;
mod picture;
mod plain;
mod sanitize;
mod subtitles;
mod symbols;
mod table;
mod tags;

use kind::of_content;
pub(crate) use kind::{Guess, Kind, is_picture, not_yet, of_name};
pub(crate) use sanitize::has_forbidden;

use serde::{Deserialize, Serialize};
use tanya_index::{FileState, Span};

/// The source lines that one line of a block's text came from, 1-based, inclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LineRange {
    /// First source line.
    pub(crate) start: u32,
    /// Last source line.
    pub(crate) end: u32,
}

/// What a block is: decides where the chunker may cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BlockKind {
    /// A heading of this level (1 is the highest); opens a section.
    Heading(u8),
    /// Running text: cut between sentences.
    Paragraph,
    /// One item of a list with its marker: stays with what leads it in.
    ListItem,
    /// Source code: cut at blank lines, then at lines.
    Code,
    /// A table, one row per line: cut between rows, its header lines repeated.
    Table {
        /// How many first lines are the header.
        header_lines: usize,
    },
}

/// One piece of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Block {
    /// What it is.
    pub(crate) kind: BlockKind,
    /// Its text, lines separated by `\n`, without a final one; never only white space.
    pub(crate) text: String,
    /// Where each line of `text` came from; as many entries as lines, monotonic.
    pub(crate) lines: Vec<LineRange>,
    /// 1-based page, for formats that have pages; lines then count within the page's text.
    pub(crate) page: Option<u32>,
}

impl Block {
    /// A block whose lines are consecutive source lines from `first_line` on. `None` when the text is blank.
    pub(crate) fn consecutive(kind: BlockKind, text: &str, first_line: u32) -> Option<Self> {
        let leading = text.lines().take_while(|line| line.trim().is_empty()).count();
        let kept: Vec<&str> = text.lines().skip(leading).collect();
        let kept = kept.join("\n");
        let kept = kept.trim_end();
        if kept.is_empty() {
            return None;
        }
        let first = first_line + leading as u32;
        let lines = (0..kept.split('\n').count() as u32)
            .map(|line| LineRange { start: first + line, end: first + line })
            .collect();
        Some(Self { kind, text: kept.to_owned(), lines, page: None })
    }

    /// The source lines of the whole block.
    pub(crate) fn span(&self) -> Span {
        Span {
            start_line: self.lines.first().map_or(1, |line| line.start),
            end_line: self.lines.iter().map(|line| line.end).max().unwrap_or(1),
            page: self.page,
        }
    }
}

/// A document as the chunker takes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Extracted {
    /// The document's own title; `None` when it has none.
    pub(crate) title: Option<String>,
    /// Its pieces, in reading order.
    pub(crate) blocks: Vec<Block>,
    /// What it is filed under, for formats that know tags.
    pub(crate) tags: Vec<String>,
    /// How much of the file was read.
    pub(crate) state: FileState,
    /// Why not all of it, or a note on what was left out.
    pub(crate) reason: Option<String>,
    /// The name of the character encoding, for text formats.
    pub(crate) encoding: Option<&'static str>,
    /// What was left out because the document hides it.
    pub(crate) hidden: Hidden,
}

/// What a document hides from whoever looks at it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Hidden {
    /// Words that its style hides.
    pub(crate) words: usize,
    /// Characters that hide or reorder what is written.
    pub(crate) characters: usize,
}

impl Hidden {
    /// A clause for each kind that there is.
    fn notes(self) -> impl Iterator<Item = String> {
        let note = |count: usize, what: &str| (count > 0).then(|| format!("{count} hidden {what} were left out"));
        [note(self.words, "words"), note(self.characters, "characters")].into_iter().flatten()
    }
}

impl Extracted {
    /// A document without text, with the reason for that.
    pub(crate) fn without_text(state: FileState, reason: impl Into<String>) -> Self {
        Self {
            title: None,
            blocks: Vec::new(),
            tags: Vec::new(),
            state,
            reason: Some(reason.into()),
            encoding: None,
            hidden: Hidden::default(),
        }
    }
}

/// One file as the child received it.
#[derive(Debug)]
pub(crate) struct Input {
    /// The file's name without folders; decides the format together with the content.
    pub(crate) name: String,
    /// The bytes: all of the file, or its beginning.
    pub(crate) bytes: Vec<u8>,
    /// The size of the whole file in bytes.
    pub(crate) size: u64,
}

/// Whether words in pictures are read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Ocr {
    /// It is not wanted.
    #[default]
    Off,
    /// It is wanted, but there is nothing to do it with: a clause that says why.
    Missing(String),
    /// By this program, with its version.
    By(String),
}

/// How an extractor has a picture read: the words of it, or a clause that says why there are none.
pub(crate) type Look<'a> = &'a mut dyn FnMut(&[u8]) -> Result<String, String>;

/// What an extractor can do about pictures.
pub(crate) struct Sight<'a> {
    /// Whether they are read.
    pub(crate) ocr: &'a Ocr,
    /// Reads one, where they are.
    pub(crate) look: Look<'a>,
}

/// What stands in the reason of a document of which pages without a text layer were not read.
const NO_TEXT_LAYER: &str = "no text layer";

/// Whether a file with this reason would have more text if words in pictures were read: it says so, and they were not.
pub(crate) fn waits_for_ocr(reason: &str) -> bool {
    reason.contains(NO_TEXT_LAYER) && !reason.contains("OCR")
}

/// Text that formats which unpack may give at most, in bytes (see `worker/limits.rs` for the other limits).
pub(crate) const MAX_UNPACKED_TEXT: usize = 32 << 20;

/// Reads one file without its pictures.
#[cfg(any(test, fuzzing))]
pub(crate) fn extract(input: Input) -> Extracted {
    extract_with(input, &mut Sight { ocr: &Ocr::Off, look: &mut |_| Err(String::new()) })
}

/// Reads one file, and words in its pictures as far as `sight` goes. Never fails: what cannot be read is a state and a reason.
pub(crate) fn extract_with(input: Input, sight: &mut Sight<'_>) -> Extracted {
    let Input { name, bytes, size } = input;
    let read = bytes.len() as u64;
    let guess = of_name(&name);
    if is_picture(&name) {
        return picture::extract(&bytes, sight);
    }
    let kind = match of_content(&bytes, guess) {
        Ok(kind) => kind,
        Err(refusal) => return Extracted::without_text(refusal.state, refusal.reason),
    };
    let mut extracted = match kind {
        Kind::Pdf => pdf::extract(bytes, sight),
        Kind::Office(office) => office::extract(office, &bytes),
        Kind::Mail => mail::message(&bytes),
        Kind::Mailbox => mail::mailbox(&bytes),
        _ => from_text(kind, &name, bytes),
    };
    if read < size && matches!(extracted.state, FileState::Indexed | FileState::Partly) {
        let read = format!("only the first {} of {} were read", human_bytes(read), human_bytes(size));
        extracted.state = FileState::Partly;
        extracted.reason = Some(match extracted.reason {
            Some(reason) => format!("{read}; {reason}"),
            None => read,
        });
    }
    extracted
}

fn from_text(kind: Kind, name: &str, bytes: Vec<u8>) -> Extracted {
    let decoded = match decode::decode(&bytes, kind) {
        Ok(decoded) => decoded,
        Err(refusal) => return Extracted::without_text(refusal.state, refusal.reason),
    };
    drop(bytes);
    let clean = sanitize::sanitize(&decoded.text);
    drop(decoded.text);
    if kind == Kind::Notebook
        && let Some(notebook) = notebook::extract(&clean.text)
    {
        return notebook;
    }
    let mut tags = Vec::new();
    let mut hidden = Hidden { words: 0, characters: clean.hidden };
    let (title, blocks, note) = match kind {
        Kind::Markdown => {
            let document = markdown::extract(&clean.text);
            tags = document.tags;
            (document.title, document.blocks, None)
        }
        Kind::Rst => outline::restructured(&clean.text),
        Kind::Org => outline::org(&clean.text),
        Kind::Html => {
            let page = html::extract(&clean.text);
            hidden.words = page.hidden;
            (page.title, page.blocks, page.note)
        }
        Kind::Code | Kind::Notebook => {
            (None, code::blocks(&clean.text, &kind::extension(name).unwrap_or_default()), None)
        }
        Kind::Table => (None, table::blocks(&clean.text), None),
        Kind::Subtitles => (None, subtitles::blocks(&clean.text).unwrap_or_else(|| plain::blocks(&clean.text)), None),
        Kind::Asciidoc => {
            let (title, blocks) = asciidoc::extract(&clean.text);
            (title, blocks, None)
        }
        Kind::Latex => {
            let (title, blocks) = latex::extract(&clean.text);
            (title, blocks, None)
        }
        Kind::Text | Kind::Pdf | Kind::Mail | Kind::Mailbox | Kind::Office(_) => {
            (None, plain::blocks(&clean.text), None)
        }
    };
    let mut reasons: Vec<String> = Vec::new();
    let state = if note.is_some() { FileState::Partly } else { FileState::Indexed };
    reasons.extend(note);
    reasons.extend(decoded.note);
    reasons.extend(hidden.notes());
    Extracted {
        title: title.map(|title| one_line(&title)).filter(|title| !title.is_empty()),
        blocks,
        tags,
        state,
        reason: (!reasons.is_empty()).then(|| reasons.join("; ")),
        encoding: Some(decoded.encoding),
        hidden,
    }
}

/// An extension of each format.
#[cfg(any(test, fuzzing))]
pub(crate) const FORMATS: &[&str] = &[
    "md", "txt", "rst", "org", "html", "pdf", "rs", "py", "c", "csv", "ipynb", "srt", "adoc", "tex", "eml", "mbox",
    "docx", "pptx", "xlsx", "xls", "ods", "odt", "odp", "rtf", "epub", "fb2", "json", "",
];

/// A text as it is cleaned.
#[cfg(any(test, fuzzing))]
pub(crate) fn sanitized(text: &str) -> String {
    sanitize::sanitize(text).text
}

/// Bytes in the largest binary unit that leaves a number.
fn human_bytes(bytes: u64) -> String {
    match bytes {
        0..0x400 => format!("{bytes} bytes"),
        0x400..0x10_0000 => format!("{} KiB", bytes >> 10),
        _ => format!("{} MiB", bytes >> 20),
    }
}

/// White space runs as one space, at most 200 characters.
fn one_line(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(200) {
        Some((end, _)) => line[..end].to_owned(),
        None => line,
    }
}
