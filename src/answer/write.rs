//! An answer that a model writes: fit, write, check.

use std::collections::BTreeMap;
use std::time::Instant;

use anyhow::Result;
use tanya_engine::{Cancel, Event, FinishReason, Message};
use tanya_index::Snapshot;

use super::cite::{self, Checked, Terms as _};
use super::condense::{best_stretch, stretch_around};
use super::copy;
use super::disagree::Said;
use super::event::{Answer, AnswerEvent, Citation, Dropped, FinishKind, Gate, Sentence, Source, Verdict};
use super::fit::{Budget, Costs, evidence_room, fit};
use super::ledger::{self, Growth, Ledger, Step};
use super::models::Generator;
use super::prompt::{Evidence, Prompts};
use super::query::Exchange;
use super::quote::{Quote, Quoted};
use super::retrieve::FolderTerms;
use super::screening::Screening;
use super::settled::sealed;
use super::span::short_answer;
use super::trace::{Trace, TracedPassage, TracedSampling, prompt_hash};
use super::{Prepared, Request, milliseconds};
use crate::config::FilterMode;
use crate::report::Hinting as _;

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

    let mut dropped = found.dropped;
    dropped.append(&mut fitted.dropped);
    sink(AnswerEvent::Fitted {
        used: fitted.sources.iter().map(|source| source.n).collect(),
        dropped: dropped.clone(),
        prompt_tokens: fitted.prompt.len(),
        window,
    });

    let namer = generator.namer();
    let inspects = request.inspect && filter.mode() != FilterMode::Redact;
    let mut ledger = draft.ledger(&fitted, generator)?;
    (ledger.reserve, ledger.window) = (budget.reserve, window);
    if inspects {
        ledger.tokens = fitted.prompt.iter().map(|id| namer(*id)).collect();
        sampling.logprobs = Some(ledger::KEPT);
    }
    sink(AnswerEvent::Ledger(Box::new(ledger)));

    trace.sampling = TracedSampling::of(&sampling);
    trace.generator = Some(generator.identity());

    let copies = sourced && request.style.copies();
    if copies {
        let passages = fitted.sources.iter().map(|source| source.n).zip(fitted.readings.iter().map(String::as_str));
        sampling.constraint = copy::allowed(passages, generator)?;
    }
    let mut screening = Screening::new(fitted.sources.len(), filter);
    let mut text = String::new();
    let mut first_token = None;
    if let Some(lead) = &lead {
        first_token = Some(milliseconds(started));
        sink(AnswerEvent::Text(format!("{}\n\n", lead.text)));
    }
    let writing = Instant::now();
    let finish = generator.generate(&fitted.prompt, &sampling, cancel, &mut |event| match event {
        Event::Prefill { done, total } => sink(AnswerEvent::Prefill { done, total }),
        Event::Token(observed) => sink(AnswerEvent::Step(Box::new(Step::new(observed, &namer)))),
        Event::Text(piece) => {
            first_token.get_or_insert_with(|| milliseconds(started));
            let shown = screening.push(piece);
            if !shown.is_empty() {
                text.push_str(&shown);
                sink(AnswerEvent::Text(shown));
            }
        }
    })?;
    let tail = screening.finish();
    if !tail.is_empty() {
        text.push_str(&tail);
        sink(AnswerEvent::Text(tail));
    }
    sink(AnswerEvent::Timed(Box::new(finish.timings)));
    trace.ms_prefill = Some(finish.timings.prefill.as_secs_f64() * 1000.0);
    trace.wrote = Some(text.clone());
    tracing::debug!(ms = milliseconds(writing), tokens = finish.generated_tokens, "wrote");

    let copied = copies.then(|| copy::checked(&text, &fitted.sources)).flatten();
    let mut checked = match copied {
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
    let disagreement = disagreement.filter(|found| !abstained && found.values.iter().all(is_there));
    if let Some(found) = &disagreement {
        sink(AnswerEvent::Disagreement(found.clone()));
    }
    let answer = Answer {
        short_answer: if abstained {
            None
        } else if let Some(lead) = lead.filter(|lead| !lead.span.is_empty()) {
            Some(lead.span)
        } else {
            short_answer(&request.question, &cite::without_markers(&text), &terms)
        },
        reason: reason(abstained, &gate),
        abstained,
        answer: checked.text,
        citations: checked.citations,
        sentences: checked.sentences,
        sources: fitted.sources,
        dropped,
        prompt_tokens: finish.prompt_tokens,
        reused_tokens: finish.reused_tokens,
        generated_tokens: finish.generated_tokens,
        ms_search,
        ms_first_token: first_token,
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
        disagreement,
        trace: Some(Box::new(trace)),
    };
    Ok(sealed(answer, filter))
}

/// What a prompt is made of before it is fitted.
struct Draft<'a> {
    question: &'a str,
    history: &'a [Exchange],
    prompts: &'a Prompts,
    sourced: bool,
}

/// A prompt that fits.
struct Fitted {
    sources: Vec<Source>,
    /// What the model reads of each.
    readings: Vec<String>,
    /// How many earlier exchanges are in it, the newest ones.
    history: usize,
    dropped: Vec<Dropped>,
    prompt: Vec<u32>,
}

impl Fitted {
    /// Keeps what it takes to build the prompt again.
    fn note(&self, trace: &mut Trace, history: &[Exchange], file_hashes: &BTreeMap<String, String>) {
        let passage =
            |(source, reading): (&Source, &String)| TracedPassage::read(source, file_hashes.get(&source.path), reading);
        trace.passages = self.sources.iter().zip(&self.readings).map(passage).collect();
        trace.history = history[history.len() - self.history..].to_vec();
        trace.prompt_hash = Some(prompt_hash(&self.prompt));
    }
}

impl Draft<'_> {
    /// Measures the parts, lets [`fit`] choose, and builds the ids. Parts are measured apart and joined with a template
    /// around them, so the whole may differ from their sum by a few tokens: passages are given up until it truly fits.
    fn fit(
        &self,
        mut sources: Vec<Source>,
        mut readings: Vec<String>,
        budget: Budget,
        generator: &dyn Generator,
    ) -> Result<Fitted> {
        let fixed = self.ids(&[], &[], &[], generator)?.len();
        let room = evidence_room(budget, fixed);
        if let (Some(best), Some(reading)) = (sources.first(), readings.first_mut()) {
            // Some of the best passage is better than none: a long sentence, or a script that the tokenizer spells out.
            shorten(reading, room.saturating_sub(generator.count(&best.heading) + 8), generator);
        }
        for (source, reading) in sources.iter_mut().zip(&readings) {
            source.tokens = generator.count(reading) + generator.count(&source.heading) + 8;
        }
        let passages: Vec<usize> = sources.iter().map(|source| source.tokens).collect();
        let history: Vec<usize> = self
            .history
            .iter()
            .map(|exchange| generator.count(&exchange.question) + generator.count(&exchange.answer) + 16)
            .collect();
        let mut fit = fit(budget, Costs { fixed, passages: &passages, history: &history })
            .hint("ask a shorter question, or use a model with a larger window")?;
        loop {
            let newest = &self.history[self.history.len() - fit.history..];
            let prompt = self.ids(&sources[..fit.passages], &readings, newest, generator)?;
            if prompt.len() + budget.reserve <= budget.window {
                let dropped = sources
                    .split_off(fit.passages)
                    .into_iter()
                    .map(|source| Dropped { path: source.path, why: "no room in the prompt".into() })
                    .collect();
                readings.truncate(fit.passages);
                return Ok(Fitted { sources, readings, history: fit.history, dropped, prompt });
            }
            if fit.history > 0 {
                fit.history -= 1;
            } else if fit.passages > 0 {
                fit.passages -= 1;
            } else {
                return Err(super::fit::TooLong { needed: prompt.len(), room: budget.window - budget.reserve })
                    .hint("ask a shorter question, or use a model with a larger window");
            }
        }
    }

    /// What each part of the prompt that fits costs.
    fn ledger(&self, fitted: &Fitted, generator: &dyn Generator) -> Result<Ledger> {
        let numbers: Vec<u32> = fitted.sources.iter().map(|source| source.n).collect();
        let left_out = self.history.len() - fitted.history;
        let growth = Growth {
            passages: &numbers,
            history: (fitted.history, left_out),
            question: generator.count(self.question),
        };
        let parts = ledger::parts(&growth, |history, count| {
            let newest = if history { &self.history[left_out..] } else { &[] };
            Ok(self.ids(&fitted.sources[..count], &fitted.readings, newest, generator)?.len())
        })?;
        Ok(Ledger { parts, ..Ledger::default() })
    }

    fn ids(
        &self,
        sources: &[Source],
        readings: &[String],
        history: &[Exchange],
        generator: &dyn Generator,
    ) -> Result<Vec<u32>> {
        let evidence = if self.sourced { Evidence::Passages(sources, readings) } else { Evidence::None };
        let messages: Vec<Message> = self.prompts.messages(self.question, &evidence, history)?;
        generator.prompt(&messages)
    }
}

/// What the model reads of each passage.
fn readings(sources: &[Source], request: &Request, terms: &FolderTerms<'_>) -> Vec<String> {
    let question = terms.terms(&request.question).into_iter().collect();
    sources
        .iter()
        .map(|source| match request.evidence_sentences {
            0 => source.text.clone(),
            keep => match source.reading.filter(|reading| reading.strength() >= 0.0).and_then(|reading| reading.span) {
                Some(span) => stretch_around(&source.text, span, keep).to_owned(),
                None => best_stretch(&source.text, &question, keep, terms).text,
            },
        })
        .collect()
}

/// Cuts a text to at most `room` tokens, at a word where it has words.
fn shorten(text: &mut String, room: usize, generator: &dyn Generator) {
    let mut tokens = generator.count(text);
    while tokens > room && !text.is_empty() {
        // In proportion, and always by at least one character, so that this ends.
        let chars = text.chars().count();
        let keep = (chars * room / tokens).min(chars - 1);
        let cut = text.char_indices().nth(keep).map_or(0, |(at, _)| at);
        let cut = text[..cut].rfind(char::is_whitespace).filter(|at| *at > cut / 2).unwrap_or(cut);
        text.truncate(cut);
        tokens = generator.count(text);
    }
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
