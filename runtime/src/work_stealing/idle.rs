//! The executor's central race: which workers are parked, which are searching, and which one to wake.
//!
//! This module answers two questions. *A worker found nothing to do: may it park?* *A thread made a task
//! ready: must it wake a parked worker, and which one?* If no worker is woken, the task may never run. If a
//! worker is woken for each task, a burst of tasks wakes every worker, although one worker could run all
//! these tasks. This module only keeps counters and a list of the parked workers. Its callers check the
//! queues, and park and unpark the threads.
//!
//! A worker is *running*, *searching* (it has no task and tries to steal one), or *parked*. While one worker
//! searches, no other worker needs to be woken: the searcher will find each new task, or will later wake a
//! worker that finds it.
//!
//! ```text
//!   running ── start_searching() ──► searching ── fall_asleep() ──► parked
//!   running ◄── stop_searching() ─── searching ◄──── to_wake() ──── parked
//!   running ──────────────────── fall_asleep() ───────────────────► parked
//!   running ◄─────────────────────── rise() ─────────────────────── parked
//! ```
//!
//! A worker that sees a task just before it parks becomes a searcher instead.
//!
//! # The two sides
//!
//! ```text
//!   a thread makes a task ready               a worker parks
//!   N1  push the task                         S1  no longer count as searching or awake; join the list
//!   N2  fence (SeqCst)                        S2  fence (SeqCst)
//!   N3  stop if a worker searches,            S3  look once more at every queue that others may
//!       or if no worker is parked                 take from, except the LIFO slots
//!   N4  take a worker off the list, count     S4  if there is a task, leave the list and search
//!       it as awake and searching             S5  otherwise park
//!   N5  unpark it
//! ```
//!
//! No other worker is notified of a task in a LIFO slot, because the slot's worker runs that task next. The
//! *monitor* takes out tasks that wait there too long: see `work_stealing::monitor`.
//!
//! # Why no task is left behind
//!
//! One of the fences N2 and S2 comes first. If N2 comes first, S3 sees the task that N1 pushed, and the
//! worker stays awake. If S2 comes first, N3 sees the counts of S1. There are then two cases.
//! - *N3 sees a searcher.* The searcher is another worker, which has not passed its own S1. If it finds
//!   nothing, its own S1 to S3 come after N2, so its S3 sees the task. If it finds a task and is the last
//!   searcher, it checks the queues after the fence in [`Idle::stop_searching`]. That fence comes after N2,
//!   because N3 still saw a searcher. So the last searcher sees the new task. It wakes another worker, for
//!   which the same argument holds.
//! - *N3 sees no searcher.* N4 takes a parked worker off the list under the lock, so no two threads wake the
//!   same worker. If that worker has not reached S5 yet, N5 leaves a token, and S5 then returns immediately.
//!
//! Meanwhile, tasks may move between queues. While a batch moves from the injector to a worker's ring,
//! `Injector::is_empty` returns false. Tasks that a thief steals are in no queue for a moment. But the thief
//! is counted as searching until it runs a task. If it is then the last searcher, it checks the queues again.
//!
//! Changes of the counters need no fences of their own. Every change is a read-modify-write (AcqRel) of one
//! word. So a worker that changes the counters sees what other workers did before their earlier changes.
//!
//! rayon-core's sleep module and Go's scheduler solve the same race, which the literature calls *store
//! buffering*. A SeqCst *load* in place of N2 does not suffice, because the push of N1 may take effect after
//! such a load (tokio #1768).
//!
//! # Rejected
//!
//! - *One condition variable for all workers.* Every push would take its lock.
//! - *A wake for every push.* tokio #7431 measures how much this costs.
//! - *Spinning before parking.* It keeps a core busy to save a microsecond, but an idle executor must not
//!   use CPU time.

use crate::sync::{AtomicUsize, Mutex, Ordering, fence, lock};

pub(crate) struct Idle {
    /// The number of awake workers times [`AWAKE`], plus the number of searching workers.
    word: AtomicUsize,
    sleepers: Mutex<Vec<usize>>,
    workers: usize,
}

const SEARCHING: usize = 1;
const AWAKE: usize = 1 << (usize::BITS / 2);

/// How many workers are searching and how many are awake, at one instant.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Counts {
    pub(crate) searching: usize,
    pub(crate) awake: usize,
}

impl Idle {
    /// Makes the state in which all workers are awake and none searches.
    pub(crate) fn new(workers: usize) -> Self {
        Idle {
            word: AtomicUsize::new(workers * AWAKE),
            sleepers: Mutex::new(Vec::with_capacity(workers)),
            workers,
        }
    }

    pub(crate) fn counts(&self) -> Counts {
        let word = self.word.load(Ordering::Relaxed);
        Counts {
            searching: word % AWAKE,
            awake: word / AWAKE,
        }
    }

    /// Takes the steps N2 to N4 after a task was made ready. Returns the worker to unpark, if any. This is
    /// the worker that parked last, because its caches are the warmest. The worker in the driver is chosen
    /// only if no other worker is parked: waking it takes two additional system calls, and another worker
    /// must take its place.
    #[inline]
    pub(crate) fn to_wake(&self, drives: impl Fn(usize) -> bool) -> Option<usize> {
        // N2
        fence(Ordering::SeqCst);
        // N3
        if self.nobody_to_wake() {
            return None;
        }
        self.take_sleeper(false, drives)
    }

    /// Returns true if a worker is searching, or if no worker is parked.
    #[inline]
    pub(crate) fn nobody_to_wake(&self) -> bool {
        let counts = self.counts();
        counts.searching > 0 || counts.awake >= self.workers
    }

    /// N4: takes a worker off the list and counts it as awake and searching. The caller unparks it.
    /// `even_if_one_searches` is true if the caller needs a worker as the monitor.
    #[cold]
    pub(crate) fn take_sleeper(
        &self,
        even_if_one_searches: bool,
        drives: impl Fn(usize) -> bool,
    ) -> Option<usize> {
        let mut sleepers = lock(&self.sleepers);
        // Another thread may have woken a worker since N3.
        if !even_if_one_searches && self.nobody_to_wake() {
            return None;
        }
        let position = sleepers.iter().rposition(|&sleeper| !drives(sleeper));
        let sleeper = match position {
            Some(position) => sleepers.remove(position),
            None => sleepers.pop()?,
        };
        self.word.fetch_add(AWAKE + SEARCHING, Ordering::AcqRel);
        Some(sleeper)
    }

    /// Counts a worker without tasks as searching. If half of the workers search already, returns `false`
    /// instead, because another searcher would only slow the others.
    pub(crate) fn start_searching(&self) -> bool {
        if 2 * self.counts().searching >= self.workers.max(2) {
            return false;
        }
        // Concurrent callers may push the count above half, which is harmless.
        self.word.fetch_add(SEARCHING, Ordering::AcqRel);
        true
    }

    /// Stops counting a worker as searching, because it found a task. Returns whether it was the last
    /// searcher. The last searcher checks every queue from which others may take tasks. If a task is left,
    /// it wakes another worker.
    pub(crate) fn stop_searching(&self) -> bool {
        let before = self.word.fetch_sub(SEARCHING, Ordering::AcqRel) % AWAKE;
        debug_assert!(before > 0);
        let last = before == SEARCHING;
        if last {
            // This fence pairs with N2, and with P2 of the monitor. A thread that saw this searcher in N3 or
            // P3 woke no worker. But that thread's fence comes before this fence, so the caller sees the task
            // of that thread.
            fence(Ordering::SeqCst);
        }
        last
    }

    /// Takes the steps S1 and S2. Then the caller takes the step S3, and parks or [rises](Self::rise) again.
    pub(crate) fn fall_asleep(&self, worker: usize, searching: bool) {
        let mut sleepers = lock(&self.sleepers);
        let less = AWAKE + usize::from(searching) * SEARCHING;
        self.word.fetch_sub(less, Ordering::AcqRel);
        debug_assert!(!sleepers.contains(&worker));
        sleepers.push(worker);
        drop(sleepers);
        fence(Ordering::SeqCst);
    }

    /// Counts a worker as awake again, unless the thread that woke it has already counted it. Returns whether
    /// the worker now counts as searching: another thread woke it, or it found a task in step S3. If it found
    /// a task, this call is step S4, and the limit of [`start_searching`](Self::start_searching) does not
    /// apply.
    ///
    /// Only the list determines which workers are parked. The thread that takes a worker off the list also
    /// counts it as awake (async-executor #103, tokio #8372).
    #[must_use]
    pub(crate) fn rise(&self, worker: usize, found_a_task: bool) -> bool {
        let mut sleepers = lock(&self.sleepers);
        let Some(position) = sleepers.iter().position(|sleeper| *sleeper == worker) else {
            return true;
        };
        sleepers.remove(position);
        let more = AWAKE + usize::from(found_a_task) * SEARCHING;
        self.word.fetch_add(more, Ordering::AcqRel);
        found_a_task
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(searching: usize, awake: usize) -> Counts {
        Counts { searching, awake }
    }

    /// Calls `to_wake` with no worker in the driver.
    fn to_wake(idle: &Idle) -> Option<usize> {
        idle.to_wake(|_| false)
    }

    #[test]
    fn no_worker_is_woken_while_all_are_awake_or_one_searches() {
        let idle = Idle::new(3);
        assert_eq!(idle.counts(), counts(0, 3));
        assert_eq!(to_wake(&idle), None);
        idle.fall_asleep(0, false);
        idle.fall_asleep(1, false);
        assert_eq!(idle.counts(), counts(0, 1));
        assert!(idle.start_searching());
        assert_eq!(to_wake(&idle), None);
        // The only searcher found a task, and there may be more tasks.
        assert!(idle.stop_searching());
        assert_eq!(to_wake(&idle), Some(1));
    }

    #[test]
    fn one_worker_is_woken_at_a_time_and_searches() {
        let idle = Idle::new(3);
        for worker in 0..3 {
            idle.fall_asleep(worker, false);
        }
        assert_eq!(idle.counts(), counts(0, 0));
        // Worker 2 was the last to park.
        assert_eq!(to_wake(&idle), Some(2));
        assert_eq!(idle.counts(), counts(1, 1));
        assert!(idle.rise(2, false));
        assert_eq!(idle.counts(), counts(1, 1));
        // While that worker searches, a new task wakes no other worker.
        assert_eq!(to_wake(&idle), None);
        assert!(idle.stop_searching());
        assert_eq!(to_wake(&idle), Some(1));
        // If a searcher finds nothing, it parks and no longer counts as searching.
        idle.fall_asleep(1, true);
        assert_eq!(idle.counts(), counts(0, 1));
    }

    #[test]
    fn the_worker_in_the_driver_is_woken_last() {
        for driver in 0..3 {
            let idle = Idle::new(3);
            for worker in 0..3 {
                idle.fall_asleep(worker, false);
            }
            let woken = [(); 3].map(|()| {
                let woken = idle.to_wake(|worker| worker == driver).unwrap();
                assert!(idle.rise(woken, false));
                assert!(idle.stop_searching());
                woken
            });
            // The workers outside the driver are woken first. The worker that parked last is the first of
            // them.
            let others = [2, 1, 0].into_iter().filter(|worker| *worker != driver);
            assert!(others.chain([driver]).eq(woken));
            assert_eq!(idle.counts(), counts(0, 3));
        }
    }

    /// Two threads are about to wake a worker, each for its own task. The second thread finds a searcher and
    /// wakes none.
    #[test]
    fn the_second_of_two_wakers_wakes_no_worker() {
        let idle = Idle::new(2);
        idle.fall_asleep(0, false);
        idle.fall_asleep(1, false);
        assert_eq!(idle.take_sleeper(false, |_| false), Some(1));
        assert_eq!(idle.take_sleeper(false, |_| false), None);
    }

    #[test]
    fn a_worker_that_rises_by_itself_is_off_the_list() {
        let idle = Idle::new(2);
        idle.fall_asleep(0, false);
        idle.fall_asleep(1, false);
        assert!(!idle.rise(0, false));
        assert_eq!(idle.counts(), counts(0, 1));
        assert_eq!(to_wake(&idle), Some(1));
        assert_eq!(idle.take_sleeper(true, |_| false), None);
        assert_eq!(idle.counts(), counts(1, 2));
    }

    #[test]
    fn half_of_the_workers_may_search_and_at_least_one() {
        for (workers, searchers) in [(1, 1), (2, 1), (3, 2), (4, 2), (8, 4)] {
            let idle = Idle::new(workers);
            let began = (0..workers).filter(|_| idle.start_searching()).count();
            assert_eq!(began, searchers, "of {workers}");
            assert_eq!(idle.counts(), counts(searchers, workers));
            // If a worker that is about to park sees a task, it becomes a searcher, even if many others
            // search.
            idle.fall_asleep(0, false);
            assert!(idle.rise(0, true));
            assert_eq!(idle.counts(), counts(searchers + 1, workers));
            // Only the last searcher must check the queues.
            for left in (0..=searchers).rev() {
                assert_eq!(idle.stop_searching(), left == 0);
            }
        }
    }

    #[test]
    fn a_monitor_is_woken_even_while_another_searches() {
        let idle = Idle::new(3);
        idle.fall_asleep(0, false);
        idle.fall_asleep(2, false);
        assert!(idle.start_searching());
        assert_eq!(to_wake(&idle), None);
        assert_eq!(idle.take_sleeper(true, |_| false), Some(2));
        assert_eq!(idle.counts(), counts(2, 2));
        assert!(idle.rise(2, false));
        assert_eq!(idle.take_sleeper(true, |_| false), Some(0));
        assert_eq!(idle.take_sleeper(true, |_| false), None);
        assert_eq!(idle.counts(), counts(3, 3));
    }
}
