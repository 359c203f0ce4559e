//! The task as executors, wakers and handles see it: every operation, for whoever calls.
//!
//! **Job.** Carry out the arrows of `task::state` on a [`Header`], and do what their answers say.
//! An operation that may come from any thread asks [`Home::access`](super::home::Home::access)
//! first: on the owner's thread it writes plainly, in a shared home by compare-and-swap, and from
//! a foreign thread it writes a [`Letter`].
//!
//! **Owns** nothing: whose the parts of a task are, the state word says.
//!
//! **Evidence.** The types say what the holder may do:
//!
//! - [`RawTask`]: a bare pointer. It proves nothing; each use says why the task is alive.
//! - [`TaskRef`]: a counted reference. The task is alive.
//! - [`Runnable`]: the task is QUEUED, and the holder has taken it out of its queue: it may run
//!   it, once. There is never more than one.
//!
//! **Never** decides when a task runs.
//!
//! At a first reading, skip whatever says *recorder*, *record* or *report*: it writes down what happens
//! and changes nothing of it.
//!
//! ---
//!
//! *Stop 5 of 42.*
//! *Previous: [`task::cell`](crate::task::cell); next: [`task::waker`](crate::task::waker).*

use std::future::Future;
use std::mem::ManuallyDrop;
use std::ptr::NonNull;
use std::task::{Context, Poll, Waker};

use super::cell::{self, ABORT_POSTED, Header, Polled, WAKE_POSTED, drop_quietly};
use super::home::{Access, Home, HomeRef};
use super::id::Id;
use super::letter::Letter;
use super::state::{Complete, Detach, Join, Pend, Snapshot, Start, State, Wake, Writer};
use super::waker::{self, Joiner, JoinerSlot, wake_quietly};
use crate::recorder::{Kind, Recorder};
use crate::sync::Ordering;

/// A pointer to a task. Whoever uses it knows why the task is alive.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct RawTask(pub(super) NonNull<Header>);

// SAFETY: a pointer alone gives no access: the operations below check the thread (`access`) before
// they touch what is bound to one.
unsafe impl Send for RawTask {}
// SAFETY: as above.
unsafe impl Sync for RawTask {}

/// A task that was taken out of a run queue and may be run by the holder.
///
/// The executor's claim keeps it alive. Forgetting one is a lost task, so it must be used.
#[must_use = "a task that was taken out of its queue must be run or queued again"]
#[derive(PartialEq, Eq)]
pub(crate) struct Runnable(RawTask);

/// A counted reference to a task.
pub(crate) struct TaskRef(RawTask);

impl RawTask {
    /// Makes a task, not yet admitted: the answer is the executor's claim and the handle's.
    pub(crate) fn new<F: Future>(future: F, home: HomeRef) -> (Runnable, RawTask) {
        let task = RawTask(cell::allocate(future, home.into_raw(), Snapshot::SPAWNED));
        (Runnable(task), task)
    }

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

    #[inline(always)]
    fn header(&self) -> &Header {
        // SAFETY: whoever holds a `RawTask` knows that the task is alive. What is in the header is
        // immutable, atomic, or in a cell of its own.
        unsafe { self.0.as_ref() }
    }

    #[inline(always)]
    pub(crate) fn home(&self) -> &Home {
        // SAFETY: the header holds a counted reference of the home.
        unsafe { self.header().home.as_ref() }
    }

    #[inline(always)]
    pub(super) fn state(&self) -> &State {
        &self.header().state
    }

    /// How this thread may write the state. It is foreign only where the task is RETIRED: then the word
    /// is the handle's alone, which is here.
    #[inline(always)]
    fn writer(&self) -> Writer {
        match self.home().access() {
            Access::Shared => Writer::OneOfMany,
            Access::Owner | Access::Foreign => Writer::Sole,
        }
    }

    pub(crate) fn id(&self) -> Id {
        self.header().id.unpack()
    }

    /// The number of its id, as the recorder writes it.
    pub(crate) fn number(&self) -> u64 {
        self.id().number()
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

    /// Tells the recorder, if there is one, that the task was spawned, and its name.
    #[inline(always)]
    pub(crate) fn report_spawn(&self, name: Option<&str>) {
        if let Some(recorder) = self.home().recorder() {
            self.spawn_on_record(recorder, name);
        }
    }

    #[cold]
    #[inline(never)]
    fn spawn_on_record(&self, recorder: &Recorder, name: Option<&str>) {
        if let Some(name) = name {
            recorder.name(self.number(), name);
        }
        recorder.report_by(Kind::Spawn, 0, self.number());
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

    // ---- wake and abort: from any thread -------------------------------------------------------

    /// Makes the task run again. What the caller did before happens before that poll.
    #[inline]
    pub(crate) fn wake_by_ref(self) {
        let writer = match self.home().access() {
            Access::Owner => Writer::Sole,
            Access::Shared => Writer::OneOfMany,
            Access::Foreign => return self.wake_from_afar(),
        };
        let answer = match self.home().recorder() {
            None => self.state().apply(writer, Snapshot::wake),
            Some(recorder) => self.wake_on_record(writer, recorder),
        };
        if answer == Wake::Submit {
            self.home().scheduler().schedule(Runnable(self));
        }
    }

    // Apart, so that the way without a recorder is short enough to be compiled into its callers.
    #[cold]
    #[inline(never)]
    fn wake_on_record(self, writer: Writer, recorder: &Recorder) -> Wake {
        // The wake comes before the poll that it leads to, perhaps on another thread.
        let at = recorder.now();
        let answer = self.state().apply(writer, Snapshot::wake);
        recorder.report_wake(at, answer as u8, self.number());
        answer
    }

    #[cold]
    fn wake_from_afar(self) {
        // One letter in the box is enough for any number of wakes: the owner clears the flag, and
        // acquires with that what every waker released, before it wakes the task.
        let first = !self.state().load().is_complete()
            && self.header().posted.fetch_or(WAKE_POSTED, Ordering::AcqRel) & WAKE_POSTED == 0;
        if let Some(recorder) = self.home().recorder() {
            let answer = if first { Wake::Submit } else { Wake::Nothing };
            recorder.report_wake(recorder.now(), answer as u8, self.number());
        }
        if first {
            let letter = Letter::wake(self.to_ref());
            self.home().scheduler().post(letter);
        }
    }

    /// A letter of `wake_from_afar` has come.
    pub(super) fn receive_wake(self) {
        self.header()
            .posted
            .fetch_and(!WAKE_POSTED, Ordering::AcqRel);
        // It was reported where it was called.
        if self.state().apply(self.writer(), Snapshot::wake) == Wake::Submit {
            self.home().scheduler().schedule(Runnable(self));
        }
    }

    /// Asks for an end: the future is dropped instead of polled, when it is next the executor's
    /// turn. No effect on a complete task.
    pub(crate) fn abort(self) {
        if let Some(recorder) = self.home().recorder() {
            recorder.report_by(Kind::Abort, 0, self.number());
        }
        let writer = match self.home().access() {
            Access::Owner => Writer::Sole,
            Access::Shared => Writer::OneOfMany,
            Access::Foreign => {
                if !self.state().load().is_complete()
                    && self
                        .header()
                        .posted
                        .fetch_or(ABORT_POSTED, Ordering::Relaxed)
                        & ABORT_POSTED
                        == 0
                {
                    let letter = Letter::abort(self.to_ref());
                    self.home().scheduler().post(letter);
                }
                return;
            }
        };
        if self.state().apply(writer, Snapshot::abort) == Wake::Submit {
            self.home().scheduler().schedule(Runnable(self));
        }
    }

    // ---- the executor's side -------------------------------------------------------------------

    /// After a poll that was not ready; see [`Pend`].
    pub(crate) fn pend(self) -> Pend {
        self.state().apply(self.writer(), Snapshot::pend)
    }

    /// Whether nobody is left who could wake the task. The caller has polled it and it is not ready.
    fn is_stranded(self) -> bool {
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
    fn finish(self) {
        let writer = self.writer();
        match self.state().apply(writer, Snapshot::complete) {
            Complete::LeaveToHandle => {}
            Complete::WakeJoiner => {
                // JOINER was set when COMPLETE was, so the slot is the executor's.
                if let Some(joiner) = self.empty_slot() {
                    joiner.wake();
                }
                if self.state().apply(writer, Snapshot::retire) {
                    self.release();
                }
            }
            Complete::DropOutput => {
                // SAFETY: no handle is left, so the output is the executor's.
                unsafe { (self.header().vtable.drop_output)(self.0) };
                self.release();
            }
        }
    }

    /// The executor closes: cancels the task unless it is complete.
    pub(crate) fn shut_down(self) {
        if self.state().apply(self.writer(), Snapshot::seize) {
            self.drop_future();
            self.home().scheduler().forget(self);
            self.finish();
        }
    }

    // ---- the handle's side ---------------------------------------------------------------------

    pub(super) fn is_finished(self) -> bool {
        self.state().load().is_complete()
    }

    /// Whether the output is there; if not, `waker` is called when it is. The caller is the
    /// task's handle.
    #[inline]
    pub(super) fn poll_join(self, waker: &Waker) -> Poll<()> {
        let writer = match self.home().access() {
            Access::Owner => Writer::Sole,
            Access::Shared => Writer::OneOfMany,
            Access::Foreign => {
                if self.state().load().is_retired() {
                    return Poll::Ready(());
                }
                let letter = Letter::join(self.to_ref(), waker.clone());
                self.home().scheduler().post(letter);
                return Poll::Pending;
            }
        };
        if let Some(recorder) = self.home().recorder() {
            recorder.report_join(self.number());
        }
        // A stranger's waker may panic when it is cloned: then the poll does, and the slot is empty
        // or whole.
        self.join_as(writer, |slot| slot.set(waker)).map(drop)
    }

    /// `fill` puts a waker into the slot and takes out what was there. If the task turns out to be
    /// complete after that, the waker comes back.
    fn join_as(
        self,
        writer: Writer,
        fill: impl FnOnce(&mut JoinerSlot) -> Option<Joiner>,
    ) -> Poll<Option<Joiner>> {
        if self.state().apply(writer, Snapshot::reclaim_slot) == Join::Complete {
            return Poll::Ready(None);
        }
        let old = self.header().joiner.with_mut(|slot| {
            // SAFETY: JOINER is clear, so until the offer the slot is the handle's.
            fill(unsafe { &mut *slot })
        });
        drop(old);
        match self.state().apply(writer, Snapshot::offer_slot) {
            Join::Wait => Poll::Pending,
            Join::Complete => Poll::Ready(self.empty_slot()),
        }
    }

    /// Takes the waker out of the slot. The slot is the caller's.
    fn empty_slot(self) -> Option<Joiner> {
        self.header().joiner.with_mut(|slot| {
            // SAFETY: passed on from the caller.
            unsafe { (*slot).take() }
        })
    }

    /// A letter of a handle on another thread, which waits, has come.
    pub(super) fn receive_joiner(self, waker: Waker) {
        let mut waker = Some(waker);
        let joined = self.join_as(self.writer(), |slot| {
            slot.put(waker.take().expect("the slot is filled once"))
        });
        // Ready also where the handle has been dropped meanwhile: a wake too many.
        if let Poll::Ready(came_back) = joined {
            if let Some(joiner) = came_back {
                joiner.wake();
            }
            if let Some(waker) = waker {
                wake_quietly(waker);
            }
        }
    }

    /// Moves the output to `into`, a `*mut Result<T, JoinError>`, unless it was taken before. The
    /// caller is the handle and has seen `poll_join` answer `Ready`.
    ///
    /// # Safety
    /// `into` points to room for the output of this very task.
    pub(super) unsafe fn take_output(self, into: *mut ()) -> bool {
        let there = self.state().apply(self.writer(), Snapshot::take);
        if there {
            // SAFETY: TAKEN was set just now, so the output is this caller's.
            unsafe { (self.header().vtable.read_output)(self.0, into) };
        }
        there
    }

    /// The handle is dropped: on the thread of the task, or on any thread of a shared home, or
    /// anywhere once the task is retired; otherwise by letter.
    pub(super) fn detach(self) {
        if self.home().access() == Access::Foreign && !self.state().load().is_retired() {
            self.home().scheduler().post(Letter::detach(self));
        } else {
            self.detach_as(self.writer());
        }
    }

    fn detach_as(self, writer: Writer) {
        loop {
            match self.state().apply(writer, Snapshot::detach) {
                Detach::OutputFirst => {
                    if self.state().apply(writer, Snapshot::take) {
                        // SAFETY: TAKEN was set just now, so the output is this caller's.
                        unsafe { (self.header().vtable.drop_output)(self.0) };
                    }
                }
                Detach::SlotFirst => drop(self.empty_slot()),
                Detach::Release => return self.release(),
                Detach::Nothing => return,
            }
        }
    }

    // ---- references ----------------------------------------------------------------------------

    /// One more reference.
    #[inline]
    pub(crate) fn to_ref(self) -> TaskRef {
        // Relaxed: whoever asks knows that the task is alive.
        let before = self.header().refs.fetch_add(1, Ordering::Relaxed);
        if before > u32::MAX / 2 {
            // Two thousand million forgotten wakers: counting on would wrap and free the task
            // under somebody's hands.
            std::process::abort();
        }
        TaskRef(self)
    }

    /// Ends one reference, which the caller owns; with the last of them the task's memory.
    #[inline]
    pub(super) fn release(self) {
        // If only one is left it is the caller's, and nobody can make another: no need to write.
        // Acquire and Release: what all others did with the task comes before its end.
        if self.header().refs.load(Ordering::Acquire) == 1
            || self.header().refs.fetch_sub(1, Ordering::Release) == 1
        {
            // Acquire pairs with the Release of all the others. A load and not a fence, which
            // ThreadSanitizer does not know.
            self.header().refs.load(Ordering::Acquire);
            let home = self.header().home;
            // Empty, unless a waker panicked when it was cloned. Here and not with the memory, so that
            // the models see that nobody is at the slot any more.
            drop(self.empty_slot());
            // SAFETY: the last reference ends here. Executor and handle have ended their claims,
            // so future and output are gone.
            unsafe { (self.header().vtable.free)(self.0) };
            // SAFETY: the header's reference of the home, which `new` put there.
            drop(unsafe { HomeRef::from_raw(home) });
        }
    }
}

impl RawTask {
    /// For a place that holds one task in an atomic.
    pub(crate) fn into_ptr(self) -> *mut Header {
        self.0.as_ptr()
    }

    /// What `into_ptr` gave; `None` for null.
    pub(crate) fn from_ptr(task: *mut Header) -> Option<Self> {
        NonNull::new(task).map(RawTask)
    }
}

impl Runnable {
    /// The task, to compare it or to store it; the right to run it is given up with it, and taken
    /// again with `from_queue`.
    pub(crate) fn into_queue(self) -> RawTask {
        self.0
    }

    /// Takes a task out of a queue again.
    pub(crate) fn from_queue(task: RawTask) -> Self {
        Runnable(task)
    }

    pub(crate) fn raw(&self) -> RawTask {
        self.0
    }

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

impl TaskRef {
    pub(crate) fn raw(&self) -> RawTask {
        self.0
    }

    /// Gives the reference to a raw waker.
    pub(super) fn into_raw(self) -> RawTask {
        ManuallyDrop::new(self).0
    }

    /// Takes it back. The caller owns one reference of `task`.
    pub(super) fn from_raw(task: RawTask) -> Self {
        TaskRef(task)
    }
}

impl Clone for TaskRef {
    fn clone(&self) -> Self {
        self.0.to_ref()
    }
}

impl Drop for TaskRef {
    fn drop(&mut self) {
        self.0.release();
    }
}

/// Drops a value of the user, whose panic would reach nobody.
pub(crate) fn drop_value<T>(value: T) {
    drop_quietly(value);
}

#[cfg(test)]
mod tests;
