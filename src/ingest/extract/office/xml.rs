//! XML as a stream of three events, names without their prefixes. Entities of a document type are not known, so that none expands.

use std::borrow::Cow;

use quick_xml::Reader;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesStart, Event as Raw};

use super::Unreadable;

/// Elements that may stand inside each other.
const MAX_DEPTH: usize = 512;

/// The text of an XML document: by its byte order mark, else as its declaration says, else UTF-8.
pub(super) fn decoded(bytes: &[u8]) -> String {
    let declared = || {
        let head = String::from_utf8_lossy(&bytes[..bytes.len().min(200)]).into_owned();
        let at = head.find("encoding=")? + "encoding=".len();
        let quote = head[at..].chars().next()?;
        let name = head[at + quote.len_utf8()..].split(quote).next()?.to_owned();
        encoding_rs::Encoding::for_label(name.as_bytes())
    };
    let encoding = match encoding_rs::Encoding::for_bom(bytes) {
        Some((encoding, _)) => encoding,
        None => declared().unwrap_or(encoding_rs::UTF_8),
    };
    encoding.decode(bytes).0.into_owned()
}

/// What comes next in a document.
#[derive(Debug)]
pub(super) enum Event<'a> {
    /// An element begins.
    Open(Element<'a>),
    /// Text, in as many pieces as the document likes.
    Text(Cow<'a, str>),
    /// The element of this name ends.
    Close(String),
}

/// The beginning of an element.
#[derive(Debug)]
pub(super) struct Element<'a> {
    /// Its name without the prefix.
    pub(super) name: String,
    start: BytesStart<'a>,
}

impl Element<'_> {
    /// The value of an attribute, whatever its prefix.
    pub(super) fn attribute(&self, name: &str) -> Option<String> {
        let found =
            self.start.attributes().with_checks(false).flatten().find(|one| one.key.local_name().as_ref() == name);
        found.map(|one| unescaped(&one.value))
    }

    /// The value of an attribute with this prefix and name.
    pub(super) fn exact(&self, name: &str) -> Option<String> {
        let found = self.start.attributes().with_checks(false).flatten().find(|one| one.key.as_ref() == name);
        found.map(|one| unescaped(&one.value))
    }

    /// Whether an attribute that switches something on is there and does (`w:val="0"` switches it off).
    pub(super) fn is_on(&self) -> bool {
        !matches!(self.attribute("val").as_deref(), Some("0" | "false" | "off" | "none"))
    }
}

fn unescaped(value: &str) -> String {
    quick_xml::escape::unescape(value).map_or_else(|_| value.to_owned(), Cow::into_owned)
}

/// Reads a document.
pub(super) struct Xml<'a> {
    reader: Reader<&'a [u8]>,
    depth: usize,
    /// An empty element is opened and then closed.
    to_close: Option<String>,
}

impl<'a> Xml<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        let mut reader = Reader::from_str(text);
        let config = reader.config_mut();
        config.check_end_names = false;
        config.allow_unmatched_ends = true;
        config.allow_dangling_amp = true;
        Self { reader, depth: 0, to_close: None }
    }

    /// The next event; `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<Event<'a>>, Unreadable> {
        if let Some(name) = self.to_close.take() {
            return Ok(Some(Event::Close(name)));
        }
        loop {
            let event = self.reader.read_event().map_err(|error| {
                let why: String = error.to_string().chars().filter(|c| !c.is_control()).take(80).collect();
                Unreadable::damaged(format!("no valid XML: {why}"))
            })?;
            return Ok(Some(match event {
                Raw::Start(start) => {
                    self.depth += 1;
                    if self.depth > MAX_DEPTH {
                        return Err(Unreadable::damaged("nested too deep"));
                    }
                    Event::Open(Element { name: local(&start), start })
                }
                Raw::Empty(start) => {
                    let name = local(&start);
                    self.to_close = Some(name.clone());
                    Event::Open(Element { name, start })
                }
                Raw::End(end) => {
                    self.depth = self.depth.saturating_sub(1);
                    Event::Close(end.local_name().as_ref().to_owned())
                }
                Raw::Text(text) => Event::Text(text.into_inner()),
                Raw::CData(data) => Event::Text(data.into_inner()),
                Raw::GeneralRef(entity) => {
                    let name = entity.clone().into_inner();
                    let character = entity.resolve_char_ref().ok().flatten().map(|c| Cow::Owned(c.to_string()));
                    match character.or_else(|| resolve_predefined_entity(&name).map(Cow::Borrowed)) {
                        Some(text) => Event::Text(text),
                        None => continue,
                    }
                }
                Raw::Eof => return Ok(None),
                Raw::Comment(_) | Raw::Decl(_) | Raw::PI(_) | Raw::DocType(_) => continue,
            }));
        }
    }

    /// Passes over the rest of an element that has begun.
    pub(super) fn skip(&mut self) -> Result<(), Unreadable> {
        self.collect(|_| ()).map(drop)
    }

    /// The text of an element that has begun, up to its end.
    pub(super) fn text(&mut self) -> Result<String, Unreadable> {
        let mut all = String::new();
        self.collect(|text| all.push_str(text))?;
        Ok(all)
    }

    fn collect(&mut self, mut take: impl FnMut(&str)) -> Result<(), Unreadable> {
        let mut open = 1_usize;
        while open > 0 {
            match self.next()? {
                Some(Event::Open(_)) => open += 1,
                Some(Event::Close(_)) => open -= 1,
                Some(Event::Text(text)) => take(&text),
                None => break,
            }
        }
        Ok(())
    }
}

fn local(start: &BytesStart<'_>) -> String {
    start.local_name().as_ref().to_owned()
}
