//! The screen: keys and events into a state, the state into cells.
//!
//! ```text
//! signals ┐
//! keys    ├→ Msg ─update→ State ─view→ cells
//! jobs    │            └→ Effect → Backend
//! timer   ┘
//! ```
//!
//! `update` is pure and takes the time as an argument; `view` changes nothing but the kept layout of texts; this driver alone touches terminal, clock and
//! background work. It handles everything that waits, then draws once if anything changed, at most every [`FRAME`]. Nothing
//! runs while nothing happens: the only timers are those that [`State::next_wake`] asks for.

mod backend;
mod clipboard;
mod composer;
mod effect;
#[cfg(test)]
mod fixtures;
mod glyphs;
mod keymap;
mod markdown;
mod msg;
mod state;
mod terminal;
mod text;
mod theme;
mod update;
mod view;
mod viewer;

#[cfg(test)]
mod screens;
#[cfg(test)]
mod speed;

use std::fs::File;
use std::future::poll_fn;
use std::task::Poll;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use futures_util::StreamExt as _;
use ratatui::crossterm::event::{Event, EventStream, MouseButton, MouseEventKind};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;

pub use backend::{AskRequest, Backend, Grounds};
pub use keymap::{Keymap, keys_markdown};
pub use state::Setup;
pub(crate) use text::bytes;
pub use text::{clean, one_line};
pub use theme::{Background, Charset, Colors, Traits};
pub use viewer::{Invocation, Opening, Target};

use crate::config::Setting;
use crate::jobs::JobEvent;
use crate::report::Report;
use effect::Effect;
use msg::Msg;
use state::State;
use terminal::Screen;

/// The shortest time between two draws: one frame of a common display.
const FRAME: Duration = Duration::from_millis(16);
/// Messages handled before a draw, at most: a flood of events must not freeze the picture.
const MOST_AT_ONCE: usize = 512;

/// How the screen ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exit {
    /// The last answer with its sources, to print on the normal screen.
    pub farewell: Option<String>,
    /// The number of the signal that ended it; the exit code is 128 more.
    pub signal: Option<i32>,
}

/// Shows the screen until the person quits or a signal comes. The terminal is restored when this returns or panics.
///
/// `events` is bounded by its creator, so that a fast model waits for the screen and not the other way round. `log` takes what
/// libraries write to the standard error meanwhile. Fails when there is no terminal, or it goes away.
pub fn run(
    setup: Setup,
    backend: &mut dyn Backend,
    events: mpsc::Receiver<JobEvent>,
    log: Option<File>,
) -> Result<Exit> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().context("cannot start the event loop")?;
    let mut state = State::new(setup);
    let signal = runtime.block_on(async {
        let screen = Screen::enter(log, state.settings.mouse)?;
        let mut driver = Driver { screen, state: &mut state, backend, start: Instant::now() };
        driver.drive(events).await
    })?;
    Ok(Exit { farewell: state.farewell(), signal })
}

struct Driver<'a> {
    screen: Screen,
    state: &'a mut State,
    backend: &'a mut dyn Backend,
    start: Instant,
}

/// Whether the loop goes on.
enum Flow {
    Go,
    Suspend,
    Open(Target),
    End,
}

impl Driver<'_> {
    async fn drive(&mut self, mut events: mpsc::Receiver<JobEvent>) -> Result<Option<i32>> {
        let mut signals = Signals::new()?;
        let mut keys = EventStream::new();
        self.screen.draw(self.state)?;
        self.backend.start(&self.state.settings);
        let mut drawn = Instant::now();
        let mut dirty = false;
        let mut connected = true;
        let mut ended_by = None;
        loop {
            let frame = dirty.then_some(drawn + FRAME);
            let wake = self.state.next_wake().map(|at| self.start + at);
            let deadline = [frame, wake].into_iter().flatten().min();
            let msg = tokio::select! {
                biased;
                number = signals.next() => {
                    ended_by = Some(number);
                    Some(Msg::Terminate)
                }
                event = keys.next() => translate(event),
                event = events.recv(), if connected => Some(event.map_or_else(|| disconnected(&mut connected), Msg::Job)),
                () = sleep_until(deadline), if deadline.is_some() => wake.is_some_and(|wake| wake <= Instant::now()).then_some(Msg::Tick),
            };
            let mut next = msg;
            for left in (0..MOST_AT_ONCE).rev() {
                if let Some(msg) = next.take() {
                    dirty = true;
                    match self.handle(msg)? {
                        Flow::Go => {}
                        Flow::Suspend => self.suspend().await?,
                        Flow::Open(target) => {
                            // Its thread would take the keys that are meant for the editor.
                            drop(keys);
                            let ended = self.open(&target, &mut signals).await?;
                            keys = EventStream::new();
                            if ended.is_some() {
                                self.handle(Msg::Terminate)?;
                                return Ok(ended);
                            }
                        }
                        Flow::End => return Ok(ended_by),
                    }
                }
                if left == 0 {
                    break;
                }
                // Polled with this task's own waker: the stream keeps the waker of the first poll that finds nothing.
                next = match poll_fn(|cx| Poll::Ready(keys.poll_next_unpin(cx))).await {
                    Poll::Ready(event) => translate(event),
                    Poll::Pending => match events.try_recv() {
                        Ok(event) => Some(Msg::Job(event)),
                        Err(_) => break,
                    },
                };
            }
            if dirty && drawn.elapsed() >= FRAME {
                self.screen.draw(self.state)?;
                (drawn, dirty) = (Instant::now(), false);
            }
        }
    }

    /// Hands the terminal to the shell, stops, and comes back when the shell continues the process.
    async fn suspend(&mut self) -> Result<()> {
        self.screen.leave();
        let mut continued = signal(SignalKind::from_raw(terminal::CONTINUE)).context("cannot listen for signals")?;
        terminal::stop_group()?;
        continued.recv().await;
        self.screen.resume()
    }

    /// Opens a file: in an editor that has the terminal until it ends, or in a viewer with a window of its own. Returns the signal
    /// that came meanwhile to end this program; an interrupt was meant for the editor.
    async fn open(&mut self, target: &Target, signals: &mut Signals) -> Result<Option<i32>> {
        let opening = target.file().map(|file| target.opening(&file, |name| std::env::var(name).ok()));
        match opening {
            Err(error) => self.state.complain(&Report::new(&error)),
            Ok(Opening::Viewer(viewer)) => match viewer.launch() {
                Ok(()) => self.state.say(target.viewed(&viewer.name)),
                Err(error) => self.state.complain(&Report::new(&error)),
            },
            Ok(Opening::Editor(editor)) => {
                self.screen.leave();
                let mut command = editor.command();
                command.stderr(self.screen.stderr());
                let mut running = tokio::task::spawn_blocking(move || command.status());
                let mut ended = None;
                let status = loop {
                    tokio::select! {
                        status = &mut running => break status.context("the editor's thread ended")?,
                        number = signals.next() => {
                            let kind = SignalKind::from_raw(number);
                            ended = ended.or((kind != SignalKind::interrupt() && kind != SignalKind::quit()).then_some(number));
                        }
                    }
                };
                self.screen.resume()?;
                if let Err(error) = editor.ended(status) {
                    self.state.complain(&Report::new(&error));
                }
                return Ok(ended);
            }
        }
        Ok(None)
    }

    fn handle(&mut self, msg: Msg) -> Result<Flow> {
        let mut flow = Flow::Go;
        for effect in update::update(self.state, self.start.elapsed(), msg) {
            match effect {
                Effect::Ask(job, request) => self.backend.ask(job, *request),
                Effect::Cancel(job) => self.backend.cancel(job),
                Effect::Configure(settings) => {
                    self.screen.set_mouse(settings.mouse)?;
                    self.backend.configure(&settings);
                }
                Effect::SaveSetting(key, value) => {
                    if let Some(setting) = Setting::find(key) {
                        self.backend.save_setting(setting, value);
                    }
                }
                Effect::ListModels(settings) => self.backend.list_models(&settings),
                Effect::PullModel(name, accepted) => self.backend.pull_model(&name, accepted),
                Effect::CancelPull(name) => self.backend.cancel_pull(&name),
                Effect::SaveConversation(conversation) => self.backend.save_turn(&conversation),
                Effect::ListLibrary => self.backend.list_library(),
                Effect::ReadAgain(path) => self.backend.read_again(path.as_deref()),
                Effect::FindNames(word) => self.backend.find_names(&word),
                Effect::Preview(question) => self.backend.preview(&question),
                Effect::ListSessions => self.backend.list_sessions(),
                Effect::LoadSession(id) => self.backend.load_session(id),
                Effect::SearchSessions(text) => self.backend.search_sessions(&text),
                Effect::RenameSession(id, name) => self.backend.rename_session(id, &name),
                Effect::RemoveSession(id) => self.backend.remove_session(id),
                Effect::ExportSession(id) => self.backend.export_session(id),
                Effect::Open(target) => flow = Flow::Open(target),
                Effect::Copy(sequence) => self.screen.send(&sequence)?,
                Effect::Repaint => self.screen.repaint()?,
                Effect::Suspend => flow = Flow::Suspend,
                Effect::Quit => return Ok(Flow::End),
            }
        }
        Ok(flow)
    }
}

/// What the terminal said, where it matters. A terminal that says no more is gone.
fn translate(event: Option<std::io::Result<Event>>) -> Option<Msg> {
    match event {
        Some(Ok(Event::Key(key))) => Some(Msg::Key(key)),
        Some(Ok(Event::Paste(text))) => Some(Msg::Paste(text)),
        Some(Ok(Event::Resize(width, height))) => Some(Msg::Resize { width, height }),
        Some(Ok(Event::Mouse(mouse))) => match mouse.kind {
            MouseEventKind::ScrollUp => Some(Msg::Wheel(-1)),
            MouseEventKind::ScrollDown => Some(Msg::Wheel(1)),
            MouseEventKind::Down(MouseButton::Left) => Some(Msg::Click { column: mouse.column, row: mouse.row }),
            _ => None,
        },
        Some(Ok(Event::FocusGained | Event::FocusLost)) => None,
        Some(Err(_)) | None => Some(Msg::Terminate),
    }
}

/// All background work has ended, which only a fault can cause.
fn disconnected(connected: &mut bool) -> Msg {
    *connected = false;
    let hint = Some("quit and start tanya again; the log says more".into());
    Msg::Job(JobEvent::Failed(Report { cause: "background work has stopped".into(), hint }))
}

async fn sleep_until(deadline: Option<Instant>) {
    if let Some(deadline) = deadline {
        tokio::time::sleep_until(deadline.into()).await;
    }
}

/// The signals that end the program in order.
struct Signals {
    all: [(Signal, SignalKind); 4],
}

impl Signals {
    fn new() -> Result<Self> {
        let listen = |kind: SignalKind| signal(kind).map(|signal| (signal, kind)).context("cannot listen for signals");
        let [a, b, c, d] = [SignalKind::terminate(), SignalKind::hangup(), SignalKind::interrupt(), SignalKind::quit()];
        Ok(Self { all: [listen(a)?, listen(b)?, listen(c)?, listen(d)?] })
    }

    async fn next(&mut self) -> i32 {
        let [(a, kind_a), (b, kind_b), (c, kind_c), (d, kind_d)] = &mut self.all;
        let kind = tokio::select! {
            _ = a.recv() => kind_a,
            _ = b.recv() => kind_b,
            _ = c.recv() => kind_c,
            _ = d.recv() => kind_d,
        };
        kind.as_raw_value()
    }
}
