//! From a chosen token to the scores of the next one, several at a time where a draft comes true.
//!
//! Invariant: between two calls the context holds what was accepted, then what is left of the draft.

use crate::cancel::Cancel;
use crate::context::Context;
use crate::error::Error;
use crate::lookup::Lookup;

/// How drafts went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Drafts {
    /// Tokens that were read on trial.
    pub drafted: usize,
    /// Of these, tokens that were chosen.
    pub accepted: usize,
}

/// The forward passes of one answer.
pub(crate) struct Steps<'a> {
    pub(crate) context: &'a mut Context,
    lookup: Lookup,
    /// Accepted tokens in the context.
    accepted: usize,
    /// Scores after the last accepted token, then after each token of the draft.
    scores: Vec<f32>,
    /// Which of them count now.
    at: usize,
    draft: Vec<u32>,
    drafts: Drafts,
}

impl<'a> Steps<'a> {
    /// Behind what `context` has read, with drafts of at most `most` tokens.
    pub(crate) fn new(context: &'a mut Context, most: usize) -> Result<Self, Error> {
        let scores = context.next_token_scores()?;
        let lookup = Lookup::new(context.ids(), if context.drafts() { most } else { 0 });
        let accepted = context.ids().len();
        Ok(Self { context, lookup, accepted, scores, at: 0, draft: Vec::new(), drafts: Drafts::default() })
    }

    /// The score of every token as the next one.
    pub(crate) fn scores(&mut self) -> &mut [f32] {
        let vocabulary = self.context.vocabulary();
        &mut self.scores[self.at * vocabulary..][..vocabulary]
    }

    /// Whether the window has no room for another token.
    pub(crate) fn is_full(&self) -> bool {
        self.accepted >= self.context.window()
    }

    /// Accepts `token`, after which at most `more` can still be chosen; false when it was cancelled.
    pub(crate) fn append(&mut self, token: u32, more: usize, cancel: &Cancel) -> Result<bool, Error> {
        self.lookup.push(token);
        if self.draft.get(self.at) == Some(&token) {
            self.at += 1;
            self.accepted += 1;
            return Ok(true);
        }
        self.settle();
        let room = more.min(self.context.window() - self.accepted - 1);
        self.draft.extend_from_slice(self.lookup.draft(room));
        let tokens = [&[token], self.draft.as_slice()].concat();
        let Some(scores) = self.context.append_scored(&tokens, cancel)? else {
            self.draft.clear();
            return Ok(false);
        };
        (self.scores, self.at) = (scores, 0);
        self.accepted += 1;
        Ok(true)
    }

    /// Leaves what was accepted in the context, and nothing else.
    pub(crate) fn finish(mut self) -> Drafts {
        self.settle();
        self.drafts
    }

    fn settle(&mut self) {
        self.lookup.judge(self.draft.len(), self.at);
        self.drafts.drafted += self.draft.len();
        self.drafts.accepted += self.at;
        self.draft.clear();
        self.at = 0;
        self.context.truncate(self.accepted);
    }
}
