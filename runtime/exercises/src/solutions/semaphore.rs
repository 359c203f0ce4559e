//! Exercise 5, solved: a returned permit goes straight to the next waiter.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Mutex;
use std::task::{Context, Poll, Waker};

/// Lets a limited number of tasks enter at the same time.
pub struct Semaphore(Mutex<State>);

struct State {
    /// The number of free permits. While it is not 0, no task waits.
    free: usize,
    waiting: VecDeque<(u64, Waker)>,
    /// The tickets of the waiters that were given a permit and have not taken it yet.
    called: Vec<u64>,
    tickets: u64,
}

/// The right to enter. Dropping the `Permit` returns it to the semaphore.
pub struct Permit<'a>(&'a Semaphore);

impl Semaphore {
    /// Makes a semaphore with this number of permits.
    pub fn new(permits: usize) -> Self {
        Semaphore(Mutex::new(State {
            free: permits,
            waiting: VecDeque::new(),
            called: Vec::new(),
            tickets: 0,
        }))
    }

    /// Waits for a permit, in order of arrival.
    pub async fn acquire(&self) -> Permit<'_> {
        let semaphore = self;
        Acquire {
            semaphore,
            ticket: None,
        }
        .await
    }

    /// Hands one permit to the next waiter. If no task waits, frees the permit.
    fn give(&self) {
        let next = {
            let mut state = self.0.lock().unwrap();
            match state.waiting.pop_front() {
                Some((ticket, waker)) => {
                    state.called.push(ticket);
                    Some(waker)
                }
                None => {
                    state.free += 1;
                    None
                }
            }
        };
        // Wake the task after the lock is released.
        if let Some(waker) = next {
            waker.wake();
        }
    }
}

struct Acquire<'a> {
    semaphore: &'a Semaphore,
    ticket: Option<u64>,
}

impl<'a> Future for Acquire<'a> {
    type Output = Permit<'a>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Permit<'a>> {
        let mut waker = cx.waker().clone();
        let mut state = self.semaphore.0.lock().unwrap();
        let Some(ticket) = self.ticket else {
            if state.free > 0 {
                state.free -= 1;
                return Poll::Ready(Permit(self.semaphore));
            }
            let ticket = state.tickets;
            state.tickets += 1;
            state.waiting.push_back((ticket, waker));
            drop(state);
            self.ticket = Some(ticket);
            return Poll::Pending;
        };
        if let Some(at) = state.called.iter().position(|called| *called == ticket) {
            state.called.swap_remove(at);
            drop(state);
            self.ticket = None;
            return Poll::Ready(Permit(self.semaphore));
        }
        if let Some((_, before)) = state.waiting.iter_mut().find(|(own, _)| *own == ticket) {
            std::mem::swap(before, &mut waker);
        }
        // Release the lock before the old waker is dropped.
        drop(state);
        Poll::Pending
    }
}

impl Drop for Acquire<'_> {
    /// Leaves the queue. If this waiter was already given a permit, passes the permit on.
    fn drop(&mut self) {
        let Some(ticket) = self.ticket else { return };
        let mut state = self.semaphore.0.lock().unwrap();
        if let Some(at) = state.waiting.iter().position(|(own, _)| *own == ticket) {
            let left = state.waiting.remove(at);
            drop(state);
            drop(left);
        } else if let Some(at) = state.called.iter().position(|called| *called == ticket) {
            state.called.swap_remove(at);
            drop(state);
            self.semaphore.give();
        }
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        self.0.give();
    }
}
