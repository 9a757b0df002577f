//! Changing a library: changes gather in memory and become durable together.
//!
//! A commit is one `SQLite` transaction (that is the acknowledgement), then one tantivy commit that follows it. Nothing
//! of a batch shows before, and after a failed commit the batch is still there to be committed again: a full disk
//! costs the time until there is space.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use rusqlite::{Connection, TransactionBehavior};

use crate::error::Error;
use crate::forget::{self, Forgotten};
use crate::library::Shared;
use crate::lock::WriterLock;
use crate::repair;
use crate::store::write::{self, Change, Commit};
use crate::store::{self, read, schema};
use crate::types::{Document, FileStamp, TextHash, ToEmbed};
use crate::vectors::{Keeper, check, look};
use crate::verify::{self, Finding, Part};
use crate::view::View;
use crate::words::follow::Indexer;

/// The one writer of a library. Dropping it releases the lock and forgets what was not committed.
pub struct Writer {
    shared: Arc<Shared>,
    store: Connection,
    pending: Vec<Change>,
    /// Started by the first commit; dropped after an error, with what it had not committed.
    indexer: Option<Indexer>,
    /// The generation that the word index has confirmed.
    words_at: u64,
    keeper: Keeper,
    /// Last: the lock is released when nothing can write any more.
    _lock: WriterLock,
}

impl Writer {
    pub(crate) fn new(shared: Arc<Shared>, lock: WriterLock) -> Result<Self, Error> {
        // A process that created or changed the tables may have been killed since this one opened the library.
        schema::prepare(&shared.places.store)?;
        forget::resume(&shared)?;
        // The last writer may have stopped between its two commits, or another process may have left its repairs to us.
        let (keeper, _) = repair::repair_and_keep(&shared, &lock)?;
        let store = store::open(&shared.places.store)?;
        let words_at = read::generations(&store).map_err(Error::sqlite(&shared.places.store))?.words;
        Ok(Self { shared, store, pending: Vec::new(), indexer: None, words_at, keeper, _lock: lock })
    }

    /// Replaces everything known of a document's path, at the next commit.
    pub fn upsert(&mut self, document: Document) -> Result<(), Error> {
        self.pending.push(Change::Upsert(document));
        Ok(())
    }

    /// Moves a file to another path at the next commit, with its chunks, their ids and their vectors. What was known of `to`
    /// is replaced. A path that is not in the library changes nothing.
    pub fn rename(&mut self, from: &str, to: &str) -> Result<(), Error> {
        self.pending.push(Change::Rename { from: from.to_owned(), to: to.to_owned() });
        Ok(())
    }

    /// Notes another stamp for the same content at the next commit. A path that is not in the library changes nothing.
    pub fn touch(&mut self, path: &str, stamp: &FileStamp) -> Result<(), Error> {
        self.pending.push(Change::Touch { path: path.to_owned(), stamp: stamp.clone() });
        Ok(())
    }

    /// Forgets a file at the next commit. A path that is not in the library changes nothing.
    pub fn remove(&mut self, path: &str) -> Result<(), Error> {
        self.pending.push(Change::Remove(path.to_owned()));
        Ok(())
    }

    /// Makes the gathered changes durable and searchable, all or none, in the order in which they came; returns the new
    /// generation (the old one if there is nothing to commit).
    ///
    /// After [`Error::Sqlite`] nothing was changed and the changes are still gathered: commit again when the cause is gone.
    /// After [`Error::Words`] the changes are durable but not yet found by their words: the next commit or start makes up for it.
    pub fn commit(&mut self) -> Result<u64, Error> {
        if !self.pending.is_empty() {
            // Questions that come during the commit see this. If it cannot be had they wait: no reason not to commit.
            let before = View::if_whole(&self.shared);
            let mut kept = self.shared.before_commit();
            *kept = before.or(kept.take());
        }
        let committed = self.commit_store();
        // Even then: an earlier commit may have left the word index behind.
        let followed = self.commit_words();
        if followed.is_ok() {
            *self.shared.before_commit() = None;
        }
        let generation = committed?;
        followed.map(|()| generation)
    }

    fn commit_store(&mut self) -> Result<u64, Error> {
        let mut commit = || {
            if self.pending.is_empty() {
                return Ok(read::generations(&self.store)?.all);
            }
            let transaction = self.store.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let mut commit = Commit::begin(transaction, self.words_at)?;
            for change in &self.pending {
                commit.apply(change)?;
            }
            commit.finish()
        };
        let generation = commit().map_err(Error::sqlite(&self.shared.places.store))?;
        self.pending.clear();
        Ok(generation)
    }

    fn commit_words(&mut self) -> Result<(), Error> {
        let wanted = read::generations(&self.store).map_err(Error::sqlite(&self.shared.places.store))?.words;
        if wanted == self.words_at {
            return Ok(());
        }
        let mut indexer = if let Some(indexer) = self.indexer.take() {
            indexer
        } else {
            let words = self.shared.words_slot().clone();
            let Some(words) = words else {
                // It could not be built anew when something was forgotten.
                repair::replace_words(&self.shared, &self.store)?;
                self.words_at = wanted;
                return Ok(());
            };
            Indexer::new(&words)?
        };
        self.words_at = indexer.follow(&self.store, &self.shared.places.store)?;
        self.indexer = Some(indexer);
        Ok(())
    }

    /// Forgets files for good: their text, their vectors and whatever else the library made of them leave every byte of every one of
    /// its files, and [`Library::forgotten`](crate::Library::forgotten) names their paths from now on. Changes of these paths that
    /// were not committed are dropped. Returns how many files the library knew of; a path that it does not know is remembered all the
    /// same. Complete when it returns; cut short after the first moments, it is completed by the next start.
    ///
    /// # Errors
    /// [`Error::StillRead`] as long as there is a snapshot of an earlier state, in this process or another. Then, as after any error
    /// past the first commit, nothing is found any more, and the next start or call removes the rest.
    pub fn forget(&mut self, which: &Forgotten) -> Result<u64, Error> {
        let path = &self.shared.places.store;
        self.pending.retain(|change| !change.concerns(which));
        let transaction = self.store.transaction_with_behavior(TransactionBehavior::Immediate);
        let files = transaction
            .and_then(|transaction| {
                let mut commit = Commit::begin(transaction, self.words_at)?;
                let files = commit.forget(which)?;
                commit.finish()?;
                Ok(files)
            })
            .map_err(Error::sqlite(path))?;
        // A merge under way would go on writing into a folder that is about to go.
        self.indexer.take().map_or(Ok(()), Indexer::finish)?;
        self.keeper = Keeper::default();
        forget::clean(&self.shared, &self.store, forget::PATIENCE)?;
        self.words_at = read::generations(&self.store).map_err(Error::sqlite(path))?.words;
        (self.keeper, _) = Keeper::open(&self.shared, &self.store)?;
        Ok(files)
    }

    /// Lets forgotten paths be read again, at the next update; returns those that were forgotten. A path is undone as it was forgotten:
    /// a file of a forgotten folder is not known by itself.
    pub fn undo_forget(&mut self, which: &Forgotten) -> Result<Vec<String>, Error> {
        let transaction = self.store.transaction_with_behavior(TransactionBehavior::Immediate);
        transaction
            .and_then(|transaction| write::undo_forget(transaction, which))
            .map_err(Error::sqlite(&self.shared.places.store))
    }

    /// Selects the embedder. The vectors of any other are dropped; selecting the selected one changes nothing. Durable
    /// when it returns.
    pub fn set_embedder(&mut self, id: &str, dimension: usize) -> Result<(), Error> {
        let transaction = self.store.transaction_with_behavior(TransactionBehavior::Immediate);
        let changed = transaction
            .and_then(|transaction| write::set_embedder(transaction, id, dimension))
            .map_err(Error::sqlite(&self.shared.places.store))?;
        if changed {
            self.keeper = Keeper::default();
        }
        Ok(())
    }

    /// Up to `limit` distinct committed texts without a vector, the newest chunks' first.
    pub fn unembedded(&self, limit: usize) -> Result<Vec<ToEmbed>, Error> {
        read::unembedded(&self.store, limit).map_err(Error::sqlite(&self.shared.places.store))
    }

    /// Stores vectors of the selected embedder, all or none; durable when it returns. Texts that no chunk has any more are
    /// passed over.
    ///
    /// `embedder` is the id of the model that made them.
    ///
    /// Errors: [`Error::NoEmbedder`]; [`Error::OtherEmbedder`] if another is selected; [`Error::Dimension`], [`Error::NotFinite`], [`Error::NotUnit`] if any vector is unfit.
    pub fn put_embeddings(&mut self, embedder: &str, rows: &[(TextHash, Vec<f32>)]) -> Result<(), Error> {
        let path = &self.shared.places.store;
        let selected = read::embedder(&self.store).map_err(Error::sqlite(path))?.ok_or(Error::NoEmbedder)?;
        if selected.name != embedder {
            return Err(Error::OtherEmbedder { selected: selected.name, received: embedder.to_owned() });
        }
        for (_, vector) in rows {
            check(vector, selected.dimension)?;
        }
        let transaction = self.store.transaction_with_behavior(TransactionBehavior::Immediate);
        transaction
            .and_then(|transaction| write::put_vectors(transaction, selected.id, rows))
            .map_err(Error::sqlite(path))?;
        self.keeper.follow(&self.shared, &self.store, rows.len());
        Ok(())
    }

    /// Makes word index and vectors agree with the database again, as far as `findings` ask for it; returns a line for each repair. What
    /// was not committed stays gathered.
    ///
    /// What is wrong with the database itself stays ([`Part::Store`]).
    pub fn repair(&mut self, findings: &[Finding]) -> Result<Vec<String>, Error> {
        let mut notices = Vec::new();
        if let Some(finding) = findings.iter().find(|finding| finding.part == Part::Words) {
            // It holds the index's own lock.
            self.indexer = None;
            notices.extend(repair::rebuild_words(&self.shared, &self.store, &finding.what)?);
            self.words_at = read::generations(&self.store).map_err(Error::sqlite(&self.shared.places.store))?.words;
        }
        if findings.iter().any(|finding| finding.part == Part::Vectors) {
            let waiting = verify::repair_vectors(&mut self.store).map_err(Error::sqlite(&self.shared.places.store))?;
            *self.shared.vectors.lock().unwrap_or_else(PoisonError::into_inner) = None;
            if waiting > 0 {
                notices.push(format!("{waiting} passages wait for a new vector."));
            }
            notices.extend(self.repair_vector_file()?);
        }
        Ok(notices)
    }

    /// Makes the file of rounded vectors anew where it is wrong.
    fn repair_vector_file(&mut self) -> Result<Vec<String>, Error> {
        let Shared { places, options, distrusted, .. } = &*self.shared;
        let wrong = look(options.vectors, &places.vectors, &self.store, true).map_err(Error::sqlite(&places.store))?;
        if wrong.is_none() {
            return Ok(Vec::new());
        }
        distrusted.store(true, Ordering::Relaxed);
        let (keeper, notices) = Keeper::open(&self.shared, &self.store)?;
        self.keeper = keeper;
        Ok(notices)
    }

    /// Ends writing with the library tidied up: pending merges of the word index are waited for. What was not committed is
    /// forgotten. Dropping a writer instead is as safe, and leaves the tidying to the next one.
    pub fn finish(mut self) -> Result<(), Error> {
        self.indexer.take().map_or(Ok(()), Indexer::finish)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // If the word index is behind, the next snapshot repairs it, now that the lock is free.
        *self.shared.before_commit() = None;
    }
}
