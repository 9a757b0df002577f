//! Questions made from a folder's own passages, and others that it can hardly answer.
//!
//! A known item is a passage that is searched for by a few of its own words, as one does who remembers it. A cloze question is a
//! sentence of which a number, a name or a rare term was taken out and asked for (Taylor, 1953). Both are easier than what people ask,
//! as they keep the passage's words: a folder on which even these fail has a problem, one on which they succeed may still have one.

use serde::{Deserialize, Serialize};
use unicode_segmentation::UnicodeSegmentation as _;

use super::question::Question;

/// Words that a sentence must have to be asked about, and may have.
const SHORTEST: usize = 8;
const LONGEST: usize = 40;
/// Words by which a passage is searched for: as many as people type.
const REMEMBERED: usize = 5;
/// Letters of a term at least, which says something by itself.
const TERM: usize = 5;

/// What was taken out of a sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Gap {
    /// A number or a year.
    Number,
    /// A capitalized word that does not begin the sentence.
    Name,
    /// The word that is rarest in the folder.
    Term,
}

/// What a cloze question was made from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cloze {
    /// What was taken out.
    pub gap: Gap,
    /// The sentence with it, on one line: a passage that holds it is the right one.
    pub sentence: String,
}

/// A passage to be searched for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownItem {
    /// The rarest words of one of its sentences, in their order there.
    pub words: String,
    /// That sentence, on one line.
    pub sentence: String,
}

/// Asks for something in a passage: the longest sentence that holds a number, a name or a rare term (each is looked for first in a
/// third of the questions), with that left out. `None` when nothing in it can be asked for. `number` makes the id, `rarity` is the idf
/// of a word in the folder, 0 where it is not known.
pub fn cloze(number: usize, path: &str, text: &str, rarity: &dyn Fn(&str) -> f32) -> Option<Question> {
    let mut gaps = [Gap::Number, Gap::Name, Gap::Term];
    gaps.rotate_left(number % 3);
    let sentences = prose(text);
    let asked = |gap: Gap| {
        let of = |sentence: &String| take_out(gap, sentence, rarity).map(|found| (sentence.clone(), found));
        sentences.iter().filter_map(of).max_by_key(|(sentence, _)| sentence.len()).map(|found| (gap, found))
    };
    let (gap, (sentence, (question, answer))) = gaps.into_iter().find_map(asked)?;
    Some(Question {
        id: format!("known-{number}"),
        question,
        answers: vec![answer],
        unanswerable: false,
        files: vec![path.to_owned()],
        history: Vec::new(),
        cloze: Some(Cloze { gap, sentence }),
    })
}

/// Remembers a passage by the rarest words of its first sentence that has enough of them; `rarity` as for [`cloze`].
pub fn known_item(text: &str, rarity: &dyn Fn(&str) -> f32) -> Option<KnownItem> {
    prose(text).into_iter().find_map(|sentence| {
        let mut words: Vec<(usize, &str, f32)> = Vec::new();
        for (place, word) in sentence.unicode_words().enumerate() {
            let rare = rarity(word);
            if rare > 0.0 && words.iter().all(|(_, known, _)| !known.eq_ignore_ascii_case(word)) {
                words.push((place, word, rare));
            }
        }
        // Stable: of equal ones the earlier.
        words.sort_by(|a, b| b.2.total_cmp(&a.2));
        words.truncate(REMEMBERED);
        words.sort_by_key(|(place, ..)| *place);
        let remembered = words.iter().map(|(_, word, _)| *word).collect::<Vec<_>>().join(" ");
        (words.len() == REMEMBERED).then_some(KnownItem { words: remembered, sentence })
    })
}

/// Sentences of a passage that are neither too short nor too long nor code, each on one line.
fn prose(text: &str) -> Vec<String> {
    let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let fits = |sentence: &&str| {
        let words = sentence.split_whitespace().count();
        (SHORTEST..=LONGEST).contains(&words) && !sentence.contains(['|', '{', '`', '<', '='])
    };
    flat.unicode_sentences().filter(fits).map(|sentence| sentence.trim().to_owned()).collect()
}

/// A sentence with one part of it asked for, and that part.
fn take_out(gap: Gap, sentence: &str, rarity: &dyn Fn(&str) -> f32) -> Option<(String, String)> {
    let words: Vec<&str> = sentence.split_whitespace().collect();
    let bare = |at: usize| words[at].trim_matches(|c: char| !c.is_alphanumeric());
    let is_number = |word: &str| {
        word.chars().any(|c| c.is_ascii_digit()) && word.chars().all(|c| c.is_ascii_digit() || c == '.' || c == ',')
    };
    let is_name = |word: &str| {
        word.chars().count() > 3 && word.starts_with(char::is_uppercase) && word.chars().skip(1).all(char::is_lowercase)
    };
    let is_term = |word: &str| word.chars().count() >= TERM && word.chars().all(char::is_lowercase);
    // The last one: what is new stands at the end.
    let last = |fits: &dyn Fn(&str) -> bool| (1..words.len()).rev().find(|at| fits(bare(*at)));
    let at = match gap {
        Gap::Number => last(&is_number),
        Gap::Name => last(&is_name),
        Gap::Term => (1..words.len())
            .filter(|at| is_term(bare(*at)))
            .map(|at| (at, rarity(bare(at))))
            .filter(|(_, rare)| *rare > 0.0)
            .max_by(|a, b| a.1.total_cmp(&b.1))
            .map(|(at, _)| at),
    }?;
    let answer = bare(at).to_owned();
    let asked = match (gap, answer.parse::<u32>()) {
        (Gap::Number, Ok(1000..=2100)) => "what year",
        (Gap::Number, _) => "what number",
        (Gap::Name, _) => "whom or what",
        (Gap::Term, _) => "what",
    };
    let mut question = words.clone();
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

    fn unknown(_: &str) -> f32 {
        0.0
    }

    /// The longer a word the rarer; function words are none.
    fn by_length(word: &str) -> f32 {
        if word.len() > 3 { word.len() as f32 } else { 0.0 }
    }

    #[test]
    fn a_sentence_becomes_a_question_about_its_fact() {
        let text = "Short one. The old bridge over the river was built by settlers in 1886. It stands.";
        let question = cloze(3, "bridge.md", text, &unknown).unwrap();
        assert_eq!(question.question, "The old bridge over the river was built by settlers in what year?");
        assert_eq!((&question.answers[..], question.id.as_str()), (&["1886".to_owned()][..], "known-3"));
        assert!(question.is_gold("bridge.md"));
        let cloze_of = question.cloze.unwrap();
        assert_eq!((cloze_of.gap, text.contains(&cloze_of.sentence)), (Gap::Number, true));
        let name =
            cloze(0, "a", "In spring the garden of the old mill was planted again by Lindqvist.", &unknown).unwrap();
        assert_eq!(name.answers, ["Lindqvist"]);
    }

    #[test]
    fn numbers_names_and_terms_take_turns() {
        let text = "In spring 1886 the garden of the old mill was planted with gooseberries by Lindqvist.";
        let asked: Vec<(Gap, String)> = (0..3)
            .map(|number| cloze(number, "a", text, &by_length).unwrap())
            .map(|question| (question.cloze.unwrap().gap, question.answers[0].clone()))
            .collect();
        let wanted = [(Gap::Number, "1886"), (Gap::Name, "Lindqvist"), (Gap::Term, "gooseberries")];
        assert_eq!(asked, wanted.map(|(gap, answer)| (gap, answer.to_owned())));
    }

    #[test]
    fn what_holds_no_fact_is_not_asked_about() {
        assert_eq!(cloze(0, "a", "nothing in this sentence can be asked for by anyone at all.", &unknown), None);
        assert_eq!(cloze(0, "a", "let x = Vec::new(); let y = 1886; let z = 5; foo(x, y)", &by_length), None);
        assert_eq!(cloze(0, "a", "", &by_length), None);
    }

    #[test]
    fn a_passage_is_remembered_by_its_rarest_words_in_their_order() {
        let text = "It is so. The mill by the river was planted with\ngooseberries by old Lindqvist in the spring of that year.";
        let item = known_item(text, &by_length).unwrap();
        assert_eq!(item.words, "river planted gooseberries Lindqvist spring");
        assert!(item.sentence.contains("with gooseberries by"), "on one line");
        assert_eq!(known_item("Too short.", &by_length), None);
        assert_eq!(known_item(text, &unknown), None);
    }
}
