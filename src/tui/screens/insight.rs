//! Pictures of the views into the machinery, at four widths in three themes.

use ratatui::crossterm::event::KeyCode;

use crate::answer::Dropped;
use crate::config::{Settings, Theme};
use crate::tui::fixtures::{Harness, insight};
use crate::tui::theme::{Background, Charset, Colors, Traits};

const WIDTHS: [(u16, u16); 4] = [(40, 14), (80, 24), (120, 36), (200, 50)];

/// One file a width: the text, and the styles of each theme. The text is the same in all of them.
fn pictures(name: &str, prepare: impl Fn(&mut Harness)) {
    for (width, height) in WIDTHS {
        let mut all: Option<String> = None;
        for (theme, colors) in [(Theme::Dark, Colors::Full), (Theme::Light, Colors::Full), (Theme::Plain, Colors::None)]
        {
            let traits = Traits { colors, background: Background::Dark, charset: Charset::Unicode };
            let mut app = Harness::with(width, height, Settings { theme, ..Settings::default() }, traits);
            app.ready();
            prepare(&mut app);
            let dump = app.dump();
            let (text, styles) = dump.split_once("--- styles\n").expect("a dump has styles");
            match &mut all {
                None => all = Some(format!("{text}--- {theme:?}\n{styles}")),
                Some(all) => {
                    assert!(all.starts_with(text), "a theme changes no text:\n{text}");
                    *all += &["--- ", &format!("{theme:?}"), "\n", styles].concat();
                }
            }
        }
        insta::assert_snapshot!(format!("{name}_{width}x{height}"), all.unwrap_or_default());
    }
}

#[test]
fn one_step() {
    pictures("inspect", |app| {
        insight::answered(app, 1);
        app.type_line("/inspect");
        for _ in 0..8 {
            app.key(KeyCode::Right);
        }
        app.text("ttttP");
    });
}

#[test]
fn the_tokens_of_the_prompt() {
    pictures("input", |app| {
        insight::answered(app, 1);
        app.type_line("/inspect");
        app.text("i");
    });
}

#[test]
fn a_prompt_by_its_parts() {
    pictures("prompt", |app| {
        insight::answered(app, 1);
        app.type_line("/prompt");
        app.text("p");
        app.key(KeyCode::Down);
        app.text("d");
        app.wait_ms(20_000);
    });
}

#[test]
fn with_the_last_passage_selected_what_was_left_out_is_seen_on_a_small_screen() {
    let mut app = Harness::new(80, 24);
    insight::answered(&mut app, 1);
    if let Some(answer) = &mut app.state.turns[0].answer {
        let dropped = |n: usize| Dropped { path: format!("left/{n}.md"), why: "others are better".into() };
        answer.dropped = (1..=5).map(dropped).collect();
    }
    app.type_line("/prompt");
    assert!(!app.screen().contains("left/5.md"), "{}", app.screen());
    for _ in 0..9 {
        app.key(KeyCode::Down);
    }
    let screen = app.screen();
    assert!(screen.contains("left/5.md") && screen.contains("inventory.csv"), "{screen}");
}

#[test]
fn what_answers_cost() {
    pictures("metrics", |app| {
        for job in 1..=3 {
            insight::answered(app, job);
        }
        app.type_line("/metrics");
    });
}

#[test]
fn in_ascii_nothing_else_is_drawn() {
    let traits = Traits { colors: Colors::None, background: Background::Dark, charset: Charset::Ascii };
    for view in ["/inspect", "/prompt", "/metrics"] {
        let mut app = Harness::with(110, 40, Settings::default(), traits);
        app.ready();
        insight::answered(&mut app, 1);
        app.type_line(view);
        let screen = app.screen().replace(['日', '本', '␛'], "");
        assert!(screen.is_ascii(), "{screen}");
    }
}
