//! Who sleeps, who searches, and who must be woken: the hard race of many cooks.
//!
//! **Job.** Decide two things. *A worker found nothing to do: may it sleep?* And: *somebody made a
//! task ready: must a sleeper be woken, and which?* Waking none loses the task until chance brings
//! somebody by; waking one for each task wakes the whole crew for a burst that one of them could
//! serve.
//!
//! **Owns** a word of two counters and the list of sleepers. **Never** touches a queue or a thread:
//! it answers, and the caller looks, parks and unparks. So it can be modelled with numbers for
//! queues.
//!
//! # The idea
//!
//! A worker is *searching* (it has no tasks and looks for some at others), *asleep*, or else *running*.
//! While anybody searches nobody need be woken: the searcher will find the new task, or whoever
//! comes after it.
//!
//! ```text
//!   running ── start_searching() ──► searching ── fall_asleep() ──► asleep
//!   running ◄── stop_searching() ─── searching ◄──── to_wake() ──── asleep
//!   running ──────────────────── fall_asleep() ───────────────────► asleep
//!   running ◄─────────────────────── rise() ─────────────────────── asleep
//! ```
//!
//! A worker that saw a task on the point of sleeping rises and searches: `search_anyway()`. So that
//! nothing is left behind:
//!
//! - nobody begins to search while half of the workers or more do, so that the others are not robbed
//!   all day;
//! - the *last* searcher that finds something looks whether there is more, or nobody in the driver, or
//!   something that wants watching, and if so wakes another one;
//! - a searcher that finds nothing looks *once more, after* it has been counted as asleep.
//!
//! # The two sides
//!
//! ```text
//!   who makes a task ready                    who goes to sleep
//!   N1  push the task                         S1  count: not searching, not awake; join the list
//!   N2  fence (SeqCst)                        S2  fence (SeqCst)
//!   N3  anybody searching? nobody asleep?     S3  look once more at every queue that others may
//!       then done                                 take from, the slots apart
//!   N4  take a sleeper off the list, count    S4  a task? leave the list and search
//!       it as awake and searching             S5  park
//!   N5  unpark it
//! ```
//!
//! The slots are apart since what is in one is its worker's next task, of which nobody is told. They
//! are the business of the *watch*: see `work_stealing::watch`.
//!
//! # Why no task is left behind
//!
//! The two fences have an order. If N2 comes before S2, then S3 sees the task that N1 pushed, and
//! the worker stays up. If S2 comes before N2, then N3 sees the counts of S1. Suppose that it saw a
//! searcher nevertheless: another one, that has not passed its own S1. That one will either find a
//! task, and then, if it was the last to search, look at the queues behind a fence of its own
//! ([`Idle::stop_searching`]), which comes after N2 since N3 still saw it search: it sees the task, and
//! wakes another (so the argument begins anew with that one); or find nothing, and pass its own S1 to
//! S3 after N2, and see the task there. And if N3 sees no searcher and a sleeper, N4 takes one off the
//! list, under the lock, so that nobody else wakes the same; its N5 leaves a token if the sleeper has
//! not reached S5 yet.
//!
//! # Whom to wake
//!
//! Of the sleepers the one that fell asleep last, whose caches are the warmest; but the one that sleeps
//! in the driver only if there is no other. To get it up takes two system calls more, and somebody else
//! would have to be woken to take its place there.
//!
//! The counts are changed by SeqCst operations as well, and [`Idle::counts`] is one: not for the argument
//! above, which rests on the fences, but for `Scheduler::call_watch`, which has none.
//!
//! This is the store-buffering pattern of rayon-core's sleep module and Go's scheduler ("delicate
//! dance" in `proc.go`). A SeqCst *load* in N2's place does not do: it orders nothing that went
//! before it (tokio #1768).
//!
//! # Rejected
//!
//! - *One condition variable for all.* Every push takes its lock.
//! - *Wake on every push.* See above; measured by others as tokio #7431.
//! - *Spin before sleeping.* Burns a core for a microsecond's gain, and idle must cost nothing. (One case
//!   is left: a thief that the OS stopped halfway hides a ring that is not empty, and who looks there
//!   stays up until it is done; the second time in a row it offers its processor.)

use crate::sync::{AtomicUsize, Mutex, Ordering, fence, lock};

/// See the module.
pub(crate) struct Idle {
    /// Workers that are awake, times [`AWAKE`], plus those of them that search.
    word: AtomicUsize,
    sleepers: Mutex<Vec<usize>>,
    workers: usize,
}

const SEARCHING: usize = 1;
const AWAKE: usize = 1 << (usize::BITS / 2);

/// How many do what, at one instant.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Counts {
    pub(crate) searching: usize,
    pub(crate) awake: usize,
}

impl Counts {
    fn unpack(word: usize) -> Self {
        Counts {
            searching: word % AWAKE,
            awake: word / AWAKE,
        }
    }
}

/// How a worker came out of its sleep.
#[must_use]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Risen {
    /// By itself: an event, a timer, its watch. It is counted as awake, not as searching.
    ByItself,
    /// Somebody woke it, and counted it as searching.
    Woken,
}

impl Idle {
    /// All workers are awake, and none searches.
    pub(crate) fn new(workers: usize) -> Self {
        Idle {
            word: AtomicUsize::new(workers * AWAKE),
            sleepers: Mutex::new(Vec::with_capacity(workers)),
            workers,
        }
    }

    pub(crate) fn counts(&self) -> Counts {
        Counts::unpack(self.word.load(Ordering::SeqCst))
    }

    /// N2 to N4: a task was made ready. Answers whom to unpark: one that does not drive, if there is one.
    #[inline]
    pub(crate) fn to_wake(&self, drives: impl Fn(usize) -> bool) -> Option<usize> {
        // N2
        fence(Ordering::SeqCst);
        // N3
        if self.nobody_to_wake() {
            return None;
        }
        self.take_sleeper(drives)
    }

    /// Somebody searches, or nobody sleeps.
    #[inline]
    pub(crate) fn nobody_to_wake(&self) -> bool {
        let counts = self.counts();
        counts.searching > 0 || counts.awake >= self.workers
    }

    #[cold]
    fn take_sleeper(&self, drives: impl Fn(usize) -> bool) -> Option<usize> {
        let mut sleepers = lock(&self.sleepers);
        // Somebody may have been faster.
        if self.nobody_to_wake() {
            return None;
        }
        self.take_off(&mut sleepers, drives)
    }

    /// N4
    fn take_off(&self, sleepers: &mut Vec<usize>, drives: impl Fn(usize) -> bool) -> Option<usize> {
        let position = sleepers.iter().rposition(|&sleeper| !drives(sleeper));
        let sleeper = match position {
            Some(position) => Some(sleepers.remove(position)),
            None => sleepers.pop(),
        };
        if sleeper.is_some() {
            self.word.fetch_add(AWAKE + SEARCHING, Ordering::SeqCst);
        }
        sleeper
    }

    /// Takes a sleeper off the list whatever the others do, and counts it as awake and searching. The
    /// caller unparks it; it is meant to keep watch.
    pub(crate) fn take_any_sleeper(&self, drives: impl Fn(usize) -> bool) -> Option<usize> {
        self.take_off(&mut lock(&self.sleepers), drives)
    }

    /// A worker without tasks wants to look for some at the others.
    pub(crate) fn start_searching(&self) -> bool {
        if 2 * self.counts().searching >= self.workers.max(2) {
            return false;
        }
        // With others who begin in this instant it may become more than half: that does no harm.
        self.word.fetch_add(SEARCHING, Ordering::SeqCst);
        true
    }

    /// A worker saw a task on the point of sleeping: it searches, however many do.
    pub(crate) fn search_anyway(&self) {
        self.word.fetch_add(SEARCHING, Ordering::SeqCst);
    }

    /// The worker found something. `true`: it was the last to search. The caller now looks at every
    /// queue that others may take from, the slots apart, and if there is more, sees to it that another
    /// one is woken.
    pub(crate) fn stop_searching(&self) -> bool {
        let before = Counts::unpack(self.word.fetch_sub(SEARCHING, Ordering::SeqCst));
        debug_assert!(before.searching > 0);
        let last = before.searching == 1;
        if last {
            // Who saw this one search and woke nobody has pushed before N2, and that before this.
            fence(Ordering::SeqCst);
        }
        last
    }

    /// S1 and S2. The caller now looks once more at every queue that others may take from, the slots
    /// apart (S3), and then parks or [rises](Self::rise) again.
    pub(crate) fn fall_asleep(&self, worker: usize, searching: bool) {
        let mut sleepers = lock(&self.sleepers);
        let less = AWAKE + usize::from(searching) * SEARCHING;
        self.word.fetch_sub(less, Ordering::SeqCst);
        debug_assert!(!sleepers.contains(&worker));
        sleepers.push(worker);
        drop(sleepers);
        fence(Ordering::SeqCst);
    }

    /// The worker is up again. One source of truth for who sleeps: whoever takes a worker off the
    /// list has counted it (async-executor #103, tokio #8372).
    pub(crate) fn rise(&self, worker: usize) -> Risen {
        let mut sleepers = lock(&self.sleepers);
        match sleepers.iter().position(|sleeper| *sleeper == worker) {
            Some(position) => {
                sleepers.remove(position);
                self.word.fetch_add(AWAKE, Ordering::SeqCst);
                Risen::ByItself
            }
            None => Risen::Woken,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(searching: usize, awake: usize) -> Counts {
        Counts { searching, awake }
    }

    /// Where nobody drives.
    fn to_wake(idle: &Idle) -> Option<usize> {
        idle.to_wake(|_| false)
    }

    #[test]
    fn nobody_need_be_woken_while_all_are_up_or_one_searches() {
        let idle = Idle::new(3);
        assert_eq!(idle.counts(), counts(0, 3));
        assert_eq!(to_wake(&idle), None);
        idle.fall_asleep(0, false);
        idle.fall_asleep(1, false);
        assert_eq!(idle.counts(), counts(0, 1));
        assert!(idle.start_searching());
        assert_eq!(to_wake(&idle), None);
        // The only one who searched found something, and there may be more.
        assert!(idle.stop_searching());
        assert_eq!(to_wake(&idle), Some(1));
    }

    #[test]
    fn one_is_woken_at_a_time_and_searches() {
        let idle = Idle::new(3);
        for worker in 0..3 {
            idle.fall_asleep(worker, false);
        }
        assert_eq!(idle.counts(), counts(0, 0));
        // The warmest.
        assert_eq!(to_wake(&idle), Some(2));
        assert_eq!(idle.counts(), counts(1, 1));
        assert_eq!(idle.rise(2), Risen::Woken);
        assert_eq!(idle.counts(), counts(1, 1));
        // It searches, so the next task wakes nobody until it has found one.
        assert_eq!(to_wake(&idle), None);
        assert!(idle.stop_searching());
        assert_eq!(to_wake(&idle), Some(1));
        // Who finds nothing goes to sleep without being the one who searches any more.
        idle.fall_asleep(1, true);
        assert_eq!(idle.counts(), counts(0, 1));
    }

    #[test]
    fn who_sleeps_in_the_driver_is_woken_last() {
        for driver in 0..3 {
            let idle = Idle::new(3);
            for worker in 0..3 {
                idle.fall_asleep(worker, false);
            }
            let woken = [(); 3].map(|()| {
                let woken = idle.to_wake(|worker| worker == driver).unwrap();
                assert_eq!(idle.rise(woken), Risen::Woken);
                assert!(idle.stop_searching());
                woken
            });
            // The others with the warmest first.
            let others = [2, 1, 0].into_iter().filter(|worker| *worker != driver);
            assert!(others.chain([driver]).eq(woken));
            assert_eq!(idle.counts(), counts(0, 3));
        }
    }

    /// Two who were about to wake somebody for one task each: the second finds that it is done.
    #[test]
    fn who_comes_second_wakes_nobody() {
        let idle = Idle::new(2);
        idle.fall_asleep(0, false);
        idle.fall_asleep(1, false);
        assert_eq!(idle.take_sleeper(|_| false), Some(1));
        assert_eq!(idle.take_sleeper(|_| false), None);
    }

    #[test]
    fn who_rises_by_itself_is_off_the_list() {
        let idle = Idle::new(2);
        idle.fall_asleep(0, false);
        idle.fall_asleep(1, false);
        assert_eq!(idle.rise(0), Risen::ByItself);
        assert_eq!(idle.counts(), counts(0, 1));
        assert_eq!(to_wake(&idle), Some(1));
        assert_eq!(idle.take_any_sleeper(|_| false), None);
        assert_eq!(idle.counts(), counts(1, 2));
    }

    #[test]
    fn half_of_the_workers_search_and_at_least_one() {
        for (workers, searchers) in [(1, 1), (2, 1), (3, 2), (4, 2), (8, 4)] {
            let idle = Idle::new(workers);
            let began = (0..workers).filter(|_| idle.start_searching()).count();
            assert_eq!(began, searchers, "of {workers}");
            assert_eq!(idle.counts(), counts(searchers, workers));
            // Who saw a task on the point of sleeping does so anyway.
            idle.search_anyway();
            // Only the last one has to see to another.
            for left in (0..=searchers).rev() {
                assert_eq!(idle.stop_searching(), left == 0);
            }
        }
    }

    #[test]
    fn a_watch_is_woken_whoever_searches() {
        let idle = Idle::new(3);
        idle.fall_asleep(0, false);
        idle.fall_asleep(2, false);
        assert!(idle.start_searching());
        assert_eq!(to_wake(&idle), None);
        assert_eq!(idle.take_any_sleeper(|_| false), Some(2));
        assert_eq!(idle.counts(), counts(2, 2));
        assert_eq!(idle.rise(2), Risen::Woken);
        assert_eq!(idle.take_any_sleeper(|_| false), Some(0));
        assert_eq!(idle.take_any_sleeper(|_| false), None);
        assert_eq!(idle.counts(), counts(3, 3));
    }
}
