//! Sections: what a whole-folder question reads and counts. Passages of one file under one heading on one page are one section, or
//! several where they are long: a stop takes effect between two.

use std::ops::ControlFlow;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use tanya_index::{Chunk, ChunkId, Conditions, Outlined, Snapshot};

/// Passages of a section, at most: some ten thousand words.
const LONGEST: usize = 64;

/// A stretch of a file under one heading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Section {
    /// Relative to the folder.
    pub(super) path: Arc<str>,
    /// The document's.
    pub(super) title: Arc<str>,
    /// `H1 › H2`, empty where there is none.
    pub(super) heading: String,
    /// In reading order, at least one.
    pub(super) chunks: Vec<ChunkId>,
    page: Option<u32>,
}

/// Names a section's content: a number of a chunk never stands for another text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct SectionKey([u8; 32]);

impl Section {
    fn of(place: &Outlined<'_>, before: Option<&Self>) -> Self {
        // A file has its path once in memory, however many sections it has.
        let same = before.filter(|section| *section.path == *place.path);
        Self {
            path: same.map_or_else(|| place.path.into(), |section| Arc::clone(&section.path)),
            title: same.map_or_else(|| place.title.into(), |section| Arc::clone(&section.title)),
            heading: place.heading.to_owned(),
            chunks: vec![place.id],
            page: place.page,
        }
    }

    fn holds(&self, place: &Outlined<'_>) -> bool {
        self.chunks.len() < LONGEST
            && *self.path == *place.path
            && self.heading == place.heading
            && self.page == place.page
    }

    /// Its name in memory.
    pub(super) fn key(&self) -> SectionKey {
        let mut hasher = blake3::Hasher::new();
        hasher.update(self.path.as_bytes());
        for ChunkId(id) in &self.chunks {
            hasher.update(&id.to_le_bytes());
        }
        SectionKey(hasher.finalize().into())
    }

    /// Its text.
    pub(super) fn read(&self, snapshot: &Snapshot) -> Result<Vec<Chunk>> {
        let chunks = self.chunks.iter().filter_map(|id| snapshot.chunk(*id).transpose());
        chunks.collect::<Result<_, _>>().with_context(|| format!("{}: cannot read the library", self.path))
    }
}

#[cfg(test)]
impl SectionKey {
    /// A name of its own.
    pub(super) fn for_test(n: u8) -> Self {
        Self([n; 32])
    }
}

/// The sections that `conditions` and `wanted` (by path) admit, in reading order.
pub(super) fn sections(
    snapshot: &Snapshot,
    conditions: &Conditions,
    wanted: &dyn Fn(&str) -> bool,
) -> Result<Vec<Section>> {
    let mut found: Vec<Section> = Vec::new();
    let each = &mut |place: Outlined<'_>| {
        match found.last_mut() {
            Some(last) if last.holds(&place) => last.chunks.push(place.id),
            last => {
                let section = wanted(place.path).then(|| Section::of(&place, last.map(|section| &*section)));
                found.extend(section);
            }
        }
        ControlFlow::Continue(())
    };
    snapshot.outline(conditions, each).context("cannot read the library")?;
    Ok(found)
}

/// The paths that a person may mean by `name`: the path itself, else files of this name, else of this stem, else what lies in a folder
/// of this name. Case does not matter.
pub(super) fn named<'a>(name: &str, paths: &[&'a str]) -> Vec<&'a str> {
    let name = name.trim_matches('/').to_lowercase();
    let file = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
    let stem = |path: &str| file(path).rsplit_once('.').map(|(stem, _)| stem.to_owned()).unwrap_or_default();
    let ways: [&dyn Fn(&str) -> bool; 5] = [
        &|path| path == name,
        &|path| path.ends_with(&format!("/{name}")),
        &|path| file(path) == name,
        &|path| stem(path) == name,
        &|path| path.starts_with(&format!("{name}/")),
    ];
    let by = |way: &&dyn Fn(&str) -> bool| -> Vec<&'a str> {
        paths.iter().filter(|path| way(&path.to_lowercase())).copied().collect()
    };
    ways.iter().map(by).find(|some| !some.is_empty()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_means_the_nearest_thing_that_bears_it() {
        let paths = ["2024/diary.md", "diary.md", "diary/old.txt", "garden/Pear Notes.md"];
        assert_eq!(named("diary.md", &paths), ["diary.md"]);
        assert_eq!(named("2024/diary.md", &paths), ["2024/diary.md"]);
        assert_eq!(named("Diary", &paths), ["2024/diary.md", "diary.md"]);
        assert_eq!(named("garden/", &paths), ["garden/Pear Notes.md"]);
        assert_eq!(named("old.txt", &paths), ["diary/old.txt"]);
        assert!(named("apple.md", &paths).is_empty());
    }
}
