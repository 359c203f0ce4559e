//! The work-stealing executor: worker threads that take tasks from one another.
//!
//! One queue behind a lock for N threads would be correct, but would be slower with every additional thread.
//! The threads would wait for the lock, and every task's memory would move from core to core. So each worker
//! has its own queues, and steals from another worker only when its own queues are empty. It steals half of
//! the other worker's tasks at once, so it seldom has to steal again. The code for tasks, wakers, events and
//! timers is shared with the single-thread executor. This folder contains only what several workers need in
//! addition:
//!
//! 1. [`idle`]: which worker must be woken (the central race)
//! 2. [`park`]: how a worker parks, and how a thread in `block_on` parks
//! 3. [`monitor`]: what happens to tasks and timers behind a long poll
//! 4. [`scheduler`]: where a woken task goes, from any thread
//! 5. [`worker`]: the loop of one worker, and [`search`]: how it finds tasks
//! 6. [`owned`]: the list of all tasks that have not ended, with a part for each worker
//! 7. [`shutdown`]: which thread cancels the remaining tasks
//!
//! # Rejected
//!
//! - *A reactor thread.* Every event would be passed to another thread before the task that waits for the
//!   event can run.
//! - *A reactor for each worker.* Each socket would belong to one worker. A busy worker's sockets would wait
//!   while other workers are idle.
//! - *The deque of crossbeam.* A thief reads an item before it claims the item. Miri and ThreadSanitizer
//!   report this as a data race. See [`queue::stealing`](crate::queue::stealing).

mod builder;
pub(crate) mod idle;
pub(crate) mod monitor;
pub(crate) mod owned;
pub(crate) mod park;
pub(crate) mod scheduler;
pub(crate) mod search;
pub(crate) mod shutdown;
pub(crate) mod worker;

use std::fmt;
use std::future::Future;
use std::io;
use std::time::{Duration, Instant};

use self::scheduler::Scheduler;
use self::shutdown::ShutdownLatch;
use crate::builder::Builder;
use crate::context;
use crate::handle::Handle;
use crate::handle::Shared;
use crate::metrics::Metrics;
use crate::sync::Arc;
use crate::task::{JoinHandle, spawn, spawn_task};
use crate::timeline::Timeline;

/// The work-stealing executor: threads that take tasks from one another.
///
/// Its workers run the spawned tasks, even if no thread is in [`block_on`](Self::block_on). When the executor
/// is dropped, it waits for the polls in progress, then drops the futures of all tasks.
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
    pub(crate) shared: Arc<Shared>,
    scheduler: Arc<Scheduler>,
    latch: Arc<ShutdownLatch>,
}

/// Settings of a [`WorkStealing`].
pub type WorkStealingBuilder = Builder<WorkStealing>;

impl WorkStealing {
    /// Makes an executor with one worker for each core.
    ///
    /// ```
    /// let executor = brigade::WorkStealing::new()?;
    /// let cores = std::thread::available_parallelism()?;
    /// assert_eq!(executor.workers(), cores.get());
    /// # std::io::Result::Ok(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if the OS has no descriptors left for the event loop, or refuses to start a thread.
    pub fn new() -> io::Result<Self> {
        Self::builder().build()
    }

    /// Makes an executor with this number of workers.
    ///
    /// ```
    /// assert_eq!(brigade::WorkStealing::with_workers(2)?.workers(), 2);
    /// # std::io::Result::Ok(())
    /// ```
    ///
    /// # Errors
    /// Returns `InvalidInput` for 0 and for more than 4096 workers. Otherwise returns the errors of
    /// [`new`](Self::new).
    pub fn with_workers(workers: usize) -> io::Result<Self> {
        Self::builder().workers(workers).build()
    }

    /// Returns a builder, which can change the default settings of the executor.
    ///
    /// ```
    /// let executor = brigade::WorkStealing::builder().workers(2).name("cook").build()?;
    /// assert_eq!(executor.block_on(async { 42 }), 42);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn builder() -> WorkStealingBuilder {
        Builder::new()
    }

    /// Runs `future` to its end on this thread, while the workers run the spawned tasks.
    ///
    /// The future may borrow from its surroundings and need not be `Send`. While the future waits, the thread
    /// is parked. Parking may consume a token that a call of std's `Thread::unpark` left.
    ///
    /// Several threads may be in `block_on` at the same time:
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
    /// Panics if an executor is running on this thread already, or if `future` panics. If a spawned task
    /// panics, only the task's handle returns the panic.
    #[track_caller]
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        let _entered = context::enter_running(&self.shared, "WorkStealing::block_on");
        let probe = self.shared.scheduler.probe();
        spawn::pinned!(F, future, |future| park::block_on(future, probe.clone()))
    }

    /// Spawns a task; see [`brigade::spawn`](fn@crate::spawn). A worker runs it, even if no thread is in
    /// `block_on`.
    ///
    /// ```
    /// let executor = brigade::WorkStealing::with_workers(1)?;
    /// let (send, receive) = std::sync::mpsc::channel();
    /// executor.spawn(async move { send.send("soup").unwrap() });
    /// // No thread is in `block_on`.
    /// assert_eq!(receive.recv().unwrap(), "soup");
    /// # std::io::Result::Ok(())
    /// ```
    pub fn spawn<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        spawn_task!(self.shared.scheduler.clone(), "task", None, future)
    }

    /// Returns the number of workers.
    ///
    /// ```
    /// assert_eq!(brigade::WorkStealing::with_workers(2)?.workers(), 2);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn workers(&self) -> usize {
        self.scheduler.remotes.len()
    }

    /// Returns a handle for other threads; see [`Executor::handle`](crate::Executor::handle).
    pub fn handle(&self) -> Handle {
        Handle {
            shared: self.shared.clone(),
        }
    }

    /// Returns the events so far, if the builder enabled their recording. See
    /// [`Executor::timeline`](crate::Executor::timeline).
    pub fn timeline(&self) -> Option<Timeline> {
        self.shared.timeline()
    }

    /// Drops the executor, then waits at most `timeout` for the polls in progress and for the running
    /// closures of [`spawn_blocking`](crate::spawn_blocking). Closures that have not begun are cancelled. If
    /// you simply drop the executor, the drop waits for the polls without a timeout, and does not wait for
    /// closures. In a task of the executor itself, this function does not wait.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let executor = brigade::WorkStealing::with_workers(1)?;
    /// let (begin, begun) = std::sync::mpsc::channel();
    /// executor.handle().spawn_blocking(move || {
    ///     begin.send(()).unwrap();
    ///     std::thread::sleep(Duration::from_secs(3600));
    /// });
    /// begun.recv().unwrap();
    /// executor.shutdown_timeout(Duration::from_millis(10)); // gives up waiting
    /// # std::io::Result::Ok(())
    /// ```
    pub fn shutdown_timeout(self, timeout: Duration) {
        let deadline = Instant::now().checked_add(timeout);
        self.latch.shut_down(deadline);
        // The destructor of a cancelled closure may ask for the current executor.
        let _entered = context::enter_closing(&self.shared);
        self.shared.pool.close();
        // On one of this executor's workers, do not wait: a closure may wait for a task that this worker has
        // yet to cancel.
        if worker::with_current(&self.scheduler, (), |_, ()| ()).is_err() {
            self.shared.pool.wait_for_jobs(deadline);
        }
    }

    /// Returns the executor's counters; see [`Executor::metrics`](crate::Executor::metrics).
    pub fn metrics(&self) -> Metrics {
        self.shared.metrics()
    }
}

impl Drop for WorkStealing {
    /// Stops the workers and drops the future of every task; `shutdown` lists the steps. On a worker of any
    /// executor, the drop does not wait. The last worker to leave then finishes the shutdown.
    fn drop(&mut self) {
        self.latch.shut_down(None);
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
