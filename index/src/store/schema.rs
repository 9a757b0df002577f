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
mod tests {
    use super::*;

    fn bytes_of(dir: &Path) -> Vec<(String, Vec<u8>)> {
        let mut files: Vec<_> = std::fs::read_dir(dir)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .map(|path| (path.display().to_string(), std::fs::read(&path).unwrap()))
            .collect();
        files.sort();
        files
    }

    #[test]
    fn a_writer_finishes_a_change_of_the_tables_whose_process_was_killed_after_this_one_opened() {
        let dir = tempfile::tempdir().unwrap();
        let library = crate::Library::open(dir.path()).unwrap();
        let path = dir.path().join("library.sqlite");
        let connection = Connection::open(&path).unwrap();
        for column in ["took_us", "read_bytes", "hidden_words", "hidden_characters", "control_tokens", "instructions"] {
            connection.execute_batch(&format!("ALTER TABLE files DROP COLUMN {column}")).unwrap();
        }
        connection.pragma_update(None, "user_version", VERSION - 1).unwrap();
        assert!(!is_current(&connection));
        let mut writer = library.writer().unwrap();
        assert!(is_current(&connection));
        writer
            .upsert(crate::types::Document {
                path: "a.md".into(),
                stamp: crate::types::FileStamp { size: 1, mtime_ns: 1, hash: None },
                title: String::new(),
                tags: Vec::new(),
                chunks: Vec::new(),
                state: crate::types::FileState::Indexed,
                reason: None,
                reading: None,
            })
            .unwrap();
        writer.commit().unwrap();
    }

    #[test]
    fn a_newer_database_is_refused_and_untouched() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("library.sqlite");
        prepare(&path).unwrap();
        let connection = Connection::open(&path).unwrap();
        connection.pragma_update(None, "user_version", VERSION + 1).unwrap();
        connection.close().unwrap();
        let before = bytes_of(dir.path());
        match prepare(&path) {
            Err(Error::Newer { found, supported, .. }) => assert_eq!((found, supported), (VERSION + 1, VERSION)),
            other => panic!("{other:?}"),
        }
        assert_eq!(bytes_of(dir.path()), before);
    }

    #[test]
    fn a_newer_version_that_only_the_log_knows_is_refused_too() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("library.sqlite");
        prepare(&path).unwrap();
        let holder = Connection::open(&path).unwrap();
        holder.pragma_update(None, "user_version", VERSION + 1).unwrap();
        let database = std::fs::read(&path).unwrap();
        assert!(matches!(prepare(&path), Err(Error::Newer { .. })));
        assert_eq!(std::fs::read(&path).unwrap(), database);
    }

    #[test]
    fn what_is_no_database_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("library.sqlite");
        for content in [b"short".to_vec(), vec![b'x'; 500]] {
            std::fs::write(&path, &content).unwrap();
            assert!(matches!(prepare(&path), Err(Error::Corrupt { .. })));
            assert_eq!(std::fs::read(&path).unwrap(), content);
        }
    }

    /// What a start leaves that is killed after it has written the database and before it has removed the journal.
    #[test]
    fn a_creation_that_was_cut_off_is_taken_back_and_done_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("library.sqlite");
        let journal = dir.path().join("library.sqlite-journal");
        // The journal of a database that was empty before: a header without pages (https://www.sqlite.org/fileformat.html).
        let mut header = vec![0; 512];
        header[..8].copy_from_slice(&[0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7]);
        header[20..24].copy_from_slice(&512_u32.to_be_bytes());
        header[24..28].copy_from_slice(&4096_u32.to_be_bytes());
        create(&path).unwrap();
        let whole = std::fs::read(&path).unwrap();
        // Whole, torn within, torn off, or without its first sector.
        let (mut torn, mut headless) = (whole.clone(), whole.clone());
        torn[512..].fill(0);
        headless[..512].fill(0);
        for bytes in [whole.clone(), torn, whole[..512].to_vec(), headless] {
            for end in ["", "-wal", "-shm"] {
                let _ = std::fs::remove_file(dir.path().join(format!("library.sqlite{end}")));
            }
            std::fs::write(&path, bytes).unwrap();
            std::fs::write(&journal, &header).unwrap();
            prepare(&path).unwrap();
            assert!(check_header(&path).unwrap());
            assert!(!journal.exists());
        }
    }

    /// A library as that version left it, with these rows.
    fn old_library(path: &Path, version: usize, rows: &str) {
        create(path).unwrap();
        let old = Connection::open(path).unwrap();
        old.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(())).unwrap();
        for migration in &MIGRATIONS[..version] {
            old.execute_batch(migration).unwrap();
        }
        old.pragma_update(None, "user_version", version as i64).unwrap();
        old.execute_batch(rows).unwrap();
        old.close().unwrap();
    }

    #[test]
    fn a_library_of_the_first_version_keeps_what_it_holds_and_reads_anew_what_may_have_tags() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("library.sqlite");
        old_library(
            &path,
            1,
            "UPDATE library SET generation = 7, words_generation = 7;
             INSERT INTO files VALUES (1, 'a.MD', 3, 5, zeroblob(32), 'A', 0, NULL), (2, 'b.pdf', 3, 5, zeroblob(32), 'B', 0, NULL);
             INSERT INTO chunks VALUES (9, 1, 0, 1, 2, NULL, '', 'a pear', zeroblob(32), 7, 0);",
        );

        let library = crate::Library::open(dir.path()).unwrap();
        let hashes: Vec<bool> = library.files().unwrap().iter().map(|file| file.stamp.hash.is_some()).collect();
        assert_eq!(hashes, [false, true], "Markdown counts as never read, a PDF as known");
        assert!(library.forgotten().unwrap().is_empty());
        let snapshot = library.snapshot().unwrap();
        assert_eq!(snapshot.generation(), 7);
        let chunk = snapshot.chunk(crate::ChunkId(9)).unwrap().unwrap();
        assert_eq!((chunk.text.as_str(), chunk.path.as_str()), ("a pear", "a.MD"));
        drop(snapshot);
        let tagged = crate::Document {
            path: "a.MD".into(),
            stamp: crate::FileStamp { size: 3, mtime_ns: 5, hash: None },
            title: "A".into(),
            chunks: Vec::new(),
            tags: vec!["Fruit".into()],
            state: crate::FileState::Indexed,
            reason: None,
            reading: None,
        };
        let mut writer = library.writer().unwrap();
        writer.upsert(tagged).unwrap();
        writer.commit().unwrap();
        let tags: String = Connection::open(&path)
            .unwrap()
            .query_row("SELECT tags FROM files WHERE id <> 2", [], |row| row.get(0))
            .unwrap();
        assert_eq!(tags, "fruit");
    }

    #[test]
    fn a_library_of_the_second_version_stays_as_it_is_and_tells_what_it_knows_of_readings() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("library.sqlite");
        old_library(
            &path,
            2,
            "INSERT INTO files VALUES (1, 'a.pdf', 3, 5, zeroblob(32), 'A', 1, 'page 2 is broken', 'x');",
        );

        let library = crate::Library::open(dir.path()).unwrap();
        let [before] = &library.ledger().unwrap()[..] else { panic!("one file") };
        assert!(before.file.stamp.hash.is_some(), "nothing is read again for this");
        assert_eq!(before.reading, None, "how long it took then is not known now");
        let reading = crate::Reading {
            took: std::time::Duration::from_micros(1_234_567),
            bytes: 2,
            hidden_words: 3,
            hidden_characters: 4,
            control_tokens: 5,
            instructions: 6,
        };
        let mut writer = library.writer().unwrap();
        let document = crate::Document {
            path: "b.pdf".into(),
            stamp: crate::FileStamp { size: 3, mtime_ns: 5, hash: None },
            title: String::new(),
            chunks: Vec::new(),
            tags: Vec::new(),
            state: crate::FileState::Indexed,
            reason: None,
            reading: Some(reading.clone()),
        };
        writer.upsert(document).unwrap();
        writer.rename("b.pdf", "c.pdf").unwrap();
        writer.commit().unwrap();
        let readings: Vec<_> = library.ledger().unwrap().into_iter().map(|detail| detail.reading).collect();
        assert_eq!(readings, [None, Some(reading)], "a file that moves keeps its account");
    }

    #[test]
    fn preparing_twice_changes_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("library.sqlite");
        prepare(&path).unwrap();
        let before = std::fs::read(&path).unwrap();
        prepare(&path).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), before);
        assert!(check_header(&path).unwrap());
    }
}
