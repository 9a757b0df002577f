//! Shares of many questions become figures with intervals, and two runs a comparison. Pure and deterministic.
//!
//! Intervals are those of the percentile bootstrap (Efron, 1979) over questions: 1,000 resamples, the same for every run of a program.

use std::collections::BTreeMap;

use serde::Serialize;

use super::metrics::{Share, Shares};

/// Resamples of an interval.
const RESAMPLES: usize = 1000;

/// A figure over many questions.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Figure {
    /// What it is.
    pub name: String,
    /// Its value.
    pub value: f64,
    /// The middle 95 % of resamples.
    pub interval: (f64, f64),
    /// Questions that add to it.
    pub questions: usize,
}

/// By how much a figure differs between two runs over the same questions.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Difference {
    /// What it is.
    pub name: String,
    /// In the first run.
    pub before: f64,
    /// In the second.
    pub after: f64,
    /// The middle 95 % of the resamples of the difference; where it holds no zero the runs differ.
    pub interval: (f64, f64),
}

/// The figures of all questions, in the order in which their names first come.
pub fn figures(questions: &[Shares]) -> Vec<Figure> {
    let columns = columns(questions);
    columns
        .into_iter()
        .map(|(name, shares)| {
            let value = ratio(shares.iter().copied());
            let interval = interval(shares.len(), |at| ratio(at.iter().map(|at| shares[*at])));
            let questions = shares.iter().filter(|share| share.all > 0.0).count();
            Figure { name: name.to_owned(), value, interval, questions }
        })
        .collect()
}

/// The differences between two runs; `before[i]` and `after[i]` are of the same question.
pub fn compare(before: &[Shares], after: &[Shares]) -> Vec<Difference> {
    let (first, second) = (columns(before), columns(after));
    let second: BTreeMap<&str, &Vec<Share>> = second.iter().map(|(name, shares)| (*name, shares)).collect();
    first
        .iter()
        .filter_map(|(name, before)| {
            let after = *second.get(name)?;
            let count = before.len().min(after.len());
            let gain = |at: &[usize]| ratio(at.iter().map(|at| after[*at])) - ratio(at.iter().map(|at| before[*at]));
            Some(Difference {
                name: (*name).to_owned(),
                before: ratio(before.iter().copied()),
                after: ratio(after.iter().copied()),
                interval: interval(count, gain),
            })
        })
        .collect()
}

/// A column a figure: a question that does not add to it has an empty share there.
fn columns(questions: &[Shares]) -> Vec<(&'static str, Vec<Share>)> {
    let nothing = Share { of: 0.0, all: 0.0 };
    let mut columns: Vec<(&'static str, Vec<Share>)> = Vec::new();
    for (row, shares) in questions.iter().enumerate() {
        for (name, share) in shares {
            let at = columns.iter().position(|(known, _)| known == name).unwrap_or_else(|| {
                columns.push((name, vec![nothing; questions.len()]));
                columns.len() - 1
            });
            columns[at].1[row] = *share;
        }
    }
    columns
}

fn ratio(shares: impl Iterator<Item = Share>) -> f64 {
    let (of, all) = shares.fold((0.0, 0.0), |sum, share| (sum.0 + share.of, sum.1 + share.all));
    if all > 0.0 { of / all } else { 0.0 }
}

fn interval(count: usize, figure: impl Fn(&[usize]) -> f64) -> (f64, f64) {
    if count == 0 {
        return (0.0, 0.0);
    }
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    let mut resample = vec![0; count];
    let mut values: Vec<f64> = (0..RESAMPLES)
        .map(|_| {
            for at in &mut resample {
                *at = random.below(count);
            }
            figure(&resample)
        })
        .collect();
    values.sort_by(f64::total_cmp);
    (values[RESAMPLES / 40], values[RESAMPLES - 1 - RESAMPLES / 40])
}

/// `SplitMix64` (Steele et al., 2014): small, and the same everywhere.
pub(super) struct Random(pub(super) u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub(super) fn below(&mut self, count: usize) -> usize {
        (self.next() % count.max(1) as u64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(values: &[f64]) -> Vec<Shares> {
        values.iter().map(|value| vec![("figure", Share { of: *value, all: 1.0 })]).collect()
    }

    #[test]
    fn a_figure_lies_in_its_interval_and_is_the_same_every_time() {
        let questions = run(&[1.0, 0.0, 1.0, 1.0, 0.0, 1.0, 0.0, 1.0]);
        let first = figures(&questions);
        let Figure { value, interval: (low, high), questions: count, .. } = first[0];
        assert!((value - 0.625).abs() < 1e-12 && low < value && value < high && high <= 1.0, "{first:?}");
        assert_eq!(count, 8);
        assert_eq!(first, figures(&questions));
        assert_eq!(figures(&run(&[1.0; 5]))[0].interval, (1.0, 1.0));
    }

    #[test]
    fn a_question_without_a_share_changes_nothing() {
        let mut questions = run(&[1.0, 0.0]);
        questions.push(vec![("other", Share { of: 3.0, all: 4.0 })]);
        let figures = figures(&questions);
        assert!((figures[0].value - 0.5).abs() < 1e-12 && (figures[1].value - 0.75).abs() < 1e-12);
    }

    #[test]
    fn a_clear_gain_is_told_from_none() {
        let (worse, better) = (run(&[0.0; 40]), run(&[1.0; 40]));
        let gain = &compare(&worse, &better)[0];
        assert!(gain.interval.0 > 0.0 && (gain.after - gain.before - 1.0).abs() < 1e-12);
        let none = &compare(&better, &better)[0];
        assert_eq!(none.interval, (0.0, 0.0));
    }
}
