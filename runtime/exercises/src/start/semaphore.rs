//! Exercise 5: so many at a time, and in order of arrival.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::task::{Poll, Waker};

/// Lets so many tasks in at a time.
pub struct Semaphore(Mutex<State>);

struct State {
    free: usize,
    waiting: VecDeque<Waker>,
}

/// The right to be in; given back when it is dropped.
pub struct Permit<'a>(&'a Semaphore);

impl Semaphore {
    /// Lets `permits` in.
    pub fn new(permits: usize) -> Self {
        Semaphore(Mutex::new(State {
            free: permits,
            waiting: VecDeque::new(),
        }))
    }

    /// Waits for a permit.
    ///
    /// Whoever comes by takes a free permit, also past those who wait. Let each have it in turn: give
    /// the permit to the one at the head of the queue, instead of setting it free. And do not lose it
    /// when that one is dropped before it takes it.
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
