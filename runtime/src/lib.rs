//! An async runtime with two executors, [`SingleThread`] and [`WorkStealing`]. Its source is written to be
//! read.
//!
//! Both executors use the same code for tasks, wakers, sockets and timers. `SingleThread` is an event loop on
//! one thread. It is *concurrent*, because many tasks are in progress at the same time. `WorkStealing` has
//! many threads that take tasks from one another. It is also *parallel*, because many tasks execute at the
//! same instant.
//!
//! ```
//! use std::time::Duration;
//!
//! brigade::run(async {
//!     let water = brigade::spawn(async {
//!         brigade::time::sleep(Duration::from_millis(20)).await;
//!         "boiling"
//!     });
//!     let vegetables = brigade::spawn(async { "chopped" });
//!     assert_eq!(vegetables.await.unwrap(), "chopped");
//!     assert_eq!(water.await.unwrap(), "boiling");
//! });
//! ```
//!
//! # Using it
//!
//! - [`run`] runs a future on the default executor: [`SingleThread`], or [`WorkStealing`] with the
//!   feature `work-stealing`. To choose one yourself, call [`SingleThread::new`] or
//!   [`WorkStealing::with_workers`]. To be generic over both, use the trait [`Executor`].
//! - Tasks: [`spawn()`], [`spawn_local`], [`spawn_blocking`], [`task::JoinSet`], [`yield_now()`].
//! - [`time`]: sleeps, intervals, timeouts. [`net`]: sockets. [`io`]: any other source of events.
//! - `brigade::hyper` (feature `hyper`): hyper's clients and servers on brigade.
//! - `brigade::signal` (feature `signal`): SIGINT, SIGTERM and other signals as futures.
//! - `#[brigade::main]` and `#[brigade::test]` (feature `macros`): async `main` and tests. [`explore()`] runs
//!   a test with its tasks in many orders, and reports a seed that fails.
//!
//! If you know tokio or smol, see the [migration table](guide::from_tokio_or_smol). [The
//! ecosystem](guide::ecosystem) lists the crates that run on brigade, and what each crate needs. [`promises`]
//! lists brigade's guarantees (fairness, cancellation, panics, drops, fork) with their tests.
//!
//! Channels, locks, HTTP and TLS are not included: `async-channel`, `async-lock`, `futures-util`, `hyper` and
//! `futures-rustls` work unchanged.
//!
//! # Features
//!
//! | feature | effect |
//! |---|---|
//! | `work-stealing` | [`DefaultExecutor`] is [`WorkStealing`]. Without this feature, both executors exist too |
//! | `hyper` | `brigade::hyper`: hyper's runtime traits for brigade's types, and a connector for hyper-util's pooled client |
//! | `tracing` | a `tracing` span for each task, and inside this span, a span for each poll |
//! | `precise-timers` | `precise_timers` in both builders: timers are late by tens of microseconds, not by a millisecond |
//! | `signal` | `brigade::signal`: signals of Unix as futures |
//! | `macros` | `#[brigade::main]` and `#[brigade::test]` |

#![deny(missing_docs)]
#![deny(unsafe_op_in_unsafe_fn)]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(not(unix))]
compile_error!(
    "brigade needs epoll or kqueue: it runs on Linux, macOS and the BSDs, but not on Windows"
);

// Synchronisation, from std or loom.
mod sync;
// Fairness between tasks.
mod coop;
// The record of a run.
mod trace;
// Tasks.
pub mod task;
// Queues of ready tasks.
mod queue;
// The OS and the clock, which wake tasks.
mod timer;
mod reactor;
mod driver;
mod metrics;
pub mod timeline;
// What both executors share.
mod builder;
mod blocking;
mod context;
mod handle;
// The two executors.
mod single_thread;
mod work_stealing;
// The base for executors in other crates.
#[doc(hidden)]
pub mod custom;
mod executor;
// The public API.
pub mod io;
pub mod time;
pub mod net;
#[cfg(all(feature = "signal", unix))]
#[cfg_attr(docsrs, doc(cfg(feature = "signal")))]
pub mod signal;
mod testing;
#[cfg(feature = "macros")]
mod macros;
pub mod guide;
#[cfg(feature = "hyper")]
#[cfg_attr(docsrs, doc(cfg(feature = "hyper")))]
pub mod hyper;
// The library's guarantees.
pub mod promises;

pub use builder::Builder;
pub use coop::yield_now;
pub use executor::{DefaultExecutor, Executor, run};
pub use handle::{EnterGuard, Handle};
#[cfg(feature = "macros")]
#[cfg_attr(docsrs, doc(cfg(feature = "macros")))]
pub use macros::{main, test};
pub use metrics::{Metrics, WorkerMetrics};
pub use single_thread::{SingleThread, SingleThreadBuilder};
pub use task::spawn::{spawn, spawn_blocking, spawn_local};
pub use testing::explore;
pub use work_stealing::{WorkStealing, WorkStealingBuilder};

/// The README's programs, which are compiled and run with the tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

#[cfg(all(test, loom))]
mod loom_tests;

#[cfg(test)]
mod test_support;
