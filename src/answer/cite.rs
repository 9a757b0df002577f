//! Each sentence of an answer, and the lines that support it.
//!
//! A sentence is supported by a passage when its content words (by their rarity in the folder) stand in one or two
//! neighboring sentences there, and every number and every name of it does too. The model's own `[n]` are a hint and no
//! more: a number outside the prompt is struck, one whose passage does not support the sentence is replaced by one that
//! does. Words cannot see a contradiction ("was" and "was not"); negators are therefore compared as numbers are.

use std::collections::{BTreeSet, HashMap};
use std::fmt::Write as _;
use std::ops::Range;

use unicode_segmentation::UnicodeSegmentation as _;

use super::event::{Citation, Sentence, Source, Verdict};
use super::filter::without_bars;
use super::sentences::sentences;

/// Share of a sentence's idf that must stand in the passage.
const SUPPORTED: f32 = 0.6;
/// Share below which nothing is said to support it.
const PARTLY: f32 = 0.4;

/// How a text becomes comparable terms, and what each is worth.
pub(super) trait Terms {
    /// Stemmed terms without stop words.
    fn terms(&self, text: &str) -> Vec<String>;
    /// The rarity of a term in the folder; a term that it does not hold is the rarest.
    fn idf(&self, term: &str) -> f32;
}

/// An answer with its citations in place.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Checked {
    /// The text, `[n]` after each sentence that a source supports.
    pub text: String,
    /// Byte ranges of `text` with their verdicts.
    pub sentences: Vec<Sentence>,
    /// In order of first use.
    pub citations: Vec<Citation>,
}

/// Checks a draft against the sources that were in its prompt.
pub(super) fn check(draft: &str, sources: &[Source], terms: &dyn Terms) -> Checked {
    let passages: Vec<Passage<'_>> = sources.iter().map(|source| Passage::new(source, terms)).collect();
    let mut checked = Checked { text: String::new(), sentences: Vec::new(), citations: Vec::new() };
    for (_, piece) in sentences(draft) {
        let (words, cited) = strip_markers(piece);
        let body = words.trim_end();
        let start = checked.text.len();
        checked.text.push_str(body);
        // Inside a code block a citation would be code.
        let code = body.contains("```") || checked.text.matches("```").count() % 2 == 1;
        if !code && body.chars().any(char::is_alphanumeric) {
            // What was redacted stands in no document; what is left of the sentence may.
            let claim = Claim::new(&without_bars(body), terms);
            let best = best_support(&claim, &passages, &cited);
            let verdict = best.as_ref().map_or(Verdict::NotFound, |support| support.verdict);
            let numbers: Vec<u32> = best.iter().map(|support| support.citation.n).collect();
            for n in &numbers {
                let _ = write!(checked.text, " [{n}]");
            }
            checked.sentences.push(Sentence { start, end: checked.text.len(), citations: numbers, verdict });
            if let Some(support) = best
                && !checked.citations.contains(&support.citation)
            {
                checked.citations.push(support.citation);
            }
        }
        checked.text.push_str(&words[body.len()..]);
    }
    checked.text.truncate(checked.text.trim_end().len());
    checked
}

/// A sentence of the answer, ready for comparison.
struct Claim {
    terms: Vec<(String, f32)>,
    exact: BTreeSet<String>,
}

impl Claim {
    fn new(sentence: &str, terms: &dyn Terms) -> Self {
        let unique: BTreeSet<String> = terms.terms(sentence).into_iter().collect();
        Self {
            terms: unique
                .into_iter()
                .map(|term| {
                    let idf = terms.idf(&term);
                    (term, idf)
                })
                .collect(),
            exact: exact_words(sentence),
        }
    }

    /// Share of the claim's idf found in `window`; 0 when the claim says nothing that can be compared.
    fn recall(&self, window: &BTreeSet<&str>) -> f32 {
        let total: f32 = self.terms.iter().map(|(_, idf)| idf).sum();
        if total <= 0.0 {
            return 0.0;
        }
        let found: f32 = self.terms.iter().filter(|(term, _)| window.contains(term.as_str())).map(|(_, idf)| idf).sum();
        found / total
    }
}

/// A source cut into sentences.
struct Passage<'a> {
    source: &'a Source,
    sentences: Vec<PassageSentence<'a>>,
    context: BTreeSet<String>,
    heading_words: BTreeSet<String>,
}

struct PassageSentence<'a> {
    offset: usize,
    text: &'a str,
    terms: BTreeSet<String>,
    exact: BTreeSet<String>,
}

impl<'a> Passage<'a> {
    fn new(source: &'a Source, terms: &dyn Terms) -> Self {
        let sentences = sentences(&source.text)
            .into_iter()
            .map(|(offset, text)| PassageSentence {
                offset,
                text,
                terms: terms.terms(text).into_iter().collect(),
                exact: all_words(text),
            })
            .collect();
        Self {
            source,
            sentences,
            // The heading names what the passage is about; a sentence may use those words without the text repeating them.
            context: terms.terms(&source.heading).into_iter().collect(),
            heading_words: all_words(&source.heading),
        }
    }
}

struct Support {
    citation: Citation,
    verdict: Verdict,
    share: f32,
    hinted: bool,
}

/// The best window over all passages; among equals one the model named, then the smaller number.
fn best_support(claim: &Claim, passages: &[Passage<'_>], cited: &[u32]) -> Option<Support> {
    let mut best: Option<Support> = None;
    for passage in passages {
        for width in [1, 2] {
            for window in passage.sentences.windows(width.min(passage.sentences.len()).max(1)) {
                let Some(support) = support_of(claim, passage, window, cited) else { continue };
                let better = best.as_ref().is_none_or(|best| {
                    (support.verdict == Verdict::Supported, support.share, support.hinted)
                        > (best.verdict == Verdict::Supported, best.share, best.hinted)
                });
                if better {
                    best = Some(support);
                }
            }
        }
    }
    best
}

fn support_of(claim: &Claim, passage: &Passage<'_>, window: &[PassageSentence<'_>], cited: &[u32]) -> Option<Support> {
    let mut found: BTreeSet<&str> = passage.context.iter().map(String::as_str).collect();
    found.extend(window.iter().flat_map(|sentence| sentence.terms.iter().map(String::as_str)));
    let share = claim.recall(&found);
    if share < PARTLY {
        return None;
    }
    let exact = claim.exact.iter().all(|word| {
        passage.heading_words.contains(word) || window.iter().any(|sentence| sentence.exact.contains(word))
    });
    let verdict = if share >= SUPPORTED && exact { Verdict::Supported } else { Verdict::Partly };
    let first = window.first()?;
    let last = window.last()?;
    let source = passage.source;
    Some(Support {
        citation: citation(source, first.offset..last.offset + last.text.trim_end().len(), verdict),
        verdict,
        share,
        hinted: cited.contains(&source.n),
    })
}

/// A citation of some bytes of a source's text.
pub(super) fn citation(source: &Source, at: Range<usize>, verdict: Verdict) -> Citation {
    let (start_line, end_line) = lines_of(source, at.start, at.end);
    let is_whole = (start_line, end_line) == (source.start_line, source.end_line);
    let text = if is_whole { &source.text } else { whole_lines(&source.text, &at) };
    Citation {
        n: source.n,
        path: source.path.clone(),
        start_line,
        end_line,
        page: source.page,
        text: text.trim().to_owned(),
        quote: source.text[at].trim().to_owned(),
        verdict,
    }
}

/// The lines of `text` that hold the bytes `at`, without the blank ones before these.
fn whole_lines<'a>(text: &'a str, at: &Range<usize>) -> &'a str {
    let lead = text[at.clone()].len() - text[at.clone()].trim_start().len();
    let start = (at.start + lead).min(at.end);
    let from = text[..start].rfind('\n').map_or(0, |place| place + 1);
    let to = text[at.end..].find('\n').map_or(text.len(), |place| at.end + place);
    &text[from..to]
}

/// Lines of a byte range of the passage; the whole passage's where its text was laid out anew on the way in.
pub(super) fn lines_of(source: &Source, start: usize, end: usize) -> (u32, u32) {
    let breaks = |text: &str| text.bytes().filter(|byte| *byte == b'\n').count() as u32;
    if breaks(&source.text) != source.end_line - source.start_line {
        return (source.start_line, source.end_line);
    }
    let lead = source.text[start..].len() - source.text[start..].trim_start().len();
    let first = source.start_line + breaks(&source.text[..(start + lead).min(end)]);
    (first, first + breaks(&source.text[(start + lead).min(end)..end]))
}

/// The text without its `[n]` markers.
pub(super) fn without_markers(text: &str) -> String {
    strip_markers(text).0
}

/// Removes `[n]` markers; returns the text and the numbers. Brackets that belong to a word are not markers: `v[0]`.
fn strip_markers(text: &str) -> (String, Vec<u32>) {
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

/// Words that must stand in the source as they are: those with a digit, capitalized ones inside the sentence, negators.
pub(super) fn exact_words(sentence: &str) -> BTreeSet<String> {
    const NEGATORS: [&str; 8] = ["not", "no", "never", "none", "nor", "without", "cannot", "neither"];
    sentence
        .unicode_words()
        .enumerate()
        .filter(|(position, word)| {
            word.chars().any(|c| c.is_ascii_digit())
                || (*position > 0 && word.chars().next().is_some_and(char::is_uppercase))
                || NEGATORS.contains(&word.to_lowercase().as_str())
        })
        .map(|(_, word)| normal(word))
        .collect()
}

fn all_words(text: &str) -> BTreeSet<String> {
    text.unicode_words().map(normal).collect()
}

fn normal(word: &str) -> String {
    let lower = word.to_lowercase();
    lower.strip_suffix("'s").or_else(|| lower.strip_suffix("’s")).unwrap_or(&lower).replace(',', "")
}

/// Strikes `[n]` outside `1..=sources` from text as it streams; holds back only what may still become a marker.
#[derive(Debug, Default)]
pub(super) struct MarkerFilter {
    held: String,
    sources: u32,
    /// The last character before what is held.
    before: Option<char>,
}

impl MarkerFilter {
    /// For a prompt with `sources` passages.
    pub(super) fn new(sources: u32) -> Self {
        Self { held: String::new(), sources, before: None }
    }

    /// Takes the next piece and returns what may be shown.
    pub(super) fn push(&mut self, piece: &str) -> String {
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
    pub(super) fn finish(&mut self) -> String {
        std::mem::take(&mut self.held)
    }
}

/// Byte ranges of the words of `text` whose terms are among `wanted`.
pub(super) fn highlights(text: &str, wanted: &BTreeSet<String>, terms: &dyn Terms) -> Vec<(usize, usize)> {
    let mut known: HashMap<String, bool> = HashMap::new();
    text.unicode_word_indices()
        .filter(|(_, word)| {
            *known
                .entry((*word).to_owned())
                .or_insert_with(|| terms.terms(word).iter().any(|term| wanted.contains(term)))
        })
        .map(|(start, word)| (start, start + word.len()))
        .collect()
}

#[cfg(test)]
#[path = "cite/tests.rs"]
mod tests;
