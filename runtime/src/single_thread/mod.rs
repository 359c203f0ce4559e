//! One cook: an event loop that runs all its tasks on the thread that made it.
//!
//! **Job.** Poll the main future of `block_on` and every spawned task, one at a time; when none is
//! ready, sleep in the OS until a socket, a timer or another thread has something.
//!
//! **Owns** its run queue, its [`Driver`] and the futures of its tasks, which need not be `Send`:
//! they are polled on this thread and dropped on this thread.
//!
//! **Never** takes a lock or makes an atomic read-modify-write to spawn, wake, poll or finish a task on
//! its own thread (sockets and cloned wakers do), and never sleeps while anything is ready.
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
//! It works, and burns a processor while it waits. So the loop must sleep; so somebody must wake
//! it; so a wake must never come between its last look and its sleep. That is the hard part, and it
//! stands in [`queue::letter_box`](crate::queue::letter_box).
//!
//! # A turn of the loop
//!
//! 1. Poll ready tasks, up to a bound (see [`coop`](crate::coop)).
//! 2. Read the letters of other threads.
//! 3. Tasks are ready: *look* at the OS and the clock. None is: *sleep* until there is something.
//!
//! The main future takes its turns in the same queue as the tasks, so neither starves the other.
//!
//! # Rejected
//!
//! - *Looking at the OS after each poll.* Fair, and a system call a poll.
//! - *A bound on polls alone.* 64 polls of 10 ms each would leave a timer 640 ms late. So the bound
//!   follows the clock: see [`coop`](crate::coop).
//! - *Tasks behind `Rc`, wakers that are not thread-safe.* A [`Waker`] is `Send`
//!   by its type, whatever its maker thinks (glommio #379, monoio #121).

mod builder;
pub(crate) mod scheduler;

use std::cell::{RefCell, RefMut};
use std::fmt;
use std::future::Future;
use std::io;
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

pub use self::builder::Builder;
use self::scheduler::Scheduler;
use crate::context;
use crate::coop::{self, LOOK_EVERY, Pace};
use crate::driver::{self, Driver};
use crate::handle::Handle;
use crate::metrics::Metrics;
use crate::recorder::{Recorder, Role};
use crate::shared::Shared;
use crate::spans::TaskSpan;
use crate::sync::Arc;
use crate::task::JoinHandle;
use crate::task::raw::{RawTask, Runnable};
use crate::task::state::{Pend, Start};
use crate::task::waker;
use crate::timeline::{MAIN, Timeline};

/// Letters read between two looks at the OS and the clock. As many as there may be polls, so that
/// tasks which other threads spawn do not pile up faster than they run.
const LETTERS_PER_TURN: usize = LOOK_EVERY;

/// The single-thread executor: one cook.
///
/// It stays on the thread that made it. [`block_on`](Self::block_on) runs a future to its end and
/// all spawned tasks meanwhile; between two calls the tasks stand still. Dropping the executor
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
    shared: Arc<Shared>,
    scheduler: Arc<Scheduler>,
    driver: RefCell<Driver>,
    /// Neither `Send` nor `Sync`.
    thread: PhantomData<*const ()>,
}

impl SingleThread {
    /// An executor with the usual settings.
    ///
    /// ```
    /// let executor = brigade::SingleThread::new()?;
    /// assert_eq!(executor.block_on(async { 42 }), 42);
    /// # std::io::Result::Ok(())
    /// ```
    ///
    /// # Errors
    /// If the OS has no descriptors left for the event loop.
    pub fn new() -> io::Result<Self> {
        Self::builder().build()
    }

    /// An executor with settings of your own.
    ///
    /// ```
    /// let executor = brigade::SingleThread::builder().virtual_time(true).build()?;
    /// executor.block_on(async {
    ///     // Over at once.
    ///     brigade::time::sleep(std::time::Duration::from_secs(3600)).await;
    /// });
    /// # std::io::Result::Ok(())
    /// ```
    pub fn builder() -> Builder {
        Builder::new()
    }

    /// Runs `future` to its end, and all spawned tasks meanwhile, on this thread.
    ///
    /// The future may borrow from its surroundings and need not be `Send`. Tasks that are not done
    /// when it is stay where they are and go on in the next `block_on`.
    ///
    /// ```
    /// let executor = brigade::SingleThread::new()?;
    /// let mut orders = vec!["soup"];
    /// let slow = executor.block_on(async {
    ///     orders.push("salad"); // It borrows.
    ///     brigade::spawn(async { brigade::yield_now().await })
    /// });
    /// assert_eq!(orders, ["soup", "salad"]);
    /// // What was not done goes on here.
    /// executor.block_on(slow).unwrap();
    /// # std::io::Result::Ok(())
    /// ```
    ///
    /// # Panics
    /// If an executor is running on this thread already; and if `future` panics. A panic of a
    /// spawned task goes to its handle.
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        let _entered = context::enter_running(&self.shared, "SingleThread::block_on");
        let mut future = pin!(TaskSpan::open("block_on", None).around(future));
        let mut shift = Shift::begin(self);
        let main = Main::new(self);
        loop {
            if let Some(output) = shift.poll_tasks(|task| main.poll(task, future.as_mut())) {
                return output;
            }
            shift.read_letters(LETTERS_PER_TURN);
            shift.turn();
        }
    }

    /// Spawns a task; see [`brigade::spawn`](fn@crate::spawn). It runs in `block_on`.
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
        self.shared.spawn(future, None)
    }

    /// Spawns a task whose future need not be `Send`; see
    /// [`brigade::spawn_local`](crate::spawn_local). It runs in `block_on`.
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
        // The executor cannot leave its thread, so this is it.
        match self.shared.spawn_local(future, None) {
            Ok(handle) => handle,
            Err(_) => unreachable!("a SingleThread is on the thread that made it"),
        }
    }

    /// A handle for other threads.
    ///
    /// ```
    /// let executor = brigade::SingleThread::new()?;
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
    /// assert!(brigade::SingleThread::new()?.timeline().is_none());
    ///
    /// let recorded = brigade::SingleThread::builder().record_timeline(true).build()?;
    /// recorded.block_on(async {});
    /// assert_eq!(recorded.timeline().unwrap().tasks[0].label(0), "main");
    /// # std::io::Result::Ok(())
    /// ```
    pub fn timeline(&self) -> Option<Timeline> {
        self.shared.home.recorder().map(|it| Timeline::collect(it))
    }

    /// What the executor has counted so far.
    ///
    /// ```
    /// let executor = brigade::SingleThread::new()?;
    /// let idle = executor.spawn(std::future::pending::<()>());
    /// executor.block_on(brigade::yield_now());
    /// assert_eq!(executor.metrics().in_flight, 1);
    /// # drop(idle);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn metrics(&self) -> Metrics {
        self.publish();
        self.shared.counters.read()
    }

    /// Makes what the scheduler counted visible to other threads.
    fn publish(&self) {
        let (now, most) = self.scheduler.in_flight();
        self.shared.counters.in_flight.set(now, most);
    }
}

/// One stay in `block_on`.
struct Shift<'a> {
    executor: &'a SingleThread,
    recorder: Option<&'a Recorder>,
    driver: RefMut<'a, Driver>,
    pace: Pace,
    /// Whom the driver says to wake.
    woken: Vec<Waker>,
    /// When what was counted was last made visible to other threads.
    published: u64,
    /// Polls that are not yet published.
    polls: u64,
}

impl<'a> Shift<'a> {
    fn begin(executor: &'a SingleThread) -> Self {
        let recorder = executor.shared.home.recorder().map(|it| &**it);
        if let Some(recorder) = recorder {
            recorder.join(Role::Worker(0));
        }
        let now = executor.shared.timers.clock().now_nanos();
        Shift {
            executor,
            recorder,
            driver: executor.driver.borrow_mut(),
            pace: Pace::new(now),
            woken: Vec::new(),
            published: now,
            polls: 0,
        }
    }

    /// Step 1: polls ready tasks. `main` polls the main future if the task stands for it, and hands
    /// the task back if it does not; the main future's output ends it all.
    #[inline(always)]
    fn poll_tasks<T>(
        &mut self,
        mut main: impl FnMut(Runnable) -> Result<Poll<T>, Runnable>,
    ) -> Option<T> {
        let scheduler = &*self.executor.scheduler;
        let mut left = self.pace.bound();
        while left > 0 {
            let task = scheduler.pop()?;
            left -= 1;
            coop::refill();
            match main(task) {
                Err(task) => {
                    self.polls += 1;
                    task.run_recorded(self.recorder);
                }
                Ok(Poll::Pending) => {}
                Ok(Poll::Ready(output)) => return Some(output),
            }
            if coop::take_yield() {
                // Look as soon as everybody who is ready now has had a turn.
                left = left.min(scheduler.queued());
            }
        }
        None
    }

    /// Step 2: carries out what other threads asked for, up to a bound: they may ask faster than this
    /// thread can do.
    fn read_letters(&self, at_most: usize) {
        for _ in 0..at_most {
            let Some(letter) = self.executor.scheduler.letters().take() else {
                break;
            };
            self.executor.shared.counters.workers[0].injected.add(1);
            // Dropping a letter carries it out.
            drop(letter);
        }
    }

    /// Step 3: looks at the OS and the clock, or sleeps in the OS.
    fn turn(&mut self) {
        let scheduler = &*self.executor.scheduler;
        let (reactor, timers) = (&self.executor.shared.reactor, &self.executor.shared.timers);
        // Read before the letters: a job that has ended by now has sent its own.
        timers.clock().hold(|| self.executor.shared.pool.is_busy());
        // Letters keep it up as tasks do: those that lead to letters and to no task, for ever, must not
        // keep it from timers and sockets.
        if scheduler.queued() > 0 || !scheduler.letters().fall_asleep() {
            if !reactor.is_empty() || !timers.is_empty() {
                let woken = &mut self.woken;
                self.driver.poll(reactor, timers, woken);
                driver::wake_all(woken);
            }
            let now = timers.clock().now_nanos();
            self.pace.looked(now);
            self.publish(now);
        } else {
            self.publish(timers.clock().now_nanos());
            scheduler.forget_peak();
            let slept = self.driver.park(reactor, timers, None, &mut self.woken);
            driver::wake_all(&mut self.woken);
            scheduler.letters().wake_up();
            let now = timers.clock().now_nanos();
            self.pace.resume(now);
            let worker = &self.executor.shared.counters.workers[0];
            worker.parks.add(1);
            worker.asleep.add(slept.as_nanos() as u64);
            self.publish(now);
        }
    }

    /// Makes what was counted visible to other threads.
    fn publish(&mut self, now: u64) {
        self.executor.publish();
        let counters = &self.executor.shared.counters;
        let worker = &counters.workers[0];
        worker.polls.add(std::mem::take(&mut self.polls));
        worker
            .present
            .add(now - std::mem::replace(&mut self.published, now));
        counters.at_once.set(0, usize::from(worker.polls.get() > 0));
    }
}

impl Drop for Shift<'_> {
    /// Nobody may come for the letters for a long time. Those of threads that await a task which this stay
    /// has completed must not lie about meanwhile.
    fn drop(&mut self) {
        self.read_letters(self.executor.scheduler.letters().rest());
        self.publish(self.executor.shared.timers.clock().now_nanos());
    }
}

/// The main future, with the task that stands for it in the run queue.
struct Main<'a> {
    executor: &'a SingleThread,
    task: RawTask,
}

impl<'a> Main<'a> {
    fn new(executor: &'a SingleThread) -> Self {
        let turn = RawTask::new_main(executor.shared.home.clone());
        let task = turn.raw();
        task.report_spawn(Some(MAIN));
        task.home().scheduler().schedule(turn);
        Main { executor, task }
    }

    #[inline(always)]
    fn poll<F: Future>(
        &self,
        task: Runnable,
        future: Pin<&mut F>,
    ) -> Result<Poll<F::Output>, Runnable> {
        if task.raw() != self.task {
            return Err(task);
        }
        let (Start::Poll | Start::Cancel) = task.start();
        // A waker that is not counted: the task outlives the poll.
        let waker = ManuallyDrop::new(waker::borrowed(self.task));
        let polled = self
            .task
            .report_poll(|| future.poll(&mut Context::from_waker(&waker)));
        if polled.is_pending() && self.task.pend() == Pend::Requeue {
            let scheduler = self.task.home().scheduler();
            scheduler.reschedule(Runnable::from_queue(self.task));
        }
        Ok(polled)
    }
}

impl Drop for Main<'_> {
    /// Also when the main future panics.
    fn drop(&mut self) {
        self.executor.scheduler.unqueue(self.task);
        self.task.end_main();
    }
}

impl Drop for SingleThread {
    /// Drops the future of every task, on this thread; cancels jobs of the blocking pool that have
    /// not begun; wakes whoever waits for a socket or a timer of this executor elsewhere.
    fn drop(&mut self) {
        let _entered = context::enter(&self.shared);
        self.scheduler.close(&self.shared.home);
        self.shared.pool.close();
        driver::close(&self.shared.reactor, &self.shared.timers);
        self.publish();
    }
}

impl fmt::Debug for SingleThread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SingleThread")
            .field("metrics", &self.metrics())
            .finish()
    }
}
