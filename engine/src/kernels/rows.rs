//! Single rows and columns of packed matrices, unpacked again.

use super::formats::{BLOCK, Format, GROUP};
use super::isa::Kernel;
use super::packed::{Kind, with_format};
use super::simd::Simd;

/// Some columns of a group of a quantized matrix, ascending, as f16: `[column][row]`.
pub(super) struct Columns<'a> {
    pub(super) kind: Kind,
    pub(super) group: *const u8,
    /// Columns of the matrix.
    pub(super) width: usize,
    pub(super) which: &'a [usize],
    pub(super) out: &'a mut [u16],
}

impl Kernel for Columns<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        // SAFETY: the caller vouches for the instructions, `Packed::keep_apart` for the group and the columns.
        unsafe {
            with_format!(
                self.kind,
                F => self.unpack::<S, F>(),
                _bytes => unreachable!("dense matrices keep nothing apart")
            );
        }
    }
}

impl Columns<'_> {
    /// # Safety
    /// The processor has the instructions of `S`, and the matrix is one of `F`'s with these columns.
    #[inline(always)]
    unsafe fn unpack<S: Simd, F: Format>(self) {
        let of_block = self.which.chunk_by(|one, next| one / BLOCK == next / BLOCK);
        let mut out = self.out.chunks_exact_mut(GROUP);
        for columns in of_block {
            // SAFETY: as this function; a register is sixteen lanes.
            unsafe {
                let block = Block::read::<S, F>(self.group, self.width / BLOCK, columns[0] / BLOCK);
                for (column, out) in columns.iter().zip(&mut out) {
                    let q: [u8; GROUP] = std::array::from_fn(|lane| block.q[Block::place(lane, column % BLOCK)]);
                    let [d, m] = &block.scales[column % BLOCK / (BLOCK / 2)];
                    let product = S::mul(S::load_u8(q.as_ptr()), S::load(d.as_ptr()));
                    S::store_f16(S::add(product, S::load(m.as_ptr())), out.as_mut_ptr());
                }
            }
        }
    }
}

/// 32 columns of a group, unpacked.
struct Block {
    /// Eight registers.
    q: [u8; BLOCK * GROUP],
    /// d and m of each half.
    scales: [[[f32; GROUP]; 2]; 2],
}

impl Block {
    /// # Safety
    /// The processor has the instructions of `S`, and `group` is one of a matrix with so many blocks in a row.
    #[inline(always)]
    unsafe fn read<S: Simd, F: Format>(group: *const u8, blocks: usize, index: usize) -> Self {
        let per_source = F::SOURCE.1 / BLOCK;
        let mut block = Self { q: [0; BLOCK * GROUP], scales: [[[0.0; GROUP]; 2]; 2] };
        // SAFETY: as this function; `q` has room for eight registers, each of the `scales` for one.
        unsafe {
            let quants = F::quants::<S>(group.add(index * F::BODY));
            for register in 0..8 {
                S::store_bytes(quants[register], block.q.as_mut_ptr().add(64 * register));
            }
            let scales = group.add(blocks * F::BODY + index / per_source * F::SCALES);
            let halves = F::scales::<S>(scales, index % per_source);
            for half in 0..2 {
                S::store(halves[half].0, block.scales[half][0].as_mut_ptr());
                S::store(halves[half].1, block.scales[half][1].as_mut_ptr());
            }
        }
        block
    }

    fn at(&self, lane: usize, column: usize) -> f32 {
        let [d, m] = &self.scales[column / (BLOCK / 2)];
        d[lane] * f32::from(self.q[Self::place(lane, column)]) + m[lane]
    }

    /// Where a number stands in `q`: four columns of a row are one lane of a register.
    fn place(lane: usize, column: usize) -> usize {
        column / 4 * 64 + lane * 4 + column % 4
    }
}

pub(super) struct Row<'a> {
    pub(super) kind: Kind,
    pub(super) group: *const u8,
    pub(super) lane: usize,
    pub(super) out: &'a mut [f32],
}

impl Kernel for Row<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        // SAFETY: the caller vouches for the instructions, `Packed::row` for the group.
        unsafe {
            with_format!(
                self.kind,
                F => quantized_row::<S, F>(self.group, self.lane, self.out),
                _bytes => dense_row::<S>(self.kind, self.group, self.lane, self.out)
            );
        }
    }
}

/// # Safety
/// The processor has the instructions of `S`, and `group` is one of a matrix with as many columns as `out` is long.
#[inline(always)]
unsafe fn quantized_row<S: Simd, F: Format>(group: *const u8, lane: usize, out: &mut [f32]) {
    let blocks = out.len() / BLOCK;
    for (index, out) in out.chunks_exact_mut(BLOCK).enumerate() {
        // SAFETY: as this function.
        let block = unsafe { Block::read::<S, F>(group, blocks, index) };
        for (column, out) in out.iter_mut().enumerate() {
            *out = block.at(lane, column);
        }
    }
}

/// # Safety
/// As [`quantized_row`].
#[inline(always)]
unsafe fn dense_row<S: Simd>(kind: Kind, group: *const u8, lane: usize, out: &mut [f32]) {
    for (column, out) in out.iter_mut().enumerate() {
        // SAFETY: as this function; `lanes` has room for a register.
        unsafe {
            let mut lanes = [0f32; GROUP];
            S::store(dense_lanes::<S>(kind, group, column), lanes.as_mut_ptr());
            *out = lanes[lane];
        }
    }
}

/// One column of sixteen rows of a dense matrix.
///
/// # Safety
/// The processor has the instructions of `S`, and `group` is one of a dense matrix of this kind with more than `column` columns.
#[inline(always)]
unsafe fn dense_lanes<S: Simd>(kind: Kind, group: *const u8, column: usize) -> S::F {
    // SAFETY: as this function.
    unsafe {
        match kind {
            Kind::F16 => S::load_f16(group.cast::<u16>().add(column * GROUP)),
            Kind::Bf16 => S::load_bf16(group.cast::<u16>().add(column * GROUP)),
            _ => S::load(group.cast::<f32>().add(column * GROUP)),
        }
    }
}
