//! What is written, as sentences: pure functions of what happened. Every text from outside is cleaned here, and nowhere else.

use std::fmt::Write as _;

use crate::answer::{Answer, Citation, Source};
use crate::chat::{Conversation, SessionSummary};
use crate::jobs::ModelEntry;
use crate::models::Kind;
use crate::report::Report;
use crate::tui::{bytes, clean, one_line};

/// What stands before what the person types.
pub(super) const PROMPT: &str = "You: ";
/// What stands before the words of an answer.
pub(super) const ANSWER: &str = "Answer: ";
/// Characters of a quotation on one line.
const LONGEST_QUOTE: usize = 240;

/// The first lines.
pub(super) fn greeting(folder: &str, suggestions: &[String]) -> String {
    let mut out = format!(
        "tanya: ask your own documents. Folder: {}.\nType a question and press enter. /help lists the commands, /quit ends.",
        one_line(folder)
    );
    for (index, question) in suggestions.iter().take(3).enumerate() {
        if index == 0 {
            out.push_str("\nQuestions to begin with; type the number to ask one:");
        }
        let _ = write!(out, "\n{}. {}", index + 1, one_line(question));
    }
    out
}

/// Something worth knowing besides.
pub(super) fn note(text: &str) -> String {
    format!("Note: {}", one_line(text))
}

/// An error with its hint.
pub(super) fn error(report: &Report) -> String {
    let hint = report.hint.as_deref().map(|hint| format!("\nHint: {}", one_line(hint))).unwrap_or_default();
    format!("Error: {}{hint}", one_line(&report.cause))
}

/// `garden/2024.md, lines 41 to 44`, `contract.pdf, page 4`.
pub(super) fn place(path: &str, page: Option<u32>, lines: (u32, u32)) -> String {
    let path = one_line(path);
    match page {
        Some(page) => format!("{path}, page {page}"),
        None if lines.0 == lines.1 => format!("{path}, line {}", lines.0),
        None => format!("{path}, lines {} to {}", lines.0, lines.1),
    }
}

fn source_place(source: &Source) -> String {
    place(&source.path, source.page, (source.start_line, source.end_line))
}

/// Every model on a line of its own: what it does, whether it is here, what it takes.
pub(super) fn models(models: &[ModelEntry]) -> String {
    let mut out = counted(models.len() as u64, "model", "models");
    for model in models {
        let does = match model.kind {
            Kind::Generator => "answers",
            Kind::Embedder => "finds passages",
        };
        let size = bytes(model.bytes);
        let here = if model.is_here { format!("here, {size}") } else { format!("not here, {size} to fetch") };
        let _ = write!(out, "\n{}: {does}; {here}", one_line(&model.name));
        if let Some(speed) = &model.speed {
            let _ = write!(out, "; {:.0} tokens a second", speed.tokens_per_second);
        }
        if let Some(why) = &model.not_runnable {
            let _ = write!(out, "; cannot be used: {}", one_line(why));
        }
        let _ = write!(out, ". {}", one_line(&model.description));
    }
    out
}

/// `5 sources`, then each with its number, place and heading.
pub(super) fn sources(sources: &[Source]) -> String {
    let mut out = counted(sources.len() as u64, "source", "sources");
    for source in sources {
        let heading = one_line(&source.heading);
        let heading = if heading.is_empty() { String::new() } else { format!(". {heading}") };
        let _ = write!(out, "\n{}. {}{heading}", source.n, source_place(source));
    }
    out
}

/// What follows the words of an answer that were written as they came (`written`): how it ended, what it stands on, and what it does
/// not.
pub(super) fn ending(answer: &Answer, written: &str) -> Vec<String> {
    let mut out: Vec<String> =
        answer.within_remark().map(|remark| format!("Note: {}", one_line(&remark))).into_iter().collect();
    if answer.abstained {
        let reason = answer.reason.as_deref().map(|reason| format!(" {}", one_line(reason))).unwrap_or_default();
        out.push(format!("Not found in the documents.{reason}"));
        for citation in &answer.citations {
            out.push(format!("What comes nearest. {}", cited(citation)));
        }
        if !answer.sources.is_empty() {
            out.push("The closest passages are the sources above.".into());
        }
        return out;
    }
    if written.trim().is_empty() {
        out.push(format!("{ANSWER}{}", clean(answer.answer.trim())));
    } else if letters(&answer.answer) != letters(written) {
        out.push(format!("Checked answer: {}", clean(answer.answer.trim())));
    }
    if let Some(reason) = answer.reason.as_deref().map(one_line).filter(|reason| !reason.is_empty()) {
        out.push(format!("Note: {reason}"));
    }
    if let Some(remark) = answer.disagreement_remark() {
        out.push(format!("Note: {}", one_line(&remark)));
    }
    for citation in &answer.citations {
        out.push(cited(citation));
    }
    for sentence in &answer.sentences {
        if let (Some(words), Some(doubt)) = (answer.answer.get(sentence.start..sentence.end), sentence.verdict.doubt())
        {
            out.push(format!("Warning, {doubt} found in the documents: {}", one_line(words)));
        }
    }
    out
}

fn cited(citation: &Citation) -> String {
    let place = place(&citation.path, citation.page, (citation.start_line, citation.end_line));
    let quote = shortened(&one_line(citation.words()), LONGEST_QUOTE);
    let quote = if quote.is_empty() { String::new() } else { format!(": \"{quote}\"") };
    format!("Citation {}, {place}{quote}", citation.n)
}

/// Letters and digits without citations: what a person hears of a text.
fn letters(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(open) = rest.find('[') {
        let inside = &rest[open + 1..];
        let close = inside.find(']').filter(|close| {
            inside[..*close].chars().all(|c| c.is_ascii_digit() || matches!(c, ',' | ' ')) && *close > 0
        });
        let end = close.map_or(open + 1, |close| open + 1 + close + 1);
        out.extend(rest[..open].chars().filter(|c| c.is_alphanumeric()));
        rest = &rest[end..];
    }
    out.extend(rest.chars().filter(|c| c.is_alphanumeric()));
    out
}

/// A source in full, or the lines of it that an answer cites.
pub(super) fn quote(source: &Source, citations: &[Citation]) -> String {
    let cited: Vec<&Citation> =
        citations.iter().filter(|citation| citation.n == source.n && !citation.text.trim().is_empty()).collect();
    if cited.is_empty() {
        return format!("Source {}, {}:\n{}", source.n, source_place(source), clean(source.text.trim_end()));
    }
    let quotes: Vec<String> = cited
        .into_iter()
        .map(|citation| {
            let place = place(&citation.path, citation.page, (citation.start_line, citation.end_line));
            format!("Source {}, {place}:\n{}", citation.n, clean(citation.text.trim_end()))
        })
        .collect();
    quotes.join("\n")
}

/// The conversations about this folder, numbered.
pub(super) fn sessions(list: &[SessionSummary]) -> String {
    if list.is_empty() {
        return "No conversations about this folder yet.".into();
    }
    let mut out = format!("{}, newest first:", counted(list.len() as u64, "conversation", "conversations"));
    for (index, session) in list.iter().enumerate() {
        let turns = counted(session.turns as u64, "question", "questions");
        let _ = write!(out, "\n{}. {}, {turns}", index + 1, one_line(&session.title));
    }
    out.push_str("\nType /sessions and a number to go on with one.");
    out
}

/// A conversation that is gone on with, and how it stood.
pub(super) fn resumed(conversation: &Conversation) -> String {
    let turns = counted(conversation.turns.len() as u64, "question", "questions");
    let mut out = format!("Going on with: {}, {turns}.", one_line(&conversation.title));
    if let Some(turn) = conversation.turns.last() {
        let answer = if turn.answer.abstained {
            "Not found in the documents.".into()
        } else {
            format!("{ANSWER}{}", clean(turn.answer.answer.trim()))
        };
        let _ = write!(out, "\nThe last question: {}\n{answer}", one_line(&turn.question));
    }
    out
}

/// `1 file`, `8 files`.
pub(super) fn counted(number: u64, one: &str, many: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{number} {many}") }
}

fn shortened(text: &str, most: usize) -> String {
    if text.chars().nth(most).is_none() {
        return text.to_owned();
    }
    let cut: String = text.chars().take(most - 1).collect();
    format!("{}…", cut.trim_end())
}
