//! Queues of ready tasks: for one thread, for a worker from which others steal, and for all workers. The
//! inbox, through which other threads reach a single-thread executor, is also here.
//!
//! A queue holds the right to run each task in it, but runs no task itself.
//!
//! # The naive version, and what breaks
//!
//! One queue behind a lock serves any number of threads:
//!
//! ```
//! use std::{collections::VecDeque, sync::{Condvar, Mutex}, thread};
//!
//! let (queue, news) = (Mutex::new(VecDeque::from_iter(0..100)), Condvar::new());
//! let take = || news.wait_while(queue.lock().unwrap(), |queue| queue.is_empty()).unwrap().pop_front();
//! let sum: i32 = thread::scope(|scope| {
//!     let worker = || (0..50).map(|_| take().unwrap()).sum::<i32>();
//!     let (one, other) = (scope.spawn(worker), scope.spawn(worker));
//!     one.join().unwrap() + other.join().unwrap()
//! });
//! assert_eq!(sum, 4950);
//! ```
//!
//! This code is correct, but all threads contend for one lock and one cache line at every push and pop. So
//! each thread gets a queue of its own, which raises three questions. How does another thread add a task?
//! Through the [`inbox`] if one thread runs all tasks; otherwise through the queue of [`inject`]. How does
//! work move from a full queue to an idle thread? The idle thread steals it from a ring (see [`stealing`]).
//! What wakes a sleeping thread? See `inbox` and `work_stealing::idle`.

pub(crate) mod inbox;
pub(crate) mod inject;
pub(crate) mod local;
pub(crate) mod stealing;
