//! Every call that changes a file fails once: the library says so or goes on, loses nothing, and works again with the next call.
//!
//! A child plays a fixed script with the shim of `shim.c` loaded, which fails the Nth call that writes, syncs, truncates, creates,
//! renames or removes below the library's folder: with EIO, with ENOSPC (a full disk on which there is space again when the
//! call is repeated), or by writing only half. N goes through all calls until a run meets no fault any more; the short form
//! takes every [`STRIDE`]th.
//!
//! Red when: a writer drops its gathered changes before the commit succeeded; an indexer is used again after an error; an error
//! of the word index is swallowed and the generation noted all the same; a creation cut off is not rolled back; a partial write
//! counts as a whole one.

use std::io::Write;
use std::path::{Path, PathBuf};

use crate::common::by_words;
use crate::history::{Acknowledged, History, check, committed, embed, embedded, full};
use crate::process::{Process, Shim, read_log, say};
use tanya_index::{Error, Library};

pub(crate) const FOLDER: &str = "TANYA_INDEX_TEST_FAULTS_FOLDER";
pub(crate) const COMMITS: &str = "TANYA_INDEX_TEST_FAULTS_COMMITS";
pub(crate) const MARKER: &str = "TANYA_SHIM_MARKER";
/// Prime: the phases of a commit do not repeat in step with it.
const STRIDE: usize = 13;
const EIO: usize = 5;
const ENOSPC: usize = 28;
const HALF_A_WRITE: usize = 0;

/// Not a test: what the child does.
#[test]
#[ignore = "run by other tests as a process of its own"]
fn child() {
    let Some(folder) = std::env::var_os(FOLDER).map(PathBuf::from) else { return };
    let commits = std::env::var(COMMITS).unwrap().parse().unwrap();
    // The test harness has begun a line of its own.
    say("");
    if play(&folder, commits).is_some() {
        say("END");
    }
}

/// Says something to the parent, and to the shim's log.
fn tell(line: &str) {
    say(line);
    if let Some(marker) = std::env::var_os(MARKER) {
        let file = std::fs::OpenOptions::new().append(true).open(marker);
        file.unwrap().write_all(format!("{line}\n").as_bytes()).unwrap();
    }
}

/// Does something, and once more if it fails: the fault has passed then.
fn insist<T>(what: &str, mut attempt: impl FnMut() -> Result<T, Error>) -> Option<T> {
    for _ in 0..2 {
        match attempt() {
            Ok(done) => return Some(done),
            Err(error) => tell(&format!("ERROR {what}: {error} ({error:?})").replace('\n', " ")),
        }
    }
    tell(&format!("STUCK {what}"));
    None
}

fn play(folder: &Path, commits: usize) -> Option<()> {
    let mut history = History::default();
    while history.commits < commits {
        let library = insist("open", || Library::open(folder))?;
        let mut writer = insist("writer", || library.writer())?;
        for _ in 0..3 {
            // Once: what is gathered stays gathered.
            history.gather(&mut writer).unwrap();
            insist("commit", || writer.commit())?;
            tell(&committed(history.commits));
            insist("embed", || embed(&mut writer))?;
            tell(&embedded(history.commits));
            let found = insist("search", || library.snapshot()?.search(&by_words("clock passage", 9)))?;
            if found.is_empty() {
                tell("LOST");
            }
        }
        // It ends either way: an error costs the tidying up.
        if let Err(error) = writer.finish() {
            tell(&format!("ERROR finish: {error:?}").replace('\n', " "));
        }
    }
    Some(())
}

/// Plays the script with a fault at the Nth call; false if there are fewer calls.
fn fail_at(shim: &Shim, n: usize, errno: usize, commits: usize) -> bool {
    let what = format!("call {n} with error {errno}");
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("root");
    std::fs::create_dir(&root).unwrap();
    let root = root.canonicalize().unwrap();
    let (folder, log) = (root.join("library"), dir.path().join("log"));
    let mut environment = shim.environment(&root, &log);
    environment.extend([
        (FOLDER, folder.clone().into()),
        (COMMITS, commits.to_string().into()),
        ("TANYA_SHIM_FAIL", n.to_string().into()),
        ("TANYA_SHIM_ERRNO", errno.to_string().into()),
    ]);
    let ran = Process::start("faults::child", environment, dir.path(), 0).end();
    let fault = read_log(&log).into_iter().find(|record| record.op == 'F');
    let what = format!("{what} on {:?}", fault.as_ref().map(|record| &record.path));
    assert!(!ran.errors.contains("panicked"), "{what}: {}{}", ran.said, ran.errors);
    // The failing call may cost one error; the next one succeeds.
    assert!(ran.success && ran.said.lines().any(|line| line == "END"), "{what}: {}{}", ran.said, ran.errors);
    assert!(!ran.said.lines().any(|line| line == "LOST"), "{what}: {}", ran.said);
    let errors = ran.said.lines().filter(|line| line.starts_with("ERROR")).count();
    assert!(errors <= usize::from(fault.is_some() && errno != HALF_A_WRITE), "{what}: {}", ran.said);
    let mut acknowledged = Acknowledged::default();
    ran.said.lines().for_each(|line| acknowledged.hear(line));
    assert_eq!(acknowledged, Acknowledged { commits, embedded: commits }, "{what}");
    let library = Library::open(&folder).unwrap_or_else(|error| panic!("{what}: {error:?}"));
    check(&library, acknowledged, 0, &what);
    fault.is_some()
}

#[test]
fn after_any_failed_call_nothing_is_lost_and_the_next_one_succeeds() {
    let Some(shim) = Shim::build() else { return };
    let stride = if full() { 1 } else { STRIDE };
    for (place, errno) in [EIO, ENOSPC, HALF_A_WRITE].into_iter().enumerate() {
        // The short form visits other calls with each kind of fault.
        let mut n = if full() { 1 } else { 1 + place * STRIDE / 3 };
        let mut faults = 0;
        while fail_at(&shim, n, errno, 6) {
            faults += 1;
            n += stride;
            assert!(n < 100_000, "the script does not come to an end");
        }
        assert!(faults * stride > 200, "only {faults} calls were seen: the shim is blind");
    }
}
