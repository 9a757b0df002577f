//! One pull of a model at a time, over threads and processes.
//!
//! The lock is the operating system's on an open file, so a killed process leaves nothing to clean up. The file itself
//! stays: removing it would let two holders lock two different files of one name. It holds the holder's process id,
//! for display only.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::Duration;

use tanya_engine::Cancel;

use super::error::Failure;

/// Between two looks at a lock that another holds.
const LOOK_AGAIN: Duration = Duration::from_millis(50);
/// Looks at a lock whose holder has not written who it is before that is told as unknown: it has just got the lock.
const LOOKS_FOR_A_NAME: u32 = 20;

/// Held until dropped.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

/// Who has the lock.
#[derive(Debug)]
pub(super) enum Attempt {
    Held(Lock),
    Taken { holder: Option<u32> },
}

impl Lock {
    /// Looks once.
    pub(super) fn attempt(path: &Path) -> Result<Attempt, Failure> {
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path)
            .map_err(|error| Failure::disk(path, "open the lock", error))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                let holder = file.read_to_string(&mut text).ok().and_then(|_| text.trim().parse().ok());
                return Ok(Attempt::Taken { holder });
            }
            // A file system without locks (some network mounts): files still arrive whole by rename and are hashed,
            // so two pulls at once waste work and damage nothing.
            Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => {}
            Err(TryLockError::Error(error)) => return Err(Failure::disk(path, "lock the model", error)),
        }
        let written =
            file.set_len(0).and_then(|()| file.rewind()).and_then(|()| write!(file, "{}", std::process::id()));
        written.map_err(|error| Failure::disk(path, "write the lock", error))?;
        Ok(Attempt::Held(Self { _file: file }))
    }

    /// Waits until the lock is free; `waiting` is called once, with the holder, if it is not.
    pub(super) fn wait(path: &Path, cancel: &Cancel, waiting: impl FnOnce(Option<u32>)) -> Result<Self, Failure> {
        let mut waiting = Some(waiting);
        let mut looks = 0;
        loop {
            match Self::attempt(path)? {
                Attempt::Held(lock) => return Ok(lock),
                Attempt::Taken { holder } => {
                    looks += 1;
                    if (holder.is_some() || looks == LOOKS_FOR_A_NAME)
                        && let Some(tell) = waiting.take()
                    {
                        tell(holder);
                    }
                }
            }
            if cancel.is_cancelled() {
                return Err(Failure::Cancelled);
            }
            std::thread::park_timeout(LOOK_AGAIN);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_holder_is_told_the_first_and_gets_the_lock_after_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("m.lock");
        let Attempt::Held(first) = Lock::attempt(&path).unwrap() else { panic!("a fresh lock is taken") };
        let Attempt::Taken { holder } = Lock::attempt(&path).unwrap() else { panic!("locked twice") };
        assert_eq!(holder, Some(std::process::id()));
        drop(first);
        assert!(matches!(Lock::attempt(&path).unwrap(), Attempt::Held(_)));
    }

    #[test]
    fn waiting_for_a_lock_ends_with_cancel() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("m.lock");
        let _held = Lock::attempt(&path).unwrap();
        let cancel = Cancel::default();
        let mut told = 0;
        let result = Lock::wait(&path, &cancel, |_| {
            told += 1;
            cancel.cancel();
        });
        assert!(matches!(result, Err(Failure::Cancelled)));
        assert_eq!(told, 1);
    }
}
