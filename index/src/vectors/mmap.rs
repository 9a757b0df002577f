//! The part of a file that has been written for good, as memory: the crate's one mapping of its own.
#![expect(unsafe_code, reason = "what is mapped is memory that another program could change")]

use std::fs::File;
use std::io;

use memmap2::{Mmap, MmapOptions};

/// Bytes of a file, read when they are touched.
#[derive(Debug)]
pub(super) struct Map(Mmap);

impl Map {
    /// Maps `length` bytes from `offset` on, which the file must have; `length` is not 0.
    pub(super) fn of(file: &File, offset: u64, length: usize) -> io::Result<Self> {
        if file.metadata()?.len() < offset.saturating_add(length as u64) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        // SAFETY: the file lies in the library's private directory, where this program alone writes: it appends behind what is
        // mapped, and replaces a file by renaming another over it, so that mapped bytes neither change nor go. A
        // program of the same user that truncates the file all the same ends this one, as it could by a signal.
        let map = unsafe { MmapOptions::new().offset(offset).len(length).map(file) }?;
        Ok(Self(map))
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }
}
