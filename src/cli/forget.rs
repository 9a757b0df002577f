//! `tanya forget`: removes all that is remembered of single files, and keeps them from being read again.
//!
//! Order: conversations, then the log, then the library. Which conversations quote a file can only be told as long as the library has
//! its text; killed in between, the same command starts over, and killed within the library, the next start completes it.

use std::path::{Component, Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, anyhow};
use serde::Serialize;
use tanya_index::{Forgotten, Library, Writer};

use super::purge::{confirmed, conversations};
use super::{App, output};
use crate::chat::{SessionId, SessionStore, Turn};
use crate::paths;
use crate::places::Folder;
use crate::report::Hinting as _;

/// Arguments of `tanya forget`.
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Files and folders as answers name them, below the folder; they need not be there any more
    #[arg(required_unless_present = "list", value_name = "PATH", value_hint = clap::ValueHint::AnyPath)]
    paths: Vec<PathBuf>,
    /// The folder; its documents stay as they are
    #[arg(long, default_value = ".", value_hint = clap::ValueHint::DirPath)]
    folder: PathBuf,
    /// Let what was forgotten be read again
    #[arg(long, conflicts_with = "list")]
    undo: bool,
    /// List what was forgotten
    #[arg(long, conflicts_with = "paths")]
    list: bool,
    /// Do not ask
    #[arg(long, short)]
    yes: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Done {
    forgotten: Vec<String>,
    files: u64,
    conversations: usize,
    /// Conversations that do not tell which folder they are about; they stay.
    unreadable_conversations: usize,
}

pub(super) fn run(app: &App, args: &Args) -> Result<ExitCode> {
    let folder = app.remembered(&args.folder)?;
    let library = Library::open(&app.places.library(&folder))
        .with_context(|| format!("{}: cannot open its library", folder.display()))?;
    for notice in library.notices() {
        output::note(notice);
    }
    if args.list {
        return list(&library, args.json);
    }
    let known: Vec<String> = library.files().context("cannot read the library")?.into_iter().map(|f| f.path).collect();
    let named = args.paths.iter().map(|path| entry(path, &folder, &known)).collect::<Result<Vec<String>>>()?;
    let mut writer = match library.writer() {
        Err(error @ tanya_index::Error::Locked { .. }) => {
            return Err(error)
                .context("cannot write the library")
                .hint("close every other tanya on this folder and run the same command again");
        }
        writer => writer.context("cannot write the library")?,
    };
    if args.undo {
        return undo(&mut writer, &named, args.json);
    }
    let which: Forgotten = named.iter().cloned().collect();
    let store = SessionStore::at(app.places.sessions());
    let (quoting, others, unreadable) = sessions(app, &folder, &library, &which, &store)?;
    let listed = named.join(", ");
    let what = format!(
        "everything about {listed} in the library of {}, {} in which it was a source, and the log",
        folder.display(),
        conversations(quoting.len())
    );
    if !args.yes && !confirmed("forget", &what)? {
        return Ok(ExitCode::FAILURE);
    }
    for session in &quoting {
        store.remove(session)?;
    }
    others.iter().try_for_each(|session| store.trim(session))?;
    app.clear_traces()?;
    let files = writer.forget(&which).context("not everything could be forgotten yet")?;
    writer.finish().context("cannot finish the library")?;
    if args.json {
        let done = Done { forgotten: named, files, conversations: quoting.len(), unreadable_conversations: unreadable };
        output::json(&done)?;
        return Ok(ExitCode::SUCCESS);
    }
    output::line(&output::shown(&format!(
        "forgot {listed}: {files} file{} and {}; it will not be read again (tanya forget --undo lets it)",
        if files == 1 { "" } else { "s" },
        conversations(quoting.len()),
    )))?;
    if unreadable > 0 {
        output::note(&format!(
            "{} cannot be read and may quote it too: tanya purge --all-unreadable removes them with all of a folder, \
             tanya sessions rm one by one",
            conversations(unreadable)
        ));
    }
    Ok(ExitCode::SUCCESS)
}

fn list(library: &Library, json: bool) -> Result<ExitCode> {
    let forgotten = library.forgotten().context("cannot read the library")?;
    if json {
        output::json(&serde_json::json!({ "forgotten": forgotten.paths().collect::<Vec<_>>() }))?;
    } else if forgotten.is_empty() {
        output::line("nothing was forgotten")?;
    } else {
        forgotten.paths().try_for_each(|path| output::line(&output::shown(path)))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// What was forgotten as a file may be a folder now, and the other way round: either form will do.
fn undo(writer: &mut Writer, named: &[String], json: bool) -> Result<ExitCode> {
    let forms: Forgotten = named
        .iter()
        .map(|path| path.trim_end_matches('/'))
        .flat_map(|path| [path.to_owned(), format!("{path}/")])
        .collect();
    let undone = writer.undo_forget(&forms).context("cannot write the library")?;
    if undone.is_empty() {
        return Err(anyhow!("{}: was not forgotten", named.join(", ")))
            .hint("tanya forget --list shows what was; a file of a forgotten folder comes back with the folder");
    }
    if json {
        output::json(&serde_json::json!({ "undone": undone }))?;
    } else {
        output::line(&output::shown(&format!("{}: read again by the next update", undone.join(", "))))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The conversations about the folder that quote a file, the others about it, and how many do not tell what they are about.
fn sessions(
    app: &App,
    folder: &Folder,
    library: &Library,
    which: &Forgotten,
    store: &SessionStore,
) -> Result<(Vec<SessionId>, Vec<SessionId>, usize)> {
    // A passage tells where a path does not: the file may have had another name when it was quoted.
    let texts = library.texts_of(which).context("cannot read the library")?;
    let quotes = |turn: &Turn| {
        let answer = &turn.answer;
        answer.sources.iter().any(|source| which.covers(&source.path) || texts.contains(&source.text))
            || answer.citations.iter().any(|citation| which.covers(&citation.path))
    };
    let found = app.conversations(folder)?;
    let (quoting, others) = found.own.into_iter().partition(|session| store.may_quote(session, &quotes));
    Ok((quoting, others, found.unreadable.len()))
}

/// A path as the library names it, a folder with a final `/`. Relative paths are those of answers, below the folder; where the folder
/// has none such, the current directory's.
fn entry(path: &Path, folder: &Folder, known: &[String]) -> Result<String> {
    let below = |path: &Path| folder.path().join(path);
    let here = std::path::absolute(path).with_context(|| format!("{}: not a path", path.display()))?;
    let is_known = |path: &Path| {
        let name = name_of(path).unwrap_or_default();
        known.iter().any(|file| *file == name || file.starts_with(&format!("{name}/")))
    };
    let (absolute, relative) = if path.is_absolute() {
        (here, None)
    } else if is_known(path) || below(path).symlink_metadata().is_ok() || here.symlink_metadata().is_err() {
        (below(path), name_of(path))
    } else {
        (here, None)
    };
    let relative = relative.or_else(|| strip(&absolute, folder));
    let Some(name) = relative.filter(|name| !name.is_empty()) else {
        return Err(anyhow!("{}: not below {}", path.display(), folder.display()))
            .hint("name files and folders below the folder; tanya purge removes all of it");
    };
    let is_folder = path.as_os_str().as_encoded_bytes().ends_with(b"/")
        || absolute.symlink_metadata().is_ok_and(|meta| meta.is_dir())
        || known.iter().any(|file| file.starts_with(&format!("{name}/")));
    Ok(if is_folder { format!("{name}/") } else { name })
}

/// An absolute path below the folder, by what stands below it. Links above the folder are followed, links below it are not.
fn strip(absolute: &Path, folder: &Folder) -> Option<String> {
    absolute.ancestors().find_map(|above| {
        let is_folder = above.canonicalize().is_ok_and(|above| above == folder.path());
        // A folder that is gone has its path alone.
        if !is_folder && above != folder.path() {
            return None;
        }
        name_of(absolute.strip_prefix(above).ok()?)
    })
}

/// A relative path in the library's words, without `.` and `..`; `None` when it leads out.
fn name_of(path: &Path) -> Option<String> {
    let mut parts = PathBuf::new();
    for component in path.components() {
        match component {
            Component::Normal(part) => parts.push(part),
            Component::CurDir => {}
            Component::ParentDir if parts.pop() => {}
            _ => return None,
        }
    }
    Some(paths::encode(&parts))
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use tanya_index::{Document, FileStamp, FileState, NewChunk, Span};

    use super::*;
    use crate::answer::{Answer, Source, Trace, TracedPassage, TracedText};
    use crate::chat::Conversation;

    /// Nonsense that only the text of the document holds, and one that only a receipt does.
    const WORD: &str = "zuqimvoxelthrabjun";
    const KEPT: &str = "qorvemiltasundexaph";

    /// A library of a diary, and a conversation that quotes it, with its receipt.
    fn remembered(app: &App, folder: &Folder) {
        std::fs::create_dir_all(app.places.log_file().parent().unwrap()).unwrap();
        let library = Library::open(&app.places.library(folder)).unwrap();
        let mut writer = library.writer().unwrap();
        let text = format!("I pruned the tree with the {WORD}.");
        let chunk = NewChunk {
            span: Span { start_line: 1, end_line: 1, page: None },
            heading: String::new(),
            text: text.clone(),
        };
        writer
            .upsert(Document {
                path: "diary.md".into(),
                stamp: FileStamp { size: 1, mtime_ns: 1, hash: None },
                title: String::new(),
                chunks: vec![chunk],
                tags: Vec::new(),
                state: FileState::Indexed,
                reason: None,
                reading: None,
            })
            .unwrap();
        writer.commit().unwrap();
        writer.finish().unwrap();
        let mut trace = Trace { wrote: Some(format!("With the {KEPT}.")), ..Trace::default() };
        trace.query.texts.push(TracedText { text: format!("What is the {KEPT}?"), weight: 1.0 });
        trace.passages.push(TracedPassage { n: 1, read: Some((0, text.len())), ..TracedPassage::default() });
        let answer = Answer {
            sources: vec![Source { path: "diary.md".into(), ..Source::of_text(1, &text) }],
            trace: Some(Box::new(trace)),
            ..crate::answer::Answer::of_text("With that.")
        };
        let mut conversation = Conversation::new(&folder.path().display().to_string(), SystemTime::now());
        conversation.push(Turn::new("With what?".into(), answer, 1));
        SessionStore::at(app.places.sessions()).append(&conversation).unwrap();
    }

    /// The files of the program that hold eight bytes of either word.
    fn holders(root: &Path) -> Vec<PathBuf> {
        let pieces: Vec<&[u8]> = WORD.as_bytes().windows(8).chain(KEPT.as_bytes().windows(8)).collect();
        let (mut dirs, mut found) = (vec![root.to_owned()], Vec::new());
        while let Some(dir) = dirs.pop() {
            for entry in std::fs::read_dir(dir).unwrap().map(Result::unwrap) {
                if entry.file_type().unwrap().is_dir() {
                    dirs.push(entry.path());
                } else if std::fs::read(entry.path()).unwrap().windows(8).any(|here| pieces.contains(&here)) {
                    found.push(entry.path());
                }
            }
        }
        found
    }

    #[test]
    fn the_receipts_of_what_is_forgotten_or_purged_leave_with_every_byte() {
        for purges in [false, true] {
            let (root, docs) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
            let (app, folder) = (App::under(root.path()), Folder::open(docs.path()).unwrap());
            remembered(&app, &folder);
            let before = holders(root.path());
            assert!(
                before.iter().any(|path| path.ends_with("library.sqlite")),
                "the search sees the library: {before:?}"
            );
            let session = before.into_iter().find(|path| path.extension().is_some_and(|e| e == "jsonl"));
            let session = std::fs::read_to_string(session.expect("the search sees the conversation")).unwrap();
            assert!(session.contains(WORD) && session.contains(KEPT), "{session}");
            if purges {
                let args = crate::cli::purge::Args { folder: docs.path().into(), all_unreadable: false, yes: true };
                crate::cli::purge::run(&app, &args).unwrap();
            } else {
                let args = Args {
                    paths: vec!["diary.md".into()],
                    folder: docs.path().into(),
                    undo: false,
                    list: false,
                    yes: true,
                    json: true,
                };
                run(&app, &args).unwrap();
            }
            assert_eq!(holders(root.path()), Vec::<PathBuf>::new(), "purges: {purges}");
        }
    }

    #[test]
    fn paths_are_taken_below_the_folder_however_they_are_written() {
        let root = tempfile::tempdir().unwrap();
        let notes = root.path().join("notes");
        std::fs::create_dir_all(notes.join("letters/old")).unwrap();
        std::fs::write(notes.join("a.md"), "x").unwrap();
        std::os::unix::fs::symlink(&notes, root.path().join("link")).unwrap();
        let folder = Folder::open(&notes).unwrap();
        let known = ["gone/b.md".to_owned(), "c.md".to_owned()];
        let entry = |path: &Path| entry(path, &folder, &known).ok();
        for (path, expected) in [
            ("a.md", Some("a.md")),
            ("./letters/../a.md", Some("a.md")),
            ("letters", Some("letters/")),
            ("letters/old/", Some("letters/old/")),
            ("gone", Some("gone/")),
            ("gone/b.md", Some("gone/b.md")),
            ("c.md", Some("c.md")),
            ("never-seen.md", Some("never-seen.md")),
            ("never-seen/", Some("never-seen/")),
            (".", None),
            ("../outside.md", None),
            ("/", None),
        ] {
            assert_eq!(entry(Path::new(path)).as_deref(), expected, "{path}");
        }
        assert_eq!(entry(&notes.join("a.md")).as_deref(), Some("a.md"));
        assert_eq!(entry(&root.path().join("link/letters")).as_deref(), Some("letters/"));
        assert_eq!(entry(&notes), None);
        assert_eq!(entry(&root.path().join("other.md")), None);
    }
}
