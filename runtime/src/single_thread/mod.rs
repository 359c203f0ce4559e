//! The single-thread executor: an event loop that runs all its tasks on the thread that made it.
//!
//! It polls the main future of `block_on` and every spawned task, one at a time. When none is ready, the
//! executor sleeps in the OS until a socket, a timer or another thread wakes it. Futures are polled and
//! dropped on this thread, so they need not be `Send`. On its own thread, the executor takes no lock to
//! spawn, wake, poll or finish a task.
//!
//! # The naive version, and what breaks
//!
//! ```
//! # use std::{future::Future, pin::pin, task::{Context, Poll, Waker}};
//! # let future = async { 42 };
//! let mut future = pin!(future);
//! let mut cx = Context::from_waker(Waker::noop());
//! let output = loop {
//!     if let Poll::Ready(output) = future.as_mut().poll(&mut cx) {
//!         break output;
//!     }
//! };
//! # assert_eq!(output, 42);
//! ```
//!
//! This works, but uses a whole processor while it waits. So the loop must sleep, and a waker must end the
//! sleep. The hard part is to lose no wake between the last check of the queues and the sleep: see
//! [`queue::inbox`](crate::queue::inbox).

mod builder;
pub(crate) mod scheduler;

use std::cell::{RefCell, RefMut};
use std::fmt;
use std::future::Future;
use std::io;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

use self::scheduler::Scheduler;
use crate::builder::Builder;
use crate::context;
use crate::coop::{self, LOOK_EVERY, Pace};
use crate::driver::{self, Driver};
use crate::handle::Handle;
use crate::handle::Shared;
use crate::metrics::{Metrics, WorkerCounters};
use crate::sync::Arc;
use crate::task::JoinHandle;
use crate::task::run::MainTask;
use crate::task::scheduler_ref::Schedule;
use crate::task::state::Writer;
use crate::task::{spawn, spawn_task};
use crate::timeline::Timeline;
use crate::trace::recorder::Role;

/// The maximum number of operations from other threads between two polls of the driver. It equals the
/// maximum number of tasks polled in that time, so tasks that other threads spawn or wake do not pile up
/// in the run queue.
const OPS_PER_TURN: usize = LOOK_EVERY;

/// The single-thread executor: an event loop.
///
/// It stays on the thread that made it. [`block_on`](Self::block_on) runs a future to its end, and
/// meanwhile runs all spawned tasks. Between two calls of `block_on`, no task runs. Dropping the executor
/// drops the futures of all tasks, on this thread.
///
/// ```
/// use std::time::Duration;
///
/// let executor = brigade::SingleThread::new()?;
/// let sum = executor.block_on(async {
///     let slow = brigade::spawn(async {
///         brigade::time::sleep(Duration::from_millis(10)).await;
///         1
///     });
///     let fast = brigade::spawn(async { 2 });
///     slow.await.unwrap() + fast.await.unwrap()
/// });
/// assert_eq!(sum, 3);
/// # std::io::Result::Ok(())
/// ```
pub struct SingleThread {
    pub(crate) shared: Arc<Shared>,
    scheduler: Arc<Scheduler>,
    driver: RefCell<Driver>,
    /// Makes the executor `!Send` and `!Sync`.
    thread: PhantomData<*const ()>,
}

/// Settings of a [`SingleThread`].
pub type SingleThreadBuilder = Builder<SingleThread>;

impl SingleThread {
    /// Makes an executor with the default settings.
    ///
    /// ```
    /// let executor = brigade::SingleThread::new()?;
    /// assert_eq!(executor.block_on(async { 42 }), 42);
    /// # std::io::Result::Ok(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if the OS has no descriptors left for the event loop.
    pub fn new() -> io::Result<Self> {
        Self::builder().build()
    }

    /// Returns a builder for an executor with other settings.
    ///
    /// ```
    /// let executor = brigade::SingleThread::builder().virtual_time(true).build()?;
    /// executor.block_on(async {
    ///     // This returns immediately.
    ///     brigade::time::sleep(std::time::Duration::from_secs(3600)).await;
    /// });
    /// # std::io::Result::Ok(())
    /// ```
    pub fn builder() -> SingleThreadBuilder {
        Builder::new()
    }

    /// Runs `future` to its end on this thread, and meanwhile runs all spawned tasks.
    ///
    /// The future may borrow from its surroundings and need not be `Send`. When it ends, unfinished tasks
    /// stay in the executor. They continue in the next `block_on`.
    ///
    /// ```
    /// let executor = brigade::SingleThread::new()?;
    /// let mut orders = vec!["soup"];
    /// let slow = executor.block_on(async {
    ///     orders.push("salad"); // It borrows.
    ///     brigade::spawn(async { brigade::yield_now().await })
    /// });
    /// assert_eq!(orders, ["soup", "salad"]);
    /// // The unfinished task continues here.
    /// executor.block_on(slow).unwrap();
    /// # std::io::Result::Ok(())
    /// ```
    ///
    /// # Panics
    /// Panics if an executor is running on this thread already, or if `future` panics. A panic of a
    /// spawned task goes to its handle.
    #[track_caller]
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        let _entered = context::enter_running(&self.shared, "SingleThread::block_on");
        spawn::pinned!(F, future, |future| self.run_until(future))
    }

    #[inline(always)]
    fn run_until<F: Future>(&self, mut future: Pin<&mut F>) -> F::Output {
        coop::begin_run();
        let mut run = RunLoop::begin(self);
        loop {
            if let Some(output) = run.poll_tasks(future.as_mut()) {
                return output;
            }
            // Call `hold_clock` before the last check of the inbox. That check then sees the wakes of all
            // jobs that have ended.
            self.shared.pool.hold_clock();
            if self.scheduler.queued() == Some(0) && self.scheduler.inbox().begin_park() {
                run.park();
            } else {
                // Operations from other threads may keep this loop awake forever. Poll the driver too, so
                // that timers and sockets do not starve.
                run.poll_driver();
            }
            // Drain after the sleep, because most often an operation in the inbox ended the sleep.
            run.drain_inbox();
        }
    }

    /// Spawns a task; see [`brigade::spawn`](fn@crate::spawn). The task runs in `block_on`.
    ///
    /// ```
    /// let executor = brigade::SingleThread::new()?;
    /// let soup = executor.spawn(async { "soup" });
    /// assert!(!soup.is_finished());
    /// assert_eq!(executor.block_on(soup).unwrap(), "soup");
    /// # std::io::Result::Ok(())
    /// ```
    pub fn spawn<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        spawn_task!(self.shared.scheduler.clone(), "task", None, future)
    }

    /// Spawns a task whose future need not be `Send`; see
    /// [`brigade::spawn_local`](crate::spawn_local). The task runs in `block_on`.
    ///
    /// ```
    /// use std::rc::Rc;
    ///
    /// let executor = brigade::SingleThread::new()?;
    /// let shared = Rc::new(21);
    /// let twice = executor.spawn_local({
    ///     let shared = shared.clone();
    ///     async move { *shared * 2 }
    /// });
    /// assert_eq!(executor.block_on(twice).unwrap(), 42);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn spawn_local<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        // The executor never leaves its thread, so its tasks are bound to this thread.
        spawn_task!(self.shared.scheduler.clone(), "local", None, future)
    }

    /// Returns a handle for other threads; see [`Executor::handle`](crate::Executor::handle).
    pub fn handle(&self) -> Handle {
        Handle {
            shared: self.shared.clone(),
        }
    }

    /// Returns the events recorded so far, or `None` if recording is off; see
    /// [`Executor::timeline`](crate::Executor::timeline).
    pub fn timeline(&self) -> Option<Timeline> {
        self.shared.timeline()
    }

    /// Returns the executor's counters; see [`Executor::metrics`](crate::Executor::metrics).
    pub fn metrics(&self) -> Metrics {
        self.shared.metrics()
    }

    /// Drops the executor, then waits at most `timeout` for the running closures of
    /// [`spawn_blocking`](crate::spawn_blocking). Closures that have not begun are cancelled. If you
    /// drop the executor without this method, the drop waits for no closure.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let executor = brigade::SingleThread::new()?;
    /// let (begin, begun) = std::sync::mpsc::channel();
    /// let (send, saved) = std::sync::mpsc::channel();
    /// executor.handle().spawn_blocking(move || {
    ///     begin.send(()).unwrap();
    ///     std::thread::sleep(Duration::from_millis(20)); // writes a file
    ///     send.send("saved").unwrap();
    /// });
    /// begun.recv().unwrap();
    /// executor.shutdown_timeout(Duration::from_secs(60));
    /// assert_eq!(saved.try_recv(), Ok("saved"));
    /// # std::io::Result::Ok(())
    /// ```
    pub fn shutdown_timeout(self, timeout: Duration) {
        let deadline = Instant::now().checked_add(timeout);
        let shared = self.shared.clone();
        drop(self);
        shared.pool.wait_for_jobs(deadline);
    }
}

/// The loop of one call of `block_on`.
struct RunLoop<'a> {
    executor: &'a SingleThread,
    main: MainTask,
    counters: &'a WorkerCounters,
    driver: RefMut<'a, Driver>,
    pace: Pace,
    /// The wakers that the driver collected.
    woken: Vec<Waker>,
    /// `counters.present` includes all time up to this instant.
    counted: u64,
}

impl<'a> RunLoop<'a> {
    fn begin(executor: &'a SingleThread) -> Self {
        if let Some(recorder) = executor.shared.scheduler.probe().recorder() {
            recorder.join(Role::Worker(0));
        }
        let (main, first_turn) = MainTask::new(executor.shared.scheduler.clone());
        executor.scheduler.schedule(first_turn);
        let now = executor.shared.timers.clock().now_nanos();
        RunLoop {
            executor,
            main,
            counters: &executor.shared.counters.workers[0],
            driver: executor.driver.borrow_mut(),
            pace: Pace::new(now),
            woken: Vec::new(),
            counted: now,
        }
    }

    /// Polls ready tasks, up to a bound. The main future is in the same queue as the tasks, so neither
    /// starves the other. If the main future is ready, returns its output.
    #[inline(always)]
    fn poll_tasks<F: Future>(&mut self, mut future: Pin<&mut F>) -> Option<F::Output> {
        let scheduler = &*self.executor.scheduler;
        let probe = self.executor.shared.scheduler.probe();
        let mut left = self.pace.bound();
        while left > 0 {
            let task = scheduler.pop()?;
            left -= 1;
            coop::refill();
            if self.main.owns(&task) {
                if let Poll::Ready(output) = self.main.poll(task, future.as_mut()) {
                    return Some(output);
                }
            } else {
                self.counters.polls.add(1);
                task.run(Writer::Owner, probe);
            }
            if coop::take_yield() {
                // Poll the driver when all tasks that are now ready have been polled.
                left = left.min(scheduler.queued().unwrap_or(0));
            }
        }
        None
    }

    /// Runs operations from other threads, up to a bound, because they may arrive faster than this thread
    /// runs them.
    fn drain_inbox(&self) {
        for _ in 0..OPS_PER_TURN {
            let Some(op) = self.executor.scheduler.receive() else {
                break;
            };
            self.counters.injected.add(1);
            op.run();
        }
    }

    fn poll_driver(&mut self) {
        let (reactor, timers) = (&self.executor.shared.reactor, &self.executor.shared.timers);
        if !reactor.is_empty() || !timers.is_empty() || self.driver.has_os_timers() {
            self.driver.poll(reactor, timers, &mut self.woken);
            driver::wake_all(&mut self.woken);
        }
        let now = timers.clock().now_nanos();
        self.pace.looked(now);
        self.count(now);
    }

    /// Parks in the driver until something is ready. The inbox was empty when `begin_park` checked it.
    fn park(&mut self) {
        let (reactor, timers) = (&self.executor.shared.reactor, &self.executor.shared.timers);
        let before = timers.clock().now_nanos();
        // Publish the counters before the sleep, so that other threads see the time up to here.
        self.count(before);
        self.executor.scheduler.shrink_after_burst();
        let now = self
            .driver
            .park(reactor, timers, before, None, &mut self.woken);
        self.executor.scheduler.inbox().end_park();
        driver::wake_all(&mut self.woken);
        self.pace.resume(now);
        self.counters.parks.add(1);
        self.counters.asleep.add(now - before);
        self.count(now);
    }

    /// Adds the time up to `now` to the counters.
    fn count(&mut self, now: u64) {
        let before = std::mem::replace(&mut self.counted, now);
        self.counters.present.add(now - before);
        self.counters
            .queued
            .set(self.executor.scheduler.queued().unwrap_or(0) as u64);
    }
}

impl Drop for RunLoop<'_> {
    fn drop(&mut self) {
        // If the driver has panicked, the main future may be in the queue.
        if std::thread::panicking() {
            self.executor.scheduler.unqueue(self.main.raw());
        }
        self.count(self.executor.shared.timers.clock().now_nanos());
    }
}

impl Drop for SingleThread {
    /// Drops the future of every task, on this thread. Cancels jobs of the blocking pool that have not
    /// begun. Wakes tasks of other executors that wait for a socket or a timer of this executor.
    fn drop(&mut self) {
        let _entered = context::enter_closing(&self.shared);
        self.scheduler.close(&self.shared.scheduler);
        self.shared.close();
    }
}

impl fmt::Debug for SingleThread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SingleThread")
            .field("metrics", &self.metrics())
            .finish()
    }
}
