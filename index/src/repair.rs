//! Makes the projections, above all the word index, what the truth store says they must be.
//!
//! The rule: rebuild only what is proven missing, damaged, outdated or wrong; never on a lock, a permission or an I/O
//! error, where the index may be whole. A rebuild happens beside the old index and replaces it in one rename. A
//! damaged index is kept aside, one at a time.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::Connection;

use crate::error::Error;
use crate::library::{Places, Shared};
use crate::lock::WriterLock;
use crate::store::{self, read};
use crate::vectors::Keeper;
use crate::words::follow::Indexer;
use crate::words::{Care, Trouble, Words};

/// How long files may go on coming into a folder that is removed.
const PATIENCE: Duration = Duration::from_secs(1);

/// Opens the word index into `shared`, repaired if need be, and the file of rounded vectors; returns a line for each repair.
/// Holding the lock is the caller's right to do so.
pub(crate) fn repair(shared: &Shared, lock: &WriterLock) -> Result<Vec<String>, Error> {
    Ok(repair_and_keep(shared, lock)?.1)
}

/// As [`repair`], for a caller that goes on to keep the file of rounded vectors.
pub(crate) fn repair_and_keep(shared: &Shared, lock: &WriterLock) -> Result<(Keeper, Vec<String>), Error> {
    let places = &shared.places;
    let store = store::open(&places.store)?;
    let care = if lock.stopped_uncleanly() { Care::Thorough } else { Care::Usual };
    let mut notices = Vec::new();
    let words = match Words::open(&places.words, care) {
        Ok(words) => bring_up_to_date(&words, &store, places, &mut notices)?,
        Err(Trouble::Refused(error)) => return Err(error),
        Err(trouble) => rebuild(places, &store, &trouble, &mut notices)?,
    };
    *shared.words_slot() = Some(words);
    let (keeper, about_vectors) = Keeper::open(shared, &store)?;
    notices.extend(about_vectors);
    Ok((keeper, notices))
}

/// Builds the word index anew, whatever state it is in; returns a line about it. Holding the lock is the caller's right to do so.
pub(crate) fn rebuild_words(shared: &Shared, store: &Connection, why: &str) -> Result<Vec<String>, Error> {
    let mut notices = Vec::new();
    let words = rebuild(&shared.places, store, &Trouble::Damaged(why.to_owned()), &mut notices)?;
    *shared.words_slot() = Some(words);
    Ok(notices)
}

/// Builds the word index anew and keeps nothing of what it was. Holding the lock is the caller's right to do so.
pub(crate) fn replace_words(shared: &Shared, store: &Connection) -> Result<(), Error> {
    let words = rebuild(&shared.places, store, &Trouble::Outdated, &mut Vec::new())?;
    *shared.words_slot() = Some(words);
    Ok(())
}

fn bring_up_to_date(
    words: &Words,
    store: &Connection,
    places: &Places,
    notices: &mut Vec<String>,
) -> Result<Words, Error> {
    let ask = Error::sqlite(&places.store);
    let wanted = read::generations(store).map_err(&ask)?.words;
    let found = words.generation()?;
    if found > wanted {
        let trouble = Trouble::Damaged(format!("it is at change {found}, the library at {wanted}"));
        return rebuild(places, store, &trouble, notices);
    }
    if found < wanted {
        let mut indexer = Indexer::new(words)?;
        indexer.follow(store, &places.store)?;
        indexer.finish()?;
        notices.push("The word index had missed the library's last changes and has caught up.".to_owned());
    }
    // Whatever befell the index, it cannot hold the right chunks if it does not hold the right number.
    let (expected, held) = (read::chunk_count(store).map_err(&ask)?, words.chunks()?);
    if expected == held {
        return Ok(words.clone());
    }
    rebuild(places, store, &Trouble::Damaged(format!("it holds {held} passages of {expected}")), notices)
}

fn rebuild(places: &Places, store: &Connection, trouble: &Trouble, notices: &mut Vec<String>) -> Result<Words, Error> {
    let start = Instant::now();
    remove(&places.words_new)?;
    let mut indexer = Indexer::new(&Words::create(&places.words_new)?)?;
    indexer.follow(store, &places.store)?;
    indexer.finish()?;

    if let Trouble::Damaged(_) = trouble {
        remove(&places.words_damaged)?;
        match fs::rename(&places.words, &places.words_damaged) {
            // Nothing is left that could be kept.
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            result => result.map_err(Error::io(&places.words))?,
        }
    } else {
        remove(&places.words)?;
    }
    rename(&places.words_new, &places.words)?;
    let words = match Words::open(&places.words, Care::Usual) {
        Ok(words) => words,
        Err(Trouble::Refused(error)) => return Err(error),
        // Written a moment ago: the disk does not keep what it is given.
        Err(trouble) => {
            let why = format!("the word index could not be read back after a rebuild: {trouble:?}");
            return Err(Error::Corrupt { path: places.words.clone(), why });
        }
    };
    let passages = words.chunks()?;
    let why = match trouble {
        Trouble::Damaged(what) => {
            format!("was damaged ({what}; kept in {})", places.words_damaged.display())
        }
        Trouble::Outdated => "was of another version".to_owned(),
        // A library without passages has never had one.
        _ if passages == 0 => return Ok(words),
        _ => "was missing".to_owned(),
    };
    let seconds = start.elapsed().as_secs_f32();
    notices.push(format!("The word index {why} and was rebuilt: {passages} passages in {seconds:.1} s."));
    Ok(words)
}

/// Removes a folder with all that it holds, or a file; what is not there is removed.
pub(crate) fn remove(dir: &Path) -> Result<(), Error> {
    let start = Instant::now();
    let mut removed = fs::remove_dir_all(dir);
    // A merge outlives the writer that began it, and writes some files more until it meets no folder.
    while removed.as_ref().is_err_and(|error| error.kind() == ErrorKind::DirectoryNotEmpty)
        && start.elapsed() < PATIENCE
    {
        std::thread::yield_now();
        removed = fs::remove_dir_all(dir);
    }
    match removed {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        // A file where the folder should be.
        Err(error) if error.kind() == ErrorKind::NotADirectory => fs::remove_file(dir).map_err(Error::io(dir)),
        result => result.map_err(Error::io(dir)),
    }
}

fn rename(from: &Path, to: &Path) -> Result<(), Error> {
    fs::rename(from, to).map_err(Error::io(from))
}
