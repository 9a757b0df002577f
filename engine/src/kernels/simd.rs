//! The sixteen-lane machine that every kernel is written for, and its portable form.
//!
//! A kernel is one generic function over [`Simd`]; each instruction set implements the trait, and [`super::isa::Isa::run`]
//! instantiates the kernel inside a function that has the instructions enabled. Everything here is therefore
//! `#[inline(always)]`: a method that stays a call would be compiled without them.
//!
//! Integer results are the same in every implementation, bit for bit. Floating-point results may differ between
//! implementations (fused or separate multiplication and addition, order of horizontal sums), never within one.

/// Sixteen f32, sixteen i32 or 64 bytes at a time.
///
/// # Safety
/// Every method requires that the processor has the implementation's instructions. Methods that take a pointer require that
/// the lanes behind it can be read or written; no alignment is required.
pub(super) trait Simd: Copy + 'static {
    /// Sixteen f32.
    type F: Copy;
    /// Sixteen i32.
    type I: Copy;
    /// 64 bytes: four for each lane.
    type B: Copy;

    /// Tokens that one pass over a row group serves at most; bounded by the registers.
    const TOKENS: usize;
    /// Rows of queries that one pass over keys or values serves at most.
    const ROWS: usize;

    unsafe fn splat(value: f32) -> Self::F;
    unsafe fn load(from: *const f32) -> Self::F;
    unsafe fn store(value: Self::F, to: *mut f32);
    unsafe fn add(a: Self::F, b: Self::F) -> Self::F;
    unsafe fn sub(a: Self::F, b: Self::F) -> Self::F;
    unsafe fn mul(a: Self::F, b: Self::F) -> Self::F;
    unsafe fn div(a: Self::F, b: Self::F) -> Self::F;
    /// a·b + c, fused where the processor can.
    unsafe fn fma(a: Self::F, b: Self::F, c: Self::F) -> Self::F;
    unsafe fn max(a: Self::F, b: Self::F) -> Self::F;
    unsafe fn min(a: Self::F, b: Self::F) -> Self::F;
    unsafe fn abs(a: Self::F) -> Self::F;
    /// |a| with the sign of b.
    unsafe fn with_sign_of(a: Self::F, b: Self::F) -> Self::F;
    /// To the nearest integer, ties to even.
    unsafe fn round(a: Self::F) -> Self::F;
    /// a·2ⁿ for integers n between −126 and 127.
    unsafe fn scale(a: Self::F, n: Self::F) -> Self::F;
    /// `value` where `x` is at least `limit`, else +0.
    unsafe fn zero_below(value: Self::F, x: Self::F, limit: Self::F) -> Self::F;
    unsafe fn sum(a: Self::F) -> f32;
    unsafe fn largest(a: Self::F) -> f32;

    /// Sixteen IEEE half-precision numbers.
    unsafe fn load_f16(from: *const u16) -> Self::F;
    /// Rounded to nearest, ties to even.
    unsafe fn store_f16(value: Self::F, to: *mut u16);
    /// Sixteen bfloat16 numbers.
    unsafe fn load_bf16(from: *const u16) -> Self::F;
    /// Rounded to nearest, ties to even; what is no number may become one.
    unsafe fn store_bf16(value: Self::F, to: *mut u16);
    unsafe fn load_u8(from: *const u8) -> Self::F;
    unsafe fn load_i8(from: *const i8) -> Self::F;

    unsafe fn splat_i(value: i32) -> Self::I;
    unsafe fn add_i(a: Self::I, b: Self::I) -> Self::I;
    unsafe fn times_256(a: Self::I) -> Self::I;
    unsafe fn to_f(a: Self::I) -> Self::F;
    /// To the nearest integer, ties to even; the values fit.
    unsafe fn to_i(a: Self::F) -> Self::I;
    unsafe fn sum_i(a: Self::I) -> i32;
    /// The low byte of each lane.
    unsafe fn store_low_bytes(a: Self::I, to: *mut i8);

    /// A hint that the line at an address, valid or not, will be read.
    unsafe fn prefetch(address: *const u8);
    unsafe fn load_bytes(from: *const u8) -> Self::B;
    unsafe fn store_bytes(value: Self::B, to: *mut u8);
    unsafe fn and(a: Self::B, mask: u8) -> Self::B;
    unsafe fn or(a: Self::B, b: Self::B) -> Self::B;
    /// Shifts pairs of bytes as one number: the caller masks what crosses from one byte to the other.
    unsafe fn shift_right<const N: u32>(a: Self::B) -> Self::B;
    /// As [`Simd::shift_right`], to the left.
    unsafe fn shift_left<const N: u32>(a: Self::B) -> Self::B;
    /// Adds to each lane the dot product of its four unsigned bytes with four signed ones, −127 to 127, the same for all
    /// lanes. `wide` says that the unsigned bytes may exceed 127.
    unsafe fn dot(sum: Self::I, unsigned: Self::B, signed: i32, wide: bool) -> Self::I;
    /// Adds to each lane the dot product of its two bfloat16 numbers with two others, the same for all lanes.
    unsafe fn dot_bf16(sum: Self::F, a: Self::B, b: u32) -> Self::F;
}

/// The methods of an implementation: each is inlined into its kernel, and its body is one unsafe block.
macro_rules! methods {
    ($(fn $name:ident $(<const $constant:ident: $kind:ty>)? ($($argument:ident: $type:ty),*) $(-> $out:ty)? $body:block)*) => {
        $(
            #[inline(always)]
            unsafe fn $name $(<const $constant: $kind>)? ($($argument: $type),*) $(-> $out)? {
                // SAFETY: `Simd` requires the processor to have these instructions, and pointers to be good for the lanes
                // that the method reads or writes. Loads and stores are unaligned ones.
                #[allow(unused_unsafe, reason = "some bodies are safe")]
                unsafe { $body }
            }
        )*
    };
}
pub(super) use methods;

/// Plain Rust, for processors without one of the other sets, and the reference of their tests.
#[derive(Clone, Copy)]
pub(super) struct Portable;

const LANES: usize = 16;

fn each<T: Copy, U>(a: [T; LANES], f: impl FnMut(T) -> U) -> [U; LANES] {
    a.map(f)
}

fn both<T: Copy, U>(a: [T; LANES], b: [T; LANES], f: impl Fn(T, T) -> U) -> [U; LANES] {
    std::array::from_fn(|lane| f(a[lane], b[lane]))
}

impl Simd for Portable {
    type F = [f32; LANES];
    type I = [i32; LANES];
    type B = [u8; 64];

    const TOKENS: usize = 1;
    const ROWS: usize = 1;

    methods! {
        fn splat(value: f32) -> Self::F {
            [value; LANES]
        }
        fn load(from: *const f32) -> Self::F { from.cast::<Self::F>().read_unaligned() }
        fn store(value: Self::F, to: *mut f32) { to.cast::<Self::F>().write_unaligned(value) }
        fn add(a: Self::F, b: Self::F) -> Self::F { both(a, b, |a, b| a + b) }
        fn sub(a: Self::F, b: Self::F) -> Self::F { both(a, b, |a, b| a - b) }
        fn mul(a: Self::F, b: Self::F) -> Self::F { both(a, b, |a, b| a * b) }
        fn div(a: Self::F, b: Self::F) -> Self::F { both(a, b, |a, b| a / b) }
        fn fma(a: Self::F, b: Self::F, c: Self::F) -> Self::F {
            // `mul_add` is a call into the math library where the processor cannot fuse.
        both(both(a, b, |a, b| a * b), c, |product, c| product + c)
        }
        fn max(a: Self::F, b: Self::F) -> Self::F { both(a, b, f32::max) }
        fn min(a: Self::F, b: Self::F) -> Self::F { both(a, b, f32::min) }
        fn abs(a: Self::F) -> Self::F { each(a, f32::abs) }
        fn with_sign_of(a: Self::F, b: Self::F) -> Self::F { both(a, b, f32::copysign) }
        fn round(a: Self::F) -> Self::F { each(a, f32::round_ties_even) }
        fn scale(a: Self::F, n: Self::F) -> Self::F { both(a, n, |a, n| a * f32::from_bits(((n as i32 + 127) as u32) << 23)) }
        fn zero_below(value: Self::F, x: Self::F, limit: Self::F) -> Self::F { std::array::from_fn(|lane| if x[lane] >= limit[lane] { value[lane] } else { 0.0 }) }
        fn sum(a: Self::F) -> f32 { a.iter().sum() }
        fn largest(a: Self::F) -> f32 { a.iter().copied().fold(f32::NEG_INFINITY, f32::max) }
        fn load_f16(from: *const u16) -> Self::F {
            each(from.cast::<[u16; LANES]>().read_unaligned(), |bits| half::f16::from_bits(bits).to_f32())
        }
        fn store_f16(value: Self::F, to: *mut u16) {
            let bits = each(value, |value| half::f16::from_f32(value).to_bits());
            to.cast::<[u16; LANES]>().write_unaligned(bits);
        }
        fn load_bf16(from: *const u16) -> Self::F {
            each(from.cast::<[u16; LANES]>().read_unaligned(), |bits| f32::from_bits(u32::from(bits) << 16))
        }
        fn store_bf16(value: Self::F, to: *mut u16) {
            to.cast::<[u16; LANES]>().write_unaligned(each(value, |value| half::bf16::from_f32(value).to_bits()));
        }
        fn load_u8(from: *const u8) -> Self::F {
            each(from.cast::<[u8; LANES]>().read_unaligned(), f32::from)
        }
        fn load_i8(from: *const i8) -> Self::F {
            each(from.cast::<[i8; LANES]>().read_unaligned(), f32::from)
        }
        fn splat_i(value: i32) -> Self::I {
            [value; LANES]
        }
        fn add_i(a: Self::I, b: Self::I) -> Self::I { both(a, b, i32::wrapping_add) }
        fn times_256(a: Self::I) -> Self::I { each(a, |a| a << 8) }
        fn to_f(a: Self::I) -> Self::F { each(a, |a| a as f32) }
        fn to_i(a: Self::F) -> Self::I { each(a, |a| a.round_ties_even() as i32) }
        fn sum_i(a: Self::I) -> i32 { a.iter().copied().fold(0, i32::wrapping_add) }
        fn store_low_bytes(a: Self::I, to: *mut i8) {
            to.cast::<[i8; LANES]>().write_unaligned(each(a, |a| a as i8));
        }
        fn prefetch(_address: *const u8) {}
        fn load_bytes(from: *const u8) -> Self::B { from.cast::<Self::B>().read_unaligned() }
        fn store_bytes(value: Self::B, to: *mut u8) { to.cast::<Self::B>().write_unaligned(value) }
        fn and(a: Self::B, mask: u8) -> Self::B { a.map(|a| a & mask) }
        fn or(a: Self::B, b: Self::B) -> Self::B { std::array::from_fn(|byte| a[byte] | b[byte]) }
        fn shift_right<const N: u32>(a: Self::B) -> Self::B { a.map(|a| a >> N) }
        fn shift_left<const N: u32>(a: Self::B) -> Self::B { a.map(|a| a << N) }
        fn dot(sum: Self::I, unsigned: Self::B, signed: i32, _wide: bool) -> Self::I {
            let signed = signed.to_le_bytes().map(|byte| i16::from(byte as i8));
            // At most 255 · 127: a product fits into 16 bits, and compilers find instructions for that.
            let mut products = [0i16; 64];
            for (at, product) in products.iter_mut().enumerate() {
                *product = i16::from(unsigned[at]) * signed[at % 4];
            }
            let mut out = sum;
            for (lane, out) in out.iter_mut().enumerate() {
                let [a, b, c, d] = [0, 1, 2, 3].map(|byte| i32::from(products[4 * lane + byte]));
                *out = out.wrapping_add((a + b) + (c + d));
            }
            out
        }
        fn dot_bf16(sum: Self::F, a: Self::B, b: u32) -> Self::F {
            let pairs = |bits: u32| [f32::from_bits(bits << 16), f32::from_bits(bits & 0xFFFF_0000)];
            let ([low, high], (lanes, _)) = (pairs(b), a.as_chunks::<4>());
            std::array::from_fn(|lane| {
                let [a, b] = pairs(u32::from_le_bytes(lanes[lane]));
                sum[lane] + a * low + b * high
            })
        }
    }
}
