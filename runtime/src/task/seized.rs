//! The tasks of a custom executor, which may close while other threads queue and run its tasks.
//!
//! `SingleThread` and `WorkStealing` close only when no other thread can run their tasks. While a custom
//! executor closes, another thread may have set QUEUED, but push the task only later. So the executor cannot
//! find all of its tasks in its queue. It goes through its list of living tasks: it *seizes* each task that
//! is not running, and aborts each task that is running. The queue may then still hold a seized task. Such a
//! task is RUNNING or DONE until its memory is freed, so running it does nothing.

use super::raw::RawTask;
use super::state::{RUNNING, Snapshot, Start, Writer};
use crate::trace::Probe;

impl Snapshot {
    /// Like [`start`](Self::start), but returns `None` if the closing executor has seized the task.
    pub(crate) fn start_unless_seized(self) -> (Snapshot, Option<Start>) {
        if self.has(RUNNING) || self.is_done() {
            (self, None)
        } else {
            let (next, answer) = self.start();
            (next, Some(answer))
        }
    }

    /// Like [`seize`](Self::seize), but also aborts the task if another thread is polling it.
    pub(crate) fn seize_or_abort(self) -> (Snapshot, bool) {
        match self.seize() {
            (_, false) => (self.abort().0, false),
            seized => seized,
        }
    }
}

impl RawTask {
    /// Like `Runnable::run`, but does nothing if the closing executor has seized the task. The caller must
    /// have the task's `Runnable`, and must keep the task alive during the call.
    pub(crate) fn run_unless_seized(self) {
        let writer = Writer::Shared;
        if let Some(start) = self.state().apply(writer, Snapshot::start_unless_seized) {
            self.turn(start, writer, &Probe::off());
        }
    }

    /// Cancels the task. If another thread is polling the task, it is cancelled when the poll ends.
    pub(crate) fn cancel_or_abort(self) {
        if self.state().apply(Writer::Shared, Snapshot::seize_or_abort) {
            self.drop_and_complete();
        }
    }
}
