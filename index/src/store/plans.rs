//! How `SQLite` goes about the statements whose cost would grow with the library: by an index, not over a whole table.
//!
//! Plans depend on the tables and their indexes alone: no statistics are ever gathered.

use super::read::vectors::{CHUNK_HASHES, SINCE, VECTOR_HASHES};
use super::read::{CHUNK, OUTLINE, TAKEN_UP_SINCE};
use super::write::REMOVE_ORPHAN;
use super::{open, schema};
use crate::verify::{LET_WAIT, WITHOUT_VECTOR};

/// What `SQLite` says that it will do.
fn steps_of(statement: &str) -> Vec<String> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("library.sqlite");
    schema::prepare(&path).unwrap();
    let connection = open(&path).unwrap();
    let mut explained = connection.prepare(&format!("EXPLAIN QUERY PLAN {statement}")).unwrap();
    // Parameters stay unbound: a plan is made without them.
    let mut rows = explained.raw_query();
    let mut steps = Vec::new();
    while let Some(row) = rows.next().unwrap() {
        steps.push(row.get(3).unwrap());
    }
    assert!(!steps.is_empty(), "{statement} has no plan");
    steps
}

/// The tables that a statement reads from end to end.
fn read_whole(statement: &str) -> Vec<String> {
    let steps = steps_of(statement);
    assert!(steps.iter().all(|step| !step.contains("TEMP B-TREE")), "{statement} sorts: {steps:?}");
    let scanned = steps.iter().filter_map(|step| step.strip_prefix("SCAN "));
    scanned.map(|rest| rest.split(' ').next().unwrap_or_default().to_owned()).collect()
}

#[test]
fn a_commit_costs_what_it_changes_not_what_there_is() {
    assert_eq!(read_whole(&format!("{CHUNK}{TAKEN_UP_SINCE}")), [] as [&str; 0]);
    assert_eq!(read_whole(REMOVE_ORPHAN), [] as [&str; 0]);
    assert_eq!(read_whole(SINCE), [] as [&str; 0]);
}

#[test]
fn looking_for_passages_without_a_vector_reads_them_once_and_the_vectors_by_index() {
    // `library` has one row.
    for statement in [WITHOUT_VECTOR, LET_WAIT] {
        assert_eq!(read_whole(statement), ["chunks", "library"], "{statement}");
    }
}

#[test]
fn an_outline_goes_by_two_indexes_and_sorts_nothing() {
    assert_eq!(read_whole(OUTLINE), ["f"]);
}

#[test]
fn chunks_meet_their_vectors_by_two_indexes_that_hold_what_is_asked_for() {
    assert_eq!(read_whole(CHUNK_HASHES), ["chunks"]);
    assert_eq!(read_whole(VECTOR_HASHES), [] as [&str; 0]);
    for statement in [CHUNK_HASHES, VECTOR_HASHES] {
        assert!(steps_of(statement).iter().all(|step| step.contains("USING COVERING INDEX")), "{statement}");
    }
}
