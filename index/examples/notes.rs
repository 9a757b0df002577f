//! Finds passages in a folder of notes by their words, with this crate alone.
//!
//! ```text
//! cargo run --release -p tanya-index --example notes -- LIBRARY FOLDER WORD…
//! ```
//!
//! LIBRARY is a directory of its own for what is remembered of FOLDER; a second run reads only what has changed since. The
//! words may hold conditions: `pears "in march" -apples path:garden after:2024-05`.
//!
//! For meaning as well as words a model is needed, and this crate has none: select it with `Writer::set_embedder`, embed
//! what `Writer::unembedded` returns, give the vectors to `Writer::put_embeddings`, and the question's to `Query::vectors`.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program of the command line")]

use std::collections::HashMap;
use std::error::Error;
use std::ffi::OsString;
use std::fs::{self, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::UNIX_EPOCH;

use tanya_index::{Conditions, Document, FileStamp, FileState, Library, Mode, NewChunk, Query, Span, WeightedText};

/// What is gathered in memory before it becomes durable.
const FILES_A_COMMIT: usize = 500;

fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    let [library, folder, words @ ..] = arguments.as_slice() else {
        eprintln!("usage: notes LIBRARY FOLDER WORD…");
        return ExitCode::from(2);
    };
    let words: Vec<_> = words.iter().map(|word| word.to_string_lossy()).collect();
    match run(library.as_ref(), folder.as_ref(), &words.join(" ")) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(library: &Path, folder: &Path, search: &str) -> Result<(), Box<dyn Error>> {
    let library = Library::open(library)?;
    for notice in library.notices() {
        eprintln!("{notice}");
    }
    update(&library, folder)?;
    for problem in library.problems()? {
        eprintln!("{}: {}", problem.path, problem.reason);
    }

    let (words, conditions) = Conditions::parse(search);
    let texts = vec![WeightedText { text: words, weight: 1.0 }];
    let query = Query { texts, limit: 5, mode: Mode::Lexical, conditions, ..Query::usual() };
    for hit in library.snapshot()?.search(&query)? {
        let Span { start_line, end_line, .. } = hit.chunk.span;
        println!("{}:{start_line}-{end_line}  {}", clean(&hit.chunk.path), clean(&hit.chunk.heading));
        for line in hit.chunk.text.lines() {
            println!("    {}", clean(line));
        }
        println!();
    }
    Ok(())
}

/// Brings the library to what the folder holds now.
fn update(library: &Library, folder: &Path) -> Result<(), Box<dyn Error>> {
    let known = library.files()?.into_iter().map(|file| (file.path, file.stamp));
    let mut known: HashMap<String, FileStamp> = known.collect();
    let mut files = Vec::new();
    notes(folder, &mut files)?;
    let mut writer = library.writer()?;
    let mut read = 0;
    for (path, metadata) in files {
        let Some(name) = path.strip_prefix(folder)?.to_str() else { continue };
        let stamp = stamp(&metadata)?;
        // What is left in `known` afterwards is gone from the folder.
        if known.remove(name).is_some_and(|known| known == stamp) {
            continue;
        }
        writer.upsert(document(name, stamp, fs::read_to_string(&path)))?;
        read += 1;
        if read % FILES_A_COMMIT == 0 {
            writer.commit()?;
        }
    }
    for gone in known.keys() {
        writer.remove(gone)?;
    }
    writer.commit()?;
    writer.finish()?;
    Ok(())
}

/// The `.md` and `.txt` files of a folder and the folders in it, without hidden ones; links are not followed.
fn notes(folder: &Path, found: &mut Vec<(PathBuf, Metadata)>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let (kind, path) = (entry.file_type()?, entry.path());
        if entry.file_name().to_string_lossy().starts_with('.') {
            continue;
        }
        if kind.is_dir() {
            notes(&path, found)?;
        } else if kind.is_file() && path.extension().is_some_and(|extension| extension == "md" || extension == "txt") {
            found.push((path, entry.metadata()?));
        }
    }
    Ok(())
}

fn stamp(metadata: &Metadata) -> io::Result<FileStamp> {
    let changed = metadata.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
    Ok(FileStamp { size: metadata.len(), mtime_ns: i64::try_from(changed.as_nanos()).unwrap_or(i64::MAX), hash: None })
}

/// A file that cannot be read is remembered with the reason, and tried again when it changes.
fn document(path: &str, stamp: FileStamp, text: io::Result<String>) -> Document {
    let (chunks, state, reason) = match text {
        Ok(text) => (paragraphs(&text), FileState::Indexed, None),
        Err(error) => (Vec::new(), FileState::Failed, Some(error.to_string())),
    };
    Document {
        path: path.to_owned(),
        stamp,
        title: String::new(),
        tags: Vec::new(),
        chunks,
        state,
        reason,
        reading: None,
    }
}

/// The paragraphs of a text, each with its lines and the last Markdown heading above it.
fn paragraphs(text: &str) -> Vec<NewChunk> {
    let mut chunks: Vec<NewChunk> = Vec::new();
    let (mut heading, mut open) = (String::new(), false);
    for (number, line) in (1..).zip(text.lines()) {
        let title = line.trim_start_matches('#');
        if title.len() < line.len() && title.starts_with(' ') {
            title.trim().clone_into(&mut heading);
        }
        match chunks.last_mut().filter(|_| open) {
            _ if line.trim().is_empty() => open = false,
            Some(chunk) => {
                chunk.span.end_line = number;
                chunk.text.push('\n');
                chunk.text.push_str(line);
            }
            None => {
                let span = Span { start_line: number, end_line: number, page: None };
                chunks.push(NewChunk { span, heading: heading.clone(), text: line.to_owned() });
                open = true;
            }
        }
    }
    chunks
}

/// Documents are strangers' text: nothing of them may steer the terminal.
fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
