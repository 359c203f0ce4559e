//! The task's view of its executor: where a task goes when it is woken.
//!
//! A task holds a [`SchedulerRef`] to something that implements [`Schedule`]: the single-thread
//! executor, the work-stealing executor, the blocking pool, or an executor that you write. The task uses
//! nothing else of its executor. The reference is counted, because a task and its wakers may outlive their
//! executor.
//!
//! Counting is batched. An `Arc` would cost two atomic read-modify-writes per task, all on one contended
//! word. With two workers, these operations take up to half of a spawn's time. Instead, a thread that works
//! for a scheduler takes [`BATCH`] references together into a thread-local cache. A clone on that thread then
//! takes one from the cache, which costs a subtraction that is not atomic. A drop on that thread puts one
//! back. The count is never too low, and it is exact once all caches are closed.

use std::cell::Cell;
use std::marker::PhantomData;
use std::ops::Deref;
use std::ptr::{self, NonNull};
use std::sync::Arc;

use super::raw::{RawTask, RemoteOp, Runnable, Unbound};
use super::state::Writer;
use crate::sync::{AtomicUsize, Ordering, SeldomWritten, ThreadToken, thread_local};
use crate::trace::Probe;

/// The operations of an executor for its tasks.
///
/// While the tasks are bound to a thread, all methods except `post` are called only on that thread.
pub(crate) trait Schedule: Send + Sync {
    /// Puts a new task onto the executor's list of living tasks and into a run queue.
    /// [`unbind`](Self::unbind) removes the task from the list. A closing executor drops the task instead,
    /// which cancels it.
    fn bind(&self, task: Unbound);

    /// Puts a woken task into a run queue. Never blocks and never runs user code, because `wake` may be
    /// called under a user's lock.
    fn schedule(&self, task: Runnable);

    /// Removes a task from the list of living tasks, if it is there. Called before the task is done.
    fn unbind(&self, task: RawTask);

    /// Puts a task that was woken during its own poll (a *yielded* task) into a run queue.
    fn reschedule(&self, task: Runnable) {
        self.schedule(task);
    }

    /// Sends an operation to the thread that the tasks are bound to, if any. Called only on other threads.
    fn post(&self, op: RemoteOp) {
        op.run();
    }
}

/// A counted reference to a scheduler.
pub(crate) struct SchedulerRef(NonNull<Shared>);

struct Shared {
    refs: AtomicUsize,
    /// Identifies the thread that the tasks are bound to (see `ThreadToken::number`). `NOBODY` if the tasks
    /// are bound to no thread, or if the executor is closed.
    owner: SeldomWritten,
    /// Points into `_alive`. Without this field, each use of the `Arc<dyn Schedule>` would compute this
    /// address from the alignment of its content.
    scheduler: NonNull<dyn Schedule>,
    _alive: Arc<dyn Schedule>,
    probe: Probe,
}

/// No thread has this number.
const NOBODY: usize = 0;

// SAFETY: `Shared` is `Sync` (its scheduler is `Send + Sync`, and its owner is a number), and the count is
// atomic. So references may be moved, shared and dropped on any thread.
unsafe impl Send for SchedulerRef {}
// SAFETY: as for `Send`.
unsafe impl Sync for SchedulerRef {}

impl SchedulerRef {
    /// Makes a reference to a scheduler whose tasks are bound to the calling thread.
    pub(crate) fn bound(scheduler: Arc<dyn Schedule>, probe: Probe) -> Self {
        Self::new(ThreadToken::current().number(), scheduler, probe)
    }

    /// Makes a reference to a scheduler whose tasks run on any thread.
    pub(crate) fn shared(scheduler: Arc<dyn Schedule>, probe: Probe) -> Self {
        Self::new(NOBODY, scheduler, probe)
    }

    fn new(owner: usize, scheduler: Arc<dyn Schedule>, probe: Probe) -> Self {
        SchedulerRef(NonNull::from(Box::leak(Box::new(Shared {
            refs: AtomicUsize::new(1),
            owner: SeldomWritten::new(owner),
            scheduler: NonNull::from(&*scheduler),
            _alive: scheduler,
            probe,
        }))))
    }

    #[inline(always)]
    fn inner(&self) -> &Shared {
        // SAFETY: this reference is counted, so its target is alive.
        unsafe { self.0.as_ref() }
    }

    /// Returns how the calling thread may write the state of the scheduler's tasks. Returns `None` if the
    /// tasks are bound to another thread.
    #[inline(always)]
    pub(crate) fn writer(&self) -> Option<Writer> {
        // Acquire pairs with `unbind_thread`: a thread that loads `NOBODY` sees the earlier plain writes of
        // the owner.
        match self.inner().owner.load(Ordering::Acquire) {
            NOBODY => Some(Writer::Shared),
            owner if owner == ThreadToken::current().number() => Some(Writer::Owner),
            _ => None,
        }
    }

    /// From now on, every thread writes the tasks' states by compare-and-swap. The owner calls this once the
    /// executor is closed and its tasks are done.
    pub(crate) fn unbind_thread(&self) {
        self.inner().owner.store(NOBODY, Ordering::Release);
    }

    #[inline(always)]
    pub(crate) fn probe(&self) -> &Probe {
        &self.inner().probe
    }

    /// Opens a cache of references for the calling thread.
    pub(crate) fn open_cache(&self) -> RefCache<'_> {
        CACHE.with(|(whose, spare)| RefCache {
            previous: (whose.replace(self.0.as_ptr()), spare.replace(0)),
            scheduler: PhantomData,
        })
    }

    #[cfg(test)]
    fn count(&self) -> usize {
        self.inner().refs.load(Ordering::SeqCst)
    }
}

impl Deref for SchedulerRef {
    type Target = dyn Schedule;

    #[inline(always)]
    fn deref(&self) -> &Self::Target {
        // SAFETY: `_alive` keeps the target alive.
        unsafe { self.inner().scheduler.as_ref() }
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
            // SAFETY: this reference is counted, and is released here.
            unsafe { release(self.0, 1) };
        }
    }
}

// ---- the cache ------------------------------------------------------------------------------------

/// The number of references that a cache takes at once. Arbitrary: not measured.
const BATCH: usize = 1024;

thread_local! {
    /// This thread's cache: a scheduler, and the number of references to it in the cache.
    static CACHE: (Cell<*const Shared>, Cell<usize>) =
        const { (Cell::new(ptr::null()), Cell::new(0)) };
}

/// A thread's cache, open while the thread works for the scheduler. A thread with several caches closes the
/// newest first.
pub(crate) struct RefCache<'a> {
    previous: (*const Shared, usize),
    scheduler: PhantomData<&'a Shared>,
}

impl RefCache<'_> {
    /// Takes a reference from this thread's cache. Returns `false` if the cache is not for `scheduler`.
    #[inline(always)]
    fn take(scheduler: NonNull<Shared>) -> bool {
        CACHE.with(|(whose, spare)| {
            if !ptr::eq(whose.get(), scheduler.as_ptr()) {
                return false;
            }
            if spare.get() == 0 {
                // SAFETY: the cache borrows a reference, so `scheduler` is alive. Relaxed suffices for a
                // clone.
                unsafe {
                    (*scheduler.as_ptr())
                        .refs
                        .fetch_add(BATCH, Ordering::Relaxed)
                };
                spare.set(BATCH);
            }
            spare.set(spare.get() - 1);
            true
        })
    }

    /// Puts a reference into this thread's cache. Returns `false` if the cache is not for `scheduler`.
    #[inline(always)]
    fn give_back(scheduler: NonNull<Shared>) -> bool {
        CACHE.with(|(whose, spare)| {
            let mine = ptr::eq(whose.get(), scheduler.as_ptr());
            if mine {
                spare.set(spare.get() + 1);
            }
            mine
        })
    }
}

impl Drop for RefCache<'_> {
    fn drop(&mut self) {
        let (scheduler, spare) = CACHE.with(|(whose, spare)| {
            (
                whose.replace(self.previous.0),
                spare.replace(self.previous.1),
            )
        });
        if spare > 0 {
            // SAFETY: the cache owned `spare` references. The borrowed reference also keeps the scheduler
            // alive.
            unsafe { release(NonNull::new_unchecked(scheduler.cast_mut()), spare) };
        }
    }
}

/// Releases `count` references. The last one frees the scheduler.
///
/// # Safety
/// The caller owns `count` references and uses none of them afterwards.
unsafe fn release(scheduler: NonNull<Shared>, count: usize) {
    let scheduler = scheduler.as_ptr();
    // SAFETY: the caller's references keep the scheduler alive until the subtraction. Only the atomic is
    // borrowed, and only for that operation. Release: this thread's accesses come before another thread
    // frees the scheduler.
    if unsafe { (*scheduler).refs.fetch_sub(count, Ordering::Release) } == count {
        // SAFETY: that was the last reference; the box came from `SchedulerRef::new`. Acquire pairs with
        // each earlier Release. `RawTask::release` explains why this is a load.
        unsafe {
            (*scheduler).refs.load(Ordering::Acquire);
            drop(Box::from_raw(scheduler));
        }
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

    /// Returns a counted reference, and a weak one that shows whether the scheduler is still alive.
    fn open() -> (SchedulerRef, std::sync::Weak<Nowhere>) {
        let scheduler = Arc::new(Nowhere);
        let alive = Arc::downgrade(&scheduler);
        (SchedulerRef::shared(scheduler, Probe::off()), alive)
    }

    #[test]
    fn the_last_reference_frees_the_scheduler_on_any_thread() {
        let (one, alive) = open();
        let other = one.clone();
        drop(one);
        assert_eq!(alive.strong_count(), 1);
        thread::spawn(|| drop(other)).join().unwrap();
        assert_eq!(alive.strong_count(), 0);
    }

    #[test]
    fn a_cache_counts_once_a_batch() {
        let (one, alive) = open();
        {
            let _cache = one.open_cache();
            let mut taken: Vec<_> = (0..BATCH).map(|_| one.clone()).collect();
            assert_eq!(one.count(), 1 + BATCH);
            // A reference that was put into the cache is used again.
            taken.pop();
            taken.push(one.clone());
            assert_eq!(one.count(), 1 + BATCH);
            taken.push(one.clone());
            assert_eq!(one.count(), 1 + 2 * BATCH);
        }
        drop(one);
        assert_eq!(alive.strong_count(), 0);
    }

    #[test]
    fn the_count_is_exact_once_the_cache_is_closed() {
        let (one, alive) = open();
        let before = [one.clone(), one.clone()];
        let cache = one.open_cache();
        let taken = [one.clone(), one.clone(), one.clone()];
        // References that were made before the cache was opened also go into the cache.
        drop(before);
        drop(cache);
        assert_eq!(one.count(), 1 + taken.len());
        // An unused cache changes nothing.
        drop(one.open_cache());
        assert_eq!(one.count(), 1 + taken.len());
        drop((one, taken));
        assert_eq!(alive.strong_count(), 0);
    }

    /// While a thread works for one scheduler, it may work for a second scheduler, for example when a task
    /// drops an executor.
    #[test]
    fn caches_nest() {
        let ((outer, outer_alive), (inner, inner_alive)) = (open(), open());
        let outer_cache = outer.open_cache();
        let mut taken = vec![outer.clone()];
        {
            let _inner_cache = inner.open_cache();
            taken.push(inner.clone());
            // Another scheduler's references are counted one by one.
            taken.push(outer.clone());
            assert_eq!(outer.count(), 1 + BATCH + 1);
            assert_eq!(inner.count(), 1 + BATCH);
        }
        assert_eq!(inner.count(), 2);
        // The outer cache is open again.
        taken.push(outer.clone());
        assert_eq!(outer.count(), 1 + BATCH + 1);
        drop(taken);
        drop(outer_cache);
        assert_eq!((outer.count(), inner.count()), (1, 1));
        drop((outer, inner));
        assert_eq!(
            (outer_alive.strong_count(), inner_alive.strong_count()),
            (0, 0)
        );
    }
}
