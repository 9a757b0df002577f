//! Pictures of the list of commands, and what holds for any keys in it.

use proptest::prelude::*;
use ratatui::crossterm::event::KeyCode;

use super::{hostile, key};
use crate::config::Settings;
use crate::tui::fixtures::Harness;
use crate::tui::msg::Msg;
use crate::tui::theme::{Background, Charset, Colors, Traits};

fn pictures(name: &str, prepare: impl Fn(&mut Harness)) {
    for (width, height) in [(40, 14), (80, 24), (120, 36)] {
        let mut app = Harness::new(width, height);
        app.ready();
        app.ctrl('p');
        prepare(&mut app);
        insta::assert_snapshot!(format!("{name}_{width}x{height}"), app.dump());
    }
}

#[test]
fn all_commands() {
    pictures("palette", |app| app.key(KeyCode::Down));
}

#[test]
fn commands_with_some_letters() {
    pictures("palette_typed", |app| app.text("open"));
}

#[test]
fn in_ascii_nothing_else_is_drawn() {
    let traits = Traits { colors: Colors::None, background: Background::Dark, charset: Charset::Ascii };
    let mut app = Harness::with(60, 30, Settings::default(), traits);
    app.ctrl('p');
    for typed in ["", "s", "et"] {
        app.text(typed);
        let screen = app.screen();
        assert!(screen.is_ascii(), "{screen}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn any_keys_in_the_list_leave_a_screen_that_draws(
        before in prop::collection::vec(key(), 0..4),
        then in prop::collection::vec(prop_oneof![9 => key().prop_map(Msg::Key), 1 => hostile().prop_map(Msg::Paste),
            1 => (1_u16..130, 1_u16..40).prop_map(|(width, height)| Msg::Resize { width, height })], 1..30),
    ) {
        let mut app = Harness::new(100, 30);
        app.ready();
        for key in before {
            app.send(Msg::Key(key));
        }
        for message in then {
            if app.state.palette.is_none() {
                app.ctrl('p');
            }
            app.send(message);
            for cell in app.picture().content() {
                prop_assert!(!cell.symbol().contains(char::is_control), "{:?}", cell.symbol());
            }
            if let Some(palette) = &app.state.palette {
                let offered = app.state.offered(palette);
                let is_offered = |id| offered.iter().any(|entry| entry.id == id);
                prop_assert!(palette.selected.is_none_or(is_offered), "{:?}", palette.selected);
            }
        }
    }
}
