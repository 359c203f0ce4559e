//! Foreign wakers, which are not brigade's own. A task handle or a socket gets such a waker when a task of
//! another executor awaits the handle or the socket.

use std::future::Future;
use std::mem::ManuallyDrop;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, RawWaker, RawWakerVTable, Wake, Waker};
use std::thread::{self, Thread};

/// A waker that counts its calls.
#[derive(Debug, Default)]
pub struct CountingWaker(AtomicUsize);

impl CountingWaker {
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    pub fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

impl Wake for CountingWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// User code that runs when a [`hooked_waker`] is cloned, woken (by value or by reference) or dropped.
pub trait Hooks: Send + Sync + 'static {
    fn on_clone(&self) {}
    fn on_wake(&self) {}
    fn on_drop(&self) {}
}

/// Makes a foreign waker whose functions call `hooks`.
pub fn hooked_waker<H: Hooks>(hooks: Arc<H>) -> Waker {
    // SAFETY: the functions of the table below keep the contract of `RawWaker`: the data is a
    // counted reference, and `H` is `Send + Sync`.
    unsafe { Waker::from_raw(raw(hooks)) }
}

fn raw<H: Hooks>(hooks: Arc<H>) -> RawWaker {
    RawWaker::new(
        Arc::into_raw(hooks).cast(),
        const {
            &RawWakerVTable::new(
                |data| {
                    let hooks = borrow::<H>(data);
                    hooks.on_clone();
                    raw(Arc::clone(&hooks))
                },
                |data| {
                    // Release the reference even if the hook panics.
                    let hooks = ManuallyDrop::into_inner(borrow::<H>(data));
                    hooks.on_wake();
                },
                |data| borrow::<H>(data).on_wake(),
                |data| {
                    // Release the reference even if the hook panics.
                    let hooks = ManuallyDrop::into_inner(borrow::<H>(data));
                    hooks.on_drop();
                },
            )
        },
    )
}

/// Returns the `Arc` of a raw waker without taking it: the raw waker still owns the reference.
fn borrow<H>(data: *const ()) -> ManuallyDrop<Arc<H>> {
    // SAFETY: `raw` made the pointer from an `Arc<H>`, whose reference the waker still holds.
    ManuallyDrop::new(unsafe { Arc::from_raw(data.cast()) })
}

pub fn wake_a_clone(waker: &Waker) {
    let clone = waker.clone();
    clone.wake();
}

/// Awaits `future` on this thread, with a waker that unparks the thread and belongs to no executor.
pub fn park_on<F: Future>(future: F) -> F::Output {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}

pub fn poll_with<F: Future + Unpin>(future: &mut F, waker: &Waker) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(waker))
}
