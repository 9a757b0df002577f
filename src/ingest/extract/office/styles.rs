//! What the paragraph styles and lists of a Word document mean.

use std::collections::HashMap;

use super::Unreadable;
use super::package::Package;
use super::xml::{Event, Xml};

/// Styles that a chain of `basedOn` may have.
const MAX_CHAIN: usize = 16;

/// The heading level of each paragraph style that is one, by the style's id; 1 is the highest.
pub(super) struct Styles {
    levels: HashMap<String, u8>,
}

#[derive(Default)]
struct Style {
    name: String,
    parent: Option<String>,
    outline: Option<u8>,
}

impl Styles {
    pub(super) fn read(package: &mut Package<'_>) -> Self {
        let text = package.optional("word/styles.xml").unwrap_or_default();
        let styles = styles(&text).unwrap_or_default();
        let levels = styles.keys().filter_map(|id| Some((id.clone(), level(id, &styles)?))).collect();
        Self { levels }
    }

    pub(super) fn level(&self, id: &str) -> Option<u8> {
        // A document without a list of styles still says what it means by the usual ids.
        self.levels.get(id).copied().or_else(|| if self.levels.is_empty() { by_name(id) } else { None })
    }
}

fn styles(text: &str) -> Result<HashMap<String, Style>, Unreadable> {
    let mut styles = HashMap::new();
    let mut xml = Xml::new(text);
    let mut open: Option<(String, Style)> = None;
    while let Some(event) = xml.next()? {
        match event {
            Event::Open(element) => match (element.name.as_str(), &mut open) {
                ("style", _) => open = Some((element.attribute("styleId").unwrap_or_default(), Style::default())),
                ("name", Some((_, style))) => style.name = element.attribute("val").unwrap_or_default(),
                ("basedOn", Some((_, style))) => style.parent = element.attribute("val"),
                ("outlineLvl", Some((_, style))) => style.outline = outline(element.attribute("val").as_deref()),
                _ => {}
            },
            Event::Close(name) if name == "style" => styles.extend(open.take()),
            Event::Close(_) | Event::Text(_) => {}
        }
    }
    Ok(styles)
}

/// An outline level as a heading's; 9 means body text (ECMA-376 17.3.1.20).
pub(super) fn outline(value: Option<&str>) -> Option<u8> {
    value?.parse::<u8>().ok().filter(|level| *level < 9).map(|level| level + 1)
}

fn level(id: &str, styles: &HashMap<String, Style>) -> Option<u8> {
    let mut at = Some(id);
    for _ in 0..MAX_CHAIN {
        let style = styles.get(at?)?;
        if let Some(level) = style.outline.or_else(|| by_name(&style.name)) {
            return Some(level);
        }
        at = style.parent.as_deref();
    }
    None
}

/// The built-in names, which suites write in English whatever their language.
fn by_name(name: &str) -> Option<u8> {
    let name = name.to_lowercase().replace([' ', '_', '-'], "");
    match name.as_str() {
        "title" => Some(1),
        _ => name.strip_prefix("heading")?.parse().ok().filter(|level| (1..=9).contains(level)),
    }
}

/// Whether a list numbers its items, by list and depth, and how far it has counted.
pub(super) struct Lists {
    bullets: HashMap<(String, u8), bool>,
    counts: HashMap<(String, u8), u32>,
}

impl Lists {
    pub(super) fn read(package: &mut Package<'_>) -> Self {
        let text = package.optional("word/numbering.xml").unwrap_or_default();
        Self { bullets: bullets(&text).unwrap_or_default(), counts: HashMap::new() }
    }

    /// The marker of the next item.
    pub(super) fn marker(&mut self, list: &str, depth: u8) -> String {
        let key = (list.to_owned(), depth);
        if self.bullets.get(&key).copied().unwrap_or(true) {
            return "-".to_owned();
        }
        for deeper in depth + 1..9 {
            self.counts.remove(&(list.to_owned(), deeper));
        }
        let count = self.counts.entry(key).or_default();
        *count += 1;
        format!("{count}.")
    }
}

fn bullets(text: &str) -> Result<HashMap<(String, u8), bool>, Unreadable> {
    let mut by_abstract: HashMap<(String, u8), bool> = HashMap::new();
    let mut bullets = HashMap::new();
    let (mut definition, mut depth, mut list) = (String::new(), 0_u8, String::new());
    let mut xml = Xml::new(text);
    while let Some(event) = xml.next()? {
        let Event::Open(element) = event else { continue };
        let value = || element.attribute("val").unwrap_or_default();
        match element.name.as_str() {
            "abstractNum" => definition = element.attribute("abstractNumId").unwrap_or_default(),
            "lvl" => depth = element.attribute("ilvl").and_then(|depth| depth.parse().ok()).unwrap_or(0),
            "numFmt" => {
                by_abstract.insert((definition.clone(), depth), matches!(value().as_str(), "bullet" | "none"));
            }
            "num" => list = element.attribute("numId").unwrap_or_default(),
            "abstractNumId" => {
                let of = value();
                let levels = by_abstract.iter().filter(|((definition, _), _)| *definition == of);
                bullets.extend(levels.map(|((_, depth), bullet)| ((list.clone(), *depth), *bullet)));
            }
            _ => {}
        }
    }
    Ok(bullets)
}
