//! Where a task goes when it is woken: its executor, as the task sees it.
//!
//! A task holds a [`SchedulerRef`]; behind it is something that implements [`Schedule`]: the single-thread
//! executor, the work-stealing executor, the blocking pool, or one you write. The task knows nothing else of
//! them. The reference is counted, since a task and its wakers may outlive their executor by far. Counting is
//! batched for each thread: see `task::ref_cache`.

use std::ops::Deref;
use std::ptr::NonNull;
use std::sync::Arc;

use super::raw::{RawTask, Runnable, Unbound};
use super::ref_cache::{self, RefCache};
use super::remote::RemoteOp;
use super::state::Writer;
use crate::sync::{AtomicUsize, Ordering, SeldomWritten, ThreadToken};
use crate::trace::Probe;

/// What an executor does for its tasks.
///
/// As long as the tasks are bound to a thread, all methods but `post` are called on that thread only.
pub(crate) trait Schedule: Send + Sync {
    /// Takes a new task: remembers it until [`unbind`](Self::unbind) and puts it into a run queue. A closing
    /// executor drops it instead, which cancels it.
    fn bind(&self, task: Unbound);

    /// Puts a woken task into a run queue. Never blocks and never runs code of the user: it is called
    /// from inside `wake`, perhaps under a lock of the user.
    fn schedule(&self, task: Runnable);

    /// Forgets a task that is about to be done, if it was ever bound.
    fn unbind(&self, task: RawTask);

    /// Puts a task that was woken during its own poll into a run queue: behind whatever is ready.
    fn reschedule(&self, task: Runnable) {
        self.schedule(task);
    }

    /// Sends an operation to the thread that the tasks are bound to, if they are. Called on any other.
    fn post(&self, op: RemoteOp) {
        op.run();
    }
}

/// A counted reference to a scheduler.
pub(crate) struct SchedulerRef(NonNull<Shared>);

/// What all references to a scheduler share.
pub(super) struct Shared {
    pub(super) refs: AtomicUsize,
    /// The thread that the tasks are bound to, as a number; `NOBODY` if they are bound to none, and once
    /// the executor is closed.
    owner: SeldomWritten,
    scheduler: Arc<dyn Schedule>,
    probe: Probe,
}

/// No thread has this number.
const NOBODY: usize = 0;

// SAFETY: `Shared` is `Sync` (its scheduler is `Send + Sync`, its owner a number), and the count is
// atomic, so references may be moved, shared and dropped on any thread.
unsafe impl Send for SchedulerRef {}
// SAFETY: as above.
unsafe impl Sync for SchedulerRef {}

impl SchedulerRef {
    /// A scheduler whose tasks are bound to the calling thread.
    pub(crate) fn bound(scheduler: Arc<dyn Schedule>, probe: Probe) -> Self {
        Self::new(ThreadToken::current().number(), scheduler, probe)
    }

    /// A scheduler whose tasks run on any thread.
    pub(crate) fn shared(scheduler: Arc<dyn Schedule>, probe: Probe) -> Self {
        Self::new(NOBODY, scheduler, probe)
    }

    fn new(owner: usize, scheduler: Arc<dyn Schedule>, probe: Probe) -> Self {
        SchedulerRef(NonNull::from(Box::leak(Box::new(Shared {
            refs: AtomicUsize::new(1),
            owner: SeldomWritten::new(owner),
            scheduler,
            probe,
        }))))
    }

    #[inline(always)]
    fn inner(&self) -> &Shared {
        // SAFETY: this reference is counted, so what it points to has not been freed.
        unsafe { self.0.as_ref() }
    }

    /// How the calling thread may write the state of the scheduler's tasks; `None`: not at all, the tasks
    /// are bound to another thread.
    #[inline(always)]
    pub(crate) fn writer(&self) -> Option<Writer> {
        // Acquire pairs with `unbind_thread`: what the owner wrote plainly comes before what anybody writes
        // afterwards.
        match self.inner().owner.load(Ordering::Acquire) {
            NOBODY => Some(Writer::Shared),
            owner if owner == ThreadToken::current().number() => Some(Writer::Owner),
            _ => None,
        }
    }

    /// The executor is closed and its tasks are done: whatever is written after this, by any thread, is
    /// written by compare-and-swap. Called by the owner.
    pub(crate) fn unbind_thread(&self) {
        self.inner().owner.store(NOBODY, Ordering::Release);
    }

    #[inline(always)]
    pub(crate) fn probe(&self) -> &Probe {
        &self.inner().probe
    }
}

impl Deref for SchedulerRef {
    type Target = dyn Schedule;

    #[inline(always)]
    fn deref(&self) -> &Self::Target {
        &*self.inner().scheduler
    }
}

impl Clone for SchedulerRef {
    #[inline]
    fn clone(&self) -> Self {
        if !RefCache::take(self.0) {
            // Relaxed: the caller holds a reference already.
            self.inner().refs.fetch_add(1, Ordering::Relaxed);
        }
        SchedulerRef(self.0)
    }
}

impl Drop for SchedulerRef {
    #[inline]
    fn drop(&mut self) {
        if !RefCache::give_back(self.0) {
            // SAFETY: the reference is this one, and it ends here.
            unsafe { ref_cache::release(self.0, 1) };
        }
    }
}

impl SchedulerRef {
    /// A cache of references for the calling thread.
    pub(crate) fn open_cache(&self) -> RefCache<'_> {
        RefCache::open(self.0)
    }
}

#[cfg(test)]
impl SchedulerRef {
    pub(super) fn count(&self) -> usize {
        self.inner().refs.load(Ordering::SeqCst)
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;
    use crate::test_support::Nowhere;

    #[test]
    fn tasks_are_bound_to_a_thread_until_they_are_unbound() {
        let scheduler = SchedulerRef::bound(Arc::new(Nowhere), Probe::off());
        let remote = || thread::scope(|scope| scope.spawn(|| scheduler.writer()).join().unwrap());
        assert_eq!((scheduler.writer(), remote()), (Some(Writer::Owner), None));
        scheduler.unbind_thread();
        let shared = Some(Writer::Shared);
        assert_eq!((scheduler.writer(), remote()), (shared, shared));
    }
}
