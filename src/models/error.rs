//! Why a model is not there: the errors that a caller branches on, and the failures of single sources.
//!
//! A [`Failure::Source`] costs one source and the next is tried; a [`Failure::Fatal`] (the disk, the store itself)
//! would hit every source alike and ends the pull.

use std::fmt;
use std::io;
use std::path::Path;

use crate::report::Hinting as _;

use super::progress::Bytes;

/// The model's license has conditions and nobody has accepted them. Nothing was fetched.
///
/// The caller asks the person and calls again with [`accept_license`](super::PullPolicy::accept_license).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LicenseNotAccepted {
    /// The model.
    pub name: String,
    /// The license's name.
    pub license: String,
    /// Where to read it.
    pub url: String,
}

impl LicenseNotAccepted {
    /// Finds it in an error's chain.
    pub fn of(error: &anyhow::Error) -> Option<&Self> {
        error.chain().find_map(|cause| cause.downcast_ref())
    }
}

impl fmt::Display for LicenseNotAccepted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, license, url } = self;
        write!(f, "{name} comes under the {license} ({url}), which has not been accepted")
    }
}

impl std::error::Error for LicenseNotAccepted {}

/// The pull was cancelled. What had arrived is kept and a later pull goes on from there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cancelled;

impl Cancelled {
    /// Whether an error's chain holds it.
    pub fn is(error: &anyhow::Error) -> bool {
        error.chain().any(<dyn std::error::Error>::is::<Self>)
    }
}

impl fmt::Display for Cancelled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cancelled")
    }
}

impl std::error::Error for Cancelled {}

/// Every source of a model was tried, or ruled out, and none gave it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AllSourcesFailed {
    /// The model.
    pub name: String,
    /// Each source with the reason why it failed, in the order of trying.
    pub tried: Vec<(String, String)>,
}

impl AllSourcesFailed {
    /// Finds it in an error's chain.
    pub fn of(error: &anyhow::Error) -> Option<&Self> {
        error.chain().find_map(|cause| cause.downcast_ref())
    }
}

impl fmt::Display for AllSourcesFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot fetch {}", self.name)?;
        for (at, (source, why)) in self.tried.iter().enumerate() {
            write!(f, "{} {source}: {why}", if at == 0 { ":" } else { ";" })?;
        }
        Ok(())
    }
}

impl std::error::Error for AllSourcesFailed {}

/// How one step of a pull ended short.
#[derive(Debug)]
pub(super) enum Failure {
    /// The person gave up.
    Cancelled,
    /// This source cannot give the file, for this reason; another may.
    Source(String),
    /// No source can help.
    Fatal(anyhow::Error),
}

impl Failure {
    /// A file of the store cannot be written, read or renamed.
    pub(super) fn disk(path: &Path, doing: &str, error: io::Error) -> Self {
        Self::Fatal(anyhow::Error::new(error).context(format!("{}: cannot {doing}", path.display())))
    }

    /// Writing failed with `missing` bytes still to come: a full disk is told with what is needed and what is free.
    pub(super) fn write(path: &Path, missing: u64, error: io::Error) -> Self {
        let full = matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded);
        match free_bytes(path) {
            Some(free) if full => Self::disk(
                path,
                &format!("write the model, {} more are needed and {} are free", Bytes(missing), Bytes(free)),
                error,
            ),
            _ => Self::disk(path, "write the model", error),
        }
    }
}

/// Refuses before the first byte what cannot fit. Unknown free space (some network file systems) passes.
pub(super) fn ensure_free(folder: &Path, needed: u64) -> Result<(), Failure> {
    let Some(free) = free_bytes(folder).filter(|&free| free < needed) else { return Ok(()) };
    let path = folder.display();
    Err::<(), _>(anyhow::Error::new(io::Error::from(io::ErrorKind::StorageFull)))
        .hint("free some space on that disk, or set XDG_DATA_HOME to a folder on a larger one")
        .map_err(|error| {
            error.context(format!(
                "{path}: not enough space for the model, {} are needed and {} are free",
                Bytes(needed),
                Bytes(free)
            ))
        })
        .map_err(Failure::Fatal)
}

/// What an unprivileged process may still write where `path` lies.
fn free_bytes(path: &Path) -> Option<u64> {
    let at = if path.exists() { path } else { path.parent()? };
    let stat = rustix::fs::statvfs(at).ok()?;
    // A file system without a notion of size (some FUSE mounts) reports no blocks at all.
    (stat.f_blocks > 0).then(|| stat.f_bavail.saturating_mul(stat.f_frsize))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Report;

    #[test]
    fn what_cannot_fit_is_refused_with_both_numbers_and_the_path() {
        let dir = tempfile::tempdir().unwrap();
        assert!(ensure_free(dir.path(), 1).is_ok());
        let Err(Failure::Fatal(error)) = ensure_free(dir.path(), u64::MAX) else { panic!("an exabyte fits") };
        let report = Report::new(&error);
        assert!(report.cause.contains(&dir.path().display().to_string()), "{report}");
        assert!(report.cause.contains("18446744.1 TB are needed") && report.cause.contains(" free"), "{report}");
        assert!(report.hint.is_some());
    }

    #[test]
    fn a_license_is_found_below_context() {
        let refused = LicenseNotAccepted { name: "m".into(), license: "L".into(), url: "https://l".into() };
        let error = anyhow::Error::new(refused.clone()).context("cannot start");
        assert_eq!(LicenseNotAccepted::of(&error), Some(&refused));
        assert!(!Cancelled::is(&error));
    }
}
