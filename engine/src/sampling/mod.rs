//! Which token comes next, given the model's scores.
//!
//! Pure: the same settings, scores and history give the same token on every machine. Order of the steps
//! as in llama.cpp's default chain, behind the [`Constraint`]'s mask: penalties, top-k, top-p, min-p, temperature, draw. Ties are broken by
//! the lower id. The vocabulary is never sorted as a whole.

mod constraint;
mod draw;
mod logprob;
mod observed;
#[cfg(test)]
mod tests;

use std::cmp::Ordering;
use std::sync::Arc;

use constraint::Walk;
pub use constraint::{Constraint, State};
use draw::Draw;
pub(crate) use logprob::Distribution;
pub use logprob::TokenScore;
pub use observed::{Choice, Observed, Shaped};

use crate::error::Error;

/// How to choose tokens, and when to stop.
#[derive(Clone, Debug, PartialEq)]
pub struct Sampling {
    /// 0 takes the best token every time; above 1 flattens, below 1 sharpens.
    pub temperature: f32,
    /// Only the best `top_k` tokens are considered; 0 = all.
    pub top_k: usize,
    /// Only the smallest set of best tokens whose probabilities reach this sum; 1 = all.
    pub top_p: f32,
    /// Only tokens at least this share as probable as the best; 0 = all.
    pub min_p: f32,
    /// Subtracted from a token's score for each time it was generated; 0 = off.
    pub frequency_penalty: f32,
    /// Subtracted once from the score of every token that was generated; 0 = off.
    pub presence_penalty: f32,
    /// Scores of generated tokens are divided (negative ones multiplied) by this; 1 = off.
    pub repetition_penalty: f32,
    /// How many of the last generated tokens the penalties look at.
    pub repeat_last_n: usize,
    /// Seed of the random stream.
    pub seed: u64,
    /// At most this many tokens are generated.
    pub max_tokens: usize,
    /// Generation ends before any of these texts; empty ones are ignored.
    pub stop: Vec<String>,
    /// Added to the scores of these tokens; −∞ forbids one. Ids that the model does not have are ignored.
    pub logit_bias: Vec<(u32, f32)>,
    /// The only sequences that may be written; `None`: any. What it forbids has no probability, before all other steps.
    pub constraint: Option<Arc<Constraint>>,
    /// How many of the most probable tokens each [`crate::Event::Token`] names; `None`: there are no such events, and no cost.
    pub logprobs: Option<usize>,
    /// Of tokens that may follow by what was read and written, at most this many are checked at once; 0 = off. Faster where an
    /// answer repeats its documents; never another answer.
    pub draft_tokens: usize,
}

/// Beyond it a pass costs more than what it checks can save.
const MOST_DRAFTED: usize = 64;

impl Default for Sampling {
    /// Greedy and without penalties: right for answers that must be found in a text.
    fn default() -> Self {
        Self {
            temperature: 0.0,
            top_k: 0,
            top_p: 1.0,
            min_p: 0.0,
            frequency_penalty: 0.0,
            presence_penalty: 0.0,
            repetition_penalty: 1.0,
            repeat_last_n: 64,
            seed: 0,
            max_tokens: 512,
            stop: Vec::new(),
            logit_bias: Vec::new(),
            constraint: None,
            logprobs: None,
            draft_tokens: 7,
        }
    }
}

impl Sampling {
    /// # Errors
    /// [`Error::Sampling`] naming the setting that is out of range.
    pub fn validate(&self) -> Result<(), Error> {
        let rules = [
            ("temperature", self.temperature, 0.0..=100.0),
            ("top_p", self.top_p, 0.0..=1.0),
            ("min_p", self.min_p, 0.0..=1.0),
            ("frequency_penalty", self.frequency_penalty, -100.0..=100.0),
            ("presence_penalty", self.presence_penalty, -100.0..=100.0),
            ("repetition_penalty", self.repetition_penalty, 0.01..=100.0),
        ];
        if self.draft_tokens > MOST_DRAFTED {
            let reason = format!("draft_tokens is {}, it must lie between 0 and {MOST_DRAFTED}", self.draft_tokens);
            return Err(Error::Sampling { reason });
        }
        if let Some((id, bias)) = self.logit_bias.iter().find(|(_, bias)| bias.is_nan() || *bias == f32::INFINITY) {
            return Err(Error::Sampling { reason: format!("logit_bias of token {id} is {bias}") });
        }
        for (name, value, range) in rules {
            if !range.contains(&value) {
                return Err(Error::Sampling {
                    reason: format!("{name} is {value}, it must lie between {} and {}", range.start(), range.end()),
                });
            }
        }
        Ok(())
    }
}

/// A token and how probable it is after all steps.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Candidate {
    /// The token.
    pub id: u32,
    /// Its probability among the tokens that may be drawn.
    pub probability: f32,
}

/// Chooses tokens by one [`Sampling`]; holds the position in its random stream.
#[derive(Clone, Debug)]
pub struct Sampler {
    settings: Sampling,
    draw: Draw,
    walk: Walk,
}

impl Sampler {
    /// A sampler at the beginning of the stream that `sampling.seed` selects.
    ///
    /// # Errors
    /// As [`Sampling::validate`].
    pub fn new(sampling: &Sampling) -> Result<Self, Error> {
        sampling.validate()?;
        let walk = sampling.constraint.as_deref().map(Walk::new).unwrap_or_default();
        Ok(Self { settings: sampling.clone(), draw: Draw::new(sampling.seed), walk })
    }

    /// The next token. `logits` has one score per token, −∞ for tokens that must not come, and holds the
    /// penalized scores afterwards; `history` are the tokens generated so far.
    ///
    /// # Errors
    /// [`Error::Sampling`] when a score is no number or +∞, or when all are −∞.
    pub fn next(&mut self, logits: &mut [f32], history: &[u32]) -> Result<u32, Error> {
        if let Some(constraint) = &self.settings.constraint {
            self.walk.follow(constraint, history);
            self.walk.mask(constraint, logits);
        }
        self.penalize(logits, history);
        let best = best(logits)?;
        if self.settings.temperature == 0.0 {
            return Ok(best.id);
        }
        let candidates = self.candidates(logits, best);
        // One number is drawn for every token, so that a stream does not depend on what was filtered.
        let mut target = self.draw.uniform() * candidates.iter().map(|candidate| candidate.weight).sum::<f64>();
        for candidate in &candidates {
            target -= candidate.weight;
            if target < 0.0 {
                return Ok(candidate.id);
            }
        }
        // Rounding can leave a rest of a few ulp.
        Ok(candidates.last().map_or(best.id, |last| last.id))
    }

    /// The `count` most probable tokens of the distribution that [`Sampler::next`] draws from, best first.
    /// Does not move the random stream. At temperature 0 the best token has probability 1.
    ///
    /// # Errors
    /// As [`Sampler::next`].
    pub fn distribution(&self, logits: &mut [f32], history: &[u32], count: usize) -> Result<Vec<Candidate>, Error> {
        if let Some(constraint) = &self.settings.constraint {
            let mut walk = self.walk.clone();
            walk.follow(constraint, history);
            walk.mask(constraint, logits);
        }
        self.penalize(logits, history);
        let best = best(logits)?;
        if self.settings.temperature == 0.0 {
            return Ok(vec![Candidate { id: best.id, probability: 1.0 }]);
        }
        let mut candidates = self.candidates(logits, best);
        let total: f64 = candidates.iter().map(|candidate| candidate.weight).sum();
        keep_best(&mut candidates, count);
        candidates.sort_unstable_by(Scored::order);
        Ok(candidates
            .iter()
            .map(|candidate| Candidate { id: candidate.id, probability: (candidate.weight / total) as f32 })
            .collect())
    }

    /// Frequency and presence penalty as the API of `OpenAI` documents them; repetition penalty as in CTRL
    /// (Keskar et al. 2019, section 4.1).
    #[expect(clippy::float_cmp, reason = "the exact values that mean off")]
    fn penalize(&self, logits: &mut [f32], history: &[u32]) {
        let s = &self.settings;
        for (id, bias) in &s.logit_bias {
            if let Some(logit) = logits.get_mut(*id as usize) {
                *logit += bias;
            }
        }
        if s.repetition_penalty == 1.0 && s.frequency_penalty == 0.0 && s.presence_penalty == 0.0 {
            return;
        }
        for (id, count) in occurrences(history, s.repeat_last_n) {
            if let Some(logit) = logits.get_mut(id as usize) {
                *logit = penalized(s, *logit, count);
            }
        }
    }

    /// The tokens that may be drawn, with weights proportional to their probabilities. In id order when
    /// nothing had to be ranked, best first otherwise.
    fn candidates(&self, logits: &[f32], best: Scored) -> Vec<Scored> {
        let s = &self.settings;
        let mut candidates: Vec<Scored> = (0u32..)
            .zip(logits)
            .filter(|(_, logit)| **logit > f32::NEG_INFINITY)
            .map(|(id, logit)| Scored { id, logit: *logit, weight: 0.0 })
            .collect();
        if s.top_k > 0 {
            keep_best(&mut candidates, s.top_k);
        }
        for candidate in &mut candidates {
            candidate.weight = f64::from(candidate.logit - best.logit).exp();
        }
        if s.top_p < 1.0 {
            keep_mass(&mut candidates, f64::from(s.top_p));
        }
        if s.min_p > 0.0 {
            // The best token has weight 1, so a weight is the ratio to its probability.
            candidates.retain(|candidate| candidate.weight >= f64::from(s.min_p));
        }
        for candidate in &mut candidates {
            candidate.weight = (f64::from(candidate.logit - best.logit) / f64::from(s.temperature)).exp();
        }
        candidates
    }
}

/// The tokens among the last `repeat_last_n`, and how often each is there.
fn occurrences(history: &[u32], repeat_last_n: usize) -> Vec<(u32, usize)> {
    let mut recent = history[history.len().saturating_sub(repeat_last_n)..].to_vec();
    recent.sort_unstable();
    recent.chunk_by(|a, b| a == b).map(|run| (run[0], run.len())).collect()
}

/// The score of a token that was generated `count` times.
fn penalized(sampling: &Sampling, logit: f32, count: usize) -> f32 {
    if count == 0 {
        return logit;
    }
    let repeated = if logit <= 0.0 { logit * sampling.repetition_penalty } else { logit / sampling.repetition_penalty };
    repeated - (count as f32 * sampling.frequency_penalty + sampling.presence_penalty)
}

#[derive(Clone, Copy, Debug)]
struct Scored {
    id: u32,
    logit: f32,
    /// Probability relative to the best token's.
    weight: f64,
}

impl Scored {
    /// Best first; of equals the lower id.
    fn order(a: &Self, b: &Self) -> Ordering {
        b.logit.total_cmp(&a.logit).then(a.id.cmp(&b.id))
    }
}

/// The best score, or why there is none.
fn best(logits: &[f32]) -> Result<Scored, Error> {
    let mut best: Option<(u32, f32)> = None;
    for (id, logit) in (0u32..).zip(logits.iter().copied()) {
        if logit.is_nan() || logit == f32::INFINITY {
            return Err(Error::Sampling { reason: format!("the model gave token {id} the score {logit}") });
        }
        if logit > best.map_or(f32::NEG_INFINITY, |(_, logit)| logit) {
            best = Some((id, logit));
        }
    }
    let (id, logit) = best.ok_or_else(|| Error::Sampling { reason: "no token is allowed".to_owned() })?;
    Ok(Scored { id, logit, weight: 1.0 })
}

/// Keeps the `count` best, sorted.
fn keep_best(candidates: &mut Vec<Scored>, count: usize) {
    if count == 0 {
        candidates.clear();
        return;
    }
    if count < candidates.len() {
        candidates.select_nth_unstable_by(count - 1, Scored::order);
        candidates.truncate(count);
    }
    candidates.sort_unstable_by(Scored::order);
}

/// Keeps the best whose weights reach `share` of the total, at least one; sorted. Ranks a growing head
/// only: a few dozen tokens usually hold 95 % of the mass.
fn keep_mass(candidates: &mut Vec<Scored>, share: f64) {
    let wanted = share * candidates.iter().map(|candidate| candidate.weight).sum::<f64>();
    let mut ranked = 0;
    let mut reached = 0.0;
    let mut block = 64;
    while ranked < candidates.len() {
        let rest = &mut candidates[ranked..];
        let head = block.min(rest.len());
        if head < rest.len() {
            rest.select_nth_unstable_by(head - 1, Scored::order);
        }
        rest[..head].sort_unstable_by(Scored::order);
        for candidate in &rest[..head] {
            ranked += 1;
            reached += candidate.weight;
            if reached >= wanted {
                candidates.truncate(ranked);
                return;
            }
        }
        block *= 4;
    }
}
