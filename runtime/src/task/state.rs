//! The run state of a task, in one byte: idle, queued, running or done.
//!
//! A task is a future together with everything it needs to run on its own: memory, a state, a waker, and a
//! handle for its output. The modules of `task/` use no queue and no clock. The executor decides when a
//! task runs. The task reaches its executor through one trait, `Schedule`.
//!
//! # The naive version, and what breaks
//!
//! Little more than the standard library is needed to build a task. A lock holds the future. A channel is the
//! run queue, and the waker sends the task to the channel.
//!
//! ```
//! use std::sync::{Arc, Mutex, mpsc};
//! use std::task::{Context, Wake, Waker};
//!
//! struct Task {
//!     future: Mutex<futures_task::FutureObj<'static, ()>>,
//!     queue: mpsc::Sender<Arc<Task>>,
//! }
//!
//! impl Wake for Task {
//!     fn wake(self: Arc<Self>) {
//!         let queue = self.queue.clone();
//!         queue.send(self).unwrap();
//!     }
//! }
//!
//! let (queue, ready) = mpsc::channel();
//! let (done, answer) = mpsc::channel();
//! let future = Box::pin(async move { done.send(42).unwrap() });
//! let task = Task { future: Mutex::new(future.into()), queue };
//! Arc::new(task).wake();
//! while let Ok(task) = ready.recv() {
//!     let waker = Waker::from(task.clone());
//!     let mut future = task.future.lock().unwrap();
//!     let _ = std::pin::Pin::new(&mut *future).poll(&mut Context::from_waker(&waker));
//! }
//! assert_eq!(answer.recv(), Ok(42));
//! ```
//!
//! This code runs, but has six faults. A task that is woken twice is queued twice, and its second poll is
//! useless. After the task's end, a late waker queues it again, and polling a finished future may panic. A
//! task cannot return an output, so the example sends it over a second channel. A panic ends the loop, and
//! with it all other tasks. A task that waits forever cannot be ended. The last waker may drop the future on
//! any thread, so the future must be `Send`. A *state* corrects the first two faults. To correct the others,
//! each part of the task needs one *owner* at any time. The flags below are the state. Together with the join
//! word (see [`join`](super::join)), they determine the owners.
//!
//! # The state
//!
//! Each transition is a pure function. It takes a [`Snapshot`] and returns the next one, with an answer
//! that tells the caller what to do. [`State::apply`] carries out a transition. A test
//! (`task/join/properties.rs`) checks the transitions in every interleaving.
//!
//! ```text
//!                 wake                     start
//!      ┌────────┐ ───────► ┌────────┐ ──────────────────► ┌─────────┐
//!      │  idle  │          │ QUEUED │                     │ RUNNING │──┐ wake: sets QUEUED,
//!      └────────┘ ◄─┐      └────────┘ ◄────────────┐      └─────────┘◄─┘ the poll's end requeues
//!        │          │        │  ▲ spawn            │        │  ▲  │
//!        │          │        │         pend: Requeue        │  │  │ finish
//!        │          │        │                     │        │  │  ▼
//!        │          └────────┼──── pend: Idle ─────┴────────┘  │ ┌──────┐
//!        │                   │                                 │ │ DONE │
//!        └───────────────────┴────────────── seize ────────────┘ └──────┘
//! ```
//!
//! An *abort* marks the task and queues it if it is idle. The task's next transition `start` or `pend` then
//! tells the executor to drop the future. A closing executor *seizes* each task that is not running, and
//! drops its future.
//!
//! | transition | carried out by |
//! |---|---|
//! | spawn: [`Snapshot::SPAWNED`] | `Reserved::with_state` |
//! | [`Snapshot::wake`] | `RawTask::wake_by_ref`, `RawTask::receive_wake` |
//! | [`Snapshot::abort`] | `RawTask::abort` |
//! | [`Snapshot::start`], [`Snapshot::pend`] | `Runnable::run`, `MainTask::poll` |
//! | [`State::finish`] | `RawTask::complete` |
//! | [`Snapshot::seize`] | `RawTask::cancel` |
//!
//! `task::join` describes how the output passes from the executor to the handle.

use crate::sync::{AtomicU8, Ordering};

/// Without RUNNING, the task is in a run queue. With RUNNING, the task was woken during its poll. Set by
/// spawn, wake and abort; cleared by start, seize and finish.
pub(super) const QUEUED: u8 = 1 << 0;
/// A thread owns the future, and polls or drops it. Set by start and seize; cleared by pend and finish.
pub(super) const RUNNING: u8 = 1 << 1;
/// The next start or pend cancels the task. Set by abort.
pub(super) const ABORTED: u8 = 1 << 2;
/// The future is gone. Set by finish, which clears all other flags except SPARE; never cleared.
const DONE: u8 = 1 << 3;
/// One reference is kept for the next waker; see `TaskRef`. Set and cleared only by the owner thread of a
/// bound task.
const SPARE: u8 = 1 << 4;

/// The flags at one instant.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Snapshot(u8);

/// The duty of the caller after a wake or an abort.
#[must_use]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Wake {
    /// The caller set QUEUED, so it must put the task into a run queue.
    Submit,
    /// The task is being polled; the polling thread will queue it again.
    Again,
    /// The task is queued already, or done.
    Nothing,
}

/// The duty of the caller after a task was taken out of a queue.
#[must_use]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Start {
    /// Poll the future.
    Poll,
    /// Drop the future, then complete the task.
    Cancel,
}

/// The duty of the caller after a poll that returned `Pending`.
#[must_use]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Pend {
    /// The task is idle until a wake.
    Idle,
    /// The task was woken during the poll, so the caller queues it again.
    Requeue,
    /// The task was aborted during the poll. It is still RUNNING; the caller drops the future.
    Cancel,
}

impl Snapshot {
    /// The state of a new task, which is queued.
    pub(crate) const SPAWNED: Snapshot = Snapshot(QUEUED);

    pub(super) fn has(self, flag: u8) -> bool {
        self.0 & flag != 0
    }

    fn with(self, flags: u8) -> Snapshot {
        Snapshot(self.0 | flags)
    }

    fn without(self, flags: u8) -> Snapshot {
        Snapshot(self.0 & !flags)
    }

    pub(crate) fn is_done(self) -> bool {
        self.has(DONE)
    }

    /// Returns whether QUEUED is set.
    pub(crate) fn is_queued(self) -> bool {
        self.has(QUEUED)
    }

    pub(crate) fn wake(self) -> (Snapshot, Wake) {
        if self.has(DONE | QUEUED) {
            (self, Wake::Nothing)
        } else if self.has(RUNNING) {
            (self.with(QUEUED), Wake::Again)
        } else {
            (self.with(QUEUED), Wake::Submit)
        }
    }

    /// Like a wake, but the next start or pend cancels the task.
    pub(crate) fn abort(self) -> (Snapshot, Wake) {
        if self.has(DONE) {
            (self, Wake::Nothing)
        } else {
            let (next, answer) = self.wake();
            (next.with(ABORTED), answer)
        }
    }

    /// Starts a poll, after the task was taken out of a queue.
    pub(crate) fn start(self) -> (Snapshot, Start) {
        debug_assert!(self.has(QUEUED) && !self.has(RUNNING | DONE));
        let answer = if self.has(ABORTED) {
            Start::Cancel
        } else {
            Start::Poll
        };
        (self.without(QUEUED).with(RUNNING), answer)
    }

    /// Ends a poll that returned `Pending`.
    pub(crate) fn pend(self) -> (Snapshot, Pend) {
        debug_assert!(self.has(RUNNING));
        if self.has(ABORTED) {
            (self, Pend::Cancel)
        } else if self.has(QUEUED) {
            (self.without(RUNNING), Pend::Requeue)
        } else {
            (self.without(RUNNING), Pend::Idle)
        }
    }

    /// Ends the task. Clears all flags except SPARE, because the others no longer matter.
    pub(super) fn finish(self) -> Snapshot {
        Snapshot(DONE | self.0 & SPARE)
    }

    /// Keeps a reference for the next waker. Returns `None` if one is kept already, or if the task is done.
    pub(super) fn keep_spare(self) -> Option<Snapshot> {
        (!self.has(DONE | SPARE)).then(|| self.with(SPARE))
    }

    /// Takes the kept reference. Returns `None` if no reference is kept. Also returns `None` if the task is
    /// done: then only `release_shared` may take it.
    pub(super) fn take_spare(self) -> Option<Snapshot> {
        (self.has(SPARE) && !self.has(DONE)).then(|| self.without(SPARE))
    }

    pub(super) fn has_spare(self) -> bool {
        self.has(SPARE)
    }

    /// Claims the task, to cancel it without a poll. Returns whether the claim succeeded.
    pub(crate) fn seize(self) -> (Snapshot, bool) {
        if self.has(RUNNING | DONE) {
            (self, false)
        } else {
            (self.without(QUEUED).with(RUNNING), true)
        }
    }
}

/// How the calling thread may write the run state of a task.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Writer {
    /// The task is bound to this thread. No other thread writes, so a plain load and store suffice.
    Owner,
    /// Any thread may write, by compare-and-swap.
    Shared,
}

pub(crate) struct State(AtomicU8);

impl State {
    pub(crate) fn new(snapshot: Snapshot) -> Self {
        State(AtomicU8::new(snapshot.0))
    }

    /// Reads the flags. Acquire pairs with the Release in `apply` and `set`.
    #[inline(always)]
    pub(crate) fn load(&self) -> Snapshot {
        Snapshot(self.0.load(Ordering::Acquire))
    }

    /// Writes the flags. If two threads write at the same time, one write may be lost. Release pairs with
    /// `load`.
    #[inline(always)]
    pub(super) fn set(&self, to: Snapshot) {
        self.0.store(to.0, Ordering::Release);
    }

    /// Carries out one transition and returns its answer.
    #[inline(always)]
    pub(crate) fn apply<R>(&self, writer: Writer, step: impl Fn(Snapshot) -> (Snapshot, R)) -> R {
        match writer {
            Writer::Owner => {
                // Relaxed suffices: the last change was made by this thread, or by the spawner, whose message
                // this thread has received.
                let now = Snapshot(self.0.load(Ordering::Relaxed));
                let (next, answer) = step(now);
                if next != now {
                    self.set(next);
                }
                answer
            }
            Writer::Shared => {
                let mut now = self.0.load(Ordering::Relaxed);
                loop {
                    let (next, answer) = step(Snapshot(now));
                    // AcqRel: acquires the previous writer's writes, and releases this thread's writes to the
                    // next writer. Write the state even if it does not change: a thread that wakes a queued
                    // task must still make its earlier writes visible to the next poll (tokio #7589).
                    match self.0.compare_exchange_weak(
                        now,
                        next.0,
                        Ordering::AcqRel,
                        Ordering::Relaxed,
                    ) {
                        Ok(_) => return answer,
                        Err(seen) => now = seen,
                    }
                }
            }
        }
    }

    /// Ends the task. The caller has set RUNNING, so other threads can only wake or abort the task. This
    /// store may overwrite a wake or an abort, which is harmless, because the task is done.
    #[inline(always)]
    pub(crate) fn finish(&self) {
        // Relaxed suffices: of the old value, only SPARE is kept, and only the owner thread writes SPARE.
        self.set(Snapshot(self.0.load(Ordering::Relaxed)).finish());
    }
}

#[cfg(test)]
mod tests;
