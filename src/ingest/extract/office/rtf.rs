//! RTF: the text of a Rich Text document.
//!
//! Format: Rich Text Format specification 1.9.1. Read in one pass with a stack of groups: destinations that are no text are passed
//! over, bytes are decoded by the font's character set or the document's code page, hidden text is left out and counted.

mod charset;
mod destination;
mod tokens;

use std::collections::HashMap;

use encoding_rs::{Encoding, WINDOWS_1252};

use charset::{of_character_set, of_code_page};
use destination::{Destination, SILENT};
use tokens::{Token, Tokens};

use super::super::Extracted;
use super::super::body::Body;
use super::Unreadable;

/// Groups that may stand inside each other.
const MAX_DEPTH: usize = 1024;

pub(super) fn extract(bytes: &[u8]) -> Result<Extracted, Unreadable> {
    let start = bytes.iter().position(|byte| !byte.is_ascii_whitespace()).unwrap_or(0);
    if !bytes[start..].starts_with(b"{\\rtf") {
        return Err(Unreadable::damaged("the mark {\\rtf is missing at the start"));
    }
    let mut reader = Reader::new();
    let ended = reader.run(&bytes[start..]);
    reader.paragraph();
    reader.end_table();
    if !ended {
        reader.body.partly("it ends in the middle");
    }
    let title = reader.title.trim().to_owned();
    Ok(reader.body.finish(Some(title).filter(|title| !title.is_empty()), Vec::new()))
}

/// What a group says about its text.
#[derive(Clone)]
struct Group {
    to: Destination,
    encoding: &'static Encoding,
    hidden: bool,
    deleted: bool,
    /// Its text stands in brackets.
    note: bool,
    /// Bytes that stand for a character after `\u`.
    fallback: usize,
}

struct Reader {
    groups: Vec<Group>,
    code_page: &'static Encoding,
    /// The encoding of each font.
    fonts: HashMap<i32, &'static Encoding>,
    /// The heading level of each style.
    styles: HashMap<i32, u8>,
    /// What a table of fonts or styles is about at the moment.
    entry: i32,
    entry_name: String,
    bytes: Vec<u8>,
    text: String,
    title: String,
    level: Option<u8>,
    in_list: bool,
    in_table: bool,
    row: Vec<String>,
    rows: Vec<Vec<String>>,
    skip: usize,
    /// The first half of a character beyond the basic plane.
    high: Option<u16>,
    body: Body,
}

impl Reader {
    fn new() -> Self {
        let group = Group {
            to: Destination::Text,
            encoding: WINDOWS_1252,
            hidden: false,
            deleted: false,
            note: false,
            fallback: 1,
        };
        Self {
            groups: vec![group],
            code_page: WINDOWS_1252,
            fonts: HashMap::new(),
            styles: HashMap::new(),
            entry: 0,
            entry_name: String::new(),
            bytes: Vec::new(),
            text: String::new(),
            title: String::new(),
            level: None,
            in_list: false,
            in_table: false,
            row: Vec::new(),
            rows: Vec::new(),
            skip: 0,
            high: None,
            body: Body::default(),
        }
    }

    fn group(&mut self) -> &mut Group {
        self.groups.last_mut().expect("the outermost group is never popped")
    }

    /// Reads all; false when groups were still open at the end.
    fn run(&mut self, input: &[u8]) -> bool {
        let mut depth = 0_usize;
        for token in Tokens::of(input) {
            match token {
                Token::Open => {
                    self.flush();
                    depth += 1;
                    if depth <= MAX_DEPTH {
                        let group = Group { note: false, ..self.group().clone() };
                        self.groups.push(group);
                    }
                    self.skip = 0;
                }
                Token::Close => {
                    self.close(depth);
                    depth = depth.saturating_sub(1);
                    if depth == 0 {
                        return true;
                    }
                }
                Token::Word(word, parameter) => self.word(word, parameter),
                Token::Byte(byte) => self.byte(byte),
                // What a reader may pass over if it does not know it; of these only list markers would be text.
                Token::Optional => self.group().to = Destination::Nothing,
                Token::Symbol(b'~') => self.push(" "),
                Token::Symbol(b'_') => self.push("-"),
                Token::Symbol(b'\n' | b'\r') => self.paragraph(),
                Token::Symbol(_) => {}
            }
            if self.body.is_full() {
                return true;
            }
        }
        self.flush();
        false
    }

    fn close(&mut self, depth: usize) {
        self.flush();
        if matches!(self.group().to, Destination::Styles | Destination::Fonts) {
            self.end_entry();
        }
        if self.group().note {
            self.put("]");
        }
        if depth <= MAX_DEPTH && self.groups.len() > 1 {
            self.groups.pop();
        }
        self.skip = 0;
    }

    fn word(&mut self, word: &str, parameter: Option<i32>) {
        let on = parameter != Some(0);
        match word {
            "par" | "sect" | "page" => self.paragraph(),
            "line" => self.push("\n"),
            "tab" => self.push("\t"),
            "emdash" => self.push("—"),
            "endash" => self.push("–"),
            "lquote" => self.push("‘"),
            "rquote" => self.push("’"),
            "ldblquote" => self.push("“"),
            "rdblquote" => self.push("”"),
            "bullet" => self.push("•"),
            "emspace" | "enspace" => self.push(" "),
            "pard" => {
                self.flush();
                (self.level, self.in_list, self.in_table) = (None, false, false);
            }
            "intbl" => self.in_table = true,
            "ls" => self.in_list = true,
            "outlinelevel" => {
                self.level =
                    u8::try_from(parameter.unwrap_or(9)).ok().filter(|level| *level < 9).map(|level| level + 1);
            }
            "s" if self.group().to == Destination::Styles => self.entry = parameter.unwrap_or(0),
            "s" => self.level = self.styles.get(&parameter.unwrap_or(0)).copied(),
            "cell" => {
                self.flush();
                let cell = std::mem::take(&mut self.text);
                self.row.push(cell);
            }
            "row" => {
                self.flush();
                let row = std::mem::take(&mut self.row);
                self.rows.push(row);
            }
            "v" => {
                self.flush();
                self.group().hidden = on;
            }
            "deleted" => {
                self.flush();
                self.group().deleted = on;
            }
            "plain" => {
                self.flush();
                let code_page = self.code_page;
                let group = self.group();
                (group.hidden, group.deleted, group.encoding) = (false, false, code_page);
            }
            "ansicpg" => {
                self.code_page = of_code_page(parameter.unwrap_or(1252));
                self.group().encoding = self.code_page;
            }
            "mac" => {
                self.code_page = encoding_rs::MACINTOSH;
                self.group().encoding = self.code_page;
            }
            "f" if self.group().to == Destination::Fonts => self.entry = parameter.unwrap_or(0),
            "f" => {
                self.flush();
                let encoding = self.fonts.get(&parameter.unwrap_or(0)).copied().unwrap_or(self.code_page);
                self.group().encoding = encoding;
            }
            "fcharset" => {
                // 0 and 1 are the document's own.
                if let Some(encoding) = of_character_set(parameter.unwrap_or(0)) {
                    self.fonts.insert(self.entry, encoding);
                }
            }
            "uc" => self.group().fallback = usize::try_from(parameter.unwrap_or(1)).unwrap_or(1).min(16),
            "u" => {
                self.flush();
                // Negative for code units above 0x7FFF; halves of a pair come one after the other.
                self.unit(parameter.unwrap_or(0) as u16);
                self.skip = self.group().fallback;
            }
            "title" => self.group().to = Destination::Title,
            "fonttbl" => self.group().to = Destination::Fonts,
            "stylesheet" => self.group().to = Destination::Styles,
            // Text in spite of their mark.
            "shptxt" | "footnote" | "annotation" => {
                self.group().to = Destination::Text;
                self.group().note = word != "shptxt";
                self.push(if word == "shptxt" { " " } else { " [Note: " });
            }
            _ if SILENT.contains(&word) => self.group().to = Destination::Nothing,
            _ => {}
        }
    }

    /// A UTF-16 code unit; the first half of a pair waits for the second.
    fn unit(&mut self, unit: u16) {
        match char::decode_utf16([unit]).next() {
            Some(Ok(c)) => self.push(c.encode_utf8(&mut [0; 4])),
            _ if (0xD800..0xDC00).contains(&unit) => self.high = Some(unit),
            _ => {
                if let Some(high) = self.high.take()
                    && let Some(Ok(c)) = char::decode_utf16([high, unit]).next()
                {
                    self.push(c.encode_utf8(&mut [0; 4]));
                }
            }
        }
    }

    fn byte(&mut self, byte: u8) {
        if self.skip > 0 {
            self.skip -= 1;
        } else {
            self.bytes.push(byte);
        }
    }

    /// Decodes the bytes that have come: several may be one character.
    fn flush(&mut self) {
        if self.bytes.is_empty() {
            return;
        }
        let bytes = std::mem::take(&mut self.bytes);
        let encoding = self.group().encoding;
        let text = encoding.decode_without_bom_handling(&bytes).0.into_owned();
        self.put(&text);
    }

    fn push(&mut self, text: &str) {
        self.flush();
        self.put(text);
    }

    fn put(&mut self, text: &str) {
        let Group { to, hidden, deleted, .. } = self.group().clone();
        match to {
            Destination::Nothing => {}
            Destination::Title => self.title.push_str(text),
            Destination::Fonts | Destination::Styles => self.entry_name.push_str(text),
            Destination::Text if deleted => {}
            Destination::Text if hidden => self.body.hides(text),
            Destination::Text => self.text.push_str(text),
        }
    }

    /// A style has been named.
    fn end_entry(&mut self) {
        let name = std::mem::take(&mut self.entry_name).to_lowercase();
        let name = name.trim().trim_end_matches(';');
        if self.group().to == Destination::Styles {
            let level = name.strip_prefix("heading ").and_then(|level| level.parse::<u8>().ok());
            let level = level.or_else(|| (name == "title").then_some(1));
            self.styles.extend(level.filter(|level| (1..=9).contains(level)).map(|level| (self.entry, level)));
        }
        self.entry = 0;
    }

    fn paragraph(&mut self) {
        self.flush();
        if self.group().to != Destination::Text {
            return;
        }
        if self.in_table {
            // A paragraph inside a cell.
            self.text.push(' ');
            return;
        }
        self.end_table();
        let text = std::mem::take(&mut self.text);
        match self.level {
            Some(level) => self.body.heading(level, &text),
            None if self.in_list && !text.trim().is_empty() => self.body.item(0, "-", &text),
            None => self.body.paragraph(&text),
        }
    }

    fn end_table(&mut self) {
        if !self.rows.is_empty() {
            let rows = std::mem::take(&mut self.rows);
            self.body.table(&rows, true);
        }
    }
}
