//! A question and a passage read together: is the passage about it, does it answer it, and where?
//!
//! Place in the flow: question + passages → [`Reader::read`] → a [`Reading`] each. An embedder reads the two apart and compares
//! vectors; a reader (cross-encoder) sees every word of one beside every word of the other, which tells more and costs a pass for each
//! passage, so it reads a few that were found.
//!
//! Computed by the same BERT as the embedder's (see [`crate::Embedder`]), on the processor. Invariants: a reading does not depend on
//! the other passages of the call, not by a bit; spans lie in the passage, at borders of characters; special tokens in a text are
//! plain text.
//!
//! Two kinds of model: a sentence encoder with an adapter that was trained for this ([`Reader::open`]), and a published
//! reranker ([`Reader::open_reranker`]), which says how relevant a passage is and nothing else.

mod heads;
mod spans;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use heads::Heads;

use crate::cancel::Cancel;
use crate::decoder::Options;
use crate::embedder::adapter::Adapter;
use crate::embedder::bert::{Bert, Sequence};
use crate::embedder::config::Config;
use crate::embedder::words::Words;
use crate::embedder::{batch, weights};
use crate::error::Error;
use crate::kernels::Precision;

/// Tokens of a question that are read.
const LONGEST_QUESTION: usize = 64;
/// Tokens that are read at once, question and framing included: as in training.
const LONGEST: usize = 320;

/// What was read of one passage.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// How much the passage is about the question: the logit of a probability.
    pub relevance: f32,
    /// Whether the passage answers the question: the logit of a probability. `None` from a published reranker.
    pub answerable: Option<f32>,
    /// Where the answer may stand, best first, none overlapping another. Empty from a published reranker.
    pub spans: Vec<AnswerSpan>,
}

/// A stretch of a passage that may be the answer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AnswerSpan {
    /// First byte.
    pub start: usize,
    /// Behind the last byte.
    pub end: usize,
    /// By how much the span's score is above that of "there is no answer": the sum of two differences of logits.
    pub score: f32,
}

/// A model that reads pairs.
pub struct Reader {
    folder: PathBuf,
    words: Words,
    bert: Bert,
    heads: Heads,
    hidden: usize,
    room: usize,
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader").field("folder", &self.folder).finish_non_exhaustive()
    }
}

/// A part of a passage, with the question in front, as the model reads it.
struct Window {
    passage: usize,
    tokens: Vec<u32>,
    /// Tokens up to the passage's first.
    first: usize,
    /// The passage's bytes that its tokens stand for.
    places: Vec<(usize, usize)>,
}

impl Reader {
    /// Loads the sentence encoder in `folder` with the adapter whose bytes are given.
    ///
    /// Of `options` the processor and [`Options::exact`] matter: it always runs on the processor.
    ///
    /// # Errors
    /// [`Error::Io`] for a missing file, [`Error::Invalid`] for a damaged one, or an adapter that was made for other weights.
    pub fn open(folder: &Path, adapter: &[u8], options: &Options) -> Result<Self, Error> {
        let name = folder.join("the reader's adapter");
        let adapter = Adapter::read(&name, adapter)?;
        let path = folder.join("model.safetensors");
        let bytes = weights::read(&path)?;
        if let Some(base) = adapter.metadata("base_sha256")
            && base != sha256(&bytes)
        {
            return Err(Error::invalid(&path, "SHA-256", "is not that of the model for which the adapter was trained"));
        }
        Self::load(folder, &path, &bytes, Some(&adapter), options, |hidden| Heads::of_adapter(&adapter, hidden))
    }

    /// Loads a published cross-encoder: a BERT with a pooler and a classifier of one label (`BertForSequenceClassification`).
    ///
    /// # Errors
    /// As [`Reader::open`].
    pub fn open_reranker(folder: &Path, options: &Options) -> Result<Self, Error> {
        let path = folder.join("model.safetensors");
        let bytes = weights::read(&path)?;
        Self::load(folder, &path, &bytes, None, options, |hidden| Heads::of_classifier(&path, &bytes, hidden))
    }

    fn load(
        folder: &Path,
        path: &Path,
        bytes: &[u8],
        adapter: Option<&Adapter<'_>>,
        options: &Options,
        heads: impl FnOnce(usize) -> Result<Heads, Error>,
    ) -> Result<Self, Error> {
        let config = Config::read(folder)?;
        if !Bert::supports(&config.bert) {
            return Err(Error::invalid(&folder.join("config.json"), "hidden_act", "is not supported"));
        }
        if config.bert.type_vocab_size < 2 {
            return Err(Error::invalid(
                &folder.join("config.json"),
                "type_vocab_size",
                "a reader needs two kinds of tokens",
            ));
        }
        let hidden = config.bert.hidden_size;
        let heads = heads(hidden)?;
        let words = Words::read(&folder.join("tokenizer.json"), config.bert.vocab_size)?;
        let precision = if options.exact { Precision::Bf16 } else { Precision::Int8 };
        let bert = Bert::load(path, bytes, adapter, &config.bert, precision, options.processor()?)?;
        let room = LONGEST.min(config.bert.max_position_embeddings);
        if room < LONGEST_QUESTION + 8 {
            return Err(Error::invalid(
                &folder.join("config.json"),
                "max_position_embeddings",
                "leaves no room for a passage",
            ));
        }
        tracing::info!(folder = %folder.display(), "reader loaded");
        Ok(Self { folder: folder.to_owned(), words, bert, heads, hidden, room })
    }

    /// Reads `question` with each of `passages`, in their order. Of a passage that is longer than the model's window every part is read,
    /// half of each with its neighbors; the best part speaks for it.
    ///
    /// # Errors
    /// [`Error::Cancelled`] when `cancel` is set (looked at between layers), [`Error::Backend`] when memory runs out.
    pub fn read(&self, question: &str, passages: &[&str], cancel: &Cancel) -> Result<Vec<Reading>, Error> {
        let mut question = self.words.encode(question)?;
        question.truncate(LONGEST_QUESTION);
        let mut windows = Vec::new();
        for (passage, text) in passages.iter().enumerate() {
            self.cut(&question, passage, text, &mut windows)?;
        }
        let lengths: Vec<usize> = windows.iter().map(|window| window.tokens.len()).collect();
        let mut readings: Vec<Option<Reading>> = vec![None; passages.len()];
        for batch in batch::packed(&lengths) {
            let batch: Vec<&Window> = batch.into_iter().map(|at| &windows[at]).collect();
            let sequences: Vec<Sequence<'_>> =
                batch.iter().map(|window| Sequence { tokens: &window.tokens, first: window.first }).collect();
            let whole = self.bert.encode(&sequences, cancel, &mut |states| {
                let mut rest = states;
                for window in &batch {
                    let (own, after) = rest.split_at(window.tokens.len() * self.hidden);
                    rest = after;
                    let reading = self.heads.read(own, window.first, &window.places, passages[window.passage]);
                    let kept = &mut readings[window.passage];
                    *kept = Some(match kept.take() {
                        Some(other) => other.merged(reading),
                        None => reading,
                    });
                }
            });
            match whole {
                Ok(true) => {}
                Ok(false) => return Err(Error::Cancelled),
                Err(error) => {
                    return Err(Error::Backend {
                        path: self.folder.clone(),
                        doing: "reading",
                        reason: error.to_string(),
                    });
                }
            }
        }
        Ok(readings.into_iter().map(|reading| reading.expect("every passage has a window")).collect())
    }

    /// The windows of one passage; an empty one has one too.
    fn cut(&self, question: &[u32], passage: usize, text: &str, windows: &mut Vec<Window>) -> Result<(), Error> {
        let (tokens, places) = self.words.encode_with_places(text)?;
        let room = self.room - question.len() - 3;
        let mut start = 0;
        loop {
            let end = tokens.len().min(start + room);
            let (framed, first) = self.words.pair(question, &tokens[start..end]);
            windows.push(Window { passage, tokens: framed, first, places: places[start..end].to_vec() });
            if end == tokens.len() {
                return Ok(());
            }
            start += room / 2;
        }
    }
}

impl Reading {
    /// Of two parts of a passage the better says whether it is relevant and answers; spans of both.
    fn merged(mut self, other: Self) -> Self {
        self.relevance = self.relevance.max(other.relevance);
        self.answerable = self.answerable.zip(other.answerable).map(|(a, b)| a.max(b));
        self.spans.extend(other.spans);
        self.spans = spans::best(self.spans);
        self
    }
}

fn sha256(bytes: &[u8]) -> String {
    use std::fmt::Write as _;

    use sha2::{Digest as _, Sha256};
    Sha256::digest(bytes).iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
