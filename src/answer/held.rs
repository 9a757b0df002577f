//! Passages that a person holds on to, or wants left out, for the rest of a session.
//!
//! They are named by their file and the hash of their text, never kept as text: a held passage is looked up in the library of each
//! question, so that what was changed or forgotten since is not quoted.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result};
use tanya_index::{Hit, Snapshot};

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

    /// Takes out the hits that are barred.
    pub(super) fn screen(&self, hits: &mut Vec<Hit>) {
        if !self.barred.is_empty() {
            hits.retain(|hit| {
                let name = PassageName { path: hit.chunk.path.clone(), text_hash: text_hash(&hit.chunk.text) };
                !self.barred.contains(&name)
            });
        }
    }

    /// Takes barred passages out of what was found, and adds pinned ones that were not found.
    pub(super) fn admit(&self, question: &str, snapshot: &Snapshot, found: &mut Found) -> Result<()> {
        let Found { hits, sources, dropped } = found;
        if self.barred.is_empty() && self.pinned.is_empty() {
            return Ok(());
        }
        let mut out = |path: &str, why: &str| dropped.push(Dropped { path: path.to_owned(), why: why.to_owned() });
        // What is left out says nothing about whether the documents answer, either.
        self.screen(hits);
        sources.retain(|source| {
            let is_barred = self.barred.contains(&PassageName::of(source));
            if is_barred {
                out(&source.path, "you left it out");
            }
            !is_barred
        });
        let terms = FolderTerms::new(snapshot);
        let wanted = terms.terms(question).into_iter().collect();
        for name in &self.pinned {
            if sources.iter().any(|source| PassageName::of(source) == *name) {
                continue;
            }
            let chunks = snapshot.chunks_at(&name.path).context("cannot read the library")?;
            let Some(chunk) = chunks.into_iter().find(|chunk| text_hash(&chunk.text) == name.text_hash) else {
                out(&name.path, "pinned, but changed or gone since");
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

    /// Puts pinned passages first, in their order, and numbers all anew.
    pub(super) fn order(&self, sources: &mut [Source]) {
        if !self.pinned.is_empty() {
            sources.sort_by_cached_key(|source| !self.pinned.contains(&PassageName::of(source)));
        }
        for (n, source) in (1..).zip(sources) {
            source.n = n;
        }
    }
}
