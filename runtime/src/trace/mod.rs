//! Probes report events to the recorder. A probe is one line of code at a place where an event happens.
//!
//! Probes are off unless a builder enables recording. A probe that is off only tests one pointer.
//! `benches/recorder` compares the speed of a build with probes that are off to that of a build without
//! probes (`--cfg brigade_unrecorded`).

pub(crate) mod recorder;
#[cfg_attr(not(feature = "tracing"), path = "no_spans.rs")]
pub(crate) mod spans;

use std::sync::Arc;

use crate::task::raw::RawTask;
use crate::task::state::Wake;
use crate::trace::recorder::{Kind, MAIN, Recorder};

/// The executor's recorder, if it has one.
#[derive(Clone)]
pub(crate) struct Probe(Option<Arc<Recorder>>);

impl Probe {
    pub(crate) fn new(recorder: Option<Arc<Recorder>>) -> Self {
        Probe(recorder)
    }

    /// Returns a probe that records nothing.
    pub(crate) fn off() -> Self {
        Probe(None)
    }

    #[inline(always)]
    pub(crate) fn recorder(&self) -> Option<&Arc<Recorder>> {
        self.0.as_ref().filter(|_| !cfg!(brigade_unrecorded))
    }

    #[inline(always)]
    pub(crate) fn spawned(&self, task: RawTask, name: Option<&str>) {
        if let Some(recorder) = self.recorder() {
            recorder.spawned(task.number(), name);
        }
    }

    #[inline(always)]
    pub(crate) fn main_begins(&self, task: RawTask) {
        if let Some(recorder) = self.recorder() {
            recorder.spawned(task.number(), None);
            recorder.name(task.number(), MAIN);
        }
    }

    /// Calls `wake` and records the wake. The time is taken before the call, because the poll that follows
    /// may start immediately on another thread.
    #[inline(always)]
    pub(crate) fn wake(&self, task: RawTask, wake: impl FnOnce() -> Wake) -> Wake {
        match self.recorder() {
            None => wake(),
            Some(recorder) => recorded_wake(recorder, task, wake),
        }
    }

    #[inline(always)]
    pub(crate) fn aborted(&self, task: RawTask) {
        if let Some(recorder) = self.recorder() {
            recorder.report_by(Kind::Abort, 0, task.number());
        }
    }

    #[inline(always)]
    pub(crate) fn joined(&self, task: RawTask) {
        if let Some(recorder) = self.recorder() {
            recorder.report_join(task.number());
        }
    }

    #[inline(always)]
    pub(crate) fn cancelled(&self, task: RawTask) {
        if let Some(recorder) = self.recorder() {
            recorder.report(Kind::Cancel, 0, task.number(), 0);
        }
    }

    /// Records that the task is stranded, if no waker of the task is left after a poll that returned
    /// `Pending`.
    #[inline(always)]
    pub(crate) fn pended(&self, task: RawTask) {
        if let Some(recorder) = self.recorder() {
            if task.is_unwakeable() {
                recorder.report(Kind::Stranded, 0, task.number(), 0);
            }
        }
    }

    #[inline(always)]
    pub(crate) fn poll_begins(&self, task: RawTask) {
        if let Some(recorder) = self.recorder() {
            recorder.poll_begins(task.number());
        }
    }

    #[inline(always)]
    pub(crate) fn poll_ended(&self, task: RawTask, how: u8) {
        if let Some(recorder) = self.recorder() {
            recorder.poll_ended(task.number(), how);
        }
    }

    /// Records the beginning of a poll of the main future. Dropping the returned value records the end.
    #[inline(always)]
    pub(crate) fn main_poll(&self, task: RawTask) -> MainPoll<'_> {
        self.poll_begins(task);
        MainPoll {
            probe: self,
            task,
            how: PANICKED,
        }
    }

    /// Stops attributing this thread's events to the polled task. The task may already be freed.
    #[inline(always)]
    pub(crate) fn turn_ended(&self) {
        if let Some(recorder) = self.recorder() {
            recorder.turn_ended();
        }
    }
}

/// A poll of the main future. A panic of this future is not caught, so the end of the poll is recorded by a
/// destructor.
pub(crate) struct MainPoll<'a> {
    probe: &'a Probe,
    task: RawTask,
    pub(crate) how: u8,
}

/// The outcome of a poll that panicked, for `Probe::poll_ended`.
const PANICKED: u8 = 2;

impl Drop for MainPoll<'_> {
    #[inline(always)]
    fn drop(&mut self) {
        self.probe.poll_ended(self.task, self.how);
        if self.how == PANICKED {
            self.probe.turn_ended();
        }
    }
}

#[cold]
#[inline(never)]
fn recorded_wake(recorder: &Recorder, task: RawTask, wake: impl FnOnce() -> Wake) -> Wake {
    let at = recorder.now();
    let answer = wake();
    recorder.report_wake(at, answer as u8, task.number());
    answer
}
