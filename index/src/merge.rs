//! Hits that follow each other in a file become one passage with one citation. Pure.
//!
//! Only neighbors under one heading, on one page: like a chunk, a passage crosses neither, so that its span and its heading stay true.
//! Chunks do not overlap, but the rows of a long table repeat its header, and other libraries may overlap: what the chunk before
//! holds already is left out.

use crate::types::{Chunk, Span};

/// Bytes at the border of two chunks from which on equal text is an overlap and no chance.
const OVERLAP: usize = 24;

/// A stretch of a file: one chunk, or several that follow each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passage {
    /// From the first line of the first chunk to the last of the last.
    pub span: Span,
    /// Their text, joined as the lines stand, nothing twice.
    pub text: String,
}

/// Groups what follows each other: each group by its places among `chunks`, the first of which is the best (the smallest place), the
/// others in reading order. Groups stand in the order of their best.
pub(crate) fn groups(chunks: &[&Chunk]) -> Vec<Vec<usize>> {
    let mut reading: Vec<usize> = (0..chunks.len()).collect();
    reading.sort_by_key(|at| (chunks[*at].path.as_str(), chunks[*at].ordinal, *at));
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for at in reading {
        match groups.last_mut() {
            Some(group) if group.last().is_some_and(|last| follows(chunks[*last], chunks[at])) => group.push(at),
            _ => groups.push(vec![at]),
        }
    }
    for group in &mut groups {
        // Stable: the others keep their order.
        let best = group.iter().copied().min();
        group.sort_by_key(|at| Some(*at) != best);
    }
    groups.sort_by_key(|group| group.first().copied());
    groups
}

fn follows(before: &Chunk, after: &Chunk) -> bool {
    before.path == after.path
        && before.ordinal.checked_add(1) == Some(after.ordinal)
        && before.span.page == after.span.page
        && before.heading == after.heading
}

/// One passage of `first` and what follows it, in reading order.
pub(crate) fn join<'a>(first: &Chunk, others: impl IntoIterator<Item = &'a Chunk>) -> Passage {
    let mut passage = Passage { span: first.span, text: first.text.clone() };
    for chunk in others {
        match overlap(&passage, chunk) {
            0 => {
                // Cut inside a line, at its end, or with blank lines between.
                passage.text.push_str(match chunk.span.start_line.saturating_sub(passage.span.end_line) {
                    0 => " ",
                    1 => "\n",
                    _ => "\n\n",
                });
                let text = without_header(&passage.text, chunk);
                passage.text.push_str(text);
            }
            known => passage.text.push_str(&chunk.text[known..]),
        }
        passage.span.start_line = passage.span.start_line.min(chunk.span.start_line);
        passage.span.end_line = passage.span.end_line.max(chunk.span.end_line);
    }
    passage
}

/// How many bytes of a chunk the text before it ends with; 0 unless they share a line.
fn overlap(before: &Passage, chunk: &Chunk) -> usize {
    if chunk.span.start_line > before.span.end_line {
        return 0;
    }
    let mut ends = chunk.text.char_indices().map(|(at, c)| at + c.len_utf8()).filter(|end| *end >= OVERLAP);
    ends.rfind(|end| before.text.ends_with(&chunk.text[..*end])).unwrap_or(0)
}

/// The text of a chunk, without a header that was put before it and stands in the text above already.
fn without_header<'a>(before: &str, chunk: &'a Chunk) -> &'a str {
    let lines = chunk.span.end_line.saturating_sub(chunk.span.start_line) as usize + 1;
    match chunk.text.split_once('\n') {
        // More lines than its place in the file has: the first comes from above.
        Some((header, rows)) if chunk.text.lines().count() > lines && before.lines().any(|line| line == header) => rows,
        _ => chunk.text.as_str(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::types::ChunkId;

    fn chunk(path: &str, ordinal: u32, lines: (u32, u32), text: &str) -> Chunk {
        Chunk {
            id: ChunkId(i64::from(ordinal)),
            path: path.into(),
            span: Span { start_line: lines.0, end_line: lines.1, page: None },
            title: String::new(),
            heading: String::new(),
            text: text.into(),
            ordinal,
        }
    }

    fn grouped(chunks: &[Chunk]) -> Vec<Vec<usize>> {
        groups(&chunks.iter().collect::<Vec<_>>())
    }

    #[test]
    fn neighbors_gather_around_the_best_in_reading_order() {
        let mut chunks: Vec<Chunk> = [("a", 7), ("b", 1), ("a", 6), ("a", 3), ("a", 8), ("a", 4)]
            .map(|(path, n)| chunk(path, n, (n, n), "x"))
            .into();
        assert_eq!(grouped(&chunks), [vec![0, 2, 4], vec![1], vec![3, 5]]);
        chunks[2].heading = "another".into();
        chunks[5].span.page = Some(2);
        assert_eq!(
            grouped(&chunks),
            [vec![0, 4], vec![1], vec![2], vec![3], vec![5]],
            "neither headings nor pages are crossed"
        );
    }

    #[test]
    fn text_is_joined_as_its_lines_stand() {
        let first = chunk("a", 0, (3, 4), "One sentence.\nAnother,");
        let others = [
            chunk("a", 1, (4, 5), "cut inside its line."),
            chunk("a", 2, (6, 6), "Next."),
            chunk("a", 3, (9, 9), "Far."),
        ];
        let passage = join(&first, &others);
        assert_eq!(passage.text, "One sentence.\nAnother, cut inside its line.\nNext.\n\nFar.");
        assert_eq!(passage.span, Span { start_line: 3, end_line: 9, page: None });
    }

    #[test]
    fn what_the_chunk_before_holds_stands_once() {
        let table = chunk("a", 0, (1, 4), "Prices:\n\nfruit | price\npear | 2");
        let rows = chunk("a", 1, (5, 6), "fruit | price\napple | 1\nplum | 3");
        assert_eq!(join(&table, [&rows]).text, "Prices:\n\nfruit | price\npear | 2\napple | 1\nplum | 3");
        let overlapping = [
            chunk("a", 0, (1, 1), "It rains. The pear tree blooms in April."),
            chunk("a", 1, (1, 2), "The pear tree blooms in April. Bees come."),
        ];
        assert_eq!(
            join(&overlapping[0], [&overlapping[1]]).text,
            "It rains. The pear tree blooms in April. Bees come."
        );
        // A word that ends one and begins the other is no overlap.
        let chance = [chunk("a", 0, (1, 1), "I like tea"), chunk("a", 1, (2, 2), "tea is hot")];
        assert_eq!(join(&chance[0], [&chance[1]]).text, "I like tea\ntea is hot");
    }

    proptest! {
        #[test]
        fn every_chunk_is_in_one_group_and_groups_are_runs(places in proptest::collection::hash_set(("[ab]", 0u32..9), 0..14)) {
            let chunks: Vec<Chunk> = places.iter().map(|(path, n)| chunk(path, *n, (*n, *n), "x")).collect();
            let groups = grouped(&chunks);
            let mut all: Vec<usize> = groups.iter().flatten().copied().collect();
            all.sort_unstable();
            prop_assert_eq!(all, (0..chunks.len()).collect::<Vec<_>>());
            prop_assert!(groups.windows(2).all(|pair| pair[0][0] < pair[1][0]));
            for group in &groups {
                prop_assert_eq!(Some(&group[0]), group.iter().min());
                let mut ordinals: Vec<u32> = group.iter().map(|at| chunks[*at].ordinal).collect();
                ordinals.sort_unstable();
                prop_assert!(ordinals.windows(2).all(|pair| pair[1] == pair[0] + 1));
            }
        }

        #[test]
        fn joining_loses_no_word(texts in proptest::collection::vec("[a-e]{1,3}( [a-e]{1,3}){0,8}", 1..5)) {
            let chunks: Vec<Chunk> = (1..).zip(&texts).map(|(n, text)| chunk("a", n, (n, n), text)).collect();
            let passage = join(&chunks[0], &chunks[1..]);
            // Every chunk stands in it whole, one behind the other or overlapping.
            let mut from = 0;
            let flat = passage.text.replace('\n', " ");
            for chunk in &chunks {
                let at = flat[from..].find(&chunk.text);
                prop_assert!(at.is_some(), "{:?} in {:?}", chunk.text, flat);
                from += at.unwrap_or(0);
            }
        }
    }
}
