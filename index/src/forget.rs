//! Forgetting for good: no file of the library keeps a byte of what a person had forgotten, and it does not come back.
//!
//! One transaction removes the rows, remembers the paths and sets the mark `cleaning`. What follows it ([`clean`]) can be done any
//! number of times and takes the mark away at its end, so that the next start ([`resume`]) completes what was cut short:
//!
//! ```text
//! projections go (words, kept damage, vectors …) → words anew from what is left → database anew → log cut to nothing → no mark
//! ```
//!
//! Projections are made anew, not searched for remains: a tombstoned passage's words stay in tantivy's segments until these merge, and
//! vectors may have been copied anywhere.

use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::sync::PoisonError;
use std::time::Duration;

use rusqlite::Connection;

use crate::error::Error;
use crate::library::{Places, Shared};
use crate::repair;
use crate::store::{self, read};

/// How long a person who forgets waits for searches under way to end.
pub(crate) const PATIENCE: Duration = Duration::from_secs(1);

/// Paths that are forgotten: files, and with a final `/` all that is below a folder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Forgotten {
    paths: BTreeSet<String>,
}

impl Forgotten {
    /// Whether a file is one of them, or below one.
    pub fn covers(&self, file: &str) -> bool {
        self.paths.contains(file) || file.match_indices('/').any(|(at, _)| self.paths.contains(&file[..=at]))
    }

    /// The paths as they were forgotten, in order.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.paths.iter().map(String::as_str)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.paths.is_empty()
    }
}

impl FromIterator<String> for Forgotten {
    fn from_iter<T: IntoIterator<Item = String>>(paths: T) -> Self {
        Self { paths: paths.into_iter().collect() }
    }
}

/// Completes a forgetting that was cut short; a line about it, if there was one. Holding the lock is the caller's right to do so.
pub(crate) fn resume(shared: &Shared) -> Result<Option<String>, Error> {
    let ask = Error::sqlite(&shared.places.store);
    let store = store::open(&shared.places.store)?;
    if !read::is_cleaning(&store).map_err(&ask)? {
        return Ok(None);
    }
    // Cheap to ask, where all the rest would be for nothing.
    let cleaned = if store::empty_log(&store, Duration::ZERO).map_err(&ask)? {
        clean(shared, &store, Duration::ZERO)
    } else {
        Err(still_read(&shared.places))
    };
    Ok(Some(match cleaned {
        Ok(()) => "A forgetting that was cut short has been completed.".to_owned(),
        // No reason not to open the library: what is forgotten is not found, and the mark stays.
        Err(error) => format!("A forgetting is not complete yet: {error}."),
    }))
}

/// Removes every byte that no row accounts for. The mark goes when that is done.
pub(crate) fn clean(shared: &Shared, store: &Connection, patience: Duration) -> Result<(), Error> {
    let ask = Error::sqlite(&shared.places.store);
    // What this process holds of the state before.
    *shared.before_commit() = None;
    *shared.vectors.lock().unwrap_or_else(PoisonError::into_inner) = None;
    forget_projections(shared, store)?;
    store::vacuum(store).map_err(&ask)?;
    if !store::empty_log(store, patience).map_err(&ask)? {
        return Err(still_read(&shared.places));
    }
    store.execute("UPDATE library SET cleaning = 0", []).map_err(&ask)?;
    Ok(())
}

/// Removes what was made from the database, and makes the word index anew; the rest is made when it is next asked for.
fn forget_projections(shared: &Shared, store: &Connection) -> Result<(), Error> {
    *shared.words_slot() = None;
    remove_projections(&shared.places)?;
    repair::replace_words(shared, store)
}

/// Removes everything in the library's folder but the database and the lock.
pub(crate) fn remove_projections(places: &Places) -> Result<(), Error> {
    let entries = match fs::read_dir(&places.dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(Error::io(&places.dir)(error)),
    };
    for entry in entries {
        let path = entry.map_err(Error::io(&places.dir))?.path();
        // A database comes with its log, the index of that, and before it had a log with a journal.
        let of_store = ["", "-wal", "-shm", "-journal"].iter().any(|end| {
            let mut name = places.store.clone().into_os_string();
            name.push(end);
            path == name
        });
        if !of_store && path != places.lock {
            repair::remove(&path)?;
        }
    }
    Ok(())
}

fn still_read(places: &Places) -> Error {
    Error::StillRead { path: places.store.clone() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn forgotten(paths: &[&str]) -> Forgotten {
        paths.iter().map(|path| (*path).to_owned()).collect()
    }

    #[test]
    fn a_folder_covers_what_is_below_it_and_a_file_only_itself() {
        let forgotten = forgotten(&["a.md", "notes/old/", "x"]);
        for yes in ["a.md", "notes/old/b.md", "notes/old/deep/c.md"] {
            assert!(forgotten.covers(yes), "{yes}");
        }
        for no in ["b.md", "a.md.txt", "notes/a.md", "notes/older/b.md", "notes/old", "x/y.md"] {
            assert!(!forgotten.covers(no), "{no}");
        }
        assert!(!Forgotten::default().covers("a.md"));
    }

    proptest! {
        #[test]
        fn any_path_is_covered_by_itself_and_by_each_folder_above_it(path in "[a-c/é]{0,12}") {
            prop_assert!(forgotten(&[&path]).covers(&path));
            for (at, _) in path.match_indices('/') {
                prop_assert!(forgotten(&[&path[..=at]]).covers(&path));
            }
        }
    }
}
