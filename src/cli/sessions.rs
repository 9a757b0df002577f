//! `tanya sessions`: list, show and delete conversations.

use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::Subcommand;

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
    /// Print a conversation
    Show {
        /// As `list` names it
        id: String,
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
        Action::Show { id } => {
            let conversation = store.load(&parse(id)?)?;
            if args.json {
                output::json(&conversation.turns)?;
            } else {
                for turn in &conversation.turns {
                    output::line(&output::shown(&format!("> {}\n\n{}\n", turn.question, turn.answer.answer)))?;
                    for citation in &turn.answer.citations {
                        let place =
                            output::place(&citation.path, citation.page, citation.start_line, citation.end_line);
                        output::line(&output::shown(&format!("  [{}] {place}", citation.n)))?;
                    }
                    output::line("")?;
                }
            }
        }
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
