//! Pseudo-relevance feedback: words of the best passages join the search at a low weight. Pure.
//!
//! What the best passages say again and again, and others rarely, is likely part of the answer's own language: a second search with
//! it finds passages that put the matter in other words. The idea of RM3 (Abdul-Jaleel et al., TREC 2004) with tf · idf in place of a
//! language model. It drifts where the best passages are wrong, so it is off for searches that know what they look for.

use std::collections::{BTreeMap, HashSet};

use crate::boost::Asked;
use crate::conditions::Conditions;
use crate::words::query::WeightedText;
use crate::words::terms::FolderTerm;

/// Passages whose words are taken.
pub(crate) const PASSAGES: usize = 3;
/// Words taken, the most telling.
const TERMS: usize = 10;
/// Their weight, against 1 for the question's.
const WEIGHT: f32 = 0.2;
/// Words below which a search says too little: whatever comes first would decide what it means.
const FEWEST_WORDS: usize = 3;
/// Passages with a word of the search below which it is specific: the rest would be a search for something else.
const FEWEST_MATCHES: usize = 10;
/// Characters of a word worth taking.
const SHORTEST_TERM: usize = 2;

/// Whether a search may be widened: not if it quotes, asks for identifiers, is very short, or hardly anything matches it.
pub(crate) fn is_wanted(asked: &Asked, conditions: &Conditions, matches: usize) -> bool {
    conditions.phrases.is_empty()
        && !asked.has_identifiers()
        && asked.telling_words() >= FEWEST_WORDS
        && matches >= FEWEST_MATCHES
}

/// A term of the best passages.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Counted {
    pub(crate) term: FolderTerm,
    /// How often it stands there.
    pub(crate) count: usize,
}

/// The terms of passages that the search does not hold, the most frequent first, equals by their stem.
pub(crate) fn count(passages: Vec<FolderTerm>, search: &[FolderTerm]) -> Vec<Counted> {
    let known: HashSet<&str> = search.iter().map(|term| term.stem.as_str()).collect();
    let mut counted: BTreeMap<String, Counted> = BTreeMap::new();
    for term in passages {
        if !known.contains(term.stem.as_str()) && term.stem.chars().nth(SHORTEST_TERM - 1).is_some() {
            counted.entry(term.stem.clone()).or_insert(Counted { term, count: 0 }).count += 1;
        }
    }
    let mut counted: Vec<Counted> = counted.into_values().collect();
    // Stable: equals stay in the order of their stems.
    counted.sort_by_key(|one| std::cmp::Reverse(one.count));
    counted
}

/// The search with the most telling of `counted` by tf · idf; `None` if there are none.
pub(crate) fn widened(search: &[WeightedText], counted: &[Counted]) -> Option<Vec<WeightedText>> {
    let main = search.iter().map(|text| text.weight).filter(|weight| weight.is_finite()).fold(0.0, f32::max);
    let worth = |one: &Counted| one.count as f32 * one.term.idf;
    let mut telling: Vec<&Counted> = counted.iter().collect();
    telling.sort_by(|a, b| worth(b).total_cmp(&worth(a)).then_with(|| a.term.stem.cmp(&b.term.stem)));
    let mut words: Vec<&str> = Vec::new();
    for Counted { term, .. } in telling {
        let word = term.word.exact.as_deref().unwrap_or(&term.stem);
        if words.len() < TERMS && !words.contains(&word) {
            words.push(word);
        }
    }
    if words.is_empty() || main <= 0.0 {
        return None;
    }
    let further = WeightedText { text: words.join(" "), weight: main * WEIGHT };
    Some(search.iter().cloned().chain([further]).collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::analysis::{Languages, query_terms};

    fn search(text: &str) -> Vec<WeightedText> {
        vec![WeightedText { text: text.into(), weight: 1.0 }]
    }

    /// As if every term were as rare as it is long.
    fn terms(text: &str) -> Vec<FolderTerm> {
        let words = query_terms(text, Languages::ENGLISH).into_iter();
        words
            .map(|word| {
                let stem = word.stems[0].clone();
                FolderTerm { idf: stem.len() as f32, stem, absent: false, word }
            })
            .collect()
    }

    fn counted(passages: &[&str], search: &[WeightedText]) -> Vec<Counted> {
        let passages = passages.iter().flat_map(|passage| terms(passage)).collect();
        count(passages, &search.iter().flat_map(|text| terms(&text.text)).collect::<Vec<_>>())
    }

    #[test]
    fn the_most_telling_new_words_join_at_a_low_weight() {
        let question = search("when is the pear tree pruned");
        let passages =
            ["Pear trees: secateurs, secateurs and a saw.", "Pruned in March with secateurs. A saw is dull."];
        let counted = counted(&passages, &question);
        let words: Vec<(&str, usize)> = counted.iter().map(|one| (one.term.stem.as_str(), one.count)).collect();
        assert_eq!(words[..2], [("secateur", 3), ("saw", 2)]);
        assert!(words.iter().all(|(stem, _)| !["pear", "tree", "prune", "and", "with"].contains(stem)), "{words:?}");
        let widened = widened(&question, &counted).unwrap();
        assert_eq!(widened[0], question[0]);
        assert!((widened[1].weight - WEIGHT).abs() < 1e-6 && widened.len() == 2);
        assert!(widened[1].text.starts_with("secateurs saw"), "{}", widened[1].text);
        assert!(widened[1].text.split(' ').count() <= TERMS);
    }

    #[test]
    fn searches_that_know_what_they_look_for_are_left_alone() {
        let wanted = |text: &str, matches| {
            let (words, conditions) = Conditions::parse(text);
            is_wanted(&Asked::of(&words, Languages::ENGLISH), &conditions, matches)
        };
        assert!(wanted("pruning of old pear trees", 50));
        assert!(!wanted("pruning of \"old pear\" trees", 50), "quoted");
        assert!(!wanted("pruning with prune_tree in spring", 50), "an identifier");
        assert!(!wanted("pear trees", 50), "short");
        assert!(!wanted("pruning of old pear trees", 3), "specific");
    }

    #[test]
    fn nothing_to_add_is_no_second_search() {
        let question = search("pear tree pruned");
        assert_eq!(widened(&question, &counted(&["The pear trees"], &question)), None);
        assert_eq!(widened(&[], &counted(&["bees swarm"], &[])), None);
    }

    proptest! {
        #[test]
        fn any_passages_give_few_new_words(question in any::<String>(), passages in proptest::collection::vec(any::<String>(), 0..4)) {
            let question = search(&question);
            let passages: Vec<&str> = passages.iter().map(String::as_str).collect();
            let counted = counted(&passages, &question);
            if let Some(widened) = widened(&question, &counted) {
                prop_assert_eq!(&widened[..1], &question[..]);
                prop_assert!(!widened[1].text.is_empty() && widened[1].weight < 1.0);
            }
        }
    }
}
