//! Answers end to end on a real library, with a scripted model.

use tanya_engine::{Cancel, Event, Finish, FinishReason, Message, Timings};
use tanya_index::{Document, FileStamp, FileState, Library, NewChunk, Span};

use super::*;

/// Writes what it is told and remembers what it was asked.
struct Scripted {
    says: &'static str,
    window: usize,
    calls: Vec<String>,
    prompts: std::cell::RefCell<Vec<String>>,
}

impl Scripted {
    fn new(says: &'static str) -> Self {
        Self { says, window: 2048, calls: Vec::new(), prompts: std::cell::RefCell::default() }
    }
}

impl Generator for Scripted {
    fn name(&self) -> &'static str {
        "scripted"
    }
    fn window(&self) -> usize {
        self.window
    }
    fn count(&self, text: &str) -> usize {
        text.split_whitespace().count()
    }
    fn prompt(&self, messages: &[Message]) -> Result<Vec<u32>> {
        let text = messages.iter().map(|message| message.content.as_str()).collect::<Vec<_>>().join("\n");
        let ids = vec![0; self.count(&text)];
        self.prompts.borrow_mut().push(text);
        Ok(ids)
    }
    fn generate(
        &mut self,
        prompt: &[u32],
        sampling: &Sampling,
        cancel: &Cancel,
        sink: &mut dyn FnMut(Event<'_>),
    ) -> Result<Finish> {
        self.calls.push(self.prompts.borrow().last().cloned().unwrap_or_default());
        sink(Event::Prefill { done: prompt.len(), total: prompt.len() });
        let mut reason = FinishReason::Stop;
        let mut generated = 0;
        for piece in self.says.split_inclusive(' ') {
            if cancel.is_cancelled() {
                reason = FinishReason::Cancelled;
                break;
            }
            if generated == sampling.max_tokens {
                reason = FinishReason::Length;
                break;
            }
            sink(Event::Text(piece));
            generated += 1;
        }
        let timings = Timings::default();
        Ok(Finish {
            reason,
            prompt_tokens: prompt.len(),
            reused_tokens: 0,
            generated_tokens: generated,
            drafts: tanya_engine::Drafts::default(),
            timings,
        })
    }
}

fn library(dir: &std::path::Path) -> Library {
    let library = Library::open(dir).unwrap();
    let mut writer = library.writer().unwrap();
    for (path, text) in [
        ("garden.md", "On March 9 I pruned the pear tree with the Felco saw."),
        ("tools.md", "The wound balm was bought in Bremen in 2023."),
        ("books.md", "A long history of the steppe and its horsemen."),
    ] {
        let lines = Span { start_line: 3, end_line: 3, page: None };
        writer
            .upsert(Document {
                path: path.into(),
                stamp: FileStamp { size: 1, mtime_ns: 1, hash: None },
                title: path.trim_end_matches(".md").into(),
                chunks: vec![NewChunk { span: lines, heading: String::new(), text: text.into() }],
                tags: Vec::new(),
                state: FileState::Indexed,
                reason: None,
            })
            .unwrap();
    }
    writer.commit().unwrap();
    drop(writer);
    library
}

struct Outcome {
    answer: Answer,
    events: Vec<AnswerEvent>,
    calls: Vec<String>,
}

fn ask(question: &str, model: Scripted, change: impl FnOnce(&mut Request)) -> Outcome {
    ask_until(question, model, change, |_| false)
}

fn ask_until(
    question: &str,
    mut model: Scripted,
    change: impl FnOnce(&mut Request),
    stop: impl Fn(&AnswerEvent) -> bool,
) -> Outcome {
    let dir = tempfile::tempdir().unwrap();
    let library = library(dir.path());
    let mut request = Request::new(question, Vec::new(), &Settings::default(), &Arc::default(), WhenRefused::Say);
    change(&mut request);
    let mut events = Vec::new();
    let cancel = Cancel::default();
    let prompts = Prompts::load(None).unwrap();
    let mut models = Models { generator: &mut model, finders: Finders::default() };
    let answer = answer(request, &library.snapshot().unwrap(), &mut models, &prompts, &cancel, &mut |event| {
        if stop(&event) {
            cancel.cancel();
        }
        events.push(event);
    })
    .unwrap();
    Outcome { answer, events, calls: model.calls }
}

fn kinds(events: &[AnswerEvent]) -> Vec<&'static str> {
    let mut kinds: Vec<&str> = events
        .iter()
        .map(|event| match event {
            AnswerEvent::Query { .. } => "query",
            AnswerEvent::Sources(_) => "sources",
            AnswerEvent::Gate(_) => "gate",
            AnswerEvent::Fitted { .. } => "fitted",
            AnswerEvent::Prefill { .. } => "prefill",
            AnswerEvent::Text(_) => "text",
            AnswerEvent::Checked(_) => "checked",
            AnswerEvent::Finished(_) => "finished",
        })
        .collect();
    kinds.dedup();
    kinds
}

#[test]
fn a_question_is_answered_from_its_passage_and_cited_to_the_line() {
    let outcome = ask("When did I prune the pear tree?", Scripted::new("You pruned the pear tree on March 9."), |_| ());
    assert_eq!(outcome.answer.answer, "You pruned the pear tree on March 9. [1]");
    assert!(!outcome.answer.abstained);
    let citation = &outcome.answer.citations[0];
    assert_eq!((citation.path.as_str(), citation.start_line), ("garden.md", 3));
    assert_eq!(
        kinds(&outcome.events),
        ["query", "sources", "gate", "fitted", "prefill", "text", "checked", "finished"]
    );
    assert!(outcome.calls[0].contains("Felco saw"), "the passage is in the prompt");
    let source = &outcome.answer.sources[0];
    let marked: Vec<&str> = source.highlights.iter().map(|(start, end)| &source.text[*start..*end]).collect();
    assert_eq!(marked, ["pruned", "pear", "tree"]);
}

#[test]
fn an_off_topic_question_is_refused_without_a_model_call_and_shows_the_closest() {
    let outcome = ask("What is the capital of Mongolia and its history?", Scripted::new("Ulaanbaatar."), |request| {
        request.thresholds.lexical = 0.9;
    });
    assert!(outcome.calls.is_empty(), "no model was asked");
    assert!(outcome.answer.abstained);
    assert_eq!(outcome.answer.finish, FinishKind::Refused);
    assert_eq!(outcome.answer.sources[0].path, "books.md");
    assert_eq!(kinds(&outcome.events), ["query", "sources", "gate", "finished"]);
}

#[test]
fn a_person_who_insists_gets_the_models_words_marked_as_such() {
    let outcome = ask("What is the capital of Mongolia?", Scripted::new("Ulaanbaatar it is."), |request| {
        request.when_refused = WhenRefused::AskModel;
    });
    assert_eq!(outcome.answer.answer, "Ulaanbaatar it is.");
    assert_eq!(outcome.answer.sentences[0].verdict, Verdict::NotFound);
    assert!(outcome.answer.reason.unwrap().contains("not from your documents"));
    assert!(outcome.answer.citations.is_empty());
}

#[test]
fn a_model_that_finds_nothing_abstains_and_its_invention_is_never_marked_supported() {
    let refused = ask("Which saw pruned the pear tree?", Scripted::new("Not in your documents."), |_| ());
    assert!(refused.answer.abstained);
    let invented = ask("Which saw pruned the pear tree?", Scripted::new("A Bahco 51 bought in Oslo."), |_| ());
    assert!(invented.answer.sentences.iter().all(|sentence| sentence.verdict != Verdict::Supported));
}

#[test]
fn cancelling_stops_the_writing_and_keeps_what_is_there() {
    let outcome = ask_until(
        "When did I prune the pear tree?",
        Scripted::new("You pruned it on March 9."),
        |_| (),
        |event| matches!(event, AnswerEvent::Text(_)),
    );
    assert_eq!(outcome.answer.finish, FinishKind::Cancelled);
    assert_eq!(outcome.answer.generated_tokens, 1);
    assert!(outcome.answer.answer.starts_with("You"));
}

#[test]
fn passages_that_do_not_fit_are_dropped_with_a_reason_and_the_question_never_is() {
    let mut model = Scripted::new("On March 9.");
    model.window = 110;
    let outcome = ask("pear tree balm steppe history", model, |request| {
        request.sampling.max_tokens = 20;
        request.evidence_tokens = 30;
        request.thresholds.lexical = 0.0;
    });
    assert!(outcome.answer.prompt_tokens + 20 <= 110);
    assert!(!outcome.answer.dropped.is_empty());
    assert!(outcome.calls[0].contains("pear tree balm steppe history"));
}

#[test]
fn earlier_exchanges_go_into_the_search_and_the_prompt() {
    let outcome = ask("With which saw?", Scripted::new("The Felco saw."), |request| {
        request.history =
            vec![Exchange { question: "Did I prune the pear tree?".into(), answer: "Yes, on March 9.".into() }];
    });
    assert_eq!(outcome.answer.citations[0].path, "garden.md");
    assert!(outcome.calls[0].contains("Yes, on March 9."));
}

#[test]
fn an_off_topic_question_is_refused_after_an_on_topic_one() {
    let outcome = ask("Who won the football world cup of 1954?", Scripted::new("Germany."), |request| {
        let question = "When did I prune the pear tree with the Felco saw?".into();
        request.history = vec![Exchange { question, answer: "On March 9.".into() }];
    });
    assert!(outcome.answer.abstained && outcome.calls.is_empty());
}

#[test]
fn some_of_the_best_passage_is_read_even_where_it_is_too_long() {
    let outcome = ask("When did I prune the pear tree?", Scripted::new("On March 9."), |request| {
        request.evidence_tokens = 14;
    });
    assert_eq!(outcome.answer.sources.len(), 1);
    assert!(outcome.calls[0].contains("On March 9") && !outcome.calls[0].contains("Felco saw"), "{}", outcome.calls[0]);
}

/// Finds the answer wherever `span` stands, and is sure of it.
struct Finds {
    span: &'static str,
    sure: f32,
}

impl PairReader for Finds {
    fn read(&self, _: &str, passages: &[&str], _: &Cancel) -> Result<Vec<tanya_engine::Reading>> {
        let read = |passage: &&str| {
            let at = passage.find(self.span);
            let sure = if at.is_some() { self.sure } else { -8.0 };
            let span = |start| tanya_engine::AnswerSpan { start, end: start + self.span.len(), score: sure };
            tanya_engine::Reading { relevance: sure, answerable: Some(sure), spans: at.map(span).into_iter().collect() }
        };
        Ok(passages.iter().map(read).collect())
    }
}

fn ask_with(reader: &Finds, question: &str, change: impl FnOnce(&mut Request)) -> Outcome {
    let dir = tempfile::tempdir().unwrap();
    let library = library(dir.path());
    let mut request = Request::new(question, Vec::new(), &Settings::default(), &Arc::default(), WhenRefused::Say);
    change(&mut request);
    let mut model = Scripted::new("You pruned the pear tree on March 9.");
    let finders = Finders { embedder: None, reader: Some(reader) };
    let mut models = Models { generator: &mut model, finders };
    let mut events = Vec::new();
    let prompts = Prompts::load(None).unwrap();
    let snapshot = library.snapshot().unwrap();
    let answer =
        answer(request, &snapshot, &mut models, &prompts, &Cancel::default(), &mut |event| events.push(event)).unwrap();
    Outcome { answer, events, calls: model.calls }
}

#[test]
fn a_short_answer_that_the_reader_is_sure_of_is_quoted_without_a_model() {
    let outcome = ask_with(&Finds { span: "March 9", sure: 6.0 }, "When did I prune the pear tree?", |_| ());
    assert!(outcome.calls.is_empty(), "no model was asked");
    let Answer { answer, short_answer, citations, sentences, model, .. } = &outcome.answer;
    assert_eq!(answer, "On March 9 I pruned the pear tree with the Felco saw. [1]");
    assert_eq!(short_answer.as_deref(), Some("March 9"));
    assert_eq!((citations[0].path.as_str(), citations[0].start_line), ("garden.md", 3));
    assert_eq!(sentences[0].verdict, Verdict::Supported);
    assert_eq!(model, "reader");
    assert_eq!(kinds(&outcome.events), ["query", "sources", "gate", "text", "checked", "finished"]);
}

#[test]
fn the_model_adds_to_a_lead_that_is_not_sure_and_writes_alone_where_the_person_wants_it() {
    let question = "When did I prune the pear tree?";
    let unsure = ask_with(&Finds { span: "Felco saw", sure: -2.0 }, question, |request| {
        request.thresholds.answerable = 0.0;
    });
    assert_eq!(unsure.calls.len(), 1);
    let lead = "On March 9 I pruned the pear tree with the Felco saw. [1]";
    assert_eq!(unsure.answer.answer, format!("{lead}\n\nYou pruned the pear tree on March 9. [1]"));
    assert_eq!(unsure.answer.short_answer.as_deref(), Some("Felco saw"));
    let wanted = ask_with(&Finds { span: "March 9", sure: 6.0 }, question, |request| {
        request.style = AnswerStyle::Write;
    });
    assert_eq!(wanted.calls.len(), 1);
    assert_eq!(wanted.answer.answer, "You pruned the pear tree on March 9. [1]");
}

#[test]
fn a_question_that_only_looks_answerable_is_refused_by_what_was_read() {
    let outcome = ask_with(&Finds { span: "nowhere", sure: 6.0 }, "Who else pruned the pear tree?", |request| {
        request.thresholds.answerable = 0.3;
    });
    assert!(outcome.answer.abstained && outcome.calls.is_empty());
    assert!(outcome.answer.reason.unwrap().contains("No passage answers"));
}

#[test]
fn the_source_that_answers_comes_first_with_its_number() {
    let outcome = ask_with(&Finds { span: "2023", sure: 6.0 }, "When was the pear tree balm bought?", |_| ());
    assert_eq!(outcome.answer.sources[0].path, "tools.md");
    let numbers: Vec<u32> = outcome.answer.sources.iter().map(|source| source.n).collect();
    assert_eq!(numbers, (1..=numbers.len() as u32).collect::<Vec<_>>());
}

#[test]
fn what_the_model_adds_to_a_lead_must_be_supported_and_new() {
    let reader = Finds { span: "March 9", sure: -2.0 };
    for says in ["Aliens did it in Oslo.", "I pruned the pear tree with the Felco saw."] {
        let dir = tempfile::tempdir().unwrap();
        let library = library(dir.path());
        let mut request =
            Request::new("When did I prune the pear tree?", Vec::new(), &Settings::default(), &Arc::default(), WhenRefused::Say);
        request.thresholds.answerable = 0.0;
        let mut model = Scripted::new(says);
        let finders = Finders { embedder: None, reader: Some(&reader) };
        let mut models = Models { generator: &mut model, finders };
        let prompts = Prompts::load(None).unwrap();
        let snapshot = library.snapshot().unwrap();
        let answer = answer(request, &snapshot, &mut models, &prompts, &Cancel::default(), &mut |_| ()).unwrap();
        assert_eq!(answer.answer, "On March 9 I pruned the pear tree with the Felco saw. [1]", "{says}");
    }
}
