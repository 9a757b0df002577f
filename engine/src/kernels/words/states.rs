//! The states of some tokens as words.

use super::super::apart::Channels;
use super::super::simd::Simd;
use super::{BLOCK, Precision, TILE, WordMatrix, ZERO};

/// States of `tokens` tokens, `columns` numbers each. Reused from layer to layer, so that nothing is allocated in between.
#[derive(Debug, Default)]
pub(crate) struct WordStates {
    precision: Precision,
    tokens: usize,
    columns: usize,
    /// `[tile][block][token in tile][word]`
    words: Vec<u32>,
    /// `[tile][block][token in tile]` of the scale, and of the bits of what the sum of products begins with as i32: weights are stored with
    /// [`ZERO`] added, of which every product has its share.
    factors: Vec<[f32; 2]>,
    /// Columns that stay in f32, and `[tile][channel][token in tile]` of them.
    channels: Channels,
    apart: Vec<f32>,
}

impl WordStates {
    /// Makes room for `tokens` states that `weights` will be multiplied with; contents are undefined until written.
    pub(crate) fn reset_for(&mut self, weights: &WordMatrix, tokens: usize) {
        self.channels.clone_from(weights.channels());
        let apart = tokens.next_multiple_of(TILE) * self.channels.as_slice().len();
        if self.apart.len() < apart {
            self.apart.resize(apart, 0.0);
        }
        let (precision, columns) = (weights.precision, weights.columns);
        let places = tokens.next_multiple_of(TILE) * columns.div_ceil(BLOCK);
        if self.words.len() < places * precision.words() {
            self.words.resize(places * precision.words(), 0);
        }
        if self.factors.len() < places {
            self.factors.resize(places, [0.0; 2]);
        }
        (self.precision, self.tokens, self.columns) = (precision, tokens, columns);
    }

    pub(crate) fn tokens(&self) -> usize {
        self.tokens
    }

    pub(crate) fn columns(&self) -> usize {
        self.columns
    }

    pub(super) fn precision(&self) -> Precision {
        self.precision
    }

    /// Columns that stay in f32.
    pub(super) fn channels(&self) -> &Channels {
        &self.channels
    }

    /// Those columns of a tile.
    pub(super) fn apart(&self, tile: usize) -> *const f32 {
        let width = self.channels.as_slice().len() * TILE;
        self.apart[tile * width..][..width].as_ptr()
    }

    /// Blocks of a token.
    pub(super) fn blocks(&self) -> usize {
        self.columns.div_ceil(BLOCK)
    }

    /// Words and factors of a tile.
    pub(super) fn tile(&self, tile: usize) -> (*const u32, *const [f32; 2]) {
        let places = self.blocks() * TILE;
        let words = &self.words[tile * places * self.precision.words()..][..places * self.precision.words()];
        (words.as_ptr(), self.factors[tile * places..][..places].as_ptr())
    }

    /// A view that several threads can write, each its own tokens or blocks.
    pub(super) fn writer(&mut self) -> Writer<'_> {
        let (words, factors, apart) = (self.words.as_mut_ptr(), self.factors.as_mut_ptr(), self.apart.as_mut_ptr());
        Writer { states: self, words, factors, apart }
    }
}

/// Writes into [`WordStates`] from several threads.
#[derive(Clone, Copy)]
pub(super) struct Writer<'a> {
    /// For its shape only.
    states: &'a WordStates,
    words: *mut u32,
    factors: *mut [f32; 2],
    apart: *mut f32,
}

// SAFETY: `put` writes the given block of the given token only, and its callers promise that no two calls meet.
unsafe impl Sync for Writer<'_> {}
// SAFETY: as above; the pointers are not tied to a thread.
unsafe impl Send for Writer<'_> {}

impl Writer<'_> {
    /// Writes a block of a token; what is missing at the end of a row is zero.
    ///
    /// # Safety
    /// The processor has the instructions of `S`, and no other call writes this block of this token at the same time.
    #[inline(always)]
    pub(super) unsafe fn put<S: Simd>(self, token: usize, block: usize, values: &[f32]) {
        let Self { states, .. } = self;
        assert!(token < states.tokens && block < states.blocks(), "inside the states");
        let mut whole = [0f32; BLOCK];
        let start = block * BLOCK;
        let channels = states.channels.as_slice();
        let own = channels.partition_point(|channel| *channel < start)
            ..channels.partition_point(|channel| *channel < start + BLOCK);
        let values = match <&[f32; BLOCK]>::try_from(values) {
            Ok(values) if own.is_empty() => values,
            _ => {
                whole[..values.len()].copy_from_slice(values);
                for index in own {
                    let value = std::mem::take(&mut whole[channels[index] - start]);
                    let place = (token / TILE * channels.len() + index) * TILE + token % TILE;
                    // SAFETY: `reset_for` made room for every channel of every token.
                    unsafe { self.apart.add(place).write(value) };
                }
                &whole
            }
        };
        let place = (token / TILE * states.blocks() + block) * TILE + token % TILE;
        // SAFETY: `reset_for` made room for every block of every token; the rest is the caller's promise.
        unsafe {
            let words = self.words.add(place * states.precision.words());
            match states.precision {
                Precision::Int8 => self.factors.add(place).write(round::<S>(values, words.cast())),
                Precision::Bf16 => {
                    for at in (0..BLOCK).step_by(16) {
                        S::store_bf16(S::load(values.as_ptr().add(at)), words.cast::<u16>().add(at));
                    }
                }
            }
        }
    }
}

/// q = round(x / d), d = max |x| / 127; gives the factors.
///
/// # Safety
/// The processor has the instructions of `S`; `q` has room for a block.
#[inline(always)]
unsafe fn round<S: Simd>(values: &[f32; BLOCK], q: *mut i8) -> [f32; 2] {
    // SAFETY: as this function; each step has sixteen lanes.
    unsafe {
        let mut largest = S::splat(0.0);
        for at in (0..BLOCK).step_by(16) {
            largest = S::max(largest, S::abs(S::load(values.as_ptr().add(at))));
        }
        let d = S::largest(largest) / 127.0;
        // Subnormal scales would make the inverse infinite; such a block is zero for all that follows.
        let inverse = S::splat(if d >= f32::MIN_POSITIVE { 1.0 / d } else { 0.0 });
        let mut sum = S::splat_i(0);
        for at in (0..BLOCK).step_by(16) {
            let lanes = S::to_i(S::mul(S::load(values.as_ptr().add(at)), inverse));
            S::store_low_bytes(lanes, q.add(at));
            sum = S::add_i(sum, lanes);
        }
        // States that are no numbers become numbers of any size here, and must not stop the program.
        let start = S::sum_i(sum).wrapping_mul(-i32::from(ZERO));
        [d, f32::from_bits(start.cast_unsigned())]
    }
}
