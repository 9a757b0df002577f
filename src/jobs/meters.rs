//! What the machine's own meters say of an answer: memory of this process, energy of the processor.
//!
//! Best effort: most systems let only root read the energy counters, and many have none. They count the whole processor package,
//! whoever used it; the screen says so.

use std::fs;
use std::path::{Path, PathBuf};

/// What an answer took, as far as the machine tells.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Metered {
    /// Bytes of memory of this process now.
    pub resident: Option<u64>,
    /// Joules of the processor packages while it was made.
    pub joules: Option<f64>,
}

/// Where the meters are; a value, so that tests can have their own.
#[derive(Debug, Clone)]
pub(super) struct Meters {
    powercap: PathBuf,
    status: PathBuf,
}

impl Default for Meters {
    /// Those of this machine.
    fn default() -> Self {
        Self { powercap: "/sys/class/powercap".into(), status: "/proc/self/status".into() }
    }
}

/// The counters at one moment: where each is, what it said, and after how much it begins anew.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Reading(Vec<(PathBuf, u64, Option<u64>)>);

impl Meters {
    /// Reads the energy counters.
    pub(super) fn begin(&self) -> Reading {
        let zones = fs::read_dir(&self.powercap).into_iter().flatten().flatten().map(|zone| zone.path());
        // A zone within another one (`intel-rapl:0:1`) is counted by that one already.
        let mut zones: Vec<PathBuf> = zones.filter(|zone| is_package(zone)).collect();
        zones.sort();
        let counter = |zone: PathBuf| {
            let now = number(&zone.join("energy_uj"))?;
            let range = number(&zone.join("max_energy_range_uj"));
            Some((zone, now, range))
        };
        Reading(zones.into_iter().filter_map(counter).collect())
    }

    /// What was taken since `before`.
    pub(super) fn since(&self, before: &Reading) -> Metered {
        let now = self.begin();
        let spent = before.0.iter().map(|(zone, then, range)| {
            let (_, now, _) = now.0.iter().find(|(known, ..)| known == zone)?;
            now.checked_sub(*then).or_else(|| Some(range.as_ref()?.checked_sub(*then)?.saturating_add(*now)))
        });
        let microjoules: Option<u64> = if before.0.is_empty() { None } else { spent.sum() };
        Metered { resident: self.resident(), joules: microjoules.map(|spent| spent as f64 / 1e6) }
    }

    fn resident(&self) -> Option<u64> {
        let text = fs::read_to_string(&self.status).ok()?;
        let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        line.split_whitespace().next()?.parse::<u64>().ok()?.checked_mul(1024)
    }
}

/// `intel-rapl:0`, but not `intel-rapl:0:1`, `intel-rapl` or the memory-mapped double `intel-rapl-mmio:0`.
fn is_package(zone: &Path) -> bool {
    let name = zone.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    // Beside packages there may be `psys`, the whole machine with the packages in it.
    let kind = fs::read_to_string(zone.join("name")).unwrap_or_default();
    name.matches(':').count() == 1 && !name.contains("mmio") && kind.trim().starts_with("package")
}

fn number(path: &Path) -> Option<u64> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(root: &Path, zone: &str, now: u64, range: Option<u64>) {
        fs::create_dir_all(root.join(zone)).unwrap();
        let name = if zone.ends_with(":9") { "psys" } else { "package-0" };
        fs::write(root.join(zone).join("name"), name).unwrap();
        fs::write(root.join(zone).join("energy_uj"), format!("{now}\n")).unwrap();
        if let Some(range) = range {
            fs::write(root.join(zone).join("max_energy_range_uj"), format!("{range}\n")).unwrap();
        }
    }

    #[test]
    fn packages_are_added_up_their_parts_are_not_and_a_counter_that_begins_anew_goes_on() {
        let root = tempfile::tempdir().unwrap();
        let meters = Meters { powercap: root.path().join("powercap"), status: root.path().join("status") };
        fs::write(&meters.status, "Name:\ttanya\nVmRSS:\t    2048 kB\n").unwrap();
        assert_eq!(meters.since(&meters.begin()), Metered { resident: Some(2 << 20), joules: None });
        let powercap = &meters.powercap;
        write(powercap, "intel-rapl:0", 1_000_000, Some(10_000_000));
        write(powercap, "intel-rapl:1", 9_500_000, Some(10_000_000));
        write(powercap, "intel-rapl:0:0", 5, None);
        write(powercap, "intel-rapl:9", 5, None);
        write(powercap, "intel-rapl-mmio:0", 5, None);
        let before = meters.begin();
        write(powercap, "intel-rapl:0", 3_000_000, None);
        write(powercap, "intel-rapl:1", 500_000, None);
        write(powercap, "intel-rapl:0:0", 9_000_000, None);
        write(powercap, "intel-rapl:9", 9_000_000, None);
        write(powercap, "intel-rapl-mmio:0", 9_000_000, None);
        assert_eq!(meters.since(&before).joules, Some(3.0));
        fs::remove_file(powercap.join("intel-rapl:1/energy_uj")).unwrap();
        assert_eq!(meters.since(&before).joules, None, "half of the meters tell nothing");
    }
}
