//! DOCX: the text of a Word document with its headings, lists, tables and notes.
//!
//! Format: ECMA-376, part 1, `WordprocessingML`. Inserted text is read, deleted text is not; what is marked as hidden, or white on
//! nothing, is left out and counted.

use std::collections::HashMap;

use super::super::Extracted;
use super::super::body::{Body, MAX_ROWS};
use super::package::Package;
use super::styles::{Lists, Styles, outline};
use super::xml::{Event, Xml};
use super::{Unreadable, salvaged};

pub(super) fn extract(bytes: &[u8]) -> Result<Extracted, Unreadable> {
    let mut package = Package::open(bytes)?;
    let text = package.text("word/document.xml")?;
    let (title, tags) = properties(&mut package);
    let mut notes = HashMap::new();
    for (kind, name) in [("footnote", "footnotes"), ("endnote", "endnotes"), ("comment", "comments")] {
        let text = package.optional(&format!("word/{name}.xml")).unwrap_or_default();
        let found = notes_of(&text, kind).unwrap_or_default();
        notes.extend(found.into_iter().map(|(id, text)| ((kind, id), text)));
    }
    let styles = Styles::read(&mut package);
    let lists = Lists::read(&mut package);
    let mut reader = Reader { xml: Xml::new(&text), body: Body::default(), styles, lists, notes, tables: 0 };
    let read = reader.flow("");
    salvaged(read, &mut reader.body)?;
    Ok(reader.body.finish(title, tags))
}

/// Title and keywords of an OPC package.
pub(super) fn properties(package: &mut Package<'_>) -> (Option<String>, Vec<String>) {
    let text = package.optional("docProps/core.xml").unwrap_or_default();
    let (mut title, mut tags) = (None, Vec::new());
    let mut xml = Xml::new(&text);
    while let Ok(Some(event)) = xml.next() {
        let Event::Open(element) = event else { continue };
        match element.name.as_str() {
            "title" => title = xml.text().ok(),
            "keywords" => tags = keywords(&xml.text().unwrap_or_default()),
            _ => {}
        }
    }
    (title, tags)
}

/// `a, b; c` as tags.
pub(super) fn keywords(text: &str) -> Vec<String> {
    let words = text.split([',', ';']).map(str::trim).filter(|word| !word.is_empty() && word.len() <= 80);
    words.take(64).map(str::to_owned).collect()
}

/// The texts of notes or comments, by their numbers.
fn notes_of(text: &str, kind: &str) -> Result<HashMap<String, String>, Unreadable> {
    let mut notes = HashMap::new();
    let mut xml = Xml::new(text);
    let mut open: Option<(String, String)> = None;
    while let Some(event) = xml.next()? {
        match event {
            // The rule above the notes is a note by form (ECMA-376 17.11.12).
            Event::Open(element) if element.name == kind && element.attribute("type").is_none() => {
                open = Some((element.attribute("id").unwrap_or_default(), String::new()));
            }
            Event::Open(element) => match (element.name.as_str(), &mut open) {
                ("t", Some((_, note))) => note.push_str(&xml.text()?),
                ("delText" | "instrText", _) => xml.skip()?,
                ("tab" | "br", Some((_, note))) => note.push(' '),
                _ => {}
            },
            Event::Close(name) if name == kind => notes.extend(open.take()),
            Event::Close(name) if name == "p" => {
                if let Some((_, note)) = &mut open {
                    note.push(' ');
                }
            }
            Event::Close(_) | Event::Text(_) => {}
        }
    }
    Ok(notes)
}

struct Reader<'a> {
    xml: Xml<'a>,
    body: Body,
    styles: Styles,
    lists: Lists,
    notes: HashMap<(&'static str, String), String>,
    /// Tables that are open: white text in one may stand on a dark cell.
    tables: usize,
}

/// A paragraph as it is read.
#[derive(Default)]
struct Paragraph {
    text: String,
    level: Option<u8>,
    list: Option<(String, u8)>,
    shaded: bool,
    /// Of the run that is open.
    hidden: bool,
    notes: Vec<(&'static str, String)>,
}

impl Reader<'_> {
    /// Reads paragraphs and tables up to the end of the element `until`, or of the document.
    fn flow(&mut self, until: &str) -> Result<(), Unreadable> {
        while let Some(event) = self.xml.next()? {
            match event {
                Event::Open(element) => match element.name.as_str() {
                    "p" => {
                        let paragraph = self.paragraph()?;
                        self.emit(paragraph);
                    }
                    "tbl" => self.table()?,
                    "sectPr" | "del" | "moveFrom" | "Fallback" => self.xml.skip()?,
                    _ => {}
                },
                Event::Close(name) if name == until => return Ok(()),
                Event::Close(_) | Event::Text(_) => {}
            }
            if self.body.is_full() {
                return Ok(());
            }
        }
        Ok(())
    }

    fn emit(&mut self, paragraph: Paragraph) {
        let Paragraph { text, level, list, notes, .. } = paragraph;
        match (level, list) {
            (Some(level), _) => self.body.heading(level, &text),
            (None, Some((list, depth))) if !text.trim().is_empty() => {
                let marker = self.lists.marker(&list, depth);
                self.body.item(usize::from(depth), &marker, &text);
            }
            _ => self.body.paragraph(&text),
        }
        for key in notes {
            if let Some(note) = self.notes.remove(&key) {
                let note = note.split_whitespace().collect::<Vec<_>>().join(" ");
                self.body.paragraph(&format!("[{}: {note}]", if key.0 == "comment" { "Comment" } else { "Note" }));
            }
        }
    }

    /// The rest of a paragraph that has begun.
    fn paragraph(&mut self) -> Result<Paragraph, Unreadable> {
        let mut paragraph = Paragraph::default();
        while let Some(event) = self.xml.next()? {
            match event {
                Event::Open(element) => match element.name.as_str() {
                    "pPr" => self.paragraph_properties(&mut paragraph)?,
                    "r" => paragraph.hidden = false,
                    "rPr" => paragraph.hidden = self.is_hidden(paragraph.shaded)?,
                    "t" => {
                        let text = self.xml.text()?;
                        if paragraph.hidden {
                            self.body.hides(&text);
                        } else {
                            paragraph.text.push_str(&text);
                        }
                    }
                    "tab" => paragraph.text.push('\t'),
                    "br" | "cr" => paragraph.text.push('\n'),
                    "noBreakHyphen" => paragraph.text.push('-'),
                    "footnoteReference" => note(&mut paragraph, "footnote", element.attribute("id")),
                    "endnoteReference" => note(&mut paragraph, "endnote", element.attribute("id")),
                    "commentReference" => note(&mut paragraph, "comment", element.attribute("id")),
                    "txbxContent" => self.flow("txbxContent")?,
                    "del" | "moveFrom" | "instrText" | "delText" | "Fallback" => self.xml.skip()?,
                    _ => {}
                },
                Event::Close(name) if name == "p" => break,
                Event::Close(_) | Event::Text(_) => {}
            }
        }
        Ok(paragraph)
    }

    fn paragraph_properties(&mut self, paragraph: &mut Paragraph) -> Result<(), Unreadable> {
        let mut depth = 0;
        while let Some(event) = self.xml.next()? {
            match event {
                Event::Open(element) => match element.name.as_str() {
                    "pStyle" => {
                        paragraph.level = element.attribute("val").and_then(|style| self.styles.level(&style));
                    }
                    "outlineLvl" => paragraph.level = outline(element.attribute("val").as_deref()),
                    "ilvl" => depth = element.attribute("val").and_then(|value| value.parse().ok()).unwrap_or(0),
                    // 0 takes a paragraph out of a list (ECMA-376 17.9.18).
                    "numId" => {
                        paragraph.list = element.attribute("val").filter(|list| list != "0").map(|list| (list, depth));
                    }
                    "shd" => paragraph.shaded = true,
                    // Of the paragraph's mark, and of what the paragraph was before a change.
                    "rPr" | "pPrChange" => self.xml.skip()?,
                    _ => {}
                },
                Event::Close(name) if name == "pPr" => break,
                Event::Close(_) | Event::Text(_) => {}
            }
        }
        Ok(())
    }

    /// Whether the properties of a run, which have begun, hide it.
    fn is_hidden(&mut self, shaded: bool) -> Result<bool, Unreadable> {
        let (mut vanishes, mut white, mut shaded) = (false, false, shaded || self.tables > 0);
        while let Some(event) = self.xml.next()? {
            match event {
                Event::Open(element) => match element.name.as_str() {
                    "vanish" | "webHidden" => vanishes |= element.name == "vanish" && element.is_on(),
                    "color" => {
                        white = element.attribute("val").is_some_and(|color| color.eq_ignore_ascii_case("FFFFFF"));
                    }
                    "shd" | "highlight" => shaded = true,
                    "rPrChange" => self.xml.skip()?,
                    _ => {}
                },
                Event::Close(name) if name == "rPr" => break,
                Event::Close(_) | Event::Text(_) => {}
            }
        }
        Ok(vanishes || (white && !shaded))
    }

    /// The rest of a table that has begun; one inside a cell is part of the cell's text.
    fn table(&mut self) -> Result<(), Unreadable> {
        self.tables += 1;
        let mut rows: Vec<Vec<String>> = Vec::new();
        let mut nested = 0_usize;
        while let Some(event) = self.xml.next()? {
            match event {
                Event::Open(element) => match element.name.as_str() {
                    "tbl" => nested += 1,
                    "tr" if nested == 0 => rows.push(Vec::new()),
                    "tc" if nested == 0 => {
                        if let Some(row) = rows.last_mut() {
                            row.push(String::new());
                        }
                    }
                    "p" => {
                        let paragraph = self.paragraph()?;
                        if let Some(cell) = rows.last_mut().and_then(|row| row.last_mut()) {
                            cell.push(' ');
                            cell.push_str(&paragraph.text);
                        }
                    }
                    "del" | "Fallback" => self.xml.skip()?,
                    _ => {}
                },
                Event::Close(name) if name == "tbl" => {
                    if nested == 0 {
                        break;
                    }
                    nested -= 1;
                }
                Event::Close(_) | Event::Text(_) => {}
            }
            if rows.len() > MAX_ROWS {
                self.body.partly(format!("only the first {MAX_ROWS} rows of a table were read"));
                break;
            }
        }
        self.tables -= 1;
        self.body.table(&rows, true);
        Ok(())
    }
}

fn note(paragraph: &mut Paragraph, kind: &'static str, id: Option<String>) {
    paragraph.notes.extend(id.map(|id| (kind, id)));
}
