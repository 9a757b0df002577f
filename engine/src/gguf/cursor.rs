//! Reads the header of a GGUF file front to back and can never run past its end.
//!
//! Every read states how many bytes it needs; they are compared with what the file still holds and with
//! the limit on headers before anything is allocated.

use std::io::Read;
use std::path::Path;

use crate::error::Error;

/// Headers of real models take 2–20 MB (vocabulary, merges, scores). The limit bounds the memory that
/// a hostile file can claim, because each element is held in memory once parsed.
pub(super) const MAX_HEADER: u64 = 64 << 20;

pub(super) struct Cursor<'a, R> {
    path: &'a Path,
    reader: R,
    position: u64,
    file_size: u64,
}

impl<'a, R: Read> Cursor<'a, R> {
    pub(super) fn new(path: &'a Path, reader: R, file_size: u64) -> Self {
        Self { path, reader, position: 0, file_size }
    }

    pub(super) fn path(&self) -> &'a Path {
        self.path
    }

    pub(super) fn position(&self) -> u64 {
        self.position
    }

    /// Bytes that the header may still take.
    pub(super) fn remaining(&self) -> u64 {
        self.file_size.min(MAX_HEADER).saturating_sub(self.position)
    }

    /// Fails unless `count` elements of at least `size` bytes each can still follow.
    pub(super) fn require(&self, count: u64, size: u64, field: &str) -> Result<(), Error> {
        let fits = count.checked_mul(size).is_some_and(|needed| needed <= self.remaining());
        if fits {
            return Ok(());
        }
        let announced = match count {
            1 => format!("needs {size} bytes"),
            _ => format!("{count} × at least {size} bytes are announced"),
        };
        let limit = if self.file_size > MAX_HEADER {
            format!("the limit of {MAX_HEADER} bytes for a header leaves {}", self.remaining())
        } else {
            format!("the file has {} left", self.remaining())
        };
        Err(self.invalid(field, format!("{announced}, {limit}")))
    }

    pub(super) fn array<const N: usize>(&mut self, field: &str) -> Result<[u8; N], Error> {
        self.require(1, N as u64, field)?;
        let mut buffer = [0; N];
        self.fill(&mut buffer)?;
        Ok(buffer)
    }

    pub(super) fn u32(&mut self, field: &str) -> Result<u32, Error> {
        self.array(field).map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self, field: &str) -> Result<u64, Error> {
        self.array(field).map(u64::from_le_bytes)
    }

    /// A length-prefixed UTF-8 string of at most `limit` bytes.
    pub(super) fn string(&mut self, limit: u64, field: &str) -> Result<String, Error> {
        let mut text = String::new();
        self.push_string(limit, field, &mut text)?;
        Ok(text)
    }

    /// As [`Cursor::string`], behind what `text` holds.
    pub(super) fn push_string(&mut self, limit: u64, field: &str, text: &mut String) -> Result<(), Error> {
        /// Tokens are shorter.
        const SHORT: usize = 128;
        let length = self.u64(field)?;
        if length > limit {
            return Err(self.invalid(field, format!("is {length} bytes long, the limit is {limit}")));
        }
        self.require(length, 1, field)?;
        let length = usize::try_from(length).expect("bounded by the header limit");
        let (mut short, mut long) = ([0; SHORT], Vec::new());
        let bytes = if let Some(short) = short.get_mut(..length) {
            short
        } else {
            long.resize(length, 0);
            &mut long[..]
        };
        self.fill(bytes)?;
        text.push_str(std::str::from_utf8(bytes).map_err(|_| self.invalid(field, "is not UTF-8"))?);
        Ok(())
    }

    pub(super) fn invalid(&self, field: &str, reason: impl Into<String>) -> Error {
        Error::invalid(self.path, field, format!("{} (at byte {})", reason.into(), self.position))
    }

    fn fill(&mut self, buffer: &mut [u8]) -> Result<(), Error> {
        self.reader.read_exact(buffer).map_err(|source| Error::io(self.path, source))?;
        self.position += buffer.len() as u64;
        Ok(())
    }
}
