//! Which sentences say most: tf-idf vectors, their nearness to the middle of all, and a choice of unlike ones (maximal marginal
//! relevance, Carbonell and Goldstein 1998). Pure.

use std::collections::BTreeMap;

use super::piece::{Kind, Piece};
use crate::answer::cite::Terms;

/// Words of a sentence that can stand alone in a summary.
const WORDS: std::ops::RangeInclusive<usize> = 5..=60;
/// Share of letters below which a piece is a figure, a command or a rule.
const LETTERS: f32 = 0.6;
/// What being like the middle counts against being unlike what was chosen.
const RELEVANCE: f32 = 0.7;
/// The first sentence says what a section is about more often than others.
const FIRST: f32 = 1.15;
/// An item of a list is a part of something.
const ITEM: f32 = 0.9;

/// Terms with their weights, of unit length unless empty.
pub(super) type Vector = BTreeMap<String, f32>;

/// Whether a piece can stand in a summary.
pub(super) fn is_telling(piece: &Piece<'_>) -> bool {
    let text = piece.text;
    let letters = text.chars().filter(|c| c.is_alphabetic()).count() as f32;
    let shown = text.chars().filter(|c| !c.is_whitespace()).count() as f32;
    let words = text.split_whitespace().count();
    // Scripts without spaces count by their letters: about two make a word.
    let words = if words < 3 && !text.is_ascii() { letters as usize / 2 } else { words };
    piece.kind != Kind::Row && WORDS.contains(&words) && letters >= LETTERS * shown && !text.ends_with([':', '{', ';'])
}

/// The tf-idf vector of a text.
pub(super) fn vector(text: &str, terms: &dyn Terms) -> Vector {
    let mut counts = Vector::new();
    for term in terms.terms(text) {
        *counts.entry(term).or_default() += 1.0;
    }
    for (term, count) in &mut counts {
        *count *= terms.idf(term);
    }
    normalized(counts)
}

fn normalized(mut vector: Vector) -> Vector {
    let length = vector.values().map(|weight| weight * weight).sum::<f32>().sqrt();
    if length > 0.0 {
        for weight in vector.values_mut() {
            *weight /= length;
        }
    }
    vector
}

/// The cosine of two vectors.
pub(super) fn cosine(a: &Vector, b: &Vector) -> f32 {
    let (short, long) = if a.len() < b.len() { (a, b) } else { (b, a) };
    short.iter().filter_map(|(term, weight)| Some(weight * long.get(term)?)).sum()
}

/// How near each of `vectors` is to the middle of all, 0 to 1.
pub(super) fn centrality(vectors: &[Vector]) -> Vec<f32> {
    let mut sum = Vector::new();
    for (term, weight) in vectors.iter().flatten() {
        *sum.entry(term.clone()).or_default() += weight;
    }
    let middle = normalized(sum);
    vectors.iter().map(|vector| cosine(vector, &middle)).collect()
}

/// How telling the `at`th sentence of a section is.
pub(super) fn weight(central: f32, at: usize, kind: Kind) -> f32 {
    central * if at == 0 { FIRST } else { 1.0 } * if kind == Kind::Item { ITEM } else { 1.0 }
}

/// The places of at most `keep` of some pieces, by falling worth: each is weighty and unlike those before it. `may` is asked whether a
/// piece can join those that were chosen.
pub(super) fn choose(
    weights: &[f32],
    keep: usize,
    alike: &dyn Fn(usize, usize) -> f32,
    may: &dyn Fn(usize, &[usize]) -> bool,
) -> Vec<usize> {
    let mut chosen: Vec<usize> = Vec::new();
    // How like the chosen ones each is: kept up as they grow, so that nothing is compared twice.
    let mut likest = vec![0.0f32; weights.len()];
    while chosen.len() < keep {
        let worth = |at: &usize| RELEVANCE * weights[*at] - (1.0 - RELEVANCE) * likest[*at];
        let open = (0..weights.len()).filter(|at| !chosen.contains(at) && may(*at, &chosen));
        let Some(next) = open.reduce(|best, at| if worth(&at) > worth(&best) { at } else { best }) else { break };
        for (at, like) in likest.iter_mut().enumerate() {
            *like = like.max(alike(at, next));
        }
        chosen.push(next);
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Words;

    impl Terms for Words {
        fn terms(&self, text: &str) -> Vec<String> {
            text.split(|c: char| !c.is_alphanumeric()).filter(|w| w.len() > 3).map(str::to_lowercase).collect()
        }
        fn idf(&self, _: &str) -> f32 {
            1.0
        }
    }

    #[test]
    fn the_middle_is_what_most_speak_of() {
        let texts = ["pear trees bloom early", "pear trees need water", "the train was late again"];
        let vectors: Vec<Vector> = texts.iter().map(|text| vector(text, &Words)).collect();
        let central = centrality(&vectors);
        assert!(central[0] > central[2] && central[1] > central[2], "{central:?}");
        assert!((cosine(&vectors[0], &vectors[0]) - 1.0).abs() < 1e-5 && cosine(&vectors[0], &vectors[2]) < 1e-5);
    }

    #[test]
    fn what_was_said_is_not_chosen_again() {
        // The second is as good as the first and says the same.
        let weights = [1.0, 0.99, 0.6];
        let alike = |a: usize, b: usize| if a.max(b) < 2 { 1.0 } else { 0.0 };
        assert_eq!(choose(&weights, 2, &alike, &|_, _| true), [0, 2]);
        assert_eq!(choose(&weights, 9, &alike, &|at, _| at != 2), [0, 1]);
    }

    #[test]
    fn figures_commands_and_stubs_are_no_summary() {
        let telling = |text: &str| is_telling(&crate::answer::whole::piece::pieces(text)[0]);
        assert!(telling("The pear tree was pruned in early March."));
        assert!(telling("これは春に剪定された梨の木です"));
        for text in
            ["See above.", "10 20 30 40 50 60 70 80", "let x = call(a, b, c, d, e);", "Do the following things now:"]
        {
            assert!(!telling(text), "{text}");
        }
    }
}
