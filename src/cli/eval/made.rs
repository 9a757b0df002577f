//! Questions made from the folder itself, where there are no labelled ones.

use anyhow::{Context as _, Result};

use crate::cli::ask::Desk;
use crate::eval::{self, Question, Shares};

/// Passages that are looked at when a known item is searched for.
const LOOKED_AT: usize = 10;

/// What the folder is asked about itself.
pub(super) struct Made {
    /// Cloze questions, and foreign ones that it does not answer.
    pub(super) questions: Vec<Question>,
    /// What became of the searches for known items.
    pub(super) found: Vec<Shares>,
}

/// At most `count` cloze questions and `count` known items of the folder, and of the foreign questions those whose answer no passage found
/// for them holds.
pub(super) fn made(desk: &Desk<'_>, count: usize) -> Result<Made> {
    let snapshot = desk.library.snapshot().context("cannot read the library")?;
    let rarity = |word: &str| -> f32 {
        // A library without a word index knows no rarities; then no rare terms are asked for.
        let weights = snapshot.term_weights(word).unwrap_or_default();
        weights.first().map_or(0.0, |(_, idf)| *idf)
    };
    // Not every passage has a sentence to ask about.
    let sample = snapshot.sample(count * 4).context("cannot read the library")?;
    let cloze =
        sample.iter().enumerate().filter_map(|(number, chunk)| eval::cloze(number, &chunk.path, &chunk.text, &rarity));
    let mut questions: Vec<Question> = cloze.take(count).collect();
    for (number, (question, answer)) in eval::FOREIGN.iter().enumerate() {
        let texts = desk.search(question, LOOKED_AT)?;
        let holds =
            |text: &String| text.split(|c: char| !c.is_alphanumeric()).any(|word| word.eq_ignore_ascii_case(answer));
        if !texts.iter().any(holds) {
            questions.push(Question {
                id: format!("foreign-{number}"),
                question: (*question).to_owned(),
                answers: Vec::new(),
                unanswerable: true,
                files: Vec::new(),
                history: Vec::new(),
                cloze: None,
            });
        }
    }
    let mut found = Vec::new();
    for item in sample.iter().filter_map(|chunk| eval::known_item(&chunk.text, &rarity)).take(count) {
        found.push(eval::found(&item.sentence, &desk.search(&item.words, LOOKED_AT)?));
    }
    Ok(Made { questions, found })
}
