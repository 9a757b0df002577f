//! What profiles cost and what they give, on the same questions. Pure.

use serde::Serialize;

use super::metrics::{Share, Shares};
use super::report::{Difference, Figure, compare, figures};

/// The middle and the slow end of some times, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Spread {
    /// Half of the questions took at most this.
    pub p50: f64,
    /// 95 % of them did.
    pub p95: f64,
}

impl Spread {
    /// Percentiles by the nearest rank; nothing of no times.
    pub fn of(mut times: Vec<f64>) -> Option<Self> {
        times.sort_by(f64::total_cmp);
        // Rounded up: the least time that at least this share of all does not exceed.
        let rank = |percent: usize| times.get((times.len() * percent).div_ceil(100).max(1) - 1).copied();
        Some(Self { p50: rank(50)?, p95: rank(95)? })
    }
}

/// What one question took, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Times {
    /// Until the passages were shown.
    pub evidence: f64,
    /// Until the first words of an answer; `None` of a refusal.
    pub first_token: Option<f64>,
    /// Altogether.
    pub total: f64,
}

/// A profile over all questions.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// The profile's name.
    pub profile: String,
    /// Until the passages were shown.
    pub ms_evidence: Option<Spread>,
    /// Until the first words, of the questions that were answered.
    pub ms_first_token: Option<Spread>,
    /// Altogether.
    pub ms_total: Option<Spread>,
    /// The share of questions that got what they should: a right answer, or a refusal where there is none.
    pub right: Option<Figure>,
    /// What its answers are worth.
    pub figures: Vec<Figure>,
}

/// The name of the figure that profiles are compared by.
const RIGHT: &str = "right or rightly refused";

/// A profile with what each question took, was worth, and whether it got what it should; the questions are the same for every profile.
#[derive(Debug, Clone)]
pub struct Tried {
    /// The profile's name.
    pub profile: String,
    /// A question each.
    pub times: Vec<Times>,
    /// A question each.
    pub shares: Vec<Shares>,
    /// A question each; `None` where that is not known.
    pub right: Vec<Option<bool>>,
}

impl Tried {
    fn right_shares(&self) -> Vec<Shares> {
        let share = |right: &Option<bool>| match right {
            Some(right) => vec![(RIGHT, Share { of: f64::from(u8::from(*right)), all: 1.0 })],
            None => Shares::new(),
        };
        self.right.iter().map(share).collect()
    }

    /// Its row of the table.
    pub fn row(&self) -> Row {
        let spread = |of: &dyn Fn(&Times) -> Option<f64>| Spread::of(self.times.iter().filter_map(of).collect());
        Row {
            profile: self.profile.clone(),
            ms_evidence: spread(&|times| Some(times.evidence)),
            ms_first_token: spread(&|times| times.first_token),
            ms_total: spread(&|times| Some(times.total)),
            right: figures(&self.right_shares()).pop(),
            figures: figures(&self.shares),
        }
    }
}

/// The fastest profile (by the median of the total) than which no other gives more right answers beyond chance; `None` where no
/// answers are known.
pub fn fastest_good(tried: &[Tried]) -> Option<&Tried> {
    let median = |one: &Tried| Spread::of(one.times.iter().map(|times| times.total).collect()).map(|spread| spread.p50);
    let is_beaten = |one: &Tried| {
        tried.iter().any(|other| {
            let difference = compare(&one.right_shares(), &other.right_shares()).pop();
            difference.is_some_and(|Difference { interval: (low, _), .. }| low > 0.0)
        })
    };
    let good = tried.iter().filter(|one| one.right.iter().any(Option::is_some) && !is_beaten(one));
    good.filter_map(|one| Some((median(one)?, one))).min_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, one)| one)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tried(profile: &str, ms: f64, right: &[bool]) -> Tried {
        let times = right.iter().map(|_| Times { evidence: ms / 2.0, first_token: Some(ms), total: ms }).collect();
        let right: Vec<Option<bool>> = right.iter().copied().map(Some).collect();
        Tried { profile: profile.into(), times, shares: vec![Shares::new(); right.len()], right }
    }

    #[test]
    fn percentiles_are_times_that_were_measured() {
        let times: Vec<f64> = (1..=20).rev().map(f64::from).collect();
        assert_eq!(Spread::of(times), Some(Spread { p50: 10.0, p95: 19.0 }));
        assert_eq!(Spread::of(vec![7.0]), Some(Spread { p50: 7.0, p95: 7.0 }));
        assert_eq!(Spread::of(Vec::new()), None);
    }

    #[test]
    fn the_fastest_profile_is_recommended_unless_another_is_clearly_better() {
        let half: Vec<bool> = (0..60).map(|at| at % 2 == 0).collect();
        let one_more: Vec<bool> = half.iter().enumerate().map(|(at, right)| *right || at == 1).collect();
        let all = [true; 60];
        let name = |tried: &[Tried]| fastest_good(tried).map(|one| one.profile.clone());
        let slow = |right: &[bool]| [tried("quality", 300.0, right), tried("fast", 100.0, &half)];
        assert_eq!(name(&slow(&one_more)).as_deref(), Some("fast"), "one question may be chance");
        assert_eq!(name(&slow(&all)).as_deref(), Some("quality"));
        let unknown = Tried { right: vec![None; 60], ..tried("fast", 1.0, &half) };
        assert_eq!(name(&[unknown]), None);
    }

    #[test]
    fn a_row_counts_first_words_only_where_there_were_some() {
        let mut one = tried("fast", 100.0, &[true, false]);
        one.times[1].first_token = None;
        one.times[1].total = 900.0;
        let row = one.row();
        assert_eq!(row.ms_first_token, Some(Spread { p50: 100.0, p95: 100.0 }));
        assert_eq!(row.ms_total, Some(Spread { p50: 100.0, p95: 900.0 }));
        assert!((row.right.unwrap().value - 0.5).abs() < 1e-12);
    }
}
