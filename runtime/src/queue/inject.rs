//! The queue that all workers share: it takes tasks from threads that are not workers, and tasks for which
//! a worker's own queue has no room.
//!
//! It is a deque behind a lock, because a worker then takes a whole batch at the price of one lock. A
//! lock-free channel costs four atomic operations a task at each end: spawning 100,000 tasks from outside
//! took 957 instructions and 13.5 atomics a task with it, 842 and 12.1 with the lock. It must not be
//! bounded: `wake` pushes here, and `wake` must never block (compio #1044). The push does not wake a
//! worker; its caller does.

use std::collections::VecDeque;

use crate::sync::{AtomicUsize, Mutex, Ordering, lock};

/// A first-in, first-out queue for any number of threads.
pub(crate) struct Injector<T> {
    queue: Mutex<VecDeque<T>>,
    /// The length of `queue`, written under its lock and readable without. A worker that looks for tasks
    /// in vain does not touch the lock.
    len: AtomicUsize,
}

/// An empty queue with room for more items than this gives its memory back: 64 KiB of task pointers.
/// Arbitrary: not measured.
const KEEP: usize = 8192;

impl<T> Injector<T> {
    pub(crate) fn new() -> Self {
        Injector {
            queue: Mutex::new(VecDeque::new()),
            len: AtomicUsize::new(0),
        }
    }

    /// Puts an item at the end.
    pub(crate) fn push(&self, item: T) {
        let mut queue = lock(&self.queue);
        queue.push_back(item);
        self.publish(&mut queue);
    }

    /// Takes the first item.
    #[inline]
    pub(crate) fn pop(&self) -> Option<T> {
        self.pop_batch(|_| 0, Err).map(|(first, _)| first)
    }

    /// Takes the first item, and hands as many of the next ones to `put` as `share` returns, given how many
    /// are left. Ends early if `put` returns an item. Returns the first item and how many others went
    /// to `put`, which runs under the lock.
    #[inline]
    pub(crate) fn pop_batch(
        &self,
        share: impl FnOnce(usize) -> usize,
        mut put: impl FnMut(T) -> Result<(), T>,
    ) -> Option<(T, usize)> {
        if self.len() == 0 {
            return None;
        }
        let mut queue = lock(&self.queue);
        let first = queue.pop_front()?;
        let share = share(queue.len()).min(queue.len());
        let mut moved = 0;
        while moved < share {
            let Some(item) = queue.pop_front() else { break };
            if let Err(item) = put(item) {
                queue.push_front(item);
                break;
            }
            moved += 1;
        }
        // Only now that the batch is where `put` has put it. So an item is visible in one of the two
        // queues all the time, and a worker that looks into both before it parks does not miss it.
        self.publish(&mut queue);
        Some((first, moved))
    }

    fn publish(&self, queue: &mut VecDeque<T>) {
        if queue.is_empty() && queue.capacity() > KEEP {
            *queue = VecDeque::new();
        }
        // Release pairs with the Acquire of `len`: a worker that reads that a batch is gone sees it in
        // the queue that it went to.
        self.len.store(queue.len(), Ordering::Release);
    }

    /// Returns how many items there are, or were a moment ago.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.len.load(Ordering::Acquire)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_injector_is_first_in_first_out_and_knows_its_length() {
        let injector = Injector::new();
        assert!(injector.len() == 0 && injector.pop().is_none());
        for item in 0..3 {
            assert_eq!(injector.len(), item);
            injector.push(item);
        }
        for item in 0..3 {
            assert_eq!((injector.len(), injector.pop()), (3 - item, Some(item)));
        }
        assert!(injector.len() == 0 && injector.pop().is_none());
    }

    #[test]
    fn a_batch_comes_in_order_and_what_has_no_room_stays() {
        let injector = Injector::new();
        (0..10).for_each(|item| injector.push(item));
        let mut taken = Vec::new();
        let mut put = |item| {
            if taken.len() == 3 {
                return Err(item);
            }
            // Until the batch is complete, the items are counted in the queue they came from.
            assert_eq!(injector.len(), 10);
            taken.push(item);
            Ok(())
        };
        assert_eq!(injector.pop_batch(|left| left / 2, &mut put), Some((0, 3)));
        assert_eq!(injector.pop_batch(|left| left / 2, &mut put), Some((4, 0)));
        assert_eq!((taken, injector.len()), (vec![1, 2, 3], 5));
        let mut rest = Vec::new();
        let put = |item| {
            rest.push(item);
            Ok(())
        };
        assert_eq!(injector.pop_batch(|_| 100, put), Some((5, 4)));
        assert_eq!(rest, [6, 7, 8, 9]);
    }

    #[test]
    fn memory_of_a_burst_is_given_back_once_the_queue_is_empty() {
        let injector = Injector::new();
        (0..=KEEP).for_each(|item| injector.push(item));
        let burst = lock(&injector.queue).capacity();
        while injector.len() > 1 {
            injector.pop();
        }
        assert_eq!(lock(&injector.queue).capacity(), burst);
        injector.pop();
        assert_eq!(lock(&injector.queue).capacity(), 0);
    }
}
