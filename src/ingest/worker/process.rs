//! One child process: its pipes, its clock, and what is said of it when it dies.

use std::io::{self, BufReader, BufWriter, Read, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{ChildStderr, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use tanya_engine::Cancel;

use super::ocr::Engine;
use super::pictures::Pictures;
use super::protocol::{self, Answer, Hello, Open, Ready, Tag, write_frame, write_json};
use super::watchdog::{Fired, Watchdog};
use super::{WorkerOptions, program};
use crate::ingest::extract::Ocr;

/// Longest start of a child: loading the program, setting limits.
const START_LIMIT: Duration = Duration::from_secs(20);
/// How much of the end of stderr is kept.
const STDERR_TAIL: usize = 4 << 10;
/// Page size that `/proc/PID/statm` counts in; larger pages only make replacement come earlier.
const PAGE: u64 = 4096;

/// A running child.
#[derive(Debug)]
pub(super) struct Worker {
    watchdog: Watchdog,
    input: BufWriter<ChildStdin>,
    output: BufReader<ChildStdout>,
    stderr: Receiver<Vec<u8>>,
    time_limit: Duration,
    memory_limit: u64,
    files_limit: u32,
    /// Files it was given.
    pub(super) files: u32,
    without: Vec<String>,
}

impl Worker {
    /// Starts a child and waits until its limits are set.
    pub(super) fn start(options: &WorkerOptions, max_file: u64, cancel: &Cancel) -> Result<Self> {
        let program = program(options)?;
        let mut child = Command::new(&program)
            .args(&options.arguments)
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // A group of its own: Ctrl-C in the terminal is for the parent, and the whole group can be ended.
            .process_group(0)
            .spawn()
            .with_context(|| format!("{}: cannot start the process that reads documents", program.display()))?;
        let (Some(stdin), Some(stdout), Some(stderr)) = (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            bail!("{}: the process that reads documents has no pipes", program.display());
        };
        let mut worker = Self {
            watchdog: Watchdog::new(child, cancel.clone()).context("cannot watch the process that reads documents")?,
            input: BufWriter::with_capacity(64 << 10, stdin),
            output: BufReader::with_capacity(256 << 10, stdout),
            stderr: tail_of(stderr)?,
            time_limit: options.time_limit,
            memory_limit: options.memory_limit,
            files_limit: options.files_per_worker,
            files: 0,
            without: Vec::new(),
        };
        worker.watchdog.arm(START_LIMIT);
        let greeted = worker.greet(options.memory_limit, max_file);
        worker.watchdog.disarm();
        match greeted {
            Ok(without) => {
                if !without.is_empty() {
                    tracing::info!(?without, "the extraction child runs without some limits");
                }
                worker.without = without;
                Ok(worker)
            }
            Err(error) => {
                let epitaph = worker.epitaph(&error);
                Err(anyhow!("{}: the process that reads documents did not start: {epitaph}", program.display()))
            }
        }
    }

    /// The names of the limits and denials that this system could not take.
    pub(super) fn without(&self) -> &[String] {
        &self.without
    }

    fn greet(&mut self, memory: u64, file: u64) -> io::Result<Vec<String>> {
        write_json(&mut self.input, Tag::Hello, &Hello { version: protocol::VERSION, memory, file })?;
        self.input.flush()?;
        let frame = protocol::read_frame(&mut self.output)?.ok_or(io::ErrorKind::UnexpectedEof)?;
        let ready: Ready = frame.json()?;
        if frame.tag != Tag::Ready || ready.version != protocol::VERSION {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "it is of another version"));
        }
        Ok(ready.without)
    }

    /// Starts the clock for one file.
    pub(super) fn arm(&self) {
        self.watchdog.arm(self.time_limit);
    }

    /// Stops the clock.
    pub(super) fn disarm(&self) {
        self.watchdog.disarm();
    }

    /// Whether and why the child was ended by the clock.
    pub(super) fn fired(&self) -> Option<Fired> {
        self.watchdog.fired()
    }

    /// Announces a file.
    pub(super) fn open(&mut self, name: &str, size: u64, ocr: &Ocr) -> io::Result<()> {
        self.files += 1;
        write_json(&mut self.input, Tag::Open, &Open { name: name.to_owned(), size, ocr: ocr.clone() })
    }

    /// Sends some of its bytes.
    pub(super) fn data(&mut self, bytes: &[u8]) -> io::Result<()> {
        write_frame(&mut self.input, Tag::Data, bytes)
    }

    /// Takes the announced file back.
    pub(super) fn discard(&mut self) -> io::Result<()> {
        write_frame(&mut self.input, Tag::Drop, &[])?;
        self.input.flush()
    }

    /// Ends the file and waits for what the child makes of it; `engine` reads its pictures, where there is one.
    pub(super) fn answer(&mut self, engine: Option<&Engine>, cancel: &Cancel) -> io::Result<Answer> {
        write_frame(&mut self.input, Tag::End, &[])?;
        self.input.flush()?;
        let Self { input, output, watchdog, .. } = self;
        let mut pictures = Pictures::new(engine, watchdog, cancel);
        Answer::read(output, &mut |frame| match pictures.take(frame)? {
            Some(seen) => {
                write_json(input, Tag::Seen, &seen)?;
                input.flush()
            }
            None => Ok(()),
        })
    }

    /// Whether it should be replaced before the next file: enough files, or memory that has grown to half of its limit.
    pub(super) fn is_spent(&self) -> bool {
        self.files >= self.files_limit
            || (self.files.is_multiple_of(16) && self.resident().is_some_and(|bytes| bytes > self.memory_limit / 2))
    }

    /// Resident memory in bytes, where the system tells.
    fn resident(&self) -> Option<u64> {
        let statm = std::fs::read_to_string(format!("/proc/{}/statm", self.watchdog.pid())).ok()?;
        Some(statm.split(' ').nth(1)?.parse::<u64>().ok()? * PAGE)
    }

    /// Ends the child and says in one clause why it failed.
    pub(super) fn epitaph(self, error: &io::Error) -> String {
        let Self { watchdog, input, stderr, time_limit, memory_limit, .. } = self;
        // What is still buffered has no reader; flushing it into a dead pipe is of no use.
        drop(input.into_parts());
        let fired = watchdog.fired();
        let status = watchdog.reap();
        let said = stderr.recv_timeout(Duration::from_millis(500)).unwrap_or_default();
        let said = String::from_utf8_lossy(&said);
        tracing::debug!(?fired, ?status, %error, stderr = %said, "the extraction child ended");
        match fired {
            Some(Fired::Timeout) => format!("reading it took longer than {} s", time_limit.as_secs_f32()),
            Some(Fired::Cancelled) => "cancelled".to_owned(),
            None if error.kind() == io::ErrorKind::InvalidData => format!("the reader's answer was not valid: {error}"),
            None => cause_of_death(status.ok(), &said, memory_limit),
        }
    }
}

fn cause_of_death(status: Option<ExitStatus>, said: &str, memory_limit: u64) -> String {
    if said.contains("memory allocation of") {
        return format!("reading it needs more than {} MiB of memory", memory_limit >> 20);
    }
    if said.contains("overflowed its stack") {
        return "nested too deep: the reader ran out of stack".to_owned();
    }
    match status {
        Some(status) => match (status.signal(), status.code()) {
            (Some(signal), _) => format!("the reader crashed on it (signal {signal})"),
            (None, Some(code)) => format!("the reader stopped without an answer (exit code {code})"),
            (None, None) => "the reader stopped without an answer".to_owned(),
        },
        None => "the reader stopped without an answer".to_owned(),
    }
}

/// Keeps the end of what the child says on stderr; it is never printed.
pub(super) fn tail_of(mut stderr: ChildStderr) -> Result<Receiver<Vec<u8>>> {
    // One message: the tail, once the child has closed the pipe.
    let (sender, receiver) = sync_channel(1);
    std::thread::Builder::new()
        .name("extract-stderr".into())
        .spawn(move || {
            let mut tail = Vec::new();
            let mut buffer = [0; 1024];
            while let Ok(count @ 1..) = stderr.read(&mut buffer) {
                tail.extend_from_slice(&buffer[..count]);
                let surplus = tail.len().saturating_sub(STDERR_TAIL);
                tail.drain(..surplus);
            }
            // Nobody listens any more when the child ended as planned.
            let _ = sender.send(tail);
        })
        .context("cannot listen to the process that reads documents")?;
    Ok(receiver)
}
