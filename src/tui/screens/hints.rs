//! What helps while a question is typed: names behind `@` and `#`, and where its words lead so far.

use ratatui::crossterm::event::KeyCode;

use crate::answer::{AnswerEvent, Source};
use crate::config::Settings;
use crate::jobs::{JobEvent, Name};
use crate::tui::effect::Effect;
use crate::tui::fixtures::{self, Harness};
use crate::tui::keymap::When;
use crate::tui::msg::Msg;
use crate::tui::theme::{Background, Charset, Colors, Traits};

fn named(app: &mut Harness, word: &str, names: &[&str]) {
    let name = |written: &&str| Name {
        written: (*written).to_owned(),
        note: if written.ends_with('/') { "folder".into() } else { String::new() },
    };
    let names = names.iter().map(name).collect();
    app.send(Msg::Job(JobEvent::NamesFound { word: word.into(), names }));
}

fn found(app: &mut Harness, question: &str, sources: Vec<Source>) {
    app.send(Msg::Job(JobEvent::Previewed { question: question.into(), sources }));
}

fn wishes(app: &mut Harness) -> Vec<Effect> {
    let all = std::mem::take(&mut app.effects);
    all.into_iter().filter(|effect| matches!(effect, Effect::FindNames(_) | Effect::Preview(_))).collect()
}

const NAMES: [&str; 3] = ["@garden/", "@garden/2024-spring.md", "@\"garden/old notes.md\""];

#[test]
fn names_that_fit() {
    for (width, height) in [(40, 14), (80, 24), (120, 36)] {
        let mut app = Harness::new(width, height);
        app.ready();
        app.text("when were they pruned @ga");
        named(&mut app, "@ga", &NAMES);
        app.key(KeyCode::Down);
        app.key(KeyCode::Down);
        insta::assert_snapshot!(format!("names_{width}x{height}"), app.dump());
    }
}

#[test]
fn what_a_question_finds_so_far() {
    for (width, height) in [(40, 14), (80, 24), (120, 36)] {
        let mut app = Harness::new(width, height);
        app.ready();
        app.type_line("When did I prune the pear tree?");
        app.answer(1, fixtures::events());
        app.text("which saw");
        found(&mut app, "which saw", fixtures::sources());
        insta::assert_snapshot!(format!("preview_{width}x{height}"), app.dump());
        app.key(KeyCode::Esc);
        assert!(app.state.preview().is_empty(), "nothing is typed any more");
    }
}

#[test]
fn a_name_is_looked_for_with_every_letter_and_taken_by_tab() {
    let mut app = Harness::new(80, 24);
    app.text("when (@g");
    assert_eq!(wishes(&mut app), [Effect::FindNames("@".into()), Effect::FindNames("@g".into())]);
    named(&mut app, "@", &["@other.md"]);
    assert!(!app.state.holds(When::Mentioning), "what fitted before does not fit now");
    named(&mut app, "@g", &NAMES);
    app.text("o");
    assert_eq!(app.state.hints.names().len(), 1, "of what was found, what still fits stays until more is known");
    app.key(KeyCode::Tab);
    assert_eq!(app.state.composer.text(), "when (@\"garden/old notes.md\" ");
    assert!(!app.state.holds(When::Mentioning));
    app.text("@\"garden/ol");
    assert_eq!(wishes(&mut app).last(), Some(&Effect::FindNames("@\"garden/ol".into())));
}

#[test]
fn enter_takes_a_name_only_where_one_was_chosen_and_sends_else() {
    let mut app = Harness::new(80, 24);
    app.text("who is @ann");
    named(&mut app, "@ann", &["@banana.md", "@anne.md"]);
    app.key(KeyCode::Up);
    app.key(KeyCode::Enter);
    assert_eq!(app.state.composer.text(), "who is @anne.md ");
    app.key(KeyCode::Enter);
    assert_eq!(app.state.turns[0].question, "who is @anne.md");
    app.text("and who is @ann");
    named(&mut app, "@ann", &["@banana.md"]);
    app.key(KeyCode::Enter);
    assert_eq!(app.state.turns[1].question, "and who is @ann", "a word may begin with the sign");
}

#[test]
fn escape_closes_the_names_first_and_they_stay_closed_for_the_word() {
    let mut app = Harness::new(80, 24);
    app.text("@g");
    named(&mut app, "@g", &NAMES);
    app.key(KeyCode::Esc);
    app.text("a");
    named(&mut app, "@ga", &NAMES);
    assert!(!app.state.holds(When::Mentioning));
    assert_eq!(app.state.composer.text(), "@ga");
    app.text(" #g");
    named(&mut app, "#g", &["#green"]);
    assert!(app.state.holds(When::Mentioning), "another word is another matter");
    app.key(KeyCode::Esc);
    app.key(KeyCode::Esc);
    assert!(app.state.composer.is_empty());
}

#[test]
fn a_name_that_is_typed_whole_is_not_offered() {
    let mut app = Harness::new(80, 24);
    app.text("@garden/");
    named(&mut app, "@garden/", &NAMES);
    assert!(!app.state.holds(When::Mentioning));
}

#[test]
fn what_is_typed_is_looked_for_when_typing_pauses_and_not_before() {
    let mut app = Harness::new(80, 24);
    app.ready();
    app.text("saw");
    assert_eq!(wishes(&mut app), []);
    app.wait_ms(60);
    app.text("s");
    app.wait_ms(100);
    assert_eq!(wishes(&mut app), [], "the pause begins again with every letter");
    app.wait_ms(20);
    assert_eq!(wishes(&mut app), [Effect::Preview("saws".into())]);
    assert_eq!(app.state.next_wake(), None, "nothing else is due");
    found(&mut app, "saw", fixtures::sources());
    assert!(app.state.preview().is_empty(), "that was another question");
    found(&mut app, "saws", fixtures::sources());
    assert!(!app.state.preview().is_empty());
    app.key(KeyCode::Enter);
    assert!(app.state.preview().is_empty());
    app.wait_ms(500);
    assert_eq!(wishes(&mut app), []);
}

#[test]
fn commands_letters_and_long_pastes_are_not_looked_for_nor_anything_where_that_is_off() {
    for typed in ["/set top_k", "ab", "  a  "] {
        let mut app = Harness::new(80, 24);
        app.text(typed);
        app.wait_ms(500);
        assert_eq!(wishes(&mut app), [], "{typed}");
    }
    let mut app = Harness::new(80, 24);
    app.send(Msg::Paste("long ".repeat(1_000)));
    app.wait_ms(500);
    assert_eq!(wishes(&mut app), []);
    let settings = Settings { preview: false, ..Settings::default() };
    let traits = Traits { colors: Colors::None, background: Background::Dark, charset: Charset::Ascii };
    let mut app = Harness::with(80, 24, settings, traits);
    app.text("which saw @g");
    app.wait_ms(500);
    assert_eq!(wishes(&mut app), [Effect::FindNames("@".into()), Effect::FindNames("@g".into())]);
}

#[test]
fn in_ascii_nothing_else_is_drawn() {
    let traits = Traits { colors: Colors::None, background: Background::Dark, charset: Charset::Ascii };
    let mut app = Harness::with(60, 30, Settings::default(), traits);
    app.text("saws @g");
    named(&mut app, "@g", &NAMES);
    found(&mut app, "saws @g", fixtures::sources());
    let screen = app.screen();
    assert!(screen.is_ascii(), "{screen}");
}

#[test]
fn an_answer_and_a_refusal_say_what_they_were_asked_of() {
    for mut events in [fixtures::events(), fixtures::refusal()] {
        let mut app = Harness::new(80, 24);
        app.ready();
        app.type_line("When did I prune the pear tree? @garden #friut");
        for event in &mut events {
            if let AnswerEvent::Finished(answer) = event {
                answer.within.of = vec!["@garden".into()];
                answer.within.unknown = vec!["#friut".into()];
            }
        }
        app.answer(1, events);
        let screen = app.screen();
        assert!(screen.contains("Asked of @garden only; nothing here is called #friut."), "{screen}");
    }
}

#[test]
fn what_comes_out_of_the_history_offers_no_names_and_escape_closes_them_before_it_stops_an_answer() {
    let mut app = Harness::new(80, 24);
    app.ready();
    app.type_line("when? @gard");
    app.key(KeyCode::Up);
    named(&mut app, "@gard", &NAMES);
    assert!(!app.state.holds(When::Mentioning));
    assert_eq!(app.state.composer.text(), "when? @gard");
    app.text("e");
    assert!(!app.state.holds(When::Mentioning), "it is the same word");
    app.text(" @g");
    named(&mut app, "@g", &NAMES);
    app.key(KeyCode::Esc);
    assert!(!app.state.holds(When::Mentioning) && app.state.running.is_some());
}

#[test]
fn a_name_takes_the_place_of_the_whole_word_and_the_chosen_one_is_always_seen() {
    let mut app = Harness::new(40, 10);
    app.text("(@garden/x)");
    for _ in 0..3 {
        app.key(KeyCode::Left);
    }
    named(&mut app, "@garden", &["@garden/", "@garden/b", "@garden/c"]);
    for name in ["@garden/", "@garden/b", "@garden/c"] {
        app.key(KeyCode::Down);
        assert!(app.screen().contains(&format!("▸ {name}")), "{}", app.screen());
    }
    app.key(KeyCode::Tab);
    assert_eq!(app.state.composer.text(), "(@garden/c )");
}
