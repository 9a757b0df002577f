//! What an answer tells of its own making, and passages that a person holds.

use super::*;
use crate::config::FilterMode;

fn steps(events: &[AnswerEvent]) -> usize {
    events.iter().filter(|event| matches!(event, AnswerEvent::Step(_))).count()
}

fn name(path: &str, text: &str) -> PassageName {
    PassageName { path: path.into(), text_hash: text_hash(text) }
}

const BALM: &str = "The wound balm was bought in Bremen in 2023.";
const PEAR: &str = "On March 9 I pruned the pear tree with the Felco saw.";

#[test]
fn the_parts_of_a_prompt_add_up_to_it() {
    let outcome = ask("When did I prune the pear tree?", Scripted::new("On March 9."), |_| ());
    let ledger = outcome.events.iter().find_map(|event| match event {
        AnswerEvent::Ledger(ledger) => Some(ledger),
        _ => None,
    });
    let ledger = ledger.expect("a model was asked");
    assert_eq!(ledger.total(), outcome.answer.prompt_tokens);
    assert_eq!(ledger.of(|part| *part == Part::Question), 7);
    let passages: Vec<u32> = ledger
        .parts
        .iter()
        .filter_map(|(part, _)| match part {
            Part::Passage { n } => Some(*n),
            _ => None,
        })
        .collect();
    let sources: Vec<u32> = outcome.answer.sources.iter().map(|source| source.n).collect();
    assert_eq!(passages, sources);
    assert!(ledger.tokens.is_empty(), "nobody asked for them");
}

#[test]
fn steps_come_where_they_are_asked_for_and_never_where_the_filter_redacts() {
    let question = "When did I prune the pear tree?";
    let redacting = || {
        let settings = Settings { output_filter: FilterMode::Redact, ..Settings::default() };
        Arc::new(OutputFilter::load(&settings).unwrap())
    };
    let outcome = ask(question, Scripted::new("On March 9."), |_| ());
    assert_eq!(steps(&outcome.events), 0);
    let outcome = ask(question, Scripted::new("On March 9."), |request| request.inspect = true);
    assert_eq!(steps(&outcome.events), 3);
    let outcome = ask(question, Scripted::new("On March 9."), |request| {
        (request.inspect, request.filter) = (true, redacting());
    });
    assert_eq!(steps(&outcome.events), 0);
}

#[test]
fn a_passage_left_out_is_in_no_prompt_and_a_pinned_one_comes_first() {
    let question = "When did I prune the pear tree?";
    let outcome = ask(question, Scripted::new("On March 9."), |request| {
        assert!(request.held.pin(name("tools.md", BALM)));
    });
    let sources = &outcome.answer.sources;
    assert_eq!((sources[0].n, sources[0].path.as_str()), (1, "tools.md"));
    assert!(outcome.calls[0].contains("Bremen") && sources.iter().any(|source| source.path == "garden.md"));

    let outcome = ask(question, Scripted::new("On March 9."), |request| {
        request.held.pin(name("tools.md", BALM));
        assert!(request.held.bar(name("garden.md", PEAR)));
    });
    assert!(outcome.calls.iter().all(|call| !call.contains("Felco")), "{:?}", outcome.calls);
    assert!(outcome.answer.dropped.iter().any(|one| one.path == "garden.md" && one.why == "you left it out"));
}

#[test]
fn where_all_that_was_found_is_left_out_there_is_nothing_to_answer_from() {
    let outcome = ask("When did I prune the pear tree?", Scripted::new("On March 9."), |request| {
        for (path, text) in [("garden.md", PEAR), ("tools.md", BALM)] {
            request.held.bar(name(path, text));
        }
    });
    assert!(outcome.answer.abstained && outcome.calls.is_empty(), "{:?}", outcome.calls);
}

#[test]
fn a_pinned_passage_is_read_first_and_is_not_the_answer_for_that() {
    let outcome = ask_with(&Finds { span: "March 9", sure: 6.0 }, "When did I prune the pear tree?", |request| {
        request.held.pin(name("tools.md", BALM));
    });
    assert_eq!(outcome.answer.sources[0].path, "tools.md");
    assert_eq!(outcome.answer.short_answer.as_deref(), Some("March 9"));
    assert_eq!(outcome.answer.citations[0].path, "garden.md");
}

#[test]
fn a_pinned_passage_that_has_changed_is_not_quoted_from_memory() {
    let outcome = ask("When did I prune the pear tree?", Scripted::new("On March 9."), |request| {
        request.held.pin(name("tools.md", "The wound balm was bought in Hamburg."));
        request.held.pin(name("gone.md", "Hamburg."));
    });
    assert!(!outcome.calls[0].contains("Hamburg"));
    let gone: Vec<&str> = outcome
        .answer
        .dropped
        .iter()
        .filter(|one| one.why.contains("changed or gone"))
        .map(|one| one.path.as_str())
        .collect();
    assert_eq!(gone, ["gone.md", "tools.md"]);
}
