//! One worker's queues, from which other workers can take tasks: a ring, and a slot for one task.
//!
//! The owner pushes at the ring's tail and pops at its head. Another worker steals half of the items, from
//! the head on. The ring neither blocks nor allocates. Its items are plain pointers (in the loom models,
//! numbers).
//!
//! A thief *claims* positions before it reads them. The owner does not write a claimed position until the
//! thief has released it. In the classic deque of Chase and Lev, a thief reads first and discards the item
//! if its claim fails. The owner may write the same place during that read, which is a data race. So here
//! the head holds two positions in one word:
//!
//! ```text
//!        done       claimed                    tail
//!         │            │                        │
//!    ─────┼────────────┼────────────────────────┼─────────────►  positions, wrapping
//!     free│ being read │  full                  │ free
//!         │ by a thief │                        │
//! ```
//!
//! - `claimed`: the next pop or steal begins here. Owner and thieves advance it by compare-and-swap.
//! - `done`: the positions before `done` are free, so the owner may write them. Unless a thief is reading,
//!   `done` equals `claimed`. A thief that has finished advances `done`. Only one thief reads at a time.
//! - `tail`: the next push writes here. Only the owner advances it.
//!
//! Tokio packs the head of its local queues in the same way. In Go and tokio, a full queue moves half of
//! its tasks to the shared queue. Here, only the task that does not fit goes to the shared queue. The tasks
//! in the full ring have waited longer. If they moved, they would go behind all tasks of the shared queue.

use std::ptr;

use crate::sync::{
    AtomicPtr, AtomicU32, AtomicU64, Ordering, UnsafeCell, fence_after_read_modify_write,
};
use crate::task::cell::Header;
use crate::task::raw::Runnable;

/// The number of positions in a ring. In the benchmark `m_pairs`, each worker has 1,000 tasks. With 256
/// positions, moving tasks through the shared queue took 12 % of the time. More than 1,024 positions gain
/// nothing. A loom model needs only a few positions.
#[cfg(not(loom))]
pub(crate) const CAPACITY: u32 = 1024;
#[cfg(loom)]
pub(crate) const CAPACITY: u32 = 4;

/// A bounded queue with one owner, from which other threads steal.
pub(crate) struct Ring<T> {
    head: AtomicU64,
    tail: AtomicU32,
    places: Box<[UnsafeCell<Option<T>>]>,
}

// SAFETY: only the owner writes a position, and only outside of `done..tail`. Only the thread that
// claimed a position reads it. `head` and `tail` keep writes and reads apart.
unsafe impl<T: Send> Sync for Ring<T> {}

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
}

impl<T> Ring<T> {
    pub(crate) fn new() -> Self {
        // Start near the maximum so that wraparound is exercised in every run.
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

    /// Returns how many items there are, or were a moment ago.
    #[inline]
    pub(crate) fn len(&self) -> u32 {
        let tail = self.tail.load(Ordering::Acquire);
        let head = Head::unpack(self.head.load(Ordering::Acquire));
        // Acquire pairs with the Release of `push`: a caller that sees a new length sees what the owner
        // wrote before. The head may be ahead of the tail, because the tail was read earlier.
        let length = tail.wrapping_sub(head.claimed);
        if length > CAPACITY { 0 } else { length }
    }

    /// # Safety
    /// The caller is the owner, and `position` is not in `done..tail`.
    unsafe fn write(&self, position: u32, item: T) {
        self.places[(position % CAPACITY) as usize].with_mut(|place| {
            // SAFETY: the caller is the owner, and no other thread touches the position.
            unsafe { *place = Some(item) }
        });
    }

    /// # Safety
    /// The caller has claimed `position`.
    unsafe fn read(&self, position: u32) -> T {
        let item = self.places[(position % CAPACITY) as usize].with_mut(|place| {
            // SAFETY: the caller has claimed the position, so no other thread touches it.
            unsafe { (*place).take() }
        });
        item.expect("a place between head and tail holds an item")
    }

    /// Puts an item at the tail, or returns it if the ring is full.
    ///
    /// # Safety
    /// The caller is the owner: only one thread at a time calls `push`, `pop`, or `steal_into` with this
    /// ring as `thief`.
    #[inline]
    pub(crate) unsafe fn push(&self, item: T) -> Result<(), T> {
        let tail = self.tail.load(Ordering::Relaxed);
        // Acquire pairs with a thief's Release of `done`: the thief has read the items before `done`.
        let head = Head::unpack(self.head.load(Ordering::Acquire));
        if tail.wrapping_sub(head.done) < CAPACITY {
            // SAFETY: the caller is the owner, and `tail` is before `done + CAPACITY`.
            unsafe { self.write(tail, item) };
            // Release pairs with the Acquire of `len` and `claim_half`: a thief sees the item.
            self.tail.store(tail.wrapping_add(1), Ordering::Release);
            Ok(())
        } else {
            Err(item)
        }
    }

    /// Takes the item at the head.
    ///
    /// # Safety
    /// The same as for [`push`](Self::push).
    #[inline]
    pub(crate) unsafe fn pop(&self) -> Option<T> {
        let tail = self.tail.load(Ordering::Relaxed);
        let claim = |word| {
            let head = Head::unpack(word);
            if head.claimed == tail {
                return None;
            }
            let claimed = head.claimed.wrapping_add(1);
            // Advancing `done` before the read below is safe, because only the owner, which is the caller,
            // could overwrite the item.
            let is_read = head.done != head.claimed;
            let done = if is_read { head.done } else { claimed };
            Some(Head { done, claimed }.pack())
        };
        let before = self
            .head
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, claim)
            .ok()?;
        // SAFETY: the position was claimed just now, and only the caller could write it again.
        Some(unsafe { self.read(Head::unpack(before).claimed) })
    }

    /// Takes half of the items, rounded up. Returns one item and moves the others to `thief`, the
    /// caller's own ring. Returns `None` if this ring is empty, if another thief is reading it, or if
    /// the thief's ring is more than half full.
    ///
    /// # Safety
    /// The caller owns the ring `thief`, which is not this ring.
    pub(crate) unsafe fn steal_into(&self, thief: &Ring<T>) -> Option<T> {
        let thief_tail = thief.tail.load(Ordering::Relaxed);
        let thief_head = Head::unpack(thief.head.load(Ordering::Acquire));
        if thief_tail.wrapping_sub(thief_head.done) > CAPACITY / 2 {
            return None;
        }
        let (first, count) = self.claim_half()?;
        let rest = count - 1;
        for offset in 0..rest {
            // SAFETY: `claim_half` claimed `count` positions from `first` on.
            let item = unsafe { self.read(first.wrapping_add(offset)) };
            // SAFETY: the caller owns `thief`, at least half of which is free.
            unsafe { thief.write(thief_tail.wrapping_add(offset), item) };
        }
        // SAFETY: `claim_half` claimed this position too.
        let last = unsafe { self.read(first.wrapping_add(rest)) };
        self.finish_steal();
        if rest > 0 {
            thief
                .tail
                .store(thief_tail.wrapping_add(rest), Ordering::Release);
        }
        Some(last)
    }

    /// Claims half of the items for a thief. Returns the first position and the count.
    fn claim_half(&self) -> Option<(u32, u32)> {
        let mut count = 0;
        let claim = |word| {
            let Head { done, claimed } = Head::unpack(word);
            if done != claimed {
                return None;
            }
            // Read the tail at each try. If the head has moved since it was read, the count may be too
            // high, but then the exchange fails. Acquire pairs with the Release of `push`: the thief sees
            // the items.
            let length = self.tail.load(Ordering::Acquire).wrapping_sub(claimed);
            count = length - length / 2;
            let claimed = claimed.wrapping_add(count);
            (count > 0).then(|| Head { done, claimed }.pack())
        };
        let before = self
            .head
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, claim)
            .ok()?;
        debug_assert!(count <= CAPACITY / 2);
        Some((Head::unpack(before).claimed, count))
    }

    /// Releases the positions that a thief has claimed and read. The owner may then write them again.
    fn finish_steal(&self) {
        let release = |word| {
            // The owner may have popped meanwhile, which advances `claimed`.
            let claimed = Head::unpack(word).claimed;
            let done = claimed;
            Some(Head { done, claimed }.pack())
        };
        // Release pairs with the Acquire of `push`: the thief's reads come before the owner's next write.
        let _ = self
            .head
            .fetch_update(Ordering::AcqRel, Ordering::Relaxed, release);
    }
}

/// Holds the task that was woken last on the worker's thread. The worker usually runs this task next.
///
/// Often a task wakes another task and then waits for it, for example over a channel. The woken task then
/// finds its data in this core's cache, and no other worker needs to be woken. The monitor takes the task
/// out if the owner stays in one poll for too long (see `work_stealing::monitor`; tokio #4941).
pub(crate) struct LifoSlot(AtomicPtr<Header>);

impl LifoSlot {
    pub(crate) fn new() -> Self {
        LifoSlot(AtomicPtr::new(ptr::null_mut()))
    }

    /// Puts a task in, and returns the previous task. The caller then checks that a monitor exists. The
    /// fence here is step P2 of the monitor's protocol.
    #[inline]
    pub(crate) fn put(&self, task: Runnable) -> Option<Runnable> {
        // Release pairs with `take`: a thread that takes the task sees what this thread wrote before.
        // Acquire pairs with the Release of the `put` before this one.
        let previous = self.0.swap(task.into_ptr(), Ordering::AcqRel);
        fence_after_read_modify_write();
        // SAFETY: the pointer in the slot came from `into_ptr`, and the swap takes it out once.
        unsafe { Runnable::from_ptr(previous) }
    }

    /// Takes the task out, on any thread.
    #[inline]
    pub(crate) fn take(&self) -> Option<Runnable> {
        if self.is_empty() {
            return None;
        }
        let task = self.0.swap(ptr::null_mut(), Ordering::AcqRel);
        // SAFETY: as in `put`.
        unsafe { Runnable::from_ptr(task) }
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.0.load(Ordering::Relaxed).is_null()
    }
}

#[cfg(test)]
mod tests;
