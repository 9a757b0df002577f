//! The sampler's random numbers.
//!
//! `ChaCha` with 12 rounds, keyed by the seed in its first eight bytes (little-endian, the rest zero).
//! `rand_chacha` documents its output as stable across releases; the key is spelled out here because the
//! expansion of small seeds belongs to another crate.

use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

#[derive(Clone, Debug)]
pub(super) struct Draw(ChaCha12Rng);

impl Draw {
    pub(super) fn new(seed: u64) -> Self {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        Self(ChaCha12Rng::from_seed(key))
    }

    /// The next number in [0, 1), with 53 random bits.
    pub(super) fn uniform(&mut self) -> f64 {
        const SCALE: f64 = 1.0 / (1u64 << 53) as f64;
        (self.0.next_u64() >> 11) as f64 * SCALE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stream_of_a_seed_never_changes() {
        // ChaCha12, zero key, zero nonce: the keystream begins 9bf49a6a0755f953 811fce125f2683d5
        // (test vector TC1 of draft-strombergson-chacha-test-vectors-01, 256-bit key, 12 rounds).
        let first = u64::from_le_bytes([0x9b, 0xf4, 0x9a, 0x6a, 0x07, 0x55, 0xf9, 0x53]);
        let second = u64::from_le_bytes([0x81, 0x1f, 0xce, 0x12, 0x5f, 0x26, 0x83, 0xd5]);
        let mut draw = Draw::new(0);
        for word in [first, second] {
            let expected = (word >> 11) as f64 / (1u64 << 53) as f64;
            assert!((draw.uniform() - expected).abs() < f64::EPSILON);
        }
    }
}
