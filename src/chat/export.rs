//! A conversation as a document for others: Markdown, JSON or one HTML page that needs nothing else.
//!
//! Pure text in memory, and one way to put it on a disk that never overwrites. What documents and models say is quoted, never
//! markup: no export can carry a script, a link to elsewhere or an image.

mod html;
mod markdown;
mod prose;

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow};
use serde::Serialize;

use super::session::{Conversation, Turn};
use crate::answer::{Answer, Citation, Source};
use crate::report::Hinting as _;

/// Characters of a file name that comes from a title.
const LONGEST_STEM: usize = 60;
/// Names tried before giving up: `title.md`, `title-2.md`, …
const MOST_NAMES: usize = 1000;

/// What an export is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// For people and other programs of notes.
    Markdown,
    /// Everything that is known of every turn, as `sessions show --json` has it.
    Json,
    /// One page, without scripts and without anything from elsewhere.
    Html,
}

impl Format {
    /// The usual extension, without the dot.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Markdown => "md",
            Self::Json => "json",
            Self::Html => "html",
        }
    }
}

/// The JSON form.
#[derive(Serialize)]
struct Exported<'a> {
    id: &'a str,
    title: &'a str,
    folder: &'a str,
    created_at: u64,
    turns: &'a [Turn],
}

/// The whole conversation in `format`, ending in a line break.
pub fn render(conversation: &Conversation, format: Format) -> Result<String> {
    match format {
        Format::Markdown => Ok(markdown::render(conversation)),
        Format::Html => Ok(html::render(conversation)),
        Format::Json => {
            let exported = Exported {
                id: conversation.id.as_str(),
                title: &conversation.title,
                folder: &conversation.folder,
                created_at: conversation.created_at,
                turns: &conversation.turns,
            };
            let mut text = serde_json::to_string_pretty(&exported).context("cannot encode the session")?;
            text.push('\n');
            Ok(text)
        }
    }
}

/// Writes an export to `path`, which must not exist yet.
pub fn write_new(path: &Path, text: &str) -> Result<()> {
    match OpenOptions::new().write(true).create_new(true).open(path) {
        Ok(mut file) => file.write_all(text.as_bytes()).with_context(|| format!("{}: cannot write", path.display())),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            Err(anyhow!("{}: is there already, and nothing is overwritten", path.display()))
                .hint("give another name, or remove that file")
        }
        Err(error) => Err(error).with_context(|| format!("{}: cannot create", path.display())),
    }
}

/// Writes an export into `dir` under a name made from the title, the first one that is free, and returns where.
pub fn write_beside(dir: &Path, conversation: &Conversation, format: Format) -> Result<PathBuf> {
    let text = render(conversation, format)?;
    let stem = stem(&conversation.title);
    for number in 1..=MOST_NAMES {
        let tail = if number == 1 { String::new() } else { format!("-{number}") };
        let path = dir.join(format!("{stem}{tail}.{}", format.extension()));
        match OpenOptions::new().write(true).create_new(true).open(&path) {
            Ok(mut file) => {
                file.write_all(text.as_bytes()).with_context(|| format!("{}: cannot write", path.display()))?;
                return Ok(path);
            }
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error).with_context(|| format!("{}: cannot create", path.display())),
        }
    }
    Err(anyhow!("{}: every name from {stem}.{} on is taken", dir.display(), format.extension()))
        .hint("tanya sessions export ID --out FILE writes it under a name of your own")
}

/// A title as a file name: letters and digits, joined by dashes, in lower case.
fn stem(title: &str) -> String {
    let mut stem = String::new();
    for c in title.chars().flat_map(char::to_lowercase) {
        if c.is_alphanumeric() {
            stem.push(c);
        } else if !stem.is_empty() && !stem.ends_with('-') {
            stem.push('-');
        }
    }
    let cut: String = stem.chars().take(LONGEST_STEM).collect();
    let cut = cut.trim_end_matches('-');
    if cut.is_empty() { "conversation".into() } else { cut.to_owned() }
}

/// `garden/2024.md, lines 41–44`, `contract.pdf, page 4`.
fn place(path: &str, page: Option<u32>, lines: (u32, u32)) -> String {
    match page {
        Some(page) => format!("{path}, page {page}"),
        None if lines.0 == lines.1 => format!("{path}, line {}", lines.0),
        None => format!("{path}, lines {}–{}", lines.0, lines.1),
    }
}

/// One thing that stands under an answer: what a citation's number points to.
struct Evidence<'a> {
    n: u32,
    place: String,
    quote: &'a str,
}

/// What the answer cites, by number and place; the closest passages where it cites nothing and was refused.
fn evidence(answer: &Answer) -> Vec<Evidence<'_>> {
    let cited = |citation: &Citation| (citation.n, citation.start_line);
    let mut citations: Vec<&Citation> = answer.citations.iter().collect();
    citations.sort_by_key(|citation| cited(citation));
    citations.dedup_by_key(|citation| cited(citation));
    if citations.is_empty() && answer.abstained {
        let of_source = |source: &'_ Source| place(&source.path, source.page, (source.start_line, source.end_line));
        let closest = answer.sources.iter();
        return closest
            .map(|source| Evidence { n: source.n, place: of_source(source), quote: source.text.as_str() })
            .collect();
    }
    citations
        .into_iter()
        .map(|citation| Evidence {
            n: citation.n,
            place: place(&citation.path, citation.page, (citation.start_line, citation.end_line)),
            quote: &citation.text,
        })
        .collect()
}

/// Text without the characters that no text format may hold: controls but for line breaks and tabs, and whatever turns the
/// direction of a line around.
fn harmless(text: &str) -> String {
    let harmful = |c: char| {
        (c.is_control() && c != '\n' && c != '\t') || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.replace("\r\n", "\n").chars().map(|c| if harmful(c) { '\u{fffd}' } else { c }).collect()
}

/// `2026-11-27 09:30 UTC` of Unix seconds.
fn moment(seconds: u64) -> String {
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    // Days to a date of the Gregorian calendar, by eras of 400 years that begin in March (Howard Hinnant, days_from_civil).
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    format!("{year}-{month:02}-{day:02} {:02}:{:02} UTC", rest / 3_600, rest % 3_600 / 60)
}

#[cfg(test)]
#[path = "export/tests.rs"]
mod tests;
