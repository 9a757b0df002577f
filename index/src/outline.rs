//! A whole library in reading order, for whoever reads everything instead of searching.

use std::ops::ControlFlow;

use crate::conditions::Conditions;
use crate::error::Error;
use crate::snapshot::Snapshot;
use crate::store::read;
use crate::types::{ChunkId, FileRecord};

/// Where a passage stands, without its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outlined<'a> {
    /// Its number; [`Snapshot::chunk`] has its text.
    pub id: ChunkId,
    /// The file's path, relative to the folder.
    pub path: &'a str,
    /// The document's title, empty if it has none.
    pub title: &'a str,
    /// The heading path above it, empty if there is none.
    pub heading: &'a str,
    /// 1-based page, where the format has pages.
    pub page: Option<u32>,
}

impl Snapshot {
    /// Calls `each` for every passage that the conditions admit, file by file in the order of their paths and in reading order within
    /// each, until it breaks. Only places are read, no texts.
    ///
    /// The snapshot is held meanwhile: `each` must not ask it anything.
    pub fn outline(
        &self,
        conditions: &Conditions,
        each: &mut dyn FnMut(Outlined<'_>) -> ControlFlow<()>,
    ) -> Result<(), Error> {
        let admitted = self.admitted(conditions)?;
        self.view.read(|store| {
            read::outline(store, |place| {
                if admitted.as_ref().is_none_or(|some| some.contains(&place.id)) {
                    each(place)
                } else {
                    ControlFlow::Continue(())
                }
            })
        })
    }

    /// The files that the conditions on files admit (path, ending, tags, time), by path, whether or not any of their text is in the
    /// library.
    pub fn files(&self, conditions: &Conditions) -> Result<Vec<FileRecord>, Error> {
        self.view.read(|store| read::files_of(store, |path, time, tags| conditions.admits_file(path, time, tags)))
    }

    /// The paths of all files, in their order.
    pub fn paths(&self) -> Result<Vec<String>, Error> {
        self.view.read(read::paths)
    }

    /// Every tag that a file has, folded, with the number of its files, in their order.
    pub fn tags(&self) -> Result<Vec<(String, u64)>, Error> {
        self.view.read(read::tags)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::library::Library;
    use crate::types::{Document, FileStamp, FileState, NewChunk, Span};

    fn library(dir: &std::path::Path) -> Library {
        let library = Library::open(dir).unwrap();
        let mut writer = library.writer().unwrap();
        for (path, tag, texts) in
            [("b.md", "fruit", &["third", "fourth"][..]), ("a.md", "tools", &["first", "second"]), ("c.bin", "", &[])]
        {
            let chunk = |(line, text): (u32, &&str)| NewChunk {
                span: Span { start_line: line, end_line: line, page: None },
                heading: format!("Part {line}"),
                text: (*text).to_owned(),
            };
            writer
                .upsert(Document {
                    path: path.into(),
                    stamp: FileStamp { size: 1, mtime_ns: 1, hash: None },
                    title: "Title".into(),
                    chunks: (1..).zip(texts).map(chunk).collect(),
                    tags: vec![tag.to_owned()],
                    state: if texts.is_empty() { FileState::Skipped } else { FileState::Indexed },
                    reason: texts.is_empty().then(|| "no text".into()),
                    reading: None,
                })
                .unwrap();
        }
        writer.commit().unwrap();
        library
    }

    fn texts(snapshot: &Snapshot, search: &str, most: usize) -> Vec<String> {
        let mut ids = Vec::new();
        let each = &mut |place: Outlined<'_>| {
            assert_eq!(place.title, "Title");
            ids.push(place.id);
            if ids.len() == most { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        snapshot.outline(&Conditions::parse(search).1, each).unwrap();
        ids.into_iter().map(|id| snapshot.chunk(id).unwrap().unwrap().text).collect()
    }

    #[test]
    fn passages_come_by_file_and_in_reading_order_until_it_breaks() {
        let dir = tempfile::tempdir().unwrap();
        let snapshot = library(dir.path()).snapshot().unwrap();
        assert_eq!(texts(&snapshot, "", 9), ["first", "second", "third", "fourth"]);
        assert_eq!(texts(&snapshot, "", 3), ["first", "second", "third"]);
        assert_eq!(texts(&snapshot, "tag:fruit", 9), ["third", "fourth"]);
        assert_eq!(texts(&snapshot, "path:a.md", 9), ["first", "second"]);
    }

    #[test]
    fn files_without_text_are_among_the_files() {
        let dir = tempfile::tempdir().unwrap();
        let snapshot = library(dir.path()).snapshot().unwrap();
        let files = |search: &str| {
            let files = snapshot.files(&Conditions::parse(search).1).unwrap();
            files.into_iter().map(|file| (file.path, file.state, file.chunks)).collect::<Vec<_>>()
        };
        let all = [
            ("a.md".to_owned(), FileState::Indexed, 2),
            ("b.md".to_owned(), FileState::Indexed, 2),
            ("c.bin".to_owned(), FileState::Skipped, 0),
        ];
        assert_eq!(files(""), all);
        assert_eq!(files("ext:md tag:fruit"), all[1..2]);
    }
}
