//! A conversation: questions and answers about one folder, append-only.

use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::receipt::Receipt;
use crate::answer::Answer;

/// Names a conversation; also the stem of its file. Only ASCII letters, digits and `-`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SessionId(String);

impl SessionId {
    /// A new id that sorts by time of creation: seconds and a process-unique tail, both in hexadecimal.
    pub fn new(now: SystemTime) -> Self {
        let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        let tail = (u64::from(since.subsec_nanos()) << 16) ^ u64::from(std::process::id());
        Self(format!("{:010x}-{tail:012x}", since.as_secs()))
    }

    /// Reads an id that a person or a file name gave; `None` when it could not be one of ours.
    pub fn parse(text: &str) -> Option<Self> {
        let legal =
            !text.is_empty() && text.len() <= 64 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        legal.then(|| Self(text.to_owned()))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// One question with its answer. Sources are stored by value inside the answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Turn {
    /// What was asked.
    pub question: String,
    /// What was answered.
    pub answer: Answer,
    /// Unix seconds.
    pub asked_at: u64,
    /// What it takes to make the answer again; `None` where the answer did not come to its end, or an older program kept it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipt: Option<Receipt>,
}

impl Turn {
    /// A turn that is over; what the answer tells of its making becomes the receipt.
    pub fn new(question: String, mut answer: Answer, asked_at: u64) -> Self {
        let receipt = answer.trace.take().map(|trace| Receipt::new(*trace));
        Self { question, answer, asked_at, receipt }
    }
}

/// A conversation about one folder.
#[derive(Debug, Clone, PartialEq)]
pub struct Conversation {
    /// Its name and file.
    pub id: SessionId,
    /// The name that the person gave it, else the first question, shortened.
    pub title: String,
    /// The folder's canonical path.
    pub folder: String,
    /// Unix seconds.
    pub created_at: u64,
    /// Oldest first.
    pub turns: Vec<Turn>,
}

impl Conversation {
    /// An empty conversation about `folder`.
    pub fn new(folder: &str, now: SystemTime) -> Self {
        Self {
            id: SessionId::new(now),
            title: String::new(),
            folder: folder.to_owned(),
            created_at: now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs(),
            turns: Vec::new(),
        }
    }

    /// Appends a turn; the first one names the conversation.
    pub fn push(&mut self, turn: Turn) {
        if self.title.is_empty() {
            self.title = title_of(&turn.question);
        }
        self.turns.push(turn);
    }

    /// A new conversation that begins with the first `turns` of this one; this one stays as it is.
    #[must_use]
    pub fn branch(&self, turns: usize, now: SystemTime) -> Self {
        let mut branch = Self::new(&self.folder, now);
        for turn in self.turns.iter().take(turns) {
            branch.push(turn.clone());
        }
        branch
    }
}

/// What a list of conversations shows of one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SessionSummary {
    /// Its name.
    pub id: SessionId,
    /// The name that the person gave it, else the first question, shortened.
    pub title: String,
    /// The folder's canonical path.
    pub folder: String,
    /// How many questions.
    pub turns: usize,
    /// Unix seconds of the last question.
    pub updated_at: u64,
}

/// Characters of a title.
const LONGEST_TITLE: usize = 72;

/// The first line of a question, at most 72 characters.
pub(super) fn title_of(question: &str) -> String {
    let line = question.lines().find(|line| !line.trim().is_empty()).unwrap_or_default().trim();
    shortened(line)
}

/// A name that a person gave, on one line, at most 72 characters.
pub(super) fn name_of(name: &str) -> String {
    shortened(&name.split_whitespace().collect::<Vec<_>>().join(" "))
}

fn shortened(line: &str) -> String {
    if line.chars().nth(LONGEST_TITLE).is_none() {
        return line.to_owned();
    }
    let cut: String = line.chars().take(LONGEST_TITLE - 1).collect();
    format!("{}…", cut.trim_end())
}
