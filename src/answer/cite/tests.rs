use proptest::prelude::*;

use super::*;

/// Terms as lower-case words without a few stop words, all equally rare.
struct Words;

impl Terms for Words {
    fn terms(&self, text: &str) -> Vec<String> {
        const STOP: [&str; 12] = ["the", "a", "on", "it", "was", "you", "in", "with", "of", "and", "is", "to"];
        text.unicode_words().map(str::to_lowercase).filter(|word| !STOP.contains(&word.as_str())).collect()
    }

    fn idf(&self, _: &str) -> f32 {
        1.0
    }
}

fn source(n: u32, start_line: u32, text: &str) -> Source {
    Source {
        n,
        path: format!("{n}.md"),
        start_line,
        end_line: start_line + text.matches('\n').count() as u32,
        page: None,
        heading: "Garden".into(),
        text: text.into(),
        score: 1.0,
        bm25_rank: None,
        vector_rank: None,
        tokens: 0,
        highlights: Vec::new(),
        reading: None,
        marks: Vec::new(),
    }
}

fn garden() -> Vec<Source> {
    vec![
        source(1, 41, "The buds were closed.\nOn March 9 I pruned the pear tree with the Felco saw.\nThen it rained."),
        source(2, 7, "The wound balm was bought in Bremen in 2023."),
    ]
}

#[test]
fn a_supported_sentence_is_cited_with_its_very_line() {
    let checked = check("You pruned the pear tree on March 9.", &garden(), &Words);
    assert_eq!(checked.text, "You pruned the pear tree on March 9. [1]");
    assert_eq!(checked.sentences[0].verdict, Verdict::Supported);
    let citation = &checked.citations[0];
    assert_eq!((citation.n, citation.start_line, citation.end_line), (1, 42, 42));
    assert_eq!(citation.text, "On March 9 I pruned the pear tree with the Felco saw.");
}

#[test]
fn a_wrong_number_or_name_is_never_fully_supported() {
    for draft in ["You pruned the pear tree on March 10.", "You pruned the pear tree with the Bahco saw on March 9."] {
        let checked = check(draft, &garden(), &Words);
        assert_ne!(checked.sentences[0].verdict, Verdict::Supported, "{draft}");
    }
}

#[test]
fn a_question_is_no_answer_though_all_its_words_are_in_a_passage() {
    let checked = check("When was the pear tree pruned? On March 9.", &garden(), &Words);
    let verdicts: Vec<Verdict> = checked.sentences.iter().map(|sentence| sentence.verdict).collect();
    assert_eq!(verdicts, [Verdict::NotFound, Verdict::Supported]);
}

#[test]
fn a_negated_sentence_is_not_supported_by_the_affirmative() {
    let checked = check("The pear tree was never pruned on March 9.", &garden(), &Words);
    assert_ne!(checked.sentences[0].verdict, Verdict::Supported);
}

#[test]
fn a_marker_that_names_the_wrong_passage_is_replaced_and_an_invented_one_struck() {
    let checked = check("The balm was bought in Bremen [1]. Elephants dance in moonlight [7].", &garden(), &Words);
    assert_eq!(checked.text, "The balm was bought in Bremen. [2] Elephants dance in moonlight.");
    let verdicts: Vec<Verdict> = checked.sentences.iter().map(|sentence| sentence.verdict).collect();
    assert_eq!(verdicts, [Verdict::Supported, Verdict::NotFound]);
}

#[test]
fn sentence_ranges_cut_the_text_where_its_sentences_are() {
    let checked = check("The balm was bought in Bremen. Then it rained.", &garden(), &Words);
    let cut: Vec<&str> = checked.sentences.iter().map(|s| &checked.text[s.start..s.end]).collect();
    assert_eq!(cut, ["The balm was bought in Bremen. [2]", "Then it rained. [1]"]);
}

#[test]
fn brackets_of_code_are_no_citations_and_code_blocks_get_none() {
    let draft = "Then it rained in `args[1]`.\n\n```\nThen it rained v[0];\n```\n";
    assert_eq!(
        check(draft, &garden(), &Words).text,
        "Then it rained in `args[1]`. [1]\n\n```\nThen it rained v[0];\n```"
    );
}

#[test]
fn only_markers_of_the_prompt_survive_the_stream() {
    let mut filter = MarkerFilter::new(2);
    let shown: String =
        ["It is [", "1", "] so [9", "] and v[0] [x] [2"].iter().map(|piece| filter.push(piece)).collect();
    assert_eq!(shown + &filter.finish(), "It is [1] so  and v[0] [x] [2");
}

proptest! {
    #[test]
    fn the_filter_shows_the_same_whatever_the_pieces(text in "[a\\[\\]0-9 ]{0,60}", cut in 0usize..60) {
        let mut whole = MarkerFilter::new(3);
        let once = whole.push(&text) + &whole.finish();
        let cut = cut.min(text.len());
        let mut parts = MarkerFilter::new(3);
        let twice = parts.push(&text[..cut]) + &parts.push(&text[cut..]) + &parts.finish();
        prop_assert_eq!(once, twice);
    }

    #[test]
    fn any_draft_against_any_source_gives_ranges_inside_the_text(draft in "\\PC{0,200}", text in "(\\PC|\n){0,200}") {
        let sources = [source(1, 3, &text)];
        let checked = check(&draft, &sources, &Words);
        for sentence in &checked.sentences {
            prop_assert!(checked.text.get(sentence.start..sentence.end).is_some());
        }
        for citation in &checked.citations {
            prop_assert!(citation.start_line >= 3 && citation.end_line <= sources[0].end_line);
            prop_assert!(sources[0].text.contains(&citation.text));
        }
    }
}
