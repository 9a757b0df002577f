//! The JSON files of a model folder: read whole with a bound, looked up with errors that name file and key.

use std::fs::{self, File};
use std::io::{ErrorKind, Read as _};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::error::{Error, shown};

/// The largest that [`Document`] reads: the index of a model in two hundred parts takes some 10 MB.
const LARGEST: u64 = 32 << 20;

/// The bytes of the regular file at `path`, which may have `most`; `None` where there is no such file.
pub(super) fn bytes(path: &Path, most: u64) -> Result<Option<Vec<u8>>, Error> {
    // Asked before it is opened: opening a pipe would wait for a writer.
    let about = match fs::metadata(path) {
        Ok(about) => about,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Error::io(path, error)),
    };
    if !about.is_file() {
        return Err(Error::invalid(path, "file", "is not a regular file"));
    }
    if about.len() > most {
        return Err(Error::invalid(path, "file", format!("has {} bytes, the limit is {most}", about.len())));
    }
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(most).read_to_end(&mut bytes))
        .map_err(|error| Error::io(path, error))?;
    Ok(Some(bytes))
}

/// What the JSON in `bytes`, from the file at `path`, says.
pub(super) fn parse<T: DeserializeOwned>(path: &Path, bytes: &[u8]) -> Result<T, Error> {
    serde_json::from_slice(bytes).map_err(|error| Error::invalid(path, "JSON", shown(&error.to_string())))
}

/// A file that holds one object.
#[derive(Debug)]
pub(super) struct Document {
    path: PathBuf,
    values: Map<String, Value>,
}

impl Document {
    pub(super) fn required(path: &Path) -> Result<Self, Error> {
        Self::optional(path)?.ok_or_else(|| Error::io(path, ErrorKind::NotFound.into()))
    }

    pub(super) fn optional(path: &Path) -> Result<Option<Self>, Error> {
        let Some(bytes) = bytes(path, LARGEST)? else {
            return Ok(None);
        };
        Ok(Some(Self { path: path.to_owned(), values: parse(path, &bytes)? }))
    }

    pub(super) fn root(&self) -> Object<'_> {
        Object { path: &self.path, within: None, values: &self.values }
    }
}

/// An object of a file. A key whose value is null counts as absent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Object<'a> {
    path: &'a Path,
    /// The key that this object is the value of.
    within: Option<&'static str>,
    values: &'a Map<String, Value>,
}

impl<'a> Object<'a> {
    pub(super) fn get(&self, key: &str) -> Option<&'a Value> {
        self.values.get(key).filter(|value| !value.is_null())
    }

    /// Every key and its value, in no particular order.
    pub(super) fn entries(&self) -> impl Iterator<Item = (&'a String, &'a Value)> + use<'a> {
        self.values.iter()
    }

    pub(super) fn count(&self, key: &str, range: RangeInclusive<u64>) -> Result<Option<usize>, Error> {
        let Some(value) = self.get(key) else {
            return Ok(None);
        };
        let value = value.as_u64().ok_or_else(|| self.wrong(key, "a whole number", value))?;
        match usize::try_from(value) {
            Ok(small) if range.contains(&value) => Ok(Some(small)),
            _ => Err(self.invalid(key, format!("{value} is not between {} and {}", range.start(), range.end()))),
        }
    }

    pub(super) fn number(&self, key: &str) -> Result<Option<f64>, Error> {
        self.typed(key, "a finite number", |value| value.as_f64().filter(|number| number.is_finite()))
    }

    pub(super) fn bool(&self, key: &str) -> Result<Option<bool>, Error> {
        self.typed(key, "a boolean", Value::as_bool)
    }

    pub(super) fn text(&self, key: &str) -> Result<Option<&'a str>, Error> {
        self.typed(key, "a string", Value::as_str)
    }

    pub(super) fn list(&self, key: &str) -> Result<Option<&'a [Value]>, Error> {
        self.typed(key, "an array", |value| value.as_array().map(Vec::as_slice))
    }

    pub(super) fn object(&self, key: &'static str) -> Result<Option<Self>, Error> {
        let values = self.typed(key, "an object", Value::as_object)?;
        Ok(values.map(|values| Object { path: self.path, within: Some(key), values }))
    }

    /// Turns an absent value into an error that names the key.
    pub(super) fn required<T>(&self, key: &str, value: Option<T>) -> Result<T, Error> {
        value.ok_or_else(|| Error::MissingKey { path: self.path.to_owned(), key: self.full(key) })
    }

    /// An error about `key` of this object.
    pub(super) fn invalid(&self, key: &str, reason: impl Into<String>) -> Error {
        Error::invalid(self.path, self.full(key), reason)
    }

    pub(super) fn path(&self) -> &'a Path {
        self.path
    }

    fn typed<T>(&self, key: &str, wanted: &str, read: impl Fn(&'a Value) -> Option<T>) -> Result<Option<T>, Error> {
        self.get(key).map(|value| read(value).ok_or_else(|| self.wrong(key, wanted, value))).transpose()
    }

    fn full(&self, key: &str) -> String {
        self.within.map_or_else(|| shown(key), |within| format!("{within}.{}", shown(key)))
    }

    fn wrong(&self, key: &str, wanted: &str, found: &Value) -> Error {
        let found = match found {
            Value::Null => "null",
            Value::Bool(_) => "a boolean",
            Value::Number(_) => "another number",
            Value::String(_) => "a string",
            Value::Array(_) => "an array",
            Value::Object(_) => "an object",
        };
        self.invalid(key, format!("should be {wanted}, is {found}"))
    }
}
