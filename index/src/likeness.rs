//! How alike two passages are by their words: the Jaccard index of what they consist of. Pure.
//!
//! Sets of hashes, sorted: a comparison is one pass over two short lists, some microseconds. Words and not vectors, because an
//! embedder hardly sees what tells two near copies apart (a number, a name, a `not`), and because every passage has words.

use std::cmp::Ordering;
use std::hash::{DefaultHasher, Hash, Hasher};

use crate::analysis::{Kind, segment};

/// The words of a text as written but for case, in order; pieces of scripts without spaces count as words.
pub(crate) fn words(text: &str) -> Vec<String> {
    segment(text)
        .into_iter()
        .filter(|token| token.kind != Kind::Compound)
        .map(|token| token.text.into_owned())
        .collect()
}

/// What a passage consists of: all runs of so many words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shingles(Vec<u64>);

impl Shingles {
    /// The runs of `width` words (at least one); a shorter text is one run.
    pub(crate) fn of(words: &[String], width: usize) -> Self {
        let width = width.clamp(1, words.len().max(1));
        // Fixed keys: equal words have equal numbers in every run of the program.
        let number = |run: &[String]| {
            let mut hasher = DefaultHasher::new();
            run.hash(&mut hasher);
            hasher.finish()
        };
        let mut numbers: Vec<u64> = words.windows(width).map(number).collect();
        numbers.sort_unstable();
        numbers.dedup();
        Self(numbers)
    }

    /// The Jaccard index: what both have over what either has, 0..=1. Two empty ones have nothing in common.
    pub(crate) fn likeness(&self, other: &Self) -> f32 {
        let (mut a, mut b) = (self.0.iter().peekable(), other.0.iter().peekable());
        let mut both = 0usize;
        while let (Some(x), Some(y)) = (a.peek(), b.peek()) {
            match x.cmp(y) {
                Ordering::Less => {
                    a.next();
                }
                Ordering::Greater => {
                    b.next();
                }
                Ordering::Equal => {
                    both += 1;
                    a.next();
                    b.next();
                }
            }
        }
        let either = self.0.len() + other.0.len() - both;
        if either == 0 { 0.0 } else { both as f32 / either as f32 }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn alike(a: &str, b: &str, width: usize) -> f32 {
        Shingles::of(&words(a), width).likeness(&Shingles::of(&words(b), width))
    }

    #[test]
    fn likeness_is_the_share_of_common_runs() {
        // 2 common words of 4.
        assert!((alike("red fox ran", "Red FOX slept", 1) - 0.5).abs() < 1e-6);
        assert!((alike("a b c d e f", "a b c d e g", 5) - 1.0 / 3.0).abs() < 1e-6);
        assert!(alike("", "", 5) < 1e-6);
        assert!((alike("too short", "too short", 5) - 1.0).abs() < 1e-6);
    }

    proptest! {
        #[test]
        fn likeness_is_symmetric_bounded_and_whole_with_oneself(a in "[a-d ]{0,60}", b in "[a-d ]{0,60}", width in 1usize..7) {
            let (there, back) = (alike(&a, &b, width), alike(&b, &a, width));
            prop_assert!(there.total_cmp(&back).is_eq() && (0.0..=1.0).contains(&there));
            prop_assert!(words(&a).is_empty() || (alike(&a, &a, width) - 1.0).abs() < 1e-6);
        }
    }
}
