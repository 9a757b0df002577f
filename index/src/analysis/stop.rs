//! Words that say nothing about what is asked, in the languages of the folder.
//!
//! They stay in the index (phrases need them); only queries leave them out. A query is in one language, or too short to tell:
//! of the folder's languages, those whose words it holds most of are taken for its own, so that German `war` is no reason to
//! look for less in `world war`.

mod lists;

use std::sync::LazyLock;

use foldhash::{HashMap, HashMapExt};

use super::language::{Language, Languages, as_listed};

/// The languages that list a word.
#[derive(Debug, Clone, Copy, Default)]
struct Listed {
    /// It tells that a text is in one of these.
    plainly: Languages,
    /// It is one of theirs in a text of theirs: English means something by it.
    perhaps: Languages,
}

/// Never written after it is made.
static LISTED: LazyLock<HashMap<String, Listed>> = LazyLock::new(|| {
    let mut listed: HashMap<String, Listed> = HashMap::new();
    for (language, words) in lists::ALL {
        for word in words.split_whitespace() {
            let plain = word.trim_end_matches('*');
            let of_word = listed.entry(as_listed(plain)).or_default();
            let languages = if plain == word { &mut of_word.plainly } else { &mut of_word.perhaps };
            languages.insert(language);
        }
    }
    listed
});

fn listed(word: &str) -> Listed {
    LISTED.get(word).copied().unwrap_or_default()
}

/// Which of `languages` a text is in, by its lower-case words: those that list most of them, several where they are equal.
pub(super) fn spoken(words: &[&str], languages: Languages) -> Languages {
    let languages = languages.spoken();
    if languages.iter().nth(1).is_none() {
        return languages;
    }
    let counts: Vec<(Language, usize)> = languages
        .iter()
        .map(|language| (language, words.iter().filter(|word| listed(word).plainly.contains(language)).count()))
        .collect();
    let most = counts.iter().map(|&(_, count)| count).max().filter(|&most| most > 0);
    let mut spoken = Languages::default();
    for (language, _) in counts.into_iter().filter(|&(_, count)| Some(count) == most) {
        spoken.insert(language);
    }
    spoken
}

/// Whether a lower-case word is a stop word in one of the languages.
pub(super) fn is_stop_word(word: &str, languages: Languages) -> bool {
    let Listed { plainly, perhaps } = listed(word);
    plainly.meets(languages) || perhaps.meets(languages)
}

/// The share of `words` that are stop words of a language, whatever else they may be.
pub(super) fn share(words: &[String], language: Language) -> f32 {
    let languages = Languages::from(language);
    let stops = words.iter().filter(|word| is_stop_word(word, languages)).count();
    stops as f32 / words.len().max(1) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(languages: &[Language]) -> Languages {
        Languages::from(languages.to_vec())
    }

    /// What remains of a text.
    fn telling(text: &str, languages: Languages) -> Vec<&str> {
        let mut words: Vec<&str> = text.split(' ').collect();
        let spoken = spoken(&words, languages);
        words.retain(|word| !is_stop_word(word, spoken));
        words
    }

    #[test]
    fn every_language_lists_its_words_once() {
        for (language, words) in lists::ALL {
            let words: Vec<&str> = words.split_whitespace().map(|word| word.trim_end_matches('*')).collect();
            assert!((40..=200).contains(&words.len()), "{language:?}: {}", words.len());
            let distinct: std::collections::HashSet<&&str> = words.iter().collect();
            assert_eq!(distinct.len(), words.len(), "{language:?}");
        }
        assert!(lists::ALL.iter().map(|(language, _)| *language).eq(Language::ALL), "in one order");
    }

    #[test]
    fn words_of_another_language_than_the_folders_are_no_stop_words() {
        let english = of(&[Language::English]);
        assert_eq!(telling("which is the library", english), ["library"]);
        assert_eq!(telling("apa itu perpustakaan", english), ["apa", "itu", "perpustakaan"]);
        assert_eq!(telling("apa itu perpustakaan", of(&[Language::Indonesian])), ["perpustakaan"]);
    }

    #[test]
    fn a_query_has_the_stop_words_of_its_own_language() {
        let both = of(&[Language::English, Language::German]);
        assert_eq!(telling("what did he die of in the war", both), ["die", "war"]);
        assert_eq!(telling("was war die ursache", both), ["ursache"]);
        assert_eq!(telling("world war", both), ["world", "war"]);
        // Nothing else is in a folder of German documents.
        assert_eq!(telling("die ursache", of(&[Language::German])), ["ursache"]);
    }
}
