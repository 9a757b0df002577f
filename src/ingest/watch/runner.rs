//! The thread of a watch: it keeps the watches on the folders, hands batches out, and looks by itself where watches fail.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};
use std::time::Instant;

use notify::{Config, ErrorKind, RecommendedWatcher, RecursiveMode, Watcher as _};

use super::place::{Identity, identity, is_remote};
use super::{Changes, Shared};
use crate::ingest::scan::{self, Scope};

/// One watch of a folder that covers all below it, where it costs no more than one that does not: `FSEvents`. inotify needs one
/// for each folder either way, and notify would set them on ignored ones too.
const DEEP: bool = cfg!(target_os = "macos");

/// Folders that appear while others are listed are found by listing again, this often at most: a later one makes an event.
const PASSES: usize = 8;

/// Why the thread wakes.
enum Step {
    Stop,
    Look,
    Changes(Changes),
}

/// The thread's state.
pub(super) struct Runner {
    root: PathBuf,
    shared: Arc<Shared>,
    wake: Box<dyn Fn() + Send>,
    watcher: Option<RecommendedWatcher>,
    /// Folders with a watch, as far as events have not said otherwise; absolute.
    watched: BTreeSet<PathBuf>,
    /// The folder that is watched; `None` while there is none.
    identity: Option<Identity>,
    /// That it is gone was said.
    is_gone: bool,
    /// Watches do not tell everything.
    polls: bool,
}

impl Runner {
    pub(super) fn new(root: PathBuf, shared: Arc<Shared>, wake: Box<dyn Fn() + Send>) -> Self {
        let watched = BTreeSet::new();
        Self { root, shared, wake, watcher: None, watched, identity: None, is_gone: false, polls: false }
    }

    /// Works until it is stopped.
    pub(super) fn run(mut self) {
        self.look();
        loop {
            match self.wait() {
                Step::Stop => return,
                Step::Look => self.look(),
                Step::Changes(changes) => self.pass_on(changes),
            }
        }
    }

    fn wait(&self) -> Step {
        let mut state = self.shared.lock();
        loop {
            if state.stop {
                return Step::Stop;
            }
            let now = Instant::now();
            if let Some(changes) = state.debounce.take(now) {
                return Step::Changes(changes);
            }
            if state.look_at.take_if(|at| *at <= now).is_some() {
                return Step::Look;
            }
            state = match [state.debounce.due(), state.look_at].into_iter().flatten().min() {
                Some(due) => {
                    let waited = self.shared.changed.wait_timeout(state, due.saturating_duration_since(now));
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
                None => self.shared.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }

    /// Looks whether the folder is there, and has it compared as a whole.
    fn look(&mut self) {
        let found = identity(&self.root);
        if found.is_none() {
            return self.gone();
        }
        if found != self.identity {
            self.identity = found;
            self.set_up();
        } else if self.polls {
            self.watch(None);
        }
        self.hand_out(Changes::Everything);
    }

    /// Takes a batch: new folders get their watches before anybody lists them.
    fn pass_on(&mut self, changes: Changes) {
        let found = identity(&self.root);
        if found.is_none() || found != self.identity {
            return self.look();
        }
        match &changes {
            Changes::Everything => {
                let before = std::mem::take(&mut self.watched);
                self.watch(None);
                if let Some(watcher) = &mut self.watcher {
                    for folder in before.difference(&self.watched) {
                        // It may have gone with its folder.
                        let _ = watcher.unwatch(folder);
                    }
                }
            }
            Changes::Paths(paths) => {
                // notify drops the watches of what is moved or removed; setting one that is still there changes nothing.
                let scope = Scope::new(paths);
                let root = &self.root;
                self.watched.retain(|folder| folder.strip_prefix(root).is_ok_and(|folder| !scope.covers(folder)));
                self.watch(Some(&scope));
            }
        }
        self.hand_out(changes);
    }

    fn gone(&mut self) {
        self.identity = None;
        self.watcher = None;
        self.watched.clear();
        if !self.is_gone {
            self.is_gone = true;
            self.say("the folder is gone: what is known of it stays, and it is read again when it is back".to_owned());
        }
        self.shared.look_by(Instant::now() + self.shared.options.search);
    }

    /// Watches the folder from the beginning.
    fn set_up(&mut self) {
        if std::mem::take(&mut self.is_gone) {
            self.say("the folder is back".to_owned());
        }
        self.watched.clear();
        let (shared, root) = (Arc::clone(&self.shared), self.root.clone());
        let hear = move |event: notify::Result<notify::Event>| shared.hear(&root, &event);
        match RecommendedWatcher::new(hear, Config::default().with_follow_symlinks(false)) {
            Ok(watcher) => self.watcher = Some(watcher),
            Err(error) => {
                self.watcher = None;
                self.poll(&format!("the folder cannot be watched ({error})"));
            }
        }
        if is_remote(&self.root) {
            self.poll("the folder may be changed from other machines");
        }
        self.watch(None);
    }

    /// Sets watches on the folders that a scan enters, or on those of a part.
    fn watch(&mut self, scope: Option<&Scope>) {
        for _ in 0..PASSES {
            let known = self.watched.len();
            if let Err(why) = self.watch_once(scope) {
                return self.poll(why);
            }
            // Until a listing finds no folder without a watch: what came before its watch was set made no event.
            if self.watched.len() == known {
                return;
            }
        }
    }

    /// Adds the watches that are missing; an error says why more cannot be set.
    fn watch_once(&mut self, scope: Option<&Scope>) -> Result<(), &'static str> {
        let Some(watcher) = &mut self.watcher else { return Ok(()) };
        if DEEP {
            let new = self.watched.insert(self.root.clone());
            return if new { set(watcher, &self.root, RecursiveMode::Recursive).map(|_| ()) } else { Ok(()) };
        }
        for folder in scan::folders(&self.root, scope) {
            if self.shared.lock().stop {
                return Ok(());
            }
            if !self.watched.contains(&folder) && set(watcher, &folder, RecursiveMode::NonRecursive)? {
                self.watched.insert(folder);
            }
        }
        Ok(())
    }

    /// From now on the folder is looked at from time to time too.
    fn poll(&mut self, why: &str) {
        if !self.polls {
            self.polls = true;
            let every = self.shared.options.poll.as_secs();
            self.say(format!("{why}: changes are looked for every {every} s"));
        }
    }

    fn say(&self, line: String) {
        tracing::info!("{line}");
        self.shared.lock().notices.push(line);
        (self.wake)();
    }

    fn hand_out(&self, changes: Changes) {
        let options = &self.shared.options;
        {
            let mut state = self.shared.lock();
            let before = state.changes.take();
            state.changes = Some(match before {
                Some(before) => before.and(changes, options.storm),
                None => changes,
            });
        }
        if self.polls {
            self.shared.look_by(Instant::now() + options.poll);
        }
        (self.wake)();
    }
}

/// Sets one watch. `false`: there is nothing to watch, as another event tells or will tell; an error: none can be set.
fn set(watcher: &mut RecommendedWatcher, folder: &Path, mode: RecursiveMode) -> Result<bool, &'static str> {
    let Err(error) = watcher.watch(folder, mode) else { return Ok(true) };
    match &error.kind {
        ErrorKind::PathNotFound => Ok(false),
        ErrorKind::Io(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory | io::ErrorKind::PermissionDenied
            ) =>
        {
            Ok(false)
        }
        ErrorKind::MaxFilesWatch => Err("the system's limit of watched folders is reached"),
        _ => {
            tracing::warn!(%error, folder = %folder.display(), "a folder cannot be watched");
            Err("a part of the folder cannot be watched")
        }
    }
}

#[cfg(test)]
mod tests;
