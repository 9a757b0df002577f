//! How the numbers of a cache lie in memory.

use std::marker::PhantomData;
use std::str::FromStr;

use super::formats::BLOCK;
use super::simd::Simd;

/// What keys and values are kept as.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CacheType {
    /// Two bytes a number.
    #[default]
    F16,
    /// A byte a number and four for every 32 dimensions of a head: 9/16 of the memory, rounded to 1/254 of the largest of the 32.
    Q8_0,
}

impl CacheType {
    /// All of them, by name.
    pub const ALL: [Self; 2] = [Self::F16, Self::Q8_0];

    /// As people write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::F16 => "f16",
            Self::Q8_0 => "q8_0",
        }
    }

    /// Bytes of a number.
    pub(super) fn bytes(self) -> usize {
        match self {
            Self::F16 => Halves::BYTES,
            Self::Q8_0 => Rounded::BYTES,
        }
    }

    /// Scales of a head's key or value.
    pub(super) fn scales(self, head_dim: usize) -> usize {
        match self {
            Self::F16 => 0,
            Self::Q8_0 => head_dim.div_ceil(BLOCK),
        }
    }
}

impl FromStr for CacheType {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|kind| kind.name() == name);
        known.ok_or_else(|| format!("{name} is not one of {}", Self::ALL.map(Self::name).join(", ")))
    }
}

/// Numbers of a cache and, where they have some, their scales.
#[derive(Clone, Copy)]
pub(super) struct Numbers<'a> {
    pub(super) start: *const u8,
    pub(super) scales: *const f32,
    /// Of the cache that they lie in.
    pub(super) borrow: PhantomData<&'a [u8]>,
}

impl Numbers<'_> {
    /// Those behind so many numbers and scales.
    ///
    /// # Safety
    /// There are as many.
    #[inline(always)]
    pub(super) unsafe fn skip<C: Stored>(self, numbers: usize, scales: usize) -> Self {
        // SAFETY: as this function. Where there are no scales the pointer stays as it is.
        unsafe {
            let scales = if C::SCALED { self.scales.add(scales) } else { self.scales };
            Self { start: self.start.add(numbers * C::BYTES), scales, ..self }
        }
    }
}

/// One [`CacheType`], for kernels.
pub(super) trait Stored {
    /// Bytes of a number.
    const BYTES: usize;
    /// Whether [`BLOCK`] dimensions share a scale.
    const SCALED: bool;

    /// Sixteen numbers from `index` on, not scaled.
    ///
    /// # Safety
    /// The processor has the instructions of `S`, and the numbers are there.
    unsafe fn load<S: Simd>(start: *const u8, index: usize) -> S::F;
}

pub(super) struct Halves;

impl Stored for Halves {
    const BYTES: usize = 2;
    const SCALED: bool = false;

    #[inline(always)]
    unsafe fn load<S: Simd>(start: *const u8, index: usize) -> S::F {
        // SAFETY: as `Stored::load`.
        unsafe { S::load_f16(start.cast::<u16>().add(index)) }
    }
}

pub(super) struct Rounded;

impl Stored for Rounded {
    const BYTES: usize = 1;
    const SCALED: bool = true;

    #[inline(always)]
    unsafe fn load<S: Simd>(start: *const u8, index: usize) -> S::F {
        // SAFETY: as `Stored::load`.
        unsafe { S::load_i8(start.cast::<i8>().add(index)) }
    }
}
