//! What background work tells the screen.

use super::meters::Metered;
use super::models::{ModelEntry, PullStep};
use crate::answer::{AnswerEvent, Source};
use crate::chat::{CitedNow, Conversation, Found, SessionId, SessionSummary};
use crate::ingest::Entry;
use crate::report::Report;

/// Names one question; increasing, so that a stale event can be told from a current one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct JobId(pub u64);

impl JobId {
    /// The id after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// A file, a folder or a tag that a question can be asked of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    /// As it is written in a question.
    pub written: String,
    /// What else there is to know of it.
    pub note: String,
}

/// Everything that can come from a background thread.
#[derive(Debug, Clone, PartialEq)]
pub enum JobEvent {
    /// A step of the answer to question `.0`; `Finished` is the last.
    Answer(JobId, AnswerEvent),
    /// What the answer to question `.0` took; before its `Finished`.
    Metered(JobId, Metered),
    /// Question `.0` cannot be answered; nothing more comes for it.
    AnswerFailed(JobId, Report),
    /// From the indexing thread.
    Ingest(IngestEvent),
    /// From whoever fetches and loads models.
    Model(ModelEvent),
    /// The conversation is on disk.
    SessionSaved(SessionId),
    /// Newest first.
    SessionsListed(Vec<SessionSummary>),
    /// The conversations that hold the text that was searched for, newest first.
    SessionsFound {
        /// What was searched for.
        text: String,
        /// Those that hold it.
        found: Vec<Found>,
    },
    /// A conversation to go on with.
    SessionLoaded(Box<Conversation>),
    /// Where the texts are now that the turns of a conversation cite, turn by turn.
    SourcesCompared(SessionId, Vec<Vec<CitedNow>>),
    /// Every file of the library, by path.
    LibraryListed(Result<Vec<Entry>, Report>),
    /// Names of files and tags that fit a word.
    NamesFound {
        /// The word, its `@` or `#` included.
        word: String,
        /// Best first.
        names: Vec<Name>,
    },
    /// What the words of a question find.
    Previewed {
        /// The question.
        question: String,
        /// Best first.
        sources: Vec<Source>,
    },
    /// A setting is in the configuration file, or is not in it any more (`None`), or could not be saved.
    SettingSaved {
        /// Which one.
        key: &'static str,
        /// What was to be saved.
        value: Option<String>,
        /// Why it could not be.
        outcome: Result<(), Report>,
    },
    /// The models on this machine and those of the catalogue.
    ModelsListed(Result<Vec<ModelEntry>, Report>),
    /// How far the pull of the model of this name is.
    Pull(String, PullStep),
    /// Something that no question waits for went wrong.
    Failed(Report),
    /// One line worth reading, such as an index that was rebuilt.
    Notice(String),
}

/// The state of the folder's library.
#[derive(Debug, Clone, PartialEq)]
pub enum IngestEvent {
    /// The folder was compared with the library.
    Scanned {
        /// Files in the folder.
        files: u64,
        /// New or changed ones, to be read now.
        changed: u64,
        /// Gone ones.
        removed: u64,
    },
    /// Files are being read.
    Reading {
        /// The file in progress.
        path: String,
        /// Files read.
        done: u64,
        /// Files to read.
        total: u64,
    },
    /// Passages are being embedded.
    Embedding {
        /// Passages with a vector.
        done: u64,
        /// Passages altogether.
        total: u64,
        /// An estimate, once there is one.
        seconds_left: Option<u64>,
    },
    /// Counts of the library, after each commit.
    Status(tanya_index::Status),
    /// Another program writes this library; this one reads what is there.
    ReadOnly {
        /// Its process id, where known.
        holder: Option<u32>,
    },
    /// Nothing is left to do.
    Idle,
}

/// The state of a model.
#[derive(Debug, Clone, PartialEq)]
pub enum ModelEvent {
    /// Its files are being fetched.
    Pulling {
        /// The catalogue's name.
        name: String,
        /// Bytes here.
        done: u64,
        /// Bytes altogether, once known.
        total: Option<u64>,
        /// Smoothed.
        bytes_per_second: f64,
        /// Shown while one waits.
        license: String,
    },
    /// Its files are being read into memory.
    Loading {
        /// The catalogue's name, or a file's.
        name: String,
    },
    /// The generator can answer.
    Ready {
        /// The catalogue's name, or a file's.
        name: String,
        /// Tokens that fit its window.
        window: usize,
        /// Where it runs, in words.
        backend: String,
    },
    /// The embedder can embed.
    EmbedderReady {
        /// The catalogue's name.
        name: String,
    },
    /// It cannot be had; words and sources still work.
    Failed {
        /// The catalogue's name, or a file's.
        name: String,
        /// Why, and what to do.
        report: Report,
    },
}
