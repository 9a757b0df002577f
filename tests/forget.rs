//! `tanya forget` and `tanya purge` through the real binary: afterwards no file of the program holds a byte of what was in the document.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod common;

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use common::Home;
use serde_json::Value;
use tanya::answer::Answer;
use tanya::chat::{Conversation, SessionStore, Turn};

/// Nonsense that nothing but the document holds.
const WORD: &str = "zuqimvoxelthrabjun";
const QUESTION: &str = "When did I prune the pear tree?";

fn home() -> Home {
    let home = Home::new();
    home.write("diary.md", format!("# Diary\n\nOn March 9 I pruned the pear tree with the {WORD}ing saw.\n")).write(
        "books.md",
        "---\ntags: [Reading]\n---\n# Books\n\nA history of the steppe and its horsemen. #history/asia\n",
    );
    home.run(&["index"]).ok();
    let folder = home.docs().canonicalize().unwrap().display().to_string();
    converse(&home, &folder, QUESTION, "diary.md");
    converse(&home, &folder, "What is the history of the steppe about?", "books.md");
    converse(&home, "/elsewhere", "What is the history of the steppe about?", "books.md");
    std::fs::write(home.data().join("sessions/broken.jsonl"), "{").unwrap();
    std::fs::create_dir_all(home.data().join("contexts")).unwrap();
    std::fs::write(home.data().join("contexts/1.kv"), WORD).unwrap();
    let log = home.root().join("state/tanya/tanya.log");
    std::fs::write(log, format!("WARN diary.md: {WORD}\n")).unwrap();
    home
}

/// Asks for real, and keeps the answer as the screen does, as if it had been given from `document` alone: in a folder of two documents
/// each is found for everything.
fn converse(home: &Home, folder: &str, question: &str, document: &str) {
    let ran = home.run(&["ask", "--json", "--max-tokens", "12", question]);
    let mut answer: Answer = serde_json::from_value(ran.json().remove(0)).unwrap();
    answer.sources.retain(|source| source.path == document);
    answer.citations.retain(|citation| citation.path == document);
    assert!(!answer.sources.is_empty(), "{answer:?}");
    if document == "books.md" {
        answer.answer = "It is about horsemen.".into();
    }
    let mut conversation = Conversation::new(folder, SystemTime::now());
    conversation.push(Turn::new(question.to_owned(), answer, 1));
    SessionStore::at(home.data().join("sessions")).append(&conversation).unwrap();
}

fn files_below(dir: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap().map(Result::unwrap) {
        let kind = entry.file_type().unwrap();
        if kind.is_dir() && entry.file_name() != "docs" {
            files.extend(files_below(&entry.path()));
        } else if kind.is_file() {
            files.push(entry.path());
        }
    }
    files
}

/// The files of the program that hold eight bytes of the word, as text or as UTF-16; the models are links, and not ours.
fn holders(home: &Home) -> Vec<PathBuf> {
    let wide: Vec<u8> = WORD.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let pieces: Vec<&[u8]> = WORD.as_bytes().windows(8).chain(wide.windows(8)).collect();
    let mut files = files_below(home.root());
    files.retain(|file| {
        let bytes = std::fs::read(file).unwrap();
        bytes.windows(8).any(|here| pieces.contains(&here))
    });
    files
}

fn names(files: &[PathBuf]) -> Vec<String> {
    let mut names: Vec<String> =
        files.iter().map(|file| file.file_name().unwrap().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

fn found(home: &Home, arguments: &[&str]) -> Vec<String> {
    let ran = home.run(&[&["search", "--json"], arguments].concat()).ok();
    let hits = ran.json().remove(0)["hits"].take();
    let mut found: Vec<String> =
        hits.as_array().unwrap().iter().map(|hit| hit["path"].as_str().unwrap().to_owned()).collect();
    found.sort();
    found.dedup();
    found
}

fn library(home: &Home) -> PathBuf {
    let status = home.run(&["status", "--json"]).ok().json().remove(0);
    PathBuf::from(status["library"].as_str().unwrap())
}

#[test]
fn a_forgotten_file_is_in_no_byte_and_does_not_come_back_until_it_may() {
    let home = home();
    let before = names(&holders(&home));
    for holder in ["library.sqlite", "1.kv", "tanya.log"] {
        assert!(before.iter().any(|name| name == holder), "the search is blind to {holder}: {before:?}");
    }
    assert!(before.iter().any(|name| name.contains(".jsonl")), "{before:?}");
    let refused = home.run(&["forget", "diary.md"]);
    assert!(refused.code == Some(1) && refused.err.contains("hint: add --yes"), "{}", refused.err);
    assert!(refused.err.contains("1 conversation in which"), "{}", refused.err);
    assert!(home.run(&["forget"]).code == Some(2));
    home.run(&["forget", "--yes", "../elsewhere.md"]).fails_with(&["not below"]);

    let ran = home.run(&["forget", "--yes", "--json", "diary.md"]).ok();
    let done = ran.json().remove(0);
    assert_eq!((&done["files"], &done["conversations"]), (&Value::from(1), &Value::from(1)), "{done}");
    assert_eq!((&done["forgotten"][0], &done["unreadable_conversations"]), (&Value::from("diary.md"), &Value::from(1)));
    assert_eq!(holders(&home), Vec::<PathBuf>::new());

    // The file is there and changes; the updates of these searches and of `index` leave it alone.
    home.write("diary.md", format!("# Diary\n\nMore about the {WORD}.\n"));
    assert_eq!(found(&home, &["--by", "words", WORD]), Vec::<String>::new());
    home.run(&["index"]).ok();
    assert_eq!(holders(&home), Vec::<PathBuf>::new());
    assert_eq!(found(&home, &["--by", "words", "horsemen"]), ["books.md"]);
    assert_eq!(found(&home, &["--by", "meaning", "horsemen"]), ["books.md"]);
    assert_eq!(home.run(&["sessions", "--json"]).ok().json()[0].as_array().unwrap().len(), 2);
    let status = home.run(&["status", "--json"]).ok().json().remove(0);
    let problem = &status["problems"][0];
    assert_eq!((&problem["path"], &problem["state"]), (&Value::from("diary.md"), &Value::from("skipped")));
    assert_eq!(problem["reason"], "forgotten on request");
    assert!(problem["hint"].as_str().unwrap().contains("--undo"), "{problem}");

    assert_eq!(home.run(&["forget", "--list"]).ok().out, "diary.md\n");
    home.run(&["forget", "--yes", "diary.md"]).ok();
    home.run(&["forget", "--undo", "books.md"]).fails_with(&["was not forgotten"]);
    home.run(&["forget", "--undo", "diary.md"]).ok();
    assert_eq!(found(&home, &["--by", "words", WORD]), ["diary.md"]);
}

#[test]
fn a_purge_leaves_no_byte_of_a_whole_or_a_damaged_library() {
    for damaged in [false, true] {
        let home = home();
        let library = library(&home);
        if damaged {
            std::fs::write(library.join("library.sqlite"), WORD.repeat(100)).unwrap();
            std::fs::write(library.join("words/meta.json"), WORD).unwrap();
        }
        assert!(!holders(&home).is_empty());
        let ran = home.run(&["purge", "--yes"]).ok();
        assert!(ran.out.contains("2 conversations") && ran.err.contains("--all-unreadable"), "{}{}", ran.out, ran.err);
        // The conversation about another folder quotes the other document, and stays.
        assert_eq!(holders(&home), Vec::<PathBuf>::new(), "damaged: {damaged}");
        assert!(!library.exists());
        assert_eq!(home.run(&["sessions", "--json"]).ok().json()[0].as_array().unwrap().len(), 1);
        assert!(home.data().join("sessions/broken.jsonl").exists());
        home.run(&["purge", "--yes", "--all-unreadable"]).ok();
        assert!(!home.data().join("sessions/broken.jsonl").exists());
        let again = home.run(&["purge", "--yes"]).ok();
        assert!(again.out.contains("nothing is remembered"), "{}", again.out);
    }
}

#[test]
fn what_is_remembered_of_a_folder_that_is_gone_can_be_purged() {
    let home = home();
    let library = library(&home);
    let folder = home.root().join("docs").canonicalize().unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
    let run = |folder: &Path| {
        let arguments = ["purge", "--yes", "--folder", folder.to_str().unwrap(), "--offline"];
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_tanya"));
        common::Ran::new(command.args(arguments).envs(home.env()).current_dir(home.root()).output().unwrap())
    };
    run(&home.root().join("never")).fails_with(&["cannot open the folder"]);
    run(&folder).ok();
    assert!(!library.exists());
    assert_eq!(holders(&home), Vec::<PathBuf>::new());
    run(&folder).fails_with(&["cannot open the folder"]);
}

#[test]
fn tags_of_notes_narrow_a_search_down() {
    let home = Home::without_models();
    home.write("a.md", "---\ntags: [Recipes]\n---\n# Jam\n\nQuinces and sugar.\n")
        .write("b.md", "# Stew\n\nQuinces with lamb. #recipes/savory `#code`\n")
        .write("c.md", "# Tree\n\nThe quinces are ripe.\n")
        .write("d.txt", "Quinces in plain text #recipes\n");
    let found = |search: &str| found(&home, &["--by", "words", search]);
    assert_eq!(found("quinces tag:recipes"), ["a.md", "b.md"]);
    assert_eq!(found("quinces tag:recipes/savory"), ["b.md"]);
    assert_eq!(found("quinces tag:code"), Vec::<String>::new());
    home.write("c.md", "# Tree\n\nThe quinces are ripe, for #recipes.\n");
    assert_eq!(found("quinces tag:recipes"), ["a.md", "b.md", "c.md"]);
}
