//! Tensors of a checked GGUF file → candle tensors on a device, in parallel.
//!
//! candle's own loader reads tensor by tensor on one thread and re-parses the header without our checks;
//! here each thread opens the file, takes the next tensor from a shared list, reads it and, where asked,
//! widens it.

use std::collections::HashMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use candle_core::quantized::{GgmlDType, QTensor, ggml_file::qtensor_from_ggml};
use candle_core::{Device, Tensor};

use super::widen::Narrow;
use crate::error::Error;
use crate::gguf::{self, Header};

/// What to do with types that candle multiplies slowly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Precision {
    /// Keep the file's numbers.
    Exact,
    /// `Q4_1`, `Q5_0` and `Q5_1` become `Q8_0`.
    Widened,
}

impl Precision {
    fn narrow(self, tensor: &gguf::Tensor) -> Option<Narrow> {
        match self {
            Self::Exact => None,
            Self::Widened => Narrow::of(tensor.kind),
        }
    }
}

/// All tensors of a file by name; each is taken out once.
pub(super) struct Weights<'a> {
    header: &'a Header,
    device: &'a Device,
    loaded: HashMap<String, QTensor>,
}

impl<'a> Weights<'a> {
    pub(super) fn load(header: &'a Header, device: &'a Device, precision: Precision) -> Result<Self, Error> {
        let mut work: Vec<(&String, &gguf::Tensor)> = header.tensors.iter().collect();
        // Front to back, so that a cold file is read in order.
        work.sort_by_key(|(_, tensor)| tensor.offset);
        let next = AtomicUsize::new(0);
        let threads = thread::available_parallelism().map_or(1, NonZero::get).min(8);
        let parts: Vec<Result<Vec<(String, QTensor)>, Error>> = thread::scope(|scope| {
            let workers: Vec<_> =
                (0..threads).map(|_| scope.spawn(|| load_some(header, device, precision, &work, &next))).collect();
            workers
                .into_iter()
                .map(|worker| worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
                .collect()
        });
        let mut loaded = HashMap::with_capacity(work.len());
        for part in parts {
            loaded.extend(part?);
        }
        Ok(Self { header, device, loaded })
    }

    pub(super) fn device(&self) -> &'a Device {
        self.device
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.loaded.contains_key(name)
    }

    /// The tensor called `name`, which must have exactly these dimensions.
    pub(super) fn take(&mut self, name: &str, dimensions: &[usize]) -> Result<QTensor, Error> {
        let known = self.header.tensor(name)?;
        if known.dimensions != dimensions {
            return Err(Error::invalid(
                &self.header.path,
                format!("tensor {name}"),
                format!("has the dimensions {:?}, the metadata ask for {dimensions:?}", known.dimensions),
            ));
        }
        self.loaded
            .remove(name)
            .ok_or_else(|| Error::invalid(&self.header.path, format!("tensor {name}"), "is missing"))
    }

    /// A vector (a norm or a bias) in f32.
    pub(super) fn vector(&mut self, name: &str, length: usize) -> Result<Tensor, Error> {
        let tensor = self.take(name, &[length])?;
        tensor.dequantize(self.device).map_err(|error| self.failed(&error))
    }

    pub(super) fn failed(&self, error: &candle_core::Error) -> Error {
        failed(self.header, error)
    }
}

fn failed(header: &Header, error: &candle_core::Error) -> Error {
    Error::Backend { path: header.path.clone(), doing: "loading weights", reason: error.to_string() }
}

fn load_some(
    header: &Header,
    device: &Device,
    precision: Precision,
    work: &[(&String, &gguf::Tensor)],
    next: &AtomicUsize,
) -> Result<Vec<(String, QTensor)>, Error> {
    let mut file = File::open(&header.path).map_err(|source| Error::io(&header.path, source))?;
    let mut done = Vec::new();
    let mut buffer = Vec::new();
    while let Some((name, tensor)) = work.get(next.fetch_add(1, Ordering::Relaxed)) {
        let kind = kind_of(header, name, tensor)?;
        let size = usize::try_from(tensor.size).map_err(|_| too_large(header, name))?;
        buffer.resize(size, 0);
        file.seek(SeekFrom::Start(tensor.offset))
            .and_then(|_| file.read_exact(&mut buffer))
            .map_err(|source| Error::io(&header.path, source))?;
        let dimensions = tensor.dimensions.clone();
        let loaded = match precision.narrow(tensor) {
            Some(narrow) => qtensor_from_ggml(GgmlDType::Q8_0, &narrow.widen(&buffer), dimensions, device),
            None => qtensor_from_ggml(kind, &buffer, dimensions, device),
        };
        done.push(((*name).clone(), loaded.map_err(|error| failed(header, &error))?));
    }
    Ok(done)
}

fn too_large(header: &Header, name: &str) -> Error {
    Error::invalid(&header.path, format!("tensor {}", crate::error::shown(name)), "is larger than the address space")
}

fn kind_of(header: &Header, name: &str, tensor: &gguf::Tensor) -> Result<GgmlDType, Error> {
    tensor.kind.candle().ok_or_else(|| {
        Error::invalid(
            &header.path,
            format!("tensor {}", crate::error::shown(name)),
            format!("the type {} is not supported", tensor.kind.name()),
        )
    })
}

/// Bytes that `tensor` takes in memory.
pub(super) fn resident(tensor: &gguf::Tensor, precision: Precision) -> u64 {
    let elements: u64 = tensor.size / tensor.kind.block_bytes() * tensor.kind.block_elements();
    if precision.narrow(tensor).is_some() {
        return elements / 32 * 34;
    }
    match tensor.kind.name() {
        // candle multiplies with these in f32.
        "F16" | "BF16" | "F32" => elements * 4,
        _ => tensor.size,
    }
}
