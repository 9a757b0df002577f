//! Each sentence of an answer, and the lines that support it.
//!
//! A sentence is supported by a passage when its content words (by their rarity in the folder) stand in one or two
//! neighboring sentences there, and every number and every name of it does too. The model's own `[n]` are a hint and no
//! more: a number outside the prompt is struck, one whose passage does not support the sentence is replaced by one that
//! does. What rarity of words cannot tell, numbers and names and what is denied, is compared by itself ([`exact`]).

mod exact;
mod markers;

use std::collections::{BTreeSet, HashMap};
use std::fmt::Write as _;
use std::ops::Range;

use unicode_segmentation::UnicodeSegmentation as _;

use exact::Exact;
pub(super) use exact::{exact_words, negations, numbers};
use markers::strip_markers;
pub(super) use markers::{MarkerFilter, without_markers};

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
            // A question says nothing that could be so; small models like to repeat the one that they were asked.
            let is_question = body.ends_with(['?', '？', '؟']);
            let best = if is_question { None } else { best_support(&claim, &passages, &cited) };
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
    exact: Exact,
    /// Its first word says nothing by itself.
    opens: bool,
}

impl Claim {
    fn new(sentence: &str, terms: &dyn Terms) -> Self {
        let unique: BTreeSet<String> = terms.terms(sentence).into_iter().collect();
        // A word alone is never a function word to the analyzer; in its sentence it may be.
        let first = sentence.unicode_words().next().map(|word| terms.terms(word)).unwrap_or_default();
        let opens = !first.iter().any(|term| unique.contains(term));
        Self {
            opens,
            terms: unique
                .into_iter()
                .map(|term| {
                    let idf = terms.idf(&term);
                    (term, idf)
                })
                .collect(),
            exact: Exact::new(sentence),
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
    heading: Exact,
}

struct PassageSentence<'a> {
    offset: usize,
    text: &'a str,
    terms: BTreeSet<String>,
    exact: Exact,
}

impl<'a> Passage<'a> {
    fn new(source: &'a Source, terms: &dyn Terms) -> Self {
        let sentences = sentences(&source.text)
            .into_iter()
            .map(|(offset, text)| PassageSentence {
                offset,
                text,
                terms: terms.terms(text).into_iter().collect(),
                exact: Exact::new(text),
            })
            .collect();
        Self {
            source,
            sentences,
            // The heading names what the passage is about; a sentence may use those words without the text repeating them.
            context: terms.terms(&source.heading).into_iter().collect(),
            heading: Exact::new(&source.heading),
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
    let sentences: Vec<&Exact> = window.iter().map(|sentence| &sentence.exact).collect();
    let exact = exact::stands(&claim.exact, claim.opens, &sentences, &passage.heading);
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
