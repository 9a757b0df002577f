//! The library of one folder of documents: what the application remembers of it, and how it finds things in it.
//!
//! ```text
//! Document ─upsert→ Writer ─commit→ SQLite (truth) ─follow→ word index (tantivy)
//!                                     ↑ put_embeddings     vectors (exact, in eight bits, or through a graph)
//! Query ─search→ Snapshot: BM25 + cosines ─fusion→ ranking ─boost, choose, merge→ Hits
//! ```
//!
//! [`Library::open`] opens the library in a private directory and repairs what can be repaired; its one [`Writer`] changes
//! it; any number of [`Snapshot`]s read it, each an immutable view. The crate knows no models (it is given vectors), no
//! async and no terminal.
//!
//! Promises: what [`Writer::commit`] or [`Writer::put_embeddings`] acknowledged survives `kill -9` and a power cut;
//! a damaged projection is rebuilt, never searched; any string is a valid query; equal searches of equal
//! libraries give equal hits in equal order (through a graph of vectors, once it is built); after [`Writer::forget`] no file of
//! the library holds a byte of what was forgotten.

mod affinity;
mod analysis;
mod beside;
mod boost;
mod choose;
mod conditions;
mod error;
mod explain;
mod feedback;
mod forget;
mod fusion;
mod library;
mod likeness;
mod lock;
mod merge;
mod outline;
mod repair;
mod search;
mod snapshot;
mod store;
mod top;
mod types;
mod vectors;
mod verify;
mod view;
mod words;
mod writer;

pub use affinity::Affinity;
pub use analysis::{analyze, highlights};
pub use boost::{Boost, BoostKind};
pub use choose::Diversity;
pub use conditions::Conditions;
pub use error::Error;
pub use explain::{Dropped, Explained, Place, Why};
pub use forget::Forgotten;
pub use fusion::Parts;
pub use library::Library;
pub use merge::Passage;
pub use outline::Outlined;
pub use snapshot::{Hit, Mode, Query, QueryVectors, Rank, Snapshot};
pub use types::{
    Chunk, ChunkId, ContentHash, Document, FileDetail, FileRecord, FileStamp, FileState, NewChunk, Problem, Reading,
    Span, Status, TextHash, ToEmbed, embedding_text,
};
pub use vectors::{Options, VectorKind};
pub use verify::{Finding, Part};
pub use words::query::WeightedText;
pub use writer::Writer;

/// Runs the README's example as a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
