//! Searching: one question against one immutable state of a library.
//!
//! Flow of [`Snapshot::search`]: the vectors name their nearest chunks, the words score all matches (those chunks
//! included), [`crate::fusion`] makes one ranking, duplicates collapse, and the passages are read.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::analysis::{Languages, Stems, each_stem, places_of, query_terms};
use crate::conditions::Conditions;
use crate::error::Error;
use crate::fusion::{Candidate, Parts, VECTOR_WEIGHT, fuse};
use crate::store::read;
use crate::types::{Chunk, ChunkId};
use crate::vectors::{VectorKind, check};
use crate::view::{Vectors, View};
use crate::words::query::WeightedText;
use crate::words::terms::RareTerm;

/// Candidates taken from each side: recall at 100 is what fusion has to work with.
const CANDIDATES: usize = 100;

/// An immutable view of a library: commits after it do not show. Cheap to clone, shareable between threads.
#[derive(Clone)]
pub struct Snapshot {
    view: Arc<View>,
}

/// What to search for.
#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    /// The question and what stands around it. Coverage and phrases go by the weightiest (the first of equals).
    pub texts: Vec<WeightedText>,
    /// The question's forms as vectors; a chunk counts by the nearest.
    pub vectors: QueryVectors,
    /// Hits wanted.
    pub limit: usize,
    /// What counts.
    pub mode: Mode,
    /// Which passages may be found.
    pub conditions: Conditions,
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
    /// The passage.
    pub chunk: Chunk,
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
        if query.limit == 0 {
            return Ok(Vec::new());
        }
        let asked = &query.vectors.vectors;
        let vectors = self.usable_vectors(query)?;
        // Twice the limit: some collapse as duplicates.
        let depth = query.limit.saturating_mul(2).max(CANDIDATES);
        let admitted = self.admitted(&query.conditions)?.map(Arc::new);
        let listed = admitted.clone();
        let near = match &vectors {
            Some(vectors) => vectors.nearest(&self.view, asked, depth, admitted.as_deref())?,
            None => Vec::new(),
        };
        let wanted: HashSet<ChunkId> = near.iter().map(|(id, _)| *id).collect();
        let (plan, matches) = self
            .view
            .ask(|asker| {
                let plan = asker.plan(&query.texts)?;
                let matches = asker.run(&plan, depth, wanted, admitted)?;
                Ok((plan, matches))
            })?
            .unwrap_or_default();

        let mut bm25 = matches.wanted;
        let mut cosines: HashMap<ChunkId, f32> = near.iter().copied().collect();
        let mut ids: Vec<ChunkId> = near.iter().map(|(id, _)| *id).collect();
        if query.mode != Mode::Vector {
            for scored in &matches.best {
                bm25.insert(scored.id, scored.score);
                if !cosines.contains_key(&scored.id) {
                    ids.push(scored.id);
                    if let Some(vectors) = &vectors
                        && let Some(cosine) = vectors.cosine(&self.view, scored.id, asked)?
                    {
                        cosines.insert(scored.id, cosine);
                    }
                }
            }
        }
        if query.texts.iter().all(|text| text.text.trim().is_empty()) && asked.is_empty() {
            // Conditions alone: what they admit, in the order of the library.
            ids.extend(listed.iter().flat_map(|admitted| admitted.iter().copied()));
            ids.sort_unstable();
        }
        let candidates: Vec<Candidate> = ids
            .iter()
            .map(|id| Candidate {
                id: *id,
                bm25: bm25.get(id).copied().unwrap_or(0.0),
                cosine: cosines.get(id).copied(),
            })
            .collect();
        let vector_weight = match (query.mode, &vectors) {
            (Mode::Vector, _) => 1.0,
            (Mode::Lexical, _) | (_, None) => 0.0,
            (Mode::Hybrid, Some(_)) => VECTOR_WEIGHT,
        };
        let lexical = ranks(matches.best.iter().map(|scored| scored.id));
        let vector = ranks(near.iter().map(|(id, _)| *id));

        let mut hits = Vec::with_capacity(query.limit.min(candidates.len()));
        let (mut texts, mut stems) = (HashSet::new(), Stems::new());
        for fused in fuse(&candidates, vector_weight) {
            if hits.len() == query.limit {
                break;
            }
            // Not there: removed by a commit that the word index had not followed when this snapshot was taken.
            let Some((chunk, hash)) = self.view.read(|store| read::chunk(store, fused.id))? else { continue };
            if !texts.insert(hash) {
                continue;
            }
            let bm25 = bm25.get(&fused.id).copied().unwrap_or(0.0);
            hits.push(Hit {
                score: fused.score,
                parts: fused.parts,
                lexical: lexical.get(&fused.id).copied(),
                vector: vector.get(&fused.id).copied(),
                bm25,
                lexical_share: if plan.scale > 0.0 { bm25 / plan.scale } else { 0.0 },
                cosine: cosines.get(&fused.id).copied(),
                coverage: coverage(&plan.main, &chunk, self.view.languages(), &mut stems),
                chunk,
            });
        }
        Ok(hits)
    }

    /// A passage by its number; `None` if it is not (or no longer) in the library.
    pub fn chunk(&self, id: ChunkId) -> Result<Option<Chunk>, Error> {
        Ok(self.view.read(|store| read::chunk(store, id))?.map(|(chunk, _)| chunk))
    }

    /// The passages before and after one in its file.
    pub fn neighbors(&self, id: ChunkId) -> Result<(Option<Chunk>, Option<Chunk>), Error> {
        self.view.read(|store| Ok((read::neighbor(store, id, -1)?, read::neighbor(store, id, 1)?)))
    }

    /// The distinct analyzed terms of a text, in its order, each with its idf in this folder:
    /// ln(1 + (N − n + ½) / (n + ½)) for n of N passages. Empty while [`Snapshot::has_words`] is false.
    pub fn term_weights(&self, text: &str) -> Result<Vec<(String, f32)>, Error> {
        let weights = self.view.ask(|asker| Ok(asker.rarities(&asker.terms(text)?)))?.unwrap_or_default();
        Ok(weights.into_iter().map(|term| (term.stem, term.idf)).collect())
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
    fn admitted(&self, conditions: &Conditions) -> Result<Option<HashSet<ChunkId>>, Error> {
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
    fn usable_vectors(&self, query: &Query) -> Result<Option<Arc<Vectors>>, Error> {
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

fn ranks(ids: impl Iterator<Item = ChunkId>) -> HashMap<ChunkId, Rank> {
    ids.take(CANDIDATES).zip(1..).map(|(id, rank)| (id, Rank(rank))).collect()
}

/// The idf-weighted share of `terms` that the chunk holds anywhere, in any of their forms.
fn coverage(terms: &[RareTerm], chunk: &Chunk, languages: Languages, stems: &mut Stems) -> f32 {
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
    credits.sum::<f32>() / total
}
