//! A language model loaded from a GGUF file.
//!
//! Place in the flow: path → checked header → hyperparameters → memory check → weights, beside them tokenizer and template →
//! [`Decoder`], from which [`Context`]s are made. Nothing of a file is used before its header has passed.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::backend::{Backend, Model};
use crate::context::{Context, PREFILL_BLOCK};
use crate::error::{Error, shown};
use crate::executor;
use crate::gguf::{Header, Metadata};
use crate::hyperparameters::Hyperparameters;
use crate::kernels::CacheType;
use crate::memory;
use crate::processor::Processor;
use crate::reference::{self, DeviceKind, Precision};
use crate::template::ChatTemplate;
use crate::tokenizer::Tokenizer;

/// How to load a decoder.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Where it runs.
    pub device: DeviceKind,
    /// What computes.
    pub backend: Backend,
    /// Instructions and threads of the native back end; `None` takes the fastest and one for each processor.
    pub processor: Option<Processor>,
    /// Nearer to the file's numbers, slower. A sentence encoder then multiplies in bfloat16 instead of eight bits. A decoder on candle
    /// computes with exactly the file's numbers; otherwise weight types that candle multiplies slowly (`Q4_1`, `Q5_0`, `Q5_1`) are
    /// widened to `Q8_0` there: several times faster, rounded by at most 1/254 of each block's largest weight. A decoder on
    /// our kernels keeps the file's numbers anyway, but for a few columns that it holds in f16.
    pub exact: bool,
    /// What a decoder on our kernels keeps keys and values as; candle takes f32.
    pub cache: CacheType,
    /// Window in tokens; fails if it does not fit in memory. `None` takes the model's own, at most
    /// [`PREFERRED_WINDOW`], and less when memory is short.
    pub context: Option<usize>,
}

impl Options {
    /// The processor that was given, or one of its own.
    pub(crate) fn processor(&self) -> Result<Processor, Error> {
        self.processor.clone().map_or_else(|| Processor::new(None, None), Ok)
    }
}

/// The window used when none is asked for and the model allows it. Longer prompts cost more time than a
/// person waits for, and the cache is taken from memory that documents could use.
pub const PREFERRED_WINDOW: usize = 8192;

/// What a model is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelInfo {
    /// `general.name`, or the file's name.
    pub name: String,
    /// `general.architecture`.
    pub architecture: String,
    /// `general.license`, where the file states it.
    pub license: Option<String>,
    /// Tokens that the model was trained to look at.
    pub context_length: usize,
    /// Tokens that fit into a [`Context`] of this decoder.
    pub window: usize,
    /// Tokens that the model scores.
    pub vocab_size: usize,
    /// Transformer layers.
    pub layers: usize,
    /// The type that most of the weights have in the file, such as `Q4_1`.
    pub quantization: String,
    /// Size of the file.
    pub file_bytes: u64,
    /// Estimate of what decoder and one full context take.
    pub memory_bytes: u64,
    /// What the matrices of weights take in memory.
    pub weight_bytes: u64,
    /// What keys and values of a token take in memory.
    pub cache_bytes: u64,
    /// Weights that are read for every token that is written, in bytes.
    pub token_bytes: u64,
    /// Multiplications of a token in the layers: what reading a prompt costs, attention apart.
    pub token_products: u64,
    /// How long it took to load.
    pub load_time: Duration,
    /// What computes, such as `native avx512, 2 threads` or `candle cpu (widened to Q8_0)`.
    pub backend: String,
}

/// A loaded model. Its contexts share the weights and outlive it.
pub struct Decoder {
    info: ModelInfo,
    tokenizer: Tokenizer,
    template: ChatTemplate,
    model: Model,
}

impl std::fmt::Debug for Decoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Decoder").field("info", &self.info).finish_non_exhaustive()
    }
}

/// What a model would take, as the header of its file tells: nothing of it is loaded for that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts {
    /// Tokens that the model was trained to look at.
    pub context_length: usize,
    /// Bytes of memory whatever the window: weights as they will lie there, and what reading a block of tokens takes.
    pub fixed_bytes: u64,
    /// Bytes of memory for keys and values of each token of the window.
    pub token_bytes: u64,
}

impl Facts {
    /// Reads them from the GGUF file at `path`, for a decoder that would be opened with `options`.
    ///
    /// # Errors
    /// A damaged or unsupported file; see [`Error`].
    pub fn read(path: &Path, options: &Options) -> Result<Self, Error> {
        let header = Header::read(path)?;
        let shape = Hyperparameters::read(&header)?;
        let native = native(&header, options, &options.processor()?)?;
        let estimate = estimate(&header, &shape, options, native);
        let context_length = shape.context_length;
        Ok(Self { context_length, fixed_bytes: estimate.fixed, token_bytes: estimate.per_token })
    }

    /// The window that a decoder takes where none is asked for and memory is not short.
    pub fn preferred_window(&self) -> usize {
        self.context_length.min(PREFERRED_WINDOW)
    }

    /// Estimate of what a decoder and one full context of `window` tokens take, in bytes.
    pub fn memory(&self, window: usize) -> u64 {
        self.fixed_bytes.saturating_add(self.token_bytes.saturating_mul(window as u64))
    }
}

impl Decoder {
    /// Loads the model in the GGUF file at `path`.
    ///
    /// # Errors
    /// A damaged or unsupported file, too little memory, or a device that is not there; see [`Error`].
    pub fn open(path: &Path, options: &Options) -> Result<Self, Error> {
        let started = Instant::now();
        let header = Header::read(path)?;
        let shape = Hyperparameters::read(&header)?;
        let processor = options.processor()?;
        let native = native(&header, options, &processor)?;
        let precision = precision(options);
        let estimate = estimate(&header, &shape, options, native);
        let window = memory::choose_window(
            path,
            estimate,
            options.context.map(|tokens| tokens.clamp(1, shape.context_length)),
            shape.context_length.min(PREFERRED_WINDOW),
            match options.device {
                DeviceKind::Cpu => memory::available(),
                // The card's memory is not the machine's.
                DeviceKind::Cuda | DeviceKind::Metal => None,
            },
        )?;
        // Side by side: a vocabulary takes as long as the weights of a small model.
        let (text, model) = std::thread::scope(|scope| {
            let text = scope.spawn(|| {
                let tokenizer = Tokenizer::from_gguf(&header.metadata)?;
                let template = ChatTemplate::from_gguf(&header.metadata, &tokenizer)?;
                Ok((tokenizer, template))
            });
            let model = if native {
                executor::Model::load(&header, &shape, window, processor, options.cache)
                    .map(|model| Model::Native(Arc::new(model)))
            } else {
                reference::open_device(options.device)
                    .and_then(|device| reference::Model::load(&header, &shape, window, &device, precision))
                    .map(|model| Model::Candle(Arc::new(model)))
            };
            (text.join(), model)
        });
        let (tokenizer, template) = text.unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        let model = model?;
        let mut info = info(&header, &shape, options, &model, estimate.total(window))?;
        info.load_time = started.elapsed();
        tracing::info!(name = %info.name, backend = %info.backend, window, "decoder loaded");
        Ok(Self { info, tokenizer, template, model })
    }

    /// What this model is.
    pub fn info(&self) -> &ModelInfo {
        &self.info
    }

    /// Its tokenizer.
    pub fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }

    /// Its chat template.
    pub fn template(&self) -> &ChatTemplate {
        &self.template
    }

    /// A context that has read nothing.
    pub fn context(&self) -> Context {
        Context::new(self.model.clone(), self.tokenizer.clone())
    }
}

/// Whether the native back end runs this model.
fn native(header: &Header, options: &Options, processor: &Processor) -> Result<bool, Error> {
    let unsupported = match options.device {
        DeviceKind::Cpu => executor::Model::unsupported(header),
        DeviceKind::Cuda | DeviceKind::Metal => Some(format!("the device {}", options.device.name())),
    };
    match (options.backend, unsupported) {
        (Backend::Candle, _) => Ok(false),
        (Backend::Auto, _) if !processor.is_fast() => Ok(false),
        (Backend::Auto, unsupported) => {
            if let Some(what) = &unsupported {
                tracing::warn!("the native back end does not support {what}: using candle");
            }
            Ok(unsupported.is_none())
        }
        (Backend::Native, None) => Ok(true),
        (Backend::Native, Some(what)) => {
            Err(Error::Backend { path: header.path.clone(), doing: "choosing the native back end", reason: what })
        }
    }
}

/// What the decoder of this file will take.
fn estimate(header: &Header, shape: &Hyperparameters, options: &Options, native: bool) -> memory::Estimate {
    if native {
        executor::Model::estimate(header, shape, options.cache, PREFILL_BLOCK)
    } else {
        reference::Model::estimate(header, shape, precision(options), PREFILL_BLOCK)
    }
}

fn precision(options: &Options) -> Precision {
    // GPU back ends have kernels for all of these types.
    match options.device {
        DeviceKind::Cpu if !options.exact => Precision::Widened,
        DeviceKind::Cpu | DeviceKind::Cuda | DeviceKind::Metal => Precision::Exact,
    }
}

fn info(
    header: &Header,
    shape: &Hyperparameters,
    options: &Options,
    model: &Model,
    memory_bytes: u64,
) -> Result<ModelInfo, Error> {
    let metadata: &Metadata = &header.metadata;
    let file_name = || header.path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let name = metadata.string("general.name")?.map_or_else(file_name, shown);
    let mut bytes_of: HashMap<&str, u64> = HashMap::new();
    for tensor in header.tensors.values() {
        *bytes_of.entry(tensor.kind.name()).or_default() += tensor.size;
    }
    let most = bytes_of.iter().max_by_key(|(name, bytes)| (**bytes, **name));
    let quantization = most.map_or_else(String::new, |(name, _)| (*name).to_owned());
    let widened = precision(options) == Precision::Widened && reference::is_widened(&quantization);
    let backend = match model {
        Model::Native(model) => {
            format!("native {}", model.processor())
        }
        Model::Candle(_) => {
            format!("candle {}{}", options.device.name(), if widened { " (widened to Q8_0)" } else { "" })
        }
    };
    Ok(ModelInfo {
        name,
        architecture: shape.architecture.name().to_owned(),
        license: metadata.string("general.license")?.map(shown),
        context_length: shape.context_length,
        window: model.window(),
        vocab_size: shape.vocabulary,
        layers: shape.layers,
        quantization,
        file_bytes: header.file_size,
        memory_bytes,
        weight_bytes: model.weight_bytes(),
        cache_bytes: model.cache_bytes(),
        token_bytes: tensors(header).map(|(_, tensor)| tensor.size).sum(),
        token_products: tensors(header)
            .filter(|(name, _)| name.starts_with("blk."))
            .map(|(_, tensor)| tensor.dimensions.iter().product::<usize>() as u64)
            .sum(),
        load_time: Duration::ZERO,
        backend,
    })
}

/// The matrices that states are multiplied with: the embedding only where it is the head too.
fn tensors(header: &Header) -> impl Iterator<Item = (&str, &crate::gguf::Tensor)> {
    let tied = !header.tensors.contains_key("output.weight");
    let tensors = header.tensors.iter().map(|(name, tensor)| (name.as_str(), tensor));
    tensors.filter(move |(name, tensor)| tensor.dimensions.len() == 2 && (tied || *name != "token_embd.weight"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gguf::build;

    #[test]
    fn the_facts_of_a_file_foretell_what_its_decoder_says_of_memory() {
        let (_dir, path) = build::tiny("llama").write();
        for cache in [CacheType::F16, CacheType::Q8_0] {
            for backend in [Backend::Auto, Backend::Candle] {
                let options = Options { backend, cache, ..Options::default() };
                let facts = Facts::read(&path, &options).unwrap();
                let decoder = Decoder::open(&path, &options).unwrap();
                let info = decoder.info();
                assert_eq!(facts.memory(info.window), info.memory_bytes, "{cache:?} {backend:?}");
                assert_eq!((facts.context_length, facts.preferred_window()), (info.context_length, info.window));
            }
        }
    }
}
