//! The indexing thread: it owns the writer of the folder's library, brings the library up to date, follows what changes in the
//! folder from then on, and stores vectors.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow};
use tanya_engine::Cancel;
use tanya_index::{Library, Options, Writer};
use tokio::sync::mpsc::Sender;

use super::embed::{self, Batch, Until};
use super::event::{IngestEvent, JobEvent};
use super::hints::HintWork;
use super::inference::{Embedded, Passages, Work, Yield};
use super::ledger::LedgerWork;
use crate::ingest::{Again, Changes, IngestOptions, Progress, Watch, WatchOptions};
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
    /// The folder changed, something is to be read again, or it is time to end.
    Look,
}

/// What a watch on the folder wakes: this thread, also where it waits for vectors.
pub(super) struct Awake {
    pub(super) orders: SyncSender<Order>,
    pub(super) interrupt: Yield,
}

pub(super) struct Indexing {
    pub(super) folder: Folder,
    pub(super) places: Places,
    pub(super) options: IngestOptions,
    pub(super) library: Options,
    pub(super) events: Sender<JobEvent>,
    pub(super) inference: SyncSender<Work>,
    pub(super) ledger: SyncSender<LedgerWork>,
    pub(super) hints: SyncSender<HintWork>,
    /// What a person wants read again.
    pub(super) again: Again,
    pub(super) cancel: Cancel,
    /// `None`: the folder is read once.
    pub(super) watch: Option<Awake>,
}

/// What the thread works with once it may write.
struct Desk<'a> {
    library: &'a Library,
    writer: Writer,
    watch: Option<Watch>,
    /// The inference thread can make vectors.
    has_embedder: bool,
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
        // These threads end only with the program.
        let _ = self.inference.send(Work::Library(Arc::clone(&library)));
        let _ = self.ledger.send(LedgerWork::Library(Arc::clone(&library)));
        let _ = self.hints.send(HintWork::Library(Arc::clone(&library)));
        let Some((writer, waiting)) = self.writer(&library, orders)? else { return Ok(()) };
        let mut desk = Desk { library: &library, writer, watch: self.start_watch()?, has_embedder: false };
        self.attempt(|| self.follow(&mut desk, &Changes::Everything));
        if let Some(order) = waiting {
            self.attempt(|| self.obey(order, &mut desk));
        }
        while let Ok(order) = orders.recv() {
            if self.cancel.is_cancelled() {
                break;
            }
            self.attempt(|| self.obey(order, &mut desk));
        }
        Ok(())
    }

    /// Watches the folder, where that is wanted.
    fn start_watch(&self) -> Result<Option<Watch>> {
        let Some(Awake { orders, interrupt }) = &self.watch else { return Ok(None) };
        let (orders, interrupt) = (orders.clone(), interrupt.clone());
        let wake = move || {
            interrupt.now();
            // A full channel holds orders that make the thread look too.
            let _ = orders.try_send(Order::Look);
        };
        Watch::start(self.folder.path(), WatchOptions::default(), wake).map(Some)
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

    fn obey(&self, order: Order, desk: &mut Desk<'_>) -> Result<()> {
        match order {
            Order::Embedder { id, dimension } => {
                desk.writer.set_embedder(&id, dimension).context("cannot select the embedder")?;
                desk.has_embedder = true;
            }
            Order::Look => {}
        }
        // Words of what changed, then vectors, and again when more changed meanwhile.
        loop {
            for notice in desk.watch.as_ref().map(Watch::notices).unwrap_or_default() {
                self.tell(JobEvent::Notice(notice));
            }
            while let Some(changes) = desk.watch.as_ref().and_then(Watch::take) {
                self.follow(desk, &changes)?;
            }
            while let Some(changes) = self.again.take() {
                changes.unsettle(desk.library, &mut desk.writer)?;
                self.follow(desk, &changes)?;
            }
            let embedder = desk.library.status().context("cannot read the library")?.embedder;
            if let Some(embedder) = embedder.filter(|_| desk.has_embedder) {
                self.fill(desk, &embedder)?;
            }
            if !self.is_behind(desk.watch.as_ref()) || self.cancel.is_cancelled() {
                break;
            }
        }
        self.status(desk.library)?;
        Ok(())
    }

    /// Whether there is something to read before any more vectors are made.
    fn is_behind(&self, watch: Option<&Watch>) -> bool {
        self.again.is_waiting() || watch.is_some_and(Watch::is_waiting)
    }

    /// Brings the library up to date with what changed.
    fn follow(&self, desk: &mut Desk<'_>, changes: &Changes) -> Result<()> {
        let followed = self.read(desk, changes);
        if let (Err(error), Some(watch)) = (&followed, &desk.watch) {
            watch.missed();
            if !self.folder.path().is_dir() {
                // The watch says so, and has it read again when it is back.
                tracing::warn!("{error:#}");
                return Ok(());
            }
        }
        followed
    }

    fn read(&self, desk: &mut Desk<'_>, changes: &Changes) -> Result<()> {
        let library = desk.library;
        let mut last = Instant::now().checked_sub(PACE);
        let mut problem = None;
        let summary = changes.follow(
            self.folder.path(),
            library,
            &mut desk.writer,
            &self.options,
            &self.cancel,
            &mut |progress| match progress {
                Progress::Scanned { files, changed, removed } => {
                    // Of some paths it tells nothing about the folder.
                    if *changes == Changes::Everything {
                        self.tell(JobEvent::Ingest(IngestEvent::Scanned { files, changed, removed }));
                    }
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
        let files = self.status(library)?;
        if *changes != Changes::Everything {
            let read = summary.added + summary.changed + summary.renamed;
            self.tell(JobEvent::Ingest(IngestEvent::Scanned { files, changed: read, removed: summary.removed }));
        }
        Ok(())
    }

    fn fill(&self, desk: &mut Desk<'_>, embedder: &str) -> Result<()> {
        let (library, watch) = (desk.library, desk.watch.as_ref());
        let mut embed = |texts: &[&str]| {
            if self.is_behind(watch) {
                return Ok(Batch::Postponed);
            }
            let (reply, answer) = sync_channel(1);
            let texts = texts.iter().map(|text| (*text).to_owned()).collect();
            if self.inference.send(Work::Embed(Passages { embedder: embedder.to_owned(), texts, reply })).is_err() {
                return Err(anyhow!("the inference thread has ended"));
            }
            match answer.recv() {
                Ok(Embedded::Vectors(vectors)) => Ok(Batch::Vectors(vectors)),
                Ok(Embedded::Failed(error)) => Err(error),
                // Asked again, it says which of the two it was for: a question, or a change.
                Ok(Embedded::Interrupted) => Ok(Batch::Interrupted),
                Ok(Embedded::Superseded) => Ok(Batch::Superseded),
                Err(_) => Err(anyhow!("the inference thread has ended")),
            }
        };
        let writer = &mut desk.writer;
        embed::fill(library, writer, embedder, Until { deadline: None }, &self.cancel, &mut embed, &mut |filled| {
            self.tell(JobEvent::Ingest(IngestEvent::Embedding {
                done: filled.done,
                total: filled.total,
                seconds_left: filled.seconds_left,
            }));
        })?;
        Ok(())
    }

    /// Tells where the library stands; returns how many files it knows.
    fn status(&self, library: &Library) -> Result<u64> {
        let status = library.status().context("cannot read the library")?;
        let files = status.files;
        self.tell(JobEvent::Ingest(IngestEvent::Status(status)));
        Ok(files)
    }

    /// A screen that is gone ends the work.
    fn tell(&self, event: JobEvent) {
        if self.events.blocking_send(event).is_err() {
            self.cancel.cancel();
        }
    }
}
