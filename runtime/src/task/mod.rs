//! Tasks: spawn them, await them, abort them, and how they live inside.
//!
//! **Job.** A task is a future together with everything it needs to be run by itself: a place in
//! memory, a state, a waker, a handle for its output. This module knows what a task *is*. It knows
//! no queue, no thread and no clock: when a task runs is its executor's affair, reached through
//! one seam, [`home::Schedule`].
//!
//! **Owns** the memory of every task. **Never** polls one of its own accord.
//!
//! # The naive version, and what breaks
//!
//! A task can be made of the standard library alone: the future in a lock, a channel for a run queue,
//! and a waker that sends the task there.
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
//! It runs, and six things are wrong with it. A task that is woken twice is queued twice, and polled
//! when it has nothing to do. Once it is done a late waker queues it again, and polling a future after
//! its end may panic. Its output has nowhere to go. A panic ends the loop and with it everybody else. Nobody can end a
//! task that waits for ever. And the last waker, on whatever thread, drops the future, which must
//! therefore be `Send`. The first two want a *state*; the others want somebody who *owns* each part of
//! the task at each time. That is what the state word of [`state`] is for.
//!
//! Read on in this order:
//!
//! 1. [`state`]: the life of a task as one word, and the arrows between its states
//! 2. [`cell`]: one allocation for header, future and output
//! 3. [`raw`]: the operations, for whoever calls: wake and abort; what an executor does with a task is
//!    in [`raw::turn`], what a handle does in [`raw::joining`]
//! 4. [`waker`]: how the world outside tells a task to run again
//! 5. [`home`]: where a woken task goes: the seam to the executors
//! 6. [`letter`]: how other threads reach a task that belongs to one thread
//! 7. [`registry`]: the living tasks of an executor
//! 8. [`join`], [`error`], [`id`]: what the spawner sees

pub(crate) mod state;
pub(crate) mod cell;
pub(crate) mod raw;
pub(crate) mod waker;
pub(crate) mod home;
pub(crate) mod letter;
pub(crate) mod registry;
pub(crate) mod join;
mod error;
mod id;
mod join_set;

pub use self::error::JoinError;
pub use self::id::Id;
pub use self::join::{AbortHandle, JoinHandle};
pub use self::join_set::JoinSet;
// What is built on top of tasks and executors, shown where people look for it.
pub use crate::task_builder::Builder;
pub use crate::yield_now::yield_now;
