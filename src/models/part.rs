//! A file on its way in: hashed while it is written, under a temporary name, renamed only when it is right.
//!
//! The temporary file survives a broken connection, a cancel and a kill; opening it again hashes what is there, and
//! the download goes on behind it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use tanya_engine::Cancel;

use super::error::Failure;
use super::hash::{FileHash, Hasher};
use super::store::{remove_if_there, sync_folder};

/// What distinguishes an unfinished file; a leading dot keeps it out of listings.
pub(super) const SUFFIX: &str = ".part";

/// An unfinished file.
pub(super) struct PartFile {
    path: PathBuf,
    file: File,
    hasher: Hasher,
    written: u64,
}

impl PartFile {
    /// Opens the unfinished file of `name` in a model's folder, with whatever an earlier pull left in it.
    pub(super) fn resume(folder: &Path, name: &str, cancel: &Cancel) -> Result<Self, Failure> {
        let path = Self::path_of(folder, name);
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(|error| Failure::disk(&path, "write the model", error))?;
        let mut hasher = Hasher::default();
        let mut step = |_| if cancel.is_cancelled() { Err(io::ErrorKind::Interrupted.into()) } else { Ok(()) };
        let written = hasher.absorb(&mut file, &mut step).map_err(|error| match error.kind() {
            io::ErrorKind::Interrupted => Failure::Cancelled,
            _ => Failure::disk(&path, "read", error),
        })?;
        Ok(Self { path, file, hasher, written })
    }

    /// Where the unfinished file of `name` lies: always directly in the model's folder.
    pub(super) fn path_of(folder: &Path, name: &str) -> PathBuf {
        folder.join(format!(".{}{SUFFIX}", name.replace('/', "_")))
    }

    /// Bytes in it.
    pub(super) fn written(&self) -> u64 {
        self.written
    }

    /// Empties it.
    pub(super) fn restart(&mut self) -> Result<(), Failure> {
        self.file
            .set_len(0)
            .and_then(|()| self.file.rewind())
            .map_err(|error| Failure::disk(&self.path, "empty", error))?;
        self.hasher = Hasher::default();
        self.written = 0;
        Ok(())
    }

    /// Appends. `expected` is the final size, if known, for the message on a full disk.
    pub(super) fn write(&mut self, bytes: &[u8], expected: Option<u64>) -> Result<(), Failure> {
        self.file.write_all(bytes).map_err(|error| {
            let missing = expected.unwrap_or(0).saturating_sub(self.written).max(bytes.len() as u64);
            Failure::write(&self.path, missing, error)
        })?;
        self.hasher.update(bytes);
        self.written += bytes.len() as u64;
        Ok(())
    }

    /// The hash of all bytes so far.
    pub(super) fn hash(&self) -> FileHash {
        self.hasher.clone().finish()
    }

    /// Whether it starts with these bytes.
    pub(super) fn starts_with(&mut self, magic: &[u8]) -> Result<bool, Failure> {
        let mut start = vec![0; magic.len()];
        let mut read = || {
            self.file.rewind()?;
            let found = self.file.read_exact(&mut start);
            self.file.seek(io::SeekFrom::End(0))?;
            match found {
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
                Err(error) => Err(error),
                Ok(()) => Ok(start == magic),
            }
        };
        read().map_err(|error| Failure::disk(&self.path, "read", error))
    }

    /// Makes it the file `name` of the model's folder, durable when this returns.
    pub(super) fn place(self, folder: &Path, name: &str) -> Result<(), Failure> {
        let target = folder.join(name);
        let parent = target.parent().expect("a file of a model lies in its folder");
        let place = || {
            self.file.sync_all()?;
            fs::create_dir_all(parent)?;
            fs::rename(&self.path, &target)
        };
        place().map_err(|error| Failure::disk(&target, "write the model", error))?;
        sync_folder(parent);
        Ok(())
    }

    /// Deletes it.
    pub(super) fn discard(self) -> Result<(), Failure> {
        remove_if_there(&self.path).map_err(|error| Failure::disk(&self.path, "remove", error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_opened_again_continues_its_hash() {
        let dir = tempfile::tempdir().unwrap();
        let cancel = Cancel::default();
        let mut part = PartFile::resume(dir.path(), "a/b.bin", &cancel).unwrap();
        part.write(b"one ", None).unwrap();
        drop(part);
        let mut part = PartFile::resume(dir.path(), "a/b.bin", &cancel).unwrap();
        assert_eq!(part.written(), 4);
        assert!(part.starts_with(b"one").unwrap() && !part.starts_with(b"one two").unwrap());
        part.write(b"two", None).unwrap();
        assert_eq!(part.hash(), FileHash::of_bytes(b"one two"));
        part.place(dir.path(), "a/b.bin").unwrap();
        assert_eq!(fs::read(dir.path().join("a/b.bin")).unwrap(), b"one two");
        assert!(!PartFile::path_of(dir.path(), "a/b.bin").exists());
    }

    #[test]
    fn a_restarted_part_holds_only_what_came_after() {
        let dir = tempfile::tempdir().unwrap();
        let mut part = PartFile::resume(dir.path(), "f", &Cancel::default()).unwrap();
        part.write(b"a longer first try", None).unwrap();
        part.restart().unwrap();
        part.write(b"second", None).unwrap();
        assert_eq!((part.hash(), part.written()), (FileHash::of_bytes(b"second"), 6));
        part.place(dir.path(), "f").unwrap();
        assert_eq!(fs::read(dir.path().join("f")).unwrap(), b"second");
    }
}
