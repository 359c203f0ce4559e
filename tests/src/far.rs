//! Wakes tasks from a thread that belongs to no executor.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::task::{Poll, Waker};
use std::thread::{self, JoinHandle};

/// A handle to a thread that wakes tasks on request.
#[derive(Clone)]
pub struct Far(Sender<Letter>);

/// A waker, and a flag that the thread sets after it has called the waker.
type Letter = (Waker, Arc<AtomicBool>);

impl Far {
    /// Starts the thread. The thread ends once all handles to it are dropped.
    pub fn begin() -> (Self, JoinHandle<()>) {
        let (send, receive) = channel();
        let thread = thread::spawn(move || wake_what_comes(&receive));
        (Far(send), thread)
    }

    /// Asks the thread to wake the calling task, and waits for the wake.
    ///
    /// # Panics
    /// Panics if the thread has ended.
    pub async fn wake(&self) {
        let woken = Arc::<AtomicBool>::default();
        let mut asked = false;
        poll_fn(|cx| {
            if woken.load(Ordering::Acquire) {
                return Poll::Ready(());
            }
            if !asked {
                asked = true;
                let letter = (cx.waker().clone(), woken.clone());
                self.0
                    .send(letter)
                    .expect("the waking thread is still running");
            }
            Poll::Pending
        })
        .await;
    }
}

/// Wakes each task twice: by reference before the task's flag is set, and by value afterwards. During the
/// second wake, a clone of the waker exists.
fn wake_what_comes(receive: &Receiver<Letter>) {
    while let Ok((waker, woken)) = receive.recv() {
        waker.wake_by_ref();
        woken.store(true, Ordering::Release);
        let another = waker.clone();
        waker.wake();
        drop(another);
    }
}
