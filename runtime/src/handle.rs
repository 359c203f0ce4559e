//! The handle, through which other threads use an executor.
//!
//! A handle does not refer to the executor itself, but to those parts of it that tasks, sockets and timers
//! use. So a handle may outlive its executor.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

use crate::blocking::{Kind, Lookup, Pool, Rejected};
use crate::context::{self, Entry};
use crate::coop;
use crate::driver;
use crate::metrics::{Counters, Depths, Metrics};
use crate::reactor::Reactor;
use crate::sync::{Arc, AtomicU8, Ordering};
use crate::task::scheduler_ref::SchedulerRef;
use crate::task::state::Writer;
use crate::task::{JoinHandle, spawn, spawn_task};
use crate::timeline::Timeline;
use crate::timer::Timers;
use crate::trace::spans::TaskSpan;

/// The parts of an executor that its tasks, sockets and timers use.
pub(crate) struct Shared {
    pub(crate) scheduler: SchedulerRef,
    pub(crate) reactor: Arc<Reactor>,
    pub(crate) timers: Arc<Timers>,
    /// The timers of [`delay`](crate::reactor::delay). The same as `timers`, unless the executor's clock is
    /// virtual.
    pub(crate) os_timers: Arc<Timers>,
    pub(crate) pool: Pool,
    pub(crate) counters: Arc<Counters>,
    pub(crate) depths: Arc<dyn Depths>,
}

impl Shared {
    /// Closes the pool, the reactor and the timers. The executor's tasks must have ended.
    pub(crate) fn close(&self) {
        self.pool.close();
        driver::close(&self.reactor, [&self.timers, &self.os_timers]);
    }

    /// Returns the executor's counters, and the current lengths of its queues.
    pub(crate) fn metrics(&self) -> Metrics {
        self.counters.read(&*self.depths, self.pool.depths())
    }

    /// Returns the recorded events, if a recorder is on.
    pub(crate) fn timeline(&self) -> Option<Timeline> {
        let recorder = self.scheduler.probe().recorder()?;
        Some(Timeline::collect(recorder))
    }
}

/// Runs a user's closure on a thread of the pool, in the executor's context.
#[inline(always)]
pub(crate) fn spawn_blocking<F, T>(shared: Arc<Shared>, work: F) -> JoinHandle<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    if const { spawn::is_large::<F>() } {
        // A boxed closure is called in place, so it takes no stack space here or on the pool's thread.
        let work: Box<F> = spawn::to_heap!(work);
        let work: Box<dyn FnOnce() -> T + Send> = work;
        spawn_job(shared, work)
    } else {
        spawn_job(shared, work)
    }
}

fn spawn_job<F, T>(shared: Arc<Shared>, work: F) -> JoinHandle<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    // The job refers to `Shared`, but the pool's threads do not. So an idle thread does not keep `Shared`
    // alive.
    let context = shared.clone();
    let (handle, rejected) = shared.pool.spawn(Kind::Job, move || {
        let _entered = context::enter(&context);
        work()
    });
    run_rejected(&shared, rejected);
    handle
}

/// Looks up a name on a thread of the pool.
pub(crate) fn look_up<F, T>(shared: &Arc<Shared>, work: F) -> Lookup<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    let (lookup, rejected) = shared.pool.look_up(work);
    run_rejected(shared, rejected);
    lookup
}

/// Runs a rejected job in a task of the executor. The job must not be lost, even if it blocks the executor.
fn run_rejected(shared: &Shared, rejected: Option<Rejected>) {
    if let Some(job) = rejected {
        let scheduler = shared.scheduler.clone();
        drop(spawn_task!(
            scheduler,
            "task",
            None,
            async move { job.run() }
        ));
    }
}

/// A reference to an executor, for any thread.
///
/// A handle may outlive its executor. Tasks that it spawns after the executor's end are aborted.
///
/// ```
/// let executor = brigade::SingleThread::new().unwrap();
/// let handle = executor.handle();
/// let answer = executor.block_on(async move {
///     // Spawn from another thread onto this one.
///     let (send, receive) = std::sync::mpsc::channel();
///     std::thread::spawn(move || send.send(handle.spawn(async { 42 })).unwrap());
///     receive.recv().unwrap().await.unwrap()
/// });
/// assert_eq!(answer, 42);
/// ```
#[derive(Clone)]
pub struct Handle {
    pub(crate) shared: Arc<Shared>,
}

impl Handle {
    /// Returns the handle of the executor that is current on this thread. An executor can become current in
    /// three ways: it runs on this thread (in a `block_on` or as a worker), one of its blocking jobs runs on
    /// this thread, or its handle was [entered](Self::enter) here. If several of these apply, the executor
    /// that became current last counts.
    ///
    /// ```
    /// use brigade::Handle;
    ///
    /// brigade::run(async {
    ///     let handle = Handle::current();
    ///     // A thread outside the executor can spawn onto it now.
    ///     let waiter = std::thread::spawn(move || handle.spawn(async { "soup" }));
    ///     assert_eq!(waiter.join().unwrap().await.unwrap(), "soup");
    /// });
    /// ```
    ///
    /// # Panics
    /// Panics outside of an executor.
    #[track_caller]
    pub fn current() -> Handle {
        context::expect("Handle::current", |shared| Handle {
            shared: shared.clone(),
        })
    }

    /// Returns the handle of the executor that is current on this thread, if there is one.
    ///
    /// ```
    /// assert!(brigade::Handle::try_current().is_none());
    /// ```
    pub fn try_current() -> Option<Handle> {
        context::with(|shared| {
            shared.map(|shared| Handle {
                shared: shared.clone(),
            })
        })
    }

    /// Spawns a task onto the executor, from any thread; see [`brigade::spawn`](fn@crate::spawn).
    ///
    /// ```
    /// let executor = brigade::SingleThread::new()?;
    /// let handle = executor.handle();
    /// let soup = handle.spawn(async { "soup" });
    /// assert_eq!(executor.block_on(soup).unwrap(), "soup");
    ///
    /// drop(executor);
    /// assert!(handle.spawn(async {}).is_finished()); // aborted
    /// # std::io::Result::Ok(())
    /// ```
    pub fn spawn<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        spawn_task!(self.shared.scheduler.clone(), "task", None, future)
    }

    /// Runs a closure that may block; see [`brigade::spawn_blocking`](crate::spawn_blocking).
    ///
    /// ```
    /// let executor = brigade::SingleThread::new()?;
    /// let file = executor.handle().spawn_blocking(|| std::fs::read("Cargo.toml"));
    /// assert!(executor.block_on(file).unwrap().is_ok());
    /// # std::io::Result::Ok(())
    /// ```
    pub fn spawn_blocking<F, T>(&self, work: F) -> JoinHandle<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        spawn_blocking(self.shared.clone(), work)
    }

    /// Runs `future` to its end on this thread. The handle's executor is current meanwhile.
    ///
    /// Use this method on a thread that does not run the executor, such as a thread of its blocking pool. The
    /// future may borrow and need not be `Send`. Tasks that it spawns run on the executor's own threads.
    /// Tasks of a [`SingleThread`](crate::SingleThread) make progress only while its thread is in
    /// [`block_on`](crate::SingleThread::block_on).
    ///
    /// ```
    /// let executor = brigade::SingleThread::new()?;
    /// let sum = executor.block_on(async {
    ///     let job = brigade::spawn_blocking(|| {
    ///         // Here, blocking is allowed.
    ///         brigade::Handle::current().block_on(async { brigade::spawn(async { 20 }).await })
    ///     });
    ///     job.await.unwrap().unwrap() + 22
    /// });
    /// assert_eq!(sum, 42);
    /// # std::io::Result::Ok(())
    /// ```
    ///
    /// # Panics
    /// Panics if an executor is running on this thread already, or if `future` panics. On the thread of the
    /// handle's `SingleThread`, also panics if the future has to wait, because the executor could make no
    /// progress meanwhile.
    #[track_caller]
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        let _entered = context::enter_running(&self.shared, "Handle::block_on");
        let mut future = spawn::boxed!(future);
        let mut span = TaskSpan::open("block_on", None);
        let caller = Arc::new(Caller::new());
        let waker = Waker::from(caller.clone());
        loop {
            coop::refill();
            let poll = || future.as_mut().poll(&mut Context::from_waker(&waker));
            if let Poll::Ready(output) = span.in_poll(poll) {
                return output;
            }
            if caller.was_woken() {
                continue;
            }
            // Check outside of closures, because a panic in a closure would not report the caller's line.
            assert!(
                self.shared.scheduler.writer() != Some(Writer::Owner),
                "Handle::block_on would block the thread of its own SingleThread executor, which could \
                 then not run the tasks: call `SingleThread::block_on` instead"
            );
            caller.wait();
        }
    }

    /// Makes this executor current on the calling thread while the guard lives.
    /// [`brigade::spawn`](fn@crate::spawn), [`sleep`](crate::time::sleep) and similar functions then use it.
    /// The thread runs no tasks of this executor.
    ///
    /// If a thread has several guards, the last one entered determines the current executor. The guards may
    /// be dropped in any order. A guard that lives across an `.await` also affects other tasks that run on
    /// the thread meanwhile.
    ///
    /// ```
    /// let executor = brigade::SingleThread::new()?;
    /// let handle = executor.handle();
    /// let soup = {
    ///     let _guard = handle.enter();
    ///     brigade::spawn(async { "soup" })
    /// };
    /// assert!(brigade::Handle::try_current().is_none());
    /// assert_eq!(executor.block_on(soup).unwrap(), "soup");
    /// # std::io::Result::Ok(())
    /// ```
    pub fn enter(&self) -> EnterGuard<'_> {
        EnterGuard {
            _entry: Entry::of_guard(self.shared.clone()),
            handle: PhantomData,
        }
    }

    /// Returns the executor's counts so far.
    ///
    /// ```
    /// let executor = brigade::SingleThread::new()?;
    /// let handle = executor.handle();
    /// // Another thread may report the counts.
    /// let reporter = std::thread::spawn(move || handle.metrics().in_flight);
    /// assert_eq!(reporter.join().unwrap(), 0);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn metrics(&self) -> Metrics {
        self.shared.metrics()
    }
}

/// The thread in `Handle::block_on`, and the waker of its future.
struct Caller {
    thread: Thread,
    /// `POLLING`, `PARKED` or `WOKEN`. The park token of the thread is not enough, because the future may
    /// consume it.
    state: AtomicU8,
    /// The executor whose job the thread runs, if that executor's time is virtual. The executor's clock
    /// stands still while the job computes, but not while the job waits.
    clock_holder: Option<Arc<Shared>>,
}

const POLLING: u8 = 0;
const PARKED: u8 = 1;
const WOKEN: u8 = 2;

impl Caller {
    fn new() -> Self {
        Caller {
            thread: thread::current(),
            state: AtomicU8::new(POLLING),
            clock_holder: context::executor_of_job().filter(|it| it.timers.clock().is_virtual()),
        }
    }

    /// Returns whether the future was woken since its last poll began.
    fn was_woken(&self) -> bool {
        // This AcqRel pairs with the AcqRel of `wake_by_ref`, so the next poll sees all writes that came
        // before the wake.
        self.state.swap(POLLING, Ordering::AcqRel) == WOKEN
    }

    /// Waits until the future is woken.
    fn wait(&self) {
        let park = || {
            let exchange = |from, to| {
                (self.state).compare_exchange(from, to, Ordering::AcqRel, Ordering::Relaxed)
            };
            exchange(POLLING, PARKED).is_ok()
        };
        match &self.clock_holder {
            Some(shared) => shared.pool.park_job(park),
            None => _ = park(),
        }
        while self.state.load(Ordering::Relaxed) == PARKED {
            thread::park();
        }
        self.state.swap(POLLING, Ordering::AcqRel);
    }
}

impl Wake for Caller {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let unpark = || self.state.swap(WOKEN, Ordering::AcqRel) == PARKED;
        let unparked = match &self.clock_holder {
            Some(shared) => shared.pool.unpark_job(unpark),
            None => unpark(),
        };
        if unparked {
            self.thread.unpark();
        }
    }
}

/// Keeps an executor current on a thread while the guard lives; see [`Handle::enter`].
///
/// ```
/// let executor = brigade::WorkStealing::with_workers(1)?;
/// let handle = executor.handle();
/// let guard = handle.enter();
/// assert!(brigade::Handle::try_current().is_some());
/// drop(guard);
/// assert!(brigade::Handle::try_current().is_none());
/// # std::io::Result::Ok(())
/// ```
#[must_use = "the executor is the current one only while the guard lives"]
pub struct EnterGuard<'a> {
    _entry: Entry,
    handle: PhantomData<&'a Handle>,
}

impl fmt::Debug for EnterGuard<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EnterGuard").finish_non_exhaustive()
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle")
            .field("metrics", &self.metrics())
            .finish()
    }
}
