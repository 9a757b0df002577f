//! The HTML form: one page with its own style, no script, nothing from elsewhere; citations lead to their quotes.

use std::fmt::Write as _;

use super::{evidence, harmless, moment, prose};
use crate::chat::{Conversation, Turn};

const STYLE: &str = "\
:root{color-scheme:light dark}\
body{max-width:44rem;margin:2rem auto;padding:0 1rem;font:1rem/1.55 system-ui,sans-serif}\
h1{font-size:1.4rem}h2{font-size:1.1rem;margin:2.5rem 0 .5rem}\
header p,.place,.reason{opacity:.75}\
a.cite{text-decoration:none;font-size:.8em;vertical-align:super}\
.unsupported{text-decoration:underline dotted}\
.unsupported-note{font-size:.8em;opacity:.75}\
pre{white-space:pre-wrap;overflow-wrap:anywhere;border-left:3px solid;padding-left:.75rem;margin:.25rem 0 1rem}\
ol.evidence{list-style:none;padding:0}li:target pre{border-left-width:8px}";

pub(super) fn render(conversation: &Conversation) -> String {
    let title = escape(&conversation.title);
    let mut out = format!(
        "<!DOCTYPE html>\n<html>\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>{title}</title>\n<style>{STYLE}</style>\n</head>\n\
         <body>\n<header>\n<h1>{title}</h1>\n<p>A conversation with tanya about <code>{}</code>, {}.</p>\n</header>\n",
        escape(&conversation.folder),
        moment(conversation.created_at)
    );
    for (index, turn) in conversation.turns.iter().enumerate() {
        self::turn(&mut out, index + 1, turn);
    }
    out.push_str("</body>\n</html>\n");
    out
}

fn turn(out: &mut String, number: usize, turn: &Turn) {
    let answer = &turn.answer;
    let evidence = evidence(answer);
    let _ = writeln!(out, "<section id=\"t{number}\">\n<h2>{}</h2>", escape(&turn.question));
    let known: Vec<u32> = evidence.iter().map(|evidence| evidence.n).collect();
    prose::render(out, answer, &|n| known.contains(&n).then(|| anchor(number, n)));
    if let Some(reason) = answer.reason.as_deref().filter(|reason| !reason.is_empty()) {
        let _ = writeln!(out, "<p class=\"reason\">{}</p>", escape(reason));
    }
    if !evidence.is_empty() {
        out.push_str("<ol class=\"evidence\">\n");
        let mut last = None;
        for evidence in evidence {
            // The first quote of a source is where its citations lead.
            let id = if last == Some(evidence.n) {
                String::new()
            } else {
                format!(" id=\"{}\"", anchor(number, evidence.n))
            };
            last = Some(evidence.n);
            let _ = write!(out, "<li{id}><span class=\"place\">[{}] {}</span>", evidence.n, escape(&evidence.place));
            if !evidence.quote.trim().is_empty() {
                let _ = write!(out, "\n<pre>{}</pre>", escape(evidence.quote.trim_end()));
            }
            out.push_str("</li>\n");
        }
        out.push_str("</ol>\n");
    }
    out.push_str("</section>\n");
}

fn anchor(turn: usize, source: u32) -> String {
    format!("t{turn}s{source}")
}

/// Text as the content of an element or of a quoted attribute.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in harmless(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}
