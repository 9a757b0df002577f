//! Ends a child that works too long, or whose work is no longer wanted.
//!
//! Killing the process is what unblocks the parent: its reads and writes on the pipes then end by themselves, so that they
//! can stay plain blocking calls.

use std::process::Child;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tanya_engine::Cancel;

/// How often a running file is checked for a cancel.
const TICK: Duration = Duration::from_millis(50);

/// Why the child was ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fired {
    /// The time for one file was over.
    Timeout,
    /// The work was cancelled.
    Cancelled,
}

/// A thread that watches one child.
#[derive(Debug)]
pub(super) struct Watchdog {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    child: Child,
    deadline: Option<Instant>,
    fired: Option<Fired>,
    quit: bool,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic of a holder leaves nothing half done here.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watchdog {
    /// Takes the child; it is ended and reaped at the latest when the watchdog is dropped.
    pub(super) fn new(child: Child, cancel: Cancel) -> std::io::Result<Self> {
        let state = State { child, deadline: None, fired: None, quit: false };
        let shared = Arc::new(Shared { state: Mutex::new(state), changed: Condvar::new() });
        let watched = Arc::clone(&shared);
        let thread =
            std::thread::Builder::new().name("extract-watchdog".into()).spawn(move || watch(&watched, &cancel));
        let mut watchdog = Self { shared, thread: None };
        watchdog.thread = Some(thread?);
        Ok(watchdog)
    }

    /// Starts the clock for one file.
    pub(super) fn arm(&self, limit: Duration) {
        self.shared.lock().deadline = Some(Instant::now() + limit);
        self.shared.changed.notify_one();
    }

    /// Gives the running clock this much more: something else is waited for.
    pub(super) fn extend(&self, by: Duration) {
        let mut state = self.shared.lock();
        state.deadline = state.deadline.map(|deadline| deadline + by);
    }

    /// Takes back what it was given and did not need.
    pub(super) fn shorten(&self, by: Duration) {
        let mut state = self.shared.lock();
        state.deadline = state.deadline.map(|deadline| deadline.checked_sub(by).unwrap_or(deadline));
    }

    /// Stops the clock.
    pub(super) fn disarm(&self) {
        self.shared.lock().deadline = None;
    }

    /// Whether and why the watchdog has ended the child.
    pub(super) fn fired(&self) -> Option<Fired> {
        self.shared.lock().fired
    }

    /// The child's process number.
    pub(super) fn pid(&self) -> u32 {
        self.shared.lock().child.id()
    }

    /// Ends the child and waits for it.
    pub(super) fn reap(&self) -> std::io::Result<std::process::ExitStatus> {
        let mut state = self.shared.lock();
        // A child that has just crashed must be asked first: its own signal tells more than ours.
        if let Some(status) = wait_briefly(&mut state.child)? {
            return Ok(status);
        }
        kill(&mut state.child);
        state.child.wait()
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        {
            let mut state = self.shared.lock();
            state.quit = true;
            kill(&mut state.child);
            let _ = state.child.wait();
        }
        self.shared.changed.notify_one();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn watch(shared: &Shared, cancel: &Cancel) {
    let mut state = shared.lock();
    while !state.quit {
        let Some(deadline) = state.deadline else {
            state = shared.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            continue;
        };
        let now = Instant::now();
        let fired =
            if cancel.is_cancelled() { Some(Fired::Cancelled) } else { (now >= deadline).then_some(Fired::Timeout) };
        if fired.is_some() {
            state.fired = fired;
            state.deadline = None;
            kill(&mut state.child);
        } else {
            let wait = TICK.min(deadline - now);
            (state, _) = shared.changed.wait_timeout(state, wait).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// Ends the child and whatever it may have started: it leads a process group of its own.
fn kill(child: &mut Child) {
    // Reaped already: its number may belong to another process by now.
    if matches!(child.try_wait(), Ok(Some(_))) {
        return;
    }
    if let Some(group) = rustix::process::Pid::from_raw(child.id() as i32) {
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    }
    let _ = child.kill();
}

/// The exit status of a child that is ending, within a quarter of a second.
fn wait_briefly(child: &mut Child) -> std::io::Result<Option<std::process::ExitStatus>> {
    let until = Instant::now() + Duration::from_millis(250);
    loop {
        let status = child.try_wait()?;
        if status.is_some() || Instant::now() >= until {
            return Ok(status);
        }
        std::thread::park_timeout(Duration::from_millis(2));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn time_that_is_added_is_waited_for_until_it_is_taken_back() {
        let child = Command::new("sleep").arg("600").spawn().unwrap();
        let watchdog = Watchdog::new(child, Cancel::default()).unwrap();
        watchdog.arm(Duration::from_secs(1));
        watchdog.extend(Duration::from_hours(1));
        std::thread::park_timeout(Duration::from_millis(1500));
        assert_eq!(watchdog.fired(), None);
        watchdog.shorten(Duration::from_hours(1));
        let start = Instant::now();
        while watchdog.fired().is_none() && start.elapsed() < Duration::from_secs(30) {
            std::thread::park_timeout(TICK);
        }
        assert_eq!(watchdog.fired(), Some(Fired::Timeout));
    }
}
