//! What was read of sections stays read while the program runs: a question that was stopped goes on from there.
//!
//! Kept are places, never text: what a person has forgotten leaves no trace here, and a gigabyte of documents costs some megabytes. A
//! changed section has a new name and is read again.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use super::find::Finding;
use super::section::SectionKey;

/// Questions whose readings are kept; the least recent one goes first.
const QUESTIONS: usize = 8;
/// Passages read in a second until a run has measured it: a cautious guess.
const PER_SECOND: f64 = 5_000.0;
/// What the last run counts in the measured pace.
const NEWEST: f64 = 0.5;

/// Readings of the last questions, and how fast reading goes.
#[derive(Debug, Default)]
pub struct Memory {
    questions: VecDeque<(String, Readings)>,
    pace: Pace,
}

/// What was found in each section that was read for one question.
pub(super) type Readings = HashMap<SectionKey, Vec<Finding>>;

/// How fast passages are read.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Pace {
    per_second: f64,
}

impl Default for Pace {
    fn default() -> Self {
        Self { per_second: PER_SECOND }
    }
}

impl Pace {
    /// Seconds that `passages` will take, rounded up.
    pub(super) fn seconds(self, passages: usize) -> u64 {
        (passages as f64 / self.per_second).ceil() as u64
    }
}

impl Memory {
    /// What was read for a question, to look things up and to add to.
    pub(super) fn of(&mut self, question: &str) -> &mut Readings {
        let known = self.questions.iter().position(|(key, _)| key == question);
        let readings = known.and_then(|at| self.questions.remove(at)).map(|(_, readings)| readings).unwrap_or_default();
        self.questions.truncate(QUESTIONS - 1);
        self.questions.push_front((question.to_owned(), readings));
        &mut self.questions[0].1
    }

    /// How fast reading went.
    pub(super) fn pace(&self) -> Pace {
        self.pace
    }

    /// Learns how fast reading goes from a run that was long enough to tell.
    pub(super) fn learn(&mut self, passages: usize, took: Duration) {
        if passages >= 32 && took > Duration::from_millis(1) {
            let measured = passages as f64 / took.as_secs_f64();
            self.pace.per_second = NEWEST * measured + (1.0 - NEWEST) * self.pace.per_second;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_recent_question_is_forgotten_first() {
        let mut memory = Memory::default();
        let key = SectionKey::for_test(1);
        memory.of("first").insert(key, Vec::new());
        for n in 0..QUESTIONS - 1 {
            memory.of(&n.to_string());
        }
        assert!(memory.of("first").contains_key(&key), "asked again, it is the most recent");
        for n in 0..QUESTIONS {
            memory.of(&format!("later {n}"));
        }
        assert!(memory.of("first").is_empty());
    }

    #[test]
    fn the_estimate_follows_what_was_measured() {
        let mut memory = Memory::default();
        let before = memory.pace().seconds(100_000);
        memory.learn(100_000, Duration::from_secs(100));
        assert!(memory.pace().seconds(100_000) > before);
        let slow = memory.pace().seconds(100_000);
        memory.learn(3, Duration::from_secs(100));
        assert_eq!(memory.pace().seconds(100_000), slow, "three passages tell nothing");
    }
}
