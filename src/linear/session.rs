//! A chat in lines: what comes in changes the state, what goes out are acts. Pure: no clock, no terminal, no thread.
//!
//! Invariant: while an answer is made or something is waited for, no line is wanted; so that nothing is written into what the
//! person types, remarks of the background wait for the next line.

use std::time::{Duration, SystemTime};

use super::background::{Library, Model, Readiness};
use super::running::Running;
use super::{TWICE, speech};
use crate::answer::{Answer, AnswerEvent, FinishKind, Source};
use crate::chat::{Conversation, SessionId, SessionSummary, Turn};
use crate::config::{Origins, Setting, Settings};
use crate::jobs::{JobEvent, JobId};
use crate::report::Report;
use crate::tui::{AskRequest, Grounds, Setup, Target, clean};

/// Refused: the documents do not hold the answer.
const REFUSED: u8 = 3;
const FAILED: u8 = 1;
/// Ended by ctrl-c.
const INTERRUPTED: u8 = 128 + 2;

/// Who listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Audience {
    /// Somebody at a terminal.
    Person,
    /// Another program: the answers alone, of a folder that is read completely.
    Pipe,
}

/// One thing to do.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Act {
    /// Write a line.
    Say(String),
    /// Write a piece of a line.
    Piece(String),
    /// Ask for the next line.
    Prompt,
    /// Write a remark.
    Note(String),
    /// Write an error.
    Complain(Report),
    Ask(JobId, Box<AskRequest>),
    Cancel(JobId),
    Configure(Box<Settings>),
    /// Save a setting, or remove it from the configuration file.
    SaveSetting(&'static str, Option<String>),
    ListModels(Box<Settings>),
    Save(Box<Conversation>),
    ListSessions,
    LoadSession(SessionId),
    Open(Target),
    /// End with this exit code.
    Quit(u8),
}

/// A chat.
pub(super) struct Session {
    pub(super) settings: Settings,
    pub(super) origins: Origins,
    pub(super) folder_path: String,
    pub(super) audience: Audience,
    pub(super) conversation: Conversation,
    pub(super) model: Model,
    /// The sources of the last question, and what its answer cites.
    pub(super) sources: Vec<Source>,
    pub(super) last: Option<Answer>,
    /// The last question, when it was refused.
    pub(super) refused: Option<String>,
    /// As they were listed last.
    pub(super) listed: Vec<SessionSummary>,
    /// Something was asked for that ends with an event.
    pub(super) waiting: bool,
    pub(super) suggestions: Vec<String>,
    pub(super) started: SystemTime,
    pub(super) clock: Duration,
    folder: String,
    job: JobId,
    pub(super) running: Option<Running>,
    remarks: Vec<Act>,
    pub(super) library: Library,
    interrupted: Option<Duration>,
    code: u8,
}

impl Session {
    pub(super) fn new(setup: Setup, audience: Audience) -> Self {
        let conversation = setup.resume.unwrap_or_else(|| Conversation::new(&setup.folder_path, setup.started));
        Self {
            settings: setup.settings,
            origins: setup.origins,
            folder_path: setup.folder_path,
            audience,
            conversation,
            model: Model::Unknown,
            sources: Vec::new(),
            last: None,
            refused: None,
            listed: Vec::new(),
            waiting: false,
            suggestions: setup.suggestions,
            started: setup.started,
            clock: Duration::ZERO,
            folder: setup.folder,
            job: JobId::default(),
            running: None,
            remarks: Vec::new(),
            library: Library::default(),
            interrupted: None,
            code: 0,
        }
    }

    pub(super) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The first words.
    pub(super) fn begin(&self) -> Vec<Act> {
        match self.audience {
            Audience::Person => vec![Act::Say(speech::greeting(&self.folder, &self.suggestions)), Act::Prompt],
            Audience::Pipe => Vec::new(),
        }
    }

    /// Whether the next line may come.
    pub(super) fn wants_line(&self) -> bool {
        let ready = self.audience == Audience::Person || self.library.readiness == Readiness::Ready;
        self.running.is_none() && !self.waiting && ready
    }

    /// When something changes by itself.
    pub(super) fn next_wake(&self) -> Option<Duration> {
        match self.library.readiness {
            Readiness::Embedding(until) if self.audience == Audience::Pipe => Some(until),
            _ => None,
        }
    }

    /// The moment that [`Self::next_wake`] asked for has come.
    pub(super) fn wake(&mut self, now: Duration) -> Vec<Act> {
        self.clock = now;
        if matches!(self.library.readiness, Readiness::Embedding(until) if until <= now) {
            self.library.readiness = Readiness::Ready;
        }
        Vec::new()
    }

    /// A line of the input.
    pub(super) fn line(&mut self, line: &str) -> Vec<Act> {
        self.interrupted = None;
        let mut acts = std::mem::take(&mut self.remarks);
        let text = line.trim();
        let chosen = text.parse::<usize>().ok().filter(|_| self.conversation.turns.is_empty());
        let suggested =
            chosen.and_then(|n| self.suggestions.get(n.checked_sub(1)?)).filter(|_| chosen <= Some(3)).cloned();
        if text.is_empty() {
            acts.extend(self.prompt());
        } else if let Some(question) = suggested {
            acts.push(Act::Say(format!("{}{}", speech::PROMPT, clean(&question))));
            acts.extend(self.ask(question, Grounds::Documents));
        } else if let Some(done) = self.command(text) {
            acts.extend(done);
        } else {
            if self.audience == Audience::Pipe {
                acts.push(Act::Say(format!("{}{}", speech::PROMPT, clean(text))));
            }
            acts.extend(self.ask(text.to_owned(), Grounds::Documents));
        }
        acts
    }

    /// A line that was too long to be one.
    pub(super) fn too_long(&mut self) -> Vec<Act> {
        self.code = FAILED;
        let hint = Some("a question is one line; documents belong into the folder".into());
        let mut acts = vec![Act::Complain(Report { cause: "a line has more than a megabyte".into(), hint })];
        acts.extend(self.prompt());
        acts
    }

    /// The input has ended.
    pub(super) fn end(&mut self) -> Vec<Act> {
        let mut acts = std::mem::take(&mut self.remarks);
        if self.audience == Audience::Person {
            acts.insert(0, Act::Say(String::new()));
        }
        acts.push(Act::Quit(self.exit_code()));
        acts
    }

    /// A person's last question tells nothing about how the program ended.
    pub(super) fn exit_code(&self) -> u8 {
        if self.audience == Audience::Pipe { self.code } else { 0 }
    }

    /// Ctrl-c: stops the answer; twice, or with nothing to stop in a pipe, quits.
    pub(super) fn interrupt(&mut self, now: Duration) -> Vec<Act> {
        self.clock = now;
        let again = self.interrupted.replace(now).is_some_and(|before| now < before + TWICE);
        let mut acts = self.stop();
        if self.audience == Audience::Pipe || again {
            acts.push(Act::Quit(INTERRUPTED));
            return acts;
        }
        if acts.is_empty() {
            acts.extend([Act::Say(String::new()), Act::Say("Press ctrl-c again to quit.".into())]);
        }
        acts.extend(self.prompt());
        acts
    }

    /// All background work has ended, which only a fault can cause.
    pub(super) fn disconnected(&mut self) -> Vec<Act> {
        let hint = Some("quit and start tanya again; the log says more".into());
        self.code = FAILED;
        vec![Act::Complain(Report { cause: "background work has stopped".into(), hint }), Act::Quit(self.code)]
    }

    pub(super) fn ask(&mut self, question: String, grounds: Grounds) -> Vec<Act> {
        self.job = self.job.next();
        self.refused = None;
        let request = AskRequest {
            question: question.clone(),
            history: self.conversation.turns.clone(),
            settings: self.settings.clone(),
            grounds,
            held: crate::answer::Held::default(),
            inspect: false,
        };
        self.running = Some(Running::new(self.job, self.clock, question, grounds));
        vec![Act::Piece("Searching… ".into()), Act::Ask(self.job, Box::new(request))]
    }

    /// Stops the answer being made; what was written of it is kept.
    fn stop(&mut self) -> Vec<Act> {
        let Some(mut running) = self.running.take() else { return Vec::new() };
        let rest = running.rest().unwrap_or_default();
        let mut acts = vec![Act::Cancel(running.id), Act::Say(rest), Act::Say("Stopped.".into())];
        let text = running.written;
        self.sources.clone_from(&running.sources);
        self.last = None;
        if !text.trim().is_empty() {
            let ms = self.clock.saturating_sub(running.asked).as_secs_f64() * 1000.0;
            let answer = Answer::stopped(text, running.sources, &self.settings.model, ms);
            acts.push(self.keep(running.question, answer));
        }
        acts
    }

    /// Puts a finished turn into the conversation.
    fn keep(&mut self, question: String, answer: Answer) -> Act {
        let now = self.started + self.clock;
        let asked_at = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
        self.conversation.push(Turn::new(question, answer, asked_at));
        Act::Save(Box::new(self.conversation.clone()))
    }

    /// Asks a person for the next line.
    pub(super) fn prompt(&self) -> Option<Act> {
        (self.audience == Audience::Person).then_some(Act::Prompt)
    }

    /// Background work says something.
    pub(super) fn event(&mut self, now: Duration, event: JobEvent) -> Vec<Act> {
        self.clock = now;
        let current = |id: JobId| self.running.as_ref().is_some_and(|running| running.id == id);
        match event {
            JobEvent::Answer(id, event) if current(id) => self.answer(event),
            JobEvent::AnswerFailed(id, report) if current(id) => {
                self.running = None;
                self.code = FAILED;
                let mut acts = vec![Act::Say(String::new()), Act::Complain(report)];
                acts.extend(self.prompt());
                acts
            }
            JobEvent::Ingest(event) => self.ingest(event),
            JobEvent::Model(event) => self.model(event),
            JobEvent::SessionsListed(all) if self.waiting => {
                self.listed = all.into_iter().filter(|session| session.folder == self.folder_path).collect();
                self.arrived(speech::sessions(&self.listed))
            }
            JobEvent::SessionLoaded(conversation) if self.waiting => {
                let text = speech::resumed(&conversation);
                self.resume(*conversation);
                self.arrived(text)
            }
            JobEvent::SettingSaved { key, value, outcome: Ok(()) } => {
                if let Some(setting) = Setting::find(key) {
                    self.settings.saved(setting, value.as_deref(), &mut self.origins);
                }
                let said = if value.is_some() { "is saved" } else { "has its default again" };
                self.remark(Act::Note(format!("{key} {said}")))
            }
            JobEvent::ModelsListed(listed) if self.waiting => match listed {
                Ok(models) => self.arrived(speech::models(&models)),
                Err(report) => {
                    self.waiting = false;
                    let mut acts = vec![Act::Complain(report)];
                    acts.extend(self.prompt());
                    acts
                }
            },
            JobEvent::SettingSaved { outcome: Err(report), .. } => self.remark(Act::Complain(report)),
            // Of an answer that was stopped, or a list that nobody waits for any more.
            JobEvent::Answer(..)
            | JobEvent::Metered(..)
            | JobEvent::AnswerFailed(..)
            | JobEvent::SessionSaved(_)
            | JobEvent::SessionsListed(_)
            | JobEvent::SessionsFound { .. }
            | JobEvent::LibraryListed(_)
            | JobEvent::NamesFound { .. }
            | JobEvent::Previewed { .. }
            | JobEvent::ModelsListed(_)
            | JobEvent::Pull(..)
            | JobEvent::SourcesCompared(..)
            | JobEvent::SessionLoaded(_) => Vec::new(),
            JobEvent::Notice(text) => self.remark(Act::Note(text)),
            JobEvent::Failed(report) => {
                // A folder that cannot be read must not keep a pipe waiting: the question says so too.
                self.library.readiness = Readiness::Ready;
                if std::mem::take(&mut self.waiting) {
                    let mut acts = vec![Act::Complain(report)];
                    acts.extend(self.prompt());
                    return acts;
                }
                self.remark(Act::Complain(report))
            }
        }
    }

    fn arrived(&mut self, text: String) -> Vec<Act> {
        self.waiting = false;
        let mut acts = vec![Act::Say(text)];
        acts.extend(self.prompt());
        acts
    }

    pub(super) fn resume(&mut self, conversation: Conversation) {
        self.last = conversation.turns.last().map(|turn| turn.answer.clone());
        self.sources = self.last.as_ref().map(|answer| answer.sources.clone()).unwrap_or_default();
        self.refused = None;
        self.conversation = conversation;
    }

    /// Says it at once where nobody types, else before the next line is answered.
    pub(super) fn remark(&mut self, act: Act) -> Vec<Act> {
        if self.audience == Audience::Pipe {
            return vec![act];
        }
        self.remarks.push(act);
        Vec::new()
    }

    fn answer(&mut self, event: AnswerEvent) -> Vec<Act> {
        let waits_for_model = match &self.model {
            Model::Ready { .. } | Model::Failed(_) => None,
            Model::Pulling(_) => Some("Waiting for the model to arrive."),
            Model::Unknown | Model::Loading => Some("Waiting for the model to load."),
        };
        let person = self.audience == Audience::Person;
        let Some(running) = &mut self.running else { return Vec::new() };
        match event {
            AnswerEvent::Sources(sources) => {
                let mut acts = vec![Act::Say(speech::sources(&sources))];
                acts.extend(waits_for_model.filter(|_| person).map(|text| Act::Say(text.into())));
                running.sources = sources;
                acts
            }
            AnswerEvent::Text(piece) => {
                let words = running.write(&piece);
                words.map(Act::Piece).into_iter().collect()
            }
            AnswerEvent::Finished(answer) => self.finished(*answer),
            AnswerEvent::Reading { done: 0, total, .. } => {
                vec![Act::Say(format!("Reading all of it, {total} sections."))]
            }
            AnswerEvent::Query { .. }
            | AnswerEvent::Reading { .. }
            | AnswerEvent::Gate(_)
            | AnswerEvent::Fitted { .. }
            | AnswerEvent::Prefill { .. }
            | AnswerEvent::Ledger(_)
            | AnswerEvent::Step(_)
            | AnswerEvent::Timed(_)
            | AnswerEvent::Checked(_) => Vec::new(),
        }
    }

    fn finished(&mut self, answer: Answer) -> Vec<Act> {
        let Some(mut running) = self.running.take() else { return Vec::new() };
        let mut acts = Vec::new();
        let rest = running.rest();
        if !running.written.is_empty() {
            acts.push(Act::Say(rest.unwrap_or_default()));
        }
        let mut ending = speech::ending(&answer, &running.written);
        if running.grounds == Grounds::ModelAlone {
            // Nothing was looked up, so that nothing can be missing from it.
            ending.retain(|line| !line.starts_with("Warning"));
        }
        acts.extend(ending.into_iter().map(Act::Say));
        if answer.abstained && self.audience == Audience::Person {
            acts.push(Act::Say("Type /anyway to ask the model without the documents.".into()));
        }
        self.refused = answer.abstained.then(|| running.question.clone());
        self.code = if answer.abstained || answer.finish == FinishKind::Refused { REFUSED } else { 0 };
        self.sources = if answer.sources.is_empty() { running.sources } else { answer.sources.clone() };
        self.last = Some(answer.clone());
        acts.push(self.keep(running.question, answer));
        acts.extend(self.prompt());
        acts
    }
}
