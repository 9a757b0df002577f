//! The parts of a tokenizer, from a file's metadata.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use aho_corasick::{AhoCorasick, MatchKind};
use tokenizers::models::bpe::{BPE, Vocab};

use super::bytes::Alphabet;
use super::pre::PreTokenizer;
use super::sentence::{self, Pieces};
use super::{Class, END_TEXTS, Model, Vocabulary};
use crate::error::{Error, shown};
use crate::gguf::{Metadata, Texts};

pub(super) const MODEL: &str = "tokenizer.ggml.model";
pub(super) const PRE: &str = "tokenizer.ggml.pre";
pub(super) const TOKENS: &str = "tokenizer.ggml.tokens";
pub(super) const MERGES: &str = "tokenizer.ggml.merges";
pub(super) const TYPES: &str = "tokenizer.ggml.token_type";
pub(super) const SCORES: &str = "tokenizer.ggml.scores";

/// The parts that differ between kinds of vocabularies; the last says whether prompts begin with the beginning-of-text token
/// where the file does not say.
pub(super) type Parts = (Vocabulary, Model, bool);

pub(super) fn byte_level(metadata: &Metadata, tokens: &Texts) -> Result<Parts, Error> {
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
    let bpe = bpe(metadata, tokens, &vocabulary.classes, vocab, pre)?;
    Ok((vocabulary, Model::Bytes(Arc::new(bpe)), pre.add_bos))
}

pub(super) fn sentence_level(metadata: &Metadata, tokens: &Texts) -> Result<Parts, Error> {
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
    for (index, (id, token)) in (0u32..).zip(tokens.iter()).enumerate() {
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
                pieces.entry(token.to_owned()).or_insert((id, scores[index] as f32));
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
fn ordinary(metadata: &Metadata, tokens: &Texts, classes: &[Class]) -> Result<Vocab, Error> {
    let mut vocab = Vocab::default();
    for ((id, token), class) in (0u32..).zip(tokens.iter()).zip(classes) {
        if *class != Class::Ordinary {
            continue;
        }
        if token.is_empty() {
            return Err(metadata.invalid(TOKENS, format!("token {id} is empty")));
        }
        if let Some(other) = vocab.insert(token.to_owned(), id) {
            let reason = format!("tokens {other} and {id} are both {}", shown(token));
            return Err(metadata.invalid(TOKENS, reason));
        }
    }
    Ok(vocab)
}

fn vocabulary(
    metadata: &Metadata,
    tokens: &Texts,
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

fn bpe(
    metadata: &Metadata,
    tokens: &Texts,
    classes: &[Class],
    vocab: Vocab,
    pre: PreTokenizer,
) -> Result<tokenizers::Tokenizer, Error> {
    let build = |vocab, merges| BPE::builder().vocab_and_merges(vocab, merges).ignore_merges(pre.ignore_merges).build();
    // It looks every merge up: to do so before as well takes as long as all the rest, and most files have no merge to leave out. What
    // is longer than every token it would not look up but run out of its buffer with.
    let longest = vocab.keys().map(String::len).max().unwrap_or(0);
    let short = merges(metadata, |left, right| left.len() + right.len() <= longest)?;
    let model = if let Ok(model) = build(vocab, short) {
        model
    } else {
        let vocab = ordinary(metadata, tokens, classes)?;
        let known = |token: &str| vocab.contains_key(token);
        let merges = merges(metadata, |a, b| known(a) && known(b) && known(&[a, b].concat()))?;
        build(vocab, merges).map_err(|error| metadata.invalid(MERGES, shown(&error.to_string())))?
    };
    let mut tokenizer = tokenizers::Tokenizer::new(model);
    tokenizer.with_pre_tokenizer(Some(pre.build()));
    Ok(tokenizer)
}

/// The merges of two parts that `keep` admits. Those of or into tokens that are not ordinary are left out with their tokens.
fn merges(metadata: &Metadata, keep: impl Fn(&str, &str) -> bool) -> Result<Vec<(String, String)>, Error> {
    let texts = metadata.required(MERGES, metadata.strings(MERGES)?)?;
    let mut merges = Vec::with_capacity(texts.len());
    for (index, merge) in texts.iter().enumerate() {
        let wrong = |reason: &str| metadata.invalid(MERGES, format!("entry {index} ({}) {reason}", shown(merge)));
        let (left, right) = merge.split_once(' ').ok_or_else(|| wrong("is not two parts"))?;
        if left.is_empty() || right.is_empty() || right.contains(' ') {
            return Err(wrong("is not two parts"));
        }
        if keep(left, right) {
            merges.push((left.to_owned(), right.to_owned()));
        }
    }
    Ok(merges)
}

pub(super) fn added(
    metadata: &Metadata,
    tokens: &Texts,
    classes: &[Class],
) -> Result<(Option<AhoCorasick>, Vec<u32>), Error> {
    let mut texts = Vec::new();
    let mut ids = Vec::new();
    let mut seen = HashSet::new();
    for ((id, token), class) in (0u32..).zip(tokens.iter()).zip(classes) {
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

pub(super) fn token_id(metadata: &Metadata, key: &str, count: usize) -> Result<Option<u32>, Error> {
    let Some(id) = metadata.unsigned(key)? else {
        return Ok(None);
    };
    match u32::try_from(id) {
        Ok(small) if (small as usize) < count => Ok(Some(small)),
        _ => Err(metadata.invalid(key, format!("token {id} does not exist"))),
    }
}

pub(super) fn end_tokens(metadata: &Metadata, tokens: &Texts, classes: &[Class]) -> Result<Vec<u32>, Error> {
    let mut ends = Vec::new();
    for key in ["tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id", "tokenizer.ggml.eom_token_id"] {
        ends.extend(token_id(metadata, key, tokens.len())?);
    }
    for ((id, token), class) in (0u32..).zip(tokens.iter()).zip(classes) {
        if *class == Class::Control && END_TEXTS.contains(&token) {
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
