//! One change of a sentence that makes it say something else.

use std::collections::BTreeSet;

use unicode_segmentation::UnicodeSegmentation as _;

use super::super::report::Random;

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
/// Behind these a negation can stand.
const VERBS: [&str; 13] =
    ["is", "was", "are", "were", "has", "had", "have", "can", "could", "will", "would", "may", "should"];

/// A word and the byte at which it begins.
type Word<'a> = (usize, &'a str);

/// Another number in place of one that is no year.
pub(super) fn number(sentence: &str, at_hand: &[&str], random: &mut Random) -> Option<String> {
    let known = words(at_hand);
    let places = numbers(sentence, |value| !is_year(value));
    let (at, word) = *pick(&places, random)?;
    let value: u64 = word.replace(',', "").parse().ok()?;
    let (least, most) = (value / 2, value.saturating_mul(2).saturating_add(9));
    let new = fresh(&known, random, |random| least + random.below((most - least + 1) as usize) as u64)?;
    Some(replaced(sentence, at, word, &new.to_string()))
}

/// Another year, month or day.
pub(super) fn date(sentence: &str, at_hand: &[&str], random: &mut Random) -> Option<String> {
    let known = words(at_hand);
    let all: Vec<Word<'_>> = sentence.unicode_word_indices().collect();
    let is_month = |at: usize| MONTHS.contains(&all[at].1) && at > 0;
    let beside_month = |at: usize| (at > 0 && is_month(at - 1)) || (at + 1 < all.len() && is_month(at + 1));
    let places: Vec<usize> = (0..all.len())
        .filter(|at| {
            let value = all[*at].1.parse::<u64>().ok();
            (is_month(*at) && (*at + 1 < all.len() && all[*at + 1].1.starts_with(|c: char| c.is_ascii_digit())))
                || value.is_some_and(|value| is_year(value) || (value <= 31 && beside_month(*at)))
        })
        .collect();
    let (at, word) = all[*pick(&places, random)?];
    let new = if MONTHS.contains(&word) {
        let left: Vec<&&str> = MONTHS.iter().filter(|month| !known.contains(&month.to_lowercase())).collect();
        (**pick(&left, random)?).to_owned()
    } else {
        let value: u64 = word.parse().ok()?;
        let (least, span) = if is_year(value) { (value - 60, 121) } else { (1, 28) };
        fresh(&known, random, |random| least + random.below(span) as u64)?.to_string()
    };
    Some(replaced(sentence, at, word, &new))
}

/// A name of `from` that none of `not_in` holds, in place of one of the sentence; `passage` is around it.
pub(super) fn name(
    sentence: &str,
    passage: &str,
    from: &[&str],
    not_in: &[&str],
    random: &mut Random,
) -> Option<String> {
    let known = words(not_in);
    let sure: Vec<&str> = names(passage).into_iter().map(|(_, word)| word).collect();
    // Also the one at the beginning, where the passage elsewhere shows that it is one.
    let first = sentence.unicode_word_indices().next().filter(|(at, word)| *at == 0 && sure.contains(word));
    let places: Vec<Word<'_>> = first.into_iter().chain(names(sentence)).collect();
    let (at, word) = *pick(&places, random)?;
    let from: Vec<&str> = from
        .iter()
        .flat_map(|text| names(text))
        .map(|(_, word)| word)
        .filter(|new| !known.contains(&new.to_lowercase()))
        .collect();
    let new = *pick(&from, random)?;
    Some(replaced(sentence, at, word, new))
}

/// A number of another sentence in place of one of this, a year in place of a year.
pub(super) fn borrowed_number(sentence: &str, others: &[&str], random: &mut Random) -> Option<String> {
    let known = words(&[sentence]);
    let places = numbers(sentence, |_| true);
    let (at, word) = *pick(&places, random)?;
    let year = |word: &str| word.parse().is_ok_and(is_year);
    let from: Vec<&str> = others
        .iter()
        .flat_map(|text| numbers(text, |_| true))
        .map(|(_, word)| word)
        .filter(|new| !known.contains(&new.to_lowercase()) && year(new) == year(word))
        .collect();
    let new = *pick(&from, random)?;
    Some(replaced(sentence, at, word, new))
}

/// `not` behind the first verb that takes one.
pub(super) fn negated(sentence: &str) -> Option<String> {
    let all: Vec<Word<'_>> = sentence.unicode_word_indices().collect();
    let (start, verb) = *all.iter().skip(1).find(|(_, word)| VERBS.contains(word))?;
    let (head, tail) = sentence.split_at(start + verb.len());
    // "Not only" and "not no" say nothing else than before.
    let sayable = [" not ", " only ", " no ", " just "].iter().all(|word| !tail.starts_with(word));
    (tail.starts_with(' ') && sayable).then(|| format!("{head} not{tail}"))
}

/// The sentence without its first negation.
pub(super) fn affirmed(sentence: &str) -> Option<String> {
    [" not ", " never "].into_iter().find_map(|negation| {
        let at = sentence.find(negation)?;
        // "not only … but" denies nothing, and "whether or not" leaves it open.
        let rest = &sentence[at + negation.len()..];
        (!rest.starts_with("only ") && !rest.starts_with("just ") && !sentence[..at].ends_with(" or"))
            .then(|| format!("{} {rest}", &sentence[..at]))
    })
}

fn is_year(value: u64) -> bool {
    (1000..=2100).contains(&value)
}

/// Whole numbers whose value passes.
fn numbers(sentence: &str, passes: impl Fn(u64) -> bool) -> Vec<Word<'_>> {
    let value = |word: &str| word.replace(',', "").parse::<u64>().ok();
    sentence.unicode_word_indices().filter(|(_, word)| value(word).is_some_and(&passes)).collect()
}

/// Words that are names beyond doubt: capitalized inside their sentence, then lower case.
fn names(text: &str) -> Vec<Word<'_>> {
    let plain = |word: &str| {
        word.chars().count() > 3
            && word.starts_with(char::is_uppercase)
            && word.chars().skip(1).all(char::is_lowercase)
            && !MONTHS.contains(&word)
    };
    let inside = |at: usize| {
        let before = text[..at].trim_end_matches(' ');
        at > 0 && before.len() < at && before.ends_with(|c: char| c.is_alphanumeric() || c == ',')
    };
    text.unicode_word_indices().filter(|(at, word)| plain(word) && inside(*at)).collect()
}

/// Lower-case words, numbers without their commas.
fn words(texts: &[&str]) -> BTreeSet<String> {
    texts.iter().flat_map(|text| text.unicode_words()).map(|word| word.to_lowercase().replace(',', "")).collect()
}

fn fresh(known: &BTreeSet<String>, random: &mut Random, mut draw: impl FnMut(&mut Random) -> u64) -> Option<u64> {
    // Where everything near is taken there is nothing to plant.
    (0..40).map(|_| draw(random)).find(|value| !known.contains(&value.to_string()))
}

fn pick<'a, T>(all: &'a [T], random: &mut Random) -> Option<&'a T> {
    if all.is_empty() { None } else { all.get(random.below(all.len())) }
}

fn replaced(sentence: &str, at: usize, word: &str, new: &str) -> String {
    format!("{}{new}{}", &sentence[..at], &sentence[at + word.len()..])
}
