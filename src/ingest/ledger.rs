//! The ledger for a person: every file with what was read of it, why no more, and what to do about that.

use std::time::Duration;

use anyhow::{Context as _, Result};
use serde::{Serialize, Serializer};
use tanya_index::{FileDetail, FileState, Library, Problem, Reading};

use super::marks::Mark;
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
    /// How long reading it took; `None` where it was not read, or by a version that kept no account of it.
    #[serde(rename = "ms_read", serialize_with = "milliseconds")]
    pub took: Option<Duration>,
    /// Bytes of it that were read.
    pub bytes_read: Option<u64>,
    /// Words that it hides from whoever looks at it, left out.
    pub hidden_words: u64,
    /// Characters that hide or reorder what is written, left out.
    pub hidden_characters: u64,
    /// Passages that hold what was hardly written for a reader.
    pub marks: Vec<Marked>,
}

/// How many passages of a file have a mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Marked {
    /// The mark.
    pub mark: Mark,
    /// The passages.
    pub passages: u64,
}

#[expect(clippy::ref_option, reason = "serde hands a field over like this")]
fn milliseconds<S: Serializer>(time: &Option<Duration>, to: S) -> Result<S::Ok, S::Error> {
    time.map(|time| time.as_secs_f64() * 1e3).serialize(to)
}

impl Entry {
    /// Not all of its text is searchable.
    pub fn is_problem(&self) -> bool {
        self.state != FileState::Indexed
    }

    /// Something in it is hidden, or addressed to a model.
    pub fn is_marked(&self) -> bool {
        self.hidden_words > 0 || self.hidden_characters > 0 || !self.marks.is_empty()
    }

    /// `12 passages, 3 pages, 5 sections`.
    pub fn amount(&self) -> String {
        let mut parts = vec![counted(self.passages.into(), "passage")];
        parts.extend((self.pages > 0).then(|| counted(self.pages.into(), "page")));
        parts.push(counted(self.sections.into(), "section"));
        parts.join(", ")
    }
}

impl Entry {
    /// All that is known besides the path, each under a short name, in the order in which a person reads it.
    pub fn facts(&self) -> Vec<(&'static str, String)> {
        let mut facts = vec![("state", state_word(self.state).to_owned())];
        facts.extend((!self.title.is_empty()).then(|| ("title", self.title.clone())));
        let beginning = self.bytes_read.filter(|read| *read < self.bytes);
        let beginning = beginning.map(|read| format!(", the first {read} were read")).unwrap_or_default();
        facts.push(("size", format!("{} bytes{beginning}", self.bytes)));
        facts.extend(self.took.map(|took| ("time", in_words(took))));
        facts.push(("passages", self.passages.to_string()));
        facts.extend((self.pages > 0).then(|| ("pages", self.pages.to_string())));
        facts.push(("sections", self.sections.to_string()));
        let hidden = [(self.hidden_words, "word"), (self.hidden_characters, "character")];
        let hidden: Vec<String> =
            hidden.into_iter().filter(|(count, _)| *count > 0).map(|(count, noun)| counted(count, noun)).collect();
        facts.extend((!hidden.is_empty()).then(|| ("hidden", format!("{} left out", hidden.join(", ")))));
        facts.extend(self.marks.iter().map(|Marked { mark, passages }| {
            ("marked", format!("{}: {}", mark.words(), counted(*passages, "passage")))
        }));
        for (name, value) in [("why", &self.reason), ("do", &self.hint)] {
            facts.extend(value.clone().map(|value| (name, value)));
        }
        facts
    }
}

impl From<FileDetail> for Entry {
    fn from(detail: FileDetail) -> Self {
        let FileDetail { file, title, pages, sections, reading } = detail;
        let reason = file.reason.clone().unwrap_or_default();
        let known = Problem { path: file.path.clone(), state: file.state, reason, hint: None };
        let hint = with_hint(known).hint;
        let (bytes, passages) = (file.stamp.size, file.chunks);
        let (took, bytes_read) = reading.as_ref().map(|reading| (reading.took, reading.bytes)).unzip();
        let Reading { hidden_words, hidden_characters, control_tokens, instructions, .. } = reading.unwrap_or_default();
        let marked = |(mark, passages)| (passages > 0).then_some(Marked { mark, passages });
        let marks = [(Mark::ControlToken, control_tokens), (Mark::Instruction, instructions)];
        Self {
            path: file.path,
            state: file.state,
            bytes,
            passages,
            pages,
            sections,
            title,
            reason: file.reason,
            hint,
            took,
            bytes_read,
            hidden_words,
            hidden_characters,
            marks: marks.into_iter().filter_map(marked).collect(),
        }
    }
}

/// `3 pages`.
fn counted(number: u64, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// A time as a person says it.
pub fn in_words(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    match seconds {
        ..0.0995 => format!("{:.1} ms", seconds * 1e3),
        ..0.9995 => format!("{:.0} ms", seconds * 1e3),
        ..99.95 => format!("{seconds:.1} s"),
        _ => format!("{seconds:.0} s"),
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
        let entry = Entry::from(FileDetail { file, title: "Scan".into(), pages: 2, sections: 0, reading: None });
        assert_eq!(entry.amount(), "1 passage, 2 pages, 0 sections");
        assert!(entry.hint.as_deref().is_some_and(|hint| hint.contains("ocrmypdf")), "{entry:?}");
        assert!(entry.is_problem());
        let shown = serde_json::to_value(&entry).unwrap();
        assert!(shown["ms_read"].is_null() && shown["marks"].as_array().unwrap().is_empty(), "{shown}");
    }

    #[test]
    fn a_row_tells_how_long_its_reading_took_and_what_was_hidden_or_addressed_to_a_model() {
        let stamp = FileStamp { size: 900, mtime_ns: 0, hash: None };
        let file = FileRecord { path: "a.html".into(), stamp, state: FileState::Indexed, reason: None, chunks: 7 };
        let took = Duration::from_micros(12_345);
        let reading =
            Reading { took, bytes: 300, hidden_words: 1, hidden_characters: 4, control_tokens: 0, instructions: 2 };
        let entry =
            Entry::from(FileDetail { file, title: String::new(), pages: 0, sections: 1, reading: Some(reading) });
        let fact = |name| entry.facts().into_iter().find(|(known, _)| *known == name).map(|(_, value)| value);
        assert_eq!(fact("size").as_deref(), Some("900 bytes, the first 300 were read"));
        assert_eq!(fact("time").as_deref(), Some("12.3 ms"));
        assert_eq!(fact("hidden").as_deref(), Some("1 word, 4 characters left out"));
        assert_eq!(fact("marked").as_deref(), Some("reads like instructions to a model: 2 passages"));
        let shown = serde_json::to_value(&entry).unwrap();
        assert_eq!(shown["ms_read"], 12.345);
        assert_eq!(shown["marks"], serde_json::json!([{"mark": "instruction", "passages": 2}]));
    }

    #[test]
    fn times_are_said_with_the_digits_that_matter() {
        let said = |micros| in_words(Duration::from_micros(micros));
        assert_eq!([said(40), said(99_400), said(99_600)], ["0.0 ms", "99.4 ms", "100 ms"]);
        assert_eq!([said(1_240_000), said(99_900_000), said(100_400_000)], ["1.2 s", "99.9 s", "100 s"]);
    }
}
