//! What an answer was made from and with, beyond what [`super::Answer`] itself holds: enough to make it again.
//!
//! Conversations keep it; fields may be added, never renamed, and a field that an old one lacks has its default.

use serde::{Deserialize, Serialize};
use tanya_engine::Sampling;

use super::event::Source;
use super::query::{Exchange, SearchQuery};
use super::{Request, Thresholds, WhenRefused};
use crate::config::{AnswerStyle, FilterMode};

/// How an answer came to be.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Trace {
    /// What was searched for.
    pub query: TracedQuery,
    /// Whether the search found what may hold an answer.
    pub from_documents: bool,
    /// The earlier exchanges that were in the prompt, oldest first.
    pub history: Vec<Exchange>,
    /// The answer's sources: what was in the prompt, or what was found where no model was asked.
    pub passages: Vec<TracedPassage>,
    /// The blake3 hash of the prompt's token ids, each as four bytes, the lowest first; `None` where no model was asked.
    pub prompt_hash: Option<String>,
    /// What was written before it was checked: by the model, filtered, or quoted from a source; `None` for a refusal.
    pub wrote: Option<String>,
    /// Milliseconds of reading the prompt.
    pub ms_prefill: Option<f64>,
    /// Who wrote; `None` where no model was asked.
    pub generator: Option<Identity>,
    /// The embedder of the search; `None`: by words alone.
    pub embedder: Option<String>,
    /// Whether the reader had its say.
    pub reader: bool,
    /// The settings that an answer depends on.
    pub settings: TracedSettings,
    /// How tokens were chosen.
    pub sampling: TracedSampling,
}

/// What was searched for.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TracedQuery {
    /// The person's words.
    pub question: String,
    /// All texts that the words were taken from, earlier turns included, with their weights.
    pub texts: Vec<TracedText>,
    /// The texts that were embedded.
    pub embedded: Vec<String>,
}

/// A text of a query.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TracedText {
    /// The text.
    pub text: String,
    /// How much it counts; the question's is 1.
    pub weight: f32,
}

/// A passage: the answer's source of the same number has its text and place.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TracedPassage {
    /// As in [`Source::n`].
    pub n: u32,
    /// The blake3 hash of its text.
    pub text_hash: String,
    /// The blake3 hash of its file when that was read.
    pub file_hash: Option<String>,
    /// Bytes of its text that the model read; `None` where no model was asked.
    pub read: Option<(usize, usize)>,
}

/// What tells one model, and one way to compute it, from another.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Identity {
    /// As the person knows it.
    pub name: String,
    /// A hash of its file: `sha256:…` as it was verified, or a fingerprint ([`crate::models::fingerprint`]).
    pub file: Option<String>,
    /// What computed: `native`, `candle`…, without the number of threads, on which no result depends.
    pub backend: String,
    /// The instruction tier of the kernels.
    pub instructions: String,
    /// What keys and values were kept as.
    pub cache: String,
    /// A fingerprint of the program itself.
    pub build: Option<String>,
}

/// The settings that an answer depends on.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TracedSettings {
    /// Passages that were looked for and read.
    pub passages: usize,
    /// Tokens of passages that the prompt could hold.
    pub evidence_tokens: usize,
    /// Sentences of a passage that the model read; 0: all.
    pub evidence_sentences: usize,
    /// As [`crate::config::Settings::min_lexical`].
    pub min_lexical: f32,
    /// As [`crate::config::Settings::min_cosine`].
    pub min_cosine: f32,
    /// As [`crate::config::Settings::min_answerable`].
    pub min_answerable: f32,
    /// `auto`, `quote`, `copy` or `write`.
    pub answer_style: String,
    /// `off`, `warn` or `redact`.
    pub output_filter: String,
    /// The blake3 hash of the block list.
    pub blocklist_hash: Option<String>,
    /// The person wanted an answer whether the documents hold it or not.
    pub insisted: bool,
}

/// How tokens were chosen: [`Sampling`] without what an answer never sets.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TracedSampling {
    /// As [`Sampling::temperature`].
    pub temperature: f32,
    /// As [`Sampling::top_k`].
    pub top_k: usize,
    /// As [`Sampling::top_p`].
    pub top_p: f32,
    /// As [`Sampling::min_p`].
    pub min_p: f32,
    /// As [`Sampling::frequency_penalty`].
    pub frequency_penalty: f32,
    /// As [`Sampling::presence_penalty`].
    pub presence_penalty: f32,
    /// As [`Sampling::repetition_penalty`].
    pub repetition_penalty: f32,
    /// As [`Sampling::repeat_last_n`].
    pub repeat_last_n: usize,
    /// As [`Sampling::seed`].
    pub seed: u64,
    /// As [`Sampling::max_tokens`], after the window had its say.
    pub max_tokens: usize,
    /// As [`Sampling::stop`].
    pub stop: Vec<String>,
    /// As [`Sampling::draft_tokens`].
    pub draft_tokens: usize,
}

impl Trace {
    /// What is known before anything was found.
    pub(super) fn begun(request: &Request, query: &SearchQuery) -> Self {
        let texts = query.texts.iter().map(|text| TracedText { text: text.text.clone(), weight: text.weight });
        Self {
            query: TracedQuery {
                question: request.question.clone(),
                texts: texts.collect(),
                embedded: query.to_embed.clone(),
            },
            settings: TracedSettings::of(request),
            sampling: TracedSampling::of(&request.sampling),
            ..Self::default()
        }
    }
}

impl TracedPassage {
    /// A source that no model read.
    pub(super) fn found(source: &Source, file_hash: Option<&String>) -> Self {
        Self { n: source.n, text_hash: text_hash(&source.text), file_hash: file_hash.cloned(), read: None }
    }

    /// A source of which a model read `reading`, a stretch of its text.
    pub(super) fn read(source: &Source, file_hash: Option<&String>, reading: &str) -> Self {
        let start = source.text.find(reading).unwrap_or(0);
        Self { read: Some((start, start + reading.len())), ..Self::found(source, file_hash) }
    }

    /// What the model read, where `source` is still what it was.
    pub(super) fn reading<'a>(&self, source: &'a Source) -> Option<&'a str> {
        let (start, end) = self.read?;
        source.text.get(start..end).filter(|_| text_hash(&source.text) == self.text_hash)
    }
}

impl TracedSettings {
    fn of(request: &Request) -> Self {
        Self {
            passages: request.passages,
            evidence_tokens: request.evidence_tokens,
            evidence_sentences: request.evidence_sentences,
            min_lexical: request.thresholds.lexical,
            min_cosine: request.thresholds.cosine,
            min_answerable: request.thresholds.answerable,
            answer_style: request.style.name().to_owned(),
            output_filter: request.filter.mode().name().to_owned(),
            blocklist_hash: request.filter.blocklist_hash(),
            insisted: request.when_refused == WhenRefused::AskModel,
        }
    }

    pub(super) fn thresholds(&self) -> Thresholds {
        Thresholds { lexical: self.min_lexical, cosine: self.min_cosine, answerable: self.min_answerable }
    }

    pub(super) fn style(&self) -> AnswerStyle {
        let known = AnswerStyle::ALL.iter().find(|(name, _)| *name == self.answer_style);
        known.map_or_else(AnswerStyle::default, |(_, style)| *style)
    }

    pub(super) fn filter_mode(&self) -> FilterMode {
        let known = FilterMode::ALL.iter().find(|(name, _)| *name == self.output_filter);
        known.map_or_else(FilterMode::default, |(_, mode)| *mode)
    }
}

impl TracedSampling {
    pub(super) fn of(sampling: &Sampling) -> Self {
        Self {
            temperature: sampling.temperature,
            top_k: sampling.top_k,
            top_p: sampling.top_p,
            min_p: sampling.min_p,
            frequency_penalty: sampling.frequency_penalty,
            presence_penalty: sampling.presence_penalty,
            repetition_penalty: sampling.repetition_penalty,
            repeat_last_n: sampling.repeat_last_n,
            seed: sampling.seed,
            max_tokens: sampling.max_tokens,
            stop: sampling.stop.clone(),
            draft_tokens: sampling.draft_tokens,
        }
    }

    pub(super) fn sampling(&self) -> Sampling {
        Sampling {
            temperature: self.temperature,
            top_k: self.top_k,
            top_p: self.top_p,
            min_p: self.min_p,
            frequency_penalty: self.frequency_penalty,
            presence_penalty: self.presence_penalty,
            repetition_penalty: self.repetition_penalty,
            repeat_last_n: self.repeat_last_n,
            seed: self.seed,
            max_tokens: self.max_tokens,
            stop: self.stop.clone(),
            draft_tokens: self.draft_tokens,
            ..Sampling::default()
        }
    }
}

/// The blake3 hash of a text, in hexadecimal.
pub fn text_hash(text: &str) -> String {
    blake3::hash(text.as_bytes()).to_string()
}

/// The blake3 hash of a prompt, in hexadecimal.
pub(super) fn prompt_hash(ids: &[u32]) -> String {
    let mut hasher = blake3::Hasher::new();
    for id in ids {
        hasher.update(&id.to_le_bytes());
    }
    hasher.finalize().to_string()
}
