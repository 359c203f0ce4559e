//! What the unit tests of several rooms share.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Wake, Waker};

use crate::task::home::Schedule;
use crate::task::letter::Letter;
use crate::task::raw::{RawTask, Runnable};

/// Counts the wakes of its wakers.
#[derive(Default)]
pub(crate) struct Count(pub(crate) AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// A count, and a waker that it counts.
pub(crate) fn waiter() -> (Arc<Count>, Waker) {
    let count = Arc::new(Count::default());
    (count.clone(), count.into())
}

/// An executor that takes every task and does nothing with it.
pub(crate) struct Nowhere;

impl Schedule for Nowhere {
    fn admit(&self, _task: Runnable) -> Result<(), Runnable> {
        Ok(())
    }
    fn schedule(&self, _task: Runnable) {}
    fn forget(&self, _task: RawTask) {}
    fn post(&self, _letter: Letter) {}
}
