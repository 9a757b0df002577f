//! Answers that can only be copied: the model chooses which words of the passages, and none of its own.
//!
//! The passages become an automaton over the model's tokens, which the sampler masks all scores by: an answer is up to three runs of words
//! of a passage, each with the passage's number behind it or not. A run begins where a word does and may end where one does. It begins
//! in the passage's own tokens or, where these glue the word to what is before it, in tokens of the word alone; either way its bytes
//! are those of the passage, so that a quotation cannot be invented whatever the model says.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::Arc;

use anyhow::{Result, anyhow};
use tanya_engine::{Constraint, State, Tokenizer};
use unicode_segmentation::UnicodeSegmentation as _;

use super::cite::{self, Checked};
use super::condense::unit_at;
use super::event::{Sentence, Source, Verdict};
use super::models::Generator;
use crate::report::Hinting as _;

/// Runs of an answer at most.
const RUNS: usize = 3;

/// What it takes of a model's tokenizer.
pub trait Tokens {
    /// The tokens of a text of a document.
    fn encode(&self, text: &str) -> Vec<u32>;
    /// What a token adds to a text.
    fn bytes(&self, token: u32) -> &[u8];
    /// The tokens that end an answer.
    fn ends(&self) -> &[u32];
}

impl Tokens for Tokenizer {
    fn encode(&self, text: &str) -> Vec<u32> {
        self.encode_text(text)
    }

    fn bytes(&self, token: u32) -> &[u8] {
        Tokenizer::bytes(self, token)
    }

    fn ends(&self) -> &[u32] {
        self.end_tokens()
    }
}

/// What may be written of passages with their numbers; `None` where nothing of them can be.
pub(super) fn constraint<'a>(
    passages: impl Iterator<Item = (u32, &'a str)>,
    tokens: &dyn Tokens,
) -> Option<Constraint> {
    let chains: Vec<(u32, Vec<Chain>)> = passages.map(|(n, text)| (n, chains(text, tokens))).collect();
    let mut constraint = Constraint::new();
    let done = constraint.state();
    let mut next: Option<State> = None;
    // The last run first: what follows a run is there already.
    for _ in 0..RUNS {
        let start = constraint.state();
        for (n, chains) in &chains {
            let number = tokens.encode(&format!(" [{n}]"));
            let numbered = constraint.state();
            // All runs of a passage share the states of its number.
            let (first, rest) = (number.first().copied(), number.get(1..).unwrap_or_default());
            let opened = if rest.is_empty() { numbered } else { constraint.state() };
            constraint.path(opened, rest, numbered);
            end(&mut constraint, numbered, done, tokens);
            if let Some(next) = next {
                constraint.path(numbered, &tokens.encode("\n"), next);
            }
            for chain in chains {
                for place in chain.weave(&mut constraint, start) {
                    end(&mut constraint, place, done, tokens);
                    if let Some(first) = first {
                        constraint.edge(place, first, opened);
                    }
                }
            }
        }
        next = Some(start);
    }
    let start = next?;
    constraint.begin_at(start);
    (!constraint.is_empty()).then_some(constraint)
}

/// The same for a model; `None` where its tokens are not known, and nothing can be forbidden.
///
/// # Errors
/// When nothing of the passages can be written in its tokens.
pub(super) fn allowed<'a>(
    passages: impl Iterator<Item = (u32, &'a str)>,
    generator: &dyn Generator,
) -> Result<Option<Arc<Constraint>>> {
    let Some(tokens) = generator.tokens() else { return Ok(None) };
    let constraint = constraint(passages, tokens).ok_or_else(|| anyhow!("no passage can be copied from"));
    Ok(Some(Arc::new(constraint.hint("ask with --answer-style write, or give it more room with --evidence-tokens")?)))
}

fn end(constraint: &mut Constraint, from: State, done: State, tokens: &dyn Tokens) {
    for token in tokens.ends() {
        constraint.edge(from, *token, done);
    }
}

/// A stretch of a passage as tokens.
struct Chain {
    ids: Vec<u32>,
    /// Tokens with which a run may begin, and behind how many of `ids` it goes on.
    starts: Vec<(Vec<u32>, usize)>,
    /// Behind how many of `ids` a run may end.
    ends: BTreeSet<usize>,
}

impl Chain {
    /// `None` where the tokens do not say the same as the text.
    fn new(text: &str, tokens: &dyn Tokens) -> Option<Self> {
        let ids = tokens.encode(text);
        let mut borders = vec![0];
        for id in &ids {
            borders.push(borders.last().copied().unwrap_or(0) + tokens.bytes(*id).len());
        }
        if ids.is_empty() || !says(&ids, text, tokens) {
            return None;
        }
        let words: Vec<(usize, &str)> = text.split_word_bound_indices().collect();
        let bounds: BTreeSet<usize> = words.iter().map(|(at, _)| *at).chain([text.len()]).collect();
        let is_said = |word: &str| word.chars().any(char::is_alphanumeric);
        let mut starts = Vec::new();
        for (at, word) in words.iter().filter(|(_, word)| is_said(word)) {
            // The token that holds the word's first byte.
            let holder = borders.partition_point(|border| border <= at) - 1;
            if text.get(borders[holder]..*at).is_some_and(|before| before.is_empty() || before == " ") {
                starts.push((vec![ids[holder]], holder + 1));
            }
            let after = (holder + 1..borders.len())
                .find(|next| bounds.contains(&borders[*next]) && borders[*next] >= at + word.len());
            if let Some(after) = after.filter(|_| borders[holder] != *at) {
                let alone = &text[*at..borders[after]];
                let spelled = tokens.encode(alone);
                if says(&spelled, alone, tokens) {
                    starts.push((spelled, after));
                }
            }
        }
        let closes = |word: &str| is_said(word) || word.contains(['.', '!', '?', ')', '"', '”', '»', '%', '。']);
        let word_ends: BTreeSet<usize> =
            words.iter().filter(|(_, word)| closes(word)).map(|(at, word)| at + word.len()).collect();
        // Where the stretch ends nothing can follow.
        let last = ids.len();
        let ends = (1..=last).filter(|at| *at == last || word_ends.contains(&borders[*at])).collect();
        Some(Self { ids, starts, ends })
    }

    /// Puts the stretch into an automaton whose runs begin at `start`; the states where a run may end.
    fn weave(&self, constraint: &mut Constraint, start: State) -> Vec<State> {
        let places: Vec<State> = (0..=self.ids.len()).map(|_| constraint.state()).collect();
        for (at, id) in self.ids.iter().enumerate() {
            constraint.edge(places[at], *id, places[at + 1]);
        }
        for (tokens, after) in &self.starts {
            constraint.path(start, tokens, places[*after]);
        }
        self.ends.iter().map(|at| places[*at]).collect()
    }
}

/// Whether tokens say a text, byte for byte.
fn says(ids: &[u32], text: &str, tokens: &dyn Tokens) -> bool {
    ids.iter().flat_map(|id| tokens.bytes(*id)).eq(text.as_bytes())
}

/// The stretches of a passage that can be copied: a number in brackets would read as a citation, and what a vocabulary cannot spell is
/// left out with its line.
fn chains(passage: &str, tokens: &dyn Tokens) -> Vec<Chain> {
    let mut found = Vec::new();
    for stretch in without_numbers(passage) {
        match Chain::new(stretch, tokens) {
            Some(chain) => found.push(chain),
            None => found.extend(stretch.lines().filter_map(|line| Chain::new(line, tokens))),
        }
    }
    found
}

/// The text between numbers in brackets.
fn without_numbers(text: &str) -> Vec<&str> {
    let (mut parts, mut from) = (Vec::new(), 0);
    for (open, _) in text.match_indices('[') {
        let inside = &text[open + 1..];
        let digits = inside.bytes().take_while(u8::is_ascii_digit).count();
        if open >= from && digits > 0 && inside[digits..].starts_with(']') {
            parts.push(&text[from..open]);
            from = open + digits + 2;
        }
    }
    parts.push(&text[from..]);
    parts
}

/// What was written under [`constraint`] as an answer whose check is done; `None` where it is not all of the sources' text, as when
/// something was redacted.
pub(super) fn checked(written: &str, sources: &[Source]) -> Option<Checked> {
    let mut all = Checked { text: String::new(), sentences: Vec::new(), citations: Vec::new() };
    let mut rest = written.trim();
    while !rest.is_empty() {
        let (run, source, length) = first_run(rest, sources)?;
        let at = source.text.find(run)?;
        if !all.text.is_empty() {
            all.text.push('\n');
        }
        // Words that follow a "not" say the contrary without it.
        let sentence = unit_at(&source.text, at);
        let verdict =
            if cite::negations(sentence) > cite::negations(run) { Verdict::Partly } else { Verdict::Supported };
        let start = all.text.len();
        let _ = write!(all.text, "{run} [{}]", source.n);
        all.sentences.push(Sentence { start, end: all.text.len(), citations: vec![source.n], verdict });
        let citation = cite::citation(source, at..at + run.len(), verdict);
        if !all.citations.contains(&citation) {
            all.citations.push(citation);
        }
        rest = rest[length..].trim_start();
    }
    (!all.text.is_empty()).then_some(all)
}

/// The run at the beginning of a text, the source that it is of, and how many bytes it takes with its number.
fn first_run<'a>(text: &'a str, sources: &'a [Source]) -> Option<(&'a str, &'a Source, usize)> {
    let mut numbered: Vec<(usize, usize, &Source)> = Vec::new();
    for source in sources {
        let marker = format!(" [{}]", source.n);
        numbered.extend(text.match_indices(&marker).map(|(at, _)| (at, at + marker.len(), source)));
    }
    numbered.sort_by_key(|(at, ..)| *at);
    for (at, end, source) in numbered {
        if source.text.contains(&text[..at]) {
            return Some((&text[..at], source, end));
        }
    }
    // Without a number, or cut off inside of it.
    let cut = text.rfind(" [").filter(|at| text[at + 2..].bytes().all(|byte| byte.is_ascii_digit()));
    [Some(text.len()), cut].into_iter().flatten().find_map(|end| {
        let source = sources.iter().find(|source| end > 0 && source.text.contains(&text[..end]))?;
        Some((&text[..end], source, text.len()))
    })
}

#[cfg(test)]
#[path = "copy/tests.rs"]
mod tests;
