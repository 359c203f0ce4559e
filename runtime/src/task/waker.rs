//! The waker: how code outside a task makes it run again.
//!
//! A [`std::task::Waker`] is a pointer and a table of four functions. Here the pointer refers to the task's
//! header, and the functions count references and wake the task. One table serves all tasks of all
//! executors. A wake never runs a task and never drops a future. So it is safe under any lock, on any thread,
//! and even after the executor is gone.

use std::mem::{ManuallyDrop, needs_drop};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::{self, NonNull};
use std::task::{RawWaker, RawWakerVTable, Waker};

use super::cell::Header;
use super::raw::{RawTask, TaskRef};

static VTABLE: RawWakerVTable = RawWakerVTable::new(clone, wake, wake_by_ref, release);

/// # Safety
/// `data` came from [`raw_waker`].
#[inline(always)]
unsafe fn task(data: *const ()) -> RawTask {
    // SAFETY: `raw_waker` made `data` from a pointer that is not null.
    RawTask(unsafe { NonNull::new_unchecked(data.cast_mut().cast::<Header>()) })
}

fn raw_waker(task: RawTask) -> RawWaker {
    RawWaker::new(task.0.as_ptr().cast_const().cast(), &VTABLE)
}

unsafe fn clone(data: *const ()) -> RawWaker {
    // SAFETY: the waker that is being cloned came from `raw_waker` and keeps the task alive.
    raw_waker(ManuallyDrop::new(unsafe { task(data) }.to_ref()).raw())
}

unsafe fn wake(data: *const ()) {
    // SAFETY: the waker came from `raw_waker`, and its reference passes to the `TaskRef`.
    let task = TaskRef(unsafe { task(data) });
    // Hold the reference until the wake is done. Otherwise the executor could free the task before
    // `schedule` returns (async-task #11).
    task.raw().wake_by_ref();
}

unsafe fn wake_by_ref(data: *const ()) {
    // SAFETY: the waker came from `raw_waker` and keeps the task alive.
    unsafe { task(data) }.wake_by_ref();
}

unsafe fn release(data: *const ()) {
    // SAFETY: the waker came from `raw_waker`, and its reference passes to the `TaskRef`.
    drop(TaskRef(unsafe { task(data) }));
}

/// Returns a waker for a poll of `task`. The waker is neither counted nor dropped, because the executor
/// keeps the task alive during the poll. Its clones are counted.
#[inline(always)]
pub(crate) fn borrowed(task: RawTask) -> ManuallyDrop<Waker> {
    // SAFETY: the table keeps the contract of `RawWaker`: all four functions may be called from
    // any thread, and clones are counted.
    ManuallyDrop::new(unsafe { Waker::from_raw(raw_waker(task)) })
}

/// Returns whether the waker belongs to a brigade task.
#[inline(always)]
pub(crate) fn is_own(waker: &Waker) -> bool {
    ptr::eq(waker.vtable(), &VTABLE)
}

/// Makes a waker from another waker's data pointer.
///
/// # Safety
/// `data` came from a waker for which [`is_own`] returned true. The caller owns the waker's reference.
pub(super) unsafe fn from_data(data: *const ()) -> Waker {
    // SAFETY: as in `borrowed`; the reference passes to the new waker.
    unsafe { Waker::from_raw(RawWaker::new(data, &VTABLE)) }
}

/// Returns whether the waker's task is known to be done: a wake then does nothing.
pub(crate) fn is_dead(waker: &Waker) -> bool {
    // SAFETY: the table is ours, so the pointer came from `raw_waker`, and the waker keeps the task alive.
    is_own(waker) && unsafe { task(waker.data()) }.is_finished()
}

/// Calls a waker and catches its panic. A foreign waker may panic, and a caller that calls several wakers
/// must still call the others (tokio #4055).
pub(crate) fn wake_quietly(waker: Waker) {
    catch_quietly(|| waker.wake());
}

/// Drops a value and catches a panic of its destructor (tokio #4412).
pub(crate) fn drop_quietly<T>(value: T) {
    if needs_drop::<T>() {
        catch_quietly(|| drop(value));
    }
}

/// Calls user code and catches its panic. If dropping the payload panics too, the second panic's payload is
/// leaked.
pub(crate) fn catch_quietly(f: impl FnOnce()) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(f)) {
        let _ = catch_unwind(AssertUnwindSafe(|| drop(payload))).map_err(std::mem::forget);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    use super::*;
    use crate::test_support::{Count, idle_task};

    #[test]
    fn a_waker_schedules_its_task_once() {
        let (handle, waker) = idle_task();
        assert!(!is_dead(&waker));
        assert!(waker.will_wake(&waker.clone()));
        waker.wake_by_ref();
        // The task has run, and is done.
        assert!(handle.is_finished() && is_dead(&waker));
        let clone = waker.clone();
        clone.wake();
        waker.wake();
    }

    #[test]
    fn a_foreign_waker_is_never_called_dead() {
        assert!(!is_dead(&Waker::from(Arc::new(Count::default()))));
        assert!(!is_dead(Waker::noop()));
    }

    /// tokio #4055: if one waker panics, the wakers after it are still called.
    #[test]
    fn a_panic_of_a_waker_is_contained() {
        struct Bomb;
        impl Wake for Bomb {
            fn wake(self: Arc<Self>) {
                panic!("a foreign waker panics");
            }
        }
        let count = Arc::new(Count(AtomicUsize::new(0)));
        for waker in [Arc::new(Bomb).into(), Waker::from(count.clone())] {
            wake_quietly(waker);
        }
        assert_eq!(count.0.load(Ordering::SeqCst), 1);
    }
}
