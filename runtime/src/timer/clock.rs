//! The clock: the machine's, or a virtual one that jumps.
//!
//! It translates between [`Instant`] and the wheel's nanoseconds, and never goes backwards. *Virtual time*
//! stands still while any task can run, and jumps to the next timer when none can: a program of hours runs in
//! milliseconds, and always alike. While the blocking pool is busy the clock is [held](Clock::hold), since a
//! job takes no virtual time; a job that waits for the clock itself lets it move as far as it waits.

use std::time::{Duration, Instant};

use crate::sync::{AtomicBool, AtomicU64, Ordering, ThreadToken};

/// The clock of an executor.
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
mod tests {
    use super::*;

    #[test]
    fn instants_before_the_epoch_are_its_beginning() {
        for virtual_time in [false, true] {
            let clock = Clock::new(virtual_time);
            let before = clock.epoch.checked_sub(Duration::from_secs(1)).unwrap();
            assert_eq!(clock.to_nanos(before), 0);
            assert_eq!(clock.to_nanos(clock.epoch), 0);
            assert_eq!(clock.to_nanos(clock.epoch + Duration::from_nanos(7)), 7);
        }
    }

    #[test]
    fn instants_beyond_the_end_of_time_are_the_end() {
        let clock = Clock::new(false);
        let last = clock.epoch + Duration::from_nanos(u64::MAX);
        assert_eq!(clock.to_nanos(last), u64::MAX);
        assert_eq!(clock.to_nanos(last + Duration::from_secs(1)), u64::MAX);
    }

    #[test]
    fn the_machines_clock_moves_by_itself_and_cannot_be_moved() {
        let clock = Clock::new(false);
        let now = clock.now_nanos();
        clock.jump(u64::MAX);
        assert!(!clock.is_virtual());
        assert!(clock.now() >= clock.epoch + Duration::from_nanos(now));
        assert!(clock.now_nanos() < u64::MAX);
    }

    #[test]
    fn virtual_time_moves_only_by_jumps_and_never_back() {
        let clock = Clock::new(true);
        assert!(clock.is_virtual() && clock.now() == clock.epoch);
        for (to, expected) in [(5, 5), (3, 5), (5, 5), (6, 6)] {
            clock.jump(to);
            assert_eq!(clock.now_nanos(), expected);
            assert_eq!(clock.now(), clock.epoch + Duration::from_nanos(expected));
        }
        assert_eq!(clock.to_nanos(clock.now()), 6);
    }

    /// A tick finer than the OS ends a sleep would have each timer end one of its own; a coarser one
    /// would make it late.
    #[test]
    fn a_tick_is_as_fine_as_time_can_be_had() {
        let tick = |clock: Clock| Duration::from_nanos(1 << clock.tick_shift());
        let (millisecond, exact) = (Duration::from_millis(1), Duration::from_nanos(1));
        let machine = tick(Clock::new(false));
        assert!((millisecond / 2..millisecond * 2).contains(&machine));
        assert!(tick(Clock::new(false).precise()) < machine / 10);
        assert_eq!(tick(Clock::new(true)), exact);
        assert_eq!(tick(Clock::new(true).precise()), exact);
    }
}
