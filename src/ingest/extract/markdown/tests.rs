//! Markdown as people write it.

use super::*;
use proptest::prelude::*;

fn seen(source: &str) -> Vec<(BlockKind, String, u32, u32)> {
    extract(source)
        .blocks
        .into_iter()
        .map(|block| {
            let span = block.span();
            (block.kind, block.text, span.start_line, span.end_line)
        })
        .collect()
}

#[test]
fn paragraphs_headings_and_links_become_what_a_reader_sees() {
    let blocks = seen("# The *Title*\n\nSee [the page](http://x.y/z) and `code`,\nthen [[Target|a note]] end.\n");
    assert_eq!(
        blocks,
        [
            (BlockKind::Heading(1), "The Title".into(), 1, 1),
            (BlockKind::Paragraph, "See the page and `code`,\nthen a note end.".into(), 3, 4),
        ]
    );
}

#[test]
fn front_matter_gives_the_title_and_searchable_fields() {
    let document = extract("---\ntitle: My note\ntags: [a, b]\n---\n\n# Other\n\ntext\n");
    assert_eq!(document.title.as_deref(), Some("My note"));
    assert_eq!(document.blocks[0].text, "title: My note\ntags: a, b");
    assert_eq!(document.blocks[0].span().start_line, 2);
}

#[test]
fn lists_keep_markers_nesting_and_lines() {
    let blocks = seen("Buy:\n\n- milk\n- bread\n  - brown\n\n1. one\n2. two\n   more\n");
    let texts: Vec<_> = blocks.iter().map(|block| (block.1.as_str(), block.2, block.3)).collect();
    assert_eq!(
        texts,
        [
            ("Buy:", 1, 1),
            ("- milk", 3, 3),
            ("- bread", 4, 4),
            ("  - brown", 5, 5),
            ("1. one", 7, 7),
            ("2. two\nmore", 8, 9)
        ]
    );
}

#[test]
fn code_blocks_are_whole_and_keep_blank_lines() {
    let blocks = seen("x\n\n```rust\nfn a() {\n\n    b();\n}\n```\n\n- item\n\n      indented\n");
    assert_eq!(blocks[1], (BlockKind::Code, "fn a() {\n\n    b();\n}".into(), 4, 7));
    assert_eq!(blocks[3].0, BlockKind::Code);
    assert_eq!((blocks[3].1.as_str(), blocks[3].2), ("indented", 12));
}

#[test]
fn tables_have_one_line_per_row() {
    let blocks = seen("| a | b |\n|---|---|\n| 1 | **2** |\n| 3 |   |\n");
    assert_eq!(blocks.len(), 1);
    assert_eq!(blocks[0].0, BlockKind::Table { header_lines: 1 });
    assert_eq!(blocks[0].1, "a | b\n1 | 2\n3 |");
    assert_eq!((blocks[0].2, blocks[0].3), (1, 4));
}

#[test]
fn html_loses_its_tags_and_keeps_its_text() {
    let blocks = seen(
        "<div class=\"note\">\n<p>Be <b>care</b>ful</p>\n</div>\n\nA <span title=\"x\">word</span>.\n\n<!-- gone -->\n",
    );
    let texts: Vec<_> = blocks.iter().map(|block| (block.1.as_str(), block.2)).collect();
    assert_eq!(texts, [("Be careful", 2), ("A word.", 5)]);
}

proptest! {
    #[test]
    fn blocks_have_a_line_for_each_line_and_stay_inside_the_file(
        source in "([-#*>|`~\\[\\]<>!_+=:.0-9 a-zé]|\n|\n\n|  - |```\n|\\| a \\| b \\|\n|---\n|<b>|</b>){0,60}") {
        let total = source.split('\n').count() as u32;
        let mut before = 0;
        for block in extract(&source).blocks {
            prop_assert_eq!(block.text.split('\n').count(), block.lines.len(), "{:?}", block);
            prop_assert!(!block.text.trim().is_empty());
            for line in &block.lines {
                prop_assert!(1 <= line.start && line.start <= line.end && line.end <= total, "{:?} of {}", block, total);
            }
            let span = block.span();
            prop_assert!(block.kind == BlockKind::Paragraph || span.start_line >= before, "{:?} after {}", block, before);
            before = before.max(span.start_line);
        }
    }
}

#[test]
fn tags_come_from_the_front_matter_and_from_running_text() {
    let tags = |source: &str| extract(source).tags;
    assert_eq!(tags("---\ntags: [a, B]\n---\n\nText #c_d, #e/f\nand *#g* #a.\n"), ["a", "B", "c_d", "e/f", "g"]);
    assert_eq!(tags("+++\ntags = [\"a\"]\n+++\n\nx #b\n"), ["a", "b"]);
    assert_eq!(tags("- item #a\n- #b\n\n| x | y |\n|---|---|\n| #c | d #e |\n\n> #f\n"), ["a", "b", "c", "e", "f"]);
    assert_eq!(tags("# About #heads\n\n#not-a-heading\n"), ["heads", "not-a-heading"]);
}

#[test]
fn code_links_and_escaped_marks_are_no_tags() {
    for source in [
        "`#a` and ``x #b``",
        "```\n#a\n```\n",
        "text\n\n    #a\n",
        "[[#a]] and [[Note#b]] and [#c](http://x)",
        "\\#a",
        "http://x.y/#a",
        "# Heading\n\n## Another",
        "<!-- #a -->\n",
        "<div>\n#a\n</div>\n",
    ] {
        assert_eq!(extract(source).tags, Vec::<String>::new(), "{source}");
    }
}
