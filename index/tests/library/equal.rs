//! Equal searches of equal libraries give equal hits in equal order, whatever the commits by which they came to be.

use crate::common::{asked, by_words, document, embed_all, library, vector};
use tanya_index::{Document, Hit, Library, Mode, Query};

const STONES: [&str; 7] = ["granite", "basalt", "marble", "slate", "gneiss", "quartz", "obsidian"];

fn documents() -> Vec<Document> {
    let text = |n: usize| {
        // Words of many rarities, in texts of many lengths, so that scores are sums of several unequal parts.
        let stones: Vec<&str> = (0..3 + n % 9).map(|place| STONES[(n * (place + 1) + place * place) % 7]).collect();
        format!("piece{n} from the old quarry: {}", stones.join(" beside "))
    };
    (0..60).map(|n| document(&format!("{n}.md"), &[&text(2 * n), &text(2 * n + 1)])).collect()
}

fn hits(library: &Library) -> Vec<Vec<Hit>> {
    let snapshot = library.snapshot().unwrap();
    let questions =
        ["granite", "basalt beside marble", "which quarry has slate, gneiss and quartz?", "piece7 obsidian"];
    let hybrid = |question: &str| {
        let query = Query { vectors: asked(vec![vector(question)]), mode: Mode::Hybrid, ..by_words(question, 50) };
        snapshot.search(&query).unwrap()
    };
    questions
        .into_iter()
        .flat_map(|question| [snapshot.search(&by_words(question, 50)).unwrap(), hybrid(question)])
        .collect()
}

#[test]
fn libraries_of_the_same_documents_answer_alike_whatever_their_commits() {
    let (_dir, at_once) = library(&documents());
    embed_all(&mut at_once.writer().unwrap());

    let dir = tempfile::tempdir().unwrap();
    let by_and_by = Library::open(dir.path()).unwrap();
    let mut writer = by_and_by.writer().unwrap();
    for some in documents().chunks(7) {
        for document in some {
            writer.upsert(document.clone()).unwrap();
        }
        writer.commit().unwrap();
        embed_all(&mut writer);
    }
    let found = hits(&by_and_by);
    assert!(found.iter().all(|hits| hits.len() > 10), "there is something to compare");
    assert_eq!(found, hits(&at_once));
    // Merged segments and a fresh start change nothing either.
    writer.finish().unwrap();
    drop(by_and_by);
    assert_eq!(hits(&Library::open(dir.path()).unwrap()), found);
}
