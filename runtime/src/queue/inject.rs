//! The queue that all workers share. It takes tasks from threads that are not workers, and tasks that do
//! not fit into a worker's ring.
//!
//! The queue is a lock-free channel. A deque behind a lock takes fewer instructions and atomic operations
//! than the channel. But with 100,000 spawns from outside the executor, the deque was slower by two fifths,
//! because spawner and workers slept while they waited for the lock. The channel must be unbounded, because
//! `wake` pushes here and must never block (compio #1044). `push` wakes no worker; the caller does.

use crate::sync::channel::{Receiver, Sender, unbounded};
use crate::sync::{AtomicUsize, Ordering};

/// A first-in, first-out queue for any number of threads.
pub(crate) struct Injector<T> {
    sender: Sender<T>,
    receiver: Receiver<T>,
    /// The number of workers that are moving a batch to their rings.
    moving: AtomicUsize,
}

impl<T> Injector<T> {
    pub(crate) fn new() -> Self {
        let (sender, receiver) = unbounded();
        Injector {
            sender,
            receiver,
            moving: AtomicUsize::new(0),
        }
    }

    /// Puts an item at the end.
    pub(crate) fn push(&self, item: T) {
        // The receiver lives as long as the sender, so sending cannot fail.
        let _ = self.sender.send(item);
    }

    /// Takes the first item.
    #[inline]
    pub(crate) fn pop(&self) -> Option<T> {
        // Unlike a failed `try_recv`, this check does not write the queue's cache lines.
        if self.receiver.is_empty() {
            return None;
        }
        self.receiver.try_recv().ok()
    }

    /// Takes the first item. Then passes the next items, a batch, to `put`. `share` computes the size of
    /// the batch from the number of items left. If `put` refuses an item, the item goes to the end of the
    /// queue, and the batch ends. Returns the first item and how many items `put` took.
    #[inline]
    pub(crate) fn pop_batch(
        &self,
        share: impl FnOnce(usize) -> usize,
        put: impl Fn(T) -> Result<(), T>,
    ) -> Option<(T, usize)> {
        if self.receiver.is_empty() {
            return None;
        }
        // While an item of the batch moves, it is in no queue. So a worker that is about to park also checks
        // this count: see `is_empty`.
        self.moving.fetch_add(1, Ordering::Relaxed);
        let first = self.receiver.try_recv().ok();
        let share = first.as_ref().map_or(0, |_| share(self.len()));
        let mut moved = 0;
        while moved < share {
            let Ok(item) = self.receiver.try_recv() else {
                break;
            };
            if let Err(item) = put(item) {
                self.push(item);
                break;
            }
            moved += 1;
        }
        // Release pairs with the Acquire in `is_empty`.
        self.moving.fetch_sub(1, Ordering::Release);
        first.map(|first| (first, moved))
    }

    /// Returns how many items there are, or were a moment ago.
    pub(crate) fn len(&self) -> usize {
        self.receiver.len()
    }

    /// Returns whether there is no item, and no batch on its way to a ring. The caller checks the rings
    /// next, and so finds a batch that has arrived.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        // The order of the checks matters. If a batch emptied the queue, the increment of `moving` is
        // visible, because sending and receiving on the channel have Release and Acquire ordering. If
        // `moving` is 0 again, the batch is visible in the ring.
        self.receiver.is_empty() && self.moving.load(Ordering::Acquire) == 0
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    #[test]
    fn an_injector_is_first_in_first_out_and_knows_its_length() {
        let injector = Injector::new();
        assert!(injector.is_empty() && injector.pop().is_none());
        for item in 0..3 {
            assert_eq!(injector.len(), item);
            injector.push(item);
            assert!(!injector.is_empty());
        }
        for item in 0..3 {
            assert_eq!((injector.len(), injector.pop()), (3 - item, Some(item)));
        }
        assert!(injector.is_empty() && injector.pop().is_none());
    }

    #[test]
    fn a_batch_comes_in_order_and_what_has_no_room_stays() {
        let injector = Injector::new();
        (0..6).for_each(|item| injector.push(item));
        let taken = RefCell::new(Vec::new());
        let put = |item| {
            // `is_empty` returns false until the batch is complete.
            assert!(!injector.is_empty());
            if taken.borrow().len() == 3 {
                return Err(item);
            }
            taken.borrow_mut().push(item);
            Ok(())
        };
        assert_eq!(injector.pop_batch(|left| left - 2, put), Some((0, 3)));
        assert_eq!(injector.pop_batch(|left| left, put), Some((4, 0)));
        assert_eq!((&*taken.borrow(), injector.len()), (&vec![1, 2, 3], 1));
        taken.borrow_mut().clear();
        assert_eq!(injector.pop_batch(|_| 100, put), Some((5, 0)));
        assert_eq!(injector.pop_batch(|_| 100, put), None);
        assert!(injector.is_empty());
    }

    #[test]
    fn a_batch_may_be_longer_than_the_queue() {
        let injector = Injector::new();
        (0..3).for_each(|item| injector.push(item));
        let rest = RefCell::new(Vec::new());
        let put = |item| {
            rest.borrow_mut().push(item);
            Ok(())
        };
        assert_eq!(injector.pop_batch(|_| 100, put), Some((0, 2)));
        assert_eq!(rest.into_inner(), [1, 2]);
    }
}
