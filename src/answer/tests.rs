//! Answers end to end on a real library, with a scripted model.

use tanya_engine::{Cancel, Event, Finish, FinishReason, Message, Timings};
use tanya_index::{Document, FileStamp, FileState, Library, NewChunk, Span};

use super::*;

mod insight;
mod reading;

/// Writes what it is told and remembers what it was asked.
pub(super) struct Scripted {
    says: &'static str,
    window: usize,
    pub(super) calls: Vec<String>,
    prompts: std::cell::RefCell<Vec<String>>,
}

impl Scripted {
    pub(super) fn new(says: &'static str) -> Self {
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
        let ids = text.split_whitespace().map(|word| word.len() as u32).collect();
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
            if sampling.logprobs.is_some() {
                let chosen = tanya_engine::TokenScore { id: generated as u32, logprob: -0.1 };
                sink(Event::Token(&tanya_engine::Observed { chosen, best: vec![chosen], total: 1.0, vocabulary: 9 }));
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
    let notes = [
        ("garden.md", "On March 9 I pruned the pear tree with the Felco saw."),
        ("tools.md", "The wound balm was bought in Bremen in 2023."),
        ("books.md", "A long history of the steppe and its horsemen."),
    ];
    let note = |(path, text): (&str, &str)| Document {
        title: path.trim_end_matches(".md").into(),
        ..fixtures::note(path, (3, 3), text)
    };
    fixtures::library(dir, notes.map(note))
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
            AnswerEvent::Reading { .. } => "reading",
            AnswerEvent::Sources(_) => "sources",
            AnswerEvent::Gate(_) => "gate",
            AnswerEvent::Fitted { .. } => "fitted",
            AnswerEvent::Ledger(_) | AnswerEvent::Step(_) | AnswerEvent::Timed(_) => "inside",
            AnswerEvent::Prefill { .. } => "prefill",
            AnswerEvent::Text(_) => "text",
            AnswerEvent::Checked(_) => "checked",
            AnswerEvent::Finished(_) => "finished",
        })
        .collect();
    kinds.retain(|kind| *kind != "inside");
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

/// Finds whichever of its spans a passage holds, and is sure of it.
struct FindsAny(&'static [&'static str]);

impl PairReader for FindsAny {
    fn read(&self, question: &str, passages: &[&str], cancel: &Cancel) -> Result<Vec<tanya_engine::Reading>> {
        let read = |passage: &&str| {
            let span = self.0.iter().find(|span| passage.contains(**span)).copied().unwrap_or("nowhere");
            Finds { span, sure: 6.0 }.read(question, &[*passage], cancel)
        };
        passages.iter().map(read).collect::<Result<Vec<_>>>().map(|all| all.into_iter().flatten().collect())
    }
}

#[test]
fn notes_that_disagree_are_told_with_both_their_places() {
    let dir = tempfile::tempdir().unwrap();
    let notes = [
        ("aunt.md", "The pear tree was planted in 1986 by my aunt."),
        ("shed.md", "In 1991 the pear tree was planted behind the shed."),
    ];
    let library = fixtures::library(dir.path(), notes.map(|(path, text)| fixtures::note(path, (3, 3), text)));
    let snapshot = library.snapshot().unwrap();
    let ask = |style: AnswerStyle| {
        let mut request = Request::new(
            "When was the pear tree planted?",
            Vec::new(),
            &Settings::default(),
            &Arc::default(),
            WhenRefused::Say,
        );
        request.style = style;
        let mut model = Scripted::new("The pear tree was planted in 1986.");
        let finders = Finders { embedder: None, reader: Some(&FindsAny(&["1986", "1991"])) };
        let mut models = Models { generator: &mut model, finders };
        let prompts = Prompts::load(None).unwrap();
        answer(request, &snapshot, &mut models, &prompts, &Cancel::default(), &mut |_| ()).unwrap()
    };
    for style in [AnswerStyle::Auto, AnswerStyle::Write] {
        let answer = ask(style);
        let found = answer.disagreement.as_ref().unwrap();
        let mut said: Vec<(&str, &str)> =
            found.values.iter().map(|said| (said.value.as_str(), said.citation.path.as_str())).collect();
        said.sort_unstable();
        assert_eq!(said, [("1986", "aunt.md"), ("1991", "shed.md")]);
        assert!(answer.disagreement_remark().unwrap().starts_with("Your documents disagree: 19"));
        assert_eq!(answer.citations.len(), 2, "both can be opened: {:?}", answer.citations);
    }
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
fn a_refusal_shows_what_comes_nearest_where_the_search_found_it_fitting() {
    let reader = Finds { span: "March 9", sure: -20.0 };
    let near = ask_with(&reader, "When did I prune the pear tree with the saw?", |request| {
        request.thresholds.answerable = 0.9;
    });
    assert!(near.answer.abstained && near.calls.is_empty());
    let Answer { answer, citations, sentences, short_answer, .. } = &near.answer;
    assert!(answer.starts_with("Not for certain") && answer.contains("On March 9 I pruned the pear tree"), "{answer}");
    assert_eq!((citations.len(), short_answer), (1, &None));
    assert!(answer[sentences[0].start..sentences[0].end].starts_with("On March 9"));
    let far = ask_with(&reader, "Who won the world cup of pear football?", |request| {
        request.thresholds.answerable = 0.9;
    });
    assert_eq!((far.answer.answer.as_str(), far.answer.citations.len()), ("Not in your documents.", 0));
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
        let mut request = Request::new(
            "When did I prune the pear tree?",
            Vec::new(),
            &Settings::default(),
            &Arc::default(),
            WhenRefused::Say,
        );
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

const PEAR: &str = "When did I prune the pear tree?";

/// Replays an answer with a model that says `says`.
fn again(outcome: &Answer, says: &'static str) -> Result<Replayed> {
    let trace = outcome.trace.as_ref().expect("an answer that came to its end has a trace");
    let mut model = Scripted::new(says);
    let prompts = Prompts::load(None).unwrap();
    let generator = trace.needs_model().then_some(&mut model as &mut dyn Generator);
    let then = Then { answer: outcome, trace };
    replay(then, generator, &prompts, &OutputFilter::default(), &Cancel::default())
}

#[test]
fn an_answer_tells_what_it_was_made_from_and_with() {
    let outcome = ask("With which saw?", Scripted::new("The Felco saw."), |request| {
        request.history = vec![Exchange { question: "Did I prune the pear tree?".into(), answer: "Yes.".into() }];
        request.sampling.seed = 7;
        request.sampling.stop = vec!["END".into()];
    });
    let trace = outcome.answer.trace.as_deref().unwrap();
    let texts: Vec<(&str, f32)> = trace.query.texts.iter().map(|text| (text.text.as_str(), text.weight)).collect();
    assert_eq!(texts[..2], [("With which saw?", 1.0), ("Did I prune the pear tree?", 0.3)]);
    assert_eq!(trace.query.embedded[1], "Did I prune the pear tree? With which saw?");
    assert_eq!((trace.history.len(), trace.from_documents, trace.reader), (1, true, false));
    let (passage, source) = (&trace.passages[0], &outcome.answer.sources[0]);
    assert_eq!((passage.n, &passage.text_hash), (source.n, &text_hash(&source.text)));
    assert_eq!(passage.reading(source), Some(source.text.as_str()));
    assert_eq!(trace.wrote.as_deref(), Some("The Felco saw."));
    assert_eq!((trace.sampling.seed, &trace.sampling.stop), (7, &vec!["END".to_owned()]));
    assert_eq!(trace.generator.as_ref().unwrap().name, "scripted");
    assert!(trace.prompt_hash.as_ref().unwrap().len() == 64);
    let json = serde_json::to_string(&outcome.answer).unwrap();
    let read = serde_json::from_str::<Answer>(&json).unwrap().trace.unwrap();
    // The last digits of a time are none of its business.
    assert_eq!(*read, Trace { ms_prefill: read.ms_prefill, ..trace.clone() });
}

#[test]
fn an_answer_of_an_older_version_is_still_read() {
    let outcome = ask(PEAR, Scripted::new("On March 9."), |_| ());
    let mut json = serde_json::to_value(&outcome.answer).unwrap();
    let fields = json.as_object_mut().unwrap();
    for added in ["trace", "filtered", "beyond_documents"] {
        assert!(fields.remove(added).is_some(), "{added}");
    }
    assert_eq!(serde_json::from_value::<Answer>(json).unwrap().answer, outcome.answer.answer);
}

#[test]
fn the_file_that_a_passage_is_from_is_told_by_the_hash_of_when_it_was_read() {
    let dir = tempfile::tempdir().unwrap();
    let library = Library::open(dir.path()).unwrap();
    let mut writer = library.writer().unwrap();
    let text = "On March 9 I pruned the pear tree with the Felco saw.";
    let hash = blake3::hash(text.as_bytes());
    let document = Document {
        path: "garden.md".into(),
        stamp: FileStamp { size: 1, mtime_ns: 1, hash: Some(tanya_index::ContentHash(*hash.as_bytes())) },
        title: String::new(),
        chunks: vec![NewChunk {
            span: Span { start_line: 1, end_line: 1, page: None },
            heading: String::new(),
            text: text.into(),
        }],
        tags: Vec::new(),
        state: FileState::Indexed,
        reason: None,
        reading: None,
    };
    writer.upsert(document).unwrap();
    writer.commit().unwrap();
    let request = Request::new(PEAR, Vec::new(), &Settings::default(), &Arc::default(), WhenRefused::Say);
    let mut model = Scripted::new("On March 9.");
    let mut models = Models { generator: &mut model, finders: Finders::default() };
    let (prompts, snapshot) = (Prompts::load(None).unwrap(), library.snapshot().unwrap());
    let answer = answer(request, &snapshot, &mut models, &prompts, &Cancel::default(), &mut |_| ()).unwrap();
    assert_eq!(answer.trace.unwrap().passages[0].file_hash, Some(hash.to_string()));
}

#[test]
fn an_answer_is_made_again_from_its_own_passages_and_compared_byte_for_byte() {
    let says = "You pruned the pear tree on March 9 [1] with\na saw [7].";
    let outcome = ask(PEAR, Scripted::new(says), |request| request.evidence_tokens = 64).answer;
    let same = again(&outcome, says).unwrap();
    assert!(same.is_same() && same.same_prompt == Some(true), "{same:?}");
    let other = again(&outcome, "You pruned the pear tree on March 8.").unwrap();
    assert!(!other.is_same() && other.same_prompt == Some(true), "{other:?}");
    assert!(other.then.contains("March 9") && other.now.contains("March 8"));
    let mut asked_otherwise = outcome.clone();
    let trace = asked_otherwise.trace.as_mut().unwrap();
    trace.query.question = "When did I ever prune the pear tree?".into();
    let asked_otherwise = again(&asked_otherwise, says).unwrap();
    assert_eq!((asked_otherwise.is_same(), asked_otherwise.same_prompt), (true, Some(false)));
    let mut forged = outcome;
    forged.sources[0].text.push_str(" Not so.");
    let error = again(&forged, says).unwrap_err();
    assert!(format!("{error:#}").contains("garden.md"), "{error:#}");
}

#[test]
fn an_answer_that_was_stopped_is_compared_as_far_as_it_went() {
    let says = "You pruned it on March 9.";
    let stopped = ask_until(PEAR, Scripted::new(says), |_| (), |event| matches!(event, AnswerEvent::Text(_))).answer;
    assert!(again(&stopped, says).unwrap().is_same());
    assert!(!again(&stopped, "It was on March 9.").unwrap().is_same());
}

#[test]
fn a_refusal_is_decided_again_by_its_measures_and_a_quotation_cut_out_of_its_source() {
    let question = "What is the capital of Mongolia and its history?";
    let mut refused = ask(question, Scripted::new(""), |request| request.thresholds.lexical = 0.9).answer;
    assert!(again(&refused, "").unwrap().is_same());
    refused.trace.as_mut().unwrap().settings.min_lexical = 0.0;
    assert!(!again(&refused, "").unwrap().is_same());
    let mut quoted = ask_with(&Finds { span: "March 9", sure: 6.0 }, PEAR, |_| ()).answer;
    let same = again(&quoted, "").unwrap();
    assert!(same.is_same() && same.same_prompt.is_none() && same.now.contains("Felco"), "{same:?}");
    quoted.sources[0].text = quoted.sources[0].text.replace("Felco", "Bahco");
    assert!(!again(&quoted, "").unwrap().is_same());
}

#[test]
fn what_the_model_says_of_itself_is_replayed_without_passages() {
    let question = "What is the capital of Mongolia?";
    let outcome = ask(question, Scripted::new("Ulaanbaatar it is."), |request| {
        request.when_refused = WhenRefused::AskModel;
    });
    let same = again(&outcome.answer, "Ulaanbaatar it is.").unwrap();
    assert!(same.is_same() && same.same_prompt == Some(true), "{same:?}");
}

#[test]
fn an_answer_beyond_the_documents_says_so() {
    let supported = ask(PEAR, Scripted::new("You pruned the pear tree on March 9. Aliens helped."), |_| ());
    assert!(!supported.answer.beyond_documents && supported.answer.beyond_remark().is_none());
    let invented = ask(PEAR, Scripted::new("Aliens did it in Oslo."), |_| ());
    assert!(invented.answer.beyond_documents && invented.answer.beyond_remark().is_some());
    let insisted = ask("What is the capital of Mongolia?", Scripted::new("Ulaanbaatar."), |request| {
        request.when_refused = WhenRefused::AskModel;
    });
    assert!(insisted.answer.beyond_documents);
    let refused = ask("Who won the world cup of 1954?", Scripted::new(""), |request| request.thresholds.lexical = 0.9);
    assert!(refused.answer.abstained && !refused.answer.beyond_documents);
}

/// Asks under a mode of the output filter.
fn filtered(mode: crate::config::FilterMode, says: &'static str) -> Outcome {
    let settings = Settings { output_filter: mode, ..Settings::default() };
    ask(PEAR, Scripted::new(says), |request| request.filter = Arc::new(OutputFilter::load(&settings).unwrap()))
}

#[test]
fn what_the_filter_finds_is_told_or_never_shown() {
    use crate::config::FilterMode;
    let says = "You pruned the pear tree on March 9 for DE89 3704 0044 0532 0130 00. Write to anna@post.org.";
    let streamed = |outcome: &Outcome| {
        let pieces = outcome.events.iter().filter_map(|event| match event {
            AnswerEvent::Text(piece) => Some(piece.as_str()),
            _ => None,
        });
        pieces.collect::<String>()
    };
    let warned = filtered(FilterMode::Warn, says);
    assert_eq!(streamed(&warned), says);
    let [found] = &warned.answer.filtered[..] else { panic!("{:?}", warned.answer.filtered) };
    assert_eq!(&warned.answer.answer[found.start..found.end], "DE89 3704 0044 0532 0130 00");
    assert!(warned.answer.filter_remark().unwrap().contains("looks like: iban"));

    let redacted = filtered(FilterMode::Redact, says);
    let shown = streamed(&redacted);
    assert_eq!(shown, "You pruned the pear tree on March 9 for ▇▇▇ (iban). Write to ▇▇▇ (e-mail address).");
    assert!(redacted.answer.answer.starts_with("You pruned the pear tree on March 9 for ▇▇▇ (iban). [1]"));
    assert_eq!(redacted.answer.sentences[0].verdict, Verdict::Supported, "what is left is checked");
    assert_eq!(redacted.answer.trace.as_ref().unwrap().wrote, Some(shown));
    assert_eq!(redacted.answer.filtered.len(), 2);
    assert_eq!(redacted.answer.filter_remark().unwrap(), "Removed: e-mail address, iban.");
    assert!(again(&redacted.answer, says).unwrap().is_same());

    let off = filtered(FilterMode::Off, says).answer;
    assert_eq!((off.filtered.len(), off.filter_remark()), (0, None));
}

#[test]
fn a_quotation_of_a_source_is_redacted_as_an_answer_is() {
    let filter = crate::config::Settings { output_filter: crate::config::FilterMode::Redact, ..Settings::default() };
    let dir = tempfile::tempdir().unwrap();
    let list = dir.path().join("list.txt");
    std::fs::write(&list, "tool: Felco saw\n").unwrap();
    let settings = Settings { blocklist: list.to_string_lossy().into_owned(), ..filter };
    let outcome = ask_with(&Finds { span: "Felco saw", sure: 6.0 }, PEAR, |request| {
        request.filter = Arc::new(OutputFilter::load(&settings).unwrap());
    });
    let answer = &outcome.answer;
    assert_eq!(answer.answer, "On March 9 I pruned the pear tree with the ▇▇▇ (tool). [1]");
    assert_eq!(answer.short_answer.as_deref(), Some("▇▇▇ (tool)"));
    assert!(!answer.citations[0].text.contains("Felco") && answer.sources[0].text.contains("Felco"));
}

#[test]
fn a_question_that_names_a_file_is_asked_of_that_alone_and_without_the_name() {
    let dir = tempfile::tempdir().unwrap();
    let library = library(dir.path());
    let snapshot = library.snapshot().unwrap();
    let ask = |question: &str, history: Vec<Exchange>| {
        let request = Request::new(question, history, &Settings::default(), &Arc::default(), WhenRefused::Say);
        let (mut memory, cancel) = (Memory::default(), Cancel::default());
        let prepared = begin(request, &snapshot, Finders::default(), &mut memory, &cancel, &mut |_| {}).unwrap();
        let asked = prepared.request.question.clone();
        (asked, conclude(prepared, "none", &mut |_| {}))
    };
    let paths = |answer: &Answer| answer.sources.iter().map(|source| source.path.clone()).collect::<Vec<_>>();
    let (asked, answer) = ask("When did I prune the pear tree? @tools", Vec::new());
    assert_eq!(asked, "When did I prune the pear tree?");
    assert_eq!(answer.finish, FinishKind::Refused, "it stands in another file");
    assert!(!paths(&answer).contains(&"garden.md".to_owned()), "{:?}", paths(&answer));
    assert_eq!(answer.within_remark().unwrap(), "Asked of @tools only.");
    let before = vec![Exchange::new("the history of the steppe?".into(), "long")];
    let (_, answer) = ask("@garden.md Which saw did I prune the pear tree with?", before);
    assert_eq!(paths(&answer), ["garden.md"]);
    let (_, answer) = ask("When did I prune the pear tree? @graden.md", Vec::new());
    assert_eq!(paths(&answer)[0], "garden.md");
    assert!(answer.within_remark().unwrap().contains("Nothing here is called @graden.md"));
    let mut request =
        Request::new("Which saw? @garden.md", Vec::new(), &Settings::default(), &Arc::default(), WhenRefused::Say);
    let balm = snapshot.chunks_at("tools.md").unwrap().remove(0);
    request.held.pin(PassageName { path: balm.path, text_hash: text_hash(&balm.text) });
    let (mut memory, cancel) = (Memory::default(), Cancel::default());
    let prepared = begin(request, &snapshot, Finders::default(), &mut memory, &cancel, &mut |_| {}).unwrap();
    let pinned = conclude(prepared, "none", &mut |_| {});
    assert_eq!(paths(&pinned), ["garden.md"], "what is pinned elsewhere was not asked");
    assert!(
        pinned.dropped.iter().any(|one| one.path == "tools.md" && one.why.contains("pinned")),
        "{:?}",
        pinned.dropped
    );
    let (_, answer) = ask("summarize @tools", Vec::new());
    assert_eq!(answer.whole.as_ref().map(|whole| (whole.task.as_str(), whole.files)), Some(("summarize", 1)));
    assert_eq!(paths(&answer), ["tools.md"]);
}
