//! Keeping the file of rounded vectors: whoever holds the writer lock makes it, appends to it as embedding proceeds, and
//! makes it anew when it is of no use. Nobody needs it: without it, vectors are read from the database.

use std::fs;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::Instant;

use rusqlite::Connection;

use super::VectorId;
use super::file::{Owner, RowFile, Trouble};
use super::kind::{Form, VectorKind};
use super::rows::{ROWS, Rows};
use crate::error::Error;
use crate::library::Shared;
use crate::store::read::{self, EmbedderRow};

/// The file, where one is wanted, and how far it is behind.
#[derive(Debug, Default)]
pub(crate) struct Keeper {
    file: Option<RowFile>,
    /// Vectors in the database, at most.
    count: usize,
    /// Of these, those that are not in the file, at most.
    unsealed: usize,
}

/// Where the database stands.
struct Wanted {
    embedder: EmbedderRow,
    count: usize,
}

impl Keeper {
    /// Opens the file, repaired if need be; returns a line for a repair. Holding the writer lock is the caller's right to do so.
    pub(crate) fn open(shared: &Shared, store: &Connection) -> Result<(Self, Vec<String>), Error> {
        let distrusted = shared.distrusted.swap(false, Ordering::Relaxed);
        let ask = Error::sqlite(&shared.places.store);
        let newest = read::vectors::newest(store).map_err(&ask)?;
        let idle = Self { count: to_count(newest), ..Self::default() };
        let Some(wanted) = wanted(shared.options.vectors, store, newest).map_err(&ask)? else {
            return Ok((idle, Vec::new()));
        };
        let start = Instant::now();
        let trouble = match RowFile::open_to_append(&shared.places.vectors, &Owner::of(&wanted.embedder)) {
            Ok(_) if distrusted => Trouble::Damaged("it did not hold the library's vectors".to_owned()),
            Ok(file) if file.last() > Some(VectorId(newest)) => {
                Trouble::Damaged("it is ahead of the library".to_owned())
            }
            Ok(file) => {
                let behind = to_count(newest - file.last().map_or(0, |last| last.0));
                // More of it is dead than alive: without a file to go on from, it is made anew.
                let is_wasteful = file.len() > 2 * wanted.count + ROWS;
                let (file, unsealed) = if is_wasteful { (None, wanted.count) } else { (Some(file), behind) };
                let mut keeper = Self { file, count: wanted.count, unsealed };
                keeper.follow(shared, store, 0);
                return Ok((keeper, Vec::new()));
            }
            Err(trouble) => trouble,
        };
        let mut keeper = Self { file: None, count: wanted.count, unsealed: wanted.count };
        let notice = match keeper.make(shared, store, &wanted.embedder) {
            Ok(()) => {
                let seconds = start.elapsed().as_secs_f32();
                format!("The file of rounded vectors {trouble}; it was built in {seconds:.1} s.")
            }
            Err(Error::Io { path, source }) => {
                format!("The file of rounded vectors {trouble} and cannot be built ({}: {source}).", path.display())
            }
            Err(error) => return Err(error),
        };
        Ok((keeper, vec![notice]))
    }

    /// Appends what has become a full block, after `added` vectors came. What goes wrong costs no more than the next
    /// start's time, so it is only logged.
    pub(crate) fn follow(&mut self, shared: &Shared, store: &Connection, added: usize) {
        self.count += added;
        self.unsealed += added;
        if shared.distrusted.swap(false, Ordering::Relaxed) {
            (self.file, self.unsealed) = (None, self.count);
        }
        if self.unsealed < ROWS {
            return;
        }
        let Ok(Some(embedder)) = read::embedder(store) else { return };
        if !is_wanted(shared.options.vectors, self.count, embedder.dimension) {
            return;
        }
        let followed = match &mut self.file {
            Some(file) => append(shared, store, &embedder, file).map(|left| self.unsealed = left),
            None => self.make(shared, store, &embedder),
        };
        if let Err(error) = followed {
            tracing::warn!("the file of rounded vectors does not follow: {error}");
            // Tried again when as many have come once more, and then from the start.
            (self.file, self.unsealed) = (None, 0);
        }
    }

    /// Makes the file anew from the database.
    fn make(&mut self, shared: &Shared, store: &Connection, embedder: &EmbedderRow) -> Result<(), Error> {
        let (path, beside) = (&shared.places.vectors, &shared.places.vectors_new);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(Error::io(folder))?;
        }
        let mut file = RowFile::create(beside, Owner::of(embedder)).map_err(Error::io(beside))?;
        self.unsealed = append(shared, store, embedder, &mut file)?;
        fs::rename(beside, path).map_err(Error::io(path))?;
        self.file = Some(file);
        Ok(())
    }
}

/// Appends every full block of newer vectors; returns how many vectors are left over.
fn append(shared: &Shared, store: &Connection, embedder: &EmbedderRow, file: &mut RowFile) -> Result<usize, Error> {
    let (mut rows, mut written) = (Rows::new(embedder.dimension), Ok(()));
    read::vectors::since(store, embedder.id, file.last(), |id, values| {
        if written.is_ok() && rows.push(id, values) && rows.len() == ROWS {
            written = rows.blocks().iter().try_for_each(|block| file.append(block));
            rows = Rows::new(embedder.dimension);
        }
    })
    .map_err(Error::sqlite(&shared.places.store))?;
    written.and_then(|()| file.seal()).map_err(Error::io(&shared.places.vectors))?;
    Ok(rows.len())
}

fn is_wanted(kind: VectorKind, count: usize, dimension: usize) -> bool {
    count >= ROWS && matches!(kind.form(count, dimension), Form::Rounded { .. })
}

fn to_count(ids: i64) -> usize {
    usize::try_from(ids).unwrap_or(0)
}

/// What the file has to hold; `None` if none is wanted.
fn wanted(kind: VectorKind, store: &Connection, newest: i64) -> rusqlite::Result<Option<Wanted>> {
    let Some(embedder) = read::embedder(store)? else { return Ok(None) };
    // There are no more vectors than there were ids: most libraries are too small, and need not be counted to know.
    if !is_wanted(kind, to_count(newest), embedder.dimension) {
        return Ok(None);
    }
    let count = read::vectors::count(store)?;
    Ok(is_wanted(kind, count, embedder.dimension).then_some(Wanted { embedder, count }))
}

/// What is wrong with the file. `deep` reads every block and compares every vector with the database.
pub(crate) fn look(kind: VectorKind, path: &Path, store: &Connection, deep: bool) -> rusqlite::Result<Option<String>> {
    let newest = read::vectors::newest(store)?;
    let Some(Wanted { embedder, .. }) = wanted(kind, store, newest)? else { return Ok(None) };
    let wrong = |what: &dyn std::fmt::Display| Ok(Some(format!("the file of rounded vectors {what}")));
    let file = match RowFile::open(path, &Owner::of(&embedder)) {
        Ok(file) => file,
        Err(trouble) => return wrong(&trouble),
    };
    if file.last() > Some(VectorId(newest)) {
        return wrong(&"is ahead of the library");
    }
    if !deep {
        return Ok(None);
    }
    let rows = match file.load() {
        Ok(rows) => rows,
        Err(trouble) => return wrong(&trouble),
    };
    let mut differing = 0;
    read::vectors::since(store, embedder.id, None, |id, values| {
        if Some(id) <= rows.last() && rows.agrees(id, values) != Some(true) {
            differing += 1;
        }
    })?;
    if differing > 0 {
        return wrong(&format!("differs from the library in {differing} vectors"));
    }
    Ok(None)
}
