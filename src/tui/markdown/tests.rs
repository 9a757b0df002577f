use proptest::prelude::*;

use super::*;
use crate::answer::Verdict;
use crate::config;
use crate::tui::theme::{Background, Charset, Colors, Traits};

fn with_ink<R>(sentences: &[Sentence], work: impl FnOnce(&Ink<'_>) -> R) -> R {
    let traits = Traits { colors: Colors::Full, background: Background::Dark, charset: Charset::Unicode };
    let theme = Theme::new(config::Theme::Dark, traits);
    let glyphs = Glyphs::new(Charset::Unicode);
    work(&Ink { theme: &theme, glyphs: &glyphs, sources: 3, sentences, labels: Labels::EachSentence })
}

fn joined(document: &mut Document, width: usize, ink: &Ink<'_>) -> Vec<Laid> {
    let mut out: Vec<Laid> = Vec::new();
    for block in document.blocks(width, ink, width as u64) {
        if !out.is_empty() {
            out.push(Laid { line: Line::default(), key: 0, citations: Vec::new() });
        }
        out.extend_from_slice(block);
    }
    out
}

fn render(text: &str, width: usize) -> Vec<String> {
    with_ink(&[], |ink| {
        let mut document = Document::default();
        document.push(text);
        joined(&mut document, width, ink).iter().map(|laid| laid.line.to_string()).collect()
    })
}

#[test]
fn blocks_read_as_they_are_meant() {
    let text = "# Pear tree\n\nPruned on *March 9*,\nsee [1] and `code`.\n\n- first\n- second item that wraps\n  1. inner\n\n> quoted\n\n```sh\nls  -la\n```\n\n---\n";
    assert_eq!(
        render(text, 20),
        [
            "Pear tree",
            "",
            "Pruned on March 9,",
            "see ¹ and code.",
            "",
            "• first",
            "• second item that",
            "  wraps",
            "  1. inner",
            "",
            "│ quoted",
            "",
            "  sh",
            "  ls  -la",
            "",
            "────────────────────"
        ]
    );
}

#[test]
fn a_table_fits_its_width_or_becomes_a_list() {
    let text = "| tool | bought | price |\n|---|---|--:|\n| Felco saw | 2023 in Bremen | 61 |\n| balm | 2024 | 8 |\n";
    assert_eq!(
        render(text, 60),
        [
            "tool       bought          price",
            "─────────  ──────────────  ─────",
            "Felco saw  2023 in Bremen     61",
            "balm       2024                8"
        ]
    );
    for width in 16..60 {
        for line in render(text, width) {
            assert!(crate::tui::text::width(&line) <= width, "{width}: {line:?}");
        }
    }
    assert_eq!(render(text, 14)[..3], ["tool: Felco", "saw", "bought: 2023"]);
}

#[test]
fn a_link_says_where_it_leads_and_an_unknown_citation_stays_text() {
    assert_eq!(render("[click](http://evil.example/x) and [9]", 60), ["click (http://evil.example/x) and [9]"]);
    assert_eq!(render("two [1, 2] and [2][3]", 60), ["two ¹ ² and ² ³"]);
}

#[test]
fn unsupported_sentences_are_dimmed_and_labeled() {
    let text = "It was pruned [1]. The balm was bought in Bremen. Done.";
    let cut = |needle: &str| text.find(needle).unwrap();
    let sentence = |start, end, verdict| Sentence { start, end, citations: vec![], verdict };
    let sentences = [
        sentence(0, cut(" The"), Verdict::Supported),
        sentence(cut("The"), cut(" Done"), Verdict::NotFound),
        sentence(cut("Done"), text.len(), Verdict::NotFound),
    ];
    with_ink(&sentences, |ink| {
        let mut document = Document::default();
        document.push(text);
        let lines = joined(&mut document, 120, ink);
        assert_eq!(
            lines[0].line.to_string(),
            "It was pruned ¹. The balm was bought in Bremen. (not in your documents) Done. (not in your documents)"
        );
        let balm = lines[0].line.spans.iter().find(|span| span.content.contains("balm")).unwrap();
        assert_eq!(balm.style.fg, ink.theme.muted.fg);
        assert_eq!(lines[0].citations, [Mark { n: 1, column: 14, width: 1 }]);
    });
}

#[test]
fn a_token_lays_out_only_the_growing_block() {
    with_ink(&[], |ink| {
        let mut document = Document::default();
        for _ in 0..100 {
            document.push("A paragraph that is done.\n\n");
            document.blocks(40, ink, 1).count();
        }
        document.push("tail");
        document.blocks(40, ink, 1).count();
        assert!(document.source.len() - document.stable < 60, "only the last block is open");
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn the_lines_depend_on_the_text_and_not_on_its_pieces(
        text in "([a-c *_`#>\\-\\[\\]()|:~=1.!\n\n]|\n\n|```\n|- |1\\. |\\| a \\|\n|\\|--\\|\n|<p>|\\[1\\]|\t|é|日|\r\n|    ){0,60}",
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
        width in 1_usize..50,
    ) {
        with_ink(&[], |ink| {
            let mut whole = Document::default();
            whole.push(&text);
            let expected = joined(&mut whole, width, ink);
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(text.len() + 1)).filter(|cut| text.is_char_boundary(*cut)).collect();
            cuts.sort_unstable();
            let mut pieces = Document::default();
            let mut from = 0;
            for cut in cuts {
                pieces.push(&text[from..cut]);
                joined(&mut pieces, width, ink);
                from = cut;
            }
            pieces.push(&text[from..]);
            prop_assert_eq!(joined(&mut pieces, width, ink), expected);
            Ok(())
        })?;
    }

    #[test]
    fn any_text_lays_out_without_panic_and_without_controls(text in "\\PC*|(\\p{C}|[a*`\\[\\]1|>\n-]){0,80}", width in 0_usize..30) {
        for line in render(&text, width) {
            prop_assert!(!line.chars().any(char::is_control), "{line:?}");
        }
    }
}
