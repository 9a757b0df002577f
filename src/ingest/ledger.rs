//! The ledger for a person: every file with what was read of it, why no more, and what to do about that.

use anyhow::{Context as _, Result};
use serde::Serialize;
use tanya_index::{FileDetail, FileState, Library, Problem};

use super::problem::with_hint;

/// A row of the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// The file's path, relative to the folder, encoded as in [`crate::paths`].
    pub path: String,
    /// How far it made it into the library.
    pub state: FileState,
    /// Its size.
    pub bytes: u64,
    /// Passages that were read of it.
    pub passages: u32,
    /// Pages, slides, sheets, chapters or messages with text; 0 for formats without.
    pub pages: u32,
    /// Headings that passages stand under.
    pub sections: u32,
    /// Its title, empty if it has none.
    pub title: String,
    /// Why no more of it was read.
    pub reason: Option<String>,
    /// What a person can do about that, where something is known.
    pub hint: Option<String>,
}

impl Entry {
    /// Not all of its text is searchable.
    pub fn is_problem(&self) -> bool {
        self.state != FileState::Indexed
    }

    /// `12 passages, 3 pages, 5 sections`.
    pub fn amount(&self) -> String {
        let counted = |number: u32, noun: &str| format!("{number} {noun}{}", if number == 1 { "" } else { "s" });
        let mut parts = vec![counted(self.passages, "passage")];
        parts.extend((self.pages > 0).then(|| counted(self.pages, "page")));
        parts.push(counted(self.sections, "section"));
        parts.join(", ")
    }
}

impl Entry {
    /// All that is known besides the path, each under a short name, in the order in which a person reads it.
    pub fn facts(&self) -> Vec<(&'static str, String)> {
        let mut facts = vec![("state", state_word(self.state).to_owned())];
        facts.extend((!self.title.is_empty()).then(|| ("title", self.title.clone())));
        facts.push(("size", format!("{} bytes", self.bytes)));
        facts.push(("passages", self.passages.to_string()));
        facts.extend((self.pages > 0).then(|| ("pages", self.pages.to_string())));
        facts.push(("sections", self.sections.to_string()));
        for (name, value) in [("why", &self.reason), ("do", &self.hint)] {
            facts.extend(value.clone().map(|value| (name, value)));
        }
        facts
    }
}

impl From<FileDetail> for Entry {
    fn from(detail: FileDetail) -> Self {
        let FileDetail { file, title, pages, sections } = detail;
        let reason = file.reason.clone().unwrap_or_default();
        let known = Problem { path: file.path.clone(), state: file.state, reason, hint: None };
        let hint = with_hint(known).hint;
        let (bytes, passages) = (file.stamp.size, file.chunks);
        Self { path: file.path, state: file.state, bytes, passages, pages, sections, title, reason: file.reason, hint }
    }
}

/// Every file that a library knows, by path. One pass over all passages: seconds where there are millions.
pub fn ledger(library: &Library) -> Result<Vec<Entry>> {
    let details = library.ledger().context("cannot read the library")?;
    Ok(details.into_iter().map(Entry::from).collect())
}

/// A state in a word.
pub fn state_word(state: FileState) -> &'static str {
    match state {
        FileState::Indexed => "whole",
        FileState::Partly => "partly",
        FileState::Skipped => "skipped",
        FileState::Failed => "failed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tanya_index::{FileRecord, FileStamp};

    #[test]
    fn a_row_counts_what_was_read_and_tells_what_to_do() {
        let stamp = FileStamp { size: 9, mtime_ns: 0, hash: None };
        let reason = Some("page 2 has no text layer".to_owned());
        let file = FileRecord { path: "scan.pdf".into(), stamp, state: FileState::Partly, reason, chunks: 1 };
        let entry = Entry::from(FileDetail { file, title: "Scan".into(), pages: 2, sections: 0 });
        assert_eq!(entry.amount(), "1 passage, 2 pages, 0 sections");
        assert!(entry.hint.as_deref().is_some_and(|hint| hint.contains("OCR")), "{entry:?}");
        assert!(entry.is_problem());
    }
}
