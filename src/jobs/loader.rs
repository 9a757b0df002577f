//! The models thread: it fetches and opens what is wanted, and opens another when that changes.
//!
//! The generator comes first: a question can be answered by words alone, but not without it.

use std::sync::mpsc::{Receiver, SyncSender};

use anyhow::Result;
use tanya_engine::Cancel;
use tokio::sync::mpsc::Sender;

use super::event::{JobEvent, ModelEvent};
use super::indexing::Order;
use super::inference::{Work, contained};
use super::load::{OnDisk, READER_BASE, Supply};
use super::models::note;
use crate::models::PullEvent;
use crate::report::Report;

/// The models that the person chose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// The language model: catalogue name or path.
    pub model: String,
    /// The embedder: catalogue name or path.
    pub embedder: String,
    /// Whether passages are read with the question.
    pub reader: bool,
}

pub(super) struct Loader {
    pub(super) supply: Supply,
    pub(super) events: Sender<JobEvent>,
    pub(super) inference: SyncSender<Work>,
    pub(super) indexing: SyncSender<Order>,
    pub(super) cancel: Cancel,
}

impl Loader {
    /// Works until every sender of `inbox` is gone.
    pub(super) fn run(&self, inbox: &Receiver<Wanted>) {
        // What is in memory; what failed is tried again when it is wanted again.
        let mut generator: Option<String> = None;
        let mut embedder: Option<String> = None;
        let mut reader = false;
        while let Ok(wanted) = inbox.recv() {
            let names =
                [Some(wanted.model.as_str()), Some(wanted.embedder.as_str()), wanted.reader.then_some(READER_BASE)];
            let here = |name: &&str| matches!(self.supply.find(name), Ok(Some(_)));
            if names.iter().flatten().all(here) {
                let _ = self.inference.send(Work::Opening);
            }
            if generator.as_ref() != Some(&wanted.model) {
                match self.generator(&wanted.model) {
                    Ok(()) => generator = Some(wanted.model),
                    Err(report) => {
                        // A model that worked before goes on working.
                        if generator.is_none() {
                            let _ = self.inference.send(Work::NoGenerator(report.clone()));
                        }
                        self.tell(ModelEvent::Failed { name: wanted.model, report });
                    }
                }
            }
            if embedder.as_ref() != Some(&wanted.embedder) {
                match self.embedder(&wanted.embedder) {
                    Ok(()) => embedder = Some(wanted.embedder),
                    Err(report) => self.tell(ModelEvent::Failed { name: wanted.embedder, report }),
                }
            }
            if wanted.reader && !reader {
                match self.reader() {
                    Ok(()) => reader = true,
                    Err(report) => self.note(format!("answers go without the reader: {}", report.cause)),
                }
            }
            let _ = self.inference.send(Work::Opened);
        }
    }

    fn generator(&self, wanted: &str) -> Result<(), Report> {
        let report = |error: anyhow::Error| Report::new(&error);
        let found = self.obtain(wanted).map_err(report)?;
        self.tell(ModelEvent::Loading { name: found.name.clone() });
        let generator = contained(|| self.supply.generator(&found)).map_err(report)?;
        let info = generator.decoder().info();
        let ready = ModelEvent::Ready { name: found.name, window: info.window, backend: info.backend.clone() };
        // The inference thread ends only with the program.
        let _ = self.inference.send(Work::Generator(Box::new(generator)));
        self.tell(ready);
        Ok(())
    }

    fn embedder(&self, wanted: &str) -> Result<(), Report> {
        let report = |error: anyhow::Error| Report::new(&error);
        let found = self.obtain(wanted).map_err(report)?;
        let embedder = contained(|| self.supply.embedder(&found)).map_err(report)?;
        let order = Order::Embedder { id: embedder.id().to_owned(), dimension: embedder.dimension() };
        let _ = self.inference.send(Work::Embedder(embedder.into()));
        let _ = self.indexing.send(order);
        self.tell(ModelEvent::EmbedderReady { name: found.name });
        Ok(())
    }

    fn reader(&self) -> Result<(), Report> {
        let report = |error: anyhow::Error| Report::new(&error);
        let base = self.obtain(READER_BASE).map_err(report)?;
        let reader = contained(|| self.supply.reader(&base)).map_err(report)?;
        let _ = self.inference.send(Work::Reader(Box::new(reader)));
        Ok(())
    }

    fn obtain(&self, wanted: &str) -> Result<OnDisk> {
        let mut license = String::new();
        self.supply.obtain(wanted, &self.cancel, &mut |event| match event {
            PullEvent::LicenseNotice { license: name, .. } => license = name,
            PullEvent::Progress { done, total, bytes_per_second, .. } => self.tell(ModelEvent::Pulling {
                name: wanted.to_owned(),
                done,
                total,
                bytes_per_second,
                license: license.clone(),
            }),
            other => {
                if let Some(line) = note(wanted, &other) {
                    self.note(line);
                }
            }
        })
    }

    fn tell(&self, event: ModelEvent) {
        self.send(JobEvent::Model(event));
    }

    fn note(&self, line: String) {
        self.send(JobEvent::Notice(line));
    }

    /// A screen that is gone ends the work.
    fn send(&self, event: JobEvent) {
        if self.events.blocking_send(event).is_err() {
            self.cancel.cancel();
        }
    }
}
