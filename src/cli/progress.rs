//! Progress of long work on standard error: bars for a person, nothing for a pipe.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::jobs::Filled;
use crate::models::PullEvent;

use super::output;

/// One bar that changes its meaning as the work goes on.
pub(super) struct Progress {
    bar: ProgressBar,
    said: Vec<String>,
}

impl Progress {
    pub(super) fn new() -> Self {
        let bar = ProgressBar::new(0).with_style(style("{prefix} {wide_msg}"));
        bar.enable_steady_tick(Duration::from_millis(200));
        Self { bar, said: Vec::new() }
    }

    /// A model's files come in.
    pub(super) fn pull(&mut self, name: &str, event: PullEvent) {
        match event {
            PullEvent::Progress { done, total, .. } => {
                self.bar.set_style(style(
                    "{prefix} {wide_bar:.cyan/dim} {bytes} of {total_bytes}  {bytes_per_sec}  {eta} left",
                ));
                self.bar.set_prefix(name.to_owned());
                if let Some(total) = total {
                    self.bar.set_length(total);
                }
                self.bar.set_position(done);
            }
            PullEvent::LicenseNotice { name, license, url } => {
                self.say(format!(
                    "fetching {name}, once; license {license} ({url}); it runs here and nothing leaves this machine"
                ));
            }
            PullEvent::Trying { source } => self.say(format!("  from {source}")),
            PullEvent::SourceFailed { source, why } => self.say(format!("  not from {source}: {why}")),
            PullEvent::Retrying { why, after } => self.say(format!("  {why}; again in {} s", after.as_secs())),
            PullEvent::Waiting { holder } => {
                let who = holder.map(|pid| format!(" (process {pid})")).unwrap_or_default();
                self.say(format!("another tanya{who} is fetching {name}; waiting for it"));
            }
            PullEvent::Verifying { file } => self.say(format!("  checking {file}")),
            PullEvent::Pinned { file, sha256 } => {
                self.say(format!("  {file}: no hash was known; pinned from now on: sha256 {sha256}"));
            }
            PullEvent::Done { .. } => self.bar.reset(),
        }
    }

    /// Something that is counted goes on.
    pub(super) fn bytes(&self, doing: &'static str, done: u64, total: u64) {
        self.bar.set_style(style("{prefix} {bar:30.cyan/dim} {percent} %"));
        self.bar.set_prefix(doing);
        self.bar.set_length(total);
        self.bar.set_position(done);
    }

    /// Files are read.
    pub(super) fn files(&self, path: &str, done: u64, total: u64) {
        self.bar.set_style(style("reading {bar:30.cyan/dim} {pos} of {len} files  {wide_msg:.dim}"));
        self.bar.set_length(total);
        self.bar.set_position(done);
        self.bar.set_message(path.to_owned());
    }

    /// Sections are read for a question about the whole folder.
    pub(super) fn sections(&self, done: usize, total: usize, seconds_left: u64) {
        self.bar.set_style(style("reading everything {wide_bar:.cyan/dim} {pos} of {len} sections  {msg}"));
        self.bar.set_length(total as u64);
        self.bar.set_position(done as u64);
        self.bar.set_message(format!("{seconds_left} s left"));
    }

    /// Passages are embedded.
    pub(super) fn embedding(&self, filled: Filled) {
        self.bar.set_style(style("embedding {wide_bar:.cyan/dim} {pos} of {len} passages  {msg}"));
        self.bar.set_length(filled.total);
        self.bar.set_position(filled.done);
        self.bar.set_message(filled.seconds_left.map(|s| format!("{s} s left")).unwrap_or_default());
    }

    /// A line above the bar; each is said once.
    pub(super) fn say(&mut self, line: String) {
        if self.said.contains(&line) {
            return;
        }
        self.bar.suspend(|| output::note(&line));
        self.said.push(line);
    }

    /// Removes the bar.
    pub(super) fn clear(&self) {
        self.bar.finish_and_clear();
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.clear();
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("the templates of this file parse").progress_chars("▰▰▱")
}
