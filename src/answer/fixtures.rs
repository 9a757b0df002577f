//! Small libraries for tests.

use std::path::Path;

use tanya_index::{Document, FileStamp, FileState, Library, NewChunk, Span};

/// A file of one passage on these lines.
pub(crate) fn note(path: &str, lines: (u32, u32), text: &str) -> Document {
    let span = Span { start_line: lines.0, end_line: lines.1, page: None };
    Document {
        path: path.to_owned(),
        stamp: FileStamp { size: 1, mtime_ns: 1, hash: None },
        title: String::new(),
        tags: Vec::new(),
        chunks: vec![NewChunk { span, heading: String::new(), text: text.to_owned() }],
        state: FileState::Indexed,
        reason: None,
        reading: None,
    }
}

/// A library of these files.
pub(crate) fn library(dir: &Path, documents: impl IntoIterator<Item = Document>) -> Library {
    let library = Library::open(dir).unwrap();
    let mut writer = library.writer().unwrap();
    for document in documents {
        writer.upsert(document).unwrap();
    }
    writer.commit().unwrap();
    drop(writer);
    library
}
