//! A folder's library, brought up to date as far as a command wants it.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use tanya_engine::{Cancel, EmbedKind, Embedder, Reader};
use tanya_index::{Library, Options, Writer};

use super::progress::Progress;
use super::{App, output};
use crate::answer::{LocalGenerator, TextEmbedder};
use crate::config::Settings;
use crate::ingest::{self, IngestOptions, OcrOptions, Summary};
use crate::jobs::{Batch, Filled, READER_BASE, Until, fill};
use crate::places::Folder;

/// How long a single question waits for vectors of what is new: by words it can be answered at once.
pub(super) const PATIENCE: Duration = Duration::from_secs(15);

/// Whether the folder is compared with its library first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Freshness {
    /// Bring it up to date.
    Update,
    /// Use what is there.
    AsIs,
}

/// An open library and, where this process may write it, its writer.
pub(super) struct Opened {
    pub(super) library: Library,
    pub(super) writer: Option<Writer>,
    pub(super) summary: Option<Summary>,
}

/// How a folder is read by these settings.
pub(super) fn ingest_options(settings: &Settings) -> IngestOptions {
    let ocr = if settings.ocr { OcrOptions::wanted(&settings.ocr_language) } else { OcrOptions::default() };
    IngestOptions { ocr, ..IngestOptions::default() }
}

impl App {
    /// Opens the library of the folder at `path`.
    pub(super) fn library(&self, path: &Path, freshness: Freshness, progress: &mut Progress) -> Result<Opened> {
        let folder = Folder::open(path)?;
        let options = Options { vectors: self.settings.vectors };
        let library = Library::open_with(&self.places.library(&folder), &options)
            .with_context(|| format!("{}: cannot open its library", folder.display()))?;
        for notice in library.notices() {
            progress.say(notice.clone());
        }
        if freshness == Freshness::AsIs {
            return Ok(Opened { library, writer: None, summary: None });
        }
        let mut writer = match library.writer() {
            Ok(writer) => writer,
            Err(tanya_index::Error::Locked { holder }) => {
                let who = holder.map(|pid| format!(" (process {pid})")).unwrap_or_default();
                progress.say(format!("another tanya{who} is indexing this folder; using what it has so far"));
                return Ok(Opened { library, writer: None, summary: None });
            }
            Err(error) => return Err(error).context("cannot write the library"),
        };
        let summary = ingest::update(
            folder.path(),
            &library,
            &mut writer,
            &ingest_options(&self.settings),
            &Cancel::default(),
            &mut |event| {
                if let ingest::Progress::File { path, done, total } = event {
                    progress.files(&path, done, total);
                }
            },
        )?;
        Ok(Opened { library, writer: Some(writer), summary: Some(summary) })
    }

    /// The language model, fetched if need be.
    pub(super) fn generator(&self) -> Result<LocalGenerator> {
        let name = &self.settings.model;
        let mut progress = Progress::new();
        let found = self.supply.obtain(name, &Cancel::default(), &mut |event| progress.pull(name, event))?;
        self.supply.generator(&found)
    }

    /// The embedder, fetched if need be. Without one the search goes by words alone, and that is said.
    pub(super) fn embedder(&self, progress: &mut Progress) -> Option<Embedder> {
        let name = &self.settings.embedder;
        let opened = self
            .supply
            .obtain(name, &Cancel::default(), &mut |event| progress.pull(name, event))
            .and_then(|found| self.supply.embedder(&found));
        match opened {
            Ok(embedder) => Some(embedder),
            Err(error) => {
                output::report(&crate::report::Report::new(&error));
                output::note("searching by words alone");
                None
            }
        }
    }

    /// The reader, its base model fetched if need be. Without one answers are the generator's, and that is said.
    pub(super) fn reader(&self, progress: &mut Progress) -> Option<Reader> {
        let opened = self
            .supply
            .obtain(READER_BASE, &Cancel::default(), &mut |event| progress.pull(READER_BASE, event))
            .and_then(|base| self.supply.reader(&base));
        match opened {
            Ok(reader) => Some(reader),
            Err(error) => {
                output::note(&format!("without the reader: {}", crate::report::Report::new(&error).cause));
                None
            }
        }
    }
}

impl Opened {
    /// Embeds what has no vector yet, for at most `patience`, where this process may write.
    pub(super) fn embed(&mut self, embedder: &Embedder, patience: Option<Duration>, progress: &Progress) -> Result<()> {
        let Some(mut writer) = self.writer.take() else { return self.tell_of_other_vectors(embedder) };
        self.embed_with(&mut writer, embedder, patience, progress)
    }

    /// Says so when the library's vectors come from another model: a search with this one goes by words.
    fn tell_of_other_vectors(&self, embedder: &Embedder) -> Result<()> {
        let selected = self.library.status().context("cannot read the library")?.embedder;
        if let Some(other) = selected.filter(|selected| selected != embedder.id()) {
            output::note(&format!(
                "the library's vectors come from {other}, not from {}: searching by words alone (tanya index embeds anew)",
                embedder.id()
            ));
        }
        Ok(())
    }

    /// Embeds what has no vector yet through `writer`, for at most `patience`.
    pub(super) fn embed_with(
        &self,
        writer: &mut Writer,
        embedder: &Embedder,
        patience: Option<Duration>,
        progress: &Progress,
    ) -> Result<()> {
        writer.set_embedder(embedder.id(), embedder.dimension()).context("cannot select the embedder")?;
        let until = Until { deadline: patience.map(|patience| Instant::now() + patience) };
        let cancel = Cancel::default();
        let mut embed = |texts: &[&str]| {
            let vectors = TextEmbedder::embed(embedder, EmbedKind::Passage, texts, &cancel)?;
            Ok(Batch::Vectors(vectors))
        };
        let mut tell = |filled| progress.embedding(filled);
        let filled: Filled = fill(&self.library, writer, embedder.id(), until, &cancel, &mut embed, &mut tell)?;
        if filled.done < filled.total {
            output::note(&format!(
                "{} of {} passages are embedded so far; the others are found by words (tanya index embeds the rest)",
                filled.done, filled.total
            ));
        }
        Ok(())
    }
}
