//! A task → what will be read for it, before anything is: sections, files, and what the folder has that cannot be read.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result};
use tanya_index::{Conditions, FileRecord, FileState, Snapshot};

use super::find::{Search, Side};
use super::section::{Section, named, sections};
use super::subject::Subject;
use super::task::{Inquiry, Scope, Task, is_name};
use crate::answer::cite::Terms;

/// What will be read.
pub(super) struct Plan {
    pub(super) task: Task,
    pub(super) search: Search,
    pub(super) conditions: Conditions,
    /// In reading order.
    pub(super) sections: Vec<Section>,
    /// Files that have sections here.
    pub(super) files: usize,
    pub(super) unread: Unread,
    /// What was changed to find anything: a line each.
    pub(super) remarks: Vec<String>,
}

/// Files whose text is not in the library, or not all of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Unread {
    pub(super) skipped: usize,
    pub(super) failed: usize,
    pub(super) partly: usize,
}

impl Unread {
    fn of<'a>(files: impl Iterator<Item = &'a FileRecord>) -> Self {
        files.fold(Self::default(), |mut unread, file| {
            match file.state {
                FileState::Indexed => {}
                FileState::Partly => unread.partly += 1,
                FileState::Skipped => unread.skipped += 1,
                FileState::Failed => unread.failed += 1,
            }
            unread
        })
    }
}

impl Plan {
    /// Plans an inquiry; `None` where it asks for a file that the folder does not have, or for nothing at all.
    pub(super) fn new(inquiry: Inquiry, snapshot: &Snapshot, terms: &dyn Terms) -> Result<Option<Self>> {
        let Inquiry { task, conditions, names } = inquiry;
        let files = snapshot.files(&conditions).context("cannot read the library")?;
        let paths: Vec<&str> = files.iter().map(|file| file.path.as_str()).collect();
        let set = |name: &str| named(name, &paths).into_iter().map(str::to_owned).collect::<BTreeSet<String>>();
        let meant: BTreeSet<String> = names.iter().flat_map(|name| set(name)).collect();
        let about = |text: &str| Subject::new(text, snapshot, terms);
        let mut only = Some(meant).filter(|meant| !meant.is_empty());
        let search = match &task {
            Task::ListAll { unit, subject } | Task::Count { unit, subject } => {
                Search::Matching { unit: *unit, subject: about(subject)? }
            }
            Task::Summarize { scope, subject } => {
                if let Scope::File(name) = scope {
                    only = Some(set(name));
                    if only.as_ref().is_some_and(BTreeSet::is_empty) {
                        return Ok(None);
                    }
                }
                Search::Telling(about(subject)?)
            }
            Task::Compare { a, b } => {
                let side = |text: &String| -> Result<Option<Side>> {
                    let files = if is_name(&text.to_lowercase()) { set(text) } else { BTreeSet::new() };
                    Ok(if files.is_empty() { about(text)?.map(Side::About) } else { Some(Side::Files(files)) })
                };
                let (Some(a), Some(b)) = (side(a)?, side(b)?) else { return Ok(None) };
                only = match (&a, &b) {
                    (Side::Files(a), Side::Files(b)) => Some(a.union(b).cloned().collect()),
                    _ => None,
                };
                Search::Sides([a, b])
            }
        };
        let wanted = |path: &str| only.as_ref().is_none_or(|only| only.contains(path));
        let sections = sections(snapshot, &conditions, &wanted)?;
        let files_read = sections.chunk_by(|a, b| a.path == b.path).count();
        let unread = Unread::of(files.iter().filter(|file| wanted(&file.path)));
        let remarks = search.subjects().flat_map(|subject| subject.remarks.iter().cloned()).collect();
        Ok(Some(Self { task, search, conditions, sections, files: files_read, unread, remarks }))
    }

    /// Names the question in memory: what is looked for, not how it was said.
    pub(super) fn key(&self) -> String {
        // Words, not their weights: those shift a little with every file that changes, and what was read holds all the same.
        let side = |side: &Side| match side {
            Side::About(subject) => format!("{:?}", subject.words()),
            Side::Files(files) => format!("{files:?}"),
        };
        match &self.search {
            Search::Matching { unit, subject } => {
                format!("matching {unit:?} {:?}", subject.as_ref().map(Subject::words))
            }
            Search::Telling(subject) => format!("telling {:?}", subject.as_ref().map(Subject::words)),
            Search::Sides([a, b]) => format!("sides {} {}", side(a), side(b)),
        }
    }

    /// What is going to be done, for a person.
    pub(super) fn shown(&self) -> String {
        let what = match &self.task {
            Task::ListAll { subject, .. } => labeled("list all", subject),
            Task::Count { subject, .. } => labeled("count", subject),
            Task::Compare { a, b } => format!("compare: {a} · {b}"),
            Task::Summarize { scope: Scope::File(name), .. } => labeled("summarize", name),
            Task::Summarize { subject, .. } => labeled("summarize", subject),
        };
        format!("{what} ({} of {})", counted(self.sections.len(), "section"), counted(self.files, "file"))
    }

    /// Passages of all sections.
    pub(super) fn passages(&self) -> usize {
        self.sections.iter().map(|section| section.chunks.len()).sum()
    }
}

impl Search {
    /// What is looked for, one or two.
    pub(super) fn subjects(&self) -> impl Iterator<Item = &Subject> {
        let (first, second) = match self {
            Self::Matching { subject, .. } | Self::Telling(subject) => (subject.as_ref(), None),
            Self::Sides([a, b]) => (a.subject(), b.subject()),
        };
        first.into_iter().chain(second)
    }
}

impl Side {
    fn subject(&self) -> Option<&Subject> {
        match self {
            Self::About(subject) => Some(subject),
            Self::Files(_) => None,
        }
    }
}

fn labeled(what: &str, subject: &str) -> String {
    if subject.is_empty() { what.to_owned() } else { format!("{what}: {subject}") }
}

/// `1 file`, `17 files`.
pub(super) fn counted(n: usize, noun: &str) -> String {
    if n == 1 { format!("1 {noun}") } else { format!("{n} {noun}s") }
}
