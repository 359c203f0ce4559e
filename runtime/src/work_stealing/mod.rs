//! Many cooks: worker threads that take tasks from one another.
//!
//! **Job.** Run every spawned task on whichever worker is free. What a task is, how it is woken, how
//! the OS and the clock are asked: all that is shared with the single-thread executor.
//!
//! **Owns** the workers' threads, through [`crew`]. **Never** polls a task on a thread that is no
//! worker: only the main future of `block_on` runs where it was called.
//!
//! What stands in this folder is what parallelism alone adds, in the order of the stops:
//!
//! 1. [`idle`]: who sleeps, who searches, who must be woken: the hard race
//! 2. [`park`]: how one worker sleeps
//! 3. [`watch`]: what becomes of tasks and timers behind a poll that takes long
//! 4. [`scheduler`]: where a woken task goes, from whatever thread
//! 5. [`worker`]: the loop of one cook, and finding tasks
//! 6. [`main_seat`]: the main future of `block_on`
//! 7. [`crew`], who comes and goes: shutdown
//!
//! # The naive version, and what breaks
//!
//! One queue behind a lock, N threads that pop from it: correct, and slower the more threads there
//! are, since they spend their time waiting for the lock, and every task's memory travels from core
//! to core. So each worker has a queue of its own, and takes from another only when it has nothing
//! left: work moves seldom, in halves.
//!
//! # Rejected
//!
//! - *A reactor thread.* Every event would cross threads before its task runs.
//! - *A reactor a worker.* A socket belongs to the worker that made it, and one busy worker's sockets
//!   wait while others are idle.
//! - *The deque of crossbeam.* It reads a place before it claims it, which neither Miri nor
//!   ThreadSanitizer accepts. See [`queue::ring`](crate::queue::ring).

mod builder;
pub(crate) mod crew;
mod current;
pub(crate) mod idle;
pub(crate) mod main_seat;
pub(crate) mod park;
pub(crate) mod scheduler;
pub(crate) mod watch;
pub(crate) mod worker;

use std::fmt;
use std::future::Future;
use std::io;

pub use self::builder::Builder;
use self::crew::Crew;
use self::scheduler::Scheduler;
use crate::context;
use crate::handle::Handle;
use crate::metrics::Metrics;
use crate::shared::Shared;
use crate::sync::Arc;
use crate::task::JoinHandle;
use crate::timeline::Timeline;

/// The work-stealing executor: many cooks.
///
/// Its workers run spawned tasks from the moment they are spawned, whether or not somebody is in
/// [`block_on`](Self::block_on). Dropping the executor waits for the polls that are going on, then
/// drops the futures of all tasks.
///
/// ```
/// let executor = brigade::WorkStealing::with_workers(2)?;
/// let sum = executor.block_on(async {
///     let dishes: Vec<_> = (0..100_u64).map(|i| brigade::spawn(async move { i * i })).collect();
///     let mut sum = 0;
///     for dish in dishes {
///         sum += dish.await.unwrap();
///     }
///     sum
/// });
/// assert_eq!(sum, 328_350);
/// # std::io::Result::Ok(())
/// ```
pub struct WorkStealing {
    shared: Arc<Shared>,
    scheduler: Arc<Scheduler>,
    crew: Arc<Crew>,
}

impl WorkStealing {
    /// An executor with one worker a core.
    ///
    /// ```
    /// let executor = brigade::WorkStealing::new()?;
    /// let cores = std::thread::available_parallelism()?;
    /// assert_eq!(executor.workers(), cores.get());
    /// # std::io::Result::Ok(())
    /// ```
    ///
    /// # Errors
    /// If the OS has no descriptors left for the event loop, or starts no more threads.
    pub fn new() -> io::Result<Self> {
        Self::builder().build()
    }

    /// An executor with so many workers.
    ///
    /// ```
    /// assert_eq!(brigade::WorkStealing::with_workers(2)?.workers(), 2);
    /// # std::io::Result::Ok(())
    /// ```
    ///
    /// # Errors
    /// As [`new`](Self::new); and `InvalidInput` for 0.
    pub fn with_workers(workers: usize) -> io::Result<Self> {
        Self::builder().workers(workers).build()
    }

    /// An executor with settings of your own.
    ///
    /// ```
    /// let executor = brigade::WorkStealing::builder().workers(2).name("cook").build()?;
    /// assert_eq!(executor.block_on(async { 42 }), 42);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn builder() -> Builder {
        Builder::new()
    }

    /// Runs `future` to its end on this thread, while the workers run the spawned tasks.
    ///
    /// The future may borrow from its surroundings and need not be `Send`. While it waits the thread is
    /// parked, which may use up a token that `std::thread::unpark` left there.
    ///
    /// Several threads may be in `block_on` at once:
    ///
    /// ```
    /// let executor = brigade::WorkStealing::with_workers(2)?;
    /// std::thread::scope(|guests| {
    ///     for i in 0..3 {
    ///         let executor = &executor;
    ///         guests.spawn(move || {
    ///             let dish = executor.block_on(async { brigade::spawn(async move { i }).await });
    ///             assert_eq!(dish.unwrap(), i);
    ///         });
    ///     }
    /// });
    /// # std::io::Result::Ok(())
    /// ```
    ///
    /// # Panics
    /// If an executor is running on this thread already; and if `future` panics. A panic of a
    /// spawned task goes to its handle.
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        let _entered = context::enter_running(&self.shared, "WorkStealing::block_on");
        main_seat::block_on(future, self.shared.home.recorder().cloned())
    }

    /// Spawns a task; see [`brigade::spawn`](fn@crate::spawn). It begins at once.
    ///
    /// ```
    /// let executor = brigade::WorkStealing::with_workers(1)?;
    /// let (send, receive) = std::sync::mpsc::channel();
    /// drop(executor.spawn(async move { send.send("soup").unwrap() }));
    /// // Nobody is in `block_on`.
    /// assert_eq!(receive.recv().unwrap(), "soup");
    /// # std::io::Result::Ok(())
    /// ```
    pub fn spawn<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.shared.spawn(future, None)
    }

    /// How many workers there are.
    ///
    /// ```
    /// assert_eq!(brigade::WorkStealing::with_workers(2)?.workers(), 2);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn workers(&self) -> usize {
        self.scheduler.remotes.len()
    }

    /// A handle for other threads.
    ///
    /// ```
    /// let executor = brigade::WorkStealing::with_workers(2)?;
    /// let handle = executor.handle();
    /// let waiter = std::thread::spawn(move || handle.spawn(async { "soup" }));
    /// assert_eq!(executor.block_on(waiter.join().unwrap()).unwrap(), "soup");
    /// # std::io::Result::Ok(())
    /// ```
    pub fn handle(&self) -> Handle {
        Handle {
            shared: self.shared.clone(),
        }
    }

    /// What has happened so far, if the builder was told to record it.
    ///
    /// ```
    /// use brigade::WorkStealing;
    ///
    /// let executor = WorkStealing::builder().workers(2).record_timeline(true).build()?;
    /// executor.block_on(async { brigade::spawn(async {}).await.unwrap() });
    /// assert!(!executor.timeline().unwrap().events.is_empty());
    /// # std::io::Result::Ok(())
    /// ```
    pub fn timeline(&self) -> Option<Timeline> {
        self.shared.home.recorder().map(|it| Timeline::collect(it))
    }

    /// What the executor has counted so far.
    ///
    /// ```
    /// let executor = brigade::WorkStealing::with_workers(2)?;
    /// assert_eq!(executor.metrics().workers.len(), 2);
    /// assert_eq!(executor.metrics().in_flight, 0);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn metrics(&self) -> Metrics {
        self.shared.counters.read()
    }
}

impl Drop for WorkStealing {
    /// Lets the workers go and drops the future of every task; see the steps in `crew`. On a
    /// worker's thread, of this executor or another, it does not wait: the last worker does the rest.
    fn drop(&mut self) {
        Crew::dismiss(&self.crew);
    }
}

impl fmt::Debug for WorkStealing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WorkStealing")
            .field("workers", &self.workers())
            .field("metrics", &self.metrics())
            .finish()
    }
}
