//! AVX2 with FMA and F16C (Haswell, Zen and later), with or without AVX-VNNI: two registers hold the sixteen lanes.

use std::arch::x86_64::*;

use super::simd::{Simd, methods};

/// `VNNI`: the processor also has AVX-VNNI (Alder Lake, Zen 5 and later).
#[derive(Clone, Copy)]
pub(super) struct Avx2<const VNNI: bool>;

type Pair<T> = [T; 2];

#[inline(always)]
fn each<T: Copy, U>(a: Pair<T>, f: impl Fn(T) -> U) -> Pair<U> {
    [f(a[0]), f(a[1])]
}

#[inline(always)]
fn both<T: Copy, V: Copy, U>(a: Pair<T>, b: Pair<V>, f: impl Fn(T, V) -> U) -> Pair<U> {
    [f(a[0], b[0]), f(a[1], b[1])]
}

/// Closures do not inherit the instructions that their function has, so every operation on one half is a function.
macro_rules! halves {
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

halves! {
    add(a: __m256, b: __m256) -> __m256 = _mm256_add_ps(a, b);
    sub(a: __m256, b: __m256) -> __m256 = _mm256_sub_ps(a, b);
    mul(a: __m256, b: __m256) -> __m256 = _mm256_mul_ps(a, b);
    div(a: __m256, b: __m256) -> __m256 = _mm256_div_ps(a, b);
    fma(a: __m256, b: __m256, c: __m256) -> __m256 = _mm256_fmadd_ps(a, b, c);
    max(a: __m256, b: __m256) -> __m256 = _mm256_max_ps(a, b);
    min(a: __m256, b: __m256) -> __m256 = _mm256_min_ps(a, b);
    abs(a: __m256) -> __m256 = _mm256_andnot_ps(_mm256_set1_ps(-0.0), a);
    with_sign_of(a: __m256, b: __m256) -> __m256 = _mm256_or_ps(abs(a), _mm256_and_ps(b, _mm256_set1_ps(-0.0)));
    round(a: __m256) -> __m256 = _mm256_round_ps::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(a);
    power(n: __m256) -> __m256 = _mm256_castsi256_ps(_mm256_slli_epi32::<23>(_mm256_add_epi32(
        _mm256_cvtps_epi32(n),
        _mm256_set1_epi32(127),
    )));
    keep(value: __m256, x: __m256, limit: __m256) -> __m256 = _mm256_and_ps(value, _mm256_cmp_ps::<_CMP_GE_OQ>(x, limit));
    times_256(a: __m256i) -> __m256i = _mm256_slli_epi32::<8>(a);
    to_f(a: __m256i) -> __m256 = _mm256_cvtepi32_ps(a);
    to_i(a: __m256) -> __m256i = _mm256_cvtps_epi32(a);
    add_i(a: __m256i, b: __m256i) -> __m256i = _mm256_add_epi32(a, b);
    or(a: __m256i, b: __m256i) -> __m256i = _mm256_or_si256(a, b);
    vnni_dot(sum: __m256i, unsigned: __m256i, signed: i32) -> __m256i =
        _mm256_dpbusd_avx_epi32(sum, unsigned, _mm256_set1_epi32(signed));
    narrow_dot(sum: __m256i, unsigned: __m256i, signed: i32) -> __m256i = {
        // At most 2 · 127 · 127: the sum of two products fits into 16 bits.
        let pairs = _mm256_maddubs_epi16(unsigned, _mm256_set1_epi32(signed));
        _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)))
    };
    wide_dot(sum: __m256i, unsigned: __m256i, signed: i32) -> __m256i = {
        // Seven bits and the eighth apart, so that two products fit into 16 bits.
        let signed = _mm256_set1_epi32(signed);
        let low = _mm256_maddubs_epi16(_mm256_and_si256(unsigned, _mm256_set1_epi8(0x7F)), signed);
        let top = _mm256_and_si256(_mm256_srli_epi16::<7>(unsigned), _mm256_set1_epi8(1));
        let top = _mm256_maddubs_epi16(top, signed);
        let sum = _mm256_add_epi32(sum, _mm256_madd_epi16(low, _mm256_set1_epi16(1)));
        _mm256_add_epi32(sum, _mm256_madd_epi16(top, _mm256_set1_epi16(128)))
    };
    low_bf16(a: __m256i) -> __m256 = _mm256_castsi256_ps(_mm256_slli_epi32::<16>(a));
    high_bf16(a: __m256i) -> __m256 =
        _mm256_castsi256_ps(_mm256_and_si256(a, _mm256_set1_epi32(0xFFFF_0000_u32.cast_signed())));
    to_bf16(a: __m256) -> __m256i = {
        let bits = _mm256_castps_si256(a);
        let odd = _mm256_and_si256(_mm256_srli_epi32::<16>(bits), _mm256_set1_epi32(1));
        _mm256_srli_epi32::<16>(_mm256_add_epi32(_mm256_add_epi32(bits, _mm256_set1_epi32(0x7FFF)), odd))
    };
    horizontal_sum(a: __m256) -> f32 = {
        let four = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps::<1>(a));
        let two = _mm_add_ps(four, _mm_movehl_ps(four, four));
        _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)))
    };
    horizontal_max(a: __m256) -> f32 = {
        let four = _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps::<1>(a));
        let two = _mm_max_ps(four, _mm_movehl_ps(four, four));
        _mm_cvtss_f32(_mm_max_ss(two, _mm_movehdup_ps(two)))
    };
    horizontal_sum_i(a: __m256i) -> i32 = {
        let four = _mm_add_epi32(_mm256_castsi256_si128(a), _mm256_extracti128_si256::<1>(a));
        let two = _mm_add_epi32(four, _mm_unpackhi_epi64(four, four));
        _mm_cvtsi128_si32(_mm_add_epi32(two, _mm_shuffle_epi32::<1>(two)))
    };
}

impl<const VNNI: bool> Simd for Avx2<VNNI> {
    type F = Pair<__m256>;
    type I = Pair<__m256i>;
    type B = Pair<__m256i>;

    const TOKENS: usize = 4;
    const ROWS: usize = 2;

    methods! {
        fn splat(value: f32) -> Self::F {
            [_mm256_set1_ps(value); 2]
        }
        fn load(from: *const f32) -> Self::F { [_mm256_loadu_ps(from), _mm256_loadu_ps(from.add(8))] }
        fn store(value: Self::F, to: *mut f32) {
            _mm256_storeu_ps(to, value[0]);
            _mm256_storeu_ps(to.add(8), value[1]);
        }
        fn add(a: Self::F, b: Self::F) -> Self::F { both(a, b, add) }
        fn sub(a: Self::F, b: Self::F) -> Self::F { both(a, b, sub) }
        fn mul(a: Self::F, b: Self::F) -> Self::F { both(a, b, mul) }
        fn div(a: Self::F, b: Self::F) -> Self::F { both(a, b, div) }
        fn fma(a: Self::F, b: Self::F, c: Self::F) -> Self::F { [fma(a[0], b[0], c[0]), fma(a[1], b[1], c[1])] }
        fn max(a: Self::F, b: Self::F) -> Self::F { both(a, b, max) }
        fn min(a: Self::F, b: Self::F) -> Self::F { both(a, b, min) }
        fn abs(a: Self::F) -> Self::F { each(a, abs) }
        fn with_sign_of(a: Self::F, b: Self::F) -> Self::F { both(a, b, with_sign_of) }
        fn round(a: Self::F) -> Self::F { each(a, round) }
        fn scale(a: Self::F, n: Self::F) -> Self::F { both(a, each(n, power), mul) }
        fn zero_below(value: Self::F, x: Self::F, limit: Self::F) -> Self::F { [keep(value[0], x[0], limit[0]), keep(value[1], x[1], limit[1])] }
        fn sum(a: Self::F) -> f32 { horizontal_sum(add(a[0], a[1])) }
        fn largest(a: Self::F) -> f32 { horizontal_max(max(a[0], a[1])) }
        fn load_f16(from: *const u16) -> Self::F {
            let halves = [_mm_loadu_si128(from.cast()), _mm_loadu_si128(from.add(8).cast())];
            [_mm256_cvtph_ps(halves[0]), _mm256_cvtph_ps(halves[1])]
        }
        fn store_f16(value: Self::F, to: *mut u16) {
            _mm_storeu_si128(to.cast(), _mm256_cvtps_ph::<_MM_FROUND_TO_NEAREST_INT>(value[0]));
            _mm_storeu_si128(to.add(8).cast(), _mm256_cvtps_ph::<_MM_FROUND_TO_NEAREST_INT>(value[1]));
        }
        fn load_bf16(from: *const u16) -> Self::F {
            let low = _mm256_cvtepu16_epi32(_mm_loadu_si128(from.cast()));
            let high = _mm256_cvtepu16_epi32(_mm_loadu_si128(from.add(8).cast()));
            [_mm256_castsi256_ps(_mm256_slli_epi32::<16>(low)), _mm256_castsi256_ps(_mm256_slli_epi32::<16>(high))]
        }
        fn store_bf16(value: Self::F, to: *mut u16) {
            let halves = each(value, to_bf16);
            // As in `store_low_bytes`.
            let words = _mm256_permute4x64_epi64::<0b11_01_10_00>(_mm256_packus_epi32(halves[0], halves[1]));
            _mm256_storeu_si256(to.cast(), words);
        }
        fn load_u8(from: *const u8) -> Self::F {
            let bytes = _mm_loadu_si128(from.cast());
            each([_mm256_cvtepu8_epi32(bytes), _mm256_cvtepu8_epi32(_mm_srli_si128::<8>(bytes))], to_f)
        }
        fn load_i8(from: *const i8) -> Self::F {
            let bytes = _mm_loadu_si128(from.cast());
            each([_mm256_cvtepi8_epi32(bytes), _mm256_cvtepi8_epi32(_mm_srli_si128::<8>(bytes))], to_f)
        }
        fn splat_i(value: i32) -> Self::I {
            [_mm256_set1_epi32(value); 2]
        }
        fn add_i(a: Self::I, b: Self::I) -> Self::I { both(a, b, add_i) }
        fn times_256(a: Self::I) -> Self::I { each(a, times_256) }
        fn to_f(a: Self::I) -> Self::F { each(a, to_f) }
        fn to_i(a: Self::F) -> Self::I { each(a, to_i) }
        fn sum_i(a: Self::I) -> i32 { horizontal_sum_i(add_i(a[0], a[1])) }
        fn store_low_bytes(a: Self::I, to: *mut i8) {
            // Packing works within 128-bit halves: the permutation puts their results in order. Values fit, so that
            // saturation changes none.
            let words = _mm256_permute4x64_epi64::<0b11_01_10_00>(_mm256_packs_epi32(a[0], a[1]));
            let bytes = _mm256_permute4x64_epi64::<0b11_01_10_00>(_mm256_packs_epi16(words, words));
            _mm_storeu_si128(to.cast(), _mm256_castsi256_si128(bytes));
        }
        fn prefetch(address: *const u8) { _mm_prefetch::<_MM_HINT_T0>(address.cast()) }
        fn load_bytes(from: *const u8) -> Self::B { [_mm256_loadu_si256(from.cast()), _mm256_loadu_si256(from.add(32).cast())] }
        fn store_bytes(value: Self::B, to: *mut u8) {
            _mm256_storeu_si256(to.cast(), value[0]);
            _mm256_storeu_si256(to.add(32).cast(), value[1]);
        }
        fn and(a: Self::B, mask: u8) -> Self::B {
            let mask = _mm256_set1_epi8(mask as i8);
            [_mm256_and_si256(a[0], mask), _mm256_and_si256(a[1], mask)]
        }
        fn or(a: Self::B, b: Self::B) -> Self::B { both(a, b, or) }
        fn shift_right<const N: u32>(a: Self::B) -> Self::B {
            let count = _mm_cvtsi32_si128(N as i32);
            [_mm256_srl_epi16(a[0], count), _mm256_srl_epi16(a[1], count)]
        }
        fn shift_left<const N: u32>(a: Self::B) -> Self::B {
            let count = _mm_cvtsi32_si128(N as i32);
            [_mm256_sll_epi16(a[0], count), _mm256_sll_epi16(a[1], count)]
        }
        fn dot(sum: Self::I, unsigned: Self::B, signed: i32, wide: bool) -> Self::I {
            if VNNI {
                [vnni_dot(sum[0], unsigned[0], signed), vnni_dot(sum[1], unsigned[1], signed)]
            } else if wide {
                [wide_dot(sum[0], unsigned[0], signed), wide_dot(sum[1], unsigned[1], signed)]
            } else {
                [narrow_dot(sum[0], unsigned[0], signed), narrow_dot(sum[1], unsigned[1], signed)]
            }
        }
        fn dot_bf16(sum: Self::F, a: Self::B, b: u32) -> Self::F {
            let low = _mm256_set1_ps(f32::from_bits(b << 16));
            let high = _mm256_set1_ps(f32::from_bits(b & 0xFFFF_0000));
            [
                fma(high_bf16(a[0]), high, fma(low_bf16(a[0]), low, sum[0])),
                fma(high_bf16(a[1]), high, fma(low_bf16(a[1]), low, sum[1])),
            ]
        }
    }
}
