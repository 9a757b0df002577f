//! Products of packed weights with activations, for one token or many.
//!
//! One kernel serves reading a prompt, writing a token and checking drafted ones: a block of weights is unpacked into eight
//! registers, which then meet the activations of up to sixteen tokens. Each output is, block after block in order,
//! acc ← acc + (d·a)·Σqx + m·(a·Σx), with the integer sums exact; nothing in it depends on how many tokens there are or which
//! thread computes it. So the same token at the same place gives the same bits in every batch.

use std::marker::PhantomData;

use super::Compute;
use super::activations::{Activations, FACTORS, TILE, Writer};
use super::arena::LINE;
use super::dense::{Bf16, Dense, F16, F32};
use super::formats::{BLOCK, Format, GROUP};
use super::isa::Kernel;
use super::math::{self, Gate};
use super::packed::{Kind, Packed, with_format};
use super::pool::Shares;
use super::simd::Simd;

/// One product of a region: out = W·x + bias, or added to what is there.
pub(crate) struct Linear<'a> {
    /// W.
    pub(crate) weights: &'a Packed,
    /// One number a row.
    pub(crate) bias: Option<&'a [f32]>,
    /// `[token][row]`
    pub(crate) out: &'a mut [f32],
    /// Add to what is there.
    pub(crate) add: bool,
}

impl Compute {
    /// Several products with the same activations, as one region.
    pub(crate) fn linear(&self, input: &Activations, products: &mut [Linear<'_>]) {
        for product in products.iter() {
            assert_eq!(product.weights.columns(), input.columns(), "weights fit the activations");
            assert_eq!(product.out.len(), product.weights.rows() * input.tokens(), "room for every output");
            assert!(fits(product.weights, input), "weights and activations keep the same channels apart");
            assert!(product.bias.is_none_or(|bias| bias.len() == product.weights.rows()), "a bias for every row");
        }
        let groups: Vec<usize> = products.iter().map(|product| product.weights.groups()).collect();
        let products: Vec<Shared<'_>> = products
            .iter_mut()
            .map(|product| Shared {
                weights: product.weights,
                bias: product.bias,
                out: Shares::new(product.out),
                add: product.add,
            })
            .collect();
        self.pool().run_all(groups, |which, group, _| self.rows(input, &products[which], group));
    }

    /// Gated feed-forward: gate(G·x) · (U·x), written into `out` in the forms that it was reset to.
    pub(crate) fn gated(&self, input: &Activations, gate: &Packed, up: &Packed, kind: Gate, out: &mut Activations) {
        assert!(fits(gate, input) && fits(up, input), "weights and activations keep the same channels apart");
        assert!(gate.rows() == up.rows() && gate.columns() == input.columns() && up.columns() == input.columns());
        assert!(out.tokens() == input.tokens() && out.columns() == gate.rows());
        let writer = out.writer();
        // Two groups are one block of the next product's activations.
        let pairs = gate.groups().div_ceil(2);
        self.pool().run(pairs, &|pair, _| {
            let first = 2 * pair * GROUP;
            let width = (2 * GROUP).min(gate.rows() - first);
            let (mut gates, mut ups) = ([[[0f32; GROUP]; TILE]; 2], [[[0f32; GROUP]; TILE]; 2]);
            for (token, count) in tiles(input.tokens()) {
                for half in 0..width.div_ceil(GROUP) {
                    let group = 2 * pair + half;
                    self.isa().run(Tile { weights: gate, group, input, token, count, sums: &mut gates[half] });
                    self.isa().run(Tile { weights: up, group, input, token, count, sums: &mut ups[half] });
                }
                self.isa().run(Gated { gates: &gates, ups: &ups, kind, count, token, first, width, writer });
            }
        });
    }
}

fn fits(weights: &Packed, input: &Activations) -> bool {
    !weights.kind().is_quantized()
        || weights.channels() == input.channels() && weights.takes_twice_rounded() == input.is_twice_rounded()
}

struct Shared<'a> {
    weights: &'a Packed,
    bias: Option<&'a [f32]>,
    out: Shares<f32>,
    add: bool,
}

/// Sums of sixteen rows for each token of a tile.
type Sums = [[f32; GROUP]; TILE];

/// One row group times the `count` tokens from `token` on, which lie in one tile. Everything else is around this kernel, so that
/// it is compiled once for each format and count.
struct Tile<'a> {
    weights: &'a Packed,
    group: usize,
    input: &'a Activations,
    token: usize,
    count: usize,
    sums: &'a mut Sums,
}

impl Kernel for Tile<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let (kind, twice) = (self.weights.kind(), self.weights.takes_twice_rounded());
        // SAFETY: the caller vouches for the instructions; weights and activations fit each other, by `linear` and `gated`.
        unsafe {
            with_format!(
                kind,
                F => if twice { self.in_runs::<S, Quantized<F, true>>() } else { self.in_runs::<S, Quantized<F, false>>() },
                _bytes => match kind {
                    Kind::F16 => self.in_runs::<S, Dense<F16>>(),
                    Kind::Bf16 => self.in_runs::<S, Dense<Bf16>>(),
                    _ => self.in_runs::<S, Dense<F32>>(),
                }
            );
        }
    }
}

impl Tile<'_> {
    /// Runs of 16, 4 and 1 tokens: each count is a constant of its own kernel.
    ///
    /// # Safety
    /// As [`Multiply::run`].
    #[inline(always)]
    unsafe fn in_runs<S: Simd, M: Multiply>(self) {
        let Self { weights, group, input, token, count, sums } = self;
        let mut done = 0;
        // SAFETY: as this function.
        unsafe {
            if const { S::TOKENS >= 16 } {
                while count - done >= 16 {
                    M::run::<S, 16>(weights, group, input, token + done, &mut sums[done..]);
                    done += 16;
                }
            }
            if const { S::TOKENS >= 4 } {
                while count - done >= 4 {
                    M::run::<S, 4>(weights, group, input, token + done, &mut sums[done..]);
                    done += 4;
                }
            }
            if const { S::TOKENS >= 4 } {
                while count - done >= 2 {
                    M::run::<S, 2>(weights, group, input, token + done, &mut sums[done..]);
                    done += 2;
                }
            }
            while count > done {
                M::run::<S, 1>(weights, group, input, token + done, &mut sums[done..]);
                done += 1;
            }
        }
    }
}

/// How a row group is multiplied with some tokens.
pub(super) trait Multiply {
    /// Sums of sixteen rows for the `T` tokens from `token` on, which lie in one tile.
    ///
    /// # Safety
    /// The processor has the instructions of `S`, and weights and input have the same columns and fitting forms.
    unsafe fn run<S: Simd, const T: usize>(
        weights: &Packed,
        group: usize,
        input: &Activations,
        token: usize,
        sums: &mut [[f32; GROUP]],
    );
}

/// How far ahead of a single token's product its weights are asked for, in bytes: 2–6 KiB are alike (Zen 4).
const AHEAD: usize = 4096;

/// `TWICE`: states are rounded twice.
struct Quantized<F, const TWICE: bool>(PhantomData<F>);

impl<F: Format, const TWICE: bool> Multiply for Quantized<F, TWICE> {
    #[inline(always)]
    unsafe fn run<S: Simd, const T: usize>(
        weights: &Packed,
        group: usize,
        input: &Activations,
        token: usize,
        out: &mut [[f32; GROUP]],
    ) {
        let blocks = input.columns() / BLOCK;
        let per_source = F::SOURCE.1 / BLOCK;
        let (x, factors) = input.rounded(token);
        let bodies = weights.group(group);
        // SAFETY: the caller vouches for the instructions; a group has `blocks` bodies followed by their scales, and the tile
        // of `token` as many blocks of sixteen tokens.
        unsafe {
            let scales = bodies.add(blocks * F::BODY);
            let mut sums = [S::splat(0.0); T];
            for block in 0..blocks {
                if T <= 2 {
                    // Nothing else hides the way to memory. Bodies and scales of a group are one stretch, and so are groups: a
                    // block asks for its share of it. The address may lie behind the weights, which a hint may.
                    let share = F::BODY + F::SCALES / per_source;
                    for line in block * share / LINE..(block + 1) * share / LINE {
                        S::prefetch(bodies.wrapping_add(AHEAD + line * LINE));
                    }
                }
                let q = F::quants::<S>(bodies.add(block * F::BODY));
                let halves = F::scales::<S>(scales.add(block / per_source * F::SCALES), block % per_source);
                let x = x.add(block * TILE * BLOCK * if TWICE { 2 } else { 1 });
                let factors = factors.add(block * TILE * FACTORS);
                for token in 0..T {
                    let x = x.add(token * BLOCK).cast::<i32>();
                    let factors = factors.add(token * FACTORS);
                    // Each half of some formats has an offset of its own, which is subtracted before anything is added.
                    let offset =
                        |half: usize| factors.add(2 + half).cast::<i32>().read().wrapping_mul(F::OFFSET.wrapping_neg());
                    // Two chains, so that one does not wait for the other.
                    let (mut low, mut high) = (S::splat_i(0), S::splat_i(0));
                    if F::HALVES && !TWICE {
                        (low, high) = (S::splat_i(offset(0)), S::splat_i(offset(1)));
                    }
                    for register in 0..4 {
                        low = S::dot(low, q[register], x.add(register).read_unaligned(), F::WIDE);
                        high = S::dot(high, q[register + 4], x.add(register + 4).read_unaligned(), F::WIDE);
                    }
                    if TWICE {
                        // 256·Σqx + Σqx′, still exact: at most 32·255·127·257.
                        let x = x.add(TILE * BLOCK / 4);
                        if F::HALVES {
                            low = S::add_i(S::times_256(low), S::splat_i(offset(0)));
                            high = S::add_i(S::times_256(high), S::splat_i(offset(1)));
                        } else {
                            (low, high) = (S::times_256(S::add_i(low, high)), S::splat_i(0));
                        }
                        for register in 0..4 {
                            low = S::dot(low, q[register], x.add(register).read_unaligned(), F::WIDE);
                            high = S::dot(high, q[register + 4], x.add(register + 4).read_unaligned(), F::WIDE);
                        }
                    }
                    let a = S::splat(factors.read());
                    let mut sum = sums[token];
                    if F::HALVES {
                        sum = S::fma(S::to_f(low), S::mul(halves[0].0, a), sum);
                        sum = S::fma(S::to_f(high), S::mul(halves[1].0, a), sum);
                    } else {
                        sum = S::fma(S::to_f(S::add_i(low, high)), S::mul(halves[0].0, a), sum);
                        sum = S::fma(halves[0].1, S::splat(factors.add(1).read()), sum);
                    }
                    sums[token] = sum;
                }
            }
            let count = weights.channels().as_slice().len();
            if count > 0 {
                let (weights, x) = (weights.apart(group), input.apart(token));
                if T == 1 {
                    // Those of the next group.
                    let bytes = count * GROUP * size_of::<u16>();
                    for line in (0..bytes).step_by(LINE) {
                        S::prefetch(weights.cast::<u8>().wrapping_add(bytes + line));
                    }
                }
                for channel in 0..count {
                    let w = S::load_f16(weights.add(channel * GROUP));
                    for token in 0..T {
                        sums[token] = S::fma(w, S::splat(x.add(channel * TILE + token).read()), sums[token]);
                    }
                }
            }
            for token in 0..T {
                S::store(sums[token], out[token].as_mut_ptr());
            }
        }
    }
}

/// The tiles of some tokens: first token and how many.
fn tiles(tokens: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..tokens).step_by(TILE).map(move |first| (first, TILE.min(tokens - first)))
}

impl Compute {
    fn rows(&self, input: &Activations, product: &Shared<'_>, group: usize) {
        let rows = product.weights.rows();
        let first = group * GROUP;
        let width = GROUP.min(rows - first);
        let mut sums = [[0f32; GROUP]; TILE];
        for (token, count) in tiles(input.tokens()) {
            self.isa().run(Tile { weights: product.weights, group, input, token, count, sums: &mut sums });
            let bias = product.bias.map(|bias| &bias[first..first + width]);
            for (index, sums) in sums[..count].iter().enumerate() {
                // SAFETY: each unit has rows of its own.
                let out = unsafe { product.out.part((token + index) * rows + first, width) };
                self.isa().run(Finish { sums, bias, out, add: product.add });
            }
        }
    }
}

/// From sums of a group to its outputs for one token.
struct Finish<'a> {
    sums: &'a [f32; GROUP],
    bias: Option<&'a [f32]>,
    out: &'a mut [f32],
    add: bool,
}

impl Kernel for Finish<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let Self { sums, bias, out, add } = self;
        if out.len() == GROUP {
            // SAFETY: the caller vouches for the instructions; sums, bias and outputs have sixteen lanes.
            unsafe {
                let mut sum = S::load(sums.as_ptr());
                if let Some(bias) = bias {
                    sum = S::add(sum, S::load(bias.as_ptr()));
                }
                if add {
                    sum = S::add(S::load(out.as_ptr()), sum);
                }
                S::store(sum, out.as_mut_ptr());
            }
            return;
        }
        for (row, out) in out.iter_mut().enumerate() {
            let sum = bias.map_or(sums[row], |bias| sums[row] + bias[row]);
            *out = if add { *out + sum } else { sum };
        }
    }
}

struct Gated<'a> {
    gates: &'a [Sums; 2],
    /// What the gate is multiplied with.
    ups: &'a [Sums; 2],
    kind: Gate,
    count: usize,
    token: usize,
    /// First of up to 32 columns of the next product.
    first: usize,
    width: usize,
    writer: Writer<'a>,
}

impl Kernel for Gated<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        for index in 0..self.count {
            let mut values = [0f32; 2 * GROUP];
            for half in 0..2 {
                // SAFETY: the caller vouches for the instructions; all of these have sixteen lanes.
                unsafe {
                    let gate = math::gate::<S>(self.kind, S::load(self.gates[half][index].as_ptr()));
                    let up = S::load(self.ups[half][index].as_ptr());
                    S::store(S::mul(gate, up), values[half * GROUP..].as_mut_ptr());
                }
            }
            // SAFETY: as above; each unit has columns of its own.
            unsafe { self.writer.put::<S>(self.token + index, self.first, &values[..self.width]) };
        }
    }
}
