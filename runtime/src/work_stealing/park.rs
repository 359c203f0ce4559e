//! Parks and unparks one thread: a worker's thread, or a thread in `block_on`.
//!
//! A [`Parker`] has its own token, which `unpark` leaves and `park` consumes. std's token is not reliable,
//! because user code on the same thread may consume it, or may leave a token of its own (futures-rs #2010).
//! So `std::thread::park` is used only to block. If `unpark` is called before `park`, the token remains until
//! `park` is called, so no call is lost (tokio #459).
//!
//! ```text
//!              park                       unpark
//!    EMPTY ───────────► PARKED/DRIVING ───────────► NOTIFIED ──┐
//!      ▲ │                     │ the sleep ends        ▲       │ park returns
//!      │ └─────────────────────┼ unpark ───────────────┘       │
//!      └───────────────────────┴───────────────────────────────┘
//! ```

use std::future::Future;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use crate::coop;
use crate::sync::{Arc, AtomicU8, Mutex, Ordering, lock, thread};
use crate::task::raw::{RawTask, Runnable, Unbound};
use crate::task::run::MainTask;
use crate::task::scheduler_ref::{Schedule, SchedulerRef};
use crate::trace::Probe;

/// The thread is awake, and there is no token.
const EMPTY: u8 = 0;
/// The thread blocks in std's park.
const PARKED: u8 = 1;
/// The thread blocks in the driver, so the event loop must be notified.
const DRIVING: u8 = 2;
/// There is a token, which ends the current park or, if the thread is not parked, the next one.
const NOTIFIED: u8 = 3;

pub(crate) struct Parker {
    state: AtomicU8,
    thread: std::sync::OnceLock<thread::Thread>,
}

impl Parker {
    pub(crate) fn new() -> Self {
        Parker {
            state: AtomicU8::new(EMPTY),
            thread: std::sync::OnceLock::new(),
        }
    }

    /// Binds this parker to the calling thread.
    pub(crate) fn belong_to_current(&self) {
        let _ = self.thread.set(thread::current());
    }

    /// Blocks until `unpark` is called, but for no longer than `at_most`.
    pub(crate) fn park(&self, at_most: Option<Duration>) {
        self.park_as(PARKED, || match at_most {
            // No loop: a timed park may return early.
            Some(at_most) => thread::park_timeout(at_most),
            None => {
                // std's park may return spuriously, or because user code called std's `unpark`.
                while self.state.load(Ordering::Acquire) != NOTIFIED {
                    thread::park();
                }
            }
        });
    }

    /// Unless there is a token already, runs `sleep`, which blocks in the driver.
    pub(crate) fn park_in_driver(&self, sleep: impl FnOnce()) {
        self.park_as(DRIVING, sleep);
    }

    fn park_as(&self, how: u8, sleep: impl FnOnce()) {
        // This fails if there is a token, which the swap below then consumes.
        let empty = self
            .state
            .compare_exchange(EMPTY, how, Ordering::AcqRel, Ordering::Relaxed);
        if empty.is_ok() {
            sleep();
        }
        // Use a swap, not a store, because its Acquire pairs with the Release of `unpark`. So this thread
        // sees what the unparking thread did before.
        self.state.swap(EMPTY, Ordering::AcqRel);
    }

    /// Returns whether the thread blocks in the driver, or blocked there a moment ago.
    pub(crate) fn drives(&self) -> bool {
        self.state.load(Ordering::Relaxed) == DRIVING
    }

    /// Wakes the thread if it is parked. Otherwise makes its next park return at once. Calls `notify_driver`
    /// if the thread blocks in the driver.
    pub(crate) fn unpark(&self, notify_driver: impl FnOnce()) {
        match self.state.swap(NOTIFIED, Ordering::AcqRel) {
            PARKED => {
                if let Some(thread) = self.thread.get() {
                    thread.unpark();
                }
            }
            DRIVING => notify_driver(),
            _ => {}
        }
    }
}

// ---- block_on --------------------------------------------------------------------------------------

/// The thread that is in `block_on`. It acts as the scheduler of its main task: `schedule` unparks the
/// thread.
struct Caller {
    parker: Parker,
    /// The right to poll the main future, if the future has been woken.
    ready: Mutex<Option<Runnable>>,
}

/// Polls `future` to its end on this thread, which is not a worker. Parks the thread between polls. The
/// future stays on this thread, so it may borrow and need not be `Send`.
pub(super) fn block_on<F: Future>(mut future: Pin<&mut F>, probe: Probe) -> F::Output {
    let caller = Arc::new(Caller {
        parker: Parker::new(),
        ready: Mutex::new(None),
    });
    caller.parker.belong_to_current();
    let (mut main, mut turn) = MainTask::new(SchedulerRef::shared(caller.clone(), probe));
    loop {
        coop::refill();
        if let Poll::Ready(output) = main.poll(turn, future.as_mut()) {
            return output;
        }
        turn = loop {
            if let Some(turn) = lock(&caller.ready).take() {
                break turn;
            }
            caller.parker.park(None);
        };
    }
}

impl Schedule for Caller {
    fn bind(&self, task: Unbound) {
        drop(task);
    }

    fn schedule(&self, task: Runnable) {
        *lock(&self.ready) = Some(task);
        // This thread never blocks in a driver.
        self.parker.unpark(|| ());
    }

    fn unbind(&self, _task: RawTask) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::AtomicBool;

    fn state(parker: &Parker) -> u8 {
        parker.state.load(Ordering::SeqCst)
    }

    /// Returns whether the driver had to be notified.
    fn unpark(parker: &Parker) -> bool {
        let mut notified = false;
        parker.unpark(|| notified = true);
        notified
    }

    #[test]
    fn an_early_unpark_ends_the_next_park_and_no_other() {
        let parker = Parker::new();
        parker.belong_to_current();
        assert!(!unpark(&parker));
        // A second call changes nothing.
        assert!(!unpark(&parker));
        parker.park(None);
        assert_eq!(state(&parker), EMPTY);
        assert!(!unpark(&parker));
        parker.park_in_driver(|| panic!("an earlier notification was kept"));
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
            assert!(unpark(&parker));
            assert!(!parker.drives());
            assert!(!unpark(&parker));
        });
        // The two calls ended one park, and no token is left.
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
                    assert!(
                        told.swap(false, Ordering::Relaxed),
                        "the owner did not park"
                    );
                }
                parker.park(Some(Duration::ZERO));
            }
        });
        for round in 0..rounds {
            while state(&parker) != PARKED && !sleeper.is_finished() {
                std::thread::yield_now();
            }
            if round % 2 == 1 {
                // User code may call std's unpark, which must not end our park.
                sleeper.thread().unpark();
            }
            // This usually lets the thread park before `unpark` is called.
            std::thread::yield_now();
            told.store(true, Ordering::Relaxed);
            assert!(!unpark(&parker));
        }
        sleeper.join().unwrap();
        assert_eq!(state(&parker), EMPTY);
    }
}
