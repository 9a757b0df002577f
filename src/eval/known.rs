//! Questions made from a folder's own passages, and others that it can hardly answer.
//!
//! A known item is a sentence of which a number, a year or a name was taken out and asked for. That is easier than what people ask,
//! as it keeps the sentence's words: a folder on which even these fail has a problem, one on which they succeed may still have one.

use unicode_segmentation::UnicodeSegmentation as _;

use super::question::Question;

/// Words that a sentence must have to be asked about, and may have.
const SHORTEST: usize = 8;
const LONGEST: usize = 40;

/// Asks for something in a passage: its longest fitting sentence, with one part of it left out. `None` when nothing in it can be asked
/// for. `number` makes the id.
pub fn cloze(number: usize, path: &str, text: &str) -> Option<Question> {
    let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let sentences = flat.unicode_sentences().filter(|sentence| {
        let words = sentence.split_whitespace().count();
        (SHORTEST..=LONGEST).contains(&words) && !sentence.contains(['|', '{', '`', '<', '='])
    });
    let (question, answer) = sentences.filter_map(gap).max_by_key(|(question, _)| question.len())?;
    Some(Question {
        id: format!("known-{number}"),
        question,
        answers: vec![answer],
        unanswerable: false,
        files: vec![path.to_owned()],
        history: Vec::new(),
    })
}

/// A sentence with its last number, year or name asked for.
fn gap(sentence: &str) -> Option<(String, String)> {
    let words: Vec<&str> = sentence.split_whitespace().collect();
    let bare = |word: &str| word.trim_matches(|c: char| !c.is_alphanumeric()).to_owned();
    let is_number = |word: &str| {
        word.chars().any(|c| c.is_ascii_digit()) && word.chars().all(|c| c.is_ascii_digit() || c == '.' || c == ',')
    };
    let is_name = |word: &str| {
        word.chars().count() > 3 && word.starts_with(char::is_uppercase) && word.chars().skip(1).all(char::is_lowercase)
    };
    let at = (1..words.len()).rev().find(|at| {
        let word = bare(words[*at]);
        is_number(&word) || is_name(&word)
    })?;
    let answer = bare(words[at]);
    let asked = match answer.parse::<u32>() {
        Ok(1000..=2100) => "what year",
        Ok(_) => "what number",
        Err(_) if is_number(&answer) => "what number",
        Err(_) => "whom or what",
    };
    let mut question: Vec<&str> = words.clone();
    question[at] = asked;
    let question = question.join(" ");
    Some((format!("{}?", question.trim_end_matches(['.', '!', '?', ';', ':', ' '])), answer))
}

/// Questions of general knowledge with a word of their answers: a folder whose passages do not hold that word does not answer them.
pub const FOREIGN: &[(&str, &str)] = &[
    ("Which gas do plants take in for photosynthesis?", "dioxide"),
    ("Who painted the ceiling of the Sistine Chapel?", "Michelangelo"),
    ("What is the capital of Mongolia?", "Ulaanbaatar"),
    ("How many strings does a violin have?", "four"),
    ("In which ocean do the Maldives lie?", "Indian"),
    ("Who wrote the novel War and Peace?", "Tolstoy"),
    ("Which planet has the moon Titan?", "Saturn"),
    ("What is the chemical symbol of potassium?", "K"),
    ("Which river flows through Baghdad?", "Tigris"),
    ("Who discovered penicillin?", "Fleming"),
    ("How many players does a water polo team have in the water?", "seven"),
    ("Which country hosted the football world cup of 1966?", "England"),
    ("What is the longest bone of the human body?", "femur"),
    ("Which composer wrote the opera Aida?", "Verdi"),
    ("In which city does the tram number 28 climb to the castle?", "Lisbon"),
    ("What currency is used in Hungary?", "forint"),
    ("Which metal is liquid at room temperature?", "mercury"),
    ("Who was the first woman to fly into space?", "Tereshkova"),
    ("How long is a marathon in kilometers?", "42"),
    ("Which sea lies between Sweden and Finland?", "Bothnia"),
    ("What do pandas mostly eat?", "bamboo"),
    ("Which instrument measures air pressure?", "barometer"),
    ("Who directed the film Seven Samurai?", "Kurosawa"),
    ("What is the highest mountain of Japan?", "Fuji"),
    ("Which vitamin does sunlight let the skin make?", "D"),
    ("How many squares does a chess board have?", "64"),
    ("Siapa presiden pertama Indonesia?", "Soekarno"),
    ("Welcher Fluss fließt durch Wien?", "Donau"),
    ("¿Qué océano baña la costa de Chile?", "Pacífico"),
    ("Quelle est la capitale de la Bolivie ?", "Sucre"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_becomes_a_question_about_its_fact() {
        let text = "Short one. The old bridge over the river was built by settlers in 1886. It stands.";
        let question = cloze(3, "bridge.md", text).unwrap();
        assert_eq!(question.question, "The old bridge over the river was built by settlers in what year?");
        assert_eq!((&question.answers[..], question.id.as_str()), (&["1886".to_owned()][..], "known-3"));
        assert!(question.is_gold("bridge.md"));
        let name = cloze(0, "a", "In spring the garden of the old mill was planted again by Lindqvist.").unwrap();
        assert_eq!(name.answers, ["Lindqvist"]);
    }

    #[test]
    fn what_holds_no_fact_is_not_asked_about() {
        assert_eq!(cloze(0, "a", "nothing in this sentence can be asked for by anyone at all."), None);
        assert_eq!(cloze(0, "a", "let x = Vec::new(); let y = 1886; let z = 5; foo(x, y)"), None);
        assert_eq!(cloze(0, "a", ""), None);
    }
}
