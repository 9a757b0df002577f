//! Writes GGUF headers.
//!
//! Place in the flow: pairs of another file, or of a model folder → [`Pairs`], with tensors → [`header`] → a new file.
//! Format: <https://github.com/ggml-org/ggml/blob/master/docs/gguf.md>, version 3. The data of each tensor begins at the next
//! multiple of the alignment, in the order of the descriptions.

use super::TensorType;
use super::metadata::ARRAY;

/// Numbers of the value types.
const UNSIGNED: u32 = 4;
const SIGNED: u32 = 5;
const FLOAT: u32 = 6;
const BOOL: u32 = 7;
const STRING: u32 = 8;

/// Key–value pairs as they lie in a file.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pairs {
    bytes: Vec<u8>,
    count: u64,
}

impl Pairs {
    /// Adds a pair of another file: its key, type and value.
    pub(crate) fn copy(&mut self, pair: &[u8]) {
        self.bytes.extend_from_slice(pair);
        self.count += 1;
    }

    pub(crate) fn u32(&mut self, key: &str, value: u32) -> &mut Self {
        self.pair(key, UNSIGNED, &value.to_le_bytes())
    }

    pub(crate) fn f32(&mut self, key: &str, value: f32) -> &mut Self {
        self.pair(key, FLOAT, &value.to_le_bytes())
    }

    pub(crate) fn bool(&mut self, key: &str, value: bool) -> &mut Self {
        self.pair(key, BOOL, &[u8::from(value)])
    }

    pub(crate) fn string(&mut self, key: &str, value: &str) -> &mut Self {
        self.pair(key, STRING, &text(value.as_bytes()))
    }

    pub(crate) fn strings(&mut self, key: &str, values: &[String]) -> &mut Self {
        self.pair(key, ARRAY, &strings(values))
    }

    pub(crate) fn i32s(&mut self, key: &str, values: &[i32]) -> &mut Self {
        self.pair(key, ARRAY, &i32s(values))
    }

    pub(crate) fn f32s(&mut self, key: &str, values: &[f32]) -> &mut Self {
        self.pair(key, ARRAY, &f32s(values))
    }

    fn pair(&mut self, key: &str, kind: u32, value: &[u8]) -> &mut Self {
        self.bytes.extend(text(key.as_bytes()));
        self.bytes.extend(kind.to_le_bytes());
        self.bytes.extend_from_slice(value);
        self.count += 1;
        self
    }
}

/// What a header says of a tensor.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Description<'a> {
    pub(crate) name: &'a str,
    /// Outermost first.
    pub(crate) dimensions: &'a [usize],
    pub(crate) kind: TensorType,
}

/// The header of a file, and how many bytes of data belong behind it.
pub(crate) fn header(pairs: &Pairs, tensors: &[Description<'_>], alignment: u64) -> (Vec<u8>, u64) {
    let counts = [tensors.len() as u64, pairs.count].map(u64::to_le_bytes).concat();
    let mut out = [b"GGUF".as_slice(), &3u32.to_le_bytes(), &counts, &pairs.bytes].concat();
    let mut offset = 0u64;
    for Description { name, dimensions, kind } in tensors {
        out.extend(text(name.as_bytes()));
        out.extend((dimensions.len() as u32).to_le_bytes());
        out.extend(dimensions.iter().rev().flat_map(|length| (*length as u64).to_le_bytes()));
        out.extend(kind.id().to_le_bytes());
        out.extend(offset.to_le_bytes());
        let elements: u64 = dimensions.iter().map(|length| *length as u64).product();
        offset = (offset + elements / kind.block_elements() * kind.block_bytes()).next_multiple_of(alignment);
    }
    (out, offset)
}

/// A length and the text.
pub(super) fn text(value: &[u8]) -> Vec<u8> {
    [&(value.len() as u64).to_le_bytes()[..], value].concat()
}

pub(super) fn strings(values: &[String]) -> Vec<u8> {
    array(STRING, values.len(), values.iter().flat_map(|value| text(value.as_bytes())))
}

pub(super) fn i32s(values: &[i32]) -> Vec<u8> {
    array(SIGNED, values.len(), values.iter().flat_map(|value| value.to_le_bytes()))
}

pub(super) fn f32s(values: &[f32]) -> Vec<u8> {
    array(FLOAT, values.len(), values.iter().flat_map(|value| value.to_le_bytes()))
}

/// The type of the elements, how many there are, and their bytes.
fn array(kind: u32, count: usize, elements: impl Iterator<Item = u8>) -> Vec<u8> {
    let mut out = [&kind.to_le_bytes()[..], &(count as u64).to_le_bytes()].concat();
    out.extend(elements);
    out
}
