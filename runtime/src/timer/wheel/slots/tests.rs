//! Tests places, links and keys without the wheel.

use super::*;

impl<T> Slots<T> {
    /// Makes slots whose counter of generations wraps after about 50 inserts.
    pub(in super::super) fn near_the_last_generation() -> Self {
        Slots {
            generation: u32::MAX - 50,
            ..Slots::new()
        }
    }

    /// Returns the number of places with allocated memory.
    pub(in super::super) fn capacity(&self) -> usize {
        self.entries.capacity()
    }

    /// Panics unless each place is either in one doubly linked list or on the stack of free places. Also
    /// checks that the bits show which slots have entries. Returns the slot and the tick of each entry.
    pub(in super::super) fn check(&self) -> Vec<(usize, u64)> {
        let mut entries = Vec::new();
        for (list, ends) in self.lists.iter().enumerate() {
            let bit = self.occupied[list / SLOTS] >> (list % SLOTS) & 1;
            assert_eq!(bit == 1, ends.head != NIL);
            let (mut previous, mut index) = (NIL, ends.head);
            while index != NIL {
                let entry = &self.entries[index as usize];
                assert_eq!((entry.prev, entry.list as usize), (previous, list));
                assert!(entry.value.is_some());
                entries.push((list, entry.tick));
                (previous, index) = (index, entry.next);
            }
            assert_eq!(ends.tail, previous);
        }
        let next = |&free: &u32| self.entries.get(free as usize).map(|entry| entry.next);
        let free = std::iter::successors(Some(self.free), next).take_while(|&free| free != NIL);
        let free = free.inspect(|&free| assert!(self.entries[free as usize].value.is_none()));
        assert_eq!(entries.len() + free.count(), self.entries.len());
        assert_eq!(entries.len(), self.len);
        entries
    }
}

#[test]
fn an_entry_is_as_small_as_promised() {
    assert_eq!(size_of::<Entry<()>>(), 16 + 8 + 8);
    assert_eq!(size_of::<Entry<std::task::Waker>>(), 16 + 8 + 16);
}

#[test]
fn a_slot_is_a_queue_and_its_middle_can_go() {
    let mut slots = Slots::new();
    let keys: Vec<_> = (0..5).map(|n| slots.insert(7, 100 + n, n)).collect();
    slots.insert(ENDLESS - 1, 9, 9);
    assert_eq!(slots.occupied[0], 1 << 7);
    assert_eq!(slots.occupied[LEVELS - 1], 1 << 63);
    assert_eq!(slots.remove(keys[2]), Some(2));
    assert!(slots.ticks(7).eq([100, 101, 103, 104]));
    assert!(slots.move_first(7, |tick| tick as usize));
    assert!(slots.ticks(7).eq([101, 103, 104]));
    assert!(slots.ticks(100).eq([100]));
    slots.check();
    let out: Vec<_> = std::iter::from_fn(|| slots.pop(7)).collect();
    assert_eq!(out, [1, 3, 4]);
    assert!(!slots.move_first(7, |_| unreachable!("it is empty")));
    assert_eq!((slots.occupied[0], slots.len), (0, 2));
    slots.check();
}

#[test]
fn stale_keys_do_nothing() {
    let mut slots = Slots::new();
    let removed = slots.insert(3, 10, 'a');
    assert_eq!(slots.get(removed), Some(&'a'));
    assert_eq!(slots.remove(removed), Some('a'));
    assert_eq!(slots.remove(removed), None);
    let same_place = slots.insert(3, 10, 'b');
    assert_eq!(same_place.index, removed.index);
    assert_eq!(slots.get(removed), None);
    assert_eq!(slots.remove(removed), None);
    assert_eq!(slots.pop(3), Some('b'));
    assert_eq!(slots.get(same_place), None);
    assert_eq!(slots.remove(same_place), None);
    assert_eq!(slots.len, 0);
}

#[test]
fn generations_wrap() {
    let mut slots = Slots::near_the_last_generation();
    let keys: Vec<_> = (0..100).map(|n| (slots.insert(0, n, n), n)).collect();
    assert!(slots.generation < 50);
    for (key, n) in keys {
        assert_eq!(slots.remove(key), Some(n));
        assert_eq!(slots.remove(key), None);
    }
}

#[test]
fn memory_is_given_back_and_stale_keys_stay_stale() {
    let mut slots = Slots::new();
    let stale: Vec<_> = (0..100_000).map(|n| slots.insert(0, n, n)).collect();
    assert!(slots.entries.capacity() >= stale.len());
    while slots.pop(0).is_some() {}
    slots.trim();
    assert_eq!(slots.entries.capacity(), 0);
    slots.check();
    let fresh: Vec<_> = (0..2000).map(|n| slots.insert(1, n, n)).collect();
    assert!(stale.iter().all(|&key| slots.remove(key).is_none()));
    assert_eq!(slots.len, fresh.len());
    slots.check();
}
