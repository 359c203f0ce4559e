//! What the tasks of the work-stealing executor see of it, and what its workers share.
//!
//! **Job.** Implement [`Schedule`] for any thread: a worker puts tasks into its own queue, any other
//! thread into the injector; and whenever there is something that another worker could do, see to
//! it that one is up.
//!
//! **Owns** what belongs to all: the injector, the idle protocol, the registry of living tasks, and
//! of each worker the part that others reach into.
//!
//! **Never** polls a task. In the end it drops the futures of those that are left.

use super::current;
use super::idle::Idle;
use super::park::{Parker, Unpark};
use super::watch::Watch;
use crate::metrics::Counters;
use crate::queue::injector::Injector;
use crate::queue::ring::Ring;
use crate::queue::slot::Slot;
use crate::reactor::Reactor;
use crate::sync::{Arc, AtomicBool, AtomicU32, Mutex, MutexGuard, Ordering, lock};
use crate::task::home::Schedule;
use crate::task::letter::Letter;
use crate::task::raw::{RawTask, Runnable};
use crate::task::registry::Registry;

/// How many tasks in a row go to the same part of the registry. With one each, every spawn would fetch
/// another part's memory; with a thousand, thief and spawner met at the same lock (8 % of a spawn from
/// a worker).
const RUN: usize = 64;

/// See the module.
pub(super) struct Scheduler {
    pub(super) remotes: Box<[Remote]>,
    pub(super) injector: Injector<RawTask>,
    pub(super) idle: Idle,
    pub(super) watch: Watch,
    shards: Box<[Shard]>,
    closed: AtomicBool,
    reactor: Arc<Reactor>,
    pub(super) counters: Arc<Counters>,
}

/// The part of a worker that others reach into.
///
/// On cache lines of its own (two: processors fetch them in pairs): its owner writes it several times
/// a poll, and a neighbour on the same line would have to fetch it anew each time.
#[repr(align(128))]
pub(super) struct Remote {
    pub(super) ring: Ring<RawTask>,
    /// Tasks that woke themselves: see [`OVERTAKES`](crate::coop::OVERTAKES).
    pub(super) yielded: Ring<RawTask>,
    pub(super) slot: Slot,
    pub(super) parker: Parker,
    /// How many polls it began: written by the worker, read by the watch.
    pub(super) polls: AtomicU32,
}

/// A part of the registry. Which task is in which follows from its id: [`RUN`] tasks that a thread
/// spawned one after the other are in the same, the next as many in another one. So threads which
/// spawn at the same time rarely want the same lock, nor do a worker that spawns and one that has
/// stolen from it and ends what was spawned a little earlier; nor, the lines being apart as a
/// [`Remote`]'s are, the same memory.
#[repr(align(128))]
struct Shard(Mutex<Part>);

struct Part {
    tasks: Registry,
    closed: bool,
}

impl Scheduler {
    pub(super) fn new(workers: usize, reactor: Arc<Reactor>, counters: Arc<Counters>) -> Self {
        // One in a model, which must go the same way twice, whatever the ids are.
        let shards = if cfg!(loom) {
            1
        } else {
            (4 * workers).next_power_of_two()
        };
        Scheduler {
            remotes: (0..workers).map(|_| Remote::new()).collect(),
            injector: Injector::new(),
            idle: Idle::new(workers),
            watch: Watch::new(),
            shards: (0..shards).map(|_| Shard::new()).collect(),
            closed: AtomicBool::new(false),
            reactor,
            counters,
        }
    }

    /// A task was put where another worker can take it: sees to it that one comes, if need be.
    #[inline]
    pub(super) fn notify(&self) {
        // N2 to N4
        if let Some(worker) = self.idle.to_wake(|worker| self.drives(worker)) {
            // N5
            self.unpark(worker);
        }
    }

    /// Like [`notify`](Self::notify), where nothing would be lost if nobody came: without its fence.
    #[inline]
    pub(super) fn invite(&self) {
        if !self.idle.nobody_to_wake() {
            self.notify();
        }
    }

    /// The last searcher has found something: sees to it that another one comes for what is left, for the
    /// driver, if nobody sleeps there, and for the tasks in slots, if nobody keeps watch.
    #[cold]
    pub(super) fn hand_over(&self) {
        let driven = (0..self.remotes.len()).any(|worker| self.drives(worker));
        if self.has_work() || !driven || self.is_watch_due() {
            self.notify();
        }
    }

    /// Whether somebody who put a task into a slot may have called nobody, because the caller, who has said
    /// by now that it does not, searched or kept watch. Why none is missed: see `watch`.
    fn is_watch_due(&self) -> bool {
        !self.watch.is_kept() && self.remotes.iter().any(|remote| !remote.slot.is_empty())
    }

    /// The caller is about to be busy with something that may take long, while tasks or events may wait
    /// that nobody else was told of: sees to it that somebody keeps watch. Not needed while somebody
    /// does; nor while somebody searches (see `hand_over`; who finds nothing goes to sleep and then keeps
    /// watch); nor when nobody sleeps.
    #[inline]
    pub(super) fn call_watch(&self) {
        if !self.watch.is_kept() && !self.idle.nobody_to_wake() {
            self.wake_watch();
        }
    }

    #[cold]
    fn wake_watch(&self) {
        self.watch.call();
        if let Some(worker) = self.idle.take_any_sleeper(|worker| self.drives(worker)) {
            self.unpark(worker);
        }
    }

    fn drives(&self, worker: usize) -> bool {
        self.remotes[worker].parker.drives()
    }

    fn unpark(&self, worker: usize) {
        if self.remotes[worker].parker.unpark() == Unpark::RingBell {
            self.reactor.ring();
        }
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// For S3, and for the last searcher: whether there is a task in any queue that others may take
    /// from, the slots apart.
    pub(super) fn has_work(&self) -> bool {
        !self.injector.is_empty() || self.remotes.iter().any(Remote::has_stealable)
    }

    fn part(&self, task: RawTask) -> MutexGuard<'_, Part> {
        let run = task.number() as usize / RUN;
        self.shards[run & (self.shards.len() - 1)].lock()
    }

    /// Shutdown, first half: lets the workers go, each after the poll it is in. They leave when they
    /// see `closed`; what is still scheduled is never popped.
    pub(super) fn let_go(&self) {
        self.closed.store(true, Ordering::Release);
        for worker in 0..self.remotes.len() {
            self.unpark(worker);
        }
    }

    /// Shutdown, second half, on the thread that gives up the last place in the crew: a worker's, or
    /// the one that drops the executor. No task is running or will be.
    ///
    /// 1. Each part of the registry in turn is closed: from then on nothing is admitted to it.
    /// 2. Its tasks are cancelled one by one, with the lock released: dropping a future may run
    ///    anything. It may wake other tasks (a push that nobody pops), abort, drop handles, or spawn: a
    ///    part that is closed refuses the new task, which is cancelled at once; a later one admits it,
    ///    and it is cancelled when the turn comes to that part.
    /// 3. The queues hold bare pointers to tasks that are complete by now; nobody follows them.
    pub(super) fn cancel_all(&self) {
        for shard in &self.shards {
            shard.lock().closed = true;
            let mut from = 0;
            loop {
                let task = shard.lock().tasks.any(&mut from);
                match task {
                    Some(task) => task.shut_down(),
                    None => break,
                }
            }
        }
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

    /// No thread is foreign to a home without an owner.
    fn post(&self, letter: Letter) {
        drop(letter);
    }
}

impl Remote {
    fn new() -> Self {
        Remote {
            ring: Ring::new(),
            yielded: Ring::new(),
            slot: Slot::new(),
            parker: Parker::new(),
            polls: AtomicU32::new(0),
        }
    }

    pub(super) fn has_stealable(&self) -> bool {
        !self.ring.is_empty() || !self.yielded.is_empty()
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
