//! One writer per library, across processes: an advisory lock on `writer.lock`.
//!
//! The kernel frees the lock when its holder dies, however it dies, so no start ever needs a manual step. The holder's
//! process id stands in the file while the lock is held and is erased on a clean release: an id found on
//! taking the lock means that the last writer was killed, and that its work deserves a closer look.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::time::Duration;

use crate::error::Error;

/// The right to change a library. Held by a writer and during repairs.
#[derive(Debug)]
pub(crate) struct WriterLock {
    file: File,
    stopped_uncleanly: bool,
}

impl WriterLock {
    /// Takes the lock without waiting; [`Error::Locked`] names the holder.
    pub(crate) fn try_acquire(path: &Path) -> Result<Self, Error> {
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(Error::io(path))?;
        let locked = file.try_lock();
        let mut noted = String::new();
        // A note that is not text is no process id: nothing depends on it.
        let _ = file.read_to_string(&mut noted);
        let noted: Option<u32> = noted.trim().parse().ok();
        match locked {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(Error::Locked { holder: noted }),
            Err(TryLockError::Error(source)) => return Err(Error::io(path)(source)),
        }
        file.set_len(0)
            .and_then(|()| file.seek(SeekFrom::Start(0)))
            .and_then(|_| writeln!(file, "{}", std::process::id()))
            .map_err(Error::io(path))?;
        Ok(Self { file, stopped_uncleanly: noted.is_some() })
    }

    /// Whether the holder before this one was killed.
    pub(crate) fn stopped_uncleanly(&self) -> bool {
        self.stopped_uncleanly
    }
}

impl Drop for WriterLock {
    fn drop(&mut self) {
        // If this fails, the next start checks more than it had to.
        let _ = self.file.set_len(0);
        // Closing is not enough: a child between its fork and its exec has a copy of the file, which would go on holding the lock.
        let _ = self.file.unlock();
    }
}

/// Gives another process a moment to go on with what it holds the lock for.
#[expect(clippy::disallowed_methods, reason = "another process's progress is no event that this one could wait on")]
pub(crate) fn wait_a_moment() {
    std::thread::sleep(Duration::from_millis(5));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_holder_is_refused_and_told_who_holds() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("writer.lock");
        let first = WriterLock::try_acquire(&path).unwrap();
        match WriterLock::try_acquire(&path) {
            Err(Error::Locked { holder }) => assert_eq!(holder, Some(std::process::id())),
            other => panic!("{other:?}"),
        }
        drop(first);
        assert!(!WriterLock::try_acquire(&path).unwrap().stopped_uncleanly());
    }

    #[test]
    fn a_released_lock_is_free_even_while_a_child_that_was_just_forked_has_a_copy() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("writer.lock");
        let held = WriterLock::try_acquire(&path).unwrap();
        let copy = held.file.try_clone().unwrap();
        drop(held);
        assert!(WriterLock::try_acquire(&path).is_ok());
        drop(copy);
    }

    #[test]
    fn a_process_id_left_behind_tells_of_a_killed_writer() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("writer.lock");
        std::fs::write(&path, "4242\n").unwrap();
        assert!(WriterLock::try_acquire(&path).unwrap().stopped_uncleanly());
    }
}
