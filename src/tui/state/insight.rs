//! What the views into the machinery need: settings that a person tries on a step, passages held, the row that keys act on.

use tanya_engine::Sampling;

use super::{State, TurnState};
use crate::answer::{Held, PassageName, Source};

/// One step of an answer, under settings that may be tried.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::tui) struct Inspect {
    pub turn: usize,
    /// From 0.
    pub step: usize,
    /// The settings that the distribution is shown under; the answer's own at first.
    pub tried: Sampling,
    /// The tokens of the prompt are shown instead, from this row on.
    pub input: Option<usize>,
}

/// The prompt of a turn by its parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::tui) struct PromptView {
    pub turn: usize,
    /// The passage that keys act on.
    pub source: usize,
}

/// What is decided for the answers to come.
#[derive(Debug, Default)]
pub(in crate::tui) struct Insight {
    /// Passages that are always or never in a prompt.
    pub held: Held,
    /// The steps of the next answer are kept.
    pub is_armed: bool,
}

/// A setting that can be tried on a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::tui) enum Knob {
    Temperature,
    TopK,
    TopP,
    MinP,
    Repetition,
    Frequency,
}

impl Knob {
    pub(in crate::tui) const ALL: [Self; 6] =
        [Self::Temperature, Self::TopK, Self::TopP, Self::MinP, Self::Repetition, Self::Frequency];

    /// The key that turns it up; with shift, down.
    pub(in crate::tui) fn key(self) -> char {
        match self {
            Self::Temperature => 't',
            Self::TopK => 'k',
            Self::TopP => 'p',
            Self::MinP => 'm',
            Self::Repetition => 'r',
            Self::Frequency => 'f',
        }
    }

    /// As a person calls it.
    pub(in crate::tui) fn name(self) -> &'static str {
        match self {
            Self::Temperature => "temperature",
            Self::TopK => "top-k",
            Self::TopP => "top-p",
            Self::MinP => "min-p",
            Self::Repetition => "repetition",
            Self::Frequency => "frequency",
        }
    }

    /// The stops that its key goes through.
    fn stops(self) -> &'static [f32] {
        match self {
            Self::Temperature => &[0.0, 0.2, 0.5, 0.7, 1.0, 1.5, 2.0],
            Self::TopK => &[0.0, 1.0, 2.0, 5.0, 10.0, 20.0, 40.0, 64.0],
            Self::TopP => &[0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 1.0],
            Self::MinP => &[0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5],
            Self::Repetition => &[1.0, 1.05, 1.1, 1.2, 1.3, 1.5],
            Self::Frequency => &[0.0, 0.1, 0.2, 0.5, 1.0, 2.0],
        }
    }

    /// Its value.
    pub(in crate::tui) fn value(self, of: &Sampling) -> f32 {
        match self {
            Self::Temperature => of.temperature,
            Self::TopK => of.top_k as f32,
            Self::TopP => of.top_p,
            Self::MinP => of.min_p,
            Self::Repetition => of.repetition_penalty,
            Self::Frequency => of.frequency_penalty,
        }
    }

    /// Goes to the next stop above or below, and from the last to the first.
    pub(in crate::tui) fn turn(self, up: bool, of: &mut Sampling) {
        let (now, stops) = (self.value(of), self.stops());
        let last = stops.len() - 1;
        let next = if up {
            stops.iter().find(|stop| **stop > now).copied().unwrap_or(stops[0])
        } else {
            stops.iter().rev().find(|stop| **stop < now).copied().unwrap_or(stops[last])
        };
        match self {
            Self::Temperature => of.temperature = next,
            Self::TopK => of.top_k = next as usize,
            Self::TopP => of.top_p = next,
            Self::MinP => of.min_p = next,
            Self::Repetition => of.repetition_penalty = next,
            Self::Frequency => of.frequency_penalty = next,
        }
    }
}

/// A row of the list of passages in the view of a prompt.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::tui) enum Standing {
    /// In the prompt, as usual.
    Used,
    /// In every prompt.
    Pinned,
    /// In no later prompt.
    Barred,
}

impl State {
    /// The last turn whose prompt is known.
    pub(in crate::tui) fn prompted_turn(&self) -> Option<usize> {
        self.turns.iter().rposition(|turn| turn.insight.ledger.is_some())
    }

    /// The turn whose steps are kept.
    pub(in crate::tui) fn inspected_turn(&self) -> Option<usize> {
        self.turns.iter().rposition(|turn| !turn.insight.steps.is_empty())
    }

    /// The passages that the view of a turn's prompt lists: its sources, then what is left out of all prompts and is not among them.
    pub(in crate::tui) fn listed_passages(&self, turn: usize) -> Vec<PassageName> {
        let sources = self.turns.get(turn).into_iter().flat_map(TurnState::shown_sources);
        let mut listed: Vec<PassageName> = sources.map(PassageName::of).collect();
        let barred = self.insight.held.barred.iter().filter(|name| !listed.contains(name));
        let barred: Vec<PassageName> = barred.cloned().collect();
        listed.extend(barred);
        listed
    }

    /// What was decided about a passage.
    pub(in crate::tui) fn standing(&self, source: &Source) -> Standing {
        let name = PassageName::of(source);
        if self.insight.held.pinned.contains(&name) {
            Standing::Pinned
        } else if self.insight.held.barred.contains(&name) {
            Standing::Barred
        } else {
            Standing::Used
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_knob_goes_through_its_stops_both_ways_and_around() {
        for knob in Knob::ALL {
            let mut sampling = Sampling::default();
            let start = knob.value(&sampling);
            let mut seen = Vec::new();
            for _ in 0..knob.stops().len() {
                knob.turn(true, &mut sampling);
                sampling.validate().unwrap();
                seen.push(knob.value(&sampling));
            }
            assert_eq!(knob.value(&sampling).to_bits(), start.to_bits(), "{seen:?}");
            knob.turn(true, &mut sampling);
            knob.turn(false, &mut sampling);
            assert_eq!(knob.value(&sampling).to_bits(), start.to_bits());
        }
    }
}
