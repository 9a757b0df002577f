//! The key–value part of a GGUF header.
//!
//! Values keep the type that the file gave them; [`Metadata`] hands them out by key and says what is
//! wrong when a key is absent or of another type. Arrays are stored by element type, so that a
//! vocabulary of 150,000 entries takes what its strings take.

use std::collections::HashMap;
use std::io::Read;
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::cursor::Cursor;
use super::texts::Texts;
use crate::error::{Error, shown};

/// The specification allows keys of up to 65,535 bytes.
const MAX_KEY: u64 = 65_535;
/// The longest strings of real files are chat templates of some 20 kB.
const MAX_STRING: u64 = 4 << 20;

/// One value of the header.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Any unsigned or non-negative signed integer type.
    Unsigned(u64),
    /// A negative integer.
    Negative(i64),
    /// `f32` or `f64`.
    Float(f64),
    /// A boolean.
    Bool(bool),
    /// UTF-8 text.
    String(String),
    /// An array of one element type.
    Array(Array),
}

/// An array of the header.
#[derive(Clone, Debug, PartialEq)]
pub enum Array {
    /// Integers of any width; values beyond `i64` are rejected by the reader.
    Integers(Vec<i64>),
    /// `f32` or `f64`.
    Floats(Vec<f64>),
    /// Booleans.
    Bools(Vec<bool>),
    /// UTF-8 texts.
    Strings(Texts),
}

/// All key–value pairs of one file.
#[derive(Clone, Debug)]
pub struct Metadata {
    path: PathBuf,
    values: HashMap<String, Value>,
    /// Where each pair lies in the file, in its order.
    ranges: Vec<(String, Range<u64>)>,
}

/// The scalar types with their numbers in the file.
#[derive(Clone, Copy)]
enum Kind {
    U8,
    I8,
    U16,
    I16,
    U32,
    I32,
    F32,
    Bool,
    String,
    U64,
    I64,
    F64,
}

impl Kind {
    fn from_id(id: u32) -> Option<Self> {
        Some(match id {
            0 => Self::U8,
            1 => Self::I8,
            2 => Self::U16,
            3 => Self::I16,
            4 => Self::U32,
            5 => Self::I32,
            6 => Self::F32,
            7 => Self::Bool,
            8 => Self::String,
            10 => Self::U64,
            11 => Self::I64,
            12 => Self::F64,
            _ => return None,
        })
    }

    /// Bytes that one element takes at least.
    fn least(self) -> u64 {
        match self {
            Self::U8 | Self::I8 | Self::Bool => 1,
            Self::U16 | Self::I16 => 2,
            Self::U32 | Self::I32 | Self::F32 => 4,
            Self::U64 | Self::I64 | Self::F64 | Self::String => 8,
        }
    }
}

/// Number of the value type of arrays.
pub(super) const ARRAY: u32 = 9;

impl Metadata {
    pub(super) fn read<R: Read>(cursor: &mut Cursor<'_, R>, count: u64) -> Result<Self, Error> {
        let mut values = HashMap::new();
        let mut ranges = Vec::new();
        for index in 0..count {
            let start = cursor.position();
            let key = cursor.string(MAX_KEY, &format!("key {index}"))?;
            let field = shown(&key);
            if key.is_empty() {
                return Err(cursor.invalid(&format!("key {index}"), "is empty"));
            }
            let kind = cursor.u32(&field)?;
            let value = if kind == ARRAY {
                Value::Array(read_array(cursor, &field)?)
            } else {
                let kind = Kind::from_id(kind)
                    .ok_or_else(|| cursor.invalid(&field, format!("value type {kind} does not exist")))?;
                read_scalar(cursor, kind, &field)?
            };
            ranges.push((key.clone(), start..cursor.position()));
            if values.insert(key, value).is_some() {
                return Err(cursor.invalid(&field, "the key is there twice"));
            }
        }
        Ok(Self { path: cursor.path().to_owned(), values, ranges })
    }

    /// The file that the values come from.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The value of `key`, whatever its type.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.values.get(key)
    }

    /// Every key with the bytes of the file that hold it and its value, in the file's order.
    pub fn ranges(&self) -> impl Iterator<Item = (&str, Range<u64>)> {
        self.ranges.iter().map(|(key, range)| (key.as_str(), range.clone()))
    }

    /// The non-negative integer under `key`; `None` when the key is absent.
    pub fn unsigned(&self, key: &str) -> Result<Option<u64>, Error> {
        match self.values.get(key) {
            None => Ok(None),
            Some(Value::Unsigned(value)) => Ok(Some(*value)),
            Some(other) => Err(self.wrong(key, "a non-negative integer", other)),
        }
    }

    /// The number under `key`; `None` when the key is absent.
    pub fn float(&self, key: &str) -> Result<Option<f64>, Error> {
        match self.values.get(key) {
            None => Ok(None),
            Some(Value::Float(value)) if value.is_finite() => Ok(Some(*value)),
            Some(other) => Err(self.wrong(key, "a finite number", other)),
        }
    }

    /// The boolean under `key`; `None` when the key is absent.
    pub fn bool(&self, key: &str) -> Result<Option<bool>, Error> {
        match self.values.get(key) {
            None => Ok(None),
            Some(Value::Bool(value)) => Ok(Some(*value)),
            Some(other) => Err(self.wrong(key, "a boolean", other)),
        }
    }

    /// The text under `key`; `None` when the key is absent.
    pub fn string(&self, key: &str) -> Result<Option<&str>, Error> {
        match self.values.get(key) {
            None => Ok(None),
            Some(Value::String(value)) => Ok(Some(value)),
            Some(other) => Err(self.wrong(key, "a string", other)),
        }
    }

    /// The texts under `key`; `None` when the key is absent.
    pub fn strings(&self, key: &str) -> Result<Option<&Texts>, Error> {
        match self.values.get(key) {
            None => Ok(None),
            Some(Value::Array(Array::Strings(values))) => Ok(Some(values)),
            Some(other) => Err(self.wrong(key, "an array of strings", other)),
        }
    }

    /// The integers under `key`; `None` when the key is absent.
    pub fn integers(&self, key: &str) -> Result<Option<&[i64]>, Error> {
        match self.values.get(key) {
            None => Ok(None),
            Some(Value::Array(Array::Integers(values))) => Ok(Some(values)),
            Some(other) => Err(self.wrong(key, "an array of integers", other)),
        }
    }

    /// The numbers under `key`; `None` when the key is absent.
    pub fn floats(&self, key: &str) -> Result<Option<&[f64]>, Error> {
        match self.values.get(key) {
            None => Ok(None),
            Some(Value::Array(Array::Floats(values))) => Ok(Some(values)),
            Some(other) => Err(self.wrong(key, "an array of floats", other)),
        }
    }

    /// Turns an absent value into an error that names the key.
    pub fn required<T>(&self, key: &str, value: Option<T>) -> Result<T, Error> {
        value.ok_or_else(|| Error::MissingKey { path: self.path.clone(), key: key.to_owned() })
    }

    /// An error about `key` of this file.
    pub(crate) fn invalid(&self, key: &str, reason: impl Into<String>) -> Error {
        Error::invalid(&self.path, shown(key), reason)
    }

    fn wrong(&self, key: &str, wanted: &str, found: &Value) -> Error {
        let found = match found {
            Value::Unsigned(_) => "an integer",
            Value::Negative(_) => "a negative integer",
            Value::Float(value) if value.is_finite() => "a number",
            Value::Float(_) => "an infinite number or none at all",
            Value::Bool(_) => "a boolean",
            Value::String(_) => "a string",
            Value::Array(_) => "an array",
        };
        self.invalid(key, format!("should be {wanted}, is {found}"))
    }
}

fn read_scalar<R: Read>(cursor: &mut Cursor<'_, R>, kind: Kind, field: &str) -> Result<Value, Error> {
    let signed = |value: i64| u64::try_from(value).map_or(Value::Negative(value), Value::Unsigned);
    Ok(match kind {
        Kind::U8 => Value::Unsigned(u64::from(u8::from_le_bytes(cursor.array(field)?))),
        Kind::U16 => Value::Unsigned(u64::from(u16::from_le_bytes(cursor.array(field)?))),
        Kind::U32 => Value::Unsigned(u64::from(cursor.u32(field)?)),
        Kind::U64 => Value::Unsigned(cursor.u64(field)?),
        Kind::I8 => signed(i64::from(i8::from_le_bytes(cursor.array(field)?))),
        Kind::I16 => signed(i64::from(i16::from_le_bytes(cursor.array(field)?))),
        Kind::I32 => signed(i64::from(i32::from_le_bytes(cursor.array(field)?))),
        Kind::I64 => signed(i64::from_le_bytes(cursor.array(field)?)),
        Kind::F32 => Value::Float(f64::from(f32::from_le_bytes(cursor.array(field)?))),
        Kind::F64 => Value::Float(f64::from_le_bytes(cursor.array(field)?)),
        Kind::Bool => match cursor.array::<1>(field)?[0] {
            0 => Value::Bool(false),
            1 => Value::Bool(true),
            other => return Err(cursor.invalid(field, format!("{other} is not a boolean"))),
        },
        Kind::String => Value::String(cursor.string(MAX_STRING, field)?),
    })
}

fn read_array<R: Read>(cursor: &mut Cursor<'_, R>, field: &str) -> Result<Array, Error> {
    let id = cursor.u32(field)?;
    if id == ARRAY {
        // The format allows arrays of arrays to any depth; no model uses one, and refusing them leaves
        // nothing to recurse on.
        return Err(cursor.invalid(field, "arrays of arrays are not supported"));
    }
    let kind = Kind::from_id(id).ok_or_else(|| cursor.invalid(field, format!("element type {id} does not exist")))?;
    let count = cursor.u64(field)?;
    cursor.require(count, kind.least(), field)?;
    match kind {
        Kind::String => {
            let mut texts = Texts::default();
            for _ in 0..count {
                texts.push(|text| cursor.push_string(MAX_STRING, field, text))?;
            }
            Ok(Array::Strings(texts))
        }
        Kind::F32 | Kind::F64 => collect(cursor, kind, count, field, |value| match value {
            Value::Float(value) => Some(value),
            _ => None,
        })
        .map(Array::Floats),
        Kind::Bool => collect(cursor, kind, count, field, |value| match value {
            Value::Bool(value) => Some(value),
            _ => None,
        })
        .map(Array::Bools),
        Kind::U8 | Kind::I8 | Kind::U16 | Kind::I16 | Kind::U32 | Kind::I32 | Kind::U64 | Kind::I64 => {
            collect(cursor, kind, count, field, |value| match value {
                Value::Unsigned(value) => i64::try_from(value).ok(),
                Value::Negative(value) => Some(value),
                _ => None,
            })
            .map(Array::Integers)
        }
    }
}

fn collect<R: Read, T>(
    cursor: &mut Cursor<'_, R>,
    kind: Kind,
    count: u64,
    field: &str,
    element: impl Fn(Value) -> Option<T>,
) -> Result<Vec<T>, Error> {
    let mut values = Vec::new();
    for _ in 0..count {
        let value = read_scalar(cursor, kind, field)?;
        values.push(element(value).ok_or_else(|| cursor.invalid(field, "an element is out of range"))?);
    }
    Ok(values)
}
