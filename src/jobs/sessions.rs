//! The sessions thread: everything that touches the files of conversations, in the order in which it was asked for.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::mpsc::Receiver;

use anyhow::Result;
use tokio::sync::mpsc::Sender;

use super::event::JobEvent;
use crate::chat::export::{self, Format};
use crate::chat::{Conversation, SessionId, SessionStore, Words};
use crate::report::Report;

/// What the thread is asked to do.
pub(super) enum SessionWork {
    Save(Box<Conversation>),
    List,
    Load(SessionId),
    Search { folder: String, text: String },
    Rename(SessionId, String),
    Remove(SessionId),
    Export(SessionId, PathBuf),
}

/// Works until every sender of `inbox` is gone: a save can never overtake a later one. Of searches that wait only the last is
/// made, since a person who goes on typing has no use for the others.
/// What is loaded goes on to `compare`, which tells what became of its sources.
pub(super) fn keep(
    store: &SessionStore,
    inbox: &Receiver<SessionWork>,
    events: &Sender<JobEvent>,
    compare: &dyn Fn(Box<Conversation>),
) {
    let mut waiting = VecDeque::new();
    while let Some(work) = waiting.pop_front().or_else(|| inbox.recv().ok()) {
        waiting.extend(inbox.try_iter());
        let is_search = |work: &SessionWork| matches!(work, SessionWork::Search { .. });
        if is_search(&work) && waiting.iter().any(is_search) {
            continue;
        }
        match perform(store, work) {
            Ok(None) => {}
            Ok(Some(event)) => {
                let loaded = match &event {
                    JobEvent::SessionLoaded(conversation) => Some(conversation.clone()),
                    _ => None,
                };
                // Shown first, marked when it is compared.
                drop(events.blocking_send(event));
                if let Some(conversation) = loaded {
                    compare(conversation);
                }
            }
            Err(error) => drop(events.blocking_send(JobEvent::Failed(Report::new(&error)))),
        }
    }
}

fn perform(store: &SessionStore, work: SessionWork) -> Result<Option<JobEvent>> {
    Ok(match work {
        SessionWork::Save(conversation) => {
            store.append(&conversation)?;
            Some(JobEvent::SessionSaved(conversation.id))
        }
        SessionWork::List => Some(JobEvent::SessionsListed(store.list()?)),
        SessionWork::Load(id) => Some(JobEvent::SessionLoaded(Box::new(store.load(&id)?))),
        SessionWork::Search { folder, text } => {
            let words = Words::parse(&text);
            let found = words.map(|words| store.search(&words, Some(&folder))).transpose()?.unwrap_or_default();
            Some(JobEvent::SessionsFound { text, found })
        }
        SessionWork::Rename(id, name) => {
            store.rename(&id, &name)?;
            None
        }
        SessionWork::Remove(id) => {
            store.remove(&id)?;
            None
        }
        SessionWork::Export(id, dir) => {
            let path = export::write_beside(&dir, &store.load(&id)?, Format::Markdown)?;
            Some(JobEvent::Notice(format!("wrote {}", path.display())))
        }
    })
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::sync_channel;
    use std::time::SystemTime;

    use super::*;

    #[test]
    fn of_searches_that_wait_only_the_last_is_made_and_other_work_keeps_its_order() {
        let dir = tempfile::tempdir().unwrap();
        let store = SessionStore::at(dir.path().to_owned());
        let (work, inbox) = sync_channel(16);
        let (events, mut told) = tokio::sync::mpsc::channel(16);
        let search = |text: &str| SessionWork::Search { folder: "/notes".into(), text: text.into() };
        let missing = Conversation::new("/notes", SystemTime::UNIX_EPOCH).id;
        for item in [search("p"), SessionWork::List, search("pe"), SessionWork::Load(missing), search("pear")] {
            work.send(item).unwrap();
        }
        drop(work);
        keep(&store, &inbox, &events, &|_| ());
        drop(events);
        let told: Vec<String> = std::iter::from_fn(|| told.blocking_recv())
            .map(|event| match event {
                JobEvent::SessionsListed(_) => "listed".into(),
                JobEvent::SessionsFound { text, .. } => text,
                JobEvent::Failed(report) => report.cause,
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!((told[0].as_str(), told[2].as_str(), told.len()), ("listed", "pear", 3), "{told:?}");
        assert!(told[1].starts_with("no session is called"), "{told:?}");
    }
}
