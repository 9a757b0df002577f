use tanya_index::{ChunkId, Document, FileStamp, FileState, Library, NewChunk, Span};

use super::*;
use crate::answer::Verdict;

const DIARY: &str = "On March 9 I pruned the pear tree\nwith the Felco saw. It rained.\nThe cuts were sealed.";

/// One chunk a paragraph, as the library has them: each with the lines that it came from.
fn chunks(text: &str) -> Vec<Chunk> {
    let mut line = 1;
    let mut chunks = Vec::new();
    for paragraph in text.split("\n\n") {
        let lines = paragraph.split('\n').count() as u32;
        let skipped = paragraph.split('\n').take_while(|line| line.is_empty()).count() as u32;
        let start = line + skipped;
        line += lines + 1;
        if !paragraph.trim().is_empty() {
            let span = Span { start_line: start, end_line: line - 2, page: None };
            let (ordinal, text) = (chunks.len() as u32, paragraph.trim_start_matches('\n').to_owned());
            chunks.push(Chunk {
                id: ChunkId(1),
                path: "diary.md".into(),
                span,
                title: String::new(),
                heading: String::new(),
                text,
                ordinal,
            });
        }
    }
    chunks
}

fn source() -> Source {
    Source { path: "diary.md".into(), start_line: 1, end_line: 3, ..Source::of_text(1, DIARY) }
}

fn citation() -> Citation {
    Citation {
        n: 1,
        path: "diary.md".into(),
        start_line: 1,
        end_line: 2,
        page: None,
        text: "On March 9 I pruned the pear tree\nwith the Felco saw.".into(),
        quote: String::new(),
        verdict: Verdict::Supported,
    }
}

fn now(text: &str) -> Standing {
    standing(&citation(), Some(&source()), &chunks(text))
}

fn shown(standing: Standing) -> Vec<String> {
    let Standing::Changed { difference } = standing else { panic!("{standing:?}") };
    difference.iter().map(Change::shown).collect()
}

#[test]
fn a_text_at_its_lines_is_unchanged_whatever_else_changed() {
    assert_eq!(now(DIARY), Standing::Unchanged);
    assert_eq!(now("On  March 9 I pruned the pear tree\n with the Felco saw. Sun.\n\nMore."), Standing::Unchanged);
}

#[test]
fn the_same_text_at_other_lines_has_moved_there_even_across_passages() {
    let moved = |start, end| Standing::Moved { now_start_line: start, now_end_line: end, now_page: None };
    assert_eq!(now(&format!("A title\n\n{DIARY}")), moved(3, 4));
    assert_eq!(now("On March 9 I pruned\n\nthe pear tree with the Felco saw."), moved(1, 3));
    // One line now, by wrapping.
    assert_eq!(now("On March 9 I pruned the pear tree with the Felco saw."), moved(1, 1));
    // Of two the nearest.
    assert_eq!(now(&format!("x\n\n{DIARY}\n\n{DIARY}")), moved(3, 4));
}

#[test]
fn a_text_that_is_not_there_any_more_is_shown_with_what_it_became() {
    let changed =
        now("New.\n\nOn March 10 I pruned the pear tree\nwith the Felco saw. It rained.\nThe cuts were sealed.");
    assert_eq!(
        shown(changed),
        [
            "- On March 9 I pruned the pear tree",
            "+ On March 10 I pruned the pear tree",
            "  with the Felco saw. It rained."
        ]
    );
    let gone = shown(now("Nothing of it is here, but other things."));
    assert_eq!(gone, ["- On March 9 I pruned the pear tree", "- with the Felco saw. It rained."]);
}

#[test]
fn a_text_inside_of_longer_words_is_not_the_cited_one() {
    let citation = Citation { text: "pear".into(), start_line: 1, end_line: 1, ..citation() };
    assert!(matches!(standing(&citation, None, &chunks("spears and pearls")), Standing::Changed { .. }));
    assert_eq!(standing(&citation, None, &chunks("A pear.")), Standing::Unchanged);
}

#[test]
fn a_redacted_quotation_is_compared_by_its_whole_passage() {
    let citation = Citation { text: "On ▇▇▇ (date) I pruned.".into(), ..citation() };
    assert_eq!(standing(&citation, Some(&source()), &chunks(DIARY)), Standing::Unchanged);
    assert!(matches!(standing(&citation, Some(&source()), &chunks("Else.")), Standing::Changed { .. }));
}

#[test]
fn passages_that_were_laid_out_anew_are_compared_by_the_lines_they_cover() {
    let mut chunks = chunks("On March 9 I pruned the pear tree with the Felco saw.");
    chunks[0].span = Span { start_line: 1, end_line: 9, page: None };
    assert_eq!(standing(&citation(), Some(&source()), &chunks), Standing::Unchanged);
    chunks[0].span = Span { start_line: 20, end_line: 29, page: None };
    assert!(matches!(standing(&citation(), Some(&source()), &chunks), Standing::Moved { now_start_line: 20, .. }));
    chunks[0].span = Span { start_line: 1, end_line: 9, page: Some(2) };
    assert!(matches!(standing(&citation(), Some(&source()), &chunks), Standing::Moved { now_page: Some(2), .. }));
}

#[test]
fn a_large_file_of_one_word_is_compared_in_no_time() {
    let many = "pear ".repeat(200_000);
    let citation = Citation { text: "pear ".repeat(500), start_line: 7, ..citation() };
    assert!(matches!(standing(&citation, None, &chunks(&many)), Standing::Moved { .. }));
    let other = Citation { text: format!("{}x", "pear ".repeat(500)), ..citation };
    assert!(matches!(standing(&other, None, &chunks(&many)), Standing::Changed { .. }));
}

#[test]
fn the_library_is_asked_for_each_file_and_one_that_left_it_is_gone() {
    let dir = tempfile::tempdir().unwrap();
    let library = Library::open(dir.path()).unwrap();
    let mut writer = library.writer().unwrap();
    let lines = Span { start_line: 5, end_line: 7, page: None };
    let document = Document {
        path: "diary.md".into(),
        stamp: FileStamp { size: 1, mtime_ns: 1, hash: None },
        title: String::new(),
        chunks: vec![NewChunk { span: lines, heading: String::new(), text: DIARY.into() }],
        tags: Vec::new(),
        state: FileState::Indexed,
        reason: None,
        reading: None,
    };
    writer.upsert(document).unwrap();
    writer.commit().unwrap();
    let gone = Citation { path: "letter.md".into(), n: 2, ..citation() };
    let answer =
        Answer { citations: vec![citation(), gone], sources: vec![source()], ..Answer::of_text("On March 9.") };
    let found = standings(&answer, &library.snapshot().unwrap()).unwrap();
    let standings: Vec<&Standing> = found.iter().map(|one| &one.standing).collect();
    assert_eq!(standings, [&Standing::Moved { now_start_line: 5, now_end_line: 6, now_page: None }, &Standing::Gone]);
    let json = serde_json::to_value(&found[0]).unwrap();
    assert_eq!((&json["standing"], &json["now_start_line"]), (&"moved".into(), &5.into()));
}
