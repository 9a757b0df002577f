//! A strict reader of GGUF headers: the gate that every decoder file passes before any of it is used.
//!
//! Place in the flow: `Decoder::open` → [`Header::read`] → hyperparameters, tokenizer, template, tensors.
//! Format: <https://github.com/ggml-org/ggml/blob/master/docs/gguf.md>, versions 2 and 3, little-endian.
//!
//! Invariants of a [`Header`]: every tensor lies inside the file, starts on the alignment, overlaps no
//! other, has a product of dimensions that fits and rows made of whole blocks; names and keys occur once.
//! Nothing is allocated from a length before that length was compared with the file's size, and all
//! arithmetic on numbers from the file is checked. candle's own reader is not given the header at all:
//! `general.alignment = 0` makes it divide by zero, and its product of dimensions wraps.

mod cursor;
mod encode;
mod metadata;
mod source;
mod tensor_type;
mod texts;

#[cfg(test)]
pub(crate) mod build;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use cursor::Cursor;
pub(crate) use encode::{Description, Pairs, header};
pub use metadata::{Array, Metadata, Value};
pub(crate) use source::{Opened, Source};
pub use tensor_type::TensorType;
pub use texts::Texts;

use crate::error::{Error, shown};

/// Of files that state none.
pub(crate) const DEFAULT_ALIGNMENT: u64 = 32;
/// `GGML_MAX_DIMS`.
const MAX_DIMENSIONS: u32 = 4;
/// `GGML_MAX_NAME` is 64; some converters write more.
const MAX_NAME: u64 = 256;

/// Where one tensor lies and what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tensor {
    /// Dimensions, outermost first: `[rows, columns]` for a matrix (the file stores them reversed).
    pub dimensions: Vec<usize>,
    /// Element type.
    pub kind: TensorType,
    /// First byte, counted from the beginning of the file.
    pub offset: u64,
    /// Bytes of data.
    pub size: u64,
}

/// A checked header.
#[derive(Clone, Debug)]
pub struct Header {
    /// The file.
    pub path: PathBuf,
    /// Bytes of the whole file.
    pub file_size: u64,
    /// Key–value pairs.
    pub metadata: Metadata,
    /// Tensors by name.
    pub tensors: HashMap<String, Tensor>,
    /// First byte of the tensor data.
    pub data_offset: u64,
    /// Tensors begin at multiples of it.
    pub alignment: u64,
}

impl Header {
    /// Reads and checks the header of the file at `path`.
    ///
    /// # Errors
    /// [`Error::Io`] when the file cannot be read, [`Error::Invalid`] naming the field and the reason when
    /// it is not a sound GGUF file.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let file = File::open(path).map_err(|source| Error::io(path, source))?;
        let about = file.metadata().map_err(|source| Error::io(path, source))?;
        if !about.is_file() {
            return Err(Error::invalid(path, "file", "is not a regular file"));
        }
        Self::parse(path, BufReader::with_capacity(1 << 18, file), about.len())
    }

    /// The same for what `reader` gives: a file of `file_size` bytes that errors call `path`.
    pub(crate) fn parse(path: &Path, reader: impl Read, file_size: u64) -> Result<Self, Error> {
        let mut cursor = Cursor::new(path, reader, file_size);
        let magic: [u8; 4] = cursor.array("magic")?;
        if &magic != b"GGUF" {
            return Err(Error::invalid(path, "magic", "is not GGUF: this is no GGUF file"));
        }
        let version = cursor.u32("version")?;
        match version {
            2 | 3 => {}
            _ if matches!(version.swap_bytes(), 2 | 3) => {
                return Err(Error::invalid(path, "version", "the file is big-endian, which is not supported"));
            }
            _ => {
                return Err(Error::invalid(path, "version", format!("{version} is not supported (supported: 2, 3)")));
            }
        }
        let tensor_count = cursor.u64("tensor count")?;
        let pair_count = cursor.u64("metadata count")?;
        // A key takes 8 bytes of length, 4 of type and 1 of value; a tensor 8 of length, 4 of dimension
        // count, 8 of one dimension, 4 of type, 8 of offset.
        cursor.require(pair_count, 13, "metadata count")?;
        cursor.require(tensor_count, 32, "tensor count")?;
        let metadata = Metadata::read(&mut cursor, pair_count)?;
        let alignment = alignment(&metadata)?;
        let mut tensors = HashMap::new();
        for index in 0..tensor_count {
            let (name, tensor) = read_tensor(&mut cursor, index, alignment)?;
            let field = format!("tensor {}", shown(&name));
            if tensors.insert(name, tensor).is_some() {
                return Err(cursor.invalid(&field, "is there twice"));
            }
        }
        let data_offset = cursor.position().next_multiple_of(alignment);
        place(path, &mut tensors, data_offset, file_size)?;
        Ok(Self { path: path.to_owned(), file_size, metadata, tensors, data_offset, alignment })
    }

    /// The tensor called `name`.
    ///
    /// # Errors
    /// [`Error::Invalid`] when the file has none.
    pub fn tensor(&self, name: &str) -> Result<&Tensor, Error> {
        self.tensors.get(name).ok_or_else(|| Error::invalid(&self.path, format!("tensor {name}"), "is missing"))
    }
}

fn alignment(metadata: &Metadata) -> Result<u64, Error> {
    let key = "general.alignment";
    let alignment = metadata.unsigned(key)?.unwrap_or(DEFAULT_ALIGNMENT);
    if !alignment.is_power_of_two() || alignment > 1 << 20 {
        return Err(metadata.invalid(key, format!("{alignment} is not a power of two up to 2^20")));
    }
    Ok(alignment)
}

/// One tensor description; `offset` is still relative to the data section.
fn read_tensor<R: Read>(cursor: &mut Cursor<'_, R>, index: u64, alignment: u64) -> Result<(String, Tensor), Error> {
    let name = cursor.string(MAX_NAME, &format!("name of tensor {index}"))?;
    let field = format!("tensor {}", shown(&name));
    if name.is_empty() {
        return Err(cursor.invalid(&format!("name of tensor {index}"), "is empty"));
    }
    let rank = cursor.u32(&field)?;
    if rank == 0 || rank > MAX_DIMENSIONS {
        return Err(cursor.invalid(&field, format!("{rank} dimensions (1 to {MAX_DIMENSIONS} are possible)")));
    }
    let mut dimensions = Vec::with_capacity(rank as usize);
    let mut elements: u64 = 1;
    for _ in 0..rank {
        let dimension = cursor.u64(&field)?;
        if dimension == 0 {
            return Err(cursor.invalid(&field, "a dimension is 0"));
        }
        elements = elements
            .checked_mul(dimension)
            .filter(|product| i64::try_from(*product).is_ok())
            .ok_or_else(|| cursor.invalid(&field, "the product of the dimensions overflows"))?;
        dimensions.push(
            usize::try_from(dimension).map_err(|_| cursor.invalid(&field, "a dimension does not fit in memory"))?,
        );
    }
    let id = cursor.u32(&field)?;
    let kind =
        TensorType::from_id(id).ok_or_else(|| cursor.invalid(&field, format!("element type {id} does not exist")))?;
    if !(dimensions[0] as u64).is_multiple_of(kind.block_elements()) {
        let (row, block, name) = (dimensions[0], kind.block_elements(), kind.name());
        return Err(cursor.invalid(&field, format!("rows of {row} are not made of {name} blocks of {block}")));
    }
    let size = (elements / kind.block_elements())
        .checked_mul(kind.block_bytes())
        .ok_or_else(|| cursor.invalid(&field, "the size overflows"))?;
    let offset = cursor.u64(&field)?;
    if !offset.is_multiple_of(alignment) {
        return Err(cursor.invalid(&field, format!("offset {offset} is not a multiple of {alignment}")));
    }
    dimensions.reverse();
    Ok((name, Tensor { dimensions, kind, offset, size }))
}

/// Turns relative offsets into absolute ones; fails when data leaves the file or overlaps.
fn place(path: &Path, tensors: &mut HashMap<String, Tensor>, data_offset: u64, file_size: u64) -> Result<(), Error> {
    let mut order: Vec<(&String, &mut Tensor)> = tensors.iter_mut().collect();
    order.sort_by(|a, b| (a.1.offset, a.0).cmp(&(b.1.offset, b.0)));
    let mut previous: Option<(&String, u64)> = None;
    for (name, tensor) in order {
        let field = || format!("tensor {}", shown(name));
        let end = data_offset
            .checked_add(tensor.offset)
            .and_then(|start| start.checked_add(tensor.size))
            .filter(|end| *end <= file_size)
            .ok_or_else(|| {
                let (offset, size) = (tensor.offset, tensor.size);
                Error::invalid(
                    path,
                    field(),
                    format!("{size} bytes at {data_offset} + {offset} leave the file of {file_size} bytes"),
                )
            })?;
        tensor.offset += data_offset;
        if let Some((other, taken)) = previous
            && tensor.offset < taken
        {
            return Err(Error::invalid(path, field(), format!("overlaps tensor {}", shown(other))));
        }
        previous = Some((name, end));
    }
    Ok(())
}
