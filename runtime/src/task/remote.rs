//! What one thread asks of a task that is bound to another.
//!
//! The tasks of `SingleThread` are written by their own thread alone; that is what makes them cheap. Any
//! other thread puts a [`RemoteOp`] into the owner's inbox, and the owner runs it when it next empties that.
//! An operation that is dropped instead does no harm: its executor is closed, so its tasks are done, and a
//! new task is cancelled.

use super::raw::{TaskRef, Unbound};
use super::state::Writer;

/// An operation on a task, for its owner thread.
pub(crate) enum RemoteOp {
    /// Wake it.
    Wake(TaskRef),
    /// Cancel it.
    Abort(TaskRef),
    /// Take it: it is new.
    Spawn(Unbound),
}

// SAFETY: an operation carries a task that is bound to a thread, and whose future may be `!Send`. It is
// run on that thread. Where it is dropped elsewhere, a wake or an abort touches nothing but the reference
// count, and the future of a new task is dropped, which `Handle::spawn` demands to be `Send`.
unsafe impl Send for RemoteOp {}

impl RemoteOp {
    /// Does it. The caller is the owner thread.
    #[inline]
    pub(crate) fn run(self) {
        match self {
            RemoteOp::Wake(task) => task.raw().receive_wake(),
            RemoteOp::Abort(task) => task.raw().abort_here(Writer::Owner),
            RemoteOp::Spawn(task) => {
                let raw = task.raw();
                raw.scheduler().bind(task);
            }
        }
    }
}
