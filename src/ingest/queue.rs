//! A queue between two threads that holds at most so many bytes, whatever they are divided into: many small documents or
//! one large one.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// A bounded queue.
#[derive(Debug)]
pub(super) struct Queue<T> {
    state: Mutex<State<T>>,
    changed: Condvar,
    max_bytes: usize,
}

#[derive(Debug)]
struct State<T> {
    items: VecDeque<(T, usize)>,
    bytes: usize,
    closed: bool,
}

impl<T> Queue<T> {
    /// A queue that takes items until they weigh `max_bytes`; a heavier one is taken when the queue is empty.
    pub(super) fn new(max_bytes: usize) -> Self {
        let state = State { items: VecDeque::new(), bytes: 0, closed: false };
        Self { state: Mutex::new(state), changed: Condvar::new(), max_bytes }
    }

    /// Adds an item, waiting for room. `false`: the queue is closed and the item dropped.
    pub(super) fn push(&self, item: T, bytes: usize) -> bool {
        let mut state = self.lock();
        while !state.closed && !state.items.is_empty() && state.bytes + bytes > self.max_bytes {
            state = self.wait(state);
        }
        if state.closed {
            return false;
        }
        state.bytes += bytes;
        state.items.push_back((item, bytes));
        self.changed.notify_all();
        true
    }

    /// Takes the oldest item, waiting for one. `None`: the queue is closed and empty.
    pub(super) fn pop(&self) -> Option<T> {
        let mut state = self.lock();
        loop {
            if let Some((item, bytes)) = state.items.pop_front() {
                state.bytes -= bytes;
                self.changed.notify_all();
                return Some(item);
            }
            if state.closed {
                return None;
            }
            state = self.wait(state);
        }
    }

    /// Lets nobody wait any more: nothing is added after this; what is in it can still be taken.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        // A panic of a holder leaves nothing half done here.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State<T>>) -> MutexGuard<'a, State<T>> {
        self.changed.wait(state).unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_arrives_in_order_though_little_fits() {
        let queue = Queue::new(10);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for n in 0..1000_usize {
                    assert!(queue.push(n, n % 25));
                }
                queue.close();
            });
            let mut expected = 0;
            while let Some(n) = queue.pop() {
                assert_eq!(n, expected);
                expected += 1;
            }
            assert_eq!(expected, 1000);
        });
    }

    #[test]
    fn a_closed_queue_lets_a_waiting_thread_go() {
        let queue = Queue::new(1);
        assert!(queue.push(1, 1));
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| queue.push(2, 1));
            queue.close();
            assert!(!waiting.join().unwrap());
        });
        assert_eq!((queue.pop(), queue.pop()), (Some(1), None));
    }
}
