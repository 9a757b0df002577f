//! An answer made again from what its [`Trace`] kept, not from the library as it is now.
//!
//! What is compared is what was written before it was checked: the checks weigh words by the folder, which goes on changing. A refusal is
//! decided again by its measures, a quotation is cut again out of its source; the model writes again from the same passages.

use anyhow::{Result, anyhow};
use tanya_engine::{Cancel, Event};

use super::copy;
use super::event::{Answer, FinishKind, Gate, Source};
use super::filter::OutputFilter;
use super::gate::gate;
use super::models::Generator;
use super::prompt::{Evidence, Prompts};
use super::quote::Quoted;
use super::screening::Screening;
use super::trace::{Trace, prompt_hash};
use crate::report::Hinting as _;

/// What became of an answer that was made again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replayed {
    /// What was written then; the reason of a refusal.
    pub then: String,
    /// What was written now.
    pub now: String,
    /// Whether the prompt was the same, token by token; `None` where no model was asked.
    pub same_prompt: Option<bool>,
    /// The answer was stopped then: `now` may go on where it ended.
    pub was_stopped: bool,
}

impl Replayed {
    /// Byte for byte the same, as far as it went.
    pub fn is_same(&self) -> bool {
        self.then == self.now || (self.was_stopped && self.now.starts_with(&self.then))
    }
}

impl Trace {
    /// Whether a model has to write to make the answer again.
    pub fn needs_model(&self) -> bool {
        self.prompt_hash.is_some()
    }

    /// Whether the block list is the one of `filter`.
    pub fn same_blocklist(&self, filter: &OutputFilter) -> bool {
        self.settings.blocklist_hash == filter.blocklist_hash()
    }
}

/// An answer as it was kept.
#[derive(Debug, Clone, Copy)]
pub struct Then<'a> {
    /// What was answered.
    pub answer: &'a Answer,
    /// How it came to be.
    pub trace: &'a Trace,
}

/// Makes an answer again. `generator` is asked where [`Trace::needs_model`] says so; `filter` has the block list.
///
/// # Errors
/// When the passages are no longer what they were, a model is needed and there is none, or it fails.
pub fn replay(
    then: Then<'_>,
    generator: Option<&mut dyn Generator>,
    prompts: &Prompts,
    filter: &OutputFilter,
    cancel: &Cancel,
) -> Result<Replayed> {
    let filter = filter.with_mode(then.trace.settings.filter_mode());
    if then.trace.needs_model() {
        let generator = generator.ok_or_else(|| anyhow!("the answer was written by a model, and none is there"))?;
        return written(then, generator, prompts, &filter, cancel);
    }
    let Then { answer, trace } = then;
    let wrote = trace.wrote.clone().or_else(|| answer.reason.clone()).unwrap_or_default();
    let now = if answer.finish == FinishKind::Refused {
        match gate(&answer.measures, !answer.sources.is_empty(), trace.settings.thresholds()) {
            Gate::Refuse { reason } => reason,
            Gate::Go => "not refused".into(),
        }
    } else {
        // The first source, unless a pinned one was put before it.
        let is_quoted = |source: &&Source| answer.citations.first().is_some_and(|citation| citation.n == source.n);
        let best = answer.sources.iter().find(is_quoted).or(answer.sources.first());
        best.and_then(|best| Quoted::of(best, trace.settings.style()))
            .map(|(Quoted::Whole(quote) | Quoted::Lead(quote) | Quoted::Closest(quote))| filter.shown(&quote.text))
            .unwrap_or_default()
    };
    Ok(Replayed { then: wrote, now, same_prompt: None, was_stopped: false })
}

/// Lets the model write again.
fn written(
    then: Then<'_>,
    generator: &mut dyn Generator,
    prompts: &Prompts,
    filter: &OutputFilter,
    cancel: &Cancel,
) -> Result<Replayed> {
    let Then { answer, trace } = then;
    // What the model was asked: without the names of files around it.
    let question = &trace.query.question;
    let readings = readings(&answer.sources, trace)?;
    let evidence = if trace.from_documents { Evidence::Passages(&answer.sources, &readings) } else { Evidence::None };
    let prompt = generator.prompt(&prompts.messages(question, &evidence, &trace.history)?)?;
    let mut sampling = trace.sampling.sampling();
    if trace.from_documents && trace.settings.style().copies() {
        let passages = answer.sources.iter().map(|source| source.n).zip(readings.iter().map(String::as_str));
        sampling.constraint = copy::allowed(passages, generator)?;
    }
    let mut screening = Screening::new(answer.sources.len(), filter);
    let mut now = String::new();
    generator.generate(&prompt, &sampling, cancel, &mut |event| {
        if let Event::Text(piece) = event {
            now.push_str(&screening.push(piece));
        }
    })?;
    now.push_str(&screening.finish());
    Ok(Replayed {
        then: trace.wrote.clone().unwrap_or_default(),
        now,
        same_prompt: Some(trace.prompt_hash.as_ref() == Some(&prompt_hash(&prompt))),
        was_stopped: answer.finish == FinishKind::Cancelled,
    })
}

/// What the model read of each source then.
fn readings(sources: &[Source], trace: &Trace) -> Result<Vec<String>> {
    sources
        .iter()
        .map(|source| {
            let passage = trace.passages.iter().find(|passage| passage.n == source.n);
            passage.and_then(|passage| passage.reading(source)).map(str::to_owned).ok_or_else(|| {
                anyhow!("passage {} ({}) is not what it was when the answer was made", source.n, source.path)
            })
        })
        .collect::<Result<_>>()
        .hint("the file of the conversation was changed; ask the question again")
}
