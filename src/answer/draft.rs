//! A prompt on its way: what it is made of, and what of that fits.

use std::collections::BTreeMap;

use anyhow::Result;
use tanya_engine::Message;

use super::Request;
use super::cite::Terms as _;
use super::condense::{best_stretch, stretch_around};
use super::event::{Dropped, Source};
use super::fit::{Budget, Costs, evidence_room, fit};
use super::ledger::{self, Growth, Ledger};
use super::models::Generator;
use super::prompt::{Evidence, Prompts};
use super::query::Exchange;
use super::retrieve::FolderTerms;
use super::trace::{Trace, TracedPassage, prompt_hash};
use crate::report::Hinting as _;

/// What a prompt is made of before it is fitted.
pub(super) struct Draft<'a> {
    pub(super) question: &'a str,
    pub(super) history: &'a [Exchange],
    pub(super) prompts: &'a Prompts,
    pub(super) sourced: bool,
}

/// A prompt that fits.
pub(super) struct Fitted {
    pub(super) sources: Vec<Source>,
    /// What the model reads of each.
    pub(super) readings: Vec<String>,
    /// How many earlier exchanges are in it, the newest ones.
    pub(super) history: usize,
    pub(super) dropped: Vec<Dropped>,
    pub(super) prompt: Vec<u32>,
}

impl Fitted {
    /// Keeps what it takes to build the prompt again.
    pub(super) fn note(&self, trace: &mut Trace, history: &[Exchange], file_hashes: &BTreeMap<String, String>) {
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
    pub(super) fn fit(
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

    /// What each part of the prompt that fits costs, and its tokens where it `spells` them.
    pub(super) fn ledger(
        &self,
        fitted: &Fitted,
        budget: Budget,
        spells: bool,
        generator: &dyn Generator,
    ) -> Result<Ledger> {
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
        let namer = generator.namer();
        let spelled = if spells { fitted.prompt.as_slice() } else { &[] };
        let tokens = spelled.iter().map(|id| namer(*id)).collect();
        Ok(Ledger { parts, reserve: budget.reserve, window: budget.window, tokens })
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
pub(super) fn readings(sources: &[Source], request: &Request, terms: &FolderTerms<'_>) -> Vec<String> {
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
