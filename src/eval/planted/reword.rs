//! Light rewordings that leave a sentence true, as a model makes them.

use unicode_segmentation::UnicodeSegmentation as _;

/// Words that begin a part that can stand elsewhere.
const MOVABLE: [&str; 12] =
    ["In", "On", "During", "After", "Before", "By", "At", "From", "Since", "Under", "For", "Between"];
/// Words that begin a clause that can be left out.
const ADDED: [&str; 5] = ["which", "who", "where", "including", "although"];
/// Numbers with their words.
const NUMBERS: [(&str, &str); 11] = [
    ("two", "2"),
    ("three", "3"),
    ("four", "4"),
    ("five", "5"),
    ("six", "6"),
    ("seven", "7"),
    ("eight", "8"),
    ("nine", "9"),
    ("ten", "10"),
    ("eleven", "11"),
    ("twelve", "12"),
];

/// Without what stands in parentheses, else without a clause between commas, else without the part behind the last comma.
pub(super) fn dropped(sentence: &str) -> Option<String> {
    if let (Some(open), Some(close)) = (sentence.find(" ("), sentence.find(')'))
        && open < close
    {
        return enough(format!("{}{}", &sentence[..open], &sentence[close + 1..]));
    }
    let commas: Vec<usize> = sentence.match_indices(", ").map(|(at, _)| at).collect();
    for pair in commas.windows(2) {
        if ADDED.iter().any(|word| sentence[pair[0] + 2..].starts_with(&format!("{word} "))) {
            return enough(format!("{}{}", &sentence[..pair[0]], &sentence[pair[1] + 1..]));
        }
    }
    let end = sentence.chars().next_back()?;
    enough(format!("{}{end}", &sentence[..*commas.last()?]))
}

/// The part at the beginning at the end, or the other way round.
pub(super) fn reordered(sentence: &str) -> Option<String> {
    let end = sentence.chars().next_back()?;
    let body = sentence.strip_suffix(end)?;
    let is_movable = |part: &str| {
        let words = part.split(' ').count();
        (2..=7).contains(&words)
            && MOVABLE.iter().any(|word| part.to_lowercase().starts_with(&format!("{} ", word.to_lowercase())))
    };
    if let Some((lead, rest)) = body.split_once(", ")
        && is_movable(lead)
    {
        return Some(format!("{} {}{end}", upper(rest), lower(lead)));
    }
    // The last " in …" of a sentence without commas behind it.
    let at = body.rfind(" in ").or_else(|| body.rfind(" during "))?;
    let part = &body[at + 1..];
    // A longer first word may be a name.
    let first = body.unicode_words().next()?;
    let first_is_name =
        first.chars().count() > 3 && !["They", "Their", "There", "Upon", "This", "These"].contains(&first);
    (is_movable(part) && !part.contains(',')).then(|| {
        let rest = if first_is_name { body[..at].to_owned() } else { lower(&body[..at]) };
        format!("{}, {rest}{end}", upper(part))
    })
}

/// A pronoun for the name, or the noun, that a sentence begins with.
pub(super) fn pronoun(sentence: &str) -> Option<String> {
    let words: Vec<&str> = sentence.split(' ').collect();
    let is_name =
        |word: &str| word.starts_with(char::is_uppercase) && word.chars().all(char::is_alphanumeric) && word != "There";
    let names = words.iter().take_while(|word| is_name(word)).count();
    let verb = *words.get(names)?;
    let plain = ["is", "was", "has", "had", "are", "were", "have"].contains(&verb);
    (plain && (1..=3).contains(&names)).then(|| {
        let pronoun = if ["are", "were", "have"].contains(&verb) { "They" } else { "It" };
        format!("{pronoun} {}", words[names..].join(" "))
    })
}

/// Numbers and negations in another style.
pub(super) fn restyled(sentence: &str) -> Option<String> {
    let word = |word: &str| {
        let bare = word.trim_matches(|c: char| !c.is_alphanumeric());
        let new = if let Some((name, digit)) = NUMBERS.iter().find(|(name, digit)| bare == *name || bare == *digit) {
            if bare == *name { (*digit).to_owned() } else { (*name).to_owned() }
        } else if bare.contains(',') && bare.chars().all(|c| c.is_ascii_digit() || c == ',') {
            bare.replace(',', "")
        } else {
            return word.to_owned();
        };
        word.replace(bare, &new)
    };
    let new = sentence.split(' ').map(word).collect::<Vec<_>>().join(" ");
    let new = new.replace(" did not ", " didn't ").replace(" was not ", " wasn't ").replace(" is not ", " isn't ");
    (new != sentence).then_some(new)
}

/// What is left is still a sentence.
fn enough(sentence: String) -> Option<String> {
    (sentence.split(' ').count() >= 5).then_some(sentence)
}

fn upper(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

fn lower(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_lowercase().chain(chars).collect())
}
