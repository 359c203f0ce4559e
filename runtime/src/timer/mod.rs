//! Timers: a clock, and a wheel of wakers.
//!
//! **Job.** Arm, disarm and fire timers, and say when the next is due.
//!
//! **Owns** the [`wheel`] and the clock. On the single-thread executor the wheel belongs to its
//! thread and costs no lock; the work-stealing executor puts the same wheel under one.
//!
//! **Never** sleeps: the driver does, for as long as [`Timers::next`] allows. Never wakes, clones
//! or drops a waker while the wheel is open.

pub(crate) mod clock;
pub(crate) mod wheel;

use std::task::{Poll, Waker};
use std::time::Instant;

use self::clock::Clock;
use self::wheel::{Key, Wheel};
use crate::sync::{AtomicBool, Guarded, Mutex, Ordering, lock};

/// Timers fired between two looks at anything else: a bound for a turn, not for the timers, the
/// rest of which fire in the next turn. Thin air.
const FIRED_PER_TURN: usize = 1024;

/// See the module.
pub(crate) struct Timers {
    clock: Clock,
    wheel: Guarded<Wheel<Waker>>,
    /// Timers that were dropped on a thread the wheel does not belong to.
    strays: Mutex<Vec<Key>>,
    any_strays: AtomicBool,
}

impl Timers {
    pub(crate) fn new(
        clock: Clock,
        guard: impl FnOnce(Wheel<Waker>) -> Guarded<Wheel<Waker>>,
    ) -> Self {
        let wheel = Wheel::new(clock.tick_shift());
        Timers {
            clock,
            wheel: guard(wheel),
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
    /// deadline is past, in the next turn. `None`: the wheel belongs to another thread.
    pub(crate) fn arm(&self, deadline: Instant, waker: &Waker) -> Option<Key> {
        let deadline = self.clock.to_nanos(deadline);
        let waker = waker.clone();
        self.wheel.with(|wheel| wheel.insert(deadline, waker))
    }

    /// Whether an armed timer has fired; if not, `waker` replaces the one it had.
    pub(crate) fn poll(&self, key: Key, waker: &Waker) -> Option<Poll<()>> {
        let same = self
            .wheel
            .with(|wheel| wheel.get_mut(key).map(|armed| armed.will_wake(waker)))?;
        match same {
            None => Some(Poll::Ready(())),
            Some(true) => Some(Poll::Pending),
            Some(false) => {
                let fresh = waker.clone();
                let old = self.wheel.with(|wheel| match wheel.get_mut(key) {
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
        match self.wheel.with(|wheel| wheel.remove(key)) {
            Some(waker) => drop(waker),
            None => {
                // Without ringing: until its owner looks, the timer costs its place, no more.
                lock(&self.strays).push(key);
                self.any_strays.store(true, Ordering::Release);
            }
        }
    }

    /// Whether any timer is armed. The caller may open the wheel.
    pub(crate) fn is_empty(&self) -> bool {
        self.wheel.with(|wheel| wheel.is_empty()).unwrap_or(true)
    }

    /// When the next timer is due, in the clock's nanoseconds.
    pub(crate) fn next(&self) -> Option<u64> {
        self.wheel.with(|wheel| wheel.next_expiry()).flatten()
    }

    /// Collects the wakers of the timers that are due at `now`.
    pub(crate) fn fire(&self, now: u64, woken: &mut Vec<Waker>) {
        self.disarm_strays();
        self.wheel.with(|wheel| {
            // Timers left over are due, so `next` says "now" and the coming turn does not sleep.
            let _more = wheel.expire(now, FIRED_PER_TURN, |waker| woken.push(waker));
        });
    }

    fn disarm_strays(&self) {
        if self.any_strays.load(Ordering::Relaxed) && self.any_strays.swap(false, Ordering::Acquire)
        {
            let strays = std::mem::take(&mut *lock(&self.strays));
            for key in strays {
                self.disarm(key);
            }
        }
    }

    /// Hands out all wakers: the executor is being dropped.
    pub(crate) fn close(&self, woken: &mut Vec<Waker>) {
        let shift = self.clock.tick_shift();
        let wheel = self
            .wheel
            .with(|wheel| std::mem::replace(wheel, Wheel::new(shift)));
        if let Some(mut wheel) = wheel {
            while wheel.expire(u64::MAX, usize::MAX, |waker| woken.push(waker)) {}
        }
    }
}
