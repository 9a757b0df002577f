use std::time::{Duration, SystemTime};

use super::*;
use crate::answer::Answer;

fn turn(question: &str, asked_at: u64) -> Turn {
    let answer = Answer { trace: Some(Box::default()), ..Answer::of_text(&format!("about {question}")) };
    Turn::new(question.into(), answer, asked_at)
}

fn saved(store: &SessionStore, seconds: u64, questions: &[&str]) -> Conversation {
    let mut conversation = Conversation::new("/notes", SystemTime::UNIX_EPOCH + Duration::from_secs(seconds));
    for (at, question) in questions.iter().enumerate() {
        conversation.push(turn(question, seconds + at as u64));
        store.append(&conversation).unwrap();
    }
    conversation
}

#[test]
fn a_conversation_reads_back_as_it_was_saved() {
    let dir = tempfile::tempdir().unwrap();
    let store = SessionStore::at(dir.path().join("sessions"));
    let conversation = saved(&store, 100, &["first?", "second?\nwith two lines"]);
    assert_eq!(store.load(&conversation.id).unwrap(), conversation);
}

#[test]
fn a_line_cut_by_a_crash_costs_only_that_turn_and_the_next_append_repairs_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let store = SessionStore::at(dir.path().to_owned());
    let mut conversation = saved(&store, 100, &["first?", "second?"]);
    let path = store.path(&conversation.id);
    let bytes = std::fs::read(&path).unwrap();
    let first_turn_ends = bytes.iter().enumerate().filter(|(_, b)| **b == b'\n').nth(1).unwrap().0 + 1;
    for cut in first_turn_ends..bytes.len() - 1 {
        std::fs::write(&path, &bytes[..cut]).unwrap();
        assert_eq!(store.load(&conversation.id).unwrap().turns.len(), 1, "cut at {cut}");
    }
    conversation.turns.pop();
    conversation.push(turn("third?", 130));
    store.append(&conversation).unwrap();
    assert_eq!(store.load(&conversation.id).unwrap(), conversation);
}

#[test]
fn lists_stand_newest_first_and_pass_over_what_is_not_a_session() {
    let dir = tempfile::tempdir().unwrap();
    let store = SessionStore::at(dir.path().to_owned());
    saved(&store, 100, &["old?"]);
    saved(&store, 200, &["new?"]);
    std::fs::write(dir.path().join("broken.jsonl"), "{").unwrap();
    std::fs::write(dir.path().join("notes.txt"), "x").unwrap();
    let titles: Vec<String> = store.list().unwrap().into_iter().map(|summary| summary.title).collect();
    assert_eq!(titles, ["new?", "old?"]);
}

#[test]
fn files_are_private_and_ids_cannot_leave_the_folder() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().unwrap();
    let store = SessionStore::at(dir.path().join("s"));
    let conversation = saved(&store, 100, &["first?"]);
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&store.path(&conversation.id)), mode(&store.dir)), (0o600, 0o700));
    assert_eq!(SessionId::parse("../../etc/passwd"), None);
}

#[test]
fn a_session_of_a_newer_version_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let store = SessionStore::at(dir.path().to_owned());
    let id = SessionId::parse("abc").unwrap();
    std::fs::write(store.path(&id), "{\"version\":99,\"folder\":\"/x\",\"created_at\":1}\n").unwrap();
    let error = format!("{:#}", store.load(&id).unwrap_err());
    assert!(error.contains("newer version"), "{error}");
}

#[test]
fn a_turn_whose_save_failed_is_saved_with_the_next_one() {
    let dir = tempfile::tempdir().unwrap();
    let store = SessionStore::at(dir.path().to_owned());
    let mut conversation = saved(&store, 100, &["first?"]);
    conversation.push(turn("never saved?", 101));
    conversation.push(turn("third?", 102));
    store.append(&conversation).unwrap();
    assert_eq!(store.load(&conversation.id).unwrap(), conversation);
}

#[test]
fn a_session_that_cannot_be_read_can_be_deleted() {
    let dir = tempfile::tempdir().unwrap();
    let store = SessionStore::at(dir.path().to_owned());
    let id = SessionId::parse("broken").unwrap();
    std::fs::write(store.path(&id), "{").unwrap();
    store.remove(&id).unwrap();
    assert!(store.remove(&id).is_err());
}

#[test]
fn conversations_are_told_by_their_folder_even_where_the_rest_cannot_be_read() {
    let dir = tempfile::tempdir().unwrap();
    let store = SessionStore::at(dir.path().to_owned());
    let whole = saved(&store, 100, &["first?"]).id;
    let damaged = saved(&store, 200, &["second?", "third?"]).id;
    let text = std::fs::read_to_string(store.path(&damaged)).unwrap().replace("\"question\"", "\"quest");
    std::fs::write(store.path(&damaged), text).unwrap();
    std::fs::write(dir.path().join("broken.jsonl"), "{").unwrap();
    let mut found = store.of_folder("/notes").unwrap();
    found.own.sort();
    assert_eq!(found.own, [whole.clone(), damaged.clone()]);
    assert_eq!(found.unreadable, [SessionId::parse("broken").unwrap()]);
    assert!(store.of_folder("/other").unwrap().own.is_empty());
    assert!(store.may_quote(&whole, &|turn: &Turn| turn.question == "first?"));
    assert!(!store.may_quote(&whole, &|_: &Turn| false));
    assert!(store.may_quote(&damaged, &|_: &Turn| false), "what cannot be read may be anything");
}

#[test]
fn a_trimmed_conversation_keeps_its_turns_and_nothing_of_a_cut_one() {
    let dir = tempfile::tempdir().unwrap();
    let store = SessionStore::at(dir.path().to_owned());
    let conversation = saved(&store, 100, &["first?", "second?"]);
    let path = store.path(&conversation.id);
    let whole = std::fs::read(&path).unwrap();
    std::fs::write(&path, [&whole[..], b"{\"question\":\"cut"].concat()).unwrap();
    store.trim(&conversation.id).unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), whole);
    store.trim(&conversation.id).unwrap();
    assert_eq!(store.load(&conversation.id).unwrap(), conversation);
}

#[test]
fn a_name_stands_in_for_the_first_question_and_outlives_more_turns_and_a_cut_line() {
    let dir = tempfile::tempdir().unwrap();
    let store = SessionStore::at(dir.path().to_owned());
    let mut conversation = saved(&store, 100, &["first?", "second?"]);
    store.rename(&conversation.id, "  pear\n trees ").unwrap();
    assert_eq!(store.load(&conversation.id).unwrap().title, "pear trees");
    let path = store.path(&conversation.id);
    let mut file = OpenOptions::new().append(true).open(&path).unwrap();
    file.write_all(b"{\"name\":\"cut").unwrap();
    conversation.push(turn("third?", 130));
    store.append(&conversation).unwrap();
    store.rename(&conversation.id, "apples").unwrap();
    conversation.push(turn("fourth?", 140));
    store.append(&conversation).unwrap();
    let loaded = store.load(&conversation.id).unwrap();
    assert_eq!((loaded.title.as_str(), loaded.turns), ("apples", conversation.turns));
    assert_eq!(store.list().unwrap()[0].title, "apples");
    assert!(store.rename(&conversation.id, " \n").is_err());
    assert!(store.rename(&SessionId::parse("nobody").unwrap(), "x").is_err());
    assert!(!dir.path().join("nobody.jsonl").exists());
}

#[test]
fn words_are_found_in_one_turn_of_a_folder_newest_first() {
    let dir = tempfile::tempdir().unwrap();
    let store = SessionStore::at(dir.path().to_owned());
    let old = saved(&store, 100, &["which pear?", "which plum?"]);
    let new = saved(&store, 200, &["the PEAR again?"]);
    std::fs::write(dir.path().join("broken.jsonl"), "{").unwrap();
    let found = |words: &str, folder: Option<&str>| -> Vec<(SessionId, Vec<usize>)> {
        let words = Words::parse(words).unwrap();
        let found = store.search(&words, folder).unwrap();
        found.into_iter().map(|f| (f.session.id, f.excerpts.iter().map(|excerpt| excerpt.turn).collect())).collect()
    };
    assert_eq!(found("pear", Some("/notes")), [(new.id.clone(), vec![1]), (old.id.clone(), vec![1])]);
    assert_eq!(found("plum", None), [(old.id.clone(), vec![2])]);
    assert!(found("pear plum", None).is_empty(), "they stand in two turns");
    assert!(found("pear", Some("/elsewhere")).is_empty());
    store.rename(&old.id, "orchard").unwrap();
    assert_eq!(found("orchard", None), [(old.id.clone(), vec![])]);
}

#[test]
fn a_branch_shares_the_first_turns_and_leaves_the_old_conversation_alone() {
    let dir = tempfile::tempdir().unwrap();
    let store = SessionStore::at(dir.path().to_owned());
    let old = saved(&store, 100, &["first?", "second?"]);
    let mut branch = old.branch(1, SystemTime::UNIX_EPOCH + Duration::from_mins(5));
    branch.push(turn("other?", 301));
    store.append(&branch).unwrap();
    assert_eq!(store.load(&branch.id).unwrap(), branch);
    assert_eq!(store.load(&old.id).unwrap(), old);
    assert_ne!(branch.id, old.id);
}
