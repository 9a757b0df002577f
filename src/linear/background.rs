//! What is known of the folder and of the model, and what is said of them.

use std::time::Duration;

use super::session::{Act, Audience, Session};
use super::speech;
use crate::jobs::{IngestEvent, ModelEvent};
use crate::report::Report;

/// How long a pipe waits for vectors once all words are read, as `tanya ask` does.
const PATIENCE: Duration = Duration::from_secs(15);

/// Whether the folder is read far enough for a pipe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Readiness {
    #[default]
    Reading,
    /// Words are searchable; vectors have until then.
    Embedding(Duration),
    Ready,
}

/// The language model, as far as events told.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Model {
    Unknown,
    /// Being fetched: percent.
    Pulling(Option<u64>),
    Loading,
    Ready {
        name: String,
        window: usize,
        backend: String,
    },
    Failed(Report),
}

/// The library of the folder.
#[derive(Debug, Default)]
pub(super) struct Library {
    pub(super) readiness: Readiness,
    /// Counts, as they were told last.
    status: Option<tanya_index::Status>,
    /// There will be no more vectors than there are.
    embedder_failed: bool,
    /// The person knows that the folder is read.
    told: bool,
}

impl Session {
    pub(super) fn ingest(&mut self, event: IngestEvent) -> Vec<Act> {
        match event {
            IngestEvent::Status(status) => self.library.status = Some(status),
            IngestEvent::Idle | IngestEvent::ReadOnly { .. } => {
                let embedded = self.library.status.as_ref().is_some_and(|status| status.embedded >= status.chunks);
                self.library.readiness = match self.library.readiness {
                    _ if embedded || self.library.embedder_failed => Readiness::Ready,
                    Readiness::Reading => Readiness::Embedding(self.clock + PATIENCE),
                    other => other,
                };
                if self.audience == Audience::Person && !std::mem::replace(&mut self.library.told, true) {
                    return self.remark(Act::Note(self.read()));
                }
            }
            IngestEvent::Scanned { .. } | IngestEvent::Reading { .. } | IngestEvent::Embedding { .. } => {}
        }
        Vec::new()
    }

    fn read(&self) -> String {
        let Some(status) = &self.library.status else { return "the folder is read".into() };
        let (files, passages) =
            (speech::counted(status.files, "file", "files"), speech::counted(status.chunks, "passage", "passages"));
        match status.failed {
            0 => format!("the folder is read: {files}, {passages}"),
            failed => format!("the folder is read: {files}, {passages}; not readable: {failed}"),
        }
    }

    pub(super) fn model(&mut self, event: ModelEvent) -> Vec<Act> {
        match event {
            ModelEvent::Ready { name, window, backend } => self.model = Model::Ready { name, window, backend },
            ModelEvent::Failed { name, report } if name == self.settings.embedder => {
                self.library.embedder_failed = true;
                if matches!(self.library.readiness, Readiness::Embedding(_)) {
                    self.library.readiness = Readiness::Ready;
                }
                return self.remark(Act::Complain(report));
            }
            // The question that needs it says why it failed.
            ModelEvent::Failed { report, .. } => self.model = Model::Failed(report),
            ModelEvent::Loading { name } if name != self.settings.embedder => self.model = Model::Loading,
            ModelEvent::Pulling { name, done, total, .. } if name != self.settings.embedder => {
                let percent = total.filter(|total| *total > 0).map(|total| done.saturating_mul(100) / total);
                let told = match self.model {
                    Model::Pulling(told) => told,
                    _ => None,
                };
                // A line each tenth, and only to somebody who waits for it.
                let next = percent.is_some_and(|percent| percent / 10 > told.unwrap_or(0) / 10);
                self.model = Model::Pulling(percent);
                if let (true, true, Some(percent)) = (next, self.running.is_some(), percent)
                    && self.audience == Audience::Person
                {
                    return vec![Act::Say(format!("The model arrives: {percent} percent."))];
                }
            }
            ModelEvent::EmbedderReady { .. } | ModelEvent::Loading { .. } | ModelEvent::Pulling { .. } => {}
        }
        Vec::new()
    }
}
