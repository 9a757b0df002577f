//! What is read from the truth store. Each function is one question; none changes anything. [`vectors`] has those about vectors.

pub(crate) mod vectors;

use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::forget::Forgotten;
use crate::outline::Outlined;
use crate::types::{
    Chunk, ChunkId, ContentHash, FileDetail, FileRecord, FileStamp, FileState, Problem, Reading, Span, Status,
    TextHash, ToEmbed, embedding_text,
};

/// Where the library stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Generations {
    /// Of the last durable change.
    pub(crate) all: u64,
    /// Of the last change that the word index has to follow.
    pub(crate) words: u64,
}

pub(crate) fn generations(connection: &Connection) -> rusqlite::Result<Generations> {
    connection
        .prepare_cached("SELECT generation, words_generation FROM library")?
        .query_row([], |row| Ok(Generations { all: row.get(0)?, words: row.get(1)? }))
}

/// The selected embedder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EmbedderRow {
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) dimension: usize,
}

pub(crate) fn embedder(connection: &Connection) -> rusqlite::Result<Option<EmbedderRow>> {
    connection
        .prepare_cached("SELECT e.id, e.name, e.dimension FROM library l JOIN embedders e ON e.id = l.embedder")?
        .query_row([], |row| Ok(EmbedderRow { id: row.get(0)?, name: row.get(1)?, dimension: row.get(2)? }))
        .optional()
}

pub(super) const CHUNK: &str =
    "SELECT c.id, f.path, c.start_line, c.end_line, c.page, f.title, c.heading, c.text, c.ordinal, c.hash
    FROM chunks c JOIN files f ON f.id = c.file ";

fn chunk_row(row: &Row<'_>) -> rusqlite::Result<(Chunk, TextHash)> {
    let chunk = Chunk {
        id: ChunkId(row.get(0)?),
        path: row.get(1)?,
        span: Span { start_line: row.get(2)?, end_line: row.get(3)?, page: row.get(4)? },
        title: row.get(5)?,
        heading: row.get(6)?,
        text: row.get(7)?,
        ordinal: row.get(8)?,
    };
    Ok((chunk, TextHash(row.get(9)?)))
}

pub(crate) fn chunk(connection: &Connection, id: ChunkId) -> rusqlite::Result<Option<(Chunk, TextHash)>> {
    connection.prepare_cached(&format!("{CHUNK} WHERE c.id = ?1"))?.query_row([id.0], chunk_row).optional()
}

/// The chunks of the file at `path`, in reading order.
pub(crate) fn chunks_at(connection: &Connection, path: &str) -> rusqlite::Result<Vec<Chunk>> {
    connection
        .prepare_cached(&format!("{CHUNK} WHERE f.path = ?1 ORDER BY c.ordinal"))?
        .query_map([path], |row| Ok(chunk_row(row)?.0))?
        .collect()
}

/// What is known of the file at `path`.
pub(crate) fn file(connection: &Connection, path: &str) -> rusqlite::Result<Option<FileRecord>> {
    connection.prepare_cached(&format!("{FILE} WHERE path = ?1"))?.query_row([path], file_row).optional()
}

/// The chunk `step` places after `id` in the same file.
pub(crate) fn neighbor(connection: &Connection, id: ChunkId, step: i64) -> rusqlite::Result<Option<Chunk>> {
    connection
        .prepare_cached(&format!(
            "{CHUNK} JOIN chunks here ON here.file = c.file AND c.ordinal = here.ordinal + ?2 WHERE here.id = ?1"
        ))?
        .query_row(params![id.0, step], |row| Ok(chunk_row(row)?.0))
        .optional()
}

/// By their numbers: asked for plainly, `SQLite` reads the whole table, texts included, to have it in order.
pub(super) const TAKEN_UP_SINCE: &str = "WHERE c.id IN (SELECT id FROM chunks WHERE generation > ?1) ORDER BY c.id";

/// Calls `each` for every chunk that the word index has to take up after `generation`.
pub(crate) fn chunks_since<E: From<rusqlite::Error>>(
    connection: &Connection,
    generation: u64,
    mut each: impl FnMut(Chunk) -> Result<(), E>,
) -> Result<(), E> {
    let mut statement = connection.prepare_cached(&format!("{CHUNK}{TAKEN_UP_SINCE}"))?;
    let mut rows = statement.query([generation])?;
    while let Some(row) = rows.next()? {
        each(chunk_row(row)?.0)?;
    }
    Ok(())
}

/// The chunks that were removed after `generation`.
pub(crate) fn removed_since(connection: &Connection, generation: u64) -> rusqlite::Result<Vec<ChunkId>> {
    connection
        .prepare_cached("SELECT chunk FROM removed WHERE generation > ?1")?
        .query_map([generation], |row| row.get(0).map(ChunkId))?
        .collect()
}

/// The chunks of the files that `admits` lets pass by path, time of change and tags.
pub(crate) fn chunks_of(
    connection: &Connection,
    admits: impl Fn(&str, i64, &str) -> bool,
) -> rusqlite::Result<std::collections::HashSet<ChunkId>> {
    let mut files = std::collections::HashSet::new();
    let mut statement = connection.prepare_cached("SELECT id, path, mtime_ns, tags FROM files")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        if admits(row.get_ref(1)?.as_str()?, row.get(2)?, row.get_ref(3)?.as_str()?) {
            files.insert(row.get::<_, i64>(0)?);
        }
    }
    let mut chunks = std::collections::HashSet::new();
    let mut statement = connection.prepare_cached("SELECT id, file FROM chunks")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        if files.contains(&row.get(1)?) {
            chunks.insert(ChunkId(row.get(0)?));
        }
    }
    Ok(chunks)
}

/// The texts of all chunks of the files that `admits` lets pass.
pub(crate) fn texts_of(
    connection: &Connection,
    admits: impl Fn(&str) -> bool,
) -> rusqlite::Result<std::collections::HashSet<String>> {
    let mut texts = std::collections::HashSet::new();
    let mut of_file = connection.prepare_cached("SELECT text FROM chunks WHERE file = ?1")?;
    let mut files = connection.prepare_cached("SELECT id, path FROM files")?;
    let mut rows = files.query([])?;
    while let Some(row) = rows.next()? {
        if admits(row.get_ref(1)?.as_str()?) {
            for text in of_file.query_map([row.get::<_, i64>(0)?], |row| row.get::<_, String>(0))? {
                texts.insert(text?);
            }
        }
    }
    Ok(texts)
}

/// The paths that are not to be read again.
pub(crate) fn forgotten(connection: &Connection) -> rusqlite::Result<Forgotten> {
    connection.prepare("SELECT path FROM forgotten")?.query_map([], |row| row.get::<_, String>(0))?.collect()
}

/// Whether files of the library may still hold bytes of what was forgotten.
pub(crate) fn is_cleaning(connection: &Connection) -> rusqlite::Result<bool> {
    connection.query_row("SELECT cleaning FROM library", [], |row| row.get(0))
}

pub(crate) fn chunk_ids(connection: &Connection) -> rusqlite::Result<std::collections::HashSet<ChunkId>> {
    connection.prepare("SELECT id FROM chunks")?.query_map([], |row| row.get(0).map(ChunkId))?.collect()
}

/// Passages by a multiplicative hash of their numbers (Knuth, TAOCP 6.4).
pub(crate) fn sample(connection: &Connection, count: usize) -> rusqlite::Result<Vec<ChunkId>> {
    connection
        .prepare("SELECT id FROM chunks ORDER BY (id * 2654435761) % 4294967296, id LIMIT ?1")?
        .query_map([count as i64], |row| row.get(0).map(ChunkId))?
        .collect()
}

pub(crate) fn chunk_count(connection: &Connection) -> rusqlite::Result<u64> {
    connection.query_row("SELECT count(*) FROM chunks", [], |row| row.get(0))
}

const FILE: &str =
    "SELECT path, size, mtime_ns, hash, state, reason, (SELECT count(*) FROM chunks WHERE file = files.id), tags
    FROM files ";

fn file_row(row: &Row<'_>) -> rusqlite::Result<FileRecord> {
    let hash: Option<[u8; 32]> = row.get(3)?;
    Ok(FileRecord {
        path: row.get(0)?,
        stamp: FileStamp { size: row.get(1)?, mtime_ns: row.get(2)?, hash: hash.map(ContentHash) },
        state: state_of(row.get(4)?),
        reason: row.get(5)?,
        chunks: row.get(6)?,
    })
}

pub(crate) fn files(connection: &Connection) -> rusqlite::Result<Vec<FileRecord>> {
    connection.prepare(&format!("{FILE} ORDER BY path"))?.query_map([], file_row)?.collect()
}

pub(crate) fn ledger(connection: &Connection) -> rusqlite::Result<Vec<FileDetail>> {
    connection
        .prepare(
            "SELECT f.path, f.size, f.mtime_ns, f.hash, f.state, f.reason, count(c.id), f.title,
                count(DISTINCT c.page), count(DISTINCT nullif(c.heading, '')), f.took_us, f.read_bytes,
                f.hidden_words, f.hidden_characters, f.control_tokens, f.instructions
            FROM files f LEFT JOIN chunks c ON c.file = f.id GROUP BY f.id ORDER BY f.path",
        )?
        .query_map([], |row| {
            let (title, pages, sections) = (row.get(7)?, row.get(8)?, row.get(9)?);
            Ok(FileDetail { file: file_row(row)?, title, pages, sections, reading: reading(row)? })
        })?
        .collect()
}

/// The account of a file's reading, from the columns of a ledger's row.
fn reading(row: &Row<'_>) -> rusqlite::Result<Option<Reading>> {
    let Some(took) = row.get::<_, Option<u64>>(10)? else { return Ok(None) };
    Ok(Some(Reading {
        took: Duration::from_micros(took),
        bytes: row.get(11)?,
        hidden_words: row.get(12)?,
        hidden_characters: row.get(13)?,
        control_tokens: row.get(14)?,
        instructions: row.get(15)?,
    }))
}

/// The files that `admits` lets pass by path, time of change and tags, by path.
pub(crate) fn files_of(
    connection: &Connection,
    admits: impl Fn(&str, i64, &str) -> bool,
) -> rusqlite::Result<Vec<FileRecord>> {
    let mut statement = connection.prepare_cached(&format!("{FILE} ORDER BY path"))?;
    let mut rows = statement.query([])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        if admits(row.get_ref(0)?.as_str()?, row.get(2)?, row.get_ref(7)?.as_str()?) {
            found.push(file_row(row)?);
        }
    }
    Ok(found)
}

/// The paths of all files, in their order.
pub(crate) fn paths(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    connection.prepare_cached("SELECT path FROM files ORDER BY path")?.query_map([], |row| row.get(0))?.collect()
}

/// Every tag with the number of its files.
pub(crate) fn tags(connection: &Connection) -> rusqlite::Result<Vec<(String, u64)>> {
    let mut counts = std::collections::BTreeMap::new();
    let mut statement = connection.prepare_cached("SELECT tags FROM files WHERE tags <> ''")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        for tag in row.get_ref(0)?.as_str()?.lines() {
            *counts.entry(tag.to_owned()).or_default() += 1;
        }
    }
    Ok(counts.into_iter().collect())
}

/// Every passage's place in reading order: by the files' paths, which have an index, and the passages' places in them, which have one too.
pub(super) const OUTLINE: &str = "SELECT c.id, f.path, f.title, c.heading, c.page
    FROM files f CROSS JOIN chunks c ON c.file = f.id ORDER BY f.path, c.ordinal";

/// Calls `each` for every passage's place, in reading order, until it breaks.
pub(crate) fn outline(
    connection: &Connection,
    mut each: impl FnMut(Outlined<'_>) -> std::ops::ControlFlow<()>,
) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached(OUTLINE)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let place = Outlined {
            id: ChunkId(row.get(0)?),
            path: row.get_ref(1)?.as_str()?,
            title: row.get_ref(2)?.as_str()?,
            heading: row.get_ref(3)?.as_str()?,
            page: row.get(4)?,
        };
        if each(place).is_break() {
            break;
        }
    }
    Ok(())
}

/// The files at `paths` and below them, in no order.
pub(crate) fn files_at(connection: &Connection, paths: &[String]) -> rusqlite::Result<Vec<FileRecord>> {
    // In the order of bytes, what starts with `path/` lies between that and `path0`: 0 follows the slash.
    let mut statement =
        connection.prepare(&format!("{FILE} WHERE path = ?1 OR (path > ?1 || '/' AND path < ?1 || '0')"))?;
    let mut found = Vec::new();
    for path in paths {
        for record in statement.query_map([path], file_row)? {
            found.push(record?);
        }
    }
    Ok(found)
}

pub(crate) fn problems(connection: &Connection) -> rusqlite::Result<Vec<Problem>> {
    connection
        .prepare("SELECT path, state, reason FROM files WHERE state <> ?1 ORDER BY path")?
        .query_map([state_code(FileState::Indexed)], |row| {
            let reason: Option<String> = row.get(2)?;
            Ok(Problem {
                path: row.get(0)?,
                state: state_of(row.get(1)?),
                reason: reason.unwrap_or_default(),
                hint: None,
            })
        })?
        .collect()
}

pub(crate) fn status(connection: &Connection) -> rusqlite::Result<Status> {
    let mut status = Status {
        generation: generations(connection)?.all,
        embedder: embedder(connection)?.map(|row| row.name),
        chunks: chunk_count(connection)?,
        ..Status::default()
    };
    let waiting: u64 = connection.query_row("SELECT count(*) FROM chunks WHERE embedded = 0", [], |row| row.get(0))?;
    status.embedded = status.chunks - waiting;
    let mut statement = connection.prepare("SELECT state, count(*), sum(size) FROM files GROUP BY state")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let files: u64 = row.get(1)?;
        *match state_of(row.get(0)?) {
            FileState::Indexed => &mut status.indexed,
            FileState::Partly => &mut status.partly,
            FileState::Skipped => &mut status.skipped,
            FileState::Failed => &mut status.failed,
        } = files;
        status.files += files;
        status.bytes += row.get::<_, u64>(2)?;
    }
    Ok(status)
}

/// Distinct texts without a vector, the newest chunks' first: what a person edits is what they ask about.
pub(crate) fn unembedded(connection: &Connection, limit: usize) -> rusqlite::Result<Vec<ToEmbed>> {
    let mut statement = connection.prepare_cached(
        "SELECT c.hash, f.title, c.heading, c.text FROM chunks c JOIN files f ON f.id = c.file
         WHERE c.embedded = 0 ORDER BY c.id DESC",
    )?;
    let mut rows = statement.query([])?;
    let (mut waiting, mut seen) = (Vec::new(), std::collections::HashSet::new());
    while waiting.len() < limit {
        let Some(row) = rows.next()? else { break };
        let hash = TextHash(row.get(0)?);
        if seen.insert(hash) {
            let [title, heading, text] = [row.get::<_, String>(1)?, row.get(2)?, row.get(3)?];
            waiting.push(ToEmbed { hash, text: embedding_text(&title, &heading, &text) });
        }
    }
    Ok(waiting)
}

pub(crate) fn state_code(state: FileState) -> i64 {
    match state {
        FileState::Indexed => 0,
        FileState::Partly => 1,
        FileState::Skipped => 2,
        FileState::Failed => 3,
    }
}

/// A code that no version wrote reads as failed: the file is then looked at again.
fn state_of(code: i64) -> FileState {
    match code {
        0 => FileState::Indexed,
        1 => FileState::Partly,
        2 => FileState::Skipped,
        _ => FileState::Failed,
    }
}
