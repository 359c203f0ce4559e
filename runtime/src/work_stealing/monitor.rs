//! The monitor: a parked worker that wakes periodically and takes tasks stuck behind a long poll.
//!
//! A poll cannot be interrupted. A long poll delays the task in the LIFO slot of the same worker. If no other
//! worker is in the driver, the poll also delays events and timers. So while any worker is awake, one parked
//! worker acts as the *monitor*: it parks for at most [`PERIOD`] instead of indefinitely. When all workers are
//! parked, there is no monitor, so an idle executor uses no CPU time.
//!
//! 1. *How it begins.* A worker that parks while others are awake becomes the monitor if there is none
//!    ([`begin`](Monitor::begin)). But after all workers have parked, no worker is the monitor. So a worker
//!    ensures that there is a monitor (`Scheduler::ensure_monitor`) before its polls can delay other tasks:
//!    when it fills an empty slot, and when it begins to run after it was the monitor or in the driver. This
//!    is not necessary while another worker searches. If the last searcher finds nothing, it parks, and
//!    becomes the monitor if there is none. If it finds a task, it checks for *uncovered* slots, which have a
//!    task although there is no monitor (`Scheduler::wake_successor`).
//! 2. *Which worker.* `ensure_monitor` wakes one of the parked workers. That worker searches, usually in
//!    vain, and parks again, now as the monitor. The request is recorded, so the woken worker becomes the
//!    monitor even if the requester has parked again meanwhile. Otherwise a requester that often runs for a
//!    short time would wake a worker in vain each time.
//! 3. *What it does* (`Worker::take_from_stuck_workers`). Once in each period, the monitor checks all slots.
//!    If a slot already had a task at the last check, and its worker has begun no poll since then, the
//!    monitor takes the task. Then it searches, as after any park. When it parks again, it takes the driver
//!    if the driver is free. The monitor may be woken for a new task at any time, and a long poll of this
//!    task may delay it. So the workers share the result and the time of the last check, and a new monitor
//!    parks only for the rest of the period.
//! 4. *Where.* If the monitor is in the driver, the next worker that parks outside the driver takes over the
//!    role. If it parked in the driver, each event would end its role, and `ensure_monitor` would have
//!    to wake another worker as the monitor.
//!
//! # Why no slot is left uncovered
//!
//! ```text
//!   a worker fills its slot            the last searcher found a task   the monitor's park ends
//!   P1  put the task in                Q1  count as not searching       R1  end the role: end()
//!   P2  fence (SeqCst)                 Q2  fence (SeqCst)               R2  rise
//!   P3  stop if there is a monitor     Q3  if a slot has a task, but    R3  if a task was found, P3, P4;
//!       or a searcher, or if none is       there is no monitor, wake        otherwise begin() again
//!       parked                             a worker
//!   P4  request a monitor and wake a worker
//! ```
//!
//! If P2 comes before Q2, Q3 sees the task. If Q2 comes first, P3 sees that this worker no longer searches
//! (Q1), and does not rely on it. If this worker was the monitor before, P3 also sees that it is no longer
//! the monitor (R1). At R3, the former monitor does not check the slots. If it found a task, it wakes another
//! worker as the monitor. Otherwise it parks again, and becomes the monitor if it sees that the worker of P1
//! is awake. To see this, it changes the count of awake workers (S1 in `idle.rs`), and reads the count
//! afterwards. If the worker of P1 rises only after this change, P3 comes after R1, so P3 sees that the role
//! has ended.
//!
//! P2 is executed for every task that enters a slot, so it must be cheap. On x86-64 it costs nothing, because
//! it directly follows a swap, which is a full barrier there.

use std::time::Duration;

use crate::sync::{AtomicBool, AtomicU64, Ordering};

/// The time between two checks of the workers. If a poll does not end, a task in the same worker's slot waits
/// for at most two periods. Arbitrary: no person notices this delay, and 200 checks per second cost little.
pub(crate) const PERIOD: Duration = if cfg!(test) {
    // In unit tests, the monitor's check must not hide a bug that loses a wake.
    Duration::from_secs(3600)
} else {
    Duration::from_millis(5)
};

/// Records whether there is a monitor in the driver, and whether there is one outside the driver. After a
/// takeover, both flags are set until the worker in the driver wakes.
pub(crate) struct Monitor {
    in_driver: AtomicBool,
    outside: AtomicBool,
    /// True from a request until a worker parks as the monitor because of this request.
    requested: AtomicBool,
    /// The time of the last check, in the clock's nanoseconds.
    checked_at: AtomicU64,
}

impl Monitor {
    pub(crate) fn new() -> Self {
        Monitor {
            in_driver: AtomicBool::new(false),
            outside: AtomicBool::new(false),
            requested: AtomicBool::new(false),
            checked_at: AtomicU64::new(0),
        }
    }

    /// Returns whether a worker is the monitor. The protocol's fences order this load.
    pub(crate) fn exists(&self) -> bool {
        self.outside.load(Ordering::Relaxed) || self.in_driver.load(Ordering::Relaxed)
    }

    /// Requests that the next worker to park becomes the monitor, even if all other workers are parked.
    pub(crate) fn request(&self) {
        self.requested.store(true, Ordering::Relaxed);
    }

    /// Returns whether the worker that is about to park becomes the monitor.
    pub(crate) fn begin(&self, in_driver: bool, others_awake: impl FnOnce() -> bool) -> bool {
        if self.outside.load(Ordering::Relaxed) || in_driver && self.exists() {
            return false;
        }
        // `||` evaluates `swap` only if the first two conditions are false. Otherwise the request is kept.
        let needed =
            self.exists() || others_awake() || self.requested.swap(false, Ordering::Relaxed);
        // Two workers may park outside the driver at the same time. Only one of them gets the role.
        needed && !self.role(in_driver).swap(true, Ordering::Relaxed)
    }

    /// Ends the role that `begin` gave to the calling worker.
    pub(crate) fn end(&self, in_driver: bool) {
        self.role(in_driver).store(false, Ordering::Relaxed);
    }

    /// Returns how long the monitor may park before its next check.
    pub(crate) fn until_check(&self, now: u64) -> Duration {
        until_check(self.checked_at.load(Ordering::Relaxed), now)
    }

    /// Returns whether a check of the workers is due. The caller then makes the check.
    pub(crate) fn begin_check(&self, now: u64) -> bool {
        let last = self.checked_at.load(Ordering::Relaxed);
        // After a takeover, two monitors may wake at the same time. Only one of them makes the check.
        until_check(last, now).is_zero()
            && self
                .checked_at
                .compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
    }

    fn role(&self, in_driver: bool) -> &AtomicBool {
        if in_driver {
            &self.in_driver
        } else {
            &self.outside
        }
    }
}

/// Returns what is left of the period after the check at the time `last`.
fn until_check(last: u64, now: u64) -> Duration {
    PERIOD.saturating_sub(Duration::from_nanos(now.saturating_sub(last)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const IN_DRIVER: bool = true;
    const OUTSIDE: bool = false;

    #[test]
    fn one_worker_is_the_monitor_while_others_are_awake() {
        let monitor = Monitor::new();
        assert!(!monitor.begin(OUTSIDE, || false));
        assert!(monitor.begin(OUTSIDE, || true));
        assert!(monitor.exists());
        assert!(!monitor.begin(OUTSIDE, || true));
        assert!(!monitor.begin(IN_DRIVER, || true));
        monitor.end(OUTSIDE);
        assert!(!monitor.exists());
    }

    #[test]
    fn a_request_holds_for_the_first_worker_that_parks_when_all_are_parked() {
        let monitor = Monitor::new();
        monitor.request();
        assert!(monitor.begin(IN_DRIVER, || true));
        monitor.end(IN_DRIVER);
        // Another worker was awake, so the request was kept.
        assert!(monitor.begin(IN_DRIVER, || false));
        monitor.end(IN_DRIVER);
        assert!(!monitor.begin(IN_DRIVER, || false));
    }

    #[test]
    fn the_workers_are_checked_once_in_a_period() {
        let (monitor, period) = (Monitor::new(), PERIOD.as_nanos() as u64);
        assert!(!monitor.begin_check(period - 1));
        assert!(monitor.begin_check(period));
        assert!(!monitor.begin_check(period + 20));
        assert_eq!(
            monitor.until_check(period + 20).as_nanos() as u64,
            period - 20
        );
        // Another worker may have read the clock earlier.
        assert_eq!(monitor.until_check(period - 1), PERIOD);
        assert!(monitor.until_check(3 * period).is_zero());
    }

    #[test]
    fn a_worker_that_parks_outside_takes_over_from_the_driver() {
        let monitor = Monitor::new();
        assert!(monitor.begin(IN_DRIVER, || true));
        assert!(monitor.begin(OUTSIDE, || false));
        monitor.end(IN_DRIVER);
        assert!(monitor.exists());
        monitor.end(OUTSIDE);
        assert!(!monitor.exists());
    }
}
