//! What the figures of a folder say about its settings, in a few sentences. Pure.

use serde::Serialize;

use super::report::Figure;
use super::thresholds::Rates;

/// What to change, and why.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Recommendation {
    /// The threshold to set; `None` where the one that is set is as good as any.
    pub min_answerable: Option<f32>,
    /// The profile to use; `None` where profiles were not compared, or no answers are known.
    pub profile: Option<String>,
    /// One sentence each, for a person.
    pub because: Vec<String>,
}

/// Below this share of known items among the first five, the search is where to look first.
const FINDS: f64 = 0.8;
/// Below this share of given answers the reader or the model is, where the search finds.
const GIVES: f64 = 0.5;

impl Recommendation {
    /// By the best of the thresholds that were tried (`advice`, where one is clearly better than `now`), if any were `tried`, and by the
    /// figures.
    pub fn new(advice: Option<&Rates>, tried: bool, now: f32, figures: &[Figure]) -> Self {
        let mut because = Vec::new();
        match advice {
            Some(best) => because.push(format!(
                "min_answerable = {:.2} would be better than {now:.2}: {:.0} % of the answerable refused, {:.0} % of the others answered.",
                best.threshold,
                100.0 * best.false_refusals,
                100.0 * best.false_answers
            )),
            None if tried => because.push(format!("min_answerable: no other is clearly better than {now:.2}.")),
            None => {}
        }
        let value = |name: &str| figures.iter().find(|figure| figure.name == name).map(|figure| figure.value);
        let found = value("known item: passage among 5");
        if let Some(found) = found.filter(|found| *found < FINDS) {
            because.push(format!(
                "Only {:.0} % of passages are found by their own words: `tanya status --failed` and `tanya doctor` say what is missing.",
                100.0 * found
            ));
        }
        let given = value("answer holds the gold").filter(|given| *given < GIVES);
        if let (Some(found), Some(given)) = (found.filter(|found| *found >= FINDS), given) {
            because.push(format!(
                "Passages are found ({:.0} %) and {:.0} % of the answers hold what was asked for: a larger model or `answer_style = quote` may give more.",
                100.0 * found,
                100.0 * given
            ));
        }
        Self { min_answerable: advice.map(|best| best.threshold), profile: None, because }
    }

    /// Adds what the comparison of profiles says; `now` is the one that is set.
    pub fn profile(&mut self, best: Option<String>, now: &str) {
        if let Some(best) = &best {
            let change = if best == now { "as it is set" } else { "in place of what is set" };
            self.because.push(format!(
                "profile = {best} ({change}): the fastest than which no other gives more right answers beyond chance."
            ));
        }
        self.profile = best;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figure(name: &str, value: f64) -> Figure {
        Figure { name: name.into(), value, interval: (0.0, 1.0), questions: 50 }
    }

    #[test]
    fn a_better_threshold_and_a_profile_are_recommended_with_reasons() {
        let best = Rates { threshold: 0.2, false_refusals: 0.04, false_answers: 0.1 };
        let mut said = Recommendation::new(Some(&best), true, 0.31, &[]);
        assert_eq!(said.min_answerable, Some(0.2));
        assert!(said.because[0].contains("0.20 would be better than 0.31: 4 %"), "{said:?}");
        said.profile(Some("fast".into()), "balanced");
        assert_eq!(said.profile.as_deref(), Some("fast"));
        assert!(said.because[1].contains("profile = fast (in place"), "{said:?}");
        assert_eq!(Recommendation::new(None, false, 0.31, &[]), Recommendation::default());
    }

    #[test]
    fn a_search_that_misses_is_told_from_answers_that_do() {
        let of = |found, given| {
            let figures = [figure("known item: passage among 5", found), figure("answer holds the gold", given)];
            Recommendation::new(None, true, 0.31, &figures).because
        };
        assert_eq!(of(0.95, 0.9).len(), 1);
        assert!(of(0.5, 0.2)[1].contains("status --failed"));
        assert!(of(0.95, 0.2)[1].contains("larger model"));
    }
}
