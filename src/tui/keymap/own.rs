//! The keys that hold: those of the table, but for commands that a person gave others.

use std::collections::BTreeMap;

use anyhow::{Result, anyhow};
use ratatui::crossterm::event::KeyEvent;

use super::{BINDINGS, Binding, Chord, Command, When};
use crate::report::Hinting as _;

/// How a chord is written, for hints.
const NAMES: &str = "keys are written as: ctrl-x, alt-enter, f2, page up, shift-tab, space, G";

/// Which keys mean which command. By default those of the table.
#[derive(Debug, Clone, Default)]
pub struct Keymap {
    /// By the id of a row.
    own: BTreeMap<&'static str, Vec<Chord>>,
}

impl Keymap {
    /// The table's keys, but `written` ones where an id of a row stands there. No key of an id means that it has none.
    ///
    /// Fails where an id or a key is unknown, where a key types a character in a place where text is typed, where it would hide
    /// another command or be hidden by one, and where no way out would be left.
    pub fn new(written: &BTreeMap<String, Vec<String>>) -> Result<Self> {
        let mut own = BTreeMap::new();
        for (id, names) in written {
            let Some(binding) = BINDINGS.iter().find(|binding| binding.id == id) else {
                let known: Vec<&str> = BINDINGS.iter().map(|binding| binding.id).collect();
                return Err(anyhow!("[keys]: no command is called {id:?}"))
                    .hint(format!("one of: {}", known.join(", ")));
            };
            if matches!(binding.command, Command::AskSuggestion | Command::TurnKnob) {
                return Err(anyhow!("[keys]: the keys of {id} are the names of what it acts on, and stay"))
                    .hint(format!("remove the line of {id}"));
            }
            let chords: Result<Vec<Chord>, String> = names.iter().map(|name| Chord::parse(name)).collect();
            own.insert(binding.id, chords.map_err(|why| anyhow!("[keys]: {id}: {why}")).hint(NAMES)?);
        }
        let keymap = Self { own };
        keymap.check()?;
        Ok(keymap)
    }

    /// Everything that a key means can be reached, text can be typed, and there is a way out.
    fn check(&self) -> Result<()> {
        for (index, binding) in BINDINGS.iter().enumerate() {
            let id = binding.id;
            if let Some(chord) = self.keys(binding).iter().find(|chord| chord.types() && binding.when.takes_text()) {
                return Err(anyhow!("[keys]: {id}: {} is typed there", chord.name()))
                    .hint("take one with ctrl or alt, or a function key");
            }
            for earlier in BINDINGS[..index].iter().filter(|earlier| earlier.when.covers(binding.when)) {
                if let Some(chord) = self.keys(binding).iter().find(|chord| self.keys(earlier).contains(chord)) {
                    return Err(anyhow!("[keys]: {} means {} there and would never be {id}", chord.name(), earlier.id))
                        .hint(format!("give {id} or {} another key", earlier.id));
                }
            }
            let is_way_out = |chord: &&Chord| {
                let rows =
                    BINDINGS.iter().filter(|row| row.command == Command::Interrupt && row.command != binding.command);
                rows.into_iter().any(|row| self.keys(row).contains(chord))
            };
            if let Some(chord) = self.keys(binding).iter().find(is_way_out) {
                return Err(anyhow!("[keys]: {id}: {} is the way out, everywhere", chord.name()))
                    .hint("take another key, or give interrupt another one");
            }
            if binding.command == Command::Interrupt && self.keys(binding).is_empty() {
                return Err(anyhow!("[keys]: {id} needs a key: it is the way out"))
                    .hint(format!("give it one, or remove the line of {id}"));
            }
        }
        Ok(())
    }

    /// The keys of a row; the first one is shown in hints.
    pub(in crate::tui) fn keys(&self, binding: &Binding) -> &[Chord] {
        self.own.get(binding.id).map_or(binding.keys, Vec::as_slice)
    }

    /// The names of the keys of a row.
    pub(in crate::tui) fn names(&self, binding: &Binding) -> Vec<String> {
        self.keys(binding).iter().map(|chord| chord.name()).collect()
    }

    /// The name of a command's first key, in the first row that has one.
    pub(in crate::tui) fn first(&self, command: Command) -> Option<String> {
        let mut rows = BINDINGS.iter().filter(|binding| binding.command == command);
        rows.find_map(|binding| self.keys(binding).first()).map(|chord| chord.name())
    }

    /// The command that a key means where `holds` tells what the state is.
    pub(in crate::tui) fn lookup(&self, event: &KeyEvent, holds: impl Fn(When) -> bool) -> Option<Command> {
        let matches =
            |binding: &&Binding| self.keys(binding).iter().any(|chord| chord.matches(event)) && holds(binding.when);
        let binding = BINDINGS.iter().find(matches)?;
        tracing::trace!(command = binding.id, "key");
        Some(binding.command)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use ratatui::crossterm::event::{KeyCode, KeyModifiers};

    use super::*;
    use crate::report::Report;

    fn written(rows: &[(&str, &[&str])]) -> BTreeMap<String, Vec<String>> {
        let own = |keys: &[&str]| keys.iter().map(|key| (*key).to_owned()).collect();
        rows.iter().map(|(id, keys)| ((*id).to_owned(), own(keys))).collect()
    }

    #[track_caller]
    fn refused(rows: &[(&str, &[&str])]) -> Report {
        Report::new(&Keymap::new(&written(rows)).expect_err("it is refused"))
    }

    #[test]
    fn the_table_itself_hides_no_command_and_lets_text_be_typed() {
        Keymap::default().check().unwrap();
    }

    #[test]
    fn the_place_decides_what_escape_means() {
        let escape = KeyEvent::new(KeyCode::Esc, KeyModifiers::NONE);
        let keymap = Keymap::default();
        assert_eq!(keymap.lookup(&escape, |when| when == When::Answering || when == When::Typed), Some(Command::Stop));
        assert_eq!(keymap.lookup(&escape, |when| when == When::Typed), Some(Command::Clear));
        assert_eq!(keymap.lookup(&escape, |_| false), None);
    }

    #[test]
    fn a_command_has_the_keys_it_was_given_and_no_others() {
        let keymap = Keymap::new(&written(&[("new", &["ctrl-t", "f5"]), ("suspend", &[])])).unwrap();
        let means = |name: &str| {
            let Chord(code, modifiers) = Chord::parse(name).unwrap();
            keymap.lookup(&KeyEvent::new(code, modifiers), |when| matches!(when, When::Chat | When::Anywhere))
        };
        assert_eq!(means("ctrl-t"), Some(Command::NewSession));
        assert_eq!(means("f5"), Some(Command::NewSession));
        assert_eq!(means("ctrl-n"), None);
        assert_eq!(means("ctrl-z"), None);
        assert_eq!(means("ctrl-r"), Some(Command::Sessions));
        assert_eq!(keymap.first(Command::NewSession).as_deref(), Some("ctrl-t"));
        assert_eq!(keymap.first(Command::Suspend), None);
    }

    #[test]
    fn the_example_of_the_readme_holds() {
        let readme = include_str!("../../../README.md");
        let example = readme.split("```toml\n").find(|block| block.starts_with("[keys]")).expect("there is one");
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join("config.toml");
        std::fs::write(&file, example.split("```").next().unwrap()).unwrap();
        let (settings, _) = crate::config::Settings::load(&file).unwrap();
        assert!(settings.keys.len() > 1);
        Keymap::new(&settings.keys).unwrap();
    }

    #[test]
    fn two_commands_can_exchange_their_keys() {
        Keymap::new(&written(&[("new", &["ctrl-r"]), ("sessions", &["ctrl-n"])])).unwrap();
    }

    #[test]
    fn what_cannot_work_is_refused_with_a_hint() {
        for (rows, cause, hint) in [
            (&[("nwe", &["f5"][..])][..], "no command is called \"nwe\"", "sessions"),
            (&[("new", &["ctrl-"])], "new: \"ctrl-\" is no key", "alt-enter"),
            (&[("new", &["ctrl-m"])], "terminals send enter for it", "alt-enter"),
            (&[("new", &["ctrl-r"])], "ctrl-r means new there and would never be sessions", "give sessions or new"),
            (
                &[("sessions", &["ctrl-n"])],
                "ctrl-n means new there and would never be sessions",
                "give sessions or new",
            ),
            (&[("leave", &["enter"])], "enter means leave there and would never be run", "give run or leave"),
            (&[("new", &["n"])], "new: n is typed there", "ctrl or alt"),
            (&[("leave", &["q"])], "leave: q is typed there", "ctrl or alt"),
            (&[("turn", &["x"])], "the keys of turn are the names of what it acts on", "remove"),
            (&[("next-pane", &["ctrl-c"])], "next-pane: ctrl-c is the way out", "another key"),
            (&[("new", &["backspace"])], "new: backspace is typed there", "ctrl or alt"),
            (&[("interrupt", &[])], "interrupt needs a key", "give it one"),
        ] {
            let report = refused(rows);
            assert!(report.cause.contains(cause), "{rows:?}: {report}");
            assert!(report.hint.as_ref().is_some_and(|shown| shown.contains(hint)), "{rows:?}: {report}");
        }
    }

    proptest! {
        #[test]
        fn what_is_accepted_reaches_every_command_in_its_place(
            rows in prop::collection::btree_map(
                (0..BINDINGS.len()).prop_map(|row| BINDINGS[row].id.to_owned()),
                prop::collection::vec(prop::sample::select(vec!["f5", "ctrl-t", "ctrl-r", "esc", "x", "alt-x"]), 1..3)
                    .prop_map(|keys| keys.into_iter().map(str::to_owned).collect::<Vec<_>>()),
                1..4,
            ),
        ) {
            let Ok(keymap) = Keymap::new(&rows) else { return Ok(()) };
            for binding in BINDINGS {
                for Chord(code, modifiers) in keymap.keys(binding) {
                    let event = KeyEvent::new(*code, *modifiers);
                    let found = keymap.lookup(&event, |when| when.covers(binding.when));
                    prop_assert_eq!(found, Some(binding.command), "{}", binding.id);
                }
            }
        }
    }
}
