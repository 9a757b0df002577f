//! The hints thread: what helps while a question is typed, names of files and tags, and the passages that its words find so far.
//!
//! Only the newest wish of each kind counts: a person who types on does not wait for what they had typed before.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::mpsc::Receiver;

use anyhow::{Context as _, Result};
use tanya_index::{Library, Snapshot};
use tokio::sync::mpsc::Sender;

use super::event::{JobEvent, Name};
use super::inference::contained;
use crate::answer;
use crate::fuzzy;

/// Names that are offered for a word.
const MOST_NAMES: usize = 6;
/// Passages of a preview.
const MOST_PASSAGES: usize = 4;
/// What fits the end of a path counts more than what fits the whole of it.
const OF_LAST: i32 = 3;

/// What the thread is told.
pub(super) enum HintWork {
    /// The library is open.
    Library(Arc<Library>),
    /// Look for names that fit this word, its `@` or `#` included.
    Names(String),
    /// Look for passages that the words of this question find.
    Preview(String),
}

/// Works until every sender of `inbox` is gone.
pub(super) fn hint(inbox: &Receiver<HintWork>, events: &Sender<JobEvent>) {
    let mut library: Option<Arc<Library>> = None;
    let mut known = Known::default();
    let (mut word, mut question) = (None, None);
    while let Ok(first) = inbox.recv() {
        for work in std::iter::once(first).chain(inbox.try_iter()) {
            match work {
                HintWork::Library(opened) => library = Some(opened),
                HintWork::Names(typed) => word = Some(typed),
                HintWork::Preview(typed) => question = Some(typed),
            }
        }
        let Some(library) = library.as_deref() else { continue };
        let told = [
            word.take().map(|word| contained(|| known.names(word, &library.snapshot()?))),
            question.take().map(|question| contained(|| preview(question, &library.snapshot()?))),
        ];
        for event in told.into_iter().flatten() {
            match event {
                Ok(event) => {
                    if events.blocking_send(event).is_err() {
                        return;
                    }
                }
                // The question itself will say it.
                Err(error) => tracing::warn!("no hints: {error:#}"),
            }
        }
    }
}

fn preview(question: String, snapshot: &Snapshot) -> Result<JobEvent> {
    let mut sources = answer::sources(&question, snapshot)?;
    sources.truncate(MOST_PASSAGES);
    Ok(JobEvent::Previewed { question, sources })
}

/// The names that the library has, as of one of its generations.
#[derive(Default)]
struct Known {
    generation: Option<u64>,
    files: Vec<String>,
    tags: Vec<(String, u64)>,
}

impl Known {
    fn names(&mut self, word: String, snapshot: &Snapshot) -> Result<JobEvent> {
        self.follow(snapshot).context("cannot read the library")?;
        let names = if let Some(typed) = word.strip_prefix('#') {
            let tags = self.tags.iter().map(|(tag, files)| (tag.as_str(), *files));
            let name = |(tag, files): (&str, u64)| {
                let written = Some(format!("#{tag}")).filter(|written| answer::is_name(written))?;
                Some(Name { written, note: if files == 1 { "1 file".into() } else { format!("{files} files") } })
            };
            best(typed, tags).filter_map(name).take(MOST_NAMES).collect()
        } else {
            let typed = word.trim_start_matches('@').trim_start_matches('"');
            let files = self.files.iter().map(|path| (path.as_str(), ()));
            best(typed, files).filter_map(|(path, ())| written(path)).take(MOST_NAMES).collect()
        };
        Ok(JobEvent::NamesFound { word, names })
    }

    fn follow(&mut self, snapshot: &Snapshot) -> Result<(), tanya_index::Error> {
        if self.generation != Some(snapshot.generation()) {
            let files = snapshot.paths()?;
            let folders: BTreeSet<&str> = files.iter().flat_map(|path| answer::above(path)).collect();
            self.files = folders.into_iter().chain(files.iter().map(String::as_str)).map(str::to_owned).collect();
            self.tags = snapshot.tags()?;
            self.generation = Some(snapshot.generation());
        }
        Ok(())
    }
}

/// A path as it is written in a question; `None` where that cannot be.
fn written(path: &str) -> Option<Name> {
    let written = [format!("@{path}"), format!("@\"{path}\"")].into_iter().find(|written| answer::is_name(written))?;
    Some(Name { written, note: if path.ends_with('/') { "folder".into() } else { String::new() } })
}

/// Those of `all` that fit what is typed, best first, the shorter of equal ones.
fn best<'a, T: Copy>(typed: &str, all: impl Iterator<Item = (&'a str, T)>) -> impl Iterator<Item = (&'a str, T)> {
    let fits = |(name, of): (&'a str, T)| {
        let last = name.trim_end_matches('/').rsplit('/').next().unwrap_or(name);
        let score = fuzzy::score(typed, name)?.max(fuzzy::score(typed, last).map_or(0, |score| score + OF_LAST));
        Some((std::cmp::Reverse(score), name.len(), name, of))
    };
    let mut found: Vec<_> = all.filter_map(fits).collect();
    found.sort_by(|a, b| (a.0, a.1, a.2).cmp(&(b.0, b.1, b.2)));
    found.into_iter().map(|(_, _, name, of)| (name, of))
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::sync_channel;

    use tanya_index::Document;

    use super::*;
    use crate::answer::fixtures::{self, note};

    fn library(dir: &std::path::Path) -> Arc<Library> {
        let files: [(&str, &[&str]); 4] = [
            ("garden/pears.md", &["fruit"]),
            ("garden/plan b.md", &["fruit", "plans"]),
            ("pens.md", &[]),
            ("a\"b c", &[]),
        ];
        let document = |(path, tags): (&str, &[&str])| {
            let tags = tags.iter().map(|tag| (*tag).to_owned()).collect();
            Document { tags, ..note(path, (1, 1), &format!("The pear tree of {path} was pruned in March.")) }
        };
        Arc::new(fixtures::library(dir, files.map(document)))
    }

    /// What the thread says to these wishes, all of which are there before it looks.
    fn told(wishes: Vec<HintWork>) -> Vec<JobEvent> {
        let dir = tempfile::tempdir().unwrap();
        let (work, inbox) = sync_channel(8);
        let (events, mut told) = tokio::sync::mpsc::channel(8);
        for wish in wishes.into_iter().chain([HintWork::Library(library(dir.path()))]) {
            work.send(wish).unwrap();
        }
        drop(work);
        hint(&inbox, &events);
        std::iter::from_fn(|| told.try_recv().ok()).collect()
    }

    fn names(word: &str) -> Vec<(String, String)> {
        let told = told(vec![HintWork::Names(word.into())]);
        let [JobEvent::NamesFound { word: of, names }] = &told[..] else { panic!("{told:?}") };
        assert_eq!(of, word);
        names.iter().map(|name| (name.written.clone(), name.note.clone())).collect()
    }

    #[test]
    fn names_fit_by_their_letters_and_are_written_so_that_a_question_can_hold_them() {
        let written = |word: &str| names(word).into_iter().map(|(written, _)| written).collect::<Vec<_>>();
        assert_eq!(written("@pe"), ["@pens.md", "@garden/pears.md"]);
        assert_eq!(written("@plan"), ["@\"garden/plan b.md\""]);
        assert_eq!(written("@\"plan"), ["@\"garden/plan b.md\""]);
        assert_eq!(written("@garden"), ["@garden/", "@garden/pears.md", "@\"garden/plan b.md\""]);
        assert_eq!(written("@").len(), 4, "a name that cannot be written is not offered");
        assert_eq!(written("@zz"), [""; 0]);
        assert_eq!(names("@garden/")[0], ("@garden/".into(), "folder".into()));
        assert_eq!(names("#"), [("#fruit".into(), "2 files".into()), ("#plans".into(), "1 file".into())]);
        assert_eq!(names("#pl"), [("#plans".into(), "1 file".into())]);
    }

    #[test]
    fn of_wishes_that_wait_only_the_newest_is_looked_for() {
        let wish = |question: &str| HintWork::Preview(question.into());
        let told =
            told(vec![wish("when was the pear"), HintWork::Names("@p".into()), wish("when? @garden/pears.md pruned")]);
        assert_eq!(told.len(), 2);
        let JobEvent::Previewed { question, sources } = &told[1] else { panic!("{told:?}") };
        assert_eq!(question, "when? @garden/pears.md pruned");
        assert_eq!(sources.iter().map(|source| source.path.as_str()).collect::<Vec<_>>(), ["garden/pears.md"]);
    }
}
