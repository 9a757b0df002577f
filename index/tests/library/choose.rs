//! What becomes of a ranking: boosts, caps, repeats, neighbors, feedback, languages, cancelling.

use std::cell::Cell;
use std::collections::{BTreeSet, HashMap};

use crate::common::{asked, by_words, document, embed_all, library, paths, vector};
use proptest::prelude::*;
use tanya_index::{Affinity, BoostKind, ChunkId, Diversity, Document, Error, Hit, Mode, Query, Snapshot, Why};

/// By words, chosen as a person wants it.
fn usual(text: &str, limit: usize) -> Query {
    Query { boosts: true, diversity: Diversity::usual(), merge_neighbors: true, ..by_words(text, limit) }
}

fn never() -> bool {
    false
}

fn kinds(hit: &Hit) -> Vec<BoostKind> {
    hit.parts.boosts.iter().map(|boost| boost.kind).collect()
}

#[test]
fn the_words_as_asked_an_identifier_and_a_named_file_lift_a_passage_and_say_so() {
    let (_dir, library) = library(&[
        document("one.md", &["The tree by the pear shed, a pear and a tree: of trees and pears, pear trees."]),
        document(
            "two.md",
            &["Once in winter, behind the old house by the river, somebody planted a pear tree for us."],
        ),
        document(
            "garden-plan.md",
            &["Where to put what, and when: beds, paths and a pond with a bridge for the cats."],
        ),
        document(
            "code.md",
            &["Call the parser, parse the tree, then call parse_tree_node as often as there are nodes to parse."],
        ),
        document("code2.md", &["Parse a node of the tree: parse, parse the tree, parse every node of a tree."]),
    ]);
    let snapshot = library.snapshot().unwrap();
    for (question, plain, lifted, kind, text) in [
        ("pear tree", "one.md", "two.md", BoostKind::Phrase, "pear tree"),
        ("parse_tree_node", "code2.md", "code.md", BoostKind::Identifier, "parse_tree_node"),
    ] {
        let before = snapshot.search(&by_words(question, 5)).unwrap();
        let after = snapshot.search(&usual(question, 5)).unwrap();
        assert!(before.iter().all(|hit| hit.parts.boosts.is_empty()), "only on demand");
        let hit = after.iter().find(|hit| hit.chunk.path == lifted).unwrap();
        let boost = hit.parts.boosts.iter().find(|boost| boost.kind == kind).unwrap();
        assert!(boost.text == text && boost.by > 0.0, "{boost:?}");
        // Whoever leads: it gained on the one that holds the words in other places.
        let gap = |hits: &[Hit]| {
            let score = |path: &str| hits.iter().find(|hit| hit.chunk.path == path).map_or(0.0, |hit| hit.score);
            score(lifted) - score(plain)
        };
        assert!(gap(&after) > gap(&before) + 0.01, "{question}: {} after {}", gap(&after), gap(&before));
    }
    let named = snapshot.search(&usual("beds of the garden plan", 5)).unwrap();
    assert_eq!((paths(&named)[0], kinds(&named[0])), ("garden-plan.md", vec![BoostKind::FileName]));
    // By meaning alone no word counts.
    embed_all(&mut library.writer().unwrap());
    let snapshot = library.snapshot().unwrap();
    let query = Query { mode: Mode::Vector, vectors: asked(vec![vector("pear tree")]), ..usual("pear tree", 5) };
    assert!(snapshot.search(&query).unwrap().iter().all(|hit| hit.parts.boosts.is_empty()));
}

fn many_of_one_file() -> (tempfile::TempDir, Snapshot) {
    let long: Vec<String> = (0..8).map(|n| format!("granite granite granite number{n} word{n}")).collect();
    let long: Vec<&str> = long.iter().map(String::as_str).collect();
    let (dir, library) = library(&[
        document("rocks.md", &long),
        document("b.md", &["granite and a good deal of other things that make this passage long"]),
        document("c.md", &["granite and a few other things that make the passage longer than most of them"]),
    ]);
    (dir, library.snapshot().unwrap())
}

#[test]
fn a_file_shows_three_passages_and_the_rest_fill_up_at_the_end() {
    let (_dir, snapshot) = many_of_one_file();
    let diversity = Diversity::usual();
    let query = |text: &str, limit| Query { diversity, ..by_words(text, limit) };
    assert_eq!(paths(&snapshot.search(&by_words("granite", 5)).unwrap()), ["rocks.md"; 5], "the ranking itself");

    let explained = snapshot.explain(&query("granite", 5), &never).unwrap();
    assert_eq!(paths(&explained.hits), ["rocks.md", "rocks.md", "rocks.md", "b.md", "c.md"]);
    assert_eq!(explained.dropped.len(), 5);
    for dropped in &explained.dropped {
        assert_eq!((dropped.chunk.path.as_str(), &dropped.why), ("rocks.md", &Why::OneTooMany { most: 3 }));
    }
    let filled = snapshot.explain(&query("granite", 7), &never).unwrap();
    assert_eq!(paths(&filled.hits)[3..], ["b.md", "c.md", "rocks.md", "rocks.md"]);
    assert_eq!(snapshot.search(&query("granite", 99)).unwrap().len(), 10);
    let named = snapshot.search(&query("granite in rocks.md", 6)).unwrap();
    assert_eq!(paths(&named), ["rocks.md"; 6], "the question names the file");
}

#[test]
fn conditions_alone_list_all_they_admit_in_order() {
    let (_dir, snapshot) = many_of_one_file();
    let (words, conditions) = tanya_index::Conditions::parse("ext:md");
    let query = Query { conditions, merge_neighbors: false, ..usual(&words, 99) };
    let ids: Vec<ChunkId> = snapshot.search(&query).unwrap().iter().map(|hit| hit.chunk.id).collect();
    assert!(ids.len() == 10 && ids.is_sorted(), "{ids:?}");
}

#[test]
fn near_copies_and_equal_texts_are_left_out_and_name_what_they_repeat() {
    let text = |year: u32| {
        format!(
            "Invoice of the allotment garden association for the season of {year}: the contribution of every member is forty \
             coins, to be paid to the account that is known from earlier letters before the first day of spring, with the \
             number of the plot; who pays later helps the board with the hedge on a Saturday of its choice, and who does not \
             pay at all gives the plot back."
        )
    };
    let (old, new) = (text(2023), text(2024));
    let (_dir, library) = library(&[
        document("x.md", &[&old]),
        document("y.md", &[&new]),
        document("z.md", &[&old]),
        document("other.md", &["The hedge needs forty cuts before spring."]),
    ]);
    let snapshot = library.snapshot().unwrap();
    let explained = snapshot.explain(&usual("contribution of the association", 9), &never).unwrap();
    assert_eq!(paths(&explained.hits), ["x.md"]);
    let told: Vec<String> = explained.dropped.iter().map(|one| format!("{} {}", one.chunk.path, one.why)).collect();
    assert_eq!(told, ["y.md nearly the same as x.md:1", "z.md the same text as x.md:1"]);
    let of_year = snapshot.search(&usual("contribution for the season of 2024", 9)).unwrap();
    assert_eq!(paths(&of_year), ["y.md", "x.md"], "the year asked for tells them apart");
    assert_eq!(snapshot.search(&by_words("contribution of the association", 9)).unwrap().len(), 2);
}

#[test]
fn neighbors_become_one_passage_with_one_citation() {
    let (_dir, library) = library(&[
        document(
            "a.md",
            &["The granite was cut.", "Granite of the north.", "Slate roof.", "Granite steps: granite, granite."],
        ),
        document("b.md", &["Granite."]),
    ]);
    let snapshot = library.snapshot().unwrap();
    let query = Query { merge_neighbors: true, ..by_words("granite cut north", 9) };
    let explained = snapshot.explain(&query, &never).unwrap();
    let pair = explained.hits.iter().find(|hit| !hit.others.is_empty()).unwrap();
    let passage = pair.passage();
    assert_eq!((passage.span.start_line, passage.span.end_line), (1, 2));
    assert_eq!(passage.text, "The granite was cut.\nGranite of the north.");
    assert_eq!(explained.hits.len(), 3);
    assert!(matches!(&explained.dropped[..], [one] if one.why == Why::Merged {
        into: tanya_index::Place { id: pair.chunk.id, path: "a.md".into(), span: pair.chunk.span }
    }));
    let alone = explained.hits.iter().find(|hit| hit.chunk.path == "b.md").unwrap();
    assert_eq!(alone.passage().text, alone.chunk.text);
}

#[test]
fn feedback_finds_what_is_told_in_other_words() {
    let mut documents: Vec<Document> = (0..12)
        .map(|n| {
            let text = format!("Pruning old pear trees in spring needs secateurs; secateurs want an edge, number{n}.");
            document(&format!("{n}.md"), &[&text])
        })
        .collect();
    documents.push(document("other.md", &["Keep secateurs dry, and oil them: an edge is lost to rust."]));
    documents.push(document("far.md", &["A history of the steppe."]));
    let (_dir, library) = library(&documents);
    let snapshot = library.snapshot().unwrap();
    let question = "pruning old pear trees";
    let search = |feedback, text: &str| {
        let hits = snapshot.search(&Query { feedback, ..by_words(text, 20) }).unwrap();
        (hits.iter().any(|hit| hit.chunk.path == "other.md"), hits[0].parts.feedback, hits.len())
    };
    assert_eq!(search(false, question), (false, false, 12));
    assert_eq!(search(true, question), (true, true, 13));
    assert_eq!(search(true, "pear trees"), (false, false, 12), "too short a search to guess what it is about");
    assert!(!search(true, "number3 of pruning pear trees").1, "an identifier is looked for, not a matter");
}

#[test]
fn an_english_model_has_no_say_in_a_script_that_it_never_saw() {
    let (_dir, library) = library(&[
        document("ru.md", &["Столица Австралии находится в Канберре."]),
        document("noise.md", &["Bread needs flour."]),
    ]);
    embed_all(&mut library.writer().unwrap());
    let snapshot = library.snapshot().unwrap();
    let query = |affinity| Query {
        vectors: asked(vec![vector("Bread needs flour.")]),
        mode: Mode::Hybrid,
        affinity,
        ..by_words("Где столица Австралии?", 5)
    };
    let english = snapshot.search(&query(Affinity::English)).unwrap();
    assert_eq!(paths(&english), ["ru.md"]);
    assert_eq!((english[0].cosine, english[0].vector), (None, None));
    assert_eq!(paths(&snapshot.search(&query(Affinity::Multilingual)).unwrap())[0], "noise.md");
}

#[test]
fn a_search_can_be_cancelled_at_every_step() {
    let (_dir, snapshot) = many_of_one_file();
    let query = Query { feedback: true, ..usual("granite in the rocks of the north", 5) };
    let whole = Cell::new(0);
    let count = || {
        whole.set(whole.get() + 1);
        false
    };
    let expected = snapshot.explain(&query, &count).unwrap();
    assert!(whole.get() > 10, "between steps and passages");
    for stop in 0..whole.get() {
        let asked = Cell::new(0);
        let cancelled = || {
            asked.set(asked.get() + 1);
            asked.get() > stop
        };
        assert!(matches!(snapshot.explain(&query, &cancelled), Err(Error::Cancelled)), "{stop}");
        assert_eq!(asked.get(), stop + 1, "it ends at once");
    }
    assert_eq!(snapshot.explain(&query, &never).unwrap(), expected);
}

/// Documents of short passages over few words: many equal, near and adjacent ones.
fn any_documents() -> impl Strategy<Value = Vec<Document>> {
    let text = "(granite|slate|quartz|moss)( (granite|slate|lime|moss)){0,6}";
    proptest::collection::vec(proptest::collection::vec(text, 1..7), 1..5).prop_map(|files| {
        let document = |(n, texts): (usize, &Vec<String>)| {
            document(&format!("file{n}.md"), &texts.iter().map(String::as_str).collect::<Vec<_>>())
        };
        files.iter().enumerate().map(document).collect()
    })
}

#[test]
fn hits_obey_the_laws_of_choosing_over_any_library() {
    proptest!(ProptestConfig::with_cases(40), |(documents in any_documents(), limit in 0usize..9, per_file in proptest::option::of(1usize..4), varied in any::<bool>())| {
        let (_dir, library) = library(&documents);
        let snapshot = library.snapshot().unwrap();
        let diversity = Diversity { per_file, without_repeats: true, varied };
        let query = Query { boosts: true, diversity, ..by_words("granite slate of file2 and moss", limit) };
        let apart = snapshot.explain(&query, &never).unwrap();
        prop_assert_eq!(&apart, &snapshot.explain(&query, &never).unwrap());
        prop_assert!(apart.hits.len() <= limit);
        let all = snapshot.search(&Query { boosts: true, ..by_words("granite slate of file2 and moss", 99) }).unwrap();
        let mut of_file: HashMap<&str, usize> = HashMap::new();
        for hit in &apart.hits {
            prop_assert!((0.0..=1.0).contains(&hit.score), "{}", hit.score);
            *of_file.entry(&hit.chunk.path).or_default() += 1;
        }
        // A file above its share: named, or there was nothing else.
        for (path, count) in of_file {
            let above = per_file.is_some_and(|most| count > most) && path != "file2.md";
            let left = all.iter().any(|one| {
                one.chunk.path != path
                    && !apart.hits.iter().any(|hit| hit.chunk.id == one.chunk.id)
                    && !apart.dropped.iter().any(|dropped| dropped.chunk.id == one.chunk.id)
            });
            prop_assert!(!above || !left, "{path}");
        }
        // Merging moves no passage and loses none.
        let merged = snapshot.explain(&Query { merge_neighbors: true, ..query.clone() }, &never).unwrap();
        let ids = |hits: &[Hit]| -> BTreeSet<ChunkId> {
            hits.iter().flat_map(|hit| hit.others.iter().chain([&hit.chunk])).map(|chunk| chunk.id).collect()
        };
        prop_assert_eq!(ids(&merged.hits), ids(&apart.hits));
        let best: Vec<ChunkId> = merged.hits.iter().map(|hit| hit.chunk.id).collect();
        let order: Vec<ChunkId> = apart.hits.iter().map(|hit| hit.chunk.id).filter(|id| best.contains(id)).collect();
        prop_assert_eq!(order, best);
        for hit in &merged.hits {
            let passage = hit.passage();
            for chunk in hit.others.iter().chain([&hit.chunk]) {
                prop_assert!(passage.text.contains(&chunk.text));
                prop_assert!(passage.span.start_line <= chunk.span.start_line && chunk.span.end_line <= passage.span.end_line);
            }
        }
    });
}
