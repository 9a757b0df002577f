//! What a search says about what it left out. Plain data.

use std::fmt;

use crate::snapshot::Hit;
use crate::types::{Chunk, ChunkId, Span};

/// Hits, and what was left out above the last of them.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Explained {
    /// Best first.
    pub hits: Vec<Hit>,
    /// In the order of the ranking, those that are part of a hit last.
    pub dropped: Vec<Dropped>,
}

/// A passage that ranked among the hits and is none.
#[derive(Debug, Clone, PartialEq)]
pub struct Dropped {
    /// The passage.
    pub chunk: Chunk,
    /// Its score, comparable with those of the hits.
    pub score: f32,
    /// Why it is no hit. In English, as a phrase, by its `Display`.
    pub why: Why,
}

/// Why a passage is no hit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// Its text, context included, is that of a better hit.
    SameText {
        /// The hit.
        of: Place,
    },
    /// It nearly repeats a better hit.
    NearlySame {
        /// The hit.
        of: Place,
    },
    /// Enough better passages of its file are there.
    OneTooMany {
        /// How many.
        most: usize,
    },
    /// It is part of the passage of a hit, not lost.
    Merged {
        /// The hit.
        into: Place,
    },
}

/// Where a passage stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The chunk's number.
    pub id: ChunkId,
    /// The file's path, relative to the folder.
    pub path: String,
    /// Its lines.
    pub span: Span,
}

impl Place {
    pub(crate) fn of(chunk: &Chunk) -> Self {
        Self { id: chunk.id, path: chunk.path.clone(), span: chunk.span }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Span { start_line, end_line, page } = self.span;
        f.write_str(&self.path)?;
        if let Some(page) = page {
            write!(f, " p. {page}")?;
        }
        write!(f, ":{start_line}")?;
        if start_line == end_line { Ok(()) } else { write!(f, "–{end_line}") }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Why::SameText { of } => write!(f, "the same text as {of}"),
            Why::NearlySame { of } => write!(f, "nearly the same as {of}"),
            Why::OneTooMany { most: 1 } => f.write_str("a better passage of this file is there"),
            Why::OneTooMany { most } => write!(f, "{most} better passages of this file are there"),
            Why::Merged { into } => write!(f, "joined with {into}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_read_as_phrases_with_their_places() {
        let place = |end_line, page| Place {
            id: ChunkId(1),
            path: "a.md".into(),
            span: Span { start_line: 3, end_line, page },
        };
        assert_eq!(Why::SameText { of: place(3, None) }.to_string(), "the same text as a.md:3");
        assert_eq!(Why::Merged { into: place(7, Some(4)) }.to_string(), "joined with a.md p. 4:3–7");
        assert_eq!(Why::OneTooMany { most: 3 }.to_string(), "3 better passages of this file are there");
    }
}
