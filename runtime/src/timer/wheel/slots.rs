//! The wheel's slots: linked queues of entries in one vector.
//!
//! Three operations are O(1): putting an entry at the end of a slot, removing it from anywhere, and finding
//! the slots that have entries. The [wheel](super) keeps the time and decides which slot a tick belongs to.
//!
//! ```text
//!   a slot         head                tail
//!                   ▼                   ▼
//!   entries   [ . | x | . | . | y | . | z | . ]
//!                   └───next───►└─next─►
//! ```
//!
//! A [`Key`] holds the index of a place in the vector, so an entry keeps its place until it is removed. An
//! entry moves to another slot by a change of its links. Empty places form a singly linked stack.

use super::{LEVELS, SLOTS};

/// The index of the list of the entries that are never due. It comes after the last slot.
pub(super) const ENDLESS: usize = LEVELS * SLOTS;
/// The index that marks the end of a list.
const NIL: u32 = u32::MAX;

/// The maximum number of places that are kept when no entry is left. They take some tens of kilobytes.
/// Arbitrary: not measured.
const KEEP: usize = 1024;

/// Identifies one pending entry. The key becomes stale when the entry is removed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Key {
    index: u32,
    generation: u32,
}

impl Key {
    /// The key of no entry.
    pub(crate) const NONE: Key = Key {
        index: NIL,
        generation: 0,
    };
}

pub(super) struct Slots<T> {
    /// A bit for each slot, which is set if the slot has an entry. The last word belongs to `ENDLESS`.
    pub(super) occupied: [u64; LEVELS + 1],
    /// The slots, level by level from 0, then `ENDLESS`.
    lists: Box<[List; ENDLESS + 1]>,
    /// All places. Each place with an entry is in exactly one list.
    entries: Vec<Entry<T>>,
    /// The empty place that was freed last: the top of the stack.
    free: u32,
    /// The number of places that have an entry.
    pub(super) len: usize,
    /// The generation of the next insert.
    generation: u32,
    /// The first generation since the wheel was restarted.
    first_generation: u32,
}

/// A linked queue in `entries`.
#[derive(Clone, Copy)]
struct List {
    head: u32,
    tail: u32,
}

/// A place in the vector. Links, list and generation take 16 bytes, and the tick takes 8.
struct Entry<T> {
    prev: u32,
    next: u32,
    list: u32,
    generation: u32,
    tick: u64,
    /// `None` exactly while the place is empty.
    value: Option<T>,
}

/// The operations that the wheel uses.
impl<T> Slots<T> {
    pub(super) fn new() -> Self {
        Slots {
            occupied: [0; LEVELS + 1],
            lists: Box::new([List::EMPTY; ENDLESS + 1]),
            entries: Vec::new(),
            free: NIL,
            len: 0,
            generation: 0,
            first_generation: 0,
        }
    }

    /// Returns the ticks of a slot's entries, oldest entry first.
    pub(super) fn ticks(&self, slot: usize) -> impl Iterator<Item = u64> {
        // There is no entry at NIL, so the iterator ends with the list.
        let at = |index: u32| self.entries.get(index as usize);
        let entries = std::iter::successors(at(self.lists[slot].head), move |last| at(last.next));
        entries.map(|entry| entry.tick)
    }

    /// Puts an entry at the end of a slot.
    ///
    /// # Panics
    ///
    /// Panics if there are 2^32 - 1 entries.
    pub(super) fn insert(&mut self, slot: usize, tick: u64, value: T) -> Key {
        let generation = self.generation;
        self.generation = generation.wrapping_add(1);
        let entry = Entry {
            // `append` sets the links and the list.
            prev: NIL,
            next: NIL,
            list: 0,
            generation,
            tick,
            value: Some(value),
        };
        let index = match self.free {
            NIL => {
                assert!(self.entries.len() < NIL as usize, "too many pending timers");
                self.entries.push(entry);
                (self.entries.len() - 1) as u32
            }
            // Reuse the place that was freed last, which is most likely still in the cache.
            free => {
                let place = &mut self.entries[free as usize];
                self.free = place.next;
                *place = entry;
                free
            }
        };
        self.append(index, slot);
        self.len += 1;
        Key { index, generation }
    }

    /// Returns the value of an entry, or `None` if the key is stale.
    pub(super) fn get(&self, key: Key) -> Option<&T> {
        let entry = self.entries.get(key.index as usize)?;
        if entry.generation != key.generation {
            return None;
        }
        entry.value.as_ref()
    }

    /// Begins a new run: `is_of_this_run` now returns `false` for all earlier keys.
    pub(super) fn restart(&mut self) {
        debug_assert_eq!(self.len, 0);
        self.first_generation = self.generation;
    }

    /// Returns whether the key was made since the last restart.
    pub(super) fn is_of_this_run(&self, key: Key) -> bool {
        let age = |generation: u32| generation.wrapping_sub(self.first_generation);
        age(key.generation) < age(self.generation)
    }

    /// Removes an entry. Returns `None` if the key is stale.
    pub(super) fn remove(&mut self, key: Key) -> Option<T> {
        self.get(key)?;
        let value = self.release(key.index);
        self.trim();
        value
    }

    /// Removes all entries, in any order. Afterwards their keys are stale.
    pub(super) fn drain(&mut self) -> impl Iterator<Item = T> {
        self.occupied = [0; LEVELS + 1];
        self.lists.fill(List::EMPTY);
        (self.len, self.free) = (0, NIL);
        let entries = std::mem::take(&mut self.entries);
        entries.into_iter().filter_map(|entry| entry.value)
    }

    /// Removes the first entry of a slot. A caller that empties a slot calls `trim` once, at the end.
    pub(super) fn pop(&mut self, slot: usize) -> Option<T> {
        match self.lists[slot].head {
            NIL => None,
            head => self.release(head),
        }
    }

    /// Moves the first entry of a slot to the end of another slot, which `place` computes from the entry's
    /// tick. Returns `false` if `slot` is empty.
    pub(super) fn move_first(&mut self, slot: usize, place: impl FnOnce(u64) -> usize) -> bool {
        let head = self.lists[slot].head;
        if head == NIL {
            return false;
        }
        let tick = self.entries[head as usize].tick;
        self.unlink(head);
        self.append(head, place(tick));
        true
    }

    /// If no entry is left, frees the memory that a burst of entries took. Otherwise all places must stay,
    /// because keys hold their indices.
    #[inline]
    pub(super) fn trim(&mut self) {
        if self.len == 0 && self.entries.len() > KEEP {
            self.entries = Vec::new();
            self.free = NIL;
        }
    }
}

/// The operations on links and places.
impl<T> Slots<T> {
    /// Empties a place and returns its value.
    fn release(&mut self, index: u32) -> Option<T> {
        self.unlink(index);
        self.len -= 1;
        let entry = &mut self.entries[index as usize];
        entry.next = std::mem::replace(&mut self.free, index);
        entry.value.take()
    }

    fn append(&mut self, index: u32, list: usize) {
        let tail = std::mem::replace(&mut self.lists[list].tail, index);
        if tail == NIL {
            self.lists[list].head = index;
            self.occupied[list / SLOTS] |= 1 << (list % SLOTS);
        } else {
            self.entries[tail as usize].next = index;
        }
        let entry = &mut self.entries[index as usize];
        entry.prev = tail;
        entry.next = NIL;
        entry.list = list as u32;
    }

    fn unlink(&mut self, index: u32) {
        let Entry {
            prev, next, list, ..
        } = self.entries[index as usize];
        let list = list as usize;
        if prev == NIL {
            self.lists[list].head = next;
        } else {
            self.entries[prev as usize].next = next;
        }
        if next == NIL {
            self.lists[list].tail = prev;
        } else {
            self.entries[next as usize].prev = prev;
        }
        if prev == NIL && next == NIL {
            self.occupied[list / SLOTS] &= !(1 << (list % SLOTS));
        }
    }
}

impl List {
    const EMPTY: List = List {
        head: NIL,
        tail: NIL,
    };
}

#[cfg(test)]
mod tests;
