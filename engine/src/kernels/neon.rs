//! NEON with dot products (Cortex-A76, Neoverse, Apple M1 and later): four registers hold the sixteen lanes.

use std::arch::aarch64::*;
use std::arch::asm;

use super::simd::{Simd, methods};

/// `FEAT_DotProd`; the instructions of `FEAT_I8MM`, which multiply unsigned with signed bytes, are not asked for.
#[derive(Clone, Copy)]
pub(super) struct Neon;

type Four<T> = [T; 4];

#[inline(always)]
fn each<T: Copy, U>(a: Four<T>, f: impl Fn(T) -> U) -> Four<U> {
    [f(a[0]), f(a[1]), f(a[2]), f(a[3])]
}

#[inline(always)]
fn both<T: Copy, V: Copy, U>(a: Four<T>, b: Four<V>, f: impl Fn(T, V) -> U) -> Four<U> {
    [f(a[0], b[0]), f(a[1], b[1]), f(a[2], b[2]), f(a[3], b[3])]
}

#[inline(always)]
fn three<T: Copy, U>(a: Four<T>, b: Four<T>, c: Four<T>, f: impl Fn(T, T, T) -> U) -> Four<U> {
    [f(a[0], b[0], c[0]), f(a[1], b[1], c[1]), f(a[2], b[2], c[2]), f(a[3], b[3], c[3])]
}

/// Closures do not inherit the instructions that their function has, so every operation on one quarter is a function.
macro_rules! quarters {
    ($($name:ident($($arg:ident: $type:ty),*) -> $out:ty = $body:expr;)*) => {
        $(
            #[inline(always)]
            fn $name($($arg: $type),*) -> $out {
                // SAFETY: called by the methods below only, whose callers vouch for the instructions.
                unsafe { $body }
            }
        )*
    };
}

quarters! {
    add(a: float32x4_t, b: float32x4_t) -> float32x4_t = vaddq_f32(a, b);
    sub(a: float32x4_t, b: float32x4_t) -> float32x4_t = vsubq_f32(a, b);
    mul(a: float32x4_t, b: float32x4_t) -> float32x4_t = vmulq_f32(a, b);
    div(a: float32x4_t, b: float32x4_t) -> float32x4_t = vdivq_f32(a, b);
    fma(a: float32x4_t, b: float32x4_t, c: float32x4_t) -> float32x4_t = vfmaq_f32(c, a, b);
    // The number where the other is none, as `f32::max` and `f32::min`.
    max(a: float32x4_t, b: float32x4_t) -> float32x4_t = vmaxnmq_f32(a, b);
    min(a: float32x4_t, b: float32x4_t) -> float32x4_t = vminnmq_f32(a, b);
    abs(a: float32x4_t) -> float32x4_t = vabsq_f32(a);
    with_sign_of(a: float32x4_t, b: float32x4_t) -> float32x4_t = vbslq_f32(vdupq_n_u32(1 << 31), b, a);
    round(a: float32x4_t) -> float32x4_t = vrndnq_f32(a);
    power(n: float32x4_t) -> float32x4_t = vreinterpretq_f32_s32(vshlq_n_s32::<23>(add_i(to_i(n), vdupq_n_s32(127))));
    keep(value: float32x4_t, x: float32x4_t, limit: float32x4_t) -> float32x4_t =
        vreinterpretq_f32_u32(vandq_u32(vreinterpretq_u32_f32(value), vcgeq_f32(x, limit)));
    times_256(a: int32x4_t) -> int32x4_t = vshlq_n_s32::<8>(a);
    to_f(a: int32x4_t) -> float32x4_t = vcvtq_f32_s32(a);
    to_i(a: float32x4_t) -> int32x4_t = vcvtnq_s32_f32(a);
    add_i(a: int32x4_t, b: int32x4_t) -> int32x4_t = vaddq_s32(a, b);
    or(a: uint8x16_t, b: uint8x16_t) -> uint8x16_t = vorrq_u8(a, b);
    narrow_dot(sum: int32x4_t, unsigned: uint8x16_t, signed: int8x16_t) -> int32x4_t =
        sdot(sum, vreinterpretq_s8_u8(unsigned), signed);
    wide_dot(sum: int32x4_t, unsigned: uint8x16_t, signed: int8x16_t, negated: int8x16_t) -> int32x4_t = {
        // u·s = (u − 128)·s + (−128)·(−s), and all of these are signed bytes.
        let shifted = vreinterpretq_s8_u8(veorq_u8(unsigned, vdupq_n_u8(128)));
        sdot(sdot(sum, shifted, signed), vdupq_n_s8(-128), negated)
    };
    low_bf16(a: uint8x16_t) -> float32x4_t = vreinterpretq_f32_u32(vshlq_n_u32::<16>(vreinterpretq_u32_u8(a)));
    high_bf16(a: uint8x16_t) -> float32x4_t =
        vreinterpretq_f32_u32(vandq_u32(vreinterpretq_u32_u8(a), vdupq_n_u32(0xFFFF_0000)));
    to_bf16(a: float32x4_t, b: float32x4_t) -> uint16x8_t = {
        let (a, b) = (vreinterpretq_u32_f32(a), vreinterpretq_u32_f32(b));
        vaddhn_high_u32(vaddhn_u32(a, half_of_bf16(a)), b, half_of_bf16(b))
    };
    // What rounds to nearest, ties to even, when added before the low half is dropped.
    half_of_bf16(bits: uint32x4_t) -> uint32x4_t =
        vaddq_u32(vandq_u32(vshrq_n_u32::<16>(bits), vdupq_n_u32(1)), vdupq_n_u32(0x7FFF));
}

/// `vdotq_s32`, which is stable from Rust 1.98 on. No `#[inline(always)]`: the assembler refuses the instruction in a function
/// that does not have it, which in unoptimized code those above are.
#[inline]
#[target_feature(enable = "neon,dotprod")]
fn sdot(mut sum: int32x4_t, a: int8x16_t, b: int8x16_t) -> int32x4_t {
    // SAFETY: this function has the instruction, which touches these registers only.
    unsafe {
        asm!(
            "sdot {sum:v}.4s, {a:v}.16b, {b:v}.16b",
            sum = inout(vreg) sum,
            a = in(vreg) a,
            b = in(vreg) b,
            options(pure, nomem, nostack, preserves_flags),
        );
    }
    sum
}

impl Simd for Neon {
    type F = Four<float32x4_t>;
    type I = Four<int32x4_t>;
    type B = Four<uint8x16_t>;

    // A block of weights fills all 32 registers. That it is read again from the cache for every token is less work than to
    // unpack it again.
    const TOKENS: usize = 4;
    const ROWS: usize = 2;

    methods! {
        fn splat(value: f32) -> Self::F {
            [vdupq_n_f32(value); 4]
        }
        fn load(from: *const f32) -> Self::F { [vld1q_f32(from), vld1q_f32(from.add(4)), vld1q_f32(from.add(8)), vld1q_f32(from.add(12))] }
        fn store(value: Self::F, to: *mut f32) {
            vst1q_f32(to, value[0]);
            vst1q_f32(to.add(4), value[1]);
            vst1q_f32(to.add(8), value[2]);
            vst1q_f32(to.add(12), value[3]);
        }
        fn add(a: Self::F, b: Self::F) -> Self::F { both(a, b, add) }
        fn sub(a: Self::F, b: Self::F) -> Self::F { both(a, b, sub) }
        fn mul(a: Self::F, b: Self::F) -> Self::F { both(a, b, mul) }
        fn div(a: Self::F, b: Self::F) -> Self::F { both(a, b, div) }
        fn fma(a: Self::F, b: Self::F, c: Self::F) -> Self::F { three(a, b, c, fma) }
        fn max(a: Self::F, b: Self::F) -> Self::F { both(a, b, max) }
        fn min(a: Self::F, b: Self::F) -> Self::F { both(a, b, min) }
        fn abs(a: Self::F) -> Self::F { each(a, abs) }
        fn with_sign_of(a: Self::F, b: Self::F) -> Self::F { both(a, b, with_sign_of) }
        fn round(a: Self::F) -> Self::F { each(a, round) }
        fn scale(a: Self::F, n: Self::F) -> Self::F { both(a, each(n, power), mul) }
        fn zero_below(value: Self::F, x: Self::F, limit: Self::F) -> Self::F { three(value, x, limit, keep) }
        fn sum(a: Self::F) -> f32 { vaddvq_f32(add(add(a[0], a[1]), add(a[2], a[3]))) }
        fn largest(a: Self::F) -> f32 { vmaxnmvq_f32(max(max(a[0], a[1]), max(a[2], a[3]))) }
        fn load_f16(from: *const u16) -> Self::F {
            let low = vreinterpretq_f16_u16(vld1q_u16(from));
            let high = vreinterpretq_f16_u16(vld1q_u16(from.add(8)));
            [
                vcvt_f32_f16(vget_low_f16(low)),
                vcvt_high_f32_f16(low),
                vcvt_f32_f16(vget_low_f16(high)),
                vcvt_high_f32_f16(high),
            ]
        }
        fn store_f16(value: Self::F, to: *mut u16) {
            let low = vcvt_high_f16_f32(vcvt_f16_f32(value[0]), value[1]);
            let high = vcvt_high_f16_f32(vcvt_f16_f32(value[2]), value[3]);
            vst1q_u16(to, vreinterpretq_u16_f16(low));
            vst1q_u16(to.add(8), vreinterpretq_u16_f16(high));
        }
        fn load_bf16(from: *const u16) -> Self::F {
            let (low, high) = (vld1q_u16(from), vld1q_u16(from.add(8)));
            [
                vreinterpretq_f32_u32(vshll_n_u16::<16>(vget_low_u16(low))),
                vreinterpretq_f32_u32(vshll_high_n_u16::<16>(low)),
                vreinterpretq_f32_u32(vshll_n_u16::<16>(vget_low_u16(high))),
                vreinterpretq_f32_u32(vshll_high_n_u16::<16>(high)),
            ]
        }
        fn store_bf16(value: Self::F, to: *mut u16) {
            vst1q_u16(to, to_bf16(value[0], value[1]));
            vst1q_u16(to.add(8), to_bf16(value[2], value[3]));
        }
        fn load_u8(from: *const u8) -> Self::F {
            let bytes = vld1q_u8(from);
            let (low, high) = (vmovl_u8(vget_low_u8(bytes)), vmovl_high_u8(bytes));
            [
                vcvtq_f32_u32(vmovl_u16(vget_low_u16(low))),
                vcvtq_f32_u32(vmovl_high_u16(low)),
                vcvtq_f32_u32(vmovl_u16(vget_low_u16(high))),
                vcvtq_f32_u32(vmovl_high_u16(high)),
            ]
        }
        fn load_i8(from: *const i8) -> Self::F {
            let bytes = vld1q_s8(from);
            let (low, high) = (vmovl_s8(vget_low_s8(bytes)), vmovl_high_s8(bytes));
            each([vmovl_s16(vget_low_s16(low)), vmovl_high_s16(low), vmovl_s16(vget_low_s16(high)), vmovl_high_s16(high)], to_f)
        }
        fn splat_i(value: i32) -> Self::I {
            [vdupq_n_s32(value); 4]
        }
        fn add_i(a: Self::I, b: Self::I) -> Self::I { both(a, b, add_i) }
        fn times_256(a: Self::I) -> Self::I { each(a, times_256) }
        fn to_f(a: Self::I) -> Self::F { each(a, to_f) }
        fn to_i(a: Self::F) -> Self::I { each(a, to_i) }
        fn sum_i(a: Self::I) -> i32 { vaddvq_s32(add_i(add_i(a[0], a[1]), add_i(a[2], a[3]))) }
        fn store_low_bytes(a: Self::I, to: *mut i8) {
            let low = vuzp1q_s16(vreinterpretq_s16_s32(a[0]), vreinterpretq_s16_s32(a[1]));
            let high = vuzp1q_s16(vreinterpretq_s16_s32(a[2]), vreinterpretq_s16_s32(a[3]));
            vst1q_s8(to, vuzp1q_s8(vreinterpretq_s8_s16(low), vreinterpretq_s8_s16(high)));
        }
        fn prefetch(address: *const u8) {
            // `_prefetch` is unstable. A hint reads nothing, as far as a program can tell.
            asm!("prfm pldl1keep, [{}]", in(reg) address.addr(), options(nomem, nostack, preserves_flags));
        }
        fn load_bytes(from: *const u8) -> Self::B { [vld1q_u8(from), vld1q_u8(from.add(16)), vld1q_u8(from.add(32)), vld1q_u8(from.add(48))] }
        fn store_bytes(value: Self::B, to: *mut u8) {
            vst1q_u8(to, value[0]);
            vst1q_u8(to.add(16), value[1]);
            vst1q_u8(to.add(32), value[2]);
            vst1q_u8(to.add(48), value[3]);
        }
        fn and(a: Self::B, mask: u8) -> Self::B {
            let mask = vdupq_n_u8(mask);
            [vandq_u8(a[0], mask), vandq_u8(a[1], mask), vandq_u8(a[2], mask), vandq_u8(a[3], mask)]
        }
        fn or(a: Self::B, b: Self::B) -> Self::B { both(a, b, or) }
        fn shift_right<const N: u32>(a: Self::B) -> Self::B {
            let count = vdupq_n_s8(-(N as i8));
            [vshlq_u8(a[0], count), vshlq_u8(a[1], count), vshlq_u8(a[2], count), vshlq_u8(a[3], count)]
        }
        fn shift_left<const N: u32>(a: Self::B) -> Self::B {
            let count = vdupq_n_s8(N as i8);
            [vshlq_u8(a[0], count), vshlq_u8(a[1], count), vshlq_u8(a[2], count), vshlq_u8(a[3], count)]
        }
        fn dot(sum: Self::I, unsigned: Self::B, signed: i32, wide: bool) -> Self::I {
            let signed = vreinterpretq_s8_s32(vdupq_n_s32(signed));
            if wide {
                let negated = vnegq_s8(signed);
                [
                    wide_dot(sum[0], unsigned[0], signed, negated),
                    wide_dot(sum[1], unsigned[1], signed, negated),
                    wide_dot(sum[2], unsigned[2], signed, negated),
                    wide_dot(sum[3], unsigned[3], signed, negated),
                ]
            } else {
                [
                    narrow_dot(sum[0], unsigned[0], signed),
                    narrow_dot(sum[1], unsigned[1], signed),
                    narrow_dot(sum[2], unsigned[2], signed),
                    narrow_dot(sum[3], unsigned[3], signed),
                ]
            }
        }
        fn dot_bf16(sum: Self::F, a: Self::B, b: u32) -> Self::F {
            let low = vdupq_n_f32(f32::from_bits(b << 16));
            let high = vdupq_n_f32(f32::from_bits(b & 0xFFFF_0000));
            let sum = three(each(a, low_bf16), [low; 4], sum, fma);
            three(each(a, high_bf16), [high; 4], sum, fma)
        }
    }
}
