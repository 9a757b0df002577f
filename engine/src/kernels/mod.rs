//! Kernels of the processor: packed weights, products, attention and the functions between them.
//!
//! Everything unsafe of this crate is here, behind safe functions of [`Compute`]. A kernel is written once,
//! over the sixteen-lane machine of [`simd::Simd`], and compiled for AVX-512 VNNI, AVX2 (with and without AVX-VNNI), NEON with dot
//! products and plain Rust; [`Isa`] is chosen at run time. All kernels are batch-invariant: what is computed for a token does
//! not depend on which tokens are computed beside it, nor on the number of threads. Prefix reuse and speculation are exact
//! because of that.
#![allow(unsafe_code, reason = "SIMD intrinsics and memory that threads write side by side")]
#![allow(clippy::inline_always, reason = "a kernel's parts must be compiled with the kernel's instructions")]
#![allow(clippy::wildcard_imports, reason = "intrinsics of an instruction set are one vocabulary")]
#![allow(clippy::cast_ptr_alignment, reason = "loads and stores of `Simd` need no alignment")]
#![allow(clippy::needless_range_loop, reason = "indices run over several register arrays at once")]

mod activations;
mod apart;
mod arena;
mod attention;
#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod cache;
mod dense;
mod formats;
mod isa;
mod math;
#[cfg(target_arch = "aarch64")]
mod neon;
mod packed;
mod pool;
mod product;
mod roofline;
mod rotate;
mod rows;
mod simd;
mod small;
mod softmax;
mod stored;
#[cfg(test)]
mod tests;
mod words;

pub(crate) use activations::{Activations, Forms};
pub(crate) use apart::Channels;
pub(crate) use arena::Arena;
pub(crate) use attention::{Attention, Segment};
pub(crate) use cache::{Cache, CacheShape, PAGE};
pub(crate) use isa::Isa;
pub(crate) use math::{Gate, Norm};
pub(crate) use packed::{Kind, Packed};
pub(crate) use pool::Pool;
pub(crate) use product::Linear;
pub(crate) use rotate::{Angles, Entry, Heads, Pairing, Projections, Rotation};
pub use stored::CacheType;
pub(crate) use words::{LayerNorm, Precision, WordLinear, WordMatrix, WordStates};

/// The processor: its instructions and its threads.
#[derive(Debug)]
pub(crate) struct Compute {
    isa: Isa,
    pool: Pool,
}

impl Compute {
    /// `threads` threads with these instructions.
    pub(crate) fn new(isa: Isa, threads: usize) -> Self {
        Self { isa, pool: Pool::new(threads) }
    }

    pub(crate) fn isa(&self) -> Isa {
        self.isa
    }

    pub(crate) fn pool(&self) -> &Pool {
        &self.pool
    }
}
