//! Parks one worker's thread and unparks it.
//!
//! The token is this module's own. `std::thread::park` has one too, but the user's code runs on the same
//! thread and may use it up or leave one behind (futures-rs #2010), so std's park is only the means of
//! blocking here. An `unpark` that comes before the `park` is kept, so no call is lost (tokio #459).
//!
//! ```text
//!              park                       unpark
//!    EMPTY ───────────► PARKED/DRIVING ───────────► NOTIFIED ──┐
//!      ▲ │                     │ the sleep ends        ▲       │ park returns
//!      │ └─────────────────────┼ unpark ───────────────┘       │
//!      └───────────────────────┴───────────────────────────────┘
//! ```

use std::time::Duration;

use crate::sync::{AtomicU8, Ordering, thread};

/// The worker is up, and no call is kept.
const EMPTY: u8 = 0;
/// The worker blocks in std's park.
const PARKED: u8 = 1;
/// The worker blocks in the driver: the event loop must be notified.
const DRIVING: u8 = 2;
/// A call is kept, for this park or the next.
const NOTIFIED: u8 = 3;

/// The parking place of one thread.
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
    /// The worker blocks in the driver: the caller notifies the event loop.
    NotifyDriver,
}

impl Parker {
    pub(crate) fn new() -> Self {
        Parker {
            state: AtomicU8::new(EMPTY),
            thread: std::sync::OnceLock::new(),
        }
    }

    /// Makes the calling thread the one that parks here.
    pub(crate) fn belong_to_current(&self) {
        let _ = self.thread.set(thread::current());
    }

    /// Blocks until a call of `unpark`, or for `at_most`.
    pub(crate) fn park(&self, at_most: Option<Duration>) {
        if !self.begin(PARKED) {
            return;
        }
        match at_most {
            // No loop: a timed park may return early.
            Some(at_most) => thread::park_timeout(at_most),
            None => {
                // std's park may return without reason, or because the user's code called its unpark.
                while self.state.load(Ordering::Acquire) != NOTIFIED {
                    thread::park();
                }
            }
        }
        self.end();
    }

    /// Runs `sleep`, which blocks in the driver, unless a call is kept already. During it `unpark`
    /// returns `NotifyDriver`.
    pub(crate) fn park_in_driver(&self, sleep: impl FnOnce()) {
        if self.begin(DRIVING) {
            sleep();
            self.end();
        }
    }

    /// Returns whether the worker blocks in the driver, or did a moment ago.
    pub(crate) fn drives(&self) -> bool {
        self.state.load(Ordering::Relaxed) == DRIVING
    }

    /// Returns `false` if a call was kept, which is used up then.
    fn begin(&self, how: u8) -> bool {
        // If a call was kept, `end` acquires what it released.
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

    /// Wakes the worker, now or when it next parks.
    pub(crate) fn unpark(&self) -> Unpark {
        match self.state.swap(NOTIFIED, Ordering::AcqRel) {
            PARKED => {
                if let Some(thread) = self.thread.get() {
                    thread.unpark();
                }
                Unpark::Done
            }
            DRIVING => Unpark::NotifyDriver,
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
    fn an_early_unpark_ends_the_next_park_and_no_other() {
        let parker = Parker::new();
        parker.belong_to_current();
        assert_eq!(parker.unpark(), Unpark::Done);
        // A second call adds nothing.
        assert_eq!(parker.unpark(), Unpark::Done);
        parker.park(None);
        assert_eq!(state(&parker), EMPTY);
        assert_eq!(parker.unpark(), Unpark::Done);
        parker.park_in_driver(|| panic!("a call was kept"));
        assert_eq!(state(&parker), EMPTY);
        let mut slept = false;
        parker.park_in_driver(|| slept = true);
        assert!(slept);
    }

    #[test]
    fn a_worker_in_the_driver_is_notified_once() {
        let parker = Parker::new();
        parker.belong_to_current();
        assert!(!parker.drives());
        parker.park_in_driver(|| {
            assert!(parker.drives());
            assert_eq!(parker.unpark(), Unpark::NotifyDriver);
            assert!(!parker.drives());
            assert_eq!(parker.unpark(), Unpark::Done);
        });
        // The calls ended that sleep and are used up.
        assert_eq!(state(&parker), EMPTY);
    }

    #[test]
    fn a_park_lasts_until_unpark_or_its_timeout() {
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
