//! The queue of one worker, from which the others steal.
//!
//! **Job.** A ring of [`CAPACITY`] places. Its owner pushes at the tail and pops at the head; any
//! other worker takes half of it from the head, for itself.
//!
//! **Owns** nothing it holds: the items are plain pointers (or, in the models, numbers).
//!
//! **Never** blocks and never allocates. When it is full the owner gets the new item back, to put it
//! elsewhere.
//!
//! # Claim first, read then
//!
//! In the classic deque of Chase and Lev a thief *reads* the item and then claims it by advancing the
//! head; if the claim fails it throws the item away. By then the owner may have written the place
//! anew: a race on plain memory, and undefined behaviour, though it works. Here a thief claims
//! first, and nobody writes a claimed place until the thief has given it free. So the head is two
//! numbers in one word:
//!
//! ```text
//!        done       claimed                    tail
//!         │            │                        │
//!    ─────┼────────────┼────────────────────────┼─────────────►  positions, wrapping
//!     free│ being read │  full                  │ free
//!         │ by a thief │                        │
//! ```
//!
//! - `claimed`: where the next pop or steal begins. Owner and thieves advance it, by
//!   compare-and-swap on the word.
//! - `done`: up to where places may be written again. It is `claimed`, unless a thief is reading;
//!   then the thief advances it when it is finished. One thief at a time.
//! - `tail`: only the owner writes it. A thief that sees it (Acquire) sees the items before it
//!   (the owner's Release).
//!
//! | who | step | ordering |
//! |---|---|---|
//! | owner, push | write the place, then `tail := tail + 1` | Release, read by thieves' Acquire |
//! | owner, pop | claim one | Acquire/Release on the word: a place is free only once thieves are done |
//! | thief | claim half; read it; `done := claimed` | Release: the owner writes the places afterwards |
//!
//! The idea of the packed head is Go's and tokio's (their local run queues). Unlike theirs a full ring
//! does not move half of itself to the shared queue: that would put those at the end which have waited
//! longest.

use crate::sync::{AtomicU32, AtomicU64, Ordering, UnsafeCell};

/// Places. Enough that a worker rarely runs over, few enough that a thief has soon read half of them.
/// With 256, the 1,000 tasks that each worker has in the row `m_pairs` went round by the shared
/// queue, at 12 % of its time; more than 1,024 gain nothing there. A model gets by with fewer.
#[cfg(not(loom))]
pub(crate) const CAPACITY: u32 = 1024;
#[cfg(loom)]
pub(crate) const CAPACITY: u32 = 4;

/// See the module.
pub(crate) struct Ring<T> {
    head: AtomicU64,
    tail: AtomicU32,
    places: Box<[UnsafeCell<Option<T>>]>,
}

// SAFETY: a place is written by the owner alone, and only outside of `done..tail`; it is read by
// whoever claimed it. Both are kept apart by `head` and `tail`, as the module says.
unsafe impl<T: Send> Sync for Ring<T> {}

/// The head's two numbers.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Head {
    done: u32,
    claimed: u32,
}

impl Head {
    fn unpack(word: u64) -> Self {
        Head {
            done: (word >> 32) as u32,
            claimed: word as u32,
        }
    }

    fn pack(self) -> u64 {
        u64::from(self.done) << 32 | u64::from(self.claimed)
    }

    /// One more is claimed by the owner, who needs no time to read it: nobody can write the place but
    /// the owner.
    fn claim_by_owner(self) -> Self {
        let claimed = self.claimed.wrapping_add(1);
        let done = if self.done == self.claimed {
            claimed
        } else {
            self.done
        };
        Head { done, claimed }
    }
}

impl<T> Ring<T> {
    pub(crate) fn new() -> Self {
        // Near the end of the numbers, so that wrapping is part of everyday life.
        let start = u32::MAX - CAPACITY;
        Ring {
            head: AtomicU64::new(
                Head {
                    done: start,
                    claimed: start,
                }
                .pack(),
            ),
            tail: AtomicU32::new(start),
            places: (0..CAPACITY).map(|_| UnsafeCell::new(None)).collect(),
        }
    }

    /// How many there were at some time near this one.
    #[inline]
    pub(crate) fn len(&self) -> u32 {
        let tail = self.tail.load(Ordering::Acquire);
        let head = Head::unpack(self.head.load(Ordering::Acquire));
        // Read at two times, they may seem to have passed one another.
        let length = tail.wrapping_sub(head.claimed);
        if length > CAPACITY { 0 } else { length }
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// # Safety
    /// The caller is the owner, and `position` is not in `done..tail`.
    unsafe fn write(&self, position: u32, item: T) {
        self.places[(position % CAPACITY) as usize].with_mut(|place| {
            // SAFETY: passed on from the caller: nobody else touches the place.
            unsafe { *place = Some(item) }
        });
    }

    /// # Safety
    /// The caller has claimed `position`.
    unsafe fn read(&self, position: u32) -> T {
        let item = self.places[(position % CAPACITY) as usize].with_mut(|place| {
            // SAFETY: passed on from the caller: nobody else touches a claimed place.
            unsafe { (*place).take() }
        });
        item.expect("a place between head and tail holds an item")
    }

    /// Puts an item at the tail. Where there is no room it comes back.
    ///
    /// # Safety
    /// The caller is the owner: one thread at a time calls `push`, `pop` and `steal_into` as the
    /// receiver.
    #[inline]
    pub(crate) unsafe fn push(&self, item: T) -> Result<(), T> {
        let tail = self.tail.load(Ordering::Relaxed);
        // Acquire pairs with a thief's Release of `done`: it has read the places.
        let head = Head::unpack(self.head.load(Ordering::Acquire));
        if tail.wrapping_sub(head.done) < CAPACITY {
            // SAFETY: `tail` is the owner's, and a ring's length before `done + CAPACITY`.
            unsafe { self.write(tail, item) };
            self.tail.store(tail.wrapping_add(1), Ordering::Release);
            Ok(())
        } else {
            Err(item)
        }
    }

    /// Takes the item at the head.
    ///
    /// # Safety
    /// As `push`.
    #[inline]
    pub(crate) unsafe fn pop(&self) -> Option<T> {
        let tail = self.tail.load(Ordering::Relaxed);
        let mut word = self.head.load(Ordering::Acquire);
        loop {
            let head = Head::unpack(word);
            if head.claimed == tail {
                return None;
            }
            let next = head.claim_by_owner().pack();
            match self
                .head
                .compare_exchange_weak(word, next, Ordering::AcqRel, Ordering::Acquire)
            {
                // SAFETY: claimed just now, and only the owner, which is the caller, could write
                // the place again.
                Ok(_) => return Some(unsafe { self.read(head.claimed) }),
                Err(seen) => word = seen,
            }
        }
    }

    /// Takes half of this ring, rounded up: one item is the answer, the others go to `thief`, the
    /// caller's own ring. `None` if there is nothing to take, or another thief is at work, or the
    /// thief's ring is half full itself.
    ///
    /// # Safety
    /// The caller is the owner of `thief`, which is another ring than this.
    pub(crate) unsafe fn steal_into(&self, thief: &Ring<T>) -> Option<T> {
        let thief_tail = thief.tail.load(Ordering::Relaxed);
        let thief_head = Head::unpack(thief.head.load(Ordering::Acquire));
        if thief_tail.wrapping_sub(thief_head.done) > CAPACITY / 2 {
            return None;
        }
        let (first, count) = self.claim_half()?;
        let rest = count - 1;
        for offset in 0..rest {
            // SAFETY: claimed, up to `claim_half`'s answer.
            let item = unsafe { self.read(first.wrapping_add(offset)) };
            // SAFETY: `thief` is the caller's and has room for half a ring.
            unsafe { thief.write(thief_tail.wrapping_add(offset), item) };
        }
        // SAFETY: claimed, as before.
        let last = unsafe { self.read(first.wrapping_add(rest)) };
        self.finish_steal();
        if rest > 0 {
            thief
                .tail
                .store(thief_tail.wrapping_add(rest), Ordering::Release);
        }
        Some(last)
    }

    /// Claims half for a thief: where it begins, and how many.
    fn claim_half(&self) -> Option<(u32, u32)> {
        let mut word = self.head.load(Ordering::Acquire);
        loop {
            let head = Head::unpack(word);
            if head.done != head.claimed {
                return None;
            }
            // Acquire pairs with the Release of `push`: the items are there.
            let tail = self.tail.load(Ordering::Acquire);
            let length = tail.wrapping_sub(head.claimed);
            let count = length - length / 2;
            if count == 0 {
                return None;
            }
            let next = Head {
                done: head.done,
                claimed: head.claimed.wrapping_add(count),
            };
            match self.head.compare_exchange_weak(
                word,
                next.pack(),
                Ordering::AcqRel,
                Ordering::Acquire,
            ) {
                Ok(_) => {
                    debug_assert!(count <= CAPACITY / 2);
                    return Some((head.claimed, count));
                }
                // Perhaps the head moved on before the tail was read, and there never were so many.
                Err(seen) => word = seen,
            }
        }
    }

    /// The thief has read what it claimed: the owner may write there again.
    fn finish_steal(&self) {
        let mut word = self.head.load(Ordering::Relaxed);
        loop {
            // The owner may have popped meanwhile, and moved `claimed` on.
            let claimed = Head::unpack(word).claimed;
            let next = Head {
                done: claimed,
                claimed,
            };
            match self.head.compare_exchange_weak(
                word,
                next.pack(),
                Ordering::AcqRel,
                Ordering::Relaxed,
            ) {
                Ok(_) => return,
                Err(seen) => word = seen,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn push(ring: &Ring<u32>, items: impl IntoIterator<Item = u32>) {
        for item in items {
            // SAFETY: each ring of these tests is used by one thread.
            assert_eq!(unsafe { ring.push(item) }, Ok(()));
        }
    }

    /// Pops until there is nothing left.
    fn drain(ring: &Ring<u32>) -> Vec<u32> {
        // SAFETY: as in `push`.
        std::iter::from_fn(|| unsafe { ring.pop() }).collect()
    }

    fn steal(victim: &Ring<u32>, thief: &Ring<u32>) -> Option<u32> {
        // SAFETY: as in `push`.
        unsafe { victim.steal_into(thief) }
    }

    #[test]
    fn it_is_first_come_first_served_and_knows_its_length() {
        let ring = Ring::new();
        // More than once around, and past the end of the numbers.
        for round in 0..3 {
            assert!(ring.is_empty() && drain(&ring).is_empty());
            for count in 0..CAPACITY {
                assert_eq!(ring.len(), count);
                push(&ring, [round + count]);
                assert!(!ring.is_empty());
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
            // The last of them is to be run at once.
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

    /// What `steal_into` does, taken apart: its thief stands still while it reads.
    #[test]
    fn nobody_writes_where_a_thief_reads_nor_steals_meanwhile() {
        let (ring, mine) = (Ring::new(), Ring::new());
        push(&ring, 0..CAPACITY);
        let (first, count) = ring.claim_half().unwrap();
        assert_eq!(count, CAPACITY / 2);
        assert_eq!(steal(&ring, &mine), None);
        // The owner goes on behind what is claimed, and that makes no room either.
        // SAFETY: as in `push`.
        assert_eq!(unsafe { ring.pop() }, Some(count));
        // SAFETY: as in `push`.
        assert_eq!(unsafe { ring.push(7) }, Err(7));
        assert_eq!(steal(&ring, &mine), None);
        // SAFETY: claimed above.
        let read = (0..count).map(|n| unsafe { ring.read(first.wrapping_add(n)) });
        assert!(read.eq(0..count));
        ring.finish_steal();
        push(&ring, CAPACITY..CAPACITY + count + 1);
        assert_eq!(ring.len(), CAPACITY);
        assert_eq!(steal(&ring, &mine), Some(count + CAPACITY / 2));
    }
}
