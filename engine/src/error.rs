//! What can go wrong in the engine, as one closed enum that callers branch on.
//!
//! Invariant: every message names what, which file where there is one, and why. Text that comes from a
//! model file is shown escaped and shortened, so that a hostile file cannot drive the terminal.

use std::path::{Path, PathBuf};

/// Every failure of the engine.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file could not be opened or read.
    #[error("{}: cannot be read: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file could not be written.
    #[error("{}: cannot be written: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A model file is damaged, malformed or contradicts itself.
    #[error("{}: {field}: {reason}", path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// The field, key or tensor that is wrong.
        field: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A key that the engine cannot do without is absent.
    #[error("{}: the key {key} is missing", path.display())]
    MissingKey {
        /// The file.
        path: PathBuf,
        /// The key.
        key: String,
    },
    /// The file is sound but holds an architecture that this engine has no forward pass for.
    #[error("{}: architecture {architecture} is not supported (supported: {supported})", path.display())]
    UnsupportedArchitecture {
        /// The file.
        path: PathBuf,
        /// What the file holds.
        architecture: String,
        /// What this engine runs.
        supported: String,
    },
    /// The file's vocabulary is of a kind other than byte-level BPE and SentencePiece.
    #[error("{}: tokenizer model {model} is not supported (supported: gpt2, llama)", path.display())]
    UnsupportedTokenizer {
        /// The file.
        path: PathBuf,
        /// `tokenizer.ggml.model` of the file.
        model: String,
    },
    /// The file asks for a way of splitting text that this engine does not know; guessing would feed the
    /// model other tokens than it was trained on.
    #[error("{}: pre-tokenizer {pre} is not supported (supported: {supported})", path.display())]
    UnsupportedPreTokenizer {
        /// The file.
        path: PathBuf,
        /// `tokenizer.ggml.pre` of the file.
        pre: String,
        /// What this engine knows.
        supported: String,
    },
    /// The chat template failed, or it did not reproduce a message.
    #[error("chat template: {reason}")]
    Template {
        /// What went wrong.
        reason: String,
    },
    /// The model would not fit in the memory that is free now; nothing was loaded.
    #[error(
        "{}: needs {} of memory for a window of {context} tokens, {} is available{}",
        path.display(), mebibytes(*needed), mebibytes(*available), largest(*largest_context)
    )]
    Memory {
        /// The file.
        path: PathBuf,
        /// Bytes that loading would take.
        needed: u64,
        /// Bytes that are free.
        available: u64,
        /// The window that was asked for, in tokens.
        context: usize,
        /// The largest window that would fit, if any does.
        largest_context: Option<usize>,
    },
    /// The wanted device is not there, or not compiled in.
    #[error("device {device}: {reason}")]
    Device {
        /// `cuda` or `metal`.
        device: &'static str,
        /// Why it cannot be used.
        reason: String,
    },
    /// The wanted instructions are not there.
    #[error("this processor cannot run the instructions {wanted:?} (it has: {available})")]
    Instructions {
        /// What was asked for.
        wanted: String,
        /// What there is.
        available: String,
    },
    /// The prompt alone is longer than the window.
    #[error("the prompt has {prompt} tokens, the window of the model holds {window}")]
    PromptTooLong {
        /// Tokens of the prompt.
        prompt: usize,
        /// Tokens of the window.
        window: usize,
    },
    /// There is nothing to continue from.
    #[error("the prompt is empty")]
    EmptyPrompt,
    /// A token id that the model has no embedding for.
    #[error("token {id} is outside the vocabulary of {vocabulary}")]
    TokenOutOfRange {
        /// The id.
        id: u32,
        /// Size of the vocabulary.
        vocabulary: usize,
    },
    /// A sampling setting is out of range, or the model's scores cannot be sampled from.
    #[error("sampling: {reason}")]
    Sampling {
        /// What is wrong.
        reason: String,
    },
    /// The tensor library failed.
    #[error("{}: {doing}: {reason}", path.display())]
    Backend {
        /// The model file.
        path: PathBuf,
        /// What was being done.
        doing: &'static str,
        /// What the library said.
        reason: String,
    },
    /// The caller's [`crate::Cancel`] was set.
    #[error("cancelled")]
    Cancelled,
}

impl Error {
    pub(crate) fn io(path: &Path, source: std::io::Error) -> Self {
        Self::Io { path: path.to_owned(), source }
    }

    pub(crate) fn write(path: &Path, source: std::io::Error) -> Self {
        Self::Write { path: path.to_owned(), source }
    }

    pub(crate) fn invalid(path: &Path, field: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Invalid { path: path.to_owned(), field: field.into(), reason: reason.into() }
    }
}

/// Text from an untrusted file as it may be shown: control characters escaped, at most 80 characters.
pub(crate) fn shown(text: &str) -> String {
    let mut out: String = text.chars().take(80).flat_map(char::escape_debug).collect();
    if text.chars().nth(80).is_some() {
        out.push('…');
    }
    out
}

fn mebibytes(bytes: u64) -> String {
    format!("{} MiB", bytes.div_ceil(1 << 20))
}

fn largest(context: Option<usize>) -> String {
    context.map_or_else(String::new, |tokens| format!("; a window of {tokens} tokens would fit"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_from_a_file_is_escaped_and_shortened() {
        let shown = shown(&format!("\u{1b}[31mred{}", "x".repeat(200)));
        assert!(!shown.chars().any(char::is_control));
        assert!(shown.starts_with("\\u{1b}[31mred"));
        assert!(shown.ends_with('…'));
    }

    #[test]
    fn the_memory_error_carries_both_numbers_and_the_window_that_fits() {
        let text = Error::Memory {
            path: "m.gguf".into(),
            needed: 3 << 30,
            available: 1 << 30,
            context: 8192,
            largest_context: Some(2048),
        }
        .to_string();
        assert!(text.contains("3072 MiB") && text.contains("1024 MiB"), "{text}");
        assert!(text.contains("2048 tokens would fit"), "{text}");
    }
}
