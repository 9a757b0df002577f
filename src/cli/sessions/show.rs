//! A conversation for a person or a program: its answers with what became of what they cite, or its receipts.

use anyhow::{Context as _, Result};
use serde::Serialize;

use crate::chat::{Change, CitedNow, Conversation, Standing, Turn, WholePassage, WholeReceipt, standings};
use crate::cli::library::Freshness;
use crate::cli::progress::Progress;
use crate::cli::{App, output};
use crate::places::Folder;

/// A turn as `--json` prints it.
#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    turn: Turn,
    /// `sessions show --receipt` prints it.
    has_receipt: bool,
    /// In the order of the citations; null where they could not be compared.
    cited_now: Option<Vec<CitedNow>>,
}

/// Prints the answers, and where what they cite stands now.
pub(super) fn conversation(app: &App, conversation: &Conversation, freshness: Freshness, json: bool) -> Result<()> {
    let compared = compared(app, conversation, freshness)?;
    let found = |index: usize| compared.as_ref().and_then(|turns| turns.get(index));
    if json {
        let turns: Vec<Shown> = conversation
            .turns
            .iter()
            .enumerate()
            .map(|(index, turn)| Shown {
                has_receipt: turn.receipt.is_some(),
                turn: Turn { receipt: None, ..turn.clone() },
                cited_now: found(index).cloned(),
            })
            .collect();
        return output::json(&turns);
    }
    for (index, turn) in conversation.turns.iter().enumerate() {
        let answer = &turn.answer;
        output::line(&output::shown(&format!("> {}\n\n{}\n", turn.question, answer.answer)))?;
        let remarks = answer
            .beyond_remark()
            .map(str::to_owned)
            .into_iter()
            .chain(answer.within_remark())
            .chain(answer.disagreement_remark())
            .chain(answer.filter_remark());
        remarks.into_iter().try_for_each(|remark| output::line(&output::shown(&format!("  {remark}"))))?;
        for (at, citation) in answer.citations.iter().enumerate() {
            let place = output::place(&citation.path, citation.page, citation.start_line, citation.end_line);
            let now = found(index).and_then(|cited| cited.get(at)).map(|cited| &cited.standing);
            let mark = now.map(|now| format!(" · {}", in_words(now))).unwrap_or_default();
            output::line(&output::shown(&format!("  [{}] {place}{mark}", citation.n)))?;
            if let Some(Standing::Changed { difference }) = now {
                print_difference(difference)?;
            }
        }
        output::line("")?;
    }
    Ok(())
}

/// What became of the citations of each turn; `None` where that cannot be told, which is said.
fn compared(app: &App, conversation: &Conversation, freshness: Freshness) -> Result<Option<Vec<Vec<CitedNow>>>> {
    if conversation.turns.iter().all(|turn| turn.answer.citations.is_empty()) {
        return Ok(Some(vec![Vec::new(); conversation.turns.len()]));
    }
    let folder = match Folder::open(conversation.folder.as_ref()) {
        Ok(folder) if freshness == Freshness::Update || app.places.library(&folder).is_dir() => folder,
        Ok(_) => {
            output::note("the folder has no library yet: what is cited was not compared");
            return Ok(None);
        }
        Err(error) => {
            output::note(&format!("{error:#}: what is cited was not compared"));
            return Ok(None);
        }
    };
    let mut progress = Progress::new();
    let opened = app.library(folder.path(), freshness, &mut progress)?;
    progress.clear();
    let snapshot = opened.library.snapshot().context("cannot read the library")?;
    conversation.turns.iter().map(|turn| standings(&turn.answer, &snapshot)).collect::<Result<_>>().map(Some)
}

fn in_words(standing: &Standing) -> String {
    match standing {
        Standing::Unchanged => "unchanged".into(),
        Standing::Moved { now_start_line, now_end_line, now_page } => {
            format!(
                "moved to {}",
                output::place("", *now_page, *now_start_line, *now_end_line).trim_start_matches([' ', ':'])
            )
        }
        Standing::Changed { .. } => "changed".into(),
        Standing::Gone => "gone".into(),
    }
}

/// Prints a difference below what it belongs to.
pub(super) fn print_difference(difference: &[Change]) -> Result<()> {
    difference.iter().try_for_each(|change| output::line(&output::shown(&format!("      {}", change.shown()))))
}

/// Prints what each answer was made from and with.
pub(super) fn receipts(conversation: &Conversation, json: bool) -> Result<()> {
    let turns = (1..).zip(&conversation.turns);
    let receipts: Vec<WholeReceipt<'_>> =
        turns.clone().filter_map(|(number, turn)| WholeReceipt::of(number, turn)).collect();
    for (number, _) in turns.filter(|(_, turn)| turn.receipt.is_none()) {
        output::note(&format!("turn {number} has no receipt: it was stopped, or an older version kept it"));
    }
    if json {
        return output::json(&receipts);
    }
    for receipt in &receipts {
        for line in lines(receipt) {
            output::line(&output::shown(&line))?;
        }
        output::line("")?;
    }
    Ok(())
}

/// A receipt, line by line.
fn lines(whole: &WholeReceipt<'_>) -> Vec<String> {
    let trace = &whole.receipt.trace;
    let mut lines = vec![format!("turn {}: {}", whole.turn, one_line(whole.question))];
    let mut add = |name: &str, value: String| lines.push(format!("  {name:<12} {value}"));
    for text in &trace.query.texts {
        add("searched", format!("{} (weight {})", one_line(&text.text), text.weight));
    }
    trace.query.embedded.iter().for_each(|text| add("embedded", one_line(text)));
    add("embedder", trace.embedder.clone().unwrap_or_else(|| "none: by words alone".into()));
    add("reader", if trace.reader { "on" } else { "off" }.into());
    if let Some(model) = &trace.generator {
        add("model", format!("{} ({})", model.name, model.file.as_deref().unwrap_or("file not known")));
        add("computed by", format!("{}, instructions {}, cache {}", model.backend, model.instructions, model.cache));
        add("program", format!("{}, build {}", whole.receipt.program, model.build.as_deref().unwrap_or("not known")));
    } else {
        add("model", "none was asked".into());
        add("program", whole.receipt.program.clone());
    }
    if let Some(hash) = &trace.prompt_hash {
        add("prompt", format!("{} tokens of a window of {}, {hash}", whole.prompt_tokens, whole.window));
        add("earlier", format!("{} exchanges in the prompt", trace.history.len()));
    }
    let (settings, sampling) = (serde_json::to_string(&trace.settings), serde_json::to_string(&trace.sampling));
    add("settings", settings.unwrap_or_default());
    add("sampling", sampling.unwrap_or_default());
    for passage in &whole.sources {
        add(&format!("[{}]", passage.source.n), shown(passage));
    }
    whole.dropped.iter().for_each(|dropped| add("left out", format!("{}: {}", dropped.path, dropped.why)));
    let first = whole.ms_first_token.map(|ms| format!(", first text after {ms:.0}")).unwrap_or_default();
    let prefill = trace.ms_prefill.map(|ms| format!(", reading {ms:.0}")).unwrap_or_default();
    add(
        "milliseconds",
        format!(
            "search {:.0}{prefill}{first}, writing {:.0}, {:.0} in all",
            whole.ms_search, whole.ms_decode, whole.ms_total
        ),
    );
    lines
}

/// A passage on one line.
fn shown(passage: &WholePassage<'_>) -> String {
    let source = passage.source;
    let rank = |name: &str, rank: Option<u32>| rank.map(|rank| format!(", {name} #{rank}")).unwrap_or_default();
    let ranks = rank("words", source.bm25_rank) + &rank("meaning", source.vector_rank);
    let Some(kept) = passage.kept else { return format!("{}, no hash was kept", output::source_place(source)) };
    let read = kept.read.map(|(start, end)| format!(", bytes {start}–{end} read")).unwrap_or_default();
    let intact = if passage.is_intact { "" } else { ", and NOT the text of then" };
    let file = kept.file_hash.as_ref().map(|hash| format!(", file {hash}")).unwrap_or_default();
    format!(
        "{}, score {:.3}{ranks}{read}, text {}{intact}{file}",
        output::source_place(source),
        source.score,
        kept.text_hash
    )
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
