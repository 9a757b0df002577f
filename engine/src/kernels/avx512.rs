//! AVX-512 with VNNI (Ice Lake, Zen 4 and later): one register holds all sixteen lanes.

use std::arch::x86_64::*;

use super::simd::{Simd, methods};

/// F, BW, VL, DQ and VNNI. `BF16`: the processor also multiplies bfloat16 (Cooper Lake, Zen 4 and later).
#[derive(Clone, Copy)]
pub(super) struct Avx512<const BF16: bool>;

impl<const BF16: bool> Simd for Avx512<BF16> {
    type F = __m512;
    type I = __m512i;
    type B = __m512i;

    const TOKENS: usize = 16;
    const ROWS: usize = 6;

    methods! {
        fn splat(value: f32) -> __m512 { _mm512_set1_ps(value) }
        fn load(from: *const f32) -> __m512 { _mm512_loadu_ps(from) }
        fn store(value: __m512, to: *mut f32) { _mm512_storeu_ps(to, value) }
        fn add(a: __m512, b: __m512) -> __m512 { _mm512_add_ps(a, b) }
        fn sub(a: __m512, b: __m512) -> __m512 { _mm512_sub_ps(a, b) }
        fn mul(a: __m512, b: __m512) -> __m512 { _mm512_mul_ps(a, b) }
        fn div(a: __m512, b: __m512) -> __m512 { _mm512_div_ps(a, b) }
        fn fma(a: __m512, b: __m512, c: __m512) -> __m512 { _mm512_fmadd_ps(a, b, c) }
        fn max(a: __m512, b: __m512) -> __m512 { _mm512_max_ps(a, b) }
        fn min(a: __m512, b: __m512) -> __m512 { _mm512_min_ps(a, b) }
        fn abs(a: __m512) -> __m512 { _mm512_abs_ps(a) }
        fn with_sign_of(a: __m512, b: __m512) -> __m512 { _mm512_or_ps(_mm512_abs_ps(a), _mm512_and_ps(b, _mm512_set1_ps(-0.0))) }
        fn round(a: __m512) -> __m512 { _mm512_roundscale_ps::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(a) }
        fn scale(a: __m512, n: __m512) -> __m512 { _mm512_scalef_ps(a, n) }
        fn zero_below(value: __m512, x: __m512, limit: __m512) -> __m512 { _mm512_maskz_mov_ps(_mm512_cmp_ps_mask::<_CMP_GE_OQ>(x, limit), value) }
        fn sum(a: __m512) -> f32 { _mm512_reduce_add_ps(a) }
        fn largest(a: __m512) -> f32 { _mm512_reduce_max_ps(a) }
        fn load_f16(from: *const u16) -> __m512 { _mm512_cvtph_ps(_mm256_loadu_si256(from.cast())) }
        fn store_f16(value: __m512, to: *mut u16) { _mm256_storeu_si256(to.cast(), _mm512_cvtps_ph::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(value)) }
        fn load_bf16(from: *const u16) -> __m512 { _mm512_castsi512_ps(_mm512_slli_epi32::<16>(_mm512_cvtepu16_epi32(_mm256_loadu_si256(from.cast())))) }
        fn store_bf16(value: __m512, to: *mut u16) {
            let bits = _mm512_castps_si512(value);
            let odd = _mm512_and_si512(_mm512_srli_epi32::<16>(bits), _mm512_set1_epi32(1));
            let rounded = _mm512_add_epi32(_mm512_add_epi32(bits, _mm512_set1_epi32(0x7FFF)), odd);
            _mm256_storeu_si256(to.cast(), _mm512_cvtepi32_epi16(_mm512_srli_epi32::<16>(rounded)));
        }
        fn load_u8(from: *const u8) -> __m512 { _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_loadu_si128(from.cast()))) }
        fn load_i8(from: *const i8) -> __m512 { _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128(from.cast()))) }
        fn splat_i(value: i32) -> __m512i {
            _mm512_set1_epi32(value)
        }
        fn add_i(a: __m512i, b: __m512i) -> __m512i { _mm512_add_epi32(a, b) }
        fn times_256(a: __m512i) -> __m512i { _mm512_slli_epi32::<8>(a) }
        fn to_f(a: __m512i) -> __m512 { _mm512_cvtepi32_ps(a) }
        fn to_i(a: __m512) -> __m512i { _mm512_cvtps_epi32(a) }
        fn sum_i(a: __m512i) -> i32 { _mm512_reduce_add_epi32(a) }
        fn store_low_bytes(a: __m512i, to: *mut i8) { _mm_storeu_si128(to.cast(), _mm512_cvtepi32_epi8(a)) }
        fn prefetch(address: *const u8) { _mm_prefetch::<_MM_HINT_T0>(address.cast()) }
        fn load_bytes(from: *const u8) -> __m512i { _mm512_loadu_si512(from.cast()) }
        fn store_bytes(value: __m512i, to: *mut u8) { _mm512_storeu_si512(to.cast(), value) }
        fn and(a: __m512i, mask: u8) -> __m512i { _mm512_and_si512(a, _mm512_set1_epi8(mask as i8)) }
        fn or(a: __m512i, b: __m512i) -> __m512i { _mm512_or_si512(a, b) }
        fn shift_right<const N: u32>(a: __m512i) -> __m512i { _mm512_srli_epi16::<N>(a) }
        fn shift_left<const N: u32>(a: __m512i) -> __m512i { _mm512_slli_epi16::<N>(a) }
        fn dot(sum: __m512i, unsigned: __m512i, signed: i32, _wide: bool) -> __m512i { _mm512_dpbusd_epi32(sum, unsigned, _mm512_set1_epi32(signed)) }
        fn dot_bf16(sum: __m512, a: __m512i, b: u32) -> __m512 {
            if BF16 {
                let b = _mm512_set1_epi32(b.cast_signed());
                // SAFETY: both are 512 bits, and every bit pattern is a number.
                _mm512_dpbf16_ps(sum, std::mem::transmute::<__m512i, __m512bh>(a), std::mem::transmute::<__m512i, __m512bh>(b))
            } else {
                let high = _mm512_castsi512_ps(_mm512_and_si512(a, _mm512_set1_epi32(0xFFFF_0000_u32.cast_signed())));
                let low = _mm512_castsi512_ps(_mm512_slli_epi32::<16>(a));
                let sum = _mm512_fmadd_ps(low, _mm512_set1_ps(f32::from_bits(b << 16)), sum);
                _mm512_fmadd_ps(high, _mm512_set1_ps(f32::from_bits(b & 0xFFFF_0000)), sum)
            }
        }
    }
}
