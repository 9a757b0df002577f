//! A library against a plain model of it: after any sequence of changes, commits and restarts, both know the same files
//! and find the same things.

use std::collections::BTreeMap;

use crate::common::{by_vector, document, embed_all, found, stamp};
use proptest::prelude::*;
use tanya_index::{Document, FileRecord, FileState, Library, Problem};

const PATHS: [&str; 5] = ["a.md", "dir/b.md", "c d.txt", "é.md", "z"];
const WORDS: [&str; 6] = ["granite", "basalt", "marble", "slate", "gneiss", "quartz"];

#[derive(Debug, Clone)]
enum Step {
    Upsert { path: usize, words: Vec<usize>, state: FileState },
    Remove(usize),
    Rename(usize, usize),
    Touch(usize, i64),
    Commit,
    Embed,
    Reopen,
}

fn step() -> impl Strategy<Value = Step> {
    let path = 0..PATHS.len();
    let state = prop_oneof![
        4 => Just(FileState::Indexed),
        1 => Just(FileState::Partly),
        1 => Just(FileState::Skipped),
        1 => Just(FileState::Failed),
    ];
    prop_oneof![
        5 => (path.clone(), proptest::collection::vec(0..WORDS.len(), 0..4), state)
            .prop_map(|(path, words, state)| Step::Upsert { path, words, state }),
        2 => path.clone().prop_map(Step::Remove),
        2 => (path.clone(), path.clone()).prop_map(|(from, to)| Step::Rename(from, to)),
        1 => (path, 0..1000i64).prop_map(|(path, mtime)| Step::Touch(path, mtime)),
        4 => Just(Step::Commit),
        2 => Just(Step::Embed),
        1 => Just(Step::Reopen),
    ]
}

type Model = BTreeMap<String, Document>;

fn apply(model: &mut Model, step: &Step) {
    match step {
        Step::Upsert { path, words, state } => {
            model.insert(PATHS[*path].to_owned(), built(*path, words, *state));
        }
        Step::Remove(path) => {
            model.remove(PATHS[*path]);
        }
        Step::Rename(from, to) if from != to => {
            if let Some(mut moved) = model.remove(PATHS[*from]) {
                PATHS[*to].clone_into(&mut moved.path);
                model.insert(moved.path.clone(), moved);
            }
        }
        Step::Touch(path, mtime) => {
            if let Some(document) = model.get_mut(PATHS[*path]) {
                document.stamp = stamp(*mtime);
            }
        }
        Step::Rename(..) | Step::Commit | Step::Embed | Step::Reopen => {}
    }
}

fn built(path: usize, words: &[usize], state: FileState) -> Document {
    // The path in the text makes every passage of a file a text of its own: equal ones would be one hit.
    let texts: Vec<String> = words.iter().map(|&word| format!("file{path} {}", WORDS[word])).collect();
    let mut document = document(PATHS[path], &texts.iter().map(String::as_str).collect::<Vec<_>>());
    document.state = state;
    document.reason = (state != FileState::Indexed).then(|| "because".to_owned());
    document
}

/// Compares everything that can be asked. `embedded`: whether the last thing done was to embed what was committed.
fn compare(library: &Library, model: &Model, embedded: bool) -> Result<(), TestCaseError> {
    let record = |document: &Document| FileRecord {
        path: document.path.clone(),
        stamp: document.stamp.clone(),
        state: document.state,
        reason: document.reason.clone(),
        chunks: document.chunks.len() as u32,
    };
    prop_assert_eq!(library.files().unwrap(), model.values().map(record).collect::<Vec<_>>());
    for at in ["a.md", "dir", "dir/b.md", "di", "é.md"] {
        let below = format!("{at}/");
        let expected: Vec<_> =
            model.values().filter(|d| d.path == at || d.path.starts_with(&below)).map(record).collect();
        prop_assert_eq!(library.files_at(&[at.to_owned()]).unwrap(), expected);
    }
    let problem = |document: &Document| Problem {
        path: document.path.clone(),
        state: document.state,
        reason: document.reason.clone().unwrap_or_default(),
        hint: None,
    };
    let problems: Vec<_> = model.values().filter(|d| d.state != FileState::Indexed).map(problem).collect();
    prop_assert_eq!(library.problems().unwrap(), problems);
    let status = library.status().unwrap();
    prop_assert_eq!(status.files, model.len() as u64);
    prop_assert_eq!(status.chunks, model.values().map(|d| d.chunks.len() as u64).sum::<u64>());
    prop_assert_eq!(status.indexed + status.partly + status.skipped + status.failed, status.files);

    let snapshot = library.snapshot().unwrap();
    prop_assert_eq!(snapshot.generation(), status.generation);
    for word in WORDS {
        let mut expected: Vec<String> = model
            .values()
            .filter(|d| d.chunks.iter().any(|chunk| chunk.text.ends_with(word)))
            .map(|d| d.path.clone())
            .collect();
        // Renaming a file over one built at another path can leave two files with the same passages: one hit.
        expected.sort();
        let texts: std::collections::BTreeSet<&str> =
            model.values().flat_map(|d| &d.chunks).map(|c| c.text.as_str()).filter(|t| t.ends_with(word)).collect();
        let hits = snapshot.search(&crate::common::by_words(word, 100)).unwrap();
        prop_assert_eq!(hits.len(), texts.len());
        prop_assert!(found(&snapshot, word).iter().all(|path| expected.contains(path)));
    }
    if embedded {
        prop_assert_eq!(status.embedded, status.chunks);
        for text in model.values().flat_map(|d| &d.chunks).map(|chunk| chunk.text.as_str()) {
            let hits = snapshot.search(&by_vector(text, 1)).unwrap();
            prop_assert_eq!(hits[0].chunk.text.as_str(), text);
            prop_assert!(hits[0].cosine.unwrap() > 0.999);
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn a_library_is_its_committed_changes(steps in proptest::collection::vec(step(), 1..25)) {
        let dir = tempfile::tempdir().unwrap();
        let mut library = Library::open(dir.path()).unwrap();
        let mut writer = library.writer().unwrap();
        let (mut committed, mut pending) = (Model::new(), Model::new());
        let mut embedded = false;
        for step in &steps {
            apply(&mut pending, step);
            match step {
                Step::Upsert { path, words, state } => writer.upsert(built(*path, words, *state)).unwrap(),
                Step::Remove(path) => writer.remove(PATHS[*path]).unwrap(),
                Step::Rename(from, to) => writer.rename(PATHS[*from], PATHS[*to]).unwrap(),
                Step::Touch(path, mtime) => writer.touch(PATHS[*path], &stamp(*mtime)).unwrap(),
                Step::Commit => {
                    writer.commit().unwrap();
                    committed = pending.clone();
                    embedded = false;
                }
                Step::Embed => {
                    embed_all(&mut writer);
                    embedded = true;
                }
                Step::Reopen => {
                    drop(writer);
                    drop(library);
                    library = Library::open(dir.path()).unwrap();
                    prop_assert_eq!(library.notices(), &[] as &[String]);
                    writer = library.writer().unwrap();
                    pending = committed.clone();
                }
            }
            if !matches!(step, Step::Upsert { .. } | Step::Remove(_) | Step::Touch(..) | Step::Rename(..)) {
                compare(&library, &committed, embedded)?;
            }
        }
    }
}

#[test]
fn a_renamed_file_keeps_its_chunks_and_vectors() {
    let (_dir, library) = crate::common::library(&[document("old/name.md", &["quartz is hard"])]);
    let mut writer = library.writer().unwrap();
    embed_all(&mut writer);
    let find = |word: &str| library.snapshot().unwrap().search(&crate::common::by_words(word, 5)).unwrap();
    let before = find("quartz").remove(0).chunk;
    writer.rename("old/name.md", "new/place.md").unwrap();
    writer.commit().unwrap();
    let after = find("quartz").remove(0).chunk;
    assert_eq!((after.id, after.path.as_str()), (before.id, "new/place.md"));
    assert_eq!((find("place").len(), find("old").len()), (1, 0), "the new path is searchable, the old one is not");
    assert!(writer.unembedded(5).unwrap().is_empty());
}

#[test]
fn unchanged_passages_keep_their_vectors_when_a_file_is_replaced() {
    let (_dir, library) = crate::common::library(&[document("a.md", &["first", "second"])]);
    let mut writer = library.writer().unwrap();
    embed_all(&mut writer);
    writer.upsert(document("a.md", &["second", "third"])).unwrap();
    writer.commit().unwrap();
    let waiting: Vec<String> = writer.unembedded(5).unwrap().into_iter().map(|w| w.text).collect();
    assert_eq!(waiting, ["third"]);
}

#[test]
fn chunk_ids_are_never_given_twice() {
    let (_dir, library) = crate::common::library(&[document("a.md", &["granite"])]);
    let id = |word: &str| library.snapshot().unwrap().search(&crate::common::by_words(word, 1)).unwrap()[0].chunk.id;
    let first = id("granite");
    let mut writer = library.writer().unwrap();
    writer.remove("a.md").unwrap();
    writer.commit().unwrap();
    writer.upsert(document("b.md", &["basalt"])).unwrap();
    writer.commit().unwrap();
    assert!(id("basalt") > first);
    assert_eq!(library.snapshot().unwrap().chunk(first).unwrap(), None);
}
