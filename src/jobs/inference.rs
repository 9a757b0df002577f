//! The inference thread: it owns the models and does one thing at a time, questions before embeddings.
//!
//! A question that arrives before its model is searched for at once, so that its evidence shows, and written when the model
//! is there; where all models lie on the disk it waits the moment that they take to open. Bulk embedding yields: a question interrupts the batch in progress, which is tried again afterwards.

use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, SyncSender};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;
use tanya_engine::{Cancel, EmbedKind, Embedder, Reader};
use tanya_index::{Library, Snapshot};
use tokio::sync::mpsc::Sender;

use super::event::{JobEvent, JobId};
use super::meters::Meters;
use crate::answer::{
    self, AnswerEvent, Finders, Generator as _, LocalGenerator, Memory, PairReader, Prepared, Prompts, Request,
    TextEmbedder,
};
use crate::chat::{Conversation, standings};
use crate::report::Report;

/// What the thread is asked to do.
pub(super) enum Work {
    /// The folder's library is open.
    Library(Arc<Library>),
    /// It cannot be opened.
    NoLibrary(Report),
    /// The language model is in memory.
    Generator(Box<LocalGenerator>),
    /// It never will be.
    NoGenerator(Report),
    /// The embedder is in memory.
    Embedder(Arc<Embedder>),
    /// The reader is in memory.
    Reader(Box<Reader>),
    /// All models that are wanted lie on the disk and are being opened: a moment's wait answers better than words alone.
    Opening,
    /// They are open, or have failed.
    Opened,
    /// A question.
    Ask(Box<Question>),
    /// Texts of passages to embed by a certain model.
    Embed(Passages),
    /// A conversation that was loaded: does what it cites still stand?
    Compare(Box<Conversation>),
}

/// A question on its way.
pub(super) struct Question {
    pub(super) id: JobId,
    pub(super) request: Request,
    pub(super) cancel: Cancel,
}

/// Texts to embed.
pub(super) struct Passages {
    /// The id of the model that the library's vectors come from.
    pub(super) embedder: String,
    pub(super) texts: Vec<String>,
    pub(super) reply: SyncSender<Embedded>,
}

/// What became of a batch.
pub(super) enum Embedded {
    Vectors(Vec<Vec<f32>>),
    Interrupted,
    /// The embedder in memory is another one by now; the library hears of it next.
    Superseded,
    Failed(anyhow::Error),
}

/// Lets whoever asks a question interrupt the embedding in progress.
#[derive(Clone, Default)]
pub(super) struct Yield(Arc<Mutex<Cancel>>);

impl Yield {
    pub(super) fn now(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).cancel();
    }

    /// A fresh token for the next batch.
    fn arm(&self) -> Cancel {
        let cancel = Cancel::default();
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = cancel.clone();
        cancel
    }
}

/// The thread's state.
pub(super) struct Inference {
    pub(super) events: Sender<JobEvent>,
    pub(super) prompts: Prompts,
    pub(super) interrupt: Yield,
    meters: Meters,
    library: Availability<Arc<Library>>,
    embedder: Option<Arc<Embedder>>,
    reader: Option<Box<Reader>>,
    generator: Availability<Box<LocalGenerator>>,
    /// Models are being opened.
    opening: bool,
    /// What was read of the folder for questions about all of it.
    memory: Memory,
    questions: VecDeque<Question>,
    prepared: VecDeque<(Question, Prepared, Snapshot)>,
    batches: VecDeque<Passages>,
    comparisons: VecDeque<Box<Conversation>>,
}

enum Availability<T> {
    OnItsWay,
    Here(T),
    Never(Report),
}

impl Inference {
    pub(super) fn new(events: Sender<JobEvent>, prompts: Prompts, interrupt: Yield) -> Self {
        Self {
            events,
            prompts,
            interrupt,
            meters: Meters::default(),
            library: Availability::OnItsWay,
            embedder: None,
            reader: None,
            generator: Availability::OnItsWay,
            opening: false,
            memory: Memory::default(),
            questions: VecDeque::new(),
            prepared: VecDeque::new(),
            batches: VecDeque::new(),
            comparisons: VecDeque::new(),
        }
    }

    /// Works until every sender of `inbox` is gone.
    pub(super) fn run(mut self, inbox: &Receiver<Work>) {
        while let Ok(work) = inbox.recv() {
            self.accept(work);
            loop {
                while let Ok(work) = inbox.try_recv() {
                    self.accept(work);
                }
                if !self.step() {
                    break;
                }
            }
        }
    }

    fn accept(&mut self, work: Work) {
        match work {
            Work::Library(library) => self.library = Availability::Here(library),
            Work::NoLibrary(report) => self.library = Availability::Never(report),
            Work::Generator(generator) => self.generator = Availability::Here(generator),
            Work::NoGenerator(report) => self.generator = Availability::Never(report),
            Work::Embedder(embedder) => self.embedder = Some(embedder),
            Work::Reader(reader) => self.reader = Some(reader),
            Work::Opening => self.opening = true,
            Work::Opened => self.opening = false,
            Work::Ask(question) => self.questions.push_back(*question),
            Work::Embed(passages) => self.batches.push_back(passages),
            Work::Compare(conversation) => self.comparisons.push_back(conversation),
        }
    }

    /// Does the most urgent thing; false when there is nothing to do.
    fn step(&mut self) -> bool {
        if !matches!(self.library, Availability::OnItsWay)
            && !self.opening
            && let Some(question) = self.questions.pop_front()
        {
            self.prepare(question);
            return true;
        }
        if !matches!(self.generator, Availability::OnItsWay)
            && let Some((question, prepared, snapshot)) = self.prepared.pop_front()
        {
            self.complete(&question, prepared, &snapshot);
            return true;
        }
        if !matches!(self.library, Availability::OnItsWay)
            && let Some(conversation) = self.comparisons.pop_front()
        {
            self.compare(&conversation);
            return true;
        }
        if let Some(passages) = self.batches.pop_front() {
            // A receiver that is gone needs no answer.
            let _ = passages.reply.send(self.embed(&passages));
            return true;
        }
        false
    }

    fn prepare(&mut self, question: Question) {
        let library = match &self.library {
            Availability::Here(library) => library,
            Availability::Never(report) => return self.fail(question.id, report.clone()),
            Availability::OnItsWay => return,
        };
        let finders = Finders {
            embedder: self.embedder.as_deref().map(|embedder| embedder as &dyn TextEmbedder),
            reader: self.reader.as_deref().map(|reader| reader as &dyn PairReader),
        };
        let memory = &mut self.memory;
        let prepared = contained(|| {
            let snapshot = library.snapshot()?;
            let request = question.request.clone();
            let mut sink = |event| tell(&self.events, &question, event);
            let prepared = answer::begin(request, &snapshot, finders, memory, &question.cancel, &mut sink)?;
            Ok((prepared, snapshot))
        });
        match prepared {
            // A refusal or a quotation needs no model, and so does not wait for one.
            Ok((prepared, _)) if !prepared.needs_model() => {
                let model = match &self.generator {
                    Availability::Here(generator) => generator.name(),
                    Availability::OnItsWay | Availability::Never(_) => "",
                };
                answer::conclude(prepared, model, &mut |event| tell(&self.events, &question, event));
            }
            Ok((prepared, snapshot)) => self.prepared.push_back((question, prepared, snapshot)),
            Err(error) => self.fail(question.id, Report::new(&error)),
        }
    }

    fn complete(&mut self, question: &Question, prepared: Prepared, snapshot: &Snapshot) {
        let generator = match &mut self.generator {
            Availability::Here(generator) => generator,
            Availability::Never(report) => {
                let report = report.clone();
                return self.fail(question.id, report);
            }
            Availability::OnItsWay => return,
        };
        let (events, prompts, meters) = (&self.events, &self.prompts, &self.meters);
        let result = contained(|| {
            let before = meters.begin();
            let mut sink = |event| {
                if matches!(event, AnswerEvent::Finished(_)) {
                    let _ = events.blocking_send(JobEvent::Metered(question.id, meters.since(&before)));
                }
                tell(events, question, event);
            };
            answer::complete(prepared, snapshot, generator.as_mut(), prompts, &question.cancel, &mut sink)
        });
        if let Err(error) = result {
            self.fail(question.id, Report::new(&error));
        }
    }

    /// Tells what became of the sources of a conversation. Without a library nothing can be told, and that was said already.
    fn compare(&self, conversation: &Conversation) {
        let Availability::Here(library) = &self.library else { return };
        let compared = contained(|| {
            let snapshot = library.snapshot()?;
            conversation.turns.iter().map(|turn| standings(&turn.answer, &snapshot)).collect::<Result<Vec<_>>>()
        });
        let event = match compared {
            Ok(found) => JobEvent::SourcesCompared(conversation.id.clone(), found),
            Err(error) => JobEvent::Failed(Report::new(&error)),
        };
        let _ = self.events.blocking_send(event);
    }

    fn embed(&self, passages: &Passages) -> Embedded {
        let Some(embedder) = &self.embedder else {
            return Embedded::Failed(anyhow::anyhow!("the embedder is not there"));
        };
        if embedder.id() != passages.embedder {
            return Embedded::Superseded;
        }
        let cancel = self.interrupt.arm();
        let texts: Vec<&str> = passages.texts.iter().map(String::as_str).collect();
        match embedder.embed(EmbedKind::Passage, &texts, &cancel) {
            Ok(vectors) => Embedded::Vectors(vectors),
            Err(_) if cancel.is_cancelled() => Embedded::Interrupted,
            Err(error) => Embedded::Failed(error.into()),
        }
    }

    fn fail(&self, id: JobId, report: Report) {
        let _ = self.events.blocking_send(JobEvent::AnswerFailed(id, report));
    }
}

/// Sends a step of an answer; a screen that is gone stops the work.
fn tell(events: &Sender<JobEvent>, question: &Question, event: AnswerEvent) {
    if events.blocking_send(JobEvent::Answer(question.id, event)).is_err() {
        question.cancel.cancel();
    }
}

/// Runs `work` and turns a panic in it into an error, so that a thread can say that it died.
pub(super) fn contained<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
        Err(anyhow::anyhow!("internal error: {}", text.unwrap_or("a background thread panicked")))
    })
}
