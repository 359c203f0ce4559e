//! How a worker finds its next task: from the driver, its own queues, the injector, or other workers.
//!
//! The order weighs speed against fairness. The task that the running task just woke is warmest in the
//! cache, so it goes first. But each source that could be refilled forever has a bound, after which the
//! next source follows. The bounds multiply to at most 16 polls for a task at the head of one of the worker's
//! queues. A busy worker looks at the injector when it polls the driver, after at most 64 polls.

use super::worker::Worker;
use crate::queue::stealing::CAPACITY;
use crate::sync::Ordering;
use crate::task::raw::Runnable;
use crate::trace::recorder::Kind;

/// The maximum number of tasks in a row that a worker runs from its slot before it takes one from a ring.
/// Without a bound, two tasks that wake each other would starve all others. Arbitrary; tokio uses the
/// same value.
const STREAK: u32 = 3;

/// The maximum number of tasks that a worker takes from the injector at a time: half a ring.
const BATCH: usize = CAPACITY as usize / 2;

impl Worker {
    /// Returns the next task to run, polling the driver first if that is due.
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

    /// While tasks wait in the injector, every other poll runs one of them. Otherwise sockets that are
    /// always ready, and tasks that wake each other, would starve these tasks.
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
        // The rings alternate, so tasks that yield and tasks that were woken do not starve each other,
        // however many there are.
        let yielded_last = self.yielded_last.replace(!self.yielded_last.get());
        let (first, second) = if yielded_last {
            (&remote.ring, &remote.yielded)
        } else {
            (&remote.yielded, &remote.ring)
        };
        // SAFETY: only this thread reaches `self`, so the caller is the rings' owner.
        unsafe { first.pop().or_else(|| second.pop()) }.or_else(|| remote.slot.take())
    }

    /// Takes a fair share of the injector: one task to run, and others for the ring, from which other
    /// workers may steal them. It wakes no worker, because the batch stays visible: the worker that was
    /// woken for these tasks finds the rest, or wakes another worker that does.
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
        // The multiples of the golden ratio spread evenly, so that no victim is always the first.
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

    /// Empties the slot of each worker that has not begun a poll since the last time this worker was the
    /// monitor.
    pub(super) fn take_from_stuck_workers(&self) {
        let mut seen = self.seen.borrow_mut();
        for (index, remote) in self.scheduler.remotes.iter().enumerate() {
            let polls = remote.polls.load(Ordering::Relaxed);
            let stuck = std::mem::replace(&mut seen[index], polls) == polls;
            if stuck && index != self.index {
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
