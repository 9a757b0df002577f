//! The text layer of a PDF, page by page; lines count within a page's text.

use std::panic::{AssertUnwindSafe, catch_unwind};

use pdf_oxide::PdfDocument;
use tanya_index::FileState;

use super::{Block, Extracted, MAX_UNPACKED_TEXT, plain, sanitize};

/// Most pages that are read.
const MAX_PAGES: usize = 20_000;

/// Reads a PDF.
pub(super) fn extract(bytes: Vec<u8>) -> Extracted {
    let document = match PdfDocument::from_bytes(bytes) {
        Ok(document) => document,
        Err(error) => return refused(&error.to_string()),
    };
    if document.is_encrypted() && !document.is_authenticated() {
        return Extracted::without_text(FileState::Skipped, "encrypted: it opens only with a password");
    }
    let total = match document.page_count() {
        Ok(total) => total,
        Err(error) => return refused(&error.to_string()),
    };
    let mut pages = Pages::default();
    for page in 0..total.min(MAX_PAGES) {
        pages.read(&document, page);
        if pages.bytes >= MAX_UNPACKED_TEXT {
            break;
        }
    }
    pages.finish(total)
}

/// The parser's first clause; what follows it is its own state, which helps nobody who reads it.
fn refused(error: &str) -> Extracted {
    let clause = error.split([';', '(', '{', '[', '\n']).next().unwrap_or_default();
    let clause = clause.trim_start_matches("Invalid PDF: ").trim_end_matches(|c: char| c.is_whitespace() || c == ':');
    let clean: String =
        sanitize::sanitize(clause).text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(120).collect();
    Extracted::without_text(FileState::Failed, format!("damaged PDF: {clean}"))
}

#[derive(Default)]
struct Pages {
    blocks: Vec<Block>,
    bytes: usize,
    read: usize,
    hidden: usize,
    without_text: usize,
    broken: Vec<usize>,
}

impl Pages {
    fn read(&mut self, document: &PdfDocument, page: usize) {
        self.read += 1;
        // A page that makes the parser panic must not cost the others; what kills the process costs the file (`worker.rs`).
        let text = catch_unwind(AssertUnwindSafe(|| document.extract_text(page)));
        let Ok(Ok(text)) = text else {
            self.broken.push(page + 1);
            return;
        };
        let clean = sanitize::sanitize(&unligated(&text.replace("\r\n", "\n").replace('\r', "\n")));
        self.hidden += clean.hidden;
        let blocks = plain::blocks(&clean.text);
        if blocks.is_empty() {
            self.without_text += 1;
        }
        self.bytes += clean.text.len();
        self.blocks.extend(blocks.into_iter().map(|block| Block { page: Some(page as u32 + 1), ..block }));
    }

    fn finish(self, total: usize) -> Extracted {
        if self.blocks.is_empty() {
            return if !self.broken.is_empty() {
                Extracted::without_text(FileState::Failed, "damaged PDF: no page could be read")
            } else if total == 0 {
                Extracted::without_text(FileState::Failed, "damaged PDF: it has no pages")
            } else {
                Extracted::without_text(FileState::Skipped, "no text layer: its pages hold images or nothing")
            };
        }
        let mut reasons = Vec::new();
        if self.read < total {
            reasons.push(format!("only the first {} of {total} pages were read", self.read));
        }
        if let [first, ..] = self.broken[..] {
            reasons
                .push(format!("{} of {total} pages could not be read (the first is page {first})", self.broken.len()));
        }
        let state = if reasons.is_empty() { FileState::Indexed } else { FileState::Partly };
        if self.without_text > 0 {
            reasons.push(format!("{} of {total} pages hold no text", self.without_text));
        }
        if self.hidden > 0 {
            reasons.push(format!("{} hidden characters were left out", self.hidden));
        }
        Extracted {
            title: None,
            blocks: self.blocks,
            tags: Vec::new(),
            state,
            reason: (!reasons.is_empty()).then(|| reasons.join("; ")),
            encoding: None,
        }
    }
}

/// Typographic ligatures as the letters that a person searches for.
fn unligated(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            'ﬀ' => out.push_str("ff"),
            'ﬁ' => out.push_str("fi"),
            'ﬂ' => out.push_str("fl"),
            'ﬃ' => out.push_str("ffi"),
            'ﬄ' => out.push_str("ffl"),
            'ﬅ' | 'ﬆ' => out.push_str("st"),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ligatures_are_letters() {
        assert_eq!(unligated("eﬃcient oﬀer ﬁnd ﬂow"), "efficient offer find flow");
    }

    #[test]
    fn what_is_no_pdf_is_refused_with_a_reason() {
        let extracted = extract(b"%PDF-1.4\nnothing more".to_vec());
        assert_eq!(extracted.state, FileState::Failed);
        assert!(extracted.reason.unwrap().starts_with("damaged PDF"));
    }

    #[test]
    fn a_refusal_is_one_clause() {
        let reason = |error| refused(error).reason.unwrap();
        assert_eq!(
            reason("Invalid PDF: no trailer (stream attempt: Error { input: [60] })"),
            "damaged PDF: no trailer"
        );
        assert_eq!(reason("Failed to parse: {broken"), "damaged PDF: Failed to parse");
    }
}
