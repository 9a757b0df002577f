//! How far vectors can be trusted for a question in its language. Pure.
//!
//! An English model knows little of other languages and nothing of other scripts: all-MiniLM-L6-v2 finds (`nDCG@10`, `XQuAD`) 0.70
//! of German, 0.13 of Greek and 0.04 of Arabic, where words alone find above 0.9. What the library's model knows only the
//! application can say ([`Affinity`]); what a question is written in is guessed here.

use crate::analysis::{Languages, is_english_rather};
use crate::fusion::VECTOR_WEIGHT;

/// The languages that the model of the vectors was trained on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Affinity {
    /// Many, or unknown: every question has the same weight.
    #[default]
    Multilingual,
    /// English alone.
    English,
}

/// Share of the cosine for a question in Latin script that is surely not English, by an English model.
const OTHER_LANGUAGE_WEIGHT: f32 = 0.25;
/// Share of Latin letters below which a question counts as one in another script.
const LATIN_SHARE: f32 = 0.5;
/// Letters that a guess of the language needs; of fewer (a name, a term) the guess is noise.
const FEWEST_LETTERS: usize = 20;
/// Bytes that are looked at.
const LONGEST: usize = 2048;

/// The cosine's share in the score of a question: [`VECTOR_WEIGHT`], less where the model hardly knows the language, 0 where it
/// does not know the script. Whatever cannot be told keeps the plain weight.
pub(crate) fn vector_weight(question: &str, affinity: Affinity, folder: Languages) -> f32 {
    let question = &question[..question.floor_char_boundary(LONGEST)];
    match affinity {
        Affinity::English if latin_share(question).is_some_and(|share| share < LATIN_SHARE) => 0.0,
        Affinity::English if is_in_another(question, folder) => OTHER_LANGUAGE_WEIGHT,
        Affinity::English | Affinity::Multilingual => VECTOR_WEIGHT,
    }
}

/// Share of a text's letters that are Latin; `None` without letters.
fn latin_share(text: &str) -> Option<f32> {
    let (mut letters, mut latin) = (0usize, 0usize);
    for c in text.chars().filter(|c| c.is_alphabetic()) {
        letters += 1;
        latin += usize::from(is_latin(c));
    }
    (letters > 0).then(|| latin as f32 / letters as f32)
}

/// Whether a letter is of the Latin script: the letters of its Unicode blocks, full-width forms included.
fn is_latin(letter: char) -> bool {
    letter.is_ascii()
        || matches!(u32::from(letter),
            0x00AA | 0x00BA | 0x00C0..=0x024F | 0x1E00..=0x1EFF | 0x2C60..=0x2C7F | 0xA722..=0xA7FF | 0xFB00..=0xFB06
            | 0xFF21..=0xFF3A | 0xFF41..=0xFF5A)
}

/// Whether a question in Latin script is in another language than English. In a folder with documents in others, function words tell:
/// a question has some, and there are few languages to tell apart.
fn is_in_another(question: &str, folder: Languages) -> bool {
    is_english_rather(question, folder).map_or_else(|| is_surely_not_english(question), |is_english| !is_english)
}

/// Whether a question in Latin script is reliably in a language other than English: so whatlang says of 1 of 650 English questions
/// and claims (`SciFact`, `SQuAD` 2, the Rust book) and of 6 of 10 German and Spanish ones (`XQuAD`).
fn is_surely_not_english(question: &str) -> bool {
    // Also keeps texts from the detector that it finds no trigram in.
    if question.chars().filter(|c| c.is_alphabetic()).count() < FEWEST_LETTERS {
        return false;
    }
    whatlang::detect(question).is_some_and(|guess| guess.is_reliable() && guess.lang() != whatlang::Lang::Eng)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::analysis::Language;

    fn english_model(question: &str) -> f32 {
        vector_weight(question, Affinity::English, Languages::ENGLISH)
    }

    fn is(weight: f32, expected: f32) -> bool {
        (weight - expected).abs() < 1e-6
    }

    #[test]
    fn a_script_that_an_english_model_never_saw_has_no_weight() {
        for question in ["Где находится столица Австралии?", "首都在哪里？", "เมืองหลวงอยู่ที่ไหน", "ما هي عاصمة فرنسا؟"]
        {
            assert!(is(english_model(question), 0.0), "{question}");
            assert!(
                is(vector_weight(question, Affinity::Multilingual, Languages::ENGLISH), VECTOR_WEIGHT),
                "{question}"
            );
        }
    }

    #[test]
    fn another_language_in_latin_script_has_less_and_english_the_plain_weight() {
        for question in [
            "Wie viele Einwohner hatte die Stadt Magdeburg nach dem Ende des Dreißigjährigen Krieges?",
            "¿Cuántos habitantes tenía la ciudad después de la guerra de los treinta años?",
        ] {
            assert!(is(english_model(question), OTHER_LANGUAGE_WEIGHT), "{question}");
        }
        for question in ["How many people lived in Magdeburg after the war?", "borrow checker", "What is ownership?"] {
            assert!(is(english_model(question), VECTOR_WEIGHT), "{question}");
        }
    }

    #[test]
    fn in_a_folder_of_several_languages_a_few_function_words_tell() {
        let folder = Languages::from(vec![Language::English, Language::Indonesian]);
        let weight = |question: &str| vector_weight(question, Affinity::English, folder);
        for question in ["Siapa nama ibu kota itu?", "kapan perang dimulai di Jawa"] {
            assert!(is(weight(question), OTHER_LANGUAGE_WEIGHT), "{question}");
        }
        for question in ["Who was the king of Java?", "borrow checker", "what is nasi goreng"] {
            assert!(is(weight(question), VECTOR_WEIGHT), "{question}");
        }
    }

    #[test]
    fn what_cannot_be_told_keeps_the_plain_weight() {
        for question in ["", "42", "E = mc²", "Zürich", "a b c d e f g h i j k l", "GPU 东京 rendering benchmark"] {
            assert!(is(english_model(question), VECTOR_WEIGHT), "{question}");
        }
    }

    proptest! {
        #[test]
        fn any_question_has_one_of_three_weights(question in any::<String>()) {
            let weight = english_model(&question);
            prop_assert!([0.0, OTHER_LANGUAGE_WEIGHT, VECTOR_WEIGHT].into_iter().any(|known| is(weight, known)));
        }
    }
}
