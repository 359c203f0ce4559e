//! Values that act when they are dropped, and helpers for polls and panics.

use std::any::Any;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};

/// A shared count.
#[derive(Clone, Debug, Default)]
pub struct Tally(Arc<AtomicUsize>);

impl Tally {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn add(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }

    pub fn get(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }

    /// Returns a value that, when it is dropped, adds one to the count.
    pub fn on_drop(&self) -> Dropped<impl FnMut() + Send + use<>> {
        let tally = self.clone();
        Dropped(move || tally.add())
    }
}

/// Runs a closure when it is dropped.
pub struct Dropped<F: FnMut()>(pub F);

impl<F: FnMut()> Drop for Dropped<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// Returns a value that panics with `text` when it is dropped.
pub fn noisy(text: &'static str) -> Dropped<impl FnMut() + Send> {
    Dropped(move || panic!("{text}"))
}

/// Polls a future once, with a waker that does nothing.
pub fn poll_once<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// Returns the message of a panic.
///
/// # Panics
/// Panics if the payload is not text.
pub fn text_of(payload: &(dyn Any + Send)) -> &str {
    payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .expect("a payload of text")
}
