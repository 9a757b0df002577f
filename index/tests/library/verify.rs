//! What [`Library::verify`] finds, and what [`Writer::repair`] makes of it.
//!
//! Damage is done to the database directly, behind the library's back.

use crate::common::{by_vector, document, embed_all, found, library, paths};
use rusqlite::Connection;
use tanya_index::{Error, Finding, Library, Part};

/// A library of three embedded passages, tampered with by `damage`.
fn damaged(damage: &str) -> (tempfile::TempDir, Library) {
    let (dir, library) =
        library(&[document("a.md", &["granite and basalt", "marble"]), document("b.md", &["slate and quartz"])]);
    embed_all(&mut library.writer().unwrap());
    assert_eq!(library.verify(true).unwrap(), []);
    let store = Connection::open(dir.path().join("library.sqlite")).unwrap();
    store.execute_batch(damage).unwrap();
    (dir, library)
}

fn parts(findings: &[Finding]) -> Vec<Part> {
    findings.iter().map(|finding| finding.part).collect()
}

#[test]
fn passages_that_the_word_index_lost_or_kept_too_long_are_found_and_made_again() {
    // The number stays the same: only the numbers of the passages tell.
    let (dir, library) = damaged("UPDATE chunks SET id = 99 WHERE text = 'marble'");
    let findings = library.verify(false).unwrap();
    assert_eq!(parts(&findings), [Part::Words, Part::Words], "{findings:?}");
    assert!(findings[0].what.starts_with("1 of 3 passages"), "{findings:?}");
    assert_eq!(found(&library.snapshot().unwrap(), "marble"), Vec::<String>::new(), "lost until it is repaired");
    let notices = library.writer().unwrap().repair(&findings).unwrap();
    assert!(notices[0].contains("rebuilt: 3 passages"), "{notices:?}");
    assert_eq!(library.verify(true).unwrap(), []);
    assert_eq!(found(&library.snapshot().unwrap(), "marble"), ["a.md"]);
    drop(library);
    assert!(Library::open(dir.path()).unwrap().notices().is_empty(), "nothing is left to repair");
}

#[test]
fn a_missing_list_of_segments_is_found_while_the_library_is_open() {
    let (dir, library) = damaged("");
    std::fs::remove_file(dir.path().join("words/meta.json")).unwrap();
    assert_eq!(parts(&library.verify(true).unwrap()), [Part::Words]);
}

#[test]
fn vectors_that_are_none_wait_to_be_made_again() {
    for (damage, deep) in [
        ("UPDATE vectors SET vector = x'00' WHERE id = 1", false),
        ("UPDATE vectors SET vector = zeroblob(length(vector)) WHERE id = 1", true),
        ("DELETE FROM vectors WHERE id = 1", false),
    ] {
        let (_dir, library) = damaged(damage);
        let findings = library.verify(deep).unwrap();
        assert_eq!(parts(&findings), [Part::Vectors], "{damage}");
        let mut writer = library.writer().unwrap();
        let notices = writer.repair(&findings).unwrap();
        assert_eq!(notices, ["1 passages wait for a new vector."], "{damage}");
        assert_eq!(library.verify(true).unwrap(), [], "{damage}");
        assert_eq!(writer.unembedded(9).unwrap().len(), 1, "{damage}");
        embed_all(&mut writer);
        let snapshot = library.snapshot().unwrap();
        assert_eq!(paths(&snapshot.search(&by_vector("slate and quartz", 1)).unwrap()), ["b.md"], "{damage}");
    }
}

#[test]
fn what_is_wrong_with_the_database_is_said_and_not_hidden_by_a_repair() {
    let (_dir, library) = damaged("PRAGMA foreign_keys = OFF; UPDATE chunks SET file = 77 WHERE text = 'marble'");
    let findings = library.verify(false).unwrap();
    assert!(parts(&findings).contains(&Part::Store), "{findings:?}");
    library.writer().unwrap().repair(&findings).unwrap();
    assert!(parts(&library.verify(false).unwrap()).contains(&Part::Store));
}

#[test]
fn a_library_is_destroyed_with_every_byte_unless_somebody_writes() {
    let (dir, library) = damaged("");
    let place = dir.path().join("one");
    let own = Library::open(&place).unwrap();
    let mut writer = own.writer().unwrap();
    writer.upsert(document("secret.md", &["obsidian"])).unwrap();
    writer.commit().unwrap();
    assert!(matches!(Library::destroy(&place), Err(Error::Locked { .. })));
    drop((writer, own));
    Library::destroy(&place).unwrap();
    assert!(!place.exists());
    Library::destroy(&place).unwrap();
    assert_eq!(found(&library.snapshot().unwrap(), "marble"), ["a.md"], "others stay");
}
