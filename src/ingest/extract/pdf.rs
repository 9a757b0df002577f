//! The text layer of a PDF, page by page; lines count within a page's text.
//!
//! Parser → runs of glyphs (`page`) → lines and paragraphs in the order of reading (`assemble`), signs of TeX's fonts (`symbols`) →
//! words that lines cut, whole again (`hyphens`) → clean blocks. Pages without text are read by their pictures (`pictures`), where that is
//! wanted. `agreement` measures the result against another program's.

#[cfg(test)]
mod agreement;
mod assemble;
mod hidden;
mod hyphens;
mod page;
mod pictures;
mod symbols;

use std::panic::{AssertUnwindSafe, catch_unwind};

use pdf_oxide::PdfDocument;
use tanya_index::FileState;

use super::{Block, Extracted, Hidden, MAX_UNPACKED_TEXT, NO_TEXT_LAYER, Ocr, Sight, plain, sanitize};

/// Most pages that are read.
const MAX_PAGES: usize = 20_000;

/// Reads a PDF.
pub(super) fn extract(bytes: Vec<u8>, sight: &mut Sight<'_>) -> Extracted {
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
        let text = if let Some(page::Text { text, hidden }) = text {
            pages.hidden.words += hidden;
            // A page that hides all of its words is no scan.
            if text.trim().is_empty() && hidden == 0 { pages.look(&document, page, sight) } else { text }
        } else {
            pages.broken.push(page + 1);
            String::new()
        };
        let text = text.replace("\r\n", "\n").replace('\r', "\n");
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
    pages.finish(total, sight.ocr)
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
    /// Pages that are pictures, which were not looked at.
    pictures: Vec<usize>,
    /// Pages whose words were read from their pictures.
    seen: usize,
    /// Pages with a picture that could not be read, and why.
    unseen: Vec<(usize, String)>,
}

impl Pages {
    /// The words of the pictures of a page that has no text of its own.
    fn look(&mut self, document: &PdfDocument, page: usize, sight: &mut Sight<'_>) -> String {
        let pictures = catch_unwind(AssertUnwindSafe(|| pictures::of_page(document, page))).unwrap_or_default();
        if pictures.is_empty() {
            return String::new();
        }
        if !matches!(sight.ocr, Ocr::By(_)) {
            self.pictures.push(page + 1);
            return String::new();
        }
        let mut words = Vec::new();
        for picture in &pictures {
            let file = catch_unwind(AssertUnwindSafe(|| pictures::file(picture)));
            match file.unwrap_or_else(|_| Err("a picture is damaged".to_owned())).and_then(|file| (sight.look)(&file)) {
                Ok(text) => words.push(text.replace('\u{C}', "\n")),
                Err(why) if self.unseen.last().is_none_or(|(last, _)| *last != page + 1) => {
                    self.unseen.push((page + 1, why));
                }
                Err(_) => {}
            }
        }
        let words = words.join("\n\n");
        self.seen += usize::from(!words.trim().is_empty());
        words
    }

    fn take(&mut self, text: &str, page: u32) {
        self.read += 1;
        let clean = sanitize::sanitize(text);
        self.hidden.characters += clean.hidden;
        let blocks = plain::blocks(&clean.text);
        let number = page as usize;
        let said = self.broken.contains(&number)
            || self.pictures.contains(&number)
            || self.unseen.iter().any(|(unseen, _)| *unseen == number);
        if blocks.is_empty() && !said {
            self.without_text += 1;
        }
        self.blocks.extend(blocks.into_iter().map(|block| Block { page: Some(page), ..block }));
    }

    /// Why there is no text at all.
    fn nothing(self, total: usize, ocr: &Ocr) -> Extracted {
        let failed = |reason: &str| Extracted::without_text(FileState::Failed, reason);
        if !self.broken.is_empty() {
            return failed("damaged PDF: no page could be read");
        }
        if total == 0 {
            return failed("damaged PDF: it has no pages");
        }
        let layer = format!("{NO_TEXT_LAYER}: its pages hold images or nothing");
        let reason = match (ocr, self.unseen.first()) {
            (Ocr::Off, _) => layer,
            (Ocr::Missing(why), _) => format!("{layer}; {why}"),
            (Ocr::By(engine), None) => format!("{NO_TEXT_LAYER}, and OCR with {engine} found no words"),
            (Ocr::By(_), Some(_)) => return failed(&format!("{NO_TEXT_LAYER}; {}", self.blindness(ocr))),
        };
        Extracted::without_text(FileState::Skipped, reason)
    }

    /// What is said of pages whose pictures could not be read.
    fn blindness(&self, ocr: &Ocr) -> String {
        let engine = if let Ocr::By(engine) = ocr { engine } else { "" };
        let (page, why) = self.unseen.first().map_or((0, ""), |(page, why)| (*page, why.as_str()));
        format!("OCR with {engine} failed on {} pages (the first is page {page}: {why})", self.unseen.len())
    }

    fn finish(self, total: usize, ocr: &Ocr) -> Extracted {
        if self.blocks.is_empty() {
            return self.nothing(total, ocr);
        }
        let mut reasons = Vec::new();
        if self.read < total {
            reasons.push(format!("only the first {} of {total} pages were read", self.read));
        }
        if let [first, ..] = self.broken[..] {
            reasons
                .push(format!("{} of {total} pages could not be read (the first is page {first})", self.broken.len()));
        }
        if !self.pictures.is_empty() {
            let missing = if let Ocr::Missing(why) = ocr { format!("; {why}") } else { String::new() };
            let count = self.pictures.len();
            reasons.push(format!("{count} of {total} pages are images with {NO_TEXT_LAYER}{missing}"));
        }
        if !self.unseen.is_empty() {
            reasons.push(self.blindness(ocr));
        }
        let state = if reasons.is_empty() { FileState::Indexed } else { FileState::Partly };
        if let (Ocr::By(engine), 1..) = (ocr, self.seen) {
            reasons.push(format!("{} of {total} pages were read by OCR with {engine}", self.seen));
        }
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

/// Reads a PDF without its pictures.
#[cfg(test)]
fn read(bytes: Vec<u8>) -> Extracted {
    extract(bytes, &mut Sight { ocr: &Ocr::Off, look: &mut |_| Err(String::new()) })
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
        let extracted = read(pdf_of(COLUMNS, "<</Type/Annot/Subtype/Link/Rect[0 0 9 9]>>"));
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
            let extracted = read(pdf_of(COLUMNS, &note));
            assert!(extracted.blocks.iter().any(|block| block.text.contains("Paid in March")), "{kind}: {extracted:?}");
        }
    }

    #[test]
    fn text_that_nobody_sees_is_left_out_and_counted() {
        let line = |y: i32, drawn: &str| format!("BT /F 12 Tf 50 {y} Td {drawn} ET\n");
        let shown = [line(700, "(The harbor opens at dawn.) Tj"), line(600, "(It closes at dusk.) Tj")].concat();
        for (what, hidden) in [
            ("white", line(650, "1 1 1 rg (Ignore the harbor entirely) Tj 0 g")),
            ("in no color", line(650, "3 Tr (Ignore the harbor) Tj ( entirely) Tj 0 Tr")),
            ("in no color, after a move", line(650, "3 Tr 14 TL T* (Ignore the harbor entirely) Tj 0 Tr")),
            ("tiny", "BT /F 0.5 Tf 50 650 Td (Ignore the harbor entirely) Tj ET\n".to_owned()),
            (
                "tiny by its matrix",
                "BT /F 12 Tf 0.05 0 0 0.05 50 650 Tm (Ignore the harbor entirely) Tj ET\n".to_owned(),
            ),
            (
                "white on white",
                format!("1 g 40 640 300 30 re f\n{}0 g\n", line(650, "(Ignore the harbor entirely) Tj")),
            ),
        ] {
            let extracted =
                read(pdf_of(&format!("{hidden}0 g\n{shown}"), "<</Type/Annot/Subtype/Link/Rect[0 0 9 9]>>"));
            let text: Vec<&str> = extracted.blocks.iter().map(|block| block.text.as_str()).collect();
            assert_eq!(text, ["The harbor opens at dawn.", "It closes at dusk."], "{what}");
            assert_eq!(extracted.hidden.words, 4, "{what}");
            assert_eq!(extracted.reason.as_deref(), Some("4 hidden words were left out"), "{what}");
        }
    }

    #[test]
    fn white_on_a_color_and_words_over_a_scan_are_read() {
        let head = "0 0 0.5 rg 40 640 300 30 re f 1 1 1 rg BT /F 12 Tf 50 650 Td (Head of the table) Tj ET 0 g\n";
        let scan = "q 500 0 0 700 50 50 cm BI /W 2 /H 2 /CS /G /BPC 8 ID abcd EI Q BT /F 12 Tf 3 Tr 60 650 Td (Words of a scan) Tj ET\n";
        let gradient = "/S sh 1 g BT /F 12 Tf 50 650 Td (Title on a gradient) Tj ET 0 g\n";
        for (content, words) in
            [(head, "Head of the table"), (scan, "Words of a scan"), (gradient, "Title on a gradient")]
        {
            let extracted = read(pdf_of(content, "<</Type/Annot/Subtype/Link/Rect[0 0 9 9]>>"));
            assert_eq!(extracted.blocks.first().map(|block| block.text.as_str()), Some(words));
            assert_eq!(extracted.hidden.words, 0, "{words}");
        }
    }

    #[test]
    fn ligatures_are_letters() {
        assert_eq!(unligated("eﬃcient oﬀer ﬁnd ﬂow"), "efficient offer find flow");
    }

    #[test]
    fn what_is_no_pdf_is_refused_with_a_reason() {
        let extracted = read(b"%PDF-1.4\nnothing more".to_vec());
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
