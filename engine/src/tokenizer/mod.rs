//! Text ↔ token ids of a decoder, rebuilt from the vocabulary in its GGUF file.
//!
//! Place in the flow: `gguf::Metadata` → [`Tokenizer`] → prompts (`prompt_ids`) and streamed answers.
//!
//! Invariant: [`Tokenizer::encode_text`] cannot produce a control, user-defined, unknown or unused token,
//! whatever the text holds, because such tokens are not in the vocabulary that its BPE works with, and
//! no merge leads to them. Only [`Tokenizer::encode_control`], for the template's own text, finds them.

mod bytes;
mod pre;
mod sentence;
mod stream;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use aho_corasick::{AhoCorasick, MatchKind};
use bytes::Alphabet;
use pre::PreTokenizer;
use sentence::Pieces;
pub use stream::Detokenizer;
use tokenizers::models::bpe::{BPE, Vocab};

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

const MODEL: &str = "tokenizer.ggml.model";
const PRE: &str = "tokenizer.ggml.pre";
const TOKENS: &str = "tokenizer.ggml.tokens";
const MERGES: &str = "tokenizer.ggml.merges";
const TYPES: &str = "tokenizer.ggml.token_type";
const SCORES: &str = "tokenizer.ggml.scores";

/// The parts that differ between kinds of vocabularies; the last says whether prompts begin with the beginning-of-text token
/// where the file does not say.
type Parts = (Vocabulary, Model, bool);

fn byte_level(metadata: &Metadata, tokens: &[String]) -> Result<Parts, Error> {
    // Files older than this key do not say how their text was split; llama.cpp guesses and warns.
    let name = metadata.required(PRE, metadata.string(PRE)?)?;
    let pre = PreTokenizer::named(name).ok_or_else(|| Error::UnsupportedPreTokenizer {
        path: metadata.path().to_owned(),
        pre: shown(name),
        supported: PreTokenizer::names(),
    })?;
    let classes = classes(metadata, tokens.len())?;
    let alphabet = Alphabet::new();
    let vocab = ordinary(metadata, tokens, &classes)?;
    let vocabulary = vocabulary(metadata, tokens, classes, &alphabet, &vocab)?;
    Ok((vocabulary, Model::Bytes(Arc::new(bpe(metadata, vocab, pre)?)), pre.add_bos))
}

fn sentence_level(metadata: &Metadata, tokens: &[String]) -> Result<Parts, Error> {
    /// `tokenizer.ggml.token_type` of a byte.
    const BYTE: i64 = 6;
    let types = metadata.required(TYPES, metadata.integers(TYPES)?)?;
    let mut classes = classes(metadata, tokens.len())?;
    let scores = metadata.required(SCORES, metadata.floats(SCORES)?)?;
    if scores.len() != tokens.len() {
        return Err(metadata.invalid(SCORES, format!("{} scores for {} tokens", scores.len(), tokens.len())));
    }
    let (mut pieces, mut runs, mut byte_ids) = (HashMap::new(), Vec::new(), [None; 256]);
    let (mut bytes, mut starts) = (Vec::new(), vec![0]);
    for (index, (id, token)) in (0u32..).zip(tokens).enumerate() {
        let text = token.replace(sentence::SPACE, " ");
        let byte = token.strip_prefix("<0x").and_then(|rest| rest.strip_suffix('>'));
        match (types[index], byte.and_then(|hex| u8::from_str_radix(hex, 16).ok())) {
            (BYTE, Some(byte)) => {
                byte_ids[usize::from(byte)] = Some(id);
                bytes.push(byte);
            }
            (BYTE, None) => return Err(metadata.invalid(TOKENS, format!("token {id} is no byte"))),
            _ if classes[index] == Class::Ordinary => {
                if token.is_empty() || scores[index].is_nan() {
                    return Err(metadata.invalid(TOKENS, format!("token {id} is empty or has no score")));
                }
                // Of two tokens with one text the first counts, as in llama.cpp.
                pieces.entry(token.clone()).or_insert((id, scores[index] as f32));
                bytes.extend_from_slice(text.as_bytes());
            }
            _ => {
                // Gemma has tokens of the user's for runs of white space: they come out of text as others do.
                if classes[index] == Class::Added && !text.is_empty() && text.chars().all(char::is_whitespace) {
                    classes[index] = Class::Ordinary;
                    runs.push((text.clone(), id));
                }
                bytes.extend_from_slice(text.as_bytes());
            }
        }
        starts.push(u32::try_from(bytes.len()).map_err(|_| metadata.invalid(TOKENS, "is too large"))?);
    }
    let mut every = [0; 256];
    for (byte, (id, every)) in byte_ids.iter().zip(&mut every).enumerate() {
        *every = id.ok_or_else(|| metadata.invalid(TOKENS, format!("there is no token for the byte {byte:#04x}")))?;
    }
    let begins_with_space = metadata.bool("tokenizer.ggml.add_space_prefix")?.unwrap_or(true);
    let pieces = Pieces::new(pieces, &every, runs, begins_with_space)
        .map_err(|error| metadata.invalid(TOKENS, error.to_string()))?;
    Ok((Vocabulary { bytes, starts, classes, byte_ids }, Model::Sentence(Arc::new(pieces)), true))
}

fn classes(metadata: &Metadata, count: usize) -> Result<Vec<Class>, Error> {
    let types = metadata.required(TYPES, metadata.integers(TYPES)?)?;
    if types.len() != count {
        return Err(metadata.invalid(TYPES, format!("{} types for {count} tokens", types.len())));
    }
    types
        .iter()
        .map(|id| Class::from_id(*id).ok_or_else(|| metadata.invalid(TYPES, format!("type {id} does not exist"))))
        .collect()
}

/// Ordinary tokens only: this is what makes forged control tokens impossible.
fn ordinary(metadata: &Metadata, tokens: &[String], classes: &[Class]) -> Result<Vocab, Error> {
    let mut vocab = Vocab::default();
    for ((id, token), class) in (0u32..).zip(tokens).zip(classes) {
        if *class != Class::Ordinary {
            continue;
        }
        if token.is_empty() {
            return Err(metadata.invalid(TOKENS, format!("token {id} is empty")));
        }
        if let Some(other) = vocab.insert(token.clone(), id) {
            let reason = format!("tokens {other} and {id} are both {}", shown(token));
            return Err(metadata.invalid(TOKENS, reason));
        }
    }
    Ok(vocab)
}

fn vocabulary(
    metadata: &Metadata,
    tokens: &[String],
    classes: Vec<Class>,
    alphabet: &Alphabet,
    vocab: &Vocab,
) -> Result<Vocabulary, Error> {
    let mut bytes = Vec::new();
    let mut starts = vec![0];
    for (token, class) in tokens.iter().zip(&classes) {
        if *class == Class::Ordinary {
            for character in token.chars() {
                // A character outside the alphabet cannot come from text; shown as itself.
                match alphabet.byte(character) {
                    Some(byte) => bytes.push(byte),
                    None => bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
                }
            }
        } else {
            bytes.extend_from_slice(token.as_bytes());
        }
        starts.push(u32::try_from(bytes.len()).map_err(|_| metadata.invalid(TOKENS, "is too large"))?);
    }
    let mut byte_ids = [None; 256];
    let mut letter = [0; 4];
    for byte in 0..=u8::MAX {
        let text: &str = alphabet.character(byte).encode_utf8(&mut letter);
        byte_ids[usize::from(byte)] = vocab.get(text).copied();
    }
    // Without these nothing can be written, not even the replacement for the others.
    let needed = (b' '..=b'~').chain(*b"\n\xEF\xBF\xBD");
    for byte in needed {
        if byte_ids[usize::from(byte)].is_none() {
            return Err(metadata.invalid(TOKENS, format!("there is no token for the byte {byte:#04x}")));
        }
    }
    Ok(Vocabulary { bytes, starts, classes, byte_ids })
}

fn bpe(metadata: &Metadata, vocab: Vocab, pre: PreTokenizer) -> Result<tokenizers::Tokenizer, Error> {
    let mut merges = Vec::new();
    let mut joined = String::new();
    for (index, merge) in metadata.required(MERGES, metadata.strings(MERGES)?)?.iter().enumerate() {
        let wrong = |reason: &str| metadata.invalid(MERGES, format!("entry {index} ({}) {reason}", shown(merge)));
        let (left, right) = merge.split_once(' ').ok_or_else(|| wrong("is not two parts"))?;
        if left.is_empty() || right.is_empty() || right.contains(' ') {
            return Err(wrong("is not two parts"));
        }
        joined.clear();
        joined.push_str(left);
        joined.push_str(right);
        // Merges of or into a token that is not ordinary are left out with that token.
        if vocab.contains_key(left) && vocab.contains_key(right) && vocab.contains_key(joined.as_str()) {
            merges.push((left.to_owned(), right.to_owned()));
        }
    }
    let model = BPE::builder()
        .vocab_and_merges(vocab, merges)
        .ignore_merges(pre.ignore_merges)
        .build()
        .map_err(|error| metadata.invalid(MERGES, shown(&error.to_string())))?;
    let mut tokenizer = tokenizers::Tokenizer::new(model);
    tokenizer.with_pre_tokenizer(Some(pre.build()));
    Ok(tokenizer)
}

fn added(metadata: &Metadata, tokens: &[String], classes: &[Class]) -> Result<(Option<AhoCorasick>, Vec<u32>), Error> {
    let mut texts = Vec::new();
    let mut ids = Vec::new();
    let mut seen = HashSet::new();
    for ((id, token), class) in (0u32..).zip(tokens).zip(classes) {
        // Of two tokens with one text the first counts, as in llama.cpp's `token_to_id`.
        if *class != Class::Ordinary && !token.is_empty() && seen.insert(token) {
            texts.push(token);
            ids.push(id);
        }
    }
    if texts.is_empty() {
        return Ok((None, ids));
    }
    let automaton = AhoCorasick::builder()
        .match_kind(MatchKind::LeftmostLongest)
        .build(texts)
        .map_err(|error| metadata.invalid(TOKENS, error.to_string()))?;
    Ok((Some(automaton), ids))
}

fn token_id(metadata: &Metadata, key: &str, count: usize) -> Result<Option<u32>, Error> {
    let Some(id) = metadata.unsigned(key)? else {
        return Ok(None);
    };
    match u32::try_from(id) {
        Ok(small) if (small as usize) < count => Ok(Some(small)),
        _ => Err(metadata.invalid(key, format!("token {id} does not exist"))),
    }
}

fn end_tokens(metadata: &Metadata, tokens: &[String], classes: &[Class]) -> Result<Vec<u32>, Error> {
    let mut ends = Vec::new();
    for key in ["tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id", "tokenizer.ggml.eom_token_id"] {
        ends.extend(token_id(metadata, key, tokens.len())?);
    }
    for ((id, token), class) in (0u32..).zip(tokens).zip(classes) {
        if *class == Class::Control && END_TEXTS.contains(&token.as_str()) {
            ends.push(id);
        }
    }
    if ends.is_empty() {
        let key = "tokenizer.ggml.eos_token_id";
        return Err(Error::MissingKey { path: metadata.path().to_owned(), key: key.to_owned() });
    }
    ends.sort_unstable();
    ends.dedup();
    Ok(ends)
}
