//! Chats as scripts: what is typed and what happens on one side, what a person reads on the other.

use std::time::{Duration, UNIX_EPOCH};

use super::session::{Act, Audience, Session};
use super::speech;
use crate::answer::{Answer, AnswerEvent, Citation, FinishKind, Gate, Sentence, Source, Verdict};
use crate::chat::{Conversation, SessionId, SessionSummary, Turn};
use crate::config::{Origins, Settings};
use crate::jobs::{IngestEvent, JobEvent, JobId, ModelEntry, ModelEvent, Speed};
use crate::models::Kind;
use crate::report::Report;
use crate::tui::{Background, Charset, Colors, Grounds, Keymap, Setup, Traits};

/// A chat with all that was written, and all that was asked of the background.
struct Chat {
    session: Session,
    now: Duration,
    text: String,
    acts: Vec<Act>,
}

impl Chat {
    fn new(audience: Audience) -> Self {
        Self::with(audience, Settings::default())
    }

    fn with(audience: Audience, settings: Settings) -> Self {
        let setup = Setup {
            folder: "~/notes".into(),
            folder_path: "/home/me/notes".into(),
            settings,
            origins: Origins::default(),
            config_file: String::new(),
            keymap: Keymap::default(),
            traits: Traits { colors: Colors::None, background: Background::Dark, charset: Charset::Ascii },
            resume: None,
            suggestions: vec!["Who carried the oil?".into()],
            started: UNIX_EPOCH + Duration::from_secs(1_790_000_000),
        };
        let session = Session::new(setup, audience);
        let mut chat = Self { session, now: Duration::ZERO, text: String::new(), acts: Vec::new() };
        let first = chat.session.begin();
        chat.take(first);
        chat
    }

    /// What the shell would write; a person's line ends with the enter that sent it.
    fn take(&mut self, acts: Vec<Act>) {
        for act in acts {
            match &act {
                Act::Say(text) => self.text.extend([text.as_str(), "\n"]),
                Act::Piece(text) => self.text.push_str(text),
                Act::Prompt => self.text.push_str(speech::PROMPT),
                Act::Note(text) => self.text.extend([speech::note(text).as_str(), "\n"]),
                Act::Complain(report) => self.text.extend([speech::error(report).as_str(), "\n"]),
                _ => {}
            }
            self.acts.push(act);
        }
    }

    fn line(&mut self, line: &str) {
        assert!(self.session.wants_line(), "no line is wanted now:\n{}", self.text);
        if self.text.ends_with(speech::PROMPT) {
            self.text.extend([line, "\n"]);
        }
        let acts = self.session.line(line);
        self.take(acts);
    }

    fn event(&mut self, event: JobEvent) {
        let acts = self.session.event(self.now, event);
        self.take(acts);
    }

    fn answer(&mut self, job: u64, events: Vec<AnswerEvent>) {
        for event in events {
            self.event(JobEvent::Answer(JobId(job), event));
        }
    }

    fn interrupt(&mut self) {
        let acts = self.session.interrupt(self.now);
        self.take(acts);
    }

    fn model_is_ready(&mut self) {
        let (name, backend) = ("smollm2-135m-instruct".into(), "native, AVX2".into());
        self.event(JobEvent::Model(ModelEvent::Ready { name, window: 2048, backend }));
    }

    fn asked(&self) -> usize {
        self.acts.iter().filter(|act| matches!(act, Act::Ask(..))).count()
    }
}

fn status(chunks: u64, embedded: u64) -> JobEvent {
    JobEvent::Ingest(IngestEvent::Status(tanya_index::Status {
        files: 9,
        indexed: 9,
        partly: 0,
        skipped: 0,
        failed: 0,
        bytes: 9000,
        chunks,
        embedded,
        generation: 1,
        embedder: None,
    }))
}

const ANSWER: &str = "You pruned it on March 9 [1]. The saw came from Bremen.";

fn finished() -> Answer {
    let second = ANSWER.find("The saw").unwrap();
    let source = Source {
        path: "garden/2024.md".into(),
        start_line: 41,
        end_line: 44,
        heading: "Diary › Spring".into(),
        ..Source::of_text(1, "Frost.\nOn March 9 I pruned the pear tree.\nThen sun.\nRain.")
    };
    let other =
        Source { path: "scans/contract.pdf".into(), page: Some(4), ..Source::of_text(2, "The pear tree is mine.") };
    Answer {
        reason: None,
        finish: FinishKind::Stop,
        sentences: vec![
            Sentence { start: 0, end: second - 1, citations: vec![1], verdict: Verdict::Supported },
            Sentence { start: second, end: ANSWER.len(), citations: vec![], verdict: Verdict::NotFound },
        ],
        citations: vec![Citation {
            n: 1,
            path: "garden/2024.md".into(),
            start_line: 42,
            end_line: 42,
            page: None,
            text: "On March 9 I pruned the pear tree.".into(),
            quote: String::new(),
            verdict: Verdict::Supported,
        }],
        ..Answer::stopped(ANSWER.into(), vec![source, other], "smollm2-135m-instruct", 640.0)
    }
}

/// An answer whose words come in pieces that end anywhere, without the citations that the check adds.
fn events() -> Vec<AnswerEvent> {
    let mut events = vec![
        AnswerEvent::Query { text: "prune pear".into() },
        AnswerEvent::Sources(finished().sources),
        AnswerEvent::Gate(Gate::Go),
    ];
    let pieces = ["\nYou pru", "ned it on Mar", "ch 9. ", "The saw came ", "from Bremen."];
    events.extend(pieces.map(|piece| AnswerEvent::Text(piece.into())));
    events.push(AnswerEvent::Finished(Box::new(finished())));
    events
}

fn refusal() -> Vec<AnswerEvent> {
    let sources = vec![Source::of_text(1, "the steppe")];
    let answer = Answer {
        abstained: true,
        reason: Some("No passage holds the word Mongolia.".into()),
        finish: FinishKind::Refused,
        ..Answer::stopped(String::new(), sources.clone(), "", 1.0)
    };
    vec![AnswerEvent::Sources(sources), AnswerEvent::Finished(Box::new(answer))]
}

#[test]
fn a_refusal_reads_out_what_comes_nearest() {
    let mut chat = Chat::new(Audience::Person);
    chat.model_is_ready();
    chat.line("When was the apple tree pruned?");
    let near = Answer {
        abstained: true,
        reason: Some("No passage answers it for certain.".into()),
        finish: FinishKind::Refused,
        ..finished()
    };
    chat.answer(1, vec![AnswerEvent::Sources(near.sources.clone()), AnswerEvent::Finished(Box::new(near))]);
    let nearest = "What comes nearest. Citation 1, garden/2024.md, line 42: \"On March 9 I pruned the pear tree.\"";
    assert!(chat.text.contains(nearest), "{}", chat.text);
}

#[test]
fn a_question_with_its_sources_its_answer_and_its_warning() {
    let mut chat = Chat::new(Audience::Person);
    chat.model_is_ready();
    chat.line("When did I prune the pear tree?");
    chat.answer(1, events());
    chat.line("/quote 1");
    chat.line("/quote 2");
    insta::assert_snapshot!("answer", chat.text);
    assert!(
        matches!(chat.acts.iter().rfind(|act| matches!(act, Act::Save(_))), Some(Act::Save(kept)) if kept.turns.len() == 1)
    );
}

#[test]
fn a_refusal_and_what_the_model_says_alone() {
    let mut chat = Chat::new(Audience::Person);
    chat.model_is_ready();
    chat.line("What is the capital of Mongolia?");
    chat.answer(1, refusal());
    chat.line("/anyway");
    assert!(matches!(chat.acts.last(), Some(Act::Ask(JobId(2), request)) if request.grounds == Grounds::ModelAlone));
    let alone = Answer { sources: vec![], ..finished() };
    chat.answer(
        2,
        vec![
            AnswerEvent::Sources(vec![]),
            AnswerEvent::Text("Ulaanbaatar.".into()),
            AnswerEvent::Finished(Box::new(Answer { answer: "Ulaanbaatar.".into(), citations: vec![], ..alone })),
        ],
    );
    insta::assert_snapshot!("refusal", chat.text);
}

#[test]
fn the_commands_answer_in_words() {
    let mut chat = Chat::new(Audience::Person);
    for line in [
        "/help",
        "/frobnicate",
        "/set temperature",
        "/set temperature 9",
        "/set temperature 0.5",
        "/settings temperature 9",
        "/settings top_k",
        "/settings top_k 7",
        "/model",
        "/quote 3",
        "/anyway",
    ] {
        chat.line(line);
    }
    chat.model_is_ready();
    chat.line("/model");
    insta::assert_snapshot!("commands", chat.text);
    assert!(
        chat.acts
            .iter()
            .any(|act| matches!(act, Act::Configure(settings) if (settings.sampling.temperature - 0.5).abs() < 1e-6))
    );
    let saved: Vec<&Act> = chat.acts.iter().filter(|act| matches!(act, Act::SaveSetting(..))).collect();
    assert_eq!(saved, [&Act::SaveSetting("top_k", Some("7".into()))]);
    chat.event(JobEvent::SettingSaved { key: "top_k", value: Some("7".into()), outcome: Ok(()) });
    chat.line("/settings");
    assert!(
        chat.text.contains("top_k = 7, from the file") && chat.text.contains("top_p = 1, the default"),
        "{}",
        chat.text
    );
    assert!(chat.text.contains("temperature = 0.5, changed here"), "{}", chat.text);
}

#[test]
fn a_setting_is_given_its_default_and_leaves_the_file() {
    let mut chat = Chat::new(Audience::Person);
    chat.line("/settings passages 5");
    chat.line("/set profile fast");
    chat.line("/reset passages");
    let saved: Vec<&Act> = chat.acts.iter().filter(|act| matches!(act, Act::SaveSetting(..))).collect();
    assert_eq!(saved, [&Act::SaveSetting("passages", Some("5".into())), &Act::SaveSetting("passages", None)]);
    chat.event(JobEvent::SettingSaved { key: "passages", value: None, outcome: Ok(()) });
    chat.line("/settings");
    assert!(chat.text.contains("passages = 3, the default"), "{}", chat.text);
    for (line, said) in [("/reset", "wants the name of a setting"), ("/reset x", "no setting is called x")] {
        chat.line(line);
        assert!(chat.text.contains(said), "{}", chat.text);
    }
}

#[test]
fn models_are_listed_one_a_line() {
    let mut chat = Chat::new(Audience::Person);
    chat.line("/models");
    let entry = |name: &str, kind, is_here, not_runnable: Option<&str>| ModelEntry {
        name: name.into(),
        kind,
        description: "Small.".into(),
        license: None,
        is_here,
        bytes: 98_000_000,
        not_runnable: not_runnable.map(str::to_owned),
        facts: None,
        speed: is_here.then_some(Speed { tokens_per_second: 120.4, answers: 3 }),
    };
    chat.event(JobEvent::ModelsListed(Ok(vec![
        entry("one", Kind::Generator, true, None),
        entry("two", Kind::Embedder, false, Some("not known")),
    ])));
    assert!(
        chat.text.ends_with(
            "2 models\none: answers; here, 98 MB; 120 tokens a second. Small.\n\
             two: finds passages; not here, 98 MB to fetch; cannot be used: not known. Small.\nYou: "
        ),
        "{}",
        chat.text
    );
}

#[test]
fn the_whole_folder_is_read_where_a_person_says_so() {
    let mut chat = Chat::new(Audience::Person);
    chat.line("/whole");
    assert!(chat.text.contains("/whole wants a question"), "{}", chat.text);
    chat.line("/whole wheels of the cart");
    let asked = chat.acts.iter().rev().find_map(|act| match act {
        Act::Ask(_, request) => Some((request.question.as_str(), request.grounds)),
        _ => None,
    });
    assert_eq!(asked, Some(("wheels of the cart", Grounds::WholeFolder)));
}

#[test]
fn sessions_are_listed_and_gone_on_with_by_number() {
    let mut chat = Chat::new(Audience::Person);
    chat.line("/sessions 1");
    assert!(chat.text.contains("no conversation was listed as 1"), "{}", chat.text);
    chat.line("/sessions");
    assert!(!chat.session.wants_line(), "the list is on its way");
    let summary = |id: &str, title: &str, folder: &str| SessionSummary {
        id: SessionId::parse(id).unwrap(),
        title: title.into(),
        folder: folder.into(),
        turns: 1,
        updated_at: 1,
    };
    let list = vec![summary("x", "tax", "/home/me/papers"), summary("a", "pears", "/home/me/notes")];
    chat.event(JobEvent::SessionsListed(list));
    assert!(chat.text.contains("1 conversation, newest first:\n1. pears, 1 question\n"), "{}", chat.text);
    chat.line("/sessions 1");
    assert!(matches!(chat.acts.last(), Some(Act::LoadSession(id)) if id.as_str() == "a"));
    let mut conversation = Conversation::new("/home/me/notes", UNIX_EPOCH);
    conversation.push(Turn::new("When did I prune it?".into(), finished(), 1));
    chat.event(JobEvent::SessionLoaded(Box::new(conversation)));
    assert!(chat.text.contains("The last question: When did I prune it?\nAnswer: You pruned it"), "{}", chat.text);
    chat.line("And the apple?");
    assert!(matches!(chat.acts.last(), Some(Act::Ask(_, request)) if request.history.len() == 1));
}

#[test]
fn what_failed_to_be_listed_leaves_a_prompt() {
    let mut chat = Chat::new(Audience::Person);
    chat.line("/sessions");
    chat.event(JobEvent::Failed(Report { cause: "sessions: cannot list".into(), hint: None }));
    assert!(chat.text.ends_with("Error: sessions: cannot list\nYou: "), "{}", chat.text);
    assert!(chat.session.wants_line());
}

#[test]
fn ctrl_c_stops_an_answer_and_keeps_its_words_and_twice_quits() {
    let mut chat = Chat::new(Audience::Person);
    chat.line("When?");
    chat.answer(1, events()[..5].to_vec());
    chat.interrupt();
    assert!(chat.acts.contains(&Act::Cancel(JobId(1))));
    assert!(chat.text.ends_with("Answer: You pruned it on Mar\nStopped.\nYou: "), "{}", chat.text);
    let kept = chat.acts.iter().find_map(|act| if let Act::Save(kept) = act { Some(kept) } else { None }).unwrap();
    assert_eq!(
        (kept.turns[0].answer.answer.as_str(), kept.turns[0].answer.finish),
        ("You pruned it on Mar", FinishKind::Cancelled)
    );
    chat.answer(1, events());
    assert!(chat.text.ends_with("Stopped.\nYou: "), "what comes late is stale: {}", chat.text);
    chat.now += Duration::from_secs(3);
    chat.interrupt();
    assert!(chat.text.ends_with("\nPress ctrl-c again to quit.\nYou: "), "{}", chat.text);
    chat.now += Duration::from_secs(1);
    chat.interrupt();
    assert_eq!(chat.acts.last(), Some(&Act::Quit(130)));
}

#[test]
fn nothing_is_written_into_what_a_person_types() {
    let mut chat = Chat::new(Audience::Person);
    let before = chat.text.clone();
    chat.event(JobEvent::Notice("the index was rebuilt".into()));
    chat.event(status(40, 0));
    chat.event(JobEvent::Ingest(IngestEvent::Idle));
    chat.event(JobEvent::Ingest(IngestEvent::Idle));
    assert_eq!(chat.text, before);
    chat.line("");
    let said = "Note: the index was rebuilt\nNote: the folder is read: 9 files, 40 passages\nYou: ";
    assert_eq!(chat.text, format!("{before}\n{said}"));
}

#[test]
fn whoever_waits_for_a_model_hears_how_far_it_is() {
    let mut chat = Chat::new(Audience::Person);
    let pulling = |done: u64| {
        JobEvent::Model(ModelEvent::Pulling {
            name: "smollm2-135m-instruct".into(),
            done,
            total: Some(98),
            bytes_per_second: 1.0,
            license: "Apache-2.0".into(),
        })
    };
    chat.event(pulling(20));
    chat.line("When?");
    chat.answer(1, events()[..2].to_vec());
    for done in [21, 22, 40, 41, 98] {
        chat.event(pulling(done));
    }
    let told: Vec<&str> = chat.text.lines().filter(|line| line.contains("model")).collect();
    assert_eq!(
        told,
        ["Waiting for the model to arrive.", "The model arrives: 40 percent.", "The model arrives: 100 percent."]
    );
}

#[test]
fn an_answer_that_came_at_once_is_written_once_and_one_that_the_check_changed_twice() {
    let mut chat = Chat::new(Audience::Person);
    chat.line("When?");
    let quoted = AnswerEvent::Finished(Box::new(finished()));
    chat.answer(1, vec![AnswerEvent::Sources(finished().sources), quoted.clone()]);
    assert!(chat.text.contains(&format!("Answer: {ANSWER}\n")), "{}", chat.text);
    assert!(!chat.text.contains("Checked answer"), "{}", chat.text);
    chat.line("When?");
    chat.answer(2, vec![AnswerEvent::Text("You pruned it in May. ".into()), quoted]);
    assert!(
        chat.text.contains(&format!("Answer: You pruned it in May. \nChecked answer: {ANSWER}\n")),
        "{}",
        chat.text
    );
}

#[test]
fn text_from_outside_cannot_move_the_cursor_or_color_anything() {
    let evil = "a\u{1b}[2J\u{1b}]0;x\u{7}b\u{202e}c\r";
    let mut chat = Chat::new(Audience::Person);
    chat.line("When?");
    let source = Source { path: evil.into(), heading: evil.into(), ..Source::of_text(1, evil) };
    let answer = Answer {
        reason: Some(evil.into()),
        citations: vec![Citation { path: evil.into(), text: evil.into(), ..finished().citations.remove(0) }],
        sentences: vec![Sentence { start: 0, end: evil.len(), citations: vec![], verdict: Verdict::NotFound }],
        ..Answer::stopped(evil.into(), vec![source.clone()], "m", 1.0)
    };
    let pieces = evil.chars().map(|c| AnswerEvent::Text(c.to_string()));
    let mut all = vec![AnswerEvent::Sources(vec![source])];
    all.extend(pieces);
    all.push(AnswerEvent::Finished(Box::new(answer)));
    chat.answer(1, all);
    chat.line("/quote 1");
    chat.event(JobEvent::Notice(evil.into()));
    chat.line("again");
    chat.event(JobEvent::AnswerFailed(JobId(2), Report { cause: evil.into(), hint: Some(evil.into()) }));
    let foreign = |c: &char| (c.is_control() && *c != '\n') || *c == '\u{202e}';
    assert_eq!(chat.text.chars().find(foreign), None, "{:?}", chat.text);
}

#[test]
fn a_pipe_waits_until_the_folder_is_read_and_ends_with_the_code_of_the_last_question() {
    let mut chat = Chat::new(Audience::Pipe);
    assert!(!chat.session.wants_line(), "words are not searchable yet");
    chat.event(status(40, 0));
    chat.event(JobEvent::Ingest(IngestEvent::Idle));
    assert!(!chat.session.wants_line(), "vectors have a while");
    let until = chat.session.next_wake().unwrap();
    chat.session.wake(until);
    assert!(chat.session.wants_line());
    chat.line("When?");
    chat.answer(1, events());
    chat.line("What is the capital of Mongolia?");
    chat.answer(2, refusal());
    let acts = chat.session.end();
    chat.take(acts);
    assert_eq!(chat.acts.last(), Some(&Act::Quit(3)));
    insta::assert_snapshot!("pipe", chat.text);
}

#[test]
fn a_pipe_is_ready_as_soon_as_vectors_are_there_or_never_will_be() {
    let mut chat = Chat::new(Audience::Pipe);
    chat.event(status(40, 40));
    chat.event(JobEvent::Ingest(IngestEvent::Idle));
    assert!(chat.session.wants_line());
    let mut chat = Chat::new(Audience::Pipe);
    chat.event(status(40, 0));
    chat.event(JobEvent::Ingest(IngestEvent::Idle));
    let report = Report { cause: "offline".into(), hint: None };
    chat.event(JobEvent::Model(ModelEvent::Failed { name: Settings::default().embedder, report }));
    assert!(chat.session.wants_line());
    let mut chat = Chat::new(Audience::Pipe);
    chat.event(JobEvent::Failed(Report { cause: "the library is damaged".into(), hint: None }));
    assert!(chat.session.wants_line(), "the question says why");
}

#[test]
fn a_failed_question_and_a_line_without_end_give_code_one() {
    let mut chat = Chat::new(Audience::Pipe);
    chat.event(status(0, 0));
    chat.event(JobEvent::Ingest(IngestEvent::Idle));
    chat.line("When?");
    chat.event(JobEvent::AnswerFailed(JobId(1), Report { cause: "no model".into(), hint: Some("pull one".into()) }));
    assert!(chat.text.ends_with("Error: no model\nHint: pull one\n"), "{}", chat.text);
    assert_eq!(chat.session.end().last(), Some(&Act::Quit(1)));
    assert!(chat.session.too_long().iter().any(|act| matches!(act, Act::Complain(_))));
}

#[test]
fn a_number_asks_a_suggestion_only_at_the_start() {
    let mut chat = Chat::new(Audience::Person);
    chat.line("1");
    assert!(matches!(chat.acts.last(), Some(Act::Ask(_, request)) if request.question == "Who carried the oil?"));
    chat.answer(1, events());
    chat.line("1");
    assert!(matches!(chat.acts.last(), Some(Act::Ask(_, request)) if request.question == "1"));
    assert_eq!(chat.asked(), 2);
}

#[test]
fn a_path_is_a_question_and_open_names_the_cited_line() {
    let mut chat = Chat::new(Audience::Person);
    chat.line("/etc/hosts says what?");
    assert_eq!(chat.asked(), 1);
    chat.answer(1, events());
    chat.line("/open 1");
    let opened =
        chat.acts.iter().find_map(|act| if let Act::Open(target) = act { Some(target) } else { None }).unwrap();
    assert_eq!((opened.path.as_str(), opened.line, opened.page), ("garden/2024.md", 42, None));
    chat.line("/open 2");
    assert!(chat.acts.iter().any(|act| matches!(act, Act::Open(target) if target.page == Some(4))));
}

#[test]
fn words_are_written_whole_and_a_script_without_spaces_is_not_held_back() {
    let mut chat = Chat::new(Audience::Person);
    chat.line("When?");
    let text = |piece: &str| vec![AnswerEvent::Text(piece.into())];
    chat.answer(1, text("The lamp"));
    chat.answer(1, text(" was li"));
    assert!(chat.text.ends_with("Answer: The lamp was "), "{}", chat.text);
    chat.answer(1, text("t. 灯台は昭和四十三年に"));
    assert!(chat.text.ends_with("was lit. "), "{}", chat.text);
    chat.answer(1, text("消灯されましたが今も博物館として公開"));
    assert!(chat.text.ends_with("公"), "{}", chat.text);
}
