//! Keys and values of the tokens that a model has read, as f16 or rounded to eight bits, in pages of 256 positions.
//!
//! A page holds every layer and head. Within a head keys come in tiles of sixteen positions, `[tile][dimension][16]`, so that one
//! register holds the same dimension of sixteen keys and scores need no horizontal sums; values are `[position][dimension]`.
//! Behind them come the scales of rounded ones: `[tile][block of dimensions][16]` of keys, `[position][block]` of values.
//! Pages are shared when a cache is forked and copied when written, so that forks of a long prompt cost nothing.

use std::io;
use std::marker::PhantomData;
use std::sync::Arc;

use super::arena::{Arena, Region};
use super::stored::{CacheType, Numbers};

/// Positions of a page. Attention sums up page by page, so this also fixes the order of its additions.
pub(crate) const PAGE: usize = 256;
/// Positions of a tile of keys.
pub(super) const KEYS: usize = 16;

/// What a cache is made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CacheShape {
    /// Layers of the model.
    pub(crate) layers: usize,
    /// Heads of keys and values.
    pub(crate) heads: usize,
    /// Dimensions of a head.
    pub(crate) head_dim: usize,
    /// What numbers are kept as.
    pub(crate) kind: CacheType,
}

impl CacheShape {
    /// Dimensions of a stored value: whole registers.
    pub(super) fn value_dim(self) -> usize {
        self.head_dim.next_multiple_of(16)
    }

    /// Scales of a key or a value.
    fn scales(self) -> usize {
        self.kind.scales(self.head_dim)
    }

    /// Where values, scales of keys, scales of values and the next head begin in a head of a page, in bytes.
    fn parts(self) -> [usize; 4] {
        let values = PAGE * self.head_dim * self.kind.bytes();
        let key_scales = values + PAGE * self.value_dim() * self.kind.bytes();
        let scales = PAGE * self.scales() * size_of::<f32>();
        [values, key_scales, key_scales + scales, key_scales + 2 * scales]
    }

    /// Bytes of one page.
    pub(crate) fn page_bytes(self) -> usize {
        self.layers * self.heads * self.parts()[3]
    }

    /// Where a head begins in a page, in bytes.
    fn head(self, layer: usize, head: usize) -> usize {
        assert!(layer < self.layers && head < self.heads, "a head of this model");
        (layer * self.heads + head) * self.parts()[3]
    }
}

/// The cache of one sequence.
#[derive(Clone, Debug)]
pub(crate) struct Cache {
    shape: CacheShape,
    pages: Vec<Arc<Region>>,
    length: usize,
}

impl Cache {
    pub(crate) fn new(shape: CacheShape) -> Self {
        Self { shape, pages: Vec::new(), length: 0 }
    }

    pub(crate) fn shape(&self) -> CacheShape {
        self.shape
    }

    /// Positions that are counted.
    pub(crate) fn length(&self) -> usize {
        self.length
    }

    /// Forgets all but the first `length` positions.
    pub(crate) fn truncate(&mut self, length: usize) {
        self.length = self.length.min(length);
        // One spare page: a conversation that was cut grows again.
        self.pages.truncate(self.length.div_ceil(PAGE) + 1);
    }

    /// Forgets all positions and keeps the memory for the next ones.
    pub(crate) fn restart(&mut self) {
        self.length = 0;
    }

    /// Makes room for `more` positions behind the counted ones and this cache the only owner of what they are written to.
    pub(crate) fn reserve(&mut self, more: usize) -> io::Result<()> {
        let end = self.length + more;
        while self.pages.len() * PAGE < end {
            self.pages.push(Arc::new(self.new_page()?));
        }
        for index in self.length / PAGE..end.div_ceil(PAGE) {
            if Arc::get_mut(&mut self.pages[index]).is_none() {
                let mut own = self.new_page()?;
                own.copy_from_slice(&self.pages[index]);
                self.pages[index] = Arc::new(own);
            }
        }
        Ok(())
    }

    fn new_page(&self) -> io::Result<Region> {
        let bytes = self.shape.page_bytes();
        Arena::new(bytes)?.take(bytes)
    }

    /// Counts positions that were written.
    pub(crate) fn commit(&mut self, more: usize) {
        self.length += more;
    }

    /// Pages that hold counted positions, to be saved.
    pub(crate) fn pages(&self) -> impl Iterator<Item = &[u8]> {
        self.pages[..self.length.div_ceil(PAGE)].iter().map(|page| &***page)
    }

    /// A cache of `length` positions whose pages `read` fills, one after the other.
    pub(crate) fn restore(
        shape: CacheShape,
        length: usize,
        read: &mut dyn FnMut(&mut [u8]) -> io::Result<()>,
    ) -> io::Result<Self> {
        let mut cache = Self::new(shape);
        cache.reserve(length)?;
        for page in &mut cache.pages {
            read(Arc::get_mut(page).expect("a new page has one owner"))?;
        }
        cache.commit(length);
        Ok(cache)
    }

    /// Keys and values of a head in a page.
    pub(super) fn head(&self, layer: usize, head: usize, page: usize) -> [Numbers<'_>; 2] {
        let [values, key_scales, value_scales, end] = self.shape.parts();
        let all = &self.pages[page][self.shape.head(layer, head)..][..end];
        let numbers = |numbers: usize, scales: usize| Numbers {
            start: all[numbers..].as_ptr(),
            scales: all[scales..].as_ptr().cast(),
            borrow: PhantomData,
        };
        [numbers(0, key_scales), numbers(values, value_scales)]
    }

    /// For writing from several threads.
    pub(super) fn writer(&mut self) -> CacheWriter {
        let first = self.length / PAGE;
        let pages = self.pages[first..]
            .iter_mut()
            // A page that is shared lies behind what was reserved and is not written.
            .map_while(|page| Arc::get_mut(page).map(|page| page.as_mut_ptr()))
            .collect();
        CacheWriter { shape: self.shape, first, pages, start: self.length }
    }
}

/// Writes keys and values behind the counted positions.
pub(super) struct CacheWriter {
    shape: CacheShape,
    /// Index of the first of `pages`.
    first: usize,
    pages: Vec<*mut u8>,
    /// First position that may be written.
    start: usize,
}

// SAFETY: `place` hands out memory of the given position only, and its callers promise that no two of them meet.
unsafe impl Sync for CacheWriter {}
// SAFETY: as above; the pointers are not tied to a thread.
unsafe impl Send for CacheWriter {}

/// Where the key and the value of a position begin.
pub(super) struct Place {
    /// Its dimensions are [`KEYS`] apart.
    pub(super) key: *mut u8,
    pub(super) value: *mut u8,
    /// Those of a key's blocks are [`KEYS`] apart.
    pub(super) key_scales: *mut f32,
    pub(super) value_scales: *mut f32,
}

impl CacheWriter {
    /// What is written.
    pub(super) fn shape(&self) -> CacheShape {
        self.shape
    }

    /// Where a position's key and value begin.
    ///
    /// # Safety
    /// The cache is borrowed still, and no other call uses this position and head at the same time.
    pub(super) unsafe fn place(&self, layer: usize, head: usize, position: usize) -> Place {
        assert!(position >= self.start, "counted positions do not change");
        let (page, at) = (self.pages[position / PAGE - self.first], position % PAGE);
        let (bytes, dim, scales) = (self.shape.kind.bytes(), self.shape.head_dim, self.shape.scales());
        let [values, key_scales, value_scales, _] = self.shape.parts();
        let (tile, lane) = (at / KEYS * KEYS, at % KEYS);
        // SAFETY: a head of a page has PAGE keys and scales of keys, in tiles, and PAGE values and scales of values.
        unsafe {
            let head = page.add(self.shape.head(layer, head));
            Place {
                key: head.add((tile * dim + lane) * bytes),
                value: head.add(values + at * self.shape.value_dim() * bytes),
                key_scales: head.add(key_scales).cast::<f32>().wrapping_add(tile * scales + lane),
                value_scales: head.add(value_scales).cast::<f32>().add(at * scales),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: CacheShape = CacheShape { layers: 2, heads: 1, head_dim: 8, kind: CacheType::F16 };

    fn write(cache: &mut Cache, value: u16) {
        cache.reserve(1).unwrap();
        let position = cache.length();
        let writer = cache.writer();
        // SAFETY: one thread, one position, and room for a key and a value of eight dimensions.
        unsafe {
            let key = writer.place(1, 0, position).key.cast::<u16>();
            for dimension in 0..8 {
                key.add(dimension * KEYS).write(value);
            }
        }
        cache.commit(1);
    }

    fn keys(cache: &Cache) -> Vec<u16> {
        let key = |position: usize| {
            let at = position % PAGE / 16 * 128 + position % 16 + 16;
            // SAFETY: a page has 256 keys of eight dimensions.
            unsafe { cache.head(1, 0, position / PAGE)[0].start.cast::<u16>().add(at).read() }
        };
        (0..cache.length()).map(key).collect()
    }

    #[test]
    fn forks_do_not_see_what_the_other_writes() {
        let mut one = Cache::new(SHAPE);
        (0..300).for_each(|value| write(&mut one, value));
        let mut other = one.clone();
        write(&mut one, 1000);
        other.truncate(299);
        write(&mut other, 2000);
        let common: Vec<u16> = (0..299).collect();
        assert_eq!(keys(&one), [&common[..], &[299, 1000]].concat());
        assert_eq!(keys(&other), [&common[..], &[2000]].concat());
        assert!(Arc::ptr_eq(&one.pages[0], &other.pages[0]), "a full page is shared");
    }

    #[test]
    fn saved_pages_make_the_same_cache() {
        let mut cache = Cache::new(SHAPE);
        (0..260).for_each(|value| write(&mut cache, value));
        let mut pages = cache.pages();
        let restored = Cache::restore(SHAPE, 260, &mut |page| {
            page.copy_from_slice(pages.next().unwrap());
            Ok(())
        });
        assert_eq!(keys(&restored.unwrap()), keys(&cache));
        let failing = Cache::restore(SHAPE, 260, &mut |_| Err(io::ErrorKind::UnexpectedEof.into()));
        assert_eq!(failing.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }
}
