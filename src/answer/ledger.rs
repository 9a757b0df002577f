//! The prompt of an answer by its parts: what each costs, and what it is made of.
//!
//! Invariant: the parts' tokens add up to the prompt's. Parts are measured by building the prompt once more with one part after the
//! other, so that a template's own tokens count for the part that brings them.

use anyhow::Result;
use tanya_engine::Observed;

/// One part of a prompt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// Instructions and template.
    System,
    /// Earlier exchanges.
    History {
        /// How many are in it.
        kept: usize,
        /// How many older ones are not.
        left_out: usize,
    },
    /// A passage.
    Passage {
        /// As in [`super::Source::n`].
        n: u32,
    },
    /// The question.
    Question,
}

/// The tokens of a prompt by its parts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ledger {
    /// In the order of the prompt's growth: instructions, question, history, passages from the best on.
    pub parts: Vec<(Part, usize)>,
    /// Tokens kept free for the answer.
    pub reserve: usize,
    /// Tokens that the window holds.
    pub window: usize,
    /// The text of each token of the prompt, where the steps of this answer are kept.
    pub tokens: Vec<String>,
}

impl Ledger {
    /// Tokens of the whole prompt.
    pub fn total(&self) -> usize {
        self.parts.iter().map(|(_, tokens)| tokens).sum()
    }

    /// Tokens of the parts that `which` names.
    pub fn of(&self, which: impl Fn(&Part) -> bool) -> usize {
        self.parts.iter().filter(|(part, _)| which(part)).map(|(_, tokens)| tokens).sum()
    }
}

/// What a prompt is grown from.
pub(super) struct Growth<'a> {
    /// Numbers of the passages in it, best first.
    pub(super) passages: &'a [u32],
    /// How many exchanges are in it, and how many are not.
    pub(super) history: (usize, usize),
    /// Tokens of the question alone.
    pub(super) question: usize,
}

/// Measures the parts. `length` tells the tokens of a prompt with the history or without, and with so many of the best passages.
pub(super) fn parts(growth: &Growth<'_>, length: impl Fn(bool, usize) -> Result<usize>) -> Result<Vec<(Part, usize)>> {
    let bare = length(false, 0)?;
    let question = growth.question.min(bare);
    let mut parts = vec![(Part::System, bare - question), (Part::Question, question)];
    let mut grown = bare;
    let (kept, left_out) = growth.history;
    if kept + left_out > 0 {
        let with = if kept > 0 { length(true, 0)?.max(grown) } else { grown };
        parts.push((Part::History { kept, left_out }, with - grown));
        grown = with;
    }
    for (count, n) in (1..).zip(growth.passages) {
        // Tokens can melt together at a border, by one or two: never below what was there.
        let with = length(true, count)?.max(grown);
        parts.push((Part::Passage { n: *n }, with - grown));
        grown = with;
    }
    // What melted is what the frame around the passages saved.
    let total = length(true, growth.passages.len())?;
    parts[0].1 = parts[0].1.saturating_sub(grown - total);
    Ok(parts)
}

/// One step of the model, with the texts of its tokens.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// What the token was chosen from.
    pub observed: Observed,
    /// The chosen token's text.
    pub text: String,
    /// The texts of the best tokens, in their order.
    pub texts: Vec<String>,
}

impl Step {
    /// What was observed, with texts by `name`.
    pub(super) fn new(observed: &Observed, name: &dyn Fn(u32) -> String) -> Self {
        Self {
            text: name(observed.chosen.id),
            texts: observed.best.iter().map(|token| name(token.id)).collect(),
            observed: observed.clone(),
        }
    }
}

/// Best tokens of a step that are kept. More than the usual top-k, so that its effect can be shown without the model.
pub const KEPT: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_add_up_to_the_prompt_and_each_passage_costs_what_it_adds() {
        // 30 for the frame with a question of 10, 12 for the history, then 20, 7 and 1.
        let passages = [0, 20, 27, 28];
        let length = |history: bool, count: usize| Ok(30 + if history { 12 } else { 0 } + passages[count]);
        let growth = Growth { passages: &[1, 2, 5], history: (2, 1), question: 10 };
        let parts = parts(&growth, length).unwrap();
        let ledger = Ledger { parts, ..Ledger::default() };
        assert_eq!(ledger.total(), 70);
        assert_eq!(ledger.of(|part| matches!(part, Part::Passage { n: 2 })), 7);
        assert_eq!(ledger.of(|part| *part == Part::System), 20);
        assert_eq!(ledger.of(|part| matches!(part, Part::History { kept: 2, left_out: 1 })), 12);
    }

    #[test]
    fn tokens_that_melt_together_at_a_border_are_counted_once() {
        // The second passage takes one token of the first away.
        let passages = [0, 20, 19];
        let growth = Growth { passages: &[1, 2], history: (0, 0), question: 10 };
        let parts = parts(&growth, |_, count| Ok(30 + passages[count])).unwrap();
        assert_eq!(Ledger { parts, ..Ledger::default() }.total(), 49);
    }

    #[test]
    fn a_question_without_history_or_passages_has_two_parts() {
        let growth = Growth { passages: &[], history: (0, 0), question: 4 };
        assert_eq!(parts(&growth, |_, _| Ok(9)).unwrap(), [(Part::System, 5), (Part::Question, 4)]);
    }
}
