//! A folder becomes chunks in its library: scan → plan → read each file in a child process → chunk → store.
//!
//! | module | does |
//! |---|---|
//! | `scan` | lists the folder: ignore rules, secrets left out, what is not read and why |
//! | `plan` | compares with what the library knows: nothing unchanged is read again |
//! | `worker` | runs the readers in a child process with limits; one hostile file costs itself |
//! | `extract` | bytes → blocks with source lines, one module a format (in the child) |
//! | `chunk` | blocks → passages on sentence, heading, table and code borders (in the child) |
//! | `feed` | the results → the library, in growing batches |
//! | `watch` | what changed in the folder since, so that only that is looked at again |
//! | `again` | what a person wants read again though it did not change |
//! | `ledger` | every file with what was read of it, why no more, and what to do |
//!
//! Invariants: the folder is never written to; every file found ends in the library with a state, and a reason unless all
//! of it is searchable; a kill at any moment loses at most what was not committed, which the next update reads again.

mod again;
mod chunk;
mod extract;
mod feed;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
mod ledger;
mod marks;
mod plan;
mod problem;
mod queue;
mod scan;
mod sentence;
mod watch;
mod worker;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use tanya_engine::Cancel;
use tanya_index::{FileRecord, FileStamp, Library, Problem, Writer};

pub use again::Again;
pub use ledger::{Entry, Marked, in_words, ledger, state_word};
pub use marks::{Mark, marks};
pub use problem::with_hint;
pub use scan::ScanOptions;
pub use sentence::sentence_starts;
pub use watch::{Changes, Watch, WatchOptions};
pub use worker::{OcrOptions, WorkerOptions, confined_main, confinement, worker_main};

use extract::{Ocr, waits_for_ocr};
use feed::Feed;
use plan::{Plan, Scan};
use scan::Scope;

/// How a folder is read.
#[derive(Debug, Clone, Default)]
pub struct IngestOptions {
    /// What is looked at.
    pub scan: ScanOptions,
    /// How documents are read.
    pub worker: WorkerOptions,
    /// Whether and how words in pictures are read.
    pub ocr: OcrOptions,
}

/// What an update reports while it works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// The folder was listed and compared.
    Scanned {
        /// Files found, at the paths that were asked for.
        files: u64,
        /// Of these: new, changed or moved.
        changed: u64,
        /// Files that are gone.
        removed: u64,
    },
    /// A file was read.
    File {
        /// Its path, relative to the folder.
        path: String,
        /// Files read so far, this one included.
        done: u64,
        /// Files to read in all.
        total: u64,
    },
    /// Everything up to here is durable and searchable.
    Committed {
        /// Files read so far.
        done: u64,
        /// Files to read in all.
        total: u64,
    },
    /// A file that is not wholly searchable.
    Problem(Problem),
}

/// What an update did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    /// Files found in the folder, or at the paths that were asked for.
    pub files: u64,
    /// New files.
    pub added: u64,
    /// Files read again.
    pub changed: u64,
    /// Files that only moved.
    pub renamed: u64,
    /// Files that are gone.
    pub removed: u64,
    /// Files that needed nothing (a new time with the same content counts).
    pub unchanged: u64,
    /// Files among the added and changed that are not wholly searchable.
    pub problems: u64,
    /// Passages stored.
    pub chunks: u64,
    /// Bytes of the files added and changed.
    pub bytes: u64,
    /// Child processes that were started to read them.
    pub workers: u32,
    /// Whether it was cancelled before the end; what was done is committed.
    pub cancelled: bool,
    /// How long it took.
    pub elapsed: Duration,
}

/// A modification time this close to now may be followed by another change that it does not show
/// (file systems stamp with the tick of a clock; FAT's has two seconds).
const RACY_NS: i64 = 2_000_000_000;

/// Brings a library up to date with its folder.
///
/// Returns an error when the folder is missing or not a folder, when no reader process can be run, or when the library
/// cannot be written; single files never fail an update. An empty folder is `Summary { files: 0, .. }`. After a cancel
/// (seen between files, and within a file after at most 50 ms) the summary says so and what was read is committed.
pub fn update(
    folder: &Path,
    library: &Library,
    writer: &mut Writer,
    options: &IngestOptions,
    cancel: &Cancel,
    sink: &mut dyn FnMut(Progress),
) -> Result<Summary> {
    bring(folder, library, writer, None, options, cancel, sink)
}

/// Brings a library up to date with some paths of its folder: files, and folders with all below them, whether they are
/// new, changed or gone.
///
/// `paths` are relative to the folder. When nothing changed elsewhere, the library is afterwards the same as after
/// [`update`], by the same rules: a path that is ignored, hidden or no longer there is forgotten. What moved from one of
/// the paths to another is not read again. A file of ignore rules among them makes it a whole [`update`]. Errors, cancel and
/// summary are those of [`update`].
pub fn update_paths(
    folder: &Path,
    library: &Library,
    writer: &mut Writer,
    paths: &BTreeSet<PathBuf>,
    options: &IngestOptions,
    cancel: &Cancel,
    sink: &mut dyn FnMut(Progress),
) -> Result<Summary> {
    let whole = paths.iter().any(|path| path.as_os_str().is_empty() || scan::is_rule(path));
    let scope = (!whole).then(|| Scope::new(paths));
    bring(folder, library, writer, scope.as_ref(), options, cancel, sink)
}

fn bring(
    folder: &Path,
    library: &Library,
    writer: &mut Writer,
    scope: Option<&Scope>,
    options: &IngestOptions,
    cancel: &Cancel,
    sink: &mut dyn FnMut(Progress),
) -> Result<Summary> {
    let start = Instant::now();
    let root = scan::folder_root(folder)?;
    let known = scope.map_or_else(|| library.files(), |scope| library.files_at(&scope.encoded()));
    let mut known = known.with_context(|| format!("{}: cannot list what the library knows", folder.display()))?;
    let ocr = options.ocr.ocr(&options.worker);
    if matches!(ocr, Ocr::By(_)) {
        // Without a hash a file counts as never read: what waited for this is read now.
        let waits = |file: &&mut FileRecord| file.reason.as_deref().is_some_and(waits_for_ocr);
        known.iter_mut().filter(waits).for_each(|file| file.stamp.hash = None);
    }
    let mut scan = scan::scan(&root, scope, &options.scan, cancel);
    if cancel.is_cancelled() {
        // A list that was cut short must not look like removed files.
        return Ok(Summary { cancelled: true, elapsed: start.elapsed(), ..Summary::default() });
    }
    let forgotten = library.forgotten();
    let forgotten = forgotten.with_context(|| format!("{}: cannot list what was forgotten", folder.display()))?;
    scan::take_in_pictures(&mut scan, &ocr, &options.scan);
    scan::leave_out(&mut scan, &forgotten);
    let files = scan.found.len() as u64;
    add_hashes(&root, &known, &mut scan, options, cancel);
    let plan = plan::plan(&known, &scan);
    drop(scan);
    sink(Progress::Scanned {
        files,
        changed: (plan.add.len() + plan.change.len() + plan.rename.len()) as u64,
        removed: plan.removed(),
    });
    let mut summary = Summary {
        files,
        renamed: plan.rename.len() as u64,
        removed: plan.removed(),
        unchanged: plan.unchanged + plan.touch.len() as u64,
        ..Summary::default()
    };
    let mut feed = Feed { root: &root, writer, options, cancel, sink, summary: &mut summary };
    feed.run(plan).with_context(|| format!("{}: the update stopped", folder.display()))?;
    summary.cancelled = cancel.is_cancelled();
    summary.elapsed = start.elapsed();
    Ok(summary)
}

impl Plan {
    fn removed(&self) -> u64 {
        self.remove.len() as u64
    }
}

/// Hashes the files about which the plan has a question. A file that cannot be hashed counts as changed.
fn add_hashes(root: &Path, known: &[FileRecord], scan: &mut Scan, options: &IngestOptions, cancel: &Cancel) {
    for at in plan::hashes_wanted(known, scan) {
        if cancel.is_cancelled() {
            return;
        }
        let found = &mut scan.found[at];
        let limit = options.scan.read_limit(name_of(&found.path));
        let hashed = scan::open_regular(root, &crate::paths::decode(&found.path)).and_then(|opened| {
            let hash = scan::hash_file(&opened, limit)?;
            Ok((opened.stamp, hash))
        });
        if let Ok((stamp, hash)) = hashed {
            (found.size, found.mtime_ns, found.hash) = (stamp.size, stamp.mtime_ns, Some(hash));
        }
    }
}

/// The last component of an encoded path.
fn name_of(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// The stamp to store for a file that was read just now. A time too close to now (or in the future) is stored one
/// nanosecond off, so that the next update looks at the content again, as git does with its "racily clean" entries.
fn settled(stamp: &FileStamp, now_ns: i64) -> FileStamp {
    let racy = stamp.hash.is_some() && stamp.mtime_ns > now_ns.saturating_sub(RACY_NS);
    FileStamp { mtime_ns: stamp.mtime_ns - i64::from(racy), ..stamp.clone() }
}

fn now_ns() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tanya_index::ContentHash;

    #[test]
    fn a_file_changed_just_now_is_looked_at_again() {
        let stamp = |mtime_ns| FileStamp { size: 1, mtime_ns, hash: Some(ContentHash([0; 32])) };
        let now = 100_000_000_000;
        assert_eq!(settled(&stamp(now - 3_000_000_000), now), stamp(now - 3_000_000_000));
        assert_ne!(settled(&stamp(now - 1_000_000_000), now).mtime_ns, now - 1_000_000_000);
        assert_ne!(settled(&stamp(now + 5), now).mtime_ns, now + 5, "a time in the future never settles");
    }
}
