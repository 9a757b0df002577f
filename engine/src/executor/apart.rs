//! Which channels of a model's states stay in f32, and the key of the caches that follow from it.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use super::{Model, Turn, Workspace};
use crate::error::Error;
use crate::gguf::Header;
use crate::hyperparameters::Hyperparameters;
use crate::kernels::{CacheType, Channels, Packed};
use crate::processor::Processor;
use crate::saved::Key;

/// Channels of the states that are multiplied in f32. Divergence of the next token's distribution from f32 (mean over 400 tokens of
/// prose, `SmolLM2`-135M `Q4_1`): 0.0028 without, 0.0011 with 8, 0.0009 with 16, 0.0007 with 24, which take 7 % of the speed.
const APART: usize = 24;

impl Model {
    /// Finds the channels that spoil the rounding of others, by reading some tokens, and keeps them in f32.
    pub(super) fn keep_apart(&mut self) -> Result<Channels, Error> {
        /// A prompt's length has no influence from some tokens on; the first one's state is unlike all others'.
        const TOKENS: usize = 16;
        let shape = &self.shape;
        let step = (shape.vocabulary / TOKENS).max(1);
        let tokens: Vec<u32> =
            (0..TOKENS.min(shape.vocabulary).min(self.window)).map(|index| (index * step) as u32).collect();
        let (mut cache, mut work) = (self.cache(), Workspace::default());
        let mut samples = Vec::new();
        let sample = |states: &[f32], norm: &[f32]| {
            let mut own = states[shape.hidden..].to_vec();
            self.compute().normalize_each(&mut own, self.norm(norm));
            own
        };
        let mut turns = [Turn { cache: &mut cache, tokens: &tokens, wanted: 0 }];
        self.begin(&mut work, &mut turns)?;
        for (index, layer) in self.layers.iter().enumerate() {
            samples.push(sample(&work.states, &layer.attention_norm));
            self.attend(index, layer, &mut work, &mut turns);
            samples.push(sample(&work.states, &layer.feed_forward_norm));
            self.feed_forward(layer, &mut work);
        }
        let channels = Channels::choose(samples, shape.hidden, APART);
        tracing::debug!(channels = ?channels.as_slice(), "kept in f32");
        let compute = Arc::clone(self.processor.compute());
        let layers = self.layers.iter_mut().flat_map(|layer| {
            [&mut layer.query.matrix, &mut layer.key.matrix, &mut layer.value.matrix, &mut layer.gate, &mut layer.up]
        });
        Packed::keep_apart(&compute, layers.collect(), &channels);
        Ok(channels)
    }
}

/// Counts changes of kernels or of the pass that change what is computed by a bit. Raise it with each: contexts that were saved before
/// are then read again.
const ARITHMETIC: u32 = 1;

/// A hash of the header, of a sample of every tensor and of what decides a cache's bits. Two models that differ at all differ in nearly
/// all weights; to hash every byte would take longer than loading.
pub(super) fn key(
    header: &Header,
    shape: &Hyperparameters,
    processor: &Processor,
    cache: CacheType,
    apart: &Channels,
) -> std::io::Result<Key> {
    /// Bytes of each sample.
    const SAMPLE: u64 = 256;
    let mut file = File::open(&header.path)?;
    let mut hash = Sha256::new();
    let written = file.metadata()?.modified().ok();
    let (instructions, version) = (processor.instructions(), env!("CARGO_PKG_VERSION"));
    hash.update(format!(
        "{version} {ARITHMETIC} {shape:?} {apart:?} {cache:?} {instructions} {} {written:?}",
        header.file_size
    ));
    let mut start = Vec::new();
    (&file).take(header.data_offset).read_to_end(&mut start)?;
    hash.update(&start);
    let mut tensors: Vec<_> = header.tensors.values().collect();
    tensors.sort_by_key(|tensor| tensor.offset);
    let mut sample = Vec::new();
    for tensor in tensors {
        file.seek(SeekFrom::Start(tensor.offset + tensor.size.saturating_sub(SAMPLE) / 2))?;
        sample.clear();
        (&file).take(SAMPLE).read_to_end(&mut sample)?;
        hash.update(&sample);
    }
    Ok(hash.finalize().into())
}
