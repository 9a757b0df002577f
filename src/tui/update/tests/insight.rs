//! Steps, prompts and costs on the screen.

use ratatui::crossterm::event::KeyCode;

use crate::answer::PassageName;
use crate::config::FilterMode;
use crate::tui::effect::Effect;
use crate::tui::fixtures::{Harness, insight, sources};
use crate::tui::state::Screen;

fn last_request(app: &Harness) -> &crate::tui::AskRequest {
    let request = app.effects.iter().rev().find_map(|effect| match effect {
        Effect::Ask(_, request) => Some(request),
        _ => None,
    });
    request.expect("something was asked")
}

#[test]
fn inspect_keeps_the_steps_of_the_next_answer_and_of_no_other() {
    let mut app = Harness::new(120, 40);
    app.type_line("/inspect");
    assert!(app.screen().contains("the steps of the next answer are kept"), "{}", app.screen());
    insight::answered(&mut app, 1);
    assert!(last_request(&app).inspect);
    assert!(!app.state.insight.is_armed, "its steps have come");
    app.type_line("another?");
    assert!(!last_request(&app).inspect, "once");
    app.answer(2, crate::tui::fixtures::events());
    app.type_line("/inspect");
    assert!(app.screen().contains("step 1 of 28"), "{}", app.screen());
}

#[test]
fn trying_settings_moves_the_cut_and_asks_no_model() {
    let mut app = Harness::new(120, 40);
    insight::answered(&mut app, 1);
    app.type_line("/inspect");
    app.key(KeyCode::End);
    app.effects.clear();
    assert!(app.screen().contains("cut here: 1 of 49,152 left"), "greedy: {}", app.screen());
    app.text("T");
    assert!(!app.screen().contains("cut here"), "{}", app.screen());
    app.text("PPPPP");
    assert!(app.screen().contains("cut here: 2 of 49,152 left"), "{}", app.screen());
    app.text("0");
    assert!(app.screen().contains("cut here: 1 of 49,152 left"), "{}", app.screen());
    assert!(app.effects.is_empty());
    app.text("i");
    assert!(app.screen().contains("tokens that the model read"), "{}", app.screen());
    app.key(KeyCode::Esc);
    assert!(app.screen().contains("step 28 of 28"));
    app.key(KeyCode::Esc);
    assert_eq!(app.state.screen, Screen::Chat);
}

#[test]
fn steps_are_not_kept_while_the_filter_redacts() {
    let mut app = Harness::new(120, 40);
    app.state.settings.output_filter = FilterMode::Redact;
    app.type_line("/inspect");
    assert!(app.screen().contains("output_filter is redact"), "{}", app.screen());
    app.type_line("when?");
    assert!(!last_request(&app).inspect);
}

#[test]
fn what_is_pinned_and_left_out_goes_into_the_next_request() {
    let mut app = Harness::new(120, 40);
    insight::answered(&mut app, 1);
    app.key(KeyCode::Tab);
    app.text("p");
    assert!(app.screen().contains("The prompt of"), "{}", app.screen());
    app.text("p");
    app.key(KeyCode::Down);
    app.text("d");
    app.text("a");
    let request = last_request(&app);
    let [pear, cuts, _] = &sources()[..] else { panic!("three sources") };
    assert_eq!(request.question, "when did I prune the pear tree, and what did I use?");
    assert_eq!(request.held.pinned.iter().collect::<Vec<_>>(), [&PassageName::of(pear)]);
    assert_eq!(request.held.barred.iter().collect::<Vec<_>>(), [&PassageName::of(cuts)]);
    assert_eq!(app.state.screen, Screen::Chat);
    app.key(KeyCode::Esc);
    app.key(KeyCode::Tab);
    app.text("ppp");
    app.ctrl('u');
}

#[test]
fn what_was_left_out_of_an_earlier_prompt_can_be_admitted_again() {
    let mut app = Harness::new(120, 40);
    insight::answered(&mut app, 1);
    let name = PassageName { path: "shed.md".into(), text_hash: String::new() };
    app.state.insight.held.bar(name);
    app.type_line("/prompt");
    assert!(app.screen().contains("shed.md"), "{}", app.screen());
    for _ in 0..9 {
        app.key(KeyCode::Down);
    }
    app.text("d");
    assert!(app.state.insight.held.barred.is_empty() && app.screen().contains("admitted again"), "{}", app.screen());
    app.state.insight.held.bar(PassageName { path: "shed.md".into(), text_hash: String::new() });
    app.key(KeyCode::Esc);
    app.ctrl('n');
    assert!(app.state.insight.held.barred.is_empty(), "another conversation");
}

#[test]
fn without_a_prompt_there_is_nothing_to_show() {
    let mut app = Harness::new(120, 40);
    app.type_line("/prompt");
    assert!(app.screen().contains("no prompt was made"), "{}", app.screen());
    app.type_line("/metrics");
    assert!(app.screen().contains("Nothing yet"), "{}", app.screen());
}
