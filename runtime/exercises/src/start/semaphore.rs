//! Exercise 5: a semaphore, which tasks enter in the order of their arrival.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::task::{Poll, Waker};

/// Lets a limited number of tasks enter at the same time.
pub struct Semaphore(Mutex<State>);

struct State {
    free: usize,
    waiting: VecDeque<Waker>,
}

/// The right to enter. Dropping the `Permit` returns it to the semaphore.
pub struct Permit<'a>(&'a Semaphore);

impl Semaphore {
    /// Makes a semaphore with this number of permits.
    pub fn new(permits: usize) -> Self {
        Semaphore(Mutex::new(State {
            free: permits,
            waiting: VecDeque::new(),
        }))
    }

    /// Waits for a permit.
    ///
    /// In this version, a newcomer can take a permit before tasks that already wait. Give a returned permit
    /// to the waiter at the head of the queue, instead of freeing it. If that waiter is dropped before it
    /// takes the permit, pass the permit on.
    pub async fn acquire(&self) -> Permit<'_> {
        std::future::poll_fn(|cx| {
            let waker = cx.waker().clone();
            let mut state = self.0.lock().unwrap();
            if state.free > 0 {
                state.free -= 1;
                return Poll::Ready(Permit(self));
            }
            state.waiting.push_back(waker);
            Poll::Pending
        })
        .await
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        let next = {
            let mut state = self.0.0.lock().unwrap();
            state.free += 1;
            state.waiting.pop_front()
        };
        if let Some(waker) = next {
            waker.wake();
        }
    }
}
