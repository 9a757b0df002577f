//! Text without markup → paragraphs and list items, by blank lines and bullets.

use super::{Block, BlockKind};

/// The blocks of a whole text.
pub(super) fn blocks(text: &str) -> Vec<Block> {
    blocks_from(text.split('\n'), 1)
}

/// The blocks of some lines, of which the first has this number.
pub(super) fn blocks_from<'a>(lines: impl Iterator<Item = &'a str>, first_line: u32) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open = Open { kind: BlockKind::Paragraph, text: String::new(), first: first_line };
    for (line, number) in lines.zip(first_line..) {
        if line.trim().is_empty() {
            open.close(&mut blocks);
            continue;
        }
        if starts_item(line) {
            open.close(&mut blocks);
            open.kind = BlockKind::ListItem;
        }
        if open.text.is_empty() {
            open.first = number;
        } else {
            open.text.push('\n');
        }
        open.text.push_str(line);
    }
    open.close(&mut blocks);
    blocks
}

struct Open {
    kind: BlockKind,
    text: String,
    first: u32,
}

impl Open {
    fn close(&mut self, blocks: &mut Vec<Block>) {
        blocks.extend(Block::consecutive(self.kind, &self.text, self.first));
        self.text.clear();
        self.kind = BlockKind::Paragraph;
    }
}

/// Whether a line opens a list item: a bullet or a short number, then a space.
pub(super) fn starts_item(line: &str) -> bool {
    let line = line.trim_start();
    if let Some(rest) = line.strip_prefix(['-', '*', '+', '•', '‣', '–']) {
        return rest.starts_with(' ');
    }
    let digits = line.bytes().take_while(u8::is_ascii_digit).count();
    (1..=3).contains(&digits) && line[digits..].starts_with([')', '.']) && line[digits + 1..].starts_with(' ')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paragraphs_and_items_keep_their_lines() {
        let blocks = blocks("one\ntwo\n\n\nBuy:\n- milk\n- bread\n  brown\n\nend\n");
        let seen: Vec<_> = blocks
            .iter()
            .map(|block| (block.kind, block.text.as_str(), block.span().start_line, block.span().end_line))
            .collect();
        assert_eq!(
            seen,
            [
                (BlockKind::Paragraph, "one\ntwo", 1, 2),
                (BlockKind::Paragraph, "Buy:", 5, 5),
                (BlockKind::ListItem, "- milk", 6, 6),
                (BlockKind::ListItem, "- bread\n  brown", 7, 8),
                (BlockKind::Paragraph, "end", 10, 10),
            ]
        );
    }

    #[test]
    fn years_and_dashes_in_prose_open_no_item() {
        assert!(!starts_item("1984. was a year"));
        assert!(!starts_item("-5 degrees"));
        assert!(starts_item("  12) twelve"));
    }
}
