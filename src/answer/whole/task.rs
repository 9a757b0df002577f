//! What a question wants of the whole folder, told by its words alone. Pure.
//!
//! Conservative: a passage may answer "how many wheels has the cart?", and searching for it is faster than reading everything. A question
//! is about the whole folder only where it says so: by "all", "every" or "each" behind a verb that asks for a list, by files, notes or
//! entries that mention something, by a summary of a folder, file or tag, or by "compare".

use tanya_index::Conditions;

use super::lexicon::{LEXICONS, Lexicon};

/// Words between "all" or "my" and the files or the folder that it belongs to, at most, plus one.
const NEAR: usize = 2;

/// What is listed or counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Unit {
    /// Files.
    Files,
    /// List items and table rows; where a section has none, the section.
    Entries,
    /// List items, table rows and sentences that match.
    Items,
}

/// What is summarized.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Scope {
    /// All that the conditions of the question admit.
    Folder,
    /// The files of this name or path.
    File(String),
    /// The files with this tag.
    Tag(String),
}

/// A question that only everything together answers.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Task {
    /// Everything that matches, one by one.
    ListAll {
        /// What is listed.
        unit: Unit,
        /// What it must match; empty for all there is.
        subject: String,
    },
    /// How many match.
    Count {
        /// What is counted.
        unit: Unit,
        /// What it must match; empty for all there is.
        subject: String,
    },
    /// What is said of two things, side by side. Each is a subject or the name of a file.
    Compare {
        /// The first.
        a: String,
        /// The second.
        b: String,
    },
    /// The most telling sentences.
    Summarize {
        /// Of what.
        scope: Scope,
        /// About what; empty for everything.
        subject: String,
    },
}

/// A task with the conditions that the question puts on files (`path:`, `ext:`, `tag:`, `after:`, `before:`), and the words in it that
/// may be names of files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Inquiry {
    pub(super) task: Task,
    pub(super) conditions: Conditions,
    pub(super) names: Vec<String>,
}

impl Task {
    /// The task of `question`; `None` where its words leave a doubt that it is about everything.
    pub fn of(question: &str) -> Option<Self> {
        Inquiry::of(question, &Conditions::default()).map(|inquiry| inquiry.task)
    }

    /// Its name for programs.
    pub fn name(&self) -> &'static str {
        match self {
            Self::ListAll { .. } => "list_all",
            Self::Count { .. } => "count",
            Self::Compare { .. } => "compare",
            Self::Summarize { .. } => "summarize",
        }
    }
}

impl Inquiry {
    /// What `question` asks of the whole folder, or of all that `within` admits, if it does.
    pub(super) fn of(question: &str, within: &Conditions) -> Option<Self> {
        let asked = Asked::new(question, within);
        let task = LEXICONS.iter().find_map(|lexicon| asked.task(lexicon))?;
        Some(asked.inquiry(task))
    }

    /// What `question` asks of the whole folder because the person says that it does: where its words do not tell, a list of all that
    /// matches.
    pub(super) fn forced(question: &str, within: &Conditions) -> Self {
        Self::of(question, within).unwrap_or_else(|| {
            let asked = Asked::new(question, within);
            let subject = asked.tokens.iter().filter(|token| !is_name(&token.word)).map(|token| token.text);
            let subject = subject.collect::<Vec<_>>().join(" ");
            asked.inquiry(Task::ListAll { unit: Unit::Items, subject })
        })
    }
}

/// A question cut into words, its conditions taken out.
struct Asked<'a> {
    tokens: Vec<Token<'a>>,
    conditions: Conditions,
    tag: Option<String>,
}

struct Token<'a> {
    /// As written, without punctuation around it.
    text: &'a str,
    /// In lower case.
    word: String,
}

impl<'a> Asked<'a> {
    fn new(question: &'a str, within: &Conditions) -> Self {
        let mut asked = Self { tokens: Vec::new(), conditions: within.clone(), tag: None };
        for part in question.split_whitespace() {
            let part = part.trim_end_matches(['?', '!', '.', ',', ';', ':']);
            if !asked.takes(part) {
                let text = part.trim_matches(|c: char| !c.is_alphanumeric());
                if !text.is_empty() {
                    asked.tokens.push(Token { text, word: text.to_lowercase() });
                }
            }
        }
        asked
    }

    /// Whether a part is a condition on files; then it is one from now on.
    fn takes(&mut self, part: &str) -> bool {
        let tagged = part.strip_prefix('#').filter(|tag| tag.starts_with(char::is_alphabetic));
        let written = tagged.map_or_else(|| part.to_owned(), |tag| format!("tag:{tag}"));
        let (words, found) = Conditions::parse(&written);
        if !words.is_empty() || !found.phrases.is_empty() || !found.without.is_empty() || found.is_empty() {
            return false;
        }
        self.tag = self.tag.take().or_else(|| found.tags.first().cloned());
        self.conditions.paths.extend(found.paths);
        self.conditions.extensions.extend(found.extensions);
        self.conditions.tags.extend(found.tags);
        self.conditions.after = self.conditions.after.or(found.after);
        self.conditions.before = self.conditions.before.or(found.before);
        true
    }

    fn inquiry(self, task: Task) -> Inquiry {
        let names = self.tokens.iter().filter(|token| is_name(&token.word)).map(|token| token.text.to_owned());
        Inquiry { names: names.collect(), task, conditions: self.conditions }
    }

    fn task(&self, lexicon: &Lexicon) -> Option<Task> {
        let polite = self.tokens.iter().take_while(|token| is(lexicon.polite, token)).count();
        self.summarize(lexicon, polite)
            .or_else(|| self.compare(lexicon, polite))
            .or_else(|| self.count(lexicon, polite))
            .or_else(|| self.list(lexicon, polite))
    }

    /// "Summarize this folder", "a summary of all my notes about pears", "summarize garden.md".
    fn summarize(&self, lexicon: &Lexicon, first: usize) -> Option<Task> {
        let verb = self.find(first..first + 4, lexicon.summarize)?;
        let subject = || self.subject(lexicon, &[verb]);
        let rest = &self.tokens[verb + 1..];
        if let Some(name) = rest.iter().find(|token| is_name(&token.word)) {
            return Some(Task::Summarize { scope: Scope::File(name.text.to_owned()), subject: String::new() });
        }
        if let Some(tag) = &self.tag {
            return Some(Task::Summarize { scope: Scope::Tag(tag.clone()), subject: subject() });
        }
        let of_folder =
            self.find(verb + 1..usize::MAX, lexicon.folder).is_some() || self.says_all_files(lexicon, verb + 1);
        if of_folder || !self.conditions.is_empty() {
            return Some(Task::Summarize { scope: Scope::Folder, subject: subject() });
        }
        let file = self.find(verb + 1..verb + 4, lexicon.file)?;
        // "The note diary" has a name; "the note about pears" has none.
        let name = self.tokens.get(file + 1).filter(|token| !is(lexicon.mention, token) && !is(lexicon.glue, token))?;
        let is_last = file + 2 == self.tokens.len();
        is_last.then(|| Task::Summarize { scope: Scope::File(name.text.to_owned()), subject: String::new() })
    }

    /// "Compare the pear tree with the apple tree".
    fn compare(&self, lexicon: &Lexicon, first: usize) -> Option<Task> {
        self.tokens.get(first).filter(|token| is(lexicon.compare, token))?;
        // The first word between the two that leaves something on both sides.
        let between = self.find(first + 2..usize::MAX, lexicon.and)?;
        let side = |tokens: &[Token<'_>]| {
            let words = tokens.iter().skip_while(|token| is(lexicon.glue, token)).map(|token| token.text);
            Some(words.collect::<Vec<_>>().join(" ")).filter(|text| !text.is_empty())
        };
        Some(Task::Compare { a: side(&self.tokens[first + 1..between])?, b: side(&self.tokens[between + 1..])? })
    }

    /// "How many notes mention pears?", "count all pears", "how many pears are there in all my notes?"
    fn count(&self, lexicon: &Lexicon, first: usize) -> Option<Task> {
        if self.tokens.get(first).is_some_and(|token| is(lexicon.count, token)) {
            let unit = self.unit(lexicon, first + 1..first + 4);
            let all = self.find(first + 1..first + 3, lexicon.all);
            return (unit.is_some() || all.is_some())
                .then(|| self.counted(lexicon, unit.map_or(Unit::Items, |(_, unit)| unit), &[first]))
                .flatten();
        }
        let (at, words) = lexicon.how_many.iter().find_map(|phrase| {
            let stands = |at: &usize| {
                phrase.iter().enumerate().all(|(n, word)| self.tokens.get(at + n).is_some_and(|one| one.word == *word))
            };
            (first..first + 5).find(stands).map(|at| (at, phrase.len()))
        })?;
        let cues: Vec<usize> = (at..at + words).collect();
        if let Some((place, unit)) = self.unit(lexicon, at + words..at + words + 2) {
            let behind = place + 1..usize::MAX;
            let mentions = self.find(behind.clone(), lexicon.mention).is_some() || !self.conditions.tags.is_empty();
            let exists = unit == Unit::Files
                && (place + 1 == self.tokens.len() || self.find(first..usize::MAX, lexicon.exists).is_some());
            let here = self.says_all_files(lexicon, place + 1) || self.says_this_folder(lexicon);
            return (mentions || exists || here).then(|| self.counted(lexicon, unit, &cues)).flatten();
        }
        let everywhere = self.says_all_files(lexicon, at + words) || self.says_this_folder(lexicon);
        everywhere.then(|| self.counted(lexicon, Unit::Items, &cues)).flatten()
    }

    /// "List all pears", "show me every note about pears", "which notes mention pears?", "what are all the pears?"
    fn list(&self, lexicon: &Lexicon, first: usize) -> Option<Task> {
        if self.tokens.get(first).is_some_and(|token| is(lexicon.list, token)) {
            let me = self.tokens.get(first + 1).is_some_and(|token| is(lexicon.me, token));
            let next = first + 1 + usize::from(me);
            let unit = self.unit(lexicon, next..next + 4);
            let all = self.find(next..next + 2, lexicon.all);
            let unit = match (unit, all) {
                (Some((_, unit)), _) => unit,
                // "Every note" is about files as "all notes" is.
                (None, Some(all)) if self.find(all + 1..all + 2, lexicon.file).is_some() => Unit::Files,
                (None, Some(_)) => Unit::Items,
                (None, None) => return None,
            };
            return self.listed(lexicon, unit, &[first]);
        }
        let which = self.find(first..first + 4, lexicon.which)?;
        let beside = which.saturating_sub(1)..which + 2;
        if let Some((place, unit)) = self.unit(lexicon, beside) {
            let mentions = self.find(place + 1..place + 5, lexicon.mention).is_some();
            return mentions.then(|| self.listed(lexicon, unit, &[which])).flatten();
        }
        let are = self.find(which + 1..which + 2, lexicon.are)?;
        self.find(are + 1..are + 2, lexicon.all)?;
        self.listed(lexicon, Unit::Items, &[which, are])
    }

    fn listed(&self, lexicon: &Lexicon, unit: Unit, cues: &[usize]) -> Option<Task> {
        let subject = self.subject(lexicon, cues);
        (!subject.is_empty() || unit != Unit::Items).then_some(Task::ListAll { unit, subject })
    }

    fn counted(&self, lexicon: &Lexicon, unit: Unit, cues: &[usize]) -> Option<Task> {
        let subject = self.subject(lexicon, cues);
        (!subject.is_empty() || unit != Unit::Items).then_some(Task::Count { unit, subject })
    }

    /// What remains without the words that make it a task.
    fn subject(&self, lexicon: &Lexicon, cues: &[usize]) -> String {
        let says_nothing = |token: &Token<'_>| {
            let groups = [
                lexicon.polite,
                lexicon.me,
                lexicon.all,
                lexicon.files,
                lexicon.file,
                lexicon.entries,
                lexicon.mention,
                lexicon.folder,
                lexicon.mine,
                lexicon.glue,
            ];
            groups.iter().any(|group| is(group, token)) || is_name(&token.word)
        };
        let kept = self.tokens.iter().enumerate().filter(|(at, token)| !cues.contains(at) && !says_nothing(token));
        kept.map(|(_, token)| token.text).collect::<Vec<_>>().join(" ")
    }

    /// The first of some words within `range`.
    fn find(&self, range: std::ops::Range<usize>, words: &[&str]) -> Option<usize> {
        let end = range.end.min(self.tokens.len());
        (range.start..end).find(|at| is(words, &self.tokens[*at]))
    }

    /// Files or entries within `range`.
    fn unit(&self, lexicon: &Lexicon, range: std::ops::Range<usize>) -> Option<(usize, Unit)> {
        let files = self.find(range.clone(), lexicon.files).map(|at| (at, Unit::Files));
        files.or_else(|| self.find(range, lexicon.entries).map(|at| (at, Unit::Entries)))
    }

    /// "All my notes", "every file", "catatan saya", from a place on.
    fn says_all_files(&self, lexicon: &Lexicon, from: usize) -> bool {
        (from..self.tokens.len()).any(|at| {
            let whose = |words: &[&str]| self.find(at.saturating_sub(NEAR)..at + NEAR, words).is_some();
            let many = is(lexicon.files, &self.tokens[at]) || is(lexicon.entries, &self.tokens[at]);
            let each = self.find(at.saturating_sub(1)..at, lexicon.all).is_some() && is(lexicon.file, &self.tokens[at]);
            many && (whose(lexicon.all) || whose(lexicon.mine)) || each
        })
    }

    /// "In this folder".
    fn says_this_folder(&self, lexicon: &Lexicon) -> bool {
        (0..self.tokens.len()).any(|at| {
            is(lexicon.folder, &self.tokens[at])
                && self.find(at.saturating_sub(1)..at + NEAR, lexicon.mine).is_some_and(|mine| mine != at)
        })
    }
}

fn is(words: &[&str], token: &Token<'_>) -> bool {
    words.contains(&token.word.as_str())
}

/// Whether a word looks like the name or path of a file: `garden.md`, `2024/march`. Whether there is such a file the folder tells.
pub(super) fn is_name(word: &str) -> bool {
    let name = word.rsplit('/').next().unwrap_or(word);
    let has_ending = name.rsplit_once('.').is_some_and(|(stem, ending)| {
        // Not "e.g." or "p.m."
        stem.chars().count() + ending.len() > 2
            && stem.chars().any(char::is_alphabetic)
            && (1..=5).contains(&ending.len())
            && ending.starts_with(|c: char| c.is_ascii_alphabetic())
            && ending.chars().all(|c| c.is_ascii_alphanumeric())
    });
    has_ending || (word.contains('/') && !word.contains("//") && word.len() > 4)
}

#[cfg(test)]
#[path = "task/tests.rs"]
mod tests;
