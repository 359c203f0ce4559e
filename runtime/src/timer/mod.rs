//! Timers: a clock, and a [`wheel`] of the wakers that wait for it.
//!
//! Any thread that has the executor as its current one may arm, poll, reset and drop a timer: a worker, the
//! thread in `block_on`, a job of the blocking pool. So the wheel is behind a lock, which on a single-thread
//! executor is hardly ever contended.
//!
//! [`Timers::park`] returns how long the driver may sleep. Until [`Timers::fire`] ends that sleep, a thread
//! that arms an earlier timer must notify the driver; the lock that covers both steps decides which of the
//! two sees the other. A waker is never cloned, woken or dropped under the lock: that runs code of the user.

pub(crate) mod clock;
pub(crate) mod wheel;

use std::task::Waker;
use std::time::Instant;

use self::clock::Clock;
use self::wheel::{Key, Wheel};
use crate::sync::{Arc, AtomicBool, Mutex, MutexGuard, Ordering, lock};

/// Timers fired in one poll of the driver; the rest fire in the next. Arbitrary: not measured.
const FIRED_PER_TURN: usize = 1024;

/// The timers of one executor.
pub(crate) struct Timers {
    clock: Arc<Clock>,
    state: Mutex<TimerState>,
    /// Ends the sleep of the driver. The caller holds no lock.
    notify: Box<dyn Fn() + Send + Sync>,
    /// Mirrors `wheel.is_empty()`: with no timer armed, polling the driver costs no lock.
    empty: AtomicBool,
}

struct TimerState {
    wheel: Wheel<Waker>,
    /// While the driver sleeps: until when, at most.
    parked_until: Option<u64>,
    /// The executor is gone: the driver will fire nothing any more.
    closed: bool,
}

/// What became of a timer that was armed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Polled {
    Pending,
    Fired,
    /// It must be armed again: it would wake another waker, or its executor has closed.
    Stale,
}

impl Timers {
    pub(crate) fn new(clock: Arc<Clock>, notify: impl Fn() + Send + Sync + 'static) -> Self {
        let wheel = Wheel::new(clock.tick_shift());
        Timers {
            clock,
            state: Mutex::new(TimerState {
                wheel,
                parked_until: None,
                closed: false,
            }),
            notify: Box::new(notify),
            empty: AtomicBool::new(true),
        }
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.clock
    }

    pub(crate) fn now(&self) -> Instant {
        self.clock.now()
    }

    /// Arms a timer: the waker is called at the deadline or shortly after, never before. Without a deadline
    /// the timer waits to be moved. Returns `None` once the executor has closed.
    pub(crate) fn arm(&self, deadline: Option<Instant>, waker: &Waker) -> Option<Key> {
        let waker = waker.clone();
        let state = lock(&self.state);
        (!state.closed).then(|| self.insert(state, deadline, waker))
    }

    /// Moves an armed timer, with its waker, to another deadline. Returns `None` if it has fired.
    pub(crate) fn rearm(&self, key: Key, deadline: Option<Instant>) -> Option<Key> {
        let mut state = lock(&self.state);
        let waker = state.wheel.remove(key)?;
        Some(self.insert(state, deadline, waker))
    }

    #[inline]
    fn insert(
        &self,
        mut state: MutexGuard<'_, TimerState>,
        deadline: Option<Instant>,
        waker: Waker,
    ) -> Key {
        let deadline = deadline.map_or(u64::MAX, |deadline| self.clock.to_nanos(deadline));
        let key = match deadline {
            u64::MAX => state.wheel.insert_endless(waker),
            _ => state.wheel.insert(deadline, waker),
        };
        self.empty.store(false, Ordering::Relaxed);
        // Under the same lock as `park`: either the driver has counted this timer in, or it is notified
        // (tokio #6682).
        let earlier = state.parked_until.is_some_and(|until| deadline < until);
        if earlier {
            // A later timer need not notify again.
            state.parked_until = Some(deadline);
        }
        let notify = self.clock.note_waiter(deadline) || earlier;
        drop(state);
        if notify {
            (self.notify)();
        }
        key
    }

    /// Returns what became of a timer that was armed with `waker`.
    pub(crate) fn poll(&self, key: Key, waker: &Waker) -> Polled {
        let state = lock(&self.state);
        match state.wheel.get(key) {
            Some(armed) if armed.will_wake(waker) => Polled::Pending,
            None if !state.closed => Polled::Fired,
            _ => Polled::Stale,
        }
    }

    /// Disarms a timer. Nothing happens if it has fired.
    pub(crate) fn disarm(&self, key: Key) {
        let mut state = lock(&self.state);
        let waker = state.wheel.remove(key);
        self.empty.store(state.wheel.is_empty(), Ordering::Relaxed);
        drop(state);
        drop(waker);
    }

    /// Returns whether no timer is armed. It may be wrong about what another thread does just now.
    pub(crate) fn is_empty(&self) -> bool {
        self.empty.load(Ordering::Relaxed)
    }

    /// The driver is about to sleep: returns when the next timer is due, in the clock's nanoseconds. From now
    /// on a thread that arms an earlier timer must notify the driver.
    pub(crate) fn park(&self) -> Option<u64> {
        let mut state = lock(&self.state);
        let next = state.wheel.next_expiry();
        state.parked_until = Some(next.unwrap_or(u64::MAX));
        next
    }

    /// The driver is awake, at `now`: collects the wakers of the timers that are due.
    pub(crate) fn fire(&self, now: u64, woken: &mut Vec<Waker>) {
        let mut state = lock(&self.state);
        state.parked_until = None;
        // What is left over is due, so the next `park` returns a time that is past: no sleep comes between.
        let _more = state
            .wheel
            .expire(now, FIRED_PER_TURN, |waker| woken.push(waker));
        self.empty.store(state.wheel.is_empty(), Ordering::Relaxed);
    }

    /// Hands out all wakers: the executor is being dropped. Nothing can be armed any more.
    pub(crate) fn close(&self, woken: &mut Vec<Waker>) {
        let mut state = lock(&self.state);
        state.closed = true;
        woken.extend(state.wheel.drain());
        self.empty.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::thread;
    use std::time::Duration;

    use super::*;
    use crate::sync::AtomicUsize;
    use crate::test_support::waiter;

    /// Timers with a clock that jumps.
    fn timers() -> Timers {
        Timers::new(Arc::new(Clock::new(true)), || {})
    }

    fn after(timers: &Timers, nanos: u64) -> Option<Instant> {
        Some(timers.now() + Duration::from_nanos(nanos))
    }

    fn arm(timers: &Timers, nanos: u64, waker: &Waker) -> Key {
        timers.arm(after(timers, nanos), waker).unwrap()
    }

    /// Lets the clock jump to `now` and wakes who is due; answers how many.
    fn fire(timers: &Timers, now: u64) -> usize {
        timers.clock().jump(now);
        let mut woken = Vec::new();
        timers.fire(now, &mut woken);
        let count = woken.len();
        woken.into_iter().for_each(Waker::wake);
        count
    }

    #[test]
    fn a_timer_fires_at_its_deadline_and_not_before() {
        let timers = timers();
        let (count, waker) = waiter();
        let key = arm(&timers, 10, &waker);
        assert!(!timers.is_empty());
        assert_eq!(fire(&timers, 9), 0);
        assert_eq!(timers.poll(key, &waker), Polled::Pending);
        assert_eq!(fire(&timers, 10), 1);
        assert_eq!(timers.poll(key, &waker), Polled::Fired);
        assert!(timers.is_empty());
        // Nothing is left to disarm.
        timers.disarm(key);
        assert_eq!(count.0.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn a_timer_with_another_waker_is_to_be_armed_again() {
        let timers = timers();
        let ((_, one), (_, other)) = (waiter(), waiter());
        let key = arm(&timers, 10, &one);
        assert_eq!(timers.poll(key, &other), Polled::Stale);
        assert_eq!(timers.poll(key, &one), Polled::Pending);
    }

    /// Also on another thread, and before the driver next asks how long it may sleep: a timer that is given
    /// up costs no wake.
    #[test]
    fn a_disarmed_timer_lets_go_of_its_waker_and_ends_no_sleep() {
        let timers = Arc::new(timers());
        let (count, waker) = waiter();
        let keys = [(); 2].map(|()| arm(&timers, 10, &waker));
        timers.disarm(keys[0]);
        let elsewhere = timers.clone();
        thread::spawn(move || elsewhere.disarm(keys[1]))
            .join()
            .unwrap();
        assert_eq!(Arc::strong_count(&count), 2);
        assert!(timers.is_empty());
        assert_eq!(timers.park(), None);
        assert_eq!(fire(&timers, 20), 0);
    }

    #[test]
    fn a_timer_is_moved_with_its_waker() {
        let timers = timers();
        let (count, waker) = waiter();
        let mut key = arm(&timers, 10, &waker);
        for (nanos, fired) in [(Some(30), 0), (None, 0), (Some(20), 1)] {
            let deadline = nanos.and_then(|nanos| after(&timers, nanos));
            key = timers.rearm(key, deadline).unwrap();
            assert_eq!(Arc::strong_count(&count), 3);
            timers.fire(nanos.map_or(0, |nanos| nanos.min(20)), &mut Vec::new());
            assert_eq!(timers.poll(key, &waker) == Polled::Fired, fired == 1);
        }
        // It has fired: there is no waker to move.
        assert!(timers.rearm(key, after(&timers, 50)).is_none());
    }

    /// tokio #6682: a thread that arms or moves a timer which is due before the driver means to wake up must
    /// notify it, once; for any other timer it need not.
    #[test]
    fn only_a_timer_before_the_end_of_the_sleep_notifies() {
        let notified = Arc::new(AtomicUsize::new(0));
        let counting = || {
            let notified = notified.clone();
            let notify = move || _ = notified.fetch_add(1, Ordering::SeqCst);
            Timers::new(Arc::new(Clock::new(true)), notify)
        };
        let count = || notified.swap(0, Ordering::SeqCst);
        let timers = counting();
        let (_, waker) = waiter();
        let moved = arm(&timers, 300, &waker);
        arm(&timers, 100, &waker);
        assert_eq!((count(), timers.park()), (0, Some(100)));
        for (nanos, notified) in [(200, 0), (100, 0), (50, 1), (60, 0), (40, 1)] {
            arm(&timers, nanos, &waker);
            assert_eq!(count(), notified, "{nanos}");
        }
        timers.rearm(moved, after(&timers, 30)).unwrap();
        assert_eq!(count(), 1);
        timers.fire(0, &mut Vec::new());
        arm(&timers, 1, &waker);
        assert_eq!(count(), 0);
        // With no timer at all, or none with an end, the driver sleeps for ever, and every timer is earlier.
        for endless in [0, 100] {
            let timers = counting();
            for _ in 0..endless {
                timers.arm(None, &waker).unwrap();
            }
            assert_eq!(timers.park(), None);
            arm(&timers, u64::MAX / 2, &waker);
            assert_eq!(count(), 1);
        }
    }

    /// A burst of due timers takes several polls of the driver, which does not sleep in between.
    #[test]
    fn a_burst_is_bounded_by_turn() {
        let timers = timers();
        let (count, waker) = waiter();
        for _ in 0..FIRED_PER_TURN + 5 {
            arm(&timers, 10, &waker);
        }
        assert_eq!(fire(&timers, 10), FIRED_PER_TURN);
        assert!(timers.park().unwrap() <= 10);
        assert_eq!(fire(&timers, 10), 5);
        assert_eq!(timers.park(), None);
        assert_eq!(count.0.load(Ordering::SeqCst), FIRED_PER_TURN + 5);
    }

    /// Afterwards nothing can be armed, and no old key names anything.
    #[test]
    fn closing_hands_out_every_waker() {
        let timers = timers();
        let (count, waker) = waiter();
        let keys: Vec<_> = [1, 1 << 20, 1 << 40, u64::MAX / 2, u64::MAX]
            .map(|nanos| arm(&timers, nanos, &waker))
            .into();
        let mut woken = Vec::new();
        timers.close(&mut woken);
        assert_eq!(woken.len(), 5);
        assert!(timers.is_empty());
        drop(woken);
        assert!(timers.arm(after(&timers, 1), &waker).is_none());
        for key in keys {
            assert_eq!(timers.poll(key, &waker), Polled::Stale);
            assert!(timers.rearm(key, None).is_none());
            timers.disarm(key);
        }
        assert_eq!(Arc::strong_count(&count), 2);
    }

    /// A job of the blocking pool that waits for a held clock moves it, no further than it waits.
    #[test]
    fn a_held_clock_moves_for_a_thread_that_waits_for_it() {
        let notified = Arc::new(AtomicUsize::new(0));
        let counted = notified.clone();
        let notify = move || _ = counted.fetch_add(1, Ordering::SeqCst);
        let timers = Arc::new(Timers::new(Arc::new(Clock::new(true)), notify));
        let (_, waker) = waiter();
        arm(&timers, 10, &waker);
        timers.clock().hold(|| true);
        assert!(!timers.clock().may_jump(10));
        let elsewhere = timers.clone();
        let armed = thread::spawn(move || arm(&elsewhere, 20, Waker::noop()));
        armed.join().unwrap();
        assert_eq!(notified.load(Ordering::SeqCst), 1);
        assert!(timers.clock().may_jump(10) && timers.clock().may_jump(20));
        assert!(!timers.clock().may_jump(21));
        timers.clock().hold(|| false);
        assert!(timers.clock().may_jump(21));
    }
}
