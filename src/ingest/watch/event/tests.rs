//! Events as inotify brings them for what editors and other programs do.

use std::collections::BTreeSet;

use notify::event::{CreateKind, DataChange, Flag, MetadataKind, RemoveKind};

use super::*;
use crate::ingest::watch::{Changes, WatchOptions};

const ROOT: &str = "/home/me/notes";

fn event(kind: EventKind, paths: &[&str]) -> Event {
    paths.iter().fold(Event::new(kind), |event, path| event.add_path(Path::new(ROOT).join(path)))
}

fn create(path: &str) -> Vec<Event> {
    vec![event(EventKind::Create(CreateKind::File), &[path])]
}

fn write(path: &str) -> Vec<Event> {
    vec![
        event(EventKind::Access(AccessKind::Open(AccessMode::Any)), &[path]),
        event(EventKind::Modify(ModifyKind::Data(DataChange::Any)), &[path]),
        event(EventKind::Access(AccessKind::Close(AccessMode::Write)), &[path]),
    ]
}

fn remove(path: &str) -> Vec<Event> {
    vec![event(EventKind::Remove(RemoveKind::File), &[path])]
}

fn rename(from: &str, to: &str) -> Vec<Event> {
    let name = |mode| EventKind::Modify(ModifyKind::Name(mode));
    vec![
        event(name(RenameMode::From), &[from]),
        event(name(RenameMode::To), &[to]),
        event(name(RenameMode::Both), &[from, to]),
    ]
}

fn chmod(path: &str) -> Vec<Event> {
    vec![event(EventKind::Modify(ModifyKind::Metadata(MetadataKind::Any)), &[path])]
}

/// What is handed out once nothing happens any more.
fn settled(events: impl IntoIterator<Item = Event>) -> Option<Changes> {
    let mut debounce = Debounce::new(WatchOptions::default());
    let now = Instant::now();
    for event in events {
        note(&mut debounce, Path::new(ROOT), &Ok(event), now);
    }
    let changes = debounce.due().and_then(|due| debounce.take(due));
    assert!(debounce.is_idle(), "one batch holds it all");
    changes
}

#[test]
fn a_save_is_one_batch_that_names_the_file() {
    type Save = (&'static str, Vec<Vec<Event>>, &'static [&'static str]);
    let table: &[Save] = &[
        ("write in place", vec![write("note.md")], &["note.md"]),
        ("truncate and write", vec![write("note.md"), write("note.md")], &["note.md"]),
        ("delete and create", vec![remove("note.md"), create("note.md"), write("note.md")], &["note.md"]),
        (
            "hidden file renamed over (Kate, LibreOffice, rsync)",
            vec![create(".note.md.Xy12"), write(".note.md.Xy12"), rename(".note.md.Xy12", "note.md")],
            &["note.md"],
        ),
        (
            "Vim: backup aside, new file, backup removed, swap file all along",
            vec![
                create(".note.md.swp"),
                write(".note.md.swp"),
                create("4913"),
                remove("4913"),
                rename("note.md", "note.md~"),
                create("note.md"),
                write("note.md"),
                chmod("note.md"),
                remove("note.md~"),
                remove(".note.md.swp"),
            ],
            &["4913", "note.md", "note.md~"],
        ),
        (
            "Emacs: lock link, auto-save file, backup kept",
            vec![
                create(".#note.md"),
                create("#note.md#"),
                write("#note.md#"),
                rename("note.md", "note.md~"),
                create("note.md"),
                write("note.md"),
                remove("#note.md#"),
                remove(".#note.md"),
            ],
            &["#note.md#", "note.md", "note.md~"],
        ),
        (
            "visible temporary file renamed over (Gedit, many libraries)",
            vec![create("note.md.tmp"), write("note.md.tmp"), rename("note.md.tmp", "note.md")],
            &["note.md", "note.md.tmp"],
        ),
    ];
    for (what, events, expected) in table {
        let expected: BTreeSet<PathBuf> = expected.iter().map(PathBuf::from).collect();
        assert_eq!(settled(events.concat()), Some(Changes::Paths(expected)), "{what}");
    }
}

#[test]
fn reading_and_what_is_never_listed_wake_nobody() {
    let reading = [AccessKind::Read, AccessKind::Open(AccessMode::Any), AccessKind::Close(AccessMode::Read)];
    let reading = reading.map(|kind| event(EventKind::Access(kind), &["note.md"]));
    assert_eq!(settled(reading), None);
    let unseen = [write(".git/index"), write("node_modules/a/b.js"), write("a/.cache/x"), create(".hidden.md")];
    assert_eq!(settled(unseen.concat()), None);
    let elsewhere = Event::new(EventKind::Create(CreateKind::File)).add_path("/home/me/other.md".into());
    assert_eq!(settled([elsewhere]), None);
}

#[test]
fn what_no_list_tells_is_everything() {
    for path in [".gitignore", "a/.ignore", "a/.tanyaignore", "a/CACHEDIR.TAG", ""] {
        let events = [write("note.md"), write(path)];
        assert_eq!(settled(events.concat()), Some(Changes::Everything), "{path}");
    }
    let overflow = Event::new(EventKind::Other).set_flag(Flag::Rescan);
    assert_eq!(settled([overflow]), Some(Changes::Everything));
    let mut debounce = Debounce::new(WatchOptions::default());
    let now = Instant::now();
    note(&mut debounce, Path::new(ROOT), &Err(notify::Error::generic("the queue is gone")), now);
    assert_eq!(debounce.take(debounce.due().unwrap()), Some(Changes::Everything));
}
