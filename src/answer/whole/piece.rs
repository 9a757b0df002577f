//! A passage in pieces that can be listed: list items, table rows, sentences. Pure.
//!
//! The text is as extraction leaves it: an item begins with its marker, a table has a row on each line with ` | ` between the cells and
//! its header first, running text is wrapped.

use crate::answer::sentences::sentences;

/// Words of a piece that are shown; what is longer is cut.
const LONGEST: usize = 60;
/// Between the cells of a row.
const CELL: &str = " | ";

/// What a piece is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    /// An item of a list.
    Item,
    /// A row of a table, not its header.
    Row,
    /// A sentence.
    Sentence,
}

/// A piece of a passage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Piece<'a> {
    pub(super) kind: Kind,
    /// First byte in the passage.
    pub(super) start: usize,
    /// As it stands there, its marker included, without white space at its ends.
    pub(super) text: &'a str,
    /// What leads it in: the sentence with a colon above a list, the header of a table.
    pub(super) lead: Option<&'a str>,
}

/// The pieces of `text` that say something, in order.
pub(super) fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut lines = Vec::new();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        lines.push((start, line));
        start += line.len();
    }
    let mut found = Vec::new();
    let mut lead = None;
    let mut at = 0;
    while at < lines.len() {
        let is_row = |line: usize| lines.get(line).is_some_and(|(_, text)| text.contains(CELL) && !is_item(text));
        let is_plain = |line: usize| {
            let table = is_row(line) && (is_row(line + 1) || is_row(line - 1));
            lines.get(line).is_some_and(|(_, text)| !text.trim().is_empty() && !is_item(text)) && !table
        };
        let first = at;
        at += 1;
        if lines[first].1.trim().is_empty() {
            continue;
        }
        if is_item(lines[first].1) {
            while is_plain(at) {
                at += 1;
            }
            push(&mut found, Kind::Item, text, (lines[first].0, end(&lines, at)), lead);
        } else if is_row(first) && is_row(at) {
            lead = Some(lines[first].1.trim());
            while is_row(at) {
                push(&mut found, Kind::Row, text, (lines[at].0, end(&lines, at + 1)), lead);
                at += 1;
            }
            lead = None;
        } else {
            while is_plain(at) {
                at += 1;
            }
            let block = lines[first].0;
            let mut last = None;
            for (offset, sentence) in sentences(&text[block..end(&lines, at)]) {
                push(&mut found, Kind::Sentence, text, (block + offset, block + offset + sentence.len()), None);
                last = Some(sentence.trim()).filter(|sentence| !sentence.is_empty()).or(last);
            }
            lead = last.filter(|sentence| sentence.ends_with(':'));
        }
    }
    found
}

/// Where the line before `at` ends.
fn end(lines: &[(usize, &str)], at: usize) -> usize {
    lines[at - 1].0 + lines[at - 1].1.len()
}

fn push<'a>(
    found: &mut Vec<Piece<'a>>,
    kind: Kind,
    text: &'a str,
    (start, end): (usize, usize),
    lead: Option<&'a str>,
) {
    let whole = &text[start..end];
    let bare = whole.trim();
    if bare.chars().any(char::is_alphanumeric) {
        found.push(Piece { kind, start: start + (whole.len() - whole.trim_start().len()), text: bare, lead });
    }
}

fn is_item(line: &str) -> bool {
    marker(line.trim_start()) > 0
}

/// Bytes of an item's marker with the space behind it; 0 where there is none.
fn marker(line: &str) -> usize {
    let sign = ["- ", "* ", "+ ", "• "].iter().find(|sign| line.starts_with(**sign)).map_or(0, |sign| sign.len());
    let digits = line.bytes().take_while(u8::is_ascii_digit).count();
    let numbered = (1..=4).contains(&digits) && (line[digits..].starts_with(". ") || line[digits..].starts_with(") "));
    if numbered { digits + 2 } else { sign }
}

/// A piece as it stands in an answer: on one line, without its marker, cut where it is long. Nothing in it opens a code block.
pub(super) fn shown(text: &str, kind: Kind) -> String {
    let body = if kind == Kind::Item { &text[marker(text)..] } else { text };
    let body = crate::answer::cite::without_markers(body).replace("```", "`");
    let words: Vec<&str> = body.split_whitespace().collect();
    if words.len() <= LONGEST { words.join(" ") } else { format!("{} …", words[..LONGEST].join(" ")) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn seen(text: &str) -> Vec<(Kind, &str, Option<&str>)> {
        pieces(text).into_iter().map(|piece| (piece.kind, piece.text, piece.lead)).collect()
    }

    #[test]
    fn items_rows_and_sentences_are_told_apart_and_know_what_leads_them_in() {
        let text = "It rained. Birds that I saw:\n\n- blue tit\n- robin, on\n  the fence\n1. wren\n\nThe end.\n\nname | count\nowl | 2\njay | 3\n\n- after";
        let lead = Some("Birds that I saw:");
        assert_eq!(
            seen(text),
            [
                (Kind::Sentence, "It rained.", None),
                (Kind::Sentence, "Birds that I saw:", None),
                (Kind::Item, "- blue tit", lead),
                (Kind::Item, "- robin, on\n  the fence", lead),
                (Kind::Item, "1. wren", lead),
                (Kind::Sentence, "The end.", None),
                (Kind::Row, "owl | 2", Some("name | count")),
                (Kind::Row, "jay | 3", Some("name | count")),
                (Kind::Item, "- after", None),
            ]
        );
    }

    #[test]
    fn one_line_with_bars_is_no_table_and_a_year_no_number_of_an_item() {
        assert_eq!(seen("Home | About | News\n").len(), 1);
        assert_eq!(seen("Home | About")[0].0, Kind::Sentence);
        assert_eq!(seen("20240. x\n-x\n--- | ---")[0].0, Kind::Sentence);
    }

    #[test]
    fn a_piece_is_shown_on_one_line_without_marker_and_code_fence() {
        assert_eq!(shown("- robin, on\n  the fence [3]", Kind::Item), "robin, on the fence");
        assert_eq!(shown("12) ```sh", Kind::Item), "`sh");
        assert_eq!(shown("- no item", Kind::Sentence), "- no item");
        assert_eq!(shown(&"word ".repeat(80), Kind::Sentence).split(' ').count(), LONGEST + 1);
    }

    proptest! {
        #[test]
        fn pieces_stand_in_the_text_in_order_and_do_not_overlap(text in "([a-zäß中 .:|]|\n|\n\n|- |1\\. | \\| ){0,60}") {
            let mut before = 0;
            for piece in pieces(&text) {
                prop_assert_eq!(&text[piece.start..piece.start + piece.text.len()], piece.text);
                prop_assert!(piece.start >= before);
                before = piece.start + piece.text.len();
            }
        }
    }
}
