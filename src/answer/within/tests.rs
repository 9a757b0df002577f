use proptest::prelude::*;
use tanya_index::{Document, Library};

use super::*;
use crate::answer::fixtures::{library, note};

fn garden() -> (tempfile::TempDir, Library) {
    let files: [(&str, &[&str]); 6] = [
        ("garden/Pears.md", &["fruit", "2024"]),
        ("garden/tools.md", &[]),
        ("old/tools.txt", &["Trips/Norway"]),
        ("old/2024/notes.md", &[]),
        ("old notes.md", &[]),
        ("README", &[]),
    ];
    let dir = tempfile::tempdir().unwrap();
    let document = |(path, tags): (&str, &[&str])| {
        let tags = tags.iter().map(|tag| (*tag).to_owned()).collect();
        Document { tags, ..note(path, (1, 1), &format!("This is {path}.")) }
    };
    let library = library(dir.path(), files.map(document));
    (dir, library)
}

fn asked(question: &str) -> Narrowed {
    let (_dir, library) = garden();
    narrowed(question, &library.snapshot().unwrap()).unwrap()
}

#[test]
fn a_file_is_named_by_its_path_by_the_end_of_it_and_without_its_ending() {
    for (question, files) in [
        ("when? @garden/Pears.md", &["garden/Pears.md"][..]),
        ("when? @pears.md", &["garden/Pears.md"]),
        ("when? @pears", &["garden/Pears.md"]),
        ("when? @tools", &["garden/tools.md", "old/tools.txt"]),
        ("when? @garden/tools", &["garden/tools.md"]),
        ("when? @\"old notes.md\"", &["old notes.md"]),
        ("when? @readme", &["README"]),
        ("when? @garden", &["garden/"]),
        ("when? @garden/", &["garden/"]),
        ("when? @Garden", &["garden/"]),
        ("when? @old", &["old/"]),
        ("when? @2024/", &["old/2024/"]),
        ("when? @ools.md", &[]),
        ("when? @anna", &[]),
        ("when? anna@pears.md", &[]),
        ("when? @", &[]),
    ] {
        assert_eq!(asked(question).conditions.files, files, "{question}");
    }
}

#[test]
fn tags_are_folded_and_take_what_is_below_them() {
    assert_eq!(asked("#Fruit when?").conditions.tags, ["fruit"]);
    assert_eq!(asked("#trips when?").conditions.tags, ["trips"]);
    assert_eq!(asked("#fruit #trips/norway when?").conditions.tags, ["fruit", "trips/norway"]);
    assert_eq!(asked("is C# better than #2024?").conditions, Conditions::default());
}

#[test]
fn names_at_the_ends_are_taken_out_and_those_inside_are_words() {
    for (question, words) in [
        ("When was it built @pears.md?", "When was it built?"),
        ("@pears.md #fruit When was it built?", "When was it built?"),
        ("Compare @pears with @tools", "Compare pears with tools"),
        ("What is in @pears.md?", "What is in pears.md?"),
        ("What (@pears.md) is ripe?", "What (pears.md) is ripe?"),
        ("@pears.md", "pears.md"),
        ("@pears.md @tools?", "pears.md tools?"),
        ("Who is @anna?", "Who is @anna?"),
    ] {
        assert_eq!(asked(question).words, words, "{question}");
    }
    for (question, named) in [
        ("compare @pears.md with @garden/tools.md", "compare garden/Pears.md with garden/tools.md"),
        ("summarize @pears", "summarize garden/Pears.md"),
        ("summarize @\"old notes.md\"", "summarize"),
        ("list all tools @tools @garden #fruit", "list all tools"),
    ] {
        assert_eq!(asked(question).named, named, "{question}");
    }
}

#[test]
fn what_is_nobodys_name_is_told_where_a_name_was_meant() {
    let words = |question: &str| asked(question).within.words();
    assert_eq!(words("when? @pears.md #fruit"), "Asked of @pears.md, #fruit only.");
    assert_eq!(words("when? @paers.md"), "Nothing here is called @paers.md: all documents were asked.");
    assert_eq!(words("when? @pears #friut"), "Asked of @pears only; nothing here is called #friut.");
    assert_eq!(words("who is @anna?"), "Nothing here is called @anna: all documents were asked.");
    assert!(asked("when?").within.is_empty());
}

#[test]
fn only_what_is_named_is_found() {
    let (_dir, library) = garden();
    let snapshot = library.snapshot().unwrap();
    let found = |question: &str| {
        let found = narrowed(question, &snapshot).unwrap();
        let files = snapshot.files(&found.conditions).unwrap();
        files.into_iter().map(|file| file.path).collect::<Vec<_>>()
    };
    assert_eq!(found("when? @garden"), ["garden/Pears.md", "garden/tools.md"]);
    assert_eq!(found("when? @garden #fruit"), ["garden/Pears.md"]);
    assert_eq!(found("when? @pears @readme"), ["README", "garden/Pears.md"]);
    assert_eq!(found("when?").len(), 6);
}

proptest! {
    #[test]
    fn any_question_has_words_and_none_is_lost_between_names(
        parts in prop::collection::vec(prop::sample::select(vec![
            "@pears.md", "#fruit", "@\"old notes.md\"", "@", "#", "@\"", "when", "ä", "?", " ", "\n", "@x.md", "(", ")", "@garden/",
        ]), 0..12),
    ) {
        let question = parts.concat();
        let found = asked(&question);
        let letters = |text: &str| text.chars().filter(|c| c.is_alphanumeric()).collect::<String>();
        prop_assert_eq!(letters(&found.named).matches("when").count(), letters(&question).matches("when").count());
        prop_assert_eq!(letters(&found.words).is_empty(), letters(&question).is_empty());
        prop_assert!(letters(&question).matches("when").count() == letters(&found.words).matches("when").count());
        let whole = mentions(&question);
        prop_assert!(whole.windows(2).all(|pair| pair[0].range.end <= pair[1].range.start));
    }
}
