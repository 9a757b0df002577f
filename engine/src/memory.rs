//! How much memory a decoder will take, compared with what is free, before any of it is loaded.
//!
//! Estimate = weights as they will lie in memory + keys and values for the whole window + the largest
//! scratch of one prefill block. Free = the smaller of the kernel's `MemAvailable` and what the control
//! groups of this process still allow, less a reserve. Where neither is known (outside Linux) the check is
//! skipped: a wrong refusal would be worse than none.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::Error;

/// Left to the rest of the application: index, documents, screen.
const RESERVE: u64 = 128 << 20;

/// What loading one decoder takes, in bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Estimate {
    /// Independent of the window.
    pub(crate) fixed: u64,
    /// For each token of the window.
    pub(crate) per_token: u64,
}

impl Estimate {
    pub(crate) fn total(self, window: usize) -> u64 {
        self.fixed.saturating_add(self.per_token.saturating_mul(window as u64))
    }

    /// The largest window that fits into `available` bytes.
    fn largest_window(self, available: u64) -> Option<usize> {
        let left = available.checked_sub(self.fixed)?;
        let tokens = left.checked_div(self.per_token).unwrap_or(u64::MAX);
        // Fewer tokens than this hold no question with a passage.
        (tokens >= 256).then(|| usize::try_from(tokens).unwrap_or(usize::MAX))
    }
}

/// The window to use: `wanted` as it is, or, where the caller leaves it open, at most `preferred` and no
/// more than fits.
///
/// # Errors
/// [`Error::Memory`] when the window does not fit; nothing was allocated.
pub(crate) fn choose_window(
    path: &Path,
    estimate: Estimate,
    wanted: Option<usize>,
    preferred: usize,
    available: Option<u64>,
) -> Result<usize, Error> {
    let window = wanted.unwrap_or(preferred);
    let Some(available) = available else {
        return Ok(window);
    };
    if estimate.total(window) <= available {
        return Ok(window);
    }
    let largest = estimate.largest_window(available);
    match (wanted, largest) {
        (None, Some(fitting)) => Ok(fitting.min(preferred)),
        _ => Err(Error::Memory {
            path: path.to_owned(),
            needed: estimate.total(window),
            available,
            context: window,
            largest_context: largest.map(|largest| largest.min(preferred)),
        }),
    }
}

/// Bytes that this process may still take, if the system tells.
pub(crate) fn available() -> Option<u64> {
    let free = fs::read_to_string("/proc/meminfo").ok().and_then(|text| mem_available(&text));
    let allowed =
        fs::read_to_string("/proc/self/cgroup").ok().and_then(|text| cgroup_left(Path::new("/sys/fs/cgroup"), &text));
    let bytes = match (free, allowed) {
        (Some(free), Some(allowed)) => free.min(allowed),
        (free, allowed) => free.or(allowed)?,
    };
    Some(bytes.saturating_sub(RESERVE))
}

/// The most memory that this process has had at once, in bytes, if the system tells.
pub fn peak_memory() -> Option<u64> {
    fs::read_to_string("/proc/self/status").ok().and_then(|text| kibibytes(&text, "VmHWM:"))
}

/// `MemAvailable` of `/proc/meminfo`, in bytes.
fn mem_available(meminfo: &str) -> Option<u64> {
    kibibytes(meminfo, "MemAvailable:")
}

/// The number behind `name`, in bytes.
fn kibibytes(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

/// What the control groups (version 2) named in `/proc/self/cgroup` leave: the least over the group of
/// the process and its ancestors. Pages of files that the kernel can drop count as free.
fn cgroup_left(root: &Path, membership: &str) -> Option<u64> {
    let group = membership.lines().find_map(|line| line.strip_prefix("0::/"))?;
    let number = |directory: &Path, name: &str| -> Option<u64> {
        fs::read_to_string(directory.join(name)).ok()?.trim().parse().ok()
    };
    let mut directory: PathBuf = root.join(group);
    let mut least = None;
    while directory.starts_with(root) {
        if let (Some(limit), Some(used)) = (number(&directory, "memory.max"), number(&directory, "memory.current")) {
            let cached = fs::read_to_string(directory.join("memory.stat"))
                .ok()
                .and_then(|stat| stat.lines().find_map(|line| line.strip_prefix("inactive_file ")?.parse().ok()))
                .unwrap_or(0);
            let left = limit.saturating_sub(used.saturating_sub(cached));
            least = Some(least.map_or(left, |least: u64| least.min(left)));
        }
        if !directory.pop() {
            break;
        }
    }
    least
}

#[cfg(test)]
mod tests {
    use super::*;

    const ESTIMATE: Estimate = Estimate { fixed: 1000, per_token: 10 };

    fn choose(wanted: Option<usize>, available: Option<u64>) -> Result<usize, Error> {
        choose_window(Path::new("m.gguf"), ESTIMATE, wanted, 4096, available)
    }

    #[test]
    fn what_fits_is_taken_as_asked() {
        assert_eq!(choose(Some(500), Some(6000)).unwrap(), 500);
        assert_eq!(choose(None, Some(41_960)).unwrap(), 4096);
        assert_eq!(choose(Some(9_000_000), None).unwrap(), 9_000_000);
    }

    #[test]
    fn an_open_window_shrinks_to_what_fits() {
        assert_eq!(choose(None, Some(6000)).unwrap(), 500);
    }

    #[test]
    fn a_wanted_window_that_does_not_fit_is_refused_with_the_numbers() {
        let Err(Error::Memory { needed, available, largest_context, .. }) = choose(Some(501), Some(6009)) else {
            panic!("should be refused");
        };
        assert_eq!((needed, available, largest_context), (6010, 6009, Some(500)));
    }

    #[test]
    fn weights_that_do_not_fit_are_refused() {
        let error = choose(None, Some(999)).unwrap_err();
        assert!(matches!(error, Error::Memory { largest_context: None, .. }), "{error}");
    }

    #[test]
    fn meminfo_is_read_in_kibibytes() {
        assert_eq!(mem_available("MemTotal: 5 kB\nMemAvailable:   2048 kB\n"), Some(2 << 20));
        assert_eq!(mem_available("MemTotal: 5 kB\n"), None);
        assert_eq!(mem_available("MemAvailable: lots kB\n"), None);
    }

    #[test]
    fn the_tightest_of_nested_groups_counts_and_dropped_cache_is_free() {
        let root = tempfile::tempdir().unwrap();
        let inner = root.path().join("a/b");
        fs::create_dir_all(&inner).unwrap();
        fs::write(root.path().join("a/memory.max"), "1000\n").unwrap();
        fs::write(root.path().join("a/memory.current"), "900\n").unwrap();
        fs::write(root.path().join("a/memory.stat"), "anon 1\ninactive_file 300\n").unwrap();
        fs::write(inner.join("memory.max"), "max\n").unwrap();
        fs::write(inner.join("memory.current"), "5\n").unwrap();
        assert_eq!(cgroup_left(root.path(), "0::/a/b\n"), Some(400));
        assert_eq!(cgroup_left(root.path(), "0::/\n"), None);
        assert_eq!(cgroup_left(root.path(), "1:cpu:/a\n"), None);
    }
}
