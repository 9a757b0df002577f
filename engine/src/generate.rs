//! The generation loop, stage by stage.
//!
//! tokenize (before: `prompt_ids`) → embed → forward → next-token distribution → sample → append → stop? →
//! detokenize → text. Prefill runs the first stages over the prompt in blocks; decoding repeats all of them
//! for one token at a time. Cancellation is looked at between blocks and between tokens.

use std::time::{Duration, Instant};

use crate::cancel::Cancel;
use crate::context::{Context, Prefill};
use crate::error::Error;
use crate::sampling::{Distribution, Observed, Sampler, Sampling};
use crate::steps::{Drafts, Steps};
use crate::stop::{Passed, StopStrings};
use crate::tokenizer::Detokenizer;

/// What happens while an answer is made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Event<'a> {
    /// So many tokens of the prompt are read.
    Prefill {
        /// Tokens read or reused.
        done: usize,
        /// Tokens of the prompt.
        total: usize,
    },
    /// A token was chosen; only where [`Sampling::logprobs`] asks for it. The one that ends an answer comes too.
    Token(&'a Observed),
    /// More text of the answer: whole characters, never empty, never part of a stop string.
    Text(&'a str),
}

/// How an answer ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finish {
    /// Why it ended.
    pub reason: FinishReason,
    /// Tokens of the prompt.
    pub prompt_tokens: usize,
    /// Tokens of the prompt that were in the cache already.
    pub reused_tokens: usize,
    /// Tokens of the answer, without the one that ended it.
    pub generated_tokens: usize,
    /// Tokens that were checked before they were chosen.
    pub drafts: Drafts,
    /// Where the time went.
    pub timings: Timings,
}

/// Why an answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FinishReason {
    /// The model ended its turn.
    Stop,
    /// One of [`Sampling::stop`] came.
    StopString,
    /// [`Sampling::max_tokens`] were generated.
    Length,
    /// The window is full.
    Window,
    /// The caller cancelled.
    Cancelled,
}

/// Durations of one call of [`generate`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timings {
    /// Reading the prompt.
    pub prefill: Duration,
    /// From the call to the first chosen token; zero when there was none.
    pub first_token: Duration,
    /// From the first chosen token to the end.
    pub decode: Duration,
    /// From one chosen token to the next: half of them took no longer than this. Zero for fewer than two tokens.
    pub token_p50: Duration,
    /// The same for 95 of 100.
    pub token_p95: Duration,
    /// How many of these times fall into each bucket: under 1 ms, under 2, 4 … 1,024 ms, and longer.
    pub token_times: [u32; TIME_BUCKETS],
}

/// Buckets of [`Timings::token_times`].
pub const TIME_BUCKETS: usize = 12;

/// The bucket of a duration: each holds twice the one before.
fn bucket(time: Duration) -> usize {
    let whole = time.as_millis();
    let doubled = (u128::BITS - whole.leading_zeros()) as usize;
    doubled.min(TIME_BUCKETS - 1)
}

/// Reads `prompt` (keeping what `context` shares with it) and continues it. Stops within one prefill block or
/// one token after `cancel`; the context stays usable and holds what was read and
/// generated; after a cancellation the last token may be missing.
///
/// # Errors
/// As [`Context::prefill`]; [`Error::Sampling`] when settings are out of range or the model's scores are no
/// numbers.
pub fn generate(
    context: &mut Context,
    prompt: &[u32],
    sampling: &Sampling,
    cancel: &Cancel,
    sink: &mut dyn FnMut(Event<'_>),
) -> Result<Finish, Error> {
    let start = Instant::now();
    let mut answer = Answer::new(context, sampling)?;
    let prefill = context.prefill(prompt, cancel, &mut |done, total| sink(Event::Prefill { done, total }))?;
    let mut timings = Timings { prefill: start.elapsed(), ..Timings::default() };
    let (reused, reason) = match prefill {
        Prefill::Cancelled { reused } => (reused, FinishReason::Cancelled),
        Prefill::Complete { reused } => {
            let mut chosen = Vec::new();
            let reason = answer.run(context, cancel, sink, &mut || chosen.push(Instant::now()))?;
            if let Some(first) = chosen.first() {
                timings.first_token = *first - start;
                timings.decode = first.elapsed();
            }
            let mut gaps: Vec<Duration> = chosen.windows(2).map(|pair| pair[1] - pair[0]).collect();
            gaps.sort_unstable();
            timings.token_p50 = percentile(&gaps, 50);
            timings.token_p95 = percentile(&gaps, 95);
            for gap in &gaps {
                timings.token_times[bucket(*gap)] += 1;
            }
            (reused, reason)
        }
    };
    Ok(Finish {
        reason,
        prompt_tokens: prompt.len(),
        reused_tokens: reused,
        generated_tokens: answer.ids.len(),
        drafts: answer.drafts,
        timings,
    })
}

/// Of sorted durations the least that so many of 100 do not exceed.
fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    let rank = (sorted.len() * percent).div_ceil(100);
    rank.checked_sub(1).and_then(|at| sorted.get(at)).copied().unwrap_or_default()
}

/// An answer that is being made.
struct Answer<'a> {
    sampling: &'a Sampling,
    sampler: Sampler,
    ids: Vec<u32>,
    detokenizer: Detokenizer,
    stops: StopStrings,
    drafts: Drafts,
}

impl<'a> Answer<'a> {
    fn new(context: &Context, sampling: &'a Sampling) -> Result<Self, Error> {
        Ok(Self {
            sampling,
            sampler: Sampler::new(sampling)?,
            ids: Vec::new(),
            detokenizer: context.tokenizer().stream(),
            stops: StopStrings::new(&sampling.stop),
            drafts: Drafts::default(),
        })
    }

    /// Decodes until something ends the answer. `chosen` is called for every sampled token.
    fn run(
        &mut self,
        context: &mut Context,
        cancel: &Cancel,
        sink: &mut dyn FnMut(Event<'_>),
        chosen: &mut dyn FnMut(),
    ) -> Result<FinishReason, Error> {
        let mut steps = Steps::new(context, self.sampling.draft_tokens)?;
        let reason = loop {
            if cancel.is_cancelled() {
                break FinishReason::Cancelled;
            }
            if self.ids.len() >= self.sampling.max_tokens {
                break FinishReason::Length;
            }
            // next-token distribution → sample
            let token = match self.choose(steps.scores(), sink) {
                Ok(token) => token,
                Err(error) => {
                    steps.finish();
                    return Err(error);
                }
            };
            chosen();
            // stop?
            if steps.context.tokenizer().end_tokens().contains(&token) {
                break FinishReason::Stop;
            }
            self.ids.push(token);
            // detokenize
            if let Some(text) = self.detokenizer.push(token) {
                match self.stops.push(&text) {
                    Passed::Text(text) => emit(&text, sink),
                    Passed::Stopped(text) => {
                        emit(&text, sink);
                        self.drafts = steps.finish();
                        return Ok(FinishReason::StopString);
                    }
                }
            }
            if steps.is_full() {
                break FinishReason::Window;
            }
            // append: embed and forward
            let more = self.sampling.max_tokens - self.ids.len();
            if more > 0 && !steps.append(token, more - 1, cancel)? {
                break FinishReason::Cancelled;
            }
        };
        self.drafts = steps.finish();
        self.flush(sink);
        Ok(reason)
    }

    /// Samples a token, and tells of its probability where that is asked for.
    fn choose(&mut self, scores: &mut [f32], sink: &mut dyn FnMut(Event<'_>)) -> Result<u32, Error> {
        let Some(count) = self.sampling.logprobs else { return self.sampler.next(scores, &self.ids) };
        let own = scores.to_vec();
        let token = self.sampler.next(scores, &self.ids)?;
        let distribution = Distribution::new(&own);
        sink(Event::Token(&distribution.observed(token, count)));
        Ok(token)
    }

    /// Hands out what waited for more: half a character, the beginning of a stop string.
    fn flush(&mut self, sink: &mut dyn FnMut(Event<'_>)) {
        let rest = self.detokenizer.finish();
        match self.stops.push(&rest) {
            Passed::Text(text) => {
                emit(&text, sink);
                emit(&self.stops.finish(), sink);
            }
            Passed::Stopped(text) => emit(&text, sink),
        }
    }
}

fn emit(text: &str, sink: &mut dyn FnMut(Event<'_>)) {
    if !text.is_empty() {
        sink(Event::Text(text));
    }
}

#[cfg(test)]
mod tests;
