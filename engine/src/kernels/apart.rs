//! Channels that are multiplied in f32, apart from the rounded ones.
//!
//! A few channels of a transformer's states are tens of times larger than the others (Dettmers et al. 2022, `LLM.int8()`,
//! <https://arxiv.org/abs/2208.07339>, section 3). Rounded to eight bits with one scale for 32 channels, such a channel takes the
//! precision of its neighbors. Eight channels of 576, the same ones in every layer, cause four fifths of the rounding noise of
//! `SmolLM2`-135M: without them it falls from 1.05 % to 0.46 % of the states. Their columns of weights are kept as f16 beside the
//! packed ones, which then meet a zero.

use std::sync::Arc;

use super::formats::BLOCK;

/// Channels of a width of states, ascending. Clones are cheap.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Channels(Arc<[usize]>);

impl Channels {
    /// The `count` channels without which the rounding of `samples` loses least. A sample holds `[token][channel]` states of one
    /// place in the model; places count alike, whatever their magnitude.
    pub(crate) fn choose(mut samples: Vec<Vec<f32>>, columns: usize, count: usize) -> Self {
        if !columns.is_multiple_of(BLOCK) {
            return Self::default();
        }
        let powers: Vec<f64> = samples.iter().map(|sample| power(sample).max(f64::MIN_POSITIVE)).collect();
        let mut gains = vec![0f64; columns];
        for block in 0..columns / BLOCK {
            gains_of_block(&samples, &powers, block, &mut gains);
        }
        let mut chosen = Vec::new();
        while chosen.len() < count.min(columns) {
            let best = (0..columns).fold(0, |best, channel| if gains[channel] > gains[best] { channel } else { best });
            if gains[best] == 0.0 {
                break;
            }
            for state in samples.iter_mut().flat_map(|sample| sample.chunks_exact_mut(columns)) {
                state[best] = 0.0;
            }
            // Only its own block has changed.
            gains_of_block(&samples, &powers, best / BLOCK, &mut gains);
            chosen.push(best);
        }
        chosen.sort_unstable();
        Self(chosen.into())
    }

    #[cfg(test)]
    pub(super) fn of(channels: &[usize]) -> Self {
        Self(channels.into())
    }

    pub(crate) fn as_slice(&self) -> &[usize] {
        &self.0
    }
}

/// How much less noise there is, in shares of each sample's power, without each channel of a block.
fn gains_of_block(samples: &[Vec<f32>], powers: &[f64], block: usize, gains: &mut [f64]) {
    let columns = gains.len();
    let own = &mut gains[block * BLOCK..][..BLOCK];
    own.fill(0.0);
    for (sample, power) in samples.iter().zip(powers) {
        for state in sample.chunks_exact(columns) {
            let (channel, gain) = gain(&state[block * BLOCK..][..BLOCK]);
            own[channel] += gain / power;
        }
    }
}

fn power(values: &[f32]) -> f64 {
    values.iter().map(|value| f64::from(*value).powi(2)).sum()
}

/// The largest value's channel in a block, and how much less noise there is without it: rounding noise grows with the square
/// of the largest value.
fn gain(block: &[f32]) -> (usize, f64) {
    let (mut channel, mut first, mut second) = (0, 0f32, 0f32);
    for (at, value) in block.iter().enumerate() {
        let size = value.abs();
        if size > first {
            (channel, first, second) = (at, size, first);
        } else {
            second = second.max(size);
        }
    }
    (channel, f64::from(first).powi(2) - f64::from(second).powi(2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_channels_that_drown_their_neighbors_are_chosen() {
        let mut sample = vec![0.5f32; 3 * 64];
        for token in 0..3 {
            sample[token * 64 + 40] = -30.0;
            sample[token * 64 + 41] = 20.0;
            // Large alone is no harm.
            sample[token * 64..token * 64 + 32].fill(9.0);
        }
        assert_eq!(Channels::choose(vec![sample.clone()], 64, 2).as_slice(), [40, 41]);
        assert_eq!(Channels::choose(vec![sample], 64, 9).as_slice(), [40, 41], "the rest is even");
        assert_eq!(Channels::choose(vec![vec![0.0; 64]], 64, 2), Channels::default());
        assert_eq!(Channels::choose(Vec::new(), 64, 2), Channels::default());
    }
}
