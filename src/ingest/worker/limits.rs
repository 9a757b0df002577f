//! What the extraction child takes from itself before it reads the first byte of a document, and another program before it begins.
//!
//! Only lowers limits, so that nothing can raise them again (the process must not run as root for that to bind fully).
//! With three open files allowed and all three in use, neither a file nor a socket can be opened.

use rustix::process::{Resource, Rlimit, setrlimit};

/// Processor seconds of a child's whole life: a last resort beside the parent's clock, for a child without a parent.
const CPU_SECONDS: u64 = 600;
/// stdin, stdout, stderr.
pub(super) const PIPES: u64 = 3;

/// Sets all limits; returns the names of those that this system refused.
pub(super) fn apply(memory: u64, open_files: u64) -> Vec<String> {
    let limits = [
        (Resource::As, memory, "memory"),
        (Resource::Cpu, CPU_SECONDS, "processor time"),
        (Resource::Fsize, 0, "file size"),
        (Resource::Nofile, open_files, "open files"),
        (Resource::Nproc, 0, "processes"),
        (Resource::Core, 0, "core dumps"),
    ];
    let mut refused: Vec<String> = limits
        .into_iter()
        .filter(|(resource, limit, _)| {
            setrlimit(*resource, Rlimit { current: Some(*limit), maximum: Some(*limit) }).is_err()
        })
        .map(|(_, _, name)| name.to_owned())
        .collect();
    if !die_with_parent() {
        refused.push("end with the parent".to_owned());
    }
    refused
}

#[cfg(target_os = "linux")]
fn die_with_parent() -> bool {
    use rustix::process::{DumpableBehavior, Signal, set_dumpable_behavior, set_parent_process_death_signal};
    // Not dumpable: other processes of the user cannot trace it or read its memory.
    let hidden = set_dumpable_behavior(DumpableBehavior::NotDumpable).is_ok();
    set_parent_process_death_signal(Some(Signal::KILL)).is_ok() && hidden
}

#[cfg(not(target_os = "linux"))]
fn die_with_parent() -> bool {
    false
}
