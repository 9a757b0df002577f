//! What the integration tests share: small documents, one-hot-like vectors, one-line searches.

use tanya_index::{
    Document, FileStamp, FileState, Hit, Library, Mode, NewChunk, Query, QueryVectors, Snapshot, Span, TextHash,
    WeightedText, Writer,
};

pub(crate) const DIMENSION: usize = 32;
pub(crate) const EMBEDDER: &str = "test-embedder";

pub(crate) fn stamp(mtime_ns: i64) -> FileStamp {
    FileStamp { size: 100, mtime_ns, hash: None }
}

/// A document of one chunk per text, without title or headings.
pub(crate) fn document(path: &str, texts: &[&str]) -> Document {
    let chunk = |(line, text): (u32, &&str)| NewChunk {
        span: Span { start_line: line, end_line: line, page: None },
        heading: String::new(),
        text: (*text).to_owned(),
    };
    Document {
        path: path.to_owned(),
        stamp: stamp(1),
        title: String::new(),
        chunks: (1u32..).zip(texts).map(chunk).collect(),
        tags: Vec::new(),
        state: FileState::Indexed,
        reason: None,
        reading: None,
    }
}

/// A unit vector that depends on the text alone and is near to no other's.
pub(crate) fn vector(text: &str) -> Vec<f32> {
    let mut seed =
        text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x100_0000_01b3));
    let raw: Vec<f32> = (0..DIMENSION)
        .map(|_| {
            // splitmix64
            seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = seed;
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            ((z ^ (z >> 31)) >> 40) as f32 / (1u64 << 23) as f32 - 1.0
        })
        .collect();
    let length = raw.iter().map(|x| x * x).sum::<f32>().sqrt();
    raw.iter().map(|x| x / length).collect()
}

/// A unit vector of one of twenty clusters, as the `n`th passage of a folder would have it.
pub(crate) fn clustered(n: usize) -> Vec<f32> {
    let (center, own) = (vector(&format!("cluster {}", n % 20)), vector(&format!("own {n}")));
    let raw: Vec<f32> = center.iter().zip(&own).map(|(center, own)| center + 0.6 * own).collect();
    let length = raw.iter().map(|x| x * x).sum::<f32>().sqrt();
    raw.iter().map(|x| x / length).collect()
}

/// Embeds everything that waits.
pub(crate) fn embed_all(writer: &mut Writer) {
    writer.set_embedder(EMBEDDER, DIMENSION).unwrap();
    loop {
        let waiting = writer.unembedded(7).unwrap();
        if waiting.is_empty() {
            return;
        }
        let rows: Vec<(TextHash, Vec<f32>)> = waiting.iter().map(|w| (w.hash, vector(&w.text))).collect();
        writer.put_embeddings(EMBEDDER, &rows).unwrap();
    }
}

pub(crate) fn by_words(text: &str, limit: usize) -> Query {
    let texts = vec![WeightedText { text: text.to_owned(), weight: 1.0 }];
    Query { texts, limit, mode: Mode::Lexical, ..Query::default() }
}

/// Query vectors of the library's embedder.
pub(crate) fn asked(vectors: Vec<Vec<f32>>) -> QueryVectors {
    QueryVectors { embedder: EMBEDDER.to_owned(), vectors }
}

pub(crate) fn by_vector(text: &str, limit: usize) -> Query {
    Query { vectors: asked(vec![vector(text)]), limit, mode: Mode::Vector, ..Query::default() }
}

pub(crate) fn paths(hits: &[Hit]) -> Vec<&str> {
    hits.iter().map(|hit| hit.chunk.path.as_str()).collect()
}

/// The paths found by words, sorted.
pub(crate) fn found(snapshot: &Snapshot, text: &str) -> Vec<String> {
    let mut found: Vec<String> =
        snapshot.search(&by_words(text, 100)).unwrap().into_iter().map(|hit| hit.chunk.path).collect();
    found.sort();
    found.dedup();
    found
}

/// A library of one commit in a new directory.
pub(crate) fn library(documents: &[Document]) -> (tempfile::TempDir, Library) {
    let dir = tempfile::tempdir().unwrap();
    let library = Library::open(dir.path()).unwrap();
    let mut writer = library.writer().unwrap();
    for document in documents {
        writer.upsert(document.clone()).unwrap();
    }
    writer.commit().unwrap();
    // Not dropped: a merge under way would go on in a folder that the test breaks.
    writer.finish().unwrap();
    (dir, library)
}
