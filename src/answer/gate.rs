//! Refuse before a model is called: what search and reader say about whether the documents hold the answer.
//!
//! All measures are free of the folder's scale: the lexical share (BM25 of the best passage over the sum of the question's
//! idf), the cosine of the best passage, and the score of the reader's best span over "there is no answer". Together they give a
//! probability ([`Measures::probability`]), and a question is refused below a threshold.
//!
//! Fitted on `SQuAD` 2 questions over folders of 2, 5, 12, 30 and 397 paragraphs, each size with the same weight, judged by the half of the
//! questions that the fit did not see: where one answerable question of nine is refused over the largest folder (one of seven over the
//! smallest), 96 % of those about articles that are not in the folder are, and 37 to 40 % of those that only *look* answerable, which no
//! score of a search can tell (AUROC 0.56–0.58; the reader's 0.69).
//!
//! Where the sentence that would be quoted and its neighbors hold no word of the question, and another one holds many
//! ([`Measures::missed`]), the quotation is refused, as what comes nearest. Neighbors count, as an answer often stands behind the
//! sentence that names what it is about: without them 3 of 160 right answers to `SQuAD` 2 questions were refused.
//!
//! Without a reader lexical share and cosine are divided by thresholds of their own, and a question is refused when their mean stays
//! below 1: 97 % of questions off the topic and 4.7 % of answerable ones.

use serde::{Deserialize, Serialize};
use tanya_index::Hit;

use super::event::{Gate, Source};

/// What each measure is divided by; 0 lets everything pass.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Thresholds {
    /// Least lexical share of the best passage.
    pub lexical: f32,
    /// Least cosine of the best passage.
    pub cosine: f32,
    /// Least [`Measures::probability`]; 0 lets everything pass. Where there is one, the others are not asked.
    pub answerable: f32,
}

/// How well the best passages fit a question, each measure by itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Measures {
    /// Lexical share of the passage that has most.
    pub words: f32,
    /// Cosine of the nearest passage.
    pub meaning: Option<f32>,
    /// The reader's log-odds that a passage answers, of the passage with most.
    pub answerable: Option<f32>,
    /// The best span's score above "there is no answer".
    pub span: Option<f32>,
    /// The most of the question, of all its words 1, that some sentence of the passages holds, where the one that would be quoted and its
    /// neighbors hold none; else `None`.
    pub missed: Option<f32>,
}

/// From here on [`Measures::missed`] is too much.
const MISSED: f32 = 0.4;

impl Measures {
    /// The best figures among what was found and what was read.
    pub(super) fn of(hits: &[Hit], sources: &[Source]) -> Self {
        let most = |figures: &mut dyn Iterator<Item = f32>| figures.reduce(f32::max);
        let readings = || sources.iter().filter_map(|source| source.reading);
        Self {
            words: most(&mut hits.iter().map(|hit| hit.lexical_share)).unwrap_or(0.0),
            meaning: most(&mut hits.iter().filter_map(|hit| hit.cosine)),
            answerable: most(&mut readings().map(|reading| reading.answerable)),
            span: most(&mut readings().map(|reading| reading.best_score)),
            missed: None,
        }
    }
}

impl Measures {
    /// The probability that the documents hold the answer, where the reader had its say: a logistic regression.
    pub fn probability(&self) -> Option<f32> {
        let span = self.span?;
        // Without vectors: what answerable questions and others have between them.
        let meaning = self.meaning.unwrap_or(0.55);
        // More shared words count against it: a question that has them all and no span is one that only looks answerable.
        let log_odds = 0.075 * span - 0.33 * self.words.min(2.5) + 2.44 * meaning - 0.89;
        Some(1.0 / (1.0 + (-log_odds).exp()))
    }

    /// With what the `quoted` source misses of the question, and another of the `sources` holds.
    pub(super) fn missing(self, quoted: Option<&Source>, sources: &[Source]) -> Self {
        let most = sources.iter().filter_map(|source| Some(source.reading?.best_share)).reduce(f32::max);
        let reading = quoted.and_then(|source| source.reading).filter(|reading| reading.span.is_some());
        Self { missed: most.filter(|_| reading.is_some_and(|reading| reading.near <= 0.0)), ..self }
    }

    /// Whether the one that would be quoted misses too much of the question.
    pub(super) fn misses(&self) -> bool {
        self.missed.is_some_and(|missed| missed >= MISSED)
    }

    /// Whether the search alone would say that the documents may hold the answer.
    pub(super) fn fit(&self, thresholds: Thresholds) -> bool {
        // Without vectors the words alone decide.
        let words = self.words / thresholds.lexical;
        let fit = self.meaning.map_or(words, |cosine| f32::midpoint(words, cosine / thresholds.cosine));
        thresholds.lexical <= 0.0 || thresholds.cosine <= 0.0 || fit >= 1.0
    }
}

/// Decides by the best figures among what was found.
pub(super) fn gate(measures: &Measures, found_any: bool, thresholds: Thresholds) -> Gate {
    if !found_any {
        return Gate::Refuse { reason: "Nothing in your documents matches the question.".into() };
    }
    if let Some(probability) = measures.probability() {
        if probability >= thresholds.answerable {
            // Who wants no refusals gets none.
            if !measures.misses() || thresholds.answerable <= 0.0 {
                return Gate::Go;
            }
            let reason = "What may be the answer stands in a sentence with other words than the question's.";
            return Gate::Refuse { reason: reason.into() };
        }
        let percent = (100.0 * probability).round();
        return Gate::Refuse { reason: format!("No passage answers it for certain: {percent} % for the best one.") };
    }
    if measures.fit(thresholds) {
        return Gate::Go;
    }
    let meaning = measures.meaning.map(|cosine| format!(", {cosine:.2} by meaning")).unwrap_or_default();
    Gate::Refuse { reason: format!("The closest passage matches {:.2} by words{meaning}.", measures.words) }
}
