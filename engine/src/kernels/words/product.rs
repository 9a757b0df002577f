//! Products of a word matrix with the states of many tokens.

use super::super::Compute;
use super::super::isa::Kernel;
use super::super::math::{self, Gate};
use super::super::pool::Shares;
use super::super::simd::Simd;
use super::states::Writer;
use super::{BLOCK, LANES, PANEL, Precision, TILE, WordMatrix, WordStates};

/// One product of a region: out = W·x + bias, or added to what is there.
pub(crate) struct WordLinear<'a> {
    /// W.
    pub(crate) weights: &'a WordMatrix,
    /// One number a row.
    pub(crate) bias: &'a [f32],
    /// `[token][row]`
    pub(crate) out: &'a mut [f32],
    /// Add to what is there.
    pub(crate) add: bool,
}

impl Compute {
    /// Several products with the same states, as one region.
    pub(crate) fn word_linear(&self, input: &WordStates, products: &mut [WordLinear<'_>]) {
        for product in products.iter() {
            check(product.weights, product.bias, input);
            assert_eq!(product.out.len(), product.weights.rows * input.tokens(), "room for every output");
        }
        let panels: Vec<usize> = products.iter().map(|product| product.weights.panels()).collect();
        let products: Vec<_> = products
            .iter_mut()
            .map(|product| (product.weights, product.bias, Shares::new(product.out), product.add))
            .collect();
        self.pool().run_all(panels, |which, panel, _| {
            let (weights, bias, out, add) = &products[which];
            let (first, rows) = (panel * PANEL, weights.rows);
            let width = PANEL.min(rows - first);
            let mut sums = [[0f32; PANEL]; TILE];
            for tile in 0..input.tokens().div_ceil(TILE) {
                self.run_words(Multiply { weights, panel, input, tile, sums: &mut sums });
                for (token, sums) in (tile * TILE..input.tokens()).zip(&sums) {
                    // SAFETY: each unit has rows of its own.
                    let out = unsafe { out.part(token * rows + first, width) };
                    for ((out, sum), bias) in out.iter_mut().zip(sums).zip(&bias[first..]) {
                        *out = if *add { *out + (sum + bias) } else { sum + bias };
                    }
                }
            }
        });
    }

    /// Feed-forward without a gate: kind(W·x + bias), written into `out`, which was reset to W's rows.
    pub(crate) fn word_activated(
        &self,
        input: &WordStates,
        weights: &WordMatrix,
        bias: &[f32],
        kind: Gate,
        out: &mut WordStates,
    ) {
        check(weights, bias, input);
        assert!(out.tokens() == input.tokens() && out.columns() == weights.rows, "room for every output");
        let writer = out.writer();
        self.pool().run(weights.rows.div_ceil(BLOCK), &|block, _| {
            let first = block * BLOCK;
            let bias = &bias[first..(first + BLOCK).min(weights.rows)];
            let mut sums = [[[0f32; PANEL]; TILE]; BLOCK / PANEL];
            for tile in 0..input.tokens().div_ceil(TILE) {
                for (at, sums) in sums[..bias.len().div_ceil(PANEL)].iter_mut().enumerate() {
                    self.run_words(Multiply { weights, panel: block * (BLOCK / PANEL) + at, input, tile, sums });
                }
                let tokens = tile * TILE..(tile * TILE + TILE).min(input.tokens());
                self.isa().run(Activate { sums: &sums, bias, kind, tokens, block, writer });
            }
        });
    }

    fn run_words(&self, multiply: Multiply<'_>) {
        match multiply.weights.precision {
            Precision::Int8 => self.isa().run(multiply),
            Precision::Bf16 => self.isa().run_bf16(multiply),
        }
    }
}

fn check(weights: &WordMatrix, bias: &[f32], input: &WordStates) {
    assert!(weights.precision == input.precision() && weights.columns == input.columns(), "weights fit the states");
    assert!(weights.channels == *input.channels(), "weights and states keep the same channels apart");
    assert_eq!(bias.len(), weights.rows, "a bias for every row");
}

/// One panel times one tile. Places of the tile without a token hold what was there before, and so do their sums.
struct Multiply<'a> {
    weights: &'a WordMatrix,
    panel: usize,
    input: &'a WordStates,
    tile: usize,
    sums: &'a mut [[f32; PANEL]; TILE],
}

impl Kernel for Multiply<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        // Sums take half of a processor's registers, or fewer.
        // SAFETY: the caller vouches for the instructions.
        unsafe {
            if const { S::TOKENS >= 16 } {
                self.in_parts::<S, 2, 8>();
            } else if const { S::TOKENS >= 4 } {
                self.in_parts::<S, 1, 4>();
            } else {
                self.in_parts::<S, 1, 1>();
            }
        }
    }
}

impl Multiply<'_> {
    /// `R` registers of rows and `T` tokens at a time.
    ///
    /// # Safety
    /// The processor has the instructions of `S`.
    #[inline(always)]
    unsafe fn in_parts<S: Simd, const R: usize, const T: usize>(self) {
        let Self { weights, panel, input, tile, sums } = self;
        let blocks = input.blocks();
        let scales = &weights.scales[panel * PANEL..][..PANEL];
        let (words, factors) = input.tile(tile);
        let channels = weights.channels.as_slice().len();
        let (apart, x_apart) = (&weights.apart[panel * PANEL * channels..][..PANEL * channels], input.apart(tile));
        for register in (0..PANEL / LANES).step_by(R) {
            for token in (0..TILE).step_by(T) {
                // SAFETY: as this function; panels and tiles have as many blocks, and each register and token its place.
                unsafe {
                    let w = weights.panel(panel).add(register * LANES * 4);
                    let mut part = match weights.precision {
                        Precision::Int8 => {
                            int8::<S, R, T>(w, words.add(token * (BLOCK / 4)), factors.add(token), blocks)
                        }
                        Precision::Bf16 => bf16::<S, R, T>(w, words.add(token * (BLOCK / 2)), blocks),
                    };
                    if weights.precision == Precision::Int8 {
                        for at in 0..T {
                            for lane in 0..R {
                                part[at][lane] =
                                    S::mul(part[at][lane], S::load(scales.as_ptr().add((register + lane) * LANES)));
                            }
                        }
                        for channel in 0..channels {
                            for lane in 0..R {
                                let w = S::load(apart.as_ptr().add(channel * PANEL + (register + lane) * LANES));
                                for at in 0..T {
                                    let x = S::splat(x_apart.add(channel * TILE + token + at).read());
                                    part[at][lane] = S::fma(w, x, part[at][lane]);
                                }
                            }
                        }
                    }
                    for at in 0..T {
                        for lane in 0..R {
                            S::store(part[at][lane], sums[token + at].as_mut_ptr().add((register + lane) * LANES));
                        }
                    }
                }
            }
        }
    }
}

/// # Safety
/// The processor has the instructions of `S`; `w` has `blocks` blocks of words of a panel, `words` and `factors` those of a tile.
#[inline(always)]
unsafe fn int8<S: Simd, const R: usize, const T: usize>(
    w: *const u8,
    words: *const u32,
    factors: *const [f32; 2],
    blocks: usize,
) -> [[S::F; R]; T] {
    const WORDS: usize = BLOCK / 4;
    // SAFETY: as this function.
    unsafe {
        let mut sums = [[S::splat(0.0); R]; T];
        for block in 0..blocks {
            let (w, words) = (w.add(block * WORDS * PANEL * 4), words.add(block * TILE * WORDS));
            let factors = factors.add(block * TILE);
            let mut products = [[S::splat_i(0); R]; T];
            for token in 0..T {
                let start = (*factors.add(token))[1].to_bits().cast_signed();
                products[token] = [S::splat_i(start); R];
            }
            for word in 0..WORDS {
                let mut lanes = [S::load_bytes(w.add(word * PANEL * 4)); R];
                for register in 1..R {
                    lanes[register] = S::load_bytes(w.add(word * PANEL * 4 + register * LANES * 4));
                }
                for token in 0..T {
                    let x = words.add(token * WORDS + word).read().cast_signed();
                    for register in 0..R {
                        products[token][register] = S::dot(products[token][register], lanes[register], x, true);
                    }
                }
            }
            for token in 0..T {
                let scale = S::splat((*factors.add(token))[0]);
                for register in 0..R {
                    sums[token][register] = S::fma(S::to_f(products[token][register]), scale, sums[token][register]);
                }
            }
        }
        sums
    }
}

/// # Safety
/// As [`int8`].
#[inline(always)]
unsafe fn bf16<S: Simd, const R: usize, const T: usize>(
    w: *const u8,
    words: *const u32,
    blocks: usize,
) -> [[S::F; R]; T] {
    const WORDS: usize = BLOCK / 2;
    // SAFETY: as this function.
    unsafe {
        let mut sums = [[S::splat(0.0); R]; T];
        for block in 0..blocks {
            let (w, words) = (w.add(block * WORDS * PANEL * 4), words.add(block * TILE * WORDS));
            for word in 0..WORDS {
                let mut lanes = [S::load_bytes(w.add(word * PANEL * 4)); R];
                for register in 1..R {
                    lanes[register] = S::load_bytes(w.add(word * PANEL * 4 + register * LANES * 4));
                }
                for token in 0..T {
                    let x = words.add(token * WORDS + word).read();
                    for register in 0..R {
                        sums[token][register] = S::dot_bf16(sums[token][register], lanes[register], x);
                    }
                }
            }
        }
        sums
    }
}

/// From sums of a block of rows to the states of the next product.
struct Activate<'a> {
    sums: &'a [[[f32; PANEL]; TILE]; BLOCK / PANEL],
    bias: &'a [f32],
    kind: Gate,
    tokens: std::ops::Range<usize>,
    block: usize,
    writer: Writer<'a>,
}

impl Kernel for Activate<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let Self { sums, bias, kind, tokens, block, writer } = self;
        let mut biases = [0f32; BLOCK];
        biases[..bias.len()].copy_from_slice(bias);
        let mut values = [0f32; BLOCK];
        for (index, token) in tokens.enumerate() {
            for (at, panel) in sums.iter().enumerate() {
                for lane in (0..PANEL).step_by(LANES) {
                    let first = at * PANEL + lane;
                    // SAFETY: the caller vouches for the instructions; each step has sixteen lanes.
                    unsafe {
                        let sum = S::load(panel[index].as_ptr().add(lane));
                        let sum = S::add(sum, S::load(biases.as_ptr().add(first)));
                        S::store(math::gate::<S>(kind, sum), values.as_mut_ptr().add(first));
                    }
                }
            }
            // SAFETY: the caller vouches for the instructions; each unit has a block of its own.
            unsafe { writer.put::<S>(token, block, &values[..bias.len()]) };
        }
    }
}
