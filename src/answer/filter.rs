//! What an answer should not say aloud: personal data, secrets, and words of the person's own list.
//!
//! Pure: text in, places out. A text is looked at place by place; at each a detector says how long the match is that begins there, and
//! whether more text could change that ([`Probe`]), so that the same code serves a whole text and one that is still being written
//! ([`Redactor`]). Matches that overlap are one. What counts is decided by checksums and fixed shapes, never by a model; kinds that shapes
//! alone tell (e-mail addresses, telephone numbers) count only where they are replaced, because a warning about each would be noise.
//!
//! Invariants: places are on character borders, sorted and disjoint; what was redacted once stays as it is; a text that is redacted as it
//! streams, however it is cut, is the whole text redacted.

mod blocklist;
mod personal;
mod secrets;
mod stream;

use serde::{Deserialize, Serialize};
use unicode_width::UnicodeWidthChar as _;

use crate::config::{FilterMode, Settings};
use blocklist::Blocklist;
pub(super) use stream::Redactor;

/// What stands in place of what was removed, before its kind in parentheses.
const BAR: &str = "▇▇▇";
/// A part of [`BAR`]: text next to it is next to a word.
const BAR_CHAR: char = '▇';
/// Most bytes of a kind: those of a block list are cut there.
const LONGEST_KIND: usize = 40;

/// A stretch of an answer that the output filter found, or that stands where it removed something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Filtered {
    /// What it looks like: `iban`, `payment card`, `api key`…, or a category of the block list.
    pub kind: String,
    /// First byte in [`super::Answer::answer`].
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

/// What a detector says of the text that begins at one place.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Probe {
    /// Bytes of the longest match that begins there.
    matched: Option<usize>,
    /// More text could make a match, or another one.
    open: bool,
}

impl Probe {
    /// Nothing begins there, whatever follows.
    const NONE: Self = Self { matched: None, open: false };
    /// What follows decides.
    const OPEN: Self = Self { matched: None, open: true };

    /// A match of so many bytes, unless a word goes on behind it.
    fn ending(text: &str, at: usize, length: usize) -> Self {
        match text[at + length..].chars().next() {
            Some(next) if is_word(next) => Self::NONE,
            next => Self { matched: Some(length), open: next.is_none() },
        }
    }
}

/// The filter of a person's settings.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OutputFilter {
    mode: FilterMode,
    blocklist: Blocklist,
}

/// What a scan came to.
struct Scan<'a> {
    /// What was found, in order.
    found: Vec<Span<'a>>,
    /// Up to where that is certain.
    settled: usize,
    /// The private key that began at `settled` has not ended.
    in_key: bool,
}

#[derive(Debug, Clone, Copy)]
struct Span<'a> {
    kind: &'a str,
    start: usize,
    end: usize,
}

impl OutputFilter {
    /// The filter that `settings` ask for, its block list read.
    ///
    /// # Errors
    /// When there is a block list that cannot be read or holds a line that is not `category: word`.
    pub fn load(settings: &Settings) -> anyhow::Result<Self> {
        let wanted = settings.output_filter != FilterMode::Off && !settings.blocklist.is_empty();
        let blocklist = if wanted { Blocklist::read(settings.blocklist.as_ref())? } else { Blocklist::default() };
        Ok(Self { mode: settings.output_filter, blocklist })
    }

    /// What is done about what is found.
    pub fn mode(&self) -> FilterMode {
        self.mode
    }

    /// The same filter doing something else about it.
    #[must_use]
    pub(super) fn with_mode(&self, mode: FilterMode) -> Self {
        Self { mode, blocklist: self.blocklist.clone() }
    }

    /// The blake3 hash of the block list in use, in hexadecimal.
    pub(super) fn blocklist_hash(&self) -> Option<String> {
        self.blocklist.hash().map(|hash| hash.to_string())
    }

    /// What was found in a finished answer: what a warning is about, or the bars that redacting left.
    pub(super) fn report(&self, answer: &str) -> Vec<Filtered> {
        let whole = |span: Span<'_>| Filtered { kind: span.kind.to_owned(), start: span.start, end: span.end };
        match self.mode {
            FilterMode::Off => Vec::new(),
            FilterMode::Warn => self.scan(answer, 0, true).found.into_iter().map(whole).collect(),
            FilterMode::Redact => bars(answer).into_iter().map(whole).collect(),
        }
    }

    /// The text as it may be shown: in [`FilterMode::Redact`] without what was found, else as it is.
    pub fn shown(&self, text: &str) -> String {
        let mut redactor = Redactor::new(self);
        let mut shown = redactor.push(text);
        shown.push_str(&redactor.finish());
        shown
    }

    /// Looks at every place of `text` from `from` on; `ended`: nothing follows.
    fn scan<'a>(&'a self, text: &'a str, from: usize, ended: bool) -> Scan<'a> {
        let mut found: Vec<Span<'a>> = Vec::new();
        let mut current: Option<Span<'a>> = None;
        let mut at = from;
        while let Some(c) = text[at..].chars().next() {
            if let Some(span) = current.take_if(|span| span.end <= at) {
                found.push(span);
            }
            let unsettled = current.map_or(at, |span| span.start);
            let bar = bar_at(text, at);
            if bar.open && !ended {
                return Scan { found, settled: unsettled, in_key: false };
            }
            if let Some(length) = bar.matched {
                at += length;
                continue;
            }
            let key = secrets::private_key(text, at);
            if key.open && !ended {
                // An open key that has begun is a match already.
                return Scan { found, settled: unsettled, in_key: key.matched.is_some() };
            }
            if let Some(length) = key.matched {
                let start = current.take().map_or(at, |span| span.start);
                found.push(Span { kind: secrets::PRIVATE_KEY, start, end: at + length });
                at += length;
                continue;
            }
            for (kind, probe) in self.probes(text, at, c) {
                if probe.open && !ended {
                    return Scan { found, settled: unsettled, in_key: false };
                }
                if let Some(length) = probe.matched {
                    let end = at + length;
                    let span = current.get_or_insert(Span { kind, start: at, end });
                    span.end = span.end.max(end);
                }
            }
            at += c.len_utf8();
        }
        // A match that ends with the text was open, or nothing follows.
        found.extend(current);
        Scan { found, settled: text.len(), in_key: false }
    }

    /// What the detectors say of a place; `c` stands there.
    fn probes<'a>(&'a self, text: &'a str, at: usize, c: char) -> impl Iterator<Item = (&'a str, Probe)> {
        let before = before(text, at);
        let fresh = before.is_none_or(|before| !is_word(before));
        let (weak, ascii) = (fresh && self.mode == FilterMode::Redact, fresh && c.is_ascii());
        let sure =
            ascii.then(|| [(personal::IBAN, personal::iban(text, at)), (personal::CARD, personal::card(text, at))]);
        let weak =
            weak.then(|| [(personal::EMAIL, personal::email(text, at)), (personal::PHONE, personal::phone(text, at))]);
        let secret = ascii.then(|| secrets::secret(text, at));
        let listed = self.blocklist.probes(text, at, before);
        sure.into_iter().flatten().chain(secret).chain(weak.into_iter().flatten()).chain(listed)
    }
}

/// A bar with its kind, as it stands in a redacted text.
fn bar(kind: &str) -> String {
    format!("{BAR} ({kind})")
}

/// The bar that stands at a place.
fn bar_at(text: &str, at: usize) -> Probe {
    let rest = &text[at..];
    if !rest.starts_with(BAR_CHAR) {
        return Probe::NONE;
    }
    let head = format!("{BAR} (");
    let Some(kind) = rest.strip_prefix(&head) else {
        return if head.starts_with(rest) { Probe::OPEN } else { Probe::NONE };
    };
    let length = kind.find(|c| !is_of_kind(c)).unwrap_or(kind.len());
    match kind[length..].chars().next() {
        _ if length > LONGEST_KIND => Probe::NONE,
        None => Probe::OPEN,
        Some(')') if length > 0 => Probe { matched: Some(head.len() + length + 1), open: false },
        Some(_) => Probe::NONE,
    }
}

/// Whether a kind may hold this character.
fn is_of_kind(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, ' ' | '-' | '_')
}

/// Whether a text begins with a bar.
pub(super) fn is_bar(text: &str) -> bool {
    bar_at(text, 0).matched.is_some()
}

/// All bars of a text.
fn bars(text: &str) -> Vec<Span<'_>> {
    let places = text.match_indices(BAR).map(|(start, _)| start);
    places
        .filter_map(|start| {
            let end = start + bar_at(text, start).matched?;
            Some(Span { kind: &text[start + BAR.len() + 2..end - 1], start, end })
        })
        .collect()
}

/// The text without its bars: what can be compared with documents.
pub(super) fn without_bars(text: &str) -> String {
    let mut rest = String::with_capacity(text.len());
    let mut at = 0;
    for span in bars(text) {
        rest.push_str(&text[at..span.start]);
        at = span.end;
    }
    rest.push_str(&text[at..]);
    rest
}

/// The character before a place; a bar there counts as one of a word, so that nothing that was cut off by it can match.
fn before(text: &str, at: usize) -> Option<char> {
    let before = &text[..at];
    let last = before.chars().next_back()?;
    if last == ')' {
        let from = before.floor_char_boundary(at.saturating_sub(BAR.len() + LONGEST_KIND + 3));
        let open = before[from..].rfind(BAR).map(|start| from + start);
        if open.is_some_and(|start| bar_at(before, start).matched == Some(at - start)) {
            return Some(BAR_CHAR);
        }
    }
    Some(last)
}

/// Whether a character belongs to a word; so do marks that stand on the letter before them.
fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == BAR_CHAR || (!c.is_ascii() && c.width() == Some(0))
}

#[cfg(test)]
mod tests;
