//! The parts that both executors share: what tasks, sockets and timers use of their executor, whichever it is.
//!
//! The executor holds them together with whatever of its handles, sockets and timers outlives it.

use std::future::Future;

use crate::blocking::Pool;
use crate::metrics::{Counters, Depths, Metrics};
use crate::reactor::Reactor;
use crate::spans::TaskSpan;
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
    pub(crate) counters: Arc<Counters>,
    pub(crate) depths: Arc<dyn Depths>,
}

impl Shared {
    /// What the executor has counted, and how much is waiting now.
    pub(crate) fn metrics(&self) -> Metrics {
        self.counters.read(&*self.depths, self.pool.depths())
    }

    /// Spawns a future that may go to any thread.
    pub(crate) fn spawn<F>(&self, future: F, name: Option<&str>) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.spawn_here(future, "task", name)
    }

    /// Spawns a future that stays on this thread. The caller has made sure that the executor is
    /// bound to it, or that future and output are `Send`.
    fn spawn_here<F: Future>(
        &self,
        future: F,
        kind: &'static str,
        name: Option<&str>,
    ) -> JoinHandle<F::Output> {
        spawn_into(self.home.clone(), future, kind, name)
    }

    /// Spawns a future that need not be `Send`, or gives it back if this thread is not the one
    /// that the executor is bound to.
    pub(crate) fn spawn_local<F>(
        &self,
        future: F,
        name: Option<&str>,
    ) -> Result<JoinHandle<F::Output>, F>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        match self.home.access() {
            Access::Owner => Ok(self.spawn_here(future, "local", name)),
            Access::Shared | Access::Foreign => Err(future),
        }
    }
}

/// Makes the task and hands it to its executor. The caller has made sure that the executor is bound
/// to this thread, or that future and output are `Send`.
pub(crate) fn spawn_into<F: Future>(
    home: HomeRef,
    future: F,
    kind: &'static str,
    name: Option<&str>,
) -> JoinHandle<F::Output> {
    let span = TaskSpan::open(kind, name);
    let (runnable, task) = RawTask::new(span.around(future), home);
    span.number(task.number());
    task.report_spawn(name);
    let handle = JoinHandle::new(task);
    runnable.admit();
    handle
}
