//! Damage to everything that can be computed again: bytes flipped, files cut, lengthened, exchanged or removed, at random. The library
//! opens all the same, finds what it found before and goes on: with a notice, or silently where the damage is harmless.
//!
//! Whatever lies in the library's directory counts as such but the database, its companions and the lock; new projections are damaged as
//! they come.
//!
//! Red when: checksums are not read on opening; the counts in the list of segments are trusted; the generation of the word index is
//! not compared; a file is taken for another because its own checksum fits.

use std::collections::BTreeMap;
use std::fs;
use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use crate::common::{document, found};
use crate::history::{Acknowledged, History, Random, check, embed, full};
use tanya_index::Library;

const SEED: u64 = 20_260_802;
const COMMITS: usize = 9;
/// Repairing this library takes a fraction of a second.
const DEADLINE: Duration = Duration::from_mins(2);

type Files = BTreeMap<String, Vec<u8>>;

fn read(dir: &Path, prefix: &str, files: &mut Files) {
    for entry in fs::read_dir(dir).unwrap() {
        let entry = entry.unwrap();
        let name = format!("{prefix}{}", entry.file_name().to_str().unwrap());
        if entry.file_type().unwrap().is_dir() {
            read(&entry.path(), &format!("{name}/"), files);
        } else {
            files.insert(name, fs::read(entry.path()).unwrap());
        }
    }
}

/// The bytes of a library of some commits, by file.
fn pristine() -> Files {
    let dir = tempfile::tempdir().unwrap();
    let library = Library::open(dir.path()).unwrap();
    let mut writer = library.writer().unwrap();
    let mut history = History::default();
    for _ in 0..COMMITS {
        history.gather(&mut writer).unwrap();
        writer.commit().unwrap();
        embed(&mut writer).unwrap();
    }
    writer.finish().unwrap();
    check(&library, Acknowledged { commits: COMMITS, embedded: COMMITS }, 0, "before any damage");
    drop(library);
    let mut files = Files::new();
    read(dir.path(), "", &mut files);
    files
}

/// Damages one file, or exchanges two; says what it did.
fn damage(files: &mut Files, random: &mut Random) -> String {
    let names: Vec<String> =
        files.keys().filter(|name| !name.starts_with("library.sqlite") && *name != "writer.lock").cloned().collect();
    let name = &names[random.below(names.len())];
    let other = &names[random.below(names.len())];
    let bytes = files.get_mut(name).unwrap();
    match random.below(6) {
        // Twice as often as anything else: there are more ways to do it.
        0 | 1 if !bytes.is_empty() => {
            let (place, bit) = (random.below(bytes.len()), random.below(8));
            bytes[place] ^= 1 << bit;
            format!("{name}: bit {bit} of byte {place} flipped")
        }
        2 => {
            let length = random.below(bytes.len() + 1);
            bytes.truncate(length);
            format!("{name}: cut after {length} bytes")
        }
        3 => {
            let more = 1 + random.below(600);
            bytes.extend((0..more).map(|_| random.next() as u8));
            format!("{name}: lengthened by {more} bytes")
        }
        4 => {
            files.remove(name);
            format!("{name}: removed")
        }
        _ => {
            let mine = files[name].clone();
            let theirs = files.insert(other.clone(), mine).unwrap();
            files.insert(name.clone(), theirs);
            format!("{name}: exchanged with {other}")
        }
    }
}

/// What a user does with a library: opens it, asks it everything, changes it.
fn use_it(files: &Files, what: &str) -> usize {
    let dir = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    let library = Library::open(dir.path()).unwrap_or_else(|error| panic!("{what}: {error:?}"));
    check(&library, Acknowledged { commits: COMMITS, embedded: COMMITS }, 0, what);
    let mut writer = library.writer().unwrap();
    writer.upsert(document("new.md", &["obsidian"])).unwrap();
    writer.commit().unwrap_or_else(|error| panic!("{what}: {error:?}"));
    writer.finish().unwrap_or_else(|error| panic!("{what}: {error:?}"));
    assert_eq!(found(&library.snapshot().unwrap(), "obsidian"), ["new.md"], "{what}");
    library.notices().len()
}

#[test]
fn damage_of_what_can_be_computed_again_is_never_answered_from() {
    let files = pristine();
    let (rounds, mut noticed) = (if full() { 1000 } else { 100 }, 0);
    for round in 0..rounds {
        let mut random = Random(SEED + round);
        let mut damaged = files.clone();
        let what = format!("seed {}: {}", SEED + round, damage(&mut damaged, &mut random));
        let (sender, ended) = sync_channel(1);
        let about = what.clone();
        // On a thread of its own: a library that hangs would take the test with it.
        std::thread::spawn(move || {
            let used = std::panic::catch_unwind(AssertUnwindSafe(|| use_it(&damaged, &about)));
            let _ = sender.send(used);
        });
        match ended.recv_timeout(DEADLINE) {
            Ok(Ok(lines)) => noticed += usize::from(lines > 0),
            Ok(Err(panic)) => {
                let why = panic.downcast_ref::<String>().cloned().unwrap_or_default();
                panic!("{what}: {why}");
            }
            Err(error) => panic!("{what}: hangs ({error})"),
        }
    }
    assert!(
        noticed > rounds as usize / 4,
        "only {noticed} of {rounds} were noticed: the damage does not reach the library"
    );
}
