//! A small folder of documents that comes along with the program: the papers of Candlewick Point, a lighthouse museum that never
//! was. All of it is the project's own writing.

use std::path::Path;

use anyhow::{Context as _, Result};

/// Every document: its path in the folder, and its text.
const DOCUMENTS: [(&str, &str); 9] = [
    ("welcome.md", include_str!("../demo/welcome.md")),
    ("handbook/volunteers.md", include_str!("../demo/handbook/volunteers.md")),
    ("handbook/panduan-relawan.md", include_str!("../demo/handbook/panduan-relawan.md")),
    ("handbook/lamp.org", include_str!("../demo/handbook/lamp.org")),
    ("handbook/fog-signal.rst", include_str!("../demo/handbook/fog-signal.rst")),
    ("visit/opening-hours.html", include_str!("../demo/visit/opening-hours.html")),
    ("history/letters.txt", include_str!("../demo/history/letters.txt")),
    ("history/inventory.csv", include_str!("../demo/history/inventory.csv")),
    ("tools/tide_clock.py", include_str!("../demo/tools/tide_clock.py")),
];

/// Questions that these documents answer, one of them in Indonesian.
pub const QUESTIONS: [&str; 3] = [
    "Who carried the oil up the stairs in the winter of 1912?",
    "How often is the Fresnel lens cleaned, and with what?",
    "Jam berapa relawan harus tiba pada hari Sabtu?",
];

/// Writes the documents under `dir`. A file that holds something else is written anew: the folder is the demo's own. Files that
/// are there besides are left alone.
pub fn write(dir: &Path) -> Result<()> {
    for (name, text) in DOCUMENTS {
        let path = dir.join(name);
        if std::fs::read(&path).is_ok_and(|there| there == text.as_bytes()) {
            continue;
        }
        let folder = path.parent().expect("every document lies in the folder");
        let put = || -> Result<()> {
            std::fs::create_dir_all(folder)?;
            // A start that is cut off leaves no half document.
            Ok(crate::atomic::replace(&path, text.as_bytes(), None)?)
        };
        put().with_context(|| format!("{}: cannot write the demo's document", path.display()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documents_are_written_once_and_mended_when_they_differ() {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("demo");
        write(&dir).unwrap();
        let modified = |name: &str| std::fs::metadata(dir.join(name)).unwrap().modified().unwrap();
        let (before, broken) = (modified("welcome.md"), dir.join("handbook/lamp.org"));
        std::fs::write(&broken, "half").unwrap();
        std::fs::write(dir.join("mine.md"), "kept").unwrap();
        write(&dir).unwrap();
        assert_eq!(modified("welcome.md"), before, "what is right is not touched");
        assert!(std::fs::read_to_string(&broken).unwrap().contains("Fresnel"));
        assert_eq!(std::fs::read_to_string(dir.join("mine.md")).unwrap(), "kept");
    }

    #[test]
    fn every_suggested_question_has_its_answer_in_a_document() {
        let all: String = DOCUMENTS.iter().map(|(_, text)| *text).collect();
        for answer in ["the Sorley twins carried the oil", "every Monday", "pukul 08.30"] {
            assert!(all.contains(answer), "{answer}");
        }
        assert!(DOCUMENTS.iter().all(|(name, text)| !text.trim().is_empty() && !name.contains("..")));
    }
}
