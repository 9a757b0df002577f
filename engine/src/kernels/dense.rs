//! Products with weights of 16 and 32 bits: states stay in f32.

use std::marker::PhantomData;

use super::activations::{Activations, TILE};
use super::formats::GROUP;
use super::packed::Packed;
use super::product::Multiply;
use super::simd::Simd;

/// A type of dense weights.
pub(super) trait Element {
    /// In the file.
    type Stored;
    /// One column of sixteen rows.
    ///
    /// # Safety
    /// The processor has the instructions of `S`; sixteen elements can be read.
    unsafe fn lanes<S: Simd>(from: *const Self::Stored) -> S::F;
}

pub(super) struct F16;
pub(super) struct Bf16;
pub(super) struct F32;

impl Element for F16 {
    type Stored = u16;

    #[inline(always)]
    unsafe fn lanes<S: Simd>(from: *const u16) -> S::F {
        // SAFETY: as this function.
        unsafe { S::load_f16(from) }
    }
}

impl Element for Bf16 {
    type Stored = u16;

    #[inline(always)]
    unsafe fn lanes<S: Simd>(from: *const u16) -> S::F {
        // SAFETY: as this function.
        unsafe { S::load_bf16(from) }
    }
}

impl Element for F32 {
    type Stored = f32;

    #[inline(always)]
    unsafe fn lanes<S: Simd>(from: *const f32) -> S::F {
        // SAFETY: as this function.
        unsafe { S::load(from) }
    }
}

pub(super) struct Dense<E>(PhantomData<E>);

impl<E: Element> Multiply for Dense<E> {
    #[inline(always)]
    unsafe fn run<S: Simd, const T: usize>(
        weights: &Packed,
        group: usize,
        input: &Activations,
        token: usize,
        out: &mut [[f32; GROUP]],
    ) {
        let (x, columns) = (input.dense(token), input.columns());
        let group = weights.group(group).cast::<E::Stored>();
        // SAFETY: the caller vouches for the instructions; a group has `columns` times sixteen elements.
        unsafe {
            let mut sums = [S::splat(0.0); T];
            for column in 0..columns {
                let w = E::lanes::<S>(group.add(column * GROUP));
                let x = x.add(column * TILE);
                for token in 0..T {
                    sums[token] = S::fma(w, S::splat(x.add(token).read()), sums[token]);
                }
            }
            for token in 0..T {
                S::store(sums[token], out[token].as_mut_ptr());
            }
        }
    }
}
