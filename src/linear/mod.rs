//! Linear mode: the chat as lines of plain text, one after the other, for screen readers, plain terminals and pipes.
//!
//! ```text
//! lines of input ┐
//! jobs           ├→ Session ─→ Act → standard output, Backend
//! ctrl-c         ┘
//! ```
//!
//! Nothing is ever taken back: no cursor moves, no color, no box; every kind of text says what it is in words. [`Session`] is
//! pure and takes the time as an argument, [`speech`] makes sentences of events, and this shell alone reads, writes and waits.
//! The work behind it is the same as the screen's.

mod background;
mod commands;
mod input;
mod running;
mod session;
mod speech;

#[cfg(test)]
mod tests;

use std::io::{self, IsTerminal as _, Write as _};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::Receiver;

use crate::config::Setting;
use crate::jobs::JobEvent;
use crate::report::Report;
use crate::tui::{self, Backend, Opening, Setup, Target};
use input::{Input, Lines};
use session::{Act, Audience, Session};

/// Chats until the person quits, the input ends or a signal comes.
///
/// Where the standard input is no terminal every line of it is a question, and the exit code is that of the last: 0 answered, 3
/// refused, 1 failed. Remarks and errors go to the standard error then. Fails when the output cannot be written.
pub fn run(setup: Setup, backend: &mut dyn Backend, events: Receiver<JobEvent>) -> Result<ExitCode> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().context("cannot start the event loop")?;
    let audience = if io::stdin().is_terminal() { Audience::Person } else { Audience::Pipe };
    let shell = Shell { session: Session::new(setup, audience), audience, backend, start: Instant::now() };
    runtime.block_on(shell.drive(events))
}

struct Shell<'a> {
    session: Session,
    audience: Audience,
    backend: &'a mut dyn Backend,
    start: Instant,
}

impl Shell<'_> {
    async fn drive(mut self, mut events: Receiver<JobEvent>) -> Result<ExitCode> {
        let listen = |kind| signal(kind).context("cannot listen for signals");
        let mut interrupt = listen(SignalKind::interrupt())?;
        let mut terminate = listen(SignalKind::terminate())?;
        let mut hangup = listen(SignalKind::hangup())?;
        let mut lines = Lines::of_stdin()?;
        let mut connected = true;
        let settings = self.session.settings().clone();
        let mut acts = self.session.begin();
        self.backend.start(&settings);
        loop {
            for act in acts {
                if let Some(code) = self.perform(act).await? {
                    return Ok(ExitCode::from(code));
                }
            }
            let wanted = self.session.wants_line();
            if wanted {
                lines.want();
            }
            let wake = self.session.next_wake().map(|at| self.start + at);
            acts = tokio::select! {
                biased;
                _ = interrupt.recv() => self.session.interrupt(self.start.elapsed()),
                _ = terminate.recv() => return Ok(ExitCode::from(128 + 15)),
                _ = hangup.recv() => return Ok(ExitCode::from(128 + 1)),
                input = lines.next(), if wanted => match input {
                    Input::Line(line) => self.session.line(&line),
                    Input::TooLong => self.session.too_long(),
                    Input::End => self.session.end(),
                },
                event = events.recv(), if connected => if let Some(event) = event {
                    self.session.event(self.start.elapsed(), event)
                } else {
                    connected = false;
                    self.session.disconnected()
                },
                () = tokio::time::sleep_until(wake.unwrap_or_else(Instant::now).into()), if wake.is_some() => {
                    self.session.wake(self.start.elapsed())
                }
            };
        }
    }

    /// Does one thing; an exit code when it was the last.
    async fn perform(&mut self, act: Act) -> Result<Option<u8>> {
        match act {
            Act::Say(text) => write(&format!("{text}\n"))?,
            Act::Piece(text) => write(&text)?,
            Act::Prompt => write(speech::PROMPT)?,
            Act::Note(text) => self.remark(&speech::note(&text))?,
            Act::Complain(report) => self.remark(&speech::error(&report))?,
            Act::Ask(id, request) => self.backend.ask(id, *request),
            Act::Cancel(id) => self.backend.cancel(id),
            Act::Configure(settings) => self.backend.configure(&settings),
            Act::SaveSetting(key, value) => {
                if let Some(setting) = Setting::find(key) {
                    self.backend.save_setting(setting, value);
                }
            }
            Act::Save(conversation) => self.backend.save_turn(&conversation),
            Act::ListModels(settings) => self.backend.list_models(&settings),
            Act::ListSessions => self.backend.list_sessions(),
            Act::LoadSession(id) => self.backend.load_session(id),
            Act::Open(target) => {
                let told = open(&target).await;
                write(&format!("{}\n", told.unwrap_or_else(|error| speech::error(&Report::new(&error)))))?;
            }
            Act::Quit(code) => return Ok(Some(code)),
        }
        Ok(None)
    }

    /// What is beside the answers: a pipe carries answers alone.
    fn remark(&self, text: &str) -> Result<()> {
        if self.audience == Audience::Person {
            return write(&format!("{text}\n"));
        }
        // Nothing can be done when that fails.
        let _ = writeln!(io::stderr().lock(), "{text}");
        Ok(())
    }
}

fn write(text: &str) -> Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).context("cannot write the output")
}

/// Opens a file outside; nothing is read from the terminal meanwhile, so that an editor has it alone.
async fn open(target: &Target) -> Result<String> {
    let file = target.file()?;
    match target.opening(&file, |name| std::env::var(name).ok()) {
        Opening::Viewer(viewer) => {
            viewer.launch()?;
            Ok(tui::one_line(&target.viewed(&viewer.name)))
        }
        Opening::Editor(editor) => {
            let mut command = editor.command();
            let status = tokio::task::spawn_blocking(move || command.status()).await;
            editor.ended(status.context("the editor's thread ended")?)?;
            Ok(format!("Back from {}.", editor.name))
        }
    }
}

/// Two presses of ctrl-c within this time quit.
const TWICE: Duration = Duration::from_secs(2);
