//! Whole-folder questions on a real library: what was planted is found, once, and the proof says what was done.

use std::sync::Arc;

use tanya_engine::{Cancel, EmbedKind};
use tanya_index::{Document, FileStamp, FileState, Library, NewChunk, Span, TextHash};

use super::super::tests::Scripted;
use super::super::{Answer, AnswerEvent, FinishKind, Prompts, TextEmbedder, Verdict, WhenRefused, begin, complete};
use super::*;
use crate::config::{AnswerStyle, Settings};

/// A file's text, in chunks of one heading each: `# heading` begins a new one.
fn document(path: &str, text: &str) -> Document {
    let mut chunks: Vec<NewChunk> = Vec::new();
    for (line, text) in (1..).zip(text.lines()) {
        match (text.strip_prefix("# "), chunks.last_mut()) {
            (None, Some(open)) => {
                open.text.push_str(if open.text.is_empty() { "" } else { "\n" });
                open.text.push_str(text);
                open.span.end_line = line;
                if open.span.start_line == 0 {
                    open.span.start_line = line;
                }
            }
            (heading, _) => {
                let start_line = if heading.is_some() { 0 } else { line };
                chunks.push(NewChunk {
                    span: Span { start_line, end_line: line, page: None },
                    heading: heading.unwrap_or_default().to_owned(),
                    text: heading.map_or(text, |_| "").to_owned(),
                });
            }
        }
    }
    Document {
        path: path.into(),
        stamp: FileStamp { size: 1, mtime_ns: 1, hash: None },
        title: String::new(),
        chunks,
        tags: if path.starts_with("garden") { vec!["garden".into()] } else { Vec::new() },
        state: FileState::Indexed,
        reason: None,
        reading: None,
    }
}

/// Fourteen kinds of birds over nine files, as list items, table rows and sentences, two of them twice, among other things.
const BIRDS: [(&str, &str); 11] = [
    ("a.md", "# Birds seen in March\n- blue tit\n- great tit\n\n# Shopping\n- milk\n- bread for the week"),
    ("b.md", "# Diary\nIt rained. I saw a bird on the roof: a jackdaw. Later I read."),
    ("c.md", "# Walk\nBirds that I saw:\n\n- wren\n- robin, on\n  the fence\n- blue tit"),
    ("d.md", "# Birds\nname | place\nheron | river\nmallard | pond"),
    ("e.md", "# May\nThe first bird of the year was a swallow. The barn is old."),
    ("f.md", "# June\nOne more bird: the swift came late.\nThe hay is in."),
    ("garden/g.md", "# Birds in the garden\n1. blackbird\n2. sparrow"),
    ("garden/h.md", "# Notes\nA bird of prey, a kestrel, sat on the pear tree. The pear tree has fruit."),
    ("i.md", "# Birds heard\n- nightingale\n- wren"),
    ("j.md", "# Car\nThe car has new wheels. The workshop was in Bremen.\n\n# Taxes\nThe taxes were paid in April."),
    ("k.md", "# Pear\nThe pear tree was pruned in March with the saw. Pears keep until winter in the cellar."),
];
const KINDS: [&str; 14] = [
    "blue tit",
    "great tit",
    "jackdaw",
    "wren",
    "robin, on the fence",
    "heron",
    "mallard",
    "swallow",
    "swift",
    "blackbird",
    "sparrow",
    "kestrel",
    "nightingale",
    "blue tit",
];

fn library(dir: &std::path::Path) -> Library {
    let library = Library::open(dir).unwrap();
    let mut writer = library.writer().unwrap();
    for (path, text) in BIRDS {
        writer.upsert(document(path, text)).unwrap();
    }
    for (path, state) in [("photo.jpg", FileState::Skipped), ("broken.pdf", FileState::Failed)] {
        let reason = Some("why".into());
        writer.upsert(Document { state, reason, chunks: Vec::new(), ..document(path, "") }).unwrap();
    }
    writer.commit().unwrap();
    drop(writer);
    library
}

struct Asking {
    _dir: tempfile::TempDir,
    library: Library,
    memory: Memory,
}

struct Outcome {
    answer: Answer,
    whole: Whole,
    events: Vec<AnswerEvent>,
    calls: usize,
}

impl Asking {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let library = library(dir.path());
        Self { _dir: dir, library, memory: Memory::default() }
    }

    fn ask(&mut self, question: &str) -> Outcome {
        self.ask_until(question, |_| (), Finders::default(), |_| false)
    }

    fn ask_until(
        &mut self,
        question: &str,
        change: impl FnOnce(&mut Request),
        finders: Finders<'_>,
        stop: impl Fn(&AnswerEvent) -> bool,
    ) -> Outcome {
        let mut request = Request::new(question, Vec::new(), &Settings::default(), &Arc::default(), WhenRefused::Say);
        change(&mut request);
        let (cancel, mut events) = (Cancel::default(), Vec::new());
        let mut model = Scripted::new("The pear tree was pruned in March.");
        let snapshot = self.library.snapshot().unwrap();
        let mut sink = |event: AnswerEvent| {
            if stop(&event) {
                cancel.cancel();
            }
            events.push(event);
        };
        let prepared = begin(request, &snapshot, finders, &mut self.memory, &cancel, &mut sink).unwrap();
        let prompts = Prompts::load(None).unwrap();
        let answer = complete(prepared, &snapshot, &mut model, &prompts, &cancel, &mut sink).unwrap();
        let whole = answer.whole.clone().expect("a question about the whole folder");
        Outcome { answer, whole, events, calls: model.calls.len() }
    }
}

#[test]
fn fourteen_birds_in_nine_files_are_all_listed_and_none_twice() {
    let Outcome { answer, whole, calls, .. } = Asking::new().ask("List all birds");
    for kind in KINDS {
        assert_eq!(answer.answer.matches(kind).count(), 1, "{kind} in\n{}", answer.answer);
    }
    for other in ["milk", "bread", "Bremen", "taxes", "It rained", "barn"] {
        assert!(!answer.answer.contains(other), "{other} in\n{}", answer.answer);
    }
    // Thirteen kinds, for the blue tit is in two files.
    assert_eq!((whole.found, answer.sentences.len(), calls), (13, 13, 0), "{}", answer.answer);
    assert_eq!(answer.finish, FinishKind::Stop);
    assert!(answer.sentences.iter().all(|sentence| sentence.verdict == Verdict::Supported), "{:?}", answer.sentences);
}

#[test]
fn what_is_listed_goes_through_the_output_filter_and_keeps_its_support() {
    let dir = tempfile::tempdir().unwrap();
    let list = dir.path().join("list.txt");
    std::fs::write(&list, "bird: mallard\n").unwrap();
    let blocklist = list.to_string_lossy().into_owned();
    let settings = Settings { blocklist, output_filter: crate::config::FilterMode::Redact, ..Settings::default() };
    let filter = Arc::new(crate::answer::OutputFilter::load(&settings).unwrap());
    let redact = |request: &mut Request| request.filter = Arc::clone(&filter);
    let Outcome { answer, events, .. } =
        Asking::new().ask_until("List all birds", redact, Finders::default(), |_| false);
    assert!(!answer.answer.contains("mallard") && answer.answer.contains("▇▇▇ (bird)"), "{}", answer.answer);
    assert!(!events.iter().any(|event| matches!(event, AnswerEvent::Text(text) if text.contains("mallard"))));
    assert!(!answer.citations.iter().any(|citation| (citation.text.clone() + &citation.quote).contains("mallard")));
    assert_eq!(answer.filtered.len(), 1);
    assert!(answer.sentences.iter().all(|sentence| sentence.verdict == Verdict::Supported), "{:?}", answer.sentences);
}

#[test]
fn every_item_cites_the_lines_where_it_stands() {
    let answer = Asking::new().ask("List all birds").answer;
    let lines = |text: &str| {
        let found = answer.citations.iter().filter(|citation| citation.text.contains(text));
        found.map(|citation| (citation.path.as_str(), citation.start_line, citation.end_line)).collect::<Vec<_>>()
    };
    assert_eq!(lines("great tit"), [("a.md", 3, 3)]);
    assert_eq!(lines("blue tit"), [("a.md", 2, 2), ("c.md", 7, 7)]);
    assert_eq!(lines("robin"), [("c.md", 5, 6)]);
    assert_eq!(lines("mallard"), [("d.md", 4, 4)]);
    for sentence in &answer.sentences {
        let shown = &answer.answer[sentence.start..sentence.end];
        assert!(sentence.citations.iter().all(|n| shown.contains(&format!("[{n}]"))), "{shown}");
        assert!(sentence.citations.iter().all(|n| answer.sources.iter().any(|source| source.n == *n)));
    }
}

#[test]
fn the_proof_says_what_was_read_and_what_was_not() {
    let Outcome { answer, whole, events, .. } = Asking::new().ask("List all birds");
    let expected = Whole {
        task: "list_all".into(),
        sections: 13,
        read: 13,
        matched: 9,
        remembered: 0,
        files: 11,
        found: 13,
        unread_files: 2,
    };
    assert_eq!(whole, expected);
    let proof = "Read 13 of 13 sections in 11 files; 9 match. Not in it: 1 file skipped, 1 file failed (`tanya status --failed`).";
    assert!(answer.answer.ends_with(proof), "{}", answer.answer);
    let first = events.iter().find(|event| matches!(event, AnswerEvent::Reading { .. }));
    assert!(matches!(first, Some(AnswerEvent::Reading { done: 0, total: 13, .. })));
    assert!(matches!(events.last(), Some(AnswerEvent::Finished(_))));
}

#[test]
fn files_are_counted_by_the_program() {
    let mut asking = Asking::new();
    let Outcome { answer, whole, calls, .. } = asking.ask("How many notes mention the pear tree?");
    assert_eq!((answer.short_answer.as_deref(), whole.found, whole.matched, calls), (Some("2"), 2, 2, 0));
    assert!(answer.answer.starts_with("2 files of 11:"), "{}", answer.answer);
    let paths: Vec<&str> = answer.citations.iter().map(|citation| citation.path.as_str()).collect();
    assert_eq!(paths, ["garden/h.md", "k.md"]);
    assert_eq!(asking.ask("How many files are there?").whole.found, 11);
    let none = asking.ask("How many notes mention dragons?");
    assert_eq!((none.answer.short_answer.as_deref(), none.answer.abstained), (Some("0"), false));
}

#[test]
fn conditions_and_names_narrow_down_what_is_read() {
    let mut asking = Asking::new();
    let garden = asking.ask("List all birds tag:garden").whole;
    assert_eq!((garden.sections, garden.files, garden.found, garden.unread_files), (2, 2, 3, 0));
    let one = asking.ask("List all birds in d.md");
    assert_eq!((one.whole.sections, one.whole.found), (1, 2), "{}", one.answer.answer);
}

#[test]
fn what_was_read_before_a_stop_is_not_read_again() {
    let mut asking = Asking::new();
    let stopped = asking.ask_until(
        "List all birds",
        |_| (),
        Finders::default(),
        |event| matches!(event, AnswerEvent::Reading { done: 5, .. }),
    );
    assert_eq!((stopped.whole.read, stopped.answer.finish), (5, FinishKind::Cancelled));
    assert!(stopped.answer.answer.contains("Stopped: read 5 of 13 sections"), "{}", stopped.answer.answer);
    assert!(stopped.answer.answer.contains("jackdaw") || stopped.answer.answer.contains("blue tit"));
    let again = asking.ask("List all birds");
    assert_eq!((again.whole.read, again.whole.remembered, again.whole.found), (13, 5, 13));
    // Said otherwise it is the same question, and all of it is known.
    assert_eq!(asking.ask("show me all birds").whole.remembered, 13);
}

#[test]
fn a_changed_section_is_read_again() {
    let mut asking = Asking::new();
    asking.ask("List all birds");
    let mut writer = asking.library.writer().unwrap();
    writer.upsert(document("e.md", "# May\nThe first bird of the year was a crane.")).unwrap();
    writer.commit().unwrap();
    drop(writer);
    let again = asking.ask("List all birds");
    assert_eq!((again.whole.read, again.whole.remembered), (13, 12));
    assert!(again.answer.answer.contains("crane") && !again.answer.answer.contains("swallow"));
}

#[test]
fn nothing_found_is_said_with_the_proof_that_everything_was_read() {
    let Outcome { answer, whole, calls, .. } = Asking::new().ask("List all dragons");
    assert!(answer.abstained && calls == 0);
    assert_eq!((answer.finish, whole.read, whole.matched), (FinishKind::Refused, 13, 0));
    assert!(answer.reason.unwrap().contains("Read 13 of 13 sections in 11 files; 0 match."));
}

#[test]
fn two_things_are_compared_side_by_side() {
    let answer = Asking::new().ask("Compare the pear tree and the car").answer;
    let at = |text: &str| answer.answer.find(text).unwrap_or_else(|| panic!("{text} in\n{}", answer.answer));
    assert!(at("pear tree:") < at("pruned in March") && at("pruned in March") < at("car:"));
    assert!(at("car:") < at("new wheels"));
    let files = Asking::new().ask("compare j.md and k.md");
    assert_eq!((files.whole.sections, files.whole.files), (3, 2));
    assert!(files.answer.answer.contains("new wheels") && files.answer.answer.contains("cellar"));
}

#[test]
fn a_summary_is_made_of_sentences_of_the_documents_and_the_model_only_phrases_it_when_asked_to() {
    let mut asking = Asking::new();
    let summary = asking.ask("Summarize k.md");
    assert_eq!((summary.whole.sections, summary.calls), (1, 0));
    assert!(
        summary.answer.answer.contains("The pear tree was pruned in March with the saw. [1]"),
        "{}",
        summary.answer.answer
    );
    let written =
        asking.ask_until("Summarize k.md", |request| request.style = AnswerStyle::Write, Finders::default(), |_| false);
    assert_eq!(written.calls, 1);
    assert!(written.answer.answer.starts_with("The pear tree was pruned in March. [1]"), "{}", written.answer.answer);
    assert!(
        written.answer.answer.ends_with("Read 1 of 1 section in 1 file (1 of them before); 1 match."),
        "{}",
        written.answer.answer
    );
    assert_eq!(
        written.answer.sources[0].text,
        "The pear tree was pruned in March with the saw.\nPears keep until winter in the cellar."
    );
    let folder = asking.ask("Summarize this folder").answer;
    assert!(folder.citations.len() >= 5 && folder.sentences.iter().all(|one| one.verdict == Verdict::Supported));
}

#[test]
fn a_file_that_is_not_there_leaves_the_question_to_the_search() {
    let asking = Asking::new();
    let snapshot = asking.library.snapshot().unwrap();
    let prepare = |question: &str, reading| {
        let request = Request::new(question, Vec::new(), &Settings::default(), &Arc::default(), WhenRefused::Say);
        let request = Request { reading, ..request };
        let (memory, cancel) = (&mut Memory::default(), Cancel::default());
        super::prepare(&request, &snapshot, Finders::default(), memory, &cancel, &mut |_| ()).unwrap().is_some()
    };
    assert!(!prepare("Summarize nothere.md", Reading::AsAsked));
    assert!(!prepare("Is there a bird?", Reading::AsAsked) && prepare("Is there a bird?", Reading::Everything));
    assert!(prepare("List all birds", Reading::AsAsked) && !prepare("List all birds", Reading::BestPassages));
}

/// Knows two directions: what has to do with feathers, and the rest.
struct Feathers;

impl TextEmbedder for Feathers {
    fn id(&self) -> &'static str {
        "feathers"
    }
    fn embed(&self, _: EmbedKind, texts: &[&str], _: &Cancel) -> Result<Vec<Vec<f32>>> {
        let feathered = |text: &str| ["bird", "feather", "owl"].iter().any(|word| text.to_lowercase().contains(word));
        Ok(texts.iter().map(|text| if feathered(text) { vec![1.0, 0.0] } else { vec![0.0, 1.0] }).collect())
    }
}

#[test]
fn what_is_close_in_meaning_is_shown_and_not_counted() {
    let mut asking = Asking::new();
    let mut writer = asking.library.writer().unwrap();
    writer.upsert(document("o.md", "# Night\nAn owl called in the wood.")).unwrap();
    writer.commit().unwrap();
    writer.set_embedder("feathers", 2).unwrap();
    let waiting = writer.unembedded(99).unwrap();
    let texts: Vec<&str> = waiting.iter().map(|one| one.text.as_str()).collect();
    let vectors = Feathers.embed(EmbedKind::Passage, &texts, &Cancel::default()).unwrap();
    let rows: Vec<(TextHash, Vec<f32>)> = waiting.iter().map(|one| one.hash).zip(vectors).collect();
    writer.put_embeddings("feathers", &rows).unwrap();
    drop(writer);
    let finders = Finders { embedder: Some(&Feathers), reader: None };
    let outcome = asking.ask_until("List all birds", |_| (), finders, |_| false);
    assert_eq!(outcome.whole.found, 13);
    let (listed, close) = outcome.answer.answer.split_once("Close in meaning").expect("something is close");
    assert!(!listed.contains("owl") && close.contains("An owl called in the wood."), "{close}");
}

#[test]
fn a_person_who_insists_gets_the_models_words_where_nothing_was_found() {
    let mut asking = Asking::new();
    let request =
        Request::new("List all dragons", Vec::new(), &Settings::default(), &Arc::default(), WhenRefused::AskModel);
    let (snapshot, cancel) = (asking.library.snapshot().unwrap(), Cancel::default());
    let finders = Finders::default();
    let prepared = begin(request, &snapshot, finders, &mut asking.memory, &cancel, &mut |_| ()).unwrap();
    let (mut model, prompts) = (Scripted::new("Smaug is one."), Prompts::load(None).unwrap());
    let answer = complete(prepared, &snapshot, &mut model, &prompts, &cancel, &mut |_| ()).unwrap();
    assert_eq!((answer.answer.as_str(), model.calls.len()), ("Smaug is one.", 1));
    assert_eq!(answer.sentences[0].verdict, Verdict::NotFound);
}
