//! Queues of tasks: of one thread, of a worker from which others steal, of all; and the letter box.
//!
//! **Job.** Keep tasks that are ready until somebody runs them. **Owns** the right to run what is in
//! them. **Never** runs anything.
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
//! let sum: i32 = thread::scope(|cooks| {
//!     let cook = || (0..50).map(|_| take().unwrap()).sum::<i32>();
//!     let (one, other) = (cooks.spawn(cook), cooks.spawn(cook));
//!     one.join().unwrap() + other.join().unwrap()
//! });
//! assert_eq!(sum, 4950);
//! ```
//!
//! It is right, and every push and every pop of every thread wants the same lock and the same cache
//! line. So a thread gets a queue to itself, and then three questions arise that this one did not have.
//! How does another thread get a task in? By the [`inbox`] where the queue has one owner only, by the queue of
//! [`inject`] where there are many. How does work get from a full queue to an idle thread? By stealing, from a
//! ring (see [`stealing`]). And what wakes a thread that sleeps? That is the race of the `inbox`, and of
//! `work_stealing::idle`.

pub(crate) mod inbox;
pub(crate) mod inject;
pub(crate) mod local;
pub(crate) mod stealing;
