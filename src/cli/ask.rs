//! `tanya ask`: one question, or a batch of them.

use std::io::BufRead as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};
use tanya_engine::{Cancel, Embedder};
use tanya_index::Library;

use super::library::{Freshness, PATIENCE};
use super::progress::Progress;
use super::{App, REFUSED, output};
use crate::answer::{
    self, Answer, AnswerEvent, Exchange, LocalGenerator, Models, Prompts, Request, TextEmbedder, WhenRefused,
};
use crate::report::Report;

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
    id: serde_json::Value,
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
struct Answered<'a> {
    id: &'a serde_json::Value,
    #[serde(flatten)]
    answer: &'a Answer,
}

/// A line of a batch that failed.
#[derive(Serialize)]
pub(super) struct Failed {
    pub(super) id: serde_json::Value,
    pub(super) error: String,
}

/// Everything a question needs.
struct Desk {
    library: Library,
    generator: LocalGenerator,
    embedder: Option<Embedder>,
    prompts: Prompts,
}

pub(super) fn run(app: &App, args: &Args) -> Result<ExitCode> {
    let mut progress = Progress::new();
    let freshness = if args.no_update { Freshness::AsIs } else { Freshness::Update };
    let mut opened = app.library(&args.folder, freshness, &mut progress)?;
    let model = &app.settings.model;
    let found = app.supply.obtain(model, &Cancel::default(), &mut |event| progress.pull(model, event))?;
    let generator = app.supply.generator(&found)?;
    let embedder = app.embedder(&mut progress);
    if let Some(embedder) = &embedder {
        // A batch is worth waiting for; a person is not kept waiting for vectors.
        let patience = args.batch.is_none().then_some(PATIENCE);
        opened.embed(embedder, patience, &progress)?;
    }
    progress.clear();
    let prompts = Prompts::load(Some(&app.places.prompts()))?;
    let mut desk = Desk { library: opened.library, generator, embedder, prompts };
    // The writer's lock is free from here on: asking only reads.
    drop(opened.writer);
    let when_refused = if args.anyway { WhenRefused::AskModel } else { WhenRefused::Say };
    match &args.batch {
        Some(file) => batch(app, &mut desk, file, when_refused),
        None => one(app, &mut desk, &args.question.join(" "), when_refused, args.json),
    }
}

impl Desk {
    fn answer(&mut self, request: Request, sink: &mut dyn FnMut(AnswerEvent)) -> Result<Answer> {
        let snapshot = self.library.snapshot().context("cannot read the library")?;
        let embedder = self.embedder.as_ref().map(|embedder| embedder as &dyn TextEmbedder);
        let mut models = Models { generator: &mut self.generator, embedder };
        answer::answer(request, &snapshot, &mut models, &self.prompts, &Cancel::default(), sink)
    }
}

fn one(app: &App, desk: &mut Desk, question: &str, when_refused: WhenRefused, json: bool) -> Result<ExitCode> {
    let request = Request::new(question, Vec::new(), &app.settings, when_refused);
    let streams = !json && output::is_watched();
    let mut broken = None;
    let answer = desk.answer(request, &mut |event| {
        if let AnswerEvent::Text(piece) = event
            && streams
            && let Err(error) = output::piece(&output::shown(&piece))
        {
            broken.get_or_insert(error);
        }
    })?;
    if let Some(error) = broken {
        return Err(error);
    }
    if json {
        output::json(&Answered { id: &serde_json::Value::Null, answer: &answer })?;
    } else {
        // What was streamed stands there already; its citations follow.
        let streamed = streams && answer.generated_tokens > 0;
        output::line(if streamed { "" } else { &answer.answer })?;
        print_sources(&answer)?;
    }
    Ok(if answer.abstained { ExitCode::from(REFUSED) } else { ExitCode::SUCCESS })
}

/// The citations of an answer, or the closest passages of a refusal.
fn print_sources(answer: &Answer) -> Result<()> {
    if let Some(reason) = &answer.reason {
        output::line(&output::shown(reason))?;
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

fn batch(app: &App, desk: &mut Desk, file: &std::path::Path, when_refused: WhenRefused) -> Result<ExitCode> {
    for line in lines(file)? {
        let line = line?;
        if line.trim().is_empty() {
            continue;
        }
        match serde_json::from_str::<Line>(&line) {
            Ok(line) => {
                let request = Request::new(&line.question, exchanges(line.history), &app.settings, when_refused);
                match desk.answer(request, &mut |_| {}) {
                    Ok(answer) => output::json(&Answered { id: &line.id, answer: &answer })?,
                    Err(error) => output::json(&Failed { id: line.id, error: Report::new(&error).cause })?,
                }
            }
            Err(error) => output::json(&failed_line(&line, &error))?,
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The lines of a batch file; `-` is standard input.
pub(super) fn lines(file: &std::path::Path) -> Result<Box<dyn Iterator<Item = Result<String>>>> {
    let shown = file.display().to_string();
    let reader: Box<dyn std::io::BufRead> = if shown == "-" {
        Box::new(std::io::BufReader::new(std::io::stdin()))
    } else {
        let file = std::fs::File::open(file).with_context(|| format!("{shown}: cannot open the batch"))?;
        Box::new(std::io::BufReader::new(file))
    };
    Ok(Box::new(reader.lines().map(move |line| line.with_context(|| format!("{shown}: cannot read the batch")))))
}

/// What is said of a line that is not understood: its id, if it has one.
pub(super) fn failed_line(line: &str, error: &serde_json::Error) -> Failed {
    let id = serde_json::from_str::<serde_json::Value>(line).ok().and_then(|value| value.get("id").cloned());
    Failed { id: id.unwrap_or_default(), error: format!("not a valid line: {error}") }
}

/// Pairs what was said into exchanges; an answer without a question is passed over.
fn exchanges(said: Vec<Said>) -> Vec<Exchange> {
    let mut exchanges: Vec<Exchange> = Vec::new();
    for Said { role, text } in said {
        match role {
            Speaker::User => exchanges.push(Exchange { question: text, answer: String::new() }),
            Speaker::Assistant => {
                if let Some(last) = exchanges.last_mut() {
                    last.answer = text;
                }
            }
        }
    }
    exchanges
}
