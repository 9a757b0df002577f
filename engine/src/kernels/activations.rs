//! What products multiply weights with: the states of some tokens, rounded to 8 bits, as f32, or both.
//!
//! Channels that would spoil the rounding of others stay in f32 (see [`super::apart`]). Tokens come in tiles of sixteen, so that a
//! kernel that serves several tokens at once finds the same block of all of them side by side. Rounding is per 32 columns, as in llama.cpp's `Q8_1`, with f32 scales: q = round(x / d), d = max |x| / 127.
//! States whose rounding would cost most are rounded twice: x = d·q + d′·q′ is within 2⁻¹⁵ of a block's largest value.

use super::apart::Channels;
use super::formats::BLOCK;
use super::simd::Simd;

/// Tokens of a tile.
pub(super) const TILE: usize = 16;
/// Numbers kept for a block: d, d·Σq, and as i32 Σq of each half.
pub(super) const FACTORS: usize = 4;

/// Which forms are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Forms {
    /// For quantized weights.
    pub(crate) rounded: bool,
    /// For dense weights.
    pub(crate) dense: bool,
    /// Channels that quantized weights take in f32.
    pub(crate) apart: Channels,
    /// Rounded twice: what rounding loses is rounded with a scale of its own, and multiplied too.
    pub(crate) fine: bool,
}

impl Forms {
    /// What products with all of these weights need.
    pub(crate) fn of<'a>(weights: impl IntoIterator<Item = &'a super::Packed>) -> Self {
        let mut forms = Self::default();
        for weights in weights {
            if weights.kind().is_quantized() {
                forms.rounded = true;
                forms.apart = weights.channels().clone();
                forms.fine = weights.is_fine();
            } else {
                forms.dense = true;
            }
        }
        forms
    }

    /// Entries of a rounded token.
    fn entries(&self) -> usize {
        1 + usize::from(self.fine)
    }
}

/// States of `tokens` tokens, `columns` numbers each. Reused from layer to layer, so that nothing is allocated in between.
#[derive(Debug, Default)]
pub(crate) struct Activations {
    tokens: usize,
    columns: usize,
    forms: Forms,
    /// `[tile][block][token in tile][32]`
    q: Vec<i8>,
    /// `[tile][block][token in tile][FACTORS]`
    factors: Vec<f32>,
    /// `[tile][column][token in tile]`
    dense: Vec<f32>,
    /// `[tile][channel][token in tile]`
    apart: Vec<f32>,
}

impl Activations {
    /// Makes room for `tokens` × `columns`; contents are undefined until written.
    pub(crate) fn reset(&mut self, tokens: usize, columns: usize, forms: Forms) {
        assert!(!forms.rounded || columns.is_multiple_of(BLOCK), "quantized weights have whole blocks of columns");
        let tiles = tokens.div_ceil(TILE);
        if forms.rounded {
            let tiles = (tokens * forms.entries()).div_ceil(TILE);
            grow(&mut self.q, tiles * TILE * columns, 0);
            grow(&mut self.factors, tiles * TILE * columns / BLOCK * FACTORS, 0.0);
            grow(&mut self.apart, tiles * TILE * forms.apart.as_slice().len(), 0.0);
        }
        if forms.dense {
            grow(&mut self.dense, tiles * TILE * columns, 0.0);
        }
        (self.tokens, self.columns, self.forms) = (tokens, columns, forms);
    }

    pub(crate) fn tokens(&self) -> usize {
        self.tokens
    }

    pub(crate) fn columns(&self) -> usize {
        self.columns
    }

    /// What is multiplied with rounded weights: one entry a token, or two side by side whose products belong together.
    pub(super) fn entries(&self) -> usize {
        self.tokens * self.forms.entries()
    }

    /// Whether tokens have two entries.
    pub(super) fn is_fine(&self) -> bool {
        self.forms.fine
    }

    /// q and factors of an entry's first block; the next blocks follow at `TILE` times the size of one.
    pub(super) fn rounded(&self, entry: usize) -> (*const i8, *const f32) {
        assert!(self.forms.rounded && entry < self.entries(), "a token that was rounded");
        let at = first_block(entry, self.columns);
        (self.q[at * BLOCK..].as_ptr(), self.factors[at * FACTORS..].as_ptr())
    }

    /// Channels that are taken in f32.
    pub(super) fn channels(&self) -> &Channels {
        &self.forms.apart
    }

    /// The first of these channels of `token`; the next ones follow at distances of `TILE`.
    pub(super) fn apart(&self, token: usize) -> *const f32 {
        assert!(self.forms.rounded && token < self.entries(), "a token that was rounded");
        self.apart[token / TILE * TILE * self.channels().as_slice().len() + token % TILE..].as_ptr()
    }

    /// The first column of `token`; the next ones follow at distances of `TILE`.
    pub(super) fn dense(&self, token: usize) -> *const f32 {
        assert!(self.forms.dense && token < self.tokens, "a token that is there in f32");
        self.dense[token / TILE * TILE * self.columns + token % TILE..].as_ptr()
    }

    /// A view that several threads can write, each its own tokens or columns.
    pub(super) fn writer(&mut self) -> Writer<'_> {
        Writer {
            tokens: self.tokens,
            columns: self.columns,
            forms: &self.forms,
            q: self.q.as_mut_ptr(),
            factors: self.factors.as_mut_ptr(),
            dense: self.dense.as_mut_ptr(),
            apart: self.apart.as_mut_ptr(),
        }
    }
}

fn grow<T: Copy>(values: &mut Vec<T>, length: usize, fill: T) {
    if values.len() < length {
        values.resize(length, fill);
    }
}

/// Index of a token's first block, in blocks.
fn first_block(token: usize, columns: usize) -> usize {
    token / TILE * TILE * (columns / BLOCK) + token % TILE
}

/// Writes into [`Activations`] from several threads.
#[derive(Clone, Copy)]
pub(super) struct Writer<'a> {
    tokens: usize,
    columns: usize,
    forms: &'a Forms,
    q: *mut i8,
    factors: *mut f32,
    dense: *mut f32,
    apart: *mut f32,
}

// SAFETY: `put` writes the given columns of the given token only, and its callers promise that no two calls meet.
unsafe impl Sync for Writer<'_> {}
// SAFETY: as above; the pointers are not tied to a thread.
unsafe impl Send for Writer<'_> {}

impl Writer<'_> {
    /// Writes `values` as the columns of `token` from `column` on, in the forms that are wanted. `column` and the length are
    /// multiples of 32 where rounding is.
    ///
    /// # Safety
    /// The processor has the instructions of `S`; the activations are borrowed still; no other call writes these columns of
    /// this token at the same time.
    #[inline(always)]
    pub(super) unsafe fn put<S: Simd>(self, token: usize, column: usize, values: &[f32]) {
        assert!(token < self.tokens && column + values.len() <= self.columns, "inside the activations");
        if self.forms.rounded {
            let first = first_block(token * self.forms.entries(), self.columns);
            let channels = self.forms.apart.as_slice();
            let mut next = channels.partition_point(|channel| *channel < column);
            for (index, block) in values.chunks_exact(BLOCK).enumerate() {
                let at = first + (column / BLOCK + index) * TILE;
                let start = column + index * BLOCK;
                let mut rest = [0f32; BLOCK];
                let mut block = block.as_ptr();
                while let Some(channel) = channels.get(next).filter(|channel| **channel < start + BLOCK) {
                    // SAFETY: `block` has 32 values, and there is a place for every channel of every token.
                    unsafe {
                        if block != rest.as_ptr() {
                            rest.as_mut_ptr().copy_from_nonoverlapping(block, BLOCK);
                            block = rest.as_ptr();
                        }
                        let place = token / TILE * TILE * channels.len() + next * TILE + token % TILE;
                        self.apart.add(place).write(rest[channel - start]);
                    }
                    rest[channel - start] = 0.0;
                    next += 1;
                }
                // SAFETY: the block lies inside, by the assertion; `block` has 32 values.
                unsafe {
                    if self.forms.fine {
                        let mut lost = [0f32; BLOCK];
                        round::<S>(block, self.q.add(at * BLOCK), self.factors.add(at * FACTORS), Some(&mut lost));
                        let (q, factors) = (self.q.add((at + 1) * BLOCK), self.factors.add((at + 1) * FACTORS));
                        round::<S>(lost.as_ptr(), q, factors, None);
                    } else {
                        round::<S>(block, self.q.add(at * BLOCK), self.factors.add(at * FACTORS), None);
                    }
                }
            }
        }
        if self.forms.dense {
            let first = token / TILE * TILE * self.columns + token % TILE;
            for (index, value) in values.iter().enumerate() {
                // SAFETY: the column lies inside, by the assertion.
                unsafe { self.dense.add(first + (column + index) * TILE).write(*value) };
            }
        }
    }
}

/// Rounds a block, and says what was lost where that is asked.
///
/// # Safety
/// The processor has the instructions of `S`; 32 values can be read, 32 q and [`FACTORS`] factors written.
#[inline(always)]
pub(super) unsafe fn round<S: Simd>(
    values: *const f32,
    q: *mut i8,
    factors: *mut f32,
    lost: Option<&mut [f32; BLOCK]>,
) {
    // SAFETY: as this function.
    unsafe {
        let (low, high) = (S::load(values), S::load(values.add(16)));
        let largest = S::largest(S::max(S::abs(low), S::abs(high)));
        let d = largest / 127.0;
        // Subnormal scales would make the inverse infinite; such a block is zero for all that follows.
        let inverse = if d >= f32::MIN_POSITIVE { 1.0 / d } else { 0.0 };
        let inverse = S::splat(inverse);
        let (low, high) = (S::to_i(S::mul(low, inverse)), S::to_i(S::mul(high, inverse)));
        S::store_low_bytes(low, q);
        S::store_low_bytes(high, q.add(16));
        if let Some(lost) = lost {
            let scale = S::splat(-d);
            S::store(S::fma(S::to_f(low), scale, S::load(values)), lost.as_mut_ptr());
            S::store(S::fma(S::to_f(high), scale, S::load(values.add(16))), lost.as_mut_ptr().add(16));
        }
        let (low, high) = (S::sum_i(low), S::sum_i(high));
        factors.write(d);
        // States that are no numbers become numbers of any size here, and must not stop the program.
        factors.add(1).write(d * low.wrapping_add(high) as f32);
        factors.add(2).cast::<i32>().write(low);
        factors.add(3).cast::<i32>().write(high);
    }
}
