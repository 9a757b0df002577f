//! One block of Markdown becomes lines.

use std::ops::Range;

use pulldown_cmark::{CodeBlockKind, CowStr, Event, Parser, Tag, TagEnd};
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};

use super::inline::{self, Inline};
use super::table::Table;
use super::{Ink, Laid, Mark, options};
use crate::tui::text::{Placed, Room, Run, clean, one_line, width, wrap};

/// Nested lists and quotes indent no further than this: the rest of the line belongs to the text.
const DEEPEST: usize = 6;

/// Lays out the block at `range` of `source` in isolation.
pub(super) fn block(source: &str, range: Range<usize>, columns: usize, ink: &Ink<'_>) -> Vec<Laid> {
    let text = &source[range.clone()];
    let mut painter = Painter {
        ink,
        columns: columns.max(1),
        base: range.start,
        end: range.start + text.trim_end().len(),
        out: Vec::new(),
        pieces: Vec::new(),
        indents: Vec::new(),
        lists: Vec::new(),
        styles: Vec::new(),
        links: Vec::new(),
        code: None,
        table: None,
        gap: false,
    };
    for (event, range) in Parser::new_ext(text, options()).into_offset_iter() {
        painter.event(event, range);
    }
    painter.flush();
    painter.out
}

struct Indent {
    first: Option<Span<'static>>,
    rest: Span<'static>,
}

struct Painter<'a> {
    ink: &'a Ink<'a>,
    columns: usize,
    base: usize,
    end: usize,
    out: Vec<Laid>,
    pieces: Vec<Inline>,
    indents: Vec<Indent>,
    lists: Vec<Option<u64>>,
    styles: Vec<Style>,
    links: Vec<String>,
    code: Option<(usize, String)>,
    table: Option<Table>,
    /// The next paragraph of the same item or quote wants an empty line above it.
    gap: bool,
}

impl Painter<'_> {
    fn event(&mut self, event: Event<'_>, range: Range<usize>) {
        let source = self.base + range.start..self.base + range.end;
        match event {
            Event::Start(tag) => self.start(tag, source),
            Event::End(tag) => self.end(tag),
            Event::Text(text) => match &mut self.code {
                Some((_, code)) => code.push_str(&text),
                None => self.piece(&text, source, false),
            },
            Event::Code(text) => self.piece(&text, source, true),
            Event::Html(text) | Event::InlineHtml(text) | Event::InlineMath(text) | Event::DisplayMath(text) => {
                self.piece(&text, source, false);
            }
            Event::FootnoteReference(text) => self.piece(&text, source, false),
            Event::SoftBreak => self.piece(" ", source, false),
            Event::HardBreak => self.piece("\n", source, false),
            Event::Rule => {
                let rule = self.ink.glyphs.rule.repeat(self.room(0).min(24));
                self.line(vec![Span::styled(rule, self.ink.theme.rule)], source.start, Vec::new());
            }
            Event::TaskListMarker(done) => self.piece(if done { "[x] " } else { "[ ] " }, source, true),
        }
    }

    fn start(&mut self, tag: Tag<'_>, source: Range<usize>) {
        match tag {
            Tag::Paragraph | Tag::HtmlBlock => self.open_paragraph(),
            Tag::Heading { .. } => {
                self.open_paragraph();
                self.style(self.ink.theme.strong);
            }
            Tag::BlockQuote(_) => {
                self.open_paragraph();
                let bar = Span::styled(format!("{} ", self.ink.glyphs.column), self.ink.theme.rule);
                self.indent(None, bar);
                self.gap = false;
            }
            Tag::CodeBlock(kind) => {
                self.open_paragraph();
                if let CodeBlockKind::Fenced(language) = kind
                    && let name = one_line(&language)
                    && !name.is_empty()
                {
                    let name = Span::styled(format!("  {name}"), self.ink.theme.muted);
                    self.line(vec![name], source.start, Vec::new());
                }
                self.code = Some((source.start, String::new()));
            }
            Tag::List(first) => {
                self.flush();
                self.lists.push(first);
                self.gap = false;
            }
            Tag::Item => {
                self.flush();
                let bullet = match self.lists.last_mut() {
                    Some(Some(number)) => {
                        *number = number.saturating_add(1);
                        format!("{}. ", *number - 1)
                    }
                    _ => format!("{} ", self.ink.glyphs.bullet),
                };
                let rest = " ".repeat(width(&bullet));
                self.indent(Some(Span::styled(bullet, self.ink.theme.muted)), Span::raw(rest));
                self.gap = false;
            }
            Tag::Emphasis => self.style(Style::new().add_modifier(Modifier::ITALIC)),
            Tag::Strong => self.style(Style::new().add_modifier(Modifier::BOLD)),
            Tag::Strikethrough => self.style(Style::new().add_modifier(Modifier::CROSSED_OUT)),
            Tag::Link { dest_url, .. } => self.open_link(&dest_url),
            Tag::Image { dest_url, .. } => {
                self.piece("image: ", source.start..source.start, true);
                self.open_link(&dest_url);
            }
            Tag::Table(alignments) => {
                self.open_paragraph();
                self.table = Some(Table::new(alignments, source.start));
            }
            Tag::TableRow | Tag::TableHead => {
                if let Some(table) = &mut self.table {
                    table.open_row();
                }
            }
            _ => {}
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Paragraph | TagEnd::HtmlBlock => {
                self.flush();
                self.gap = true;
            }
            TagEnd::Heading(_) => {
                self.flush();
                self.styles.pop();
                self.gap = true;
            }
            TagEnd::Item | TagEnd::BlockQuote(_) => {
                self.flush();
                // An item without text still shows its bullet.
                if let Some(Indent { first: Some(_), .. }) = self.indents.last() {
                    let key = self.out.last().map_or(self.base, |laid| laid.key);
                    self.line(Vec::new(), key, Vec::new());
                }
                self.indents.pop();
                self.gap = tag != TagEnd::Item;
            }
            TagEnd::List(_) => {
                self.lists.pop();
                self.gap = true;
            }
            TagEnd::CodeBlock => self.close_code(),
            TagEnd::Emphasis | TagEnd::Strong | TagEnd::Strikethrough => {
                self.styles.pop();
            }
            TagEnd::Link | TagEnd::Image => self.close_link(),
            TagEnd::TableCell => {
                let cell = std::mem::take(&mut self.pieces);
                if let Some(table) = &mut self.table {
                    table.push(inline::runs(cell, self.ink, usize::MAX));
                }
            }
            TagEnd::Table => self.close_table(),
            _ => {}
        }
    }

    fn open_paragraph(&mut self) {
        self.flush();
        if self.gap {
            let key = self.out.last().map_or(self.base, |laid| laid.key);
            self.line(Vec::new(), key, Vec::new());
        }
        self.gap = false;
    }

    fn style(&mut self, style: Style) {
        self.styles.push(style);
    }

    fn indent(&mut self, first: Option<Span<'static>>, rest: Span<'static>) {
        let deep = self.indents.len() >= DEEPEST || self.columns < 4 * (self.indents.len() + 1);
        let rest = if deep { Span::raw("") } else { rest };
        let first = if deep { None } else { first };
        self.indents.push(Indent { first, rest });
    }

    fn piece(&mut self, raw: &str, source: Range<usize>, code: bool) {
        let base = if code { self.ink.theme.code } else { self.ink.theme.text };
        let style = self.styles.iter().fold(base, |style, more| style.patch(*more));
        self.pieces.push(Inline { raw: raw.to_owned(), source, style, code });
    }

    /// A link is text that says where it leads; nothing is ever opened from it.
    fn open_link(&mut self, target: &CowStr<'_>) {
        self.links.push(one_line(target));
    }

    fn close_link(&mut self) {
        let Some(target) = self.links.pop() else { return };
        let shown: String = self.pieces.iter().map(|piece| piece.raw.as_str()).collect();
        if !target.is_empty() && !shown.ends_with(&target) {
            let at = self.pieces.last().map_or(self.base, |piece| piece.source.end);
            let style = self.ink.theme.muted;
            self.pieces.push(Inline { raw: format!(" ({target})"), source: at..at, style, code: true });
        }
    }

    fn room(&self, extra: usize) -> usize {
        let indent: usize = self.indents.iter().map(|indent| width(&indent.rest.content)).sum();
        self.columns.saturating_sub(indent + extra).max(1)
    }

    fn flush(&mut self) {
        if self.pieces.is_empty() || self.table.is_some() {
            return;
        }
        let pieces = std::mem::take(&mut self.pieces);
        let last = pieces.iter().map(|piece| piece.source.end).max().unwrap_or(self.base);
        // The check's end may include a closing mark or line end that is no text of its own.
        let end = if self.end.saturating_sub(last) <= 4 { self.end.max(last) } else { last };
        let runs = inline::runs(pieces, self.ink, end);
        for line in wrap(&runs, Room::even(self.room(0))) {
            self.placed(line);
        }
    }

    fn placed(&mut self, line: Vec<Placed<inline::Tag>>) {
        let mut column = self.columns - self.room(0).min(self.columns);
        let key = line
            .first()
            .map_or_else(|| self.out.last().map_or(self.base, |laid| laid.key), |piece| piece.tag.source + piece.start);
        let mut citations = Vec::new();
        let mut spans = Vec::with_capacity(line.len());
        for piece in line {
            let columns = width(&piece.text);
            if let Some(n) = piece.tag.citation {
                citations.push(Mark { n, column: column as u16, width: columns as u16 });
            }
            column += columns;
            spans.push(Span::styled(piece.text.replace('\u{a0}', " "), piece.tag.style));
        }
        self.line(spans, key, citations);
    }

    fn line(&mut self, spans: Vec<Span<'static>>, key: usize, citations: Vec<Mark>) {
        let blank = spans.is_empty();
        let mut all: Vec<Span<'static>> = self
            .indents
            .iter_mut()
            .map(|indent| indent.first.take().unwrap_or_else(|| indent.rest.clone()))
            .filter(|span| !span.content.is_empty())
            .collect();
        all.extend(spans);
        if blank && all.iter().all(|span| span.content.trim().is_empty()) {
            all.clear();
        }
        self.out.push(Laid { line: Line::from(all), key, citations });
    }

    fn close_code(&mut self) {
        let Some((start, code)) = self.code.take() else { return };
        let style = self.ink.theme.code;
        let mut key = start;
        for line in code.strip_suffix('\n').unwrap_or(&code).split('\n') {
            let cleaned = clean(line);
            // Spaces carry meaning here: cells are cut, not words.
            let solid = cleaned.replace(' ', "\u{a0}");
            for piece in wrap(&[Run::new(solid, ())], Room::even(self.room(2))) {
                let text: String = piece.into_iter().map(|piece| piece.text.replace('\u{a0}', " ")).collect();
                self.line(vec![Span::raw("  "), Span::styled(text, style)], key, Vec::new());
            }
            key += line.len() + 1;
        }
        self.gap = true;
    }

    fn close_table(&mut self) {
        let Some(table) = self.table.take() else { return };
        for (key, (spans, citations)) in (table.key()..).zip(table.lines(self.room(0), self.ink)) {
            let shift = (self.columns - self.room(0).min(self.columns)) as u16;
            let citations = citations.into_iter().map(|mark| Mark { column: mark.column + shift, ..mark }).collect();
            self.line(spans, key, citations);
        }
        self.gap = true;
    }
}
