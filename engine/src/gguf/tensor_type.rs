//! The element types of GGUF tensors and how many bytes they take.
//!
//! Numbers and block sizes as in `enum ggml_type` and the block structs of ggml (`ggml.h`,
//! `ggml-common.h`). The header check knows all of them, so that "damaged" and "sound, but this engine
//! cannot compute with it" stay two different errors.

use candle_core::quantized::GgmlDType;

/// One element type of ggml.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TensorType {
    id: u32,
    name: &'static str,
    block: u32,
    bytes: u32,
}

/// (number in the file, name, elements in a block, bytes of a block)
const TYPES: &[(u32, &str, u32, u32)] = &[
    (0, "F32", 1, 4),
    (1, "F16", 1, 2),
    (2, "Q4_0", 32, 18),
    (3, "Q4_1", 32, 20),
    (6, "Q5_0", 32, 22),
    (7, "Q5_1", 32, 24),
    (8, "Q8_0", 32, 34),
    (9, "Q8_1", 32, 36),
    (10, "Q2_K", 256, 84),
    (11, "Q3_K", 256, 110),
    (12, "Q4_K", 256, 144),
    (13, "Q5_K", 256, 176),
    (14, "Q6_K", 256, 210),
    (15, "Q8_K", 256, 292),
    (16, "IQ2_XXS", 256, 66),
    (17, "IQ2_XS", 256, 74),
    (18, "IQ3_XXS", 256, 98),
    (19, "IQ1_S", 256, 50),
    (20, "IQ4_NL", 32, 18),
    (21, "IQ3_S", 256, 110),
    (22, "IQ2_S", 256, 82),
    (23, "IQ4_XS", 256, 136),
    (24, "I8", 1, 1),
    (25, "I16", 1, 2),
    (26, "I32", 1, 4),
    (27, "I64", 1, 8),
    (28, "F64", 1, 8),
    (29, "IQ1_M", 256, 56),
    (30, "BF16", 1, 2),
    (34, "TQ1_0", 256, 54),
    (35, "TQ2_0", 256, 66),
    (39, "MXFP4", 32, 17),
];

impl TensorType {
    /// The type with this number in the file, if ggml has one.
    pub fn from_id(id: u32) -> Option<Self> {
        let &(id, name, block, bytes) = TYPES.iter().find(|(known, ..)| *known == id)?;
        Some(Self { id, name, block, bytes })
    }

    /// The type with ggml's name, such as `Q4_1`.
    pub fn named(name: &str) -> Option<Self> {
        TYPES.iter().find(|(_, known, ..)| *known == name).and_then(|(id, ..)| Self::from_id(*id))
    }

    /// Its number in a file.
    pub fn id(self) -> u32 {
        self.id
    }

    /// ggml's name, such as `Q4_1`.
    pub fn name(self) -> &'static str {
        self.name
    }

    /// Elements that share one block.
    pub fn block_elements(self) -> u64 {
        u64::from(self.block)
    }

    /// Bytes of one block.
    pub fn block_bytes(self) -> u64 {
        u64::from(self.bytes)
    }

    /// The same type in candle, where candle can compute with it.
    pub(crate) fn candle(self) -> Option<GgmlDType> {
        Some(match self.name {
            "F32" => GgmlDType::F32,
            "F16" => GgmlDType::F16,
            "BF16" => GgmlDType::BF16,
            "Q4_0" => GgmlDType::Q4_0,
            "Q4_1" => GgmlDType::Q4_1,
            "Q5_0" => GgmlDType::Q5_0,
            "Q5_1" => GgmlDType::Q5_1,
            "Q8_0" => GgmlDType::Q8_0,
            "Q2_K" => GgmlDType::Q2K,
            "Q3_K" => GgmlDType::Q3K,
            "Q4_K" => GgmlDType::Q4K,
            "Q5_K" => GgmlDType::Q5K,
            "Q6_K" => GgmlDType::Q6K,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_agree_with_candle_for_every_type_it_knows() {
        let mut compared = 0;
        for &(id, ..) in TYPES {
            let ours = TensorType::from_id(id).unwrap();
            if let Some(theirs) = ours.candle() {
                assert_eq!(ours.block_elements(), theirs.block_size() as u64, "{}", ours.name());
                assert_eq!(ours.block_bytes(), theirs.type_size() as u64, "{}", ours.name());
                compared += 1;
            }
        }
        assert_eq!(compared, 13);
        assert_eq!(TensorType::from_id(4), None, "a removed type");
        assert_eq!(TensorType::from_id(u32::MAX), None);
    }
}
