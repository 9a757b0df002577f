//! Source code → blocks: what stands between blank lines, with the indented rest of a function kept to its head.

use super::{Block, BlockKind};

/// The blocks of a source file.
pub(super) fn blocks(text: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut group = String::new();
    let mut first = 1_u32;
    let mut after_blank = false;
    for (line, number) in text.split('\n').zip(1_u32..) {
        let blank = line.trim().is_empty();
        if !blank && after_blank && !continues(line) {
            blocks.extend(Block::consecutive(BlockKind::Code, &group, first));
            group.clear();
        }
        if group.is_empty() {
            if blank {
                continue;
            }
            first = number;
        } else {
            group.push('\n');
        }
        group.push_str(line);
        after_blank = blank;
    }
    blocks.extend(Block::consecutive(BlockKind::Code, &group, first));
    blocks
}

/// Whether a line after a blank one belongs to what stands above: it is indented, or closes it.
fn continues(line: &str) -> bool {
    line.starts_with([' ', '\t', '}', ')', ']']) || line.starts_with("end")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_with_blank_lines_is_one_block() {
        let text = "use x;\n\nfn a() {\n    one();\n\n    two();\n}\n\nfn b() {}\n";
        let blocks = blocks(text);
        let spans: Vec<_> = blocks.iter().map(|block| (block.span().start_line, block.span().end_line)).collect();
        assert_eq!(spans, [(1, 1), (3, 7), (9, 9)]);
        assert!(blocks[1].text.starts_with("fn a() {\n    one();\n\n"));
    }
}
