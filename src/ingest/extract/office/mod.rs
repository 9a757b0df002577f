//! Documents that are packages of XML, and what is kin to them: what an office suite or a publisher writes.
//!
//! None of them has lines. Within a page (slide, sheet, chapter) or, where there are none, within the document, the lines of the
//! extracted text count from 1: enough to find the place again, and stable as long as the document is.

mod docx;
mod epub;
mod fb2;
mod odf;
mod package;
mod pptx;
mod rtf;
mod sheet;
mod styles;
mod xml;

use super::Extracted;
use super::body::Body;
use tanya_index::FileState;

/// The formats of this module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Office {
    /// A Word document (ECMA-376).
    Docx,
    /// A `PowerPoint` presentation (ECMA-376).
    Pptx,
    /// A workbook: XLSX, XLSB, XLS, ODS.
    Sheet,
    /// An `OpenDocument` text.
    Odt,
    /// An `OpenDocument` presentation.
    Odp,
    /// Rich Text Format.
    Rtf,
    /// EPUB 2 and 3.
    Epub,
    /// `FictionBook` 2, packed or not.
    Fb2,
}

/// Why a document cannot be read: one clause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Unreadable {
    /// It is protected by a password.
    Encrypted,
    /// It is not what it says it is.
    Damaged(String),
}

impl Unreadable {
    fn damaged(why: impl Into<String>) -> Self {
        Self::Damaged(why.into())
    }

    fn state(self) -> Extracted {
        match self {
            Self::Encrypted => Extracted::without_text(FileState::Skipped, "encrypted: it opens only with a password"),
            Self::Damaged(why) => Extracted::without_text(FileState::Failed, format!("damaged: {why}")),
        }
    }
}

/// What came before the damage was read: a document that ends in it is partly there, one without any text is not.
fn salvaged(read: Result<(), Unreadable>, body: &mut Body) -> Result<(), Unreadable> {
    match read {
        Err(Unreadable::Damaged(why)) if !body.is_empty() => body.partly(format!("damaged: {why}")),
        other => other?,
    }
    Ok(())
}

/// Reads a document.
pub(super) fn extract(office: Office, bytes: &[u8]) -> Extracted {
    // OLE2 around a package of today is how suites write an encrypted one (MS-OFFCRYPTO).
    if bytes.starts_with(OLE2) && office != Office::Sheet {
        return Unreadable::Encrypted.state();
    }
    let read = match office {
        Office::Docx => docx::extract(bytes),
        Office::Pptx => pptx::extract(bytes),
        Office::Sheet => sheet::extract(bytes),
        Office::Odt | Office::Odp => odf::extract(bytes),
        Office::Rtf => rtf::extract(bytes),
        Office::Epub => epub::extract(bytes),
        Office::Fb2 => fb2::extract(bytes),
    };
    read.unwrap_or_else(Unreadable::state)
}

/// The first bytes of an OLE2 file (MS-CFB 2.2).
pub(super) const OLE2: &[u8] = &[0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1];

/// What a ZIP file is, by the names of its members.
pub(super) fn of_package(bytes: &[u8]) -> Option<Office> {
    let mut package = package::Package::open(bytes).ok()?;
    if package.has("word/document.xml") {
        return Some(Office::Docx);
    }
    if package.has("ppt/presentation.xml") {
        return Some(Office::Pptx);
    }
    if package.has("xl/workbook.xml") || package.has("xl/workbook.bin") {
        return Some(Office::Sheet);
    }
    let mimetype = package.text("mimetype").unwrap_or_default();
    let mimetype = mimetype.trim();
    match mimetype {
        "application/epub+zip" => Some(Office::Epub),
        _ if mimetype.starts_with("application/vnd.oasis.opendocument.text") => Some(Office::Odt),
        _ if mimetype.starts_with("application/vnd.oasis.opendocument.presentation") => Some(Office::Odp),
        _ if mimetype.starts_with("application/vnd.oasis.opendocument.spreadsheet") => Some(Office::Sheet),
        _ if package.has("META-INF/container.xml") => Some(Office::Epub),
        _ => package.names().iter().any(|name| name.to_lowercase().ends_with(".fb2")).then_some(Office::Fb2),
    }
}

#[cfg(test)]
mod tests;
