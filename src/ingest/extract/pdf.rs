//! The text layer of a PDF, page by page; lines count within a page's text.
//!
//! Parser → runs of glyphs (`page`) → lines and paragraphs in the order of reading (`assemble`), signs of TeX's fonts (`symbols`) →
//! words that lines cut, whole again (`hyphens`) → clean blocks. `agreement` measures the result against another program's.

#[cfg(test)]
mod agreement;
mod assemble;
mod hyphens;
mod page;
mod symbols;

use std::panic::{AssertUnwindSafe, catch_unwind};

use pdf_oxide::PdfDocument;
use tanya_index::FileState;

use super::{Block, Extracted, Hidden, MAX_UNPACKED_TEXT, plain, sanitize};

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
    let tagged = document.mark_info().is_ok_and(|mark| mark.marked && !mark.suspects);
    let mut pages = Pages::default();
    let mut texts = Vec::new();
    let mut bytes = 0;
    for page in 0..total.min(MAX_PAGES) {
        // A page that makes the parser panic must not cost the others; what kills the process costs the file (`worker.rs`).
        let text = catch_unwind(AssertUnwindSafe(|| page::text(&document, page, tagged))).ok().flatten();
        if text.is_none() {
            pages.broken.push(page + 1);
        }
        let text = text.unwrap_or_default().replace("\r\n", "\n").replace('\r', "\n");
        bytes += text.len();
        texts.push(unligated(&text));
        if bytes >= MAX_UNPACKED_TEXT {
            break;
        }
    }
    drop(document);
    hyphens::mend(&mut texts);
    for (text, page) in texts.iter().zip(1..) {
        pages.take(text, page);
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
    read: usize,
    hidden: Hidden,
    without_text: usize,
    broken: Vec<usize>,
}

impl Pages {
    fn take(&mut self, text: &str, page: u32) {
        self.read += 1;
        let clean = sanitize::sanitize(text);
        self.hidden.characters += clean.hidden;
        let blocks = plain::blocks(&clean.text);
        if blocks.is_empty() && !self.broken.contains(&(page as usize)) {
            self.without_text += 1;
        }
        self.blocks.extend(blocks.into_iter().map(|block| Block { page: Some(page), ..block }));
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
        reasons.extend(self.hidden.notes());
        Extracted {
            title: None,
            blocks: self.blocks,
            tags: Vec::new(),
            state,
            reason: (!reasons.is_empty()).then(|| reasons.join("; ")),
            encoding: None,
            hidden: self.hidden,
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
    use std::fmt::Write as _;

    use super::*;

    /// A document of one page with these drawing operators, in Helvetica, and these annotations.
    fn pdf_of(content: &str, annotations: &str) -> Vec<u8> {
        let objects = [
            "<</Type/Catalog/Pages 2 0 R>>".to_owned(),
            "<</Type/Pages/Kids[3 0 R]/Count 1>>".to_owned(),
            "<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 800]/Contents 4 0 R/Annots[6 0 R]/Resources<</Font<</F 5 0 R>>>>>>"
                .to_owned(),
            format!("<</Length {}>>stream\n{content}\nendstream", content.len()),
            "<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>".to_owned(),
            annotations.to_owned(),
        ];
        let (mut file, mut places) = ("%PDF-1.4\n".to_owned(), String::new());
        for (object, number) in objects.iter().zip(1..) {
            writeln!(places, "{:010} 00000 n ", file.len()).unwrap();
            write!(file, "{number} 0 obj\n{object}\nendobj\n").unwrap();
        }
        let start = file.len();
        let trailer = format!("trailer<</Size 7/Root 1 0 R>>\nstartxref\n{start}\n%%EOF");
        write!(file, "xref\n0 7\n0000000000 65535 f \n{places}{trailer}").unwrap();
        file.into_bytes()
    }

    const COLUMNS: &str = "BT /F 10 Tf 12 TL 50 700 Td (The left column is read to its end and has an exam-) Tj T* (ple \
                           there.) Tj ET BT /F 10 Tf 12 TL 320 700 Td (The right column follows.) Tj T* (It has two lines.) Tj ET";

    #[test]
    fn columns_are_read_one_after_the_other_and_their_words_are_whole() {
        let extracted = extract(pdf_of(COLUMNS, "<</Type/Annot/Subtype/Link/Rect[0 0 9 9]>>"));
        assert_eq!(extracted.state, FileState::Indexed, "{:?}", extracted.reason);
        let texts: Vec<&str> = extracted.blocks.iter().map(|block| block.text.as_str()).collect();
        let right = "The right column follows.\nIt has two lines.";
        assert_eq!(texts, ["The left column is read to its end and has an example\nthere.", right]);
        assert_eq!(extracted.blocks[1].span().page, Some(1));
    }

    #[test]
    fn what_is_written_over_a_page_or_into_its_fields_is_read_with_it() {
        for kind in ["FreeText/Contents", "Widget/FT/Tx/T(when)/V"] {
            let note = format!("<</Type/Annot/Rect[50 100 300 120]/F 4/Subtype/{kind}(Paid in March)>>");
            let extracted = extract(pdf_of(COLUMNS, &note));
            assert!(extracted.blocks.iter().any(|block| block.text.contains("Paid in March")), "{kind}: {extracted:?}");
        }
    }

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
