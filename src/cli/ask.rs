//! `tanya ask`: one question, or a batch of them.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};
use tanya_engine::{Cancel, Embedder, Reader};
use tanya_index::Library;

use super::batch::Batch;
use super::library::{Freshness, PATIENCE};
use super::progress::Progress;
use super::{App, REFUSED, output};
use crate::answer::{
    self, Answer, AnswerEvent, Exchange, Finders, LocalGenerator, OutputFilter, PairReader, Prompts, Request,
    TextEmbedder, Verdict, WhenRefused,
};

/// Arguments of `tanya ask`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Exit code 3 means: the documents do not hold the answer.")]
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
    /// The question
    #[arg(required_unless_present = "batch", num_args = 1..)]
    question: Vec<String>,
}

/// A line of a batch.
#[derive(Deserialize)]
struct Line {
    question: String,
    #[serde(default)]
    history: Vec<Said>,
}

#[derive(Deserialize)]
struct Said {
    role: Speaker,
    text: String,
}

#[derive(Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Speaker {
    User,
    Assistant,
}

#[derive(Serialize)]
struct Answered {
    id: serde_json::Value,
    #[serde(flatten)]
    answer: Answer,
}

/// Everything a question needs. The model is fetched and opened for the first question that needs one.
struct Desk<'a> {
    app: &'a App,
    library: Library,
    embedder: Option<Embedder>,
    reader: Option<Reader>,
    prompts: Prompts,
    generator: Option<LocalGenerator>,
    filter: Arc<OutputFilter>,
}

pub(super) fn run(app: &App, args: &Args) -> Result<ExitCode> {
    let batch = args.batch.as_deref().map(Batch::open).transpose()?;
    let filter = Arc::new(OutputFilter::load(&app.settings)?);
    let mut progress = Progress::new();
    let freshness = if args.no_update { Freshness::AsIs } else { Freshness::Update };
    let mut opened = app.library(&args.folder, freshness, &mut progress)?;
    let embedder = app.embedder(&mut progress);
    if let Some(embedder) = &embedder {
        // A batch is worth waiting for; a person is not kept waiting for vectors.
        let patience = batch.is_none().then_some(PATIENCE);
        opened.embed(embedder, patience, &progress)?;
    }
    let reader = app.settings.reader.then(|| app.reader(&mut progress)).flatten();
    progress.clear();
    let prompts = Prompts::load(Some(&app.places.prompts()))?;
    // The writer's lock is free from here on: asking only reads.
    drop(opened.writer);
    let mut desk = Desk { app, library: opened.library, embedder, reader, prompts, generator: None, filter };
    let when_refused = if args.anyway { WhenRefused::AskModel } else { WhenRefused::Say };
    let Some(batch) = batch else {
        return one(&mut desk, &args.question.join(" "), when_refused, args.json);
    };
    batch.run(|id, line: Line| {
        let request = Request::new(&line.question, exchanges(line.history), &app.settings, &desk.filter, when_refused);
        Ok(Answered { id: id.clone(), answer: desk.answer(request, &mut |_| {})? })
    })?;
    Ok(ExitCode::SUCCESS)
}

impl Desk<'_> {
    fn answer(&mut self, request: Request, sink: &mut dyn FnMut(AnswerEvent)) -> Result<Answer> {
        let snapshot = self.library.snapshot().context("cannot read the library")?;
        let finders = Finders {
            embedder: self.embedder.as_ref().map(|embedder| embedder as &dyn TextEmbedder),
            reader: self.reader.as_ref().map(|reader| reader as &dyn PairReader),
        };
        let cancel = Cancel::default();
        let prepared = answer::prepare(request, &snapshot, finders, &cancel, sink)?;
        if !prepared.needs_model() {
            return Ok(answer::conclude(prepared, &snapshot, &self.app.settings.model, sink));
        }
        let generator = match &mut self.generator {
            Some(generator) => generator,
            missing => missing.insert(self.app.generator()?),
        };
        answer::complete(prepared, &snapshot, generator, &self.prompts, &cancel, sink)
    }
}

fn one(desk: &mut Desk<'_>, question: &str, when_refused: WhenRefused, json: bool) -> Result<ExitCode> {
    let request = Request::new(question, Vec::new(), &desk.app.settings, &desk.filter, when_refused);
    let streams = !json && output::is_watched();
    let mut broken = None;
    let mut streamed = String::new();
    let answer = desk.answer(request, &mut |event| {
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
    if let Some(remark) = answer.filter_remark() {
        output::line(&output::shown(&remark))?;
    }
    let unsupported = answer.sentences.iter().filter(|sentence| sentence.verdict == Verdict::NotFound);
    for sentence in unsupported.filter(|_| answer.reason.is_none() && !answer.beyond_documents) {
        let words = answer.answer[sentence.start..sentence.end].split_whitespace().collect::<Vec<_>>().join(" ");
        output::line(&output::shown(&format!("not in your documents: {words}")))?;
    }
    output::line("")?;
    for citation in &answer.citations {
        let place = output::place(&citation.path, citation.page, citation.start_line, citation.end_line);
        let quote = citation.text.split_whitespace().collect::<Vec<_>>().join(" ");
        output::line(&output::shown(&format!("[{}] {place}\n    {quote}", citation.n)))?;
    }
    if answer.citations.is_empty() {
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

/// Pairs what was said into exchanges; an answer without a question is passed over.
fn exchanges(said: Vec<Said>) -> Vec<Exchange> {
    let mut exchanges: Vec<Exchange> = Vec::new();
    for Said { role, text } in said {
        match role {
            Speaker::User => exchanges.push(Exchange::new(text, "")),
            Speaker::Assistant => {
                if let Some(last) = exchanges.last_mut() {
                    *last = Exchange::new(std::mem::take(&mut last.question), &text);
                }
            }
        }
    }
    exchanges
}
