//! The one boundary that foreign text passes before it is drawn.

use std::borrow::Cow;

use unicode_segmentation::UnicodeSegmentation as _;

/// Columns to the next tab stop's multiple.
const TAB: usize = 4;

/// More combining marks than any living orthography stacks on one letter (security notes, P25).
const MOST_MARKS: usize = 8;

/// Characters in one grapheme; a family of four with skin tones has eleven.
const MOST_IN_ONE: usize = 24;

/// What becomes of one character of foreign text.
enum Fate {
    Keep,
    Drop,
    Show(char),
    Name,
}

fn fate(c: char) -> Fate {
    match c {
        '\u{00}'..='\u{1f}' => Fate::Show(char::from_u32(0x2400 + c as u32).unwrap_or('\u{fffd}')),
        '\u{7f}' => Fate::Show('\u{2421}'),
        '\u{80}'..='\u{9f}' | '\u{fff9}'..='\u{fffb}' | '\u{fffe}' | '\u{ffff}' => Fate::Show('\u{fffd}'),
        // Overrides, embeddings and isolates can make a line read differently from its bytes (CVE-2021-42574).
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => Fate::Name,
        '\u{200e}'
        | '\u{200f}'
        | '\u{061c}'
        | '\u{ad}'
        | '\u{200b}'
        | '\u{2060}'..='\u{2064}'
        | '\u{206a}'..='\u{206f}'
        | '\u{feff}'
        | '\u{180e}'
        | '\u{e0000}'..='\u{e0fff}' => Fate::Drop,
        '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}' => Fate::Show(' '),
        _ => Fate::Keep,
    }
}

fn is_variation(c: char) -> bool {
    matches!(c, '\u{fe00}'..='\u{fe0f}')
}

fn is_mark(c: char) -> bool {
    // Zero columns and not a joiner, a selector or a control: a mark that sits on the letter before it.
    !c.is_control()
        && !matches!(c, '\u{200c}' | '\u{200d}')
        && !is_variation(c)
        && unicode_width::UnicodeWidthChar::width(c) == Some(0)
}

pub(super) fn is_plain(text: &str) -> bool {
    text.bytes().all(|b| b == b'\n' || (0x20..0x7f).contains(&b))
}

/// Foreign text as it may be drawn: controls become pictures, bidirectional controls their names, tabs spaces; invisible
/// characters go, except where a script or an emoji needs them. Line ends become `\n`.
pub fn clean(text: &str) -> Cow<'_, str> {
    if is_plain(text) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut column = 0;
    let mut marks = 0;
    let mut previous = '\n';
    let mut flag = false;
    let mut pending = None;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        // Tags spell a region only between a black flag and their end mark, as in the flag of Scotland.
        flag = c == '\u{1f3f4}' || (flag && matches!(c, '\u{e0020}'..='\u{e007f}'));
        match c {
            '\r' | '\n' | '\u{2028}' | '\u{2029}' => {
                if c == '\r' && chars.peek() == Some(&'\n') {
                    continue;
                }
                out.push('\n');
                (column, previous, pending) = (0, '\n', None);
                continue;
            }
            '\t' => {
                let spaces = TAB - column % TAB;
                out.extend(std::iter::repeat_n(' ', spaces));
                column += spaces;
                (previous, pending) = (' ', None);
                continue;
            }
            _ => {}
        }
        if flag && matches!(c, '\u{e0020}'..='\u{e007f}') {
            out.push(c);
            continue;
        }
        let joiner = matches!(c, '\u{200c}' | '\u{200d}');
        if joiner || is_variation(c) {
            // Means something only between visible characters, and only once.
            let again = is_variation(previous) && is_variation(c) || matches!(previous, '\u{200c}' | '\u{200d}');
            let alone = previous.is_whitespace() || previous.is_ascii() && joiner;
            if !(again || alone) {
                if joiner {
                    pending = Some(c);
                } else {
                    out.push(c);
                }
                previous = c;
            }
            continue;
        }
        if is_mark(c) {
            marks += 1;
            if marks > MOST_MARKS {
                continue;
            }
        } else if !matches!(c, '\u{ff9e}' | '\u{ff9f}') {
            // The halfwidth sound marks take a column and yet extend the letter before them.
            marks = 0;
        }
        match fate(c) {
            Fate::Keep => {
                // A joiner with nothing to join would only hide.
                out.extend(pending.take().filter(|_| !c.is_whitespace()));
                out.push(c);
            }
            Fate::Drop => continue,
            Fate::Show(picture) => {
                pending = None;
                out.push(picture);
            }
            Fate::Name => {
                pending = None;
                out.push_str(&["‹U+", &format!("{:04X}", c as u32), "›"].concat());
            }
        }
        previous = c;
        column += 1;
    }
    if out.graphemes(true).any(is_pile) {
        let cut = |grapheme: &str| -> String {
            let kept: String =
                grapheme.chars().take(if is_pile(grapheme) { MOST_IN_ONE } else { usize::MAX }).collect();
            if is_pile(grapheme) { kept.trim_end_matches(['\u{200c}', '\u{200d}']).to_owned() } else { kept }
        };
        out = out.graphemes(true).map(cut).collect();
    }
    Cow::Owned(out)
}

/// More than any script or emoji needs: what a cell holds is sent to the terminal whole.
fn is_pile(grapheme: &str) -> bool {
    grapheme.len() > MOST_IN_ONE && grapheme.chars().count() > MOST_IN_ONE
}

/// Cleaned, on one line, with single spaces: for names, titles, messages and snippets.
pub fn one_line(text: &str) -> String {
    let cleaned = clean(text);
    let mut out = String::with_capacity(cleaned.len());
    for word in cleaned.split_whitespace() {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(word);
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn controls_become_visible_and_tricks_vanish() {
        assert_eq!(clean("a\u{1b}]0;x\u{7}b"), "a␛]0;x␇b");
        assert_eq!(clean("x\u{9b}31m"), "x\u{fffd}31m");
        assert_eq!(clean("cod\u{202e}txt.exe"), "cod‹U+202E›txt.exe");
        assert_eq!(clean("a\u{e0041}\u{e0042}b\u{200b}c\u{ad}"), "abc");
        assert_eq!(clean("a\tb\r\nc\rd"), "a   b\nc\nd");
        assert_eq!(clean(&"\u{93e}\u{301}".repeat(99)).chars().count(), MOST_IN_ONE);
        assert_eq!(clean("e\u{301}\u{302}\u{303}\u{304}\u{305}\u{306}\u{307}\u{308}\u{309}\u{30a}").chars().count(), 9);
    }

    #[test]
    fn scripts_and_emoji_keep_their_joiners() {
        for text in [
            "می\u{200c}خواهم",
            "👩\u{200d}🔬",
            "❤\u{fe0f}",
            "🏴\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}\u{e007f}",
            "क्\u{200d}ष",
        ] {
            assert_eq!(clean(text), text);
        }
    }

    proptest! {
        #[test]
        fn whatever_comes_in_only_drawable_text_comes_out(text in "\\PC*|(\\p{C}|[a-e\u{300}-\u{310} \u{200d}\u{fe0f}])*") {
            let cleaned = clean(&text);
            prop_assert!(!cleaned.chars().any(|c| c != '\n' && c.is_control()), "{cleaned:?}");
            let bidi = cleaned.contains(|c| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'));
            prop_assert!(!bidi, "{cleaned:?}");
            let again = clean(&cleaned);
            prop_assert_eq!(&*again, &*cleaned, "cleaning twice changes nothing");
        }
    }
}
