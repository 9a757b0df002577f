//! The laws of whatever parses bytes of a document, for fuzzers (`fuzz/`) and for the property tests here. Each panics where a law is broken.

use super::chunk::{MAX_WORDS, chunk, short_title};
use super::extract::{FORMATS, Input, extract, has_forbidden, sanitized};
use super::worker::read_all_frames;

/// A document: the first byte chooses the extension.
pub fn document(bytes: &[u8]) {
    let Some((which, content)) = bytes.split_first() else { return };
    let name = format!("x.{}", FORMATS[usize::from(*which) % FORMATS.len()]);
    let size = content.len() as u64;
    let extracted = extract(Input { name, bytes: content.to_vec(), size });
    for block in &extracted.blocks {
        assert!(!block.text.trim().is_empty(), "a block of white space");
        assert_eq!(block.lines.len(), block.text.split('\n').count(), "a place for each line");
        assert!(block.lines.iter().all(|line| line.start <= line.end), "lines run forward");
        assert!(!has_forbidden(&block.text), "clean text");
    }
    let title = short_title(extracted.title.as_deref().unwrap_or("x"));
    for chunk in chunk(&title, &extracted.blocks) {
        assert!(chunk.text.split_whitespace().count() <= MAX_WORDS, "no passage is longer than it may be");
        assert!(chunk.span.start_line <= chunk.span.end_line);
    }
}

/// Bytes that a child wrote: frames until the first that is not valid.
pub fn frames(bytes: &[u8]) {
    read_all_frames(bytes);
}

/// A text that is cleaned.
pub fn clean(text: &str) {
    let once = sanitized(text);
    assert!(!has_forbidden(&once), "nothing forbidden is left");
    assert_eq!(once.matches('\n').count(), text.matches('\n').count(), "lines stay");
    assert_eq!(sanitized(&once), once, "clean text stays as it is");
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Something of each format, for bytes that get past the first look.
    const SEEDS: &[&str] = &[
        "# Head\n\n- item\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n```\ncode\n```\n[[link]] #tag\n",
        "<!DOCTYPE html><title>t</title><body><p>a<b>c</b><table><tr><td>1</td></tr></table><ul><li>x",
        "{\\rtf1\\ansi{\\fonttbl\\f0 A;}\\pard a\\'e9\\u8364?\\par\\trowd a\\cell\\row}",
        "From a@b c\nSubject: x\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\ntext\n--b--\n\nFrom c@d\n\ny",
        "a,b\n\"1\n2\",3\n",
        "{\"cells\":[{\"cell_type\":\"code\",\"source\":[\"x\"],\"outputs\":[{\"text\":\"y\"}]}]}",
        "1\n00:00:01,000 --> 00:00:02,000\n<i>a</i>\n",
        "= T\n\n----\ncode\n----\n|===\n|a|b\n|===\n",
        "\\section{a}\\begin{itemize}\\item b\\end{itemize} \\'e $x$ % c\n",
        "impl A {\n    /// d\n    fn b() {}\n}\n\nclass C:\n    def d(self): pass\n",
        "<?xml version=\"1.0\"?><FictionBook><body><section><title><p>a</p></title><p>b</p></section></body></FictionBook>",
    ];

    proptest! {
        #[test]
        fn damaged_documents_of_every_format_keep_the_laws(
            which in any::<u8>(), seed in 0..SEEDS.len(), cuts in proptest::collection::vec((any::<u16>(), any::<u8>(), 0u8..4), 0..12),
        ) {
            let mut bytes = SEEDS[seed].as_bytes().to_vec();
            for (at, byte, how) in cuts {
                let at = usize::from(at) % bytes.len().max(1);
                match how {
                    0 if !bytes.is_empty() => bytes[at] = byte,
                    1 => bytes.insert(at.min(bytes.len()), byte),
                    2 if bytes.len() > 1 => drop(bytes.remove(at)),
                    _ => bytes.extend_from_within(at.min(bytes.len())..),
                }
            }
            bytes.insert(0, which);
            document(&bytes);
        }

        #[test]
        fn any_bytes_are_a_document_of_every_format(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            document(&bytes);
        }

        #[test]
        fn any_bytes_of_a_child_are_read_without_harm(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            frames(&bytes);
        }

        #[test]
        fn cleaning_keeps_its_laws(text in "[\\PC\u{0}-\u{1F}\u{202A}-\u{202E}\u{200B}-\u{200F}\u{E0000}-\u{E007F}\u{FE00}-\u{FE0F}a-z\n]{0,60}") {
            clean(&text);
        }
    }
}
