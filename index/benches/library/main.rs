//! How fast a library is at sizes from 10,000 passages, and what it takes.
//!
//! ```text
//! cargo bench -p tanya-index --bench library [-- FILTER]
//! ```
//!
//! Criterion gives means with their spread; lines of our own beside them give percentiles over all searches, recall, memory
//! and disk. `TANYA_BENCH_MILLION=1` adds a million passages, `TANYA_BENCH_DIR` says where libraries are kept between runs,
//! `TANYA_BENCH_TEXT` names a folder of Markdown and text to be taken up in place of made-up text, `TANYA_BENCH_VECTORS` a file of a
//! model's vectors (rows of 384 f32) to be searched in place of made-up ones.
//! Text and vectors are made up ([`corpus`]): they are for size and speed, not for how good hits are.

#![expect(clippy::print_stdout, reason = "what was measured is the output")]
#![expect(clippy::unwrap_used, reason = "a step that fails ends the run")]

mod corpus;
mod figures;
mod kept;
mod texts;

use std::cell::{Cell, OnceCell};
use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId, Criterion, SamplingMode, Throughput};
use tanya_index::{Library, Query, Snapshot};

use corpus::{Corpus, Question};
use kept::{Kept, by_vector, by_words, found, hybrid, in_a_folder};

/// A kind of search, by its name.
type Kind = (&'static str, fn(&Question) -> Query);

fn main() {
    let corpus = Corpus::new();
    if let Some((kind, chunks)) = figures::asked_for_memory() {
        println!("{}", figures::memory_taken(&Kept::new(&corpus, chunks), &kind));
        return;
    }
    let mut criterion = Criterion::default().without_plots().configure_from_args();
    taking_up(&mut criterion, &corpus);
    let million = std::env::var_os("TANYA_BENCH_MILLION").map(|_| 1_000_000);
    let sizes = [10_000, 30_000, 100_000].into_iter().chain(million);
    for chunks in sizes.filter(|&chunks| chunks <= corpus.most_chunks()) {
        let kept = Kept::new(&corpus, chunks);
        opening(&mut criterion, &kept);
        searching(&mut criterion, &kept);
        finding_vectors(&mut criterion, &kept);
    }
    criterion.final_summary();
}

/// Text a second: into database and word index, into the word index alone, and into a plain index of tantivy's beside them.
fn taking_up(criterion: &mut Criterion, corpus: &Corpus) {
    let documents = texts::documents(corpus);
    let mut group = criterion.benchmark_group("index");
    group.sample_size(10).sampling_mode(SamplingMode::Flat).measurement_time(Duration::from_secs(20));
    group.throughput(Throughput::BytesDecimal(texts::bytes(&documents)));
    std::fs::create_dir_all(kept::place()).unwrap();
    let write = |dir: &std::path::Path| {
        let documents = documents.clone();
        let library = Library::open(dir).unwrap();
        let mut writer = library.writer().unwrap();
        let start = Instant::now();
        for document in documents {
            writer.upsert(document).unwrap();
        }
        writer.commit().unwrap();
        let took = start.elapsed();
        writer.finish().unwrap();
        took
    };
    group.bench_function("commit", |bencher| {
        bencher.iter_custom(|rounds| {
            (0..rounds).map(|_| write(tempfile::tempdir_in(kept::place()).unwrap().path())).sum()
        });
    });
    let written = OnceCell::new();
    group.bench_function("words again", |bencher| {
        let dir = written.get_or_init(|| {
            let dir = tempfile::tempdir_in(kept::place()).unwrap();
            write(dir.path());
            dir
        });
        bencher.iter_custom(|rounds| {
            let again = |_| {
                std::fs::remove_dir_all(dir.path().join("words")).unwrap();
                let start = Instant::now();
                let library = Library::open(dir.path()).unwrap();
                let took = start.elapsed();
                assert_eq!(library.notices().len(), 1, "the word index was made again");
                took
            };
            (0..rounds).map(again).sum()
        });
    });
    group.bench_function("tantivy alone", |bencher| {
        let alone = |_| texts::tantivy_alone(&documents, tempfile::tempdir_in(kept::place()).unwrap().path());
        bencher.iter_custom(|rounds| (0..rounds).map(alone).sum());
    });
    group.finish();
}

/// From nothing to the hits of a first search.
fn opening(criterion: &mut Criterion, kept: &Kept<'_>) {
    let mut group = criterion.benchmark_group("open to first search");
    group.sample_size(10).sampling_mode(SamplingMode::Flat);
    let kinds: [Kind; 2] = [("words", by_words), ("hybrid", hybrid)];
    for (name, query) in kinds {
        group.bench_function(BenchmarkId::new(name, kept.chunks), |bencher| {
            let query = query(&kept.questions()[0]);
            kept.dir();
            bencher.iter_custom(|rounds| (0..rounds).map(|_| first_search(kept, "auto", &query)).sum());
        });
    }
    group.finish();
}

fn first_search(kept: &Kept<'_>, kind: &str, query: &Query) -> Duration {
    let start = Instant::now();
    let library = kept.open(kind);
    black_box(library.snapshot().unwrap().search(query).unwrap());
    start.elapsed()
}

/// A search with everything at hand, the question's vector included.
fn searching(criterion: &mut Criterion, kept: &Kept<'_>) {
    let mut group = criterion.benchmark_group("search");
    let kinds: [Kind; 3] = [("words", by_words), ("hybrid", hybrid), ("hybrid in one folder of fifty", in_a_folder)];
    for (name, query) in kinds {
        each_search(&mut group, name, kept, &|| (kept.open("auto"), kept.questions().iter().map(query).collect()));
    }
    group.finish();
}

/// A search by vector alone with each kind of index, and what it takes.
fn finding_vectors(criterion: &mut Criterion, kept: &Kept<'_>) {
    let mut group = criterion.benchmark_group("vectors");
    for kind in ["exact", "quantized", "graph"] {
        let opened = Cell::new([Duration::ZERO; 2]);
        let searched = each_search(&mut group, kind, kept, &|| {
            // Before this kind is opened: what it keeps on disk is then its own.
            kept.nearest();
            let queries: Vec<Query> = kept.questions().iter().map(by_vector).collect();
            opened.set([(); 2].map(|()| first_search(kept, kind, &queries[0])));
            (kept.open(kind), queries)
        });
        let Some((snapshot, queries)) = searched else { continue };
        let near: Vec<_> = queries.iter().map(|query| found(&snapshot, query)).collect();
        let recall = figures::recall(&near, kept.nearest());
        let [made, again] = opened.get().map(|took| took.as_secs_f64());
        drop(snapshot);
        let memory = figures::memory_of(kept, kind);
        let [database, words, vectors] = figures::on_disk(kept.dir());
        println!(
            "vectors/{kind}/{}: recall@10 {recall:.4}; first search {made:.2} s, opened again {again:.3} s",
            kept.chunks
        );
        println!("    {memory}; on disk {database:.0} MiB database, {words:.0} MiB words, {vectors:.0} MiB vectors");
    }
    group.finish();
}

/// Measures searches one by one, question after question, and prints their percentiles; `None` if the filter leaves them out.
fn each_search(
    group: &mut BenchmarkGroup<'_, WallTime>,
    name: &str,
    kept: &Kept<'_>,
    prepare: &dyn Fn() -> (Library, Vec<Query>),
) -> Option<(Snapshot, Vec<Query>)> {
    let prepared: OnceCell<(Snapshot, Vec<Query>)> = OnceCell::new();
    let (mut times, mut next) = (Vec::new(), 0);
    group.bench_function(BenchmarkId::new(name, kept.chunks), |bencher| {
        let (snapshot, queries) = prepared.get_or_init(|| {
            let (library, queries) = prepare();
            let snapshot = library.snapshot().unwrap();
            // What the first searches load is measured by `open to first search`.
            for query in &queries {
                black_box(found(&snapshot, query));
            }
            (snapshot, queries)
        });
        bencher.iter_custom(|rounds| {
            let search = |_| {
                let query: &Query = &queries[next % queries.len()];
                next += 1;
                let start = Instant::now();
                black_box(snapshot.search(query).unwrap());
                let took = start.elapsed();
                times.push(took);
                took
            };
            (0..rounds).map(search).sum()
        });
    });
    let prepared = prepared.into_inner()?;
    let [p50, p99] = [0.5, 0.99].map(|share| figures::percentile(&mut times, share));
    println!("    p50 {p50:.2} ms, p99 {p99:.2} ms of {} searches", times.len());
    Some(prepared)
}
