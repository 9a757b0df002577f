//! `tanya eval --planted`: how many planted errors the check of answers marks, and how much that is true.

use std::process::ExitCode;

use anyhow::{Context as _, Result, anyhow};
use serde::Serialize;
use tanya_index::{Chunk, Snapshot};

use super::{App, Args, output};
use crate::answer::{self, Sentence, Source, Verdict};
use crate::cli::library::Freshness;
use crate::cli::progress::Progress;
use crate::eval::planted::{Around, Kind, Planted, claims, plant};
use crate::eval::{self, Figure, Share, Shares};
use crate::report::Hinting as _;

/// Passages from which foreign names are taken.
const ELSEWHERE: usize = 4;

/// Of all errors but those that only move what the passages say, the share that is marked.
const MARKED: &str = "planted errors that are marked";
const PRECISION: &str = "marked sentences that are wrong";
const ALARMS: &str = "true sentences that are marked";

#[derive(Serialize)]
struct Report {
    sentences: usize,
    figures: Vec<Figure>,
}

pub(super) fn run(app: &App, args: &Args) -> Result<ExitCode> {
    let mut progress = Progress::new();
    let freshness = if args.no_update { Freshness::AsIs } else { Freshness::Update };
    let library = app.library(&args.folder, freshness, &mut progress)?.library;
    progress.clear();
    let snapshot = library.snapshot().context("cannot read the library")?;
    let chunks = snapshot.sample(args.count * 4).context("cannot read the library")?;
    let mut rows: Vec<Shares> = Vec::new();
    for (number, chunk) in chunks.iter().enumerate() {
        if rows.len() >= args.count {
            break;
        }
        // One sentence a passage: not the same one of all.
        let sentences = claims(&chunk.text);
        let Some(sentence) = sentences.get(number % sentences.len().max(1)) else { continue };
        progress.files(sentence, rows.len() as u64, args.count as u64);
        let elsewhere =
            (1..=ELSEWHERE).map(|step| chunks[(number + step) % chunks.len()].text.as_str()).collect::<Vec<_>>();
        rows.extend(row(sentence, chunk, &elsewhere, number as u64, &snapshot, args.verbose)?);
    }
    progress.clear();
    if rows.is_empty() {
        return Err(anyhow!("{}: no passage holds a sentence to plant an error into", args.folder.display()))
            .hint("give a folder with some pages of prose");
    }
    let report = Report { sentences: rows.len(), figures: eval::figures(&rows) };
    if args.json {
        output::json(&report)?;
    } else {
        print(&report)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// What becomes of one sentence and of all that is made of it; nothing where the search does not find its passage.
fn row(
    sentence: &str,
    chunk: &Chunk,
    elsewhere: &[&str],
    seed: u64,
    snapshot: &Snapshot,
    verbose: bool,
) -> Result<Option<Shares>> {
    let sources = answer::sources(sentence, snapshot)?;
    let is_home = |source: &Source| source.path == chunk.path && source.start_line == chunk.span.start_line;
    if !sources.iter().any(is_home) {
        return Ok(None);
    }
    let at_hand: Vec<&str> =
        sources.iter().flat_map(|source| [source.text.as_str(), source.heading.as_str()]).collect();
    let around = Around { at_hand: &at_hand, elsewhere };
    let mut shares = Shares::new();
    let (mut wrong, mut caught, mut alarms, mut fine) = (0, 0, 0, 0);
    for Planted { kind, text } in plant(sentence, &chunk.text, around, seed) {
        let checked = answer::check(&text, &sources, snapshot);
        let marked = !checked.is_empty() && checked.iter().any(|one| one.verdict != Verdict::Supported);
        if verbose && marked != kind.is_error() {
            output::note(&format!("{}: {text}\n    of: {sentence}", kind.name()));
        }
        let count = u32::from(marked);
        shares.push((kind.name(), Share { of: count.into(), all: 1.0 }));
        if !kind.is_error() {
            (alarms, fine) = (alarms + count, fine + 1);
        } else if !matches!(kind, Kind::BorrowedNumber | Kind::BorrowedName) {
            (caught, wrong) = (caught + count, wrong + 1);
        }
    }
    shares.push((MARKED, Share { of: caught.into(), all: wrong.into() }));
    shares.push((PRECISION, Share { of: caught.into(), all: (caught + alarms).into() }));
    shares.push((ALARMS, Share { of: alarms.into(), all: fine.into() }));
    if let Some(right) = put_right(sentence, &sources, snapshot) {
        shares.push((Kind::WrongCitation.name(), Share { of: u32::from(right).into(), all: 1.0 }));
    }
    Ok(Some(shares))
}

/// Whether a true sentence that names a passage without it ends up with one that has it; `None` where all have it.
fn put_right(sentence: &str, sources: &[Source], snapshot: &Snapshot) -> Option<bool> {
    let holds = |source: &Source| source.text.split_whitespace().collect::<Vec<_>>().join(" ").contains(sentence);
    let other = sources.iter().find(|source| !holds(source))?;
    let checked = answer::check(&format!("{sentence} [{}]", other.n), sources, snapshot);
    let cites = |one: &Sentence| sources.iter().any(|source| one.citations.contains(&source.n) && holds(source));
    Some(checked.iter().all(cites))
}

fn print(report: &Report) -> Result<()> {
    let show = |names: &mut dyn Iterator<Item = &'static str>| -> Result<()> {
        for name in names {
            let Some(figure) = report.figures.iter().find(|figure| figure.name == name) else { continue };
            let Figure { value, interval: (low, high), questions, .. } = figure;
            output::line(&format!("  {name:<34} {value:>6.3}   {low:.3} to {high:.3}   of {questions}"))?;
        }
        Ok(())
    };
    output::line(&format!("{} sentences of the folder\n\nTrue, and marked all the same:", report.sentences))?;
    show(&mut Kind::ALL.into_iter().filter(|kind| !kind.is_error() && *kind != Kind::WrongCitation).map(Kind::name))?;
    output::line("\nWrong, and marked:")?;
    show(&mut Kind::ALL.into_iter().filter(|kind| kind.is_error()).map(Kind::name))?;
    output::line("\nAltogether (without a neighbor's numbers and names):")?;
    show(&mut [MARKED, PRECISION, ALARMS, Kind::WrongCitation.name()].into_iter())?;
    output::line("\nThe rewordings are light ones, made by rules: what a model writes is reworded further.")
}
