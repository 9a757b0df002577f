//! The command line: arguments become one command, a command becomes output and an exit code.
//!
//! Exit codes: 0 done (refusals inside a batch included), 1 an error (one line of cause, one `hint:` on stderr), 2 wrong
//! usage, 3 refused: the documents do not hold the answer.

mod ask;
mod batch;
mod bench;
mod demo;
mod doctor;
mod eval;
mod forget;
mod index;
mod library;
mod models;
mod output;
mod progress;
mod purge;
mod quantize;
mod screen;
mod search;
mod sessions;
mod status;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::{Arg, ArgAction, ArgMatches, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use crate::config::{Origin, Origins, SETTINGS, Settings};
use crate::jobs::Supply;
use crate::models::{ModelStore, Network, PullPolicy};
use crate::places::Places;
use crate::report::{Hinting as _, Report};
use crate::tui::Keymap;

/// Refused: the documents do not hold the answer.
const REFUSED: u8 = 3;

/// Ask your own folder of documents, with a model that runs on your own machine, and check every answer against the line
/// it came from.
#[derive(Debug, Parser)]
#[command(name = "tanya", version, about, after_long_help = EXAMPLES)]
struct Cli {
    /// The folder to chat with
    #[arg(default_value = ".", value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    dir: PathBuf,
    /// Chat in lines of plain text instead of the screen, for screen readers; without a terminal, answer one question a line
    #[arg(long)]
    linear: bool,
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Option<Command>,
}

const EXAMPLES: &str = "\
Examples:
  tanya ~/notes                                     chat with a folder
  tanya demo                                        chat with a small folder that comes along
  tanya --linear ~/notes                            chat in lines of plain text, for screen readers
  tanya --linear ~/notes < questions.txt            answer one question a line
  tanya ask --folder ~/notes \"when did I prune the pear tree?\"
  tanya search --folder ~/notes --limit 5 \"pear tree\"
  tanya search --folder ~/notes 'pear \"wound balm\" -apple path:2024 ext:md tag:garden'
  tanya forget --folder ~/notes diary.md letters/
  tanya ask --folder ~/notes --json --batch questions.jsonl > answers.jsonl
  tanya --model ~/models/Qwen3-4B-Q4_K_M.gguf ~/notes
  tanya models list
  tanya sessions export ID --format html --out pears.html

Settings of this help's last section can also stand in the configuration file as `key = value` (dashes as underscores),
and other keys of the screen under `[keys]`, by the names that its list of commands (ctrl-p) shows.";

/// What holds for every command.
#[derive(Debug, clap::Args)]
struct Common {
    /// Never use the network; a model that is not here is an error
    #[arg(long, global = true)]
    offline: bool,
    /// Accept the license of a model that is not open, without being asked
    #[arg(long, global = true)]
    accept_license: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Ask one question, or a file of questions
    Ask(ask::Args),
    /// Find passages, without a language model
    Search(search::Args),
    /// Bring the library of a folder up to date, embeddings included
    Index(index::Args),
    /// Show what is indexed, what is not, and why
    Status(status::Args),
    /// Check that a folder's library is whole, and repair it
    Doctor(doctor::Args),
    /// Remove all that is remembered of single files, and never read them again
    Forget(forget::Args),
    /// Remove all that is remembered of a folder: its library and its conversations
    Purge(purge::Args),
    /// List, fetch and remove models
    Models(models::Args),
    /// Try it on a small folder that comes along: the handbook of a lighthouse museum
    Demo(demo::Args),
    /// List, show, search, name, export and delete conversations
    Sessions(sessions::Args),
    /// Measure how good the answers are, on labelled questions or on this folder
    Eval(eval::Args),
    /// Measure how fast the language model reads and writes on this machine
    Bench(bench::Args),
    /// Print completions for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page
    Man,
}

/// What commands work with.
struct App {
    places: Places,
    settings: Settings,
    /// Where each of them comes from.
    origins: Origins,
    keymap: Keymap,
    supply: Supply,
}

/// Runs the program with `arguments`, the first of which is its name.
pub fn run(arguments: impl IntoIterator<Item = std::ffi::OsString>) -> ExitCode {
    let matches = match command().try_get_matches_from(arguments) {
        Ok(matches) => matches,
        Err(error) => {
            // Help and version are no errors; clap knows which stream and code each wants.
            let code = u8::try_from(error.exit_code()).unwrap_or(2);
            let _ = error.print();
            return ExitCode::from(code);
        }
    };
    match dispatch(&matches) {
        Ok(code) => code,
        Err(error) if output::is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            output::report(&Report::new(&error));
            ExitCode::FAILURE
        }
    }
}

/// The whole command line: the derived commands and one flag a setting.
fn command() -> clap::Command {
    SETTINGS.iter().fold(Cli::command(), |command, setting| {
        command.arg(
            Arg::new(setting.key)
                .long(setting.key.replace('_', "-"))
                .value_name("VALUE")
                .help(setting.help)
                .help_heading("Settings")
                .action(ArgAction::Set)
                .allow_hyphen_values(true)
                .global(true),
        )
    })
}

fn dispatch(matches: &ArgMatches) -> Result<ExitCode> {
    let cli = Cli::from_arg_matches(matches).context("cannot read the arguments")?;
    if cli.linear && !matches!(cli.command, None | Some(Command::Demo(_))) {
        let error = command().error(
            clap::error::ErrorKind::ArgumentConflict,
            "--linear is a way to chat; a command prints lines already: tanya ask --folder DIR QUESTION",
        );
        let _ = error.print();
        return Ok(ExitCode::from(2));
    }
    if cli.command.is_some() && matches.value_source("dir") == Some(clap::parser::ValueSource::CommandLine) {
        let error = command().error(
            clap::error::ErrorKind::ArgumentConflict,
            "a folder before a command means nothing; give it to the command: tanya ask --folder DIR QUESTION",
        );
        let _ = error.print();
        return Ok(ExitCode::from(2));
    }
    match cli.command {
        Some(Command::Completions { shell }) => return output::completions(shell, command()),
        Some(Command::Man) => return output::man(command()),
        _ => {}
    }
    let places = Places::of_user()?;
    let (mut settings, mut origins) = Settings::load(&places.config_file())?;
    let keymap = Keymap::new(&settings.keys).with_context(|| places.config_file().display().to_string())?;
    if let Err(error) = apply_flags(&mut settings, &mut origins, matches) {
        output::report(&Report::new(&error));
        return Ok(ExitCode::from(2));
    }
    let policy = PullPolicy {
        offline: cli.common.offline,
        accept_license: cli.common.accept_license,
        network: Network::from_env(),
    };
    let supply = Supply { store: ModelStore::at(places.models()), policy, options: options(&settings)? };
    let app = App { places, settings, origins, keymap, supply };
    match cli.command {
        None => screen::run(app, &cli.dir, mode(cli.linear), &[]),
        Some(Command::Demo(args)) => demo::run(app, mode(cli.linear || args.linear)),
        Some(Command::Ask(args)) => ask::run(&app, &args),
        Some(Command::Search(args)) => search::run(&app, &args),
        Some(Command::Index(args)) => index::run(&app, &args),
        Some(Command::Status(args)) => status::run(&app, &args),
        Some(Command::Doctor(args)) => doctor::run(&app, &args),
        Some(Command::Forget(args)) => forget::run(&app, &args),
        Some(Command::Purge(args)) => purge::run(&app, &args),
        Some(Command::Models(args)) => models::run(&app, &args),
        Some(Command::Sessions(args)) => sessions::run(&app, &args),
        Some(Command::Eval(args)) => eval::run(&app, &args),
        Some(Command::Bench(args)) => bench::run(&app, &args),
        Some(Command::Completions { .. } | Command::Man) => Ok(ExitCode::SUCCESS),
    }
}

fn mode(linear: bool) -> screen::Mode {
    if linear { screen::Mode::Linear } else { screen::Mode::Screen }
}

/// Lays the flags over what the configuration file says.
fn apply_flags(settings: &mut Settings, origins: &mut Origins, matches: &ArgMatches) -> Result<()> {
    // Global arguments are propagated to the innermost command that was given.
    let innermost = matches.subcommand().map_or(matches, |(_, inner)| inner);
    let innermost = innermost.subcommand().map_or(innermost, |(_, inner)| inner);
    for setting in SETTINGS {
        if let Ok(Some(value)) = innermost.try_get_one::<String>(setting.key) {
            settings.set_from(setting.key, value, Origin::Flag, origins)?;
        }
    }
    Ok(())
}

/// Where and how models run: on the GPU where this build has one, else on the processor, with the instructions that
/// `TANYA_ISA` names where it does.
fn options(settings: &Settings) -> Result<tanya_engine::Options> {
    let device = if cfg!(feature = "cuda") {
        tanya_engine::DeviceKind::Cuda
    } else if cfg!(feature = "metal") {
        tanya_engine::DeviceKind::Metal
    } else {
        tanya_engine::DeviceKind::Cpu
    };
    let instructions = std::env::var("TANYA_ISA").ok().filter(|name| !name.is_empty());
    let threads = Some(settings.threads).filter(|threads| *threads > 0);
    let processor = tanya_engine::Processor::new(threads, instructions.as_deref())
        .hint("set TANYA_ISA to one of these, or unset it")?;
    Ok(tanya_engine::Options {
        device,
        backend: settings.backend,
        processor: Some(processor),
        exact: settings.exact,
        cache: settings.cache,
        ..tanya_engine::Options::default()
    })
}

#[cfg(test)]
impl App {
    /// One that keeps everything below `root`, has no model and may not fetch any, for tests.
    fn under(root: &std::path::Path) -> Self {
        let places = Places::under(root);
        let policy = PullPolicy { offline: true, accept_license: false, network: Network::from_env() };
        let options = tanya_engine::Options::default();
        let supply = Supply { store: ModelStore::at(places.models()), policy, options };
        Self { places, settings: Settings::default(), origins: Origins::default(), keymap: Keymap::default(), supply }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        command().debug_assert();
    }

    #[test]
    fn flags_win_over_the_file_wherever_they_stand() {
        let root = tempfile::tempdir().unwrap();
        let places = Places::under(root.path());
        std::fs::create_dir_all(places.config_file().parent().unwrap()).unwrap();
        std::fs::write(places.config_file(), "temperature = 0.5\ntop_k = 7\n").unwrap();
        for line in [
            vec!["tanya", "--temperature", "0.9", "ask", "why?"],
            vec!["tanya", "ask", "--temperature", "0.9", "why?"],
            vec!["tanya", "ask", "why?", "--temperature=0.9"],
        ] {
            let matches = command().try_get_matches_from(&line).unwrap();
            let (mut settings, mut origins) = Settings::load(&places.config_file()).unwrap();
            apply_flags(&mut settings, &mut origins, &matches).unwrap();
            let of = ["temperature", "top_k", "seed"].map(|key| origins.of(key));
            assert_eq!(of, [Origin::Flag, Origin::File, Origin::Default], "{line:?}");
            assert!((settings.sampling.temperature - 0.9).abs() < 1e-6, "{line:?}");
            assert_eq!(settings.sampling.top_k, 7);
        }
    }
}
