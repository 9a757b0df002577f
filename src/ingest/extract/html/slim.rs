//! A page in one pass over its tags: what the converter needs of it, its visible text, and which part of it is the content.
//!
//! Most bytes of a page are attributes, links and spans that no block shows; a tree of them costs more than all else. What is left
//! here are bare tags of elements that give the text its structure.

use std::borrow::Cow;
use std::ops::Range;

use memchr::memchr;

use super::super::markup::{self, Tag, Tags};
use super::hidden::attributes;

/// Words in a class or an id that tell of what stands beside the content, wherever that is.
const BESIDE: &[&str] = &[
    "advert",
    "advertisement",
    "comment",
    "community",
    "cookie",
    "disqus",
    "gdpr",
    "newsletter",
    "promo",
    "related",
    "remark",
    "replies",
    "share",
    "sharing",
    "shoutbox",
    "sidebar",
    "skyscraper",
    "social",
    "sponsor",
    "sponsored",
    "supplemental",
];
/// The same where nothing says which part the content is.
const AROUND: &[&str] = &[
    "ad",
    "banner",
    "breadcrumb",
    "extra",
    "footer",
    "header",
    "legend",
    "menu",
    "menubar",
    "nav",
    "navbar",
    "navigation",
    "pager",
    "pagination",
    "popup",
    "rss",
    "toc",
    "toolbar",
    "widget",
];
/// Roles of what stands beside the content.
const ROLES: &[&str] = &["menu", "menubar", "complementary", "navigation", "banner", "contentinfo", "search"];
/// How many links with nothing between them are a menu.
const MENU: usize = 4;
/// Bytes between two links that are nothing.
const NOTHING: usize = 3;

/// A page as the converter needs it.
#[derive(Debug, Default)]
pub(super) struct Slim {
    /// Its elements without attributes.
    pub(super) html: String,
    /// Its text without tags, which has its lines.
    pub(super) visible: String,
    /// How deep its elements nest, at most.
    pub(super) deepest: usize,
    depth: usize,
    main: Region,
    article: Region,
    /// Where in `html` something stands beside the content.
    beside: Vec<usize>,
    /// Whether something does that counts only where nothing says which part the content is.
    is_framed: bool,
    links: Links,
    is_preformatted: bool,
    /// How many elements are open that are never read ([`LEFT_OUT`](super::LEFT_OUT)), whatever is in them.
    left_out: usize,
}

/// A part of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part {
    /// In [`Slim::html`].
    pub(super) html: Range<usize>,
    /// In [`Slim::visible`].
    pub(super) visible: Range<usize>,
}

/// Elements of one name.
#[derive(Debug, Default)]
struct Region {
    times: usize,
    from: (usize, usize),
    to: Option<(usize, usize)>,
}

/// Links that follow each other.
#[derive(Debug, Default)]
struct Links {
    row: usize,
    between: usize,
    is_open: bool,
}

impl Slim {
    /// Reads a page.
    pub(super) fn of(source: &str) -> Self {
        let mut slim = Self {
            html: String::with_capacity(source.len() / 2),
            visible: String::with_capacity(source.len() / 2),
            ..Self::default()
        };
        slim.html.push_str("<!DOCTYPE html>");
        let mut tags = Tags::new(source);
        let mut rest = source;
        while let Some(open) = memchr(b'<', rest.as_bytes()) {
            slim.text(&rest[..open]);
            rest = &rest[open..];
            let skipped = if rest.starts_with("<!--") {
                rest.find("-->").map_or(rest.len(), |end| end + 3)
            } else if let Some(tag) = tags.at_start_of(rest) {
                let is_silent = !tag.closing && markup::is_silent(&tag.name);
                let content = if is_silent { markup::end_of_silent(&rest[tag.len..], &tag.name) } else { 0 };
                slim.tag(&tag, &rest[..tag.len]);
                tag.len + content
            } else {
                slim.text("<");
                rest = &rest[1..];
                continue;
            };
            markup::push_line_breaks(&mut slim.visible, &rest[..skipped]);
            rest = &rest[skipped..];
        }
        slim.text(rest);
        slim
    }

    /// The part that the page itself calls its content: its only article, or the main part around several. `None` where there is none,
    /// or where something stands in it that is beside the content.
    pub(super) fn content(&self) -> Option<Part> {
        let (main, article) = (self.part_of(&self.main), self.part_of(&self.article));
        let part = match (main, article) {
            // A main part of which the article is a small piece is itself what the page is about.
            (Some(main), Some(article)) if article.visible.len() * 2 < main.visible.len() => main,
            (main, article) => article.or(main)?,
        };
        (!self.beside.iter().any(|at| part.html.contains(at))).then_some(part)
    }

    /// Whether there is nothing on the page beside its content, as far as can be told without a tree.
    pub(super) fn is_plain(&self) -> bool {
        self.beside.is_empty() && !self.is_framed
    }

    /// All of the page.
    pub(super) fn whole(&self) -> Part {
        Part { html: 0..self.html.len(), visible: 0..self.visible.len() }
    }

    fn part_of(&self, region: &Region) -> Option<Part> {
        let to = region.to.unwrap_or((self.html.len(), self.visible.len()));
        let part = Part { html: region.from.0..to.0, visible: region.from.1..to.1 };
        (region.times == 1 && !part.html.is_empty()).then_some(part)
    }

    fn text(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        self.html.push_str(text);
        markup::push_decoded(&mut self.visible, text);
        if !self.links.is_open {
            self.links.between += text.trim().len();
        }
    }

    fn tag(&mut self, tag: &Tag<'_>, text: &str) {
        let name = &*tag.name;
        if name == "a" {
            self.link(tag.closing);
        }
        if markup::is_inline(name) {
            if name == "code" {
                self.code(tag.closing);
            }
            return;
        }
        let here = (self.html.len(), self.visible.len());
        self.visible.push(' ');
        if markup::is_silent(name) || !name.starts_with(|c: char| c.is_ascii_alphabetic()) {
            return;
        }
        self.html.push('<');
        if tag.closing {
            self.html.push('/');
        }
        self.html.push_str(name);
        if !tag.closing && name.len() < text.len() - 2 {
            self.look_at(name, text, here.0);
        }
        self.html.push('>');
        // HTML knows no empty elements but its own: what is written as one must not hold all that follows.
        if text.ends_with("/>") && !tag.closing {
            if !markup::is_void(name) {
                self.html.push_str("</");
                self.html.push_str(name);
                self.html.push('>');
            }
            return;
        }
        if !markup::is_void(name) && !markup::may_stay_open(name) {
            self.nest(tag.closing);
        }
        let region = match name {
            "main" => &mut self.main,
            "article" => &mut self.article,
            "nav" | "footer" | "dialog" => {
                self.left_out = if tag.closing { self.left_out.saturating_sub(1) } else { self.left_out + 1 };
                return;
            }
            "pre" => {
                self.is_preformatted = !tag.closing;
                return;
            }
            "aside" => {
                self.is_framed = true;
                return;
            }
            _ => return,
        };
        if tag.closing {
            region.to = Some((self.html.len(), self.visible.len()));
        } else {
            region.times += 1;
            region.from = here;
        }
    }

    /// Attributes that give text or a number, and those that tell what an element is for.
    fn look_at(&mut self, name: &str, text: &str, at: usize) {
        for (attribute, value) in attributes(text) {
            let is = |wanted: &str| attribute.eq_ignore_ascii_case(wanted);
            if name == "img" && is("alt") {
                self.html.push_str(" src=\"-\" alt=\"");
                self.html.push_str(&quoted(&value));
                self.html.push('"');
            } else if name == "ol" && is("start") && value.parse::<u32>().is_ok() {
                self.html.push_str(" start=");
                self.html.push_str(&value);
            } else if is("class") || is("id") {
                self.judge(name, &value, at);
            } else if is("role") && ROLES.contains(&&*value) {
                self.is_framed |= self.left_out == 0;
            }
        }
    }

    fn judge(&mut self, name: &str, value: &str, at: usize) {
        if !is_holder(name) || self.left_out > 0 {
            return;
        }
        let names = |word: &str, list: &[&str]| {
            let one = word.strip_suffix(['s', 'S']).unwrap_or(word);
            list.iter().any(|listed| listed.eq_ignore_ascii_case(word) || listed.eq_ignore_ascii_case(one))
        };
        for word in value.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()) {
            if names(word, BESIDE) {
                self.beside.push(at);
            }
            self.is_framed = self.is_framed || names(word, AROUND);
        }
    }

    /// One text in several languages is written as pieces of code that follow each other: each is a block of its own.
    fn code(&mut self, closing: bool) {
        if !closing && self.is_preformatted && self.html.ends_with("</code>") {
            self.html.push_str("</pre><pre>");
        }
        self.html.push_str(if closing { "</code>" } else { "<code>" });
        self.nest(closing);
    }

    fn nest(&mut self, closing: bool) {
        self.depth = if closing { self.depth.saturating_sub(1) } else { self.depth + 1 };
        self.deepest = self.deepest.max(self.depth);
    }

    fn link(&mut self, closing: bool) {
        let links = &mut self.links;
        if !closing {
            links.row = if links.between <= NOTHING { links.row + 1 } else { 1 };
            self.is_framed |= links.row >= MENU && self.left_out == 0;
        }
        links.between = 0;
        links.is_open = !closing;
    }
}

/// Whether an element may hold what stands beside the content.
fn is_holder(name: &str) -> bool {
    matches!(name, "aside" | "div" | "dl" | "form" | "header" | "ol" | "section" | "table" | "td" | "ul")
}

/// A page without what is of no use in finding its content: scripts, styles, comments, and tags inside a line other than links.
pub(super) fn lean(source: &str) -> String {
    let mut out = String::with_capacity(source.len());
    let mut tags = Tags::new(source);
    let mut rest = source;
    while let Some(open) = memchr(b'<', rest.as_bytes()) {
        out.push_str(&rest[..open]);
        rest = &rest[open..];
        let mut len = 1;
        if rest.starts_with("<!--") {
            len = rest.find("-->").map_or(rest.len(), |end| end + 3);
        } else if let Some(tag) = tags.at_start_of(rest) {
            len = tag.len;
            if markup::is_silent(&tag.name) {
                len += if tag.closing { 0 } else { markup::end_of_silent(&rest[len..], &tag.name) };
            } else if !markup::is_inline(&tag.name) || matches!(&*tag.name, "a" | "code") {
                out.push_str(&rest[..len]);
            }
        } else {
            out.push('<');
        }
        rest = &rest[len..];
    }
    out.push_str(rest);
    out
}

/// A value as it may stand between double quotes.
fn quoted(value: &str) -> Cow<'_, str> {
    if value.contains(['"', '&']) {
        Cow::Owned(value.replace('&', "&amp;").replace('"', "&quot;"))
    } else {
        Cow::Borrowed(value)
    }
}

#[cfg(test)]
mod tests;
