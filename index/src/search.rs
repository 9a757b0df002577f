//! The flow of a search, from a query to explained hits.
//!
//! ```text
//! vectors ∥ words (→ feedback → words) → fuse → read texts → boosts → choose → merge
//! ```
//!
//! The steps that decide are pure and stand in modules of their own ([`crate::fusion`], [`crate::affinity`], [`crate::boost`],
//! [`crate::choose`], [`crate::merge`], [`crate::feedback`]); here they are fed. A search can be cancelled between any two steps and
//! while texts are read: a person who types on wants the next answer, not this one.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::affinity;
use crate::analysis::{Languages, Stems};
use crate::beside::both;
use crate::boost::{self, Asked, Boost};
use crate::choose::{Choice, Diversity, Item, Reason, choose};
use crate::error::Error;
use crate::explain::{Dropped, Explained, Place, Why};
use crate::feedback;
use crate::fusion::{Candidate, Fused, Parts, fuse};
use crate::likeness;
use crate::merge;
use crate::snapshot::{Hit, Mode, Query, Rank, Snapshot, coverage};
use crate::store::read;
use crate::top::Scored;
use crate::types::{Chunk, ChunkId, TextHash};
use crate::view::Vectors;
use crate::words::query::{Plan, WeightedText};

/// Candidates taken from each side: recall at 100 is what fusion has to work with.
const CANDIDATES: usize = 100;
/// Candidates that are read at first, at least; all are, where these are not enough. What stands below them cannot be lifted by a boost.
const READ: usize = 50;

/// Vectors from which on words are looked for on a thread of their own meanwhile: starting one takes as long as comparing some thousand.
const BESIDE: usize = 8_192;

/// What vectors and words found.
struct Gathered {
    candidates: Vec<Candidate>,
    plan: Plan,
    lexical: HashMap<ChunkId, Rank>,
    vector: HashMap<ChunkId, Rank>,
    vector_weight: f32,
    feedback: bool,
}

/// A candidate whose text was read.
struct Ranked {
    fused: Fused,
    chunk: Chunk,
    hash: TextHash,
    words: Vec<String>,
    boosts: Vec<Boost>,
    named: bool,
    score: f32,
}

fn go_on(cancelled: &dyn Fn() -> bool) -> Result<(), Error> {
    if cancelled() { Err(Error::Cancelled) } else { Ok(()) }
}

/// The text that coverage, phrases and boosts go by: the weightiest, the first of equals.
fn main_text(texts: &[WeightedText]) -> &str {
    let mut main: Option<&WeightedText> = None;
    for text in texts.iter().filter(|text| text.weight.is_finite() && text.weight > 0.0) {
        if main.is_none_or(|best| text.weight > best.weight) {
            main = Some(text);
        }
    }
    main.map_or("", |text| text.text.as_str())
}

/// Whether there are conditions alone: what they admit is listed in the order of the library.
fn is_listing(query: &Query) -> bool {
    query.texts.iter().all(|text| text.text.trim().is_empty()) && query.vectors.vectors.is_empty()
}

/// Runs a query. `cancelled` is asked between steps.
pub(crate) fn run(snapshot: &Snapshot, query: &Query, cancelled: &dyn Fn() -> bool) -> Result<Explained, Error> {
    if query.limit == 0 {
        return Ok(Explained::default());
    }
    let main = main_text(&query.texts);
    let asked = Asked::of(main, snapshot.view.languages());
    let gathered = gather(snapshot, query, &asked, cancelled)?;
    let fused = fuse(&gathered.candidates, gathered.vector_weight);

    let least = if query.boosts || query.diversity.needs_words() { READ } else { query.limit };
    let enough = query.limit.saturating_mul(2).max(least).min(fused.len());
    let mut passages = read_texts(snapshot, &fused[..enough], query, &asked, cancelled)?;
    let mut scale = rank(&mut passages);
    let diversity = if is_listing(query) { Diversity::default() } else { query.diversity };
    let mut choice = choose(&items(&passages), main, query.limit, diversity);
    if !choice.enough && enough < fused.len() {
        passages.extend(read_texts(snapshot, &fused[enough..], query, &asked, cancelled)?);
        scale = rank(&mut passages);
        choice = choose(&items(&passages), main, query.limit, diversity);
    }
    let mut explained = explain(&gathered, passages, &choice, scale, query, snapshot.view.languages());
    if query.merge_neighbors {
        merge_neighbors(&mut explained);
    }
    Ok(explained)
}

/// Asks vectors and words.
fn gather(
    snapshot: &Snapshot,
    query: &Query,
    question: &Asked,
    cancelled: &dyn Fn() -> bool,
) -> Result<Gathered, Error> {
    let asked = &query.vectors.vectors;
    let wanted_weight = match query.mode {
        Mode::Vector => 1.0,
        Mode::Lexical => 0.0,
        Mode::Hybrid => affinity::vector_weight(main_text(&query.texts), query.affinity, snapshot.view.languages()),
    };
    // Without weight they would bring up candidates that say nothing, and cosines that mislead.
    let vectors = if wanted_weight > 0.0 { snapshot.usable_vectors(query)? } else { None };
    // Twice the limit: some are left out.
    let depth = query.limit.saturating_mul(2).max(CANDIDATES);
    go_on(cancelled)?;
    let admitted = snapshot.admitted(&query.conditions)?.map(Arc::new);
    go_on(cancelled)?;
    let by_words = |texts: &[WeightedText]| -> Result<(Plan, _), Error> {
        let found = snapshot.view.ask(|asker| {
            let plan = asker.plan(texts)?;
            let matches = asker.run(&plan, depth, vectors.is_some(), admitted.clone())?;
            Ok((plan, matches))
        })?;
        Ok(found.unwrap_or_default())
    };
    let by_vectors = |vectors: &Vectors| vectors.nearest(&snapshot.view, asked, depth, admitted.as_deref());
    let (near, words) = match &vectors {
        Some(vectors) => both(vectors.len() >= BESIDE, || by_vectors(vectors), || by_words(&query.texts)),
        None => (Ok(Vec::new()), by_words(&query.texts)),
    };
    let (near, (mut plan, mut matches)) = (near?, words?);
    let mut feedback = false;
    if query.feedback
        && query.mode != Mode::Vector
        && feedback::is_wanted(question, &query.conditions, matches.best.len())
        && let Some(texts) = widened(snapshot, &query.texts, &matches.best)?
    {
        go_on(cancelled)?;
        (plan, matches) = by_words(&texts)?;
        feedback = true;
    }
    go_on(cancelled)?;

    let wanted: HashSet<ChunkId> = near.iter().map(|(id, _)| *id).collect();
    let mut bm25 = matches.scores(&wanted);
    let mut cosines: HashMap<ChunkId, f32> = near.iter().copied().collect();
    let mut ids: Vec<ChunkId> = near.iter().map(|(id, _)| *id).collect();
    if query.mode != Mode::Vector {
        let found = matches.best.iter().filter(|scored| !wanted.contains(&scored.id));
        let by_words_alone: Vec<ChunkId> = found.clone().map(|scored| scored.id).collect();
        bm25.extend(found.map(|scored| (scored.id, scored.score)));
        if let Some(vectors) = &vectors {
            cosines.extend(vectors.cosines(&snapshot.view, &by_words_alone, asked)?);
        }
        ids.extend(by_words_alone);
    }
    if is_listing(query) {
        ids.extend(admitted.iter().flat_map(|admitted| admitted.iter().copied()));
        ids.sort_unstable();
    }
    let candidate = |id: &ChunkId| Candidate {
        id: *id,
        bm25: bm25.get(id).copied().unwrap_or(0.0),
        cosine: cosines.get(id).copied(),
    };
    Ok(Gathered {
        candidates: ids.iter().map(candidate).collect(),
        plan,
        lexical: ranks(matches.best.iter().map(|scored| scored.id)),
        vector: ranks(near.iter().map(|(id, _)| *id)),
        vector_weight: if query.mode == Mode::Vector || vectors.is_some() { wanted_weight } else { 0.0 },
        feedback,
    })
}

/// The query's texts with words of the best passages by words; `None` if these add nothing.
fn widened(
    snapshot: &Snapshot,
    texts: &[WeightedText],
    best: &[Scored<ChunkId>],
) -> Result<Option<Vec<WeightedText>>, Error> {
    let mut passages = Vec::new();
    for scored in best.iter().take(feedback::PASSAGES) {
        passages.extend(snapshot.chunk(scored.id)?.map(|chunk| chunk.text));
    }
    let counted = snapshot.view.ask(|asker| {
        let mut terms = Vec::new();
        for passage in &passages {
            terms.extend(asker.terms(passage)?);
        }
        let mut search = Vec::new();
        for text in texts {
            search.extend(asker.terms(&text.text)?);
        }
        Ok(feedback::count(terms, &search))
    })?;
    Ok(feedback::widened(texts, &counted.unwrap_or_default()))
}

fn ranks(ids: impl Iterator<Item = ChunkId>) -> HashMap<ChunkId, Rank> {
    ids.take(CANDIDATES).zip(1..).map(|(id, rank)| (id, Rank(rank))).collect()
}

/// Reads candidates, with their boosts where the query wants them.
fn read_texts(
    snapshot: &Snapshot,
    fused: &[Fused],
    query: &Query,
    asked: &Asked,
    cancelled: &dyn Fn() -> bool,
) -> Result<Vec<Ranked>, Error> {
    let boosted = query.boosts && query.mode != Mode::Vector;
    let mut passages = Vec::with_capacity(fused.len());
    for fused in fused {
        go_on(cancelled)?;
        // Not there: removed by a commit that the word index had not followed when this snapshot was taken.
        let Some((chunk, hash)) = snapshot.view.read(|store| read::chunk(store, fused.id))? else { continue };
        let words = if boosted || query.diversity.needs_words() { likeness::words(&chunk.text) } else { Vec::new() };
        let boosts = if boosted { asked.boosts(&chunk, &words) } else { Vec::new() };
        let named = query.diversity.per_file.is_some() && asked.named(&chunk.path).is_some();
        passages.push(Ranked { fused: *fused, chunk, hash, words, boosts, named, score: fused.score });
    }
    Ok(passages)
}

/// Adds the boosts and puts the best first; gives what scores were divided by.
fn rank(passages: &mut [Ranked]) -> f32 {
    let sum = |passage: &Ranked| passage.fused.score + passage.boosts.iter().map(|boost| boost.by).sum::<f32>();
    let scale = boost::scale(passages.iter().map(sum));
    for passage in &mut *passages {
        passage.score = sum(passage) / scale;
    }
    passages.sort_by_key(|passage| Reverse(Scored { score: passage.score, id: passage.fused.id }));
    scale
}

fn items(passages: &[Ranked]) -> Vec<Item<'_>> {
    let items = passages.iter().map(|passage| Item {
        chunk: &passage.chunk,
        hash: passage.hash,
        score: passage.score,
        words: &passage.words,
        named: passage.named,
    });
    items.collect()
}

/// Puts what was chosen into words.
fn explain(
    gathered: &Gathered,
    passages: Vec<Ranked>,
    choice: &Choice,
    scale: f32,
    query: &Query,
    languages: Languages,
) -> Explained {
    let of: HashMap<ChunkId, Candidate> = gathered.candidates.iter().map(|one| (one.id, *one)).collect();
    let place = |at: usize| Place::of(&passages[at].chunk);
    let reasons: Vec<Why> = choice
        .dropped
        .iter()
        .map(|(_, reason)| match reason {
            Reason::SameText(hit) => Why::SameText { of: place(*hit) },
            Reason::NearlySame(hit) => Why::NearlySame { of: place(*hit) },
            Reason::OneTooMany => Why::OneTooMany { most: query.diversity.per_file.unwrap_or(usize::MAX) },
        })
        .collect();

    let mut passages: Vec<Option<Ranked>> = passages.into_iter().map(Some).collect();
    let mut take = |at: usize| passages[at].take().expect("what is chosen or dropped is so once");
    let mut stems = Stems::new();
    let hit = |passage: Ranked| {
        let Ranked { fused, chunk, boosts, score, .. } = passage;
        let (bm25, cosine) = of.get(&fused.id).map_or((0.0, None), |one| (one.bm25, one.cosine));
        Hit {
            score,
            parts: Parts {
                words: fused.words,
                meaning: fused.meaning,
                vector_weight: gathered.vector_weight,
                by_ranks: fused.by_ranks,
                feedback: gathered.feedback,
                boosts,
                scale,
            },
            lexical: gathered.lexical.get(&fused.id).copied(),
            vector: gathered.vector.get(&fused.id).copied(),
            bm25,
            lexical_share: if gathered.plan.scale > 0.0 { bm25 / gathered.plan.scale } else { 0.0 },
            cosine,
            coverage: coverage(&gathered.plan.main, &chunk, languages, &mut stems),
            chunk,
            others: Vec::new(),
        }
    };
    let hits = choice.kept.iter().map(|at| take(*at)).map(hit).collect();
    let dropped = choice.dropped.iter().zip(reasons).map(|((at, _), why)| {
        let passage = take(*at);
        Dropped { chunk: passage.chunk, score: passage.score, why }
    });
    Explained { hits, dropped: dropped.collect() }
}

/// Hits that follow each other become the best of them.
fn merge_neighbors(explained: &mut Explained) {
    let groups = merge::groups(&explained.hits.iter().map(|hit| &hit.chunk).collect::<Vec<_>>());
    let mut hits: Vec<Option<Hit>> = explained.hits.drain(..).map(Some).collect();
    let mut take = |at: usize| hits[at].take().expect("a hit is in one group");
    for group in groups {
        let mut places = group.into_iter();
        let Some(mut best) = places.next().map(&mut take) else { continue };
        for other in places.map(&mut take) {
            let into = Place::of(&best.chunk);
            let (chunk, score) = (other.chunk, other.score);
            explained.dropped.push(Dropped { chunk: chunk.clone(), score, why: Why::Merged { into } });
            best.others.push(chunk);
        }
        explained.hits.push(best);
    }
}
