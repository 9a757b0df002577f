//! The truth store: one `SQLite` database with files, chunks, vectors and problems.
//!
//! Everything else (word index, vectors in memory) is derived from it and can be thrown away. [`schema`] knows the
//! tables and their versions, [`read`] and [`mod@write`] the statements. A commit is one transaction.
//!
//! Durability: write-ahead log with `synchronous=FULL`. `NORMAL` would do against `kill -9`, but a power cut could
//! then undo commits that were acknowledged; commits come in batches, so the one fsync more costs a few milliseconds
//! a batch.
//!
//! Privacy: `secure_delete` overwrites what is deleted with zeros, and [`vacuum`] and [`empty_log`] reach what that does not: copies that
//! moving rows leaves in pages, older states in the log, and what was deleted before this program overwrote anything.

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

/// A database up to this size is put together in memory by [`vacuum`], a larger one in a file that has no name.
const VACUUM_IN_MEMORY: u64 = 256 << 20;

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
             PRAGMA temp_store = MEMORY; PRAGMA secure_delete = ON; {more}"
        ))?;
        connection.set_prepared_statement_cache_capacity(32);
        Ok(connection)
    };
    open().map_err(Error::sqlite(path))
}

/// Writes the whole database anew, so that no page holds anything but rows that are there. What it was before stays in the log until
/// [`empty_log`]. The file without a name holds only rows that stay.
pub(crate) fn vacuum(connection: &Connection) -> rusqlite::Result<()> {
    let bytes: u64 =
        connection.query_row("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size", [], |row| {
            row.get(0)
        })?;
    if bytes <= VACUUM_IN_MEMORY {
        return connection.execute_batch("VACUUM");
    }
    connection.execute_batch("PRAGMA temp_store = FILE; VACUUM; PRAGMA temp_store = MEMORY")
}

/// Moves the write-ahead log into the database and cuts it to nothing; false if somebody still reads from it after `patience`.
pub(crate) fn empty_log(connection: &Connection, patience: Duration) -> rusqlite::Result<bool> {
    connection.busy_timeout(patience)?;
    let busy = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0));
    connection.busy_timeout(BUSY)?;
    Ok(busy? == 0)
}
