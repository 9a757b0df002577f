//! Tags out, text in, line by line: the visible text of HTML without building a tree.
//!
//! Used where a parser would be too much or too dangerous: HTML inside Markdown, pages nested too deep for a tree, and
//! finding the source line of a converted passage. The result has exactly the line breaks of the source, so that line n
//! of one is line n of the other. Linear in the length of the source.

use std::borrow::Cow;

use memchr::{memchr, memchr_iter, memchr3};

/// Whether an element flows inside a line: taking out its tags must not split a word.
pub(super) fn is_inline(name: &str) -> bool {
    matches!(
        name,
        "a" | "abbr"
            | "b"
            | "bdi"
            | "bdo"
            | "big"
            | "cite"
            | "code"
            | "del"
            | "dfn"
            | "em"
            | "font"
            | "i"
            | "ins"
            | "kbd"
            | "label"
            | "mark"
            | "q"
            | "s"
            | "samp"
            | "small"
            | "span"
            | "strong"
            | "sub"
            | "sup"
            | "tt"
            | "u"
            | "var"
            | "wbr"
    )
}

/// Whether an element has no content, and no closing tag.
pub(super) fn is_void(name: &str) -> bool {
    matches!(
        name,
        "area"
            | "base"
            | "br"
            | "col"
            | "embed"
            | "hr"
            | "img"
            | "input"
            | "link"
            | "meta"
            | "param"
            | "source"
            | "track"
            | "wbr"
    )
}

/// Whether the content of an element is no text for a reader.
pub(super) fn is_silent(name: &str) -> bool {
    matches!(name, "script" | "style" | "template")
}

/// Whether an element may stay unclosed, so that others of its kind do not nest in it.
pub(super) fn may_stay_open(name: &str) -> bool {
    matches!(name, "p" | "li" | "dt" | "dd" | "option" | "tr" | "td" | "th")
}

/// The text of `source` without tags and comments.
pub(super) fn visible_text(source: &str) -> String {
    let mut out = String::with_capacity(source.len() / 2);
    let mut tags = Tags::new(source);
    let mut rest = source;
    while let Some(open) = memchr(b'<', rest.as_bytes()) {
        push_decoded(&mut out, &rest[..open]);
        rest = &rest[open..];
        let skipped = if rest.starts_with("<!--") {
            rest.find("-->").map_or(rest.len(), |end| end + 3)
        } else if let Some(tag) = tags.at_start_of(rest) {
            if !is_inline(&tag.name) {
                out.push(' ');
            }
            let silent = !tag.closing && is_silent(&tag.name);
            tag.len + if silent { end_of_silent(&rest[tag.len..], &tag.name) } else { 0 }
        } else {
            out.push('<');
            rest = &rest[1..];
            continue;
        };
        push_line_breaks(&mut out, &rest[..skipped]);
        rest = &rest[skipped..];
    }
    push_decoded(&mut out, rest);
    out
}

/// How many words a text has.
pub(super) fn words(text: &str) -> usize {
    // The same, and quicker.
    if text.is_ascii() { text.split_ascii_whitespace().count() } else { text.split_whitespace().count() }
}

/// Appends the line breaks of a piece of the source, and nothing else of it.
pub(super) fn push_line_breaks(out: &mut String, piece: &str) {
    memchr_iter(b'\n', piece.as_bytes()).for_each(|_| out.push('\n'));
}

/// How deep elements nest, at most; void and unclosed inline elements are not counted precisely, which only errs upwards.
pub(super) fn depth(source: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0_usize);
    let mut tags = Tags::new(source);
    let mut rest = source;
    while let Some(open) = memchr(b'<', rest.as_bytes()) {
        rest = &rest[open..];
        let Some(tag) = tags.at_start_of(rest) else {
            rest = &rest[1..];
            continue;
        };
        let text = &rest[..tag.len];
        if tag.name.starts_with(|c: char| c.is_ascii_alphabetic())
            && !is_void(&tag.name)
            && !may_stay_open(&tag.name)
            && !text.ends_with("/>")
        {
            depth = if tag.closing { depth.saturating_sub(1) } else { depth + 1 };
            deepest = deepest.max(depth);
        }
        rest = &rest[tag.len..];
    }
    deepest
}

/// A tag of a source.
pub(super) struct Tag<'a> {
    /// The element, in lower case; `!` and what follows it for a declaration.
    pub(super) name: Cow<'a, str>,
    /// Whether it is the closing one.
    pub(super) closing: bool,
    /// Bytes up to and with `>`.
    pub(super) len: usize,
}

/// Longest tag that is read with its quotes respected; beyond it the first `>` ends a tag, so that a stray quote costs
/// no more than this.
const MAX_TAG: usize = 4096;

/// Longest name of an element, in bytes.
const MAX_NAME: usize = 32;

/// Finds tags from the start of a source to its end.
pub(super) struct Tags<'a> {
    source: &'a str,
    /// Where the next `>` stands, looked for once: a source full of `<` must not be searched from each of them.
    next_end: Option<usize>,
}

impl<'a> Tags<'a> {
    /// The tags of `source`.
    pub(super) fn new(source: &'a str) -> Self {
        Self { source, next_end: memchr(b'>', source.as_bytes()) }
    }

    /// The tag at the start of `rest`, a tail of the source that is never longer than the one before.
    pub(super) fn at_start_of(&mut self, rest: &'a str) -> Option<Tag<'a>> {
        let at = self.source.len() - rest.len();
        if self.next_end.is_some_and(|end| end < at) {
            self.next_end = memchr(b'>', rest.as_bytes()).map(|end| at + end);
        }
        let first_end = self.next_end? - at;
        let body = rest.strip_prefix('<')?;
        let closing = body.starts_with('/');
        let name_from = body.strip_prefix('/').unwrap_or(body);
        if first_end >= MAX_TAG || !name_from.starts_with(|c: char| c.is_ascii_alphabetic() || c == '!' || c == '?') {
            return None;
        }
        let mut ends = name_from.char_indices();
        let end = ends.find(|(at, c)| c.is_whitespace() || matches!(c, '>' | '/') || *at >= MAX_NAME);
        let name = &name_from[..end.map_or(name_from.len(), |(at, _)| at)];
        let len = 1 + quoted_end(rest).unwrap_or(first_end);
        Some(Tag { name: lowercase(name), closing, len })
    }
}

fn lowercase(name: &str) -> Cow<'_, str> {
    if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(name.to_ascii_lowercase())
    } else {
        Cow::Borrowed(name)
    }
}

/// Where a tag ends when `>` inside a quoted value does not end it.
fn quoted_end(rest: &str) -> Option<usize> {
    let bytes = &rest.as_bytes()[..rest.len().min(MAX_TAG)];
    let mut at = 0;
    loop {
        at += memchr3(b'>', b'"', b'\'', &bytes[at..])?;
        if bytes[at] == b'>' {
            return Some(at);
        }
        // A quote opens a value only after `=`, as in HTML's tokenizer.
        if bytes[..at].trim_ascii_end().ends_with(b"=") {
            at += 1 + memchr(bytes[at], &bytes[at + 1..])?;
        }
        at += 1;
    }
}

/// Bytes up to the closing tag of a silent element; all of the rest when it is never closed.
pub(super) fn end_of_silent(rest: &str, name: &str) -> usize {
    let mut at = 0;
    while let Some(found) = rest[at..].find("</") {
        at += found;
        let tail = &rest.as_bytes()[at + 2..];
        if tail.len() >= name.len() && tail[..name.len()].eq_ignore_ascii_case(name.as_bytes()) {
            return at;
        }
        at += 2;
    }
    rest.len()
}

/// A text with its entities as what they stand for.
pub(super) fn decoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    push_decoded(&mut out, text);
    out
}

/// Appends a text with its entities as what they stand for.
pub(super) fn push_decoded(out: &mut String, text: &str) {
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let (c, len) = entity_at(rest).unwrap_or(('&', 1));
        out.push(c);
        rest = &rest[len..];
    }
    out.push_str(rest);
}

fn entity_at(rest: &str) -> Option<(char, usize)> {
    let end = rest.bytes().take(12).position(|byte| byte == b';')?;
    let name = &rest[1..end];
    let c = match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        "nbsp" => ' ',
        "ndash" => '–',
        "mdash" => '—',
        "hellip" => '…',
        "lsquo" => '‘',
        "rsquo" => '’',
        "ldquo" => '“',
        "rdquo" => '”',
        "copy" => '©',
        _ => {
            let digits = name.strip_prefix('#')?;
            let code = match digits.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => digits.parse().ok()?,
            };
            // An escape must not bring back what cleaning took out.
            char::from_u32(code).filter(|c| !super::has_forbidden(c.encode_utf8(&mut [0; 4])) && *c != '\n')?
        }
    };
    Some((c, end + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_go_and_lines_stay() {
        let source = "<div\n class=\"a > b\">one <b>bo</b>ld</div>\n<!-- hidden\nstill --><p>two &amp; three\n<script>x\n<y></script>end";
        let text = visible_text(source);
        assert_eq!(text.matches('\n').count(), source.matches('\n').count());
        assert_eq!(text.split_whitespace().collect::<Vec<_>>(), ["one", "bold", "two", "&", "three", "end"]);
        assert_eq!(text.lines().position(|line| line.contains("two")), Some(3));
    }

    #[test]
    fn a_bare_less_than_sign_is_text() {
        assert_eq!(visible_text("a < b and 1<2, x <"), "a < b and 1<2, x <");
    }

    #[test]
    fn escapes_cannot_smuggle_controls() {
        assert_eq!(visible_text("a&#27;[31m&#x202E;b&#65;"), "a&#27;[31m&#x202E;bA");
    }

    #[test]
    fn many_open_brackets_stay_linear() {
        let text = visible_text(&"<a ".repeat(200_000));
        assert_eq!(text.len(), 600_000);
        assert_eq!(depth(&"<a ".repeat(200_000)), 0);
    }

    #[test]
    fn depth_counts_open_elements() {
        assert_eq!(depth("<div><p>a<br><b>c</b></div><i></i>"), 2);
        assert_eq!(depth(&"<div>".repeat(1000)), 1000);
    }
}
