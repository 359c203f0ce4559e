//! Timers: a clock, and a wheel of wakers.
//!
//! **Job.** Arm, disarm and fire timers, and say when the next is due.
//!
//! **Owns** the clock and the *plan*: the [`wheel`], and until when the driver means to sleep. On the
//! single-thread executor the plan belongs to its thread and costs no lock; the work-stealing executor
//! puts the same plan under one.
//!
//! **Never** sleeps: the driver does, for as long as [`Timers::fall_asleep`] allows. Never wakes, clones
//! or drops a waker while it has the plan open.

pub(crate) mod clock;
pub(crate) mod wheel;

use std::task::{Poll, Waker};
use std::time::Instant;

use self::clock::Clock;
use self::wheel::{Key, Wheel};
use crate::sync::{Arc, AtomicBool, Guarded, Mutex, Ordering, lock};
use crate::task::waker::drop_quietly;

/// Timers fired between two looks at anything else: a bound for a turn, not for the timers, the
/// rest of which fire in the next turn. Thin air.
const FIRED_PER_TURN: usize = 1024;

/// See the module.
pub(crate) struct Timers {
    clock: Arc<Clock>,
    plan: Guarded<Plan>,
    /// Timers that were dropped on a thread the plan does not belong to.
    strays: Mutex<Vec<Key>>,
    any_strays: AtomicBool,
}

/// The timers that are armed, and how long the driver means to sleep.
pub(crate) struct Plan {
    wheel: Wheel<Waker>,
    /// While the driver sleeps: until when, at most.
    asleep_until: Option<u64>,
}

/// A timer that was armed.
pub(crate) struct Armed {
    pub(crate) key: Key,
    /// It is due before the driver means to wake up: the caller rings the bell.
    pub(crate) ring: bool,
}

impl Timers {
    pub(crate) fn new(clock: Arc<Clock>, guard: impl FnOnce(Plan) -> Guarded<Plan>) -> Self {
        let plan = Plan {
            wheel: Wheel::new(clock.tick_shift()),
            asleep_until: None,
        };
        Timers {
            clock,
            plan: guard(plan),
            strays: Mutex::new(Vec::new()),
            any_strays: AtomicBool::new(false),
        }
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.clock
    }

    pub(crate) fn now(&self) -> Instant {
        self.clock.now()
    }

    /// Arms a timer: the waker is called at the deadline or shortly after, never before; where the
    /// deadline is past, in the next turn. `None`: the plan belongs to another thread.
    pub(crate) fn arm(&self, deadline: Instant, waker: &Waker) -> Option<Armed> {
        let deadline = self.clock.to_nanos(deadline);
        let waker = waker.clone();
        self.plan.with(|plan| {
            let key = plan.wheel.insert(deadline, waker);
            // Under the same lock as the driver's `asleep_until`: either it has counted this timer
            // in, or it is told (tokio #6682).
            let ring = plan.asleep_until.is_some_and(|until| deadline < until);
            if ring {
                // Once is enough.
                plan.asleep_until = Some(deadline);
            }
            Armed { key, ring }
        })
    }

    /// Whether an armed timer has fired; if not, `waker` replaces the one it had.
    pub(crate) fn poll(&self, key: Key, waker: &Waker) -> Option<Poll<()>> {
        let same = self.plan.with(|plan| {
            let armed = plan.wheel.get_mut(key)?;
            Some(armed.will_wake(waker))
        })?;
        match same {
            None => Some(Poll::Ready(())),
            Some(true) => Some(Poll::Pending),
            Some(false) => {
                let fresh = waker.clone();
                let old = self.plan.with(|plan| match plan.wheel.get_mut(key) {
                    Some(armed) => Ok(std::mem::replace(armed, fresh)),
                    None => Err(fresh),
                })?;
                Some(match old {
                    Ok(old) => {
                        drop(old);
                        Poll::Pending
                    }
                    Err(_) => Poll::Ready(()),
                })
            }
        }
    }

    /// Disarms a timer, from any thread. Nothing happens if it has fired.
    pub(crate) fn disarm(&self, key: Key) {
        match self.plan.with(|plan| plan.wheel.remove(key)) {
            Some(waker) => drop(waker),
            None => {
                // Without ringing: until its owner looks, the timer costs its place, no more.
                lock(&self.strays).push(key);
                self.any_strays.store(true, Ordering::Release);
            }
        }
    }

    /// Whether no timer is armed. The caller may open the plan.
    pub(crate) fn is_empty(&self) -> bool {
        self.plan.with(|plan| plan.wheel.is_empty()).unwrap_or(true)
    }

    /// The driver is about to sleep: when the next timer is due, in the clock's nanoseconds. A timer
    /// that is armed from now on and is due earlier makes its armer ring.
    pub(crate) fn fall_asleep(&self) -> Option<u64> {
        self.plan
            .with(|plan| {
                let next = plan.wheel.next_expiry();
                plan.asleep_until = Some(next.unwrap_or(u64::MAX));
                next
            })
            .flatten()
    }

    /// The driver is up again.
    pub(crate) fn wake_up(&self) {
        self.plan.with(|plan| plan.asleep_until = None);
    }

    /// Collects the wakers of the timers that are due at `now`.
    pub(crate) fn fire(&self, now: u64, woken: &mut Vec<Waker>) {
        self.disarm_strays();
        self.plan.with(|plan| {
            // Timers left over are due, so `fall_asleep` answers a time that is past, and the coming
            // turn does not sleep.
            let _more = plan
                .wheel
                .expire(now, FIRED_PER_TURN, |waker| woken.push(waker));
        });
    }

    /// Takes out the timers that were dropped on other threads. The caller may open the plan.
    pub(crate) fn disarm_strays(&self) {
        if self.any_strays.load(Ordering::Relaxed) && self.any_strays.swap(false, Ordering::Acquire)
        {
            let strays = std::mem::take(&mut *lock(&self.strays));
            for key in strays {
                let waker = self.plan.with(|plan| plan.wheel.remove(key)).flatten();
                // Whoever dropped the timer is far away, so a panic must not reach this thread.
                drop_quietly(waker);
            }
        }
    }

    /// Hands out all wakers: the executor is being dropped.
    pub(crate) fn close(&self, woken: &mut Vec<Waker>) {
        let shift = self.clock.tick_shift();
        let wheel = self
            .plan
            .with(|plan| std::mem::replace(&mut plan.wheel, Wheel::new(shift)));
        if let Some(mut wheel) = wheel {
            while wheel.expire(u64::MAX, usize::MAX, |waker| woken.push(waker)) {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::thread;
    use std::time::Duration;

    use super::*;
    use crate::sync::OwnerCell;
    use crate::test_support::waiter;

    /// Timers with a clock that jumps, of one thread.
    fn owned() -> Timers {
        Timers::new(Arc::new(Clock::new(true)), |plan| {
            Guarded::Owned(OwnerCell::new(plan))
        })
    }

    /// The same for all threads.
    fn shared() -> Timers {
        Timers::new(Arc::new(Clock::new(true)), |plan| {
            Guarded::Locked(Mutex::new(plan))
        })
    }

    fn arm(timers: &Timers, nanos: u64, waker: &Waker) -> Armed {
        let deadline = timers.now() + Duration::from_nanos(nanos);
        timers.arm(deadline, waker).unwrap()
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
        for timers in [owned(), shared()] {
            let (count, waker) = waiter();
            let armed = arm(&timers, 10, &waker);
            assert!(!timers.is_empty());
            assert_eq!(fire(&timers, 9), 0);
            assert_eq!(timers.poll(armed.key, &waker), Some(Poll::Pending));
            assert_eq!(fire(&timers, 10), 1);
            assert_eq!(timers.poll(armed.key, &waker), Some(Poll::Ready(())));
            assert!(timers.is_empty());
            // Nothing is left to disarm.
            timers.disarm(armed.key);
            assert_eq!(count.0.load(Ordering::SeqCst), 1);
        }
    }

    #[test]
    fn a_new_waker_replaces_the_old_one() {
        let timers = owned();
        let ((first, before), (second, after)) = (waiter(), waiter());
        let key = arm(&timers, 10, &before).key;
        drop(before);
        assert_eq!(timers.poll(key, &after), Some(Poll::Pending));
        assert_eq!(Arc::strong_count(&first), 1);
        assert_eq!(timers.poll(key, &after), Some(Poll::Pending));
        assert_eq!(fire(&timers, 10), 1);
        assert_eq!(second.0.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn a_disarmed_timer_lets_go_of_its_waker() {
        for timers in [owned(), shared()] {
            let (count, waker) = waiter();
            let key = arm(&timers, 10, &waker).key;
            timers.disarm(key);
            assert_eq!(Arc::strong_count(&count), 2);
            assert_eq!(fire(&timers, 20), 0);
        }
    }

    /// tokio #6682: whoever arms a timer that is due before the driver means to wake up must ring,
    /// once; any other one need not.
    #[test]
    fn only_a_timer_before_the_end_of_the_sleep_rings() {
        let timers = shared();
        let (_, waker) = waiter();
        assert!(!arm(&timers, 100, &waker).ring);
        assert_eq!(timers.fall_asleep(), Some(100));
        assert!(!arm(&timers, 200, &waker).ring);
        assert!(!arm(&timers, 100, &waker).ring);
        assert!(arm(&timers, 50, &waker).ring);
        assert!(!arm(&timers, 60, &waker).ring);
        assert!(arm(&timers, 40, &waker).ring);
        timers.wake_up();
        assert!(!arm(&timers, 1, &waker).ring);
        // With no timer at all the driver sleeps for ever, and every timer is earlier.
        let timers = shared();
        assert_eq!(timers.fall_asleep(), None);
        assert!(arm(&timers, u64::MAX / 2, &waker).ring);
    }

    /// A burst of due timers takes several turns, none of which sleeps in between.
    #[test]
    fn a_burst_is_bounded_by_turn() {
        let timers = owned();
        let (count, waker) = waiter();
        for _ in 0..FIRED_PER_TURN + 5 {
            arm(&timers, 10, &waker);
        }
        assert_eq!(fire(&timers, 10), FIRED_PER_TURN);
        assert!(timers.fall_asleep().unwrap() <= 10);
        assert_eq!(fire(&timers, 10), 5);
        assert_eq!(timers.fall_asleep(), None);
        assert_eq!(count.0.load(Ordering::SeqCst), FIRED_PER_TURN + 5);
    }

    /// Timers of one thread that are dropped on another: neither armed nor looked at there, and
    /// forgotten in the owner's next turn.
    #[test]
    fn strays_come_home() {
        let timers = Arc::new(owned());
        let (count, waker) = waiter();
        let keys: Vec<_> = (0..10).map(|_| arm(&timers, 10, &waker).key).collect();
        let elsewhere = timers.clone();
        thread::spawn(move || {
            let now = elsewhere.now();
            assert!(elsewhere.arm(now, Waker::noop()).is_none());
            assert!(elsewhere.poll(keys[0], Waker::noop()).is_none());
            for key in &keys[..9] {
                elsewhere.disarm(*key);
            }
        })
        .join()
        .unwrap();
        // Before they are due, and the last one fires.
        assert_eq!(fire(&timers, 5), 0);
        assert_eq!(Arc::strong_count(&count), 3);
        // From here on their list is not locked again.
        assert!(!timers.any_strays.load(Ordering::Relaxed));
        assert_eq!(fire(&timers, 10), 1);
    }

    #[test]
    fn closing_hands_out_every_waker() {
        for timers in [owned(), shared()] {
            let (count, waker) = waiter();
            let keys: Vec<_> = [1, 1 << 20, 1 << 40, u64::MAX / 2]
                .map(|nanos| arm(&timers, nanos, &waker).key)
                .into();
            let mut woken = Vec::new();
            timers.close(&mut woken);
            assert_eq!(woken.len(), 4);
            assert!(timers.is_empty());
            drop(woken);
            for key in keys {
                timers.disarm(key);
            }
            assert_eq!(Arc::strong_count(&count), 2);
        }
    }
}
