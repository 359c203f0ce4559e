//! The list of an executor's living tasks. A closing executor cancels each of them.
//!
//! A task is on the list from the time its executor binds it until it is done. Inserting and removing a
//! task cost a few plain loads and stores. Each entry takes eight bytes. The entry of a task is a bare
//! pointer, which is valid because the executor keeps its living tasks in memory. A vacant entry is a link:
//! the index of the next vacant entry. Tasks are aligned, so the lowest bit is 0 for a pointer and 1 for a
//! link.

use std::ptr::{self, NonNull};

use super::cell::Header;
use super::raw::RawTask;

/// The index of a task that is on no list.
pub(crate) const UNBOUND: u32 = u32::MAX;

/// Marks the end of the list of vacant entries.
const NOWHERE: u32 = u32::MAX >> 1;

#[derive(Clone, Copy)]
struct Entry(*mut Header);

impl Entry {
    fn vacant(next: u32) -> Self {
        Entry(ptr::without_provenance_mut((next as usize) << 1 | 1))
    }

    /// Returns the task, unless the entry is vacant.
    fn task(self) -> Option<RawTask> {
        NonNull::new(self.0)
            .filter(|header| header.addr().get() & 1 == 0)
            .map(RawTask)
    }

    /// Returns the index of the next entry in the list of vacant entries. This entry must be vacant.
    fn next(self) -> u32 {
        debug_assert!(self.task().is_none());
        (self.0.addr() >> 1) as u32
    }
}

// SAFETY: an entry is a pointer to a task, like a `RawTask`, which is `Send`.
unsafe impl Send for Entry {}

pub(crate) struct OwnedList {
    entries: Vec<Entry>,
    /// The index of the first vacant entry, or `NOWHERE`.
    vacant: u32,
    living: usize,
}

impl OwnedList {
    pub(crate) const fn new() -> Self {
        OwnedList {
            entries: Vec::new(),
            vacant: NOWHERE,
            living: 0,
        }
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.living
    }

    #[cfg(test)]
    pub(crate) fn capacity(&self) -> usize {
        self.entries.capacity()
    }

    /// Returns whether the next task needs a new entry.
    #[inline]
    pub(crate) fn is_full(&self) -> bool {
        self.vacant == NOWHERE
    }

    /// Inserts a task.
    ///
    /// # Panics
    /// Panics if there are 2^31 - 1 living tasks already.
    #[inline]
    pub(crate) fn insert(&mut self, task: RawTask) {
        let index = self.place(task, NOWHERE);
        task.set_owned_index(index);
    }

    /// Like [`insert`](Self::insert), but the caller stores the index itself and removes the task with
    /// [`remove_at`](Self::remove_at).
    ///
    /// # Panics
    /// Panics if there are `limit` tasks already. The list is then unchanged.
    #[inline]
    pub(crate) fn place(&mut self, task: RawTask, limit: u32) -> u32 {
        let entry = Entry(task.0.as_ptr());
        let index = self.vacant;
        if index == NOWHERE {
            self.check_limit(limit);
            self.living += 1;
            self.entries.push(entry);
            return (self.entries.len() - 1) as u32;
        }
        self.living += 1;
        let link = std::mem::replace(&mut self.entries[index as usize], entry);
        self.vacant = link.next();
        index
    }

    #[inline(never)]
    fn check_limit(&self, limit: u32) {
        assert!(
            self.entries.len() < limit as usize,
            "brigade: an executor holds no more than {limit} tasks in one list"
        );
    }

    /// Frees the entry of a task. Returns whether the task had an entry.
    #[inline]
    pub(crate) fn remove(&mut self, task: RawTask) -> bool {
        let index = task.owned_index();
        if index == UNBOUND {
            return false;
        }
        debug_assert!(self.entries[index as usize].task() == Some(task));
        self.remove_at(index);
        true
    }

    /// Frees an entry.
    #[inline]
    pub(crate) fn remove_at(&mut self, index: u32) {
        debug_assert!(self.entries[index as usize].task().is_some());
        self.entries[index as usize] = Entry::vacant(self.vacant);
        self.vacant = index;
        self.living -= 1;
    }

    /// If the list is empty, frees the memory that a burst of tasks needed.
    pub(crate) fn shrink_after_burst(&mut self) {
        /// The largest capacity that an empty list keeps: one page of entries. Arbitrary: not measured.
        const KEEP: usize = 512;
        if self.living == 0 && self.entries.capacity() > KEEP {
            self.entries = Vec::new();
            self.vacant = NOWHERE;
        }
    }

    /// Returns a living task, or `None` if there is none. The search begins at index `from`, and moves `from`
    /// to the task that it finds. The first call passes 0. Between calls, tasks may be removed but not
    /// inserted.
    pub(crate) fn any(&self, from: &mut usize) -> Option<RawTask> {
        while let Some(entry) = self.entries.get(*from) {
            if let Some(task) = entry.task() {
                return Some(task);
            }
            *from += 1;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::task::JoinHandle;
    use crate::task::raw::Unbound;
    use crate::test_support::{Nowhere, new_task};

    /// A task with its handle. Dropping this pair cancels the task.
    struct Task(
        Unbound,
        #[expect(dead_code, reason = "it is owned")] JoinHandle<()>,
    );

    impl Task {
        fn new() -> Self {
            let (task, handle) = new_task(Arc::new(Nowhere), async {});
            Task(task, handle)
        }

        fn raw(&self) -> RawTask {
            self.0.raw()
        }
    }

    /// Removes all tasks from the list, and returns them in the order in which a closing executor finds
    /// them.
    fn drain(registry: &mut OwnedList) -> Vec<RawTask> {
        let (mut from, mut found) = (0, Vec::new());
        while let Some(task) = registry.any(&mut from) {
            registry.remove(task);
            found.push(task);
        }
        found
    }

    #[test]
    fn every_task_is_found_once() {
        let tasks: Vec<_> = (0..10).map(|_| Task::new()).collect();
        let mut registry = OwnedList::new();
        for task in &tasks {
            registry.insert(task.raw());
        }
        assert_eq!(registry.len(), 10);
        let found = drain(&mut registry);
        assert!(found.len() == 10 && tasks.iter().all(|task| found.contains(&task.raw())));
        assert_eq!(registry.len(), 0);
        assert!(drain(&mut registry).is_empty());
    }

    #[test]
    fn vacated_places_are_used_again() {
        let tasks: Vec<_> = (0..8).map(|_| Task::new()).collect();
        let mut registry = OwnedList::new();
        for round in 0..100 {
            // Each round uses a different order.
            for n in 0..8 {
                registry.insert(tasks[(n * 3 + round) % 8].raw());
            }
            for n in 0..8 {
                registry.remove(tasks[(n * 5 + round) % 8].raw());
            }
        }
        assert_eq!((registry.len(), registry.entries.len()), (0, 8));
    }

    /// The list has gaps, and the search continues after a task is removed.
    #[test]
    fn gaps_are_passed_over() {
        let tasks: Vec<_> = (0..6).map(|_| Task::new()).collect();
        let mut registry = OwnedList::new();
        for task in &tasks[..5] {
            registry.insert(task.raw());
        }
        for gap in [0, 2, 4] {
            registry.remove(tasks[gap].raw());
        }
        let mut from = 0;
        assert!(registry.any(&mut from) == Some(tasks[1].raw()));
        registry.remove(tasks[1].raw());
        assert!(drain(&mut registry) == [tasks[3].raw()]);
        registry.insert(tasks[5].raw());
        assert!(drain(&mut registry) == [tasks[5].raw()]);
    }

    #[test]
    fn the_list_shrinks_only_when_all_tasks_are_gone() {
        let tasks: Vec<_> = (0..1000).map(|_| Task::new()).collect();
        let mut registry = OwnedList::new();
        for task in &tasks {
            registry.insert(task.raw());
        }
        for task in &tasks[1..] {
            registry.remove(task.raw());
        }
        registry.shrink_after_burst();
        assert!(registry.entries.capacity() >= 1000);
        registry.remove(tasks[0].raw());
        registry.shrink_after_burst();
        assert_eq!(registry.entries.capacity(), 0);
        registry.insert(tasks[7].raw());
        assert_eq!(registry.len(), 1);
        assert!(drain(&mut registry) == [tasks[7].raw()]);
    }

    #[test]
    fn a_full_list_refuses_a_task_and_does_not_change() {
        let tasks: Vec<_> = (0..3).map(|_| Task::new()).collect();
        let mut registry = OwnedList::new();
        for task in &tasks[..2] {
            task.raw().set_owned_index(registry.place(task.raw(), 2));
        }
        let refused = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            registry.place(tasks[2].raw(), 2)
        }));
        assert!(refused.is_err());
        assert_eq!(registry.len(), 2);
        registry.remove(tasks[0].raw());
        assert_eq!(registry.place(tasks[2].raw(), 2), 0);
    }
}
