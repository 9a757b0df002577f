//! A question becomes an answer, as a stream of [`AnswerEvent`]s.
//!
//! ```text
//! question ─query→ search ─retrieve→ sources ─gate→ go | refuse ─fit→ passages ─prompt→ token ids ─engine→ text ─cite→ Answer
//! ```
//!
//! Invariants: no model is called when the gate refuses; the question is never dropped from the prompt; every `[n]` of an
//! answer names a source that was in this very prompt; text of documents never becomes a control token.
//!
//! A question about the whole folder goes another way to the same [`Answer`]: [`mod@whole`].

mod cite;
mod condense;
mod copy;
mod disagree;
mod draft;
mod event;
mod filter;
mod fit;
#[cfg(test)]
pub(crate) mod fixtures;
mod gate;
mod held;
mod ledger;
mod models;
mod prompt;
mod query;
mod quote;
mod reading;
mod remarks;
mod replay;
mod rerank;
mod retrieve;
mod screening;
mod sentences;
mod settled;
mod span;
mod trace;
mod whole;
mod within;
mod write;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context as _, Result};
use tanya_engine::{Cancel, Sampling};
use tanya_index::{Conditions, Mode, Query, Snapshot};

use crate::config::{AnswerStyle, Settings};
use quote::Quoted;
use retrieve::FolderTerms;
use within::Narrowed;

pub use copy::Tokens;
pub use disagree::{Disagreement, Said};
pub use event::{Answer, AnswerEvent, Citation, Dropped, FinishKind, Gate, Sentence, Source, Verdict, Whole};
pub use filter::{Filtered, OutputFilter};
pub use gate::{Measures, Thresholds};
pub use held::{Held, PassageName};
pub use ledger::{KEPT as KEPT_CANDIDATES, Ledger, Part, Step};
pub use models::{Finders, Generator, LocalGenerator, Models, PairReader, TextEmbedder};
pub use prompt::Prompts;
pub use query::{Exchange, SearchQuery, Speaker, Utterance};
pub use reading::SourceReading;
pub use replay::{Replayed, Then, replay};
pub use rerank::{READ as RERANKED, Reranked, rerank};
pub use retrieve::{heading, search};
pub use sentences::sentences;
pub use trace::{Identity, Trace, TracedPassage, TracedQuery, TracedSampling, TracedSettings, TracedText, text_hash};
pub use whole::{Memory, Reading, Scope, Task, Unit};
pub use within::Within;
pub(crate) use within::{above, is_name, open_name};

/// What is asked, and how.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// The person's words.
    pub question: String,
    /// Earlier exchanges, oldest first.
    pub history: Vec<Exchange>,
    /// How tokens are chosen.
    pub sampling: Sampling,
    /// Passages that are found and read.
    pub passages: usize,
    /// Tokens of passages that the prompt may hold.
    pub evidence_tokens: usize,
    /// How many of a passage's sentences the model reads; 0 is all of them.
    pub evidence_sentences: usize,
    /// When to refuse.
    pub thresholds: Thresholds,
    /// Whose words an answer is in.
    pub style: AnswerStyle,
    /// What to do when the documents do not hold it.
    pub when_refused: WhenRefused,
    /// Whether everything is read for it.
    pub reading: Reading,
    /// What an answer should not say aloud.
    pub filter: Arc<OutputFilter>,
    /// Passages that are always or never in the prompt.
    pub held: Held,
    /// From which passages it may be answered: [`begin`] takes them from the files and tags that the question names.
    pub conditions: Conditions,
    /// What it names; [`begin`] says it.
    pub within: Within,
    /// Whether the model's steps are told of ([`AnswerEvent::Step`]). Never where the filter redacts: they would spell what it hides; nor under a mask,
    /// which they do not show.
    pub inspect: bool,
}

impl Request {
    /// A question under the person's settings; `filter` is theirs too ([`OutputFilter::load`]).
    pub fn new(
        question: &str,
        history: Vec<Exchange>,
        settings: &Settings,
        filter: &Arc<OutputFilter>,
        when_refused: WhenRefused,
    ) -> Self {
        Self {
            question: question.to_owned(),
            history,
            sampling: settings.sampling.clone(),
            passages: settings.passages,
            evidence_tokens: settings.evidence_tokens,
            evidence_sentences: settings.evidence_sentences,
            thresholds: Thresholds {
                lexical: settings.min_lexical,
                cosine: settings.min_cosine,
                answerable: settings.min_answerable,
            },
            style: settings.answer_style,
            when_refused,
            reading: Reading::default(),
            filter: Arc::clone(filter),
            held: Held::default(),
            conditions: Conditions::default(),
            within: Within::default(),
            inspect: false,
        }
    }
}

/// What to do when the search says that the documents do not hold the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WhenRefused {
    /// Say so and show the closest passages.
    #[default]
    Say,
    /// The person insists: let the model speak from itself, marked as such.
    AskModel,
}

/// The first half of an answer: searching and deciding, for which no generator is needed.
pub struct Prepared {
    request: Request,
    started: Instant,
    found: retrieve::Found,
    measures: Measures,
    gate: Gate,
    /// What a source itself says: the whole answer, or its beginning.
    quote: Option<Quoted>,
    /// What the sources say differently.
    disagreement: Option<Disagreement>,
    /// What all sections of the folder say, where the question is about all of them.
    whole: Option<Box<whole::Composed>>,
    ms_search: f64,
    trace: Trace,
    /// Hashes of the files that sources are of, as the library read them.
    file_hashes: BTreeMap<String, String>,
}

impl Prepared {
    /// Whether a model must be asked.
    pub fn needs_model(&self) -> bool {
        match self.gate {
            Gate::Go if self.whole.is_some() => self.whole.as_ref().is_some_and(|whole| whole.phrased),
            Gate::Go => !matches!(self.quote, Some(Quoted::Whole(_))),
            Gate::Refuse { .. } => self.request.when_refused == WhenRefused::AskModel,
        }
    }
}

/// Prepares what `request` asks for, of the files and tags that its question names: reads everything that a question about the whole folder is about, with `memory` of what it read
/// before, or searches ([`prepare`]).
pub fn begin(
    mut request: Request,
    snapshot: &Snapshot,
    finders: Finders<'_>,
    memory: &mut Memory,
    cancel: &Cancel,
    sink: &mut dyn FnMut(AnswerEvent),
) -> Result<Prepared> {
    let Narrowed { named, words, conditions, within } = within::narrowed(&request.question, snapshot)?;
    for earlier in &mut request.history {
        earlier.question = within::narrowed(&earlier.question, snapshot)?.words;
    }
    request = Request { question: named, conditions, within, ..request };
    match whole::prepare(&request, snapshot, finders, memory, cancel, sink)? {
        Some(prepared) => Ok(prepared),
        None => prepare(Request { question: words, ..request }, snapshot, finders, cancel, sink),
    }
}

/// Searches, reads and decides. Emits `Query`, `Sources` and `Gate`.
pub fn prepare(
    mut request: Request,
    snapshot: &Snapshot,
    finders: Finders<'_>,
    cancel: &Cancel,
    sink: &mut dyn FnMut(AnswerEvent),
) -> Result<Prepared> {
    let started = Instant::now();
    let leans = SearchQuery::leans_on_history(&request.question, snapshot.analyze(&request.question).len());
    let within = |query: SearchQuery| SearchQuery { conditions: request.conditions.clone(), ..query };
    let query = within(SearchQuery::new(&request.question, &request.history));
    sink(AnswerEvent::Query { text: query.shown() });
    let Finders { embedder, reader } = finders;
    let mut found =
        retrieve::retrieve(snapshot, &request.question, &query, embedder, &request.held, request.passages, cancel)?;
    request.held.admit(&request.question, &request.conditions, snapshot, &mut found)?;
    if let Some(reader) = reader {
        let follows = query.is_follow_up();
        reading::read(reader, &request.question, &mut found.sources, follows, &FolderTerms::new(snapshot), cancel)?;
    }
    let best = request.held.order(&mut found.sources);
    let best = found.sources.get(best);
    let mut measures = Measures::of(&found.hits, &found.sources);
    let quote = best.and_then(|best| Quoted::of(best, request.style));
    if quote.is_some() {
        // What the model is to write from its passages misses nothing yet.
        measures = measures.missing(best, &found.sources);
    }
    if !(request.history.is_empty() || leans || reader.is_some()) {
        // What was found for earlier questions says nothing about whether the documents answer this one; a reader tells.
        let alone = within(SearchQuery::new(&request.question, &[]));
        let mode = if embedder.is_some() { Mode::Hybrid } else { Mode::Lexical };
        let how = Query { mode, limit: 5, ..Query::default() };
        let mut hits = search(snapshot, &alone, embedder, &how, cancel)?.hits;
        request.held.screen(&mut hits);
        let alone = Measures::of(&hits, &[]);
        measures = Measures { words: alone.words, meaning: alone.meaning, ..measures };
    }
    let gate = gate::gate(&measures, !found.sources.is_empty(), request.thresholds);
    let quote = match gate {
        Gate::Go => quote,
        // Reader and search disagree: the person decides.
        Gate::Refuse { .. } if measures.fit(request.thresholds) => {
            let closest = if measures.misses() { reading::fullest(&found.sources) } else { best };
            closest.and_then(Quoted::closest)
        }
        Gate::Refuse { .. } => None,
    };
    if !leans {
        // A small model copies what it said before; a question of its own is answered from its passages alone.
        request.history.clear();
    }
    let mut trace = Trace::begun(&request, &query);
    trace.embedder = embedder.map(|embedder| embedder.id().to_owned());
    trace.reader = reader.is_some();
    trace.from_documents = gate == Gate::Go;
    let disagreement = match gate {
        Gate::Go => disagree::disagreement(&request.question, &found.sources, &FolderTerms::new(snapshot)),
        Gate::Refuse { .. } => None,
    };
    let file_hashes = file_hashes(snapshot, &found.sources)?;
    let ms_search = milliseconds(started);
    sink(AnswerEvent::Sources(found.sources.clone()));
    sink(AnswerEvent::Gate(gate.clone()));
    Ok(Prepared {
        request,
        started,
        found,
        measures,
        gate,
        quote,
        disagreement,
        whole: None,
        ms_search,
        trace,
        file_hashes,
    })
}

/// The hashes that the library knows of the files of `sources`.
fn file_hashes(snapshot: &Snapshot, sources: &[Source]) -> Result<BTreeMap<String, String>> {
    let mut hashes = BTreeMap::new();
    for source in sources {
        if !hashes.contains_key(&source.path) {
            let record = snapshot.file(&source.path).context("cannot read the library")?;
            if let Some(hash) = record.and_then(|record| record.stamp.hash) {
                hashes.insert(source.path.clone(), blake3::Hash::from_bytes(hash.0).to_string());
            }
        }
    }
    Ok(hashes)
}

/// Finishes what [`prepare`] began where no model is needed (see [`Prepared::needs_model`]): quotes, or refuses; `model` is the one that
/// was not asked.
pub fn conclude(mut prepared: Prepared, model: &str, sink: &mut dyn FnMut(AnswerEvent)) -> Answer {
    let within = std::mem::take(&mut prepared.request.within);
    let mut answer = match (prepared.whole.take(), prepared.quote.take()) {
        (Some(whole), _) => whole.conclude(prepared, sink),
        (None, Some(Quoted::Whole(quote))) => settled::quoted(prepared, &quote, sink),
        (None, Some(Quoted::Closest(quote))) => settled::unsure(prepared, &quote, model),
        (None, Some(Quoted::Lead(_)) | None) => settled::refusal(prepared, model),
    };
    answer.within = within;
    sink(AnswerEvent::Finished(Box::new(answer.clone())));
    answer
}

/// Finishes what [`prepare`] began: refuses, quotes, or lets `generator` write and checks what it wrote.
pub fn complete(
    mut prepared: Prepared,
    snapshot: &Snapshot,
    generator: &mut dyn Generator,
    prompts: &Prompts,
    cancel: &Cancel,
    sink: &mut dyn FnMut(AnswerEvent),
) -> Result<Answer> {
    if !prepared.needs_model() {
        return Ok(conclude(prepared, generator.name(), sink));
    }
    let (whole, filter) = (prepared.whole.take(), Arc::clone(&prepared.request.filter));
    // The model alone was asked of nothing.
    let within =
        if prepared.gate == Gate::Go { std::mem::take(&mut prepared.request.within) } else { Within::default() };
    let mut answer = write::written(prepared, snapshot, generator, prompts, cancel, sink)?;
    if let Some(whole) = whole.filter(|whole| whole.phrased) {
        answer = whole.phrased_as(answer, &filter);
    }
    answer.within = within;
    sink(AnswerEvent::Finished(Box::new(answer.clone())));
    Ok(answer)
}

/// Answers `request` from `snapshot`, telling `sink` of each step; `Finished` comes last.
///
/// # Errors
/// When the library cannot be searched, a model fails, or the question is longer than the model's window. A question that
/// the documents do not answer is no error: the answer says so.
pub fn answer(
    request: Request,
    snapshot: &Snapshot,
    models: &mut Models<'_>,
    prompts: &Prompts,
    cancel: &Cancel,
    sink: &mut dyn FnMut(AnswerEvent),
) -> Result<Answer> {
    let prepared = prepare(request, snapshot, models.finders, cancel, sink)?;
    complete(prepared, snapshot, models.generator, prompts, cancel, sink)
}

/// Checks a text against passages, as an answer is checked: its sentences with what they cite.
pub fn check(text: &str, sources: &[Source], snapshot: &Snapshot) -> Vec<Sentence> {
    cite::check(text, sources, &FolderTerms::new(snapshot)).sentences
}

/// The passages that a question would be answered from, by words alone, of the files and tags that it names.
pub fn sources(question: &str, snapshot: &Snapshot) -> Result<Vec<Source>> {
    let Narrowed { words, conditions, .. } = within::narrowed(question, snapshot)?;
    let question = words.as_str();
    let query = SearchQuery { conditions, ..SearchQuery::new(question, &[]) };
    let most = Settings::default().passages;
    Ok(retrieve::retrieve(snapshot, question, &query, None, &Held::default(), most, &Cancel::default())?.sources)
}

fn milliseconds(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1000.0
}

#[cfg(test)]
mod tests;
