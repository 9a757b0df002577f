//! Sources that answer the same question with different values: shown as such, not settled.
//!
//! Which of two notes is right no program can tell, but that they differ it can: where the reader is sure of a span in both, the spans are
//! values of the same kind (years, days, amounts of the same unit, names), and both sentences speak of what the question names. Careful:
//! a note that is wrong makes people doubt what is fine, so that whatever is not plainly comparable is passed over.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use unicode_segmentation::UnicodeSegmentation as _;

use super::cite::{self, Terms};
use super::condense::unit_at;
use super::event::{Citation, Source, Verdict};
use super::span::{Asked, asked};

/// From which strength of a reading a source has its say.
const SURE: f32 = 0.0;
/// Share of the question's idf that the sentence around a value must have, its heading included.
const ABOUT: f32 = 0.6;
/// Values that are shown at most.
const MOST: usize = 4;

/// Words of a question that say what kind of value is wanted.
const CUES: [&str; 14] = [
    "many",
    "much",
    "long",
    "old",
    "far",
    "tall",
    "often",
    "large",
    "big",
    "year",
    "date",
    "day",
    "number",
    "percentage",
];
/// Those of them that ask for an amount.
const AMOUNTS: [&str; 9] = ["many", "much", "long", "old", "far", "tall", "large", "big", "high"];
const MONTHS: [&str; 24] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
    "januar",
    "februar",
    "märz",
    "mai",
    "juni",
    "juli",
    "oktober",
    "dezember",
    "januari",
    "februari",
    "maret",
    "desember",
];

/// What one source says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Said {
    /// The value in the source's words.
    pub value: String,
    /// Where it stands.
    pub citation: Citation,
}

/// Different answers of different sources to one question, the likeliest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Disagreement {
    /// At least two.
    pub values: Vec<Said>,
}

impl Disagreement {
    /// In a sentence.
    pub fn words(&self) -> String {
        let said = |said: &Said| format!("{} [{}]", said.value, said.citation.n);
        let all: Vec<String> = self.values.iter().map(said).collect();
        format!("Your documents disagree: {}.", all.join(" · "))
    }
}

/// Whether the sources disagree with the first of them.
pub(super) fn disagreement(question: &str, sources: &[Source], terms: &dyn Terms) -> Option<Disagreement> {
    let asked = asked(question)?;
    // "How many steps" asks about steps.
    let cues: BTreeSet<String> = CUES.iter().flat_map(|cue| terms.terms(cue)).collect();
    let about: BTreeSet<String> = terms.terms(question).into_iter().filter(|term| !cues.contains(term)).collect();
    // "How many meters": 1200 is no year.
    let is_amount = question.unicode_words().any(|word| AMOUNTS.contains(&word.to_lowercase().as_str()));
    let mut claims = sources.iter().filter_map(|source| Claim::new(source, asked, is_amount, &about, terms));
    let mut values = vec![claims.next()?];
    for claim in claims {
        let differs = |other: &Claim<'_>| claim.source.path != other.source.path && claim.differs(other);
        if values.len() < MOST && values.iter().all(differs) {
            values.push(claim);
        }
    }
    (values.len() > 1).then(|| Disagreement { values: values.iter().map(Claim::said).collect() })
}

/// A value with what tells whether it can be compared.
struct Claim<'a> {
    source: &'a Source,
    span: (usize, usize),
    years: BTreeSet<String>,
    /// Months with the days beside them.
    days: BTreeSet<String>,
    amounts: BTreeSet<String>,
    /// What the amounts are of.
    unit: String,
    names: BTreeSet<String>,
}

impl<'a> Claim<'a> {
    /// `None` where the source is not sure, its sentence is about something else, or the value is none of what was asked for.
    fn new(
        source: &'a Source,
        asked: Asked,
        is_amount: bool,
        about: &BTreeSet<String>,
        terms: &dyn Terms,
    ) -> Option<Self> {
        let reading = source.reading.filter(|reading| reading.strength() >= SURE)?;
        let span = reading.span?;
        let value = source.text.get(span.0..span.1)?;
        let sentence = unit_at(&source.text, span.0);
        let mut said: BTreeSet<String> = terms.terms(sentence).into_iter().collect();
        said.extend(terms.terms(&source.heading));
        let worth = |terms_of: &mut dyn Iterator<Item = &String>| terms_of.map(|term| terms.idf(term)).sum::<f32>();
        let (all, held) = (worth(&mut about.iter()), worth(&mut about.iter().filter(|term| said.contains(*term))));
        if all <= 0.0 || held / all < ABOUT {
            return None;
        }
        let numbers = cite::numbers(value);
        let (years, mut amounts): (BTreeSet<String>, BTreeSet<String>) =
            numbers.into_iter().partition(|number| !is_amount && number.parse().is_ok_and(is_year));
        let words: Vec<String> = value.unicode_words().map(str::to_lowercase).collect();
        let mut days: BTreeSet<String> = words.iter().filter(|word| MONTHS.contains(&word.as_str())).cloned().collect();
        if !days.is_empty() {
            days.append(&mut amounts);
        }
        let capital = |word: &&str| word.starts_with(char::is_uppercase) && word.chars().count() > 1;
        let names: BTreeSet<String> = value.unicode_words().filter(capital).map(str::to_lowercase).collect();
        // A name is mostly names; in anything longer two sources may say different things that are both so.
        let names = if 2 * names.len() >= words.len() { names } else { BTreeSet::new() };
        let claim = Self { source, span, years, days, amounts, unit: unit(&source.text, span), names };
        let fits = match asked {
            Asked::Number => claim.has_numbers(),
            Asked::Name => !claim.names.is_empty() && !claim.has_numbers(),
            Asked::Thing => claim.has_numbers() || !claim.names.is_empty(),
        };
        fits.then_some(claim)
    }

    fn has_numbers(&self) -> bool {
        !(self.years.is_empty() && self.days.is_empty() && self.amounts.is_empty())
    }

    /// Whether both are values of one kind and not the same; neither passage knows the other's.
    fn differs(&self, other: &Self) -> bool {
        let apart = |a: &BTreeSet<String>, b: &BTreeSet<String>| !a.is_empty() && !b.is_empty() && a.is_disjoint(b);
        let differs = if self.has_numbers() && other.has_numbers() {
            apart(&self.years, &other.years)
                || (self.years.is_empty() || other.years.is_empty() || self.years == other.years)
                    && !self.days.is_empty()
                    && !other.days.is_empty()
                    && !self.days.is_subset(&other.days)
                    && !other.days.is_subset(&self.days)
                || self.unit == other.unit && apart(&self.amounts, &other.amounts)
        } else {
            !self.has_numbers() && !other.has_numbers() && apart(&self.names, &other.names)
        };
        differs && !self.knows(other) && !other.knows(self)
    }

    /// Whether the passage says the other's value too: then it speaks of both.
    fn knows(&self, other: &Self) -> bool {
        let words = |text: &str| {
            let words: Vec<String> = text.unicode_words().map(str::to_lowercase).collect();
            format!(" {} ", words.join(" "))
        };
        words(&self.source.text).contains(&words(&other.source.text[other.span.0..other.span.1]))
    }

    fn said(&self) -> Said {
        let value = self.source.text[self.span.0..self.span.1].split_whitespace().collect::<Vec<_>>().join(" ");
        let value =
            value.trim_matches(|c: char| matches!(c, ',' | ';' | ':' | '.' | '"' | '“' | '”' | '*' | '`' | '_'));
        Said {
            value: value.to_owned(),
            citation: cite::citation(self.source, self.span.0..self.span.1, Verdict::Supported),
        }
    }
}

fn is_year(number: u32) -> bool {
    (1000..=2100).contains(&number)
}

/// The word behind the last number of a span, by its first letters: what an amount is of.
fn unit(text: &str, span: (usize, usize)) -> String {
    let from = text[span.0..span.1].rfind(|c: char| c.is_ascii_digit()).map_or(span.0, |at| span.0 + at + 1);
    let next = text[from..].unicode_words().find(|word| word.chars().all(char::is_alphabetic));
    next.map(|word| word.chars().take(5).collect::<String>().to_lowercase()).unwrap_or_default()
}

#[cfg(test)]
#[path = "disagree/tests.rs"]
mod tests;
