//! Lines of the standard input, read only when one is wanted: whatever else needs the terminal, such as an editor, has it alone.

use std::io::{self, BufRead, Read as _};
use std::sync::mpsc::{SyncSender, sync_channel};

use anyhow::{Context as _, Result};
use tokio::sync::mpsc::{Receiver, channel};

/// Bytes of a question; more is a file that was sent by mistake.
const LONGEST: u64 = 1 << 20;

/// What was read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Input {
    /// A line without its end; bytes that are not UTF-8 are replaced.
    Line(String),
    /// A line of more than [`LONGEST`] bytes; it was passed over.
    TooLong,
    /// There are no more.
    End,
}

/// A thread that reads one line whenever it is asked to.
pub(super) struct Lines {
    requests: SyncSender<()>,
    arrived: Receiver<Input>,
    asked: bool,
}

impl Lines {
    /// Reads the standard input. The thread ends with the program, since a read cannot be given up.
    pub(super) fn of_stdin() -> Result<Self> {
        let (requests, wanted) = sync_channel::<()>(1);
        let (send, lines) = channel(1);
        std::thread::Builder::new()
            .name("input".into())
            .spawn(move || {
                while wanted.recv().is_ok() {
                    let input = read(&mut io::stdin().lock()).unwrap_or(Input::End);
                    if send.blocking_send(input).is_err() {
                        break;
                    }
                }
            })
            .context("cannot start the input thread")?;
        Ok(Self { requests, arrived: lines, asked: false })
    }

    /// Has a line read, unless one is being read.
    pub(super) fn want(&mut self) {
        if !self.asked {
            self.asked = self.requests.try_send(()).is_ok();
        }
    }

    /// The line that is being read. May be dropped and called again.
    pub(super) async fn next(&mut self) -> Input {
        let input = self.arrived.recv().await.unwrap_or(Input::End);
        self.asked = false;
        input
    }
}

fn read(input: &mut impl BufRead) -> io::Result<Input> {
    let mut line = Vec::new();
    input.by_ref().take(LONGEST).read_until(b'\n', &mut line)?;
    if line.is_empty() {
        return Ok(Input::End);
    }
    if line.len() as u64 == LONGEST && !line.ends_with(b"\n") {
        while !line.ends_with(b"\n") {
            line.clear();
            if input.by_ref().take(LONGEST).read_until(b'\n', &mut line)? == 0 {
                break;
            }
        }
        return Ok(Input::TooLong);
    }
    let text = String::from_utf8_lossy(&line);
    Ok(Input::Line(text.trim_end_matches(['\n', '\r']).to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_with_or_without_a_break_and_one_that_is_too_long_is_passed_over() {
        let long = "x".repeat(3 * LONGEST as usize);
        let text = [b"one\r\ntwo\n", long.as_bytes(), b"\n\ncaf\xe9"].concat();
        let mut input = io::Cursor::new(text);
        let all: Vec<Input> =
            std::iter::from_fn(|| Some(read(&mut input).unwrap()).filter(|i| *i != Input::End)).collect();
        let line = |text: &str| Input::Line(text.into());
        assert_eq!(all, [line("one"), line("two"), Input::TooLong, line(""), line("caf\u{fffd}")]);
    }
}
