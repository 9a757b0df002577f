//! What reaches the two output streams.

use std::io::{self, IsTerminal as _, Write as _};
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use serde::Serialize;

use crate::answer::Source;
use crate::report::Report;

/// Writes a line to standard output.
pub(super) fn line(text: &str) -> Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{text}").and_then(|()| out.flush()).context("cannot write the output")
}

/// Writes a piece of a line to standard output, at once.
pub(super) fn piece(text: &str) -> Result<()> {
    let mut out = io::stdout().lock();
    write!(out, "{text}").and_then(|()| out.flush()).context("cannot write the output")
}

/// Writes one JSON object on a line.
pub(super) fn json(value: &impl Serialize) -> Result<()> {
    let text = serde_json::to_string(value).context("cannot encode the output")?;
    line(&text)
}

/// Writes a remark to standard error, cleaned for a terminal. Nothing can be done when that fails.
pub(super) fn note(text: &str) {
    let text = if io::stderr().is_terminal() { crate::tui::clean(text) } else { text.into() };
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Writes an error to standard error: its cause, then its hint.
pub(super) fn report(report: &Report) {
    note(&format!("tanya: {report}"));
}

/// Whether a person reads standard output as it comes.
pub(super) fn is_watched() -> bool {
    io::stdout().is_terminal()
}

/// Text of documents, models or file names for standard output: cleaned for a terminal, as it is for a file or a pipe.
pub(super) fn shown(text: &str) -> String {
    if io::stdout().is_terminal() { crate::tui::clean(text).into_owned() } else { text.to_owned() }
}

/// `notes/a.md:3–7`, or `book.pdf p. 4:3–7`.
pub(super) fn place(path: &str, page: Option<u32>, start: u32, end: u32) -> String {
    let page = page.map(|page| format!(" p. {page}")).unwrap_or_default();
    let lines = if start == end { start.to_string() } else { format!("{start}–{end}") };
    format!("{path}{page}:{lines}")
}

/// The place of a source.
pub(super) fn source_place(source: &Source) -> String {
    place(&source.path, source.page, source.start_line, source.end_line)
}

/// Whether the reader of our output went away: no error of ours.
pub(super) fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .any(|cause| cause.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe))
}

/// Prints completions for `shell`.
pub(super) fn completions(shell: clap_complete::Shell, mut command: clap::Command) -> Result<ExitCode> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, "tanya", &mut script);
    io::stdout().lock().write_all(&script).context("cannot write the output")?;
    Ok(ExitCode::SUCCESS)
}

/// Prints the manual page of the program.
pub(super) fn man(command: clap::Command) -> Result<ExitCode> {
    let mut page = Vec::new();
    clap_mangen::Man::new(command).render(&mut page).context("cannot render the manual page")?;
    io::stdout().lock().write_all(&page).context("cannot write the output")?;
    Ok(ExitCode::SUCCESS)
}
