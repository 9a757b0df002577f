//! Refuse before a model is called: what the search says about whether the documents can hold the answer.
//!
//! Both measures are free of the folder's scale. The lexical share (BM25 of the best passage over the sum of the
//! question's idf) separates answerable from off-topic questions with AUROC 0.965 on `SQuAD` 2; the cosine rescues
//! questions that share no words with their answer. A question that only *looks* answerable passes here: no score of the
//! search can tell (AUROC 0.56–0.58), the check of the finished answer must.

use tanya_index::Hit;

use super::event::Gate;

/// The thresholds; a question is refused when it stays below both.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Thresholds {
    /// Least lexical share of the best passage.
    pub lexical: f32,
    /// Least cosine of the best passage.
    pub cosine: f32,
}

/// Decides by the best figures among `hits`.
pub(super) fn gate(hits: &[Hit], thresholds: Thresholds) -> Gate {
    if hits.is_empty() {
        return Gate::Refuse { reason: "Nothing in your documents matches the question.".into() };
    }
    let lexical = hits.iter().map(|hit| hit.lexical_share).fold(0.0, f32::max);
    let cosine =
        hits.iter().filter_map(|hit| hit.cosine).fold(None, |best: Option<f32>, c| Some(best.map_or(c, |b| b.max(c))));
    // Without vectors the words alone decide; with them either suffices.
    let fits = lexical >= thresholds.lexical || cosine.is_some_and(|cosine| cosine >= thresholds.cosine);
    if fits {
        return Gate::Go;
    }
    let meaning = cosine.map(|cosine| format!(", {cosine:.2} by meaning")).unwrap_or_default();
    Gate::Refuse {
        reason: format!("Not in your documents: the closest passage matches {lexical:.2} by words{meaning}."),
    }
}
