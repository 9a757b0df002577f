//! The terminal's modes: entered once, restored on every way out.
//!
//! Invariants: raw mode, alternate screen, bracketed paste and, where wanted, the mouse are on exactly while `active` is set; a panic of the screen's
//! thread restores them before the hook that was there before prints; a panic of another thread goes to the log only, since
//! the screen lives on. Keyboard protocol flags are never pushed: no key of the table needs them.

use std::fs::File;
use std::io::{self, BufWriter, IsTerminal as _, Stdout, Write as _};
use std::os::fd::OwnedFd;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context as _, Result, anyhow};
use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::event::{DisableBracketedPaste, EnableBracketedPaste};
use ratatui::crossterm::style::{Attribute, Print, SetAttribute};
use ratatui::crossterm::terminal::{
    BeginSynchronizedUpdate, EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode,
    enable_raw_mode,
};
use ratatui::crossterm::{cursor, execute, queue};
use rustix::process::Signal;

use super::state::State;
use super::view;
use crate::report::Hinting as _;

/// One frame goes out in one write.
const FRAME_BYTES: usize = 1 << 16;

/// The terminal while the screen owns it.
pub(super) struct Screen {
    terminal: ratatui::Terminal<CrosstermBackend<BufWriter<Stdout>>>,
    active: Arc<AtomicBool>,
    stderr: Option<Stderr>,
    mouse: bool,
}

/// Presses and the wheel, in coordinates without a limit (xterm's modes 1000 and 1006). Not crossterm's own command, which asks for
/// every motion too: each would wake the screen.
const MOUSE_ON: &str = "\x1b[?1000h\x1b[?1006h";
const MOUSE_OFF: &str = "\x1b[?1006l\x1b[?1000l";

impl Screen {
    /// Takes the terminal over. What libraries write to the standard error goes to `log` meanwhile: a stray line would tear
    /// the screen.
    pub(super) fn enter(log: Option<File>, mouse: bool) -> Result<Self> {
        if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
            return Err(anyhow!("the screen needs a terminal on both standard input and output"))
                .hint("in a script use: tanya ask --folder DIR QUESTION");
        }
        let active = Arc::new(AtomicBool::new(false));
        restore_on_panic(Arc::clone(&active));
        let stderr = log.and_then(Stderr::redirect);
        let backend = CrosstermBackend::new(BufWriter::with_capacity(FRAME_BYTES, io::stdout()));
        let terminal = ratatui::Terminal::new(backend).context("cannot open the terminal")?;
        let mut screen = Self { terminal, active, stderr, mouse };
        screen.resume()?;
        Ok(screen)
    }

    /// Takes the terminal over again.
    pub(super) fn resume(&mut self) -> Result<()> {
        self.active.store(true, Ordering::Release);
        enable_raw_mode().context("cannot switch the terminal to raw mode")?;
        execute!(io::stdout(), EnterAlternateScreen, EnableBracketedPaste, cursor::Hide)
            .context("cannot write to the terminal")?;
        if self.mouse {
            self.send(MOUSE_ON)?;
        }
        self.repaint()
    }

    /// Takes the mouse, or leaves it to the terminal.
    pub(super) fn set_mouse(&mut self, wanted: bool) -> Result<()> {
        if self.mouse != wanted {
            self.mouse = wanted;
            self.send(if wanted { MOUSE_ON } else { MOUSE_OFF })?;
        }
        Ok(())
    }

    /// Draws every cell again at the next draw.
    pub(super) fn repaint(&mut self) -> Result<()> {
        // Not `clear`: that asks the terminal for its cursor, and one that does not answer would end the program.
        let area = self.terminal.size().context("cannot read the terminal's size")?.into();
        self.terminal.resize(area).context("cannot clear the terminal")
    }

    /// Draws the state as one synchronized update.
    pub(super) fn draw(&mut self, state: &mut State) -> Result<()> {
        queue!(self.terminal.backend_mut(), BeginSynchronizedUpdate).context("cannot write to the terminal")?;
        let _end = EndUpdate;
        self.terminal.draw(|frame| view::draw(state, frame)).context("cannot write to the terminal")?;
        Ok(())
    }

    /// Sends a sequence that changes nothing of what is shown.
    pub(super) fn send(&mut self, sequence: &str) -> Result<()> {
        execute!(self.terminal.backend_mut(), Print(sequence)).context("cannot write to the terminal")
    }

    /// The terminal's standard error, for a program that has the terminal meanwhile.
    pub(super) fn stderr(&self) -> Stdio {
        let kept = self.stderr.as_ref().and_then(|stderr| stderr.kept.try_clone().ok());
        kept.map_or_else(Stdio::inherit, Stdio::from)
    }

    /// Hands the terminal to the shell, until [`Self::resume`].
    pub(super) fn leave(&self) {
        restore(&self.active);
    }
}

/// Stops the whole process group, as the terminal's own ctrl-z does. SIGSTOP, because a SIGTSTP that a process raises for
/// itself is discarded in an orphaned group. Another thread may take the signal, so this can return before the stop.
pub(super) fn stop_group() -> Result<()> {
    rustix::process::kill_current_process_group(Signal::STOP).context("cannot stop")
}

/// The signal with which a shell continues a stopped process.
pub(super) const CONTINUE: i32 = Signal::CONT.as_raw();

impl Drop for Screen {
    fn drop(&mut self) {
        restore(&self.active);
        self.stderr.take();
    }
}

/// Ends a synchronized update whatever happens: a terminal that waits for the end shows nothing any more.
struct EndUpdate;

impl Drop for EndUpdate {
    fn drop(&mut self) {
        // A terminal that is gone cannot be told.
        let _ = execute!(io::stdout(), EndSynchronizedUpdate);
    }
}

/// Puts the terminal back as it was; does nothing when that has been done. Errors have nowhere to go here.
fn restore(active: &AtomicBool) {
    if !active.swap(false, Ordering::AcqRel) {
        return;
    }
    let mut out = io::stdout();
    let _ = execute!(
        out,
        EndSynchronizedUpdate,
        SetAttribute(Attribute::Reset),
        Print(MOUSE_OFF),
        DisableBracketedPaste,
        LeaveAlternateScreen,
        cursor::Show
    );
    let _ = disable_raw_mode();
    let _ = out.flush();
}

/// Puts a hook before the one that is there.
fn restore_on_panic(active: Arc<AtomicBool>) {
    let screen = std::thread::current().id();
    let previous = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if active.load(Ordering::Acquire) && std::thread::current().id() != screen {
            tracing::error!("a background thread panicked: {info}");
            return;
        }
        restore(&active);
        previous(info);
    }));
}

/// The standard error, kept while a file stands in its place.
struct Stderr {
    kept: OwnedFd,
}

impl Stderr {
    fn redirect(log: File) -> Option<Self> {
        if !io::stderr().is_terminal() {
            return None;
        }
        let kept = rustix::io::fcntl_dupfd_cloexec(io::stderr(), 3).ok()?;
        rustix::stdio::dup2_stderr(log).ok()?;
        Some(Self { kept })
    }
}

impl Drop for Stderr {
    fn drop(&mut self) {
        let _ = rustix::stdio::dup2_stderr(&self.kept);
    }
}
