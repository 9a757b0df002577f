//! A model's name becomes a model in memory: found or fetched, checked, opened.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use tanya_engine::{Cancel, Decoder, Embedder, Options, Reader};

use crate::answer::{Identity, LocalGenerator};
use crate::models::{self, Catalogue, Entry, Located, ModelStore, PullEvent, PullPolicy, fingerprint};

/// The model for which the built-in reader was trained, by its name in the catalogue.
pub const READER_BASE: &str = "all-minilm-l6-v2";

/// What makes a reader of it; see `models/reader/README.md`.
const READER: &[u8] = include_bytes!("../../models/reader/reader.safetensors");

/// Where models come from, and what may be done to get them.
#[derive(Debug, Clone)]
pub struct Supply {
    /// The models on disk.
    pub store: ModelStore,
    /// Whether the network may be used, and which licenses are accepted.
    pub policy: PullPolicy,
    /// Where and how models run.
    pub options: Options,
}

/// A model on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OnDisk {
    /// The catalogue's name, or the stem of the file that the person named.
    pub name: String,
    /// The GGUF file, or the embedder's folder.
    pub path: PathBuf,
}

impl Supply {
    /// Finds `wanted` (a catalogue name or a path) on disk, without fetching.
    pub fn find(&self, wanted: &str) -> Result<Option<OnDisk>> {
        Ok(match models::resolve(&self.store, &Catalogue::builtin(), wanted)? {
            Located::Path(path) => Some(named(wanted, path)),
            Located::Missing(_) => None,
        })
    }

    /// Finds `wanted`, fetching it when it is in the catalogue and not here.
    pub fn obtain(&self, wanted: &str, cancel: &Cancel, sink: &mut dyn FnMut(PullEvent)) -> Result<OnDisk> {
        let path = match models::resolve(&self.store, &Catalogue::builtin(), wanted)? {
            Located::Path(path) => path,
            Located::Missing(entry) => models::pull(&self.store, &entry, &self.policy, cancel, sink)?,
        };
        Ok(named(wanted, path))
    }

    /// Makes a model of the catalogue complete on disk; of one that is there every byte is checked, and what is damaged fetched again.
    /// `accepted`: the person has accepted its license.
    pub fn fetch(
        &self,
        entry: &Entry,
        accepted: bool,
        cancel: &Cancel,
        sink: &mut dyn FnMut(PullEvent),
    ) -> Result<PathBuf> {
        if self.store.current(entry).is_some()
            && let Err(error) = self.store.verify(&entry.name, cancel, sink)
        {
            sink(PullEvent::SourceFailed { source: "this machine".into(), why: format!("{error:#}") });
        }
        let accept_license = self.policy.accept_license || accepted;
        models::pull(&self.store, entry, &PullPolicy { accept_license, ..self.policy.clone() }, cancel, sink)
    }

    /// Opens a language model.
    pub fn generator(&self, model: &OnDisk) -> Result<LocalGenerator> {
        let decoder = Decoder::open(&model.path, &self.options)
            .with_context(|| format!("cannot use the model {}", model.name))?;
        let backend = &decoder.info().backend;
        let processor = self.options.processor.as_ref();
        let identity = Identity {
            name: model.name.clone(),
            file: self.file_of(model),
            backend: backend.split(',').next().unwrap_or(backend).to_owned(),
            instructions: processor.map(|processor| processor.instructions().to_owned()).unwrap_or_default(),
            cache: self.options.cache.name().to_owned(),
            build: std::env::current_exe().and_then(|program| fingerprint(&program)).ok(),
        };
        Ok(LocalGenerator::new(identity, decoder))
    }

    /// What tells the file of a model from another: as it was verified, else as it is.
    fn file_of(&self, model: &OnDisk) -> Option<String> {
        let verified = self.store.hash_of(&model.path).map(|hash| format!("sha256:{hash}"));
        verified.or_else(|| fingerprint(&model.path).ok())
    }

    /// Opens an embedder.
    pub fn embedder(&self, model: &OnDisk) -> Result<Embedder> {
        Embedder::open(&model.path, &self.options).with_context(|| format!("cannot use the embedder {}", model.name))
    }

    /// Opens the reader on [`READER_BASE`].
    pub fn reader(&self, base: &OnDisk) -> Result<Reader> {
        Reader::open(&base.path, READER, &self.options).context("cannot use the reader")
    }
}

fn named(wanted: &str, path: PathBuf) -> OnDisk {
    let is_path = wanted.contains(std::path::MAIN_SEPARATOR) || wanted.to_lowercase().ends_with(".gguf");
    let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).filter(|_| is_path);
    OnDisk { name: stem.unwrap_or_else(|| wanted.to_owned()), path }
}
