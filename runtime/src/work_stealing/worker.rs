//! One worker: a thread that runs tasks. It steals tasks when its own queues are empty, and parks when it
//! finds no task.
//!
//! In each round of its loop, the worker polls the driver if that is due (see [`coop`]). Then it finds a task
//! (see [`search`](super::search)) and polls it. If it finds no task, it parks. Comments such as `S1` and
//! `P1` mark the steps of the protocols in `idle` and `monitor`, which ensure that a parking worker misses no
//! task. The first worker to park takes the driver and waits there for events and timers.

use std::cell::{Cell, RefCell};
use std::ptr;
use std::task::Waker;

use super::owned::WorkerTasks;
use super::scheduler::{Remote, Scheduler};
use crate::context;
use crate::coop::{self, Pace};
use crate::driver::{self, Driver};
use crate::handle::Shared;
use crate::metrics::WorkerCounters;
use crate::queue::stealing::Ring;
use crate::sync::{Arc, Mutex, Ordering, thread, thread_local};
use crate::task::raw::{RawTask, Runnable, Unbound};
use crate::task::state::Writer;
use crate::timer;
use crate::trace::recorder::{Kind, Role};

thread_local! {
    static CURRENT: Cell<*const Worker> = const { Cell::new(ptr::null()) };
}

/// Calls `f` with this thread's worker and the task, if the worker belongs to `scheduler`. Otherwise
/// returns the task.
///
/// A waker refers only to the task, not to a worker. So this function finds out whether the calling thread is
/// a worker. If it is, the task can enter that worker's own queues.
#[inline]
pub(super) fn with_current<T>(
    scheduler: &Scheduler,
    task: T,
    f: impl FnOnce(&Worker, T),
) -> Result<(), T> {
    let worker = CURRENT.get();
    // SAFETY: the pointer is null, or points to the worker whose `run` is on this thread's stack. The
    // worker's drop resets the pointer, even after a panic. The reference does not leave `f`.
    match unsafe { worker.as_ref() } {
        Some(worker) if ptr::eq(&*worker.scheduler, scheduler) => {
            f(worker, task);
            Ok(())
        }
        _ => Err(task),
    }
}

/// Returns whether this thread is a worker of any executor.
pub(super) fn is_worker() -> bool {
    !CURRENT.get().is_null()
}

pub(super) struct Worker {
    pub(super) scheduler: Arc<Scheduler>,
    shared: Arc<Shared>,
    driver: Arc<Mutex<Driver>>,
    pub(super) index: usize,
    pub(super) remote: Arc<Remote>,
    pub(super) counters: Arc<WorkerCounters>,
    tasks: WorkerTasks,
    /// The time at which the worker began, in the clock's nanoseconds.
    began: u64,
    /// True while the worker has tasks and is included in the counter `at_once`.
    running: Cell<bool>,
    /// True while the worker is counted as searching.
    pub(super) searching: Cell<bool>,
    /// True if the worker saw a task in step S3, and so did not park, but has taken no task since then.
    spurious_rise: Cell<bool>,
    /// The number of tasks that were run from the slot since the last task from a ring.
    pub(super) streak: Cell<u32>,
    /// True if the next check of the rings begins with the ring of woken tasks.
    pub(super) yielded_last: Cell<bool>,
    /// True if the injector had tasks at the last poll of the driver, and has not been found empty since
    /// then.
    pub(super) alternate_injector: Cell<bool>,
    /// Where the last search began in the list of workers, as a fraction in units of 2^-32: `1 << 31` is the
    /// middle of the list.
    pub(super) first_victim: Cell<u32>,
    pace: RefCell<Pace>,
    /// The wakers that the driver has collected.
    woken: RefCell<Vec<Waker>>,
    /// How many more tasks this worker polls before it polls the driver.
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
            tasks: WorkerTasks::new(index),
            remote: scheduler.remotes[index].clone(),
            counters: scheduler.counters.workers[index].clone(),
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
            first_victim: Cell::new((((index as u64) << 32) / workers as u64) as u32),
            pace: RefCell::new(Pace::new(now)),
            woken: RefCell::new(Vec::new()),
            left: Cell::new(0),
        }
    }

    fn now(&self) -> u64 {
        self.shared.timers.clock().now_nanos()
    }

    /// Runs tasks until the executor closes. Takes the worker by value, so that nothing moves it while
    /// `CURRENT` points to it.
    pub(super) fn run(self) {
        let _entered = context::enter_running(&self.shared, "a worker");
        CURRENT.set(&raw const self);
        timer::use_wheel(self.index);
        self.remote.parker.belong_to_current();
        if let Some(recorder) = self.shared.scheduler.probe().recorder() {
            recorder.join(Role::Worker(self.index));
        }
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
        if !self.running.replace(true) {
            self.begin_to_run();
        }
        // No read-modify-write is needed, because only this thread writes.
        let polls = &self.remote.polls;
        polls.store(polls.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
        self.left.set(self.left.get().saturating_sub(1));
        coop::refill();
        task.run(Writer::Shared, self.shared.scheduler.probe());
        if coop::take_yield() {
            // Poll the driver as soon as every task that is ready now has been polled.
            self.left.set(self.left.get().min(self.remote.queued()));
        }
    }

    /// Counts the worker as running, not as searching, because it is about to run code of the user.
    #[inline(never)]
    fn begin_to_run(&self) {
        self.spurious_rise.set(false);
        self.scheduler.counters.worker_begins();
        if !self.searching.replace(false) {
            // R3: this worker may have been the monitor or in the driver. That role may now be vacant.
            self.scheduler.ensure_monitor();
        } else if self.scheduler.idle.stop_searching() {
            // There may be more tasks, and no other worker searches.
            self.scheduler.wake_successor();
        }
    }

    /// Stops counting the worker as running.
    pub(super) fn count_as_out_of_work(&self) {
        if self.running.replace(false) {
            self.scheduler.counters.at_once.down();
        }
    }

    /// Adds a task that is spawned on this worker to the worker's list, and queues it.
    #[inline]
    pub(super) fn bind(&self, task: Unbound) {
        self.tasks.insert(&self.scheduler.owned, task.raw());
        self.counters.spawned.add(1);
        self.push_woken(task.bind());
    }

    /// Removes a task that ends on this worker from the list of tasks.
    #[inline]
    pub(super) fn unbind(&self, task: RawTask) {
        self.tasks.remove(&self.scheduler.owned, task);
        self.counters.ended.add(1);
    }

    /// Puts a woken task into the slot. Moves the slot's previous task to a ring.
    #[inline]
    pub(super) fn push_woken(&self, task: Runnable) {
        // P1, P2
        match self.remote.slot.put(task) {
            Some(previous) => {
                // N1
                self.push_to_ring(&self.remote.ring, previous);
                self.scheduler.notify();
            }
            None => self.scheduler.ensure_monitor(),
        }
    }

    /// Puts a task that was woken during its own poll at the end of the ring `yielded`.
    #[inline]
    pub(super) fn push_yielded(&self, task: Runnable) {
        self.push_to_ring(&self.remote.yielded, task);
        // Two tasks that alternately yield could run in parallel, but no worker has been notified of either
        // task. So notify one now. The check needs no fence, because this worker runs the task if no other
        // worker takes it.
        if !self.scheduler.idle.nobody_to_wake()
            && (self.remote.queued() > 1 || !self.remote.slot.is_empty())
        {
            self.scheduler.notify();
        }
    }

    /// Puts a task at the end of one of this worker's rings. If the ring is full, the task goes to the
    /// end of the injector.
    #[inline]
    pub(super) fn push_to_ring(&self, ring: &Ring<Runnable>, task: Runnable) {
        // SAFETY: only this thread reaches `self`, so the caller is the ring's owner.
        if let Err(task) = unsafe { ring.push(task) } {
            self.scheduler.injector.push(task);
        }
    }

    // ---- driver and parking ---------------------------------------------------------------------

    /// Polls the OS and the clock, unless another worker has the driver.
    pub(super) fn poll_driver(&self) {
        let (reactor, timers) = (&self.shared.reactor, &self.shared.timers);
        if !reactor.is_empty() || !timers.is_empty() {
            if let Ok(mut driver) = self.driver.try_lock() {
                driver.poll(reactor, timers, &mut self.woken.borrow_mut());
            }
            // Wake only after the driver is unlocked.
            self.wake_all();
        }
        let now = self.now();
        let mut pace = self.pace.borrow_mut();
        pace.looked(now);
        self.left.set(pace.bound());
        self.publish(now);
    }

    fn sleep(&self) {
        let Scheduler { idle, .. } = &*self.scheduler;
        // S1, S2
        idle.fall_asleep(self.index, self.searching.replace(false));
        // S3
        let found = self.scheduler.has_work();
        if !found && !self.scheduler.is_closed() {
            self.park();
        }
        // S4
        self.searching.set(idle.rise(self.index, found));
        if found && self.spurious_rise.replace(true) {
            // For the second time in a row, a queue looked non-empty to this worker, but it could take no
            // task. Perhaps a thief was preempted during a steal. An unfinished steal blocks other thieves,
            // so let the thief run.
            thread::yield_now();
        }
        // Wake only after `rise`: while this worker is still listed as parked, a wake could pick this
        // worker.
        self.wake_all();
    }

    /// Calls the wakers that the driver has collected. A foreign waker may take as long as a poll, so the
    /// worker counts as running before it calls one.
    fn wake_all(&self) {
        driver::wake_own_first(&mut self.woken.borrow_mut(), || {
            if !self.running.replace(true) {
                self.begin_to_run();
            }
        });
    }

    /// S5: parks, in the driver if the driver is free. Becomes the monitor if a monitor is needed.
    fn park(&self) {
        self.counters.parks.add(1);
        let before = self.now();
        self.publish(before);
        self.tasks.exchange(&self.scheduler.owned);
        let Scheduler { idle, monitor, .. } = &*self.scheduler;
        let mut driver = self.driver.try_lock().ok();
        let in_driver = driver.is_some();
        let is_monitor = monitor.begin(in_driver, || idle.counts().awake > 0);
        let at_most = is_monitor.then(|| monitor.until_check(before));
        match &mut driver {
            // The driver collects the wakers, and `sleep` calls them.
            Some(driver) => self.remote.parker.park_in_driver(|| {
                let (reactor, timers) = (&self.shared.reactor, &self.shared.timers);
                let woken = &mut self.woken.borrow_mut();
                driver.park(reactor, timers, self.now(), at_most, woken);
            }),
            None => {
                self.report(Kind::Park, 0);
                self.remote.parker.park(at_most);
                self.report(Kind::Unpark, 0);
            }
        }
        if is_monitor {
            // R1 comes before `rise`, before any wake, and before another worker can take the driver.
            monitor.end(in_driver);
        }
        drop(driver);
        let now = self.now();
        self.counters.asleep.add(now - before);
        self.publish(now);
        self.pace.borrow_mut().resume(now);
        if is_monitor && monitor.begin_check(now) {
            self.take_from_stuck_workers();
        }
    }

    pub(super) fn report(&self, kind: Kind, number: usize) {
        if let Some(recorder) = self.shared.scheduler.probe().recorder() {
            recorder.report(kind, 0, 0, number as u64);
        }
    }

    /// Makes this worker's counters visible to other threads.
    fn publish(&self, now: u64) {
        self.scheduler.counters.sample();
        self.counters
            .polls
            .set(self.remote.polls.load(Ordering::Relaxed));
        self.counters.present.set(now - self.began);
    }
}

impl Drop for Worker {
    /// Runs before the worker's guard is dropped, even after a panic.
    fn drop(&mut self) {
        CURRENT.set(ptr::null());
        self.tasks.leave(&self.scheduler.owned);
    }
}
