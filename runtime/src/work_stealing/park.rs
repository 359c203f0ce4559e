//! Parking one worker, and getting it up again.
//!
//! **Job.** `park` sleeps until somebody calls `unpark`. A call that comes early is kept: the next
//! park returns at once, so no call is lost whichever comes first (tokio #459).
//!
//! **Owns** a token of its own. `std::thread::park` has one too, but the user's code runs on the
//! same thread and may use it up or leave one lying about (futures-rs #2010), so here it is only
//! the means of blocking. Nor is std's kept for the user: like any call of std that blocks, a park may
//! use it up.
//!
//! ```text
//!              park                       unpark
//!    EMPTY ───────────► PARKED/DRIVING ───────────► NOTIFIED ──┐
//!      ▲ │                     │ the sleep ends        ▲       │ park returns
//!      │ └─────────────────────┼ unpark ───────────────┘       │
//!      └───────────────────────┴───────────────────────────────┘
//! ```
//!
//! **Never** looks at a queue.

use std::time::Duration;

use crate::sync::{AtomicU8, Ordering, thread};

/// Nothing happened yet.
const EMPTY: u8 = 0;
/// The worker blocks in std's park.
const PARKED: u8 = 1;
/// The worker blocks in the driver: its bell must be rung.
const DRIVING: u8 = 2;
/// Somebody called.
const NOTIFIED: u8 = 3;

/// See the module.
pub(crate) struct Parker {
    state: AtomicU8,
    thread: std::sync::OnceLock<thread::Thread>,
}

/// What `unpark` leaves to its caller.
#[must_use]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Unpark {
    /// Nothing.
    Done,
    /// The worker sleeps in the driver: ring the bell of the event loop.
    RingBell,
}

impl Parker {
    pub(crate) fn new() -> Self {
        Parker {
            state: AtomicU8::new(EMPTY),
            thread: std::sync::OnceLock::new(),
        }
    }

    /// Says which thread parks here: the calling one.
    pub(crate) fn belong_to_current(&self) {
        let _ = self.thread.set(thread::current());
    }

    /// Blocks until somebody calls `unpark`, or for `at_most`.
    pub(crate) fn park(&self, at_most: Option<Duration>) {
        if !self.begin(PARKED) {
            return;
        }
        match at_most {
            // Once is enough: a sleep with an end may end early.
            Some(at_most) => thread::park_timeout(at_most),
            None => {
                // std may return for no reason, or for somebody else's.
                while self.state.load(Ordering::Acquire) != NOTIFIED {
                    thread::park();
                }
            }
        }
        self.end();
    }

    /// Runs `sleep`, which blocks in the driver, unless somebody has called already. During it
    /// `unpark` answers `RingBell`.
    pub(crate) fn park_in_driver(&self, sleep: impl FnOnce()) {
        if self.begin(DRIVING) {
            sleep();
            self.end();
        }
    }

    /// Whether the worker sleeps in the driver, at some time near this one.
    pub(crate) fn drives(&self) -> bool {
        self.state.load(Ordering::Relaxed) == DRIVING
    }

    /// `false`: somebody has called; the token is used up.
    fn begin(&self, how: u8) -> bool {
        // Where somebody has called, `end` acquires what was released.
        match self
            .state
            .compare_exchange(EMPTY, how, Ordering::AcqRel, Ordering::Relaxed)
        {
            Ok(_) => true,
            Err(_notified) => {
                self.end();
                false
            }
        }
    }

    fn end(&self) {
        // A swap, not a store: Acquire pairs with the Release of an `unpark` that came by now, so that
        // what its caller did before is seen.
        self.state.swap(EMPTY, Ordering::AcqRel);
    }

    /// Gets the worker up, now or when it next parks.
    pub(crate) fn unpark(&self) -> Unpark {
        match self.state.swap(NOTIFIED, Ordering::AcqRel) {
            PARKED => {
                if let Some(thread) = self.thread.get() {
                    thread.unpark();
                }
                Unpark::Done
            }
            DRIVING => Unpark::RingBell,
            _ => Unpark::Done,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::sync::AtomicBool;

    fn state(parker: &Parker) -> u8 {
        parker.state.load(Ordering::SeqCst)
    }

    #[test]
    fn a_call_that_comes_early_ends_the_next_park_and_no_other() {
        let parker = Parker::new();
        parker.belong_to_current();
        assert_eq!(parker.unpark(), Unpark::Done);
        // A second call adds nothing.
        assert_eq!(parker.unpark(), Unpark::Done);
        parker.park(None);
        assert_eq!(state(&parker), EMPTY);
        assert_eq!(parker.unpark(), Unpark::Done);
        parker.park_in_driver(|| panic!("somebody has called"));
        assert_eq!(state(&parker), EMPTY);
        let mut slept = false;
        parker.park_in_driver(|| slept = true);
        assert!(slept);
    }

    #[test]
    fn who_sleeps_in_the_driver_is_rung_once() {
        let parker = Parker::new();
        parker.belong_to_current();
        assert!(!parker.drives());
        parker.park_in_driver(|| {
            assert!(parker.drives());
            assert_eq!(parker.unpark(), Unpark::RingBell);
            assert!(!parker.drives());
            assert_eq!(parker.unpark(), Unpark::Done);
        });
        // The calls ended that sleep and are used up.
        assert_eq!(state(&parker), EMPTY);
    }

    #[test]
    fn a_park_lasts_until_the_call_or_until_its_end() {
        let rounds = if cfg!(miri) { 4 } else { 100 };
        let (parker, told) = (Arc::new(Parker::new()), Arc::new(AtomicBool::new(false)));
        let sleeper = std::thread::spawn({
            let (parker, told) = (parker.clone(), told.clone());
            move || {
                parker.belong_to_current();
                for _ in 0..rounds {
                    parker.park(None);
                    assert!(told.swap(false, Ordering::Relaxed), "it did not sleep");
                }
                parker.park(Some(Duration::ZERO));
            }
        });
        for round in 0..rounds {
            while state(&parker) != PARKED && !sleeper.is_finished() {
                std::thread::yield_now();
            }
            if round % 2 == 1 {
                // As code of a user on that thread may: it ends no park of ours.
                sleeper.thread().unpark();
            }
            // So that mostly it sleeps when the call comes.
            std::thread::yield_now();
            told.store(true, Ordering::Relaxed);
            assert_eq!(parker.unpark(), Unpark::Done);
        }
        sleeper.join().unwrap();
        assert_eq!(state(&parker), EMPTY);
    }
}
