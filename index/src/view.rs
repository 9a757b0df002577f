//! One generation of a library, held still: what all snapshots of that generation share.
//!
//! A view is a read transaction on the truth store and a searcher of the word index that belong together. Both are
//! immutable by construction (write-ahead log, immutable segments), so nothing is copied and a writer is never
//! held up. A transaction keeps the log from being reset: views live as long as their snapshots, no longer, except
//! during a commit of this process, when the view before it is kept for questions that come meanwhile.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use tantivy::Searcher;

use crate::analysis::Languages;
use crate::error::Error;
use crate::library::Shared;
use crate::lock::{WriterLock, wait_a_moment};
use crate::repair;
use crate::store::read::EmbedderRow;
use crate::store::{self, read};
use crate::types::ChunkId;
use crate::vectors::{Index, Living, Neighbor, Originals, VectorId, VectorKind, from_file};
use crate::words::query::Asker;
use crate::words::terms::Counts;
use crate::words::{Care, Fields, Words};

/// How long a snapshot waits for another process that is between its two commits; afterwards it takes what there is.
const BETWEEN_COMMITS: Duration = Duration::from_secs(1);

/// A consistent state of a library.
pub(crate) struct View {
    shared: Arc<Shared>,
    pub(crate) generation: u64,
    /// Whether the words are those of the store.
    whole: bool,
    store: Mutex<Connection>,
    words: Option<(Searcher, Fields, Languages)>,
    counts: Counts,
    vectors: Mutex<Option<Arc<Vectors>>>,
}

/// The vectors of a view's chunks.
pub(crate) struct Vectors {
    embedder: String,
    generation: u64,
    index: Index,
    /// By chunk.
    of_chunk: Vec<(ChunkId, VectorId)>,
    /// By vector, each with the first chunk that has it.
    first_chunk: Vec<(VectorId, ChunkId)>,
}

enum Found {
    /// Store and words belong together.
    Whole(View),
    /// The words are behind the store.
    Behind(View),
}

impl View {
    /// The last complete commit.
    pub(crate) fn current(shared: &Arc<Shared>) -> Result<Arc<View>, Error> {
        let start = Instant::now();
        loop {
            let view = match View::open(shared)? {
                Found::Whole(view) => view,
                Found::Behind(view) => {
                    if let Some(before) = shared.before_commit().clone() {
                        return Ok(before);
                    }
                    if start.elapsed() < BETWEEN_COMMITS {
                        // If nobody holds the lock, nobody will finish the commit but us.
                        match WriterLock::try_acquire(&shared.places.lock) {
                            Ok(lock) => drop(repair::repair(shared, &lock)?),
                            Err(Error::Locked { .. }) => wait_a_moment(),
                            Err(error) => return Err(error),
                        }
                        continue;
                    }
                    view
                }
            };
            return Ok(View::share(shared, view));
        }
    }

    /// The present state if it is a complete commit: asks once, waits for nobody.
    pub(crate) fn if_whole(shared: &Arc<Shared>) -> Option<Arc<View>> {
        match View::open(shared) {
            Ok(Found::Whole(view)) => Some(View::share(shared, view)),
            Ok(Found::Behind(_)) | Err(_) => None,
        }
    }

    /// The view of the same state that is already in use, if there is one: it has its vectors loaded.
    fn share(shared: &Shared, view: View) -> Arc<View> {
        let mut latest = shared.latest.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = latest.upgrade()
            && known.generation == view.generation
            && known.whole == view.whole
        {
            return known;
        }
        let view = Arc::new(view);
        *latest = Arc::downgrade(&view);
        view
    }

    fn open(shared: &Arc<Shared>) -> Result<Found, Error> {
        let words = shared.open_words();
        // Words first: the store is then at their generation or past it, never before.
        let searched = words.as_ref().map(Words::searcher).transpose()?;
        let path = &shared.places.store;
        let store = store::open_to_read(path)?;
        // A deferred transaction begins its view with its first read.
        let begin = store.execute_batch("BEGIN").and_then(|()| read::generations(&store));
        let generations = begin.map_err(Error::sqlite(path))?;
        let whole = searched.as_ref().is_some_and(|(stamp, _)| stamp.generation == generations.words);
        let view = View {
            shared: Arc::clone(shared),
            generation: generations.all,
            whole,
            store: Mutex::new(store),
            words: searched.zip(words).map(|((stamp, searcher), words)| (searcher, words.fields(), stamp.languages)),
            counts: Counts::default(),
            vectors: Mutex::default(),
        };
        Ok(if whole { Found::Whole(view) } else { Found::Behind(view) })
    }

    /// Whether words and store belong together.
    pub(crate) fn is_whole(&self) -> bool {
        self.whole
    }

    /// Reads from the truth store as it was at this generation.
    pub(crate) fn read<T>(&self, ask: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, Error> {
        ask(&self.store()).map_err(Error::sqlite(&self.shared.places.store))
    }

    fn store(&self) -> MutexGuard<'_, Connection> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The languages of the folder's documents.
    pub(crate) fn languages(&self) -> Languages {
        self.words.as_ref().map(|(.., languages)| *languages).unwrap_or_default()
    }

    /// Asks the word index; `None` while another process rebuilds it.
    pub(crate) fn ask<T>(&self, question: impl FnOnce(Asker<'_>) -> tantivy::Result<T>) -> Result<Option<T>, Error> {
        let Some((searcher, fields, languages)) = &self.words else { return Ok(None) };
        let asker = Asker { searcher, fields: *fields, languages: *languages, counts: &self.counts };
        question(asker).map(Some).map_err(Error::words(&self.shared.places.words))
    }

    /// The vectors of this generation, loaded on first use; `None` if no embedder is selected.
    pub(crate) fn vectors(&self) -> Result<Option<Arc<Vectors>>, Error> {
        let mut loaded = self.vectors.lock().unwrap_or_else(PoisonError::into_inner);
        if loaded.is_none() {
            *loaded = self.load_vectors()?.map(Arc::new);
        }
        Ok(loaded.clone())
    }

    fn load_vectors(&self) -> Result<Option<Vectors>, Error> {
        let Some(embedder) = self.read(read::embedder)? else { return Ok(None) };
        let of_chunk = self.read(|store| read::vectors::embedded_chunks(store, embedder.id))?;
        let mut first_chunk: Vec<(VectorId, ChunkId)> =
            of_chunk.iter().map(|&(chunk, vector)| (vector, chunk)).collect();
        first_chunk.sort_unstable();
        first_chunk.dedup_by_key(|(vector, _)| *vector);
        let living = Living::whole(&first_chunk, self.generation);
        let kind = self.shared.options.vectors;

        let mut shared = self.shared.vectors.lock().unwrap_or_else(PoisonError::into_inner);
        let known = shared.take().filter(|(id, index)| *id == embedder.id && index.suits(kind, living.len()));
        let mut index = match known {
            Some((_, index)) => index,
            None => self.first_index(&embedder, living)?,
        };
        self.top_up(embedder.id, &mut index)?;
        // More dead rows than living ones, or living ones lost to a younger view's compaction: from scratch.
        if index.is_wasteful(living) || !index.holds(living) {
            index = Index::new(kind, living.len(), embedder.dimension);
            self.top_up(embedder.id, &mut index)?;
            if !index.holds(living) {
                let why = "a stored vector does not have its embedder's dimension".to_owned();
                return Err(Error::Corrupt { path: self.shared.places.store.clone(), why });
            }
        }
        index.follow(living);
        *shared = Some((embedder.id, index.clone()));
        Ok(Some(Vectors { embedder: embedder.name, generation: self.generation, index, of_chunk, first_chunk }))
    }

    /// An index that begins with what the file of rounded vectors has, where one is wanted.
    fn first_index(&self, embedder: &EmbedderRow, living: Living<'_>) -> Result<Index, Error> {
        let index = Index::new(self.shared.options.vectors, living.len(), embedder.dimension);
        if !index.is_rounded() {
            return Ok(index);
        }
        let path = &self.shared.places.vectors;
        let rows = match from_file(path, embedder, living, self)? {
            Ok(rows) => rows,
            Err(why) => {
                tracing::warn!("{}: {why}; vectors are read from the database", path.display());
                self.shared.distrusted.store(true, Ordering::Relaxed);
                // If nobody writes, nobody will make it anew but us.
                match WriterLock::try_acquire(&self.shared.places.lock) {
                    Ok(lock) => {
                        repair::repair(&self.shared, &lock)?;
                        from_file(path, embedder, living, self)?.unwrap_or_default()
                    }
                    Err(_) => None,
                }
            }
        };
        Ok(match rows {
            Some(rows) => index.with_rows(rows),
            None => index,
        })
    }

    /// Appends the vectors that are newer than the index.
    fn top_up(&self, embedder: i64, index: &mut Index) -> Result<(), Error> {
        let last = index.last();
        self.read(|store| read::vectors::since(store, embedder, last, |id, values| index.push(id, values)))
    }
}

impl Originals for View {
    fn each(&self, ids: &[VectorId], take: &mut dyn FnMut(VectorId, &[f32])) -> Result<(), Error> {
        self.read(|store| read::vectors::some(store, ids, take))
    }
}

impl Shared {
    pub(crate) fn before_commit(&self) -> MutexGuard<'_, Option<Arc<View>>> {
        self.before_commit.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The word index, opened if another process has repaired it meanwhile.
    fn open_words(&self) -> Option<Words> {
        let mut slot = self.words_slot();
        if slot.is_none() {
            *slot = Words::open(&self.places.words, Care::Usual).ok();
        }
        slot.clone()
    }
}

impl Vectors {
    /// The id of the model that made them.
    pub(crate) fn embedder(&self) -> &str {
        &self.embedder
    }

    pub(crate) fn dimension(&self) -> usize {
        self.index.dimension()
    }

    /// How they are compared just now.
    pub(crate) fn kind(&self) -> VectorKind {
        self.index.kind(Living::whole(&self.first_chunk, self.generation))
    }

    /// The chunks nearest to any of `queries`, best first; of chunks with the same text, the first stands for all. Only those
    /// in `admitted`, where some are. `view` is theirs.
    pub(crate) fn nearest(
        &self,
        view: &View,
        queries: &[Vec<f32>],
        limit: usize,
        admitted: Option<&HashSet<ChunkId>>,
    ) -> Result<Vec<(ChunkId, f32)>, Error> {
        let mut some: Vec<(VectorId, ChunkId)> = Vec::new();
        let living = if let Some(admitted) = admitted {
            let of_chunk = self.of_chunk.iter().filter(|(chunk, _)| admitted.contains(chunk));
            some.extend(of_chunk.map(|&(chunk, vector)| (vector, chunk)));
            // The first one that is admitted stands for all then.
            some.sort_unstable();
            some.dedup_by_key(|(vector, _)| *vector);
            Living::some(&some)
        } else {
            Living::whole(&self.first_chunk, self.generation)
        };
        let near = self.index.search().nearest(queries, limit, living, view)?;
        Ok(near.into_iter().filter_map(|Neighbor { id, cosine }| Some((living.chunk(id)?, cosine))).collect())
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.first_chunk.len()
    }

    /// The chunks' greatest cosines to any of `queries`, without those that have no vector. `view` is theirs.
    pub(crate) fn cosines(
        &self,
        view: &View,
        chunks: &[ChunkId],
        queries: &[Vec<f32>],
    ) -> Result<HashMap<ChunkId, f32>, Error> {
        let vector = |chunk: &ChunkId| {
            let place = self.of_chunk.binary_search_by_key(chunk, |(c, _)| *c).ok()?;
            Some((*chunk, self.of_chunk[place].1))
        };
        let vectors: Vec<(ChunkId, VectorId)> = chunks.iter().filter_map(vector).collect();
        let mut ids: Vec<VectorId> = vectors.iter().map(|(_, vector)| *vector).collect();
        ids.sort_unstable();
        ids.dedup();
        let near = self.index.search().cosines(&ids, queries, view)?;
        let cosines: HashMap<VectorId, f32> = near.into_iter().map(|Neighbor { id, cosine }| (id, cosine)).collect();
        Ok(vectors.into_iter().filter_map(|(chunk, id)| Some((chunk, *cosines.get(&id)?))).collect())
    }
}
