//! The task as wakers, executors and handles see it: what everybody may do, from any thread.
//!
//! **Job.** Carry out the arrows of `task::state` on a [`Header`], and do what their answers say.
//! An operation that may come from any thread asks [`Home::access`](super::home::Home::access)
//! first: on the owner's thread it writes plainly, in a shared home by compare-and-swap, and from
//! a foreign thread it writes a [`Letter`]. (A handle asks before that whether the task is RETIRED.) Here stand wake, abort and the count of references; what
//! only an executor does is in [`turn`], what only a handle does in [`joining`].
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

pub(crate) mod turn;
pub(crate) mod joining;

use std::future::Future;
use std::mem::ManuallyDrop;
use std::ptr::NonNull;

use super::cell::{self, ABORT_POSTED, Header, WAKE_POSTED, drop_quietly};
use super::home::{Access, Home, HomeRef};
use super::id::Id;
use super::letter::Letter;
use super::state::{Snapshot, State, Wake, Writer};
use super::waker::Joiner;
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

    /// How an executor may write the state, or a letter that is carried out: both are on the thread of the
    /// home, or on any, if it has none (any more).
    #[inline(always)]
    fn writer(&self) -> Writer {
        let access = self.home().access();
        debug_assert!(access != Access::Foreign);
        match access {
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
            self.free();
        }
    }

    /// Ends the task's memory. The caller has ended the last reference.
    #[inline(never)]
    fn free(self) {
        let home = self.header().home;
        // Who completed the task has emptied it. The models see by this that nobody is at it any more.
        let left = self.empty_slot();
        debug_assert!(left.is_none());
        drop(left);
        // SAFETY: the last reference ended. Executor and handle have ended their claims, so future and
        // output are gone.
        unsafe { (self.header().vtable.free)(self.0) };
        // SAFETY: the header's reference of the home, which `new` put there.
        drop(unsafe { HomeRef::from_raw(home) });
    }

    /// Takes the waker out of the slot. The slot is the caller's.
    fn empty_slot(self) -> Option<Joiner> {
        self.header().joiner.with_mut(|slot| {
            // SAFETY: passed on from the caller.
            unsafe { (*slot).take() }
        })
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
