//! Searching: one question against one immutable state of a library.
//!
//! Flow of [`Snapshot::explain`]: the vectors name their nearest chunks, the words score all matches (those chunks
//! included), [`crate::fusion`] makes one ranking, the passages are read, what stands in them lifts some, and the hits are chosen;
//! [`crate::search`] has the steps.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::affinity::Affinity;
use crate::analysis::{Languages, Stems, each_stem, places_of, query_terms};
use crate::choose::Diversity;
use crate::conditions::Conditions;
use crate::error::Error;
use crate::explain::Explained;
use crate::fusion::Parts;
use crate::merge::{self, Passage};
use crate::search;
use crate::store::read;
use crate::types::{Chunk, ChunkId, FileRecord};
use crate::vectors::{VectorKind, check};
use crate::view::{Vectors, View};
use crate::words::query::WeightedText;
use crate::words::terms::{RareTerm, rarities};

/// Hits of a query that does not say how many.
const USUAL_LIMIT: usize = 10;

/// An immutable view of a library: commits after it do not show. Cheap to clone, shareable between threads.
#[derive(Clone)]
pub struct Snapshot {
    pub(crate) view: Arc<View>,
}

/// What to search for. The default asks nothing and wants ten hits of the ranking itself: nothing lifted, nothing left out but equal
/// texts, nothing joined. [`Query::usual`] is what a person wants to see.
#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    /// The question and what stands around it. Coverage, phrases and boosts go by the weightiest (the first of equals).
    pub texts: Vec<WeightedText>,
    /// The question's forms as vectors; a chunk counts by the nearest.
    pub vectors: QueryVectors,
    /// Hits wanted.
    pub limit: usize,
    /// What counts.
    pub mode: Mode,
    /// Which passages may be found.
    pub conditions: Conditions,
    /// What the model of the vectors knows of the question's language.
    pub affinity: Affinity,
    /// Whether passages are lifted that hold the question's phrase or identifiers as they stand, or whose file it names. Not in
    /// [`Mode::Vector`].
    pub boosts: bool,
    /// How unlike each other hits are.
    pub diversity: Diversity,
    /// Whether a second search goes by telling words of the best passages too, where the first one was neither short nor specific.
    pub feedback: bool,
    /// Whether hits that follow each other in a file become one ([`Hit::others`]). There may be fewer than `limit` then.
    pub merge_neighbors: bool,
}

impl Default for Query {
    fn default() -> Self {
        Self {
            texts: Vec::new(),
            vectors: QueryVectors::default(),
            limit: USUAL_LIMIT,
            mode: Mode::default(),
            conditions: Conditions::default(),
            affinity: Affinity::default(),
            boosts: false,
            diversity: Diversity::default(),
            feedback: false,
            merge_neighbors: false,
        }
    }
}

impl Query {
    /// What a person wants to see: boosts, [`Diversity::usual`], neighbors as one passage. It asks nothing yet.
    pub fn usual() -> Self {
        Self { boosts: true, diversity: Diversity::usual(), merge_neighbors: true, ..Self::default() }
    }
}

/// Vectors of one model. Those of another model than the library's mean nothing there, whatever their length.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct QueryVectors {
    /// The id of the model that made them, as given to [`crate::Writer::set_embedder`].
    pub embedder: String,
    /// Of unit length.
    pub vectors: Vec<Vec<f32>>,
}

/// What a search goes by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Words and vectors; words alone where there are no vectors.
    #[default]
    Hybrid,
    /// Words alone.
    Lexical,
    /// Vectors alone.
    Vector,
}

/// A place in a ranking, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Rank(pub u32);

/// A passage found.
#[derive(Debug, Clone, PartialEq)]
pub struct Hit {
    /// The passage; where neighbors were merged, the best of them, which all figures are of.
    pub chunk: Chunk,
    /// The neighbors that were merged into it, in reading order; empty unless [`Query::merge_neighbors`] asked for it. All of them
    /// were hits themselves. [`Hit::passage`] joins them.
    pub others: Vec<Chunk>,
    /// Its score among the hits of this search, in 0..=1; says nothing across searches.
    pub score: f32,
    /// What the score is made of.
    pub parts: Parts,
    /// Its place by words, if among the first hundred.
    pub lexical: Option<Rank>,
    /// Its place by vectors, if among the first hundred.
    pub vector: Option<Rank>,
    /// Raw BM25 over all texts of the query, fields and phrases included; 0 without a word in common.
    pub bm25: f32,
    /// `bm25` over the sum of the query's weighted idfs: comparable across searches, about 0 (off topic) to above 1.
    pub lexical_share: f32,
    /// The greatest cosine to a query vector; `None` without query vectors or while the passage has none.
    pub cosine: Option<f32>,
    /// Share of the main text's terms, weighted by idf, that the passage (title, heading and path included) holds: 0..=1. The
    /// nearest word to one that the folder does not hold counts for a part of it.
    pub coverage: f32,
}

impl Hit {
    /// What there is to read and to cite: the chunk, or all merged neighbors joined in reading order.
    pub fn passage(&self) -> Passage {
        let mut chunks: Vec<&Chunk> = self.others.iter().chain([&self.chunk]).collect();
        chunks.sort_by_key(|chunk| chunk.ordinal);
        let (first, rest) = chunks.split_first().expect("a hit has its chunk");
        merge::join(first, rest.iter().copied())
    }
}

impl Snapshot {
    pub(crate) fn of(view: Arc<View>) -> Self {
        Self { view }
    }

    /// The generation that this snapshot shows.
    pub fn generation(&self) -> u64 {
        self.view.generation
    }

    /// Whether passages can be found by their words. False only while another process rebuilds the word index.
    pub fn has_words(&self) -> bool {
        matches!(self.view.ask(|_| Ok(())), Ok(Some(())))
    }

    /// How a search without conditions compares vectors just now, a graph being built in the background; `None` while no
    /// embedder is selected. Loads the vectors.
    pub fn vector_kind(&self) -> Result<Option<VectorKind>, Error> {
        Ok(self.view.vectors()?.map(|vectors| vectors.kind()))
    }

    /// The best passages, best first; ties by chunk id. Passages with equal text (context included) are one hit.
    ///
    /// Every text is a valid query. Query vectors must be fit ([`Error::Dimension`], [`Error::NotFinite`],
    /// [`Error::NotUnit`]); those of another embedder than the selected one are ignored.
    pub fn search(&self, query: &Query) -> Result<Vec<Hit>, Error> {
        Ok(self.explain(query, &|| false)?.hits)
    }

    /// The hits of [`Snapshot::search`], and what was left out above the last of them. `cancelled` is asked between steps and
    /// passages, some hundred times; once it is true the search ends with [`Error::Cancelled`].
    pub fn explain(&self, query: &Query, cancelled: &dyn Fn() -> bool) -> Result<Explained, Error> {
        search::run(self, query, cancelled)
    }

    /// A passage by its number; `None` if it is not (or no longer) in the library.
    pub fn chunk(&self, id: ChunkId) -> Result<Option<Chunk>, Error> {
        Ok(self.view.read(|store| read::chunk(store, id))?.map(|(chunk, _)| chunk))
    }

    /// The passages before and after one in its file.
    pub fn neighbors(&self, id: ChunkId) -> Result<(Option<Chunk>, Option<Chunk>), Error> {
        self.view.read(|store| Ok((read::neighbor(store, id, -1)?, read::neighbor(store, id, 1)?)))
    }

    /// All passages of the file at `path`, in reading order; none if it has no text or is not in the library.
    pub fn chunks_at(&self, path: &str) -> Result<Vec<Chunk>, Error> {
        self.view.read(|store| read::chunks_at(store, path))
    }

    /// What the library knows of the file at `path`.
    pub fn file(&self, path: &str) -> Result<Option<FileRecord>, Error> {
        self.view.read(|store| read::file(store, path))
    }

    /// The distinct analyzed terms of a text, in its order, each with its idf in this folder:
    /// ln(1 + (N − n + ½) / (n + ½)) for n of N passages. Empty while [`Snapshot::has_words`] is false.
    pub fn term_weights(&self, text: &str) -> Result<Vec<(String, f32)>, Error> {
        let weights = self.view.ask(|asker| Ok(rarities(&asker.terms(text)?)))?.unwrap_or_default();
        Ok(weights.into_iter().map(|term| (term.stem, term.idf)).collect())
    }

    /// `count` passages from all over the library, or all there are, in no meaningful order and the same ones every time.
    pub fn sample(&self, count: usize) -> Result<Vec<Chunk>, Error> {
        self.view.read(|store| {
            let ids = read::sample(store, count)?;
            let chunk = |id| read::chunk(store, id).map(|found| found.map(|(chunk, _)| chunk));
            ids.into_iter().filter_map(|id| chunk(id).transpose()).collect()
        })
    }

    /// The stemmed terms of a text, in its order, repeats included, without stop words. A word that has several stems in the
    /// languages of the folder goes by the one that the folder holds most of.
    pub fn analyze(&self, text: &str) -> Vec<String> {
        let stems = self.view.ask(|asker| asker.stems(text));
        // Without a word index, by the first language.
        stems.ok().flatten().unwrap_or_else(|| {
            let terms = query_terms(text, self.view.languages());
            terms.into_iter().map(|mut term| term.stems.swap_remove(0)).collect()
        })
    }

    /// The words of a text that no passage holds in any form, each with the folder's nearest word: a search looks for that
    /// too, at a lower weight. In the order of the text; words with digits, short words and names in capitals are left alone.
    pub fn corrections(&self, text: &str) -> Result<Vec<(String, String)>, Error> {
        let corrections = self.view.ask(|asker| asker.corrections(text))?.unwrap_or_default();
        Ok(corrections.into_iter().map(|(typed, nearest)| (typed, nearest.word)).collect())
    }

    /// Byte ranges of `text` that share a term with `question`, or hold what is searched for in place of one ([`Snapshot::corrections`]):
    /// sorted, disjoint, on character borders.
    pub fn highlights(&self, question: &str, text: &str) -> Result<Vec<(usize, usize)>, Error> {
        let languages = self.view.languages();
        let corrections = self.view.ask(|asker| asker.corrections(question))?.unwrap_or_default();
        let terms = query_terms(question, languages).into_iter().flat_map(|term| term.stems);
        let wanted = terms.chain(corrections.into_iter().flat_map(|(_, nearest)| nearest.forms)).collect();
        Ok(places_of(&wanted, text, languages))
    }

    /// The passages that the conditions admit; `None` if these are all.
    pub(crate) fn admitted(&self, conditions: &Conditions) -> Result<Option<HashSet<ChunkId>>, Error> {
        let by_words = self.view.ask(|asker| asker.admitted(conditions))?.flatten();
        let by_file = if conditions.restricts_files() {
            let admits = |path: &str, time, tags: &str| conditions.admits_file(path, time, tags);
            Some(self.view.read(|store| read::chunks_of(store, admits))?)
        } else {
            None
        };
        let admitted = match (by_words, by_file) {
            (Some(words), Some(file)) => Some(words.intersection(&file).copied().collect()),
            (words, file) => words.or(file),
        };
        if !conditions.go_by_text() {
            return Ok(admitted);
        }
        // Whether words stand together only the text tells: that of the few passages which hold all words of a phrase, or of all.
        let some = match admitted {
            Some(some) => some,
            None => self.view.read(read::chunk_ids)?,
        };
        let admits = |store: &rusqlite::Connection, id| -> rusqlite::Result<Option<ChunkId>> {
            Ok(read::chunk(store, id)?.filter(|(chunk, _)| conditions.admits_text(chunk)).map(|_| id))
        };
        self.view.read(|store| some.into_iter().filter_map(|id| admits(store, id).transpose()).collect()).map(Some)
    }

    /// The library's vectors, if this query can use them.
    pub(crate) fn usable_vectors(&self, query: &Query) -> Result<Option<Arc<Vectors>>, Error> {
        if query.mode == Mode::Lexical || query.vectors.vectors.is_empty() {
            return Ok(None);
        }
        let Some(vectors) = self.view.vectors()?.filter(|v| v.embedder() == query.vectors.embedder) else {
            return Ok(None);
        };
        for vector in &query.vectors.vectors {
            check(vector, vectors.dimension())?;
        }
        Ok(Some(vectors))
    }
}

/// The idf-weighted share of `terms` that the chunk holds anywhere, in any of their forms.
pub(crate) fn coverage(terms: &[RareTerm], chunk: &Chunk, languages: Languages, stems: &mut Stems) -> f32 {
    let total: f32 = terms.iter().map(|term| term.idf).sum();
    if total <= 0.0 {
        return 0.0;
    }
    let mut wanted: HashMap<&str, Vec<usize>> = HashMap::new();
    for (place, term) in terms.iter().enumerate() {
        for form in &term.forms {
            wanted.entry(form).or_default().push(place);
        }
    }
    let mut held = vec![false; terms.len()];
    for text in [&chunk.text, &chunk.title, &chunk.heading, &chunk.path] {
        each_stem(text, languages, stems, |stem| {
            for &place in wanted.get(stem).into_iter().flatten() {
                held[place] = true;
            }
        });
    }
    // From the terms, not from the map: the order of a sum shows in its last bit.
    let credits = terms.iter().zip(held).filter(|(_, held)| *held).map(|(term, _)| term.idf * term.credit);
    // Not `sum`, which makes -0.0 of nothing.
    credits.fold(0.0, |sum, credit| sum + credit) / total
}
