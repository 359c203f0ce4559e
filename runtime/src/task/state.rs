//! The life of a task as one word: the flags, the arrows between them, and who may move.
//!
//! **Job.** Answer, for every event in a task's life, *what must the caller do now?* Each arrow
//! below is one pure function from a [`Snapshot`] to the next one and an answer. The functions
//! know no memory ordering and no thread; [`State::apply`] carries them out.
//!
//! **Owns** the word, and nothing else of the task. **Never** waits, and never touches future, output or
//! slot: the answer says who may.
//!
//! ```text
//!                 wake 1                     start 2
//!      ┌────────┐ ───────► ┌────────┐ ──────────────────► ┌─────────┐
//!      │  idle  │          │ QUEUED │                     │ RUNNING │──┐ wake 4: + QUEUED,
//!      └────────┘ ◄─┐      └────────┘ ◄────────────┐      └─────────┘◄─┘ nothing to do now
//!        │          │        │  ▲                  │        │  ▲  │
//!        │          │        │  │ spawn 0  pend 3: │        │  │  │ complete 5
//!        │          │        │             Requeue │        │  │  ▼
//!        │          └────────┼──── pend 3: Idle ───┴────────┘  │ ┌──────────┐ retire 6 ┌─────────┐
//!        │                   │                                 │ │ COMPLETE │ ───────► │ RETIRED │
//!        └───────────────────┴─────────────── seize ───────────┘ └──────────┘          └─────────┘
//! ```
//!
//! Two ways lead past the poll. *Abort* marks the task and, if it is idle, queues it: the next start or
//! pend answers that the caller, who is RUNNING it, drops the future and completes. *Seize*, of an
//! executor that closes, takes an idle or QUEUED task to RUNNING at once, to the same end; it refuses one
//! that is RUNNING or COMPLETE.
//!
//! | arrow | function | carried out by |
//! |---|---|---|
//! | 0 | [`Snapshot::SPAWNED`] | `RawTask::new` |
//! | 1, 4 | [`Snapshot::wake`] | `RawTask::wake_by_ref` (any waker), `RawTask::receive_wake` (by letter) |
//! | 1 | [`Snapshot::abort`] | `RawTask::abort` (any handle) |
//! | 2 | [`Snapshot::start`] | `Runnable::turn`; `Runnable::start` for a main future |
//! | 3 | [`Snapshot::pend`] | `Runnable::turn`; `RawTask::pend` for a main future |
//! | 5 | [`Snapshot::complete`] | `RawTask::finish`, the executor |
//! | 6 | [`Snapshot::retire`] | `RawTask::wake_joiner`, the executor |
//! | | [`Snapshot::seize`] | `RawTask::shut_down`, `Runnable::cancel`, `RawTask::end_main` |
//! | | [`Snapshot::reclaim_slot`], [`Snapshot::offer_slot`] | `RawTask::join_as`, the handle, itself or by letter |
//! | | [`Snapshot::take`], [`Snapshot::detach`] | `RawTask::take_output`, `RawTask::detach_as`, the handle |
//!
//! # Two claims keep a task
//!
//! The *executor's claim* lasts from spawn until the task is RETIRED (or, where no handle is left,
//! until the executor has dropped the output). While it holds, queues may carry bare pointers: a
//! task is in at most one queue, once, because only the arrow that sets QUEUED submits it. The
//! *handle's claim* lasts from spawn until the handle is dropped, which the HANDLE flag tells the executor as
//! long as that looks. Whoever ends the second of the two claims releases the one
//! reference that both stand for. Wakers count references of their own.
//!
//! # Who may move: one set of arrows, two ways to carry them out
//!
//! *One cook.* Only the executor's own thread writes the word: a plain load and a plain store, no
//! read-modify-write. Other threads ask by letter (see `task::letter`).
//!
//! *Many cooks.* Any thread writes, by compare-and-swap. Even an arrow that changes nothing is
//! carried out as a write: a wake of a task that is QUEUED already must still *release* what the
//! waker wrote before it to the poll that follows (tokio #7589).
//!
//! *Both, once the task is RETIRED.* The executor writes no more, and what wakers, abort handles and late
//! letters write changes nothing. The word is the handle's, on whatever thread that is: a plain load and a plain store.

use crate::sync::{AtomicU8, Ordering};

/// In a run queue, or, together with RUNNING, woken during its poll.
/// Set by wake, abort and spawn; cleared by start, seize and complete.
const QUEUED: u8 = 1 << 0;
/// A thread is polling the future, or dropping it. Set by start and seize; cleared by pend and
/// complete. Whoever set it has the future to itself.
const RUNNING: u8 = 1 << 1;
/// The future is gone; the output (or the error) took its place. Set once, by complete; never
/// cleared. Never together with QUEUED or RUNNING.
const COMPLETE: u8 = 1 << 2;
/// The executor has let go of the task. Set by complete or retire; never cleared.
const RETIRED: u8 = 1 << 3;
/// Somebody asked for an end: the next start or pend cancels. Set by abort; never cleared.
const ABORTED: u8 = 1 << 4;
/// A `JoinHandle` exists. Set at birth; cleared by detach, unless nobody is left who would look.
const HANDLE: u8 = 1 << 5;
/// The joiner's slot holds a waker and belongs to the executor's side. Without the flag the slot
/// belongs to the handle. Set and cleared by the handle, until COMPLETE.
const JOINER: u8 = 1 << 6;
/// The handle has taken the output. Set by the handle, after COMPLETE.
const TAKEN: u8 = 1 << 7;

/// The flags at one instant.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Snapshot(u8);

/// After a wake or an abort.
#[must_use]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Wake {
    /// The caller set QUEUED: it must put the task into a run queue.
    Submit,
    /// The task is being polled, and the thread that does will queue it again.
    Again,
    /// The task is queued already, or complete.
    Nothing,
}

/// After a task was taken from a queue.
#[must_use]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Start {
    /// Poll the future.
    Poll,
    /// Drop the future, then finish.
    Cancel,
}

/// After a poll that was not ready.
#[must_use]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Pend {
    /// The task sleeps until a wake.
    Idle,
    /// It was woken during the poll: the caller puts it into a run queue.
    Requeue,
    /// It was aborted during the poll: the caller, still running it, drops the future.
    Cancel,
}

/// After the output was stored.
#[must_use]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Complete {
    /// The handle keeps the task now.
    LeaveToHandle,
    /// The caller wakes the joiner, then retires.
    WakeJoiner,
    /// No handle is left: the caller drops the output and releases the reference.
    DropOutput,
}

/// After the handle asked to write its slot, or gave it over.
#[must_use]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Join {
    /// Not yet complete.
    Wait,
    /// Complete: the output is there.
    Complete,
}

/// After the handle was dropped.
#[must_use]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Detach {
    /// A waker is in the slot, which is the caller's now: it empties the slot and asks again.
    SlotFirst,
    /// The executor has let go before: the caller releases the reference.
    Release,
    /// The executor still has the task and will release the reference: the caller touches neither
    /// any more.
    Nothing,
    /// The task completed in this instant: the caller drops the output and asks again.
    OutputFirst,
}

impl Snapshot {
    /// Arrow 0: queued, and held by the executor and a handle.
    pub(crate) const SPAWNED: Snapshot = Snapshot(QUEUED | HANDLE);
    /// The main future of a `block_on`: queued, and nobody joins it.
    pub(crate) const MAIN: Snapshot = Snapshot(QUEUED);

    fn has(self, flag: u8) -> bool {
        self.0 & flag != 0
    }

    fn with(self, flags: u8) -> Snapshot {
        Snapshot(self.0 | flags)
    }

    fn without(self, flags: u8) -> Snapshot {
        Snapshot(self.0 & !flags)
    }

    pub(crate) fn is_complete(self) -> bool {
        self.has(COMPLETE)
    }

    /// Whether a poll is to come, be it after one that is under way.
    pub(crate) fn is_queued(self) -> bool {
        self.has(QUEUED)
    }

    /// Whether the executor will not touch the word again.
    pub(crate) fn is_retired(self) -> bool {
        self.has(RETIRED)
    }

    /// Whether nothing is left but the reference, which is the handle's to release.
    pub(crate) fn is_spent(self) -> bool {
        self.0 & (RETIRED | TAKEN) == RETIRED | TAKEN
    }

    /// Arrows 1 and 4.
    pub(crate) fn wake(self) -> (Snapshot, Wake) {
        if self.has(COMPLETE | QUEUED) {
            (self, Wake::Nothing)
        } else if self.has(RUNNING) {
            (self.with(QUEUED), Wake::Again)
        } else {
            (self.with(QUEUED), Wake::Submit)
        }
    }

    /// Like a wake, and the next turn cancels instead of polling.
    pub(crate) fn abort(self) -> (Snapshot, Wake) {
        if self.has(COMPLETE) {
            (self, Wake::Nothing)
        } else {
            let (next, answer) = self.wake();
            (next.with(ABORTED), answer)
        }
    }

    /// Arrow 2. The caller took the task out of a queue.
    pub(crate) fn start(self) -> (Snapshot, Start) {
        debug_assert!(self.has(QUEUED) && !self.has(RUNNING | COMPLETE));
        let answer = if self.has(ABORTED) {
            Start::Cancel
        } else {
            Start::Poll
        };
        (self.without(QUEUED).with(RUNNING), answer)
    }

    /// Arrow 3. The caller polled the future and it was not ready.
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

    /// Arrow 5. The caller dropped the future and stored the output.
    pub(crate) fn complete(self) -> (Snapshot, Complete) {
        debug_assert!(self.has(RUNNING) && !self.has(COMPLETE));
        let done = self.without(RUNNING | QUEUED).with(COMPLETE);
        if !self.has(HANDLE) {
            (done.with(RETIRED), Complete::DropOutput)
        } else if self.has(JOINER) {
            // Not RETIRED: the slot is read after this, and a handle that is dropped meanwhile
            // must not free the task under the reader (rayon #929).
            (done, Complete::WakeJoiner)
        } else {
            (done.with(RETIRED), Complete::LeaveToHandle)
        }
    }

    /// Arrow 6. The joiner has been woken. Answers whether the caller releases the reference.
    pub(crate) fn retire(self) -> (Snapshot, bool) {
        (self.with(RETIRED), !self.has(HANDLE))
    }

    /// The executor closes and takes the task to cancel it. Answers whether the caller got it.
    pub(crate) fn seize(self) -> (Snapshot, bool) {
        if self.has(RUNNING | COMPLETE) {
            (self, false)
        } else {
            (self.without(QUEUED).with(RUNNING), true)
        }
    }

    /// The handle wants its slot back in order to write it.
    pub(crate) fn reclaim_slot(self) -> (Snapshot, Join) {
        if self.has(COMPLETE) || !self.has(HANDLE) {
            (self, Join::Complete)
        } else {
            (self.without(JOINER), Join::Wait)
        }
    }

    /// The handle has written its slot and gives it over.
    pub(crate) fn offer_slot(self) -> (Snapshot, Join) {
        if self.has(COMPLETE) {
            (self, Join::Complete)
        } else {
            (self.with(JOINER), Join::Wait)
        }
    }

    /// The handle takes the output. Answers whether it was still there.
    pub(crate) fn take(self) -> (Snapshot, bool) {
        debug_assert!(self.has(COMPLETE) && self.has(HANDLE));
        (self.with(TAKEN), !self.has(TAKEN))
    }

    /// The handle is dropped.
    pub(crate) fn detach(self) -> (Snapshot, Detach) {
        // As long as HANDLE is set the memory stays. So what the handle has in it goes first.
        if self.has(JOINER) && !self.has(COMPLETE) {
            (self.without(JOINER), Detach::SlotFirst)
        } else if !self.has(COMPLETE) {
            (self.without(HANDLE), Detach::Nothing)
        } else if !self.has(TAKEN) {
            (self, Detach::OutputFirst)
        } else if self.has(RETIRED) {
            (self.without(HANDLE), Detach::Release)
        } else {
            (self.without(HANDLE), Detach::Nothing)
        }
    }
}

/// How an arrow is carried out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Writer {
    /// The caller is the only one who changes the word at this time.
    Sole,
    /// Others may write it too.
    OneOfMany,
}

/// The word itself.
pub(crate) struct State(AtomicU8);

impl State {
    pub(crate) fn new(snapshot: Snapshot) -> Self {
        State(AtomicU8::new(snapshot.0))
    }

    /// Reads the flags. Acquire: who sees COMPLETE sees the output (pairs with the release in
    /// `apply`).
    #[inline(always)]
    pub(crate) fn load(&self) -> Snapshot {
        Snapshot(self.0.load(Ordering::Acquire))
    }

    /// Carries out one arrow and returns its answer.
    #[inline(always)]
    pub(crate) fn apply<R>(&self, writer: Writer, arrow: impl Fn(Snapshot) -> (Snapshot, R)) -> R {
        match writer {
            Writer::Sole => {
                // Relaxed: the word was last changed by this thread, or came to it through
                // something that synchronises (a letter, or the Acquire load that saw RETIRED).
                let now = Snapshot(self.0.load(Ordering::Relaxed));
                let (next, answer) = arrow(now);
                if next != now {
                    // Release pairs with `load`. Unchanged flags are not stored: once RETIRED the
                    // word belongs to the handle, perhaps on another thread.
                    self.0.store(next.0, Ordering::Release);
                }
                answer
            }
            Writer::OneOfMany => {
                let mut now = self.0.load(Ordering::Relaxed);
                loop {
                    let (next, answer) = arrow(Snapshot(now));
                    // AcqRel: release what this thread did before to whoever moves next, acquire
                    // what the last mover did. Also where next == now: see the module's header.
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
}

#[cfg(test)]
mod properties;

#[cfg(test)]
mod tests;
