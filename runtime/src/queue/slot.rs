//! A place for the task that was woken last: the LIFO slot of a worker.
//!
//! **Job.** When a task wakes another and then waits for it, as two ends of a channel do, the other
//! should run next, on the same worker, while what it was told is still in the cache; and nobody
//! need be woken for that. So the task woken last does not go to the end of the queue but here.
//!
//! **Owns** the right to run the one task that is in it.
//!
//! **Never** strands its task: other workers may take it out, which they do when the owner has been
//! in one poll for too long (see `work_stealing::watch`; tokio #4941).

use std::ptr;

use crate::sync::{AtomicPtr, Ordering};
use crate::task::cell::Header;
use crate::task::raw::RawTask;

/// See the module.
pub(crate) struct Slot(AtomicPtr<Header>);

impl Slot {
    pub(crate) fn new() -> Self {
        Slot(AtomicPtr::new(ptr::null_mut()))
    }

    /// Puts a task in; the one that was there comes out.
    #[inline]
    pub(crate) fn put(&self, task: RawTask) -> Option<RawTask> {
        // Release: whoever takes the task sees what was done before; Acquire for what comes out. SeqCst:
        // so that who puts a task in and then looks whether somebody watches, and who ceases to watch
        // and then looks for a task, do not miss one another (see `work_stealing::watch`).
        RawTask::from_ptr(self.0.swap(task.into_ptr(), Ordering::SeqCst))
    }

    /// Takes the task out, on any thread.
    #[inline]
    pub(crate) fn take(&self) -> Option<RawTask> {
        if self.is_empty() {
            return None;
        }
        RawTask::from_ptr(self.0.swap(ptr::null_mut(), Ordering::AcqRel))
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.0.load(Ordering::Relaxed).is_null()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::queue::tests::tasks;
    use crate::task::raw::Runnable;

    #[test]
    fn the_task_woken_last_is_in_and_the_one_before_comes_out() {
        let slot = Slot::new();
        assert!(slot.is_empty() && slot.take().is_none());
        let (newborn, _handles) = tasks(2);
        let [first, second] = <[Runnable; 2]>::try_from(newborn)
            .unwrap_or_else(|_| unreachable!("two"))
            .map(Runnable::into_queue);
        assert!(slot.put(first).is_none());
        assert!(!slot.is_empty());
        assert!(slot.put(second) == Some(first));
        assert!(slot.take() == Some(second));
        assert!(slot.is_empty() && slot.take().is_none());
        for task in [first, second] {
            Runnable::from_queue(task).cancel();
        }
    }
}
