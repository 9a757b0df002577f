//! What a sentence-transformers folder says about its model, checked.
//!
//! `config.json` gives the shape of BERT, `1_Pooling/config.json` how token vectors become one,
//! `sentence_bert_config.json` how many tokens a text may have, and `config_sentence_transformers.json`
//! what to write in front of queries and passages. All but the first are optional.

use std::collections::HashMap;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use candle_transformers::models::bert::Config as BertConfig;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::error::{Error, shown};

/// How the vectors of a text's tokens become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pooling {
    /// Their mean.
    Mean,
    /// That of the first token.
    First,
}

/// Everything that is not weights or vocabulary.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    pub(crate) bert: BertConfig,
    pub(super) pooling: Pooling,
    /// Tokens of one window, with the two that frame it.
    pub(super) max_tokens: usize,
    pub(super) query_prefix: String,
    pub(super) passage_prefix: String,
}

#[derive(Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "the file's own format")]
struct PoolingFile {
    #[serde(default)]
    pooling_mode_cls_token: bool,
    #[serde(default)]
    pooling_mode_mean_tokens: bool,
    #[serde(default)]
    pooling_mode_max_tokens: bool,
    #[serde(default)]
    pooling_mode_mean_sqrt_len_tokens: bool,
}

#[derive(Default, Deserialize)]
struct SentenceFile {
    max_seq_length: Option<usize>,
}

#[derive(Default, Deserialize)]
struct PromptsFile {
    #[serde(default)]
    prompts: HashMap<String, String>,
}

impl Config {
    pub(crate) fn read(folder: &Path) -> Result<Self, Error> {
        let path = folder.join("config.json");
        let bert: BertConfig = required(&path)?;
        validate(&path, &bert)?;
        let pooling_path = folder.join("1_Pooling/config.json");
        let pooling = optional(&pooling_path)?.map_or(Ok(Pooling::Mean), |file| pooling(&pooling_path, &file))?;
        let sentence: SentenceFile = optional(&folder.join("sentence_bert_config.json"))?.unwrap_or_default();
        let max_tokens = sentence.max_seq_length.unwrap_or(512).min(bert.max_position_embeddings);
        if max_tokens < 3 {
            return Err(Error::invalid(folder, "max_seq_length", "leaves no room for text"));
        }
        let prompts: PromptsFile = optional(&folder.join("config_sentence_transformers.json"))?.unwrap_or_default();
        let prompt =
            |names: &[&str]| names.iter().find_map(|name| prompts.prompts.get(*name)).cloned().unwrap_or_default();
        Ok(Self {
            bert,
            pooling,
            max_tokens,
            query_prefix: prompt(&["query"]),
            passage_prefix: prompt(&["passage", "document"]),
        })
    }
}

fn pooling(path: &Path, file: &PoolingFile) -> Result<Pooling, Error> {
    match file {
        PoolingFile {
            pooling_mode_mean_tokens: true,
            pooling_mode_cls_token: false,
            pooling_mode_max_tokens: false,
            pooling_mode_mean_sqrt_len_tokens: false,
        } => Ok(Pooling::Mean),
        PoolingFile {
            pooling_mode_cls_token: true,
            pooling_mode_mean_tokens: false,
            pooling_mode_max_tokens: false,
            pooling_mode_mean_sqrt_len_tokens: false,
        } => Ok(Pooling::First),
        _ => Err(Error::invalid(path, "pooling_mode", "only mean and cls pooling, one of them, are supported")),
    }
}

/// Rules out every value that BERT would divide by, or that no model has.
fn validate(path: &Path, bert: &BertConfig) -> Result<(), Error> {
    let limits = [
        ("vocab_size", bert.vocab_size, 1 << 22),
        ("hidden_size", bert.hidden_size, 1 << 14),
        ("num_hidden_layers", bert.num_hidden_layers, 256),
        ("num_attention_heads", bert.num_attention_heads, 256),
        ("intermediate_size", bert.intermediate_size, 1 << 16),
        ("max_position_embeddings", bert.max_position_embeddings, 1 << 17),
        ("type_vocab_size", bert.type_vocab_size, 1 << 10),
    ];
    for (name, value, most) in limits {
        if value == 0 || value > most {
            return Err(Error::invalid(path, name, format!("{value} is not between 1 and {most}")));
        }
    }
    if !bert.hidden_size.is_multiple_of(bert.num_attention_heads) {
        return Err(Error::invalid(path, "num_attention_heads", "does not divide hidden_size"));
    }
    if !(bert.layer_norm_eps >= 0.0 && bert.layer_norm_eps < 0.1) {
        return Err(Error::invalid(path, "layer_norm_eps", format!("{} is out of range", bert.layer_norm_eps)));
    }
    Ok(())
}

fn required<T: DeserializeOwned>(path: &Path) -> Result<T, Error> {
    optional(path)?.ok_or_else(|| Error::io(path, ErrorKind::NotFound.into()))
}

fn optional<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, Error> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Error::io(path, error)),
    };
    serde_json::from_slice(&bytes).map(Some).map_err(|error| Error::invalid(path, "JSON", shown(&error.to_string())))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BERT: &str = r#"{"vocab_size": 30522, "hidden_size": 384, "num_hidden_layers": 6, "num_attention_heads": 12,
        "intermediate_size": 1536, "hidden_act": "gelu", "hidden_dropout_prob": 0.1, "max_position_embeddings": 512,
        "type_vocab_size": 2, "initializer_range": 0.02, "layer_norm_eps": 1e-12, "pad_token_id": 0, "model_type": "bert"}"#;

    fn read(files: &[(&str, &str)]) -> Result<Config, Error> {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("1_Pooling")).unwrap();
        for (name, text) in files {
            fs::write(folder.path().join(name), text).unwrap();
        }
        Config::read(folder.path())
    }

    #[test]
    fn optional_files_have_defaults() {
        let config = read(&[("config.json", BERT)]).unwrap();
        assert_eq!((config.pooling, config.max_tokens), (Pooling::Mean, 512));
        assert!(config.query_prefix.is_empty());
    }

    #[test]
    fn the_folder_decides_pooling_length_and_prefixes() {
        let config = read(&[
            ("config.json", BERT),
            ("1_Pooling/config.json", r#"{"pooling_mode_cls_token": true}"#),
            ("sentence_bert_config.json", r#"{"max_seq_length": 256}"#),
            ("config_sentence_transformers.json", r#"{"prompts": {"query": "search: ", "document": "doc: "}}"#),
        ])
        .unwrap();
        assert_eq!((config.pooling, config.max_tokens), (Pooling::First, 256));
        assert_eq!((config.query_prefix.as_str(), config.passage_prefix.as_str()), ("search: ", "doc: "));
    }

    #[test]
    fn values_that_bert_cannot_have_are_named() {
        for (from, to, field) in [
            (r#""num_attention_heads": 12"#, r#""num_attention_heads": 0"#, "num_attention_heads"),
            (r#""num_attention_heads": 12"#, r#""num_attention_heads": 7"#, "num_attention_heads"),
            (r#""vocab_size": 30522"#, r#""vocab_size": 99999999999"#, "vocab_size"),
            (r#""layer_norm_eps": 1e-12"#, r#""layer_norm_eps": -1"#, "layer_norm_eps"),
            (r#""hidden_act": "gelu""#, r#""hidden_act": "telu""#, "JSON"),
        ] {
            let error = read(&[("config.json", &BERT.replace(from, to))]).unwrap_err();
            assert!(error.to_string().contains(field), "{error}");
        }
        assert!(matches!(read(&[]), Err(Error::Io { .. })));
        let mixed = r#"{"pooling_mode_cls_token": true, "pooling_mode_max_tokens": true}"#;
        assert!(read(&[("config.json", BERT), ("1_Pooling/config.json", mixed)]).is_err());
    }
}
