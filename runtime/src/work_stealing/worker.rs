//! One of the cooks: a thread that runs tasks, takes some from the others when it has none, and
//! sleeps when there are none.
//!
//! **Job.** Find a task, run it, and begin again, until the executor closes. **Owns** the owner's end of
//! its ring, and what only it writes.
//!
//! # A turn
//!
//! 1. *Look*, every so many polls (see [`coop`](crate::coop)): at the OS and the clock, if no other
//!    worker is at it, and whether tasks wait in the injector.
//! 2. *Run* a task: if there were any in the injector at the last look, every other one from there; tasks
//!    that wake one another, and sockets that are ready again and again, would keep those waiting
//!    otherwise. Else the one woken last (at most [`STREAK`] times in a row), else from the ring, else a
//!    batch from the injector, else half of what another worker has.
//! 3. *Sleep* if there is nothing (see `idle` for how that is safe). The first to sleep takes the
//!    driver with it: it waits for events and timers, the others for it.
//!
//! **Never** goes to sleep before it has seen every queue that others may take from, the slots apart,
//! empty; and never touches the owner's end of another worker's ring.

use std::cell::{Cell, RefCell};
use std::task::Waker;

use super::current::Current;
use super::idle::Risen;
use super::scheduler::{Remote, Scheduler};
use super::watch::{Keeper, PERIOD};
use crate::context;
use crate::coop::{self, Pace};
use crate::driver::{self, Driver};
use crate::metrics::WorkerCounters;
use crate::queue::ring::CAPACITY;
use crate::recorder::{Kind, Role};
use crate::shared::Shared;
use crate::sync::{Arc, Mutex, MutexGuard, Ordering, thread};
use crate::task::raw::Runnable;

/// How often in a row a worker runs the task woken last before one from its ring. Two tasks that
/// wake one another would keep everybody else waiting for ever otherwise. Thin air; tokio's is the
/// same.
const STREAK: u32 = 3;

/// Tasks that a worker without any takes from the injector at a time, at most: half a ring.
const BATCH: usize = CAPACITY as usize / 2;

/// See the module.
pub(super) struct Worker {
    pub(super) scheduler: Arc<Scheduler>,
    shared: Arc<Shared>,
    driver: Arc<Mutex<Driver>>,
    index: usize,
    /// When it began, in the clock's nanoseconds.
    began: u64,
    /// It has tasks and is counted so.
    running: Cell<bool>,
    /// It is counted as searching.
    searching: Cell<bool>,
    /// Tasks run from the slot without one from the ring between.
    streak: Cell<u32>,
    /// At the last look there were tasks in the injector, and it has not been found empty since.
    sharing: Cell<bool>,
    /// While `sharing`: the last task came from there.
    shared_last: Cell<bool>,
    /// It rose for a task that it saw, and has found none yet.
    missed: Cell<bool>,
    random: Cell<u32>,
    pace: RefCell<Pace>,
    /// Whom the driver says to wake.
    woken: Cell<Vec<Waker>>,
    /// What each worker's poll counter was when this one last kept watch.
    seen: RefCell<Vec<u32>>,
    /// Polls that are not yet published, and those left until the next look.
    polls: Cell<u64>,
    left: Cell<usize>,
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
            scheduler,
            shared,
            driver,
            index,
            began: now,
            running: Cell::new(false),
            searching: Cell::new(false),
            streak: Cell::new(0),
            sharing: Cell::new(false),
            shared_last: Cell::new(false),
            missed: Cell::new(false),
            // Odd, so not 0, where xorshift would stay; and far apart, so that the workers do not all
            // look at the others in the same order (Knuth's multiplicative hash).
            random: Cell::new((2 * index as u32 + 1).wrapping_mul(0x9E37_79B1)),
            pace: RefCell::new(Pace::new(now)),
            woken: Cell::new(Vec::new()),
            seen: RefCell::new(vec![0; workers]),
            polls: Cell::new(0),
            left: Cell::new(0),
        }
    }

    fn remote(&self) -> &Remote {
        &self.scheduler.remotes[self.index]
    }

    fn counters(&self) -> &WorkerCounters {
        &self.shared.counters.workers[self.index]
    }

    fn now(&self) -> u64 {
        self.shared.timers.clock().now_nanos()
    }

    /// The life of a worker.
    pub(super) fn run(&self) {
        let _entered = context::enter_running(&self.shared, "a worker");
        self.remote().parker.belong_to_current();
        if let Some(recorder) = self.shared.home.probe().recorder() {
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
        task.run(self.shared.home.probe());
        if coop::take_yield() {
            // Look as soon as everybody who is ready now has had a turn.
            let queued = self.remote().ring.len() as usize;
            self.left.set(self.left.get().min(queued));
        }
    }

    /// Found a task: it is counted as running, not as searching any more.
    #[inline]
    fn count_as_running(&self) {
        if !self.running.replace(true) {
            self.begin_to_run();
        }
    }

    fn begin_to_run(&self) {
        self.missed.set(false);
        self.scheduler.counters.at_once.up();
        if !self.searching.replace(false) {
            // It rose by itself, from the watch or the driver, and leaves them to nobody.
            self.scheduler.call_watch();
        } else if self.scheduler.idle.stop_searching() {
            // There may be more, and nobody else looks.
            self.scheduler.hand_over();
        }
    }

    /// Has no task any more.
    fn count_as_out_of_work(&self) {
        if self.running.replace(false) {
            self.scheduler.counters.at_once.down();
        }
    }

    /// Puts a task that was woken into the slot.
    #[inline]
    pub(super) fn push_woken(&self, task: Runnable) {
        match self.remote().slot.put(task) {
            Some(previous) => {
                self.push_to_ring(previous);
                self.scheduler.notify();
            }
            None => self.scheduler.call_watch(),
        }
    }

    /// Puts a task that yielded behind the others.
    #[inline]
    pub(super) fn push_yielded(&self, task: Runnable) {
        let others = self.has_own();
        self.push_to_ring(task);
        if others {
            // Two that yield in turn could run at once, and of neither anybody was told.
            self.scheduler.invite();
        }
    }

    /// Puts a task at the end of the ring, or, if it is full, of the injector.
    #[inline]
    pub(super) fn push_to_ring(&self, task: Runnable) {
        // SAFETY: `self` is reached on its own thread only, so this is the ring's owner.
        if let Err(task) = unsafe { self.remote().ring.push(task) } {
            self.scheduler.injector.push(task);
        }
    }

    // ---- finding -------------------------------------------------------------------------------

    fn next_task(&self) -> Option<Runnable> {
        if self.left.get() == 0 {
            self.look();
            self.sharing.set(!self.scheduler.injector.is_empty());
        }
        self.next_shared()
            .or_else(|| self.next_local())
            .or_else(|| self.take_batch())
            .or_else(|| self.search())
    }

    /// While `sharing`, every other task comes from the injector.
    #[inline]
    fn next_shared(&self) -> Option<Runnable> {
        if !self.sharing.get() || self.shared_last.replace(!self.shared_last.get()) {
            return None;
        }
        let task = self.scheduler.injector.pop();
        match task {
            Some(_) => self.counters().injected.add(1),
            None => self.sharing.set(false),
        }
        task
    }

    #[inline]
    fn next_local(&self) -> Option<Runnable> {
        let Remote { ring, slot, .. } = self.remote();
        if self.streak.get() < STREAK {
            if let Some(task) = slot.take() {
                self.streak.set(self.streak.get() + 1);
                return Some(task);
            }
        }
        self.streak.set(0);
        // SAFETY: `self` is reached on its own thread only, so this is the ring's owner.
        let task = unsafe { ring.pop() };
        task.or_else(|| slot.take())
    }

    /// Takes a fair share of the injector: one to run, the rest for the ring, where others may steal
    /// them.
    fn take_batch(&self) -> Option<Runnable> {
        let injector = &self.scheduler.injector;
        let first = injector.pop()?;
        let share = injector.len() / self.scheduler.remotes.len();
        let more = (0..share.min(BATCH)).map_while(|_| injector.pop());
        let count = more.map(|task| self.push_to_ring(task)).count();
        self.counters().injected.add(1 + count as u64);
        Some(first)
    }

    /// Takes half of what another worker has.
    fn search(&self) -> Option<Runnable> {
        self.count_as_out_of_work();
        if !self.searching.get() {
            if !self.scheduler.idle.start_searching() {
                return None;
            }
            self.searching.set(true);
        }
        let remotes = &self.scheduler.remotes;
        let start = self.draw(remotes.len());
        for offset in 0..remotes.len() {
            let victim = (start + offset) % remotes.len();
            if victim == self.index {
                continue;
            }
            // SAFETY: the receiving ring is this worker's own, and another than the victim's.
            let stolen = unsafe { remotes[victim].ring.steal_into(&self.remote().ring) };
            if stolen.is_some() {
                self.counters().steals.add(1);
                self.report(Kind::Steal, victim);
                return stolen;
            }
        }
        self.take_batch()
    }

    /// A number below `bound`: Marsaglia's xorshift (2003), scaled.
    fn draw(&self, bound: usize) -> usize {
        let mut x = self.random.get();
        x ^= x << 13;
        x ^= x >> 17;
        x ^= x << 5;
        self.random.set(x);
        ((u64::from(x) * bound as u64) >> 32) as usize
    }

    // ---- looking and sleeping ------------------------------------------------------------------

    /// A look at the OS and the clock, unless another worker is at it.
    fn look(&self) {
        let (reactor, timers) = (&self.shared.reactor, &self.shared.timers);
        let mut pace = self.pace.borrow_mut();
        if !reactor.is_empty() || !timers.is_empty() {
            let mut woken = self.woken.take();
            if let Ok(mut driver) = self.driver.try_lock() {
                driver.poll(reactor, timers, &mut woken);
            }
            self.woken.set(woken);
            self.wake_all();
        }
        let now = self.now();
        pace.looked(now);
        self.left.set(pace.bound());
        self.publish(now);
    }

    /// Wakes whom the driver said to wake. It holds nothing meanwhile: others may drive.
    fn wake_all(&self) {
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
                if self.missed.replace(true) {
                    // The second time in a row. A thief that the OS stopped in the middle of a theft
                    // hides the rest of a ring until it is done: so let it run.
                    thread::yield_now();
                }
            }
            Risen::ByItself => {}
        }
        // Only now: as long as it is on the list of sleepers, whoever one of these calls for may be itself.
        self.wake_all();
    }

    /// S5: sleeps in the driver if nobody else does. Whom that says to wake, `sleep` does when all is done.
    fn park(&self) {
        self.counters().parks.add(1);
        let before = self.now();
        self.publish(before);
        let watched = match self.driver.try_lock() {
            Ok(driver) => self.park_in_driver(driver),
            Err(_) => self.park_outside(),
        };
        let now = self.now();
        self.counters().asleep.add(now - before);
        self.publish(now);
        self.pace.borrow_mut().resume(now);
        if watched {
            self.take_from_the_stuck();
        }
    }

    /// Answers, as [`park_outside`](Self::park_outside) does, whether it kept watch.
    fn park_in_driver(&self, mut driver: MutexGuard<'_, Driver>) -> bool {
        let watch = self.begin_watch(Keeper::InDriver);
        let at_most = watch.then_some(PERIOD);
        let (reactor, timers) = (&self.shared.reactor, &self.shared.timers);
        let mut woken = self.woken.take();
        self.remote().parker.park_in_driver(|| {
            driver.park(reactor, timers, at_most, &mut woken);
        });
        if watch {
            // Before it wakes anybody, so that whoever is woken is watched by another.
            self.scheduler.watch.end(Keeper::InDriver);
        }
        self.woken.set(woken);
        watch
    }

    fn park_outside(&self) -> bool {
        let watch = self.begin_watch(Keeper::Outside);
        self.report(Kind::Park, 0);
        self.remote().parker.park(watch.then_some(PERIOD));
        self.report(Kind::Unpark, 0);
        if watch {
            self.scheduler.watch.end(Keeper::Outside);
        }
        watch
    }

    fn has_own(&self) -> bool {
        !self.remote().slot.is_empty() || !self.remote().ring.is_empty()
    }

    /// Whether this worker, going to sleep, keeps watch.
    fn begin_watch(&self, who: Keeper) -> bool {
        let somebody_is_awake = || self.scheduler.idle.counts().awake > 0;
        self.scheduler.watch.begin(who, somebody_is_awake)
    }

    /// Takes the task in the slot of each worker that began no poll since this one last kept watch.
    fn take_from_the_stuck(&self) {
        let mut seen = self.seen.borrow_mut();
        for (index, remote) in self.scheduler.remotes.iter().enumerate() {
            let polls = remote.polls.load(Ordering::Relaxed);
            let stuck = std::mem::replace(&mut seen[index], polls) == polls;
            if stuck && index != self.index {
                if let Some(task) = remote.slot.take() {
                    self.counters().steals.add(1);
                    self.report(Kind::Steal, index);
                    self.push_to_ring(task);
                }
            }
        }
    }

    fn report(&self, kind: Kind, number: usize) {
        if let Some(recorder) = self.shared.home.probe().recorder() {
            recorder.report(kind, 0, 0, number as u64);
        }
    }

    /// Makes what was counted visible to other threads.
    fn publish(&self, now: u64) {
        self.counters().polls.add(self.polls.take());
        self.counters().present.set(now - self.began);
    }
}
