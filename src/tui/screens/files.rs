//! The library's files: pictures, filters, and laws of keys.

use std::time::Duration;

use proptest::prelude::*;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::{Harness, fixtures};
use crate::ingest::Entry;
use crate::jobs::{IngestEvent, JobEvent};
use crate::tui::effect::Effect;
use crate::tui::msg::Msg;
use crate::tui::state::{Files, FilesMode, Screen, Which};

const SIZES: [(u16, u16); 4] = [(40, 16), (80, 20), (120, 24), (200, 24)];

fn pictures(name: &str, prepare: impl Fn(&mut Harness)) {
    for (width, height) in SIZES {
        let mut app = Harness::new(width, height);
        prepare(&mut app);
        insta::assert_snapshot!(format!("{name}_{width}x{height}"), app.dump());
    }
}

fn listed(app: &mut Harness, list: Vec<Entry>) {
    app.send(Msg::Job(JobEvent::LibraryListed(Ok(list))));
}

/// The list of the usual files.
fn open(app: &mut Harness) {
    app.ready();
    app.ctrl('o');
    listed(app, fixtures::files());
}

fn files(app: &Harness) -> &Files {
    match &app.state.screen {
        Screen::Files(files) => files,
        other => panic!("{other:?}"),
    }
}

fn paths(app: &Harness) -> Vec<&str> {
    files(app).shown(0).map(|entry| entry.path.as_str()).collect()
}

fn shift(app: &mut Harness, code: KeyCode) {
    app.send(Msg::Key(KeyEvent::new(code, KeyModifiers::SHIFT)));
}

#[test]
fn the_library_with_problems() {
    pictures("files", open);
}

#[test]
fn the_library_without_problems() {
    pictures("files_whole", |app| {
        let status =
            tanya_index::Status { indexed: 1204, partly: 0, skipped: 0, failed: 0, ..fixtures::status(18_930) };
        app.ingest(IngestEvent::Status(status));
        app.ingest(IngestEvent::Idle);
        app.type_line("/library");
        listed(app, fixtures::files().into_iter().filter(|entry| !entry.is_problem()).collect());
    });
}

#[test]
fn the_library_while_it_is_read() {
    pictures("files_reading", |app| {
        app.ingest(IngestEvent::Scanned { files: 1204, changed: 1204, removed: 0 });
        app.ingest(IngestEvent::Reading { path: "garden/2024-spring.md".into(), done: 412, total: 1204 });
        app.ingest(IngestEvent::Status(fixtures::status(0)));
        app.ctrl('o');
        listed(app, fixtures::files());
        app.key(KeyCode::Tab);
        app.key(KeyCode::Char('/'));
        app.text("a");
        app.key(KeyCode::Down);
    });
}

#[test]
fn all_that_is_known_of_one_file() {
    pictures("files_details", |app| {
        open(app);
        app.key(KeyCode::Char('G'));
        app.key(KeyCode::Up);
        app.key(KeyCode::Enter);
    });
}

#[test]
fn a_list_that_is_not_there_yet_is_said_and_an_empty_one_too() {
    let mut app = Harness::new(80, 20);
    app.ctrl('o');
    assert_eq!(app.effects.pop(), Some(Effect::ListLibrary));
    assert!(app.body().contains("loading"), "{}", app.body());
    listed(&mut app, Vec::new());
    assert!(app.body().contains("No file is known yet."), "{}", app.body());
    for code in [KeyCode::Enter, KeyCode::Char('o'), KeyCode::Char('r'), KeyCode::Down, KeyCode::End] {
        app.key(code);
    }
    assert_eq!((files(&app).mode, app.effects.len()), (FilesMode::Browse, 0));
}

#[test]
fn the_details_of_a_file_do_not_become_those_of_another_when_it_leaves_the_list() {
    let mut app = Harness::new(80, 20);
    open(&mut app);
    app.key(KeyCode::Tab);
    app.key(KeyCode::Enter);
    let gone = files(&app).current().unwrap().path.clone();
    assert!(matches!(files(&app).mode, FilesMode::Details(_)) && paths(&app).len() > 1);
    listed(&mut app, fixtures::files().into_iter().filter(|entry| entry.path != gone).collect());
    assert_eq!(files(&app).mode, FilesMode::Browse);
}

#[test]
fn a_list_that_cannot_be_made_is_said_and_leaves_the_chat() {
    let mut app = Harness::new(80, 20);
    app.ctrl('o');
    let report = crate::report::Report::new(&anyhow::anyhow!("the library cannot be read"));
    app.send(Msg::Job(JobEvent::LibraryListed(Err(report))));
    assert_eq!(app.state.screen, Screen::Chat);
    assert!(app.screen().contains("the library cannot be read"), "{}", app.screen());
}

#[test]
fn tab_goes_through_the_kinds_and_words_narrow_each_down() {
    let mut app = Harness::new(80, 20);
    open(&mut app);
    let numbers: Vec<usize> = files(&app).counts().map(|(_, number)| number).collect();
    assert_eq!(numbers, [6, 3, 1, 1, 1]);
    app.key(KeyCode::Tab);
    assert_eq!(files(&app).which(), Which::Problems);
    assert_eq!(paths(&app)[..2], ["books/steppe.pdf", "photos/pear.jpg"]);
    app.key(KeyCode::Char('/'));
    app.text("PDF taxes");
    assert_eq!(paths(&app), [fixtures::files()[4].path.as_str()], "all words, whatever their case");
    app.key(KeyCode::Char('x'));
    assert!(paths(&app).is_empty() && app.body().contains("No path holds these words."), "{}", app.body());
    app.key(KeyCode::Esc);
    assert_eq!((paths(&app).len(), files(&app).mode), (3, FilesMode::Browse));
    app.key(KeyCode::Tab);
    assert_eq!(paths(&app), [fixtures::files()[4].path.as_str()]);
    shift(&mut app, KeyCode::BackTab);
    shift(&mut app, KeyCode::BackTab);
    shift(&mut app, KeyCode::BackTab);
    assert_eq!((files(&app).which(), paths(&app)), (Which::Skipped, vec!["photos/pear.jpg"]));
    app.key(KeyCode::Esc);
    assert_eq!(app.state.screen, Screen::Chat);
}

#[test]
fn a_file_is_opened_or_read_again_and_the_whole_folder_too() {
    let mut app = Harness::new(80, 20);
    open(&mut app);
    app.effects.clear();
    app.key(KeyCode::Down);
    app.key(KeyCode::Char('o'));
    app.key(KeyCode::Char('r'));
    app.key(KeyCode::Enter);
    app.key(KeyCode::Char(']'));
    app.key(KeyCode::Char('r'));
    app.key(KeyCode::Esc);
    shift(&mut app, KeyCode::Char('R'));
    let [Effect::Open(target), rest @ ..] = &app.effects[..] else { panic!("{:?}", app.effects) };
    assert_eq!((target.path.as_str(), target.line), ("garden/2024-spring.md", 1));
    let all = fixtures::files();
    assert_eq!(rest, [Some(all[1].path.clone()), Some(all[2].path.clone()), None].map(Effect::ReadAgain));
    assert!(app.screen().contains("to be read again: the whole folder"), "{}", app.screen());

    app.effects.clear();
    app.ingest(IngestEvent::ReadOnly { holder: Some(7) });
    app.key(KeyCode::Char('r'));
    assert_eq!(app.effects, [], "another program writes the library");
    assert!(app.screen().contains("another tanya updates this folder"), "{}", app.screen());
}

#[test]
fn the_list_follows_the_library_without_haste_and_keeps_what_is_selected() {
    let mut app = Harness::new(80, 20);
    open(&mut app);
    app.key(KeyCode::Down);
    app.effects.clear();
    let at = |app: &mut Harness, ms: u64, event: IngestEvent| {
        app.at(Duration::from_millis(ms), Msg::Job(JobEvent::Ingest(event)));
        std::mem::take(&mut app.effects)
    };
    let reading = || IngestEvent::Reading { path: "x".into(), done: 1, total: 9 };
    let commit = |generation| IngestEvent::Status(tanya_index::Status { generation, ..fixtures::status(0) });
    assert_eq!(at(&mut app, 10, IngestEvent::Idle), [], "nothing changed");
    assert_eq!(at(&mut app, 20, reading()), []);
    assert_eq!(at(&mut app, 30, commit(8)), [], "just listed");
    assert_eq!(at(&mut app, 1500, commit(9)), [Effect::ListLibrary]);
    assert_eq!(at(&mut app, 9000, commit(10)), [], "one list at a time");
    let mut list = fixtures::files();
    list.insert(0, fixtures::file("a.md", tanya_index::FileState::Indexed, 1, 1, None));
    listed(&mut app, list);
    assert_eq!(app.effects, [], "a list that took long is not asked for at once");
    assert_eq!(files(&app).current().map(|entry| entry.path.as_str()), Some("garden/2024-spring.md"));
    assert_eq!(at(&mut app, 9500, commit(11)), []);
    assert_eq!(at(&mut app, 9600, IngestEvent::Idle), [Effect::ListLibrary], "nothing more comes by itself");
}

#[test]
fn a_frame_and_a_word_cost_the_same_in_a_folder_of_a_hundred_thousand_files() {
    let mut app = Harness::new(120, 40);
    app.ready();
    app.ctrl('o');
    let many =
        (0..100_000).map(|n| fixtures::file(&format!("a/{n:06}.md"), tanya_index::FileState::Indexed, n, 1, None));
    listed(&mut app, many.collect());
    app.key(KeyCode::End);
    assert!(app.body().contains("a/099999.md") && app.body().contains("a/099980.md"), "{}", app.body());
    assert!(!app.body().contains("a/099900.md"));
    app.key(KeyCode::Char('/'));
    app.text("777");
    assert_eq!(files(&app).count(), 280);
}

fn key() -> impl Strategy<Value = KeyEvent> {
    let plain = prop::sample::select(vec!['/', 'a', 'o', 'r', 'R', 'j', 'k', 'g', 'G', '[', ']', ' ', '日']);
    let code = prop_oneof![
        plain.prop_map(KeyCode::Char),
        prop::sample::select(vec![
            KeyCode::Enter,
            KeyCode::Esc,
            KeyCode::Tab,
            KeyCode::BackTab,
            KeyCode::Up,
            KeyCode::Down,
            KeyCode::PageUp,
            KeyCode::PageDown,
            KeyCode::Home,
            KeyCode::End,
            KeyCode::Backspace,
        ]),
    ];
    code.prop_map(|code| KeyEvent::new(code, KeyModifiers::NONE))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_keys_leave_a_selection_that_is_shown(
        list in prop::collection::vec(super::entry(), 0..30),
        later in prop::collection::vec(super::entry(), 0..30),
        keys in prop::collection::vec(key(), 0..40),
        height in 10_u16..30,
    ) {
        let mut app = Harness::new(60, height);
        app.ctrl('o');
        let half = keys.len() / 2;
        for (at, key) in keys.into_iter().enumerate() {
            if at == 0 {
                listed(&mut app, list.clone());
            } else if at == half {
                listed(&mut app, later.clone());
            }
            app.send(Msg::Key(key));
            app.picture();
            let Screen::Files(files) = &app.state.screen else { return Ok(()) };
            prop_assert_eq!(files.current().is_some(), files.count() > 0);
            prop_assert_eq!(files.count(), files.shown(0).count());
            if let FilesMode::Details(_) = files.mode {
                prop_assert!(files.current().is_some(), "details of nothing");
            }
            for word in files.filter().split_whitespace() {
                let word = word.to_lowercase();
                prop_assert!(files.shown(0).all(|entry| entry.path.to_lowercase().contains(&word)));
            }
        }
    }
}
