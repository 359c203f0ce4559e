//! The list of all tasks that have not ended, so that shutdown can cancel them.
//!
//! Each worker has its own part of the list, for the tasks that it spawns. While the worker runs, no other
//! thread accesses the entries of its part. So a spawn on a worker touches no memory that other threads
//! write. Tasks that other threads spawn are in one more part, behind a lock. A task may end on a worker that
//! did not spawn it. That worker then *vacates* the task's entry: it remembers the entry, and later returns
//! it, in a batch, to its owner for reuse. Until then a vacated entry contains a pointer that may dangle. No
//! thread follows this pointer, because every worker returns its vacated entries before any task is
//! cancelled.
//!
//! ```text
//!   worker A              part A                                         worker B
//!   entries (no lock) ◄── vacated entries (lock) ◄─── a batch ────────── ends a task of A
//!      │ A leaves                                                           │ B leaves
//!      ▼                                                                    ▼
//!   part A: entries (lock)                                               passes on the rest
//!                    cancel_all, after all workers have left: vacated entries first, then tasks
//! ```
//!
//! The lowest bits of a task's index select the part. The other bits are the index of the entry in that part.

use std::cell::RefCell;

use crate::sync::{AtomicBool, Mutex, Ordering, lock};
use crate::task::owned::{OwnedList, UNBOUND};
use crate::task::raw::RawTask;

/// The number of vacated entries, of all parts, that a worker gathers before it takes the locks of their parts.
/// If each worker had a list for each part, it would take fewer locks, but the lists of 4096 workers would
/// need 800 MB. Arbitrary: not measured.
const BATCH: usize = if cfg!(loom) { 2 } else { 256 };

/// The shared halves of all parts. The private half of a worker's part is in [`WorkerTasks`].
pub(crate) struct OwnedTasks {
    /// The parts of the workers, in order, and one for all other threads. The number of parts is rounded up
    /// to a power of two, so some may be unused.
    parts: Box<[Part]>,
    others: usize,
}

/// The shared half of one part, on cache lines of its own.
#[repr(align(128))]
struct Part {
    /// The tasks of this part. In a worker's part, this list is empty until the worker leaves.
    tasks: Mutex<Tasks>,
    /// The entries of tasks that ended on a thread other than the part's owner.
    vacated: Mutex<Vec<u32>>,
    /// Set if there are vacated entries. The owner checks this flag first, so it seldom takes the lock in
    /// vain.
    has_vacated: AtomicBool,
}

struct Tasks {
    registry: OwnedList,
    closed: bool,
}

/// The private half of a worker's part, and the entries that the worker has vacated in other parts.
pub(crate) struct WorkerTasks {
    part: usize,
    registry: RefCell<OwnedList>,
    /// The indices of tasks that belong to other parts and have ended on this worker.
    vacated: RefCell<Vec<u32>>,
}

impl OwnedTasks {
    pub(crate) fn new(workers: usize) -> Self {
        OwnedTasks {
            parts: (0..(workers + 1).next_power_of_two())
                .map(|_| Part::new())
                .collect(),
            others: workers,
        }
    }

    /// Adds a task that is spawned outside the workers. Returns `false` if the executor is closed.
    pub(crate) fn insert(&self, task: RawTask, admitted: impl FnOnce()) -> bool {
        let part = &self.parts[self.others];
        let mut tasks = lock(&part.tasks);
        if tasks.closed {
            return false;
        }
        self.add(self.others, &mut tasks.registry, task);
        // Call `admitted` under the lock, because shutdown may cancel the task once the lock is released.
        admitted();
        true
    }

    /// Adds a task to a part. `registry` is that part's list.
    #[inline]
    fn add(&self, part: usize, registry: &mut OwnedList, task: RawTask) {
        if registry.is_full() {
            self.parts[part].collect(registry);
        }
        // This limit keeps every index below `UNBOUND`.
        let limit = UNBOUND / self.parts.len() as u32;
        let place = registry.place(task, limit);
        task.set_owned_index(place * self.parts.len() as u32 + part as u32);
    }

    /// Splits a task's index into the index of the part and the index of the entry in that part.
    #[inline]
    fn find(&self, index: u32) -> (usize, u32) {
        // `parts.len()` is a power of two.
        let bits = self.parts.len().trailing_zeros();
        (index as usize & (self.parts.len() - 1), index >> bits)
    }

    /// Removes a task that ends outside the workers. `cancel_all` removes every task in this way.
    pub(crate) fn remove(&self, task: RawTask) {
        self.vacate(&mut vec![task.owned_index()]);
    }

    /// Passes vacated entries on to the owners of their parts.
    #[cold]
    fn vacate(&self, indices: &mut Vec<u32>) {
        let part = |index: &u32| self.find(*index).0;
        indices.sort_unstable_by_key(part);
        for indices in indices.chunk_by(|one, other| part(one) == part(other)) {
            let part = &self.parts[part(&indices[0])];
            let places = indices.iter().map(|index| self.find(*index).1);
            lock(&part.vacated).extend(places);
            part.has_vacated.store(true, Ordering::Relaxed);
        }
        indices.clear();
    }

    /// Cancels all tasks. All workers must have left.
    pub(crate) fn cancel_all(&self) {
        // Close first, so that a task that a destructor spawns is refused.
        lock(&self.parts[self.others].tasks).closed = true;
        for part in &self.parts {
            let mut from = 0;
            loop {
                let task = {
                    let registry = &mut lock(&part.tasks).registry;
                    // Collect first, because the list may still contain tasks that have ended on other
                    // threads.
                    part.collect(registry);
                    registry.any(&mut from)
                };
                // The lock is released here, because the future's destructor may wake, abort, or spawn.
                match task {
                    Some(task) => task.cancel(),
                    None => break,
                }
            }
        }
    }
}

impl Part {
    fn new() -> Self {
        Part {
            tasks: Mutex::new(Tasks {
                registry: OwnedList::new(),
                closed: false,
            }),
            vacated: Mutex::new(Vec::new()),
            has_vacated: AtomicBool::new(false),
        }
    }

    /// Frees the entries that other threads have passed on. `registry` is the list of this part's tasks.
    fn collect(&self, registry: &mut OwnedList) {
        if !self.has_vacated.load(Ordering::Relaxed) {
            return;
        }
        self.has_vacated.store(false, Ordering::Relaxed);
        let places = std::mem::take(&mut *lock(&self.vacated));
        for place in places {
            registry.remove_at(place);
        }
        registry.shrink_after_burst();
    }
}

impl WorkerTasks {
    pub(crate) fn new(worker: usize) -> Self {
        WorkerTasks {
            part: worker,
            registry: RefCell::new(OwnedList::new()),
            vacated: RefCell::new(Vec::new()),
        }
    }

    /// Adds a task that this worker spawns.
    #[inline]
    pub(crate) fn insert(&self, owned: &OwnedTasks, task: RawTask) {
        owned.add(self.part, &mut self.registry.borrow_mut(), task);
    }

    /// Removes a task that ends on this worker.
    #[inline]
    pub(crate) fn remove(&self, owned: &OwnedTasks, task: RawTask) {
        let (part, place) = owned.find(task.owned_index());
        if part == self.part {
            let mut registry = self.registry.borrow_mut();
            registry.remove_at(place);
            registry.shrink_after_burst();
        } else {
            let mut vacated = self.vacated.borrow_mut();
            vacated.push(task.owned_index());
            if vacated.len() == BATCH {
                owned.vacate(&mut vacated);
            }
        }
    }

    /// Passes on the entries that this worker has vacated. Frees those that other threads have passed on to
    /// its part.
    pub(crate) fn exchange(&self, owned: &OwnedTasks) {
        owned.vacate(&mut self.vacated.borrow_mut());
        owned.parts[self.part].collect(&mut self.registry.borrow_mut());
        let others = &owned.parts[owned.others];
        if others.has_vacated.load(Ordering::Relaxed) {
            others.collect(&mut lock(&others.tasks).registry);
        }
    }

    /// Moves the leaving worker's tasks to the shared half of its part, where `cancel_all` finds them.
    pub(crate) fn leave(&self, owned: &OwnedTasks) {
        self.exchange(owned);
        let left = self.registry.replace(OwnedList::new());
        lock(&owned.parts[self.part].tasks).registry = left;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::JoinHandle;
    use crate::task::raw::Unbound;
    use crate::test_support::{Nowhere, new_task};

    fn tasks(count: usize) -> (Vec<Unbound>, Vec<JoinHandle<()>>) {
        (0..count)
            .map(|_| new_task(std::sync::Arc::new(Nowhere), async {}))
            .unzip()
    }

    #[test]
    fn a_task_knows_its_part_and_place() {
        let owned = OwnedTasks::new(2);
        let workers = [0, 1].map(WorkerTasks::new);
        let (newborn, _handles) = tasks(9);
        for (number, task) in newborn.iter().enumerate() {
            match number % 3 {
                2 => assert!(owned.insert(task.raw(), || ())),
                worker => workers[worker].insert(&owned, task.raw()),
            }
            assert_eq!(
                owned.find(task.raw().owned_index()),
                (number % 3, number as u32 / 3)
            );
        }
        drop(newborn);
    }

    #[test]
    fn places_vacated_by_other_workers_are_used_again() {
        let owned = OwnedTasks::new(2);
        let (spawner, thief) = (WorkerTasks::new(0), WorkerTasks::new(1));
        let (newborn, _handles) = tasks(BATCH);
        for _ in 0..10 {
            for task in &newborn {
                spawner.insert(&owned, task.raw());
            }
            for task in &newborn {
                thief.remove(&owned, task.raw());
            }
        }
        assert!(spawner.registry.borrow().capacity() <= 4 * BATCH);
        // A batch that is not full is passed on when the worker parks.
        spawner.exchange(&owned);
        spawner.insert(&owned, newborn[0].raw());
        thief.remove(&owned, newborn[0].raw());
        assert_eq!(spawner.registry.borrow().len(), 1);
        thief.exchange(&owned);
        spawner.exchange(&owned);
        assert_eq!(spawner.registry.borrow().len(), 0);
        drop(newborn);
    }

    #[test]
    fn what_a_worker_keeps_does_not_grow_with_the_number_of_workers() {
        let owned = OwnedTasks::new(4096);
        let thief = WorkerTasks::new(0);
        let (newborn, _handles) = tasks(10 * BATCH);
        let spawners: Vec<_> = (1..=newborn.len()).map(WorkerTasks::new).collect();
        for (spawner, task) in spawners.iter().zip(&newborn) {
            spawner.insert(&owned, task.raw());
            thief.remove(&owned, task.raw());
            assert!(thief.vacated.borrow().len() <= BATCH);
        }
        thief.exchange(&owned);
        for spawner in &spawners {
            spawner.exchange(&owned);
            assert_eq!(spawner.registry.borrow().len(), 0);
        }
        drop(newborn);
    }

    #[test]
    fn tasks_of_other_threads_are_removed_by_the_workers() {
        let owned = OwnedTasks::new(1);
        let worker = WorkerTasks::new(0);
        let (newborn, _handles) = tasks(1);
        assert!(owned.insert(newborn[0].raw(), || ()));
        worker.remove(&owned, newborn[0].raw());
        worker.exchange(&owned);
        assert_eq!(lock(&owned.parts[1].tasks).registry.len(), 0);
        owned.cancel_all();
        assert!(!owned.insert(newborn[0].raw(), || panic!("admitted after the end")));
        drop(newborn);
    }
}
