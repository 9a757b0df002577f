//! Several processes on one library, some of them killed: one writes at a time, the others are told so and read on, and what one was told is
//! durable every other sees from then on.
//!
//! What was acknowledged stands in a file to which every child appends after its commit; before it takes a snapshot a child reads that
//! file, and finds all of it. A holder of the writer lock leaves its process id in a second file while it holds it.
//!
//! Red when: the lock is not taken, or given back before the last write; an acknowledgement comes before the commit; a
//! snapshot takes a state between the two commits of another process for a whole one; a reader is refused while another writes.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::common::{document, found};
use crate::history::{Random, full, word};
use crate::process::{Process, say};
use tanya_index::{Error, Library, Snapshot, Writer};

const FOLDER: &str = "TANYA_INDEX_TEST_INSTANCES_FOLDER";
const NUMBER: &str = "TANYA_INDEX_TEST_INSTANCES_NUMBER";
const ROUNDS: &str = "TANYA_INDEX_TEST_INSTANCES_ROUNDS";
const SEED: u64 = 20_260_803;

fn library_in(folder: &Path) -> PathBuf {
    folder.join("library")
}

/// Not a test: what a child does.
#[test]
#[ignore = "run by the other test of this file as a process of its own"]
fn child() {
    let Some(folder) = std::env::var_os(FOLDER).map(PathBuf::from) else { return };
    let number = |name| std::env::var(name).unwrap().parse::<usize>().unwrap();
    let (number, rounds) = (number(NUMBER), number(ROUNDS));
    let mut random = Random(SEED + number as u64);
    // The test harness has begun a line of its own.
    say("");
    let mut library = Library::open(&library_in(&folder)).unwrap();
    for round in 0..rounds {
        if random.below(3) == 0 {
            library = Library::open(&library_in(&folder)).unwrap();
        }
        let acknowledged = acknowledgements(&folder);
        look(&library.snapshot().unwrap(), &acknowledged, &mut random);
        match library.writer() {
            Ok(writer) => write(&folder, &library, writer, number * 1000 + round),
            Err(Error::Locked { .. }) => say("LOCKED"),
            Err(error) => panic!("{error:?}"),
        }
    }
    say("END");
}

/// The numbers of the texts whose commits were acknowledged. A line that a kill cut off is none.
fn acknowledgements(folder: &Path) -> Vec<usize> {
    let text = fs::read_to_string(folder.join("acknowledged")).unwrap_or_default();
    text.lines().filter_map(|line| line.strip_suffix('.')?.parse().ok()).collect()
}

/// Looks for the newest and for some others.
fn look(snapshot: &Snapshot, acknowledged: &[usize], random: &mut Random) {
    let mut some: Vec<usize> = acknowledged.iter().rev().take(5).copied().collect();
    if !acknowledged.is_empty() {
        some.extend((0..5).map(|_| acknowledged[random.below(acknowledged.len())]));
    }
    for n in some {
        assert_eq!(found(snapshot, &word(n)), [format!("{n}.md")], "acknowledged and not seen");
    }
}

fn write(folder: &Path, library: &Library, mut writer: Writer, n: usize) {
    take(&folder.join("holder"));
    for n in [n, n + 500_000] {
        writer.upsert(document(&format!("{n}.md"), &[&format!("passage with the word {}", word(n))])).unwrap();
    }
    writer.commit().unwrap();
    let mut file = OpenOptions::new().append(true).create(true).open(folder.join("acknowledged")).unwrap();
    // In one call: a kill writes it or not.
    file.write_all(format!("{n}.\n{}.\n", n + 500_000).as_bytes()).unwrap();
    look(&library.snapshot().unwrap(), &[n, n + 500_000], &mut Random(0));
    fs::remove_file(folder.join("holder")).unwrap();
    if n.is_multiple_of(2) {
        writer.finish().unwrap();
    }
}

/// Notes this process as the only one that writes. A note that is there already is one of the dead, or two write at once.
fn take(holder: &Path) {
    let mut file = match OpenOptions::new().write(true).create_new(true).open(holder) {
        Ok(file) => file,
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::AlreadyExists);
            let noted = fs::read_to_string(holder).unwrap();
            // A process that is being killed gives back its memory, and with it its command line, before the lock.
            let living = fs::read(format!("/proc/{noted}/cmdline")).unwrap_or_default();
            assert!(noted.is_empty() || living.is_empty(), "two write at once: {noted} is alive");
            fs::write(holder, "").unwrap();
            OpenOptions::new().write(true).open(holder).unwrap()
        }
    };
    file.write_all(std::process::id().to_string().as_bytes()).unwrap();
}

#[test]
fn instances_beside_each_other_agree_even_if_some_are_killed() {
    let (waves, most, rounds) = if full() { (14, 8, 25) } else { (3, 4, 10) };
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path();
    let mut random = Random(SEED);
    let mut number = 0;
    for wave in 0..waves {
        let instances = 2 + wave % (most - 1);
        let mut children = Vec::new();
        for _ in 0..instances {
            number += 1;
            let environment = [
                (FOLDER, folder.as_os_str().to_owned()),
                (NUMBER, number.to_string().into()),
                (ROUNDS, rounds.to_string().into()),
            ];
            children.push(Process::start("instances::child", environment, folder, number));
        }
        // Some are killed while the others go on.
        for _ in 0..instances / 2 {
            let victim = children.remove(random.below(children.len()));
            crate::kill::live(Duration::from_micros(random.below(150_000) as u64));
            let ran = victim.kill();
            assert!(!ran.errors.contains("panicked"), "seed {SEED}, wave {wave}: {}", ran.errors);
        }
        for child in children {
            let ran = child.end();
            assert!(
                ran.success && ran.said.lines().any(|line| line == "END"),
                "seed {SEED}, wave {wave}: {}",
                ran.errors
            );
        }
        let library = Library::open(&library_in(folder)).unwrap();
        let acknowledged = acknowledgements(folder);
        assert!(!acknowledged.is_empty());
        let snapshot = library.snapshot().unwrap();
        for n in &acknowledged {
            assert_eq!(found(&snapshot, &word(*n)), [format!("{n}.md")], "seed {SEED}, wave {wave}");
        }
        // Both files of a commit are there, or none: what was not acknowledged too.
        let names: Vec<String> = library.files().unwrap().into_iter().map(|file| file.path).collect();
        let high =
            names.iter().filter(|name| name.trim_end_matches(".md").parse::<usize>().unwrap() >= 500_000).count();
        assert_eq!(names.len(), 2 * high, "seed {SEED}, wave {wave}");
        assert_eq!(library.verify(true).unwrap(), [], "seed {SEED}, wave {wave}");
    }
}
