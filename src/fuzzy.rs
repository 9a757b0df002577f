//! How well a few typed letters fit a name: all of them in order, better at the starts of words and side by side.

/// A letter that is found.
const FOUND: i32 = 1;
/// It begins a word.
const WORD_START: i32 = 8;
/// It stands right behind the one before.
const ADJACENT: i32 = 5;
/// The first letter of the text, beyond a word's start: the text begins with what is typed.
const TEXT_START: i32 = 4;

/// How well `typed` fits `text`: `None` where a letter of it is missing, 0 where nothing is typed. Case does not count.
///
/// The best sum over all ways to place the letters, letter by letter: `ending[i]` is the best sum of those so far where the
/// last one stands at `i`.
pub(crate) fn score(typed: &str, text: &str) -> Option<i32> {
    if typed.is_empty() {
        return Some(0);
    }
    // Most names of a large folder do not have the letters at all, and placing them costs.
    let mut letters = text.chars().flat_map(char::to_lowercase);
    if !typed.chars().flat_map(char::to_lowercase).all(|letter| letters.any(|other| other == letter)) {
        return None;
    }
    let text: Vec<char> = text.chars().flat_map(char::to_lowercase).collect();
    let mut ending: Vec<Option<i32>> = Vec::new();
    for (nth, letter) in typed.chars().flat_map(char::to_lowercase).enumerate() {
        let mut next = vec![None; text.len()];
        let mut best_before = None;
        for at in 0..text.len() {
            if text[at] == letter {
                let own = FOUND + at_place(&text, at);
                let adjacent = at.checked_sub(1).and_then(|before| *ending.get(before)?).map(|sum| sum + ADJACENT);
                next[at] = if nth == 0 { Some(own) } else { adjacent.max(best_before).map(|sum| sum + own) };
            }
            best_before = best_before.max(ending.get(at).copied().flatten());
        }
        ending = next;
    }
    ending.into_iter().max().flatten()
}

fn at_place(text: &[char], at: usize) -> i32 {
    match at.checked_sub(1) {
        None => WORD_START + TEXT_START,
        Some(before) if !text[before].is_alphanumeric() && text[at].is_alphanumeric() => WORD_START,
        Some(_) => 0,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn letters_in_order_fit_and_others_do_not() {
        assert!(score("nwcn", "new conversation").is_some());
        assert_eq!(score("nn", "new"), None);
        assert_eq!(score("wn", "new"), None);
        assert_eq!(score("", "new"), Some(0));
    }

    #[test]
    fn starts_of_words_and_letters_side_by_side_are_worth_more() {
        let orders = [
            ("nc", "new conversation", "once"),
            ("help", "this help", "hold every plot"),
            ("co", "copy the quote", "the conversation"),
            ("of", "open the file", "look for it"),
        ];
        for (typed, better, worse) in orders {
            assert!(score(typed, better) > score(typed, worse), "{typed}: {better} before {worse}");
        }
        assert_eq!(score("NEW", "new"), score("new", "New"));
    }

    /// All ways to place the letters, one by one.
    fn by_hand(word: &[char], text: &[char], from: usize) -> Option<i32> {
        let [first, rest @ ..] = word else { return Some(0) };
        let ways = (from..text.len()).filter(|at| text[*at] == *first).filter_map(|at| {
            let adjacent = if from > 0 && at == from { ADJACENT } else { 0 };
            Some(FOUND + at_place(text, at) + adjacent + by_hand(rest, text, at + 1)?)
        });
        ways.max()
    }

    proptest! {
        #[test]
        fn the_best_way_is_found(word in "[abc]{1,5}", text in "[abc ]{0,12}") {
            let (letters, within): (Vec<char>, Vec<char>) = (word.chars().collect(), text.chars().collect());
            prop_assert_eq!(score(&word, &text), by_hand(&letters, &within, 0));
        }

        #[test]
        fn anything_typed_fits_or_not(typed in any::<String>(), text in any::<String>()) {
            prop_assert!(score(&typed, &text).is_none_or(|score| score >= 0));
        }
    }
}
