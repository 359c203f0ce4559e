//! Running a task: poll it once, and handle the result.
//!
//! After [`Runnable::run`] the task is idle, queued again, or done. If it is done, its handle's waker
//! has been called. A panic of the future becomes the output. If a task is aborted or its executor shuts
//! down, the task is *cancelled*. Its future is dropped instead of polled, and the output is the error
//! "aborted".
//!
//! In both executors, the main future of a `block_on` is also a task: a [`MainTask`].

use std::future::{Future, Pending, pending};
use std::pin::Pin;
use std::task::{Context, Poll};

use super::cell::{Polled, Reserved};
use super::join::Word;
use super::raw::{RawTask, Runnable};
use super::scheduler_ref::SchedulerRef;
use super::state::{Pend, Snapshot, Start, Writer};
use super::waker;
use crate::trace::Probe;
use crate::trace::spans::TaskSpan;

impl Runnable {
    /// Polls the task once, or cancels it. `probe` is not taken from the task, because the task may be
    /// freed during the call.
    #[inline(always)]
    pub(crate) fn run(self, writer: Writer, probe: &Probe) {
        // `run_once` is compiled twice. The copy without a recorder never tests for a recorder.
        match probe.recorder() {
            None => self.run_once(writer, &Probe::off()),
            Some(_) => self.run_recorded(writer, probe),
        }
    }

    #[cold]
    #[inline(never)]
    fn run_recorded(self, writer: Writer, probe: &Probe) {
        self.run_once(writer, probe);
    }

    #[inline(always)]
    fn run_once(self, writer: Writer, probe: &Probe) {
        debug_assert_eq!(writer, self.raw().own_writer());
        let start = self.raw().state().apply(writer, Snapshot::start);
        self.raw().turn(start, writer, probe);
    }
}

impl RawTask {
    /// Polls or cancels the task, as `start` says, which `Snapshot::start` has returned.
    #[inline(always)]
    pub(super) fn turn(self, start: Start, writer: Writer, probe: &Probe) {
        if start == Start::Cancel {
            return self.drop_and_complete();
        }
        let waker = waker::borrowed(self);
        probe.poll_begins(self);
        // SAFETY: RUNNING was set just now, so the future still exists, and this thread owns it.
        let polled =
            unsafe { (self.header().vtable.poll)(self.0, &mut Context::from_waker(&waker)) };
        probe.poll_ended(self, polled as u8);
        if polled != Polled::Pending {
            self.complete();
            return probe.turn_ended();
        }
        probe.pended(self);
        match self.state().apply(writer, Snapshot::pend) {
            // From here on, another thread may run and free the task.
            Pend::Idle => {}
            // SAFETY: QUEUED was set during the poll, and no other thread queues the task.
            Pend::Requeue => self.scheduler().reschedule(unsafe { Runnable::new(self) }),
            Pend::Cancel => self.drop_and_complete(),
        }
        probe.turn_ended();
    }

    /// Cancels the task, unless it is running or done. Called if the executor shuts down or refuses the
    /// task.
    pub(crate) fn cancel(self) {
        if self.state().apply(self.own_writer(), Snapshot::seize) {
            self.drop_and_complete();
        }
    }

    /// Drops the future, then completes the task. The caller must have set RUNNING.
    #[inline(never)]
    pub(super) fn drop_and_complete(self) {
        self.scheduler().probe().cancelled(self);
        self.drop_unreported();
    }

    /// Like [`drop_and_complete`](Self::drop_and_complete), but records no cancellation.
    pub(super) fn drop_unreported(self) {
        // SAFETY: the caller has set RUNNING, so the future still exists, and the caller owns it.
        unsafe { (self.header().vtable.cancel)(self.0) };
        self.complete();
    }

    /// Marks the task as done and passes its output to the handle. The caller must have set RUNNING and
    /// stored the output.
    #[inline(always)]
    fn complete(self) {
        // Remove the task from the executor's list now, because `hand_over_output` may free the task.
        self.scheduler().unbind(self);
        self.state().finish();
        self.hand_over_output();
    }
}

/// The main future of a `block_on`, as a task.
///
/// The main future stays outside the task, so it may borrow and need not be `Send`. The wakers of the main
/// future belong to a task whose own future does nothing. In `SingleThread`, waking this task puts it into
/// the run queue. In `WorkStealing`, waking it unparks the thread in `block_on`, which is not a worker.
///
/// Dropping a `MainTask` ends the task: its wakers do nothing from then on.
pub(crate) struct MainTask {
    task: RawTask,
    span: TaskSpan,
}

impl MainTask {
    /// Returns the task, and the right to its first poll.
    pub(crate) fn new(scheduler: SchedulerRef) -> (Self, Runnable) {
        let span = TaskSpan::open("block_on", None);
        let cell = Reserved::<Pending<()>>::with_state(scheduler, Word::DETACHED, TaskSpan::none());
        // SAFETY: the memory is uninitialised and in this cell.
        unsafe { cell.future().write(pending()) };
        // SAFETY: the future was written just now.
        let (unbound, task) = unsafe { cell.written() };
        span.number(task.number());
        task.scheduler().probe().main_begins(task);
        (MainTask { task, span }, unbound.bind())
    }

    /// Returns whether `task` gives the right to poll the main future.
    #[inline(always)]
    pub(crate) fn owns(&self, task: &Runnable) -> bool {
        task.raw() == self.task
    }

    /// Polls the main future. `turn` gives the right to poll it. A wake during the poll queues the task
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
        // The answer is always `Poll`, because no handle can abort this task.
        let _ = task.state().apply(writer, Snapshot::start);
        let waker = waker::borrowed(task);
        let probe = task.scheduler().probe();
        let mut open = probe.main_poll(task);
        let polled = self
            .span
            .in_poll(|| future.poll(&mut Context::from_waker(&waker)));
        open.how = u8::from(polled.is_ready());
        drop(open);
        if polled.is_pending() && task.state().apply(writer, Snapshot::pend) == Pend::Requeue {
            // SAFETY: QUEUED was set during the poll, and no other thread queues the task.
            task.scheduler().reschedule(unsafe { Runnable::new(task) });
        }
        probe.turn_ended();
        polled
    }

    pub(crate) fn raw(&self) -> RawTask {
        self.task
    }
}

impl Drop for MainTask {
    /// Ends the task, when the main future is done or has panicked. The caller must have taken the task out
    /// of its queue.
    fn drop(&mut self) {
        // If the main future has just returned or panicked, `seize` changes nothing, because the task is
        // still RUNNING.
        let _ = self
            .task
            .state()
            .apply(self.task.own_writer(), Snapshot::seize);
        // Drop the task's own future, a `Pending`. The main future has ended.
        self.task.drop_unreported();
    }
}
