//! Words → stems (Snowball). Every language of [`LANGUAGES`] contributes one stem to a word; a word that no
//! stemmer changes has one stem, itself. A further language is a line in [`LANGUAGES`] and a feature of `frostem`.

use frostem::{Algorithm, Stemmer};

const LANGUAGES: [Algorithm; 1] = [Algorithm::English];

/// The stemmers of all languages.
pub(crate) struct Stems {
    stemmers: [Stemmer; LANGUAGES.len()],
}

impl Stems {
    pub(crate) fn new() -> Self {
        Self { stemmers: LANGUAGES.map(Stemmer::new) }
    }

    /// The distinct stems of a lower-case word, never empty.
    pub(crate) fn of(&self, word: &str) -> Vec<String> {
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
        let stems = Stems::new();
        assert_eq!(stems.of("libraries"), stems.of("library"));
        assert_eq!(stems.of("x9"), ["x9"]);
    }
}
