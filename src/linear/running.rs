//! The answer being made: its words are written whole, since a screen reader would speak the pieces of a word apart.

use std::time::Duration;

use unicode_segmentation::UnicodeSegmentation as _;

use super::speech;
use crate::answer::Source;
use crate::jobs::JobId;
use crate::tui::{Grounds, clean};

/// Bytes that are held back, at most: scripts without spaces would else be written only at the end.
const LONGEST_WORD: usize = 60;

/// The answer being made.
pub(super) struct Running {
    pub(super) id: JobId,
    pub(super) asked: Duration,
    pub(super) question: String,
    pub(super) grounds: Grounds,
    pub(super) sources: Vec<Source>,
    /// Words that were written.
    pub(super) written: String,
    /// The start of a word whose end has not come yet.
    held: String,
}

impl Running {
    pub(super) fn new(id: JobId, asked: Duration, question: String, grounds: Grounds) -> Self {
        Self { id, asked, question, grounds, sources: Vec::new(), written: String::new(), held: String::new() }
    }

    /// The model wrote a piece: what can be written of it now, whole words only.
    pub(super) fn write(&mut self, piece: &str) -> Option<String> {
        self.held.push_str(piece);
        let space = self.held.char_indices().rfind(|(_, c)| c.is_whitespace());
        let end = match space {
            Some((at, space)) => at + space.len_utf8(),
            // The last character may not be complete yet.
            None if self.held.len() > LONGEST_WORD => {
                self.held.grapheme_indices(true).next_back().map_or(0, |(at, _)| at)
            }
            None => 0,
        };
        self.say(end)
    }

    /// Writes the first `end` bytes of what is held, behind a label where they are the first words.
    fn say(&mut self, end: usize) -> Option<String> {
        let rest = self.held.split_off(end);
        let words = std::mem::replace(&mut self.held, rest);
        let first = self.written.is_empty();
        let words = if first { words.trim_start() } else { &words[..] };
        self.written.push_str(words);
        let label = if first { label(self.grounds) } else { "" };
        (!words.is_empty()).then(|| format!("{label}{}", clean(words)))
    }

    /// Writes all that is held.
    pub(super) fn rest(&mut self) -> Option<String> {
        self.say(self.held.len())
    }
}

/// What stands before an answer.
fn label(grounds: Grounds) -> &'static str {
    match grounds {
        Grounds::Documents | Grounds::WholeFolder => speech::ANSWER,
        Grounds::ModelAlone => "Answer, without the documents, check what it says: ",
    }
}
