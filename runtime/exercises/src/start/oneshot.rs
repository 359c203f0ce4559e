//! Exercise 3: a channel that carries one value from one task to another.

use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

struct Slot<T> {
    value: Option<T>,
    waker: Option<Waker>,
}

/// The sending end.
pub struct Sender<T>(Arc<Mutex<Slot<T>>>);

/// The receiving end, a future that returns the value.
pub struct Receiver<T>(Arc<Mutex<Slot<T>>>);

/// Makes a channel for one value.
pub fn channel<T>() -> (Sender<T>, Receiver<T>) {
    let slot = Arc::new(Mutex::new(Slot {
        value: None,
        waker: None,
    }));
    (Sender(slot.clone()), Receiver(slot))
}

impl<T> Sender<T> {
    /// Sends the value and wakes the task that waits for it.
    pub fn send(self, value: T) {
        let waker = {
            let mut slot = self.0.lock().unwrap();
            slot.value = Some(value);
            slot.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl<T> Future for Receiver<T> {
    type Output = T;

    /// This version keeps the waker of the first poll. But the first poll may come from one task, and a later
    /// poll from another. Find out which task is woken, and correct this function.
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let mut slot = self.0.lock().unwrap();
        if let Some(value) = slot.value.take() {
            return Poll::Ready(value);
        }
        slot.waker.get_or_insert_with(|| cx.waker().clone());
        Poll::Pending
    }
}
