//! `tanya search`: passages without a language model.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow};
use serde::{Deserialize, Serialize};
use tanya_engine::{Cancel, Embedder, Reader};
use tanya_index::{Boost, BoostKind, Diversity, Dropped, Explained, Hit, Mode, Parts, Query, Snapshot};

use super::batch::Batch;
use super::library::{Freshness, PATIENCE};
use super::progress::Progress;
use super::{App, output};
use crate::answer::{self, Exchange, Reranked, SearchQuery, TextEmbedder, Utterance};
use crate::ingest::{Mark, marks};
use crate::report::Hinting as _;

/// Arguments of `tanya search`.
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The folder to search
    #[arg(long, default_value = ".", value_hint = clap::ValueHint::DirPath)]
    folder: PathBuf,
    /// How many passages at most
    #[arg(long, default_value_t = 10)]
    limit: usize,
    /// Print one JSON object a search
    #[arg(long)]
    json: bool,
    /// Read searches from a file, one JSON object a line: {"id","text","history":[{"role","text"}]?}
    #[arg(long, value_name = "FILE.jsonl", requires = "json", conflicts_with = "text")]
    batch: Option<PathBuf>,
    /// Use the library as it is, without comparing the folder first
    #[arg(long)]
    no_update: bool,
    /// Search by words and meaning, by words alone, or by meaning alone
    #[arg(long, value_enum, default_value_t = By::Both)]
    by: By,
    /// Which of the ranked passages to show
    #[arg(long, value_enum, default_value_t = Choose::Usual)]
    choose: Choose,
    /// Search a second time, for telling words of the best passages too
    #[arg(long)]
    feedback: bool,
    /// Say what each passage's score is made of, and what was left out
    #[arg(long, conflicts_with = "batch")]
    explain: bool,
    /// What to look for; in one argument 'pear "wound balm" -apple path:2024 ext:md tag:garden after:2024-05 before:2025' narrows it down
    #[arg(required_unless_present = "batch", num_args = 1..)]
    text: Vec<String>,
}

/// Which of the two indexes answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum By {
    Both,
    Words,
    Meaning,
}

/// How hits are chosen from the ranking.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Choose {
    /// Exact words, identifiers and named files first; at most three passages of a file, nothing twice, neighbors as one
    Usual,
    /// The same, and after the third prefer what is unlike the passages above
    Varied,
    /// The ranking itself
    Ranking,
}

impl Choose {
    fn query(self) -> Query {
        match self {
            Choose::Usual => Query::usual(),
            Choose::Varied => Query { diversity: Diversity { varied: true, ..Diversity::usual() }, ..Query::usual() },
            Choose::Ranking => Query::default(),
        }
    }
}

#[derive(Deserialize)]
struct Line {
    text: String,
    #[serde(default)]
    history: Vec<Utterance>,
}

#[derive(Serialize)]
struct Found {
    id: serde_json::Value,
    hits: Vec<Shown>,
    /// What ranked among the hits and is none, or is part of one.
    dropped: Vec<LeftOut>,
    /// No passage holds the phrases between quotation marks: these hold their words.
    without_phrases: bool,
    ms_total: f64,
}

impl Found {
    fn new(id: serde_json::Value, found: &Answer) -> Self {
        let hits = found.hits.iter().map(|(hit, reranked)| Shown::new(hit, *reranked)).collect();
        let dropped = found.dropped.iter().map(LeftOut::new).collect();
        Self { id, hits, dropped, without_phrases: found.without_phrases, ms_total: found.ms }
    }
}

#[derive(Serialize)]
struct LeftOut {
    path: String,
    start_line: u32,
    end_line: u32,
    page: Option<u32>,
    score: f32,
    why: String,
}

impl LeftOut {
    fn new(dropped: &Dropped) -> Self {
        let Dropped { chunk, score, why } = dropped;
        Self {
            path: chunk.path.clone(),
            start_line: chunk.span.start_line,
            end_line: chunk.span.end_line,
            page: chunk.span.page,
            score: *score,
            why: why.to_string(),
        }
    }
}

#[derive(Serialize)]
struct Shown {
    path: String,
    start_line: u32,
    end_line: u32,
    page: Option<u32>,
    heading: String,
    score: f32,
    bm25_rank: Option<u32>,
    vector_rank: Option<u32>,
    /// What the gate of `ask` looks at: BM25 as a share of the best possible, and the cosine.
    lexical_share: f32,
    cosine: Option<f32>,
    /// What `score` is made of.
    parts: Parts,
    /// What the reader said, where it put the passages in a new order.
    #[serde(skip_serializing_if = "Option::is_none")]
    reranked: Option<Reranked>,
    /// What in it was hardly written for a reader.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    marks: Vec<Mark>,
    text: String,
}

impl Shown {
    fn new(hit: &Hit, reranked: Option<Reranked>) -> Self {
        let chunk = &hit.chunk;
        let passage = hit.passage();
        Self {
            path: chunk.path.clone(),
            start_line: passage.span.start_line,
            end_line: passage.span.end_line,
            page: passage.span.page,
            heading: answer::heading(&chunk.title, &chunk.heading),
            score: hit.score,
            bm25_rank: hit.lexical.map(|rank| rank.0),
            vector_rank: hit.vector.map(|rank| rank.0),
            lexical_share: hit.lexical_share,
            cosine: hit.cosine,
            parts: hit.parts.clone(),
            reranked,
            marks: marks(&passage.text),
            text: passage.text,
        }
    }
}

/// What a search runs on.
struct Shelf {
    snapshot: Snapshot,
    embedder: Option<Embedder>,
    /// With how long it may read for a search.
    reader: Option<(Reader, Duration)>,
    /// Mode, limit and choice of every search.
    how: Query,
}

impl Shelf {
    fn search(&self, text: &str, history: &[Exchange]) -> Result<Answer> {
        let started = Instant::now();
        let mut query = SearchQuery::with_conditions(text, history);
        let embedder = self.embedder.as_ref().map(|embedder| embedder as &dyn TextEmbedder);
        let limit = self.how.limit;
        let found = if self.reader.is_some() { limit.max(answer::RERANKED) } else { limit };
        let how = Query { limit: found, ..self.how.clone() };
        let search = |query: &SearchQuery| answer::search(&self.snapshot, query, embedder, &how, &Cancel::default());
        let mut explained = search(&query)?;
        let without_phrases = explained.hits.is_empty() && !query.conditions.phrases.is_empty();
        if without_phrases {
            query.conditions.phrases.clear();
            explained = search(&query)?;
        }
        let corrections = match self.how.mode {
            Mode::Vector => Vec::new(),
            _ => self.snapshot.corrections(&query.texts[0].text).context("cannot search the library")?,
        };
        let Explained { hits, dropped } = explained;
        let mut hits = match &self.reader {
            Some((reader, budget)) => answer::rerank(reader, &query.texts[0].text, hits, *budget, &Cancel::default())?,
            None => hits.into_iter().map(|hit| (hit, None)).collect(),
        };
        hits.truncate(limit);
        let ms = started.elapsed().as_secs_f64() * 1000.0;
        Ok(Answer { hits, dropped, without_phrases, corrections, ms })
    }
}

/// What a search found.
struct Answer {
    /// Best first, with what the reader said of each that it read.
    hits: Vec<(Hit, Option<Reranked>)>,
    /// What was left out.
    dropped: Vec<Dropped>,
    /// No passage holds the phrases: these hold their words.
    without_phrases: bool,
    /// Words that no passage holds, each with the nearest one that was searched for too.
    corrections: Vec<(String, String)>,
    ms: f64,
}

pub(super) fn run(app: &App, args: &Args) -> Result<ExitCode> {
    let batch = args.batch.as_deref().map(Batch::open).transpose()?;
    let mut progress = Progress::new();
    let freshness = if args.no_update { Freshness::AsIs } else { Freshness::Update };
    let mut opened = app.library(&args.folder, freshness, &mut progress)?;
    let embedder = if args.by == By::Words { None } else { app.embedder(&mut progress) };
    if args.by == By::Meaning && embedder.is_none() {
        return Err(anyhow!("searching by meaning needs an embedder")).hint("search with --by words");
    }
    if let Some(embedder) = &embedder {
        let patience = batch.is_none().then_some(PATIENCE);
        opened.embed(embedder, patience, &progress)?;
    }
    progress.clear();
    let snapshot = opened.library.snapshot().context("cannot read the library")?;
    let mode = match args.by {
        By::Meaning => Mode::Vector,
        By::Words | By::Both if embedder.is_none() => Mode::Lexical,
        By::Words | By::Both => Mode::Hybrid,
    };
    let how = Query { mode, limit: args.limit, feedback: args.feedback, ..args.choose.query() };
    let budget = Duration::from_millis(app.settings.rerank_ms);
    let reader = (!budget.is_zero()).then(|| app.reader(&mut progress)).flatten().map(|reader| (reader, budget));
    progress.clear();
    let shelf = Shelf { snapshot, embedder, reader, how };
    let Some(batch) = batch else {
        let found = shelf.search(&args.text.join(" "), &[])?;
        if args.json {
            output::json(&Found::new(serde_json::Value::Null, &found))?;
        } else {
            if let Some(line) = corrected(&found.corrections) {
                output::line(&output::shown(&line))?;
            }
            if found.without_phrases && !found.hits.is_empty() {
                output::line("No passage holds these words just so; these come nearest:")?;
            }
            print_hits(&found.hits, args.explain)?;
            if args.explain {
                print_dropped(&found.dropped)?;
            }
        }
        return Ok(ExitCode::SUCCESS);
    };
    batch
        .run(|id, line: Line| Ok(Found::new(id.clone(), &shelf.search(&line.text, &Exchange::pairs(line.history))?)))?;
    Ok(ExitCode::SUCCESS)
}

/// What was searched for in place of words that nothing holds.
fn corrected(corrections: &[(String, String)]) -> Option<String> {
    let pairs: Vec<String> =
        corrections.iter().map(|(typed, nearest)| format!("{nearest} (nothing holds {typed})")).collect();
    (!pairs.is_empty()).then(|| format!("searched for {}", pairs.join(", ")))
}

fn print_hits(hits: &[(Hit, Option<Reranked>)], explain: bool) -> Result<()> {
    if hits.is_empty() {
        return output::line("nothing found");
    }
    for (at, (hit, reranked)) in hits.iter().enumerate() {
        let passage = hit.passage();
        let span = passage.span;
        let place = output::place(&hit.chunk.path, span.page, span.start_line, span.end_line);
        let text: String = passage.text.split_whitespace().collect::<Vec<_>>().join(" ");
        let cut: String = text.chars().take(200).collect();
        let more = if cut.len() < text.len() { "…" } else { "" };
        output::line(&output::shown(&format!("{:>2}  {:.2}  {place}\n          {cut}{more}", at + 1, hit.score)))?;
        if explain {
            output::line(&format!("          {}", explained(hit)))?;
            if let Some(Reranked { relevance, place_before }) = reranked {
                output::line(&format!("          read: log-odds of relevance {relevance:.1}, was #{place_before}"))?;
            }
        }
    }
    Ok(())
}

/// What was left out, a line each.
fn print_dropped(dropped: &[Dropped]) -> Result<()> {
    for Dropped { chunk, score, why } in dropped {
        let place = output::place(&chunk.path, chunk.span.page, chunk.span.start_line, chunk.span.end_line);
        output::line(&output::shown(&format!(" –  {score:.2}  {place}  {why}")))?;
    }
    Ok(())
}

/// Where a hit stands by words and by meaning, and how its score comes about.
fn explained(hit: &Hit) -> String {
    let place = |rank: Option<tanya_index::Rank>| {
        rank.map_or_else(|| "not among the best".to_owned(), |rank| format!("#{}", rank.0))
    };
    let meaning = match hit.cosine {
        Some(cosine) => format!("meaning {}, cosine {cosine:.2}", place(hit.vector)),
        None => "meaning unknown".to_owned(),
    };
    let Parts { words, meaning: near, vector_weight, by_ranks, feedback, boosts, scale } = &hit.parts;
    let mut terms =
        vec![format!("{:.2} × {words:.2}", 1.0 - *vector_weight), format!("{vector_weight:.2} × {near:.2}")];
    terms.extend(boosts.iter().map(|boost| format!("{:.2} {}", boost.by, reason(boost))));
    let sum = terms.join(" + ");
    let sum = if *scale > 1.0 { format!("({sum}) / {scale:.2}") } else { sum };
    format!(
        "words {}, BM25 {:.1}, {:.0} % of the terms{} · {meaning} · {sum}{}",
        place(hit.lexical),
        hit.bm25,
        100.0 * hit.coverage,
        if *feedback { ", with words of the best passages" } else { "" },
        if *by_ranks { ", by places" } else { "" },
    )
}

/// Why a hit was lifted, with what the search and the passage share.
fn reason(boost: &Boost) -> String {
    let what = match boost.kind {
        BoostKind::Phrase => "words in a row",
        BoostKind::Identifier => "as written",
        BoostKind::FileName | BoostKind::FileStem => "file named",
    };
    format!("{what} ({})", boost.text)
}
