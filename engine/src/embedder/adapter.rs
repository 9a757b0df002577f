//! Small additions to a published encoder's weights: what a reader learned beyond its base model.
//!
//! Format: a safetensors file. `NAME.lora_a` `[rank, in]` and `NAME.lora_b` `[out, rank]` add their product to the matrix `NAME.weight`
//! (`LoRA`: Hu et al. 2021, <https://arxiv.org/abs/2106.09685>; the scale is in them already); a tensor with the name of one of the base model
//! takes its place. `__metadata__` names the base and its SHA-256.

use std::collections::HashMap;
use std::path::Path;

use safetensors::SafeTensors;

use super::weights;
use crate::error::{Error, shown};

/// More than this is no adapter, and would be read for minutes.
const LARGEST_RANK: usize = 1024;

/// A checked file of additions.
pub(crate) struct Adapter<'a> {
    path: &'a Path,
    file: SafeTensors<'a>,
    metadata: HashMap<String, String>,
}

impl<'a> Adapter<'a> {
    /// Checks the bytes of an adapter; `path` is what errors call it.
    pub(crate) fn read(path: &'a Path, bytes: &'a [u8]) -> Result<Self, Error> {
        weights::check(path, bytes)?;
        let header = |error: safetensors::SafeTensorError| Error::invalid(path, "header", shown(&error.to_string()));
        let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(header)?;
        let metadata = metadata.metadata().clone().unwrap_or_default();
        Ok(Self { path, file: SafeTensors::deserialize(bytes).map_err(header)?, metadata })
    }

    /// What the file says about itself.
    pub(crate) fn metadata(&self, key: &str) -> Option<&str> {
        self.metadata.get(key).map(String::as_str)
    }

    /// A tensor that must be there.
    pub(crate) fn numbers(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>, Error> {
        weights::numbers(self.path, &self.file, name, shape)
    }

    /// The tensor that takes the place of the base model's `name`, if there is one.
    pub(crate) fn replacement(&self, name: &str, shape: &[usize]) -> Result<Option<Vec<f32>>, Error> {
        self.file.tensor(name).is_ok().then(|| self.numbers(name, shape)).transpose()
    }

    /// Adds to the `rows` × `columns` matrix `name`, row by row, what the file has for it.
    pub(crate) fn add(&self, name: &str, matrix: &mut [f32], rows: usize, columns: usize) -> Result<(), Error> {
        let (down, up) = (format!("{name}.lora_a"), format!("{name}.lora_b"));
        let tensor = match (self.file.tensor(&down), self.file.tensor(&up)) {
            (Ok(tensor), _) => tensor,
            (Err(_), Err(_)) => return Ok(()),
            (Err(_), Ok(_)) => {
                return Err(Error::invalid(self.path, format!("tensor {}", shown(&down)), "is missing"));
            }
        };
        let rank = tensor.shape().first().copied().unwrap_or(0);
        if !(1..=LARGEST_RANK).contains(&rank) {
            return Err(Error::invalid(self.path, format!("tensor {}", shown(&down)), format!("has the rank {rank}")));
        }
        let down = self.numbers(&down, &[rank, columns])?;
        let up = self.numbers(&up, &[rows, rank])?;
        for (row, factors) in matrix.chunks_exact_mut(columns).zip(up.chunks_exact(rank)) {
            for (factor, direction) in factors.iter().zip(down.chunks_exact(columns)) {
                row.iter_mut().zip(direction).for_each(|(weight, part)| *weight += factor * part);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use safetensors::tensor::{Dtype, TensorView};

    use super::*;

    fn file(tensors: &[(&str, &[usize], &[f32])]) -> Vec<u8> {
        let data: Vec<Vec<u8>> =
            tensors.iter().map(|(_, _, numbers)| numbers.iter().flat_map(|n| n.to_le_bytes()).collect()).collect();
        let views = tensors
            .iter()
            .zip(&data)
            .map(|((name, shape, _), data)| (*name, TensorView::new(Dtype::F32, shape.to_vec(), data).unwrap()));
        safetensors::serialize(views, Some(HashMap::from([("base".to_owned(), "x".to_owned())]))).unwrap()
    }

    #[test]
    fn what_was_learned_is_added_and_what_has_a_name_of_the_base_replaces() {
        let bytes = file(&[
            ("m.lora_a", &[1, 2], &[10.0, 20.0]),
            ("m.lora_b", &[3, 1], &[1.0, 0.0, -1.0]),
            ("m.bias", &[3], &[7.0, 8.0, 9.0]),
        ]);
        let adapter = Adapter::read(Path::new("a"), &bytes).unwrap();
        let mut matrix = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        adapter.add("m", &mut matrix, 3, 2).unwrap();
        assert_eq!(matrix.map(f32::to_bits), [11.0f32, 22.0, 3.0, 4.0, -5.0, -14.0].map(f32::to_bits));
        adapter.add("other", &mut matrix, 3, 2).unwrap();
        assert_eq!(adapter.replacement("m.bias", &[3]).unwrap().unwrap(), [7.0, 8.0, 9.0]);
        assert!(adapter.replacement("n.bias", &[3]).unwrap().is_none());
        assert_eq!(adapter.metadata("base"), Some("x"));
    }

    #[test]
    fn an_adapter_that_does_not_fit_or_is_damaged_is_an_error_that_names_the_tensor() {
        let bytes = file(&[("m.lora_a", &[1, 2], &[10.0, 20.0]), ("m.bias", &[3], &[0.0; 3])]);
        let adapter = Adapter::read(Path::new("a"), &bytes).unwrap();
        let missing = adapter.add("m", &mut [0.0; 6], 3, 2).unwrap_err().to_string();
        assert!(missing.contains("m.lora_b") && missing.contains("missing"), "{missing}");
        let half = file(&[("m.lora_b", &[3, 1], &[0.0; 3])]);
        let half = Adapter::read(Path::new("a"), &half).unwrap().add("m", &mut [0.0; 6], 3, 2).unwrap_err().to_string();
        assert!(half.contains("m.lora_a") && half.contains("missing"), "{half}");
        let shape = adapter.add("m", &mut [0.0; 12], 3, 4).unwrap_err().to_string();
        assert!(shape.contains("m.lora_a") && shape.contains("shape"), "{shape}");
        assert!(adapter.replacement("m.bias", &[4]).is_err());
        for length in 0..bytes.len() {
            assert!(Adapter::read(Path::new("a"), &bytes[..length]).is_err(), "{length}");
        }
        assert!(Adapter::read(Path::new("a"), &file(&[("m", &[1], &[f32::NAN])])).is_err());
    }
}
