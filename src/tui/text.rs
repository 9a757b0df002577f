//! Text as cells: cleaning, measuring, eliding, wrapping.
//!
//! Place in the flow: everything that documents, file names, models and errors say passes [`clean`] before it is measured
//! or drawn. Invariants: cleaned text holds no control character but `\n`, no bidirectional control and no invisible tag;
//! widths are those that ratatui draws; a wrapped line is never wider than asked, except for one grapheme that is wider
//! than the line itself.

use std::borrow::Cow;

use ratatui::buffer::CellWidth as _;
use unicode_segmentation::UnicodeSegmentation as _;

/// Columns to the next tab stop's multiple.
const TAB: usize = 4;

/// More combining marks than any living orthography stacks on one letter (security notes, P25).
const MOST_MARKS: usize = 8;

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
        '\u{200e}' | '\u{200f}' | '\u{061c}' | '\u{ad}' | '\u{200b}' | '\u{2060}'..='\u{2064}' | '\u{206a}'..='\u{206f}'
        | '\u{feff}' | '\u{180e}' | '\u{e0000}'..='\u{e0fff}' => Fate::Drop,
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

fn is_plain(text: &str) -> bool {
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
                column = 0;
                previous = '\n';
                continue;
            }
            '\t' => {
                let spaces = TAB - column % TAB;
                out.extend(std::iter::repeat_n(' ', spaces));
                column += spaces;
                previous = ' ';
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
            let dangling = joiner && chars.peek().is_none_or(|next| next.is_whitespace() || next.is_control());
            if !(again || alone || dangling) {
                out.push(c);
                previous = c;
            }
            continue;
        }
        if is_mark(c) {
            marks += 1;
            if marks > MOST_MARKS {
                continue;
            }
        } else {
            marks = 0;
        }
        match fate(c) {
            Fate::Keep => out.push(c),
            Fate::Drop => continue,
            Fate::Show(picture) => out.push(picture),
            Fate::Name => out.push_str(&["‹U+", &format!("{:04X}", c as u32), "›"].concat()),
        }
        previous = c;
        column += 1;
    }
    Cow::Owned(out)
}

/// Cleaned, on one line, with single spaces: for names, titles, messages and snippets.
pub(super) fn one_line(text: &str) -> String {
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

/// Columns of cleaned text on one line.
pub(super) fn width(text: &str) -> usize {
    if is_plain(text) {
        return text.len();
    }
    text.graphemes(true).map(grapheme_width).sum()
}

fn grapheme_width(grapheme: &str) -> usize {
    if grapheme.contains(char::is_control) { 0 } else { usize::from(grapheme.cell_width()) }
}

/// The start of `text` that fits `columns`, with `ellipsis` at its end when something is missing.
pub(super) fn fit(text: &str, columns: usize, ellipsis: &str) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let Some(room) = columns.checked_sub(width(ellipsis)) else { return String::new() };
    let mut out = String::new();
    let mut used = 0;
    for grapheme in text.graphemes(true) {
        used += grapheme_width(grapheme);
        if used > room {
            break;
        }
        out.push_str(grapheme);
    }
    out.truncate(out.trim_end().len());
    out.push_str(ellipsis);
    out
}

/// The end of `text` that fits `columns`, with `ellipsis` at its start: a path tells most by its end.
pub(super) fn fit_end(text: &str, columns: usize, ellipsis: &str) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let Some(room) = columns.checked_sub(width(ellipsis)) else { return String::new() };
    let mut start = text.len();
    let mut used = 0;
    for (at, grapheme) in text.grapheme_indices(true).rev() {
        used += grapheme_width(grapheme);
        if used > room {
            break;
        }
        start = at;
    }
    format!("{ellipsis}{}", &text[start..])
}

/// A stretch of cleaned text that shares one tag (a style, a citation).
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Run<T> {
    pub text: String,
    pub tag: T,
}

impl<T> Run<T> {
    pub(super) fn new(text: impl Into<String>, tag: T) -> Self {
        Self { text: text.into(), tag }
    }
}

/// A piece of a run on one line: `start` is its first byte within the run.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Placed<T> {
    pub text: String,
    pub tag: T,
    pub start: usize,
}

/// Room of the first line of a paragraph and of the others.
#[derive(Debug, Clone, Copy)]
pub(super) struct Room {
    pub first: usize,
    pub rest: usize,
}

impl Room {
    pub(super) fn even(columns: usize) -> Self {
        Self { first: columns, rest: columns }
    }
}

struct Atom {
    run: usize,
    start: usize,
    len: usize,
    width: usize,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Space,
    Newline,
    /// Ideographs and kana: a line may end beside them.
    Wide,
    /// Never first on a line: closing and sentence punctuation of the wide scripts.
    Closing,
    /// Never last on a line.
    Opening,
    /// A line may end after it when a letter follows.
    Hyphen,
    Other,
}

fn kind(grapheme: &str, width: usize) -> Kind {
    let Some(first) = grapheme.chars().next() else { return Kind::Other };
    match first {
        '\n' => Kind::Newline,
        ' ' | '\u{2000}'..='\u{2006}' | '\u{2008}'..='\u{200a}' | '\u{3000}' => Kind::Space,
        '-' | '–' | '—' | '/' => Kind::Hyphen,
        '、' | '。' | '，' | '．' | '：' | '；' | '？' | '！' | '）' | '」' | '』' | '】' | '》' | '〉' | '〕' | '］' | '｝' | 'ー'
        | '々' | '”' | '’' | '…' => Kind::Closing,
        '（' | '「' | '『' | '【' | '《' | '〈' | '〔' | '［' | '｛' => Kind::Opening,
        _ if width == 2 => Kind::Wide,
        _ => Kind::Other,
    }
}

/// May a line end between these two?
fn breaks(before: Kind, after: Kind) -> bool {
    match (before, after) {
        (_, Kind::Space | Kind::Closing) | (Kind::Opening, _) => false,
        (Kind::Space, _) | (Kind::Wide | Kind::Closing, Kind::Wide | Kind::Opening | Kind::Other) => true,
        (Kind::Hyphen, next) => next == Kind::Other || next == Kind::Wide,
        (Kind::Other, next) => matches!(next, Kind::Wide | Kind::Opening),
        _ => false,
    }
}

/// Breaks runs into lines at spaces, after hyphens and between ideographs, and inside a word only when it is wider than a
/// line. Spaces at a break vanish. There is at least one line.
pub(super) fn wrap<T: Clone>(runs: &[Run<T>], room: Room) -> Vec<Vec<Placed<T>>> {
    let mut atoms = Vec::new();
    for (index, run) in runs.iter().enumerate() {
        for (start, grapheme) in run.text.grapheme_indices(true) {
            let width = grapheme_width(grapheme);
            atoms.push(Atom { run: index, start, len: grapheme.len(), width, kind: kind(grapheme, width) });
        }
    }
    let mut lines: Vec<(usize, usize)> = Vec::new();
    let (mut start, mut used, mut may) = (0, 0, None);
    let mut at = 0;
    while at < atoms.len() {
        let atom = &atoms[at];
        let columns = if lines.is_empty() { room.first } else { room.rest }.max(1);
        if atom.kind == Kind::Newline {
            lines.push((start, at));
            (start, used, may) = (at + 1, 0, None);
            at += 1;
            continue;
        }
        if atom.kind != Kind::Space && used + atom.width > columns && at > start {
            let end = may.filter(|end| *end > start).unwrap_or(at);
            lines.push((start, end));
            start = end;
            while start < at && atoms[start].kind == Kind::Space {
                start += 1;
            }
            used = atoms[start..at].iter().map(|atom| atom.width).sum();
            may = (start + 1..=at).rev().find(|end| *end < at && breaks(atoms[*end - 1].kind, atoms[*end].kind));
            continue;
        }
        used += atom.width;
        if atoms.get(at + 1).is_some_and(|next| breaks(atom.kind, next.kind)) {
            may = Some(at + 1);
        }
        at += 1;
    }
    lines.push((start, atoms.len()));
    lines.into_iter().map(|(start, end)| place(runs, &atoms[start..end])).collect()
}

fn place<T: Clone>(runs: &[Run<T>], atoms: &[Atom]) -> Vec<Placed<T>> {
    let kept = atoms.iter().rposition(|atom| atom.kind != Kind::Space).map_or(0, |last| last + 1);
    let mut line: Vec<(usize, usize, usize)> = Vec::new();
    for atom in &atoms[..kept] {
        match line.last_mut() {
            Some((run, _, end)) if *run == atom.run && *end == atom.start => *end += atom.len,
            _ => line.push((atom.run, atom.start, atom.start + atom.len)),
        }
    }
    line.into_iter()
        .map(|(run, start, end)| Placed {
            text: runs[run].text[start..end].to_owned(),
            tag: runs[run].tag.clone(),
            start,
        })
        .collect()
}

/// Breaks one text without tags.
pub(super) fn wrap_plain(text: &str, columns: usize) -> Vec<String> {
    wrap(&[Run::new(text, ())], Room::even(columns))
        .into_iter()
        .map(|line| line.into_iter().map(|piece| piece.text).collect())
        .collect()
}

/// `12,480`.
pub(super) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `98 MB`, `1.4 GB`: decimal units, as hubs and disks are labeled.
pub(super) fn bytes(number: u64) -> String {
    const UNITS: [&str; 5] = ["B", "kB", "MB", "GB", "TB"];
    let mut value = number as f64;
    let mut unit = 0;
    while value >= 999.5 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    let decimals = usize::from(unit >= 3 && value < 99.95);
    format!("{value:.decimals$} {}", UNITS[unit])
}

/// `61 of 98 MB`: the unit stands once where both have the same.
pub(super) fn bytes_of(done: u64, total: u64) -> String {
    let (done, total) = (bytes(done), bytes(total));
    match done.split_once(' ') {
        Some((number, unit)) if total.ends_with(&format!(" {unit}")) => format!("{number} of {total}"),
        _ => format!("{done} of {total}"),
    }
}

/// `12 s`, `2 min`, `3 h`: one unit, rounded up, for what is still to wait.
pub(super) fn seconds(number: u64) -> String {
    match number {
        0..=89 => format!("{number} s"),
        90..=5399 => format!("{} min", number.div_ceil(60)),
        _ => format!("{} h", number.div_ceil(3600)),
    }
}

/// `1 file`, `1,204 files`.
pub(super) fn count(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", thousands(number), if number == 1 { one } else { many })
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
        assert_eq!(clean("e\u{301}\u{302}\u{303}\u{304}\u{305}\u{306}\u{307}\u{308}\u{309}\u{30a}").chars().count(), 9);
    }

    #[test]
    fn scripts_and_emoji_keep_their_joiners() {
        for text in ["می\u{200c}خواهم", "👩\u{200d}🔬", "❤\u{fe0f}", "🏴\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}\u{e007f}", "क्\u{200d}ष"] {
            assert_eq!(clean(text), text);
        }
    }

    #[test]
    fn wrapping_prefers_words_and_cuts_only_what_is_too_long() {
        assert_eq!(wrap_plain("the quick brown fox", 10), ["the quick", "brown fox"]);
        assert_eq!(wrap_plain("a pneumonoultra b", 6), ["a", "pneumo", "noultr", "a b"]);
        assert_eq!(wrap_plain("日本語の文章。次の文", 8), ["日本語の", "文章。次", "の文"]);
        assert_eq!(wrap_plain("well-known", 6), ["well-", "known"]);
        assert_eq!(wrap_plain("a\n\nb", 6), ["a", "", "b"]);
        assert_eq!(wrap_plain("", 6), [""]);
    }

    #[test]
    fn eliding_keeps_the_end_that_tells_most() {
        assert_eq!(fit("a long title", 7, "…"), "a long…");
        assert_eq!(fit_end("garden/2024/spring.md", 10, "…"), "…spring.md");
        assert_eq!(fit("日本語", 4, "…"), "日…");
    }

    #[test]
    fn numbers_read_like_numbers() {
        assert_eq!(thousands(1_234_567), "1,234,567");
        assert_eq!(thousands(100), "100");
        assert_eq!(bytes(98_000_000), "98 MB");
        assert_eq!(bytes(1_440_000_000), "1.4 GB");
        assert_eq!(bytes_of(61_000_000, 98_000_000), "61 of 98 MB");
        assert_eq!(bytes_of(900, 98_000_000), "900 B of 98 MB");
        assert_eq!(seconds(119), "2 min");
        assert_eq!(count(1, "file", "files"), "1 file");
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

        #[test]
        fn wrapping_loses_only_spaces_and_never_overflows(text in "[a-z日本。 \\-\n]{0,80}", columns in 2_usize..20) {
            let lines = wrap_plain(&text, columns);
            for line in &lines {
                prop_assert!(width(line) <= columns, "{line:?} in {columns}");
            }
            let squeeze = |text: &str| text.split_whitespace().collect::<String>();
            prop_assert_eq!(squeeze(&lines.concat()), squeeze(&text));
        }
    }
}
