//! The main future of `block_on`, on a thread that is no worker.
//!
//! It is polled on the calling thread, so it may borrow and need not be `Send`; in between the thread is
//! parked. Its scheduler is this thread: "schedule" means "unpark".

use std::future::Future;
use std::pin::Pin;
use std::task::Poll;

use super::park::Parker;
use crate::coop;
use crate::sync::{Arc, Mutex, lock};
use crate::task::raw::{RawTask, Runnable, Unbound};
use crate::task::run::MainTask;
use crate::task::scheduler_ref::{Schedule, SchedulerRef};
use crate::trace::Probe;

/// The thread, as its main task sees it.
struct Seat {
    parker: Parker,
    /// The right to poll the main future, once it is woken.
    ready: Mutex<Option<Runnable>>,
}

/// Polls `future` to its end on this thread.
pub(super) fn block_on<F: Future>(mut future: Pin<&mut F>, probe: Probe) -> F::Output {
    let seat = Arc::new(Seat {
        parker: Parker::new(),
        ready: Mutex::new(None),
    });
    seat.parker.belong_to_current();
    let (mut main, mut turn) = MainTask::new(SchedulerRef::shared(seat.clone(), probe));
    loop {
        coop::refill();
        if let Poll::Ready(output) = main.poll(turn, future.as_mut()) {
            return output;
        }
        turn = loop {
            if let Some(turn) = lock(&seat.ready).take() {
                break turn;
            }
            seat.parker.park(None);
        };
    }
}

impl Schedule for Seat {
    fn bind(&self, task: Unbound) {
        drop(task);
    }

    fn schedule(&self, task: Runnable) {
        *lock(&self.ready) = Some(task);
        // This thread never sleeps in a driver, so there is nothing to notify.
        let _ = self.parker.unpark();
    }

    fn unbind(&self, _task: RawTask) {}
}
