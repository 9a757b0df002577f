//! Following changes: some paths are brought up to date as the whole folder is, and a watched folder's library equals that
//! of a fresh scan. With the real watch, the real extraction child and real libraries, by words alone.
//!
//! Nothing waits for a fixed time: each step waits for what it expects, with a deadline.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::{Duration, Instant};

use proptest::prelude::*;
use tanya::ingest::{Changes, IngestOptions, Summary, Watch, WatchOptions, WorkerOptions, update, update_paths};
use tanya_engine::Cancel;
use tanya_index::{Chunk, FileRecord, Library, Mode, Query, WeightedText, Writer};
use tempfile::TempDir;

const DEADLINE: Duration = Duration::from_secs(30);
const WORDS: [&str; 5] = ["heron", "plover", "curlew", "bittern", "avocet"];

fn options() -> IngestOptions {
    let worker = WorkerOptions { program: Some(env!("CARGO_BIN_EXE_tanya").into()), ..WorkerOptions::default() };
    IngestOptions { worker, ..IngestOptions::default() }
}

/// A library in a directory of its own, with its writer.
struct Shelf {
    _data: TempDir,
    library: Library,
    writer: Writer,
}

impl Shelf {
    fn new() -> Self {
        let data = tempfile::tempdir().unwrap();
        let library = Library::open(data.path()).unwrap();
        let writer = library.writer().unwrap();
        Self { _data: data, library, writer }
    }

    /// The library of a folder as a fresh scan gives it.
    fn fresh(folder: &Path) -> Self {
        let mut shelf = Self::new();
        shelf.follow(folder, &Changes::Everything);
        shelf
    }

    fn follow(&mut self, folder: &Path, changes: &Changes) -> Summary {
        let cancel = Cancel::new();
        changes.follow(folder, &self.library, &mut self.writer, &options(), &cancel, &mut |_| {}).unwrap()
    }

    fn files(&self) -> BTreeMap<String, FileRecord> {
        self.library.files().unwrap().into_iter().map(|record| (record.path.clone(), record)).collect()
    }

    fn search(&self, text: &str) -> Vec<Chunk> {
        let texts = vec![WeightedText { text: text.into(), weight: 1.0 }];
        let query = Query { texts, limit: 100, mode: Mode::Lexical, ..Query::default() };
        self.library.snapshot().unwrap().search(&query).unwrap().into_iter().map(|hit| hit.chunk).collect()
    }

    /// All that a person can see of the library. Times are left out: one too recent is stored off by a nanosecond.
    fn view(&self) -> Vec<String> {
        let files = self.files().into_values().map(|file| {
            format!(
                "{}: {:?} {:?} {} bytes {:?} {} passages",
                file.path, file.state, file.reason, file.stamp.size, file.stamp.hash, file.chunks
            )
        });
        // Equal passages are one hit, and any of their places stands for it: what is found is the text.
        let found = WORDS.iter().map(|word| {
            let texts: BTreeSet<String> = self.search(word).into_iter().map(|chunk| chunk.text).collect();
            format!("{word}: {texts:?}")
        });
        files.chain(found).collect()
    }
}

/// A watched folder and the library that follows it.
struct Followed {
    shelf: Shelf,
    watch: Watch,
    woken: Receiver<()>,
    folder: PathBuf,
    /// What following did since the folder was first read.
    done: Vec<Summary>,
}

impl Followed {
    fn new(folder: &Path, options: WatchOptions) -> Self {
        let (send, woken) = sync_channel(1);
        let wake = move || {
            let _ = send.try_send(());
        };
        let watch = Watch::start(folder, options, wake).unwrap();
        let folder = folder.to_owned();
        let mut followed = Self { shelf: Shelf::new(), watch, woken, folder, done: Vec::new() };
        followed.until("the first look", |followed| !followed.done.is_empty());
        followed.done.clear();
        followed
    }

    /// Follows changes until `holds`.
    fn until(&mut self, what: &str, holds: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + DEADLINE;
        loop {
            while let Some(changes) = self.watch.take() {
                let summary = self.shelf.follow(&self.folder, &changes);
                self.done.push(summary);
            }
            if holds(self) {
                return;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(self.woken.recv_timeout(left).is_ok(), "waited for {what}: {:#?}", self.shelf.view());
        }
    }

    fn total(&self, count: impl Fn(&Summary) -> u64) -> u64 {
        self.done.iter().map(count).sum()
    }
}

const FOLDERS: [&str; 5] = ["", "a/", "a/b/", "c/", "target/"];
const NAMES: [&str; 6] = ["x.md", "y.txt", "draft.md", "server.pem", "z.docx", "x.md~"];

#[derive(Debug, Clone)]
enum Step {
    Write(PathBuf, usize),
    Append(PathBuf, usize),
    Remove(PathBuf),
    Rename(PathBuf, PathBuf),
    /// Delete and create, as some editors save.
    Replace(PathBuf, usize),
    /// A temporary file renamed over, as others do.
    Save(PathBuf, usize),
    Folder(PathBuf),
    RemoveFolder(PathBuf),
    RenameFolder(PathBuf, PathBuf),
    Link(PathBuf),
    Rules(PathBuf, &'static str),
}

fn any_file() -> impl Strategy<Value = PathBuf> {
    (prop::sample::select(FOLDERS.to_vec()), prop::sample::select(NAMES.to_vec()))
        .prop_map(|(folder, name)| Path::new(folder).join(name))
}

fn any_folder() -> impl Strategy<Value = PathBuf> {
    prop::sample::select(vec!["a", "a/b", "c", "target", "a/target", "c/d"]).prop_map(PathBuf::from)
}

fn any_step() -> impl Strategy<Value = Step> {
    let text = 0..WORDS.len() * 3;
    let rules = prop::sample::select(vec!["target/\n", "draft*\n", "a/\n", "*.txt\n!y.txt\n", ""]);
    prop_oneof![
        6 => (any_file(), text.clone()).prop_map(|(path, text)| Step::Write(path, text)),
        2 => (any_file(), text.clone()).prop_map(|(path, text)| Step::Append(path, text)),
        3 => any_file().prop_map(Step::Remove),
        3 => (any_file(), any_file()).prop_map(|(from, to)| Step::Rename(from, to)),
        2 => (any_file(), text.clone()).prop_map(|(path, text)| Step::Replace(path, text)),
        2 => (any_file(), text).prop_map(|(path, text)| Step::Save(path, text)),
        1 => any_folder().prop_map(Step::Folder),
        1 => any_folder().prop_map(Step::RemoveFolder),
        2 => (any_folder(), any_folder()).prop_map(|(from, to)| Step::RenameFolder(from, to)),
        1 => any_folder().prop_map(Step::Link),
        1 => (any_folder(), rules).prop_map(|(folder, rules)| Step::Rules(folder, rules)),
    ]
}

/// Words with their own place in it, so that every text is another one.
fn text(n: usize) -> String {
    format!("# Note {n}\n\nThe {} was seen at pond {n}.\n", WORDS[n % WORDS.len()])
}

/// Does it; what cannot be done (the file is not there) is not. Returns the paths that may have changed.
fn apply(root: &Path, step: &Step) -> Vec<PathBuf> {
    let write = |path: &Path, n: usize| {
        let path = root.join(path);
        let _ = fs::create_dir_all(path.parent().unwrap());
        let _ = fs::write(path, text(n));
    };
    match step {
        Step::Write(path, n) => {
            write(path, *n);
            vec![path.clone()]
        }
        Step::Append(path, n) => {
            let before = fs::read_to_string(root.join(path)).unwrap_or_default();
            let _ = fs::write(root.join(path), before + &text(*n));
            vec![path.clone()]
        }
        Step::Remove(path) => {
            let _ = fs::remove_file(root.join(path));
            vec![path.clone()]
        }
        Step::Rename(from, to) | Step::RenameFolder(from, to) => {
            let _ = fs::rename(root.join(from), root.join(to));
            vec![from.clone(), to.clone()]
        }
        Step::Replace(path, n) => {
            let _ = fs::remove_file(root.join(path));
            write(path, *n);
            vec![path.clone()]
        }
        Step::Save(path, n) => {
            let beside = path.with_file_name("saving.tmp");
            write(&beside, *n);
            let _ = fs::rename(root.join(&beside), root.join(path));
            vec![beside, path.clone()]
        }
        Step::Folder(path) => {
            let _ = fs::create_dir_all(root.join(path));
            vec![path.clone()]
        }
        Step::RemoveFolder(path) => {
            let _ = fs::remove_dir_all(root.join(path));
            vec![path.clone()]
        }
        Step::Link(folder) => {
            let link = folder.join("link.md");
            let _ = symlink("x.md", root.join(&link));
            vec![link]
        }
        Step::Rules(folder, rules) => {
            let path = folder.join(".gitignore");
            let _ = fs::write(root.join(&path), rules);
            vec![path]
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, max_shrink_iters: 40, ..ProptestConfig::default() })]

    #[test]
    fn updating_what_changed_gives_what_a_scan_of_all_gives(
        before in prop::collection::vec(any_step(), 0..16),
        after in prop::collection::vec(any_step(), 1..8),
    ) {
        let folder = tempfile::tempdir().unwrap();
        for step in &before {
            apply(folder.path(), step);
        }
        let mut shelf = Shelf::fresh(folder.path());
        // Once all at once, then each step on its own.
        let (together, single) = after.split_at(after.len() / 2);
        let paths = together.iter().flat_map(|step| apply(folder.path(), step)).collect();
        shelf.follow(folder.path(), &Changes::Paths(paths));
        for step in single {
            let paths = apply(folder.path(), step).into_iter().collect();
            shelf.follow(folder.path(), &Changes::Paths(paths));
        }
        prop_assert_eq!(shelf.view(), Shelf::fresh(folder.path()).view());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, max_shrink_iters: 10, ..ProptestConfig::default() })]

    #[test]
    fn after_any_changes_the_library_of_a_watched_folder_equals_that_of_a_fresh_scan(
        before in prop::collection::vec(any_step(), 0..12),
        bursts in prop::collection::vec(prop::collection::vec(any_step(), 1..12), 1..3),
    ) {
        let folder = tempfile::tempdir().unwrap();
        for step in &before {
            apply(folder.path(), step);
        }
        let ms = Duration::from_millis;
        let quick = WatchOptions { quiet: ms(40), patience: ms(300), pause: ms(100), ..WatchOptions::default() };
        let mut followed = Followed::new(folder.path(), quick);
        for burst in &bursts {
            for step in burst {
                apply(folder.path(), step);
            }
            let fresh = Shelf::fresh(folder.path()).view();
            followed.until(&format!("{fresh:#?}"), |followed| followed.shelf.view() == fresh);
        }
    }
}

#[test]
fn a_folder_that_moved_keeps_its_passages_and_reads_nothing_again() {
    let folder = tempfile::tempdir().unwrap();
    for n in 0..5 {
        apply(folder.path(), &Step::Write(format!("a/b/n{n}.md").into(), n));
    }
    apply(folder.path(), &Step::Write("other.md".into(), 7));
    let mut shelf = Shelf::fresh(folder.path());
    let ids =
        |shelf: &Shelf| shelf.search("heron plover curlew bittern avocet").into_iter().map(|chunk| chunk.id).max();
    let before = ids(&shelf);
    fs::rename(folder.path().join("a"), folder.path().join("moved")).unwrap();
    let summary = shelf.follow(folder.path(), &Changes::Paths(["a", "moved"].map(PathBuf::from).into()));
    assert_eq!((summary.renamed, summary.added, summary.removed, summary.workers), (5, 0, 0, 0));
    assert_eq!(summary.files, 5, "nothing else was looked at");
    assert_eq!(ids(&shelf), before);
    assert_eq!(shelf.view(), Shelf::fresh(folder.path()).view());
}

#[test]
fn paths_of_rules_and_the_folder_itself_update_all_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut shelf = Shelf::fresh(folder.path());
    apply(folder.path(), &Step::Write("a/x.md".into(), 1));
    apply(folder.path(), &Step::Write("c/y.md".into(), 2));
    shelf.follow(folder.path(), &Changes::Paths([PathBuf::new()].into()));
    assert_eq!(shelf.files().len(), 2);
    fs::write(folder.path().join(".gitignore"), "c/\n").unwrap();
    let summary = shelf.follow(folder.path(), &Changes::Paths([PathBuf::from(".gitignore")].into()));
    assert_eq!((summary.removed, shelf.files().len()), (1, 1));
    let cancel = Cancel::new();
    let paths: BTreeSet<PathBuf> = [PathBuf::from("a")].into();
    let missing = folder.path().join("nowhere");
    let one = update_paths(&missing, &shelf.library, &mut shelf.writer, &paths, &options(), &cancel, &mut |_| {});
    let all = update(&missing, &shelf.library, &mut shelf.writer, &options(), &cancel, &mut |_| {});
    assert_eq!(format!("{:#}", one.unwrap_err()), format!("{:#}", all.unwrap_err()));
    assert_eq!(shelf.files().len(), 1, "a folder that is gone as a whole is not forgotten");
}

#[test]
fn however_a_file_is_saved_it_is_one_change_of_that_file() {
    type Save = fn(&Path);
    let put = |path: &Path, n: usize| fs::write(path, text(n)).unwrap();
    let ways: [(&str, Save); 6] = [
        ("in place", |dir| fs::write(dir.join("note.md"), text(11)).unwrap()),
        ("delete and create", |dir| {
            fs::remove_file(dir.join("note.md")).unwrap();
            fs::write(dir.join("note.md"), text(11)).unwrap();
        }),
        ("hidden file renamed over", |dir| {
            fs::write(dir.join(".note.md.Xy"), text(11)).unwrap();
            fs::rename(dir.join(".note.md.Xy"), dir.join("note.md")).unwrap();
        }),
        ("visible file renamed over", |dir| {
            fs::write(dir.join("note.md.tmp"), text(11)).unwrap();
            fs::rename(dir.join("note.md.tmp"), dir.join("note.md")).unwrap();
        }),
        ("Vim", |dir| {
            fs::write(dir.join(".note.md.swp"), "swap").unwrap();
            fs::write(dir.join("4913"), "").unwrap();
            fs::remove_file(dir.join("4913")).unwrap();
            fs::rename(dir.join("note.md"), dir.join("note.md~")).unwrap();
            fs::write(dir.join("note.md"), text(11)).unwrap();
            fs::remove_file(dir.join("note.md~")).unwrap();
            fs::remove_file(dir.join(".note.md.swp")).unwrap();
        }),
        ("Emacs, with a backup that stays", |dir| {
            fs::write(dir.join("#note.md#"), "auto-saved").unwrap();
            fs::rename(dir.join("note.md"), dir.join("note.md~")).unwrap();
            fs::write(dir.join("note.md"), text(11)).unwrap();
            fs::remove_file(dir.join("#note.md#")).unwrap();
        }),
    ];
    for (way, save) in ways {
        let folder = tempfile::tempdir().unwrap();
        put(&folder.path().join("note.md"), 5);
        put(&folder.path().join("other.md"), 6);
        let mut followed = Followed::new(folder.path(), WatchOptions::default());
        save(folder.path());
        followed.until(way, |followed| followed.shelf.search("pond 11").iter().any(|chunk| chunk.text.contains("11")));
        let counts = (
            followed.total(|done| done.changed),
            followed.total(|done| done.added + done.removed + done.renamed),
            followed.shelf.files().len(),
        );
        assert_eq!(counts, (1, 0, 2), "{way}: {:#?}", followed.done);
        // Nobody looked at the other file.
        assert!(followed.done.iter().all(|done| done.files <= 1), "{way}: {:#?}", followed.done);
    }
}

#[test]
fn a_thousand_files_at_once_are_all_there_afterwards() {
    let folder = tempfile::tempdir().unwrap();
    let mut followed = Followed::new(folder.path(), WatchOptions { storm: 100, ..WatchOptions::default() });
    for n in 0..1000 {
        apply(folder.path(), &Step::Write(format!("d{}/n{n}.md", n % 20).into(), n));
    }
    followed.until("a thousand files", |followed| followed.shelf.files().len() == 1000);
    assert_eq!(followed.total(|done| done.added), 1000, "each is new once");
}
