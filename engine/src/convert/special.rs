//! Which tokens begin and end a text, and the chat template.
//!
//! As `SpecialVocab` of llama.cpp's `gguf-py/gguf/vocab.py`: `tokenizer_config.json` names tokens by their text, `config.json` by
//! their id where the other does not. `generation_config.json` is asked last; the converter does not read it.

use std::path::Path;

use serde_json::Value;

use super::config::Config;
use super::json::{self, Document, Object};
use super::tokenizer::Definition;
use crate::error::Error;
use crate::gguf::Pairs;

/// Names in the files, and keys of the header.
const TOKENS: [(&str, &str); 4] = [
    ("bos_token", "tokenizer.ggml.bos_token_id"),
    ("eos_token", "tokenizer.ggml.eos_token_id"),
    ("unk_token", "tokenizer.ggml.unknown_token_id"),
    ("pad_token", "tokenizer.ggml.padding_token_id"),
];
/// A template that is longer is none: the reader of headers takes no longer text.
const LONGEST_TEMPLATE: u64 = 4 << 20;
/// Size of the vocabulary of `SmolLM2` and Granite, which begin with no token whatever their files say (`set_vocab` of llama.cpp's
/// `conversion/llama.py`).
const WITHOUT_BEGIN: usize = 49_152;

/// Adds what a header says of tokens with a meaning.
pub(super) fn describe(
    folder: &Path,
    config: &Config,
    definition: &Definition,
    pairs: &mut Pairs,
) -> Result<(), Error> {
    let settings = Document::optional(&folder.join("tokenizer_config.json"))?;
    let generation = Document::optional(&folder.join("generation_config.json"))?;
    let settings = settings.as_ref().map(Document::root);
    let ids = [Some(config.root()), generation.as_ref().map(Document::root)];
    for (name, key) in TOKENS {
        let named = settings.and_then(|settings| content(&settings, name)).and_then(|text| definition.added(text));
        let numbered = || ids.iter().flatten().find_map(|object| id(object, &format!("{name}_id")));
        let found = named.or_else(numbered);
        // As the converter does with an id that has no token, such as the padding of some Llamas.
        if let Some(id) = found.filter(|id| (*id as usize) < config.vocabulary) {
            pairs.u32(key, id);
        }
    }
    let begins = match settings.map(|settings| settings.bool("add_bos_token")).transpose()?.flatten() {
        _ if config.architecture.turns_neighbors() && config.vocabulary == WITHOUT_BEGIN => Some(false),
        Some(begins) => Some(begins),
        None => first(definition)
            .map(|first| settings.is_none_or(|settings| content(&settings, "bos_token") == Some(first))),
    };
    if let Some(begins) = begins {
        pairs.bool("tokenizer.ggml.add_bos_token", begins);
    }
    if let Some(template) = template(folder, settings.as_ref())? {
        pairs.string("tokenizer.chat_template", &template);
    }
    Ok(())
}

/// The text of a token, which stands there as it is or in an object.
fn content<'a>(settings: &Object<'a>, name: &str) -> Option<&'a str> {
    let value = settings.get(name)?;
    value.as_str().or_else(|| value["content"].as_str())
}

/// The id under `key`, or the first of several.
fn id(object: &Object<'_>, key: &str) -> Option<u32> {
    let value = object.get(key)?;
    let id = value.as_array().map_or(Some(value), |several| several.first())?;
    id.as_u64().and_then(|id| u32::try_from(id).ok())
}

/// The token that the definition puts in front of a text, where it puts one there.
fn first(definition: &Definition) -> Option<&str> {
    let post = definition.parts.post_processor.as_ref()?;
    let processors = post["processors"].as_array().map_or(std::slice::from_ref(post), Vec::as_slice);
    let template = processors.iter().find(|processor| processor["type"] == "TemplateProcessing")?;
    let single = template["single"].as_array().filter(|single| single.len() > 1)?;
    single[0]["SpecialToken"]["id"].as_str()
}

/// The default template: in the settings, or in a file of its own.
fn template(folder: &Path, settings: Option<&Object<'_>>) -> Result<Option<String>, Error> {
    match settings.and_then(|settings| settings.get("chat_template")) {
        Some(Value::String(template)) => return Ok(Some(template.clone())),
        Some(Value::Array(templates)) => {
            let default = templates.iter().find(|template| template["name"] == "default");
            return Ok(default.and_then(|template| template["template"].as_str()).map(str::to_owned));
        }
        _ => {}
    }
    let path = folder.join("chat_template.jinja");
    if let Some(bytes) = json::bytes(&path, LONGEST_TEMPLATE)? {
        let text = String::from_utf8(bytes);
        return text.map(Some).map_err(|_| Error::invalid(&path, "file", "is not UTF-8"));
    }
    let Some(document) = Document::optional(&folder.join("chat_template.json"))? else {
        return Ok(None);
    };
    Ok(document.root().text("chat_template")?.map(str::to_owned))
}
