//! Tasks: spawn them, await them, abort them, and how they live inside.
//!
//! **Job.** A task is a future together with everything it needs to be run by itself: a place in
//! memory, a state, a waker, a handle for its output. This module knows what a task *is*. It knows
//! no queue, no thread and no clock: when a task runs is its executor's affair, reached through
//! one seam, [`home::Schedule`].
//!
//! Read on in this order:
//!
//! 1. [`state`]: the life of a task as one word, and the arrows between its states
//! 2. [`cell`]: one allocation for header, future and output
//! 3. [`raw`]: the operations, for whoever calls: wake, abort, run, join
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
mod join;
mod error;
mod id;

pub use self::error::JoinError;
pub use self::id::Id;
pub use self::join::{AbortHandle, JoinHandle};
// What is built on top of tasks and executors, shown where people look for it.
pub use crate::join_set::JoinSet;
pub use crate::task_builder::Builder;
pub use crate::yield_now::yield_now;
