//! Text ↔ token ids of a decoder, rebuilt from the vocabulary in its GGUF file.
//!
//! Place in the flow: `gguf::Metadata` → [`Tokenizer`] → prompts (`prompt_ids`) and streamed answers.
//!
//! Invariant: [`Tokenizer::encode_text`] cannot produce a control, user-defined, unknown or unused token,
//! whatever the text holds, because such tokens are not in the vocabulary that its BPE works with, and
//! no merge leads to them. Only [`Tokenizer::encode_control`], for the template's own text, finds them.

mod build;
mod bytes;
mod pre;
mod sentence;
mod stream;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::sync::Arc;

use aho_corasick::AhoCorasick;
use build::{MODEL, TOKENS, added, byte_level, end_tokens, sentence_level, token_id};
use sentence::Pieces;
pub use stream::Detokenizer;

use crate::error::{Error, shown};
use crate::gguf::Metadata;
use crate::template::Segment;

/// Byte-level BPE, or SentencePiece. Cloning is cheap.
#[derive(Clone)]
pub struct Tokenizer {
    vocabulary: Arc<Vocabulary>,
    model: Model,
    /// Finds the texts of control and added tokens; the pattern's position indexes `added_ids`.
    added: Option<AhoCorasick>,
    added_ids: Vec<u32>,
    bos: Option<u32>,
    end_tokens: Vec<u32>,
}

/// How text is cut into tokens.
#[derive(Clone)]
enum Model {
    Bytes(Arc<tokenizers::Tokenizer>),
    Sentence(Arc<Pieces>),
}

impl std::fmt::Debug for Tokenizer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tokenizer").field("vocab_size", &self.vocab_size()).finish_non_exhaustive()
    }
}

/// What each id stands for.
pub(crate) struct Vocabulary {
    /// Bytes of all tokens, one after the other.
    bytes: Vec<u8>,
    /// Where each token begins in `bytes`; one more entry than there are tokens.
    starts: Vec<u32>,
    classes: Vec<Class>,
    /// The ordinary token of each single byte; text with a byte that has none cannot be encoded.
    byte_ids: [Option<u32>; 256],
}

/// `tokenizer.ggml.token_type`, as far as the engine treats them differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    /// Comes out of text.
    Ordinary,
    /// Belongs to the template; shown as text when the model writes it (`<think>`).
    Added,
    /// Belongs to the template; never shown.
    Control,
}

impl Class {
    fn from_id(id: i64) -> Option<Self> {
        Some(match id {
            1 | 6 => Self::Ordinary,
            4 => Self::Added,
            2 | 3 | 5 => Self::Control,
            _ => return None,
        })
    }
}

impl Vocabulary {
    /// What `id` adds to the text; nothing for control tokens and ids outside the vocabulary.
    pub(crate) fn bytes(&self, id: u32) -> &[u8] {
        let id = id as usize;
        match self.classes.get(id) {
            None | Some(Class::Control) => &[],
            Some(_) => &self.bytes[self.starts[id] as usize..self.starts[id + 1] as usize],
        }
    }
}

/// Texts of tokens that end a turn in the supported families, besides those that the file declares.
/// llama.cpp keeps the same list (`llama_vocab::impl::load`), for files that declare only one of two.
const END_TEXTS: &[&str] =
    &["<|im_end|>", "<|eot_id|>", "<|eom_id|>", "<|end_of_text|>", "<|endoftext|>", "<|end|>", "<end_of_turn>"];

impl Tokenizer {
    /// Builds the tokenizer that the file's metadata describe.
    ///
    /// # Errors
    /// [`Error::UnsupportedTokenizer`], [`Error::UnsupportedPreTokenizer`], [`Error::MissingKey`], or
    /// [`Error::Invalid`] when vocabulary, merges and token types contradict each other.
    pub fn from_gguf(metadata: &Metadata) -> Result<Self, Error> {
        let model = metadata.required(MODEL, metadata.string(MODEL)?)?;
        let tokens = metadata.required(TOKENS, metadata.strings(TOKENS)?)?;
        let (vocabulary, model, usual_bos) = match model {
            "gpt2" => byte_level(metadata, tokens)?,
            "llama" => sentence_level(metadata, tokens)?,
            _ => return Err(Error::UnsupportedTokenizer { path: metadata.path().to_owned(), model: shown(model) }),
        };
        let (added, added_ids) = added(metadata, tokens, &vocabulary.classes)?;
        let end_tokens = end_tokens(metadata, tokens, &vocabulary.classes)?;
        let add_bos = metadata.bool("tokenizer.ggml.add_bos_token")?.unwrap_or(usual_bos);
        let bos = if add_bos {
            let id = token_id(metadata, "tokenizer.ggml.bos_token_id", tokens.len())?;
            Some(metadata.required("tokenizer.ggml.bos_token_id", id)?)
        } else {
            None
        };
        Ok(Self { vocabulary: Arc::new(vocabulary), model, added, added_ids, bos, end_tokens })
    }

    /// Encodes text that comes from a person or a document. No control or added token can result.
    /// Characters that the vocabulary has no bytes for (SmolLM2: six C0 controls, unassigned planes) are
    /// encoded as U+FFFD; everything else survives [`Tokenizer::decode`] unchanged, but
    /// for ▁ in a SentencePiece vocabulary, which is its space.
    pub fn encode_text(&self, text: &str) -> Vec<u32> {
        self.encode(text, false)
    }

    /// As [`Tokenizer::encode_text`]; `first` says that the text stands at the beginning or behind a control token.
    fn encode(&self, text: &str, first: bool) -> Vec<u32> {
        let bpe = match &self.model {
            Model::Sentence(pieces) => return pieces.encode(text, first),
            Model::Bytes(bpe) => bpe,
        };
        let text = self.encodable(text);
        match bpe.encode_fast(text.as_ref(), false) {
            Ok(encoding) => encoding.get_ids().to_vec(),
            // BPE fails only on a vocabulary that contradicts itself, which the constructor rules out. Single
            // bytes say the same in more tokens.
            Err(error) => {
                tracing::error!(%error, "byte-level BPE failed; encoding bytes");
                text.bytes().filter_map(|byte| self.vocabulary.byte_ids[usize::from(byte)]).collect()
            }
        }
    }

    /// Encodes text of the chat template: control and added tokens in it are recognized, leftmost and
    /// longest first.
    pub fn encode_control(&self, text: &str) -> Vec<u32> {
        let mut ids = Vec::new();
        self.push_control(text, &mut ids);
        ids
    }

    fn push_control(&self, text: &str, ids: &mut Vec<u32>) {
        let mut rest = 0;
        for found in self.added.iter().flat_map(|added| added.find_iter(text)) {
            self.push_text(&text[rest..found.start()], ids);
            ids.push(self.added_ids[found.pattern().as_usize()]);
            rest = found.end();
        }
        self.push_text(&text[rest..], ids);
    }

    /// Adds the ids of a text behind others.
    fn push_text(&self, text: &str, ids: &mut Vec<u32>) {
        let first = ids.last().is_none_or(|id| self.is_control(*id));
        ids.extend(self.encode(text, first));
    }

    /// Tokens of `text` as a person or a document would have them: `encode_text(text).len()`.
    pub fn count(&self, text: &str) -> usize {
        self.encode_text(text).len()
    }

    /// The text of `ids`. Control tokens and ids outside the vocabulary add nothing.
    pub fn decode(&self, ids: &[u32]) -> String {
        let bytes: Vec<u8> = ids.iter().flat_map(|id| self.vocabulary.bytes(*id)).copied().collect();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The bytes that a token adds to a text; none for control tokens.
    pub fn bytes(&self, id: u32) -> &[u8] {
        self.vocabulary.bytes(id)
    }

    /// An empty stream that turns tokens into text as they come.
    pub fn stream(&self) -> Detokenizer {
        Detokenizer::new(Arc::clone(&self.vocabulary))
    }

    /// Whether `id` is a token that [`Tokenizer::encode_text`] never produces: control, user-defined,
    /// unknown or unused, or outside the vocabulary.
    pub fn is_control(&self, id: u32) -> bool {
        self.vocabulary.classes.get(id as usize) != Some(&Class::Ordinary)
    }

    /// The tokens after which the model's turn is over.
    pub fn end_tokens(&self) -> &[u32] {
        &self.end_tokens
    }

    /// The token that every prompt begins with, where the model wants one.
    pub fn bos(&self) -> Option<u32> {
        self.bos
    }

    /// Number of ids with a text.
    pub fn vocab_size(&self) -> usize {
        self.vocabulary.classes.len()
    }

    /// The id of the control or added token with exactly this text.
    pub fn control_id(&self, text: &str) -> Option<u32> {
        let found = self.added.as_ref()?.find(text)?;
        (found.start() == 0 && found.end() == text.len()).then(|| self.added_ids[found.pattern().as_usize()])
    }

    fn encodable<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let missing = |byte: u8| self.vocabulary.byte_ids[usize::from(byte)].is_none();
        if !text.bytes().any(missing) {
            return Cow::Borrowed(text);
        }
        let replace = |character: char| {
            let lost = character.encode_utf8(&mut [0; 4]).bytes().any(missing);
            if lost { char::REPLACEMENT_CHARACTER } else { character }
        };
        Cow::Owned(text.chars().map(replace).collect())
    }
}

/// The ids of a prompt. Template text may hold control tokens, content never does; the two are encoded
/// separately, so that nothing forms across their border. Begins with the beginning-of-text token where the
/// model wants one and the template has not written it.
pub fn prompt_ids(tokenizer: &Tokenizer, segments: &[Segment]) -> Vec<u32> {
    let mut ids = Vec::new();
    for segment in segments {
        match segment {
            Segment::Control(text) => tokenizer.push_control(text, &mut ids),
            Segment::Text(text) => tokenizer.push_text(text, &mut ids),
        }
    }
    if let Some(bos) = tokenizer.bos
        && ids.first() != Some(&bos)
    {
        ids.insert(0, bos);
    }
    ids
}
