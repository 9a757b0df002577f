//! SHA-256 of a model file, the form in which hubs and the catalogue publish it.
//!
//! A hash is parsed at the border (catalogue, marker, response header) and compared as bytes from there on, so that
//! upper case, quotes or a truncated string can never pass for equality.

use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// The SHA-256 of a whole file; 64 lower-case hex digits when written.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct FileHash([u8; 32]);

impl FileHash {
    /// Hashes bytes that are at hand.
    pub fn of_bytes(bytes: &[u8]) -> Self {
        let mut hasher = Hasher::default();
        hasher.update(bytes);
        hasher.finish()
    }

    /// Hashes a file from its start. `step` is told the bytes hashed so far, several times a second, and stops the
    /// work by returning [`io::ErrorKind::Interrupted`].
    pub(super) fn of_file(path: &Path, step: &mut dyn FnMut(u64) -> io::Result<()>) -> io::Result<(Self, u64)> {
        let mut hasher = Hasher::default();
        let size = hasher.absorb(&mut File::open(path)?, step)?;
        Ok((hasher.finish(), size))
    }
}

impl fmt::Display for FileHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for FileHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FileHash({self})")
    }
}

impl FromStr for FileHash {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let digits = text.as_bytes();
        if digits.len() != 64 {
            return Err(format!("a SHA-256 has 64 hex digits, this has {}", digits.len()));
        }
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            let digit =
                |d: u8| char::from(d).to_digit(16).ok_or_else(|| format!("'{}' is no hex digit", char::from(d)));
            *byte = (digit(pair[0])? * 16 + digit(pair[1])?) as u8;
        }
        Ok(Self(bytes))
    }
}

impl TryFrom<String> for FileHash {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<FileHash> for String {
    fn from(hash: FileHash) -> Self {
        hash.to_string()
    }
}

/// A running SHA-256.
#[derive(Clone, Default)]
pub(super) struct Hasher(Sha256);

impl Hasher {
    pub(super) fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Feeds everything that `from` still holds; returns how much that was.
    pub(super) fn absorb(&mut self, from: &mut File, step: &mut dyn FnMut(u64) -> io::Result<()>) -> io::Result<u64> {
        let mut block = vec![0; 1 << 20];
        let mut done = 0;
        loop {
            step(done)?;
            match from.read(&mut block) {
                Ok(0) => return Ok(done),
                Ok(n) => {
                    self.update(&block[..n]);
                    done += n as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    pub(super) fn finish(self) -> FileHash {
        FileHash(self.0.finalize().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_hash_is_computed_written_and_read_back() {
        // FIPS 180-4, the example "abc".
        let known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let hash = FileHash::of_bytes(b"abc");
        assert_eq!(hash.to_string(), known);
        assert_eq!(known.to_uppercase().parse::<FileHash>(), Ok(hash));
    }

    #[test]
    fn text_that_is_no_hash_is_refused() {
        for text in ["", "ba78", &"g".repeat(64), &"é".repeat(32), &format!("\"{}\"", "a".repeat(64))] {
            assert!(text.parse::<FileHash>().is_err(), "{text}");
        }
    }
}
