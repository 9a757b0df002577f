//! Whether what an old answer cites still stands where it stood.
//!
//! [`standing`] is pure: the passages that the library has of the file now, against the words that were cited. Words are compared, not
//! spaces or line breaks, so that a paragraph that was wrapped anew has not changed. Where the words are gone, the lines that share most
//! with them are shown as what they became.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result};
use serde::Serialize;
use tanya_index::{Chunk, Snapshot};

use super::difference::{Change, difference};
use crate::answer::{Answer, Citation, Source};

/// Where the text of a citation is now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "standing", rename_all = "snake_case")]
pub enum Standing {
    /// At the same lines.
    Unchanged,
    /// At other lines of the file.
    Moved {
        /// First line now.
        now_start_line: u32,
        /// Last line now, inclusive.
        now_end_line: u32,
        /// Page now, for paged formats.
        now_page: Option<u32>,
    },
    /// Nowhere in the file.
    Changed {
        /// What the cited lines were, and what is most like them now.
        difference: Vec<Change>,
    },
    /// The library has no such file any more.
    Gone,
}

/// A citation and where its text is now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CitedNow {
    /// The source's number.
    pub n: u32,
    /// The file.
    pub path: String,
    /// First line that was cited.
    pub start_line: u32,
    /// Last line that was cited, inclusive.
    pub end_line: u32,
    /// Page that was cited.
    pub page: Option<u32>,
    /// Where it is now.
    #[serde(flatten)]
    pub standing: Standing,
}

/// Where the texts that `answer` cites are now, in the order of its citations.
pub fn standings(answer: &Answer, snapshot: &Snapshot) -> Result<Vec<CitedNow>> {
    let mut files: BTreeMap<&str, Vec<Chunk>> = BTreeMap::new();
    let mut found = Vec::with_capacity(answer.citations.len());
    for citation in &answer.citations {
        if !files.contains_key(citation.path.as_str()) {
            let chunks = snapshot.chunks_at(&citation.path).context("cannot read the library")?;
            files.insert(&citation.path, chunks);
        }
        let source = answer.sources.iter().find(|source| source.n == citation.n);
        found.push(CitedNow {
            n: citation.n,
            path: citation.path.clone(),
            start_line: citation.start_line,
            end_line: citation.end_line,
            page: citation.page,
            standing: standing(citation, source, &files[citation.path.as_str()]),
        });
    }
    Ok(found)
}

/// Where the text of a citation is among `chunks`, those of its file in reading order. `source` is the passage that it is from.
pub fn standing(citation: &Citation, source: Option<&Source>, chunks: &[Chunk]) -> Standing {
    if chunks.is_empty() {
        return Standing::Gone;
    }
    let file = FileWords::of(chunks);
    // A quotation that was redacted stands in no file: the whole passage is compared then.
    let passage = source.filter(|source| !source.text.contains(&citation.text));
    let cited = passage.map_or(citation.text.as_str(), |source| source.text.as_str());
    let lines = passage.map_or((citation.start_line, citation.end_line), |source| (source.start_line, source.end_line));
    let places = file.places_of(cited);
    if places.iter().any(|place| place.is_at(citation.page, lines)) {
        return Standing::Unchanged;
    }
    let nearest = places.into_iter().min_by_key(|place| (place.page != citation.page, place.start.abs_diff(lines.0)));
    if let Some(Place { page, start, end, .. }) = nearest {
        return Standing::Moved { now_start_line: start, now_end_line: end, now_page: page };
    }
    let before = source.and_then(|source| lines_of(source, lines)).unwrap_or_else(|| cited.lines().collect());
    Standing::Changed { difference: difference(&before, &file.most_like(&before)) }
}

/// The lines of a passage, where its text has them as the file had.
fn lines_of(source: &Source, lines: (u32, u32)) -> Option<Vec<&str>> {
    let all: Vec<&str> = source.text.split('\n').collect();
    let first = lines.0.checked_sub(source.start_line)? as usize;
    let last = lines.1.checked_sub(source.start_line)? as usize;
    let is_faithful = all.len() as u32 == (source.end_line - source.start_line.min(source.end_line)) + 1;
    all.get(first..=last).filter(|_| is_faithful && first <= last).map(<[&str]>::to_vec)
}

/// A stretch of a file.
#[derive(Debug, Clone, Copy)]
struct Place {
    page: Option<u32>,
    start: u32,
    end: u32,
    /// The lines are those of the words, not those of the passages that hold them.
    exact: bool,
}

impl Place {
    fn is_at(&self, page: Option<u32>, (start, end): (u32, u32)) -> bool {
        let same =
            if self.exact { (self.start, self.end) == (start, end) } else { self.start <= end && start <= self.end };
        self.page == page && same
    }
}

/// A file's words in one text, each with its place.
struct FileWords<'a> {
    /// With single spaces between them.
    joined: String,
    /// By where they begin in `joined`.
    words: Vec<(usize, Place)>,
    lines: Vec<&'a str>,
}

impl<'a> FileWords<'a> {
    fn of(chunks: &'a [Chunk]) -> Self {
        let mut file = Self { joined: String::new(), words: Vec::new(), lines: Vec::new() };
        for chunk in chunks {
            let span = chunk.span;
            let breaks = chunk.text.bytes().filter(|byte| *byte == b'\n').count() as u32;
            let exact = breaks == span.end_line.saturating_sub(span.start_line);
            for (line, text) in (span.start_line..).zip(chunk.text.split('\n')) {
                let (start, end) = if exact { (line, line) } else { (span.start_line, span.end_line) };
                for word in text.split_whitespace() {
                    if !file.joined.is_empty() {
                        file.joined.push(' ');
                    }
                    file.words.push((file.joined.len(), Place { page: span.page, start, end, exact }));
                    file.joined.push_str(word);
                }
                file.lines.push(text);
            }
        }
        file
    }

    /// Where the words of `cited` stand in this order.
    fn places_of(&self, cited: &str) -> Vec<Place> {
        let cited = cited.split_whitespace().collect::<Vec<_>>().join(" ");
        if cited.is_empty() {
            return Vec::new();
        }
        let whole = |start: usize| {
            let touches = |a: Option<char>, b: Option<char>| {
                a.zip(b).is_some_and(|(a, b)| a.is_alphanumeric() && b.is_alphanumeric())
            };
            let end = start + cited.len();
            !touches(self.joined[..start].chars().next_back(), cited.chars().next())
                && !touches(cited.chars().next_back(), self.joined[end..].chars().next())
        };
        let starts = self.joined.match_indices(&cited).map(|(start, _)| start).filter(|start| whole(*start));
        starts
            .map(|start| {
                let (first, last) = (self.word_at(start), self.word_at(start + cited.len() - 1));
                Place { end: last.end, exact: first.exact && last.exact, ..first }
            })
            .collect()
    }

    /// The word that the byte at `offset` belongs to.
    fn word_at(&self, offset: usize) -> Place {
        let after = self.words.partition_point(|(start, _)| *start <= offset);
        self.words[after.saturating_sub(1)].1
    }

    /// As many lines as `before` has that share most words with it; none where they share less than a third.
    fn most_like(&self, before: &[&str]) -> Vec<&'a str> {
        let words = |line: &'a str| line.split_whitespace();
        let wanted: BTreeSet<&str> = before.iter().flat_map(|line| line.split_whitespace()).collect();
        let shared: Vec<usize> = self
            .lines
            .iter()
            .map(|line| words(line).filter(|word| wanted.contains(word)).collect::<BTreeSet<_>>().len())
            .collect();
        let wide = before.len().clamp(1, self.lines.len());
        let mut sum: usize = shared[..wide].iter().sum();
        let mut best = (sum, 0);
        for start in 1..=self.lines.len() - wide {
            sum = sum + shared[start + wide - 1] - shared[start - 1];
            if sum > best.0 {
                best = (sum, start);
            }
        }
        if best.0 * 3 < wanted.len().max(1) { Vec::new() } else { self.lines[best.1..best.1 + wide].to_vec() }
    }
}

#[cfg(test)]
#[path = "stale/tests.rs"]
mod tests;
