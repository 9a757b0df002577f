//! The decoder's forward pass on the processor, over packed weights.
//!
//! Place in the flow: `Context` → [`Model::forward`] → [`Model::scores`]. One pass reads new tokens of one sequence or of
//! several: each keeps its own cache, and all of them share one walk over the weights. Per layer: normalize → query, key, value
//! → heads into the cache → attention → output, added → normalize → gate and up → down, added.
//!
//! Nothing in a pass depends on how tokens are grouped into passes (see [`crate::kernels`]): a prompt read in blocks, token by
//! token or beside another sequence gives the same bits.

mod apart;
mod layer;
mod load;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::Arc;

use layer::{Layer, Weights};
use load::Source;

use crate::cancel::Cancel;
use crate::error::Error;
use crate::gguf::Header;
use crate::hyperparameters::{Hyperparameters, Reach};
use crate::kernels::{
    Activations, Angles, Attention, Cache, CacheShape, CacheType, Compute, Entry, Forms, Gate, Heads, Linear, Norm,
    PAGE, Packed, Pairing, Projections, Rotation, Segment,
};
use crate::memory::Estimate;
use crate::processor::Processor;
use crate::saved::Key;

/// Weights, packed for the processor. Shared by all contexts; never changes after loading.
#[derive(Debug)]
pub(crate) struct Model {
    path: PathBuf,
    shape: Hyperparameters,
    window: usize,
    processor: Processor,
    cache: CacheType,
    weight_bytes: u64,
    key: Key,
    embedding: Packed,
    layers: Vec<Layer>,
    norm: Vec<f32>,
    /// None when the head is the embedding.
    head: Option<Packed>,
    rotation: Rotation,
    /// For layers with a window.
    local_rotation: Option<Rotation>,
}

/// New tokens of one sequence.
pub(crate) struct Turn<'a> {
    /// What the sequence has read so far.
    pub(crate) cache: &'a mut Cache,
    /// What follows.
    pub(crate) tokens: &'a [u32],
    /// How many of the last tokens' states are wanted.
    pub(crate) wanted: usize,
}

/// Buffers of a pass, kept from one to the next.
#[derive(Debug, Default)]
pub(crate) struct Workspace {
    states: Vec<f32>,
    queries: Vec<f32>,
    keys: Vec<f32>,
    values: Vec<f32>,
    mixed: Vec<f32>,
    /// What is normalized before it is added to the states.
    branch: Vec<f32>,
    narrow: Activations,
    wide: Activations,
    /// How heads turn at the positions of the pass.
    angles: Vec<[f32; 2]>,
    /// As `angles`, for layers with a window.
    local_angles: Vec<[f32; 2]>,
}

impl Model {
    /// Loads the weights that `header` describes.
    pub(crate) fn load(
        header: &Header,
        shape: &Hyperparameters,
        window: usize,
        processor: Processor,
        cache: CacheType,
    ) -> Result<Self, Error> {
        let compute = Arc::clone(processor.compute());
        let source = Source::open(header, &compute)?;
        let mut embedding = source.matrix("token_embd.weight", shape.vocabulary, shape.hidden)?;
        let mut head = source
            .has("output.weight")
            .then(|| source.matrix("output.weight", shape.vocabulary, shape.hidden))
            .transpose()?;
        // What its rounding loses shows in every score. To round twice instead of keeping channels apart takes a third off the divergence
        // from f32 (0.00032 to 0.00023 over 2,048 tokens, `SmolLM2`-135M `Q4_1`) and nothing off the speed: of a prompt, one token's state
        // meets the head.
        head.as_mut().unwrap_or(&mut embedding).take_twice_rounded();
        let norm = source.vector("output_norm.weight", shape.hidden)?;
        let layers = (0..shape.layers).map(|index| Layer::load(&source, index, shape)).collect::<Result<_, _>>()?;
        let rotation = rotation(&source, shape)?;
        let local_rotation = shape.sliding_window.map(|_| local_rotation(shape));
        let mut model = Self {
            path: header.path.clone(),
            shape: shape.clone(),
            window,
            key: Key::default(),
            processor,
            cache,
            weight_bytes: 0,
            embedding,
            layers,
            norm,
            head,
            rotation,
            local_rotation,
        };
        source.fill(&mut model.matrices())?;
        let apart = model.keep_apart()?;
        model.weight_bytes = model.matrices().iter().map(|matrix| matrix.bytes()).sum();
        model.key = apart::key(header, shape, &model.processor, cache, &apart)
            .map_err(|error| Error::io(&header.path, error))?;
        Ok(model)
    }

    fn matrices(&mut self) -> Vec<&mut Packed> {
        let layers = self.layers.iter_mut().flat_map(Layer::matrices);
        layers.chain([&mut self.embedding]).chain(&mut self.head).collect()
    }

    /// Why this model cannot run here, if so: the first tensor of a type without a kernel.
    pub(crate) fn unsupported(header: &Header) -> Option<String> {
        let mut tensors: Vec<_> = header.tensors.iter().collect();
        tensors.sort_by_key(|(_, tensor)| tensor.offset);
        let (name, tensor) = tensors.into_iter().find(|(_, tensor)| load::kind_of(tensor).is_none())?;
        Some(format!("{} weights ({})", tensor.kind.name(), crate::error::shown(name)))
    }

    /// What [`Model::load`] and a full window would take.
    pub(crate) fn estimate(header: &Header, shape: &Hyperparameters, cache: CacheType, block: usize) -> Estimate {
        let weights: u64 = header.tensors.values().map(load::resident).sum();
        let heads = (shape.heads + 2 * shape.kv_heads) * shape.head_dim;
        let activations =
            4 * block * (2 * shape.hidden + heads + shape.heads * shape.head_dim) + 2 * block * shape.feed_forward;
        let page = cache_shape(shape, cache).page_bytes();
        Estimate {
            fixed: weights + (activations + page + 4 * shape.vocabulary) as u64,
            per_token: page.div_ceil(PAGE) as u64,
        }
    }

    pub(crate) fn window(&self) -> usize {
        self.window
    }

    pub(crate) fn vocabulary(&self) -> usize {
        self.shape.vocabulary
    }

    /// What the weights take in memory.
    pub(crate) fn weight_bytes(&self) -> u64 {
        self.weight_bytes
    }

    /// What keys and values of a token take in memory.
    pub(crate) fn cache_bytes(&self) -> u64 {
        (cache_shape(&self.shape, self.cache).page_bytes() / PAGE) as u64
    }

    /// What tells this model's caches from others'.
    pub(crate) fn key(&self) -> &Key {
        &self.key
    }

    /// What computes.
    pub(crate) fn processor(&self) -> &Processor {
        &self.processor
    }

    fn compute(&self) -> &Compute {
        self.processor.compute()
    }

    /// An empty cache for this model.
    pub(crate) fn cache(&self) -> Cache {
        Cache::new(cache_shape(&self.shape, self.cache))
    }

    /// Reads the tokens of all turns, which are below [`Model::vocabulary`] and fit into the window, and gives the
    /// states of the wanted ones, turn after turn. None when it was cancelled, between two layers: then the caches are as before.
    pub(crate) fn forward(
        &self,
        work: &mut Workspace,
        turns: &mut [Turn<'_>],
        cancel: &Cancel,
    ) -> Result<Option<Vec<f32>>, Error> {
        self.begin(work, turns)?;
        for (index, layer) in self.layers.iter().enumerate() {
            if cancel.is_cancelled() {
                return Ok(None);
            }
            self.attend(index, layer, work, turns);
            self.feed_forward(layer, work);
        }
        let hidden = self.shape.hidden;
        let mut wanted = Vec::new();
        let mut end = 0;
        for turn in turns {
            turn.cache.commit(turn.tokens.len());
            end += turn.tokens.len();
            wanted.extend_from_slice(&work.states[(end - turn.wanted.min(turn.tokens.len())) * hidden..end * hidden]);
        }
        Ok(Some(wanted))
    }

    /// Makes room, and turns tokens into their embeddings.
    fn begin(&self, work: &mut Workspace, turns: &mut [Turn<'_>]) -> Result<(), Error> {
        let shape = &self.shape;
        let tokens: usize = turns.iter().map(|turn| turn.tokens.len()).sum();
        let (query_width, key_width) = (shape.heads * shape.head_dim, shape.kv_heads * shape.head_dim);
        for turn in turns.iter_mut() {
            turn.cache.reserve(turn.tokens.len()).map_err(|error| Error::Backend {
                path: self.path.clone(),
                doing: "growing the cache",
                reason: error.to_string(),
            })?;
        }
        work.states.resize(tokens * shape.hidden, 0.0);
        if shape.architecture.has_post_norms() {
            work.branch.resize(tokens * shape.hidden, 0.0);
        }
        work.queries.resize(tokens * query_width, 0.0);
        work.mixed.resize(tokens * query_width, 0.0);
        work.keys.resize(tokens * key_width, 0.0);
        work.values.resize(tokens * key_width, 0.0);
        let positions = || turns.iter().flat_map(|turn| turn.cache.length()..turn.cache.length() + turn.tokens.len());
        self.rotation.angles(positions(), &mut work.angles);
        if let Some(rotation) = &self.local_rotation {
            rotation.angles(positions(), &mut work.local_angles);
        }
        let ids = turns.iter().flat_map(|turn| turn.tokens);
        for (id, state) in ids.zip(work.states.chunks_exact_mut(shape.hidden)) {
            self.embedding.row(self.compute().isa(), *id as usize, state);
            if shape.embedding_scale.to_bits() != 1f32.to_bits() {
                for value in state {
                    *value *= shape.embedding_scale;
                }
            }
        }
        Ok(())
    }

    /// The score of every token of the vocabulary for each of the states.
    pub(crate) fn scores(&self, work: &mut Workspace, states: &[f32]) -> Vec<f32> {
        let head = self.head.as_ref().unwrap_or(&self.embedding);
        let tokens = states.len() / self.shape.hidden;
        work.narrow.reset(tokens, self.shape.hidden, Forms::of([head]));
        self.compute().normalize(states, Some(self.norm(&self.norm)), &mut work.narrow);
        let mut scores = vec![0.0; tokens * self.shape.vocabulary];
        self.compute().linear(&work.narrow, &mut [Linear { weights: head, bias: None, out: &mut scores, add: false }]);
        if let Some(cap) = self.shape.softcap {
            for score in &mut scores {
                *score = cap * (*score / cap).tanh();
            }
        }
        scores
    }

    fn attend(&self, index: usize, layer: &Layer, work: &mut Workspace, turns: &mut [Turn<'_>]) {
        let (shape, compute) = (&self.shape, self.compute());
        let tokens = work.states.len() / shape.hidden;
        let Workspace { states, queries, keys, values, mixed, branch, narrow, angles, local_angles, .. } = work;
        narrow.reset(tokens, shape.hidden, Forms::of([&layer.query.matrix, &layer.key.matrix, &layer.value.matrix]));
        compute.normalize(states, Some(self.norm(&layer.attention_norm)), narrow);
        let mut products =
            [layer.query.times(queries, false), layer.key.times(keys, false), layer.value.times(values, false)];
        compute.linear(narrow, &mut products);
        let norms = layer.head_norms.as_ref().map(|(query, key)| (self.norm(query), self.norm(key)));
        let global = Angles { rotation: &self.rotation, table: angles };
        let local = self.local_rotation.as_ref().map(|rotation| Angles { rotation, table: local_angles });
        let (angles, window) = match shape.reach(index) {
            Reach::Global => (Some(global), None),
            Reach::Window(window) => (local, Some(window)),
            Reach::Unrotated => (None, None),
        };
        let heads = Heads { layer: index, heads: shape.heads, norms, angles };
        let mut first = 0;
        let mut entries: Vec<Entry<'_>> = turns
            .iter_mut()
            .map(|turn| {
                let tokens = first..first + turn.tokens.len();
                first = tokens.end;
                Entry { tokens, cache: turn.cache }
            })
            .collect();
        compute.enter(&heads, &mut Projections { queries, keys, values }, &mut entries);
        let mut first = 0;
        let segments: Vec<Segment<'_>> = turns
            .iter()
            .map(|turn| {
                let tokens = first..first + turn.tokens.len();
                first = tokens.end;
                Segment { cache: turn.cache, tokens, position: turn.cache.length() }
            })
            .collect();
        let attention =
            Attention { layer: index, heads: shape.heads, scale: shape.attention_scale, window, causal: true };
        compute.attention(&attention, &segments, queries, mixed);
        narrow.reset(tokens, shape.heads * shape.head_dim, Forms::of([&layer.attention_output.matrix]));
        compute.normalize(mixed, None, narrow);
        let norm = layer.post_norms.as_ref().map(|(norm, _)| self.norm(norm));
        self.add(narrow, &layer.attention_output, norm, branch, states);
    }

    fn feed_forward(&self, layer: &Layer, work: &mut Workspace) {
        let (shape, compute) = (&self.shape, self.compute());
        let tokens = work.states.len() / shape.hidden;
        let Workspace { states, branch, narrow, wide, .. } = work;
        narrow.reset(tokens, shape.hidden, Forms::of([&layer.gate, &layer.up]));
        compute.normalize(states, Some(self.norm(&layer.feed_forward_norm)), narrow);
        wide.reset(tokens, shape.feed_forward, Forms::of([&layer.down.matrix]));
        let gate = if shape.architecture.gates_with_gelu() { Gate::GeluTanh } else { Gate::Silu };
        compute.gated(narrow, &layer.gate, &layer.up, gate, wide);
        let norm = layer.post_norms.as_ref().map(|(_, norm)| self.norm(norm));
        self.add(wide, &layer.down, norm, branch, states);
    }

    /// Adds a product to the states, normalized first where the model does so.
    fn add(
        &self,
        input: &Activations,
        weights: &Weights,
        norm: Option<Norm<'_>>,
        branch: &mut [f32],
        states: &mut [f32],
    ) {
        match norm {
            None => self.compute().linear(input, &mut [weights.times(states, true)]),
            Some(norm) => {
                self.compute().linear(input, &mut [weights.times(branch, false)]);
                self.compute().normalize_each(branch, norm);
                states.iter_mut().zip(branch).for_each(|(state, more)| *state += *more);
            }
        }
    }

    fn norm<'a>(&self, weight: &'a [f32]) -> Norm<'a> {
        Norm { weight, epsilon: self.shape.rms_epsilon }
    }
}

fn cache_shape(shape: &Hyperparameters, kind: CacheType) -> CacheShape {
    CacheShape { layers: shape.layers, heads: shape.kv_heads, head_dim: shape.head_dim, kind }
}

/// Llama 3.1 and later stretch low frequencies; converters store the divisors.
fn rotation(source: &Source<'_>, shape: &Hyperparameters) -> Result<Rotation, Error> {
    let half = shape.head_dim / 2;
    let factors =
        if source.has("rope_freqs.weight") { source.vector("rope_freqs.weight", half)? } else { vec![1.0; half] };
    let frequencies =
        factors.iter().enumerate().map(|(pair, factor)| shape.frequency(pair) / f64::from(*factor)).collect();
    Ok(Rotation::new(pairing(shape), frequencies))
}

fn local_rotation(shape: &Hyperparameters) -> Rotation {
    Rotation::new(pairing(shape), (0..shape.head_dim / 2).map(|pair| shape.local_frequency(pair)).collect())
}

fn pairing(shape: &Hyperparameters) -> Pairing {
    if shape.architecture.turns_neighbors() { Pairing::Adjacent } else { Pairing::Halves }
}
