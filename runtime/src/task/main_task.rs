//! The main future of a `block_on`, as a task.
//!
//! The future itself stays with its caller, so it may borrow and need not be `Send`. For its wakers it has
//! a task whose own future does nothing: the same state, the same waker and the same queue as any other task.
//! Both executors use it. For `SingleThread` the queue is the run queue; for `WorkStealing`, whose
//! `block_on` runs on a thread that is no worker, it is that thread's parker.

use std::future::{Future, Pending, pending};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use super::cell::Reserved;
use super::join::Word;
use super::raw::{RawTask, Runnable};
use super::scheduler_ref::SchedulerRef;
use super::state::{Pend, Snapshot};
use super::waker;
use crate::timeline::MAIN;
use crate::trace::spans::TaskSpan;

/// Dropping it ends the task: its wakers do nothing from then on.
pub(crate) struct MainTask {
    task: RawTask,
    span: TaskSpan,
}

impl MainTask {
    /// The task, and the right to its first poll.
    pub(crate) fn new(scheduler: SchedulerRef) -> (Self, Runnable) {
        let span = TaskSpan::open("block_on", None);
        let cell = Reserved::<Pending<()>>::with_state(scheduler, Word::DETACHED, TaskSpan::none());
        // SAFETY: the place is the cell's own, and fresh.
        unsafe { cell.future().write(pending()) };
        // SAFETY: written just now.
        let (unbound, task) = unsafe { cell.written() };
        span.number(task.number());
        task.scheduler().probe().spawned(task, Some(MAIN));
        (MainTask { task, span }, unbound.bind())
    }

    /// Returns whether `task` is the right to poll this one's future.
    #[inline(always)]
    pub(crate) fn owns(&self, task: &Runnable) -> bool {
        task.raw() == self.task
    }

    /// Polls the main future. `turn` is the right to do so. If the future was woken meanwhile it is queued
    /// again.
    #[inline(always)]
    pub(crate) fn poll<F: Future>(
        &mut self,
        turn: Runnable,
        future: Pin<&mut F>,
    ) -> Poll<F::Output> {
        debug_assert!(self.owns(&turn));
        let task = self.task;
        let writer = task.own_writer();
        // No handle exists that could abort it.
        let _ = task.state().apply(writer, Snapshot::start);
        let waker = waker::borrowed(task);
        let probe = task.scheduler().probe();
        probe.poll_begins(task);
        let polled = self
            .span
            .in_poll(|| future.poll(&mut Context::from_waker(&waker)));
        probe.poll_ended(task, u8::from(polled.is_ready()));
        if polled.is_pending() && task.state().apply(writer, Snapshot::pend) == Pend::Requeue {
            // SAFETY: QUEUED was set during the poll, and `pend` left this thread to queue the task.
            task.scheduler().reschedule(unsafe { Runnable::new(task) });
        }
        probe.turn_ended();
        polled
    }

    /// The task, to take it out of a queue.
    pub(crate) fn raw(&self) -> RawTask {
        self.task
    }
}

/// Gives `f` the future of a `block_on`, pinned: a large one in the heap, where it does not take as much of the
/// stack again as it takes at its caller.
#[inline(always)]
pub(crate) fn pinned<F: Future, R>(future: F, f: impl FnOnce(Pin<&mut F>) -> R) -> R {
    if is_large::<F>() {
        f(boxed(future).as_mut())
    } else {
        f(pin!(future))
    }
}

/// Returns whether a future should rather be moved to the heap than on the stack.
pub(crate) const fn is_large<F: Future>() -> bool {
    // Arbitrary: a stack of 2 MiB has room for a hundred such futures.
    size_of::<F>() > 16 * 1024
}

/// Moves a future to the heap.
#[inline(always)]
pub(crate) fn boxed<F: Future>(future: F) -> Pin<Box<F>> {
    let mut place = Box::<F>::new_uninit();
    // `Box::pin` would be given it by value, and so copy it in a debug build.
    // SAFETY: the place is fresh and of the future's type.
    unsafe { place.as_mut_ptr().write(future) };
    // SAFETY: written just now.
    Box::into_pin(unsafe { place.assume_init() })
}

impl Drop for MainTask {
    /// The main future is done or has panicked. The caller has taken the task out of its queue.
    fn drop(&mut self) {
        // Refused if the main future has returned or panicked in this poll: then the task runs already.
        let _ = self
            .task
            .state()
            .apply(self.task.own_writer(), Snapshot::seize);
        // What is dropped is the placeholder: the main future itself has ended.
        self.task.drop_unreported();
    }
}
