//! Words that a line's end cut in two, put together again. Pure.
//!
//! A hyphen at the end of a line is either the typesetter's, and goes, or the word's own, and stays: the rest of the document
//! tells which, by how it writes the word elsewhere. Either way the word stands whole on the line where it begins.

use std::collections::HashMap;

/// Hyphens that may end a line; the last one is only ever the typesetter's.
const HYPHENS: [char; 3] = ['-', '\u{2010}', SOFT];
const SOFT: char = '\u{AD}';

/// What follows a hyphen that stands for a word left out (“pre- and postwar”, “Vor- und Nachteile”).
const SUSPENDING: &[&str] = &[
    "and", "or", "to", "nor", "und", "oder", "bzw", "bis", "sowie", "et", "ou", "y", "o", "e", "en", "of", "och",
    "eller",
];
/// First parts that keep their hyphen where the document does not say otherwise.
const COMPOUNDING: &[&str] = &["self", "well"];

/// Mends the texts of a document's pages; a word that a page's end cut stays cut.
pub(super) fn mend(pages: &mut [String]) {
    let mut seen = Seen::default();
    for page in &*pages {
        for (line, next) in page.lines().zip(page.lines().skip(1)) {
            if let Some(cut) = Cut::between(line, next) {
                seen.expect(&cut);
            }
        }
    }
    if seen.times.is_empty() {
        return;
    }
    for page in &*pages {
        seen.count(page);
    }
    for page in pages {
        *page = mended(page, &seen);
    }
}

fn mended(page: &str, seen: &Seen) -> String {
    let mut out = String::with_capacity(page.len());
    let mut lines = page.split('\n');
    let mut line = lines.next().unwrap_or_default();
    for next in lines {
        out.push_str(line);
        let Some(cut) = Cut::between(line, next) else {
            out.push('\n');
            line = next;
            continue;
        };
        out.truncate(out.trim_end().len());
        if !seen.keeps_hyphen(&cut) {
            out.truncate(out.trim_end_matches(HYPHENS).len());
        }
        // The rest of the word comes up; a line that held no more than it is gone.
        let next = next.trim_start();
        let (rest, left) = next.split_at(next.find(char::is_whitespace).unwrap_or(next.len()));
        line = left.trim_start();
        if line.is_empty() {
            line = rest;
        } else {
            out.push_str(rest);
            out.push('\n');
        }
    }
    out.push_str(line);
    out
}

/// A word on both sides of a line's end.
struct Cut<'a> {
    head: &'a str,
    tail: &'a str,
    soft: bool,
}

impl<'a> Cut<'a> {
    /// The word that is cut between two lines that follow each other; `None` where there is none for certain.
    fn between(line: &'a str, next: &'a str) -> Option<Self> {
        let line = line.trim_end();
        let stem = line.strip_suffix(HYPHENS)?;
        let soft = line.ends_with(SOFT);
        let head = stem.rsplit(char::is_whitespace).next().unwrap_or(stem);
        // An address or a chain of hyphens is no word: whose the last hyphen is cannot be told.
        let head = head.trim_start_matches(|c: char| !c.is_alphanumeric());
        let next = next.trim_start();
        let tail = &next[..next.find(|c: char| !c.is_alphabetic()).unwrap_or(next.len())];
        let two = |part: &str| part.chars().nth(1).is_some();
        let word = head.chars().all(char::is_alphabetic) && two(head) && tail.starts_with(char::is_lowercase);
        (word && (soft || (two(tail) && !SUSPENDING.contains(&tail)))).then_some(Self { head, tail, soft })
    }

    fn joined(&self) -> String {
        format!("{}{}", self.head, self.tail).to_lowercase()
    }

    fn hyphenated(&self) -> String {
        format!("{}-{}", self.head, self.tail).to_lowercase()
    }
}

/// How often the document writes a word with a hyphen, and without.
#[derive(Default)]
struct Seen {
    times: HashMap<String, u32>,
}

impl Seen {
    fn expect(&mut self, cut: &Cut<'_>) {
        self.times.insert(cut.joined(), 0);
        self.times.insert(cut.hyphenated(), 0);
    }

    fn count(&mut self, page: &str) {
        for word in page.split_whitespace() {
            let word = word.trim_matches(|c: char| !c.is_alphanumeric());
            if let Some(times) = self.times.get_mut(&word.to_lowercase()) {
                *times += 1;
            }
        }
    }

    fn keeps_hyphen(&self, cut: &Cut<'_>) -> bool {
        let times = |word: String| self.times.get(&word).copied().unwrap_or(0);
        let (joined, hyphenated) = (times(cut.joined()), times(cut.hyphenated()));
        let compound = joined == 0 && COMPOUNDING.contains(&cut.head.to_lowercase().as_str());
        !cut.soft && (hyphenated > joined || compound)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn mend_one(text: &str) -> String {
        let mut pages = [text.to_owned()];
        mend(&mut pages);
        let [page] = pages;
        page
    }

    #[test]
    fn a_word_cut_by_a_line_is_whole_where_it_begins() {
        assert_eq!(mend_one("an exam-\nple, and more\nlines"), "an example,\nand more\nlines");
        assert_eq!(mend_one("(Bemer-\nkung) und"), "(Bemerkung)\nund");
        assert_eq!(mend_one("hyphen\u{2010}\nation soft\u{AD}\nly done"), "hyphenation\nsoftly\ndone");
    }

    #[test]
    fn a_line_of_nothing_but_the_rest_is_gone() {
        assert_eq!(mend_one("an exam-\nple.\nNext"), "an example.\nNext");
        assert_eq!(mend_one("sesqui-\npeda-\nlian words"), "sesquipedalian\nwords");
    }

    #[test]
    fn the_document_tells_whose_hyphen_it_is() {
        assert_eq!(mend_one("a re-\nsign.\nThey re-sign it."), "a re-sign.\nThey re-sign it.");
        assert_eq!(mend_one("a self-\nmade man, well-\nknown"), "a self-made\nman, well-known");
    }

    #[test]
    fn what_may_not_be_a_cut_word_stays() {
        for text in [
            "Vor-\nund Nachteile",
            "2020-\nend",
            "pages 3-\n7",
            "https://a.org/b-\nlog",
            "Anglo-\nSaxon",
            "a -\nb",
            "end-\n\nof it",
        ] {
            assert_eq!(mend_one(text), text);
        }
    }

    #[test]
    fn how_a_word_is_written_on_another_page_counts() {
        let mut pages = ["it is co-\nwritten".to_owned(), "co-written twice, co-written".to_owned()];
        mend(&mut pages);
        assert_eq!(pages[0], "it is co-written");
    }

    proptest! {
        #[test]
        fn mending_loses_nothing_but_hyphens_and_line_ends(text in "([a-cA]{1,3}|-|\u{AD}|\n| |[.,1é]){0,40}") {
            let letters = |text: &str| text.chars().filter(|c| !c.is_whitespace() && !HYPHENS.contains(c)).collect::<String>();
            let after = mend_one(&text);
            prop_assert_eq!(letters(&after), letters(&text));
            prop_assert!(after.lines().count() <= text.lines().count());
        }
    }
}
