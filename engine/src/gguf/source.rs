//! What a GGUF file can be made of.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::ops::Range;
use std::path::Path;

use super::{Header, Tensor};
use crate::error::{Error, shown};

/// A model that is read as a GGUF file is: a checked header, and the bytes that it describes.
pub(crate) trait Source {
    /// What there is.
    fn header(&self) -> &Header;

    /// The files that are read, which must not be written meanwhile.
    fn files(&self) -> Vec<&Path>;

    /// Bytes of the header: a range of [`super::Metadata::ranges`].
    fn pair(&self, range: Range<u64>) -> Result<Vec<u8>, Error>;

    /// The data of a tensor of the header, in the type that the header states. Nothing of it is kept.
    fn data(&self, name: &str, tensor: &Tensor) -> Result<Vec<u8>, Error>;
}

/// A GGUF file, open.
#[derive(Debug)]
pub(crate) struct Opened {
    header: Header,
    file: File,
}

impl Opened {
    /// Reads and checks the header of the file at `path`, as [`Header::read`].
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        let header = Header::read(path)?;
        let file = File::open(path).map_err(|error| Error::io(path, error))?;
        Ok(Self { header, file })
    }

    fn bytes(&self, offset: u64, size: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; size];
        let mut file = &self.file;
        file.seek(SeekFrom::Start(offset))?;
        file.read_exact(&mut bytes)?;
        Ok(bytes)
    }
}

impl Source for Opened {
    fn header(&self) -> &Header {
        &self.header
    }

    fn files(&self) -> Vec<&Path> {
        vec![self.header.path.as_path()]
    }

    fn pair(&self, range: Range<u64>) -> Result<Vec<u8>, Error> {
        self.bytes(range.start, (range.end - range.start) as usize).map_err(|error| Error::io(&self.header.path, error))
    }

    fn data(&self, name: &str, tensor: &Tensor) -> Result<Vec<u8>, Error> {
        let path = &self.header.path;
        let too_large = |_| Error::invalid(path, format!("tensor {}", shown(name)), "is too large");
        let size = usize::try_from(tensor.size).map_err(too_large)?;
        self.bytes(tensor.offset, size).map_err(|error| Error::io(path, error))
    }
}
