//! One question with all that is known of its answer so far.

use std::time::Duration;

use tanya_engine::{Sampling, Timings};

use crate::answer::{Answer, FinishKind, Ledger, Sentence, Source, Step};
use crate::chat::CitedNow;
use crate::jobs::{JobId, Metered};
use crate::report::Report;
use crate::tui::backend::Grounds;
use crate::tui::markdown::Document;
use crate::tui::view::transcript::LaidTurn;

/// What is happening to a question now.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::tui) enum Phase {
    /// Waits for the answer above.
    Queued,
    /// Passages are looked for.
    Searching,
    /// Passages are here; the model has not begun.
    Found,
    /// All sections are read, for a question about the whole folder.
    ReadingAll { done: usize, total: usize, seconds_left: u64 },
    /// The model reads.
    Reading { done: usize, total: usize },
    /// The model writes.
    Writing,
    /// The answer is complete.
    Done,
    /// Not in the documents.
    Refused,
    /// The person stopped it.
    Stopped,
    /// It cannot be answered.
    Failed(Report),
}

impl Phase {
    /// Nothing more comes.
    pub(in crate::tui) fn is_over(&self) -> bool {
        matches!(self, Self::Done | Self::Refused | Self::Stopped | Self::Failed(_))
    }
}

/// A question and its answer, as the screen holds them.
#[derive(Debug)]
pub(in crate::tui) struct TurnState {
    pub question: String,
    pub grounds: Grounds,
    /// How many turns of the conversation were before it, where it is a question of then that was asked again.
    pub follows: Option<usize>,
    pub job: Option<JobId>,
    pub asked: Duration,
    pub asked_at: u64,
    pub phase: Phase,
    pub sources: Vec<Source>,
    /// Numbers of the sources in the prompt, once that is decided.
    pub used: Option<Vec<u32>>,
    pub prompt_tokens: usize,
    pub window: usize,
    pub first_word: Option<Duration>,
    pub document: Document,
    pub sentences: Vec<Sentence>,
    pub reason: Option<String>,
    pub answer: Option<Answer>,
    /// Where the texts are now that an earlier answer cites, once that is known.
    pub standings: Vec<CitedNow>,
    /// Changes when anything changes that the layout shows.
    pub revision: u64,
    /// Changes when anything but the text changes that the layout of the text shows.
    pub marks: u64,
    pub laid: Option<LaidTurn>,
    pub insight: TurnInsight,
}

/// What is known of how an answer was made; gone with the session.
#[derive(Debug, Default)]
pub(in crate::tui) struct TurnInsight {
    /// The prompt by its parts.
    pub ledger: Option<Box<Ledger>>,
    /// The model's steps, of the last answer alone that they were kept of.
    pub steps: Vec<Step>,
    /// How tokens were chosen.
    pub sampling: Option<Sampling>,
    /// Times between tokens.
    pub timings: Option<Box<Timings>>,
    /// Memory and energy.
    pub metered: Metered,
}

impl TurnState {
    pub(in crate::tui) fn new(question: String, grounds: Grounds, asked: Duration, asked_at: u64) -> Self {
        Self {
            question,
            grounds,
            follows: None,
            job: None,
            asked,
            asked_at,
            phase: Phase::Queued,
            sources: Vec::new(),
            used: None,
            prompt_tokens: 0,
            window: 0,
            first_word: None,
            document: Document::default(),
            sentences: Vec::new(),
            reason: None,
            answer: None,
            standings: Vec::new(),
            revision: 0,
            marks: 0,
            laid: None,
            insight: TurnInsight::default(),
        }
    }

    /// A turn of an earlier session.
    pub(in crate::tui) fn finished(turn: &crate::chat::Turn) -> Self {
        let mut state = Self::new(turn.question.clone(), Grounds::Documents, Duration::ZERO, turn.asked_at);
        let trace = turn.receipt.as_ref().map(|receipt| Box::new(receipt.trace.clone()));
        state.finish(Answer { trace, ..turn.answer.clone() });
        state
    }

    /// The question as it can be sent again.
    pub(in crate::tui) fn into_typed(self) -> String {
        match self.grounds {
            Grounds::WholeFolder => format!("/whole {}", self.question),
            Grounds::Documents | Grounds::ModelAlone => self.question,
        }
    }

    /// Something but the text changed: lay out everything again.
    pub(in crate::tui) fn touch(&mut self) {
        self.revision += 1;
        self.marks += 1;
    }

    /// The model wrote a piece.
    pub(in crate::tui) fn write(&mut self, piece: &str, now: Duration) {
        self.first_word.get_or_insert(now);
        self.phase = Phase::Writing;
        self.document.push(piece);
        self.revision += 1;
    }

    pub(in crate::tui) fn finish(&mut self, answer: Answer) {
        self.document.replace(&answer.answer);
        if !answer.sources.is_empty() {
            self.sources.clone_from(&answer.sources);
        }
        self.sentences.clone_from(&answer.sentences);
        self.reason.clone_from(&answer.reason);
        (self.prompt_tokens, self.window) = (answer.prompt_tokens, answer.window);
        self.phase = match answer.finish {
            _ if answer.abstained => Phase::Refused,
            FinishKind::Refused => Phase::Refused,
            FinishKind::Cancelled => Phase::Stopped,
            FinishKind::Stop | FinishKind::Length | FinishKind::Window => Phase::Done,
        };
        self.answer = Some(answer);
        self.touch();
    }

    /// Ends the turn with what is here. The answer is what can be kept: `None` when no word was written.
    pub(in crate::tui) fn stop(&mut self, now: Duration, model: &str) {
        let text = self.document.source();
        if !text.trim().is_empty() {
            let first = self.first_word.map(|at| at.saturating_sub(self.asked).as_secs_f64() * 1000.0);
            let ms = now.saturating_sub(self.asked).as_secs_f64() * 1000.0;
            self.answer = Some(Answer {
                sentences: self.sentences.clone(),
                prompt_tokens: self.prompt_tokens,
                ms_first_token: first,
                window: self.window,
                ..Answer::stopped(text.to_owned(), self.sources.clone(), model, ms)
            });
        }
        self.phase = Phase::Stopped;
        self.touch();
    }

    /// Is source `n` cited by the answer?
    pub(in crate::tui) fn cites(&self, n: u32) -> bool {
        self.sentences.iter().any(|sentence| sentence.citations.contains(&n))
            || self.answer.iter().flat_map(|answer| &answer.citations).any(|citation| citation.n == n)
            || self.laid.iter().flat_map(|laid| &laid.citations).any(|(_, mark)| mark.n == n)
    }

    /// Sources that the answer stands on, with the ones outside of the prompt left out.
    pub(in crate::tui) fn shown_sources(&self) -> impl Iterator<Item = &Source> {
        self.sources.iter().filter(|source| self.used.as_ref().is_none_or(|used| used.contains(&source.n)))
    }

    /// Lines of source `n` that support the answer; the whole passage where nothing says more.
    pub(in crate::tui) fn cited_lines(&self, source: &Source) -> Option<(u32, u32)> {
        let citations =
            self.answer.iter().flat_map(|answer| &answer.citations).filter(|citation| citation.n == source.n);
        citations
            .map(|citation| (citation.start_line, citation.end_line))
            .reduce(|all, one| (all.0.min(one.0), all.1.max(one.1)))
    }
}
