//! EPUB 2 and 3: the chapters of a book in the order of its spine. A chapter is a page.
//!
//! Format: EPUB 3.3 (W3C). A book with DRM is said to be encrypted; obfuscated fonts are not.

use std::collections::HashMap;

use super::super::body::Body;
use super::super::{BlockKind, Extracted, html};
use super::Unreadable;
use super::package::Package;
use super::pptx::resolved;
use super::xml::{Event, Xml};

pub(super) fn extract(bytes: &[u8]) -> Result<Extracted, Unreadable> {
    let mut package = Package::open(bytes)?;
    let encryption = package.optional("META-INF/encryption.xml").unwrap_or_default();
    // The two algorithms that only obfuscate fonts (EPUB 3.3, 4.4).
    let is_locked = encryption
        .split("Algorithm=")
        .skip(1)
        .any(|rest| !rest.contains("embedding") && !rest.starts_with("\"http://ns.adobe.com/pdf/enc#RC"));
    if is_locked || package.has("META-INF/rights.xml") {
        return Err(Unreadable::Encrypted);
    }
    let container = package.text("META-INF/container.xml")?;
    let root = root_file(&container)?;
    let opf = package.text(&root)?;
    let folder = root.rsplit_once('/').map_or("", |(folder, _)| folder);
    let book = Book::read(&opf)?;
    let names = book.titles(&mut package, folder);
    let mut body = Body::default();
    for (number, chapter) in (1..).zip(&book.spine) {
        let member = resolved(folder, &decoded(chapter));
        body.page(number);
        let text = match package.text(&member) {
            Ok(text) => text,
            Err(Unreadable::Damaged(why)) => {
                body.partly(format!("chapter {number}: {why}"));
                continue;
            }
            Err(other) => return Err(other),
        };
        let html::Page { blocks, note, hidden, .. } = html::extract(&text);
        body.hides_words(hidden);
        let has_heading = blocks.iter().any(|block| matches!(block.kind, BlockKind::Heading(_)));
        if let Some(name) = names.get(&member).filter(|_| !has_heading && !blocks.is_empty()) {
            body.heading(1, name);
        }
        body.take(blocks);
        if let Some(note) = note {
            body.note(format!("chapter {number}: {note}"));
        }
        if body.is_full() {
            break;
        }
    }
    Ok(body.finish(book.title, book.subjects))
}

fn root_file(container: &str) -> Result<String, Unreadable> {
    let mut xml = Xml::new(container);
    while let Some(event) = xml.next()? {
        if let Event::Open(element) = event
            && element.name == "rootfile"
            && let Some(path) = element.attribute("full-path")
        {
            return Ok(path);
        }
    }
    Err(Unreadable::damaged("its container names no book"))
}

/// Percent signs in a reference stand for bytes.
fn decoded(reference: &str) -> String {
    let reference = reference.split('#').next().unwrap_or_default();
    let mut bytes = Vec::with_capacity(reference.len());
    let mut rest = reference.as_bytes();
    while let [first, tail @ ..] = rest {
        let code = if *first == b'%' { tail.get(..2).and_then(|hex| std::str::from_utf8(hex).ok()) } else { None };
        if let Some(byte) = code.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            bytes.push(byte);
            rest = &tail[2..];
        } else {
            bytes.push(*first);
            rest = tail;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[derive(Default)]
struct Book {
    title: Option<String>,
    subjects: Vec<String>,
    /// References to the chapters, in reading order.
    spine: Vec<String>,
    /// The navigation document of version 3 or the NCX of version 2.
    navigation: Option<String>,
}

impl Book {
    fn read(opf: &str) -> Result<Self, Unreadable> {
        let mut book = Self::default();
        let mut items: HashMap<String, String> = HashMap::new();
        let mut xml = Xml::new(opf);
        let (mut nav, mut ncx) = (None, None);
        while let Some(event) = xml.next()? {
            let Event::Open(element) = event else { continue };
            match element.name.as_str() {
                "title" if book.title.is_none() => book.title = Some(xml.text()?),
                "subject" => book.subjects.extend(super::docx::keywords(&xml.text()?)),
                "item" => {
                    let (Some(id), Some(href)) = (element.attribute("id"), element.attribute("href")) else { continue };
                    if element.attribute("properties").is_some_and(|kinds| kinds.split(' ').any(|kind| kind == "nav")) {
                        nav = Some(href.clone());
                    }
                    if element.attribute("media-type").as_deref() == Some("application/x-dtbncx+xml") {
                        ncx = Some(href.clone());
                    }
                    items.insert(id, href);
                }
                "itemref" if element.attribute("linear").as_deref() != Some("no") => {
                    book.spine.extend(element.attribute("idref").and_then(|id| items.get(&id).cloned()));
                }
                _ => {}
            }
        }
        if book.spine.is_empty() {
            return Err(Unreadable::damaged("its book has no chapters"));
        }
        book.navigation = nav.or(ncx);
        Ok(book)
    }

    /// The titles that the table of contents gives to members.
    fn titles(&self, package: &mut Package<'_>, folder: &str) -> HashMap<String, String> {
        let mut titles = HashMap::new();
        let Some(member) = self.navigation.as_deref().map(|reference| resolved(folder, &decoded(reference))) else {
            return titles;
        };
        let text = package.optional(&member).unwrap_or_default();
        let from = member.rsplit_once('/').map_or("", |(folder, _)| folder);
        let mut xml = Xml::new(&text);
        let mut label = String::new();
        while let Ok(Some(event)) = xml.next() {
            let Event::Open(element) = event else { continue };
            let (reference, name) = match element.name.as_str() {
                "a" => (element.attribute("href"), xml.text().unwrap_or_default()),
                "navLabel" => {
                    label = xml.text().unwrap_or_default();
                    continue;
                }
                "content" => (element.attribute("src"), label.clone()),
                _ => continue,
            };
            if let Some(reference) = reference {
                titles.entry(resolved(from, &decoded(&reference))).or_insert(name);
            }
        }
        titles
    }
}
