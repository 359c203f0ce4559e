use std::sync::Arc;

use super::*;
use crate::test_support::{Nowhere, new_task};

fn push(ring: &Ring<u32>, items: impl IntoIterator<Item = u32>) {
    for item in items {
        // SAFETY: only one thread uses each ring in these tests.
        assert_eq!(unsafe { ring.push(item) }, Ok(()));
    }
}

/// Pops until the ring is empty.
fn drain(ring: &Ring<u32>) -> Vec<u32> {
    // SAFETY: as in `push`.
    std::iter::from_fn(|| unsafe { ring.pop() }).collect()
}

fn steal(victim: &Ring<u32>, thief: &Ring<u32>) -> Option<u32> {
    // SAFETY: as in `push`.
    unsafe { victim.steal_into(thief) }
}

#[test]
fn a_ring_is_first_in_first_out_and_knows_its_length() {
    let ring = Ring::new();
    // The loop goes around the ring more than once, and past the position that wraps to 0.
    for round in 0..3 {
        assert!(ring.len() == 0 && drain(&ring).is_empty());
        for count in 0..CAPACITY {
            assert_eq!(ring.len(), count);
            push(&ring, [round + count]);
        }
        assert_eq!(ring.len(), CAPACITY);
        assert!(drain(&ring).into_iter().eq(round..round + CAPACITY));
    }
}

#[test]
fn a_full_ring_gives_the_item_back() {
    let ring = Ring::new();
    push(&ring, 0..CAPACITY);
    // SAFETY: as in `push`.
    assert_eq!(unsafe { ring.push(CAPACITY) }, Err(CAPACITY));
    // SAFETY: as in `push`.
    assert_eq!(unsafe { ring.pop() }, Some(0));
    push(&ring, [CAPACITY]);
    assert!(drain(&ring).into_iter().eq(1..=CAPACITY));
}

#[test]
fn a_thief_takes_the_older_half_rounded_up() {
    for count in [1, 2, 3, 4, CAPACITY - 1, CAPACITY] {
        let (ring, mine) = (Ring::new(), Ring::new());
        push(&ring, 0..count);
        let half = count.div_ceil(2);
        // The thief returns the last item, and runs it immediately.
        assert_eq!(steal(&ring, &mine), Some(half - 1));
        assert!(drain(&mine).into_iter().eq(0..half - 1));
        assert!(drain(&ring).into_iter().eq(half..count));
        assert_eq!(steal(&ring, &mine), None);
    }
}

#[test]
fn a_thief_steals_no_more_than_it_has_room_for() {
    let (ring, mine) = (Ring::new(), Ring::new());
    push(&ring, 0..CAPACITY);
    push(&mine, 0..CAPACITY / 2 + 1);
    assert_eq!(steal(&ring, &mine), None);
    // SAFETY: as in `push`.
    assert_eq!(unsafe { mine.pop() }, Some(0));
    assert_eq!(steal(&ring, &mine), Some(CAPACITY / 2 - 1));
    assert_eq!((ring.len(), mine.len()), (CAPACITY / 2, CAPACITY - 1));
}

/// Splits `steal_into`: the thief stops between its claim and its last read.
#[test]
fn places_that_a_thief_reads_are_neither_written_nor_stolen() {
    let (ring, mine) = (Ring::new(), Ring::new());
    push(&ring, 0..CAPACITY);
    let (first, count) = ring.claim_half().unwrap();
    assert_eq!(count, CAPACITY / 2);
    assert_eq!(steal(&ring, &mine), None);
    // The owner pops an item after the claimed positions. This pop frees no position.
    // SAFETY: as in `push`.
    assert_eq!(unsafe { ring.pop() }, Some(count));
    // SAFETY: as in `push`.
    assert_eq!(unsafe { ring.push(7) }, Err(7));
    assert_eq!(steal(&ring, &mine), None);
    // SAFETY: the positions were claimed above.
    let read = (0..count).map(|n| unsafe { ring.read(first.wrapping_add(n)) });
    assert!(read.eq(0..count));
    ring.finish_steal();
    push(&ring, CAPACITY..CAPACITY + count + 1);
    assert_eq!(ring.len(), CAPACITY);
    assert_eq!(steal(&ring, &mine), Some(count + CAPACITY / 2));
}

#[test]
fn a_slot_keeps_the_task_woken_last_and_gives_back_the_one_before() {
    let slot = LifoSlot::new();
    assert!(slot.is_empty() && slot.take().is_none());
    let [(first, _first_handle), (second, _second_handle)] =
        [(); 2].map(|()| new_task(Arc::new(Nowhere), async {}));
    let (first, second) = (first.bind(), second.bind());
    let (raw_first, raw_second) = (first.raw(), second.raw());
    assert!(slot.put(first).is_none());
    assert!(!slot.is_empty());
    let out = slot.put(second).unwrap();
    assert!(out.raw() == raw_first);
    let last = slot.take().unwrap();
    assert!(last.raw() == raw_second);
    assert!(slot.is_empty() && slot.take().is_none());
    out.cancel();
    last.cancel();
}
