//! The processor as models use it.
//!
//! One pool of threads serves every model that was opened with clones of one [`Processor`]: two pools would wait for each
//! other's processors.

use std::num::NonZero;
use std::sync::Arc;

use crate::error::{Error, shown};
use crate::kernels::{Compute, Isa};

/// Instructions and threads. Clones share the threads, which sleep while nothing is computed.
#[derive(Clone, Debug)]
pub struct Processor {
    compute: Arc<Compute>,
    /// Somebody asked for these instructions.
    chosen: bool,
}

impl Processor {
    /// `threads` threads, the caller's among them (`None`: one for each processor), with the instructions called
    /// `instructions` (`avx512`, `avxvnni`, `avx2`, `neon`, `portable`; `None`: the fastest that there are).
    ///
    /// # Errors
    /// [`Error::Instructions`] when the processor does not have them.
    pub fn new(threads: Option<usize>, instructions: Option<&str>) -> Result<Self, Error> {
        let isa = Isa::choose(instructions).ok_or_else(|| Error::Instructions {
            wanted: shown(instructions.unwrap_or_default()),
            available: Isa::all().into_iter().map(Isa::name).collect::<Vec<_>>().join(", "),
        })?;
        let threads = threads.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, NonZero::get));
        Ok(Self { compute: Arc::new(Compute::new(isa, threads)), chosen: instructions.is_some() })
    }

    /// Threads that compute.
    pub fn threads(&self) -> usize {
        self.compute.pool().threads()
    }

    /// The name of its instructions.
    pub fn instructions(&self) -> &'static str {
        self.compute.isa().name()
    }

    /// Whether our kernels are the better choice here: not in their portable form, unless it was asked for. candle knows some
    /// instructions that they do not (NEON without dot products).
    pub(crate) fn is_fast(&self) -> bool {
        self.chosen || self.compute.isa().is_fast()
    }

    /// What it can do at most; takes about half a second.
    ///
    /// # Errors
    /// [`Error::Backend`] when there is no memory to read.
    pub fn roofline(&self) -> Result<Roofline, Error> {
        let failed = |error: std::io::Error| Error::Backend {
            path: "".into(),
            doing: "measuring the processor",
            reason: error.to_string(),
        };
        Ok(Roofline {
            bytes_per_second: self.compute.read_rate().map_err(failed)?,
            products_per_second: self.compute.product_rate(),
        })
    }

    pub(crate) fn compute(&self) -> &Arc<Compute> {
        &self.compute
    }
}

/// What a processor can do at most.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Roofline {
    /// Bytes that are read from memory: bounds writing, which reads every weight for every token.
    pub bytes_per_second: f64,
    /// Eight-bit products that are added up: bounds reading a prompt.
    pub products_per_second: f64,
}

impl std::fmt::Display for Processor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let threads = self.threads();
        write!(f, "{}, {threads} thread{}", self.instructions(), if threads == 1 { "" } else { "s" })
    }
}
