//! The one pool of compute threads: a region is a number of units of work that the caller and the workers share.
//!
//! A token takes some 150 regions of a few microseconds, so a worker that has just worked watches for the next region for a
//! moment before it sleeps, and the caller takes part instead of waiting. Each thread has a run of consecutive units, because
//! consecutive weights are read faster than scattered ones, and helps the others when it is done. Which thread does a unit
//! never changes its result.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{JoinHandle, Thread};
use std::time::{Duration, Instant};

/// How long a worker watches for the next region before it sleeps; between two tokens the sampler takes about as long.
const WATCH: Duration = Duration::from_micros(150);
/// Looks between two looks at the clock.
const LOOKS: u32 = 64;

type Work<'a> = dyn Fn(usize, usize) + Sync + 'a;

/// Threads that compute. Dropping it ends them.
pub(crate) struct Pool {
    shared: Arc<Shared>,
    workers: Vec<JoinHandle<()>>,
    wakers: Vec<Thread>,
    /// One region at a time.
    turn: Mutex<()>,
}

struct Shared {
    /// Counts regions; a worker that sees another number than before has work.
    epoch: AtomicU32,
    /// What to do; valid while `busy` is not zero.
    region: Mutex<Option<Region>>,
    /// For each thread, how many units of its run were taken.
    taken: Vec<Counter>,
    /// Workers that have not finished the region yet.
    busy: AtomicUsize,
    panicked: AtomicBool,
    leave: AtomicBool,
}

/// Alone in its cache lines: processors fetch them in pairs.
#[derive(Default)]
#[repr(align(128))]
struct Counter(AtomicUsize);

#[derive(Clone, Copy)]
struct Region {
    work: *const Work<'static>,
    units: usize,
}

// SAFETY: the closure behind the pointer is `Sync`, and `Pool::run` keeps it alive until every worker is done with it.
unsafe impl Send for Region {}

impl std::fmt::Debug for Pool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pool").field("threads", &self.threads()).finish_non_exhaustive()
    }
}

impl Pool {
    /// A pool of `threads` threads, the caller among them. Fewer where the system gives no more.
    pub(crate) fn new(threads: usize) -> Self {
        let shared = Arc::new(Shared {
            epoch: AtomicU32::new(0),
            region: Mutex::new(None),
            taken: (0..threads.max(1)).map(|_| Counter::default()).collect(),
            busy: AtomicUsize::new(0),
            panicked: AtomicBool::new(false),
            leave: AtomicBool::new(false),
        });
        let workers: Vec<_> = (1..threads.max(1))
            .map_while(|index| {
                let shared = Arc::clone(&shared);
                let thread = std::thread::Builder::new().name(format!("compute-{index}"));
                thread.spawn(move || shared.work(index)).ok()
            })
            .collect();
        let wakers = workers.iter().map(|worker| worker.thread().clone()).collect();
        Self { shared, workers, wakers, turn: Mutex::new(()) }
    }

    /// Threads that take part, the caller included.
    pub(crate) fn threads(&self) -> usize {
        self.workers.len() + 1
    }

    /// Calls `work(unit, thread)` once for every unit, `thread` being below [`Pool::threads`] and used by one call at a time.
    /// Returns when all calls have. A panic in one is passed on afterwards.
    pub(crate) fn run(&self, units: usize, work: &Work<'_>) {
        if self.workers.is_empty() || units < 2 {
            (0..units).for_each(|unit| work(unit, 0));
            return;
        }
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let shared = &*self.shared;
        // SAFETY: only the lifetime changes. The pointer is used by workers between here and the end of this function, which
        // waits until `busy` says that all of them are done.
        let work_pointer = unsafe { std::mem::transmute::<&Work<'_>, &Work<'static>>(work) };
        *shared.region.lock().unwrap_or_else(PoisonError::into_inner) =
            Some(Region { work: &raw const *work_pointer, units });
        shared.taken.iter().for_each(|taken| taken.0.store(0, Ordering::Relaxed));
        shared.busy.store(self.workers.len(), Ordering::Relaxed);
        // Everything above is visible to whoever sees the new epoch.
        shared.epoch.fetch_add(1, Ordering::Release);
        self.wakers.iter().for_each(Thread::unpark);
        let own = catch_unwind(AssertUnwindSafe(|| shared.take_units(work, units, 0)));
        let mut looks = 0u32;
        while shared.busy.load(Ordering::Acquire) != 0 {
            looks = looks.wrapping_add(1);
            if looks.is_multiple_of(1 << 12) {
                // The other thread may be waiting for this processor.
                std::thread::yield_now();
            }
            std::hint::spin_loop();
        }
        let panicked = shared.panicked.swap(false, Ordering::Relaxed);
        if let Err(panic) = own {
            resume_unwind(panic);
        }
        assert!(!panicked, "a compute thread panicked");
    }

    /// Several pieces of work as one region, `counts[n]` being the units of piece n: threads wait for each other once and not once a
    /// piece. Calls `work(piece, unit, thread)` as [`Pool::run`] does.
    pub(crate) fn run_all(&self, counts: impl IntoIterator<Item = usize>, work: impl Fn(usize, usize, usize) + Sync) {
        let mut total = 0;
        let starts: Vec<usize> = counts
            .into_iter()
            .map(|count| {
                total += count;
                total - count
            })
            .collect();
        self.run(total, &|unit, thread| {
            // The last that starts here: pieces without units start where the next one does.
            let piece = starts.partition_point(|start| *start <= unit) - 1;
            work(piece, unit - starts[piece], thread);
        });
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.shared.leave.store(true, Ordering::Relaxed);
        self.shared.epoch.fetch_add(1, Ordering::Release);
        for worker in self.workers.drain(..) {
            worker.thread().unpark();
            let _ = worker.join();
        }
    }
}

impl Shared {
    fn work(&self, thread: usize) {
        let mut seen = 0;
        loop {
            seen = self.wait(seen);
            if self.leave.load(Ordering::Relaxed) {
                return;
            }
            let region = *self.region.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(Region { work, units }) = region {
                // SAFETY: `Pool::run` waits for this worker before the closure goes out of scope.
                let work = unsafe { &*work };
                if catch_unwind(AssertUnwindSafe(|| self.take_units(work, units, thread))).is_err() {
                    self.panicked.store(true, Ordering::Relaxed);
                }
            }
            self.busy.fetch_sub(1, Ordering::Release);
        }
    }

    fn take_units(&self, work: &Work<'_>, units: usize, thread: usize) {
        let runs = self.taken.len();
        for run in (thread..runs).chain(0..thread) {
            let (start, end) = (run * units / runs, (run + 1) * units / runs);
            loop {
                let unit = start + self.taken[run].0.fetch_add(1, Ordering::Relaxed);
                if unit >= end {
                    break;
                }
                work(unit, thread);
            }
        }
    }

    /// Waits for another epoch than `seen`: watching first, then asleep.
    fn wait(&self, seen: u32) -> u32 {
        let mut since = None;
        let mut looks = 0u32;
        loop {
            let epoch = self.epoch.load(Ordering::Acquire);
            if epoch != seen {
                return epoch;
            }
            looks += 1;
            if looks < LOOKS {
                std::hint::spin_loop();
                continue;
            }
            looks = 0;
            if since.get_or_insert_with(Instant::now).elapsed() > WATCH {
                // A token of `unpark` that came before makes this return at once.
                std::thread::park();
            }
        }
    }
}

/// Memory that the units of a region write side by side.
pub(super) struct Shares<T> {
    start: *mut T,
    length: usize,
}

// SAFETY: access is through `part`, whose callers promise that no two parts overlap.
unsafe impl<T: Send> Sync for Shares<T> {}

impl<T> Shares<T> {
    pub(super) fn new(all: &mut [T]) -> Self {
        Self { start: all.as_mut_ptr(), length: all.len() }
    }

    /// `length` items from `start` on.
    ///
    /// # Safety
    /// While the part is used nobody else uses any item of it, and the slice given to [`Shares::new`] is borrowed still.
    #[expect(clippy::mut_from_ref, reason = "the caller promises disjoint parts")]
    pub(super) unsafe fn part(&self, start: usize, length: usize) -> &mut [T] {
        assert!(start <= self.length && length <= self.length - start, "a part lies inside");
        // SAFETY: inside the slice, by the assertion; exclusive, by the caller's promise.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(start), length) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_unit_is_done_once_whatever_the_number_of_threads() {
        for threads in [1, 2, 3] {
            let pool = Pool::new(threads);
            for units in [0, 1, 2, 3, 100] {
                let counts: Vec<AtomicUsize> = (0..units).map(|_| AtomicUsize::new(0)).collect();
                for _ in 0..50 {
                    pool.run(units, &|unit, thread| {
                        assert!(thread < threads);
                        counts[unit].fetch_add(1, Ordering::Relaxed);
                    });
                }
                assert!(counts.iter().all(|count| count.load(Ordering::Relaxed) == 50), "{threads} {units}");
            }
        }
    }

    #[test]
    fn every_unit_of_every_piece_is_done_once_pieces_without_any_included() {
        let pool = Pool::new(2);
        for counts in [&[][..], &[0], &[3, 0, 0, 2], &[0, 1, 0], &[1, 1, 7]] {
            let done: Vec<Vec<AtomicUsize>> =
                counts.iter().map(|count| (0..*count).map(|_| AtomicUsize::new(0)).collect()).collect();
            pool.run_all(counts.iter().copied(), |piece, unit, _| {
                done[piece][unit].fetch_add(1, Ordering::Relaxed);
            });
            assert!(done.iter().flatten().all(|count| count.load(Ordering::Relaxed) == 1), "{counts:?}");
        }
    }

    #[test]
    fn a_panic_in_a_unit_reaches_the_caller_and_the_pool_goes_on() {
        let pool = Pool::new(2);
        for unit in 0..8 {
            let result = catch_unwind(AssertUnwindSafe(|| pool.run(8, &|at, _| assert!(at != unit))));
            assert!(result.is_err());
        }
        assert!(catch_unwind(AssertUnwindSafe(|| pool.run(8, &|_, _| panic!("every unit")))).is_err());
        let count = AtomicUsize::new(0);
        pool.run(8, &|_, _| {
            count.fetch_add(1, Ordering::Relaxed);
        });
        assert_eq!(count.into_inner(), 8);
    }

    #[test]
    fn a_pool_whose_workers_sleep_wakes_up() {
        let pool = Pool::new(2);
        let count = AtomicUsize::new(0);
        for _ in 0..3 {
            let until = Instant::now() + 20 * WATCH;
            while Instant::now() < until {
                std::thread::park_timeout(WATCH);
            }
            pool.run(4, &|_, _| {
                count.fetch_add(1, Ordering::Relaxed);
            });
        }
        assert_eq!(count.into_inner(), 12);
    }
}
