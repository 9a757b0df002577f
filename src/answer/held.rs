//! Passages that a person holds on to, or wants left out, for the rest of a session.
//!
//! They are named by their file and the hash of their text, never kept as text: a held passage is looked up in the library of each
//! question, so that what was changed or forgotten since is not quoted.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result};
use tanya_index::{Conditions, Hit, Snapshot};

use super::cite::{self, Terms as _};
use super::event::{Dropped, Source};
use super::retrieve::{FolderTerms, Found, heading};
use super::trace::text_hash;

/// Names a passage, whatever its number in an answer.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PassageName {
    /// As [`Source::path`].
    pub path: String,
    /// The blake3 hash of its text.
    pub text_hash: String,
}

impl PassageName {
    /// The name of a source's passage.
    pub fn of(source: &Source) -> Self {
        Self { path: source.path.clone(), text_hash: text_hash(&source.text) }
    }
}

/// What a person decided about passages.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Held {
    /// In every prompt, before what the search finds.
    pub pinned: BTreeSet<PassageName>,
    /// In no prompt.
    pub barred: BTreeSet<PassageName>,
}

impl Held {
    /// Pins a passage, or lets go of it.
    pub fn pin(&mut self, name: PassageName) -> bool {
        self.barred.remove(&name);
        let is_new = !self.pinned.remove(&name);
        if is_new {
            self.pinned.insert(name);
        }
        is_new
    }

    /// Bars a passage, or admits it again.
    pub fn bar(&mut self, name: PassageName) -> bool {
        self.pinned.remove(&name);
        let is_new = !self.barred.remove(&name);
        if is_new {
            self.barred.insert(name);
        }
        is_new
    }

    /// Takes out the hits that are barred, and gives what was taken out.
    pub(super) fn screen(&self, hits: &mut Vec<Hit>) -> Vec<Dropped> {
        if self.barred.is_empty() {
            return Vec::new();
        }
        let is_barred = |hit: &mut Hit| {
            let name = PassageName { path: hit.chunk.path.clone(), text_hash: text_hash(&hit.chunk.text) };
            self.barred.contains(&name)
        };
        let barred = hits.extract_if(.., is_barred);
        barred.map(|hit| Dropped { path: hit.chunk.path, why: "you left it out".to_owned() }).collect()
    }

    /// Adds pinned passages that were not found, of the files that the question is asked of.
    pub(super) fn admit(
        &self,
        question: &str,
        conditions: &Conditions,
        snapshot: &Snapshot,
        found: &mut Found,
    ) -> Result<()> {
        if self.pinned.is_empty() {
            return Ok(());
        }
        let Found { sources, dropped, .. } = found;
        let terms = FolderTerms::new(snapshot);
        let wanted = terms.terms(question).into_iter().collect();
        let asked = if conditions.is_empty() {
            None
        } else {
            Some(snapshot.files(conditions).context("cannot read the library")?)
        };
        for name in &self.pinned {
            if asked.as_ref().is_some_and(|asked| !asked.iter().any(|file| file.path == name.path)) {
                let why = "pinned, but not in what was asked".to_owned();
                dropped.push(Dropped { path: name.path.clone(), why });
                continue;
            }
            if sources.iter().any(|source| PassageName::of(source) == *name) {
                continue;
            }
            let chunks = snapshot.chunks_at(&name.path).context("cannot read the library")?;
            let Some(chunk) = chunks.into_iter().find(|chunk| text_hash(&chunk.text) == name.text_hash) else {
                let why = "pinned, but changed or gone since".to_owned();
                dropped.push(Dropped { path: name.path.clone(), why });
                continue;
            };
            sources.push(Source {
                n: 0,
                start_line: chunk.span.start_line,
                end_line: chunk.span.end_line,
                page: chunk.span.page,
                heading: heading(&chunk.title, &chunk.heading),
                score: 0.0,
                bm25_rank: None,
                vector_rank: None,
                tokens: 0,
                highlights: cite::highlights(&chunk.text, &wanted, &terms),
                reading: None,
                marks: crate::ingest::marks(&chunk.text),
                path: chunk.path,
                text: chunk.text,
            });
        }
        Ok(())
    }

    /// Puts pinned passages first, in their order, and numbers all anew. Gives the place of what was first: a person pins what is to be
    /// read, not what is to be the answer.
    pub(super) fn order(&self, sources: &mut [Source]) -> usize {
        let is_pinned = |source: &Source| self.pinned.contains(&PassageName::of(source));
        let mut first = 0;
        if !self.pinned.is_empty() {
            first = match sources.first() {
                Some(source) if !is_pinned(source) => sources.iter().filter(|source| is_pinned(source)).count(),
                _ => 0,
            };
            sources.sort_by_cached_key(|source| !is_pinned(source));
        }
        for (n, source) in (1..).zip(sources) {
            source.n = n;
        }
        first
    }
}
