//! Finds the worker whose loop runs on the calling thread.
//!
//! A task is woken from inside another one's poll, by a function that gets nothing but the task. Whether
//! the task may go into the worker's own slot or ring depends on the thread that the function is called on.

use std::cell::Cell;
use std::marker::PhantomData;
use std::ptr;

use super::scheduler::Scheduler;
use super::worker::Worker;
use crate::sync::thread_local;

thread_local! {
    static CURRENT: Cell<*const Worker> = const { Cell::new(ptr::null()) };
}

/// While it lives, the worker is this thread's current one.
pub(super) struct Current<'a>(PhantomData<&'a Worker>);

impl<'a> Current<'a> {
    pub(super) fn set(worker: &'a Worker) -> Self {
        CURRENT.set(worker);
        Current(PhantomData)
    }
}

impl Drop for Current<'_> {
    fn drop(&mut self) {
        CURRENT.set(ptr::null());
    }
}

/// Calls `f` with this thread's worker and the task, if the worker is one of `scheduler`'s. Otherwise returns
/// the task.
#[inline]
pub(super) fn with<T>(scheduler: &Scheduler, task: T, f: impl FnOnce(&Worker, T)) -> Result<(), T> {
    let worker = CURRENT.get();
    // SAFETY: the pointer is null, or points to the worker whose `run` is on this thread's stack.
    // `Current` resets it before `run` is left, also by a panic. The reference does not leave `f`.
    match unsafe { worker.as_ref() } {
        Some(worker) if ptr::eq(&*worker.scheduler, scheduler) => {
            f(worker, task);
            Ok(())
        }
        _ => Err(task),
    }
}

/// Returns whether this thread is a worker of any executor.
pub(super) fn is_worker() -> bool {
    !CURRENT.get().is_null()
}
