//! Text as cells: cleaning, measuring, eliding, wrapping.
//!
//! Place in the flow: everything that documents, file names, models and errors say passes [`clean()`] before it is measured
//! or drawn. Invariants: cleaned text holds no control character but `\n`, no bidirectional control and no invisible tag;
//! widths are those that ratatui draws; a wrapped line is never wider than asked, except for one grapheme that is wider
//! than the line itself.

mod clean;
mod numbers;

use ratatui::buffer::CellWidth as _;
use unicode_segmentation::UnicodeSegmentation as _;

pub use clean::{clean, one_line};
pub(crate) use numbers::bytes;
pub(super) use numbers::{bytes_of, count, seconds, thousands};

use clean::is_plain;

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
        '、' | '。' | '，' | '．' | '：' | '；' | '？' | '！' | '）' | '」' | '』' | '】' | '》' | '〉' | '〕'
        | '］' | '｝' | 'ー' | '々' | '”' | '’' | '…' => Kind::Closing,
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

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

    proptest! {
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
