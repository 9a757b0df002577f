//! What a model has read so far, and how more is read.
//!
//! Place in the flow: `generate` feeds a prompt and then token by token through a [`Context`]. It keeps the
//! ids whose keys and values are cached, and reads only what a new prompt adds to them.
//!
//! Invariant: the cached ids are exactly the tokens in the cache, whatever fails or is cancelled between.

use std::sync::Arc;

use candle_core::Tensor;

use crate::cancel::Cancel;
use crate::error::Error;
use crate::reference::{KvCache, Model};
use crate::tokenizer::Tokenizer;

/// Tokens that are read in one forward pass. A pass cannot be interrupted, so this bounds how long a
/// cancellation waits, and it is where progress is reported; products with 256 rows are as fast as larger.
pub(crate) const PREFILL_BLOCK: usize = 256;

/// One conversation's state in a model.
pub struct Context {
    model: Arc<Model>,
    tokenizer: Tokenizer,
    cache: KvCache,
    ids: Vec<u32>,
    /// State after the last token, from which the next one is predicted.
    hidden: Option<Tensor>,
}

/// How far reading a prompt came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prefill {
    /// All of it is in the cache; so many tokens were there already.
    Complete {
        /// Tokens that did not have to be read.
        reused: usize,
    },
    /// Stopped between two blocks; what was read stays.
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
    pub(crate) fn new(model: Arc<Model>, tokenizer: Tokenizer) -> Self {
        Self { cache: model.cache(), model, tokenizer, ids: Vec::new(), hidden: None }
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
            self.cache.truncate(length);
            self.hidden = None;
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
            if cancel.is_cancelled() {
                return Ok(Prefill::Cancelled { reused });
            }
            self.append(block)?;
            progress(self.ids.len(), prompt.len());
        }
        Ok(Prefill::Complete { reused })
    }

    /// Reads `tokens` behind what is cached.
    pub(crate) fn append(&mut self, tokens: &[u32]) -> Result<(), Error> {
        let vocabulary = self.model.vocabulary();
        if let Some(id) = tokens.iter().copied().find(|id| *id as usize >= vocabulary) {
            return Err(Error::TokenOutOfRange { id, vocabulary });
        }
        self.hidden = None;
        let embedded = self.model.embed(tokens)?;
        self.hidden = Some(self.model.forward(&mut self.cache, embedded)?);
        self.ids.extend_from_slice(tokens);
        Ok(())
    }

    /// The score of every token as the next one.
    ///
    /// # Errors
    /// [`Error::EmptyPrompt`] when nothing was read since the context was made or truncated.
    pub fn next_token_scores(&self) -> Result<Vec<f32>, Error> {
        self.model.logits(self.hidden.as_ref().ok_or(Error::EmptyPrompt)?)
    }
}
