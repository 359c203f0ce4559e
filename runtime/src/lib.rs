//! An async runtime to read, run and keep.

#![deny(missing_docs)]
#![deny(unsafe_op_in_unsafe_fn)]

mod blocking;
mod budget;
mod context;
mod driver;
mod executor;
mod handle;
#[cfg(feature = "hyper")]
pub mod hyper;
pub mod io;
mod metrics;
pub mod net;
mod pace;
mod queue;
mod reactor;
mod single_thread;
mod spawn;
mod sync;
pub mod task;
pub mod time;
mod timer;
mod work_stealing;
mod yield_now;

pub use executor::{DefaultExecutor, Executor, run};
pub use handle::Handle;
pub use metrics::{Metrics, WorkerMetrics};
pub use single_thread::{Builder as SingleThreadBuilder, SingleThread};
pub use spawn::{spawn, spawn_blocking, spawn_local};
pub use work_stealing::{Builder as WorkStealingBuilder, WorkStealing};
pub use yield_now::yield_now;
