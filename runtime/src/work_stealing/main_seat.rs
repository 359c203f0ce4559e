//! The main future of `block_on`, on a thread that is no worker.
//!
//! **Job.** Poll it on the thread that called, which may therefore keep it to itself: the future may
//! borrow and need not be `Send`. In between the thread is parked.
//!
//! **Owns** the main future, on the caller's stack. **Never** polls any other task.
//!
//! The future has a task of its own to make its wakers: the same state word, the same waker as any
//! other. Its home is no executor but this thread: "schedule" means "unpark".

use std::future::Future;
use std::mem::ManuallyDrop;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use super::park::Parker;
use crate::coop;
use crate::recorder::Recorder;
use crate::spans::TaskSpan;
use crate::sync::{Arc, AtomicBool, Ordering};
use crate::task::home::{HomeRef, Schedule};
use crate::task::letter::Letter;
use crate::task::raw::{RawTask, Runnable};
use crate::task::state::{Pend, Start};
use crate::task::waker;
use crate::timeline::MAIN;

/// The thread, as its main task sees it: the home of that one task.
struct Seat {
    parker: Parker,
    ready: AtomicBool,
}

/// Polls `future` to its end on this thread.
pub(super) fn block_on<F: Future>(future: F, recorder: Option<Arc<Recorder>>) -> F::Output {
    let mut future = pin!(TaskSpan::open("block_on", None).around(future));
    let seat = Arc::new(Seat {
        parker: Parker::new(),
        ready: AtomicBool::new(false),
    });
    seat.parker.belong_to_current();
    let mut turn = RawTask::new_main(HomeRef::shared_and_recorded(seat.clone(), recorder.clone()));
    let main = Main(turn.raw());
    main.0.report_spawn(Some(MAIN));
    loop {
        if let Poll::Ready(output) = main.poll(turn, future.as_mut()) {
            return output;
        }
        while !seat.ready.swap(false, Ordering::Acquire) {
            seat.parker.park(None);
        }
        turn = Runnable::from_queue(main.0);
    }
}

/// Ends the main task also when the future panics.
struct Main(RawTask);

impl Main {
    fn poll<F: Future>(&self, turn: Runnable, future: Pin<&mut F>) -> Poll<F::Output> {
        let (Start::Poll | Start::Cancel) = turn.start();
        coop::refill();
        // A waker that is not counted: the task outlives the poll.
        let waker = ManuallyDrop::new(waker::borrowed(self.0));
        let polled = self
            .0
            .report_poll(|| future.poll(&mut Context::from_waker(&waker)));
        if polled.is_pending() && self.0.pend() == Pend::Requeue {
            self.0
                .home()
                .scheduler()
                .schedule(Runnable::from_queue(self.0));
        }
        polled
    }
}

impl Drop for Main {
    fn drop(&mut self) {
        self.0.end_main();
    }
}

impl Schedule for Seat {
    fn admit(&self, task: Runnable) -> Result<(), Runnable> {
        Err(task)
    }

    fn schedule(&self, task: Runnable) {
        // There is one task, so that it is ready says it all.
        let _ = task.into_queue();
        self.ready.store(true, Ordering::Release);
        // This thread never sleeps in a driver, so there is no bell to ring.
        let _ = self.parker.unpark();
    }

    fn forget(&self, _task: RawTask) {}

    fn post(&self, letter: Letter) {
        drop(letter);
    }
}
