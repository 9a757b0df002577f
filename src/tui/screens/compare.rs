//! Two answers to one question, side by side.

use ratatui::crossterm::event::KeyCode;

use crate::answer::{Answer, AnswerEvent, Trace};
use crate::config::Settings;
use crate::jobs::{JobEvent, JobId};
use crate::report::Report;
use crate::tui::effect::Effect;
use crate::tui::fixtures::{self, Harness};
use crate::tui::msg::Msg;
use crate::tui::state::{Compare, Screen};
use crate::tui::theme::{Background, Charset, Colors, Traits};

/// The usual answer, with other words and made another way.
fn events(change: impl Fn(&mut Answer, &mut Trace)) -> Vec<AnswerEvent> {
    let mut events = fixtures::events();
    for event in &mut events {
        if let AnswerEvent::Finished(answer) = event {
            let mut trace = Trace::default();
            trace.sampling.max_tokens = 160;
            change(answer, &mut trace);
            answer.trace = Some(Box::new(trace));
        }
    }
    events
}

/// A question, another one, and the first one again.
fn asked(app: &mut Harness) {
    app.ready();
    app.type_line("When did I prune the pear tree?");
    app.answer(1, events(|_, _| {}));
    app.type_line("What is the capital of Mongolia?");
    app.answer(2, fixtures::refusal());
    app.key(KeyCode::Tab);
    app.text("{{");
    app.text("a");
    app.answer(
        3,
        events(|answer, trace| {
            answer.answer = "On March 9, with the Felco saw [1].".into();
            answer.sentences.truncate(1);
            answer.sentences[0].end = answer.answer.len();
            (answer.seed, trace.sampling.temperature) = (7, 0.7);
            answer.ms_total = 900.0;
        }),
    );
}

#[test]
fn two_answers() {
    for (width, height) in [(40, 40), (80, 30), (120, 36)] {
        let mut app = Harness::new(width, height);
        asked(&mut app);
        app.text("c");
        insta::assert_snapshot!(format!("compare_{width}x{height}"), app.dump());
    }
}

#[test]
fn a_question_that_is_asked_again_does_not_follow_its_own_answer() {
    let mut app = Harness::new(100, 30);
    asked(&mut app);
    let asks: Vec<(&str, usize)> = app
        .effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Ask(_, request) => Some((request.question.as_str(), request.history.len())),
            _ => None,
        })
        .collect();
    let pear = "When did I prune the pear tree?";
    assert_eq!(asks, [(pear, 0), ("What is the capital of Mongolia?", 1), (pear, 0)]);
    // And what is asked after it follows all that was said.
    app.key(KeyCode::Esc);
    app.type_line("and the apple tree?");
    let Some(Effect::Ask(_, request)) = app.effects.last() else { panic!("{:?}", app.effects) };
    assert_eq!(request.history.len(), 3);
}

#[test]
fn an_answer_stands_beside_the_last_one_to_its_question_and_any_other_can_take_the_place() {
    let mut app = Harness::new(100, 30);
    asked(&mut app);
    let shown = |app: &Harness| match app.state.screen {
        Screen::Compare(Compare { selected, rival, .. }) => Some((selected, rival)),
        _ => None,
    };
    for (keys, places) in [("c", (2, 0)), ("]", (2, 1)), ("]", (2, 1)), ("[[", (2, 0))] {
        app.text(keys);
        assert_eq!(shown(&app), Some(places), "{keys}");
    }
    app.key(KeyCode::Esc);
    assert_eq!(app.state.screen, Screen::Chat);
    app.text("{{c");
    assert_eq!(shown(&app), Some((0, 2)));
}

#[test]
fn what_a_question_follows_outlives_a_branch_that_drops_failures_and_a_reload() {
    let history = |app: &Harness| match app.effects.last() {
        Some(Effect::Ask(_, request)) => request.history.len(),
        other => panic!("{other:?}"),
    };
    let mut app = Harness::new(100, 30);
    app.ready();
    for job in 1..=3 {
        app.type_line("What fails?");
        app.send(Msg::Job(JobEvent::AnswerFailed(JobId(job), Report { cause: "no model".into(), hint: None })));
    }
    app.type_line("When did I prune the pear tree?");
    app.answer(4, events(|_, _| {}));
    app.key(KeyCode::Tab);
    app.text("a");
    app.answer(5, events(|_, _| {}));
    app.text("b");
    app.key(KeyCode::Tab);
    app.text("a");
    assert_eq!((history(&app), app.state.turns.len()), (0, 3));
    app.answer(6, events(|_, _| {}));
    let conversation = app.state.conversation.clone();
    app.send(Msg::Job(JobEvent::SessionLoaded(Box::new(conversation))));
    app.key(KeyCode::Tab);
    app.text("a");
    assert_eq!((history(&app), app.state.turns.len()), (0, 4));
}

#[test]
fn without_a_second_answer_it_says_how_to_get_one() {
    let mut app = Harness::new(100, 30);
    app.ready();
    app.type_line("/compare");
    assert_eq!(app.state.screen, Screen::Chat);
    app.type_line("When did I prune the pear tree?");
    app.type_line("/compare");
    assert!(app.screen().contains("there is no answer yet"), "{}", app.screen());
    app.answer(1, events(|_, _| {}));
    app.type_line("/compare");
    assert!(app.screen().contains("a in the answers asks its question again"), "{}", app.screen());
}

#[test]
fn in_ascii_nothing_else_is_drawn() {
    let traits = Traits { colors: Colors::None, background: Background::Dark, charset: Charset::Ascii };
    for columns in [60, 100] {
        let mut app = Harness::with(columns, 40, Settings::default(), traits);
        asked(&mut app);
        app.type_line("/compare");
        assert!(matches!(app.state.screen, Screen::Compare(_)));
        let screen = app.screen();
        assert!(screen.is_ascii(), "{screen}");
    }
}
