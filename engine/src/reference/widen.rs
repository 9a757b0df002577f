//! `Q4_1`, `Q5_0` and `Q5_1` weights → `Q8_0`, in memory, at load.
//!
//! Why: candle 0.11.1 multiplies these three types with scalar loops on every processor (`k_quants.rs`,
//! `vec_dot_unopt`), `Q8_0` with SIMD. Measured with SmolLM2-135M in `Q4_1` on two Zen 5 cores: 51 instead of
//! 14 tokens a second behind 512 tokens. Cost: twice the memory of the weights, 0.15 s at load,
//! and a rounding of each weight by at most 1/254 of the largest in its block of 32, where the 4-bit original is
//! already off by up to 1/30. `Options::exact` leaves weights as they are.
//!
//! Layouts as in ggml's `ggml-common.h`; all numbers little-endian:
//! `Q4_1` = f16 d, f16 m, 16 bytes of nibbles; `Q5_0` = f16 d, u32 high bits, nibbles; `Q5_1` = f16 d, f16 m, u32
//! high bits, nibbles; `Q8_0` = f16 d, 32 × i8. Low nibbles are elements 0–15, high nibbles 16–31.

use half::f16;

use crate::gguf::TensorType;

/// Elements of a block of every type here.
const BLOCK: usize = 32;
const Q8_0_BYTES: usize = 34;

/// A type that is widened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Narrow {
    Q4_1,
    Q5_0,
    Q5_1,
}

impl Narrow {
    pub(super) fn of(kind: TensorType) -> Option<Self> {
        Self::named(kind.name())
    }

    pub(super) fn named(kind: &str) -> Option<Self> {
        match kind {
            "Q4_1" => Some(Self::Q4_1),
            "Q5_0" => Some(Self::Q5_0),
            "Q5_1" => Some(Self::Q5_1),
            _ => None,
        }
    }

    fn block_bytes(self) -> usize {
        match self {
            Self::Q4_1 => 20,
            Self::Q5_0 => 22,
            Self::Q5_1 => 24,
        }
    }

    /// Re-encodes whole blocks as `Q8_0`.
    pub(super) fn widen(self, blocks: &[u8]) -> Vec<u8> {
        let count = blocks.len() / self.block_bytes();
        let mut out = vec![0; count * Q8_0_BYTES];
        let pairs = blocks.chunks_exact(self.block_bytes()).zip(out.chunks_exact_mut(Q8_0_BYTES));
        for (block, target) in pairs {
            let values = match self {
                Self::Q4_1 => values(half_at(block, 0), half_at(block, 2), 0, &block[4..]),
                Self::Q5_0 => {
                    let d = half_at(block, 0);
                    values(d, -16.0 * d, word_at(block, 2), &block[6..])
                }
                Self::Q5_1 => values(half_at(block, 0), half_at(block, 2), word_at(block, 4), &block[8..]),
            };
            quantize(&values, target);
        }
        out
    }
}

fn half_at(block: &[u8], at: usize) -> f32 {
    f16::from_le_bytes([block[at], block[at + 1]]).to_f32()
}

fn word_at(block: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([block[at], block[at + 1], block[at + 2], block[at + 3]])
}

/// The 32 values d·q + m, where q has its low four bits in `nibbles` and a fifth in `high`.
fn values(d: f32, m: f32, high: u32, nibbles: &[u8]) -> [f32; BLOCK] {
    let mut values = [0.0; BLOCK];
    let (first, second) = values.split_at_mut(BLOCK / 2);
    for (index, byte) in nibbles.iter().take(BLOCK / 2).enumerate() {
        let low = u32::from(byte & 0xF) | (high >> index & 1) << 4;
        let upper = u32::from(byte >> 4) | (high >> (index + 16) & 1) << 4;
        first[index] = d * low as f32 + m;
        second[index] = d * upper as f32 + m;
    }
    values
}

/// `quantize_row_q8_0_ref` of ggml.
fn quantize(values: &[f32; BLOCK], target: &mut [u8]) {
    let largest = values.iter().fold(0f32, |most, value| most.max(value.abs()));
    let d = largest / 127.0;
    let inverse = if d == 0.0 { 0.0 } else { 1.0 / d };
    target[..2].copy_from_slice(&f16::from_f32(d).to_le_bytes());
    for (byte, value) in target[2..].iter_mut().zip(values) {
        let scaled = value * inverse;
        // As `round`, but without a call into the math library for each of a hundred million weights.
        *byte = (scaled + 0.5f32.copysign(scaled)) as i8 as u8;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;
    use candle_core::quantized::{GgmlDType, ggml_file::qtensor_from_ggml};
    use proptest::prelude::*;

    fn decode(kind: GgmlDType, blocks: &[u8]) -> Vec<f32> {
        let count = blocks.len() / kind.type_size() * BLOCK;
        qtensor_from_ggml(kind, blocks, vec![count], &Device::Cpu)
            .unwrap()
            .dequantize(&Device::Cpu)
            .unwrap()
            .to_vec1()
            .unwrap()
    }

    proptest! {
        #[test]
        fn widened_weights_differ_by_less_than_the_rounding_of_q8_0(
            bytes in proptest::collection::vec(any::<u8>(), 24 * 4), d in -0.5f32..0.5, m in -2f32..2.0,
        ) {
            for (narrow, kind) in [(Narrow::Q4_1, GgmlDType::Q4_1), (Narrow::Q5_0, GgmlDType::Q5_0), (Narrow::Q5_1, GgmlDType::Q5_1)] {
                let mut blocks = bytes[..narrow.block_bytes() * 4].to_vec();
                for block in blocks.chunks_exact_mut(narrow.block_bytes()) {
                    block[..2].copy_from_slice(&f16::from_f32(d).to_le_bytes());
                    if narrow != Narrow::Q5_0 {
                        block[2..4].copy_from_slice(&f16::from_f32(m).to_le_bytes());
                    }
                }
                let before = decode(kind, &blocks);
                let after = decode(GgmlDType::Q8_0, &narrow.widen(&blocks));
                for (before, after) in before.chunks(BLOCK).zip(after.chunks(BLOCK)) {
                    let largest = before.iter().fold(0f32, |most, value| most.max(value.abs()));
                    for (x, y) in before.iter().zip(after) {
                        // Half a step, and the rounding of the f16 scale: 2^-11 of it, or 2^-25 where it is subnormal.
                        let most = largest * (1.0 / 254.0 + 1.0 / 2048.0) + 127.0 * 2f32.powi(-25);
                        prop_assert!((x - y).abs() <= most, "{narrow:?} {x} {y}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_block_of_zeros_stays_zero() {
        assert!(decode(GgmlDType::Q8_0, &Narrow::Q4_1.widen(&[0; 20])).iter().all(|value| *value == 0.0));
    }
}
