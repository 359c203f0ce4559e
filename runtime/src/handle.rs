//! The handle: everything a thread needs to use an executor without being one.
//!
//! **Job.** Hold the parts that both executors share, and offer them: spawn, register, arm.
//!
//! **Owns** the [`Shared`] parts, together with the executor, sockets and timers.
//!
//! **Never** runs a task.

use std::fmt;
use std::future::Future;

use crate::blocking::Pool;
use crate::context;
use crate::metrics::{Counters, Metrics};
use crate::reactor::Reactor;
use crate::sync::Arc;
use crate::task::JoinHandle;
use crate::task::home::{Access, HomeRef};
use crate::task::raw::RawTask;
use crate::timer::Timers;

/// What both executors have, and what their tasks, sockets and timers use.
pub(crate) struct Shared {
    pub(crate) home: HomeRef,
    pub(crate) reactor: Arc<Reactor>,
    pub(crate) timers: Arc<Timers>,
    pub(crate) pool: Pool,
    pub(crate) counters: std::sync::Arc<Counters>,
}

impl Shared {
    /// Spawns a future that may go to any thread.
    pub(crate) fn spawn<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.spawn_here(future)
    }

    /// Spawns a future that stays on this thread. The caller has made sure that the executor is
    /// bound to it, or that future and output are `Send`.
    fn spawn_here<F: Future>(&self, future: F) -> JoinHandle<F::Output> {
        let (runnable, task) = RawTask::new(future, self.home.clone());
        let handle = JoinHandle::new(task);
        runnable.admit();
        handle
    }

    /// Spawns a future that need not be `Send`, or gives it back if this thread is not the one
    /// that the executor is bound to.
    pub(crate) fn spawn_local<F>(&self, future: F) -> Result<JoinHandle<F::Output>, F>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        match self.home.access() {
            Access::Owner => Ok(self.spawn_here(future)),
            Access::Shared | Access::Foreign => Err(future),
        }
    }

    /// Runs a closure that may block on a thread of the pool.
    pub(crate) fn spawn_blocking<F, T>(self: &Arc<Self>, work: F) -> JoinHandle<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        let (handle, stranded) = self.pool.spawn(work, || self.clone());
        if let Some(job) = stranded {
            // There is no thread to be had. The job must not be lost, so the executor does it
            // itself, in a task: everything else waits meanwhile.
            drop(self.spawn(async move { job.run() }));
        }
        handle
    }
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

    /// Spawns a task onto the executor, from any thread; see [`brigade::spawn`](crate::spawn).
    pub fn spawn<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.shared.spawn(future)
    }

    /// Runs a closure that may block; see [`brigade::spawn_blocking`](crate::spawn_blocking).
    pub fn spawn_blocking<F, T>(&self, work: F) -> JoinHandle<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        self.shared.spawn_blocking(work)
    }

    /// What the executor has counted so far.
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
