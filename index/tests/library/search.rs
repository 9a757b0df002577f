//! What a search finds and in which order, on small corpora whose right answer is plain to see.

use std::collections::HashSet;

use crate::common::{asked, by_vector, by_words, document, embed_all, library, paths, vector};
use proptest::prelude::*;
use tanya_index::{Conditions, Document, Error, Mode, NewChunk, Query, QueryVectors, Rank, Span, WeightedText};

fn search(documents: &[Document], question: &str) -> Vec<String> {
    let (_dir, library) = library(documents);
    let hits = library.snapshot().unwrap().search(&by_words(question, 10)).unwrap();
    paths(&hits).into_iter().map(str::to_owned).collect()
}

#[test]
fn words_standing_together_beat_the_same_words_apart() {
    let documents = [
        document("apart.md", &["A red fox met a black panda in the garden by the house."]),
        document("together.md", &["A black fox met a red panda in the garden by the house."]),
        document("none.md", &["Nothing of that kind was in the yard."]),
    ];
    assert_eq!(search(&documents, "red panda"), ["together.md", "apart.md"]);
}

#[test]
fn another_form_of_the_word_is_found_and_the_exact_one_first() {
    let documents = [
        document("plural.md", &["Several libraries were opened in town this year."]),
        document("singular.md", &["Several library was opened in town this year."]),
    ];
    assert_eq!(search(&documents, "library"), ["singular.md", "plural.md"]);
    assert_eq!(search(&documents, "libraries"), ["plural.md", "singular.md"]);
}

#[test]
fn identifiers_are_found_whole_in_parts_and_in_other_spellings() {
    let documents = [document("code.md", &["Call `Vec::with_capacity` or parseHttpHeader first."])];
    for question in ["with_capacity", "capacity", "withCapacity", "Vec::with_capacity", "parse_http_header", "header"] {
        assert_eq!(search(&documents, question), ["code.md"], "{question}");
    }
}

#[test]
fn unspaced_scripts_are_found_inside_their_runs() {
    let documents = [
        document("zh.md", &["北京大学位于中国首都的海淀区。"]),
        document("ja.md", &["東京タワーは港区にある電波塔です。"]),
        document("ko.md", &["서울특별시는 대한민국의 수도이다."]),
        document("th.md", &["กรุงเทพมหานครเป็นเมืองหลวงของประเทศไทย"]),
    ];
    assert_eq!(search(&documents, "首都在哪里")[0], "zh.md");
    assert_eq!(search(&documents, "電波塔")[0], "ja.md");
    assert_eq!(search(&documents, "대한민국")[0], "ko.md");
    assert_eq!(search(&documents, "เมืองหลวง")[0], "th.md");
    // Full-width and half-width forms are the same letters.
    assert_eq!(search(&documents, "ﾀﾜｰ")[0], "ja.md");
}

#[test]
fn a_heading_a_title_and_a_file_name_count_like_text() {
    let chunk = |heading: &str, text: &str| NewChunk {
        span: Span { start_line: 1, end_line: 2, page: None },
        heading: heading.to_owned(),
        text: text.to_owned(),
    };
    let mut headed = document("a.md", &[]);
    headed.chunks = vec![chunk("Guide › Installation", "Run the script."), chunk("Guide › Removal", "Run it again.")];
    let mut titled = document("b.md", &["Some text."]);
    titled.title = "Quarterly budget".to_owned();
    let named = document("notes/zebra-crossing.md", &["Other text."]);
    let (_dir, library) = library(&[headed, titled, named]);
    let snapshot = library.snapshot().unwrap();
    let first = |question: &str| snapshot.search(&by_words(question, 5)).unwrap().remove(0).chunk;
    assert_eq!(first("how to install").heading, "Guide › Installation");
    assert_eq!(first("budget").path, "b.md");
    assert_eq!(first("zebra").path, "notes/zebra-crossing.md");
}

#[test]
fn stop_words_do_not_find_but_a_question_of_nothing_else_does() {
    let documents = [document("a.md", &["It is what it was."]), document("b.md", &["Apples are fruit."])];
    assert_eq!(search(&documents, "what is the fruit"), ["b.md"]);
    assert_eq!(search(&documents, "what is it"), ["a.md"]);
}

#[test]
fn earlier_questions_add_their_weight_and_no_more() {
    let documents = [
        document("x.md", &["The ferry leaves at noon from the old harbor."]),
        document("y.md", &["The price is nine coins for the old harbor."]),
        document("z.md", &["The ferry has a price of nine coins for the old."]),
    ];
    let (_dir, library) = library(&documents);
    let text = |text: &str, weight| WeightedText { text: text.to_owned(), weight };
    let query = |texts| Query { texts, limit: 3, ..Query::default() };
    let snapshot = library.snapshot().unwrap();
    let hits = snapshot.search(&query(vec![text("what is the price", 1.0), text("the ferry", 0.3)])).unwrap();
    assert_eq!(paths(&hits), ["z.md", "y.md", "x.md"]);
    // Weights that mean nothing count as none.
    for weight in [0.0, -1.0, f32::NAN, f32::INFINITY] {
        let hits = snapshot.search(&query(vec![text("price", 1.0), text("ferry", weight)])).unwrap();
        assert_eq!(hits.len(), 2, "{weight}");
    }
}

#[test]
fn coverage_and_share_tell_an_answerable_question_from_another() {
    let (_dir, library) = library(&[
        document("a.md", &["Rust moves ownership when a value is assigned to another variable."]),
        document("b.md", &["Cargo builds packages and resolves dependencies."]),
        document("c.md", &["The weather in spring is mild."]),
    ]);
    let snapshot = library.snapshot().unwrap();
    let on_topic = snapshot.search(&by_words("When does ownership move to another variable?", 1)).unwrap().remove(0);
    assert!((on_topic.coverage - 1.0).abs() < 1e-6 && on_topic.lexical_share > 0.8, "{on_topic:?}");
    let off_topic = snapshot.search(&by_words("Which spring festival do penguins value?", 1)).unwrap().remove(0);
    assert!(off_topic.coverage < 0.5 && off_topic.lexical_share < 0.5, "{off_topic:?}");
    let weights = snapshot.term_weights("the ownership of penguins").unwrap();
    assert_eq!(weights.iter().map(|(term, _)| term.as_str()).collect::<Vec<_>>(), ["ownership", "penguin"]);
    // n = 0 of N = 3: ln(1 + 3.5 / 0.5).
    assert!((weights[1].1 - 8f32.ln()).abs() < 1e-6 && weights[0].1 < weights[1].1);
}

#[test]
fn meaning_lifts_what_words_miss_and_both_ranks_are_told() {
    let (_dir, library) = library(&[
        document("shed.md", &["The automobile stands in the shed."]),
        document("word.md", &["My car insurance is a paper."]),
        document("far.md", &["Bread needs flour."]),
    ]);
    embed_all(&mut library.writer().unwrap());
    let snapshot = library.snapshot().unwrap();
    let mut query = by_words("car", 3);
    query.mode = Mode::Hybrid;
    query.vectors = asked(vec![vector("The automobile stands in the shed.")]);
    let hits = snapshot.search(&query).unwrap();
    assert_eq!(paths(&hits)[..2], ["shed.md", "word.md"]);
    assert_eq!((hits[0].lexical, hits[0].vector, hits[0].bm25), (None, Some(Rank(1)), 0.0));
    assert_eq!(hits[1].lexical, Some(Rank(1)));
    assert!((hits[0].cosine.unwrap() - 1.0).abs() < 1e-5);
    // The nearest of several query vectors counts.
    query.vectors = asked(vec![vector("nothing"), vector("Bread needs flour.")]);
    query.mode = Mode::Vector;
    assert_eq!(paths(&snapshot.search(&query).unwrap())[0], "far.md");
}

#[test]
fn while_vectors_are_missing_words_rank_and_fresh_files_are_not_lost() {
    let (_dir, library) = library(&[
        document("old.md", &["Granite and basalt are rocks."]),
        document("old2.md", &["Sandstone is a rock too, less hard than granite, they say, and porous."]),
    ]);
    let mut writer = library.writer().unwrap();
    embed_all(&mut writer);
    writer.upsert(document("fresh.md", &["Granite granite: where to find granite."])).unwrap();
    writer.commit().unwrap();
    let snapshot = library.snapshot().unwrap();
    let mut query = by_words("granite", 5);
    query.mode = Mode::Hybrid;
    query.vectors = asked(vec![vector("unrelated")]);
    let hits = snapshot.search(&query).unwrap();
    assert_eq!(paths(&hits)[0], "fresh.md");
    assert_eq!((hits[0].cosine, hits.len()), (None, 3));
    // No vector in the query: plain words.
    query.vectors.vectors.clear();
    let plain: Vec<_> = snapshot.search(&query).unwrap().into_iter().map(|hit| hit.chunk.id).collect();
    query.mode = Mode::Lexical;
    let lexical: Vec<_> = snapshot.search(&query).unwrap().into_iter().map(|hit| hit.chunk.id).collect();
    assert_eq!(plain, lexical);
}

#[test]
fn equal_texts_are_one_hit_and_need_one_vector() {
    let (_dir, library) = library(&[
        document("a.md", &["The same passage in two files."]),
        document("copy.md", &["The same passage in two files."]),
        document("other.md", &["Another passage in a file."]),
    ]);
    let mut writer = library.writer().unwrap();
    writer.set_embedder(crate::common::EMBEDDER, crate::common::DIMENSION).unwrap();
    assert_eq!(writer.unembedded(10).unwrap().len(), 2);
    embed_all(&mut writer);
    assert_eq!(library.status().unwrap().embedded, 3);
    let snapshot = library.snapshot().unwrap();
    assert_eq!(paths(&snapshot.search(&by_words("two passage", 10)).unwrap()), ["a.md", "other.md"]);
    assert_eq!(
        paths(&snapshot.search(&by_vector("The same passage in two files.", 10)).unwrap()),
        ["a.md", "other.md"]
    );
}

#[test]
fn unfit_vectors_are_refused_with_the_reason() {
    let (_dir, library) = library(&[document("a.md", &["text"])]);
    let mut writer = library.writer().unwrap();
    assert!(matches!(writer.put_embeddings(crate::common::EMBEDDER, &[]), Err(Error::NoEmbedder)));
    let snapshot = library.snapshot().unwrap();
    assert!(snapshot.search(&by_vector("no embedder yet", 3)).unwrap().is_empty());
    embed_all(&mut writer);
    let snapshot = library.snapshot().unwrap();
    let ask = |vector: Vec<f32>| snapshot.search(&Query { vectors: asked(vec![vector]), limit: 3, ..Query::default() });
    assert!(matches!(ask(vec![1.0]), Err(Error::Dimension { expected: crate::common::DIMENSION, received: 1 })));
    assert!(matches!(ask(vec![f32::NAN; crate::common::DIMENSION]), Err(Error::NotFinite)));
    assert!(matches!(ask(vec![1.0; crate::common::DIMENSION]), Err(Error::NotUnit { .. })));
    let hash = tanya_index::TextHash::of("", "", "text");
    assert!(matches!(
        writer.put_embeddings(crate::common::EMBEDDER, &[(hash, vec![0.0; crate::common::DIMENSION])]),
        Err(Error::NotUnit { .. })
    ));
    // Vectors of another model are neither stored nor compared, though their length fits.
    let fit = vector("text");
    assert!(matches!(
        writer.put_embeddings("another", &[(hash, fit.clone())]),
        Err(Error::OtherEmbedder { selected, received }) if selected == crate::common::EMBEDDER && received == "another"
    ));
    let by_another = QueryVectors { embedder: "another".to_owned(), vectors: vec![fit] };
    let of_another =
        |mode| snapshot.search(&Query { vectors: by_another.clone(), mode, ..by_words("text", 3) }).unwrap();
    assert!(of_another(Mode::Vector).is_empty());
    let hits = of_another(Mode::Hybrid);
    assert_eq!((hits.len(), hits[0].cosine), (1, None));
    // They do not stay when another is selected.
    writer.set_embedder("another", 3).unwrap();
    assert_eq!((library.status().unwrap().embedded, writer.unembedded(9).unwrap().len()), (0, 1));
}

#[test]
fn neighbors_are_those_of_the_file() {
    let (_dir, library) = library(&[document("a.md", &["one", "two", "three"]), document("b.md", &["four"])]);
    let snapshot = library.snapshot().unwrap();
    let two = snapshot.search(&by_words("two", 1)).unwrap().remove(0).chunk;
    let (before, after) = snapshot.neighbors(two.id).unwrap();
    assert_eq!((before.unwrap().text, after.unwrap().text), ("one".to_owned(), "three".to_owned()));
    let four = snapshot.search(&by_words("four", 1)).unwrap().remove(0).chunk;
    assert_eq!(snapshot.neighbors(four.id).unwrap(), (None, None));
    assert_eq!(snapshot.chunk(four.id).unwrap(), Some(four));
}

#[test]
fn conditions_say_which_passages_may_be_found_by_words_and_by_vectors() {
    let mut documents = [
        document("notes/garden.md", &["The pear tree is pruned in March.", "Apples are picked in autumn."]),
        document(
            "notes/house.txt",
            &["Trees near the house: in March the pear is bare.", "Apples are picked in autumn."],
        ),
        document("old/garden.md", &["A pear tree was planted, an apple tree too."]),
    ];
    documents[2].stamp.mtime_ns = 1_000_000_000_000_000_000; // 2001-09-09
    for document in &mut documents[..2] {
        document.stamp.mtime_ns = 1_700_000_000_000_000_000; // 2023-11-14
    }
    let (_dir, library) = library(&documents);
    embed_all(&mut library.writer().unwrap());
    let snapshot = library.snapshot().unwrap();
    let found = |search: &str| {
        let (words, conditions) = Conditions::parse(search);
        let words = by_words(&words, 9);
        let vectors = by_vector("anything", 9);
        let both = Query { texts: words.texts.clone(), mode: Mode::Hybrid, ..vectors.clone() };
        let found = [words, vectors, both].map(|query| {
            let hits = snapshot.search(&Query { conditions: conditions.clone(), ..query }).unwrap();
            let mut places: Vec<String> =
                hits.iter().map(|hit| format!("{}:{}", hit.chunk.path, hit.chunk.span.start_line)).collect();
            places.sort();
            places
        });
        assert_eq!(found[1], found[2], "{search}");
        found
    };
    // Words find what holds them, vectors everything: within the same bounds.
    let by_ending = found("pear ext:txt");
    assert_eq!((by_ending[0].len(), by_ending[1].len()), (1, 2), "{by_ending:?}");
    assert!(by_ending.iter().flatten().all(|place| place.starts_with("notes/house.txt")), "{by_ending:?}");
    for bound in [r#"pear "pear tree" -apple"#, "pear -apple -house after:2002 tree ext:md"] {
        assert_eq!(found(bound), [(); 3].map(|()| vec!["notes/garden.md:1".to_owned()]), "{bound}");
    }
    assert_eq!(found("pear before:2002"), [(); 3].map(|()| vec!["old/garden.md:1".to_owned()]));
    assert_eq!(found("pear path:nowhere"), [(); 3].map(|()| Vec::<String>::new()));
    assert_eq!(found(r#""tree pear""#), [(); 3].map(|()| Vec::<String>::new()), "in the order of the phrase");
    // Of passages with one text, the one that may be found stands for all.
    assert_eq!(found(r#""apples are picked" path:house"#), [(); 3].map(|()| vec!["notes/house.txt:2".to_owned()]));
    let (words, conditions) = Conditions::parse("path:old");
    let listed = snapshot.search(&Query { conditions, ..by_words(&words, 9) }).unwrap();
    assert_eq!(paths(&listed), ["old/garden.md"], "conditions alone list what they admit");
}

#[test]
fn a_phrase_is_found_behind_any_number_of_passages_with_the_same_words() {
    let mut documents: Vec<Document> =
        (0..300).map(|n| document(&format!("{n}.md"), &[&format!("tree pear, pear of tree number{n}")])).collect();
    documents
        .push(document("last.md", &["Long ago, in a garden far away from every town and village, a pear tree stood."]));
    let (_dir, library) = library(&documents);
    let (words, conditions) = Conditions::parse(r#""pear tree""#);
    let hits = library.snapshot().unwrap().search(&Query { conditions, ..by_words(&words, 5) }).unwrap();
    assert_eq!(paths(&hits), ["last.md"]);
}

#[test]
fn any_string_is_a_valid_query() {
    let (_dir, library) = library(&[
        document("a.md", &["Some \"quoted\" text AND more: (a OR b)", "北京 ภาษาไทย snake_case"]),
        document("b.md", &["title:x^2 ~ * ? [a TO b] \\"]),
    ]);
    embed_all(&mut library.writer().unwrap());
    let snapshot = library.snapshot().unwrap();
    let huge = "word another ".repeat(20_000);
    for text in ["", " ", "\"", "AND", "a:b:c", "[* TO", "((((", "\\", "*", "\0", "title:", &huge] {
        snapshot.search(&by_words(text, 3)).unwrap();
    }
    proptest!(ProptestConfig::with_cases(300), |(texts in proptest::collection::vec((any::<String>(), any::<f32>()), 0..4), limit in 0usize..300)| {
        let query = Query {
            texts: texts.into_iter().map(|(text, weight)| WeightedText { text, weight }).collect(),
            vectors: asked(vec![vector("x")]),
            limit,
            ..Query::default()
        };
        let hits = snapshot.search(&query).unwrap();
        prop_assert!(hits.len() <= limit);
        let distinct: HashSet<_> = hits.iter().map(|hit| hit.chunk.id).collect();
        prop_assert_eq!(distinct.len(), hits.len());
        for hit in &hits {
            prop_assert!(hit.score.is_finite() && hit.lexical_share.is_finite() && (0.0..=1.001).contains(&hit.coverage));
        }
        prop_assert_eq!(&hits, &snapshot.search(&query).unwrap());
    });
}
