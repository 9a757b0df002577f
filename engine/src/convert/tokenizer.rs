//! `tokenizer.json` of a model folder, as GGUF metadata.
//!
//! Place in the flow: [`Definition`] → tokens (`table`), scores (`pieces`) and the name of the cut (`pre`), which are keys of the
//! header → `probe`, which compares what comes of them with the definition. Keys follow `_set_vocab_gpt2` (byte-level BPE) and
//! `_set_vocab_sentencepiece` of llama.cpp's `conversion/base.py`. Which of the two it is, `byte_fallback` says: only vocabularies of
//! SentencePiece have it.

use std::collections::{HashMap, HashSet};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

use super::table::{BYTE, NORMAL, Table, UNUSED};
use super::{json, pieces, pre};
use crate::error::{Error, shown};
use crate::gguf::Pairs;

/// The largest files, those of Gemma 3, have 33 MB. Parsed, a file of small values takes some twelve times its size.
const LARGEST: u64 = 64 << 20;
/// Scores of tokens that do not come out of text, as llama.cpp's converter writes them; nothing reads them.
const ADDED_SCORE: f32 = -1000.0;
const UNUSED_SCORE: f32 = -10_000.0;

/// A file that was read. Its merges are of tokens that it has, and lead to such; nothing else is checked yet.
#[derive(Debug)]
pub(super) struct Definition {
    pub(super) path: PathBuf,
    pub(super) parts: Parts,
}

#[derive(Debug, Deserialize)]
pub(super) struct Parts {
    #[serde(default)]
    pub(super) added_tokens: Vec<Added>,
    pub(super) normalizer: Option<Value>,
    pub(super) pre_tokenizer: Option<Value>,
    pub(super) post_processor: Option<Value>,
    pub(super) model: Model,
}

/// A token that is found in text ahead of BPE.
#[derive(Debug, Deserialize)]
pub(super) struct Added {
    pub(super) id: u32,
    pub(super) content: String,
    #[serde(default)]
    pub(super) special: bool,
    #[serde(default)]
    pub(super) normalized: bool,
}

#[derive(Debug, Deserialize)]
pub(super) struct Model {
    pub(super) vocab: HashMap<String, u32>,
    pub(super) merges: Vec<Merge>,
    #[serde(default)]
    pub(super) byte_fallback: bool,
    #[serde(default)]
    pub(super) ignore_merges: bool,
    #[serde(default)]
    pub(super) fuse_unk: bool,
    pub(super) unk_token: Option<String>,
    continuing_subword_prefix: Option<String>,
    end_of_word_suffix: Option<String>,
    dropout: Option<f32>,
}

impl Model {
    /// Whether a merge is of tokens, and leads to one.
    fn knows(&self, merge: &Merge) -> bool {
        let known = |text: &str| self.vocab.contains_key(text);
        merge.halves().is_some_and(|(left, right)| known(left) && known(right) && known(&[left, right].concat()))
    }
}

/// Two tokens that become one. Older files join them by a space.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Merge {
    Joined(String),
    Pair(String, String),
}

impl Merge {
    pub(super) fn halves(&self) -> Option<(&str, &str)> {
        match self {
            Self::Joined(text) => text.split_once(' '),
            Self::Pair(left, right) => Some((left, right)),
        }
    }
}

/// The part that says what kind of model it is: other kinds have a vocabulary of another shape.
#[derive(Deserialize)]
struct Kinds {
    model: Kind,
}

#[derive(Deserialize)]
struct Kind {
    r#type: Option<String>,
}

impl Definition {
    pub(super) fn read(path: &Path) -> Result<Self, Error> {
        let bytes = json::bytes(path, LARGEST)?.ok_or_else(|| Error::io(path, ErrorKind::NotFound.into()))?;
        let kinds: Kinds = json::parse(path, &bytes)?;
        let kind = kinds.model.r#type.as_deref().unwrap_or("BPE");
        if kind != "BPE" {
            return Err(Error::invalid(path, "model.type", format!("{} is not supported, only BPE", shown(kind))));
        }
        let parts: Parts = json::parse(path, &bytes)?;
        let model = &parts.model;
        let affix = |text: Option<&str>| text.is_some_and(|text| !text.is_empty());
        for (key, present) in [
            ("continuing_subword_prefix", affix(model.continuing_subword_prefix.as_deref())),
            ("end_of_word_suffix", affix(model.end_of_word_suffix.as_deref())),
            ("dropout", model.dropout.is_some_and(|share| share > 0.0)),
        ] {
            if present {
                return Err(Error::invalid(path, format!("model.{key}"), "is not supported"));
            }
        }
        // The library that published files are made with refuses the rest, or panics.
        if let Some(index) = model.merges.iter().position(|merge| !model.knows(merge)) {
            let reason = format!("entry {index} is not of tokens, or leads to none");
            return Err(Error::invalid(path, "model.merges", reason));
        }
        Ok(Self { path: path.to_owned(), parts })
    }

    /// The id of the added token with this text.
    pub(super) fn added(&self, content: &str) -> Option<u32> {
        self.parts.added_tokens.iter().find(|added| added.content == content).map(|added| added.id)
    }

    /// Adds what a header says of this vocabulary. `rows` are those of the embedding.
    pub(super) fn describe(&self, rows: usize, pairs: &mut Pairs) -> Result<(), Error> {
        let Parts { normalizer, pre_tokenizer, model, .. } = &self.parts;
        let (normalizer, pre_tokenizer) = (normalizer.as_ref(), pre_tokenizer.as_ref());
        let mut table = Table::new(self, rows)?;
        if model.byte_fallback {
            let begins_with_space = pre::sentence_level(&self.path, normalizer, pre_tokenizer)?;
            table.mark_bytes(model.unk_token.as_deref());
            let scores = self.scores(&table)?;
            pairs
                .string("tokenizer.ggml.model", "llama")
                .string("tokenizer.ggml.pre", "default")
                .bool("tokenizer.ggml.add_space_prefix", begins_with_space)
                .f32s("tokenizer.ggml.scores", &scores);
        } else {
            let pre = pre::byte_level(&self.path, normalizer, pre_tokenizer, model.ignore_merges)?;
            // Inside a part a space could not be told from the one between them; byte-level vocabularies write it as Ġ.
            let part = |text: &str| text.replace(' ', "Ġ");
            let merge = |merge: &Merge| match merge {
                Merge::Joined(text) => text.clone(),
                Merge::Pair(left, right) => format!("{} {}", part(left), part(right)),
            };
            let merges: Vec<String> = model.merges.iter().map(merge).collect();
            pairs
                .string("tokenizer.ggml.model", "gpt2")
                .string("tokenizer.ggml.pre", pre)
                .strings("tokenizer.ggml.merges", &merges);
        }
        pairs.strings("tokenizer.ggml.tokens", &table.tokens).i32s("tokenizer.ggml.token_type", &table.types);
        Ok(())
    }

    /// The score of every token of a SentencePiece vocabulary.
    fn scores(&self, table: &Table) -> Result<Vec<f32>, Error> {
        let typed = || table.tokens.iter().map(String::as_str).zip(&table.types);
        let ordinary: HashSet<&str> = typed().filter(|(_, kind)| **kind == NORMAL).map(|(token, _)| token).collect();
        let merges: Vec<(&str, &str)> = self.parts.model.merges.iter().filter_map(Merge::halves).collect();
        let scores = pieces::scores(&self.path, &ordinary, &merges)?;
        // A piece that no merge leads to is a character, or comes out of nothing.
        let least = -(scores.len() as f32);
        let score = |(token, kind): (&str, &i32)| match *kind {
            NORMAL => scores.get(token).copied().unwrap_or(least),
            BYTE => 0.0,
            UNUSED => UNUSED_SCORE,
            _ => ADDED_SCORE,
        };
        Ok(typed().map(score).collect())
    }
}
