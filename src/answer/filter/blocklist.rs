//! Words of a person's own list: a text file with `category: word` on each line.

use std::collections::HashMap;
use std::io::Read as _;
use std::path::Path;

use anyhow::{Context as _, Result, anyhow};

use super::{LONGEST_KIND, Probe, is_of_kind, is_word};
use crate::report::Hinting as _;

/// Most bytes of a list.
const MOST_BYTES: u64 = 1 << 20;
/// Most characters of an entry: what a text that streams may hold back for it.
const LONGEST_ENTRY: usize = 120;
/// Most spaces and line breaks between two words of an entry.
const MOST_BLANKS: usize = 3;
const HINT: &str = "write one entry a line as `category: word`; a line that begins with # is a remark";

/// Words and phrases, each with its category. Case does not count; a word is found whole, not inside of another.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Blocklist {
    entries: Vec<Entry>,
    /// Entries by the first character in lower case.
    by_first: HashMap<char, Vec<usize>>,
    hash: Option<blake3::Hash>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    category: String,
    /// In lower case, single spaces between words.
    words: String,
}

impl Blocklist {
    /// Reads the list at `path`.
    pub(super) fn read(path: &Path) -> Result<Self> {
        let shown = path.display();
        let mut bytes = Vec::new();
        std::fs::File::open(path)
            .and_then(|file| file.take(MOST_BYTES + 1).read_to_end(&mut bytes))
            .with_context(|| format!("{shown}: cannot read the block list"))
            .hint("give the path of a text file in the setting blocklist, or set it to nothing")?;
        if bytes.len() as u64 > MOST_BYTES {
            return Err(anyhow!("{shown}: a block list has at most {MOST_BYTES} bytes")).hint(HINT);
        }
        let text = String::from_utf8(bytes).map_err(|_| anyhow!("{shown}: not UTF-8")).hint(HINT)?;
        Self::parse(&text).map_err(|why| anyhow!("{shown}: {why}")).hint(HINT)
    }

    /// Reads the lines of a list; the error names the line.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut list = Self { hash: Some(blake3::hash(text.as_bytes())), ..Self::default() };
        let lines = (1..).zip(text.trim_start_matches('\u{feff}').lines());
        for (number, line) in lines.map(|(number, line)| (number, line.trim())) {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (category, words) = line.split_once(':').ok_or_else(|| format!("line {number} has no colon"))?;
            let category = category.trim();
            if category.is_empty() || category.len() > LONGEST_KIND || !category.chars().all(is_of_kind) {
                return Err(format!(
                    "line {number}: a category is up to {LONGEST_KIND} letters, digits, spaces, - and _"
                ));
            }
            // Letter by letter, as the text is compared: a sigma at the end of a word is no letter of its own.
            let words: String =
                words.split_whitespace().collect::<Vec<_>>().join(" ").chars().flat_map(char::to_lowercase).collect();
            let Some(first) = words.chars().next().filter(|_| words.chars().count() <= LONGEST_ENTRY) else {
                return Err(format!("line {number}: a word has 1 to {LONGEST_ENTRY} characters"));
            };
            if words.contains(super::BAR_CHAR) {
                return Err(format!("line {number}: {} is what stands in place of words", super::BAR_CHAR));
            }
            list.by_first.entry(first).or_default().push(list.entries.len());
            list.entries.push(Entry { category: category.to_owned(), words });
        }
        Ok(list)
    }

    /// The hash of the list as it was read.
    pub(super) fn hash(&self) -> Option<blake3::Hash> {
        self.hash
    }

    /// What the entries say that may begin at a place.
    pub(super) fn probes<'a>(
        &'a self,
        text: &'a str,
        at: usize,
        before: Option<char>,
    ) -> impl Iterator<Item = (&'a str, Probe)> {
        let first = text[at..].chars().next();
        let fresh = first.zip(before).is_none_or(|(first, before)| is_border(before, first));
        let folded = first.filter(|_| fresh && !self.entries.is_empty()).and_then(|first| first.to_lowercase().next());
        let entries = folded.and_then(|folded| self.by_first.get(&folded)).into_iter().flatten();
        entries.map(move |entry| {
            let entry = &self.entries[*entry];
            (entry.category.as_str(), entry.probe(text, at))
        })
    }
}

impl Entry {
    fn probe(&self, text: &str, at: usize) -> Probe {
        let mut wanted = self.words.chars().peekable();
        let (mut length, mut last) = (0, ' ');
        let mut rest = text[at..].chars().peekable();
        while let Some(expected) = wanted.next() {
            let Some(c) = rest.next() else { return Probe::OPEN };
            length += c.len_utf8();
            last = c;
            if expected == ' ' {
                if !c.is_whitespace() {
                    return Probe::NONE;
                }
                for _ in 1..MOST_BLANKS {
                    length += rest.next_if(|c| c.is_whitespace()).map_or(0, char::len_utf8);
                }
                continue;
            }
            let mut folded = c.to_lowercase();
            let same = folded.next() == Some(expected) && folded.all(|more| wanted.next() == Some(more));
            if !same {
                return Probe::NONE;
            }
        }
        match rest.next() {
            Some(next) if !is_border(last, next) => Probe::NONE,
            next => Probe { matched: Some(length), open: next.is_none() },
        }
    }
}

/// Whether a word ends between two characters. Scripts without spaces have a border everywhere.
fn is_border(before: char, after: char) -> bool {
    !is_word(before)
        || !is_word(after)
        || (before != super::BAR_CHAR && after != super::BAR_CHAR && (is_unspaced(before) || is_unspaced(after)))
}

/// Han, kana, Thai, Lao, Khmer and Burmese letters, by their blocks.
fn is_unspaced(c: char) -> bool {
    matches!(c, '\u{e00}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}' | '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{4dbf}'
        | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}
