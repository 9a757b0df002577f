//! The safetensors files of a model folder: `model.safetensors`, or parts that `model.safetensors.index.json` lists.
//!
//! Place in the flow: folder → checked headers ([`Shards::open`]) → the plan (`tensors`) → [`Shards::read`], tensor by tensor.
//! Format: <https://github.com/huggingface/safetensors>. The crate checks a header against itself: shapes against sizes, no gaps,
//! no overlaps. Added here is that it agrees with the length of the file and with the index.
//!
//! Invariant: a tensor that is found lies inside its file, which lies in the folder by its name.

use std::collections::{BTreeSet, HashMap};
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read as _, Seek as _, SeekFrom};
use std::path::{Component, Path, PathBuf};

use half::{bf16, f16};
use safetensors::Dtype;
use safetensors::tensor::Metadata;

use super::json::{self, Document};
use crate::error::{Error, shown};
use crate::gguf::TensorType;

const SINGLE: &str = "model.safetensors";
const INDEX: &str = "model.safetensors.index.json";
/// The limit of the format's own library.
const MAX_HEADER: u64 = 100_000_000;

/// All weights of a folder.
#[derive(Debug)]
pub(super) struct Shards {
    /// What says which tensors there are: the index, or the only file.
    path: PathBuf,
    files: Vec<Shard>,
    tensors: HashMap<String, Stored>,
}

#[derive(Debug)]
struct Shard {
    path: PathBuf,
    file: File,
}

/// Where a tensor lies.
#[derive(Clone, Debug)]
pub(super) struct Stored {
    /// As published.
    name: String,
    shard: usize,
    dtype: Dtype,
    /// Outermost first.
    pub(super) dimensions: Vec<usize>,
    /// From the beginning of the file.
    offset: u64,
    size: u64,
}

impl Shards {
    /// Reads the headers of the weights in `folder`. `named` is a file of it that was asked for by its name.
    pub(super) fn open(folder: &Path, named: Option<&OsStr>) -> Result<Self, Error> {
        let index = folder.join(INDEX);
        let Some(document) = Document::optional(&index)? else {
            return Self::single(folder.join(named.unwrap_or(OsStr::new(SINGLE))));
        };
        let (map, parts) = listed(&document)?;
        if let Some(named) = named
            && !parts.iter().any(|part| OsStr::new(part) == named)
        {
            return Self::single(folder.join(named));
        }
        let mut shards = Self { path: index, files: Vec::new(), tensors: HashMap::new() };
        for part in parts {
            for stored in shards.add(folder.join(part))? {
                if map.get(stored.name.as_str()) != Some(&part) {
                    let reason = format!("lies in {part}, the index says otherwise");
                    return Err(Error::invalid(&shards.path, field(&stored.name), reason));
                }
                shards.tensors.insert(stored.name.clone(), stored);
            }
        }
        let mut missing: Vec<_> = map.iter().filter(|(name, _)| !shards.tensors.contains_key(**name)).collect();
        missing.sort_unstable();
        match missing.first() {
            Some((name, file)) => Err(Error::invalid(&shards.path, field(name), format!("is not in {file}"))),
            None => Ok(shards),
        }
    }

    fn single(path: PathBuf) -> Result<Self, Error> {
        let mut shards = Self { path: path.clone(), files: Vec::new(), tensors: HashMap::new() };
        shards.tensors = shards.add(path)?.into_iter().map(|stored| (stored.name.clone(), stored)).collect();
        Ok(shards)
    }

    /// Opens a file and says what lies in it.
    fn add(&mut self, path: PathBuf) -> Result<Vec<Stored>, Error> {
        let (file, metadata, start) = open(&path)?;
        let shard = self.files.len();
        let stored = |(name, info): (String, &safetensors::tensor::TensorInfo)| Stored {
            name,
            shard,
            dtype: info.dtype,
            dimensions: info.shape.clone(),
            offset: start + info.data_offsets.0 as u64,
            size: (info.data_offsets.1 - info.data_offsets.0) as u64,
        };
        let found = metadata.tensors().into_iter().map(stored).collect();
        self.files.push(Shard { path, file });
        Ok(found)
    }

    pub(super) fn find(&self, name: &str) -> Result<&Stored, Error> {
        self.tensors.get(name).ok_or_else(|| Error::invalid(&self.path, field(name), "is missing"))
    }

    /// The names of all tensors.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }

    /// The files with weights.
    pub(super) fn files(&self) -> impl Iterator<Item = &Path> {
        self.files.iter().map(|shard| shard.path.as_path())
    }

    /// An error about a tensor.
    pub(super) fn invalid(&self, stored: &Stored, reason: impl Into<String>) -> Error {
        Error::invalid(&self.files[stored.shard].path, field(&stored.name), reason)
    }

    /// The element type, if it is one that weights have.
    pub(super) fn kind(&self, stored: &Stored) -> Result<TensorType, Error> {
        let name = match stored.dtype {
            Dtype::F32 => "F32",
            Dtype::F16 => "F16",
            Dtype::BF16 => "BF16",
            other => {
                let reason = format!("the type {other:?} is not supported (supported: F32, F16, BF16)");
                return Err(self.invalid(stored, reason));
            }
        };
        Ok(TensorType::named(name).expect("ggml has the three types"))
    }

    /// The bytes of a tensor, all of whose values are finite numbers.
    pub(super) fn read(&self, stored: &Stored) -> Result<Vec<u8>, Error> {
        let shard = &self.files[stored.shard];
        let failed = |error| Error::io(&shard.path, error);
        let size = usize::try_from(stored.size).map_err(|_| failed(ErrorKind::OutOfMemory.into()))?;
        let mut bytes = Vec::new();
        bytes.try_reserve_exact(size).map_err(|_| failed(ErrorKind::OutOfMemory.into()))?;
        bytes.resize(size, 0);
        let mut file = &shard.file;
        file.seek(SeekFrom::Start(stored.offset)).and_then(|_| file.read_exact(&mut bytes)).map_err(failed)?;
        if finite(stored.dtype, &bytes) {
            return Ok(bytes);
        }
        Err(self.invalid(stored, "holds a value that is no finite number"))
    }

    /// The values of a tensor in f32.
    pub(super) fn values(&self, stored: &Stored) -> Result<Vec<f32>, Error> {
        let bytes = self.read(stored)?;
        let pairs = || bytes.chunks_exact(2).map(|pair| [pair[0], pair[1]]);
        Ok(match stored.dtype {
            Dtype::F16 => pairs().map(|pair| f16::from_le_bytes(pair).to_f32()).collect(),
            Dtype::BF16 => pairs().map(|pair| bf16::from_le_bytes(pair).to_f32()).collect(),
            _ => bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect(),
        })
    }
}

/// Which file of the folder each tensor lies in, and the names of those files.
type Listed<'a> = (HashMap<&'a str, &'a str>, BTreeSet<&'a str>);

fn listed(document: &Document) -> Result<Listed<'_>, Error> {
    let index = document.root();
    let map = index.required("weight_map", index.object("weight_map")?)?;
    let mut files = HashMap::new();
    for (tensor, file) in map.entries() {
        let file = file.as_str().filter(|file| is_plain(file)).ok_or_else(|| {
            map.invalid(tensor, format!("{} is not the name of a safetensors file", shown(&file.to_string())))
        })?;
        files.insert(tensor.as_str(), file);
    }
    let names = files.values().copied().collect();
    Ok((files, names))
}

/// Whether this names a file in a folder, and nothing above or below it.
fn is_plain(name: &str) -> bool {
    let mut parts = Path::new(name).components();
    let first = parts.next();
    first == Some(Component::Normal(OsStr::new(name)))
        && parts.next().is_none()
        && !name.contains('\\')
        && name.ends_with(".safetensors")
}

/// An open file, its header, and where the data begins.
fn open(path: &Path) -> Result<(File, Metadata, u64), Error> {
    let failed = |error: io::Error| Error::io(path, error);
    let invalid = |reason: String| Error::invalid(path, "header", reason);
    // Asked before it is opened: opening a pipe would wait for a writer.
    if !fs::metadata(path).map_err(failed)?.is_file() {
        return Err(Error::invalid(path, "file", "is not a regular file"));
    }
    let mut file = File::open(path).map_err(failed)?;
    let length = file.metadata().map_err(failed)?.len();
    let Some(after_length) = length.checked_sub(8) else {
        return Err(invalid(format!("the file of {length} bytes is too short to hold one")));
    };
    let mut size = [0; 8];
    file.read_exact(&mut size).map_err(failed)?;
    let size = u64::from_le_bytes(size);
    let most = after_length.min(MAX_HEADER);
    if size > most {
        return Err(invalid(format!("{size} bytes are announced, {most} are possible")));
    }
    let mut text = vec![0; size as usize];
    file.read_exact(&mut text).map_err(failed)?;
    let metadata: Metadata = json::parse(path, &text)?;
    let (described, held) = (metadata.data_len() as u64, after_length - size);
    if described != held {
        return Err(invalid(format!("describes {described} bytes of data, the file holds {held}")));
    }
    Ok((file, metadata, 8 + size))
}

fn finite(dtype: Dtype, bytes: &[u8]) -> bool {
    match dtype {
        Dtype::F32 => bytes.chunks_exact(4).all(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]).is_finite()),
        Dtype::F16 => bytes.chunks_exact(2).all(|b| f16::from_le_bytes([b[0], b[1]]).is_finite()),
        Dtype::BF16 => bytes.chunks_exact(2).all(|b| bf16::from_le_bytes([b[0], b[1]]).is_finite()),
        _ => true,
    }
}

fn field(name: &str) -> String {
    format!("tensor {}", shown(name))
}
