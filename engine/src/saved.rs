//! Contexts on disk, so that a long beginning is read once and not once a session.
//!
//! A file holds, little-endian: `TANYAKV1`, the key of the model, the number of tokens (u64), their ids (u32 each), the cache page
//! by page as it lies in memory, and the CRC-32 of all of this. The key covers the header of the model file, a sample of every tensor, its time, the shape of the cache and the
//! instructions that computed it: what comes back is, bit for bit, what reading the tokens again would give. A file that is
//! damaged, or of another model, is as good as none.

use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crc32fast::Hasher;
use sha2::{Digest as _, Sha256};

use crate::backend::Sequence;
use crate::context::Context;
use crate::decoder::Decoder;
use crate::error::Error;
use crate::kernels::Cache;

const MAGIC: &[u8; 8] = b"TANYAKV1";
/// End of the names of files in a [`SavedContexts`].
const EXTENSION: &str = "kv";

/// Tells models apart whose caches must not be mixed.
pub(crate) type Key = [u8; 32];

/// A folder of saved contexts of at most so many bytes; what was not used for the longest time goes first.
#[derive(Clone, Debug)]
pub struct SavedContexts {
    folder: PathBuf,
    quota: u64,
}

impl SavedContexts {
    /// Those in `folder`, which is made when it is first needed.
    pub fn new(folder: PathBuf, quota: u64) -> Self {
        Self { folder, quota }
    }

    /// Saves what `context` has read. Nothing is saved when it is empty, larger than the quota, or of a back end that
    /// cannot save; that is no error.
    ///
    /// # Errors
    /// [`Error::Write`] when the folder cannot be written.
    pub fn save(&self, context: &Context) -> Result<(), Error> {
        let (Some(cache), Some(key)) = (context.cache(), context.key()) else { return Ok(()) };
        let size = file_size(cache, context.ids().len());
        if context.ids().is_empty() || size > self.quota {
            return Ok(());
        }
        fs::create_dir_all(&self.folder).map_err(|error| Error::write(&self.folder, error))?;
        self.make_room(size)?;
        let path = self.folder.join(format!("{:016x}.{EXTENSION}", name(key, context.ids())));
        let part = path.with_extension("part");
        let written = write(&part, key, context.ids(), cache).and_then(|()| fs::rename(&part, &path));
        written.map_err(|error| {
            // A part that stays behind is overwritten or counted by the next save.
            let _ = fs::remove_file(&part);
            Error::write(&path, error)
        })
    }

    /// A context of `decoder` that has read as much of the beginning of `prompt` as any saved one. `None` when there is none.
    ///
    /// # Errors
    /// [`Error::Io`] when the folder cannot be read. A damaged file is removed and passed over.
    pub fn load(&self, decoder: &Decoder, prompt: &[u32]) -> Result<Option<Context>, Error> {
        let mut context = decoder.context();
        let Some(key) = context.key().copied() else { return Ok(None) };
        let mut known: Vec<(usize, PathBuf)> = Vec::new();
        for (path, ..) in self.files()? {
            match File::open(&path).and_then(|file| read_ids(&mut BufReader::new(file), &key, context.window())) {
                Ok(Some(ids)) => {
                    let common = ids.iter().zip(prompt).take_while(|(a, b)| a == b).count();
                    known.push((common, path));
                }
                Ok(None) => {}
                Err(error) => remove(&path, &error),
            }
        }
        known.sort_by(|a, b| b.cmp(a));
        for (common, path) in known.into_iter().filter(|(common, _)| *common > 0) {
            match read(&path, &key, &mut context) {
                Ok(()) => {
                    // Only the order of removal suffers when the time cannot be set.
                    let _ = File::open(&path).and_then(|file| file.set_modified(SystemTime::now()));
                    context.truncate(common);
                    return Ok(Some(context));
                }
                Err(error) => {
                    remove(&path, &error);
                    context = decoder.context();
                }
            }
        }
        Ok(None)
    }

    /// Removes all of them.
    ///
    /// # Errors
    /// [`Error::Io`] naming the file that stays.
    pub fn clear(&self) -> Result<(), Error> {
        for (path, ..) in self.files()? {
            fs::remove_file(&path).map_err(|error| Error::io(&path, error))?;
        }
        Ok(())
    }

    /// Removes what was not used for the longest time until `size` more bytes fit.
    fn make_room(&self, size: u64) -> Result<(), Error> {
        let mut files = self.files()?;
        files.sort_by_key(|(_, used, _)| std::cmp::Reverse(*used));
        let mut total: u64 = files.iter().map(|(.., size)| size).sum();
        while total + size > self.quota
            && let Some((path, _, freed)) = files.pop()
        {
            fs::remove_file(&path).map_err(|error| Error::io(&path, error))?;
            total -= freed;
        }
        Ok(())
    }

    /// Path, time of last use and size of every file.
    fn files(&self) -> Result<Vec<(PathBuf, SystemTime, u64)>, Error> {
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(Error::io(&self.folder, error)),
        };
        Ok(entries
            .filter_map(|entry| {
                let path = entry.ok()?.path();
                let ours = path.extension().is_some_and(|extension| extension == EXTENSION || extension == "part");
                let metadata = fs::symlink_metadata(&path).ok().filter(fs::Metadata::is_file)?;
                ours.then_some((path, metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH), metadata.len()))
            })
            .collect())
    }
}

fn remove(path: &Path, error: &io::Error) {
    tracing::warn!("{}: {error}: removed", path.display());
    // It is passed over all the same.
    let _ = fs::remove_file(path);
}

fn name(key: &Key, ids: &[u32]) -> u64 {
    let mut hash = Sha256::new();
    hash.update(key);
    for id in ids {
        hash.update(id.to_le_bytes());
    }
    hash.finalize().iter().take(8).fold(0, |name, byte| name << 8 | u64::from(*byte))
}

fn file_size(cache: &Cache, ids: usize) -> u64 {
    (MAGIC.len() + size_of::<Key>() + 8 + 4 * ids + 4) as u64 + cache.pages().map(|page| page.len() as u64).sum::<u64>()
}

fn write(path: &Path, key: &Key, ids: &[u32], cache: &Cache) -> io::Result<()> {
    let mut out = Summed { inner: BufWriter::new(File::create(path)?), hash: Hasher::new() };
    out.write_all(MAGIC)?;
    out.write_all(key)?;
    out.write_all(&(ids.len() as u64).to_le_bytes())?;
    for id in ids {
        out.write_all(&id.to_le_bytes())?;
    }
    for page in cache.pages() {
        out.write_all(page)?;
    }
    let sum = out.hash.clone().finalize();
    out.inner.write_all(&sum.to_le_bytes())?;
    out.inner.flush()
}

/// The ids of a file, at most `most`; `None` for one of another model or version.
fn read_ids(file: &mut impl Read, key: &Key, most: usize) -> io::Result<Option<Vec<u32>>> {
    let mut start = [0; MAGIC.len() + size_of::<Key>() + 8];
    file.read_exact(&mut start)?;
    let (magic, rest) = start.split_at(MAGIC.len());
    let (own, count) = rest.split_at(size_of::<Key>());
    if magic != MAGIC || own != key {
        return Ok(None);
    }
    let count = u64::from_le_bytes(count.try_into().expect("eight bytes"));
    let count = usize::try_from(count).ok().filter(|count| *count <= most);
    let count = count.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "holds more than the window"))?;
    let mut bytes = vec![0; 4 * count];
    file.read_exact(&mut bytes)?;
    Ok(Some(bytes.as_chunks::<4>().0.iter().map(|id| u32::from_le_bytes(*id)).collect()))
}

fn read(path: &Path, key: &Key, context: &mut Context) -> io::Result<()> {
    let mut file = Summed { inner: BufReader::new(File::open(path)?), hash: Hasher::new() };
    let damaged = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
    let ids = read_ids(&mut file, key, context.window())?.ok_or_else(|| damaged("has changed"))?;
    let fits = ids.iter().all(|id| (*id as usize) < context.vocabulary());
    let Some(shape) = context.cache().filter(|_| fits).map(Cache::shape) else {
        return Err(damaged("does not fit the model"));
    };
    let cache = Cache::restore(shape, ids.len(), &mut |page| file.read_exact(page))?;
    let sum = file.hash.clone().finalize();
    let mut stored = [0; 4];
    file.inner.read_exact(&mut stored)?;
    if u32::from_le_bytes(stored) != sum {
        return Err(damaged("is damaged"));
    }
    context.put(ids, cache, &[]);
    Ok(())
}

/// Passes bytes on and adds them to a sum.
struct Summed<T> {
    inner: T,
    hash: Hasher,
}

impl<T: Read> Read for Summed<T> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.hash.update(&buffer[..count]);
        Ok(count)
    }
}

impl<T: Write> Write for Summed<T> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let count = self.inner.write(buffer)?;
        self.hash.update(&buffer[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

impl Context {
    /// A second context that has read the same; both share what is cached until they read on. `None` with candle, whose caches
    /// cannot be shared.
    #[must_use]
    pub fn fork(&self) -> Option<Self> {
        let Sequence::Native { cache, last, .. } = self.sequence_ref() else { return None };
        let mut fork = Self::new(self.model().clone(), self.tokenizer().clone());
        fork.put(self.ids().to_vec(), cache.clone(), last);
        Some(fork)
    }

    fn cache(&self) -> Option<&Cache> {
        match self.sequence_ref() {
            Sequence::Native { cache, .. } => Some(cache),
            Sequence::Candle { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gguf::build::tiny;
    use crate::{Backend, Cancel, Options};

    fn decoder(architecture: &str) -> (tempfile::TempDir, Decoder) {
        let (folder, path) = tiny(architecture).write();
        let decoder = Decoder::open(&path, &Options::default()).unwrap();
        (folder, decoder)
    }

    fn read(decoder: &Decoder, tokens: &[u32]) -> Context {
        let mut context = decoder.context();
        context.prefill(tokens, &Cancel::new(), &mut |_, _| ()).unwrap();
        context
    }

    fn scores(context: &mut Context, more: &[u32]) -> Vec<f32> {
        context.append(more, &Cancel::new()).unwrap();
        context.next_token_scores().unwrap()
    }

    fn prompt(count: u32, step: u32) -> Vec<u32> {
        (0..count).map(|index| index * step % 259).collect()
    }

    #[test]
    fn a_saved_context_goes_on_as_if_it_had_been_read_again() {
        let (_model, decoder) = decoder("qwen3");
        let folder = tempfile::tempdir().unwrap();
        let saved = SavedContexts::new(folder.path().join("kv"), 1 << 30);
        let tokens = prompt(300, 7);
        saved.save(&read(&decoder, &tokens)).unwrap();
        saved.save(&read(&decoder, &tokens[..20])).unwrap();
        let mut longer = tokens[..290].to_vec();
        longer.extend([3, 1, 4]);
        let mut found = saved.load(&decoder, &longer).unwrap().expect("a beginning");
        assert_eq!(found.ids(), &tokens[..290]);
        assert_eq!(scores(&mut found, &[3, 1, 4]), scores(&mut read(&decoder, &tokens[..290]), &[3, 1, 4]));
        assert!(saved.load(&decoder, &[250, 251]).unwrap().is_none());
        saved.clear().unwrap();
        assert!(saved.load(&decoder, &longer).unwrap().is_none());
    }

    #[test]
    fn what_was_not_used_for_the_longest_time_makes_room() {
        let (_model, decoder) = decoder("llama");
        let folder = tempfile::tempdir().unwrap();
        let size = file_size(read(&decoder, &prompt(10, 1)).cache().unwrap(), 10);
        let saved = SavedContexts::new(folder.path().to_owned(), 2 * size);
        let prompts = [prompt(10, 1), prompt(10, 3), prompt(10, 5)].map(|mut prompt| {
            prompt[0] = prompt[1];
            prompt
        });
        let age = |hours: u64| SystemTime::now() - std::time::Duration::from_hours(hours);
        saved.save(&read(&decoder, &prompts[0])).unwrap();
        saved.save(&read(&decoder, &prompts[1])).unwrap();
        for (path, ..) in saved.files().unwrap() {
            File::open(path).unwrap().set_modified(age(9)).unwrap();
        }
        assert!(saved.load(&decoder, &prompts[0]).unwrap().is_some(), "used just now");
        saved.save(&read(&decoder, &prompts[2])).unwrap();
        let there = prompts.each_ref().map(|prompt| saved.load(&decoder, prompt).unwrap().is_some());
        assert_eq!(there, [true, false, true]);
        SavedContexts::new(folder.path().join("none"), size - 1).save(&read(&decoder, &prompts[0])).unwrap();
        assert!(!folder.path().join("none").exists(), "larger than the quota");
    }

    #[test]
    fn damaged_files_and_those_of_other_models_are_passed_over() {
        let (model, decoder) = decoder("llama");
        let (_other, other) = self::decoder("qwen2");
        let folder = tempfile::tempdir().unwrap();
        let saved = SavedContexts::new(folder.path().to_owned(), 1 << 30);
        let tokens = prompt(30, 7);
        saved.save(&read(&decoder, &tokens)).unwrap();
        assert!(saved.load(&other, &tokens).unwrap().is_none());
        let options = Options { cache: crate::CacheType::Q8_0, ..Options::default() };
        let in_eight_bits = Decoder::open(&model.path().join("model.gguf"), &options).unwrap();
        assert!(saved.load(&in_eight_bits, &tokens).unwrap().is_none());
        let path = saved.files().unwrap().remove(0).0;
        let whole = fs::read(&path).unwrap();
        for at in (0..whole.len()).step_by(whole.len() / 60).chain([9, 40, 45, whole.len() - 1]) {
            let mut flipped = whole.clone();
            flipped[at] ^= 0x40;
            fs::write(&path, &flipped).unwrap();
            assert!(
                saved.load(&decoder, &tokens).unwrap().is_none_or(|found| found.ids().len() < tokens.len()),
                "{at}"
            );
            fs::write(&path, &whole[..at]).unwrap();
            assert!(saved.load(&decoder, &tokens).unwrap().is_none(), "cut at {at}");
        }
        fs::write(&path, &whole).unwrap();
        assert!(saved.load(&decoder, &tokens).unwrap().is_some());
    }

    #[test]
    fn forks_go_their_own_ways() {
        let (_model, decoder) = decoder("llama");
        let mut one = read(&decoder, &prompt(270, 11));
        let mut other = one.fork().unwrap();
        assert_eq!(other.next_token_scores().unwrap(), one.next_token_scores().unwrap());
        let (left, right) = (scores(&mut one, &[5, 6]), scores(&mut other, &[9]));
        assert_eq!(left, scores(&mut read(&decoder, &prompt(270, 11)), &[5, 6]));
        assert_eq!(right, scores(&mut read(&decoder, &prompt(270, 11)), &[9]));
    }

    #[test]
    fn candle_saves_nothing_and_cannot_fork() {
        let (folder, _) = decoder("llama");
        let path = fs::read_dir(folder.path()).unwrap().next().unwrap().unwrap().path();
        let decoder = Decoder::open(&path, &Options { backend: Backend::Candle, ..Options::default() }).unwrap();
        let context = read(&decoder, &[1, 2, 3]);
        let saved = SavedContexts::new(folder.path().join("kv"), 1 << 30);
        saved.save(&context).unwrap();
        assert!(saved.load(&decoder, &[1, 2, 3]).unwrap().is_none());
        assert!(context.fork().is_none());
    }
}
