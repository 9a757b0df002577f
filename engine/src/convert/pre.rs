//! How `tokenizer.json` cuts text ahead of BPE, recognized by its definition.
//!
//! llama.cpp's converter encodes a text and looks the hash of its ids up in a table of models; the definition says the same and
//! knows models that no table lists. What results is compared by `probe` all the same. A definition that stands here in no row is
//! an error: another cut gives other tokens than the model was trained on.

use std::path::Path;

use serde_json::Value;

use crate::error::{Error, shown};

/// The two ways to write contractions: that of published files, and llama.cpp's, whose expressions know no inner flags.
const CONTRACTIONS: [&str; 2] =
    ["(?i:'s|'t|'re|'ve|'m|'ll|'d)|", "(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])|"];
/// What follows them in the files of Llama 3, and of Qwen2 and Qwen3.
const LLAMA3: &str = r"[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
const QWEN2: &str = r"[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

/// Names of `tokenizer.ggml.pre` with the steps that they stand for, and whether whole pieces are taken without merging.
const KNOWN: &[(&str, &[Step<'static>], bool)] = &[
    ("smollm", &[Step::Digits, Step::Bytes { cuts: true }], false),
    ("llama-bpe", &[Step::Split(LLAMA3), Step::Bytes { cuts: false }], true),
    ("qwen2", &[Step::Split(QWEN2), Step::Bytes { cuts: false }], false),
    ("gpt-2", &[Step::Bytes { cuts: true }], false),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step<'a> {
    /// Each digit by itself.
    Digits,
    /// By an expression, its contractions taken off.
    Split(&'a str),
    /// Bytes become characters; `cuts` by GPT-2's expression first.
    Bytes { cuts: bool },
}

/// The name of the way in which byte-level BPE cuts text, as [`crate::Tokenizer`] knows it.
pub(super) fn byte_level(
    path: &Path,
    normalizer: Option<&Value>,
    pre: Option<&Value>,
    ignore_merges: bool,
) -> Result<&'static str, Error> {
    // llama.cpp and this engine read text as it stands; what is typed is composed already but for rare letters.
    if parts(normalizer, "normalizers").iter().any(|part| part["type"] != "NFC") {
        return Err(unsupported(path, "normalizer", normalizer));
    }
    let found: Option<Vec<Step<'_>>> = parts(pre, "pretokenizers").into_iter().map(step).collect();
    let known = KNOWN.iter().find(|(_, steps, _)| found.as_deref() == Some(*steps));
    let (name, _, whole) = known.ok_or_else(|| Error::UnsupportedPreTokenizer {
        path: path.to_owned(),
        pre: definition(pre),
        supported: KNOWN.iter().map(|(name, ..)| *name).collect::<Vec<_>>().join(", "),
    })?;
    if *whole != ignore_merges {
        let reason = format!("{ignore_merges} does not go with the pre-tokenizer {name}");
        return Err(Error::invalid(path, "model.ignore_merges", reason));
    }
    Ok(*name)
}

/// Whether a SentencePiece vocabulary begins texts with a space; fails on a definition that does more than to write ▁ for spaces.
pub(super) fn sentence_level(path: &Path, normalizer: Option<&Value>, pre: Option<&Value>) -> Result<bool, Error> {
    let is_replace =
        |part: &Value| part["type"] == "Replace" && part["pattern"]["String"] == " " && part["content"] == "▁";
    let is_prepend = |part: &Value| part["type"] == "Prepend" && part["prepend"] == "▁";
    // Gemma's, without effect once spaces are replaced.
    let is_idle = |part: &Value| part["type"] == "Split" && part["pattern"]["String"] == " ";
    let normalizers = parts(normalizer, "normalizers");
    match (&normalizers[..], &parts(pre, "pretokenizers")[..]) {
        ([prepend, replace], []) if is_prepend(prepend) && is_replace(replace) => Ok(true),
        ([replace], []) if is_replace(replace) => Ok(false),
        ([replace], [split]) if is_replace(replace) && is_idle(split) => Ok(false),
        ([], [space]) if space["type"] == "Metaspace" && space["replacement"] == "▁" && space["split"] == false => {
            match space["prepend_scheme"].as_str() {
                Some("always" | "first") => Ok(true),
                Some("never") => Ok(false),
                _ => Err(unsupported(path, "pre_tokenizer", pre)),
            }
        }
        ([], _) => Err(unsupported(path, "pre_tokenizer", pre)),
        _ => Err(unsupported(path, "normalizer", normalizer)),
    }
}

/// The parts of a sequence, or the one that there is.
fn parts<'a>(value: Option<&'a Value>, list: &str) -> Vec<&'a Value> {
    match value {
        None | Some(Value::Null) => Vec::new(),
        Some(value) if value["type"] == "Sequence" => {
            value[list].as_array().map_or_else(|| vec![value], |parts| parts.iter().collect())
        }
        Some(value) => vec![value],
    }
}

fn step(value: &Value) -> Option<Step<'_>> {
    match value["type"].as_str()? {
        "Digits" if value["individual_digits"] == true => Some(Step::Digits),
        "Split" if value["behavior"] == "Isolated" && value["invert"] == false => {
            let expression = value["pattern"]["Regex"].as_str()?;
            CONTRACTIONS.iter().find_map(|contractions| expression.strip_prefix(contractions)).map(Step::Split)
        }
        "ByteLevel" if value["add_prefix_space"] == false => Some(Step::Bytes { cuts: value["use_regex"] != false }),
        _ => None,
    }
}

fn definition(value: Option<&Value>) -> String {
    value.map_or_else(|| "null".to_owned(), |value| shown(&value.to_string()))
}

fn unsupported(path: &Path, field: &str, value: Option<&Value>) -> Error {
    Error::invalid(path, field, format!("{} is not supported", definition(value)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn bytes(pre: &Value, ignore_merges: bool) -> Result<&'static str, Error> {
        byte_level(Path::new("tokenizer.json"), None, Some(pre), ignore_merges)
    }

    fn split(rest: &str) -> Value {
        let cut = json!({"type": "Split", "pattern": {"Regex": format!("(?i:'s|'t|'re|'ve|'m|'ll|'d)|{rest}")},
            "behavior": "Isolated", "invert": false});
        let bytes = json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": false, "use_regex": false});
        json!({"type": "Sequence", "pretokenizers": [cut, bytes]})
    }

    #[test]
    fn published_definitions_have_the_names_of_llama_cpp() {
        let gpt2 = json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true});
        let digits = json!({"type": "Digits", "individual_digits": true});
        let smollm = json!({"type": "Sequence", "pretokenizers": [digits, gpt2]});
        assert_eq!(bytes(&gpt2, false).unwrap(), "gpt-2");
        assert_eq!(bytes(&smollm, false).unwrap(), "smollm");
        assert_eq!(bytes(&split(LLAMA3), true).unwrap(), "llama-bpe");
        assert_eq!(bytes(&split(QWEN2), false).unwrap(), "qwen2");
        let composed = json!({"type": "NFC"});
        let named = byte_level(Path::new("t"), Some(&composed), Some(&split(QWEN2)), false);
        assert_eq!(named.unwrap(), "qwen2");
    }

    #[test]
    fn other_definitions_are_not_guessed() {
        let unknown = bytes(&split(r"\p{N}{1,2}"), false).unwrap_err().to_string();
        assert!(unknown.contains("pre-tokenizer") && unknown.contains("llama-bpe"), "{unknown}");
        assert!(bytes(&split(LLAMA3), false).unwrap_err().to_string().contains("model.ignore_merges"));
        assert!(bytes(&json!("ByteLevel"), false).is_err() && bytes(&json!({"type": 1}), false).is_err());
        let lower = json!({"type": "Lowercase"});
        let error = byte_level(Path::new("t"), Some(&lower), Some(&split(QWEN2)), false).unwrap_err();
        assert!(error.to_string().contains("normalizer"), "{error}");
    }

    #[test]
    fn spaces_of_sentence_vocabularies_are_written_in_three_ways() {
        let sentence = |normalizer: &Value, pre: &Value| sentence_level(Path::new("t"), Some(normalizer), Some(pre));
        let replace = json!({"type": "Replace", "pattern": {"String": " "}, "content": "▁"});
        let prepend = json!({"type": "Prepend", "prepend": "▁"});
        let llama = json!({"type": "Sequence", "normalizers": [prepend, replace]});
        assert!(sentence(&llama, &Value::Null).unwrap());
        let gemma =
            json!({"type": "Split", "pattern": {"String": " "}, "behavior": "MergedWithPrevious", "invert": false});
        assert!(!sentence(&replace, &gemma).unwrap());
        let metaspace =
            |scheme: &str| json!({"type": "Metaspace", "replacement": "▁", "prepend_scheme": scheme, "split": false});
        assert!(sentence(&Value::Null, &metaspace("first")).unwrap());
        assert!(!sentence(&Value::Null, &metaspace("never")).unwrap());
        assert!(sentence(&json!({"type": "NFKC"}), &Value::Null).is_err());
        assert!(sentence(&Value::Null, &Value::Null).is_err());
    }
}
