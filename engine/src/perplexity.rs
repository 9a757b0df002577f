//! How surprised a model is by a text: the usual measure of what rounding its weights costs.

use crate::cancel::Cancel;
use crate::decoder::Decoder;
use crate::error::Error;
use crate::sampling::Distribution;

/// Tokens that are read together: the first half of each window prepares the second, which counts.
const WINDOW: usize = 512;

/// The perplexity of `decoder` over `ids`: e to the mean of −ln p of each token given those before it in its window. `None` for
/// texts too short to measure. `progress` tells how many tokens of how many are read.
///
/// # Errors
/// As [`crate::Context::prefill`], and [`Error::Cancelled`].
pub fn perplexity(
    decoder: &Decoder,
    ids: &[u32],
    cancel: &Cancel,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Option<f64>, Error> {
    let window = WINDOW.min(decoder.info().window);
    let vocabulary = decoder.info().vocab_size;
    let half = window / 2;
    let (mut surprise, mut count) = (0.0, 0usize);
    for (index, part) in ids.chunks_exact(window).enumerate() {
        let mut context = decoder.context();
        // The last token's own prediction has nothing to be compared with.
        let (before, rest) = part[..window - 1].split_at(half);
        if !context.append(before, cancel)? {
            return Err(Error::Cancelled);
        }
        let scores = context.append_scored(rest, cancel)?.ok_or(Error::Cancelled)?;
        for (scores, next) in scores.chunks_exact(vocabulary).zip(&part[half + 1..]) {
            surprise -= f64::from(Distribution::new(scores).of(*next).logprob);
            count += 1;
        }
        progress((index + 1) * window, ids.len());
    }
    Ok((count > 0).then(|| (surprise / count as f64).exp()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_models::smollm2;

    #[test]
    fn prose_surprises_less_than_the_same_words_in_another_order() {
        let text = include_str!("executor/prose.txt");
        let ids = smollm2().tokenizer().encode_text(text)[..1024].to_vec();
        let of = |ids: &[u32]| perplexity(smollm2(), ids, &Cancel::new(), &mut |_, _| ()).unwrap().unwrap();
        let shuffled: Vec<u32> = (0..ids.len()).map(|index| ids[index * 389 % ids.len()]).collect();
        let (prose, shuffled) = (of(&ids), of(&shuffled));
        assert!(prose > 2.0 && prose < 200.0 && shuffled > 5.0 * prose, "{prose} {shuffled}");
        assert!(perplexity(smollm2(), &ids[..500], &Cancel::new(), &mut |_, _| ()).unwrap().is_none());
    }
}
