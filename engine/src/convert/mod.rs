//! A model folder as Hugging Face publishes it, read as if it were a GGUF file.
//!
//! Place in the flow: [`crate::quantize()`] → [`Folder`] → the header that a GGUF file of this model has (`config` and `rope`,
//! `tokenizer` and `special`), and its tensors (`tensors`), read from the safetensors files (`shards`) one after the other.
//! What the header says and how tensors change follows llama.cpp's converter (`conversion/` of
//! <https://github.com/ggml-org/llama.cpp>), so that what comes of it is read there too.
//!
//! Invariants: by its names nothing outside the folder is opened; of the weights one tensor is in memory. A folder that opens is a
//! model that [`crate::Decoder`] opens: the header is checked by the engine's own readers before any weight is read.

mod assumptions;
mod config;
mod json;
mod pieces;
mod pre;
mod probe;
#[cfg(test)]
mod published;
mod rope;
mod shards;
mod special;
mod table;
mod tensors;
#[cfg(test)]
mod tests;
mod tokenizer;

use std::collections::HashMap;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use config::Config;
use shards::Shards;
use tensors::Planned;
use tokenizer::Definition;

use crate::error::{Error, shown};
use crate::gguf::{DEFAULT_ALIGNMENT, Description, Header, Pairs, Source, Tensor, header};
use crate::hyperparameters::Hyperparameters;
use crate::template::ChatTemplate;
use crate::tokenizer::Tokenizer;

/// Files that say something of a model, the weights apart. The first two must be there.
const ABOUT: [&str; 6] = [
    "config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "generation_config.json",
    "chat_template.jinja",
    "chat_template.json",
];

/// Whether [`crate::quantize()`] takes `path` for a model folder: a directory, or a `.safetensors` file in one.
pub fn is_model_folder(path: &Path) -> bool {
    path.is_dir() || path.extension().is_some_and(|extension| extension == "safetensors")
}

/// A model folder whose header was made and checked.
#[derive(Debug)]
pub(crate) struct Folder {
    /// Of the file to be; the path is the folder's.
    header: Header,
    /// The same as it lies in that file.
    bytes: Vec<u8>,
    /// Those of [`ABOUT`], there or not.
    files: [PathBuf; 6],
    shards: Shards,
    /// By the name in the header.
    tensors: HashMap<String, Planned>,
}

impl Folder {
    /// Reads what there is in the folder at `path`, or in the one that the file at `path` lies in, but for the weights themselves.
    ///
    /// # Errors
    /// [`Error::Io`] when a file cannot be read, [`Error::MissingKey`] and [`Error::Invalid`] when one is damaged or contradicts
    /// another, or asks for what the engine does not do; [`Error::UnsupportedArchitecture`], [`Error::UnsupportedPreTokenizer`].
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        let (folder, named) = if path.is_dir() {
            (path, None)
        } else {
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
            (folder.unwrap_or(Path::new(".")), path.file_name())
        };
        let files = ABOUT.map(|name| folder.join(name));
        let config = Config::read(&files[0])?;
        let definition = Definition::read(&files[1])?;
        let shards = Shards::open(folder, named)?;
        let planned = tensors::plan(&config, &shards)?;
        let mut pairs = Pairs::default();
        config.describe(&name(folder), &mut pairs);
        definition.describe(config.vocabulary, &mut pairs)?;
        special::describe(folder, &config, &definition, &mut pairs)?;
        let descriptions: Vec<Description<'_>> = planned.iter().map(Planned::describe).collect();
        let (bytes, data) = header(&pairs, &descriptions, DEFAULT_ALIGNMENT);
        let size = (bytes.len() as u64).next_multiple_of(DEFAULT_ALIGNMENT) + data;
        let header = Header::parse(folder, bytes.as_slice(), size)?;
        check(&header, &definition)?;
        let tensors = planned.into_iter().map(|tensor| (tensor.name.clone(), tensor)).collect();
        Ok(Self { header, bytes, files, shards, tensors })
    }
}

/// Fails unless the engine opens what has this header.
fn check(header: &Header, definition: &Definition) -> Result<(), Error> {
    Hyperparameters::read(header)?;
    let tokenizer = Tokenizer::from_gguf(&header.metadata)?;
    ChatTemplate::from_gguf(&header.metadata, &tokenizer)?;
    probe::check(definition, &tokenizer)
}

/// What to call the model in a folder: by the folder, or in a cache of the hub by what it is called there.
fn name(folder: &Path) -> String {
    let folder = fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned());
    let called = |folder: &Path| folder.file_name().map(|name| name.to_string_lossy().into_owned());
    // models--OWNER--NAME/snapshots/REVISION
    let snapshots = folder.parent().filter(|parent| parent.ends_with("snapshots"));
    let repository = snapshots.and_then(Path::parent).and_then(called);
    let cached = repository.as_deref().and_then(|name| name.strip_prefix("models--")?.rsplit("--").next());
    cached.map(str::to_owned).or_else(|| called(&folder)).unwrap_or_else(|| "model".to_owned())
}

impl Source for Folder {
    fn header(&self) -> &Header {
        &self.header
    }

    fn files(&self) -> Vec<&Path> {
        self.files.iter().map(PathBuf::as_path).chain(self.shards.files()).collect()
    }

    fn pair(&self, range: Range<u64>) -> Result<Vec<u8>, Error> {
        Ok(self.bytes[range.start as usize..range.end as usize].to_vec())
    }

    fn data(&self, name: &str, _: &Tensor) -> Result<Vec<u8>, Error> {
        let missing = || Error::invalid(&self.header.path, format!("tensor {}", shown(name)), "is missing");
        self.tensors.get(name).ok_or_else(missing)?.data(&self.shards)
    }
}
