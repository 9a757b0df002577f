//! What products multiply weights with: the states of some tokens, rounded to 8 bits, as f32, or both.
//!
//! Channels that would spoil the rounding of others stay in f32 (see [`super::apart`]). Tokens come in tiles of sixteen, so that a
//! kernel that serves several tokens at once finds the same block of all of them side by side. Rounding is per 32 columns, as in llama.cpp's `Q8_1`, with f32 scales: q = round(x / d), d = max |x| / 127.
//! States whose rounding would cost most are rounded twice: x = d/256 · (256·q + q′) is within 1/32,512 of a block's largest value.

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
    /// Rounded twice: what rounding loses is rounded too, and multiplied.
    pub(crate) twice: bool,
}

impl Forms {
    /// What products with all of these weights need.
    pub(crate) fn of<'a>(weights: impl IntoIterator<Item = &'a super::Packed>) -> Self {
        let mut forms = Self::default();
        for weights in weights {
            if weights.kind().is_quantized() {
                forms.rounded = true;
                forms.apart = weights.channels().clone();
                forms.twice = weights.takes_twice_rounded();
            } else {
                forms.dense = true;
            }
        }
        forms
    }

    /// Roundings of a block.
    fn roundings(&self) -> usize {
        1 + usize::from(self.twice)
    }
}

/// States of `tokens` tokens, `columns` numbers each. Reused from layer to layer, so that nothing is allocated in between.
#[derive(Debug, Default)]
pub(crate) struct Activations {
    tokens: usize,
    columns: usize,
    forms: Forms,
    /// `[tile][block][rounding][token in tile][32]`
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
            grow(&mut self.q, tiles * TILE * columns * forms.roundings(), 0);
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

    /// Whether states were rounded twice.
    pub(super) fn is_twice_rounded(&self) -> bool {
        self.forms.twice
    }

    /// q and factors of a token's first block; the next blocks (of q: roundings) follow at `TILE` times the size of one.
    pub(super) fn rounded(&self, token: usize) -> (*const i8, *const f32) {
        assert!(self.forms.rounded && token < self.tokens, "a token that was rounded");
        let at = first_block(token, self.columns);
        let q = first_block(token, self.columns * self.forms.roundings());
        (self.q[q * BLOCK..].as_ptr(), self.factors[at * FACTORS..].as_ptr())
    }

    /// Channels that are taken in f32.
    pub(super) fn channels(&self) -> &Channels {
        &self.forms.apart
    }

    /// The first of these channels of `token`; the next ones follow at distances of `TILE`.
    pub(super) fn apart(&self, token: usize) -> *const f32 {
        assert!(self.forms.rounded && token < self.tokens, "a token that was rounded");
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
            let roundings = self.forms.roundings();
            let first = [self.columns * roundings, self.columns].map(|columns| first_block(token, columns));
            let channels = self.forms.apart.as_slice();
            let mut next = channels.partition_point(|channel| *channel < column);
            for (index, block) in values.chunks_exact(BLOCK).enumerate() {
                let at = (column / BLOCK + index) * TILE;
                let (q, factors) = (first[0] + at * roundings, first[1] + at);
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
                // SAFETY: the block lies inside, by the assertion, with all its roundings; `block` has 32 values.
                unsafe {
                    let (q, factors) = (self.q.add(q * BLOCK), self.factors.add(factors * FACTORS));
                    if self.forms.twice {
                        round_twice::<S>(block, [q, q.add(TILE * BLOCK)], factors);
                    } else {
                        round::<S>(block, q, factors);
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

/// Rounds a block.
///
/// # Safety
/// The processor has the instructions of `S`; 32 values can be read, 32 q and [`FACTORS`] factors written.
#[inline(always)]
pub(super) unsafe fn round<S: Simd>(values: *const f32, q: *mut i8, factors: *mut f32) {
    // SAFETY: as this function.
    unsafe {
        let (d, inverse) = scale::<S>(values);
        let rounded = [0, 1].map(|half| S::to_i(S::mul(S::load(values.add(16 * half)), S::splat(inverse))));
        rounded.iter().enumerate().for_each(|(half, rounded)| S::store_low_bytes(*rounded, q.add(16 * half)));
        put_factors(factors, d, rounded.map(|half| S::sum_i(half)));
    }
}

/// Rounds a block, and what that loses with 1/256 of the scale. The factors are those of 256·q + q′.
///
/// # Safety
/// As [`round`], with room for both q.
#[inline(always)]
unsafe fn round_twice<S: Simd>(values: *const f32, q: [*mut i8; 2], factors: *mut f32) {
    /// How much finer the second rounding is.
    const FINER: i32 = 256;
    // SAFETY: as this function.
    unsafe {
        let (d, inverse) = scale::<S>(values);
        let mut sums = [0; 2];
        for half in 0..2 {
            let values = S::load(values.add(16 * half));
            let first = S::to_i(S::mul(values, S::splat(inverse)));
            let lost = S::fma(S::to_f(first), S::splat(-d), values);
            // Half a unit becomes 128, one more than a byte holds.
            let most = S::splat(127.0);
            let second = S::mul(lost, S::splat(inverse * FINER as f32));
            let second = S::to_i(S::min(S::max(second, S::sub(S::splat(0.0), most)), most));
            S::store_low_bytes(first, q[0].add(16 * half));
            S::store_low_bytes(second, q[1].add(16 * half));
            sums[half] = S::sum_i(first).wrapping_mul(FINER).wrapping_add(S::sum_i(second));
        }
        put_factors(factors, d / FINER as f32, sums);
    }
}

/// d of a block and its inverse.
///
/// # Safety
/// As [`round`].
#[inline(always)]
unsafe fn scale<S: Simd>(values: *const f32) -> (f32, f32) {
    // SAFETY: as this function.
    let largest = unsafe { S::largest(S::max(S::abs(S::load(values)), S::abs(S::load(values.add(16))))) };
    let d = largest / 127.0;
    // Subnormal scales would make the inverse infinite; such a block is zero for all that follows.
    (d, if d >= f32::MIN_POSITIVE { 1.0 / d } else { 0.0 })
}

/// # Safety
/// [`FACTORS`] factors can be written.
#[inline(always)]
unsafe fn put_factors(factors: *mut f32, d: f32, sums: [i32; 2]) {
    // SAFETY: as this function.
    unsafe {
        factors.write(d);
        // States that are no numbers become numbers of any size here, and must not stop the program.
        factors.add(1).write(d * sums[0].wrapping_add(sums[1]) as f32);
        factors.add(2).cast::<i32>().write(sums[0]);
        factors.add(3).cast::<i32>().write(sums[1]);
    }
}
