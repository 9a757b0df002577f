//! What a page's style hides from whoever looks at it: taken out before anything reads the page, line breaks left in place.
//!
//! One pass over the tags with a stack of the elements that are open, no tree. What it knows of CSS: declarations in the
//! element itself and the plain rules of the page's own `<style>` (`style`). Style sheets beside the page are never seen.

use std::borrow::Cow;

use memchr::{memchr, memmem};

use super::super::markup::{self, Tag, Tags};
use super::style::{Declared, Look, MAX_STYLE, Rules, colored, declared};

/// Elements that end where another of their kind begins.
const SIBLINGS: &[&[&str]] =
    &[&["li"], &["dt", "dd"], &["td", "th"], &["tr", "tbody", "thead", "tfoot"], &["option", "optgroup"]];
/// Elements in which siblings are looked for, and no farther.
const HOLDERS: &[&str] = &["ul", "ol", "dl", "table", "tr", "select"];
/// Elements that end a paragraph where they begin.
const BLOCKS: &[&str] = &[
    "address",
    "article",
    "aside",
    "blockquote",
    "details",
    "div",
    "dl",
    "fieldset",
    "figure",
    "footer",
    "form",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "header",
    "hr",
    "main",
    "nav",
    "ol",
    "p",
    "pre",
    "section",
    "table",
    "ul",
];
/// How many open elements a closing tag is compared with; what lies deeper ends with what holds it.
const REACH: usize = 64;

/// Whether the content of an element is no text for a reader, and holds no tags.
fn is_raw(name: &str) -> bool {
    matches!(name, "script" | "style" | "title" | "textarea")
}

/// The page without its hidden text, and how many words that was.
///
/// Where more is taken off the page than shown a script is what shows it (pages that fade in, a form in steps): all of that is kept.
/// No script shows what is too small, of the color of its ground or far out of the page: that is never kept.
pub(super) fn without(source: &str) -> (Cow<'_, str>, usize) {
    let lower = source.to_ascii_lowercase();
    let may_hide = |word: &str| {
        memmem::find_iter(lower.as_bytes(), word).any(|at| !lower.as_bytes()[at + word.len()..].starts_with(b"sheet"))
    };
    if !["style", "hidden", "bgcolor"].into_iter().any(may_hide) {
        return (Cow::Borrowed(source), 0);
    }
    let rules = if memmem::find(lower.as_bytes(), b"<style").is_some() { rules_of(source) } else { Rules::default() };
    let mut pass = Pass::new(source, rules, false);
    pass.run(source);
    let [shown, hidden, off] = pass.words;
    if off > shown {
        pass = Pass::new(source, pass.rules, true);
        pass.run(source);
    }
    let hidden = if off > shown { hidden } else { hidden + off };
    if hidden == 0 { (Cow::Borrowed(source), 0) } else { (Cow::Owned(pass.out), hidden) }
}

/// The rules of a page's own style sheets: those that hold on a screen, and outside of what is only shown without scripts.
fn rules_of(source: &str) -> Rules {
    let mut rules = Rules::default();
    let (mut tags, mut rest, mut left) = (Tags::new(source), source, MAX_STYLE);
    while let Some(at) = memchr(b'<', rest.as_bytes()) {
        rest = &rest[at..];
        let mut len = 1;
        if rest.starts_with("<!--") {
            len = rest.find("-->").map_or(rest.len(), |end| end + 3);
        } else if let Some(tag) = tags.at_start_of(rest) {
            len = tag.len;
            if !tag.closing && (is_raw(&tag.name) || tag.name == "noscript") {
                let end = len + markup::end_of_silent(&rest[len..], &tag.name);
                if tag.name == "style" {
                    let media = attributes(&rest[..len]).find(|(name, _)| name.eq_ignore_ascii_case("media"));
                    let is_screen = media.is_none_or(|(_, media)| {
                        ["", "all", "screen"].iter().any(|known| media.trim().eq_ignore_ascii_case(known))
                    });
                    let Some(rest_of_room) = left.checked_sub(end - len) else { break };
                    left = rest_of_room;
                    rules.read(&rest[len..end], !is_screen);
                }
                len = end;
            }
        }
        rest = &rest[len..];
    }
    rules
}

struct Open<'a> {
    name: Cow<'a, str>,
    look: Look,
}

struct Pass<'a> {
    rules: Rules,
    open: Vec<Open<'a>>,
    /// The source without what is hidden.
    out: String,
    /// Words that are shown, that are not to be seen, and that are off the page.
    words: [usize; 3],
    /// What is off the page is kept.
    keeps_off: bool,
}

impl<'a> Pass<'a> {
    fn new(source: &str, rules: Rules, keeps_off: bool) -> Self {
        let out = String::with_capacity(source.len());
        Self { rules, open: Vec::new(), out, words: [0; 3], keeps_off }
    }

    /// Whether elements with this look are left out with all their tags.
    fn drops(&self, look: Look) -> bool {
        look.far || (look.off && !self.keeps_off)
    }

    fn run(&mut self, source: &'a str) {
        let mut tags = Tags::new(source);
        let mut rest = source;
        while let Some(at) = memchr(b'<', rest.as_bytes()) {
            self.text(&rest[..at]);
            rest = &rest[at..];
            let len = if rest.starts_with("<!--") {
                let len = rest.find("-->").map_or(rest.len(), |end| end + 3);
                self.copy(&rest[..len], self.drops(self.look()));
                len
            } else if let Some(tag) = tags.at_start_of(rest) {
                self.tag(tag, rest)
            } else {
                self.text("<");
                1
            };
            rest = &rest[len..];
        }
        self.text(rest);
    }

    fn look(&self) -> Look {
        self.open.last().map_or_else(Look::default, |open| open.look)
    }

    fn text(&mut self, text: &str) {
        let look = self.look();
        let kind = if look.hides() { 1 } else { usize::from(look.is_off()) * 2 };
        self.words[kind] += markup::words(text);
        self.copy(text, kind == 1 || (kind == 2 && !self.keeps_off));
    }

    /// Copies a piece of the source, or only its line breaks.
    fn copy(&mut self, piece: &str, hidden: bool) {
        if hidden {
            markup::push_line_breaks(&mut self.out, piece);
        } else {
            self.out.push_str(piece);
        }
    }

    /// Takes the tag at the start of `rest` in, and returns how much of it that was.
    fn tag(&mut self, tag: Tag<'a>, rest: &'a str) -> usize {
        let text = &rest[..tag.len];
        if tag.closing {
            let closed = self.close(|name| name == tag.name, |_| false);
            self.copy(text, self.drops(closed.unwrap_or_else(|| self.look())));
            return tag.len;
        }
        if !tag.name.starts_with(|c: char| c.is_ascii_alphabetic()) {
            self.copy(text, self.drops(self.look()));
            return tag.len;
        }
        self.end_implied(&tag.name);
        let look = self.look_of(text, &tag.name);
        if self.drops(look) && !markup::is_inline(&tag.name) {
            self.out.push(' ');
        }
        let content = if is_raw(&tag.name) { markup::end_of_silent(&rest[tag.len..], &tag.name) } else { 0 };
        self.copy(&rest[..tag.len + content], self.drops(look));
        if !markup::is_void(&tag.name) && !text.ends_with("/>") {
            self.open.push(Open { name: tag.name, look });
        }
        text.len() + content
    }

    /// Closes the innermost element that fits, and all inside it, unless one that stops the search is met first; returns its look.
    fn close(&mut self, fits: impl Fn(&str) -> bool, stops: impl Fn(&str) -> bool) -> Option<Look> {
        let mut inner = self.open.iter().enumerate().rev().take(REACH).take_while(|(_, open)| !stops(&open.name));
        let (at, look) = inner.find(|(_, open)| fits(&open.name)).map(|(at, open)| (at, open.look))?;
        self.open.truncate(at);
        Some(look)
    }

    /// Closes what the start of an element ends.
    fn end_implied(&mut self, name: &str) {
        if self.open.last().is_some_and(|open| open.name == "p") && BLOCKS.contains(&name) {
            self.open.pop();
        } else if let Some(siblings) = SIBLINGS.iter().find(|siblings| siblings.contains(&name)) {
            self.close(|open| siblings.contains(&open), |open| HOLDERS.contains(&open) && !siblings.contains(&open));
        }
    }

    /// The look inside the element of a start tag.
    fn look_of(&self, tag: &str, element: &str) -> Look {
        let (mut sheet, mut own) = (Declared::default(), Declared::default());
        let (mut is_styled, mut hidden, mut is_panel) = (self.rules.speak_of(element), false, false);
        for (name, value) in attributes(tag) {
            let is = |wanted: &str| name.eq_ignore_ascii_case(wanted);
            if is("class") || is("id") {
                is_styled = true;
                let mark = if is("id") { '#' } else { '.' };
                for name in value.split_whitespace().filter(|_| !self.rules.is_empty()) {
                    sheet = sheet.then(self.rules.for_name(&format!("{mark}{name}")));
                }
            } else if is("style") {
                own = own.then(declared(&value));
            } else if is("role") {
                // A panel of tabs is shown when its tab is chosen.
                is_panel = value.eq_ignore_ascii_case("tabpanel");
            } else if is("background") {
                sheet = sheet.then(colored("background-image", &value));
            } else if is("bgcolor") {
                sheet = sheet.then(colored("background", &value));
            } else if is("color") {
                sheet = sheet.then(colored("color", &value));
            } else if is("hidden") {
                // What can be found by searching in the page is shown then.
                hidden = !value.eq_ignore_ascii_case("until-found");
            }
        }
        let mut declared = sheet.then(own);
        declared.absent = declared.absent.or(Some(hidden && !is_panel));
        self.look().inside(declared, is_styled)
    }
}

/// The attributes of a start tag, values with their entities decoded.
pub(super) fn attributes(tag: &str) -> impl Iterator<Item = (&str, Cow<'_, str>)> {
    let mut rest = tag.split_once(char::is_whitespace).map_or("", |(_, rest)| rest.trim_end_matches('>'));
    std::iter::from_fn(move || {
        rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == '/');
        if rest.is_empty() {
            return None;
        }
        let mut ends = rest.char_indices().skip(1).filter(|(_, c)| c.is_whitespace() || matches!(c, '=' | '/'));
        let (name, after) = rest.split_at(ends.next().map_or(rest.len(), |(at, _)| at));
        let (value, after) = match after.trim_start().strip_prefix('=') {
            Some(value) => value_of(value.trim_start()),
            None => ("", after),
        };
        rest = after;
        let value = if value.contains('&') { Cow::Owned(markup::decoded(value)) } else { Cow::Borrowed(value) };
        Some((name, value))
    })
}

/// A value, quoted or not, and what follows it.
fn value_of(rest: &str) -> (&str, &str) {
    match rest.chars().next() {
        Some(quote @ ('"' | '\'')) => rest[1..].split_once(quote).unwrap_or((&rest[1..], "")),
        _ => rest.split_at(rest.find(char::is_whitespace).unwrap_or(rest.len())),
    }
}

#[cfg(test)]
mod tests;
