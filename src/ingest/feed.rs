//! A plan → the library: renames and removals, then the files in the order in which they are of use, in growing commits.
//!
//! One thread opens files and talks to the extraction child, the caller's stores what comes back: reading and storing
//! overlap on two cores. Small text comes first and the first commit early, so that a folder is searchable after moments.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use tanya_engine::Cancel;
use tanya_index::{Document, FileStamp, FileState, Problem, Reading, Writer};

use super::extract::{Guess, Kind, is_picture, of_name};
use super::plan::{Found, Plan, Verdict};
use super::problem::with_hint;
use super::queue::Queue;
use super::scan::io_reason;
use super::worker::{Extractor, Noticed, Outcome, Request};
use super::{IngestOptions, Progress, Summary, name_of, now_ns, settled};
use crate::paths;

/// Bytes of text that wait between the reading and the storing thread.
const QUEUE_BYTES: usize = 16 << 20;
/// The first commit comes after this time or this many documents …
const FIRST_COMMIT: Duration = Duration::from_millis(100);
const FIRST_DOCUMENTS: u32 = 50;
/// … each later one after twice the time, up to this, or when this much text has come together.
const MAX_WAIT: Duration = Duration::from_secs(1);
const MAX_BATCH: usize = 32 << 20;
/// Files below this size come before larger ones.
const SMALL_FILE: u64 = 256 << 10;

/// Applies a plan.
pub(super) struct Feed<'a> {
    pub(super) root: &'a Path,
    pub(super) writer: &'a mut Writer,
    pub(super) options: &'a IngestOptions,
    pub(super) cancel: &'a Cancel,
    pub(super) sink: &'a mut dyn FnMut(Progress),
    pub(super) summary: &'a mut Summary,
}

/// Whether the library knows a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Novelty {
    New,
    Known,
}

/// A file to read, or to list unread.
#[derive(Debug)]
struct Job {
    found: Found,
    novelty: Novelty,
}

/// What came of a job.
#[derive(Debug)]
enum Done {
    Document(Box<Document>),
    /// The file went away meanwhile.
    Gone(String),
}

/// How far the work is.
#[derive(Debug, Clone, Copy)]
struct Counter {
    done: u64,
    total: u64,
}

impl Feed<'_> {
    pub(super) fn run(&mut self, plan: Plan) -> Result<()> {
        let moved = self.move_and_remove(&plan)?;
        let jobs = jobs(plan);
        let mut batch = Batch::new(moved);
        let mut counter = Counter { done: 0, total: jobs.len() as u64 };
        let queue = Queue::new(QUEUE_BYTES);
        let (root, options, cancel) = (self.root, self.options, self.cancel);
        std::thread::scope(|scope| {
            let queue = &queue;
            let reader = std::thread::Builder::new()
                .name("ingest-reader".into())
                .spawn_scoped(scope, move || {
                    let read = read_all(root, options, cancel, jobs, queue);
                    queue.close();
                    read
                })
                .context("cannot start the reading thread")?;
            let stored = self.store_all(queue, &mut batch, &mut counter);
            // After an error the reader must not wait for a taker.
            queue.close();
            let read = reader.join().map_err(|_| anyhow!("the reading thread failed"))?;
            stored?;
            // What was read before a failure or a cancel is kept.
            self.commit(&mut batch, counter)?;
            self.summary.workers = read?;
            Ok(())
        })
    }

    fn store_all(&mut self, queue: &Queue<(Novelty, Done)>, batch: &mut Batch, counter: &mut Counter) -> Result<()> {
        while let Some((novelty, done)) = queue.pop() {
            counter.done += 1;
            batch.count(weight(&done));
            let path = self.store(novelty, done)?;
            (self.sink)(Progress::File { path, done: counter.done, total: counter.total });
            if batch.is_due() {
                self.commit(batch, *counter)?;
            }
        }
        Ok(())
    }

    /// Whether anything is to be committed.
    fn move_and_remove(&mut self, plan: &Plan) -> Result<bool> {
        let now = now_ns();
        for path in &plan.remove {
            self.writer.remove(path)?;
        }
        for rename in &plan.rename {
            self.writer.rename(&rename.from, &rename.to)?;
            self.writer.touch(&rename.to, &settled(&rename.stamp, now))?;
        }
        for (path, stamp) in &plan.touch {
            self.writer.touch(path, &settled(stamp, now))?;
        }
        Ok(!(plan.remove.is_empty() && plan.rename.is_empty() && plan.touch.is_empty()))
    }

    /// Hands one result to the writer; returns its path.
    fn store(&mut self, novelty: Novelty, done: Done) -> Result<String> {
        let document = match done {
            Done::Gone(path) => {
                if novelty == Novelty::Known {
                    self.writer.remove(&path)?;
                    self.summary.removed += 1;
                }
                return Ok(path);
            }
            Done::Document(document) => *document,
        };
        match novelty {
            Novelty::New => self.summary.added += 1,
            Novelty::Known => self.summary.changed += 1,
        }
        self.summary.chunks += document.chunks.len() as u64;
        self.summary.bytes += document.stamp.size;
        if document.state != FileState::Indexed {
            self.summary.problems += 1;
            let reason = document.reason.clone().unwrap_or_default();
            let problem = Problem { path: document.path.clone(), state: document.state, reason, hint: None };
            (self.sink)(Progress::Problem(with_hint(problem)));
        }
        let path = document.path.clone();
        self.writer.upsert(document)?;
        Ok(path)
    }

    fn commit(&mut self, batch: &mut Batch, counter: Counter) -> Result<()> {
        if batch.dirty {
            self.writer.commit()?;
            batch.committed();
            (self.sink)(Progress::Committed { done: counter.done, total: counter.total });
        }
        Ok(())
    }
}

/// What was handed to the writer since the last commit.
#[derive(Debug)]
struct Batch {
    dirty: bool,
    documents: u32,
    bytes: usize,
    since: Instant,
    wait: Duration,
    max_documents: u32,
}

impl Batch {
    fn new(dirty: bool) -> Self {
        Self {
            dirty,
            documents: 0,
            bytes: 0,
            since: Instant::now(),
            wait: FIRST_COMMIT,
            max_documents: FIRST_DOCUMENTS,
        }
    }

    fn count(&mut self, bytes: usize) {
        self.dirty = true;
        self.documents += 1;
        self.bytes += bytes;
    }

    fn is_due(&self) -> bool {
        self.documents >= self.max_documents || self.bytes >= MAX_BATCH || self.since.elapsed() >= self.wait
    }

    fn committed(&mut self) {
        let wait = (self.wait * 2).min(MAX_WAIT);
        *self = Self { dirty: false, documents: 0, bytes: 0, since: Instant::now(), wait, max_documents: u32::MAX };
    }
}

fn weight(done: &Done) -> usize {
    match done {
        Done::Document(document) => {
            256 + document.chunks.iter().map(|chunk| chunk.text.len() + chunk.heading.len() + 64).sum::<usize>()
        }
        Done::Gone(_) => 64,
    }
}

/// The files of a plan in the order of their use: small notes, other small files, large ones, pictures, then what is only listed.
fn jobs(plan: Plan) -> Vec<Job> {
    let new = plan.add.into_iter().map(|found| Job { found, novelty: Novelty::New });
    let known = plan.change.into_iter().map(|found| Job { found, novelty: Novelty::Known });
    let mut jobs: Vec<Job> = new.chain(known).collect();
    jobs.sort_by_cached_key(|Job { found, .. }| {
        let notes = matches!(
            of_name(name_of(&found.path)),
            Guess::Known(Kind::Markdown | Kind::Text | Kind::Rst | Kind::Org) | Guess::Unknown
        );
        let class = match found.verdict {
            // Each takes a second or so.
            Verdict::Read if is_picture(name_of(&found.path)) => 3,
            Verdict::Read if found.size > SMALL_FILE => 2,
            Verdict::Read => i32::from(!notes),
            Verdict::Unread(..) => 4,
        };
        (class, if class == 2 { found.size } else { 0 }, found.path.clone())
    });
    jobs
}

/// Reads all files, in order; returns how many child processes it took. Stops early, without an error, on a cancel and when
/// the queue is closed.
fn read_all(
    root: &Path,
    options: &IngestOptions,
    cancel: &Cancel,
    jobs: Vec<Job>,
    queue: &Queue<(Novelty, Done)>,
) -> Result<u32> {
    let max_file = options.scan.max_text_bytes.max(options.scan.max_document_bytes);
    let mut extractor = Extractor::new(&options.worker, &options.ocr, max_file, cancel);
    for job in jobs {
        if cancel.is_cancelled() {
            break;
        }
        let Some(done) = read_one(root, options, &mut extractor, job.found)? else { break };
        let bytes = weight(&done);
        if !queue.push((job.novelty, done), bytes) {
            break;
        }
    }
    Ok(extractor.started)
}

/// Reads one file; `None` after a cancel.
fn read_one(root: &Path, options: &IngestOptions, extractor: &mut Extractor<'_>, found: Found) -> Result<Option<Done>> {
    let without_text = |found: Found, stamp: FileStamp, state, reason: String| Document {
        path: found.path,
        stamp,
        title: String::new(),
        chunks: Vec::new(),
        tags: Vec::new(),
        state,
        reason: Some(reason),
        reading: None,
    };
    let never_read = FileStamp { hash: None, ..found.stamp() };
    if let Verdict::Unread(state, reason) = &found.verdict {
        let (state, reason) = (*state, reason.clone());
        return Ok(Some(Done::Document(Box::new(without_text(found, never_read, state, reason)))));
    }
    let relative = paths::decode(&found.path);
    let name = name_of(&found.path);
    let limit = options.scan.read_limit(name);
    let request = Request { root, relative: &relative, name, limit };
    let now = now_ns();
    let document = match extractor.read(request)? {
        Outcome::Cancelled => return Ok(None),
        Outcome::Read(answer, stamp, took) => {
            let answer = *answer;
            Document {
                path: found.path,
                reading: Some(reading(took, stamp.size.min(limit), answer.noticed)),
                stamp: settled(&stamp, now),
                title: answer.title,
                chunks: answer.chunks,
                tags: answer.tags,
                state: answer.state,
                reason: answer.reason,
            }
        }
        Outcome::Broken(reason, stamp, took) => Document {
            reading: Some(reading(took, stamp.size.min(limit), Noticed::default())),
            ..without_text(found, settled(&stamp, now), FileState::Failed, reason)
        },
        Outcome::Unreadable(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Ok(Some(Done::Gone(found.path)));
        }
        // Without a hash: tried again by the next update, as its stamp will not tell when the cause is gone.
        Outcome::Unreadable(error) => {
            without_text(found, never_read, FileState::Failed, format!("cannot be opened: {}", io_reason(Some(&error))))
        }
        Outcome::Unsteady => {
            without_text(found, never_read, FileState::Failed, "it keeps changing while it is read".to_owned())
        }
    };
    Ok(Some(Done::Document(Box::new(document))))
}

/// The account of a reading.
fn reading(took: Duration, bytes: u64, noticed: Noticed) -> Reading {
    let Noticed { hidden_words, hidden_characters, control_tokens, instructions } = noticed;
    Reading { took, bytes, hidden_words, hidden_characters, control_tokens, instructions }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, size: u64) -> Found {
        Found { path: path.into(), size, mtime_ns: 0, verdict: Verdict::Read, hash: None }
    }

    #[test]
    fn small_notes_come_first_and_unread_files_last() {
        let listed = Found { verdict: Verdict::Unread(FileState::Skipped, "x".into()), ..found("a.docx", 1) };
        let add = vec![
            listed,
            found("b.png", 5),
            found("big.md", 1 << 20),
            found("b.pdf", 10),
            found("z.md", 10),
            found("huge.txt", 1 << 30),
        ];
        let order: Vec<_> = jobs(Plan { add, change: vec![found("a.txt", 5)], ..Plan::default() })
            .into_iter()
            .map(|job| job.found.path)
            .collect();
        assert_eq!(order, ["a.txt", "z.md", "b.pdf", "big.md", "huge.txt", "b.png", "a.docx"]);
    }

    #[test]
    fn commits_start_early_and_grow() {
        let mut batch = Batch::new(false);
        (0..FIRST_DOCUMENTS - 1).for_each(|_| batch.count(10));
        assert!(batch.documents < batch.max_documents);
        batch.count(10);
        assert!(batch.is_due());
        for _ in 0..10 {
            batch.committed();
        }
        assert!(!batch.dirty && !batch.is_due());
        assert_eq!(batch.wait, MAX_WAIT);
        batch.count(MAX_BATCH);
        assert!(batch.is_due());
    }
}
