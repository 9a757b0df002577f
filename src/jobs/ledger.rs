//! The ledger thread: lists the library's files, which takes its time in a large folder, while the others read, embed and answer.

use std::sync::Arc;
use std::sync::mpsc::Receiver;

use tanya_index::Library;
use tokio::sync::mpsc::Sender;

use super::event::JobEvent;
use crate::ingest::ledger;
use crate::report::Report;

/// What the thread is told.
pub(super) enum LedgerWork {
    /// The library is open.
    Library(Arc<Library>),
    /// List its files, as soon as it is open.
    List,
}

/// Works until every sender of `inbox` is gone. Of lists that wait only one is made: it holds what the others would.
pub(super) fn list(inbox: &Receiver<LedgerWork>, events: &Sender<JobEvent>) {
    let mut library = None;
    let mut is_wanted = false;
    while let Ok(first) = inbox.recv() {
        for work in std::iter::once(first).chain(inbox.try_iter()) {
            match work {
                LedgerWork::Library(opened) => library = Some(opened),
                LedgerWork::List => is_wanted = true,
            }
        }
        let Some(library) = library.as_deref().filter(|_| is_wanted) else { continue };
        is_wanted = false;
        let listed = ledger(library).map_err(|error| Report::new(&error));
        if events.blocking_send(JobEvent::LibraryListed(listed)).is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::sync_channel;

    use super::*;

    #[test]
    fn a_list_that_is_asked_for_before_the_library_is_open_comes_once_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let library = Arc::new(Library::open(dir.path()).unwrap());
        let (work, inbox) = sync_channel(8);
        let (events, mut told) = tokio::sync::mpsc::channel(8);
        for order in [LedgerWork::List, LedgerWork::List, LedgerWork::Library(library)] {
            work.send(order).unwrap();
        }
        drop(work);
        list(&inbox, &events);
        assert_eq!(told.try_recv().unwrap(), JobEvent::LibraryListed(Ok(Vec::new())));
        assert!(told.try_recv().is_err(), "two that waited are one");
    }
}
