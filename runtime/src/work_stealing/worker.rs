//! One worker: a thread that runs tasks, takes some from other workers when it has none, and parks when
//! there are none at all.
//!
//! Each round of the loop polls the driver if that is due (see [`coop`]), finds a task (see
//! [`search`](super::search)) and polls it. If there is none the worker parks; `idle` shows why no task is
//! missed then. The first worker to park takes the driver with it and waits for events and timers there.

use std::cell::{Cell, RefCell};
use std::task::Waker;
use std::time::Duration;

use super::current::Current;
use super::idle::Risen;
use super::monitor::PERIOD;
use super::owned::WorkerTasks;
use super::scheduler::{Remote, Scheduler};
use crate::context;
use crate::coop::{self, Pace};
use crate::driver::{self, Driver};
use crate::handle::Shared;
use crate::metrics::WorkerCounters;
use crate::queue::stealing::Ring;
use crate::sync::{Arc, Mutex, MutexGuard, Ordering, thread};
use crate::task::raw::{RawTask, Runnable};
use crate::trace::recorder::{Kind, Role};

/// A worker, on its own thread.
pub(super) struct Worker {
    pub(super) scheduler: Arc<Scheduler>,
    shared: Arc<Shared>,
    driver: Arc<Mutex<Driver>>,
    pub(super) index: usize,
    tasks: WorkerTasks,
    /// When the worker began, in the clock's nanoseconds.
    began: u64,
    /// The worker has tasks and is counted in `at_once`.
    running: Cell<bool>,
    /// The worker is counted as searching.
    pub(super) searching: Cell<bool>,
    /// The worker rose because it saw a task, and has found none yet.
    spurious_rise: Cell<bool>,
    /// The number of tasks run from the slot since the last one from a ring.
    pub(super) streak: Cell<u32>,
    /// The last task from a ring was one from `yielded`.
    pub(super) yielded_last: Cell<bool>,
    /// There were tasks in the injector at the last look, and it has not been found empty since.
    pub(super) alternate_injector: Cell<bool>,
    pub(super) random: Cell<u32>,
    pace: RefCell<Pace>,
    /// The wakers that the driver has collected.
    woken: Cell<Vec<Waker>>,
    /// The poll counter of each worker when this one was last the monitor.
    pub(super) seen: RefCell<Vec<u32>>,
    /// Polls that are not yet published.
    polls: Cell<u64>,
    /// Polls left until the driver is polled.
    pub(super) left: Cell<usize>,
}

impl Worker {
    pub(super) fn new(
        index: usize,
        scheduler: Arc<Scheduler>,
        shared: Arc<Shared>,
        driver: Arc<Mutex<Driver>>,
    ) -> Self {
        let now = shared.timers.clock().now_nanos();
        let workers = scheduler.remotes.len();
        Worker {
            tasks: WorkerTasks::new(index, &scheduler.owned),
            scheduler,
            shared,
            driver,
            index,
            began: now,
            running: Cell::new(false),
            searching: Cell::new(false),
            spurious_rise: Cell::new(false),
            streak: Cell::new(0),
            yielded_last: Cell::new(false),
            alternate_injector: Cell::new(false),
            // Odd, hence not 0, where xorshift would stay. Far apart, so that the workers do not all
            // visit the others in the same order (Knuth's multiplicative hash).
            random: Cell::new((2 * index as u32 + 1).wrapping_mul(0x9E37_79B1)),
            pace: RefCell::new(Pace::new(now)),
            woken: Cell::new(Vec::new()),
            seen: RefCell::new(vec![0; workers]),
            polls: Cell::new(0),
            left: Cell::new(0),
        }
    }

    pub(super) fn remote(&self) -> &Remote {
        &self.scheduler.remotes[self.index]
    }

    pub(super) fn counters(&self) -> &WorkerCounters {
        &self.shared.counters.workers[self.index]
    }

    fn now(&self) -> u64 {
        self.shared.timers.clock().now_nanos()
    }

    /// Runs tasks until the executor closes.
    pub(super) fn run(&self) {
        let _entered = context::enter_running(&self.shared, "a worker");
        self.remote().parker.belong_to_current();
        if let Some(recorder) = self.shared.scheduler.probe().recorder() {
            recorder.join(Role::Worker(self.index));
        }
        let _current = Current::set(self);
        while !self.scheduler.is_closed() {
            match self.next_task() {
                Some(task) => self.poll(task),
                None => self.sleep(),
            }
        }
        self.count_as_out_of_work();
        self.publish(self.now());
    }

    // ---- running -------------------------------------------------------------------------------

    #[inline]
    fn poll(&self, task: Runnable) {
        self.count_as_running();
        let polls = &self.remote().polls;
        polls.store(
            polls.load(Ordering::Relaxed).wrapping_add(1),
            Ordering::Relaxed,
        );
        self.polls.set(self.polls.get() + 1);
        self.left.set(self.left.get().saturating_sub(1));
        coop::refill();
        task.run(self.shared.scheduler.probe());
        if coop::take_yield() {
            // Poll the driver as soon as every task that is ready now has had a turn.
            self.left.set(self.left.get().min(self.remote().queued()));
        }
    }

    /// The worker has found a task: it is counted as running, not as searching any more.
    #[inline]
    fn count_as_running(&self) {
        if !self.running.replace(true) {
            self.begin_to_run();
        }
    }

    fn begin_to_run(&self) {
        self.spurious_rise.set(false);
        let counters = &self.shared.counters;
        counters.at_once.up();
        counters.sample_until(counters.workers.len());
        if !self.searching.replace(false) {
            // R3: this worker was the monitor or in the driver, and hands neither role to anyone.
            self.scheduler.ensure_monitor();
        } else if self.scheduler.idle.stop_searching() {
            // There may be more, and no other worker looks.
            self.scheduler.wake_successor();
        }
    }

    /// The worker has no task any more.
    pub(super) fn count_as_out_of_work(&self) {
        if self.running.replace(false) {
            self.scheduler.counters.at_once.down();
        }
    }

    /// Remembers a task that is spawned on this worker, until it ends.
    #[inline]
    pub(super) fn bind(&self, task: RawTask) {
        self.tasks.insert(&self.scheduler.owned, task);
        self.counters().spawned.add(1);
    }

    /// Forgets a task that ends on this worker.
    #[inline]
    pub(super) fn unbind(&self, task: RawTask) {
        self.tasks.remove(&self.scheduler.owned, task);
        self.counters().ended.add(1);
    }

    /// Puts a task that was woken into the slot, and the one that was there into a ring.
    #[inline]
    pub(super) fn push_woken(&self, task: Runnable) {
        let remote = self.remote();
        // P1, P2
        match remote.slot.put(task) {
            Some(previous) => {
                // N1
                self.push_to_ring(&remote.ring, previous);
                self.scheduler.notify();
            }
            None => self.scheduler.ensure_monitor(),
        }
    }

    /// Puts a task that woke itself during its poll behind the others like it.
    #[inline]
    pub(super) fn push_yielded(&self, task: Runnable) {
        let remote = self.remote();
        let others = remote.has_work() || !remote.slot.is_empty();
        self.push_to_ring(&remote.yielded, task);
        if others {
            // Two tasks that alternately yield could run in parallel, but no worker has been notified
            // of either.
            self.scheduler.wake_one_if_idle();
        }
    }

    /// Puts a task at the end of one of this worker's rings or, if it is full, of the injector.
    #[inline]
    pub(super) fn push_to_ring(&self, ring: &Ring<Runnable>, task: Runnable) {
        // SAFETY: only this thread reaches `self`, so the caller is the ring's owner.
        if let Err(task) = unsafe { ring.push(task) } {
            self.scheduler.injector.push(task);
        }
    }

    // ---- driver and parking ---------------------------------------------------------------------

    /// Polls the OS and the clock, unless another worker is at it.
    pub(super) fn poll_driver(&self) {
        let (reactor, timers) = (&self.shared.reactor, &self.shared.timers);
        if !reactor.is_empty() || !timers.is_empty() {
            let mut woken = self.woken.take();
            if let Ok(mut driver) = self.driver.try_lock() {
                driver.poll(reactor, timers, &mut woken);
            }
            self.woken.set(woken);
            self.wake_driven();
        }
        let now = self.now();
        let mut pace = self.pace.borrow_mut();
        pace.looked(now);
        self.left.set(pace.bound());
        self.publish(now);
    }

    /// Wakes the tasks that the driver has collected. The driver is unlocked meanwhile.
    fn wake_driven(&self) {
        let mut woken = self.woken.take();
        driver::wake_all(&mut woken);
        self.woken.set(woken);
    }

    fn sleep(&self) {
        let Scheduler { idle, .. } = &*self.scheduler;
        self.count_as_out_of_work();
        // S1, S2
        idle.fall_asleep(self.index, self.searching.replace(false));
        // S3
        let found = self.scheduler.has_work();
        if !found && !self.scheduler.is_closed() {
            self.park();
        }
        match idle.rise(self.index) {
            Risen::Woken => self.searching.set(true),
            // S4
            Risen::ByItself if found => {
                idle.search_anyway();
                self.searching.set(true);
                if self.spurious_rise.replace(true) {
                    // The second time in a row. A thief that the OS stopped in the middle of a theft
                    // hides the rest of a ring until it is done, so offer it this processor.
                    thread::yield_now();
                }
            }
            Risen::ByItself => {}
        }
        // Wake only after `rise`: while this worker is still listed as parked, a wake could pick it.
        self.wake_driven();
    }

    /// S5: parks in the driver if it is free. `sleep` later wakes the tasks that the driver collected.
    fn park(&self) {
        self.counters().parks.add(1);
        let before = self.now();
        self.publish(before);
        let was_monitor = match self.driver.try_lock() {
            Ok(driver) => self.park_in_driver(driver),
            Err(_) => self.park_outside(),
        };
        let now = self.now();
        self.counters().asleep.add(now - before);
        self.publish(now);
        self.pace.borrow_mut().resume(now);
        if was_monitor {
            self.take_from_stuck_workers();
        }
    }

    /// Returns whether this worker was the monitor meanwhile.
    fn park_in_driver(&self, mut driver: MutexGuard<'_, Driver>) -> bool {
        let (reactor, timers) = (&self.shared.reactor, &self.shared.timers);
        let mut woken = self.woken.take();
        let was_monitor = self.as_monitor_if_due(true, |at_most| {
            self.remote().parker.park_in_driver(|| {
                driver.park(reactor, timers, at_most, &mut woken);
            });
        });
        self.woken.set(woken);
        was_monitor
    }

    /// Returns whether this worker was the monitor meanwhile.
    fn park_outside(&self) -> bool {
        self.as_monitor_if_due(false, |at_most| {
            self.report(Kind::Park, 0);
            self.remote().parker.park(at_most);
            self.report(Kind::Unpark, 0);
        })
    }

    /// Parks as the monitor if one is due, with its timeout. Returns whether that was so.
    fn as_monitor_if_due(&self, in_driver: bool, park: impl FnOnce(Option<Duration>)) -> bool {
        let Scheduler { idle, monitor, .. } = &*self.scheduler;
        let is_monitor = monitor.begin(in_driver, || idle.counts().awake > 0);
        park(is_monitor.then_some(PERIOD));
        if is_monitor {
            // R1: before `rise`, and before it wakes any task.
            monitor.end(in_driver);
        }
        is_monitor
    }

    pub(super) fn report(&self, kind: Kind, number: usize) {
        if let Some(recorder) = self.shared.scheduler.probe().recorder() {
            recorder.report(kind, 0, 0, number as u64);
        }
    }

    /// Makes the counts visible to other threads, and passes on the places of tasks that have ended.
    fn publish(&self, now: u64) {
        self.tasks.exchange(&self.scheduler.owned);
        self.shared.counters.sample();
        self.counters().polls.add(self.polls.take());
        self.counters().present.set(now - self.began);
    }
}

impl Drop for Worker {
    /// Before the worker's guard is dropped, also after a panic.
    fn drop(&mut self) {
        self.tasks.leave(&self.scheduler.owned);
    }
}
