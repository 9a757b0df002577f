//! Two things at a time, for what is worth the start of a thread: some tens of microseconds.

use std::panic::resume_unwind;
use std::thread;

/// What both give, done at the same time on two threads if `beside`, else one after the other. A panic of either is one of the caller.
pub(crate) fn both<A, B: Send>(beside: bool, here: impl FnOnce() -> A, there: impl FnOnce() -> B + Send) -> (A, B) {
    if !beside {
        return (here(), there());
    }
    thread::scope(|scope| {
        let there = scope.spawn(there);
        let here = here();
        (here, there.join().unwrap_or_else(|panic| resume_unwind(panic)))
    })
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::sync_channel;
    use std::time::Duration;

    use super::*;

    #[test]
    fn both_are_done_at_the_same_time_or_one_after_the_other() {
        let wait = Duration::from_mins(1);
        let (ask, asked) = sync_channel(1);
        let (answer, answered) = sync_channel(1);
        // Each waits for the other.
        let here = || {
            ask.send(()).unwrap();
            answered.recv_timeout(wait).is_ok()
        };
        let there = move || {
            let came = asked.recv_timeout(wait).is_ok();
            answer.send(()).unwrap();
            came
        };
        assert_eq!(both(true, here, there), (true, true));
        let this = thread::current().id();
        assert_eq!(both(false, || thread::current().id(), || thread::current().id()), (this, this));
    }

    #[test]
    #[should_panic(expected = "there")]
    fn a_panic_there_is_one_here() {
        both(true, || (), || panic!("there"));
    }
}
