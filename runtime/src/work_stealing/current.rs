//! Which worker is this thread?
//!
//! **Job.** Set this thread's current worker, and find it again from anywhere below. A task is woken
//! from inside another one's poll, by a function that gets nothing but the task. Whether it may go into
//! the worker's own slot or ring depends on the thread that function is called on.
//!
//! **Owns** a thread-local pointer to the worker whose loop is on this thread's stack. **Never** lends
//! the worker out for longer than one call, and never to another thread.

use std::cell::Cell;
use std::marker::PhantomData;
use std::ptr;

use super::scheduler::Scheduler;
use super::worker::Worker;
use crate::sync::thread_local;
use crate::task::raw::Runnable;

thread_local! {
    static CURRENT: Cell<*const Worker> = const { Cell::new(ptr::null()) };
}

/// For as long as it lives, the worker is this thread's current one.
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

/// Gives `f` the task and this thread's worker, if that is one of `scheduler`'s. The task comes back if not.
#[inline]
pub(super) fn with(
    scheduler: &Scheduler,
    task: Runnable,
    f: impl FnOnce(&Worker, Runnable),
) -> Result<(), Runnable> {
    let worker = CURRENT.get();
    // SAFETY: the pointer is null, or to the worker whose `run` is on this thread's stack, and which
    // `Current` resets before that is left, also by a panic. The reference does not leave `f`.
    match unsafe { worker.as_ref() } {
        Some(worker) if ptr::eq(&*worker.scheduler, scheduler) => {
            f(worker, task);
            Ok(())
        }
        _ => Err(task),
    }
}

/// Whether this thread is a worker, of whatever executor.
pub(super) fn is_worker() -> bool {
    !CURRENT.get().is_null()
}
