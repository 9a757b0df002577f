//! Reads `model.safetensors` whole and checks it before candle sees it.
//!
//! Format: <https://github.com/huggingface/safetensors>. The crate's own check covers header length, JSON,
//! overflowing shapes, sizes against types, and data that overlaps, leaves gaps or leaves the file; added
//! here is that every weight is a finite number, because one that is none spoils every vector.

use std::fs;
use std::path::Path;

use half::{bf16, f16};
use safetensors::{Dtype, SafeTensors};

use crate::error::{Error, shown};

/// The bytes of a sound file.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, Error> {
    let bytes = fs::read(path).map_err(|source| Error::io(path, source))?;
    check(path, &bytes)?;
    Ok(bytes)
}

/// Fails on anything that is not a sound file with finite weights.
pub(crate) fn check(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let file =
        SafeTensors::deserialize(bytes).map_err(|error| Error::invalid(path, "header", shown(&error.to_string())))?;
    for (name, tensor) in file.iter() {
        let data = tensor.data();
        let finite = match tensor.dtype() {
            Dtype::F32 => data.chunks_exact(4).all(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]).is_finite()),
            Dtype::F16 => data.chunks_exact(2).all(|b| f16::from_le_bytes([b[0], b[1]]).is_finite()),
            Dtype::BF16 => data.chunks_exact(2).all(|b| bf16::from_le_bytes([b[0], b[1]]).is_finite()),
            // Position ids of older exports; never multiplied with.
            Dtype::I64 => true,
            other => {
                return Err(Error::invalid(path, tensor_field(name), format!("the type {other:?} is not supported")));
            }
        };
        if !finite {
            return Err(Error::invalid(path, tensor_field(name), "holds a value that is no finite number"));
        }
    }
    Ok(())
}

/// A tensor's numbers as f32, row by row.
pub(crate) fn numbers(path: &Path, file: &SafeTensors<'_>, name: &str, shape: &[usize]) -> Result<Vec<f32>, Error> {
    let tensor = file.tensor(name).map_err(|_| Error::invalid(path, tensor_field(name), "is missing"))?;
    if tensor.shape() != shape {
        let reason = format!("has the shape {:?}, {shape:?} is needed", tensor.shape());
        return Err(Error::invalid(path, tensor_field(name), reason));
    }
    let data = tensor.data();
    match tensor.dtype() {
        Dtype::F32 => Ok(data.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()),
        Dtype::F16 => Ok(data.as_chunks::<2>().0.iter().map(|bytes| f16::from_le_bytes(*bytes).to_f32()).collect()),
        Dtype::BF16 => Ok(data.as_chunks::<2>().0.iter().map(|bytes| bf16::from_le_bytes(*bytes).to_f32()).collect()),
        other => Err(Error::invalid(path, tensor_field(name), format!("the type {other:?} is not supported"))),
    }
}

fn tensor_field(name: &str) -> String {
    format!("tensor {}", shown(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(header: &str, data: &[u8]) -> Vec<u8> {
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend_from_slice(header.as_bytes());
        bytes.extend_from_slice(data);
        bytes
    }

    fn error(bytes: &[u8]) -> String {
        check(Path::new("m.safetensors"), bytes).unwrap_err().to_string()
    }

    const ONE: &str = r#"{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#;

    #[test]
    fn a_sound_file_passes() {
        let data: Vec<u8> = [1f32, -2.0].iter().flat_map(|value| value.to_le_bytes()).collect();
        check(Path::new("m"), &file(ONE, &data)).unwrap();
    }

    #[test]
    fn every_truncation_is_an_error() {
        let whole = file(ONE, &[0; 8]);
        for length in 0..whole.len() {
            error(&whole[..length]);
        }
    }

    #[test]
    fn malformed_headers_are_errors() {
        let mut endless = file(ONE, &[0; 8]);
        endless[..8].copy_from_slice(&u64::MAX.to_le_bytes());
        error(&endless);
        for header in [
            r#"{"w":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}"#,
            r#"{"w":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}"#,
            r#"{"w":{"dtype":"F32","shape":[9223372036854775807,4],"data_offsets":[0,8]}}"#,
            r#"{"w":{"dtype":"F99","shape":[2],"data_offsets":[0,8]}}"#,
            r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#,
            "[]",
            "{",
        ] {
            error(&file(header, &[0; 8]));
        }
    }

    #[test]
    fn a_weight_that_is_no_number_is_named() {
        let data: Vec<u8> = [1f32, f32::NAN].iter().flat_map(|value| value.to_le_bytes()).collect();
        assert!(error(&file(ONE, &data)).contains("tensor w"));
    }
}
