//! One line of text that is typed on a page: a name, words to look for.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use unicode_segmentation::UnicodeSegmentation as _;

use crate::tui::text::clean;

/// Bytes of a name or of words to look for: nothing that is pasted here is longer and meant.
const LONGEST: usize = 400;

/// Types a key at the end of one line; false when it changed nothing.
pub(super) fn edit(text: &mut String, key: KeyEvent) -> bool {
    let before = text.len();
    let control = key.modifiers.contains(KeyModifiers::CONTROL);
    match key.code {
        KeyCode::Char('u') if control => text.clear(),
        KeyCode::Char('w') if control => {
            let kept = text.trim_end();
            text.truncate(kept.rfind(char::is_whitespace).map_or(0, |space| space + 1));
        }
        KeyCode::Char(c) if !control && !key.modifiers.contains(KeyModifiers::ALT) => {
            add(text, c.encode_utf8(&mut [0; 4]));
        }
        KeyCode::Backspace => {
            let kept = text.grapheme_indices(true).next_back().map_or(0, |(at, _)| at);
            text.truncate(kept);
        }
        _ => {}
    }
    text.len() != before
}

/// Adds text that came in one piece; false when there is no room for it.
pub(super) fn add(text: &mut String, more: &str) -> bool {
    let more = clean(more).replace('\n', " ");
    let fits = text.len() + more.len() <= LONGEST;
    if fits {
        text.push_str(&more);
    }
    fits
}
