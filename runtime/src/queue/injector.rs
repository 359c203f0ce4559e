//! The queue that all workers share.
//!
//! **Job.** Take tasks from threads that are no workers, and what a worker's own queue had no room
//! for; give them to whichever worker asks.
//!
//! **Owns** an unbounded crossbeam channel, used as a queue. It must not be bounded: `wake` pushes
//! here, and `wake` must never block (compio #1044).
//!
//! **Never** wakes a worker: whoever pushes asks `Idle::to_wake` afterwards.

use crate::sync::channel::{Receiver, Sender, unbounded};

/// See the module.
pub(crate) struct Injector<T> {
    sender: Sender<T>,
    receiver: Receiver<T>,
}

impl<T> Injector<T> {
    pub(crate) fn new() -> Self {
        let (sender, receiver) = unbounded();
        Injector { sender, receiver }
    }

    pub(crate) fn push(&self, item: T) {
        // The receiver is next to the sender, so sending cannot fail.
        let _ = self.sender.send(item);
    }

    #[inline]
    pub(crate) fn pop(&self) -> Option<T> {
        if self.receiver.is_empty() {
            None
        } else {
            self.receiver.try_recv().ok()
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.receiver.len()
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.receiver.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_first_come_first_served_and_knows_its_length() {
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
}
