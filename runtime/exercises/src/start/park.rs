//! Exercise 1: an executor for one future. Its thread sleeps while the future waits.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

/// Runs a future to its end on this thread.
///
/// This version polls again and again, even if nothing has changed. Give it a waker that unparks this thread,
/// and park until the waker is called.
pub fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let mut cx = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut cx) {
            return output;
        }
    }
}
