//! Documents in several languages, and words that are misspelled.
//!
//! Stems are those of Snowball: `Häuser` and `Haus` meet in German and in no other language, `dibaca` and `membacanya` in
//! Indonesian.

use std::fs;

use crate::common::{by_words, document, found, library, paths};
use proptest::prelude::*;
use tanya_index::{Conditions, Document, Library, Query, Snapshot};

const ENGLISH: &str =
    "The library of the town keeps its oldest maps in a dry cellar, and a caretaker looks after them every week.";
const GERMAN: &str = "Die alten Häuser am Fluss wurden nach dem Krieg neu gebaut, und die Bücher aus der Bibliothek kamen in den Keller.";
const INDONESIAN: &str = "Perpustakaan kota menyimpan peta tua di ruang bawah tanah, dan setiap orang dapat membacanya dengan izin dari petugas.";

fn mixed() -> Vec<Document> {
    vec![document("en.md", &[ENGLISH]), document("de.md", &[GERMAN]), document("id.md", &[INDONESIAN])]
}

/// Each file of [`mixed`] by a form of a word that it does not hold as such.
fn finds_all_by_their_forms(snapshot: &Snapshot) {
    assert_eq!(found(snapshot, "caretakers"), ["en.md"]);
    assert_eq!(found(snapshot, "Haus"), ["de.md"]);
    assert_eq!(found(snapshot, "dibaca"), ["id.md"]);
}

fn narrowed(snapshot: &Snapshot, search: &str) -> Vec<String> {
    let (words, conditions) = Conditions::parse(search);
    let hits = snapshot.search(&Query { conditions, ..by_words(&words, 9) }).unwrap();
    let mut paths: Vec<String> = hits.into_iter().map(|hit| hit.chunk.path).collect();
    paths.sort();
    paths
}

#[test]
fn every_document_is_found_by_the_forms_of_its_own_language() {
    let cases = [
        ("en.md", ENGLISH, "caretakers"),
        ("de.md", GERMAN, "Haus"),
        ("id.md", INDONESIAN, "dibaca"),
        (
            "es.md",
            "Las canciones de la fiesta se cantan en la plaza del pueblo cuando llega la noche y todos bailan.",
            "canción",
        ),
        (
            "fr.md",
            "Les animaux de la ville sont dans le parc tous les jours et les habitants leur donnent du pain quand ils y passent.",
            "animal",
        ),
        (
            "it.md",
            "Le montagne intorno alla città sono coperte di neve in inverno e la gente ci va a sciare con gli amici.",
            "montagna",
        ),
        (
            "nl.md",
            "De boeken van de bibliotheek zijn in de kelder en worden elke week door een man uit het dorp bekeken.",
            "boek",
        ),
        (
            "pt.md",
            "As bibliotecas da cidade estão abertas todos os dias e as pessoas vão lá para ler os seus livros com calma.",
            "aberto",
        ),
        (
            "ru.md",
            "Городская библиотека была открыта весной. Читатели говорят, что это лучшее место, где можно спокойно читать книги \
             и работать весь день, когда другие помещения уже закрыты.",
            "книгами",
        ),
        ("tr.md", "Eski kitaplar bu kütüphane için çok önemli ve onlar her yıl daha iyi korunuyor.", "kitap"),
        ("ar.md", "افتتحت المكتبات في المدينة منذ سنوات وهي مليئة بالقراء من كل مكان في البلاد", "مكتبة"),
        ("hi.md", "शहर के पुस्तकालय में पुरानी किताबें रखी गई हैं और लोग उन को हर दिन पढ़ने के लिए आते हैं", "किताबों"),
    ];
    let documents: Vec<Document> = cases.iter().map(|(path, text, _)| document(path, &[text])).collect();
    let (_dir, all) = library(&documents);
    let snapshot = all.snapshot().unwrap();
    for (path, text, question) in cases {
        assert!(!text.split(' ').any(|word| word == question), "the form itself would prove nothing");
        assert_eq!(found(&snapshot, question), [path], "{question}");
        // A folder of this language alone, too.
        let (_dir, alone) = library(&[document(path, &[text])]);
        assert_eq!(found(&alone.snapshot().unwrap(), question), [path], "{question}");
    }
}

#[test]
fn what_the_languages_are_survives_everything_that_happens_to_an_index() {
    let (dir, opened) = library(&mixed());
    finds_all_by_their_forms(&opened.snapshot().unwrap());
    // A later commit in one of them, with the others' files as they were.
    let mut writer = opened.writer().unwrap();
    writer.upsert(document("more.md", &["Another page, about the granite of the old bridge near the mill."])).unwrap();
    writer.commit().unwrap();
    finds_all_by_their_forms(&opened.snapshot().unwrap());
    writer.rename("de.md", "moved.md").unwrap();
    writer.commit().unwrap();
    assert_eq!(found(&opened.snapshot().unwrap(), "Haus"), ["moved.md"]);
    writer.rename("moved.md", "de.md").unwrap();
    writer.commit().unwrap();
    writer.finish().unwrap();
    drop(opened);

    let reopened = Library::open(dir.path()).unwrap();
    assert_eq!(reopened.notices(), &[] as &[String]);
    finds_all_by_their_forms(&reopened.snapshot().unwrap());
    drop(reopened);
    fs::remove_dir_all(dir.path().join("words")).unwrap();
    let rebuilt = Library::open(dir.path()).unwrap();
    assert_eq!(rebuilt.notices().len(), 1);
    finds_all_by_their_forms(&rebuilt.snapshot().unwrap());
}

#[test]
fn a_folder_whose_last_german_file_is_gone_goes_on() {
    let (dir, opened) = library(&mixed());
    let mut writer = opened.writer().unwrap();
    writer.remove("de.md").unwrap();
    writer.commit().unwrap();
    let snapshot = opened.snapshot().unwrap();
    assert_eq!(found(&snapshot, "Haus"), [] as [&str; 0]);
    assert_eq!(found(&snapshot, "caretakers"), ["en.md"]);
    writer.finish().unwrap();
    drop((opened, snapshot));
    // Built anew, the index no longer knows of the language, and learns it again.
    fs::remove_dir_all(dir.path().join("words")).unwrap();
    let rebuilt = Library::open(dir.path()).unwrap();
    assert_eq!(rebuilt.snapshot().unwrap().analyze("Häuser"), ["häuser"]);
    let mut writer = rebuilt.writer().unwrap();
    writer.upsert(document("de.md", &[GERMAN])).unwrap();
    writer.commit().unwrap();
    finds_all_by_their_forms(&rebuilt.snapshot().unwrap());
    assert_eq!(rebuilt.snapshot().unwrap().analyze("Häuser"), ["haus"]);
}

#[test]
fn the_passages_of_a_file_are_of_one_language() {
    // Alone, the second one would be too short to tell, and the third looks like code.
    let (_dir, opened) = library(&[document("de.md", &[GERMAN, "Hohe Türme.", "fn main() { Gärten(); }"])]);
    let snapshot = opened.snapshot().unwrap();
    for (question, line) in [("Turm", 2), ("Garten", 3)] {
        let hits = snapshot.search(&by_words(question, 9)).unwrap();
        assert_eq!(hits.iter().map(|hit| hit.chunk.span.start_line).collect::<Vec<_>>(), [line], "{question}");
    }
}

/// BM25 as the documentation of the index has it, for a word that stands once in a text of `length` words and is its own
/// exact form: the text's field fully, the exact words' at 0.3, of which half counts.
fn expected(holding: f32, passages: f32, length: f32, average: f32) -> f32 {
    let norm = 1.2 * (0.25 + 0.75 * length / average);
    idf(holding, passages) * 2.2 / (1.0 + norm) * (1.0 + 0.5 * 0.3)
}

fn idf(holding: f32, passages: f32) -> f32 {
    ((passages - holding + 0.5) / (holding + 0.5)).ln_1p()
}

#[test]
fn an_english_word_scores_by_the_same_formula_whatever_else_the_folder_holds() {
    let english = [
        document("a.md", &["the library stands near the old bridge and is made of granite"]),
        document("b.md", &["the town has a market and a school for all of its children"]),
        document("c.md", &["they came from the river with nothing but what they had on them"]),
    ];
    let mut both = english.to_vec();
    both.extend([document("de.md", &[GERMAN]), document("id.md", &[INDONESIAN])]);
    for documents in [english.to_vec(), both] {
        let words = |document: &Document| document.chunks[0].text.split_whitespace().count() as f32;
        let average = documents.iter().map(words).sum::<f32>() / documents.len() as f32;
        let (_dir, opened) = library(&documents);
        let snapshot = opened.snapshot().unwrap();
        // `library` has another stem in German, `granite` the same.
        for question in ["library", "granite"] {
            let hits = snapshot.search(&by_words(question, 9)).unwrap();
            // The German text has a library too, in another word.
            assert_eq!(paths(&hits), ["a.md"], "{question}");
            let score = expected(1.0, documents.len() as f32, words(&documents[0]), average);
            assert!((hits[0].bm25 / score - 1.0).abs() < 1e-5, "{question}: {} for {score}", hits[0].bm25);
            let share = score / idf(1.0, documents.len() as f32);
            assert!((hits[0].lexical_share / share - 1.0).abs() < 1e-5 && hits[0].coverage > 0.999);
        }
    }
}

#[test]
fn a_folder_of_english_documents_knows_no_other_stems_or_stop_words() {
    let (_dir, opened) = library(&[document("en.md", &[ENGLISH])]);
    let snapshot = opened.snapshot().unwrap();
    for text in ["Which libraries are running?", "die Häuser der Stadt", "apa itu perpustakaan", "std::fs 東京 it is"]
    {
        assert_eq!(snapshot.analyze(text), tanya_index::analyze(text), "{text}");
        let weights = snapshot.term_weights(text).unwrap();
        assert!(weights.iter().map(|(term, _)| term).all(|term| tanya_index::analyze(text).contains(term)), "{text}");
    }
}

#[test]
fn a_word_with_two_stems_is_one_word() {
    let (_dir, opened) = library(&[
        document("en1.md", &["The old houses of Bibliotheken street were built by hand near the river"]),
        document("en2.md", &["The old Bibliothek and Bibliotheken street was built by hand near the river"]),
        document("de.md", &["Die Bibliothek der Stadt wurde im Frühling eröffnet und ist seitdem immer gut besucht"]),
    ]);
    let snapshot = opened.snapshot().unwrap();
    let hits = snapshot.search(&by_words("Bibliotheken", 9)).unwrap();
    let score = |path: &str| hits.iter().find(|hit| hit.chunk.path == path).unwrap().bm25;
    // `bibliotheken` in English and `bibliothek` in German: both texts are equally long, and one holds both.
    assert!((score("en1.md") / score("en2.md") - 1.0).abs() < 1e-4, "{} {}", score("en1.md"), score("en2.md"));
    assert!(score("de.md") > 0.0);
    assert_eq!(snapshot.analyze("Bibliotheken").len(), 1);
    assert_eq!(snapshot.term_weights("Bibliotheken").unwrap().len(), 1);
    assert!(hits.iter().all(|hit| (hit.coverage - 1.0).abs() < 1e-6), "{hits:?}");
}

#[test]
fn stop_words_phrases_exclusions_and_highlights_go_by_the_language_too() {
    let (_dir, opened) = library(&mixed());
    let snapshot = opened.snapshot().unwrap();
    assert_eq!(snapshot.analyze("Wo sind die Häuser?"), ["haus"]);
    assert_eq!(snapshot.analyze("Di mana perpustakaan itu?"), ["pustaka"]);
    assert_eq!(snapshot.analyze("Where is the library?"), ["librari"]);
    assert_eq!(narrowed(&snapshot, r#""alten Häuser""#), ["de.md"]);
    assert_eq!(narrowed(&snapshot, r#""alten Haus""#), [] as [&str; 0], "a phrase stands as it is written");
    assert_eq!(narrowed(&snapshot, "Bücher caretaker"), ["de.md", "en.md"]);
    assert_eq!(narrowed(&snapshot, "Bücher caretaker -Haus"), ["en.md"], "in none of its forms");
    let shown = |question: &str, text: &'static str| -> Vec<&'static str> {
        snapshot.highlights(question, text).unwrap().iter().map(|&(start, end)| &text[start..end]).collect()
    };
    assert_eq!(shown("das Haus", GERMAN), ["Häuser"]);
    assert_eq!(shown("apa yang dibaca?", INDONESIAN), ["membacanya"]);
    assert_eq!(shown("libary maps", ENGLISH), ["library", "maps"], "what is searched for in place of a word");
}

#[test]
fn a_misspelled_word_finds_the_nearest_one_that_the_folder_holds() {
    let (_dir, opened) = library(&[
        document("granite.md", &["granite is a hard stone that was used for the bridge"]),
        document("basalt.md", &["basalt is a dark stone that was used for the street"]),
        document("both.md", &["granite and basalt are two kinds of stone among many others"]),
        document("notes/zebra-crossing.md", &["other text about nothing that matters here"]),
        document("zoom.md", &["and yet more of it"]),
        document("id.md", &[INDONESIAN]),
    ]);
    let snapshot = opened.snapshot().unwrap();
    // A letter left out, one too many, another one, two swapped; two such mistakes in a long word.
    for typed in ["ganite", "grannite", "grenite", "garnite", "Garnite"] {
        assert_eq!(found(&snapshot, typed), ["both.md", "granite.md"], "{typed}");
        let corrected = snapshot.corrections(typed).unwrap();
        assert_eq!(corrected, [(typed.to_lowercase(), "granite".to_owned())]);
    }
    assert_eq!(found(&snapshot, "perpustkan"), ["id.md"]);
    assert_eq!(found(&snapshot, "zerba"), ["notes/zebra-crossing.md"], "the name of a file");
    assert_eq!(snapshot.corrections("which zerba is garnite").unwrap().len(), 2);
    // What is no mistake, a mistake in a word that says nothing, or too far away: of a stem too, though its word is long.
    for typed in ["zealings", "gt", "thta", "garnite7", "GARNITE in capitals", "gxxnite", "東京"] {
        assert!(snapshot.corrections(typed).unwrap().is_empty(), "{typed}");
    }
}

#[test]
fn what_the_folder_holds_is_never_corrected_and_counts_for_more() {
    let (_dir, opened) = library(&[
        document("form.md", &["the form is signed by hand and kept in a drawer"]),
        document("farm.md", &["the farm has many cows and they stand in a shed"]),
        document("granite.md", &["granite has many uses and they stand in a book"]),
        document("granite2.md", &["granite has some uses and they stand in a book"]),
        document("basalt.md", &["basalt has many uses and they stand in a paper"]),
        document("basalt2.md", &["basalt has some uses and they stand in a paper"]),
    ]);
    let snapshot = opened.snapshot().unwrap();
    assert_eq!(found(&snapshot, "form"), ["form.md"]);
    assert_eq!(found(&snapshot, "forms"), ["form.md"], "in another form");
    assert!(snapshot.corrections("form forms farming").unwrap().is_empty());
    let hits = snapshot.search(&by_words("garnite basalt", 9)).unwrap();
    assert!(paths(&hits)[..2].iter().all(|path| path.starts_with("basalt")), "{:?}", paths(&hits));

    // Both words weigh in the scale as before; the nearest word adds to what is found, at a part of its worth.
    let best = |question: &str| snapshot.search(&by_words(question, 1)).unwrap().remove(0);
    let (known, typed) = (best("granite"), best("garnite"));
    assert!(typed.lexical_share > 0.0 && typed.lexical_share < 0.6 * known.lexical_share, "{typed:?} {known:?}");
    assert!(typed.coverage > 0.0 && typed.coverage < known.coverage);
    let (near, far) = (best("basalt garnite"), best("basalt qqqqqqq"));
    assert!((near.lexical_share - far.lexical_share).abs() < 1e-6, "{near:?} {far:?}");
    assert_eq!(near.chunk, far.chunk);
}

#[test]
fn any_string_is_a_valid_query_of_a_folder_of_many_languages() {
    let (_dir, opened) = library(&mixed());
    let snapshot = opened.snapshot().unwrap();
    let strange = "[a-zäöüßéİıçşğ]{1,9}( [ك-يа-яक-ह北ภ\u{301}]{1,6})?( -?\"?\\PC{0,6}\"?)?|\\PC{0,40}";
    proptest!(ProptestConfig::with_cases(300), |(text in strange)| {
        let (words, conditions) = Conditions::parse(&text);
        let query = Query { conditions, ..by_words(&words, 9) };
        let hits = snapshot.search(&query).unwrap();
        for hit in &hits {
            prop_assert!(hit.lexical_share.is_finite() && (0.0..=1.001).contains(&hit.coverage), "{hit:?}");
        }
        prop_assert_eq!(&hits, &snapshot.search(&query).unwrap());
        for (typed, nearest) in snapshot.corrections(&text).unwrap() {
            prop_assert!(typed != nearest && found(&snapshot, &nearest) != [] as [&str; 0]);
        }
        for text in [text.as_str(), GERMAN] {
            for (start, end) in snapshot.highlights(&words, text).unwrap() {
                prop_assert!(start < end && text.get(start..end).is_some());
            }
        }
        snapshot.analyze(&text);
        snapshot.term_weights(&text).unwrap();
    });
}
