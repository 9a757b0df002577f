//! What a pull tells while it runs, and the meter that turns bytes into speed and time left.
//!
//! The sink is called from the pulling thread, at most about ten times a second for progress.

use std::fmt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::hash::FileHash;

/// Between two progress events.
const PACE: Duration = Duration::from_millis(100);
/// The speed forgets what happened longer ago than about this: long enough to be readable, short enough to be true.
const MEMORY: Duration = Duration::from_secs(3);

/// A step of a pull.
#[derive(Debug, Clone, PartialEq)]
pub enum PullEvent {
    /// Another thread or process fetches the same model; this one waits for it.
    Waiting {
        /// Its process id, if it said so.
        holder: Option<u32>,
    },
    /// What is about to be fetched, and under which license.
    LicenseNotice {
        /// The model.
        name: String,
        /// The license's name.
        license: String,
        /// Where to read it.
        url: String,
    },
    /// A source is tried.
    Trying {
        /// As a person reads it.
        source: String,
    },
    /// A source could not give the model; the next one follows.
    SourceFailed {
        /// As in [`PullEvent::Trying`].
        source: String,
        /// One line.
        why: String,
    },
    /// The connection broke; the download goes on where it stopped after a pause.
    Retrying {
        /// One line.
        why: String,
        /// The pause.
        after: Duration,
    },
    /// Bytes arrived.
    Progress {
        /// The file that they belong to; the package's name while a package comes in as a whole.
        file: String,
        /// Bytes of the whole model that are on disk.
        done: u64,
        /// Bytes of the whole model, once known.
        total: Option<u64>,
        /// Smoothed over some seconds; 0 while nothing arrives.
        bytes_per_second: f64,
        /// At that speed.
        seconds_left: Option<u64>,
    },
    /// A file that lies on disk is hashed.
    Verifying {
        /// Its name.
        file: String,
    },
    /// The catalogue does not know this file's hash; what came is what it must be from now on.
    Pinned {
        /// Its name.
        file: String,
        /// The hash.
        sha256: FileHash,
    },
    /// The model is complete.
    Done {
        /// The GGUF file, or the embedder's folder.
        path: PathBuf,
    },
}

/// A number of bytes as a person reads it, in powers of 1000 as disks and downloads are sold.
pub(super) struct Bytes(pub(super) u64);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.0 as f64;
        for (unit, size) in [("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)] {
            if bytes >= size {
                return write!(f, "{:.1} {unit}", bytes / size);
            }
        }
        write!(f, "{} bytes", self.0)
    }
}

/// Bytes per second, as an exponential moving average over [`MEMORY`].
#[derive(Debug, Default)]
struct Speed {
    average: Option<f64>,
}

impl Speed {
    fn sample(&mut self, bytes: u64, during: Duration) -> f64 {
        let seconds = during.as_secs_f64();
        if seconds <= 0.0 {
            return self.average.unwrap_or(0.0);
        }
        let now = bytes as f64 / seconds;
        let old = (-seconds / MEMORY.as_secs_f64()).exp();
        let average = self.average.map_or(now, |average| average * old + now * (1.0 - old));
        self.average = Some(average);
        average
    }
}

/// Counts the bytes of one model over all its files and sources and reports them at a readable pace.
pub(super) struct Meter<'a> {
    sink: &'a mut dyn FnMut(PullEvent),
    total: Option<u64>,
    /// Of files that are complete.
    finished: u64,
    speed: Speed,
    /// When the last event went out, and how much had arrived over the network by then.
    last: (Instant, u64),
    arrived: u64,
}

impl<'a> Meter<'a> {
    pub(super) fn new(sink: &'a mut dyn FnMut(PullEvent), total: Option<u64>) -> Self {
        Self { sink, total, finished: 0, speed: Speed::default(), last: (Instant::now(), 0), arrived: 0 }
    }

    /// Passes an event on as it is.
    pub(super) fn tell(&mut self, event: PullEvent) {
        (self.sink)(event);
    }

    /// A file of this size is on disk for good.
    pub(super) fn file_finished(&mut self, size: u64) {
        self.finished += size;
    }

    /// The model's only file has this size: known when the answer's head is there.
    pub(super) fn total_is(&mut self, bytes: u64) {
        self.total.get_or_insert(bytes);
    }

    /// `new` bytes came in; `here` bytes of the current file are on disk now.
    pub(super) fn arrived(&mut self, file: &str, here: u64, new: u64) {
        self.arrived += new;
        self.tick(file, here);
    }

    /// Nothing came in, time went by.
    pub(super) fn tick(&mut self, file: &str, here: u64) {
        let since = self.last.0.elapsed();
        if since < PACE {
            return;
        }
        // Silence before the first byte is set-up time (a handshake, pip starting), not slowness.
        let bytes_per_second =
            if self.arrived == 0 { 0.0 } else { self.speed.sample(self.arrived - self.last.1, since) };
        self.last = (Instant::now(), self.arrived);
        let done = self.total.map_or(self.finished + here, |total| total.min(self.finished + here));
        let seconds_left = self
            .total
            .filter(|_| bytes_per_second >= 1.0)
            .map(|total| ((total - done) as f64 / bytes_per_second).ceil() as u64);
        let file = file.to_owned();
        self.tell(PullEvent::Progress { file, done, total: self.total, bytes_per_second, seconds_left });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speed_follows_a_change_within_seconds_and_falls_while_nothing_comes() {
        let tenth = Duration::from_millis(100);
        let mut speed = Speed::default();
        assert!((speed.sample(100_000, tenth) - 1e6).abs() < 1.0);
        for _ in 0..100 {
            speed.sample(200_000, tenth);
        }
        let fast = speed.sample(200_000, tenth);
        assert!((1.9e6..=2e6).contains(&fast), "{fast}");
        for _ in 0..60 {
            speed.sample(0, tenth);
        }
        assert!(speed.sample(0, tenth) < 0.2 * fast);
    }

    #[test]
    fn progress_is_paced_counts_finished_files_and_never_passes_its_total() {
        let mut events = Vec::new();
        let mut sink = |event| events.push(event);
        let mut meter = Meter::new(&mut sink, Some(1000));
        meter.file_finished(400);
        for _ in 0..1000 {
            meter.arrived("f", 100, 1);
        }
        meter.last.0 = Instant::now().checked_sub(PACE * 2).unwrap();
        meter.arrived("f", 900, 1);
        assert!(events.len() <= 3, "{} events at once", events.len());
        let Some(PullEvent::Progress { done, total, .. }) = events.last() else { panic!("{events:?}") };
        assert_eq!((*done, *total), (1000, Some(1000)));
    }

    #[test]
    fn bytes_read_well() {
        let shown: Vec<String> = [999, 98_362_432, 2_497_280_256].map(|n| Bytes(n).to_string()).into();
        assert_eq!(shown, ["999 bytes", "98.4 MB", "2.5 GB"]);
    }
}
