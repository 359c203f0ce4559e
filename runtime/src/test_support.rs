//! Helpers for the unit tests of several modules.

use std::future::{Future, poll_fn};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Poll, Wake, Waker};

use crate::task::JoinHandle;
use crate::task::cell::Reserved;
use crate::task::raw::{RawTask, Runnable, Unbound};
use crate::task::scheduler_ref::{Schedule, SchedulerRef};
use crate::trace::Probe;

/// Counts the wakes of its wakers.
#[derive(Default)]
pub(crate) struct Count(pub(crate) AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// Returns a counter, and a waker whose wakes it counts.
pub(crate) fn waiter() -> (Arc<Count>, Waker) {
    let count = Arc::new(Count::default());
    (count.clone(), count.into())
}

/// An executor that takes every task and does nothing with it.
pub(crate) struct Nowhere;

impl Schedule for Nowhere {
    fn bind(&self, task: Unbound) {
        let _ = task.bind();
    }
    fn schedule(&self, _task: Runnable) {}
    fn unbind(&self, _task: RawTask) {}
}

/// An executor that takes no task, like a closed executor.
pub(crate) struct Refusing;

impl Schedule for Refusing {
    fn bind(&self, task: Unbound) {
        drop(task);
    }
    fn schedule(&self, _task: Runnable) {}
    fn unbind(&self, _task: RawTask) {}
}

/// An executor that runs a task as soon as it is woken. Only a test may do that: outside of tests, a wake
/// must not poll a task.
struct AtOnce;

impl Schedule for AtOnce {
    fn bind(&self, task: Unbound) {
        self.schedule(task.bind());
    }
    fn schedule(&self, task: Runnable) {
        run(task);
    }
    fn unbind(&self, _task: RawTask) {}
}

impl Runnable {
    /// Cancels the task instead of running it.
    pub(crate) fn cancel(self) {
        self.raw().cancel();
    }
}

/// Runs a task. If the task's executor has an owner thread, the caller must be on it.
pub(crate) fn run(task: Runnable) {
    let writer = task.raw().own_writer();
    task.run(writer, &Probe::off());
}

/// Makes a task that is not yet bound to its scheduler, and the task's handle.
pub(crate) fn new_task<F: Future>(
    scheduler: Arc<dyn Schedule>,
    future: F,
) -> (Unbound, JoinHandle<F::Output>) {
    new_task_of(&SchedulerRef::shared(scheduler, Probe::off()), future)
}

/// Like [`new_task`], but with a scheduler that may have other tasks.
pub(crate) fn new_task_of<F: Future>(
    scheduler: &SchedulerRef,
    future: F,
) -> (Unbound, JoinHandle<F::Output>) {
    let cell = Reserved::new(scheduler.clone(), "task", None);
    // SAFETY: the memory is uninitialised and in this cell.
    unsafe { std::ptr::write(cell.future(), future) };
    // SAFETY: the future was written just now.
    let (unbound, task) = unsafe { cell.written() };
    (unbound, JoinHandle::new(task))
}

/// Returns the handle and the waker of a task. The task was polled once, and ends at its first wake.
pub(crate) fn idle_task() -> (JoinHandle<()>, Waker) {
    let (send, receive) = std::sync::mpsc::channel();
    let mut polls = 0;
    let future = poll_fn(move |cx| {
        polls += 1;
        let _ = send.send(cx.waker().clone());
        if polls == 2 {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    });
    let (task, handle) = new_task(Arc::new(AtOnce), future);
    run(task.bind());
    (handle, receive.recv().unwrap())
}
