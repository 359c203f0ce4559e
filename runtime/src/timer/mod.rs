//! Timers: a clock, and a [`wheel`] of the wakers that wait for it.
//!
//! Any thread that has the executor as its current one may arm, poll, reset and drop a timer: a worker, the
//! thread in `block_on`, a job of the blocking pool. So the wheel is behind a lock, which on a single-thread
//! executor is hardly ever contended.
//!
//! [`Timers::park`] returns how long the driver may sleep. Until [`Timers::fire`] ends that sleep, a thread
//! that arms an earlier timer must notify the driver; the lock that covers both steps decides which of the
//! two sees the other. A waker is never cloned, woken or dropped under the lock: that runs code of the user.

pub(crate) mod wheel;

use std::task::Waker;
use std::time::{Duration, Instant};

use self::wheel::{Key, Wheel};
use crate::sync::{Arc, AtomicBool, AtomicU64, Mutex, MutexGuard, Ordering, ThreadToken, lock};

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

/// The clock of an executor: the machine's, or a virtual one that jumps.
///
/// It translates between [`Instant`] and the wheel's nanoseconds, and never goes backwards. *Virtual time*
/// stands still while any task can run, and jumps to the next timer when none can: a program of hours runs in
/// milliseconds, and always alike. While the blocking pool is busy the clock is [held](Clock::hold), since a
/// job takes no virtual time; a job that waits for the clock itself lets it move as far as it waits.
pub(crate) struct Clock {
    /// Nanosecond 0.
    epoch: Instant,
    virtual_time: Option<VirtualTime>,
    tick_shift: u32,
}

struct VirtualTime {
    /// The nanoseconds that have passed.
    passed: AtomicU64,
    held: AtomicBool,
    /// Up to here a held clock moves nevertheless: another thread than the owner waits for it.
    awaited_until: AtomicU64,
    owner: ThreadToken,
}

impl Clock {
    pub(crate) fn new(virtual_time: bool) -> Self {
        // A model must go the same way twice, whatever the time is.
        let virtual_time = virtual_time || cfg!(loom);
        Clock {
            epoch: Instant::now(),
            virtual_time: virtual_time.then(|| VirtualTime {
                passed: AtomicU64::new(0),
                held: AtomicBool::new(false),
                awaited_until: AtomicU64::new(0),
                owner: ThreadToken::current(),
            }),
            // 2^20 ns: about the millisecond to which mio rounds the timeouts of epoll.
            tick_shift: if virtual_time { 0 } else { 20 },
        }
    }

    /// The same with a finer tick, for timers that a timer of the OS ends.
    pub(crate) fn precise(mut self) -> Self {
        // 2^13 ns, 8.2 us: below what waking a thread takes.
        self.tick_shift = self.tick_shift.min(13);
        self
    }

    pub(crate) fn is_virtual(&self) -> bool {
        self.virtual_time.is_some()
    }

    /// The wheel's tick as a power of two of nanoseconds: no finer than the driver can sleep, so that
    /// timers which end its sleep together are found together. Virtual time is exact.
    pub(crate) fn tick_shift(&self) -> u32 {
        self.tick_shift
    }

    pub(crate) fn now(&self) -> Instant {
        match &self.virtual_time {
            None => Instant::now(),
            Some(it) => self.epoch + Duration::from_nanos(it.passed.load(Ordering::Relaxed)),
        }
    }

    pub(crate) fn now_nanos(&self) -> u64 {
        match &self.virtual_time {
            None => self.to_nanos(Instant::now()),
            Some(it) => it.passed.load(Ordering::Relaxed),
        }
    }

    /// Nanoseconds since the epoch. An instant before it is 0; one 584 years on is the end of
    /// time.
    pub(crate) fn to_nanos(&self, instant: Instant) -> u64 {
        let since = instant.saturating_duration_since(self.epoch);
        u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
    }

    /// Virtual time: jumps to `nanos`, never back.
    pub(crate) fn jump(&self, nanos: u64) {
        if let Some(it) = &self.virtual_time {
            it.passed.fetch_max(nanos, Ordering::Relaxed);
        }
    }

    /// Virtual time: stops the clock, or lets it move again. Only the owner's thread calls this, before it
    /// locks the timers to find out when the next one is due.
    pub(crate) fn hold(&self, held: impl FnOnce() -> bool) {
        if let Some(it) = &self.virtual_time {
            it.held.store(held(), Ordering::Relaxed);
        }
    }

    /// Virtual time: returns whether the clock may jump to `nanos` when nothing is ready.
    pub(crate) fn may_jump(&self, nanos: u64) -> bool {
        self.virtual_time.as_ref().is_some_and(|it| {
            !it.held.load(Ordering::Relaxed) || nanos <= it.awaited_until.load(Ordering::Relaxed)
        })
    }

    /// A timer is armed on this thread, under the lock of the timers. Returns whether the driver must be
    /// notified, since it holds the clock that this thread waits for.
    pub(crate) fn note_waiter(&self, deadline: u64) -> bool {
        let Some(it) = &self.virtual_time else {
            return false;
        };
        if it.owner == ThreadToken::current() {
            return false;
        }
        it.awaited_until.fetch_max(deadline, Ordering::Relaxed);
        it.held.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests;
