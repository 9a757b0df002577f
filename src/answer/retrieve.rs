//! What is searched for becomes numbered sources.

use std::collections::{BTreeSet, HashMap};

use anyhow::{Context as _, Result};
use tanya_engine::{Cancel, EmbedKind};
use tanya_index::{BoostKind, Diversity, Explained, Hit, Mode, Query, QueryVectors, Snapshot};

use super::cite::{self, Terms};
use super::condense::best_stretch;
use super::event::{Dropped, Source};
use super::held::Held;
use super::models::TextEmbedder;
use super::query::SearchQuery;

/// Hits that are considered.
const CANDIDATES: usize = 24;
/// One file may not own the answer: five planted passages are enough to steer it otherwise.
const PER_FILE: usize = 3;

/// Sentences of a stretch that is compared with the question.
const STRETCH: usize = 3;
/// What a stretch's share of the question counts beside the score of the search.
const STRETCH_SHARE: f32 = 0.5;
/// The same for a follow-up, whose own words are few and say little: of 168 follow-ups of MTRAG-UN (see [`super::query`]) 0.840 of the
/// passages are among five with half, 0.876 with a quarter, 0.885 with this, 0.884 with none at all.
const STRETCH_SHARE_AFTER: f32 = 0.15;

/// What the search found.
pub(super) struct Found {
    /// As the index ranked them.
    pub hits: Vec<Hit>,
    /// Numbered from 1, best first.
    pub sources: Vec<Source>,
    /// Hits that were left out on purpose.
    pub dropped: Vec<Dropped>,
}

/// Runs the query on `snapshot`; without an embedder there are no vectors to search by. `how` says everything but what to search
/// for: mode, limit, and how hits are chosen.
pub fn search(
    snapshot: &Snapshot,
    query: &SearchQuery,
    embedder: Option<&dyn TextEmbedder>,
    how: &Query,
    cancel: &Cancel,
) -> Result<Explained> {
    let (vectors, affinity) = match embedder {
        Some(embedder) => {
            let texts: Vec<&str> = query.to_embed.iter().map(String::as_str).collect();
            let vectors = embedder.embed(EmbedKind::Query, &texts, cancel)?;
            (QueryVectors { embedder: embedder.id().to_owned(), vectors }, embedder.affinity())
        }
        None => (QueryVectors::default(), how.affinity),
    };
    let query =
        Query { texts: query.texts.clone(), vectors, conditions: query.conditions.clone(), affinity, ..how.clone() };
    snapshot.explain(&query, &|| cancel.is_cancelled()).context("cannot search the library")
}

/// How passages for an answer are searched: the cap per file comes after [`by_stretch`] has its say, and neighbors stay apart, for
/// each is cited by itself.
fn how(mode: Mode) -> Query {
    let diversity = Diversity { without_repeats: true, ..Diversity::default() };
    Query { mode, limit: CANDIDATES, boosts: true, diversity, ..Query::default() }
}

/// Searches and numbers what may go into the prompt: `most` sources.
pub(super) fn retrieve(
    snapshot: &Snapshot,
    question: &str,
    query: &SearchQuery,
    embedder: Option<&dyn TextEmbedder>,
    held: &Held,
    most: usize,
    cancel: &Cancel,
) -> Result<Found> {
    let mode = if embedder.is_some() { Mode::Hybrid } else { Mode::Lexical };
    let terms = FolderTerms::new(snapshot);
    let wanted: BTreeSet<String> = terms.terms(question).into_iter().collect();
    let mut explained = search(snapshot, query, embedder, &how(mode), cancel)?;
    // What is left out makes room for others, and says nothing about whether the documents answer.
    let mut dropped = held.screen(&mut explained.hits);
    let share = if query.is_follow_up() { STRETCH_SHARE_AFTER } else { STRETCH_SHARE };
    let hits = by_stretch(explained.hits, &wanted, &terms, share);
    let mut per_file: HashMap<&str, usize> = HashMap::new();
    let mut sources = Vec::new();
    for hit in &hits {
        let of_file = per_file.entry(hit.chunk.path.as_str()).or_default();
        if *of_file >= PER_FILE && !is_named(hit) {
            dropped.push(Dropped {
                path: hit.chunk.path.clone(),
                why: format!("{PER_FILE} better passages of this file are there"),
            });
        } else if sources.len() < most {
            *of_file += 1;
            sources.push(source(sources.len() as u32 + 1, hit, &wanted, &terms));
        } else {
            dropped.push(Dropped { path: hit.chunk.path.clone(), why: format!("{most} better passages are there") });
        }
    }
    let repeats = explained.dropped.into_iter().map(|one| Dropped { path: one.chunk.path, why: one.why.to_string() });
    dropped.extend(repeats);
    Ok(Found { hits, sources, dropped })
}

/// Whether the question names the hit's file beyond doubt. A file called by one common word (which anyone may have put there) keeps
/// its bound.
fn is_named(hit: &Hit) -> bool {
    hit.parts.boosts.iter().any(|boost| boost.kind == BoostKind::FileName)
}

/// Hits in a new order: by their fused score, and with `share` by how much of the question one stretch of them shares. A passage that
/// says it all in one place answers better than one that scatters the same words.
fn by_stretch(hits: Vec<Hit>, wanted: &BTreeSet<String>, terms: &dyn Terms, share: f32) -> Vec<Hit> {
    let worths: Vec<f32> = hits.iter().map(|hit| best_stretch(&hit.chunk.text, wanted, STRETCH, terms).worth).collect();
    let most = worths.iter().copied().fold(f32::MIN_POSITIVE, f32::max);
    let best = hits.iter().map(|hit| hit.score).fold(f32::MIN_POSITIVE, f32::max);
    let blend = |score: f32, worth: f32| (1.0 - share) * score + share * worth;
    let mut scored: Vec<(f32, Hit)> =
        hits.into_iter().zip(worths).map(|(hit, worth)| (blend(hit.score / best, worth / most), hit)).collect();
    // Stable: equal ones keep the order of the search.
    scored.sort_by(|a, b| b.0.total_cmp(&a.0));
    scored.into_iter().map(|(_, hit)| hit).collect()
}

fn source(n: u32, hit: &Hit, wanted: &BTreeSet<String>, terms: &dyn Terms) -> Source {
    let chunk = &hit.chunk;
    Source {
        n,
        path: chunk.path.clone(),
        start_line: chunk.span.start_line,
        end_line: chunk.span.end_line,
        page: chunk.span.page,
        heading: heading(&chunk.title, &chunk.heading),
        text: chunk.text.clone(),
        score: hit.cosine.unwrap_or_else(|| hit.lexical_share.min(1.0)),
        bm25_rank: hit.lexical.map(|rank| rank.0),
        vector_rank: hit.vector.map(|rank| rank.0),
        tokens: 0,
        highlights: cite::highlights(&chunk.text, wanted, terms),
        reading: None,
        marks: crate::ingest::marks(&chunk.text),
    }
}

/// `Title › Section`, the title once.
pub fn heading(title: &str, section: &str) -> String {
    match (title.trim(), section.trim()) {
        (title, "") => title.to_owned(),
        ("", section) => section.to_owned(),
        (title, section) if section == title || section.starts_with(&format!("{title} ›")) => section.to_owned(),
        (title, section) => format!("{title} › {section}"),
    }
}

/// Terms and their rarity as the folder's library knows them.
pub(super) struct FolderTerms<'a> {
    snapshot: &'a Snapshot,
    known: std::cell::RefCell<HashMap<String, f32>>,
}

impl<'a> FolderTerms<'a> {
    /// Looks terms up in `snapshot`, each once.
    pub(super) fn new(snapshot: &'a Snapshot) -> Self {
        Self { snapshot, known: std::cell::RefCell::default() }
    }
}

impl Terms for FolderTerms<'_> {
    fn terms(&self, text: &str) -> Vec<String> {
        self.snapshot.analyze(text)
    }

    fn idf(&self, term: &str) -> f32 {
        *self.known.borrow_mut().entry(term.to_owned()).or_insert_with(|| {
            // Without a word index (while it is rebuilt) all terms count alike.
            let weights = self.snapshot.term_weights(term).unwrap_or_default();
            weights.first().map_or(1.0, |(_, idf)| *idf)
        })
    }
}

#[cfg(test)]
mod tests {
    use tanya_index::{Document, FileStamp, FileState, Library, NewChunk, Span};

    use super::super::query::Exchange;
    use super::*;

    fn found(documents: &[(&str, &[String])], question: &str) -> Found {
        found_after(documents, question, &[])
    }

    fn found_after(documents: &[(&str, &[String])], question: &str, history: &[Exchange]) -> Found {
        let dir = tempfile::tempdir().unwrap();
        let library = Library::open(dir.path()).unwrap();
        let mut writer = library.writer().unwrap();
        for (path, texts) in documents {
            let chunk = |(line, text): (u32, &String)| NewChunk {
                span: Span { start_line: line, end_line: line, page: None },
                heading: String::new(),
                text: text.clone(),
            };
            let document = Document {
                path: (*path).to_owned(),
                stamp: FileStamp { size: 1, mtime_ns: 1, hash: None },
                title: String::new(),
                tags: Vec::new(),
                chunks: (1u32..).zip(*texts).map(chunk).collect(),
                state: FileState::Indexed,
                reason: None,
                reading: None,
            };
            writer.upsert(document).unwrap();
        }
        writer.commit().unwrap();
        drop(writer);
        let query = SearchQuery::new(question, history);
        retrieve(&library.snapshot().unwrap(), question, &query, None, &Held::default(), 8, &Cancel::default()).unwrap()
    }

    fn rents(count: usize) -> Vec<String> {
        let months = ["January", "February", "March", "April", "May", "June"];
        months[..count].iter().map(|month| format!("The rent of the plot was paid in {month} as agreed.")).collect()
    }

    #[test]
    fn a_file_has_three_sources_unless_the_question_names_it_beyond_doubt() {
        let (rents, other) = (rents(6), vec!["Rent is a word.".to_owned()]);
        let documents: [(&str, &[String]); 2] = [("budget-2024.md", &rents[..]), ("other.md", &other[..])];
        let count = |question: &str| {
            let sources = found(&documents, question).sources;
            sources.iter().filter(|source| source.path == "budget-2024.md").count()
        };
        assert_eq!(count("when was the rent of the plot paid"), PER_FILE);
        assert_eq!(count("when was the rent of the plot paid by budget 2024"), 6);
        // Anyone can call a file by a word that will be asked for.
        let planted: [(&str, &[String]); 2] = [("rent.md", &rents[..]), ("other.md", &other[..])];
        let sources = found(&planted, "when was the rent of the plot paid").sources;
        assert_eq!(sources.iter().filter(|source| source.path == "rent.md").count(), PER_FILE);
    }

    #[test]
    fn a_follow_up_is_answered_by_what_was_spoken_of_and_a_first_question_by_its_own_words() {
        let lighthouse =
            vec!["The lighthouse at the harbor was built by Friedrich Kerner, after the great storm.".to_owned()];
        let shed = vec!["It was my uncle who built it. He built the shed. He built the fence too.".to_owned()];
        let other = vec!["The tide tables hang beside the door of the office.".to_owned()];
        let documents: [(&str, &[String]); 3] = [("sea.md", &lighthouse), ("shed.md", &shed), ("tides.md", &other)];
        let question = "and who built it?";
        let before = [
            Exchange::new("Where is the lighthouse?".into(), "The lighthouse is at the harbor."),
            Exchange::new(
                "How tall is the lighthouse at the harbor?".into(),
                "The lighthouse at the harbor is 31 m tall.",
            ),
        ];
        assert_eq!(found_after(&documents, question, &before).sources[0].path, "sea.md");
        assert_eq!(found(&documents, question).sources[0].path, "shed.md");
    }

    #[test]
    fn a_near_copy_is_no_second_source_and_is_told() {
        let letter = |name: &str| {
            let rest = "thank you for being a member of the garden association, whose assembly has decided to keep the \
                        contribution as it was before, so please transfer forty coins to the account that you know from \
                        earlier letters and mention the number of your plot when you do so";
            vec![format!("Dear {name}, {rest}.")]
        };
        let (first, second) = (letter("Anna"), letter("Berta"));
        let found = found(&[("a.md", &first[..]), ("b.md", &second[..])], "what contribution did the assembly decide");
        assert_eq!(found.sources.len(), 1);
        let (source, dropped) = (&found.sources[0], &found.dropped[0]);
        assert_ne!(source.path, dropped.path);
        assert_eq!(dropped.why, format!("nearly the same as {}:1", source.path));
    }

    #[test]
    fn a_heading_names_the_title_once() {
        assert_eq!(heading("Hello, Cargo!", "Hello, Cargo! › Building"), "Hello, Cargo! › Building");
        assert_eq!(heading("Notes", "March"), "Notes › March");
        assert_eq!(heading("Notes", "Notes"), "Notes");
        assert_eq!(heading("", "March"), "March");
    }
}
