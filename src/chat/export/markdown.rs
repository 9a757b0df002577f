//! The Markdown form: questions as headings, answers as they are, quotes in fences.

use std::fmt::Write as _;

use super::{evidence, harmless, moment};
use crate::answer::Verdict;
use crate::chat::Conversation;

pub(super) fn render(conversation: &Conversation) -> String {
    let mut out = format!("# {}\n\n", plain(&conversation.title));
    let _ = writeln!(
        out,
        "A conversation with tanya about {}, {}.",
        code(&conversation.folder),
        moment(conversation.created_at)
    );
    for turn in &conversation.turns {
        let answer = &turn.answer;
        let _ = write!(out, "\n## {}\n", plain(&turn.question));
        let text = tame(harmless(answer.answer.trim()).as_str());
        if !text.is_empty() {
            let _ = write!(out, "\n{text}\n");
        }
        if let Some(reason) = answer.reason.as_deref().filter(|reason| !reason.is_empty()) {
            let _ = write!(out, "\n*{}*\n", plain(reason));
        }
        for sentence in answer.sentences.iter().filter(|sentence| sentence.verdict == Verdict::NotFound) {
            if let Some(words) = answer.answer.get(sentence.start..sentence.end) {
                let _ = write!(out, "\n*Not found in the documents:* {}\n", plain(words));
            }
        }
        for evidence in evidence(answer) {
            let _ = write!(out, "\n\\[{}\\] {}\n", evidence.n, code(&evidence.place));
            let quote = harmless(evidence.quote.trim_end());
            if !quote.trim().is_empty() {
                let fence = fence(&quote, 3);
                let _ = write!(out, "\n{fence}text\n{quote}\n{fence}\n");
            }
        }
    }
    out
}

/// Text on one line that means nothing to Markdown.
fn plain(text: &str) -> String {
    let mut out = String::new();
    for word in harmless(text).split_whitespace() {
        if !out.is_empty() {
            out.push(' ');
        }
        for c in word.chars() {
            if c.is_ascii_punctuation()
                && !matches!(c, '.' | ',' | ':' | ';' | '?' | '\'' | '"' | '(' | ')' | '/' | '%')
            {
                out.push('\\');
            }
            out.push(c);
        }
    }
    out
}

/// Answers are Markdown already, but never HTML, and no link or image leads out of them. An entity, because a backslash before
/// what may stand behind a backslash already would undo both.
fn tame(text: &str) -> String {
    text.replace('<', "&lt;").replace("](", "]\\(").replace("]:", "]\\:").replace("![", "!\\[")
}

/// A code span, whatever backticks `text` holds.
fn code(text: &str) -> String {
    let text = harmless(text).replace('\n', " ");
    let fence = fence(&text, 1);
    let space = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    format!("{fence}{space}{text}{space}{fence}")
}

/// More backticks than any run of them in `text`, and at least `least`.
fn fence(text: &str, least: usize) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    "`".repeat(least.max(longest + 1))
}
