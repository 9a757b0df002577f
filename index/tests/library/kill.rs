//! `kill -9` at any moment: a child process writes and acknowledges, the parent kills it and holds what is left against what was
//! acknowledged.
//!
//! The child creates the library, adds, replaces, renames, touches and removes files, embeds them, lets the word index merge its
//! segments and closes everything now and then, which writes the log of the database back.
//!
//! The long form kills 200 times. If none of them costs anything, the chance that one does is below 1.5 % with 95 % confidence
//! (the rule of three: 3/200; exactly 1 − 0.05^(1/200)).
//!
//! Red when: an acknowledgement is said before the commit; the word index commits before the store; `removed` is pruned up to the
//! generation being committed instead of the one confirmed; `repair` does not catch up; files of a commit cut off are not collected before
//! it is made up for; a creation cut off is not rolled back.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::common::{document, found, library};
use crate::history::{Acknowledged, History, check, committed, embed, embedded, full, word};
use crate::process::say;
use tanya_index::Library;

const FOLDER: &str = "TANYA_INDEX_TEST_KILL_FOLDER";

/// Not a test: what the child does. Goes on until it is killed.
#[test]
#[ignore = "run by the other tests of this file as a process of its own"]
fn child() {
    let Some(folder) = std::env::var_os(FOLDER).map(PathBuf::from) else { return };
    // The test harness has begun a line of its own.
    say("");
    loop {
        let library = Library::open(&folder).unwrap();
        let mut writer = library.writer().unwrap();
        let mut history = History::of(&library).unwrap();
        for _ in 0..6 {
            history.gather(&mut writer).unwrap();
            writer.commit().unwrap();
            say(&committed(history.commits));
            embed(&mut writer).unwrap();
            say(&embedded(history.commits));
        }
        writer.finish().unwrap();
    }
}

#[expect(clippy::disallowed_methods, reason = "a kill at any moment comes at none that an event could name")]
pub(crate) fn live(life: Duration) {
    std::thread::sleep(life);
}

/// From when on a child's life counts.
#[derive(Clone, Copy)]
enum Since {
    /// Its first acknowledgement.
    Acknowledgement,
    /// Its start.
    Start,
}

/// Runs the child for about `life`; takes up what it acknowledged.
fn run_and_kill(folder: &Path, life: Duration, since: Since, acknowledged: &mut Acknowledged) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "kill::child", "--ignored", "--nocapture", "--test-threads=1"])
        .env(FOLDER, folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let output = child.stdout.take().unwrap();
    let (first, started) = std::sync::mpsc::sync_channel(1);
    let mut heard = *acknowledged;
    let reader = std::thread::spawn(move || {
        let before = heard;
        for said in BufReader::new(output).lines() {
            let Ok(said) = said else { break };
            heard.hear(&said);
            if heard != before {
                let _ = first.try_send(());
            }
        }
        heard
    });
    if let Since::Acknowledgement = since {
        started.recv_timeout(Duration::from_mins(1)).expect("the child acknowledges something");
    }
    live(life);
    child.kill().unwrap();
    child.wait().unwrap();
    *acknowledged = reader.join().unwrap();
}

/// What `kills` leave: opens it, holds it against what was acknowledged; returns how many repairs that took.
fn look(folder: &Path, acknowledged: &mut Acknowledged, kills: usize, what: &str) -> usize {
    let library = Library::open(folder).unwrap_or_else(|error| panic!("{what}: {error:?}"));
    let notices = library.notices();
    // A process that dies damages nothing: what it left undone is made up for.
    assert!(!notices.iter().any(|notice| notice.contains("damaged")), "{what}: {notices:?}");
    check(&library, *acknowledged, kills, what);
    // The lock died with its holder.
    drop(library.writer().unwrap());
    // A commit that was not acknowledged and is there stays.
    acknowledged.commits = History::of(&library).unwrap().commits;
    notices.len()
}

#[test]
fn what_was_acknowledged_survives_kill_9() {
    let dir = tempfile::tempdir().unwrap();
    let kills = if full() { 160 } else { 18 };
    let (mut repairs, mut acknowledged) = (0, Acknowledged::default());
    for round in 0..kills {
        // Spread over the phases of a commit (some 20 ms) and of a reopening, the same in every run of the test.
        let life = Duration::from_micros((round * 7919) % 60_000);
        run_and_kill(dir.path(), life, Since::Acknowledgement, &mut acknowledged);
        repairs += look(dir.path(), &mut acknowledged, 1, &format!("kill {round}"));
    }
    writeln!(std::io::stdout(), "{repairs} of {kills} kills left the word index behind").unwrap();
}

#[test]
fn a_library_whose_creation_was_killed_is_created_after_all() {
    let kills = if full() { 40 } else { 7 };
    for round in 0..kills {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("library");
        let mut acknowledged = Acknowledged::default();
        // Three times, so that a second start meets what the first one left.
        for again in 0..3 {
            let life = Duration::from_micros((round * 2371 + again * 4001) % 40_000);
            run_and_kill(&folder, life, Since::Start, &mut acknowledged);
        }
        look(&folder, &mut acknowledged, 3, &format!("kill {round} of a creation"));
    }
}

/// The moment at which chance arrives seldom: after the word index has written which passages are gone, before its list says so. The
/// file with them is named by a number that comes again when the commit is made up for.
#[test]
fn a_commit_that_was_cut_off_before_the_list_of_segments_is_made_up_for() {
    // So many that one less is no reason to merge.
    let documents: Vec<_> = (0..8).map(|n| document(&format!("{n}.md"), &[&format!("granite {}", word(n))])).collect();
    let (dir, library) = library(&documents);
    let list = dir.path().join("words/meta.json");
    let before = std::fs::read(&list).unwrap();
    let mut writer = library.writer().unwrap();
    writer.remove("3.md").unwrap();
    writer.commit().unwrap();
    drop((writer, library));
    let removals = |entry: std::io::Result<std::fs::DirEntry>| {
        entry.unwrap().path().extension().is_some_and(|extension| extension == "del")
    };
    assert!(std::fs::read_dir(list.parent().unwrap()).unwrap().any(removals), "the removal has a file");
    std::fs::write(&list, before).unwrap();
    let library = Library::open(dir.path()).unwrap();
    assert!(library.notices()[0].contains("caught up"), "{:?}", library.notices());
    let snapshot = library.snapshot().unwrap();
    assert_eq!((found(&snapshot, "granite").len(), found(&snapshot, &word(3)).len()), (7, 0));
    assert_eq!(library.verify(true).unwrap(), []);
}
