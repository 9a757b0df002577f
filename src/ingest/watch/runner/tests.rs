//! Watches on real folders. Nothing waits for a fixed time: each step waits for what it expects, with a deadline.

use std::fs;
use std::os::unix::fs::symlink;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::Duration;

use super::*;
use crate::ingest::{Watch, WatchOptions};

const DEADLINE: Duration = Duration::from_secs(30);

fn options() -> WatchOptions {
    let ms = Duration::from_millis;
    WatchOptions { quiet: ms(50), patience: ms(500), pause: ms(100), search: ms(20), ..WatchOptions::default() }
}

struct Watched {
    outer: tempfile::TempDir,
    watch: Watch,
    woken: Receiver<()>,
}

impl Watched {
    /// A folder that is watched; what was there before has been handed out as everything.
    fn new(options: WatchOptions, files: &[(&str, &str)]) -> Self {
        let outer = tempfile::tempdir().unwrap();
        let root = outer.path().canonicalize().unwrap().join("notes");
        for (path, text) in files {
            let path = root.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        fs::create_dir_all(&root).unwrap();
        let (send, woken) = sync_channel(1);
        let wake = move || {
            let _ = send.try_send(());
        };
        let watched = Self { watch: Watch::start(&root, options, wake).unwrap(), outer, woken };
        assert_eq!(watched.next(), Changes::Everything);
        watched
    }

    fn root(&self) -> PathBuf {
        self.outer.path().join("notes")
    }

    fn path(&self, path: &str) -> PathBuf {
        self.root().join(path)
    }

    fn write(&self, path: &str) {
        fs::create_dir_all(self.path(path).parent().unwrap()).unwrap();
        fs::write(self.path(path), "x").unwrap();
    }

    /// The next thing that is handed out.
    fn next(&self) -> Changes {
        loop {
            if let Some(changes) = self.watch.take() {
                return changes;
            }
            self.woken.recv_timeout(DEADLINE).expect("something is handed out");
        }
    }

    /// What is handed out until `path` is named, all paths together.
    fn until(&self, path: &str) -> BTreeSet<PathBuf> {
        let mut all = BTreeSet::new();
        while !all.contains(Path::new(path)) {
            if let Changes::Paths(paths) = self.next() {
                all.extend(paths);
            }
        }
        all
    }

    fn until_everything(&self) {
        while self.next() != Changes::Everything {}
    }

    fn until_said(&self, part: &str) {
        let mut said = self.watch.notices();
        while !said.iter().any(|line| line.contains(part)) {
            self.woken.recv_timeout(DEADLINE).unwrap_or_else(|_| panic!("{part:?} is not in {said:?}"));
            said.extend(self.watch.notices());
        }
    }
}

#[test]
fn what_is_written_moved_and_removed_is_named() {
    let watched = Watched::new(options(), &[("a.md", "x"), ("sub/b.md", "x")]);
    watched.write("sub/b.md");
    watched.until("sub/b.md");
    fs::rename(watched.path("a.md"), watched.path("sub/c.md")).unwrap();
    assert!(watched.until("a.md").contains(Path::new("sub/c.md")), "both sides of a rename are handed out together");
    fs::remove_file(watched.path("sub/c.md")).unwrap();
    watched.until("sub/c.md");
}

#[test]
fn folders_that_come_later_are_watched_as_soon_as_they_are_named() {
    let watched = Watched::new(options(), &[]);
    watched.write("a/b/c/note.md");
    watched.until("a");
    watched.write("a/b/c/note.md");
    watched.until("a/b/c/note.md");
    fs::rename(watched.path("a/b"), watched.path("moved")).unwrap();
    watched.until("moved");
    watched.write("moved/c/note.md");
    watched.until("moved/c/note.md");
}

#[test]
fn what_is_ignored_and_what_links_lead_to_wakes_nobody() {
    let watched =
        Watched::new(options(), &[(".gitignore", "target/\n"), ("target/a/x.md", "x"), ("node_modules/x.md", "x")]);
    let elsewhere = watched.outer.path().join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    symlink(&elsewhere, watched.path("link")).unwrap();
    watched.until("link");
    // Events come in the order in which things happen: these would come before the last.
    watched.write("target/a/x.md");
    watched.write("node_modules/x.md");
    fs::write(elsewhere.join("x.md"), "x").unwrap();
    watched.write("note.md");
    assert_eq!(watched.until("note.md"), ["note.md"].map(PathBuf::from).into());
}

#[test]
fn a_change_of_the_rules_is_everything_and_changes_what_is_watched() {
    let watched = Watched::new(options(), &[(".gitignore", "drafts/\n"), ("drafts/x.md", "x"), ("old/x.md", "x")]);
    fs::write(watched.path(".new"), "old/\n").unwrap();
    fs::rename(watched.path(".new"), watched.path(".gitignore")).unwrap();
    watched.until_everything();
    watched.write("old/x.md");
    watched.write("drafts/x.md");
    let named = watched.until("drafts/x.md");
    assert!(!named.contains(Path::new("old/x.md")), "{named:?}");
}

#[test]
fn a_storm_is_everything_and_later_changes_are_named_again() {
    let watched = Watched::new(WatchOptions { storm: 10, quiet: Duration::from_millis(300), ..options() }, &[]);
    for n in 0..200 {
        watched.write(&format!("n{n}/note.md"));
    }
    watched.until_everything();
    // The end of the storm may be everything once more.
    loop {
        watched.write("n7/note.md");
        if let Changes::Paths(paths) = watched.next()
            && paths.contains(Path::new("n7/note.md"))
        {
            break;
        }
    }
}

#[test]
fn a_folder_that_goes_is_said_once_and_read_again_when_it_is_back() {
    let watched = Watched::new(options(), &[("note.md", "x")]);
    let aside = watched.outer.path().join("aside");
    fs::rename(watched.root(), &aside).unwrap();
    watched.until_said("gone");
    assert_eq!(watched.watch.take(), None, "what is gone as a whole is not forgotten");
    fs::rename(&aside, watched.root()).unwrap();
    watched.until_said("back");
    assert_eq!(watched.next(), Changes::Everything);
    watched.write("note.md");
    watched.until("note.md");
}

#[test]
fn another_folder_in_its_place_is_read_and_watched() {
    let watched = Watched::new(options(), &[("note.md", "x")]);
    let next = watched.outer.path().join("next");
    fs::create_dir(&next).unwrap();
    fs::write(next.join("other.md"), "x").unwrap();
    fs::remove_dir_all(watched.root()).unwrap();
    fs::rename(&next, watched.root()).unwrap();
    watched.until_everything();
    watched.write("other.md");
    watched.until("other.md");
}

#[test]
fn where_watches_fail_the_folder_is_looked_at_from_time_to_time_and_that_is_said_once() {
    let folder = tempfile::tempdir().unwrap();
    let shared = Arc::new(Shared::new(WatchOptions { poll: Duration::from_millis(20), ..options() }));
    let (send, woken) = sync_channel(1);
    let wake = Box::new(move || {
        let _ = send.try_send(());
    });
    let mut runner = Runner::new(folder.path().canonicalize().unwrap(), Arc::clone(&shared), wake);
    runner.poll("the system's limit of watched folders is reached");
    runner.poll("and once more");
    let watched = Watched { watch: Watch::of(runner, shared).unwrap(), outer: folder, woken };
    for _ in 0..3 {
        assert_eq!(watched.next(), Changes::Everything);
    }
    let said = watched.watch.notices();
    assert_eq!(said, ["the system's limit of watched folders is reached: changes are looked for every 0 s"]);
}

#[test]
fn changes_that_could_not_be_followed_come_again() {
    let watched = Watched::new(WatchOptions { poll: Duration::from_millis(20), ..options() }, &[]);
    watched.watch.missed();
    assert_eq!(watched.next(), Changes::Everything);
}

#[test]
fn dropping_a_watch_ends_its_thread() {
    let Watched { outer, watch, woken } = Watched::new(options(), &[("note.md", "x")]);
    fs::write(outer.path().join("notes/note.md"), "y").unwrap();
    drop(watch);
    // The thread held the other end.
    while let Ok(()) = woken.try_recv() {}
    assert_eq!(woken.recv_timeout(DEADLINE), Err(RecvTimeoutError::Disconnected));
}
