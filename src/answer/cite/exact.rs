//! What of a sentence must stand in its source as it is: numbers, names, and what is denied.
//!
//! Rarity of words cannot tell 1886 from 1902 or "was" from "was not". Each number of a sentence must therefore stand in the source, beside
//! one of the words that it stands beside in the sentence, each name too, and what the one denies the other may not affirm.

use std::collections::{BTreeMap, BTreeSet};

use unicode_segmentation::UnicodeSegmentation as _;

/// Words on each side within which something next to a number must stand next to it in the source too.
const NEAR: usize = 6;
/// Words of the sentence on each side of a number of which one must do so.
const BESIDE: usize = 2;
/// Words at the ends of a sentence that a phrase can move to.
const EDGE: usize = 3;
/// Words behind a negation within which the word that it denies stands.
const SCOPE: usize = 4;
/// Letters by which two forms of a word are the same.
const STEM: usize = 5;
/// Letters from which on a word says something by itself.
const SAYING: usize = 4;

/// English, German, Indonesian, French and Spanish.
const NEGATORS: [&str; 26] = [
    "not", "no", "never", "none", "nor", "without", "cannot", "neither", "nicht", "kein", "keine", "keinen", "nie",
    "niemals", "ohne", "tidak", "bukan", "belum", "tanpa", "pas", "jamais", "sans", "nunca", "jamás", "sin", "ningún",
];
/// Between a negation and what it denies.
const BETWEEN: [&str; 12] =
    ["been", "being", "have", "does", "that", "than", "with", "from", "this", "were", "longer", "even"];
/// "Not only … but" denies nothing.
const NOT_DENYING: [&str; 4] = ["only", "just", "merely", "nur"];
/// From this length on a first word in "-ly" is an adverb: names like Emily and Italy are shorter.
const ADVERB: usize = 8;
/// Words that open a model's sentence and are no names.
const OPENERS: [&str; 16] = [
    "according",
    "based",
    "yes",
    "answer",
    "additionally",
    "however",
    "therefore",
    "furthermore",
    "moreover",
    "overall",
    "finally",
    "also",
    "thus",
    "today",
    "currently",
    "note",
];
const ONES: [&str; 20] = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
];
const TENS: [&str; 8] = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"];
const ORDINALS: [&str; 10] =
    ["first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth"];
const SCALES: [&str; 5] = ["hundred", "thousand", "million", "billion", "trillion"];

/// What a word is to a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Number,
    Name,
    /// A capitalized word that begins the sentence: perhaps a name.
    First,
    Negator,
    Plain,
}

#[derive(Debug, Clone)]
struct Word {
    form: String,
    kind: Kind,
}

impl Word {
    /// Whether it is the same number, or the same name in the plural or not.
    fn is(&self, other: &Self) -> bool {
        self.form == other.form || (other.kind != Kind::Number && same_name(&self.form, &other.form))
    }

    /// Whether it can stand for what is beside it.
    fn says(&self) -> bool {
        match self.kind {
            Kind::Number | Kind::Name => true,
            Kind::Negator => false,
            Kind::First | Kind::Plain => self.form.chars().count() >= SAYING,
        }
    }
}

/// A text's words, ready to be compared.
#[derive(Debug, Clone, Default)]
pub(super) struct Exact {
    words: Vec<Word>,
    /// Words that a negation denies, by their stems.
    denied: BTreeSet<String>,
    /// Words outside of every negation.
    affirmed: BTreeSet<String>,
    negations: usize,
}

impl Exact {
    /// The words of one sentence.
    pub(super) fn new(text: &str) -> Self {
        let word = |(position, word): (usize, &str)| Word { form: normal(word), kind: kind_of(word, position == 0) };
        let words = text.unicode_words().enumerate().map(word).collect();
        let mut exact = Self { words, ..Self::default() };
        exact.deny();
        exact
    }

    /// Which words are denied, and which are not.
    fn deny(&mut self) {
        let mut scoped = vec![false; self.words.len()];
        for at in 0..self.words.len() {
            if self.words[at].kind != Kind::Negator {
                continue;
            }
            if self.words.get(at + 1).is_some_and(|next| NOT_DENYING.contains(&next.form.as_str())) {
                continue;
            }
            self.negations += 1;
            let end = (at + 1 + SCOPE).min(self.words.len());
            let head = (at + 1..end).find(|at| {
                let word = &self.words[*at];
                word.says() && word.kind != Kind::Number && !BETWEEN.contains(&word.form.as_str())
            });
            if let Some(head) = head {
                scoped[head] = true;
                self.denied.insert(stem(&self.words[head].form).to_owned());
            }
        }
        let outside = self.words.iter().zip(&scoped).filter(|(word, scoped)| !**scoped && word.says());
        self.affirmed = outside.map(|(word, _)| stem(&word.form).to_owned()).collect();
    }

    fn stems(&self) -> impl Iterator<Item = &String> {
        self.denied.union(&self.affirmed)
    }

    fn says(&self, stem: &str) -> bool {
        self.denied.contains(stem) || self.affirmed.contains(stem)
    }

    fn holds(&self, word: &Word) -> bool {
        self.words.iter().any(|other| other.is(word))
    }

    /// Whether a word of the same stem is there.
    fn holds_stem(&self, word: &Word) -> bool {
        self.words.iter().any(|other| stem(&other.form) == stem(&word.form))
    }

    /// Whether `word` stands directly behind `behind`.
    fn holds_behind(&self, word: &Word, behind: &Word) -> bool {
        self.words.windows(2).any(|pair| pair[0].form == behind.form && pair[1].is(word))
    }

    /// Whether `word` stands beside one of `beside`.
    fn holds_beside(&self, word: &Word, beside: &[&Word]) -> bool {
        let places = self.words.iter().enumerate().filter(|(_, other)| other.is(word));
        places.map(|(at, _)| at).any(|at| {
            let near = &self.words[at.saturating_sub(NEAR)..(at + NEAR + 1).min(self.words.len())];
            near.iter().any(|near| beside.iter().any(|other| stem(&near.form) == stem(&other.form)))
        })
    }
}

/// The words of a text that must be equal in another that says the same.
pub(in crate::answer) fn exact_words(text: &str) -> BTreeSet<String> {
    let words = Exact::new(text).words.into_iter();
    words.filter(|word| matches!(word.kind, Kind::Number | Kind::Name | Kind::Negator)).map(|word| word.form).collect()
}

/// How many negations deny something in a text.
pub(in crate::answer) fn negations(text: &str) -> usize {
    Exact::new(text).negations
}

/// The numbers of a text, in digits.
pub(in crate::answer) fn numbers(text: &str) -> BTreeSet<String> {
    let words = Exact::new(text).words.into_iter();
    words.filter(|word| word.kind == Kind::Number).map(|word| word.form).collect()
}

/// Whether a sentence says nothing that must stand in `window` as it is and does not; `heading` is what the passage is about.
/// `opens` is whether the claim's first word is one that says nothing.
pub(super) fn stands(claim: &Exact, opens: bool, window: &[&Exact], heading: &Exact) -> bool {
    claim.words.iter().enumerate().all(|(at, word)| match word.kind {
        Kind::Number | Kind::Name => stands_beside(claim, at, window, heading),
        Kind::First => {
            opens
                || heading.holds(word)
                || (word.form.ends_with("ly") && word.form.len() >= ADVERB)
                || OPENERS.contains(&word.form.as_str())
                || window.iter().any(|sentence| sentence.holds_stem(word))
        }
        Kind::Negator | Kind::Plain => true,
    }) && counts_stand(claim, window, heading)
        && denials_stand(claim, window)
}

/// Whether the number or name at a place of the claim stands in the window beside something that it stands beside in the claim.
fn stands_beside(claim: &Exact, at: usize, window: &[&Exact], heading: &Exact) -> bool {
    let word = &claim.words[at];
    if heading.holds(word) {
        return true;
    }
    let before = claim.words[..at].iter().rev().filter(|other| other.says()).take(BESIDE);
    let after = claim.words[at + 1..].iter().filter(|other| other.says()).take(BESIDE);
    let beside: Vec<&Word> = before.chain(after).filter(|other| other.form != word.form).collect();
    // "In 1886" moves freely between the ends of a sentence, but not into the next one, which may tell of another year.
    let ends = at < EDGE || at + EDGE >= claim.words.len();
    let behind = at.checked_sub(1).map(|before| &claim.words[before]).filter(|before| ends && !before.says());
    let speaks = |sentence: &Exact| beside.iter().any(|other| sentence.holds_stem(other));
    let moved = |sentence: &Exact| behind.is_some_and(|behind| sentence.holds_behind(word, behind)) && speaks(sentence);
    let stands = |sentence: &Exact| {
        if beside.is_empty() { sentence.holds(word) } else { sentence.holds_beside(word, &beside) || moved(sentence) }
    };
    window.iter().any(|sentence| stands(sentence))
}

/// Whether no number stands more often in the claim than in its source: "from 1886 to 1886" is not "from 1886 to 1902".
fn counts_stand(claim: &Exact, window: &[&Exact], heading: &Exact) -> bool {
    let numbers = |exact: &Exact, counts: &mut BTreeMap<String, usize>| {
        for word in exact.words.iter().filter(|word| word.kind == Kind::Number) {
            *counts.entry(word.form.clone()).or_default() += 1;
        }
    };
    let (mut wanted, mut there) = (BTreeMap::new(), BTreeMap::new());
    numbers(claim, &mut wanted);
    window.iter().chain([&heading]).for_each(|exact| numbers(exact, &mut there));
    wanted.iter().all(|(form, count)| there.get(form).is_some_and(|there| there >= count))
}

/// Whether claim and window deny and affirm the same. Of the window's sentences the one decides that the claim repeats most of: its neighbor
/// may speak of something else with the same words.
fn denials_stand(claim: &Exact, window: &[&Exact]) -> bool {
    let shared = |sentence: &Exact| claim.stems().filter(|stem| sentence.says(stem)).count();
    let nearest = window.iter().max_by_key(|sentence| shared(sentence));
    let speaks = |stem: &str| match nearest.filter(|nearest| nearest.says(stem)) {
        Some(nearest) => vec![*nearest],
        None => window.to_vec(),
    };
    let denied = |stem: &str| speaks(stem).iter().any(|sentence| sentence.denied.contains(stem));
    let affirmed = |stem: &str| speaks(stem).iter().any(|sentence| sentence.affirmed.contains(stem));
    // What the claim denies: denied there too, or in other words.
    let denials = claim.denied.iter().all(|stem| denied(stem) || !affirmed(stem));
    // A denial in other words, or of what nothing tells: there are as many of them.
    let count: usize = window.iter().map(|sentence| sentence.negations).sum();
    // What the source denies and the claim affirms.
    let only_affirmed = claim.affirmed.iter().filter(|stem| !claim.denied.contains(*stem));
    let affirmations = only_affirmed.into_iter().all(|stem| !denied(stem) || affirmed(stem));
    denials && claim.negations <= count && affirmations
}

fn kind_of(word: &str, is_first: bool) -> Kind {
    let lower = word.to_lowercase();
    if NEGATORS.contains(&lower.as_str()) || lower.ends_with("n't") || lower.ends_with("n’t") {
        Kind::Negator
    } else if word.chars().any(char::is_numeric) || number_of(&lower).is_some() {
        Kind::Number
    } else if !word.chars().next().is_some_and(char::is_uppercase) {
        Kind::Plain
    } else if is_first {
        Kind::First
    } else {
        Kind::Name
    }
}

/// A word as it is compared: lower case, without a possessive ending, numbers in digits.
fn normal(word: &str) -> String {
    let lower = word.to_lowercase();
    let bare = lower.strip_suffix("'s").or_else(|| lower.strip_suffix("’s")).unwrap_or(&lower);
    number_of(bare).unwrap_or_else(|| without_groups(bare))
}

/// A number without the commas between its thousands; a comma of decimals becomes a point.
fn without_groups(word: &str) -> String {
    let groups = |mut rest: std::str::Split<'_, char>| rest.all(|group| group.len() == 3);
    match word.split_once(',') {
        Some((_, rest)) if groups(rest.split(',')) => word.replace(',', ""),
        Some(_) => word.replace(',', "."),
        None => word.to_owned(),
    }
}

/// The digits of a number that is written as a word. "One" is more often a pronoun.
fn number_of(lower: &str) -> Option<String> {
    let at = |list: &[&str]| list.iter().position(|known| *known == lower);
    if let Some(value) = at(&ONES).filter(|value| *value != 1) {
        return Some(value.to_string());
    }
    if let Some(tens) = at(&TENS) {
        return Some(((tens + 2) * 10).to_string());
    }
    if let Some(order) = at(&ORDINALS) {
        let ending = ["st", "nd", "rd"].get(order).unwrap_or(&"th");
        return Some(format!("{}{ending}", order + 1));
    }
    at(&SCALES).map(|scale| SCALES[scale].to_owned())
}

/// The beginning of a word, the same for its forms.
fn stem(form: &str) -> &str {
    form.char_indices().nth(STEM).map_or(form, |(end, _)| &form[..end])
}

/// The same name, in the plural or not.
fn same_name(a: &str, b: &str) -> bool {
    let bare = |name: &'_ str| name.strip_suffix('s').filter(|rest| rest.len() > 2).map_or(name.len(), str::len);
    a == b || a[..bare(a)] == b[..bare(b)]
}

#[cfg(test)]
mod tests;
