//! The clock of an executor: the machine's clock, or a virtual clock.
//!
//! The clock translates between [`Instant`] and the wheel's nanoseconds, and never goes backwards. *Virtual
//! time* stands still while any task can run. When no task can run, it jumps to the next deadline. So a
//! program that sleeps for hours runs in milliseconds, and every run is the same. While the blocking pool
//! is busy, a virtual clock is [held](Clock::hold): it stands still, so jobs take no virtual time. If a job
//! waits for a timer, the held clock may move up to the timer's deadline.

use std::time::{Duration, Instant};

use super::wheel::Key;
use crate::sync::{AtomicU64, Mutex, Ordering, lock};

pub(crate) struct Clock {
    /// The instant of nanosecond 0.
    epoch: Instant,
    virtual_time: Option<VirtualTime>,
    tick_shift: u32,
}

struct VirtualTime {
    /// The nanoseconds that have passed.
    passed: AtomicU64,
    /// `jump_unless_held` holds this lock while the clock jumps.
    holders: Mutex<Holders>,
}

#[derive(Default)]
struct Holders {
    /// True while jobs run.
    held: bool,
    /// The timers that threads without an executor await, with their deadlines. A held clock may move up to
    /// the latest of these deadlines.
    awaited: Vec<(Key, u64)>,
}

impl Holders {
    fn allow(&self, nanos: u64) -> bool {
        !self.held || self.awaited.iter().any(|(_, until)| nanos <= *until)
    }
}

impl Clock {
    pub(crate) fn new(virtual_time: bool) -> Self {
        // A loom model must not depend on the real time.
        let virtual_time = virtual_time || cfg!(loom);
        Clock {
            epoch: Instant::now(),
            virtual_time: virtual_time.then(|| VirtualTime {
                passed: AtomicU64::new(0),
                holders: Mutex::default(),
            }),
            // 2^20 ns is about a millisecond, to which mio rounds the timeouts of epoll.
            tick_shift: if virtual_time { 0 } else { 20 },
        }
    }

    /// Makes the tick finer, for an executor that uses a timer of the OS to sleep.
    pub(crate) fn precise(mut self) -> Self {
        // 2^13 ns are 8.2 us. Waking a thread takes longer.
        self.tick_shift = self.tick_shift.min(13);
        self
    }

    pub(crate) fn is_virtual(&self) -> bool {
        self.virtual_time.is_some()
    }

    /// Returns the binary logarithm of the wheel's tick in nanoseconds. A tick is no finer than the
    /// precision of the driver's sleep. So timers with nearly equal deadlines fire in one wakeup. In virtual
    /// time, a tick is 1 ns.
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

    /// Returns the nanoseconds since the epoch. The result is 0 for an earlier instant, and `u64::MAX` for an
    /// instant 584 years later or more.
    pub(crate) fn to_nanos(&self, instant: Instant) -> u64 {
        let since = instant.saturating_duration_since(self.epoch);
        u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
    }

    /// In virtual time, jumps to `nanos`, but never back.
    pub(crate) fn jump(&self, nanos: u64) {
        if let Some(it) = &self.virtual_time {
            it.passed.fetch_max(nanos, Ordering::Relaxed);
        }
    }

    /// In virtual time, stops the clock, or lets it move again. The caller holds the lock under which jobs
    /// begin and end, so that the calls are in the right order.
    pub(crate) fn hold(&self, held: bool) {
        if let Some(it) = &self.virtual_time {
            lock(&it.holders).held = held;
        }
    }

    /// In virtual time, jumps to `nanos`, unless a job has begun to run since [`may_jump`](Self::may_jump).
    pub(crate) fn jump_unless_held(&self, nanos: u64) {
        if let Some(it) = &self.virtual_time {
            let holders = lock(&it.holders);
            if holders.allow(nanos) {
                self.jump(nanos);
            }
        }
    }

    /// Returns whether time is virtual and the clock may jump to `nanos` when no task is ready.
    pub(crate) fn may_jump(&self, nanos: u64) -> bool {
        self.virtual_time.as_ref().is_some_and(|it| {
            nanos <= it.passed.load(Ordering::Relaxed) || lock(&it.holders).allow(nanos)
        })
    }

    /// In virtual time, notes a timer that is awaited by a thread without an executor. The caller holds the
    /// lock of the timer's wheel. Returns true if the clock is held: then the driver must be notified.
    pub(super) fn note_waiter(&self, key: Key, deadline: u64) -> bool {
        self.virtual_time.as_ref().is_some_and(|it| {
            // The clock need not move for a timer without a deadline.
            let until = if deadline == u64::MAX { 0 } else { deadline };
            let mut holders = lock(&it.holders);
            holders.awaited.push((key, until));
            holders.held
        })
    }

    /// In virtual time, forgets a timer that has fired, or is disarmed or moved. Returns whether the timer was
    /// noted.
    pub(super) fn forget_waiter(&self, key: Key) -> bool {
        self.virtual_time.as_ref().is_some_and(|it| {
            let awaited = &mut lock(&it.holders).awaited;
            let position = awaited.iter().position(|(noted, _)| *noted == key);
            position
                .map(|position| awaited.swap_remove(position))
                .is_some()
        })
    }
    #[cfg(test)]
    pub(super) fn awaited(&self) -> usize {
        self.virtual_time
            .as_ref()
            .map_or(0, |it| lock(&it.holders).awaited.len())
    }
}

#[cfg(test)]
mod tests;
