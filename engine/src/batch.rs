//! Several contexts that read in one pass.
//!
//! Reading the weights takes most of the time of a pass over few tokens, so that a token for each of several contexts costs
//! little more than one for a single context. Contexts join and leave between two passes as they like: what one reads does not
//! change what another scores: not by a bit on our kernels, by rounding on candle.

use std::sync::Arc;

use crate::backend::{Model, Sequence};
use crate::cancel::Cancel;
use crate::context::Context;
use crate::error::Error;
use crate::executor::{Turn, Workspace};

/// What one context reads in a pass: at least one token.
#[derive(Debug)]
pub struct Step<'a> {
    /// Of the same decoder as the others of the pass.
    pub context: &'a mut Context,
    /// What follows what it has read.
    pub tokens: &'a [u32],
}

/// Buffers of passes over several contexts, kept from one to the next.
#[derive(Debug, Default)]
pub struct Batch {
    work: Workspace,
}

impl Batch {
    /// Lets every context read its tokens, in one pass where the back end can, and gives for each the score of every token as
    /// the next one. `None` when it was cancelled: contexts then hold the tokens that they held.
    ///
    /// # Errors
    /// As [`Context::prefill`], before anything is read.
    ///
    /// # Panics
    /// When contexts belong to different decoders.
    pub fn step(&mut self, steps: &mut [Step<'_>], cancel: &Cancel) -> Result<Option<Vec<Vec<f32>>>, Error> {
        for step in steps.iter() {
            if step.tokens.is_empty() {
                return Err(Error::EmptyPrompt);
            }
            step.context.ensure_readable(step.tokens)?;
        }
        let Some(first) = steps.first() else { return Ok(Some(Vec::new())) };
        let Model::Native(model) = first.context.model() else { return one_by_one(steps, cancel) };
        let model = Arc::clone(model);
        let mut turns = Vec::with_capacity(steps.len());
        for step in steps.iter_mut() {
            match step.context.sequence() {
                Sequence::Native { model: own, cache, last, .. } => {
                    assert!(Arc::ptr_eq(own, &model), "contexts of one decoder");
                    last.clear();
                    turns.push(Turn { cache, tokens: step.tokens, wanted: 1 });
                }
                Sequence::Candle { .. } => panic!("contexts of one decoder"),
            }
        }
        let Some(states) = model.forward(&mut self.work, &mut turns, cancel)? else { return Ok(None) };
        let scores = model.scores(&mut self.work, &states);
        let width = states.len() / steps.len();
        for (step, state) in steps.iter_mut().zip(states.chunks_exact(width)) {
            step.context.read(step.tokens, state);
        }
        Ok(Some(scores.chunks_exact(model.vocabulary()).map(<[f32]>::to_vec).collect()))
    }
}

fn one_by_one(steps: &mut [Step<'_>], cancel: &Cancel) -> Result<Option<Vec<Vec<f32>>>, Error> {
    let mut scores = Vec::new();
    for step in steps {
        if !step.context.append(step.tokens, cancel)? {
            return Ok(None);
        }
        scores.push(step.context.next_token_scores()?);
    }
    Ok(Some(scores))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gguf::build::tiny;
    use crate::{Backend, Decoder, Options};

    /// Scores after each of three contexts' last tokens: they join one after the other, read pieces of unequal lengths, and
    /// leave one after the other.
    #[test]
    fn contexts_get_together_what_they_get_alone() {
        let (_folder, path) = tiny("llama").write();
        for backend in [Backend::Native, Backend::Candle] {
            let decoder = Decoder::open(&path, &Options { backend, ..Options::default() }).unwrap();
            let prompts: [Vec<u32>; 3] = [(0..40).collect(), (50..57).collect(), (100..123).collect()];
            let mut contexts = [decoder.context(), decoder.context(), decoder.context()];
            let mut batch = Batch::default();
            let mut last = [Vec::new(), Vec::new(), Vec::new()];
            for round in 0..8 {
                let mut steps = Vec::new();
                let mut who = Vec::new();
                for (index, context) in contexts.iter_mut().enumerate() {
                    let read = context.ids().len();
                    let end = (read + 3 + 5 * index).min(prompts[index].len());
                    if round >= index && read < end {
                        steps.push(Step { context, tokens: &prompts[index][read..end] });
                        who.push(index);
                    }
                }
                let scores = batch.step(&mut steps, &Cancel::new()).unwrap().unwrap();
                who.iter().zip(scores).for_each(|(index, scores)| last[*index] = scores);
            }
            for (index, prompt) in prompts.iter().enumerate() {
                let mut alone = decoder.context();
                alone.append(&prompt[..contexts[index].ids().len()], &Cancel::new()).unwrap();
                let expected = alone.next_token_scores().unwrap();
                if backend == Backend::Native {
                    assert_eq!(last[index], expected, "{index}");
                    assert_eq!(contexts[index].next_token_scores().unwrap(), expected, "{index}");
                } else {
                    let difference = last[index].iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
                    assert!(difference < 1e-3, "{index}: {difference}");
                }
            }
        }
    }

    #[test]
    fn what_cannot_be_read_is_an_error_before_anything_is_read() {
        let (_folder, path) = tiny("llama").write();
        let decoder = Decoder::open(&path, &Options::default()).unwrap();
        let (mut one, mut two) = (decoder.context(), decoder.context());
        let mut steps = [Step { context: &mut one, tokens: &[1] }, Step { context: &mut two, tokens: &[u32::MAX] }];
        assert!(matches!(Batch::default().step(&mut steps, &Cancel::new()), Err(Error::TokenOutOfRange { .. })));
        assert!(matches!(
            Batch::default().step(&mut [Step { context: &mut one, tokens: &[] }], &Cancel::new()),
            Err(Error::EmptyPrompt)
        ));
        assert!(one.ids().is_empty());
    }
}
