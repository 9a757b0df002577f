//! Conversations on disk: one append-only file of JSON lines each, private to the user.
//!
//! The first line is the header, every other one a turn or a name that the person gave (`{"name":…}`; the last one counts). A
//! line is acknowledged when it is flushed to the disk, so a crash costs at most the answer in progress; a last line that was
//! cut is ignored on reading and overwritten by the next append. Whoever writes holds the file's lock: a second program that
//! renames a conversation never meets half a turn.

use std::fs::{File, OpenOptions};
use std::io::{BufRead as _, BufReader, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow, bail};
use serde::{Deserialize, Serialize};

use super::search::{Found, Words};
use super::session::{Conversation, SessionId, SessionSummary, Turn, name_of, title_of};
use crate::report::Hinting as _;

/// The format of the header line; a higher one was written by a newer program.
const VERSION: u32 = 1;
/// Most bytes of a header line; paths are shorter.
const LONGEST_HEADER: u64 = 64 << 10;

/// A folder of conversations.
#[derive(Debug, Clone)]
pub struct SessionStore {
    dir: PathBuf,
}

/// Which conversations are about a folder, as their files tell.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Belonging {
    /// Those that say so, whether the rest of them can be read or not.
    pub own: Vec<SessionId>,
    /// Those that do not say what they are about.
    pub unreadable: Vec<SessionId>,
}

#[derive(Serialize, Deserialize)]
struct Header {
    version: u32,
    folder: String,
    created_at: u64,
}

/// A line that names the conversation.
#[derive(Serialize, Deserialize)]
struct Named {
    name: String,
}

/// A line after the header.
enum Line {
    Turn(Box<Turn>),
    Named(Named),
}

/// What every line of a name begins with; no turn does.
const NAME_LINE: &[u8] = b"{\"name\":";

impl SessionStore {
    /// Conversations under `dir`, which is made when the first one is saved.
    pub fn at(dir: PathBuf) -> Self {
        Self { dir }
    }

    /// Appends the turns of `conversation` that are not on the disk yet, durable when this returns.
    pub fn append(&self, conversation: &Conversation) -> Result<()> {
        if conversation.turns.is_empty() {
            return Ok(());
        }
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.dir)
            .with_context(|| format!("{}: cannot make the folder of sessions", self.dir.display()))?;
        let path = self.path(&conversation.id);
        append(&path, conversation).with_context(|| format!("{}: cannot save the session", path.display()))
    }

    /// Gives a conversation a name, durable when this returns. White space becomes single spaces; fails when nothing is left.
    pub fn rename(&self, id: &SessionId, name: &str) -> Result<()> {
        let name = name_of(name);
        if name.is_empty() {
            return Err(anyhow!("a session's name needs a word"))
                .hint("for example: tanya sessions rename ID pear trees");
        }
        // Also tells one that is not there, or that a newer version wrote.
        self.load(id)?;
        let path = self.path(id);
        let write = || -> Result<()> {
            let mut line = serde_json::to_vec(&Named { name })?;
            line.push(b'\n');
            let mut file = OpenOptions::new().read(true).write(true).open(&path)?;
            lock(&file)?;
            let there = whole_lines(&mut file)?;
            file.set_len(there.bytes)?;
            file.seek(SeekFrom::End(0))?;
            file.write_all(&line)?;
            file.sync_data()?;
            Ok(())
        };
        write().with_context(|| format!("{}: cannot rename the session", path.display()))
    }

    /// Reads one conversation.
    pub fn load(&self, id: &SessionId) -> Result<Conversation> {
        let path = self.path(id);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(anyhow!("no session is called {}", id.as_str())).hint("tanya sessions lists them");
            }
            Err(error) => return Err(error).with_context(|| format!("{}: cannot open the session", path.display())),
        };
        read(file, id).with_context(|| format!("{}: not a readable session", path.display()))
    }

    /// All conversations, newest first; a file that cannot be read is left out and logged.
    pub fn list(&self) -> Result<Vec<SessionSummary>> {
        let mut summaries = Vec::new();
        for id in self.ids()? {
            match self.load(&id) {
                Ok(conversation) => summaries.push(summary(conversation)),
                Err(error) => tracing::warn!("{error:#}"),
            }
        }
        summaries.sort_by(newest_first);
        Ok(summaries)
    }

    /// The conversations that were begun last, at most so many, oldest first; one that cannot be read is left out and logged.
    pub fn newest(&self, most: usize) -> Result<Vec<Conversation>> {
        let mut ids = self.ids()?;
        // An id begins with the time at which it was made.
        ids.sort();
        let from = ids.len().saturating_sub(most);
        let load = |id: &SessionId| self.load(id).inspect_err(|error| tracing::warn!("{error:#}")).ok();
        Ok(ids[from..].iter().filter_map(load).collect())
    }

    /// Conversations in one of whose turns, or in whose name, all of `words` stand, newest first; only those about `folder` where
    /// it is given. A file that cannot be read is left out and logged.
    pub fn search(&self, words: &Words, folder: Option<&str>) -> Result<Vec<Found>> {
        let mut found = Vec::new();
        for id in self.ids()? {
            // The first line alone tells what a conversation is about.
            if folder.is_some_and(|folder| self.header(&id).is_none_or(|header| header.folder != folder)) {
                continue;
            }
            match self.load(&id) {
                Ok(conversation) => {
                    if let Some(excerpts) = words.find(&conversation) {
                        found.push(Found { session: summary(conversation), excerpts });
                    }
                }
                Err(error) => tracing::warn!("{error:#}"),
            }
        }
        found.sort_by(|a, b| newest_first(&a.session, &b.session));
        Ok(found)
    }

    /// The conversations about `folder`, told by their first lines alone, and those that do not tell.
    pub fn of_folder(&self, folder: &str) -> Result<Belonging> {
        let mut found = Belonging::default();
        for id in self.ids()? {
            match self.header(&id) {
                Some(header) if header.folder == folder => found.own.push(id),
                Some(_) => {}
                None => found.unreadable.push(id),
            }
        }
        Ok(found)
    }

    /// Whether a turn of a conversation is one of those that `quotes` knows. One that cannot be read wholly may hold any: it is.
    pub fn may_quote(&self, id: &SessionId, quotes: &dyn Fn(&Turn) -> bool) -> bool {
        match self.load(id) {
            Ok(conversation) => conversation.turns.iter().any(quotes),
            Err(_) => true,
        }
    }

    /// Removes a last line that a crash cut: no turn, but text all the same.
    pub fn trim(&self, id: &SessionId) -> Result<()> {
        let path = self.path(id);
        let trim = || -> Result<()> {
            let mut file = OpenOptions::new().read(true).write(true).open(&path)?;
            lock(&file)?;
            let whole = whole_lines(&mut file)?.bytes;
            if whole < file.metadata()?.len() {
                file.set_len(whole)?;
            }
            Ok(())
        };
        trim().with_context(|| format!("{}: cannot trim the session", path.display()))
    }

    fn ids(&self) -> Result<Vec<SessionId>> {
        let cannot = || format!("{}: cannot list sessions", self.dir.display());
        let entries = match std::fs::read_dir(&self.dir) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error).with_context(cannot),
        };
        let mut ids = Vec::new();
        for entry in entries {
            let path = entry.with_context(cannot)?.path();
            let stem = path.file_stem().and_then(|stem| stem.to_str());
            ids.extend(stem.and_then(SessionId::parse).filter(|_| path.extension().is_some_and(|e| e == "jsonl")));
        }
        Ok(ids)
    }

    /// The first line, if it is one.
    fn header(&self, id: &SessionId) -> Option<Header> {
        let mut line = Vec::new();
        BufReader::new(File::open(self.path(id)).ok()?).take(LONGEST_HEADER).read_until(b'\n', &mut line).ok()?;
        serde_json::from_slice(&line).ok()
    }

    /// Deletes one conversation, readable or not.
    pub fn remove(&self, id: &SessionId) -> Result<()> {
        let path = self.path(id);
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                Err(anyhow!("no session is called {}", id.as_str())).hint("tanya sessions lists them")
            }
            result => result.with_context(|| format!("{}: cannot delete the session", path.display())),
        }
    }

    fn path(&self, id: &SessionId) -> PathBuf {
        self.dir.join(format!("{}.jsonl", id.as_str()))
    }
}

/// Writes what is missing: the header, and every turn after those that stand there; a line that a crash cut is overwritten.
fn append(path: &Path, conversation: &Conversation) -> Result<()> {
    let mut file = OpenOptions::new().create(true).truncate(false).read(true).write(true).mode(0o600).open(path)?;
    lock(&file)?;
    let there = whole_lines(&mut file)?;
    file.set_len(there.bytes)?;
    file.seek(SeekFrom::End(0))?;
    let mut lines = Vec::new();
    if there.bytes == 0 {
        let header =
            Header { version: VERSION, folder: conversation.folder.clone(), created_at: conversation.created_at };
        serde_json::to_writer(&mut lines, &header)?;
        lines.push(b'\n');
    }
    for turn in conversation.turns.iter().skip(there.turns) {
        serde_json::to_writer(&mut lines, turn)?;
        lines.push(b'\n');
    }
    file.write_all(&lines)?;
    file.sync_data()?;
    Ok(())
}

fn newest_first(a: &SessionSummary, b: &SessionSummary) -> std::cmp::Ordering {
    b.updated_at.cmp(&a.updated_at).then_with(|| b.id.cmp(&a.id))
}

fn summary(conversation: Conversation) -> SessionSummary {
    SessionSummary {
        turns: conversation.turns.len(),
        updated_at: conversation.turns.last().map_or(conversation.created_at, |turn| turn.asked_at),
        id: conversation.id,
        title: conversation.title,
        folder: conversation.folder,
    }
}

/// Waits for other programs that write this file. File systems without locks have one writer, or bad luck.
fn lock(file: &File) -> std::io::Result<()> {
    match file.lock() {
        Err(error) if error.kind() == std::io::ErrorKind::Unsupported => Ok(()),
        result => result,
    }
}

/// What stands in a file up to its last line break.
#[derive(Default)]
struct Whole {
    bytes: u64,
    turns: usize,
}

fn whole_lines(file: &mut File) -> Result<Whole> {
    let mut whole = Whole::default();
    let mut reader = BufReader::new(file);
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = reader.read_until(b'\n', &mut line)?;
        if !line.ends_with(b"\n") {
            return Ok(whole);
        }
        // The first line is the header.
        whole.turns += usize::from(whole.bytes > 0 && !line.starts_with(NAME_LINE));
        whole.bytes += read as u64;
    }
}

fn read(file: File, id: &SessionId) -> Result<Conversation> {
    let mut lines = BufReader::new(file).split(b'\n');
    let first = lines.next().context("the file is empty")??;
    let header: Header = serde_json::from_slice(&first).context("line 1 is not a session's header")?;
    if header.version > VERSION {
        bail!("it was written by a newer version of tanya (format {})", header.version);
    }
    let mut conversation = Conversation {
        id: id.clone(),
        title: String::new(),
        folder: header.folder,
        created_at: header.created_at,
        turns: Vec::new(),
    };
    let mut name = None;
    let mut lines = lines.enumerate().peekable();
    while let Some((number, line)) = lines.next() {
        match parse(&line?) {
            Ok(Line::Turn(turn)) => conversation.turns.push(*turn),
            Ok(Line::Named(named)) => name = Some(named.name),
            // The program died while it wrote: the turn was never acknowledged.
            Err(_) if lines.peek().is_none() => break,
            Err(error) => bail!("line {}: {error}", number + 2),
        }
    }
    let first = || conversation.turns.first().map(|turn| title_of(&turn.question)).unwrap_or_default();
    conversation.title = name.unwrap_or_else(first);
    Ok(conversation)
}

fn parse(line: &[u8]) -> serde_json::Result<Line> {
    if line.starts_with(NAME_LINE) {
        serde_json::from_slice(line).map(Line::Named)
    } else {
        serde_json::from_slice(line).map(Line::Turn)
    }
}

#[cfg(test)]
#[path = "store/tests.rs"]
mod tests;
