//! What the workers share: where a task goes when it is woken, from any thread, and which worker is told.
//!
//! A task that is woken on a worker's thread goes to that worker's own queues, any other task to the
//! injector. Each way in ends with a decision whether another worker must be woken: `idle` and `monitor`
//! hold the two protocols, and their steps are marked here. The scheduler polls no task.

use super::current;
use super::idle::Idle;
use super::monitor::Monitor;
use super::park::{Parker, Unpark};
use crate::metrics::Counters;
use crate::queue::inject::Injector;
use crate::queue::stealing::{LifoSlot, Ring};
use crate::reactor::Reactor;
use crate::sync::{Arc, AtomicBool, AtomicU32, Mutex, MutexGuard, Ordering, lock};
use crate::task::home::Schedule;
use crate::task::letter::Letter;
use crate::task::raw::{RawTask, Runnable};
use crate::task::registry::Registry;

/// How many tasks with successive ids go to the same shard of the registry. With one each, every spawn
/// would fetch another shard's memory; with a thousand, thief and spawner met at the same lock (8 % of a
/// spawn from a worker).
const RUN: usize = 64;

/// The shared half of the executor.
pub(crate) struct Scheduler {
    pub(crate) remotes: Box<[Remote]>,
    pub(crate) injector: Injector<RawTask>,
    pub(crate) idle: Idle,
    pub(crate) monitor: Monitor,
    shards: Box<[Shard]>,
    closed: AtomicBool,
    reactor: Arc<Reactor>,
    pub(crate) counters: Arc<Counters>,
}

/// The part of a worker that other threads access.
///
/// It has cache lines of its own (two, because processors fetch them in pairs): its worker writes it
/// several times a poll, and a neighbour on the same line would have to fetch it anew each time.
#[repr(align(128))]
pub(crate) struct Remote {
    /// Tasks that the driver woke, but for the last one, which goes to the slot. They do not wait
    /// behind the tasks of `ring`.
    pub(crate) driven: Ring<RawTask>,
    pub(crate) ring: Ring<RawTask>,
    pub(crate) slot: LifoSlot,
    pub(crate) parker: Parker,
    /// The number of polls begun: written by the worker, read by the monitor.
    pub(crate) polls: AtomicU32,
}

/// A part of the registry of living tasks, on cache lines of its own. The id of a task determines its
/// shard, so threads that spawn at the same time rarely want the same lock; nor do a worker that spawns
/// and one that has stolen from it and ends what was spawned a little earlier.
#[repr(align(128))]
struct Shard(Mutex<Part>);

struct Part {
    tasks: Registry,
    closed: bool,
}

impl Scheduler {
    pub(crate) fn new(workers: usize, reactor: Arc<Reactor>, counters: Arc<Counters>) -> Self {
        // One in a model, which must run the same way twice, whatever the ids are.
        let shards = if cfg!(loom) {
            1
        } else {
            (4 * workers).next_power_of_two()
        };
        Scheduler {
            remotes: (0..workers).map(|_| Remote::new()).collect(),
            injector: Injector::new(),
            idle: Idle::new(workers),
            monitor: Monitor::new(),
            shards: (0..shards).map(|_| Shard::new()).collect(),
            closed: AtomicBool::new(false),
            reactor,
            counters,
        }
    }

    // ---- which worker to wake ------------------------------------------------------------------

    /// Wakes a worker if need be for a task that was put where others may take it.
    #[inline]
    pub(crate) fn notify(&self) {
        // N2 to N4
        if let Some(worker) = self.idle.to_wake(|worker| self.drives(worker)) {
            // N5
            self.unpark(worker);
        }
    }

    /// As [`notify`](Self::notify), but without its fence, for a caller that will run the task itself
    /// if no other worker comes.
    #[inline]
    pub(crate) fn wake_one_if_idle(&self) {
        if !self.idle.nobody_to_wake() {
            self.notify();
        }
    }

    /// Wakes another worker in place of the last searcher, which has found a task: for more tasks, for
    /// the driver if no worker is in it, or for a slot that no monitor covers (Q3).
    #[cold]
    pub(crate) fn wake_successor(&self) {
        let driven = (0..self.remotes.len()).any(|worker| self.drives(worker));
        let uncovered =
            !self.monitor.exists() && self.remotes.iter().any(|remote| !remote.slot.is_empty());
        if self.has_work() || !driven || uncovered {
            self.notify();
        }
    }

    /// P3 and P4: sees to it that a monitor exists, because the caller's next poll may take long, and a
    /// task in its slot, events or timers may wait for its end.
    #[inline]
    pub(crate) fn ensure_monitor(&self) {
        if !self.monitor.exists() && !self.idle.nobody_to_wake() {
            self.wake_monitor();
        }
    }

    #[cold]
    fn wake_monitor(&self) {
        self.monitor.request();
        if let Some(worker) = self.idle.take_any_sleeper(|worker| self.drives(worker)) {
            self.unpark(worker);
        }
    }

    fn drives(&self, worker: usize) -> bool {
        self.remotes[worker].parker.drives()
    }

    fn unpark(&self, worker: usize) {
        if self.remotes[worker].parker.unpark() == Unpark::NotifyDriver {
            self.reactor.ring();
        }
    }

    /// S3, and for the last searcher: returns whether there is a task in any queue that others may take
    /// from, except the slots.
    pub(crate) fn has_work(&self) -> bool {
        !self.injector.is_empty() || self.remotes.iter().any(Remote::has_work)
    }

    // ---- shutdown ------------------------------------------------------------------------------

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// Asks the workers to leave, each after the poll it is in. Tasks that are queued then are not
    /// popped any more.
    pub(crate) fn close(&self) {
        // Release pairs with `is_closed`.
        self.closed.store(true, Ordering::Release);
        for worker in 0..self.remotes.len() {
            self.unpark(worker);
        }
    }

    /// Cancels all tasks. The caller is the last to leave, so no task is running or will be. The queues
    /// keep bare pointers to complete tasks, which are never read again.
    pub(crate) fn cancel_all(&self) {
        // All shards first: what a destructor spawns is refused, whichever shard it would go to.
        for shard in &self.shards {
            shard.lock().closed = true;
        }
        for shard in &self.shards {
            let mut from = 0;
            loop {
                // Unlocked before the future is dropped: its destructor may wake, abort, or spawn.
                let task = shard.lock().tasks.any(&mut from);
                match task {
                    Some(task) => task.shut_down(),
                    None => break,
                }
            }
        }
    }

    fn part(&self, task: RawTask) -> MutexGuard<'_, Part> {
        let run = task.number() as usize / RUN;
        self.shards[run & (self.shards.len() - 1)].lock()
    }
}

impl Schedule for Scheduler {
    fn admit(&self, task: Runnable) -> Result<(), Runnable> {
        {
            let mut part = self.part(task.raw());
            if part.closed {
                return Err(task);
            }
            part.tasks.insert(task.raw());
            // Under the lock: at shutdown the task may be cancelled as soon as it is released.
            self.counters.in_flight.up();
        }
        self.schedule(task);
        Ok(())
    }

    #[inline]
    fn schedule(&self, task: Runnable) {
        let task = task.into_queue();
        if !current::with(self, |worker| worker.push_woken(task)) {
            // N1; the rest is `notify`.
            self.injector.push(task);
            self.notify();
        }
    }

    #[inline]
    fn reschedule(&self, task: Runnable) {
        let task = task.into_queue();
        if !current::with(self, |worker| worker.push_yielded(task)) {
            self.injector.push(task);
            self.notify();
        }
    }

    fn forget(&self, task: RawTask) {
        let mut part = self.part(task);
        part.tasks.remove(task);
        part.tasks.forget_peak();
        drop(part);
        self.counters.in_flight.down();
    }

    /// No message is posted to an executor whose tasks any thread may write.
    fn post(&self, letter: Letter) {
        drop(letter);
    }
}

impl Remote {
    fn new() -> Self {
        Remote {
            driven: Ring::new(),
            ring: Ring::new(),
            slot: LifoSlot::new(),
            parker: Parker::new(),
            polls: AtomicU32::new(0),
        }
    }

    /// Returns whether another worker may take a task from the rings.
    pub(crate) fn has_work(&self) -> bool {
        !self.driven.is_empty() || !self.ring.is_empty()
    }
}

impl Shard {
    fn new() -> Self {
        Shard(Mutex::new(Part {
            tasks: Registry::new(),
            closed: false,
        }))
    }

    fn lock(&self) -> MutexGuard<'_, Part> {
        lock(&self.0)
    }
}
