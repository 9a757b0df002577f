//! PPTX: the text of the slides in their order, with their notes. A slide is a page; its title is a heading.
//!
//! Format: ECMA-376, part 1, `PresentationML`. Hidden slides are left out and counted.

use std::collections::HashMap;

use super::super::Extracted;
use super::super::body::Body;
use super::Unreadable;
use super::docx::properties;
use super::package::Package;
use super::xml::{Event, Xml};

pub(super) fn extract(bytes: &[u8]) -> Result<Extracted, Unreadable> {
    let mut package = Package::open(bytes)?;
    let (title, tags) = properties(&mut package);
    let mut body = Body::default();
    for (number, slide) in (1..).zip(slides(&mut package)?) {
        body.page(number);
        let text = match package.text(&slide) {
            Ok(text) => text,
            Err(Unreadable::Damaged(why)) => {
                body.partly(format!("slide {number}: {why}"));
                continue;
            }
            Err(other) => return Err(other),
        };
        if let Err(Unreadable::Damaged(why)) = read(&text, &mut body, None) {
            body.partly(format!("slide {number}: {why}"));
        }
        let notes = relations(&mut package, &slide).into_values().find(|target| target.contains("notesSlide"));
        if let Some(text) = notes.and_then(|notes| package.optional(&notes))
            && read(&text, &mut body, Some("Notes")).is_err()
        {
            body.partly(format!("the notes of slide {number} are damaged"));
        }
        if body.is_full() {
            break;
        }
    }
    Ok(body.finish(title, tags))
}

/// The members of the slides in the order of the presentation.
fn slides(package: &mut Package<'_>) -> Result<Vec<String>, Unreadable> {
    let text = package.text("ppt/presentation.xml")?;
    let targets = relations(package, "ppt/presentation.xml");
    let mut slides = Vec::new();
    let mut xml = Xml::new(&text);
    while let Some(event) = xml.next()? {
        if let Event::Open(element) = event
            && element.name == "sldId"
        {
            slides.extend(element.exact("r:id").and_then(|id| targets.get(&id).cloned()));
        }
    }
    Ok(slides)
}

/// The targets of a part's relations, as members of the package, by their ids.
pub(super) fn relations(package: &mut Package<'_>, part: &str) -> HashMap<String, String> {
    let (folder, name) = part.rsplit_once('/').unwrap_or(("", part));
    let text = package.optional(&format!("{folder}/_rels/{name}.rels")).unwrap_or_default();
    let mut targets = HashMap::new();
    let mut xml = Xml::new(&text);
    while let Ok(Some(event)) = xml.next() {
        if let Event::Open(element) = event
            && let (Some(id), Some(target)) = (element.attribute("Id"), element.attribute("Target"))
        {
            targets.insert(id, resolved(folder, &target));
        }
    }
    targets
}

/// A relative reference inside a package as the name of a member.
pub(super) fn resolved(folder: &str, target: &str) -> String {
    let mut parts: Vec<&str> = if target.starts_with('/') { Vec::new() } else { folder.split('/').collect() };
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            other => parts.push(other),
        }
    }
    parts.retain(|part| !part.is_empty());
    parts.join("/")
}

/// Reads the shapes of a slide, or of its notes under a heading.
fn read(text: &str, body: &mut Body, heading: Option<&str>) -> Result<(), Unreadable> {
    let mut xml = Xml::new(text);
    let mut shape = Shape::default();
    let mut rows: Option<Vec<Vec<String>>> = None;
    let (mut paragraph, mut depth) = (String::new(), 0_usize);
    let mut paragraphs: Vec<(usize, String)> = Vec::new();
    let mut under = heading;
    while let Some(event) = xml.next()? {
        match event {
            Event::Open(element) => match element.name.as_str() {
                "sld" if element.attribute("show").as_deref() == Some("0") => {
                    let words = xml.text()?;
                    body.hides(&words);
                }
                "sp" => shape = Shape::default(),
                "ph" => shape = Shape::of(element.attribute("type").as_deref()),
                "tbl" => rows = Some(Vec::new()),
                "tr" => rows.iter_mut().for_each(|rows| rows.push(Vec::new())),
                "p" => (paragraph, depth) = (String::new(), 0),
                "pPr" => depth = element.attribute("lvl").and_then(|level| level.parse().ok()).unwrap_or(0),
                "t" => paragraph.push_str(&xml.text()?),
                "br" => paragraph.push('\n'),
                "tab" => paragraph.push('\t'),
                "Fallback" => xml.skip()?,
                _ => {}
            },
            Event::Close(name) => match name.as_str() {
                "p" => paragraphs.push((depth, std::mem::take(&mut paragraph))),
                "tc" => {
                    let cell = paragraphs.drain(..).map(|(_, text)| text).collect::<Vec<_>>().join(" ");
                    if let Some(row) = rows.as_mut().and_then(|rows| rows.last_mut()) {
                        row.push(cell);
                    }
                }
                "tbl" => {
                    if let Some(rows) = rows.take() {
                        body.table(&rows, true);
                    }
                }
                // A cell has a text body of its own.
                "txBody" if rows.is_none() => shape.emit(paragraphs.drain(..), body, &mut under),
                _ => {}
            },
            Event::Text(_) => {}
        }
    }
    Ok(())
}

/// What a shape is for.
#[derive(Clone, Copy, Default)]
enum Shape {
    Title,
    /// Dates, footers and numbers, which stand on every slide.
    Furniture,
    #[default]
    Text,
}

impl Shape {
    fn of(placeholder: Option<&str>) -> Self {
        match placeholder {
            Some("title" | "ctrTitle") => Self::Title,
            Some("dt" | "ftr" | "sldNum" | "hdr" | "sldImg") => Self::Furniture,
            _ => Self::Text,
        }
    }

    fn emit(self, paragraphs: impl Iterator<Item = (usize, String)>, body: &mut Body, under: &mut Option<&str>) {
        let paragraphs: Vec<(usize, String)> = paragraphs.filter(|(_, text)| !text.trim().is_empty()).collect();
        match self {
            Self::Furniture => {}
            Self::Title => {
                body.heading(1, &paragraphs.iter().map(|(_, text)| text.as_str()).collect::<Vec<_>>().join(" "));
            }
            Self::Text => {
                if let Some(heading) = under.take_if(|_| !paragraphs.is_empty()) {
                    body.heading(2, heading);
                }
                let is_list = paragraphs.len() > 1;
                for (depth, text) in paragraphs {
                    if is_list { body.item(depth, "-", &text) } else { body.paragraph(&text) }
                }
            }
        }
    }
}
