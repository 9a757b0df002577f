//! reStructuredText and Org: text with their headings recognized, the rest as in plain text.

use super::{Block, BlockKind, plain};

type Outline = (Option<String>, Vec<Block>, Option<String>);

/// reStructuredText: a title line over (or between) a row of one punctuation character; levels in order of appearance.
pub(super) fn restructured(text: &str) -> Outline {
    let lines: Vec<&str> = text.split('\n').collect();
    let mut levels: Vec<(char, bool)> = Vec::new();
    let mut body = Body::new(&lines);
    let mut at = 0;
    while at < lines.len() {
        let over = adornment(lines[at]);
        let title_at = at + usize::from(over.is_some());
        let heading = lines.get(title_at..title_at + 2).and_then(|pair| {
            let title = pair[0].trim();
            let under = adornment(pair[1])?;
            let fits = pair[1].trim_end().chars().count() >= title.chars().count();
            let agrees = over.is_none_or(|over| over == under);
            let starts = at == 0 || over.is_some() || lines[at - 1].trim().is_empty();
            (!title.is_empty() && adornment(title).is_none() && fits && agrees && starts).then_some((under, title))
        });
        if let Some((under, title)) = heading {
            let style = (under, over.is_some());
            let level = levels.iter().position(|known| *known == style).unwrap_or_else(|| {
                levels.push(style);
                levels.len() - 1
            });
            body.heading(at, title_at + 2, title_at, title, level + 1);
            at = title_at + 2;
        } else {
            at += 1;
        }
    }
    body.finish()
}

/// Org: `*`, `**`, … before the heading, `#+TITLE:`.
pub(super) fn org(text: &str) -> Outline {
    let lines: Vec<&str> = text.split('\n').collect();
    let mut body = Body::new(&lines);
    let mut title = None;
    for (at, line) in lines.iter().enumerate() {
        let stars = line.bytes().take_while(|byte| *byte == b'*').count();
        if stars > 0 && line[stars..].starts_with(' ') {
            body.heading(at, at + 1, at, line[stars..].trim(), stars);
        } else if title.is_none() && line.get(..8).is_some_and(|head| head.eq_ignore_ascii_case("#+title:")) {
            title = Some(line[8..].trim().to_owned());
        }
    }
    let (first, blocks, note) = body.finish();
    (title.filter(|title| !title.is_empty()).or(first), blocks, note)
}

/// The character of a row of at least three equal punctuation characters.
fn adornment(line: &str) -> Option<char> {
    let row = line.trim_end();
    let first = row.chars().next().filter(char::is_ascii_punctuation)?;
    (row.len() >= 3 && row.chars().all(|c| c == first)).then_some(first)
}

/// Collects headings and the plain text between them.
struct Body<'a> {
    lines: &'a [&'a str],
    done: usize,
    blocks: Vec<Block>,
    title: Option<String>,
}

impl<'a> Body<'a> {
    fn new(lines: &'a [&'a str]) -> Self {
        Self { lines, done: 0, blocks: Vec::new(), title: None }
    }

    fn heading(&mut self, from: usize, to: usize, title_at: usize, title: &str, level: usize) {
        self.plain_until(from);
        if self.title.is_none() {
            self.title = Some(title.to_owned());
        }
        let kind = BlockKind::Heading(level.min(6) as u8);
        self.blocks.extend(Block::consecutive(kind, title, title_at as u32 + 1));
        self.done = to;
    }

    fn plain_until(&mut self, to: usize) {
        let lines = self.lines[self.done..to].iter().copied();
        self.blocks.extend(plain::blocks_from(lines, self.done as u32 + 1));
    }

    fn finish(mut self) -> Outline {
        self.plain_until(self.lines.len());
        (self.title, self.blocks, None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(blocks: &[Block]) -> Vec<(BlockKind, &str, u32)> {
        blocks.iter().map(|block| (block.kind, block.text.as_str(), block.span().start_line)).collect()
    }

    #[test]
    fn restructured_headings_get_levels_by_appearance() {
        let text = "=====\nTitle\n=====\n\nintro\n\nPart\n----\nbody\n\n-----\n\nSecond\n------\nx\n";
        let (title, blocks, _) = restructured(text);
        assert_eq!(title.as_deref(), Some("Title"));
        assert_eq!(
            seen(&blocks),
            [
                (BlockKind::Heading(1), "Title", 2),
                (BlockKind::Paragraph, "intro", 5),
                (BlockKind::Heading(2), "Part", 7),
                (BlockKind::Paragraph, "body", 9),
                (BlockKind::Paragraph, "-----", 11),
                (BlockKind::Heading(2), "Second", 13),
                (BlockKind::Paragraph, "x", 15),
            ]
        );
    }

    #[test]
    fn org_headings_and_title() {
        let (title, blocks, _) = org("#+TITLE: My file\n* One\ntext\n** Two\n*bold* is no heading\n");
        assert_eq!(title.as_deref(), Some("My file"));
        assert_eq!(
            seen(&blocks),
            [
                (BlockKind::Paragraph, "#+TITLE: My file", 1),
                (BlockKind::Heading(1), "One", 2),
                (BlockKind::Paragraph, "text", 3),
                (BlockKind::Heading(2), "Two", 4),
                (BlockKind::Paragraph, "*bold* is no heading", 5),
            ]
        );
    }
}
