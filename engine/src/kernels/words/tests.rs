use super::super::Isa;
use super::super::math::Gate;
use super::*;
use crate::kernels::isa::Kernel;
use crate::kernels::simd::Simd;
use crate::kernels::tests::{Random, machines};

const PRECISIONS: [Precision; 2] = [Precision::Int8, Precision::Bf16];

fn pack(
    compute: &Compute,
    precision: Precision,
    rows: usize,
    columns: usize,
    weights: &[f32],
) -> io::Result<WordMatrix> {
    let arena = Arena::new(WordMatrix::bytes_of(precision, rows, columns))?;
    WordMatrix::pack(compute, &arena, precision, rows, columns, weights)
}

/// Numbers as a product of this precision sees them: rounded as a row, or in blocks of states.
fn seen(precision: Precision, numbers: &[f32], block: usize) -> Vec<f64> {
    match precision {
        Precision::Bf16 => numbers.iter().map(|number| bf16::from_f32(*number).to_f64()).collect(),
        Precision::Int8 => {
            let rounded = numbers.chunks(block).flat_map(|block| {
                let scale = block.iter().fold(0f32, |largest, number| largest.max(number.abs())) / 127.0;
                let inverse = if scale > 0.0 { 1.0 / scale } else { 0.0 };
                block.iter().map(move |number| f64::from((number * inverse).round_ties_even()) * f64::from(scale))
            });
            rounded.collect()
        }
    }
}

fn products(weights: &[f64], states: &[f64], columns: usize) -> Vec<f64> {
    let row = |state: &[f64]| -> Vec<f64> {
        weights.chunks_exact(columns).map(|row| row.iter().zip(state).map(|(w, x)| w * x).sum()).collect()
    };
    states.chunks_exact(columns).flat_map(row).collect()
}

fn words(compute: &Compute, precision: Precision, states: &[f32], columns: usize) -> WordStates {
    let weights = pack(compute, precision, 1, columns, &vec![0.0; columns]).unwrap();
    words_for(compute, &weights, states)
}

fn words_for(compute: &Compute, weights: &WordMatrix, states: &[f32]) -> WordStates {
    let mut out = WordStates::default();
    out.reset_for(weights, states.len() / weights.columns);
    compute.to_words(&mut states.to_vec(), None, &mut out);
    out
}

fn product(compute: &Compute, matrix: &WordMatrix, states: &[f32], columns: usize) -> Vec<f32> {
    let input = words_for(compute, matrix, states);
    let mut out = vec![0.0; states.len() / columns * matrix.rows];
    let bias = vec![0.0; matrix.rows];
    compute.word_linear(&input, &mut [WordLinear { weights: matrix, bias: &bias, out: &mut out, add: false }]);
    out
}

#[track_caller]
fn assert_near(share: f64, ours: &[f32], expected: &[f64], what: &str) {
    let largest = expected.iter().fold(1e-3f64, |largest, value| largest.max(value.abs()));
    for (at, (ours, expected)) in ours.iter().zip(expected).enumerate() {
        assert!((f64::from(*ours) - expected).abs() <= share * largest, "{what}: {ours} for {expected} at {at}");
    }
    assert_eq!(ours.len(), expected.len());
}

#[test]
fn products_are_those_of_the_rounded_numbers_for_every_count_of_tokens_and_ragged_sizes() {
    let mut random = Random(1);
    for (rows, columns) in [(16, 128), (33, 100), (70, 384), (1, 257), (96, 32)] {
        let weights = random.units(rows * columns);
        let states = random.units(40 * columns);
        for compute in machines() {
            for precision in PRECISIONS {
                let matrix = pack(&compute, precision, rows, columns, &weights).unwrap();
                let w = weights.chunks(columns).flat_map(|row| seen(precision, row, columns)).collect::<Vec<_>>();
                let x = states.chunks(columns).flat_map(|state| seen(precision, state, BLOCK)).collect::<Vec<_>>();
                for tokens in 1..=40 {
                    let expected = products(&w, &x[..tokens * columns], columns);
                    let ours = product(&compute, &matrix, &states[..tokens * columns], columns);
                    let what = format!("{:?} {precision:?} {rows}x{columns}, {tokens} tokens", compute.isa());
                    // A state at the border of two integers may be rounded either way.
                    assert_near(if precision == Precision::Int8 { 2e-3 } else { 1e-5 }, &ours, &expected, &what);
                }
            }
        }
    }
}

/// Every number is an integer, the largest of each block 127: there is nothing to round but the last product.
#[test]
fn integer_products_are_exact_at_the_extremes() {
    let columns = 384;
    let extremes = [127.0, -127.0, 0.0, 126.0, -1.0, 127.0, -127.0];
    let weights: Vec<f32> = (0..40 * columns).map(|at| extremes[(at + at / columns) % 7]).collect();
    let states: Vec<f32> = (0..9 * columns).map(|at| extremes[(at * 3 + at / columns) % 7]).collect();
    let exact = |numbers: &[f32]| numbers.iter().map(|number| f64::from(*number)).collect::<Vec<_>>();
    let expected = products(&exact(&weights), &exact(&states), columns);
    for compute in machines() {
        let matrix = pack(&compute, Precision::Int8, 40, columns, &weights).unwrap();
        let ours = product(&compute, &matrix, &states, columns);
        let ours: Vec<f64> = ours.iter().map(|value| f64::from(*value)).collect();
        assert_eq!(ours, expected, "{:?}", compute.isa());
    }
}

#[test]
fn a_token_gets_the_same_bits_in_every_batch_and_with_every_number_of_threads() {
    let mut random = Random(2);
    let (rows, columns, tokens) = (70, 200, 21);
    let (weights, states) = (random.units(rows * columns), random.units(tokens * columns));
    for isa in Isa::all() {
        for precision in PRECISIONS {
            let mut all = [1, 2, 3].map(|threads| {
                let compute = Compute::new(isa, threads);
                let matrix = pack(&compute, precision, rows, columns, &weights).unwrap();
                let together = product(&compute, &matrix, &states, columns);
                for (at, state) in states.chunks_exact(columns).enumerate() {
                    assert_eq!(product(&compute, &matrix, state, columns), together[at * rows..][..rows], "{isa:?}");
                }
                together
            });
            all.rotate_left(1);
            assert!(all[0] == all[1] && all[1] == all[2]);
        }
    }
}

/// The numbers that `states` stands for.
fn read(states: &WordStates) -> Vec<f32> {
    let blocks = states.blocks();
    let number = |token: usize, column: usize| {
        let place = (token / TILE * blocks + column / BLOCK) * TILE + token % TILE;
        let at = column % BLOCK;
        let per_word = states.precision().per_word();
        let (words, factors) = states.tile(0);
        // SAFETY: tiles lie side by side; the column lies in one of the blocks of the token.
        let (word, [scale, _]) =
            unsafe { (words.add(place * states.precision().words() + at / per_word).read(), *factors.add(place)) };
        match states.precision() {
            Precision::Int8 => f32::from(word.to_le_bytes()[at % 4].cast_signed()) * scale,
            Precision::Bf16 => f32::from_bits(word >> (16 * (at % 2)) << 16),
        }
    };
    (0..states.tokens())
        .flat_map(|token| (0..states.columns()).map(move |column| (token, column)))
        .map(|(t, c)| number(t, c))
        .collect()
}

#[test]
fn products_without_a_gate_are_biased_and_activated() {
    let mut random = Random(11);
    let (rows, columns, tokens) = (200, 64, 19);
    let (weights, bias, states) = (random.units(rows * columns), random.units(rows), random.units(tokens * columns));
    for compute in machines() {
        for precision in PRECISIONS {
            let matrix = pack(&compute, precision, rows, columns, &weights).unwrap();
            let input = words(&compute, precision, &states, columns);
            let mut out = words(&compute, precision, &vec![0.0; tokens * rows], rows);
            compute.word_activated(&input, &matrix, &bias, Gate::GeluErf, &mut out);
            let w = weights.chunks(columns).flat_map(|row| seen(precision, row, columns)).collect::<Vec<_>>();
            let x = states.chunks(columns).flat_map(|state| seen(precision, state, BLOCK)).collect::<Vec<_>>();
            let sums = products(&w, &x, columns);
            let biased = sums.iter().zip(bias.iter().cycle()).map(|(sum, bias)| sum + f64::from(*bias));
            let expected: Vec<f64> = biased
                .map(|x| 0.5 * x * (1.0 + candle_core::cpu::erf::erf_f64(x * std::f64::consts::FRAC_1_SQRT_2)))
                .collect();
            let what = format!("{:?} {precision:?}", compute.isa());
            assert_near(if precision == Precision::Int8 { 6e-3 } else { 5e-3 }, &read(&out), &expected, &what);
        }
    }
}

#[test]
fn a_bias_is_added_and_so_is_what_was_there() {
    let compute = &machines()[0];
    for precision in PRECISIONS {
        let matrix = pack(compute, precision, 2, 2, &[1.0, 0.0, 0.0, 1.0]).unwrap();
        let input = words(compute, precision, &[1.0, 0.5], 2);
        let mut out = [100.0, 200.0];
        let linear = WordLinear { weights: &matrix, bias: &[10.0, 20.0], out: &mut out, add: true };
        compute.word_linear(&input, &mut [linear]);
        assert!((out[0] - 111.0).abs() < 1e-2 && (out[1] - 220.5).abs() < 1e-2, "{out:?}");
    }
}

#[test]
fn layer_norms_are_by_mean_and_variance() {
    let mut random = Random(10);
    for columns in [96, 100, 300] {
        let (states, weight, bias) = (random.units(5 * columns), random.units(columns), random.units(columns));
        for compute in machines() {
            let mut own = states.clone();
            let mut out = words(&compute, Precision::Bf16, &states, columns);
            compute.to_words(&mut own, Some(LayerNorm { weight: &weight, bias: &bias, epsilon: 1e-3 }), &mut out);
            for (token, state) in states.chunks_exact(columns).enumerate() {
                let state: Vec<f64> = state.iter().map(|value| f64::from(*value)).collect();
                let mean = state.iter().sum::<f64>() / columns as f64;
                let variance = state.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / columns as f64;
                let at = |at: usize| {
                    (state[at] - mean) / (variance + 1e-3).sqrt() * f64::from(weight[at]) + f64::from(bias[at])
                };
                let expected: Vec<f64> = (0..columns).map(at).collect();
                assert_near(1e-5, &own[token * columns..][..columns], &expected, "in place");
            }
            let rounded: Vec<f32> = own.iter().map(|value| bf16::from_f32(*value).to_f32()).collect();
            assert_eq!(read(&out), rounded);
        }
    }
}

#[test]
fn channels_that_are_kept_apart_are_not_rounded_and_leave_their_neighbors_precise() {
    let mut random = Random(4);
    let (rows, columns, tokens) = (40, 300, 11);
    let weights = random.units(rows * columns);
    let mut states = random.units(tokens * columns);
    for state in states.chunks_exact_mut(columns) {
        (state[5], state[290]) = (state[5] * 300.0, state[290] * 300.0);
    }
    let x: Vec<f64> = states.iter().map(|value| f64::from(*value)).collect();
    let w = weights.chunks(columns).flat_map(|row| seen(Precision::Int8, row, columns)).collect::<Vec<_>>();
    let expected = products(&w, &x, columns);
    let error = |ours: &[f32]| {
        let squares = ours.iter().zip(&expected).map(|(ours, expected)| (f64::from(*ours) - expected).powi(2));
        squares.sum::<f64>().sqrt()
    };
    for compute in machines() {
        let mut matrix = pack(&compute, Precision::Int8, rows, columns, &weights).unwrap();
        let before = error(&product(&compute, &matrix, &states, columns));
        matrix.keep_apart(&Channels::of(&[5, 290]));
        let after = error(&product(&compute, &matrix, &states, columns));
        assert!(after * 20.0 < before, "{:?}: {after} after {before}", compute.isa());
    }
}

/// Rounds to bfloat16 and multiplies by one.
struct Through<'a>(&'a [f32; 16], &'a mut [u16; 16], &'a mut [f32; 16]);

impl Kernel for Through<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        // SAFETY: the caller vouches for the instructions; all have sixteen lanes, and a register has sixteen pairs.
        unsafe {
            S::store_bf16(S::load(self.0.as_ptr()), self.1.as_mut_ptr());
            let pairs: Vec<u16> = self.1.iter().flat_map(|bits| [*bits, 0]).collect();
            let one = u32::from(bf16::ONE.to_bits());
            let sum = S::dot_bf16(S::splat(0.0), S::load_bytes(pairs.as_ptr().cast()), one);
            S::store(sum, self.2.as_mut_ptr());
        }
    }
}

#[test]
fn bfloat16_is_rounded_to_nearest_with_ties_to_even() {
    let mut random = Random(3);
    let mut numbers = random.units(64);
    // Between 1 and the next one, exactly and nearly; the largest; zero.
    let between = |bits: u32| f32::from_bits(1f32.to_bits() + bits);
    numbers.extend([between(0x8000), between(0x1_8000), -between(0x8000), between(0x8001), 3.3e38, -3.3e38, 0.0, -0.0]);
    numbers.extend([1e-30; 8]);
    for isa in Isa::all() {
        for numbers in numbers.as_chunks::<16>().0 {
            let (mut bits, mut back) = ([0; 16], [0.0; 16]);
            isa.run_bf16(Through(numbers, &mut bits, &mut back));
            let expected = numbers.map(bf16::from_f32);
            assert_eq!(bits, expected.map(bf16::to_bits), "{isa:?}");
            assert_eq!(
                back.map(f32::to_bits),
                expected.map(|number| number.to_f32() + 0.0).map(f32::to_bits),
                "{isa:?}"
            );
        }
    }
}

#[test]
fn blocks_that_cannot_be_rounded_are_zero_and_what_is_no_number_stops_nothing() {
    for compute in machines() {
        for precision in PRECISIONS {
            let matrix = pack(&compute, precision, 3, 128, &[1.0; 3 * 128]).unwrap();
            let none = pack(&compute, precision, 3, 128, &[0.0; 3 * 128]).unwrap();
            if precision == Precision::Int8 {
                assert_eq!(product(&compute, &matrix, &[1e-44; 128], 128), [0.0; 3]);
            }
            assert_eq!(product(&compute, &none, &[1.0; 128], 128), [0.0; 3]);
            for odd in [f32::NAN, f32::INFINITY, f32::MAX] {
                drop(product(&compute, &matrix, &[odd; 128], 128));
            }
        }
    }
}
