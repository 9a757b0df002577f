//! An answer's Markdown as HTML: structure becomes elements of a closed set, text is escaped, `[n]` becomes a link to its
//! quote, and a sentence that no source supports is marked. Links, images and raw HTML are shown as the text that they are.

use std::fmt::Write as _;
use std::ops::Range;

use pulldown_cmark::{Event, HeadingLevel, Options, Parser, Tag, TagEnd};

use super::html::escape;
use crate::answer::{Answer, Sentence, Verdict};

/// Where a citation's number leads.
type Anchors<'a> = &'a dyn Fn(u32) -> Option<String>;

/// A stretch of text, and where it stands in the answer.
struct Text {
    raw: String,
    source: Range<usize>,
}

pub(super) fn render(out: &mut String, answer: &Answer, anchors: Anchors<'_>) {
    let mut writer = Writer { out, sentences: &answer.sentences, anchors, pending: None, owed: None, in_code: false };
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH;
    for (event, range) in Parser::new_ext(&answer.answer, options).into_offset_iter() {
        writer.event(event, range);
    }
    writer.flush();
    writer.settle(usize::MAX);
}

struct Writer<'a> {
    out: &'a mut String,
    sentences: &'a [Sentence],
    anchors: Anchors<'a>,
    /// The parser splits text at every bracket; it is joined again before citations are looked for.
    pending: Option<Text>,
    /// Where the sentence ends that has to be labeled as unsupported.
    owed: Option<usize>,
    in_code: bool,
}

impl Writer<'_> {
    fn event(&mut self, event: Event<'_>, range: Range<usize>) {
        match event {
            Event::Text(text) | Event::Html(text) | Event::InlineHtml(text) => return self.text(&text, range),
            Event::SoftBreak => return self.text("\n", range),
            _ => self.flush(),
        }
        match event {
            Event::Start(tag) => {
                self.in_code |= matches!(tag, Tag::CodeBlock(_));
                match tag {
                    Tag::List(Some(start)) => {
                        let _ = writeln!(self.out, "<ol start=\"{start}\">");
                    }
                    tag => self.open(name(tag.to_end())),
                }
            }
            Event::End(tag) => {
                self.in_code &= tag != TagEnd::CodeBlock;
                self.close(name(tag), tag);
            }
            Event::Code(text) => {
                let _ = write!(self.out, "<code>{}</code>", escape(&text));
            }
            Event::HardBreak => self.out.push_str("<br>\n"),
            Event::Rule => self.out.push_str("<hr>\n"),
            _ => {}
        }
    }

    fn open(&mut self, names: &[&str]) {
        for name in names {
            let _ = write!(self.out, "<{name}>");
        }
    }

    fn close(&mut self, names: &[&str], tag: TagEnd) {
        let block = !names.is_empty() && !matches!(tag, TagEnd::Emphasis | TagEnd::Strong | TagEnd::Strikethrough);
        if block {
            self.settle(usize::MAX);
        }
        for name in names.iter().rev() {
            let _ = write!(self.out, "</{name}>");
        }
        if block {
            self.out.push('\n');
        }
    }

    fn text(&mut self, raw: &str, range: Range<usize>) {
        match &mut self.pending {
            Some(text)
                if text.source.end == range.start
                    && text.raw.len() == text.source.len()
                    && raw.len() == range.len() =>
            {
                text.raw.push_str(raw);
                text.source.end = range.end;
            }
            _ => {
                self.flush();
                self.pending = Some(Text { raw: raw.to_owned(), source: range });
            }
        }
    }

    /// Labels the sentence that is owed a label when it ends before byte `at` of the answer.
    fn settle(&mut self, at: usize) {
        if self.owed.take_if(|end| *end <= at).is_some() {
            self.out.push_str(" <span class=\"unsupported-note\">(not found in the documents)</span>");
        }
    }

    /// Writes the text that was gathered, cut where a sentence without support begins or ends.
    fn flush(&mut self) {
        let Some(text) = self.pending.take() else { return };
        if self.in_code {
            self.out.push_str(&escape(&text.raw));
            return;
        }
        // Entities and escapes make the two differ: then the stretch is of the sentence that it begins in.
        let exact = text.raw.len() == text.source.len();
        let mut at = 0;
        while at < text.raw.len() {
            let from = if exact { text.source.start + at } else { text.source.start };
            self.settle(from);
            let sentence = self.sentences.iter().find(|sentence| (sentence.start..sentence.end).contains(&from));
            let next = match sentence {
                Some(sentence) => sentence.end,
                None => self
                    .sentences
                    .iter()
                    .map(|sentence| sentence.start)
                    .filter(|start| *start > from)
                    .min()
                    .unwrap_or(usize::MAX),
            };
            let mut end =
                if exact { text.raw.len().min(next.saturating_sub(text.source.start)) } else { text.raw.len() };
            while !text.raw.is_char_boundary(end) {
                end += 1;
            }
            let unsupported = sentence.filter(|sentence| sentence.verdict == Verdict::NotFound);
            if unsupported.is_some() {
                self.out.push_str("<span class=\"unsupported\">");
            }
            self.cited(&text.raw[at..end]);
            if let Some(sentence) = unsupported {
                self.out.push_str("</span>");
                // A sentence can go on behind emphasis; it is labeled once, at its end.
                self.owed = Some(sentence.end);
                self.settle(from + (end - at));
            }
            at = end;
        }
    }

    /// Writes text with its citations as links.
    fn cited(&mut self, text: &str) {
        let mut rest = text;
        while let Some(open) = rest.find('[') {
            let inside = rest[open + 1..].split(']').next().unwrap_or_default();
            let numbers: Option<Vec<(u32, String)>> = inside
                .split(',')
                .map(|number| number.trim().parse().ok().and_then(|n| Some((n, (self.anchors)(n)?))))
                .collect();
            let closed = rest[open + 1..].len() > inside.len();
            let Some(numbers) = numbers.filter(|_| closed) else {
                self.out.push_str(&escape(&rest[..=open]));
                rest = &rest[open + 1..];
                continue;
            };
            self.out.push_str(&escape(&rest[..open]));
            for (n, anchor) in numbers {
                let _ = write!(self.out, "<a class=\"cite\" href=\"#{anchor}\">[{n}]</a>");
            }
            rest = &rest[open + 1 + inside.len() + 1..];
        }
        self.out.push_str(&escape(rest));
    }
}

/// The elements of a part of Markdown, outermost first.
fn name(tag: TagEnd) -> &'static [&'static str] {
    match tag {
        TagEnd::Paragraph | TagEnd::HtmlBlock => &["p"],
        // Below the question, which is an h2.
        TagEnd::Heading(HeadingLevel::H1 | HeadingLevel::H2) => &["h3"],
        TagEnd::Heading(_) => &["h4"],
        TagEnd::BlockQuote(_) => &["blockquote"],
        TagEnd::CodeBlock => &["pre", "code"],
        TagEnd::List(true) => &["ol"],
        TagEnd::List(false) => &["ul"],
        TagEnd::Item => &["li"],
        TagEnd::Emphasis => &["em"],
        TagEnd::Strong => &["strong"],
        TagEnd::Strikethrough => &["s"],
        TagEnd::Table => &["table"],
        TagEnd::TableHead => &["thead", "tr"],
        TagEnd::TableRow => &["tr"],
        TagEnd::TableCell => &["td"],
        _ => &[],
    }
}
