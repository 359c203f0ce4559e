//! Wake, abort and references: the operations on a task that any thread may use.
//!
//! A task of `SingleThread` is bound to its thread. Only that thread writes the task; any other thread
//! sends a [`RemoteOp`]. An unbound task is written by compare-and-swap. [`SchedulerRef::writer`] tells
//! which applies. `task::run` contains the executor's operations, and `task::join` the handle's.
//!
//! The types express the rights of their holder: see [`TaskRef`], [`Runnable`] and [`Unbound`].

use std::mem::ManuallyDrop;
use std::ptr::NonNull;

use super::cell::Header;
use super::id::Id;
use super::scheduler_ref::SchedulerRef;
use super::state::{Snapshot, State, Wake, Writer};
use crate::sync::Ordering;

/// A pointer to a task, for the types in this folder. Each of these types keeps its task alive.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct RawTask(pub(super) NonNull<Header>);

// SAFETY: a pointer alone gives no access: the operations below ask for the `writer` before they touch
// data that is bound to a thread.
unsafe impl Send for RawTask {}
// SAFETY: as for `Send`.
unsafe impl Sync for RawTask {}

/// The right to run a QUEUED task once. There is never more than one; queues take and return it.
///
/// The executor's hold keeps the task alive. If a `Runnable` is forgotten, its task is never run. A
/// closing executor may forget them, because it cancels all tasks on its list.
#[must_use = "a task that was taken out of its queue must be run or queued again"]
#[derive(PartialEq, Eq)]
pub(crate) struct Runnable(RawTask);

/// A task that no executor has taken yet. Dropping it cancels the task.
pub(crate) struct Unbound(RawTask);

/// A counted reference, which keeps the task alive. A raw waker owns one too.
pub(crate) struct TaskRef(pub(super) RawTask);

impl RawTask {
    #[inline(always)]
    pub(super) fn header(&self) -> &Header {
        // SAFETY: the holder of a `RawTask` keeps the task alive. The fields of the header are
        // immutable, atomic, or in a cell of their own.
        unsafe { self.0.as_ref() }
    }

    #[inline(always)]
    pub(super) fn scheduler(&self) -> &SchedulerRef {
        &self.header().scheduler
    }

    #[inline(always)]
    pub(super) fn state(&self) -> &State {
        &self.header().state
    }

    /// Returns how the executor writes the state. It is on the task's thread, or the task is not bound.
    #[inline(always)]
    pub(crate) fn own_writer(&self) -> Writer {
        let writer = self.scheduler().writer();
        debug_assert!(
            writer.is_some(),
            "an executor is on the thread of its tasks"
        );
        writer.unwrap_or(Writer::Owner)
    }

    pub(crate) fn id(&self) -> Id {
        self.header().id.get()
    }

    pub(crate) fn number(&self) -> u64 {
        self.id().number()
    }

    /// Makes the task run again. The next poll sees what the caller did before.
    #[inline(always)]
    pub(super) fn wake_by_ref(self) {
        let Some(writer) = self.scheduler().writer() else {
            return self.send_wake();
        };
        let wake = || self.state().apply(writer, Snapshot::wake);
        self.follow(self.scheduler().probe().wake(self, wake));
    }

    /// Does what the answer of a wake or an abort requires.
    #[inline(always)]
    fn follow(self, answer: Wake) {
        if answer == Wake::Submit {
            // SAFETY: the transition set QUEUED.
            let task = unsafe { Runnable::new(self) };
            self.scheduler().schedule(task);
        }
    }

    #[cold]
    fn send_wake(self) {
        let send = || match !self.state().load().is_done() && self.header().join.send_wake() {
            true => Wake::Submit,
            false => Wake::Nothing,
        };
        if self.scheduler().probe().wake(self, send) == Wake::Submit {
            self.scheduler().post(RemoteOp::Wake(self.to_ref()));
        }
    }

    /// Handles the message from `send_wake`. The sender has recorded the wake already.
    pub(super) fn receive_wake(self) {
        // Clear the flag first, so that a later wake sends another message.
        self.header().join.receive_wake();
        self.follow(self.state().apply(self.own_writer(), Snapshot::wake));
    }

    /// Makes the executor drop the future instead of polling it again. Has no effect on a task that is
    /// done.
    pub(crate) fn abort(self) {
        self.scheduler().probe().aborted(self);
        if let Some(writer) = self.scheduler().writer() {
            self.follow(self.state().apply(writer, Snapshot::abort));
        } else if !self.state().load().is_done() && self.header().join.send_abort() {
            self.scheduler().post(RemoteOp::Abort(self.to_ref()));
        }
    }

    #[inline]
    pub(crate) fn to_ref(self) -> TaskRef {
        // Relaxed: the caller keeps the task alive.
        let before = self.header().refs.fetch_add(1, Ordering::Relaxed);
        if before > u32::MAX / 2 {
            // More than 2^31 wakers were forgotten. If the count wrapped, the task would be freed while
            // it is in use.
            std::process::abort();
        }
        TaskRef(self)
    }

    /// Ends a reference that the caller owns. If it was the last, frees the task's memory.
    #[inline]
    pub(super) fn release(self) {
        // If one reference is left, it is the caller's. No thread can make another, so no write is
        // needed. Acquire and Release: what all others did with the task comes before its end.
        if self.header().refs.load(Ordering::Acquire) == 1
            || self.header().refs.fetch_sub(1, Ordering::Release) == 1
        {
            // Acquire pairs with the Release of all others. It is a load and not a fence, because
            // ThreadSanitizer does not support fences.
            self.header().refs.load(Ordering::Acquire);
            // SAFETY: the last reference ended. Executor and handle have ended their hold, so future
            // and output are gone.
            unsafe { (self.header().vtable.free)(self.0) };
        }
    }

    /// Returns whether nothing is left that could wake the task. The caller has polled the task, which is
    /// not ready.
    pub(crate) fn is_unwakeable(self) -> bool {
        // One reference stands for executor and handle, and each waker has its own. The waker lent to
        // the poll is not counted. Acquire pairs with the Release in `release`: a waker that was dropped
        // after a wake has set QUEUED before.
        self.header().refs.load(Ordering::Acquire) == 1 && !self.state().load().is_queued()
    }

    /// Returns the task's index in the list of living tasks. Only its executor calls this.
    pub(crate) fn owned_index(self) -> u32 {
        self.header().owned_index.with_mut(|index| {
            // SAFETY: only the executor that binds the task reads or writes the index, and binding and
            // unbinding do not overlap.
            unsafe { *index }
        })
    }

    /// Writes the index. Only the task's executor calls this.
    pub(crate) fn set_owned_index(self, to: u32) {
        self.header().owned_index.with_mut(|index| {
            // SAFETY: as in `owned_index`.
            unsafe { *index = to }
        });
    }
}

impl Runnable {
    /// # Safety
    /// The task is QUEUED, and no other `Runnable` of it exists.
    pub(super) unsafe fn new(task: RawTask) -> Self {
        Runnable(task)
    }

    pub(crate) fn raw(&self) -> RawTask {
        self.0
    }

    /// Turns the right into a pointer, for a slot that holds one task in an atomic.
    pub(crate) fn into_ptr(self) -> *mut Header {
        self.0.0.as_ptr()
    }

    /// Takes back a pointer that `into_ptr` returned. Returns `None` for null.
    ///
    /// # Safety
    /// The pointer is null, or came from `into_ptr` and is taken back only once.
    pub(crate) unsafe fn from_ptr(task: *mut Header) -> Option<Self> {
        NonNull::new(task).map(|task| Runnable(RawTask(task)))
    }
}

impl Unbound {
    /// # Safety
    /// The same as for [`Runnable`], and no executor has bound the task.
    pub(super) unsafe fn new(task: RawTask) -> Self {
        Unbound(task)
    }

    pub(crate) fn raw(&self) -> RawTask {
        self.0
    }

    #[inline(always)]
    pub(crate) fn bind(self) -> Runnable {
        Runnable(ManuallyDrop::new(self).0)
    }
}

impl Drop for Unbound {
    /// Cancels the task, which no executor has taken.
    fn drop(&mut self) {
        self.0.cancel();
    }
}

impl TaskRef {
    pub(crate) fn raw(&self) -> RawTask {
        self.0
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

/// An operation that another thread requests for a task bound to its owner thread. It goes into the
/// owner's inbox, and the owner runs it when it next empties the inbox. An operation is dropped only if
/// the executor is closed. Then its tasks are done, and a new task is cancelled.
pub(crate) enum RemoteOp {
    /// Wake the task.
    Wake(TaskRef),
    /// Cancel the task.
    Abort(TaskRef),
    /// Take the new task.
    Spawn(Unbound),
}

// SAFETY: the task of an operation is bound to a thread, and its future may be `!Send`. The operation is
// run on that thread. If it is dropped elsewhere, a wake or an abort touches only the reference count.
// The future of a new task is dropped, but `Handle::spawn` requires it to be `Send`.
unsafe impl Send for RemoteOp {}

impl RemoteOp {
    /// Carries the operation out. The caller is the owner thread.
    #[inline]
    pub(crate) fn run(self) {
        match self {
            RemoteOp::Wake(task) => task.raw().receive_wake(),
            RemoteOp::Abort(task) => {
                let task = task.raw();
                task.follow(task.state().apply(Writer::Owner, Snapshot::abort));
            }
            RemoteOp::Spawn(task) => {
                let raw = task.raw();
                raw.scheduler().bind(task);
            }
        }
    }
}

#[cfg(test)]
mod tests;
