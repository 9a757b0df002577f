//! What computes a model: our own executor on the processor, or candle.
//!
//! Both sides offer the same few operations, so that a [`crate::Context`] does not know which it has.

use std::str::FromStr;
use std::sync::Arc;

use candle_core::Tensor;

use crate::cancel::Cancel;
use crate::error::Error;
use crate::executor::{self, Turn, Workspace};
use crate::kernels::Cache;
use crate::reference::{self, KvCache};

/// Which implementation runs a model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Backend {
    /// The native one where it supports the model and the device is the processor, else candle.
    #[default]
    Auto,
    /// Packed weights and our own kernels.
    Native,
    /// candle's tensors.
    Candle,
}

impl Backend {
    /// All of them, by name.
    pub const ALL: [Self; 3] = [Self::Auto, Self::Native, Self::Candle];

    /// As people write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Native => "native",
            Self::Candle => "candle",
        }
    }
}

impl FromStr for Backend {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|backend| backend.name() == name);
        known.ok_or_else(|| format!("{name} is not one of {}", Self::ALL.map(Self::name).join(", ")))
    }
}

/// A loaded model.
#[derive(Clone, Debug)]
pub(crate) enum Model {
    Native(Arc<executor::Model>),
    Candle(Arc<reference::Model>),
}

impl Model {
    pub(crate) fn window(&self) -> usize {
        match self {
            Self::Native(model) => model.window(),
            Self::Candle(model) => model.window(),
        }
    }

    pub(crate) fn vocabulary(&self) -> usize {
        match self {
            Self::Native(model) => model.vocabulary(),
            Self::Candle(model) => model.vocabulary(),
        }
    }

    /// What the weights take in memory.
    pub(crate) fn weight_bytes(&self) -> u64 {
        match self {
            Self::Native(model) => model.weight_bytes(),
            Self::Candle(model) => model.weight_bytes(),
        }
    }

    /// What keys and values of a token take in memory.
    pub(crate) fn cache_bytes(&self) -> u64 {
        match self {
            Self::Native(model) => model.cache_bytes(),
            Self::Candle(model) => model.cache_bytes(),
        }
    }

    /// A sequence that has read nothing.
    pub(crate) fn sequence(&self) -> Sequence {
        match self {
            Self::Native(model) => Sequence::Native {
                model: Arc::clone(model),
                cache: model.cache(),
                work: Box::default(),
                last: Vec::new(),
            },
            Self::Candle(model) => Sequence::Candle { model: Arc::clone(model), cache: model.cache(), last: None },
        }
    }
}

/// One sequence of tokens in a model.
pub(crate) enum Sequence {
    Native {
        model: Arc<executor::Model>,
        cache: Cache,
        work: Box<Workspace>,
        /// State of the last token; empty when there is none.
        last: Vec<f32>,
    },
    Candle {
        model: Arc<reference::Model>,
        cache: KvCache,
        last: Option<Tensor>,
    },
}

impl Sequence {
    /// Reads tokens, which are in the vocabulary and fit into the window. False when it was cancelled: then the sequence is as
    /// it was, but without the state of its last token.
    pub(crate) fn append(&mut self, tokens: &[u32], cancel: &Cancel) -> Result<bool, Error> {
        match self {
            Self::Native { model, cache, work, last } => {
                last.clear();
                match model.forward(work, &mut [Turn { cache, tokens, wanted: 1 }], cancel)? {
                    Some(state) => *last = state,
                    None => return Ok(false),
                }
            }
            Self::Candle { model, cache, last } => {
                *last = None;
                *last = Some(model.forward(cache, model.embed(tokens)?)?);
            }
        }
        Ok(true)
    }

    /// As [`Sequence::append`], with the scores after each of the tokens; `None` when it was cancelled.
    pub(crate) fn append_scored(&mut self, tokens: &[u32], cancel: &Cancel) -> Result<Option<Vec<f32>>, Error> {
        match self {
            Self::Native { model, cache, work, last } => {
                last.clear();
                let turn = Turn { cache, tokens, wanted: tokens.len() };
                let Some(states) = model.forward(work, &mut [turn], cancel)? else { return Ok(None) };
                last.extend_from_slice(&states[states.len() - states.len() / tokens.len().max(1)..]);
                Ok(Some(model.scores(work, &states)))
            }
            Self::Candle { model, cache, last } => {
                let before = cache.length();
                let mut scores = Vec::new();
                let mut step = |cache: &mut KvCache, token: u32| {
                    let state = model.forward(cache, model.embed(&[token])?)?;
                    scores.extend(model.logits(&state)?);
                    Ok::<_, Error>(state)
                };
                *last = None;
                for token in tokens {
                    let read = if cancel.is_cancelled() { None } else { Some(step(cache, *token)) };
                    match read {
                        Some(Ok(state)) => *last = Some(state),
                        Some(Err(error)) => {
                            cache.truncate(before);
                            *last = None;
                            return Err(error);
                        }
                        None => {
                            cache.truncate(before);
                            *last = None;
                            return Ok(None);
                        }
                    }
                }
                Ok(Some(scores))
            }
        }
    }

    /// Forgets all but the first `length` tokens.
    pub(crate) fn truncate(&mut self, length: usize) {
        match self {
            Self::Native { cache, last, .. } => {
                cache.truncate(length);
                last.clear();
            }
            Self::Candle { cache, last, .. } => {
                cache.truncate(length);
                *last = None;
            }
        }
    }

    /// The score of every token as the next one; None when the last token's state is not there.
    pub(crate) fn scores(&mut self) -> Result<Option<Vec<f32>>, Error> {
        match self {
            Self::Native { last, .. } if last.is_empty() => Ok(None),
            Self::Native { model, work, last, .. } => Ok(Some(model.scores(work, last))),
            Self::Candle { model, last, .. } => last.as_ref().map(|last| model.logits(last)).transpose(),
        }
    }
}
