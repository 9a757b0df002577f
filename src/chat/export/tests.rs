use std::time::{Duration, SystemTime};

use super::*;
use crate::answer::{FinishKind, Measures, Sentence, Verdict, Within};

fn answer(text: &str) -> Answer {
    Answer {
        answer: text.into(),
        short_answer: None,
        abstained: false,
        reason: None,
        citations: Vec::new(),
        sentences: Vec::new(),
        sources: Vec::new(),
        dropped: Vec::new(),
        prompt_tokens: 1,
        reused_tokens: 0,
        generated_tokens: 1,
        ms_search: 0.0,
        ms_first_token: None,
        ms_decode: 0.0,
        ms_total: 0.0,
        finish: FinishKind::Stop,
        model: "m".into(),
        seed: 0,
        window: 10,
        measures: Measures::default(),
        whole: None,
        filtered: Vec::new(),
        beyond_documents: false,
        within: Within::default(),
        disagreement: None,
        trace: None,
    }
}

fn citation(n: u32, path: &str, text: &str) -> Citation {
    Citation {
        n,
        path: path.into(),
        start_line: 3,
        end_line: 4,
        page: None,
        text: text.into(),
        quote: String::new(),
        verdict: Verdict::Supported,
    }
}

fn conversation(question: &str, answer: Answer) -> Conversation {
    let mut conversation = Conversation::new("/home/me/notes", SystemTime::UNIX_EPOCH + Duration::from_secs(NOON));
    conversation.push(Turn::new(question.into(), answer, NOON));
    conversation
}

/// 2024-02-29 12:00 UTC.
const NOON: u64 = 1_709_208_000;

fn pear() -> Conversation {
    let text = "On **March 9** [1]. The saw came from Bremen.";
    let second = text.find("The saw").unwrap();
    conversation(
        "When did I prune the pear?",
        Answer {
            citations: vec![citation(1, "garden/2024.md", "On March 9 I pruned the pear tree.\nWith the saw.")],
            sentences: vec![
                Sentence { start: 0, end: second - 1, citations: vec![1], verdict: Verdict::Supported },
                Sentence { start: second, end: text.len(), citations: vec![], verdict: Verdict::NotFound },
            ],
            ..answer(text)
        },
    )
}

/// A conversation in which everything that can hold text tries to be markup.
fn hostile() -> Conversation {
    let evil = "<script>alert(1)</script> ![x](http://evil.example/x.png) [go](javascript:alert(1)) \u{1b}[31m";
    let mut conversation = conversation(
        evil,
        Answer {
            reason: Some(evil.into()),
            citations: vec![citation(1, "a`<img src=x>.md", &format!("```\n{evil}\n````"))],
            sentences: vec![Sentence { start: 0, end: evil.len(), citations: vec![], verdict: Verdict::NotFound }],
            ..answer(evil)
        },
    );
    conversation.folder = "/home/<b>\"me'".into();
    conversation
}

#[test]
fn markdown_has_the_question_the_answer_its_warning_and_its_quotes() {
    insta::assert_snapshot!("markdown", markdown::render(&pear()));
}

#[test]
fn html_has_citations_that_lead_to_their_quotes() {
    let page = render(&pear(), Format::Html).unwrap();
    assert!(page.contains("On <strong>March 9</strong> <a class=\"cite\" href=\"#t1s1\">[1]</a>."), "{page}");
    assert!(page.contains("<li id=\"t1s1\"><span class=\"place\">[1] garden/2024.md, lines 3–4</span>"), "{page}");
    let warned = "<span class=\"unsupported\">The saw came from Bremen.</span> \
                  <span class=\"unsupported-note\">(not found in the documents)</span>";
    assert!(page.contains(warned), "{page}");
}

#[test]
fn nothing_that_is_quoted_becomes_markup() {
    let page = render(&hostile(), Format::Html).unwrap();
    for markup in ["<script", "<img", "<b>", "href=\"j", "href=\"h", "src=\"", "\u{1b}"] {
        assert!(!page.contains(markup), "{markup} in {page}");
    }
    assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;"), "{page}");
    let text = markdown::render(&hostile());
    let events: Vec<pulldown_cmark::Event<'_>> = pulldown_cmark::Parser::new(&text).collect();
    for event in events {
        use pulldown_cmark::{Event, Tag};
        let markup = matches!(
            event,
            Event::Html(_) | Event::InlineHtml(_) | Event::Start(Tag::Link { .. } | Tag::Image { .. } | Tag::HtmlBlock)
        );
        assert!(!markup, "{event:?} in {text}");
    }
    assert!(!text.contains('\u{1b}'));
}

#[test]
fn a_refusal_lists_what_came_closest() {
    let refused = Answer {
        abstained: true,
        reason: Some("no passage holds the words".into()),
        sources: vec![Source::of_text(1, "the steppe")],
        ..answer("")
    };
    let text = markdown::render(&conversation("capital of Mongolia?", refused));
    assert!(text.contains("*no passage holds the words*") && text.contains("`1.md, line 1`"), "{text}");
}

#[test]
fn json_reads_back_as_the_turns_that_were_kept() {
    let value: serde_json::Value = serde_json::from_str(&render(&pear(), Format::Json).unwrap()).unwrap();
    let turns: Vec<Turn> = serde_json::from_value(value["turns"].clone()).unwrap();
    assert_eq!(turns, pear().turns);
    assert_eq!(value["folder"], "/home/me/notes");
}

#[test]
fn an_export_takes_the_next_free_name_and_overwrites_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let name = |path: PathBuf| path.file_name().unwrap().to_str().unwrap().to_owned();
    let first = write_beside(dir.path(), &pear(), Format::Markdown).unwrap();
    std::fs::write(&first, "mine").unwrap();
    let second = write_beside(dir.path(), &pear(), Format::Markdown).unwrap();
    assert_eq!(std::fs::read_to_string(&first).unwrap(), "mine");
    assert_eq!(
        (name(first.clone()), name(second)),
        ("when-did-i-prune-the-pear.md".into(), "when-did-i-prune-the-pear-2.md".into())
    );
    let error = write_new(&first, "other").unwrap_err();
    assert!(error.to_string().contains("nothing is overwritten"), "{error:#}");
    assert_eq!(std::fs::read_to_string(&first).unwrap(), "mine");
}

#[test]
fn titles_become_names_that_stay_in_the_folder() {
    assert_eq!(stem("../../etc/passwd?"), "etc-passwd");
    assert_eq!(stem("…"), "conversation");
    assert_eq!(stem("Überblick 2024"), "überblick-2024");
    assert!(stem(&"long ".repeat(40)).len() <= LONGEST_STEM);
}

#[test]
fn moments_know_leap_days_and_ends_of_years() {
    assert_eq!(moment(NOON), "2024-02-29 12:00 UTC");
    assert_eq!(moment(0), "1970-01-01 00:00 UTC");
    assert_eq!(moment(1_735_689_599), "2024-12-31 23:59 UTC");
}
