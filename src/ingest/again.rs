//! Reading again what did not change: a person asks for it after a better reader came, or a disk that failed is back.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Context as _, Result};
use tanya_index::{FileStamp, Library, Writer};

use super::watch::Changes;
use crate::paths;

/// What is to be read again, asked for by one thread and taken by the one that writes the library. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Again(Arc<Mutex<Option<Changes>>>);

impl Again {
    /// Adds these to what is to be read again.
    pub fn want(&self, changes: Changes) {
        let mut wanted = self.lock();
        *wanted = Some(match wanted.take() {
            Some(before) => before.and(changes, usize::MAX),
            None => changes,
        });
    }

    /// What was asked for since the last call.
    pub fn take(&self) -> Option<Changes> {
        self.lock().take()
    }

    /// Whether there is something to [`Self::take`].
    pub fn is_waiting(&self) -> bool {
        self.lock().is_some()
    }

    fn lock(&self) -> MutexGuard<'_, Option<Changes>> {
        // A panic of a holder leaves nothing half done here.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Changes {
    /// One file or folder, by its path in the library.
    pub fn at(path: &str) -> Self {
        Self::Paths([paths::decode(path)].into())
    }

    /// Makes the library count what it knows of these paths as never read, so that following them reads all of it again,
    /// changed or not. What is searchable stays so meanwhile, and the same text keeps its vectors.
    ///
    /// The mark is committed: a program that ends before it has followed them reads them at its next start.
    pub fn unsettle(&self, library: &Library, writer: &mut Writer) -> Result<()> {
        let known = match self {
            Self::Everything => library.files(),
            Self::Paths(some) => library.files_at(&some.iter().map(|path| paths::encode(path)).collect::<Vec<_>>()),
        };
        let read = known.context("cannot list what the library knows")?;
        for file in read.into_iter().filter(|file| file.stamp.hash.is_some()) {
            writer.touch(&file.path, &FileStamp { hash: None, ..file.stamp })?;
        }
        writer.commit().context("cannot write the library")?;
        Ok(())
    }
}
