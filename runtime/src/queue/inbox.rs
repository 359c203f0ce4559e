//! The inbox of the single-thread executor. Other threads reach the executor only through it.
//!
//! Any thread can send a [`RemoteOp`] without blocking. `send` returns whether the sender must notify the
//! *owner*, which is the executor's thread. The channel is unbounded, because `wake` calls `send` and must
//! not block: the caller of `wake` may hold a lock that the executor needs (compio #1044). Once the owner
//! drops the receiving end, sending fails, and the sender drops the operation.
//!
//! # The race between sending and parking
//!
//! ```text
//!   sender                             owner
//!   P1  send the operation             S1  asleep := true
//!   P2  fence (SeqCst)                 S2  fence (SeqCst)
//!   P3  asleep? then notify            S3  any operation? then do not park
//!                                      S4  block in the OS until an event or a notification
//! ```
//!
//! One of the two fences comes first. If fence P2 is first, step S3 sees the operation of P1. If fence S2
//! is first, step P3 sees `asleep` and notifies. A notification is an event in the OS, so step S4 ends even
//! if the notification came before S4 began. So the owner never sleeps while an operation waits.
//!
//! Without step S3, the owner could sleep although an operation was sent after its last check. This bug is
//! a *lost wakeup*; the model `no_wake_is_slept_through` finds it. Notifying the owner at every send would
//! also prevent the bug, but would cost a system call each time.

use crate::sync::channel::{Receiver, Sender, unbounded};
use crate::sync::{AtomicBool, Ordering, fence};
use crate::task::raw::RemoteOp;

/// The sending end, and whether the owner is parked.
pub(crate) struct Inbox {
    sender: Sender<RemoteOp>,
    asleep: AtomicBool,
}

impl Inbox {
    /// Returns the inbox, and the receiving end for its owner.
    pub(crate) fn new() -> (Self, Receiver<RemoteOp>) {
        let (sender, receiver) = unbounded();
        let asleep = AtomicBool::new(false);
        (Inbox { sender, asleep }, receiver)
    }

    /// Sends an operation, from any thread. Returns whether the caller must notify the owner.
    #[must_use]
    pub(crate) fn send(&self, op: RemoteOp) -> bool {
        // P1. A failed send returns the operation, which is dropped here.
        if self.sender.send(op).is_err() {
            return false;
        }
        // P2
        fence(Ordering::SeqCst);
        // P3. Because of the swap, only one of several senders notifies.
        self.asleep.load(Ordering::Relaxed) && self.asleep.swap(false, Ordering::Relaxed)
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.sender.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.sender.len()
    }

    /// Performs steps S1 to S3. If an operation waits, returns `false`: the owner must not park.
    pub(crate) fn begin_park(&self) -> bool {
        self.asleep.store(true, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        let nothing = self.is_empty();
        if !nothing {
            self.end_park();
        }
        nothing
    }

    /// Records that the owner is awake again.
    pub(crate) fn end_park(&self) {
        self.asleep.store(false, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::AtomicUsize;
    use std::thread;

    use super::*;
    use crate::test_support::{Refusing, new_task};

    /// Counts dropped futures.
    #[derive(Clone, Default)]
    struct Counter(Arc<AtomicUsize>);

    impl Counter {
        fn get(&self) -> usize {
            self.0.load(Ordering::SeqCst)
        }
        /// Returns an operation that spawns a task. The executor refuses the task, so its future is
        /// dropped.
        fn spawn(&self) -> RemoteOp {
            struct Tell(Counter);
            impl Drop for Tell {
                fn drop(&mut self) {
                    self.0.0.fetch_add(1, Ordering::SeqCst);
                }
            }
            let tell = Tell(self.clone());
            let (unbound, _handle) = new_task(Arc::new(Refusing), async move { drop(tell) });
            RemoteOp::Spawn(unbound)
        }
    }

    #[test]
    fn only_a_sleeping_owner_is_notified_and_once() {
        let dropped = Counter::default();
        let (inbox, receiver) = Inbox::new();
        assert!(!inbox.send(dropped.spawn()));
        // An operation waits, so the owner must not sleep.
        assert!(!inbox.begin_park());
        receiver.try_recv().ok().unwrap().run();
        assert!(inbox.is_empty() && inbox.begin_park());
        assert!(inbox.send(dropped.spawn()));
        assert!(!inbox.send(dropped.spawn()));
        inbox.end_park();
        while let Ok(op) = receiver.try_recv() {
            op.run();
        }
        assert_eq!(dropped.get(), 3);
    }

    /// Once an event from the OS has woken the owner, no sender notifies it.
    #[test]
    fn an_awake_owner_is_not_notified() {
        let dropped = Counter::default();
        let (inbox, _receiver) = Inbox::new();
        assert!(inbox.begin_park());
        inbox.end_park();
        assert!(!inbox.send(dropped.spawn()));
    }

    #[test]
    fn what_is_sent_to_a_closed_inbox_is_dropped_by_its_sender() {
        let dropped = Counter::default();
        let (inbox, receiver) = Inbox::new();
        assert!(!inbox.send(dropped.spawn()));
        assert_eq!(dropped.get(), 0);
        drop(receiver);
        assert_eq!(dropped.get(), 1);
        assert!(!inbox.send(dropped.spawn()));
        assert_eq!(dropped.get(), 2);
    }

    /// Senders race an owner that parks, wakes and finally closes the inbox. Each operation is run or
    /// dropped once. If an operation comes while the owner sleeps, the owner is notified.
    #[test]
    fn no_operation_is_lost() {
        const THREADS: usize = 3;
        let each = if cfg!(miri) { 20 } else { 2000 };
        let (dropped, notified) = (Counter::default(), Arc::new(AtomicUsize::new(0)));
        let (inbox, receiver) = Inbox::new();
        let inbox = Arc::new(inbox);
        let senders: Vec<_> = (0..THREADS)
            .map(|_| {
                let (inbox, dropped, notified) = (inbox.clone(), dropped.clone(), notified.clone());
                thread::spawn(move || {
                    for _ in 0..each {
                        if inbox.send(dropped.spawn()) {
                            notified.fetch_add(1, Ordering::SeqCst);
                        }
                    }
                })
            })
            .collect();
        // The owner runs at least half of the operations. Then it closes the inbox.
        while dropped.get() < THREADS * each / 2 {
            let before = notified.load(Ordering::SeqCst);
            if inbox.begin_park() {
                while notified.load(Ordering::SeqCst) == before {
                    thread::yield_now();
                }
                inbox.end_park();
            }
            while let Ok(op) = receiver.try_recv() {
                op.run();
            }
        }
        drop(receiver);
        for sender in senders {
            sender.join().unwrap();
        }
        assert_eq!(dropped.get(), THREADS * each);
    }
}
