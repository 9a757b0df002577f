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

/// Takes back text that was written by [`piece`] since the last line break, where the terminal still shows all of it;
/// otherwise ends its line.
pub(super) fn erase(text: &str) -> Result<()> {
    if text.is_empty() {
        return Ok(());
    }
    let (columns, rows) = crossterm::terminal::size().unwrap_or((80, 24));
    match rows_above(text, columns.into()).and_then(|above| u16::try_from(above).ok()).filter(|above| *above < rows) {
        Some(above) => {
            let mut out = io::stdout().lock();
            crossterm::queue!(out, crossterm::cursor::MoveToColumn(0)).context("cannot write the output")?;
            if above > 0 {
                crossterm::queue!(out, crossterm::cursor::MoveUp(above)).context("cannot write the output")?;
            }
            let clear = crossterm::terminal::Clear(crossterm::terminal::ClearType::FromCursorDown);
            crossterm::execute!(out, clear).context("cannot write the output")
        }
        None => line("\n"),
    }
}

/// How many rows above the cursor the text begins that a terminal of so many columns has just printed; `None` when that cannot
/// be told, because a line ends exactly at the margin.
fn rows_above(text: &str, columns: usize) -> Option<usize> {
    let mut above = 0;
    for (index, line) in text.split('\n').enumerate() {
        let width = unicode_width::UnicodeWidthStr::width(line);
        if columns == 0 || width > 0 && width.is_multiple_of(columns) {
            return None;
        }
        above += width / columns + usize::from(index > 0);
    }
    Some(above)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_that_text_takes_in_a_terminal_are_counted_or_unknown() {
        assert_eq!(rows_above("short", 10), Some(0));
        assert_eq!(rows_above("one\ntwo", 10), Some(1));
        assert_eq!(rows_above("fourteen chars", 10), Some(1));
        assert_eq!(rows_above("日本語日本語", 10), Some(1));
        assert_eq!(rows_above("", 10), Some(0));
        assert_eq!(rows_above("ten chars!", 10), None);
    }
}
