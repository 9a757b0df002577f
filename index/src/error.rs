//! Everything that can go wrong with a library, told apart where a caller acts differently.
//!
//! Damage of a projection (word index, vectors in memory) never shows up here: it is repaired from the
//! truth store and reported as a notice. What is left is the truth store's own trouble, the machine's
//! (permissions, a full disk) and a caller's mistake.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::ErrorCode;
use rusqlite::ffi::SQLITE_IOERR_SHMSIZE;
use tantivy::TantivyError;
use tantivy::directory::error::{LockError, OpenDirectoryError, OpenReadError, OpenWriteError};

/// Why an operation on a library failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Another process or another writer of this process writes to the library. Reading works meanwhile.
    #[error("another process{} is writing to this library", holder_text(*.holder))]
    Locked {
        /// The holder's process id, where it has written one.
        holder: Option<u32>,
    },
    /// A newer program wrote the library. Nothing was touched.
    #[error("{}: written by a newer version of this program (format {found}, this one reads up to {supported})", .path.display())]
    Newer {
        /// The database.
        path: PathBuf,
        /// The format found.
        found: u32,
        /// The newest format that this program reads.
        supported: u32,
    },
    /// The truth store is damaged or is no library at all.
    #[error("{}: {why}", .path.display())]
    Corrupt {
        /// The damaged file.
        path: PathBuf,
        /// What was found.
        why: String,
    },
    /// The file system refused.
    #[error("{}: {source}", .path.display())]
    Io {
        /// What was read or written.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// The truth store refused.
    #[error("{}: {}", .path.display(), truth_cause(source))]
    Sqlite {
        /// The database.
        path: PathBuf,
        /// `SQLite`'s answer.
        source: rusqlite::Error,
    },
    /// The word index refused. The truth store holds what was committed; the index catches up later.
    #[error("{path}: {}", words_cause(source), path = path.display())]
    Words {
        /// The folder of the word index.
        path: PathBuf,
        /// tantivy's answer.
        source: TantivyError,
    },
    /// Something reads a state of the library from before a forgetting: nothing is found of it any more, but not every byte could be
    /// removed. The next start makes up for it, or the same call.
    #[error("{}: it is still being read, so not every byte of what was forgotten could be removed", .path.display())]
    StillRead {
        /// The database.
        path: PathBuf,
    },
    /// A vector has the wrong number of components.
    #[error("a vector has {received} components, the library's embedder gives {expected}")]
    Dimension {
        /// Components that the embedder's vectors have.
        expected: usize,
        /// Components that came.
        received: usize,
    },
    /// A vector holds `NaN` or an infinity.
    #[error("a vector holds a value that is not finite")]
    NotFinite,
    /// A vector is not of unit length.
    #[error("a vector has length {length}, unit length is required")]
    NotUnit {
        /// Its Euclidean length.
        length: f32,
    },
    /// Vectors were given before [`crate::Writer::set_embedder`].
    #[error("no embedder is selected for this library")]
    NoEmbedder,
    /// Vectors of another model than the selected one.
    #[error("vectors of {received} do not fit a library whose vectors come from {selected}")]
    OtherEmbedder {
        /// The selected embedder's id.
        selected: String,
        /// The id that came with the vectors.
        received: String,
    },
    /// The caller no longer wants the search.
    #[error("the search was cancelled")]
    Cancelled,
}

fn holder_text(holder: Option<u32>) -> String {
    holder.map_or_else(String::new, |pid| format!(" (pid {pid})"))
}

impl Error {
    /// Whether the cause is a full disk (or quota): free space and repeat the call; nothing committed is lost.
    pub fn is_disk_full(&self) -> bool {
        match self {
            Error::Io { source, .. } => is_full(source),
            Error::Sqlite { source: rusqlite::Error::SqliteFailure(failure, _), .. } => {
                // The shared-memory file of the write-ahead log cannot be grown for no other common reason.
                failure.code == ErrorCode::DiskFull || failure.extended_code == SQLITE_IOERR_SHMSIZE
            }
            Error::Words { source, .. } => io_cause(source).is_some_and(|cause| is_full(&cause)),
            _ => false,
        }
    }

    pub(crate) fn io(path: &Path) -> impl FnOnce(io::Error) -> Error + use<> {
        let path = path.to_path_buf();
        move |source| Error::Io { path, source }
    }

    pub(crate) fn sqlite(path: &Path) -> impl Fn(rusqlite::Error) -> Error + use<> {
        let path = path.to_path_buf();
        move |source| match source.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                Error::Corrupt { path: path.clone(), why: format!("the database is damaged ({source})") }
            }
            _ => Error::Sqlite { path: path.clone(), source },
        }
    }

    pub(crate) fn words(path: &Path) -> impl Fn(TantivyError) -> Error + use<> {
        let path = path.to_path_buf();
        move |source| Error::Words { path: path.clone(), source }
    }
}

/// What `SQLite`'s error means, in the words that the rest of the machine has for it.
fn truth_cause(error: &rusqlite::Error) -> String {
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => "the disk is full".into(),
        _ => error.to_string(),
    }
}

/// What tantivy's error means: the file system's own words where it is one of those, without the nested debug output.
fn words_cause(error: &TantivyError) -> String {
    match io_cause(error) {
        Some(cause) if is_full(&cause) => "the disk is full".into(),
        Some(cause) => cause.to_string(),
        None => error.to_string(),
    }
}

fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// The file system's error inside one of tantivy's, if that is what it is.
pub(crate) fn io_cause(error: &TantivyError) -> Option<Arc<io::Error>> {
    match error {
        TantivyError::IoError(cause)
        | TantivyError::LockFailure(LockError::IoError(cause), _)
        | TantivyError::OpenDirectoryError(
            OpenDirectoryError::IoError { io_error: cause, .. } | OpenDirectoryError::FailedToCreateTempDir(cause),
        )
        | TantivyError::OpenReadError(OpenReadError::IoError { io_error: cause, .. })
        | TantivyError::OpenWriteError(OpenWriteError::IoError { io_error: cause, .. }) => Some(Arc::clone(cause)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_recognized_wherever_it_shows() {
        let full = || io::Error::from(io::ErrorKind::StorageFull);
        let path = PathBuf::from("x");
        assert!(Error::Io { path: path.clone(), source: full() }.is_disk_full());
        assert!(Error::Words { path: path.clone(), source: TantivyError::from(full()) }.is_disk_full());
        let sqlite = rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_FULL), None);
        let sqlite = Error::sqlite(&path)(sqlite);
        assert!(sqlite.is_disk_full());
        assert_eq!(sqlite.to_string(), "x: the disk is full");
        let denied = io::Error::from(io::ErrorKind::PermissionDenied);
        assert!(!Error::Io { path, source: denied }.is_disk_full());
    }

    #[test]
    fn a_damaged_database_is_told_from_a_refusing_one() {
        let damaged = rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CORRUPT), None);
        assert!(matches!(Error::sqlite(Path::new("x"))(damaged), Error::Corrupt { .. }));
        let busy = rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_BUSY), None);
        assert!(matches!(Error::sqlite(Path::new("x"))(busy), Error::Sqlite { .. }));
    }
}
