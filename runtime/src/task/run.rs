//! Running a task: poll it once, and do what follows from that.
//!
//! After [`Runnable::run`] the task is idle, queued again, or done, and the waker of its handle has been called. A
//! panic of the future does not come out: it becomes the output. A task that is aborted, or whose executor
//! shuts down, is cancelled instead of polled: its future is dropped, and the output is "aborted".

use std::task::Context;

use super::cell::Polled;
use super::raw::{RawTask, Runnable};
use super::state::{Pend, Snapshot, Start};
use super::waker;
use crate::trace::Probe;

impl Runnable {
    /// Polls the task once, or cancels it. `probe` is the executor's: the task may be gone before its end.
    #[inline(always)]
    pub(crate) fn run(self, probe: &Probe) {
        // Compiled twice: the way without a record does not test for one at each step.
        match probe.recorder() {
            None => self.run_once(&Probe::off()),
            Some(_) => self.run_recorded(probe),
        }
    }

    #[cold]
    #[inline(never)]
    fn run_recorded(self, probe: &Probe) {
        self.run_once(probe);
    }

    #[inline(always)]
    fn run_once(self, probe: &Probe) {
        let task = self.raw();
        let writer = task.own_writer();
        if task.state().apply(writer, Snapshot::start) == Start::Cancel {
            return task.drop_and_complete();
        }
        let waker = waker::borrowed(task);
        probe.poll_begins(task);
        // SAFETY: RUNNING was set just now: the future is there and this thread's.
        let polled =
            unsafe { (task.header().vtable.poll)(task.0, &mut Context::from_waker(&waker)) };
        probe.poll_ended(task, polled as u8);
        if polled != Polled::Pending {
            task.complete();
            return probe.turn_ended();
        }
        probe.pended(task);
        match task.state().apply(writer, Snapshot::pend) {
            // Another thread may run the task from here on, and free it.
            Pend::Idle => {}
            // SAFETY: QUEUED was set during the poll, and `pend` left this thread to queue the task.
            Pend::Requeue => task.scheduler().reschedule(unsafe { Runnable::new(task) }),
            Pend::Cancel => task.drop_and_complete(),
        }
        probe.turn_ended();
    }

    /// Cancels the task instead of running it.
    pub(crate) fn cancel(self) {
        self.raw().cancel();
    }
}

impl RawTask {
    /// Cancels the task, unless it is running or done: its executor shuts down, or did not take it.
    pub(crate) fn cancel(self) {
        if self.state().apply(self.own_writer(), Snapshot::seize) {
            self.drop_and_complete();
        }
    }

    /// Drops the future, then completes. The caller runs the task.
    #[inline(never)]
    pub(super) fn drop_and_complete(self) {
        self.scheduler().probe().cancelled(self);
        self.drop_unreported();
    }

    /// As [`drop_and_complete`](Self::drop_and_complete), where the record is not to say that the task was
    /// cancelled.
    pub(super) fn drop_unreported(self) {
        // SAFETY: the caller runs the task (RUNNING), so the future is there and its own.
        unsafe { (self.header().vtable.cancel)(self.0) };
        self.complete();
    }

    /// The output is stored: ends the executor's part. The caller runs the task.
    #[inline(always)]
    fn complete(self) {
        // Out of the list of living tasks while the task is certainly alive.
        self.scheduler().unbind(self);
        self.state().finish();
        self.hand_over_output();
    }
}
