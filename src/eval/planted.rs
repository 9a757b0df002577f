//! Errors planted into true sentences, to measure the check of answers: how many of them it marks, and how often it marks what is true.
//!
//! A true sentence is one of a passage, as it stands there or lightly reworded. An error is one change of it that makes it say something
//! else: a number, a date or a name that no passage at hand holds, or one of another sentence of the same passage (`borrowed`), a `not`
//! put in or taken out. Deterministic: the same passage gives the same sentences.

mod change;
mod reword;

use serde::Serialize;

use super::report::Random;

/// Words that a sentence must have, and may have.
const SHORTEST: usize = 6;
const LONGEST: usize = 45;

/// What was done to a sentence of a passage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Nothing.
    Verbatim,
    /// A clause left out.
    Dropped,
    /// A part moved to the front or to the end.
    Reordered,
    /// The name at its beginning as a pronoun.
    Pronoun,
    /// Numbers in another style: `two` and `2`, `1,000` and `1000`; `didn't` for `did not`.
    Restyled,
    /// Another number, which no passage at hand holds.
    Number,
    /// Another year, month or day.
    Date,
    /// Another name, which no passage at hand holds.
    Name,
    /// A number of another sentence of the passage.
    BorrowedNumber,
    /// A name of another sentence of the passage.
    BorrowedName,
    /// `not` put in.
    Negated,
    /// `not` taken out.
    Affirmed,
    /// True, with the number of a passage that does not say it.
    WrongCitation,
}

impl Kind {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Self; 13] = [
        Self::Verbatim,
        Self::Dropped,
        Self::Reordered,
        Self::Pronoun,
        Self::Restyled,
        Self::Number,
        Self::Date,
        Self::Name,
        Self::BorrowedNumber,
        Self::BorrowedName,
        Self::Negated,
        Self::Affirmed,
        Self::WrongCitation,
    ];

    /// Whether the sentence is wrong.
    pub fn is_error(self) -> bool {
        self >= Self::Number && self != Self::WrongCitation
    }

    /// In words.
    pub fn name(self) -> &'static str {
        match self {
            Self::Verbatim => "verbatim",
            Self::Dropped => "a clause left out",
            Self::Reordered => "in another order",
            Self::Pronoun => "with a pronoun",
            Self::Restyled => "numbers in another style",
            Self::Number => "another number",
            Self::Date => "another date",
            Self::Name => "another name",
            Self::BorrowedNumber => "a neighbor's number",
            Self::BorrowedName => "a neighbor's name",
            Self::Negated => "not put in",
            Self::Affirmed => "not taken out",
            Self::WrongCitation => "wrong citation put right",
        }
    }
}

/// A sentence that is to be checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planted {
    /// What it is.
    pub kind: Kind,
    /// The sentence.
    pub text: String,
}

/// What a passage is compared with: what else is at hand, and where foreign names come from.
#[derive(Debug, Clone, Copy)]
pub struct Around<'a> {
    /// All texts that the check will see, the passage among them.
    pub at_hand: &'a [&'a str],
    /// Texts of elsewhere.
    pub elsewhere: &'a [&'a str],
}

/// The sentences of a passage that can be planted into, each on one line.
pub fn claims(passage: &str) -> Vec<String> {
    crate::answer::sentences(passage)
        .into_iter()
        .map(|(_, sentence)| sentence.split_whitespace().collect::<Vec<_>>().join(" "))
        .filter(|sentence| {
            let words = sentence.split(' ').count();
            (SHORTEST..=LONGEST).contains(&words)
                && sentence.starts_with(char::is_uppercase)
                && sentence.ends_with(['.', '!'])
                && !sentence.contains(['|', '{', '`', '<', '='])
        })
        .collect()
}

/// All that can be made of one sentence of a passage. `seed` chooses among places and replacements.
pub fn plant(sentence: &str, passage: &str, around: Around<'_>, seed: u64) -> Vec<Planted> {
    let mut random = Random(seed);
    let mut made = Vec::new();
    let mut add = |kind, text: Option<String>| {
        if let Some(text) = text.filter(|text| kind == Kind::Verbatim || text != sentence) {
            made.push(Planted { kind, text });
        }
    };
    add(Kind::Verbatim, Some(sentence.to_owned()));
    add(Kind::Dropped, reword::dropped(sentence));
    add(Kind::Reordered, reword::reordered(sentence));
    add(Kind::Pronoun, reword::pronoun(sentence));
    add(Kind::Restyled, reword::restyled(sentence));
    let others: Vec<String> = claims(passage).into_iter().filter(|other| other != sentence).collect();
    let others: Vec<&str> = others.iter().map(String::as_str).collect();
    add(Kind::Number, change::number(sentence, around.at_hand, &mut random));
    add(Kind::Date, change::date(sentence, around.at_hand, &mut random));
    add(Kind::Name, change::name(sentence, passage, around.elsewhere, around.at_hand, &mut random));
    add(Kind::BorrowedNumber, change::borrowed_number(sentence, &others, &mut random));
    add(Kind::BorrowedName, change::name(sentence, passage, &others, &[sentence], &mut random));
    add(Kind::Negated, change::negated(sentence));
    add(Kind::Affirmed, change::affirmed(sentence));
    made
}

#[cfg(test)]
#[path = "planted/tests.rs"]
mod tests;
