//! Power cuts: what a disk may hold after one, made from a log of everything that was written, and opened as a library.
//!
//! A child plays the script of [`crate::faults`] under the shim, which logs every call that changes a file, in order, and between
//! them the child's acknowledgements. From the log the test makes the disk as it may be after a cut at any place. The model:
//!
//! - What a file held when it was last synced is there. Each write and truncation since is there or not, independently of any
//!   other; a write may also be torn at a multiple of 512 bytes of the file, either side of the tear being the one that is there.
//!   A write that is lost before one that is not leaves zeros, where the file was shorter.
//! - Entries of a directory (created, renamed, removed) are there as they were when the directory was last synced, with some number of
//!   the changes since, in their order: a journaling file system loses the last ones, not one in the middle. A rename is
//!   there or not. Syncing a file does not keep its entry: POSIX promises none, though some file systems do it.
//! - Directories know nothing of each other, nor files of directories.
//! - The shared memory file of the database (`-shm`) is gone: it is mapped, so its content is not in the log, and it is rebuilt.
//!
//! Red when: the store is opened with `synchronous=OFF` or `NORMAL`; an acknowledgement is said before the commit; the word index commits
//! before the store and nobody checks its generation; the library's own directory is not synced into the one above; a
//! creation cut off is not rolled back.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::faults::{COMMITS, FOLDER, MARKER};
use crate::history::{Acknowledged, Random, check, full};
use crate::process::{Process, Record, Shim, read_log};
use tanya_index::Library;

const SECTOR: usize = 512;
const SEED: u64 = 20_260_801;

/// Where an inode lies in [`Disk`].
type Inode = usize;
const ROOT: Inode = 0;

#[derive(Debug, Clone)]
enum Entry {
    Link(String, Inode),
    Unlink(String),
    /// The new name's former file goes in the same moment.
    Rename(String, String),
}

#[derive(Debug, Clone)]
enum Content {
    Write(usize, Vec<u8>),
    Truncate(usize),
}

#[derive(Debug)]
enum Node {
    File { synced: Vec<u8>, since: Vec<Content> },
    Directory { now: BTreeMap<String, Inode>, synced: BTreeMap<String, Inode>, since: Vec<Entry> },
}

/// Files and directories with what of them is durable and what may be lost.
struct Disk {
    nodes: Vec<Node>,
}

impl Disk {
    fn new() -> Self {
        Self { nodes: vec![Disk::directory()] }
    }

    fn directory() -> Node {
        Node::Directory { now: BTreeMap::new(), synced: BTreeMap::new(), since: Vec::new() }
    }

    fn now(&mut self, inode: Inode) -> (&mut BTreeMap<String, Inode>, &mut Vec<Entry>) {
        match &mut self.nodes[inode] {
            Node::Directory { now, since, .. } => (now, since),
            Node::File { .. } => panic!("a file where a directory should be"),
        }
    }

    /// What a path below the root names at this moment.
    fn find(&mut self, path: &str) -> Inode {
        path.split('/').filter(|name| !name.is_empty()).fold(ROOT, |inode, name| {
            *self.now(inode).0.get(name).unwrap_or_else(|| panic!("{path} is not in the log"))
        })
    }

    /// The directory of a path, and the name in it.
    fn place<'a>(&mut self, path: &'a str) -> (Inode, &'a str) {
        let (directory, name) = path.rsplit_once('/').unwrap_or(("", path));
        (self.find(directory), name)
    }

    fn link(&mut self, path: &str, node: Node) {
        let inode = self.nodes.len();
        self.nodes.push(node);
        let (directory, name) = self.place(path);
        let (now, since) = self.now(directory);
        now.insert(name.to_owned(), inode);
        since.push(Entry::Link(name.to_owned(), inode));
    }

    fn content(&mut self, path: &str, change: Content) {
        let inode = self.find(path);
        match &mut self.nodes[inode] {
            Node::File { since, .. } => since.push(change),
            Node::Directory { .. } => panic!("{path} is a directory"),
        }
    }

    fn apply(&mut self, record: &Record) {
        let path = record.path.as_str();
        match record.op {
            'C' => self.link(path, Node::File { synced: Vec::new(), since: Vec::new() }),
            'M' => self.link(path, Disk::directory()),
            'W' => self.content(path, Content::Write(record.number, record.data.clone())),
            'T' => self.content(path, Content::Truncate(record.number)),
            'U' | 'X' => {
                let (directory, name) = self.place(path);
                let (now, since) = self.now(directory);
                now.remove(name).expect("what is removed was there");
                since.push(Entry::Unlink(name.to_owned()));
            }
            'R' => {
                let ((directory, from), (other, to)) = (self.place(path), self.place(&record.to));
                assert_eq!(directory, other, "{record:?}: a rename between directories is not modelled");
                let (now, since) = self.now(directory);
                let inode = now.remove(from).expect("what is renamed was there");
                now.insert(to.to_owned(), inode);
                since.push(Entry::Rename(from.to_owned(), to.to_owned()));
            }
            'S' => {
                let inode = self.find(path);
                match &mut self.nodes[inode] {
                    Node::File { synced, since } => since.drain(..).for_each(|change| write(synced, &change, 0, true)),
                    Node::Directory { synced, since, .. } => {
                        since.drain(..).for_each(|change| enter(synced, &change));
                    }
                }
            }
            'A' | 'E' => {}
            other => panic!("{other} {record:?}: not modelled"),
        }
    }

    /// Writes to `place` what may be there after a power cut at this moment.
    fn crash(&self, inode: Inode, random: &mut Random, place: &Path) {
        match &self.nodes[inode] {
            Node::File { synced, since } => {
                let mut bytes = synced.clone();
                for change in since {
                    match random.below(3) {
                        0 => write(&mut bytes, change, 0, true),
                        1 => {}
                        _ => tear(&mut bytes, change, random),
                    }
                }
                fs::write(place, bytes).unwrap();
            }
            Node::Directory { synced, since, .. } => {
                let mut entries = synced.clone();
                let kept = random.below(since.len() + 1);
                since[..kept].iter().for_each(|change| enter(&mut entries, change));
                fs::create_dir_all(place).unwrap();
                for (name, inode) in entries {
                    if !name.ends_with("-shm") {
                        self.crash(inode, random, &place.join(name));
                    }
                }
            }
        }
    }
}

/// Carries out one change of a directory.
fn enter(entries: &mut BTreeMap<String, Inode>, change: &Entry) {
    match change {
        Entry::Link(name, inode) => {
            entries.insert(name.clone(), *inode);
        }
        Entry::Unlink(name) => {
            entries.remove(name);
        }
        Entry::Rename(from, to) => {
            let inode = entries.remove(from).expect("changes of a directory keep their order");
            entries.insert(to.clone(), inode);
        }
    }
}

/// Carries out a change of a file; of a write only what lies before `tear` in the file, or else from there on.
fn write(bytes: &mut Vec<u8>, change: &Content, tear: usize, behind: bool) {
    match change {
        Content::Truncate(length) => bytes.resize(*length, 0),
        Content::Write(at, data) => {
            let cut = tear.saturating_sub(*at).min(data.len());
            let (at, data) = if behind { (at + cut, &data[cut..]) } else { (*at, &data[..cut]) };
            if !data.is_empty() {
                bytes.resize(bytes.len().max(at + data.len()), 0);
                bytes[at..at + data.len()].copy_from_slice(data);
            }
        }
    }
}

/// Carries out a part of a write, between sectors of the file; a truncation, wholly.
fn tear(bytes: &mut Vec<u8>, change: &Content, random: &mut Random) {
    let tear = match change {
        Content::Write(at, data) => {
            let first = at / SECTOR;
            let last = (at + data.len()) / SECTOR;
            (first + random.below(last - first + 1)) * SECTOR
        }
        Content::Truncate(_) => 0,
    };
    write(bytes, change, tear, random.below(2) == 0);
}

/// What a child wrote, and said in between.
fn record(shim: &Shim, commits: usize) -> Vec<Record> {
    let dir = tempfile::tempdir().unwrap();
    let dir_path = dir.path().canonicalize().unwrap();
    let (root, log, marker) = (dir_path.join("root"), dir_path.join("log"), dir_path.join("marker"));
    fs::create_dir(&root).unwrap();
    fs::write(&marker, "").unwrap();
    let mut environment = shim.environment(&root, &log);
    environment.extend([
        (FOLDER, root.join("library").into()),
        (COMMITS, commits.to_string().into()),
        (MARKER, marker.into()),
        ("TANYA_SHIM_DATA", "1".into()),
    ]);
    let ran = Process::start("faults::child", environment, &dir_path, 0).end();
    assert!(ran.success && ran.said.lines().any(|line| line == "END"), "{}{}", ran.said, ran.errors);
    read_log(&log)
}

#[test]
fn what_was_acknowledged_survives_a_power_cut() {
    let Some(shim) = Shim::build() else { return };
    let commits = 12;
    let log = record(&shim, commits);
    assert!(log.iter().any(|record| record.op == 'R' && record.to.ends_with("meta.json")), "renames are not seen");
    let images = if full() { 500 } else { 60 };
    let mut random = Random(SEED);
    // One in four while the library comes into being: that is a small part of the log with much in it.
    let first = log.iter().position(|record| record.op == 'A').unwrap();
    let mut cuts: Vec<usize> =
        (0..images).map(|n| random.below(if n % 4 == 0 { first } else { log.len() } + 1)).collect();
    cuts.sort_unstable();

    let (mut disk, mut acknowledged, mut done) = (Disk::new(), Acknowledged::default(), 0);
    for (n, cut) in cuts.into_iter().enumerate() {
        for record in &log[done..cut] {
            disk.apply(record);
            if record.op == 'A' {
                String::from_utf8_lossy(&record.data).lines().for_each(|line| acknowledged.hear(line));
            }
        }
        done = cut;
        let what = format!("seed {SEED}, image {n}, cut after {cut} of {} calls", log.len());
        let dir = tempfile::tempdir().unwrap();
        disk.crash(ROOT, &mut Random(SEED + n as u64), dir.path());
        let library = Library::open(&dir.path().join("library")).unwrap_or_else(|error| panic!("{what}: {error:?}"));
        check(&library, acknowledged, 1, &what);
        drop(library.writer().unwrap());
    }
    assert!(acknowledged.commits >= commits / 2, "the cuts cover the log");
}

#[test]
fn the_model_of_a_disk_loses_what_was_not_synced_and_nothing_else() {
    let record = |op, number, path: &str, to: &str, data: &[u8]| Record {
        op,
        number,
        path: path.to_owned(),
        to: to.to_owned(),
        data: data.to_vec(),
    };
    let mut disk = Disk::new();
    for record in [
        record('M', 0, "d", "", b""),
        record('S', 0, "", "", b""),
        record('C', 0, "d/new", "", b""),
        record('W', 0, "d/new", "", &[1; 2000]),
        record('S', 0, "d/new", "", b""),
        record('S', 0, "d", "", b""),
        record('R', 0, "d/new", "d/old", b""),
        record('W', 1000, "d/old", "", &[2; 2000]),
    ] {
        disk.apply(&record);
    }
    let (mut names, mut lengths) = (std::collections::BTreeSet::new(), std::collections::BTreeSet::new());
    for seed in 0..100 {
        let dir = tempfile::tempdir().unwrap();
        disk.crash(ROOT, &mut Random(seed), dir.path());
        let mut entries = fs::read_dir(dir.path().join("d")).unwrap();
        let entry = entries.next().unwrap().unwrap();
        assert!(entries.next().is_none(), "a rename leaves one file");
        let bytes = fs::read(entry.path()).unwrap();
        assert_eq!(bytes[..1000], [1; 1000]);
        names.insert(entry.file_name());
        lengths.insert(bytes.len());
    }
    assert_eq!(names.len(), 2, "the rename was not synced");
    // Lost, whole or with its tail; or torn at 1024, 1536, 2048 and 2560.
    assert_eq!(lengths.into_iter().collect::<Vec<_>>(), [2000, 2048, 2560, 3000]);
}
