//! What a thread writes to a task that belongs to another thread.
//!
//! **Job.** The tasks of the single-thread executor are written by their own thread alone; that is
//! what makes them cheap. Every other thread puts what it wants into a [`Letter`], and the owner
//! carries it out when it next empties its letter box.
//!
//! **Owns** a reference to its task, or one of the two claims on it, so that the task outlives it.
//!
//! **Never** gets lost: dropping a letter carries it out. Where that happens on another thread than
//! the owner's, the executor is closed: then the home is unbound, the tasks that were admitted are
//! retired, and what is left can be written by compare-and-swap from any thread (a joiner's slot not: its
//! handle comes to it directly by then). User values are touched there only where they are `Send`.

use std::task::Waker;

use super::raw::{RawTask, Runnable, TaskRef};

/// A wish of one thread concerning a task of another.
pub(crate) struct Letter(Option<Wish>);

enum Wish {
    /// Wake it.
    Wake(TaskRef),
    /// Cancel it.
    Abort(TaskRef),
    /// Its handle, on another thread, waits: call this waker once it is complete. One for each poll, since
    /// the last waker counts; of wakes and aborts one is enough.
    Join(TaskRef, Waker),
    /// Its handle was dropped: the handle's claim comes with the letter.
    Detach(RawTask),
    /// It is new: admit it.
    Spawn(Runnable),
}

// SAFETY: what a letter carries is a task of a *bound* home, whose future and output may be
// `!Send`. It is carried out on the owner's thread, or, once the executor is closed, on any: then it
// touches user values only of `Spawn` letters, which are written only for `Send` futures, and of a
// handle that is on a foreign thread, which has a `Send` output.
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

    /// Whether carrying it out runs no code of a user: it sets a flag and may queue the task.
    pub(crate) fn is_harmless(&self) -> bool {
        matches!(self.0, Some(Wish::Wake(_) | Wish::Abort(_)))
    }
}

impl Drop for Letter {
    fn drop(&mut self) {
        match self.0.take() {
            Some(Wish::Wake(task)) => task.raw().receive_wake(),
            Some(Wish::Abort(task)) => task.raw().abort(),
            Some(Wish::Join(task, waker)) => task.raw().receive_joiner(waker),
            Some(Wish::Detach(task)) => task.detach(),
            Some(Wish::Spawn(task)) => task.admit(),
            None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::task::JoinHandle;
    use crate::task::home::{HomeRef, Schedule};

    /// An executor that is closed: it refuses what is new.
    struct Closed;

    impl Schedule for Closed {
        fn admit(&self, task: Runnable) -> Result<(), Runnable> {
            Err(task)
        }
        fn schedule(&self, task: Runnable) {
            task.run();
        }
        fn forget(&self, _task: RawTask) {}
        fn post(&self, _letter: Letter) {}
    }

    /// On a wake, under whatever lock, a closed box is emptied of harmless letters: the others may drop
    /// a future or an output, or call a stranger's waker.
    #[test]
    fn what_may_run_code_of_a_user_is_not_harmless() {
        let (runnable, raw) = RawTask::new(async {}, HomeRef::shared(Arc::new(Closed)));
        let handle = JoinHandle::<()>::new(raw);
        assert!(Letter::wake(raw.to_ref()).is_harmless());
        assert!(!Letter::join(raw.to_ref(), Waker::noop().clone()).is_harmless());
        assert!(!Letter::spawn(runnable).is_harmless());
        assert!(handle.is_finished());
        assert!(Letter::abort(raw.to_ref()).is_harmless());
        std::mem::forget(handle);
        assert!(!Letter::detach(raw).is_harmless());
    }
}
