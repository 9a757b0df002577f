//! Text as a person would see it: no control characters, nothing that hides or reorders what is written.
//!
//! Left out silently: C0 and C1 controls except `\n` and `\t`, terminal color sequences, the byte order mark at the start.
//! Left out and counted: bidirectional overrides and isolates (CVE-2021-42574), Unicode tag characters, smuggled
//! variation selectors, zero-width characters inside Latin words, combining marks beyond eight in a row.
//! Kept, because writing systems need them: ZWNJ and ZWJ in Persian or Indic text and in emoji, zero-width spaces in Thai,
//! Khmer and Burmese, direction marks, tag sequences of flags, one variation selector after its base.
//! Line structure is never changed: the n-th `\n` before is the n-th `\n` after.

/// Clean text and how much was hidden in it.
#[derive(Debug)]
pub(super) struct Clean {
    /// The text.
    pub(super) text: String,
    /// How many hidden characters were left out.
    pub(super) hidden: usize,
}

/// Most combining marks that are kept after one base; Vietnamese and Hebrew need three.
const MAX_MARKS: usize = 8;

/// Cleans a decoded text.
pub(super) fn sanitize(text: &str) -> Clean {
    let mut clean = Clean { text: String::with_capacity(text.len()), hidden: 0 };
    let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
    for line in text.split_inclusive('\n') {
        if line.is_ascii() && !line.bytes().any(|byte| (byte < b' ' && byte != b'\n' && byte != b'\t') || byte == 0x7F)
        {
            clean.text.push_str(line);
        } else {
            sanitize_line(line, &mut clean);
        }
    }
    clean
}

/// Whether text that crossed the process border holds what [`sanitize`] would have taken out of it at once: controls,
/// overrides. The parent's check; it trusts nothing that the child says.
pub(crate) fn has_forbidden(text: &str) -> bool {
    text.chars().any(|c| (c.is_control() && c != '\n' && c != '\t') || is_override(c))
}

fn sanitize_line(line: &str, clean: &mut Clean) {
    let mut chars = line.chars().peekable();
    let mut previous = '\n';
    let mut marks = 0_usize;
    let mut in_flag = false;
    while let Some(c) = chars.next() {
        let next = chars.peek().copied().unwrap_or('\n');
        marks = if is_combining(c) { marks + 1 } else { 0 };
        // WAVING BLACK FLAG opens the only use of tag characters that Unicode still recommends (UTS #51).
        in_flag = c == '\u{1F3F4}' || (in_flag && is_tag(c));
        match c {
            '\n' | '\t' => {}
            '\u{1B}' => {
                skip_color_sequence(&mut chars);
                continue;
            }
            // Page breaks and the like separate words.
            '\u{0B}' | '\u{0C}' | '\u{85}' => {
                clean.text.push(' ');
                previous = ' ';
                continue;
            }
            _ if c.is_control() => continue,
            _ if is_hidden(c, previous, next, in_flag) || marks > MAX_MARKS => {
                clean.hidden += 1;
                continue;
            }
            // Soft hyphens only tell where a line may break: part of ordinary text, left out for search.
            '\u{AD}' => continue,
            _ => {}
        }
        clean.text.push(c);
        previous = c;
    }
}

/// The rest of `ESC [ parameters final`, ECMA-48 5.4. Other sequences lose only their ESC: what they say stays visible.
fn skip_color_sequence(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    if chars.peek() != Some(&'[') {
        return;
    }
    chars.next();
    while let Some(c) = chars.peek().copied() {
        if !matches!(c, '\u{20}'..='\u{3F}') {
            if matches!(c, '\u{40}'..='\u{7E}') {
                chars.next();
            }
            return;
        }
        chars.next();
    }
}

fn is_hidden(c: char, previous: char, next: char, in_flag: bool) -> bool {
    match c {
        _ if is_override(c) => true,
        _ if is_tag(c) => !in_flag,
        '\u{200C}' | '\u{200D}' => is_latin(previous) && is_latin(next),
        '\u{200B}' => !(breaks_without_spaces(previous) || breaks_without_spaces(next)),
        '\u{2060}'..='\u{2064}'
        | '\u{206A}'..='\u{206F}'
        | '\u{FEFF}'
        | '\u{FFF9}'..='\u{FFFB}'
        | '\u{180E}'
        | '\u{115F}'
        | '\u{1160}'
        | '\u{3164}'
        | '\u{FFA0}' => true,
        '\u{FE00}'..='\u{FE0F}' => is_selector(previous) || previous.is_whitespace() || previous.is_ascii_alphabetic(),
        // Ideographic variation sequences: one selector after a CJK ideograph.
        '\u{E0100}'..='\u{E01EF}' => {
            !matches!(previous, '\u{2E80}'..='\u{9FFF}' | '\u{F900}'..='\u{FAFF}' | '\u{20000}'..='\u{3FFFF}')
        }
        _ => false,
    }
}

/// Embeddings, overrides and isolates of the bidirectional algorithm (UAX #9).
fn is_override(c: char) -> bool {
    matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

fn is_tag(c: char) -> bool {
    matches!(c, '\u{E0000}'..='\u{E007F}')
}

fn is_selector(c: char) -> bool {
    matches!(c, '\u{FE00}'..='\u{FE0F}' | '\u{E0100}'..='\u{E01EF}')
}

fn is_latin(c: char) -> bool {
    c <= '\u{24F}' && c.is_alphanumeric()
}

fn breaks_without_spaces(c: char) -> bool {
    matches!(c, '\u{0E00}'..='\u{0EFF}' | '\u{1000}'..='\u{109F}' | '\u{1780}'..='\u{17FF}' | '\u{1980}'..='\u{1AAF}')
}

fn is_combining(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36F}' | '\u{483}'..='\u{489}' | '\u{1AB0}'..='\u{1AFF}' | '\u{1DC0}'..='\u{1DFF}' | '\u{20D0}'..='\u{20FF}' | '\u{FE20}'..='\u{FE2F}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn clean(text: &str) -> (String, usize) {
        let clean = sanitize(text);
        (clean.text, clean.hidden)
    }

    #[test]
    fn controls_go_and_lines_stay() {
        assert_eq!(clean("a\u{0}b\u{7}\tc\nd\u{9B}e\u{7F}\n"), ("ab\tc\nde\n".into(), 0));
        assert_eq!(clean("\u{1B}[1;31mred\u{1B}[0m text"), ("red text".into(), 0));
        assert_eq!(clean("end of page\u{C}next"), ("end of page next".into(), 0));
    }

    #[test]
    fn what_hides_or_reorders_goes_and_is_counted() {
        assert_eq!(clean("ac\u{202E}cess\u{2066}"), ("access".into(), 2));
        assert_eq!(clean("hi\u{E0068}\u{E0069}"), ("hi".into(), 2));
        assert_eq!(clean("pass\u{200B}word pass\u{200D}word"), ("password password".into(), 2));
        assert_eq!(clean("x\u{E0101}\u{E0102}"), ("x".into(), 2));
        let (text, hidden) = clean(&format!("a{}", "\u{301}".repeat(50)));
        assert_eq!((text.chars().count(), hidden), (9, 42));
    }

    #[test]
    fn what_writing_systems_need_stays() {
        for text in [
            "می\u{200C}خواهم",
            "👩\u{200D}👩\u{200D}👧",
            "❤\u{FE0F}",
            "🏴\u{E0067}\u{E0062}\u{E0073}\u{E0063}\u{E0074}\u{E007F}",
            "ไทย\u{200B}คำ",
            "葛\u{E0100}",
            "שלום\u{200F}!",
        ] {
            assert_eq!(clean(text), (text.to_owned(), 0), "{text:?}");
        }
    }

    #[test]
    fn soft_hyphens_do_not_split_words() {
        assert_eq!(clean("optional\u{AD}hyphen"), ("optionalhyphen".into(), 0));
    }

    proptest! {
        #[test]
        fn cleaning_twice_changes_nothing_and_keeps_lines(text in "(\\PC|\\p{C}|[\u{200B}-\u{206F}\u{E0060}-\u{E007F}\u{1F3F4}\u{1B}\\[\n]){0,60}") {
            let once = sanitize(&text);
            prop_assert!(!has_forbidden(&once.text));
            let count = |text: &str| text.matches('\n').count();
            prop_assert_eq!(count(&once.text), count(&text));
        }
    }
}
