//! How another program is run on a document's bytes: this one puts limits on itself, gives up rights, and becomes it.
//!
//! Limits and rights outlive `exec`, so that the other program has them from its first instruction on, and no code runs between
//! `fork` and `exec`. It may read where programs and their data lie, and nothing else; it may write nothing but its pipes.

use std::ffi::OsString;
use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use super::{confine, limits};

/// The first argument of the program that is to become another one.
pub(super) const LAUNCH: &str = "__confined";
/// Libraries and data files that a program may have open at once.
const OPEN_FILES: u64 = 64;
/// Where systems keep programs, their libraries and their data.
const SYSTEM: &[&str] = &[
    "/usr",
    "/bin",
    "/lib",
    "/lib32",
    "/lib64",
    "/opt",
    "/nix/store",
    "/gnu/store",
    "/etc/ld.so.cache",
    "/dev/null",
    "/dev/urandom",
    "/sys/devices/system/cpu",
];

/// The main function of `tanya __confined MEMORY PROGRAM ARGUMENT…`: MEMORY is the address space in bytes. Returns only where PROGRAM
/// cannot be run.
pub fn confined_main(mut arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let memory = arguments.next().and_then(|memory| memory.to_str()?.parse().ok());
    let (Some(memory), Some(program)) = (memory, arguments.next().map(PathBuf::from)) else { return ExitCode::from(2) };
    // What this system cannot take is known already, and said, from the child that reads documents.
    confine::confine_program(&readable(&program));
    limits::apply(memory, OPEN_FILES);
    let error = Command::new(&program).args(arguments).exec();
    // The parent keeps what is said here; where even that fails there is only the exit code.
    let _ = writeln!(std::io::stderr(), "{}: {error}", program.display());
    ExitCode::from(127)
}

/// What a program needs to read: the system's, its own folder, and the data beside that.
fn readable(program: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = SYSTEM.iter().map(PathBuf::from).collect();
    paths.extend(std::env::var_os("TESSDATA_PREFIX").map(PathBuf::from));
    let program = program.canonicalize().unwrap_or_else(|_| program.to_owned());
    if let Some(folder) = program.parent() {
        paths.extend(["lib", "lib64", "share"].iter().filter_map(|beside| Some(folder.parent()?.join(beside))));
        paths.push(folder.to_owned());
    }
    paths
}
