//! The settings thread: it writes the configuration file, one change after the other, in the order in which they were made.

use std::path::Path;
use std::sync::mpsc::Receiver;

use tokio::sync::mpsc::Sender;

use super::event::JobEvent;
use crate::config::{self, Setting};
use crate::report::Report;

/// A setting to be saved; without a value it leaves the file.
pub(super) struct SettingWork {
    pub(super) setting: &'static Setting,
    pub(super) value: Option<String>,
}

/// Works until every sender of `inbox` is gone.
pub(super) fn keep(file: &Path, inbox: &Receiver<SettingWork>, events: &Sender<JobEvent>) {
    while let Ok(SettingWork { setting, value }) = inbox.recv() {
        let outcome = config::save(file, setting, value.as_deref()).map_err(|error| Report::new(&error));
        if events.blocking_send(JobEvent::SettingSaved { key: setting.key, value, outcome }).is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::sync_channel;

    use super::*;

    #[test]
    fn changes_are_saved_in_order_and_each_says_how_it_went() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("config.toml");
        let setting = Setting::find("top_k").unwrap();
        let (work, inbox) = sync_channel(8);
        let (events, mut told) = tokio::sync::mpsc::channel(8);
        for value in [Some("7"), Some("8"), None, Some("9")] {
            work.send(SettingWork { setting, value: value.map(str::to_owned) }).unwrap();
        }
        drop(work);
        keep(&file, &inbox, &events);
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "top_k = 9\n");
        for expected in [Some("7"), Some("8"), None, Some("9")] {
            let Ok(JobEvent::SettingSaved { key: "top_k", value, outcome: Ok(()) }) = told.try_recv() else { panic!() };
            assert_eq!(value.as_deref(), expected);
        }
    }
}
