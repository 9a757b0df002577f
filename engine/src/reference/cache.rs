//! Keys and values of the tokens that a model has read, per layer.
//!
//! Storage grows by doubling up to the window and is written in place; candle's models concatenate
//! instead, which copies the whole cache for every token. A forward pass writes behind `length` and only
//! [`KvCache::commit`] counts it, so that a failed or abandoned pass leaves the cache as it was.

use candle_core::{DType, Device, Result, Tensor};

#[derive(Debug)]
pub(crate) struct KvCache {
    layers: Vec<Option<(Tensor, Tensor)>>,
    length: usize,
    window: usize,
    heads: usize,
    head_dim: usize,
    device: Device,
}

impl KvCache {
    pub(super) fn new(layers: usize, window: usize, heads: usize, head_dim: usize, device: &Device) -> Self {
        Self { layers: vec![None; layers], length: 0, window, heads, head_dim, device: device.clone() }
    }

    /// Tokens whose keys and values are there.
    pub(crate) fn length(&self) -> usize {
        self.length
    }

    /// Forgets everything after the first `length` tokens. Exact: a token's keys and values depend on the
    /// tokens before it only.
    pub(crate) fn truncate(&mut self, length: usize) {
        self.length = self.length.min(length);
    }

    /// Writes keys and values of new tokens, `[heads, tokens, head_dim]`, behind the counted ones and
    /// returns all of the layer up to them.
    pub(super) fn extend(&mut self, layer: usize, keys: &Tensor, values: &Tensor) -> Result<(Tensor, Tensor)> {
        let end = self.length + keys.dim(1)?;
        if end > self.window {
            candle_core::bail!("{end} tokens do not fit into a window of {}", self.window);
        }
        let capacity = match &self.layers[layer] {
            Some((keys, _)) => keys.dim(1)?,
            None => 0,
        };
        if end > capacity {
            let wanted = end.max(capacity * 2).next_multiple_of(256).min(self.window);
            let grown = (self.zeros(wanted)?, self.zeros(wanted)?);
            if let Some((old_keys, old_values)) = self.layers[layer].take() {
                grown.0.slice_set(&old_keys, 1, 0)?;
                grown.1.slice_set(&old_values, 1, 0)?;
            }
            self.layers[layer] = Some(grown);
        }
        let Some((all_keys, all_values)) = &self.layers[layer] else {
            candle_core::bail!("layer {layer} has no storage");
        };
        all_keys.slice_set(&keys.contiguous()?, 1, self.length)?;
        all_values.slice_set(&values.contiguous()?, 1, self.length)?;
        Ok((all_keys.narrow(1, 0, end)?, all_values.narrow(1, 0, end)?))
    }

    /// Counts `tokens` that every layer has written.
    pub(super) fn commit(&mut self, tokens: usize) {
        self.length += tokens;
    }

    fn zeros(&self, tokens: usize) -> Result<Tensor> {
        Tensor::zeros((self.heads, tokens, self.head_dim), DType::F32, &self.device)
    }
}
