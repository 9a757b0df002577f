//! The word index: BM25 over titles, headings, paths and bodies, in tantivy.
//!
//! A projection of the truth store, in a folder of its own. Its commit payload names the [`VERSION`] of what is written
//! and the generation of the library that it has followed; [`follow`] takes it from there to the present, whether
//! that is one commit, the rest of an interrupted one, or everything. [`query`] asks it.
//!
//! Only a chunk's id can be read back from it: text stays in the truth store.

mod collect;
pub(crate) mod follow;
mod nearest;
pub(crate) mod query;
mod schema;
mod seals;
pub(crate) mod terms;
mod tokens;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use tantivy::directory::error::{OpenDirectoryError, OpenReadError};
use tantivy::{Index, IndexReader, ReloadPolicy, Searcher, TantivyError};

pub(crate) use schema::Fields;

use crate::analysis::Languages;
use crate::error::{Error, io_cause};

/// Of the fields, the analysis and everything else that makes an existing index differ from a fresh one. Raise it when
/// any of that changes: older indexes are then rebuilt.
pub(crate) const VERSION: u32 = 2;

/// Up to this size every opening verifies the checksums (CRC-32: some 30 ms); above, only after an unclean stop.
const ALWAYS_VERIFY: u64 = 64 << 20;

/// The commit payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Stamp {
    pub(crate) version: u32,
    /// [`crate::store::read::Generations::words`] of what the index holds.
    pub(crate) generation: u64,
    /// Of all documents since the index was built: they grow until it is built anew.
    pub(crate) languages: Languages,
}

/// Why an index on disk cannot be used.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// There is none.
    Missing,
    /// Another version wrote it: whole, but of no use.
    Outdated,
    /// It is damaged, with what was found.
    Damaged(String),
    /// The machine refused (permissions, locks, I/O): rebuilding would not help, and would destroy what may be fine.
    Refused(Error),
}

/// How closely to look at an index before trusting it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Care {
    /// Every segment opens.
    Usual,
    /// Every byte of every file is read against its checksum.
    Thorough,
}

/// An open word index. Clones share everything.
#[derive(Clone)]
pub(crate) struct Words {
    path: Arc<PathBuf>,
    index: Index,
    reader: IndexReader,
    fields: Fields,
    /// The reader's searcher with the stamp of what it is known to hold.
    current: Arc<Mutex<Option<(Stamp, Searcher)>>>,
}

impl Words {
    /// Creates an empty index; the folder must be empty or missing.
    pub(crate) fn create(path: &Path) -> Result<Self, Error> {
        fs::create_dir_all(path).map_err(Error::io(path))?;
        let index = Index::create_in_dir(path, schema::schema()).map_err(Error::words(path))?;
        Self::with(path, index).map_err(Error::words(path))
    }

    /// Opens an index and looks whether it can be trusted.
    pub(crate) fn open(path: &Path, care: Care) -> Result<Self, Trouble> {
        match fs::symlink_metadata(path.join("meta.json")) {
            Ok(_) => {}
            // Segments without the file that lists them are no index.
            Err(error) if error.kind() == io::ErrorKind::NotFound && path.is_dir() && !is_empty(path) => {
                return Err(Trouble::Damaged("its list of segments is missing".to_owned()));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(Trouble::Missing),
            Err(error) => return Err(Trouble::Refused(Error::io(path)(error))),
        }
        let trouble = |error| trouble(path, error);
        let index = Index::open_in_dir(path).map_err(trouble)?;
        let current = index.schema() == schema::schema();
        if !current || stamp(&index).map_err(trouble)?.is_none_or(|stamp| stamp.version != VERSION) {
            return Err(Trouble::Outdated);
        }
        if let Some(file) = seals::broken(path, &index).map_err(trouble)? {
            return Err(Trouble::Damaged(format!("{file} is another file")));
        }
        if care == Care::Thorough || size_of(path) <= ALWAYS_VERIFY {
            // Before any segment is opened: what reads one trusts its bytes.
            let damaged = index.validate_checksum().map_err(trouble)?;
            if let Some(file) = damaged.iter().min() {
                return Err(Trouble::Damaged(format!("{} does not match its checksum", file.display())));
            }
        }
        let metas = index.load_metas().map_err(trouble)?.segments;
        if metas.iter().any(|meta| meta.num_deleted_docs() > meta.max_doc()) {
            return Err(Trouble::Damaged(
                "its list of segments counts more removed passages than there were".to_owned(),
            ));
        }
        let words = Self::with(path, index).map_err(trouble)?;
        // No checksum guards the list of segments, and what reads a segment trusts the numbers that stand there.
        for segment in words.reader.searcher().segment_readers() {
            let held = segment.fast_fields().u64(schema::CHUNK).map_err(trouble)?.num_docs();
            let listed = metas
                .iter()
                .find(|meta| meta.id() == segment.segment_id() && meta.delete_opstamp() == segment.delete_opstamp());
            if held != segment.max_doc() || listed.is_some_and(|meta| meta.num_docs() != segment.num_docs()) {
                return Err(Trouble::Damaged("its list of segments counts other passages than they hold".to_owned()));
            }
        }
        Ok(words)
    }

    fn with(path: &Path, index: Index) -> Result<Self, TantivyError> {
        index.tokenizers().register(tokens::NAME, tokens::Decoder::default());
        let reader = index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into()?;
        let fields = Fields::of(&index.schema())?;
        Ok(Self { path: Arc::new(path.to_path_buf()), index, reader, fields, current: Arc::default() })
    }

    pub(crate) fn fields(&self) -> Fields {
        self.fields
    }

    /// The generation on disk.
    pub(crate) fn generation(&self) -> Result<u64, Error> {
        Ok(self.stamp()?.generation)
    }

    /// The stamp on disk; that of an empty index before the first commit.
    fn stamp(&self) -> Result<Stamp, Error> {
        let nothing = Stamp { version: VERSION, generation: 0, languages: Languages::default() };
        Ok(stamp(&self.index).map_err(Error::words(&self.path))?.unwrap_or(nothing))
    }

    /// An immutable view of what is on disk now, with its stamp.
    pub(crate) fn searcher(&self) -> Result<(Stamp, Searcher), Error> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let mut stamp = self.stamp()?;
        if let Some((known, searcher)) = &*current
            && *known == stamp
        {
            return Ok((stamp, searcher.clone()));
        }
        // A commit of another process may fall between reading the stamp and opening the segments.
        loop {
            self.reader.reload().map_err(Error::words(&self.path))?;
            let after = self.stamp()?;
            if after == stamp {
                break;
            }
            stamp = after;
        }
        let searcher = self.reader.searcher();
        *current = Some((stamp, searcher.clone()));
        Ok((stamp, searcher))
    }

    /// How many chunks the index finds.
    pub(crate) fn chunks(&self) -> Result<u64, Error> {
        Ok(self.searcher()?.1.num_docs())
    }
}

/// The payload of the last commit; `None` before the first one or if it is none of ours.
fn stamp(index: &Index) -> Result<Option<Stamp>, TantivyError> {
    Ok(index.load_metas()?.payload.and_then(|payload| serde_json::from_str(&payload).ok()))
}

fn is_empty(path: &Path) -> bool {
    fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_none())
}

fn size_of(path: &Path) -> u64 {
    let entries = fs::read_dir(path).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.metadata().ok()).map(|metadata| metadata.len()).sum()
}

/// Tells damage, which a rebuild cures, from a machine that refuses, which it does not.
fn trouble(path: &Path, error: TantivyError) -> Trouble {
    let cause = io_cause(&error);
    match error {
        TantivyError::IncompatibleIndex(_) | TantivyError::OpenReadError(OpenReadError::IncompatibleIndex(_)) => {
            Trouble::Outdated
        }
        TantivyError::OpenDirectoryError(OpenDirectoryError::DoesNotExist(_)) => Trouble::Missing,
        TantivyError::OpenReadError(OpenReadError::FileDoesNotExist(file)) => {
            Trouble::Damaged(format!("{} is missing", file.display()))
        }
        TantivyError::DataCorruption(_) | TantivyError::SchemaError(_) | TantivyError::DeserializeError(_) => {
            Trouble::Damaged(error.to_string())
        }
        // What a reader meets past the end, or instead, of what it expected.
        _ if cause
            .is_some_and(|cause| matches!(cause.kind(), io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData)) =>
        {
            Trouble::Damaged(error.to_string())
        }
        _ => Trouble::Refused(Error::words(path)(error)),
    }
}
