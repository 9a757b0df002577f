//! `tanya sessions`: list, show, answer again and delete conversations.

mod replay;
mod show;

use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::Subcommand;

use super::library::Freshness;
use super::{App, output};
use crate::chat::{SessionId, SessionStore};

/// Arguments of `tanya sessions`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    action: Option<Action>,
    /// Print JSON
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List conversations, newest first
    List,
    /// Print a conversation, and whether what it cites still stands in the documents
    Show {
        /// As `list` names it
        id: String,
        /// Print what each answer was made from and with instead
        #[arg(long)]
        receipt: bool,
        /// Compare with the library as it is, without comparing the folder with it first
        #[arg(long, conflicts_with = "receipt")]
        no_update: bool,
    },
    /// Answer again from the passages and with the settings of then, and compare byte for byte
    #[command(after_help = "Exit code 3 means: an answer is different. The library as it is now is not asked.")]
    Replay {
        /// As `list` names it
        id: String,
        /// Only this turn, from 1
        #[arg(long, value_name = "N")]
        turn: Option<usize>,
    },
    /// Delete a conversation for good
    Rm {
        /// As `list` names it
        id: String,
    },
}

pub(super) fn run(app: &App, args: &Args) -> Result<ExitCode> {
    let store = SessionStore::at(app.places.sessions());
    match args.action.as_ref().unwrap_or(&Action::List) {
        Action::List => {
            let summaries = store.list()?;
            if args.json {
                output::json(&summaries)?;
            } else if summaries.is_empty() {
                output::line("no conversations yet")?;
            } else {
                for session in summaries {
                    let line = format!(
                        "{}  {:>3} turns  {}  {}",
                        session.id.as_str(),
                        session.turns,
                        session.folder,
                        session.title
                    );
                    output::line(&output::shown(&line))?;
                }
            }
        }
        Action::Show { id, receipt, no_update } => {
            let conversation = store.load(&parse(id)?)?;
            if *receipt {
                show::receipts(&conversation, args.json)?;
            } else {
                let freshness = if *no_update { Freshness::AsIs } else { Freshness::Update };
                show::conversation(app, &conversation, freshness, args.json)?;
            }
        }
        Action::Replay { id, turn } => return replay::run(app, &store.load(&parse(id)?)?, *turn, args.json),
        Action::Rm { id } => {
            store.remove(&parse(id)?)?;
            if args.json {
                output::json(&serde_json::json!({ "id": id }))?;
            } else {
                output::line(&format!("deleted {id}"))?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn parse(id: &str) -> Result<SessionId> {
    SessionId::parse(id).with_context(|| format!("{id:?} is not the name of a session"))
}
