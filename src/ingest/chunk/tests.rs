//! The laws of chunking, over generated documents, and its choices on small ones.

use proptest::prelude::*;

use super::chunk as chunk_with_title;
use super::*;
use crate::ingest::extract::LineRange;

fn chunk(blocks: &[Block]) -> Vec<NewChunk> {
    chunk_with_title("A title", blocks)
}

fn block(kind: BlockKind, text: &str, first: u32) -> Block {
    Block::consecutive(kind, text, first).unwrap()
}

fn words(count: usize) -> String {
    (0..count).map(|n| format!("word{n}")).collect::<Vec<_>>().join(" ")
}

fn sentences(count: usize, length: usize) -> String {
    (0..count).map(|n| format!("Sentence {n} says {}.", vec!["so"; length - 3].join(" "))).collect::<Vec<_>>().join(" ")
}

#[test]
fn a_section_is_never_crossed_and_the_path_is_the_heading() {
    let blocks = [
        block(BlockKind::Heading(1), "Guide", 1),
        block(BlockKind::Paragraph, "Short intro.", 2),
        block(BlockKind::Heading(2), "Install", 4),
        block(BlockKind::Paragraph, "Run it.", 5),
        block(BlockKind::Heading(2), "Use", 7),
        block(BlockKind::Paragraph, "Ask it.", 8),
    ];
    let seen: Vec<_> =
        chunk(&blocks).into_iter().map(|chunk| (chunk.heading, chunk.text, chunk.span.start_line)).collect();
    assert_eq!(
        seen,
        [
            ("Guide".into(), "Short intro.".into(), 2),
            ("Guide › Install".into(), "Run it.".into(), 5),
            ("Guide › Use".into(), "Ask it.".into(), 8),
        ] as [(String, String, u32); 3]
    );
}

#[test]
fn a_heading_with_nothing_under_it_stays_searchable() {
    let blocks = [
        block(BlockKind::Heading(1), "One", 1),
        block(BlockKind::Heading(1), "Two", 3),
        block(BlockKind::Heading(2), "Three", 5),
    ];
    let texts: Vec<_> = chunk(&blocks).into_iter().map(|chunk| (chunk.heading, chunk.text)).collect();
    assert_eq!(texts, [("One".to_owned(), "One".to_owned()), ("Two › Three".to_owned(), "Three".to_owned())]);
}

#[test]
fn small_neighbors_join_and_large_ones_stay_apart() {
    let small = [block(BlockKind::Paragraph, &words(20), 1), block(BlockKind::Paragraph, &words(20), 3)];
    let joined = chunk(&small);
    assert_eq!(joined.len(), 1);
    assert_eq!((joined[0].span.start_line, joined[0].span.end_line), (1, 3));
    assert!(joined[0].text.contains("\n\n"));
    let large = [block(BlockKind::Paragraph, &sentences(7, 10), 1), block(BlockKind::Paragraph, &sentences(6, 10), 3)];
    assert_eq!(chunk(&large).len(), 2);
}

#[test]
fn a_long_paragraph_is_cut_between_sentences_into_like_sizes() {
    let text = sentences(20, 10);
    let chunks = chunk(&[block(BlockKind::Paragraph, &text, 1)]);
    assert_eq!(chunks.len(), 2);
    for chunk in &chunks {
        assert!(chunk.text.starts_with("Sentence") && chunk.text.ends_with('.'), "{}", chunk.text);
        assert!(measure(&chunk.text).words() >= 80);
    }
}

#[test]
fn a_list_keeps_the_line_that_leads_it_in() {
    let mut blocks = vec![
        block(BlockKind::Paragraph, &sentences(5, 10), 1),
        block(BlockKind::Paragraph, &format!("{} follow these:", words(70)), 3),
    ];
    blocks.extend((0..3).map(|n| block(BlockKind::ListItem, &format!("- item {n} {}", words(10)), 5 + n)));
    let chunks = chunk(&blocks);
    let with_lead = chunks.iter().find(|chunk| chunk.text.contains("follow these:")).unwrap();
    assert!(with_lead.text.contains("- item 0"), "{chunks:?}");
}

#[test]
fn a_long_table_repeats_its_header() {
    let rows: Vec<String> = (0..100).map(|n| format!("row {n} | value of {n}")).collect();
    let table = block(BlockKind::Table { header_lines: 1 }, &format!("name | value\n{}", rows.join("\n")), 10);
    let chunks = chunk(&[table]);
    assert!(chunks.len() > 2);
    assert!(chunks.iter().all(|chunk| chunk.text.starts_with("name | value\nrow")));
    assert_eq!(chunks[0].span.start_line, 10);
    assert_eq!(chunks[1].span.start_line, chunks[0].span.end_line + 1);
    assert_eq!(chunks.last().unwrap().span.end_line, 110);
}

#[test]
fn code_is_whole_while_it_fits_and_cut_at_blank_lines_beyond() {
    let function = |n: usize| format!("fn f{n}() {{\n    call({n});\n    more();\n    even_more();\n}}");
    let short = block(BlockKind::Code, &format!("{}\n\n{}", function(1), function(2)), 1);
    assert_eq!(chunk(&[short]).len(), 1);
    let long: Vec<String> = (0..30).map(function).collect();
    let chunks = chunk(&[block(BlockKind::Code, &long.join("\n\n"), 1)]);
    assert!(chunks.len() > 1);
    for chunk in chunks {
        assert!(chunk.text.starts_with("fn f") && chunk.text.ends_with('}'), "{}", chunk.text);
    }
}

#[test]
fn pages_are_never_joined() {
    let page = |page: u32| Block { page: Some(page), ..block(BlockKind::Paragraph, "few words", 1) };
    let pages: Vec<_> = chunk(&[page(1), page(2)]).into_iter().map(|chunk| chunk.span.page).collect();
    assert_eq!(pages, [Some(1), Some(2)]);
}

#[test]
fn unbroken_text_is_cut_by_characters_and_stays_linear() {
    let chunks = chunk(&[block(BlockKind::Paragraph, &"x".repeat(200_000), 1)]);
    assert!(chunks.len() > 100);
    let chinese = chunk(&[block(BlockKind::Paragraph, &"这是一个没有空格的句子".repeat(200), 1)]);
    assert!(chinese.iter().all(|chunk| measure(&chunk.text).tokens <= MAX_TOKENS));
}

#[test]
fn long_headings_are_cut_in_the_path_and_whole_in_the_text() {
    let long = words(60);
    let chunks = chunk(&[block(BlockKind::Heading(1), &long, 1), block(BlockKind::Paragraph, "body", 2)]);
    assert!(chunks[0].heading.ends_with('…'));
    assert!(chunks[0].text.contains(&long));
}

/// All text without white space.
fn dense(text: &str) -> String {
    text.split_whitespace().collect()
}

fn any_kind() -> impl Strategy<Value = BlockKind> {
    prop_oneof![
        2 => (1..=6_u8).prop_map(BlockKind::Heading),
        5 => Just(BlockKind::Paragraph),
        2 => Just(BlockKind::ListItem),
        2 => Just(BlockKind::Code),
        1 => Just(BlockKind::Table { header_lines: 1 }),
    ]
}

fn any_text() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        "[a-zA-Z]{1,12}",
        "[a-z]{1,6}[.!?]",
        "[0-9,.]{1,8}",
        Just("\n".to_owned()),
        Just("\n\n".to_owned()),
        "[а-я]{1,10}",
        "[一-三]{1,30}",
        "[ก-ฮ]{1,30}",
        "[=_/-]{1,300}",
        "[a-z]{200,900}",
        Just("👩\u{200D}👧".to_owned()),
        Just("e\u{301}\u{302}".to_owned()),
    ];
    prop::collection::vec(part, 1..80).prop_map(|parts| parts.join(" "))
}

prop_compose! {
    fn any_document()(parts in prop::collection::vec((any_kind(), any_text(), 0..3_u32), 0..12)) -> (Vec<Block>, u32) {
        let mut line = 1;
        let mut blocks = Vec::new();
        for (kind, text, gap) in parts {
            let text = if matches!(kind, BlockKind::Heading(_)) { text.replace('\n', " ") } else { text };
            if let Some(block) = Block::consecutive(kind, &text, line) {
                line = block.span().end_line + 1 + gap;
                blocks.push(block);
            }
        }
        (blocks, line)
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn every_chunk_is_within_the_limits((blocks, _) in any_document()) {
        for chunk in chunk(&blocks) {
            prop_assert!(!chunk.text.trim().is_empty());
            prop_assert!(measure(&chunk.text).words() <= MAX_WORDS, "{:?}", chunk);
            let tokens = measure(&chunk.text).tokens + measure(&chunk.heading).tokens + measure("A title").tokens;
            prop_assert!(tokens <= MAX_TOKENS, "{} tokens: {:?}", tokens, chunk);
        }
    }

    #[test]
    fn nothing_is_lost_and_order_is_kept((blocks, _) in any_document()) {
        let chunks = chunk(&blocks);
        // Each block's text must be found from where the last one began; table rows and headings have their own places.
        let all: String = chunks.iter().map(|chunk| dense(&chunk.text)).collect();
        let mut from = 0;
        for block in &blocks {
            match block.kind {
                BlockKind::Heading(_) => {
                    let heading = &block.text;
                    let found = chunks.iter().any(|chunk| chunk.heading.contains(heading.as_str())) || all.contains(&dense(heading));
                    prop_assert!(found, "heading {:?}", heading);
                }
                BlockKind::Table { .. } => {
                    for row in block.text.lines().filter(|row| measure(row).tokens < 40 && !row.trim().is_empty()) {
                        prop_assert!(all.contains(&dense(row)), "row {:?}", row);
                    }
                }
                _ => {
                    let wanted = dense(&block.text);
                    let at = all[from..].find(&wanted);
                    prop_assert!(at.is_some(), "{:?} after byte {} of {:?}", wanted, from, all);
                    from += at.unwrap_or(0) + wanted.len();
                }
            }
        }
    }

    #[test]
    fn spans_are_monotonic_and_inside_the_file((blocks, total) in any_document()) {
        let mut before = 0;
        for chunk in chunk(&blocks) {
            prop_assert!(chunk.span.start_line >= before, "{:?} after {}", chunk.span, before);
            prop_assert!(1 <= chunk.span.start_line && chunk.span.start_line <= chunk.span.end_line && chunk.span.end_line <= total);
            before = chunk.span.start_line;
        }
    }

    #[test]
    fn the_lines_of_a_chunk_hold_its_words((blocks, total) in any_document()) {
        let mut source = vec![String::new(); total as usize + 1];
        for block in &blocks {
            for (text, LineRange { start, .. }) in block.text.split('\n').zip(&block.lines) {
                source[*start as usize] = dense(text);
            }
        }
        let tables = blocks.iter().any(|block| matches!(block.kind, BlockKind::Table { .. }));
        for chunk in chunk(&blocks).iter().filter(|_| !tables) {
            let lines: String = source[chunk.span.start_line as usize..=chunk.span.end_line as usize].concat();
            prop_assert!(lines.contains(&dense(&chunk.text)), "{:?} not in {:?}", chunk, lines);
        }
    }

    #[test]
    fn the_same_document_gives_the_same_chunks((blocks, _) in any_document()) {
        let texts = |blocks: &[Block]| chunk(blocks).into_iter().map(|chunk| (chunk.text, chunk.heading, chunk.span.start_line)).collect::<Vec<_>>();
        prop_assert_eq!(texts(&blocks), texts(&blocks));
    }
}
