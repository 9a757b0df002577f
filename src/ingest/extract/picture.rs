//! A picture of text, read by another program (`worker/ocr.rs`) where a person wants that; pages of a TIFF are pages.

use tanya_index::FileState;

use super::body::Body;
use super::{Extracted, Ocr, Sight, plain};

/// Reads the words of a picture.
pub(super) fn extract(bytes: &[u8], sight: &mut Sight<'_>) -> Extracted {
    let engine = match sight.ocr {
        Ocr::Off => return Extracted::without_text(FileState::Skipped, "a picture"),
        Ocr::Missing(why) => return Extracted::without_text(FileState::Skipped, format!("a picture: {why}")),
        Ocr::By(engine) => engine.clone(),
    };
    if !is_picture(bytes) {
        return Extracted::without_text(FileState::Failed, "damaged: a picture by its name, not by its content");
    }
    let text = match (sight.look)(bytes) {
        Ok(text) => text,
        Err(why) => return Extracted::without_text(FileState::Failed, format!("OCR with {engine} failed: {why}")),
    };
    let pages: Vec<&str> = text.trim_end_matches(['\u{C}', '\n', ' ']).split('\u{C}').collect();
    let mut body = Body::default();
    for (number, page) in (1..).zip(&pages) {
        if pages.len() > 1 {
            body.page(number);
        }
        body.take(plain::blocks(page));
    }
    if body.is_empty() {
        return Extracted::without_text(
            FileState::Skipped,
            format!("a picture in which OCR with {engine} found no words"),
        );
    }
    body.note(format!("read by OCR with {engine}"));
    // Its first line is not what a picture is about: it goes by its file's name.
    body.titled(None, Vec::new())
}

/// Whether bytes begin as a format does that is looked at.
fn is_picture(bytes: &[u8]) -> bool {
    const STARTS: &[&[u8]] =
        &[b"\x89PNG\r\n", b"\xFF\xD8\xFF", b"GIF8", b"II*\0", b"MM\0*", b"BM", b"\0\0\0\x0CjP  ", b"\xFF\x4F\xFF\x51"];
    let netpbm = matches!(bytes, [b'P', b'1'..=b'6', b' ' | b'\n' | b'\t' | b'\r', ..]);
    let webp = bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP");
    netpbm || webp || STARTS.iter().any(|start| bytes.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8], words: Result<&str, &str>) -> Extracted {
        let ocr = Ocr::By("tesseract 5.3.0".into());
        let mut look = |_: &[u8]| words.map(str::to_owned).map_err(str::to_owned);
        extract(bytes, &mut Sight { ocr: &ocr, look: &mut look })
    }

    const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";

    #[test]
    fn words_of_a_picture_say_by_what_they_were_read() {
        let extracted = read(PNG, Ok("The harbor\nwas dredged.\n\u{C}"));
        assert_eq!(extracted.state, FileState::Indexed);
        assert_eq!(extracted.blocks[0].text, "The harbor\nwas dredged.");
        assert_eq!((extracted.blocks[0].page, extracted.title), (None, None));
        assert_eq!(extracted.reason.as_deref(), Some("read by OCR with tesseract 5.3.0"));
    }

    #[test]
    fn pages_of_a_picture_are_pages() {
        let extracted = read(b"II*\0", Ok("First.\n\u{C}Second.\n\u{C}"));
        let pages: Vec<_> = extracted.blocks.iter().map(|block| (block.page, block.text.as_str())).collect();
        assert_eq!(pages, [(Some(1), "First."), (Some(2), "Second.")]);
    }

    #[test]
    fn a_picture_without_words_and_one_that_cannot_be_read_say_so() {
        let empty = read(PNG, Ok(" \n\u{C}"));
        assert_eq!(empty.state, FileState::Skipped);
        assert!(empty.reason.unwrap().contains("found no words"));
        let failed = read(PNG, Err("it took longer than 60 s"));
        assert_eq!(failed.state, FileState::Failed);
        assert!(failed.reason.unwrap().contains("longer than 60 s"));
        assert_eq!(read(b"just words", Ok("words")).state, FileState::Failed, "no picture is handed on that is none");
    }
}
