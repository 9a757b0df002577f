//! Forgetting, proved by reading every byte of every file below the library's folder: raw, as UTF-16, and in pieces, so that no
//! compression of whole words hides one. Each proof first finds what it will not find afterwards.

use std::collections::{BTreeSet, HashSet};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use rusqlite::Connection;

use crate::common::{by_vector, by_words, document, embed_all, found, library, paths, vector};
use tanya_index::{Conditions, Document, Error, Forgotten, Library, Query, Snapshot};

/// Nonsense whose beginning no other word shares: dictionaries of words leave out what neighbors have in common.
const WORD: &str = "zuqimvoxelthrabjun";
const OLD_WORD: &str = "wyhvobrakdulnimpex";
const KEPT: &str = "a quince in the orchard";
const FOLDER: &str = "TANYA_INDEX_TEST_FORGET_FOLDER";
const KILLS: u64 = 15;

fn secret() -> String {
    format!("nobody may know that {WORD}ing is what I do")
}

fn these(paths: &[&str]) -> Forgotten {
    paths.iter().map(|path| (*path).to_owned()).collect()
}

fn bytes_below(dir: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(bytes_below(&path));
        } else {
            let bytes = std::fs::read(&path).unwrap();
            files.push((path, bytes));
        }
    }
    files
}

/// The files that hold one of `needles`.
fn holders<T: AsRef<[u8]>>(dir: &Path, needles: &[T]) -> BTreeSet<String> {
    bytes_below(dir)
        .into_iter()
        .filter(|(_, bytes)| {
            needles.iter().any(|needle| bytes.windows(needle.as_ref().len()).any(|here| here == needle.as_ref()))
        })
        .map(|(path, _)| path.file_name().unwrap().to_string_lossy().into_owned())
        .collect()
}

/// Every eight bytes of a word, and of the word in UTF-16.
fn pieces(word: &str) -> Vec<Vec<u8>> {
    let wide: Vec<u8> = word.encode_utf16().flat_map(u16::to_le_bytes).collect();
    word.as_bytes().windows(8).chain(wide.windows(8)).map(<[u8]>::to_vec).collect()
}

/// Every two neighboring numbers of a vector, as they are stored.
fn pairs(text: &str) -> Vec<Vec<u8>> {
    let bytes: Vec<u8> = vector(text).iter().flat_map(|value| value.to_le_bytes()).collect();
    bytes.windows(8).step_by(4).map(<[u8]>::to_vec).collect()
}

#[track_caller]
fn assert_clean(dir: &Path) {
    for word in [WORD, OLD_WORD] {
        assert_eq!(holders(dir, &pieces(word)), BTreeSet::new(), "{word}");
    }
    assert_eq!(holders(dir, &pairs(&secret())), BTreeSet::new(), "the vector");
}

/// A library with a secret in `diary.md`, one that it held before, and passages beside them; everything has a vector.
fn with_a_secret() -> (tempfile::TempDir, Library) {
    let (dir, library) = library(&[
        document("keep.md", &[KEPT, "another passage about plums"]),
        document("diary.md", &[&format!("first I was {OLD_WORD}")]),
    ]);
    let mut writer = library.writer().unwrap();
    embed_all(&mut writer);
    let mut diary = document("diary.md", &[&secret(), "and the rest of the day was dull"]);
    diary.chunks[1].heading = format!("On {WORD}");
    writer.upsert(diary).unwrap();
    writer.commit().unwrap();
    embed_all(&mut writer);
    writer.finish().unwrap();
    (dir, library)
}

/// The rarity of a word: that of a word nobody ever wrote, if no dictionary has it.
fn rarity(snapshot: &Snapshot, word: &str) -> f32 {
    snapshot.term_weights(word).unwrap()[0].1
}

#[track_caller]
fn assert_kept(library: &Library) {
    let snapshot = library.snapshot().unwrap();
    assert_eq!(found(&snapshot, "quince"), ["keep.md"]);
    assert_eq!(paths(&snapshot.search(&by_vector(KEPT, 1)).unwrap()), ["keep.md"]);
    assert_eq!(found(&snapshot, WORD), Vec::<String>::new());
    assert_eq!(rarity(&snapshot, WORD).to_bits(), rarity(&snapshot, "nobodyeverwrotethis").to_bits());
    assert!(library.verify(true).unwrap().is_empty());
}

#[test]
fn what_is_forgotten_is_in_no_byte_of_any_file_and_the_rest_is_found_as_before() {
    let (dir, library) = with_a_secret();
    assert_eq!(found(&library.snapshot().unwrap(), WORD), ["diary.md"]);
    // What damage and other projections leave beside the index.
    for name in ["words.damaged/segment", "words.new/segment", "vectors/graph", "stray.tmp"] {
        let path = dir.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, secret()).unwrap();
    }
    assert!(holders(dir.path(), &pieces(WORD)).len() >= 4);
    assert!(!holders(dir.path(), &pairs(&secret())).is_empty());
    let segments = |dir: &Path| -> BTreeSet<PathBuf> {
        let files = std::fs::read_dir(dir.join("words")).unwrap().map(|entry| entry.unwrap().path());
        files.filter(|path| !path.file_name().unwrap().to_string_lossy().starts_with(['.', 'm'])).collect()
    };
    let before = segments(dir.path());

    let mut writer = library.writer().unwrap();
    assert_eq!(writer.forget(&these(&["diary.md"])).unwrap(), 1);
    assert_clean(dir.path());
    assert!(before.is_disjoint(&segments(dir.path())), "no segment that held its words is left");
    assert_kept(&library);
    assert_eq!(library.forgotten().unwrap(), these(&["diary.md"]));

    // Writing goes on, and forgetting what is forgotten changes nothing.
    writer.upsert(document("new.md", &["medlars"])).unwrap();
    writer.commit().unwrap();
    assert_eq!(writer.forget(&these(&["diary.md"])).unwrap(), 0);
    writer.finish().unwrap();
    assert_eq!(found(&library.snapshot().unwrap(), "medlars"), ["new.md"]);
    drop(library);
    let library = Library::open(dir.path()).unwrap();
    assert!(library.notices().is_empty(), "{:?}", library.notices());
    assert_clean(dir.path());
    assert_kept(&library);
}

#[test]
fn removing_alone_leaves_traces_that_this_search_finds() {
    let (dir, library) = with_a_secret();
    let mut writer = library.writer().unwrap();
    writer.remove("diary.md").unwrap();
    writer.commit().unwrap();
    assert_eq!(found(&library.snapshot().unwrap(), WORD), Vec::<String>::new());
    assert!(!holders(dir.path(), &pieces(WORD)).is_empty(), "the search is blind");
}

#[test]
fn what_was_removed_before_anything_was_overwritten_goes_too() {
    let (dir, library) = with_a_secret();
    drop(library);
    // As a program removes that knows nothing of forgetting.
    let store = Connection::open(dir.path().join("library.sqlite")).unwrap();
    store
        .execute_batch(
            "PRAGMA secure_delete = OFF; PRAGMA foreign_keys = ON; DELETE FROM files WHERE path = 'diary.md';
             DELETE FROM vectors WHERE hash NOT IN (SELECT hash FROM chunks); PRAGMA wal_checkpoint(TRUNCATE);",
        )
        .unwrap();
    drop(store);
    let library = Library::open(dir.path()).unwrap();
    assert!(holders(dir.path(), &pieces(WORD)).contains("library.sqlite"), "free pages keep what they held");
    library.writer().unwrap().forget(&these(&["anything.md"])).unwrap();
    assert_clean(dir.path());
    assert_kept(&library);
}

#[test]
fn a_removed_row_is_overwritten_at_once() {
    let (dir, library) = with_a_secret();
    let mut writer = library.writer().unwrap();
    writer.remove("diary.md").unwrap();
    writer.commit().unwrap();
    drop(writer);
    // The last connection that is closed moves the log into the database.
    drop(library);
    let path = dir.path().join("library.sqlite");
    let bytes = std::fs::read(path).unwrap();
    assert!(!bytes.windows(WORD.len()).any(|here| here == WORD.as_bytes()));
}

#[test]
fn a_folder_is_forgotten_with_what_was_about_to_be_stored_and_can_be_undone() {
    let (_dir, library) = library(&[
        document("notes/old/a.md", &["apricots"]),
        document("notes/older.md", &["apricots too"]),
        document("notes/old.md", &["apricots as well"]),
    ]);
    let mut writer = library.writer().unwrap();
    writer.upsert(document("notes/old/b.md", &["damsons"])).unwrap();
    writer.rename("notes/older.md", "notes/old/moved.md").unwrap();
    writer.upsert(document("c.md", &["damsons"])).unwrap();
    assert_eq!(writer.forget(&these(&["notes/old/"])).unwrap(), 1);
    writer.commit().unwrap();
    let files: Vec<String> = library.files().unwrap().into_iter().map(|file| file.path).collect();
    assert_eq!(files, ["c.md", "notes/old.md", "notes/older.md"]);
    assert_eq!(found(&library.snapshot().unwrap(), "damsons"), ["c.md"]);
    assert!(writer.undo_forget(&these(&["notes/old/a.md"])).unwrap().is_empty());
    assert_eq!(writer.undo_forget(&these(&["notes/old/", "c.md"])).unwrap(), ["notes/old/"]);
    assert!(library.forgotten().unwrap().is_empty());
}

#[test]
fn a_text_that_another_file_holds_keeps_its_vector() {
    let (_dir, library) = library(&[document("a.md", &[KEPT]), document("copy.md", &[KEPT])]);
    let mut writer = library.writer().unwrap();
    embed_all(&mut writer);
    assert_eq!(library.texts_of(&these(&["a.md"])).unwrap(), HashSet::from([KEPT.to_owned()]));
    writer.forget(&these(&["a.md"])).unwrap();
    let snapshot = library.snapshot().unwrap();
    assert_eq!(paths(&snapshot.search(&by_vector(KEPT, 3)).unwrap()), ["copy.md"]);
    assert!(writer.unembedded(9).unwrap().is_empty());
}

#[test]
fn what_is_still_being_read_is_forgotten_as_far_as_it_goes_and_wholly_afterwards() {
    let (dir, library) = with_a_secret();
    let reading = library.snapshot().unwrap();
    let mut writer = library.writer().unwrap();
    assert!(matches!(writer.forget(&these(&["diary.md"])), Err(Error::StillRead { .. })));
    assert_eq!(found(&library.snapshot().unwrap(), WORD), Vec::<String>::new());
    drop(writer);
    // Another start meanwhile opens all the same, and says so.
    let beside = Library::open(dir.path()).unwrap();
    assert!(beside.notices()[0].contains("not complete yet"), "{:?}", beside.notices());
    drop((beside, reading));
    assert_eq!(library.writer().unwrap().forget(&these(&["diary.md"])).unwrap(), 0);
    assert_clean(dir.path());
    assert_kept(&library);
}

#[test]
fn what_was_cut_short_is_completed_by_the_next_start() {
    let (dir, library) = with_a_secret();
    drop(library);
    // The state after the first transaction, on a disk that kept everything.
    let store = Connection::open(dir.path().join("library.sqlite")).unwrap();
    store
        .execute_batch(
            "PRAGMA secure_delete = OFF; PRAGMA foreign_keys = ON; BEGIN;
             INSERT INTO forgotten VALUES ('diary.md');
             UPDATE library SET cleaning = 1, generation = generation + 1, words_generation = generation + 1;
             INSERT INTO removed SELECT c.id, 1000 FROM chunks c JOIN files f ON f.id = c.file WHERE f.path = 'diary.md';
             DELETE FROM files WHERE path = 'diary.md';
             DELETE FROM vectors WHERE hash NOT IN (SELECT hash FROM chunks); COMMIT;",
        )
        .unwrap();
    drop(store);
    assert!(!holders(dir.path(), &pieces(WORD)).is_empty());
    let library = Library::open(dir.path()).unwrap();
    assert!(library.notices()[0].contains("has been completed"), "{:?}", library.notices());
    assert_clean(dir.path());
    assert_kept(&library);
    drop(library);
    assert!(Library::open(dir.path()).unwrap().notices().is_empty());
}

/// Not a test: what the child does.
#[test]
#[ignore = "run by the other test of this file as a process of its own"]
fn child() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let library = Library::open(&PathBuf::from(folder)).unwrap();
    let mut writer = library.writer().unwrap();
    writeln!(std::io::stdout(), "\nREADY").unwrap();
    writer.forget(&these(&["diary.md"])).unwrap();
}

#[expect(clippy::disallowed_methods, reason = "a kill at any moment comes at none that an event could name")]
fn live(life: Duration) {
    std::thread::sleep(life);
}

#[test]
fn a_kill_at_any_moment_of_forgetting_leaves_all_of_it_or_nothing() {
    let mut forgotten = 0;
    for round in 0..KILLS {
        let (dir, library) = with_a_secret();
        drop(library);
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "forget::child", "--ignored", "--nocapture", "--test-threads=1"])
            .env(FOLDER, dir.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(child.stdout.take().unwrap()).lines();
        assert!(said.any(|line| line.unwrap() == "READY"));
        // Spread over the phases, the same in every run of the test.
        live(Duration::from_micros((round * 7919) % 50_000));
        child.kill().unwrap();
        child.wait().unwrap();
        let library = Library::open(dir.path()).unwrap();
        if library.forgotten().unwrap().is_empty() {
            assert_eq!(found(&library.snapshot().unwrap(), WORD), ["diary.md"], "round {round}");
        } else {
            forgotten += 1;
            assert_clean(dir.path());
            assert_kept(&library);
        }
    }
    writeln!(std::io::stdout(), "{forgotten} of {KILLS} kills came after the first commit").unwrap();
}

#[test]
fn a_damaged_library_is_destroyed_like_a_whole_one() {
    for damage in ["library.sqlite", "writer.lock", "words"] {
        let (dir, library) = with_a_secret();
        drop(library);
        let path = dir.path().join(damage);
        match damage {
            // A folder where a file should be, and the other way round.
            "writer.lock" => {
                std::fs::remove_file(&path).unwrap();
                std::fs::create_dir(&path).unwrap();
            }
            "words" => {
                std::fs::remove_dir_all(&path).unwrap();
                std::fs::write(&path, secret()).unwrap();
            }
            _ => std::fs::write(&path, secret()).unwrap(),
        }
        Library::destroy(dir.path()).unwrap();
        assert!(!dir.path().exists(), "{damage}");
        Library::destroy(dir.path()).unwrap();
    }
}

#[test]
fn tags_narrow_a_search_down() {
    let tagged = |path: &str, tags: &[&str]| -> Document {
        let tags = tags.iter().map(|tag| (*tag).to_owned()).collect();
        Document { tags, ..document(path, &[&format!("quinces for {path}")]) }
    };
    let (_dir, library) = library(&[
        tagged("jam.md", &["Recipes/Sweet", "autumn"]),
        tagged("stew.md", &["recipes"]),
        tagged("tree.md", &["Autumn", "Кухня"]),
        tagged("none.md", &[]),
    ]);
    let snapshot = library.snapshot().unwrap();
    let found = |search: &str| {
        let (words, conditions) = Conditions::parse(search);
        let hits = snapshot.search(&Query { conditions, ..by_words(&words, 9) }).unwrap();
        let mut found: Vec<String> = hits.into_iter().map(|hit| hit.chunk.path).collect();
        found.sort();
        found
    };
    assert_eq!(found("quinces tag:recipes"), ["jam.md", "stew.md"]);
    assert_eq!(found("quinces tag:RECIPES tag:#autumn"), ["jam.md"]);
    assert_eq!(found("tag:кухня"), ["tree.md"], "conditions alone list what they admit");
    assert_eq!(found("quinces tag:recipe"), Vec::<String>::new());
}
