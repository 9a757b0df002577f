//! How probable tokens were by the model itself, before penalties, bias and temperature.

use super::{Observed, Scored, keep_best};

/// A token and the logarithm of its probability.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TokenScore {
    /// The token.
    pub id: u32,
    /// Natural logarithm of the probability that the model gave it.
    pub logprob: f32,
}

/// The logarithms of the probabilities of all tokens, up to one constant.
pub(crate) struct Distribution<'a> {
    scores: &'a [f32],
    /// Logarithm of the sum of all exponentials.
    total: f64,
}

impl<'a> Distribution<'a> {
    pub(crate) fn new(scores: &'a [f32]) -> Self {
        let most = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let sum: f64 = scores.iter().map(|score| f64::from(score - most).exp()).sum();
        Self { scores, total: f64::from(most) + sum.ln() }
    }

    /// How probable `id` was; −∞ for a token that the model does not know.
    pub(crate) fn of(&self, id: u32) -> TokenScore {
        let score = self.scores.get(id as usize).copied().unwrap_or(f32::NEG_INFINITY);
        TokenScore { id, logprob: (f64::from(score) - self.total) as f32 }
    }

    /// The `count` most probable tokens, best first. One pass: few tokens ever reach a head that is this short.
    pub(crate) fn top(&self, count: usize) -> Vec<TokenScore> {
        let count = count.min(self.scores.len());
        let room = count.saturating_mul(2).max(64);
        let mut head: Vec<Scored> = Vec::with_capacity(room);
        let mut least = f32::NEG_INFINITY;
        for (id, logit) in (0u32..).zip(self.scores.iter().copied()) {
            if logit > least || head.len() < count {
                head.push(Scored { id, logit, weight: 0.0 });
                if head.len() == room {
                    keep_best(&mut head, count);
                    least = head.last().map_or(least, |last| last.logit);
                }
            }
        }
        keep_best(&mut head, count);
        head.iter().map(|candidate| self.of(candidate.id)).collect()
    }

    /// The step in which `chosen` came, with the `count` most probable tokens.
    pub(crate) fn observed(&self, chosen: u32, count: usize) -> Observed {
        Observed {
            chosen: self.of(chosen),
            best: self.top(count),
            total: self.total as f32,
            vocabulary: self.scores.len(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logarithms_are_those_of_softmax_and_the_best_come_first() {
        let scores = [1.0, 3.0, 2.0, 3.0, f32::NEG_INFINITY];
        let distribution = Distribution::new(&scores);
        let sum: f64 = scores.iter().map(|score| f64::from(*score).exp()).sum();
        for (id, score) in (0..).zip(scores) {
            let expected = (f64::from(score).exp() / sum).ln() as f32;
            let ours = distribution.of(id).logprob;
            assert!(ours.total_cmp(&expected).is_eq() || (ours - expected).abs() < 1e-6, "{id}: {ours} {expected}");
        }
        let top: Vec<u32> = distribution.top(3).iter().map(|token| token.id).collect();
        assert_eq!(top, [1, 3, 2]);
        let many: Vec<f32> = (0..1000u32).map(|id| (id * 7919 % 997) as f32 / 50.0).collect();
        let all = Distribution::new(&many);
        assert_eq!(all.top(5), all.top(1000)[..5]);
        assert_eq!(distribution.top(99).len(), 5);
        assert!(distribution.of(99).logprob.is_infinite());
    }
}
