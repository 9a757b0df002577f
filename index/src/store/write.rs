//! What is written to the truth store. Every function runs inside its caller's transaction.

use std::collections::HashSet;

use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::read::{self, state_code};
use crate::conditions::folded_tag;
use crate::forget::Forgotten;
use crate::types::{Document, FileStamp, TextHash};

/// With every embedder: the index begins with it, and without it each orphan would cost a pass over all vectors.
pub(super) const REMOVE_ORPHAN: &str = "DELETE FROM vectors WHERE embedder IN (SELECT id FROM embedders) AND hash = ?1
    AND NOT EXISTS (SELECT 1 FROM chunks WHERE hash = ?1)";

/// A change of a library that waits for its commit.
#[derive(Debug, Clone)]
pub(crate) enum Change {
    Upsert(Document),
    Rename { from: String, to: String },
    Touch { path: String, stamp: FileStamp },
    Remove(String),
}

impl Change {
    /// Whether it would bring back, or move, what is forgotten.
    pub(crate) fn concerns(&self, forgotten: &Forgotten) -> bool {
        match self {
            Change::Upsert(document) => forgotten.covers(&document.path),
            Change::Rename { from, to } => forgotten.covers(from) || forgotten.covers(to),
            Change::Touch { path, .. } | Change::Remove(path) => forgotten.covers(path),
        }
    }
}

/// What a commit is made of.
pub(crate) struct Commit<'a> {
    transaction: Transaction<'a>,
    generation: u64,
    words_changed: bool,
    /// Hashes of removed chunks: their vectors go if no chunk is left that has the text.
    orphans: HashSet<TextHash>,
}

impl<'a> Commit<'a> {
    /// Starts a commit. `words_at` is the generation that the word index has confirmed: what was removed before is
    /// forgotten.
    pub(crate) fn begin(transaction: Transaction<'a>, words_at: u64) -> rusqlite::Result<Self> {
        let generation = read::generations(&transaction)?.all + 1;
        transaction.execute("DELETE FROM removed WHERE generation <= ?1", [words_at])?;
        Ok(Self { transaction, generation, words_changed: false, orphans: HashSet::new() })
    }

    pub(crate) fn apply(&mut self, change: &Change) -> rusqlite::Result<()> {
        match change {
            Change::Upsert(document) => self.upsert(document),
            Change::Remove(path) => self.remove(path),
            Change::Touch { path, stamp } => self.touch(path, stamp),
            Change::Rename { from, to } if from == to => Ok(()),
            Change::Rename { from, to } => self.rename(from, to),
        }
    }

    /// Makes everything durable; returns the new generation.
    pub(crate) fn finish(self) -> rusqlite::Result<u64> {
        let transaction = self.transaction;
        for hash in &self.orphans {
            transaction.prepare_cached(REMOVE_ORPHAN)?.execute([hash.0])?;
        }
        advance(&transaction, self.generation, self.words_changed)?;
        transaction.commit()?;
        Ok(self.generation)
    }

    fn upsert(&mut self, document: &Document) -> rusqlite::Result<()> {
        let Document { path, stamp, title, chunks, tags, state, reason, reading } = document;
        let account = reading.clone().unwrap_or_default();
        self.remove(path)?;
        self.transaction
            .prepare_cached(
                "INSERT INTO files (path, size, mtime_ns, hash, title, state, reason, tags, took_us, read_bytes,
                     hidden_words, hidden_characters, control_tokens, instructions)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
            )?
            .execute(params![
                path,
                stored_size(stamp),
                stamp.mtime_ns,
                stamp.hash.map(|hash| hash.0),
                title,
                state_code(*state),
                reason,
                tags.iter().map(|tag| folded_tag(tag)).collect::<Vec<_>>().join("\n"),
                reading.as_ref().map(|reading| stored(reading.took.as_micros())),
                stored(account.bytes),
                stored(account.hidden_words),
                stored(account.hidden_characters),
                stored(account.control_tokens),
                stored(account.instructions),
            ])?;
        let file = self.transaction.last_insert_rowid();
        let embedder = read::embedder(&self.transaction)?.map(|row| row.id);
        let mut insert = self.transaction.prepare_cached(
            "INSERT INTO chunks (file, ordinal, start_line, end_line, page, heading, text, hash, generation, embedded)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9,
                     EXISTS (SELECT 1 FROM vectors WHERE embedder = ?10 AND hash = ?8))",
        )?;
        for (ordinal, chunk) in (0u32..).zip(chunks) {
            let hash = TextHash::of(title, &chunk.heading, &chunk.text);
            insert.execute(params![
                file,
                ordinal,
                chunk.span.start_line,
                chunk.span.end_line,
                chunk.span.page,
                chunk.heading,
                chunk.text,
                hash.0,
                self.generation,
                embedder,
            ])?;
        }
        self.words_changed |= !chunks.is_empty();
        Ok(())
    }

    /// Removes the files that `forgotten` covers, remembers its paths, and marks the library as one that has to be cleaned;
    /// returns how many files these were.
    pub(crate) fn forget(&mut self, forgotten: &Forgotten) -> rusqlite::Result<u64> {
        let known: Vec<String> = self
            .transaction
            .prepare_cached("SELECT path FROM files")?
            .query_map([], |row| row.get::<_, String>(0))?
            .collect::<rusqlite::Result<_>>()?;
        let mut files = 0;
        for path in known.iter().filter(|path| forgotten.covers(path)) {
            self.remove(path)?;
            files += 1;
        }
        for path in forgotten.paths() {
            self.transaction.prepare_cached("INSERT OR IGNORE INTO forgotten (path) VALUES (?1)")?.execute([path])?;
        }
        self.transaction.execute("UPDATE library SET cleaning = 1", [])?;
        Ok(files)
    }

    fn remove(&mut self, path: &str) -> rusqlite::Result<()> {
        let Some(file) = self.file(path)? else { return Ok(()) };
        let mut chunks = self.transaction.prepare_cached("SELECT id, hash FROM chunks WHERE file = ?1")?;
        let mut log = self.transaction.prepare_cached("INSERT INTO removed (chunk, generation) VALUES (?1, ?2)")?;
        let mut rows = chunks.query([file])?;
        while let Some(row) = rows.next()? {
            log.execute(params![row.get::<_, i64>(0)?, self.generation])?;
            self.orphans.insert(TextHash(row.get(1)?));
            self.words_changed = true;
        }
        self.transaction.prepare_cached("DELETE FROM files WHERE id = ?1")?.execute([file])?;
        Ok(())
    }

    fn touch(&mut self, path: &str, stamp: &FileStamp) -> rusqlite::Result<()> {
        self.transaction
            .prepare_cached("UPDATE files SET size = ?2, mtime_ns = ?3, hash = ?4 WHERE path = ?1")?
            .execute(params![path, stored_size(stamp), stamp.mtime_ns, stamp.hash.map(|hash| hash.0)])?;
        Ok(())
    }

    fn rename(&mut self, from: &str, to: &str) -> rusqlite::Result<()> {
        let Some(file) = self.file(from)? else { return Ok(()) };
        self.remove(to)?;
        self.transaction.prepare_cached("UPDATE files SET path = ?2 WHERE id = ?1")?.execute(params![file, to])?;
        let moved = self
            .transaction
            .prepare_cached("UPDATE chunks SET generation = ?2 WHERE file = ?1")?
            .execute(params![file, self.generation])?;
        self.words_changed |= moved > 0;
        Ok(())
    }

    fn file(&self, path: &str) -> rusqlite::Result<Option<i64>> {
        self.transaction
            .prepare_cached("SELECT id FROM files WHERE path = ?1")?
            .query_row([path], |row| row.get(0))
            .optional()
    }
}

/// `SQLite` counts to 2⁶³ − 1: no file is larger, whatever a broken file system claims.
fn stored_size(stamp: &FileStamp) -> i64 {
    stored(stamp.size)
}

/// A number as `SQLite` has them; beyond its largest, that.
fn stored(number: impl TryInto<i64>) -> i64 {
    number.try_into().unwrap_or(i64::MAX)
}

fn advance(connection: &Connection, generation: u64, words_changed: bool) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "UPDATE library SET generation = ?1, words_generation = CASE WHEN ?2 THEN ?1 ELSE words_generation END",
        )?
        .execute(params![generation, words_changed])?;
    Ok(())
}

/// Selects an embedder and drops every other's vectors. False, and nothing changes, if it is the selected one.
pub(crate) fn set_embedder(transaction: Transaction<'_>, name: &str, dimension: usize) -> rusqlite::Result<bool> {
    if read::embedder(&transaction)?.is_some_and(|row| row.name == name && row.dimension == dimension) {
        return Ok(false);
    }
    transaction.execute("UPDATE library SET embedder = NULL", [])?;
    transaction.execute("DELETE FROM embedders", [])?;
    transaction.execute("INSERT INTO embedders (name, dimension) VALUES (?1, ?2)", params![name, dimension as u64])?;
    transaction.execute("UPDATE library SET embedder = ?1", [transaction.last_insert_rowid()])?;
    transaction.execute("UPDATE chunks SET embedded = 0 WHERE embedded <> 0", [])?;
    let generation = read::generations(&transaction)?.all + 1;
    advance(&transaction, generation, false)?;
    transaction.commit()?;
    Ok(true)
}

/// Lets these paths be read again; returns those that were forgotten.
pub(crate) fn undo_forget(transaction: Transaction<'_>, paths: &Forgotten) -> rusqlite::Result<Vec<String>> {
    let mut undone = Vec::new();
    for path in paths.paths() {
        if transaction.prepare_cached("DELETE FROM forgotten WHERE path = ?1")?.execute([path])? > 0 {
            undone.push(path.to_owned());
        }
    }
    transaction.commit()?;
    Ok(undone)
}

/// Stores vectors for the texts that still have a chunk.
pub(crate) fn put_vectors(
    transaction: Transaction<'_>,
    embedder: i64,
    rows: &[(TextHash, Vec<f32>)],
) -> rusqlite::Result<()> {
    for (hash, vector) in rows {
        let known = transaction.prepare_cached("UPDATE chunks SET embedded = 1 WHERE hash = ?1")?.execute([hash.0])?;
        if known > 0 {
            let bytes: Vec<u8> = vector.iter().flat_map(|value| value.to_le_bytes()).collect();
            transaction
                .prepare_cached("INSERT OR REPLACE INTO vectors (embedder, hash, vector) VALUES (?1, ?2, ?3)")?
                .execute(params![embedder, hash.0, bytes])?;
        }
    }
    let generation = read::generations(&transaction)?.all + 1;
    advance(&transaction, generation, false)?;
    transaction.commit()
}
