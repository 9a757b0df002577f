use candle_core::Device;
use candle_core::quantized::{GgmlDType, ggml_file::qtensor_from_ggml};
use half::f16;
use proptest::prelude::*;

use super::*;

const QUANTIZED: [(Kind, GgmlDType); 8] = [
    (Kind::Q4_0, GgmlDType::Q4_0),
    (Kind::Q4_1, GgmlDType::Q4_1),
    (Kind::Q5_0, GgmlDType::Q5_0),
    (Kind::Q5_1, GgmlDType::Q5_1),
    (Kind::Q8_0, GgmlDType::Q8_0),
    (Kind::Q4K, GgmlDType::Q4K),
    (Kind::Q5K, GgmlDType::Q5K),
    (Kind::Q6K, GgmlDType::Q6K),
];

/// xorshift64
pub(super) struct Random(pub(super) u64);

impl Random {
    fn bits(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// From −1 to 1.
    fn unit(&mut self) -> f32 {
        (self.bits() >> 40) as f32 / (1 << 23) as f32 - 1.0
    }

    pub(super) fn units(&mut self, count: usize) -> Vec<f32> {
        (0..count).map(|_| self.unit()).collect()
    }
}

/// One machine for each set of instructions and one and two threads.
pub(super) fn machines() -> Vec<Compute> {
    Isa::all().into_iter().flat_map(|isa| [1, 2].map(|threads| Compute::new(isa, threads))).collect()
}

/// Where the f16 numbers of a block are.
fn halves_of(kind: GgmlDType) -> &'static [usize] {
    match kind {
        GgmlDType::Q4_0 | GgmlDType::Q5_0 | GgmlDType::Q8_0 => &[0],
        GgmlDType::Q6K => &[208],
        _ => &[0, 2],
    }
}

/// Blocks of random bits: every q, scale and minimum that a file can hold. `scale` gives d, then m or dmin.
fn blocks(
    kind: GgmlDType,
    count: usize,
    random: &mut Random,
    mut scale: impl FnMut(&mut Random, usize) -> f32,
) -> Vec<u8> {
    let mut bytes: Vec<u8> = (0..count * kind.type_size()).map(|_| random.bits() as u8).collect();
    for block in bytes.chunks_exact_mut(kind.type_size()) {
        for (index, at) in halves_of(kind).iter().enumerate() {
            block[*at..at + 2].copy_from_slice(&f16::from_f32(scale(random, index)).to_le_bytes());
        }
    }
    bytes
}

fn dequantized(kind: GgmlDType, bytes: &[u8], rows: usize, columns: usize) -> Vec<f32> {
    let tensor = qtensor_from_ggml(kind, bytes, vec![rows, columns], &Device::Cpu).unwrap();
    tensor.dequantize(&Device::Cpu).unwrap().flatten_all().unwrap().to_vec1().unwrap()
}

fn activations(compute: &Compute, states: &[f32], columns: usize, forms: Forms) -> Activations {
    let mut out = Activations::default();
    out.reset(states.len() / columns, columns, forms);
    compute.normalize(states, None, &mut out);
    out
}

fn product(compute: &Compute, weights: &Packed, states: &[f32]) -> Vec<f32> {
    let input = activations(compute, states, weights.columns(), Forms::of([weights]));
    let mut out = vec![0.0; input.tokens() * weights.rows()];
    compute.linear(&input, &mut [Linear { weights, bias: None, out: &mut out, add: false }]);
    out
}

fn assert_near(ours: &[f32], expected: &[f64], what: &str) {
    assert_within(2e-6, ours, expected, what);
}

/// Within a share of the largest value.
fn assert_within(share: f64, ours: &[f32], expected: &[f64], what: &str) {
    assert_eq!(ours.len(), expected.len(), "{what}");
    let scale = expected.iter().fold(1e-6, |most: f64, value| most.max(value.abs()));
    for (index, (ours, expected)) in ours.iter().zip(expected).enumerate() {
        assert!((f64::from(*ours) - expected).abs() <= share * scale, "{what}: {ours} for {expected} at {index}");
    }
}

#[test]
fn packed_rows_hold_the_numbers_of_the_file() {
    let mut random = Random(1);
    for (kind, theirs) in QUANTIZED {
        let (rows, columns) = (21, 512);
        let bytes = blocks(theirs, rows * columns / theirs.block_size(), &mut random, |random, _| random.unit());
        let expected = dequantized(theirs, &bytes, rows, columns);
        for compute in machines() {
            let packed = Packed::pack_bytes(&compute, kind, rows, columns, &bytes).unwrap();
            for row in 0..rows {
                let mut ours = vec![0.0; columns];
                packed.row(compute.isa(), row, &mut ours);
                let expected: Vec<f64> =
                    expected[row * columns..][..columns].iter().map(|value| f64::from(*value)).collect();
                assert_near(&ours, &expected, &format!("{kind:?} {:?} row {row}", compute.isa()));
            }
        }
    }
}

/// With whole numbers for scales and states every product is a whole number below 2²⁴, which f32 holds exactly.
#[test]
fn integer_products_are_exact_for_every_count_of_tokens() {
    let mut random = Random(2);
    for (kind, theirs) in QUANTIZED {
        let (rows, columns) = (37, 256);
        let offset = if theirs == GgmlDType::Q5_1 || theirs == GgmlDType::Q4_1 { -7.0 } else { 2.0 };
        let mut bytes =
            blocks(theirs, rows * columns / theirs.block_size(), &mut random, |_, index| [1.0, offset][index]);
        if theirs == GgmlDType::Q6K {
            // Scales of eight bits would exceed 2²⁴ in the sum.
            bytes
                .chunks_exact_mut(210)
                .for_each(|block| block[192..208].iter_mut().for_each(|scale| *scale = *scale as i8 as u8 % 16));
        }
        let weights = dequantized(theirs, &bytes, rows, columns);
        // The largest magnitude of each block is 127, so that rounding changes nothing; extremes are frequent.
        let states: Vec<f32> = (0..40 * columns)
            .map(|index| match (index % 32, random.bits() % 4) {
                (0, _) | (_, 0) => 127.0,
                (_, 1) => -127.0,
                _ => (random.bits() % 255) as f32 - 127.0,
            })
            .collect();
        let machines = machines();
        // What nothing is lost of when it is rounded stays exact when it is rounded twice.
        for (compute, twice) in machines.iter().flat_map(|compute| [(compute, false), (compute, true)]) {
            let mut packed = Packed::pack_bytes(compute, kind, rows, columns, &bytes).unwrap();
            if twice {
                packed.take_twice_rounded();
            }
            for tokens in 1..=40 {
                let ours = product(compute, &packed, &states[..tokens * columns]);
                for (at, ours) in ours.iter().enumerate() {
                    let (token, row) = (at / rows, at % rows);
                    let pairs = weights[row * columns..][..columns].iter().zip(&states[token * columns..]);
                    let exact: i64 = pairs.map(|(weight, state)| *weight as i64 * *state as i64).sum();
                    let what = || format!("{kind:?} {:?} {twice}, row {row}, token {token} of {tokens}", compute.isa());
                    assert_eq!(*ours as i64, exact, "{}", what());
                }
            }
        }
    }
}

#[test]
fn products_are_those_of_the_rounded_states() {
    let mut random = Random(3);
    let (rows, columns, tokens) = (50, 512, 19);
    let states = random.units(tokens * columns);
    for (kind, theirs) in QUANTIZED {
        let bytes = blocks(theirs, rows * columns / theirs.block_size(), &mut random, |random, _| 0.1 * random.unit());
        let weights = dequantized(theirs, &bytes, rows, columns);
        let rounded: Vec<f64> = states
            .chunks(32)
            .flat_map(|block| {
                let d = block.iter().fold(0f32, |most, value| most.max(value.abs())) / 127.0;
                block.iter().map(move |value| f64::from(d) * f64::from((value * (1.0 / d)).round_ties_even()))
            })
            .collect();
        let expected = reference(&weights, &rounded, rows, columns);
        for compute in machines() {
            let packed = Packed::pack_bytes(&compute, kind, rows, columns, &bytes).unwrap();
            assert_near(&product(&compute, &packed, &states), &expected, &format!("{kind:?} {:?}", compute.isa()));
        }
    }
}

#[test]
fn states_that_are_rounded_twice_lose_almost_nothing() {
    let mut random = Random(13);
    let (rows, columns, tokens) = (40, 512, 19);
    let states: Vec<f32> = random.units(tokens * columns).iter().map(|value| value.powi(5)).collect();
    let exact: Vec<f64> = states.iter().map(|value| f64::from(*value)).collect();
    for (kind, theirs) in QUANTIZED {
        let bytes = blocks(theirs, rows * columns / theirs.block_size(), &mut random, |random, _| 0.1 * random.unit());
        let expected = reference(&dequantized(theirs, &bytes, rows, columns), &exact, rows, columns);
        for compute in machines() {
            let mut packed = Packed::pack_bytes(&compute, kind, rows, columns, &bytes).unwrap();
            packed.take_twice_rounded();
            let whole = product(&compute, &packed, &states);
            assert_within(5e-5, &whole, &expected, &format!("{kind:?} {:?}", compute.isa()));
            for part in [1, 2, 3, 5, 16, 18] {
                let parts: Vec<f32> =
                    states.chunks(part * columns).flat_map(|part| product(&compute, &packed, part)).collect();
                assert!(same_bits(&whole, &parts), "{kind:?} {:?}", compute.isa());
            }
        }
    }
}

#[test]
fn channels_that_are_kept_apart_are_not_rounded_and_leave_their_neighbors_precise() {
    let mut random = Random(12);
    let (rows, columns, tokens) = (40, 512, 19);
    let channels = Channels::of(&[3, 64, 70, 511]);
    let mut states = random.units(tokens * columns);
    for state in states.chunks_exact_mut(columns) {
        channels.as_slice().iter().for_each(|channel| state[*channel] *= 300.0);
    }
    let exact: Vec<f64> = states.iter().map(|value| f64::from(*value)).collect();
    for (kind, theirs) in QUANTIZED {
        let bytes = blocks(theirs, rows * columns / theirs.block_size(), &mut random, |random, _| 0.1 * random.unit());
        let weights = dequantized(theirs, &bytes, rows, columns);
        let expected = reference(&weights, &exact, rows, columns);
        let noise = |ours: &[f32]| {
            let errors = ours.iter().zip(&expected).map(|(ours, expected)| (f64::from(*ours) - expected).powi(2));
            (errors.sum::<f64>() / expected.iter().map(|value| value * value).sum::<f64>()).sqrt()
        };
        for compute in machines() {
            let mut packed = Packed::pack_bytes(&compute, kind, rows, columns, &bytes).unwrap();
            let before = noise(&product(&compute, &packed, &states));
            Packed::keep_apart(&compute, vec![&mut packed], &channels);
            let whole = product(&compute, &packed, &states);
            let after = noise(&whole);
            assert!(after < before / 4.0 && after < 1e-3, "{kind:?} {:?}: {before} {after}", compute.isa());
            let parts: Vec<f32> =
                states.chunks(3 * columns).flat_map(|part| product(&compute, &packed, part)).collect();
            assert!(same_bits(&whole, &parts), "{kind:?} {:?}", compute.isa());
        }
    }
}

#[test]
fn dense_products_are_those_of_the_states() {
    let mut random = Random(4);
    let (rows, columns, tokens) = (35, 49, 21);
    let weights = random.units(rows * columns);
    let states = random.units(tokens * columns);
    let states_f64: Vec<f64> = states.iter().map(|value| f64::from(*value)).collect();
    for compute in machines() {
        let f16s: Vec<f16> = weights.iter().map(|value| f16::from_f32(*value)).collect();
        let bf16s: Vec<half::bf16> = weights.iter().map(|value| half::bf16::from_f32(*value)).collect();
        let of = |kind, bytes: Vec<u8>| Packed::pack_bytes(&compute, kind, rows, columns, &bytes).unwrap();
        let all = [
            (of(Kind::F32, weights.iter().flat_map(|value| value.to_le_bytes()).collect()), weights.clone()),
            (
                of(Kind::F16, f16s.iter().flat_map(|value| value.to_le_bytes()).collect()),
                f16s.iter().map(|value| value.to_f32()).collect(),
            ),
            (
                of(Kind::Bf16, bf16s.iter().flat_map(|value| value.to_le_bytes()).collect()),
                bf16s.iter().map(|value| value.to_f32()).collect(),
            ),
        ];
        for (packed, weights) in all {
            let expected = reference(&weights, &states_f64, rows, columns);
            assert_near(&product(&compute, &packed, &states), &expected, &format!("{packed:?} {:?}", compute.isa()));
        }
    }
}

fn reference(weights: &[f32], states: &[f64], rows: usize, columns: usize) -> Vec<f64> {
    let mut out = Vec::new();
    for state in states.chunks_exact(columns) {
        for weights in weights.chunks_exact(columns).take(rows) {
            out.push(weights.iter().zip(state).map(|(weight, state)| f64::from(*weight) * state).sum());
        }
    }
    out
}

#[test]
fn a_token_gets_the_same_bits_in_every_batch_and_with_every_number_of_threads() {
    let mut random = Random(5);
    let (rows, columns, tokens) = (48, 256, 40);
    let states = random.units(tokens * columns);
    for (kind, theirs) in QUANTIZED {
        let bytes = blocks(theirs, rows * columns / theirs.block_size(), &mut random, |random, _| random.unit());
        for isa in Isa::all() {
            let [one, two] = [1, 2].map(|threads| Compute::new(isa, threads));
            let packed = Packed::pack_bytes(&one, kind, rows, columns, &bytes).unwrap();
            let whole = product(&two, &packed, &states);
            for size in [1, 2, 3, 5, 7, 16, 17, 33] {
                let parts: Vec<f32> =
                    states.chunks(size * columns).flat_map(|part| product(&one, &packed, part)).collect();
                assert!(same_bits(&whole, &parts), "{kind:?} {isa:?} in parts of {size}");
            }
        }
    }
}

fn same_bits(a: &[f32], b: &[f32]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits())
}

#[test]
fn gated_products_are_the_gate_of_one_times_the_other() {
    let mut random = Random(6);
    // Quantized gate, dense up, and what they feed in both forms.
    let (rows, columns, tokens) = (96, 64, 5);
    let bytes = blocks(GgmlDType::Q4_1, rows * columns / 32, &mut random, |random, _| 0.2 * random.unit());
    let ups = random.units(rows * columns);
    let states = random.units(tokens * columns);
    for compute in machines() {
        let gate = Packed::pack_bytes(&compute, Kind::Q4_1, rows, columns, &bytes).unwrap();
        let up_bytes: Vec<u8> = ups.iter().flat_map(|value| value.to_le_bytes()).collect();
        let up = Packed::pack_bytes(&compute, Kind::F32, rows, columns, &up_bytes).unwrap();
        let input = activations(&compute, &states, columns, Forms::of([&gate, &up]));
        let identity: Vec<u8> =
            (0..rows * rows).flat_map(|at| f32::from(u8::from(at % (rows + 1) == 0)).to_le_bytes()).collect();
        let identity = Packed::pack_bytes(&compute, Kind::F32, rows, rows, &identity).unwrap();
        for kind in [Gate::Silu, Gate::GeluTanh, Gate::GeluErf] {
            let mut wide = Activations::default();
            wide.reset(tokens, rows, Forms { rounded: true, dense: true, ..Forms::default() });
            compute.gated(&input, &gate, &up, kind, &mut wide);
            let mut ours = vec![0.0; tokens * rows];
            compute.linear(&wide, &mut [Linear { weights: &identity, bias: None, out: &mut ours, add: false }]);
            let (gates, ups) = (product(&compute, &gate, &states), product(&compute, &up, &states));
            let expected: Vec<f64> = gates
                .iter()
                .zip(&ups)
                .map(|(x, up)| {
                    let x = f64::from(*x);
                    let value = match kind {
                        Gate::Silu => x / (1.0 + (-x).exp()),
                        Gate::GeluErf => {
                            0.5 * x * (1.0 + candle_core::cpu::erf::erf_f64(x * std::f64::consts::FRAC_1_SQRT_2))
                        }
                        Gate::GeluTanh => 0.5 * x * (1.0 + (0.797_884_560_8 * (x + 0.044_715 * x.powi(3))).tanh()),
                    };
                    value * f64::from(*up)
                })
                .collect();
            assert_near(&ours, &expected, &format!("{kind:?} {:?}", compute.isa()));
        }
    }
}

#[test]
fn a_bias_is_added_and_so_is_what_was_there() {
    let compute = Compute::new(Isa::choose(None).unwrap(), 2);
    let weights: Vec<u8> = (0..3 * 2).flat_map(|value| (value as f32).to_le_bytes()).collect();
    let weights = Packed::pack_bytes(&compute, Kind::F32, 3, 2, &weights).unwrap();
    let input = activations(&compute, &[1.0, 10.0], 2, Forms::of([&weights]));
    let mut out = [100.0, 200.0, 300.0];
    compute
        .linear(&input, &mut [Linear { weights: &weights, bias: Some(&[0.5, 0.25, 0.125]), out: &mut out, add: true }]);
    assert!(same_bits(&out, &[110.5, 232.25, 354.125]));
}

struct Heads3 {
    shape: CacheShape,
    heads: usize,
    queries: Vec<f32>,
    keys: Vec<f32>,
    values: Vec<f32>,
}

impl Heads3 {
    fn new(tokens: usize, heads: usize, kv_heads: usize, head_dim: usize) -> Self {
        let mut random = Random(7);
        let shape = CacheShape { layers: 1, heads: kv_heads, head_dim, kind: CacheType::F16 };
        let [queries, keys, values] = [heads, kv_heads, kv_heads]
            .map(|heads| random.units(tokens * heads * head_dim).iter().map(|x| 3.0 * x).collect());
        Self { shape, heads, queries, keys, values }
    }

    /// Attention over all tokens, read in blocks of the given sizes (the last is repeated).
    fn run(&self, compute: &Compute, sizes: &[usize], window: Option<usize>) -> Vec<f32> {
        let (row, key_row) = (self.heads * self.shape.head_dim, self.shape.heads * self.shape.head_dim);
        let tokens = self.queries.len() / row;
        let mut cache = Cache::new(self.shape);
        let mut all = Vec::new();
        let mut sizes = sizes.iter().copied();
        let mut size = 1;
        while cache.length() < tokens {
            size = sizes.next().unwrap_or(size).min(tokens - cache.length());
            let start = cache.length();
            let mut queries = self.queries[start * row..][..size * row].to_vec();
            let mut keys = self.keys[start * key_row..][..size * key_row].to_vec();
            let values = &self.values[start * key_row..][..size * key_row];
            cache.reserve(size).unwrap();
            let heads = Heads { layer: 0, heads: self.heads, norms: None, angles: None };
            let mut projections = Projections { queries: &mut queries, keys: &mut keys, values };
            compute.enter(&heads, &mut projections, &mut [Entry { tokens: 0..size, cache: &mut cache }]);
            let mut out = vec![0.0; size * row];
            let attention = Attention { layer: 0, heads: self.heads, scale: 0.3, window, causal: true };
            let segment = Segment { cache: &cache, tokens: 0..size, position: start };
            compute.attention(&attention, &[segment], &queries, &mut out);
            cache.commit(size);
            all.extend(out);
        }
        all
    }

    /// The same with keys and values that a cache keeps as `kind`.
    fn kept(self, kind: CacheType) -> Self {
        Self { shape: CacheShape { kind, ..self.shape }, ..self }
    }

    /// Heads' numbers as the cache keeps them.
    fn stored(&self, heads: &[f32]) -> Vec<f64> {
        match self.shape.kind {
            CacheType::F16 => heads.iter().map(|value| f64::from(f16::from_f32(*value).to_f32())).collect(),
            CacheType::Q8_0 => {
                let blocks = heads.chunks(self.shape.head_dim).flat_map(|head| head.chunks(32));
                blocks
                    .flat_map(|block| {
                        let scale = block.iter().fold(0f32, |most, value| most.max(value.abs())) / 127.0;
                        block.iter().map(move |value| f64::from((value * (1.0 / scale)).round_ties_even() * scale))
                    })
                    .collect()
            }
        }
    }

    /// Softmax over keys and values as the cache keeps them, in f64.
    fn expected(&self, window: Option<usize>) -> Vec<f64> {
        let (dim, group) = (self.shape.head_dim, self.heads / self.shape.heads);
        let (keys, values) = (self.stored(&self.keys), self.stored(&self.values));
        let mut out = Vec::new();
        for (at, query) in self.queries.chunks_exact(dim).enumerate() {
            let (token, head) = (at / self.heads, at % self.heads / group);
            let first = window.map_or(0, |window| (token + 1).saturating_sub(window));
            let place = |key: usize| (key * self.shape.heads + head) * dim;
            let scores: Vec<f64> = (first..=token)
                .map(|key| {
                    let pairs = query.iter().zip(&keys[place(key)..]);
                    pairs.map(|(query, key)| f64::from(query * 0.3) * key).sum()
                })
                .collect();
            let largest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let shares: Vec<f64> = scores.iter().map(|score| (score - largest).exp()).collect();
            let sum: f64 = shares.iter().sum();
            for dimension in 0..dim {
                let mixed: f64 =
                    shares.iter().zip(first..).map(|(share, key)| share * values[place(key) + dimension]).sum();
                out.push(mixed / sum);
            }
        }
        out
    }
}

#[test]
fn attention_is_softmax_over_what_a_token_sees() {
    let shapes = [(9, 3, 64), (4, 2, 8), (2, 2, 40), (5, 1, 128)];
    for ((heads, kv_heads, dim), kind) in shapes.into_iter().flat_map(|shape| CacheType::ALL.map(|kind| (shape, kind)))
    {
        let heads = Heads3::new(300, heads, kv_heads, dim).kept(kind);
        for window in [None, Some(70)] {
            let expected = heads.expected(window);
            for compute in machines() {
                for sizes in [&[300][..], &[1], &[280, 7]] {
                    let what = format!("{:?} {window:?} {:?} {sizes:?}", heads.shape, compute.isa());
                    // Scores reach 100, of which f32 keeps the fifth decimal; their exponentials carry it on.
                    assert_within(2e-5, &heads.run(&compute, sizes, window), &expected, &what);
                }
            }
        }
    }
}

#[test]
fn attention_gives_the_same_bits_however_tokens_are_grouped() {
    // Three pages; blocks that end within tiles, at pages and across them.
    let heads = CacheType::ALL.map(|kind| Heads3::new(600, 6, 2, 64).kept(kind));
    for (isa, heads) in Isa::all().into_iter().flat_map(|isa| heads.iter().map(move |heads| (isa, heads))) {
        let [one, two] = [1, 2].map(|threads| Compute::new(isa, threads));
        for window in [None, Some(300)] {
            let whole = heads.run(&two, &[600], window);
            for sizes in [&[1][..], &[256, 256, 88], &[17], &[250, 12, 1, 3, 5], &[599, 1]] {
                assert!(same_bits(&whole, &heads.run(&one, sizes, window)), "{isa:?} {window:?} {sizes:?}");
            }
        }
    }
}

#[test]
fn several_sequences_in_one_call_get_what_they_get_alone() {
    let compute = Compute::new(Isa::choose(None).unwrap(), 2);
    let heads = Heads3::new(40, 4, 2, 16);
    let alone = heads.run(&compute, &[40], None);
    let row = 4 * 16;
    let mut cache = Cache::new(heads.shape);
    cache.reserve(40).unwrap();
    let (mut queries, mut keys) = (heads.queries.clone(), heads.keys.clone());
    let mut projections = Projections { queries: &mut queries, keys: &mut keys, values: &heads.values };
    let entering = Heads { layer: 0, heads: 4, norms: None, angles: None };
    compute.enter(&entering, &mut projections, &mut [Entry { tokens: 0..40, cache: &mut cache }]);
    let mut out = vec![0.0; 40 * row];
    let attention = Attention { layer: 0, heads: 4, scale: 0.3, window: None, causal: true };
    // The same cache at two depths stands for two sequences.
    let segments = [(0..25, 0), (25..40, 25)].map(|(tokens, position)| Segment { cache: &cache, tokens, position });
    compute.attention(&attention, &segments, &queries, &mut out);
    assert!(same_bits(&alone, &out));
}

#[test]
fn keys_and_values_that_are_no_numbers_spoil_no_sum() {
    let compute = Compute::new(Isa::choose(None).unwrap(), 1);
    for (kind, spoiled) in CacheType::ALL.into_iter().flat_map(|kind| [f32::INFINITY, f32::NAN].map(|x| (kind, x))) {
        let mut heads = Heads3::new(3, 1, 1, 16).kept(kind);
        heads.keys[..32].fill(spoiled);
        heads.values[..32].fill(-spoiled);
        assert!(heads.run(&compute, &[3], None).iter().all(|value| value.is_finite()), "{kind:?} {spoiled}");
    }
}

#[test]
fn norms_are_root_mean_square() {
    let mut random = Random(8);
    let columns = 100;
    let (states, weight) = (random.units(3 * columns), random.units(columns));
    for compute in machines() {
        let mut out = Activations::default();
        out.reset(3, columns, Forms { dense: true, ..Forms::default() });
        compute.normalize(&states, Some(Norm { weight: &weight, epsilon: 1e-3 }), &mut out);
        for (token, state) in states.chunks_exact(columns).enumerate() {
            let mean = state.iter().map(|value| f64::from(*value).powi(2)).sum::<f64>() / columns as f64;
            let expected: Vec<f64> = state
                .iter()
                .zip(&weight)
                .map(|(value, weight)| f64::from(*value) / (mean + 1e-3).sqrt() * f64::from(*weight))
                .collect();
            // SAFETY: columns of one token are TILE apart in the dense form.
            let ours: Vec<f32> =
                (0..columns).map(|column| unsafe { out.dense(token).add(column * activations::TILE).read() }).collect();
            assert_near(&ours, &expected, "norm");
        }
    }
}

#[test]
fn blocks_that_cannot_be_rounded_are_zero() {
    let mut random = Random(9);
    let bytes = blocks(GgmlDType::Q8_0, 16, &mut random, |random, _| random.unit());
    for compute in machines() {
        let packed = Packed::pack_bytes(&compute, Kind::Q8_0, 16, 32, &bytes).unwrap();
        for tiny in [0.0, f32::MIN_POSITIVE / 2.0] {
            assert!(product(&compute, &packed, &[tiny; 32]).iter().all(|value| *value == 0.0), "{tiny}");
        }
    }
}

proptest! {
    #[test]
    fn shapes_that_are_not_whole_blocks_are_errors(rows in 1usize..40, columns in 1usize..600, extra in 0usize..3) {
        let compute = Compute::new(Isa::choose(None).unwrap(), 1);
        for (kind, theirs) in QUANTIZED {
            let whole = columns % theirs.block_size() == 0;
            let size = rows * (columns / theirs.block_size()) * theirs.type_size();
            let packed = Packed::pack_bytes(&compute, kind, rows, columns, &vec![0; size.saturating_sub(extra)]);
            prop_assert_eq!(packed.is_ok(), whole && extra == 0, "{:?}", kind);
        }
    }
}
