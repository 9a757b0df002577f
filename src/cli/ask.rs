//! `tanya ask`: one question, or a batch of them.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};
use tanya_engine::{Cancel, Embedder, Reader};
use tanya_index::{Library, Mode, Query};

use super::batch::Batch;
use super::library::{Freshness, PATIENCE};
use super::progress::Progress;
use super::{App, REFUSED, output};
use crate::answer::{
    self, Answer, AnswerEvent, Exchange, Finders, LocalGenerator, Memory, OutputFilter, PairReader, Prompts, Reading,
    Request, SearchQuery, TextEmbedder, Utterance, WhenRefused,
};

/// Arguments of `tanya ask`.
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Questions about everything (list all …, how many notes mention …, compare … and …, summarize this folder, summarize FILE) are answered by
reading every section, not the best few passages; path:, ext:, tag:, after: and before: narrow them down.

Exit code 3 means: the documents do not hold the answer.")]
pub(super) struct Args {
    /// The folder to ask
    #[arg(long, default_value = ".", value_hint = clap::ValueHint::DirPath)]
    folder: PathBuf,
    /// Print one JSON object an answer
    #[arg(long)]
    json: bool,
    /// Read questions from a file, one JSON object a line: {"id","question","history":[{"role","text"}]?}
    #[arg(long, value_name = "FILE.jsonl", requires = "json", conflicts_with = "question")]
    batch: Option<PathBuf>,
    /// Use the library as it is, without comparing the folder first
    #[arg(long)]
    no_update: bool,
    /// Ask the model even when the documents do not hold the answer; its words are marked as such
    #[arg(long)]
    anyway: bool,
    /// Read the whole folder for the question, even where its words do not ask for everything
    #[arg(long, conflicts_with = "no_whole")]
    whole: bool,
    /// Answer from the best passages, even where the question asks for everything
    #[arg(long)]
    no_whole: bool,
    /// The question
    #[arg(required_unless_present = "batch", num_args = 1..)]
    question: Vec<String>,
}

/// A line of a batch.
#[derive(Deserialize)]
struct Line {
    question: String,
    #[serde(default)]
    history: Vec<Utterance>,
}

#[derive(Serialize)]
struct Answered {
    id: serde_json::Value,
    #[serde(flatten)]
    answer: Answer,
}

/// Everything a question needs. The model is fetched and opened for the first question that needs one.
pub(super) struct Desk<'a> {
    app: &'a App,
    pub(super) library: Library,
    embedder: Option<Embedder>,
    reader: Option<Reader>,
    prompts: Prompts,
    generator: Option<LocalGenerator>,
    memory: Memory,
    pub(super) filter: Arc<OutputFilter>,
}

impl Args {
    fn reading(&self) -> Reading {
        match (self.whole, self.no_whole) {
            (true, _) => Reading::Everything,
            (_, true) => Reading::BestPassages,
            _ => Reading::AsAsked,
        }
    }
}

pub(super) fn run(app: &App, args: &Args) -> Result<ExitCode> {
    let batch = args.batch.as_deref().map(Batch::open).transpose()?;
    let mut progress = Progress::new();
    // A batch is worth waiting for; a person is not kept waiting for vectors.
    let patience = batch.is_none().then_some(PATIENCE);
    let mut desk = Desk::open(app, &args.folder, args.no_update, patience, &mut progress)?;
    let when_refused = if args.anyway { WhenRefused::AskModel } else { WhenRefused::Say };
    let Some(batch) = batch else {
        let request = Request::new(&args.question.join(" "), Vec::new(), &app.settings, &desk.filter, when_refused);
        return one(&mut desk, Request { reading: args.reading(), ..request }, args.json);
    };
    batch.run(|id, line: Line| {
        let request =
            Request::new(&line.question, Exchange::pairs(line.history), &app.settings, &desk.filter, when_refused);
        let request = Request { reading: args.reading(), ..request };
        Ok(Answered { id: id.clone(), answer: desk.answer(request, &mut |_| {})? })
    })?;
    Ok(ExitCode::SUCCESS)
}

impl<'a> Desk<'a> {
    /// Opens all for the folder at `path`, embedding what is new for at most `patience`.
    pub(super) fn open(
        app: &'a App,
        path: &Path,
        as_is: bool,
        patience: Option<Duration>,
        progress: &mut Progress,
    ) -> Result<Self> {
        let freshness = if as_is { Freshness::AsIs } else { Freshness::Update };
        let mut opened = app.library(path, freshness, progress)?;
        let embedder = app.embedder(progress);
        if let Some(embedder) = &embedder {
            opened.embed(embedder, patience, progress)?;
        }
        let reader = app.settings.reader.then(|| app.reader(progress)).flatten();
        progress.clear();
        let prompts = Prompts::load(Some(&app.places.prompts()))?;
        // The writer's lock is free from here on: asking only reads.
        drop(opened.writer);
        let filter = Arc::new(OutputFilter::load(&app.settings)?);
        let library = opened.library;
        Ok(Self { app, library, embedder, reader, prompts, generator: None, memory: Memory::default(), filter })
    }

    /// The texts of the passages that are nearest to a text.
    pub(super) fn search(&self, text: &str, limit: usize) -> Result<Vec<String>> {
        let snapshot = self.library.snapshot().context("cannot read the library")?;
        let embedder = self.embedder.as_ref().map(|embedder| embedder as &dyn TextEmbedder);
        let mode = if embedder.is_some() { Mode::Hybrid } else { Mode::Lexical };
        let how = Query { mode, limit, ..Query::default() };
        let found = answer::search(&snapshot, &SearchQuery::new(text, &[]), embedder, &how, &Cancel::default())?;
        Ok(found.hits.into_iter().map(|hit| hit.chunk.text).collect())
    }

    /// Opens the language model now, and not for the first question that needs it.
    pub(super) fn warm(&mut self) -> Result<()> {
        if self.generator.is_none() {
            self.generator = Some(self.app.generator()?);
        }
        Ok(())
    }

    pub(super) fn answer(&mut self, request: Request, sink: &mut dyn FnMut(AnswerEvent)) -> Result<Answer> {
        let snapshot = self.library.snapshot().context("cannot read the library")?;
        let finders = Finders {
            embedder: self.embedder.as_ref().map(|embedder| embedder as &dyn TextEmbedder),
            reader: self.reader.as_ref().map(|reader| reader as &dyn PairReader),
        };
        let cancel = Cancel::default();
        let prepared = answer::begin(request, &snapshot, finders, &mut self.memory, &cancel, sink)?;
        if !prepared.needs_model() {
            return Ok(answer::conclude(prepared, &self.app.settings.model, sink));
        }
        let generator = match &mut self.generator {
            Some(generator) => generator,
            missing => missing.insert(self.app.generator()?),
        };
        answer::complete(prepared, &snapshot, generator, &self.prompts, &cancel, sink)
    }
}

fn one(desk: &mut Desk<'_>, request: Request, json: bool) -> Result<ExitCode> {
    let streams = !json && output::is_watched();
    let mut broken = None;
    let mut streamed = String::new();
    let mut reading: Option<Progress> = None;
    let answer = desk.answer(request, &mut |event| {
        if let AnswerEvent::Reading { done, total, seconds_left } = event {
            reading.get_or_insert_with(Progress::new).sections(done, total, seconds_left);
            return;
        }
        reading = None;
        if let AnswerEvent::Text(piece) = event
            && streams
        {
            let piece = output::shown(&piece);
            streamed.push_str(&piece);
            if let Err(error) = output::piece(&piece) {
                broken.get_or_insert(error);
            }
        }
    })?;
    if let Some(error) = broken {
        return Err(error);
    }
    let code = if answer.abstained { ExitCode::from(REFUSED) } else { ExitCode::SUCCESS };
    if json {
        output::json(&Answered { id: serde_json::Value::Null, answer })?;
    } else {
        // What was streamed makes room for the checked text, which says where each sentence comes from.
        output::erase(&streamed)?;
        output::line(&output::shown(&answer.answer))?;
        print_sources(&answer)?;
    }
    Ok(code)
}

/// What was checked: sentences that no source supports, then the citations of an answer, or the closest passages of a refusal.
fn print_sources(answer: &Answer) -> Result<()> {
    if let Some(reason) = answer.reason.as_deref().or(answer.beyond_remark()) {
        output::line(&output::shown(reason))?;
    }
    for remark in [answer.within_remark(), answer.disagreement_remark(), answer.filter_remark()].into_iter().flatten() {
        output::line(&output::shown(&remark))?;
    }
    for sentence in answer.sentences.iter().filter(|_| answer.reason.is_none() && !answer.beyond_documents) {
        if let Some(doubt) = sentence.verdict.doubt() {
            let words = answer.answer[sentence.start..sentence.end].split_whitespace().collect::<Vec<_>>().join(" ");
            output::line(&output::shown(&format!("{doubt} in your documents: {words}")))?;
        }
    }
    output::line("")?;
    for citation in &answer.citations {
        if answer.whole.is_some() {
            // What stands there is the line above that cites it.
            let place = output::place(&citation.path, citation.page, citation.start_line, citation.end_line);
            output::line(&output::shown(&format!("[{}] {place}", citation.n)))?;
            continue;
        }
        let place = output::place(&citation.path, citation.page, citation.start_line, citation.end_line);
        let quote = citation.words().split_whitespace().collect::<Vec<_>>().join(" ");
        output::line(&output::shown(&format!("[{}] {place}\n    {quote}", citation.n)))?;
    }
    for source in &answer.sources {
        for mark in &source.marks {
            output::line(&output::shown(&format!("! [{}] {} {}", source.n, source.path, mark.words())))?;
        }
    }
    if answer.citations.is_empty() && (answer.whole.is_none() || !answer.sources.is_empty()) {
        output::line(if answer.abstained {
            "Closest passages:"
        } else {
            "No sentence is supported word by word. Passages read:"
        })?;
        for source in &answer.sources {
            output::line(&output::shown(&format!("  {}  {}", output::source_place(source), source.heading)))?;
        }
    }
    Ok(())
}
