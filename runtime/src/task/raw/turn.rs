//! The executor's side of a task: admit it, give it its turn, end it.
//!
//! **Job.** What follows from a poll: after [`Runnable::run`] the task is idle, queued again, or
//! complete, and whoever awaits it is told. The main future of a `block_on`, which lives elsewhere, has
//! a task here too, so that it is queued and woken like any other.
//!
//! **Owns** nothing. While a task is RUNNING, its future is the caller's; after COMPLETE nobody here
//! touches it, but for what the answer of the arrow `complete` left to the executor.
//!
//! **Never** lets a panic of the future out: `task::cell` has made an output of it. **Never** takes a
//! task from a queue: what comes in was taken out, which is what a [`Runnable`] says.

use std::mem::ManuallyDrop;
use std::task::{Context, Poll};

use super::super::cell::{self, Polled};
use super::super::home::{Access, HomeRef};
use super::super::letter::Letter;
use super::super::state::{Complete, Pend, Snapshot, Start, Writer};
use super::super::waker;
use super::{RawTask, Runnable};
use crate::recorder::{Kind, Recorder};
use crate::sync::Ordering;

impl RawTask {
    /// The task that stands for the main future of a `block_on`: queued and woken like any other,
    /// but its future is elsewhere, so it is never run, only [`start`](Runnable::start)ed and
    /// [`pend`](Self::pend)ed by the executor that owns it, and in the end
    /// [`end_main`](Self::end_main)ed.
    pub(crate) fn new_main(home: HomeRef) -> Runnable {
        let never = std::future::pending::<()>();
        let task = cell::allocate(never, home.into_raw(), Snapshot::MAIN);
        Runnable(RawTask(task))
    }

    /// The main future is done or unwinding: from here on its wakers do nothing. The caller has
    /// taken the task out of the run queue.
    pub(crate) fn end_main(self) {
        // Refused if the main future is being polled at this moment and panics: it runs already.
        let _ = self.state().apply(self.writer(), Snapshot::seize);
        // SAFETY: refused or not, nobody else runs the task, and its future, which does nothing, is
        // there.
        unsafe { (self.header().vtable.cancel)(self.0) };
        self.finish();
    }

    /// Polls a main future, and tells the recorder, if there is one.
    pub(crate) fn report_poll<T>(&self, poll: impl FnOnce() -> Poll<T>) -> Poll<T> {
        match self.home().recorder() {
            None => poll(),
            Some(recorder) => self.poll_on_record(recorder, poll),
        }
    }

    #[cold]
    #[inline(never)]
    fn poll_on_record<T>(&self, recorder: &Recorder, poll: impl FnOnce() -> Poll<T>) -> Poll<T> {
        recorder.poll_begins(self.number());
        let polled = poll();
        recorder.poll_ended(self.number(), u8::from(polled.is_ready()));
        recorder.turn_ended();
        polled
    }

    /// Its index in the registry of its executor. The caller is that executor.
    pub(crate) fn registry_index(&self) -> u32 {
        self.header().registry_index.with_mut(|index| {
            // SAFETY: only the executor that admitted the task reads or writes the index, and
            // admitting and forgetting a task follow one another.
            unsafe { *index }
        })
    }

    /// Writes the index. The caller is the executor that admits the task.
    pub(crate) fn set_registry_index(&self, to: u32) {
        self.header().registry_index.with_mut(|index| {
            // SAFETY: as in `registry_index`.
            unsafe { *index = to }
        });
    }

    /// After a poll that was not ready; see [`Pend`].
    pub(crate) fn pend(self) -> Pend {
        self.state().apply(self.writer(), Snapshot::pend)
    }

    /// Whether nobody is left who could wake the task. The caller has polled it and it is not ready.
    pub(super) fn is_stranded(self) -> bool {
        // One reference stands for executor and handle; each waker has one of its own, and the one
        // that was lent to the poll is not counted. Acquire pairs with the Release in `release`: who
        // gave a waker back after waking has set QUEUED before.
        self.header().refs.load(Ordering::Acquire) == 1 && !self.state().load().is_queued()
    }

    /// Drops the future. The caller runs the task.
    fn drop_future(self) {
        if let Some(recorder) = self.home().recorder() {
            recorder.report(Kind::Cancel, 0, self.number(), 0);
        }
        // SAFETY: the caller runs the task (RUNNING), so the future is there and its own.
        unsafe { (self.header().vtable.cancel)(self.0) };
    }

    /// The output is stored: tell whoever waits, and end the executor's claim.
    // Where nobody waits yet it is one write, which is compiled into the turn.
    #[inline(always)]
    fn finish(self) {
        let writer = self.writer();
        match self.state().apply(writer, Snapshot::complete) {
            Complete::LeaveToHandle => {}
            Complete::WakeJoiner => self.wake_joiner(writer),
            Complete::DropOutput => self.drop_output(),
        }
    }

    #[inline(never)]
    fn wake_joiner(self, writer: Writer) {
        // JOINER was set when COMPLETE was, so the slot is the executor's.
        if let Some(joiner) = self.empty_slot() {
            joiner.wake();
        }
        if self.state().apply(writer, Snapshot::retire) {
            self.release();
        }
    }

    #[inline(never)]
    fn drop_output(self) {
        // SAFETY: no handle is left, so the output is the executor's.
        unsafe { (self.header().vtable.drop_output)(self.0) };
        self.release();
    }

    /// The executor closes: cancels the task unless it is complete.
    pub(crate) fn shut_down(self) {
        if self.state().apply(self.writer(), Snapshot::seize) {
            self.drop_future();
            self.home().scheduler().forget(self);
            self.finish();
        }
    }
}

impl Runnable {
    /// QUEUED becomes RUNNING.
    pub(crate) fn start(self) -> Start {
        self.0.state().apply(self.0.writer(), Snapshot::start)
    }

    /// Polls the task once, or cancels it, and does what follows from that.
    pub(crate) fn run(self) {
        // Of its own: the turn may free the task, and with it the home.
        let recorder = self.0.home().recorder().cloned();
        self.run_recorded(recorder.as_deref());
    }

    /// As [`run`](Self::run), for who has asked the home for its recorder before, once for all tasks.
    #[inline]
    pub(crate) fn run_recorded(self, recorder: Option<&Recorder>) {
        // Two turns: the one without a recorder is compiled without a word about it.
        match recorder.filter(|_| !cfg!(brigade_unrecorded)) {
            None => self.turn(None),
            Some(recorder) => self.turn_on_record(recorder),
        }
    }

    #[cold]
    #[inline(never)]
    fn turn_on_record(self, recorder: &Recorder) {
        self.turn(Some(recorder));
        recorder.turn_ended();
    }

    #[inline(always)]
    fn turn(self, recorder: Option<&Recorder>) {
        let task = self.0;
        let writer = task.writer();
        match task.state().apply(writer, Snapshot::start) {
            Start::Cancel => task.drop_future(),
            Start::Poll => {
                // A waker that is not counted: the executor's claim outlives the poll.
                let waker = ManuallyDrop::new(waker::borrowed(task));
                let mut cx = Context::from_waker(&waker);
                if let Some(recorder) = recorder {
                    recorder.poll_begins(task.number());
                }
                // SAFETY: RUNNING was set just now: the future is there and this thread's.
                let polled = unsafe { (task.header().vtable.poll)(task.0, &mut cx) };
                if let Some(recorder) = recorder {
                    recorder.poll_ended(task.number(), polled as u8);
                    if polled == Polled::Pending && task.is_stranded() {
                        recorder.report(Kind::Stranded, 0, task.number(), 0);
                    }
                }
                if polled == Polled::Pending {
                    match task.state().apply(writer, Snapshot::pend) {
                        Pend::Idle => return,
                        Pend::Requeue => {
                            return task.home().scheduler().reschedule(Runnable(task));
                        }
                        Pend::Cancel => task.drop_future(),
                    }
                }
            }
        }
        task.home().scheduler().forget(task);
        task.finish();
    }

    /// Drops the future unpolled: the executor would not admit the task.
    pub(crate) fn cancel(self) {
        let task = self.0;
        if task.state().apply(task.writer(), Snapshot::seize) {
            task.drop_future();
            task.finish();
        }
    }

    /// Hands a newborn task to its executor.
    pub(crate) fn admit(self) {
        let task = self.0;
        let refused = match task.home().access() {
            Access::Owner | Access::Shared => task.home().scheduler().admit(self),
            Access::Foreign => {
                task.home().scheduler().post(Letter::spawn(self));
                Ok(())
            }
        };
        if let Err(task) = refused {
            task.cancel();
        }
    }
}
