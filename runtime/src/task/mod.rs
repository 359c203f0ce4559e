//! Tasks: spawning, awaiting and aborting them.
//!
//! A task is a future that an executor polls independently of the code that spawned it. [`JoinHandle`] is a
//! future of the task's output. [`JoinSet`] is a set of handles. [`Builder`] spawns a task with a name.
//!
//! ```
//! brigade::run(async {
//!     let soup = brigade::spawn(async { 6 * 7 });
//!     assert_eq!(soup.await.unwrap(), 42);
//! });
//! ```

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
mod seized;
pub(crate) mod spawn;

pub use self::error::JoinError;
pub use self::id::Id;
pub use self::join_handle::{AbortHandle, JoinHandle};
pub use self::join_set::JoinSet;
// These items are defined elsewhere, but users look for them in this module.
pub use self::spawn::Builder;
pub use crate::coop::consume_budget;
pub use crate::coop::yield_now;

/// Spawns a future: `spawn_task!(scheduler, kind, name, future)`. `kind` is a field of the task's `tracing`
/// span.
///
/// The macro writes the future straight into the task's cell. A function would take the future by value and
/// copy it (see [`cell::Reserved`]). The caller ensures that the executor is bound to this thread, or that
/// both the future and its output are `Send`.
macro_rules! spawn_task {
    ($scheduler:expr, $kind:expr, $name:expr, $future:expr) => {{
        let cell = $crate::task::cell::Reserved::new($scheduler, $kind, $name);
        // SAFETY: `future()` points to uninitialised memory for this future.
        unsafe { ::std::ptr::write(cell.future(), $future) };
        // SAFETY: the future was written just now.
        unsafe { cell.spawn($name) }
    }};
}
pub(crate) use spawn_task;
