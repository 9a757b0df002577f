//! What is chosen from small rankings, and laws over any.

use proptest::prelude::*;

use super::*;
use crate::likeness;
use crate::types::{ChunkId, Span};

/// A passage with what the search knows of it.
#[derive(Debug, Clone)]
struct Ranked {
    chunk: Chunk,
    words: Vec<String>,
    score: f32,
    named: bool,
}

/// Passages as ranked: scores fall from 0.9 by 0.01.
fn ranked(passages: &[(&str, &str)]) -> Vec<Ranked> {
    let ranked = |(at, (path, text)): (usize, &(&str, &str))| Ranked {
        chunk: Chunk {
            id: ChunkId(at as i64),
            path: (*path).to_owned(),
            span: Span { start_line: 1, end_line: 1, page: None },
            title: String::new(),
            heading: String::new(),
            text: (*text).to_owned(),
            ordinal: at as u32,
        },
        words: likeness::words(text),
        score: 0.9 - at as f32 * 0.01,
        named: false,
    };
    passages.iter().enumerate().map(ranked).collect()
}

fn chosen(ranked: &[Ranked], question: &str, limit: usize, diversity: Diversity) -> Choice {
    let items: Vec<Item<'_>> = ranked
        .iter()
        .map(|one| Item {
            chunk: &one.chunk,
            hash: TextHash::of("", "", &one.chunk.text),
            score: one.score,
            words: &one.words,
            named: one.named,
        })
        .collect();
    choose(&items, question, limit, diversity)
}

fn per_file(most: usize) -> Diversity {
    Diversity { per_file: Some(most), ..Diversity::default() }
}

const REPEATS: Diversity = Diversity { per_file: None, without_repeats: true, varied: false };

/// A form letter of some sixty words with three blanks.
fn letter(name: &str, year: &str, sum: &str) -> String {
    format!(
        "Dear {name}, thank you for being a member of the allotment garden association. The yearly assembly has decided to keep \
         the contribution of all members as it was before. Please transfer the amount for the season of {year} to the account \
         that you know from earlier letters, which is {sum} for each plot, and mention the number of your plot when you do so. \
         The board wishes you a good harvest."
    )
}

#[test]
fn equal_texts_are_one_hit_and_the_copy_names_the_other() {
    let ranked = ranked(&[("a", "one two"), ("b", "three"), ("c", "one two"), ("d", "four")]);
    let choice = chosen(&ranked, "", 9, Diversity::default());
    assert_eq!((choice.kept, choice.dropped), (vec![0, 1, 3], vec![(2, Reason::SameText(0))]));
}

#[test]
fn a_near_copy_is_dropped_unless_a_word_of_the_question_tells_it_apart() {
    let (old, new) = (letter("Anna", "2023", "40"), letter("Anna", "2024", "40"));
    let ranked = ranked(&[("old.txt", &old), ("new.txt", &new), ("other.txt", "Something else entirely.")]);
    let repeat = vec![(1, Reason::NearlySame(0))];
    assert_eq!(chosen(&ranked, "contribution of the association", 9, REPEATS).dropped, repeat);
    assert!(chosen(&ranked, "contribution for 2024", 9, REPEATS).dropped.is_empty());
    assert!(chosen(&ranked, "contribution in the old letter", 9, REPEATS).dropped.is_empty(), "a word of its path");
    assert!(chosen(&ranked, "contribution", 9, Diversity::default()).dropped.is_empty(), "only on demand");
    // Far apart, three changes are no near copy.
    let ranked = self::ranked(&[("a", &old), ("b", &letter("Bert", "2019", "35"))]);
    assert!(chosen(&ranked, "contribution", 9, REPEATS).dropped.is_empty());
}

#[test]
fn a_file_has_its_share_and_what_is_too_much_fills_up_at_the_end() {
    let ranked = ranked(&[("a", "1"), ("a", "2"), ("a", "3"), ("b", "4"), ("a", "5"), ("c", "6")]);
    let choice = chosen(&ranked, "", 3, per_file(2));
    assert_eq!((choice.kept, choice.dropped), (vec![0, 1, 3], vec![(2, Reason::OneTooMany)]));
    let choice = chosen(&ranked, "", 5, per_file(2));
    assert_eq!(choice.kept, [0, 1, 3, 5, 2]);
    assert_eq!((choice.dropped, choice.enough), (vec![(4, Reason::OneTooMany)], false));
    assert_eq!(chosen(&ranked, "", 9, per_file(2)).kept, [0, 1, 3, 5, 2, 4], "nothing is lost");
    assert_eq!(chosen(&ranked, "", 9, per_file(0)).kept, [0, 1, 2, 3, 4, 5]);
}

#[test]
fn a_file_that_the_question_names_has_no_bound() {
    let mut ranked = ranked(&[("a", "1"), ("a", "2"), ("b", "3"), ("b", "4"), ("c", "5")]);
    for one in &mut ranked {
        one.named = one.chunk.path == "a";
    }
    assert_eq!(chosen(&ranked, "", 4, per_file(1)).kept, [0, 1, 2, 4]);
}

#[test]
fn variety_begins_after_the_third_and_weighs_the_score() {
    let pruning = "the pear tree is pruned in march";
    let mut ranked = ranked(&[
        ("a", pruning),
        ("b", "the pear tree is pruned in april"),
        ("c", "the pear tree was pruned in may"),
        ("d", "the pear tree is pruned in june"),
        ("e", "bees swarm when lilac blooms"),
    ]);
    let varied = Diversity { varied: true, ..Diversity::default() };
    assert_eq!(chosen(&ranked, "", 4, varied).kept, [0, 1, 2, 4], "unlike what is there");
    assert_eq!(chosen(&ranked, "", 9, varied).kept, [0, 1, 2, 4, 3]);
    ranked[4].score = 0.5;
    assert_eq!(chosen(&ranked, "", 4, varied).kept, [0, 1, 2, 3], "but not at any price");
}

fn any_ranking() -> impl Strategy<Value = Vec<Ranked>> {
    let passage = (
        "[ab]",
        prop_oneof![
            "[a-c]( [a-c]){0,9}",
            Just(letter("Anna", "2023", "40")),
            "[12]".prop_map(|sum| letter("Anna", "2023", &sum))
        ],
    );
    proptest::collection::vec((passage, any::<bool>()), 0..20).prop_map(|all| {
        let passages: Vec<(&str, &str)> = all.iter().map(|((path, text), _)| (path.as_str(), text.as_str())).collect();
        let mut ranked = ranked(&passages);
        // A file is named or it is not.
        let named = all.first().is_some_and(|(_, named)| *named);
        for one in &mut ranked {
            one.named = named && one.chunk.path == "a";
        }
        ranked
    })
}

proptest! {
    #[test]
    fn what_is_chosen_obeys_its_laws(
        ranked in any_ranking(), limit in 0usize..12, most in proptest::option::of(0usize..4), without_repeats in any::<bool>(), varied in any::<bool>(),
    ) {
        let diversity = Diversity { per_file: most, without_repeats, varied };
        let choice = chosen(&ranked, "a 2", limit, diversity);
        prop_assert_eq!(&choice, &chosen(&ranked, "a 2", limit, diversity));
        prop_assert!(choice.kept.len() <= limit);
        // Each at most once, as a hit or dropped.
        let mut seen: Vec<usize> = choice.kept.iter().copied().chain(choice.dropped.iter().map(|(at, _)| *at)).collect();
        seen.sort_unstable();
        prop_assert!(seen.windows(2).all(|pair| pair[0] < pair[1]), "{:?}", choice);
        // Nothing above the last hit is lost, and nothing at all where there was room.
        let last = choice.kept.iter().max().map_or(0, |last| if varied { 0 } else { *last });
        let room = choice.kept.len() < limit;
        prop_assert!((0..ranked.len()).all(|at| seen.contains(&at) || !room && at >= last), "{:?}", choice);
        // What a copy repeats is a hit.
        for (_, reason) in &choice.dropped {
            match reason {
                Reason::SameText(of) | Reason::NearlySame(of) => prop_assert!(choice.kept.contains(of)),
                Reason::OneTooMany => prop_assert!(!room),
            }
        }
        // No file above its share where others were enough.
        if let Some(most) = most && choice.enough {
            for path in ["a", "b"] {
                let count = choice.kept.iter().filter(|at| ranked[**at].chunk.path == path && !ranked[**at].named).count();
                prop_assert!(count <= most, "{:?}", choice);
            }
        }
    }

    #[test]
    fn more_items_change_nothing_where_there_were_enough(ranked in any_ranking(), shown in 0usize..20, limit in 1usize..8) {
        let diversity = Diversity { per_file: Some(2), without_repeats: true, varied: false };
        let some = chosen(&ranked[..shown.min(ranked.len())], "a 2", limit, diversity);
        if some.enough {
            prop_assert_eq!(some, chosen(&ranked, "a 2", limit, diversity));
        }
    }
}
