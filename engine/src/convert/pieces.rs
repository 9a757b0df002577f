//! Merges of a SentencePiece vocabulary → scores.
//!
//! transformers made the merges from the scores of `tokenizer.model`: for every piece each way to put it together from two
//! others, the pieces with the best scores first (`generate_merges` of `convert_slow_tokenizer.py`). This is the way back. Only
//! the order of scores counts, so the place of a piece among the merges is as good as its score.
//!
//! llama.cpp gives all pieces of such files one score (`LlamaHfVocab`), which cuts text otherwise than the model was trained on.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use crate::error::{Error, shown};

/// Characters of a piece at most. SentencePiece trains pieces of 16 unless told otherwise; the bound keeps the search for halves
/// short.
const LONGEST: usize = 256;

/// The score of every piece that merges lead to, the first best. `ordinary` are the pieces that come out of text.
///
/// Fails where merges do not say the same as scores would: a piece with two places among them, or one that two neighbors make
/// up without a merge.
pub(super) fn scores<'a>(
    path: &Path,
    ordinary: &HashSet<&'a str>,
    merges: &[(&'a str, &'a str)],
) -> Result<HashMap<&'a str, f32>, Error> {
    let invalid = |reason: String| Error::invalid(path, "model.merges", reason);
    let mut scores: HashMap<&'a str, f32> = HashMap::new();
    let (mut known, mut last) = (HashSet::new(), None);
    for (left, right) in merges {
        let Some(piece) = ordinary.get([*left, *right].concat().as_str()).copied() else { continue };
        if !ordinary.contains(left) || !ordinary.contains(right) {
            continue;
        }
        known.insert((*left, *right));
        if last == Some(piece) {
            continue;
        }
        last = Some(piece);
        let score = -(scores.len() as f32);
        // Runs of spaces have one score in Llama's vocabulary, and their merges lie mixed. Among equals the leftmost pair is joined
        // first, by scores and by merges alike, until the longest piece is reached; `probe` compares such runs.
        if scores.contains_key(piece) && !is_run(piece) {
            return Err(invalid(format!("the piece {} has two places, which no score can say", shown(piece))));
        }
        scores.entry(piece).or_insert(score);
    }
    for piece in ordinary {
        if piece.chars().nth(LONGEST).is_some() {
            return Err(invalid(format!("the piece {} has more than {LONGEST} characters", shown(piece))));
        }
        for (at, _) in piece.char_indices().skip(1) {
            let (left, right) = piece.split_at(at);
            if ordinary.contains(left) && ordinary.contains(right) && !known.contains(&(left, right)) {
                let parts = format!("{} and {}", shown(left), shown(right));
                return Err(invalid(format!("{parts} make a piece without a merge, which no score can say")));
            }
        }
    }
    Ok(scores)
}

/// One character over and over.
fn is_run(piece: &str) -> bool {
    let mut characters = piece.chars();
    let first = characters.next();
    characters.all(|character| Some(character) == first)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(pieces: &[&'static str], merges: &[(&'static str, &'static str)]) -> Result<Vec<&'static str>, Error> {
        let scores = scores(Path::new("tokenizer.json"), &pieces.iter().copied().collect(), merges)?;
        let mut order: Vec<_> = scores.into_iter().collect();
        order.sort_by(|a, b| b.1.total_cmp(&a.1));
        Ok(order.into_iter().map(|(piece, _)| piece).collect())
    }

    #[test]
    fn the_place_of_a_piece_among_the_merges_is_its_score() {
        let pieces = ["a", "b", "c", "ab", "bc", "abc"];
        let merges = [("b", "c"), ("a", "b"), ("a", "bc"), ("ab", "c")];
        assert_eq!(order(&pieces, &merges).unwrap(), ["bc", "ab", "abc"]);
    }

    #[test]
    fn merges_of_or_into_other_tokens_do_not_count() {
        let merges = [("a", "x"), ("a", "b"), ("<", "s>")];
        assert_eq!(order(&["a", "b", "ab", "ax", "<s>"], &merges).unwrap(), ["ab"]);
    }

    #[test]
    fn merges_that_no_scores_can_say_are_errors() {
        let twice = [("a", "bc"), ("b", "c"), ("ab", "c"), ("a", "b")];
        let error = order(&["a", "b", "c", "ab", "bc", "abc"], &twice).unwrap_err().to_string();
        assert!(error.contains("abc has two places"), "{error}");
        let error = order(&["a", "b", "c", "ab", "bc"], &[("a", "b")]).unwrap_err().to_string();
        assert!(error.contains("b and c make a piece without a merge"), "{error}");
        let runs = [("▁▁▁", "▁"), ("▁▁", "▁▁"), ("▁▁", "▁"), ("▁", "▁▁▁"), ("▁", "▁▁"), ("▁", "▁")];
        assert_eq!(order(&["▁", "▁▁", "▁▁▁", "▁▁▁▁"], &runs).unwrap(), ["▁▁▁▁", "▁▁▁", "▁▁"]);
    }
}
