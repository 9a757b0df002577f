//! The extraction child's side: reads frames from stdin, answers on stdout, touches nothing else.

use std::any::Any;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use tanya_index::{FileState, NewChunk};

use super::protocol::{self, Done, Hello, Noticed, Open, Ready, Seen, Tag, WireChunk, write_frame, write_json};
use super::{confine, limits};
use crate::ingest::chunk::{chunk, short_title};
use crate::ingest::extract::{Extracted, Hidden, Input, Ocr, Sight, extract_with};
use crate::ingest::marks::{Mark, marks};

/// The main function of the extraction child (`tanya __extract`). Returns when stdin ends.
///
/// In builds with debug assertions a second argument `chaos` turns on misbehavior on demand for the tests of
/// containment (`chaos.rs`); release builds do not contain it.
pub fn worker_main() -> ExitCode {
    let mut input = BufReader::with_capacity(256 << 10, io::stdin().lock());
    let mut output = BufWriter::with_capacity(256 << 10, io::stdout().lock());
    match serve(&mut input, &mut output) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn serve(input: &mut impl Read, output: &mut impl Write) -> io::Result<()> {
    let Some(first) = protocol::read_frame(input)? else { return Ok(()) };
    let hello: Hello = first.json()?;
    let mut without = confine::confine();
    without.extend(limits::apply(hello.memory, limits::PIPES));
    write_json(output, Tag::Ready, &Ready { version: protocol::VERSION, without })?;
    output.flush()?;
    while let Some((file, ocr)) = receive(input, hello.file)? {
        #[cfg(debug_assertions)]
        super::chaos::misbehave(&file.bytes, output)?;
        answer(file, &ocr, input, output)?;
        output.flush()?;
    }
    Ok(())
}

/// The next whole file; `None` when the parent has closed the pipe.
fn receive(input: &mut impl Read, limit: u64) -> io::Result<Option<(Input, Ocr)>> {
    let mut open: Option<(Input, Ocr)> = None;
    while let Some(frame) = protocol::read_frame(input)? {
        match (frame.tag, &mut open) {
            (Tag::Open, slot) => {
                let Open { name, size, ocr } = frame.json()?;
                let bytes = Vec::with_capacity(size.min(limit) as usize);
                *slot = Some((Input { name, bytes, size }, ocr));
            }
            (Tag::Data, Some((file, _))) if (file.bytes.len() + frame.payload.len()) as u64 <= limit => {
                file.bytes.extend_from_slice(&frame.payload);
            }
            (Tag::Drop, slot) => *slot = None,
            (Tag::End, slot @ Some(_)) => return Ok(slot.take()),
            _ => return Err(io::ErrorKind::InvalidData.into()),
        }
    }
    Ok(None)
}

fn answer(file: Input, ocr: &Ocr, input: &mut impl Read, output: &mut impl Write) -> io::Result<()> {
    let stem = stem(&file.name);
    let worked = catch_unwind(AssertUnwindSafe(|| {
        #[cfg(debug_assertions)]
        super::chaos::panic_on_demand(&file.bytes);
        let mut look = |picture: &[u8]| look(picture, input, output).map_err(|error| error.to_string())?;
        let mut extracted = extract_with(file, &mut Sight { ocr, look: &mut look });
        let title = short_title(extracted.title.as_deref().unwrap_or(&stem));
        let chunks = chunk(&title, &extracted.blocks);
        extracted.blocks = Vec::new();
        (title, chunks, extracted)
    }));
    let (title, chunks, extracted) = worked.unwrap_or_else(|panic| {
        let reason = format!("the reader failed on it: {}", panic_line(panic.as_ref()));
        (String::new(), Vec::new(), Extracted::without_text(FileState::Failed, reason))
    });
    let noticed = noticed(extracted.hidden, &chunks);
    send_chunks(chunks, output)?;
    let Extracted { tags, state, reason, encoding, .. } = extracted;
    let encoding = encoding.map(str::to_owned);
    write_json(output, Tag::Done, &Done { title, tags, state, reason, encoding, noticed })
}

/// Has a picture read by the parent, which may start programs.
fn look(picture: &[u8], input: &mut impl Read, output: &mut impl Write) -> io::Result<Result<String, String>> {
    for piece in picture.chunks(protocol::BATCH_BYTES) {
        write_frame(output, Tag::Picture, piece)?;
    }
    write_frame(output, Tag::Look, &[])?;
    output.flush()?;
    let frame = protocol::read_frame(input)?.filter(|frame| frame.tag == Tag::Seen);
    match frame.ok_or(io::ErrorKind::InvalidData)?.json()? {
        Seen::Words(text) => Ok(Ok(text)),
        Seen::Nothing(why) => Ok(Err(why)),
    }
}

fn noticed(hidden: Hidden, chunks: &[NewChunk]) -> Noticed {
    let (hidden_words, hidden_characters) = (hidden.words as u64, hidden.characters as u64);
    let mut noticed = Noticed { hidden_words, hidden_characters, ..Noticed::default() };
    for mark in chunks.iter().flat_map(|chunk| marks(&chunk.text)) {
        match mark {
            Mark::ControlToken => noticed.control_tokens += 1,
            Mark::Instruction => noticed.instructions += 1,
        }
    }
    noticed
}

fn send_chunks(chunks: Vec<NewChunk>, output: &mut impl Write) -> io::Result<()> {
    let mut batch = Vec::new();
    let mut bytes = 0;
    let mut heading = String::new();
    for chunk in chunks {
        bytes += chunk.text.len() + chunk.heading.len();
        let changed = chunk.heading != heading;
        if changed {
            heading.clone_from(&chunk.heading);
        }
        batch.push(WireChunk {
            start: chunk.span.start_line,
            end: chunk.span.end_line,
            page: chunk.span.page,
            heading: changed.then_some(chunk.heading),
            text: chunk.text,
        });
        if bytes >= protocol::BATCH_BYTES {
            write_frame(output, Tag::Chunks, &serde_json::to_vec(&batch)?)?;
            batch.clear();
            bytes = 0;
        }
    }
    if batch.is_empty() { Ok(()) } else { write_json(output, Tag::Chunks, &batch) }
}

/// A file name as a title: without its extension.
fn stem(name: &str) -> String {
    let stem = match name.rsplit_once('.') {
        Some((stem, extension)) if !stem.is_empty() && extension.len() <= 16 => stem,
        _ => name,
    };
    stem.split(|c: char| c.is_control() || c.is_whitespace())
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

/// A panic's message on one short line.
fn panic_line(panic: &(dyn Any + Send)) -> String {
    let message = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    let message = message.unwrap_or("no message");
    message.chars().map(|c| if c.is_control() { ' ' } else { c }).take(120).collect()
}
