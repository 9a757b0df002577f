//! What criterion does not measure: percentiles, recall, memory and disk.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use tanya_index::ChunkId;

use crate::kept::{Kept, by_vector, found};

/// Set for a process of its own that opens a library in one way and says what memory that takes.
const CHILD: &str = "TANYA_BENCH_MEMORY_OF";

/// The time below which `share` of the times lie, by the nearest rank, in milliseconds.
pub(crate) fn percentile(times: &mut [Duration], share: f64) -> f64 {
    times.sort_unstable();
    let rank = (times.len() as f64 * share).ceil() as usize;
    times[rank.clamp(1, times.len()) - 1].as_secs_f64() * 1e3
}

/// The share of `right` that was found, over all questions.
pub(crate) fn recall(found: &[Vec<ChunkId>], right: &[Vec<ChunkId>]) -> f64 {
    let hits: usize =
        found.iter().zip(right).map(|(found, right)| right.iter().filter(|id| found.contains(id)).count()).sum();
    hits as f64 / right.iter().map(Vec::len).sum::<usize>() as f64
}

/// MiB of each part of a library: database, word index, vectors.
pub(crate) fn on_disk(dir: &Path) -> [f64; 3] {
    let database = ["library.sqlite", "library.sqlite-wal", "library.sqlite-shm"].map(|name| bytes(&dir.join(name)));
    [database.iter().sum::<u64>(), bytes(&dir.join("words")), bytes(&dir.join("vectors"))]
        .map(|bytes| bytes as f64 / f64::from(1 << 20))
}

fn bytes(path: &Path) -> u64 {
    let Ok(metadata) = path.symlink_metadata() else { return 0 };
    if !metadata.is_dir() {
        return metadata.len();
    }
    path.read_dir().into_iter().flatten().flatten().map(|entry| bytes(&entry.path())).sum()
}

/// MiB of this process that are resident, and those of them that are no file's. None where the system does not say.
fn memory() -> Option<[f64; 2]> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let of = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim_start_matches(':').trim().strip_suffix(" kB")?.parse::<f64>().ok().map(|kib| kib / 1024.0)
    };
    Some([of("VmRSS")?, of("RssAnon")?])
}

/// What opening a library and asking all questions by vector takes in a process that does nothing else.
pub(crate) fn memory_of(kept: &Kept<'_>, kind: &str) -> String {
    let said = Command::new(std::env::current_exe().unwrap())
        .env(CHILD, format!("{kind} {}", kept.chunks))
        .env("TANYA_BENCH_DIR", crate::kept::place())
        .output()
        .unwrap();
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    String::from_utf8_lossy(&said.stdout).trim().to_owned()
}

/// The kind and the size that this process is to open, if it is such a process.
pub(crate) fn asked_for_memory() -> Option<(String, usize)> {
    let asked = std::env::var(CHILD).ok()?;
    let (kind, chunks) = asked.split_once(' ')?;
    Some((kind.to_owned(), chunks.parse().ok()?))
}

/// What such a process does; the answer is its output.
pub(crate) fn memory_taken(kept: &Kept<'_>, kind: &str) -> String {
    let questions = kept.questions();
    kept.dir();
    let before = memory();
    let library = kept.open(kind);
    let snapshot = library.snapshot().unwrap();
    for question in questions {
        assert!(!found(&snapshot, &by_vector(question)).is_empty());
    }
    match before.zip(memory()) {
        Some((before, after)) => {
            let [resident, anonymous] = [after[0] - before[0], after[1] - before[1]];
            format!("{resident:.0} MiB resident, {anonymous:.0} MiB of them not of files")
        }
        None => "memory unknown on this system".to_owned(),
    }
}
