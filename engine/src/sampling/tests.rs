#![expect(clippy::float_cmp, reason = "sums of small integers are exact")]

use super::*;
use proptest::prelude::*;

fn sampler(change: impl FnOnce(&mut Sampling)) -> Sampler {
    let mut sampling = Sampling { temperature: 1.0, ..Sampling::default() };
    change(&mut sampling);
    Sampler::new(&sampling).unwrap()
}

/// The distribution as (id, probability), best first.
fn distribution(sampler: &Sampler, logits: &[f32], history: &[u32]) -> Vec<(u32, f32)> {
    sampler
        .distribution(&mut logits.to_vec(), history, usize::MAX)
        .unwrap()
        .into_iter()
        .map(|candidate| (candidate.id, candidate.probability))
        .collect()
}

fn ids(distribution: &[(u32, f32)]) -> Vec<u32> {
    distribution.iter().map(|(id, _)| *id).collect()
}

/// ln of probabilities: the softmax of these scores is the list itself.
fn scores(probabilities: &[f32]) -> Vec<f32> {
    probabilities.iter().map(|p| p.ln()).collect()
}

#[test]
fn temperature_zero_takes_the_best_and_the_lower_id_of_equals() {
    let mut greedy = sampler(|s| s.temperature = 0.0);
    assert_eq!(greedy.next(&mut [0.0, 3.0, 1.0, 3.0], &[]).unwrap(), 1);
    assert_eq!(distribution(&greedy, &[0.0, 3.0, 1.0], &[]), [(1, 1.0)]);
}

#[test]
fn temperature_one_keeps_and_one_half_squares_the_odds() {
    let logits = scores(&[0.2, 0.8]);
    assert!((distribution(&sampler(|_| ()), &logits, &[])[0].1 - 0.8).abs() < 1e-6);
    let sharp = distribution(&sampler(|s| s.temperature = 0.5), &logits, &[]);
    assert!((sharp[0].1 - 0.64 / 0.68).abs() < 1e-6, "{sharp:?}");
}

#[test]
fn top_k_keeps_the_k_best_and_the_lower_ids_of_equals() {
    let kept = distribution(&sampler(|s| s.top_k = 2), &[1.0, 2.0, 1.0, 1.0], &[]);
    assert_eq!(ids(&kept), [1, 0]);
    assert!((kept.iter().map(|(_, p)| p).sum::<f32>() - 1.0).abs() < 1e-6);
}

#[test]
fn top_p_keeps_the_smallest_set_that_reaches_the_mass() {
    let logits = scores(&[0.1, 0.5, 0.15, 0.25]);
    assert_eq!(ids(&distribution(&sampler(|s| s.top_p = 0.7), &logits, &[])), [1, 3]);
    assert_eq!(ids(&distribution(&sampler(|s| s.top_p = 0.8), &logits, &[])), [1, 3, 2]);
    assert_eq!(ids(&distribution(&sampler(|s| s.top_p = 0.0), &logits, &[])), [1], "never none");
}

#[test]
fn top_p_ranks_beyond_its_first_block() {
    // 1,000 equal tokens: 60 % are the 600 lowest ids.
    let kept = distribution(&sampler(|s| s.top_p = 0.6), &vec![0.5; 1000], &[]);
    assert!((599..=601).contains(&kept.len()), "{}", kept.len());
    assert!(ids(&kept).into_iter().eq(0..kept.len() as u32));
}

#[test]
fn min_p_is_relative_to_the_best() {
    let logits = scores(&[0.5, 0.26, 0.24]);
    assert_eq!(ids(&distribution(&sampler(|s| s.min_p = 0.5), &logits, &[])), [0, 1]);
}

#[test]
fn filters_work_before_temperature() {
    // At temperature 100 all are alike; top-p still sees the original odds.
    let logits = scores(&[0.9, 0.05, 0.05]);
    let kept = distribution(&sampler(|s| (s.temperature, s.top_p) = (100.0, 0.9)), &logits, &[]);
    assert_eq!(ids(&kept), [0]);
}

#[test]
fn frequency_counts_and_presence_does_not() {
    let history = [0, 1, 1];
    let mut logits = [5.0, 5.0, 5.0];
    sampler(|s| s.frequency_penalty = 1.0).distribution(&mut logits, &history, 1).unwrap();
    assert_eq!(logits, [4.0, 3.0, 5.0]);
    let mut logits = [5.0, 5.0, 5.0];
    sampler(|s| s.presence_penalty = 1.0).distribution(&mut logits, &history, 1).unwrap();
    assert_eq!(logits, [4.0, 4.0, 5.0]);
}

#[test]
fn repetition_divides_positive_and_multiplies_negative_scores() {
    let mut logits = [4.0, -4.0, 4.0];
    sampler(|s| s.repetition_penalty = 2.0).distribution(&mut logits, &[0, 1, 1], 1).unwrap();
    assert_eq!(logits, [2.0, -8.0, 4.0]);
}

#[test]
fn penalties_look_at_the_last_n_only() {
    let mut logits = [5.0, 5.0, 5.0];
    let sampler = sampler(|s| (s.presence_penalty, s.repeat_last_n) = (1.0, 1));
    sampler.distribution(&mut logits, &[0, 0, 2], 1).unwrap();
    assert_eq!(logits, [5.0, 5.0, 4.0]);
}

#[test]
fn a_penalized_token_outside_the_vocabulary_is_ignored() {
    let mut logits = [1.0];
    sampler(|s| s.presence_penalty = 1.0).distribution(&mut logits, &[7], 1).unwrap();
    assert_eq!(logits, [1.0]);
}

#[test]
fn scores_that_are_no_numbers_are_an_error() {
    for bad in [f32::NAN, f32::INFINITY] {
        for temperature in [0.0, 1.0] {
            let mut sampler = sampler(|s| s.temperature = temperature);
            assert!(matches!(sampler.next(&mut [0.0, bad], &[]), Err(Error::Sampling { .. })));
        }
    }
    let mut greedy = sampler(|s| s.temperature = 0.0);
    assert!(greedy.next(&mut [f32::NEG_INFINITY; 3], &[]).is_err());
    assert!(greedy.next(&mut [], &[]).is_err());
}

type Change = (&'static str, fn(&mut Sampling));

#[test]
fn settings_out_of_range_are_named() {
    let changes: [Change; 5] = [
        ("temperature", |s| s.temperature = f32::NAN),
        ("temperature", |s| s.temperature = -1.0),
        ("top_p", |s| s.top_p = 1.5),
        ("min_p", |s| s.min_p = -0.1),
        ("repetition_penalty", |s| s.repetition_penalty = 0.0),
    ];
    for (name, change) in changes {
        let mut sampling = Sampling::default();
        change(&mut sampling);
        assert!(Sampler::new(&sampling).unwrap_err().to_string().contains(name));
    }
}

#[test]
fn draws_follow_the_distribution() {
    let mut sampler = sampler(|s| s.seed = 7);
    let logits = scores(&[0.1, 0.6, 0.3]);
    let mut seen = [0u32; 3];
    for _ in 0..20_000 {
        seen[sampler.next(&mut logits.clone(), &[]).unwrap() as usize] += 1;
    }
    // Five standard deviations of a binomial with n = 20,000 are below 0.018.
    for (count, expected) in seen.iter().zip([0.1, 0.6, 0.3]) {
        assert!((f64::from(*count) / 20_000.0 - expected).abs() < 0.018, "{seen:?}");
    }
}

proptest! {
    #[test]
    fn a_masked_token_never_comes_and_a_seed_decides(
        logits in proptest::collection::vec(prop_oneof![3 => (-20f32..20.0).boxed(), 1 => Just(f32::NEG_INFINITY).boxed()], 2..200),
        temperature in 0f32..3.0, top_k in 0usize..50, top_p in 0f32..=1.0, min_p in 0f32..0.9, seed: u64,
        history in proptest::collection::vec(0u32..200, 0..20),
    ) {
        prop_assume!(logits.iter().any(|logit| logit.is_finite()));
        let make = || sampler(|s| {
            (s.temperature, s.top_k, s.top_p, s.min_p, s.seed) = (temperature, top_k, top_p, min_p, seed);
            (s.repetition_penalty, s.frequency_penalty) = (1.3, 0.5);
        });
        let (mut a, mut b) = (make(), make());
        for _ in 0..5 {
            let allowed = ids(&distribution(&a, &logits, &history));
            let token = a.next(&mut logits.clone(), &history).unwrap();
            prop_assert_eq!(token, b.next(&mut logits.clone(), &history).unwrap());
            prop_assert!(logits[token as usize].is_finite());
            prop_assert!(allowed.contains(&token));
            if top_k > 0 { prop_assert!(allowed.len() <= top_k); }
        }
    }

    #[test]
    fn probabilities_are_sorted_and_sum_to_one(
        logits in proptest::collection::vec(-20f32..20.0, 1..300), top_k in 0usize..50, top_p in 0.01f32..=1.0,
    ) {
        let kept = distribution(&sampler(|s| (s.top_k, s.top_p) = (top_k, top_p)), &logits, &[]);
        prop_assert!((kept.iter().map(|(_, p)| f64::from(*p)).sum::<f64>() - 1.0).abs() < 1e-4);
        prop_assert!(kept.windows(2).all(|pair| pair[0].1 >= pair[1].1));
    }
}

#[test]
fn a_bias_lifts_and_forbids_tokens() {
    let with = |logit_bias: Vec<(u32, f32)>| {
        let mut sampler = Sampler::new(&Sampling { logit_bias, ..Sampling::default() }).unwrap();
        sampler.next(&mut [1.0, 3.0, 2.0], &[]).unwrap()
    };
    assert_eq!(with(Vec::new()), 1);
    assert_eq!(with(vec![(0, 2.5), (99, 1.0)]), 0);
    assert_eq!(with(vec![(1, f32::NEG_INFINITY)]), 2);
    for bias in [f32::NAN, f32::INFINITY] {
        assert!(Sampler::new(&Sampling { logit_bias: vec![(0, bias)], ..Sampling::default() }).is_err());
    }
}
