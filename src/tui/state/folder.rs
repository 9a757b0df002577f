//! What is known of the folder's library and of the models. Only what an event said, nothing guessed.

use crate::jobs::{IngestEvent, ModelEvent};
use crate::report::Report;

/// What the indexing thread does now.
#[derive(Debug, Clone, PartialEq, Default)]
pub(in crate::tui) enum Indexing {
    /// It has not said anything yet.
    #[default]
    Opening,
    Reading {
        path: String,
        done: u64,
        total: u64,
    },
    Embedding {
        done: u64,
        total: u64,
        seconds_left: Option<u64>,
    },
    ReadOnly {
        holder: Option<u32>,
    },
    Idle,
}

/// The library of the folder.
#[derive(Debug, Clone, Default)]
pub(in crate::tui) struct Library {
    /// Files in the folder, once it was compared.
    pub files: Option<u64>,
    pub indexing: Indexing,
    pub status: Option<tanya_index::Status>,
}

impl Library {
    pub(in crate::tui) fn apply(&mut self, event: IngestEvent) {
        match event {
            IngestEvent::Scanned { files, .. } => self.files = Some(files),
            IngestEvent::Reading { path, done, total } => self.indexing = Indexing::Reading { path, done, total },
            IngestEvent::Embedding { done, total, seconds_left } => {
                self.indexing = Indexing::Embedding { done, total, seconds_left };
            }
            IngestEvent::Status(status) => self.status = Some(status),
            IngestEvent::Idle => self.indexing = Indexing::Idle,
            IngestEvent::ReadOnly { holder } => self.indexing = Indexing::ReadOnly { holder },
        }
    }

    /// Files in the folder, by the newest word on it.
    pub(in crate::tui) fn files(&self) -> Option<u64> {
        self.files.or(self.status.as_ref().map(|status| status.files))
    }
}

/// What is known of one model.
#[derive(Debug, Clone, PartialEq, Default)]
pub(in crate::tui) enum Model {
    #[default]
    Unknown,
    Pulling {
        name: String,
        done: u64,
        total: Option<u64>,
        bytes_per_second: f64,
        license: String,
    },
    Loading {
        name: String,
    },
    Ready {
        name: String,
        window: usize,
        backend: String,
    },
    Failed {
        name: String,
        report: Report,
    },
}

/// The two models.
#[derive(Debug, Clone, Default)]
pub(in crate::tui) struct Models {
    pub generator: Model,
    pub embedder: Model,
}

impl Models {
    /// Events name a model; the settings tell which of the two it is.
    pub(in crate::tui) fn apply(&mut self, event: ModelEvent, embedder: &str) {
        match event {
            ModelEvent::Ready { name, window, backend } => self.generator = Model::Ready { name, window, backend },
            ModelEvent::EmbedderReady { name } => {
                self.embedder = Model::Ready { name, window: 0, backend: String::new() };
            }
            ModelEvent::Pulling { name, done, total, bytes_per_second, license } => {
                let slot = self.slot(&name, embedder);
                *slot = Model::Pulling { name, done, total, bytes_per_second, license };
            }
            ModelEvent::Loading { name } => {
                let slot = self.slot(&name, embedder);
                *slot = Model::Loading { name };
            }
            ModelEvent::Failed { name, report } => {
                let slot = self.slot(&name, embedder);
                *slot = Model::Failed { name, report };
            }
        }
    }

    fn slot(&mut self, name: &str, embedder: &str) -> &mut Model {
        if name == embedder { &mut self.embedder } else { &mut self.generator }
    }
}
