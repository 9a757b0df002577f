//! What an answer is made of, and the events that tell of its making.
//!
//! These types are the machine interface (`ask --json`) and what sessions store: fields may be added, never renamed.

use serde::{Deserialize, Serialize};
use tanya_engine::Timings;

use super::disagree::Disagreement;
use super::filter::Filtered;
use super::gate::Measures;
use super::ledger::{Ledger, Step};
use super::reading::SourceReading;
use super::trace::Trace;
use super::within::Within;
use crate::ingest::Mark;

/// A passage that was found for the question, stored by value: an old answer can be read after its file is gone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Source {
    /// The number that citations use, from 1.
    pub n: u32,
    /// Relative to the folder, encoded as in [`crate::paths`].
    pub path: String,
    /// First line in the file, or within the page where there is one; from 1.
    pub start_line: u32,
    /// Last line, inclusive.
    pub end_line: u32,
    /// Page, from 1, for paged formats.
    pub page: Option<u32>,
    /// `Title › Section`.
    pub heading: String,
    /// The passage as indexed.
    pub text: String,
    /// How close it is to the question: the cosine where the passage has a vector, else the lexical share, at most 1. Not what
    /// the passages are ranked by, but absolute: a bad best looks bad.
    pub score: f32,
    /// Rank among the lexical candidates, from 1.
    pub bm25_rank: Option<u32>,
    /// Rank among the vector candidates, from 1.
    pub vector_rank: Option<u32>,
    /// What the passage costs in the prompt, counted by the model's tokenizer; 0 before fitting.
    pub tokens: usize,
    /// Byte ranges of `text` that carry the question's words.
    #[serde(default)]
    pub highlights: Vec<(usize, usize)>,
    /// What the reader says of it, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reading: Option<SourceReading>,
    /// What in it was hardly written for a reader.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub marks: Vec<Mark>,
}

/// How far the documents support a sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Its content words, names and numbers stand in a source.
    Supported,
    /// Some do.
    Partly,
    /// They do not.
    NotFound,
}

/// One use of a source by the answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Citation {
    /// The source's number.
    pub n: u32,
    /// As in [`Source`].
    pub path: String,
    /// First line of the supporting text.
    pub start_line: u32,
    /// Last line of the supporting text, inclusive.
    pub end_line: u32,
    /// As in [`Source`].
    pub page: Option<u32>,
    /// What stands on these lines, as far as they are part of the source.
    pub text: String,
    /// The words there that support the sentence.
    #[serde(default)]
    pub quote: String,
    /// How well it supports the sentence that cites it.
    pub verdict: Verdict,
}

impl Citation {
    /// The supporting words; all of the cited lines in an answer that was stored before these were told apart.
    pub fn words(&self) -> &str {
        if self.quote.is_empty() { &self.text } else { &self.quote }
    }
}

/// A passage that was found but is not in the prompt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dropped {
    /// As in [`Source`].
    pub path: String,
    /// One phrase.
    pub why: String,
}

/// A sentence of the answer with its check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sentence {
    /// First byte in [`Answer::answer`].
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
    /// Numbers of the sources that support it.
    pub citations: Vec<u32>,
    /// How far they do.
    pub verdict: Verdict,
}

/// Whether a model is asked at all.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Gate {
    /// The sources may hold an answer.
    Go,
    /// They do not: the closest are shown instead, and no model runs.
    Refuse {
        /// One sentence for the person.
        reason: String,
    },
}

/// Why an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FinishKind {
    /// The model ended its turn, or wrote a stop string.
    Stop,
    /// It reached the limit of tokens.
    Length,
    /// It reached the end of its window.
    Window,
    /// The person stopped it.
    Cancelled,
    /// No model was asked: not in the documents.
    Refused,
}

/// A finished answer with everything that explains it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// What a person reads, with `[n]` citations.
    pub answer: String,
    /// The bare span or word where the question asks for one.
    pub short_answer: Option<String>,
    /// The documents do not hold it.
    pub abstained: bool,
    /// Why it abstained, or another remark.
    pub reason: Option<String>,
    /// In order of first use.
    pub citations: Vec<Citation>,
    /// The answer's sentences, in order, with their checks.
    pub sentences: Vec<Sentence>,
    /// What was in the prompt, in its order; when refused, the closest passages.
    pub sources: Vec<Source>,
    /// What was found and left out.
    pub dropped: Vec<Dropped>,
    /// Tokens of the prompt.
    pub prompt_tokens: usize,
    /// Of those, how many were still in the model's cache.
    pub reused_tokens: usize,
    /// Tokens written.
    pub generated_tokens: usize,
    /// Milliseconds of searching.
    pub ms_search: f64,
    /// Milliseconds from the question to the first piece of text.
    pub ms_first_token: Option<f64>,
    /// Milliseconds from the first token to the last.
    pub ms_decode: f64,
    /// Milliseconds altogether.
    pub ms_total: f64,
    /// Why it ended.
    pub finish: FinishKind,
    /// The model's name.
    pub model: String,
    /// The sampling seed.
    pub seed: u64,
    /// Tokens that the model's window holds.
    #[serde(default)]
    pub window: usize,
    /// What the gate looked at.
    #[serde(default)]
    pub measures: Measures,
    /// How much was read, where the question was about the whole folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub whole: Option<Whole>,
    /// What the output filter found in the text, or where it removed something.
    #[serde(default)]
    pub filtered: Vec<Filtered>,
    /// The model was asked without the documents, or they support no sentence of what it wrote.
    #[serde(default)]
    pub beyond_documents: bool,
    /// What it was asked of, where the question names files or tags.
    #[serde(default, skip_serializing_if = "Within::is_empty")]
    pub within: Within,
    /// What the sources say differently.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disagreement: Option<Disagreement>,
    /// What it takes to make the answer again; a conversation keeps it as the turn's receipt instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<Box<Trace>>,
}

/// How much was read for a question about the whole folder.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Whole {
    /// `list_all`, `count`, `compare` or `summarize`.
    pub task: String,
    /// Sections that the question is about.
    pub sections: usize,
    /// Sections that were read; fewer where the person stopped it.
    pub read: usize,
    /// Sections in which something was found.
    pub matched: usize,
    /// Of those read, how many an earlier run of the same question had read.
    pub remembered: usize,
    /// Files that the sections belong to.
    pub files: usize,
    /// What was found, nothing twice: items, entries or files.
    pub found: usize,
    /// Files that the question is about whose text is not in the library.
    pub unread_files: usize,
}

impl Answer {
    /// What is kept of an answer that the person stopped after `ms_total` milliseconds: what was written until then, unchecked.
    pub fn stopped(text: String, sources: Vec<Source>, model: &str, ms_total: f64) -> Self {
        Self {
            answer: text,
            short_answer: None,
            abstained: false,
            reason: Some("stopped by you".into()),
            citations: Vec::new(),
            sentences: Vec::new(),
            sources,
            dropped: Vec::new(),
            prompt_tokens: 0,
            reused_tokens: 0,
            generated_tokens: 0,
            ms_search: 0.0,
            ms_first_token: None,
            ms_decode: 0.0,
            ms_total,
            finish: FinishKind::Cancelled,
            model: model.to_owned(),
            seed: 0,
            window: 0,
            measures: Measures::default(),
            whole: None,
            filtered: Vec::new(),
            beyond_documents: false,
            within: Within::default(),
            disagreement: None,
            trace: None,
        }
    }

    /// Tokens written per second, where at least two were.
    pub fn tokens_per_second(&self) -> Option<f64> {
        (self.generated_tokens > 1 && self.ms_decode > 0.0)
            .then(|| (self.generated_tokens - 1) as f64 / self.ms_decode * 1000.0)
    }
}

/// What happens on the way to an answer, in order. `Reading`, `Prefill` and `Text` repeat.
#[derive(Debug, Clone, PartialEq)]
pub enum AnswerEvent {
    /// What is searched for.
    Query {
        /// The question, with what earlier turns add to it.
        text: String,
    },
    /// Sections are read, for a question about the whole folder. The first one says what is to be read before it is.
    Reading {
        /// Sections read.
        done: usize,
        /// Sections to read.
        total: usize,
        /// An estimate, by the pace of earlier runs.
        seconds_left: u64,
    },
    /// What was found, best first; for a question about the whole folder in the order of the documents.
    Sources(Vec<Source>),
    /// Whether a model is asked.
    Gate(Gate),
    /// What went into the prompt.
    Fitted {
        /// Numbers of the sources in it.
        used: Vec<u32>,
        /// What was left out.
        dropped: Vec<Dropped>,
        /// Tokens of the whole prompt.
        prompt_tokens: usize,
        /// Tokens that the model's window holds.
        window: usize,
    },
    /// What each part of the prompt costs; after `Fitted`.
    Ledger(Box<Ledger>),
    /// The model chose a token; only where [`super::Request::inspect`] asks for it.
    Step(Box<Step>),
    /// What writing took, beyond what the answer itself says.
    Timed(Box<Timings>),
    /// The model reads.
    Prefill {
        /// Tokens read.
        done: usize,
        /// Tokens to read.
        total: usize,
    },
    /// The model writes: the next piece, whole characters only.
    Text(String),
    /// The answer's sentences were checked.
    Checked(Vec<Sentence>),
    /// The end.
    Finished(Box<Answer>),
}

#[cfg(test)]
impl Source {
    /// A source of one line, for tests.
    pub(crate) fn of_text(n: u32, text: &str) -> Self {
        Self {
            n,
            path: format!("{n}.md"),
            start_line: 1,
            end_line: 1,
            page: None,
            heading: String::new(),
            text: text.into(),
            score: 1.0,
            bm25_rank: None,
            vector_rank: None,
            tokens: 0,
            highlights: Vec::new(),
            reading: None,
            marks: Vec::new(),
        }
    }
}

#[cfg(test)]
impl Answer {
    /// A finished answer without sources, for tests.
    pub(crate) fn of_text(text: &str) -> Self {
        Self {
            answer: text.into(),
            short_answer: None,
            abstained: false,
            reason: None,
            citations: Vec::new(),
            sentences: Vec::new(),
            sources: Vec::new(),
            dropped: Vec::new(),
            prompt_tokens: 1,
            reused_tokens: 0,
            generated_tokens: 1,
            ms_search: 0.5,
            ms_first_token: Some(1.0),
            ms_decode: 0.0,
            ms_total: 2.0,
            finish: FinishKind::Stop,
            model: "m".into(),
            seed: 7,
            window: 10,
            measures: Measures::default(),
            filtered: Vec::new(),
            beyond_documents: false,
            within: Within::default(),
            disagreement: None,
            trace: None,
            whole: None,
        }
    }
}
