//! The plan on single changes, and its law: applied to what is known, it gives what a fresh scan would give.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

fn hash(content: u8) -> ContentHash {
    ContentHash([content; 32])
}

fn found(path: &str, content: u8, mtime_ns: i64) -> Found {
    Found { path: path.into(), size: u64::from(content) % 3, mtime_ns, verdict: Verdict::Read, hash: None }
}

fn record(path: &str, content: u8, mtime_ns: i64) -> FileRecord {
    FileRecord {
        path: path.into(),
        stamp: FileStamp { size: u64::from(content) % 3, mtime_ns, hash: Some(hash(content)) },
        state: FileState::Indexed,
        reason: None,
        chunks: 1,
    }
}

fn hashed(mut found: Found, content: u8) -> Found {
    found.hash = Some(hash(content));
    found
}

fn scan(found: impl IntoIterator<Item = Found>) -> Scan {
    Scan { found: found.into_iter().collect(), blind: Vec::new() }
}

#[test]
fn an_unchanged_file_costs_no_read() {
    let scan = scan([found("a.md", 1, 10)]);
    assert!(hashes_wanted(&[record("a.md", 1, 10)], &scan).is_empty());
    assert_eq!(plan(&[record("a.md", 1, 10)], &scan), Plan { unchanged: 1, ..Plan::default() });
}

#[test]
fn a_new_time_with_the_same_content_only_moves_the_stamp() {
    let known = [record("a.md", 1, 10)];
    assert_eq!(hashes_wanted(&known, &scan([found("a.md", 1, 20)])), [0]);
    let plan = plan(&known, &scan([hashed(found("a.md", 1, 20), 1)]));
    assert_eq!(plan.touch.len(), 1);
    assert!(plan.change.is_empty());
}

#[test]
fn another_content_of_the_same_size_is_a_change() {
    let plan = plan(&[record("a.md", 1, 10)], &scan([hashed(found("a.md", 1, 20), 4)]));
    assert_eq!(plan.change.len(), 1);
}

#[test]
fn a_moved_file_is_a_rename_and_a_copy_is_not() {
    let known = [record("a.md", 1, 10)];
    let moved = scan([hashed(found("b/a.md", 1, 10), 1)]);
    assert_eq!(hashes_wanted(&known, &moved), [0]);
    let followed = plan(&known, &moved);
    assert_eq!((followed.rename.len(), followed.remove.len(), followed.add.len()), (1, 0, 0));
    let copied = plan(&known, &scan([found("a.md", 1, 10), hashed(found("b.md", 1, 10), 1)]));
    assert_eq!((copied.rename.len(), copied.add.len(), copied.unchanged), (0, 1, 1));
}

#[test]
fn a_file_renamed_to_another_format_is_read_again() {
    let plan = plan(&[record("a.txt", 1, 10)], &scan([hashed(found("a.md", 1, 10), 1)]));
    assert_eq!((plan.rename.len(), plan.remove.len(), plan.add.len()), (0, 1, 1));
}

#[test]
fn what_lies_under_an_unreadable_folder_stays() {
    let blind = Scan { found: Vec::new(), blind: vec!["secret/".into()] };
    let plan = plan(&[record("secret/a.md", 1, 10), record("b.md", 1, 10)], &blind);
    assert_eq!(plan.remove, ["b.md"]);
}

#[test]
fn a_file_that_could_not_be_opened_is_tried_again_and_a_parser_failure_is_not() {
    let mut unopened = record("a.md", 1, 10);
    unopened.state = FileState::Failed;
    unopened.stamp.hash = None;
    assert_eq!(plan(&[unopened], &scan([found("a.md", 1, 10)])).change.len(), 1);
    let mut crashed = record("a.pdf", 1, 10);
    crashed.state = FileState::Failed;
    assert_eq!(plan(&[crashed], &scan([found("a.pdf", 1, 10)])).unchanged, 1);
}

#[test]
fn an_unread_file_is_recorded_once_and_again_when_its_reason_changes() {
    let unread =
        |reason: &str| Found { verdict: Verdict::Unread(FileState::Skipped, reason.into()), ..found("a.docx", 1, 10) };
    let mut known = record("a.docx", 1, 10);
    known.stamp.hash = None;
    known.state = FileState::Skipped;
    known.reason = Some("not read yet: .docx".into());
    assert_eq!(plan(&[known.clone()], &scan([unread("not read yet: .docx")])).unchanged, 1);
    assert_eq!(plan(&[known], &scan([unread("larger than 3 MiB")])).change.len(), 1);
}

/// A folder: path → content and time. Contents 0–5 have three sizes, so that sizes collide.
type Folder = BTreeMap<String, (u8, i64)>;

fn any_folder() -> impl Strategy<Value = Folder> {
    prop::collection::btree_map("[a-d](/[ab])?\\.(md|txt)", (0..6_u8, 0..4_i64), 0..8)
}

fn fresh(folder: &Folder) -> BTreeMap<String, FileStamp> {
    folder
        .iter()
        .map(|(path, (content, mtime_ns))| {
            (path.clone(), FileStamp { size: u64::from(*content) % 3, mtime_ns: *mtime_ns, hash: Some(hash(*content)) })
        })
        .collect()
}

proptest! {
    #[test]
    fn applying_the_plan_gives_the_state_of_a_fresh_scan(before in any_folder(), after in any_folder(), kept in prop::collection::vec(any::<bool>(), 8)) {
        // Half of the files stay, so that all cases of the plan occur; a file that keeps its time keeps its content.
        let mut after = after;
        for ((path, state), kept) in before.iter().zip(kept) {
            if kept || after.get(path).is_some_and(|(_, mtime_ns)| *mtime_ns == state.1) {
                after.insert(path.clone(), *state);
            }
        }
        let known: Vec<FileRecord> = before.iter().map(|(path, (content, mtime_ns))| record(path, *content, *mtime_ns)).collect();
        let mut folder = scan(after.iter().map(|(path, (content, mtime_ns))| found(path, *content, *mtime_ns)));
        for at in hashes_wanted(&known, &folder) {
            let content = after[&folder.found[at].path].0;
            folder.found[at].hash = Some(hash(content));
        }
        let plan = plan(&known, &folder);
        let mut state = fresh(&before);
        for path in &plan.remove {
            prop_assert!(state.remove(path).is_some());
        }
        for Rename { from, to, stamp } in &plan.rename {
            let old = state.remove(from).unwrap();
            prop_assert_eq!(old.hash, stamp.hash);
            prop_assert!(state.insert(to.clone(), stamp.clone()).is_none());
        }
        for (path, stamp) in &plan.touch {
            prop_assert_eq!(&state[path].hash, &stamp.hash);
            state.insert(path.clone(), stamp.clone());
        }
        for read in plan.add.iter().chain(&plan.change) {
            state.insert(read.path.clone(), fresh(&after)[&read.path].clone());
        }
        prop_assert_eq!(state, fresh(&after));
        prop_assert_eq!(plan.unchanged as usize + plan.rename.len() + plan.touch.len() + plan.add.len() + plan.change.len(), after.len());
    }
}
