//! `tanya sessions`: list, show, search, name, export and delete conversations.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result, anyhow};
use clap::{Subcommand, ValueEnum};

use super::{App, REFUSED, output};
use crate::chat::{Found, SessionId, SessionStore, SessionSummary, Words, export};
use crate::report::Hinting as _;

/// Excerpts printed of one conversation, at most; `--json` has all.
const MOST_EXCERPTS: usize = 3;

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
    /// Find conversations by words of their questions and answers, newest first
    #[command(after_help = "Exit code 3 means: none holds all the words in one turn or in its name.")]
    Search {
        /// Words, all of which stand in one question with its answer
        #[arg(required = true, num_args = 1..)]
        text: Vec<String>,
    },
    /// Give a conversation a name
    Rename {
        /// As `list` names it
        id: String,
        /// The name
        #[arg(required = true, num_args = 1..)]
        name: Vec<String>,
    },
    /// Write a conversation as a document: questions, answers and the lines they stand on
    Export {
        /// As `list` names it
        id: String,
        /// What to write it as
        #[arg(long, value_enum, default_value_t = Format::Markdown)]
        format: Format,
        /// A file that does not exist yet, instead of the standard output
        #[arg(long, value_hint = clap::ValueHint::FilePath)]
        out: Option<PathBuf>,
    },
    /// Delete a conversation for good
    Rm {
        /// As `list` names it
        id: String,
    },
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// For people and other programs of notes
    Markdown,
    /// Everything that is known of every turn
    Json,
    /// One page without scripts; citations lead to their quotes
    Html,
}

impl From<Format> for export::Format {
    fn from(format: Format) -> Self {
        match format {
            Format::Markdown => Self::Markdown,
            Format::Json => Self::Json,
            Format::Html => Self::Html,
        }
    }
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
                    output::line(&output::shown(&line(&session)))?;
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
        Action::Search { text } => return search(&store, &text.join(" "), args.json),
        Action::Rename { id, name } => {
            let name = name.join(" ");
            let id = parse(id)?;
            store.rename(&id, &name)?;
            let renamed = store.load(&id)?;
            if args.json {
                output::json(&serde_json::json!({ "id": id, "title": renamed.title }))?;
            } else {
                output::line(&output::shown(&format!("{} is called {}", id.as_str(), renamed.title)))?;
            }
        }
        Action::Export { id, format, out } => {
            let text = export::render(&store.load(&parse(id)?)?, (*format).into())?;
            match out {
                Some(path) => {
                    export::write_new(path, &text)?;
                    output::note(&format!("wrote {}", path.display()));
                }
                None => output::piece(&output::shown(&text))?,
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

fn search(store: &SessionStore, text: &str, json: bool) -> Result<ExitCode> {
    let words = Words::parse(text)
        .ok_or_else(|| anyhow!("there is no word to search for"))
        .hint("for example: tanya sessions search pear tree")?;
    let found = store.search(&words, None)?;
    if json {
        output::json(&found)?;
    } else {
        for Found { session, excerpts } in &found {
            output::line(&output::shown(&line(session)))?;
            for excerpt in excerpts.iter().take(MOST_EXCERPTS) {
                output::line(&output::shown(&format!("    {}. {}", excerpt.turn, excerpt.text)))?;
            }
            if let Some(more) = excerpts.len().checked_sub(MOST_EXCERPTS).filter(|more| *more > 0) {
                output::line(&format!("    and {more} more"))?;
            }
        }
        if found.is_empty() {
            output::note("no conversation holds these words");
        }
    }
    Ok(if found.is_empty() { ExitCode::from(REFUSED) } else { ExitCode::SUCCESS })
}

fn line(session: &SessionSummary) -> String {
    format!("{}  {:>3} turns  {}  {}", session.id.as_str(), session.turns, session.folder, session.title)
}

fn parse(id: &str) -> Result<SessionId> {
    SessionId::parse(id).with_context(|| format!("{id:?} is not the name of a session"))
}
