//! What the tests of the screen share: a state with a fake outside, scripted events, and pictures of cells with their styles.

pub(super) mod insight;

use std::fmt::Write as _;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::style::{Color, Modifier};
use tanya_index::FileState;

use super::effect::Effect;
use super::keymap::Keymap;
use super::msg::Msg;
use super::state::{Setup, State};
use super::theme::{Background, Charset, Colors, Traits};
use super::update::update;
use super::view;
use crate::answer::{Answer, AnswerEvent, Citation, FinishKind, Gate, Measures, Sentence, Source, Verdict, Within};
use crate::chat::{Conversation, SessionId, SessionSummary, Turn};
use crate::config::{Origins, Settings};
use crate::ingest::Entry;
use crate::jobs::{IngestEvent, JobEvent, JobId, ModelEvent};

pub(super) const NOW: u64 = 1_790_000_000;

pub(super) fn started() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(NOW)
}

/// The screen without a terminal; effects are collected instead of executed.
pub(super) struct Harness {
    pub state: State,
    pub effects: Vec<Effect>,
    now: Duration,
}

impl Harness {
    pub(super) fn new(width: u16, height: u16) -> Self {
        Self::with(
            width,
            height,
            Settings::default(),
            Traits { colors: Colors::Full, background: Background::Dark, charset: Charset::Unicode },
        )
    }

    pub(super) fn with(width: u16, height: u16, settings: Settings, traits: Traits) -> Self {
        let setup = Setup {
            folder: "~/notes".into(),
            folder_path: "/home/me/notes".into(),
            settings,
            origins: Origins::default(),
            config_file: "~/.config/tanya/config.toml".into(),
            keymap: Keymap::default(),
            traits,
            resume: None,
            suggestions: Vec::new(),
            started: started(),
        };
        let mut app = Self { state: State::new(setup), effects: Vec::new(), now: Duration::ZERO };
        app.resize(width, height);
        app
    }

    pub(super) fn at(&mut self, now: Duration, msg: Msg) {
        self.now = now;
        self.effects.extend(update(&mut self.state, now, msg));
    }

    pub(super) fn send(&mut self, msg: Msg) {
        self.at(self.now, msg);
    }

    pub(super) fn wait_ms(&mut self, ms: u64) {
        self.at(self.now + Duration::from_millis(ms), Msg::Tick);
    }

    pub(super) fn resize(&mut self, width: u16, height: u16) {
        self.send(Msg::Resize { width, height });
    }

    pub(super) fn key(&mut self, code: KeyCode) {
        self.picture();
        self.send(Msg::Key(KeyEvent::new(code, KeyModifiers::NONE)));
    }

    pub(super) fn ctrl(&mut self, c: char) {
        self.send(Msg::Key(KeyEvent::new(KeyCode::Char(c), KeyModifiers::CONTROL)));
    }

    pub(super) fn text(&mut self, text: &str) {
        for c in text.chars() {
            self.key(KeyCode::Char(c));
        }
    }

    pub(super) fn type_line(&mut self, text: &str) {
        self.text(text);
        self.key(KeyCode::Enter);
    }

    pub(super) fn answer(&mut self, job: u64, events: Vec<AnswerEvent>) {
        for event in events {
            self.send(Msg::Job(JobEvent::Answer(JobId(job), event)));
        }
    }

    pub(super) fn model(&mut self, event: ModelEvent) {
        self.send(Msg::Job(JobEvent::Model(event)));
    }

    pub(super) fn ingest(&mut self, event: IngestEvent) {
        self.send(Msg::Job(JobEvent::Ingest(event)));
    }

    /// Everything is read, embedded and loaded.
    pub(super) fn ready(&mut self) {
        self.ingest(IngestEvent::Scanned { files: 1204, changed: 0, removed: 0 });
        self.ingest(IngestEvent::Status(status(18_930)));
        self.ingest(IngestEvent::Idle);
        self.model(ModelEvent::Ready {
            name: "smollm2-135m-instruct".into(),
            window: 2048,
            backend: "CPU, AVX2, 4 threads".into(),
        });
        self.model(ModelEvent::EmbedderReady { name: "all-minilm-l6-v2".into() });
    }

    pub(super) fn picture(&mut self) -> Buffer {
        let (width, height) = self.state.size;
        let mut terminal = Terminal::new(TestBackend::new(width, height)).expect("a test terminal opens");
        terminal.draw(|frame| view::draw(&mut self.state, frame)).expect("a test terminal draws");
        terminal.backend().buffer().clone()
    }

    pub(super) fn screen(&mut self) -> String {
        text(&self.picture())
    }

    /// The transcript's rows alone.
    pub(super) fn body(&mut self) -> String {
        let rows = view::transcript_rows(&self.state);
        self.screen().lines().skip(2).take(rows).collect::<Vec<_>>().join("\n")
    }

    /// The screen with its styles.
    pub(super) fn dump(&mut self) -> String {
        dump(&self.picture())
    }
}

pub(super) fn status(embedded: u64) -> tanya_index::Status {
    tanya_index::Status {
        files: 1204,
        indexed: 1180,
        partly: 12,
        skipped: 9,
        failed: 3,
        bytes: 38_000_000,
        chunks: 18_930,
        embedded,
        generation: 7,
        embedder: Some("all-minilm-l6-v2".into()),
    }
}

fn source(n: u32, path: &str, lines: (u32, u32), text: &str, words: &[&str]) -> Source {
    let highlights = words.iter().filter_map(|word| text.find(word).map(|at| (at, at + word.len()))).collect();
    Source {
        n,
        path: path.into(),
        start_line: lines.0,
        end_line: lines.1,
        page: None,
        heading: "Garden diary › Spring".into(),
        text: text.into(),
        score: 0.9 - n as f32 * 0.1,
        bm25_rank: Some(n),
        vector_rank: None,
        tokens: 60,
        highlights,
        reading: None,
        marks: Vec::new(),
    }
}

pub(super) fn sources() -> Vec<Source> {
    vec![
        source(
            1,
            "garden/2024-spring.md",
            (41, 44),
            "Frost in the first week, then mild and dry.\nOn March 9 I pruned the pear tree with the\nnew Felco saw, before the buds opened. Two of the\nolder branches had canker and went into the fire.",
            &["pruned", "pear tree", "Felco saw"],
        ),
        source(
            2,
            "garden/2024-spring.md",
            (52, 53),
            "The week after I sealed the larger cuts on the 15th\nand watered the roses.",
            &["sealed", "larger cuts"],
        ),
        source(3, "tools/inventory.csv", (17, 17), "saw; Felco 611; bought 2023; 61 EUR", &["Felco"]),
    ]
}

pub(super) const ANSWER: &str = "You pruned it on **March 9**, with the Felco saw [1]. In the following week you sealed the larger cuts [2]. The wound balm was bought in Bremen.";

pub(super) fn sentences() -> Vec<Sentence> {
    let second = ANSWER.find("In the").expect("the second sentence is there");
    let third = ANSWER.find("The wound").expect("the third sentence is there");
    vec![
        Sentence { start: 0, end: second - 1, citations: vec![1], verdict: Verdict::Supported },
        Sentence { start: second, end: third - 1, citations: vec![2], verdict: Verdict::Supported },
        Sentence { start: third, end: ANSWER.len(), citations: vec![], verdict: Verdict::NotFound },
    ]
}

pub(super) fn finished() -> Answer {
    let citation = |n: u32, lines: (u32, u32)| Citation {
        n,
        path: "garden/2024-spring.md".into(),
        start_line: lines.0,
        end_line: lines.1,
        page: None,
        text: String::new(),
        quote: String::new(),
        verdict: Verdict::Supported,
    };
    Answer {
        answer: ANSWER.into(),
        short_answer: Some("March 9".into()),
        abstained: false,
        reason: None,
        citations: vec![citation(1, (42, 43)), citation(2, (52, 52))],
        sentences: sentences(),
        sources: sources(),
        dropped: vec![],
        prompt_tokens: 510,
        reused_tokens: 0,
        generated_tokens: 43,
        ms_search: 12.0,
        ms_first_token: Some(412.0),
        ms_decode: 198.0,
        ms_total: 640.0,
        finish: FinishKind::Stop,
        model: "smollm2-135m-instruct".into(),
        seed: 0,
        window: 2048,
        measures: Measures::default(),
        whole: None,
        filtered: vec![],
        beyond_documents: false,
        within: Within::default(),
        disagreement: None,
        trace: None,
    }
}

/// An answer from its query to its end.
pub(super) fn events() -> Vec<AnswerEvent> {
    vec![
        AnswerEvent::Query { text: "prune pear tree".into() },
        AnswerEvent::Sources(sources()),
        AnswerEvent::Gate(Gate::Go),
        AnswerEvent::Fitted { used: vec![1, 2, 3], dropped: vec![], prompt_tokens: 510, window: 2048 },
        AnswerEvent::Prefill { done: 128, total: 510 },
        AnswerEvent::Prefill { done: 384, total: 510 },
        AnswerEvent::Text(ANSWER[..60].into()),
        AnswerEvent::Text(ANSWER[60..].into()),
        AnswerEvent::Checked(sentences()),
        AnswerEvent::Finished(Box::new(finished())),
    ]
}

pub(super) fn refusal() -> Vec<AnswerEvent> {
    let sources = vec![
        source(
            1,
            "travel/asia-ideas.md",
            (12, 12),
            "Trans-Siberian, maybe stop in Ulan-Ude and go on by bus",
            &["stop"],
        ),
        source(2, "books/2019.md", (88, 90), "a history of the steppe and of the peoples who crossed it", &["history"]),
    ];
    let reason = "No passage holds the words capital or Mongolia.";
    let answer = Answer {
        answer: String::new(),
        abstained: true,
        reason: Some(reason.into()),
        citations: vec![],
        sentences: vec![],
        sources: sources.clone(),
        generated_tokens: 0,
        prompt_tokens: 0,
        ms_first_token: None,
        finish: FinishKind::Refused,
        ..finished()
    };
    vec![
        AnswerEvent::Query { text: "capital Mongolia".into() },
        AnswerEvent::Sources(sources),
        AnswerEvent::Gate(Gate::Refuse { reason: reason.into() }),
        AnswerEvent::Finished(Box::new(answer)),
    ]
}

pub(super) fn conversation() -> Conversation {
    let mut conversation = Conversation::new("/home/me/notes", started());
    conversation.push(Turn::new("when did I prune the pear tree?".into(), finished(), NOW));
    conversation
}

/// A row of the library: `problem` is a reason, and what to do about it.
pub(super) fn file(path: &str, state: FileState, bytes: u64, passages: u32, problem: Option<(&str, &str)>) -> Entry {
    Entry {
        path: path.into(),
        state,
        bytes,
        passages,
        pages: passages / 20,
        sections: passages / 2,
        title: String::new(),
        reason: problem.map(|(reason, _)| reason.to_owned()),
        hint: problem.map(|(_, hint)| hint.to_owned()).filter(|hint| !hint.is_empty()),
        took: (passages > 0).then(|| Duration::from_micros(bytes)),
        bytes_read: (passages > 0).then_some(bytes),
        hidden_words: 0,
        hidden_characters: 0,
        marks: Vec::new(),
    }
}

pub(super) fn files() -> Vec<Entry> {
    let ocr = "run it through OCR (for example ocrmypdf) and keep the result in the folder";
    vec![
        file("books/steppe.pdf", FileState::Partly, 4_800_000, 210, Some(("3 pages have no text layer", ocr))),
        file("garden/2024-spring.md", FileState::Indexed, 12_400, 12, None),
        file("garden/\u{1b}[31mred\u{202e}.md", FileState::Indexed, 90, 1, None),
        file("photos/pear.jpg", FileState::Skipped, 2_100_000, 0, Some(("no text in it: .jpg", ""))),
        file(
            "taxes/2023/a very long folder name for the year/declaration-final-final.pdf",
            FileState::Failed,
            880_000,
            0,
            Some(("encrypted: a password is needed", "save a copy without a password in the folder")),
        ),
        file("tools/inventory.csv", FileState::Indexed, 3_100, 4, None),
    ]
}

pub(super) fn sessions() -> Vec<SessionSummary> {
    let summary = |id: &str, title: &str, folder: &str, turns: usize, age: u64| SessionSummary {
        id: SessionId::parse(id).expect("a legal id"),
        title: title.into(),
        folder: folder.into(),
        turns,
        updated_at: NOW - age,
    };
    vec![
        summary("a", "when did I prune the pear tree, and what did I use?", "/home/me/notes", 3, 40),
        summary("x", "tax return", "/home/me/papers", 1, 100),
        summary("b", "which seeds germinate in the dark?", "/home/me/notes", 1, 7_300),
        summary("c", "what did the roof cost?", "/home/me/notes", 12, 3 * 86_400),
    ]
}

/// The rows of a picture, without blanks at their ends.
pub(super) fn text(buffer: &Buffer) -> String {
    let width = usize::from(buffer.area.width);
    let mut out = String::new();
    for row in buffer.content().chunks(width) {
        let line: String = row.iter().map(ratatui::buffer::Cell::symbol).collect();
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

/// The rows of a picture, then each row's runs of one style: `column+length style`.
pub(super) fn dump(buffer: &Buffer) -> String {
    let width = usize::from(buffer.area.width);
    let mut out = text(buffer);
    out.push_str("--- styles\n");
    for (y, row) in buffer.content().chunks(width).enumerate() {
        let mut runs: Vec<(usize, usize, String)> = Vec::new();
        for (x, cell) in row.iter().enumerate() {
            let style = style(cell.fg, cell.bg, cell.modifier);
            match runs.last_mut() {
                Some((_, length, last)) if *last == style => *length += 1,
                _ => runs.push((x, 1, style)),
            }
        }
        runs.retain(|(_, _, style)| !style.is_empty());
        if !runs.is_empty() {
            let runs: Vec<String> =
                runs.into_iter().map(|(x, length, style)| format!("{x}+{length} {style}")).collect();
            let _ = writeln!(out, "{y}: {}", runs.join(", "));
        }
    }
    out
}

fn style(fg: Color, bg: Color, modifier: Modifier) -> String {
    let color = |color: Color| match color {
        Color::Rgb(r, g, b) => format!("{r:02x}{g:02x}{b:02x}"),
        other => format!("{other}").to_lowercase(),
    };
    let mut parts = Vec::new();
    if fg != Color::Reset {
        parts.push(color(fg));
    }
    if bg != Color::Reset {
        parts.push(format!("on {}", color(bg)));
    }
    for (flag, name) in [
        (Modifier::BOLD, "bold"),
        (Modifier::DIM, "dim"),
        (Modifier::ITALIC, "italic"),
        (Modifier::UNDERLINED, "underlined"),
        (Modifier::REVERSED, "reversed"),
        (Modifier::CROSSED_OUT, "crossed out"),
    ] {
        if modifier.contains(flag) {
            parts.push(name.into());
        }
    }
    parts.join(" ")
}
