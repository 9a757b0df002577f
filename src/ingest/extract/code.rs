//! Source code → blocks: a definition with the comments above it, under a heading that names it and what it stands in; elsewhere what
//! stands between blank lines.

use super::symbols::{self, Language};
use super::{Block, BlockKind};

/// Definitions that may stand in each other and be told apart: a method in a class in a module.
const MAX_DEPTH: usize = 3;

/// The blocks of a source file with this extension.
pub(super) fn blocks(text: &str, extension: &str) -> Vec<Block> {
    let mut reader = Reader { language: symbols::language(extension), ..Reader::default() };
    for (line, number) in text.split('\n').zip(1_u32..) {
        reader.line(line, number);
    }
    reader.close();
    reader.blocks
}

#[derive(Default)]
struct Reader<'a> {
    language: Option<&'static Language>,
    blocks: Vec<Block>,
    /// Lines of the open block.
    group: Vec<&'a str>,
    first: u32,
    after_blank: bool,
    /// How far the definitions around are indented.
    around: Vec<usize>,
}

impl<'a> Reader<'a> {
    fn line(&mut self, line: &'a str, number: u32) {
        let blank = line.trim().is_empty();
        if !blank && let Some(name) = self.language.and_then(|language| language.definition(line)) {
            let indent = line.len() - line.trim_start().len();
            self.around.retain(|outer| *outer < indent);
            if self.around.len() < MAX_DEPTH {
                let led_in = self.lead();
                let lead = self.group.split_off(self.group.len() - led_in);
                self.close();
                self.around.push(indent);
                let level = self.around.len() as u8;
                self.blocks.extend(Block::consecutive(BlockKind::Heading(level), &name, number));
                self.first = number - lead.len() as u32;
                self.group = lead;
                self.group.push(line);
                self.after_blank = false;
                return;
            }
        }
        if !blank && self.after_blank && !continues(line) {
            self.close();
        }
        if self.group.is_empty() {
            if blank {
                return;
            }
            self.first = number;
        }
        self.group.push(line);
        self.after_blank = blank;
    }

    /// How many of the last lines are comments and marks of what follows.
    fn lead(&self) -> usize {
        let Some(language) = self.language else { return 0 };
        self.group.iter().rev().take_while(|line| language.is_comment(line)).count()
    }

    fn close(&mut self) {
        let lines = std::mem::take(&mut self.group);
        if !lines.is_empty() {
            self.blocks.extend(Block::consecutive(BlockKind::Code, &lines.join("\n"), self.first));
        }
    }
}

/// Whether a line after a blank one belongs to what stands above: it is indented, or closes it.
fn continues(line: &str) -> bool {
    line.starts_with([' ', '\t', '}', ')', ']']) || line.starts_with("end")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_function_with_blank_lines_is_one_block_under_its_name() {
        let text = "use x;\n\n/// Says why.\n#[inline]\nfn a() {\n    one();\n\n    two();\n}\n\nfn b() {}\n";
        let blocks = blocks(text, "rs");
        let seen: Vec<_> =
            blocks.iter().map(|block| (block.kind, block.span().start_line, block.span().end_line)).collect();
        assert_eq!(
            seen,
            [
                (BlockKind::Code, 1, 1),
                (BlockKind::Heading(1), 5, 5),
                (BlockKind::Code, 3, 9),
                (BlockKind::Heading(1), 11, 11),
                (BlockKind::Code, 11, 11)
            ]
        );
        assert!(blocks[2].text.starts_with("/// Says why.\n#[inline]\nfn a() {\n    one();\n\n"));
    }

    #[test]
    fn methods_stand_under_their_class() {
        let text = "class Tree:\n    age = 1\n\n    def grow(self):\n        pass\n\n\ndef plant():\n    pass\n";
        let blocks = blocks(text, "py");
        let headings: Vec<_> = blocks
            .iter()
            .filter_map(|block| match block.kind {
                BlockKind::Heading(level) => Some((level, block.text.as_str())),
                _ => None,
            })
            .collect();
        assert_eq!(headings, [(1, "class Tree"), (2, "def grow"), (1, "def plant")]);
    }

    #[test]
    fn without_a_known_language_blank_lines_part_blocks() {
        assert_eq!(blocks("a = 1\n\nb = 2\n", "conf").len(), 2);
    }

    proptest! {
        #[test]
        fn all_lines_are_kept_in_order(text in "((fn|class|def|//|#|int)? ?[a-z]{0,5}[(){};:]{0,3}\n?\n?( {0,8})){0,30}", which in 0usize..4) {
            let extension = ["rs", "py", "c", "conf"][which];
            let code: Vec<String> = blocks(&text, extension)
                .into_iter()
                .filter(|block| block.kind == BlockKind::Code)
                .flat_map(|block| block.text.split('\n').map(|line| line.trim().to_owned()).collect::<Vec<_>>())
                .filter(|line| !line.is_empty())
                .collect();
            let lines: Vec<String> = text.split('\n').map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()).collect();
            prop_assert_eq!(code, lines);
        }
    }
}
