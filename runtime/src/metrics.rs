//! The counters of an executor. Counting costs almost nothing, and any thread may read the counters.
//!
//! Each counter of a worker has one writer, which uses a plain load and store. The executor counts some
//! numbers in ordinary variables, and publishes them once per turn of its loop. Queue depths are read on
//! request. No code of the runtime depends on these numbers.

use std::time::Duration;

use crate::sync::counting::{AtomicU64, AtomicUsize};
use crate::sync::{Arc, Ordering};

/// A counter with one writer and any number of readers.
#[derive(Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self, n: u64) {
        // No read-modify-write is needed, because there is one writer.
        self.set(self.get().wrapping_add(n));
    }

    pub(crate) fn set(&self, n: u64) {
        // Release pairs with the Acquire in `get`. Only `Counters::in_flight` needs this ordering.
        self.0.store(n, Ordering::Release);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }
}

/// Counts something that goes up and down, and remembers the maximum. It has its own cache lines, because
/// many threads write to it.
#[derive(Default)]
#[repr(align(128))]
pub(crate) struct Gauge {
    now: AtomicUsize,
    most: AtomicUsize,
}

impl Gauge {
    /// Adds one, on any thread.
    pub(crate) fn up(&self) {
        let now = self.now.fetch_add(1, Ordering::Relaxed) + 1;
        if now > self.most.load(Ordering::Relaxed) {
            self.most.fetch_max(now, Ordering::Relaxed);
        }
    }

    pub(crate) fn most(&self) -> usize {
        self.most.load(Ordering::Relaxed)
    }

    /// Subtracts one, on any thread.
    pub(crate) fn down(&self) {
        // Release pairs with the Acquire in `Counters::in_flight`.
        self.now.fetch_sub(1, Ordering::Release);
    }

    /// Like [`up`](Self::up), but without a read-modify-write. Only one thread may write.
    #[inline]
    pub(crate) fn up_alone(&self) {
        let now = self.now.load(Ordering::Relaxed) + 1;
        self.now.store(now, Ordering::Relaxed);
        if now > self.most.load(Ordering::Relaxed) {
            self.most.store(now, Ordering::Relaxed);
        }
    }

    /// Subtracts one without a read-modify-write. Only one thread may write.
    #[inline]
    pub(crate) fn down_alone(&self) {
        self.now
            .store(self.now.load(Ordering::Relaxed) - 1, Ordering::Relaxed);
    }
}

/// The counters of one worker, on cache lines of its own.
#[derive(Default)]
#[repr(align(128))]
pub(crate) struct WorkerCounters {
    pub(crate) polls: Counter,
    pub(crate) parks: Counter,
    pub(crate) steals: Counter,
    pub(crate) injected: Counter,
    /// A copy of a `SingleThread`'s queue length, for other threads.
    pub(crate) queued: Counter,
    /// The number of tasks that the worker spawned. Counted only by `WorkStealing`.
    pub(crate) spawned: Counter,
    /// The number of tasks that ended on this worker. Counted only by `WorkStealing`.
    pub(crate) ended: Counter,
    /// The nanoseconds that the worker spent in `block_on` or in its loop, awake or asleep.
    pub(crate) present: Counter,
    /// The part of `present` in which the worker slept.
    pub(crate) asleep: Counter,
}

/// The queue lengths of a scheduler, for any thread.
pub(crate) trait Depths: Send + Sync {
    /// Returns the length of the shared queue, or of a `SingleThread`'s inbox.
    fn global(&self) -> usize;

    fn local(&self, worker: usize) -> usize;
}

/// The maximum number of attempts to read the exact count of tasks in flight. Arbitrary: not measured.
const SNAPSHOTS: usize = 3;

/// The counters of an executor.
pub(crate) struct Counters {
    pub(crate) workers: Box<[Arc<WorkerCounters>]>,
    /// The number of tasks spawned outside of workers. A lock orders the writers.
    pub(crate) spawned_outside: Counter,
    /// For executors other than `WorkStealing`: the number of tasks begun and not finished. For
    /// `WorkStealing`: the tasks that ended outside of workers, counted downwards from 0. The function
    /// `in_flight` adds the workers' counts.
    pub(crate) in_flight: Gauge,
    /// How many workers are running tasks now.
    pub(crate) at_once: Gauge,
}

impl Counters {
    pub(crate) fn new(workers: usize) -> Self {
        Counters {
            workers: (0..workers).map(|_| Arc::default()).collect(),
            spawned_outside: Counter::default(),
            in_flight: Gauge::default(),
            at_once: Gauge::default(),
        }
    }

    fn in_flight(&self) -> usize {
        let sum = |count: fn(&WorkerCounters) -> &Counter| {
            let counts = self.workers.iter().map(|worker| count(worker).get());
            counts.fold(0, u64::wrapping_add)
        };
        let mut before = sum(|worker| &worker.ended);
        let mut tries = 0;
        loop {
            let others = self.in_flight.now.load(Ordering::Acquire) as isize as u64;
            let spawned = sum(|worker| &worker.spawned).wrapping_add(self.spawned_outside.get());
            let ended = sum(|worker| &worker.ended);
            tries += 1;
            // If `ended` has not changed during the attempt, the difference is exact. Otherwise the last
            // attempt may return a number that is too small, but never one that is too large.
            if ended == before || tries == SNAPSHOTS {
                let difference = others.wrapping_add(spawned).wrapping_sub(ended);
                return usize::try_from(difference as i64).unwrap_or(0);
            }
            before = ended;
        }
    }

    /// Takes a sample for `in_flight_max`.
    pub(crate) fn sample(&self) {
        self.in_flight
            .most
            .fetch_max(self.in_flight(), Ordering::Relaxed);
    }

    /// Counts one more worker that runs tasks.
    pub(crate) fn worker_begins(&self) {
        self.at_once.up();
        // `read` caps `at_once_max` at `in_flight_max`, so `in_flight_max` must be up to date. Once
        // `in_flight_max` reaches the number of workers, no more samples are needed: `at_once_max` cannot
        // exceed that number.
        if self.in_flight.most() < self.workers.len() {
            self.sample();
        }
    }

    pub(crate) fn read(&self, depths: &dyn Depths, pool: [usize; 3]) -> Metrics {
        let in_flight = self.in_flight();
        self.in_flight.most.fetch_max(in_flight, Ordering::Relaxed);
        let in_flight_max = self.in_flight.most.load(Ordering::Relaxed);
        // Single-thread executors do not count their worker in `at_once`.
        let has_polled = self.workers.iter().any(|worker| worker.polls.get() > 0);
        let at_once_max = self.at_once.most().max(usize::from(has_polled));
        Metrics {
            in_flight,
            in_flight_max,
            // A worker counts as running for a moment after its last task has ended. If another worker begins
            // a task in that moment, `at_once` is too large. So cap its maximum at `in_flight_max`, because
            // every task that runs is in flight.
            at_once_max: at_once_max.min(in_flight_max),
            global_queue_depth: depths.global(),
            num_blocking_threads: pool[0],
            num_idle_blocking_threads: pool[1],
            blocking_queue_depth: pool[2],
            workers: (self.workers.iter().enumerate())
                .map(|(worker, counters)| counters.read(depths.local(worker)))
                .collect(),
        }
    }
}

impl WorkerCounters {
    fn read(&self, local_queue_depth: usize) -> WorkerMetrics {
        let present = self.present.get();
        WorkerMetrics {
            polls: self.polls.get(),
            parks: self.parks.get(),
            steals: self.steals.get(),
            injector_takes: self.injected.get(),
            local_queue_depth,
            busy: Duration::from_nanos(present.saturating_sub(self.asleep.get())),
            present: Duration::from_nanos(present),
        }
    }
}

/// The counts of an executor: see [`Executor::metrics`](crate::Executor::metrics).
///
/// Only tasks are counted, not the main future of `block_on` or the jobs of
/// [`spawn_blocking`](crate::spawn_blocking).
///
/// ```
/// let executor = brigade::SingleThread::new().unwrap();
/// executor.block_on(async {
///     let dishes: Vec<_> = (0..3).map(|_| brigade::spawn(brigade::yield_now())).collect();
///     for dish in dishes {
///         dish.await.unwrap();
///     }
/// });
/// let metrics = executor.metrics();
/// assert_eq!(metrics.in_flight_max, 3); // concurrency: three dishes begun and not finished
/// assert_eq!(metrics.at_once_max, 1); // parallelism: one worker
/// assert_eq!(metrics.in_flight, 0);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Metrics {
    /// The number of tasks begun and not finished.
    pub in_flight: usize,
    /// The greatest [`in_flight`](Self::in_flight) so far: the *concurrency* of the run.
    ///
    /// `SingleThread` counts it exactly. `WorkStealing` takes a sample at each call of `metrics`, and when a
    /// worker parks or polls the driver. A peak between two samples may be missed. (A worker polls the driver
    /// after at most 64 polls of tasks.)
    pub in_flight_max: usize,
    /// The maximum number of tasks that were being polled at one instant: the *parallelism* of the run.
    /// It never exceeds the number of workers or [`in_flight_max`](Self::in_flight_max).
    pub at_once_max: usize,
    /// The number of ready tasks in the queue that all workers share. For a
    /// [`SingleThread`](crate::SingleThread), the number of operations (such as wakes) that other threads
    /// have sent and that it has not read yet.
    pub global_queue_depth: usize,
    /// The number of threads of the blocking pool, including the threads for name lookups.
    pub num_blocking_threads: usize,
    /// The number of threads of the blocking pool that are idle.
    pub num_idle_blocking_threads: usize,
    /// The number of closures and name lookups that wait for a thread.
    pub blocking_queue_depth: usize,
    /// One entry per worker.
    pub workers: Vec<WorkerMetrics>,
}

/// The counts of one worker.
///
/// ```
/// let executor = brigade::SingleThread::new()?;
/// executor.block_on(async {
///     brigade::spawn(brigade::yield_now()).await.unwrap();
/// });
/// let worker = &executor.metrics().workers[0];
/// assert_eq!(worker.polls, 2);
/// assert_eq!(worker.steals, 0);
/// assert!(worker.busy <= worker.present);
/// # std::io::Result::Ok(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct WorkerMetrics {
    /// How many times the worker polled a task.
    pub polls: u64,
    /// How many times the worker went to sleep.
    pub parks: u64,
    /// How many times the worker took tasks from another worker.
    pub steals: u64,
    /// The number of tasks that the worker took from the shared queue. For a
    /// [`SingleThread`](crate::SingleThread), the number of operations from other threads that it has read.
    pub injector_takes: u64,
    /// The number of ready tasks in the worker's own queue. For a [`SingleThread`](crate::SingleThread), this
    /// is the number at its last poll of the OS and the clock.
    pub local_queue_depth: usize,
    /// The part of [`present`](Self::present) in which the worker was awake.
    pub busy: Duration,
    /// The time that the worker spent in `block_on` or in its loop, awake or asleep.
    pub present: Duration,
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Empty;

    impl Depths for Empty {
        fn global(&self) -> usize {
            0
        }

        fn local(&self, _worker: usize) -> usize {
            0
        }
    }

    fn read(counters: &Counters) -> Metrics {
        counters.read(&Empty, [0; 3])
    }

    /// async-executor #101: a counter at its maximum continues from 0.
    #[test]
    fn counters_wrap() {
        let counter = Counter::default();
        counter.set(u64::MAX - 1);
        counter.add(3);
        assert_eq!(counter.get(), 1);
    }

    #[test]
    fn a_gauge_remembers_the_most() {
        let counters = Counters::new(2);
        for _ in 0..3 {
            counters.in_flight.up();
        }
        counters.in_flight.down();
        let metrics = read(&counters);
        assert_eq!((metrics.in_flight, metrics.in_flight_max), (2, 3));
        assert_eq!(metrics.workers.len(), 2);
        for _ in 0..3 {
            counters.in_flight.up_alone();
        }
        counters.in_flight.down_alone();
        let metrics = read(&counters);
        assert_eq!((metrics.in_flight, metrics.in_flight_max), (4, 5));
    }

    #[test]
    fn a_gauge_counts_for_many_threads() {
        let counters = Arc::new(Counters::new(1));
        let rounds = if cfg!(miri) { 50 } else { 10_000 };
        let threads: Vec<_> = (0..4)
            .map(|_| {
                let counters = counters.clone();
                std::thread::spawn(move || {
                    for _ in 0..rounds {
                        counters.in_flight.up();
                        counters.in_flight.down();
                    }
                })
            })
            .collect();
        for thread in threads {
            thread.join().unwrap();
        }
        let metrics = read(&counters);
        assert_eq!(metrics.in_flight, 0);
        assert!((1..=4).contains(&metrics.in_flight_max));
    }

    #[test]
    fn time_asleep_is_not_busy() {
        let counters = Counters::new(1);
        counters.workers[0].present.add(100);
        counters.workers[0].asleep.add(30);
        let worker = &read(&counters).workers[0];
        assert_eq!(worker.busy, Duration::from_nanos(70));
        // A reader may see the new `asleep` but the old `present`.
        counters.workers[0].asleep.add(100);
        assert_eq!(read(&counters).workers[0].busy, Duration::ZERO);
    }
}
