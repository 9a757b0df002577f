//! FB2: the sections of a `FictionBook`, a plain XML file or one inside a ZIP.
//!
//! Format: `FictionBook` 2.1. Pictures (`binary`) are not read; notes stand in a body of their own, as in the file.

use super::super::Extracted;
use super::super::body::Body;
use super::package::Package;
use super::xml::{Event, Xml, decoded};
use super::{Unreadable, salvaged};

pub(super) fn extract(bytes: &[u8]) -> Result<Extracted, Unreadable> {
    let text = if bytes.starts_with(b"PK") {
        let mut package = Package::open(bytes)?;
        let name = package.names().into_iter().find(|name| name.to_lowercase().ends_with(".fb2"));
        package.text(&name.ok_or_else(|| Unreadable::damaged("no book in the package"))?)?
    } else {
        decoded(bytes)
    };
    let mut body = Body::default();
    let (mut title, mut tags) = (None, Vec::new());
    let mut xml = Xml::new(&text);
    let read = read(&mut xml, &mut body, &mut title, &mut tags);
    salvaged(read, &mut body)?;
    Ok(body.finish(title, tags))
}

fn read(
    xml: &mut Xml<'_>,
    body: &mut Body,
    title: &mut Option<String>,
    tags: &mut Vec<String>,
) -> Result<(), Unreadable> {
    let mut depth = 0_u8;
    while let Some(event) = xml.next()? {
        match event {
            Event::Open(element) => match element.name.as_str() {
                "book-title" if title.is_none() => *title = Some(xml.text()?),
                "genre" => tags.extend(super::docx::keywords(&xml.text()?)),
                "binary" | "stylesheet" | "document-info" | "publish-info" => xml.skip()?,
                "section" => depth = depth.saturating_add(1),
                "title" => {
                    let text = lines(xml, "title")?;
                    body.heading(depth.max(1), &text);
                }
                "subtitle" => {
                    let text = xml.text()?;
                    body.heading(depth.saturating_add(1).max(2), &text);
                }
                "stanza" => {
                    let text = lines(xml, "stanza")?;
                    body.paragraph(&text);
                }
                "p" | "v" | "text-author" | "date" if element.name != "date" => {
                    let text = xml.text()?;
                    body.paragraph(&text.split_whitespace().collect::<Vec<_>>().join(" "));
                }
                "table" => {
                    let rows = rows(xml)?;
                    body.table(&rows, true);
                }
                _ => {}
            },
            Event::Close(name) if name == "section" => depth = depth.saturating_sub(1),
            Event::Close(_) | Event::Text(_) => {}
        }
        if body.is_full() {
            break;
        }
    }
    Ok(())
}

/// The paragraphs of an element that has begun, a line each.
fn lines(xml: &mut Xml<'_>, until: &str) -> Result<String, Unreadable> {
    let mut lines = Vec::new();
    while let Some(event) = xml.next()? {
        match event {
            Event::Open(element) if matches!(element.name.as_str(), "p" | "v") => {
                lines.push(xml.text()?.trim().to_owned());
            }
            Event::Close(name) if name == until => break,
            Event::Open(_) | Event::Close(_) | Event::Text(_) => {}
        }
    }
    Ok(lines.join("\n"))
}

fn rows(xml: &mut Xml<'_>) -> Result<Vec<Vec<String>>, Unreadable> {
    let mut rows: Vec<Vec<String>> = Vec::new();
    while let Some(event) = xml.next()? {
        match event {
            Event::Open(element) if element.name == "tr" => rows.push(Vec::new()),
            Event::Open(element) if matches!(element.name.as_str(), "td" | "th") => {
                let cell = xml.text()?;
                if let Some(row) = rows.last_mut() {
                    row.push(cell);
                }
            }
            Event::Close(name) if name == "table" => break,
            Event::Open(_) | Event::Close(_) | Event::Text(_) => {}
        }
    }
    Ok(rows)
}
