//! The models that are on this machine: one folder each, complete or not there.
//!
//! Files arrive under temporary names and are renamed; [`MARKER`] is written last, with every file's size and hash. A
//! folder without it is an unfinished pull (or files that the person put there) and no path into it is given out.
//! Starting a program trusts marker and sizes, which is cheap; [`ModelStore::verify`] reads every byte.

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, anyhow, bail};
use serde::{Deserialize, Serialize};
use tanya_engine::Cancel;

use super::catalogue::{Entry, Kind, is_model_name};
use super::error::{Cancelled, Failure};
use super::hash::FileHash;
use super::lock::{Attempt, Lock};
use super::progress::PullEvent;
use crate::atomic;
use crate::report::Hinting as _;

/// Says that a model's folder is complete.
pub(super) const MARKER: &str = "complete.json";
/// Hashes that the catalogue does not know, kept beside the folder so that removing a model does not forget them.
const PINS: &str = "pins.json";
/// Version of both files.
const FORMAT: u32 = 1;

/// A folder of models.
#[derive(Debug, Clone)]
pub struct ModelStore {
    dir: PathBuf,
}

/// A complete model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Installed {
    /// Its name.
    pub name: String,
    /// What it does.
    pub kind: Kind,
    /// The GGUF file of a generator, the folder of an embedder.
    pub path: PathBuf,
    /// All its files together.
    pub bytes: u64,
    /// Where the files came from.
    pub source: String,
    /// Unix seconds.
    pub completed_at: u64,
}

/// The content of [`MARKER`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Marker {
    format: u32,
    name: String,
    kind: Kind,
    completed_at: u64,
    files: Vec<StoredFile>,
}

/// A file that was hashed when it arrived.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct StoredFile {
    pub(super) name: String,
    pub(super) size: u64,
    pub(super) sha256: FileHash,
    pub(super) source: String,
}

/// The content of [`PINS`].
#[derive(Debug, Default, Serialize, Deserialize)]
struct Pins {
    format: u32,
    files: Vec<StoredFile>,
}

impl ModelStore {
    /// The store in `dir`, which need not exist yet.
    pub fn at(dir: PathBuf) -> Self {
        Self { dir }
    }

    /// The store's folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The GGUF file of a generator, or the folder of an embedder, if that model is complete: marked, and every file
    /// there with its size.
    pub fn path_of(&self, name: &str) -> Option<PathBuf> {
        let marker = self.marker(name)?;
        marker.files.iter().all(|file| file.size_matches(&self.folder(name))).then(|| self.entrance(&marker))
    }

    /// As [`Self::path_of`], and the files are those that this catalogue names. A newer catalogue may have replaced
    /// them; an older download is then not what the entry means.
    pub(crate) fn current(&self, entry: &Entry) -> Option<PathBuf> {
        let marker = self.marker(&entry.name)?;
        let same = entry.files.iter().all(|wanted| {
            marker
                .files
                .iter()
                .any(|file| file.name == wanted.name && wanted.sha256.is_none_or(|sha256| file.sha256 == sha256))
        });
        if same { self.path_of(&entry.name) } else { None }
    }

    /// The SHA-256 of the file of a model at `path`, as it was verified when it arrived; `None` for a file of another place.
    pub fn hash_of(&self, path: &Path) -> Option<FileHash> {
        let below = path.strip_prefix(&self.dir).ok()?;
        let marker = self.marker(below.iter().next()?.to_str()?)?;
        let file = marker.files.iter().find(|file| self.folder(&marker.name).join(&file.name) == path)?;
        Some(file.sha256)
    }

    /// All complete models by name. A store that does not exist is empty.
    pub fn installed(&self) -> Result<Vec<Installed>> {
        let entries = match fs::read_dir(&self.dir) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error).with_context(|| format!("{}: cannot list the models", self.dir.display())),
        };
        let mut installed: Vec<Installed> = entries
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .filter_map(|name| {
                let path = self.path_of(&name)?;
                let marker = self.marker(&name)?;
                let bytes = marker.files.iter().map(|file| file.size).sum();
                let mut sources: Vec<String> = marker.files.into_iter().map(|file| file.source).collect();
                sources.dedup();
                let source = sources.join(", ");
                Some(Installed { name, kind: marker.kind, path, bytes, source, completed_at: marker.completed_at })
            })
            .collect();
        installed.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(installed)
    }

    /// Deletes a model, complete or not, and returns the bytes that this freed. Hashes pinned at its first pull stay.
    pub fn remove(&self, name: &str) -> Result<u64> {
        let folder = self.folder(name);
        let shown = folder.display();
        if !is_model_name(name) || !folder.is_dir() {
            return Err(anyhow!("{name}: no such model in {}", self.dir.display()))
                .hint("see `tanya models list` for those that are there");
        }
        let _lock = match Lock::attempt(&self.lock_path(name)).map_err(Failure::into_error)? {
            Attempt::Held(lock) => lock,
            Attempt::Taken { holder } => {
                let by = holder.map_or_else(String::new, |pid| format!(" by process {pid}"));
                bail!("{name}: it is being fetched{by}");
            }
        };
        let freed = folder_size(&folder);
        // Without its marker the folder is an unfinished pull: a removal that is cut short leaves nothing half-usable.
        remove_if_there(&folder.join(MARKER))
            .and_then(|()| fs::remove_dir_all(&folder))
            .with_context(|| format!("{shown}: cannot remove the model"))?;
        Ok(freed)
    }

    /// Reads every byte of a complete model and compares hashes. A damaged model loses its marker, so that the next
    /// pull fetches what is damaged and keeps the rest.
    pub fn verify(&self, name: &str, cancel: &Cancel, sink: &mut dyn FnMut(PullEvent)) -> Result<()> {
        let folder = self.folder(name);
        let marker = self.marker(name).ok_or_else(|| anyhow!("{name}: not in {}", self.dir.display()))?;
        let mut damaged = Vec::new();
        for file in &marker.files {
            sink(PullEvent::Verifying { file: file.name.clone() });
            let path = folder.join(&file.name);
            match hash_file(&path, cancel) {
                Ok((sha256, _)) if sha256 == file.sha256 => {}
                Ok((sha256, _)) => {
                    damaged.push(format!("{}: SHA-256 is {sha256}, not {}", path.display(), file.sha256));
                }
                Err(Failure::Cancelled) => bail!(Cancelled),
                Err(failure) => damaged.push(format!("{:#}", failure.into_error())),
            }
        }
        if damaged.is_empty() {
            return Ok(());
        }
        let marker = folder.join(MARKER);
        remove_if_there(&marker).with_context(|| format!("{}: cannot remove", marker.display()))?;
        Err(anyhow!("{name} is damaged: {}", damaged.join("; ")))
            .hint(format!("fetch the damaged files again: tanya models pull {name}"))
    }

    /// Where the model's files lie.
    pub(super) fn folder(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    pub(super) fn lock_path(&self, name: &str) -> PathBuf {
        self.dir.join(format!("{name}.lock"))
    }

    /// Also shown to a person whose pinned hash no longer matches.
    pub(super) fn pins_path(&self, name: &str) -> PathBuf {
        self.dir.join(format!("{name}.{PINS}"))
    }

    /// What a file must be according to the first pull on this machine.
    pub(super) fn pin(&self, name: &str, file: &str) -> Result<Option<StoredFile>, Failure> {
        let path = self.pins_path(name);
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Failure::disk(&path, "read the pinned hashes", error)),
        };
        // A pin that cannot be read must not turn into "no pin": that would accept anything.
        let pins: Pins = serde_json::from_slice(&text)
            .map_err(|error| Failure::disk(&path, "read the pinned hashes", error.into()))?;
        Ok(pins.files.into_iter().find(|pin| pin.name == file))
    }

    /// Pins these files from now on. The caller holds the model's lock.
    pub(super) fn set_pins(&self, name: &str, files: Vec<StoredFile>) -> Result<(), Failure> {
        write_json(&self.pins_path(name), &Pins { format: FORMAT, files })
    }

    /// Makes the store's and the model's folder, readable by this user only.
    pub(super) fn create_folder(&self, name: &str) -> Result<PathBuf, Failure> {
        let folder = self.folder(name);
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&folder)
            .map_err(|error| Failure::disk(&folder, "create the folder", error))?;
        Ok(folder)
    }

    /// Marks the model complete; the files are there. The caller holds the model's lock.
    pub(super) fn complete(&self, entry: &Entry, files: Vec<StoredFile>) -> Result<PathBuf, Failure> {
        let completed_at = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let marker = Marker { format: FORMAT, name: entry.name.clone(), kind: entry.kind, completed_at, files };
        write_json(&self.folder(&entry.name).join(MARKER), &marker)?;
        Ok(self.entrance(&marker))
    }

    fn marker(&self, name: &str) -> Option<Marker> {
        if !is_model_name(name) {
            return None;
        }
        let marker: Marker = serde_json::from_slice(&fs::read(self.folder(name).join(MARKER)).ok()?).ok()?;
        (marker.format == FORMAT && marker.name == name && !marker.files.is_empty()).then_some(marker)
    }

    fn entrance(&self, marker: &Marker) -> PathBuf {
        let folder = self.folder(&marker.name);
        match marker.kind {
            Kind::Generator => folder.join(&marker.files[0].name),
            Kind::Embedder => folder,
        }
    }
}

impl StoredFile {
    fn size_matches(&self, folder: &Path) -> bool {
        fs::metadata(folder.join(&self.name)).is_ok_and(|meta| meta.is_file() && meta.len() == self.size)
    }
}

impl Failure {
    /// As an error of a public function.
    pub(super) fn into_error(self) -> anyhow::Error {
        match self {
            Self::Cancelled => Cancelled.into(),
            Self::Source(why) => anyhow!(why),
            Self::Fatal(error) => error,
        }
    }
}

/// Hashes a file of the store; also returns its size.
pub(super) fn hash_file(path: &Path, cancel: &Cancel) -> Result<(FileHash, u64), Failure> {
    let mut step = |_| if cancel.is_cancelled() { Err(io::ErrorKind::Interrupted.into()) } else { Ok(()) };
    FileHash::of_file(path, &mut step).map_err(|error| match error.kind() {
        io::ErrorKind::Interrupted => Failure::Cancelled,
        _ => Failure::disk(path, "read", error),
    })
}

/// Makes renames in `folder` survive a power cut. Best effort: some file systems cannot sync a folder.
pub(super) fn sync_folder(folder: &Path) {
    if let Err(error) = File::open(folder).and_then(|dir| dir.sync_all()) {
        tracing::debug!("{}: cannot sync the folder: {error}", folder.display());
    }
}

/// Writes beside the target, syncs, renames.
fn write_json(path: &Path, value: &impl Serialize) -> Result<(), Failure> {
    let folder = path.parent().expect("files of the store lie in its folder");
    let text = serde_json::to_vec_pretty(value).map_err(io::Error::from);
    text.and_then(|text| atomic::replace(path, &text, None)).map_err(|error| Failure::disk(path, "write", error))?;
    sync_folder(folder);
    Ok(())
}

pub(super) fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Bytes of all files below `folder`; what vanishes meanwhile counts as nothing.
pub(super) fn folder_size(folder: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    entries
        .flatten()
        .map(|entry| match entry.metadata() {
            Ok(meta) if meta.is_dir() => folder_size(&entry.path()),
            Ok(meta) => meta.len(),
            Err(_) => 0,
        })
        .sum()
}
