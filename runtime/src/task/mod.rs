//! Tasks: spawning, awaiting and aborting them, and how they work inside.
//!
//! A task is a future together with everything it needs to run on its own: memory, a state, a waker, and
//! a handle for its output. This module knows no queue and no clock. The executor decides
//! when a task runs. The task reaches its executor through one trait, [`scheduler_ref::Schedule`].
//!
//! # The naive version, and what breaks
//!
//! The standard library is enough to build a task: the future in a lock, a channel as a run queue, and a
//! waker that sends the task to the channel.
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
//! It runs, but has six faults. A task that is woken twice is queued twice, and polled when it has
//! nothing to do. After the task's end a late waker queues it again, and polling a finished future may
//! panic. The output has nowhere to go. A panic ends the loop, and so all other tasks. A task that waits
//! forever cannot be ended. And the last waker drops the future, on any thread, so the future must be
//! `Send`. The first two faults need a *state*. For the others, each part of the task needs an *owner*
//! at each time. The state word of [`state`] and the join word of [`join`] provide both.
//!
//! Read on in this order: [`state`] and [`cell`] (what a task is), [`raw`] and [`waker`] (wake, abort,
//! references), [`run`] (poll it once), [`join`] (pass the output to the handle), [`scheduler_ref`]
//! (where a woken task goes), [`owned`] (the list of living tasks).

pub(crate) mod cell;
pub(crate) mod join;
mod join_handle;
pub(crate) mod memory;
pub(crate) mod raw;
pub(crate) mod owned;
pub(crate) mod run;
pub(crate) mod scheduler_ref;
pub(crate) mod state;
pub(crate) mod waker;
mod error;
mod id;
mod join_set;
pub(crate) mod spawn;

pub use self::error::JoinError;
pub use self::id::Id;
pub use self::join_handle::{AbortHandle, JoinHandle};
pub use self::join_set::JoinSet;
// These need tasks and executors, but users look for them here.
pub use self::spawn::Builder;
pub use crate::coop::consume_budget;
pub use crate::coop::yield_now;

/// Spawns a future: `spawn_task!(scheduler, kind, name, future)`. The `tracing` span gets `kind`.
///
/// The macro writes the future straight into its cell. A function would take the future by value and
/// copy it (see [`cell::Reserved`]). The caller ensures that the executor is bound to this thread, or
/// that future and output are `Send`.
macro_rules! spawn_task {
    ($scheduler:expr, $kind:expr, $name:expr, $future:expr) => {{
        let cell = $crate::task::cell::Reserved::new($scheduler, $kind, $name);
        // SAFETY: the memory is uninitialised, in this cell, and of the future's type.
        unsafe { ::std::ptr::write(cell.future(), $future) };
        // SAFETY: the future was written just now.
        unsafe { cell.spawn($name) }
    }};
}
pub(crate) use spawn_task;
