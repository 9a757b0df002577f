use proptest::prelude::*;

use super::*;

fn subject(question: &str) -> String {
    match Task::of(question) {
        Some(Task::ListAll { subject, .. } | Task::Count { subject, .. } | Task::Summarize { subject, .. }) => subject,
        other => panic!("{question}: {other:?}"),
    }
}

#[test]
fn questions_that_a_passage_may_answer_are_left_to_the_search() {
    for question in [
        "how many wheels has the cart?",
        "How many people live in Bremen?",
        "How many files does cargo new create?",
        "How many times was the pear tree pruned in 2024?",
        "How many items can the basket hold?",
        "How many records did the band sell?",
        "What is the difference between String and &str?",
        "What is the list of ingredients?",
        "List the steps to install the compiler.",
        "Show me how to prune a tree",
        "Who wrote the note on the door?",
        "Which file defines the main function?",
        "Which documents does a visa need?",
        "When did I prune the pear tree?",
        "Why do all birds migrate?",
        "Is every item of the list checked?",
        "Summarize the causes of the war",
        "What is a summary judgment?",
        "Give an overview of the treaty of Bremen",
        "Do the two trees compare well?",
        "Count Dracula lived where?",
        "What counts as an entry?",
        "Tell me about the wound balm",
        "Find the saw that I bought",
        "Name the capital of France",
        "What does everything cost?",
        "Berapa jumlah roda gerobak itu?",
        "Apa isi catatan tentang pohon pir?",
        "Wie viele Räder hat der Wagen?",
        "Welche Datei enthält die Einstellungen?",
        "Combien de roues a la charrette ?",
        "¿Cuántas ruedas tiene el carro?",
        "Qué documentos necesito para el visado",
        "",
        "?",
        "#",
    ] {
        assert_eq!(Task::of(question), None, "{question}");
    }
}

#[test]
fn questions_about_everything_are_told_in_five_languages() {
    use Unit::{Entries, Files, Items};
    for (question, name, unit) in [
        ("List all birds that I saw", "list_all", Items),
        ("Please list every tool I bought in Bremen.", "list_all", Items),
        ("Could you show me all entries about the pear tree", "list_all", Entries),
        ("find all notes about pears", "list_all", Files),
        ("Which notes mention the pear tree?", "list_all", Files),
        ("In which documents that mention pruning is it March?", "list_all", Files),
        ("What are all the birds in the diary?", "list_all", Items),
        ("tell me everything about the wound balm", "list_all", Items),
        ("show me each note about rain", "list_all", Files),
        ("How many notes mention the pear tree?", "count", Files),
        ("how many files are there?", "count", Files),
        ("how many notes do I have about rain", "count", Files),
        ("How many entries mention rain?", "count", Entries),
        ("How many birds did I see in all my notes?", "count", Items),
        ("What is the number of documents that mention Bremen?", "count", Files),
        ("Count all birds", "count", Items),
        ("how many files tag:garden", "count", Files),
        ("Sebutkan semua burung yang saya lihat", "list_all", Items),
        ("Catatan mana yang menyebut pohon pir?", "list_all", Files),
        ("Berapa banyak catatan yang menyebut hujan?", "count", Files),
        ("hitung semua burung", "count", Items),
        ("Liste alle Vögel auf", "list_all", Items),
        ("Zeige mir alle Notizen über Birnen", "list_all", Files),
        ("Welche Dateien erwähnen den Birnbaum?", "list_all", Files),
        ("Wie viele Notizen erwähnen Regen?", "count", Files),
        ("Wie viele Dateien gibt es?", "count", Files),
        ("Donne-moi tous les oiseaux", "list_all", Items),
        ("Quels fichiers mentionnent la pluie ?", "list_all", Files),
        ("Combien de notes parlent de pluie ?", "count", Files),
        ("Muestra todos los pájaros", "list_all", Items),
        ("¿Qué archivos mencionan la lluvia?", "list_all", Files),
        ("¿Cuántas notas mencionan la lluvia?", "count", Files),
    ] {
        let task = Task::of(question).unwrap_or_else(|| panic!("{question}"));
        let (Task::ListAll { unit: of, .. } | Task::Count { unit: of, .. }) = &task else {
            panic!("{question}: {task:?}")
        };
        assert_eq!((task.name(), *of), (name, unit), "{question}");
    }
}

#[test]
fn what_is_summarized_is_a_folder_a_file_or_a_tag() {
    let scope = |question: &str| match Task::of(question) {
        Some(Task::Summarize { scope, .. }) => scope,
        other => panic!("{question}: {other:?}"),
    };
    for question in [
        "Summarize this folder",
        "summarise all my notes about pears",
        "Give me a summary of everything",
        "ringkas semua catatan",
        "Buat rangkuman folder ini",
        "Fasse diesen Ordner zusammen",
        "Résume ce dossier",
        "Resume esta carpeta",
        "summarize path:2024",
    ] {
        assert_eq!(scope(question), Scope::Folder, "{question}");
    }
    assert_eq!(scope("Summarize `garden/Pear.md`!"), Scope::File("garden/Pear.md".into()));
    assert_eq!(scope("please summarize the note diary"), Scope::File("diary".into()));
    assert_eq!(scope("summarize #garden"), Scope::Tag("garden".into()));
    assert_eq!(subject("summarise all my notes about pears"), "pears");
}

#[test]
fn a_comparison_has_two_sides() {
    let sides = |question: &str| match Task::of(question) {
        Some(Task::Compare { a, b }) => (a, b),
        other => panic!("{question}: {other:?}"),
    };
    let pear = || ("pear tree".to_owned(), "apple tree".to_owned());
    assert_eq!(sides("Compare the pear tree with the apple tree."), pear());
    assert_eq!(sides("please compare the pear tree and the apple tree"), pear());
    assert_eq!(sides("Bandingkan pohon pir dan pohon apel").0, "pohon pir");
    assert_eq!(sides("Vergleiche den Birnbaum mit dem Apfelbaum"), ("Birnbaum".into(), "Apfelbaum".into()));
    assert_eq!(sides("compare 2023.md 2024.md and 2025.md").1, "2025.md");
    for half in ["compare", "compare pears", "compare and", "compare pears and"] {
        assert_eq!(Task::of(half), None, "{half}");
    }
}

#[test]
fn the_subject_is_what_the_task_leaves() {
    assert_eq!(subject("Please list all birds that I saw"), "birds saw");
    assert_eq!(subject("How many notes mention the pear tree?"), "pear tree");
    assert_eq!(subject("list all tools in garden/tools.md path:2024"), "tools");
    assert_eq!(subject("how many files are there?"), "");
    let inquiry = Inquiry::of("list all tools in garden/tools.md path:2024 #summer", &Conditions::default()).unwrap();
    assert_eq!(inquiry.names, ["garden/tools.md"]);
    assert_eq!(inquiry.conditions.paths, ["2024"]);
    assert_eq!(inquiry.conditions.tags, ["summer"]);
}

#[test]
fn a_person_who_insists_gets_a_list_where_the_words_say_nothing() {
    let Inquiry { task, .. } = Inquiry::forced("wheels of the cart?", &Conditions::default());
    assert_eq!(task, Task::ListAll { unit: Unit::Items, subject: "wheels of the cart".into() });
    assert_eq!(Inquiry::forced("how many files are there?", &Conditions::default()).task.name(), "count");
}

proptest! {
    #[test]
    fn any_text_is_a_question(text in "\\PC{0,60}|(list|all|how many|files|compare|and|summarize|#|path:| ){0,12}") {
        let _ = Task::of(&text);
        let _ = Inquiry::forced(&text, &Conditions::default());
    }
}
