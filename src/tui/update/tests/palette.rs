//! The list of commands, and keys of one's own.

use ratatui::crossterm::event::KeyCode;

use crate::tui::effect::Effect;
use crate::tui::fixtures::{self, Harness};
use crate::tui::keymap::Keymap;
use crate::tui::msg::Msg;
use crate::tui::state::{Focus, Mode, Screen};

fn ids(app: &Harness) -> Vec<&'static str> {
    let palette = app.state.palette.as_ref().expect("the list is open");
    app.state.offered(palette).iter().map(|entry| entry.id).collect()
}

#[test]
fn some_letters_find_a_command_and_enter_runs_it() {
    let mut app = Harness::new(80, 24);
    app.ctrl('p');
    app.text("earl conv");
    assert_eq!(ids(&app)[0], "sessions", "{:?}", ids(&app));
    app.key(KeyCode::Enter);
    assert!(app.state.palette.is_none() && matches!(app.state.screen, Screen::Sessions(_)));
    assert_eq!(app.effects, [Effect::ListSessions]);
}

#[test]
fn a_colon_opens_it_only_where_nothing_is_typed() {
    let mut app = Harness::new(80, 24);
    app.text("why");
    app.text(":");
    assert!(app.state.palette.is_none());
    assert_eq!(app.state.composer.text(), "why:");
    app.ctrl('u');
    app.text(":");
    assert!(app.state.palette.is_some());
}

#[test]
fn escape_gives_back_what_was_shown_and_typed() {
    let mut app = Harness::new(80, 24);
    app.text("a draft");
    app.key(KeyCode::F(2));
    app.text("quit");
    app.key(KeyCode::Esc);
    assert!(app.state.palette.is_none());
    assert_eq!((app.state.composer.text().as_str(), &app.state.screen), ("a draft", &Screen::Chat));
    app.ctrl('r');
    app.text("/");
    app.ctrl('p');
    app.key(KeyCode::Esc);
    assert!(matches!(&app.state.screen, Screen::Sessions(list) if list.mode == Mode::Filter));
}

#[test]
fn a_command_leaves_a_draft_alone_and_one_that_wants_it_takes_it() {
    let mut app = Harness::new(80, 24);
    app.text("list all birds");
    app.ctrl('p');
    app.text("metrics");
    app.key(KeyCode::Enter);
    assert!(matches!(app.state.screen, Screen::Metrics(_)));
    assert_eq!(app.state.composer.text(), "list all birds");
    app.ctrl('p');
    app.text("whole");
    app.key(KeyCode::Enter);
    assert_eq!(app.state.composer.text(), "/whole list all birds");
    assert_eq!((&app.state.screen, app.state.focus), (&Screen::Chat, Focus::Composer));
}

#[test]
fn a_command_acts_on_what_lies_below_the_list_and_else_on_the_chat() {
    let mut app = Harness::new(100, 30);
    app.type_line("when did I prune the pear tree?");
    app.answer(1, fixtures::events());
    app.key(KeyCode::Char(']'));
    app.key(KeyCode::Enter);
    assert!(matches!(app.state.screen, Screen::Passage(passage) if passage.source == 0));
    app.ctrl('p');
    app.text("next-passage");
    app.key(KeyCode::Enter);
    assert!(matches!(app.state.screen, Screen::Passage(passage) if passage.source == 1));
    app.ctrl('p');
    app.text("next-pane");
    app.key(KeyCode::Enter);
    assert_eq!((&app.state.screen, app.state.focus), (&Screen::Chat, Focus::Transcript));
}

#[test]
fn what_cannot_be_run_here_says_so_and_does_nothing() {
    let mut app = Harness::new(100, 30);
    app.ctrl('p');
    app.text("leave-out");
    app.key(KeyCode::Enter);
    assert!(app.state.palette.is_some() && app.effects.is_empty());
    assert!(app.screen().contains("not here: in a prompt"), "{}", app.screen());
}

#[test]
fn keeping_a_name_is_not_offered_where_a_yes_would_delete() {
    let mut app = Harness::new(100, 30);
    app.ctrl('r');
    app.send(Msg::Job(crate::jobs::JobEvent::SessionsListed(fixtures::sessions())));
    app.text("d");
    app.ctrl('p');
    app.text("confirm-name");
    assert_eq!(ids(&app)[0], "confirm-name");
    app.key(KeyCode::Enter);
    assert!(!app.effects.iter().any(|effect| matches!(effect, Effect::RemoveSession(_))));
}

#[test]
fn what_can_be_run_comes_first_and_the_selection_stays_within_the_list() {
    let mut app = Harness::new(80, 24);
    app.ctrl('p');
    let palette = app.state.palette.clone().expect("it is open");
    let runs: Vec<bool> =
        app.state.offered(&palette).iter().map(|entry| !matches!(entry.act, crate::tui::state::Act::Nothing)).collect();
    assert!(runs.is_sorted_by(|before, after| before >= after) && runs.contains(&true) && runs.contains(&false));
    let selected = |app: &Harness| app.state.palette.as_ref().map(|palette| palette.place(&app.state.offered(palette)));
    app.ctrl('n');
    app.key(KeyCode::Down);
    app.ctrl('p');
    assert_eq!(selected(&app), Some(1));
    for _ in 0..20 {
        app.key(KeyCode::PageDown);
    }
    assert_eq!(selected(&app), Some(runs.len() - 1));
    app.text("new");
    assert_eq!(selected(&app), Some(0));
}

#[test]
fn the_selection_stays_on_its_command_when_what_can_be_run_changes() {
    let mut app = Harness::new(80, 24);
    app.ready();
    app.type_line("when?");
    app.ctrl('p');
    let place = |app: &Harness| ids(app).iter().position(|id| *id == "newline").expect("it is in the list");
    let before = place(&app);
    for _ in 0..before {
        app.key(KeyCode::Down);
    }
    app.answer(1, fixtures::events());
    assert_ne!(place(&app), before, "there is nothing to stop any more");
    let palette = app.state.palette.as_ref().expect("it is open");
    assert_eq!(palette.selected, Some("newline"));
    assert_eq!(palette.place(&app.state.offered(palette)), place(&app));
}

#[test]
fn every_command_is_found_by_its_id() {
    let mut app = Harness::new(80, 24);
    app.ctrl('p');
    for id in ids(&app) {
        app.ctrl('u');
        app.send(Msg::Paste(id.into()));
        assert!(ids(&app).contains(&id), "{id}");
        app.key(KeyCode::Backspace);
    }
    app.ctrl('u');
    app.text("qqqq");
    assert!(ids(&app).is_empty() && app.screen().contains("No command has these letters."));
    app.key(KeyCode::Enter);
    assert!(app.effects.is_empty() && app.state.palette.is_some());
}

#[test]
fn keys_of_ones_own_work_and_are_shown_everywhere() {
    let mut app = Harness::new(110, 50);
    let own = [
        ("help-anywhere", "f5"),
        ("help", "f5"),
        ("sessions", "alt-s"),
        ("interrupt", "ctrl-q"),
        ("send", "alt-enter"),
    ];
    let own = own.map(|(id, key)| (id.to_owned(), vec![key.to_owned()])).into_iter();
    let own = own.chain([("newline".to_owned(), vec!["ctrl-j".to_owned()])]).collect();
    app.state.keymap = Keymap::new(&own).unwrap();
    assert!(app.screen().contains("f5 help"), "{}", app.screen());
    app.key(KeyCode::F(1));
    assert_eq!(app.state.screen, Screen::Chat);
    app.key(KeyCode::F(5));
    let help = (0..4).map(|_| {
        let screen = app.screen();
        app.key(KeyCode::PageDown);
        screen
    });
    let help: String = help.collect();
    assert!(help.contains("alt-s ") && !help.contains("ctrl-r"), "{help}");
    app.ctrl('p');
    app.text("sessions");
    assert!(app.screen().contains("alt-s  /sessions"), "{}", app.screen());
    app.key(KeyCode::Esc);
    app.key(KeyCode::Esc);
    app.ctrl('q');
    assert!(app.screen().contains("ctrl-q again quits"), "{}", app.screen());
    app.ctrl('q');
    assert_eq!(app.effects.last(), Some(&Effect::Quit));
}
