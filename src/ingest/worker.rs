//! The parent's side of extraction: one child process, kept for many files, trusted with none.
//!
//! A parser that crashes, hangs or eats memory costs its file and nothing else: the child is ended, the file gets its
//! reason, a new child reads the next one. The parent opens the files and sends their bytes; the child can open nothing.

#[cfg(debug_assertions)]
mod chaos;
mod child;
mod confine;
mod launch;
mod limits;
mod ocr;
mod pictures;
mod process;
mod protocol;
mod watchdog;

pub use child::worker_main;
pub use launch::confined_main;
pub use ocr::OcrOptions;
pub(crate) use protocol::{Answer, Noticed};

use std::ffi::OsString;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use tanya_engine::Cancel;
use tanya_index::{ContentHash, FileStamp};

use super::extract::Ocr;
use super::scan::{Opened, mtime_ns, open_regular};
use ocr::Engine;
use process::Worker;
use watchdog::Fired;

/// How the extraction child is run.
#[derive(Debug, Clone)]
pub struct WorkerOptions {
    /// The program that is the child; `None`: the running one.
    pub program: Option<PathBuf>,
    /// Its arguments.
    pub arguments: Vec<OsString>,
    /// Longest time for one file, reading included.
    pub time_limit: Duration,
    /// Address space of the child in bytes.
    pub memory_limit: u64,
    /// A child is replaced after this many files.
    pub files_per_worker: u32,
}

impl Default for WorkerOptions {
    fn default() -> Self {
        Self {
            program: None,
            arguments: vec!["__extract".into()],
            time_limit: Duration::from_mins(1),
            memory_limit: 1 << 30,
            files_per_worker: 2000,
        }
    }
}

/// What became of one file.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// The child answered (that a file holds no text is an answer too), and how long it took.
    Read(Box<Answer>, FileStamp, Duration),
    /// The child did not survive the file: the reason, the stamp that keeps it from being tried again, and how long it took.
    Broken(String, FileStamp, Duration),
    /// The file could not be opened or read.
    Unreadable(io::Error),
    /// It kept changing while it was read.
    Unsteady,
    /// The work was cancelled meanwhile.
    Cancelled,
}

/// One file to read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Request<'a> {
    /// The folder.
    pub(crate) root: &'a Path,
    /// The file below it.
    pub(crate) relative: &'a Path,
    /// Its name as text, without folders.
    pub(crate) name: &'a str,
    /// At most this many bytes are read.
    pub(crate) limit: u64,
}

/// How often a file that changes under the reader is started again.
const CHANGE_RETRIES: u32 = 3;

/// Reads files through a child process.
#[derive(Debug)]
pub(crate) struct Extractor<'a> {
    options: &'a WorkerOptions,
    pictures: &'a OcrOptions,
    ocr: Ocr,
    max_file: u64,
    cancel: &'a Cancel,
    worker: Option<Worker>,
    /// How many children were started.
    pub(crate) started: u32,
}

/// Reads frames until one is not valid.
#[cfg(any(test, fuzzing))]
pub(crate) fn read_all_frames(mut bytes: &[u8]) {
    while let Ok(Some(frame)) = protocol::read_frame(&mut bytes) {
        drop(frame);
    }
}

/// The limits and denials that this system cannot put on the process which reads documents: none on a Linux of today.
///
/// # Errors
/// When the process cannot be started.
pub fn confinement(options: &WorkerOptions) -> Result<Vec<String>> {
    Ok(Worker::start(options, 0, &Cancel::new())?.without().to_vec())
}

impl<'a> Extractor<'a> {
    /// An extractor without a child yet; `max_file` is the largest limit that a request will have.
    pub(crate) fn new(options: &'a WorkerOptions, pictures: &'a OcrOptions, max_file: u64, cancel: &'a Cancel) -> Self {
        Self { options, pictures, ocr: pictures.ocr(options), max_file, cancel, worker: None, started: 0 }
    }

    /// Reads one file. An error means that no child can be run at all.
    pub(crate) fn read(&mut self, request: Request<'_>) -> Result<Outcome> {
        let cancel = self.cancel;
        let mut changes = 0;
        let mut second_try = false;
        loop {
            if self.cancel.is_cancelled() {
                return Ok(Outcome::Cancelled);
            }
            let opened = match open_regular(request.root, request.relative) {
                Ok(opened) => opened,
                Err(error) => return Ok(Outcome::Unreadable(error)),
            };
            match self.ready_worker() {
                Ok(()) => {}
                Err(_) if cancel.is_cancelled() => return Ok(Outcome::Cancelled),
                Err(error) => return Err(error),
            }
            let Self { worker: Some(worker), ocr, pictures, .. } = self else { return Ok(Outcome::Unsteady) };
            let eyes = Eyes { ocr, engine: pictures.engine(), cancel };
            let fresh = worker.files == 0;
            worker.arm();
            let start = Instant::now();
            let tried = attempt(worker, &opened, request, &eyes);
            let took = start.elapsed();
            worker.disarm();
            match tried {
                // A picture whose reading was cut short is not one that cannot be read.
                Ok(Attempt::Answered(..)) if cancel.is_cancelled() => return Ok(Outcome::Cancelled),
                Ok(Attempt::Answered(answer, stamp)) => return Ok(Outcome::Read(answer, stamp, took)),
                Ok(Attempt::Unreadable(error)) => {
                    self.worker = None;
                    return Ok(Outcome::Unreadable(error));
                }
                Ok(Attempt::Changed) => {
                    changes += 1;
                    if changes >= CHANGE_RETRIES {
                        return Ok(Outcome::Unsteady);
                    }
                }
                Err(error) => {
                    let Some(worker) = self.worker.take() else { return Ok(Outcome::Unsteady) };
                    let fired = worker.fired();
                    let reason = worker.epitaph(&error);
                    match fired {
                        Some(Fired::Cancelled) => return Ok(Outcome::Cancelled),
                        // Memory that earlier files left behind may be to blame: once more, alone.
                        None if !fresh && !second_try => second_try = true,
                        Some(Fired::Timeout) | None => {
                            let stamp = hash_of(&opened, request.limit)
                                .map_or(opened.stamp.clone(), |hash| FileStamp { hash: Some(hash), ..opened.stamp });
                            return Ok(Outcome::Broken(reason, stamp, took));
                        }
                    }
                }
            }
        }
    }

    /// Makes sure that there is a child.
    fn ready_worker(&mut self) -> Result<()> {
        if self.worker.as_ref().is_none_or(Worker::is_spent) {
            self.worker = None;
            self.started += 1;
            self.worker = Some(Worker::start(self.options, self.max_file, self.cancel)?);
        }
        Ok(())
    }
}

/// What is done about the pictures of a file.
struct Eyes<'a> {
    ocr: &'a Ocr,
    engine: Option<&'a Engine>,
    cancel: &'a Cancel,
}

/// The program that is started as a child.
fn program(options: &WorkerOptions) -> Result<PathBuf> {
    match &options.program {
        Some(program) => Ok(program.clone()),
        None => {
            std::env::current_exe().context("cannot find the running program, which reads documents in a child process")
        }
    }
}

fn hash_of(opened: &Opened, limit: u64) -> io::Result<ContentHash> {
    use std::io::Seek;
    (&opened.file).rewind()?;
    super::scan::hash_file(opened, limit)
}

enum Attempt {
    Answered(Box<Answer>, FileStamp),
    Changed,
    Unreadable(io::Error),
}

/// Sends one open file and takes the answer. An error is the child's; the file's own errors are outcomes.
fn attempt(worker: &mut Worker, opened: &Opened, request: Request<'_>, eyes: &Eyes<'_>) -> io::Result<Attempt> {
    worker.open(request.name, opened.stamp.size, eyes.ocr)?;
    let mut hasher = blake3::Hasher::new();
    let mut buffer = vec![0; (opened.stamp.size.clamp(1, protocol::BATCH_BYTES as u64)) as usize];
    let mut left = request.limit;
    while left > 0 {
        let want = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        match (&opened.file).read(&mut buffer[..want]) {
            Ok(0) => break,
            Ok(count) => {
                hasher.update(&buffer[..count]);
                worker.data(&buffer[..count])?;
                left -= count as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Ok(Attempt::Unreadable(error)),
        }
    }
    // The bytes are of one state of the file only if it is still the same (size and time of the open file itself).
    let unchanged = opened
        .file
        .metadata()
        .is_ok_and(|now| now.len() == opened.stamp.size && mtime_ns(&now) == opened.stamp.mtime_ns);
    let read = request.limit - left;
    if !unchanged || read != opened.stamp.size.min(request.limit) {
        worker.discard()?;
        return Ok(Attempt::Changed);
    }
    let answer = worker.answer(eyes.engine, eyes.cancel)?;
    let stamp = FileStamp { hash: Some(ContentHash(hasher.finalize().into())), ..opened.stamp.clone() };
    Ok(Attempt::Answered(Box::new(answer), stamp))
}
