//! Shutdown: the last thread to leave the executor cancels all remaining tasks, because then no task can be
//! running.
//!
//! Each worker holds a [`WorkerGuard`] while it runs, and the executor holds one more guard. The last guard
//! to be released may be a worker's or the executor's.
//!
//! 1. `WorkStealing::drop` calls `Scheduler::close`, which tells all workers to leave and unparks them.
//! 2. Each worker leaves its loop after its current poll, and drops its guard.
//! 3. The thread that releases the last guard cancels the tasks (`cancel_all` in [`owned`](super::owned)). It
//!    drops each future exactly once, while no task runs.
//! 4. That thread closes the blocking pool. It wakes the tasks of other executors that wait for a socket or
//!    timer of this executor.
//! 5. The workers' threads end, and `drop` returns.
//!
//! A worker's thread panics only if the OS refuses to wait for events. Then the thread releases the
//! executor's guard together with its own guard, and the same steps follow.

use std::sync::PoisonError;
use std::thread;
use std::time::Instant;

use super::scheduler::Scheduler;
use super::worker;
use crate::context;
use crate::handle::Shared;
use crate::sync::thread::{JoinHandle, current};
use crate::sync::{Arc, Condvar, Mutex, lock};

/// Counts the workers and the executor. The last of them to leave finishes the shutdown.
pub(super) struct ShutdownLatch {
    present: Mutex<Present>,
    /// Notified when `Present::finished` or `Present::threads` changes.
    finished: Condvar,
    threads: Mutex<Vec<JoinHandle<()>>>,
    shared: Arc<Shared>,
    scheduler: Arc<Scheduler>,
}

struct Present {
    /// The number of present workers, plus one for the executor.
    count: usize,
    /// True while `count` includes the executor. `count` includes it from the start, so that the shutdown
    /// cannot finish while workers are being started.
    executor: bool,
    /// Set once all tasks are cancelled.
    finished: bool,
    /// The number of worker threads whose stop hooks have not ended.
    threads: usize,
}

/// A worker holds this guard while it is present.
pub(super) struct WorkerGuard(Arc<ShutdownLatch>);

/// A worker's thread holds this guard until its stop hook has ended.
pub(super) struct ThreadGuard(Arc<ShutdownLatch>);

impl ShutdownLatch {
    pub(super) fn new(shared: Arc<Shared>, scheduler: Arc<Scheduler>) -> Self {
        ShutdownLatch {
            present: Mutex::new(Present {
                count: 1,
                executor: true,
                finished: false,
                threads: 0,
            }),
            finished: Condvar::new(),
            threads: Mutex::new(Vec::new()),
            shared,
            scheduler,
        }
    }

    /// Counts one more worker.
    pub(super) fn enter(latch: &Arc<ShutdownLatch>) -> (WorkerGuard, ThreadGuard) {
        let mut present = lock(&latch.present);
        present.count += 1;
        present.threads += 1;
        (WorkerGuard(latch.clone()), ThreadGuard(latch.clone()))
    }

    /// Stores a worker's thread, so that it can be joined.
    pub(super) fn keep(&self, thread: JoinHandle<()>) {
        lock(&self.threads).push(thread);
    }

    /// Steps 1 and 5: releases the executor's guard and waits for the workers' threads, at most until
    /// `deadline`. A second call does not wait. A call on a worker of any executor does not wait either.
    /// If such calls waited, a thread might wait for its own end, or two executors might wait for each other.
    pub(super) fn shut_down(&self, deadline: Option<Instant>) {
        self.scheduler.close();
        self.release(Present::remove_executor);
        let threads = std::mem::take(&mut *lock(&self.threads));
        if worker::is_worker() || !self.finishes_by(deadline) {
            return;
        }
        // With a deadline, no thread is joined, because the destructors of thread-locals may take long.
        for thread in threads.into_iter().filter(|_| deadline.is_none()) {
            // `thread` may be the current thread, because a worker's hook may drop the executor.
            if thread.thread().id() != current().id() {
                // Ignore an error: a thread that panicked has already printed the panic and closed the
                // executor.
                let _ = thread.join();
            }
        }
    }

    /// Waits until all tasks are cancelled and the stop hooks of all workers have ended. Returns `false` if
    /// the deadline comes first.
    fn finishes_by(&self, deadline: Option<Instant>) -> bool {
        // Without a deadline, joining the threads is enough.
        let Some(deadline) = deadline else {
            return true;
        };
        let mut present = lock(&self.present);
        while !present.finished || present.threads > 0 {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            let waited = self.finished.wait_timeout(present, left);
            present = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }

    /// Step 2: releases one guard. `remove` returns whether that guard was the last.
    fn release(&self, remove: impl FnOnce(&mut Present) -> bool) {
        let last = remove(&mut lock(&self.present));
        if last {
            self.finish();
            lock(&self.present).finished = true;
            self.finished.notify_all();
        }
    }

    /// Carries out steps 3 and 4.
    fn finish(&self) {
        let _entered = context::enter_closing(&self.shared);
        // The caller is the last to leave, so no task is running or will run. Afterwards the queues contain
        // only pointers to tasks that have ended. No thread follows these pointers.
        self.scheduler.owned.cancel_all();
        self.shared.close();
    }
}

impl Present {
    fn remove_one(&mut self) -> bool {
        self.count -= 1;
        self.count == 0
    }

    fn remove_executor(&mut self) -> bool {
        std::mem::take(&mut self.executor) && self.remove_one()
    }
}

impl Drop for WorkerGuard {
    fn drop(&mut self) {
        if thread::panicking() {
            // Panics of tasks are caught. So the cause of this panic is that the OS has refused to wait for
            // events (`EventLoop::turn`), and it will refuse other workers too. All workers leave now, before
            // the executor is dropped, so that every join handle completes.
            self.0.scheduler.close();
            self.0.release(Present::remove_executor);
        }
        self.0.release(Present::remove_one);
    }
}

impl Drop for ThreadGuard {
    fn drop(&mut self) {
        lock(&self.0.present).threads -= 1;
        self.0.finished.notify_all();
    }
}
