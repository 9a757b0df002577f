//! Markdown → blocks with exact source lines, from pulldown-cmark's offset events.
//!
//! The text of a block is what a reader sees: link targets, emphasis marks and HTML tags are left out, inline code keeps
//! its backticks. Soft line breaks stay line breaks, so that every line of a block has its source line.

use std::ops::Range;

use pulldown_cmark::{CodeBlockKind, Event, HeadingLevel, MetadataBlockKind, Options, Parser, Tag, TagEnd};

use super::lines::LineIndex;
use super::tags::Tags;
use super::{Block, BlockKind, LineRange, frontmatter, markup};

/// A Markdown document.
#[derive(Debug)]
pub(super) struct Markdown {
    /// From the front matter, or the first heading of level 1.
    pub(super) title: Option<String>,
    /// Its blocks.
    pub(super) blocks: Vec<Block>,
    /// From the front matter and from the text.
    pub(super) tags: Vec<String>,
}

/// Parses a whole document.
pub(super) fn extract(source: &str) -> Markdown {
    let options = Options::ENABLE_TABLES
        | Options::ENABLE_FOOTNOTES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_HEADING_ATTRIBUTES
        | Options::ENABLE_YAML_STYLE_METADATA_BLOCKS
        | Options::ENABLE_PLUSES_DELIMITED_METADATA_BLOCKS
        | Options::ENABLE_GFM
        | Options::ENABLE_WIKILINKS;
    let mut builder = Builder {
        source,
        index: LineIndex::new(source),
        blocks: Vec::new(),
        open: None,
        lists: Vec::new(),
        html: None,
        metadata: None,
        first_cell: true,
        title: None,
        tags: Tags::default(),
        plain: String::new(),
        links: 0,
    };
    for (event, range) in Parser::new_ext(source, options).into_offset_iter() {
        builder.event(event, range);
    }
    builder.close();
    let is_title = |block: &&Block| block.kind == BlockKind::Heading(1);
    // Chapters of a book often start below the first level.
    let opening = builder.blocks.first().filter(|block| matches!(block.kind, BlockKind::Heading(_)));
    let heading = builder.blocks.iter().find(is_title).or(opening).map(|block| block.text.clone());
    Markdown { title: builder.title.or(heading), blocks: builder.blocks, tags: builder.tags.into_vec() }
}

/// A block under construction. A line whose source line is not known yet has `start == 0`.
struct Open {
    kind: BlockKind,
    text: String,
    lines: Vec<LineRange>,
    /// Bytes of a list marker at the start: no content.
    marker: usize,
}

/// Stands for what holds no tags: code, links, escaped marks.
const OPAQUE: char = '\u{FFFC}';

const UNKNOWN: LineRange = LineRange { start: 0, end: 0 };

struct Builder<'a> {
    source: &'a str,
    index: LineIndex,
    blocks: Vec<Block>,
    open: Option<Open>,
    /// The next number of each open list; `None` for bullets.
    lists: Vec<Option<u64>>,
    /// Source range of an open HTML block.
    html: Option<Range<usize>>,
    metadata: Option<(MetadataBlockKind, String, u32)>,
    first_cell: bool,
    title: Option<String>,
    tags: Tags,
    /// The text of the open block as far as it may hold tags.
    plain: String,
    /// How many links and images are open around the text: `[[#heading]]` names a place, not a tag.
    links: usize,
}

impl Builder<'_> {
    fn event(&mut self, event: Event<'_>, range: Range<usize>) {
        match event {
            Event::Start(tag) => self.start(tag, range),
            Event::End(tag) => self.end(tag),
            Event::Text(text) => {
                if let Some((_, metadata, first)) = &mut self.metadata {
                    if metadata.is_empty() {
                        *first = self.index.line_of(range.start);
                    }
                    metadata.push_str(&text);
                } else {
                    self.push(&text, &range);
                    self.note_plain(&text, &range);
                }
            }
            Event::Code(code) => {
                self.push_inline(&format!("`{code}`"), &range);
                self.plain.push(OPAQUE);
            }
            Event::InlineMath(text) | Event::DisplayMath(text) => self.push(&text, &range),
            Event::SoftBreak | Event::HardBreak => {
                self.push("\n", &range);
                self.plain.push('\n');
            }
            Event::FootnoteReference(label) => self.push_inline(&format!("[^{label}]"), &range),
            Event::TaskListMarker(done) => self.push_inline(if done { "[x] " } else { "[ ] " }, &range),
            Event::Html(_) => match &mut self.html {
                Some(open) => open.end = open.end.max(range.end),
                None => self.html = Some(range),
            },
            Event::InlineHtml(html) => {
                self.plain.push(OPAQUE);
                if html.to_ascii_lowercase().starts_with("<br") {
                    self.push("\n", &range);
                    self.plain.push('\n');
                }
            }
            Event::Rule => self.close(),
        }
    }

    fn start(&mut self, tag: Tag<'_>, range: Range<usize>) {
        match tag {
            Tag::Heading { level, .. } => self.open(BlockKind::Heading(level_number(level))),
            Tag::Paragraph => {
                // The first paragraph of a loose item continues the item that was just opened.
                let in_fresh_item =
                    self.open.as_ref().is_some_and(|open| open.marker > 0 && open.text.len() == open.marker);
                if !in_fresh_item {
                    self.open(self.flow_kind());
                    self.indent_item();
                }
            }
            Tag::CodeBlock(kind) => {
                self.open(BlockKind::Code);
                if let (CodeBlockKind::Fenced(_), Some(open)) = (kind, &mut self.open) {
                    open.marker = 0;
                }
            }
            Tag::HtmlBlock => {
                self.close();
                self.html = Some(range);
            }
            Tag::List(first) => {
                self.close();
                self.lists.push(first);
            }
            Tag::Item => {
                self.open(BlockKind::ListItem);
                self.indent_item();
                let marker = match self.lists.last_mut() {
                    Some(Some(number)) => {
                        *number += 1;
                        format!("{}. ", *number - 1)
                    }
                    _ => "- ".to_owned(),
                };
                if let Some(open) = &mut self.open {
                    open.text.push_str(&marker);
                    open.marker = open.text.len();
                }
            }
            Tag::FootnoteDefinition(label) => {
                self.open(BlockKind::Paragraph);
                self.push_inline(&format!("[^{label}]: "), &range);
                if let Some(open) = &mut self.open {
                    open.marker = open.text.len();
                }
            }
            Tag::Table(_) => self.open(BlockKind::Table { header_lines: 1 }),
            Tag::TableHead | Tag::TableRow => self.first_cell = true,
            Tag::TableCell => {
                if !self.first_cell {
                    self.push_inline(" | ", &range);
                }
                self.plain.push('\n');
                self.first_cell = false;
            }
            Tag::Link { .. } | Tag::Image { .. } => self.links += 1,
            Tag::MetadataBlock(kind) => self.metadata = Some((kind, String::new(), self.index.line_of(range.start))),
            _ => {}
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Paragraph
            | TagEnd::Heading(_)
            | TagEnd::CodeBlock
            | TagEnd::Item
            | TagEnd::Table
            | TagEnd::FootnoteDefinition => {
                self.close();
            }
            TagEnd::TableHead | TagEnd::TableRow => {
                if let Some(open) = &mut self.open {
                    open.text.push('\n');
                    open.lines.push(UNKNOWN);
                }
            }
            TagEnd::List(_) => {
                self.close();
                self.lists.pop();
            }
            TagEnd::HtmlBlock => self.close_html(),
            TagEnd::Link | TagEnd::Image => self.links = self.links.saturating_sub(1),
            TagEnd::MetadataBlock(_) => self.close_metadata(),
            _ => {}
        }
    }

    fn flow_kind(&self) -> BlockKind {
        if self.lists.is_empty() { BlockKind::Paragraph } else { BlockKind::ListItem }
    }

    fn open(&mut self, kind: BlockKind) {
        self.close();
        self.open = Some(Open { kind, text: String::new(), lines: vec![UNKNOWN], marker: 0 });
    }

    /// Two spaces for each list around the innermost one; at most ten levels are shown.
    fn indent_item(&mut self) {
        let depth = self.lists.len().saturating_sub(1).min(10);
        if let Some(open) = &mut self.open {
            open.text.push_str(&"  ".repeat(depth));
        }
    }

    /// Appends text whose line breaks are line breaks of the source.
    fn push(&mut self, text: &str, range: &Range<usize>) {
        if self.open.is_none() {
            self.open(self.flow_kind());
        }
        let first = self.index.line_of(range.start);
        let Some(open) = &mut self.open else { return };
        for (part, line) in text.split('\n').zip(first..) {
            if line > first {
                open.text.push('\n');
                open.lines.push(UNKNOWN);
            }
            if !part.is_empty() {
                open.text.push_str(part);
                touch(&mut open.lines, line, line);
            }
        }
    }

    /// Appends text that is on one line here, whatever its source looked like.
    fn push_inline(&mut self, text: &str, range: &Range<usize>) {
        if self.open.is_none() {
            self.open(self.flow_kind());
        }
        let first = self.index.line_of(range.start);
        let last = self.index.line_of(range.end.saturating_sub(1).max(range.start));
        if let Some(open) = &mut self.open {
            open.text.extend(text.chars().map(|c| if c == '\n' { ' ' } else { c }));
            touch(&mut open.lines, first, last);
        }
    }

    /// Notes text that may hold tags. Code holds none, nor does what a person escaped.
    fn note_plain(&mut self, text: &str, range: &Range<usize>) {
        let in_code = self.open.as_ref().is_some_and(|open| open.kind == BlockKind::Code);
        if in_code || self.links > 0 {
            self.plain.push(OPAQUE);
            return;
        }
        if self.source[..range.start].ends_with('\\') {
            self.plain.push(OPAQUE);
        }
        self.plain.push_str(text);
    }

    fn close(&mut self) {
        self.tags.add_inline(&self.plain);
        self.plain.clear();
        if self.html.is_some() {
            self.close_html();
        }
        if let Some(open) = self.open.take() {
            self.blocks.extend(open.finish());
        }
    }

    fn close_html(&mut self) {
        let Some(range) = self.html.take() else { return };
        let first = self.index.line_of(range.start);
        let text = markup::visible_text(&self.source[range]);
        let (lines, text): (Vec<LineRange>, Vec<String>) = text
            .lines()
            .zip(first..)
            .map(|(line, number)| {
                (LineRange { start: number, end: number }, line.split_whitespace().collect::<Vec<_>>().join(" "))
            })
            .filter(|(_, line)| !line.is_empty())
            .unzip();
        if !text.is_empty() {
            self.blocks.push(Block { kind: BlockKind::Paragraph, text: text.join("\n"), lines, page: None });
        }
    }

    fn close_metadata(&mut self) {
        let Some((kind, text, first)) = self.metadata.take() else { return };
        let matter = match kind {
            MetadataBlockKind::YamlStyle => frontmatter::yaml(&text, first),
            MetadataBlockKind::PlusesStyle => frontmatter::toml(&text, first),
        };
        self.title = self.title.take().or(matter.title);
        for tag in &matter.tags {
            self.tags.add(tag);
        }
        self.blocks.extend(matter.block);
    }
}

impl Open {
    /// The finished block; `None` when it holds nothing but white space and a list marker.
    fn finish(mut self) -> Option<Block> {
        if self.text.get(self.marker..).is_none_or(|content| content.trim().is_empty()) {
            return None;
        }
        // A heading is one line of a path.
        if matches!(self.kind, BlockKind::Heading(_)) {
            let range = LineRange {
                start: self.lines.iter().map(|line| line.start).find(|line| *line > 0)?,
                end: self.lines.iter().map(|line| line.end).max()?,
            };
            self.text = self.text.split_whitespace().collect::<Vec<_>>().join(" ");
            self.lines = vec![range];
        }
        let mut texts: Vec<&str> = self.text.split('\n').map(str::trim_end).collect();
        let mut lines = self.lines;
        while texts.last().is_some_and(|line| line.is_empty()) {
            texts.pop();
            lines.pop();
        }
        let blank = texts.iter().take_while(|line| line.is_empty()).count();
        let texts = &texts[blank..];
        lines.drain(..blank);
        let mut before = lines.iter().map(|line| line.start).find(|line| *line > 0)?;
        for line in &mut lines {
            if line.start == 0 {
                *line = LineRange { start: before, end: before };
            }
            before = before.max(line.end);
        }
        Some(Block { kind: self.kind, text: texts.join("\n"), lines, page: None })
    }
}

/// Notes that the last line of a block came (also) from these source lines.
fn touch(lines: &mut [LineRange], first: u32, last: u32) {
    if let Some(line) = lines.last_mut() {
        if line.start == 0 {
            *line = LineRange { start: first, end: last };
        } else {
            line.end = line.end.max(last);
        }
    }
}

fn level_number(level: HeadingLevel) -> u8 {
    match level {
        HeadingLevel::H1 => 1,
        HeadingLevel::H2 => 2,
        HeadingLevel::H3 => 3,
        HeadingLevel::H4 => 4,
        HeadingLevel::H5 => 5,
        HeadingLevel::H6 => 6,
    }
}

#[cfg(test)]
mod tests;
