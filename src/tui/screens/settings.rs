//! Pictures of the list of settings, and what it changes and saves.

use proptest::prelude::*;
use ratatui::crossterm::event::KeyCode;

use super::{SIZES, hostile, key};
use crate::config::{Origin, Origins, SETTINGS, Settings};
use crate::jobs::JobEvent;
use crate::report::Report;
use crate::tui::effect::Effect;
use crate::tui::fixtures::Harness;
use crate::tui::msg::Msg;
use crate::tui::state::Screen;
use crate::tui::theme::{Background, Charset, Colors, Traits};

fn pictures(name: &str, prepare: impl Fn(&mut Harness)) {
    for (width, height) in SIZES {
        let mut app = Harness::new(width, height);
        app.ready();
        app.state.origins.set("temperature", Origin::File);
        app.state.settings.set("temperature", "0.7").unwrap();
        app.state.origins.set("min_p", Origin::Flag);
        app.ctrl('s');
        prepare(&mut app);
        insta::assert_snapshot!(format!("{name}_{width}x{height}"), app.dump());
    }
}

fn answered(app: &mut Harness, key: &'static str, value: Option<&str>) {
    let value = value.map(str::to_owned);
    app.send(Msg::Job(JobEvent::SettingSaved { key, value, outcome: Ok(()) }));
}

/// The settings that were to be saved since the last time.
fn saves(app: &mut Harness) -> Vec<(&'static str, Option<String>)> {
    let effects = std::mem::take(&mut app.effects).into_iter();
    effects
        .filter_map(|effect| match effect {
            Effect::SaveSetting(key, value) => Some((key, value)),
            _ => None,
        })
        .collect()
}

#[test]
fn all_settings() {
    pictures("settings", |app| {
        for _ in 0..3 {
            app.key(KeyCode::Down);
        }
    });
}

#[test]
fn a_value_that_cannot_be_taken() {
    pictures("settings_edit", |app| {
        app.text("temp");
        app.key(KeyCode::Enter);
        app.text("e9");
        app.key(KeyCode::Enter);
    });
}

#[test]
fn what_waits_for_the_next_start_says_so_in_its_row() {
    pictures("settings_start", |app| {
        app.text("threads");
        app.key(KeyCode::Enter);
        app.key(KeyCode::Backspace);
        app.text("4");
        app.key(KeyCode::Enter);
        answered(app, "threads", Some("4"));
        app.wait_ms(20_000);
    });
}

#[test]
fn every_setting_can_be_reached_at_every_size() {
    for (width, height) in SIZES {
        let mut app = Harness::new(width, height);
        app.type_line("/settings");
        for setting in SETTINGS {
            assert!(app.body().contains(setting.key), "{} at {width} columns: {}", setting.key, app.body());
            app.key(KeyCode::Down);
        }
    }
}

#[test]
fn a_typed_value_holds_at_once_and_is_saved() {
    let mut app = Harness::new(100, 30);
    app.ctrl('s');
    app.text("top k");
    app.key(KeyCode::Enter);
    app.send(Msg::Paste("7000\n".into()));
    app.key(KeyCode::Enter);
    assert_eq!(app.state.settings.sampling.top_k, Settings::default().sampling.top_k, "07000 with what was there");
    assert!(app.body().contains("wants a number from 0 to 1000"), "{}", app.body());
    for _ in 0..8 {
        app.key(KeyCode::Backspace);
    }
    app.text("7");
    app.effects.clear();
    app.key(KeyCode::Enter);
    assert_eq!(app.state.settings.sampling.top_k, 7);
    assert!(matches!(&app.effects[0], Effect::Configure(settings) if settings.sampling.top_k == 7));
    assert_eq!(saves(&mut app), [("top_k", Some("7".into()))]);
    assert_eq!(app.state.origins.of("top_k"), Origin::Session, "until it is in the file");
    answered(&mut app, "top_k", Some("7"));
    assert_eq!(app.state.origins.of("top_k"), Origin::File);
    assert!(app.screen().contains("top_k = 7 · saved"), "{}", app.screen());
}

#[test]
fn words_are_stepped_through_and_reset_goes_back_to_the_default() {
    let mut app = Harness::new(100, 30);
    app.ctrl('s');
    app.text("answer_style");
    app.key(KeyCode::Right);
    app.key(KeyCode::Right);
    app.key(KeyCode::Left);
    app.key(KeyCode::Left);
    app.key(KeyCode::Left);
    let values: Vec<_> = saves(&mut app).into_iter().filter_map(|(_, value)| value).collect();
    assert_eq!(values, ["quote", "copy", "quote", "auto", "write"]);
    app.key(KeyCode::Delete);
    assert_eq!(saves(&mut app), [("answer_style", None)]);
    assert_eq!(app.state.settings, Settings::default());
    answered(&mut app, "answer_style", None);
    assert_eq!(app.state.origins, {
        let mut origins = Origins::default();
        origins.set("answer_style", Origin::Default);
        origins
    });
    app.key(KeyCode::Esc);
    app.text("temperature");
    app.key(KeyCode::Right);
    assert!(saves(&mut app).is_empty() && app.screen().contains("enter changes it"), "{}", app.screen());
}

#[test]
fn a_change_for_this_run_is_saved_as_it_is_and_a_failure_is_said() {
    let mut app = Harness::new(120, 30);
    app.type_line("/set min_p 0.1");
    assert!(app.screen().contains("min_p = 0.1 until the end · /settings min_p 0.1 saves it"), "{}", app.screen());
    assert_eq!(saves(&mut app), [], "nothing is saved");
    app.ctrl('s');
    app.text("min_p");
    assert!(app.body().contains("changed here"), "{}", app.body());
    app.ctrl('s');
    assert_eq!(saves(&mut app), [("min_p", Some("0.1".into()))]);
    let report = Report { cause: "config.toml: nothing is saved".into(), hint: Some("mend it".into()) };
    let outcome = Err(report);
    app.send(Msg::Job(JobEvent::SettingSaved { key: "min_p", value: Some("0.1".into()), outcome }));
    assert!(app.screen().contains("config.toml: nothing is saved · mend it"), "{}", app.screen());
    assert_eq!(app.state.origins.of("min_p"), Origin::Session);
}

#[test]
fn a_command_changes_and_saves_and_one_that_came_too_late_tells_no_lie() {
    let mut app = Harness::new(120, 30);
    app.type_line("/settings seed 3");
    app.type_line("/settings seed = 4");
    assert_eq!(saves(&mut app), [("seed", Some("3".into())), ("seed", Some("4".into()))]);
    answered(&mut app, "seed", Some("3"));
    assert_eq!(app.state.origins.of("seed"), Origin::Session, "the file has another value by now");
    answered(&mut app, "seed", Some("4"));
    assert_eq!(app.state.origins.of("seed"), Origin::File);
    app.type_line("/settings seed x");
    assert!(saves(&mut app).is_empty() && app.screen().contains("seed wants a number"), "{}", app.screen());
}

#[test]
fn escape_leaves_a_value_then_the_words_then_the_list() {
    let mut app = Harness::new(80, 24);
    app.ctrl('s');
    app.text("zzz");
    assert!(app.body().contains("No setting is called or does that."), "{}", app.body());
    for code in [KeyCode::Enter, KeyCode::Right, KeyCode::Delete, KeyCode::Down] {
        app.key(code);
    }
    app.ctrl('s');
    assert_eq!(app.effects, []);
    app.key(KeyCode::Esc);
    app.text("seed");
    app.key(KeyCode::Enter);
    app.text("1");
    app.key(KeyCode::Esc);
    let Screen::Settings(view) = &app.state.screen else { panic!() };
    assert_eq!((view.edit.as_ref(), view.typed.as_str()), (None, "seed"));
    app.key(KeyCode::Esc);
    app.key(KeyCode::Esc);
    assert_eq!((&app.state.screen, app.state.settings.sampling.seed), (&Screen::Chat, 0));
}

#[test]
fn in_ascii_nothing_else_is_drawn() {
    let traits = Traits { colors: Colors::None, background: Background::Dark, charset: Charset::Ascii };
    let mut app = Harness::with(100, 40, Settings::default(), traits);
    app.ctrl('s');
    for _ in SETTINGS {
        // The setting is about these very signs.
        let screen = app.screen().replace(['▰', '▸', '✓'], "");
        assert!(screen.is_ascii(), "{screen}");
        app.key(KeyCode::Down);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn any_keys_leave_settings_that_are_valid_and_a_screen_that_draws(
        then in prop::collection::vec(prop_oneof![9 => key().prop_map(Msg::Key), 1 => hostile().prop_map(Msg::Paste)], 1..40),
    ) {
        let mut app = Harness::new(100, 30);
        for message in then {
            if app.state.screen == Screen::Chat {
                app.ctrl('s');
            }
            app.send(message);
            for cell in app.picture().content() {
                prop_assert!(!cell.symbol().contains(char::is_control), "{:?}", cell.symbol());
            }
            app.state.settings.sampling.validate().unwrap();
            for (key, value) in saves(&mut app) {
                let value = value.unwrap_or_default();
                prop_assert!(value.is_empty() || Settings::default().set(key, &value).is_ok(), "{key} = {value}");
            }
        }
    }
}
