//! ODT and ODP: the text of an `OpenDocument` with its headings, lists, tables and notes. A slide is a page.
//!
//! Format: `OpenDocument` 1.3, part 3. Deleted text is not read; what is hidden by its style is left out and counted.

use std::collections::HashSet;

use super::super::Extracted;
use super::super::body::{Body, MAX_ROWS};
use super::package::Package;
use super::xml::{Element, Event, Xml};
use super::{Unreadable, salvaged};

/// Empty cells that one element may stand for; sheets are filled up with thousands.
const MAX_REPEATED: usize = 64;

pub(super) fn extract(bytes: &[u8]) -> Result<Extracted, Unreadable> {
    let mut package = Package::open(bytes)?;
    let manifest = package.optional("META-INF/manifest.xml").unwrap_or_default();
    if manifest.contains("encryption-data") {
        return Err(Unreadable::Encrypted);
    }
    let text = package.text("content.xml")?;
    let (title, tags) = properties(&mut package);
    let hidden = hidden_styles(&text);
    let mut reader = Reader { xml: Xml::new(&text), body: Body::default(), hidden, slides: 0 };
    let read = reader.flow("", 0);
    salvaged(read, &mut reader.body)?;
    Ok(reader.body.finish(title, tags))
}

fn properties(package: &mut Package<'_>) -> (Option<String>, Vec<String>) {
    let text = package.optional("meta.xml").unwrap_or_default();
    let (mut title, mut tags) = (None, Vec::new());
    let mut xml = Xml::new(&text);
    while let Ok(Some(event)) = xml.next() {
        let Event::Open(element) = event else { continue };
        match element.name.as_str() {
            "title" => title = xml.text().ok(),
            "keyword" => tags.extend(super::docx::keywords(&xml.text().unwrap_or_default())),
            _ => {}
        }
    }
    (title, tags)
}

/// The automatic styles whose text is not displayed.
fn hidden_styles(text: &str) -> HashSet<String> {
    let mut hidden = HashSet::new();
    let mut style = None;
    let mut xml = Xml::new(text);
    while let Ok(Some(event)) = xml.next() {
        match event {
            Event::Open(element) => match element.name.as_str() {
                "style" => style = element.attribute("name"),
                "text-properties" if element.attribute("display").as_deref() == Some("none") => {
                    hidden.extend(style.clone());
                }
                "body" => break,
                _ => {}
            },
            Event::Close(_) | Event::Text(_) => {}
        }
    }
    hidden
}

struct Reader<'a> {
    xml: Xml<'a>,
    body: Body,
    hidden: HashSet<String>,
    slides: u32,
}

/// What a frame on a slide holds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Frame {
    Title,
    Furniture,
    Text,
}

impl Reader<'_> {
    /// Reads up to the end of the element `until`; `depth` counts the lists around.
    fn flow(&mut self, until: &str, depth: usize) -> Result<(), Unreadable> {
        let mut frame = Frame::Text;
        let mut first_of_item = false;
        while let Some(event) = self.xml.next()? {
            match event {
                Event::Open(element) => match element.name.as_str() {
                    "page" => {
                        self.slides += 1;
                        self.body.page(self.slides);
                    }
                    "frame" => frame = frame_of(&element),
                    "notes" => self.notes()?,
                    "h" => {
                        let level = element.attribute("outline-level").and_then(|level| level.parse().ok());
                        let (text, asides) = self.paragraph(&element)?;
                        self.body.heading(level.unwrap_or(1), &text);
                        self.aside(asides);
                    }
                    "p" => {
                        let (text, asides) = self.paragraph(&element)?;
                        match frame {
                            Frame::Title => self.body.heading(1, &text),
                            Frame::Furniture => {}
                            Frame::Text if depth > 0 && first_of_item => self.body.item(depth - 1, "-", &text),
                            Frame::Text => self.body.paragraph(&text),
                        }
                        first_of_item = false;
                        self.aside(asides);
                    }
                    "list" => self.flow("list", depth + 1)?,
                    "list-item" | "list-header" => first_of_item = true,
                    "table" => self.table()?,
                    "tracked-changes" | "automatic-styles" | "forms" | "font-face-decls" | "styles" | "scripts"
                    | "sequence-decls" | "table-of-content" | "alphabetical-index" => self.xml.skip()?,
                    _ => {}
                },
                Event::Close(name) if name == until => return Ok(()),
                Event::Close(name) if name == "frame" => frame = Frame::Text,
                Event::Close(_) | Event::Text(_) => {}
            }
            if self.body.is_full() {
                return Ok(());
            }
        }
        Ok(())
    }

    /// The speaker's notes of a slide.
    fn notes(&mut self) -> Result<(), Unreadable> {
        let mut headed = false;
        while let Some(event) = self.xml.next()? {
            match event {
                Event::Open(element) if element.name == "p" => {
                    let (text, _) = self.paragraph(&element)?;
                    if !headed && !text.trim().is_empty() {
                        self.body.heading(2, "Notes");
                        headed = true;
                    }
                    self.body.paragraph(&text);
                }
                Event::Close(name) if name == "notes" => break,
                Event::Open(_) | Event::Close(_) | Event::Text(_) => {}
            }
        }
        Ok(())
    }

    fn aside(&mut self, asides: Vec<String>) {
        for text in asides {
            self.body.paragraph(&text);
        }
    }

    /// The rest of a paragraph or heading that has begun, with the notes and frames that hang on it.
    fn paragraph(&mut self, element: &Element<'_>) -> Result<(String, Vec<String>), Unreadable> {
        let (mut text, mut asides) = (String::new(), Vec::new());
        let is_hidden = |element: &Element<'_>, hidden: &HashSet<String>| {
            element.attribute("style-name").is_some_and(|name| hidden.contains(&name))
        };
        // Elements that are open, each with whether it hides.
        let mut open = vec![is_hidden(element, &self.hidden)];
        while let Some(event) = self.xml.next()? {
            match event {
                Event::Open(element) => match element.name.as_str() {
                    "s" => {
                        text.extend(std::iter::repeat_n(' ', count(&element, "c")));
                        open.push(false);
                    }
                    "tab" => {
                        text.push('\t');
                        open.push(false);
                    }
                    "line-break" => {
                        text.push('\n');
                        open.push(false);
                    }
                    "note" => asides.push(format!("[Note: {}]", self.inner("note", "note-citation")?)),
                    "annotation" => asides.push(format!("[Comment: {}]", self.inner("annotation", "date")?)),
                    "text-box" => asides.push(self.inner("text-box", "")?),
                    "hidden-text" | "hidden-paragraph" => {
                        let words = element.attribute("string-value").unwrap_or_default();
                        self.body.hides(&words);
                        self.xml.skip()?;
                    }
                    "image" | "object" | "title" | "desc" => self.xml.skip()?,
                    _ => {
                        let hides = open.last() == Some(&true) || is_hidden(&element, &self.hidden);
                        open.push(hides);
                    }
                },
                Event::Text(piece) => {
                    if open.last() == Some(&true) {
                        self.body.hides(&piece);
                    } else {
                        text.push_str(&piece);
                    }
                }
                Event::Close(_) => {
                    open.pop();
                    if open.is_empty() {
                        break;
                    }
                }
            }
        }
        Ok((text, asides))
    }

    /// The words of an element that has begun, without those of its children called `without`.
    fn inner(&mut self, until: &str, without: &str) -> Result<String, Unreadable> {
        let mut text = String::new();
        while let Some(event) = self.xml.next()? {
            match event {
                Event::Open(element) if element.name == without => self.xml.skip()?,
                Event::Open(element) if matches!(element.name.as_str(), "p" | "tab" | "line-break" | "s") => {
                    text.push(' ');
                }
                Event::Text(piece) => text.push_str(&piece),
                Event::Close(name) if name == until => break,
                Event::Open(_) | Event::Close(_) => {}
            }
        }
        Ok(text.split_whitespace().collect::<Vec<_>>().join(" "))
    }

    /// The rest of a table that has begun.
    fn table(&mut self) -> Result<(), Unreadable> {
        let mut rows: Vec<Vec<String>> = Vec::new();
        let mut nested = 0_usize;
        let mut repeated = 1;
        while let Some(event) = self.xml.next()? {
            match event {
                Event::Open(element) => match element.name.as_str() {
                    "table" => nested += 1,
                    "table-row" if nested == 0 => rows.push(Vec::new()),
                    "table-cell" | "covered-table-cell" if nested == 0 => {
                        repeated = count(&element, "number-columns-repeated");
                        if let Some(row) = rows.last_mut() {
                            row.push(String::new());
                        }
                    }
                    "p" | "h" => {
                        let (text, _) = self.paragraph(&element)?;
                        if let Some(cell) = rows.last_mut().and_then(|row| row.last_mut()) {
                            cell.push(' ');
                            cell.push_str(&text);
                        }
                    }
                    _ => {}
                },
                Event::Close(name) => match name.as_str() {
                    "table" if nested == 0 => break,
                    "table" => nested -= 1,
                    "table-cell" | "covered-table-cell" if nested == 0 => {
                        if let Some(row) = rows.last_mut()
                            && let Some(cell) = row.last().cloned()
                        {
                            row.extend(std::iter::repeat_n(cell, repeated - 1));
                        }
                    }
                    _ => {}
                },
                Event::Text(_) => {}
            }
            if rows.len() > MAX_ROWS {
                self.body.partly(format!("only the first {MAX_ROWS} rows of a table were read"));
                break;
            }
        }
        self.body.table(&rows, true);
        Ok(())
    }
}

fn frame_of(element: &Element<'_>) -> Frame {
    match element.attribute("class").as_deref() {
        Some("title") => Frame::Title,
        Some("date-time" | "footer" | "page-number" | "header") => Frame::Furniture,
        _ => Frame::Text,
    }
}

/// A repeat count, within bounds.
fn count(element: &Element<'_>, attribute: &str) -> usize {
    element.attribute(attribute).and_then(|count| count.parse().ok()).unwrap_or(1).clamp(1, MAX_REPEATED)
}
