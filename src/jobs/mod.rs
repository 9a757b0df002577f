//! Background work: models, answers, the library and sessions, each on a thread of its own, and what they tell the screen.
//!
//! The screen never computes: it hands a request to [`Jobs`] and receives [`JobEvent`]s through one bounded channel (a slow
//! screen slows the work, not the other way round). Each question has a [`JobId`]; an event of an older id is stale, and its
//! receiver drops it in one place.

mod embed;
mod event;
mod hints;
mod indexing;
mod inference;
mod ledger;
mod load;
mod loader;
mod meters;
mod models;
mod sessions;
mod settings;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow};
use tanya_engine::Cancel;
use tokio::sync::mpsc::Sender;

pub use embed::{Batch, Filled, Until, fill};
pub use event::{IngestEvent, JobEvent, JobId, ModelEvent, Name};
pub use load::{OnDisk, READER_BASE, Supply};
pub use loader::Wanted;
pub use meters::Metered;
pub use models::{ModelEntry, PullStep, Speed};

use crate::answer::{Prompts, Request};
use crate::chat::{Conversation, SessionId, SessionStore};
use crate::config::Setting;
use crate::ingest::{Again, Changes, IngestOptions};
use crate::places::{Folder, Places};
use crate::report::{Hinting as _, Report};
use hints::HintWork;
use indexing::{Awake, Indexing, Order};
use inference::{Inference, Question, Work, Yield, contained};
use ledger::LedgerWork;
use loader::Loader;
use models::PullWork;
use sessions::SessionWork;
use settings::SettingWork;

/// Requests that may wait for a thread; a person cannot fill it.
const INBOX: usize = 64;
/// Questions that can still be cancelled; older ones have ended long ago.
const REMEMBERED: usize = 64;
/// How long leaving waits for threads to store what they have.
const PATIENCE: Duration = Duration::from_secs(2);

/// What the background needs to know.
pub struct Setup {
    /// The documents.
    pub folder: Folder,
    /// Where everything lies.
    pub places: Places,
    /// Where models come from.
    pub supply: Supply,
    /// Which models to start with.
    pub models: Wanted,
    /// How the folder is read.
    pub ingest: IngestOptions,
    /// How the library is opened.
    pub library: tanya_index::Options,
    /// Whether its changes are followed.
    pub watch: bool,
}

/// A handle on the background threads. Dropping it cancels everything.
pub struct Jobs {
    inference: SyncSender<Work>,
    indexing: SyncSender<Order>,
    sessions: SyncSender<SessionWork>,
    settings: SyncSender<SettingWork>,
    catalogue: SyncSender<Wanted>,
    pulls: SyncSender<PullWork>,
    /// Those that go on or wait, by the model's name.
    pulling: BTreeMap<String, Cancel>,
    models: SyncSender<Wanted>,
    ledger: SyncSender<LedgerWork>,
    hints: SyncSender<HintWork>,
    again: Again,
    interrupt: Yield,
    quit: Cancel,
    running: BTreeMap<JobId, Cancel>,
    threads: Vec<JoinHandle<()>>,
}

impl Jobs {
    /// Starts the threads and returns at once; everything they find out comes as an event.
    pub fn start(setup: Setup, events: &Sender<JobEvent>) -> Result<Self> {
        let prompts = Prompts::load(Some(&setup.places.prompts()))?;
        let quit = Cancel::default();
        let interrupt = Yield::default();
        let (inference, inbox) = sync_channel(INBOX);
        let (indexing, orders) = sync_channel(INBOX);
        let (sessions, session_inbox) = sync_channel(INBOX);
        let (settings, setting_inbox) = sync_channel(INBOX);
        let (catalogue, catalogue_inbox) = sync_channel(INBOX);
        let (pulls, pull_inbox) = sync_channel(INBOX);
        let (models, wanted) = sync_channel(INBOX);
        let (ledger, ledger_inbox) = sync_channel(INBOX);
        let (hints, hint_inbox) = sync_channel(INBOX);
        let again = Again::default();
        let mut jobs = Self {
            inference: inference.clone(),
            indexing: indexing.clone(),
            sessions,
            settings,
            catalogue,
            pulls,
            pulling: BTreeMap::new(),
            models,
            ledger: ledger.clone(),
            hints: hints.clone(),
            again: again.clone(),
            interrupt: interrupt.clone(),
            quit: quit.clone(),
            running: BTreeMap::new(),
            threads: Vec::new(),
        };

        let state = Inference::new(events.clone(), prompts, interrupt.clone());
        jobs.spawn("inference", events, move || {
            state.run(&inbox);
            Ok(())
        })?;
        let indexer = Indexing {
            folder: setup.folder,
            options: setup.ingest,
            library: setup.library,
            events: events.clone(),
            inference: inference.clone(),
            ledger,
            hints,
            again,
            cancel: quit.clone(),
            places: setup.places.clone(),
            watch: setup.watch.then(|| Awake { orders: indexing.clone(), interrupt }),
        };
        jobs.spawn("indexing", events, move || indexer.run(&orders))?;
        let ledger_events = events.clone();
        jobs.spawn("ledger", events, move || {
            ledger::list(&ledger_inbox, &ledger_events);
            Ok(())
        })?;
        let hint_events = events.clone();
        jobs.spawn("hints", events, move || {
            hints::hint(&hint_inbox, &hint_events);
            Ok(())
        })?;
        let store = SessionStore::at(setup.places.sessions());
        let (supply, told) = (setup.supply.clone(), events.clone());
        jobs.spawn("catalogue", events, move || {
            models::list(&supply, &store, &catalogue_inbox, &told);
            Ok(())
        })?;
        let (supply, told) = (setup.supply.clone(), events.clone());
        jobs.spawn("pulls", events, move || {
            models::pull(&supply, &pull_inbox, &told);
            Ok(())
        })?;
        let loader = Loader { supply: setup.supply, events: events.clone(), inference, indexing, cancel: quit };
        jobs.spawn("models", events, move || {
            loader.run(&wanted);
            Ok(())
        })?;
        jobs.want(setup.models);
        let (file, setting_events) = (setup.places.config_file(), events.clone());
        jobs.spawn("settings", events, move || {
            settings::keep(&file, &setting_inbox, &setting_events);
            Ok(())
        })?;
        let store = SessionStore::at(setup.places.sessions());
        let session_events = events.clone();
        let comparer = jobs.inference.clone();
        jobs.spawn("sessions", events, move || {
            // A thread that is gone marks nothing.
            let compare = |conversation| drop(comparer.send(Work::Compare(conversation)));
            sessions::keep(&store, &session_inbox, &session_events, &compare);
            Ok(())
        })?;
        Ok(jobs)
    }

    fn spawn(
        &mut self,
        name: &str,
        events: &Sender<JobEvent>,
        work: impl FnOnce() -> Result<()> + Send + 'static,
    ) -> Result<()> {
        let events = events.clone();
        let thread = std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || {
                if let Err(error) = contained(work) {
                    tracing::error!("{error:#}");
                    let _ = events.blocking_send(JobEvent::Failed(Report::new(&error)));
                }
            })
            .with_context(|| format!("cannot start the {name} thread"))?;
        self.threads.push(thread);
        Ok(())
    }

    /// Asks a question; its events carry `id`. Fails when nobody is there to answer.
    pub fn ask(&mut self, id: JobId, request: Request) -> Result<()> {
        let cancel = Cancel::default();
        let question = Question { id, request, cancel: cancel.clone() };
        self.inference
            .try_send(Work::Ask(Box::new(question)))
            .map_err(|_| anyhow!("background work has stopped"))
            .hint("quit and start tanya again; the log says more")?;
        self.interrupt.now();
        self.running.insert(id, cancel);
        if self.running.len() > REMEMBERED {
            self.running.pop_first();
        }
        Ok(())
    }

    /// Stops a question within one step of the model.
    pub fn cancel(&mut self, id: JobId) {
        if let Some(cancel) = self.running.remove(&id) {
            cancel.cancel();
        }
    }

    /// Uses these models from now on; those already in use stay as they are.
    pub fn want(&self, models: Wanted) {
        let _ = self.models.try_send(models);
    }

    /// Lists the files of the library.
    pub fn list_library(&self) {
        let _ = self.ledger.try_send(LedgerWork::List);
    }

    /// Looks for names of files and tags that fit a word, its `@` or `#` included.
    pub fn find_names(&self, word: String) {
        let _ = self.hints.try_send(HintWork::Names(word));
    }

    /// Looks for passages that the words of a question find.
    pub fn preview(&self, question: String) {
        let _ = self.hints.try_send(HintWork::Preview(question));
    }

    /// Has these read again, whether or not they changed: before any more vectors are made, after what is being read now.
    pub fn read_again(&self, changes: Changes) {
        self.again.want(changes);
        // A full channel holds orders that make the thread look too.
        let _ = self.indexing.try_send(Order::Look);
        self.interrupt.now();
    }

    /// Saves the last turn of a conversation.
    pub fn save(&self, conversation: Conversation) {
        let _ = self.sessions.try_send(SessionWork::Save(Box::new(conversation)));
    }

    /// Saves a setting, or removes it from the configuration file. Fails when too many wait already.
    pub fn save_setting(&self, setting: &'static Setting, value: Option<String>) -> Result<()> {
        self.settings
            .try_send(SettingWork { setting, value })
            .map_err(|_| anyhow!("the setting cannot be saved now"))
            .hint("try it again in a moment")
    }

    /// Lists the models on this machine and those of the catalogue; `wanted` may be elsewhere.
    pub fn list_models(&self, wanted: Wanted) {
        let _ = self.catalogue.try_send(wanted);
    }

    /// Pulls a model of the catalogue, after those that were asked for before. `accepted`: the person has accepted its license.
    pub fn pull_model(&mut self, name: String, accepted: bool) {
        let cancel = Cancel::default();
        self.pulling.insert(name.clone(), cancel.clone());
        let _ = self.pulls.try_send(PullWork { name, accepted, cancel });
    }

    /// Stops the pull of a model; what has arrived is kept for the next one.
    pub fn cancel_pull(&mut self, name: &str) {
        if let Some(cancel) = self.pulling.remove(name) {
            cancel.cancel();
        }
    }

    /// Lists conversations.
    pub fn list_sessions(&self) {
        let _ = self.sessions.try_send(SessionWork::List);
    }

    /// Loads a conversation.
    pub fn load_session(&self, id: SessionId) {
        let _ = self.sessions.try_send(SessionWork::Load(id));
    }

    /// Looks for conversations about `folder` that hold all words of `text`.
    pub fn search_sessions(&self, folder: String, text: String) {
        let _ = self.sessions.try_send(SessionWork::Search { folder, text });
    }

    /// Gives a conversation a name.
    pub fn rename_session(&self, id: SessionId, name: String) {
        let _ = self.sessions.try_send(SessionWork::Rename(id, name));
    }

    /// Deletes a conversation for good.
    pub fn remove_session(&self, id: SessionId) {
        let _ = self.sessions.try_send(SessionWork::Remove(id));
    }

    /// Writes a conversation into `dir` as Markdown, under a name that is free.
    pub fn export_session(&self, id: SessionId, dir: PathBuf) {
        let _ = self.sessions.try_send(SessionWork::Export(id, dir));
    }
}

impl Drop for Jobs {
    fn drop(&mut self) {
        self.quit.cancel();
        for cancel in self.running.values().chain(self.pulling.values()) {
            cancel.cancel();
        }
        self.interrupt.now();
        // The watch keeps this channel open. Where it is full the thread is awake and looks at `quit` next.
        let _ = self.indexing.try_send(Order::Look);
        // Closing the channels ends the loops; what is committed is safe, so a thread that lingers is left behind.
        let (closed, _) = sync_channel(1);
        self.inference = closed;
        let (closed, _) = sync_channel(1);
        self.indexing = closed;
        let (closed, _) = sync_channel(1);
        self.sessions = closed;
        let (closed, _) = sync_channel(1);
        self.settings = closed;
        let (closed, _) = sync_channel(1);
        self.catalogue = closed;
        let (closed, _) = sync_channel(1);
        self.pulls = closed;
        let (closed, _) = sync_channel(1);
        self.models = closed;
        let (closed, _) = sync_channel(1);
        self.ledger = closed;
        let (closed, _) = sync_channel(1);
        self.hints = closed;
        let deadline = Instant::now() + PATIENCE;
        for thread in self.threads.drain(..) {
            while !thread.is_finished() && Instant::now() < deadline {
                std::thread::park_timeout(Duration::from_millis(2));
            }
            if thread.is_finished() {
                let _ = thread.join();
            }
        }
    }
}
