//! Words → stems (Snowball), by language. A word that its stemmer does not change is its own stem.

use foldhash::HashMap;
use frostem::Stemmer;

use super::language::{Language, Languages};

/// Words remembered at a time, for each language: few words make up most of a text, and stemming one costs more than looking
/// it up.
const REMEMBERED: usize = 20_000;

/// The stemmers of all languages, with what they said lately.
#[derive(Default)]
pub(crate) struct Stems {
    known: [Known; Language::ALL.len()],
}

#[derive(Default)]
struct Known {
    places: HashMap<Box<str>, usize>,
    stems: Vec<Box<str>>,
}

impl Stems {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// The stem of a lower-case word, never empty.
    pub(crate) fn of(&mut self, language: Language, word: &str) -> &str {
        let known = &mut self.known[language as usize];
        let place = if let Some(&place) = known.places.get(word) {
            place
        } else {
            if known.stems.len() >= REMEMBERED {
                *known = Known::default();
            }
            known.stems.push(stem(language, word));
            known.places.insert(word.into(), known.stems.len() - 1);
            known.stems.len() - 1
        };
        &known.stems[place]
    }

    /// A word's stems in each of `languages`, in their order, repeats included.
    pub(crate) fn in_each(&mut self, languages: Languages, word: &str) -> Vec<String> {
        languages.iter().map(|language| self.of(language, word).to_owned()).collect()
    }
}

fn stem(language: Language, word: &str) -> Box<str> {
    let stem = Stemmer::new(language.algorithm()).stem(word);
    if stem.is_empty() { word.into() } else { stem.into() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn forms_of_a_word_share_a_stem_in_their_language() {
        let mut stems = Stems::new();
        for (language, some, other) in [
            (Language::English, "libraries", "library"),
            (Language::Arabic, "المكتبة", "مكتبة"),
            (Language::Arabic, "كِتَاب", "كـتـاب"),
            (Language::Danish, "bøgerne", "bøger"),
            (Language::Dutch, "boeken", "boek"),
            (Language::Finnish, "kirjastossa", "kirjasto"),
            (Language::French, "bibliothèques", "bibliothèque"),
            (Language::German, "häuser", "haus"),
            (Language::Greek, "βιβλιοθήκες", "βιβλιοθήκη"),
            (Language::Hindi, "किताबों", "किताब"),
            (Language::Hungarian, "könyvtárban", "könyvtár"),
            (Language::Indonesian, "dibaca", "membacakan"),
            (Language::Indonesian, "perpustakaan", "pustaka"),
            (Language::Italian, "montagne", "montagna"),
            (Language::Norwegian, "båtene", "båter"),
            (Language::Portuguese, "bibliotecas", "biblioteca"),
            (Language::Romanian, "bibliotecile", "biblioteca"),
            (Language::Russian, "книгами", "книга"),
            (Language::Spanish, "canciones", "canción"),
            (Language::Swedish, "båtarna", "båtar"),
            (Language::Turkish, "kitaplar", "kitap"),
        ] {
            assert_eq!(stems.of(language, some).to_owned(), stems.of(language, other), "{some} {other}");
        }
        assert_ne!(stems.of(Language::English, "häuser").to_owned(), stems.of(Language::English, "haus"));
        assert_eq!(stems.of(Language::English, "x9"), "x9");
    }

    #[test]
    fn forgetting_what_was_said_changes_nothing() {
        let mut stems = Stems::new();
        let first = stems.of(Language::English, "libraries").to_owned();
        for number in 0..=REMEMBERED {
            stems.of(Language::English, &format!("word{number}"));
        }
        assert_eq!(stems.of(Language::English, "libraries"), first);
    }

    proptest! {
        #[test]
        fn any_word_has_a_stem_in_every_language(word in "\\PC{1,12}", ending in "\\p{L}{0,4}") {
            let word = format!("{word}{ending}").to_lowercase();
            let mut stems = Stems::new();
            for language in Language::ALL {
                prop_assert!(!stems.of(language, &word).is_empty());
            }
        }
    }
}
