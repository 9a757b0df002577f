//! An answer that a model writes: fit, write, check.

use std::time::Instant;

use anyhow::Result;
use tanya_engine::{Cancel, Event, Finish, FinishReason, Sampling};
use tanya_index::Snapshot;

use super::cite::{self, Checked};
use super::copy;
use super::disagree::Said;
use super::draft::{Draft, readings};
use super::event::{Answer, AnswerEvent, Citation, FinishKind, Gate, Sentence, Verdict};
use super::fit::Budget;
use super::ledger::{self, Step};
use super::models::Generator;
use super::prompt::Prompts;
use super::quote::{Quote, Quoted};
use super::retrieve::FolderTerms;
use super::screening::Screening;
use super::settled::sealed;
use super::span::short_answer;
use super::trace::TracedSampling;
use super::within::Within;
use super::{Prepared, milliseconds};
use crate::config::FilterMode;

/// Lets the model write from what fits, and checks it.
pub(super) fn written(
    prepared: Prepared,
    snapshot: &Snapshot,
    generator: &mut dyn Generator,
    prompts: &Prompts,
    cancel: &Cancel,
    sink: &mut dyn FnMut(AnswerEvent),
) -> Result<Answer> {
    let Prepared {
        request,
        started,
        found,
        measures,
        gate,
        quote,
        disagreement,
        whole: _,
        ms_search,
        mut trace,
        file_hashes,
    } = prepared;
    let filter = &*request.filter;
    let lead = match quote {
        Some(Quoted::Lead(quote)) => Some(quote.shown(filter)),
        _ => None,
    };
    let sourced = gate == Gate::Go;
    let candidates = if sourced { found.sources } else { Vec::new() };
    let terms = FolderTerms::new(snapshot);
    let draft = Draft { question: &request.question, history: &request.history, prompts, sourced };
    let readings = readings(&candidates, &request, &terms);
    let mut sampling = request.sampling.clone();
    let window = generator.window();
    sampling.max_tokens = sampling.max_tokens.min(window / 2);
    let budget = Budget { window, reserve: sampling.max_tokens, evidence: request.evidence_tokens };
    let mut fitted = draft.fit(candidates, readings, budget, generator)?;
    // What is not in the prompt is not cited.
    let lead = lead.filter(|lead| fitted.sources.iter().any(|source| source.n == lead.citation.n));
    fitted.note(&mut trace, &request.history, &file_hashes);

    let dropped = [found.dropped, std::mem::take(&mut fitted.dropped)].concat();
    sink(AnswerEvent::Fitted {
        used: fitted.sources.iter().map(|source| source.n).collect(),
        dropped: dropped.clone(),
        prompt_tokens: fitted.prompt.len(),
        window,
    });
    trace.sampling = TracedSampling::of(&sampling);
    trace.generator = Some(generator.identity());
    let is_copied = sourced && request.style.copies();
    if is_copied {
        // What is redacted cannot be copied either, whole or in parts.
        let texts: Vec<String> = fitted.readings.iter().map(|text| filter.shown(text)).collect();
        let passages = fitted.sources.iter().map(|source| source.n).zip(texts.iter().map(String::as_str));
        sampling.constraint = copy::allowed(passages, generator)?;
    }
    // Under a mask the scores of the model alone would not tell why a token came.
    let inspects = request.inspect && sampling.constraint.is_none() && filter.mode() != FilterMode::Redact;
    sampling.logprobs = inspects.then_some(ledger::KEPT);

    let shown = lead.as_ref().map(|lead| {
        sink(AnswerEvent::Text(format!("{}\n\n", lead.text)));
        Instant::now()
    });
    let screening = Screening::new(fitted.sources.len(), filter);
    let Speech { text, finish, began } = speak(&fitted.prompt, &sampling, generator, screening, cancel, sink)?;
    // Now that nobody waits: it builds the prompt once more for each of its parts.
    sink(AnswerEvent::Ledger(Box::new(draft.ledger(&fitted, budget, inspects, generator)?)));
    trace.ms_prefill = Some(finish.timings.prefill.as_secs_f64() * 1000.0);
    trace.wrote = Some(text.clone());

    let mut checked = match is_copied.then(|| copy::checked(&text, &fitted.sources)).flatten() {
        Some(copied) => copied,
        None if sourced => cite::check(text.trim(), &fitted.sources, &terms),
        None => unsourced(text.trim()),
    };
    if let Some(lead) = &lead {
        checked = led(lead, checked);
    }
    sink(AnswerEvent::Checked(checked.sentences.clone()));
    let abstained = sourced && says_not_there(&text);
    // Every number names a source of this prompt.
    let is_there = |said: &Said| fitted.sources.iter().any(|source| source.n == said.citation.n);
    let answer = Answer {
        short_answer: lead
            .map(|lead| lead.span)
            .filter(|span| !span.is_empty())
            .or_else(|| short_answer(&request.question, &cite::without_markers(&text), &terms))
            .filter(|_| !abstained),
        reason: reason(abstained, &gate),
        abstained,
        answer: checked.text,
        citations: checked.citations,
        sentences: checked.sentences,
        disagreement: disagreement.filter(|found| !abstained && found.values.iter().all(is_there)),
        sources: fitted.sources,
        dropped,
        prompt_tokens: finish.prompt_tokens,
        reused_tokens: finish.reused_tokens,
        generated_tokens: finish.generated_tokens,
        ms_search,
        ms_first_token: shown.or(began).map(|at| at.duration_since(started).as_secs_f64() * 1000.0),
        ms_decode: finish.timings.decode.as_secs_f64() * 1000.0,
        ms_total: milliseconds(started),
        finish: finish_kind(finish.reason),
        model: generator.name().to_owned(),
        seed: sampling.seed,
        window,
        measures,
        whole: None,
        filtered: Vec::new(),
        beyond_documents: false,
        within: Within::default(),
        trace: Some(Box::new(trace)),
    };
    Ok(sealed(answer, filter))
}

/// What a model wrote.
struct Speech {
    text: String,
    finish: Finish,
    /// When its first words came.
    began: Option<Instant>,
}

/// Lets the model write what `sampling` allows behind `prompt`; what may be shown of it goes to `sink` as it comes.
fn speak(
    prompt: &[u32],
    sampling: &Sampling,
    generator: &mut dyn Generator,
    mut screening: Screening<'_>,
    cancel: &Cancel,
    sink: &mut dyn FnMut(AnswerEvent),
) -> Result<Speech> {
    let namer = generator.namer();
    let mut text = String::new();
    let mut began = None;
    let mut show = |shown: String, sink: &mut dyn FnMut(AnswerEvent)| {
        if !shown.is_empty() {
            text.push_str(&shown);
            sink(AnswerEvent::Text(shown));
        }
    };
    let finish = generator.generate(prompt, sampling, cancel, &mut |event| match event {
        Event::Prefill { done, total } => sink(AnswerEvent::Prefill { done, total }),
        Event::Token(observed) => sink(AnswerEvent::Step(Box::new(Step::new(observed, &namer)))),
        Event::Text(piece) => {
            began.get_or_insert_with(Instant::now);
            show(screening.push(piece), sink);
        }
    })?;
    show(screening.finish(), sink);
    tracing::debug!(tokens = finish.generated_tokens, "wrote");
    sink(AnswerEvent::Timed(Box::new(finish.timings)));
    Ok(Speech { text, finish, began })
}

/// A lead with what the model adds to it: nothing where none of its sentences is supported, or where it says the same again.
fn led(lead: &Quote, model: Checked) -> Checked {
    let is_supported = model.sentences.iter().any(|sentence| sentence.verdict != Verdict::NotFound);
    let plain = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
    let words = plain(&cite::without_markers(&model.text));
    let mut all = lead.checked();
    if !is_supported || plain(&lead.text).contains(words.trim_end_matches('.')) {
        return all;
    }
    all.text.push_str("\n\n");
    let start = all.text.len();
    all.text.push_str(&model.text);
    let moved = |sentence: Sentence| Sentence { start: start + sentence.start, end: start + sentence.end, ..sentence };
    all.sentences.extend(model.sentences.into_iter().map(moved));
    for citation in model.citations {
        // The same lines are one citation, whichever of their words support which sentence.
        let place = |of: &Citation| (of.n, of.page, of.start_line, of.end_line);
        if !all.citations.iter().any(|known| place(known) == place(&citation)) {
            all.citations.push(citation);
        }
    }
    all
}

/// The model's own words: every sentence is marked as not from the documents.
fn unsourced(text: &str) -> Checked {
    let sentence = Sentence { start: 0, end: text.len(), citations: Vec::new(), verdict: Verdict::NotFound };
    Checked { text: text.to_owned(), sentences: vec![sentence], citations: Vec::new() }
}

fn reason(abstained: bool, gate: &Gate) -> Option<String> {
    match gate {
        Gate::Refuse { .. } => Some("The model's own words, not from your documents.".into()),
        Gate::Go if abstained => Some("The model found no answer in the passages.".into()),
        Gate::Go => None,
    }
}

/// Whether the model itself says that it is not there, as templates of a person's own may tell it to.
fn says_not_there(text: &str) -> bool {
    text.trim_start().to_lowercase().starts_with("not in your documents")
}

fn finish_kind(reason: FinishReason) -> FinishKind {
    match reason {
        FinishReason::Stop | FinishReason::StopString => FinishKind::Stop,
        FinishReason::Length => FinishKind::Length,
        FinishReason::Window => FinishKind::Window,
        FinishReason::Cancelled => FinishKind::Cancelled,
    }
}
