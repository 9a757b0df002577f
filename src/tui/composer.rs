//! The question being typed: editing, pasting, history.
//!
//! Invariants: what is in the text area is cleaned text, small enough to be laid out at every key; a large paste stands there
//! as one chip (`[pasted 240 lines]`) and takes its place again when the question is sent.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui_textarea::{CursorMove, DataCursor, TextArea};

use super::text::{bytes, clean, thousands};
use crate::answer::open_name;

/// A paste with more lines than this becomes a chip.
const MOST_LINES: usize = 20;
/// A paste with more bytes than this becomes a chip: about 30 lines of 80 columns.
const MOST_BYTES: usize = 2400;

#[derive(Default)]
pub(super) struct Composer {
    area: TextArea<'static>,
    chips: Vec<(String, String)>,
    history: Vec<String>,
    recalled: Option<usize>,
    draft: String,
}

impl Composer {
    /// Everything typed and pasted.
    pub(super) fn text(&self) -> String {
        let typed = self.area.lines().join("\n");
        self.chips.iter().fold(typed, |text, (chip, content)| text.replacen(chip, content, 1))
    }

    /// Everything typed, where nothing large was pasted.
    pub(super) fn typed(&self) -> Option<String> {
        self.chips.is_empty().then(|| self.area.lines().join("\n"))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.area.is_empty()
    }

    /// Lines as they are shown, chips folded.
    pub(super) fn lines(&self) -> &[String] {
        self.area.lines()
    }

    /// Line and character of the cursor.
    pub(super) fn cursor(&self) -> (usize, usize) {
        let DataCursor(line, character) = self.area.cursor();
        (line, character)
    }

    pub(super) fn on_first_line(&self) -> bool {
        self.cursor().0 == 0
    }

    pub(super) fn on_last_line(&self) -> bool {
        self.cursor().0 + 1 >= self.lines().len()
    }

    pub(super) fn clear(&mut self) {
        self.area = TextArea::default();
        self.chips.clear();
        self.recalled = None;
    }

    /// Replaces everything by `text`, cursor at its end.
    pub(super) fn set(&mut self, text: &str) {
        let recalled = self.recalled;
        self.clear();
        self.recalled = recalled;
        self.paste(text);
    }

    /// The text, which leaves the composer and enters the history.
    pub(super) fn take(&mut self) -> String {
        let text = self.text().trim().to_owned();
        self.remember(&text);
        self.clear();
        text
    }

    /// Adds a line to the history, as the newest one.
    pub(super) fn remember(&mut self, text: &str) {
        if !text.is_empty() && self.history.last().is_none_or(|last| last != text) {
            self.history.push(text.to_owned());
        }
    }

    pub(super) fn paste(&mut self, text: &str) {
        let cleaned = clean(text);
        let lines = cleaned.lines().count();
        if lines <= MOST_LINES && cleaned.len() <= MOST_BYTES {
            self.area.insert_str(&*cleaned);
            return;
        }
        let size = if lines > 1 { format!("{} lines", thousands(lines as u64)) } else { bytes(cleaned.len() as u64) };
        let again = self.chips.iter().filter(|(chip, _)| chip.contains(&size)).count();
        let chip = if again == 0 { format!("[pasted {size}]") } else { format!("[pasted {size}, {}]", again + 1) };
        self.area.insert_str(&chip);
        self.chips.push((chip, cleaned.into_owned()));
    }

    /// The word before the cursor that begins with `@` or `#`, quotation marks and spaces in it included.
    pub(super) fn word(&self) -> Option<String> {
        let (line, character) = self.cursor();
        let before: String = self.lines().get(line)?.chars().take(character).collect();
        open_name(&before).map(str::to_owned)
    }

    /// Puts `name`, and a space, in the place of the word before the cursor and what follows of it.
    pub(super) fn replace_word(&mut self, word: &str, name: &str) {
        let (line, character) = self.cursor();
        let rest = self
            .lines()
            .get(line)
            .map(|text| text.chars().skip(character).take_while(|c| !c.is_whitespace() && *c != ')').count());
        for _ in 0..rest.unwrap_or(0) {
            self.area.delete_next_char();
        }
        for _ in word.chars() {
            self.area.delete_char();
        }
        self.area.insert_str(&*clean(&format!("{name} ")));
    }

    pub(super) fn new_line(&mut self) {
        self.area.insert_newline();
    }

    /// The question before the one shown; what was being typed is kept as the newest.
    pub(super) fn older(&mut self) {
        let at = self.recalled.unwrap_or(self.history.len());
        let Some(before) = at.checked_sub(1) else { return };
        if self.recalled.is_none() {
            self.draft = self.text();
        }
        self.recalled = Some(before);
        self.set(&self.history[before].clone());
    }

    /// The question after the one shown, and at last what was being typed.
    pub(super) fn newer(&mut self) {
        let Some(at) = self.recalled else { return };
        let next = self.history.get(at + 1).cloned();
        self.recalled = next.is_some().then_some(at + 1);
        let text = next.unwrap_or_else(|| std::mem::take(&mut self.draft));
        self.set(&text);
    }

    /// A key that is no command edits, as in a shell.
    pub(super) fn key(&mut self, key: KeyEvent) {
        let area = &mut self.area;
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        let alt = key.modifiers.contains(KeyModifiers::ALT);
        let word = control || alt;
        match key.code {
            KeyCode::Char(c) if control => match c {
                'a' => area.move_cursor(CursorMove::Head),
                'e' => area.move_cursor(CursorMove::End),
                'b' => area.move_cursor(CursorMove::Back),
                'f' => area.move_cursor(CursorMove::Forward),
                'd' => drop(area.delete_next_char()),
                'h' => drop(area.delete_char()),
                'k' => drop(area.delete_line_by_end()),
                'u' => drop(area.delete_line_by_head()),
                'w' => drop(area.delete_word()),
                'y' => drop(area.paste()),
                '_' | '/' | '7' => drop(area.undo()),
                _ => {}
            },
            KeyCode::Char(c) if alt => match c {
                'b' => area.move_cursor(CursorMove::WordBack),
                'f' => area.move_cursor(CursorMove::WordForward),
                'd' => drop(area.delete_next_word()),
                _ => {}
            },
            KeyCode::Char(c) => {
                let mut buffer = [0; 4];
                area.insert_str(&*clean(c.encode_utf8(&mut buffer)));
            }
            KeyCode::Backspace if word => drop(area.delete_word()),
            KeyCode::Backspace => drop(area.delete_char()),
            KeyCode::Delete if word => drop(area.delete_next_word()),
            KeyCode::Delete => drop(area.delete_next_char()),
            KeyCode::Left if word => area.move_cursor(CursorMove::WordBack),
            KeyCode::Left => area.move_cursor(CursorMove::Back),
            KeyCode::Right if word => area.move_cursor(CursorMove::WordForward),
            KeyCode::Right => area.move_cursor(CursorMove::Forward),
            KeyCode::Up => area.move_cursor(CursorMove::Up),
            KeyCode::Down => area.move_cursor(CursorMove::Down),
            KeyCode::Home => area.move_cursor(CursorMove::Head),
            KeyCode::End => area.move_cursor(CursorMove::End),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(text: &str) -> Composer {
        let mut composer = Composer::default();
        composer.paste(text);
        composer
    }

    #[test]
    fn a_large_paste_is_a_chip_until_it_is_sent() {
        let mut composer = typed("explain: ");
        let log = "line\n".repeat(240);
        composer.paste(&log);
        composer.paste(&log);
        assert_eq!(composer.lines(), ["explain: [pasted 240 lines][pasted 240 lines, 2]"]);
        assert_eq!(composer.take(), format!("explain: {log}{log}").trim());
        assert!(composer.is_empty());
    }

    #[test]
    fn ten_megabytes_in_one_line_are_one_chip() {
        let composer = typed(&"x".repeat(10_000_000));
        assert_eq!(composer.lines(), ["[pasted 10 MB]"]);
        assert_eq!(composer.text().len(), 10_000_000);
    }

    #[test]
    fn pasted_escapes_are_only_pictures() {
        assert_eq!(typed("a\u{1b}[201~b\r\nc").lines(), ["a␛[201~b", "c"]);
    }

    #[test]
    fn history_keeps_the_draft() {
        let mut composer = Composer::default();
        for question in ["one", "two", "two"] {
            composer.paste(question);
            composer.take();
        }
        composer.paste("draft");
        composer.older();
        assert_eq!(composer.text(), "two");
        composer.older();
        composer.older();
        assert_eq!(composer.text(), "one");
        composer.newer();
        composer.newer();
        assert_eq!(composer.text(), "draft");
        composer.newer();
        assert_eq!(composer.text(), "draft");
    }

    #[test]
    fn keys_edit_as_in_a_shell() {
        let mut composer = typed("prune the pear");
        let control = |c| KeyEvent::new(KeyCode::Char(c), KeyModifiers::CONTROL);
        composer.key(control('w'));
        assert_eq!(composer.text(), "prune the ");
        composer.key(control('u'));
        assert_eq!(composer.text(), "");
        composer.key(control('y'));
        assert_eq!(composer.text(), "prune the ");
        composer.key(control('a'));
        composer.key(control('k'));
        assert!(composer.is_empty());
    }
}
