//! A library's life as a function of the number of its commits: what the children of the crash tests do, and what their parents
//! then expect to find, to the last passage.
//!
//! Every text has a word of its own, so that a search names the one passage that has it. The stamp of [`CLOCK`] is the
//! number of the last commit: a library tells by itself how far it came.

use std::collections::BTreeMap;

use crate::common::{DIMENSION, EMBEDDER, by_vector, by_words, document, paths, stamp, vector};
use tanya_index::{Error, FileRecord, Library, TextHash, Writer};

const CLOCK: &str = "clock.md";
/// Above this number of files more go than come.
const FILES: usize = 30;
/// Texts born in one commit are numbered from a multiple of this.
const TEXTS: usize = 100;

/// Whether the long form of a test is asked for (`just crash`).
pub(crate) fn full() -> bool {
    std::env::var_os("TANYA_INDEX_FULL").is_some_and(|value| !value.is_empty())
}

/// splitmix64: the same numbers for the same seed everywhere.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`, which is not 0.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }
}

/// Digits would be a word too common: letters make each a word of its own, unknown to any stemmer.
pub(crate) fn word(n: usize) -> String {
    // Three letters for a digit: no two words are near enough for one to be searched for in place of the other.
    n.to_string().bytes().flat_map(|digit| [char::from(b'b' + (digit - b'0')); 3]).chain("qx".chars()).collect()
}

/// Of very different lengths: some fit a sector, some fill pages.
pub(crate) fn text(n: usize) -> String {
    format!("passage with the word {}{}", word(n), " about granite, basalt and slate".repeat(n % 7 * n % 53))
}

#[derive(Debug, Clone)]
struct File {
    mtime_ns: i64,
    texts: Vec<usize>,
}

/// What a library holds after a number of commits.
#[derive(Debug, Clone, Default)]
pub(crate) struct History {
    pub(crate) commits: usize,
    files: BTreeMap<String, File>,
    /// Texts that were replaced or removed, oldest first.
    gone: Vec<usize>,
}

enum Change {
    Upsert(String, Vec<usize>),
    Rename(String, String),
    Touch(String),
    Remove(String),
}

/// What a library has promised to keep.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Acknowledged {
    /// The last commit that was acknowledged.
    pub(crate) commits: usize,
    /// The last commit of which all vectors were acknowledged too.
    pub(crate) embedded: usize,
}

impl Acknowledged {
    /// Takes up a line of a child. One that a kill cut off acknowledges nothing.
    pub(crate) fn hear(&mut self, said: &str) {
        let number = |kind: &str| said.strip_prefix(kind).and_then(|n| n.strip_suffix('.')?.parse::<usize>().ok());
        if let Some(commits) = number("COMMIT ") {
            self.commits = commits;
        }
        if let Some(embedded) = number("EMBEDDED ") {
            self.embedded = embedded;
        }
    }
}

/// The line that acknowledges a commit. The full stop tells a whole line from one that a kill cut off.
pub(crate) fn committed(n: usize) -> String {
    format!("COMMIT {n}.")
}

/// The line that acknowledges all vectors up to a commit.
pub(crate) fn embedded(n: usize) -> String {
    format!("EMBEDDED {n}.")
}

impl History {
    pub(crate) fn at(commits: usize) -> Self {
        let mut history = Self::default();
        for _ in 0..commits {
            history.advance();
        }
        history
    }

    /// How far a library came.
    pub(crate) fn of(library: &Library) -> Result<Self, Error> {
        Ok(Self::at(commits_of(&library.files()?)))
    }

    /// Gathers the changes of the next commit.
    pub(crate) fn gather(&mut self, writer: &mut Writer) -> Result<(), Error> {
        for change in self.advance() {
            match change {
                Change::Upsert(path, texts) => {
                    let texts: Vec<String> = texts.into_iter().map(text).collect();
                    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
                    let mut document = document(&path, &texts);
                    document.stamp = stamp(self.commits as i64);
                    writer.upsert(document)?;
                }
                Change::Rename(from, to) => writer.rename(&from, &to)?,
                Change::Touch(path) => writer.touch(&path, &stamp(self.commits as i64))?,
                Change::Remove(path) => writer.remove(&path)?,
            }
        }
        Ok(())
    }

    fn advance(&mut self) -> Vec<Change> {
        self.commits += 1;
        let n = self.commits;
        let mut random = Random(n as u64);
        let mut changes = Vec::new();
        if n == 1 {
            self.change(Change::Upsert(CLOCK.to_owned(), vec![TEXTS + TEXTS - 1]), &mut changes);
        }
        self.change(Change::Touch(CLOCK.to_owned()), &mut changes);
        if n.is_multiple_of(7) {
            // Stamps alone: a commit that the word index has not to follow.
            return changes;
        }
        for file in 0..3 {
            let texts = (0..=random.below(3)).map(|place| n * TEXTS + file * 10 + place).collect();
            self.change(Change::Upsert(format!("{n}-{file}.md"), texts), &mut changes);
        }
        let replaced = self.any(&mut random);
        self.change(Change::Upsert(replaced, vec![n * TEXTS + 40, n * TEXTS + 41]), &mut changes);
        let renamed = self.any(&mut random);
        self.change(Change::Rename(renamed, format!("{n}-moved.md")), &mut changes);
        if n.is_multiple_of(4) {
            // Onto another file, which is replaced by it.
            let (from, to) = (self.any(&mut random), self.any(&mut random));
            if from != to {
                self.change(Change::Rename(from, to), &mut changes);
            }
        }
        let touched = self.any(&mut random);
        self.change(Change::Touch(touched), &mut changes);
        let removals = if self.files.len() > FILES { 6 } else { 1 };
        for _ in 0..removals {
            let removed = self.any(&mut random);
            self.change(Change::Remove(removed), &mut changes);
        }
        changes
    }

    /// A file that is not the clock.
    fn any(&self, random: &mut Random) -> String {
        let files: Vec<&String> = self.files.keys().filter(|path| *path != CLOCK).collect();
        files[random.below(files.len())].clone()
    }

    fn change(&mut self, change: Change, changes: &mut Vec<Change>) {
        let mtime_ns = self.commits as i64;
        let replaced = match &change {
            Change::Upsert(path, texts) => self.files.insert(path.clone(), File { mtime_ns, texts: texts.clone() }),
            Change::Rename(from, to) => {
                let file = self.files.remove(from).unwrap();
                self.files.insert(to.clone(), file)
            }
            Change::Touch(path) => {
                self.files.get_mut(path).unwrap().mtime_ns = mtime_ns;
                None
            }
            Change::Remove(path) => self.files.remove(path),
        };
        self.gone.extend(replaced.into_iter().flat_map(|file| file.texts));
        changes.push(change);
    }

    /// The passages, with their files.
    fn texts(&self) -> impl Iterator<Item = (&str, usize)> {
        self.files.iter().flat_map(|(path, file)| file.texts.iter().map(move |text| (path.as_str(), *text)))
    }
}

/// Embeds everything that waits, in one batch.
pub(crate) fn embed(writer: &mut Writer) -> Result<(), Error> {
    writer.set_embedder(EMBEDDER, DIMENSION)?;
    let waiting = writer.unembedded(usize::MAX)?;
    let rows: Vec<(TextHash, Vec<f32>)> = waiting.iter().map(|w| (w.hash, vector(&w.text))).collect();
    writer.put_embeddings(EMBEDDER, &rows)
}

fn commits_of(files: &[FileRecord]) -> usize {
    files.iter().find(|file| file.path == CLOCK).map_or(0, |clock| clock.stamp.mtime_ns as usize)
}

/// Holds a library that was just opened against its history: everything acknowledged is there, whole, found by word and by
/// vector; nothing of it twice, nothing that was replaced or removed; at most `more` commits than were acknowledged (one for each
/// child that was cut off), and these whole too; and [`Library::verify`] finds nothing.
pub(crate) fn check(library: &Library, acknowledged: Acknowledged, more: usize, what: &str) {
    let files = library.files().unwrap();
    let commits = commits_of(&files);
    assert!(
        (acknowledged.commits..=acknowledged.commits + more).contains(&commits),
        "{what}: {commits} commits are there, {acknowledged:?}"
    );
    let history = History::at(commits);
    let found: Vec<(&str, i64, u32)> =
        files.iter().map(|file| (file.path.as_str(), file.stamp.mtime_ns, file.chunks)).collect();
    let expected: Vec<(&str, i64, u32)> =
        history.files.iter().map(|(path, file)| (path.as_str(), file.mtime_ns, file.texts.len() as u32)).collect();
    assert_eq!(found, expected, "{what}: files after {commits} commits");
    let status = library.status().unwrap();
    assert_eq!(status.files, files.len() as u64, "{what}");
    assert_eq!(status.chunks, history.texts().count() as u64, "{what}");

    let snapshot = library.snapshot().unwrap();
    for (path, n) in history.texts() {
        let hits = snapshot.search(&by_words(&word(n), 3)).unwrap();
        assert_eq!(paths(&hits), [path], "{what}: by the word of passage {n} after {commits} commits");
        assert_eq!(hits[0].chunk.text, text(n), "{what}");
        if n / TEXTS <= acknowledged.embedded {
            let hits = snapshot.search(&by_vector(&text(n), 1)).unwrap();
            assert_eq!(paths(&hits), [path], "{what}: by the vector of passage {n} after {commits} commits");
            assert_eq!(hits[0].chunk.text, text(n), "{what}");
        }
    }
    for n in history.gone.iter().rev().take(40) {
        let hits = snapshot.search(&by_words(&word(*n), 3)).unwrap();
        assert!(hits.is_empty(), "{what}: passage {n} is gone and found by its word in {:?}", paths(&hits));
        let near = snapshot.search(&by_vector(&text(*n), 1)).unwrap();
        let same = near.iter().find(|hit| hit.cosine.is_some_and(|cosine| cosine > 0.9));
        assert!(same.is_none(), "{what}: passage {n} is gone and found by its vector");
    }
    assert_eq!(library.verify(true).unwrap(), [], "{what}");
}
