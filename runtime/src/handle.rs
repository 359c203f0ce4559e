//! The handle: an executor for threads that are not in it.
//!
//! **Job.** Spawn onto an executor from anywhere. **Owns** a reference to its shared parts, not to
//! the executor itself. **Never** runs a task.

use std::fmt;
use std::future::Future;

use crate::context;
use crate::metrics::Metrics;
use crate::shared::Shared;
use crate::sync::Arc;
use crate::task::{JoinHandle, spawn_task};

/// Runs a closure that may block on a thread of the pool, in the executor's context.
pub(crate) fn spawn_blocking<F, T>(shared: &Arc<Shared>, work: F) -> JoinHandle<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    let context = shared.clone();
    let (handle, stranded) = shared.pool.spawn(move || {
        // The job has the executor's parts, not the thread: an idle one keeps nothing alive.
        let _entered = context::enter(&context);
        work()
    });
    if let Some(job) = stranded {
        // There is no thread to be had. The job must not be lost, so the executor does it itself, in
        // a task: everything else waits meanwhile.
        let scheduler = shared.home.clone();
        drop(spawn_task!(
            scheduler,
            "task",
            None,
            async move { job.run() }
        ));
    }
    handle
}

/// A reference to an executor, for any thread.
///
/// It may be cloned and sent, and outlives its executor: tasks that are spawned after the executor
/// is gone resolve as aborted.
///
/// ```
/// let executor = brigade::SingleThread::new().unwrap();
/// let handle = executor.handle();
/// let answer = executor.block_on(async move {
///     // From another thread, onto this one.
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
    /// The handle of the executor that is running on this thread.
    ///
    /// ```
    /// use brigade::Handle;
    ///
    /// brigade::run(async {
    ///     let handle = Handle::current();
    ///     // A thread that is not in the executor can spawn onto it now.
    ///     let waiter = std::thread::spawn(move || handle.spawn(async { "soup" }));
    ///     assert_eq!(waiter.join().unwrap().await.unwrap(), "soup");
    /// });
    /// ```
    ///
    /// # Panics
    /// Outside of an executor.
    pub fn current() -> Handle {
        context::expect("Handle::current", |shared| Handle {
            shared: shared.clone(),
        })
    }

    /// The handle of the executor that is running on this thread, if there is one.
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
        spawn_task!(self.shared.home.clone(), "task", None, future)
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
        spawn_blocking(&self.shared, work)
    }

    /// What the executor has counted so far.
    ///
    /// ```
    /// let executor = brigade::SingleThread::new()?;
    /// let handle = executor.handle();
    /// // For a thread that reports now and then.
    /// let reporter = std::thread::spawn(move || handle.metrics().in_flight);
    /// assert_eq!(reporter.join().unwrap(), 0);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn metrics(&self) -> Metrics {
        self.shared.counters.read()
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle")
            .field("metrics", &self.metrics())
            .finish()
    }
}
