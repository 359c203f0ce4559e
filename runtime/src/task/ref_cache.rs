//! Counting references to a scheduler in batches.
//!
//! Each task holds a reference to its scheduler. An `Arc` would cost two atomic read-modify-writes a task,
//! all of them on one word that every thread wants: with two workers that takes up to half of the time of a
//! spawn. Instead, a thread that works for a scheduler takes [`BATCH`] references at once into a thread-local
//! cache and hands them out by a plain subtraction. A reference that is dropped on such a thread goes back
//! into the cache. The count is never too low, and exact once all caches are closed.

use std::cell::Cell;
use std::marker::PhantomData;
use std::ptr::{self, NonNull};

use super::scheduler_ref::Shared;
use crate::sync::{Ordering, thread_local};

/// References taken at a time. Arbitrary: not measured.
const BATCH: usize = 1024;

thread_local! {
    /// Whose references this thread has in its cache, and how many.
    static CACHE: (Cell<*const Shared>, Cell<usize>) =
        const { (Cell::new(ptr::null()), Cell::new(0)) };
}

/// An open cache. It lasts as long as a thread works for the scheduler; caches nest as calls do.
pub(crate) struct RefCache<'a> {
    previous: (*const Shared, usize),
    scheduler: PhantomData<&'a Shared>,
}

impl RefCache<'_> {
    pub(super) fn open(scheduler: NonNull<Shared>) -> Self {
        CACHE.with(|(whose, spare)| RefCache {
            previous: (whose.replace(scheduler.as_ptr()), spare.replace(0)),
            scheduler: PhantomData,
        })
    }

    /// Takes a reference out. `false`: this thread has no cache for the scheduler.
    #[inline(always)]
    pub(super) fn take(scheduler: NonNull<Shared>) -> bool {
        CACHE.with(|(whose, spare)| {
            if !ptr::eq(whose.get(), scheduler.as_ptr()) {
                return false;
            }
            if spare.get() == 0 {
                // SAFETY: the cache borrows a reference, so the count is there. Relaxed as for any clone.
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

    /// Puts a reference in. `false`: this thread has no cache for the scheduler.
    #[inline(always)]
    pub(super) fn give_back(scheduler: NonNull<Shared>) -> bool {
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
            // SAFETY: `spare` references were taken or put in and not handed out; the borrowed one keeps
            // the scheduler alive besides.
            unsafe { release(NonNull::new_unchecked(scheduler.cast_mut()), spare) };
        }
    }
}

/// Ends `count` references and frees the scheduler with the last of them.
///
/// # Safety
/// The caller owns `count` references and uses none of them afterwards.
pub(super) unsafe fn release(scheduler: NonNull<Shared>, count: usize) {
    let scheduler = scheduler.as_ptr();
    // SAFETY: the caller's references keep it alive up to the subtraction. Nothing but the atomic is
    // borrowed, and only for that operation.
    // Release: what this thread did with it comes before its end on another one.
    if unsafe { (*scheduler).refs.fetch_sub(count, Ordering::Release) } == count {
        // SAFETY: that was the last reference; the box came from `SchedulerRef::new`.
        // Acquire pairs with the Release of all the others. A load and not a fence, which
        // ThreadSanitizer does not know.
        unsafe {
            (*scheduler).refs.load(Ordering::Acquire);
            drop(Box::from_raw(scheduler));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::thread;

    use super::super::scheduler_ref::SchedulerRef;
    use super::*;
    use crate::test_support::Nowhere;
    use crate::trace::Probe;

    /// A reference, and what tells whether its scheduler is still there.
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
            // What was put in is handed out again.
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
        // References that were counted without a cache go into it too.
        drop(before);
        drop(cache);
        assert_eq!(one.count(), 1 + taken.len());
        // A cache that was not used changes nothing.
        drop(one.open_cache());
        assert_eq!(one.count(), 1 + taken.len());
        drop((one, taken));
        assert_eq!(alive.strong_count(), 0);
    }

    /// As for a `block_on` inside a task: the thread works for one scheduler and meanwhile for another.
    #[test]
    fn caches_nest() {
        let ((outer, outer_alive), (inner, inner_alive)) = (open(), open());
        let outer_cache = outer.open_cache();
        let mut taken = vec![outer.clone()];
        {
            let _inner_cache = inner.open_cache();
            taken.push(inner.clone());
            // Not the cache's scheduler: counted one by one.
            taken.push(outer.clone());
            assert_eq!(outer.count(), 1 + BATCH + 1);
            assert_eq!(inner.count(), 1 + BATCH);
        }
        assert_eq!(inner.count(), 2);
        // The outer cache is what it was.
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
