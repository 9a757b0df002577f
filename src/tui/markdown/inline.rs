//! Inline text: from parser pieces to runs with styles, citations and checks.
//!
//! Works on the raw text, because checks and citations are byte ranges of it; cleaning comes last, piece by piece.

use std::ops::Range;

use ratatui::style::Style;

use super::{Ink, Labels};
use crate::answer::Verdict;
use crate::tui::text::{Run, clean};

/// A piece of text as the parser gave it.
#[derive(Debug, Clone)]
pub(super) struct Inline {
    pub raw: String,
    pub source: Range<usize>,
    pub style: Style,
    pub code: bool,
}

impl Inline {
    /// Byte `at` of `raw` in the source; entities and escapes make the two differ in length.
    fn source_of(&self, at: usize) -> usize {
        if self.raw.len() == self.source.len() { self.source.start + at } else { self.source.start }
    }
}

/// What a run carries.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tag {
    pub style: Style,
    pub source: usize,
    pub citation: Option<u32>,
}

/// Turns pieces into runs: `[1]` becomes a raised number, unsupported sentences are dimmed and labeled. `end` is the
/// source's byte after the block: a sentence that goes on in a later block is labeled there.
pub(super) fn runs(pieces: Vec<Inline>, ink: &Ink<'_>, end: usize) -> Vec<Run<Tag>> {
    let mut out: Vec<Run<Tag>> = Vec::new();
    let mut labels = Labeler::default();
    for piece in join(pieces) {
        for (part, citation) in split_citations(&piece, ink.sources) {
            match citation {
                Some(numbers) => {
                    labels.pass(piece.source_of(part.start), ink, &mut out);
                    cite(&numbers, piece.source_of(part.start), ink, &mut out);
                }
                None => text(&piece, part, ink, &mut labels, &mut out),
            }
        }
    }
    labels.pass(end, ink, &mut out);
    out
}

/// The parser splits at every bracket: neighbors of one style become one piece again.
fn join(pieces: Vec<Inline>) -> Vec<Inline> {
    let mut joined: Vec<Inline> = Vec::new();
    for piece in pieces {
        match joined.last_mut() {
            Some(last)
                if last.style == piece.style
                    && !last.code
                    && !piece.code
                    && last.source.end == piece.source.start
                    && last.raw.len() == last.source.len()
                    && piece.raw.len() == piece.source.len() =>
            {
                last.raw.push_str(&piece.raw);
                last.source.end = piece.source.end;
            }
            _ => joined.push(piece),
        }
    }
    joined
}

/// Parts of a piece; a part with numbers is a citation.
fn split_citations(piece: &Inline, sources: u32) -> Vec<(Range<usize>, Option<Vec<u32>>)> {
    let mut parts = Vec::new();
    let mut done = 0;
    let mut from = 0;
    while !piece.code
        && let Some(open) = piece.raw[from..].find('[').map(|at| from + at)
    {
        from = open + 1;
        let Some(close) = piece.raw[from..].find(']').map(|at| from + at) else { break };
        let Some(numbers) = citation(&piece.raw[from..close], sources) else { continue };
        if done < open {
            parts.push((done..open, None));
        }
        parts.push((open..close + 1, Some(numbers)));
        (done, from) = (close + 1, close + 1);
    }
    if done < piece.raw.len() {
        parts.push((done..piece.raw.len(), None));
    }
    parts
}

fn citation(inside: &str, sources: u32) -> Option<Vec<u32>> {
    inside.split(',').map(|number| number.trim().parse::<u32>().ok().filter(|n| (1..=sources).contains(n))).collect()
}

fn cite(numbers: &[u32], source: usize, ink: &Ink<'_>, out: &mut Vec<Run<Tag>>) {
    for n in numbers {
        let style = ink.theme.accent;
        let adjacent = match out.last_mut() {
            Some(last) if last.tag.citation.is_some() => true,
            Some(last) => {
                // The number stays with the word that it supports.
                if last.text.ends_with(' ') {
                    last.text.pop();
                    last.text.push('\u{a0}');
                }
                false
            }
            None => false,
        };
        if adjacent && !ink.glyphs.is_ascii() {
            out.push(Run::new("\u{a0}", Tag { style, source, citation: None }));
        }
        out.push(Run::new(ink.glyphs.citation(*n), Tag { style, source, citation: Some(*n) }));
    }
}

fn text(piece: &Inline, part: Range<usize>, ink: &Ink<'_>, labels: &mut Labeler, out: &mut Vec<Run<Tag>>) {
    let mut at = part.start;
    while at < part.end {
        let source = piece.source_of(at);
        labels.pass(source, ink, out);
        let (verdict, until) = verdict_at(source, ink);
        let mut next = until.map_or(part.end, |until| at + (until - source)).min(part.end);
        while !piece.raw.is_char_boundary(next) {
            next += 1;
        }
        if piece.raw.len() != piece.source.len() {
            next = part.end;
        }
        let mut style = piece.style;
        if verdict == Some(Verdict::NotFound) && ink.labels == Labels::EachSentence {
            style = style.patch(ink.theme.muted);
        }
        let mut cleaned = clean(&piece.raw[at..next]).into_owned();
        if labels.spaced {
            cleaned.drain(..cleaned.len() - cleaned.trim_start_matches(' ').len());
        }
        labels.spaced = false;
        out.push(Run::new(cleaned, Tag { style, source, citation: None }));
        at = next;
    }
}

/// The check at a byte, and the byte where another one begins.
fn verdict_at(source: usize, ink: &Ink<'_>) -> (Option<Verdict>, Option<usize>) {
    let after = ink.sentences.partition_point(|sentence| sentence.end <= source);
    match ink.sentences.get(after) {
        Some(sentence) if sentence.start <= source => (Some(sentence.verdict), Some(sentence.end)),
        Some(sentence) => (None, Some(sentence.start)),
        None => (None, None),
    }
}

/// Puts a label behind each sentence that needs one, once the text has passed its end.
#[derive(Default)]
struct Labeler {
    passed: Option<usize>,
    /// A label ended with the space before the next sentence.
    spaced: bool,
}

impl Labeler {
    fn pass(&mut self, source: usize, ink: &Ink<'_>, out: &mut Vec<Run<Tag>>) {
        let from = *self.passed.get_or_insert(source);
        if ink.labels == Labels::None || source < from {
            return;
        }
        let first = ink.sentences.partition_point(|sentence| sentence.end <= from);
        for sentence in ink.sentences[first..].iter().take_while(|sentence| sentence.end <= source) {
            let (label, style) = match sentence.verdict {
                Verdict::Supported => continue,
                Verdict::Partly => ("(partly)", ink.theme.muted),
                Verdict::NotFound => ("(not in your documents)", ink.theme.warn),
            };
            let tag = |style| Tag { style, source: sentence.end.saturating_sub(1), citation: None };
            if let Some(last) = out.last_mut() {
                last.text.truncate(last.text.trim_end_matches(' ').len());
            }
            out.push(Run::new(" ", tag(Style::new())));
            // One unit: a label that is torn over two lines reads like text.
            out.push(Run::new(label.replace(' ', "\u{a0}"), tag(style)));
            out.push(Run::new(" ", tag(Style::new())));
            self.spaced = true;
        }
        self.passed = Some(source);
    }
}
