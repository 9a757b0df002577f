//! The truth store: one `SQLite` database with files, chunks, vectors and problems.
//!
//! Everything else (word index, vectors in memory) is derived from it and can be thrown away. [`schema`] knows the
//! tables and their versions, [`read`] and [`mod@write`] the statements. A commit is one transaction.
//!
//! Durability: write-ahead log with `synchronous=FULL`. `NORMAL` would do against `kill -9`, but a power cut could
//! then undo commits that were acknowledged; commits come in batches, so the one fsync more costs a few milliseconds
//! a batch.

#[cfg(test)]
mod plans;
pub(crate) mod read;
pub(crate) mod schema;
pub(crate) mod write;

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use crate::error::Error;

/// How long a statement waits for another process's checkpoint or commit: the longest commit of a large batch stays below.
const BUSY: Duration = Duration::from_secs(10);

/// Opens a connection that may write. The schema must be in place ([`schema::prepare`]).
pub(crate) fn open(path: &Path) -> Result<Connection, Error> {
    connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE, "")
}

/// Opens a connection that never writes rows.
pub(crate) fn open_to_read(path: &Path) -> Result<Connection, Error> {
    // Not `SQLITE_OPEN_READ_ONLY`: a reader of a write-ahead log has to be able to create and recover its index.
    connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE, "PRAGMA query_only = ON;")
}

fn connect(path: &Path, flags: OpenFlags, more: &str) -> Result<Connection, Error> {
    let open = || {
        let connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
        connection.busy_timeout(BUSY)?;
        // A damaged or planted database must not run its own triggers' functions or be read past a broken cell.
        connection.execute_batch(&format!(
            "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;
             PRAGMA temp_store = MEMORY; {more}"
        ))?;
        connection.set_prepared_statement_cache_capacity(32);
        Ok(connection)
    };
    open().map_err(Error::sqlite(path))
}
