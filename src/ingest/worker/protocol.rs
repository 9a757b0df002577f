//! What the parent and the extraction child say to each other: frames over stdin and stdout.
//!
//! A frame is one tag byte, the payload's length as a little-endian `u32`, the payload. Parent to child: `Hello` once, then for
//! each file `Open`, any number of `Data`, and `End` or `Drop`. Child to parent: `Ready` once, then for each `End` any number
//! of `Chunks` and one `Done`; before them, where words in pictures are read, for each picture some `Picture` and one `Look`, which the
//! parent answers with `Seen`. Every length is capped on both sides. The parent believes nothing: [`Answer`] checks each
//! value before it can reach the library.

use std::io::{self, Read, Write};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tanya_index::{FileState, NewChunk, Span};

use crate::ingest::extract::{Ocr, has_forbidden};

/// Changes whenever a frame changes its meaning: parent and child must be of one build.
pub(super) const VERSION: u32 = 3;
/// Largest payload of a frame.
pub(super) const MAX_FRAME: usize = 4 << 20;
/// Chunks are sent once this many bytes of text have come together.
pub(super) const BATCH_BYTES: usize = 256 << 10;
/// Most bytes of chunk text that are taken from one file.
const MAX_TEXT: usize = 100 << 20;
/// Most chunks that are taken from one file.
const MAX_CHUNKS: usize = 1_000_000;
/// Longest text of one chunk; the chunker's limits keep it below half of this.
const MAX_CHUNK: usize = 32 << 10;
/// Most tags that are taken from one file; the reader's own limit is below.
const MAX_TAGS: usize = 4096;
/// Longest title, heading path, tag or reason.
const MAX_LABEL: usize = 4 << 10;

/// What a frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Tag {
    Hello = 1,
    Open,
    Data,
    End,
    Drop,
    Ready,
    Chunks,
    Done,
    Picture,
    Look,
    Seen,
}

impl Tag {
    fn from_byte(byte: u8) -> Option<Self> {
        const ALL: [Tag; 11] = [
            Tag::Hello,
            Tag::Open,
            Tag::Data,
            Tag::End,
            Tag::Drop,
            Tag::Ready,
            Tag::Chunks,
            Tag::Done,
            Tag::Picture,
            Tag::Look,
            Tag::Seen,
        ];
        ALL.into_iter().find(|tag| *tag as u8 == byte)
    }
}

/// The parent's first word.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Hello {
    pub(super) version: u32,
    /// Address space of the child, in bytes.
    pub(super) memory: u64,
    /// Most bytes of one file.
    pub(super) file: u64,
}

/// The child's first word, once its limits are set.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Ready {
    pub(super) version: u32,
    /// Limits that this system does not have.
    pub(super) without: Vec<String>,
}

/// A file follows.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Open {
    /// Its name without folders, encoded by `paths`.
    pub(super) name: String,
    /// Its whole size in bytes; the data may be only its beginning.
    pub(super) size: u64,
    /// Whether words in pictures are read.
    pub(super) ocr: Ocr,
}

/// What came of a picture.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Seen {
    /// Its words; pages end with a form feed.
    Words(String),
    /// Why there are none.
    Nothing(String),
}

/// A chunk on its way.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct WireChunk {
    pub(super) start: u32,
    pub(super) end: u32,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(super) page: Option<u32>,
    /// `None`: as in the chunk before.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(super) heading: Option<String>,
    pub(super) text: String,
}

/// All chunks of a file were sent.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Done {
    pub(super) title: String,
    pub(super) tags: Vec<String>,
    pub(super) state: FileState,
    pub(super) reason: Option<String>,
    pub(super) encoding: Option<String>,
    pub(super) noticed: Noticed,
}

/// What the child came upon in a file that was hardly written for whoever reads it: see [`tanya_index::Reading`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Noticed {
    pub(crate) hidden_words: u64,
    pub(crate) hidden_characters: u64,
    pub(crate) control_tokens: u64,
    pub(crate) instructions: u64,
}

/// One frame as read.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) tag: Tag,
    pub(super) payload: Vec<u8>,
}

impl Frame {
    /// The payload as JSON.
    pub(super) fn json<T: DeserializeOwned>(&self) -> io::Result<T> {
        serde_json::from_slice(&self.payload)
            .map_err(|error| invalid(format!("a {:?} frame is not valid: {error}", self.tag)))
    }
}

/// Writes one frame.
pub(super) fn write_frame(out: &mut impl Write, tag: Tag, payload: &[u8]) -> io::Result<()> {
    if payload.len() > MAX_FRAME {
        return Err(invalid(format!("a {tag:?} frame of {} bytes is too large", payload.len())));
    }
    out.write_all(&[tag as u8])?;
    out.write_all(&(payload.len() as u32).to_le_bytes())?;
    out.write_all(payload)
}

/// Writes one frame of JSON.
pub(super) fn write_json(out: &mut impl Write, tag: Tag, value: &impl Serialize) -> io::Result<()> {
    write_frame(out, tag, &serde_json::to_vec(value)?)
}

/// Reads one frame; `None` at the end of the stream between two frames.
pub(super) fn read_frame(input: &mut impl Read) -> io::Result<Option<Frame>> {
    let mut head = [0; 5];
    if input.read(&mut head[..1])? == 0 {
        return Ok(None);
    }
    input.read_exact(&mut head[1..])?;
    let [tag, length @ ..] = head;
    let tag = Tag::from_byte(tag).ok_or_else(|| invalid(format!("{tag} is no frame")))?;
    let length = u32::from_le_bytes(length) as usize;
    if length > MAX_FRAME {
        return Err(invalid(format!("a {tag:?} frame of {length} bytes is too large")));
    }
    // Grows with what really arrives: a length alone allocates nothing.
    let mut payload = Vec::new();
    input.take(length as u64).read_to_end(&mut payload)?;
    if payload.len() < length {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(Some(Frame { tag, payload }))
}

pub(super) fn invalid(message: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, message.into())
}

/// What the child made of one file, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    /// The document's title, empty if it has none.
    pub(crate) title: String,
    /// Its chunks.
    pub(crate) chunks: Vec<NewChunk>,
    /// What it is filed under.
    pub(crate) tags: Vec<String>,
    /// How much of it was read.
    pub(crate) state: FileState,
    /// Why not all, or a note.
    pub(crate) reason: Option<String>,
    /// The character encoding, for text.
    pub(crate) encoding: Option<String>,
    /// What in it was hardly written for whoever reads it.
    pub(crate) noticed: Noticed,
}

impl Answer {
    /// Reads the frames of one answer; `other` takes those that are no part of it. Any value outside the limits is an error.
    pub(super) fn read(input: &mut impl Read, other: &mut dyn FnMut(&Frame) -> io::Result<()>) -> io::Result<Self> {
        let mut chunks: Vec<NewChunk> = Vec::new();
        let mut bytes = 0;
        loop {
            let frame = read_frame(input)?.ok_or(io::ErrorKind::UnexpectedEof)?;
            match frame.tag {
                Tag::Chunks => {
                    for chunk in frame.json::<Vec<WireChunk>>()? {
                        let heading = match chunk.heading {
                            Some(heading) => label(heading)?,
                            None => chunks.last().map(|chunk| chunk.heading.clone()).unwrap_or_default(),
                        };
                        bytes += chunk.text.len() + heading.len();
                        if chunks.len() >= MAX_CHUNKS || bytes > MAX_TEXT {
                            return Err(invalid("more text than a file may give"));
                        }
                        let span = Span { start_line: chunk.start, end_line: chunk.end, page: chunk.page };
                        chunks.push(NewChunk { span: checked_span(span)?, heading, text: checked_text(chunk.text)? });
                    }
                }
                Tag::Done => {
                    let done: Done = frame.json()?;
                    let title = label(done.title)?;
                    if done.tags.len() > MAX_TAGS {
                        return Err(invalid("more tags than a file may have"));
                    }
                    let tags = done.tags.into_iter().map(label).collect::<io::Result<Vec<_>>>()?;
                    let reason = done.reason.map(label).transpose()?;
                    let encoding = done.encoding.map(label).transpose()?;
                    let has_text = matches!(done.state, FileState::Indexed | FileState::Partly);
                    if !has_text && !chunks.is_empty() {
                        return Err(invalid("text of a file that gave none"));
                    }
                    let passages = chunks.len() as u64;
                    if done.noticed.control_tokens.max(done.noticed.instructions) > passages {
                        return Err(invalid("more passages are marked than there are"));
                    }
                    let (state, noticed) = (done.state, done.noticed);
                    return Ok(Self { title, chunks, tags, state, reason, encoding, noticed });
                }
                _ => other(&frame)?,
            }
        }
    }
}

fn checked_span(span: Span) -> io::Result<Span> {
    if span.start_line == 0 || span.start_line > span.end_line || span.page == Some(0) {
        return Err(invalid(format!("lines {} to {} do not exist", span.start_line, span.end_line)));
    }
    Ok(span)
}

fn checked_text(text: String) -> io::Result<String> {
    if text.trim().is_empty() || text.len() > MAX_CHUNK || has_forbidden(&text) {
        return Err(invalid("a passage is empty, too long or holds control characters"));
    }
    Ok(text)
}

fn label(text: String) -> io::Result<String> {
    if text.len() > MAX_LABEL || has_forbidden(&text) || text.contains('\n') {
        return Err(invalid("a title, heading or reason is too long or holds control characters"));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn chunk(text: &str) -> WireChunk {
        WireChunk { start: 1, end: 2, page: None, heading: Some("H".into()), text: text.into() }
    }

    /// An answer in which nothing else has a place.
    fn read_all(mut bytes: &[u8]) -> io::Result<Answer> {
        Answer::read(&mut bytes, &mut |frame| Err(invalid(format!("a {:?} frame", frame.tag))))
    }

    fn answer(chunks: &[WireChunk], state: FileState) -> io::Result<Answer> {
        tagged_answer(chunks, state, &["red"])
    }

    fn tagged_answer(chunks: &[WireChunk], state: FileState, tags: &[&str]) -> io::Result<Answer> {
        noticed_answer(chunks, state, tags, Noticed::default())
    }

    fn noticed_answer(chunks: &[WireChunk], state: FileState, tags: &[&str], noticed: Noticed) -> io::Result<Answer> {
        let mut bytes = Vec::new();
        write_json(&mut bytes, Tag::Chunks, &chunks).unwrap();
        let tags = tags.iter().map(|tag| (*tag).to_owned()).collect();
        let done = Done { title: "T".into(), tags, state, reason: None, encoding: None, noticed };
        write_json(&mut bytes, Tag::Done, &done).unwrap();
        read_all(&bytes)
    }

    #[test]
    fn a_proper_answer_arrives_and_headings_are_inherited() {
        let second = WireChunk { heading: None, ..chunk("two") };
        let answer = answer(&[chunk("one"), second], FileState::Indexed).unwrap();
        assert_eq!(answer.chunks.len(), 2);
        assert_eq!(answer.chunks[1].heading, "H");
        assert_eq!(answer.tags, ["red"]);
    }

    #[test]
    fn values_outside_the_limits_are_errors() {
        assert!(answer(&[chunk(" ")], FileState::Indexed).is_err());
        assert!(answer(&[chunk("a\u{1B}[31m")], FileState::Indexed).is_err());
        assert!(answer(&[chunk("a\u{202E}b")], FileState::Indexed).is_err());
        assert!(answer(&[chunk(&"x".repeat(MAX_CHUNK + 1))], FileState::Indexed).is_err());
        assert!(answer(&[WireChunk { start: 0, ..chunk("a") }], FileState::Indexed).is_err());
        assert!(answer(&[WireChunk { start: 3, ..chunk("a") }], FileState::Indexed).is_err());
        assert!(answer(&[WireChunk { heading: Some("a\nb".into()), ..chunk("a") }], FileState::Indexed).is_err());
        assert!(answer(&[chunk("a")], FileState::Failed).is_err());
        let marked = |instructions| Noticed { instructions, ..Noticed::default() };
        assert!(noticed_answer(&[chunk("a")], FileState::Indexed, &[], marked(1)).is_ok());
        assert!(noticed_answer(&[chunk("a")], FileState::Indexed, &[], marked(2)).is_err());
        assert!(tagged_answer(&[], FileState::Indexed, &["a\nb"]).is_err());
        assert!(tagged_answer(&[], FileState::Indexed, &["a\u{202E}b"]).is_err());
        assert!(tagged_answer(&[], FileState::Indexed, &vec!["t"; MAX_TAGS + 1]).is_err());
    }

    #[test]
    fn a_length_beyond_the_cap_is_refused_before_it_is_read() {
        let mut bytes = vec![Tag::Chunks as u8];
        bytes.extend(u32::MAX.to_le_bytes());
        let error = read_all(&bytes).unwrap_err();
        assert!(error.to_string().contains("too large"), "{error}");
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_parent_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), tag in 0..14_u8, length in 0..300_u32) {
            let mut stream = vec![tag];
            stream.extend(length.to_le_bytes());
            stream.extend(bytes);
            let _ = read_all(&stream);
        }
    }
}
