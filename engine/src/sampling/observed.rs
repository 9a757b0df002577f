//! What a step of an answer was chosen from, kept so that the choice can be made again under other settings without the model.
//!
//! Kept are the best tokens alone and the logarithm of the sum over all of them: the mass of the rest is known exactly, how it is
//! shared is not. Where a result would depend on that, it says so ([`Shaped::is_exact`]).

use super::{Sampling, Scored, TokenScore, keep_best, occurrences, penalized};

/// One step: the chosen token, the best ones, and what all weighed together.
#[derive(Clone, Debug, PartialEq)]
pub struct Observed {
    /// The token that was chosen.
    pub chosen: TokenScore,
    /// The most probable tokens by the model itself, best first.
    pub best: Vec<TokenScore>,
    /// Logarithm of the sum of the exponentials of all scores: a token's raw score is its `logprob` plus this.
    pub total: f32,
    /// Tokens that the model knows.
    pub vocabulary: usize,
}

/// A token under some settings.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Choice {
    /// The token.
    pub id: u32,
    /// Its probability after all steps; 0 where a filter removed it.
    pub probability: f32,
    /// No filter removed it.
    pub is_kept: bool,
}

/// The distribution of one step under some settings.
#[derive(Clone, Debug, PartialEq)]
pub struct Shaped {
    /// The kept candidates, best first after penalties.
    pub choices: Vec<Choice>,
    /// Probability of all tokens that are not among the candidates.
    pub rest: f32,
    /// How many of those may still be drawn.
    pub rest_tokens: usize,
    /// Whether the filters' cut and all probabilities are those of the sampler itself. Otherwise `rest` is the most that it can be.
    pub is_exact: bool,
}

impl Observed {
    /// What [`super::Sampler::distribution`] makes of this step under `sampling`, after `history`.
    pub fn shaped(&self, sampling: &Sampling, history: &[u32]) -> Shaped {
        let seen = occurrences(history, sampling.repeat_last_n);
        let mut total = 1.0_f64;
        let mut candidates: Vec<Scored> = Vec::with_capacity(self.best.len());
        for token in &self.best {
            let raw = token.logprob + self.total;
            let count = seen.iter().find(|(id, _)| *id == token.id).map_or(0, |(_, count)| *count);
            let logit = penalized(sampling, raw, count);
            total += f64::from(logit - self.total).exp() - f64::from(token.logprob).exp();
            candidates.push(Scored { id: token.id, logit, weight: 0.0 });
        }
        let others = self.vocabulary.saturating_sub(candidates.len());
        // A penalty may have put one of them behind tokens that are not known.
        let least = self.best.last().map_or(f32::NEG_INFINITY, |last| last.logprob + self.total);
        let is_ranked = others == 0 || candidates.iter().all(|candidate| candidate.logit >= least);
        let kept = candidates.len();
        keep_best(&mut candidates, kept);
        let Some(best) = candidates.first().copied() else {
            return Shaped { choices: Vec::new(), rest: 1.0, rest_tokens: others, is_exact: false };
        };
        if sampling.temperature == 0.0 {
            let choices = candidates.iter().enumerate().map(|(place, candidate)| Choice {
                id: candidate.id,
                probability: if place == 0 { 1.0 } else { 0.0 },
                is_kept: place == 0,
            });
            let is_exact = others == 0 || best.logit >= least;
            return Shaped { choices: choices.collect(), rest: 0.0, rest_tokens: 0, is_exact };
        }
        // All weights are relative to the best token's, as the sampler's are.
        let scale = f64::from(best.logit - self.total).exp();
        for candidate in &mut candidates {
            candidate.weight = f64::from(candidate.logit - best.logit).exp();
        }
        let known: f64 = candidates.iter().map(|candidate| candidate.weight).sum();
        let mut rest = if others == 0 { 0.0 } else { (total / scale - known).max(0.0) };
        let cut = self.cut(sampling, &candidates, &mut rest, others);
        let temper = |weight: f64| (weight.ln() / f64::from(sampling.temperature)).exp();
        let tempered: Vec<f64> = candidates[..cut.kept].iter().map(|candidate| temper(candidate.weight)).collect();
        let least = candidates.last().map_or(1.0, |last| last.weight);
        let rest = tempered_rest(rest, cut.others, least, f64::from(sampling.temperature));
        let sum = tempered.iter().sum::<f64>() + rest;
        let choices = candidates.iter().enumerate().map(|(place, candidate)| Choice {
            id: candidate.id,
            probability: tempered.get(place).map_or(0.0, |weight| (weight / sum) as f32),
            is_kept: place < cut.kept,
        });
        #[expect(clippy::float_cmp, reason = "the exact value that means off")]
        let is_plain = sampling.temperature == 1.0;
        Shaped {
            choices: choices.collect(),
            rest: (rest / sum) as f32,
            rest_tokens: cut.others,
            is_exact: is_ranked && cut.is_exact && (cut.others == 0 || is_plain),
        }
    }

    /// Where top-k, top-p and min-p cut, in that order. `rest` is what the unknown tokens weigh, and becomes what is left of it.
    fn cut(&self, sampling: &Sampling, candidates: &[Scored], rest: &mut f64, others: usize) -> Cut {
        let mut cut = Cut { kept: candidates.len(), others, is_exact: true };
        let drop_rest = |cut: &mut Cut, rest: &mut f64| (cut.others, *rest) = (0, 0.0);
        if sampling.top_k > 0 {
            if sampling.top_k <= candidates.len() {
                cut.kept = sampling.top_k;
                drop_rest(&mut cut, rest);
            } else if sampling.top_k < self.vocabulary {
                cut.others = sampling.top_k - candidates.len();
                cut.is_exact = false;
            }
        }
        if sampling.top_p < 1.0 {
            let all = candidates[..cut.kept].iter().map(|candidate| candidate.weight).sum::<f64>() + *rest;
            let wanted = f64::from(sampling.top_p) * all;
            let mut reached = 0.0;
            let place = candidates[..cut.kept].iter().position(|candidate| {
                reached += candidate.weight;
                reached >= wanted
            });
            match place {
                Some(place) => {
                    cut.kept = place + 1;
                    drop_rest(&mut cut, rest);
                }
                // The cut lies among tokens that are not known.
                None if cut.others > 0 => cut.is_exact = false,
                None => {}
            }
        }
        if sampling.min_p > 0.0 {
            let least = f64::from(sampling.min_p);
            let within = candidates[..cut.kept].iter().take_while(|candidate| candidate.weight >= least).count();
            if within < cut.kept {
                cut.kept = within;
                drop_rest(&mut cut, rest);
            } else if cut.others > 0 {
                cut.is_exact = false;
            }
        }
        cut
    }
}

/// What the filters left.
struct Cut {
    kept: usize,
    others: usize,
    is_exact: bool,
}

/// The most that `count` tokens can weigh at a temperature which weigh `mass` without one, each at most `least`.
fn tempered_rest(mass: f64, count: usize, least: f64, temperature: f64) -> f64 {
    if count == 0 || mass <= 0.0 {
        return 0.0;
    }
    if temperature <= 1.0 {
        // The sharper, the more the largest of them counts.
        return mass * least.powf(1.0 / temperature - 1.0);
    }
    // A concave power is largest where all weigh the same.
    let count = count as f64;
    count * (mass / count).powf(1.0 / temperature)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{Distribution, Sampler};
    use super::*;

    fn observed(logits: &[f32], count: usize) -> Observed {
        let distribution = Distribution::new(logits);
        distribution.observed(0, count)
    }

    fn settings() -> impl Strategy<Value = Sampling> {
        (
            prop_oneof![Just(0.0_f32), Just(1.0), 0.1_f32..3.0],
            0_usize..20,
            prop_oneof![Just(1.0_f32), 0.05_f32..1.0],
            prop_oneof![Just(0.0_f32), 0.001_f32..0.5],
            prop_oneof![Just(1.0_f32), 0.8_f32..1.5],
            prop_oneof![Just(0.0_f32), -0.5_f32..1.0],
        )
            .prop_map(|(temperature, top_k, top_p, min_p, repetition_penalty, frequency_penalty)| Sampling {
                temperature,
                top_k,
                top_p,
                min_p,
                frequency_penalty,
                repetition_penalty,
                ..Sampling::default()
            })
    }

    proptest! {
        #[test]
        fn with_all_tokens_kept_it_is_what_the_sampler_draws_from(
            logits in proptest::collection::vec(-8f32..8.0, 1..60),
            history in proptest::collection::vec(0u32..60, 0..12),
            sampling in settings(),
        ) {
            let shaped = observed(&logits, logits.len()).shaped(&sampling, &history);
            let expected = Sampler::new(&sampling).unwrap().distribution(&mut logits.clone(), &history, logits.len()).unwrap();
            prop_assert!(shaped.is_exact);
            // Sums in another order may put a tie of the last kept token elsewhere by one.
            let kept: Vec<Choice> = shaped.choices.iter().copied().filter(|choice| choice.is_kept).collect();
            prop_assert!(kept.len().abs_diff(expected.len()) <= 1, "{kept:?} {expected:?}");
            if kept.len() == expected.len() {
                for (ours, theirs) in kept.iter().zip(&expected) {
                    prop_assert!((ours.probability - theirs.probability).abs() < 1e-4, "{kept:?} {expected:?}");
                }
            }
        }

        #[test]
        fn with_some_tokens_kept_what_is_called_exact_is_and_the_rest_is_never_too_small(
            logits in proptest::collection::vec(-8f32..8.0, 12..60),
            history in proptest::collection::vec(0u32..60, 0..12),
            sampling in settings(),
        ) {
            let shaped = observed(&logits, 10).shaped(&sampling, &history);
            let expected =
                Sampler::new(&sampling).unwrap().distribution(&mut logits.clone(), &history, logits.len()).unwrap();
            let sum: f32 = shaped.choices.iter().map(|choice| choice.probability).sum::<f32>() + shaped.rest;
            prop_assert!((sum - 1.0).abs() < 1e-4);
            let kept: Vec<Choice> = shaped.choices.iter().copied().filter(|choice| choice.is_kept).collect();
            for (ours, theirs) in kept.iter().zip(&expected) {
                let difference = theirs.probability - ours.probability;
                if shaped.is_exact && kept.len() + shaped.rest_tokens == expected.len() {
                    prop_assert!(difference.abs() < 1e-4, "{shaped:?} {expected:?}");
                } else if shaped.rest_tokens > 0 {
                    prop_assert!(difference > -1e-4, "a rest that is too large makes the others too small: {shaped:?} {expected:?}");
                }
            }
        }
    }

    #[test]
    fn a_lower_top_p_moves_the_cut_up_and_a_penalty_moves_a_token_down() {
        let step = observed(&[2.0, 1.0, 0.0, -1.0], 4);
        let kept = |sampling: &Sampling| {
            step.shaped(sampling, &[0])
                .choices
                .iter()
                .filter(|choice| choice.is_kept)
                .map(|choice| choice.id)
                .collect::<Vec<_>>()
        };
        let plain = Sampling { temperature: 1.0, ..Sampling::default() };
        assert_eq!(kept(&plain), [0, 1, 2, 3]);
        assert_eq!(kept(&Sampling { top_p: 0.8, ..plain.clone() }), [0, 1]);
        assert_eq!(kept(&Sampling { top_p: 0.5, ..plain.clone() }), [0]);
        assert_eq!(kept(&Sampling { presence_penalty: 1.5, top_k: 2, ..plain }), [1, 0]);
    }
}
