//! Words → stems (Snowball). Every language of [`LANGUAGES`] contributes one stem to a word; a word that no
//! stemmer changes has one stem, itself. A further language is a line in [`LANGUAGES`] and a feature of `frostem`.

use std::collections::HashMap;

use frostem::{Algorithm, Stemmer};

const LANGUAGES: [Algorithm; 1] = [Algorithm::English];

/// Words remembered at a time: few words make up most of a text, and stemming one costs more than looking it up.
const REMEMBERED: usize = 20_000;

/// The stemmers of all languages.
pub(crate) struct Stems {
    stemmers: [Stemmer; LANGUAGES.len()],
    known: HashMap<String, Vec<String>>,
}

impl Stems {
    pub(crate) fn new() -> Self {
        Self { stemmers: LANGUAGES.map(Stemmer::new), known: HashMap::new() }
    }

    /// The distinct stems of a lower-case word, never empty.
    pub(crate) fn of(&mut self, word: &str) -> &[String] {
        if !self.known.contains_key(word) {
            if self.known.len() >= REMEMBERED {
                self.known.clear();
            }
            let stems = self.stem(word);
            self.known.insert(word.to_owned(), stems);
        }
        &self.known[word]
    }

    fn stem(&self, word: &str) -> Vec<String> {
        let mut stems: Vec<String> = Vec::with_capacity(self.stemmers.len());
        for stemmer in &self.stemmers {
            let stem = stemmer.stem(word);
            let stem = if stem.is_empty() { word } else { stem.as_ref() };
            if !stems.iter().any(|known| known == stem) {
                stems.push(stem.to_owned());
            }
        }
        stems
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plural_and_its_singular_share_a_stem() {
        let mut stems = Stems::new();
        let plural = stems.of("libraries").to_vec();
        assert_eq!(plural, stems.of("library"));
        assert_eq!(stems.of("x9"), ["x9"]);
    }
}
