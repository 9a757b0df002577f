//! Matrices of sentence encoders: products of words of four bytes, each four i8 or two bfloat16.
//!
//! A file of an encoder holds f32 weights, so that nothing ties a product to the blocks of a format, and vectors of whole texts
//! forgive more rounding than the next token of a language model does. Int8 weights have one scale a row, states one for 128 columns: within
//! 128 columns a product is nothing but integer additions, and there are two rows of registers for each word of states that is
//! loaded. bfloat16 keeps eight bits of every number, whatever its size, and is summed in f32.
//!
//! As everywhere here, what is computed for a token does not depend on the tokens beside it.

mod norm;
mod product;
mod states;
#[cfg(test)]
mod tests;

use std::io;
use std::sync::Arc;

use half::bf16;

use super::Compute;
use super::apart::Channels;
use super::arena::{Arena, Region};
use super::pool::Shares;

pub(crate) use norm::LayerNorm;
pub(crate) use product::WordLinear;
pub(crate) use states::WordStates;

/// In what numbers a sentence encoder multiplies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Precision {
    /// Eight-bit integers, the fastest.
    #[default]
    Int8,
    /// bfloat16 with sums in f32, the nearest to the model's own numbers.
    Bf16,
}

impl Precision {
    /// Columns that lie in a word.
    fn per_word(self) -> usize {
        match self {
            Self::Int8 => 4,
            Self::Bf16 => 2,
        }
    }

    /// Words of a block.
    fn words(self) -> usize {
        BLOCK / self.per_word()
    }
}

/// Columns that share a scale of the states. Widths are filled up with zeros to whole blocks.
const BLOCK: usize = 128;
/// Rows of a register.
const LANES: usize = 16;
/// Rows that are multiplied together.
const PANEL: usize = 2 * LANES;
/// Tokens that are multiplied together.
const TILE: usize = 8;

/// `rows` × `columns` weights, `[panel][word][row in panel]`.
pub(crate) struct WordMatrix {
    precision: Precision,
    rows: usize,
    columns: usize,
    data: Region,
    /// One a row, filled up to whole panels: what an eight-bit weight stands for.
    scales: Vec<f32>,
    channels: Channels,
    /// `[panel][channel][row in panel]` weights of `channels`.
    apart: Vec<f32>,
}

impl WordMatrix {
    /// Bytes that a matrix takes.
    pub(crate) fn bytes_of(precision: Precision, rows: usize, columns: usize) -> usize {
        rows.div_ceil(PANEL) * PANEL * columns.div_ceil(BLOCK) * precision.words() * 4
    }

    /// Packs `numbers`, row by row, into a piece of `arena`.
    ///
    /// # Errors
    /// What the system says when there is no memory.
    pub(crate) fn pack(
        compute: &Compute,
        arena: &Arc<Arena>,
        precision: Precision,
        rows: usize,
        columns: usize,
        numbers: &[f32],
    ) -> io::Result<Self> {
        assert!(columns > 0 && numbers.len() == rows * columns, "a number for every weight");
        let words = columns.div_ceil(BLOCK) * precision.words();
        let panels = rows.div_ceil(PANEL);
        let bytes = words * PANEL * 4;
        let mut data = arena.take(panels * bytes)?;
        let mut scales = vec![0f32; panels * PANEL];
        let (shares, scale_shares) = (Shares::new(&mut data), Shares::new(&mut scales));
        compute.pool().run(panels, &|panel, _| {
            // SAFETY: each unit has a panel of its own.
            let (panel_data, scales) =
                unsafe { (shares.part(panel * bytes, bytes), scale_shares.part(panel * PANEL, PANEL)) };
            // A weight of zero, for the rows and columns that fill up.
            panel_data.fill(if precision == Precision::Int8 { ZERO } else { 0 });
            let numbers = &numbers[panel * PANEL * columns..];
            for (row, numbers) in numbers.chunks_exact(columns).take(PANEL).enumerate() {
                let place = |word: usize| (word * PANEL + row) * 4;
                match precision {
                    Precision::Int8 => {
                        let put = &mut |word, at, byte| panel_data[place(word) + at] = byte;
                        scales[row] = pack_int8(numbers, put);
                    }
                    Precision::Bf16 => {
                        for (column, number) in numbers.iter().enumerate() {
                            let to = place(column / 2) + column % 2 * 2;
                            panel_data[to..to + 2].copy_from_slice(&bf16::from_f32(*number).to_le_bytes());
                        }
                    }
                }
            }
        });
        Ok(Self { precision, rows, columns, data, scales, channels: Channels::default(), apart: Vec::new() })
    }

    /// From now on states of these columns are multiplied in f32, where others are in eight bits.
    pub(crate) fn keep_apart(&mut self, channels: &Channels) {
        if self.precision == Precision::Bf16 {
            return;
        }
        let bytes = self.data.len() / self.panels();
        self.apart.clear();
        for (panel, scales) in self.data.chunks_exact(bytes).zip(self.scales.chunks_exact(PANEL)) {
            for column in channels.as_slice() {
                self.apart.extend(scales.iter().enumerate().map(|(row, scale)| {
                    let q = panel[(column / 4 * PANEL + row) * 4 + column % 4];
                    (f32::from(q) - f32::from(ZERO)) * scale
                }));
            }
        }
        self.channels = channels.clone();
    }

    /// Columns that are multiplied in f32.
    pub(crate) fn channels(&self) -> &Channels {
        &self.channels
    }

    fn panels(&self) -> usize {
        self.rows.div_ceil(PANEL)
    }

    /// Its words, those of one column of sixteen rows in a register.
    fn panel(&self, panel: usize) -> *const u8 {
        let bytes = self.columns.div_ceil(BLOCK) * self.precision.words() * PANEL * 4;
        self.data[panel * bytes..][..bytes].as_ptr()
    }
}

/// What stands for a weight of zero: weights are the unsigned side of a product.
const ZERO: u8 = 128;

/// Hands word, place in it and byte of each weight to `put`, and gives the scale.
fn pack_int8(numbers: &[f32], put: &mut dyn FnMut(usize, usize, u8)) -> f32 {
    let largest = numbers.iter().fold(0f32, |largest, number| largest.max(number.abs()));
    let scale = largest / 127.0;
    if scale < f32::MIN_POSITIVE {
        return 0.0;
    }
    for (column, number) in numbers.iter().enumerate() {
        let q = (number / scale).round_ties_even() as i32;
        put(column / 4, column % 4, (q + i32::from(ZERO)) as u8);
    }
    scale
}
