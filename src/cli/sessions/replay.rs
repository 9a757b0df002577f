//! `tanya sessions replay`: the answers of a conversation made again from their receipts, and compared byte for byte.

use std::process::ExitCode;

use anyhow::{Context as _, Result, anyhow};
use serde::Serialize;
use tanya_engine::{Cancel, Options};

use super::show::print_difference;
use crate::answer::{Generator, Identity, LocalGenerator, OutputFilter, Prompts, Then, replay};
use crate::chat::{Change, Conversation, Receipt, Turn, difference};
use crate::cli::progress::Progress;
use crate::cli::{App, REFUSED, output};
use crate::jobs::Supply;
use crate::report::Hinting as _;

/// Some answer is different: the code that says so of a refusal, too.
const DIFFERENT: u8 = REFUSED;

/// What became of a turn.
#[derive(Serialize)]
struct Outcome {
    /// From 1.
    turn: usize,
    same: bool,
    /// Null where no model was asked.
    same_prompt: Option<bool>,
    /// What differs between then and now, for which reason the same answer is not promised.
    not_promised: Vec<String>,
    /// From then to now; empty where it is the same.
    difference: Vec<Change>,
}

/// What answers again. The model is opened for the first turn that needs it.
struct Desk<'a> {
    app: &'a App,
    prompts: Prompts,
    filter: OutputFilter,
    generator: Option<(Identity, LocalGenerator)>,
}

pub(super) fn run(app: &App, conversation: &Conversation, turn: Option<usize>, json: bool) -> Result<ExitCode> {
    let chosen = chosen(conversation, turn)?;
    let prompts = Prompts::load(Some(&app.places.prompts()))?;
    let mut desk = Desk { app, prompts, filter: OutputFilter::load(&app.settings)?, generator: None };
    let mut outcomes = Vec::with_capacity(chosen.len());
    for (number, turn, receipt) in chosen {
        let outcome =
            desk.replay(number, turn, receipt).with_context(|| format!("turn {number} cannot be answered again"))?;
        if !json {
            print(&outcome)?;
        }
        outcomes.push(outcome);
    }
    if json {
        output::json(&outcomes)?;
    }
    let same = outcomes.iter().all(|outcome| outcome.same);
    Ok(if same { ExitCode::SUCCESS } else { ExitCode::from(DIFFERENT) })
}

/// The turns to make again: the one that was named, or all that have a receipt.
fn chosen(conversation: &Conversation, turn: Option<usize>) -> Result<Vec<(usize, &Turn, &Receipt)>> {
    let why = "answers that were stopped, and those that an older version kept, have none";
    let turns = (1..).zip(&conversation.turns);
    let Some(wanted) = turn else {
        let (with, without): (Vec<_>, Vec<_>) =
            turns.partition(|(_, turn)| turn.receipt.is_some() && turn.answer.whole.is_none());
        for (number, turn) in without {
            let why = if turn.answer.whole.is_some() { "was about the whole folder" } else { "has no receipt" };
            output::note(&format!("turn {number} {why} and is passed over"));
        }
        let with: Vec<_> =
            with.into_iter().filter_map(|(number, turn)| Some((number, turn, turn.receipt.as_ref()?))).collect();
        if with.is_empty() {
            return Err(anyhow!(
                "no answer of {} has a receipt that it can be made again from",
                conversation.id.as_str()
            ))
            .hint(why);
        }
        return Ok(with);
    };
    let found = turns.into_iter().find(|(number, _)| *number == wanted);
    let Some((number, turn)) = found else {
        return Err(anyhow!("{} has no turn {wanted}", conversation.id.as_str()))
            .hint(format!("its turns are 1 to {}", conversation.turns.len()));
    };
    if turn.answer.whole.is_some() {
        return Err(anyhow!("turn {wanted} was about the whole folder, which a receipt does not keep"))
            .hint("ask the question again: the answer says what was read");
    }
    let receipt = turn.receipt.as_ref().ok_or_else(|| anyhow!("turn {wanted} has no receipt")).hint(why)?;
    Ok(vec![(number, turn, receipt)])
}

impl Desk<'_> {
    fn replay(&mut self, number: usize, turn: &Turn, receipt: &Receipt) -> Result<Outcome> {
        let trace = &receipt.trace;
        let then = trace.generator.clone().unwrap_or_default();
        if trace.needs_model() && self.generator.as_ref().is_none_or(|(opened, _)| *opened != then) {
            // One at a time: two may not fit in memory.
            self.generator = None;
            self.generator = Some((then.clone(), self.open(&then)?));
        }
        let generator = self.generator.as_mut().filter(|_| trace.needs_model()).map(|(_, generator)| generator);
        let mut not_promised = receipt.differences(generator.as_ref().map(|generator| generator.identity()).as_ref());
        if !trace.same_blocklist(&self.filter) {
            not_promised.push("block list: another one now".into());
        }
        let again = replay(
            Then { answer: &turn.answer, trace },
            generator.map(|generator| generator as &mut dyn Generator),
            &self.prompts,
            &self.filter,
            &Cancel::default(),
        )?;
        if again.same_prompt == Some(false) {
            not_promised.push("prompt: other tokens now, by another template or tokenizer".into());
        }
        let (before, after): (Vec<&str>, Vec<&str>) =
            (again.then.split('\n').collect(), again.now.split('\n').collect());
        let same = again.is_same();
        Ok(Outcome {
            turn: number,
            same,
            same_prompt: again.same_prompt,
            not_promised,
            difference: if same { Vec::new() } else { difference(&before, &after) },
        })
    }

    /// The model of then where it is on this machine, else the one of the settings.
    fn open(&self, then: &Identity) -> Result<LocalGenerator> {
        let options = &self.app.supply.options;
        let cache = then.cache.parse().unwrap_or(options.cache);
        let supply = Supply { options: Options { cache, ..options.clone() }, ..self.app.supply.clone() };
        let found = if let Ok(Some(found)) = supply.find(&then.name) {
            found
        } else {
            let name = &self.app.settings.model;
            let mut progress = Progress::new();
            supply.obtain(name, &Cancel::default(), &mut |event| progress.pull(name, event))?
        };
        supply.generator(&found)
    }
}

fn print(outcome: &Outcome) -> Result<()> {
    let verdict = if outcome.same { "same answer" } else { "a different answer" };
    output::line(&format!("turn {}: {verdict}", outcome.turn))?;
    if !outcome.not_promised.is_empty() {
        output::line("  the same answer is not promised:")?;
        for difference in &outcome.not_promised {
            output::line(&output::shown(&format!("      {difference}")))?;
        }
    }
    print_difference(&outcome.difference)
}
