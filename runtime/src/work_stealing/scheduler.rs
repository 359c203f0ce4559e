//! The state that all workers share. This module decides which queue a woken task enters, and which worker is
//! woken.
//!
//! A task that is woken on a worker's thread enters that worker's own queues. A task that is woken on any
//! other thread enters the injector. `idle` and `monitor` describe the protocols for waking a worker.
//! Comments such as `N1` and `P3` mark the steps of these protocols.

use super::idle::Idle;
use super::monitor::Monitor;
use super::owned::OwnedTasks;
use super::park::Parker;
use super::worker::{self, Worker};
use crate::metrics::Counters;
use crate::queue::inject::Injector;
use crate::queue::stealing::{LifoSlot, Ring};
use crate::reactor::Reactor;
use crate::sync::{Arc, AtomicBool, AtomicU64, Ordering};
use crate::task::owned::UNBOUND;
use crate::task::raw::{RawTask, Runnable, Unbound};
use crate::task::scheduler_ref::Schedule;

/// The shared half of the executor.
pub(crate) struct Scheduler {
    pub(crate) remotes: Box<[Arc<Remote>]>,
    pub(crate) injector: Injector<Runnable>,
    pub(crate) idle: Idle,
    pub(crate) monitor: Monitor,
    pub(crate) owned: OwnedTasks,
    closed: AtomicBool,
    reactor: Arc<Reactor>,
    pub(crate) counters: Arc<Counters>,
}

/// The part of a worker that other threads access.
///
/// A `Remote` shares no pair of cache lines with other data, because processors fetch lines in pairs. The
/// worker writes to its lines several times per poll. If another worker's data were in the same lines, that
/// worker would have to fetch the lines each time.
#[repr(align(128))]
pub(crate) struct Remote {
    /// Tasks that were spawned or woken, except the latest task, which is in the slot.
    pub(crate) ring: Ring<Runnable>,
    /// Tasks that were woken during their own poll.
    pub(crate) yielded: Ring<Runnable>,
    pub(crate) slot: LifoSlot,
    pub(crate) parker: Parker,
    /// Counts the polls that the worker has begun. Only the worker writes the count; the monitor reads it.
    pub(crate) polls: AtomicU64,
    /// The value of `polls` at the monitor's last check, or `u64::MAX` if the slot was empty.
    pub(crate) seen: AtomicU64,
}

impl Scheduler {
    pub(crate) fn new(workers: usize, reactor: Arc<Reactor>, counters: Arc<Counters>) -> Self {
        Scheduler {
            remotes: (0..workers).map(|_| Arc::new(Remote::new())).collect(),
            injector: Injector::new(),
            idle: Idle::new(workers),
            monitor: Monitor::new(),
            owned: OwnedTasks::new(workers),
            closed: AtomicBool::new(false),
            reactor,
            counters,
        }
    }

    // ---- which worker to wake ------------------------------------------------------------------

    /// Wakes a worker, if necessary, for a task that other workers may take.
    #[inline]
    pub(crate) fn notify(&self) {
        let drives = |worker: usize| self.remotes[worker].parker.drives();
        // N2 to N4
        if let Some(worker) = self.idle.to_wake(drives) {
            // N5
            self.unpark(worker);
        }
    }

    /// Q3: called after the last searcher has found a task. Wakes another worker in three cases: there are
    /// more tasks, no worker is in the driver, or a slot has a task but there is no monitor.
    #[cold]
    pub(crate) fn wake_successor(&self) {
        let driven = self.remotes.iter().any(|remote| remote.parker.drives());
        let uncovered =
            !self.monitor.exists() && self.remotes.iter().any(|remote| !remote.slot.is_empty());
        if self.has_work() || !driven || uncovered {
            self.notify();
        }
    }

    /// P3 and P4: ensures that a monitor exists. The caller's next poll may take long. It would then delay
    /// events, timers and the task in the caller's slot.
    #[inline]
    pub(crate) fn ensure_monitor(&self) {
        if !self.monitor.exists() && !self.idle.nobody_to_wake() {
            self.monitor.request();
            let drives = |worker: usize| self.remotes[worker].parker.drives();
            if let Some(worker) = self.idle.take_sleeper(true, drives) {
                self.unpark(worker);
            }
        }
    }

    fn unpark(&self, worker: usize) {
        let parker = &self.remotes[worker].parker;
        parker.unpark(|| self.reactor.notify());
    }

    /// S3, and the last searcher's check: returns whether there is a task that other workers may take. It
    /// ignores the slots.
    pub(crate) fn has_work(&self) -> bool {
        !self.injector.is_empty() || self.remotes.iter().any(|remote| remote.queued() > 0)
    }

    // ---- shutdown ------------------------------------------------------------------------------

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// Makes each worker leave its loop. The tasks that are then still queued are never polled.
    pub(crate) fn close(&self) {
        // Release pairs with `is_closed`.
        self.closed.store(true, Ordering::Release);
        for worker in 0..self.remotes.len() {
            self.unpark(worker);
        }
    }
}

impl Schedule for Scheduler {
    #[inline]
    fn bind(&self, task: Unbound) {
        let Err(task) = worker::with_current(self, task, Worker::bind) else {
            return;
        };
        // A closing executor refuses the task. Dropping the task cancels it.
        if !self
            .owned
            .insert(task.raw(), || self.counters.spawned_outside.add(1))
        {
            return;
        }
        // N1
        self.injector.push(task.bind());
        self.notify();
    }

    #[inline]
    fn schedule(&self, task: Runnable) {
        if let Err(task) = worker::with_current(self, task, Worker::push_woken) {
            // N1. `notify` carries out the other steps.
            self.injector.push(task);
            self.notify();
        }
    }

    #[inline]
    fn reschedule(&self, task: Runnable) {
        if let Err(task) = worker::with_current(self, task, Worker::push_yielded) {
            self.schedule(task);
        }
    }

    #[inline]
    fn unbind(&self, task: RawTask) {
        if task.owned_index() == UNBOUND {
            return;
        }
        if let Err(task) = worker::with_current(self, task, Worker::unbind) {
            self.owned.remove(task);
            self.counters.in_flight.down();
        }
    }
}

impl Remote {
    fn new() -> Self {
        Remote {
            ring: Ring::new(),
            yielded: Ring::new(),
            slot: LifoSlot::new(),
            parker: Parker::new(),
            polls: AtomicU64::new(0),
            seen: AtomicU64::new(u64::MAX),
        }
    }

    /// Returns how many tasks are in the rings, from which other workers may take them.
    pub(crate) fn queued(&self) -> usize {
        (self.ring.len() + self.yielded.len()) as usize
    }
}

#[cfg(all(test, not(loom), not(miri)))]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;
    use crate::sync::AtomicUsize;
    use crate::sync::thread;
    use crate::task::yield_now;
    use crate::{WorkStealing, spawn};

    /// Blocks the thread until `is_true` returns true.
    fn wait_until(is_true: impl Fn() -> bool) {
        let began = Instant::now();
        while !is_true() {
            assert!(began.elapsed() < Duration::from_secs(20), "a task waits");
            thread::yield_now();
        }
    }

    /// Blocks the worker until `all` tasks run at the same time, each on its own worker. If `yields` is true,
    /// the task yields first.
    async fn meet(arrived: Arc<AtomicUsize>, all: usize, yields: bool) {
        if yields {
            yield_now().await;
        }
        arrived.fetch_add(1, Ordering::SeqCst);
        wait_until(|| arrived.load(Ordering::SeqCst) == all);
    }

    /// One worker queues tasks while all others are parked and one of them is the monitor. Each task must be
    /// run by another worker.
    #[test]
    fn sleeping_workers_are_woken_for_every_task_in_a_queue() {
        let executor = WorkStealing::with_workers(4).unwrap();
        for round in 0..30 {
            let scheduler = executor.scheduler.clone();
            let arrived = Arc::new(AtomicUsize::new(0));
            let root = executor.spawn(async move {
                // The spawned task enters the slot, so this worker ensures that there is a monitor.
                spawn(async {}).await.unwrap();
                wait_until(|| {
                    let counts = scheduler.idle.counts();
                    (counts.searching, counts.awake) == (0, 1) && scheduler.monitor.exists()
                });
                let meet = |all, yields| meet(arrived.clone(), all, yields);
                match round % 3 {
                    // One task is in the slot, and this task is in `yielded`.
                    0 => {
                        let other = spawn(meet(2, false));
                        meet(2, true).await;
                        vec![other]
                    }
                    // One task is in the slot. The others are in `ring` or, if they yield first (`kind` is
                    // 1), in `yielded`.
                    kind => (0..4).map(|_| spawn(meet(4, kind == 1))).collect(),
                }
            });
            executor.block_on(async {
                for task in root.await.unwrap() {
                    task.await.unwrap();
                }
            });
        }
    }
}
