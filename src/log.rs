//! The log: a private file under the user's state directory, never the terminal.
//!
//! `TANYA_LOG` sets what is written (`warn` by default, `tanya=debug` and the like). Texts of documents and questions are
//! not logged above trace level.

use std::fs::OpenOptions;
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::sync::Mutex;

use anyhow::{Context as _, Result};
use tracing_subscriber::EnvFilter;

use crate::places::Places;

/// A log of more than this is started anew.
const MOST_BYTES: u64 = 4 << 20;

/// Starts logging. Without a place to write to there is no log: that must not keep anyone from asking.
pub fn start() {
    let Ok(places) = Places::of_user() else { return };
    let path = places.log_file();
    let Some(dir) = path.parent() else { return };
    if std::fs::DirBuilder::new().recursive(true).mode(0o700).create(dir).is_err() {
        return;
    }
    let full = std::fs::metadata(&path).is_ok_and(|meta| meta.len() > MOST_BYTES);
    let mut options = OpenOptions::new();
    options.create(true).mode(0o600);
    if full {
        options.write(true).truncate(true)
    } else {
        options.append(true)
    };
    let Ok(file) = options.open(&path) else { return };
    let filter = EnvFilter::try_from_env("TANYA_LOG").unwrap_or_else(|_| EnvFilter::new("warn"));
    // A second start in one process (tests) keeps the first log.
    let _ = tracing_subscriber::fmt().with_writer(Mutex::new(file)).with_ansi(false).with_env_filter(filter).try_init();
}

/// Empties the log: it names files, and more than that at the levels a person can choose.
pub fn clear(places: &Places) -> Result<()> {
    let path = places.log_file();
    match OpenOptions::new().write(true).truncate(true).open(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        result => result.map(drop).with_context(|| format!("{}: cannot empty the log", path.display())),
    }
}
