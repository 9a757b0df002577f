//! Text → unit vectors, with a BERT sentence encoder from a sentence-transformers folder.
//!
//! Place in the flow: chunks and questions → [`Embedder::embed`] → the vector index. Computed by our own kernels on the
//! processor ([`bert`]), or by candle in f32 (on a GPU, and where it is asked for).
//!
//! Invariants: vectors have unit length and do not depend on the order of the texts or on their neighbors (not by a bit on
//! our kernels, up to 1e-5 on candle); no part of a long text is dropped; special tokens in a text are plain text.

pub(crate) mod adapter;
pub(crate) mod batch;
pub(crate) mod bert;
pub(crate) mod config;
#[cfg(test)]
mod tests;
pub(crate) mod weights;
pub(crate) mod words;

use std::fs;
use std::path::{Path, PathBuf};

use bert::{Bert, Sequence};
use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;
use candle_transformers::models::bert::BertModel;
use config::{Config, Pooling};
use sha2::{Digest, Sha256};
use words::Words;

use crate::backend::Backend;
use crate::cancel::Cancel;
use crate::decoder::Options;
use crate::error::{Error, shown};
use crate::kernels::Precision;
use crate::reference::{DeviceKind, open_device};

/// What a text is for. Some models put different words in front of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EmbedKind {
    /// Something that is searched for.
    Query,
    /// Something that may be found.
    Passage,
}

/// A sentence encoder.
pub struct Embedder {
    folder: PathBuf,
    id: String,
    config: Config,
    words: Words,
    encoder: Encoder,
}

/// What computes.
enum Encoder {
    Native(Box<Bert>),
    Candle { bert: Box<BertModel>, device: Device },
}

impl std::fmt::Debug for Embedder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Embedder").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Embedder {
    /// Loads the model in `folder`: `config.json`, `tokenizer.json`, `model.safetensors`, and where they are
    /// `1_Pooling/config.json`, `sentence_bert_config.json`, `config_sentence_transformers.json`.
    ///
    /// Of `options` the device, the back end, the processor and [`Options::exact`] matter.
    ///
    /// # Errors
    /// [`Error::Io`] for a missing file, [`Error::Invalid`] for a damaged or contradicting one, or a device or instructions that
    /// are not there.
    pub fn open(folder: &Path, options: &Options) -> Result<Self, Error> {
        let config = Config::read(folder)?;
        let words = Words::read(&folder.join("tokenizer.json"), config.bert.vocab_size)?;
        for prefix in [&config.query_prefix, &config.passage_prefix] {
            let length = words.encode(prefix)?.len();
            // Two tokens frame a window, and one of the text must fit.
            if length + 3 > config.max_tokens {
                let reason = format!("{length} tokens leave no room for text in {}", config.max_tokens);
                return Err(Error::invalid(&folder.join("config_sentence_transformers.json"), "prompts", reason));
            }
        }
        let path = folder.join("model.safetensors");
        let bytes = weights::read(&path)?;
        let processor = options.processor()?;
        let native = options.device == DeviceKind::Cpu
            && match options.backend {
                Backend::Auto => processor.is_fast() && Bert::supports(&config.bert),
                Backend::Native => true,
                Backend::Candle => false,
            };
        let precision = if options.exact { Precision::Bf16 } else { Precision::Int8 };
        // Hashing the weights takes as long as packing them.
        let (id, bert) = std::thread::scope(|scope| {
            let id = scope.spawn(|| identity(folder, &bytes));
            let bert = native.then(|| Bert::load(&path, &bytes, None, &config.bert, precision, processor)).transpose();
            (id.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)), bert)
        });
        let id = id?;
        let encoder = if let Some(bert) = bert? {
            Encoder::Native(Box::new(bert))
        } else {
            let device = open_device(options.device)?;
            let bert = VarBuilder::from_buffered_safetensors(bytes, DType::F32, &device)
                .and_then(|weights| BertModel::load(weights, &config.bert))
                .map_err(|error| Error::invalid(&path, "tensors", shown(&error.to_string())))?;
            Encoder::Candle { bert: Box::new(bert), device }
        };
        tracing::info!(%id, native, "embedder loaded");
        Ok(Self { folder: folder.to_owned(), id, config, words, encoder })
    }

    /// Name and content of this model: vectors of equal ids can be compared, others cannot.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Numbers in a vector.
    pub fn dimension(&self) -> usize {
        self.config.bert.hidden_size
    }

    /// Tokens that the model sees at once, framing included. Longer texts are read in several windows.
    pub fn max_tokens(&self) -> usize {
        self.config.max_tokens
    }

    /// Tokens of `text` in the counting of [`Embedder::max_tokens`]: with the two that frame it, without
    /// what [`EmbedKind`] puts in front.
    pub fn count(&self, text: &str) -> usize {
        self.words.encode(text).map_or(usize::MAX, |tokens| tokens.len() + 2)
    }

    /// The vectors of `texts`, in their order. An empty text has a vector too (that of the framing tokens
    /// alone).
    ///
    /// # Errors
    /// [`Error::Cancelled`] when `cancel` is set (looked at between layers, by candle between batches),
    /// [`Error::Backend`] when the back end fails.
    pub fn embed(&self, kind: EmbedKind, texts: &[&str], cancel: &Cancel) -> Result<Vec<Vec<f32>>, Error> {
        let windows = self.windows(kind, texts)?;
        let lengths: Vec<usize> = windows.iter().map(|window| window.tokens.len()).collect();
        let mut sums = vec![Sum::new(self.dimension()); texts.len()];
        let batches = match &self.encoder {
            Encoder::Native(_) => batch::packed(&lengths),
            Encoder::Candle { .. } => batch::padded(&lengths),
        };
        for batch in batches {
            if cancel.is_cancelled() {
                return Err(Error::Cancelled);
            }
            let batch: Vec<&Window> = batch.into_iter().map(|at| &windows[at]).collect();
            let pooled = match &self.encoder {
                Encoder::Native(bert) => self.pool_native(bert, &batch, cancel)?,
                Encoder::Candle { bert, device } => {
                    self.pool_candle(bert, device, &batch).map_err(|error| self.failed(error.to_string()))?
                }
            };
            for (window, vector) in batch.iter().zip(pooled) {
                let weight = match self.config.pooling {
                    Pooling::Mean => window.tokens.len(),
                    Pooling::First => 1,
                };
                sums[window.text].add(&vector, weight);
            }
        }
        sums.iter().map(|sum| sum.unit().ok_or_else(|| self.failed("a vector has no direction".to_owned()))).collect()
    }

    fn windows(&self, kind: EmbedKind, texts: &[&str]) -> Result<Vec<Window>, Error> {
        let prefix = match kind {
            EmbedKind::Query => &self.config.query_prefix,
            EmbedKind::Passage => &self.config.passage_prefix,
        };
        let prefix = self.words.encode(prefix)?;
        let room = self.config.max_tokens.saturating_sub(2 + prefix.len()).max(1);
        let mut windows = Vec::new();
        for (text, content) in texts.iter().enumerate() {
            let tokens = self.words.encode(content)?;
            let parts: Vec<&[u32]> = if tokens.is_empty() { vec![&[]] } else { tokens.chunks(room).collect() };
            for part in parts {
                let with_prefix = [prefix.as_slice(), part].concat();
                windows.push(Window { text, tokens: self.words.framed(&with_prefix) });
            }
        }
        Ok(windows)
    }

    /// One vector for each window: the mean over its tokens, or its first token's.
    fn pool_native(&self, bert: &Bert, batch: &[&Window], cancel: &Cancel) -> Result<Vec<Vec<f32>>, Error> {
        let windows: Vec<Sequence<'_>> = batch.iter().map(|window| Sequence::single(&window.tokens)).collect();
        let mut pooled = Vec::with_capacity(windows.len());
        let whole = bert.encode(&windows, cancel, &mut |states| {
            let mut rest = states;
            for window in &windows {
                let (own, after) = rest.split_at(window.tokens.len() * self.dimension());
                rest = after;
                pooled.push(match self.config.pooling {
                    Pooling::Mean => mean(own, self.dimension()),
                    Pooling::First => own[..self.dimension()].to_vec(),
                });
            }
        });
        match whole {
            Ok(true) => Ok(pooled),
            Ok(false) => Err(Error::Cancelled),
            Err(error) => Err(self.failed(error.to_string())),
        }
    }

    /// As [`Embedder::pool_native`].
    fn pool_candle(&self, bert: &BertModel, device: &Device, batch: &[&Window]) -> candle_core::Result<Vec<Vec<f32>>> {
        let longest = batch.iter().map(|window| window.tokens.len()).max().unwrap_or(0);
        let shape = (batch.len(), longest);
        let mut ids = Vec::with_capacity(batch.len() * longest);
        let mut mask = Vec::with_capacity(batch.len() * longest);
        for window in batch {
            let padding = longest - window.tokens.len();
            ids.extend_from_slice(&window.tokens);
            ids.extend(std::iter::repeat_n(self.words.padding, padding));
            mask.extend(std::iter::repeat_n(1f32, window.tokens.len()));
            mask.extend(std::iter::repeat_n(0f32, padding));
        }
        let ids = Tensor::from_vec(ids, shape, device)?;
        let mask = Tensor::from_vec(mask, shape, device)?;
        let hidden = bert.forward(&ids, &ids.zeros_like()?, Some(&mask))?;
        match self.config.pooling {
            Pooling::Mean => {
                let lengths = mask.sum_keepdim(1)?;
                hidden.broadcast_mul(&mask.unsqueeze(2)?)?.sum(1)?.broadcast_div(&lengths)?
            }
            Pooling::First => hidden.narrow(1, 0, 1)?.squeeze(1)?,
        }
        .to_vec2()
    }

    fn failed(&self, reason: String) -> Error {
        Error::Backend { path: self.folder.clone(), doing: "embedding", reason }
    }
}

fn mean(states: &[f32], dimension: usize) -> Vec<f32> {
    let mut sum = vec![0f32; dimension];
    for state in states.chunks_exact(dimension) {
        sum.iter_mut().zip(state).for_each(|(sum, value)| *sum += value);
    }
    let tokens = (states.len() / dimension) as f32;
    sum.iter().map(|sum| sum / tokens).collect()
}

/// A text, or a part of one that is too long, as the model reads it.
struct Window {
    text: usize,
    tokens: Vec<u32>,
}

/// The windows of one text, added up.
#[derive(Clone)]
struct Sum {
    values: Vec<f64>,
}

impl Sum {
    fn new(dimension: usize) -> Self {
        Self { values: vec![0.0; dimension] }
    }

    fn add(&mut self, vector: &[f32], weight: usize) {
        for (sum, value) in self.values.iter_mut().zip(vector) {
            *sum += f64::from(*value) * weight as f64;
        }
    }

    /// The direction; `None` when there is none.
    fn unit(&self) -> Option<Vec<f32>> {
        let norm = self.values.iter().map(|value| value * value).sum::<f64>().sqrt();
        (norm.is_normal() && norm.is_finite()).then(|| self.values.iter().map(|value| (value / norm) as f32).collect())
    }
}

/// Name of the folder and a hash of everything that decides a vector.
fn identity(folder: &Path, weights: &[u8]) -> Result<String, Error> {
    let mut hash = Sha256::new();
    hash.update(weights);
    for name in [
        "config.json",
        "tokenizer.json",
        "1_Pooling/config.json",
        "sentence_bert_config.json",
        "config_sentence_transformers.json",
    ] {
        // Absent optional files differ from empty ones by their length below.
        let path = folder.join(name);
        let bytes = match fs::read(&path) {
            Ok(bytes) => Some(bytes),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => return Err(Error::io(&path, error)),
        };
        hash.update(bytes.as_ref().map_or(u64::MAX, |bytes| bytes.len() as u64).to_le_bytes());
        hash.update(bytes.unwrap_or_default());
    }
    let digest = hash.finalize();
    let prefix = digest.iter().take(6).fold(0u64, |number, byte| number << 8 | u64::from(*byte));
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    Ok(format!("{}-{prefix:012x}", shown(&name)))
}
