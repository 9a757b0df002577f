//! `tanya sessions`: list, show, answer again, search, name, export and delete conversations.

mod replay;
mod show;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result, anyhow};
use clap::{Subcommand, ValueEnum};

use super::library::Freshness;
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
        Action::Show { id, receipt, no_update } => {
            let conversation = store.load(&parse(id)?)?;
            if *receipt {
                show::receipts(&conversation, args.json)?;
            } else {
                let freshness = if *no_update { Freshness::AsIs } else { Freshness::Update };
                show::conversation(app, &conversation, freshness, args.json)?;
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

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::SystemTime;

    use super::*;
    use crate::answer::{Answer, FinishKind, Identity, Measures, Source, Trace};
    use crate::chat::{Conversation, Turn};

    /// A refusal, as it is kept: by these words, at this threshold.
    fn refusal(words: f32, min_lexical: f32) -> Turn {
        let mut trace = Trace::default();
        (trace.settings.min_lexical, trace.settings.min_cosine) = (min_lexical, 0.4);
        let answer = Answer {
            abstained: true,
            finish: FinishKind::Refused,
            reason: Some("The closest passage matches 0.20 by words.".into()),
            measures: Measures { words, ..Measures::default() },
            sources: vec![Source::of_text(1, "text")],
            trace: Some(Box::new(trace)),
            ..Answer::of_text("Not in your documents.")
        };
        Turn::new("who?".into(), answer, 1)
    }

    /// Keeps `turns` below `root` and replays them; the exit code, or the error.
    fn replay(root: &Path, turns: Vec<Turn>, turn: Option<usize>) -> Result<String, String> {
        let app = App::under(root);
        let mut conversation = Conversation::new("/notes", SystemTime::now());
        for turn in turns {
            conversation.push(turn);
        }
        SessionStore::at(app.places.sessions()).append(&conversation).unwrap();
        let action = Action::Replay { id: conversation.id.as_str().to_owned(), turn };
        let code = run(&app, &Args { action: Some(action), json: true });
        code.map(|code| format!("{code:?}")).map_err(|error| format!("{error:#}"))
    }

    #[test]
    fn a_replay_ends_with_0_for_the_same_answers_and_with_3_where_one_is_different() {
        let root = tempfile::tempdir().unwrap();
        let ended = |code: ExitCode| Ok(format!("{code:?}"));
        let (same, other) = (refusal(0.2, 0.5), refusal(0.2, 0.1));
        assert_eq!(replay(root.path(), vec![same.clone(), same.clone()], None), ended(ExitCode::SUCCESS));
        assert_eq!(replay(root.path(), vec![same.clone(), other.clone()], None), ended(ExitCode::from(3)));
        assert_eq!(replay(root.path(), vec![same, other], Some(1)), ended(ExitCode::SUCCESS));
    }

    #[test]
    fn what_cannot_be_made_again_says_why() {
        let root = tempfile::tempdir().unwrap();
        let bare = Turn { receipt: None, ..refusal(0.2, 0.5) };
        let error = |turns, turn| replay(root.path(), turns, turn).unwrap_err();
        assert!(error(vec![bare.clone()], None).contains("has a receipt"));
        assert!(error(vec![bare.clone()], Some(1)).contains("turn 1 has no receipt"));
        assert!(error(vec![bare], Some(2)).contains("has no turn 2"));
        let mut whole = refusal(0.2, 0.5);
        whole.answer.whole = Some(crate::answer::Whole::default());
        assert!(error(vec![whole.clone()], Some(1)).contains("about the whole folder"));
        assert_eq!(
            replay(root.path(), vec![whole, refusal(0.2, 0.5)], None),
            Ok(format!("{:?}", ExitCode::SUCCESS)),
            "it is passed over"
        );
        let mut written = refusal(0.2, 0.5);
        let trace = &mut written.receipt.as_mut().unwrap().trace;
        trace.prompt_hash = Some("00".into());
        trace.generator = Some(Identity { name: "no-such-model".into(), ..Identity::default() });
        assert!(error(vec![written], None).contains("turn 1 cannot be answered again"));
    }
}
