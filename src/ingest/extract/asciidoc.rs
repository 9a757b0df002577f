//! `AsciiDoc`: headings, listings and tables recognized, comments and attributes left out, the rest as in plain text.

use super::{Block, BlockKind, LineRange, plain};

/// Title and blocks.
pub(super) fn extract(text: &str) -> (Option<String>, Vec<Block>) {
    let lines: Vec<&str> = text.split('\n').collect();
    let mut blocks = Vec::new();
    let mut title = None;
    let mut open: Vec<(&str, u32)> = Vec::new();
    let mut at = 0;
    while at < lines.len() {
        let line = lines[at].trim_end();
        let number = at as u32 + 1;
        if let Some((level, heading)) = heading(line) {
            close(&mut open, &mut blocks);
            if level == 1 && title.is_none() {
                title = Some(heading.to_owned());
            }
            blocks.extend(Block::consecutive(BlockKind::Heading(level), heading, number));
        } else if let Some(fence) = fence(line) {
            close(&mut open, &mut blocks);
            // Without an end it is an ordinary line: else one stray row would swallow the rest.
            let end = lines[at + 1..].iter().take(MAX_FENCED).position(|line| line.trim_end() == fence);
            if let Some(length) = end {
                let inside = &lines[at + 1..=at + length];
                match fence.as_bytes()[0] {
                    b'/' => {}
                    b'|' => blocks.extend(table(inside, number + 1)),
                    b'=' | b'*' | b'_' => blocks.extend(plain::blocks_from(inside.iter().copied(), number + 1)),
                    _ => blocks.extend(Block::consecutive(BlockKind::Code, &inside.join("\n"), number + 1)),
                }
                at += length + 1;
            }
        } else if line.starts_with("//") || is_attribute(line) {
            close(&mut open, &mut blocks);
        } else {
            open.push((line, number));
        }
        at += 1;
    }
    close(&mut open, &mut blocks);
    (title, blocks)
}

/// Lines that a fence may hold: the search for its end stays linear in what it finds.
const MAX_FENCED: usize = 5000;

/// Consecutive lines as plain text; a list's markers are those of plain text.
fn close(open: &mut Vec<(&str, u32)>, blocks: &mut Vec<Block>) {
    let Some((_, first)) = open.first().copied() else { return };
    let lines: Vec<String> = open
        .drain(..)
        .map(|(line, _)| match line.trim_start().split_once(' ') {
            Some((dots, rest)) if !dots.is_empty() && dots.bytes().all(|byte| byte == b'.') => {
                format!("{}- {rest}", "  ".repeat(dots.len().min(8) - 1))
            }
            Some((stars, rest)) if stars.len() > 1 && stars.bytes().all(|byte| byte == b'*') => {
                format!("{}- {rest}", "  ".repeat(stars.len().min(8) - 1))
            }
            _ => line.to_owned(),
        })
        .collect();
    blocks.extend(plain::blocks_from(lines.iter().map(String::as_str), first));
}

/// `== Heading`: the document's title has one sign.
fn heading(line: &str) -> Option<(u8, &str)> {
    let signs = line.bytes().take_while(|byte| *byte == b'=').count();
    let name = line[signs..].strip_prefix(' ')?.trim();
    ((1..=6).contains(&signs) && !name.is_empty()).then_some((signs as u8, name))
}

/// A line that opens and closes a block.
fn fence(line: &str) -> Option<&str> {
    let first = line.bytes().next()?;
    let row = line.len() >= 4 && line.bytes().all(|byte| byte == first) && b"-.=*_+/".contains(&first);
    (row || matches!(line, "|===" | ",===" | ":===" | "```")).then_some(line)
}

/// `:name: value` of the header, and `[options]` of what follows.
fn is_attribute(line: &str) -> bool {
    let name = line.strip_prefix(':').and_then(|rest| rest.split_once(':')).map(|(name, _)| name);
    name.is_some_and(|name| !name.is_empty() && !name.contains(char::is_whitespace))
        || (line.starts_with('[') && line.ends_with(']') && !line.starts_with("[["))
}

/// Rows of cells: `|a |b` on a line, or a cell a line until an empty one.
fn table(lines: &[&str], first: u32) -> Option<Block> {
    let mut rows: Vec<(Vec<String>, LineRange)> = Vec::new();
    let mut open = false;
    for (line, number) in lines.iter().zip(first..) {
        if line.trim().is_empty() {
            open = false;
            continue;
        }
        let cells: Vec<String> = match line.trim().strip_prefix('|') {
            Some(rest) => rest.split('|').map(|cell| cell.trim().to_owned()).collect(),
            None => vec![line.trim().to_owned()],
        };
        match rows.last_mut() {
            Some((row, lines)) if open && cells.len() == 1 => {
                row.extend(cells);
                lines.end = number;
            }
            _ => {
                open = cells.len() == 1;
                rows.push((cells, LineRange { start: number, end: number }));
            }
        }
    }
    let (texts, lines): (Vec<String>, Vec<LineRange>) =
        rows.into_iter().map(|(row, lines)| (row.join(" | "), lines)).unzip();
    let kind = BlockKind::Table { header_lines: usize::from(texts.len() > 1) };
    (!texts.is_empty()).then(|| Block { kind, text: texts.join("\n"), lines, page: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headings_listings_and_tables_are_told_apart() {
        let text = "= Guide\n:author: Me\n\nIntro words.\n\n// not read\n== Install\n\n. first\n.. inner\n\n[source,sh]\n----\ncargo run\n----\n\n|===\n|a |b\n\n|1\n|2\n|===\n\n----\nnever closed\n";
        let (title, blocks) = extract(text);
        assert_eq!(title.as_deref(), Some("Guide"));
        let seen: Vec<_> =
            blocks.iter().map(|block| (block.kind, block.text.as_str(), block.span().start_line)).collect();
        assert_eq!(
            seen,
            [
                (BlockKind::Heading(1), "Guide", 1),
                (BlockKind::Paragraph, "Intro words.", 4),
                (BlockKind::Heading(2), "Install", 7),
                (BlockKind::ListItem, "- first", 9),
                (BlockKind::ListItem, "  - inner", 10),
                (BlockKind::Code, "cargo run", 14),
                (BlockKind::Table { header_lines: 1 }, "a | b\n1 | 2", 18),
                (BlockKind::Paragraph, "never closed", 25),
            ]
        );
    }
}
