//! Tensors of a checked GGUF file → packed weights.
//!
//! Threads read the file side by side, each through a handle of its own, and pack what they have read: weights lie in memory
//! once. The file is read, not mapped: another program that truncates a mapped file would end this one.

use std::fs::File;
use std::io::{self, Read as _, Seek, SeekFrom};
use std::sync::{Arc, Mutex, PoisonError};

use crate::error::Error;
use crate::gguf::{Header, Tensor};
use crate::kernels::{Arena, Compute, Kind, Packed};

/// Bytes of a column of a packed vector at most: sixteen lanes of f32.
const GROUP_OF_ONE: usize = 16 * 4;

/// The file of a model.
pub(super) struct Source<'a> {
    header: &'a Header,
    compute: &'a Compute,
    /// One for each thread.
    files: Vec<Mutex<File>>,
    arena: Arc<Arena>,
}

impl<'a> Source<'a> {
    pub(super) fn open(header: &'a Header, compute: &'a Compute) -> Result<Self, Error> {
        let files = (0..compute.pool().threads())
            .map(|_| File::open(&header.path).map(Mutex::new))
            .collect::<io::Result<_>>()
            .map_err(|source| Error::io(&header.path, source))?;
        let bytes: u64 = header.tensors.values().map(resident).sum();
        let arena = usize::try_from(bytes).map_err(|_| io::ErrorKind::OutOfMemory.into()).and_then(Arena::new);
        let arena = arena.map_err(|source| Error::io(&header.path, source))?;
        Ok(Self { header, compute, files, arena })
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.header.tensors.contains_key(name)
    }

    /// Room for the matrix called `name`, which must have these dimensions; [`Source::fill`] reads it.
    pub(super) fn matrix(&self, name: &str, rows: usize, columns: usize) -> Result<Packed, Error> {
        self.reserve(name, &[rows, columns], &self.arena, rows, columns)
    }

    /// Reads matrices that this source made room for.
    pub(super) fn fill(&self, matrices: &mut [&mut Packed]) -> Result<(), Error> {
        let read = |thread: usize, offset: u64, buffer: &mut [u8]| {
            let mut file = self.files[thread].lock().unwrap_or_else(PoisonError::into_inner);
            file.seek(SeekFrom::Start(offset))?;
            file.read_exact(buffer)
        };
        Packed::fill(self.compute, matrices, &read).map_err(|source| Error::io(&self.header.path, source))
    }

    /// A vector (a norm or a bias), which must have this length, in f32.
    pub(super) fn vector(&self, name: &str, length: usize) -> Result<Vec<f32>, Error> {
        // Memory of its own, because packed it is a group of sixteen rows.
        let arena = Arena::new(GROUP_OF_ONE * length).map_err(|source| Error::io(&self.header.path, source))?;
        let mut packed = self.reserve(name, &[length], &arena, 1, length)?;
        self.fill(&mut [&mut packed])?;
        let mut vector = vec![0.0; length];
        packed.row(self.compute.isa(), 0, &mut vector);
        if vector.iter().any(|value| !value.is_finite()) {
            let reason = "holds a value that is no finite number";
            return Err(Error::invalid(&self.header.path, format!("tensor {name}"), reason));
        }
        Ok(vector)
    }

    fn reserve(
        &self,
        name: &str,
        dimensions: &[usize],
        arena: &Arc<Arena>,
        rows: usize,
        columns: usize,
    ) -> Result<Packed, Error> {
        let path = &self.header.path;
        let tensor = self.header.tensor(name)?;
        if tensor.dimensions != dimensions {
            return Err(Error::invalid(
                path,
                format!("tensor {name}"),
                format!("has the dimensions {:?}, the metadata ask for {dimensions:?}", tensor.dimensions),
            ));
        }
        let kind = kind_of(tensor).ok_or_else(|| {
            Error::invalid(path, format!("tensor {name}"), format!("the type {} is not supported", tensor.kind.name()))
        })?;
        Packed::reserve(arena, kind, rows, columns, tensor.offset).map_err(|source| Error::io(path, source))
    }
}

/// How a tensor would be packed, if it can be.
pub(super) fn kind_of(tensor: &Tensor) -> Option<Kind> {
    Kind::named(tensor.kind.name())
}

/// Bytes that a tensor takes when packed.
pub(super) fn resident(tensor: &Tensor) -> u64 {
    match (kind_of(tensor), tensor.dimensions.as_slice()) {
        (Some(kind), &[rows, columns]) => Packed::bytes_of(kind, rows, columns),
        _ => tensor.size,
    }
}
