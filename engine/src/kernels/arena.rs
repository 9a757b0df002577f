//! Memory for weights and caches, in pages of 2 MiB where the system has them.
//!
//! Writing a token reads every weight once, so that with pages of 4 KiB the processor looks up as many translations as it has
//! pages to read: on two Zen 4 cores of a virtual machine 96 MB were read at 23 GB/s, from large pages at 44. Linux gives them
//! to anonymous mappings that ask (`transparent_hugepage/enabled` is `madvise` on most distributions).

use std::io;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use memmap2::MmapMut;

/// A cache line: registers of 64 bytes are loaded from one line each.
pub(super) const LINE: usize = 64;

/// Zeroed memory that is handed out piece by piece and freed with its last piece.
pub(crate) struct Arena {
    /// Keeps the memory; it is used through `start` only.
    _map: MmapMut,
    start: *mut u8,
    length: usize,
    taken: AtomicUsize,
}

// SAFETY: the memory is reached through `Region`s, which do not overlap.
unsafe impl Send for Arena {}
// SAFETY: as above; `take` counts atomically.
unsafe impl Sync for Arena {}

impl Arena {
    /// Room for pieces of together `bytes`, each rounded up to a line.
    pub(crate) fn new(bytes: usize) -> io::Result<Arc<Self>> {
        let mut map = MmapMut::map_anon(bytes.max(LINE).next_multiple_of(LINE))?;
        #[cfg(target_os = "linux")]
        if let Err(error) = map.advise(memmap2::Advice::HugePage) {
            // Slower, nothing else.
            tracing::debug!("no large pages: {error}");
        }
        let (start, length) = (map.as_mut_ptr(), map.len());
        Ok(Arc::new(Self { _map: map, start, length, taken: AtomicUsize::new(0) }))
    }

    /// The next piece.
    pub(crate) fn take(self: &Arc<Self>, bytes: usize) -> io::Result<Region> {
        let whole = bytes.next_multiple_of(LINE);
        let add = |taken: usize| taken.checked_add(whole).filter(|end| *end <= self.length);
        match self.taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add) {
            Ok(at) => Ok(Region { arena: Arc::clone(self), at, length: bytes }),
            Err(_) => Err(io::Error::other("more weights than the header announces")),
        }
    }
}

/// A piece of an arena; begins at a line.
pub(crate) struct Region {
    arena: Arc<Arena>,
    at: usize,
    length: usize,
}

impl Deref for Region {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: inside the mapping, which the arena keeps, and handed out once, by `take`.
        unsafe { std::slice::from_raw_parts(self.arena.start.add(self.at), self.length) }
    }
}

impl DerefMut for Region {
    fn deref_mut(&mut self) -> &mut [u8] {
        // SAFETY: as in `deref`; exclusive, because no other region has these bytes.
        unsafe { std::slice::from_raw_parts_mut(self.arena.start.add(self.at), self.length) }
    }
}

impl std::fmt::Debug for Region {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Region({} bytes)", self.length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_zero_aligned_and_apart_and_outlive_their_arena() {
        let arena = Arena::new(200).unwrap();
        let mut pieces = [arena.take(65).unwrap(), arena.take(0).unwrap(), arena.take(64).unwrap()];
        assert!(arena.take(65).is_err());
        drop(arena);
        for (value, piece) in (1..).zip(&mut pieces) {
            assert!(piece.iter().all(|byte| *byte == 0) && (piece.as_ptr() as usize).is_multiple_of(LINE));
            piece.fill(value);
        }
        assert!(pieces[0].iter().all(|byte| *byte == 1) && pieces[2].iter().all(|byte| *byte == 3));
    }
}
