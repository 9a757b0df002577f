//! What a model has read so far, and how more is read.
//!
//! Place in the flow: `generate` feeds a prompt and then token by token through a [`Context`]. It keeps the
//! ids whose keys and values are cached, and reads only what a new prompt adds to them.
//!
//! Invariant: the cached ids are exactly the tokens in the cache, whatever fails or is cancelled between.

use crate::backend::{Model, Sequence};
use crate::cancel::Cancel;
use crate::error::Error;
use crate::kernels::Cache;
use crate::saved::Key;
use crate::tokenizer::Tokenizer;

/// Tokens that are read in one forward pass: where progress is reported, and where candle can be interrupted. Products with
/// 256 rows are as fast as larger.
pub const PREFILL_BLOCK: usize = 256;

/// One conversation's state in a model.
pub struct Context {
    model: Model,
    tokenizer: Tokenizer,
    sequence: Sequence,
    ids: Vec<u32>,
}

/// How far reading a prompt came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prefill {
    /// All of it is in the cache; so many tokens were there already.
    Complete {
        /// Tokens that did not have to be read.
        reused: usize,
    },
    /// Stopped; whole blocks that were read stay.
    Cancelled {
        /// Tokens that did not have to be read.
        reused: usize,
    },
}

impl std::fmt::Debug for Context {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Context").field("tokens", &self.ids.len()).finish_non_exhaustive()
    }
}

impl Context {
    pub(crate) fn new(model: Model, tokenizer: Tokenizer) -> Self {
        Self { sequence: model.sequence(), model, tokenizer, ids: Vec::new() }
    }

    /// The tokens that are cached.
    pub fn ids(&self) -> &[u32] {
        &self.ids
    }

    /// Tokens that fit.
    pub fn window(&self) -> usize {
        self.model.window()
    }

    /// The tokenizer of the model.
    pub fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }

    /// How many tokens of `prompt` a call of [`Context::prefill`] would not have to read.
    pub fn reusable(&self, prompt: &[u32]) -> usize {
        let common = self.ids.iter().zip(prompt).take_while(|(a, b)| a == b).count();
        // The last token is always read, because its state predicts the next one.
        common.min(prompt.len().saturating_sub(1))
    }

    /// Forgets all but the first `length` tokens.
    pub fn truncate(&mut self, length: usize) {
        if length < self.ids.len() {
            self.ids.truncate(length);
            self.sequence.truncate(length);
        }
    }

    /// Makes the cache hold exactly `prompt`: keeps the common beginning and reads the rest in blocks,
    /// calling `progress(done, total)` after each, in tokens of the prompt.
    ///
    /// # Errors
    /// [`Error::EmptyPrompt`], [`Error::PromptTooLong`], [`Error::TokenOutOfRange`], or a failure of the tensor
    /// library. The context stays usable.
    pub fn prefill(
        &mut self,
        prompt: &[u32],
        cancel: &Cancel,
        progress: &mut dyn FnMut(usize, usize),
    ) -> Result<Prefill, Error> {
        if prompt.is_empty() {
            return Err(Error::EmptyPrompt);
        }
        if prompt.len() > self.window() {
            return Err(Error::PromptTooLong { prompt: prompt.len(), window: self.window() });
        }
        let reused = self.reusable(prompt);
        self.truncate(reused);
        progress(reused, prompt.len());
        for block in prompt[reused..].chunks(PREFILL_BLOCK) {
            if cancel.is_cancelled() || !self.append(block, cancel)? {
                return Ok(Prefill::Cancelled { reused });
            }
            progress(self.ids.len(), prompt.len());
        }
        Ok(Prefill::Complete { reused })
    }

    /// Reads `tokens` behind what is cached, in one pass; false when it was cancelled and nothing was read.
    ///
    /// # Errors
    /// As [`Context::prefill`].
    pub fn append(&mut self, tokens: &[u32], cancel: &Cancel) -> Result<bool, Error> {
        self.ensure_readable(tokens)?;
        let read = self.sequence.append(tokens, cancel)?;
        if read {
            self.ids.extend_from_slice(tokens);
        }
        Ok(read)
    }

    /// As [`Context::append`], and gives the scores of every token as the next one after each of `tokens`, one after the other;
    /// `None` when it was cancelled.
    ///
    /// # Errors
    /// As [`Context::prefill`].
    pub fn append_scored(&mut self, tokens: &[u32], cancel: &Cancel) -> Result<Option<Vec<f32>>, Error> {
        self.ensure_readable(tokens)?;
        let scores = self.sequence.append_scored(tokens, cancel)?;
        if scores.is_some() {
            self.ids.extend_from_slice(tokens);
        }
        Ok(scores)
    }

    pub(crate) fn ensure_readable(&self, tokens: &[u32]) -> Result<(), Error> {
        let vocabulary = self.model.vocabulary();
        if let Some(id) = tokens.iter().copied().find(|id| *id as usize >= vocabulary) {
            return Err(Error::TokenOutOfRange { id, vocabulary });
        }
        if self.ids.len() + tokens.len() > self.window() {
            return Err(Error::PromptTooLong { prompt: self.ids.len() + tokens.len(), window: self.window() });
        }
        Ok(())
    }

    pub(crate) fn model(&self) -> &Model {
        &self.model
    }

    pub(crate) fn sequence_ref(&self) -> &Sequence {
        &self.sequence
    }

    /// What tells this model's caches from others'; `None` where they cannot be saved.
    pub(crate) fn key(&self) -> Option<&Key> {
        match &self.model {
            Model::Native(model) => Some(model.key()),
            Model::Candle(_) => None,
        }
    }

    /// Replaces what was read by these tokens, their cache and the last one's state (empty where it is not known).
    pub(crate) fn put(&mut self, ids: Vec<u32>, read: Cache, state: &[f32]) {
        if let Sequence::Native { cache, last, .. } = &mut self.sequence {
            *cache = read;
            last.clear();
            last.extend_from_slice(state);
            self.ids = ids;
        }
    }

    pub(crate) fn sequence(&mut self) -> &mut Sequence {
        &mut self.sequence
    }

    /// `tokens` were read into the sequence; `state` is the last one's.
    pub(crate) fn read(&mut self, tokens: &[u32], state: &[f32]) {
        if let Sequence::Native { last, .. } = &mut self.sequence {
            last.extend_from_slice(state);
        }
        self.ids.extend_from_slice(tokens);
    }

    /// Whether several tokens are read in little more time than one.
    pub(crate) fn drafts(&self) -> bool {
        matches!(self.model, Model::Native(_))
    }

    /// Tokens that the model scores.
    pub(crate) fn vocabulary(&self) -> usize {
        self.model.vocabulary()
    }

    /// The score of every token as the next one.
    ///
    /// # Errors
    /// [`Error::EmptyPrompt`] when nothing was read since the context was made or truncated.
    pub fn next_token_scores(&mut self) -> Result<Vec<f32>, Error> {
        self.sequence.scores()?.ok_or(Error::EmptyPrompt)
    }
}
