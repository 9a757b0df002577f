//! A ZIP file, read within bounds: what a member says about its size is not believed.

use std::io::{Cursor, Read as _};

use zip::ZipArchive;
use zip::result::ZipError;

use super::Unreadable;

/// Members that a package may have.
const MAX_MEMBERS: usize = 20_000;
/// Unpacked bytes of one member. The XML of a book of a thousand pages has ten.
const MAX_MEMBER: u64 = 96 << 20;
/// Unpacked bytes of all members that are read.
const MAX_UNPACKED: u64 = 256 << 20;

/// An opened package.
pub(super) struct Package<'a> {
    archive: ZipArchive<Cursor<&'a [u8]>>,
    left: u64,
}

impl<'a> Package<'a> {
    pub(super) fn open(bytes: &'a [u8]) -> Result<Self, Unreadable> {
        let archive = ZipArchive::new(Cursor::new(bytes))
            .map_err(|error| Unreadable::damaged(format!("no ZIP package: {}", clause(&error.to_string()))))?;
        if archive.len() > MAX_MEMBERS {
            return Err(Unreadable::damaged(format!("a package of more than {MAX_MEMBERS} members")));
        }
        Ok(Self { archive, left: MAX_UNPACKED })
    }

    /// Whether there is a member of this name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.archive.index_for_name(name).is_some()
    }

    /// The names of all members that have one in Unicode.
    pub(super) fn names(&self) -> Vec<String> {
        self.archive.file_names().filter_map(Result::ok).map(std::borrow::Cow::into_owned).collect()
    }

    /// The bytes of a member.
    pub(super) fn bytes(&mut self, name: &str) -> Result<Vec<u8>, Unreadable> {
        let limit = MAX_MEMBER.min(self.left);
        let member = match self.archive.by_name(name) {
            Ok(member) => member,
            Err(ZipError::UnsupportedArchive(ZipError::PASSWORD_REQUIRED)) => return Err(Unreadable::Encrypted),
            Err(error) => return Err(Unreadable::damaged(format!("{name}: {}", clause(&error.to_string())))),
        };
        let mut bytes = Vec::new();
        let read = member.take(limit + 1).read_to_end(&mut bytes);
        if bytes.len() as u64 > limit {
            return Err(Unreadable::damaged(format!("{name} unpacks to more than {} MiB", limit >> 20)));
        }
        read.map_err(|error| Unreadable::damaged(format!("{name}: {}", clause(&error.to_string()))))?;
        self.left -= bytes.len() as u64;
        Ok(bytes)
    }

    /// The text of a member, for XML: UTF-8 or UTF-16 (the encodings that every processor must know), else as its declaration says.
    pub(super) fn text(&mut self, name: &str) -> Result<String, Unreadable> {
        Ok(super::xml::decoded(&self.bytes(name)?))
    }

    /// The text of a member that may be missing.
    pub(super) fn optional(&mut self, name: &str) -> Option<String> {
        if self.has(name) { self.text(name).ok() } else { None }
    }
}

fn clause(error: &str) -> String {
    error.chars().filter(|c| !c.is_control()).take(80).collect()
}
