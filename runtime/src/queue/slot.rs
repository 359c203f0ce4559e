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
use crate::task::raw::Runnable;

/// See the module.
pub(crate) struct Slot(AtomicPtr<Header>);

impl Slot {
    pub(crate) fn new() -> Self {
        Slot(AtomicPtr::new(ptr::null_mut()))
    }

    /// Puts a task in; the one that was there comes out.
    #[inline]
    pub(crate) fn put(&self, task: Runnable) -> Option<Runnable> {
        // Release: whoever takes the task sees what was done before; Acquire for what comes out. SeqCst:
        // so that who puts a task in and then looks whether somebody watches, and who ceases to watch
        // and then looks for a task, do not miss one another (see `work_stealing::watch`).
        let before = self.0.swap(task.into_ptr(), Ordering::SeqCst);
        // SAFETY: what is in the slot came from `into_ptr`, and the swap takes it out once.
        unsafe { Runnable::from_ptr(before) }
    }

    /// Takes the task out, on any thread.
    #[inline]
    pub(crate) fn take(&self) -> Option<Runnable> {
        if self.is_empty() {
            return None;
        }
        let taken = self.0.swap(ptr::null_mut(), Ordering::AcqRel);
        // SAFETY: as in `put`.
        unsafe { Runnable::from_ptr(taken) }
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.0.load(Ordering::Relaxed).is_null()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::test_support::{Nowhere, new_task};

    #[test]
    fn the_task_woken_last_is_in_and_the_one_before_comes_out() {
        let slot = Slot::new();
        assert!(slot.is_empty() && slot.take().is_none());
        let [(first, _first_handle), (second, _second_handle)] =
            [(); 2].map(|()| new_task(Arc::new(Nowhere), async {}));
        let (first, second) = (first.bind(), second.bind());
        let (raw_first, raw_second) = (first.raw(), second.raw());
        assert!(slot.put(first).is_none());
        assert!(!slot.is_empty());
        let out = slot.put(second).unwrap();
        assert!(out.raw() == raw_first);
        let last = slot.take().unwrap();
        assert!(last.raw() == raw_second);
        assert!(slot.is_empty() && slot.take().is_none());
        out.cancel();
        last.cancel();
    }
}
