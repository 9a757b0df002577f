//! A folder → its entries ([`Scan`]): what is there, what is to be read, what is only listed and why.
//!
//! The folder is never written to and nothing is opened here but directories and ignore files. Links are not followed;
//! what is not a regular file is listed with its reason and never opened. Rules in `.gitignore`, `.ignore` and
//! `.tanyaignore` hold with or without a git repository, but only those inside the folder: what stands around it must not
//! silently empty it.

mod ignored;
mod open;
mod scope;

pub(crate) use ignored::{is_passing, is_rule};
pub(crate) use open::{Opened, hash_file, open_regular};
pub(crate) use scope::Scope;

use std::fs::Metadata;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use ignore::{Walk, WalkBuilder};
use tanya_engine::Cancel;
use tanya_index::{FileState, Forgotten};

use super::extract::{Guess, Kind, Ocr, is_picture, not_yet, of_name};
use super::plan::{Found, Scan, Verdict};
use crate::paths;

/// Why a file is not read that a person had forgotten.
const FORGOTTEN: &str = "forgotten on request";

/// What a scan looks at.
#[derive(Debug, Clone)]
pub struct ScanOptions {
    /// Of a text file, at most this many bytes from its beginning are read.
    pub max_text_bytes: u64,
    /// A document that must be read as a whole (PDF, office documents) and is larger than this many bytes is left out.
    pub max_document_bytes: u64,
}

impl Default for ScanOptions {
    fn default() -> Self {
        Self { max_text_bytes: 64 << 20, max_document_bytes: 256 << 20 }
    }
}

impl ScanOptions {
    /// How many bytes of a file with this name are read at most.
    pub(crate) fn read_limit(&self, name: &str) -> u64 {
        match of_name(name) {
            Guess::Known(Kind::Pdf | Kind::Office(_)) => self.max_document_bytes,
            _ => self.max_text_bytes,
        }
    }
}

/// The folder as an absolute path, or a clear error: missing, not a folder, not to be opened.
pub(crate) fn folder_root(folder: &Path) -> Result<PathBuf> {
    let root = match std::fs::canonicalize(folder) {
        Ok(root) => root,
        Err(error) if error.kind() == io::ErrorKind::NotFound => bail!("{}: there is no such folder", folder.display()),
        Err(error) => return Err(error).with_context(|| format!("{}: cannot open the folder", folder.display())),
    };
    if !root.is_dir() {
        bail!("{}: this is a file; tanya reads folders", folder.display());
    }
    std::fs::read_dir(&root).with_context(|| format!("{}: cannot list the folder", folder.display()))?;
    Ok(root)
}

/// Walks what may be looked at: of the whole folder, or of a part and the folders that lead to it, by the same rules.
fn walk(root: &Path, scope: Option<&Scope>) -> Walk {
    let (top, scope) = (root.to_owned(), scope.cloned());
    let wanted = move |path: &Path| {
        scope.as_ref().is_none_or(|scope| path.strip_prefix(&top).is_ok_and(|relative| scope.leads(relative)))
    };
    WalkBuilder::new(root)
        .follow_links(false)
        .same_file_system(false)
        .hidden(true)
        .parents(false)
        .git_ignore(true)
        .git_exclude(true)
        .git_global(false)
        .require_git(false)
        .add_custom_ignore_filename(".tanyaignore")
        .filter_entry(move |entry| entry.depth() == 0 || (wanted(entry.path()) && !ignored::is_left_out(entry)))
        .build()
}

/// The folders that a scan enters, `root` itself first, as absolute paths. What cannot be listed is left out.
pub(crate) fn folders(root: &Path, scope: Option<&Scope>) -> impl Iterator<Item = PathBuf> + use<> {
    walk(root, scope)
        .filter_map(Result::ok)
        .filter(|entry| entry.depth() == 0 || entry.file_type().is_some_and(|kind| kind.is_dir()))
        .map(ignore::DirEntry::into_path)
}

/// Lists a folder, or the part of it that `scope` names. Errors below it are entries, not errors.
pub(crate) fn scan(root: &Path, scope: Option<&Scope>, options: &ScanOptions, cancel: &Cancel) -> Scan {
    let mut scan = Scan::default();
    for entry in walk(root, scope) {
        if cancel.is_cancelled() {
            break;
        }
        match entry {
            Ok(entry) if entry.depth() == 0 || entry.file_type().is_some_and(|kind| kind.is_dir()) => {}
            Ok(entry) => {
                let Ok(relative) = entry.path().strip_prefix(root) else { continue };
                let path = paths::encode(relative);
                match entry.metadata() {
                    Ok(metadata) if ignored::is_secret(&entry) => scan.found.push(secret(path, &metadata)),
                    Ok(metadata) => scan.found.push(judge(path, &metadata, options)),
                    // Gone since it was listed: as if it had never been there.
                    Err(error) if error.io_error().is_some_and(|error| error.kind() == io::ErrorKind::NotFound) => {}
                    Err(error) => scan.found.push(unread(path, &io_reason(error.io_error()))),
                }
            }
            Err(error) => blind(root, &error, &mut scan),
        }
    }
    if let Some(scope) = scope {
        // A file on the way to a wanted path, where a folder was expected, or a folder that cannot be listed.
        scan.found.retain(|found| scope.covers(&paths::decode(&found.path)));
    }
    scan.found.sort_by(|a, b| a.path.cmp(&b.path));
    scan.found.dedup_by(|a, b| a.path == b.path);
    scan
}

/// Has pictures read where their words can be, or says of each why not.
pub(crate) fn take_in_pictures(scan: &mut Scan, ocr: &Ocr, options: &ScanOptions) {
    let is_left = |found: &&mut Found| {
        let name = found.path.rsplit('/').next().unwrap_or(&found.path);
        is_picture(name) && found.verdict == Verdict::Unread(FileState::Skipped, not_yet(name))
    };
    for found in scan.found.iter_mut().filter(is_left) {
        found.verdict = match ocr {
            Ocr::Off => return,
            Ocr::Missing(why) => Verdict::Unread(FileState::Skipped, format!("a picture: {why}")),
            Ocr::By(_) if found.size > options.max_text_bytes => {
                Verdict::Unread(FileState::Skipped, format!("larger than {} MiB", options.max_text_bytes >> 20))
            }
            Ocr::By(_) => Verdict::Read,
        };
    }
}

/// Lists what a person had forgotten without reading it.
pub(crate) fn leave_out(scan: &mut Scan, forgotten: &Forgotten) {
    for found in scan.found.iter_mut().filter(|found| forgotten.covers(&found.path)) {
        found.verdict = Verdict::Unread(FileState::Skipped, FORGOTTEN.to_owned());
    }
}

fn judge(path: String, metadata: &Metadata, options: &ScanOptions) -> Found {
    let name = path.rsplit('/').next().unwrap_or(&path);
    let skipped = |reason: String| Verdict::Unread(FileState::Skipped, reason);
    let kind = metadata.file_type();
    let verdict = if kind.is_symlink() {
        skipped("a link: links are not followed".to_owned())
    } else if kind.is_fifo() || kind.is_socket() || kind.is_block_device() || kind.is_char_device() {
        skipped("not a regular file".to_owned())
    } else {
        match of_name(name) {
            Guess::NotYet => skipped(not_yet(name)),
            Guess::Known(Kind::Pdf | Kind::Office(_)) if metadata.len() > options.max_document_bytes => {
                skipped(format!("larger than {} MiB", options.max_document_bytes >> 20))
            }
            Guess::Known(_) | Guess::Unknown => Verdict::Read,
        }
    };
    Found { size: metadata.len(), mtime_ns: mtime_ns(metadata), verdict, hash: None, path }
}

fn secret(path: String, metadata: &Metadata) -> Found {
    let verdict = Verdict::Unread(FileState::Skipped, "looks like a secret (keys, passwords, cookies)".to_owned());
    Found { size: metadata.len(), mtime_ns: mtime_ns(metadata), verdict, hash: None, path }
}

/// Nanoseconds since the Unix epoch; times beyond what `i64` holds (year 2262) are all the last one.
pub(crate) fn mtime_ns(metadata: &Metadata) -> i64 {
    metadata.mtime().saturating_mul(1_000_000_000).saturating_add(metadata.mtime_nsec())
}

fn unread(path: String, reason: &str) -> Found {
    let verdict = Verdict::Unread(FileState::Failed, reason.to_owned());
    Found { path, size: 0, mtime_ns: 0, verdict, hash: None }
}

/// A folder that could not be listed: reported, and what is known below it kept.
fn blind(root: &Path, error: &ignore::Error, scan: &mut Scan) {
    let Some(path) = path_of(error).and_then(|path| path.strip_prefix(root).ok()) else {
        tracing::debug!(%error, "a part of the folder could not be listed");
        return;
    };
    if path.as_os_str().is_empty() {
        return;
    }
    if error.io_error().is_some_and(|error| error.kind() == io::ErrorKind::NotFound) {
        return;
    }
    let path = paths::encode(path);
    scan.blind.push(format!("{path}/"));
    scan.found.push(unread(path, &format!("cannot list this folder: {}", io_reason(error.io_error()))));
}

fn path_of(error: &ignore::Error) -> Option<&Path> {
    match error {
        ignore::Error::WithPath { path, .. } => Some(path),
        ignore::Error::WithDepth { err, .. } | ignore::Error::WithLineNumber { err, .. } => path_of(err),
        _ => None,
    }
}

/// An I/O error in words, without numbers of the operating system.
pub(crate) fn io_reason(error: Option<&io::Error>) -> String {
    match error.map(io::Error::kind) {
        Some(io::ErrorKind::PermissionDenied) => "permission denied".to_owned(),
        Some(io::ErrorKind::NotFound) => "it is gone".to_owned(),
        Some(kind) => kind.to_string(),
        None => "cannot be read".to_owned(),
    }
}

#[cfg(test)]
mod tests;
