//! Timers: a clock, and a wheel of wakers.
//!
//! **Job.** Arm, disarm and fire timers, and say when the next is due.
//!
//! **Owns** the [`wheel`] and the clock. On the single-thread executor the wheel belongs to its
//! thread and costs no lock; the work-stealing executor puts the same wheel under one.
//!
//! **Never** sleeps: the driver does, for as long as [`Timers::fall_asleep`] allows. Never wakes, clones
//! or drops a waker while the plan is open.

pub(crate) mod clock;
pub(crate) mod wheel;

use std::task::{Poll, Waker};
use std::time::Instant;

use self::clock::Clock;
use self::wheel::{Key, Wheel};
use crate::sync::{AtomicBool, Guarded, Mutex, Ordering, lock};
use crate::task::raw::drop_value;

/// Timers fired between two looks at anything else: a bound for a turn, not for the timers, the
/// rest of which fire in the next turn. Thin air.
const FIRED_PER_TURN: usize = 1024;

/// See the module.
pub(crate) struct Timers {
    clock: Clock,
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
    pub(crate) fn new(clock: Clock, guard: impl FnOnce(Plan) -> Guarded<Plan>) -> Self {
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

    /// Whether any timer is armed. The caller may open the plan.
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
            // Timers left over are due, so `next` says "now" and the coming turn does not sleep.
            let _more = plan
                .wheel
                .expire(now, FIRED_PER_TURN, |waker| woken.push(waker));
        });
    }

    fn disarm_strays(&self) {
        if self.any_strays.load(Ordering::Relaxed) && self.any_strays.swap(false, Ordering::Acquire)
        {
            let strays = std::mem::take(&mut *lock(&self.strays));
            for key in strays {
                let waker = self.plan.with(|plan| plan.wheel.remove(key)).flatten();
                // Whoever dropped the timer is far away, so a panic must not reach this thread.
                drop_value(waker);
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
