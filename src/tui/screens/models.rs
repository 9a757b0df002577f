//! Pictures of the list of models, and what it takes, fetches and stops.

use ratatui::crossterm::event::KeyCode;
use tanya_engine::Facts;

use super::SIZES;
use crate::config::Settings;
use crate::jobs::{JobEvent, ModelEntry, PullStep, Speed};
use crate::models::Kind;
use crate::report::Report;
use crate::tui::effect::Effect;
use crate::tui::fixtures::Harness;
use crate::tui::msg::Msg;
use crate::tui::state::Screen;
use crate::tui::theme::{Background, Charset, Colors, Traits};

fn entry(name: &str, kind: Kind, is_here: bool, bytes: u64) -> ModelEntry {
    let facts = (is_here && kind == Kind::Generator).then_some(Facts {
        context_length: 2048,
        fixed_bytes: 120_000_000,
        token_bytes: 23_040,
    });
    ModelEntry {
        name: name.into(),
        kind,
        description: format!("{name}: what the catalogue says of it, in one line that may be long"),
        license: Some(("Apache-2.0".into(), "https://example.org/license".into())),
        is_here,
        bytes,
        not_runnable: None,
        facts,
        speed: is_here.then_some(Speed { tokens_per_second: 212.4, answers: 9 }),
    }
}

fn models() -> Vec<ModelEntry> {
    let embedder = ModelEntry { speed: None, ..entry("all-minilm-l6-v2", Kind::Embedder, true, 91_335_478) };
    let mut bound = entry("llama-3.2-1b", Kind::Generator, false, 808_000_000);
    bound.license = Some(("Llama 3.2".into(), "https://example.org/llama".into()));
    let mut cannot = entry("some-other-1b", Kind::Generator, false, 700_000_000);
    cannot.not_runnable = Some("its architecture is not known".into());
    let own =
        ModelEntry { license: None, ..entry("/models/\u{1b}[31mown\u{202e}.gguf", Kind::Generator, true, 5_000_000) };
    vec![
        entry("smollm2-135m-instruct", Kind::Generator, true, 98_362_432),
        embedder,
        entry("qwen3-0.6b", Kind::Generator, false, 484_000_000),
        bound,
        cannot,
        own,
    ]
}

fn open(app: &mut Harness) {
    app.ready();
    app.ctrl('g');
    assert!(matches!(app.effects.pop(), Some(Effect::ListModels(_))));
    app.send(Msg::Job(JobEvent::ModelsListed(Ok(models()))));
}

fn pull(app: &mut Harness, name: &str, step: PullStep) {
    app.send(Msg::Job(JobEvent::Pull(name.into(), step)));
}

fn pictures(name: &str, prepare: impl Fn(&mut Harness)) {
    for (width, height) in SIZES {
        let mut app = Harness::new(width, height);
        open(&mut app);
        prepare(&mut app);
        insta::assert_snapshot!(format!("{name}_{width}x{height}"), app.dump());
    }
}

fn progress() -> PullStep {
    PullStep::Progress {
        done: 61_000_000,
        total: Some(484_000_000),
        bytes_per_second: 12_400_000.0,
        seconds_left: Some(35),
    }
}

#[test]
fn all_models() {
    pictures("models", |_| {});
}

#[test]
fn a_model_that_comes_in() {
    pictures("models_pull", |app| {
        app.text("jj");
        app.key(KeyCode::Char('p'));
        pull(app, "qwen3-0.6b", progress());
    });
}

#[test]
fn a_license_is_asked_about_and_only_a_yes_accepts_it() {
    pictures("models_license", |app| {
        app.text("jjjp");
        pull(app, "llama-3.2-1b", PullStep::License { license: "Llama 3.2".into(), url: "https://l".into() });
    });
    for (answer, expected) in [('y', true), ('n', false), ('p', false)] {
        let mut app = Harness::new(80, 24);
        open(&mut app);
        app.text("jjjp");
        assert_eq!(app.effects.pop(), Some(Effect::PullModel("llama-3.2-1b".into(), false)));
        pull(&mut app, "llama-3.2-1b", PullStep::License { license: "Llama 3.2".into(), url: "https://l".into() });
        app.effects.clear();
        app.key(KeyCode::Char(answer));
        let accepted = app.effects.contains(&Effect::PullModel("llama-3.2-1b".into(), true));
        assert_eq!((accepted, app.effects.len()), (expected, usize::from(expected)), "{answer}");
        app.effects.clear();
        app.key(KeyCode::Char('y'));
        assert_eq!(app.effects, [], "{answer}: it is not asked any more");
    }
}

#[test]
fn a_model_that_is_here_is_taken_until_the_end_or_saved_and_another_is_not() {
    let mut app = Harness::new(100, 30);
    open(&mut app);
    app.text("jj");
    app.key(KeyCode::Enter);
    app.text("jj");
    app.key(KeyCode::Enter);
    assert_eq!((&app.effects[..], &app.state.settings), (&[][..], &Settings::default()), "neither can be used");
    assert!(app.screen().contains("cannot be used: its architecture"), "{}", app.screen());
    app.text("j");
    app.key(KeyCode::Enter);
    assert!(matches!(&app.effects[..], [Effect::Configure(settings)] if settings.model.starts_with("/models/")));
    app.effects.clear();
    app.text("kkkks");
    let [Effect::Configure(_), Effect::SaveSetting(key, value)] = &app.effects[..] else { panic!("{:?}", app.effects) };
    assert_eq!((*key, value.as_deref()), ("embedder", Some("all-minilm-l6-v2")));
}

#[test]
fn a_pull_is_followed_stopped_and_ends_with_a_new_list() {
    let mut app = Harness::new(120, 30);
    open(&mut app);
    app.text("jjx");
    assert!(app.screen().contains("is not being fetched"), "{}", app.screen());
    app.text("pp");
    assert_eq!(std::mem::take(&mut app.effects), [Effect::PullModel("qwen3-0.6b".into(), false)], "once");
    pull(&mut app, "qwen3-0.6b", progress());
    assert!(app.body().contains("61 of 484 MB") && app.body().contains("35 s left"), "{}", app.body());
    app.text("x");
    assert_eq!(std::mem::take(&mut app.effects), [Effect::CancelPull("qwen3-0.6b".into())]);
    pull(&mut app, "qwen3-0.6b", PullStep::Cancelled);
    assert!(matches!(&app.effects[..], [Effect::ListModels(_)]) && app.state.pulls.is_empty());
    assert!(app.screen().contains("what has arrived is kept"), "{}", app.screen());

    app.key(KeyCode::Esc);
    app.effects.clear();
    let report = Report { cause: "offline".into(), hint: Some("go online".into()) };
    pull(&mut app, "qwen3-0.6b", PullStep::Failed(report));
    assert!(app.effects.is_empty() && app.screen().contains("offline · go online"), "{}", app.screen());
}

#[test]
fn a_list_that_cannot_be_made_is_said_and_leaves_the_chat() {
    let mut app = Harness::new(80, 24);
    app.type_line("/models");
    assert!(app.body().contains("loading"), "{}", app.body());
    for code in [KeyCode::Enter, KeyCode::Char('p'), KeyCode::Char('x'), KeyCode::Char('s'), KeyCode::Down] {
        app.key(code);
    }
    let report = Report { cause: "cannot list the models".into(), hint: None };
    app.send(Msg::Job(JobEvent::ModelsListed(Err(report))));
    assert_eq!(app.state.screen, Screen::Chat);
    assert!(app.screen().contains("cannot list the models"), "{}", app.screen());
}

#[test]
fn in_ascii_nothing_else_is_drawn() {
    let traits = Traits { colors: Colors::None, background: Background::Dark, charset: Charset::Ascii };
    let mut app = Harness::with(100, 30, Settings::default(), traits);
    open(&mut app);
    pull(&mut app, "qwen3-0.6b", progress());
    let screen = app.screen().replace(['␛', '‹', '›'], "");
    assert!(screen.is_ascii(), "{screen}");
}
