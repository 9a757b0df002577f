//! Opening a library: its directory, its format, its repairs, and the handles to write and read it.
//!
//! ```text
//! DIR/library.sqlite   the truth            DIR/words/          the word index, rebuilt from it when need be
//! DIR/writer.lock      one writer at a time DIR/words.damaged/  the last damaged index, kept to be looked at
//! DIR/vectors/rows     vectors in eight bits, where there are many; rebuilt as the word index is
//! ```

use std::collections::HashSet;
use std::fs::DirBuilder;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use crate::error::Error;
use crate::forget::{self, Forgotten};
use crate::lock::{WriterLock, wait_a_moment};
use crate::repair;
use crate::snapshot::Snapshot;
use crate::store::{self, read, schema};
use crate::types::{FileDetail, FileRecord, Problem, Status};
use crate::vectors::{Index, Options};
use crate::view::View;
use crate::words::{Care, Words};
use crate::writer::Writer;

/// How long a start waits for another that is just creating the library.
const CREATION: Duration = Duration::from_secs(10);
/// How long [`Library::writer`] waits for another process's start to finish its look around.
const LOOK_AROUND: Duration = Duration::from_millis(250);

/// The library of one folder. Cheap to share between threads by reference.
pub struct Library {
    pub(crate) shared: Arc<Shared>,
    notices: Vec<String>,
}

/// What a library, its writer and its snapshots share.
pub(crate) struct Shared {
    pub(crate) places: Places,
    pub(crate) options: Options,
    /// `None` while another process repairs it.
    pub(crate) words: Mutex<Option<Words>>,
    /// The latest view, as long as a snapshot holds it.
    pub(crate) latest: Mutex<Weak<View>>,
    /// The view before a commit of this process that is under way: what snapshots see until it is complete.
    /// It stays when the word index could not follow, until it has.
    pub(crate) before_commit: Mutex<Option<Arc<View>>>,
    /// The vectors loaded so far, with their embedder.
    pub(crate) vectors: Mutex<Option<(i64, Index)>>,
    /// Whether a view found the file of rounded vectors to be of no use: whoever writes next makes it anew.
    pub(crate) distrusted: AtomicBool,
}

/// The paths of a library.
pub(crate) struct Places {
    pub(crate) dir: PathBuf,
    pub(crate) store: PathBuf,
    pub(crate) words: PathBuf,
    pub(crate) words_new: PathBuf,
    pub(crate) words_damaged: PathBuf,
    pub(crate) vectors: PathBuf,
    pub(crate) vectors_new: PathBuf,
    pub(crate) lock: PathBuf,
}

impl Places {
    fn of(dir: &Path) -> Self {
        Self {
            dir: dir.to_path_buf(),
            store: dir.join("library.sqlite"),
            words: dir.join("words"),
            words_new: dir.join("words.new"),
            words_damaged: dir.join("words.damaged"),
            vectors: dir.join("vectors").join("rows"),
            vectors_new: dir.join("vectors").join("rows.new"),
            lock: dir.join("writer.lock"),
        }
    }
}

impl Library {
    /// As [`Library::open_with`], with the default options.
    pub fn open(dir: &Path) -> Result<Self, Error> {
        Self::open_with(dir, &Options::default())
    }

    /// Opens the library in `dir`, the application's private directory for one folder; creates it if there is none.
    ///
    /// A word index or a file of rounded vectors that is missing, damaged, behind or of another version is brought up to date from
    /// the truth store; [`Library::notices`] then has a line about it. While another process holds the writer lock, that is its affair and
    /// nothing is repaired here.
    ///
    /// Errors: [`Error::Newer`] (nothing was touched), [`Error::Corrupt`] (the truth store itself is damaged),
    /// [`Error::Io`]; never [`Error::Locked`] unless another process takes more than ten seconds to create the library.
    pub fn open_with(dir: &Path, options: &Options) -> Result<Self, Error> {
        create_private(dir)?;
        let places = Places::of(dir);
        if !schema::check_header(&places.store)? {
            keep_entries(dir);
        }
        let shared = Arc::new(Shared {
            places,
            options: *options,
            words: Mutex::default(),
            latest: Mutex::default(),
            before_commit: Mutex::default(),
            vectors: Mutex::default(),
            distrusted: AtomicBool::new(false),
        });
        let mut notices = Vec::new();
        let start = Instant::now();
        loop {
            match WriterLock::try_acquire(&shared.places.lock) {
                Ok(lock) => {
                    schema::prepare(&shared.places.store)?;
                    notices.extend(forget::resume(&shared)?);
                    notices.extend(repair::repair(&shared, &lock)?);
                    break;
                }
                Err(Error::Locked { .. }) if shared.is_created()? => {
                    // Its holder may be half-way through a repair: without words for now, rather than no library.
                    *shared.words_slot() = Words::open(&shared.places.words, Care::Usual).ok();
                    break;
                }
                Err(Error::Locked { .. }) if start.elapsed() < CREATION => wait_a_moment(),
                Err(error) => return Err(error),
            }
        }
        Ok(Self { shared, notices })
    }

    /// What was found and repaired on opening: a line each, for a person.
    pub fn notices(&self) -> &[String] {
        &self.notices
    }

    /// The one writer. [`Error::Locked`] when another process, or another writer of this one, writes.
    pub fn writer(&self) -> Result<Writer, Error> {
        let start = Instant::now();
        loop {
            match WriterLock::try_acquire(&self.shared.places.lock) {
                Ok(lock) => return Writer::new(Arc::clone(&self.shared), lock),
                Err(Error::Locked { .. }) if start.elapsed() < LOOK_AROUND => wait_a_moment(),
                Err(error) => return Err(error),
            }
        }
    }

    /// An immutable view of the last complete commit. Cheap: snapshots of the same generation share everything.
    pub fn snapshot(&self) -> Result<Snapshot, Error> {
        Ok(Snapshot::of(View::current(&self.shared)?))
    }

    /// Counts over the whole library.
    pub fn status(&self) -> Result<Status, Error> {
        self.read(read::status)
    }

    /// Every file known, by path.
    pub fn files(&self) -> Result<Vec<FileRecord>, Error> {
        self.read(read::files)
    }

    /// The files known at `paths` and, where one of them is a folder, below it. A path that lies below another of them gives
    /// its files twice.
    pub fn files_at(&self, paths: &[String]) -> Result<Vec<FileRecord>, Error> {
        self.read(|connection| read::files_at(connection, paths))
    }

    /// Every file with what was read of it, by path: one pass over all passages.
    pub fn ledger(&self) -> Result<Vec<FileDetail>, Error> {
        self.read(read::ledger)
    }

    /// Every file that is not wholly searchable, by path.
    pub fn problems(&self) -> Result<Vec<Problem>, Error> {
        self.read(read::problems)
    }

    /// What a person had forgotten: paths that are not to be read again.
    pub fn forgotten(&self) -> Result<Forgotten, Error> {
        self.read(read::forgotten)
    }

    /// The texts of all passages of the files that `which` covers: what else may hold them can be told by that.
    pub fn texts_of(&self, which: &Forgotten) -> Result<HashSet<String>, Error> {
        self.read(|store| read::texts_of(store, |path| which.covers(path)))
    }

    /// Removes the library in `dir` with all that it holds, whole or damaged. [`Error::Locked`] while another process, or a writer of
    /// this one, writes.
    ///
    /// What a disk keeps of removed files is not in this program's hands.
    pub fn destroy(dir: &Path) -> Result<(), Error> {
        let places = Places::of(dir);
        if dir.symlink_metadata().is_err() {
            return Ok(());
        }
        let lock = match WriterLock::try_acquire(&places.lock) {
            Err(error @ Error::Locked { .. }) => return Err(error),
            // Where not even a lock can be had, there is nobody who has it.
            lock => lock.ok(),
        };
        // The database last: beside a new one, a projection that was left over would be kept as a damaged one. What cannot be
        // removed here cannot be there either.
        let _ = forget::remove_projections(&places);
        repair::remove(dir)?;
        drop(lock);
        Ok(())
    }

    pub(crate) fn read<T>(&self, ask: impl FnOnce(&rusqlite::Connection) -> rusqlite::Result<T>) -> Result<T, Error> {
        let path = &self.shared.places.store;
        let connection = store::open_to_read(path)?;
        // One transaction, so that the parts of an answer fit together.
        let answer = connection.unchecked_transaction().and_then(|transaction| ask(&transaction));
        answer.map_err(Error::sqlite(path))
    }
}

impl Shared {
    pub(crate) fn words_slot(&self) -> std::sync::MutexGuard<'_, Option<Words>> {
        self.words.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the tables are there, as this version wants them: who holds the lock may be changing them.
    fn is_created(&self) -> Result<bool, Error> {
        let path = &self.places.store;
        Ok(schema::check_header(path)? && store::open_to_read(path).is_ok_and(|store| schema::is_current(&store)))
    }
}

/// Creates a directory that only its owner can look into: a library holds the text of private documents.
fn create_private(dir: &Path) -> Result<(), Error> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir).map_err(Error::io(dir))
}

/// Makes durable that the directory is there, and those above it. `SQLite` does so for what is in it: without this a power cut
/// could take a new library as a whole. Passes over what cannot be synced, as `SQLite` does: there are file systems that cannot.
fn keep_entries(dir: &Path) {
    #[cfg(unix)]
    for above in std::path::absolute(dir).as_deref().unwrap_or(dir).ancestors().skip(1) {
        let _ = std::fs::File::open(above).and_then(|above| above.sync_all());
    }
    #[cfg(not(unix))]
    let _ = dir;
}
