//! Wake, abort and references: the operations on a task that any thread may use.
//!
//! A task of `SingleThread` is bound to the executor's thread. Only that thread writes the task's state; any
//! other thread sends a [`RemoteOp`] to that thread. If a task is bound to no thread, any thread may write
//! the state, by compare-and-swap. [`SchedulerRef::writer`] returns which rule applies. The executor's
//! operations are in `task::run`, and the handle's are in `task::join`.

use std::mem::ManuallyDrop;
use std::ptr::NonNull;

use super::cell::Header;
use super::id::Id;
use super::scheduler_ref::SchedulerRef;
use super::state::{Snapshot, State, Wake, Writer};
use crate::sync::{AtomicU8, Ordering};

/// A pointer to a task, for the types in this folder. It does not keep the task alive.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct RawTask(pub(super) NonNull<Header>);

// SAFETY: a pointer alone gives no access. The operations below check `writer` before they access data
// that is bound to a thread.
unsafe impl Send for RawTask {}
// SAFETY: as for `Send`.
unsafe impl Sync for RawTask {}

/// The right to run a QUEUED task once. A task has at most one such right, which its run queue holds.
///
/// The executor keeps the task alive. If a `Runnable` is dropped, its task is never run. A closing executor
/// may drop its `Runnable`s, because it cancels all of its living tasks.
#[must_use = "a task that was taken out of its queue must be run or queued again"]
#[derive(PartialEq, Eq)]
pub(crate) struct Runnable(RawTask);

/// A task that no executor has taken yet. Dropping this value cancels the task.
pub(crate) struct Unbound(RawTask);

/// A counted reference that keeps the task alive. Each cloned waker owns a reference.
///
/// Each time a task waits, a waker is cloned, and later dropped. Counting both would cost two atomic
/// read-modify-writes per wait. So a bound task may *keep* one reference. If the owner thread drops a
/// `TaskRef` while no reference is kept, the reference stays counted, and the flag SPARE in `task::state` is
/// set. The next `TaskRef` that this thread makes takes the kept reference. Neither the drop nor the next
/// `TaskRef` changes the count.
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

    /// Returns whether the executor writes the state by plain stores or by compare-and-swap. The task must be
    /// bound to this thread, or to no thread.
    #[inline(always)]
    pub(crate) fn own_writer(&self) -> Writer {
        let writer = self.scheduler().writer();
        debug_assert!(
            writer.is_some(),
            "the executor must run on the thread of its tasks"
        );
        writer.unwrap_or(Writer::Owner)
    }

    pub(crate) fn id(&self) -> Id {
        self.header().id.get()
    }

    pub(crate) fn number(&self) -> u64 {
        self.id().number()
    }

    /// Makes the task run again. The next poll sees the caller's earlier writes.
    #[inline(always)]
    pub(super) fn wake_by_ref(self) {
        let Some(writer) = self.scheduler().writer() else {
            return self.send_wake();
        };
        let wake = || self.state().apply(writer, Snapshot::wake);
        self.follow(self.scheduler().probe().wake(self, wake));
    }

    /// Queues the task if a wake or an abort returned `Submit`.
    #[inline(always)]
    fn follow(self, answer: Wake) {
        if answer == Wake::Submit {
            // SAFETY: this transition set QUEUED, so no other `Runnable` of the task exists.
            let task = unsafe { Runnable::new(self) };
            self.scheduler().schedule(task);
        }
    }

    #[cold]
    fn send_wake(self) {
        let send = || match !self.state().load().is_done() && self.header().sent.send_wake() {
            true => Wake::Submit,
            false => Wake::Nothing,
        };
        if self.scheduler().probe().wake(self, send) == Wake::Submit {
            self.scheduler().post(RemoteOp::Wake(self.to_ref()));
        }
    }

    /// Handles the message from `send_wake`, which has already reported the wake to the probe.
    pub(super) fn receive_wake(self) {
        // Clear the flag first, so that a later wake sends another message.
        self.header().sent.receive_wake();
        self.follow(self.state().apply(self.own_writer(), Snapshot::wake));
    }

    /// Makes the executor drop the future instead of polling it again. Has no effect on a task that is
    /// done.
    pub(crate) fn abort(self) {
        self.scheduler().probe().aborted(self);
        if let Some(writer) = self.scheduler().writer() {
            self.follow(self.state().apply(writer, Snapshot::abort));
        } else if !self.state().load().is_done() && self.header().sent.send_abort() {
            self.scheduler().post(RemoteOp::Abort(self.to_ref()));
        }
    }

    #[inline]
    pub(crate) fn to_ref(self) -> TaskRef {
        if self.move_spare(Snapshot::take_spare) {
            return TaskRef(self);
        }
        // Relaxed: the caller keeps the task alive.
        let before = self.header().refs.fetch_add(1, Ordering::Relaxed);
        if before > u32::MAX / 2 {
            // More than 2^31 wakers were leaked. If the count wrapped, the task would be freed while it is
            // in use.
            std::process::abort();
        }
        TaskRef(self)
    }

    /// Carries out `step`, which is `Snapshot::keep_spare` or `Snapshot::take_spare`. Returns `false` if
    /// `step` returns `None`, or if the task is not bound to this thread. On the owner thread, a load and a
    /// store suffice, because no other thread writes the state.
    #[inline(always)]
    fn move_spare(self, step: impl Fn(Snapshot) -> Option<Snapshot>) -> bool {
        if self.scheduler().writer() != Some(Writer::Owner) {
            return false;
        }
        let next = step(self.state().load());
        next.map(|next| self.state().set(next)).is_some()
    }

    /// Releases the reference that executor and handle share, and the spare reference, if one was kept. The
    /// run state must be DONE.
    #[inline]
    pub(super) fn release_shared(self) {
        self.release(1 + u32::from(self.state().load().has_spare()));
    }

    /// Releases references that the caller owns. The last reference frees the task's memory.
    #[inline(always)]
    fn release(self, count: u32) {
        let refs = &self.header().refs;
        // If the caller owns all references, no thread can make another reference, so no write is needed.
        // Acquire and Release order all earlier accesses to the task before the free.
        if refs.load(Ordering::Acquire) == count
            || refs.fetch_sub(count, Ordering::Release) == count
        {
            // Acquire pairs with each earlier Release. This is a load instead of a fence, because
            // ThreadSanitizer does not support fences.
            refs.load(Ordering::Acquire);
            // SAFETY: no reference is left. Executor and handle are both done with the task, so the future
            // and the output are gone.
            unsafe { (self.header().vtable.free)(self.0) };
        }
    }

    /// Returns true if the task can never be woken again. Call this after a poll that returned `Pending`.
    pub(crate) fn is_unwakeable(self) -> bool {
        // Executor and handle share one reference, and each waker has its own. The spare reference belongs to
        // no waker. The waker lent to the poll is not counted. Acquire pairs with the Release in `release`: if
        // a waker woke the task and was dropped, QUEUED is visible in the state, which is loaded afterwards.
        let refs = self.header().refs.load(Ordering::Acquire);
        let state = self.state().load();
        refs == 1 + u32::from(state.has_spare()) && !state.is_queued()
    }

    /// Returns the task's index in the list of living tasks. Only the task's executor calls this.
    pub(crate) fn owned_index(self) -> u32 {
        self.header().owned_index.with_mut(|index| {
            // SAFETY: only the task's executor accesses the index, when it binds or unbinds the task.
            // These accesses do not overlap.
            unsafe { *index }
        })
    }

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

    /// Turns this right into a pointer, which an atomic can hold.
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
    /// The task is QUEUED, has no `Runnable`, and is bound to no executor.
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
        if !self.0.move_spare(Snapshot::keep_spare) {
            self.0.release(1);
        }
    }
}

/// Records which messages about a bound task are on their way to the owner thread. Any thread may write
/// this byte.
pub(super) struct Sent(AtomicU8);

impl Sent {
    /// A wake is in the owner's inbox. Set by the first wake, cleared when the owner receives it.
    const WAKE: u8 = 1 << 0;
    /// An abort is in the owner's inbox. Never cleared, because one abort is enough.
    const ABORT: u8 = 1 << 1;

    pub(super) fn new() -> Self {
        Sent(AtomicU8::new(0))
    }

    /// Records that a wake is on its way to the owner. Returns false if a wake is on its way already: one
    /// message serves all wakes, so the caller sends no other. Release pairs with `receive_wake`, where the
    /// owner acquires everything that the wakers did before.
    fn send_wake(&self) -> bool {
        self.0.fetch_or(Self::WAKE, Ordering::AcqRel) & Self::WAKE == 0
    }

    /// Records that the owner has the message. A later wake sends another message.
    fn receive_wake(&self) {
        self.0.fetch_and(!Self::WAKE, Ordering::AcqRel);
    }

    /// Records that an abort is on its way to the owner. Returns whether this is the first abort.
    fn send_abort(&self) -> bool {
        // Relaxed: an abort carries no data.
        self.0.fetch_or(Self::ABORT, Ordering::Relaxed) & Self::ABORT == 0
    }
}

/// An operation on a task that is bound to a thread, sent by another thread. The owner thread runs the
/// operation when it next empties its inbox. An operation that never runs is dropped only after the executor
/// has closed and all of its tasks are done. Dropping a `Spawn` cancels the task.
pub(crate) enum RemoteOp {
    /// Wake the task.
    Wake(TaskRef),
    /// Cancel the task.
    Abort(TaskRef),
    /// Take the new task.
    Spawn(Unbound),
}

// SAFETY: the task of an operation is bound to a thread, and its future may be `!Send`. Only that thread
// runs the operation, but any thread may drop it. Dropping a wake or an abort touches only the reference
// count. Dropping a new task drops its future, which `Handle::spawn` requires to be `Send`.
unsafe impl Send for RemoteOp {}

impl RemoteOp {
    /// Carries out the operation. The caller is the owner thread.
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
