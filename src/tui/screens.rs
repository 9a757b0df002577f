//! Whole screens: pictures with their styles, and laws that hold for any input.

mod compare;
mod files;
mod hints;
mod insight;
mod models;
mod palette;
mod settings;

use proptest::prelude::*;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use tanya_index::FileState;

use super::fixtures::{self, Harness};
use super::keymap::BINDINGS;
use super::msg::Msg;
use super::theme::{Background, Charset, Colors, Traits};
use crate::answer::{AnswerEvent, Gate, Source};
use crate::chat::{CitedNow, Standing};
use crate::config::{Settings, Theme};
use crate::ingest::{Entry, Mark, Marked};
use crate::jobs::{IngestEvent, JobEvent, JobId, ModelEvent, Name};
use crate::report::Report;

const SIZES: [(u16, u16); 3] = [(80, 24), (160, 50), (40, 12)];

/// A picture of the screen at each size.
fn pictures(name: &str, prepare: impl Fn(&mut Harness)) {
    for (width, height) in SIZES {
        let mut app = Harness::new(width, height);
        prepare(&mut app);
        insta::assert_snapshot!(format!("{name}_{width}x{height}"), app.dump());
    }
}

fn pear(app: &mut Harness, events: usize) {
    app.ready();
    app.type_line("when did I prune the pear tree, and what did I use?");
    app.answer(1, fixtures::events()[..events].to_vec());
}

#[test]
fn first_start() {
    pictures("first_start", |app| {
        app.ingest(IngestEvent::Scanned { files: 1204, changed: 1204, removed: 0 });
        app.ingest(IngestEvent::Reading { path: "garden/2024-spring.md".into(), done: 412, total: 1204 });
        app.ingest(IngestEvent::Status(fixtures::status(0)));
        app.model(ModelEvent::Pulling {
            name: "smollm2-135m-instruct".into(),
            done: 61_000_000,
            total: Some(98_000_000),
            bytes_per_second: 12_400_000.0,
            license: "Apache-2.0".into(),
        });
    });
}

#[test]
fn ready_and_empty() {
    pictures("ready", Harness::ready);
}

#[test]
fn sources_before_the_first_word() {
    pictures("reading", |app| {
        pear(app, 6);
    });
}

#[test]
fn streaming() {
    pictures("streaming", |app| pear(app, 7));
}

#[test]
fn finished_with_sources() {
    pictures("finished", |app| {
        pear(app, 10);
        app.key(KeyCode::Char(']'));
    });
}

#[test]
fn refusal() {
    pictures("refusal", |app| {
        app.ready();
        app.type_line("what is the capital of Mongolia?");
        app.answer(1, fixtures::refusal());
    });
}

#[test]
fn error() {
    pictures("error", |app| {
        app.ready();
        app.type_line("anything?");
        let report = Report {
            cause: "~/.local/share/tanya/models/x.gguf: tensor blk.3.ffn_up.weight ends after the file".into(),
            hint: Some("fetch it again: tanya models pull smollm2-135m-instruct".into()),
        };
        app.send(Msg::Job(JobEvent::AnswerFailed(JobId(1), report)));
    });
}

#[test]
fn help() {
    pictures("help", |app| app.key(KeyCode::Char('?')));
}

#[test]
fn sessions() {
    pictures("sessions", |app| {
        app.ctrl('r');
        app.send(Msg::Job(JobEvent::SessionsListed(fixtures::sessions())));
    });
}

#[test]
fn passage() {
    pictures("passage", |app| {
        pear(app, 10);
        app.key(KeyCode::Char(']'));
        app.key(KeyCode::Enter);
    });
}

#[test]
fn plain_and_ascii() {
    let traits = Traits { colors: Colors::None, background: Background::Dark, charset: Charset::Ascii };
    let mut app = Harness::with(110, 30, Settings::default(), traits);
    pear(&mut app, 10);
    app.key(KeyCode::Char(']'));
    let dump = app.dump();
    assert!(dump.is_ascii(), "{dump}");
    insta::assert_snapshot!("plain_110x30", dump);
}

#[test]
fn light_and_sixteen_colors() {
    for (name, colors, theme) in [
        ("light", Colors::Full, Theme::Light),
        ("sixteen", Colors::Sixteen, Theme::Dark),
        ("light_sixteen", Colors::Sixteen, Theme::Light),
        ("contrast", Colors::Full, Theme::Contrast),
    ] {
        let traits = Traits { colors, background: Background::Dark, charset: Charset::Unicode };
        let mut app = Harness::with(110, 20, Settings { theme, ..Settings::default() }, traits);
        pear(&mut app, 10);
        insta::assert_snapshot!(format!("{name}_110x20"), app.dump());
    }
}

/// Text as a hostile document would hold it.
fn hostile() -> impl Strategy<Value = String> {
    prop::string::string_regex(
        "([a-z \n*`#|\\[\\]0-9-]|\u{1b}\\[31m|\u{1b}\\]52;c;x\u{7}|\u{9b}|\u{202e}|\u{2066}|\u{200d}|\u{fe0f}|\u{e0041}|e(\u{301}){12}|👩\u{200d}🔬|日|ﾞ|\t|\r){0,40}",
    )
    .expect("the pattern is legal")
}

fn source() -> impl Strategy<Value = Source> {
    (
        hostile(),
        hostile(),
        any::<u32>(),
        any::<u32>(),
        prop::option::of(any::<u32>()),
        prop::collection::vec((0_usize..60, 0_usize..60), 0..4),
        0_u32..5,
    )
        .prop_map(|(path, text, start_line, end_line, page, highlights, n)| Source {
            n,
            path,
            start_line,
            end_line,
            page,
            heading: text.clone(),
            text,
            score: 0.5,
            bm25_rank: None,
            vector_rank: None,
            tokens: 1,
            highlights,
            reading: None,
            marks: Vec::new(),
        })
}

fn entry() -> impl Strategy<Value = Entry> {
    let state =
        prop::sample::select(vec![FileState::Indexed, FileState::Partly, FileState::Skipped, FileState::Failed]);
    (hostile(), state, any::<u64>(), any::<u32>(), prop::option::of(hostile())).prop_map(
        |(path, state, bytes, number, reason)| Entry {
            title: path.clone(),
            hint: reason.clone(),
            pages: number % 7,
            sections: number,
            passages: number,
            path,
            state,
            bytes,
            reason,
            took: Some(std::time::Duration::from_micros(bytes)),
            bytes_read: Some(u64::from(number)),
            hidden_words: bytes,
            hidden_characters: u64::from(number),
            marks: vec![Marked { mark: Mark::Instruction, passages: bytes }],
        },
    )
}

fn job() -> impl Strategy<Value = JobEvent> {
    let id = (0_u64..6).prop_map(JobId);
    let answer = prop_oneof![
        prop::collection::vec(source(), 0..5).prop_map(AnswerEvent::Sources),
        hostile().prop_map(|reason| AnswerEvent::Gate(Gate::Refuse { reason })),
        (0_usize..300, 0_usize..300).prop_map(|(done, total)| AnswerEvent::Prefill { done, total }),
        (0_usize..300, 0_usize..300, any::<u64>()).prop_map(|(done, total, seconds_left)| AnswerEvent::Reading {
            done,
            total,
            seconds_left
        }),
        (prop::collection::vec(0_u32..5, 0..4), 0_usize..999, 0_usize..999).prop_map(
            |(used, prompt_tokens, window)| AnswerEvent::Fitted { used, dropped: vec![], prompt_tokens, window }
        ),
        hostile().prop_map(AnswerEvent::Text),
        Just(AnswerEvent::Checked(fixtures::sentences())),
        Just(AnswerEvent::Finished(Box::new(fixtures::finished()))),
        (hostile(), prop::collection::vec(source(), 0..5)).prop_map(|(answer, sources)| {
            AnswerEvent::Finished(Box::new(crate::answer::Answer { answer, sources, ..fixtures::finished() }))
        }),
        Just(fixtures::refusal().pop().expect("a refusal ends")),
    ];
    prop_oneof![
        8 => (id.clone(), answer).prop_map(|(id, event)| JobEvent::Answer(id, event)),
        1 => (id, hostile()).prop_map(|(id, cause)| JobEvent::AnswerFailed(id, Report { hint: Some(cause.clone()), cause })),
        1 => (hostile(), any::<u64>(), any::<u64>()).prop_map(|(path, done, total)| JobEvent::Ingest(IngestEvent::Reading { path, done, total: total / 200, })),
        1 => (any::<u32>(), any::<u32>()).prop_map(|(done, total)| JobEvent::Ingest(IngestEvent::Embedding { done: done.into(), total: total.into(), seconds_left: Some(done.into()) })),
        1 => (hostile(), any::<u64>(), prop::option::of(any::<u64>())).prop_map(|(name, done, total)| JobEvent::Model(ModelEvent::Pulling { license: name.clone(), name, done, total, bytes_per_second: 1e3 })),
        1 => hostile().prop_map(|name| JobEvent::Model(ModelEvent::Ready { backend: name.clone(), name, window: 10 })),
        1 => hostile().prop_map(JobEvent::Notice),
        1 => Just(JobEvent::SessionsListed(fixtures::sessions())),
        1 => prop::collection::vec(entry(), 0..9).prop_map(|list| JobEvent::LibraryListed(Ok(list))),
        1 => (prop::sample::select(vec!["@", "#", "@日"]), prop::collection::vec(hostile(), 0..9)).prop_map(|(word, names)| {
            let names = names.into_iter().map(|written| Name { note: written.clone(), written }).collect();
            JobEvent::NamesFound { word: word.into(), names }
        }),
        1 => (prop::sample::select(vec!["aaa", "@日a", "日日日"]), prop::collection::vec(source(), 0..5))
            .prop_map(|(question, sources)| JobEvent::Previewed { question: question.into(), sources }),
        1 => Just(JobEvent::SessionLoaded(Box::new(fixtures::conversation()))),
        1 => (hostile(), any::<u32>(), any::<u32>()).prop_map(|(path, start_line, end_line)| {
            let cited = CitedNow { n: 1, path, start_line, end_line, page: None, standing: Standing::Gone };
            JobEvent::SourcesCompared(fixtures::conversation().id, vec![vec![cited]])
        }),
    ]
}

fn key() -> impl Strategy<Value = KeyEvent> {
    let code = prop_oneof![
        4 => prop::sample::select(vec!['a', '@', '#', '/', '?', '[', ']', 'j', 'k', 'g', 'G', ' ', '日', '\u{301}', 's']).prop_map(KeyCode::Char),
        6 => prop::sample::select(vec![
            KeyCode::Enter, KeyCode::Esc, KeyCode::Tab, KeyCode::BackTab, KeyCode::Up, KeyCode::Down, KeyCode::Left, KeyCode::Right,
            KeyCode::PageUp, KeyCode::PageDown, KeyCode::Home, KeyCode::End, KeyCode::Backspace, KeyCode::Delete, KeyCode::F(1), KeyCode::F(2),
        ]),
    ];
    let modifiers = prop_oneof![6 => Just(KeyModifiers::NONE), 1 => Just(KeyModifiers::CONTROL), 1 => Just(KeyModifiers::ALT), 1 => Just(KeyModifiers::SHIFT)];
    let edit = prop::sample::select(vec!['a', 'c', 'e', 'k', 'u', 'w', 'y', 'n', 'p', 'r', 'o', 'd', 'j', '_', 'l'])
        .prop_map(|c| KeyEvent::new(KeyCode::Char(c), KeyModifiers::CONTROL));
    prop_oneof![5 => (code, modifiers).prop_map(|(code, modifiers)| KeyEvent::new(code, modifiers)), 1 => edit]
}

fn msg() -> impl Strategy<Value = Msg> {
    prop_oneof![
        12 => key().prop_map(Msg::Key),
        8 => job().prop_map(Msg::Job),
        2 => hostile().prop_map(Msg::Paste),
        1 => Just(Msg::Paste("line\n".repeat(50))),
        2 => (1_u16..220, 1_u16..70).prop_map(|(width, height)| Msg::Resize { width, height }),
        1 => Just(Msg::Tick),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_messages_leave_a_screen_that_draws_without_controls(messages in prop::collection::vec(msg(), 1..60)) {
        let mut app = Harness::new(100, 30);
        for message in messages {
            app.wait_ms(300);
            app.send(message);
            for cell in app.picture().content() {
                let symbol = cell.symbol();
                let control = symbol.contains(|c: char| c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'));
                prop_assert!(!control, "{symbol:?}");
                let marks = symbol.chars().filter(|c| *c == '\u{301}').count();
                prop_assert!(marks <= 8, "{symbol:?}");
            }
            if let Some((_, turn)) = app.state.running {
                prop_assert!(!app.state.turns[turn].phase.is_over(), "what runs is not over");
            }
            let places = || BINDINGS.iter().map(|binding| binding.when);
            for wide in places().filter(|place| !app.state.holds(*place)) {
                let narrow = places().find(|place| wide.covers(*place) && app.state.holds(*place));
                prop_assert!(narrow.is_none(), "{narrow:?} holds and {wide:?} does not");
            }
            if let Some(wake) = app.state.next_wake() {
                prop_assert!(wake > app.state.clock, "a wake lies ahead, or the loop would spin");
            }
        }
    }
}
