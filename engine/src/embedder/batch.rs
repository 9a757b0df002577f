//! Which windows are computed together.
//!
//! Our own kernels take windows of any lengths side by side. candle pads a batch to its longest window and computes padding like
//! text, so for it windows are sorted by length and a batch ends where padding would begin to cost.

use std::ops::Range;

/// Tokens of one batch, padding included. Large enough for fast products, small enough that cancellation and
/// a waiting question come through in well under a second per batch.
const TOKENS: usize = 2048;

/// Tokens of a batch for our own kernels: the states of so many, and what is made of them, stay in a processor's second cache while
/// every row of weights passes over them. 32 texts of 128 tokens, MiniLM, two
/// cores with 1 MiB each: 221 texts a second with 256, 229 with 384, 177 with 512, 169 with 2,048.
const PACKED: usize = 384;

/// Groups positions of `lengths` into batches in order: every position once.
pub(crate) fn packed(lengths: &[usize]) -> Vec<Vec<usize>> {
    let mut batches: Vec<Vec<usize>> = Vec::new();
    let mut room = 0;
    for (position, &length) in lengths.iter().enumerate() {
        if let Some(batch) = batches.last_mut().filter(|_| length <= room) {
            batch.push(position);
        } else {
            batches.push(vec![position]);
            room = PACKED;
        }
        room = room.saturating_sub(length);
    }
    batches
}

/// Groups positions of `lengths` into batches: every position once, lengths ascending. Independent of
/// the order in which equal lengths come.
pub(super) fn padded(lengths: &[usize]) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..lengths.len()).collect();
    order.sort_by_key(|&position| (lengths[position], position));
    let mut batches = Vec::new();
    let mut start = 0;
    while start < order.len() {
        let end = batch_end(&order, lengths, start);
        batches.push(order[start..end].to_vec());
        start = end;
    }
    batches
}

fn batch_end(order: &[usize], lengths: &[usize], start: usize) -> usize {
    let shortest = lengths[order[start]];
    let mut text = 0;
    let fits = |range: Range<usize>, text: usize| {
        let longest = lengths[order[range.end - 1]];
        let padded = longest * range.len();
        // At most an eighth of a batch is padding, and differences of a few tokens never split one.
        padded <= TOKENS && (longest <= shortest + 4 || padded - text <= padded / 8)
    };
    let mut end = start;
    while end < order.len() {
        let with_next = text + lengths[order[end]];
        if end > start && !fits(start..end + 1, with_next) {
            break;
        }
        text = with_next;
        end += 1;
    }
    end
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn equal_lengths_fill_a_batch() {
        let batches = padded(&[64; 40]);
        assert_eq!(batches.iter().map(Vec::len).collect::<Vec<_>>(), [32, 8]);
    }

    #[test]
    fn a_long_text_does_not_pad_short_ones() {
        assert_eq!(padded(&[200, 10, 12, 11]), [vec![1, 3, 2], vec![0]]);
    }

    proptest! {
        #[test]
        fn every_window_is_computed_once_with_little_padding(lengths in proptest::collection::vec(2usize..257, 0..200)) {
            let in_order: Vec<usize> = packed(&lengths).into_iter().flatten().collect();
            prop_assert!(in_order.into_iter().eq(0..lengths.len()));
            for batch in packed(&lengths) {
                let tokens: usize = batch.iter().map(|&at| lengths[at]).sum();
                prop_assert!(batch.len() == 1 || tokens <= PACKED);
            }
            let batches = padded(&lengths);
            let mut all: Vec<usize> = batches.iter().flatten().copied().collect();
            all.sort_unstable();
            prop_assert!(all.into_iter().eq(0..lengths.len()));
            for batch in batches {
                let longest = batch.iter().map(|&at| lengths[at]).max().unwrap();
                let text: usize = batch.iter().map(|&at| lengths[at]).sum();
                let padded = longest * batch.len();
                prop_assert!(padded <= TOKENS);
                prop_assert!(padded - text <= (padded / 8).max(4 * batch.len()));
            }
        }
    }
}
