//! The indexing thread: it owns the writer of the folder's library, brings the library up to date, and stores vectors.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow};
use tanya_engine::Cancel;
use tanya_index::{Library, Options, Writer};
use tokio::sync::mpsc::Sender;

use super::embed::{self, Batch, Until};
use super::event::{IngestEvent, JobEvent};
use super::inference::{Embedded, Passages, Work};
use crate::ingest::{self, IngestOptions, Progress};
use crate::places::{Folder, Places};
use crate::report::Report;

/// Between two events that report progress: a person cannot read faster.
const PACE: Duration = Duration::from_millis(100);

/// Between two tries for a writer that another program has.
const RETRY: Duration = Duration::from_secs(2);

/// What the thread is told besides its task.
pub(super) enum Order {
    /// Vectors can be made now.
    Embedder {
        /// Identifies the model that makes them.
        id: String,
        /// Their length.
        dimension: usize,
    },
}

pub(super) struct Indexing {
    pub(super) folder: Folder,
    pub(super) places: Places,
    pub(super) options: IngestOptions,
    pub(super) library: Options,
    pub(super) events: Sender<JobEvent>,
    pub(super) inference: SyncSender<Work>,
    pub(super) cancel: Cancel,
}

impl Indexing {
    /// Works until every sender of `orders` is gone or the program ends.
    pub(super) fn run(&self, orders: &Receiver<Order>) -> Result<()> {
        let opened = Library::open_with(&self.places.library(&self.folder), &self.library)
            .with_context(|| format!("{}: cannot open its library", self.folder.display()));
        let library = match opened {
            Ok(library) => Arc::new(library),
            Err(error) => {
                let _ = self.inference.send(Work::NoLibrary(Report::new(&error)));
                return Err(error);
            }
        };
        for notice in library.notices() {
            self.tell(JobEvent::Notice(notice.clone()));
        }
        self.status(&library)?;
        // The inference thread ends only with the program.
        let _ = self.inference.send(Work::Library(Arc::clone(&library)));
        let Some((mut writer, waiting)) = self.writer(&library, orders)? else { return Ok(()) };
        self.attempt(|| self.update(&library, &mut writer));
        if let Some(order) = waiting {
            self.attempt(|| self.obey(order, &library, &mut writer));
        }
        while let Ok(order) = orders.recv() {
            if self.cancel.is_cancelled() {
                break;
            }
            self.attempt(|| self.obey(order, &library, &mut writer));
        }
        Ok(())
    }

    /// The writer, as soon as no other program has it, and the last order that came meanwhile. Until then this program reads
    /// what the other one commits. `None` when it is time to end.
    fn writer(&self, library: &Library, orders: &Receiver<Order>) -> Result<Option<(Writer, Option<Order>)>> {
        let mut waiting = None;
        loop {
            match library.writer() {
                Ok(writer) => return Ok(Some((writer, waiting))),
                Err(tanya_index::Error::Locked { holder }) => {
                    self.tell(JobEvent::Ingest(IngestEvent::ReadOnly { holder }));
                }
                Err(error) => return Err(error).context("cannot write the library"),
            }
            match orders.recv_timeout(RETRY) {
                Ok(order) => waiting = Some(order),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Ok(None),
            }
            if self.cancel.is_cancelled() {
                return Ok(None);
            }
            self.status(library)?;
        }
    }

    /// Does one piece of work; when it fails, says so and leaves the thread ready for the next.
    fn attempt(&self, work: impl FnOnce() -> Result<()>) {
        if let Err(error) = work() {
            tracing::error!("{error:#}");
            self.tell(JobEvent::Failed(Report::new(&error)));
        }
        self.tell(JobEvent::Ingest(IngestEvent::Idle));
    }

    fn obey(&self, order: Order, library: &Library, writer: &mut Writer) -> Result<()> {
        match order {
            Order::Embedder { id, dimension } => {
                writer.set_embedder(&id, dimension).context("cannot select the embedder")?;
            }
        }
        if let Some(embedder) = library.status().context("cannot read the library")?.embedder {
            self.fill(library, writer, &embedder)?;
        }
        self.status(library)
    }

    fn update(&self, library: &Library, writer: &mut Writer) -> Result<()> {
        let mut last = Instant::now().checked_sub(PACE);
        let mut problem = None;
        ingest::update(
            self.folder.path(),
            library,
            writer,
            &self.options,
            &self.cancel,
            &mut |progress| match progress {
                Progress::Scanned { files, changed, removed } => {
                    self.tell(JobEvent::Ingest(IngestEvent::Scanned { files, changed, removed }));
                }
                Progress::File { path, done, total } => {
                    if last.is_none_or(|last| last.elapsed() >= PACE) {
                        last = Some(Instant::now());
                        self.tell(JobEvent::Ingest(IngestEvent::Reading { path, done, total }));
                    }
                }
                Progress::Committed { .. } => {
                    if let Err(error) = self.status(library) {
                        problem.get_or_insert(error);
                    }
                }
                Progress::Problem(_) => {}
            },
        )?;
        if let Some(error) = problem {
            return Err(error);
        }
        self.status(library)
    }

    fn fill(&self, library: &Library, writer: &mut Writer, embedder: &str) -> Result<()> {
        let mut embed = |texts: &[&str]| {
            let (reply, answer) = sync_channel(1);
            let texts = texts.iter().map(|text| (*text).to_owned()).collect();
            if self.inference.send(Work::Embed(Passages { embedder: embedder.to_owned(), texts, reply })).is_err() {
                return Err(anyhow!("the inference thread has ended"));
            }
            match answer.recv() {
                Ok(Embedded::Vectors(vectors)) => Ok(Batch::Vectors(vectors)),
                Ok(Embedded::Failed(error)) => Err(error),
                Ok(Embedded::Interrupted) => Ok(Batch::Interrupted),
                Ok(Embedded::Superseded) => Ok(Batch::Superseded),
                Err(_) => Err(anyhow!("the inference thread has ended")),
            }
        };
        embed::fill(library, writer, embedder, Until { deadline: None }, &self.cancel, &mut embed, &mut |filled| {
            self.tell(JobEvent::Ingest(IngestEvent::Embedding {
                done: filled.done,
                total: filled.total,
                seconds_left: filled.seconds_left,
            }));
        })?;
        Ok(())
    }

    fn status(&self, library: &Library) -> Result<()> {
        let status = library.status().context("cannot read the library")?;
        self.tell(JobEvent::Ingest(IngestEvent::Status(status)));
        Ok(())
    }

    /// A screen that is gone ends the work.
    fn tell(&self, event: JobEvent) {
        if self.events.blocking_send(event).is_err() {
            self.cancel.cancel();
        }
    }
}
