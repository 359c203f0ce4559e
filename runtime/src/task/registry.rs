//! The list of an executor's living tasks.
//!
//! **Job.** Remember every task from its admission to its completion, so that a closing executor
//! can cancel them all. Inserting and removing cost a few plain loads and stores, and eight bytes
//! a task: nothing is allocated for one.
//!
//! **Owns** no task: the entries are bare pointers under the executor's claim (see `task::state`).
//!
//! Vacant entries form a free list through the very words that hold the pointers otherwise. Tasks
//! are aligned, so the lowest bit of an entry tells a pointer (0) from a link (1).

use std::ptr::{self, NonNull};

use super::cell::Header;
use super::raw::RawTask;

/// The place of a task that is in no registry; also the end of the free list.
pub(crate) const NOWHERE: u32 = u32::MAX >> 1;

#[derive(Clone, Copy)]
struct Entry(*mut Header);

impl Entry {
    fn vacant(next: u32) -> Self {
        Entry(ptr::without_provenance_mut((next as usize) << 1 | 1))
    }

    /// The task, or the next vacant entry.
    fn read(self) -> Result<RawTask, u32> {
        match NonNull::new(self.0) {
            Some(header) if header.addr().get() & 1 == 0 => Ok(RawTask(header)),
            _ => Err((self.0.addr() >> 1) as u32),
        }
    }
}

// SAFETY: entries are pointers to tasks, which are `Send` as `RawTask` is.
unsafe impl Send for Entry {}

/// See the module.
pub(crate) struct Registry {
    entries: Vec<Entry>,
    /// The first vacant entry, or `NOWHERE`.
    vacant: u32,
    living: usize,
}

impl Registry {
    pub(crate) const fn new() -> Self {
        Registry {
            entries: Vec::new(),
            vacant: NOWHERE,
            living: 0,
        }
    }

    /// How many tasks it holds.
    pub(crate) fn len(&self) -> usize {
        self.living
    }

    /// Gives a task its place.
    ///
    /// # Panics
    /// With 2^31 - 1 living tasks.
    #[inline]
    pub(crate) fn insert(&mut self, task: RawTask) {
        let entry = Entry(task.0.as_ptr());
        let slot = self.vacant;
        if slot != NOWHERE {
            let free = &mut self.entries[slot as usize];
            let Err(next) = free.read() else {
                unreachable!("the free list led to a living task")
            };
            *free = entry;
            self.vacant = next;
            task.set_slot(slot);
        } else {
            let slot = self.entries.len();
            assert!(
                slot < NOWHERE as usize,
                "an executor holds at most 2^31 - 1 tasks"
            );
            self.entries.push(entry);
            task.set_slot(slot as u32);
        }
        self.living += 1;
    }

    /// Frees the place of a task.
    #[inline]
    pub(crate) fn remove(&mut self, task: RawTask) {
        let slot = task.slot();
        debug_assert!(self.entries[slot as usize].read() == Ok(task));
        self.entries[slot as usize] = Entry::vacant(self.vacant);
        self.vacant = slot;
        self.living -= 1;
    }

    /// When the last task is gone, gives back what a great number of them needed.
    pub(crate) fn forget_peak(&mut self) {
        /// Below this a vector is not worth giving back: a page. Thin air.
        const KEEP: usize = 512;
        if self.living == 0 && self.entries.capacity() > KEEP {
            self.entries = Vec::new();
            self.vacant = NOWHERE;
        }
    }

    /// Some living task, or `None` once there is none. `from` is where to look first and is moved
    /// on: start with 0 and repeat.
    pub(crate) fn any(&self, from: &mut usize) -> Option<RawTask> {
        while let Some(entry) = self.entries.get(*from) {
            if let Ok(task) = entry.read() {
                return Some(task);
            }
            *from += 1;
        }
        None
    }
}
