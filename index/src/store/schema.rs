//! The tables, their version and the way from an older version to this one.
//!
//! `user_version` is the format; a database of a newer format is refused before anything of it is touched. Migrations
//! run one after the other, each in its own transaction with the version it leads to.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;

use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use super::open;
use crate::error::Error;

/// The format that this program writes, and the newest that it reads.
pub(crate) const VERSION: u32 = MIGRATIONS.len() as u32;

/// Marks the database as a library ("tany"), so that no other program's file is ever migrated.
const APPLICATION_ID: u32 = 0x7461_6e79;

/// `MIGRATIONS[n]` leads from version n to n + 1. Never edited once released.
const MIGRATIONS: [&str; 3] = [
    r"
CREATE TABLE embedders (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,
    dimension INTEGER NOT NULL
) STRICT;

-- One row. words_generation is the generation of the last change that the word index has to follow.
CREATE TABLE library (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    generation INTEGER NOT NULL,
    words_generation INTEGER NOT NULL,
    embedder INTEGER REFERENCES embedders (id)
) STRICT;
INSERT INTO library VALUES (1, 0, 0, NULL);

CREATE TABLE files (
    id INTEGER PRIMARY KEY,
    path TEXT NOT NULL UNIQUE,
    size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    hash BLOB,
    title TEXT NOT NULL,
    state INTEGER NOT NULL,
    reason TEXT
) STRICT;

-- AUTOINCREMENT: an id is never given twice, so the log of removed chunks and old references stay true.
-- generation: when the word index last had to take the chunk up. embedded: whether vectors has its hash.
CREATE TABLE chunks (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    file INTEGER NOT NULL REFERENCES files (id) ON DELETE CASCADE,
    ordinal INTEGER NOT NULL,
    start_line INTEGER NOT NULL,
    end_line INTEGER NOT NULL,
    page INTEGER,
    heading TEXT NOT NULL,
    text TEXT NOT NULL,
    hash BLOB NOT NULL,
    generation INTEGER NOT NULL,
    embedded INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX chunks_by_place ON chunks (file, ordinal);
CREATE INDEX chunks_by_hash ON chunks (hash);
CREATE INDEX chunks_by_generation ON chunks (generation);
CREATE INDEX chunks_to_embed ON chunks (id) WHERE embedded = 0;

-- What the word index may still hold though it is gone; pruned as the index confirms its generations.
CREATE TABLE removed (
    chunk INTEGER PRIMARY KEY,
    generation INTEGER NOT NULL
) STRICT;

-- vector: f32, little-endian, unit length.
CREATE TABLE vectors (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    embedder INTEGER NOT NULL REFERENCES embedders (id) ON DELETE CASCADE,
    hash BLOB NOT NULL,
    vector BLOB NOT NULL,
    UNIQUE (embedder, hash)
) STRICT;
",
    r"
-- Paths that a person had forgotten; with a final / all that is below a folder. Nothing of their content is kept.
CREATE TABLE forgotten (
    path TEXT PRIMARY KEY
) STRICT, WITHOUT ROWID;

-- Each on a line of its own, folded as conditions fold theirs.
ALTER TABLE files ADD COLUMN tags TEXT NOT NULL DEFAULT '';
-- Without a hash a file counts as never read: what may hold tags is read again, its vectors stay.
UPDATE files SET hash = NULL WHERE path LIKE '%.md' OR path LIKE '%.markdown' OR path LIKE '%.mdown' OR path LIKE '%.mkd' OR path LIKE '%.mkdn'
    OR path LIKE '%.mdx' OR path LIKE '%.qmd' OR path LIKE '%.rmd';

-- Whether files of the library may still hold bytes of what was forgotten.
ALTER TABLE library ADD COLUMN cleaning INTEGER NOT NULL DEFAULT 0;
",
    r"
-- What reading a file took and came upon. took_us: microseconds; null where it was not read, or before this was kept.
ALTER TABLE files ADD COLUMN took_us INTEGER;
ALTER TABLE files ADD COLUMN read_bytes INTEGER NOT NULL DEFAULT 0;
ALTER TABLE files ADD COLUMN hidden_words INTEGER NOT NULL DEFAULT 0;
ALTER TABLE files ADD COLUMN hidden_characters INTEGER NOT NULL DEFAULT 0;
ALTER TABLE files ADD COLUMN control_tokens INTEGER NOT NULL DEFAULT 0;
ALTER TABLE files ADD COLUMN instructions INTEGER NOT NULL DEFAULT 0;
",
];

/// Looks at the file's header without opening the database; false if there is no file or nothing in it.
/// The header lags behind a write-ahead log that was not checkpointed: [`prepare`] looks again through `SQLite`.
pub(crate) fn check_header(path: &Path) -> Result<bool, Error> {
    roll_back(path)?;
    let mut header = [0; 100];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut header));
    match read {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
            return match path.metadata().map_err(Error::io(path))?.len() {
                0 => Ok(false),
                _ => Err(corrupt(path, "too short to be a database")),
            };
        }
        Err(error) => return Err(Error::io(path)(error)),
    }
    if !header.starts_with(b"SQLite format 3\0") {
        return Err(corrupt(path, "not a database"));
    }
    // https://www.sqlite.org/fileformat.html: big-endian, user_version at byte 60, application_id at byte 68.
    let number = |at: usize| u32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
    if number(68) != APPLICATION_ID {
        return Err(corrupt(path, "another program's database"));
    }
    refuse_newer(path, number(60))?;
    Ok(true)
}

/// Takes back what a start left half-done that stopped while it created the database. Until the write-ahead log is on, a rollback
/// journal tells what the file has to become again; before that is done its bytes say nothing, and a connection that may
/// only read is refused for good (`SQLITE_READONLY_ROLLBACK`). A finished library never has such a journal.
fn roll_back(path: &Path) -> Result<(), Error> {
    let mut journal = path.as_os_str().to_owned();
    journal.push("-journal");
    if !path.exists() || !Path::new(&journal).metadata().is_ok_and(|metadata| metadata.len() > 0) {
        return Ok(());
    }
    // The first read plays the journal back. One that another start is just writing is left alone, and waited for.
    open(path)?.query_row("PRAGMA schema_version", [], |_| Ok(())).map_err(Error::sqlite(path))
}

fn corrupt(path: &Path, why: &str) -> Error {
    Error::Corrupt { path: path.to_path_buf(), why: why.to_owned() }
}

fn refuse_newer(path: &Path, found: u32) -> Result<(), Error> {
    if found > VERSION {
        return Err(Error::Newer { path: path.to_path_buf(), found, supported: VERSION });
    }
    Ok(())
}

/// Creates the database or brings it to [`VERSION`]. The caller holds the writer lock.
pub(crate) fn prepare(path: &Path) -> Result<(), Error> {
    if check_header(path)? {
        // Read-only: should the log hold a newer version than the header, closing must not write it back.
        let look = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)
            .and_then(|connection| version(&connection))
            .map_err(Error::sqlite(path))?;
        refuse_newer(path, look)?;
        if look == VERSION {
            return Ok(());
        }
    } else {
        create(path).map_err(Error::sqlite(path))?;
    }
    let mut connection = open(path)?;
    // Here, not in [`create`]: a start that was killed before this line left the mode unset.
    write_ahead(&connection).map_err(Error::sqlite(path))?;
    let mut migrate = || {
        for step in version(&connection)?..VERSION {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            transaction.execute_batch(MIGRATIONS[step as usize])?;
            transaction.pragma_update(None, "user_version", step + 1)?;
            transaction.commit()?;
        }
        // So that the header tells the version even if this process is the last to open the database for long.
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
    };
    migrate().map_err(Error::sqlite(path))
}

fn create(path: &Path) -> rusqlite::Result<()> {
    let connection = Connection::open(path)?;
    connection.pragma_update(None, "application_id", APPLICATION_ID)
}

/// Turns the write-ahead log on. The pragma gives its row before it has written anything: only the step after that one tells that the
/// disk took it. Unnoticed, the library would keep its rollback journal, with which readers lock writers out.
fn write_ahead(connection: &Connection) -> rusqlite::Result<()> {
    let mut statement = connection.prepare("PRAGMA journal_mode = WAL")?;
    let mut rows = statement.query([])?;
    while rows.next()?.is_some() {}
    Ok(())
}

/// Whether the tables are as this version wants them.
pub(crate) fn is_current(connection: &Connection) -> bool {
    version(connection).is_ok_and(|found| found == VERSION)
}

fn version(connection: &Connection) -> rusqlite::Result<u32> {
    connection.query_row("PRAGMA user_version", [], |row| row.get(0))
}

#[cfg(test)]
mod tests;
