//! Rounded vectors in a file: a projection of the database that is never trusted and can be thrown away.
//!
//! ```text
//! 0     header     magic, format, dimension, embedder, sequence, blocks, last id, chain of the blocks' hashes, hash of all this
//! 4096  header     the same, of the seal before or after
//! 8192  blocks     each as in memory (crate::vectors::rows), then the hash of its number and its bytes
//! ```
//!
//! A seal appends blocks, waits until they are on the disk, and then writes the header that counts them over the older of
//! the two. A writer that is killed in between leaves the other header, and behind its blocks bytes that nobody
//! looks at. What a header counts never changes, so readers map it; a file that has to be made anew is written
//! beside and renamed.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::Arc;

use super::VectorId;
use super::mmap::Map;
use super::rows::{Block, ROWS, Rows, block_bytes};
use crate::beside::both;
use crate::store::read::EmbedderRow;

const MAGIC: &[u8; 8] = b"tanyarow";
/// Grows when the bytes change their meaning; files of any other format are made anew.
const FORMAT: u32 = 1;
/// Where the second header begins, and half of where the blocks do.
const SLOT: u64 = 4096;
const BLOCKS_AT: u64 = 2 * SLOT;
const HASH: usize = blake3::OUT_LEN;
/// A header without its hash: magic, two u32, a u64, a hash, three u64, a hash.
const STAMP: usize = 8 + 4 + 4 + 8 + HASH + 8 + 8 + 8 + HASH;
/// More blocks than these are hashed by two threads: 13 MB at 384 components.
const ALONE: usize = 32;

/// Whose vectors these are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Owner {
    embedder: i64,
    name: [u8; HASH],
    dimension: usize,
}

impl Owner {
    pub(super) fn of(embedder: &EmbedderRow) -> Self {
        let name = blake3::hash(embedder.name.as_bytes()).into();
        Self { embedder: embedder.id, name, dimension: embedder.dimension }
    }
}

/// Why a file is of no use.
#[derive(Debug)]
pub(super) enum Trouble {
    Missing,
    /// Of another format than this program's.
    Outdated,
    /// Of another embedder than the selected one.
    Foreign,
    Damaged(String),
    /// The file system does not let it be read.
    Refused(io::Error),
}

impl std::fmt::Display for Trouble {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Missing => f.write_str("is missing"),
            Self::Outdated => f.write_str("is of another version"),
            Self::Foreign => f.write_str("is of another embedder"),
            Self::Damaged(what) => write!(f, "is damaged ({what})"),
            Self::Refused(error) => write!(f, "cannot be read ({error})"),
        }
    }
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            ErrorKind::NotFound => Self::Missing,
            ErrorKind::UnexpectedEof => damaged("it is too short"),
            _ => Self::Refused(error),
        }
    }
}

fn damaged(what: &str) -> Trouble {
    Trouble::Damaged(what.to_owned())
}

/// What a header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    owner: Owner,
    /// Of seals; decides which header is the newer one, and where the next goes.
    sequence: u64,
    blocks: u64,
    /// The last vector's id, 0 without any.
    last: i64,
    chain: [u8; HASH],
}

/// A file of rounded vectors, open.
#[derive(Debug)]
pub(super) struct RowFile {
    file: File,
    stamp: Stamp,
}

impl RowFile {
    /// Opens a file to read what it has now.
    pub(super) fn open(path: &Path, owner: &Owner) -> Result<Self, Trouble> {
        Self::with(File::open(path)?, owner)
    }

    /// Opens a file to append to it. Holding the writer lock is the caller's right to do so.
    pub(super) fn open_to_append(path: &Path, owner: &Owner) -> Result<Self, Trouble> {
        Self::with(OpenOptions::new().read(true).write(true).open(path)?, owner)
    }

    fn with(file: File, owner: &Owner) -> Result<Self, Trouble> {
        let stamp = read_stamp(&file)?;
        if stamp.owner != *owner {
            return Err(Trouble::Foreign);
        }
        let end = stamp.blocks.checked_mul(record(owner.dimension)).and_then(|bytes| bytes.checked_add(BLOCKS_AT));
        if end.is_none_or(|end| file.metadata().is_ok_and(|file| file.len() < end)) {
            return Err(damaged("it is too short"));
        }
        Ok(Self { file, stamp })
    }

    /// Creates an empty file over whatever is there. Nobody may have it mapped: it is renamed when it is complete.
    pub(super) fn create(path: &Path, owner: Owner) -> io::Result<Self> {
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(true).open(path)?;
        file.set_len(BLOCKS_AT)?;
        let stamp = Stamp { owner, sequence: 0, blocks: 0, last: 0, chain: [0; HASH] };
        let mut created = Self { file, stamp };
        created.seal()?;
        Ok(created)
    }

    /// Vectors that it holds, those of blocks appended since the last seal included.
    pub(super) fn len(&self) -> usize {
        (self.stamp.blocks as usize).saturating_mul(ROWS)
    }

    /// The newest vector's id.
    pub(super) fn last(&self) -> Option<VectorId> {
        (self.stamp.blocks > 0).then_some(VectorId(self.stamp.last))
    }

    /// Appends a full block, newer than all before; it counts from the next [`RowFile::seal`] on.
    pub(super) fn append(&mut self, block: &Block) -> io::Result<()> {
        let Some(last) = block.last().filter(|_| block.len() == ROWS) else {
            return Err(io::Error::new(ErrorKind::InvalidInput, "a block that is not full"));
        };
        let hash = hash_of(self.stamp.blocks, block.bytes());
        let mut file = &self.file;
        file.seek(SeekFrom::Start(BLOCKS_AT + self.stamp.blocks * record(self.stamp.owner.dimension)))?;
        file.write_all(block.bytes())?;
        file.write_all(&hash)?;
        self.stamp.chain = link(&self.stamp.chain, &hash);
        self.stamp.blocks += 1;
        self.stamp.last = last.0;
        Ok(())
    }

    /// Makes what was appended durable, and makes it count.
    pub(super) fn seal(&mut self) -> io::Result<()> {
        self.file.sync_data()?;
        let sealed = Stamp { sequence: self.stamp.sequence + 1, ..self.stamp };
        let mut file = &self.file;
        file.seek(SeekFrom::Start(SLOT * (sealed.sequence % 2)))?;
        file.write_all(&encode(&sealed))?;
        self.file.sync_data()?;
        self.stamp = sealed;
        Ok(())
    }

    /// Maps the blocks, every one checked against its hash and all against the header.
    pub(super) fn load(&self) -> Result<Rows, Trouble> {
        let Stamp { owner, blocks, last, chain, .. } = self.stamp;
        let record = record(owner.dimension) as usize;
        if blocks == 0 {
            return Ok(Rows::new(owner.dimension));
        }
        let map = Arc::new(Map::of(&self.file, BLOCKS_AT, blocks as usize * record)?);
        let hashes = hashes(map.bytes(), record);
        let (mut linked, mut before, mut loaded) = ([0; HASH], None, Vec::with_capacity(hashes.len()));
        for (number, hash) in hashes.iter().enumerate() {
            let from = number * record;
            let to = from + record - HASH;
            if map.bytes()[to..to + HASH] != *hash {
                return Err(Trouble::Damaged(format!("block {number} does not match its checksum")));
            }
            let block = Block::mapped(&map, from..to);
            if !block.is_ordered(before) {
                return Err(Trouble::Damaged(format!("block {number} is not in order")));
            }
            before = block.last();
            linked = link(&linked, hash);
            loaded.push(Arc::new(block));
        }
        if linked != chain || before != Some(VectorId(last)) {
            return Err(damaged("its blocks are not those of its header"));
        }
        Ok(Rows::of(owner.dimension, loaded))
    }
}

/// Bytes of a block with its hash.
fn record(dimension: usize) -> u64 {
    (block_bytes(dimension) + HASH) as u64
}

fn hash_of(number: u64, block: &[u8]) -> [u8; HASH] {
    blake3::Hasher::new().update(&number.to_le_bytes()).update(block).finalize().into()
}

fn link(chain: &[u8; HASH], hash: &[u8; HASH]) -> [u8; HASH] {
    blake3::Hasher::new().update(chain).update(hash).finalize().into()
}

/// The hash of each record's block, as it should stand behind it.
fn hashes(bytes: &[u8], record: usize) -> Vec<[u8; HASH]> {
    let of = |first: usize, bytes: &[u8]| -> Vec<[u8; HASH]> {
        let numbered = (first as u64..).zip(bytes.chunks_exact(record));
        numbered.map(|(number, record)| hash_of(number, &record[..record.len() - HASH])).collect()
    };
    let half = bytes.len() / record / 2;
    if 2 * half < ALONE {
        return of(0, bytes);
    }
    let (first, second) = bytes.split_at(half * record);
    let (mut hashes, others) = both(true, || of(0, first), || of(half, second));
    hashes.extend(others);
    hashes
}

fn encode(stamp: &Stamp) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(STAMP + HASH);
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&FORMAT.to_le_bytes());
    bytes.extend_from_slice(&(stamp.owner.dimension as u32).to_le_bytes());
    bytes.extend_from_slice(&stamp.owner.embedder.to_le_bytes());
    bytes.extend_from_slice(&stamp.owner.name);
    bytes.extend_from_slice(&stamp.sequence.to_le_bytes());
    bytes.extend_from_slice(&stamp.blocks.to_le_bytes());
    bytes.extend_from_slice(&stamp.last.to_le_bytes());
    bytes.extend_from_slice(&stamp.chain);
    let hash = blake3::hash(&bytes);
    bytes.extend_from_slice(hash.as_bytes());
    bytes
}

/// The newer of the two headers that are whole.
fn read_stamp(mut file: &File) -> Result<Stamp, Trouble> {
    let mut bytes = [0; BLOCKS_AT as usize];
    file.seek(SeekFrom::Start(0))?;
    file.read_exact(&mut bytes)?;
    let slots = [0, SLOT as usize].map(|at| &bytes[at..at + STAMP + HASH]);
    match slots.iter().filter_map(|slot| decode(slot)).max_by_key(|stamp| stamp.sequence) {
        Some(stamp) => Ok(stamp),
        // Another format may have other headers: its number stands where it stands in this one.
        None if slots.iter().any(|slot| slot.starts_with(MAGIC) && slot[8..12] != FORMAT.to_le_bytes()) => {
            Err(Trouble::Outdated)
        }
        None => Err(damaged("it has no whole header")),
    }
}

fn decode(slot: &[u8]) -> Option<Stamp> {
    let (stamp, hash) = slot.split_at_checked(STAMP)?;
    if blake3::hash(stamp).as_bytes() != hash {
        return None;
    }
    let rest = stamp.strip_prefix(MAGIC)?;
    let (format, rest) = rest.split_first_chunk::<4>()?;
    let (dimension, rest) = rest.split_first_chunk::<4>()?;
    let (embedder, rest) = rest.split_first_chunk::<8>()?;
    let (name, rest) = rest.split_first_chunk::<HASH>()?;
    let (sequence, rest) = rest.split_first_chunk::<8>()?;
    let (blocks, rest) = rest.split_first_chunk::<8>()?;
    let (last, rest) = rest.split_first_chunk::<8>()?;
    let (chain, _) = rest.split_first_chunk::<HASH>()?;
    if u32::from_le_bytes(*format) != FORMAT {
        return None;
    }
    let dimension = u32::from_le_bytes(*dimension) as usize;
    let owner = Owner { embedder: i64::from_le_bytes(*embedder), name: *name, dimension };
    Some(Stamp {
        owner,
        sequence: u64::from_le_bytes(*sequence),
        blocks: u64::from_le_bytes(*blocks),
        last: i64::from_le_bytes(*last),
        chain: *chain,
    })
}

#[cfg(test)]
mod tests {
    use super::super::samples::Kept;
    use super::*;

    fn owner(id: i64, name: &str) -> Owner {
        Owner::of(&EmbedderRow { id, name: name.to_owned(), dimension: 8 })
    }

    /// A file of `blocks` full blocks, and the rows that it was made of.
    fn written(path: &Path, blocks: usize) -> (RowFile, Rows) {
        let rows = Kept::clustered(blocks * ROWS, 8, 5).rows();
        let mut file = RowFile::create(path, owner(1, "m")).unwrap();
        for block in rows.blocks() {
            file.append(block).unwrap();
            file.seal().unwrap();
        }
        (file, rows)
    }

    fn same(a: &Rows, b: &Rows) -> bool {
        a.len() == b.len() && a.blocks().iter().zip(b.blocks()).all(|(a, b)| a.bytes() == b.bytes())
    }

    #[test]
    fn what_is_sealed_is_read_back() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("rows");
        assert!(matches!(RowFile::open(&path, &owner(1, "m")), Err(Trouble::Missing)));
        let (mut file, rows) = written(&path, 3);
        assert!(same(&file.load().unwrap(), &rows));
        let read = RowFile::open(&path, &owner(1, "m")).unwrap();
        assert_eq!((read.len(), read.last()), (3 * ROWS, rows.last()));
        let mapped = read.load().unwrap();
        assert!(same(&mapped, &rows));
        // Appending goes on beside a reader, and what is not sealed does not count.
        let more = Kept::clustered(4 * ROWS, 8, 5).rows();
        file.append(&more.blocks()[3]).unwrap();
        assert!(same(&RowFile::open(&path, &owner(1, "m")).unwrap().load().unwrap(), &rows));
        file.seal().unwrap();
        assert!(same(&mapped, &rows));
        assert!(same(&RowFile::open(&path, &owner(1, "m")).unwrap().load().unwrap(), &more));
        for other in [owner(2, "m"), owner(1, "n"), Owner { dimension: 9, ..owner(1, "m") }] {
            assert!(matches!(RowFile::open(&path, &other), Err(Trouble::Foreign)));
        }
    }

    #[test]
    fn two_threads_hash_as_one_does() {
        let bytes: Vec<u8> = (0..71 * 50u32).map(|n| (n * n / 7) as u8).collect();
        let expected: Vec<[u8; HASH]> =
            (0u64..).zip(bytes.chunks(50)).map(|(number, record)| hash_of(number, &record[..50 - HASH])).collect();
        assert!(expected.len() > 2 * ALONE);
        assert_eq!(hashes(&bytes, 50), expected);
    }

    #[test]
    fn a_seal_that_was_cut_off_leaves_the_one_before() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("rows");
        let (file, rows) = written(&path, 2);
        let newer = (SLOT * (file.stamp.sequence % 2)) as usize;
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[newer + 60] ^= 1;
        std::fs::write(&path, &bytes).unwrap();
        let mut before = RowFile::open_to_append(&path, &owner(1, "m")).unwrap();
        assert_eq!(before.len(), ROWS);
        assert_eq!(before.load().unwrap().len(), ROWS);
        // And is gone on from.
        before.append(&rows.blocks()[1]).unwrap();
        before.seal().unwrap();
        assert!(same(&RowFile::open(&path, &owner(1, "m")).unwrap().load().unwrap(), &rows));
    }

    #[test]
    fn every_damage_is_noticed_or_means_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("rows");
        let (_, rows) = written(&path, 2);
        let whole = std::fs::read(&path).unwrap();
        let read = || RowFile::open(&path, &owner(1, "m")).and_then(|file| file.load());
        let (header, places) = (2 * SLOT as usize, whole.len());
        for place in (0..header).step_by(13).chain((header..places).step_by(997)).chain([places - 1, places - HASH]) {
            for bit in [0x01, 0x80] {
                let mut bytes = whole.clone();
                bytes[place] ^= bit;
                std::fs::write(&path, &bytes).unwrap();
                match read() {
                    // The header before, or a byte between headers.
                    Ok(read) => assert!(place < header && (same(&read, &rows) || read.len() == ROWS), "{place}"),
                    Err(trouble) => assert!(matches!(trouble, Trouble::Damaged(_)), "{place} {trouble}"),
                }
            }
        }
        for length in [0, 7, 4096, header - 1, header, header + 100, places - 1] {
            std::fs::write(&path, &whole[..length]).unwrap();
            assert!(matches!(read(), Err(Trouble::Damaged(_))), "{length}");
        }
        // Blocks that changed places: each is whole.
        let record = record(8) as usize;
        let mut bytes = whole.clone();
        bytes[header..].rotate_left(record);
        std::fs::write(&path, &bytes).unwrap();
        assert!(matches!(read(), Err(Trouble::Damaged(_))));
        // Another format, in both headers.
        let mut bytes = whole;
        for at in [8, SLOT as usize + 8] {
            bytes[at] = 99;
        }
        std::fs::write(&path, &bytes).unwrap();
        assert!(matches!(read(), Err(Trouble::Outdated)));
    }
}
