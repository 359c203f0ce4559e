//! The trait [`Executor`] for programs that are generic over the executor, and the default executor.

use std::future::Future;
use std::panic::{RefUnwindSafe, UnwindSafe};

use futures_task::{FutureObj, LocalFutureObj, LocalSpawn, Spawn, SpawnError};

use crate::context;
use crate::handle::Handle;
use crate::metrics::Metrics;
use crate::single_thread::SingleThread;
use crate::task::{JoinHandle, spawn, spawn_task};
use crate::timeline::Timeline;
use crate::work_stealing::WorkStealing;

/// A trait for programs that run on either executor.
///
/// ```
/// use brigade::{Executor, SingleThread};
///
/// fn dinner(executor: &impl Executor) -> u32 {
///     executor.block_on(async {
///         let noodles = brigade::spawn(async { 1 });
///         let sauce = brigade::spawn(async { 2 });
///         noodles.await.unwrap() + sauce.await.unwrap()
///     })
/// }
///
/// assert_eq!(dinner(&SingleThread::new()?), 3);
/// # std::io::Result::Ok(())
/// ```
pub trait Executor {
    /// Runs `future` to its end on the calling thread. Meanwhile, spawned tasks run too. The future may
    /// borrow and need not be `Send`.
    ///
    /// ```
    /// use brigade::{Executor, SingleThread, WorkStealing};
    ///
    /// fn length(executor: &impl Executor, word: &str) -> usize {
    ///     executor.block_on(async { word.len() }) // It borrows.
    /// }
    /// assert_eq!(length(&SingleThread::new()?, "soup"), 4);
    /// assert_eq!(length(&WorkStealing::with_workers(2)?, "soup"), 4);
    /// # std::io::Result::Ok(())
    /// ```
    ///
    /// # Panics
    /// Panics if an executor is running on this thread already, or if `future` panics.
    #[track_caller]
    fn block_on<F: Future>(&self, future: F) -> F::Output;

    /// Spawns a task; see [`brigade::spawn`](fn@crate::spawn).
    ///
    /// ```
    /// use brigade::{Executor, SingleThread, WorkStealing};
    ///
    /// fn cook(executor: &impl Executor) -> &'static str {
    ///     let soup = executor.spawn(async { "soup" });
    ///     executor.block_on(soup).unwrap()
    /// }
    /// assert_eq!(cook(&SingleThread::new()?), "soup");
    /// assert_eq!(cook(&WorkStealing::with_workers(2)?), "soup");
    /// # std::io::Result::Ok(())
    /// ```
    fn spawn<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static;

    /// Returns how many threads poll tasks.
    ///
    /// ```
    /// use brigade::{Executor, SingleThread, WorkStealing};
    ///
    /// assert_eq!(SingleThread::new()?.workers(), 1);
    /// assert_eq!(WorkStealing::with_workers(2)?.workers(), 2);
    /// # std::io::Result::Ok(())
    /// ```
    fn workers(&self) -> usize;

    /// Returns a handle for other threads.
    ///
    /// ```
    /// use brigade::{Executor, SingleThread};
    ///
    /// fn order(executor: &impl Executor) -> &'static str {
    ///     let handle = executor.handle();
    ///     let waiter = std::thread::spawn(move || handle.spawn(async { "soup" }));
    ///     executor.block_on(waiter.join().unwrap()).unwrap()
    /// }
    /// assert_eq!(order(&SingleThread::new()?), "soup");
    /// # std::io::Result::Ok(())
    /// ```
    fn handle(&self) -> Handle;

    /// Returns the executor's counts so far.
    ///
    /// ```
    /// use brigade::{Executor, SingleThread};
    ///
    /// fn polls(executor: &impl Executor) -> u64 {
    ///     executor.metrics().workers.iter().map(|worker| worker.polls).sum()
    /// }
    /// let executor = SingleThread::new()?;
    /// executor.block_on(async { brigade::spawn(async {}).await.unwrap() });
    /// assert_eq!(polls(&executor), 1);
    /// # std::io::Result::Ok(())
    /// ```
    fn metrics(&self) -> Metrics;

    /// Returns the events recorded so far, if the executor was built with `record_timeline(true)`.
    ///
    /// ```
    /// let executor = brigade::SingleThread::builder().record_timeline(true).build()?;
    /// executor.block_on(async {
    ///     brigade::spawn(async {}).await.unwrap();
    /// });
    /// let timeline = executor.timeline().unwrap();
    /// assert_eq!(timeline.tasks.len(), 2); // the main future and the task
    /// # std::io::Result::Ok(())
    /// ```
    fn timeline(&self) -> Option<Timeline>;
}

/// Calls `block_on`. Moves a large future to the heap first, because each call copies its arguments in a
/// debug build.
macro_rules! block_on {
    ($executor:ident, $this:expr, $type:ty, $future:ident) => {
        if const { spawn::is_large::<$type>() } {
            $executor::block_on($this, spawn::boxed!($future))
        } else {
            $executor::block_on($this, $future)
        }
    };
}

impl Executor for SingleThread {
    #[track_caller]
    fn block_on<F: Future>(&self, future: F) -> F::Output {
        block_on!(SingleThread, self, F, future)
    }

    fn spawn<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        spawn_task!(self.shared.scheduler.clone(), "task", None, future)
    }

    fn workers(&self) -> usize {
        1
    }

    fn handle(&self) -> Handle {
        SingleThread::handle(self)
    }

    fn metrics(&self) -> Metrics {
        SingleThread::metrics(self)
    }

    fn timeline(&self) -> Option<Timeline> {
        SingleThread::timeline(self)
    }
}

impl Executor for WorkStealing {
    #[track_caller]
    fn block_on<F: Future>(&self, future: F) -> F::Output {
        block_on!(WorkStealing, self, F, future)
    }

    fn spawn<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        spawn_task!(self.shared.scheduler.clone(), "task", None, future)
    }

    fn workers(&self) -> usize {
        WorkStealing::workers(self)
    }

    fn handle(&self) -> Handle {
        WorkStealing::handle(self)
    }

    fn metrics(&self) -> Metrics {
        WorkStealing::metrics(self)
    }

    fn timeline(&self) -> Option<Timeline> {
        WorkStealing::timeline(self)
    }
}

/// Supports libraries that take a spawner. The task is detached.
///
/// ```
/// use futures_task::Spawn;
///
/// fn light_the_stove(kitchen: &impl Spawn) {
///     kitchen.spawn_obj(Box::pin(async {}).into()).unwrap();
/// }
///
/// light_the_stove(&brigade::SingleThread::new()?);
/// # std::io::Result::Ok(())
/// ```
impl Spawn for SingleThread {
    fn spawn_obj(&self, future: FutureObj<'static, ()>) -> Result<(), SpawnError> {
        drop(SingleThread::spawn(self, future));
        Ok(())
    }
}

/// Supports libraries that take a spawner for futures that are not `Send`.
impl LocalSpawn for SingleThread {
    fn spawn_local_obj(&self, future: LocalFutureObj<'static, ()>) -> Result<(), SpawnError> {
        drop(SingleThread::spawn_local(self, future));
        Ok(())
    }
}

/// Supports libraries that take a spawner. The task is detached.
impl Spawn for WorkStealing {
    fn spawn_obj(&self, future: FutureObj<'static, ()>) -> Result<(), SpawnError> {
        drop(WorkStealing::spawn(self, future));
        Ok(())
    }
}

/// Supports libraries that take a spawner. The task is detached. If the executor is gone, the task is
/// cancelled immediately.
impl Spawn for Handle {
    fn spawn_obj(&self, future: FutureObj<'static, ()>) -> Result<(), SpawnError> {
        drop(Handle::spawn(self, future));
        Ok(())
    }
}

// These types are unwind safe: a panic of a task goes to its handle, and after a panic of a main future,
// the executor stays usable.
impl UnwindSafe for SingleThread {}
impl RefUnwindSafe for SingleThread {}
impl UnwindSafe for WorkStealing {}
impl RefUnwindSafe for WorkStealing {}
impl UnwindSafe for Handle {}
impl RefUnwindSafe for Handle {}

/// The executor of [`run`]: [`SingleThread`], or [`WorkStealing`] with the feature `work-stealing`.
///
/// The feature changes only this alias. Both executors always exist, and no trait bound depends on the
/// feature. So a program still compiles if one of its dependencies turns the feature on.
///
/// ```
/// use brigade::{DefaultExecutor, SingleThread};
///
/// let executor: SingleThread = DefaultExecutor::new()?;
/// assert_eq!(executor.block_on(async { 42 }), 42);
/// # std::io::Result::Ok(())
/// ```
#[cfg(not(feature = "work-stealing"))]
pub type DefaultExecutor = SingleThread;

/// The executor of [`run`]: [`WorkStealing`], or [`SingleThread`] without the feature
/// `work-stealing`.
///
/// The feature changes only this alias. Both executors always exist, and no trait bound depends on the
/// feature. So a program still compiles if one of its dependencies turns the feature on.
///
/// ```
/// use brigade::{DefaultExecutor, WorkStealing};
///
/// let executor: WorkStealing = DefaultExecutor::new()?;
/// assert_eq!(executor.block_on(async { 42 }), 42);
/// # std::io::Result::Ok(())
/// ```
#[cfg(feature = "work-stealing")]
pub type DefaultExecutor = WorkStealing;

/// Runs `future` to its end on a new [`DefaultExecutor`].
///
/// ```
/// let answer = brigade::run(async {
///     let task = brigade::spawn(async { 6 * 7 });
///     task.await.unwrap()
/// });
/// assert_eq!(answer, 42);
/// ```
///
/// # Panics
/// Panics if the OS refuses to set up an event loop, if an executor is running on this thread already,
/// or if `future` panics.
#[track_caller]
pub fn run<F: Future>(future: F) -> F::Output {
    // `block_on` also refuses a nested call, but its message would name a function that the user did not
    // call.
    context::refuse_nested("brigade::run");
    match DefaultExecutor::new() {
        Ok(executor) => block_on!(DefaultExecutor, &executor, F, future),
        Err(error) => panic!("brigade::run: no executor could be built: {error}"),
    }
}
