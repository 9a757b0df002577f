//! Text → token ids of a BERT model, with no special token unless this module adds it.
//!
//! `WordPiece` vocabularies (BERT, MiniLM, bge, GTE) and Unigram ones (the multilingual e5 models). The tokenizer file's added tokens
//! are left out, so that `[SEP]` in a document is five characters and cannot end a text early. The two framing tokens are put around
//! each window by id.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tokenizers::Tokenizer;

use crate::error::{Error, shown};

pub(crate) struct Words {
    path: PathBuf,
    tokenizer: Tokenizer,
    first: u32,
    last: u32,
    pub(super) padding: u32,
}

/// Token ids, and the bytes of the text that each stands for.
pub(crate) type Placed = (Vec<u32>, Vec<(usize, usize)>);

/// What a kind of vocabulary calls its special tokens.
struct Special {
    unknown: &'static str,
    first: &'static str,
    last: &'static str,
    padding: &'static str,
}

impl Words {
    /// Reads `tokenizer.json`; every id it can give lies below `vocabulary`.
    pub(crate) fn read(path: &Path, vocabulary: usize) -> Result<Self, Error> {
        let bytes = fs::read(path).map_err(|source| Error::io(path, source))?;
        let json = |reason: String| Error::invalid(path, "JSON", shown(&reason));
        let mut file: Value = serde_json::from_slice(&bytes).map_err(|error| json(error.to_string()))?;
        let kind = file.pointer("/model/type").and_then(Value::as_str).unwrap_or("none");
        let special = match kind {
            "WordPiece" => Special { unknown: "[UNK]", first: "[CLS]", last: "[SEP]", padding: "[PAD]" },
            "Unigram" => Special { unknown: "<unk>", first: "<s>", last: "</s>", padding: "<pad>" },
            _ => {
                return Err(Error::invalid(
                    path,
                    "model.type",
                    format!("{} is not supported (supported: WordPiece, Unigram)", shown(kind)),
                ));
            }
        };
        let hidden = hide_special(&mut file);
        let parts = file.as_object_mut().ok_or_else(|| json("not an object".to_owned()))?;
        parts.insert("added_tokens".to_owned(), Value::Array(Vec::new()));
        for part in ["truncation", "padding", "post_processor"] {
            parts.insert(part.to_owned(), Value::Null);
        }
        let text = serde_json::to_vec(&file).map_err(|error| json(error.to_string()))?;
        let tokenizer = Tokenizer::from_bytes(text).map_err(|error| json(error.to_string()))?;
        let largest = tokenizer.get_vocab(false).into_values().max().unwrap_or(0);
        if largest as usize >= vocabulary {
            return Err(Error::invalid(
                path,
                "model.vocab",
                format!("id {largest}, but the model has {vocabulary} embeddings"),
            ));
        }
        let id = |token: &str| {
            let hidden = hidden.get(token).copied();
            hidden
                .or_else(|| tokenizer.token_to_id(token))
                .ok_or_else(|| Error::invalid(path, "model.vocab", format!("there is no {token}")))
        };
        // Without it, encoding fails on the first unknown character.
        id(special.unknown)?;
        let (first, last, padding) = (id(special.first)?, id(special.last)?, id(special.padding)?);
        Ok(Self { path: path.to_owned(), first, last, padding, tokenizer })
    }

    /// The tokens of `text`, without framing.
    pub(crate) fn encode(&self, text: &str) -> Result<Vec<u32>, Error> {
        self.tokenizer.encode_fast(text, false).map(|encoding| encoding.get_ids().to_vec()).map_err(|error| {
            Error::Backend { path: self.path.clone(), doing: "tokenizing", reason: shown(&error.to_string()) }
        })
    }

    /// As [`Words::encode`], with the bytes of `text` that each token stands for.
    pub(crate) fn encode_with_places(&self, text: &str) -> Result<Placed, Error> {
        self.tokenizer
            .encode(text, false)
            .map(|encoding| (encoding.get_ids().to_vec(), encoding.get_offsets().to_vec()))
            .map_err(|error| Error::Backend {
                path: self.path.clone(),
                doing: "tokenizing",
                reason: shown(&error.to_string()),
            })
    }

    /// Two texts as the model reads them together, and how many tokens belong to the first.
    pub(crate) fn pair(&self, first: &[u32], second: &[u32]) -> (Vec<u32>, usize) {
        let mut tokens = self.framed(first);
        let of_first = tokens.len();
        tokens.extend_from_slice(second);
        tokens.push(self.last);
        (tokens, of_first)
    }

    /// A window as the model reads it.
    pub(super) fn framed(&self, tokens: &[u32]) -> Vec<u32> {
        let mut framed = Vec::with_capacity(tokens.len() + 2);
        framed.push(self.first);
        framed.extend_from_slice(tokens);
        framed.push(self.last);
        framed
    }
}

/// Special tokens stand in a Unigram vocabulary like other pieces, so that text could form them. Gives them texts that none can have:
/// spaces are ▁ when pieces are looked up. Returns their ids by name.
fn hide_special(file: &mut Value) -> HashMap<String, u32> {
    let added = file.get("added_tokens").and_then(Value::as_array).into_iter().flatten();
    let special: HashSet<String> = added
        .filter(|token| token.get("special").and_then(Value::as_bool).unwrap_or(false))
        .filter_map(|token| token.get("content").and_then(Value::as_str).map(str::to_owned))
        .chain(["<s>", "</s>", "<pad>", "<unk>", "<mask>"].map(str::to_owned))
        .collect();
    let mut ids = HashMap::new();
    // Only Unigram has an array here.
    let pieces = file.pointer_mut("/model/vocab").and_then(Value::as_array_mut);
    for (id, piece) in (0u32..).zip(pieces.into_iter().flatten()) {
        let Some(text) = piece.get_mut(0) else { continue };
        if let Some(name) = text.as_str().filter(|name| special.contains(*name)).map(str::to_owned) {
            *text = Value::String(format!(" {id}"));
            ids.entry(name).or_insert(id);
        }
    }
    ids
}
