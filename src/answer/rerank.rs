//! A better order for the first passages of a search, within a time.
//!
//! Whoever wants the best ten searches for [`READ`], so that what the search placed lower can rise into them.

use std::time::{Duration, Instant};

use anyhow::Result;
use serde::Serialize;
use tanya_engine::Cancel;
use tanya_index::Hit;

use super::models::PairReader;
use super::retrieve::heading;

/// Passages that are read at most: a search that is read has to find as many, for one to rise from below its limit.
pub const READ: usize = 20;
/// Passages that are read between two looks at the clock.
const GROUP: usize = 4;
/// What a place in the search's ranking is worth, in log-odds of relevance.
const PLACE: f32 = 0.4;

/// What reading a hit with the question said.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Reranked {
    /// Log-odds that the passage is about the question.
    pub relevance: f32,
    /// The place it had before, from 1.
    pub place_before: usize,
}

/// Reads the first of `hits` with `question` for at most about `budget` and sorts those that were read by log-odds less
/// [`PLACE`] for each place; the others follow in the order that they had. What each reading said stands beside its hit.
///
/// # Errors
/// When the reader fails or `cancel` is set.
pub fn rerank(
    reader: &dyn PairReader,
    question: &str,
    hits: Vec<Hit>,
    budget: Duration,
    cancel: &Cancel,
) -> Result<Vec<(Hit, Option<Reranked>)>> {
    let started = Instant::now();
    let mut read: Vec<(Hit, Option<Reranked>)> = hits.into_iter().map(|hit| (hit, None)).collect();
    let most = read.len().min(READ);
    let mut done = 0;
    while done < most && started.elapsed() < budget {
        let group = done..most.min(done + GROUP);
        let texts: Vec<String> = read[group.clone()].iter().map(|(hit, _)| text(hit)).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        for (place, reading) in group.clone().zip(reader.read(question, &texts, cancel)?) {
            read[place].1 = Some(Reranked { relevance: reading.relevance, place_before: place + 1 });
        }
        done = group.end;
    }
    let worth = |of: &Reranked| of.relevance - PLACE * of.place_before as f32;
    read[..done].sort_by(|(_, a), (_, b)| {
        b.as_ref().map(worth).partial_cmp(&a.as_ref().map(worth)).unwrap_or(std::cmp::Ordering::Equal)
    });
    Ok(read)
}

/// A hit as the reader knows passages: its heading on a line of its own.
fn text(hit: &Hit) -> String {
    let heading = heading(&hit.chunk.title, &hit.chunk.heading);
    let text = hit.passage().text;
    if heading.is_empty() { text } else { format!("{heading}\n{text}") }
}

#[cfg(test)]
mod tests {
    use tanya_engine::Reading;
    use tanya_index::{Document, FileStamp, FileState, Library, NewChunk, Query, Span};

    use super::*;

    /// Finds a passage the more relevant the higher the number in it.
    struct ByNumber(std::cell::Cell<usize>);

    impl PairReader for ByNumber {
        fn read(&self, _: &str, passages: &[&str], _: &Cancel) -> Result<Vec<Reading>> {
            self.0.set(self.0.get() + passages.len());
            let number = |text: &str| text.split_whitespace().find_map(|word| word.parse().ok()).unwrap_or(0.0);
            Ok(passages
                .iter()
                .map(|text| Reading { relevance: number(text), answerable: None, spans: Vec::new() })
                .collect())
        }
    }

    fn hits(count: usize) -> Vec<Hit> {
        let dir = tempfile::tempdir().unwrap();
        let library = Library::open(dir.path()).unwrap();
        let mut writer = library.writer().unwrap();
        for file in 0..count {
            // The fewer other words, the better BM25 likes it: the numbers rise as the ranking falls.
            let text = format!("pear {file} {}", "tree ".repeat(file));
            writer
                .upsert(Document {
                    path: format!("{file}.md"),
                    stamp: FileStamp { size: 1, mtime_ns: 1, hash: None },
                    title: "Notes".into(),
                    chunks: vec![NewChunk {
                        span: Span { start_line: 1, end_line: 1, page: None },
                        heading: String::new(),
                        text,
                    }],
                    tags: Vec::new(),
                    state: FileState::Indexed,
                    reason: None,
                    reading: None,
                })
                .unwrap();
        }
        writer.commit().unwrap();
        writer.finish().unwrap();
        let texts = vec![tanya_index::WeightedText { text: "pear".into(), weight: 1.0 }];
        let query = Query { texts, limit: 30, mode: tanya_index::Mode::Lexical, ..Query::default() };
        library.snapshot().unwrap().search(&query).unwrap()
    }

    fn order(read: &[(Hit, Option<Reranked>)]) -> Vec<&str> {
        read.iter().map(|(hit, _)| hit.chunk.path.as_str()).collect()
    }

    #[test]
    fn what_the_reader_finds_relevant_rises_and_says_where_it_stood() {
        let reader = ByNumber(std::cell::Cell::default());
        let read = rerank(&reader, "pear", hits(6), Duration::from_mins(1), &Cancel::new()).unwrap();
        assert_eq!(order(&read), ["5.md", "4.md", "3.md", "2.md", "1.md", "0.md"]);
        let first = read[0].1.unwrap();
        assert_eq!((first.relevance, first.place_before), (5.0, 6));
    }

    #[test]
    fn no_time_changes_nothing_and_reads_nothing() {
        let reader = ByNumber(std::cell::Cell::default());
        let before: Vec<String> = hits(6).iter().map(|hit| hit.chunk.path.clone()).collect();
        let read = rerank(&reader, "pear", hits(6), Duration::ZERO, &Cancel::new()).unwrap();
        assert_eq!(order(&read), before);
        assert_eq!(reader.0.get(), 0);
        assert!(read.iter().all(|(_, reading)| reading.is_none()));
    }

    #[test]
    fn only_the_first_are_read_and_the_rest_follow_as_they_were() {
        let reader = ByNumber(std::cell::Cell::default());
        let before: Vec<String> = hits(26).iter().map(|hit| hit.chunk.path.clone()).collect();
        let read = rerank(&reader, "pear", hits(26), Duration::from_mins(1), &Cancel::new()).unwrap();
        assert_eq!(reader.0.get(), READ);
        assert_eq!(order(&read[READ..]), before[READ..]);
        assert!(read[READ..].iter().all(|(_, reading)| reading.is_none()));
    }
}
