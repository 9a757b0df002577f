//! The binary: hooks, logging and the exit code; everything else is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    // The extraction child, and what becomes a program that reads pictures: nothing but stdin, stdout and limits.
    match std::env::args_os().nth(1) {
        Some(argument) if argument == "__extract" => return tanya::ingest::worker_main(),
        Some(argument) if argument == "__confined" => return tanya::ingest::confined_main(std::env::args_os().skip(2)),
        _ => {}
    }
    tanya::log::start();
    tanya::cli::run(std::env::args_os())
}
