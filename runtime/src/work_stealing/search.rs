//! How a worker finds its next task: from the driver, its own queues, the injector, or other workers.
//!
//! The order balances speed and fairness. The task that was woken last is warmest in the cache, so it runs
//! first. But running tasks may refill a queue forever. So each such queue has a bound: after that many tasks
//! from one queue, the worker takes a task from the next. Because of the bounds, the task at the head of one
//! of the worker's queues waits for at most 16 polls. A busy worker checks the injector each time it polls
//! the driver: after at most 64 polls of tasks.

use super::worker::Worker;
use crate::queue::stealing::CAPACITY;
use crate::sync::Ordering;
use crate::task::raw::Runnable;
use crate::trace::recorder::Kind;

/// The maximum number of tasks that a worker runs from its slot before it takes one from a ring. Without a
/// bound, two tasks that wake each other would starve all other tasks. Arbitrary; tokio uses the same value.
const STREAK: u32 = 3;

/// The maximum number of tasks that a worker takes from the injector at a time: half a ring.
const BATCH: usize = CAPACITY as usize / 2;

impl Worker {
    /// Polls the driver if that is due. Then returns the next task to run.
    pub(super) fn next_task(&self) -> Option<Runnable> {
        if self.left.get() == 0 {
            self.poll_driver();
            let waiting = !self.scheduler.injector.is_empty();
            self.alternate_injector.set(waiting);
        }
        self.next_injected()
            .or_else(|| self.next_local())
            .or_else(|| self.take_batch())
            .or_else(|| self.search())
    }

    /// Takes a task from the injector for every second poll, while tasks wait there. Otherwise tasks that
    /// wake each other, or whose sockets are always ready, would starve the tasks in the injector.
    #[inline]
    fn next_injected(&self) -> Option<Runnable> {
        if !self.alternate_injector.get() || self.remote.polls.load(Ordering::Relaxed) % 2 == 0 {
            return None;
        }
        let task = self.scheduler.injector.pop();
        match task {
            Some(_) => self.counters.injected.add(1),
            None => self.alternate_injector.set(false),
        }
        task
    }

    #[inline]
    fn next_local(&self) -> Option<Runnable> {
        let remote = &self.remote;
        if self.streak.get() < STREAK {
            if let Some(task) = remote.slot.take() {
                self.streak.set(self.streak.get() + 1);
                return Some(task);
            }
        }
        self.streak.set(0);
        // Alternate between the rings, so that tasks that yield and tasks that were woken do not starve each
        // other.
        let yielded_last = self.yielded_last.replace(!self.yielded_last.get());
        let (first, second) = if yielded_last {
            (&remote.ring, &remote.yielded)
        } else {
            (&remote.yielded, &remote.ring)
        };
        // SAFETY: only this thread reaches `self`, so the caller is the rings' owner.
        unsafe { first.pop().or_else(|| second.pop()) }.or_else(|| remote.slot.take())
    }

    /// Takes a fair share of the tasks in the injector. Returns one of them, and moves the others to the
    /// ring, where other workers may steal them. Wakes no worker, because the thread that queued these tasks
    /// has woken one, if necessary. The woken worker always sees the batch, either in the injector or in the
    /// ring. It takes these tasks, or wakes another worker to take them.
    fn take_batch(&self) -> Option<Runnable> {
        let workers = self.scheduler.remotes.len();
        let (first, moved) = self.scheduler.injector.pop_batch(
            |left| (left / workers).min(BATCH),
            // SAFETY: as in `next_local`.
            |task| unsafe { self.remote.ring.push(task) },
        )?;
        self.counters.injected.add(1 + moved as u64);
        Some(first)
    }

    /// Steals half of another worker's tasks.
    fn search(&self) -> Option<Runnable> {
        self.count_as_out_of_work();
        if !self.searching.get() {
            if !self.scheduler.idle.start_searching() {
                return None;
            }
            self.searching.set(true);
        }
        // Multiples of the golden ratio are spread evenly, so searches begin at all workers equally often.
        let step = self.first_victim.get().wrapping_add(0x9E37_79B1);
        self.first_victim.set(step);
        let (remotes, mine) = (&self.scheduler.remotes, &self.remote);
        let first = ((u64::from(step) * remotes.len() as u64) >> 32) as usize;
        for victim in (first..remotes.len()).chain(0..first) {
            if victim == self.index {
                continue;
            }
            let theirs = &remotes[victim];
            // SAFETY: the receiving rings are this worker's own, and the victim is another worker.
            let stolen = unsafe {
                let woken = theirs.ring.steal_into(&mine.ring);
                woken.or_else(|| theirs.yielded.steal_into(&mine.yielded))
            };
            if stolen.is_some() {
                self.count_steal(victim);
                return stolen;
            }
        }
        self.take_batch()
    }

    /// Takes the task from the slot of each stuck worker. A worker is stuck if its slot also had a task at
    /// the last check, and the worker has begun no poll since then.
    pub(super) fn take_from_stuck_workers(&self) {
        for (index, remote) in self.scheduler.remotes.iter().enumerate() {
            let polls = remote.polls.load(Ordering::Relaxed);
            if remote.slot.is_empty() {
                // A worker with an empty slot is not stuck. The monitor stores `u64::MAX`, which no count
                // reaches.
                remote.seen.store(u64::MAX, Ordering::Relaxed);
            } else if remote.seen.swap(polls, Ordering::Relaxed) == polls {
                if let Some(task) = remote.slot.take() {
                    self.count_steal(index);
                    self.push_to_ring(&self.remote.ring, task);
                }
            }
        }
    }

    fn count_steal(&self, victim: usize) {
        self.counters.steals.add(1);
        self.report(Kind::Steal, victim);
    }
}
