//! Words in pictures: by `tesseract`, where a person wants it and has it, one process a picture.
//!
//! A separate program, run as the child that reads documents is: with limits on memory, time and output, without a network and without
//! a place to write (`launch.rs`), ended by the same clock, by a cancel, and with this program. The picture goes in by stdin and the words
//! come out by stdout: no shell, no temporary file. What it says is text of a stranger, as the document is.

use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tanya_engine::Cancel;

use super::launch::LAUNCH;
use super::process::tail_of;
use super::watchdog::{Fired, Watchdog};
use super::{WorkerOptions, program};
use crate::ingest::extract::Ocr;

/// Most bytes of words that are taken from one picture.
const MAX_OUTPUT: u64 = 1 << 20;
/// Longest answer to what the engine is, and which languages it has.
const ASK_LIMIT: Duration = Duration::from_secs(20);

/// How words in pictures are read.
#[derive(Debug, Clone)]
pub struct OcrOptions {
    /// Whether they are read at all.
    pub wanted: bool,
    /// Names of languages as tesseract has them, joined by `+`.
    pub language: String,
    /// The engine; `None`: `tesseract`, looked for in `PATH`.
    pub program: Option<PathBuf>,
    /// Longest time for one picture.
    pub picture_limit: Duration,
    /// Longest time for all pictures of a file; later ones are not looked at.
    pub file_limit: Duration,
    /// Address space of the engine in bytes.
    pub memory_limit: u64,
    /// Looked for once, when the first update wants it; clones share it.
    found: Arc<OnceLock<Result<Engine, String>>>,
}

impl Default for OcrOptions {
    fn default() -> Self {
        Self {
            wanted: false,
            language: "eng".to_owned(),
            program: None,
            picture_limit: Duration::from_mins(1),
            file_limit: Duration::from_mins(20),
            memory_limit: 1 << 30,
            found: Arc::default(),
        }
    }
}

impl OcrOptions {
    /// Pictures are read, in these languages.
    pub fn wanted(language: &str) -> Self {
        Self { wanted: true, language: language.to_owned(), ..Self::default() }
    }

    /// Whether pictures can be read, and by what.
    pub(crate) fn ocr(&self, worker: &WorkerOptions) -> Ocr {
        if !self.wanted {
            return Ocr::Off;
        }
        match self.found.get_or_init(|| Engine::find(self, worker)) {
            Ok(engine) => Ocr::By(engine.name.clone()),
            Err(why) => Ocr::Missing(why.clone()),
        }
    }

    /// The engine, where one was wanted and found.
    pub(super) fn engine(&self) -> Option<&Engine> {
        self.found.get()?.as_ref().ok().filter(|_| self.wanted)
    }
}

/// A program that reads pictures.
#[derive(Debug, Clone)]
pub(super) struct Engine {
    launcher: PathBuf,
    program: PathBuf,
    /// `tesseract 5.3.0`.
    name: String,
    arguments: Vec<String>,
    memory_limit: u64,
    pub(super) picture_limit: Duration,
    pub(super) file_limit: Duration,
}

impl Engine {
    /// Looks for the engine and asks it for its version and its languages; an error is a clause for the ledger.
    fn find(options: &OcrOptions, worker: &WorkerOptions) -> Result<Self, String> {
        const WHICH: &str = "tesseract, which would read it,";
        let found = options.program.clone().or_else(|| in_path("tesseract"));
        let program_found = found.ok_or_else(|| format!("{WHICH} is not installed"))?;
        let launcher = program(worker).map_err(|error| format!("{WHICH} cannot be run: {error}"))?;
        let mut engine = Self {
            launcher,
            program: program_found,
            name: String::new(),
            arguments: Vec::new(),
            memory_limit: options.memory_limit,
            picture_limit: options.picture_limit,
            file_limit: options.file_limit,
        };
        let cancel = Cancel::default();
        let ask = |question: &str| -> Result<String, String> {
            let asked = Looking::start(&engine, &[question.to_owned()], ASK_LIMIT, &cancel);
            asked.and_then(Looking::finish).map_err(|why| format!("{WHICH} cannot be run: {why}"))
        };
        let version = ask("--version")?;
        let languages = ask("--list-langs")?;
        // The first line is a heading.
        let languages: Vec<&str> = languages.lines().skip(1).map(str::trim).filter(|line| !line.is_empty()).collect();
        if let Some(missing) = options.language.split('+').find(|wanted| !languages.contains(wanted)) {
            let has = languages.join(", ");
            return Err(format!("{WHICH} has no language {missing}: it has {has}").chars().take(300).collect());
        }
        let name = version.lines().next().unwrap_or_default().split_whitespace().take(2).collect::<Vec<_>>().join(" ");
        // Mode 1 turns a page upright first, for which it needs data of its own.
        let mode = if languages.contains(&"osd") { "1" } else { "3" };
        let arguments = ["stdin", "stdout", "-l", &options.language, "--psm", mode].map(str::to_owned).to_vec();
        engine.name = name.chars().take(40).collect();
        engine.arguments = arguments;
        Ok(engine)
    }

    /// Begins to read a picture.
    pub(super) fn look(&self, limit: Duration, cancel: &Cancel) -> Result<Looking, String> {
        Looking::start(self, &self.arguments, limit, cancel)
    }
}

/// A program in `PATH`. Relative folders there are not looked into: the folder of documents may be the current one.
fn in_path(name: &str) -> Option<PathBuf> {
    let runs = |path: &Path| path.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0);
    let folders = std::env::var_os("PATH")?;
    std::env::split_paths(&folders)
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join(name))
        .find(|p| runs(p))
}

/// The engine at work on one picture.
#[derive(Debug)]
pub(super) struct Looking {
    watchdog: Watchdog,
    input: ChildStdin,
    /// `None`: more than may be.
    output: Receiver<Option<Vec<u8>>>,
    stderr: Receiver<Vec<u8>>,
    limit: Duration,
}

impl Looking {
    fn start(engine: &Engine, arguments: &[String], limit: Duration, cancel: &Cancel) -> Result<Self, String> {
        let mut command = Command::new(&engine.launcher);
        command.arg(LAUNCH).arg(engine.memory_limit.to_string()).arg(&engine.program).args(arguments);
        // One thread: the machine's others read and answer meanwhile, and a new thread is denied anyway.
        command.env_clear().env("OMP_THREAD_LIMIT", "1");
        command.envs(std::env::var_os("TESSDATA_PREFIX").map(|folder| ("TESSDATA_PREFIX", folder)));
        command.current_dir("/").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // A group of its own, as the child that reads documents has: whatever it starts ends with it.
        let mut child = command.process_group(0).spawn().map_err(|error| error.to_string())?;
        let (Some(input), Some(stdout), Some(stderr)) = (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err("it has no pipes".to_owned());
        };
        let watchdog = Watchdog::new(child, cancel.clone()).map_err(|error| error.to_string())?;
        watchdog.arm(limit);
        let output = capped(stdout).map_err(|error| error.to_string())?;
        let stderr = tail_of(stderr).map_err(|error| error.to_string())?;
        Ok(Self { watchdog, input, output, stderr, limit })
    }

    /// Hands it the next bytes of the picture. An error tells that it takes no more; [`Self::finish`] tells why.
    pub(super) fn piece(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.input.write_all(bytes)
    }

    /// Waits for the words; an error says in a clause why there are none.
    pub(super) fn finish(self) -> Result<String, String> {
        let Self { watchdog, input, output, stderr, limit } = self;
        drop(input);
        // It ends for certain: the watchdog closes the pipe with the process.
        let Some(said) = output.recv().unwrap_or_default() else {
            return Err(format!("it gave more than {} KiB of text", MAX_OUTPUT >> 10));
        };
        let status = watchdog.reap();
        match (watchdog.fired(), status) {
            (Some(Fired::Timeout), _) => Err(format!("it took longer than {} s", limit.as_secs_f32())),
            (Some(Fired::Cancelled), _) => Err("it was cancelled".to_owned()),
            (None, Ok(status)) if status.success() => Ok(String::from_utf8_lossy(&said).into_owned()),
            (None, Ok(status)) => {
                let told = stderr.recv_timeout(Duration::from_millis(500)).unwrap_or_default();
                let told = String::from_utf8_lossy(&told);
                tracing::debug!(?status, stderr = %told, "the program that reads pictures failed");
                Err(match (status.signal(), status.code()) {
                    (Some(signal), _) => format!("it crashed (signal {signal})"),
                    (None, code) => format!("it stopped (exit code {})", code.unwrap_or(-1)),
                })
            }
            (None, Err(error)) => Err(error.to_string()),
        }
    }
}

/// All that comes out of a pipe, up to the limit.
fn capped(pipe: impl Read + Send + 'static) -> io::Result<Receiver<Option<Vec<u8>>>> {
    // One message: everything, once the pipe is closed.
    let (sender, receiver) = sync_channel(1);
    std::thread::Builder::new().name("ocr-output".into()).spawn(move || {
        let mut bytes = Vec::new();
        // A broken pipe ends what is read, as its end does.
        let _ = pipe.take(MAX_OUTPUT + 1).read_to_end(&mut bytes);
        // Nobody listens any more when the work was given up.
        let _ = sender.send((bytes.len() as u64 <= MAX_OUTPUT).then_some(bytes));
    })?;
    Ok(receiver)
}
