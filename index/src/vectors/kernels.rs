//! Products of rows of signed bytes, summed exactly in 32 bits.
//!
//! Every tier gives the same integer for every input: sums of integers may be reordered, and no step saturates. The fastest
//! that the processor has is chosen at run time. Above the caches a scan is bound by memory, so the tiers differ by less
//! there than their instructions do.
#![expect(unsafe_code, reason = "loads of SIMD registers, and calls of what the processor was found to have")]
#![allow(clippy::cast_ptr_alignment, reason = "the loads ask for no alignment")]

/// The longest row whose sum cannot leave 32 bits, whatever its bytes: 2¹⁶ · 2⁷ · 2⁷ = 2³⁰.
pub(super) const LONGEST: usize = 1 << 16;

/// A set of instructions that this processor has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tier(Set);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Set {
    #[cfg(target_arch = "x86_64")]
    Avx512,
    #[cfg(target_arch = "x86_64")]
    AvxVnni,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "aarch64")]
    Neon,
    Portable,
}

impl Tier {
    /// Every tier that this processor has, the fastest first.
    pub(super) fn all() -> Vec<Self> {
        let mut all = Vec::new();
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512vnni")
            {
                all.push(Self(Set::Avx512));
            }
            if is_x86_feature_detected!("avx2") {
                if is_x86_feature_detected!("avxvnni") {
                    all.push(Self(Set::AvxVnni));
                }
                all.push(Self(Set::Avx2));
            }
        }
        #[cfg(target_arch = "aarch64")]
        if std::arch::is_aarch64_feature_detected!("neon") && std::arch::is_aarch64_feature_detected!("dotprod") {
            all.push(Self(Set::Neon));
        }
        all.push(Self(Set::Portable));
        all
    }

    /// The fastest tier of this processor.
    pub(super) fn fastest() -> Self {
        Self::all().into_iter().next().unwrap_or(Self(Set::Portable))
    }

    /// The sum of the products of two rows, as long as the shorter of both. At most [`LONGEST`] bytes.
    pub(super) fn product(self, a: &[i8], b: &[i8]) -> i32 {
        let length = a.len().min(b.len());
        let mut product = [0];
        self.products(&a[..length], &b[..length], &mut product);
        product[0]
    }

    /// The products of `query` with the rows that lie side by side in `rows`: one for each place in `products`.
    pub(super) fn products(self, rows: &[i8], query: &[i8], products: &mut [i32]) {
        debug_assert!(query.len() <= LONGEST && rows.len() == query.len() * products.len());
        if query.is_empty() {
            products.fill(0);
            return;
        }
        // SAFETY: a value of this type exists only for sets that the processor was found to have.
        #[allow(unused_unsafe, reason = "on some processors there is the portable set alone")]
        unsafe {
            match self.0 {
                #[cfg(target_arch = "x86_64")]
                Set::Avx512 => x86::products_avx512(rows, query, products),
                #[cfg(target_arch = "x86_64")]
                Set::AvxVnni => x86::products_avxvnni(rows, query, products),
                #[cfg(target_arch = "x86_64")]
                Set::Avx2 => x86::products_avx2(rows, query, products),
                #[cfg(target_arch = "aarch64")]
                Set::Neon => arm::products_neon(rows, query, products),
                Set::Portable => {
                    for (row, product) in rows.chunks_exact(query.len()).zip(products) {
                        *product = portable(row, query);
                    }
                }
            }
        }
    }
}

/// The same bytes as signed numbers.
pub(super) fn signed(bytes: &[u8]) -> &[i8] {
    // SAFETY: both types are one byte of any value; address, length and lifetime are the same.
    unsafe { std::slice::from_raw_parts(bytes.as_ptr().cast(), bytes.len()) }
}

fn portable(a: &[i8], b: &[i8]) -> i32 {
    a.iter().zip(b).map(|(x, y)| i32::from(*x) * i32::from(*y)).sum()
}

/// A function over many rows, compiled with the instructions of the one over two: only so can that be inlined.
macro_rules! over_rows {
    ($name:ident, $features:literal, $product:ident) => {
        #[target_feature(enable = $features)]
        pub(super) fn $name(rows: &[i8], query: &[i8], products: &mut [i32]) {
            for (row, product) in rows.chunks_exact(query.len()).zip(products) {
                *product = $product(row, query);
            }
        }
    };
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    #[allow(clippy::wildcard_imports, reason = "intrinsics of an instruction set are one vocabulary")]
    use std::arch::x86_64::*;

    use super::portable;

    over_rows!(products_avx512, "avx512f,avx512bw,avx512vnni", product_avx512);
    over_rows!(products_avxvnni, "avx2,avxvnni", product_avxvnni);
    over_rows!(products_avx2, "avx2", product_avx2);

    /// The instruction multiplies unsigned with signed bytes: Σ a·b = Σ (a + 128)·b − 128 · Σ b, and a + 128 is a with its
    /// sign bit flipped.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
    fn product_avx512(a: &[i8], b: &[i8]) -> i32 {
        let (a_blocks, a_rest) = a.as_chunks::<64>();
        let (b_blocks, b_rest) = b.as_chunks::<64>();
        let (flip, ones) = (_mm512_set1_epi8(i8::MIN), _mm512_set1_epi8(1));
        let (mut sum, mut moved) = (_mm512_setzero_si512(), _mm512_setzero_si512());
        for (x, y) in a_blocks.iter().zip(b_blocks) {
            // SAFETY: 64 bytes are read from arrays of 64; the loads ask for no alignment.
            let (x, y) = unsafe { (_mm512_loadu_si512(x.as_ptr().cast()), _mm512_loadu_si512(y.as_ptr().cast())) };
            sum = _mm512_dpbusd_epi32(sum, _mm512_xor_si512(x, flip), y);
            moved = _mm512_dpbusd_epi32(moved, ones, y);
        }
        _mm512_reduce_add_epi32(_mm512_sub_epi32(sum, _mm512_slli_epi32::<7>(moved))) + portable(a_rest, b_rest)
    }

    /// As with AVX-512, 32 bytes at a time.
    #[inline]
    #[target_feature(enable = "avx2,avxvnni")]
    fn product_avxvnni(a: &[i8], b: &[i8]) -> i32 {
        let (a_blocks, a_rest) = a.as_chunks::<32>();
        let (b_blocks, b_rest) = b.as_chunks::<32>();
        let (flip, ones) = (_mm256_set1_epi8(i8::MIN), _mm256_set1_epi8(1));
        let (mut sum, mut moved) = (_mm256_setzero_si256(), _mm256_setzero_si256());
        for (x, y) in a_blocks.iter().zip(b_blocks) {
            // SAFETY: 32 bytes are read from arrays of 32; the loads ask for no alignment.
            let (x, y) = unsafe { (_mm256_loadu_si256(x.as_ptr().cast()), _mm256_loadu_si256(y.as_ptr().cast())) };
            sum = _mm256_dpbusd_avx_epi32(sum, _mm256_xor_si256(x, flip), y);
            moved = _mm256_dpbusd_avx_epi32(moved, ones, y);
        }
        lanes(_mm256_sub_epi32(sum, _mm256_slli_epi32::<7>(moved))) + portable(a_rest, b_rest)
    }

    /// Widened to 16 bits: the instruction for bytes saturates.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn product_avx2(a: &[i8], b: &[i8]) -> i32 {
        let (a_blocks, a_rest) = a.as_chunks::<16>();
        let (b_blocks, b_rest) = b.as_chunks::<16>();
        let mut sum = _mm256_setzero_si256();
        for (x, y) in a_blocks.iter().zip(b_blocks) {
            // SAFETY: 16 bytes are read from arrays of 16; the loads ask for no alignment.
            let (x, y) = unsafe { (_mm_loadu_si128(x.as_ptr().cast()), _mm_loadu_si128(y.as_ptr().cast())) };
            let pairs = _mm256_madd_epi16(_mm256_cvtepi8_epi16(x), _mm256_cvtepi8_epi16(y));
            sum = _mm256_add_epi32(sum, pairs);
        }
        lanes(sum) + portable(a_rest, b_rest)
    }

    /// The sum of the eight lanes.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn lanes(sum: __m256i) -> i32 {
        let four = _mm_add_epi32(_mm256_castsi256_si128(sum), _mm256_extracti128_si256::<1>(sum));
        let two = _mm_add_epi32(four, _mm_shuffle_epi32::<0b00_00_11_10>(four));
        _mm_cvtsi128_si32(_mm_add_epi32(two, _mm_shuffle_epi32::<0b00_00_00_01>(two)))
    }
}

#[cfg(target_arch = "aarch64")]
mod arm {
    use std::arch::aarch64::{int8x16_t, int32x4_t, vaddvq_s32, vdupq_n_s32, vld1q_s8};
    use std::arch::asm;

    use super::portable;

    over_rows!(products_neon, "neon,dotprod", product_neon);

    #[inline]
    #[target_feature(enable = "neon,dotprod")]
    fn product_neon(a: &[i8], b: &[i8]) -> i32 {
        let (a_blocks, a_rest) = a.as_chunks::<16>();
        let (b_blocks, b_rest) = b.as_chunks::<16>();
        let mut sum = vdupq_n_s32(0);
        for (x, y) in a_blocks.iter().zip(b_blocks) {
            // SAFETY: 16 bytes are read from arrays of 16.
            let (x, y) = unsafe { (vld1q_s8(x.as_ptr()), vld1q_s8(y.as_ptr())) };
            sum = sdot(sum, x, y);
        }
        vaddvq_s32(sum) + portable(a_rest, b_rest)
    }

    /// `vdotq_s32`, which is stable from Rust 1.98 on.
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
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// In 64 bits, one after the other.
    fn summed(a: &[i8], b: &[i8]) -> i64 {
        a.iter().zip(b).map(|(x, y)| i64::from(*x) * i64::from(*y)).sum()
    }

    proptest! {
        #[test]
        fn every_tier_gives_the_exact_sum(pairs in proptest::collection::vec((any::<i8>(), any::<i8>()), 0..300)) {
            let (a, b): (Vec<i8>, Vec<i8>) = pairs.into_iter().unzip();
            for tier in Tier::all() {
                prop_assert_eq!(i64::from(tier.product(&a, &b)), summed(&a, &b), "{:?}", tier);
            }
        }

        #[test]
        fn many_rows_are_each_row(row in 1usize..130, count in 0usize..9, seed: u64) {
            let byte = |n: usize| (seed.wrapping_mul(n as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as i8;
            let rows: Vec<i8> = (0..row * count).map(byte).collect();
            let query: Vec<i8> = (0..row).map(|n| byte(n + 7919)).collect();
            for tier in Tier::all() {
                let mut products = vec![1; count];
                tier.products(&rows, &query, &mut products);
                let each: Vec<i32> = rows.chunks_exact(row).map(|row| tier.product(row, &query)).collect();
                prop_assert_eq!(products, each);
            }
        }
    }

    #[test]
    fn extremes_of_every_length_do_not_saturate() {
        for tier in Tier::all() {
            for length in (0..200).chain([384, 768, 1000, 4096, LONGEST]) {
                for (x, y) in [(-128, -128), (-128, 127), (127, -128), (127, 127), (-128, 1), (1, -128)] {
                    let (a, b) = (vec![x; length], vec![y; length]);
                    assert_eq!(i64::from(tier.product(&a, &b)), summed(&a, &b), "{tier:?} {length} {x} {y}");
                }
            }
        }
    }

    #[test]
    fn the_portable_tier_is_everywhere_and_the_last() {
        assert_eq!(Tier::all().last(), Some(&Tier(Set::Portable)));
        assert_eq!(signed(&[0, 127, 128, 255]), [0, 127, -128, -1]);
    }
}
