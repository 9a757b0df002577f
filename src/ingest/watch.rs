//! What changed in the folder since it was read last: [`Changes`], gathered while a [`Watch`] lives.
//!
//! | module | does |
//! |---|---|
//! | `debounce` | single events → batches after a quiet time, or "everything" when there are too many (pure) |
//! | `event` | an event of the operating system → what it says about the folder (pure) |
//! | `runner` | the thread: keeps the watches on the folders, looks for changes itself where watches fail |
//! | `place` | whether the folder is still the same one, and on what it lies |
//!
//! Folders are watched one by one along the scan's own walk, not as one tree: what is ignored (`target`, `node_modules`, `.git`)
//! neither wakes anybody nor uses up the system's watches. A folder is watched before it is listed, so that nothing falls
//! between. (On macOS one watch costs the same for any depth, and the root is watched with all below it.)
//!
//! Invariants: a change is handed out, or "everything" is; after the last one the library equals that of a fresh scan. The
//! thread sleeps while nothing changes. Nothing is opened here but folders and ignore files, and links are not followed.

mod debounce;
mod event;
mod place;
mod runner;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use tanya_engine::Cancel;
use tanya_index::{Library, Writer};

use super::{IngestOptions, Progress, Summary, update, update_paths};
use debounce::Debounce;
use runner::Runner;

/// What may have changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Changes {
    /// These paths, relative to the folder; what is named may be a folder, with all below it, or be gone.
    Paths(BTreeSet<PathBuf>),
    /// Anything: the whole folder is to be compared.
    Everything,
}

impl Changes {
    /// Both; too many paths are everything.
    pub(super) fn and(self, other: Self, storm: usize) -> Self {
        match (self, other) {
            (Self::Paths(mut paths), Self::Paths(more)) => {
                paths.extend(more);
                if paths.len() > storm { Self::Everything } else { Self::Paths(paths) }
            }
            _ => Self::Everything,
        }
    }

    /// Brings a library up to date with the changes; see [`update`] and [`update_paths`].
    pub fn follow(
        &self,
        folder: &Path,
        library: &Library,
        writer: &mut Writer,
        options: &IngestOptions,
        cancel: &Cancel,
        sink: &mut dyn FnMut(Progress),
    ) -> Result<Summary> {
        match self {
            Self::Everything => update(folder, library, writer, options, cancel, sink),
            Self::Paths(paths) => update_paths(folder, library, writer, paths, options, cancel, sink),
        }
    }
}

/// How a folder is watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WatchOptions {
    /// A path is handed out when nothing has happened to it for so long …
    pub quiet: Duration,
    /// … and, where something happens all the time, so long after the first event.
    pub patience: Duration,
    /// More paths than this are not worth a list.
    pub storm: usize,
    /// Between two times that everything is handed out because of events: reading a large folder makes events itself.
    pub pause: Duration,
    /// Between two looks at the whole folder where it cannot be watched.
    pub poll: Duration,
    /// Between two looks for a folder that is gone.
    pub search: Duration,
}

impl Default for WatchOptions {
    fn default() -> Self {
        Self {
            quiet: Duration::from_millis(300),
            patience: Duration::from_secs(2),
            storm: 1000,
            pause: Duration::from_secs(5),
            poll: Duration::from_mins(1),
            search: Duration::from_secs(2),
        }
    }
}

/// A watched folder. Dropping it ends the watch at once.
#[derive(Debug)]
pub struct Watch {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Watch {
    /// Watches the folder at `root` and returns at once. When the watches are set, everything counts as changed: what happened
    /// meanwhile was not seen. `wake` is called from another thread whenever there is something to [`Watch::take`] or to say.
    ///
    /// Fails only when no thread can be started: a folder that is gone or cannot be watched is looked at from time to time,
    /// which [`Watch::notices`] say.
    pub fn start(root: &Path, options: WatchOptions, wake: impl Fn() + Send + 'static) -> Result<Self> {
        let root = std::fs::canonicalize(root).unwrap_or_else(|_| root.to_owned());
        let shared = Arc::new(Shared::new(options));
        Self::of(Runner::new(root, Arc::clone(&shared), Box::new(wake)), shared)
    }

    fn of(runner: Runner, shared: Arc<Shared>) -> Result<Self> {
        let thread = std::thread::Builder::new()
            .name("watch".into())
            .spawn(move || runner.run())
            .context("cannot start the thread that watches the folder")?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// What changed since the last call.
    pub fn take(&self) -> Option<Changes> {
        self.shared.lock().changes.take()
    }

    /// Whether there is something to [`Watch::take`] or to say.
    pub fn is_waiting(&self) -> bool {
        let state = self.shared.lock();
        state.changes.is_some() || !state.notices.is_empty()
    }

    /// Takes what a person should know: that the folder is gone or back, or that it cannot be watched. A line each.
    pub fn notices(&self) -> Vec<String> {
        std::mem::take(&mut self.shared.lock().notices)
    }

    /// Says that changes that were taken could not be followed: everything is handed out again some time later.
    pub fn missed(&self) {
        self.shared.look_by(Instant::now() + self.shared.options.poll);
        self.shared.changed.notify_all();
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.shared.lock().stop = true;
        self.shared.changed.notify_all();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// What the thread, the operating system's events and the owner share.
#[derive(Debug)]
struct Shared {
    options: WatchOptions,
    state: Mutex<State>,
    /// Wakes the thread.
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    debounce: Debounce,
    /// Ready to be taken.
    changes: Option<Changes>,
    notices: Vec<String>,
    /// When the whole folder is to be looked at, whatever is seen of it.
    look_at: Option<Instant>,
    stop: bool,
}

impl Shared {
    fn new(options: WatchOptions) -> Self {
        let debounce = Debounce::new(options);
        let state = State { debounce, changes: None, notices: Vec::new(), look_at: None, stop: false };
        Self { options, state: Mutex::new(state), changed: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic of a holder leaves nothing half done here.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes an event. Never waits for the owner or the thread: both may be waiting for the one that brings it.
    fn hear(&self, root: &Path, event: &notify::Result<notify::Event>) {
        let mut state = self.lock();
        let was_idle = state.debounce.is_idle();
        event::note(&mut state.debounce, root, event, Instant::now());
        // A later event never makes an earlier moment: the thread need not hear of it.
        if was_idle && !state.debounce.is_idle() {
            drop(state);
            self.changed.notify_all();
        }
    }

    /// Has the whole folder looked at by `at`.
    fn look_by(&self, at: Instant) {
        let mut state = self.lock();
        state.look_at = Some(state.look_at.map_or(at, |earlier| earlier.min(at)));
    }
}
