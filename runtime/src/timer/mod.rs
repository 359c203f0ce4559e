//! Timers: a clock, and timing [`wheel`]s that keep wakers until their deadlines.
//!
//! Workers, threads in `block_on` and jobs of the blocking pool may all arm, poll, reset and drop timers. So
//! each wheel is behind a lock. Each worker arms its timers in its own wheel, so that workers do not contend
//! for a lock. With one wheel for all workers, arming and dropping a timer takes six times as long on two
//! workers as on one. Threads that are not workers use the first wheel. No waker is cloned, called or
//! dropped under the lock, because wakers may run user code.
//!
//! # The race between arming a timer and parking
//!
//! ```text
//!   a thread that arms a timer            the driver
//!   A1  lock a wheel, insert, unlock      B1  parked_until := for ever
//!   A2  earlier than parked_until?        B2  for each wheel: lock, read its next deadline, unlock
//!       then notify the driver            B3  parked_until := the earliest of them
//!                                         B4  park until then, or until a notification
//!                                         B5  parked_until := 0, awake
//! ```
//!
//! If A1 locks the wheel before B2 does, B2 sees the timer (tokio #6682). Otherwise the lock makes the
//! write of B1 visible to A2, so A2 reads what B1, B3 or B5 wrote. If A2 reads the value of B1 or B3, it
//! notifies the driver if the new timer is earlier. If A2 reads the value of B5, the driver is awake and will
//! reach B2 again.
//!
//! # Timers that outlive their executor
//!
//! A wheel is freed when its executor and its last timer have been dropped. So each wheel counts its timers.
//! Nearly all timers are dropped inside their executor. There, a plain counter changes under the wheel's
//! lock, which is taken anyway. Outside, an atomic counter changes after the lock is released: if it changed
//! earlier, another thread could read it and free the wheel while this thread still unlocks the wheel.

mod clock;
pub(crate) mod wheel;

use std::cell::Cell;
use std::ptr::NonNull;
use std::task::Waker;
use std::time::Instant;

pub(crate) use self::clock::Clock;
use self::wheel::{Key, Wheel};
use crate::sync::{Arc, AtomicBool, AtomicU64, Mutex, MutexGuard, Ordering, lock, thread_local};
use crate::task::waker::{drop_quietly, is_own};

/// The maximum number of timers of one wheel that fire in one poll of the driver. If more timers are due, they
/// fire in the next polls. Arbitrary: not measured.
const FIRED_PER_TURN: usize = 1024;

thread_local! {
    /// The index of the wheel that this thread uses.
    static OWN_WHEEL: Cell<usize> = const { Cell::new(0) };
}

/// Makes the calling worker thread arm its timers in the wheel with this index.
pub(crate) fn use_wheel(index: usize) {
    OWN_WHEEL.set(index);
}

pub(crate) struct Timers {
    alarm: Arc<Alarm>,
    wheels: Box<[Arc<LockedWheel>]>,
}

/// Wakes the driver if a new timer is due before the driver's sleep ends.
struct Alarm {
    clock: Arc<Clock>,
    /// The latest time at which the driver's sleep ends; 0 while the driver is awake.
    parked_until: AtomicU64,
    /// Ends the sleep of the driver. The caller must hold no lock.
    notify: Box<dyn Fn() + Send + Sync>,
}

/// A wheel on cache lines of its own.
#[repr(align(128))]
struct LockedWheel {
    state: Mutex<WheelState>,
    /// Mirrors `wheel.is_empty()`, so that a poll of the driver takes no lock if there are no timers.
    empty: AtomicBool,
    alarm: Arc<Alarm>,
    /// Counts the `Armed` values that were dropped outside of the executor. When the `Timers` are dropped,
    /// `WheelState::armed` is subtracted. So this count becomes 0 when nothing points to the wheel any more.
    /// It is changed after the lock is released.
    dropped: AtomicU64,
}

struct WheelState {
    wheel: Wheel<Waker>,
    /// True after the executor has closed, or its `Timers` were dropped. Then no timer can be armed.
    closed: bool,
    /// The number of `Armed` values that were made, minus the number that were dropped inside the executor.
    armed: u64,
}

/// A timer that was armed, and may have fired since.
pub(crate) struct Armed {
    /// The wheel is alive as long as this `Armed` is counted. `None` once the timer was disarmed, or a poll
    /// has found that it has fired. Then this `Armed` is no longer counted.
    wheel: Option<NonNull<LockedWheel>>,
    key: Key,
}

// SAFETY: a timer is a shared reference to a wheel, and any thread may use or free a wheel.
unsafe impl Send for Armed {}
// SAFETY: as for `Send`.
unsafe impl Sync for Armed {}

/// The state of a timer that was armed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Polled {
    Pending,
    Fired,
    /// The timer must be armed again, because it has another waker, or belongs to another executor, or its
    /// executor has closed.
    Stale,
}

impl Timers {
    /// Makes timers with one wheel per worker.
    pub(crate) fn new(
        clock: Arc<Clock>,
        workers: usize,
        notify: impl Fn() + Send + Sync + 'static,
    ) -> Self {
        let alarm = Arc::new(Alarm {
            clock,
            parked_until: AtomicU64::new(0),
            notify: Box::new(notify),
        });
        let wheel = |_| {
            let wheel = Arc::new(LockedWheel {
                state: Mutex::new(WheelState {
                    wheel: Wheel::new(alarm.clock.tick_shift()),
                    closed: false,
                    armed: 0,
                }),
                empty: AtomicBool::new(true),
                alarm: alarm.clone(),
                dropped: AtomicU64::new(0),
            });
            // `LockedWheel::free` takes this reference back.
            std::mem::forget(wheel.clone());
            wheel
        };
        let wheels = (0..workers).map(wheel).collect();
        Timers { alarm, wheels }
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.alarm.clock
    }

    pub(crate) fn now(&self) -> Instant {
        self.alarm.clock.now()
    }

    /// Arms a timer: the waker is called at the deadline or shortly after, never before. A timer without a
    /// deadline fires only if it is moved to a deadline. Returns `None` once the executor has closed.
    #[inline]
    pub(crate) fn arm(&self, deadline: Option<Instant>, waker: &Waker) -> Option<Armed> {
        self.arm_in(deadline, waker, true)
    }

    /// Does the same as [`arm`](Self::arm). If `runs_executor` is false, no executor runs on the calling
    /// thread, so even a [held](Clock::hold) clock may move up to the deadline.
    #[inline]
    pub(crate) fn arm_in(
        &self,
        deadline: Option<Instant>,
        waker: &Waker,
        runs_executor: bool,
    ) -> Option<Armed> {
        let wheel = self.wheels.get(OWN_WHEEL.get()).unwrap_or(&self.wheels[0]);
        let waker = waker.clone();
        let mut state = lock(&wheel.state);
        if state.closed {
            return None;
        }
        state.armed += 1;
        let awaited = !runs_executor && self.alarm.clock.is_virtual();
        Some(Armed {
            key: wheel.insert(state, deadline, waker, awaited),
            // Do not make this pointer from a reference, because the wheel is freed through it.
            wheel: NonNull::new(Arc::as_ptr(wheel).cast_mut()),
        })
    }

    /// Returns whether no timer is armed. May miss a timer that another thread arms at this moment.
    pub(crate) fn is_empty(&self) -> bool {
        let mut wheels = self.wheels.iter();
        wheels.all(|wheel| wheel.empty.load(Ordering::Relaxed))
    }

    /// Returns when the next timer is due, in the clock's nanoseconds. The driver calls this before it
    /// sleeps. From now on, a thread that arms an earlier timer must notify the driver.
    pub(crate) fn park(&self) -> Option<u64> {
        let parked_until = &self.alarm.parked_until;
        // B1. This is a swap, not a store, so that it comes after every read-modify-write of an older value.
        parked_until.swap(u64::MAX, Ordering::Relaxed);
        // B2
        let next = |wheel: &Arc<LockedWheel>| lock(&wheel.state).wheel.next_expiry();
        let next = self.wheels.iter().filter_map(next).min();
        if let Some(next) = next {
            // B3. If another thread has stored an earlier time since B1, `fetch_min` keeps that time.
            parked_until.fetch_min(next, Ordering::Relaxed);
        }
        next
    }

    /// Collects the wakers of the timers that are due at `now`. The driver must be awake.
    pub(crate) fn fire(&self, now: u64, woken: &mut Vec<Waker>) {
        // B5
        self.alarm.parked_until.store(0, Ordering::Relaxed);
        for wheel in &self.wheels {
            if wheel.empty.load(Ordering::Relaxed) {
                continue;
            }
            let mut state = lock(&wheel.state);
            // If due timers remain, the next `park` returns a past time, so the driver does not sleep.
            let _more = (state.wheel).expire(now, FIRED_PER_TURN, |waker| woken.push(waker));
            wheel.empty.store(state.wheel.is_empty(), Ordering::Relaxed);
        }
    }

    /// Moves all wakers to `woken`, because the executor is being dropped. Afterwards no timer can be armed.
    pub(crate) fn close(&self, woken: &mut Vec<Waker>) {
        for wheel in &self.wheels {
            let mut state = lock(&wheel.state);
            state.closed = true;
            woken.extend(state.wheel.drain());
            wheel.empty.store(true, Ordering::Relaxed);
        }
    }
}

impl Drop for Timers {
    fn drop(&mut self) {
        for wheel in &self.wheels {
            let mut state = lock(&wheel.state);
            state.closed = true;
            let armed = state.armed;
            drop(state);
            // AcqRel: as in `Armed::disarm`.
            if wheel.dropped.fetch_sub(armed, Ordering::AcqRel) == armed {
                // SAFETY: each timer that was armed has been dropped, and no other can be armed.
                unsafe { LockedWheel::free(Arc::as_ptr(wheel)) };
            }
        }
    }
}

impl LockedWheel {
    /// Returns whether this is one of the wheels of `timers`.
    fn is_of(&self, timers: &Timers) -> bool {
        Arc::ptr_eq(&self.alarm, &timers.alarm)
    }

    /// Takes back the reference that `Timers::new` passed to `mem::forget`.
    ///
    /// # Safety
    /// The pointer came from `Arc::as_ptr`. The caller calls this once, when no `Armed` is left.
    #[cold]
    unsafe fn free(this: *const LockedWheel) {
        // SAFETY: the caller upholds the contract.
        drop(unsafe { Arc::from_raw(this) });
    }

    #[inline]
    fn insert(
        &self,
        mut state: MutexGuard<'_, WheelState>,
        deadline: Option<Instant>,
        waker: Waker,
        awaited: bool,
    ) -> Key {
        let Alarm {
            clock,
            parked_until,
            notify,
        } = &*self.alarm;
        let deadline = deadline.map_or(u64::MAX, |deadline| clock.to_nanos(deadline));
        // A1
        let key = match deadline {
            u64::MAX => state.wheel.insert_endless(waker),
            _ => state.wheel.insert(deadline, waker),
        };
        self.empty.store(false, Ordering::Relaxed);
        let is_held = awaited && clock.note_waiter(key, deadline);
        drop(state);
        // A2. After this `fetch_min`, threads that arm later timers need not notify the driver.
        let is_earlier = deadline < parked_until.load(Ordering::Relaxed)
            && deadline < parked_until.fetch_min(deadline, Ordering::Relaxed);
        if is_earlier || is_held {
            notify();
        }
        key
    }
}

impl Armed {
    #[inline]
    fn wheel(&self) -> Option<&LockedWheel> {
        // SAFETY: the wheel is alive as long as this `Armed` is counted.
        self.wheel.as_ref().map(|wheel| unsafe { wheel.as_ref() })
    }

    /// Returns the state of the timer, which is `Stale` if it was armed with another waker or in the
    /// `Timers` of another executor.
    pub(crate) fn poll(&mut self, timers: &Timers, waker: &Waker) -> Polled {
        let Some(wheel) = self.wheel() else {
            return Polled::Fired;
        };
        if !wheel.is_of(timers) {
            return Polled::Stale;
        }
        let mut state = lock(&wheel.state);
        match state.wheel.get(self.key) {
            Some(armed) if armed.will_wake(waker) => Polled::Pending,
            None if !state.closed => {
                // Count this `Armed` as dropped now, so that its drop takes no lock. The caller keeps
                // `timers` alive.
                state.armed -= 1;
                drop(state);
                timers.clock().forget_waiter(self.key);
                self.wheel = None;
                Polled::Fired
            }
            _ => Polled::Stale,
        }
    }

    /// Moves the timer, with its waker, to another deadline. Returns `false` if the timer has fired, or
    /// the executor has closed.
    #[must_use]
    pub(crate) fn rearm(&mut self, deadline: Option<Instant>) -> bool {
        let Some(wheel) = self.wheel() else {
            return false;
        };
        let mut state = lock(&wheel.state);
        let Some(waker) = state.wheel.remove(self.key) else {
            return false;
        };
        let awaited = wheel.alarm.clock.forget_waiter(self.key);
        self.key = wheel.insert(state, deadline, waker, awaited);
        true
    }

    /// Disarms the timer, unless it has fired. `alive` are the `Timers` of the executor that runs here. They
    /// stay alive during this call. If the timer belongs to them, this saves an atomic operation.
    #[inline]
    pub(crate) fn disarm(&mut self, alive: Option<&Timers>) {
        let Some(pointer) = self.wheel.take() else {
            return;
        };
        // SAFETY: this `Armed` is counted until the end of this call.
        let wheel = unsafe { pointer.as_ref() };
        let is_inside = alive.is_some_and(|timers| wheel.is_of(timers));
        let mut state = lock(&wheel.state);
        let waker = state.wheel.remove(self.key);
        let empty = state.wheel.is_empty();
        wheel.empty.store(empty, Ordering::Relaxed);
        wheel.alarm.clock.forget_waiter(self.key);
        state.armed -= u64::from(is_inside);
        drop(state);
        // AcqRel: all accesses to the wheel come before the free. From here on, another thread may free it.
        if !is_inside && wheel.dropped.fetch_add(1, Ordering::AcqRel).wrapping_add(1) == 0 {
            // SAFETY: the `Timers` and all timers were dropped.
            unsafe { LockedWheel::free(pointer.as_ptr()) };
        }
        match waker {
            Some(foreign) if !is_own(&foreign) => drop_quietly(foreign),
            own => drop(own),
        }
    }
}

impl Drop for Armed {
    #[inline]
    fn drop(&mut self) {
        // Often a poll or `Sleep` has disarmed the timer already. Then this test saves a call.
        if self.wheel.is_some() {
            self.disarm(None);
        }
    }
}

#[cfg(test)]
mod tests;
