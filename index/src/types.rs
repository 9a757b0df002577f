//! The nouns of a library: files, documents, chunks, their states and their hashes.
//!
//! Plain data without behavior beyond construction; every other module speaks in these.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A chunk's number. Never reused, so an old one names the same chunk or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ChunkId(pub i64);

/// BLAKE3 of what is embedded for a chunk ([`embedding_text`]): identical texts are embedded once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TextHash(pub [u8; 32]);

impl TextHash {
    /// The hash of a chunk's embedding text.
    pub fn of(title: &str, heading: &str, text: &str) -> Self {
        Self(blake3::hash(embedding_text(title, heading, text).as_bytes()).into())
    }
}

/// What stands for a chunk before an embedder: its title and heading path as context, then its text.
/// Contextual headers raise retrieval for the price of a few tokens; a heading that repeats the title is left out.
pub fn embedding_text(title: &str, heading: &str, text: &str) -> String {
    let context: Vec<&str> = match (title, heading) {
        (title, heading) if heading.starts_with(title) => vec![heading],
        (title, heading) => vec![title, heading],
    };
    let mut whole = context.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" › ");
    if !whole.is_empty() {
        whole.push('\n');
    }
    whole.push_str(text);
    whole
}

/// A hash of a file's bytes, made by whoever reads files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ContentHash(pub [u8; 32]);

/// Where a chunk stands in its file. Lines are 1-based and inclusive; `page` is the page for paged formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Span {
    /// First line.
    pub start_line: u32,
    /// Last line.
    pub end_line: u32,
    /// 1-based page, where the format has pages.
    pub page: Option<u32>,
}

/// One passage of one file, as stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chunk {
    /// Its number.
    pub id: ChunkId,
    /// The file's path, relative to the folder.
    pub path: String,
    /// Where it stands.
    pub span: Span,
    /// The document's title, empty if it has none.
    pub title: String,
    /// The heading path above it, empty if there is none.
    pub heading: String,
    /// Its text.
    pub text: String,
    /// Its place among the file's chunks, from 0.
    pub ordinal: u32,
}

/// One passage of a document on its way into a library.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewChunk {
    /// Where it stands.
    pub span: Span,
    /// The heading path above it, empty if there is none.
    pub heading: String,
    /// Its text.
    pub text: String,
}

/// What tells whether a file has changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileStamp {
    /// Bytes.
    pub size: u64,
    /// Modification time in nanoseconds since the Unix epoch.
    pub mtime_ns: i64,
    /// Hash of the content; `None` if the file was never read (skipped by size, kind…).
    pub hash: Option<ContentHash>,
}

/// How far a file made it into the library.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileState {
    /// All of its text is searchable.
    Indexed,
    /// Some of its text is searchable; the reason says what is not.
    Partly,
    /// Left out on purpose; the reason says why.
    Skipped,
    /// Could not be read; the reason says why.
    Failed,
}

/// A file that is not wholly searchable, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// The file's path, relative to the folder.
    pub path: String,
    /// How far it made it.
    pub state: FileState,
    /// Why no further.
    pub reason: String,
    /// What a person can do about it. The library stores none: the application adds it.
    pub hint: Option<String>,
}

/// A file with its chunks, on its way into a library.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// The file's path, relative to the folder.
    pub path: String,
    /// What tells whether it has changed.
    pub stamp: FileStamp,
    /// Its title, empty if it has none.
    pub title: String,
    /// Its passages, in reading order.
    pub chunks: Vec<NewChunk>,
    /// What a person filed it under (`recipes`, `trips/norway`), without `#`; for [`crate::Conditions`], whatever the case.
    pub tags: Vec<String>,
    /// How far it made it.
    pub state: FileState,
    /// Why no further.
    pub reason: Option<String>,
    /// What reading it took and came upon; `None` for a file that was not read.
    pub reading: Option<Reading>,
}

/// What reading a file took, and what it came upon that was hardly written for whoever reads the file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reading {
    /// From its first byte to its last passage; kept to the microsecond.
    pub took: Duration,
    /// Bytes that were read: fewer than the file has where only its beginning was.
    pub bytes: u64,
    /// Words that the document hides from whoever looks at it; they are left out.
    pub hidden_words: u64,
    /// Characters that hide or reorder what is written; they are left out.
    pub hidden_characters: u64,
    /// Passages with text in the form of a model's control tokens.
    pub control_tokens: u64,
    /// Passages with sentences that would instruct a model.
    pub instructions: u64,
}

/// What a library knows of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileRecord {
    /// The file's path, relative to the folder.
    pub path: String,
    /// What told whether it has changed.
    pub stamp: FileStamp,
    /// How far it made it.
    pub state: FileState,
    /// Why no further.
    pub reason: Option<String>,
    /// How many passages it has.
    pub chunks: u32,
}

/// All that a library can say of a file: the row of a ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileDetail {
    /// What it knows.
    pub file: FileRecord,
    /// Its title, empty if it has none.
    pub title: String,
    /// Pages (slides, sheets, chapters, messages) that hold a passage; 0 for formats without.
    pub pages: u32,
    /// Headings that passages stand under.
    pub sections: u32,
    /// What reading it took and came upon; `None` where it was not read, or by a version that kept no account of it.
    pub reading: Option<Reading>,
}

/// Counts over a whole library.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// Files known.
    pub files: u64,
    /// Files in [`FileState::Indexed`].
    pub indexed: u64,
    /// Files in [`FileState::Partly`].
    pub partly: u64,
    /// Files in [`FileState::Skipped`].
    pub skipped: u64,
    /// Files in [`FileState::Failed`].
    pub failed: u64,
    /// Bytes of all files known.
    pub bytes: u64,
    /// Passages.
    pub chunks: u64,
    /// Passages that have a vector of the selected embedder.
    pub embedded: u64,
    /// Grows with each durable change.
    pub generation: u64,
    /// The selected embedder's id.
    pub embedder: Option<String>,
}

/// A text that waits for its vector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToEmbed {
    /// Names the text in [`crate::Writer::put_embeddings`].
    pub hash: TextHash,
    /// The text to embed, context included.
    pub text: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedding_text_names_each_context_once() {
        assert_eq!(embedding_text("Guide", "Install", "Run it."), "Guide › Install\nRun it.");
        assert_eq!(embedding_text("Guide", "Guide › Install", "Run it."), "Guide › Install\nRun it.");
        assert_eq!(embedding_text("", "", "Run it."), "Run it.");
        assert_ne!(TextHash::of("a", "", "x"), TextHash::of("b", "", "x"));
    }
}
