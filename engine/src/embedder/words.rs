//! Text → token ids of a BERT model, with no special token unless this module adds it.
//!
//! The tokenizer file's added tokens are left out, so that `[SEP]` in a document is five characters and
//! cannot end a text early. The two framing tokens are put around each window by id.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tokenizers::Tokenizer;

use crate::error::{Error, shown};

pub(super) struct Words {
    path: PathBuf,
    tokenizer: Tokenizer,
    first: u32,
    last: u32,
    pub(super) padding: u32,
}

impl Words {
    /// Reads `tokenizer.json`; every id it can give lies below `vocabulary`.
    pub(super) fn read(path: &Path, vocabulary: usize) -> Result<Self, Error> {
        let bytes = fs::read(path).map_err(|source| Error::io(path, source))?;
        let json = |reason: String| Error::invalid(path, "JSON", shown(&reason));
        let mut file: Value = serde_json::from_slice(&bytes).map_err(|error| json(error.to_string()))?;
        let kind = file.pointer("/model/type").and_then(Value::as_str).unwrap_or("none");
        if kind != "WordPiece" {
            return Err(Error::invalid(
                path,
                "model.type",
                format!("{} is not supported (supported: WordPiece)", shown(kind)),
            ));
        }
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
            tokenizer
                .token_to_id(token)
                .ok_or_else(|| Error::invalid(path, "model.vocab", format!("there is no {token}")))
        };
        // Without it, WordPiece fails on the first unknown character.
        id("[UNK]")?;
        Ok(Self { path: path.to_owned(), first: id("[CLS]")?, last: id("[SEP]")?, padding: id("[PAD]")?, tokenizer })
    }

    /// The tokens of `text`, without framing.
    pub(super) fn encode(&self, text: &str) -> Result<Vec<u32>, Error> {
        self.tokenizer.encode_fast(text, false).map(|encoding| encoding.get_ids().to_vec()).map_err(|error| {
            Error::Backend { path: self.path.clone(), doing: "tokenizing", reason: shown(&error.to_string()) }
        })
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
