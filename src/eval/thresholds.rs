//! What other thresholds of the gate would do with the same questions.

use serde::Serialize;

/// What a threshold does.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Rates {
    /// The least probability that is answered.
    pub threshold: f32,
    /// Share of the answerable questions that are refused.
    pub false_refusals: f64,
    /// Share of the others that are answered.
    pub false_answers: f64,
}

/// The rates of twenty thresholds, by the probabilities of questions with an answer and without.
pub fn rates(answerable: &[f32], others: &[f32]) -> Vec<Rates> {
    (0..20u8)
        .map(|step| {
            let threshold = f32::from(step) * 0.05;
            let below =
                |all: &[f32]| all.iter().filter(|one| **one < threshold).count() as f64 / all.len().max(1) as f64;
            Rates { threshold, false_refusals: below(answerable), false_answers: 1.0 - below(others) }
        })
        .collect()
}

/// The threshold with the least sum of both errors, where it is clearly better than `now`.
pub fn advice(rates: &[Rates], now: f32) -> Option<Rates> {
    let sum = |rates: &Rates| rates.false_refusals + rates.false_answers;
    let current = rates.iter().rfind(|rates| rates.threshold <= now + 1e-6)?;
    let best = rates.iter().min_by(|a, b| sum(a).total_cmp(&sum(b)))?;
    (sum(best) + 0.05 < sum(current)).then_some(*best)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_threshold_between_the_two_kinds_is_advised_and_a_good_one_left_alone() {
        let (answerable, others) = ([0.6, 0.7, 0.8, 0.9], [0.05, 0.1, 0.2, 0.2]);
        let rates = rates(&answerable, &others);
        let best = advice(&rates, 0.75).unwrap();
        assert!((0.2..=0.6).contains(&best.threshold) && best.false_refusals == 0.0 && best.false_answers == 0.0);
        assert_eq!(advice(&rates, 0.31), None);
        assert!(rates.windows(2).all(|pair| pair[0].false_refusals <= pair[1].false_refusals));
    }
}
