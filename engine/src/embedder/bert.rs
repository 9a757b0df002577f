//! BERT on the processor, over packed weights and without padding.
//!
//! Place in the flow: windows of tokens → [`Bert::encode`] → a state for every token. The windows of a batch lie one behind the
//! other and share one walk over the weights; attention keeps them apart. As in the decoder nothing depends on what is computed
//! beside it: a text has the same vector, bit for bit, whatever its neighbors.
//!
//! Architecture: Devlin et al. 2019, <https://arxiv.org/abs/1810.04805>. Tensor names are those of Hugging Face's `BertModel`.
//! States and matrices are rounded where they are multiplied (see [`Precision`]), the rest is computed in f32.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use candle_transformers::models::bert::{Config, HiddenAct};
use half::f16;
use safetensors::SafeTensors;

use super::adapter::Adapter;
use super::weights;
use crate::cancel::Cancel;
use crate::error::{Error, shown};
use crate::kernels::{
    Arena, Attention, Cache, CacheShape, CacheType, Channels, Compute, Entry, Gate, Heads, Kind, LayerNorm, Packed,
    Precision, Projections, Segment, WordLinear, WordMatrix, WordStates,
};
use crate::processor::Processor;

/// Channels of the states that are multiplied in f32.
const APART: usize = 8;
/// Tokens that are read to find them.
const SAMPLE: usize = 32;

/// What is read as one: a text alone, or two, the tokens of the second behind the first `first`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sequence<'a> {
    pub(crate) tokens: &'a [u32],
    /// How many tokens are of the first kind.
    pub(crate) first: usize,
}

impl<'a> Sequence<'a> {
    /// All of one kind, as sentence encoders read.
    pub(crate) fn single(tokens: &'a [u32]) -> Self {
        Self { tokens, first: tokens.len() }
    }
}

/// The encoder's weights, and buffers for one batch at a time.
pub(crate) struct Bert {
    processor: Processor,
    hidden: usize,
    heads: usize,
    epsilon: f32,
    gate: Gate,
    words: Packed,
    /// `[position][hidden]`, with the embedding of the first kind of token added.
    positions: Vec<f32>,
    /// What a token of the second kind has beyond that; nothing where the model knows one kind only.
    second: Vec<f32>,
    embedding_norm: Affine,
    layers: Vec<Layer>,
    work: Mutex<Workspace>,
}

struct Layer {
    query: Dense,
    key: Dense,
    value: Dense,
    output: Dense,
    attention_norm: Affine,
    up: Dense,
    down: Dense,
    output_norm: Affine,
}

struct Dense {
    matrix: WordMatrix,
    bias: Vec<f32>,
}

impl Dense {
    fn times<'a>(&'a self, out: &'a mut [f32], add: bool) -> WordLinear<'a> {
        WordLinear { weights: &self.matrix, bias: &self.bias, out, add }
    }
}

/// Weight and bias of a normalization.
struct Affine {
    weight: Vec<f32>,
    bias: Vec<f32>,
}

#[derive(Default)]
struct Workspace {
    states: Vec<f32>,
    queries: Vec<f32>,
    keys: Vec<f32>,
    values: Vec<f32>,
    mixed: Vec<f32>,
    narrow: WordStates,
    wide: WordStates,
    /// One for each window of a batch, used anew in every layer.
    caches: Vec<Cache>,
}

impl Bert {
    /// Whether this kind of BERT can run here.
    pub(crate) fn supports(config: &Config) -> bool {
        gate(config.hidden_act).is_some()
    }

    /// Packs the weights of a checked safetensors file, with what `adapter` adds to them.
    pub(crate) fn load(
        path: &Path,
        bytes: &[u8],
        adapter: Option<&Adapter<'_>>,
        config: &Config,
        precision: Precision,
        processor: Processor,
    ) -> Result<Self, Error> {
        let file = SafeTensors::deserialize(bytes)
            .map_err(|error| Error::invalid(path, "header", shown(&error.to_string())))?;
        let model = config.model_type.as_deref().unwrap_or("bert");
        let prefixes = [String::new(), "bert.".to_owned(), format!("{model}.")];
        let has = |prefix: &String| file.tensor(&format!("{prefix}{WORDS}")).is_ok();
        let prefix = prefixes.into_iter().find(has).unwrap_or_default();
        let bytes = |rows, columns| WordMatrix::bytes_of(precision, rows, columns);
        let (hidden, wide) = (config.hidden_size, config.intermediate_size);
        let layer = 4 * bytes(hidden, hidden) + bytes(wide, hidden) + bytes(hidden, wide);
        let arena = Arena::new(config.num_hidden_layers * layer).map_err(|error| Error::io(path, error))?;
        let source = Source { path, file, prefix, adapter, precision, arena, compute: processor.compute() };

        let (hidden, count) = (config.hidden_size, config.max_position_embeddings);
        let words = source.words(config.vocab_size, hidden)?;
        let kinds = source.numbers("embeddings.token_type_embeddings.weight", &[config.type_vocab_size, hidden])?;
        let mut positions = source.numbers("embeddings.position_embeddings.weight", &[count, hidden])?;
        for position in positions.chunks_exact_mut(hidden) {
            position.iter_mut().zip(&kinds[..hidden]).for_each(|(value, kind)| *value += kind);
        }
        let (first, others) = kinds.split_at(hidden);
        let second = others.iter().zip(first).map(|(second, first)| second - first).collect();
        let embedding_norm = source.affine("embeddings.LayerNorm", hidden)?;
        let layers =
            (0..config.num_hidden_layers).map(|index| Layer::load(&source, index, config)).collect::<Result<_, _>>()?;
        let mut bert = Self {
            hidden,
            heads: config.num_attention_heads,
            epsilon: config.layer_norm_eps as f32,
            gate: gate(config.hidden_act).unwrap_or(Gate::GeluErf),
            words,
            positions,
            second,
            embedding_norm,
            layers,
            work: Mutex::default(),
            processor,
        };
        bert.keep_apart(config.vocab_size.min(usize::try_from(u32::MAX).unwrap_or(usize::MAX)))
            .map_err(|error| Error::io(path, error))?;
        Ok(bert)
    }

    /// Finds the channels that spoil the rounding of others, by reading some tokens, and keeps them in f32.
    fn keep_apart(&mut self, vocabulary: usize) -> std::io::Result<()> {
        let count = SAMPLE.min(self.positions.len() / self.hidden);
        let window: Vec<u32> = (0..count).map(|index| (index * (vocabulary / count)) as u32).collect();
        let mut samples = Vec::new();
        self.run(&[Sequence::single(&window)], &Cancel::new(), &mut |states| samples.push(states.to_vec()))?;
        let channels = Channels::choose(samples, self.hidden, APART);
        tracing::debug!(channels = ?channels.as_slice(), "kept in f32");
        for layer in &mut self.layers {
            for dense in [&mut layer.query, &mut layer.key, &mut layer.value, &mut layer.up] {
                dense.matrix.keep_apart(&channels);
            }
        }
        Ok(())
    }

    /// Hands the states of all tokens, window after window, to `then`; false when it was cancelled, between two layers.
    ///
    /// # Errors
    /// What the system says when there is no memory.
    pub(crate) fn encode(
        &self,
        windows: &[Sequence<'_>],
        cancel: &Cancel,
        then: &mut dyn FnMut(&[f32]),
    ) -> std::io::Result<bool> {
        let mut last = self.layers.len() * 2 + 1;
        self.run(windows, cancel, &mut |states| {
            last -= 1;
            if last == 0 {
                then(states);
            }
        })
    }

    /// As [`Bert::encode`], with the states after the embedding and after each half of each layer.
    fn run(&self, windows: &[Sequence<'_>], cancel: &Cancel, each: &mut dyn FnMut(&[f32])) -> std::io::Result<bool> {
        let mut work = self.work.lock().unwrap_or_else(PoisonError::into_inner);
        let work = &mut *work;
        let tokens: usize = windows.iter().map(|window| window.tokens.len()).sum();
        for buffer in [&mut work.states, &mut work.queries, &mut work.keys, &mut work.values, &mut work.mixed] {
            buffer.resize(tokens * self.hidden, 0.0);
        }
        let shape =
            CacheShape { layers: 1, heads: self.heads, head_dim: self.hidden / self.heads, kind: CacheType::F16 };
        work.caches.resize_with(work.caches.len().max(windows.len()), || Cache::new(shape));
        for (cache, window) in work.caches.iter_mut().zip(windows) {
            cache.restart();
            cache.reserve(window.tokens.len())?;
        }
        self.embed(windows, work);
        each(&work.states);
        for layer in &self.layers {
            if cancel.is_cancelled() {
                return Ok(false);
            }
            self.attend(layer, windows, work);
            each(&work.states);
            self.feed_forward(layer, work);
            each(&work.states);
        }
        Ok(true)
    }

    fn compute(&self) -> &Compute {
        self.processor.compute()
    }

    fn embed(&self, windows: &[Sequence<'_>], work: &mut Workspace) {
        let ids = windows.iter().flat_map(|window| {
            window.tokens.iter().enumerate().map(|(position, id)| (position, id, position >= window.first))
        });
        for ((position, id, is_second), state) in ids.zip(work.states.chunks_exact_mut(self.hidden)) {
            self.words.row(self.compute().isa(), *id as usize, state);
            let position = &self.positions[position * self.hidden..][..self.hidden];
            state.iter_mut().zip(position).for_each(|(value, position)| *value += position);
            if is_second {
                state.iter_mut().zip(&self.second).for_each(|(value, second)| *value += second);
            }
        }
        self.normalize(&self.embedding_norm, work);
    }

    fn attend(&self, layer: &Layer, windows: &[Sequence<'_>], work: &mut Workspace) {
        let compute = self.compute();
        let Workspace { states, queries, keys, values, mixed, narrow, caches, .. } = work;
        let mut products =
            [layer.query.times(queries, false), layer.key.times(keys, false), layer.value.times(values, false)];
        compute.word_linear(narrow, &mut products);
        let heads = Heads { layer: 0, heads: self.heads, norms: None, angles: None };
        let mut entries: Vec<Entry<'_>> =
            ranges(windows).zip(caches.iter_mut()).map(|(tokens, cache)| Entry { tokens, cache }).collect();
        compute.enter(&heads, &mut Projections { queries, keys, values }, &mut entries);
        let segments: Vec<Segment<'_>> =
            ranges(windows).zip(caches.iter()).map(|(tokens, cache)| Segment { cache, tokens, position: 0 }).collect();
        let attention = Attention {
            layer: 0,
            heads: self.heads,
            scale: 1.0 / ((self.hidden / self.heads) as f32).sqrt(),
            window: None,
            causal: false,
        };
        compute.attention(&attention, &segments, queries, mixed);
        narrow.reset_for(&layer.output.matrix, states.len() / self.hidden);
        compute.to_words(mixed, None, narrow);
        compute.word_linear(narrow, &mut [layer.output.times(states, true)]);
        self.normalize(&layer.attention_norm, work);
    }

    fn feed_forward(&self, layer: &Layer, work: &mut Workspace) {
        let compute = self.compute();
        let Workspace { states, narrow, wide, .. } = work;
        wide.reset_for(&layer.down.matrix, states.len() / self.hidden);
        compute.word_activated(narrow, &layer.up.matrix, &layer.up.bias, self.gate, wide);
        compute.word_linear(wide, &mut [layer.down.times(states, true)]);
        self.normalize(&layer.output_norm, work);
    }

    /// Normalizes the states, in f32 and as the next product reads them.
    fn normalize(&self, norm: &Affine, work: &mut Workspace) {
        let Workspace { states, narrow, .. } = work;
        narrow.reset_for(&self.layers[0].query.matrix, states.len() / self.hidden);
        let norm = LayerNorm { weight: &norm.weight, bias: &norm.bias, epsilon: self.epsilon };
        self.compute().to_words(states, Some(norm), narrow);
    }
}

const WORDS: &str = "embeddings.word_embeddings.weight";

fn gate(act: HiddenAct) -> Option<Gate> {
    match act {
        HiddenAct::Gelu => Some(Gate::GeluErf),
        HiddenAct::GeluApproximate => Some(Gate::GeluTanh),
        HiddenAct::Relu => None,
    }
}

/// The tokens of each window, as indices into the batch.
fn ranges<'a>(windows: &'a [Sequence<'_>]) -> impl Iterator<Item = std::ops::Range<usize>> + 'a {
    windows.iter().scan(0, |end, window| {
        let start = *end;
        *end += window.tokens.len();
        Some(start..*end)
    })
}

impl Layer {
    fn load(source: &Source<'_>, index: usize, config: &Config) -> Result<Self, Error> {
        let name = |part: &str| format!("encoder.layer.{index}.{part}");
        let (hidden, wide) = (config.hidden_size, config.intermediate_size);
        Ok(Self {
            query: source.dense(&name("attention.self.query"), hidden, hidden)?,
            key: source.dense(&name("attention.self.key"), hidden, hidden)?,
            value: source.dense(&name("attention.self.value"), hidden, hidden)?,
            output: source.dense(&name("attention.output.dense"), hidden, hidden)?,
            attention_norm: source.affine(&name("attention.output.LayerNorm"), hidden)?,
            up: source.dense(&name("intermediate.dense"), wide, hidden)?,
            down: source.dense(&name("output.dense"), hidden, wide)?,
            output_norm: source.affine(&name("output.LayerNorm"), hidden)?,
        })
    }
}

/// A safetensors file that passed the check.
struct Source<'a> {
    path: &'a Path,
    file: SafeTensors<'a>,
    prefix: String,
    adapter: Option<&'a Adapter<'a>>,
    precision: Precision,
    /// One for all matrices, so that they lie in large pages.
    arena: Arc<Arena>,
    compute: &'a Compute,
}

impl Source<'_> {
    /// A tensor's numbers, row by row.
    fn numbers(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>, Error> {
        if let Some(numbers) = self.adapter.map(|adapter| adapter.replacement(name, shape)).transpose()?.flatten() {
            return Ok(numbers);
        }
        weights::numbers(self.path, &self.file, &format!("{}{name}", self.prefix), shape)
    }

    /// The embeddings of words, of which single rows are read.
    fn words(&self, rows: usize, columns: usize) -> Result<Packed, Error> {
        let numbers = self.numbers(WORDS, &[rows, columns])?;
        let bytes: Vec<u8> = numbers.iter().flat_map(|value| f16::from_f32(*value).to_le_bytes()).collect();
        Packed::pack_bytes(self.compute, Kind::F16, rows, columns, &bytes).map_err(|error| Error::io(self.path, error))
    }

    /// A matrix that states are multiplied with, and its bias.
    fn dense(&self, name: &str, rows: usize, columns: usize) -> Result<Dense, Error> {
        let mut numbers = self.numbers(&format!("{name}.weight"), &[rows, columns])?;
        if let Some(adapter) = self.adapter {
            adapter.add(name, &mut numbers, rows, columns)?;
        }
        let matrix = WordMatrix::pack(self.compute, &self.arena, self.precision, rows, columns, &numbers)
            .map_err(|error| Error::io(self.path, error))?;
        Ok(Dense { matrix, bias: self.numbers(&format!("{name}.bias"), &[rows])? })
    }

    /// `LayerNorm` of older files calls its weight gamma and its bias beta.
    fn affine(&self, name: &str, length: usize) -> Result<Affine, Error> {
        let either = |new: &str, old: &str| {
            self.numbers(&format!("{name}.{new}"), &[length])
                .or_else(|error| self.numbers(&format!("{name}.{old}"), &[length]).map_err(|_| error))
        };
        Ok(Affine { weight: either("weight", "gamma")?, bias: either("bias", "beta")? })
    }
}
