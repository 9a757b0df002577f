//! What is read of vectors: their numbers, and which chunk each belongs to.

use rusqlite::{Connection, OptionalExtension, Rows, params};

use crate::types::{ChunkId, TextHash};
use crate::vectors::VectorId;

/// The plus sign keeps `SQLite` from the index by hash, which would have it sort every vector.
pub(in crate::store) const SINCE: &str = "SELECT id, vector FROM vectors WHERE id > ?2 AND +embedder = ?1 ORDER BY id";

/// Calls `each` for every vector of an embedder after `last`, in the order of their ids. One whose bytes are no numbers has no
/// components.
pub(crate) fn since(
    connection: &Connection,
    embedder: i64,
    last: Option<VectorId>,
    mut each: impl FnMut(VectorId, &[f32]),
) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached(SINCE)?;
    let mut rows = statement.query(params![embedder, last.map_or(0, |id| id.0)])?;
    let mut values = Vec::new();
    while let Some(row) = rows.next()? {
        each(VectorId(row.get(0)?), components(row.get_ref(1)?.as_blob()?, &mut values));
    }
    Ok(())
}

/// Calls `take` for each of the vectors `ids` that is there.
pub(crate) fn some(
    connection: &Connection,
    ids: &[VectorId],
    take: &mut dyn FnMut(VectorId, &[f32]),
) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached("SELECT vector FROM vectors WHERE id = ?1")?;
    let mut values = Vec::new();
    for id in ids {
        let mut rows = statement.query([id.0])?;
        if let Some(row) = rows.next()? {
            take(*id, components(row.get_ref(0)?.as_blob()?, &mut values));
        }
    }
    Ok(())
}

/// A stored vector's numbers: little-endian f32.
fn components<'a>(bytes: &[u8], values: &'a mut Vec<f32>) -> &'a [f32] {
    let (numbers, rest) = bytes.as_chunks::<4>();
    values.clear();
    if rest.is_empty() {
        values.extend(numbers.iter().map(|number| f32::from_le_bytes(*number)));
    }
    values
}

pub(crate) fn count(connection: &Connection) -> rusqlite::Result<usize> {
    connection.query_row("SELECT count(*) FROM vectors", [], |row| row.get(0))
}

/// The id of the newest vector that there ever was, 0 before the first.
pub(crate) fn newest(connection: &Connection) -> rusqlite::Result<i64> {
    let newest = connection
        .query_row("SELECT seq FROM sqlite_sequence WHERE name = 'vectors'", [], |row| row.get(0))
        .optional()?;
    Ok(newest.unwrap_or(0))
}

/// In the order of an index that holds all that is asked for: the texts of the table are not read.
pub(in crate::store) const CHUNK_HASHES: &str = "SELECT hash, id FROM chunks ORDER BY hash";
pub(in crate::store) const VECTOR_HASHES: &str = "SELECT hash, id FROM vectors WHERE embedder = ?1 ORDER BY hash";

/// Every embedded chunk with its vector, in the order of the chunks: both sides come sorted by what they meet in.
pub(crate) fn embedded_chunks(connection: &Connection, embedder: i64) -> rusqlite::Result<Vec<(ChunkId, VectorId)>> {
    let (mut chunks, mut vectors) =
        (connection.prepare_cached(CHUNK_HASHES)?, connection.prepare_cached(VECTOR_HASHES)?);
    let (mut chunks, mut vectors) = (chunks.query([])?, vectors.query([embedder])?);
    let next = |rows: &mut Rows<'_>| -> rusqlite::Result<Option<(TextHash, i64)>> {
        rows.next()?.map(|row| Ok((TextHash(row.get(0)?), row.get(1)?))).transpose()
    };
    let mut pairs = Vec::new();
    let mut chunk = next(&mut chunks)?;
    while let Some((hash, vector)) = next(&mut vectors)? {
        while let Some((of, id)) = chunk.filter(|(of, _)| *of <= hash) {
            if of == hash {
                pairs.push((ChunkId(id), VectorId(vector)));
            }
            chunk = next(&mut chunks)?;
        }
    }
    pairs.sort_unstable();
    Ok(pairs)
}

#[cfg(test)]
mod tests {
    use super::super::super::{open, schema};
    use super::*;

    #[test]
    fn chunks_meet_the_vectors_of_their_own_texts_by_the_embedder_asked_for() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("library.sqlite");
        schema::prepare(&path).unwrap();
        let store = open(&path).unwrap();
        store
            .execute_batch(
                "INSERT INTO embedders (id, name, dimension) VALUES (1, 'a', 1), (2, 'b', 1);
                 INSERT INTO files (id, path, size, mtime_ns, title, state) VALUES (1, 'x', 0, 0, '', 0);",
            )
            .unwrap();
        // Texts by their hashes: 9 comes twice, 3 has a vector of another embedder only, 5 none.
        for (id, hash) in [(1, 9u8), (2, 3), (3, 1), (4, 9), (5, 5)] {
            let sql = "INSERT INTO chunks (id, file, ordinal, start_line, end_line, heading, text, hash, generation, embedded)
                       VALUES (?1, 1, ?1, 1, 1, '', '', ?2, 1, 1)";
            store.execute(sql, params![id, [hash; 32]]).unwrap();
        }
        // 7 and 11 belong to no chunk.
        for (id, embedder, hash) in [(10, 1, 9u8), (11, 1, 7), (12, 2, 3), (13, 1, 1), (14, 1, 11), (15, 2, 1)] {
            let sql = "INSERT INTO vectors (id, embedder, hash, vector) VALUES (?1, ?2, ?3, x'00000000')";
            store.execute(sql, params![id, embedder, [hash; 32]]).unwrap();
        }
        let pairs = |embedder| -> Vec<(i64, i64)> {
            embedded_chunks(&store, embedder).unwrap().iter().map(|(chunk, vector)| (chunk.0, vector.0)).collect()
        };
        assert_eq!(pairs(1), [(1, 10), (3, 13), (4, 10)]);
        assert_eq!(pairs(2), [(2, 12), (3, 15)]);
        assert_eq!(pairs(3), []);
    }
}
