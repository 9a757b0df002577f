//! A key with its modifiers: what it is called, and which one a name means.
//!
//! Invariant: the name of a chord that [`Chord::parse`] gives is the text that it was parsed from.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// A key with its modifiers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::tui) struct Chord(pub(super) KeyCode, pub(super) KeyModifiers);

pub(super) const fn key(code: KeyCode) -> Chord {
    Chord(code, KeyModifiers::NONE)
}

pub(super) const fn char(c: char) -> Chord {
    Chord(KeyCode::Char(c), KeyModifiers::NONE)
}

pub(super) const fn ctrl(c: char) -> Chord {
    Chord(KeyCode::Char(c), KeyModifiers::CONTROL)
}

/// In the order in which a name has them.
const MODIFIERS: [(KeyModifiers, &str); 3] =
    [(KeyModifiers::CONTROL, "ctrl-"), (KeyModifiers::ALT, "alt-"), (KeyModifiers::SHIFT, "shift-")];

/// Keys with a name of their own.
const NAMED: [(KeyCode, &str); 16] = [
    (KeyCode::Enter, "enter"),
    (KeyCode::Esc, "esc"),
    (KeyCode::Tab, "tab"),
    (KeyCode::BackTab, "shift-tab"),
    (KeyCode::Char(' '), "space"),
    (KeyCode::Backspace, "backspace"),
    (KeyCode::Delete, "delete"),
    (KeyCode::Insert, "insert"),
    (KeyCode::Left, "left"),
    (KeyCode::Right, "right"),
    (KeyCode::Up, "up"),
    (KeyCode::Down, "down"),
    (KeyCode::Home, "home"),
    (KeyCode::End, "end"),
    (KeyCode::PageUp, "page up"),
    (KeyCode::PageDown, "page down"),
];

/// Function keys that keyboards have.
const FUNCTION_KEYS: std::ops::RangeInclusive<u8> = 1..=12;

impl Chord {
    pub(super) fn matches(self, event: &KeyEvent) -> bool {
        // Terminals differ in whether a shifted character also reports shift.
        let mask = match self.0 {
            KeyCode::Char(_) | KeyCode::BackTab => KeyModifiers::CONTROL | KeyModifiers::ALT,
            _ => KeyModifiers::CONTROL | KeyModifiers::ALT | KeyModifiers::SHIFT,
        };
        self.0 == event.code && self.1 & mask == event.modifiers & mask
    }

    /// Does it write a character where text is typed?
    pub(super) fn types(self) -> bool {
        matches!(self.0, KeyCode::Char(_) | KeyCode::Backspace)
            && !self.1.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT)
    }

    /// `ctrl-c`, `page up`.
    pub(in crate::tui) fn name(self) -> String {
        let mut out = String::new();
        for (modifier, name) in MODIFIERS {
            if self.1.contains(modifier) {
                out.push_str(name);
            }
        }
        match (NAMED.iter().find(|(code, _)| *code == self.0), self.0) {
            (Some((_, name)), _) => out.push_str(name),
            (None, KeyCode::Char(c)) => out.push(c),
            (None, KeyCode::F(n)) => out.push_str(&["f", &n.to_string()].concat()),
            (None, other) => out.push_str(&format!("{other:?}").to_lowercase()),
        }
        out
    }

    /// The chord of that name. Fails with the reason where a name means none, or one that terminals do not send as itself.
    pub(in crate::tui) fn parse(name: &str) -> Result<Self, String> {
        let mut modifiers = KeyModifiers::NONE;
        let mut rest = name;
        for (modifier, prefix) in MODIFIERS {
            let after = rest.strip_prefix(prefix).filter(|after| !after.is_empty() && rest != "shift-tab");
            if let Some(after) = after {
                modifiers |= modifier;
                rest = after;
            }
        }
        let code = code(rest).ok_or_else(|| format!("{name:?} is no key"))?;
        match reason_against(code, modifiers) {
            Some(reason) => Err(format!("{name:?} cannot be told from another key: {reason}")),
            None => Ok(Self(code, modifiers)),
        }
    }
}

fn code(name: &str) -> Option<KeyCode> {
    if let Some((code, _)) = NAMED.iter().find(|(_, known)| *known == name) {
        return Some(*code);
    }
    let mut characters = name.chars();
    if let (Some(c), None) = (characters.next(), characters.next()) {
        return (c.is_ascii_punctuation() || c.is_alphanumeric()).then_some(KeyCode::Char(c));
    }
    let number = name.strip_prefix('f')?.parse().ok().filter(|number| FUNCTION_KEYS.contains(number))?;
    (name == format!("f{number}")).then_some(KeyCode::F(number))
}

/// Why a terminal without a keyboard protocol does not send this.
fn reason_against(code: KeyCode, modifiers: KeyModifiers) -> Option<&'static str> {
    let control = modifiers.contains(KeyModifiers::CONTROL);
    let shift = modifiers.contains(KeyModifiers::SHIFT);
    match code {
        KeyCode::Char(_) if shift => Some("write the character that shift makes of it, as in G or alt-G"),
        KeyCode::Char('i') if control => Some("terminals send tab for it"),
        KeyCode::Char('m') if control => Some("terminals send enter for it"),
        KeyCode::Char('a'..='z' | ' ') => None,
        KeyCode::Char(_) if control => Some("with ctrl there are only the letters a to z and space"),
        KeyCode::Enter | KeyCode::Tab | KeyCode::Backspace if control || shift => {
            Some("terminals send it without ctrl and shift")
        }
        KeyCode::Esc | KeyCode::BackTab if !modifiers.is_empty() => Some("terminals send it without other modifiers"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::tui::keymap::BINDINGS;

    #[test]
    fn every_key_of_the_table_is_read_back_from_its_name() {
        for chord in BINDINGS.iter().flat_map(|binding| binding.keys) {
            assert_eq!(Chord::parse(&chord.name()).as_ref(), Ok(chord), "{}", chord.name());
        }
    }

    #[test]
    fn what_no_terminal_sends_is_refused_with_the_reason() {
        for (name, reason) in [
            ("ctrl-i", "tab"),
            ("ctrl-m", "enter"),
            ("shift-g", "G"),
            ("ctrl-X", "letters"),
            ("ctrl-1", "letters"),
            ("ctrl-enter", "without ctrl"),
            ("alt-esc", "without other"),
        ] {
            let error = Chord::parse(name).unwrap_err();
            assert!(error.contains(name) && error.contains(reason), "{error}");
        }
        for name in
            ["", "ctrl-", "ctrl", "hyper-x", "Ctrl-x", "f0", "f13", "f01", "alt-ctrl-x", "xy", "\u{1b}", "\u{202e}"]
        {
            assert_eq!(Chord::parse(name), Err(format!("{name:?} is no key")));
        }
        assert_eq!(Chord::parse("-"), Ok(char('-')));
        assert_eq!(Chord::parse("alt--"), Ok(Chord(KeyCode::Char('-'), KeyModifiers::ALT)));
    }

    proptest! {
        #[test]
        fn the_name_of_a_parsed_chord_is_what_it_was_parsed_from(
            control in any::<bool>(), alt in any::<bool>(), shift in any::<bool>(),
            key in prop_oneof![
                "[a-zA-Z0-9 -~äßжあ]", "f[0-9]{1,2}",
                prop::sample::select(NAMED.map(|(_, name)| name.to_owned()).to_vec()), any::<String>(),
            ],
        ) {
            let mut name = String::new();
            for (held, prefix) in [(control, "ctrl-"), (alt, "alt-"), (shift, "shift-")] {
                name += if held { prefix } else { "" };
            }
            name += &key;
            if let Ok(chord) = Chord::parse(&name) {
                prop_assert_eq!(chord.name(), name);
            }
        }
    }
}
