//! Items → the text of an answer with its citations: every line of it stands in a document, and says where.

use std::collections::{BTreeSet, HashMap};
use std::fmt::Write as _;

use tanya_index::{Chunk, ChunkId};

use super::reduce::Item;
use crate::answer::cite::{self, Terms};
use crate::answer::event::{Citation, Sentence, Source, Verdict};
use crate::answer::filter::OutputFilter;
use crate::answer::retrieve::heading;

/// An answer as it grows.
pub(super) struct Sheet<'a> {
    terms: &'a dyn Terms,
    filter: &'a OutputFilter,
    /// The question's own words, which are marked in the sources.
    wanted: BTreeSet<String>,
    numbers: HashMap<ChunkId, u32>,
    pub(super) text: String,
    pub(super) sentences: Vec<Sentence>,
    pub(super) citations: Vec<Citation>,
    pub(super) sources: Vec<Source>,
}

impl<'a> Sheet<'a> {
    pub(super) fn new(wanted: BTreeSet<String>, terms: &'a dyn Terms, filter: &'a OutputFilter) -> Self {
        Self {
            terms,
            filter,
            wanted,
            numbers: HashMap::new(),
            text: String::new(),
            sentences: Vec::new(),
            citations: Vec::new(),
            sources: Vec::new(),
        }
    }

    /// A paragraph of the program's own words, which nothing supports and nothing need.
    pub(super) fn says(&mut self, text: &str) {
        if !self.text.is_empty() {
            self.text.truncate(self.text.trim_end().len());
            self.text.push_str("\n\n");
        }
        self.text.push_str(&self.filter.shown(text));
        self.text.push_str("\n\n");
    }

    /// The file that the next items stand in.
    pub(super) fn file(&mut self, path: &str) {
        let quoted = if path.contains('`') { path.to_owned() } else { format!("`{path}`") };
        self.says(&quoted);
    }

    /// Items under the names of their files.
    pub(super) fn grouped(&mut self, items: &[Item]) {
        let mut path = None;
        for item in items {
            if path != Some(item.path()) {
                self.file(item.path());
                path = Some(item.path());
            }
            self.item(item);
        }
    }

    /// An item on a line of its own.
    pub(super) fn item(&mut self, item: &Item) {
        self.text.push_str("- ");
        self.cite(item);
        self.text.push('\n');
    }

    fn cite(&mut self, item: &Item) {
        let start = self.text.len();
        // What supports it is looked for with its own words.
        self.text.push_str(&self.filter.shown(&item.text));
        let mut numbers = Vec::new();
        let mut verdict = Verdict::NotFound;
        for place in &item.places {
            let n = self.source(&place.chunk, item.weight);
            let source = &self.sources[n as usize - 1];
            let found = verdict_of(&item.text, source, self.terms);
            verdict = better(verdict, found);
            let citation = cite::citation(source, place.start..place.end, found);
            if !self.citations.contains(&citation) {
                self.citations.push(citation);
            }
            if !numbers.contains(&n) {
                let _ = write!(self.text, " [{n}]");
                numbers.push(n);
            }
        }
        self.sentences.push(Sentence { start, end: self.text.len(), citations: numbers, verdict });
    }

    /// The number of a passage among the sources.
    pub(super) fn source(&mut self, chunk: &Chunk, weight: f32) -> u32 {
        let next = self.sources.len() as u32 + 1;
        let n = *self.numbers.entry(chunk.id).or_insert(next);
        if n == next {
            self.sources.push(source(n, chunk, weight, &self.wanted, self.terms));
        }
        n
    }
}

/// A passage as a source.
fn source(n: u32, chunk: &Chunk, weight: f32, wanted: &BTreeSet<String>, terms: &dyn Terms) -> Source {
    Source {
        n,
        path: chunk.path.clone(),
        start_line: chunk.span.start_line,
        end_line: chunk.span.end_line,
        page: chunk.span.page,
        heading: heading(&chunk.title, &chunk.heading),
        text: chunk.text.clone(),
        score: weight.clamp(0.0, 1.0),
        bm25_rank: None,
        vector_rank: None,
        tokens: 0,
        highlights: cite::highlights(&chunk.text, wanted, terms),
        reading: None,
        marks: crate::ingest::marks(&chunk.text),
    }
}

/// What the check of every answer says of an item and the passage that it was taken from. What has no words to compare is what it is.
fn verdict_of(text: &str, source: &Source, terms: &dyn Terms) -> Verdict {
    let checked = cite::check(text, std::slice::from_ref(source), terms);
    checked.sentences.iter().map(|sentence| sentence.verdict).reduce(worse).unwrap_or(Verdict::Supported)
}

fn rank(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::NotFound => 0,
        Verdict::Partly => 1,
        Verdict::Supported => 2,
    }
}

fn better(a: Verdict, b: Verdict) -> Verdict {
    if rank(b) > rank(a) { b } else { a }
}

fn worse(a: Verdict, b: Verdict) -> Verdict {
    if rank(b) < rank(a) { b } else { a }
}
