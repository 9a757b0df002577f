//! The `[n]` that a model writes: struck where they name no source, taken out before a sentence is checked.

/// The text without its `[n]` markers.
pub(in crate::answer) fn without_markers(text: &str) -> String {
    strip_markers(text).0
}

/// Removes `[n]` markers; returns the text and the numbers. Brackets that belong to a word are not markers: `v[0]`.
pub(super) fn strip_markers(text: &str) -> (String, Vec<u32>) {
    let mut words = String::with_capacity(text.len());
    let mut numbers = Vec::new();
    let mut rest = text;
    while let Some(open) = rest.find('[') {
        words.push_str(&rest[..open]);
        let inside = &rest[open + 1..];
        let digits = inside.bytes().take_while(u8::is_ascii_digit).count();
        let closed = (1..4).contains(&digits) && inside[digits..].starts_with(']');
        if closed && may_follow(words.chars().last()) {
            words.truncate(words.trim_end_matches(' ').len());
            numbers.extend(inside[..digits].parse::<u32>());
            rest = &inside[digits + 1..];
        } else {
            words.push('[');
            rest = inside;
        }
    }
    words.push_str(rest);
    (words, numbers)
}

/// Whether a marker can stand after `before`: after a space or the end of a sentence, at the start, or after a marker.
fn may_follow(before: Option<char>) -> bool {
    before.is_none_or(|c| c.is_whitespace() || matches!(c, '.' | '!' | '?' | ',' | ';' | ':' | '…'))
}

/// Strikes `[n]` outside `1..=sources` from text as it streams; holds back only what may still become a marker.
#[derive(Debug, Default)]
pub(in crate::answer) struct MarkerFilter {
    held: String,
    sources: u32,
    /// The last character before what is held.
    before: Option<char>,
}

impl MarkerFilter {
    /// For a prompt with `sources` passages.
    pub(in crate::answer) fn new(sources: u32) -> Self {
        Self { held: String::new(), sources, before: None }
    }

    /// Takes the next piece and returns what may be shown.
    pub(in crate::answer) fn push(&mut self, piece: &str) -> String {
        let mut shown = String::new();
        for c in piece.chars() {
            match (self.held.is_empty(), c) {
                (true, '[') if may_follow(self.before) => self.held.push(c),
                (false, '0'..='9') if self.held.len() < 4 => self.held.push(c),
                (false, ']') if self.held.len() > 1 => {
                    let number = self.held[1..].parse::<u32>().unwrap_or(0);
                    if (1..=self.sources).contains(&number) {
                        shown.push_str(&self.held);
                        shown.push(c);
                    }
                    self.held.clear();
                }
                _ => {
                    shown.push_str(&std::mem::take(&mut self.held));
                    shown.push(c);
                    self.before = Some(c);
                }
            }
        }
        shown
    }

    /// What was held back when the text ended.
    pub(in crate::answer) fn finish(&mut self) -> String {
        std::mem::take(&mut self.held)
    }
}
