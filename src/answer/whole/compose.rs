//! Items → the answer: what was found, in the order of the documents, and the proof of how much was read for it.

use std::fmt::Write as _;
use std::sync::Arc;

use anyhow::Result;
use tanya_engine::Cancel;

use super::plan::{Plan, Unread, counted};
use super::reduce::{Item, MOST_HELD, Reduced, most_telling};
use super::sheet::Sheet;
use super::subject::Subject;
use super::task::{Scope, Task, Unit};
use crate::answer::event::{Answer, AnswerEvent, Citation, FinishKind, Sentence, Source, Verdict, Whole};
use crate::answer::filter::OutputFilter;
use crate::answer::models::TextEmbedder;
use crate::answer::settled::{refusal, sealed};
use crate::answer::{Prepared, milliseconds};
use crate::config::AnswerStyle;

/// Items shown under a number: enough to see what was counted.
const UNDER_A_COUNT: usize = 20;
/// Sentences of a summary, at least and at most: of one file, and of several.
const OF_ONE: std::ops::RangeInclusive<usize> = 3..=8;
const OF_SEVERAL: std::ops::RangeInclusive<usize> = 6..=16;
/// Statements on each side of a comparison.
const OF_A_SIDE: usize = 5;

/// What composing needs besides what was found.
pub(super) struct Tools<'a> {
    pub(super) terms: &'a dyn crate::answer::cite::Terms,
    /// What an answer should not say aloud.
    pub(super) filter: &'a OutputFilter,
    pub(super) embedder: Option<&'a dyn TextEmbedder>,
    pub(super) cancel: &'a Cancel,
}

/// An answer that was put together from the documents.
pub(in crate::answer) struct Composed {
    text: String,
    short: Option<String>,
    sentences: Vec<Sentence>,
    citations: Vec<Citation>,
    /// Numbered from 1.
    pub(super) sources: Vec<Source>,
    /// Why there is nothing to say.
    pub(super) refusal: Option<String>,
    /// Whether the model is to say it in its own words.
    pub(in crate::answer) phrased: bool,
    proof: String,
    whole: Whole,
    stopped: bool,
}

/// Puts an answer together.
pub(super) fn compose(
    plan: &Plan,
    reduced: Reduced,
    near: &[Item],
    whole: Whole,
    stopped: bool,
    style: AnswerStyle,
    tools: &Tools<'_>,
) -> Result<Composed> {
    let wanted = plan.search.subjects().flat_map(Subject::words).collect();
    let mut sheet = Sheet::new(wanted, tools.terms, tools.filter);
    let found = reduced.found;
    let mut short = None;
    match &plan.task {
        Task::ListAll { unit, .. } => list(&mut sheet, &headline(*unit, &reduced, plan), &reduced, MOST_HELD),
        Task::Count { unit, .. } => {
            short = Some(found.to_string());
            list(&mut sheet, &headline(*unit, &reduced, plan), &reduced, UNDER_A_COUNT);
        }
        Task::Compare { a, b } => compare(&mut sheet, [a, b], reduced, tools)?,
        Task::Summarize { scope, .. } => {
            let keep = if plan.files == 1 || matches!(scope, Scope::File(_)) {
                (plan.sections.len() / 2).clamp(*OF_ONE.start(), *OF_ONE.end())
            } else {
                (2 * plan.files).clamp(*OF_SEVERAL.start(), *OF_SEVERAL.end())
            };
            let of_a_file = if plan.files > 1 { (keep / plan.files).max(2) } else { keep };
            let items = most_telling(reduced.items, keep, of_a_file, tools.terms, tools.embedder, tools.cancel)?;
            sheet.grouped(&items);
        }
    }
    if !near.is_empty() {
        sheet.says("Close in meaning, without the words, and not counted:");
        for item in near {
            sheet.item(item);
        }
    }
    let proof = proof(&whole, plan.unread, stopped);
    let said = plan.remarks.iter().cloned().chain([proof]).collect::<Vec<_>>().join(" ");
    let is_count = matches!(plan.task, Task::Count { .. });
    let refusal = (found == 0 && !is_count).then(|| said.clone());
    sheet.says(&said);
    let phrased =
        style == AnswerStyle::Write && matches!(plan.task, Task::Summarize { .. }) && refusal.is_none() && !stopped;
    let Sheet { text, sentences, citations, sources, .. } = sheet;
    let text = text.trim_end().to_owned();
    Ok(Composed { text, short, sentences, citations, sources, refusal, phrased, proof: said, whole, stopped })
}

fn headline(unit: Unit, reduced: &Reduced, plan: &Plan) -> String {
    let Reduced { found, places, files, .. } = reduced;
    let (what, of) = match unit {
        Unit::Files => (counted(*found, "file"), format!(" of {}", plan.files)),
        Unit::Entries => (format!("{found} {}", if *found == 1 { "entry" } else { "entries" }), String::new()),
        Unit::Items => (format!("{found} found"), String::new()),
    };
    let within = match unit {
        Unit::Files => String::new(),
        Unit::Entries | Unit::Items if *found == 0 => String::new(),
        Unit::Entries | Unit::Items => format!(" in {}", counted(*files, "file")),
    };
    let repeats = if unit != Unit::Files && places > found { format!(", at {places} places") } else { String::new() };
    format!("{what}{of}{within}{repeats}{}", if *found == 0 { "." } else { ":" })
}

fn list(sheet: &mut Sheet<'_>, headline: &str, reduced: &Reduced, most: usize) {
    sheet.says(headline);
    let shown = reduced.items.len().min(most);
    sheet.grouped(&reduced.items[..shown]);
    if shown < reduced.found {
        sheet.says(&format!("… and {} more.", reduced.found - shown));
    }
}

fn compare(sheet: &mut Sheet<'_>, names: [&String; 2], reduced: Reduced, tools: &Tools<'_>) -> Result<()> {
    let (both, apart): (Vec<Item>, Vec<Item>) = reduced.items.into_iter().partition(|item| item.sides == 3);
    let (a, b): (Vec<Item>, Vec<Item>) = apart.into_iter().partition(|item| item.sides == 1);
    let choose = |items| most_telling(items, OF_A_SIDE, OF_A_SIDE, tools.terms, tools.embedder, tools.cancel);
    let parts = [
        (format!("{} and {} together", names[0], names[1]), choose(both)?),
        (names[0].clone(), choose(a)?),
        (names[1].clone(), choose(b)?),
    ];
    for (at, (name, items)) in parts.into_iter().enumerate() {
        match (items.is_empty(), at) {
            (true, 0) => {}
            (true, _) => sheet.says(&format!("{name}: nothing by itself.")),
            (false, _) => {
                sheet.says(&format!("{name}:"));
                for item in &items {
                    sheet.item(item);
                }
            }
        }
    }
    Ok(())
}

/// How much was read, and what could not be.
fn proof(whole: &Whole, unread: Unread, stopped: bool) -> String {
    let Whole { sections, read, matched, files, remembered, .. } = whole;
    let begun = if stopped { "Stopped: read" } else { "Read" };
    let known = if *remembered > 0 { format!(" ({remembered} of them before)") } else { String::new() };
    let mut proof = format!(
        "{begun} {read} of {} in {}{known}; {matched} match.",
        counted(*sections, "section"),
        counted(*files, "file")
    );
    let left_out: Vec<String> =
        [(unread.skipped, "skipped"), (unread.failed, "failed"), (unread.partly, "read in part")]
            .into_iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, how)| format!("{} {how}", counted(count, "file")))
            .collect();
    if !left_out.is_empty() {
        let _ = write!(proof, " Not in it: {} (`tanya status --failed`).", left_out.join(", "));
    }
    if stopped {
        proof.push_str(" Asked again, it goes on from here.");
    }
    proof
}

impl Composed {
    /// The sources cut down to the sentences that are cited.
    pub(super) fn extracts(&self) -> Vec<Source> {
        let cut = |source: &Source| {
            let cited: Vec<&Citation> = self.citations.iter().filter(|citation| citation.n == source.n).collect();
            let lines = |citation: &&Citation| (citation.start_line, citation.end_line);
            let (start_line, end_line) = cited
                .iter()
                .map(lines)
                .reduce(|all, one| (all.0.min(one.0), all.1.max(one.1)))
                .unwrap_or((source.start_line, source.end_line));
            let text = cited.iter().map(|citation| citation.quote.as_str()).collect::<Vec<_>>().join("\n");
            Source { text, start_line, end_line, highlights: Vec::new(), ..source.clone() }
        };
        self.sources.iter().map(cut).collect()
    }

    /// The answer without a model.
    pub(in crate::answer) fn conclude(self, prepared: Prepared, sink: &mut dyn FnMut(AnswerEvent)) -> Answer {
        let stopped = self.stopped;
        let finish = match (&self.refusal, stopped) {
            (_, true) => FinishKind::Cancelled,
            (Some(_), _) => FinishKind::Refused,
            (None, _) => FinishKind::Stop,
        };
        let ms_first_token = milliseconds(prepared.started);
        let filter = Arc::clone(&prepared.request.filter);
        let refused = refusal(prepared, "extraction");
        if self.refusal.is_some() {
            return Answer { reason: self.refusal, abstained: !stopped, finish, whole: Some(self.whole), ..refused };
        }
        sink(AnswerEvent::Text(self.text.clone()));
        sink(AnswerEvent::Checked(self.sentences.clone()));
        let answer = Answer {
            answer: self.text,
            short_answer: self.short,
            abstained: false,
            reason: None,
            citations: self.citations,
            sentences: self.sentences,
            ms_first_token: Some(ms_first_token),
            finish,
            whole: Some(self.whole),
            ..refused
        };
        sealed(answer, &filter)
    }

    /// What the model made of it, with the proof; the documents' own words where nothing that it wrote is supported.
    pub(in crate::answer) fn phrased_as(self, written: Answer, filter: &OutputFilter) -> Answer {
        let is_supported = written.sentences.iter().any(|sentence| sentence.verdict != Verdict::NotFound);
        if written.abstained || !is_supported {
            let Self { text: answer, sentences, citations, sources, whole, .. } = self;
            let abstained = false;
            let own = Answer {
                answer,
                sentences,
                citations,
                sources,
                abstained,
                reason: None,
                whole: Some(whole),
                ..written
            };
            return sealed(own, filter);
        }
        let answer = format!("{}\n\n{}", written.answer, self.proof);
        Answer { answer, short_answer: None, whole: Some(self.whole), ..written }
    }
}
