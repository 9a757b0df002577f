//! Vectors in every kind of index: what is found is what the exact scan finds, whatever happens to the file.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::common::{DIMENSION, EMBEDDER, asked, clustered, document};
use tanya_index::{
    Conditions, Library, Mode, Options, Part, Query, Snapshot, TextHash, VectorKind, WeightedText, Writer,
};

/// Two blocks of the file, and some vectors that are not in it.
const PASSAGES: usize = 2_600;
/// Bytes before the blocks, and of a block.
const HEADER: usize = 8_192;
const BLOCK: usize = 1_024 * (8 + 4 + DIMENSION) + 32;

fn open(dir: &Path, vectors: VectorKind) -> Library {
    Library::open_with(dir, &Options { vectors }).unwrap()
}

fn text(n: usize) -> String {
    format!("passage number{n}")
}

/// Files of a hundred passages each, from the `from`th passage on.
fn add(writer: &mut Writer, from: usize, to: usize) {
    for first in (from..to).step_by(100) {
        let texts: Vec<String> = (first..to.min(first + 100)).map(text).collect();
        let folder = if first / 100 % 2 == 0 { "even" } else { "odd" };
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        writer.upsert(document(&format!("{folder}/{first}.md"), &texts)).unwrap();
    }
    writer.commit().unwrap();
}

/// Gives every passage its vector, or, with another `shift`, another passage's.
fn embed(writer: &mut Writer, embedder: &str, shift: usize) {
    writer.set_embedder(embedder, DIMENSION).unwrap();
    loop {
        // The newest first: their vectors get the lowest numbers.
        let waiting = writer.unembedded(700).unwrap();
        if waiting.is_empty() {
            return;
        }
        let number = |text: &str| text.trim_start_matches("passage number").parse::<usize>().unwrap();
        let rows: Vec<(TextHash, Vec<f32>)> =
            waiting.iter().map(|waiting| (waiting.hash, clustered(number(&waiting.text) + shift))).collect();
        writer.put_embeddings(embedder, &rows).unwrap();
    }
}

/// A library of `count` passages that was filled as one of this kind.
fn filled(kind: VectorKind, count: usize, embedder: &str, shift: usize) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let library = open(dir.path(), kind);
    let mut writer = library.writer().unwrap();
    add(&mut writer, 0, count);
    embed(&mut writer, embedder, shift);
    dir
}

fn file_of(dir: &Path) -> PathBuf {
    dir.join("vectors").join("rows")
}

/// Puts a file there as a backup program would: what is mapped of the old one stays.
fn replace(path: &Path, bytes: &[u8]) {
    let beside = path.with_extension("beside");
    fs::write(&beside, bytes).unwrap();
    fs::rename(beside, path).unwrap();
}

/// The ten nearest, with their cosines, of what `search` admits.
fn nearest(snapshot: &Snapshot, n: usize, search: &str) -> Vec<(String, u32)> {
    let (_, conditions) = Conditions::parse(search);
    let vectors = asked(vec![clustered(100_000 + n)]);
    let query = Query { texts: Vec::new(), vectors, mode: Mode::Vector, conditions, ..Query::default() };
    let hits = snapshot.search(&query).unwrap();
    hits.into_iter().map(|hit| (hit.chunk.text, hit.cosine.unwrap().to_bits())).collect()
}

fn answers(snapshot: &Snapshot) -> Vec<Vec<(String, u32)>> {
    (0..20).map(|n| nearest(snapshot, n, "")).collect()
}

/// What the exact scan answers.
fn right(dir: &Path) -> Vec<Vec<(String, u32)>> {
    answers(&open(dir, VectorKind::Exact).snapshot().unwrap())
}

/// A snapshot of a library whose graph is built.
fn with_graph(library: &Library) -> Snapshot {
    let (snapshot, start) = (library.snapshot().unwrap(), Instant::now());
    while snapshot.vector_kind().unwrap() != Some(VectorKind::Graph) {
        assert!(start.elapsed() < Duration::from_mins(2), "no graph is built");
        std::thread::yield_now();
    }
    snapshot
}

fn recall(found: &[Vec<(String, u32)>], right: &[Vec<(String, u32)>]) -> f32 {
    let pairs = found.iter().zip(right);
    let hit: usize = pairs.map(|(found, right)| right.iter().filter(|hit| found.contains(hit)).count()).sum();
    hit as f32 / right.iter().map(Vec::len).sum::<usize>() as f32
}

#[test]
fn every_kind_finds_the_nearest_with_their_true_cosines() {
    let dir = filled(VectorKind::Quantized, PASSAGES, EMBEDDER, 0);
    let right = right(dir.path());
    assert!(right.iter().all(|hits| hits.len() == 10));
    for (kind, compared, least) in [
        (VectorKind::Auto, VectorKind::Exact, 1.0),
        (VectorKind::Exact, VectorKind::Exact, 1.0),
        (VectorKind::Quantized, VectorKind::Quantized, 0.99),
        (VectorKind::Graph, VectorKind::Graph, 0.95),
    ] {
        let library = open(dir.path(), kind);
        assert!(library.notices().is_empty(), "{:?}", library.notices());
        let snapshot = if kind == VectorKind::Graph { with_graph(&library) } else { library.snapshot().unwrap() };
        let recall = recall(&answers(&snapshot), &right);
        assert!(recall >= least, "{kind:?}: recall@10 {recall}");
        assert_eq!(snapshot.vector_kind().unwrap(), Some(compared));
        assert_eq!(answers(&snapshot), answers(&snapshot), "{kind:?}");
    }
}

#[test]
fn conditions_are_met_exactly_in_every_kind() {
    let dir = filled(VectorKind::Quantized, PASSAGES, EMBEDDER, 0);
    let exact = open(dir.path(), VectorKind::Exact).snapshot().unwrap();
    for kind in VectorKind::ALL {
        let library = open(dir.path(), kind);
        let snapshot = if kind == VectorKind::Graph { with_graph(&library) } else { library.snapshot().unwrap() };
        for search in ["path:odd", "path:even/400", r#""passage number7""#, "path:nowhere"] {
            let found = nearest(&snapshot, 3, search);
            assert_eq!(found, nearest(&exact, 3, search), "{kind:?} {search}");
            assert_eq!(found.is_empty(), search == "path:nowhere");
        }
    }
}

#[test]
fn removed_passages_are_gone_new_ones_are_there_and_older_snapshots_do_not_move() {
    for kind in VectorKind::ALL {
        let dir = filled(kind, PASSAGES, EMBEDDER, 0);
        let library = open(dir.path(), kind);
        let old = if kind == VectorKind::Graph { with_graph(&library) } else { library.snapshot().unwrap() };
        let before = answers(&old);
        let mut writer = library.writer().unwrap();
        for first in (0..PASSAGES).step_by(200) {
            writer.remove(&format!("even/{first}.md")).unwrap();
        }
        writer.commit().unwrap();
        let less = library.snapshot().unwrap();
        let left: Vec<_> = answers(&less).into_iter().flatten().collect();
        assert_eq!(left.len(), 200, "{kind:?}");
        let number = |text: &str| text.trim_start_matches("passage number").parse::<usize>().unwrap();
        assert!(left.iter().all(|(text, _)| number(text) / 100 % 2 == 1), "{kind:?}");

        // Passages that are the answers themselves.
        add(&mut writer, 100_000, 100_020);
        embed(&mut writer, EMBEDDER, 0);
        let more = library.snapshot().unwrap();
        for n in 0..20 {
            assert_eq!(nearest(&more, n, "")[0].0, text(100_000 + n), "{kind:?}");
        }
        assert_eq!(answers(&old), before, "{kind:?}");
        assert_eq!(answers(&less).into_iter().flatten().collect::<Vec<_>>(), left, "{kind:?}");
        assert!(recall(&answers(&more), &right(dir.path())) >= 0.95, "{kind:?}");
    }
}

#[test]
fn the_file_grows_by_whole_blocks_and_is_not_made_where_none_is_wanted() {
    let dir = filled(VectorKind::Auto, PASSAGES, EMBEDDER, 0);
    assert!(!file_of(dir.path()).exists());
    // Asked for later, it is built on opening, once.
    let library = open(dir.path(), VectorKind::Quantized);
    assert!(library.notices()[0].contains("is missing; it was built"), "{:?}", library.notices());
    let size = || fs::metadata(file_of(dir.path())).unwrap().len() as usize - HEADER;
    assert_eq!(size(), 2 * BLOCK);
    let snapshot = library.snapshot().unwrap();
    let before = answers(&snapshot);
    let mut writer = library.writer().unwrap();
    add(&mut writer, 10_000, 10_400);
    embed(&mut writer, EMBEDDER, 0);
    assert_eq!(size(), 2 * BLOCK, "3,000 are no three blocks");
    add(&mut writer, 10_400, 10_500);
    embed(&mut writer, EMBEDDER, 0);
    assert_eq!(size(), 3 * BLOCK);
    drop(writer);
    assert_eq!(answers(&snapshot), before);
    assert_eq!(library.verify(true).unwrap(), []);
    assert!(open(dir.path(), VectorKind::Quantized).notices().is_empty());
    let found = answers(&open(dir.path(), VectorKind::Quantized).snapshot().unwrap());
    assert!(recall(&found, &right(dir.path())) >= 0.99);
}

#[test]
fn no_damage_of_the_file_changes_an_answer_and_it_is_made_anew() {
    let dir = filled(VectorKind::Quantized, PASSAGES, EMBEDDER, 0);
    let path = file_of(dir.path());
    let whole = fs::read(&path).unwrap();
    let right = answers(&open(dir.path(), VectorKind::Quantized).snapshot().unwrap());
    assert!(recall(&right, &self::right(dir.path())) >= 0.99);

    let mut damages: Vec<(String, Vec<u8>)> = Vec::new();
    for place in [0, 8, 12, 16, 24, 60, 70, 80, 100, 130, 4_096, 4_104, 4_160, 4_200, 5_000]
        .into_iter()
        .chain((HEADER..whole.len()).step_by(4_999))
    {
        let mut bytes = whole.clone();
        bytes[place] ^= 0x40;
        damages.push((format!("a bit of byte {place}"), bytes));
    }
    for length in [0, 100, HEADER, HEADER + BLOCK - 1, whole.len() - 1] {
        damages.push((format!("cut to {length}"), whole[..length].to_vec()));
    }
    damages.push(("longer".to_owned(), [whole.as_slice(), &[7; 5_000]].concat()));
    let mut swapped = whole.clone();
    swapped[HEADER..HEADER + 2 * BLOCK].rotate_left(BLOCK);
    damages.push(("blocks swapped".to_owned(), swapped));
    let of = |count, embedder, shift| fs::read(file_of(filled(VectorKind::Quantized, count, embedder, shift).path()));
    damages.push(("of another library".to_owned(), of(PASSAGES, EMBEDDER, 40).unwrap()));
    damages.push(("of another embedder".to_owned(), of(PASSAGES, "another", 0).unwrap()));
    damages.push(("of a larger library".to_owned(), of(3_200, EMBEDDER, 0).unwrap()));

    for (damage, bytes) in damages {
        replace(&path, &bytes);
        let library = open(dir.path(), VectorKind::Quantized);
        assert_eq!(answers(&library.snapshot().unwrap()), right, "{damage}");
        // Found on opening or by the first search, and repaired by whoever could write.
        assert_eq!(library.verify(true).unwrap(), [], "{damage}");
        drop(library);
        assert!(open(dir.path(), VectorKind::Quantized).notices().is_empty(), "{damage}");
    }
    fs::remove_file(&path).unwrap();
    let library = open(dir.path(), VectorKind::Quantized);
    assert_eq!(library.notices().len(), 1);
    assert_eq!(answers(&library.snapshot().unwrap()), right);
}

#[test]
fn a_reader_beside_a_writer_does_without_the_file_and_a_repair_makes_it() {
    let dir = filled(VectorKind::Quantized, PASSAGES, EMBEDDER, 0);
    let path = file_of(dir.path());
    let library = open(dir.path(), VectorKind::Quantized);
    let right = answers(&library.snapshot().unwrap());
    let mut writer = library.writer().unwrap();
    let mut bytes = fs::read(&path).unwrap();
    bytes[HEADER + BLOCK / 2] ^= 1;
    replace(&path, &bytes);
    let reader = open(dir.path(), VectorKind::Quantized);
    assert_eq!(answers(&reader.snapshot().unwrap()), right);
    assert_eq!(fs::read(&path).unwrap(), bytes, "only the holder of the lock writes");
    assert_eq!(library.verify(false).unwrap(), [], "its header is whole");
    let findings = library.verify(true).unwrap();
    assert_eq!(findings.iter().map(|finding| finding.part).collect::<Vec<_>>(), [Part::Vectors], "{findings:?}");
    let notices = writer.repair(&findings).unwrap();
    assert!(notices.len() == 1 && notices[0].contains("rounded vectors"), "{notices:?}");
    assert_eq!(library.verify(true).unwrap(), []);
    assert_eq!(answers(&library.snapshot().unwrap()), right);
    // Whoever had the old file goes on with it.
    assert_eq!(answers(&reader.snapshot().unwrap()), right);
}

#[test]
fn vectors_that_are_made_again_replace_what_the_file_has() {
    let dir = filled(VectorKind::Quantized, PASSAGES, EMBEDDER, 0);
    let library = open(dir.path(), VectorKind::Quantized);
    let mut writer = library.writer().unwrap();
    writer.set_embedder("another", DIMENSION).unwrap();
    writer.set_embedder(EMBEDDER, DIMENSION).unwrap();
    embed(&mut writer, EMBEDDER, 7);
    drop(writer);
    assert_eq!(library.verify(true).unwrap(), []);
    let found = answers(&library.snapshot().unwrap());
    assert!(recall(&found, &right(dir.path())) >= 0.99);
}

#[test]
fn a_hybrid_search_knows_both_figures_of_a_hit_whichever_side_found_it() {
    // So many that words are looked for while vectors are compared.
    let count = 8_300;
    let dir = filled(VectorKind::Quantized, count, EMBEDDER, 0);
    let snapshot = open(dir.path(), VectorKind::Quantized).snapshot().unwrap();
    let figures = |mode, limit| -> HashMap<String, (u32, Option<u32>)> {
        // Every passage holds the first word, one the second.
        let texts = vec![WeightedText { text: "passage number17".to_owned(), weight: 1.0 }];
        let query = Query { texts, vectors: asked(vec![clustered(100_004)]), limit, mode, ..Query::default() };
        let hits = snapshot.search(&query).unwrap().into_iter();
        hits.map(|hit| (hit.chunk.text, (hit.bm25.to_bits(), hit.cosine.map(f32::to_bits)))).collect()
    };
    let (words, vectors) = (figures(Mode::Lexical, count), figures(Mode::Vector, count));
    let both = figures(Mode::Hybrid, 120);
    assert_eq!(both.len(), 120);
    assert!(both.contains_key("passage number17"), "found by its words alone");
    for (text, (bm25, cosine)) in both {
        assert_eq!((bm25, cosine), (words[&text].0, vectors[&text].1), "{text}");
    }
}
