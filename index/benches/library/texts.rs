//! What is taken up when its speed is measured: made-up documents, or a person's own folder of text.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tantivy::schema::{Schema, TEXT};
use tantivy::{Index, IndexWriter, TantivyDocument};
use tanya_index::{Document, FileStamp, FileState, NewChunk, Span};

use crate::corpus::{Corpus, text_bytes};

const MADE_UP: usize = 1_000;
/// Words of a passage of a folder's text.
const WORDS: usize = 90;

/// The Markdown and text files of the folder in the environment variable `TANYA_BENCH_TEXT`, else made-up documents.
pub(crate) fn documents(corpus: &Corpus) -> Vec<Document> {
    match std::env::var_os("TANYA_BENCH_TEXT").map(PathBuf::from) {
        None => (0..MADE_UP).map(|number| corpus.document(number).0).collect(),
        Some(folder) => {
            let mut documents = Vec::new();
            read_folder(&folder, &mut documents);
            documents
        }
    }
}

fn read_folder(folder: &Path, documents: &mut Vec<Document>) {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            read_folder(&path, documents);
        } else if path.extension().is_some_and(|extension| extension == "md" || extension == "txt") {
            documents.push(document(&path, &std::fs::read_to_string(&path).unwrap()));
        }
    }
}

fn document(path: &Path, text: &str) -> Document {
    let words: Vec<&str> = text.split_whitespace().collect();
    let span = Span { start_line: 1, end_line: 1, page: None };
    let passage = |words: &[&str]| NewChunk { span, heading: String::new(), text: words.join(" ") };
    Document {
        path: path.to_string_lossy().into_owned(),
        stamp: FileStamp { size: text.len() as u64, mtime_ns: 0, hash: None },
        title: path.file_stem().unwrap_or_default().to_string_lossy().into_owned(),
        tags: Vec::new(),
        chunks: words.chunks(WORDS).map(passage).collect(),
        state: FileState::Indexed,
        reason: None,
        reading: None,
    }
}

pub(crate) fn bytes(documents: &[Document]) -> u64 {
    documents.iter().map(|document| text_bytes(&document.chunks)).sum()
}

/// How long tantivy takes for the same passages by itself: one field with positions, its own tokenizer, no stemmer, one thread.
pub(crate) fn tantivy_alone(documents: &[Document], dir: &Path) -> Duration {
    const MEMORY: usize = 50 << 20;
    let mut schema = Schema::builder();
    let body = schema.add_text_field("body", TEXT);
    let index = Index::create_in_dir(dir, schema.build()).unwrap();
    let mut writer: IndexWriter = index.writer_with_num_threads(1, MEMORY).unwrap();
    let start = Instant::now();
    for chunk in documents.iter().flat_map(|document| &document.chunks) {
        let mut document = TantivyDocument::default();
        document.add_text(body, &chunk.text);
        writer.add_document(document).unwrap();
    }
    writer.commit().unwrap();
    start.elapsed()
}
