//! What a thread writes to a task that belongs to another thread.
//!
//! **Job.** The tasks of the single-thread executor are written by their own thread alone; that is
//! what makes them cheap. Every other thread puts what it wants into a [`Letter`], and the owner
//! carries it out when it next empties its letter box.
//!
//! **Owns** a reference to the task it speaks of, so that the task outlives the letter.
//!
//! **Never** gets lost: a letter that is dropped unread, because the executor closed, does then
//! what is left to do (see [`Letter::bounce`]).

use std::task::Waker;

use super::raw::{RawTask, Runnable, TaskRef};
use super::waker::wake_quietly;

/// A wish of one thread concerning a task of another.
pub(crate) struct Letter(Option<Wish>);

enum Wish {
    /// Wake it.
    Wake(TaskRef),
    /// Cancel it.
    Abort(TaskRef),
    /// Its handle, on another thread, waits: call this waker once it is complete.
    Join(TaskRef, Waker),
    /// Its handle was dropped: the handle's claim comes with the letter.
    Detach(RawTask),
    /// It is new: admit it.
    Spawn(Runnable),
}

// SAFETY: what a letter carries is a task of a *bound* home, whose future and output may be
// `!Send`. Carrying it out happens on the owner's thread. Bouncing may happen on any thread once
// the executor is closed, and touches user values only where they are `Send`: `Spawn` letters are
// written only for `Send` futures, and a handle that is on a foreign thread at all has a `Send`
// output.
unsafe impl Send for Letter {}

impl Letter {
    pub(crate) fn wake(task: TaskRef) -> Self {
        Letter(Some(Wish::Wake(task)))
    }

    pub(crate) fn abort(task: TaskRef) -> Self {
        Letter(Some(Wish::Abort(task)))
    }

    pub(crate) fn join(task: TaskRef, waker: Waker) -> Self {
        Letter(Some(Wish::Join(task, waker)))
    }

    pub(crate) fn detach(task: RawTask) -> Self {
        Letter(Some(Wish::Detach(task)))
    }

    pub(crate) fn spawn(task: Runnable) -> Self {
        Letter(Some(Wish::Spawn(task)))
    }

    /// Carries it out. The caller is the owner's thread.
    pub(crate) fn deliver(mut self) {
        match self.0.take() {
            Some(Wish::Wake(task)) => task.raw().receive_wake(),
            Some(Wish::Abort(task)) => task.raw().abort(),
            Some(Wish::Join(task, waker)) => task.raw().receive_joiner(waker),
            Some(Wish::Detach(task)) => task.detach(),
            Some(Wish::Spawn(task)) => task.admit(),
            None => {}
        }
    }

    /// The executor is closed: its tasks are retired and its thread writes them no more, so what
    /// is left to do can be done on any thread.
    fn bounce(wish: Wish) {
        match wish {
            Wish::Wake(task) | Wish::Abort(task) => drop(task),
            Wish::Join(task, waker) => {
                drop(task);
                wake_quietly(waker);
            }
            Wish::Detach(task) => task.detach_retired(),
            Wish::Spawn(task) => task.cancel(),
        }
    }
}

impl Drop for Letter {
    fn drop(&mut self) {
        if let Some(wish) = self.0.take() {
            Letter::bounce(wish);
        }
    }
}
