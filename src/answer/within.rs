//! What a question is asked of: `@garden/pears.md`, `@garden/` and `#recipes` in it.
//!
//! What stands behind `@` is a folder or a file, by its path or the end of that, a file with or without its ending; a name with spaces
//! stands in quotation marks: `@"old notes.md"`. Files are alternatives, tags are not. A word that names nothing stays a word, and is told.

use std::collections::BTreeSet;
use std::ops::Range;

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};
use tanya_index::{Conditions, Snapshot};

use super::whole::is_glue;

/// What a question was asked of.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Within {
    /// Files, folders and tags that it names, as it names them; empty: everything.
    pub of: Vec<String>,
    /// Names in it that are nobody's.
    pub unknown: Vec<String>,
}

impl Within {
    /// Whether there is something to tell.
    pub fn is_empty(&self) -> bool {
        self.of.is_empty() && self.unknown.is_empty()
    }

    /// In a sentence or two.
    pub fn words(&self) -> String {
        let names = |all: &[String]| all.join(", ");
        match (&self.of[..], &self.unknown[..]) {
            (of, []) => format!("Asked of {} only.", names(of)),
            ([], unknown) => format!("Nothing here is called {}: all documents were asked.", names(unknown)),
            (of, unknown) => format!("Asked of {} only; nothing here is called {}.", names(of), names(unknown)),
        }
    }
}

/// A question with what it is asked of taken out.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Narrowed {
    /// The question with paths in the place of names: `compare a.md with b.md`.
    pub(super) named: String,
    /// The question without the names at its beginning and end: what to search for.
    pub(super) words: String,
    pub(super) conditions: Conditions,
    pub(super) within: Within,
}

/// Takes the names out of `question` that stand for something in the library.
pub(super) fn narrowed(question: &str, snapshot: &Snapshot) -> Result<Narrowed> {
    let mut found = Narrowed {
        named: question.to_owned(),
        words: question.to_owned(),
        conditions: Conditions::default(),
        within: Within::default(),
    };
    let (mut taken, mut paths) = (Vec::new(), Vec::new());
    for mention in mentions(question) {
        let known = found.conditions.files.len();
        if mention.takes(snapshot, &mut found.conditions)? {
            found.within.of.push(mention.written());
            taken.push(mention);
            // One file can be called by its path, as long as that is one word.
            let one = match &found.conditions.files[known..] {
                [path] if !path.ends_with('/') && !path.contains(char::is_whitespace) => Some(path.clone()),
                _ => None,
            };
            paths.push(one);
        } else {
            found.within.unknown.push(mention.written());
        }
    }
    if !taken.is_empty() {
        // "What is in @notes.md?" needs its last word, "when was it built, @notes.md?" does not.
        let leans = |mention: &Mention<'_>| {
            let before = question[..mention.range.start].split_whitespace().next_back();
            before.is_some_and(|word| is_glue(&word.to_lowercase()))
        };
        let inside: Vec<bool> =
            taken.iter().zip(inside(question, &taken)).map(|(mention, inside)| inside || leans(mention)).collect();
        let bare = || taken.iter().zip(&inside).map(|(mention, inside)| inside.then_some(mention.name));
        let paths = paths.iter().zip(bare()).map(|(path, bare)| path.as_deref().or(bare));
        found.named = with(question, &taken, paths);
        found.words = with(question, &taken, bare());
        if !found.words.contains(char::is_alphanumeric) {
            // A name alone is all there is to ask about.
            found.words = with(question, &taken, taken.iter().map(|mention| Some(mention.name)));
        }
    }
    Ok(found)
}

/// A name behind its sign.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Mention<'a> {
    range: Range<usize>,
    sign: char,
    name: &'a str,
}

impl Mention<'_> {
    fn written(&self) -> String {
        format!("{}{}", self.sign, self.name)
    }

    /// Whether it stands for something; then it is a condition from now on.
    fn takes(&self, snapshot: &Snapshot, conditions: &mut Conditions) -> Result<bool> {
        if self.sign == '#' {
            let (_, of) = Conditions::parse(&format!("tag:{}", self.name));
            let has = !of.tags.is_empty() && !snapshot.files(&of).context("cannot read the library")?.is_empty();
            conditions.tags.extend(of.tags.into_iter().filter(|_| has));
            return Ok(has);
        }
        let files = self.files(snapshot)?;
        let is_known = !files.is_empty();
        conditions.files.extend(files);
        Ok(is_known)
    }

    /// The files that are meant, or the folders.
    fn files(&self, snapshot: &Snapshot) -> Result<Vec<String>> {
        if snapshot.file(self.name).context("cannot read the library")?.is_some() {
            return Ok(vec![self.name.to_owned()]);
        }
        let all = snapshot.paths().context("cannot read the library")?;
        let name = self.name.trim_end_matches('/').to_lowercase();
        let ends_so =
            |path: &str| path.strip_suffix(&name).is_some_and(|above| above.is_empty() || above.ends_with('/'));
        let folders: BTreeSet<&str> = all.iter().flat_map(|path| above(path)).collect();
        let meant = folders.into_iter().filter(|folder| ends_so(&folder.trim_end_matches('/').to_lowercase()));
        let meant: Vec<String> = meant.map(str::to_owned).collect();
        if self.name.ends_with('/') || !meant.is_empty() {
            return Ok(meant);
        }
        let meant = |path: &String| {
            let path = path.to_lowercase();
            ends_so(&path) || path.rsplit_once('.').is_some_and(|(stem, ending)| !ending.contains('/') && ends_so(stem))
        };
        Ok(all.into_iter().filter(meant).collect())
    }
}

/// The folders that a path lies in, each with its `/`.
pub(crate) fn above(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('/').map(|(at, _)| &path[..=at])
}

/// Whether a question that holds just this names one thing by it.
pub(crate) fn is_name(written: &str) -> bool {
    matches!(&mentions(written)[..], [one] if one.range == (0..written.len()))
}

/// The name that is being typed at the end of `text`, its sign included: `@`, `@gar`, `@"old no`. Pure.
pub(crate) fn open_name(text: &str) -> Option<&str> {
    let (start, _) = text.match_indices(['@', '#']).rfind(|(start, _)| begins(text, *start))?;
    let (sign, name) = (text[start..].chars().next()?, &text[start + 1..]);
    let is_open = match name.strip_prefix('"') {
        Some(name) => sign == '@' && !name.contains('"'),
        None => !name.contains(char::is_whitespace) && (name.is_empty() || can_be_named(sign, name)),
    };
    is_open.then_some(&text[start..])
}

/// Whether a sign there begins a name: behind nothing, a space or a bracket.
fn begins(text: &str, at: usize) -> bool {
    text[..at].chars().next_back().is_none_or(|before| before.is_whitespace() || before == '(')
}

/// Whether something may be called so: `#1` and `#!` are no tags.
fn can_be_named(sign: char, name: &str) -> bool {
    sign == '@' || name.starts_with(char::is_alphabetic)
}

/// The names in a question. Pure.
fn mentions(question: &str) -> Vec<Mention<'_>> {
    let mut found: Vec<Mention<'_>> = Vec::new();
    for (start, sign) in question.match_indices(['@', '#']) {
        let is_inside = found.last().is_some_and(|last| start < last.range.end);
        if is_inside || !begins(question, start) {
            continue;
        }
        let rest = &question[start + sign.len()..];
        let quoted = rest.strip_prefix('"').and_then(|inner| inner.split_once('"')).map(|(name, _)| name);
        let (name, length) = if let Some(name) = quoted {
            (name, name.len() + 2)
        } else {
            let word = rest.split(char::is_whitespace).next().unwrap_or_default();
            let name = word.trim_end_matches(['?', '!', '.', ',', ';', ':', ')', '"']);
            (name, name.len())
        };
        let sign = if sign == "@" { '@' } else { '#' };
        if can_be_named(sign, name) && name.contains(char::is_alphanumeric) {
            let range = start..start + 1 + length;
            found.push(Mention { range, sign, name });
        }
    }
    found
}

/// Which of `taken` stand between other words. Pure.
fn inside(question: &str, taken: &[Mention<'_>]) -> Vec<bool> {
    let is_empty = |text: &str| !text.contains(char::is_alphanumeric);
    let ends = || taken.iter().map(|one| one.range.end);
    let starts = || taken.iter().map(|one| one.range.start);
    let before = std::iter::once(0).chain(ends()).zip(starts()).map(|(from, to)| is_empty(&question[from..to]));
    let after = ends().zip(starts().skip(1).chain([question.len()])).map(|(from, to)| is_empty(&question[from..to]));
    // One stands at the beginning where nothing but others is before it, at the end where nothing but others follows.
    let at_start: Vec<bool> = before
        .scan(true, |so_far, empty| {
            *so_far &= empty;
            Some(*so_far)
        })
        .collect();
    let mut at_end: Vec<bool> = after.collect();
    let mut so_far = true;
    for empty in at_end.iter_mut().rev() {
        so_far &= *empty;
        *empty = so_far;
    }
    at_start.iter().zip(&at_end).map(|(start, end)| !start && !end).collect()
}

/// The question with something in the place of those that have it, and without the others. Pure.
fn with<'a>(question: &str, taken: &[Mention<'_>], kept: impl Iterator<Item = Option<&'a str>>) -> String {
    let mut out = String::new();
    let mut from = 0;
    for (mention, keep) in taken.iter().zip(kept) {
        out.push_str(&question[from..mention.range.start]);
        match keep {
            Some(name) => out.push_str(name),
            // What ends the sentence follows its last word.
            None => out.truncate(out.trim_end().len()),
        }
        from = mention.range.end;
    }
    out.push_str(&question[from..]);
    out.trim().to_owned()
}

#[cfg(test)]
mod tests;
