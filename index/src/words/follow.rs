//! Brings the word index from its generation to the library's.
//!
//! One way for a commit, for the rest of a commit that a crash cut off, and for a rebuild (from generation 0): remove what
//! was removed since, take up what was added or renamed since, commit with the generation as payload. Doing it
//! twice gives the same index.

use std::path::Path;

use rusqlite::Connection;
use tantivy::directory::error::LockError;
use tantivy::indexer::{IndexWriterOptions, LogMergePolicy};
use tantivy::{IndexWriter, TantivyDocument, TantivyError, Term};

use super::tokens::Tokens;
use super::{Fields, Stamp, VERSION, Words, seals};
use crate::analysis::{Kind, Language, Languages, SAMPLE, Stems, Token, add_to_sample, detect, segment};
use crate::error::Error;
use crate::lock::wait_a_moment;
use crate::store::read;
use crate::types::Chunk;

/// One indexing thread: a second would halve the size of every segment, and the machine has other work.
const THREADS: usize = 1;
/// Bytes of postings held before a segment is written.
const MEMORY: usize = 50 << 20;
/// How often a lock that nobody can hold is tried again, 5 ms apart.
const TRIES: usize = 50;

/// Chunks that wait for their file's language at most: one of nothing but code never gives a sample.
const MOST_WAITING: usize = 64;

/// Changes a word index. Lives as long as its library's writer: starting one starts threads.
pub(crate) struct Indexer {
    words: Words,
    writer: IndexWriter,
}

/// tantivy's writer. Nobody else has one, for that takes the library's lock; but tantivy frees its own lock by closing a file, which a
/// child between its fork and its exec still has for a moment.
fn opened(words: &Words, options: &IndexWriterOptions) -> Result<IndexWriter, TantivyError> {
    let mut tries = 0..TRIES;
    loop {
        match words.index.writer_with_options(options.clone()) {
            Err(TantivyError::LockFailure(LockError::LockBusy, _)) if tries.next().is_some() => wait_a_moment(),
            other => return other,
        }
    }
}

enum Failure {
    Store(rusqlite::Error),
    Words(TantivyError),
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Failure::Store(error)
    }
}

impl From<TantivyError> for Failure {
    fn from(error: TantivyError) -> Self {
        Failure::Words(error)
    }
}

impl Indexer {
    pub(crate) fn new(words: &Words) -> Result<Self, Error> {
        let options = IndexWriterOptions::builder()
            .num_worker_threads(THREADS)
            .memory_budget_per_thread(MEMORY)
            .num_merge_threads(1)
            .build();
        let writer = opened(words, &options).map_err(Error::words(&words.path))?;
        let mut policy = LogMergePolicy::default();
        policy.set_min_num_segments(4);
        policy.set_min_layer_size(2_000);
        // By default deletes alone never cause a merge; their words would weigh on every rarity for good.
        policy.set_del_docs_ratio_before_merge(0.25);
        writer.set_merge_policy(Box::new(policy));
        // What a commit left that was cut off goes first: a file of removals is named by a number that comes again when the commit
        // is made up for, and tantivy never writes over a file.
        writer.garbage_collect_files().wait().map_err(Error::words(&words.path))?;
        // tantivy gives the first operation after an opening the number of the last commit. A removal of that number is lost if a merge
        // starts before the next commit: one segment of the merge counts as up to date, another as having met it already. No
        // operations at all still take a number.
        writer.run([]).map_err(Error::words(&words.path))?;
        Ok(Self { words: words.clone(), writer })
    }

    /// Follows the library up to its present generation, which it returns. After an error this indexer is to be dropped:
    /// what it had not committed goes with it.
    pub(crate) fn follow(&mut self, store: &Connection, store_path: &Path) -> Result<u64, Error> {
        let from = super::stamp(&self.words.index).map_err(Error::words(&self.words.path))?;
        self.catch_up(store, from).map_err(|failure| match failure {
            Failure::Store(error) => Error::sqlite(store_path)(error),
            Failure::Words(error) => Error::words(&self.words.path)(self.root_cause(error)),
        })
    }

    fn catch_up(&mut self, store: &Connection, from: Option<Stamp>) -> Result<u64, Failure> {
        // One view of the store, however long this takes.
        let store = store.unchecked_transaction()?;
        let to = read::generations(&store)?.words;
        if from.is_some_and(|stamp| stamp.generation == to) {
            return Ok(to);
        }
        let languages = from.map(|stamp| stamp.languages).unwrap_or_default();
        let from = from.map_or(0, |stamp| stamp.generation);
        let fields = self.words.fields;
        let by_id = |id: i64| Term::from_field_u64(fields.chunk, id as u64);
        if from > 0 {
            for id in read::removed_since(&store, from)? {
                self.writer.delete_term(by_id(id.0));
            }
        }
        let mut intake = Intake::new(&self.writer, fields, languages);
        read::chunks_since(&store, from, |chunk| {
            if from > 0 {
                // Renamed, or taken up before a commit that a crash cut off.
                self.writer.delete_term(by_id(chunk.id.0));
            }
            intake.take(chunk).map_err(Failure::Words)
        })?;
        let languages = intake.finish()?;
        let mut commit = self.writer.prepare_commit()?;
        let stamp = Stamp { version: VERSION, generation: to, languages };
        commit.set_payload(&serde_json::to_string(&stamp).map_err(TantivyError::from)?);
        commit.commit()?;
        seals::write(&self.words.path, &self.words.index);
        Ok(to)
    }

    /// tantivy tells only that a thread stopped; joining it tells why (a full disk, most likely).
    fn root_cause(&mut self, error: TantivyError) -> TantivyError {
        match error {
            TantivyError::ErrorInThread(_) => match self.writer.prepare_commit() {
                Err(cause) => cause,
                Ok(_) => error,
            },
            error => error,
        }
    }

    /// Waits for merges under way: a program about to end leaves fewer, larger segments.
    pub(crate) fn finish(self) -> Result<(), Error> {
        let Self { words, writer } = self;
        writer.wait_merging_threads().map_err(Error::words(&words.path))?;
        seals::write(&words.path, &words.index);
        Ok(())
    }
}

/// Takes chunks up in the order of their ids, in which the chunks of a file stand together.
struct Intake<'a> {
    writer: &'a IndexWriter,
    fields: Fields,
    stems: Stems,
    languages: Languages,
    file: File,
}

/// The file whose chunks come.
#[derive(Default)]
struct File {
    path: String,
    /// Known once its language is: when there is enough text, or no more.
    head: Option<Head>,
    sample: String,
    /// Chunks that came before it was decided.
    waiting: Vec<Chunk>,
}

/// What all chunks of a file share.
struct Head {
    language: Language,
    title: Tokens,
    path: Tokens,
}

impl Head {
    fn of(chunk: &Chunk, language: Language, stems: &mut Stems) -> Self {
        let title = stemmed_tokens(&chunk.title, language, stems);
        let path = stemmed_tokens(&chunk.path, language, stems);
        Self { language, title, path }
    }
}

impl<'a> Intake<'a> {
    fn new(writer: &'a IndexWriter, fields: Fields, languages: Languages) -> Self {
        Self { writer, fields, stems: Stems::new(), languages, file: File::default() }
    }

    fn take(&mut self, chunk: Chunk) -> Result<(), TantivyError> {
        if chunk.path != self.file.path {
            self.decide()?;
            self.file = File { path: chunk.path.clone(), ..File::default() };
        }
        if self.file.head.is_some() {
            return self.add(&chunk);
        }
        add_to_sample(&mut self.file.sample, &chunk.text);
        self.file.waiting.push(chunk);
        let decidable = self.file.sample.len() >= SAMPLE || self.file.waiting.len() == MOST_WAITING;
        if decidable { self.decide() } else { Ok(()) }
    }

    /// Decides on the file's language and adds what waited for that.
    fn decide(&mut self) -> Result<(), TantivyError> {
        let waiting = std::mem::take(&mut self.file.waiting);
        let Some(first) = waiting.first() else { return Ok(()) };
        let language = detect(&self.file.sample).unwrap_or(Language::English);
        self.languages.insert(language);
        self.file.head = Some(Head::of(first, language, &mut self.stems));
        waiting.iter().try_for_each(|chunk| self.add(chunk))
    }

    /// Adds the last file's rest; returns the languages of all documents.
    fn finish(mut self) -> Result<Languages, TantivyError> {
        self.decide()?;
        Ok(self.languages)
    }

    fn add(&mut self, chunk: &Chunk) -> Result<(), TantivyError> {
        let head = self.file.head.as_ref().expect("a file's language is decided before any of its chunks is added");
        let document = document(self.fields, chunk, head, &mut self.stems);
        self.writer.add_document(document).map(drop)
    }
}

fn document(fields: Fields, chunk: &Chunk, head: &Head, stems: &mut Stems) -> TantivyDocument {
    let mut document = TantivyDocument::default();
    document.add_u64(fields.chunk, chunk.id.0 as u64);
    let mut exact = Tokens::with_capacity(chunk.text.len());
    let mut stemmed = Tokens::with_capacity(chunk.text.len());
    for token in segment(&chunk.text) {
        stemmed.push(token.position, stem_of(&token, head.language, stems));
        if token.kind != Kind::Gram {
            exact.push(token.position, &token.text);
        }
    }
    let heading = stemmed_tokens(&chunk.heading, head.language, stems);
    for (field, tokens) in [
        (fields.title, &head.title),
        (fields.heading, &heading),
        (fields.path, &head.path),
        (fields.body, &stemmed),
        (fields.exact, &exact),
    ] {
        if let Some(encoded) = tokens.encoded() {
            document.add_text(field, encoded);
        }
    }
    document
}

fn stemmed_tokens(text: &str, language: Language, stems: &mut Stems) -> Tokens {
    let mut tokens = Tokens::with_capacity(text.len());
    for token in segment(text) {
        tokens.push(token.position, stem_of(&token, language, stems));
    }
    tokens
}

fn stem_of<'a>(token: &'a Token<'_>, language: Language, stems: &'a mut Stems) -> &'a str {
    match token.kind {
        Kind::Gram => &token.text,
        Kind::Word | Kind::Compound => stems.of(language, &token.text),
    }
}
