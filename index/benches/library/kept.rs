//! Libraries kept between runs: building a large one takes longer than measuring it.

use std::cell::OnceCell;
use std::path::{Path, PathBuf};

use tanya_index::{
    ChunkId, Conditions, Library, Mode, Options, Query, QueryVectors, Snapshot, TextHash, VectorKind, WeightedText,
};

use crate::corpus::{CHUNKS_A_DOCUMENT, Corpus, DIMENSION, Question};

pub(crate) const EMBEDDER: &str = "made up";
/// Hits of a search, and neighbors that a recall counts.
pub(crate) const HITS: usize = 10;
const DOCUMENTS_A_COMMIT: usize = 1_000;

/// Where libraries are kept: the folder in the environment variable `TANYA_BENCH_DIR`, else one under `target/`.
pub(crate) fn place() -> PathBuf {
    std::env::var_os("TANYA_BENCH_DIR").map_or_else(|| PathBuf::from(env!("CARGO_TARGET_TMPDIR")), PathBuf::from)
}

/// A library of one size, built when it is first asked for.
pub(crate) struct Kept<'a> {
    corpus: &'a Corpus,
    pub(crate) chunks: usize,
    dir: OnceCell<PathBuf>,
    questions: OnceCell<Vec<Question>>,
    nearest: OnceCell<Vec<Vec<ChunkId>>>,
}

impl<'a> Kept<'a> {
    pub(crate) fn new(corpus: &'a Corpus, chunks: usize) -> Self {
        Self { corpus, chunks, dir: OnceCell::new(), questions: OnceCell::new(), nearest: OnceCell::new() }
    }

    pub(crate) fn dir(&self) -> &Path {
        self.dir.get_or_init(|| {
            let dir = place().join(format!("{}-{}", self.corpus.name(), self.chunks));
            if !is_complete(&dir, self.chunks) {
                Library::destroy(&dir).unwrap();
                build(&dir, self.corpus, self.chunks);
            }
            dir
        })
    }

    pub(crate) fn questions(&self) -> &[Question] {
        self.questions.get_or_init(|| self.corpus.questions(self.chunks / CHUNKS_A_DOCUMENT))
    }

    pub(crate) fn open(&self, kind: &str) -> Library {
        Library::open_with(self.dir(), &options(kind)).unwrap()
    }

    /// What an exact search finds for each question by its vector.
    pub(crate) fn nearest(&self) -> &[Vec<ChunkId>] {
        self.nearest.get_or_init(|| {
            let snapshot = self.open("exact").snapshot().unwrap();
            self.questions().iter().map(|question| found(&snapshot, &by_vector(question))).collect()
        })
    }
}

/// Options by the name of a kind of vector index; any other name leaves the choice to the library.
pub(crate) fn options(kind: &str) -> Options {
    let vectors = match kind {
        "exact" => VectorKind::Exact,
        "quantized" => VectorKind::Quantized,
        "graph" => VectorKind::Graph,
        _ => VectorKind::Auto,
    };
    Options { vectors }
}

fn is_complete(dir: &Path, chunks: usize) -> bool {
    dir.join("library.sqlite").exists()
        && Library::open(dir)
            .and_then(|library| library.status())
            .is_ok_and(|status| (status.chunks, status.embedded) == (chunks as u64, chunks as u64))
}

fn build(dir: &Path, corpus: &Corpus, chunks: usize) {
    let documents = chunks / CHUNKS_A_DOCUMENT;
    let library = Library::open_with(dir, &options("exact")).unwrap();
    let mut writer = library.writer().unwrap();
    writer.set_embedder(EMBEDDER, DIMENSION).unwrap();
    for first in (0..documents).step_by(DOCUMENTS_A_COMMIT) {
        let mut rows: Vec<(TextHash, Vec<f32>)> = Vec::new();
        for number in first..documents.min(first + DOCUMENTS_A_COMMIT) {
            let (document, vectors) = corpus.document(number);
            let hashes = document.chunks.iter().map(|c| TextHash::of(&document.title, &c.heading, &c.text));
            rows.extend(hashes.zip(vectors));
            writer.upsert(document).unwrap();
        }
        writer.commit().unwrap();
        writer.put_embeddings(EMBEDDER, &rows).unwrap();
    }
    writer.finish().unwrap();
}

pub(crate) fn hybrid(question: &Question) -> Query {
    let vectors = QueryVectors { embedder: EMBEDDER.to_owned(), vectors: vec![question.vector.clone()] };
    Query { vectors, mode: Mode::Hybrid, ..by_words(question) }
}

pub(crate) fn by_words(question: &Question) -> Query {
    let texts = vec![WeightedText { text: question.text.clone(), weight: 1.0 }];
    Query { texts, limit: HITS, mode: Mode::Lexical, ..Query::default() }
}

pub(crate) fn by_vector(question: &Question) -> Query {
    Query { texts: Vec::new(), mode: Mode::Vector, ..hybrid(question) }
}

/// In the one folder, of fifty, that the question is about.
pub(crate) fn in_a_folder(question: &Question) -> Query {
    let (_, conditions) = Conditions::parse(&format!("path:{}/", question.folder));
    Query { conditions, ..hybrid(question) }
}

pub(crate) fn found(snapshot: &Snapshot, query: &Query) -> Vec<ChunkId> {
    snapshot.search(query).unwrap().iter().map(|hit| hit.chunk.id).collect()
}
