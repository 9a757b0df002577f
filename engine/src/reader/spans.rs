//! Which stretches are the likeliest answers.

use std::ops::RangeInclusive;

use super::AnswerSpan;

/// Tokens of the longest answer.
const LONGEST: usize = 30;
/// Answers that are kept of a passage.
const KEPT: usize = 5;
/// Candidates from which those are chosen that do not overlap.
const CONSIDERED: usize = 64;

/// The best stretches of tokens by the sum of their start's and their end's logits, best first, none overlapping another.
pub(super) fn of_tokens(logits: &[[f32; 2]]) -> Vec<(RangeInclusive<usize>, f32)> {
    let mut candidates: Vec<(RangeInclusive<usize>, f32)> = Vec::new();
    for (start, [begins, _]) in logits.iter().enumerate() {
        for (offset, [_, ends]) in logits[start..].iter().take(LONGEST).enumerate() {
            candidates.push((start..=start + offset, begins + ends));
        }
    }
    let by_score = |a: &(RangeInclusive<usize>, f32), b: &(RangeInclusive<usize>, f32)| {
        b.1.total_cmp(&a.1).then_with(|| a.0.start().cmp(b.0.start())).then_with(|| a.0.end().cmp(b.0.end()))
    };
    if candidates.len() > CONSIDERED {
        candidates.select_nth_unstable_by(CONSIDERED, by_score);
        candidates.truncate(CONSIDERED);
    }
    candidates.sort_by(by_score);
    let mut kept: Vec<(RangeInclusive<usize>, f32)> = Vec::new();
    for (range, score) in candidates {
        if kept.len() < KEPT && kept.iter().all(|(other, _)| range.end() < other.start() || other.end() < range.start())
        {
            kept.push((range, score));
        }
    }
    kept
}

/// The best of several windows' spans.
pub(super) fn best(mut spans: Vec<AnswerSpan>) -> Vec<AnswerSpan> {
    spans.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.start.cmp(&b.start)).then(a.end.cmp(&b.end)));
    let mut kept: Vec<AnswerSpan> = Vec::new();
    for span in spans {
        if kept.len() < KEPT && kept.iter().all(|other| span.end <= other.start || other.end <= span.start) {
            kept.push(span);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_best_stretch_comes_first_and_none_overlaps() {
        let mut logits = [[0.0, 0.0]; 10];
        logits[2][0] = 5.0;
        logits[3][1] = 5.0;
        logits[7] = [3.0, 3.0];
        let spans = of_tokens(&logits);
        assert_eq!(spans[0], (2..=3, 10.0));
        assert_eq!(spans[1], (7..=7, 6.0));
        assert!(spans.len() <= KEPT);
    }

    proptest! {
        #[test]
        fn spans_obey_their_laws(logits in proptest::collection::vec((-9f32..9.0, -9f32..9.0), 0..80)) {
            let logits: Vec<[f32; 2]> = logits.into_iter().map(|(a, b)| [a, b]).collect();
            let spans = of_tokens(&logits);
            prop_assert_eq!(spans.is_empty(), logits.is_empty());
            let best = (0..logits.len())
                .flat_map(|a| (a..logits.len().min(a + LONGEST)).map(move |b| (a, b)))
                .map(|(a, b)| logits[a][0] + logits[b][1])
                .fold(f32::NEG_INFINITY, f32::max);
            prop_assert!(spans.first().is_none_or(|(_, score)| score.to_bits() == best.to_bits()));
            for (at, (range, _)) in spans.iter().enumerate() {
                prop_assert!(range.start() <= range.end() && range.end() - range.start() < LONGEST);
                for (other, _) in &spans[..at] {
                    prop_assert!(range.end() < other.start() || other.end() < range.start());
                }
            }
        }
    }
}
