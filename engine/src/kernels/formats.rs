//! Weight formats: how ggml stores a block, how a packed row group stores it, and how a kernel reads it back.
//!
//! Every quantized type of ggml reduces to w = d·q + m, with an unsigned q of 4 to 8 bits and d and m shared by a block of 32
//! columns (16 in `Q6_K`). A row group holds sixteen rows, so that lane i of every register belongs to row i. For each block
//! of 32 columns its *body* holds the q: byte 4·i + e of register g is column 4·g + e of row i, which one dot-product instruction
//! multiplies with four activations. Four-bit q share a byte: register g in the low half with register g + 4 in the high half.
//! The bodies of all blocks come first, their scales follow in the precision of the file (f16, 6 or 8 bits).
//!
//! Block layouts: `ggml-common.h` and `ggml-quants.c` of ggml; all numbers little-endian.

use super::simd::Simd;

/// Rows of a group.
pub(super) const GROUP: usize = 16;
/// Columns of a block.
pub(super) const BLOCK: usize = 32;
/// Bytes of 32 columns of sixteen rows, at four bits.
const NIBBLES: usize = BLOCK * GROUP / 2;

/// How one type of weights is packed and read.
pub(super) trait Format {
    /// Bytes of a ggml block and the columns that it holds.
    const SOURCE: (usize, usize);
    /// Bytes of the body of 32 columns of a group.
    const BODY: usize;
    /// Bytes of the scales of one ggml block for a group.
    const SCALES: usize;
    /// Each half of a block has its own d and m.
    const HALVES: bool = false;
    /// q may exceed 127.
    const WIDE: bool = false;
    /// m is −`OFFSET`·d, so that a product can subtract it from q instead; 0 where m is stored.
    const OFFSET: i32 = 0;

    /// Packs one ggml block of row `lane`: `bodies` are those of its columns, `scales` its scales.
    fn pack(block: &[u8], lane: usize, bodies: &mut [u8], scales: &mut [u8]);

    /// The q of 32 columns.
    ///
    /// # Safety
    /// The processor has the instructions of `S`; `body` points to [`Format::BODY`] bytes.
    unsafe fn quants<S: Simd>(body: *const u8) -> [S::B; 8];

    /// d and m of the 32 columns at `index` within a ggml block, for each half; without [`Format::HALVES`] both are the same.
    ///
    /// # Safety
    /// The processor has the instructions of `S`; `scales` points to [`Format::SCALES`] bytes.
    unsafe fn scales<S: Simd>(scales: *const u8, index: usize) -> [(S::F, S::F); 2];
}

fn copy_nibbles(quants: &[u8], lane: usize, body: &mut [u8]) {
    // ggml pairs column i with column i + 16, which is register g with register g + 4.
    for (register, four) in quants.chunks_exact(4).enumerate() {
        body[register * 64 + lane * 4..][..4].copy_from_slice(four);
    }
}

fn pack_nibbles(q: &[u8; BLOCK], lane: usize, body: &mut [u8]) {
    for register in 0..4 {
        let to = &mut body[register * 64 + lane * 4..][..4];
        for (byte, to) in to.iter_mut().enumerate() {
            *to = q[4 * register + byte] & 15 | q[4 * register + 16 + byte] << 4;
        }
    }
}

/// Bit 4 of every q: bit g of byte 4·lane + e belongs to column 4·g + e.
fn pack_fifth_bits(bits: u32, lane: usize, plane: &mut [u8]) {
    for (byte, to) in plane[lane * 4..][..4].iter_mut().enumerate() {
        *to = (0..8).fold(0, |all, register| all | ((bits >> (4 * register + byte) & 1) as u8) << register);
    }
}

fn put_halves(scales: &mut [u8], lane: usize, block: &[u8], count: usize) {
    for index in 0..count {
        scales[index * 32 + lane * 2..][..2].copy_from_slice(&block[index * 2..][..2]);
    }
}

/// # Safety
/// As [`Format::quants`], for 256 bytes.
#[inline(always)]
unsafe fn nibbles<S: Simd>(body: *const u8) -> [S::B; 8] {
    // SAFETY: as this function.
    unsafe {
        let bytes = [
            S::load_bytes(body),
            S::load_bytes(body.add(64)),
            S::load_bytes(body.add(128)),
            S::load_bytes(body.add(192)),
        ];
        [
            S::and(bytes[0], 15),
            S::and(bytes[1], 15),
            S::and(bytes[2], 15),
            S::and(bytes[3], 15),
            S::and(S::shift_right::<4>(bytes[0]), 15),
            S::and(S::shift_right::<4>(bytes[1]), 15),
            S::and(S::shift_right::<4>(bytes[2]), 15),
            S::and(S::shift_right::<4>(bytes[3]), 15),
        ]
    }
}

/// # Safety
/// As [`Format::quants`], for 320 bytes.
#[inline(always)]
unsafe fn five_bits<S: Simd>(body: *const u8) -> [S::B; 8] {
    // SAFETY: as this function.
    unsafe {
        let low = nibbles::<S>(body);
        let high = S::load_bytes(body.add(NIBBLES));
        [
            S::or(low[0], S::and(S::shift_left::<4>(high), 16)),
            S::or(low[1], S::and(S::shift_left::<3>(high), 16)),
            S::or(low[2], S::and(S::shift_left::<2>(high), 16)),
            S::or(low[3], S::and(S::shift_left::<1>(high), 16)),
            S::or(low[4], S::and(high, 16)),
            S::or(low[5], S::and(S::shift_right::<1>(high), 16)),
            S::or(low[6], S::and(S::shift_right::<2>(high), 16)),
            S::or(low[7], S::and(S::shift_right::<3>(high), 16)),
        ]
    }
}

/// d alone is stored, m is −`offset`·d.
///
/// # Safety
/// As [`Format::scales`], for 32 bytes.
#[inline(always)]
unsafe fn scaled_offset<S: Simd>(scales: *const u8, offset: i32) -> [(S::F, S::F); 2] {
    // SAFETY: as this function.
    unsafe {
        let d = S::load_f16(scales.cast());
        [(d, S::mul(d, S::splat(-offset as f32))); 2]
    }
}

/// # Safety
/// As [`Format::scales`], for 64 bytes.
#[inline(always)]
unsafe fn stored_offset<S: Simd>(scales: *const u8) -> [(S::F, S::F); 2] {
    // SAFETY: as this function.
    unsafe { [(S::load_f16(scales.cast()), S::load_f16(scales.add(32).cast())); 2] }
}

macro_rules! format {
    ($(#[$about:meta])* $name:ident, source: $source:expr, body: $body:expr, scales: $scales:expr,
        $(halves: $halves:expr,)? $(wide: $wide:expr,)? $(offset: $offset:expr,)?
        pack: $pack:expr, quants: $quants:path, read($at:ident, $index:ident): $read:expr) => {
        $(#[$about])*
        pub(super) struct $name;

        impl Format for $name {
            const SOURCE: (usize, usize) = $source;
            const BODY: usize = $body;
            const SCALES: usize = $scales;
            $(const HALVES: bool = $halves;)?
            $(const WIDE: bool = $wide;)?
            $(const OFFSET: i32 = $offset;)?

            fn pack(block: &[u8], lane: usize, bodies: &mut [u8], scales: &mut [u8]) {
                let pack: fn(&[u8], usize, &mut [u8], &mut [u8]) = $pack;
                pack(block, lane, bodies, scales);
            }

            #[inline(always)]
            unsafe fn quants<S: Simd>(body: *const u8) -> [S::B; 8] {
                // SAFETY: the caller vouches for the instructions and the bytes.
                unsafe { $quants(body) }
            }

            #[inline(always)]
            unsafe fn scales<S: Simd>($at: *const u8, $index: usize) -> [(S::F, S::F); 2] {
                // SAFETY: the caller vouches for the instructions and the bytes.
                unsafe { $read }
            }
        }
    };
}

format!(
    /// d·(q − 8)
    Q4_0, source: (18, 32), body: NIBBLES, scales: 32, offset: 8,
    pack: |block, lane, body, scales| {
        put_halves(scales, lane, block, 1);
        copy_nibbles(&block[2..], lane, body);
    },
    quants: nibbles::<S>, read(scales, _index): scaled_offset::<S>(scales, Self::OFFSET)
);

format!(
    /// d·q + m
    Q4_1, source: (20, 32), body: NIBBLES, scales: 64,
    pack: |block, lane, body, scales| {
        put_halves(scales, lane, block, 2);
        copy_nibbles(&block[4..], lane, body);
    },
    quants: nibbles::<S>, read(scales, _index): stored_offset::<S>(scales)
);

format!(
    /// d·(q − 16)
    Q5_0, source: (22, 32), body: NIBBLES + 64, scales: 32, offset: 16,
    pack: |block, lane, body, scales| {
        put_halves(scales, lane, block, 1);
        pack_fifth_bits(word(&block[2..]), lane, &mut body[NIBBLES..]);
        copy_nibbles(&block[6..], lane, body);
    },
    quants: five_bits::<S>, read(scales, _index): scaled_offset::<S>(scales, Self::OFFSET)
);

format!(
    /// d·q + m
    Q5_1, source: (24, 32), body: NIBBLES + 64, scales: 64,
    pack: |block, lane, body, scales| {
        put_halves(scales, lane, block, 2);
        pack_fifth_bits(word(&block[4..]), lane, &mut body[NIBBLES..]);
        copy_nibbles(&block[8..], lane, body);
    },
    quants: five_bits::<S>, read(scales, _index): stored_offset::<S>(scales)
);

format!(
    /// d·(q − 128), the signed byte of the file plus 128
    Q8_0, source: (34, 32), body: 2 * NIBBLES, scales: 32, wide: true, offset: 128,
    pack: |block, lane, body, scales| {
        put_halves(scales, lane, block, 1);
        for (register, four) in block[2..].chunks_exact(4).enumerate() {
            body[register * 64 + lane * 4..][..4].copy_from_slice(&(word(four) ^ 0x8080_8080).to_le_bytes());
        }
    },
    quants: bytes::<S>, read(scales, _index): scaled_offset::<S>(scales, Self::OFFSET)
);

format!(
    /// d·scale·q − dmin·minimum, scale and minimum of six bits for each 32 of 256 columns
    Q4K, source: (144, 256), body: NIBBLES, scales: 64 + 8 * 32,
    pack: |block, lane, bodies, scales| {
        pack_k_scales(block, lane, scales);
        for index in 0..8 {
            let q = std::array::from_fn(|column| k_nibble(&block[16..], index, column));
            pack_nibbles(&q, lane, &mut bodies[index * NIBBLES..]);
        }
    },
    quants: nibbles::<S>, read(scales, index): k_scales::<S>(scales, index)
);

format!(
    /// As [`Q4K`] with five bits
    Q5K, source: (176, 256), body: NIBBLES + 64, scales: 64 + 8 * 32,
    pack: |block, lane, bodies, scales| {
        pack_k_scales(block, lane, scales);
        for (index, body) in bodies.chunks_exact_mut(NIBBLES + 64).enumerate() {
            let q = std::array::from_fn(|column| k_nibble(&block[48..], index, column));
            let bits = (0..BLOCK).fold(0, |all, column| all | u32::from(block[16 + column] >> index & 1) << column);
            pack_fifth_bits(bits, lane, &mut body[NIBBLES..]);
            pack_nibbles(&q, lane, body);
        }
    },
    quants: five_bits::<S>, read(scales, index): k_scales::<S>(scales, index)
);

format!(
    /// d·scale·(q − 32), a signed scale of eight bits for each 16 of 256 columns
    Q6K, source: (210, 256), body: NIBBLES + 128, scales: 32 + 8 * 32, halves: true, offset: 32,
    pack: |block, lane, bodies, scales| {
        let (low, high) = (&block[..128], &block[128..192]);
        scales[lane * 2..][..2].copy_from_slice(&block[208..210]);
        for (index, body) in bodies.chunks_exact_mut(NIBBLES + 128).enumerate() {
            let (half, part) = (index / 4, index % 4);
            let q: [u8; BLOCK] = std::array::from_fn(|column| {
                let four = low[half * 64 + part % 2 * 32 + column] >> (part / 2 * 4) & 15;
                four | (high[half * 32 + column] >> (2 * part) & 3) << 4
            });
            pack_nibbles(&q, lane, body);
            for (at, q) in q.iter().enumerate() {
                let (register, byte) = (at / 4, at % 4);
                body[NIBBLES + register / 4 * 64 + lane * 4 + byte] |= (q >> 4) << (register % 4 * 2);
            }
            for sixteen in 0..2 {
                scales[32 + index * 32 + sixteen * 16 + lane] = block[192 + half * 8 + 2 * part + sixteen];
            }
        }
    },
    quants: six_bits::<S>, read(scales, index): [q6_scales::<S>(scales, 2 * index), q6_scales::<S>(scales, 2 * index + 1)]
);

fn word(bytes: &[u8]) -> u32 {
    u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
}

/// The low four bits of a column of the 32 at `index`: `Q4_K` and `Q5_K` keep two such blocks in the halves of 32 bytes.
fn k_nibble(quants: &[u8], index: usize, column: usize) -> u8 {
    quants[index / 2 * 32 + column] >> (index % 2 * 4) & 15
}

/// d and dmin, then eight pairs of scales and minimums of six bits, unpacked as `get_scale_min_k4` does.
fn pack_k_scales(block: &[u8], lane: usize, scales: &mut [u8]) {
    put_halves(scales, lane, block, 2);
    let packed = &block[4..16];
    for index in 0..8 {
        let (scale, minimum) = if index < 4 {
            (packed[index] & 63, packed[index + 4] & 63)
        } else {
            (packed[index + 4] & 15 | packed[index - 4] >> 6 << 4, packed[index + 4] >> 4 | packed[index] >> 6 << 4)
        };
        scales[64 + index * 32 + lane] = scale;
        scales[64 + index * 32 + 16 + lane] = minimum;
    }
}

/// # Safety
/// As [`Format::scales`] of [`Q4K`].
#[inline(always)]
unsafe fn k_scales<S: Simd>(scales: *const u8, index: usize) -> [(S::F, S::F); 2] {
    // SAFETY: as this function.
    unsafe {
        let own = scales.add(64 + index * 32);
        let d = S::mul(S::load_f16(scales.cast()), S::load_u8(own));
        let minimum = S::mul(S::load_f16(scales.add(32).cast()), S::load_u8(own.add(16)));
        [(d, S::mul(minimum, S::splat(-1.0))); 2]
    }
}

/// # Safety
/// As [`Format::scales`] of [`Q6K`], for 16 columns.
#[inline(always)]
unsafe fn q6_scales<S: Simd>(scales: *const u8, sixteenth: usize) -> (S::F, S::F) {
    // SAFETY: as this function.
    unsafe {
        let d = S::mul(S::load_f16(scales.cast()), S::load_i8(scales.add(32 + sixteenth * 16).cast()));
        (d, S::mul(d, S::splat(-(Q6K::OFFSET as f32))))
    }
}

/// # Safety
/// As [`Format::quants`], for 512 bytes.
#[inline(always)]
unsafe fn bytes<S: Simd>(body: *const u8) -> [S::B; 8] {
    // SAFETY: as this function.
    unsafe {
        [
            S::load_bytes(body),
            S::load_bytes(body.add(64)),
            S::load_bytes(body.add(128)),
            S::load_bytes(body.add(192)),
            S::load_bytes(body.add(256)),
            S::load_bytes(body.add(320)),
            S::load_bytes(body.add(384)),
            S::load_bytes(body.add(448)),
        ]
    }
}

/// # Safety
/// As [`Format::quants`], for 384 bytes.
#[inline(always)]
unsafe fn six_bits<S: Simd>(body: *const u8) -> [S::B; 8] {
    // SAFETY: as this function.
    unsafe {
        let low = nibbles::<S>(body);
        let (first, second) = (S::load_bytes(body.add(NIBBLES)), S::load_bytes(body.add(NIBBLES + 64)));
        [
            S::or(low[0], S::and(S::shift_left::<4>(first), 48)),
            S::or(low[1], S::and(S::shift_left::<2>(first), 48)),
            S::or(low[2], S::and(first, 48)),
            S::or(low[3], S::and(S::shift_right::<2>(first), 48)),
            S::or(low[4], S::and(S::shift_left::<4>(second), 48)),
            S::or(low[5], S::and(S::shift_left::<2>(second), 48)),
            S::or(low[6], S::and(second, 48)),
            S::or(low[7], S::and(S::shift_right::<2>(second), 48)),
        ]
    }
}
