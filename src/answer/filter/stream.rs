//! Redacting a text while it is being written: nothing that may be part of a match is shown before that is decided.

use super::{BAR, LONGEST_KIND, OutputFilter, Scan, bar, secrets};
use crate::config::FilterMode;

/// Bytes of what was shown that a detector may look back at: a bar and what stands before it.
const CONTEXT: usize = BAR.len() + LONGEST_KIND + 16;

/// Takes the pieces of an answer and returns what may be shown of it.
pub(in crate::answer) struct Redactor<'a> {
    filter: &'a OutputFilter,
    /// What is held back, behind some of what was shown.
    text: String,
    /// Bytes of `text` that were shown.
    shown: usize,
    /// In a private key whose bar was shown.
    in_key: bool,
}

impl<'a> Redactor<'a> {
    /// For one text. Where the filter does not redact, pieces pass as they are.
    pub(in crate::answer) fn new(filter: &'a OutputFilter) -> Self {
        Self { filter, text: String::new(), shown: 0, in_key: false }
    }

    /// The next piece.
    pub(in crate::answer) fn push(&mut self, piece: &str) -> String {
        if self.filter.mode != FilterMode::Redact {
            return piece.to_owned();
        }
        self.text.push_str(piece);
        self.release(false)
    }

    /// What was held back when the text ended.
    pub(in crate::answer) fn finish(&mut self) -> String {
        self.release(true)
    }

    fn release(&mut self, ended: bool) -> String {
        let mut shown = String::new();
        loop {
            if self.in_key {
                if let Some(end) = secrets::end_of_key(&self.text, self.shown) {
                    (self.shown, self.in_key) = (end, false);
                } else {
                    // The line that ends it may have begun.
                    let keep = self.text.floor_char_boundary(self.text.len().saturating_sub(secrets::LONGEST_LINE));
                    self.shown = if ended { self.text.len() } else { self.shown.max(keep) };
                }
            }
            if self.in_key || self.shown == self.text.len() {
                break;
            }
            let Scan { found, settled, in_key } = self.filter.scan(&self.text, self.shown, ended);
            let mut at = self.shown;
            for span in found {
                shown.push_str(&self.text[at..span.start]);
                shown.push_str(&bar(span.kind));
                at = span.end;
            }
            shown.push_str(&self.text[at..settled]);
            self.shown = settled;
            if !in_key {
                break;
            }
            shown.push_str(&bar(secrets::PRIVATE_KEY));
            self.in_key = true;
        }
        let cut = self.text.floor_char_boundary(self.shown.saturating_sub(CONTEXT));
        self.text.drain(..cut);
        self.shown -= cut;
        shown
    }
}
