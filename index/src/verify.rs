//! Whether truth and projections agree, and making them agree again.
//!
//! The database is checked against itself, the word index against the database (every chunk's number), the vectors against
//! both. What the database holds is never changed by a repair but for vectors that are no vectors: they are made again.

use rusqlite::{Connection, params};
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::library::Library;
use crate::store::read;
use crate::vectors::{check, look};
use crate::view::View;
use crate::words::{Care, Trouble, Words};

/// Something that is not as it must be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Where.
    pub part: Part,
    /// What, for a person.
    pub what: String,
}

/// A part of a library.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// The database, which is the truth. What is wrong there cannot be repaired from anything: the folder is indexed anew.
    Store,
    /// The word index, a projection.
    Words,
    /// The vectors, which can be computed again, and the file of rounded ones, a projection.
    Vectors,
}

impl Library {
    /// Looks whether database, word index and vectors agree. `deep` reads every byte of each against its checksum, and every
    /// vector; otherwise sizes, links and numbers are compared.
    ///
    /// # Errors
    /// What keeps it from looking; what it finds is no error.
    pub fn verify(&self, deep: bool) -> Result<Vec<Finding>, Error> {
        let mut findings = self.read(|store| verify_store(store, deep))?;
        findings.extend(self.verify_words(deep)?);
        findings.extend(self.read(|store| verify_vectors(store, deep))?);
        let (kind, path) = (self.shared.options.vectors, &self.shared.places.vectors);
        let wrong = self.read(|store| look(kind, path, store, deep))?;
        findings.extend(wrong.map(|what| Finding { part: Part::Vectors, what }));
        Ok(findings)
    }

    fn verify_words(&self, deep: bool) -> Result<Vec<Finding>, Error> {
        let words = |what: String| Finding { part: Part::Words, what };
        if deep {
            match Words::open(&self.shared.places.words, Care::Thorough) {
                Ok(_) => {}
                Err(Trouble::Refused(error)) => return Err(error),
                Err(Trouble::Missing) => return Ok(vec![words("the word index is missing".to_owned())]),
                Err(Trouble::Outdated) => return Ok(vec![words("the word index is of another version".to_owned())]),
                Err(Trouble::Damaged(what)) => return Ok(vec![words(format!("the word index is damaged: {what}"))]),
            }
        }
        let view = match View::current(&self.shared) {
            Ok(view) => view,
            Err(error @ Error::Words { .. }) => return Ok(vec![words(error.to_string())]),
            Err(error) => return Err(error),
        };
        if !view.is_whole() {
            return Ok(vec![words("the word index is behind the library".to_owned())]);
        }
        #[expect(clippy::redundant_closure_for_method_calls, reason = "the method itself is of one lifetime only")]
        let Some(held) = view.ask(|asker| asker.every_chunk())? else {
            return Ok(vec![words("the word index cannot be opened".to_owned())]);
        };
        let expected = view.read(read::chunk_ids)?;
        let (missing, extra) = (expected.difference(&held).count(), held.difference(&expected).count());
        let mut findings = Vec::new();
        if missing > 0 {
            findings.push(words(format!("{missing} of {} passages are not in the word index", expected.len())));
        }
        if extra > 0 {
            findings.push(words(format!("the word index holds {extra} passages that are gone")));
        }
        Ok(findings)
    }
}

fn verify_store(store: &Connection, deep: bool) -> rusqlite::Result<Vec<Finding>> {
    let finding = |what: String| Finding { part: Part::Store, what };
    let mut findings = Vec::new();
    let pragma = if deep { "PRAGMA integrity_check(10)" } else { "PRAGMA quick_check(10)" };
    let mut statement = store.prepare(pragma)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let line: String = row.get(0)?;
        if line != "ok" {
            findings.push(finding(line));
        }
    }
    let broken: u64 = store.query_row("SELECT count(*) FROM pragma_foreign_key_check", [], |row| row.get(0))?;
    if broken > 0 {
        findings.push(finding(format!("{broken} rows refer to rows that are gone")));
    }
    Ok(findings)
}

fn verify_vectors(store: &Connection, deep: bool) -> rusqlite::Result<Vec<Finding>> {
    let finding = |what: String| Finding { part: Part::Vectors, what };
    let mut findings = Vec::new();
    let without: u64 = store.query_row(WITHOUT_VECTOR, [], |row| row.get(0))?;
    if without > 0 {
        findings.push(finding(format!("{without} passages count as embedded and have no vector")));
    }
    let unfit = unfit_vectors(store, deep)?.len();
    if unfit > 0 {
        findings.push(finding(format!("{unfit} vectors are damaged")));
    }
    Ok(findings)
}

/// The embedder as a value, not joined: joined, `SQLite` reads all vectors for each passage.
pub(crate) const WITHOUT_VECTOR: &str = "SELECT count(*) FROM chunks WHERE embedded <> 0 AND NOT EXISTS
    (SELECT 1 FROM vectors v WHERE v.embedder = (SELECT embedder FROM library) AND v.hash = chunks.hash)";

pub(crate) const LET_WAIT: &str = "UPDATE chunks SET embedded = 0 WHERE embedded <> 0 AND NOT EXISTS
    (SELECT 1 FROM vectors v WHERE v.embedder = (SELECT embedder FROM library) AND v.hash = chunks.hash)";

/// Vectors that are not what their embedder makes: of another length, and when looked at closely, not finite or not of unit length.
fn unfit_vectors(store: &Connection, deep: bool) -> rusqlite::Result<Vec<i64>> {
    let mut statement =
        store.prepare("SELECT v.id, v.vector, e.dimension FROM vectors v JOIN embedders e ON e.id = v.embedder")?;
    let mut rows = statement.query([])?;
    let mut unfit = Vec::new();
    while let Some(row) = rows.next()? {
        let (bytes, dimension) = (row.get_ref(1)?.as_blob().unwrap_or_default(), row.get::<_, usize>(2)?);
        let fits = bytes.len() == 4 * dimension
            && (!deep || {
                let values: Vec<f32> =
                    bytes.as_chunks::<4>().0.iter().map(|value| f32::from_le_bytes(*value)).collect();
                check(&values, dimension).is_ok()
            });
        if !fits {
            unfit.push(row.get(0)?);
        }
    }
    Ok(unfit)
}

/// Removes vectors that are none, and lets every text without a vector wait for one. Returns how many passages wait anew.
pub(crate) fn repair_vectors(store: &mut Connection) -> rusqlite::Result<usize> {
    let transaction = store.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    for id in unfit_vectors(&transaction, true)? {
        transaction.execute("DELETE FROM vectors WHERE id = ?1", params![id])?;
    }
    let waiting = transaction.execute(LET_WAIT, [])?;
    if waiting > 0 {
        transaction.execute("UPDATE library SET generation = generation + 1", [])?;
    }
    transaction.commit()?;
    Ok(waiting)
}
