//! Language models on the user's machine: a GGUF decoder and a BERT embedder, with their tokenizers, chat
//! templates and sampling. Knows nothing of documents, the terminal or the network.
//!
//! The way of a prompt: [`Message`]s → [`ChatTemplate::segments`] → [`prompt_ids`] → [`generate()`] over a
//! [`Context`] of a [`Decoder`] → [`Event`]s. Texts become vectors in [`Embedder::embed`].
//!
//! Rules of this crate: model files are untrusted, so a bad one is an [`Error`] that names file, field and
//! reason, never a panic; control tokens come from templates only, never from text; everything that takes
//! long takes a [`Cancel`]; nothing here is asynchronous.

mod backend;
mod batch;
mod cancel;
mod context;
mod convert;
mod decoder;
mod embedder;
mod error;
mod executor;
mod generate;
pub mod gguf;
mod hyperparameters;
mod kernels;
mod lookup;
mod memory;
mod perplexity;
mod processor;
mod quantize;
mod reader;
mod reference;
mod sampling;
mod saved;
mod steps;
mod stop;
mod template;
#[cfg(test)]
mod test_models;
mod tokenizer;

pub use backend::Backend;
pub use batch::{Batch, Step};
pub use cancel::Cancel;
pub use context::{Context, PREFILL_BLOCK, Prefill};
pub use convert::is_model_folder;
pub use decoder::{Decoder, Facts, ModelInfo, Options, PREFERRED_WINDOW};
pub use embedder::{EmbedKind, Embedder};
pub use error::Error;
pub use generate::{Event, Finish, FinishReason, TIME_BUCKETS, Timings, generate};
pub use kernels::CacheType;
pub use memory::peak_memory;
pub use perplexity::perplexity;
pub use processor::{Processor, Roofline};
pub use quantize::{Scheme, quantize};
pub use reader::{AnswerSpan, Reader, Reading};
pub use reference::DeviceKind;
pub use sampling::{Candidate, Choice, Constraint, Observed, Sampler, Sampling, Shaped, State, TokenScore};
pub use saved::SavedContexts;
pub use steps::Drafts;
pub use template::{ChatTemplate, Message, Role, Segment};
pub use tokenizer::{Detokenizer, Tokenizer, prompt_ids};
