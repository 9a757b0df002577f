//! The binary: hooks, logging and the exit code; everything else is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    // The extraction child: nothing but stdin, stdout and limits.
    if std::env::args_os().nth(1).is_some_and(|argument| argument == "__extract") {
        return tanya::ingest::worker_main();
    }
    tanya::log::start();
    tanya::cli::run(std::env::args_os())
}
