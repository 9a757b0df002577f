//! Refuse before a model is called: what search and reader say about whether the documents hold the answer.
//!
//! All measures are free of the folder's scale: the lexical share (BM25 of the best passage over the sum of the question's
//! idf), the cosine of the best passage, and the score of the reader's best span over "there is no answer". Together they give a
//! probability ([`Measures::probability`]), and a question is refused below a threshold.
//!
//! Fitted on half of the `SQuAD` 2 questions over a folder of 397 paragraphs: where one answerable question of ten is refused, 99 % of those
//! about articles that are not in the folder are, and a third of those that only *look* answerable, which no score of a search can tell
//! (AUROC 0.56–0.58; the reader's 0.69).
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
}

impl Measures {
    /// The best figures among what was found and what was read.
    pub(super) fn of(hits: &[Hit], sources: &[Source]) -> Self {
        let most = |figures: &mut dyn Iterator<Item = f32>| figures.reduce(f32::max);
        let readings = || sources.iter().filter_map(|source| source.reading);
        Self {
            words: most(&mut hits.iter().map(|hit| hit.lexical_share)).unwrap_or(0.0),
            meaning: most(&mut hits.iter().filter_map(|hit| hit.cosine)),
            answerable: most(&mut readings().map(|reading| reading.answerable)),
            span: most(&mut readings().map(|reading| reading.span_score)),
        }
    }
}

impl Measures {
    /// The probability that the documents hold the answer, where the reader had its say: a logistic regression.
    pub fn probability(&self) -> Option<f32> {
        let span = self.span?;
        // Without vectors: what answerable questions and others have between them.
        let meaning = self.meaning.unwrap_or(0.55);
        let log_odds = 0.10 * span + 0.30 * self.words.min(2.5) + 4.6 * meaning - 1.9;
        Some(1.0 / (1.0 + (-log_odds).exp()))
    }
}

/// Decides by the best figures among what was found.
pub(super) fn gate(measures: &Measures, found_any: bool, thresholds: Thresholds) -> Gate {
    if !found_any {
        return Gate::Refuse { reason: "Nothing in your documents matches the question.".into() };
    }
    if let Some(probability) = measures.probability() {
        if probability >= thresholds.answerable {
            return Gate::Go;
        }
        let percent = (100.0 * probability).round();
        return Gate::Refuse { reason: format!("No passage answers it for certain: {percent} % for the best one.") };
    }
    let Measures { words: lexical, meaning: cosine, .. } = *measures;
    // Without vectors the words alone decide.
    let words = lexical / thresholds.lexical;
    let fit = cosine.map_or(words, |cosine| f32::midpoint(words, cosine / thresholds.cosine));
    if thresholds.lexical <= 0.0 || thresholds.cosine <= 0.0 || fit >= 1.0 {
        return Gate::Go;
    }
    let meaning = cosine.map(|cosine| format!(", {cosine:.2} by meaning")).unwrap_or_default();
    Gate::Refuse { reason: format!("The closest passage matches {lexical:.2} by words{meaning}.") }
}
