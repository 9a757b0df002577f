//! Events → batches. Pure: every moment comes in as a value.
//!
//! A program that saves a file makes a handful of events within milliseconds (write, rename over, a backup that comes and
//! goes); a checkout makes thousands. A path is handed out once it has been quiet, together with the path it was renamed from
//! or to, so that a rename is seen as one; beyond a number of paths nobody keeps a list.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Instant;

use super::{Changes, WatchOptions};

/// What has happened and was not handed out yet.
#[derive(Debug)]
pub(super) struct Debounce {
    options: WatchOptions,
    paths: BTreeMap<PathBuf, Wait>,
    /// Everything is to be handed out, and the list is not kept.
    everything: Option<Wait>,
    /// When everything was handed out last.
    handed_out: Option<Instant>,
}

#[derive(Debug, Clone)]
struct Wait {
    first: Instant,
    last: Instant,
    /// The other side of a rename.
    with: Option<PathBuf>,
}

impl Wait {
    fn new(now: Instant) -> Self {
        Self { first: now, last: now, with: None }
    }

    fn due(&self, options: &WatchOptions) -> Instant {
        (self.last + options.quiet).min(self.first + options.patience)
    }
}

impl Debounce {
    pub(super) fn new(options: WatchOptions) -> Self {
        Self { options, paths: BTreeMap::new(), everything: None, handed_out: None }
    }

    /// Something happened to a path.
    pub(super) fn path(&mut self, path: PathBuf, now: Instant) {
        if let Some(wait) = &mut self.everything {
            wait.last = now;
            return;
        }
        self.paths.entry(path).or_insert_with(|| Wait::new(now)).last = now;
        if self.paths.len() > self.options.storm {
            self.everything(now);
        }
    }

    /// A path became another one.
    pub(super) fn renamed(&mut self, from: PathBuf, to: PathBuf, now: Instant) {
        for (path, other) in [(from.clone(), to.clone()), (to, from)] {
            self.path(path.clone(), now);
            if let Some(wait) = self.paths.get_mut(&path) {
                wait.with = Some(other);
            }
        }
    }

    /// Something happened that no list tells.
    pub(super) fn everything(&mut self, now: Instant) {
        // What waits in the list waits no longer for being part of everything.
        let first = self.paths.values().map(|wait| wait.first).min().unwrap_or(now);
        self.paths.clear();
        self.everything.get_or_insert(Wait { first, ..Wait::new(now) }).last = now;
    }

    /// Whether nothing waits.
    pub(super) fn is_idle(&self) -> bool {
        self.paths.is_empty() && self.everything.is_none()
    }

    /// When [`Self::take`] gives something, unless more happens before.
    pub(super) fn due(&self) -> Option<Instant> {
        match &self.everything {
            Some(wait) => {
                let rested = self.handed_out.map(|at| at + self.options.pause);
                Some(wait.due(&self.options)).max(rested)
            }
            None => self.paths.values().map(|wait| wait.due(&self.options)).min(),
        }
    }

    /// What is due.
    pub(super) fn take(&mut self, now: Instant) -> Option<Changes> {
        if self.due()? > now {
            return None;
        }
        if self.everything.take().is_some() {
            self.handed_out = Some(now);
            return Some(Changes::Everything);
        }
        let due = self.paths.iter().filter(|(_, wait)| wait.due(&self.options) <= now);
        let mut next: Vec<PathBuf> = due.map(|(path, _)| path.clone()).collect();
        let mut taken = BTreeSet::new();
        while let Some(path) = next.pop() {
            if let Some(wait) = self.paths.remove(&path) {
                next.extend(wait.with);
                taken.insert(path);
            }
        }
        Some(Changes::Paths(taken))
    }
}

#[cfg(test)]
mod tests;
