//! What a person can do about a file that is not wholly searchable.

use tanya_index::Problem;

/// Adds the hint that fits the reason; reasons without one stay as they are.
pub fn with_hint(problem: Problem) -> Problem {
    let hint = HINTS.iter().find(|(part, _)| problem.reason.contains(part)).map(|(_, hint)| (*hint).to_owned());
    Problem { hint: problem.hint.or(hint), ..problem }
}

/// Part of a reason → hint. The first match counts.
const HINTS: &[(&str, &str)] = &[
    ("forgotten on request", "tanya forget --undo PATH lets it be read again"),
    ("permission denied", "give yourself the right to read it, then update again"),
    (
        "tesseract, which would read it, has no language",
        "install that language (for example tesseract-ocr-deu), or set ocr_language to one that it has",
    ),
    (
        "tesseract, which would read it,",
        "install tesseract (for example apt install tesseract-ocr, or brew install tesseract), then update again",
    ),
    ("OCR with", "look at it yourself; what it says can be kept in a text file beside it"),
    ("a picture", "ocr = true has tesseract read the words in pictures"),
    ("encrypted", "save a copy without a password in the folder"),
    ("no text layer", "ocr = true has tesseract read it; or run it through ocrmypdf and keep the result in the folder"),
    ("not read yet", "save it in a format of today (.docx, .odt, .pdf, .md)"),
    ("not a PDF", "give the file the extension that fits its content"),
    ("damaged PDF", "open it in a PDF viewer and save it again"),
    ("damaged:", "open it in the program that made it and save it again"),
    ("an archive", "unpack what is to be read into the folder"),
    ("larger than", "split it into smaller files"),
    ("only the first", "split it into smaller files"),
    ("keeps changing", "update again when the program that writes it is done"),
    ("took longer than", "split it, or save it in a simpler format"),
    ("of memory", "split it, or save it in a simpler format"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use tanya_index::FileState;

    #[test]
    fn a_known_reason_gets_its_hint_and_an_unknown_one_none() {
        let problem =
            |reason: &str| Problem { path: "a".into(), state: FileState::Skipped, reason: reason.into(), hint: None };
        assert!(with_hint(problem("not read yet: .doc")).hint.unwrap().contains(".docx"));
        assert!(with_hint(problem("forgotten on request")).hint.unwrap().contains("--undo"));
        let lost = "no text layer: its pages hold images or nothing; tesseract, which would read it, is not installed";
        assert!(with_hint(problem(lost)).hint.unwrap().contains("apt install"));
        assert!(with_hint(problem("no text layer: its pages")).hint.unwrap().contains("ocr = true"));
        assert_eq!(with_hint(problem("a link: links are not followed")).hint, None);
    }
}
